-- All that the extension puts into a database, so that nothing gets in, out, or open to more people unnoticed.
-- The owner is left out: whoever installs.
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset format unaligned
\pset fieldsep ' | '
\pset null '-'

-- An access list without its owner's part; "default" where none is set, which for functions and types means PUBLIC.
CREATE FUNCTION pg_temp.others(acl aclitem[], owner oid) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN acl IS NULL THEN 'default' ELSE coalesce((
		SELECT string_agg(grantee || ': ' || privileges, ', ' ORDER BY grantee) FROM (
			SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS grantee, string_agg(privilege_type, ' ' ORDER BY privilege_type) AS privileges
				FROM aclexplode(acl) WHERE grantee <> owner GROUP BY 1) AS a), 'owner only') END
$$;
-- Arrays and the types of rows come by themselves; later versions list them too.
CREATE TEMP VIEW member AS SELECT classid, objid FROM pg_depend
	WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'tarot_security') AND deptype = 'e'
		AND NOT (classid = 'pg_type'::regclass AND EXISTS (SELECT FROM pg_type t WHERE t.oid = objid AND (t.typrelid <> 0 OR t.typcategory = 'A')));

-- How many objects of each kind; each is listed below.
SELECT classid::regclass AS kind, count(*) FROM member GROUP BY classid ORDER BY classid::regclass::text COLLATE "C";
SELECT extrelocatable AS relocatable, (SELECT array_agg(e::regclass::text ORDER BY e::regclass::text) FROM unnest(extconfig) AS e) AS dumped FROM pg_extension WHERE extname = 'tarot_security';
SELECT nspname AS schema, pg_temp.others(nspacl, nspowner) AS access FROM pg_namespace JOIN member ON objid = oid AND classid = 'pg_namespace'::regclass;

SELECT relname AS relation, relkind AS kind, pg_temp.others(relacl, relowner) AS access, reloptions AS options, relrowsecurity AS rls, relpersistence AS persistence
	FROM pg_class JOIN member ON objid = oid AND classid = 'pg_class'::regclass ORDER BY relname COLLATE "C";
SELECT relname AS relation, attname AS column, format_type(atttypid, atttypmod) AS type, attnotnull AS not_null, pg_get_expr(adbin, adrelid) AS default, attcollation::regcollation AS collation, attacl AS acl
	FROM pg_class c JOIN member ON objid = c.oid AND classid = 'pg_class'::regclass JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0
		LEFT JOIN pg_attrdef ON adrelid = c.oid AND adnum = attnum ORDER BY relname COLLATE "C", attnum;
SELECT conrelid::regclass AS relation, conname AS constraint, pg_get_constraintdef(oid) AS definition FROM pg_constraint
	WHERE connamespace = 'tarot'::regnamespace AND contype <> 'n' ORDER BY conrelid::regclass::text COLLATE "C", conname COLLATE "C";
SELECT indexrelid::regclass AS index, pg_get_indexdef(indexrelid) AS definition FROM pg_index JOIN member ON objid = indrelid AND classid = 'pg_class'::regclass ORDER BY indexrelid::regclass::text COLLATE "C";
SELECT tgrelid::regclass AS relation, tgname AS trigger, tgenabled AS enabled, pg_get_triggerdef(oid) AS definition FROM pg_trigger
	WHERE tgrelid IN (SELECT objid FROM member WHERE classid = 'pg_class'::regclass) AND NOT tgisinternal ORDER BY tgrelid::regclass::text COLLATE "C", tgname COLLATE "C";

-- Functions: volatility (i, s, v), strictness, parallel safety (s, r, u), leakproof, whose rights, settings, language, who may call.
SELECT oid::regprocedure AS function, format_type(prorettype, NULL) AS result, CASE WHEN proretset THEN 'set' END AS set, provolatile AS volatile,
		CASE WHEN proisstrict THEN 'strict' END AS strict, proparallel AS parallel, CASE WHEN proleakproof THEN 'LEAKPROOF' END AS leakproof,
		CASE WHEN prosecdef THEN 'definer' END AS rights, proconfig AS settings, (SELECT lanname FROM pg_language l WHERE l.oid = prolang) AS language, prokind AS kind,
		pg_get_function_arguments(oid) AS arguments, pg_temp.others(proacl, proowner) AS access
	FROM pg_proc JOIN member ON objid = oid AND classid = 'pg_proc'::regclass ORDER BY oid::regprocedure::text COLLATE "C";
SELECT oid::regprocedure AS c_function, prosrc AS symbol FROM pg_proc JOIN member ON objid = oid AND classid = 'pg_proc'::regclass
	WHERE prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') ORDER BY oid::regprocedure::text COLLATE "C";

-- Types that are no table's, casts, operators and their like, event triggers.
SELECT oid::regtype AS type, typtype AS kind, typcategory AS category, typispreferred AS preferred, typlen AS length, typbyval AS by_value, typalign AS alignment, typstorage AS storage,
		typinput, typoutput, typreceive, typsend, typmodin, typmodout, typanalyze, typsubscript, typcollation, typdefault, pg_temp.others(typacl, typowner) AS access
	FROM pg_type JOIN member ON objid = oid AND classid = 'pg_type'::regclass WHERE typrelid = 0 ORDER BY oid::regtype::text COLLATE "C";
SELECT castsource::regtype AS source, casttarget::regtype AS target, castfunc::regprocedure AS function, castcontext AS context, castmethod AS method
	FROM pg_cast c JOIN member ON objid = c.oid AND classid = 'pg_cast'::regclass ORDER BY castsource::regtype::text COLLATE "C", casttarget::regtype::text COLLATE "C";
SELECT pg_describe_object(classid, objid, 0) AS other_object FROM member
	WHERE classid NOT IN ('pg_namespace'::regclass, 'pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass, 'pg_cast'::regclass, 'pg_event_trigger'::regclass) ORDER BY 1;
SELECT evtname AS event_trigger, evtevent AS event, evtfoid::regprocedure AS function, evtenabled AS enabled, evttags AS tags
	FROM pg_event_trigger e JOIN member ON objid = e.oid AND classid = 'pg_event_trigger'::regclass ORDER BY 1;

-- Settings.
SELECT name, vartype AS type, context, boot_val AS default, min_val AS least, max_val AS most, enumvals AS values, short_desc AS description FROM pg_settings WHERE name LIKE 'tarot\_security.%' ORDER BY name;

-- What belongs to the schema without being the extension's, and the other way round.
SELECT oid::regclass AS stray FROM pg_class WHERE relnamespace = 'tarot'::regnamespace AND relkind NOT IN ('i', 't') AND oid NOT IN (SELECT objid FROM member);
SELECT oid::regprocedure AS stray FROM pg_proc WHERE pronamespace = 'tarot'::regnamespace AND oid NOT IN (SELECT objid FROM member);
SELECT pg_describe_object(classid, objid, 0) AS outside FROM member WHERE classid = 'pg_proc'::regclass AND objid NOT IN (SELECT oid FROM pg_proc WHERE pronamespace = 'tarot'::regnamespace);
-- No roles come with it.
SELECT count(*) AS roles FROM pg_roles WHERE rolname LIKE 'tarot%';

-- masking: tables whose labelled columns show what the role may see of them

CREATE TYPE tarot.mask_site;
COMMENT ON TYPE tarot.mask_site IS 'Where a query reads a labelled column; made by the planner alone.';

CREATE FUNCTION tarot.mask_site_in(cstring) RETURNS tarot.mask_site
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_masking_site_in';

CREATE FUNCTION tarot.mask_site_out(tarot.mask_site) RETURNS cstring
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_masking_site_out';

CREATE TYPE tarot.mask_site (
	INPUT = tarot.mask_site_in,
	OUTPUT = tarot.mask_site_out,
	INTERNALLENGTH = 20,
	ALIGNMENT = int4
);

-- In the place of a labelled column, and of a whole row. Everybody may call them, but nobody has the second argument.
CREATE FUNCTION tarot.masked(value anyelement, site tarot.mask_site) RETURNS anyelement
	LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_masking_masked';

CREATE FUNCTION tarot.masked_row("row" anyelement, site tarot.mask_site) RETURNS anyelement
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_masking_masked_row';

-- ------------------------------------------------------------ privileges

-- Takes the privileges away by which values would be read past their masks: on the table, for they are for all
-- columns, and on labelled columns. Those on the other columns are given back one by one; and who was to read all of
-- the labelled ones gets SELECT on tableoid, which queries ask for in their place (rewrite.c).
CREATE FUNCTION tarot.revoke_values(relation regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	owner CONSTANT oid := (SELECT c.relowner FROM pg_class c WHERE c.oid = relation);
	labelled CONSTANT name[] := ARRAY(SELECT a.attname FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND tarot.class_of_column(relation, a.attnum) IS NOT NULL);
	others CONSTANT text := (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> ALL (labelled));
	held record;
BEGIN
	-- All are listed before the first is revoked, and what others have granted goes with what they were granted.
	FOR held IN
		WITH privileges AS (
			SELECT p.grantee, p.privilege_type AS privilege, p.is_grantable AS grantable, NULL AS "column"
			FROM pg_class c, aclexplode(c.relacl) AS p WHERE c.oid = relation AND p.privilege_type IN ('SELECT', 'REFERENCES', 'TRIGGER')
			UNION ALL SELECT p.grantee, p.privilege_type, p.is_grantable, a.attname
			FROM pg_attribute a, aclexplode(a.attacl) AS p WHERE a.attrelid = relation AND p.privilege_type IN ('SELECT', 'REFERENCES'))
		SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS grantee, privilege,
			bool_or("column" IS NULL) AS all_columns,
			coalesce(bool_or(grantable) FILTER (WHERE "column" IS NULL), false) AS grantable,
			array_agg("column"::text) FILTER (WHERE "column" = ANY (labelled)) AS columns,
			bool_or("column" IS NULL OR "column" = 'tableoid') OR array_agg("column") FILTER (WHERE "column" IS NOT NULL) @> labelled AS reads
		FROM privileges WHERE grantee <> owner GROUP BY 1, 2
	LOOP
		IF held.all_columns THEN
			EXECUTE format('REVOKE %s ON %s FROM %s CASCADE', held.privilege, relation, held.grantee);
			IF held.privilege <> 'TRIGGER' AND others IS NOT NULL THEN
				EXECUTE format('GRANT %s (%s) ON %s TO %s %s', held.privilege, others, relation, held.grantee, CASE WHEN held.grantable THEN 'WITH GRANT OPTION' END);
			END IF;
		ELSIF held.columns IS NOT NULL THEN
			EXECUTE format('REVOKE %s (%s) ON %s FROM %s CASCADE', held.privilege, (SELECT string_agg(quote_ident(c), ', ') FROM unnest(held.columns) AS c), relation, held.grantee);
			IF held.privilege = 'SELECT' AND NOT held.reads THEN
				RAISE WARNING 'role % may no longer read columns % of table "%"', held.grantee, array_to_string(held.columns, ', '), relation
					USING HINT = format('It was not to read all classified columns. If it may, by its grants on their classes: GRANT SELECT (tableoid) ON %s TO %s;', relation, held.grantee);
			END IF;
		END IF;
		IF held.privilege = 'SELECT' AND held.reads THEN
			EXECUTE format('GRANT SELECT (tableoid) ON %s TO %s %s', relation, held.grantee, CASE WHEN held.grantable THEN 'WITH GRANT OPTION' END);
		END IF;
	END LOOP;
END
$$;

CREATE FUNCTION tarot.mask_table(rel regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	kind "char";
	family oid[];
	child regclass;
	copies text;
BEGIN
	IF rel IS NULL THEN
		RAISE EXCEPTION 'rel must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	SELECT c.relkind INTO kind FROM pg_class c WHERE c.oid = rel;
	IF NOT coalesce(kind IN ('r', 'p', 'm', 'f'), false) THEN
		RAISE EXCEPTION '"%" is not a table', rel USING ERRCODE = 'wrong_object_type', HINT = 'For a view there is tarot.create_masking_view().';
	END IF;
	EXECUTE format('SECURITY LABEL FOR tarot_security ON %s %s IS ''masked''', CASE kind WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, rel);

	WITH RECURSIVE below (relation) AS (SELECT rel::oid UNION SELECT i.inhrelid FROM pg_inherits i JOIN below b ON i.inhparent = b.relation)
	SELECT array_agg(b.relation) INTO family FROM below b;
	IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = ANY (family) AND a.attnum > 0 AND tarot.class_of_column(a.attrelid, a.attnum) IS NOT NULL) THEN
		RAISE WARNING 'no column of table "%" has a data class', rel USING HINT = 'Classify columns with tarot.classify_column().';
	END IF;
	FOREACH child IN ARRAY family LOOP
		PERFORM tarot.revoke_values(child);
	END LOOP;

	SELECT string_agg(DISTINCT c.oid::regclass::text, ', ') INTO copies FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class c ON c.oid = r.ev_class
		WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY (family) AND c.relkind = 'm'
			AND tarot.class_of_column(d.refobjid, d.refobjsubid::smallint) IS NOT NULL
			AND NOT EXISTS (SELECT FROM pg_seclabel l WHERE l.provider = 'tarot_security' AND l.classoid = 'pg_class'::regclass AND l.objoid = c.oid AND l.objsubid = 0);
	IF copies IS NOT NULL THEN
		RAISE WARNING 'materialized views keep copies of masked columns: %', copies USING HINT = 'Classify their columns, and mask them, too.';
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.mask_table(regclass) IS
	'Masks a table: whatever query reads its classified columns gets what the role that runs it may see of their classes, values, masks, or an error (42501). Partitions and children are masked with it. Takes away from all but the owner SELECT and REFERENCES on these columns and TRIGGER on the table: grants of classes decide instead, for roles that could SELECT the table, or all of these columns; they keep SELECT on the other columns and get it on tableoid, which stands for the classified ones. Call it again when columns have been classified or privileges granted since. For the owner of the table (42501). Raises 42809 for what is not a table.';

CREATE FUNCTION tarot.unmask_table(rel regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	kind "char";
BEGIN
	IF rel IS NULL THEN
		RAISE EXCEPTION 'rel must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	SELECT c.relkind INTO kind FROM pg_class c JOIN pg_seclabel l ON l.objoid = c.oid AND l.classoid = 'pg_class'::regclass AND l.objsubid = 0 AND l.provider = 'tarot_security'
		WHERE c.oid = rel AND l.label = 'masked';
	IF NOT FOUND THEN
		RAISE EXCEPTION 'table "%" is not masked', rel USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	EXECUTE format('SECURITY LABEL FOR tarot_security ON %s %s IS NULL', CASE kind WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, rel);
END
$$;
COMMENT ON FUNCTION tarot.unmask_table(regclass) IS
	'Unmasks a table, its partitions and children. Privileges come not back: only the owner may read the classified columns, until SELECT is granted on them. For the owner of the table who reads the classes plain (42501). Raises 55000 for a table that is not masked.';

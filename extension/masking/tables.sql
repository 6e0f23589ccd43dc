-- masking: tables that are masked, and who holds what on them
--
-- On a masked table nobody but its owner holds SELECT or REFERENCES on classified columns, nor TRIGGER: what no mask is put in for,
-- whatever the reason, ends in "permission denied". Privileges on the whole table are for classified columns too, so those on the others
-- take their place. The privileges themselves remember that: SELECT on tableoid is asked for where classified columns are read, SELECT on
-- xmin was SELECT on the table, REFERENCES on tableoid and ctid were REFERENCES and TRIGGER. Nothing else can be done with these, a
-- REVOKE on the table takes them along, and they are dumped.

CREATE FUNCTION tarot.added_columns(command pg_ddl_command) RETURNS smallint[]
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_masking_added_columns';

CREATE FUNCTION tarot.check_conversions(command pg_ddl_command) RETURNS void
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_masking_check_conversions';

CREATE FUNCTION tarot.is_masked(relation oid) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN EXISTS (SELECT FROM pg_catalog.pg_seclabel l
		WHERE l.objoid = relation AND l.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND l.objsubid = 0
			AND l.provider = 'tarot_security' AND l.label = 'masked');

-- A table and all that share columns with it by inheritance.
CREATE FUNCTION tarot.relatives(relation oid) RETURNS SETOF oid
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH RECURSIVE family (oid) AS (
			SELECT relation
			UNION
			SELECT CASE i.inhparent WHEN f.oid THEN i.inhrelid ELSE i.inhparent END
			FROM family f JOIN pg_inherits i ON f.oid IN (i.inhparent, i.inhrelid))
		SELECT f.oid FROM family f
	$$;

-- What others than the owner hold; on the table where column is NULL.
CREATE FUNCTION tarot.held_privileges(relation oid, OUT grantee oid, OUT "column" name, OUT number smallint,
		OUT privilege text, OUT grantable boolean) RETURNS SETOF record
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT p.grantee, a.attname, a.attnum, p.privilege_type, bool_or(p.is_grantable)
		FROM pg_class c,
			LATERAL (
				SELECT NULL::name, NULL::smallint, c.relacl
				UNION ALL
				SELECT t.attname, t.attnum, t.attacl FROM pg_attribute t WHERE t.attrelid = c.oid AND NOT t.attisdropped
			) AS a (attname, attnum, acl),
			aclexplode(a.acl) AS p
		WHERE c.oid = relation AND p.grantee <> c.relowner
		GROUP BY p.grantee, a.attname, a.attnum, p.privilege_type
		ORDER BY pg_get_userbyid(p.grantee), a.attnum NULLS FIRST, p.privilege_type
	$$;

CREATE FUNCTION tarot.grant_statement(relation oid, privilege text, columns text, grantee oid, grantable boolean) RETURNS text
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT format('GRANT %s %s ON %s TO %s %s', privilege, '(' || columns || ')', relation::regclass,
			CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
			CASE WHEN grantable THEN 'WITH GRANT OPTION' END)
	$$;

CREATE FUNCTION tarot.revoke_statement(relation oid, privilege text, columns text, grantee oid) RETURNS text
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT format('REVOKE %s %s ON %s FROM %s CASCADE', privilege, '(' || columns || ')', relation::regclass,
			CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END)
	$$;

-- First all is taken, then given: what somebody has passed on goes with what they held. Returns how many statements that were.
CREATE FUNCTION tarot.change_privileges(revokes text[], grants text[]) RETURNS integer
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	statement text;
BEGIN
	FOREACH statement IN ARRAY revokes || grants LOOP
		EXECUTE statement;
	END LOOP;
	RETURN cardinality(revokes || grants);
END
$$;

-- Takes what values would be read by past their masks, where somebody holds such. Who could read all classified columns may go on to
-- ask for them; who could read one of them alone is not to have the others for it.
CREATE FUNCTION tarot.narrow_privileges(relation oid) RETURNS integer
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	classified CONSTANT name[] := ARRAY(SELECT a.attname FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attnum > 0 AND tarot.class_of_column(relation, a.attnum) IS NOT NULL);
	others CONSTANT text := (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> ALL (classified));
	revokes text[] := '{}';
	grants text[] := '{}';
	h record;
BEGIN
	FOR h IN SELECT p.grantee, p.privilege, bool_or(p."column" IS NULL) AS all_columns,
			coalesce(bool_or(p.grantable) FILTER (WHERE p."column" IS NULL), false) AS grantable,
			array_agg(p."column") FILTER (WHERE p."column" = ANY (classified)) AS columns,
			coalesce(array_agg(p."column") FILTER (WHERE p."column" IS NOT NULL), '{}') AS held
		FROM tarot.held_privileges(relation) AS p
		WHERE p.privilege IN ('SELECT', 'REFERENCES', 'TRIGGER')
		GROUP BY p.grantee, p.privilege
		ORDER BY pg_get_userbyid(p.grantee), p.privilege
	LOOP
		IF h.all_columns THEN
			revokes := revokes || tarot.revoke_statement(relation, h.privilege, NULL, h.grantee);
			grants := grants || CASE h.privilege
				WHEN 'SELECT' THEN
					tarot.grant_statement(relation, 'SELECT', concat_ws(', ', others, 'tableoid, ctid, xmin'), h.grantee, h.grantable)
				WHEN 'REFERENCES' THEN
					tarot.grant_statement(relation, 'REFERENCES', concat_ws(', ', others, 'tableoid'), h.grantee, h.grantable)
				ELSE
					tarot.grant_statement(relation, 'REFERENCES', 'ctid', h.grantee, h.grantable) END;
		ELSIF h.columns IS NOT NULL THEN
			revokes := revokes || tarot.revoke_statement(relation, h.privilege,
				(SELECT string_agg(quote_ident(c), ', ') FROM unnest(h.columns) AS c), h.grantee);
			CONTINUE WHEN h.privilege = 'REFERENCES' OR 'tableoid' = ANY (h.held);
			IF h.held @> classified THEN
				grants := grants || tarot.grant_statement(relation, 'SELECT', 'tableoid', h.grantee, false);
			ELSE
				RAISE WARNING 'role % may no longer read columns % of table "%"',
						CASE h.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(h.grantee)) END,
						array_to_string(h.columns, ', '), tarot.relation_name(relation)
					USING DETAIL = 'It was not to read all classified columns.',
						HINT = format('If it may, by its grants on their classes: %s;',
							rtrim(tarot.grant_statement(relation, 'SELECT', 'tableoid', h.grantee, false)));
			END IF;
		END IF;
	END LOOP;
	RETURN tarot.change_privileges(revokes, grants);
END
$$;

-- Those who hold privileges on the table hold them on a column that has no class, too.
CREATE FUNCTION tarot.widen_privileges(relation oid, "column" name) RETURNS integer
	LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT tarot.change_privileges('{}', coalesce(array_agg(
			tarot.grant_statement(relation, h.privilege, quote_ident(widen_privileges."column"), h.grantee, h.grantable)), '{}'))
		FROM tarot.held_privileges(relation) AS h WHERE (h.privilege, h."column") IN (('SELECT', 'xmin'), ('REFERENCES', 'tableoid'))
	$$;

-- Of a table that is not masked any more.
CREATE FUNCTION tarot.restore_privileges(relation oid) RETURNS integer
	LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT tarot.change_privileges(
			coalesce(array_agg(
				tarot.revoke_statement(relation, h.privilege, CASE m.of_table WHEN 'TRIGGER' THEN 'ctid' END, h.grantee)), '{}'),
			coalesce(array_agg(
				tarot.grant_statement(relation, m.of_table, NULL, h.grantee, h.grantable)), '{}'))
		FROM tarot.held_privileges(relation) AS h
			JOIN (VALUES ('SELECT', 'xmin', 'SELECT'), ('REFERENCES', 'tableoid', 'REFERENCES'), ('REFERENCES', 'ctid', 'TRIGGER'))
				AS m (privilege, "column", of_table) USING (privilege, "column")
	$$;

-- A trigger on a masking view gets rows as those see them who write.
CREATE FUNCTION tarot.take_triggers(view oid) RETURNS integer
	LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT tarot.change_privileges(coalesce(array_agg(
			tarot.revoke_statement(take_triggers.view, 'TRIGGER', NULL, h.grantee)), '{}'), '{}')
		FROM tarot.held_privileges(take_triggers.view) AS h WHERE h.privilege = 'TRIGGER'
	$$;

-- ------------------------------------------------------------ masking

CREATE FUNCTION tarot.label_table(relation oid, label text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	EXECUTE format('SECURITY LABEL FOR tarot_security ON %s %s IS %L',
		(SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END
			FROM pg_class c WHERE c.oid = relation),
		relation::regclass, label);
END
$$;

CREATE FUNCTION tarot.require_maskable(relation oid) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	kind CONSTANT "char" := tarot.require_owner(relation, 'rel');
BEGIN
	IF kind NOT IN ('r', 'p', 'm', 'f') THEN
		RAISE EXCEPTION '"%" is not a table', tarot.relation_name(relation) USING ERRCODE = 'wrong_object_type',
			HINT = CASE kind WHEN 'v' THEN 'It shows masks where its tables are masked.' ELSE '' END;
	END IF;
END
$$;

CREATE FUNCTION tarot.mask_table(rel regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	copies text;
BEGIN
	PERFORM tarot.require_maskable(rel);
	PERFORM tarot.label_table(rel, 'masked');
	PERFORM tarot.narrow_privileges(r) FROM tarot.relatives(rel) AS r WHERE tarot.is_masked(r);

	IF NOT EXISTS (SELECT FROM tarot.relatives(rel) AS r JOIN pg_attribute a ON a.attrelid = r AND a.attnum > 0
		WHERE tarot.class_of_column(r, a.attnum) IS NOT NULL)
	THEN
		RAISE WARNING 'no column of table "%" has a data class', tarot.relation_name(rel)
			USING HINT = 'Classify columns with tarot.classify_column().';
	END IF;
	SELECT string_agg(DISTINCT c.oid::regclass::text, ', ') INTO copies
		FROM tarot.relatives(rel) AS r
			JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = r AND d.classid = 'pg_rewrite'::regclass
			JOIN pg_rewrite w ON w.oid = d.objid
			JOIN pg_class c ON c.oid = w.ev_class
		WHERE c.relkind = 'm' AND tarot.class_of_column(d.refobjid, d.refobjsubid::smallint) IS NOT NULL AND NOT tarot.is_masked(c.oid);
	IF copies IS NOT NULL THEN
		RAISE WARNING 'materialized views keep copies of masked columns: %', copies
			USING HINT = 'Classify their columns, and mask them, too.';
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.mask_table(regclass) IS
	'Masks a table: whatever query reads its classified columns gets what the role that runs it may see of their classes: values, masks, '
	'or an error (42501). Partitions and children are masked with it, those that come later too. Grants of classes decide for roles that '
	'hold SELECT on the table. That, REFERENCES and TRIGGER are taken from all but the owner, and given on the other columns instead, '
	'also when they are granted later, so that nothing can read past a mask. For the owner of the table (42501). Raises 42809 for what is '
	'not a table, 55000 for a partition or child. Warns where no column has a class, and of materialized views that keep copies.';

CREATE FUNCTION tarot.unmask_table(rel regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	masked oid[];
BEGIN
	PERFORM tarot.require_maskable(rel);
	IF NOT tarot.is_masked(rel) THEN
		RAISE EXCEPTION 'table "%" is not masked', tarot.relation_name(rel) USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	masked := ARRAY(SELECT r FROM tarot.relatives(rel) AS r WHERE tarot.is_masked(r));
	PERFORM tarot.label_table(rel, NULL);
	PERFORM tarot.restore_privileges(r) FROM unnest(masked) AS r WHERE NOT tarot.is_masked(r);
END
$$;
COMMENT ON FUNCTION tarot.unmask_table(regclass) IS
	'Takes the mask from a table, its partitions and children, and gives back SELECT, REFERENCES and TRIGGER to who held them on the '
	'table; not those on single columns that have a class. For the owner of the table who reads all its classes plain (42501). Raises '
	'42809 for what is not a table, 55000 for one that is not masked, or whose parent is.';

-- ------------------------------------------------------------ what happens to masked tables later

-- The columns that a statement has given to a table, or taken a class from, and those whose label has no meaning any more since they were
-- encrypted: these have their own gate.
CREATE FUNCTION tarot.columns_without_label(relation oid, numbers smallint[], OUT "column" name, OUT encrypted boolean) RETURNS SETOF record
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT a.attname, tarot.class_of_type(a.atttypid, a.atttypmod) IS NOT NULL FROM pg_attribute a
			WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND tarot.class_of_column(a.attrelid, a.attnum) IS NULL
				AND (a.attnum = ANY (numbers)
					OR EXISTS (SELECT FROM pg_seclabel l
						WHERE l.provider = 'tarot_security' AND l.classoid = 'pg_class'::regclass
							AND l.objoid = relation AND l.objsubid = a.attnum))
	$$;

CREATE FUNCTION tarot.follow_masking() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	touched record;
	relation oid;
	added record;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_seclabel l WHERE l.provider = 'tarot_security' AND l.objsubid = 0) THEN
		RETURN;
	END IF;
	FOR touched IN SELECT d.objid, tarot.is_masked(d.objid) AS masked, d.command_tag,
			CASE
				WHEN d.command_tag IN ('CREATE TABLE', 'CREATE FOREIGN TABLE') THEN
					ARRAY(SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = d.objid AND a.attnum > 0 AND a.attinhcount = 0)
				WHEN d.command_tag = 'SECURITY LABEL' THEN ARRAY[d.objsubid::smallint]
				ELSE tarot.added_columns(d.command) END AS columns
		FROM pg_event_trigger_ddl_commands() d
		WHERE d.classid = 'pg_class'::regclass
			AND (tarot.is_masked(d.objid) OR EXISTS (SELECT FROM tarot.masking_views_of(d.objid)))
	LOOP
		PERFORM tarot.check_conversions(d.command) FROM pg_event_trigger_ddl_commands() d
			WHERE d.classid = 'pg_class'::regclass AND d.objid = touched.objid AND touched.masked;
		FOR added IN SELECT * FROM tarot.columns_without_label(touched.objid, touched.columns) LOOP
			IF touched.command_tag <> 'SECURITY LABEL' AND NOT added.encrypted
				AND current_setting('tarot_security.mask_unclassified')::boolean
			THEN
				PERFORM tarot.label_column(touched.objid, added."column", 'unclassified');
			ELSIF touched.masked THEN
				PERFORM tarot.widen_privileges(r, added."column")
					FROM tarot.relatives(touched.objid) AS r JOIN pg_attribute a ON a.attrelid = r AND a.attname = added."column"
					WHERE tarot.is_masked(r);
			END IF;
		END LOOP;
		PERFORM tarot.narrow_privileges(r) FROM tarot.relatives(touched.objid) AS r WHERE tarot.is_masked(r);
		IF touched.command_tag <> 'SECURITY LABEL' AND cardinality(touched.columns) > 0 THEN
			PERFORM tarot.extend_masking_view(v.view, touched.objid) FROM tarot.masking_views_of(touched.objid) AS v WHERE v.follows;
		END IF;
	END LOOP;

	-- Of a grant it is not said on what. Tables of others stay as they are.
	IF tg_tag = 'GRANT' THEN
		FOR relation IN SELECT l.objoid FROM pg_seclabel l JOIN pg_class c ON c.oid = l.objoid
			WHERE l.provider = 'tarot_security' AND l.classoid = 'pg_class'::regclass AND l.objsubid = 0 AND l.label = 'masked'
				AND pg_has_role(c.relowner, 'USAGE')
		LOOP
			IF tarot.narrow_privileges(relation) > 0 THEN
				RAISE NOTICE 'table "%" is masked: what was granted counts for its columns without a data class',
						tarot.relation_name(relation)
					USING HINT = 'Of the others grants of their classes decide: tarot.grant_class().';
			END IF;
		END LOOP;
		FOR relation IN SELECT l.objoid FROM pg_seclabel l JOIN pg_class c ON c.oid = l.objoid
			WHERE l.provider = 'tarot_security' AND l.classoid = 'pg_class'::regclass AND l.objsubid = 0
				AND starts_with(l.label, 'masking') AND pg_has_role(c.relowner, 'USAGE')
		LOOP
			IF tarot.take_triggers(relation) > 0 THEN
				RAISE NOTICE 'masking view "%" has triggers of its owner only', tarot.relation_name(relation)
					USING HINT = 'The trigger of another role would see what others see.';
			END IF;
		END LOOP;
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.follow_masking() IS
	'Event trigger: what is granted on a masked table counts for its columns without a data class, and a new column is masked until it is '
	'classified (tarot_security.mask_unclassified).';
CREATE EVENT TRIGGER tarot_security_follow_masking ON ddl_command_end
	WHEN TAG IN ('GRANT', 'CREATE TABLE', 'ALTER TABLE', 'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE', 'CREATE SCHEMA', 'SECURITY LABEL')
	EXECUTE FUNCTION tarot.follow_masking();

CREATE VIEW tarot.masked_tables AS
	SELECT l.objoid::pg_catalog.regclass AS "table", k.classified, k.unclassified, k.open
	FROM pg_catalog.pg_seclabel l CROSS JOIN LATERAL (
		SELECT coalesce(array_agg(a.attname ORDER BY a.attnum) FILTER (WHERE a.class <> 'unclassified'), '{}') AS classified,
			coalesce(array_agg(a.attname ORDER BY a.attnum) FILTER (WHERE a.class = 'unclassified'), '{}') AS unclassified,
			coalesce(array_agg(a.attname ORDER BY a.attnum) FILTER (WHERE a.class IS NULL), '{}') AS open
		FROM (SELECT t.attname, t.attnum, tarot.class_of_column(t.attrelid, t.attnum) AS class FROM pg_catalog.pg_attribute t
			WHERE t.attrelid = l.objoid AND t.attnum > 0 AND NOT t.attisdropped) AS a) AS k
	WHERE l.provider = 'tarot_security' AND l.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND l.objsubid = 0
		AND l.label = 'masked';
COMMENT ON VIEW tarot.masked_tables IS 'Tables that tarot.mask_table() has masked, with their partitions and children.';
COMMENT ON COLUMN tarot.masked_tables."table" IS 'The table.';
COMMENT ON COLUMN tarot.masked_tables.classified IS 'The columns that show what grants of their classes allow.';
COMMENT ON COLUMN tarot.masked_tables.unclassified IS
	'The columns that nobody sees until tarot.classify_column() or tarot.unclassify_column() says what they are.';
COMMENT ON COLUMN tarot.masked_tables.open IS 'The columns that are no class''s: who may select from the table sees them.';
GRANT SELECT ON tarot.masked_tables TO pg_monitor;

REVOKE ALL ON FUNCTION tarot.follow_masking() FROM PUBLIC;

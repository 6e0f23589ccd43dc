-- subjects: what there is of one. With the rights of who asks: what the caller may not see is not in it, and it says so.

CREATE FUNCTION tarot.sight_of_class(class text) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_subjects_sight_of_class';

-- What a class is for and who is shown its values, where the caller may know.
CREATE FUNCTION tarot.export_of_class(class text) RETURNS jsonb
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	recipients jsonb;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = 'tarot.class_access'::regclass AND has_table_privilege(c.oid, 'SELECT')) THEN
		RETURN jsonb_build_object('class', class);
	END IF;
	EXECUTE 'SELECT jsonb_agg(DISTINCT jsonb_build_object(''role'', a.grantee, ''read'', a.read)) FROM tarot.class_access a WHERE a.class = $1 AND a.read <> ''none'' AND a.valid_until > now()' INTO recipients USING class;
	RETURN jsonb_strip_nulls(jsonb_build_object('class', class, 'purposes', (SELECT to_jsonb(c.purposes) FROM (SELECT tarot.class_purposes(class)) AS c (purposes)), 'recipients', recipients));
EXCEPTION WHEN undefined_object THEN
	-- A class that does not exist.
	RETURN jsonb_build_object('class', class);
END
$$;

-- Columns, and which of them this role reads, masked or not at all; and what is put into the document. Of a type of somebody's who is no
-- superuser that is its text: JSON would be made by a cast of the type's owner, with the rights of who exports.
CREATE FUNCTION tarot.exported_columns(relation oid) RETURNS TABLE ("column" name, class text, sight text, expression text)
	LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT a.attname, k.class, CASE
				WHEN NOT (has_column_privilege(a.attrelid, a.attnum, 'SELECT') OR k.class IS NOT NULL AND k.plain AND tarot.is_masked(a.attrelid) AND has_column_privilege(a.attrelid, 'tableoid', 'SELECT')) THEN 'none'
				WHEN k.class IS NULL OR k.plain AND NOT tarot.is_masked(a.attrelid) THEN 'plain'
				ELSE tarot.sight_of_class(k.class) END,
			CASE WHEN b.trusted THEN format('t0.%I', a.attname) ELSE format('CASE WHEN t0.%1$I IS DISTINCT FROM NULL THEN pg_catalog.format(%2$L, t0.%1$I) END AS %1$I', a.attname, '%s') END
			FROM pg_attribute a, LATERAL (SELECT tarot.class_of_type(a.atttypid, a.atttypmod) AS sealed) AS t, LATERAL (SELECT coalesce(t.sealed, tarot.class_of_column(a.attrelid, a.attnum)) AS class, t.sealed IS NULL AS plain) AS k,
				LATERAL (WITH RECURSIVE base (oid) AS (SELECT a.atttypid UNION SELECT d.typbasetype FROM base JOIN pg_type d ON d.oid = base.oid WHERE d.typtype = 'd')
					SELECT r.rolsuper AS trusted FROM base JOIN pg_type d ON d.oid = base.oid JOIN pg_roles r ON r.oid = d.typowner WHERE d.typtype <> 'd') AS b
			WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
	$$;

-- How long the rows of a table are kept, where the caller may know; "until" is when the last of the subject's would go. Conditions of policies
-- are told and not asked: they are code of the table's owner.
CREATE FUNCTION tarot.export_of_retention(relation oid, subject text) RETURNS jsonb
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	policies jsonb;
	p jsonb;
	until timestamptz;
	exported jsonb := '[]';
BEGIN
	IF NOT has_table_privilege('tarot.retention_status', 'SELECT') THEN
		RETURN NULL;
	END IF;
	EXECUTE 'SELECT coalesce(jsonb_agg(to_jsonb(s) ORDER BY s.policy), ''[]'') FROM (SELECT r.policy, r."table"::oid AS relation, r.action, r.age_column, r.keep, r."where", r.legal_basis FROM tarot.retention_status r
		WHERE r."table"::oid IN (SELECT m.member FROM tarot.relation_tree($1) m)) AS s' INTO policies USING relation;
	FOR p IN SELECT jsonb_array_elements(policies) LOOP
		until := NULL;
		IF (SELECT e.sight = 'plain' FROM tarot.exported_columns(relation) e WHERE e."column" = p->>'age_column') THEN
			EXECUTE format('SELECT max(t0.%I)::timestamptz + $2 FROM %s t0 WHERE %s', p->>'age_column', relation::regclass, tarot.subject_condition(relation)) INTO until USING subject, (p->>'keep')::interval;
		END IF;
		exported := exported || jsonb_strip_nulls(p - 'relation' || jsonb_build_object('until', until));
	END LOOP;
	RETURN exported;
END
$$;

CREATE FUNCTION tarot.export_subject_lines(subject text) RETURNS SETOF text
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET intervalstyle = 'iso_8601' SET bytea_output = 'hex' SET extra_float_digits = 1
	AS $$
DECLARE
	missing jsonb := '[]';
	relation regclass;
	described jsonb;
	shown text;
	line text;
	found bigint;
	kept jsonb;
BEGIN
	PERFORM tarot.require_subject(subject);
	RETURN NEXT json_build_object('subject', subject, 'database', current_database(), 'exported_at', now(), 'exported_by', current_user);
	FOR relation IN SELECT r FROM tarot.registered_tables() r UNION ALL SELECT unnest('{tarot.consent,tarot.subject_restriction,tarot.subject_request}'::regclass[]) LOOP
		SELECT jsonb_object_agg(e."column", CASE WHEN e.class IS NOT NULL THEN tarot.export_of_class(e.class) ELSE '{}' END || CASE WHEN e.sight <> 'plain' THEN jsonb_build_object('shown', e.sight) ELSE '{}' END)
				FILTER (WHERE e.class IS NOT NULL OR e.sight <> 'plain'),
			string_agg(e.expression, ', ' ORDER BY e.number) FILTER (WHERE e.sight <> 'none')
			INTO described, shown FROM (SELECT c.*, row_number() OVER () AS number FROM tarot.exported_columns(relation) c) AS e;
		missing := missing || coalesce(CASE WHEN shown IS NULL THEN jsonb_build_object('table', relation, 'reason', 'not permitted') END, (SELECT jsonb_agg(jsonb_build_object('table', relation, 'column', e."column", 'reason', CASE e.sight WHEN 'masked' THEN 'masked' ELSE 'not permitted' END)) FROM tarot.exported_columns(relation) e WHERE e.sight <> 'plain'), '[]');
		found := 0;
		BEGIN
			IF row_security_active(relation) THEN
				missing := missing || jsonb_build_object('table', relation, 'reason', 'row security');
			END IF;
			IF shown IS NOT NULL THEN
				FOR line IN EXECUTE format('SELECT row_to_json(r) FROM (SELECT %s FROM %s t0 WHERE %s) AS r', shown, relation, CASE WHEN relation IN ('tarot.consent'::regclass, 'tarot.subject_restriction'::regclass, 'tarot.subject_request'::regclass) THEN 't0.subject = $1' ELSE tarot.subject_condition(relation) END) USING subject LOOP
					found := found + 1;
					RETURN NEXT format('{"table":%s,"row":%s}', to_json(relation::text), line);
				END LOOP;
			END IF;
		EXCEPTION WHEN insufficient_privilege THEN
			missing := missing || jsonb_build_object('table', relation, 'reason', 'not permitted');
		END;
		kept := NULL;
		IF shown IS NOT NULL AND relation NOT IN ('tarot.consent'::regclass, 'tarot.subject_restriction'::regclass, 'tarot.subject_request'::regclass) THEN
			BEGIN
				kept := tarot.export_of_retention(relation, subject);
			EXCEPTION WHEN insufficient_privilege THEN
			END;
		END IF;
		RETURN NEXT jsonb_build_object('table', relation, 'rows', found, 'columns', coalesce(described, '{}')) || CASE WHEN kept IS NOT NULL THEN jsonb_build_object('retention', kept) ELSE '{}' END;
	END LOOP;
	RETURN NEXT json_build_object('complete', missing = '[]', 'missing', missing);
END
$$;
COMMENT ON FUNCTION tarot.export_subject_lines(text) IS
	'The document of tarot.export_subject() in lines of JSON, for what is large: one about the subject; of each table its rows, each {"table", "row"}, and then {"table", "rows": how many, "columns", "retention"}; last {"complete", "missing"}. Without that last line it was cut off.';

CREATE FUNCTION tarot.export_subject(subject text) RETURNS jsonb
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH line AS MATERIALIZED (SELECT l::jsonb AS line, number FROM tarot.export_subject_lines(subject) WITH ORDINALITY AS e (l, number)),
			own AS (SELECT line->>'table' AS name, jsonb_agg(line->'row' ORDER BY number) AS rows FROM line WHERE line ? 'row' GROUP BY 1)
		SELECT (SELECT line FROM line WHERE line ? 'subject')
			|| jsonb_build_object('tables', coalesce((SELECT jsonb_object_agg(line->>'table', jsonb_build_object('columns', line->'columns', 'rows', coalesce(own.rows, '[]')) || CASE WHEN line ? 'retention' THEN jsonb_build_object('retention', line->'retention') ELSE '{}' END)
				FROM line LEFT JOIN own ON own.name = line->>'table' WHERE line ? 'rows'), '{}'))
			|| (SELECT line FROM line WHERE line ? 'missing')
	$$;
COMMENT ON FUNCTION tarot.export_subject(text) IS
	'All rows of a data subject in the registered tables, and its consents, restrictions and requests, as one document: {"subject", "database", "exported_at", "exported_by", "tables": {name: {"columns": {name: {"class", "purposes", "recipients", "shown"}}, "rows": [...], "retention": [{"policy", "action", "age_column", "keep", "where", "legal_basis", "until"}]}}, "complete", "missing": [{"table", "column", "reason"}]}. With the privileges of its caller, whose grants on data classes say which values are plain and which are masks; where something is not shown, complete is false and missing says what. Values of types that belong to no superuser are in it as text. Of columns those with a data class or a limit are described; who receives them by roles that read SELECT on tarot.class_access. How long a table''s rows are kept, by which retention policies, is told to roles that read SELECT on tarot.retention_status; "until" is when the last of the subject''s rows would go, and a condition (where) is told, and not asked. Times are in UTC. For whom EXECUTE is granted, on tarot.export_subject_lines() as well. A class that is shown for stated purposes alone needs one (TS401). Raises 22023 for an empty subject, 55000 where a registration cannot be gone by.';

REVOKE ALL ON FUNCTION tarot.export_subject_lines(text), tarot.export_subject(text) FROM PUBLIC;

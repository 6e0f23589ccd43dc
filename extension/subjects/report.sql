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
	EXECUTE 'SELECT jsonb_agg(DISTINCT jsonb_build_object(''role'', a.grantee, ''read'', a.read)) '
			'FROM tarot.class_access a WHERE a.class = $1 AND a.read <> ''none'' AND a.valid_until > now()'
		INTO recipients USING class;
	RETURN jsonb_strip_nulls(jsonb_build_object('class', class,
		'purposes', (SELECT to_jsonb(c.purposes) FROM (SELECT tarot.class_purposes(class)) AS c (purposes)),
		'recipients', recipients));
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
		SELECT a.attname, k.class,
				CASE
					WHEN NOT (has_column_privilege(a.attrelid, a.attnum, 'SELECT')
							OR k.class IS NOT NULL AND k.plain AND tarot.is_masked(a.attrelid)
								AND has_column_privilege(a.attrelid, 'tableoid', 'SELECT'))
						THEN 'none'
					WHEN k.class IS NULL OR k.plain AND NOT tarot.is_masked(a.attrelid) THEN 'plain'
					ELSE tarot.sight_of_class(k.class)
				END,
				CASE WHEN b.trusted THEN format('t0.%I', a.attname)
					ELSE format('CASE WHEN t0.%1$I IS DISTINCT FROM NULL THEN pg_catalog.format(%2$L, t0.%1$I) END AS %1$I',
						a.attname, '%s')
				END
			FROM pg_attribute a,
				LATERAL (SELECT tarot.class_of_type(a.atttypid, a.atttypmod) AS sealed) AS t,
				LATERAL (
					SELECT coalesce(t.sealed, tarot.class_of_column(a.attrelid, a.attnum)) AS class, t.sealed IS NULL AS plain
				) AS k,
				LATERAL (
					WITH RECURSIVE base (oid) AS (
						SELECT a.atttypid
						UNION SELECT d.typbasetype FROM base JOIN pg_type d ON d.oid = base.oid WHERE d.typtype = 'd'
					)
					SELECT r.rolsuper AS trusted
						FROM base
							JOIN pg_type d ON d.oid = base.oid
							JOIN pg_roles r ON r.oid = d.typowner
						WHERE d.typtype <> 'd'
				) AS b
			WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
			ORDER BY a.attnum
	$$;

-- How long the rows of a table are kept, where the caller may know; "until" is when the last of the subject's would go. Conditions of
-- policies are told and not asked: they are code of the table's owner.
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
	EXECUTE 'SELECT coalesce(jsonb_agg(to_jsonb(s) ORDER BY s.policy), ''[]'') FROM (SELECT r.policy, r."table"::oid AS relation, '
		'r.action, r.age_column, r.keep, r."where", r.legal_basis FROM tarot.retention_status r
		WHERE r."table"::oid IN (SELECT m.member FROM tarot.relation_tree($1) m)) AS s'
		INTO policies USING relation;
	FOR p IN SELECT jsonb_array_elements(policies) LOOP
		until := NULL;
		IF (SELECT e.sight = 'plain' FROM tarot.exported_columns(relation) e WHERE e."column" = p->>'age_column') THEN
			EXECUTE format('SELECT max(t0.%I)::timestamptz + $2 FROM %s t0 WHERE %s',
					p->>'age_column', relation::regclass, tarot.subject_condition(relation))
				INTO until USING subject, (p->>'keep')::interval;
		END IF;
		exported := exported || jsonb_strip_nulls(p - 'relation' || jsonb_build_object('until', until));
	END LOOP;
	RETURN exported;
END
$$;

-- ------------------------------------------------------------ the lines, for tarot.export_subject_lines(), by whose settings they are made

CREATE FUNCTION tarot.export_of_subject(subject text) RETURNS text
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.require_subject(subject);
	RETURN json_build_object('subject', subject, 'database', current_database(), 'exported_at', now(), 'exported_by', current_user);
END
$$;

-- Those of ours tell of a subject by a column of that name.
CREATE FUNCTION tarot.export_tables_of_ours() RETURNS oid[]
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT '{tarot.consent,tarot.subject_restriction,tarot.subject_request}'::regclass[]::oid[] $$;

CREATE FUNCTION tarot.export_tables() RETURNS oid[]
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT ARRAY(SELECT r::oid FROM tarot.registered_tables() r) || tarot.export_tables_of_ours() $$;

-- What is told of a table's columns, what of them is missing, and the query for the lines of its rows, of the subject who is $1; NULL:
-- nothing of it is shown.
CREATE FUNCTION tarot.export_of_table(relation oid, OUT described jsonb, OUT missing jsonb, OUT query text) RETURNS record
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	shown text;
BEGIN
	SELECT coalesce(
				jsonb_object_agg(e."column", CASE WHEN e.class IS NOT NULL THEN tarot.export_of_class(e.class) ELSE '{}' END
						|| CASE WHEN e.sight <> 'plain' THEN jsonb_build_object('shown', e.sight) ELSE '{}' END)
					FILTER (WHERE e.class IS NOT NULL OR e.sight <> 'plain'), '{}'),
			coalesce(
				jsonb_agg(jsonb_build_object('table', relation::regclass, 'column', e."column",
						'reason', CASE e.sight WHEN 'masked' THEN 'masked' ELSE 'not permitted' END) ORDER BY e.number)
					FILTER (WHERE e.sight <> 'plain'), '[]'),
			string_agg(e.expression, ', ' ORDER BY e.number) FILTER (WHERE e.sight <> 'none')
		INTO described, missing, shown
		FROM (SELECT c.*, row_number() OVER () AS number FROM tarot.exported_columns(relation) c) AS e;
	IF shown IS NULL THEN
		missing := jsonb_build_array(jsonb_build_object('table', relation::regclass, 'reason', 'not permitted'));
	ELSE
		query := format('SELECT %L || row_to_json(r)::text || ''}'' FROM (SELECT %s FROM %s t0 WHERE %s) AS r',
			format('{"table":%s,"row":', to_json(relation::regclass::text)), shown, relation::regclass,
			CASE WHEN relation = ANY (tarot.export_tables_of_ours()) THEN 't0.subject = $1' ELSE tarot.subject_condition(relation) END);
	END IF;
	IF row_security_active(relation) THEN
		missing := missing || jsonb_build_object('table', relation::regclass, 'reason', 'row security');
	END IF;
END
$$;

-- The line after a table's rows: how many there were, if they were to be read.
CREATE FUNCTION tarot.export_of_end(relation oid, subject text, described jsonb, "rows" bigint, read boolean) RETURNS text
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	kept jsonb;
BEGIN
	IF read AND relation <> ALL (tarot.export_tables_of_ours()) THEN
		BEGIN
			kept := tarot.export_of_retention(relation, subject);
		EXCEPTION WHEN insufficient_privilege THEN
		END;
	END IF;
	RETURN jsonb_build_object('table', relation::regclass, 'rows', "rows", 'columns', described)
		|| CASE WHEN kept IS NOT NULL THEN jsonb_build_object('retention', kept) ELSE '{}' END;
END
$$;

CREATE FUNCTION tarot.export_subject_lines(subject text) RETURNS SETOF text
	LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_subjects_export_subject_lines';
COMMENT ON FUNCTION tarot.export_subject_lines(text) IS
	'The document of tarot.export_subject() in lines of JSON, for what is large: one about the subject; of each table its rows, each '
	'{"table", "row"}, and then {"table", "rows": how many, "columns", "retention"}; last {"complete", "missing"}. Without that last line '
	'it was cut off. All lines are of one snapshot. In the list of what a query selects, or a cursor, each goes out as soon as its row is '
	'read, in little memory; in FROM they are gathered first, in a temporary file where they exceed work_mem, as a cursor WITH HOLD needs '
	'it (0A000). It is read by the role and the identity that began it, also between two FETCH (55000).';

CREATE FUNCTION tarot.export_subject(subject text) RETURNS jsonb
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH line AS MATERIALIZED (
			SELECT l::jsonb AS line, number FROM tarot.export_subject_lines(subject) WITH ORDINALITY AS e (l, number)
		), own AS (
			SELECT line->>'table' AS name, jsonb_agg(line->'row' ORDER BY number) AS rows FROM line WHERE line ? 'row' GROUP BY 1
		)
		SELECT (SELECT line FROM line WHERE line ? 'subject')
			|| jsonb_build_object('tables', coalesce((
				SELECT jsonb_object_agg(line->>'table', jsonb_build_object('columns', line->'columns', 'rows', coalesce(own.rows, '[]'))
						|| CASE WHEN line ? 'retention' THEN jsonb_build_object('retention', line->'retention') ELSE '{}' END)
					FROM line LEFT JOIN own ON own.name = line->>'table'
					WHERE line ? 'rows'), '{}'))
			|| (SELECT line FROM line WHERE line ? 'missing')
	$$;
COMMENT ON FUNCTION tarot.export_subject(text) IS
	'All rows of a data subject in the registered tables, and its consents, restrictions and requests, as one document: {"subject", '
	'"database", "exported_at", "exported_by", "tables": {name: {"columns": {name: {"class", "purposes", "recipients", "shown"}}, "rows": '
	'[...], "retention": [{"policy", "action", "age_column", "keep", "where", "legal_basis", "until"}]}}, "complete", "missing": '
	'[{"table", "column", "reason"}]}. With the privileges of its caller, whose grants on data classes say which values are plain and '
	'which are masks; where something is not shown, complete is false and missing says what. Values of types that belong to no superuser '
	'are in it as text. Of columns those with a data class or a limit are described; who receives them by roles that read SELECT on '
	'tarot.class_access. How long a table''s rows are kept, by which retention policies, is told to roles that read SELECT on '
	'tarot.retention_status; "until" is when the last of the subject''s rows would go, and a condition (where) is told, and not asked. '
	'Times are in UTC. For whom EXECUTE is granted, on tarot.export_subject_lines() as well. A class that is shown for stated purposes '
	'alone needs one (TS401). Raises 22023 for an empty subject, 55000 where a registration cannot be gone by.';

REVOKE ALL ON FUNCTION tarot.export_subject_lines(text), tarot.export_subject(text) FROM PUBLIC;

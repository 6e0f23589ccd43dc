-- subjects: what the audit log tells of one
--
-- An entry tells its row by the primary key, or, where the table has none, by all of the row. Which rows are a subject's their table says,
-- and of those that are gone, and of when, the entries that have the columns which say so.

-- What is asked of the catalog here for each table, and often, is in PL/pgSQL, which plans it once a session.

-- The type that a domain is over, and otherwise the type itself.
CREATE FUNCTION tarot.base_type(type oid) RETURNS oid
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RETURN (
		WITH RECURSIVE base (oid) AS (
			SELECT type
			UNION
			SELECT t.typbasetype FROM base b JOIN pg_type t ON t.oid = b.oid WHERE t.typtype = 'd')
		SELECT b.oid FROM base b JOIN pg_type t ON t.oid = b.oid WHERE t.typtype <> 'd');
END
$$;

-- A column as the log has it, of a row under an alias; NULL where that is an envelope or a mask. All but these types are there as their
-- text, arrays and rows as well: to_jsonb() would take them apart, and call casts of the type's owner.
CREATE FUNCTION tarot.logged_value(relation oid, "column" name, alias text) RETURNS text
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RETURN (SELECT format(
			CASE
				WHEN tarot.base_type(a.atttypid) = ANY (
						'{bool,int2,int4,int8,float4,float8,numeric,date,timestamp,timestamptz,jsonb}'::regtype[]::oid[]) THEN
					'pg_catalog.to_jsonb(%1$I.%2$I)'
				ELSE 'CASE WHEN %1$I.%2$I IS DISTINCT FROM NULL THEN pg_catalog.to_jsonb(pg_catalog.format(%3$L, %1$I.%2$I)) END'
			END, alias, a.attname, '%s')
		FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attname = "column" AND NOT a.attisdropped AND a.attnum > 0
			AND tarot.class_of_type(a.atttypid, a.atttypmod) IS NULL AND tarot.class_of_column(relation, a.attnum) IS NULL);
END
$$;

-- An object of columns as the log has them, under other names; NULL where one of them is not told.
CREATE FUNCTION tarot.logged_object(relation oid, columns name[], alias text, names name[]) RETURNS text
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RETURN (SELECT format('pg_catalog.jsonb_build_object(%s)',
			string_agg(format('%L, %s', u.name, tarot.logged_value(relation, u.col, alias)), ', ' ORDER BY u.position))
		FROM unnest(columns, names) WITH ORDINALITY AS u (col, name, position)
		HAVING bool_and(tarot.logged_value(relation, u.col, alias) IS NOT NULL));
END
$$;

-- The primary key by which entries tell rows; NULL where they do not.
CREATE FUNCTION tarot.logged_key(relation oid) RETURNS name[]
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RETURN (SELECT array_agg(a.attname ORDER BY a.attnum)
		FROM pg_index i
		JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
		WHERE i.indrelid = relation AND i.indisprimary
		HAVING bool_and(tarot.logged_value(relation, a.attname, 't0') IS NOT NULL));
END
$$;

-- The keys by which entries tell rows of a table, its partitions and children, which may have keys of their own.
CREATE FUNCTION tarot.logged_keys(relation oid) RETURNS TABLE (key name[], members oid[])
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
		SELECT k.key, array_agg(m.member)
			FROM tarot.relation_tree(relation, '{r,p}') m
			JOIN pg_class c ON c.oid = m.member AND c.relkind = 'r',
				LATERAL (SELECT tarot.logged_key(m.member)) AS k (key)
			WHERE k.key IS NOT NULL
			GROUP BY k.key;
END
$$;

-- What an entry of a subject's row has in the column that has the subject; NULL where that cannot be told.
CREATE FUNCTION tarot.logged_subject(relation oid, "column" name, subject text) RETURNS jsonb
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RETURN (SELECT jsonb_build_object("column",
			CASE
				WHEN b.type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN
					coalesce(to_jsonb(tarot.try_bigint(subject)), to_jsonb(subject))
				WHEN b.type = 'numeric'::regtype AND subject ~ '^-?(0|[1-9][0-9]*)(\.[0-9]+)?$' THEN to_jsonb(subject::numeric)
				-- With the blanks that it ends with.
				WHEN b.type = 'bpchar'::regtype THEN to_jsonb(rpad(subject, greatest(length(subject), b.typmod - 4)))
				ELSE to_jsonb(subject)
			END)
		FROM pg_attribute a
		JOIN pg_type t ON t.oid = a.atttypid,
			LATERAL (SELECT tarot.base_type(t.oid) AS type, coalesce(nullif(a.atttypmod, -1), t.typtypmod) AS typmod) AS b
		WHERE a.attrelid = relation AND a.attname = "column" AND NOT a.attisdropped
			AND tarot.logged_value(relation, "column", 't0') IS NOT NULL);
END
$$;

-- Entries of tables that do not tell whose they are: neither by a key that its rows have now, nor by all columns that say so. Of those of
-- rows that were deleted the key does not, for it leads nowhere any more.
CREATE FUNCTION tarot.untold_entries(tables tarot.logged_table[]) RETURNS TABLE ("table" oid, of_rows bigint, of_deleted bigint)
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	known text;
	told text;
BEGIN
	SELECT string_agg(format('WHEN %s THEN %s', t.oid,
				coalesce(
					(SELECT string_agg(format('tarot.is_of_columns(e.key, %L)', k.key::text[]), ' OR ')
						FROM tarot.logged_keys(t.oid) k),
					'false')), ' '),
			string_agg(format('WHEN %s THEN %s', t.oid,
				(SELECT string_agg(
						CASE
							WHEN EXISTS (SELECT FROM unnest(s.columns) c WHERE tarot.logged_value(t.oid, c, 't0') IS NULL) THEN 'false'
							ELSE format('(e.old ?& %L OR e.new ?& %1$L) IS TRUE', s.columns::text[])
						END, ' AND ')
					FROM tarot.subject_registrations() s
					WHERE s.relation = t.oid)), ' ')
		INTO known, told
		FROM (SELECT DISTINCT u."table" FROM unnest(tables) u) AS t (oid);
	IF known IS NOT NULL THEN
		RETURN QUERY EXECUTE format('SELECT l."table", count(*) FILTER (WHERE l.of_rows), count(*) FILTER (WHERE NOT l.of_rows)
			FROM (SELECT t."table", '
					'NOT CASE WHEN e.key IS NOT NULL THEN CASE t."table" %1$s END ELSE CASE t."table" %2$s END END AS of_rows, '
					'e.operation = ''D'' AND NOT CASE t."table" %2$s END AS of_deleted
				FROM tarot.audit_entry e JOIN unnest($1) t ON t.system = e.system AND t.relation = e.relation '
				'WHERE e.operation IN (''I'', ''U'', ''D'') AND num_nonnulls(e.key, e.old, e.new) > 0) AS l
			WHERE l.of_rows OR l.of_deleted GROUP BY l."table"', known, told) USING tables;
	END IF;
END
$$;

-- The columns that say whose rows are, of a table and of those below, as far as the log has them as they are.
CREATE FUNCTION tarot.telling_columns(relation oid) RETURNS name[]
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RETURN (SELECT coalesce(array_agg(DISTINCT c.name), '{}')
		FROM (SELECT unnest(s.columns) FROM tarot.subject_registrations() s WHERE s.relation = telling_columns.relation
			UNION
			SELECT unnest(s.parent_columns) FROM tarot.subject_registrations() s WHERE s.parent = telling_columns.relation) AS c (name)
		WHERE tarot.logged_value(telling_columns.relation, c.name, 't0') IS NOT NULL);
END
$$;

-- A subject's rows that are there, as the log would tell them: the key, where there is one, and these columns.
CREATE FUNCTION tarot.subject_rows(subject text) RETURNS SETOF tarot.logged_row
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres' SET bytea_output = 'hex'
	SET extra_float_digits = 1 SET lc_monetary = 'C' SET quote_all_identifiers = off
	AS $$
DECLARE
	registered regclass;
	columns name[];
	own record;
	keyed oid[];
BEGIN
	FOR registered IN SELECT r FROM tarot.registered_tables() r LOOP
		columns := tarot.telling_columns(registered);
		keyed := '{}';
		FOR own IN
			SELECT k.key, k.members
				FROM tarot.logged_keys(registered) k
				WHERE tarot.logged_object(registered, k.key, 't0', k.key) IS NOT NULL
					AND 0 <> ALL (tarot.column_numbers(registered, k.key))
			UNION ALL
			SELECT NULL, NULL
		LOOP
			keyed := keyed || own.members;
			RETURN QUERY
				SELECT registered::oid, nullif(e->0, 'null'), e->1
					FROM jsonb_array_elements(tarot.read_on_subject(
						registered,
						format('SELECT coalesce(pg_catalog.jsonb_agg(DISTINCT pg_catalog.jsonb_build_array(%s, %s)), ''[]'') '
							'FROM %s t0 WHERE t0.tableoid %s AND %s',
							coalesce(tarot.logged_object(registered, own.key, 't0', own.key), 'NULL'),
							coalesce(tarot.logged_object(registered, columns, 't0', columns), '''{}''::pg_catalog.jsonb'),
							registered,
							format(CASE WHEN own.key IS NULL THEN '<> ALL (%L::pg_catalog.oid[])' ELSE '= ANY (%L::pg_catalog.oid[])' END,
								coalesce(own.members, keyed)),
							tarot.subject_condition(registered)),
						subject)) e;
		END LOOP;
	END LOOP;
END
$$;

-- The tables that say who a subject was when: those that have the subject as their key, and refer for it to no other.
CREATE FUNCTION tarot.naming_tables() RETURNS oid[]
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT ARRAY(SELECT s.relation::oid
			FROM tarot.subject_registrations() s
			WHERE s.parent IS NULL AND tarot.logged_key(s.relation) = s.columns
				AND NOT EXISTS (SELECT FROM pg_constraint n
					WHERE n.contype = 'f' AND n.conrelid = s.relation AND n.conkey = s.numbers AND n.confrelid <> n.conrelid
						AND n.confrelid IN (SELECT o.relation FROM tarot.subject_registrations() o)))
	$$;

-- Who a subject was called when: by the keys that the row had which is theirs, in these tables. Of several that bore an identifier it is
-- the one who has it, or had it last.
CREATE FUNCTION tarot.subject_names(subject text, homes oid[], steps tarot.logged_step[])
	RETURNS TABLE (name text, since timestamptz, until timestamptz)
	LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH home AS MATERIALIZED (
				SELECT h.oid, k.name::text, tarot.logged_subject(h.oid, k.name, subject) AS key
					FROM unnest(homes) AS h (oid), LATERAL (SELECT (tarot.logged_key(h.oid))[1]) AS k (name)),
			step AS MATERIALIZED (
				SELECT u.*, h.name, h.key IN (u.key_before, u.key_after) AS called
					FROM unnest(steps) u
					JOIN home h ON h.oid = u."table"),
			life AS MATERIALIZED (
				SELECT DISTINCT ON (s."table") s."table", s.life, max(s.at) OVER (PARTITION BY s."table", s.life) AS called_at
					FROM step s
					WHERE s.called
					ORDER BY s."table", s.present DESC, s.at DESC, s.life)
		SELECT k.name, min(k.since), max(k.until)
			FROM life l
			JOIN step s ON s."table" = l."table" AND s.life = l.life AND s.at <= l.called_at,
				LATERAL (VALUES
					(s.key_before->>s.name, s.since, s.free_until),
					(s.key_after->>s.name, s.at, s.until)) AS k (name, since, until)
			GROUP BY k.name
	$$;

-- What tells rows of tables: who the subject was when, and the rows above.
CREATE FUNCTION tarot.subject_documents(tables oid[], names tarot.logged_document[], below tarot.logged_document[])
	RETURNS SETOF tarot.logged_document
	LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT s.relation::oid, d.document, n.since, n.until
			FROM tarot.subject_registrations() s, unnest(names) n,
				LATERAL (SELECT tarot.logged_subject(s.relation, s.columns[1], n.document #>> '{}')) AS d (document)
			WHERE s.parent IS NULL AND s.relation = ANY (tables) AND d.document IS NOT NULL
		UNION
		SELECT b.* FROM unnest(below) b WHERE b."table" = ANY (tables)
	$$;

-- Which entries are about registered tables. To know takes a reading of the log.
CREATE FUNCTION tarot.logged_subject_tables() RETURNS tarot.logged_table[]
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT ARRAY(SELECT t FROM tarot.logged_tables(ARRAY(SELECT r::oid FROM tarot.registered_tables() r)) t) $$;

-- The entries about a subject's rows, of those that are there (in a snapshot) and those that are gone, and no others: of each row while it
-- was the subject's. Where the log does not tell since when, since another had the key, or ever.
CREATE FUNCTION tarot.subject_entries(
		subject text, there tarot.logged_row[], seen pg_snapshot, logged tarot.logged_table[] DEFAULT tarot.logged_subject_tables())
	RETURNS TABLE ("table" oid, partition oid, place tid, system bigint, transaction xid8, number bigint)
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	-- The sizes of the arrays make the plan.
	SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan SET jit = off
	AS $$
#variable_conflict use_column
DECLARE
	columns CONSTANT jsonb := (
		SELECT coalesce(jsonb_object_agg(r::oid::text, to_jsonb(tarot.telling_columns(r))), '{}') FROM tarot.registered_tables() r);
	homes CONSTANT oid[] := tarot.naming_tables();
	-- Of the tables of one depth after the other, parents before what refers to them. Who the subject was is to be known before: where such
	-- a table is one of those that refer to others, too, they come first, for that alone.
	members oid[];
	of_names boolean;
	tables tarot.logged_table[];
	names tarot.logged_document[] := ARRAY[ROW(0, to_jsonb(subject), '-infinity', 'infinity')::tarot.logged_document];
	named tarot.logged_document[];
	below tarot.logged_document[] := '{}';
	documents tarot.logged_document[];
	keys tarot.logged_row[];
	truncated_members oid[];
	truncated_at timestamptz[];
	keyless tarot.told_entry[];
	steps tarot.logged_step[];
	again boolean;
	owned record;
BEGIN
	FOR members, of_names IN
		WITH RECURSIVE reached (member, depth) AS (
				SELECT s.relation::oid, 0 FROM tarot.subject_registrations() s WHERE s.parent IS NULL
				UNION
				SELECT s.relation::oid, u.depth + 1 FROM reached u JOIN tarot.subject_registrations() s ON s.parent = u.member),
			placed AS (
				SELECT u.member, max(u.depth) AS depth FROM reached u JOIN pg_class c ON c.oid = u.member GROUP BY u.member)
		SELECT r.members, r.depth < 0
			FROM (SELECT -1 AS depth, homes AS members
					WHERE EXISTS (SELECT FROM placed p WHERE p.member = ANY (homes) AND p.depth > 0)
				UNION ALL
				SELECT p.depth, array_agg(p.member) FROM placed p GROUP BY p.depth) AS r
			ORDER BY r.depth
	LOOP
		tables := ARRAY(SELECT t FROM unnest(logged) t WHERE t."table" = ANY (members));
		LOOP
			documents := ARRAY(SELECT d FROM tarot.subject_documents(members, names, below) d);
			WITH RECURSIVE hit AS MATERIALIZED (SELECT * FROM tarot.told_entries(tables, documents)),
				move ("table", one, other) AS MATERIALIZED (
					SELECT h."table", m.one, m.other
						FROM hit h, LATERAL (VALUES (h.key, h.key_after), (h.key_after, h.key)) AS m (one, other)
						WHERE h.operation = 'U' AND h.key_after <> h.key),
				-- What tells a row may be its key.
				key ("table", key) AS (
					(SELECT h."table", h.key FROM hit h WHERE h.tells AND h.key IS NOT NULL
						UNION ALL
						SELECT t."table", t.key FROM unnest(there) t WHERE t."table" = ANY (members) AND t.key IS NOT NULL
						UNION ALL
						SELECT d."table", d.document FROM unnest(documents) d)
					UNION
					SELECT m."table", m.other FROM key k JOIN move m ON m."table" = k."table" AND m.one = k.key)
			SELECT ARRAY(SELECT ROW(k."table", k.key, NULL)::tarot.logged_row FROM key k),
					ARRAY(SELECT h.member FROM hit h WHERE h.operation = 'T' ORDER BY h.at, h.member),
					ARRAY(SELECT h.at FROM hit h WHERE h.operation = 'T' ORDER BY h.at, h.member),
					ARRAY(SELECT h::tarot.told_entry FROM hit h WHERE h.tells AND h.key IS NULL)
				INTO keys, truncated_members, truncated_at, keyless;
			steps := ARRAY(SELECT l FROM tarot.logged_lives(tables, keys, columns, truncated_members, truncated_at, there, seen) l);
			-- Whose tables say who the subject is say since when, and under which names: look for these, too.
			EXIT WHEN NOT members @> homes;
			named := ARRAY(
				SELECT ROW(0, to_jsonb(n.name), n.since, n.until)::tarot.logged_document
					FROM tarot.subject_names(subject, homes, steps) n);
			again := EXISTS (SELECT n.document FROM unnest(named) n EXCEPT SELECT n.document FROM unnest(names) n);
			names := CASE cardinality(named) WHEN 0 THEN names ELSE named END;
			EXIT WHEN NOT again;
		END LOOP;
		CONTINUE WHEN of_names;
		documents := ARRAY(SELECT d FROM tarot.subject_documents(members, names, below) d);
		WITH registered AS MATERIALIZED (
				SELECT s.relation::oid, s.parent::oid, s.columns::text[], s.parent_columns::text[]
					FROM tarot.subject_registrations() s),
			way AS MATERIALIZED (
				SELECT DISTINCT d."table", ARRAY(SELECT k FROM jsonb_object_keys(d.document) k ORDER BY k) AS columns
					FROM unnest(documents) d),
			step AS MATERIALIZED (SELECT u.*, row_number() OVER () AS position FROM unnest(steps) u),
			known AS MATERIALIZED (
				SELECT DISTINCT s."table", k.key
					FROM step s, LATERAL (VALUES (s.key_before), (s.key_after)) AS k (key)
					WHERE s.present),
			-- What a DELETE, or another key, cascades to may be on record after it.
			state AS MATERIALIZED (
				SELECT s.position, s."table", s.present, k.*
					FROM step s,
						LATERAL (VALUES
							(s.key_before, s.before, s.since, s.at, s.free_until),
							(s.key_after, s.after, s.at, s.until, s.until)) AS k (key, document, since, until, free_until)
					WHERE k.document IS NOT NULL),
			telling AS MATERIALIZED (
				SELECT s.*, tarot.columns_of_document(s.document, w.columns) AS told
					FROM state s
					JOIN way w ON w."table" = s."table"
					WHERE s.document ?& w.columns),
			-- It is the subject's now, and nothing tells that it was anybody else's before.
			own AS MATERIALIZED (
				SELECT s.*
					FROM state s
					WHERE s.present
						AND EXISTS (SELECT FROM registered r WHERE r.relation = s."table" AND NOT s.document ?& r.columns)
				UNION
				SELECT t.position, t."table", t.present, t.key, t.document, t.since, t.until, t.free_until
					FROM telling t
					JOIN unnest(documents) d
						ON d."table" = t."table" AND d.document = t.told AND d.since <= t.until AND d.until >= t.since)
		SELECT ARRAY(SELECT DISTINCT o.position FROM own o) AS positions,
				ARRAY(
					SELECT DISTINCT ROW(r.relation, b.document, k.since,
							CASE WHEN k.key ?& r.parent_columns THEN k.free_until ELSE k.until END)::tarot.logged_document
						FROM (SELECT o."table", o.key, o.document, o.since, o.until, o.free_until FROM own o
							-- Of what the log does not know.
							UNION ALL
							SELECT t."table", t.key, t.document, '-infinity', 'infinity', 'infinity'
								FROM unnest(there) t
								WHERE t."table" = ANY (members)
									AND NOT EXISTS (SELECT FROM known n WHERE n."table" = t."table" AND n.key = t.key)) AS k
						JOIN registered r ON r.parent = k."table",
							LATERAL (SELECT jsonb_object_agg(u.name, k.document->u.parent) AS document
								FROM unnest(r.columns, r.parent_columns) AS u (name, parent)) AS b
						-- What refers to nothing is nobody's.
						WHERE k.document ?& r.parent_columns
							AND NOT EXISTS (SELECT FROM jsonb_each(b.document) v WHERE v.value = 'null')) AS below
			INTO owned;
		below := below || owned.below;
		RETURN QUERY
			SELECT s."table", s.partition, s.place, s.system, s.transaction, s.number
				FROM unnest(steps) WITH ORDINALITY AS s (
					"table", life, partition, place, system, transaction, number, operation, at,
					key_before, key_after, before, after, since, until, free_until, present, position)
				JOIN unnest(owned.positions) AS o (position) ON o.position = s.position
			UNION ALL
			SELECT h."table", h.partition, h.place, h.system, h.transaction, h.number
				FROM unnest(keyless) h
				WHERE EXISTS (SELECT FROM unnest(documents) d
					WHERE d."table" = h."table" AND d.document = ANY (h.told) AND h.at BETWEEN d.since AND d.until);
	END LOOP;
END
$$;

-- ------------------------------------------------------------ rectification

CREATE FUNCTION tarot.rectifications(subject text, since timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity')
	RETURNS TABLE (
		recorded_at timestamptz, table_name text, key jsonb, old jsonb, new jsonb, role text, session_role text, identity text,
		client inet, application text, transaction xid8, number bigint)
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	seen CONSTANT pg_snapshot := pg_current_snapshot();
	there tarot.logged_row[];
BEGIN
	PERFORM tarot.require_subject(subject);
	there := ARRAY(SELECT r FROM tarot.subject_rows(subject) r);
	RETURN QUERY
		WITH place AS MATERIALIZED (
			SELECT DISTINCT f.partition, f.place FROM tarot.subject_entries(rectifications.subject, there, seen) f)
		SELECT e.recorded_at, e.table_name, e.key, e.old, e.new, e.role, e.session_role, e.subject, e.client, e.application,
				e.transaction, e.number
			FROM place p
			JOIN tarot.audit_entry e ON e.tableoid = p.partition AND e.ctid = p.place
			WHERE e.operation = 'U' AND e.recorded_at >= coalesce(since, '-infinity') AND e.recorded_at < coalesce(until, 'infinity')
			ORDER BY e.recorded_at, e.system, e.transaction, e.number;
END
$$;
COMMENT ON FUNCTION tarot.rectifications(text, timestamptz, timestamptz) IS
	'What was changed in a data subject''s rows (GDPR, article 16), from a time until before another, by default ever: the UPDATEs that '
	'the audit log has of registered tables that are audited, of rows that are the subject''s now and of those that were when they were '
	'deleted or truncated, with the values of before and after as the log has them (envelopes of encrypted columns, masks of classified '
	'ones), and who did it: role, role of the session, whom a verified token named (identity), address, application. Of each row what was '
	'changed while it was the subject''s, also under keys that it had before; not what was changed in another row that had the key before '
	'it or since, unless the log does not tell where one ended. Reads all of the log, some times. For whom EXECUTE is granted; no '
	'privilege on the log or the tables is needed. Raises 22023 for an empty subject, 55000 where a registration cannot be gone by.';

REVOKE ALL ON FUNCTION tarot.base_type(oid), tarot.logged_keys(oid), tarot.untold_entries(tarot.logged_table[]),
	tarot.telling_columns(oid), tarot.naming_tables(), tarot.subject_names(text, oid[], tarot.logged_step[]),
	tarot.subject_documents(oid[], tarot.logged_document[], tarot.logged_document[]), tarot.logged_subject_tables(),
	tarot.subject_entries(text, tarot.logged_row[], pg_snapshot, tarot.logged_table[]), tarot.logged_value(oid, name, text),
	tarot.logged_object(oid, name[], text, name[]), tarot.logged_key(oid), tarot.logged_subject(oid, name, text),
	tarot.subject_rows(text), tarot.rectifications(text, timestamptz, timestamptz) FROM PUBLIC;

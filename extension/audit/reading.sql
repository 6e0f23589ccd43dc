-- audit: what the log tells of a row, and of a time. With the rights of who asks, who needs SELECT on tarot.audit_log.

CREATE FUNCTION tarot.audit_history(rel regclass, key jsonb)
	RETURNS TABLE (recorded_at timestamptz, operation text, "row" jsonb, changed jsonb, role text, session_role text, subject text,
		client inet, application text, table_name text, transaction xid8, statement bigint, number bigint)
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	tables CONSTANT oid[] := ARRAY(SELECT m.member FROM tarot.relation_tree(rel, '{r,p}') m);
	names CONSTANT text[] := ARRAY(
		SELECT format('%I.%I', n.nspname, c.relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.oid = ANY (tables));
	sought jsonb := audit_history.key;
	-- All that the row, and others that had its keys, have ever had.
	keys jsonb[] := ARRAY[sought];
	i integer := 1;
	e tarot.audit_log;
	-- The entries that are about the row, and what those after each tell of the row as it left it.
	entries tarot.audit_log[] := '{}';
	told jsonb[] := '{}';
	later jsonb := '{}';
	state jsonb := '{}';
BEGIN
	IF rel IS NULL OR sought IS NULL OR jsonb_typeof(sought) <> 'object' OR sought = '{}' THEN
		RAISE EXCEPTION 'rel must be a table, and key an object of its primary key'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'As tarot.audit_log has it: ''{"id": 1}''.';
	END IF;
	-- Each step is a search by one value, for which tarot.create_audit_indexes() makes an index.
	WHILE i <= cardinality(keys) LOOP
		keys := keys || ARRAY(
			SELECT DISTINCT l.key
			FROM tarot.audit_log l
			WHERE tarot.key_after(l.key, l.new) = keys[i] AND tarot.key_after(l.key, l.new) <> l.key AND l.operation = 'UPDATE'
				AND (l.relation = ANY (tables) OR l.table_name = ANY (names)) AND l.key <> ALL (keys));
		i := i + 1;
	END LOOP;
	-- Backwards, since the row may have had other keys. Transactions change a row one after the other, and so are in order by when they
	-- did it.
	FOR e IN
		SELECT l.*
		FROM unnest(keys) AS k (key) JOIN tarot.audit_log l ON l.key = k.key
		WHERE l.operation IN ('INSERT', 'UPDATE', 'DELETE') AND (l.relation = ANY (tables) OR l.table_name = ANY (names))
		ORDER BY min(l.recorded_at) OVER (PARTITION BY l.system, l.transaction) DESC, l.system, l.transaction DESC,
			l.statement DESC, l.number DESC
	LOOP
		IF tarot.key_after(e.key, e.new) = sought THEN
			sought := e.key;
		ELSIF e.key <> sought THEN
			CONTINUE;
		END IF;
		entries := array_prepend(e, entries);
		told := array_prepend(CASE e.operation WHEN 'DELETE' THEN '{}' ELSE later END, told);
		later := CASE e.operation WHEN 'INSERT' THEN '{}' WHEN 'DELETE' THEN e.old ELSE later || e.old END;
	END LOOP;
	FOR i IN 1 .. cardinality(entries) LOOP
		e := entries[i];
		state := CASE e.operation WHEN 'INSERT' THEN e.new WHEN 'UPDATE' THEN state || e.key || e.new ELSE '{}' END;
		RETURN QUERY SELECT e.recorded_at, e.operation,
			CASE WHEN e.operation <> 'DELETE' THEN told[i] || state END,
			CASE e.operation WHEN 'UPDATE' THEN e.old END,
			e.role, e.session_role, e.subject, e.client, e.application, e.table_name, e.transaction, e.statement, e.number;
	END LOOP;
END
$$;
COMMENT ON FUNCTION tarot.audit_history(regclass, jsonb) IS
	'The states of the row of a table that has, or had last, this primary key, in order: each by an entry of tarot.audit_log, with the '
	'whole row as it was then as far as the log tells it (from a column''s first change, or the row''s INSERT or DELETE, on), NULL after '
	'DELETE, and what an UPDATE has changed as it was before. Also under the keys that it had before; and those that had the key before '
	'it. Entries of the table by its OID or name, and of its partitions and children. As it was at a time is the last one until then. '
	'Needs SELECT on tarot.audit_log. Raises 22023 for a null, or a key that is no JSON object.';

CREATE FUNCTION tarot.audit_report(since timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity')
	RETURNS TABLE (table_name text, operation text, role text, session_role text, subject text, entries bigint, transactions bigint,
		first timestamptz, last timestamptz)
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT l.table_name, l.operation, l.role, l.session_role, l.subject,
			count(*), count(DISTINCT (l.system, l.transaction)), min(l.recorded_at), max(l.recorded_at)
		FROM tarot.audit_log l
		WHERE l.recorded_at >= coalesce(since, '-infinity') AND l.recorded_at < coalesce(until, 'infinity')
		GROUP BY l.table_name, l.operation, l.role, l.session_role, l.subject
		ORDER BY l.table_name COLLATE "C" NULLS FIRST, l.operation COLLATE "C", l.role COLLATE "C", l.session_role COLLATE "C",
			l.subject COLLATE "C" NULLS FIRST
	$$;
COMMENT ON FUNCTION tarot.audit_report(timestamptz, timestamptz) IS
	'What is on record from a time until before another, by default all: how many entries and transactions for each table or object, '
	'operation, role and subject, and when the first and the last were. Needs SELECT on tarot.audit_log.';

-- ------------------------------------------------------------ entries of rows,
-- for functions that have the rights of the owner of the extension

-- Of a row as an entry has it those of the columns that are there.
CREATE FUNCTION tarot.columns_of_document(document jsonb, columns text[]) RETURNS jsonb
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT coalesce(jsonb_object_agg(c, document->c), '{}') FROM unnest(columns) c WHERE document ? c $$;

-- Changes of a table, its partitions and children, by their OIDs or names, from a time until before another.
CREATE FUNCTION tarot.changes_of_table(rel oid, since timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity')
	RETURNS TABLE (partition oid, place tid, entry tarot.audit_entry)
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT e.tableoid, e.ctid, e
		FROM tarot.audit_entry e
		WHERE e.operation IN ('I', 'U', 'D') AND e.recorded_at >= since AND e.recorded_at < until
			AND (
				e.relation = ANY (ARRAY(SELECT m.member FROM tarot.relation_tree(rel, '{r,p}') m))
				OR e.table_name = ANY (ARRAY(
					SELECT format('%I.%I', n.nspname, c.relname)
					FROM tarot.relation_tree(rel, '{r,p}') m
						JOIN pg_class c ON c.oid = m.member
						JOIN pg_namespace n ON n.oid = c.relnamespace))
			)
	$$;

-- Those about whatever rows have had this primary key, under keys that they had before, too.
CREATE FUNCTION tarot.entries_of_key(rel oid, sought jsonb)
	RETURNS TABLE (partition oid, place tid, system bigint, transaction xid8, number bigint)
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	tables CONSTANT oid[] := ARRAY(SELECT m.member FROM tarot.relation_tree(rel, '{r,p}') m);
	names CONSTANT text[] := ARRAY(
		SELECT format('%I.%I', n.nspname, c.relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.oid = ANY (tables));
	keys jsonb[] := ARRAY[sought];
	i integer := 1;
BEGIN
	-- As tarot.audit_history() looks for them.
	WHILE i <= cardinality(keys) LOOP
		keys := keys || ARRAY(
			SELECT DISTINCT e.key
			FROM tarot.audit_entry e
			WHERE tarot.key_after(e.key, e.new) = keys[i] AND tarot.key_after(e.key, e.new) <> e.key AND e.operation = 'U'
				AND (e.relation = ANY (tables) OR e.table_name = ANY (names)) AND e.key <> ALL (keys));
		i := i + 1;
	END LOOP;
	RETURN QUERY
		SELECT e.tableoid, e.ctid, e.system, e.transaction, e.number
		FROM unnest(keys) AS k (key) JOIN tarot.audit_entry e ON e.key = k.key
		WHERE e.operation IN ('I', 'U', 'D') AND (e.relation = ANY (tables) OR e.table_name = ANY (names));
END
$$;

REVOKE ALL ON FUNCTION tarot.columns_of_document(jsonb, text[]), tarot.changes_of_table(oid, timestamptz, timestamptz),
	tarot.entries_of_key(oid, jsonb) FROM PUBLIC;

-- subjects: what the audit log tells of one
--
-- An entry tells its row by the primary key, or, where the table has none, by all of the row. Which rows are a subject's their table says, and
-- of those that are gone the entry of their DELETE, or the last one that says so.

-- The type that a domain is over, and otherwise the type itself.
CREATE FUNCTION tarot.base_type(type oid) RETURNS oid
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH RECURSIVE base (oid) AS (SELECT type UNION SELECT t.typbasetype FROM base b JOIN pg_type t ON t.oid = b.oid WHERE t.typtype = 'd')
		SELECT b.oid FROM base b JOIN pg_type t ON t.oid = b.oid WHERE t.typtype <> 'd'
	$$;

-- A column as the log has it, of a row under an alias; NULL where that is an envelope or a mask. All but these types are there as their text,
-- arrays and rows as well: to_jsonb() would take them apart, and call casts of the type's owner.
CREATE FUNCTION tarot.logged_value(relation oid, "column" name, alias text) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT format(CASE WHEN tarot.base_type(a.atttypid) = ANY ('{bool,int2,int4,int8,float4,float8,numeric,date,timestamp,timestamptz,jsonb}'::regtype[]::oid[]) THEN 'pg_catalog.to_jsonb(%1$I.%2$I)'
				ELSE 'CASE WHEN %1$I.%2$I IS DISTINCT FROM NULL THEN pg_catalog.to_jsonb(pg_catalog.format(%3$L, %1$I.%2$I)) END' END, alias, a.attname, '%s')
			FROM pg_attribute a
			WHERE a.attrelid = relation AND a.attname = "column" AND NOT a.attisdropped AND a.attnum > 0 AND tarot.class_of_type(a.atttypid, a.atttypmod) IS NULL AND tarot.class_of_column(relation, a.attnum) IS NULL
	$$;

-- An object of columns as the log has them, under other names; NULL where one of them is not told.
CREATE FUNCTION tarot.logged_object(relation oid, columns name[], alias text, names name[]) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT format('pg_catalog.jsonb_build_object(%s)', string_agg(format('%L, %s', u.name, tarot.logged_value(relation, u.col, alias)), ', ' ORDER BY u.position))
			FROM unnest(columns, names) WITH ORDINALITY AS u (col, name, position) HAVING bool_and(tarot.logged_value(relation, u.col, alias) IS NOT NULL)
	$$;

-- The primary key by which entries tell rows; NULL where they do not.
CREATE FUNCTION tarot.logged_key(relation oid) RETURNS name[]
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT array_agg(a.attname ORDER BY a.attnum) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
			WHERE i.indrelid = relation AND i.indisprimary HAVING bool_and(tarot.logged_value(relation, a.attname, 't0') IS NOT NULL)
	$$;

-- The keys by which entries tell rows of a table, its partitions and children, which may have keys of their own.
CREATE FUNCTION tarot.logged_keys(relation oid) RETURNS TABLE (key name[], members oid[])
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT k.key, array_agg(m.member) FROM tarot.relation_tree(relation, '{r,p}') m JOIN pg_class c ON c.oid = m.member AND c.relkind = 'r', LATERAL (SELECT tarot.logged_key(m.member)) AS k (key)
			WHERE k.key IS NOT NULL GROUP BY k.key
	$$;

-- What an entry of a subject's row has in the column that has the subject; NULL where that cannot be told.
CREATE FUNCTION tarot.logged_subject(relation oid, "column" name, subject text) RETURNS jsonb
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT jsonb_build_object("column", CASE
				WHEN b.type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN coalesce(to_jsonb(tarot.try_bigint(subject)), to_jsonb(subject))
				WHEN b.type = 'numeric'::regtype AND subject ~ '^-?(0|[1-9][0-9]*)(\.[0-9]+)?$' THEN to_jsonb(subject::numeric)
				-- With the blanks that it ends with.
				WHEN b.type = 'bpchar'::regtype THEN to_jsonb(rpad(subject, greatest(length(subject), b.typmod - 4)))
				ELSE to_jsonb(subject) END)
			FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid, LATERAL (SELECT tarot.base_type(t.oid) AS type, coalesce(nullif(a.atttypmod, -1), t.typtypmod) AS typmod) AS b
			WHERE a.attrelid = relation AND a.attname = "column" AND NOT a.attisdropped AND tarot.logged_value(relation, "column", 't0') IS NOT NULL
	$$;

-- Entries of a table that do not tell whose they are: neither by a key that its rows have now, nor by all columns that say so. Of those of
-- rows that were deleted the key does not, for it leads nowhere any more.
CREATE FUNCTION tarot.untold_entries(rel oid, OUT of_rows bigint, OUT of_deleted bigint) RETURNS record
	LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH key (columns) AS MATERIALIZED (SELECT k.key::text[] FROM tarot.logged_keys(rel) k),
			way (columns) AS MATERIALIZED (SELECT CASE WHEN NOT EXISTS (SELECT FROM unnest(s.columns) c WHERE tarot.logged_value(rel, c, 't0') IS NULL) THEN s.columns::text[] END
				FROM tarot.subject_registrations() s WHERE s.relation = rel)
		SELECT count(*) FILTER (WHERE CASE WHEN e.key IS NULL THEN NOT e.told ELSE NOT e.known END), count(*) FILTER (WHERE e.operation = 'D' AND e.known AND NOT e.told)
			FROM (SELECT (c.entry).key, (c.entry).operation,
					(c.entry).key IS NOT NULL AND EXISTS (SELECT FROM key k WHERE (c.entry).key ?& k.columns AND (SELECT count(*) FROM jsonb_object_keys((c.entry).key)) = cardinality(k.columns)) AS known,
					NOT EXISTS (SELECT FROM way w WHERE ((c.entry).old ?& w.columns OR (c.entry).new ?& w.columns) IS NOT TRUE) AS told
				FROM tarot.changes_of_table(rel) c WHERE num_nonnulls((c.entry).key, (c.entry).old, (c.entry).new) > 0) AS e
	$$;

-- By what entries about a subject's rows of a table are found.
CREATE TYPE tarot.logged_rows AS (relation oid, keys jsonb[], documents jsonb[]);

-- Keys of a subject's rows, of those that are there and those that are gone, and what else entries tell them by; parents before what refers to them.
CREATE FUNCTION tarot.subject_rows(subject text) RETURNS SETOF tarot.logged_rows
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres' SET bytea_output = 'hex' SET extra_float_digits = 1 SET lc_monetary = 'C' SET quote_all_identifiers = off
	AS $$
DECLARE
	r tarot.subject_table;
	logged tarot.logged_rows;
	own record;
	object text;
	-- By the table's OID.
	known jsonb := '{}';
BEGIN
	FOR logged.relation IN WITH RECURSIVE reached (member, depth) AS (SELECT s.relation::oid, 0 FROM tarot.subject_registrations() s WHERE s.parent IS NULL
				UNION SELECT s.relation, u.depth + 1 FROM reached u JOIN tarot.subject_registrations() s ON s.parent = u.member)
			SELECT u.member FROM reached u JOIN pg_class c ON c.oid = u.member GROUP BY u.member ORDER BY max(u.depth), u.member::regclass::text COLLATE "C" LOOP
		logged.documents := '{}';
		logged.keys := '{}';
		FOR r IN SELECT * FROM tarot.subject_registrations() s WHERE s.relation = logged.relation ORDER BY s.columns LOOP
			IF r.parent IS NULL THEN
				logged.documents := array_remove(logged.documents || tarot.logged_subject(r.relation, r.columns[1], subject), NULL);
				CONTINUE;
			END IF;
			object := tarot.logged_object(r.parent, r.parent_columns, 't0', r.columns);
			IF object IS NOT NULL THEN
				logged.documents := logged.documents || ARRAY(SELECT e FROM jsonb_array_elements(tarot.read_on_subject(r.parent,
					format('SELECT coalesce(pg_catalog.jsonb_agg(DISTINCT %s), ''[]'') FROM %s t0 WHERE %s', object, r.parent, tarot.subject_condition(r.parent)), subject)) e);
			END IF;
			logged.documents := logged.documents || ARRAY(SELECT o.object FROM jsonb_array_elements(known->(r.parent::oid::text)) AS k (key),
				LATERAL (SELECT jsonb_object_agg(u.name, k.key->(u.parent::text)) AS object FROM unnest(r.columns, r.parent_columns) AS u (name, parent)) AS o WHERE k.key ?& r.parent_columns::text[]);
		END LOOP;
		-- What refers to nothing is nobody's.
		logged.documents := ARRAY(SELECT DISTINCT d FROM unnest(logged.documents) d WHERE NOT EXISTS (SELECT FROM jsonb_each(d) v WHERE v.value = 'null'));
		FOR own IN SELECT * FROM tarot.logged_keys(logged.relation) l WHERE tarot.logged_object(logged.relation, l.key, 't0', l.key) IS NOT NULL AND 0 <> ALL (tarot.column_numbers(logged.relation, l.key)) LOOP
			logged.keys := logged.keys || ARRAY(SELECT e FROM jsonb_array_elements(tarot.read_on_subject(logged.relation,
					format('SELECT coalesce(pg_catalog.jsonb_agg(%s), ''[]'') FROM %s t0 WHERE t0.tableoid = ANY (%L::pg_catalog.oid[]) AND %s', tarot.logged_object(logged.relation, own.key, 't0', own.key), logged.relation::regclass, own.members, tarot.subject_condition(logged.relation)), subject)) e);
		END LOOP;
		logged.keys := ARRAY(SELECT d FROM unnest(logged.keys) d UNION SELECT d FROM tarot.told_keys(logged.relation, logged.documents) d);
		known := known || jsonb_build_object(logged.relation::text, to_jsonb(logged.keys));
		RETURN NEXT logged;
	END LOOP;
END
$$;

-- ------------------------------------------------------------ rectification

CREATE FUNCTION tarot.rectifications(subject text, since timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity')
	RETURNS TABLE (recorded_at timestamptz, table_name text, key jsonb, old jsonb, new jsonb, role text, session_role text, identity text, client inet, application text, transaction xid8, number bigint)
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	PERFORM tarot.require_subject(subject);
	RETURN QUERY
		WITH place AS MATERIALIZED (SELECT DISTINCT f.partition, f.place FROM tarot.subject_rows(rectifications.subject) r, tarot.entries_of_rows(r.relation, r.keys, r.documents) f)
		SELECT e.recorded_at, e.table_name, e.key, e.old, e.new, e.role, e.session_role, e.subject, e.client, e.application, e.transaction, e.number
			FROM place p JOIN tarot.audit_entry e ON e.tableoid = p.partition AND e.ctid = p.place
			WHERE e.operation = 'U' AND e.recorded_at >= coalesce(since, '-infinity') AND e.recorded_at < coalesce(until, 'infinity')
			ORDER BY e.recorded_at, e.system, e.transaction, e.number;
END
$$;
COMMENT ON FUNCTION tarot.rectifications(text, timestamptz, timestamptz) IS
	'What was changed in a data subject''s rows (GDPR, article 16), from a time until before another, by default ever: the UPDATEs that the audit log has of registered tables that are audited, of rows that are the subject''s now and of those that were when they were deleted or truncated, with the values of before and after as the log has them (envelopes of encrypted columns, masks of classified ones), and who did it: role, role of the session, whom a verified token named (identity), address, application. A row is known by its primary key, so what was changed in another row that had the key before it is told, too. Reads all of the log. For whom EXECUTE is granted; no privilege on the log or the tables is needed. Raises 22023 for an empty subject, 55000 where a registration cannot be gone by.';

REVOKE ALL ON FUNCTION tarot.base_type(oid), tarot.logged_keys(oid), tarot.untold_entries(oid), tarot.logged_value(oid, name, text), tarot.logged_object(oid, name[], text, name[]), tarot.logged_key(oid), tarot.logged_subject(oid, name, text), tarot.subject_rows(text), tarot.rectifications(text, timestamptz, timestamptz) FROM PUBLIC;

-- subjects: what the audit log tells of one
--
-- An entry tells its row by the primary key, or, where the table has none, by all of the row. Which rows are a subject's their table says, and
-- of those that are gone the entry of their DELETE.

-- A column as the log has it, of a row under an alias; NULL where that is an envelope or a mask.
CREATE FUNCTION tarot.logged_value(relation oid, "column" name, alias text) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE WHEN r.rolsuper THEN format('pg_catalog.to_jsonb(%I.%I)', alias, a.attname)
				-- A cast to JSON may be the type's owner's.
				ELSE format('CASE WHEN %1$I.%2$I IS DISTINCT FROM NULL THEN pg_catalog.to_jsonb(pg_catalog.format(%3$L, %1$I.%2$I)) END', alias, a.attname, '%s') END
			FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_roles r ON r.oid = t.typowner
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

-- What an entry of a subject's row has in the column that has the subject; NULL where that cannot be told.
CREATE FUNCTION tarot.logged_subject(relation oid, "column" name, subject text) RETURNS jsonb
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH RECURSIVE base (oid) AS (SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = "column" UNION SELECT t.typbasetype FROM base b JOIN pg_type t ON t.oid = b.oid WHERE t.typtype = 'd')
		SELECT jsonb_build_object("column", CASE WHEN t.typcategory <> 'N' THEN to_jsonb(subject) WHEN subject ~ '^(0|-?[1-9][0-9]{0,100})(\.[0-9]{1,100})?$' THEN to_jsonb(subject::numeric) ELSE to_jsonb(subject) END)
			FROM base b JOIN pg_type t ON t.oid = b.oid WHERE t.typtype <> 'd' AND tarot.logged_value(relation, "column", 't0') IS NOT NULL
	$$;

-- By what entries about a subject's rows of a table are found; "told" is whether they can be.
CREATE TYPE tarot.logged_rows AS (relation oid, keys jsonb[], documents jsonb[], told boolean);

-- Keys of a subject's rows, of those that are there and those that were deleted, and what else entries tell them by; parents before what refers to them.
CREATE FUNCTION tarot.subject_rows(subject text) RETURNS SETOF tarot.logged_rows
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres' SET bytea_output = 'hex' SET extra_float_digits = 1
	AS $$
DECLARE
	r tarot.subject_table;
	logged tarot.logged_rows;
	key name[];
	object text;
	document jsonb;
	-- By the table's OID.
	known jsonb := '{}';
BEGIN
	FOR logged.relation IN WITH RECURSIVE reached (member, depth) AS (SELECT s.relation::oid, 0 FROM tarot.subject_registrations() s WHERE s.parent IS NULL
				UNION SELECT s.relation, u.depth + 1 FROM reached u JOIN tarot.subject_registrations() s ON s.parent = u.member)
			SELECT u.member FROM reached u JOIN pg_class c ON c.oid = u.member GROUP BY u.member ORDER BY max(u.depth), u.member::regclass::text COLLATE "C" LOOP
		logged.documents := '{}';
		logged.keys := '{}';
		key := tarot.logged_key(logged.relation);
		logged.told := true;
		FOR r IN SELECT * FROM tarot.subject_registrations() s WHERE s.relation = logged.relation ORDER BY s.columns LOOP
			IF r.parent IS NULL THEN
				document := tarot.logged_subject(r.relation, r.columns[1], subject);
				logged.documents := array_remove(logged.documents || document, NULL);
				logged.told := logged.told AND document IS NOT NULL;
				CONTINUE;
			END IF;
			object := tarot.logged_object(r.parent, r.parent_columns, 't0', r.columns);
			logged.told := logged.told AND object IS NOT NULL AND tarot.logged_object(r.relation, r.columns, 't0', r.columns) IS NOT NULL;
			IF object IS NOT NULL THEN
				logged.documents := logged.documents || ARRAY(SELECT e FROM jsonb_array_elements(tarot.read_on_subject(r.parent,
					format('SELECT coalesce(pg_catalog.jsonb_agg(DISTINCT %s), ''[]'') FROM %s t0 WHERE %s', object, r.parent, tarot.subject_condition(r.parent)), subject)) e);
			END IF;
			logged.documents := logged.documents || ARRAY(SELECT o.object FROM jsonb_array_elements(known->(r.parent::oid::text)) AS k (key),
				LATERAL (SELECT jsonb_object_agg(u.name, k.key->(u.parent::text)) AS object FROM unnest(r.columns, r.parent_columns) AS u (name, parent)) AS o WHERE k.key ?& r.parent_columns::text[]);
		END LOOP;
		logged.documents := ARRAY(SELECT DISTINCT d FROM unnest(logged.documents) d);
		IF key IS NOT NULL THEN
			logged.told := true;
			logged.keys := ARRAY(SELECT e FROM jsonb_array_elements(tarot.read_on_subject(logged.relation,
					format('SELECT coalesce(pg_catalog.jsonb_agg(%s), ''[]'') FROM %s t0 WHERE %s', tarot.logged_object(logged.relation, key, 't0', key), logged.relation::regclass, tarot.subject_condition(logged.relation)), subject)) e
				UNION SELECT d FROM tarot.deleted_keys(logged.relation, logged.documents) d);
			known := known || jsonb_build_object(logged.relation::text, to_jsonb(logged.keys));
		END IF;
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
	'What was changed in a data subject''s rows (GDPR, article 16), from a time until before another, by default ever: the UPDATEs that the audit log has of registered tables that are audited, of rows that are the subject''s now and of those that were when they were deleted, with the values of before and after as the log has them (envelopes of encrypted columns, masks of classified ones), and who did it: role, role of the session, whom a verified token named (identity), address, application. A row is known by its primary key, so what was changed in another row that had the key before it is told, too. Reads all of the log. For whom EXECUTE is granted; no privilege on the log or the tables is needed. Raises 22023 for an empty subject, 55000 where a registration cannot be gone by.';

REVOKE ALL ON FUNCTION tarot.logged_value(oid, name, text), tarot.logged_object(oid, name[], text, name[]), tarot.logged_key(oid), tarot.logged_subject(oid, name, text), tarot.subject_rows(text), tarot.rectifications(text, timestamptz, timestamptz) FROM PUBLIC;

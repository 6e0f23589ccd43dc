-- subjects: whose data was touched, as far as the audit log tells

-- How rows t0 of a registered table lead to their subjects: what is joined to them, and who it is then; a row for each path. Paths that
-- end in a column which is sealed or a mask tell nobody.
CREATE FUNCTION tarot.subject_paths(relation oid, alias text DEFAULT 't0') RETURNS TABLE (joins text, subject text)
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	r tarot.subject_table;
	above CONSTANT text := 't' || substr(alias, 2)::integer + 1;
	pairs text;
BEGIN
	FOR r IN SELECT * FROM tarot.subject_registrations() s WHERE s.relation = subject_paths.relation ORDER BY s.columns LOOP
		IF tarot.subject_table_problem(r) IS NOT NULL THEN
			RAISE EXCEPTION '%', tarot.subject_table_problem(r) USING ERRCODE = 'object_not_in_prerequisite_state';
		ELSIF r.parent IS NULL THEN
			IF tarot.logged_value(r.relation, r.columns[1], alias) IS NOT NULL THEN
				joins := '';
				subject := format('CASE WHEN %1$I.%2$I IS DISTINCT FROM NULL THEN pg_catalog.format(%3$L, %1$I.%2$I) END',
					alias, r.columns[1], '%s');
				RETURN NEXT;
			END IF;
			CONTINUE;
		END IF;
		pairs := tarot.foreign_key_pairs(tarot.subject_foreign_key(r), above, alias);
		RETURN QUERY SELECT format(' JOIN %s %I ON %s', r.parent, above, pairs) || p.joins, p.subject
			FROM tarot.subject_paths(r.parent, above) p;
	END LOOP;
END
$$;

-- Documents of rows, and who these lead to, as [[number, subject], ...]. One that cannot be read, as a type is another by now, keeps none
-- of the others from being told.
CREATE FUNCTION tarot.resolve_subjects(relation oid, statement text, documents jsonb[], first integer DEFAULT 0) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	half CONSTANT integer := cardinality(documents) / 2;
BEGIN
	RETURN (
		SELECT coalesce(jsonb_agg(jsonb_build_array((f->>0)::integer + first, f->1)), '[]')
			FROM jsonb_array_elements(tarot.read_on_subject(relation, statement, to_jsonb(documents)::text)) f);
EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
	RETURN CASE WHEN half > 0
		THEN tarot.resolve_subjects(relation, statement, documents[:half], first)
			|| tarot.resolve_subjects(relation, statement, documents[half + 1:], first + half)
		ELSE '[]'
	END;
END
$$;

-- Whose rows of a table changed, and how many entries tell so of each; NULL of those of whom it cannot be told. As the owner of the table.
CREATE FUNCTION tarot.breached_subjects(relation oid, since timestamptz, until timestamptz,
		by_role text, by_identity text, from_address inet)
		RETURNS TABLE (data_subject text, entries bigint, first timestamptz, last timestamptz)
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	key CONSTANT name[] := tarot.logged_key(relation);
	columns CONSTANT text[] := coalesce(key, '{}')::text[] || ARRAY(
		SELECT DISTINCT c::text
			FROM tarot.subject_registrations() s, unnest(s.columns) c
			WHERE s.relation = breached_subjects.relation AND tarot.logged_value(s.relation, c, 't0') IS NOT NULL);
	resolving text;
	-- Without the constraints of domains: an entry of a change has but some of the columns.
	fields text;
	chunk record;
BEGIN
	SELECT string_agg(format('%I %s', a.attname, format_type(tarot.base_type(a.atttypid), a.atttypmod)), ', ')
		INTO fields
		FROM pg_attribute a
		WHERE a.attrelid = relation AND NOT a.attisdropped
			AND (a.attname = ANY (key) OR a.attname IN (
				SELECT c
					FROM tarot.subject_registrations() s, unnest(s.columns) c
					WHERE s.relation = breached_subjects.relation));
	-- By what the entry has of the row, and by the row that has the key.
	SELECT string_agg(
			format('SELECT %s FROM pg_catalog.jsonb_to_record(r.row) AS t0(%s)%s', p.subject, fields, p.joins)
				|| CASE WHEN key IS NOT NULL
					THEN format(
						' UNION SELECT %s FROM (SELECT t.* FROM pg_catalog.jsonb_to_record(r.row) AS k(%s) JOIN %s t ON %s) t0%s',
						p.subject, fields, relation::regclass,
						(SELECT string_agg(format('t.%1$I = k.%1$I', c), ' AND ') FROM unnest(key) c), p.joins)
					ELSE ''
				END,
			' UNION ')
		INTO resolving
		FROM tarot.subject_paths(relation) p;
	-- In parts, for each is one argument.
	FOR chunk IN
		SELECT array_agg(g.rows ORDER BY g.number) AS documents, array_agg(g.entries ORDER BY g.number) AS entries,
				array_agg(g.first ORDER BY g.number) AS first, array_agg(g.last ORDER BY g.number) AS last
			FROM (
				SELECT d.rows, count(*) AS entries, min(d.recorded_at) AS first, max(d.recorded_at) AS last,
						row_number() OVER (ORDER BY d.rows) AS number
					FROM (
						SELECT (c.entry).recorded_at,
								jsonb_build_array(
									tarot.columns_of_document(coalesce((c.entry).key, '{}') || coalesce((c.entry).old, '{}'), columns),
									tarot.columns_of_document(coalesce((c.entry).key, '{}') || coalesce((c.entry).new, '{}'), columns)
								) AS rows
							FROM tarot.changes_of_table(relation, since, until) c
							WHERE (by_role IS NULL OR by_role IN ((c.entry).role, (c.entry).session_role))
								AND (by_identity IS NULL OR (c.entry).subject = by_identity)
								AND (from_address IS NULL OR (c.entry).client <<= from_address)
					) AS d
					GROUP BY d.rows
			) AS g
			GROUP BY (g.number - 1) / 5000
	LOOP
		RETURN QUERY
			WITH found AS (
				SELECT DISTINCT (f->>0)::integer AS number, f->>1 AS data_subject
				FROM jsonb_array_elements(CASE WHEN resolving IS NOT NULL THEN tarot.resolve_subjects(relation, format(
					'SELECT coalesce(jsonb_agg(DISTINCT pg_catalog.jsonb_build_array(d.number, s.subject)), ''[]'') '
					'FROM pg_catalog.jsonb_array_elements($1::jsonb) WITH ORDINALITY AS d (rows, number),
					pg_catalog.jsonb_array_elements(d.rows) AS r (row), LATERAL (%s) AS s (subject) WHERE s.subject IS NOT NULL',
					resolving), chunk.documents) ELSE '[]' END) f
			)
			SELECT f.data_subject, sum(e.entries)::bigint, min(e.first), max(e.last)
			FROM unnest(chunk.entries, chunk.first, chunk.last) WITH ORDINALITY AS e (entries, first, last, number)
				LEFT JOIN found f USING (number)
			GROUP BY f.data_subject;
	END LOOP;
END
$$;

-- How many subjects have rows in a table now; NULL where it cannot be told.
CREATE FUNCTION tarot.count_subjects(relation oid) RETURNS bigint
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	counted jsonb;
BEGIN
	SELECT tarot.read_on_subject(relation,
			format('SELECT pg_catalog.to_jsonb(pg_catalog.count(DISTINCT s.subject)) FROM (%s) AS s (subject)',
				string_agg(format('SELECT %s FROM %s t0%s', p.subject, relation::regclass, p.joins), ' UNION ')), '')
		INTO counted
		FROM tarot.subject_paths(relation) p
		HAVING count(*) > 0;
	RETURN counted::bigint;
EXCEPTION WHEN OTHERS THEN
	RETURN NULL;
END
$$;

-- Reads on record: what table_name a read of a class had is in its columns.
CREATE FUNCTION tarot.reads_on_record(since timestamptz, until timestamptz, by_role text, by_identity text, from_address inet)
		RETURNS TABLE (kind text, tables text[], classes text[], event tarot.security_event)
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE e.event_type WHEN 'READ' THEN 'read' ELSE 'reveal' END,
			CASE
				WHEN e.details ? 'table' THEN ARRAY[e.details->>'table']
				WHEN jsonb_typeof(e.details->'columns') = 'object'
					THEN ARRAY(SELECT k FROM jsonb_object_keys(e.details->'columns') k ORDER BY k COLLATE "C")
			END,
			CASE
				WHEN e.details ? 'class' THEN ARRAY[e.details->>'class']
				WHEN jsonb_typeof(e.details->'classes') = 'array'
					THEN ARRAY(SELECT c FROM jsonb_array_elements_text(e.details->'classes') c ORDER BY c COLLATE "C")
			END,
			e
		FROM tarot.security_event e
		WHERE e.source = 'tarot_security'
			AND (e.event_type = 'READ' OR e.event_type = 'CLASS_ACCESS' AND e.action = 'reveal')
			AND e.last_at >= since AND e.occurred_at < until
			AND (by_role IS NULL OR by_role IN (e.role, e.session_role))
			AND (by_identity IS NULL OR e.subject = by_identity)
			AND (from_address IS NULL OR e.client <<= from_address)
	$$;

-- ------------------------------------------------------------ for whom EXECUTE is granted

CREATE FUNCTION tarot.breach_report(since timestamptz, until timestamptz, by_role text DEFAULT NULL, by_identity text DEFAULT NULL,
		from_address inet DEFAULT NULL)
		RETURNS TABLE (kind text, tables text[], classes text[], operation text, role text, session_role text, identity text, client inet,
			entries bigint, "rows" numeric, plain numeric, masked numeric, refused numeric, first timestamptz, last timestamptz)
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH change AS (
			SELECT e.table_name,
					CASE e.operation WHEN 'I' THEN 'INSERT' WHEN 'U' THEN 'UPDATE' WHEN 'D' THEN 'DELETE' ELSE 'TRUNCATE' END AS operation,
					e.role, e.session_role, e.subject, e.client,
					count(*) AS entries, min(e.recorded_at) AS first, max(e.recorded_at) AS last,
					array_agg(DISTINCT e.relation) AS relations
				FROM tarot.audit_entry e
				WHERE e.operation IN ('I', 'U', 'D', 'T')
					AND e.recorded_at >= coalesce(since, '-infinity') AND e.recorded_at < coalesce(until, 'infinity')
					AND (by_role IS NULL OR by_role IN (e.role, e.session_role))
					AND (by_identity IS NULL OR e.subject = by_identity)
					AND (from_address IS NULL OR e.client <<= from_address)
				GROUP BY 1, 2, 3, 4, 5, 6
		), told AS (
			SELECT 'change' AS kind, ARRAY[c.table_name] AS tables,
					ARRAY(
						SELECT DISTINCT k.class COLLATE "C"
							FROM tarot.classified_columns k
							WHERE k."table"::oid = ANY (c.relations)
							ORDER BY 1) AS classes,
					c.operation, c.role, c.session_role, c.subject AS identity, c.client, c.entries,
					CASE WHEN c.operation <> 'TRUNCATE' THEN c.entries::numeric END AS rows,
					NULL::numeric AS plain, NULL::numeric AS masked, NULL::numeric AS refused, c.first, c.last
				FROM change c
			-- An event may be of several statements that were alike; what parallel workers tell belongs to a statement that their leader
			-- tells of.
			UNION ALL SELECT r.kind, r.tables, r.classes,
					(r.event).action, (r.event).role, (r.event).session_role, (r.event).subject, (r.event).client,
					coalesce(sum((r.event).count) FILTER (WHERE NOT (r.event).details ? 'parallel_worker'), 0)::bigint,
					sum((r.event).count * ((r.event).details->>'rows')::numeric),
					sum((r.event).count * ((r.event).details->>'plain')::numeric),
					sum((r.event).count * ((r.event).details->>'masked')::numeric),
					sum((r.event).count * ((r.event).details->>'refused')::numeric),
					min((r.event).occurred_at), max((r.event).last_at)
				FROM tarot.reads_on_record(coalesce(since, '-infinity'), coalesce(until, 'infinity'),
					by_role, by_identity, from_address) r
				GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
			-- What cannot be told must not look like nothing.
			UNION ALL SELECT 'not on record', ARRAY[t.relation::regclass::text],
					ARRAY(
						SELECT DISTINCT k.class COLLATE "C"
							FROM tarot.classified_columns k
							WHERE k."table"::oid = t.relation
							ORDER BY 1),
					o.operation, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
				FROM (
						SELECT d FROM tarot.tables_of_data() d WHERE tarot.classified_among(d) <> '{}'
						UNION SELECT r::oid FROM tarot.registered_tables() r
					) AS t (relation),
					LATERAL (
						SELECT 'change' WHERE tarot.audit_arguments(t.relation) IS NULL
						UNION ALL SELECT 'read' WHERE NOT tarot.reads_are_on_record(t.relation)
					) AS o (operation)
		)
		SELECT *
			FROM told t
			ORDER BY CASE t.kind WHEN 'not on record' THEN 2 ELSE 1 END, t.kind,
				t.tables COLLATE "C" NULLS LAST, t.classes COLLATE "C" NULLS LAST, t.operation COLLATE "C",
				t.role COLLATE "C", t.session_role COLLATE "C", t.identity COLLATE "C" NULLS FIRST, t.client NULLS FIRST
	$$;
COMMENT ON FUNCTION tarot.breach_report(timestamptz, timestamptz, text, text, inet) IS
	'Which data was touched from a time until before another, and by whom, as far as the audit log tells (GDPR, article 33): of all, or '
	'of one role (by_role, also as the role of the session), one verified identity, or one address or network. Kinds: "change" (tables '
	'that are audited: how many rows, with the classes that their columns have now), "read" (tables and classes whose reads are on '
	'record: how many statements in entries, rows that these returned, values shown plain, as masks, or not at all), "reveal" (a class '
	'that was shown for a stated purpose, or by break-glass), and "not on record", with what: a table that is registered or has '
	'classified columns of which changes or reads are not on record now, so that nothing of it can be told. Whose data it was is told by '
	'tarot.breach_subjects(). Call tarot.flush_events() before. For whom EXECUTE is granted.';

CREATE FUNCTION tarot.breach_subjects(since timestamptz, until timestamptz, by_role text DEFAULT NULL, by_identity text DEFAULT NULL,
		from_address inet DEFAULT NULL)
		RETURNS TABLE (data_subject text, "table" regclass, entries bigint, first timestamptz, last timestamptz, note text)
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	start CONSTANT timestamptz := coalesce(since, '-infinity');
	stop CONSTANT timestamptz := coalesce(until, 'infinity');
	registered regclass;
	tables oid[];
	names text[];
	problem text;
	reads record;
	number bigint;
BEGIN
	FOR registered IN SELECT r FROM tarot.registered_tables() r LOOP
		-- One table of which nothing can be told does not keep the others from being told.
		BEGIN
			RETURN QUERY SELECT b.data_subject, registered, sum(b.entries)::bigint, min(b.first), max(b.last),
					CASE WHEN b.data_subject IS NULL THEN 'changed rows of whom it cannot be told' END
				FROM tarot.breached_subjects(registered, start, stop, by_role, by_identity, from_address) b
				GROUP BY b.data_subject
				ORDER BY b.data_subject COLLATE "C" NULLS LAST;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS problem = MESSAGE_TEXT;
			RETURN QUERY SELECT NULL::text, registered, count(*), min((c.entry).recorded_at), max((c.entry).recorded_at),
					'changed rows of whom it cannot be told: '
						|| CASE WHEN SQLSTATE IN ('55000', '42501') THEN problem ELSE 'SQLSTATE ' || SQLSTATE END
				FROM tarot.changes_of_table(registered, start, stop) c
				WHERE (by_role IS NULL OR by_role IN ((c.entry).role, (c.entry).session_role))
					AND (by_identity IS NULL OR (c.entry).subject = by_identity)
					AND (from_address IS NULL OR (c.entry).client <<= from_address)
				HAVING count(*) > 0;
		END;
		tables := ARRAY(SELECT m.member FROM tarot.relation_tree(registered, '{r,p}') m);
		names := ARRAY(SELECT t::regclass::text FROM unnest(tables) t);
		RETURN QUERY SELECT NULL::text, registered, count(*), min(e.recorded_at), max(e.recorded_at),
				'all rows of the time were taken away (TRUNCATE): any subject who had some'
			FROM tarot.audit_entry e
			WHERE e.operation = 'T' AND (e.relation = ANY (tables) OR e.table_name = ANY (names))
				AND e.recorded_at >= start AND e.recorded_at < stop
				AND (by_role IS NULL OR by_role IN (e.role, e.session_role))
				AND (by_identity IS NULL OR e.subject = by_identity)
				AND (from_address IS NULL OR e.client <<= from_address)
			HAVING count(*) > 0;
		SELECT sum((r.event).count)::bigint AS entries, min((r.event).occurred_at) AS first, max((r.event).last_at) AS last
			INTO reads
			FROM tarot.reads_on_record(start, stop, by_role, by_identity, from_address) r
			WHERE r.kind = 'read' AND (r.tables && names OR (r.event).details->>'relation' = ANY (tables::text[]));
		IF reads.entries > 0 THEN
			number := tarot.count_subjects(registered);
			RETURN QUERY SELECT NULL::text, registered, reads.entries, reads.first, reads.last,
				'reads: which rows is not on record, so any subject of the table' || coalesce(format(', which has %s now', number), '');
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION tarot.breach_subjects(timestamptz, timestamptz, text, text, inet) IS
	'Whose data was touched from a time until before another, as far as the audit log tells (GDPR, articles 33 and 34), of all or as in '
	'tarot.breach_report(): a row for each data subject and registered table, with how many entries tell of changes of their rows. Whose '
	'a row is its table says, or, where it is gone, the columns in the entry that say so. data_subject is NULL, and note says why, of '
	'rows of whom it cannot be told (erased details, a path over rows that are gone, a subject that is encrypted or masked in the log), '
	'of TRUNCATE, and of reads: which rows a statement has read is not on record, so it may be any subject of the table; the note tells '
	'how many it has now. What is not on record at all tarot.breach_report() lists. Asks the tables as their owners. For whom EXECUTE is '
	'granted.';

REVOKE ALL ON FUNCTION tarot.subject_paths(oid, text), tarot.resolve_subjects(oid, text, jsonb[], integer),
	tarot.breached_subjects(oid, timestamptz, timestamptz, text, text, inet), tarot.count_subjects(oid),
	tarot.reads_on_record(timestamptz, timestamptz, text, text, inet), tarot.breach_report(timestamptz, timestamptz, text, text, inet),
	tarot.breach_subjects(timestamptz, timestamptz, text, text, inet) FROM PUBLIC;

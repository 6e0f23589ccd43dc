-- audit: what became of rows, as the log tells it; for functions that have the rights of the owner of the extension
--
-- A key may be used again. What the log has of one row are the entries of its key from where it came to that, by INSERT or an UPDATE of
-- the key, to where it left it, by DELETE, TRUNCATE, or another such UPDATE; and those of the keys before and after. Transactions change
-- a row one after the other, and recorded_at is when the statement had all its rows: by that they are in order.

-- Which entries are about a table that is asked for, or a partition or child of it (member): those of a system and an OID.
CREATE TYPE tarot.logged_table AS ("table" oid, member oid, system bigint, relation oid);

-- A row by its key; and what is known of it.
CREATE TYPE tarot.logged_row AS ("table" oid, key jsonb, document jsonb);

-- What tells a row of somebody, at the times when it does.
CREATE TYPE tarot.logged_document AS ("table" oid, document jsonb, since timestamptz, until timestamptz);

-- An entry of a table: whether documents tell it, and what it says in their columns.
CREATE TYPE tarot.told_entry AS (
	"table" oid,
	member oid,
	partition oid,
	place tid,
	system bigint,
	transaction xid8,
	number bigint,
	operation "char",
	at timestamptz,
	key jsonb,
	key_after jsonb,
	tells boolean,
	told jsonb[]
);

-- An entry of a row. Its life has a number. Before the entry, since a time, the row was as far as is known what before says (NULL: there
-- was none), and after it, until another, what after says. The key that it had before nobody has until free_until.
CREATE TYPE tarot.logged_step AS (
	"table" oid,
	life bigint,
	partition oid,
	place tid,
	system bigint,
	transaction xid8,
	number bigint,
	operation "char",
	at timestamptz,
	key_before jsonb,
	key_after jsonb,
	before jsonb,
	after jsonb,
	since timestamptz,
	until timestamptz,
	free_until timestamptz,
	present boolean
);

-- By OID, whatever the table was called then; and what came from a dump, which has other OIDs, by the name that it had last there: that
-- is the one under which it came here, or that it had first since. What was there at the same time is another table.
CREATE FUNCTION tarot.logged_tables(tables oid[]) RETURNS SETOF tarot.logged_table
	LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH RECURSIVE member AS MATERIALIZED (
			SELECT t.oid AS "table", m.member, format('%I.%I', n.nspname, c.relname) AS name
			FROM unnest(tables) AS t (oid), tarot.relation_tree(t.oid, '{r,p}') m
				JOIN pg_class c ON c.oid = m.member
				JOIN pg_namespace n ON n.oid = c.relnamespace
		),
		own AS MATERIALIZED (
			SELECT s.system_identifier AS system FROM pg_control_system() s
		),
		called AS MATERIALIZED (
			SELECT e.system, e.relation, e.table_name AS name, min(e.recorded_at) AS first, max(e.recorded_at) AS last
			FROM tarot.audit_entry e
			WHERE e.operation IN ('I', 'U', 'D', 'T')
			GROUP BY 1, 2, 3
		),
		era AS MATERIALIZED (
			SELECT DISTINCT c.system, c.relation,
				first_value(c.name) OVER (w ORDER BY c.first) AS first_name,
				first_value(c.name) OVER (w ORDER BY c.last DESC) AS last_name,
				min(c.first) OVER w AS first, max(c.last) OVER w AS last,
				c.system = o.system
					AND EXISTS (SELECT FROM pg_class p WHERE p.oid = c.relation AND p.relkind IN ('r', 'p')) AS is_here
			FROM called c, own o
			WINDOW w AS (PARTITION BY c.system, c.relation)
		),
		found AS (
			(
				SELECT m."table", m.member, o.system, m.member AS relation, n.name, coalesce(e.first, 'infinity') AS first
				FROM own o,
					member m LEFT JOIN era e ON e.is_here AND e.relation = m.member,
					LATERAL (VALUES (e.first_name), (m.name)) AS n (name)
			)
			UNION
			SELECT f."table", f.member, e.system, e.relation, e.first_name, e.first
			FROM found f JOIN era e ON e.last_name = f.name AND NOT e.is_here AND e.last < f.first
		)
		SELECT DISTINCT ON (f."table", f.system, f.relation) f."table", f.member, f.system, f.relation
		FROM found f
		ORDER BY f."table", f.system, f.relation, f.member
	$$;

-- In one reading: entries of tables that documents tell of, by what the row was or became; and, to find what these belong to, those that
-- change a key, and of TRUNCATE.
CREATE FUNCTION tarot.told_entries(tables tarot.logged_table[], documents tarot.logged_document[]) RETURNS SETOF tarot.told_entry
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	telling text;
	objects text;
BEGIN
	SELECT string_agg(format('WHEN %s THEN %s', w."table", w.condition), ' '),
			string_agg(format('WHEN %s THEN ARRAY[%s]', w."table", w.objects), ' ')
		INTO telling, objects
		FROM (
			SELECT v."table",
				string_agg(format('(%s) IN (SELECT %s FROM unnest($2) d WHERE d."table" = %s AND tarot.is_of_columns(d.document, %L))',
					o."values", o.sought, v."table", v.columns), ' OR ') AS condition,
				string_agg(o.object, ', ') AS objects
			FROM (
					SELECT DISTINCT d."table",
						ARRAY(SELECT k FROM jsonb_object_keys(d.document) k ORDER BY k COLLATE "C") AS columns
					FROM unnest(documents) d
				) AS v,
				(VALUES ('old'), ('new')) AS s (side),
				-- To make an object of each entry would take most of the time.
				LATERAL (
					SELECT string_agg(format('e.%s->%L', s.side, c), ', ') AS "values",
						string_agg(format('d.document->%L', c), ', ') AS sought,
						format('CASE WHEN e.%1$s ?& %2$L THEN jsonb_build_object(%3$s) END',
							s.side, v.columns, string_agg(format('%1$L, e.%2$s->%1$L', c, s.side), ', ')) AS object
					FROM unnest(v.columns) c
				) AS o
			GROUP BY v."table"
		) AS w;
	RETURN QUERY EXECUTE format('SELECT t."table", t.member, e.tableoid, e.ctid, e.system, e.transaction, e.number, e.operation, '
			'e.recorded_at, e.key, tarot.key_after(e.key, e.new), (%1$s) IS TRUE, %2$s
		FROM tarot.audit_entry e JOIN unnest($1) t ON t.system = e.system AND t.relation = e.relation
		WHERE e.operation IN (''I'', ''U'', ''D'', ''T'') '
			'AND (e.operation = ''T'' OR (%1$s) OR e.operation = ''U'' AND tarot.has_member_of(e.new, e.key))',
		coalesce('CASE t."table" ' || telling || ' END', 'false'),
		coalesce('CASE t."table" ' || objects || ' END', 'NULL::jsonb[]')) USING tables, documents;
END
$$;

-- All entries under some keys, with what they say of columns that are of interest, by table. Late is what a snapshot does not see, of this
-- transaction what it has deleted.
CREATE FUNCTION tarot.entries_of_keys(tables tarot.logged_table[], keys tarot.logged_row[], columns jsonb, seen pg_snapshot)
		RETURNS TABLE ("table" oid, member oid, partition oid, place tid, system bigint, transaction xid8, statement bigint, number bigint,
			operation "char", at timestamptz, key jsonb, key_after jsonb, before jsonb, after jsonb, late boolean)
	LANGUAGE sql STABLE STRICT PARALLEL UNSAFE ROWS 10000
	SET search_path = pg_catalog, pg_temp SET enable_nestloop = on
	AS $$
		WITH interest AS MATERIALIZED (
			SELECT c.key::oid AS "table", ARRAY(SELECT jsonb_array_elements_text(c.value)) AS columns FROM jsonb_each(columns) c
		),
		-- By the key first, which few have, and by an index where there is one.
		found AS MATERIALIZED (
			SELECT e.tableoid AS partition, e.ctid AS place, e.*
			FROM (SELECT DISTINCT k.key FROM unnest(keys) k) AS s
				JOIN tarot.audit_entry e ON e.key = s.key
			WHERE e.operation IN ('I', 'U', 'D')
		)
		SELECT t."table", t.member, e.partition, e.place, e.system, e.transaction, e.statement, e.number, e.operation,
			min(e.recorded_at) OVER (PARTITION BY e.system, e.transaction, e.statement), e.key, tarot.key_after(e.key, e.new),
			tarot.columns_of_document(coalesce(e.key, '{}') || coalesce(e.old, '{}'), i.columns),
			tarot.columns_of_document(e.new, i.columns),
			e.system = s.system_identifier
				AND CASE
					WHEN e.transaction = pg_current_xact_id_if_assigned() THEN e.operation = 'D'
					ELSE NOT pg_visible_in_snapshot(e.transaction, seen)
				END
		FROM unnest(keys) k
			JOIN found e ON e.key = k.key
			JOIN unnest(tables) t ON t.system = e.system AND t.relation = e.relation AND t."table" = k."table"
			JOIN interest i ON i."table" = k."table",
			pg_control_system() s
	$$;

-- The same as steps of the lives of the rows that had these keys. What is known of rows that were there in a snapshot fills the gaps.
CREATE FUNCTION tarot.logged_lives(tables tarot.logged_table[], keys tarot.logged_row[], columns jsonb, truncated_members oid[],
		truncated_at timestamptz[], there tarot.logged_row[], seen pg_snapshot) RETURNS SETOF tarot.logged_step
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	-- What is joined to itself here has no index, and is as large as it happens to be.
	SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan SET enable_nestloop = off SET jit = off
	AS $$
#variable_conflict use_column
DECLARE
	steps tarot.logged_step[];
	-- What is known of a row that was there under the key before, and after.
	there_before jsonb[];
	there_after jsonb[];
	step tarot.logged_step;
	known jsonb;
	present boolean;
	first_late integer;
	last integer;
BEGIN
	FOR steps, there_before, there_after IN
		WITH RECURSIVE truncation AS MATERIALIZED (
			SELECT u.member, array_agg(u.at ORDER BY u.at) AS times
			FROM unnest(truncated_members, truncated_at) AS u (member, at)
			GROUP BY u.member
		),
		seen_row AS MATERIALIZED (
			SELECT DISTINCT ON (t."table", t.key) t."table", t.key, t.document
			FROM unnest(there) t
			WHERE t.key IS NOT NULL
			ORDER BY t."table", t.key
		),
		entry AS MATERIALIZED (
			SELECT f.*, f.key_after <> f.key AS moves,
				dense_rank() OVER (ORDER BY f.at, f.system, f.transaction, f.statement) AS moment,
				row_number() OVER (ORDER BY f.at, f.system, f.transaction, f.statement, f.number) AS position,
				coalesce(width_bucket(f.at, r.times), 0) AS epoch, r.times
			FROM tarot.entries_of_keys(tables, keys, columns, seen) f
				LEFT JOIN truncation r ON r.member = f.member
		),
		-- At the key that an entry found, and the one that it left. What one statement does to several rows frees keys before it gives
		-- them away.
		stay AS MATERIALIZED (
			SELECT o.*, dense_rank() OVER (ORDER BY o."table", o.member, o.epoch, o.key, o.turn) AS stay
			FROM (
				SELECT p.*,
					count(*) FILTER (WHERE p.begins) OVER w
						+ count(*) FILTER (WHERE p.ends) OVER (
							PARTITION BY p."table", p.member, p.epoch, p.key ORDER BY p.moment, p.begins, p.position
							ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS turn,
					max(p.at) FILTER (WHERE p.ends) OVER (
						PARTITION BY p."table", p.member, p.key ORDER BY p.moment, p.begins, p.position
						ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS freed_at,
					count(*) OVER (
						PARTITION BY p."table", p.member, p.key ORDER BY p.moment, p.begins, p.position
						ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) > 0 AS used,
					min(p.at) FILTER (WHERE p.begins) OVER (
						PARTITION BY p."table", p.member, p.key ORDER BY p.moment, p.begins, p.position
						ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) - interval '1 microsecond' AS free_until
				FROM (
					SELECT e."table", e.member, e.epoch, e.key, e.moment, e.position, e.at,
						e.operation = 'I' AS begins, e.operation = 'D' OR e.moves AS ends, e.moves
					FROM entry e
					UNION ALL
					SELECT e."table", e.member, e.epoch, e.key_after, e.moment, e.position, e.at, true, false, true
					FROM entry e
					WHERE e.moves
				) AS p
				WINDOW w AS (PARTITION BY p."table", p.member, p.epoch, p.key ORDER BY p.moment, p.begins, p.position)
			) AS o
		),
		origin (stay, life) AS (
			SELECT s.stay, s.stay FROM stay s GROUP BY s.stay HAVING NOT bool_or(s.begins AND s.moves)
			UNION
			SELECT b.stay, o.life
			FROM origin o
				JOIN stay a ON a.stay = o.stay AND a.ends AND a.moves
				JOIN stay b ON b.position = a.position AND b.begins
		)
		SELECT array_agg(
				ROW(
					e."table", o.life, e.partition, e.place, e.system, e.transaction, e.number, e.operation, e.at,
					e.key, e.key_after, e.before, e.after,
					CASE
						WHEN e.operation = 'I' THEN CASE WHEN a.used OR e.epoch > 0 THEN e.at ELSE '-infinity' END
						ELSE coalesce(greatest(a.freed_at, e.times[e.epoch]) + interval '1 microsecond', '-infinity')
					END,
					least(b.free_until, e.times[e.epoch + 1], 'infinity'),
					CASE WHEN a.ends THEN coalesce(a.free_until, 'infinity') ELSE e.at END,
					e.late
				)::tarot.logged_step ORDER BY e.position),
			array_agg(before.document ORDER BY e.position),
			array_agg(after.document ORDER BY e.position)
		FROM entry e
			JOIN stay a ON a.position = e.position AND a.key = e.key
			JOIN stay b ON b.position = e.position AND b.key = e.key_after
			JOIN origin o ON o.stay = a.stay
			LEFT JOIN seen_row before ON before."table" = e."table" AND before.key = e.key
			LEFT JOIN seen_row after ON after."table" = e."table" AND after.key = e.key_after
		GROUP BY o.life
	LOOP
		last := cardinality(steps);
		first_late := NULL;
		-- Forwards: what it was is known from then on.
		known := '{}';
		FOR i IN 1 .. last LOOP
			step := steps[i];
			IF step.present AND first_late IS NULL THEN
				first_late := i;
			END IF;
			IF i > 1 THEN
				step.since := steps[i - 1].at;
			END IF;
			IF i < last THEN
				step.until := steps[i + 1].at;
			END IF;
			step.before := CASE WHEN step.operation <> 'I' THEN known || step.before END;
			step.after := CASE WHEN step.operation <> 'D' THEN coalesce(step.before, '{}') || step.after END;
			known := step.after;
			steps[i] := step;
		END LOOP;
		-- And backwards, for until an entry tells otherwise it was that before. As it is there it is at the end.
		known := NULL;
		IF first_late IS NULL THEN
			IF steps[last].operation <> 'D' AND steps[last].until = 'infinity' THEN
				known := there_after[last];
			END IF;
		ELSE
			FOR i IN first_late .. last LOOP
				IF steps[i].operation <> 'I' THEN
					known := coalesce(known, there_before[i], there_after[i]);
				END IF;
			END LOOP;
		END IF;
		present := known IS NOT NULL;
		known := coalesce(known, '{}');
		FOR i IN REVERSE last .. 1 LOOP
			step := steps[i];
			step.after := known || step.after;
			step.before := coalesce(step.after, known) || step.before;
			known := step.before;
			step.present := present;
			steps[i] := step;
		END LOOP;
		RETURN QUERY SELECT s.* FROM unnest(steps) s;
	END LOOP;
END
$$;

REVOKE ALL ON FUNCTION tarot.entries_of_keys(tarot.logged_table[], tarot.logged_row[], jsonb, pg_snapshot), tarot.logged_tables(oid[]),
	tarot.told_entries(tarot.logged_table[], tarot.logged_document[]),
	tarot.logged_lives(tarot.logged_table[], tarot.logged_row[], jsonb, oid[], timestamptz[], tarot.logged_row[], pg_snapshot) FROM PUBLIC;

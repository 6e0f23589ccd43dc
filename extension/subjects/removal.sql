-- subjects: what is done to the rows of one who is to be forgotten

CREATE TABLE tarot.subject_rule (
	relation regclass PRIMARY KEY,
	action text COLLATE "C" NOT NULL CHECK (action IN ('delete', 'anonymize', 'shred', 'keep')),
	legal_basis text,
	columns name[] NOT NULL DEFAULT '{}',
	"values" text[] NOT NULL DEFAULT '{}',
	numbers smallint[] NOT NULL,
	CHECK (cardinality(columns) = cardinality("values")),
	CHECK (action <> 'keep' OR legal_basis IS NOT NULL)
);
COMMENT ON TABLE tarot.subject_rule IS 'What tarot.erase_subject() does to rows of registered tables, as tarot.set_erasure() was told.';
SELECT tarot.declare_policy_table('tarot.subject_rule', 'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation)');

CREATE FUNCTION tarot.number_rule_columns() RETURNS trigger
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	NEW.numbers := tarot.column_numbers(NEW.relation, NEW.columns);
	RETURN NEW;
END
$$;
CREATE TRIGGER number_columns BEFORE INSERT ON tarot.subject_rule FOR EACH ROW EXECUTE FUNCTION tarot.number_rule_columns();
ALTER TABLE tarot.subject_rule ENABLE ALWAYS TRIGGER number_columns;

-- Who must not be erased. It stays when it is over: that there was a hold may have to be shown.
CREATE TABLE tarot.subject_hold (
	subject text COLLATE "C" NOT NULL,
	reason text NOT NULL,
	held_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	held_by name NOT NULL,
	released_at timestamptz,
	released_by name,
	PRIMARY KEY (subject, held_at)
);
CREATE UNIQUE INDEX subject_hold_in_force ON tarot.subject_hold (subject) WHERE released_at IS NULL;
COMMENT ON TABLE tarot.subject_hold IS
	'Data subjects that are not to be erased, by tarot.hold_subject(), and those that were. For the owner of the extension and whom it '
	'grants SELECT.';
SELECT tarot.guard_table('tarot.subject_hold'), pg_extension_config_dump('tarot.subject_hold', '');

-- ------------------------------------------------------------ rules and holds

CREATE FUNCTION tarot.set_erasure(rel regclass, action text, legal_basis text DEFAULT NULL, replacements jsonb DEFAULT '{}') RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	bad text;
BEGIN
	IF num_nulls(rel, action) > 0 OR action NOT IN ('delete', 'anonymize', 'shred', 'keep') THEN
		RAISE EXCEPTION 'action must be delete, anonymize, shred or keep' USING ERRCODE = 'invalid_parameter_value';
	ELSIF rel <> ALL (ARRAY(SELECT r FROM tarot.registered_tables() r)) THEN
		RAISE EXCEPTION 'table "%" is not registered', tarot.relation_name(rel)
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Call tarot.register_subject_table().';
	ELSIF legal_basis IS NOT NULL AND NOT (tarot.is_line(legal_basis) AND octet_length(legal_basis) <= 1000)
			OR legal_basis IS NULL AND action = 'keep' THEN
		RAISE EXCEPTION 'to keep rows takes a legal basis, in a line of at most 1000 bytes' USING ERRCODE = 'invalid_parameter_value';
	ELSIF jsonb_typeof(replacements) IS DISTINCT FROM 'object' OR replacements <> '{}' AND action <> 'anonymize' THEN
		RAISE EXCEPTION 'replacements are an object of columns and their new values, for the action anonymize'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT k INTO bad
		FROM jsonb_object_keys(replacements) k
		WHERE NOT EXISTS (SELECT FROM pg_attribute a
			WHERE a.attrelid = rel AND a.attname = k AND a.attnum > 0 AND NOT a.attisdropped
				AND a.attgenerated = '' AND a.attidentity <> 'a')
		ORDER BY k LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'table "%" has no column "%" that can be written', tarot.relation_name(rel), bad USING ERRCODE = 'undefined_column';
	END IF;
	DELETE FROM tarot.subject_rule r WHERE r.relation = rel OR NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = r.relation);
	INSERT INTO tarot.subject_rule (relation, action, legal_basis, columns, "values")
		SELECT rel, set_erasure.action, set_erasure.legal_basis,
				coalesce(array_agg(e.key::name ORDER BY e.key), '{}'), coalesce(array_agg(e.value ORDER BY e.key), '{}')
			FROM jsonb_each_text(replacements) e;
END
$$;
COMMENT ON FUNCTION tarot.set_erasure(regclass, text, text, jsonb) IS
	'Says what tarot.erase_subject() does to a subject''s rows of a registered table: delete them, which is the default; anonymize them, '
	'which puts NULL into the columns with a data class and what replacements says, as {"column": value or null}, into these; shred, '
	'where all that has a data class is under the subject''s key (tarot.set_subject()), which destroys that; keep, for a legal basis. The '
	'basis, a line of at most 1000 bytes, goes into the certificate. For whom EXECUTE is granted. Raises 55000 for a table that is not '
	'registered, 42703 for a column that does not exist, 22023 for the rest.';

-- In the audit log, as those of rows are. By held_at the record of it is found where there is no pseudonym: a hold waits neither for the
-- first key nor for one who unlocks the server.
CREATE FUNCTION tarot.record_subject_hold(command text, hold tarot.subject_hold, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	pseudonym text;
BEGIN
	BEGIN
		pseudonym := tarot.subject_pseudonym(hold.subject);
	EXCEPTION WHEN object_not_in_prerequisite_state OR SQLSTATE 'TS001' THEN
		NULL;
	END;
	PERFORM tarot.record_job_change(jsonb_strip_nulls(jsonb_build_object(
		'command', command, 'type', 'subject', 'pseudonym', pseudonym, 'held_at', hold.held_at, 'reason', reason)));
END
$$;

CREATE FUNCTION tarot.hold_subject(subject text, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	made tarot.subject_hold;
BEGIN
	PERFORM tarot.require_subject(subject);
	IF tarot.is_line(reason) IS NOT TRUE OR octet_length(reason) > 1000 THEN
		RAISE EXCEPTION 'reason must be a line of at most 1000 bytes' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	INSERT INTO tarot.subject_hold (subject, reason, held_by) VALUES (subject, reason, session_user)
		ON CONFLICT DO NOTHING
		RETURNING * INTO made;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'the subject is on hold already' USING ERRCODE = 'duplicate_object';
	END IF;
	PERFORM tarot.record_subject_hold('HOLD SUBJECT', made, made.reason);
END
$$;
COMMENT ON FUNCTION tarot.hold_subject(text, text) IS
	'Puts a data subject on hold: tarot.erase_subject() refuses (55000), of another one, too, whose rows are also theirs, so does '
	'tarot.destroy_subject_key(), and no policy of tarot.add_retention() touches a row of theirs in a registered table, from its next '
	'batch on, until tarot.release_subject(). The reason is a line of at most 1000 bytes. An erasure that is under way comes before it. '
	'Leaves an entry in the audit log, which names the subject by a pseudonym (tarot.subject_pseudonym()) alone, or, while there is no '
	'key or the server is locked, not at all. For whom EXECUTE is granted. Raises 42710 for one who is on hold already, 22023.';

CREATE FUNCTION tarot.release_subject(subject text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	ended tarot.subject_hold;
BEGIN
	UPDATE tarot.subject_hold h SET released_at = clock_timestamp(), released_by = session_user
		WHERE h.subject = release_subject.subject AND h.released_at IS NULL
		RETURNING h.* INTO ended;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'the subject is not on hold' USING ERRCODE = 'undefined_object';
	END IF;
	PERFORM tarot.record_subject_hold('RELEASE SUBJECT', ended, NULL);
END
$$;
COMMENT ON FUNCTION tarot.release_subject(text) IS
	'Ends what tarot.hold_subject() began; the record of it stays in tarot.subject_hold. Leaves an entry in the audit log, as '
	'tarot.hold_subject() does. For whom EXECUTE is granted. Raises 42704 for one who is not on hold.';

-- ------------------------------------------------------------ the plan

-- What an UPDATE puts into a table's columns; "differs" is whether a row t has anything else there, as far as the owner can tell.
CREATE FUNCTION tarot.anonymizing_update(rel oid, OUT changes text, OUT differs text, OUT blind boolean, OUT problem text) RETURNS record
	LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH replaced AS (
			SELECT a.attname, a.attnum, a.attnotnull AND u.value IS NULL AS unfit, u.value,
					tarot.plain_type(a.atttypid) IS NOT NULL AS sealed,
					tarot.masked_among(rel, ARRAY[a.attname]) IS NOT NULL AS masked,
					format_type(a.atttypid, a.atttypmod) AS type,
					coalesce(tarot.class_of_type(a.atttypid, a.atttypmod), tarot.class_of_column(rel, a.attnum)) AS class
				FROM pg_attribute a
				LEFT JOIN (SELECT n, v FROM tarot.subject_rule r, unnest(r.columns, r."values") AS p (n, v) WHERE r.relation = rel)
					AS u (name, value) ON u.name = a.attname
				WHERE a.attrelid = rel AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
					AND (u.name IS NOT NULL OR a.attname = ANY (tarot.classified_among(rel))))
		SELECT string_agg(format('%I = %L', attname, value), ', ' ORDER BY attnum),
				string_agg(
					CASE
						WHEN masked OR sealed AND value IS NOT NULL THEN 'true'
						WHEN value IS NULL THEN format('t.%I IS NOT NULL', attname)
						ELSE format('t.%I::text IS DISTINCT FROM %L::%s::text', attname, value, type)
					END, ' OR ' ORDER BY attnum),
				coalesce(bool_or(masked OR sealed AND value IS NOT NULL), false),
				CASE
					WHEN bool_or(unfit) THEN
						format('column %s cannot be NULL, and no replacement is given', min(quote_ident(attname)) FILTER (WHERE unfit))
					WHEN bool_or(kept) THEN
						format('its owner may not write data class %s', min(quote_ident(class)) FILTER (WHERE kept))
					WHEN count(*) = 0 THEN 'nothing of it has a data class or a replacement'
				END
			-- A value of a class takes the right to write it, a mask in its place as well.
			FROM (SELECT r.*,
					(masked OR sealed AND value IS NOT NULL)
						AND NOT tarot.role_writes_class((SELECT c.relowner FROM pg_class c WHERE c.oid = rel), r.class) AS kept
				FROM replaced r) AS r
	$$;

-- The classes by whose keys a table's values are the subject's, where that is the one whom the table is registered by.
CREATE FUNCTION tarot.shredded_columns(rel oid) RETURNS TABLE ("column" name, class text)
	LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT a.attname, c.name
			FROM tarot.bound_column b
			JOIN tarot.subject_table s ON s.relation = b."table" AND s.parent IS NULL AND s.columns = ARRAY[b.subject::name]
			JOIN pg_attribute a ON a.attrelid = b."table" AND a.attname = b."column"
			JOIN tarot.class c ON c.name = tarot.class_of_type(a.atttypid, a.atttypmod) AND c.per_subject
			WHERE b."table" = rel AND b.enforced
	$$;

-- The classes in which an erasure destroys the subject's key: not those that a table which is kept needs it for.
CREATE FUNCTION tarot.keys_of_erasure(actions jsonb) RETURNS SETOF text
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RETURN QUERY
		SELECT s.class
			FROM tarot.registered_tables() t, tarot.shredded_columns(t) s
			GROUP BY s.class
			HAVING bool_and(actions->>(t::oid::text) <> 'keep');
END
$$;

-- Children before what they refer to. Those that refer to each other go in one step.
CREATE FUNCTION tarot.erasure_steps(relations oid[]) RETURNS TABLE (step integer, members oid[])
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	remaining oid[] := relations;
BEGIN
	step := 0;
	WHILE remaining <> '{}' LOOP
		-- The table that the fewest refer to, over whatever others, is among them alone: one, or a circle.
		SELECT r.members INTO members
			FROM unnest(remaining) AS t (relation), LATERAL (
				WITH RECURSIVE referring (relation) AS (
					SELECT t.relation
					UNION
					SELECT n.conrelid
						FROM referring f
						JOIN pg_constraint n ON n.contype = 'f' AND n.confrelid = f.relation
						WHERE n.conrelid = ANY (remaining))
				SELECT array_agg(f.relation ORDER BY f.relation::regclass::text COLLATE "C") AS members FROM referring f) AS r
			ORDER BY cardinality(r.members), r.members[1]::regclass::text COLLATE "C" LIMIT 1;
		step := step + 1;
		RETURN NEXT;
		remaining := ARRAY(SELECT r FROM unnest(remaining) r WHERE r <> ALL (members));
	END LOOP;
END
$$;

-- Rows that refer to what would be deleted of a registered table, or a partition of it, and would stay.
CREATE FUNCTION tarot.references_left(
		constraint_id oid, registered oid, subject text, actions jsonb, list text[], locks boolean,
		OUT "rows" bigint, OUT problem text) RETURNS record
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	n pg_constraint;
	action text;
	query text;
	held bigint;
BEGIN
	SELECT * INTO n FROM pg_constraint c WHERE c.oid = constraint_id;
	action := actions->>(n.conrelid::text);
	rows := 0;
	IF tarot.has_foreign_cast(constraint_id) THEN
		problem := format('its foreign key to %s goes by a cast that is not the server''s', n.confrelid::regclass);
		RETURN;
	END IF;
	query := format('SELECT pg_catalog.count(*) FROM %s t0 WHERE EXISTS (SELECT FROM %s t10 WHERE %s AND %s)',
		n.conrelid::regclass, n.confrelid::regclass,
		tarot.foreign_key_pairs(constraint_id, 't10', 't0'), tarot.subject_condition(registered, 't10'));
	IF action = 'delete' THEN
		query := format('%s AND %s IS NOT TRUE', query, tarot.subject_condition(n.conrelid));
	END IF;
	BEGIN
		rows := (tarot.run_on_subject(n.conrelid, query, subject))[1];
	EXCEPTION WHEN insufficient_privilege THEN
		BEGIN
			rows := (tarot.run_on_subject(n.confrelid, query, subject))[1];
		EXCEPTION WHEN insufficient_privilege THEN
			problem := format(
				'neither the owner of it nor that of %s can tell which rows refer there: grant one of them SELECT on both',
				n.confrelid::regclass);
			RETURN;
		END;
	END;
	IF rows > 0 AND n.confdeltype NOT IN ('n', 'd') THEN
		problem := format(
			CASE
				WHEN action = 'delete' THEN 'rows that are not the subject''s would go on referring to rows of %s that are deleted'
				ELSE 'it would go on referring to rows of %s that are deleted%s'
			END,
			n.confrelid::regclass,
			CASE
				WHEN action IS NULL THEN ': register the table'
				ELSE format(': anonymize that, or delete these, which are to %s',
					CASE action WHEN 'keep' THEN 'be kept' WHEN 'shred' THEN 'be shredded' ELSE 'be anonymized' END)
			END);
	ELSIF rows > 0 THEN
		-- Those of the subject that are deleted, too, are counted with their own table.
		held := tarot.rows_on_hold(n.conrelid, n.confrelid,
			tarot.referring_condition(ARRAY[constraint_id], registered, action IS NOT DISTINCT FROM 'delete'),
			subject, list, locks);
		problem := tarot.hold_problem(held,
			format('it has rows on hold (%s) that would be changed with rows of %s', held, n.confrelid::regclass));
	END IF;
END
$$;

-- ------------------------------------------------------------ doing it

-- Key, old and new of entries about a subject's rows, as they were in a snapshot, of some tables; how many of each.
CREATE FUNCTION tarot.erase_details_of_subject(
		subject text, there tarot.logged_row[], seen pg_snapshot, logged tarot.logged_table[], tables oid[], reason text)
	RETURNS TABLE ("table" oid, entries bigint)
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	-- Nobody else moves entries that were found.
	LOCK TABLE ONLY tarot.audit_entry IN SHARE UPDATE EXCLUSIVE MODE;
	RETURN QUERY
		SELECT f."table",
				tarot.erase_found_details(
					array_agg(f.partition), array_agg(f.place), array_agg(f.system), array_agg(f.transaction), array_agg(f.number),
					f."table", format('%I.%I', n.nspname, c.relname), reason)
			FROM (SELECT DISTINCT ON (e.partition, e.place) e.*
				FROM tarot.subject_entries(erase_details_of_subject.subject, there, seen, logged) e
				WHERE e."table" = ANY (tables)
				ORDER BY e.partition, e.place, e."table") f
			JOIN pg_class c ON c.oid = f."table"
			JOIN pg_namespace n ON n.oid = c.relnamespace
			GROUP BY f."table", n.nspname, c.relname;
END
$$;

-- What would be done, or was, as an array of {"table", "action", "rows", "legal_basis", "problem"}; without a table of keys. With a reason
-- details of entries about the rows are erased, too.
CREATE FUNCTION tarot.erase_rows(
		subject text, dry_run boolean, audit_reason text DEFAULT '', erased_at timestamptz DEFAULT 'infinity') RETURNS jsonb
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	report jsonb := '[]';
	-- Of each table, by its OID.
	actions jsonb;
	changes jsonb := '{}';
	-- Which rows that is.
	picks jsonb := '{}';
	-- What counts the rows that are still to be changed; and of which tables it cannot tell these from others.
	checks jsonb := '{}';
	blind oid[] := '{}';
	problem text;
	problems text[] := '{}';
	counts bigint[];
	r record;
	k record;
	left_over record;
	held bigint;
	changed jsonb;
	statement text;
	picked text;
	affected bigint;
	again boolean := false;
	-- The tables whose details of the log go, too, and the subject's rows as they are before.
	logged oid[] := '{}';
	logged_tables tarot.logged_table[];
	there tarot.logged_row[];
	seen CONSTANT pg_snapshot := pg_current_snapshot();
	list CONSTANT text[] := coalesce(tarot.subjects_on_hold(), '{}');
	any_on_hold CONSTANT boolean := EXISTS (SELECT FROM tarot.relations_on_hold());
BEGIN
	actions := coalesce(
		(SELECT jsonb_object_agg(t::oid::text, coalesce(u.action, 'delete'))
			FROM tarot.registered_tables() t
			LEFT JOIN tarot.subject_rule u ON u.relation = t),
		'{}');
	IF EXISTS (SELECT FROM tarot.subject_hold h WHERE h.subject = erase_rows.subject AND h.released_at IS NULL) THEN
		problems := problems || 'the subject is on hold'::text;
		report := report || jsonb_build_object('action', 'hold', 'problem', 'the subject is on hold');
	END IF;

	-- First all that can be known before anything is written.
	FOR r IN
		SELECT t AS relation, actions->>(t::oid::text) AS action, u.legal_basis, tarot.subject_condition(t, 't') AS condition,
				tarot.held_itself(t, c.relowner, '$2') AS held, coalesce(u.columns, '{}') AS columns, e.members, c.relowner
			FROM tarot.registered_tables() t
			LEFT JOIN tarot.subject_rule u ON u.relation = t
			JOIN pg_class c ON c.oid = t
			LEFT JOIN tarot.erasure_steps(ARRAY(
				SELECT d::oid FROM tarot.registered_tables() d WHERE actions->>(d::oid::text) IN ('delete', 'anonymize'))) e
				ON t::oid = ANY (e.members)
			ORDER BY e.step NULLS LAST, t::text COLLATE "C"
	LOOP
		problem := NULL;
		changed := '[]';
		picked := r.condition;
		IF r.action = 'delete' THEN
			changes := changes || jsonb_build_object(r.relation::oid::text,
				format('DELETE FROM %s t WHERE %s AND (%s) IS NOT TRUE RETURNING 1', r.relation, picked, r.held));
		ELSIF r.action = 'anonymize' THEN
			SELECT * INTO k FROM tarot.anonymizing_update(r.relation);
			problem := k.problem;
			picked := format('%s AND (%s)', picked, coalesce(k.differs, 'true'));
			blind := array_remove(blind || CASE WHEN k.blind THEN r.relation::oid END, NULL);
			changes := changes || jsonb_build_object(r.relation::oid::text,
				format('UPDATE %s t SET %s WHERE %s AND (%s) IS NOT TRUE RETURNING 1', r.relation, k.changes, picked, r.held));
		ELSIF r.action = 'shred' THEN
			SELECT 'column ' || quote_ident(c) || ' is not under the key of the subject' INTO problem
				FROM unnest(tarot.classified_among(r.relation)) c
				WHERE c NOT IN (SELECT s."column" FROM tarot.shredded_columns(r.relation) s)
				ORDER BY c LIMIT 1;
			IF problem IS NULL AND NOT EXISTS (SELECT FROM tarot.shredded_columns(r.relation)) THEN
				problem := 'nothing of it is under the key of the subject';
			END IF;
		END IF;
		IF cardinality(r.members) > 1 AND EXISTS (SELECT FROM pg_class c WHERE c.oid = ANY (r.members) AND c.relowner <> r.relowner) THEN
			problem := 'it is in a circle of foreign keys with tables of another owner';
		END IF;
		IF any_on_hold AND NOT dry_run AND r.action IN ('delete', 'anonymize') THEN
			-- What refers to them, and is on hold, does not come when it has been looked for.
			PERFORM tarot.lock_rows_of_subject(r.relation, r.relation, picked, subject,
				CASE
					WHEN r.action = 'delete'
							OR EXISTS (SELECT
								FROM tarot.references_changing(r.relation, r.columns || tarot.classified_among(r.relation)::name[]))
						THEN 'UPDATE'
					ELSE 'NO KEY UPDATE'
				END);
		END IF;
		picks := picks || jsonb_build_object(r.relation::oid::text, picked);
		statement := format('SELECT pg_catalog.count(*) FROM %s t WHERE %s', r.relation, picked);
		checks := checks || jsonb_build_object(r.relation::oid::text, statement);
		counts := tarot.run_on_subject(r.relation, statement, subject);
		IF r.action <> 'keep' AND counts[1] > 0 THEN
			held := tarot.rows_on_hold(r.relation, r.relation, picked, subject, list, NOT dry_run);
			problem := nullif(
				concat_ws('; ', problem, tarot.hold_problem(held, format('it has rows of the subject on hold (%s)', held))),
				'');
		END IF;
		report := report || jsonb_strip_nulls(jsonb_build_object(
			'table', r.relation, 'action', r.action, 'rows', counts[1], 'legal_basis', r.legal_basis, 'problem', problem));
		problems := problems || CASE WHEN problem IS NOT NULL THEN format('%s: %s', r.relation, problem) END;
		IF r.action = 'delete' AND counts[1] > 0 THEN
			FOR k IN
				SELECT n.oid, n.conrelid, n.conrelid::regclass AS referring, coalesce(n.confdelsetcols, n.conkey) AS numbers
					FROM pg_constraint n
					WHERE n.contype = 'f' AND n.confrelid IN (SELECT m.member FROM tarot.relation_tree(r.relation) m)
						AND NOT EXISTS (SELECT FROM pg_constraint u
							WHERE u.oid = n.conparentid AND u.confrelid IN (SELECT m.member FROM tarot.relation_tree(r.relation) m))
					ORDER BY n.conrelid::regclass::text COLLATE "C", n.conname
			LOOP
				left_over := tarot.references_left(k.oid, r.relation, subject, actions, list, NOT dry_run);
				IF left_over.rows > 0 OR left_over.problem IS NOT NULL THEN
					report := report || jsonb_strip_nulls(jsonb_build_object(
						'table', k.referring, 'action', 'unlink', 'rows', left_over.rows, 'problem', left_over.problem));
					problems := problems
						|| CASE WHEN left_over.problem IS NOT NULL THEN format('%s: %s', k.referring, left_over.problem) END;
				END IF;
				IF left_over.rows > 0 AND left_over.problem IS NULL THEN
					changed := changed || coalesce(
						(SELECT jsonb_agg(jsonb_build_object('table', c."table", 'action', 'change', 'problem', c.problem))
							FROM tarot.changed_on_hold(ARRAY[k.oid], k.conrelid,
								tarot.column_names(k.conrelid, k.numbers, array_fill(''::name, ARRAY[cardinality(k.numbers)])),
								r.relation, subject, actions->>(k.conrelid::text) IS NOT DISTINCT FROM 'delete', list, NOT dry_run) c),
						'[]');
				END IF;
			END LOOP;
		ELSIF r.action = 'anonymize' AND counts[1] > 0 THEN
			changed := coalesce(
				(SELECT jsonb_agg(jsonb_build_object('table', c."table", 'action', 'change', 'problem', c.problem))
					FROM tarot.changed_on_hold('{}', r.relation, r.columns || tarot.classified_among(r.relation)::name[],
						r.relation, subject, false, list, NOT dry_run) c),
				'[]');
		END IF;
		-- By ON UPDATE.
		report := report || changed;
		problems := problems || ARRAY(
			SELECT format('%s: %s', c."table", c.problem) FROM jsonb_to_recordset(changed) AS c ("table" text, problem text));
	END LOOP;
	-- Whether or not a table is registered whose values are under the keys that go.
	FOR r IN
		SELECT w."table", w.problem, c.class
			FROM tarot.keys_of_erasure(actions) AS c (class), LATERAL tarot.rows_on_hold_under_key(c.class, subject, NOT dry_run) AS w
			WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(report) e WHERE e->>'table' = w."table"::text AND e ? 'problem')
			ORDER BY c.class, w."table"::text COLLATE "C"
	LOOP
		report := report || jsonb_build_object('table', r."table", 'action', 'destroy key', 'problem', r.problem);
		problems := problems || format('%s: %s', r."table", r.problem);
	END LOOP;
	IF audit_reason <> '' THEN
		-- What is kept for a legal basis is kept in the log as well.
		logged := ARRAY(SELECT d::oid FROM tarot.registered_tables() d WHERE actions->>(d::oid::text) <> 'keep');
		logged_tables := tarot.logged_subject_tables();
		FOR r IN
			SELECT u."table"::regclass AS relation, u.of_rows, u.of_deleted
				FROM tarot.untold_entries(ARRAY(SELECT e FROM unnest(logged_tables) e WHERE e."table" = ANY (logged))) u
				ORDER BY u."table"::regclass::text COLLATE "C"
		LOOP
			IF r.of_rows > 0 THEN
				problem := format('%s of its entries in the audit log do not tell whose they are: it takes a primary key, '
					'or columns that say so, without a data class and with the names that they have now', r.of_rows);
				report := report || jsonb_build_object('table', r.relation, 'action', 'erase audit details', 'problem', problem);
				problems := problems || format('%s: %s', r.relation, problem);
			ELSIF r.of_deleted > 0 THEN
				report := report || jsonb_build_object('table', r.relation, 'action', 'not told in audit', 'rows', r.of_deleted);
			END IF;
		END LOOP;
		there := ARRAY(SELECT w FROM tarot.subject_rows(subject) w);
		IF dry_run THEN
			FOR r IN
				SELECT e."table"::regclass AS relation, count(*) AS entries
					FROM tarot.subject_entries(subject, there, seen, logged_tables) e
					WHERE e."table" = ANY (logged)
					GROUP BY e."table"
					ORDER BY e."table"::regclass::text COLLATE "C"
			LOOP
				report := report || jsonb_build_object('table', r.relation, 'action', 'erase audit details', 'rows', r.entries);
			END LOOP;
		END IF;
	END IF;
	problems := array_remove(problems, NULL);
	IF problems <> '{}' AND NOT dry_run THEN
		RAISE EXCEPTION 'the subject cannot be erased'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = array_to_string(problems, E'\n'),
				HINT = 'A dry run tells all of it. See tarot.set_erasure(), tarot.register_subject_table(); of rows on hold '
					'tarot.release_subject() and tarot.release(), or the action keep, with a legal basis.';
	END IF;

	IF NOT dry_run THEN
		PERFORM tarot.end_deferral();
		LOOP
			FOR r IN
				SELECT *
					FROM tarot.erasure_steps(ARRAY(
						SELECT d::oid FROM tarot.registered_tables() d WHERE actions->>(d::oid::text) IN ('delete', 'anonymize')))
			LOOP
				CONTINUE WHEN again AND r.members && blind;
				-- What triggers of others have left, too.
				PERFORM tarot.require_own_temporary(c.relowner) FROM pg_class c WHERE c.oid = ANY (r.members);
				-- The statement does not ask for holds of partitions and children: triggers may have put rows there on hold.
				FOR k IN
					SELECT m.relation
						FROM unnest(r.members) AS m (relation)
						WHERE tarot.parts_on_hold(m.relation) <> '{}'
							AND tarot.rows_on_hold(m.relation, m.relation, picks->>(m.relation::text), subject, list, true)
								IS DISTINCT FROM 0
				LOOP
					RAISE EXCEPTION 'rows of the subject in table "%" stay as they are', tarot.relation_name(k.relation)
						USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'They have come to be on hold meanwhile.';
				END LOOP;
				SELECT format('WITH %s SELECT %s',
						string_agg(format('c%s AS (%s)', m.number, changes->>(m.relation::text)), ', ' ORDER BY m.number),
						string_agg(format('(SELECT pg_catalog.count(*) FROM c%s)', m.number), ', ' ORDER BY m.number))
					INTO statement
					FROM unnest(r.members) WITH ORDINALITY AS m (relation, number);
				counts := tarot.run_on_subject(r.members[1], statement, subject, list);
				report := (SELECT jsonb_agg(
						CASE
							WHEN m.number IS NOT NULL AND e->>'action' <> 'unlink' THEN
								e || jsonb_build_object('rows', counts[m.number] + CASE WHEN again THEN (e->>'rows')::bigint ELSE 0 END)
							ELSE e
						END ORDER BY position)
					FROM jsonb_array_elements(report) WITH ORDINALITY AS p (e, position)
					LEFT JOIN unnest(r.members) WITH ORDINALITY AS m (relation, number)
						ON e->>'table' = m.relation::regclass::text
							AND e->>'action' NOT IN ('erase audit details', 'not told in audit'));
				-- A trigger may have kept rows, and nobody is to be told that they are gone.
				FOR k IN SELECT m.relation, m.number FROM unnest(r.members) WITH ORDINALITY AS m (relation, number) LOOP
					IF (tarot.run_on_subject(k.relation, checks->>(k.relation::text), subject))[1]
							> (CASE WHEN k.relation = ANY (blind) THEN counts[k.number] ELSE 0 END) THEN
						RAISE EXCEPTION 'rows of the subject in table "%" stay as they are', tarot.relation_name(k.relation)
							USING ERRCODE = 'object_not_in_prerequisite_state',
								HINT = 'A trigger keeps them; or others have come meanwhile: then try again, with lock_tables.';
					END IF;
				END LOOP;
			END LOOP;
			-- Triggers may have put what was deleted into a table that had been dealt with, as into one of former rows.
			SELECT c.relation INTO k
				FROM (SELECT e.key::oid AS relation, e.value AS statement
					FROM jsonb_each_text(checks) e
					WHERE changes ? e.key AND e.key::oid <> ALL (blind)) AS c
				WHERE (tarot.run_on_subject(c.relation, c.statement, subject))[1] > 0
				ORDER BY c.relation LIMIT 1;
			EXIT WHEN NOT FOUND;
			IF again THEN
				RAISE EXCEPTION 'rows of the subject in table "%" come again', tarot.relation_name(k.relation)
					USING ERRCODE = 'object_not_in_prerequisite_state',
						HINT = 'A trigger of another table that is erased puts them there.';
			END IF;
			again := true;
		END LOOP;
	END IF;

	IF audit_reason <> '' AND NOT dry_run THEN
		-- Those of the deletion, too.
		FOR r IN
			SELECT e."table"::regclass AS relation, e.entries
				FROM tarot.erase_details_of_subject(subject, there, seen, logged_tables, logged, audit_reason) e
				ORDER BY e."table"::regclass::text COLLATE "C"
		LOOP
			report := report || jsonb_build_object('table', r.relation, 'action', 'erase audit details', 'rows', r.entries);
		END LOOP;
	END IF;

	-- That there was a consent, a restriction or a hold may have to be shown: it stays, of nobody who can be told. What was asked for since
	-- the erasure that is done again is still to be answered.
	FOR r IN
		SELECT *
			FROM (VALUES
				('tarot.consent'::regclass, 'withdrawn', ''),
				('tarot.subject_restriction', 'lifted', ''),
				('tarot.subject_hold', 'released', ''),
				('tarot.subject_request', 'closed', ' AND s.received_at <= $3')) AS t (relation, ended, condition)
	LOOP
		IF dry_run THEN
			EXECUTE format('SELECT count(*) FROM %s s WHERE s.subject = $1%s', r.relation, r.condition)
				INTO affected USING subject, '', erased_at;
		ELSE
			EXECUTE format('UPDATE %s s SET subject = $2, %I = coalesce(s.%2$I, clock_timestamp()), '
					'%I = coalesce(s.%3$I, session_user) WHERE s.subject = $1%s',
					r.relation, r.ended || '_at', r.ended || '_by', r.condition)
				USING subject, tarot.subject_pseudonym(subject), erased_at;
			GET DIAGNOSTICS affected = ROW_COUNT;
		END IF;
		IF affected > 0 THEN
			report := report || jsonb_build_object('table', r.relation, 'action', 'anonymize', 'rows', affected);
		END IF;
	END LOOP;

	-- The keys of what is gone, so that backups have nothing of it either; not where a table that keeps its rows needs them.
	FOR k IN SELECT s.class, tarot.class_id(s.class) AS class_id FROM tarot.keys_of_erasure(actions) AS s (class) ORDER BY s.class LOOP
		report := report || jsonb_strip_nulls(jsonb_build_object('action', 'destroy key', 'class', k.class,
			'rows', CASE WHEN NOT dry_run THEN tarot.destroy_subject(k.class_id, subject)::integer END));
	END LOOP;
	RETURN report || coalesce(
		(SELECT jsonb_agg(jsonb_build_object('table', d::regclass, 'action', 'not reached') ORDER BY d::regclass::text COLLATE "C")
			FROM tarot.tables_of_data() d
			WHERE NOT actions ? d::text AND tarot.classified_among(d) <> '{}'),
		'[]');
END
$$;

-- ------------------------------------------------------------ what happens to the tables later

CREATE FUNCTION tarot.follow_subject_columns() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	UPDATE tarot.subject_table s
		SET columns = tarot.column_names(s.relation, s.numbers, s.columns),
			parent_columns = tarot.column_names(s.parent, s.parent_numbers, s.parent_columns)
		WHERE s.columns <> tarot.column_names(s.relation, s.numbers, s.columns)
			OR s.parent_columns <> tarot.column_names(s.parent, s.parent_numbers, s.parent_columns);
	UPDATE tarot.subject_rule r
		SET columns = tarot.column_names(r.relation, r.numbers, r.columns)
		WHERE r.columns <> tarot.column_names(r.relation, r.numbers, r.columns);
END
$$;
COMMENT ON FUNCTION tarot.follow_subject_columns() IS
	'Event trigger: when a column is renamed, what tarot.register_subject_table() and tarot.set_erasure() were told of it holds for its '
	'new name.';
CREATE EVENT TRIGGER tarot_security_follow_subject_columns ON ddl_command_end
	-- By each of these can a column of a table be renamed.
	WHEN TAG IN ('ALTER TABLE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER FOREIGN TABLE', 'ALTER TYPE')
	EXECUTE FUNCTION tarot.follow_subject_columns();
ALTER EVENT TRIGGER tarot_security_follow_subject_columns ENABLE ALWAYS;

REVOKE ALL ON FUNCTION tarot.number_rule_columns(), tarot.set_erasure(regclass, text, text, jsonb),
	tarot.record_subject_hold(text, tarot.subject_hold, text), tarot.hold_subject(text, text), tarot.release_subject(text),
	tarot.anonymizing_update(oid), tarot.shredded_columns(oid), tarot.keys_of_erasure(jsonb), tarot.erasure_steps(oid[]),
	tarot.references_left(oid, oid, text, jsonb, text[], boolean),
	tarot.erase_details_of_subject(text, tarot.logged_row[], pg_snapshot, tarot.logged_table[], oid[], text),
	tarot.erase_rows(text, boolean, text, timestamptz), tarot.follow_subject_columns() FROM PUBLIC;

-- subjects: rows on legal hold, which no erasure takes (tarot.hold(), tarot.hold_subject())

-- Partitions and children of a table that have holds of their own, whose conditions may name columns that only they have.
CREATE FUNCTION tarot.parts_on_hold(relation oid) RETURNS oid[]
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	-- Compiling it would take longer than it does: it is dear by the planner's guesses alone.
	SET jit = off
	AS $$
BEGIN
	RETURN ARRAY(SELECT DISTINCT l
		FROM tarot.relation_tree(relation) AS m
		JOIN tarot.relations_on_hold() AS h ON h = m.member,
			LATERAL tarot.retention_leaves(m.member) AS l
		WHERE m.member <> relation);
END
$$;

-- Locks rows t of a table that meet a condition, until the end of the transaction, as the owner of that table, or of the other. What
-- changes them waits, as does what comes to refer to them, where the strength is 'UPDATE'. Where neither owner may, none is locked.
CREATE FUNCTION tarot.lock_rows_of_subject(relation oid, other oid, condition text, subject text, strength text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	reader oid;
BEGIN
	FOREACH reader IN ARRAY ARRAY[relation, other] LOOP
		BEGIN
			PERFORM tarot.run_on_subject(reader,
				format('WITH l AS (SELECT FROM %s t WHERE %s FOR %s OF t) SELECT pg_catalog.count(*) FROM l',
					relation::regclass, condition, strength),
				subject);
			RETURN;
		EXCEPTION WHEN insufficient_privilege THEN
			NULL;
		END;
	END LOOP;
END
$$;

-- How many rows t of a table that meet a condition are on hold, themselves or as those of anybody who is. The condition may name the
-- subject as $1, and read the other table, too, whose owner is asked where that of the table may not read both; NULL: neither may, or
-- the condition of a hold fails. In the list are the data subjects on hold. Where it "locks", what is found not to be on hold does not
-- come to be.
CREATE FUNCTION tarot.rows_on_hold(relation oid, other oid, condition text, subject text, list text[], locks boolean) RETURNS bigint
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	apart CONSTANT oid[] := tarot.parts_on_hold(relation);
	part oid;
	reader oid;
	held text;
	counted bigint;
	total bigint := 0;
BEGIN
	IF locks AND (apart <> '{}' OR tarot.held_itself(relation, NULL) <> 'false') THEN
		PERFORM tarot.lock_rows_of_subject(relation, other, condition, subject, 'NO KEY UPDATE');
	END IF;
	FOREACH part IN ARRAY relation || apart LOOP
		FOREACH reader IN ARRAY ARRAY[part, relation, other] LOOP
			held := tarot.held_itself(part, (SELECT c.relowner FROM pg_class c WHERE c.oid = reader), '$2');
			counted := 0;
			EXIT WHEN held = 'false';
			BEGIN
				counted := (tarot.run_on_subject(reader,
					format('SELECT pg_catalog.count(*) FROM %s t WHERE %s AND (%s)%s',
						CASE WHEN part = relation THEN '' ELSE 'ONLY ' END || part::regclass,
						condition,
						held,
						CASE WHEN part = relation AND apart <> '{}' THEN
							format(' AND t.tableoid <> ALL (%L::pg_catalog.oid[])', apart)
						END),
					subject, list))[1];
				EXIT;
			EXCEPTION WHEN deadlock_detected OR lock_not_available OR serialization_failure THEN
				RAISE;
			-- A condition that fails, as one by a column that is gone, is told with its table, and not instead of all others.
			WHEN OTHERS THEN
				IF SQLSTATE LIKE 'TS%' THEN
					RAISE;
				END IF;
				counted := NULL;
			END;
		END LOOP;
		total := total + counted;
	END LOOP;
	RETURN total;
END
$$;

-- What is said of so many rows on hold.
CREATE FUNCTION tarot.hold_problem(held bigint, problem text) RETURNS text
	LANGUAGE sql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE
			WHEN held IS NULL THEN
				'its owner cannot tell which of its rows are on hold: it lacks a privilege that their condition needs, or that fails'
			WHEN held > 0 THEN problem
		END
	$$;

-- Whether a row t refers to a row of the subject's in a registered table, by a foreign key, or over others: each is of the table that the
-- one after it refers to. Where "spared", those that refer by the first one are no rows of the subject's themselves.
CREATE FUNCTION tarot.referring_condition(keys oid[], registered oid, spared boolean) RETURNS text
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	condition text := tarot.subject_condition(registered, 't10');
	alias text := 't10';
	n record;
BEGIN
	FOR n IN
		SELECT c.oid, c.conrelid, c.confrelid::regclass AS referenced,
				CASE WHEN k.position < cardinality(keys) THEN 'c' || k.position ELSE 't' END AS alias, k.position
			FROM unnest(keys) WITH ORDINALITY AS k (oid, position)
			JOIN pg_constraint c USING (oid)
			ORDER BY k.position
	LOOP
		condition := format('EXISTS (SELECT FROM %s %s WHERE %s AND %s)',
			n.referenced, alias, tarot.foreign_key_pairs(n.oid, alias, n.alias), condition);
		IF spared AND n.position = 1 THEN
			condition := format('%s AND %s IS NOT TRUE', condition, tarot.subject_condition(n.conrelid, n.alias));
		END IF;
		alias := n.alias;
	END LOOP;
	RETURN condition;
END
$$;

-- Where rows on hold would be changed, by ON UPDATE, with columns of a table: of the registered one, or one that refers to it by these
-- foreign keys; and with theirs in turn.
CREATE FUNCTION tarot.changed_on_hold(
		keys oid[], relation oid, columns name[], registered oid, subject text, spared boolean, list text[], locks boolean)
	RETURNS TABLE ("table" regclass, problem text)
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	k record;
	held bigint;
BEGIN
	FOR k IN
		SELECT r.*, tarot.column_names(n.conrelid, n.conkey, array_fill(''::name, ARRAY[cardinality(n.conkey)])) AS columns
			FROM tarot.references_changing(relation, columns) AS r
			JOIN pg_constraint n ON n.oid = r."constraint"
			WHERE r."constraint" <> ALL (keys)
	LOOP
		-- What compares by a cast of somebody's is not asked.
		held := CASE
			WHEN tarot.has_foreign_cast(k."constraint") THEN
				CASE WHEN NOT EXISTS (SELECT FROM tarot.relations_on_hold()) THEN 0 END
			ELSE tarot.rows_on_hold(k.referring, k.referenced,
				tarot.referring_condition(keys || k."constraint", registered, spared), subject, list, locks)
		END;
		"table" := k.referring;
		problem := tarot.hold_problem(held,
			format('it has rows on hold (%s) that would be changed with rows of %s', held, k.referenced::regclass));
		IF problem IS NOT NULL THEN
			RETURN NEXT;
		END IF;
		CONTINUE WHEN held IS NULL;
		RETURN QUERY
			SELECT c.*
				FROM tarot.changed_on_hold(
					keys || k."constraint", k.referring, k.columns, registered, subject, spared, list, locks) AS c;
	END LOOP;
END
$$;

-- Rows on hold with values under the subject's keys in a class, by their table. Where a rule keeps them there (tarot.set_subject()) only
-- the subject's rows are looked into; values that an archive has, a partition that was detached, or a copy, are under the keys as well.
-- What is about to destroy them waits for who makes some.
CREATE FUNCTION tarot.rows_on_hold_under_key(class text, subject text, waits boolean) RETURNS TABLE ("table" regclass, problem text)
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	keys bigint[];
	c record;
	held bigint;
	list text[];
BEGIN
	IF NOT EXISTS (SELECT FROM tarot.relations_on_hold()) THEN
		RETURN;
	END IF;
	keys := tarot.subject_keys(tarot.class_id(class), rows_on_hold_under_key.subject, waits);
	list := coalesce(tarot.subjects_on_hold(), '{}');
	FOR c IN
		SELECT a.attrelid AS relation,
				string_agg(
					format('(%s tarot.is_under_subject_key(t.%I, %L))',
						CASE WHEN k.subject IS NOT NULL THEN tarot.subject_comparison(a.attrelid, k.subject::name, 't') || ' AND' END,
						a.attname, keys),
					' OR ' ORDER BY a.attnum) AS condition
			FROM pg_attribute a
			JOIN pg_class r ON r.oid = a.attrelid AND r.relkind IN ('r', 'p')
			LEFT JOIN tarot.bound_column k ON k."table" = a.attrelid AND k."column" = a.attname AND k.enforced
			WHERE keys <> '{}' AND a.attnum > 0 AND NOT a.attisdropped AND tarot.class_of_type(a.atttypid, a.atttypmod) = class
				-- What is below another table is looked into with that.
				AND NOT EXISTS (SELECT FROM pg_inherits i
					JOIN pg_attribute b ON b.attrelid = i.inhparent AND b.attname = a.attname AND NOT b.attisdropped
					WHERE i.inhrelid = a.attrelid)
			GROUP BY a.attrelid
			ORDER BY a.attrelid
	LOOP
		held := tarot.rows_on_hold(c.relation, c.relation, format('(%s)', c.condition), rows_on_hold_under_key.subject, list, waits);
		"table" := c.relation;
		problem := tarot.hold_problem(held, format('it has rows on hold (%s) with values under the key', held));
		IF problem IS NOT NULL THEN
			RETURN NEXT;
		END IF;
	END LOOP;
END
$$;

-- For tarot.destroy_subject_key().
CREATE FUNCTION tarot.require_key_not_on_hold(class text, subject text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	problems text;
BEGIN
	PERFORM tarot.require_read_committed();
	-- A hold that is coming waits, and one that came is seen.
	LOCK TABLE tarot.subject_hold IN SHARE MODE;
	IF EXISTS (SELECT FROM tarot.subject_hold h WHERE h.subject = require_key_not_on_hold.subject AND h.released_at IS NULL) THEN
		problems := 'the subject is on hold';
	ELSE
		SELECT string_agg(format('%s: %s', k."table", k.problem), E'\n' ORDER BY k."table"::text COLLATE "C") INTO problems
			FROM tarot.rows_on_hold_under_key(class, subject, true) k;
	END IF;
	IF problems IS NOT NULL THEN
		RAISE EXCEPTION 'the key of a subject on legal hold, or of rows that are, cannot be destroyed'
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = problems,
				HINT = 'Call tarot.release_subject() or tarot.release().';
	END IF;
END
$$;

-- For tarot.destroy_key(), where it is forced.
CREATE FUNCTION tarot.require_version_not_on_hold(key_id integer, version integer) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	list text[];
	c record;
	held bigint;
	problems text[] := '{}';
BEGIN
	PERFORM tarot.require_read_committed();
	LOCK TABLE tarot.subject_hold IN SHARE MODE;
	IF NOT EXISTS (SELECT FROM tarot.relations_on_hold()) THEN
		RETURN;
	END IF;
	list := coalesce(tarot.subjects_on_hold(), '{}');
	-- Of a key of a subject it is not told which version it is wrapped by: each counts, where that is one.
	FOR c IN
		SELECT a.attrelid::regclass AS relation,
				string_agg(
					format('tarot.is_under_key(t.%I, %s, %s, %L)',
						a.attname, require_version_not_on_hold.key_id, require_version_not_on_hold.version,
						EXISTS (SELECT FROM tarot.subject_key k
							JOIN tarot.class l USING (class_id)
							WHERE k.key_id = require_version_not_on_hold.key_id AND k.key_version = require_version_not_on_hold.version
								AND l.name = tarot.class_of_type(a.atttypid, a.atttypmod))),
					' OR ' ORDER BY a.attnum) AS condition
			FROM pg_attribute a
			JOIN pg_class r ON r.oid = a.attrelid AND r.relkind IN ('r', 'p')
			WHERE a.attnum > 0 AND NOT a.attisdropped AND tarot.class_of_type(a.atttypid, a.atttypmod) IS NOT NULL
				AND NOT EXISTS (SELECT FROM pg_inherits i
					JOIN pg_attribute b ON b.attrelid = i.inhparent AND b.attname = a.attname AND NOT b.attisdropped
					WHERE i.inhrelid = a.attrelid)
			GROUP BY a.attrelid
			ORDER BY a.attrelid::regclass::text COLLATE "C"
	LOOP
		held := tarot.rows_on_hold(c.relation, c.relation, format('(%s)', c.condition), '', list, true);
		problems := array_remove(
			problems || format('%s: %s', c.relation,
				tarot.hold_problem(held, format('it has rows on hold (%s) with values under the key', held))),
			format('%s: ', c.relation));
	END LOOP;
	IF problems <> '{}' THEN
		RAISE EXCEPTION 'a key of rows on legal hold cannot be destroyed'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = array_to_string(problems, E'\n'),
				HINT = 'Call tarot.release_subject() or tarot.release(), or move the values to a newer version: tarot.reseal(), '
					'tarot.rewrap_subject_keys().';
	END IF;
END
$$;

REVOKE ALL ON FUNCTION tarot.parts_on_hold(oid), tarot.lock_rows_of_subject(oid, oid, text, text, text),
	tarot.rows_on_hold(oid, oid, text, text, text[], boolean), tarot.referring_condition(oid[], oid, boolean),
	tarot.changed_on_hold(oid[], oid, name[], oid, text, boolean, text[], boolean), tarot.hold_problem(bigint, text),
	tarot.rows_on_hold_under_key(text, text, boolean), tarot.require_key_not_on_hold(text, text),
	tarot.require_version_not_on_hold(integer, integer) FROM PUBLIC;

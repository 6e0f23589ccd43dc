-- subjects: rows on legal hold, which no erasure takes (tarot.hold(), tarot.hold_subject())

-- How many rows t of a table that meet a condition are on hold, themselves or as those of anybody who is. The condition may name the subject as $1, and read the other table, too, whose owner
-- is asked where that of the table may not read both; NULL: neither may.
CREATE FUNCTION tarot.rows_on_hold(relation oid, other oid, condition text, subject text) RETURNS bigint
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	list CONSTANT text[] := coalesce(tarot.subjects_on_hold(), '{}');
	-- Those with holds of their own, whose conditions may name columns that only they have.
	apart CONSTANT oid[] := ARRAY(SELECT DISTINCT l FROM tarot.relation_tree(relation) AS m JOIN tarot.relations_on_hold() AS h ON h = m.member, LATERAL tarot.retention_leaves(m.member) AS l WHERE m.member <> relation);
	part oid;
	reader oid;
	held text;
	counted bigint;
	total bigint := 0;
BEGIN
	FOREACH part IN ARRAY relation || apart LOOP
		FOREACH reader IN ARRAY ARRAY[part, relation, other] LOOP
			held := tarot.held_itself(part, (SELECT c.relowner FROM pg_class c WHERE c.oid = reader), '$2');
			counted := 0;
			EXIT WHEN held = 'false';
			BEGIN
				counted := (tarot.run_on_subject(reader, format('SELECT pg_catalog.count(*) FROM %s t WHERE %s AND (%s)%s', CASE WHEN part = relation THEN '' ELSE 'ONLY ' END || part::regclass, condition, held,
					CASE WHEN part = relation AND apart <> '{}' THEN format(' AND t.tableoid <> ALL (%L::pg_catalog.oid[])', apart) END), subject, list))[1];
				EXIT;
			EXCEPTION WHEN insufficient_privilege THEN
				counted := NULL;
			END;
		END LOOP;
		total := total + counted;
	END LOOP;
	RETURN total;
END
$$;

-- Of rows that would be changed with those of the subject, by a foreign key to a registered table or a partition of it, those on hold; "rest" is a condition on them.
CREATE FUNCTION tarot.referring_on_hold(constraint_id oid, registered oid, subject text, rest text) RETURNS bigint
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	n pg_constraint;
BEGIN
	SELECT * INTO n FROM pg_constraint c WHERE c.oid = constraint_id;
	RETURN CASE WHEN NOT tarot.has_foreign_cast(constraint_id) THEN tarot.rows_on_hold(n.conrelid, n.confrelid, format('EXISTS (SELECT FROM %s t10 WHERE %s AND %s) AND %s', n.confrelid::regclass,
		tarot.foreign_key_pairs(constraint_id, 't10', 't'), tarot.subject_condition(registered, 't10'), rest), subject) END;
END
$$;

-- What is said of so many rows on hold.
CREATE FUNCTION tarot.hold_problem(held bigint, problem text) RETURNS text
	LANGUAGE sql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT CASE WHEN held IS NULL THEN 'its owner cannot tell which of its rows are on hold: it lacks a privilege that their condition needs' WHEN held > 0 THEN problem END $$;

-- Rows on hold with values under the subject's key in a class, by their table.
CREATE FUNCTION tarot.rows_on_hold_under_key(class text, subject text) RETURNS TABLE ("table" regclass, problem text)
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	b record;
	held bigint;
BEGIN
	FOR b IN SELECT DISTINCT k."table", k.subject FROM tarot.bound_column k JOIN pg_attribute a ON a.attrelid = k."table" AND a.attname = k."column" AND NOT a.attisdropped
			WHERE k.subject IS NOT NULL AND tarot.class_of_type(a.atttypid, a.atttypmod) = class ORDER BY k."table", k.subject LOOP
		held := tarot.rows_on_hold(b."table", b."table", tarot.subject_comparison(b."table", b.subject::name, 't'), rows_on_hold_under_key.subject);
		"table" := b."table";
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
		SELECT string_agg(format('%s: %s', k."table", k.problem), E'\n' ORDER BY k."table"::text COLLATE "C") INTO problems FROM tarot.rows_on_hold_under_key(class, subject) k;
	END IF;
	IF problems IS NOT NULL THEN
		RAISE EXCEPTION 'the key of a subject on legal hold, or of rows that are, cannot be destroyed' USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = problems, HINT = 'Call tarot.release_subject() or tarot.release().';
	END IF;
END
$$;

REVOKE ALL ON FUNCTION tarot.rows_on_hold(oid, oid, text, text), tarot.referring_on_hold(oid, oid, text, text), tarot.hold_problem(bigint, text), tarot.rows_on_hold_under_key(text, text), tarot.require_key_not_on_hold(text, text) FROM PUBLIC;

-- retention: rows that would go, or be changed, with others by foreign keys: those on hold, and those that somebody has locked

-- Those of these columns that a table has, and what is generated from them.
CREATE FUNCTION tarot.changing_columns(relation oid, columns name[]) RETURNS smallint[]
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	RETURN ARRAY(
		SELECT a.attnum
			FROM pg_attribute a
			WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
				AND (a.attname = ANY (columns)
					OR a.attgenerated <> '' AND EXISTS (
						SELECT
							FROM pg_attrdef d
								JOIN pg_depend n ON n.classid = 'pg_attrdef'::regclass AND n.objid = d.oid
									AND n.refclassid = 'pg_class'::regclass AND n.refobjid = d.adrelid
								JOIN pg_attribute b ON b.attrelid = d.adrelid AND b.attnum = n.refobjsubid
							WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND b.attname = ANY (columns))));
END
$$;

-- The foreign keys to a table, or to a partition or child of it, by which rows change (ON UPDATE) with some of its columns.
CREATE FUNCTION tarot.references_changing(relation oid, columns name[]) RETURNS TABLE ("constraint" oid, referring oid, referenced oid)
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	members CONSTANT oid[] := ARRAY(SELECT t.member FROM tarot.relation_tree(relation) AS t);
BEGIN
	RETURN QUERY SELECT n.oid, n.conrelid, n.confrelid
		FROM pg_constraint n
		WHERE n.contype = 'f' AND n.confrelid = ANY (members)
			AND n.confupdtype IN ('c', 'n', 'd') AND n.confkey && tarot.changing_columns(n.confrelid, columns)
			-- That of a partition is the one of its table; but not where this is a partition itself, and the table is above it.
			AND NOT EXISTS (SELECT FROM pg_constraint u WHERE u.oid = n.conparentid AND u.confrelid = ANY (members))
		ORDER BY n.conrelid::regclass::text COLLATE "C", n.conname, n.oid;
END
$$;

-- The foreign keys by which rows of other tables are deleted ("goes") or changed with those of a table that are deleted, or where some of
-- its columns change: how a row c there is compared with the row t, and which columns change there. A partition of what refers is asked by
-- itself where it has holds, or is referred to, by itself.
CREATE FUNCTION tarot.keys_along(relation oid, changing name[], on_hold oid[])
		RETURNS TABLE ("constraint" oid, member oid, goes boolean, comparison text, changes name[])
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT r."constraint", t.member, changing = '{}' AND r.action = 'c', r.comparison,
			ARRAY(
				SELECT a.attname
					FROM pg_attribute a
					WHERE a.attrelid = k.conrelid
						AND a.attnum = ANY (
							CASE WHEN changing = '{}' AND k.confdelsetcols IS NOT NULL THEN k.confdelsetcols ELSE k.conkey END))
		FROM tarot.retention_references(relation) AS r
			JOIN pg_constraint k ON k.oid = r."constraint",
			LATERAL tarot.relation_tree(r.referring) AS t
		WHERE
			CASE WHEN changing = '{}' THEN r.action IN ('c', 'n', 'd')
				ELSE k.confupdtype IN ('c', 'n', 'd') AND k.confkey && tarot.changing_columns(relation, changing)
			END
			AND (t.depth = 0
				OR t.member = ANY (on_hold)
				OR EXISTS (SELECT FROM pg_constraint n WHERE n.contype = 'f' AND n.confrelid = t.member AND n.conparentid = 0));
END
$$;

-- Masks of it may be compared, by which rows would be missed.
CREATE FUNCTION tarot.goes_by_mask("constraint" oid) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT EXISTS (
			SELECT
				FROM pg_constraint n,
					LATERAL (
						SELECT n.conrelid, unnest(n.conkey)
						UNION ALL SELECT n.confrelid, unnest(n.confkey)
					) AS k (relation, number)
				WHERE n.oid = "constraint" AND tarot.is_masked(k.relation) AND tarot.class_of_column(k.relation, k.number) IS NOT NULL)
	$$;

-- Whether a role may lock rows of a table that refer by a foreign key, and is shown the columns of that as they are.
CREATE FUNCTION tarot.may_lock_along("constraint" oid, member oid, role oid) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT has_schema_privilege(role, c.relnamespace, 'USAGE')
				AND has_table_privilege(role, c.oid, 'SELECT')
				AND has_any_column_privilege(role, c.oid, 'UPDATE')
				AND NOT tarot.has_foreign_cast("constraint")
				AND NOT tarot.goes_by_mask("constraint")
			FROM pg_class c
			WHERE c.oid = member
	$$;

-- All of them, from table to table: "from" and "to" are tables, with what becomes of their rows, and "0" the first one; where others change
-- with such rows in turn, by the key by which they do. NULL: there is none. With a role those whose rows it may lock, else those that lead
-- to a table with holds.
CREATE FUNCTION tarot.ways_along(leaf oid, role oid DEFAULT NULL) RETURNS jsonb
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	on_hold CONSTANT oid[] := ARRAY(SELECT tarot.relations_on_hold());
	with_holds CONSTANT oid[] := ARRAY(SELECT t.member FROM unnest(on_hold) AS h, LATERAL tarot.relation_tree(h) AS t);
	-- What rows go from, or change in.
	met jsonb := jsonb_build_array(jsonb_build_object('name', '0', 'relation', leaf, 'changing', '{}'::name[]));
	next integer := 0;
	ways jsonb := '[]';
	k record;
	target text;
	useful text[];
	before integer := -1;
BEGIN
	WHILE next < jsonb_array_length(met) LOOP
		FOR k IN
			SELECT a.*
				FROM tarot.keys_along((met->next->>'relation')::oid,
					ARRAY(SELECT c::name FROM jsonb_array_elements_text(met->next->'changing') AS c), on_hold) AS a
		LOOP
			CONTINUE WHEN role IS NOT NULL AND NOT tarot.may_lock_along(k."constraint", k.member, role);
			target := k.member || CASE
				WHEN k.goes THEN ' goes'
				WHEN EXISTS (
					SELECT FROM pg_constraint n
						WHERE n.contype = 'f' AND n.confrelid = k.member
							AND n.confupdtype IN ('c', 'n', 'd') AND n.confkey && tarot.changing_columns(k.member, k.changes))
					THEN ' stays ' || k."constraint"
				ELSE ' stays'
			END;
			ways := ways || jsonb_build_object('from', met->next->>'name', 'to', target,
				'constraint', k."constraint", 'member', k.member, 'comparison', k.comparison);
			-- The first one may be met again, as the rest of a circle.
			IF target NOT LIKE '% stays' AND NOT met @> jsonb_build_array(jsonb_build_object('name', target)) THEN
				met := met || jsonb_build_object('name', target, 'relation', k.member,
					'changing', CASE WHEN k.goes THEN '{}' ELSE k.changes END);
			END IF;
		END LOOP;
		next := next + 1;
	END LOOP;
	useful := ARRAY(
		SELECT DISTINCT w."to"
			FROM jsonb_to_recordset(ways) AS w ("to" text, member oid)
			WHERE role IS NOT NULL OR w.member = ANY (with_holds));
	WHILE cardinality(useful) > before LOOP
		before := cardinality(useful);
		useful := ARRAY(
			SELECT unnest(useful)
			UNION SELECT w."from" FROM jsonb_to_recordset(ways) AS w ("from" text, "to" text) WHERE w."to" = ANY (useful));
	END LOOP;
	RETURN (
		SELECT jsonb_agg(w ORDER BY (w->>'constraint')::oid, (w->>'member')::oid, w->>'from')
			FROM jsonb_array_elements(ways) AS w
			WHERE w->>'to' = ANY (useful));
END
$$;

-- The tables that ways lead to, each once, by however many it is reached, which else would double with each table that has two: "steps"
-- have their rows. Of each way "locks" are queries that lock its rows, and "locked" are conditions that somebody else has locked one of
-- them, which lock the others.
CREATE FUNCTION tarot.steps_along(ways jsonb,
		OUT reached text[], OUT members oid[], OUT steps text[], OUT locks text[], OUT locked text[]) RETURNS record
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	way record;
	step record;
	sources text[];
	rows text;
	lock text;
BEGIN
	reached := '{0}';
	members := '{NULL}';
	steps := '{}';
	locks := '{}';
	locked := '{}';
	LOOP
		-- The next table that nothing leads to any more; in a circle, any.
		SELECT w."to" AS name, w.member
			INTO step
			FROM jsonb_to_recordset(ways) AS w ("from" text, "to" text, member oid)
			WHERE w."to" <> ALL (reached)
			GROUP BY w."to", w.member
			HAVING bool_or(w."from" = ANY (reached))
			ORDER BY bool_and(w."from" = ANY (reached) OR w."from" = w."to") DESC, w.member, w."to"
			LIMIT 1;
		EXIT WHEN NOT FOUND;
		sources := '{}';
		lock := CASE WHEN step.name LIKE '% stays' THEN ' FOR NO KEY UPDATE' ELSE ' FOR UPDATE' END;
		FOR way IN
			SELECT w.*, array_position(reached, w."from") - 1 AS origin
				FROM jsonb_to_recordset(ways) AS w ("from" text, "to" text, member oid, comparison text)
				WHERE w."to" = step.name AND w."from" = ANY (reached)
		LOOP
			-- Row-wise, as the foreign key itself does.
			sources := sources || CASE way.origin
				WHEN 0 THEN format('SELECT c.tableoid AS "table of c", c.ctid AS "place of c", c.* FROM %s c WHERE %s',
					way.member::regclass, way.comparison)
				ELSE format('SELECT c.* FROM reached%s AS t, LATERAL ('
						'SELECT c.tableoid AS "table of c", c.ctid AS "place of c", c.* FROM %s c WHERE %s OFFSET 0) AS c',
					way.origin, way.member::regclass, way.comparison)
			END;
			rows := format('SELECT FROM %s c WHERE %s', way.member::regclass, way.comparison);
			IF way.origin = 0 THEN
				locks := locks || (rows || lock);
				locked := locked || format('(SELECT count(*) FROM (%s) AS l) > (SELECT count(*) FROM (%s) AS l)',
					rows, rows || lock || ' SKIP LOCKED');
			ELSE
				locks := locks || format('WITH %s SELECT FROM reached%s AS t, LATERAL (%s) AS l',
					array_to_string(steps, ', '), way.origin, rows || lock);
				locked := locked || format('(SELECT count(*) FROM reached%1$s AS t, LATERAL (%2$s) AS l) > '
						'(SELECT count(*) FROM reached%1$s AS t, LATERAL (%3$s) AS l)',
					way.origin, rows, rows || lock || ' SKIP LOCKED');
			END IF;
		END LOOP;
		reached := reached || step.name;
		members := members || step.member;
		steps := steps || format(
			CASE WHEN cardinality(sources) > 1
				THEN 'reached%s AS (SELECT DISTINCT ON (c."table of c", c."place of c") c.* FROM (%s) AS c)'
				ELSE 'reached%s AS (%s)'
			END,
			cardinality(reached) - 1, array_to_string(sources, ' UNION ALL '));
	END LOOP;
END
$$;

-- Whether a row on hold would go, or be changed, with a row t. Of a circle of foreign keys what comes round again is taken to be on hold.
-- "locks" are statements that lock what would go with the rows of $2: what refers to a row that is locked waits, and then cannot, and what
-- is committed until then the next statement sees.
CREATE FUNCTION tarot.held_along(leaf oid, role oid, OUT held text, OUT locks text) RETURNS record
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	ways CONSTANT jsonb := tarot.ways_along(leaf);
	way record;
	s record;
	conditions text[] := '{}';
	own text;
BEGIN
	held := 'false';
	IF ways IS NULL THEN
		RETURN;
	END IF;
	FOR way IN
		SELECT DISTINCT n.oid, n.conrelid, n.confrelid
			FROM jsonb_to_recordset(ways) AS w ("constraint" oid) JOIN pg_constraint n ON n.oid = w."constraint"
			ORDER BY n.oid
	LOOP
		IF tarot.has_foreign_cast(way.oid) THEN
			RAISE EXCEPTION 'a foreign key of table "%" to table "%" goes by a cast that is not the server''s',
				tarot.relation_name(way.conrelid), tarot.relation_name(way.confrelid)
				USING ERRCODE = 'object_not_in_prerequisite_state',
					HINT = 'Give the referring column the type of the referenced one.';
		ELSIF tarot.goes_by_mask(way.oid) THEN
			RAISE EXCEPTION 'a foreign key of table "%" to table "%" goes by a masked column',
				tarot.relation_name(way.conrelid), tarot.relation_name(way.confrelid)
				USING ERRCODE = 'object_not_in_prerequisite_state',
					HINT = 'Rows that refer are on hold, or may be, and would go with those that they refer to.';
		END IF;
	END LOOP;
	SELECT * INTO s FROM tarot.steps_along(ways);
	FOR i IN 2 .. cardinality(s.members) LOOP
		own := tarot.held_itself(s.members[i], role);
		IF own <> 'false' THEN
			conditions := conditions || format('SELECT 1 FROM reached%s AS t WHERE %s', i - 1, own);
		END IF;
	END LOOP;
	FOR way IN
		SELECT w.*, array_position(s.reached, w."from") AS origin
			FROM jsonb_to_recordset(ways) AS w ("from" text, "to" text, member oid, comparison text)
			WHERE array_position(s.reached, w."from") >= array_position(s.reached, w."to")
	LOOP
		conditions := conditions || format('SELECT 1 FROM reached%s AS t, LATERAL (SELECT FROM %s c WHERE %s OFFSET 0) AS c',
			way.origin - 1, way.member::regclass, way.comparison);
	END LOOP;
	held := format('EXISTS (WITH %s %s)', array_to_string(s.steps, ', '), array_to_string(conditions, ' UNION ALL '));
	SELECT string_agg(
			format('SELECT count(*) FROM ONLY %s AS t, LATERAL (%s) AS l '
					'WHERE t.ctid = ANY (ARRAY(SELECT p.place::tid FROM jsonb_array_elements_text($2->''places'') AS p (place))); ',
				leaf::regclass, l.lock),
			'' ORDER BY l.number)
		INTO locks
		FROM unnest(s.locks) WITH ORDINALITY AS l (lock, number);
END
$$;

-- Whether somebody has locked a row that would go, or be changed, with a row t. Those that nobody has it locks. Where the role may not lock
-- them, and of what comes round again in a circle, it is not asked, and who deletes waits.
CREATE FUNCTION tarot.locked_along(leaf oid, role oid) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT coalesce((
			SELECT format('EXISTS (WITH %s SELECT WHERE %s)', array_to_string(s.steps, ', '), array_to_string(s.locked, ' OR '))
				FROM tarot.steps_along(tarot.ways_along(leaf, role)) AS s
				WHERE s.locked <> '{}'), 'false')
	$$;

REVOKE ALL ON FUNCTION tarot.changing_columns(oid, name[]), tarot.references_changing(oid, name[]), tarot.keys_along(oid, name[], oid[]),
	tarot.ways_along(oid, oid), tarot.may_lock_along(oid, oid, oid), tarot.goes_by_mask(oid), tarot.steps_along(jsonb),
	tarot.held_along(oid, oid), tarot.locked_along(oid, oid) FROM PUBLIC;

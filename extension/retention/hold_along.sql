-- retention: rows on hold that would go, or be changed, with others by foreign keys

-- Those of these columns that a table has, and what is generated from them.
CREATE FUNCTION tarot.changing_columns(relation oid, columns name[]) RETURNS smallint[]
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	RETURN ARRAY(SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND (a.attname = ANY (columns)
		OR a.attgenerated <> '' AND EXISTS (SELECT FROM pg_attrdef d JOIN pg_depend n ON n.classid = 'pg_attrdef'::regclass AND n.objid = d.oid AND n.refclassid = 'pg_class'::regclass AND n.refobjid = d.adrelid
			JOIN pg_attribute b ON b.attrelid = d.adrelid AND b.attnum = n.refobjsubid WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND b.attname = ANY (columns))));
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
	RETURN QUERY SELECT n.oid, n.conrelid, n.confrelid FROM pg_constraint n WHERE n.contype = 'f' AND n.confrelid = ANY (members) AND n.confupdtype IN ('c', 'n', 'd') AND n.confkey && tarot.changing_columns(n.confrelid, columns)
		-- That of a partition is the one of its table; but not where this is a partition itself, and the table is above it.
		AND NOT EXISTS (SELECT FROM pg_constraint u WHERE u.oid = n.conparentid AND u.confrelid = ANY (members))
		ORDER BY n.conrelid::regclass::text COLLATE "C", n.conname, n.oid;
END
$$;

-- The foreign keys by which rows of other tables are deleted ("goes") or changed with those of a table that are deleted, or where some of its columns change: how a row c there is compared with
-- the row t, and which columns change there. A partition of what refers is asked by itself where it has holds, or is referred to, by itself.
CREATE FUNCTION tarot.keys_along(relation oid, changing name[], on_hold oid[]) RETURNS TABLE ("constraint" oid, member oid, goes boolean, comparison text, changes name[])
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT r."constraint", t.member, changing = '{}' AND r.action = 'c', r.comparison, ARRAY(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (CASE WHEN changing = '{}' AND k.confdelsetcols IS NOT NULL THEN k.confdelsetcols ELSE k.conkey END))
		FROM tarot.retention_references(relation) AS r JOIN pg_constraint k ON k.oid = r."constraint", LATERAL tarot.relation_tree(r.referring) AS t
		WHERE CASE WHEN changing = '{}' THEN r.action IN ('c', 'n', 'd') ELSE k.confupdtype IN ('c', 'n', 'd') AND k.confkey && tarot.changing_columns(relation, changing) END
			AND (t.depth = 0 OR t.member = ANY (on_hold) OR EXISTS (SELECT FROM pg_constraint n WHERE n.contype = 'f' AND n.confrelid = t.member AND n.conparentid = 0));
END
$$;

-- All of them, from table to table, that lead to one with holds: "from" and "to" are tables, with what becomes of their rows, and "0" the first one; where others change with such rows in turn,
-- by the key by which they do. NULL: there is none.
CREATE FUNCTION tarot.ways_along(leaf oid) RETURNS jsonb
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
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
		FOR k IN SELECT a.* FROM tarot.keys_along((met->next->>'relation')::oid, ARRAY(SELECT c::name FROM jsonb_array_elements_text(met->next->'changing') AS c), on_hold) AS a LOOP
			target := k.member || CASE WHEN k.goes THEN ' goes' WHEN EXISTS (SELECT FROM pg_constraint n WHERE n.contype = 'f' AND n.confrelid = k.member AND n.confupdtype IN ('c', 'n', 'd') AND n.confkey && tarot.changing_columns(k.member, k.changes)) THEN ' stays ' || k."constraint" ELSE ' stays' END;
			ways := ways || jsonb_build_object('from', met->next->>'name', 'to', target, 'constraint', k."constraint", 'member', k.member, 'comparison', k.comparison);
			-- The first one may be met again, as the rest of a circle.
			IF target NOT LIKE '% stays' AND NOT met @> jsonb_build_array(jsonb_build_object('name', target)) THEN
				met := met || jsonb_build_object('name', target, 'relation', k.member, 'changing', CASE WHEN k.goes THEN '{}' ELSE k.changes END);
			END IF;
		END LOOP;
		next := next + 1;
	END LOOP;
	useful := ARRAY(SELECT DISTINCT w."to" FROM jsonb_to_recordset(ways) AS w ("to" text, member oid) WHERE w.member = ANY (with_holds));
	WHILE cardinality(useful) > before LOOP
		before := cardinality(useful);
		useful := ARRAY(SELECT unnest(useful) UNION SELECT w."from" FROM jsonb_to_recordset(ways) AS w ("from" text, "to" text) WHERE w."to" = ANY (useful));
	END LOOP;
	RETURN (SELECT jsonb_agg(w ORDER BY (w->>'constraint')::oid, (w->>'member')::oid, w->>'from') FROM jsonb_array_elements(ways) AS w WHERE w->>'to' = ANY (useful));
END
$$;

-- Whether a row on hold would go, or be changed, with a row t; each table is asked once, by however many ways it is reached, which else would double with each table that has two. Of a circle
-- of foreign keys what comes round again is taken to be on hold. "locks" are statements that lock what would go with the rows of $2: what refers to a row that is locked waits, and then cannot,
-- and what is committed until then the next statement sees.
CREATE FUNCTION tarot.held_along(leaf oid, role oid, OUT held text, OUT locks text) RETURNS record
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	ways CONSTANT jsonb := tarot.ways_along(leaf);
	way record;
	reached text[] := '{0}';
	steps text[] := '{}';
	conditions text[] := '{}';
	sources text[];
	step record;
	own text;
BEGIN
	held := 'false';
	IF ways IS NULL THEN
		RETURN;
	END IF;
	FOR way IN SELECT DISTINCT n.oid, n.conrelid, n.confrelid FROM jsonb_to_recordset(ways) AS w ("constraint" oid) JOIN pg_constraint n ON n.oid = w."constraint" ORDER BY n.oid LOOP
		IF tarot.has_foreign_cast(way.oid) THEN
			RAISE EXCEPTION 'a foreign key of table "%" to table "%" goes by a cast that is not the server''s', tarot.relation_name(way.conrelid), tarot.relation_name(way.confrelid) USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Give the referring column the type of the referenced one.';
		ELSIF EXISTS (SELECT FROM pg_constraint n, LATERAL (SELECT n.conrelid, unnest(n.conkey) UNION ALL SELECT n.confrelid, unnest(n.confkey)) AS k (relation, number)
				WHERE n.oid = way.oid AND tarot.is_masked(k.relation) AND tarot.class_of_column(k.relation, k.number) IS NOT NULL) THEN
			-- Masks of it may be compared, by which rows on hold would be missed.
			RAISE EXCEPTION 'a foreign key of table "%" to table "%" goes by a masked column', tarot.relation_name(way.conrelid), tarot.relation_name(way.confrelid) USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Rows that refer are on hold, or may be, and would go with those that they refer to.';
		END IF;
	END LOOP;
	LOOP
		-- The next table that nothing leads to any more; in a circle, any.
		SELECT w."to" AS name, w.member INTO step FROM jsonb_to_recordset(ways) AS w ("from" text, "to" text, member oid) WHERE w."to" <> ALL (reached) GROUP BY w."to", w.member
			HAVING bool_or(w."from" = ANY (reached)) ORDER BY bool_and(w."from" = ANY (reached) OR w."from" = w."to") DESC, w.member, w."to" LIMIT 1;
		EXIT WHEN NOT FOUND;
		sources := '{}';
		FOR way IN SELECT w.*, array_position(reached, w."from") - 1 AS origin FROM jsonb_to_recordset(ways) AS w ("from" text, "to" text, member oid, comparison text) WHERE w."to" = step.name AND w."from" = ANY (reached) LOOP
			-- Row-wise, as the foreign key itself does.
			sources := sources || CASE way.origin WHEN 0 THEN format('SELECT c.tableoid AS "table of c", c.ctid AS "place of c", c.* FROM %s c WHERE %s', way.member::regclass, way.comparison)
				ELSE format('SELECT c.* FROM reached%s AS t, LATERAL (SELECT c.tableoid AS "table of c", c.ctid AS "place of c", c.* FROM %s c WHERE %s OFFSET 0) AS c', way.origin, way.member::regclass, way.comparison) END;
			locks := concat(locks, format('SELECT count(*) FROM ONLY %s AS t, LATERAL (%s%s) AS l WHERE t.ctid = ANY (ARRAY(SELECT p.place::tid FROM jsonb_array_elements_text($2->''places'') AS p (place))); ', leaf::regclass,
				CASE WHEN way.origin > 0 THEN 'WITH ' || array_to_string(steps, ', ') || format(' SELECT FROM reached%s AS t, LATERAL ', way.origin) END,
				format(CASE WHEN way.origin > 0 THEN '(%s) AS l' ELSE '%s' END, format('SELECT FROM %s c WHERE %s FOR %s', way.member::regclass, way.comparison, CASE WHEN step.name LIKE '% stays' THEN 'NO KEY UPDATE' ELSE 'UPDATE' END))));
		END LOOP;
		reached := reached || step.name;
		steps := steps || format(CASE WHEN cardinality(sources) > 1 THEN 'reached%s AS (SELECT DISTINCT ON (c."table of c", c."place of c") c.* FROM (%s) AS c)' ELSE 'reached%s AS (%s)' END, cardinality(reached) - 1, array_to_string(sources, ' UNION ALL '));
		own := tarot.held_itself(step.member, role);
		IF own <> 'false' THEN
			conditions := conditions || format('SELECT 1 FROM reached%s AS t WHERE %s', cardinality(reached) - 1, own);
		END IF;
	END LOOP;
	FOR way IN SELECT w.*, array_position(reached, w."from") AS origin FROM jsonb_to_recordset(ways) AS w ("from" text, "to" text, member oid, comparison text) WHERE array_position(reached, w."from") >= array_position(reached, w."to") LOOP
		conditions := conditions || format('SELECT 1 FROM reached%s AS t, LATERAL (SELECT FROM %s c WHERE %s OFFSET 0) AS c', way.origin - 1, way.member::regclass, way.comparison);
	END LOOP;
	held := format('EXISTS (WITH %s %s)', array_to_string(steps, ', '), array_to_string(conditions, ' UNION ALL '));
END
$$;

REVOKE ALL ON FUNCTION tarot.changing_columns(oid, name[]), tarot.references_changing(oid, name[]), tarot.keys_along(oid, name[], oid[]), tarot.ways_along(oid), tarot.held_along(oid, oid) FROM PUBLIC;

-- subjects: in which tables the rows of a data subject are
--
-- A row is a subject's because a column has who it is, or because a foreign key leads to a row that is the subject's.

-- By names, which a dump keeps, and by numbers, which a renaming leaves.
CREATE TABLE tarot.subject_table (
	relation regclass NOT NULL,
	columns name[] NOT NULL CHECK (cardinality(columns) > 0),
	parent regclass,
	parent_columns name[],
	numbers smallint[] NOT NULL,
	parent_numbers smallint[],
	PRIMARY KEY (relation, columns),
	CHECK ((parent IS NULL) = (parent_columns IS NULL)),
	CHECK (cardinality(columns) = coalesce(cardinality(parent_columns), 1))
);
COMMENT ON TABLE tarot.subject_table IS 'Tables with rows of data subjects, as tarot.register_subject_table() was told.';
SELECT tarot.declare_policy_table('tarot.subject_table', 'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation)');

-- ------------------------------------------------------------ for the functions below, and for exports,
-- which have the rights of their caller

CREATE FUNCTION tarot.subject_registrations() RETURNS SETOF tarot.subject_table
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_subjects_subject_registrations';

CREATE FUNCTION tarot.is_searchable(class text) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_subjects_is_searchable';

CREATE FUNCTION tarot.column_numbers(relation oid, columns name[]) RETURNS smallint[]
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	RETURN (SELECT ARRAY(SELECT coalesce(a.attnum, 0::smallint)
		FROM unnest(columns) WITH ORDINALITY AS c (name, number)
		LEFT JOIN pg_attribute a ON a.attrelid = relation AND a.attname = c.name AND a.attnum > 0 AND NOT a.attisdropped
		ORDER BY c.number));
END
$$;

CREATE FUNCTION tarot.column_names(relation oid, numbers smallint[], former name[]) RETURNS name[]
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT ARRAY(SELECT coalesce(a.attname, n.name) FROM unnest(numbers, former) WITH ORDINALITY AS n (number, name, position)
			LEFT JOIN pg_attribute a ON a.attrelid = relation AND a.attnum = n.number AND NOT a.attisdropped ORDER BY n.position)
	$$;

-- Where a dump is restored, too: the numbers there are others.
CREATE FUNCTION tarot.number_subject_columns() RETURNS trigger
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	NEW.numbers := tarot.column_numbers(NEW.relation, NEW.columns);
	NEW.parent_numbers := tarot.column_numbers(NEW.parent, NEW.parent_columns);
	RETURN NEW;
END
$$;
CREATE TRIGGER number_columns BEFORE INSERT ON tarot.subject_table FOR EACH ROW EXECUTE FUNCTION tarot.number_subject_columns();
ALTER TABLE tarot.subject_table ENABLE ALWAYS TRIGGER number_columns;

-- The foreign key by which a row is found; NULL where it is gone.
CREATE FUNCTION tarot.subject_foreign_key(registered tarot.subject_table) RETURNS oid
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	RETURN (SELECT n.oid FROM pg_constraint n WHERE n.contype = 'f' AND n.conrelid = registered.relation AND n.confrelid = registered.parent
			AND n.conkey = registered.numbers AND n.confkey = registered.parent_numbers ORDER BY n.oid LIMIT 1);
END
$$;

-- Whether what is compared is a mask for some: by it rows would be missed.
CREATE FUNCTION tarot.masked_among(relation oid, columns name[]) RETURNS name
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	RETURN (SELECT a.attname
		FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attname = ANY (columns) AND NOT a.attisdropped AND tarot.is_masked(relation)
			AND tarot.class_of_column(relation, a.attnum) IS NOT NULL
		ORDER BY a.attnum LIMIT 1);
END
$$;

-- Why a registration cannot be gone by; NULL: it can.
CREATE FUNCTION tarot.subject_table_problem(registered tarot.subject_table) RETURNS text
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	RETURN (SELECT CASE
			WHEN tarot.column_numbers(registered.relation, registered.columns) <> registered.numbers OR 0 = ANY (registered.numbers)
				THEN 'a column is gone'
			WHEN registered.parent IS NOT NULL AND tarot.subject_foreign_key(registered) IS NULL
				THEN 'the foreign key is gone'
			WHEN tarot.has_foreign_cast(tarot.subject_foreign_key(registered))
				THEN 'the foreign key goes by a cast that is not the server''s'
			WHEN registered.parent IS NOT NULL
					AND NOT EXISTS (SELECT FROM tarot.subject_registrations() p WHERE p.relation = registered.parent)
				THEN 'its parent is not registered'
			WHEN tarot.masked_among(registered.relation, registered.columns) IS NOT NULL
					OR tarot.masked_among(registered.parent, registered.parent_columns) IS NOT NULL
				THEN 'a column that says whose a row is, is masked'
		END);
END
$$;

-- A condition on a column that has the subject, who is $1, or one of those in the parameter "list", as '$1'; NULL would be nobody's.
CREATE FUNCTION tarot.subject_comparison(relation oid, "column" name, alias text, list text DEFAULT '') RETURNS text
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	a pg_attribute;
	comparison record;
	value text;
	-- An array would be gone through for each row; this is hashed once, as the planner is not shown how long it is, and would leave off
	-- from what does not fit into work_mem.
	among CONSTANT text :=
		'%s OPERATOR(pg_catalog.=) ANY (SELECT %s FROM pg_catalog.unnest((SELECT ' || list || ')) AS l (subject))';
BEGIN
	SELECT * INTO a
		FROM pg_attribute i
		WHERE i.attrelid = relation AND i.attname = subject_comparison."column" AND i.attnum > 0 AND NOT i.attisdropped;
	IF tarot.plain_type(a.atttypid) = 'text'::regtype AND tarot.is_searchable(tarot.class_of_type(a.atttypid, a.atttypmod)) THEN
		RETURN CASE
			WHEN list <> '' THEN format(among, format('%I.%I', alias, "column"), 'l.subject')
			ELSE format('%I.%I OPERATOR(pg_catalog.=) $1', alias, "column")
		END;
	END IF;
	comparison := tarot.row_comparison(relation, "column");
	IF list <> '' THEN
		RETURN format(among,
			CASE
				WHEN comparison.operand LIKE '%::text' THEN format('pg_catalog.format(%L, %I.%I) COLLATE "C"', '%s', alias, "column")
				ELSE format('%I.%s%s', alias, comparison.operand, CASE WHEN a.attcollation <> 0 THEN ' COLLATE "C"' END)
			END,
			format(comparison.conversion, 'l.subject'));
	ELSIF comparison.operand LIKE '%::text' THEN
		-- A cast to text may be the type's owner's, and would run with the rights of who exports.
		RETURN format('pg_catalog.format(%L, %I.%I) COLLATE "C" OPERATOR(pg_catalog.=) $1', '%s', alias, "column");
	END IF;
	value := format('(SELECT %s)', format(comparison.conversion, '$1'));
	RETURN format(
		CASE WHEN comparison.exact THEN '%1$I.%2$s = %3$s' ELSE '(%1$I.%2$s = %3$s AND %1$I.%2$s COLLATE "C" = %3$s)' END,
		alias, comparison.operand, value);
END
$$;

-- What a foreign key compares: the referenced row and the referring one, under these aliases.
CREATE FUNCTION tarot.foreign_key_pairs(foreign_key oid, referenced text, referring text) RETURNS text
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	RETURN (SELECT string_agg(
			format('%I.%I OPERATOR(%I.%s) %I.%I', referenced, b.attname, s.nspname, o.oprname, referring, a.attname),
			' AND ' ORDER BY k.position)
		FROM pg_constraint n,
			unnest(n.conkey, n.confkey, n.conpfeqop) WITH ORDINALITY AS k (number, foreign_number, operator, position)
				JOIN pg_operator o ON o.oid = k.operator
				JOIN pg_namespace s ON s.oid = o.oprnamespace,
			pg_attribute a, pg_attribute b
		WHERE n.oid = foreign_key AND a.attrelid = n.conrelid AND a.attnum = k.number
			AND b.attrelid = n.confrelid AND b.attnum = k.foreign_number);
END
$$;

-- Whether a row, under that alias, is the subject's, who is $1, or one of those in the parameter "list", as '$1'. Names and operators in it
-- are whole, whatever the search_path; those of types of the server's are found in pg_catalog, which is to be in it.
CREATE FUNCTION tarot.subject_condition(relation oid, alias text DEFAULT 't0', list text DEFAULT '') RETURNS text
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	r tarot.subject_table;
	above CONSTANT text := 't' || coalesce(nullif(substr(alias, 2), ''), '0')::integer + 1;
	conditions text[] := '{}';
BEGIN
	FOR r IN SELECT * FROM tarot.subject_registrations() s WHERE s.relation = subject_condition.relation ORDER BY s.columns LOOP
		IF tarot.subject_table_problem(r) IS NOT NULL THEN
			RAISE EXCEPTION 'which rows of table "%" are a subject''s cannot be told', tarot.relation_name(r.relation)
				USING ERRCODE = 'object_not_in_prerequisite_state',
					DETAIL = format('By %s: %s.', array_to_string(r.columns, ', '), tarot.subject_table_problem(r)),
					HINT = 'Register the table anew: tarot.unregister_subject_table(), tarot.register_subject_table().';
		END IF;
		IF r.parent IS NULL THEN
			conditions := conditions || tarot.subject_comparison(r.relation, r.columns[1], alias, list);
		ELSE
			conditions := conditions || format(
				CASE
					WHEN list <> '' THEN 'EXISTS (SELECT FROM %s %I WHERE %s AND %s OFFSET 0)'
					ELSE 'EXISTS (SELECT FROM %s %I WHERE %s AND %s)'
				END,
				r.parent, above,
				tarot.foreign_key_pairs(tarot.subject_foreign_key(r), above, alias), tarot.subject_condition(r.parent, above, list));
		END IF;
	END LOOP;
	-- What is IS TRUE stays a condition, and no join that a list would be gone through in for each row; what has an OFFSET is looked up by
	-- its key, and not all of its table read beforehand.
	RETURN format(CASE WHEN list <> '' THEN '((%s) IS TRUE)' ELSE '(%s)' END, array_to_string(conditions, ' OR '));
END
$$;

-- The tables.
CREATE FUNCTION tarot.registered_tables() RETURNS SETOF regclass
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
		SELECT r
			FROM (SELECT DISTINCT s.relation
				FROM tarot.subject_registrations() s
				JOIN pg_class c ON c.oid = s.relation) AS d (r)
			ORDER BY r::text COLLATE "C";
END
$$;

CREATE FUNCTION tarot.require_subject(subject text) RETURNS void
	LANGUAGE plpgsql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF subject IS NULL OR octet_length(subject) NOT BETWEEN 1 AND 1000 THEN
		RAISE EXCEPTION 'subject must have 1 to 1000 bytes' USING ERRCODE = 'invalid_parameter_value';
	END IF;
END
$$;

-- ------------------------------------------------------------ for whom EXECUTE is granted

CREATE FUNCTION tarot.register_subject_table(
		rel regclass, subject_column name DEFAULT NULL, via regclass DEFAULT NULL, by name[] DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	c pg_class;
	keys oid[];
	made tarot.subject_table;
BEGIN
	IF rel IS NULL OR num_nonnulls(subject_column, via) <> 1 OR by IS NOT NULL AND via IS NULL THEN
		RAISE EXCEPTION 'rel and one of subject_column and via must be given, and by only with via'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	c := tarot.require_relation(rel, 'rel');
	IF c.relkind NOT IN ('r', 'p') OR c.relpersistence = 't'
			OR c.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'tarot'::regnamespace) THEN
		RAISE EXCEPTION '"%" is not a table that can have rows of data subjects', tarot.relation_name(rel)
			USING ERRCODE = 'wrong_object_type',
				HINT = CASE c.relkind
					WHEN 'v' THEN 'Register its tables.'
					WHEN 'm' THEN 'Register its tables, and refresh it after an erasure.'
					ELSE ''
				END;
	ELSIF EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = rel) THEN
		RAISE EXCEPTION 'table "%" is registered with its parent', tarot.relation_name(rel)
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Call it for the parent.';
	END IF;
	LOCK TABLE tarot.subject_table IN SHARE ROW EXCLUSIVE MODE;
	made.relation := rel;
	IF via IS NULL THEN
		-- Raises for a column that is not there, and for one that cannot say whose a row is.
		IF tarot.column_numbers(rel, ARRAY[subject_column]) = '{0}' THEN
			RAISE EXCEPTION 'table "%" has no column "%"', tarot.relation_name(rel), subject_column USING ERRCODE = 'undefined_column';
		END IF;
		PERFORM tarot.subject_comparison(rel, subject_column, 't0');
		made.columns := ARRAY[subject_column];
	ELSE
		keys := ARRAY(SELECT n.oid FROM pg_constraint n WHERE n.contype = 'f' AND n.conrelid = rel AND n.confrelid = via
			AND (by IS NULL OR n.conkey @> tarot.column_numbers(rel, by) AND n.conkey <@ tarot.column_numbers(rel, by)));
		IF cardinality(keys) <> 1 THEN
			RAISE EXCEPTION 'table "%" has % such foreign keys to table "%"',
					tarot.relation_name(rel), cardinality(keys), tarot.relation_name(via)
				USING ERRCODE = CASE cardinality(keys) WHEN 0 THEN 'undefined_object' ELSE 'ambiguous_column' END,
					HINT = CASE cardinality(keys) WHEN 0 THEN 'A path leads over foreign keys.' ELSE 'Name its columns in by.' END;
		ELSIF NOT EXISTS (SELECT FROM tarot.subject_table s WHERE s.relation = via) THEN
			RAISE EXCEPTION 'table "%" is not registered', tarot.relation_name(via)
				USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'A path is registered from the subject on.';
		ELSIF EXISTS (
				WITH RECURSIVE up (relation) AS (
					SELECT via::oid
					UNION
					SELECT s.parent FROM up JOIN tarot.subject_table s ON s.relation = up.relation WHERE s.parent IS NOT NULL)
				SELECT FROM up WHERE up.relation = rel) THEN
			RAISE EXCEPTION 'the path would lead back to table "%"', tarot.relation_name(rel) USING ERRCODE = 'invalid_parameter_value';
		END IF;
		SELECT via,
				tarot.column_names(n.conrelid, n.conkey, array_fill(''::name, ARRAY[cardinality(n.conkey)])),
				tarot.column_names(n.confrelid, n.confkey, array_fill(''::name, ARRAY[cardinality(n.confkey)]))
			INTO made.parent, made.columns, made.parent_columns
			FROM pg_constraint n
			WHERE n.oid = keys[1];
	END IF;
	IF coalesce(tarot.masked_among(rel, made.columns), tarot.masked_among(via, made.parent_columns)) IS NOT NULL THEN
		RAISE EXCEPTION 'column "%" is masked, and cannot say whose a row is',
				coalesce(tarot.masked_among(rel, made.columns), tarot.masked_among(via, made.parent_columns))
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Keep the subject in a column without a data class.';
	END IF;
	DELETE FROM tarot.subject_table s WHERE NOT EXISTS (SELECT FROM pg_class t WHERE t.oid = s.relation);
	INSERT INTO tarot.subject_table (relation, columns, parent, parent_columns)
		VALUES (made.relation, made.columns, made.parent, made.parent_columns);
EXCEPTION WHEN unique_violation THEN
	RAISE EXCEPTION 'table "%" is registered by % already', tarot.relation_name(rel), array_to_string(made.columns, ', ')
		USING ERRCODE = 'duplicate_object';
END
$$;
COMMENT ON FUNCTION tarot.register_subject_table(regclass, name, regclass, name[]) IS
	'Says which rows of a table, with its partitions and children, are a data subject''s: those that have it in subject_column (text, '
	'varchar, character, name, smallint, integer, bigint, numeric, uuid, an enumeration, a domain over these, or encrypted_text of a '
	'searchable class, which the owner of the table must then be granted to search), or those whose foreign key leads to rows of the '
	'table via that are; by names its columns where there are several to it. A table may be registered several times: a row is a '
	'subject''s by any. Follows renames, and is dumped. For whom EXECUTE is granted; no privilege on the table is needed. Raises 42809 '
	'for what is not a table of the database''s own, 42703 and 42804 for the column, 42704 and 42702 where no or several foreign keys are '
	'meant, 55000 for a partition or child, for via that is not registered, and for a column that a mask is put in for, 22023 for a path '
	'that leads back, 42710 for what is registered.';

CREATE FUNCTION tarot.unregister_subject_table(rel regclass, by name[] DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	dependent regclass;
BEGIN
	LOCK TABLE tarot.subject_table IN SHARE ROW EXCLUSIVE MODE;
	DELETE FROM tarot.subject_table s WHERE s.relation = rel AND (by IS NULL OR s.columns @> by AND s.columns <@ by);
	IF NOT FOUND THEN
		RAISE EXCEPTION 'table "%" is not registered so', tarot.relation_name(rel) USING ERRCODE = 'undefined_object';
	END IF;
	SELECT s.relation INTO dependent
		FROM tarot.subject_table s
		WHERE s.parent = rel AND NOT EXISTS (SELECT FROM tarot.subject_table p WHERE p.relation = rel)
		ORDER BY s.relation::text COLLATE "C" LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'the path of table "%" leads through table "%"', tarot.relation_name(dependent), tarot.relation_name(rel)
			USING ERRCODE = 'dependent_objects_still_exist', HINT = 'Take that away before.';
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.unregister_subject_table(regclass, name[]) IS
	'Takes tarot.register_subject_table() back, all of a table''s registrations or the one by these columns. For whom EXECUTE is granted. '
	'Raises 42704 where there is none, 2BP01 where paths of others lead through it.';

CREATE VIEW tarot.subject_tables AS
	SELECT s.relation AS "table", s.columns, s.parent AS via, s.parent_columns AS via_columns, tarot.subject_table_problem(s) AS problem
		FROM tarot.subject_table s
		JOIN pg_catalog.pg_class c ON c.oid = s.relation;
COMMENT ON VIEW tarot.subject_tables IS 'The tables with rows of data subjects, and how these are found.';
COMMENT ON COLUMN tarot.subject_tables."table" IS 'The table.';
COMMENT ON COLUMN tarot.subject_tables.columns IS 'The column that has the subject, or those of the foreign key.';
COMMENT ON COLUMN tarot.subject_tables.via IS 'The table that the foreign key leads to; NULL where the column has the subject.';
COMMENT ON COLUMN tarot.subject_tables.via_columns IS 'What it refers to there.';
COMMENT ON COLUMN tarot.subject_tables.problem IS
	'Why it cannot be gone by: exports and erasures are refused until it is registered anew. NULL where all is well.';
GRANT SELECT ON tarot.subject_tables TO pg_monitor;

REVOKE ALL ON FUNCTION tarot.number_subject_columns(), tarot.register_subject_table(regclass, name, regclass, name[]),
	tarot.unregister_subject_table(regclass, name[]) FROM PUBLIC;

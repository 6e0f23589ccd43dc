-- subjects: in which tables their rows could be, and which ones would be forgotten

-- The columns of a table and its partitions and children that have a class; "unclassified" is one, too.
CREATE FUNCTION tarot.classified_among(relation oid) RETURNS text[]
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT ARRAY(SELECT DISTINCT c."column"::text COLLATE "C"
			FROM tarot.classified_columns c, tarot.relation_tree(relation, '{r,p}') t
			WHERE c."table" = t.member
			ORDER BY 1)
	$$;

-- Tables that are nobody's part: partitions and children go with theirs.
CREATE FUNCTION tarot.tables_of_data() RETURNS SETOF oid
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT c.oid
			FROM pg_class c
			JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
				AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'tarot')
				AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)
	$$;

CREATE FUNCTION tarot.is_like_subject(relation oid, "column" name) RETURNS boolean
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RETURN tarot.subject_comparison(relation, "column", 't0') IS NOT NULL;
EXCEPTION WHEN datatype_mismatch THEN
	RETURN false;
END
$$;

CREATE FUNCTION tarot.subject_map(root regclass DEFAULT NULL, subject_column name DEFAULT NULL)
	RETURNS TABLE ("table" regclass, state text, path text, classified text[], statement text)
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	reached oid[] := ARRAY(SELECT r::oid FROM tarot.registered_tables() r);
	-- Where the subject itself stands.
	bearers oid[];
	columns smallint[];
	names name[];
	found record;
	more boolean := true;
BEGIN
	IF (root IS NULL) <> (subject_column IS NULL) THEN
		RAISE EXCEPTION 'root and subject_column go together' USING ERRCODE = 'invalid_parameter_value';
	ELSIF tarot.column_numbers(root, ARRAY[subject_column]) = '{0}' THEN
		RAISE EXCEPTION 'table "%" has no column "%"', tarot.relation_name(root), subject_column USING ERRCODE = 'undefined_column';
	END IF;
	RETURN QUERY
		SELECT s."table", coalesce('registered, but ' || s.problem, 'registered'),
				array_to_string(s.columns, ', ') || coalesce(' to ' || s.via, ''), tarot.classified_among(s."table"), NULL
			FROM tarot.subject_tables s
			ORDER BY s."table"::text COLLATE "C", s.columns;
	SELECT array_agg(b.relation), array_agg(b.number) INTO bearers, columns
		FROM (SELECT s.relation::oid, s.numbers[1] FROM tarot.subject_table s WHERE s.parent IS NULL
			UNION
			SELECT root, (tarot.column_numbers(root, ARRAY[subject_column]))[1] WHERE root IS NOT NULL) AS b (relation, number);
	IF root IS NOT NULL AND root <> ALL (reached) THEN
		reached := reached || root::oid;
		RETURN QUERY
			SELECT root, 'start', subject_column::text, tarot.classified_among(root),
					format('SELECT tarot.register_subject_table(%L, %L)', root, subject_column);
	END IF;
	-- What columns that have a subject are called: theirs, and those that refer to them. A name such as "id" says nothing elsewhere.
	names := ARRAY(
		SELECT DISTINCT a.attname
			FROM unnest(bearers, columns) AS b (relation, number)
			JOIN pg_attribute a ON a.attrelid = b.relation AND a.attnum = b.number
			WHERE a.attname NOT IN ('id', 'uuid', 'name', 'key', 'code')
		UNION
		SELECT c.relname || '_' || a.attname
			FROM unnest(bearers, columns) AS b (relation, number)
			JOIN pg_class c ON c.oid = b.relation
			JOIN pg_attribute a ON a.attrelid = b.relation AND a.attnum = b.number
		UNION
		SELECT a.attname
			FROM unnest(bearers, columns) AS b (relation, number)
			JOIN pg_constraint n ON n.contype = 'f' AND n.confrelid = b.relation AND n.confkey = ARRAY[b.number]
			JOIN pg_attribute a ON a.attrelid = n.conrelid AND a.attnum = n.conkey[1]);

	WHILE more LOOP
		more := false;
		-- The nearest: all that one step leads to from what is reached so far. A key that refers to the subject itself goes before, and a
		-- path before a name.
		FOR found IN
			SELECT s.*
				FROM (SELECT step.*,
						min(step.rank) OVER (PARTITION BY step.relation) AS best,
						row_number() OVER (
							PARTITION BY step.relation
							ORDER BY step.rank, step.parent::regclass::text COLLATE "C", step.columns) AS number
					FROM (SELECT n.conrelid AS relation,
								CASE WHEN b.relation IS NULL THEN 2 ELSE 1 END AS rank,
								tarot.column_names(n.conrelid, n.conkey, array_fill(''::name, ARRAY[cardinality(n.conkey)])) AS columns,
								n.confrelid AS parent,
								(SELECT count(*)
									FROM pg_constraint o
									WHERE o.contype = 'f' AND o.conrelid = n.conrelid AND o.confrelid = n.confrelid) AS keys
							FROM pg_constraint n
							LEFT JOIN unnest(bearers, columns) AS b (relation, number)
								ON n.confrelid = b.relation AND n.confkey = ARRAY[b.number]
							WHERE n.contype = 'f' AND n.confrelid = ANY (reached) AND n.conrelid <> ALL (reached)
						UNION ALL
						SELECT a.attrelid, 3, ARRAY[a.attname], NULL, 0
							FROM pg_attribute a
							WHERE a.attname = ANY (names) AND a.attnum > 0 AND NOT a.attisdropped AND a.attrelid <> ALL (reached)) AS step
					WHERE step.relation IN (SELECT d FROM tarot.tables_of_data() d)
						AND (step.rank = 2 OR tarot.is_like_subject(step.relation, step.columns[1]))) AS s
				-- All columns that refer to the subject: each party of a row.
				WHERE s.rank = s.best AND (s.number = 1 OR s.rank = 1)
				ORDER BY s.relation::regclass::text COLLATE "C", s.number
		LOOP
			more := true;
			reached := reached || found.relation;
			"table" := found.relation;
			state := CASE found.rank WHEN 1 THEN 'refers to the subject' WHEN 2 THEN 'on a path' ELSE 'by its name' END;
			path := array_to_string(found.columns, ', ') || coalesce(' to ' || found.parent::regclass, '');
			classified := tarot.classified_among(found.relation);
			statement := CASE
				WHEN found.rank <> 2 THEN
					format('SELECT tarot.register_subject_table(%L, %L)', found.relation::regclass, found.columns[1])
				ELSE format('SELECT tarot.register_subject_table(%L, via => %L%s)', found.relation::regclass, found.parent::regclass,
					CASE WHEN found.keys > 1 THEN format(', by => %L', found.columns) ELSE '' END)
			END;
			RETURN NEXT;
		END LOOP;
	END LOOP;
	RETURN QUERY SELECT d::regclass, 'not reached', NULL, tarot.classified_among(d), NULL FROM tarot.tables_of_data() d
		WHERE d <> ALL (reached) AND tarot.classified_among(d) <> '{}' ORDER BY d::regclass::text COLLATE "C";
END
$$;
COMMENT ON FUNCTION tarot.subject_map(regclass, name) IS
	'In which tables rows of data subjects are, or could be: those that are registered, and those that foreign keys, and columns called '
	'like those that have subjects, lead to from there, or from the column subject_column of the table root; each with the statement that '
	'registers it, to be run in this order. The state "not reached" is of tables with columns that have a data class and to which nothing '
	'leads: an erasure would forget them. Reads the catalogs and no rows. For whom EXECUTE is granted. Raises 42703 for a column that '
	'does not exist.';
REVOKE ALL ON FUNCTION tarot.classified_among(oid), tarot.tables_of_data(), tarot.is_like_subject(oid, name),
	tarot.subject_map(regclass, name) FROM PUBLIC;

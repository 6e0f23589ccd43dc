-- retention: rows that are moved to an archive instead of deleted
--
-- A batch deletes them and inserts what it deleted, in one statement: as the server stores values, so that what is encrypted is carried as
-- it is, without a key.

-- The columns of a table's rows that an archive is to have.
CREATE FUNCTION tarot.archived_columns(relation oid) RETURNS SETOF pg_attribute
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT a
			FROM pg_attribute a
			WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
			ORDER BY a.attnum
	$$;

-- Of a column of the table: why the archive cannot take its values; NULL: it can.
CREATE FUNCTION tarot.archive_column_problem(a pg_attribute, archive oid, owner oid) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE
			WHEN b.attname IS NULL
				THEN 'is not there'
			WHEN b.attgenerated <> ''
				THEN 'is generated'
			WHEN b.atttypid <> a.atttypid OR b.atttypmod <> a.atttypmod AND (b.atttypmod <> -1 OR c.type IS NOT NULL)
				THEN format('is of type %s, and not %s', format_type(b.atttypid, b.atttypmod), format_type(a.atttypid, a.atttypmod))
			WHEN NOT has_column_privilege(owner, archive, b.attnum, 'INSERT')
				THEN format('is not for role %s to insert into', pg_get_userbyid(owner))
			-- Nobody would see masks of what the table masks.
			WHEN c.type IS NULL AND c.class = 'unclassified'
				THEN 'is for one that nobody has classified'
			WHEN c.type IS NULL AND c.class <> coalesce(tarot.class_of_column(archive, b.attnum), '')
				THEN format('has not data class "%s"', c.class)
		END
		FROM (SELECT tarot.class_of_type(a.atttypid, a.atttypmod) AS type, tarot.class_of_column(a.attrelid, a.attnum) AS class) AS c
			LEFT JOIN pg_attribute b ON b.attrelid = archive AND b.attname = a.attname AND b.attnum > 0 AND NOT b.attisdropped
	$$;

-- Raises where rows of the table cannot be moved there, as both are now.
CREATE FUNCTION tarot.require_archive(relation oid, archive oid, policy text) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	c pg_class;
	owner CONSTANT oid := (SELECT t.relowner FROM pg_class t WHERE t.oid = relation);
	name CONSTANT text := tarot.relation_name(archive);
	problem text;
	hint text;
BEGIN
	IF coalesce(archive, 0) = 0 THEN
		RAISE EXCEPTION 'there is no table to archive rows of "%" in', tarot.relation_name(relation)
			USING ERRCODE = 'undefined_table',
				HINT = 'Give tarot.add_retention() or tarot.alter_retention() archive_to.';
	END IF;
	SELECT * INTO c FROM pg_class t WHERE t.oid = archive;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'relation with OID % does not exist', archive
			USING ERRCODE = 'undefined_table',
				HINT = 'Give tarot.alter_retention() archive_to.';
	ELSIF c.relkind NOT IN ('r', 'p') THEN
		RAISE EXCEPTION '"%" is not a table', name USING ERRCODE = 'wrong_object_type';
	ELSIF c.relpersistence = 't' THEN
		RAISE EXCEPTION '"%" is a temporary table', name USING ERRCODE = 'wrong_object_type';
	ELSIF c.relnamespace IN ('tarot'::regnamespace, 'pg_catalog'::regnamespace) THEN
		RAISE EXCEPTION 'rows are not to be archived in "%"', name USING ERRCODE = 'wrong_object_type';
	ELSIF archive IN (SELECT tarot.relatives(relation)) THEN
		RAISE EXCEPTION 'rows of "%" cannot be archived in "%"', tarot.relation_name(relation), name
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = 'It is the table itself, or has rows with it.';
	ELSIF EXISTS (
		WITH RECURSIVE way (oid) AS (
			SELECT archive
			UNION SELECT p.archive_to::oid
				FROM way w,
					LATERAL tarot.relatives(w.oid) AS r
						JOIN tarot.retention_policy p ON p.relation::oid = r AND p.archive_to::oid <> 0 AND p.name <> policy
		)
		SELECT FROM way w, LATERAL tarot.relatives(w.oid) AS r WHERE r = relation)
	THEN
		RAISE EXCEPTION 'rows of "%" would come back to "%"', name, tarot.relation_name(relation)
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Another policy archives the archive.';
	ELSIF (SELECT bool_or(t.relpersistence <> 'p')
			FROM tarot.relation_tree(archive) r
				JOIN pg_class t ON t.oid = r.member
			WHERE c.relkind = 'p' OR r.member = archive)
		AND (SELECT bool_or(t.relpersistence = 'p')
			FROM tarot.relation_tree(relation) r
				JOIN pg_class t ON t.oid = r.member)
	THEN
		RAISE EXCEPTION '"%" is an unlogged table', name
			USING ERRCODE = 'wrong_object_type',
				DETAIL = CASE c.relkind
					WHEN 'p' THEN 'After a crash it is empty, or one of its partitions is.'
					ELSE 'After a crash it is empty.' END;
	ELSIF NOT has_schema_privilege(owner, c.relnamespace, 'USAGE') THEN
		RAISE EXCEPTION 'permission denied for schema %', c.relnamespace::regnamespace
			USING ERRCODE = 'insufficient_privilege',
				HINT = format('Rows are moved as role %s.', pg_get_userbyid(owner));
	ELSIF tarot.is_masked(relation) AND NOT tarot.is_masked(archive) THEN
		RAISE EXCEPTION 'archive "%" would show what "%" masks', name, tarot.relation_name(relation)
			USING ERRCODE = 'insufficient_privilege',
				HINT = 'Classify its columns, and use tarot.mask_table().';
	END IF;

	-- Children may have columns of their own.
	SELECT format('column "%s" of archive "%s" %s', a.attname, name, p.problem),
			CASE WHEN p.problem LIKE '%class%' THEN 'Use tarot.classify_column().' ELSE '' END
		INTO problem, hint
		FROM tarot.relation_tree(relation) t,
			LATERAL tarot.archived_columns(t.member) AS a,
			LATERAL (SELECT tarot.archive_column_problem(a, archive, owner) AS problem) AS p
		WHERE p.problem IS NOT NULL
		ORDER BY t.depth, t.member, a.attnum LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION '%', problem USING ERRCODE = 'datatype_mismatch', HINT = hint;
	END IF;
	SELECT b.attname INTO problem
		FROM pg_attribute b
		WHERE b.attrelid = archive AND b.attnum > 0 AND NOT b.attisdropped
			AND b.attnotnull AND NOT b.atthasdef AND b.attidentity = ''
			AND NOT EXISTS (SELECT FROM tarot.archived_columns(relation) a WHERE a.attname = b.attname)
		ORDER BY b.attnum LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'column "%" of archive "%" must have a value, and "%" has none for it',
				problem, name, tarot.relation_name(relation)
			USING ERRCODE = 'not_null_violation';
	END IF;
	-- They would be sealed anew, for which they had to be opened.
	SELECT b."column" INTO problem
		FROM tarot.bound_column b
		WHERE b."table"::oid IN (SELECT t.member FROM tarot.relation_tree(archive) t)
		ORDER BY b."column" LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'column "%" of archive "%" is bound to its rows or their subjects', problem, name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Values are carried as they are. What is bound in the table stays so, and can be read there.';
	END IF;
END
$$;

-- What becomes of the rows in place of a DELETE alone: it returns their ages as "age".
CREATE FUNCTION tarot.archive_step(leaf oid, archive oid, deletion text, age_column name) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT format('gone AS (%s RETURNING t.%I AS age, %s), '
					'put AS (INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM gone g RETURNING 1)',
				deletion, age_column, string_agg(format('t.%I AS c%s', a.attname, a.attnum), ', ' ORDER BY a.attnum),
				archive::regclass, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum),
				string_agg(format('g.c%s', a.attnum), ', ' ORDER BY a.attnum))
			FROM tarot.archived_columns(leaf) AS a
	$$;

-- For the event trigger: a policy keeps no number that another table might get.
CREATE FUNCTION tarot.forget_archive(archive oid) RETURNS void
	LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ UPDATE tarot.retention_policy p SET archive_to = 0 WHERE p.archive_to::oid = archive $$;

REVOKE ALL ON FUNCTION tarot.archived_columns(oid), tarot.archive_column_problem(pg_attribute, oid, oid),
	tarot.require_archive(oid, oid, text), tarot.archive_step(oid, oid, text, name), tarot.forget_archive(oid) FROM PUBLIC;

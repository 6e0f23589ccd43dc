-- discover: columns that look sensitive and have no class

-- What was looked at and is not sensitive. Not by number, which a dump does not keep: a column of the same name that
-- got another type is to be looked at again.
CREATE TABLE tarot.accepted_column (
	relation regclass NOT NULL,
	"column" name NOT NULL,
	type regtype NOT NULL,
	reason text NOT NULL,
	accepted_by name NOT NULL,
	accepted_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (relation, "column")
);
COMMENT ON TABLE tarot.accepted_column IS 'Columns that somebody looked at and found not to be sensitive, by tarot.accept_column().';
-- A dropped table would be dumped as a bare number, a temporary one as a table that is not there at the restore.
SELECT tarot.declare_policy_table('tarot.accepted_column',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation AND c.relpersistence <> ''t'')');

-- ------------------------------------------------------------ for the functions below alone

-- Also columns that have a class: state is none, accepted, classified, unlike (its mask is for another kind), or unknown (there is no
-- such class).
CREATE FUNCTION tarot.survey_columns(relation oid, sample integer, minimum real, OUT number smallint, OUT state text,
		OUT class text, OUT kind text, OUT proposed text, OUT mask text, OUT proposed_exists boolean,
		OUT confidence real, OUT sampled integer, OUT matched integer, OUT evidence text) RETURNS SETOF record
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_discover_survey_columns';

CREATE FUNCTION tarot.check_survey(sample integer, minimum real, key text) RETURNS void
	LANGUAGE plpgsql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF num_nulls(sample, minimum, key) > 0 THEN
		RAISE EXCEPTION 'sample, minimum and key must not be null' USING ERRCODE = 'null_value_not_allowed';
	ELSIF sample NOT BETWEEN 0 AND 100000 THEN
		RAISE EXCEPTION 'sample must be between 0 and 100000 rows' USING ERRCODE = 'invalid_parameter_value';
	ELSIF minimum NOT BETWEEN 0 AND 1 THEN
		RAISE EXCEPTION 'minimum must be between 0 and 1' USING ERRCODE = 'invalid_parameter_value';
	END IF;
END
$$;

-- One table; what cannot be read is told without the error's words, which may quote a value.
CREATE FUNCTION tarot.survey_table(relation oid, sample integer, minimum real, OUT number smallint, OUT "column" name, OUT state text,
		OUT class text, OUT kind text, OUT proposed text, OUT mask text, OUT proposed_exists boolean,
		OUT confidence real, OUT sampled integer, OUT matched integer, OUT evidence text) RETURNS SETOF record
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	FOR attempt IN 1 .. 2 LOOP
		BEGIN
			RETURN QUERY SELECT s.number, a.attname, s.state, s.class, s.kind, s.proposed, s.mask, s.proposed_exists,
					s.confidence, s.sampled, s.matched, s.evidence
				FROM tarot.survey_columns(survey_table.relation, CASE attempt WHEN 1 THEN survey_table.sample ELSE 0 END,
						survey_table.minimum) s
					JOIN pg_attribute a ON a.attrelid = survey_table.relation AND a.attnum = s.number;
			EXIT;
		EXCEPTION WHEN OTHERS THEN
			state := 'unread';
			evidence := format('could not be read: SQLSTATE %s', SQLSTATE);
		END;
		-- Then by names alone.
		IF attempt = 1 THEN
			RETURN NEXT;
		END IF;
	END LOOP;
END
$$;

CREATE FUNCTION tarot.tables_to_survey(schema regnamespace, OUT relation regclass, OUT name text) RETURNS SETOF record
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT c.oid::regclass, format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition AND c.relispopulated AND NOT pg_is_other_temp_schema(n.oid)
			AND CASE WHEN schema IS NULL THEN n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'tarot')
				ELSE n.oid = schema END
		ORDER BY n.nspname, c.relname
$$;

CREATE FUNCTION tarot.classifying_statements(relation text, "column" name, class text, mask text, class_exists boolean, key text)
	RETURNS text[]
	LANGUAGE sql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT CASE WHEN class_exists THEN '{}'::text[] ELSE ARRAY[
			format('SELECT tarot.create_key(%L) WHERE NOT EXISTS (SELECT FROM tarot.key k WHERE k.name = %1$L)', key),
			format('SELECT tarot.create_class(%L, key => %L, mask => %L) '
				'WHERE NOT EXISTS (SELECT FROM tarot.class c WHERE c.name = %1$L)', class, key, mask)] END
		|| format('SELECT tarot.classify_column(%L, %L, %L)', relation, "column", class)
$$;

-- ------------------------------------------------------------

CREATE FUNCTION tarot.discover_sensitive(schema regnamespace DEFAULT NULL, sample integer DEFAULT 1000, minimum real DEFAULT 0.5,
		key text DEFAULT 'sensitive')
	RETURNS TABLE (relation regclass, "column" name, kind text, class text, mask text, confidence real, matched integer,
		sampled integer, evidence text, statements text[])
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.check_survey(sample, minimum, key);
	RETURN QUERY SELECT t.relation, s."column", s.kind, s.proposed, s.mask, s.confidence, s.matched, s.sampled, s.evidence,
			CASE WHEN s.kind IS NOT NULL
				THEN tarot.classifying_statements(t.name, s."column", s.proposed, s.mask, s.proposed_exists, discover_sensitive.key) END
		FROM tarot.tables_to_survey(discover_sensitive.schema) t
			CROSS JOIN LATERAL tarot.survey_table(t.relation, discover_sensitive.sample, discover_sensitive.minimum) s
		WHERE s.state = 'none' AND s.kind IS NOT NULL OR s.state = 'unread'
		ORDER BY t.name COLLATE "C", s.number;
END
$$;
COMMENT ON FUNCTION tarot.discover_sensitive(regnamespace, integer, real, text) IS
	'Columns without a class that look sensitive, by their name and the form and check digits of a sample of their values: in one schema, '
	'or all but the system''s. Reads at most sample rows (0 to 100000; 0: names alone) of each table and materialized view, with the '
	'caller''s privileges and row policies; encrypted columns and those that were accepted (tarot.accept_column()) are left out, and what '
	'partitions and children inherit is reported at the parent. Per column: the kind; the class that is proposed and its mask, as they '
	'are where the class exists; confidence from 0 to 1, at least minimum; how many of the sampled values are of that kind; why, without '
	'a value; and the statements that classify it, by classes of the key that is named. A table that cannot be read has a row without a '
	'column, with the SQLSTATE. Raises 22023 for other numbers.';

CREATE FUNCTION tarot.classification_drift(schema regnamespace DEFAULT NULL, sample integer DEFAULT 1000, minimum real DEFAULT 0.5,
		key text DEFAULT 'sensitive')
	RETURNS TABLE (relation regclass, "column" name, problem text, class text, kind text, confidence real, evidence text, statements text[])
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.check_survey(sample, minimum, key);
	RETURN QUERY WITH surveyed AS MATERIALIZED (
			SELECT t.relation, t.name, s.*, bool_or(s.state NOT IN ('none', 'unread')) OVER (PARTITION BY t.relation) AS reviewed
			FROM tarot.tables_to_survey(classification_drift.schema) t
				CROSS JOIN LATERAL tarot.survey_table(t.relation, classification_drift.sample, classification_drift.minimum) s)
		SELECT s.relation, s."column",
			CASE WHEN s.state = 'none' AND s.kind IS NOT NULL THEN 'sensitive'
				WHEN s.state = 'none' THEN 'new'
				WHEN s.state = 'unlike' THEN 'unlike its class'
				WHEN s.state = 'unknown' THEN 'unknown class'
				ELSE s.state END,
			s.class, s.kind, s.confidence, s.evidence,
			CASE WHEN s.state IN ('none', 'unlike') AND s.kind IS NOT NULL
				THEN tarot.classifying_statements(s.name, s."column", s.proposed, s.mask, s.proposed_exists, classification_drift.key) END
		FROM surveyed s
		WHERE s.state IN ('unread', 'unlike', 'unknown') OR s.state = 'none' AND (s.kind IS NOT NULL OR s.reviewed)
		ORDER BY s.name COLLATE "C", s.number;
END
$$;
COMMENT ON FUNCTION tarot.classification_drift(regnamespace, integer, real, text) IS
	'What has to be looked at since columns were classified. The problem is "sensitive": looks so and has no class; "new": in a table of '
	'which columns were classified or accepted, and neither itself; "unlike its class": the values are of another kind than the class''s '
	'mask is for; "unknown class": labelled with a class that does not exist; "unread": a table that could not be read. Without rows all '
	'is in order. Arguments as those of tarot.discover_sensitive().';

CREATE FUNCTION tarot.accept_column(relation regclass, "column" name DEFAULT NULL, reason text DEFAULT NULL) RETURNS integer
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	accepted integer;
BEGIN
	IF num_nulls(relation, reason) > 0 THEN
		RAISE EXCEPTION 'relation and reason must not be null' USING ERRCODE = 'null_value_not_allowed';
	ELSIF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = relation AND c.relkind IN ('r', 'p', 'm')) THEN
		RAISE EXCEPTION '"%" is not a table', tarot.relation_name(relation) USING ERRCODE = 'wrong_object_type';
	ELSIF "column" IS NOT NULL AND NOT EXISTS (SELECT FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attname = "column" AND a.attnum > 0 AND NOT a.attisdropped)
	THEN
		RAISE EXCEPTION 'column "%" of table "%" does not exist', "column", tarot.relation_name(relation)
			USING ERRCODE = 'undefined_column';
	END IF;
	INSERT INTO tarot.accepted_column AS c (relation, "column", type, reason, accepted_by)
		SELECT a.attrelid, a.attname, a.atttypid, accept_column.reason, session_user FROM pg_attribute a
			WHERE a.attrelid = accept_column.relation AND a.attnum > 0 AND NOT a.attisdropped
				AND (a.attname = accept_column."column"
					OR accept_column."column" IS NULL
						AND tarot.class_of_type(a.atttypid, a.atttypmod) IS NULL
						AND tarot.class_of_column(a.attrelid, a.attnum) IS NULL
						AND NOT EXISTS (SELECT FROM tarot.accepted_column k
							WHERE k.relation = a.attrelid AND k."column" = a.attname AND k.type = a.atttypid))
		ON CONFLICT ON CONSTRAINT accepted_column_pkey DO UPDATE SET type = excluded.type, reason = excluded.reason,
			accepted_by = excluded.accepted_by, accepted_at = excluded.accepted_at;
	GET DIAGNOSTICS accepted = ROW_COUNT;
	RETURN accepted;
END
$$;
COMMENT ON FUNCTION tarot.accept_column(regclass, name, text) IS
	'Says that a column was looked at and is not sensitive, and why; without a column, all of the table that have no class and are not '
	'accepted yet. Then tarot.discover_sensitive() and tarot.classification_drift() leave them out, until they are renamed or get another '
	'type. Kept in tarot.accepted_column; changes nothing about who sees what. Returns how many columns it was. Raises 42809 for what is '
	'no table, 42703 for a column that does not exist.';

CREATE FUNCTION tarot.reconsider_column(relation regclass, "column" name DEFAULT NULL) RETURNS integer
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	reconsidered integer;
BEGIN
	DELETE FROM tarot.accepted_column c
		WHERE c.relation = reconsider_column.relation
			AND (reconsider_column."column" IS NULL OR c."column" = reconsider_column."column");
	GET DIAGNOSTICS reconsidered = ROW_COUNT;
	RETURN reconsidered;
END
$$;
COMMENT ON FUNCTION tarot.reconsider_column(regclass, name) IS
	'Takes back tarot.accept_column(); without a column, for the whole table. Returns how many columns it was.';

REVOKE ALL ON FUNCTION tarot.accept_column(regclass, name, text), tarot.reconsider_column(regclass, name) FROM PUBLIC;

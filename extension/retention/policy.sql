-- retention: how long rows are kept
--
-- A policy is a job of the kind "retention".

CREATE TABLE tarot.retention_policy (
	name text COLLATE "C" PRIMARY KEY,
	relation regclass NOT NULL,
	age_column name NOT NULL,
	keep interval,
	action text COLLATE "C" NOT NULL CHECK (action IN ('delete', 'anonymize', 'archive', 'drop_partition')),
	archive_to regclass,
	condition text,
	batch integer NOT NULL,
	legal_basis text,
	created_by name NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	class text COLLATE "C",
	marker name,
	keep_columns name[] NOT NULL DEFAULT '{}',
	clear name[] NOT NULL DEFAULT '{}',
	replacements jsonb NOT NULL DEFAULT '{}',
	CHECK (keep IS NOT NULL OR class IS NOT NULL),
	CHECK ((action = 'anonymize') = (marker IS NOT NULL))
);
COMMENT ON TABLE tarot.retention_policy IS 'What tarot.add_retention() was told. When it is done stands in tarot.job.';
SELECT tarot.guard_table('tarot.retention_policy');
SELECT pg_extension_config_dump('tarot.retention_policy',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation AND c.relpersistence <> ''t'')');

-- ------------------------------------------------------------ changes, which C asks the table's owner for

CREATE FUNCTION tarot.try_value(type oid, value text) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_retention_try_value';

CREATE FUNCTION tarot.apply_retention(rel oid, policy text, change text, condition text, settings jsonb, role name) RETURNS text
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	p tarot.retention_policy;
	j tarot.job;
	detached regclass;
	-- Whoever calls tarot.change_retention() itself is told what would have no effect, or one that was not asked for.
	known CONSTANT text[] := CASE change
		WHEN 'hold' THEN '{reason}'
		WHEN 'add' THEN '{age_column,keep,action,batch,every,window_start,window_end,window_days,time_zone,legal_basis,'
			'class,marker,clear,keep_columns,replacements,archive_to}'
		WHEN 'alter' THEN '{age_column,keep,batch,every,window_start,window_end,window_days,time_zone,legal_basis,'
			'marker,clear,keep_columns,replacements,archive_to}'
		ELSE '{}' END;
	unknown CONSTANT text := (SELECT min(k.key COLLATE "C") FROM jsonb_object_keys(settings) AS k (key) WHERE k.key <> ALL (known));
BEGIN
	IF unknown IS NOT NULL THEN
		RAISE EXCEPTION 'setting "%" is not known', left(unknown, 100)
			USING ERRCODE = 'invalid_parameter_value',
				HINT = format('Of "%s" the settings are: %s.', change, coalesce(nullif(array_to_string(known, ', '), ''), 'none'));
	ELSIF settings ? 'reason' THEN
		PERFORM tarot.require_job_line(policy, 'the name of a hold', 200), tarot.require_job_line(settings->>'reason', 'reason', 1000);
	ELSIF settings->>'legal_basis' IS NOT NULL THEN
		PERFORM tarot.require_job_line(settings->>'legal_basis', 'legal_basis', 1000);
	END IF;
	IF change = 'hold' THEN
		-- As tarot.hold_subject() does: an erasure that is under way comes before it.
		LOCK TABLE tarot.subject_hold IN ROW EXCLUSIVE MODE;
		IF EXISTS (SELECT FROM tarot.legal_hold h WHERE h.relation = rel AND h.name = policy) THEN
			RAISE EXCEPTION 'a hold "%" on table "%" already exists', policy, tarot.relation_name(rel) USING ERRCODE = 'duplicate_object';
		END IF;
		INSERT INTO tarot.legal_hold (relation, name, condition, reason, held_by, owner)
			SELECT rel, policy, apply_retention.condition, settings->>'reason', role, pg_get_userbyid(c.relowner)
				FROM pg_class c
				WHERE c.oid = rel;
		RETURN NULL;
	ELSIF change = 'release' THEN
		DELETE FROM tarot.legal_hold h WHERE h.relation = rel AND h.name = policy;
		IF NOT FOUND THEN
			RAISE EXCEPTION 'there is no hold "%" on table "%"', policy, tarot.relation_name(rel) USING ERRCODE = 'undefined_object';
		END IF;
		RETURN NULL;
	ELSIF change = 'remove' THEN
		SELECT r.detached INTO detached FROM tarot.retention_status r WHERE r.policy = apply_retention.policy;
		IF detached IS NOT NULL THEN
			RAISE WARNING 'partition "%" is detached, and no policy drops it any more', tarot.relation_name(detached)
				USING HINT = 'It stands alone: make it a partition again, or drop it.';
		END IF;
		DELETE FROM tarot.retention_policy i WHERE i.name = policy;
		PERFORM tarot.remove_job(policy);
		RETURN NULL;
	END IF;

	IF change NOT IN ('add', 'alter') THEN
		RAISE EXCEPTION 'there is no such change of retention' USING ERRCODE = 'invalid_parameter_value';
	END IF;

	settings := jsonb_strip_nulls(settings);
	IF change = 'alter' THEN
		SELECT * INTO STRICT p FROM tarot.retention_policy i WHERE i.name = policy;
		SELECT * INTO STRICT j FROM tarot.job i WHERE i.name = policy;
		settings := jsonb_strip_nulls(to_jsonb(j) || to_jsonb(p)) || settings;
	ELSIF EXISTS (SELECT FROM tarot.job i WHERE i.name = policy) THEN
		RAISE EXCEPTION 'a job called "%" already exists', policy
			USING ERRCODE = 'duplicate_object',
				HINT = 'Give the policy another name.';
	END IF;
	p := jsonb_populate_record(NULL::tarot.retention_policy, settings - 'relation');
	PERFORM tarot.require_retainable(rel, p.age_column);
	p.name := policy;
	p.relation := rel;
	p.keep_columns := coalesce(p.keep_columns, '{}');
	p.clear := coalesce(p.clear, '{}');
	p.replacements := coalesce(p.replacements, '{}');
	PERFORM tarot.try_value(a.atttypid, r.value)
		FROM jsonb_each_text(p.replacements) AS r
			JOIN pg_attribute a ON a.attrelid = rel AND a.attname = r.key AND a.attnum > 0 AND NOT a.attisdropped;
	IF p.class IS NOT NULL THEN
		PERFORM tarot.get_class(p.class);
	END IF;
	IF p.keep < '0' THEN
		RAISE EXCEPTION 'rows cannot be kept for less than no time' USING ERRCODE = 'invalid_parameter_value';
	ELSIF (p.batch BETWEEN 1 AND 1000000) IS NOT TRUE THEN
		RAISE EXCEPTION 'a batch must have from 1 to 1000000 rows' USING ERRCODE = 'invalid_parameter_value';
	ELSIF p.action IN ('delete', 'anonymize', 'archive', 'drop_partition') IS NOT TRUE THEN
		RAISE EXCEPTION 'action "%" is not known', p.action
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'It can be delete, anonymize, archive or drop_partition.';
	ELSIF num_nulls(p.keep, p.class) = 2 THEN
		RAISE EXCEPTION 'it is not said how long rows are kept'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'Give keep, or a class that has a limit by tarot.set_class_retention().';
	ELSIF p.action <> 'anonymize' AND num_nulls(p.keep, p.class) = 0 THEN
		RAISE EXCEPTION 'rows are kept for a time, or for that of a class'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Give keep or class.';
	ELSIF p.action <> 'anonymize' AND (p.marker IS NOT NULL OR p.keep_columns || p.clear <> '{}' OR p.replacements <> '{}') THEN
		RAISE EXCEPTION 'marker, keep_columns, clear and replacements are for the action anonymize'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF p.archive_to IS NOT NULL AND p.action <> 'archive' THEN
		RAISE EXCEPTION 'archive_to is for action archive' USING ERRCODE = 'invalid_parameter_value';
	ELSIF coalesce(apply_retention.condition, p.condition) IS NOT NULL AND p.action = 'drop_partition' THEN
		RAISE EXCEPTION 'a partition is dropped whole, whatever its rows are like'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Leave "where" out; to keep rows of it there is tarot.hold().';
	END IF;
	IF p.action = 'anonymize' THEN
		p.marker := coalesce(p.marker, 'anonymized_at');
		PERFORM tarot.require_anonymizable(p);
	ELSIF p.action = 'archive' THEN
		PERFORM tarot.require_archive(rel, p.archive_to, policy);
	ELSIF p.action = 'drop_partition' THEN
		PERFORM tarot.require_age_partitions(rel, p.age_column);
	END IF;
	IF p.action <> 'drop_partition' THEN
		PERFORM tarot.require_no_rules(rel, p.action, p.archive_to);
	END IF;
	PERFORM tarot.put_job(policy, 'retention', rel, '{}',
		(settings->>'every')::interval, (settings->>'window_start')::time, (settings->>'window_end')::time,
		(SELECT array_agg(d::smallint) FROM jsonb_array_elements_text(settings->'window_days') AS d),
		settings->>'time_zone', change <> 'alter');
	IF tarot.retention_keep(p) IS NULL THEN
		RAISE EXCEPTION 'data class "%" has no limit that rows could be kept by', p.class
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Set it with tarot.set_class_retention(), or give keep.';
	END IF;
	PERFORM tarot.require_keep(tarot.retention_keep(p), settings->>'time_zone', now());
	INSERT INTO tarot.retention_policy AS i (name, relation, age_column, keep, action, archive_to, condition, batch,
			legal_basis, created_by, class, marker, keep_columns, clear, replacements)
		VALUES (policy, rel, p.age_column, p.keep, p.action, p.archive_to, coalesce(apply_retention.condition, p.condition), p.batch,
			p.legal_basis, role, p.class, p.marker, p.keep_columns, p.clear, p.replacements)
		ON CONFLICT ON CONSTRAINT retention_policy_pkey DO UPDATE SET age_column = excluded.age_column, keep = excluded.keep,
			archive_to = excluded.archive_to, condition = excluded.condition, batch = excluded.batch,
			legal_basis = excluded.legal_basis, marker = excluded.marker, keep_columns = excluded.keep_columns,
			clear = excluded.clear, replacements = excluded.replacements;
	RETURN policy;
END
$$;

-- What the audit log is told of a change.
CREATE FUNCTION tarot.retention_change(name text, change text, condition text, settings jsonb) RETURNS jsonb
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT jsonb_object_agg(e.key, e.value)
			FROM jsonb_each(coalesce(settings, '{}') || jsonb_build_object('type', 'table', 'where', condition,
				'archive_to', tarot.relation_name((settings->>'archive_to')::oid),
				'command', CASE change
					WHEN 'hold' THEN 'SET HOLD'
					WHEN 'release' THEN 'RELEASE HOLD'
					ELSE upper(change) || ' RETENTION' END,
				CASE WHEN change IN ('hold', 'release') THEN 'hold' ELSE 'policy' END, name)) AS e
			WHERE e.value NOT IN ('null', '[]', '{}')
	$$;

CREATE FUNCTION tarot.change_retention(rel oid, policy text, change text, condition text, settings jsonb) RETURNS text
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_retention_change_retention';

CREATE FUNCTION tarot.count_retention(policy text, what text) RETURNS jsonb
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_retention_count_retention';

-- ------------------------------------------------------------ for everybody: these ask for the owner of the table

-- A column that is given NULL is cleared.
CREATE FUNCTION tarot.clear_by_replacements(INOUT clear name[], INOUT replacements jsonb) RETURNS record
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF replacements IS NULL THEN
		RETURN;
	ELSIF jsonb_typeof(replacements) <> 'object' THEN
		RAISE EXCEPTION 'replacements are an object of columns and their new values' USING ERRCODE = 'invalid_parameter_value';
	ELSIF EXISTS (SELECT FROM jsonb_each(replacements) AS r WHERE r.value = 'null') THEN
		IF clear IS NULL THEN
			RAISE EXCEPTION 'columns that are to be NULL are named in clear'
				USING ERRCODE = 'invalid_parameter_value',
					HINT = 'With all that are to be so from now on.';
		END IF;
		clear := clear || ARRAY(SELECT r.key::name FROM jsonb_each(replacements) AS r WHERE r.value = 'null' ORDER BY r.key);
		replacements := jsonb_strip_nulls(replacements);
	END IF;
END
$$;

CREATE FUNCTION tarot.add_retention(rel regclass, age_column name, keep interval DEFAULT NULL, action text DEFAULT 'delete',
		"where" text DEFAULT NULL, batch integer DEFAULT 10000,
		every interval DEFAULT '1 day', window_start time DEFAULT NULL, window_end time DEFAULT NULL,
		window_days integer[] DEFAULT NULL, time_zone text DEFAULT 'UTC',
		legal_basis text DEFAULT NULL, policy text DEFAULT NULL, class text DEFAULT NULL,
		marker name DEFAULT NULL, clear name[] DEFAULT '{}', keep_columns name[] DEFAULT '{}', replacements jsonb DEFAULT '{}',
		archive_to regclass DEFAULT NULL) RETURNS text
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET IntervalStyle = 'postgres'
	AS $$
BEGIN
	IF rel IS NULL OR age_column IS NULL OR num_nulls(keep, class) = 2 THEN
		RAISE EXCEPTION 'rel, age_column, and keep or class must not be null'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'A class has a limit by tarot.set_class_retention().';
	END IF;
	SELECT * INTO clear, replacements FROM tarot.clear_by_replacements(coalesce(clear, '{}'), replacements);
	RETURN tarot.change_retention(rel::oid, coalesce(policy, concat_ws('.', tarot.relation_name(rel), age_column)), 'add', "where",
		jsonb_build_object('age_column', age_column, 'keep', keep, 'action', action, 'batch', batch,
			'every', every, 'window_start', window_start, 'window_end', window_end, 'window_days', window_days, 'time_zone', time_zone,
			'legal_basis', legal_basis, 'class', class,
			'marker', marker, 'clear', clear, 'keep_columns', keep_columns, 'replacements', replacements,
			'archive_to', archive_to::oid));
END
$$;
COMMENT ON FUNCTION tarot.add_retention(regclass, name, interval, text, text, integer, interval, time, time, integer[], text,
		text, text, text, name, name[], name[], jsonb, regclass) IS
	'Lets rows of a table, its partitions and children be deleted (action delete), anonymized (anonymize), moved to another table '
	'(archive, with archive_to, which has columns of the same names, types and data classes), or dropped with their partition '
	'(drop_partition, of a table partitioned by ranges of the age column: partitions whose upper bound is so far back) when they are '
	'older than keep, by age_column (timestamptz, timestamp or date; NULL is never old). Without keep, that is the limit of the class, as '
	'tarot.set_class_retention() has set it, and is asked for at each run. To anonymize a row is an UPDATE that puts the mask of its '
	'class into each column that has one, or, with class, into those of this class alone, whatever the owner may see; values of encrypted '
	'columns are sealed again. Columns in keep_columns stay, those in clear become NULL, those in replacements, {"column": value}, get '
	'that value. The row is marked in the column marker (boolean, date, timestamp or timestamptz; NULL and false are "not yet"; by '
	'default anonymized_at), so that it is not done twice. where is a condition on its columns, which a row must meet, too; what is not '
	'in pg_catalog it names with its schema. It is done by the background worker, or by tarot.run_due_jobs(), for the first time at once '
	'and then every so often, in the window from window_start to window_end on the days window_days (1, Monday, to 7, Sunday), all in the '
	'time zone; what has no time zone of its own is in that, too. It has the rights of the table''s owner, triggers and foreign keys '
	'included, and does up to so many rows in a batch (1 to 1000000), which is a transaction and takes about 25 ms. Rows that somebody '
	'has locked are left for a run ten minutes later, those that would be deleted and that other rows refer to until these are gone, and '
	'those of tarot.hold() until that is lifted. Of each run the audit log has an entry. A table may have several policies; those that do '
	'different things to columns need different markers. Returns the name of the policy: policy, a line of at most 200 bytes, or by '
	'default schema.table.column. legal_basis is a line of at most 1000 bytes, where has at most 10000. For the owner of the table to '
	'whom EXECUTE is granted: its triggers, and functions in where, are run by the worker that serves the whole database, for at most '
	'tarot_security.job_timeout a batch. Leaves an entry in the audit log. Raises 42501 for others, 42809 for what is not a table, 42703 '
	'and 42804 for a column that does not exist or has not the type, 42710 for a name that is taken, 42704 for an unknown class, 22004 '
	'and 22023 for bad settings, what is wrong with the condition, and 55000 for a time that lies ahead, a class without a limit, a '
	'marker that cannot be one, and, with the list, where keys, constraints, partitions or bound values would not stay as they must be.';

CREATE FUNCTION tarot.alter_retention(policy text, age_column name DEFAULT NULL, keep interval DEFAULT NULL,
		"where" text DEFAULT NULL, batch integer DEFAULT NULL,
		every interval DEFAULT NULL, window_start time DEFAULT NULL, window_end time DEFAULT NULL,
		window_days integer[] DEFAULT NULL, time_zone text DEFAULT NULL,
		legal_basis text DEFAULT NULL,
		marker name DEFAULT NULL, clear name[] DEFAULT NULL, keep_columns name[] DEFAULT NULL, replacements jsonb DEFAULT NULL,
		archive_to regclass DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET IntervalStyle = 'postgres'
	AS $$
BEGIN
	IF policy IS NULL THEN
		RAISE EXCEPTION 'policy must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	SELECT * INTO clear, replacements FROM tarot.clear_by_replacements(clear, replacements);
	PERFORM tarot.change_retention(NULL, policy, 'alter', "where",
		jsonb_build_object('age_column', age_column, 'keep', keep, 'batch', batch,
			'every', every, 'window_start', window_start, 'window_end', window_end, 'window_days', window_days, 'time_zone', time_zone,
			'legal_basis', legal_basis,
			'marker', marker, 'clear', clear, 'keep_columns', keep_columns, 'replacements', replacements,
			'archive_to', archive_to::oid));
END
$$;
COMMENT ON FUNCTION tarot.alter_retention(text, name, interval, text, integer, interval, time, time, integer[], text,
		text, name, name[], name[], jsonb, regclass) IS
	'Changes a policy of tarot.add_retention(); what is NULL stays. What is said of columns counts for rows that are not yet anonymized. '
	'It runs at once, if that is in its window, and with the rights of the table''s owner as it is now. Waits for a batch that is under '
	'way. For the owner of the table to whom EXECUTE on tarot.add_retention() is granted, with an entry in the audit log. Raises 42704 '
	'for a policy that does not exist, and what tarot.add_retention() does.';

CREATE FUNCTION tarot.remove_retention(policy text) RETURNS void
	LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT tarot.change_retention(NULL, policy, 'remove', NULL, NULL) $$;
COMMENT ON FUNCTION tarot.remove_retention(text) IS
	'Ends a policy of tarot.add_retention(). What tarot.job_run and the audit log have of it stays. Waits for a batch that is under way. '
	'For the owner of the table, with an entry in the audit log. Raises 42704 for a policy that does not exist.';

CREATE FUNCTION tarot.preview_retention(policy text)
	RETURNS TABLE ("table" regclass, rows bigint, bytes bigint, held bigint, referred bigint, without_age bigint,
		oldest text, newest text, action text, done bigint, columns jsonb)
	LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT d."table"::regclass, d.rows, d.bytes, d.held, d.referred, d.without_age, d.oldest, d.newest, d.action, d.done,
				nullif(d.columns, 'null')
			FROM jsonb_to_recordset(tarot.count_retention(policy, 'rows'))
				AS d ("table" oid, rows bigint, bytes bigint, held bigint, referred bigint, without_age bigint,
					oldest text, newest text, action text, done bigint, columns jsonb)
	$$;
COMMENT ON FUNCTION tarot.preview_retention(text) IS
	'What a policy would do now, and does not: a row for the table, or for each of its partitions and children, with the number and size '
	'in bytes of the rows that would go or be anonymized, how many old ones would stay as they are since they are on hold or other rows '
	'refer to them, how many rows have no age and so never get old, and the ages of the oldest and newest of these. action is what would '
	'be done; where that is to anonymize, done is how many rows are marked as anonymized, and columns what becomes of which column: '
	'masked, cleared, replaced or kept. Reads all rows. For the owner of the table. Raises 42704 for a policy that does not exist, and '
	'what tarot.add_retention() would.';

CREATE FUNCTION tarot.preview_references(policy text)
	RETURNS TABLE ("table" regclass, referring regclass, "constraint" name, on_delete text, rows bigint)
	LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT d."table"::regclass, d.referring::regclass, d."constraint", d.on_delete, d.rows
			FROM jsonb_to_recordset(tarot.count_retention(policy, 'references'))
				AS d ("table" oid, referring oid, "constraint" name, on_delete text, rows bigint)
			WHERE d.rows > 0
	$$;
COMMENT ON FUNCTION tarot.preview_references(text) IS
	'Which rows of other tables refer to rows that a policy is about, and that are not on hold: a row for each table or partition, '
	'referring table and foreign key, with what the foreign key wants done when they are deleted (NO ACTION and RESTRICT keep them, as '
	'the policy then does; every one keeps a partition from being dropped) and how many rows refer. Reads all rows. For the owner of the '
	'table, who needs SELECT on those that refer. Raises 42704 for a policy that does not exist.';

CREATE VIEW tarot.retention_status AS
	SELECT p.name AS policy, p.relation::regclass AS "table", p.age_column, coalesce(p.keep, l.keep) AS keep, p.action,
		p.condition AS "where", p.batch, coalesce(p.legal_basis, l.legal_basis) AS legal_basis, p.created_by, p.created_at,
		j.state, j.next_run, r.ended_at AS last_run, r.rows AS last_rows, r.skipped AS last_skipped,
		p.class, p.marker, p.clear, p.keep_columns, p.replacements, nullif(p.archive_to::oid, 0)::regclass AS archive_to,
		(SELECT c.oid::regclass
			FROM tarot.job_state s
				JOIN pg_class c ON c.oid = (s.progress->'unfinished'->>'partition')::oid
					AND c.reltype = (s.progress->'unfinished'->>'type')::oid
					AND NOT c.relispartition
			WHERE s.name = p.name) AS detached
	FROM tarot.retention_policy p
		LEFT JOIN tarot.job_status j ON j.job = p.name
		LEFT JOIN (
			SELECT c.name, i.keep, i.legal_basis
				FROM tarot.class c JOIN tarot.class_retention i USING (class_id)) AS l ON p.keep IS NULL AND l.name = p.class
		LEFT JOIN LATERAL (
			SELECT i.ended_at, i.rows, i.skipped
				FROM tarot.job_run i
				WHERE i.job = p.name AND i.outcome = 'finished'
				ORDER BY i.number DESC LIMIT 1) AS r ON true;
COMMENT ON VIEW tarot.retention_status IS 'The retention policies of this database, and what their last runs did.';
COMMENT ON COLUMN tarot.retention_status.policy IS 'The policy: the job of the same name does it.';
COMMENT ON COLUMN tarot.retention_status."table" IS 'The table.';
COMMENT ON COLUMN tarot.retention_status.age_column IS 'The column that tells how old a row is.';
COMMENT ON COLUMN tarot.retention_status.keep IS
	'How old a row gets: as the policy says, or the limit of the class. NULL where that has none any more: then runs fail.';
COMMENT ON COLUMN tarot.retention_status.action IS 'What is done then: delete, anonymize, archive or drop_partition.';
COMMENT ON COLUMN tarot.retention_status.archive_to IS
	'Where rows are moved to; NULL: nowhere, or the table is gone, and runs fail until there is another.';
COMMENT ON COLUMN tarot.retention_status.detached IS
	'A partition that stands alone since a run was stopped between detaching and dropping it: the next one drops it, or makes it a '
	'partition again where its rows are on hold or old no more. NULL: none does.';
COMMENT ON COLUMN tarot.retention_status."where" IS 'The condition that a row must meet, too. The row is called t.';
COMMENT ON COLUMN tarot.retention_status.batch IS 'How many rows a transaction does at most.';
COMMENT ON COLUMN tarot.retention_status.legal_basis IS 'What the policy rests on, or the limit of the class.';
COMMENT ON COLUMN tarot.retention_status.created_by IS 'The role that added it.';
COMMENT ON COLUMN tarot.retention_status.created_at IS 'When.';
COMMENT ON COLUMN tarot.retention_status.state IS 'Of the job: tarot.job_status.';
COMMENT ON COLUMN tarot.retention_status.next_run IS 'When it runs next.';
COMMENT ON COLUMN tarot.retention_status.last_run IS 'When the last run ended that was finished.';
COMMENT ON COLUMN tarot.retention_status.last_rows IS 'How many rows it deleted or anonymized.';
COMMENT ON COLUMN tarot.retention_status.last_skipped IS 'How many old rows it left.';
COMMENT ON COLUMN tarot.retention_status.class IS
	'The data class whose columns alone are anonymized, or after whose limit rows are deleted.';
COMMENT ON COLUMN tarot.retention_status.marker IS 'The column that tells which rows are anonymized.';
COMMENT ON COLUMN tarot.retention_status.clear IS 'Columns that become NULL.';
COMMENT ON COLUMN tarot.retention_status.keep_columns IS 'Columns with a class that stay as they are.';
COMMENT ON COLUMN tarot.retention_status.replacements IS 'Columns that get a value, and which.';

-- ------------------------------------------------------------ tables that are dropped

-- A condition that names a column which is gone is not one by another of the same name, if there is one some day: from here on it names
-- the dropped one.
CREATE FUNCTION tarot.break_conditions(relation oid, number integer, "column" name) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	dropped CONSTANT name := (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum = number AND a.attisdropped);
	found record;
BEGIN
	FOR found IN
		SELECT p.name, p.condition, false AS of_hold, r.oid AS role
			FROM tarot.retention_policy p
				JOIN tarot.job j USING (name)
				JOIN pg_roles r ON r.rolname = j.owner
			WHERE p.relation::oid = break_conditions.relation AND p.condition IS NOT NULL
		UNION ALL SELECT h.name, h.condition, true, r.oid
			FROM tarot.legal_hold h
				JOIN pg_roles r ON r.rolname = h.owner
			WHERE h.relation::oid = break_conditions.relation AND h.condition IS NOT NULL
	LOOP
		BEGIN
			-- The statement that drops it may have made another.
			PERFORM tarot.renamed_condition(relation, found.condition, dropped, "column", found.role);
		EXCEPTION WHEN undefined_column OR undefined_object THEN
			IF found.of_hold THEN
				UPDATE tarot.legal_hold h SET condition = format('(%s) AND t.%I IS NULL', found.condition, dropped)
					WHERE h.relation::oid = break_conditions.relation AND h.name = found.name;
			ELSE
				UPDATE tarot.retention_policy p SET condition = format('(%s) AND t.%I IS NULL', found.condition, dropped)
					WHERE p.name = found.name;
			END IF;
		WHEN OTHERS THEN
			-- It is broken by something else.
		END;
	END LOOP;
END
$$;

CREATE FUNCTION tarot.follow_retention_drop() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM tarot.retention_policy p
		USING pg_event_trigger_dropped_objects() d
		WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND p.relation::oid = d.objid;
	PERFORM tarot.forget_archive(d.objid)
		FROM pg_event_trigger_dropped_objects() d
		WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0;
	DELETE FROM tarot.legal_hold h
		USING pg_event_trigger_dropped_objects() d
		WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND h.relation::oid = d.objid;
	PERFORM tarot.break_conditions(d.objid, d.objsubid, d.address_names[3])
		FROM pg_event_trigger_dropped_objects() d
		WHERE d.classid = 'pg_class'::regclass AND d.objsubid > 0;
END
$$;
COMMENT ON FUNCTION tarot.follow_retention_drop() IS
	'Event trigger: the retention policies and holds of a table go with it; conditions by a column that is dropped stay broken.';
CREATE EVENT TRIGGER tarot_security_follow_retention_drop ON sql_drop
	-- That of a type drops the tables that are of it, and columns.
	WHEN TAG IN ('DROP TABLE', 'DROP SCHEMA', 'DROP OWNED', 'DROP EXTENSION', 'DROP TYPE', 'DROP DOMAIN', 'ALTER TABLE', 'ALTER TYPE')
	EXECUTE FUNCTION tarot.follow_retention_drop();
ALTER EVENT TRIGGER tarot_security_follow_retention_drop ENABLE ALWAYS;

-- For the function below. A condition that cannot be read any more stays as it is: its runs fail, and tell so.
CREATE FUNCTION tarot.rename_retention_column(renamed oid, old name, new name) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	found record;
	written text;
BEGIN
	UPDATE tarot.retention_policy p
		SET age_column = CASE p.age_column WHEN old THEN new ELSE p.age_column END,
			marker = CASE p.marker WHEN old THEN new ELSE p.marker END,
			keep_columns = array_replace(p.keep_columns, old, new), clear = array_replace(p.clear, old, new),
			replacements = CASE WHEN p.replacements ? old::text
				THEN p.replacements - old::text || jsonb_build_object(new, p.replacements->old::text)
				ELSE p.replacements END
		WHERE p.relation::oid = renamed
			AND (old IN (p.age_column, p.marker) OR old = ANY (p.keep_columns || p.clear) OR p.replacements ? old::text);
	FOR found IN
		SELECT p.name, p.condition, false AS of_hold, r.oid AS role
			FROM tarot.retention_policy p
				JOIN tarot.job j USING (name)
				JOIN pg_roles r ON r.rolname = j.owner
			WHERE p.relation::oid = renamed AND p.condition IS NOT NULL
		UNION ALL SELECT h.name, h.condition, true, r.oid
			FROM tarot.legal_hold h
				JOIN pg_roles r ON r.rolname = h.owner
			WHERE h.relation::oid = renamed AND h.condition IS NOT NULL
	LOOP
		BEGIN
			written := tarot.renamed_condition(renamed, found.condition, old, new, found.role);
		EXCEPTION WHEN OTHERS THEN
			CONTINUE;
		END;
		IF found.of_hold THEN
			UPDATE tarot.legal_hold h SET condition = written
				WHERE h.relation::oid = renamed AND h.name = found.name AND h.condition <> written;
		ELSE
			UPDATE tarot.retention_policy p SET condition = written WHERE p.name = found.name AND p.condition <> written;
		END IF;
	END LOOP;
END
$$;

CREATE FUNCTION tarot.follow_retention_rename() RETURNS event_trigger
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_retention_follow_rename';
COMMENT ON FUNCTION tarot.follow_retention_rename() IS
	'Event trigger: when a column is renamed, the retention policies and holds that go by it go by its new name.';
CREATE EVENT TRIGGER tarot_security_follow_retention_rename ON ddl_command_end
	-- By each of these can a column of a table be renamed.
	WHEN TAG IN ('ALTER TABLE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER FOREIGN TABLE', 'ALTER TYPE')
	EXECUTE FUNCTION tarot.follow_retention_rename();
ALTER EVENT TRIGGER tarot_security_follow_retention_rename ENABLE ALWAYS;

REVOKE ALL ON FUNCTION tarot.break_conditions(oid, integer, name), tarot.try_value(oid, text),
	tarot.rename_retention_column(oid, name, name), tarot.follow_retention_rename(),
	tarot.apply_retention(oid, text, text, text, jsonb, name), tarot.retention_change(text, text, text, jsonb),
	tarot.follow_retention_drop() FROM PUBLIC;
REVOKE ALL ON FUNCTION tarot.add_retention(regclass, name, interval, text, text, integer, interval, time, time, integer[], text,
	text, text, text, name, name[], name[], jsonb, regclass) FROM PUBLIC;
GRANT SELECT ON tarot.retention_status TO pg_monitor;

-- jobs: work at set times, in batches
--
-- A batch is a transaction: what it did to the table and how far it came are committed together, so that after a crash the work goes on
-- exactly there. Written and read by C as the owner of the extension; nobody else has a privilege here.

-- As a regclass a table follows renames, dumps and pg_upgrade.
CREATE TABLE tarot.job (
	name text COLLATE "C" PRIMARY KEY,
	kind text COLLATE "C" NOT NULL,
	relation regclass,
	-- Whose code it is: the table's owner when the job was made, changed or resumed. By name, so that a dump can be restored without it.
	owner name,
	arguments jsonb NOT NULL DEFAULT '{}',
	every interval NOT NULL,
	window_start time,
	window_end time,
	window_days smallint[],
	time_zone text NOT NULL,
	paused boolean NOT NULL DEFAULT false,
	CHECK (every >= '1 minute'),
	CHECK (num_nulls(window_start, window_end) IN (0, 2))
);
COMMENT ON TABLE tarot.job IS 'What is done at set times, and when. Of a table that is dropped it goes with that.';
SELECT tarot.guard_table('tarot.job');
SELECT pg_extension_config_dump('tarot.job',
	'WHERE relation IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation AND c.relpersistence <> ''t'')');

-- Whatever writes there, a restore too: the worker is to look.
CREATE FUNCTION tarot.follow_job_change() RETURNS trigger
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_jobs_follow_job_change';
REVOKE ALL ON FUNCTION tarot.follow_job_change() FROM PUBLIC;
CREATE TRIGGER changed AFTER INSERT OR UPDATE ON tarot.job FOR EACH STATEMENT EXECUTE FUNCTION tarot.follow_job_change();
ALTER TABLE tarot.job ENABLE ALWAYS TRIGGER changed;

-- Of this server, and not dumped: where a dump is restored, each job is due.
CREATE TABLE tarot.job_state (
	name text COLLATE "C" PRIMARY KEY,
	-- In the time zone of the job.
	scheduled timestamp,
	due_at timestamptz NOT NULL,
	run bigint NOT NULL DEFAULT 0,
	progress jsonb,
	failures integer NOT NULL DEFAULT 0,
	-- Batches in a row that took too long.
	timeouts integer NOT NULL DEFAULT 0,
	-- A batch began then, and its end is not on record: it is under way, or its session has ended.
	began_at timestamptz,
	looked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	-- The session that restores the job from a dump.
	loaded_by integer,
	loaded_since timestamptz
);
COMMENT ON TABLE tarot.job_state IS 'When each job is due, and how far its run is. Of this server: not dumped.';
SELECT tarot.guard_table('tarot.job_state');

-- Where a job comes by a restore, what keeps rows may come after it in the same session: holds, foreign keys, triggers, the table of
-- policies itself. Whoever makes one takes this back.
CREATE FUNCTION tarot.note_loaded_job() RETURNS trigger
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	INSERT INTO tarot.job_state AS s (name, due_at, loaded_by, loaded_since)
		SELECT NEW.name, clock_timestamp(), a.pid, a.backend_start FROM pg_stat_get_activity(pg_backend_pid()) AS a
		ON CONFLICT ON CONSTRAINT job_state_pkey DO UPDATE SET loaded_by = excluded.loaded_by, loaded_since = excluded.loaded_since;
	RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION tarot.note_loaded_job() FROM PUBLIC;
CREATE TRIGGER loaded AFTER INSERT ON tarot.job FOR EACH ROW EXECUTE FUNCTION tarot.note_loaded_job();
ALTER TABLE tarot.job ENABLE ALWAYS TRIGGER loaded;

-- Whether that session is there, and not the one that asks. Who may not see when it began takes it to be that one.
CREATE FUNCTION tarot.is_being_loaded(loaded_by integer, loaded_since timestamptz) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT loaded_by <> pg_backend_pid()
			AND EXISTS (SELECT FROM pg_stat_get_activity(loaded_by) AS a WHERE coalesce(a.backend_start = loaded_since, true))
	$$;

CREATE TABLE tarot.job_run (
	job text COLLATE "C" NOT NULL,
	number bigint NOT NULL,
	kind text COLLATE "C" NOT NULL,
	relation oid,
	table_name text,
	outcome text COLLATE "C" NOT NULL DEFAULT 'running' CHECK (outcome IN ('running', 'finished', 'cancelled', 'dropped')),
	started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	ended_at timestamptz,
	updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	rows bigint NOT NULL DEFAULT 0,
	skipped bigint NOT NULL DEFAULT 0,
	batches bigint NOT NULL DEFAULT 0,
	seconds double precision NOT NULL DEFAULT 0,
	units_done bigint NOT NULL DEFAULT 0,
	units_total bigint,
	failures integer NOT NULL DEFAULT 0,
	sqlstate text,
	message text,
	failed_at timestamptz,
	pid integer,
	CONSTRAINT job_run_pkey PRIMARY KEY (job, number)
);
COMMENT ON TABLE tarot.job_run IS
	'What jobs have done: a row a run, of each job the last hundred. Of this server: not dumped. For the owner of the extension and whom '
	'it grants SELECT.';
SELECT tarot.guard_table('tarot.job_run');
COMMENT ON COLUMN tarot.job_run.job IS 'The job.';
COMMENT ON COLUMN tarot.job_run.number IS 'The runs of a job are numbered.';
COMMENT ON COLUMN tarot.job_run.kind IS 'Its kind.';
COMMENT ON COLUMN tarot.job_run.relation IS 'The OID of its table.';
COMMENT ON COLUMN tarot.job_run.table_name IS 'The table as it was called then, with its schema.';
COMMENT ON COLUMN tarot.job_run.outcome IS
	'running; finished; cancelled: by tarot.cancel_job(); dropped: the job was dropped, or its table, before the end.';
COMMENT ON COLUMN tarot.job_run.started_at IS 'When its first batch began.';
COMMENT ON COLUMN tarot.job_run.ended_at IS 'When it ended.';
COMMENT ON COLUMN tarot.job_run.updated_at IS 'When a batch was last committed or failed.';
COMMENT ON COLUMN tarot.job_run.rows IS 'Rows that were dealt with.';
COMMENT ON COLUMN tarot.job_run.skipped IS
	'Rows that it is about, and that were left for another run: locked by somebody, on hold, or referred to.';
COMMENT ON COLUMN tarot.job_run.batches IS 'Transactions that were committed.';
COMMENT ON COLUMN tarot.job_run.seconds IS 'The time at work.';
COMMENT ON COLUMN tarot.job_run.units_done IS 'How far it is, of units_total; of a table blocks.';
COMMENT ON COLUMN tarot.job_run.units_total IS 'How far there is to go.';
COMMENT ON COLUMN tarot.job_run.failures IS
	'Batches that failed, and were taken back. It is tried again after 10 seconds, 20, 40, at most an hour.';
COMMENT ON COLUMN tarot.job_run.sqlstate IS 'Of the last failure.';
COMMENT ON COLUMN tarot.job_run.message IS 'Its message, without what could tell values of rows. The server log has no more of it.';
COMMENT ON COLUMN tarot.job_run.failed_at IS 'When that was.';
COMMENT ON COLUMN tarot.job_run.pid IS 'The process that did the last batch, or is at it.';

-- ------------------------------------------------------------ when

-- The first time not before `at` that is in the window. A window that ends before it begins, or when it begins, ends on the next day.
CREATE FUNCTION tarot.job_opens(window_start time, window_end time, window_days smallint[], time_zone text, at timestamptz)
		RETURNS timestamptz
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE WHEN num_nonnulls(window_start, window_days) = 0 THEN at ELSE (
			SELECT greatest(at, w.opens)
				FROM generate_series(-1, 8) AS n,
					LATERAL (SELECT (at AT TIME ZONE time_zone)::date + n AS day) AS d,
					LATERAL (
						SELECT (d.day + coalesce(window_start, '00:00')) AT TIME ZONE time_zone AS opens,
							(d.day + CASE WHEN coalesce(window_end, '00:00') <= coalesce(window_start, '00:00') THEN 1 ELSE 0 END
								+ coalesce(window_end, '00:00')) AT TIME ZONE time_zone AS closes
					) AS w
				WHERE (window_days IS NULL OR extract(isodow FROM d.day) = ANY (window_days)) AND w.closes > at AND w.closes > w.opens
				ORDER BY w.opens
				LIMIT 1) END
	$$;

-- Days and months are those of the time zone's calendar, so that a daily job stays at its hour; also after a day without that hour, which
-- is why its time is kept as the calendar has it.
CREATE FUNCTION tarot.job_after(scheduled timestamp, every interval, time_zone text, now timestamptz,
		OUT next timestamp, OUT due_at timestamptz) RETURNS record
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	days CONSTANT interval := date_trunc('day', every);
BEGIN
	next := scheduled + days;
	due_at := next AT TIME ZONE time_zone + (every - days);
	-- What was missed is not made up for.
	IF due_at <= now OR scheduled AT TIME ZONE time_zone > now THEN
		next := now AT TIME ZONE time_zone + days;
		-- An hour that is there twice would be its second.
		due_at := CASE WHEN days = '0' THEN now + every ELSE next AT TIME ZONE time_zone + (every - days) END;
	END IF;
	IF every <> days THEN
		next := due_at AT TIME ZONE time_zone;
	END IF;
END
$$;

-- ------------------------------------------------------------ a batch, as C does it

-- The next batch's job; without a name: when one will be due, if ever.
CREATE FUNCTION tarot.next_job(without text[], OUT name text, OUT relation oid, OUT due_at timestamptz) RETURNS record
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	now CONSTANT timestamptz := clock_timestamp();
	j tarot.job;
	opens timestamptz;
BEGIN
	-- After a clock was put back all are asked again.
	UPDATE tarot.job_state s SET due_at = now, looked_at = now WHERE s.looked_at > now + interval '1 minute';
	FOR j IN
		SELECT i.*
			FROM tarot.job i LEFT JOIN tarot.job_state s USING (name)
			WHERE NOT i.paused
				AND coalesce(s.due_at <= now, true)
				AND i.name <> ALL (without)
				AND tarot.is_being_loaded(s.loaded_by, s.loaded_since) IS NOT TRUE
			ORDER BY s.due_at NULLS FIRST, i.name
	LOOP
		opens := tarot.job_opens(j.window_start, j.window_end, j.window_days, j.time_zone, now);
		INSERT INTO tarot.job_state AS s (name, due_at) VALUES (j.name, coalesce(opens, 'infinity'))
			ON CONFLICT ON CONSTRAINT job_state_pkey
			DO UPDATE SET due_at = excluded.due_at, looked_at = now WHERE excluded.due_at > now;
		IF opens <= now THEN
			name := j.name;
			relation := j.relation;
			RETURN;
		END IF;
	END LOOP;
	due_at := (SELECT min(s.due_at) FROM tarot.job i JOIN tarot.job_state s USING (name) WHERE NOT i.paused AND i.name <> ALL (without));
END
$$;

-- Its run, or NULL where somebody changes it, or has done so. Nobody else is at it: C has the lock of its table. A batch that has not
-- come to its end has died then.
CREATE FUNCTION tarot.begin_job_batch(job text, relation oid, OUT run bigint, OUT died boolean) RETURNS record
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM FROM tarot.job i WHERE i.name = job AND coalesce(i.relation::oid, 0) = begin_job_batch.relation AND NOT i.paused
			AND EXISTS (SELECT FROM tarot.job_state s WHERE s.name = job AND s.due_at <= clock_timestamp())
		FOR UPDATE OF i SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	died := (SELECT s.began_at IS NOT NULL FROM tarot.job_state s WHERE s.name = job);
	run := tarot.begin_job_run(job);
	UPDATE tarot.job_state s SET began_at = clock_timestamp(), loaded_by = NULL WHERE s.name = job;
	UPDATE tarot.job_run r SET pid = pg_backend_pid() WHERE r.job = begin_job_batch.job AND r.number = run;
END
$$;

-- In the transaction that does it, until the end of which nobody changes the job; NULL where somebody does, or has.
CREATE FUNCTION tarot.take_job(job text, relation oid, run bigint,
		OUT kind text, OUT arguments jsonb, OUT time_zone text, OUT progress jsonb, OUT owner oid) RETURNS record
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	SELECT i.kind, i.arguments, i.time_zone, coalesce((SELECT r.oid FROM pg_roles r WHERE r.rolname = i.owner), 0)
		INTO kind, arguments, time_zone, owner
		FROM tarot.job i
		WHERE i.name = job
			AND coalesce(i.relation::oid, 0) = take_job.relation
			AND NOT i.paused
			AND EXISTS (SELECT FROM tarot.job_run r WHERE r.job = take_job.job AND r.number = take_job.run AND r.outcome = 'running')
		FOR UPDATE OF i SKIP LOCKED;
	IF NOT FOUND THEN
		-- Whoever changes it does so there, too.
		UPDATE tarot.job_state s SET began_at = NULL
			WHERE s.name = (SELECT i.name FROM tarot.job_state i WHERE i.name = job FOR UPDATE SKIP LOCKED);
		RETURN;
	END IF;
	SELECT s.progress, arguments || CASE WHEN s.timeouts > 0 THEN jsonb_build_object('timeouts', s.timeouts) ELSE '{}' END
		INTO progress, arguments
		FROM tarot.job_state s
		WHERE s.name = job;
END
$$;

-- What of the progress of a run that is cancelled the next one begins with.
CREATE FUNCTION tarot.unfinished_progress(progress jsonb) RETURNS jsonb
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE WHEN progress->'unfinished' <> 'null' THEN (
			SELECT jsonb_object_agg(p.key, p.value)
				FROM jsonb_each(progress) AS p
				WHERE p.key IN ('unfinished', 'alone_failed')) END
	$$;

-- The run that the batch belongs to: a new one where none is running.
CREATE FUNCTION tarot.begin_job_run(job text) RETURNS bigint
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	run bigint := (SELECT r.number FROM tarot.job_run r WHERE r.job = begin_job_run.job AND r.outcome = 'running');
BEGIN
	IF run IS NULL THEN
		-- After a restore the numbers begin anew.
		UPDATE tarot.job_state s
			SET run = greatest(s.run, coalesce((SELECT max(r.number) FROM tarot.job_run r WHERE r.job = begin_job_run.job), 0)) + 1,
				progress = tarot.unfinished_progress(s.progress), failures = 0, timeouts = 0
			WHERE s.name = begin_job_run.job
			RETURNING s.run INTO run;
		INSERT INTO tarot.job_run (job, number, kind, relation, table_name)
			SELECT j.name, run, j.kind, j.relation::oid, tarot.relation_name(j.relation) FROM tarot.job j WHERE j.name = begin_job_run.job;
		DELETE FROM tarot.job_run r WHERE r.job = begin_job_run.job AND r.number <= run - 100;
	END IF;
	RETURN run;
END
$$;

-- After a run: its next regular time, or sooner where something was left that may be done soon.
CREATE FUNCTION tarot.schedule_job(job text, again interval) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	now CONSTANT timestamptz := clock_timestamp();
	j tarot.job;
	local timestamp := (SELECT s.scheduled FROM tarot.job_state s WHERE s.name = job);
	next timestamptz;
BEGIN
	SELECT * INTO STRICT j FROM tarot.job i WHERE i.name = job;
	next := local AT TIME ZONE j.time_zone;
	IF (next > now AND next <= now + j.every) IS NOT TRUE THEN
		SELECT * INTO local, next FROM tarot.job_after(coalesce(local, now AT TIME ZONE j.time_zone), j.every, j.time_zone, now);
	END IF;
	UPDATE tarot.job_state s
		SET progress = tarot.unfinished_progress(s.progress), failures = 0, timeouts = 0, began_at = NULL, looked_at = now,
			scheduled = local,
			due_at = coalesce(
				tarot.job_opens(j.window_start, j.window_end, j.window_days, j.time_zone, least(next, now + again)), 'infinity')
		WHERE s.name = job;
END
$$;

CREATE FUNCTION tarot.end_job_batch(job text, number bigint, rows bigint, skipped bigint, seconds double precision,
		done bigint, total bigint, progress jsonb, again interval) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	now CONSTANT timestamptz := clock_timestamp();
BEGIN
	UPDATE tarot.job_run r
		SET rows = r.rows + end_job_batch.rows, skipped = r.skipped + end_job_batch.skipped, seconds = r.seconds + end_job_batch.seconds,
			batches = r.batches + 1, units_done = done, units_total = total, pid = pg_backend_pid(), updated_at = now,
			outcome = CASE WHEN end_job_batch.progress IS NULL THEN 'finished' ELSE r.outcome END,
			ended_at = CASE WHEN end_job_batch.progress IS NULL THEN now END
		WHERE r.job = end_job_batch.job AND r.number = end_job_batch.number;
	IF progress IS NULL THEN
		-- Only a run that is cancelled leaves something to be finished.
		UPDATE tarot.job_state s SET progress = NULL WHERE s.name = job;
		PERFORM tarot.schedule_job(job, again);
	ELSE
		-- After the others that are due: a run that never ends keeps none of them from being done.
		UPDATE tarot.job_state s
			SET progress = end_job_batch.progress, failures = 0, timeouts = 0, began_at = NULL, looked_at = now, due_at = now
			WHERE s.name = job;
	END IF;
END
$$;

CREATE FUNCTION tarot.fail_job_batch(job text, number bigint, sqlstate text, message text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	now CONSTANT timestamptz := clock_timestamp();
BEGIN
	UPDATE tarot.job_run r
		SET failures = r.failures + 1, sqlstate = fail_job_batch.sqlstate, message = fail_job_batch.message, failed_at = now,
			pid = pg_backend_pid(), updated_at = now
		WHERE r.job = fail_job_batch.job AND r.number = fail_job_batch.number;
	UPDATE tarot.job_state s
		SET failures = s.failures + 1, timeouts = CASE WHEN fail_job_batch.sqlstate = 'TS601' THEN s.timeouts + 1 ELSE 0 END,
			began_at = NULL,
			due_at = now + least(interval '10 seconds' * power(2, least(s.failures, 20)), interval '1 hour'), looked_at = now
		WHERE s.name = fail_job_batch.job;
END
$$;

-- ------------------------------------------------------------ for other modules, and for people by C, which asks who owns the table

-- A line that is told of, in the server log among others.
CREATE FUNCTION tarot.require_job_line(line text, what text, bytes integer) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF (tarot.is_line(line) AND octet_length(line) <= bytes) IS NOT TRUE THEN
		RAISE EXCEPTION '% must be a line of 1 to % bytes, without control characters, and not only spaces', what, bytes
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
END
$$;

-- One that is there already is changed only where "is_new" says that it may be.
CREATE FUNCTION tarot.put_job(job text, kind text, relation oid, arguments jsonb, every interval, window_start time, window_end time,
		window_days smallint[], time_zone text, is_new boolean) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	agreed name := (SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = put_job.relation);
BEGIN
	PERFORM tarot.require_job_line(job, 'the name of a job', 200);
	IF (every >= '1 minute') IS NOT TRUE THEN
		RAISE EXCEPTION 'a job cannot run more often than once a minute' USING ERRCODE = 'invalid_parameter_value';
	ELSIF num_nulls(window_start, window_end) = 1 THEN
		RAISE EXCEPTION 'a window needs both its start and its end' USING ERRCODE = 'invalid_parameter_value';
	ELSIF window_days IS NOT NULL AND NOT (cardinality(window_days) > 0 AND window_days <@ '{1,2,3,4,5,6,7}') THEN
		RAISE EXCEPTION 'the days of a window are numbers from 1, Monday, to 7, Sunday' USING ERRCODE = 'invalid_parameter_value';
	-- All names are read from files each time; what another job has is one.
	ELSIF NOT EXISTS (SELECT FROM tarot.job j WHERE j.time_zone = put_job.time_zone)
			AND NOT EXISTS (SELECT FROM pg_timezone_names z WHERE z.name = put_job.time_zone) THEN
		RAISE EXCEPTION 'time zone "%" does not exist', left(put_job.time_zone, 100)
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'pg_timezone_names has their names.';
	END IF;
	IF is_new THEN
		-- Of two at once the second waits for the first, and must not change what that has made.
		INSERT INTO tarot.job AS j (name, kind, relation, owner, arguments, every, window_start, window_end, window_days, time_zone)
			VALUES (job, put_job.kind, put_job.relation, agreed, put_job.arguments, put_job.every,
				put_job.window_start, put_job.window_end, put_job.window_days, put_job.time_zone)
			ON CONFLICT ON CONSTRAINT job_pkey DO NOTHING;
		IF NOT FOUND THEN
			RAISE EXCEPTION 'a job called "%" already exists', job USING ERRCODE = 'duplicate_object', HINT = 'Give it another name.';
		END IF;
	ELSE
		UPDATE tarot.job j
			SET arguments = put_job.arguments, every = put_job.every,
				window_start = put_job.window_start, window_end = put_job.window_end, window_days = put_job.window_days,
				time_zone = put_job.time_zone, owner = agreed
			WHERE j.name = job AND j.kind = put_job.kind AND j.relation::oid IS NOT DISTINCT FROM put_job.relation;
		IF NOT FOUND THEN
			RAISE EXCEPTION 'job "%" does not exist', job USING ERRCODE = 'undefined_object';
		END IF;
	END IF;
	-- It runs at once, if that is in its window; a run that is under way goes on by what holds now.
	INSERT INTO tarot.job_state AS s (name, due_at) VALUES (job, clock_timestamp()) ON CONFLICT ON CONSTRAINT job_state_pkey
		DO UPDATE SET due_at = excluded.due_at, scheduled = NULL, failures = 0, timeouts = 0, began_at = NULL, loaded_by = NULL;
END
$$;

CREATE FUNCTION tarot.remove_job(job text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM tarot.job j WHERE j.name = job;
	DELETE FROM tarot.job_state s WHERE s.name = job;
	UPDATE tarot.job_run r SET outcome = 'dropped', ended_at = clock_timestamp() WHERE r.job = remove_job.job AND r.outcome = 'running';
END
$$;

-- The job is locked. What was done, for the audit log.
CREATE FUNCTION tarot.set_job(job text, change text) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	now CONSTANT timestamptz := clock_timestamp();
BEGIN
	IF change = 'pause' THEN
		UPDATE tarot.job j SET paused = true WHERE j.name = job;
	ELSIF change = 'resume' THEN
		-- The owner of the table, or one who may act as that, agrees.
		UPDATE tarot.job j
			SET paused = false, owner = (SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = j.relation)
			WHERE j.name = job;
	END IF;
	IF change = 'resume' OR change = 'run' THEN
		INSERT INTO tarot.job_state AS s (name, due_at) VALUES (job, now) ON CONFLICT ON CONSTRAINT job_state_pkey
			DO UPDATE SET due_at = excluded.due_at, failures = 0, began_at = NULL, loaded_by = NULL;
	ELSIF change = 'cancel' THEN
		UPDATE tarot.job_run r SET outcome = 'cancelled', ended_at = now WHERE r.job = set_job.job AND r.outcome = 'running';
		IF NOT FOUND THEN
			RAISE EXCEPTION 'job "%" is not running', job USING ERRCODE = 'object_not_in_prerequisite_state';
		END IF;
		PERFORM tarot.schedule_job(job, NULL);
	END IF;
	RETURN (
		SELECT jsonb_build_object('command', upper(change) || ' JOB', 'type', 'job', 'job', j.name, 'kind', j.kind)
			FROM tarot.job j
			WHERE j.name = job);
END
$$;

-- A condition as it reads when a column of its table has got another name; read with the rights of the role.
CREATE FUNCTION tarot.renamed_condition(relation oid, condition text, old name, new name, role oid) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_jobs_renamed_condition';
REVOKE ALL ON FUNCTION tarot.renamed_condition(oid, text, name, name, oid) FROM PUBLIC;

-- For modules: an entry in the audit log of a job that has no table, as the work of the role that has called; and the worker is to look.
CREATE FUNCTION tarot.record_job_change(document jsonb) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_jobs_record_job_change';

CREATE FUNCTION tarot.pause_job(job text) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_jobs_pause_job';
COMMENT ON FUNCTION tarot.pause_job(text) IS
	'Stops a job after the batch that is under way, and keeps it from running until tarot.resume_job(), which lets it go on where it was; '
	'waits for that batch, which takes no longer than tarot_security.job_timeout. For the owner of its table, with an entry in the audit '
	'log. Raises 42704 for a job that does not exist, 42501 for another owner''s.';
CREATE FUNCTION tarot.resume_job(job text) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_jobs_resume_job';
COMMENT ON FUNCTION tarot.resume_job(text) IS
	'Lets a job that was paused run again; and one whose table has another owner now, with the rights of that one: until then its runs '
	'fail. For the owner of its table, with an entry in the audit log. Raises 42704 for a job that does not exist, 42501 for another '
	'owner''s.';
CREATE FUNCTION tarot.cancel_job(job text) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_jobs_cancel_job';
COMMENT ON FUNCTION tarot.cancel_job(text) IS
	'Ends the run of a job that is under way, after its batch; what was committed stays. The next run begins at its time from the start. '
	'Waits for the batch, which takes no longer than tarot_security.job_timeout. For the owner of its table, with an entry in the audit '
	'log. Raises 42704 for a job that does not exist, 42501 for another owner''s, 55000 for one that is not running.';
CREATE FUNCTION tarot.run_job_soon(job text) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_jobs_run_job_soon';
COMMENT ON FUNCTION tarot.run_job_soon(text) IS
	'Makes a job due now: it runs as soon as its window lets it, and after a failure without waiting for its time. Waits for a batch that '
	'is under way. For the owner of its table, with an entry in the audit log. Raises 42704 for a job that does not exist, 42501 for '
	'another owner''s.';

CREATE PROCEDURE tarot.run_due_jobs()
	LANGUAGE c
	AS 'MODULE_PATHNAME', 'tarot_jobs_run_due_jobs';
REVOKE ALL ON PROCEDURE tarot.run_due_jobs() FROM PUBLIC;
COMMENT ON PROCEDURE tarot.run_due_jobs() IS
	'Runs the jobs that are due, as the background worker does: for servers on which it is off, from pg_cron or any client. Each batch is '
	'a transaction of its own, and runs with the rights of the table''s owner, not with those of the caller. A job that another session '
	'is at is left to that. A batch that fails, or takes longer than tarot_security.job_timeout, is taken back, tarot.job_run tells why, '
	'and it is tried again later: 10 seconds, 20, 40, at most an hour; other jobs run meanwhile. Rests after a batch where other sessions '
	'were at work meanwhile (tarot_security.job_share), and waits while a standby is further behind than tarot_security.job_max_lag. A '
	'statement_timeout of the caller''s is for all of it. For whom EXECUTE is granted. Raises 25001 in a transaction block, 55000 in a '
	'session with temporary tables or types.';

-- ------------------------------------------------------------ for people

CREATE VIEW tarot.job_status AS
	SELECT j.name AS job, j.kind, j.relation::regclass AS "table", j.owner,
		j.every, j.window_start, j.window_end, j.window_days, j.time_zone,
		CASE
			WHEN j.paused THEN 'paused'
			WHEN tarot.is_being_loaded(s.loaded_by, s.loaded_since) THEN 'restoring'
			WHEN s.failures > 0 THEN 'failed'
			WHEN r.job IS NOT NULL THEN 'running'
			WHEN coalesce(s.due_at <= clock_timestamp(), true) THEN 'due'
			ELSE 'waiting'
		END AS state,
		CASE WHEN NOT j.paused THEN coalesce(s.due_at, now()) END AS next_run, coalesce(s.failures, 0) AS failures
	FROM tarot.job j
		LEFT JOIN tarot.job_state s USING (name)
		LEFT JOIN tarot.job_run r ON r.job = j.name AND r.outcome = 'running';
COMMENT ON VIEW tarot.job_status IS 'The jobs of this database, and when each runs next.';
COMMENT ON COLUMN tarot.job_status.job IS 'The job.';
COMMENT ON COLUMN tarot.job_status.kind IS 'What it does: retention, or review.';
COMMENT ON COLUMN tarot.job_status."table" IS 'Its table.';
COMMENT ON COLUMN tarot.job_status.owner IS
	'With whose rights it runs: the table''s owner when it was made, changed or resumed. Where that is another one now, runs fail until '
	'that one calls tarot.resume_job().';
COMMENT ON COLUMN tarot.job_status.every IS 'How often it runs. Days and months are those of the calendar in its time zone.';
COMMENT ON COLUMN tarot.job_status.window_start IS 'It runs only from this time of day';
COMMENT ON COLUMN tarot.job_status.window_end IS
	'to this one, which may be on the next day. A run that is not done by then goes on in the next window.';
COMMENT ON COLUMN tarot.job_status.window_days IS 'On which days the window opens: 1, Monday, to 7, Sunday; NULL: every day.';
COMMENT ON COLUMN tarot.job_status.time_zone IS 'The time zone of all that.';
COMMENT ON COLUMN tarot.job_status.state IS
	'waiting: for its time; due; running: there is more to do, by whoever runs jobs; failed: it is tried again at next_run; paused; '
	'restoring: it came with a dump, and is not run before the session that restores that has ended, or somebody calls '
	'tarot.run_job_soon().';
COMMENT ON COLUMN tarot.job_status.next_run IS 'When it runs next, or goes on.';
COMMENT ON COLUMN tarot.job_status.failures IS 'How often in a row it failed.';

CREATE VIEW tarot.job_progress AS
	SELECT r.pid, r.job, r.kind, r.relation::regclass AS "table", r.number,
		CASE WHEN j.paused THEN 'paused' WHEN s.failures > 0 THEN 'failed' ELSE 'running' END AS state,
		r.units_total, r.units_done, r.rows AS rows_done, r.skipped AS rows_skipped, r.batches,
		(r.rows / nullif(r.seconds, 0))::bigint AS rows_per_second,
		CASE WHEN r.units_done > 0 THEN make_interval(secs => r.seconds * (r.units_total - r.units_done) / r.units_done) END AS time_left,
		r.started_at, r.updated_at
	FROM tarot.job_run r
		LEFT JOIN tarot.job j ON j.name = r.job
		LEFT JOIN tarot.job_state s ON s.name = r.job
	WHERE r.outcome = 'running';
COMMENT ON VIEW tarot.job_progress IS 'How far the jobs are that are running: a row each.';
COMMENT ON COLUMN tarot.job_progress.pid IS 'The process that did the last batch, or is at it.';
COMMENT ON COLUMN tarot.job_progress.job IS 'The job.';
COMMENT ON COLUMN tarot.job_progress.kind IS 'Its kind.';
COMMENT ON COLUMN tarot.job_progress."table" IS 'Its table.';
COMMENT ON COLUMN tarot.job_progress.number IS 'Of the run: tarot.job_run.number.';
COMMENT ON COLUMN tarot.job_progress.state IS 'running, failed or paused: tarot.job_status tells when it goes on.';
COMMENT ON COLUMN tarot.job_progress.units_total IS 'How far there is to go; of a table blocks.';
COMMENT ON COLUMN tarot.job_progress.units_done IS 'Of these.';
COMMENT ON COLUMN tarot.job_progress.rows_done IS 'Rows that were dealt with.';
COMMENT ON COLUMN tarot.job_progress.rows_skipped IS 'Rows that were left for another run.';
COMMENT ON COLUMN tarot.job_progress.batches IS 'Transactions that were committed.';
COMMENT ON COLUMN tarot.job_progress.rows_per_second IS 'While it was at work.';
COMMENT ON COLUMN tarot.job_progress.time_left IS 'How much more work it is, as it went so far.';
COMMENT ON COLUMN tarot.job_progress.started_at IS 'When its first batch began.';
COMMENT ON COLUMN tarot.job_progress.updated_at IS 'When a batch was last committed or failed.';

-- ------------------------------------------------------------ tables that are dropped

CREATE FUNCTION tarot.follow_job_drop() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.remove_job(j.name)
		FROM pg_event_trigger_dropped_objects() d JOIN tarot.job j ON j.relation::oid = d.objid
		WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0;
END
$$;
COMMENT ON FUNCTION tarot.follow_job_drop() IS 'Event trigger: the jobs of a table go with it.';
CREATE EVENT TRIGGER tarot_security_follow_job_drop ON sql_drop
	-- That of a type drops the tables that are of it.
	WHEN TAG IN ('DROP TABLE', 'DROP SCHEMA', 'DROP OWNED', 'DROP EXTENSION', 'DROP TYPE')
	EXECUTE FUNCTION tarot.follow_job_drop();
ALTER EVENT TRIGGER tarot_security_follow_job_drop ENABLE ALWAYS;

REVOKE ALL ON FUNCTION tarot.job_opens(time, time, smallint[], text, timestamptz), tarot.job_after(timestamp, interval, text, timestamptz),
	tarot.next_job(text[]), tarot.begin_job_batch(text, oid), tarot.take_job(text, oid, bigint), tarot.begin_job_run(text),
	tarot.unfinished_progress(jsonb), tarot.schedule_job(text, interval),
	tarot.end_job_batch(text, bigint, bigint, bigint, double precision, bigint, bigint, jsonb, interval),
	tarot.fail_job_batch(text, bigint, text, text), tarot.put_job(text, text, oid, jsonb, interval, time, time, smallint[], text, boolean),
	tarot.require_job_line(text, text, integer), tarot.remove_job(text), tarot.set_job(text, text), tarot.record_job_change(jsonb),
	tarot.follow_job_drop() FROM PUBLIC;
GRANT SELECT ON tarot.job_status, tarot.job_progress TO pg_monitor;

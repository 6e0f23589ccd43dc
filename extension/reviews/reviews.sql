-- reviews: what people are to look at every week, month or quarter, and what came of it
--
-- A review is a job of the kind "review" without a table, which puts on record that it is due, and that it is overdue. When that is
-- stands here, so that it is right also where no jobs are run.

CREATE TABLE tarot.review (
	name text COLLATE "C" PRIMARY KEY,
	description text NOT NULL,
	every interval NOT NULL,
	time_zone text NOT NULL,
	first_due timestamptz NOT NULL,
	-- After so long it is overdue.
	within interval NOT NULL,
	-- The one that is to be held next, and whether it is on record that it is due, and overdue.
	due_at timestamptz NOT NULL,
	told_due boolean NOT NULL DEFAULT false,
	told_overdue boolean NOT NULL DEFAULT false,
	scheduled_by name NOT NULL,
	scheduled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	CHECK (every >= '1 day'),
	CHECK (within >= '0')
);
COMMENT ON TABLE tarot.review IS 'What tarot.schedule_review() was told, and when each review is to be held next.';
SELECT tarot.guard_table('tarot.review'), pg_extension_config_dump('tarot.review', '');

CREATE TABLE tarot.review_outcome (
	review text COLLATE "C" NOT NULL,
	completed_at timestamptz NOT NULL,
	due_at timestamptz NOT NULL,
	missed integer NOT NULL,
	outcome text COLLATE "C" NOT NULL CHECK (outcome IN ('passed', 'findings', 'skipped')),
	notes text,
	completed_by name NOT NULL,
	subject text,
	CONSTRAINT review_outcome_pkey PRIMARY KEY (review, completed_at)
);
COMMENT ON TABLE tarot.review_outcome IS
	'What came of reviews: rows are added by tarot.complete_review(), and never changed or deleted. They stay when a review is no longer '
	'scheduled. For the owner of the extension and whom it grants SELECT.';
COMMENT ON COLUMN tarot.review_outcome.review IS 'The review.';
COMMENT ON COLUMN tarot.review_outcome.completed_at IS 'When it was completed.';
COMMENT ON COLUMN tarot.review_outcome.due_at IS 'When it was due.';
COMMENT ON COLUMN tarot.review_outcome.missed IS 'How many more due dates had passed by then: this one stands for them, too.';
COMMENT ON COLUMN tarot.review_outcome.outcome IS
	'passed; findings: there is something to be done, as the notes tell; skipped: it was not held, for the reason in the notes.';
COMMENT ON COLUMN tarot.review_outcome.notes IS 'What was found.';
COMMENT ON COLUMN tarot.review_outcome.completed_by IS 'The role of the session.';
COMMENT ON COLUMN tarot.review_outcome.subject IS 'Whom a verified token named: tarot.subject().';
SELECT tarot.guard_table('tarot.review_outcome'), pg_extension_config_dump('tarot.review_outcome', '');
CREATE TRIGGER added_to_alone BEFORE UPDATE OR DELETE OR TRUNCATE ON tarot.review_outcome
	FOR EACH STATEMENT EXECUTE FUNCTION tarot.refuse_change_of_record();
CREATE TRIGGER added_to_alone_by_row BEFORE UPDATE OR DELETE ON tarot.review_outcome
	FOR EACH ROW EXECUTE FUNCTION tarot.refuse_change_of_record();
ALTER TABLE tarot.review_outcome ENABLE ALWAYS TRIGGER added_to_alone, ENABLE ALWAYS TRIGGER added_to_alone_by_row;

-- ------------------------------------------------------------ when

-- So long after a time, by the calendar of the time zone.
CREATE FUNCTION tarot.review_time(at timestamptz, later interval, time_zone text) RETURNS timestamptz
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT (at AT TIME ZONE time_zone + later) AT TIME ZONE time_zone $$;

-- The number of the first due date after a time, counted from the first one, which is 0: the 31st of a month stays the 31st.
CREATE FUNCTION tarot.review_number(first_due timestamptz, every interval, time_zone text, after timestamptz) RETURNS bigint
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	-- Not too high: months are not shorter on average than this takes them to be.
	number bigint := greatest(0, floor(extract(epoch FROM after - first_due) / extract(epoch FROM every) * 0.95) - 2);
BEGIN
	WHILE tarot.review_time(first_due, every * number, time_zone) <= after LOOP
		number := number + 1;
	END LOOP;
	RETURN number;
END
$$;

-- ------------------------------------------------------------ the job

CREATE FUNCTION tarot.plan_review(job text, relation oid, arguments jsonb, time_zone text, progress jsonb, careful boolean,
		OUT statement text, OUT progress_of_batch jsonb) RETURNS record
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT NULL::text, NULL::jsonb $$;

-- Once each that it is due, and that it is overdue.
CREATE FUNCTION tarot.finish_review(job text, progress jsonb, result jsonb, milliseconds double precision,
		OUT next jsonb, OUT rows bigint, OUT skipped bigint, OUT done bigint, OUT total bigint, OUT summary jsonb, OUT again interval)
	RETURNS record
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	now CONSTANT timestamptz := clock_timestamp();
	r tarot.review;
	overdue_at timestamptz;
	details jsonb;
BEGIN
	SELECT * INTO r FROM tarot.review i WHERE i.name = job FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'review "%" does not exist', job USING ERRCODE = 'undefined_object';
	END IF;
	rows := 0;
	skipped := 0;
	overdue_at := tarot.review_time(r.due_at, r.within, r.time_zone);
	details := jsonb_build_object('review', r.name, 'due_at', r.due_at, 'description', r.description);
	IF r.due_at <= now AND NOT r.told_due THEN
		PERFORM tarot.note_event('REVIEW', 'due', 'success', details);
		rows := 1;
	END IF;
	IF overdue_at <= now AND NOT r.told_overdue THEN
		PERFORM tarot.note_event('REVIEW', 'overdue', 'failure', details);
		rows := 1;
	END IF;
	UPDATE tarot.review i SET told_due = i.due_at <= now, told_overdue = overdue_at <= now WHERE i.name = job AND rows > 0;
	-- In seconds: a day may have more or fewer than 24 hours.
	again := make_interval(secs => extract(epoch FROM
		CASE WHEN now < r.due_at THEN r.due_at WHEN now < overdue_at THEN overdue_at END - now));
END
$$;

-- On record; and it is looked at soon, whenever it is due now.
CREATE FUNCTION tarot.note_review(review text, command text, document jsonb) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET IntervalStyle = 'postgres'
	AS $$
BEGIN
	UPDATE tarot.job_state s SET due_at = clock_timestamp() WHERE s.name = review;
	IF command = 'SCHEDULE REVIEW' THEN
		document := (
			SELECT to_jsonb(r) - '{name,due_at,told_due,told_overdue,scheduled_by,scheduled_at}'::text[]
			FROM tarot.review r
			WHERE r.name = review);
	END IF;
	PERFORM tarot.record_job_change(jsonb_build_object('command', command, 'type', 'review', 'review', review) || document);
END
$$;

-- ------------------------------------------------------------ for people

CREATE FUNCTION tarot.schedule_review(name text, every interval, description text, time_zone text DEFAULT 'UTC',
		first_due timestamptz DEFAULT NULL, within interval DEFAULT '7 days') RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	first timestamptz := first_due;
BEGIN
	PERFORM tarot.require_job_line(name, 'the name of a review', 200), tarot.require_job_line(description, 'description', 1000);
	IF (every BETWEEN '1 day' AND '10 years' AND every * 2 > every) IS NOT TRUE THEN
		RAISE EXCEPTION 'a review is held every day at most, and every 10 years at least' USING ERRCODE = 'invalid_parameter_value';
	ELSIF (within BETWEEN '0' AND '10 years') IS NOT TRUE THEN
		RAISE EXCEPTION 'within must be from no time to 10 years' USING ERRCODE = 'invalid_parameter_value';
	ELSIF first_due IS NOT NULL AND first_due NOT BETWEEN now() - interval '10 years' AND now() + interval '10 years' THEN
		RAISE EXCEPTION 'first_due must lie within 10 years from now' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM tarot.put_job(name, 'review', NULL, '{}', every, NULL, NULL, NULL, time_zone, true);
	IF first IS NULL THEN
		first := tarot.review_time(now(), every, time_zone);
	END IF;
	INSERT INTO tarot.review (name, description, every, time_zone, first_due, within, due_at, scheduled_by)
		VALUES (name, description, every, time_zone, first, within, first, session_user);
	PERFORM tarot.note_review(name, 'SCHEDULE REVIEW', '{}');
	RETURN first;
END
$$;
COMMENT ON FUNCTION tarot.schedule_review(text, interval, text, text, timestamptz, interval) IS
	'Has a review due every so often (1 day to 10 years) by the calendar of a time zone, for the first time at first_due (by default '
	'after that time from now), and overdue when it is not completed within so long of that. Returns when it is due first. When it is '
	'due, and when it is overdue, the worker or tarot.run_due_jobs() puts a security event REVIEW on record. It is a job of its name, a '
	'line of at most 200 bytes; description is one of at most 1000. Leaves an entry in the audit log. For whom EXECUTE is granted. Raises '
	'42710 for the name of another job or retention policy, 22023 for bad arguments.';

CREATE FUNCTION tarot.unschedule_review(name text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	-- The job first, as who runs it.
	PERFORM FROM tarot.job j WHERE j.name = unschedule_review.name AND j.kind = 'review' FOR UPDATE;
	DELETE FROM tarot.review r WHERE r.name = unschedule_review.name;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'review "%" does not exist', name USING ERRCODE = 'undefined_object';
	END IF;
	PERFORM tarot.remove_job(name), tarot.note_review(name, 'UNSCHEDULE REVIEW', '{}');
END
$$;
COMMENT ON FUNCTION tarot.unschedule_review(text) IS
	'Ends what tarot.schedule_review() has begun. What tarot.review_outcome has of it stays. Leaves an entry in the audit log. For whom '
	'EXECUTE is granted. Raises 42704 for a review that does not exist.';

CREATE FUNCTION tarot.complete_review(name text, outcome text, notes text DEFAULT NULL) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	r tarot.review;
	at timestamptz;
	held bigint;
	previous timestamptz;
	next bigint;
	next_due timestamptz;
BEGIN
	IF (outcome IN ('passed', 'findings', 'skipped')) IS NOT TRUE THEN
		RAISE EXCEPTION 'the outcome of a review is passed, findings or skipped' USING ERRCODE = 'invalid_parameter_value';
	ELSIF (octet_length(notes) BETWEEN 1 AND 10000) IS FALSE OR notes IS NULL AND outcome <> 'passed' THEN
		RAISE EXCEPTION 'notes have 1 to 10000 bytes'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = CASE WHEN notes IS NULL THEN 'Tell what was found, or why it was skipped.' ELSE '' END;
	END IF;
	PERFORM FROM tarot.job j WHERE j.name = complete_review.name AND j.kind = 'review' FOR UPDATE;
	SELECT * INTO r FROM tarot.review i WHERE i.name = complete_review.name FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'review "%" does not exist', name USING ERRCODE = 'undefined_object';
	END IF;
	-- Once it is locked; of two at once the second is later.
	at := clock_timestamp();
	held := tarot.review_number(r.first_due, r.every, r.time_zone, r.due_at) - 1;
	previous := tarot.review_time(r.first_due, r.every * (held - 1), r.time_zone);
	IF at < r.due_at
		AND (
			at < previous
			OR EXISTS (SELECT FROM tarot.review_outcome o WHERE o.review = complete_review.name AND o.completed_at >= previous)
		)
	THEN
		RAISE EXCEPTION 'review "%" is not to be held yet', name
			USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = format('It is due at %s.', r.due_at),
			HINT = 'Before that it can be completed since the due date before, where that was not done in this time.';
	END IF;
	next := greatest(held + 1, tarot.review_number(r.first_due, r.every, r.time_zone, at));
	next_due := tarot.review_time(r.first_due, r.every * next, r.time_zone);
	INSERT INTO tarot.review_outcome (review, completed_at, due_at, missed, outcome, notes, completed_by, subject)
		VALUES (name, at, r.due_at, next - held - 1, outcome, notes, session_user, tarot.subject());
	UPDATE tarot.review i SET due_at = next_due, told_due = false, told_overdue = false WHERE i.name = complete_review.name;
	PERFORM tarot.note_review(name, 'COMPLETE REVIEW', jsonb_strip_nulls(jsonb_build_object(
		'due_at', r.due_at, 'missed', next - held - 1, 'outcome', outcome, 'notes', notes)));
	RETURN next_due;
END
$$;
COMMENT ON FUNCTION tarot.complete_review(text, text, text) IS
	'Puts on record that a review was held, and what came of it: passed, findings or skipped, with notes (1 to 10000 bytes; for the '
	'latter two they must be given). Returns when it is due next: at the first due date after now, so that one stands for all that were '
	'missed; before its time it can be completed since the due date before that, where none was in this time. The outcome is a row of '
	'tarot.review_outcome, which nobody can change, and an entry in the audit log. For whom EXECUTE is granted. Raises 42704 for a review '
	'that does not exist, 55000 for one that is not to be held yet, 22023 for bad arguments.';

CREATE VIEW tarot.reviews AS
	SELECT r.name, r.description, r.every, r.time_zone, r.within, r.due_at AS next_due,
		CASE WHEN r.due_at <= clock_timestamp() THEN r.due_at END AS due_since,
		(r.due_at AT TIME ZONE r.time_zone + r.within) AT TIME ZONE r.time_zone <= clock_timestamp() AS overdue,
		o.outcome AS last_outcome, o.completed_at AS last_completed_at, o.completed_by AS last_completed_by,
		r.scheduled_by, r.scheduled_at
	FROM tarot.review r
		LEFT JOIN LATERAL (
			SELECT i.outcome, i.completed_at, i.completed_by
			FROM tarot.review_outcome i
			WHERE i.review = r.name
			ORDER BY i.completed_at DESC
			LIMIT 1
		) AS o ON true;
COMMENT ON VIEW tarot.reviews IS 'The reviews that are scheduled: tarot.schedule_review(), tarot.complete_review().';
COMMENT ON COLUMN tarot.reviews.name IS 'The review: the job of the same name tells that it is due.';
COMMENT ON COLUMN tarot.reviews.description IS 'What is to be looked at.';
COMMENT ON COLUMN tarot.reviews.every IS 'How often.';
COMMENT ON COLUMN tarot.reviews.time_zone IS 'By the calendar of which time zone.';
COMMENT ON COLUMN tarot.reviews.within IS 'How long after its due date it may be completed without being overdue.';
COMMENT ON COLUMN tarot.reviews.next_due IS 'When the one that is to be held next is or was due.';
COMMENT ON COLUMN tarot.reviews.due_since IS 'Since when it is due; NULL: it is not.';
COMMENT ON COLUMN tarot.reviews.overdue IS 'Whether it is overdue.';
COMMENT ON COLUMN tarot.reviews.last_outcome IS 'What came of the last one: tarot.review_outcome has more.';
COMMENT ON COLUMN tarot.reviews.last_completed_at IS 'When that was completed.';
COMMENT ON COLUMN tarot.reviews.last_completed_by IS 'By which role of the session.';
COMMENT ON COLUMN tarot.reviews.scheduled_by IS 'The role that scheduled it.';
COMMENT ON COLUMN tarot.reviews.scheduled_at IS 'When.';

REVOKE ALL ON FUNCTION tarot.review_time(timestamptz, interval, text), tarot.review_number(timestamptz, interval, text, timestamptz),
	tarot.plan_review(text, oid, jsonb, text, jsonb, boolean), tarot.finish_review(text, jsonb, jsonb, double precision),
	tarot.note_review(text, text, jsonb), tarot.schedule_review(text, interval, text, text, timestamptz, interval),
	tarot.unschedule_review(text), tarot.complete_review(text, text, text) FROM PUBLIC;
GRANT SELECT ON tarot.reviews TO pg_monitor;

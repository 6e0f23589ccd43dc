-- Jobs: when they are due, who may steer them, with whose rights they run, and what becomes of those that fail.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\set owner regress_jobs_owner
\set other regress_jobs_other
\i :source/sql/include/retention.sql
GRANT EXECUTE ON FUNCTION tarot.add_retention TO regress_jobs_other;
RESET client_min_messages;
\set ECHO all

-- ------------------------------------------------------------ windows
CREATE FUNCTION opens(window_start time, window_end time, days smallint[], zone text, at timestamptz) RETURNS text LANGUAGE sql AS
	$$ SELECT to_char(tarot.job_opens(window_start, window_end, days, zone, at) AT TIME ZONE zone, 'Dy YYYY-MM-DD HH24:MI') $$;
SELECT w.what, opens(w.window_start, w.window_end, w.days, w.zone, w.at) FROM (VALUES
	(1, 'none', NULL::time, NULL::time, NULL::smallint[], 'UTC', '2026-01-05 12:00+00'::timestamptz),
	(2, 'later today', '22:00', '23:00', NULL, 'UTC', '2026-01-05 12:00+00'),
	(3, 'now', '11:00', '13:00', NULL, 'UTC', '2026-01-05 12:00+00'),
	(4, 'just over', '11:00', '12:00', NULL, 'UTC', '2026-01-05 12:00+00'),
	(5, 'over midnight, before it', '22:00', '04:00', NULL, 'UTC', '2026-01-05 23:30+00'),
	(6, 'over midnight, after it', '22:00', '04:00', NULL, 'UTC', '2026-01-06 03:59+00'),
	(7, 'over midnight, over', '22:00', '04:00', NULL, 'UTC', '2026-01-06 04:00+00'),
	(8, 'weekend', '02:00', '03:00', '{6,7}', 'UTC', '2026-01-05 12:00+00'),
	(9, 'the day is the one that it opens on', '22:00', '04:00', '{1}', 'UTC', '2026-01-06 03:00+00'),
	(10, 'a day alone', NULL, NULL, '{1}', 'UTC', '2026-01-06 03:00+00'),
	(11, 'the same day a week later', '01:00', '02:00', '{1}', 'UTC', '2026-01-05 12:00+00'),
	(12, 'in another zone', '02:00', '03:00', NULL, 'America/New_York', '2026-01-05 06:30+00'),
	-- On 2026-03-29 there is no 02:00 to 03:00 in Berlin, and on 2026-10-25 it is there twice.
	(13, 'an hour that is not there', '02:15', '02:45', NULL, 'Europe/Berlin', '2026-03-29 00:00+00'),
	(14, 'an hour that is there twice', '02:00', '03:00', NULL, 'Europe/Berlin', '2026-10-25 00:10+00')
) AS w (number, what, window_start, window_end, days, zone, at) ORDER BY w.number;

-- ------------------------------------------------------------ the next time
SELECT a.what, n.next, n.due_at FROM (VALUES
	(1, 'a day later', timestamp '2026-01-05 02:00', interval '1 day', 'UTC', timestamptz '2026-01-05 02:10+00'),
	(2, 'what was missed is not made up for', '2026-01-05 02:00', '1 day', 'UTC', '2026-01-09 05:00+00'),
	(3, 'a month', '2026-01-31 01:00', '1 month', 'UTC', '2026-01-31 01:10+00'),
	(4, 'a time that is yet to come', '2030-01-01 01:00', '1 day', 'UTC', '2026-01-31 01:10+00'),
	-- Clocks are put on from 2 to 3 on 2026-03-29, and back from 3 to 2 on 2026-10-25.
	(5, 'to summer time, at the same hour', '2026-03-28 05:00', '1 day', 'Europe/Berlin', '2026-03-28 05:10+01'),
	(6, 'so many hours later', '2026-03-28 05:00', '24 hours', 'Europe/Berlin', '2026-03-28 05:10+01'),
	(7, 'in the hour that is left out', '2026-03-28 02:30', '1 day', 'Europe/Berlin', '2026-03-28 02:40+01'),
	(8, 'and the day after', '2026-03-29 02:30', '1 day', 'Europe/Berlin', '2026-03-29 03:40+02'),
	(9, 'both', '2026-03-27 02:30', '1 day 23 hours', 'Europe/Berlin', '2026-03-27 02:40+01'),
	(10, 'from summer time, at the same hour', '2026-10-24 05:00', '1 day', 'Europe/Berlin', '2026-10-24 05:10+02'),
	(11, 'so many hours later', '2026-10-24 05:00', '24 hours', 'Europe/Berlin', '2026-10-24 05:10+02'),
	(12, 'in the hour that is there twice', '2026-10-24 02:30', '1 day', 'Europe/Berlin', '2026-10-24 02:40+02'),
	(13, 'the day after, run in the first', '2026-10-25 02:30', '1 day', 'Europe/Berlin', '2026-10-25 02:40+01'),
	(14, 'at midnight, which the day has not got', '2026-09-05 00:00', '1 day', 'America/Santiago', '2026-09-05 00:10-04'),
	(15, 'some minutes later, in the hour that is there twice', '2026-10-25 02:00', '10 minutes', 'Europe/Berlin', '2026-10-25 02:00:01+02')
) AS a (number, what, scheduled, every, zone, now), tarot.job_after(a.scheduled, a.every, a.zone, a.now) AS n ORDER BY a.number;
SHOW TimeZone;

-- ------------------------------------------------------------ whose rights
SET ROLE regress_jobs_owner;
CREATE TABLE note (id bigint PRIMARY KEY, made_at timestamptz, body text);
INSERT INTO note SELECT i, '2020-01-01', 'x' FROM generate_series(1, 10) i;
-- What the owner of a table puts in the way of whoever runs jobs: as whom it runs, and whether it can get at more.
CREATE TABLE seen (what text);
CREATE FUNCTION look(what text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.seen VALUES (format('%s: %s, search_path %s, superuser %s', what, current_user, current_setting('search_path'), (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)));
	RETURN true;
END $$;
CREATE FUNCTION on_delete() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	problem text;
BEGIN
	PERFORM public.look(TG_NAME);
	FOREACH problem IN ARRAY ARRAY['SET SESSION AUTHORIZATION DEFAULT', 'RESET ROLE', 'SET ROLE regress_jobs_other', 'CREATE TEMP TABLE t ()', 'DELETE FROM tarot.job'] LOOP
		BEGIN
			EXECUTE problem;
			INSERT INTO public.seen VALUES (format('%s: %s went', TG_NAME, problem));
		EXCEPTION WHEN OTHERS THEN
			INSERT INTO public.seen VALUES (format('%s: %s, %s', TG_NAME, problem, SQLSTATE));
		END;
	END LOOP;
	PERFORM set_config('search_path', 'public', false), set_config('application_name', 'taken', false);
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER a_at_once AFTER DELETE ON note FOR EACH ROW WHEN (old.id = 1) EXECUTE FUNCTION on_delete();
CREATE CONSTRAINT TRIGGER deferred AFTER DELETE ON note DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (old.id = 1) EXECUTE FUNCTION on_delete();
SELECT tarot.add_retention('note', 'made_at', '1 year', "where" => 'CASE WHEN id < 3 THEN public.look(''condition'') END', policy => 'notes');
RESET ROLE;
SET application_name = 'mine';
CALL tarot.run_due_jobs();
SELECT what FROM seen GROUP BY what ORDER BY what COLLATE "C";
SHOW search_path;
SHOW application_name;
SELECT current_user = session_user AS "still oneself";
SELECT id FROM note ORDER BY id;
-- A trigger that defers another one while it runs, to a commit by somebody else.
SET ROLE regress_jobs_owner;
CREATE FUNCTION defer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	SET CONSTRAINTS public.deferred_by_it DEFERRED;
	INSERT INTO public.later VALUES (1);
	RETURN NULL;
END $$;
CREATE TABLE later (id int);
CREATE CONSTRAINT TRIGGER deferred_by_it AFTER INSERT ON later DEFERRABLE FOR EACH ROW EXECUTE FUNCTION on_delete();
CREATE CONSTRAINT TRIGGER defers AFTER DELETE ON note DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (old.id = 2) EXECUTE FUNCTION defer();
INSERT INTO note VALUES (2, '2020-01-01', 'x');
TRUNCATE seen;
SELECT tarot.run_job_soon('notes');
RESET ROLE;
CALL tarot.run_due_jobs();
TABLE seen;
SELECT array_agg(id) FROM note;
SELECT sqlstate, message FROM tarot.job_run ORDER BY number DESC LIMIT 1;
DROP TRIGGER defers ON note;
SELECT tarot.run_job_soon('notes');
CALL tarot.run_due_jobs();
SELECT number, kind, table_name, outcome, rows, skipped, batches > 0 AS batches, failures, sqlstate FROM tarot.job_run ORDER BY job, number;

-- ------------------------------------------------------------ who may steer them
SET ROLE regress_jobs_other;
SELECT run(s) FROM unnest(ARRAY[$$SELECT tarot.pause_job('notes')$$, $$SELECT tarot.resume_job('notes')$$, $$SELECT tarot.cancel_job('notes')$$, $$SELECT tarot.run_job_soon('notes')$$,
	'TABLE tarot.job', 'TABLE tarot.job_run', 'CALL tarot.run_due_jobs()', $$SELECT tarot.set_job('notes', 'pause')$$, $$SELECT tarot.remove_job('notes')$$]) AS s;
SET ROLE regress_jobs_owner;
SELECT run(s) FROM unnest(ARRAY[$$SELECT tarot.pause_job('nothing')$$, $$SELECT tarot.cancel_job('notes')$$, $$SELECT tarot.pause_job('notes')$$]) AS s;
RESET ROLE;
INSERT INTO note VALUES (11, '2020-01-01', 'x');
SELECT job, kind, "table", every, state, next_run FROM tarot.job_status;
CALL tarot.run_due_jobs();
SELECT count(*) AS "paused: it stays" FROM note WHERE id = 11;
SET ROLE regress_jobs_owner;
SELECT tarot.resume_job('notes');
RESET ROLE;
UPDATE note SET id = 1 WHERE id = 11;
CALL tarot.run_due_jobs();
SELECT count(*) AS "resumed: it is gone" FROM note WHERE id = 1;
SELECT state, next_run > now() + interval '23 hours' AS tomorrow FROM tarot.job_status;
-- One that is not due does nothing.
INSERT INTO note VALUES (1, '2020-01-01', 'x');
CALL tarot.run_due_jobs();
SELECT count(*) AS "not due: it stays" FROM note WHERE id = 1;
SELECT tarot.run_job_soon('notes');
CALL tarot.run_due_jobs();
SELECT count(*) AS "it is gone" FROM note WHERE id = 1;

-- ------------------------------------------------------------ failures
SET ROLE regress_jobs_owner;
CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the secret is %', old.body USING ERRCODE = current_setting('regress.code'); END $$;
SET regress.code = 'P0001';
CREATE TRIGGER fails BEFORE DELETE ON note FOR EACH ROW WHEN (old.id = 2) EXECUTE FUNCTION fails();
INSERT INTO note VALUES (1, '2020-01-01', 'kept'), (2, '2020-01-01', 'hunter2');
CREATE TABLE other (id int, made_at date);
INSERT INTO other VALUES (1, '2020-01-01');
SELECT tarot.add_retention('other', 'made_at', '1 year', policy => 'others');
SELECT tarot.run_job_soon('notes');
RESET ROLE;
CALL tarot.run_due_jobs();
-- Nothing of the batch is done; another job is.
SELECT array_agg(id ORDER BY id) FROM note WHERE id < 3;
SELECT count(*) FROM other;
SELECT job, outcome, rows, failures, sqlstate, message FROM tarot.job_run WHERE job = 'others' OR outcome = 'running' ORDER BY job;
CREATE VIEW waits AS SELECT s.job, s.state, s.failures, CASE WHEN s.failures > 0 THEN s.next_run - r.failed_at END AS wait FROM tarot.job_status s JOIN tarot.job_run r USING (job)
	WHERE r.number = (SELECT max(number) FROM tarot.job_run l WHERE l.job = r.job) ORDER BY s.job;
TABLE waits;
SELECT state, rows_done, units_total >= 0 AS units FROM tarot.job_progress;
-- Not before its time, and later each time.
CALL tarot.run_due_jobs();
SELECT failures FROM tarot.job_run WHERE outcome = 'running';
UPDATE tarot.job_state SET due_at = now();
SET regress.code = '42501';
CALL tarot.run_due_jobs();
SELECT sqlstate, message FROM tarot.job_run WHERE outcome = 'running';
TABLE waits;
-- No cancelling of whoever runs jobs.
SET regress.code = '57014';
SET ROLE regress_jobs_owner;
SELECT tarot.run_job_soon('notes'), tarot.run_job_soon('others');
RESET ROLE;
INSERT INTO other VALUES (1, '2020-01-01');
CALL tarot.run_due_jobs();
SELECT sqlstate, message FROM tarot.job_run WHERE outcome = 'running';
SELECT count(*) AS "another job is done" FROM other;
UPDATE tarot.job_state SET failures = 1000000, due_at = now();
CALL tarot.run_due_jobs();
SELECT wait FROM waits WHERE job = 'notes';
-- Cancelled, it begins anew at its time; and once it can be done, the same run goes on.
SELECT tarot.cancel_job('notes');
SELECT outcome, failures FROM tarot.job_run WHERE job = 'notes' ORDER BY number DESC LIMIT 1;
TABLE waits;
SELECT tarot.run_job_soon('notes');
CALL tarot.run_due_jobs();
DROP TRIGGER fails ON note;
SELECT tarot.run_job_soon('notes');
CALL tarot.run_due_jobs();
SELECT array_agg(id ORDER BY id) FROM note WHERE id < 3;
SELECT outcome, rows, failures, sqlstate FROM tarot.job_run WHERE job = 'notes' ORDER BY number DESC LIMIT 1;
SELECT state, failures FROM tarot.job_status WHERE job = 'notes';

-- ------------------------------------------------------------ a clock that was put back, runs that are kept, transactions
UPDATE tarot.job_state SET looked_at = now() + interval '1 year', due_at = now() + interval '1 year', scheduled = now() + interval '1 year' WHERE name = 'others';
INSERT INTO other VALUES (2, '2020-01-01');
CALL tarot.run_due_jobs();
SELECT count(*) AS "done by the clock as it is" FROM other;
SELECT next_run < now() + interval '25 hours' AS tomorrow FROM tarot.job_status WHERE job = 'others';
UPDATE tarot.job_run SET number = number - 200 WHERE job = 'others';
SELECT tarot.run_job_soon('others');
CALL tarot.run_due_jobs();
SELECT count(*) AS "the last hundred" FROM tarot.job_run WHERE job = 'others';
BEGIN;
CALL tarot.run_due_jobs();
ROLLBACK;
SELECT run('CALL tarot.run_due_jobs()');
SET default_transaction_isolation = 'repeatable read';
CALL tarot.run_due_jobs();
RESET default_transaction_isolation;
-- What a block has done before is committed before the first batch.
DO $$ BEGIN INSERT INTO other VALUES (3, '2020-01-01'); PERFORM tarot.run_job_soon('others'); CALL tarot.run_due_jobs(); END $$;
SELECT count(*) FROM other;

-- ------------------------------------------------------------ in turns
SET ROLE regress_jobs_owner;
CREATE TABLE long (id int, made_at date);
CREATE TABLE turn (number serial, job text);
CREATE FUNCTION takes_turn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.turn (job) VALUES (TG_TABLE_NAME); RETURN old; END $$;
CREATE TRIGGER takes_turn BEFORE DELETE ON long FOR EACH ROW EXECUTE FUNCTION takes_turn();
CREATE TRIGGER takes_turn BEFORE DELETE ON other FOR EACH ROW EXECUTE FUNCTION takes_turn();
INSERT INTO long SELECT i, '2020-01-01' FROM generate_series(1, 3) i;
INSERT INTO other VALUES (5, '2020-01-01');
SELECT tarot.add_retention('long', 'made_at', '1 year', batch => 1, policy => 'long');
SELECT tarot.run_job_soon('others');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT job FROM turn ORDER BY number;

-- ------------------------------------------------------------ tables that are dropped
DROP VIEW waits;
CREATE TYPE dated AS (made_at date); CREATE TABLE typed OF dated;
SELECT tarot.add_retention('typed', 'made_at', '1 year', policy => 'typed');
DROP TYPE dated CASCADE;
DROP TABLE note, other, long;
SELECT (SELECT count(*) FROM tarot.job) AS jobs, (SELECT count(*) FROM tarot.job_state) AS states, (SELECT count(*) FROM tarot.retention_policy) AS policies;
CALL tarot.run_due_jobs();

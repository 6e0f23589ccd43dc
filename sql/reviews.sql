-- Reviews: when they are due, who is told of it, what came of them, and by whom.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
CREATE ROLE regress_reviews_officer;
CREATE ROLE regress_reviews_other;
GRANT EXECUTE ON FUNCTION tarot.schedule_review, tarot.unschedule_review, tarot.complete_review TO regress_reviews_officer;
GRANT SELECT ON tarot.reviews, tarot.review_outcome TO regress_reviews_officer;
RESET client_min_messages;
\set ECHO all
\set SHOW_CONTEXT never
\set VERBOSITY terse
\pset null '(null)'
SET TimeZone = 'UTC';

-- ------------------------------------------------------------ the calendar
-- The 31st stays the 31st; an hour stays the hour where clocks change; a day that is not there is the last of its month.
SELECT n, tarot.review_time('2026-01-31 09:00+01', interval '1 month' * n, 'Europe/Berlin') AS monthly, tarot.review_time('2026-03-23 09:00+01', interval '7 days' * n, 'Europe/Berlin') AS weekly,
	tarot.review_time('2026-03-28 02:30+01', interval '1 day' * n, 'Europe/Berlin') AS "in the hour that is left out", tarot.review_time('2024-02-29 00:00+00', interval '1 year' * n, 'UTC') AS yearly
	FROM generate_series(0, 3) AS n;
SELECT every, first, after, tarot.review_number(first, every, zone, after) AS number, tarot.review_time(first, every * tarot.review_number(first, every, zone, after), zone) AS next FROM (VALUES
	(interval '1 month', timestamptz '2026-01-31 09:00+01', timestamptz '2026-01-30 09:00+01', 'Europe/Berlin'), ('1 month', '2026-01-31 09:00+01', '2026-01-31 09:00+01', 'Europe/Berlin'),
	('1 month', '2026-01-31 09:00+01', '2026-02-28 08:59:59+01', 'Europe/Berlin'), ('1 month', '2026-01-31 09:00+01', '2026-02-28 09:00+01', 'Europe/Berlin'),
	('7 days', '2026-01-05 00:00+00', '2036-01-01 00:00+00', 'UTC'), ('1 day', '2016-01-01 00:00+00', '2036-01-01 00:00+00', 'UTC'), ('3 months', '2026-01-31 00:00+00', '2126-01-01 00:00+00', 'UTC'),
	('1 month', '2016-01-31 00:00+00', '2026-02-28 00:00+00', 'UTC'), ('1 year', '2024-02-29 00:00+00', '2027-12-31 00:00+00', 'UTC'), ('1 mon 15 days', '2026-01-31 00:00+00', '2029-12-31 00:00+00', 'UTC'),
	('1 day', '2026-03-28 02:30+01', '2026-03-29 02:30+01', 'Europe/Berlin')) AS v (every, first, after, zone);
SELECT bool_and(next > after AND (number = 0 OR tarot.review_time(first, every * (number - 1), zone) <= after)) AS "always the first after it" FROM (
	SELECT every, first, zone, after, number, tarot.review_time(first, every * number, zone) AS next FROM unnest(ARRAY[interval '1 day', '7 days', '1 month', '3 months', '1 year', '29 days 23 hours', '13 days']) AS every,
		unnest(ARRAY[timestamptz '2026-01-31 09:00+01', '2024-02-29 23:30+00', '2026-10-25 02:30+02']) AS first, unnest(ARRAY['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe']) AS zone,
		generate_series(timestamptz '2025-12-31 00:00+00', '2030-01-01', '37 days 5 hours') AS after, tarot.review_number(first, every, zone, after) AS number) AS s;

-- ------------------------------------------------------------ scheduled
SET ROLE regress_reviews_officer;
SELECT tarot.schedule_review('weekly', '7 days', 'Access logs and denials', 'Europe/Berlin', now() - interval '1 minute', '2 days') IS NOT NULL AS weekly,
	tarot.schedule_review('monthly', '1 month', 'Grants of data classes', first_due => now() - interval '9 days') IS NOT NULL AS monthly,
	tarot.schedule_review('quarterly', '3 months', 'Keys and their rotation') > now() + interval '89 days' AS quarterly;
SELECT name, description, every, time_zone, within, next_due <= now() AS is_due, due_since IS NOT NULL AS due_since, overdue, last_outcome, scheduled_by = session_user AS "who scheduled" FROM tarot.reviews ORDER BY name;
RESET ROLE;
SELECT job, kind, "table", owner, every, time_zone FROM tarot.job_status ORDER BY job;
CALL tarot.run_due_jobs();
SELECT name, told_due, told_overdue FROM tarot.review ORDER BY name;
SELECT job, outcome, rows FROM tarot.job_run ORDER BY job;
-- Each is told once.
UPDATE tarot.job_state SET due_at = now();
CALL tarot.run_due_jobs();
SELECT job, outcome, rows FROM tarot.job_run WHERE number = 2 ORDER BY job;
-- The next time that there is something to tell: due, or overdue; and when nothing is, the time after that.
SELECT job, state, next_run - now() BETWEEN interval '1 day 23 hours' AND interval '2 days' AS "when it is overdue", next_run > now() + interval '20 days' AS "at the next time" FROM tarot.job_status ORDER BY job;

-- ------------------------------------------------------------ completed
SET ROLE regress_reviews_officer;
SELECT due BETWEEN now() + interval '6 days' AND now() + interval '8 days' AS "in a week" FROM tarot.complete_review('weekly', 'passed') AS due;
SELECT tarot.complete_review('monthly', 'findings', E'Two grants without a reason:\n- support, email') > now() AS later;
SELECT review, missed, outcome, notes, completed_by = session_user AS "who completed", subject FROM tarot.review_outcome ORDER BY review;
SELECT name, due_since, overdue, last_outcome, last_completed_at IS NOT NULL AS last_completed, last_completed_by = session_user AS by FROM tarot.reviews ORDER BY name;
-- Before its time since the due date before that, and not sooner.
SELECT run($$SELECT tarot.complete_review('quarterly', 'passed')$$), code($$SELECT tarot.complete_review('quarterly', 'passed')$$) AS again;
SELECT run(format('SELECT tarot.schedule_review(''soon'', ''7 days'', ''x'', first_due => %L)', now() + interval '3 days')), run($$SELECT tarot.complete_review('soon', 'skipped', 'on holiday')$$),
	code($$SELECT tarot.complete_review('soon', 'passed')$$) AS again;
SELECT next_due > now() + interval '9 days' AS "a week later" FROM tarot.reviews WHERE name = 'soon';
RESET ROLE;
-- Several that were missed are one.
UPDATE tarot.review SET first_due = now() - interval '50 days', due_at = now() - interval '50 days' WHERE name = 'weekly';
SELECT due BETWEEN now() AND now() + interval '7 days' AS "after now" FROM tarot.complete_review('weekly', 'passed', 'late') AS due;
SELECT code($$SELECT tarot.complete_review('weekly', 'passed', 'again')$$) AS "not twice";
SELECT missed FROM tarot.review_outcome WHERE review = 'weekly' ORDER BY completed_at DESC LIMIT 1;
SELECT operation, role, session_role = session_user AS session_role, new - '{command,type,first_due,due_at}'::text[] AS new FROM tarot.audit_log WHERE new->>'type' = 'review' ORDER BY recorded_at, transaction, number;
-- What came of them stays as it is.
SELECT s, run(s) FROM unnest(ARRAY[$$UPDATE tarot.review_outcome SET outcome = 'passed'$$, 'DELETE FROM tarot.review_outcome', 'TRUNCATE tarot.review_outcome']) AS s;
-- A rollback takes an outcome back, and its entry.
UPDATE tarot.review SET first_due = now() - interval '1 day', due_at = now() - interval '1 day' WHERE name = 'quarterly';
BEGIN;
SELECT tarot.complete_review('quarterly', 'passed') IS NOT NULL AS completed;
ROLLBACK;
SELECT (SELECT count(*) FROM tarot.review_outcome WHERE review = 'quarterly') AS outcomes, (SELECT due_since IS NOT NULL FROM tarot.reviews WHERE name = 'quarterly') AS is_due,
	(SELECT count(*) FROM tarot.audit_log WHERE operation = 'COMPLETE REVIEW' AND new->>'review' = 'quarterly') AS entries;

-- ------------------------------------------------------------ no longer
SET ROLE regress_reviews_officer;
SELECT run($$SELECT tarot.unschedule_review('soon')$$), run($$SELECT tarot.unschedule_review('soon')$$), run($$SELECT tarot.complete_review('soon', 'passed')$$);
RESET ROLE;
SELECT (SELECT count(*) FROM tarot.review_outcome WHERE review = 'soon') AS outcomes, (SELECT count(*) FROM tarot.job WHERE name = 'soon') AS jobs, (SELECT outcome FROM tarot.job_run WHERE job = 'soon' ORDER BY number DESC LIMIT 1) AS run;
-- A job of a review is a job.
SELECT tarot.pause_job('weekly');
SELECT state FROM tarot.job_status WHERE job = 'weekly';
SELECT tarot.resume_job('weekly');

-- ------------------------------------------------------------ refused
CREATE TABLE letter (at date);
SELECT tarot.add_retention('letter', 'at', '1 year', policy => 'letters');
SET ROLE regress_reviews_officer;
SELECT n, run(s) FROM unnest(ARRAY[
	$$SELECT tarot.schedule_review('weekly', '7 days', 'again')$$, $$SELECT tarot.schedule_review('letters', '7 days', 'of a policy')$$, $$SELECT tarot.unschedule_review('letters')$$, $$SELECT tarot.complete_review('letters', 'passed')$$,
	$$SELECT tarot.schedule_review('x', '1 hour', 'x')$$, $$SELECT tarot.schedule_review('x', '-1 day', 'x')$$, $$SELECT tarot.schedule_review('x', '11 years', 'x')$$, $$SELECT tarot.schedule_review('x', NULL, 'x')$$,
	$$SELECT tarot.schedule_review('x', '7 days', NULL)$$, $$SELECT tarot.schedule_review('x', '7 days', E'a\nb')$$, $$SELECT tarot.schedule_review(E'a\nb', '7 days', 'x')$$, $$SELECT tarot.schedule_review(NULL, '7 days', 'x')$$,
	$$SELECT tarot.schedule_review(repeat('x', 201), '7 days', 'x')$$, $$SELECT tarot.schedule_review('x', '7 days', 'x', 'Atlantis')$$, $$SELECT tarot.schedule_review('x', '7 days', 'x', NULL)$$,
	$$SELECT tarot.schedule_review('x', '7 days', 'x', first_due => 'infinity')$$, $$SELECT tarot.schedule_review('x', '7 days', 'x', first_due => '1999-01-01')$$, $$SELECT tarot.schedule_review('x', '7 days', 'x', within => '-1 day')$$,
	$$SELECT tarot.schedule_review('x', '7 days', 'x', within => NULL)$$,
	$$SELECT tarot.complete_review('nothing', 'passed')$$, $$SELECT tarot.complete_review('weekly', 'fine')$$, $$SELECT tarot.complete_review('weekly', NULL)$$, $$SELECT tarot.complete_review('weekly', 'findings')$$,
	$$SELECT tarot.complete_review('weekly', 'skipped', '')$$, $$SELECT tarot.complete_review('weekly', 'passed', repeat('x', 10001))$$, $$SELECT tarot.unschedule_review('nothing')$$]) WITH ORDINALITY AS t (s, n) ORDER BY n;
SELECT run($$SELECT tarot.pause_job('weekly')$$);
SELECT run($$INSERT INTO tarot.review_outcome VALUES ('weekly', now(), now(), 0, 'passed', NULL, 'x', NULL)$$);
SET ROLE regress_reviews_other;
SELECT s, code(s) FROM unnest(ARRAY[$$SELECT tarot.schedule_review('x', '7 days', 'x')$$, $$SELECT tarot.complete_review('weekly', 'passed')$$, $$SELECT tarot.unschedule_review('weekly')$$, 'TABLE tarot.reviews', 'TABLE tarot.review_outcome',
	'TABLE tarot.review', $$SELECT tarot.record_job_change('{"command": "COMPLETE REVIEW"}')$$, $$SELECT tarot.finish_review('weekly', NULL, NULL, 0)$$, $$SELECT tarot.note_review('weekly', 'x', '{}')$$]) AS s;
RESET ROLE;
SELECT count(*) FROM tarot.reviews;
SET client_min_messages = warning;
DROP OWNED BY regress_reviews_officer;
DROP ROLE regress_reviews_officer, regress_reviews_other;

-- Retention where something stands between a policy and its table: rules, which are refused, and triggers that keep rows.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
CREATE FUNCTION last_run(policy text, OUT outcome text, OUT rows bigint, OUT skipped bigint, OUT sqlstate text, OUT message text) LANGUAGE sql AS
	$$ SELECT r.outcome, r.rows, r.skipped, r.sqlstate, r.message FROM tarot.job_run r WHERE r.job = policy ORDER BY r.number DESC LIMIT 1 $$;
RESET client_min_messages;
\set ECHO all
\set SHOW_CONTEXT never
\set VERBOSITY terse
\pset null '(null)'

-- ------------------------------------------------------------ rules
CREATE TABLE reading (id int, at date, note text, gone boolean, done boolean);
CREATE TABLE old_reading (LIKE reading);
CREATE TABLE log (id int);
INSERT INTO reading SELECT i, '2019-01-01', 'x', false, false FROM generate_series(1, 300) AS i;
CREATE RULE instead AS ON DELETE TO reading DO INSTEAD UPDATE reading SET gone = true WHERE id = OLD.id RETURNING OLD.*;
SELECT run($$SELECT tarot.add_retention('reading', 'at', '1 year')$$), run($$SELECT tarot.add_retention('reading', 'at', '1 year', 'archive', archive_to => 'old_reading')$$);
-- One of another kind is not in the way, nor is one that is off.
SELECT run($$SELECT tarot.add_retention('reading', 'at', '1 year', 'anonymize', clear => '{note}', marker => 'done', policy => 'anonymized')$$);
ALTER TABLE reading DISABLE RULE instead;
SELECT run($$SELECT tarot.add_retention('reading', 'at', '1 year', batch => 64, policy => 'deleted')$$), run($$SELECT tarot.add_retention('reading', 'at', '1 year', 'archive', archive_to => 'old_reading', policy => 'archived')$$);
-- One that comes later: nothing is done, and that is told.
ALTER TABLE reading ENABLE ALWAYS RULE instead;
CREATE RULE also AS ON UPDATE TO reading DO ALSO INSERT INTO log VALUES (OLD.id);
SELECT run($$SELECT * FROM tarot.preview_retention('deleted')$$), run($$SELECT * FROM tarot.preview_retention('anonymized')$$);
CALL tarot.run_due_jobs();
SELECT p.policy, l.* FROM unnest('{deleted,anonymized,archived}'::text[]) AS p (policy), LATERAL last_run(p.policy) AS l;
SELECT count(*) FILTER (WHERE gone OR done) AS changed, count(*) FROM reading; SELECT count(*) FROM log;
DROP RULE instead ON reading; DROP RULE also ON reading;
SELECT tarot.pause_job('deleted'), tarot.pause_job('anonymized'), tarot.run_job_soon('archived');
CREATE RULE nowhere AS ON INSERT TO old_reading DO INSTEAD NOTHING;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('archived');
SELECT count(*) FROM reading;
SELECT tarot.remove_retention('archived'), tarot.remove_retention('anonymized');
-- A partition's own counts, and that of the table above, which statements on partitions do not meet, does not.
CREATE TABLE event (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2019-01-01') TO ('2020-01-01');
INSERT INTO event VALUES (1, '2019-01-01');
CREATE RULE above AS ON DELETE TO event DO INSTEAD NOTHING;
CREATE RULE below AS ON DELETE TO event_1 DO INSTEAD NOTHING;
SELECT run($$SELECT tarot.add_retention('event', 'at', '1 year', policy => 'event')$$), run($$SELECT tarot.add_retention('event', 'at', '1 year', 'drop_partition', policy => 'partitions')$$);
SELECT tarot.remove_retention('partitions');
DROP RULE below ON event_1;
SELECT tarot.add_retention('event', 'at', '1 year', policy => 'event');
CALL tarot.run_due_jobs();
SELECT count(*) FROM event;

-- ------------------------------------------------------------ triggers that keep rows: they are not counted as gone, keep no others from being done, and the run ends
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF OLD.id % 3 = 0 THEN RETURN NULL; END IF; RETURN CASE TG_OP WHEN 'UPDATE' THEN NEW ELSE OLD END; END $$;
CREATE TRIGGER keep BEFORE DELETE OR UPDATE ON reading FOR EACH ROW EXECUTE FUNCTION keep();
SELECT tarot.add_retention('reading', 'at', '1 year', 'anonymize', clear => '{note}', marker => 'done', batch => 64, policy => 'anonymized');
CALL tarot.run_due_jobs();
SELECT outcome, rows, sqlstate FROM last_run('anonymized');
SELECT count(*) FILTER (WHERE done) AS done, count(*) FROM reading;
SELECT tarot.resume_job('deleted');
CALL tarot.run_due_jobs();
SELECT outcome, rows, skipped FROM last_run('deleted');
SELECT count(*), bool_and(id % 3 = 0) FROM reading;
SELECT tarot.run_job_soon('deleted');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('deleted');
-- One that marks the row instead, which so comes again at another place.
CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE public.reading r SET gone = true WHERE r.ctid = OLD.ctid; RETURN NULL; END $$;
DROP TRIGGER keep ON reading;
CREATE TRIGGER mark BEFORE DELETE ON reading FOR EACH ROW EXECUTE FUNCTION mark();
SELECT tarot.run_job_soon('deleted');
CALL tarot.run_due_jobs();
SELECT outcome, rows, sqlstate FROM last_run('deleted');
SELECT count(*), bool_and(gone) FROM reading;

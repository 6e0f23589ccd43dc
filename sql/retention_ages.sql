-- Retention by an index of ages: when it is gone by, and that what goes, stays and is counted is the same.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
RESET client_min_messages;
\set ECHO all
\set SHOW_CONTEXT never
\set VERBOSITY terse
\pset null '(null)'
SET TimeZone = 'UTC';
SET DateStyle = ISO;
CREATE FUNCTION last_run(policy text, OUT outcome text, OUT rows bigint, OUT skipped bigint, OUT done boolean, OUT sqlstate text, OUT message text) LANGUAGE sql AS
	$$ SELECT r.outcome, r.rows, r.skipped, r.units_done = r.units_total, r.sqlstate, r.message FROM tarot.job_run r WHERE r.job = policy ORDER BY r.number DESC LIMIT 1 $$;
CREATE FUNCTION on_record(policy text) RETURNS jsonb LANGUAGE sql AS
	$$ SELECT new - '{cutoff,keep,oldest,newest}'::text[] FROM tarot.audit_log WHERE operation = 'RETENTION' AND new->>'policy' = policy ORDER BY recorded_at DESC LIMIT 1 $$;

-- More than 16 MB, as half-empty blocks: 400 of 41000 rows are old, which lie together.
CREATE TABLE reading (id int PRIMARY KEY, at timestamptz, note text) WITH (fillfactor = 10);
INSERT INTO reading SELECT i, CASE WHEN i <= 400 THEN timestamptz '2020-01-01' + i * interval '1 hour' ELSE timestamptz '2999-01-01' + i * interval '1 minute' END, 'some words of a note' FROM generate_series(1, 41000) AS i;
SELECT pg_relation_size('reading') >= 16777216 AS large;
SELECT tarot.goes_by_age('reading'::regclass, 'at', $$'2024-01-01'::timestamptz$$) AS "without an index";
CREATE INDEX partial ON reading (at) WHERE id > 0;
CREATE INDEX later ON reading (id, at);
CREATE INDEX brin ON reading USING brin (at);
SELECT tarot.goes_by_age('reading'::regclass, 'at', $$'2024-01-01'::timestamptz$$) AS "with others";
DROP INDEX partial, later, brin;
CREATE INDEX reading_at ON reading (at DESC, id);
SELECT tarot.goes_by_age('reading'::regclass, 'at', $$'2024-01-01'::timestamptz$$) AS "without statistics";
-- By blocks then, also where the index has the rows in another order.
CREATE TABLE reversed (id int, at date);
INSERT INTO reversed SELECT i, '2021-01-01'::date - i / 10 FROM generate_series(1, 5000) AS i;
CREATE INDEX ON reversed (at);
ANALYZE reversed;
SELECT tarot.add_retention('reversed', 'at', '1 year', batch => 20, "where" => 'at < ''2020-12-01''', policy => 'reversed');
SET enable_seqscan = off; SET enable_tidscan = off;
CALL tarot.run_due_jobs();
RESET enable_seqscan; RESET enable_tidscan;
SELECT * FROM last_run('reversed');
SELECT count(*) FROM reversed WHERE at < '2020-12-01';
DROP TABLE reversed;
ANALYZE reading;
SELECT c, tarot.goes_by_age('reading'::regclass, 'at', c) FROM unnest(ARRAY[$$'2024-01-01'::timestamptz$$, $$'2999-01-05'::timestamptz$$, $$'-infinity'::timestamptz$$, $$'infinity'::timestamptz$$]) AS c;

-- Several ranges; some rows stay, and are counted once.
CREATE TABLE reply (reading int REFERENCES reading);
INSERT INTO reply VALUES (17), (18), (18);
INSERT INTO reading VALUES (50001, '-infinity', 'oldest'), (50002, NULL, 'none');
SELECT tarot.add_retention('reading', 'at', '1 year', batch => 40, "where" => 'id % 10 <> 0', policy => 'readings'), tarot.hold('reading', 'case 7', 'court', 'id BETWEEN 100 AND 104');
SELECT rows, held, referred FROM tarot.preview_retention('readings');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('readings');
SELECT on_record('readings');
SELECT string_agg(id::text, ' ' ORDER BY id) FROM reading WHERE (at < '2024-01-01' AND id % 10 <> 0) OR id > 50000;
SELECT count(*) FROM reading;
-- What is met in the next run is what has stayed.
SELECT tarot.release('reading', 'case 7'), tarot.run_job_soon('readings');
DELETE FROM reply;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('readings');

-- More rows of one age than a batch has; and so many that their blocks are gone through.
SELECT tarot.alter_retention('readings', "where" => 'true', batch => 20);
UPDATE reading SET at = '2020-05-05' WHERE id BETWEEN 1001 AND 1150;
UPDATE reading SET at = '2020-06-06' WHERE id BETWEEN 2001 AND 2600;
UPDATE reading SET at = '2020-07-07' WHERE id BETWEEN 3001 AND 3010;
SELECT tarot.goes_by_age('reading'::regclass, 'at', $$'2024-01-01'::timestamptz$$);
CALL tarot.run_due_jobs();
SELECT * FROM last_run('readings');
SELECT count(*) FROM reading WHERE at < '2024-01-01';

-- A trigger that keeps rows ends no run.
CREATE FUNCTION keeps() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN old.id % 2 = 0 THEN old END; END $$;
CREATE TRIGGER keeps BEFORE DELETE ON reading FOR EACH ROW EXECUTE FUNCTION keeps();
UPDATE reading SET at = timestamptz '2020-05-05' + id * interval '1 minute' WHERE id BETWEEN 4001 AND 4100;
SELECT tarot.run_job_soon('readings');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('readings');
SELECT count(*), bool_and(id % 2 = 1) AS kept FROM reading WHERE at < '2024-01-01';
DROP TRIGGER keeps ON reading;

-- The same to an archive, and by a date.
CREATE TABLE old_reading (id int, at timestamptz, note text);
SELECT tarot.remove_retention('readings');
SELECT tarot.add_retention('reading', 'at', '1 year', 'archive', archive_to => 'old_reading', batch => 7, policy => 'archive');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('archive');
SELECT count(*), min(id), max(id) FROM old_reading;
SELECT tarot.remove_retention('archive');
ALTER TABLE reading ALTER at TYPE date;
UPDATE reading SET at = '2020-05-05' WHERE id BETWEEN 5001 AND 5030;
ANALYZE reading;
SELECT tarot.goes_by_age('reading'::regclass, 'at', $$'2024-01-01'::date$$);
SELECT tarot.add_retention('reading', 'at', '1 year', batch => 1, policy => 'days');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('days');
-- Old rows that are scattered over all blocks.
UPDATE reading SET at = '2020-05-05'::date + id % 1000 WHERE id % 25 = 0;
VACUUM ANALYZE reading;
SELECT tarot.goes_by_age('reading'::regclass, 'at', $$'2024-01-01'::date$$);

-- Retention: which rows go, which stay and why, and what keeps a policy from being made or done.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\set owner regress_retention_owner
\set other regress_retention_other
\i :source/sql/include/retention.sql
RESET client_min_messages;
\set ECHO all
SET ROLE regress_retention_owner;

-- ------------------------------------------------------------ what is old
CREATE TABLE reading (id int PRIMARY KEY, made_at timestamptz, note text);
INSERT INTO reading VALUES (1, now() - interval '31 days', 'old'), (2, now() - interval '29 days', 'new'), (3, NULL, 'none'), (4, 'infinity', 'never'),
	(5, now() - interval '40 days', 'keep'), (6, now() - interval '40 days', NULL), (7, now() + interval '1 day', 'to come');
SELECT tarot.add_retention('reading', 'made_at', '30 days', "where" => 'note <> ''keep''', legal_basis => 'GDPR 5 (1) e');
SELECT policy, "table", age_column, keep, action, "where", batch, legal_basis, created_by, state, last_rows FROM tarot.retention_status;
SELECT "table", rows, bytes > 0 AS bytes, held, referred, without_age, oldest < newest AS span FROM tarot.preview_retention('public.reading.made_at');
CALL tarot.run_due_jobs();
SELECT array_agg(id ORDER BY id) FROM reading;
SELECT * FROM last_run('public.reading.made_at');
SELECT state, last_rows, last_skipped FROM tarot.retention_status;
SELECT operation, table_name, role, new - '{oldest,newest,cutoff}'::text[] AS new, (new->>'oldest')::timestamptz = (new->>'newest')::timestamptz AS one,
	(new->>'cutoff')::timestamptz BETWEEN now() - interval '31 days' AND now() - interval '29 days' AS cutoff FROM tarot.audit_log WHERE operation = 'RETENTION';
-- Changed, it runs again; it may have another condition and time to keep.
SELECT tarot.alter_retention('public.reading.made_at', keep => '10 days', "where" => 'true');
SELECT keep, "where", batch, legal_basis FROM tarot.retention_status;
CALL tarot.run_due_jobs();
SELECT array_agg(id ORDER BY id) FROM reading;

-- Other types: what has no time zone is in the policy's.
CREATE TABLE day (id int, day date);
INSERT INTO day SELECT i, (now() AT TIME ZONE 'UTC')::date - i FROM generate_series(0, 5) AS i;
CREATE TABLE moment (id int, at timestamp);
INSERT INTO moment VALUES (1, (now() AT TIME ZONE 'Asia/Tokyo') - interval '25 hours'), (2, (now() AT TIME ZONE 'Asia/Tokyo') - interval '23 hours'), (3, '-infinity');
SELECT tarot.add_retention('day', 'day', '3 days', policy => 'days'), tarot.add_retention('moment', 'at', '1 day', time_zone => 'Asia/Tokyo', policy => 'moments');
CALL tarot.run_due_jobs();
SELECT array_agg(id ORDER BY id) FROM day;
SELECT array_agg(id ORDER BY id) FROM moment;

-- ------------------------------------------------------------ several batches, several policies, wide names
CREATE TABLE "Much ""More""" (id int, "made at" date, kind text);
INSERT INTO "Much ""More""" SELECT i, '2020-01-01', CASE WHEN i % 2 = 0 THEN 'even' ELSE 'odd' END FROM generate_series(1, 5000) AS i;
SELECT tarot.add_retention('"Much ""More"""', 'made at', '1 year', "where" => 'kind = ''odd''', batch => 100);
CALL tarot.run_due_jobs();
SELECT kind, count(*) FROM "Much ""More""" GROUP BY kind;
SELECT rows, batches >= 25 AS batches, units_done = units_total AS done FROM tarot.job_run WHERE job LIKE '%Much%';
SELECT tarot.add_retention('"Much ""More"""', 'made at', '2 years', policy => 'all of them');
CALL tarot.run_due_jobs();
SELECT count(*) FROM "Much ""More""";
-- A table that is renamed or moved is followed.
ALTER TABLE "Much ""More""" RENAME TO much;
INSERT INTO much VALUES (1, '2020-01-01', 'even');
SELECT tarot.run_job_soon('all of them');
CALL tarot.run_due_jobs();
SELECT count(*) FROM much;

-- ------------------------------------------------------------ partitions and children
CREATE TABLE event (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE event_2020 PARTITION OF event FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE event_2021 (at date, id int);
ALTER TABLE event ATTACH PARTITION event_2021 FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
CREATE TABLE event_later PARTITION OF event DEFAULT;
INSERT INTO event VALUES (1, '2020-02-01'), (2, '2021-02-01'), (3, '2999-01-01');
SELECT tarot.add_retention('event', 'at', '1 year', policy => 'events');
SELECT "table", rows FROM tarot.preview_retention('events') ORDER BY "table"::text;
CALL tarot.run_due_jobs();
TABLE event;

-- ------------------------------------------------------------ foreign keys: what is referred to stays until that is gone
CREATE TABLE customer (id int PRIMARY KEY, left_on date, parent int REFERENCES customer);
CREATE TABLE invoice (id int PRIMARY KEY, customer int REFERENCES customer, made_on date);
CREATE TABLE visit (id int PRIMARY KEY, customer int REFERENCES customer ON DELETE CASCADE);
INSERT INTO customer VALUES (1, '2020-01-01', NULL), (2, '2020-01-01', NULL), (3, '2020-01-01', NULL), (4, '2020-01-01', 3);
INSERT INTO invoice VALUES (10, 1, '2020-01-01'), (20, 2, now()::date);
INSERT INTO visit VALUES (100, 1), (300, 3);
SELECT tarot.add_retention('customer', 'left_on', '1 year', policy => 'customers');
SELECT rows, referred FROM tarot.preview_retention('customers');
CALL tarot.run_due_jobs();
SELECT array_agg(id ORDER BY id) FROM customer;
SELECT * FROM last_run('customers');
SELECT tarot.add_retention('invoice', 'made_on', '1 year', policy => 'invoices'), tarot.run_job_soon('customers');
CALL tarot.run_due_jobs();
SELECT tarot.run_job_soon('customers');
CALL tarot.run_due_jobs();
SELECT array_agg(id ORDER BY id) FROM customer;
SELECT array_agg(id) FROM invoice;
SELECT count(*) AS cascaded FROM visit;

-- ------------------------------------------------------------ legal hold
CREATE TABLE letter (id int, client int, at date);
INSERT INTO letter SELECT i, i % 3, '2020-01-01' FROM generate_series(1, 6) AS i;
SELECT tarot.add_retention('letter', 'at', '1 year', policy => 'letters');
SELECT tarot.hold('letter', 'case 7', 'court of X, 7/26', "where" => 'client = 1'), tarot.hold('letter', 'case 8', 'another', 'client = (SELECT min(client) FROM public.letter)');
SELECT relation, name, condition, reason, held_by FROM tarot.legal_hold ORDER BY name;
SELECT rows, held FROM tarot.preview_retention('letters');
CALL tarot.run_due_jobs();
SELECT array_agg(id ORDER BY id) FROM letter;
SELECT * FROM last_run('letters');
SELECT new->'held' AS held FROM tarot.audit_log WHERE operation = 'RETENTION' AND table_name = 'public.letter';
SELECT run($$SELECT tarot.hold('letter', 'case 7', 'again')$$), run($$SELECT tarot.hold('letter', 'case 9', NULL)$$), run($$SELECT tarot.release('letter', 'case 9')$$);
SELECT tarot.release('letter', 'case 8'), tarot.run_job_soon('letters');
CALL tarot.run_due_jobs();
SELECT array_agg(id ORDER BY id) FROM letter;
-- All rows; and a hold that cannot be asked keeps all.
SELECT tarot.release('letter', 'case 7'), tarot.hold('letter', 'all', 'x'), tarot.run_job_soon('letters');
CALL tarot.run_due_jobs();
SELECT count(*) FROM letter;
SELECT tarot.release('letter', 'all'), tarot.hold('letter', 'client', 'x', 'client < 10 AND t IS NOT NULL'), tarot.run_job_soon('letters');
-- A column that is renamed is followed, one that is dropped is not.
ALTER TABLE letter RENAME client TO "Mr Client";
SELECT condition FROM tarot.legal_hold WHERE relation = 'letter'::regclass;
ALTER TABLE letter DROP COLUMN "Mr Client";
CALL tarot.run_due_jobs();
SELECT count(*) FROM letter;
SELECT * FROM last_run('letters');
SELECT tarot.remove_retention('letters');
-- A hold on a partitioned table is one on its partitions.
INSERT INTO event VALUES (4, '2020-02-01');
SELECT tarot.hold('event', 'all', 'x'), tarot.run_job_soon('events');
CALL tarot.run_due_jobs();
SELECT id FROM event ORDER BY id;

-- ------------------------------------------------------------ what is refused
CREATE VIEW letters AS SELECT * FROM letter;
CREATE TEMP TABLE scratch (at date);
SELECT s, run(s) FROM unnest(ARRAY[
	$$SELECT tarot.add_retention('letters', 'at', '1 year')$$, $$SELECT tarot.add_retention('scratch', 'at', '1 year')$$, $$SELECT tarot.add_retention('letter', 'nothing', '1 year')$$,
	$$SELECT tarot.add_retention('letter', 'id', '1 year')$$, $$SELECT tarot.add_retention('letter', NULL, '1 year')$$, $$SELECT tarot.add_retention('letter', 'at', '-1 year')$$,
	-- No less than nothing, since months count as 30 days; and yet in the future.
	$$SELECT tarot.add_retention('letter', 'at', '-100 years 36000 days')$$, $$SELECT tarot.add_retention('letter', 'at', '300000 years')$$, $$SELECT tarot.add_retention('letter', 'at', '178000000 years')$$,
	$$SELECT tarot.add_retention('letter', 'at', '1 day -24 hours -1 second')$$, $$SELECT tarot.alter_retention('customers', keep => '-100 years 36000 days')$$,
	$$SELECT tarot.add_retention('letter', 'at', '1 year', 'burn')$$, $$SELECT tarot.add_retention('letter', 'at', '1 year', batch => 0)$$,
	$$SELECT tarot.add_retention('letter', 'at', '1 year', every => '1 second')$$, $$SELECT tarot.add_retention('letter', 'at', '1 year', window_start => '1:00')$$,
	$$SELECT tarot.add_retention('letter', 'at', '1 year', window_days => '{0}')$$, $$SELECT tarot.add_retention('letter', 'at', '1 year', time_zone => 'Atlantis')$$,
	$$SELECT tarot.add_retention('letter', 'at', '1 year', policy => 'customers')$$, $$SELECT tarot.add_retention('letter', 'at', '1 year', policy => '')$$,
	$$SELECT tarot.add_retention('letter', 'at', '1 year', "where" => 'nothing > 1')$$, $$SELECT tarot.add_retention('letter', 'at', '1 year', "where" => 'id')$$,
	$$SELECT tarot.add_retention('letter', 'at', '1 year', "where" => 'true); DROP TABLE letter; --')$$, $$SELECT tarot.add_retention('letter', 'at', '1 year', "where" => 'true FROM letter')$$,
	$$SELECT tarot.add_retention('letter', 'at', '1 year', "where" => 'true, false')$$, $$SELECT tarot.add_retention('letter', 'at', '1 year', "where" => 'count(*) > 1')$$,
	$$SELECT tarot.add_retention('letter', 'at', '1 year', "where" => '$1')$$, $$SELECT tarot.add_retention('letter', 'at', '1 year', "where" => '')$$,
	$$SELECT tarot.alter_retention('nothing')$$, $$SELECT tarot.remove_retention('nothing')$$, $$SELECT * FROM tarot.preview_retention('nothing')$$,
	$$SELECT tarot.alter_retention('customers', keep => '-1 day')$$]) AS s;
SELECT count(*) AS "still there" FROM letter;
DROP TABLE scratch;
RESET ROLE;
SET ROLE regress_retention_other;
SELECT s, run(s) FROM unnest(ARRAY[
	$$SELECT tarot.add_retention('letter', 'at', '1 year')$$, $$SELECT tarot.alter_retention('customers', keep => '1 day')$$, $$SELECT tarot.remove_retention('customers')$$,
	$$SELECT * FROM tarot.preview_retention('customers')$$, $$SELECT tarot.hold('letter', 'mine', 'x')$$, $$SELECT tarot.release('event', 'all')$$,
	$$SELECT tarot.change_retention('letter'::regclass, 'x', 'add', NULL, '{}')$$, $$SELECT tarot.change_retention(NULL, 'customers', 'remove', NULL, NULL)$$,
	$$SELECT tarot.apply_retention(0, 'customers', 'remove', NULL, NULL, NULL)$$, 'TABLE tarot.retention_policy', 'DELETE FROM tarot.legal_hold']) AS s;
-- With the privilege, but not the owner.
RESET ROLE;
GRANT EXECUTE ON FUNCTION tarot.add_retention TO regress_retention_other;
SET ROLE regress_retention_other;
SELECT s, run(s) FROM unnest(ARRAY[$$SELECT tarot.add_retention('letter', 'at', '1 year')$$, $$SELECT tarot.alter_retention('customers', keep => '1 day')$$, $$SELECT tarot.hold('letter', 'mine', 'x')$$]) AS s;
-- A condition that was not parsed, and whatever else nothing would come of, or what nobody has asked for.
SET ROLE regress_retention_owner;
SELECT s, run(s) FROM unnest(ARRAY[
	$$SELECT tarot.change_retention('letter'::regclass, 'unparsed', 'add', NULL, '{"age_column": "at", "keep": "1 year", "action": "delete", "batch": 1, "every": "1 day", "time_zone": "UTC", "condition": "true) OR (true"}')$$,
	$$SELECT tarot.change_retention(NULL, 'customers', 'alter', NULL, '{"action": "anonymize"}')$$, $$SELECT tarot.change_retention(NULL, 'customers', 'alter', NULL, '{"bacth": null, "keep": "1 year"}')$$,
	$$SELECT tarot.change_retention('letter'::regclass, 'mine', 'hold', NULL, '{"reason": "x", "until": "2030-01-01"}')$$, $$SELECT tarot.change_retention('letter'::regclass, 'mine', 'release', NULL, '{"reason": "x"}')$$,
	$$SELECT tarot.change_retention(NULL, 'customers', 'remove', NULL, '{"keep": "1 year"}')$$, $$SELECT tarot.change_retention(NULL, 'customers', 'alter', NULL, '["keep"]')$$]) AS s;
RESET ROLE;
SELECT run($$SELECT tarot.add_retention('tarot.job_run', 'started_at', '1 day')$$), run($$SELECT tarot.add_retention('pg_class', 'relname', '1 day')$$);

-- What was no future when it was added is found out at each run.
SET ROLE regress_retention_owner;
CREATE TABLE young (id int, at timestamptz);
INSERT INTO young VALUES (1, now() - interval '1 minute'), (2, 'infinity'), (3, '-infinity'), (4, now() + interval '100 days');
SELECT tarot.add_retention('young', 'at', '1 year', policy => 'young');
RESET ROLE;
UPDATE tarot.retention_policy SET keep = '-100 years 36000 days' WHERE name = 'young';
CALL tarot.run_due_jobs();
SELECT * FROM last_run('young');
SELECT run($$SELECT * FROM tarot.preview_retention('young')$$);
UPDATE tarot.retention_policy SET keep = '1 year' WHERE name = 'young';
SELECT tarot.run_job_soon('young');
CALL tarot.run_due_jobs();
-- Minus infinity is as old as can be, infinity never old.
SELECT array_agg(id ORDER BY id) FROM young;
SELECT tarot.remove_retention('young');

-- ------------------------------------------------------------ tables that change
SET ROLE regress_retention_owner;
CREATE TABLE changing (id int, at date, flag boolean);
INSERT INTO changing VALUES (1, '2020-01-01', true);
SELECT tarot.add_retention('changing', 'at', '1 year', "where" => 'flag', policy => 'changing');
ALTER TABLE changing ALTER at TYPE text;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('changing');
-- By a new name it is still the same.
ALTER TABLE changing RENAME at TO moved_at;
SELECT age_column FROM tarot.retention_status WHERE policy = 'changing';
SELECT tarot.run_job_soon('changing');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('changing');
ALTER TABLE changing ALTER moved_at TYPE timestamp USING moved_at::timestamp;
ALTER TABLE changing RENAME flag TO marked;
SELECT tarot.run_job_soon('changing');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('changing');
SELECT "where" FROM tarot.retention_status WHERE policy = 'changing';
INSERT INTO changing VALUES (1, '2020-01-01', true);
SELECT tarot.run_job_soon('changing');
ALTER TABLE changing ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('changing');
SELECT count(*) FROM changing;
ALTER TABLE changing NO FORCE ROW LEVEL SECURITY;
REVOKE DELETE ON changing FROM regress_retention_owner;
SELECT tarot.run_job_soon('changing');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('changing');
GRANT DELETE ON changing TO regress_retention_owner;
-- A trigger that keeps rows.
CREATE FUNCTION keeps() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER keeps BEFORE DELETE ON changing FOR EACH ROW EXECUTE FUNCTION keeps();
SELECT tarot.run_job_soon('changing');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('changing');
DROP TRIGGER keeps ON changing;
-- A deferred constraint fails with the batch that breaks it, and not at a commit.
CREATE TABLE pair (id int PRIMARY KEY, at date);
CREATE TABLE half (id int REFERENCES pair ON DELETE SET DEFAULT DEFERRABLE INITIALLY DEFERRED DEFAULT 7);
INSERT INTO pair VALUES (1, '2020-01-01');
INSERT INTO half VALUES (1);
SELECT tarot.add_retention('pair', 'at', '1 year', policy => 'pairs'), tarot.run_job_soon('changing');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('pairs');
SELECT count(*) FROM pair;
SELECT count(*) AS "the other is done" FROM changing;
SELECT tarot.remove_retention('pairs');
SELECT outcome FROM last_run('pairs');
ALTER TABLE half DROP CONSTRAINT half_id_fkey;
SELECT tarot.add_retention('pair', 'at', '1 year', policy => 'pairs');
ALTER TABLE pair DROP COLUMN at;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('pairs');
-- Run by another role than the owner; and another owner's, once that agrees.
RESET ROLE;
ALTER TABLE changing OWNER TO regress_retention_other;
INSERT INTO changing VALUES (1, '2020-01-01', true);
SELECT tarot.resume_job('changing');
CALL tarot.run_due_jobs();
SELECT count(*) FROM changing;
SELECT role FROM tarot.audit_log WHERE operation = 'RETENTION' AND table_name = 'public.changing' ORDER BY recorded_at DESC LIMIT 1;
SET client_min_messages = warning;
DROP OWNED BY regress_retention_owner, regress_retention_other;
SELECT count(*) FROM tarot.retention_policy;
SELECT count(*) FROM tarot.legal_hold;

-- Retention that meets faults: foreign keys in circles, ages around changes of clocks, times that are longer than any data, owners without a right, and tables
-- that change in the midst of a run; and what is told of how far that is.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\set owner regress_faults_owner
\set other regress_faults_other
\i :source/sql/include/retention.sql
GRANT CREATE ON SCHEMA public TO regress_faults_other;
RESET client_min_messages;
\set ECHO all
SET DateStyle = ISO;
CREATE FUNCTION again_soon(policy text) RETURNS boolean LANGUAGE sql AS $$ SELECT j.next_run < now() + interval '11 minutes' FROM tarot.job_status j WHERE j.job = policy $$;

-- ------------------------------------------------------------ foreign keys of a table to itself: children first, in one run
SET ROLE regress_faults_owner;
CREATE TABLE node (id int PRIMARY KEY, parent int REFERENCES node, at date);
-- A root that is its own parent, one that is young, and two that are each other's.
INSERT INTO node VALUES (1, 1, '2020-01-01'), (2, 1, '2020-01-01'), (3, 2, '2020-01-01'), (4, NULL, '2999-01-01'), (5, 4, '2020-01-01'), (6, 7, '2020-01-01'), (7, 6, '2020-01-01');
SELECT tarot.add_retention('node', 'at', '1 year', policy => 'nodes');
SELECT rows, referred FROM tarot.preview_retention('nodes');
SELECT referring, on_delete, rows FROM tarot.preview_references('nodes');
RESET ROLE;
CREATE TABLE told (number serial, ids int[], rows bigint, skipped bigint, again_soon boolean);
CREATE PROCEDURE run_till_nothing() LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. 2 LOOP
		PERFORM tarot.run_job_soon('nodes');
		CALL tarot.run_due_jobs();
		INSERT INTO told (ids, rows, skipped, again_soon) SELECT (SELECT array_agg(n.id ORDER BY n.id) FROM node n), r.rows, r.skipped, again_soon('nodes') FROM last_run('nodes') r;
	END LOOP;
END $$;
CALL run_till_nothing();
SELECT * FROM told ORDER BY number;
-- With RESTRICT, and among partitions.
SET ROLE regress_faults_owner;
CREATE TABLE strict (id int PRIMARY KEY, parent int REFERENCES strict ON DELETE RESTRICT, at date);
INSERT INTO strict VALUES (1, 1, '2020-01-01'), (2, NULL, '2020-01-01'), (3, 2, '2999-01-01');
CREATE TABLE parted (id int, at date, parent int, parent_at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ('2020-02-01') TO ('2020-03-01');
ALTER TABLE parted ADD FOREIGN KEY (parent, parent_at) REFERENCES parted;
-- At the same place of another partition is another row.
INSERT INTO parted VALUES (1, '2020-01-01', 1, '2020-01-01'), (2, '2020-01-02', NULL, NULL), (3, '2020-02-01', 1, '2020-01-01'), (4, '2020-02-02', 4, '2020-02-02');
SELECT tarot.add_retention('strict', 'at', '1 year', policy => 'strict'), tarot.add_retention('parted', 'at', '1 year', policy => 'parted');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT array_agg(id) FROM strict;
SELECT outcome, rows, skipped FROM last_run('strict');
SELECT array_agg(id) FROM parted;
SELECT outcome, rows, skipped FROM last_run('parted');
-- Of very many generations sixteen a run, and as they are told of, each row that stays once.
SET ROLE regress_faults_owner;
CREATE TABLE line (id int PRIMARY KEY, parent int REFERENCES line, at date);
INSERT INTO line SELECT i, nullif(i - 1, 0), '2020-01-01' FROM generate_series(1, 20) AS i;
SELECT tarot.add_retention('line', 'at', '1 year', policy => 'lines');
-- What goes along by one key, and referred to another row by the other.
CREATE TABLE account (id int PRIMARY KEY, at date);
CREATE TABLE friend (of_one int REFERENCES account ON DELETE CASCADE, other int REFERENCES account);
INSERT INTO account VALUES (1, '2020-01-01'), (2, '2020-01-01'), (3, '2020-01-01'), (4, '2999-01-01');
INSERT INTO friend VALUES (1, 2), (4, 3);
SELECT tarot.add_retention('account', 'at', '1 year', policy => 'accounts');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT (SELECT array_agg(id ORDER BY id) FROM line) AS lines, rows, skipped, again_soon('lines') FROM last_run('lines');
SELECT (SELECT array_agg(id ORDER BY id) FROM account) AS accounts, rows, skipped, again_soon('accounts') FROM last_run('accounts');
SELECT new->>'policy' AS policy, new->'rows' AS rows, new->'referred' AS referred FROM tarot.audit_log WHERE operation = 'RETENTION' AND new->>'policy' IN ('lines', 'accounts') ORDER BY new->>'policy';
SELECT tarot.run_job_soon('lines');
CALL tarot.run_due_jobs();
SELECT count(*) FROM line;

-- ------------------------------------------------------------ of others to a table: what they refer to is looked at again at its time, and not before, though the run deleted others
SET ROLE regress_faults_owner;
CREATE TABLE guest (id int PRIMARY KEY, at date);
CREATE TABLE stay (guest int REFERENCES guest);
INSERT INTO guest SELECT i, '2020-01-01' FROM generate_series(1, 3) AS i;
INSERT INTO stay VALUES (2);
SELECT tarot.add_retention('guest', 'at', '1 year', policy => 'guests');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT rows, skipped, again_soon('guests') FROM last_run('guests');

-- ------------------------------------------------------------ of two tables to each other: what refers with SET NULL goes first, whichever way round
SET ROLE regress_faults_owner;
CREATE TABLE department (id int PRIMARY KEY, head int, at date);
CREATE TABLE employee (id int PRIMARY KEY, department int NOT NULL REFERENCES department, at date);
ALTER TABLE department ADD FOREIGN KEY (head) REFERENCES employee ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED;
INSERT INTO department VALUES (1, NULL, '2020-01-01'), (2, NULL, '2020-01-01');
INSERT INTO employee VALUES (1, 1, '2020-01-01'), (2, 2, '2999-01-01');
UPDATE department SET head = id;
SELECT tarot.add_retention('department', 'at', '1 year', policy => 'departments'), tarot.add_retention('employee', 'at', '1 year', policy => 'employees');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT outcome, rows, skipped FROM last_run('departments');
SELECT outcome, rows, skipped FROM last_run('employees');
SELECT tarot.run_job_soon('departments');
CALL tarot.run_due_jobs();
SELECT (SELECT array_agg(d.id) FROM department d) AS departments, (SELECT array_agg(e.id) FROM employee e) AS employees;
-- Both ways with NO ACTION neither goes, which is counted; and nothing of them is done.
SET ROLE regress_faults_owner;
CREATE TABLE egg (id int PRIMARY KEY, hen int, at date);
CREATE TABLE hen (id int PRIMARY KEY, egg int REFERENCES egg DEFERRABLE INITIALLY DEFERRED, at date);
ALTER TABLE egg ADD FOREIGN KEY (hen) REFERENCES hen;
INSERT INTO egg VALUES (1, NULL, '2020-01-01'), (2, NULL, '2020-01-01');
INSERT INTO hen VALUES (1, 1, '2020-01-01');
UPDATE egg SET hen = 1 WHERE id = 1;
SELECT tarot.add_retention('egg', 'at', '1 year', policy => 'eggs'), tarot.add_retention('hen', 'at', '1 year', policy => 'hens');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT outcome, rows, skipped, sqlstate FROM last_run('eggs') UNION ALL SELECT outcome, rows, skipped, sqlstate FROM last_run('hens');
SELECT (SELECT array_agg(e.id) FROM egg e) AS eggs, (SELECT array_agg(h.id) FROM hen h) AS hens;

-- ------------------------------------------------------------ clocks that are changed
CREATE TABLE age (zoned timestamptz, plain timestamp, day date);
SELECT w.zone, w.now AS "now (UTC)", w.keep, tarot.retention_cutoff('age'::regclass, 'zoned', w.keep, w.zone, w.now) AS zoned, tarot.retention_cutoff('age'::regclass, 'plain', w.keep, w.zone, w.now) AS plain, tarot.retention_cutoff('age'::regclass, 'day', w.keep, w.zone, w.now) AS day
	FROM (VALUES
		-- To summer time: 2 to 3 is left out on 2026-03-29.
		(1, 'Europe/Berlin', timestamptz '2026-03-29 12:00+02', interval '1 day'), (2, 'Europe/Berlin', '2026-03-29 12:00+02', '24 hours'), (3, 'Europe/Berlin', '2026-03-30 02:30+02', '1 day'), (4, 'Europe/Berlin', '2026-03-29 03:05+02', '30 minutes'),
		-- Back: 2 to 3 is there twice on 2026-10-25.
		(5, 'Europe/Berlin', '2026-10-25 12:00+01', '1 day'), (6, 'Europe/Berlin', '2026-10-25 12:00+01', '24 hours'), (7, 'Europe/Berlin', '2026-10-26 02:30+01', '1 day'), (8, 'Europe/Berlin', '2026-10-25 02:10+02', '30 minutes'), (9, 'Europe/Berlin', '2026-10-25 02:10+01', '30 minutes'),
		-- By half an hour; a day that begins at one; and zones a day apart.
		(10, 'Australia/Lord_Howe', '2026-10-04 12:00+11', '1 day'), (11, 'America/Santiago', '2026-09-06 01:10-03', '30 minutes'), (12, 'Pacific/Kiritimati', '2026-06-01 12:00+00', '1 day'), (13, 'Pacific/Pago_Pago', '2026-06-01 12:00+00', '1 day')
	) AS w (number, zone, now, keep) ORDER BY w.number;
-- No row goes before so much time has passed since it was stamped, by the clock of then.
SELECT w.zone, w.keep, count(*) > 5000 AS many, count(*) FILTER (WHERE (n - ago) AT TIME ZONE w.zone < c.cutoff) AS "too soon"
	FROM (VALUES ('Europe/Berlin', interval '45 minutes'), ('America/Santiago', '45 minutes'), ('Australia/Lord_Howe', '100 minutes')) AS w (zone, keep), unnest('{2026-03-29 01:00+00,2026-10-25 01:00+00,2026-04-05 03:00+00,2026-09-06 04:00+00,2026-04-04 15:00+00,2026-10-03 15:30+00}'::timestamptz[]) AS changed,
		generate_series(changed - interval '4 hours', changed + interval '4 hours', '3 minutes') AS n, LATERAL (SELECT i * interval '4 minutes' AS ago FROM generate_series(0, 24) AS i WHERE i * interval '4 minutes' <= w.keep) AS a,
		LATERAL (SELECT substring(tarot.retention_cutoff('age'::regclass, 'plain', w.keep, w.zone, n) FROM '''(.*)''')::timestamp) AS c (cutoff)
	GROUP BY w.zone, w.keep ORDER BY w.zone;

-- ------------------------------------------------------------ kept for longer than there is anything
SET ROLE regress_faults_owner;
CREATE TABLE ancient (id int, zoned timestamptz, plain timestamp, day date);
INSERT INTO ancient VALUES (1, '0001-01-01', '0001-01-01', '0001-01-01'), (2, now(), now(), now()), (3, NULL, NULL, NULL), (4, 'infinity', 'infinity', 'infinity'), (5, '4000-01-01 BC', '4000-01-01 BC', '4000-01-01 BC');
SELECT tarot.add_retention('ancient', c, k, policy => concat_ws(' ', c, k), time_zone => 'Europe/Berlin') FROM unnest('{zoned,plain,day}'::name[]) AS c, unnest('{500 years,3000 years,5000 years}'::interval[]) AS k WHERE k > interval '2500 years';
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT count(*), bool_and(outcome = 'finished' AND failures = 0) AS finished, sum(rows) AS rows FROM tarot.job_run WHERE table_name = 'public.ancient';
SELECT array_agg(id ORDER BY id) FROM ancient;
DROP TABLE ancient;

-- ------------------------------------------------------------ an owner without the right
CREATE SCHEMA regress_faults;
GRANT USAGE, CREATE ON SCHEMA regress_faults TO regress_faults_owner;
SET ROLE regress_faults_owner;
CREATE TABLE regress_faults.client (id int PRIMARY KEY, at date, note text, anonymized_at timestamptz);
INSERT INTO regress_faults.client SELECT i, '2020-01-01', 'x' FROM generate_series(1, 3) i;
GRANT REFERENCES ON regress_faults.client TO regress_faults_other;
SELECT tarot.add_retention('regress_faults.client', 'at', '1 year', policy => 'clients'), tarot.add_retention('regress_faults.client', 'at', '1 year', 'anonymize', clear => '{note}', policy => 'notes');
RESET ROLE;
GRANT USAGE ON SCHEMA regress_faults TO regress_faults_other;
SET ROLE regress_faults_other;
CREATE TABLE bill (client int REFERENCES regress_faults.client);
RESET ROLE;
REVOKE UPDATE ON regress_faults.client FROM regress_faults_owner;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('clients');
SELECT * FROM last_run('notes');
REVOKE USAGE ON SCHEMA regress_faults FROM regress_faults_owner;
SELECT tarot.run_job_soon('clients');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('clients');
SELECT count(*), count(note) FROM regress_faults.client;
-- With the rights it is the same run that goes on.
GRANT USAGE ON SCHEMA regress_faults TO regress_faults_owner;
GRANT UPDATE ON regress_faults.client TO regress_faults_owner;
GRANT SELECT ON bill TO regress_faults_owner;
INSERT INTO bill VALUES (1);
SELECT tarot.run_job_soon('notes');
CALL tarot.run_due_jobs();
SELECT tarot.run_job_soon('clients');
CALL tarot.run_due_jobs();
SELECT id, note FROM regress_faults.client;
SELECT job, number, outcome, rows, skipped, failures FROM tarot.job_run WHERE table_name = 'regress_faults.client' ORDER BY job;

-- ------------------------------------------------------------ in the midst of a run: how far it is, and a column that gets another type
SET ROLE regress_faults_owner;
CREATE TABLE long (id int, at date, note text);
INSERT INTO long SELECT i, '2020-01-01', repeat('x', 500) FROM generate_series(1, 3000) i;
CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no further'; END $$;
CREATE TRIGGER fails BEFORE DELETE ON long FOR EACH ROW WHEN (old.id = 2900) EXECUTE FUNCTION fails();
SELECT tarot.add_retention('long', 'at', '1 year', policy => 'long');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT count(*) > 100 AND count(*) < 3000 AS "some are gone", bool_or(id = 2900) AS "and not that one" FROM long;
SELECT job, "table", number, state, units_total = pg_relation_size('long') / current_setting('block_size')::int AS all_blocks, units_done BETWEEN 1 AND units_total - 1 AS some_done, rows_done = 3000 - (SELECT count(*) FROM long) AS rows_done, rows_skipped, batches > 0 AS batches,
	rows_per_second > 0 AS rate, time_left > interval '0' AND time_left < (updated_at - started_at) * units_total AS estimate, pid = pg_backend_pid() AS pid FROM tarot.job_progress WHERE job = 'long';
SET ROLE regress_faults_owner;
ALTER TABLE long ALTER at TYPE timestamptz;
DROP TRIGGER fails ON long;
SELECT tarot.run_job_soon('long');
RESET ROLE;
CALL tarot.run_due_jobs();
-- Those that the rewrite of the table has moved to where the run had been wait for the next one.
SELECT outcome, rows = 3000 - (SELECT count(*) FROM long) AS rows, skipped, failures FROM tarot.job_run WHERE job = 'long';
SELECT tarot.run_job_soon('long');
CALL tarot.run_due_jobs();
SELECT count(*) FROM long;
SELECT count(*) FROM tarot.job_progress WHERE job = 'long';
SET client_min_messages = warning;
DROP SCHEMA regress_faults CASCADE;
DROP OWNED BY regress_faults_owner, regress_faults_other;
DROP ROLE regress_faults_owner, regress_faults_other;

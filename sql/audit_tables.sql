-- Changes of tables on record: each row once, by whatever statement; what is in an entry, and who can write none.
SET client_min_messages = warning;
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE EXTENSION tarot_security;
\getenv source PG_ABS_SRCDIR
\i :source/sql/include/attempt.sql
CREATE ROLE regress_audit_owner; CREATE ROLE regress_audit_app; CREATE ROLE regress_audit_officer; CREATE ROLE regress_audit_all IN ROLE pg_write_all_data, pg_read_all_data;
GRANT ALL ON SCHEMA public TO regress_audit_owner;
GRANT EXECUTE ON FUNCTION tarot.audit_table, tarot.unaudit_table TO regress_audit_officer;

-- The entries since the last call; statements and transactions by their order.
CREATE TABLE seen (transaction xid8, number bigint, PRIMARY KEY (transaction, number));
CREATE FUNCTION fresh() RETURNS SETOF seen LANGUAGE sql AS $$
	INSERT INTO seen SELECT l.transaction, l.number FROM tarot.audit_log l WHERE l.operation IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE') AND l.table_name NOT LIKE 'tarot.%' ON CONFLICT DO NOTHING RETURNING *
$$;
CREATE FUNCTION log() RETURNS TABLE (entry text, key jsonb, old jsonb, new jsonb) LANGUAGE sql AS $$
	SELECT concat_ws(' ', dense_rank() OVER (ORDER BY l.transaction), dense_rank() OVER (PARTITION BY l.transaction ORDER BY l.statement), l.number, l.operation, l.table_name), l.key, l.old, l.new
		FROM fresh() f JOIN tarot.audit_log l USING (transaction, number) ORDER BY l.transaction, l.number
$$;

SET ROLE regress_audit_owner;
CREATE TABLE person (id int PRIMARY KEY, name text, age int, note text);
GRANT ALL ON person TO regress_audit_app;

-- ------------------------------------------------------------ who may, and what
SELECT code($$SELECT tarot.audit_table('person')$$), code($$SELECT tarot.unaudit_table('person')$$);
SET ROLE regress_audit_officer;
SELECT code($$SELECT tarot.unaudit_table('person')$$);
SELECT tarot.audit_table('person');
RESET ROLE;
SELECT "table", columns, exclude, enforced FROM tarot.audited_tables ORDER BY "table"::text COLLATE "C";
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'person'::regclass ORDER BY tgname;
CREATE VIEW people AS SELECT name FROM person;
SELECT run($$SELECT tarot.audit_table(NULL)$$), run($$SELECT tarot.audit_table('people')$$), code($$SELECT tarot.audit_table('person_pkey')$$), run($$SELECT tarot.audit_table('tarot.audit_entry')$$),
	run($$SELECT tarot.audit_table('tarot.audit_entry_default')$$), code($$SELECT tarot.audit_table('pg_class')$$), code($$SELECT tarot.audit_table(1::regclass)$$);
SELECT run($$SELECT tarot.audit_table('person', columns => '{}')$$), run($$SELECT tarot.audit_table('person', exclude => '{NULL}')$$), run($$SELECT tarot.audit_table('person', '{id}', '{name}')$$),
	run($$SELECT tarot.audit_table('person', exclude => '{nothing}')$$), run($$SELECT tarot.audit_table('person', exclude => '{ctid}')$$), run($$SELECT tarot.audit_table('person', exclude => '{id}')$$),
	run($$SELECT tarot.audit_table('person', columns => '{name}')$$);
SELECT run('SELECT tarot.audit_change()');

-- ------------------------------------------------------------ statements
SET ROLE regress_audit_app;
INSERT INTO person VALUES (1, 'Ann', 30, NULL), (2, 'Bob', 40, 'x');
UPDATE person SET age = age + 1;
UPDATE person SET name = name, age = age;
UPDATE person SET id = 20, note = NULL WHERE id = 2;
INSERT INTO person VALUES (1, 'Ann', 99, NULL), (3, 'Cyd', 50, NULL) ON CONFLICT (id) DO UPDATE SET age = excluded.age;
INSERT INTO person VALUES (1) ON CONFLICT DO NOTHING;
MERGE INTO person p USING (VALUES (1), (3), (4)) AS v (id) ON p.id = v.id
	WHEN MATCHED AND p.id = 3 THEN DELETE WHEN MATCHED THEN UPDATE SET note = 'merged' WHEN NOT MATCHED THEN INSERT VALUES (v.id, 'Dan');
COPY person FROM stdin;
5	Eve	60	\N
6	Fay	\N	\\
\.
WITH gone AS (DELETE FROM person WHERE id > 4 RETURNING id) UPDATE person SET note = (SELECT count(*) FROM gone) WHERE id = 4;
DELETE FROM person WHERE id = 4;
RESET ROLE;
SELECT * FROM log();
TRUNCATE person;
SELECT * FROM log();

-- ------------------------------------------------------------ transactions and parts of them
BEGIN;
INSERT INTO person VALUES (1);
SAVEPOINT a;
INSERT INTO person VALUES (2);
SAVEPOINT b;
INSERT INTO person VALUES (3);
ROLLBACK TO a;
INSERT INTO person VALUES (4);
RELEASE a;
INSERT INTO person VALUES (5);
-- Seen where the change is seen.
SELECT array_agg(l.key ORDER BY l.number) FROM tarot.audit_log l WHERE l.transaction = pg_current_xact_id();
COMMIT;
SELECT * FROM log();
BEGIN;
INSERT INTO person VALUES (6);
ROLLBACK;
SELECT * FROM log();
-- Entries of a statement under way are not lost with those of a block that its trigger rolls back.
CREATE FUNCTION nested() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		UPDATE person SET note = 'kept' WHERE id = new.id AND note IS NULL;
		UPDATE person SET note = 'lost' WHERE id = 1;
		IF new.id % 2 = 0 THEN
			RAISE division_by_zero;
		END IF;
	EXCEPTION WHEN division_by_zero THEN
	END;
	RETURN NULL;
END
$$;
CREATE TRIGGER znested AFTER INSERT ON person FOR EACH ROW EXECUTE FUNCTION nested();
CREATE TRIGGER anested AFTER INSERT ON person FOR EACH ROW EXECUTE FUNCTION nested();
INSERT INTO person SELECT g FROM generate_series(10, 13) g;
SELECT entry, key, new->>'note' AS note FROM log();
DROP TRIGGER znested ON person;
DROP TRIGGER anested ON person;
-- Entries wait while a trigger runs a query in parallel, in which nothing can be written.
CREATE TABLE numbers AS SELECT generate_series(1, 10) AS n;
CREATE FUNCTION twice(n int) RETURNS int PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
	PERFORM count(*) FROM (VALUES (1), (2)) v;
	PERFORM count(*) FROM (VALUES (1), (2)) v;
	RETURN 2 * n;
END
$$;
CREATE FUNCTION in_parallel() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM sum(twice(n)) FROM numbers;
	RETURN NULL;
END
$$;
CREATE TRIGGER zparallel AFTER INSERT ON person FOR EACH ROW EXECUTE FUNCTION in_parallel();
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers = 0;
EXPLAIN (COSTS OFF) SELECT sum(twice(n)) FROM numbers;
INSERT INTO person VALUES (20), (21);
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET max_parallel_workers;
DROP TRIGGER zparallel ON person;
SELECT entry, key FROM log();
-- As many as go together, and more.
INSERT INTO person SELECT g, repeat('n', 300) FROM generate_series(1001, 3000) g;
UPDATE person SET age = id WHERE id > 1000;
SELECT operation, count(*), count(DISTINCT number), min(number), max(number), bool_and(key->>'id' = coalesce(new->>'id', new->>'age')) FROM tarot.audit_log WHERE (key->>'id')::int > 1000 GROUP BY operation ORDER BY operation;
DELETE FROM person;
SELECT count(*) FROM log();

-- ------------------------------------------------------------ who
SELECT set_config('application_name', 'audit "test"', false) AS name;
SET SESSION AUTHORIZATION regress_audit_app;
INSERT INTO person VALUES (1);
RESET SESSION AUTHORIZATION;
SET ROLE regress_audit_app;
CREATE FUNCTION pg_temp.by_definer() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'DELETE FROM public.person';
RESET ROLE;
SELECT pg_temp.by_definer();
SET application_name = '';
INSERT INTO person VALUES (2);
SELECT l.operation, l.role, l.role = session_user AS mine, l.session_role = session_user AS session, l.application, l.subject, l.client, l.relation::regclass, l.system = (SELECT system_identifier FROM pg_control_system()) AS here,
	l.recorded_at BETWEEN now() - interval '1 minute' AND clock_timestamp() AS lately
	FROM fresh() f JOIN tarot.audit_log l USING (transaction, number) ORDER BY l.transaction, l.number;

-- ------------------------------------------------------------ which columns
SELECT tarot.audit_table('person', exclude => '{note,age}');
SELECT "table", columns, exclude, enforced FROM tarot.audited_tables ORDER BY "table"::text COLLATE "C";
INSERT INTO person VALUES (3, 'Gil', 1, 'secret');
UPDATE person SET note = 'other', age = 2;
UPDATE person SET note = 'another', name = 'Hal' WHERE id = 3;
-- By another name it is still the same column; a new one is on record; one of the old name, too.
ALTER TABLE person RENAME note TO remark;
ALTER TABLE person ADD note text, ADD born date DEFAULT '2000-01-01';
UPDATE person SET remark = 'still secret', note = 'not secret' WHERE id = 3;
ALTER TABLE person DROP COLUMN age;
UPDATE person SET name = 'Ida', remark = '-' WHERE id = 3;
SELECT "table", columns, exclude, enforced FROM tarot.audited_tables ORDER BY "table"::text COLLATE "C";
SELECT tarot.audit_table('person', columns => '{id,born}');
UPDATE person SET name = 'Jon';
UPDATE person SET name = 'Kai', born = NULL WHERE id = 3;
DELETE FROM person WHERE id = 3;
SELECT * FROM log();
-- Nor has any other command that renames columns another effect.
CREATE TABLE renames (id int PRIMARY KEY, a text, b text, c text, d text);
CREATE TYPE kind AS (id int, a text);
CREATE TABLE of_kind OF kind (PRIMARY KEY (id));
SELECT tarot.audit_table('renames', exclude => '{a,b,c,d}'), tarot.audit_table('of_kind', exclude => '{a}');
ALTER VIEW renames RENAME COLUMN a TO a2;
ALTER MATERIALIZED VIEW renames RENAME COLUMN b TO b2;
ALTER FOREIGN TABLE renames RENAME COLUMN c TO c2;
ALTER TYPE renames RENAME ATTRIBUTE d TO d2;
ALTER TYPE kind RENAME ATTRIBUTE a TO a2 CASCADE;
INSERT INTO renames VALUES (1, 'never', 'never', 'never', 'never');
INSERT INTO of_kind VALUES (1, 'never');
SELECT * FROM log();
DROP TABLE renames, of_kind;
DROP TYPE kind;

-- ------------------------------------------------------------ tables of all kinds
-- Odd names, and a table that gets another one.
CREATE TABLE "Odd ""t'able" ("select" int PRIMARY KEY, "ä""b'c\d" text, "a.b" text);
SELECT run($$SELECT tarot.audit_table('"Odd ""t''able"', exclude => ARRAY['a.b'])$$);
INSERT INTO "Odd ""t'able" VALUES (1, 'ö', 'no');
ALTER TABLE "Odd ""t'able" RENAME "a.b" TO "'";
ALTER TABLE "Odd ""t'able" RENAME TO renamed;
UPDATE renamed SET "ä""b'c\d" = E'\\ "\n', "'" = 'never';
CREATE SCHEMA "Other schema";
ALTER TABLE renamed SET SCHEMA "Other schema";
DELETE FROM "Other schema".renamed;
SELECT * FROM log();
-- Without a key an UPDATE has the whole row as it was.
CREATE TABLE bare (a int, b text, gone int, c int GENERATED ALWAYS AS (a * 2) STORED);
ALTER TABLE bare DROP COLUMN gone;
SELECT tarot.audit_table('bare');
INSERT INTO bare VALUES (1, 'x'), (NULL, NULL);
UPDATE bare SET a = 2 WHERE b = 'x';
-- A key of two columns, made later; one that is not checked at once is none.
ALTER TABLE bare ADD PRIMARY KEY (b, a);
DELETE FROM bare WHERE a IS NULL;
ALTER TABLE bare ADD PRIMARY KEY (b, a);
UPDATE bare SET a = 3;
SELECT * FROM log();
-- One with a column that is left out is none, either: of it an entry would tell a part.
CREATE TABLE half (id int, hidden int, v int);
SELECT tarot.audit_table('half', exclude => '{hidden}');
ALTER TABLE half ADD PRIMARY KEY (id, hidden);
INSERT INTO half VALUES (1, 1, 1), (1, 2, 1);
UPDATE half SET v = 2 WHERE hidden = 2;
SELECT * FROM log();
CREATE TABLE nothing ();
SELECT tarot.audit_table('nothing');
INSERT INTO nothing DEFAULT VALUES;
DELETE FROM nothing;
SELECT * FROM log();
-- Foreign keys.
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED);
SELECT tarot.audit_table('parent'), tarot.audit_table('child');
INSERT INTO parent VALUES (1), (2);
INSERT INTO child VALUES (10, 1), (11, 2);
UPDATE parent SET id = 3 WHERE id = 1;
DELETE FROM parent WHERE id = 2;
TRUNCATE parent, child;
SELECT * FROM log();
-- Rows are on record in the partition that they are in, also one that came later, and one below it.
CREATE TABLE whole (id int, part int, v text, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE part_1 PARTITION OF whole FOR VALUES IN (1);
SELECT tarot.audit_table('whole', exclude => '{v}');
GRANT ALL ON SCHEMA public TO regress_audit_app;
ALTER TABLE whole OWNER TO regress_audit_owner;
SET ROLE regress_audit_owner;
CREATE TABLE part_2 PARTITION OF whole FOR VALUES IN (2) PARTITION BY RANGE (id);
CREATE TABLE part_2a (v text, part int NOT NULL, id int NOT NULL);
ALTER TABLE part_2 ATTACH PARTITION part_2a DEFAULT;
RESET ROLE;
SELECT run($$SELECT tarot.audit_table('part_1')$$), run($$SELECT tarot.unaudit_table('part_2a')$$);
INSERT INTO whole VALUES (1, 1, 'x'), (2, 2, 'y');
INSERT INTO part_2a VALUES ('z', 2, 3);
UPDATE whole SET part = 2 WHERE id = 1;
UPDATE part_2 SET id = id + 10, v = 'n';
TRUNCATE part_2a;
TRUNCATE whole;
ALTER TABLE whole RENAME v TO w;
INSERT INTO whole VALUES (1, 2, 'never');
SELECT * FROM log();
ALTER TABLE part_2 DETACH PARTITION part_2a;
INSERT INTO part_2a VALUES ('never', 2, 4);
SELECT * FROM log();
SELECT "table", columns, exclude, enforced FROM tarot.audited_tables WHERE "table"::text ~ 'whole|part' ORDER BY "table"::text COLLATE "C";
SELECT tarot.unaudit_table('whole'), tarot.unaudit_table('part_2a');
SELECT "table", columns, exclude, enforced FROM tarot.audited_tables WHERE "table"::text ~ 'whole|part' ORDER BY "table"::text COLLATE "C";
-- Children have columns of their own. What a trigger that somebody else has made leaves out they do not.
CREATE TABLE base (id int PRIMARY KEY, v text);
CREATE TABLE derived (extra int) INHERITS (base);
SELECT tarot.audit_table('base');
CREATE TRIGGER another AFTER TRUNCATE ON derived EXECUTE FUNCTION tarot.audit_change('only', 'id');
CREATE TABLE later (more int) INHERITS (derived);
INSERT INTO derived VALUES (1, 'a', 2);
INSERT INTO later VALUES (2, 'b', 3, 4);
UPDATE base SET v = 'c';
DELETE FROM base;
SELECT * FROM log();
SELECT tarot.unaudit_table('base');
INSERT INTO later VALUES (2, 'b', 3, 4);
SELECT count(*) FROM log();

-- ------------------------------------------------------------ nobody gets past it
CREATE TABLE ledger (id int PRIMARY KEY, v int);
SELECT tarot.audit_table('ledger');
-- Neither a session's role of replication, nor row security, a rule, or a trigger of another name before it.
SET session_replication_role = replica;
INSERT INTO ledger VALUES (1, 1);
RESET session_replication_role;
SET search_path = pg_temp;
CREATE TEMP TABLE audit_entry (LIKE tarot.audit_entry);
UPDATE public.ledger SET v = 2;
RESET search_path;
SELECT * FROM log();
SELECT count(*) FROM pg_temp.audit_entry;
ALTER TABLE ledger DISABLE TRIGGER tarot_audit_truncate;
SELECT "table", enforced FROM tarot.audited_tables WHERE "table" = 'ledger'::regclass;
ALTER TABLE ledger ENABLE TRIGGER tarot_audit_truncate;
SELECT "table", enforced FROM tarot.audited_tables WHERE "table" = 'ledger'::regclass;
SELECT tarot.audit_table('ledger');
SELECT "table", enforced FROM tarot.audited_tables WHERE "table" = 'ledger'::regclass;
-- The privilege TRIGGER is not enough to put another in its place. The owner can, which is seen.
GRANT ALL ON ledger TO regress_audit_app;
SET ROLE regress_audit_app;
SELECT run($$CREATE OR REPLACE TRIGGER tarot_audit AFTER INSERT ON ledger FOR EACH ROW WHEN (false) EXECUTE FUNCTION tarot.audit_change()$$),
	code($$CREATE OR REPLACE TRIGGER tarot_audit_truncate AFTER TRUNCATE ON ledger EXECUTE FUNCTION suppress_redundant_updates_trigger()$$),
	code($$CREATE TRIGGER another AFTER INSERT ON ledger FOR EACH ROW EXECUTE FUNCTION tarot.audit_change()$$);
RESET ROLE;
DROP TRIGGER another ON ledger;
SELECT "table", enforced FROM tarot.audited_tables WHERE "table" = 'ledger'::regclass;
CREATE OR REPLACE TRIGGER tarot_audit AFTER INSERT OR UPDATE OR DELETE ON ledger FOR EACH ROW WHEN (pg_trigger_depth() > 1) EXECUTE FUNCTION tarot.audit_change('exclude');
ALTER TABLE ledger ENABLE ALWAYS TRIGGER tarot_audit;
SELECT "table", enforced FROM tarot.audited_tables WHERE "table" = 'ledger'::regclass;
CREATE OR REPLACE TRIGGER tarot_audit AFTER INSERT OR UPDATE OF v OR DELETE ON ledger FOR EACH ROW EXECUTE FUNCTION tarot.audit_change('exclude');
ALTER TABLE ledger ENABLE ALWAYS TRIGGER tarot_audit;
SELECT "table", enforced FROM tarot.audited_tables WHERE "table" = 'ledger'::regclass;
DROP TRIGGER tarot_audit ON ledger;
SELECT "table", enforced FROM tarot.audited_tables WHERE "table" = 'ledger'::regclass;
SELECT tarot.audit_table('ledger');
SELECT "table", enforced FROM tarot.audited_tables WHERE "table" = 'ledger'::regclass;
-- The log is for its owner to write, and for those to read whom it lets.
SET ROLE regress_audit_app;
SELECT code('SELECT FROM tarot.audit_log'), code('SELECT FROM tarot.audit_entry'), code('DELETE FROM tarot.audit_entry'), code('TRUNCATE tarot.audit_entry_default');
SET ROLE regress_audit_all;
SELECT run('SELECT FROM tarot.audit_log'), run('DELETE FROM tarot.audit_entry'), run('DELETE FROM tarot.audit_entry_default'), run($$UPDATE tarot.audit_entry SET role = 'x'$$), run('INSERT INTO tarot.audit_entry SELECT * FROM tarot.audit_entry');
RESET ROLE;
-- The trigger as others may make it.
CREATE TABLE own (a int);
CREATE TRIGGER t BEFORE INSERT ON own FOR EACH ROW EXECUTE FUNCTION tarot.audit_change();
SELECT run('INSERT INTO own VALUES (1)');
DROP TRIGGER t ON own;
CREATE TRIGGER t AFTER INSERT ON own FOR EACH STATEMENT EXECUTE FUNCTION tarot.audit_change();
SELECT run('INSERT INTO own VALUES (1)');
DROP TRIGGER t ON own;
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON own DEFERRABLE FOR EACH ROW EXECUTE FUNCTION tarot.audit_change();
SELECT run('INSERT INTO own VALUES (1)');
-- What cannot be put on record is not done.
SELECT run('ALTER TABLE tarot.audit_entry DETACH PARTITION tarot.audit_entry_default'), run('ALTER TABLE tarot.audit_entry ADD more int');
SELECT id, v FROM ledger;

-- ------------------------------------------------------------ partitions of the log, and indexes
DROP EXTENSION tarot_security CASCADE;
CREATE EXTENSION tarot_security;
SELECT tarot.create_audit_partitions(1) AS made, tarot.create_audit_partitions(1) AS again, run('SELECT tarot.create_audit_partitions(-1)'), run('SELECT tarot.create_audit_partitions(121)');
SELECT tarot.create_audit_partitions(2) AS made;
SELECT count(*) FROM pg_inherits WHERE inhparent = 'tarot.audit_entry'::regclass;
SELECT tarot.audit_table('ledger');
CREATE INDEX ON tarot.audit_entry (transaction, number);
CREATE INDEX ON tarot.audit_entry ((key->>'id')) WHERE operation = 'U';
-- One that runs statements of its own, while entries are written.
CREATE FUNCTION id_of(key jsonb) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM FROM pg_class LIMIT 1; RETURN key->>'id'; END $$;
CREATE INDEX ON tarot.audit_entry (id_of(key));
UPDATE ledger SET v = 3;
UPDATE ledger SET id = 2;
SET enable_seqscan = off;
SELECT tableoid::regclass <> 'tarot.audit_entry_default'::regclass AS in_month, old, new FROM tarot.audit_entry WHERE key->>'id' = '1' AND operation = 'U' ORDER BY transaction;
RESET enable_seqscan;
SELECT count(*) FROM log();

SET client_min_messages = error;
DROP OWNED BY regress_audit_owner, regress_audit_app, regress_audit_officer, regress_audit_all CASCADE;
DROP EXTENSION tarot_security CASCADE;
SELECT count(*) FROM pg_class WHERE relname ~ '^audit_entry_';
DROP ROLE regress_audit_owner, regress_audit_app, regress_audit_officer, regress_audit_all;

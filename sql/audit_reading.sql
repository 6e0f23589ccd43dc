-- What the log tells of a row, and of a time.
SET client_min_messages = warning;
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE EXTENSION tarot_security;
\getenv source PG_ABS_SRCDIR
\i :source/sql/include/attempt.sql
CREATE ROLE regress_reading_app;
CREATE ROLE regress_reading_auditor;
GRANT SELECT ON tarot.audit_log TO regress_reading_auditor;
CREATE TABLE person (id int PRIMARY KEY, name text, age int, note text);
GRANT ALL ON person TO regress_reading_app;
INSERT INTO person VALUES (7, 'Old', 70, 'before the audit');
SELECT tarot.audit_table('person');
CREATE FUNCTION history(rel regclass, key jsonb) RETURNS TABLE (operation text, "row" jsonb, changed jsonb, role text) LANGUAGE sql AS $$
	SELECT h.operation, h."row", h.changed, replace(replace(h.role, current_user, 'super'), 'regress_reading_', '') FROM tarot.audit_history(rel, key) WITH ORDINALITY AS h ORDER BY h.ordinality
$$;

INSERT INTO person VALUES (1, 'Ann', 30, NULL), (2, 'Bob', 40, 'x');
SET ROLE regress_reading_app;
UPDATE person SET age = 31 WHERE id = 1;
RESET ROLE;
UPDATE person SET id = 10, note = 'moved' WHERE id = 1;
UPDATE person SET name = 'Anne' WHERE id = 10;
SELECT * FROM history('person', '{"id": 10}');
SELECT * FROM history('person', '{"id": 2}');
-- A row that comes to a key that another has left; one that is made, deleted, and made again.
UPDATE person SET id = 1 WHERE id = 2;
SELECT * FROM history('person', '{"id": 1}');
DELETE FROM person WHERE id = 10;
SELECT * FROM history('person', '{"id": 10}');
INSERT INTO person VALUES (10, 'Cyd');
SELECT * FROM history('person', '{"id": 10}');
-- Of a row that was there before, what its changes tell, also the later ones.
UPDATE person SET age = 71 WHERE id = 7;
UPDATE person SET name = 'New' WHERE id = 7;
SELECT * FROM history('person', '{"id": 7}');
DELETE FROM person WHERE id = 7;
SELECT * FROM history('person', '{"id": 7}');
-- In one transaction, and in parts of it that were rolled back; statements that others have fired.
BEGIN;
INSERT INTO person VALUES (20, 'Dan', 1);
SAVEPOINT s;
UPDATE person SET age = 99 WHERE id = 20;
ROLLBACK TO s;
UPDATE person SET age = 2 WHERE id = 20;
UPDATE person SET age = 3 WHERE id = 20;
SELECT "row" FROM history('person', '{"id": 20}');
COMMIT;
CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE person SET note = 'by trigger' WHERE id = new.id AND note IS DISTINCT FROM 'by trigger'; RETURN NULL; END $$;
CREATE TRIGGER again AFTER UPDATE ON person FOR EACH ROW EXECUTE FUNCTION again();
UPDATE person SET age = 4 WHERE id = 20;
DROP TRIGGER again ON person;
SELECT operation, "row" FROM history('person', '{"id": 20}');
-- As it was at a time.
SELECT bool_and(a."row" = h."row") AS same, count(*) FROM tarot.audit_history('person', '{"id": 20}') h, LATERAL (SELECT b."row" FROM tarot.audit_history('person', '{"id": 20}') b WHERE b.recorded_at <= h.recorded_at ORDER BY b.recorded_at DESC, b.statement DESC LIMIT 1) a
	WHERE h.operation = 'UPDATE' AND h.changed ? 'note';
-- A table by another name, with keys of more columns, and rows that move to another partition.
ALTER TABLE person RENAME TO people;
UPDATE people SET age = 5 WHERE id = 20;
SELECT count(*), count(DISTINCT table_name) FROM tarot.audit_history('people', '{"id": 20}');
CREATE TABLE seat (hall text, place int, holder text, PRIMARY KEY (hall, place)) PARTITION BY LIST (hall);
CREATE TABLE seat_a PARTITION OF seat FOR VALUES IN ('a');
CREATE TABLE seat_b PARTITION OF seat FOR VALUES IN ('b');
SELECT tarot.audit_table('seat');
INSERT INTO seat VALUES ('a', 1, 'Ann'), ('a', 2, 'Bob');
UPDATE seat SET place = 3 WHERE place = 1;
UPDATE seat SET hall = 'b' WHERE place = 3;
SELECT * FROM history('seat', '{"hall": "b", "place": 3}');
SELECT * FROM history('seat', '{"place": 3, "hall": "a"}');
SELECT * FROM history('seat_b', '{"hall": "b", "place": 3}');
SELECT count(*) FROM history('seat', '{"hall": "c", "place": 3}');
SELECT run($$SELECT tarot.audit_history(NULL, '{"id": 1}')$$), code($$SELECT tarot.audit_history('people', NULL)$$), code($$SELECT tarot.audit_history('people', '1')$$), code($$SELECT tarot.audit_history('people', '{}')$$);

-- ------------------------------------------------------------ indexes
-- The same by them, and they are what is used; also in partitions that are there already and that come later, and for a key that no btree would take.
CREATE TABLE long (id text PRIMARY KEY, v int);
ALTER TABLE long ALTER id SET STORAGE EXTERNAL;
SELECT tarot.audit_table('long');
CREATE TABLE before AS SELECT t, k, array_agg(h::text ORDER BY h.recorded_at, h.number) AS told FROM (VALUES ('people', '{"id": 1}'::jsonb), ('people', '{"id": 10}'), ('people', '{"id": 20}'), ('seat', '{"hall": "b", "place": 3}')) AS s (t, k), tarot.audit_history(t::regclass, k) h GROUP BY t, k;
SELECT tarot.create_audit_indexes() AS made, tarot.create_audit_indexes() AS again;
SELECT tarot.create_audit_partitions(1) > 0 AS made;
SELECT c.relname LIKE 'audit\_entry\_default%' AS in_default, regexp_replace(pg_get_indexdef(c.oid), 'audit_entry_(default|\d+_\d+)', 'PARTITION', 'g') AS index FROM pg_inherits p JOIN pg_index ON indrelid = p.inhrelid JOIN pg_class c ON c.oid = indexrelid
	WHERE inhparent = 'tarot.audit_entry'::regclass ORDER BY 1, regexp_replace(pg_get_indexdef(c.oid), 'audit_entry_(default|\d+_\d+)', 'PARTITION', 'g') COLLATE "C";
-- Characters at random do not compress.
INSERT INTO long SELECT left(string_agg(md5(g::text), ''), 2690), 1 FROM generate_series(1, 90) g;
UPDATE long SET id = id || 'x', v = 2;
SELECT length(id) AS length FROM long;
SELECT count(*) FROM tarot.audit_history('long', (SELECT jsonb_build_object('id', id) FROM long));
UPDATE people SET id = 21 WHERE id = 20;
SELECT array_agg(h.operation || ' ' || (h."row"->>'id')) FROM tarot.audit_history('people', '{"id": 21}') h;
UPDATE people SET id = 20 WHERE id = 21;
SELECT t, k, (told <@ (SELECT array_agg(h::text) FROM tarot.audit_history(t::regclass, k) h)) AS same FROM before ORDER BY t, k;
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query; END $$;
SET enable_seqscan = off;
SELECT q, count(*) FILTER (WHERE p ~ 'audit_entry_default_(key|recorded_at)') > 0 AS by_index, count(*) FILTER (WHERE p ~ 'Seq Scan') AS scans FROM unnest(ARRAY[
	$$SELECT FROM tarot.audit_log l WHERE l.key = '{"id": 1}'$$, $$SELECT FROM tarot.audit_log l WHERE tarot.key_after(l.key, l.new) = '{"id": 1}' AND tarot.key_after(l.key, l.new) <> l.key$$,
	$$SELECT FROM tarot.audit_log l WHERE l.recorded_at >= '2020-01-01' AND l.recorded_at < '2020-02-01'$$]) AS q, plan(q) AS p GROUP BY q ORDER BY q;
RESET enable_seqscan;
DROP TABLE long, before;

-- ------------------------------------------------------------ what an entry tells of the key
SELECT key, new, tarot.key_after(key, new) FROM (VALUES ('{"id": 1}'::jsonb, '{"v": 2}'::jsonb), ('{"id": 1}', '{"id": 2, "v": 1}'), ('{"id": 1}', NULL), (NULL, '{"id": 2}'), ('{"a": 1, "b": {"c": [1]}}', '{"b": {"c": [2, null]}}'), ('{"a": 1}', '{"a": null}'), ('{}', '{"a": 1}'), ('1', '{"a": 1}'), ('{"a": 1}', '[1]')) AS s (key, new);
-- ------------------------------------------------------------ the report
SELECT table_name, operation, replace(replace(role, current_user, 'super'), 'regress_reading_', '') AS role, session_role = session_user AS mine, subject, entries, transactions, first <= last AS ordered FROM tarot.audit_report() WHERE table_name LIKE 'public.%'
	ORDER BY table_name COLLATE "C", operation COLLATE "C", role = current_user;
SELECT count(*) FROM tarot.audit_report(until => now() - interval '1 day');
SELECT count(*) FROM tarot.audit_report(since => now() + interval '1 day');
SELECT (SELECT sum(entries) FROM tarot.audit_report(NULL, NULL)) = (SELECT count(*) FROM tarot.audit_log) AS whole,
	(SELECT sum(entries) FROM tarot.audit_report(until => max(recorded_at))) = count(*) - count(*) FILTER (WHERE recorded_at = (SELECT max(recorded_at) FROM tarot.audit_log)) AS before FROM tarot.audit_log;

-- ------------------------------------------------------------ who may
SET ROLE regress_reading_app;
SELECT code($$SELECT tarot.audit_history('people', '{"id": 20}')$$), code($$SELECT tarot.audit_report()$$), code('SELECT tarot.create_audit_indexes()');
SET ROLE regress_reading_auditor;
SELECT count(*) FROM tarot.audit_history('people', '{"id": 20}');
SELECT count(*) > 0 AS some FROM tarot.audit_report();
RESET ROLE;

SET client_min_messages = error;
DROP OWNED BY regress_reading_app, regress_reading_auditor CASCADE;
DROP EXTENSION tarot_security CASCADE;
DROP ROLE regress_reading_app, regress_reading_auditor;

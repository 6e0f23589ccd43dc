-- Reads on record: each way to read a table, what is on record of it, and who may ask for that.
-- The worker runs.
SET client_min_messages = error;
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE EXTENSION tarot_security;
\getenv source PG_ABS_SRCDIR
\i :source/sql/include/attempt.sql
CREATE ROLE regress_reads_app; CREATE ROLE regress_reads_owner; CREATE ROLE regress_reads_officer; CREATE ROLE regress_reads_nobody;
GRANT EXECUTE ON FUNCTION tarot.audit_reads, tarot.unaudit_reads, tarot.audit_class_reads, tarot.unaudit_class_reads TO regress_reads_officer;
GRANT SELECT ON tarot.audited_reads TO regress_reads_officer;
GRANT CREATE ON SCHEMA public TO regress_reads_owner, regress_reads_app;
SELECT tarot.create_key('k') > 0 AS made, tarot.create_class('email', key => 'k', mask => 'email', searchable => true), tarot.create_class('note', key => 'k', mask => 'partial(1,0)'), tarot.create_class('quiet', key => 'k');
SELECT tarot.grant_class('email', 'regress_reads_app', 'plain', search => true), tarot.grant_class('email', 'regress_reads_owner', 'plain', write => true), tarot.grant_class('note', 'regress_reads_app', 'masked'),
	tarot.grant_class('note', 'regress_reads_owner', 'plain', write => true), tarot.grant_class('quiet', 'regress_reads_owner', 'plain', write => true);

SET ROLE regress_reads_owner;
CREATE TABLE person (id int PRIMARY KEY, gone int, name text, email tarot.encrypted_text('email'), amount int);
ALTER TABLE person DROP COLUMN gone;
INSERT INTO person SELECT g, 'n' || g, g || '@example.org', g FROM generate_series(1, 10) g;
CREATE TABLE other (id int PRIMARY KEY, secret tarot.encrypted_text('quiet'));
INSERT INTO other VALUES (1, 'x'), (2, 'y');
CREATE TABLE visit (id int, day int) PARTITION BY RANGE (id);
CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM (0) TO (10);
-- Its columns have other numbers.
CREATE TABLE visit_2 (gone int, day int, id int); ALTER TABLE visit_2 DROP COLUMN gone; ALTER TABLE visit ATTACH PARTITION visit_2 FOR VALUES FROM (10) TO (20);
INSERT INTO visit SELECT g, 100 + g FROM generate_series(1, 19) g;
CREATE TABLE shift (id int, day int) PARTITION BY RANGE (id);
CREATE TABLE shift_1 PARTITION OF shift FOR VALUES FROM (0) TO (10);
CREATE TABLE shift_2 (day int, id int); ALTER TABLE shift ATTACH PARTITION shift_2 FOR VALUES FROM (10) TO (20);
CREATE TABLE animal (id int, weight int); CREATE TABLE cat (lives int) INHERITS (animal);
INSERT INTO animal VALUES (1, 1); INSERT INTO cat VALUES (2, 2, 9);
CREATE TABLE card (id int PRIMARY KEY, note text, place text);
INSERT INTO card VALUES (1, 'abc', 'x'), (2, 'def', 'y'), (3, NULL, 'z');
SELECT tarot.classify_column('card', 'note', 'note');
CREATE TABLE card_open (id int, note text); INSERT INTO card_open VALUES (1, 'abc');
SELECT tarot.classify_column('card_open', 'note', 'note');
CREATE TABLE guarded (id int, owner text); INSERT INTO guarded VALUES (1, 'regress_reads_app');
CREATE TABLE allowed (name text); INSERT INTO allowed VALUES ('regress_reads_app');
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON guarded USING (owner IN (SELECT name FROM allowed));
CREATE TABLE target (id int, what text); CREATE TABLE ref (id int REFERENCES person ON DELETE CASCADE);
CREATE VIEW plain_view AS SELECT id, name FROM person;
CREATE VIEW barrier_view WITH (security_barrier) AS SELECT id, email FROM person WHERE id < 5;
CREATE VIEW view_of_view AS SELECT id FROM plain_view;
CREATE MATERIALIZED VIEW stored AS SELECT id, name FROM person;
CREATE FUNCTION definer(wanted int) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN (SELECT name FROM person WHERE id = wanted); END $$;
CREATE FUNCTION definer_sql(wanted int) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT name FROM public.person WHERE id = wanted $$;
CREATE FUNCTION inlined() RETURNS SETOF int LANGUAGE sql STABLE AS $$ SELECT amount FROM public.person $$;
CREATE FUNCTION each_row() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$ DECLARE r text; BEGIN FOR r IN SELECT name FROM public.person ORDER BY id LOOP RETURN NEXT r; END LOOP; END $$;
CREATE FUNCTION atomic() RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT sum(amount) FROM public.person; END;
CREATE FUNCTION caught() RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM name, 1 / (id - 3) FROM (SELECT * FROM public.person ORDER BY id OFFSET 0) AS p; RETURN 1; EXCEPTION WHEN division_by_zero THEN RETURN 0; END $$;
CREATE FUNCTION looks() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN PERFORM amount FROM public.person; RETURN NULL; END $$;
CREATE TABLE watched (id int); CREATE TRIGGER t AFTER INSERT ON watched FOR EACH ROW EXECUTE FUNCTION looks();
CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$ BEGIN PERFORM id FROM public.person; COMMIT; PERFORM name FROM public.person; END $$;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO regress_reads_app;
GRANT ALL ON person, target, watched, ref TO regress_reads_app;
SELECT tarot.mask_table('card');
RESET ROLE;

-- ------------------------------------------------------------ who may, and what can be asked for
SELECT has_function_privilege('public', f, 'EXECUTE') FROM unnest('{tarot.audit_reads(regclass),tarot.unaudit_reads(regclass),tarot.audit_class_reads(text),tarot.unaudit_class_reads(text)}'::text[]) AS f;
SET ROLE regress_reads_owner;
SELECT code($$SELECT tarot.audit_reads('person')$$), code($$SELECT tarot.audit_class_reads('email')$$), code('TABLE tarot.audited_reads'), code($$INSERT INTO tarot.audited_read VALUES ('person')$$);
SET ROLE regress_reads_officer;
SELECT run(format('SELECT tarot.audit_reads(%L)', t)) FROM unnest('{plain_view,person_pkey,pg_class,0,99}'::text[]) AS t;
SELECT run('SELECT tarot.audit_reads(NULL)'), run($$SELECT tarot.audit_class_reads('nothing')$$), run($$SELECT tarot.audit_class_reads(NULL)$$), run($$SELECT tarot.unaudit_reads('person')$$), run($$SELECT tarot.unaudit_class_reads('email')$$);
RESET ROLE;

-- ------------------------------------------------------------ each way, by the name that the client has then
CREATE TABLE way (n serial, name text UNIQUE, role text, statements text[]);
COPY way (name, role, statements) FROM stdin (DELIMITER '|');
columns|app|{"SELECT name, amount FROM person WHERE id < 3"}
all columns|app|{"SELECT * FROM person LIMIT 4"}
whole row|app|{"SELECT p FROM person p LIMIT 1"}
no column|app|{"SELECT count(*) FROM person"}
system column|app|{"SELECT ctid FROM person LIMIT 1"}
no rows|app|{"SELECT name FROM person WHERE id = 99"}
never true|app|{"SELECT name FROM person WHERE false"}
only in the condition|app|{"SELECT 1 FROM person WHERE amount = 3"}
only in the order|app|{"SELECT 1 FROM person ORDER BY amount LIMIT 1"}
found by its value|app|{"SELECT id FROM person WHERE email = '3@example.org'"}
view|app|{"SELECT name FROM plain_view"}
view of a view|app|{"SELECT id FROM view_of_view"}
barrier view|app|{"SELECT * FROM barrier_view"}
materialized view refreshed|owner|{"REFRESH MATERIALIZED VIEW stored"}
materialized view read|app|{"SELECT * FROM stored"}
security definer|app|{"SELECT definer(3)"}
security definer in SQL|app|{"SELECT definer_sql(3)"}
thousand calls|app|{"SELECT count(definer(g % 10)) FROM generate_series(1, 1000) g"}
inlined|app|{"SELECT count(*) FROM inlined()"}
rows of a function|app|{"SELECT count(*) FROM each_row()"}
body in the standard's form|app|{"SELECT atomic()"}
block|app|{"DO $$ BEGIN PERFORM name FROM person; PERFORM amount FROM person; END $$"}
prepared|app|{"PREPARE s AS SELECT name FROM person WHERE id = $1","EXECUTE s(1)","EXECUTE s(2)"}
cursor|app|{"BEGIN","DECLARE c CURSOR FOR SELECT name FROM person ORDER BY id","FETCH 2 FROM c","FETCH 3 FROM c","CLOSE c","COMMIT"}
cursor with hold|app|{"BEGIN","DECLARE h CURSOR WITH HOLD FOR SELECT name FROM person","COMMIT","FETCH 1 FROM h","CLOSE h"}
COPY of the table|app|{"COPY person TO stdout"}
COPY of columns|app|{"COPY person (id, name) TO stdout"}
COPY of a query|app|{"COPY (SELECT amount FROM person) TO stdout"}
COPY of a guarded table|app|{"COPY guarded TO stdout"}
UPDATE|app|{"UPDATE person SET amount = amount WHERE name = 'n3'"}
UPDATE that reads nothing|app|{"UPDATE person SET amount = 1"}
UPDATE RETURNING|app|{"UPDATE person SET amount = 1 RETURNING email"}
DELETE RETURNING|app|{"BEGIN","DELETE FROM person RETURNING id, name","ROLLBACK"}
DELETE that reads nothing|app|{"BEGIN","DELETE FROM person","ROLLBACK"}
MERGE|app|{"MERGE INTO target USING person p ON target.id = p.id WHEN NOT MATCHED THEN INSERT VALUES (p.id, p.name)"}
MERGE into it|app|{"MERGE INTO person USING target t ON person.id = t.id WHEN MATCHED THEN UPDATE SET name = t.what"}
INSERT SELECT|app|{"INSERT INTO target SELECT id, name FROM person"}
INSERT|app|{"BEGIN","INSERT INTO person VALUES (20, 'x', NULL, 1)","ROLLBACK"}
CREATE TABLE AS|app|{"CREATE TABLE copy_of AS SELECT id FROM person"}
CREATE TABLE AS without data|app|{"CREATE TABLE empty_copy AS SELECT id FROM person WITH NO DATA"}
foreign key|app|{"INSERT INTO ref VALUES (1)","DELETE FROM ref"}
subquery|app|{"SELECT (SELECT max(amount) FROM person)"}
CTE|app|{"WITH p AS MATERIALIZED (SELECT name FROM person) SELECT count(*) FROM p"}
writing CTE|app|{"WITH p AS (UPDATE person SET amount = 1 RETURNING name) SELECT count(*) FROM p"}
twice|app|{"SELECT count(*) FROM person a JOIN person b ON a.id = b.amount"}
row policy|app|{"SELECT id FROM guarded"}
partitions|app|{"SELECT day FROM visit"}
one partition|app|{"SELECT day FROM visit WHERE id = 15"}
partition directly|app|{"SELECT day FROM visit_2"}
the partition that is on record|app|{"SELECT id FROM shift"}
another partition|app|{"SELECT id FROM shift WHERE id < 5"}
children|app|{"SELECT weight FROM animal"}
without children|app|{"SELECT weight FROM ONLY animal"}
child directly|app|{"SELECT lives FROM cat"}
TABLESAMPLE|app|{"SELECT name FROM person TABLESAMPLE bernoulli (100)"}
query_to_xml|app|{"SELECT length(query_to_xml('SELECT name FROM person', false, false, '')::text) > 0"}
EXPLAIN|app|{"EXPLAIN (COSTS off) SELECT name FROM person"}
EXPLAIN ANALYZE|app|{"EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT name FROM person"}
read, then failed|app|{"SELECT name, 1 / (id - 6) FROM (SELECT * FROM person ORDER BY id OFFSET 0) AS p"}
failed and caught|app|{"SELECT caught()"}
rolled back|app|{"BEGIN","SELECT name FROM person LIMIT 1","ROLLBACK"}
read only|app|{"BEGIN READ ONLY","SELECT name FROM person LIMIT 1","COMMIT"}
not allowed|nobody|{"SELECT name FROM person","COPY person TO stdout"}
trigger|app|{"INSERT INTO watched SELECT generate_series(1, 100)"}
procedure that commits|app|{"CALL commits()"}
ALTER TABLE USING|owner|{"BEGIN","ALTER TABLE visit ALTER day TYPE bigint USING day + id","ROLLBACK"}
ALTER TABLE|owner|{"BEGIN","ALTER TABLE person ADD x int","ROLLBACK"}
FOR UPDATE|app|{"BEGIN","SELECT id FROM person WHERE id = 1 FOR UPDATE","ROLLBACK"}
lateral and set operation|app|{"SELECT id FROM person UNION ALL SELECT amount FROM person"}
masked|app|{"SELECT note FROM card"}
masked row|app|{"SELECT c FROM card c"}
masked, compared|app|{"SELECT id FROM card WHERE note = 'abc'"}
masked, without the class|app|{"SELECT place FROM card"}
masked, through COPY|owner|{"COPY card TO stdout"}
masked, plain|owner|{"SELECT note FROM card"}
not masked|app|{"SELECT note FROM card_open"}
class refused|nobody|{"SELECT email FROM barrier_view"}
not on record|app|{"SELECT * FROM other","SELECT secret FROM other"}
catalog|app|{"SELECT count(*) > 0 FROM pg_class"}
\.
GRANT SELECT ON barrier_view TO regress_reads_nobody;
-- A plan that is older than the wish is on record, too.
SET ROLE regress_reads_app;
SET plan_cache_mode = force_generic_plan;
PREPARE old AS SELECT name FROM person WHERE id = $1;
EXECUTE old(1);
RESET ROLE;
INSERT INTO way (name, role, statements) VALUES ('prepared before', 'app', '{EXECUTE old(1)}');
SET ROLE regress_reads_officer;
SELECT tarot.audit_reads(t::regclass) FROM unnest('{person,visit,shift_2,animal,allowed,guarded}'::text[]) AS t;
SELECT tarot.audit_class_reads('email'), tarot.audit_class_reads('note'), tarot.audit_class_reads('note');
SELECT * FROM tarot.audited_reads ORDER BY "table"::text, class;
RESET ROLE;
\o /dev/null
SELECT s.statement FROM way, LATERAL (SELECT 0, format('SET application_name = %L', name) UNION ALL SELECT 0.5, format('SET ROLE regress_reads_%s', role) UNION ALL SELECT i, s FROM unnest(statements) WITH ORDINALITY AS u (s, i) UNION ALL SELECT 99, 'RESET ROLE') AS s (i, statement)
	ORDER BY way.n, s.i \gexec
\o
RESET application_name;
SELECT tarot.flush_events('3 min');
SELECT way.name, e.action || CASE e.status WHEN 'success' THEN '' ELSE ' ' || e.status END AS action, replace(e.role, 'regress_reads_', '') || CASE WHEN e.session_role <> session_user THEN ' of another' ELSE '' END AS role,
	coalesce(replace(e.details->>'table', 'public.', ''), e.details->>'class') AS what, CASE WHEN e.details ? 'table' THEN (SELECT string_agg(c, ' ') FROM jsonb_array_elements_text(e.details->'columns') c) ELSE e.details->>'columns' END AS columns,
	e.details->'rows' AS rows, e.details->'runs' AS runs, concat_ws('/', e.details->>'plain', e.details->>'masked', e.details->>'refused') AS "shown"
	FROM way LEFT JOIN tarot.security_event e ON e.application = way.name AND e.event_type = 'READ' ORDER BY way.n, e.recorded_by, e.number;

-- ------------------------------------------------------------ whose, and what for
-- What was read by one identity is told of it, also when the statement ends as nobody; and a purpose likewise.
SELECT tarot.create_issuer('idp', 'https://id.example.org', ARRAY['shop'], secret => 'a secret of thirty-two bytes or more', subject_prefix => 'idp:');
SELECT tarot.sign_jwt('{"sub": "zoé"}', 'idp') AS token \gset
CREATE FUNCTION signs_out() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
	PERFORM name FROM person;
	PERFORM tarot.sign_out(), set_config('tarot_security.purpose', 'none "of" yours', true);
	PERFORM name FROM person;
END $$;
SET application_name = 'whose';
BEGIN;
SELECT tarot.authenticate(:'token') \g /dev/null
SET LOCAL tarot_security.purpose = 'billing';
SET LOCAL ROLE regress_reads_app;
SELECT count(email::text) FROM person;
SELECT signs_out();
COMMIT;
RESET application_name;
SELECT tarot.flush_events('3 min');
SELECT role, session_role = session_user AS mine, subject, action, details->>'table' AS table, details->>'class' AS class, details->'plain' AS plain, details->>'purpose' AS purpose FROM tarot.security_event WHERE application = 'whose' AND event_type = 'READ' ORDER BY recorded_by, number;

-- However often the same purpose or identity is stated, it is told once; back and forth is no more than two.
CREATE FUNCTION states_it(purposes text[], token text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
	FOR i IN 1 .. 100 LOOP
		PERFORM set_config('tarot_security.purpose', purposes[1 + i % cardinality(purposes)], true);
		PERFORM tarot.authenticate(token);
		PERFORM count(email::text) FROM person;
	END LOOP;
END $$;
SET application_name = 'loop';
SELECT states_it('{care}', :'token');
SELECT states_it('{care,billing}', :'token');
RESET application_name;
SELECT tarot.flush_events('3 min');
SELECT subject, details->>'table' AS table, details->>'class' AS class, details->>'purpose' AS purpose, details->'rows' AS rows, details->'runs' AS runs, count(*) FROM tarot.security_event WHERE application = 'loop' AND event_type = 'READ' GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 2, 3, 4, 6;

-- ------------------------------------------------------------ no values
SELECT count(*) FROM tarot.security_event e WHERE e.event_type = 'READ' AND e.details::text ~ 'example.org|n3|abc';
-- More columns than an event has room for.
DO $$ BEGIN EXECUTE 'CREATE TABLE wide (' || (SELECT string_agg(format('%I int', repeat('"', 20) || g), ', ') FROM generate_series(1, 200) g) || ')'; END $$;
SELECT tarot.audit_reads('wide');
SET application_name = 'wide';
SET tarot_security.purpose = '""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""""';
TABLE wide \g /dev/null
RESET tarot_security.purpose;
RESET application_name;
SELECT tarot.flush_events('3 min');
SELECT cut, jsonb_array_length(details->'columns') + (details->>'more_columns')::int AS columns, jsonb_array_length(details->'columns') > 5 AS some, details->'all_columns' AS all_columns, length(details->>'purpose') AS purpose FROM tarot.security_event WHERE application = 'wide' AND event_type = 'READ';

-- ------------------------------------------------------------ what happens to tables
CREATE FUNCTION reads_of(wanted text) RETURNS TABLE (what text, columns text, role text) LANGUAGE plpgsql AS $$ BEGIN
	PERFORM tarot.flush_events('3 min');
	RETURN QUERY SELECT coalesce(e.details->>'table', e.details->>'class'), e.details->>'columns', replace(e.role, session_user, 'super') FROM tarot.security_event e WHERE e.event_type = 'READ' AND e.application = wanted ORDER BY e.recorded_by, e.number;
END $$;
CREATE SCHEMA moved;
ALTER TABLE person RENAME amount TO total; ALTER TABLE person RENAME TO customer; ALTER TABLE customer SET SCHEMA moved; ALTER SCHEMA moved RENAME TO "Moved";
SET application_name = 'renamed';
SELECT total FROM "Moved".customer LIMIT 1 \g /dev/null
RESET application_name;
SELECT * FROM reads_of('renamed');
-- Partitions that come later, and those that go.
SET ROLE regress_reads_owner;
CREATE TABLE visit_3 PARTITION OF visit FOR VALUES FROM (20) TO (30);
CREATE TABLE visit_4 (id int, day int);
ALTER TABLE visit ATTACH PARTITION visit_4 FOR VALUES FROM (30) TO (40);
ALTER TABLE visit DETACH PARTITION visit_1;
ALTER TABLE visit DETACH PARTITION visit_3;
ALTER TABLE cat NO INHERIT animal;
CREATE TABLE kitten () INHERITS (cat);
SET application_name = 'taken';
TABLE visit_1; TABLE visit_3; TABLE visit_4; SELECT lives FROM cat; SELECT lives FROM kitten;
RESET application_name;
RESET ROLE;
SELECT * FROM reads_of('taken');
SELECT * FROM tarot.audited_reads WHERE class IS NULL ORDER BY "table"::text COLLATE "C";
SET ROLE regress_reads_officer;
SELECT run($$SELECT tarot.unaudit_reads('visit_4')$$), run($$SELECT tarot.unaudit_reads('visit_1')$$), run($$SELECT tarot.unaudit_reads('visit')$$), run($$SELECT tarot.unaudit_reads('visit')$$), run($$SELECT tarot.unaudit_class_reads('note')$$);
RESET ROLE;
-- A column that gets a class; a class that is asked for again counts from then on.
SET application_name = 'asked again';
SELECT count(email::text) FROM "Moved".customer;
SELECT tarot.unaudit_class_reads('email');
SELECT count(email::text) FROM "Moved".customer;
SELECT tarot.audit_class_reads('email');
SELECT tarot.classify_column('other', 'id', 'email');
SELECT id FROM other WHERE id = 1;
BEGIN;
SELECT tarot.audit_reads('target');
SELECT count(*) FROM target;
ROLLBACK;
SELECT count(*) FROM target;
RESET application_name;
SELECT * FROM reads_of('asked again');
-- Dropped, it is forgotten.
DROP TABLE visit_1, shift; DROP SCHEMA "Moved" CASCADE;
SELECT * FROM tarot.audited_reads WHERE class IS NULL ORDER BY "table"::text COLLATE "C";

-- ------------------------------------------------------------ on record
SELECT operation, table_name, coalesce(new, old)->>'class' AS class, count(*) FROM tarot.audit_log WHERE table_name LIKE 'tarot.audited%read' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- ------------------------------------------------------------ what the log tells
SELECT table_name, class, replace(role, 'regress_reads_', '') AS role, subject, purpose, statements, failed, rows, plain, masked, refused, first <= last AS ordered FROM tarot.read_report() WHERE role <> session_user AND (table_name IN ('public.person', 'public.guarded') OR class IS NOT NULL);
SELECT table_name, "column", events > 0 AS some, last IS NOT NULL AS known FROM tarot.columns_read() WHERE table_name <> 'public.wide';
SELECT count(*) > 5 AS some, count(*) FILTER (WHERE "column" IS NULL) AS others FROM tarot.columns_read() WHERE table_name = 'public.wide';
SELECT count(*) FROM tarot.read_report(until => now() - interval '1 day');
SELECT (SELECT sum(statements) FROM tarot.read_report(NULL, NULL)) = (SELECT sum(count) FROM tarot.security_event WHERE event_type = 'READ') AS whole, (SELECT count(*) FROM tarot.columns_read(since => now() + interval '1 day')) AS later;
-- Refused is not read, with an error or without: not by the table, nor by the class. Masks are, and what is searched or was not found.
CREATE TABLE locker (id int, email tarot.encrypted_text('email'), secret tarot.encrypted_text('quiet'), note text, place text);
SELECT tarot.classify_column('locker', 'note', 'note'), tarot.mask_table('locker');
ALTER TABLE locker OWNER TO regress_reads_owner;
SET ROLE regress_reads_owner;
INSERT INTO locker SELECT g, g || '@example.org', 's' || g, 'note ' || g, 'hall' FROM generate_series(1, 3) g;
GRANT SELECT ON locker TO regress_reads_app, regress_reads_nobody;
RESET ROLE;
SELECT tarot.audit_reads('locker');
CREATE FUNCTION columns_of(since timestamptz) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
	PERFORM tarot.flush_events('3 min');
	RETURN (SELECT string_agg("column", ' ' ORDER BY "column") FROM tarot.columns_read(since) WHERE table_name = 'public.locker');
END $$;
CREATE FUNCTION tries(statement text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE statement; RETURN 'done'; EXCEPTION WHEN insufficient_privilege THEN RETURN SQLSTATE; END $$;
SELECT clock_timestamp() AS since \gset
SET ROLE regress_reads_nobody;
SELECT id, email, secret FROM locker ORDER BY id;
SELECT note FROM locker;
SELECT place, note FROM locker;
SELECT tries('SELECT count(note) FROM locker');
COPY locker (email) TO stdout;
COPY (SELECT secret FROM locker) TO stdout;
RESET ROLE;
SELECT columns_of(:'since');
SELECT action, status, details->>'class' AS class, details->'refused_columns' AS refused_columns, details->'all_refused' AS all_refused FROM tarot.security_event
	WHERE event_type = 'READ' AND recorded_at >= :'since' AND (details->>'table' = 'public.locker' OR details->'columns' ? 'public.locker') ORDER BY recorded_by, number;
-- The next statement is told of by itself.
SELECT clock_timestamp() AS since \gset
SET ROLE regress_reads_owner;
SELECT secret FROM locker WHERE id = 1;
SET ROLE regress_reads_nobody;
SELECT email FROM locker WHERE id = 99;
RESET ROLE;
SELECT columns_of(:'since');
SELECT clock_timestamp() AS since \gset
SET ROLE regress_reads_app;
SELECT id FROM locker WHERE email = '2@example.org';
SELECT note FROM locker WHERE id = 1;
SELECT place, 1 / (id - 3) FROM (SELECT id, place FROM locker ORDER BY id OFFSET 0) AS l;
RESET ROLE;
SELECT columns_of(:'since');
-- Who may search and sees nothing has read what was compared, by an index, a sort, or a row at a time; but not what the next statement shows nothing of, or what was planned.
SELECT tarot.grant_class('email', 'regress_reads_nobody', 'none', search => true);
CREATE INDEX ON locker (email);
CREATE FUNCTION compares() RETURNS boolean LANGUAGE plpgsql AS $$ DECLARE a tarot.encrypted_text; b tarot.encrypted_text; shown text; BEGIN
	a := (SELECT email FROM locker WHERE id = 2);
	b := (SELECT email FROM locker WHERE id = 3);
	shown := a;
	RETURN a = b;
END $$;
CREATE TABLE comparing (n serial, statements text[]);
INSERT INTO comparing (statements) VALUES
	('{"SELECT id, email FROM locker WHERE email = ''2@example.org''"}'),
	('{"SET enable_seqscan = off", "SELECT id, email FROM locker WHERE email = ''2@example.org''", "RESET enable_seqscan"}'),
	('{"SELECT email FROM locker WHERE id < 2 AND email IN (''2@example.org'', ''3@example.org'')", "SELECT email FROM locker WHERE id = 1"}'),
	('{"SELECT a.email FROM locker a, locker b WHERE ARRAY[a.email] = ARRAY[b.email] OR a.id = 1"}'),
	('{"SELECT email FROM locker GROUP BY email"}'),
	('{"SELECT a.email FROM locker a JOIN locker b ON a.email = b.email"}'),
	('{"SELECT compares()"}'),
	('{"BEGIN", "DECLARE c CURSOR FOR SELECT email FROM locker WHERE email = ''2@example.org''", "FETCH c", "ROLLBACK"}'),
	('{"EXPLAIN SELECT id, email FROM locker WHERE email = ''2@example.org''", "SELECT email FROM locker WHERE id = 1"}');
\o /dev/null
SELECT s.statement FROM comparing, LATERAL (SELECT 0, format('SET application_name = %L', 'compares ' || n) UNION ALL SELECT 0.5, 'SET ROLE regress_reads_nobody' UNION ALL SELECT i, s FROM unnest(statements) WITH ORDINALITY AS u (s, i) UNION ALL SELECT 99, 'RESET ROLE') AS s (i, statement)
	ORDER BY comparing.n, s.i \gexec
\o
RESET application_name;
SELECT tarot.flush_events('3 min');
SELECT c.n, coalesce(e.details->>'table', e.details->>'class') AS what, e.details->>'refused' AS refused, e.details->>'searched' AS searched, coalesce(e.details->>'refused_columns', e.details->>'all_refused') AS unread
	FROM comparing c LEFT JOIN tarot.security_event e ON e.application = 'compares ' || c.n AND e.event_type = 'READ' ORDER BY c.n, e.recorded_by, e.number;
DROP TABLE comparing; DROP FUNCTION compares;
SELECT clock_timestamp() AS since \gset
SET ROLE regress_reads_nobody;
SELECT id, email FROM locker WHERE email = '2@example.org';
RESET ROLE;
SELECT columns_of(:'since');
-- What fails has read, without a row, too: whether it fails tells of the value.
SELECT clock_timestamp() AS since \gset
SET ROLE regress_reads_app;
SELECT 1 / (length(place) - 4) FROM locker;
RESET ROLE;
SELECT columns_of(:'since');
SELECT clock_timestamp() AS since \gset
SET ROLE regress_reads_owner;
SELECT id FROM locker WHERE 1 / (right(secret::text, 1)::int - 1) > 0;
RESET ROLE;
SELECT columns_of(:'since');
-- But not for who was refused: without a purpose that the class asks for, or where a mask would be written.
SELECT tarot.set_class_purposes(c, '{}') FROM unnest('{quiet,note}'::text[]) AS c;
GRANT UPDATE ON locker TO regress_reads_app; SELECT tarot.grant_class('note', 'regress_reads_app', 'masked', write => true);
SELECT clock_timestamp() AS since \gset
SET ROLE regress_reads_owner;
SELECT secret FROM locker WHERE id = 1;
SELECT note FROM locker WHERE id = 1;
SET ROLE regress_reads_app;
UPDATE locker SET note = note || 'x' WHERE id = 1;
RESET ROLE;
SELECT columns_of(:'since');
SELECT tarot.set_class_purposes(c, NULL) FROM unnest('{quiet,note}'::text[]) AS c;
DROP TABLE locker; DROP FUNCTION columns_of, tries;
-- What fails in the same way again and again is one event, and as many statements.
CREATE TABLE again AS SELECT 1 AS id; SELECT tarot.audit_reads('again');
SELECT clock_timestamp() AS since \gset
SELECT 1 / (id - id) FROM again;
SELECT 1 / (id - id) FROM again;
SELECT 1 / (id - id) FROM again;
SELECT tarot.flush_events('3 min');
SELECT statements, failed, last >= first AS ordered FROM tarot.read_report(:'since') WHERE table_name = 'public.again';
DROP TABLE again;
-- What an application says counts for nothing.
SELECT tarot.log_security_event('READ', NULL, 'select', 'success', '{"table": "public.invented", "columns": ["x"]}'), tarot.flush_events('3 min');
SELECT count(*) FROM tarot.read_report() WHERE table_name = 'public.invented';
SET ROLE regress_reads_officer;
SELECT code('SELECT * FROM tarot.read_report()'), code('SELECT * FROM tarot.columns_read()');
RESET ROLE;

-- Nothing is asked for any more.
SELECT tarot.unaudit_reads("table") FROM (SELECT "table" FROM tarot.audited_reads a WHERE "table" IS NOT NULL AND NOT EXISTS (SELECT FROM pg_inherits i JOIN tarot.audited_read r ON r.relation = i.inhparent WHERE i.inhrelid = a."table")) AS t;
SELECT tarot.unaudit_class_reads(class) FROM (SELECT class FROM tarot.audited_reads WHERE class IS NOT NULL) AS c;
TABLE tarot.audited_reads;
SET application_name = 'nothing';
SELECT id FROM other WHERE id = 1;
RESET application_name;
SELECT * FROM reads_of('nothing');
DROP EXTENSION tarot_security CASCADE;
DROP OWNED BY regress_reads_app, regress_reads_owner, regress_reads_officer, regress_reads_nobody;
DROP ROLE regress_reads_app, regress_reads_owner, regress_reads_officer, regress_reads_nobody;

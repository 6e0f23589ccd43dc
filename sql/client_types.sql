-- What the client's own statements return: base types, whatever their form; and where the encrypted type must stay.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'
CREATE ROLE tarot_client_plain;
CREATE ROLE tarot_client_masked;
GRANT CREATE ON SCHEMA public TO tarot_client_plain, tarot_client_masked;
SELECT tarot.create_key('profile') > 0 AS created, tarot.create_class('email', 'profile', 'email'), tarot.create_class('secret', 'profile', 'null'),
	tarot.grant_class('email', 'tarot_client_plain', 'plain'), tarot.grant_class('secret', 'tarot_client_plain', 'plain'),
	tarot.grant_class('email', 'tarot_client_masked', 'masked'), tarot.grant_class('secret', 'tarot_client_masked', 'masked');
SET ROLE tarot_client_plain;
CREATE DOMAIN mailbox AS tarot.encrypted_text('email');
CREATE TYPE contact AS (kind text, address tarot.encrypted_text('email'));
CREATE TABLE customer (id int PRIMARY KEY, email tarot.encrypted_text('email'), secret tarot.encrypted_text('secret'),
	many tarot.encrypted_text('email')[], box mailbox, boxes mailbox[], one contact);
GRANT ALL ON customer TO tarot_client_masked;
INSERT INTO customer VALUES (1, 'ada@example.org', 's1', '{ada@example.org,NULL}', 'ada@example.org', '{ada@example.org}', '(home,ada@example.org)'),
	(2, 'bob@example.org', 's2', NULL, NULL, NULL, NULL);

-- ------------------------------------------------------------ base types

SELECT * FROM customer \gdesc
SELECT * FROM customer ORDER BY id;
TABLE customer \gdesc
SELECT c, c.email, (one).address, ROW(email), many[1], many[1:1], unnest(many) FROM customer c \gdesc
SELECT c.*, coalesce(c.email, 'none'), CASE WHEN id = 1 THEN secret END, (SELECT email FROM customer LIMIT 1) FROM customer c \gdesc
SELECT email FROM customer UNION ALL SELECT secret FROM customer \gdesc
SELECT email FROM customer UNION ALL SELECT secret FROM customer;
(SELECT email FROM customer WHERE id = 1) UNION ALL (SELECT email FROM customer WHERE id = 2) LIMIT 1;
VALUES (1, 'x'::tarot.encrypted_text('email')) \gdesc
VALUES (1, 'x'::tarot.encrypted_text('email'));
WITH c AS MATERIALIZED (SELECT * FROM customer) SELECT email FROM c WHERE id = 1 \gdesc
WITH added AS (INSERT INTO customer (id, email) VALUES (3, 'cat@example.org') RETURNING email) SELECT email FROM added UNION ALL SELECT email FROM added;
DELETE FROM customer WHERE id = 3 RETURNING id, email, many \gdesc
DELETE FROM customer WHERE id = 3 RETURNING id, email, many;
INSERT INTO customer (id, email) VALUES (4, 'dan@example.org') RETURNING email, email AS again, upper(email) \gdesc
INSERT INTO customer (id, email) VALUES (4, 'dan@example.org') RETURNING email, email AS again, upper(email);
UPDATE customer SET secret = 'new' WHERE id = 4 RETURNING * \gdesc
INSERT INTO customer (id, email) VALUES (4, 'x') ON CONFLICT (id) DO UPDATE SET secret = excluded.email RETURNING secret;
DELETE FROM customer WHERE id = 4;
SELECT email, id FROM customer WHERE id = 1 FOR UPDATE;
SELECT email, row_number() OVER (ORDER BY id) FROM customer \gdesc
SELECT email FROM customer ORDER BY id DESC LIMIT 1;

-- A literal shows itself; a mask that is NULL is NULL.
INSERT INTO customer (id) VALUES (3);
SELECT coalesce(email, 'none'), coalesce(NULL, 'none'::tarot.encrypted_text) FROM customer WHERE id > 1 ORDER BY id;
SET ROLE tarot_client_masked;
SELECT id, email, secret, secret IS NULL AS null, many, box, boxes, one, coalesce(email, 'none') FROM customer ORDER BY id;
RESET ROLE;
SELECT id, email, secret, coalesce(NULL, 'none'::tarot.encrypted_text) FROM customer ORDER BY id;
SET ROLE tarot_client_plain;
SET tarot_security.client_types = encrypted;
SELECT coalesce(email, 'none'), coalesce(email::text, 'none') FROM customer WHERE id = 3;
RESET tarot_security.client_types;
DELETE FROM customer WHERE id = 3;

-- EXPLAIN plans what runs.
EXPLAIN (COSTS off) SELECT email FROM customer;
EXPLAIN (ANALYZE) SELECT email FROM customer \g /dev/null

-- Cursors.
BEGIN;
DECLARE plain CURSOR FOR SELECT id, email FROM customer ORDER BY id;
FETCH 1 FROM plain \gdesc
FETCH 1 FROM plain;
UPDATE customer SET secret = 'by cursor' WHERE CURRENT OF plain RETURNING id, secret;
DECLARE held SCROLL CURSOR WITH HOLD FOR SELECT id, email FROM customer ORDER BY id;
COMMIT;
FETCH ALL FROM held \gdesc
FETCH LAST FROM held;
FETCH PRIOR FROM held;
CLOSE held;

-- PREPARE and EXECUTE, also when the plan is made anew.
PREPARE find (int) AS SELECT email, many FROM customer WHERE id = $1;
EXECUTE find (1) \gdesc
EXECUTE find (1);
PREPARE change (int, text) AS UPDATE customer SET email = $2 WHERE id = $1 RETURNING email;
EXECUTE change (2, 'bobby@example.org');
PREPARE literal AS SELECT $1::tarot.encrypted_text('email') AS value;
EXECUTE literal ('lit@example.org');
ALTER TABLE customer ADD added int;
EXECUTE find (1);
EXECUTE change (2, 'bob@example.org');
SET plan_cache_mode = force_generic_plan;
ALTER TABLE customer DROP added;
EXPLAIN (VERBOSE, COSTS off) EXECUTE find (1);
EXECUTE find (1);
RESET plan_cache_mode;
-- A function prepares and executes for the session.
DO $$ BEGIN EXECUTE 'PREPARE inside AS SELECT email FROM customer WHERE id = 1'; EXECUTE 'EXECUTE inside'; END $$;
EXECUTE inside \gdesc
ALTER TABLE customer ADD added int;
EXECUTE inside;
DO $$ DECLARE value text; BEGIN EXECUTE 'EXECUTE inside' INTO value; END $$;
ALTER TABLE customer DROP added;
DO $$ DECLARE value text; BEGIN EXECUTE 'EXECUTE inside' INTO value; END $$;
EXECUTE inside;

-- ------------------------------------------------------------ where the type stays

-- Whether all values of a table's column "email" are envelopes.
CREATE FUNCTION sealed(in_table regclass) RETURNS text LANGUAGE plpgsql SET tarot_security.io = envelope AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE format('SELECT format_type(atttypid, atttypmod) || '' '' || (SELECT bool_and(format(''%%s'', email) LIKE ''$tarot1$%%'') FROM %s t)
		FROM pg_attribute WHERE attrelid = %L::regclass AND attname = ''email''', in_table, in_table) INTO answer;
	RETURN answer;
END
$$;
SELECT sealed('customer');
CREATE TABLE by_ctas AS SELECT id, email FROM customer;
CREATE TABLE by_union AS SELECT email FROM customer UNION ALL SELECT email FROM customer;
SELECT id, email INTO by_into FROM customer;
CREATE MATERIALIZED VIEW by_matview AS SELECT id, email FROM customer;
REFRESH MATERIALIZED VIEW by_matview;
CREATE VIEW by_view AS SELECT id, email FROM customer;
EXPLAIN (ANALYZE) CREATE TABLE by_explain AS SELECT id, email FROM customer \g /dev/null
CREATE TABLE by_insert (LIKE customer);
INSERT INTO by_insert SELECT * FROM customer;
INSERT INTO by_insert (id, email) SELECT id, email FROM by_view RETURNING email;
MERGE INTO by_insert b USING (SELECT id, email FROM customer) c ON b.id = c.id + 10 WHEN NOT MATCHED THEN INSERT (id, email) VALUES (c.id + 10, c.email);
CREATE FUNCTION of_sql() RETURNS SETOF tarot.encrypted_text LANGUAGE sql STABLE AS 'SELECT email FROM public.customer ORDER BY id';
CREATE FUNCTION of_sql_row() RETURNS SETOF by_ctas LANGUAGE sql STABLE AS 'SELECT id, email FROM public.customer';
CREATE FUNCTION of_body() RETURNS SETOF tarot.encrypted_text LANGUAGE sql STABLE BEGIN ATOMIC SELECT email FROM customer ORDER BY id; END;
CREATE FUNCTION of_plpgsql() RETURNS SETOF tarot.encrypted_text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT email FROM customer ORDER BY id; RETURN QUERY EXECUTE 'SELECT email FROM customer ORDER BY id'; END $$;
CREATE FUNCTION of_stable(who int) RETURNS tarot.encrypted_text LANGUAGE plpgsql IMMUTABLE AS $$ DECLARE value record; BEGIN SELECT email INTO value FROM customer WHERE id = who; RETURN value.email; END $$;
CREATE TABLE by_function AS SELECT f::tarot.encrypted_text('email') AS email
	FROM (SELECT of_sql() AS f UNION ALL SELECT of_body() UNION ALL SELECT of_plpgsql() UNION ALL SELECT of_stable(1) UNION ALL SELECT email FROM of_sql_row()) AS all_of_them;
PREPARE insert_all AS INSERT INTO by_insert (id, email) SELECT id + 20, email FROM customer RETURNING email;
EXECUTE insert_all;
SELECT t, sealed(t) FROM unnest(ARRAY['by_ctas', 'by_union', 'by_into', 'by_matview', 'by_view', 'by_explain', 'by_insert', 'by_function']::regclass[]) AS t;
-- What a function gives is cast where the client sees it.
SELECT of_sql() \gdesc
SELECT of_sql();
SELECT * FROM of_sql_row() \gdesc
SELECT * FROM of_sql_row() ORDER BY id;
SELECT of_stable(1), f FROM of_plpgsql() AS f \gdesc
SELECT of_stable(1), f FROM of_body() AS f;
COPY (SELECT email FROM customer WHERE id = 1) TO stdout;

-- A prepared statement returns base types to the client, so it is nothing to make a table of.
SELECT run('CREATE TABLE by_execute AS EXECUTE find (1)') AS ctas, run('CREATE TABLE IF NOT EXISTS by_execute AS EXECUTE find (1) WITH NO DATA') AS no_data,
	run('EXPLAIN ANALYZE CREATE TABLE by_execute AS EXECUTE find (1)') AS explain, run('CREATE TABLE by_execute AS EXECUTE nobody') AS unknown;
CREATE TABLE by_execute AS EXECUTE find (1);
PREPARE united AS SELECT many FROM customer UNION ALL SELECT many FROM customer;
CREATE TABLE by_execute AS EXECUTE united;
SELECT to_regclass('by_execute') AS made;
-- Who asks for text gets it, as ever.
PREPARE texts AS SELECT email::text, upper(email) FROM customer WHERE id = 1;
CREATE TABLE by_text AS EXECUTE texts;
SET tarot_security.client_types = encrypted;
PREPARE find_encrypted (int) AS SELECT email FROM customer WHERE id = $1;
EXECUTE find_encrypted (1) \gdesc
EXECUTE find_encrypted (1);
CREATE TABLE by_execute AS EXECUTE find_encrypted (1);
SELECT sealed('by_execute');
SELECT * FROM customer \gdesc
-- What was prepared keeps its types; made anew it is an error, as for any other change of them.
EXECUTE find (1) \gdesc
EXECUTE find (1);
ALTER TABLE customer ADD added int;
EXECUTE find (1);
RESET tarot_security.client_types;
EXECUTE find (1);
ALTER TABLE customer DROP added;
EXECUTE find_encrypted (1);

-- PL/pgSQL's own queries, wherever they are analyzed: while a statement runs, is planned, or has its constants read; in triggers after it, at the
-- transaction's end. By a record's field one sees the type.
CREATE FUNCTION seen() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	value record;
	by_cursor refcursor;
BEGIN
	SELECT email INTO value FROM customer WHERE id = 1;
	OPEN by_cursor FOR SELECT email FROM customer;
	FETCH by_cursor INTO value;
	CLOSE by_cursor;
	RETURN pg_typeof(value.email);
END
$$;
CREATE FUNCTION seen_in_planning() RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE value record; BEGIN SELECT email INTO value FROM customer WHERE id = 1; RETURN pg_typeof(value.email); END $$;
CREATE FUNCTION seen_in_check(value text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE r record; BEGIN SELECT email INTO r FROM customer WHERE id = 1; RAISE WARNING 'in check: %', pg_typeof(r.email); RETURN true; END $$;
CREATE DOMAIN checked AS text CHECK (seen_in_check(VALUE));
CREATE FUNCTION seen_in_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE r record; BEGIN SELECT email INTO r FROM customer WHERE id = 1; RAISE WARNING '%: %', TG_NAME, pg_typeof(r.email); RETURN NULL; END $$;
CREATE TABLE triggered (id int);
CREATE TRIGGER in_trigger AFTER INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION seen_in_trigger();
SELECT seen();
CREATE PROCEDURE seen_in_procedure() LANGUAGE plpgsql AS $$ BEGIN COMMIT; RAISE WARNING 'in CALL: %', seen(); END $$;
CALL seen_in_procedure();
DO $$ BEGIN RAISE WARNING 'in DO: %', seen(); END $$;
SELECT seen_in_planning();
EXPLAIN (VERBOSE, COSTS off) SELECT seen_in_planning();
SELECT 'x'::checked;
INSERT INTO triggered VALUES (1);
DROP TRIGGER in_trigger ON triggered;
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON triggered DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION seen_in_trigger();
INSERT INTO triggered VALUES (2);
BEGIN;
INSERT INTO triggered VALUES (3);
COMMIT;
CREATE FUNCTION of_client() RETURNS refcursor LANGUAGE plpgsql AS $$ DECLARE c refcursor := 'of_function'; BEGIN OPEN c FOR SELECT email FROM customer WHERE id = 1; RETURN c; END $$;
BEGIN;
SELECT of_client();
FETCH ALL FROM of_function \gdesc
FETCH ALL FROM of_function;
COMMIT;
-- A copy from column to column by a role that may not write stays one: nothing was cast on the way.
SET ROLE tarot_client_masked;
DO $$ DECLARE r record; BEGIN FOR r IN SELECT id, email FROM customer LOOP UPDATE customer SET email = r.email WHERE id = r.id; END LOOP; END $$;
SET ROLE tarot_client_plain;
SELECT id, email FROM customer ORDER BY id;

-- After an error the client is the client again.
SELECT 1 / 0, seen();
DO $$ BEGIN PERFORM 1 / 0; END $$;
BEGIN;
SAVEPOINT s;
EXECUTE find ('x');
ROLLBACK TO s;
SELECT email FROM customer WHERE id = 1 \gdesc
DO $$ BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN NULL; END $$;
SELECT email FROM customer WHERE id = 1 \gdesc
SELECT 1 / 0;
SELECT 1;
ROLLBACK;
SELECT email FROM customer WHERE id = 1 \gdesc

-- Envelopes keep their type, in all that a dump does.
SET tarot_security.io = envelope;
SELECT id, email, many FROM customer \gdesc
BEGIN;
DECLARE dumped CURSOR FOR SELECT email FROM ONLY customer;
FETCH 1 FROM dumped \gdesc
COMMIT;
SELECT run('PREPARE enveloped AS SELECT email FROM customer') AS prepared;
CREATE TABLE by_enveloped AS EXECUTE enveloped;
RESET tarot_security.io;
SELECT sealed('by_enveloped');
SET tarot_security.io = masked;
SELECT email, secret FROM customer WHERE id = 1 \gdesc
SELECT email, secret FROM customer WHERE id = 1;
RESET tarot_security.io;

-- In a database without the extension its settings do nothing.
SET ROLE tarot_client_masked;
SELECT run('SET tarot_security.client_types = nothing') AS refused;
RESET ROLE;
DROP OWNED BY tarot_client_plain, tarot_client_masked;
SELECT tarot.drop_class('email'), tarot.drop_class('secret');
DROP EXTENSION tarot_security;
SELECT 'still' AS answers ORDER BY 1;
DROP ROLE tarot_client_plain;
DROP ROLE tarot_client_masked;

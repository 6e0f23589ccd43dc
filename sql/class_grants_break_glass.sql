-- Break-glass: plain access in an emergency, by who was put on a list, and on record before any value is shown.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'
CREATE ROLE tarot_glass_app;
CREATE ROLE tarot_glass_oncall;
CREATE ROLE tarot_glass_support IN ROLE tarot_glass_oncall;
CREATE ROLE tarot_glass_other IN ROLE tarot_glass_oncall;
CREATE ROLE tarot_glass_stranger;
CREATE ROLE tarot_glass_noinherit NOINHERIT IN ROLE tarot_glass_oncall;
SELECT tarot.create_key('profile') > 0 AS created;
SELECT tarot.create_class('email', 'profile', 'email', searchable => true), tarot.create_class('note', 'profile');
SELECT tarot.grant_class('email', 'tarot_glass_app', 'plain'), tarot.grant_class('email', 'tarot_glass_oncall', 'masked');
CREATE TABLE customer (id int PRIMARY KEY, email tarot.encrypted_text('email'));
GRANT ALL ON customer TO tarot_glass_app, tarot_glass_oncall, tarot_glass_stranger, tarot_glass_noinherit;
SET ROLE tarot_glass_app;
INSERT INTO customer VALUES (1, 'ada@plaintext.example'), (2, 'bob@plaintext.example');
RESET ROLE;
CREATE VIEW log AS SELECT class, role, subject, reason, valid_until - started_at AS duration, ended_by, in_force FROM tarot.break_glass_log ORDER BY started_at;

-- ------------------------------------------------------------ the list
SELECT run(s) FROM unnest(ARRAY['SELECT tarot.allow_break_glass(''absent'', ''tarot_glass_oncall'')', 'SELECT tarot.allow_break_glass(''email'', 0::oid::regrole)', 'SELECT tarot.allow_break_glass(''email'', NULL)', 'SELECT tarot.allow_break_glass(NULL, ''tarot_glass_oncall'')',
	'SELECT tarot.allow_break_glass(''email'', ''tarot_glass_oncall'', NULL)', 'SELECT tarot.allow_break_glass(''email'', ''tarot_glass_oncall'', ''0'')', 'SELECT tarot.allow_break_glass(''email'', ''tarot_glass_oncall'', ''-1 hour'')',
	'SELECT tarot.allow_break_glass(''email'', ''tarot_glass_oncall'', ''7 days 1 second'')', 'SELECT tarot.allow_break_glass(''email'', ''tarot_glass_oncall'', ''1 month'')', 'SELECT tarot.allow_break_glass(''email'', ''tarot_glass_oncall'', ''300000 years'')',
	'SELECT tarot.allow_break_glass(''email'', ''tarot_glass_oncall'', ''7 days'')']) AS s;
SELECT tarot.allow_break_glass('email', 'tarot_glass_oncall', '30 minutes');
SELECT role, max_duration, allowed_by = session_user AS by_us FROM tarot.break_glass_list;
-- It gives nothing by itself, and to others not even the possibility.
SET ROLE tarot_glass_support;
SELECT email FROM customer ORDER BY id;
SELECT run($$SELECT tarot.break_glass('note', 'the till is down, ticket 4711', '10 minutes')$$), run($$SELECT tarot.break_glass('absent', 'the till is down, ticket 4711', '10 minutes')$$);
SELECT run(format('SELECT tarot.allow_break_glass(''email'', %L)', current_user));
SET ROLE tarot_glass_stranger;
SELECT run($$SELECT tarot.break_glass('email', 'the till is down, ticket 4711', '10 minutes')$$);
SET ROLE tarot_glass_app;
SELECT run($$SELECT tarot.break_glass('email', 'the till is down, ticket 4711', '10 minutes')$$);
SET ROLE tarot_glass_noinherit;
SELECT run($$SELECT tarot.break_glass('email', 'the till is down, ticket 4711', '10 minutes')$$);
RESET ROLE;
SELECT run($$SELECT tarot.break_glass('email', 'I am a superuser, after all', '10 minutes')$$);

-- ------------------------------------------------------------ reason and duration
SET ROLE tarot_glass_support;
SELECT run(format($$SELECT tarot.break_glass('email', %L, '10 minutes')$$, r)) AS run, left(r, 12) AS reason FROM unnest(ARRAY[NULL, '', 'too short', '           ', repeat('r', 1001), E'two lines are\nno reason', E'a bell is no\x07reason']) AS r;
SELECT run(format($$SELECT tarot.break_glass('email', 'the till is down, ticket 4711', %L)$$, d)) AS run, d AS duration FROM unnest(ARRAY[NULL, '0', '-1 minute', '1 hour', '30 minutes 1 second', '1 day -24 hours', '1 month -31 days', '1 month', '300000 years']) AS d;
SELECT run($$SELECT tarot.break_glass('email', 'the default is longer than allowed')$$);
RESET ROLE;
TABLE log;

-- ------------------------------------------------------------ it counts from the commit on
SET ROLE tarot_glass_support;
SELECT email, tarot.break_glass('email', 'in the same statement', '10 minutes') IS NOT NULL AS broken FROM customer ORDER BY customer.id DESC LIMIT 1;
SELECT tarot.end_break_glass('email');
BEGIN;
SELECT tarot.break_glass('email', 'in a transaction', '10 minutes') - clock_timestamp() < '10 minutes' AS soon;
SELECT email FROM customer WHERE id = 1;
SELECT run($$SELECT id FROM customer WHERE email = 'ada@plaintext.example'$$);
SAVEPOINT here;
SELECT tarot.break_glass('email', 'in a subtransaction', '10 minutes') IS NOT NULL AS broken;
RELEASE here;
SELECT email FROM customer WHERE id = 1;
DO $$ BEGIN RAISE WARNING 'sees %', (SELECT email FROM customer WHERE id = 1); END $$;
DECLARE some_cursor CURSOR WITH HOLD FOR SELECT email FROM customer WHERE id = 1;
ROLLBACK;
SELECT email FROM customer WHERE id = 1;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT tarot.break_glass('email', 'the till is down, ticket 4711', '10 minutes') IS NOT NULL AS broken;
SAVEPOINT here;
SELECT tarot.break_glass('email', 'this one is rolled back', '10 minutes') IS NOT NULL AS broken;
ROLLBACK TO here;
SELECT email FROM customer WHERE id = 1;
COMMIT;
SELECT email FROM customer ORDER BY id;
SELECT id FROM customer WHERE email = 'ada@plaintext.example';
-- To write it gives nothing.
SELECT run($$UPDATE customer SET email = 'new@plaintext.example'$$);
-- It is this role's: neither the others' that might, nor that which is on the list.
SET ROLE tarot_glass_other;
SELECT email FROM customer WHERE id = 1;
SET ROLE tarot_glass_oncall;
SELECT email FROM customer WHERE id = 1;
RESET ROLE;
TABLE log;
SELECT grantee, read, search, write, valid_until < 'infinity' AS ends, break_glass IS NOT NULL AS break_glass FROM tarot.class_access WHERE class = 'email' ORDER BY 1, 2;

-- In a procedure the record is committed by its COMMIT.
SELECT tarot.end_break_glass('email', 'tarot_glass_support');
CREATE PROCEDURE hurry() LANGUAGE plpgsql AS $$
BEGIN
	PERFORM tarot.break_glass('email', 'from a procedure', '10 minutes');
	RAISE WARNING 'before the commit: %', (SELECT email FROM customer WHERE id = 1);
	COMMIT;
	RAISE WARNING 'after it: %', (SELECT email FROM customer WHERE id = 1);
END
$$;
SET ROLE tarot_glass_support;
CALL hurry();

-- ------------------------------------------------------------ it ends
-- By who began it: their own alone.
SET ROLE tarot_glass_other;
SELECT tarot.end_break_glass('email');
SELECT run($$SELECT tarot.end_break_glass('email', 'tarot_glass_support')$$);
SET ROLE tarot_glass_support;
PREPARE seen AS SELECT email FROM customer WHERE id = 1;
EXECUTE seen;
BEGIN;
SELECT tarot.end_break_glass('email');
-- An end counts at once, and not if it is rolled back.
EXECUTE seen;
ROLLBACK;
EXECUTE seen;
SELECT tarot.end_break_glass('email');
EXECUTE seen;
SELECT tarot.end_break_glass('email');
SELECT run($$SELECT tarot.end_break_glass('absent')$$), run($$SELECT tarot.end_break_glass(NULL)$$);
-- By an administrator: anybody's.
SELECT tarot.break_glass('email', 'the till is down, ticket 4712', '10 minutes') IS NOT NULL AS broken;
SET ROLE tarot_glass_other;
SELECT tarot.break_glass('email', 'the till is down, ticket 4713', '10 minutes') IS NOT NULL AS broken;
SELECT email FROM customer WHERE id = 1;
RESET ROLE;
SELECT tarot.end_break_glass('email', 'tarot_glass_support');
SET ROLE tarot_glass_support;
EXECUTE seen;
SET ROLE tarot_glass_other;
SELECT email FROM customer WHERE id = 1;
RESET ROLE;
SELECT tarot.end_break_glass('email', NULL);
SET ROLE tarot_glass_other;
SELECT email FROM customer WHERE id = 1;
RESET ROLE;
-- By itself, in the middle of a statement.
CREATE FUNCTION await(instant timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN WHILE clock_timestamp() <= instant LOOP PERFORM pg_sleep(0.01); END LOOP; RETURN true; END $$;
SET ROLE tarot_glass_support;
SELECT tarot.break_glass('email', 'the till is down, ticket 4714', '2 seconds') AS ends \gset
SELECT email::text AS by_row, CASE WHEN id = 1 THEN await(:'ends') END AS waited FROM customer ORDER BY id;
SELECT tarot.end_break_glass('email');
RESET ROLE;
TABLE log;

-- ------------------------------------------------------------ a reason stands for a purpose
SELECT tarot.set_class_purposes('email', '{billing}');
SET ROLE tarot_glass_support;
SELECT email FROM customer WHERE id = 1;
SELECT tarot.break_glass('email', 'the till is down, ticket 4715', '10 minutes') IS NOT NULL AS broken;
SELECT email FROM customer WHERE id = 1;
SELECT tarot.end_break_glass('email');
RESET ROLE;
SELECT tarot.set_class_purposes('email', NULL);

-- ------------------------------------------------------------ for one subject, where there is one
SELECT tarot.create_issuer('app', 'https://app.example', '{}', secret => repeat('s', 32));
SELECT tarot.sign_jwt('{"sub": "ada"}', 'app') AS ada, tarot.sign_jwt('{"sub": "bob"}', 'app') AS bob \gset
SET ROLE tarot_glass_support;
BEGIN;
SELECT tarot.authenticate(:'ada');
SELECT tarot.break_glass('email', 'the till is down, ticket 4716', '10 minutes') IS NOT NULL AS broken;
COMMIT;
SELECT email FROM customer WHERE id = 1;
BEGIN;
SELECT tarot.authenticate(:'bob');
SELECT email FROM customer WHERE id = 1;
SELECT tarot.end_break_glass('email');
SELECT tarot.authenticate(:'ada');
SELECT email FROM customer WHERE id = 1;
SET LOCAL ROLE tarot_glass_other;
SELECT email FROM customer WHERE id = 1;
ROLLBACK;
SELECT email FROM customer WHERE id = 1;
RESET ROLE;
SELECT subject, in_force FROM log WHERE subject IS NOT NULL;

-- ------------------------------------------------------------ the record
-- Not by its owner, a superuser, either.
SELECT run(s), s FROM unnest(ARRAY['DELETE FROM tarot.break_glass_use', 'UPDATE tarot.break_glass_use SET reason = ''none''', 'TRUNCATE tarot.break_glass_use', 'DELETE FROM tarot.break_glass_end', 'UPDATE tarot.break_glass_end SET ended_by = ''x''', 'TRUNCATE tarot.break_glass_end',
	'INSERT INTO tarot.break_glass_end AS e (use_id, ended_by) SELECT use_id, ''x'' FROM tarot.break_glass_end ON CONFLICT (use_id) DO UPDATE SET ended_by = ''x''', 'SET LOCAL session_replication_role = replica; DELETE FROM tarot.break_glass_use']) AS s;
-- And nobody else adds to it.
CREATE ROLE tarot_glass_writer IN ROLE pg_write_all_data, pg_read_all_data, tarot_glass_oncall;
SET ROLE tarot_glass_writer;
SELECT code(s), s FROM unnest(ARRAY['INSERT INTO tarot.break_glass_use SELECT gen_random_uuid(), class_id, class, ''tarot_glass_writer''::regrole, ''tarot_glass_writer'', ''x'', NULL, ''none'', now(), ''infinity'', NULL, ''x'' FROM tarot.break_glass_use LIMIT 1',
	'INSERT INTO tarot.break_glass_list SELECT class_id, ''tarot_glass_writer'', ''1 year'', ''x'' FROM tarot.break_glass_use LIMIT 1', 'UPDATE tarot.break_glass_list SET max_duration = ''1 year''', 'INSERT INTO tarot.break_glass_end SELECT use_id, now(), ''x'' FROM tarot.break_glass_use',
	'DELETE FROM tarot.break_glass_end', 'TRUNCATE tarot.break_glass_end', 'ALTER TABLE tarot.break_glass_use DISABLE TRIGGER ALL']) AS s;
SELECT email FROM customer WHERE id = 1;
RESET ROLE;

-- ------------------------------------------------------------ what goes with roles and classes
-- Who is taken from the list keeps what is in force, and gets no more.
SET ROLE tarot_glass_support;
SELECT tarot.break_glass('email', 'the till is down, ticket 4717', '10 minutes') IS NOT NULL AS broken;
RESET ROLE;
SELECT tarot.disallow_break_glass('email', 'tarot_glass_oncall');
SET client_min_messages = warning;
SELECT tarot.disallow_break_glass('email', 'tarot_glass_oncall');
SET ROLE tarot_glass_support;
SELECT email FROM customer WHERE id = 1;
SELECT code($$SELECT tarot.break_glass('email', 'the till is down, ticket 4718', '10 minutes')$$);
RESET ROLE;
-- A role of another name is another role.
ALTER ROLE tarot_glass_support RENAME TO tarot_glass_renamed;
SET ROLE tarot_glass_renamed;
SELECT email FROM customer WHERE id = 1;
RESET ROLE;
ALTER ROLE tarot_glass_renamed RENAME TO tarot_glass_support;
SET ROLE tarot_glass_support;
SELECT email FROM customer WHERE id = 1;
RESET ROLE;
-- A class that is made again is another class.
DROP TABLE customer;
SELECT tarot.allow_break_glass('email', 'tarot_glass_oncall');
SELECT tarot.drop_class('email');
SELECT tarot.create_class('email', 'profile', 'email');
SELECT tarot.grant_class('email', 'tarot_glass_app', 'plain');
CREATE TABLE customer (id int PRIMARY KEY, email tarot.encrypted_text('email'));
GRANT ALL ON customer TO tarot_glass_app, tarot_glass_support;
SET ROLE tarot_glass_app;
INSERT INTO customer VALUES (1, 'ada@plaintext.example');
SET ROLE tarot_glass_support;
SELECT email FROM customer;
SELECT code($$SELECT tarot.break_glass('email', 'the till is down, ticket 4719', '10 minutes')$$);
RESET ROLE;
SELECT count(*) FILTER (WHERE in_force) AS in_force, count(*) FROM log;

DROP TABLE customer;
DROP OWNED BY tarot_glass_support;
DROP EXTENSION tarot_security CASCADE;
DROP ROLE tarot_glass_app, tarot_glass_support, tarot_glass_other, tarot_glass_noinherit, tarot_glass_oncall, tarot_glass_stranger, tarot_glass_writer;

-- Grants of data classes that end by themselves: in what they add to others, and when they end.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'
CREATE ROLE tarot_grants_app;
CREATE ROLE tarot_grants_support;
CREATE ROLE tarot_grants_temp IN ROLE tarot_grants_support;
SELECT tarot.create_key('profile') > 0 AS created;
SELECT tarot.create_class('email', 'profile', 'email', searchable => true);
SELECT tarot.grant_class('email', 'tarot_grants_app', 'plain');
CREATE TABLE customer (id int PRIMARY KEY, email tarot.encrypted_text('email') UNIQUE);
GRANT ALL ON customer TO tarot_grants_app, tarot_grants_support;
SET ROLE tarot_grants_app;
INSERT INTO customer VALUES (1, 'ada@plaintext.example'), (2, 'bob@plaintext.example'), (3, 'cyd@plaintext.example');
RESET ROLE;
-- What stands in the table, without the times.
CREATE VIEW grants AS SELECT grantee, read, search, write, CASE WHEN valid_until = 'infinity' THEN 'never' WHEN valid_until > now() THEN 'later' ELSE 'past' END AS ends
	FROM tarot.class_access WHERE grantee <> 'tarot_grants_app' ORDER BY 1, 5, 2;
-- Waits for a time.
CREATE FUNCTION await(instant timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN WHILE clock_timestamp() <= instant LOOP PERFORM pg_sleep(0.01); END LOOP; RETURN true; END $$;

-- ------------------------------------------------------------ which ends there are
SELECT run(format($$SELECT tarot.grant_class('email', 'tarot_grants_support', 'plain', valid_until => %s)$$, u)) FROM unnest(ARRAY['NULL', 'now()', '''-infinity''', 'clock_timestamp()',
	'now() - interval ''1 day''', '''1970-01-01''', '''4714-11-24 00:00:00+00 BC''', '''294277-01-01''', '''tomorrow'' || ''x''']) AS u;
TABLE grants;
SELECT run(format($$SELECT tarot.grant_class('email', 'tarot_grants_support', 'plain', valid_until => %L)$$, u)) FROM unnest(ARRAY['infinity', '294276-12-31 23:59:59.999999+00', '2100-03-28 02:30 Europe/Berlin']) AS u;
SELECT grantee, read, valid_until AT TIME ZONE 'UTC' AS valid_until FROM tarot.class_access WHERE grantee = 'tarot_grants_support';
-- Years of which jwt.h has no count are as good as none.
SELECT tarot.grant_class('email', 'tarot_grants_support', 'plain', valid_until => '294276-12-31 23:59:59.999999+00');
SET ROLE tarot_grants_support;
SELECT email FROM customer WHERE id = 1;
RESET ROLE;
SELECT tarot.revoke_class('email', 'tarot_grants_support');
TABLE grants;

-- ------------------------------------------------------------ beside a grant without an end, or in its place
-- It adds: both count, and the other one goes on.
SELECT tarot.grant_class('email', 'tarot_grants_support', 'masked', search => true);
SELECT tarot.grant_class('email', 'tarot_grants_support', 'plain', search => false, write => false, valid_until => now() + interval '1 day');
TABLE grants;
-- Again, it is another end.
SELECT tarot.grant_class('email', 'tarot_grants_support', 'plain', valid_until => now() + interval '2 days');
TABLE grants;
-- It limits: what had no end must not go on.
SELECT tarot.grant_class('email', 'tarot_grants_support', 'plain');
TABLE grants;
SELECT tarot.grant_class('email', 'tarot_grants_support', 'plain', valid_until => now() + interval '1 day');
TABLE grants;
SELECT tarot.grant_class('email', 'tarot_grants_support', 'plain');
SELECT tarot.grant_class('email', 'tarot_grants_support', 'masked', valid_until => now() + interval '1 day');
TABLE grants;
-- Without an end it is all there is.
SELECT tarot.grant_class('email', 'tarot_grants_support', 'none', write => true);
TABLE grants;
-- For each permission on its own.
SELECT tarot.grant_class('email', 'tarot_grants_support', 'plain', permission => 'a:b', valid_until => now() + interval '1 day');
SELECT tarot.grant_class('email', 'tarot_grants_support', 'masked', permission => 'a:b');
SELECT tarot.grant_class('email', NULL, 'plain', permission => 'a:b', valid_until => now() + interval '1 day');
SELECT grantee, permission, read, valid_until < 'infinity' AS ends FROM tarot.class_access WHERE grantee IS DISTINCT FROM 'tarot_grants_app' ORDER BY 1, 2, 3;
SELECT tarot.revoke_class('email', 'tarot_grants_support'), tarot.revoke_class('email', NULL);
TABLE grants;

-- ------------------------------------------------------------ it ends
SELECT tarot.grant_class('email', 'tarot_grants_support', 'masked');
SELECT tarot.grant_class('email', 'tarot_grants_support', 'plain', valid_until => clock_timestamp() + interval '3 seconds');
SELECT valid_until AS ends FROM tarot.class_access WHERE grantee = 'tarot_grants_support' AND read = 'plain' \gset
-- By inheritance, too. A prepared plan, a cursor, a function, the middle of a query.
SET ROLE tarot_grants_temp;
SET plan_cache_mode = force_generic_plan;
PREPARE seen AS SELECT email FROM customer WHERE id = 1;
EXECUTE seen;
BEGIN ISOLATION LEVEL REPEATABLE READ;
DECLARE some_cursor CURSOR FOR SELECT email FROM customer ORDER BY id;
FETCH 1 FROM some_cursor;
SELECT id FROM customer WHERE email = 'bob@plaintext.example';
SELECT email::text AS by_row, CASE WHEN id = 1 THEN await(:'ends') END AS waited FROM customer ORDER BY id;
FETCH ALL FROM some_cursor;
COMMIT;
EXECUTE seen;
SELECT email FROM customer WHERE id = 1;
-- What only it allowed is refused again.
SELECT run($$SELECT id FROM customer WHERE email = 'bob@plaintext.example'$$);
SELECT run($$UPDATE customer SET email = 'new@plaintext.example'$$);
DEALLOCATE seen;
RESET ROLE;
RESET plan_cache_mode;
TABLE grants;
-- A session that comes new to it, or has to read it anew.
SELECT tarot.alter_class('email', mask => 'redact');
SET ROLE tarot_grants_support;
SELECT email FROM customer WHERE id = 1;
RESET ROLE;
-- Granted again it counts again.
SELECT tarot.grant_class('email', 'tarot_grants_support', 'plain', valid_until => now() + interval '1 day');
SET ROLE tarot_grants_support;
SELECT email FROM customer WHERE id = 1;
RESET ROLE;

-- ------------------------------------------------------------ with a permission: both have to hold
SELECT tarot.create_issuer('app', 'https://app.example', '{}', secret => repeat('s', 32));
SELECT tarot.grant_permission('User', 'customers:read');
SELECT tarot.assign_role('ada', 'User');
SELECT tarot.grant_class('email', 'tarot_grants_support', 'masked');
SELECT tarot.grant_class('email', 'tarot_grants_support', 'plain', permission => 'customers:read', valid_until => clock_timestamp() + interval '1 second');
SELECT valid_until AS ends FROM tarot.class_access WHERE permission = 'customers:read' \gset
SELECT tarot.sign_jwt('{"sub": "ada"}', 'app') AS ada \gset
BEGIN;
SET LOCAL ROLE tarot_grants_support;
SELECT email FROM customer WHERE id = 1;
SELECT tarot.authenticate(:'ada');
SELECT email::text AS by_row, CASE WHEN id = 1 THEN await(:'ends') END AS waited FROM customer ORDER BY id;
COMMIT;

-- ------------------------------------------------------------ who may write the table
CREATE ROLE tarot_grants_writer IN ROLE pg_write_all_data, pg_read_all_data;
SET ROLE tarot_grants_writer;
SELECT run($$UPDATE tarot.class_grant SET valid_until = 'infinity'$$);
SELECT run($$UPDATE tarot.class_grant SET ends = false$$);
RESET ROLE;

DROP TABLE customer;
DROP EXTENSION tarot_security CASCADE;
DROP ROLE tarot_grants_app, tarot_grants_temp, tarot_grants_support, tarot_grants_writer;

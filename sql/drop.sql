-- Dropping the extension: refused while something needs it, complete with CASCADE, and nothing is left behind.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('profile') > 0 AS created, tarot.create_class('email', 'profile'), tarot.grant_class('email', current_user::regrole, 'plain');
CREATE TABLE customer (id int, email tarot.encrypted_text('email'));
INSERT INTO customer VALUES (1, 'ada@example.org');

-- Refused, with a hint, and nothing is lost.
DROP EXTENSION tarot_security;
SELECT statement, code(statement) FROM (VALUES (1, 'DROP SCHEMA tarot'), (2, 'DROP SCHEMA tarot CASCADE'), (3, 'DROP TABLE tarot.key'), (4, 'DROP TABLE tarot.key_version CASCADE'),
	(5, 'DROP FUNCTION tarot.decrypt(text, text)'), (6, 'DROP FUNCTION tarot.text(tarot.encrypted_text) CASCADE'), (7, 'DROP TYPE tarot.encrypted_text CASCADE'),
	(8, 'DROP EVENT TRIGGER tarot_security_require_class'), (9, 'DROP CAST (tarot.encrypted_text AS text)')) AS statements (i, statement) ORDER BY i;
SELECT * FROM customer;

-- What else depends on it: each alone is enough.
DROP TABLE customer;
SELECT kind, code(statement) AS made, code('DROP EXTENSION tarot_security') AS drop, code(undo) AS undone FROM (VALUES
	(1, 'array', 'CREATE TABLE dependent (v tarot.encrypted_text(''email'')[])', 'DROP TABLE dependent'),
	(2, 'domain', 'CREATE DOMAIN dependent AS tarot.encrypted_text(''email'')', 'DROP DOMAIN dependent'),
	(3, 'composite', 'CREATE TYPE dependent AS (v tarot.encrypted_text(''email''))', 'DROP TYPE dependent'),
	(4, 'view', 'CREATE VIEW dependent AS SELECT tarot.decrypt(''x''::text, ''y''::text) AS v', 'DROP VIEW dependent'),
	(5, 'status', 'CREATE VIEW dependent AS SELECT * FROM tarot.key_status', 'DROP VIEW dependent'),
	(6, 'default', 'CREATE TABLE dependent (v text DEFAULT tarot.encrypt(''x''::text, ''profile'', ''y''::text))', 'DROP TABLE dependent'),
	(7, 'function', 'CREATE FUNCTION dependent(v tarot.encrypted_text) RETURNS text LANGUAGE sql AS ''SELECT 1''', 'DROP FUNCTION dependent')) AS kinds (i, kind, statement, undo) ORDER BY i;

-- With CASCADE the columns go, the tables stay.
CREATE TABLE customer (id int, email tarot.encrypted_text('email'));
INSERT INTO customer VALUES (1, 'ada@example.org');
CREATE VIEW emails AS SELECT email FROM customer;
DROP EXTENSION tarot_security CASCADE;
SELECT * FROM customer;
SELECT to_regclass('emails') AS view, to_regnamespace('tarot') AS schema, (SELECT count(*) FROM pg_event_trigger WHERE evtname LIKE 'tarot%') AS event_triggers,
	(SELECT count(*) FROM pg_proc WHERE prosrc LIKE 'tarot\_%') AS functions;

-- This session, which knew the keys and the class, goes on; there is a clear error where the extension is needed.
CREATE TABLE plain (v text);
SELECT code($$SELECT 'x'::tarot.encrypted_text$$);

-- Made again in the same session it knows nothing of before.
CREATE EXTENSION tarot_security;
SELECT count(*) AS keys FROM tarot.key_status;
SELECT run($$SELECT tarot.create_class('email', 'profile')$$);
SELECT tarot.create_key('profile') > 0 AS created, tarot.create_class('email', 'profile');
CREATE TABLE again (id int, email tarot.encrypted_text('email'));
SELECT code($$INSERT INTO again VALUES (1, 'ada@example.org')$$) AS not_granted;
SELECT tarot.grant_class('email', current_user::regrole, 'plain');
INSERT INTO again VALUES (1, 'ada@example.org');
SELECT * FROM again;

-- Nothing of anyone else's is taken over: what is in the way is an error.
DROP EXTENSION tarot_security CASCADE;
CREATE SCHEMA tarot;
SELECT code('CREATE EXTENSION tarot_security') AS schema_in_the_way;
DROP SCHEMA tarot;
CREATE EXTENSION tarot_security;
SELECT code('CREATE EXTENSION tarot_security') AS twice, code('ALTER EXTENSION tarot_security SET SCHEMA public') AS relocated;
-- A rollback takes all back.
BEGIN;
SELECT tarot.create_key('profile') > 0 AS created;
DROP EXTENSION tarot_security;
ROLLBACK;
SELECT count(*) AS keys FROM tarot.key_status;
-- An ordinary role neither installs nor drops.
CREATE ROLE tarot_drop_nobody;
SET ROLE tarot_drop_nobody;
SELECT code('DROP EXTENSION tarot_security') AS drop;
RESET ROLE;
DROP EXTENSION tarot_security;
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO tarot_drop_nobody', current_database()); END $$;
SET ROLE tarot_drop_nobody;
SELECT code('CREATE EXTENSION tarot_security') AS create;
RESET ROLE;
DROP OWNED BY tarot_drop_nobody;
DROP ROLE tarot_drop_nobody;

-- Statements on record: DDL, grants, roles, COPY, and changes of policy; nothing that is secret of them.
SET client_min_messages = warning;
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE EXTENSION tarot_security;
\getenv source PG_ABS_SRCDIR
\i :source/sql/include/attempt.sql
CREATE ROLE regress_statement_app;
CREATE ROLE regress_statement_officer;
GRANT CREATE, USAGE ON SCHEMA public TO regress_statement_app;
GRANT EXECUTE ON FUNCTION tarot.audit_statements, tarot.unaudit_statements TO regress_statement_officer;
CREATE TABLE seen (transaction xid8, number bigint, PRIMARY KEY (transaction, number));
CREATE FUNCTION fresh() RETURNS SETOF seen LANGUAGE sql AS 'INSERT INTO seen SELECT l.transaction, l.number FROM tarot.audit_log l ON CONFLICT DO NOTHING RETURNING *';
CREATE FUNCTION log() RETURNS TABLE (n bigint, operation text, table_name text, "by" text, old jsonb, new jsonb) LANGUAGE sql AS $$
	SELECT dense_rank() OVER (ORDER BY l.transaction), l.operation, l.table_name, regexp_replace(replace(l.role || CASE WHEN l.role <> l.session_role AND l.session_role <> current_user THEN ' for ' || l.session_role ELSE '' END, current_user, 'super'), 'regress_statement_', '', 'g'),
		l.old, l.new - '{command,object}'::text[] FROM fresh() f JOIN tarot.audit_log l USING (transaction, number) ORDER BY l.transaction, l.number
$$;
CREATE FUNCTION texts() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT l.new->>'statement' FROM fresh() f JOIN tarot.audit_log l USING (transaction, number) WHERE l.new ? 'statement' ORDER BY l.transaction, l.number
$$;
SELECT count(*) FROM fresh();

-- ------------------------------------------------------------ who may, and what
SET ROLE regress_statement_app;
SELECT code('SELECT tarot.audit_statements()'), code('SELECT tarot.unaudit_statements()'), code('SELECT FROM tarot.audited_statements'), code('SELECT FROM tarot.audited_statement');
SET ROLE regress_statement_officer;
SELECT run($$SELECT tarot.audit_statements('{dml}')$$), run($$SELECT tarot.audit_statements('{}')$$), run($$SELECT tarot.audit_statements(NULL)$$), code($$SELECT tarot.unaudit_statements('{ddl,NULL}')$$);
SELECT tarot.audit_statements('{ddl,role}');
RESET ROLE;
SELECT * FROM tarot.audited_statements;
SELECT * FROM log();

-- ------------------------------------------------------------ DDL
SET ROLE regress_statement_app;
CREATE TABLE customer (id serial PRIMARY KEY, name text UNIQUE CHECK (name <> ''), city text);
CREATE INDEX by_city ON customer (city);
CREATE VIEW v AS SELECT * FROM customer;
CREATE FUNCTION f(int, text) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TYPE pair AS (a int, b int);
CREATE TYPE mood AS ENUM ('glad');
CREATE DOMAIN short AS text CHECK (length(value) < 5);
CREATE SEQUENCE numbers;
CREATE TABLE copy_of AS SELECT * FROM customer;
SELECT * INTO another FROM customer;
CREATE MATERIALIZED VIEW m AS SELECT 1 AS a;
REFRESH MATERIALIZED VIEW m;
CREATE TABLE whole (id int) PARTITION BY LIST (id);
CREATE TABLE part PARTITION OF whole DEFAULT;
ALTER TABLE customer ADD born date, ALTER city SET NOT NULL, DROP name CASCADE, OWNER TO CURRENT_USER, SET (fillfactor = 50);
CREATE VIEW v AS SELECT * FROM customer;
ALTER TABLE customer RENAME TO client;
ALTER TABLE client RENAME city TO town;
ALTER TABLE whole DETACH PARTITION part;
ALTER TABLE client ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON client USING (town = 'Oslo');
ALTER POLICY own ON client USING (true);
COMMENT ON TABLE client IS 'who buys';
COMMENT ON COLUMN client.town IS 'where';
CREATE RULE nothing AS ON DELETE TO client DO INSTEAD NOTHING;
ALTER FUNCTION f(int, text) SECURITY DEFINER;
RESET ROLE;
SELECT * FROM log();
SET ROLE regress_statement_app;
DROP POLICY own ON client;
DROP RULE nothing ON client;
DROP VIEW v;
DROP TABLE client, copy_of;
DROP FUNCTION f(int, text);
DROP TYPE pair, mood;
DROP DOMAIN short;
DROP TABLE another, part, whole;
DROP MATERIALIZED VIEW m;
DROP SEQUENCE numbers;
DROP TABLE IF EXISTS no_such_table;
RESET ROLE;
CREATE SCHEMA two CREATE TABLE a (id int PRIMARY KEY) CREATE VIEW b AS SELECT * FROM a;
ALTER SCHEMA two RENAME TO three;
DROP SCHEMA three CASCADE;
CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION tarot.follow_audit();
ALTER EVENT TRIGGER e DISABLE;
DROP EVENT TRIGGER e;
ALTER DATABASE :DBNAME SET work_mem = '8MB';
ALTER DATABASE :DBNAME SET app.secret = 'hidden';
ALTER DATABASE :DBNAME RESET ALL;
SELECT n, operation, replace(table_name, :'DBNAME', 'DATABASE') AS table_name, "by", new FROM log();
-- A type that an extension does not own, whose functions go with it.
CREATE TYPE base;
CREATE FUNCTION base_in(cstring) RETURNS base IMMUTABLE STRICT LANGUAGE internal AS 'textin';
CREATE FUNCTION base_out(base) RETURNS cstring IMMUTABLE STRICT LANGUAGE internal AS 'textout';
CREATE TYPE base (INPUT = base_in, OUTPUT = base_out, LIKE = text);
CREATE FUNCTION of_base(base) RETURNS int LANGUAGE sql AS 'SELECT 1';
DROP TYPE base CASCADE;
SELECT operation, table_name FROM log();
-- Nothing of temporary tables, of what was rolled back, and of what is of another kind.
CREATE TEMP TABLE t (a int);
ALTER TABLE t ADD b int;
DROP TABLE t;
BEGIN;
CREATE TABLE undone (a int);
ROLLBACK;
BEGIN;
SAVEPOINT s;
CREATE TABLE undone (a int);
ROLLBACK TO s;
CREATE TABLE kept (a int);
COMMIT;
SELECT run('CREATE TABLE kept (a int)');
GRANT SELECT ON kept TO regress_statement_app;
COPY kept TO stdout;
TRUNCATE kept;
INSERT INTO kept VALUES (1);
VACUUM kept;
REINDEX TABLE kept;
PREPARE p AS SELECT 1;
EXECUTE p;
SELECT operation, table_name FROM log();
-- In functions, with both roles.
CREATE FUNCTION make() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$ BEGIN EXECUTE 'CREATE TABLE made (a int)'; DROP TABLE kept; END $$;
SELECT count(*) FROM fresh();
SET SESSION AUTHORIZATION regress_statement_app;
SELECT make();
DO $$ BEGIN CREATE TABLE by_block (a int); EXECUTE 'DROP TABLE by_block'; END $$;
RESET SESSION AUTHORIZATION;
SELECT * FROM log();
CREATE INDEX CONCURRENTLY made_a ON made (a);
DROP INDEX CONCURRENTLY made_a;
SELECT * FROM log();

-- ------------------------------------------------------------ roles
CREATE ROLE regress_statement_new LOGIN PASSWORD 'hidden' CONNECTION LIMIT 3 VALID UNTIL '2040-01-01' IN ROLE regress_statement_app;
ALTER ROLE regress_statement_new PASSWORD 'hidden' NOSUPERUSER;
ALTER ROLE regress_statement_new SET work_mem = '8MB';
ALTER ROLE regress_statement_new SET app.token = 'hidden';
ALTER ROLE regress_statement_new RESET ALL;
GRANT regress_statement_app TO regress_statement_new, regress_statement_officer WITH ADMIN OPTION;
REVOKE regress_statement_app FROM regress_statement_officer;
ALTER ROLE regress_statement_new RENAME TO regress_statement_other;
REASSIGN OWNED BY regress_statement_other TO CURRENT_USER;
DROP OWNED BY regress_statement_other;
DROP ROLE regress_statement_other;
SELECT n, operation, table_name, "by", replace(new::text, current_user, 'super') AS new FROM log();

-- ------------------------------------------------------------ grants
SET ROLE regress_statement_officer;
SELECT tarot.unaudit_statements('{ddl,role}'), tarot.audit_statements('{grant}');
RESET ROLE;
SELECT * FROM log();
CREATE ROLE regress_statement_two;
CREATE TABLE customer (id int, name text);
CREATE FUNCTION f(int, text) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TYPE pair AS (a int, b int);
GRANT SELECT (id, name), UPDATE (name), INSERT ON customer TO regress_statement_app, regress_statement_two WITH GRANT OPTION;
GRANT ALL ON customer, made TO regress_statement_app;
REVOKE GRANT OPTION FOR SELECT (id) ON customer FROM PUBLIC CASCADE;
REVOKE ALL ON customer FROM regress_statement_app CASCADE;
GRANT EXECUTE ON FUNCTION f(int, text) TO regress_statement_two;
GRANT USAGE ON TYPE pair TO regress_statement_two;
GRANT USAGE ON SCHEMA public TO regress_statement_two;
GRANT CONNECT ON DATABASE :DBNAME TO regress_statement_two;
GRANT SET ON PARAMETER work_mem TO regress_statement_two;
GRANT USAGE ON LANGUAGE plpgsql TO regress_statement_two;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO regress_statement_two;
ALTER DEFAULT PRIVILEGES FOR ROLE regress_statement_two IN SCHEMA public GRANT SELECT ON TABLES TO regress_statement_app;
GRANT ALL ON customer TO CURRENT_USER;
SELECT n, operation, replace(table_name, :'DBNAME', 'DATABASE') AS table_name, replace(new::text, current_user, 'super') AS new FROM log();

-- ------------------------------------------------------------ COPY
SELECT tarot.unaudit_statements(), tarot.audit_statements('{copy}');
SELECT count(*) FROM fresh();
CREATE VIEW names AS SELECT name FROM customer;
CREATE FUNCTION count_made() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM made';
COPY customer FROM stdin;
1	Ann
2	Bob
\.
COPY customer (name) FROM PROGRAM 'echo hidden';
COPY customer TO stdout;
COPY (SELECT n.name FROM names n, pg_class WHERE relname = 'made') TO stdout;
COPY (SELECT count_made()) TO stdout;
COPY (INSERT INTO customer VALUES (3, 'Cyd') RETURNING id) TO stdout;
COPY (SELECT 1) TO PROGRAM 'cat > /dev/null';
COPY customer TO '/dev/null';
-- Where nothing can be written by SQL, too.
BEGIN READ ONLY;
COPY customer TO stdout;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
COPY customer (id) TO stdout;
COMMIT;
SELECT * FROM log();

-- ------------------------------------------------------------ policy, keys
SELECT tarot.unaudit_statements(), tarot.audit_statements('{policy}');
SELECT count(*) FROM fresh();
SELECT tarot.create_key('profile') > 0 AS made;
SELECT tarot.create_class('email', key => 'profile', mask => 'email') IS NOT NULL AS made;
SELECT tarot.grant_class('email', 'regress_statement_app', 'masked');
SELECT tarot.revoke_class('email', 'regress_statement_app');
SELECT table_name, operation, (SELECT string_agg(k, ',' ORDER BY k) FROM jsonb_object_keys(coalesce(old, '{}')) k) AS old, (SELECT string_agg(k, ',' ORDER BY k) FROM jsonb_object_keys(coalesce(new, '{}')) k) AS new,
	new->'wrapped' ? 'sha256' AS digest FROM log() ORDER BY table_name, operation;
-- By hand, too; and where a trigger should be silent.
SET session_replication_role = replica;
UPDATE tarot.class SET mask = 'null' WHERE name = 'email';
RESET session_replication_role;
SELECT operation, table_name, old, new FROM log();

-- ------------------------------------------------------------ texts, without what may be secret
SELECT tarot.unaudit_statements(), tarot.audit_statements(with_text => true);
SELECT * FROM tarot.audited_statements;
SELECT count(*) FROM fresh();
CREATE ROLE regress_statement_secret PASSWORD 'hidden';
ALTER ROLE regress_statement_secret PASSWORD $tag$hidden$tag$;
ALTER ROLE regress_statement_secret SET app.token TO 'hidden';
CREATE TABLE more (a int DEFAULT 4711, b text DEFAULT 'hidden', c numeric(10, 2) /* hidden */); -- hidden
SELECT 1 AS one \; CREATE VIEW v AS SELECT E'hid\'den' AS c, 'x' AS d \; SELECT 2 AS two;
CREATE FUNCTION g() RETURNS text LANGUAGE sql AS $$ SELECT 'hidden' $$;
DO $$ BEGIN CREATE TABLE by_block (a text DEFAULT 'hidden'); END $$;
DROP TABLE by_block;
COPY customer FROM PROGRAM 'echo "4	hidden"';
GRANT SELECT ON customer TO regress_statement_secret;
SELECT * FROM texts();
SELECT count(*) FROM tarot.audit_entry e WHERE e.operation = 'S' AND concat(e.table_name, e.key, e.old, e.new) ~ 'hidden|4711';
DROP OWNED BY regress_statement_secret;
DROP ROLE regress_statement_secret;

-- ------------------------------------------------------------ an extension's script is one statement
SELECT tarot.audit_statements('{ddl}');
SELECT count(*) FROM fresh();
CREATE EXTENSION pg_trgm SCHEMA public;
ALTER EXTENSION pg_trgm SET SCHEMA pg_catalog;
DROP EXTENSION pg_trgm;
SELECT n, operation, table_name, new FROM log();

-- What is said of the log itself is on record when nothing else is.
SELECT tarot.unaudit_statements();
CREATE TABLE unseen (a int);
SELECT operation, table_name, old FROM log() ORDER BY old->>'kind';

SET client_min_messages = error;
DROP OWNED BY regress_statement_app, regress_statement_two, regress_statement_officer CASCADE;
DROP EXTENSION tarot_security CASCADE;
DROP ROLE regress_statement_app, regress_statement_two, regress_statement_officer;

-- Masked tables: who holds what on them, before, meanwhile and after, and what happens to them later.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/masking_classes.sql
\set ECHO all
CREATE ROLE tarot_app;
CREATE ROLE tarot_lead;
CREATE ROLE tarot_trainee;
CREATE ROLE tarot_clerk;
GRANT CREATE ON SCHEMA public TO tarot_owner;
SELECT tarot.grant_class('email', 'tarot_owner', write => true), tarot.grant_class('phone', 'tarot_owner', write => true), tarot.grant_class('email', 'tarot_app', 'masked'), tarot.grant_class('phone', 'tarot_app', 'plain'),
	tarot.grant_class('email', 'tarot_clerk', 'plain'), tarot.grant_class('email', 'tarot_trainee', 'masked'), tarot.grant_class('phone', 'tarot_trainee', 'masked');
-- What others than the owner hold on a table and its columns.
CREATE SCHEMA look;
CREATE VIEW look.held AS SELECT relation, coalesce(grantee, 'PUBLIC') AS grantee, string_agg(privilege || coalesce('(' || columns || ')', '') || g, ', ' ORDER BY columns NULLS FIRST, privilege) AS privileges FROM (
		SELECT c.oid::regclass AS relation, r.rolname AS grantee, p.privilege, CASE WHEN p.grantable THEN '*' ELSE '' END AS g, string_agg(p."column", ',' ORDER BY (p.number < 0), p.number) AS columns
		FROM pg_class c, tarot.held_privileges(c.oid) AS p LEFT JOIN pg_roles r ON r.oid = p.grantee WHERE c.relnamespace = 'public'::regnamespace AND p.privilege <> 'MAINTAIN'
		GROUP BY 1, 2, 3, 4, p.number IS NULL) AS x GROUP BY relation, grantee ORDER BY relation::text COLLATE "C", grantee COLLATE "C";
GRANT USAGE ON SCHEMA look TO PUBLIC;
GRANT SELECT ON look.held TO PUBLIC;
SET search_path = public, look;

SET ROLE tarot_owner;
CREATE TABLE customer (id int PRIMARY KEY, email text UNIQUE, phone text, city text);
INSERT INTO customer VALUES (1, 'ada@example.org', '+44 20 7946 0958', 'London');
GRANT SELECT, INSERT, UPDATE ON customer TO tarot_app;
GRANT ALL ON customer TO tarot_lead WITH GRANT OPTION;
GRANT SELECT (id, email), UPDATE (email), REFERENCES (email) ON customer TO tarot_clerk;
SET ROLE tarot_lead;
GRANT SELECT, TRIGGER ON customer TO tarot_trainee;
GRANT REFERENCES ON customer TO PUBLIC;
RESET ROLE;
SELECT * FROM held;
SELECT tarot.classify_column('customer', 'email', 'email'), tarot.classify_column('customer', 'phone', 'phone');

-- By the owner.
SET ROLE tarot_app;
SELECT run($$SELECT tarot.mask_table('customer')$$);
SET ROLE tarot_owner;
SELECT call, run(format('SELECT tarot.mask_table(%s)', call)), run(format('SELECT tarot.unmask_table(%s)', call)) FROM (VALUES ('NULL'), ('1'), ('''customer_pkey'''), ('''pg_class''')) AS calls (call);
SELECT run($$SELECT tarot.unmask_table('customer')$$);
SELECT tarot.mask_table('customer');
GRANT SELECT (tableoid) ON customer TO tarot_clerk;
SELECT * FROM held;
RESET ROLE;
SELECT * FROM tarot.masked_tables ORDER BY "table"::text COLLATE "C";
SELECT run($$SELECT tarot.mask_table('customer')$$) AS again;

-- What each sees. Nobody but the owner, with the masks taken away, would see more than columns without a class.
SET ROLE tarot_app;
SELECT * FROM customer;
SELECT email, phone FROM customer;
SET ROLE tarot_clerk;
SELECT id, email FROM customer;
SELECT ask('SELECT city FROM customer') AS city;
SET ROLE tarot_trainee;
SELECT * FROM customer;
SET ROLE tarot_owner;
SELECT ask('SELECT email FROM customer') AS owner;
SET ROLE tarot_app;
SELECT code('CREATE TABLE probe (email text REFERENCES customer (email))'), code('CREATE TRIGGER t BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()');

-- A column that is added: masked, until somebody says what it is. Not where it was there already.
SET ROLE tarot_owner;
ALTER TABLE customer ADD vat text DEFAULT 'GB 1', ADD domain text GENERATED ALWAYS AS (split_part(email, '@', 2)) STORED;
ALTER TABLE customer ADD COLUMN IF NOT EXISTS city text;
ALTER TABLE customer ADD sealed tarot.encrypted_text('email');
RESET ROLE;
SELECT * FROM tarot.masked_tables ORDER BY "table"::text COLLATE "C";
SELECT * FROM held WHERE grantee = 'tarot_app';
SET ROLE tarot_app;
SELECT * FROM customer;
SELECT ask($$SELECT count(*) FROM customer WHERE vat = 'GB 1'$$) AS compared;
SET ROLE tarot_owner;
SELECT run($$SELECT tarot.unclassify_column('customer', 'vat')$$) AS owner;
RESET ROLE;
SELECT tarot.unclassify_column('customer', 'vat');
SELECT * FROM held WHERE grantee IN ('tarot_app', 'tarot_clerk', 'tarot_lead');
SET ROLE tarot_app;
SELECT vat FROM customer;
-- Or not masked, where the administrator says so.
SELECT run('SET tarot_security.mask_unclassified = off');
RESET ROLE;
SET tarot_security.mask_unclassified = off;
ALTER TABLE customer ADD nick text DEFAULT 'ada';
RESET tarot_security.mask_unclassified;
SET ROLE tarot_app;
SELECT nick FROM customer;
SET ROLE tarot_owner;
SELECT tarot.classify_column('customer', 'nick', 'email');
ALTER TABLE customer DROP sealed, DROP domain;
RESET ROLE;
SELECT * FROM tarot.masked_tables ORDER BY "table"::text COLLATE "C";
SELECT * FROM held WHERE grantee = 'tarot_app';

-- What is granted later counts for columns without a class.
SET client_min_messages = notice;
SET ROLE tarot_owner;
GRANT SELECT ON customer TO tarot_clerk;
GRANT ALL ON ALL TABLES IN SCHEMA public TO tarot_clerk;
GRANT SELECT (phone), REFERENCES (email) ON customer TO tarot_trainee;
SET client_min_messages = warning;
RESET ROLE;
SELECT * FROM held WHERE grantee IN ('tarot_clerk', 'tarot_trainee');
SET ROLE tarot_clerk;
SELECT id, email, ask('SELECT phone FROM customer') AS phone, city FROM customer;
-- And what is revoked is gone with its traces.
SET ROLE tarot_owner;
REVOKE SELECT ON customer FROM tarot_clerk;
SET ROLE tarot_clerk;
SELECT ask('SELECT email FROM customer'), ask('SELECT count(*) FROM customer');
SET ROLE tarot_owner;
REVOKE ALL ON customer FROM tarot_clerk;
RESET ROLE;
SELECT * FROM held WHERE grantee = 'tarot_clerk';

-- Unmasked, by who reads all plain; then it is as before.
SET ROLE tarot_owner;
SELECT run($$SELECT tarot.unmask_table('customer')$$);
SELECT tarot.is_masked('customer'::regclass);
RESET ROLE;
SELECT tarot.grant_class('email', 'tarot_owner', 'plain'), tarot.grant_class('phone', 'tarot_owner', 'plain');
SET ROLE tarot_owner;
SELECT tarot.unmask_table('customer');
RESET ROLE;
SELECT * FROM held;
SELECT count(*) FROM tarot.masked_tables;
SET ROLE tarot_app;
SELECT * FROM customer;

-- A column that is encrypted, and is not any more: by its type the class decides as well.
SET ROLE tarot_owner;
CREATE TABLE sealed (id int, email text);
INSERT INTO sealed VALUES (1, 'ada@example.org');
GRANT SELECT ON sealed TO tarot_app;
SELECT tarot.classify_column('sealed', 'email', 'email'), tarot.mask_table('sealed');
SET client_min_messages = error;
CALL tarot.encrypt_column('sealed', 'email', 'email');
SELECT * FROM held WHERE relation = 'sealed'::regclass;
SET ROLE tarot_app;
SELECT id, email::text FROM sealed;
SET ROLE tarot_owner;
CALL tarot.decrypt_column('sealed', 'email');
SELECT * FROM held WHERE relation = 'sealed'::regclass;
SET ROLE tarot_app;
SELECT * FROM sealed;
-- Beside writers another column takes its place. Where it is plain again, nobody has said what it is.
SET ROLE tarot_owner;
CALL tarot.encrypt_column('sealed', 'email', 'email', concurrently => true);
SET ROLE tarot_app;
SELECT id, email::text FROM sealed;
SET ROLE tarot_owner;
CALL tarot.decrypt_column('sealed', 'email', concurrently => true);
SELECT * FROM held WHERE relation = 'sealed'::regclass;
SET ROLE tarot_app;
SELECT * FROM sealed;
SET ROLE tarot_owner;
SET client_min_messages = warning;
DROP TABLE sealed;
RESET ROLE;

-- A table whose columns all have a class; and one that nobody else may use.
SET ROLE tarot_owner;
CREATE TABLE phone (number text);
CREATE TABLE own (email text);
INSERT INTO phone VALUES ('+44 20 7946 0958');
GRANT SELECT ON phone TO tarot_app, tarot_trainee;
SELECT tarot.classify_column('phone', 'number', 'phone'), tarot.mask_table('phone'), tarot.classify_column('own', 'email', 'email'), tarot.mask_table('own');
RESET ROLE;
SELECT * FROM held WHERE relation IN ('phone'::regclass, 'own'::regclass);
SET ROLE tarot_trainee;
SELECT * FROM phone;
SET ROLE tarot_app;
SELECT * FROM phone;
SELECT ask('SELECT email FROM own'), ask('SELECT 1 FROM own');
SET ROLE tarot_owner;
DROP TABLE phone, own;

-- Partitions and children, with privileges that come by default.
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO tarot_app;
CREATE TABLE log (id int, email text) PARTITION BY RANGE (id);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (0) TO (10);
SELECT tarot.classify_column('log', 'email', 'email'), tarot.mask_table('log');
CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM (10) TO (20);
CREATE TABLE log_3 (email text, id int);
ALTER TABLE log ATTACH PARTITION log_3 FOR VALUES FROM (20) TO (30);
INSERT INTO log SELECT i, 'ada@example.org' FROM generate_series(5, 25, 10) AS i;
RESET ROLE;
SELECT * FROM held WHERE relation::text LIKE 'log%';
SELECT * FROM tarot.masked_tables ORDER BY "table"::text COLLATE "C";
SET ROLE tarot_app;
SELECT email FROM log UNION ALL SELECT email FROM log_1 UNION ALL SELECT email FROM log_2 UNION ALL SELECT email FROM log_3;
SET ROLE tarot_owner;
ALTER TABLE log ADD note text;
ALTER TABLE log DETACH PARTITION log_3;
SELECT run($$SELECT tarot.unmask_table('log_1')$$);
RESET ROLE;
SELECT tarot.unclassify_column('log', 'note');
SELECT * FROM held WHERE relation::text LIKE 'log%';
SET ROLE tarot_app;
SELECT DISTINCT * FROM log_3;
SET ROLE tarot_owner;
SELECT tarot.unmask_table('log');
RESET ROLE;
SELECT * FROM held WHERE relation::text LIKE 'log%';
SET ROLE tarot_owner;
DROP TABLE log, log_3;

-- A child with columns of its own: they are new columns of a masked table.
CREATE TABLE person (id int, email text);
SELECT tarot.classify_column('person', 'email', 'email'), tarot.mask_table('person');
CREATE TABLE employee (salary int) INHERITS (person);
CREATE TABLE guest (room int);
ALTER TABLE guest ADD id int, ADD email text;
ALTER TABLE guest INHERIT person;
RESET ROLE;
SELECT * FROM tarot.masked_tables ORDER BY "table"::text COLLATE "C";
SELECT * FROM held WHERE relation::text IN ('employee', 'guest');
SET ROLE tarot_owner;
DROP TABLE person CASCADE;

-- Copies that were made before, and a table without a class.
CREATE TABLE source (id int, email text);
CREATE MATERIALIZED VIEW copied AS SELECT * FROM source;
SELECT tarot.mask_table('source');
SELECT tarot.classify_column('source', 'email', 'email'), tarot.mask_table('source');
SELECT tarot.classify_column('copied', 'email', 'email'), tarot.mask_table('copied');
SELECT tarot.mask_table('source');
DROP TABLE source CASCADE;

RESET ROLE;
DROP SCHEMA look CASCADE;
ALTER DEFAULT PRIVILEGES FOR ROLE tarot_owner REVOKE SELECT ON TABLES FROM tarot_app;
DROP EXTENSION tarot_security CASCADE;
DROP OWNED BY tarot_owner, tarot_app, tarot_lead, tarot_trainee, tarot_clerk CASCADE;
DROP ROLE tarot_owner, tarot_app, tarot_lead, tarot_trainee, tarot_clerk;

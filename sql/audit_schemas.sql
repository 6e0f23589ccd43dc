-- All tables of a schema on record, and those that come later.
SET client_min_messages = warning;
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE EXTENSION tarot_security;
\getenv source PG_ABS_SRCDIR
\i :source/sql/include/attempt.sql
CREATE ROLE regress_schema_owner;
CREATE ROLE regress_schema_officer;
GRANT CREATE ON DATABASE :DBNAME TO regress_schema_owner;
GRANT EXECUTE ON FUNCTION tarot.audit_schema, tarot.unaudit_schema, tarot.audit_table, tarot.unaudit_table TO regress_schema_officer;
CREATE VIEW audited AS SELECT "table"::text, exclude, enforced FROM tarot.audited_tables ORDER BY "table"::text;
SET ROLE regress_schema_owner;
CREATE SCHEMA shop;
CREATE TABLE shop.product (id int PRIMARY KEY, name text);
CREATE TABLE shop.stock (id int PRIMARY KEY, secret text);
CREATE TABLE shop.visit (id int) PARTITION BY LIST (id);
CREATE TABLE shop.visit_1 PARTITION OF shop.visit FOR VALUES IN (1) PARTITION BY LIST (id);
CREATE TABLE shop.visit_11 PARTITION OF shop.visit_1 DEFAULT;
CREATE TABLE shop.cache (id int);
CREATE VIEW shop.v AS SELECT 1 AS a;
CREATE SEQUENCE shop.s;
CREATE SCHEMA other;
CREATE TABLE other.thing (id int);
GRANT USAGE ON SCHEMA shop, other TO regress_schema_officer;

-- ------------------------------------------------------------ who may, and what
SELECT code($$SELECT tarot.audit_schema('shop')$$), code($$SELECT tarot.unaudit_schema('shop')$$), code($$SELECT FROM tarot.audited_schemas$$), code($$SELECT tarot.rename_audited_schema('shop', 'x')$$), code($$SELECT tarot.forget_audited_schemas()$$);
SET ROLE regress_schema_officer;
SELECT run($$SELECT tarot.audit_schema('pg_catalog')$$), code($$SELECT tarot.audit_schema('information_schema')$$), code($$SELECT tarot.audit_schema('tarot')$$), code($$SELECT tarot.unaudit_schema('pg_toast')$$), code($$SELECT tarot.audit_schema(NULL)$$),
	code($$SELECT tarot.audit_schema(1::regnamespace)$$), run($$SELECT tarot.audit_schema('shop', '{NULL}')$$), code($$SELECT tarot.audit_schema('shop', NULL)$$);
SELECT tarot.audit_table('shop.stock', exclude => '{secret}');
SELECT tarot.audit_schema('shop', exclude_tables => '{cache,log}');
SELECT tarot.audit_schema('shop', exclude_tables => '{cache,log}');
RESET ROLE;
TABLE audited;
TABLE tarot.audited_schemas;

-- ------------------------------------------------------------ those that come later
SET ROLE regress_schema_owner;
CREATE TABLE shop.a (id int PRIMARY KEY);
CREATE TABLE shop.b AS SELECT 1 AS id;
SELECT 2 AS id INTO shop.c;
CREATE TABLE shop.log (id int);
CREATE TABLE shop.d (LIKE shop.a);
CREATE TABLE shop.child (more int) INHERITS (shop.a);
CREATE TABLE shop.visit_2 PARTITION OF shop.visit DEFAULT;
CREATE TABLE shop.outside PARTITION OF shop.visit_1 FOR VALUES IN (1) PARTITION BY LIST (id);
CREATE TABLE other.part PARTITION OF shop.outside DEFAULT;
CREATE TABLE IF NOT EXISTS shop.cache (id int);
CREATE TEMP TABLE t (id int);
CREATE UNLOGGED TABLE shop.u (id int);
CREATE TABLE other.later (id int);
ALTER TABLE other.thing SET SCHEMA shop;
ALTER TABLE shop.c SET SCHEMA other;
DO $$ BEGIN EXECUTE 'CREATE TABLE shop.by_block (id int)'; END $$;
RESET ROLE;
TABLE audited;
SET ROLE regress_schema_owner;
INSERT INTO shop.a VALUES (1);
INSERT INTO shop.b VALUES (2);
INSERT INTO shop.log VALUES (3);
INSERT INTO shop.thing VALUES (4);
RESET ROLE;
SELECT table_name, new FROM tarot.audit_log WHERE operation = 'INSERT' AND table_name LIKE 'shop.%' ORDER BY transaction, number;
-- Also where the session is one of replication; not what was ended by itself, when somebody alters it.
SET ROLE regress_schema_officer;
SELECT tarot.unaudit_table('shop.d'), tarot.unaudit_table('other.c');
RESET ROLE;
SET session_replication_role = replica;
CREATE TABLE shop.e (id int);
ALTER TABLE shop.d ADD more int;
RESET session_replication_role;
SELECT * FROM audited WHERE "table" IN ('shop.d', 'shop.e');
-- A schema by another name, and one that is gone; in one transaction, and rolled back.
ALTER SCHEMA shop RENAME TO "Shop 2";
CREATE SCHEMA shop;
GRANT USAGE ON SCHEMA shop TO regress_schema_officer;
CREATE TABLE shop.f (id int);
CREATE TABLE "Shop 2".g (id int);
BEGIN;
DROP SCHEMA shop CASCADE;
ALTER SCHEMA "Shop 2" RENAME TO shop;
CREATE TABLE shop.h (id int);
TABLE tarot.audited_schemas;
ROLLBACK;
TABLE tarot.audited_schemas;
SELECT * FROM audited WHERE "table" ~ '[fgh]$';
SET ROLE regress_schema_officer;
SELECT tarot.audit_schema('other', future => false), tarot.audit_schema('other', future => true), tarot.audit_schema('shop');
RESET ROLE;
TABLE tarot.audited_schemas ORDER BY schema_name;
DROP SCHEMA shop CASCADE;
TABLE tarot.audited_schemas ORDER BY schema_name;
-- On record.
SELECT operation, coalesce(new, old) AS row FROM tarot.audit_log WHERE table_name = 'tarot.audited_schema' ORDER BY transaction, number;

-- ------------------------------------------------------------ the end
SET ROLE regress_schema_officer;
SELECT tarot.unaudit_schema('"Shop 2"', future_only => true) AS ended;
SELECT run($$SELECT tarot.unaudit_schema('"Shop 2"', future_only => true)$$);
RESET ROLE;
CREATE TABLE "Shop 2".i (id int);
SELECT count(*), bool_and(enforced) FROM audited WHERE "table" LIKE '%Shop%';
SELECT tarot.unaudit_schema('"Shop 2"') AS ended;
TABLE audited;
TABLE tarot.audited_schemas;

SET client_min_messages = error;
DROP OWNED BY regress_schema_owner, regress_schema_officer CASCADE;
DROP EXTENSION tarot_security CASCADE;
DROP ROLE regress_schema_owner, regress_schema_officer;

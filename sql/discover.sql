-- What looks sensitive and has no class: found by names, forms and check digits; told without a value; and drift.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
CREATE EXTENSION citext;
\pset null '(null)'
CREATE SCHEMA shop;
CREATE VIEW found AS SELECT relation, "column", kind, class, mask, confidence, matched, sampled, evidence FROM tarot.discover_sensitive('shop');
CREATE DOMAIN shop.address AS text;

-- Every type that values are read from, under names that say nothing, beside what only looks like them.
CREATE TABLE shop.t (id bigint, a1 text, a2 varchar(40), a3 char(40), a4 citext, a5 shop.address, a6 text[], a7 shop.address[], a8 xml, b1 bigint, b2 numeric, b3 int, c1 inet, c2 macaddr, c3 cidr,
	d1 date, d2 timestamptz, e1 bytea, e2 bytea, f1 json, f2 jsonb, f3 jsonb[], f4 jsonb, g1 boolean, g2 uuid, g3 point, g4 int4range, h1 text, h2 text, h3 text, h4 bigint);
INSERT INTO shop.t SELECT i, mail, mail, mail, mail, mail, ARRAY['none', mail], ARRAY[mail]::shop.address[], xmlparse(content '<m>' || mail || '</m>'), 4111111111111111, 4111111111111111.0, 111222333, '192.0.2.1', '00:1a:2b:3c:4d:5e', '10.0.0.0/8',
	date '1950-01-01' + i * 300, now() - i * interval '1 day', convert_to(E'-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY', 'UTF8'), convert_to(mail, 'UTF8'),
	json_build_object('rows', json_build_array(json_build_object('n', i, 'mail', mail))), jsonb_build_object('n', i, 'pan', 4111111111111111), ARRAY[jsonb_build_object('mail', mail)], jsonb_build_object(mail, 1), true, gen_random_uuid(), point(1, 2), int4range(1, i),
	'2.' || i % 9 || '.0.' || i % 7, 4111111111111112 + i * 10, gen_random_uuid(), 1700000000000 + i
	FROM (SELECT i, 'person' || i || '@example.org' AS mail FROM generate_series(1, 60) AS i) AS s;
SELECT "column", kind, class, mask, confidence, matched, sampled, evidence FROM found;
-- Never a value, nor a key of a document that is one.
SELECT count(*) FROM found WHERE found::text ~ 'person|4111|example|MC4C';

-- Names count where there are no values, and more beside them.
CREATE TABLE shop.empty (id int, first_name text, geburtsdatum date, password text, email_verified boolean, salary numeric, file_name text, "Straße" text);
SELECT "column", kind, class, mask, confidence, matched, sampled, evidence FROM found WHERE relation = 'shop.empty'::regclass;
SELECT "column", kind FROM tarot.discover_sensitive('shop', sample => 0) WHERE relation = 'shop.t'::regclass;
DROP TABLE shop.empty;

-- The sample is bounded, of a table that was counted and one that was not.
CREATE TABLE shop.large AS SELECT i AS id, 'person' || i || '@example.org' AS a1, repeat('x', 100) AS a2 FROM generate_series(1, 20000) AS i;
SELECT sampled BETWEEN 50 AND 100 AS bounded, matched = sampled AS all_of_them FROM tarot.discover_sensitive('shop', sample => 100) WHERE relation = 'shop.large'::regclass;
ANALYZE shop.large;
SELECT sampled BETWEEN 50 AND 100 AS bounded, matched = sampled AS all_of_them FROM tarot.discover_sensitive('shop', sample => 100) WHERE relation = 'shop.large'::regclass;
DROP TABLE shop.large;

-- The statements do what they say, whatever the names; and then there is nothing more to find.
CREATE TABLE shop."odd ""; table" (id int, "e'mail\ %s" text);
INSERT INTO shop."odd ""; table" VALUES (1, 'ada@example.org'), (2, 'bob@example.org'), (3, 'cyd@example.org');
SELECT unnest(statements) FROM tarot.discover_sensitive('shop', key => 'o''key') WHERE relation = 'shop."odd ""; table"'::regclass;
SELECT run(statement) FROM tarot.discover_sensitive('shop', key => 'o''key'), unnest(statements) AS statement WHERE relation = 'shop."odd ""; table"'::regclass;
SELECT * FROM tarot.classified_columns;
SELECT * FROM found WHERE relation = 'shop."odd ""; table"'::regclass;
-- A class that exists is proposed as it is.
SELECT tarot.alter_class('email', mask => 'partial(1,1)');
SELECT class, mask, statements FROM tarot.discover_sensitive('shop') WHERE "column" = 'a1';
DROP TABLE shop."odd ""; table", shop.t;

-- Encrypted columns are not looked at. Partitions and children are their parents' matter, but for columns of their own.
SELECT tarot.grant_class('email', current_user::regrole, 'plain');
CREATE TABLE shop.sealed (email tarot.encrypted_text('email'), emails tarot.encrypted_text('email')[]);
INSERT INTO shop.sealed VALUES ('ada@example.org', ARRAY['ada@example.org']::tarot.encrypted_text('email')[]);
CREATE TABLE shop.part (id int, email text) PARTITION BY RANGE (id);
CREATE TABLE shop.part_1 PARTITION OF shop.part FOR VALUES FROM (0) TO (10);
CREATE TABLE shop.part_2 PARTITION OF shop.part FOR VALUES FROM (10) TO (20);
INSERT INTO shop.part SELECT i, 'person' || i || '@example.org' FROM generate_series(0, 19) AS i;
CREATE TABLE shop.parent (id int, phone text);
CREATE TABLE shop.child (email text) INHERITS (shop.parent);
CREATE MATERIALIZED VIEW shop.copy AS SELECT email AS e FROM shop.part;
CREATE VIEW shop.view AS SELECT email FROM shop.part;
SELECT relation, "column", kind, sampled FROM found;
DROP TABLE shop.sealed, shop.part, shop.parent CASCADE;

-- Privileges and row policies count; what goes wrong is told by its code alone, and ends nothing.
CREATE ROLE tarot_officer;
CREATE ROLE tarot_owner;
GRANT USAGE ON SCHEMA shop TO tarot_officer;
CREATE TABLE shop.all_of_it (e text); INSERT INTO shop.all_of_it VALUES ('ada@example.org'), ('bob@example.org');
CREATE TABLE shop.nothing (email text); INSERT INTO shop.nothing VALUES ('ada@example.org');
CREATE TABLE shop.one_column (e text, phone text); INSERT INTO shop.one_column VALUES ('ada@example.org', '+49 30 901820');
CREATE TABLE shop.some_rows (id int, e text); INSERT INTO shop.some_rows VALUES (1, 'ada@example.org'), (2, 'bob@example.org'), (3, 'none');
CREATE TABLE shop.trap (e text); INSERT INTO shop.trap VALUES ('ada@example.org');
CREATE TABLE shop.reset (e text); INSERT INTO shop.reset VALUES ('ada@example.org');
GRANT SELECT ON shop.all_of_it, shop.some_rows, shop.trap, shop.reset TO tarot_officer;
GRANT SELECT (e) ON shop.one_column TO tarot_officer;
ALTER TABLE shop.some_rows ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON shop.some_rows USING (id > 1);
ALTER TABLE shop.trap ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON shop.trap USING (e::int > 1);
CREATE TABLE shop.raise (e text); INSERT INTO shop.raise VALUES ('ada@example.org'); GRANT SELECT ON shop.raise TO tarot_officer;
CREATE FUNCTION shop.say(e text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE 'it is %', e USING ERRCODE = '22023'; END$$;
ALTER TABLE shop.raise ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON shop.raise USING (shop.say(e));
CREATE FUNCTION shop.take() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RESET ROLE; RETURN true; END';
ALTER TABLE shop.reset ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON shop.reset USING (shop.take());
SET ROLE tarot_officer;
SELECT relation, "column", kind, class, confidence, matched, sampled, evidence FROM tarot.discover_sensitive('shop', minimum => 0.3);
SELECT current_user;
SELECT run($$SELECT tarot.accept_column('shop.nothing', 'email', 'so')$$);
SELECT run('SELECT FROM tarot.accepted_column');
RESET ROLE;
DROP TABLE shop.all_of_it, shop.nothing, shop.one_column, shop.some_rows, shop.trap, shop.reset, shop.raise;

-- Drift: what was classified or accepted is in order, and what came later is told.
SELECT tarot.alter_class('email', mask => 'email');
CREATE TABLE shop.customer (id int, contact text, note text);
INSERT INTO shop.customer SELECT i, 'person' || i || '@example.org', 'none' FROM generate_series(1, 20) AS i;
CREATE VIEW drift AS SELECT relation, "column", problem, class, kind, confidence, evidence, statements[1] AS first_statement FROM tarot.classification_drift('shop');
SELECT * FROM drift;
SELECT run(statement) FROM tarot.discover_sensitive('shop'), unnest(statements) AS statement;
SELECT * FROM drift;
SELECT tarot.accept_column('shop.customer', reason => 'numbers and states');
SELECT tarot.accept_column('shop.customer', reason => 'again');
SELECT * FROM drift;
SELECT relation, "column", type, reason, accepted_by = session_user AS by_me FROM tarot.accepted_column ORDER BY "column";
ALTER TABLE shop.customer ADD phone text, ADD amount numeric, ALTER note TYPE varchar(20);
SELECT * FROM drift;
SELECT tarot.accept_column('shop.customer', 'phone', 'of the shops'), tarot.accept_column('shop.customer', 'note', 'as before'), tarot.accept_column('shop.customer', 'amount', 'public');
SELECT * FROM drift;
ALTER TABLE shop.customer RENAME phone TO telephone;
SELECT * FROM drift;
SELECT tarot.reconsider_column('shop.customer', 'note'), tarot.reconsider_column('shop.customer'), tarot.reconsider_column('shop.customer');
UPDATE shop.customer SET contact = '+49 30 9018' || id + 10;
SELECT * FROM drift;
SELECT tarot.unclassify_column('shop.customer', 'contact');
SECURITY LABEL FOR tarot_security ON COLUMN shop.customer.contact IS 'class:nobody';
SELECT * FROM drift;

-- A masked table: whose values are hidden from the role is not looked at, and the others are.
CREATE TABLE shop.masked (a text, b text);
INSERT INTO shop.masked SELECT 'person' || i || '@example.org', '+49 30 9018' || i FROM generate_series(10, 39) AS i;
SELECT tarot.classify_column('shop.masked', 'a', 'phone'), tarot.mask_table('shop.masked') FROM tarot.create_class('phone', 'o''key', 'phone');
CREATE VIEW masked_drift AS SELECT "column", problem, class, kind, evidence FROM tarot.classification_drift('shop') WHERE relation = 'shop.masked'::regclass;
SELECT * FROM masked_drift;
SELECT tarot.grant_class('phone', current_user::regrole, 'masked');
SELECT * FROM masked_drift;
SELECT tarot.grant_class('phone', current_user::regrole, 'plain');
SELECT * FROM masked_drift;

-- Arguments.
SELECT call, run('SELECT ' || call) FROM (VALUES ('tarot.discover_sensitive(sample => -1)'), ('tarot.discover_sensitive(sample => 100001)'), ('tarot.discover_sensitive(sample => NULL)'),
	('tarot.discover_sensitive(minimum => 1.5)'), ('tarot.discover_sensitive(minimum => ''NaN'')'), ('tarot.discover_sensitive(key => NULL)'), ('tarot.discover_sensitive(''absent'')'), ('tarot.classification_drift(minimum => NULL)'),
	('tarot.accept_column(''shop.customer'', ''absent'', ''so'')'), ('tarot.accept_column(''shop.customer'', ''note'')'), ('tarot.accept_column(NULL, ''note'', ''so'')'), ('tarot.accept_column(''pg_user'', NULL, ''so'')'),
	('tarot.survey_columns(''pg_user''::regclass, 10, 0.5)')) AS calls (call);

DROP SCHEMA shop CASCADE;
DROP ROLE tarot_officer, tarot_owner;

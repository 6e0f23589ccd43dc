-- The classes of plain columns: who may say them, what they hold on to, and what children have.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'
SELECT tarot.create_key('profile') > 0 AS created;
SELECT tarot.create_class(c, 'profile', m) FROM (VALUES ('email', 'email'), ('phone', 'phone'), ('name', 'name'), ('secret', 'hash'), ('o''brien "q"', 'redact')) AS classes (c, m);
CREATE ROLE tarot_owner;
CREATE ROLE tarot_other;
CREATE ROLE tarot_labeller IN ROLE tarot_owner;
GRANT CREATE ON SCHEMA public TO tarot_owner;
SELECT tarot.grant_class('email', 'tarot_owner', 'masked', write => true), tarot.grant_class('phone', 'tarot_owner', 'plain'), tarot.grant_class('secret', 'tarot_owner', 'masked'),
	tarot.grant_class('name', 'tarot_labeller', 'none', write => true), tarot.grant_class('o''brien "q"', 'tarot_owner', write => true);
CREATE VIEW labels AS SELECT objoid::regclass AS relation, attname, label FROM pg_seclabel LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid AND attnum > 0
	WHERE provider = 'tarot_security' ORDER BY objoid::regclass::text COLLATE "C", objsubid;
CREATE VIEW classes AS SELECT * FROM tarot.classified_columns ORDER BY "table"::text COLLATE "C", "column";
GRANT SELECT ON labels, classes TO PUBLIC;

SET ROLE tarot_owner;
CREATE TABLE customer (id int PRIMARY KEY, email text, phone text, nick text, "odd "" name" text, sealed tarot.encrypted_text('email'));
CREATE VIEW customer_view AS SELECT id, email FROM customer;
CREATE MATERIALIZED VIEW customer_copy AS SELECT id, email FROM customer;
CREATE TYPE customer_type AS (email text);
SELECT * FROM classes;
SELECT tarot.classify_column('customer', 'email', 'email'), tarot.classify_column('customer', 'phone', 'phone');
SELECT tarot.classify_column('customer', 'odd " name', 'o''brien "q"'), tarot.classify_column('customer_copy', 'email', 'email');
SELECT * FROM classes;
SELECT * FROM labels;

-- By whom: the owner, or a member, who may write the class, or who grants classes.
SELECT run($$SELECT tarot.classify_column('customer', 'nick', 'secret')$$) AS reads_masked_only;
SELECT run($$SELECT tarot.classify_column('customer', 'nick', 'name')$$) AS no_right;
SELECT run($$SECURITY LABEL FOR tarot_security ON COLUMN customer.nick IS 'class:secret'$$) AS by_hand;
SET ROLE tarot_labeller;
SELECT run($$SELECT tarot.classify_column('customer', 'nick', 'name')$$) AS member;
SET ROLE tarot_other;
SELECT run($$SELECT tarot.classify_column('customer', 'nick', 'email')$$) AS not_owner;
SELECT run($$SELECT tarot.unclassify_column('customer', 'email')$$) AS not_owner;
SELECT run($$SECURITY LABEL FOR tarot_security ON COLUMN customer.email IS NULL$$) AS not_owner;
RESET ROLE;
SELECT run($$SELECT tarot.classify_column('customer', 'nick', 'secret')$$) AS grants_classes;
SELECT run($$SELECT tarot.unclassify_column('customer', 'nick')$$) AS undone;
SET ROLE tarot_owner;
SELECT tarot.unclassify_column('customer', 'nick');

-- What cannot have a class, and what is no class.
SELECT call, run('SELECT tarot.classify_column(' || call || ')') FROM (VALUES
	('''customer'', ''sealed'', ''email'''), ('''customer'', ''ctid'', ''email'''), ('''customer'', ''absent'', ''email'''), ('''customer_view'', ''email'', ''email'''),
	('''customer_type'', ''email'', ''email'''), ('''customer_pkey'', ''id'', ''email'''), ('''customer'', ''nick'', ''absent'''), ('''customer'', ''nick'', NULL'), ('''customer'', ''nick'', '''''),
	('''customer'', NULL, ''email'''), ('NULL, ''nick'', ''email'''), ('1, ''nick'', ''email'''), ('''pg_class'', ''relname'', ''email''')) AS calls (call);
SELECT label, run(format('SECURITY LABEL FOR tarot_security ON COLUMN customer.nick IS %L', label)) FROM (VALUES
	(''), ('class'), ('class:'), ('class:#1'), (E'class:a\nb'), ('class:' || repeat('x', 64)), ('Class:email'), ('masked'), ('email'), ('class:absent'), ('class:email '), ('unclassified'), (NULL)) AS labels (label);
SELECT run($$SECURITY LABEL FOR tarot_security ON TABLE customer IS 'class:email'$$), run($$SECURITY LABEL FOR tarot_security ON VIEW customer_view IS 'masked'$$),
	run($$SECURITY LABEL FOR tarot_security ON TABLE customer IS 'masking'$$), run($$SECURITY LABEL FOR tarot_security ON TYPE customer_type IS 'masked'$$),
	run($$SECURITY LABEL FOR tarot_security ON SCHEMA public IS 'masked'$$);
RESET ROLE;
SELECT run($$SECURITY LABEL FOR tarot_security ON ROLE tarot_owner IS 'masked'$$), run($$SECURITY LABEL FOR tarot_security ON COLUMN pg_class.relname IS 'class:email'$$),
	run($$SECURITY LABEL FOR tarot_security ON SCHEMA public IS 'masked'$$);

-- A dump labels before it fills the table of classes. Who restores it may grant them.
SET client_min_messages = notice;
SECURITY LABEL FOR tarot_security ON COLUMN customer.nick IS 'class:later';
BEGIN; SET LOCAL tarot_security.io = envelope; SECURITY LABEL FOR tarot_security ON COLUMN customer.nick IS 'class:later'; COMMIT;
SET client_min_messages = warning;
SELECT "column", class ~ '^#\d+$' AS number, kind FROM classes WHERE "column" = 'nick';
SELECT tarot.create_class('later', 'profile');
SELECT * FROM classes WHERE "column" = 'nick';

-- A class that columns have stays.
SELECT run($$SELECT tarot.drop_class('later')$$);
SELECT tarot.alter_class('later', searchable => true, search_bits => 60), tarot.alter_class('later', search_bits => 40);
SELECT tarot.unclassify_column('customer', 'nick');
SELECT run($$SELECT tarot.drop_class('later')$$);

-- It is the column's, whatever that is called, and goes with it.
SET ROLE tarot_owner;
ALTER TABLE customer RENAME email TO mail;
ALTER TABLE customer RENAME TO client;
DROP VIEW customer_view; DROP MATERIALIZED VIEW customer_copy;
ALTER TABLE client ALTER mail TYPE varchar(100);
TRUNCATE client;
SELECT * FROM classes WHERE "table" = 'client'::regclass;
ALTER TABLE client DROP COLUMN phone;
ALTER TABLE client ALTER mail TYPE tarot.encrypted_text('email');
SELECT * FROM classes WHERE "table" = 'client'::regclass;
SELECT * FROM labels WHERE relation = 'client'::regclass;
DROP TABLE client CASCADE;
SELECT * FROM labels;

-- What is generated from a column.
CREATE TABLE made (email text, phone text, nick text, lowered text GENERATED ALWAYS AS (lower(email)) STORED, joined text GENERATED ALWAYS AS (phone || email) STORED,
	twice text GENERATED ALWAYS AS (email || nick || email) STORED, own text GENERATED ALWAYS AS (lower(email)) STORED, none text GENERATED ALWAYS AS (lower(nick)) STORED);
SELECT tarot.classify_column('made', 'email', 'email'), tarot.classify_column('made', 'phone', 'phone'), tarot.classify_column('made', 'own', 'phone');
ALTER TABLE made ADD later text GENERATED ALWAYS AS (upper(phone)) STORED;
SELECT "column", class, kind FROM classes WHERE "table" = 'made'::regclass;
SELECT tarot.unclassify_column('made', 'email'), tarot.unclassify_column('made', 'phone'), tarot.unclassify_column('made', 'own');
SELECT * FROM classes WHERE "table" = 'made'::regclass;

-- Partitions, of any layout, on any level, that are there and that come later.
CREATE TABLE log (id int, email text, at int) PARTITION BY RANGE (at);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (0) TO (10);
CREATE TABLE log_2 (at int, junk int, email text, id int) PARTITION BY RANGE (id);
ALTER TABLE log_2 DROP junk;
CREATE TABLE log_2_1 PARTITION OF log_2 FOR VALUES FROM (0) TO (10);
ALTER TABLE log ATTACH PARTITION log_2 FOR VALUES FROM (10) TO (20);
SELECT tarot.classify_column('log', 'email', 'email');
CREATE TABLE log_3 PARTITION OF log FOR VALUES FROM (20) TO (30) PARTITION BY RANGE (id);
CREATE TABLE log_3_1 PARTITION OF log_3 FOR VALUES FROM (0) TO (10);
CREATE TABLE log_4 (email text, id int, at int);
ALTER TABLE log ATTACH PARTITION log_4 FOR VALUES FROM (30) TO (40);
SELECT * FROM classes;
SELECT run($$SELECT tarot.unclassify_column('log_1', 'email')$$), run($$SELECT tarot.classify_column('log_1', 'email', 'phone')$$), run($$SELECT tarot.classify_column('log_1', 'email', 'email')$$),
	run($$SELECT tarot.classify_column('log_1', 'at', 'phone')$$);
-- What is detached keeps it; the others follow.
ALTER TABLE log DETACH PARTITION log_4;
SELECT tarot.classify_column('log', 'email', 'phone');
SELECT * FROM labels;
SELECT tarot.unclassify_column('log', 'email');
SELECT * FROM labels;

-- A column could be read through a parent where it has no class, or another one.
SELECT run($$ALTER TABLE log ATTACH PARTITION log_4 FOR VALUES FROM (30) TO (40)$$);
SELECT tarot.classify_column('log', 'email', 'phone');
SELECT run($$ALTER TABLE log ATTACH PARTITION log_4 FOR VALUES FROM (30) TO (40)$$);
SELECT tarot.classify_column('log', 'email', 'email');
ALTER TABLE log ATTACH PARTITION log_4 FOR VALUES FROM (30) TO (40);
DROP TABLE log;
SELECT * FROM labels;

-- Inheritance, of more than one parent.
CREATE TABLE person (name text, email text);
CREATE TABLE firm (email text, vat text);
CREATE TABLE tradesman (trade text) INHERITS (person, firm);
CREATE TABLE plumber () INHERITS (tradesman);
SELECT tarot.classify_column('person', 'email', 'email');
SELECT * FROM labels;
SELECT run($$SELECT tarot.classify_column('plumber', 'vat', 'phone')$$), run($$SELECT tarot.classify_column('plumber', 'trade', 'phone')$$), run($$SELECT tarot.classify_column('tradesman', 'trade', 'phone')$$);
CREATE TABLE apprentice () INHERITS (person, firm);
SELECT * FROM labels WHERE relation = 'apprentice'::regclass;
DROP TABLE apprentice;
CREATE TABLE baker (vat text, name text, email text);
SELECT tarot.classify_column('baker', 'vat', 'phone');
SELECT run($$ALTER TABLE baker INHERIT firm$$), run($$ALTER TABLE baker INHERIT person$$);
ALTER TABLE plumber NO INHERIT tradesman;
SELECT tarot.unclassify_column('firm', 'email');
SELECT * FROM classes;
SELECT run($$CREATE TABLE cook (vat text) INHERITS (firm, plumber)$$);
SELECT run($$ALTER TABLE baker INHERIT firm$$);
DROP TABLE firm, person, plumber CASCADE;

-- Also of a table that comes with its schema.
CREATE TABLE base (email text);
SELECT tarot.classify_column('base', 'email', 'email');
RESET ROLE;
GRANT CREATE ON DATABASE :"DBNAME" TO tarot_owner;
SET ROLE tarot_owner;
CREATE SCHEMA tarot_schema CREATE TABLE derived () INHERITS (public.base);
SELECT * FROM labels WHERE relation::text LIKE '%derived';
DROP TABLE base CASCADE;

-- In a masked table a class is taken away by who reads it plain.
CREATE TABLE masked (id int, email text, phone text, lowered text GENERATED ALWAYS AS (lower(email)) STORED);
CREATE TABLE masked_child () INHERITS (masked);
SELECT tarot.classify_column('masked', 'email', 'email'), tarot.classify_column('masked', 'phone', 'phone');
SECURITY LABEL FOR tarot_security ON COLUMN masked.id IS 'unclassified';
SECURITY LABEL FOR tarot_security ON TABLE masked IS 'masked';
SELECT "table", "column", class, masked FROM classes;
SELECT statement, run(statement) FROM (VALUES
	($$SELECT tarot.unclassify_column('masked', 'email')$$), ($$SELECT tarot.classify_column('masked', 'email', 'phone')$$), ($$SELECT tarot.classify_column('masked', 'email', 'email')$$),
	($$SECURITY LABEL FOR tarot_security ON COLUMN masked.email IS 'unclassified'$$), ($$SECURITY LABEL FOR tarot_security ON TABLE masked IS NULL$$),
	($$SECURITY LABEL FOR tarot_security ON TABLE masked_child IS NULL$$), ($$SELECT tarot.unclassify_column('masked_child', 'email')$$),
	($$SELECT tarot.unclassify_column('masked', 'id')$$), ($$SELECT tarot.unclassify_column('masked', 'phone')$$), ($$SELECT tarot.classify_column('masked', 'id', 'phone')$$)) AS s (statement);
RESET ROLE;
SELECT statement, run(statement) FROM (VALUES ($$SELECT tarot.unclassify_column('masked', 'email')$$), ($$SECURITY LABEL FOR tarot_security ON COLUMN masked.phone IS 'unclassified'$$),
	($$SELECT tarot.unclassify_column('masked', 'phone')$$), ($$SECURITY LABEL FOR tarot_security ON TABLE masked IS NULL$$)) AS s (statement);
SELECT tarot.grant_class('email', 'tarot_owner', 'plain');
SET ROLE tarot_owner;
-- Of the parts, too: a child that is detached stays masked, and one is not put under a parent that is not.
ALTER TABLE masked_child NO INHERIT masked;
SELECT run($$SECURITY LABEL FOR tarot_security ON TABLE masked IS NULL$$);
SELECT run($$ALTER TABLE masked_child INHERIT masked$$);
SECURITY LABEL FOR tarot_security ON TABLE masked IS 'masked';
ALTER TABLE masked_child INHERIT masked;
SELECT run($$SECURITY LABEL FOR tarot_security ON TABLE masked IS NULL$$);
SELECT * FROM labels;
CREATE TABLE masked_child_2 () INHERITS (masked);
SELECT * FROM labels;

-- Without the extension they are only text, which can be taken away.
RESET ROLE;
DROP EXTENSION tarot_security CASCADE;
SELECT count(*) FROM pg_seclabel WHERE provider = 'tarot_security';
SELECT run($$SECURITY LABEL FOR tarot_security ON COLUMN masked.email IS 'class:email'$$), run($$SECURITY LABEL FOR tarot_security ON COLUMN masked.phone IS NULL$$);
DROP OWNED BY tarot_owner, tarot_other, tarot_labeller CASCADE;
DROP ROLE tarot_owner, tarot_other, tarot_labeller;
SELECT count(*) FROM pg_seclabel WHERE provider = 'tarot_security';

-- Static masking of partitioned tables, of parents and children, of types of all kinds; and what else the catalogs tell against it.
CREATE EXTENSION tarot_security;
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT tarot.create_key('k') > 0 AS created;
DO $$
BEGIN
	PERFORM tarot.create_class(name, 'k', mask), tarot.grant_class(name, 'postgres', 'plain')
		FROM (VALUES ('email', 'email'), ('person', 'name'), ('number', 'pseudonym'), ('birth', 'year'), ('same', 'constant(same)'), ('document', 'json')) AS c (name, mask);
END
$$;

-- Partitions: each is written anew; a partition with another order of columns, too.
CREATE TABLE visit (id int, at date, person text, email text, note text DEFAULT 'none', PRIMARY KEY (at, id)) PARTITION BY RANGE (at);
CREATE TABLE visit_2024 PARTITION OF visit FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY RANGE (id);
CREATE TABLE visit_2024_a PARTITION OF visit_2024 FOR VALUES FROM (0) TO (100);
CREATE TABLE visit_2024_b (email text, gone int, note text, id int NOT NULL, at date NOT NULL, person text);
ALTER TABLE visit_2024_b DROP gone;
ALTER TABLE visit_2024 ATTACH PARTITION visit_2024_b FOR VALUES FROM (100) TO (1000);
INSERT INTO visit SELECT i, '2024-06-01'::date + i, 'Grace Hopper ' || i, 'user' || i || '@example.org' FROM generate_series(1, 200) i;
ANALYZE visit;
SELECT tarot.classify_column('visit', 'person', 'person'), tarot.classify_column('visit', 'email', 'email');
SELECT object, problem, hint FROM tarot.check_anonymization('visit', shuffle => '{id}');
SELECT * FROM tarot.anonymize_table('visit', in_place => true, shuffle => '{at}');
SELECT * FROM tarot.anonymize_table('visit', copy_to => 'public.visits');
SELECT count(*), count(DISTINCT id), min(person), max(email), min(note), count(DISTINCT at) FROM visits;
SELECT relkind FROM pg_class WHERE oid = 'visits'::regclass;
SELECT * FROM tarot.anonymize_table('visit', in_place => true);
SELECT tableoid::regclass, count(*), count(DISTINCT id), min(person), max(person), min(email), max(email), min(note) FROM visit GROUP BY 1 ORDER BY 1;
SELECT tablename, attname FROM pg_stats WHERE tablename LIKE 'visit%' AND attname IN ('person', 'email') ORDER BY 1, 2;
SELECT count(*) FROM pg_stats WHERE tablename LIKE 'visit%' AND attname = 'at';

-- One partition alone: its own rows, and of its parents the statistics. A foreign key that goes to the whole is looked for, too.
INSERT INTO visit SELECT i, '2024-06-01'::date + i, 'Ada Lovelace ' || i, 'other' || i || '@example.org' FROM generate_series(1, 150) i ON CONFLICT (at, id) DO UPDATE SET person = excluded.person, email = excluded.email;
ANALYZE visit;
SELECT "table", "column", class, treatment, "values" FROM tarot.anonymize_table('visit_2024_b', in_place => true) WHERE treatment <> 'left';
SELECT tableoid::regclass, min(person), max(person) FROM visit GROUP BY 1 ORDER BY 1;
SELECT tablename, attname FROM pg_stats WHERE tablename LIKE 'visit%' AND attname IN ('person', 'email') ORDER BY 1, 2;
CREATE TABLE guide (number text PRIMARY KEY);
CREATE TABLE tour (at date, number text REFERENCES guide) PARTITION BY RANGE (at);
CREATE TABLE tour_1 PARTITION OF tour DEFAULT;
INSERT INTO guide SELECT 'G-' || 10000000 + i FROM generate_series(1, 20) i;
INSERT INTO tour SELECT '2024-01-01', number FROM guide;
SELECT tarot.classify_column('tour', 'number', 'number'), tarot.classify_column('guide', 'number', 'number');
SELECT object, problem FROM tarot.check_anonymization('tour');
SELECT object, problem FROM tarot.check_anonymization('tour_1');
SELECT object, problem FROM tarot.check_anonymization('guide');
SELECT "table", "column", class, treatment, "values", unchanged FROM tarot.anonymize_tables('{tour,guide}', in_place => true) WHERE treatment <> 'left';
SELECT count(*), count(*) FILTER (WHERE number LIKE 'G-1%') < 5 AS masked FROM tour JOIN guide USING (number);
SELECT "table", "column", "values", unchanged FROM tarot.anonymize_tables('{tour_1,guide}', in_place => true) WHERE treatment <> 'left';
SELECT count(*) FROM tour JOIN guide USING (number);
DROP TABLE visit, visits, tour, guide;

-- Parents and children.
CREATE TABLE person (id int, name text);
CREATE TABLE member (email text, PRIMARY KEY (id)) INHERITS (person);
INSERT INTO person VALUES (1, 'Ada Lovelace'), (2, 'Grace Hopper');
INSERT INTO member VALUES (3, 'Alan Turing', 'alan@example.org');
SELECT tarot.classify_column('person', 'name', 'person'), tarot.classify_column('member', 'email', 'email');
SELECT * FROM tarot.anonymize_table('person', copy_to => 'public.people');
SELECT * FROM tarot.anonymize_table('person', in_place => true);
SELECT * FROM member;
SELECT tableoid::regclass, * FROM person ORDER BY id;
DROP TABLE person CASCADE;

-- Types of all kinds, long values, and what a mask cannot be of a type.
CREATE DOMAIN address AS varchar(30) CHECK (value <> '');
CREATE TABLE types (id int PRIMARY KEY, d address, c char(20), v varchar(12), j jsonb, a text[], b bytea, n int, long text, kept text, note text[]);
INSERT INTO types SELECT i, 'user' || i || '@example.org', 'Ada Lovelace', 'AB-' || 12345670 + i, '{"name": "Ada Lovelace", "age": 36}', ARRAY['user@example.org', 'x' || i || '@example.org'], 'binary', i,
	repeat('long@example.org ', 2000) || i, repeat(md5(i::text), 200), ARRAY['see', 'AB-' || 12345671] FROM generate_series(1, 10) i;
ALTER TABLE types ALTER long SET STORAGE external, ALTER kept SET STORAGE external;
UPDATE types SET long = long || ' ', kept = kept || ' ';
SELECT tarot.classify_column('types', c, d) FROM (VALUES ('d', 'email'), ('c', 'person'), ('v', 'number'), ('j', 'document'), ('a', 'email'), ('b', 'same'), ('long', 'same')) AS l (c, d);
SELECT object, problem FROM tarot.check_anonymization('types');
SELECT md5(string_agg(kept, ',' ORDER BY id)) AS before FROM types \gset
SELECT "column", class, treatment, "values", unchanged, found FROM tarot.anonymize_table('types', in_place => true, allow => '{note}');
SELECT id, d, c, v ~ '^[A-Z]{2}-[0-9]{8}$' AS v, j, a, b, n, long FROM types ORDER BY id LIMIT 2;
SELECT md5(string_agg(kept, ',' ORDER BY id)) = :'before' AS kept FROM types;
SELECT pg_relation_size(reltoastrelid) > 0 AS has_toast FROM pg_class WHERE oid = 'types'::regclass;
SELECT count(DISTINCT v) FROM types;
DROP TABLE types;

-- Nothing to do; a class that is gone; a generated column that shows what stays.
CREATE TABLE plain (id int, name text, upper text GENERATED ALWAYS AS (upper(name)) STORED);
SELECT * FROM tarot.anonymize_table('plain', in_place => true);
SELECT tarot.classify_column('plain', 'upper', 'person');
SELECT object, problem, hint FROM tarot.check_anonymization('plain', shuffle => '{id}');
SELECT object, problem, hint FROM tarot.check_anonymization('plain', shuffle => '{name}');
SELECT tarot.classify_column('plain', 'name', 'person');
SELECT object, problem, hint FROM tarot.check_anonymization('plain');
INSERT INTO plain VALUES (1, 'Ada Lovelace');
SELECT "column", treatment FROM tarot.anonymize_table('plain', in_place => true);
SELECT * FROM plain;
SELECT tarot.unclassify_column('plain', 'upper'), tarot.unclassify_column('plain', 'name');
SECURITY LABEL FOR tarot_security ON COLUMN plain.name IS 'class:nowhere';
SELECT object, problem, hint FROM tarot.check_anonymization('plain');
DROP TABLE plain;

-- Encrypted columns stay sealed, when that is wanted (and else are masked: anonymize_sealed.sql).
CREATE TABLE sealed (id int PRIMARY KEY, name text, email tarot.encrypted_text('email'));
INSERT INTO sealed VALUES (1, 'Ada Lovelace', 'ada@example.org'), (2, 'Grace Hopper', 'grace@example.org');
SELECT tarot.classify_column('sealed', 'name', 'person');
SELECT "column", treatment FROM tarot.anonymize_table('sealed', in_place => true, keep => '{email}');
SELECT * FROM sealed ORDER BY id;
SELECT tarot.bind_column('sealed', 'email');
SELECT object, problem, hint FROM tarot.check_anonymization('sealed', keep => '{email}', shuffle => '{id}');
SELECT "column", treatment FROM tarot.anonymize_table('sealed', in_place => true, keep => '{email}');
SELECT * FROM sealed ORDER BY id;
SELECT * FROM tarot.verify_bindings('sealed');
DROP TABLE sealed;

-- Exclusion constraints: the index checks them, and tells no value.
CREATE TABLE span (id int, r text, EXCLUDE (r WITH =), UNIQUE (id) DEFERRABLE INITIALLY DEFERRED);
INSERT INTO span VALUES (1, 'Ada Lovelace'), (2, 'Alan Lowell');
SELECT tarot.classify_column('span', 'r', 'person');
\set VERBOSITY default
SELECT * FROM tarot.anonymize_table('span', in_place => true);
\set VERBOSITY terse
SELECT * FROM span;
DROP TABLE span;

-- Materialized views are told, publications are in the way, and who is in the middle of reading waits for nothing.
CREATE TABLE shown (id int PRIMARY KEY, name text);
INSERT INTO shown VALUES (1, 'Ada Lovelace');
SELECT tarot.classify_column('shown', 'name', 'person');
CREATE MATERIALIZED VIEW copy AS SELECT name FROM shown;
CREATE MATERIALIZED VIEW ids AS SELECT id FROM shown;
CREATE VIEW view AS SELECT name FROM shown;
CREATE RULE log AS ON UPDATE TO shown DO ALSO NOTIFY rule;
CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trigger''; END';
CREATE TRIGGER stop BEFORE INSERT OR UPDATE ON shown FOR EACH ROW EXECUTE FUNCTION stop();
ALTER TABLE shown ENABLE ALWAYS TRIGGER stop;
SELECT object, problem, severity, hint FROM tarot.check_anonymization('shown');
SET client_min_messages = error;
CREATE PUBLICATION p FOR TABLE shown;
SET client_min_messages = warning;
SELECT object, problem, severity, hint FROM tarot.check_anonymization('shown');
SELECT "column" FROM tarot.anonymize_table('shown', copy_to => 'public.unpublished');
DROP PUBLICATION p;
SET client_min_messages = error;
CREATE PUBLICATION p FOR TABLES IN SCHEMA public;
SELECT object, problem, severity FROM tarot.check_anonymization('shown');
DROP PUBLICATION p;
CREATE PUBLICATION p FOR ALL TABLES;
SELECT object, problem, severity FROM tarot.check_anonymization('shown');
DROP PUBLICATION p;
SET client_min_messages = warning;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM shown;
FETCH c;
SELECT * FROM tarot.anonymize_table('shown', in_place => true);
ROLLBACK;
SELECT "column", treatment FROM tarot.anonymize_table('shown', in_place => true);
SELECT * FROM view;
REFRESH MATERIALIZED VIEW copy;
SELECT * FROM copy;
-- A partition that waits for its constraint, an index that is not valid, an empty table.
TRUNCATE shown;
SELECT "column", treatment, "values", unchanged, found FROM tarot.anonymize_table('shown', in_place => true);
SELECT * FROM tarot.anonymization_progress;
DROP TABLE shown CASCADE;

-- A foreign key whose sides are masked alike but are not equal then: of two types, of which one is cut off.
CREATE TABLE long_key (v varchar(40) PRIMARY KEY);
CREATE TABLE short_key (v varchar(4) REFERENCES long_key);
INSERT INTO long_key VALUES ('ab12'), ('cd34');
INSERT INTO short_key TABLE long_key;
SELECT tarot.classify_column('long_key', 'v', 'number'), tarot.classify_column('short_key', 'v', 'number');
SELECT "table", "column", "values", unchanged FROM tarot.anonymize_tables('{long_key,short_key}', in_place => true);
SELECT * FROM long_key NATURAL JOIN short_key;

-- A masked table: its owner, who reads all plain; and nothing of what nobody has classified gets out by a copy.
DROP TABLE long_key, short_key CASCADE;
CREATE TABLE lead (id int PRIMARY KEY, name text, email text, gone text);
INSERT INTO lead VALUES (1, 'Ada Lovelace', 'ada@example.org'), (2, 'Grace Hopper', 'grace@example.org');
SELECT tarot.classify_column('lead', 'name', 'person');
SELECT tarot.mask_table('lead');
ALTER TABLE lead ADD secret text DEFAULT 'secret', ADD both_ text GENERATED ALWAYS AS (name || email) STORED;
SECURITY LABEL FOR tarot_security ON COLUMN lead.secret IS 'unclassified';
SELECT object, problem, hint FROM tarot.check_anonymization('lead');
\set VERBOSITY default
SELECT * FROM tarot.anonymize_table('lead', copy_to => 'public.copied', keep => '{secret,name}', shuffle => '{gone}');
\set VERBOSITY terse
SELECT "column", class, treatment, "values" FROM tarot.anonymize_table('lead', in_place => true, keep => '{secret}', shuffle => '{email}');
SELECT tarot.classify_column('lead', 'secret', 'same'), tarot.classify_column('lead', 'email', 'email');
SELECT "column", class, treatment, "values" FROM tarot.anonymize_table('lead', copy_to => 'public.copied', keep => '{secret}', shuffle => '{email}', allow => '{name}');
SELECT "column", class FROM tarot.classified_columns WHERE "table" = 'copied'::regclass ORDER BY 1;
SELECT name, secret, (SELECT array_agg(email ORDER BY email) FROM copied), both_ = name || email AS computed FROM copied;
SELECT tarot.revoke_class('email', 'postgres');
SELECT name, email FROM lead;
SELECT * FROM tarot.anonymize_table('lead', copy_to => 'public.again', keep => '{email}');
DROP TABLE lead, copied;

-- A partitioned table without partitions.
CREATE TABLE none (id int, name text) PARTITION BY RANGE (id);
SELECT tarot.classify_column('none', 'name', 'person');
SELECT "column", treatment, "values" FROM tarot.anonymize_table('none', in_place => true, shuffle => '{}');
SELECT "column", treatment, "values" FROM tarot.anonymize_table('none', copy_to => 'public.empty');
SELECT * FROM empty;

-- More survivors than there is room for, each is counted still.
SET maintenance_work_mem = '1MB';
CREATE TABLE many (id int, email text, again text, late text, other text);
INSERT INTO many SELECT i, 'user' || i || '@example.org', 'user' || i || '@example.org', CASE WHEN i > 9990 THEN 'see user' || i || '@example.org.' END, 'something else ' || i FROM generate_series(1, 10000) i;
SELECT tarot.grant_class('email', 'postgres', 'plain'), tarot.classify_column('many', 'email', 'email');
SELECT object, problem FROM tarot.check_anonymization('many');
SELECT "column", "values", found FROM tarot.anonymize_table('many', in_place => true, allow => '{again,late}');
RESET maintenance_work_mem;

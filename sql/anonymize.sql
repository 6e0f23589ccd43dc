-- Static masking: tables whose values become the masks of their classes, in place and as copies.
CREATE EXTENSION tarot_security;
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE tarot_regress_owner;
CREATE ROLE tarot_regress_other;
GRANT CREATE ON SCHEMA public TO tarot_regress_owner;
SELECT tarot.create_key('k') > 0 AS created;
DO $$
BEGIN
	PERFORM tarot.create_class(name, 'k', mask), tarot.grant_class(name, 'tarot_regress_owner', 'plain')
		FROM (VALUES ('email', 'email'), ('person', 'name'), ('number', 'pseudonym'), ('income', 'round(1000)'), ('birth', 'year'), ('secret', 'null'), ('network', 'ip'), ('same', 'constant(same)')) AS c (name, mask);
END
$$;
SET ROLE tarot_regress_owner;

CREATE TABLE customer (
	id int PRIMARY KEY, number text NOT NULL UNIQUE, email varchar(60) NOT NULL, name text, income numeric(10,2), born date, address inet,
	token uuid, gone text, note text, city text, domain text GENERATED ALWAYS AS (substr(email, strpos(email, '@'))) STORED,
	CHECK (email LIKE '%@%'), CHECK (income >= 0));
ALTER TABLE customer DROP COLUMN gone;
CREATE INDEX customer_lower ON customer (lower(email));
CREATE STATISTICS customer_mcv (mcv) ON name, city FROM customer;
INSERT INTO customer (id, number, email, name, income, born, address, note, city)
	SELECT i, 'KD-' || 1000000 + i, 'user' || i || '@host' || i % 7 || '.example.org', 'Ada Lovelace ' || i, i * 100 + 7, date '1950-03-05' + i % 300, '10.1.2.3'::inet + i, 'note ' || i, 'City ' || i % 10
		FROM generate_series(1, 500) i;
INSERT INTO customer (id, number, email) VALUES (501, 'KD-2000000', 'last@example.org');
CREATE TABLE orders (id int PRIMARY KEY, number text REFERENCES customer (number), note text);
INSERT INTO orders SELECT i, 'KD-' || 1000000 + i % 500 + 1, 'order ' || i FROM generate_series(1, 1000) i;
ANALYZE customer;
ANALYZE orders;
SELECT count(*) FROM pg_stats WHERE tablename = 'customer_lower';
SELECT count(*) FROM pg_stats_ext WHERE tablename = 'customer';
SELECT tarot.classify_column('customer', c, d) FROM (VALUES ('number', 'number'), ('email', 'email'), ('name', 'person'), ('income', 'income'), ('born', 'birth'), ('address', 'network')) AS l (c, d);

-- What is in the way, as a list and as an error; and nothing is changed.
CREATE VIEW raw AS SELECT md5(string_agg(c::text, ',' ORDER BY id)) FROM customer c;
SELECT * FROM raw \gset raw_
SELECT * FROM tarot.check_anonymization('customer');
\set VERBOSITY default
SELECT * FROM tarot.anonymize_table('customer', in_place => true);
SELECT * FROM tarot.anonymize_table('customer');
\set VERBOSITY terse
SELECT * FROM tarot.anonymize_table('customer', in_place => true, copy_to => 'public.copy');
SELECT * FROM tarot.anonymize_table(NULL, in_place => true);
SELECT * FROM tarot.anonymize_tables('{}', in_place => true);
SELECT * FROM tarot.anonymize_tables('{customer,NULL}', in_place => true);
SELECT * FROM tarot.anonymize_tables('{customer,orders,customer}', in_place => true);
SELECT * FROM tarot.anonymize_tables('{customer,orders}', in_place => true);
SELECT tarot.classify_column('orders', 'number', 'email');
SELECT object, problem FROM tarot.check_anonymization('customer', together_with => '{orders}');
SELECT tarot.classify_column('orders', 'number', 'number');
SELECT * FROM tarot.check_anonymization('customer', together_with => '{orders}');
SELECT * FROM tarot.check_anonymization('customer', keep => '{number}');
SELECT * FROM tarot.check_anonymization('customer', keep => '{nothing}');
SELECT * FROM tarot.check_anonymization('customer', keep => '{number}', shuffle => '{number}');
SELECT object, problem FROM tarot.check_anonymization('customer', shuffle => '{number}', together_with => '{orders}');
SELECT (SELECT * FROM raw) = :'raw_md5' AS unchanged;

-- Who may: the owner, and only with plain access to all classes.
RESET ROLE;
SET ROLE tarot_regress_other;
SELECT * FROM tarot.anonymize_table('customer', in_place => true);
SELECT * FROM tarot.check_anonymization('customer');
RESET ROLE;
SELECT * FROM tarot.anonymize_tables('{customer,orders}', in_place => true);
SELECT tarot.grant_class('birth', 'tarot_regress_owner', 'masked');
SET ROLE tarot_regress_owner;
SELECT * FROM tarot.anonymize_tables('{customer,orders}', in_place => true);
SELECT * FROM tarot.check_anonymization('customer', keep => '{born}', together_with => '{orders}');
RESET ROLE;
SELECT tarot.grant_class('birth', 'tarot_regress_owner', 'plain');
SELECT * FROM tarot.anonymize_table('pg_class', in_place => true);
SET ROLE tarot_regress_owner;
SELECT * FROM tarot.anonymize_table('raw', in_place => true);
SET default_transaction_read_only = on;
SELECT * FROM tarot.anonymize_tables('{customer,orders}', in_place => true);
RESET default_transaction_read_only;

-- A dry run tells what would be done.
SELECT * FROM tarot.anonymize_tables('{customer,orders}', dry_run => true);
SELECT (SELECT * FROM raw) = :'raw_md5' AS unchanged;

-- In place: masks, indexes, generated columns, keys; no statistics of before; views stay.
BEGIN;
SELECT pg_relation_filenode('customer') AS before \gset
SELECT * FROM tarot.anonymize_tables('{customer,orders}', in_place => true);
SELECT pg_relation_filenode('customer') <> :before AS written_anew;
SELECT id, email, name, income, born, address, note, city, domain FROM customer WHERE id IN (1, 9, 500, 501) ORDER BY id;
SELECT count(*), count(DISTINCT c.number), bool_and(c.number ~ '^[A-Z]{2}-[0-9]{7}$') FROM customer c JOIN orders o USING (number);
SELECT attname FROM pg_stats WHERE tablename = 'customer' ORDER BY 1;
SELECT count(*) FROM pg_stats WHERE tablename = 'customer_lower';
SELECT count(*) FROM pg_stats_ext WHERE tablename = 'customer';
SET LOCAL enable_seqscan = off;
SELECT count(*) FROM customer WHERE lower(email) = 'u***@h***.org';
SELECT count(*) FROM customer WHERE lower(email) LIKE 'user%';
INSERT INTO orders VALUES (2000, 'KD-1000001', '');
ROLLBACK;
SELECT (SELECT * FROM raw) = :'raw_md5' AS unchanged;

-- A copy: the table stays as it is.
SELECT * FROM tarot.anonymize_table('customer', copy_to => 'copy');
SELECT "column", class, treatment, "values", found FROM tarot.anonymize_table('customer', copy_to => 'public.copy', keep => '{income}', shuffle => '{city,note}') WHERE treatment <> 'left';
SELECT (SELECT * FROM raw) = :'raw_md5' AS unchanged;
SELECT * FROM tarot.anonymize_table('customer', copy_to => 'public.copy');
SELECT id, email, name, income, born, address, domain FROM copy WHERE id IN (1, 9, 500, 501) ORDER BY id;
SELECT array_agg(indexrelid::regclass ORDER BY 1) FROM pg_index WHERE indrelid = 'copy'::regclass;
RESET ROLE;
SELECT "column", class FROM tarot.classified_columns WHERE "table" = 'copy'::regclass;
SET ROLE tarot_regress_owner;
SELECT count(*), count(DISTINCT copy.note), count(*) FILTER (WHERE copy.note = customer.note) < 50 AS moved, count(*) FILTER (WHERE copy.note IS NULL) AS none
	FROM copy JOIN customer USING (id);
SELECT (SELECT array_agg(note ORDER BY note) FROM copy) = (SELECT array_agg(note ORDER BY note) FROM customer) AS same_notes,
	(SELECT array_agg(city ORDER BY city) FROM copy) = (SELECT array_agg(city ORDER BY city) FROM customer) AS same_cities;
DROP TABLE copy;
SELECT "column", unchanged FROM tarot.anonymize_table('customer', copy_to => 'public."Co py"', verify => false) WHERE unchanged > 0;
DROP TABLE "Co py";

-- Constraints that would not hold, counted; no value in any message.
SELECT tarot.classify_column('customer', 'note', 'secret'), tarot.classify_column('customer', 'city', 'same');
UPDATE customer SET note = 'x' WHERE note IS NULL;
ALTER TABLE customer ALTER note SET NOT NULL, ADD CONSTRAINT long_city CHECK (length(city) > 4), ADD CONSTRAINT old CHECK (name <> 'Ada Lovelace 1') NOT VALID,
	ADD CONSTRAINT whole CHECK (customer IS NOT NULL OR customer.city IS NULL OR length((customer).city) > 4) NOT VALID;
CREATE UNIQUE INDEX customer_city ON customer (city, id);
CREATE UNIQUE INDEX customer_born ON customer ((born + 0)) WHERE id BETWEEN 11 AND 299;
CREATE UNIQUE INDEX customer_name ON customer (name);
SELECT object, problem FROM tarot.check_anonymization('customer', together_with => '{orders}');
SELECT * FROM tarot.anonymize_tables('{customer,orders}', in_place => true);
SELECT tarot.unclassify_column('customer', 'note'), tarot.unclassify_column('customer', 'city');
ALTER TABLE customer DROP CONSTRAINT long_city, DROP CONSTRAINT old, DROP CONSTRAINT whole;
DROP INDEX customer_city, customer_name, customer_born;

-- What the mask leaves as it is, and what other columns repeat.
UPDATE customer SET income = 3000 WHERE id IN (5, 6);
UPDATE customer SET note = 'Write to USER7@host0.example.org, please.' WHERE id = 8;
UPDATE orders SET note = '{"mail": "user9@host2.example.org"}' WHERE id IN (3, 4);
SELECT object, problem, hint FROM tarot.check_anonymization('customer', together_with => '{orders}');
SELECT * FROM tarot.anonymize_tables('{customer,orders}', in_place => true, allow => '{income}');
SELECT object, problem FROM tarot.check_anonymization('customer', allow => '{income,note}', together_with => '{orders}');
SELECT "table", "column", unchanged, found FROM tarot.anonymize_tables('{customer,orders}', dry_run => true, allow => '{income,note}') WHERE unchanged + found > 0 OR found > 0;
SELECT tarot.classify_column(t, 'note', 'same') FROM unnest('{customer,orders}'::regclass[]) t;
SELECT "table", "column", treatment, unchanged, found FROM tarot.anonymize_tables('{customer,orders}', in_place => true, allow => '{income}') WHERE treatment = 'masked';
SELECT DISTINCT note FROM customer UNION SELECT note FROM orders;
DROP TABLE orders, customer CASCADE;
RESET ROLE;
DROP OWNED BY tarot_regress_owner CASCADE;
DROP ROLE tarot_regress_owner, tarot_regress_other;

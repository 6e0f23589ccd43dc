-- Keys of data subjects: values of one subject can be made unreadable, for ever, and the rest stays.
\getenv source PG_ABS_SRCDIR
SET client_min_messages = warning;
\set VERBOSITY terse
\set SHOW_CONTEXT never
\i :source/sql/include/attempt.sql
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('k') > 0 AS created, tarot.create_class('person', 'k', 'email', per_subject => true), tarot.create_class('amount', 'k', 'round(100)', per_subject => true),
	tarot.create_class('fixed', 'k', 'redact', per_subject => true), tarot.create_class('plain', 'k');
CREATE ROLE tarot_shred_app; CREATE ROLE tarot_shred_masked; CREATE ROLE tarot_shred_thief;
SELECT tarot.grant_class(c, 'tarot_shred_app', 'plain'), tarot.grant_class(c, 'tarot_shred_masked', 'masked') FROM unnest(ARRAY['person', 'amount', 'fixed', 'plain']) AS c;

-- ------------------------------------------------------------ what is refused
SELECT run($$SELECT tarot.create_class('x', 'k', searchable => true, per_subject => true)$$);
SELECT run($$SELECT tarot.create_class('x', 'k', per_subject => NULL)$$);
SELECT run($$SELECT tarot.alter_class('person', searchable => true)$$);
CREATE TABLE customer (id integer PRIMARY KEY, code text, loose integer, made integer NOT NULL GENERATED ALWAYS AS (1) STORED, at date NOT NULL DEFAULT '2024-01-01', email tarot.encrypted_text('person'), other tarot.encrypted_text('plain'));
GRANT ALL ON customer TO tarot_shred_app, tarot_shred_masked, tarot_shred_thief;
SET ROLE tarot_shred_app;
INSERT INTO customer (id, code, loose, email, other) SELECT i, 'c' || i, i, 'p' || i || '@example.org', 'x' FROM generate_series(1, 5) i;
SELECT run($$SELECT tarot.set_subject('customer', 'email', 'id')$$);
RESET ROLE;
SELECT run(format($$SELECT tarot.set_subject('customer', %L, %L)$$, c, s)) FROM (VALUES (1, 'other', 'id'), (2, 'email', 'nothing'), (3, 'code', 'id'), (4, 'email', 'loose'), (5, 'email', 'made'), (6, 'email', 'at'), (7, 'email', 'email')) AS t (n, c, s) ORDER BY n;
SELECT run($$SELECT tarot.unset_subject('customer', 'email')$$);
SELECT run($$SELECT tarot.destroy_subject_key('plain', '1')$$), run($$SELECT tarot.destroy_subject_key('person', NULL)$$), run($$SELECT tarot.destroy_subject_key('nothing', '1')$$);
SELECT tarot.destroy_subject_key('person', '1') AS there_was_none;

-- ------------------------------------------------------------ a table with rows
SELECT tarot.set_subject('customer', 'email', 'id') AS sealed;
SELECT "table", "column", by, subject, enforced FROM tarot.bound_column ORDER BY "table"::text COLLATE "C", "column";
SELECT count(*) AS keys, count(DISTINCT subject_hash) AS subjects, min(octet_length(subject_hash)) AS shortest FROM tarot.subject_key s JOIN tarot.class USING (class_id) WHERE name = 'person';
SELECT run($$SELECT tarot.set_subject('customer', 'email', 'id')$$);
SET ROLE tarot_shred_app;
INSERT INTO customer (id, email) VALUES (6, 'p6@example.org'), (7, 'p7@example.org');
UPDATE customer SET email = 'second@example.org' WHERE id = 5;
SELECT id, email FROM customer ORDER BY id;
SET ROLE tarot_shred_masked;
SELECT id, email FROM customer WHERE id < 3 ORDER BY id;
SET ROLE tarot_shred_thief;
SELECT run('UPDATE customer SET email = (SELECT email FROM customer WHERE id = 1) WHERE id = 2');
SELECT code('UPDATE customer SET id = 9 WHERE id = 1'), code('UPDATE customer SET email = email, code = ''z'' WHERE id = 1');
RESET ROLE;
SELECT count(*) - 1 AS keys FROM tarot.subject_key s JOIN tarot.class USING (class_id) WHERE name = 'person';
SELECT * FROM tarot.verify_bindings('customer');
-- Rotation is of no concern to the values.
SELECT tarot.rotate_key('k') AS version;
CALL tarot.reseal('customer');
SELECT key, version, "column", values FROM tarot.key_usage('customer') ORDER BY 1, 2, 3;

-- ------------------------------------------------------------ destroyed
CREATE TABLE copies AS SELECT id, email FROM customer;
CREATE TABLE held (v tarot.encrypted_text('person')[]);
INSERT INTO held SELECT array_agg(email ORDER BY id) FROM customer;
GRANT ALL ON copies, held TO tarot_shred_app, tarot_shred_masked;
SELECT tarot.destroy_subject_key('person', '5');
SELECT tarot.destroy_subject_key('person', '5') AS again, tarot.destroy_subject_key('person', '05') AS other_spelling;
SET ROLE tarot_shred_app;
SELECT id, email, email::text IS NULL AS is_null, email IS NULL AS no_value, tarot.try_decrypt(email) FROM customer WHERE id IN (4, 5, 6) ORDER BY id;
SELECT count(email::text), count(*), min(email::text), string_agg(email, ',' ORDER BY id) FROM customer;
SELECT row_to_json(c) FROM (SELECT id, email FROM customer WHERE id = 5) c;
SELECT * FROM copies WHERE id >= 5 ORDER BY id;
SELECT v[4:6] FROM held;
COPY (SELECT id, email FROM customer WHERE id = 5) TO STDOUT;
SET ROLE tarot_shred_masked;
SELECT id, email, email::text IS NULL AS is_null FROM customer WHERE id IN (4, 5) ORDER BY id;
SET ROLE tarot_shred_thief;
SELECT id, email FROM customer WHERE id IN (4, 5) ORDER BY id;
SET ROLE tarot_shred_app;
-- The row lives on.
UPDATE customer SET code = 'gone' WHERE id = 5;
SELECT run('UPDATE customer SET email = ''[destroyed]'' WHERE id = 5'), run('UPDATE customer SET email = ''[DESTROYED]'' WHERE id = 5');
SELECT run('UPDATE customer SET other = email WHERE id = 5'), run('UPDATE customer SET other = email::text WHERE id = 5');
SELECT code('UPDATE customer SET id = 50 WHERE id = 5'), code('UPDATE customer SET id = 5 WHERE id = 50');
RESET ROLE;
SELECT * FROM tarot.verify_bindings('customer');
SELECT count(*) AS tombstones FROM tarot.subject_key WHERE destroyed_at IS NOT NULL AND wrapped IS NULL AND subject_hash IS NULL AND key_id IS NULL;
-- Who comes back gets a new key; what was destroyed stays so.
SET ROLE tarot_shred_app;
UPDATE customer SET email = 'back@example.org' WHERE id = 5;
SELECT email FROM customer WHERE id = 5 UNION ALL SELECT email FROM copies WHERE id = 5;

-- ------------------------------------------------------------ moving between subjects
SELECT run('UPDATE customer SET email = (SELECT email FROM customer WHERE id = 1) WHERE id = 2');
UPDATE customer SET id = 8 WHERE id = 7;
RESET ROLE;
SELECT tarot.destroy_subject_key('person', '1'), tarot.destroy_subject_key('person', '7');
SET ROLE tarot_shred_app;
SELECT id, email FROM customer ORDER BY id;
RESET ROLE;
-- A rollback takes the destruction back, and a key that was made.
BEGIN;
SELECT tarot.destroy_subject_key('person', '2');
SELECT email FROM customer WHERE id = 2;
ROLLBACK;
SET ROLE tarot_shred_app;
SELECT email FROM customer WHERE id = 2;
BEGIN;
INSERT INTO customer (id, email) VALUES (20, 'rolled back');
SAVEPOINT s;
INSERT INTO customer (id, email) VALUES (21, 'rolled back');
ROLLBACK TO s;
INSERT INTO customer (id, email) VALUES (21, 'kept a while');
SELECT email FROM customer WHERE id = 21;
ROLLBACK;
INSERT INTO customer (id, email) VALUES (20, 'p20@example.org'), (21, 'p21@example.org');
SELECT id, email FROM customer WHERE id >= 20 ORDER BY id;
DO $$ BEGIN
	FOR i IN 30 .. 33 LOOP
		BEGIN
			INSERT INTO customer (id, email) VALUES (i, 'in a block');
			IF i % 2 = 0 THEN RAISE division_by_zero; END IF;
		EXCEPTION WHEN division_by_zero THEN NULL;
		END;
		INSERT INTO customer (id, email) VALUES (i, 'p' || i) ON CONFLICT DO NOTHING;
	END LOOP;
END $$;
SELECT id, email FROM customer WHERE id >= 30 ORDER BY id;
RESET ROLE;
SELECT * FROM tarot.verify_bindings('customer');

-- ------------------------------------------------------------ with a binding, by other types, one subject in several tables
SELECT tarot.bind_column('customer', 'email') AS bound;
SELECT by, subject FROM tarot.bound_column ORDER BY "table"::text COLLATE "C", "column";
CREATE TABLE payment (id uuid PRIMARY KEY, customer numeric NOT NULL, amount tarot.encrypted_numeric('amount'), note tarot.encrypted_text('fixed'));
CREATE TABLE ticket (id int, customer varchar(10) NOT NULL, amount tarot.encrypted_numeric('amount')) PARTITION BY RANGE (id);
CREATE TABLE ticket_1 PARTITION OF ticket FOR VALUES FROM (0) TO (10);
CREATE TABLE ticket_2 PARTITION OF ticket FOR VALUES FROM (10) TO (20);
GRANT ALL ON payment, ticket TO tarot_shred_app, tarot_shred_masked;
SELECT tarot.bind_column('payment', 'amount'), tarot.set_subject('payment', 'amount', 'customer'), tarot.set_subject('payment', 'note', 'customer'), tarot.set_subject('ticket', 'amount', 'customer');
SET ROLE tarot_shred_app;
INSERT INTO payment VALUES ('00000000-0000-0000-0000-000000000001', 41.0, 1234, 'n41'), ('00000000-0000-0000-0000-000000000002', 42.00, 5678, 'n42');
INSERT INTO ticket VALUES (1, '41', 111), (11, '42', 222);
UPDATE payment SET customer = 42 WHERE customer = 42.0;
UPDATE ticket SET id = 12 WHERE id = 1;
RESET ROLE;
SELECT * FROM tarot.verify_bindings('payment');
SELECT * FROM tarot.verify_bindings('ticket');
SELECT tarot.destroy_subject_key('amount', '42');
SET ROLE tarot_shred_app;
SELECT customer, amount, note FROM payment ORDER BY id;
SELECT tableoid::regclass, customer, amount, amount * 2 AS twice FROM ticket ORDER BY id;
SET ROLE tarot_shred_masked;
SELECT customer, amount, amount::numeric, note FROM payment ORDER BY id;
RESET ROLE;
SELECT tarot.destroy_subject_key('fixed', '42');
SET ROLE tarot_shred_masked;
SELECT customer, note FROM payment ORDER BY id;
RESET ROLE;
SELECT tarot.unbind_column('payment', 'amount'), tarot.unset_subject('payment', 'note');
SELECT "table", "column", by, subject FROM tarot.bound_column ORDER BY 1, 2;
-- Binding leaves what is destroyed alone.
SELECT tarot.bind_column('payment', 'amount', '{id}') AS bound;
SELECT * FROM tarot.verify_bindings('payment');
ALTER TABLE payment RENAME customer TO client;
SELECT "column", by, subject FROM tarot.bound_column WHERE "table" = 'payment'::regclass;

-- ------------------------------------------------------------ what was swapped underneath, or never sealed for a subject
CREATE TEMP TABLE fresh (v tarot.encrypted_text('person'));
ALTER TABLE customer DISABLE TRIGGER USER;
SET ROLE tarot_shred_app;
UPDATE customer SET email = (SELECT email FROM customer WHERE id = 20) WHERE id = 3;
UPDATE customer SET email = 'unsealed' WHERE id = 4;
RESET ROLE;
ALTER TABLE customer ENABLE TRIGGER USER;
SELECT identity, "column", problem FROM tarot.verify_bindings('customer') ORDER BY 1;
SELECT tarot.unbind_column('customer', 'email');
SELECT identity, "column", problem FROM tarot.verify_bindings('customer') ORDER BY 1;

-- ------------------------------------------------------------ keys that wrap
SELECT run($$SELECT tarot.destroy_key('k', 1)$$);
SELECT key, version, "column", values FROM tarot.key_usage('customer') ORDER BY 1, 2, 3;
CALL tarot.reseal();
SELECT run($$SELECT tarot.destroy_key('k', 1)$$);
SELECT tarot.set_key_state('k', 1, 'compromised');
SELECT tarot.rewrap_subject_keys('k') > 0 AS rewrapped, tarot.rewrap_subject_keys() AS again;
SELECT run($$SELECT tarot.rewrap_subject_keys('nothing')$$);
SELECT run($$SELECT tarot.destroy_key('k', 1)$$);
SET ROLE tarot_shred_app;
SELECT id, email FROM customer WHERE id IN (2, 5, 6, 20) ORDER BY id;
SELECT count(amount::numeric) FROM payment;
RESET ROLE;
SELECT tarot.rotate_key('k') AS version;
SELECT tarot.rotate_key('default') AS version;
SELECT tarot.set_key_state('k', 2, 'compromised');
SELECT run($$SELECT tarot.destroy_key('k', 2, force => true)$$);
SET ROLE tarot_shred_app;
SELECT run('SELECT email FROM customer WHERE id = 2'), ask('SELECT tarot.try_decrypt(email) FROM customer WHERE id = 2');
SELECT run('INSERT INTO customer (id, email) VALUES (60, ''x'')');
RESET ROLE;

-- Direct writes are for the owner alone.
GRANT pg_write_all_data TO tarot_shred_thief;
SET ROLE tarot_shred_thief;
SELECT run('INSERT INTO tarot.subject_key SELECT 1, 1, ''\x'', 1, 1, ''\x'''), run('UPDATE tarot.subject_key SET created_at = now()'), code('DELETE FROM tarot.subject_key');
RESET ROLE;
-- Numbers of keys that are not there.
SELECT count(*) FROM pg_settings WHERE name = 'tarot_security.subject_key_cache';
SELECT run($$SELECT tarot.drop_class('person')$$);

DROP EXTENSION tarot_security CASCADE;
DROP TABLE customer, copies, held, payment, ticket, fresh CASCADE;
DROP OWNED BY tarot_shred_app, tarot_shred_masked, tarot_shred_thief;
DROP ROLE tarot_shred_app, tarot_shred_masked, tarot_shred_thief;

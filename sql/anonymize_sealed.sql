-- Static masking of encrypted columns: their masks are sealed in their place, under the same class; or they are kept, or cleared.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'
CREATE ROLE tarot_owner;
CREATE ROLE tarot_keeper;
GRANT CREATE ON SCHEMA public TO tarot_owner;
SELECT tarot.create_key('k') > 0 AS created;
DO $$
BEGIN
	PERFORM tarot.create_class(name, 'k', mask, searchable => searchable), tarot.grant_class(name, 'tarot_owner', 'plain')
		FROM (VALUES ('email', 'email', true), ('number', 'pseudonym', true), ('income', 'round(1000)', false), ('birth', 'year', false), ('seen', 'month', false), ('bytes', 'hash', false), ('document', 'json_show(name)', false),
			('secret', 'null', false), ('other', 'constant(same)', false)) AS c (name, mask, searchable);
END
$$;
SET ROLE tarot_owner;
CREATE DOMAIN address AS tarot.encrypted_text('email');
CREATE TABLE customer (id int PRIMARY KEY, email tarot.encrypted_text('email') NOT NULL, again address, number tarot.encrypted_text('number') UNIQUE, income tarot.encrypted_numeric('income'), born tarot.encrypted_date('birth'),
	seen tarot.encrypted_timestamptz('seen'), bytes tarot.encrypted_bytea('bytes'), document tarot.encrypted_jsonb('document'), secret tarot.encrypted_text('secret'), other tarot.encrypted_text('other'), note text);
INSERT INTO customer SELECT i, 'ada' || i || '@example.org', 'bob' || i || '@example.org', 'AB-' || 1000000 + i, 1000 * i + 7, date '1950-05-05' + 40 * i, '2024-05-05 10:11:12+00'::timestamptz + i * interval '1 day', convert_to('bytes ' || i, 'UTF8'),
	jsonb_build_object('name', 'Ada' || i, 'age', i), 'secret ' || i, 'other ' || i, 'note ' || i FROM generate_series(1, 20) AS i;
INSERT INTO customer (id, email) VALUES (21, 'last@example.org');
CREATE TABLE orders (id int, number tarot.encrypted_text('number') REFERENCES customer (number));
INSERT INTO orders SELECT i, 'AB-' || 1000000 + i FROM generate_series(1, 20) AS i;
CREATE VIEW raw AS SELECT md5(string_agg(concat_ws(',', id, email::text, again::text, number::text, income::numeric, born::date, document::jsonb, secret::text), ';' ORDER BY id)) FROM customer;
SELECT * FROM raw \gset raw_

-- Who reads and writes the class, plainly, and not while masks are read.
SELECT object, problem FROM tarot.check_anonymization('customer');
RESET ROLE;
SELECT tarot.grant_class('email', 'tarot_owner', 'plain', write => false);
SET ROLE tarot_owner;
\set VERBOSITY default
SELECT * FROM tarot.anonymize_tables('{customer,orders}', in_place => true);
\set VERBOSITY terse
SELECT object, problem FROM tarot.check_anonymization('customer', keep => '{email,again}', together_with => '{orders}');
RESET ROLE;
SELECT tarot.grant_class('email', 'tarot_owner', 'masked', write => true);
SET ROLE tarot_owner;
SELECT * FROM tarot.anonymize_tables('{customer,orders}', in_place => true);
SELECT * FROM tarot.anonymize_tables('{customer,orders}', in_place => true, keep => '{again}', clear => '{email}');
RESET ROLE;
SELECT * FROM tarot.anonymize_tables('{customer,orders}', in_place => true);
SELECT tarot.grant_class('email', 'tarot_owner', 'plain', write => true);
SET ROLE tarot_owner;
SET tarot_security.io = masked;
SELECT * FROM tarot.anonymize_tables('{customer,orders}', in_place => true);
RESET tarot_security.io;
SELECT (SELECT * FROM raw) = :'raw_md5' AS unchanged;

-- In place: masks of all types, NULL where the mask is, keys as they were; and sealed still.
SELECT "column", class, treatment, "values", unchanged, found FROM tarot.anonymize_tables('{customer,orders}', in_place => true);
SELECT id, email::text, again::text, income::numeric, born::date, seen::timestamptz AT TIME ZONE 'UTC' AS seen, length(bytes::bytea), document::jsonb, secret::text, other::text, note FROM customer WHERE id IN (1, 20, 21) ORDER BY id;
SELECT count(*), count(DISTINCT c.number), count(*) FILTER (WHERE c.number::text ~ '^[A-Z]{2}-[0-9]{7}$') AS formed, count(*) FILTER (WHERE c.number::text LIKE 'AB-1%') < 5 AS others FROM customer c JOIN orders o USING (number);
-- A value is found by its mask, as a new one, and by a comparison of sealed values.
SELECT count(*) FROM customer WHERE email = 'a***@e***.org';
SET tarot_security.io = envelope;
SELECT count(*) FILTER (WHERE email::text LIKE 'a***%') AS open, count(DISTINCT email) FROM customer;
RESET tarot_security.io;

-- What a mask leaves as it is, however it is written; and what other columns repeat of a sealed value.
CREATE TABLE again (id int, income tarot.encrypted_numeric('income'), email tarot.encrypted_text('email'), number tarot.encrypted_numeric('income'), at tarot.encrypted_timestamptz('seen'), note text, phone bigint, later timestamptz);
INSERT INTO again VALUES (1, 3000.00, 'grace@example.org', 49171987654.0, '2024-05-05 10:11:12.5+00', 'to GRACE@example.org', 49171987654, '2024-05-05 10:11:12.5+00'), (2, 3001, 'alan@example.org', 1, NULL, 'none', 2, now());
SELECT object, problem FROM tarot.check_anonymization('again');
SELECT run($$SELECT tarot.anonymize_table('again', in_place => true)$$);
SELECT "column", unchanged, found FROM tarot.anonymize_table('again', copy_to => 'public.copy', allow => '{income,note,phone,later}') WHERE "column" <> 'id';
SELECT id, income::numeric, email::text, number::numeric, at IS NULL AS none, note FROM copy ORDER BY id;
DROP TABLE copy;

-- Kept and cleared ones; a copy has the classes that its types have.
SELECT "column", class, treatment, "values" FROM tarot.anonymize_table('again', copy_to => 'public.copy', keep => '{income,number}', clear => '{note,email,phone,later}') WHERE "column" <> 'id';
SELECT id, income::numeric, email::text, note FROM copy ORDER BY id;
RESET ROLE;
SELECT count(*) FROM tarot.classified_columns WHERE "table" = 'copy'::regclass;
SET ROLE tarot_owner;
DROP TABLE copy;
SELECT object, problem FROM tarot.check_anonymization('again', clear => '{email}', keep => '{income,number,at}');

-- Unique keys under a mask that does not keep values apart; NOT NULL under one that is NULL.
CREATE TABLE strict (id int, email tarot.encrypted_text('email') UNIQUE, secret tarot.encrypted_text('secret') NOT NULL);
INSERT INTO strict VALUES (1, 'ada@example.org', 'a'), (2, 'alan@example.org', 'b');
SELECT object, problem FROM tarot.check_anonymization('strict');

-- Values within others have no place for a mask; those bound to their rows keep it.
CREATE TABLE within (id int PRIMARY KEY, emails tarot.encrypted_text('email')[], email tarot.encrypted_text('email'));
INSERT INTO within VALUES (1, ARRAY['ada@example.org']::tarot.encrypted_text('email')[], 'ada@example.org');
SELECT object, problem, hint FROM tarot.check_anonymization('within');
SELECT tarot.bind_column('within', 'email');
SELECT object, problem, hint FROM tarot.check_anonymization('within', keep => '{emails}');
SELECT object, problem FROM tarot.check_anonymization('within', keep => '{emails}', clear => '{email}');
SELECT "column", treatment FROM tarot.anonymize_table('within', in_place => true, keep => '{email}', clear => '{emails}');
SELECT tarot.unbind_column('within', 'email');
SELECT "column", treatment FROM tarot.anonymize_table('within', in_place => true);
SELECT id, emails, email::text FROM within;

-- A superuser works as itself, on tables of others; who owns the table but not the class, does not.
CREATE TABLE theirs (id int, email tarot.encrypted_text('email'));
INSERT INTO theirs VALUES (1, 'ada@example.org');
RESET ROLE;
SELECT run($$SELECT tarot.anonymize_table('theirs', in_place => true)$$);
SELECT tarot.grant_class('email', 'postgres', 'plain', write => true), tarot.revoke_class('email', 'tarot_owner');
SET ROLE tarot_owner;
SELECT run($$SELECT tarot.anonymize_table('theirs', in_place => true)$$);
RESET ROLE;
SELECT "column", treatment, "values" FROM tarot.anonymize_table('theirs', in_place => true);
SELECT id, email::text FROM theirs;

-- The key of a data subject is gone: what nobody can read stays as it is. What others' keys seal, the class's seals then, so the rule must go before.
SELECT tarot.create_class('subject', 'k', 'email', per_subject => true), tarot.grant_class('subject', 'postgres', 'plain');
CREATE TABLE shredded (person text NOT NULL, email tarot.encrypted_text('subject'));
SELECT tarot.set_subject('shredded', 'email', 'person') >= 0 AS ruled;
INSERT INTO shredded VALUES ('one', 'ada@example.org'), ('two', 'bob@example.org');
SELECT tarot.destroy_subject_key('subject', 'one');
SELECT object, problem FROM tarot.check_anonymization('shredded');
SELECT tarot.unset_subject('shredded', 'email');
SELECT "column", treatment, "values", unchanged FROM tarot.anonymize_table('shredded', in_place => true);
SELECT person, email, email IS NULL AS none FROM shredded ORDER BY person;
DROP TABLE shredded, theirs, within, strict, again, orders, customer CASCADE;
DROP DOMAIN address;
DROP OWNED BY tarot_owner CASCADE;
DROP ROLE tarot_owner, tarot_keeper;

-- Classes that ask for a stated purpose.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'
CREATE ROLE tarot_purpose_app;
CREATE ROLE tarot_purpose_support;
CREATE ROLE tarot_purpose_reader;
SELECT tarot.create_key('profile') > 0 AS created;
SELECT tarot.create_class('email', 'profile', 'email', searchable => true);
SELECT tarot.create_class('income', 'profile', 'round(1000)'), tarot.create_class('other', 'profile');
SELECT tarot.grant_class(c, 'tarot_purpose_app', 'plain'), tarot.grant_class(c, 'tarot_purpose_support', 'masked') FROM unnest('{email,income,other}'::text[]) AS c;
SELECT tarot.grant_class('email', 'tarot_purpose_reader', 'plain', search => false, write => false);
CREATE TABLE customer (id int CHECK (id < 100), email tarot.encrypted_text('email'), income tarot.encrypted_numeric('income'), other tarot.encrypted_text('other'));
GRANT ALL ON customer TO tarot_purpose_app, tarot_purpose_support, tarot_purpose_reader;
SET ROLE tarot_purpose_app;
INSERT INTO customer VALUES (1, 'ada@plaintext.example', 12345, 'plain one'), (2, 'bob@plaintext.example', 67890, 'plain two');
RESET ROLE;

-- ------------------------------------------------------------ which purposes there are
SELECT tarot.class_purposes('email');
SELECT run(format($$SELECT tarot.set_class_purposes('email', %s)$$, p)) FROM unnest(ARRAY['ARRAY[NULL]', '''{""}''', '''{"  "}''', 'ARRAY[repeat(''p'', 201)]', 'ARRAY[E''a\nb'']', 'ARRAY[E''a\u0085b'']', 'ARRAY[E''a\u2028b'']',
	'ARRAY[ARRAY[''a'']]', 'array_fill(''a''::text, ARRAY[101])', 'ARRAY[''a'', E''\x7F'']', 'ARRAY[repeat(''p'', 200), ''Rechnung für Ö'']']) AS p;
SELECT run($$SELECT tarot.set_class_purposes('absent', '{}')$$), run($$SELECT tarot.set_class_purposes(NULL, '{}')$$), run($$SELECT tarot.class_purposes('absent')$$);
SELECT tarot.set_class_purposes('email', '{billing,"fraud \"case\""}'), tarot.set_class_purposes('income', '{}');
SELECT class, purposes FROM tarot.class_access WHERE grantee = 'tarot_purpose_app' ORDER BY class;
-- What to state is told to everybody.
SET ROLE tarot_purpose_app;
SELECT tarot.class_purposes('email'), tarot.class_purposes('income'), tarot.class_purposes('other');

-- ------------------------------------------------------------ without one
SELECT run($$SELECT email::text FROM customer$$);
SELECT run($$SELECT income::numeric FROM customer$$);
SELECT email FROM customer;
SELECT other FROM customer ORDER BY id;
SELECT code(q) AS code, q FROM unnest(ARRAY['SELECT count(*) FROM customer WHERE email::text LIKE ''a%''', 'SELECT max(email::text) FROM customer', 'SELECT count(*) FROM customer GROUP BY income::numeric', 'CREATE TEMP TABLE copied AS SELECT email::text FROM customer',
	'SELECT sum(income) FROM customer', 'UPDATE customer SET other = email::text', 'UPDATE customer SET other = email::text::tarot.encrypted_text(''other'')', 'INSERT INTO customer (id, other) SELECT id, email::tarot.encrypted_text(''other'') FROM customer',
	'SELECT tarot.try_decrypt(email) FROM customer', 'UPDATE customer SET id = id WHERE email IS NULL RETURNING email',
	'SET LOCAL row_security = off; SELECT customer::text FROM customer']) AS q;
COPY customer TO STDOUT;
COPY (SELECT income FROM customer) TO STDOUT;
-- Where the server itself prints values the error is its own.
SELECT customer FROM customer;
INSERT INTO customer VALUES (100, 'new@plaintext.example', 1, 'x');
EXPLAIN (COSTS OFF) SELECT id FROM customer WHERE email = 'ada@plaintext.example';
-- To write and to search need none.
UPDATE customer SET email = 'bob@plaintext.example' WHERE id = 2;
UPDATE customer SET email = email;
SELECT id FROM customer WHERE email = 'ada@plaintext.example';
SET ROLE tarot_purpose_reader;
SELECT run($$SELECT id FROM customer WHERE email = 'ada@plaintext.example'$$);
-- Masked readers see what they saw, and others what they did not.
SET ROLE tarot_purpose_support;
SELECT email, income FROM customer ORDER BY id;
SELECT code($$SELECT id FROM customer WHERE email = 'ada@plaintext.example'$$);
RESET ROLE;
SELECT email, income FROM customer ORDER BY id;
-- So they do where masks are asked for.
SET tarot_security.io = masked;
SET ROLE tarot_purpose_app;
SELECT email, income FROM customer ORDER BY id;
RESET tarot_security.io;
-- Statistics open nothing.
RESET ROLE;
CREATE STATISTICS of_email ON (lower(email::text)), (length(email::text)) FROM customer;
ANALYZE customer;

-- ------------------------------------------------------------ with one
SET ROLE tarot_purpose_app;
SET tarot_security.purpose = 'whatever';
SELECT run($$SELECT email::text FROM customer$$);
SELECT income FROM customer ORDER BY id;
BEGIN;
SET LOCAL tarot_security.purpose = 'billing';
SELECT email, income FROM customer ORDER BY id;
SAVEPOINT here;
SET LOCAL tarot_security.purpose = 'fraud "case"';
SELECT email FROM customer WHERE id = 1;
SET LOCAL tarot_security.purpose = 'Billing';
SELECT code($$SELECT email::text FROM customer WHERE id = 1$$);
ROLLBACK TO here;
SELECT email FROM customer WHERE id = 1;
COMMIT;
SELECT code($$SELECT email::text FROM customer WHERE id = 1$$);
-- Plans and cursors follow it, and functions within a statement.
SET plan_cache_mode = force_generic_plan;
PREPARE seen AS SELECT email::text FROM customer;
EXECUTE seen;
SET tarot_security.purpose = 'billing';
EXECUTE seen;
SELECT email::text, set_config('tarot_security.purpose', 'other', false) FROM customer;
EXECUTE seen;
BEGIN;
SET LOCAL tarot_security.purpose = 'billing';
DECLARE some_cursor CURSOR FOR SELECT email::text FROM customer;
FETCH 1 FROM some_cursor;
SET LOCAL tarot_security.purpose = '';
FETCH 1 FROM some_cursor;
ROLLBACK;
DEALLOCATE seen;
RESET plan_cache_mode;
-- To move a value needs it, too.
RESET tarot_security.purpose;
SELECT code('UPDATE customer SET other = email::tarot.encrypted_text(''other'')');
SET tarot_security.purpose = 'billing';
SELECT code('UPDATE customer SET other = email::tarot.encrypted_text(''other'')');
RESET tarot_security.purpose;

-- ------------------------------------------------------------ what is a statement of purpose
SELECT code(format('SET tarot_security.purpose = %L', p)) AS code, left(p, 10) AS purpose FROM unnest(ARRAY['', 'a', ' a ', '   ', repeat('p', 200), repeat('p', 201), E'a\nb', E'a\tb', E'\x7F', E'\u0085', E'a\u2028', E'a\u00a0b', 'für']) AS p;
RESET tarot_security.purpose;
RESET ROLE;
SELECT code(s) AS code, s FROM unnest(ARRAY['ALTER ROLE tarot_purpose_app SET tarot_security.purpose = ''billing''', 'ALTER ROLE ALL SET tarot_security.purpose = ''billing''', 'ALTER DATABASE ' || quote_ident(current_database()) || ' SET tarot_security.purpose = ''billing''',
	'CREATE FUNCTION states() RETURNS int LANGUAGE sql SET tarot_security.purpose = ''billing'' AS ''SELECT 1''', 'ALTER ROLE tarot_purpose_app SET tarot_security.purpose = ''''']) AS s;
SET tarot_security.purpose = 'billing';
SELECT code('CREATE FUNCTION states() RETURNS int LANGUAGE sql SET tarot_security.purpose FROM CURRENT AS ''SELECT 1''');
SELECT code('ALTER ROLE tarot_purpose_app SET tarot_security.purpose FROM CURRENT');
RESET tarot_security.purpose;
ALTER SYSTEM SET tarot_security.purpose = 'billing';
-- In a function that is run it is said by who runs it.
CREATE FUNCTION stating(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	value text;
BEGIN
	PERFORM set_config('tarot_security.purpose', 'billing', true);
	EXECUTE query INTO value;
	RETURN value;
END
$$;
SET ROLE tarot_purpose_app;
SELECT stating('SELECT email::text FROM customer WHERE id = 1');
RESET ROLE;

-- ------------------------------------------------------------ taken away
SELECT tarot.set_class_purposes('email', NULL);
SET ROLE tarot_purpose_app;
SELECT email FROM customer ORDER BY id;
RESET ROLE;
-- Converting a column opens values.
SET ROLE tarot_purpose_app;
CREATE TEMP TABLE mine (id int PRIMARY KEY, income tarot.encrypted_numeric('income'));
INSERT INTO mine VALUES (1, 100);
CALL tarot.decrypt_column('mine', 'income');
SET tarot_security.purpose = 'payroll';
CALL tarot.decrypt_column('mine', 'income');
SELECT income FROM mine;
RESET tarot_security.purpose;
RESET ROLE;

DROP TABLE customer, mine;
DROP EXTENSION tarot_security CASCADE;
DROP ROLE tarot_purpose_app, tarot_purpose_support, tarot_purpose_reader;

-- What else than reading the grants of a class decide at plain columns of masked tables: who writes values, and who finds rows by them.
\getenv source PG_ABS_SRCDIR
\set ECHO none
SET datestyle = ISO;
SET client_min_messages = warning;
\i :source/sql/include/attempt.sql
CREATE EXTENSION tarot_security;
\i :source/sql/include/masking.sql
CREATE ROLE tarot_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.client TO tarot_reader;
SELECT tarot.create_class('number', 'shop', 'hash'), tarot.grant_class('number', 'tarot_masked', 'masked');
SELECT tarot.grant_class(c, 'tarot_reader', 'masked') FROM (VALUES ('email'), ('birth'), ('pay')) AS classes (c);
CREATE TABLE shop.card (id int PRIMARY KEY, number text);
INSERT INTO shop.card VALUES (1, '4111111111111111');
GRANT SELECT, INSERT, UPDATE ON shop.card TO tarot_masked, tarot_owner, tarot_reader;
SELECT tarot.classify_column('shop.card', 'number', 'number'), tarot.mask_table('shop.card'), tarot.mask_table('shop.client');
SELECT tarot.create_masking_view('shop.client', 'shop.door');
GRANT SELECT, INSERT, UPDATE ON shop.door TO tarot_reader, tarot_masked;
CREATE TABLE shop.open (id int, email text);
GRANT INSERT, SELECT ON shop.open TO tarot_reader;
SELECT tarot.classify_column('shop.open', 'email', 'email');
\set ECHO all

-- Who could write guesses under a mask with a key would find the one that has the mask of a row. Masks imply no right to write.
SET ROLE tarot_masked;
INSERT INTO shop.card VALUES (2, '4111111111111111');
UPDATE shop.card SET number = '4111111111111111';
MERGE INTO shop.card USING (VALUES (2)) AS v (i) ON id = i WHEN NOT MATCHED THEN INSERT VALUES (i, '4111111111111111');
COPY shop.card FROM STDIN;
\.
COPY shop.card (id) FROM STDIN;
2
\.
-- Not the owner of the table, either; who grants classes could grant it to themselves, and restores dumps.
RESET ROLE;
SET ROLE tarot_owner;
SELECT run($$INSERT INTO shop.client (id, email) VALUES (50, 'x@example.com')$$);
RESET ROLE;
COPY shop.card FROM STDIN;
3	4222222222222
\.
SELECT tarot.grant_class('number', 'tarot_masked', 'masked', write => true);
SET ROLE tarot_masked;
INSERT INTO shop.card VALUES (4, '4111111111111111');
SELECT a.id, b.id FROM shop.card AS a JOIN shop.card AS b USING (number) WHERE a.id < b.id;
RESET ROLE;

-- It is asked for what a statement names, and not for NULL; when it runs, and not when it is planned.
SET ROLE tarot_reader;
INSERT INTO shop.client (id, n) VALUES (60, 1);
INSERT INTO shop.client (id, email, birth) VALUES (61, NULL, NULL::date);
UPDATE shop.client SET n = 2 WHERE id = 61;
UPDATE shop.client SET email = NULL, n = 3 WHERE id = 61;
UPDATE shop.client SET email = 'x' WHERE false;
SELECT code($$INSERT INTO shop.client (id, email) VALUES (62, 'x'), (63, NULL)$$), code($$INSERT INTO shop.client (id, n) VALUES (61, 1) ON CONFLICT (id) DO UPDATE SET birth = '2000-01-01'$$),
	code($$WITH w AS (UPDATE shop.client SET pay = 1 WHERE id = 61 RETURNING 1) SELECT * FROM w$$), code($$MERGE INTO shop.client USING (VALUES (61)) AS v (i) ON id = i WHEN MATCHED THEN UPDATE SET email = 'x'$$),
	code($$EXPLAIN INSERT INTO shop.client (id, email) VALUES (62, 'x')$$);
PREPARE by_reader AS UPDATE shop.client SET email = 'new61@example.com' WHERE id = 61;
EXECUTE by_reader;
RESET ROLE;
SELECT tarot.grant_class('email', 'tarot_reader', 'masked', write => true);
SET ROLE tarot_reader;
EXECUTE by_reader;
RESET ROLE;
SET ROLE tarot_plain;
SELECT email, birth, pay, n FROM shop.client WHERE id = 61;
RESET ROLE;
SELECT tarot.grant_class('email', 'tarot_reader', 'masked');
SET ROLE tarot_reader;
EXECUTE by_reader;

-- Also through a masking view; a table that is not masked is written as ever.
INSERT INTO shop.door (id, email) VALUES (64, 'x');
INSERT INTO shop.door (id) VALUES (64);
UPDATE shop.door SET email = 'x' WHERE id = 64;
INSERT INTO shop.open VALUES (1, 'x');
RESET ROLE;

-- ON CONFLICT ... DO UPDATE tells which row has a value: that is to search for it.
SET ROLE tarot_masked;
INSERT INTO shop.client (id, email) VALUES (70, 'user3@example.com') ON CONFLICT (email) DO UPDATE SET n = 33 RETURNING id;
INSERT INTO shop.client (id, email) VALUES (70, 'user3@example.com') ON CONFLICT ON CONSTRAINT client_email_key DO UPDATE SET n = 33 RETURNING id;
INSERT INTO shop.door (id, email) VALUES (70, 'user3@example.com') ON CONFLICT (email) DO UPDATE SET n = 33 RETURNING id;
-- That there is one, a unique index tells who may insert.
INSERT INTO shop.client (id, email) VALUES (70, 'user3@example.com') ON CONFLICT (email) DO NOTHING RETURNING id;
INSERT INTO shop.client (id, email) VALUES (3, 'user3@example.com') ON CONFLICT (id) DO UPDATE SET n = 33 RETURNING id, email;
RESET ROLE;
CREATE UNIQUE INDEX client_start ON shop.client (left(email, 5)) WHERE birth = '1950-05-13';
SET ROLE tarot_search;
INSERT INTO shop.client (id, email) VALUES (70, 'user3@example.com') ON CONFLICT (email) DO UPDATE SET n = 34 RETURNING id, email;
INSERT INTO shop.client (id, email) VALUES (70, 'user3@example.com') ON CONFLICT ON CONSTRAINT client_email_key DO UPDATE SET n = 35 RETURNING id, email;
-- For equal values, not by a part of them.
INSERT INTO shop.client (id, email, birth) VALUES (70, 'user3@', '1950-05-13') ON CONFLICT (left(email, 5)) WHERE birth = '1950-05-13' DO UPDATE SET n = 36 RETURNING id;
INSERT INTO shop.client (id, email, birth) VALUES (70, 'user3@', '1950-05-13') ON CONFLICT (left(email, 5)) WHERE birth = '1950-05-13' DO NOTHING RETURNING id;
PREPARE by_search AS INSERT INTO shop.client (id, email) VALUES (70, 'user3@example.com') ON CONFLICT (email) DO UPDATE SET n = 37 RETURNING id;
EXECUTE by_search;
RESET ROLE;
SELECT tarot.grant_class('email', 'tarot_search', 'masked', write => true);
SET ROLE tarot_search;
EXECUTE by_search;
RESET ROLE;
SET ROLE tarot_plain;
INSERT INTO shop.client (id, email, birth) VALUES (70, 'user3@', '1950-05-13') ON CONFLICT (left(email, 5)) WHERE birth = '1950-05-13' DO UPDATE SET n = 38 RETURNING id;
INSERT INTO shop.client (id, email) VALUES (70, 'user3@example.com') ON CONFLICT (email) DO UPDATE SET n = 39 RETURNING id, email;
RESET ROLE;

-- The right to search does not reach through masking views: who is to search holds the table, and its masks.
SELECT tarot.grant_class('email', 'tarot_search', 'masked', search => true);
GRANT SELECT ON shop.door TO tarot_search;
SET ROLE tarot_search;
SELECT id FROM shop.client WHERE email = 'user4@example.com';
SELECT id FROM shop.door WHERE email = 'user4@example.com';
SELECT count(*) FROM shop.door WHERE email = 'u***@e***.com';
RESET ROLE;

-- A trigger on a masking view would be handed what others see who write: only the owner makes one.
GRANT ALL ON shop.door TO tarot_masked, tarot_owner;
SET ROLE tarot_owner;
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT ALL ON TABLES TO tarot_masked;
SELECT tarot.create_masking_view('shop.client', 'shop.other_door');
ALTER DEFAULT PRIVILEGES IN SCHEMA shop REVOKE ALL ON TABLES FROM tarot_masked;
RESET ROLE;
CREATE FUNCTION shop.spy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
SET ROLE tarot_masked;
SELECT run(format('CREATE TRIGGER spy INSTEAD OF UPDATE ON shop.%s FOR EACH ROW EXECUTE FUNCTION shop.spy()', v)) FROM unnest('{door,other_door}'::text[]) AS v;
SELECT has_table_privilege('shop.door', 'INSERT'), has_table_privilege('shop.other_door', 'SELECT');
RESET ROLE;
SET ROLE tarot_owner;
CREATE TRIGGER own INSTEAD OF UPDATE ON shop.door FOR EACH ROW EXECUTE FUNCTION shop.spy();
RESET ROLE;

\set ECHO none
DROP OWNED BY tarot_owner, tarot_plain, tarot_masked, tarot_search, tarot_none, tarot_member, tarot_reader CASCADE;
DROP ROLE tarot_owner, tarot_plain, tarot_masked, tarot_search, tarot_none, tarot_member, tarot_reader;

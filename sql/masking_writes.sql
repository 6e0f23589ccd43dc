-- What is written from a masked table, and to it: no mask in the place of a value, and no value where nothing masks it.
\getenv source PG_ABS_SRCDIR
\set ECHO none
SET datestyle = ISO;
SET client_min_messages = warning;
\i :source/sql/include/attempt.sql
CREATE EXTENSION tarot_security;
\i :source/sql/include/masking.sql
ALTER TABLE shop.client ADD COLUMN flag boolean;
ALTER TABLE shop.client ADD COLUMN tags text[] DEFAULT '{a,b}';
SELECT tarot.classify_column('shop.client', 'flag', 'pay'), tarot.classify_column('shop.client', 'tags', 'email');
CREATE TABLE shop.bare (id int PRIMARY KEY, email text, birth date, flag boolean, n int, whole shop.client);
CREATE TABLE shop.kept (id int PRIMARY KEY, email text, birth date);
CREATE TABLE shop.other (id int PRIMARY KEY, email text);
CREATE TABLE shop.sealed (id int, email tarot.encrypted_text('email'));
INSERT INTO shop.bare (id) VALUES (1), (2);
SELECT tarot.grant_class('email', 'tarot_plain', 'plain', write => true);
SELECT tarot.classify_column('shop.kept', 'email', 'email'), tarot.classify_column('shop.kept', 'birth', 'birth'), tarot.classify_column('shop.other', 'email', 'birth');
SELECT tarot.mask_table('shop.client'), tarot.mask_table('shop.kept'), tarot.mask_table('shop.other');
GRANT ALL ON shop.bare, shop.sealed TO tarot_plain, tarot_masked;
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.kept, shop.other TO tarot_plain, tarot_masked;
SELECT tarot.mask_table('shop.kept'), tarot.mask_table('shop.other');

-- As a statement ends, with what it leaves undone.
CREATE FUNCTION try(statement text, look text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	shown text := 'ok';
	r record;
BEGIN
	EXECUTE statement;
	IF look IS NOT NULL THEN
		EXECUTE 'SELECT string_agg(x::text, '','') FROM (' || look || ') AS x' INTO shown;
	END IF;
	RAISE EXCEPTION USING ERRCODE = 'UNDO1';
EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
	RETURN coalesce(shown, '(null)');
WHEN OTHERS THEN
	RETURN SQLERRM;
END
$$;
CREATE TABLE written (number int GENERATED ALWAYS AS IDENTITY, statement text, look text);
INSERT INTO written (statement, look) VALUES
	-- to tables without labels
	('CREATE TABLE shop.n AS SELECT id, email FROM shop.client', 'SELECT email FROM shop.n WHERE id = 3'),
	('CREATE TEMP TABLE n AS SELECT id, upper(email) AS e FROM shop.client', 'SELECT e FROM n WHERE id = 3'),
	('CREATE MATERIALIZED VIEW shop.n AS SELECT id, email FROM shop.client', 'SELECT email FROM shop.n WHERE id = 3'),
	('CREATE TABLE shop.n AS SELECT client FROM shop.client', 'SELECT client FROM shop.n'),
	('CREATE TABLE shop.n AS SELECT id, email FROM shop.client WITH NO DATA', 'SELECT count(*) FROM shop.n'),
	('CREATE TABLE shop.n AS SELECT id, note FROM shop.client WHERE email LIKE ''u%''', 'SELECT count(*) FROM shop.n'),
	('CREATE TABLE shop.n AS WITH w AS (SELECT email AS e FROM shop.client) SELECT x.e FROM w JOIN w AS x USING (e)', 'SELECT DISTINCT e FROM shop.n'),
	('CREATE TABLE shop.n AS SELECT note FROM shop.client UNION SELECT email FROM shop.client', 'SELECT max(note) FROM shop.n'),
	('CREATE TABLE shop.n AS WITH RECURSIVE w AS (SELECT 1 AS i, email FROM shop.client WHERE id = 1 UNION ALL SELECT i + 1, email FROM w WHERE i < 3) SELECT email FROM w', 'SELECT DISTINCT email FROM shop.n'),
	('CREATE TABLE shop.n AS SELECT count(email), count(DISTINCT birth) AS births, bool_or(email IS NULL) AS gaps FROM shop.client', 'SELECT * FROM shop.n'),
	('CREATE TABLE shop.n AS SELECT max(email) OVER () AS e FROM shop.client', 'SELECT DISTINCT e FROM shop.n'),
	('CREATE TABLE shop.n AS SELECT (SELECT email FROM shop.client WHERE id = 1) AS e', 'SELECT e FROM shop.n'),
	('CREATE TABLE shop.n AS SELECT EXISTS (SELECT email FROM shop.client) AS e', 'SELECT e FROM shop.n'),
	('CREATE TABLE shop.n AS SELECT NOT flag AS f FROM shop.client', 'SELECT count(f) FROM shop.n'),
	('CREATE TABLE shop.n AS SELECT u FROM shop.client, unnest(ARRAY[email]) AS u', 'SELECT DISTINCT u FROM shop.n'),
	('CREATE TABLE shop.n AS SELECT email FROM shop.client GROUP BY email', 'SELECT DISTINCT email FROM shop.n'),
	('INSERT INTO shop.bare (id, email) SELECT id + 50, email FROM shop.client', 'SELECT DISTINCT email FROM shop.bare'),
	('INSERT INTO shop.bare (id, n) SELECT id + 50, length(email) FROM shop.client', 'SELECT DISTINCT n FROM shop.bare'),
	('INSERT INTO shop.bare (id, flag) SELECT id + 50, email = ''user3@example.com'' FROM shop.client', 'SELECT count(*) FROM shop.bare WHERE flag'),
	('INSERT INTO shop.bare (id, whole) SELECT id + 50, client FROM shop.client', 'SELECT whole FROM shop.bare WHERE id = 53'),
	('INSERT INTO shop.bare (id, email) VALUES (50, (SELECT email FROM shop.client WHERE id = 1)), (51, ''x'')', 'SELECT email FROM shop.bare WHERE id >= 50'),
	('INSERT INTO shop.bare (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET email = (SELECT email FROM shop.client WHERE id = 1)', 'SELECT email FROM shop.bare WHERE id = 1'),
	('UPDATE shop.bare SET email = c.email FROM shop.client c WHERE c.id = bare.id', 'SELECT email FROM shop.bare'),
	('UPDATE shop.bare SET (email, birth) = (SELECT c.email, c.birth FROM shop.client c WHERE c.id = bare.id)', 'SELECT email, birth FROM shop.bare'),
	('WITH w AS (UPDATE shop.bare SET email = c.email FROM (SELECT * FROM shop.client) c WHERE c.id = bare.id RETURNING 1) SELECT count(*) FROM w', 'SELECT email FROM shop.bare'),
	('WITH w AS (DELETE FROM shop.client WHERE id = 1 RETURNING id, email) INSERT INTO shop.bare (id, email) SELECT id + 50, email FROM w', 'SELECT email FROM shop.bare WHERE id = 51'),
	('MERGE INTO shop.bare b USING shop.client c ON b.id = c.id WHEN MATCHED THEN UPDATE SET email = c.email', 'SELECT email FROM shop.bare'),
	('MERGE INTO shop.bare b USING shop.client c ON b.id = c.id WHEN NOT MATCHED THEN INSERT (id, email) VALUES (c.id, lower(c.email))', 'SELECT max(email) FROM shop.bare'),
	('UPDATE shop.client SET note = email WHERE id = 3', 'SELECT note FROM shop.client WHERE id = 3'),
	-- to columns of the same class, and of another
	('INSERT INTO shop.kept SELECT id, email, birth FROM shop.client', 'SELECT email, birth FROM shop.kept WHERE id = 3'),
	('INSERT INTO shop.kept (id, email) SELECT id, lower(email) FROM shop.client', 'SELECT email FROM shop.kept WHERE id = 3'),
	('INSERT INTO shop.kept (id, email) SELECT id, (client).email FROM shop.client', 'SELECT email FROM shop.kept WHERE id = 3'),
	('INSERT INTO shop.kept (id, email) VALUES (1, ''a@b.example'') ON CONFLICT (id) DO UPDATE SET email = EXCLUDED.email || kept.email', 'SELECT email FROM shop.kept'),
	('INSERT INTO shop.other SELECT id, email FROM shop.client', 'SELECT email FROM shop.other WHERE id = 3'),
	('UPDATE shop.client SET email = lower(email) WHERE id = 3', 'SELECT email FROM shop.client WHERE id = 3'),
	('UPDATE shop.client SET email = email', 'SELECT email FROM shop.client WHERE id = 3'),
	('UPDATE shop.client SET email = ''new'' || id, birth = NULL WHERE id = 3', 'SELECT email, birth FROM shop.client WHERE id = 3'),
	('UPDATE shop.client c SET (email, n) = (SELECT x.email, 5 FROM shop.client x WHERE x.id = c.id)', 'SELECT email FROM shop.client WHERE id = 3'),
	('UPDATE shop.client SET tags[1] = ''z'' WHERE id = 3', 'SELECT tags[1] FROM shop.client WHERE id = 3'),
	('UPDATE shop.client SET n = 7 WHERE id = 3', 'SELECT n, email FROM shop.client WHERE id = 3'),
	('INSERT INTO shop.client (id, email) SELECT id + 50, ''copy of '' || email FROM shop.client', 'SELECT email FROM shop.client WHERE id = 53'),
	('INSERT INTO shop.client (id, email) VALUES (3, ''x'') ON CONFLICT (id) DO UPDATE SET email = EXCLUDED.email', 'SELECT email FROM shop.client WHERE id = 3'),
	('INSERT INTO shop.client (id, email) VALUES (3, ''x'') ON CONFLICT (id) DO UPDATE SET note = EXCLUDED.email', 'SELECT note FROM shop.client WHERE id = 3'),
	('INSERT INTO shop.client (id, email) VALUES (3, ''x'') ON CONFLICT (id) DO UPDATE SET note = client.email', 'SELECT note FROM shop.client WHERE id = 3'),
	('MERGE INTO shop.client c USING shop.client d ON c.id = d.id WHEN MATCHED THEN UPDATE SET email = d.email || ''x''', 'SELECT email FROM shop.client WHERE id = 3'),
	('INSERT INTO shop.kept (id, email) SELECT a.id, b.email FROM shop.client a JOIN (SELECT id, email FROM shop.client WHERE email > '''') b USING (id)', 'SELECT email FROM shop.kept WHERE id = 3'),
	('CREATE TABLE shop.n AS SELECT a.email, b.n FROM shop.client a JOIN shop.client b ON b.email = a.email', 'SELECT DISTINCT email FROM shop.n'),
	-- to a column that seals them
	('INSERT INTO shop.sealed SELECT id, email::tarot.encrypted_text(''email'') FROM shop.client', 'SELECT email::text FROM shop.sealed WHERE id = 3'),
	('INSERT INTO shop.sealed SELECT id, email FROM shop.client', 'SELECT email::text FROM shop.sealed WHERE id = 3');
GRANT SELECT ON written TO PUBLIC;
RESET client_min_messages;
\set ECHO all
\set SHOW_CONTEXT never
SET ROLE tarot_plain;
SELECT statement, try(statement, look) AS plain FROM written ORDER BY number;
SET ROLE tarot_masked;
SELECT statement, try(statement, look) AS masked FROM written ORDER BY number;
SET ROLE tarot_plain;
SET tarot_security.io = masked;
SELECT statement, try(statement, look) AS plain_for_masks FROM written WHERE number < 4 OR statement LIKE 'INSERT INTO shop.kept%' ORDER BY number;
RESET tarot_security.io;
RESET ROLE;
-- Nothing was written but what was to be.
SET ROLE tarot_plain;
SELECT count(*) FILTER (WHERE email ~ '^user\d+@example.com$') AS values, count(*) FROM shop.client;

-- What a hint says.
SELECT run('CREATE TABLE shop.n AS SELECT email FROM shop.client'), run('INSERT INTO shop.bare (id, email) SELECT id + 50, email FROM shop.client'), run('EXPLAIN ANALYZE CREATE TABLE shop.n AS SELECT email FROM shop.client');
PREPARE p AS SELECT email FROM shop.client;
CREATE TABLE shop.n AS EXECUTE p;
EXPLAIN ANALYZE CREATE TABLE shop.n AS EXECUTE p;
SELECT email INTO shop.n FROM shop.client;
DEALLOCATE p;
-- What classes do follow: a materialized view that is classified before it is filled, and one that is masked.
CREATE MATERIALIZED VIEW shop.summary AS SELECT id, email, birth, note FROM shop.client WITH NO DATA;
RESET ROLE;
SELECT tarot.classify_column('shop.summary', 'email', 'email');
SET ROLE tarot_plain;
REFRESH MATERIALIZED VIEW shop.summary;
RESET ROLE;
SELECT tarot.classify_column('shop.summary', 'birth', 'birth'), tarot.mask_table('shop.summary');
SET ROLE tarot_plain;
REFRESH MATERIALIZED VIEW shop.summary;
CREATE UNIQUE INDEX ON shop.summary (id);
REFRESH MATERIALIZED VIEW CONCURRENTLY shop.summary;
SELECT * FROM shop.summary WHERE id = 3;
GRANT SELECT ON shop.summary TO tarot_masked;
SET ROLE tarot_masked;
SELECT * FROM shop.summary WHERE id = 3;
RESET ROLE;
-- It is filled as its owner, whoever calls.
REFRESH MATERIALIZED VIEW shop.summary;
SELECT tarot.revoke_class('email', 'tarot_plain');
REFRESH MATERIALIZED VIEW shop.summary;
SELECT tarot.grant_class('email', 'tarot_plain', 'plain');
SET ROLE tarot_plain;
SELECT id, email FROM shop.summary WHERE id = 3;
RESET ROLE;
-- A masked role's holds masks.
SET ROLE tarot_masked;
CREATE MATERIALIZED VIEW shop.masks AS SELECT id, email FROM shop.client;
REFRESH MATERIALIZED VIEW shop.masks;
SELECT * FROM shop.masks WHERE id = 3;
RESET ROLE;

-- Copies that were there before: mask_table tells of them.
SELECT tarot.grant_class(c, 'tarot_owner', 'plain') FROM (VALUES ('email'), ('birth'), ('pay')) AS classes (c);
SET ROLE tarot_owner;
SELECT tarot.unmask_table('shop.client');
CREATE MATERIALIZED VIEW shop.copy AS SELECT id, email FROM shop.client;
SELECT tarot.mask_table('shop.client');
REFRESH MATERIALIZED VIEW shop.copy;
RESET ROLE;

-- Keys: what the server compares for constraints are values, and what it says is for who may read them.
CREATE TABLE shop.refers (id int, email text REFERENCES shop.client (email) ON UPDATE CASCADE ON DELETE SET NULL);
INSERT INTO shop.refers VALUES (1, 'user1@example.com'), (2, 'user2@example.com');
SELECT tarot.classify_column('shop.refers', 'email', 'email'), tarot.mask_table('shop.refers');
ALTER TABLE shop.refers OWNER TO tarot_owner;
GRANT INSERT, SELECT ON shop.refers TO tarot_masked;
SET ROLE tarot_masked;
INSERT INTO shop.refers VALUES (3, 'user3@example.com');
INSERT INTO shop.refers VALUES (3, 'nobody@example.com');
INSERT INTO shop.client (id, email) VALUES (99, 'user4@example.com');
INSERT INTO shop.client (id, email) VALUES (3, 'user3@example.com');
INSERT INTO shop.client (id, email, n) VALUES (99, 'user99@example.com', -1);
UPDATE shop.client SET n = -1 WHERE id = 3;
UPDATE shop.client SET email = 'ada@example.com' WHERE id = 1;
DELETE FROM shop.client WHERE id = 2;
RESET ROLE;
SET ROLE tarot_plain;
SELECT id, n FROM shop.client WHERE email = 'ada@example.com';
RESET ROLE;
GRANT SELECT ON shop.refers TO tarot_plain;
SET ROLE tarot_plain;
SELECT * FROM shop.refers ORDER BY id;
SET ROLE tarot_owner;
ALTER TABLE shop.refers DROP CONSTRAINT refers_email_fkey;
ALTER TABLE shop.refers ADD FOREIGN KEY (email) REFERENCES shop.client (email);
RESET ROLE;
-- The same where the owner reads nothing.
SELECT tarot.revoke_class(c, 'tarot_owner') FROM (VALUES ('email'), ('birth'), ('pay')) AS classes (c);
SELECT tarot.grant_class('email', 'tarot_owner', 'none', write => true);
SET ROLE tarot_owner;
ALTER TABLE shop.refers DROP CONSTRAINT refers_email_fkey;
ALTER TABLE shop.refers ADD FOREIGN KEY (email) REFERENCES shop.client (email) ON UPDATE CASCADE;
UPDATE shop.client SET email = 'user1@example.com' WHERE id = 1;
RESET ROLE;
SET ROLE tarot_plain;
SELECT * FROM shop.refers ORDER BY id;
RESET ROLE;
-- A trigger within a cascade runs as the owner, and sees what that sees.
CREATE FUNCTION shop.spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'spy: %', run('SELECT email FROM shop.client WHERE id = 5'); RETURN NEW; END $$;
CREATE TRIGGER spy BEFORE UPDATE ON shop.refers FOR EACH ROW EXECUTE FUNCTION shop.spy();
SET ROLE tarot_owner;
UPDATE shop.client SET email = 'ada@example.com' WHERE id = 1;
RESET ROLE;

-- An anonymous dump masks what is classified, masked or not, and plans that were made before it.
RESET ROLE;
CREATE TABLE shop.classified (id int, email text);
INSERT INTO shop.classified VALUES (1, 'user1@example.com');
SELECT tarot.classify_column('shop.classified', 'email', 'email');
GRANT SELECT ON shop.classified TO tarot_plain, tarot_none;
SET ROLE tarot_plain;
SET plan_cache_mode = force_generic_plan;
PREPARE before AS SELECT email FROM shop.classified;
EXECUTE before;
COPY shop.classified TO STDOUT;
SET tarot_security.io = masked;
EXECUTE before;
COPY shop.classified TO STDOUT;
COPY (SELECT email FROM shop.classified WHERE email = 'user1@example.com') TO STDOUT;
SET ROLE tarot_none;
COPY shop.classified TO STDOUT;
RESET tarot_security.io;
COPY shop.classified TO STDOUT;
RESET ROLE;
DEALLOCATE before;
RESET plan_cache_mode;

\set ECHO none
SET client_min_messages = error;
DROP OWNED BY tarot_owner, tarot_plain, tarot_masked, tarot_search, tarot_none, tarot_member CASCADE;
DROP ROLE tarot_owner, tarot_plain, tarot_masked, tarot_search, tarot_none, tarot_member;

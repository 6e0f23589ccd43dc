-- What attackers of masked tables have tried beyond masking_paths.sql: to find values by searching, and to lose them by writing.
\getenv source PG_ABS_SRCDIR
\set ECHO none
SET datestyle = ISO;
SET client_min_messages = warning;
\i :source/sql/include/attempt.sql
CREATE EXTENSION tarot_security;
\i :source/sql/include/masking.sql
SELECT tarot.create_class('yes', 'shop', 'null'), tarot.grant_class('yes', 'tarot_masked', 'masked', write => true), tarot.grant_class('yes', 'tarot_plain', 'plain');
SELECT tarot.grant_class('email', 'tarot_masked', 'masked', write => true), tarot.grant_class('email', 'tarot_plain', 'plain', write => true);
CREATE DOMAIN shop.yes AS boolean;
CREATE TABLE shop.flags (id int, flag boolean, flags boolean[], named shop.yes, number int, doc jsonb);
INSERT INTO shop.flags VALUES (1, true, '{t}', true, 1, '{"flag": true}');
CREATE TABLE shop.sealed (id int, email text, sealed tarot.encrypted_text('email'));
INSERT INTO shop.sealed (id, email) VALUES (1, 'user1@example.com');
CREATE TABLE shop.guess (email text);
INSERT INTO shop.guess VALUES ('user3@example.com'), ('user15'), ('user2z');
GRANT SELECT, INSERT, UPDATE ON shop.flags, shop.sealed, shop.guess TO tarot_plain, tarot_masked, tarot_search;
SELECT tarot.classify_column('shop.sealed', 'email', 'email'), tarot.classify_column('shop.flags', c, 'yes') FROM unnest('{flag,flags,named,number,doc}'::name[]) AS c;
SELECT tarot.mask_table(t::regclass) FROM (VALUES ('shop.client'), ('shop.sealed'), ('shop.flags')) AS tables (t);
\set ECHO all

-- Who may search tries values that are equal, not such as a collation of the role's own takes for equal.
SET ROLE tarot_search;
CREATE COLLATION shop.loose (PROVIDER = icu, LOCALE = 'und-u-ks-level1-ka-shifted', DETERMINISTIC = false);
SELECT id FROM shop.client WHERE email = 'user3@example.com';
SELECT id FROM shop.client WHERE email = 'user3@example.com' COLLATE "C";
SELECT id FROM shop.client WHERE email = 'USER3, example com' COLLATE shop.loose OR email = ANY (ARRAY['USER3, example com'] COLLATE shop.loose);
RESET ROLE;
SET ROLE tarot_plain;
SELECT id FROM shop.client WHERE email = 'USER3@ EXAMPLE com' COLLATE shop.loose;
RESET ROLE;

-- Nor are values merged, where the order of rows and their counts tell which are less than a guess.
SET ROLE tarot_search;
SET enable_hashjoin = off;
SET enable_nestloop = off;
SET enable_material = off;
SELECT c.id FROM shop.client AS c JOIN shop.guess AS g ON c.email = g.email;
EXPLAIN (COSTS OFF) SELECT c.id FROM shop.client AS c JOIN shop.guess AS g ON c.email = g.email;
EXPLAIN (COSTS OFF) SELECT c.id FROM shop.client AS c LEFT JOIN shop.guess AS g ON c.email = g.email;
SELECT count(*), count(c.id) FILTER (WHERE g IS NOT NULL) AS found FROM shop.client AS c FULL JOIN shop.guess AS g ON c.email = g.email;
EXPLAIN (VERBOSE, COSTS OFF) SELECT c.id FROM shop.client AS c FULL JOIN shop.guess AS g ON c.email = g.email;
SHOW enable_hashjoin;
RESET ROLE;
SET ROLE tarot_plain;
EXPLAIN (COSTS OFF) SELECT c.id FROM shop.client AS c LEFT JOIN shop.guess AS g ON c.email = g.email;
SELECT count(*), count(c.id) FILTER (WHERE g IS NOT NULL) AS found FROM shop.client AS c FULL JOIN shop.guess AS g ON c.email = g.email;
RESET ROLE;
RESET enable_hashjoin;
RESET enable_nestloop;
RESET enable_material;

-- A mask is not sealed as if it were the value, in a column that others read.
SET ROLE tarot_plain;
UPDATE shop.sealed SET sealed = email;
RESET ROLE;
SET ROLE tarot_masked;
UPDATE shop.sealed SET sealed = email;
INSERT INTO shop.sealed (id, sealed) SELECT id, lower(email) FROM shop.client;
UPDATE shop.sealed SET sealed = 'other@example.com' WHERE id = 1;
RESET ROLE;
SET ROLE tarot_plain;
SELECT * FROM shop.sealed;
-- What is sealed is no leave to write it as it is, too.
UPDATE shop.client SET note = s.email::tarot.encrypted_text('email')::text || s.email FROM shop.sealed AS s;
RESET ROLE;

-- Nor does a yes or no hide that a mask is written.
SET ROLE tarot_masked;
UPDATE shop.flags SET flag = flags[1] OR false;
UPDATE shop.flags SET flag = flags[1] IS TRUE;
UPDATE shop.flags SET named = named AND true;
UPDATE shop.flags SET flag = NOT named;
UPDATE shop.flags SET flag = number::boolean;
UPDATE shop.flags SET flag = (doc -> 'flag')::boolean AND true;
UPDATE shop.flags SET flag = coalesce(named, false) OR false;
RESET ROLE;
SET ROLE tarot_plain;
SELECT * FROM shop.flags;
RESET ROLE;

-- In a trigger that a foreign key of one's own fires, a query may look like the server's: of tables of others it is none.
GRANT pg_read_all_data TO tarot_masked;
SET ROLE tarot_masked;
CREATE TABLE shop.key (id int PRIMARY KEY);
CREATE TABLE shop.referring (id int REFERENCES shop.key ON DELETE CASCADE);
CREATE FUNCTION shop.look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM FROM shop.client WHERE email LIKE 'user3@%';
	RAISE WARNING 'found by LIKE: %', FOUND;
	PERFORM 1 FROM shop.client WHERE email = 'user3@example.com';
	RAISE WARNING 'found by =: %', FOUND;
	RETURN OLD;
END
$$;
CREATE TRIGGER look BEFORE DELETE ON shop.referring FOR EACH ROW EXECUTE FUNCTION shop.look();
INSERT INTO shop.key VALUES (1);
INSERT INTO shop.referring VALUES (1);
DELETE FROM shop.key;
RESET ROLE;
REVOKE pg_read_all_data FROM tarot_masked;

\set ECHO none
DROP OWNED BY tarot_owner, tarot_plain, tarot_masked, tarot_search, tarot_none, tarot_member CASCADE;
DROP ROLE tarot_owner, tarot_plain, tarot_masked, tarot_search, tarot_none, tarot_member;

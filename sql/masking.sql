-- Masked tables: what each role sees, by which privileges, with which plans.
\getenv source PG_ABS_SRCDIR
\set ECHO none
SET datestyle = ISO;
\i :source/sql/include/attempt.sql
CREATE EXTENSION tarot_security;
\i :source/sql/include/masking.sql
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query; END $$;
ANALYZE shop.client;
\set ECHO all
\set SHOW_CONTEXT never

-- Until it is masked a table is as it was.
SET ROLE tarot_none;
SELECT * FROM shop.client WHERE id < 3 ORDER BY id;
RESET ROLE;

-- By its owner.
SELECT run($$SELECT tarot.mask_table(NULL)$$), run($$SELECT tarot.mask_table('shop.client_pkey')$$), run($$SELECT tarot.mask_table(1)$$), run($$SELECT tarot.unmask_table(NULL)$$), run($$SELECT tarot.unmask_table('shop.client')$$);
SET ROLE tarot_plain;
SELECT run($$SELECT tarot.mask_table('shop.client')$$);
SET ROLE tarot_owner;
CREATE TABLE shop.unclassified (id int);
SELECT tarot.mask_table('shop.unclassified');
SELECT tarot.unmask_table('shop.unclassified');
DROP TABLE shop.unclassified;
SELECT tarot.mask_table('shop.client');
SELECT tarot.mask_table('shop.client');
RESET ROLE;
SELECT "column", class, masked FROM tarot.classified_columns WHERE "table" = 'shop.client'::regclass;

-- A value, a mask, or an error.
SET ROLE tarot_plain;
SELECT * FROM shop.client WHERE id < 3 ORDER BY id;
SET ROLE tarot_masked;
SELECT * FROM shop.client WHERE id < 3 ORDER BY id;
SET ROLE tarot_member;
SELECT * FROM shop.client WHERE id < 3 ORDER BY id;
SET ROLE tarot_search;
SELECT * FROM shop.client WHERE id < 3 ORDER BY id;
SET ROLE tarot_none;
SELECT * FROM shop.client;
SELECT id, n, note FROM shop.client WHERE id < 3 ORDER BY id;
SELECT count(*) FROM shop.client;
SELECT count(*) FROM (SELECT * FROM shop.client) AS c;
SET ROLE tarot_owner;
SELECT email FROM shop.client;
RESET ROLE;
SELECT code('SELECT email FROM shop.client') AS superuser;
SELECT tarot.grant_class('email', 'tarot_owner', 'masked');
SET ROLE tarot_owner;
SELECT email FROM shop.client WHERE id = 1;
RESET ROLE;
SELECT tarot.revoke_class('email', 'tarot_owner');

-- A NULL is a NULL to who may see that there is none, and nothing to who may not.
BEGIN;
UPDATE shop.client SET email = NULL WHERE id = 1;
SET LOCAL ROLE tarot_masked;
SELECT id, email, client FROM shop.client WHERE email IS NULL;
SET LOCAL ROLE tarot_none;
SELECT run('SELECT id FROM shop.client WHERE id = 1 AND email IS NULL'), run('SELECT client FROM shop.client WHERE id = 1'), run('SELECT c.email FROM (VALUES (0)) v LEFT JOIN shop.client c ON false');
ROLLBACK;

-- Who could read the table reads it by the classes; that is what SELECT on tableoid stands for. Nobody reads what they could not before.
SELECT attname, attacl::text[] FROM pg_attribute WHERE attrelid = 'shop.client'::regclass AND attacl IS NOT NULL ORDER BY attnum;
SELECT array_agg(privilege_type ORDER BY privilege_type) FROM pg_class, aclexplode(relacl) AS p WHERE pg_class.oid = 'shop.client'::regclass AND grantee = 'tarot_masked'::regrole;
BEGIN;
CREATE ROLE tarot_some;
GRANT USAGE ON SCHEMA shop TO tarot_some;
SELECT tarot.grant_class('email', 'tarot_some', 'masked'), tarot.grant_class('pay', 'tarot_some', 'plain');
GRANT SELECT (id, n) ON shop.client TO tarot_some;
SET LOCAL ROLE tarot_some;
SELECT run('SELECT email FROM shop.client'), run('SELECT id, pay FROM shop.client'), run('SELECT client FROM shop.client'), run('SELECT id FROM shop.client WHERE pay > 0'), run('SELECT id FROM shop.client');
RESET ROLE;
GRANT SELECT (id, email) ON shop.client TO tarot_some;
SELECT tarot.mask_table('shop.client');
SET LOCAL ROLE tarot_some;
SELECT run('SELECT email FROM shop.client'), run('SELECT id FROM shop.client');
RESET ROLE;
GRANT SELECT (tableoid) ON shop.client TO tarot_some;
SET LOCAL ROLE tarot_some;
SELECT email, pay FROM shop.client WHERE id = 1;
RESET ROLE;
REVOKE ALL ON shop.client FROM tarot_some;
REVOKE ALL (id, n, tableoid) ON shop.client FROM tarot_some;
SET LOCAL ROLE tarot_some;
SELECT run('SELECT email FROM shop.client');
RESET ROLE;
GRANT SELECT ON shop.client TO tarot_some WITH GRANT OPTION;
SET LOCAL ROLE tarot_some;
SELECT email, pay FROM shop.client WHERE id = 1;
GRANT SELECT (note, tableoid) ON shop.client TO tarot_none;
RESET ROLE;
SELECT has_column_privilege('tarot_some', 'shop.client', 'email', 'SELECT') AS email, has_column_privilege('tarot_some', 'shop.client', 'note', 'SELECT WITH GRANT OPTION') AS note,
	has_column_privilege('tarot_none', 'shop.client', 'email', 'SELECT') AS email_by_another, has_table_privilege('tarot_some', 'shop.client', 'SELECT') AS "table";
ROLLBACK;
-- Where every column has a class, too.
BEGIN;
CREATE TABLE shop.all (email text);
INSERT INTO shop.all VALUES ('user1@example.com');
GRANT SELECT ON shop.all TO tarot_masked, tarot_none;
SELECT tarot.classify_column('shop.all', 'email', 'email'), tarot.mask_table('shop.all');
SET LOCAL ROLE tarot_masked;
SELECT "all".email, "all" FROM shop.all;
SELECT count(*) FROM shop.all;
SET LOCAL ROLE tarot_search;
SELECT run('SELECT count(*) FROM shop.all'), run('SELECT FROM shop.all');
ROLLBACK;

-- Plans: the mask stands in them, and who may see values has the table's indexes.
SET ROLE tarot_masked;
SELECT plan($$SELECT * FROM shop.client WHERE email = 'user3@example.com'$$);
SELECT plan($$SELECT client FROM shop.client$$);
SET ROLE tarot_plain;
SELECT plan($$SELECT client FROM shop.client$$);
SET enable_seqscan = off;
SELECT plan($$SELECT * FROM shop.client WHERE email = 'user3@example.com'$$);
SET tarot_security.io = masked;
SELECT plan($$SELECT email FROM shop.client WHERE id = 3$$);
SELECT email FROM shop.client WHERE id = 3;
RESET tarot_security.io;

-- Who may search a class compares values, and sees masks: with indexes, by equality alone, and by no operator of somebody's own.
SET ROLE tarot_search;
SELECT plan($$SELECT id, email FROM shop.client WHERE email = 'user3@example.com'$$);
SELECT id, email FROM shop.client WHERE email = 'user3@example.com';
SELECT id, email FROM shop.client WHERE email IN ('user3@example.com', 'user4@example.com') AND NOT email = 'user4@example.com';
SELECT id, email FROM shop.client JOIN (VALUES ('user3@example.com')) AS v (email) USING (email);
SELECT id, email FROM shop.client WHERE email IN (SELECT 'user3@example.com'::text UNION SELECT 'a');
SELECT id, email FROM shop.client WHERE birth = '1950-05-13' AND pay = 33000.77;
SELECT run($$SELECT 1 / count(*) FROM shop.client WHERE email > 'user3@example.com' AND email LIKE 'user%'$$) AS compared_by_masks;
SELECT count(*) FROM shop.client WHERE lower(email) = 'user3@example.com' OR email <> 'u***@e***.com' OR email <> ALL ('{u***@e***.com}');
SELECT email = 'user3@example.com' AS in_the_list FROM shop.client WHERE id = 3;
SELECT id FROM shop.client GROUP BY id HAVING max(email) = 'user3@example.com';
CREATE FUNCTION shop.peep(text, text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE EXCEPTION 'peep %', $1; END $$;
CREATE OPERATOR shop.= (FUNCTION = shop.peep, LEFTARG = text, RIGHTARG = text, HASHES, MERGES, COMMUTATOR = OPERATOR(shop.=));
SELECT id FROM shop.client WHERE email OPERATOR(shop.=) 'a';
PREPARE p AS SELECT id FROM shop.client WHERE email = $1;
EXECUTE p('user3@example.com');
UPDATE shop.client SET n = n WHERE email = 'user3@example.com' RETURNING id, email;
RESET enable_seqscan;
SET ROLE tarot_masked;
EXECUTE p('user3@example.com');
DEALLOCATE p;
RESET ROLE;

-- Estimates tell nothing: neither how many values there are, nor how often one is there.
BEGIN;
UPDATE shop.client SET note = 'same', n = 1;
ALTER TABLE shop.client DROP CONSTRAINT client_email_key;
UPDATE shop.client SET email = 'user' || id % 3 || '@example.com';
CREATE STATISTICS shop.pairs (ndistinct) ON email, note FROM shop.client;
CREATE STATISTICS shop.lowered ON lower(email) FROM shop.client;
ANALYZE shop.client;
CREATE FUNCTION estimate(query text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE e json; BEGIN EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO e; RETURN e -> 0 -> 'Plan' ->> 'Plan Rows'; END $$;
SET LOCAL ROLE tarot_plain;
SELECT estimate('SELECT FROM shop.client GROUP BY email') AS values, estimate('SELECT FROM shop.client GROUP BY email, note') AS pairs, estimate('SELECT DISTINCT lower(email) FROM shop.client') AS expressions;
SET LOCAL ROLE tarot_masked;
SELECT estimate('SELECT FROM shop.client GROUP BY email') AS values, estimate('SELECT FROM shop.client GROUP BY email, note') AS pairs, estimate('SELECT DISTINCT lower(email) FROM shop.client') AS expressions,
	estimate('SELECT FROM shop.client GROUP BY note') AS of_others;
SELECT estimate($$SELECT FROM shop.client WHERE email = 'user1@example.com'$$) = estimate($$SELECT FROM shop.client WHERE email = 'x'$$) AS alike;
ROLLBACK;

-- A class that is gone, or never was, shows nothing to anybody.
BEGIN;
SET LOCAL client_min_messages = error;
SET LOCAL tarot_security.io = envelope;
SECURITY LABEL FOR tarot_security ON COLUMN shop.client.note IS 'class:absent';
SET LOCAL tarot_security.io = plain;
SET LOCAL ROLE tarot_plain;
SELECT run('SELECT note FROM shop.client'), run('SELECT client FROM shop.client');
SELECT email FROM shop.client WHERE id = 1;
ROLLBACK;

-- A mask that changes, and columns that come, go and are renamed.
BEGIN;
SELECT tarot.alter_class('email', mask => 'redact');
SET LOCAL ROLE tarot_masked;
SELECT email, client FROM shop.client WHERE id = 1;
RESET ROLE;
ALTER TABLE shop.client RENAME email TO mail;
ALTER TABLE shop.client ADD COLUMN more text DEFAULT 'm';
ALTER TABLE shop.client DROP COLUMN birth;
SET LOCAL ROLE tarot_masked;
SELECT id, mail FROM shop.client WHERE id = 1;
SELECT run('SELECT more FROM shop.client') AS new_column;
ROLLBACK;

-- Nobody else can call the mask on a value of theirs.
SELECT run($$SELECT tarot.masked('a'::text, NULL)$$), run($$SELECT tarot.masked_row(ROW(1), NULL)$$), run($$SELECT tarot.masked('a'::text, '[email]')$$), run($$SELECT '{"[email]"}'::tarot.mask_site[]$$),
	run($$SELECT tarot.mask_site_in('a')$$), run($$CREATE TABLE t (s tarot.mask_site); INSERT INTO t SELECT DISTINCT NULL::tarot.mask_site$$);

-- As it was, for those who may.
SET ROLE tarot_owner;
SELECT run($$SELECT tarot.unmask_table('shop.client')$$);
RESET ROLE;
SELECT tarot.grant_class(c, 'tarot_owner', 'plain') FROM (VALUES ('email'), ('birth'), ('pay')) AS classes (c);
SET ROLE tarot_owner;
SELECT tarot.unmask_table('shop.client');
SET ROLE tarot_masked;
SELECT run('SELECT email FROM shop.client'), run('SELECT id FROM shop.client');
RESET ROLE;
GRANT SELECT ON shop.client TO tarot_masked;
SET ROLE tarot_masked;
SELECT email FROM shop.client WHERE id = 1;
RESET ROLE;

\set ECHO none
SET client_min_messages = warning;
DROP OWNED BY tarot_owner, tarot_plain, tarot_masked, tarot_search, tarot_none, tarot_member CASCADE;
DROP ROLE tarot_owner, tarot_plain, tarot_masked, tarot_search, tarot_none, tarot_member;

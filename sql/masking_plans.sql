-- Plans and cursors of masked tables that outlive what they were made for; row security; what is masked by whom.
\getenv source PG_ABS_SRCDIR
\set ECHO none
SET datestyle = ISO;
SET client_min_messages = warning;
\i :source/sql/include/attempt.sql
CREATE EXTENSION tarot_security;
\i :source/sql/include/masking.sql
SELECT tarot.mask_table('shop.client');
CREATE ROLE tarot_app;
GRANT SELECT, UPDATE ON shop.client TO tarot_app;
SELECT tarot.mask_table('shop.client');
SELECT tarot.grant_class(c, 'tarot_app', 'plain', permission => 'clients:read'), tarot.grant_class(c, 'tarot_app', 'masked', write => true) FROM (VALUES ('email'), ('birth'), ('pay')) AS classes (c);
SELECT tarot.create_issuer('shop', 'https://shop.example', '{}', secret => repeat('s', 32));
SELECT tarot.create_role('reader'), tarot.grant_permission('reader', 'clients:read'), tarot.assign_role('ada', 'reader');
CREATE TABLE token AS SELECT tarot.sign_jwt('{"sub": "ada"}', 'shop') AS token;
GRANT SELECT ON token TO PUBLIC;
-- What comes before a query is spelled otherwise since 17.
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
		RETURN NEXT regexp_replace(regexp_replace(line, ' \(returns \$\d+\)', ''), '\(InitPlan \d+\)\.col1|\$\d+', '$', 'g');
	END LOOP;
END
$$;
RESET client_min_messages;
\set ECHO all
\set SHOW_CONTEXT never

-- A plan is for the role that runs it, whether it was made for a row or for all.
PREPARE by_id(int) AS SELECT id, email, client FROM shop.client WHERE id = $1;
SET plan_cache_mode = force_generic_plan;
SET ROLE tarot_plain;
EXECUTE by_id(3);
SET ROLE tarot_masked;
EXECUTE by_id(3);
SET ROLE tarot_plain;
EXECUTE by_id(3);
SET ROLE tarot_none;
EXECUTE by_id(3);
SET ROLE tarot_member;
EXECUTE by_id(3);
RESET ROLE;

-- And for what it may do by then: grants, membership, masks, classes, setting.
SET ROLE tarot_plain;
EXECUTE by_id(3);
RESET ROLE;
SELECT tarot.grant_class('email', 'tarot_plain', 'masked');
SET ROLE tarot_plain;
EXECUTE by_id(3);
RESET ROLE;
SELECT tarot.alter_class('email', mask => 'redact');
SET ROLE tarot_plain;
EXECUTE by_id(3);
RESET ROLE;
SELECT tarot.revoke_class('email', 'tarot_plain');
SET ROLE tarot_plain;
EXECUTE by_id(3);
RESET ROLE;
SELECT tarot.alter_class('email', mask => 'email'), tarot.grant_class('email', 'tarot_plain', 'plain');
SET ROLE tarot_plain;
EXECUTE by_id(3);
SET tarot_security.io = masked;
EXECUTE by_id(3);
RESET tarot_security.io;
EXECUTE by_id(3);
BEGIN;
SET LOCAL tarot_security.io = masked;
EXECUTE by_id(3);
ROLLBACK;
EXECUTE by_id(3);
SELECT set_config('tarot_security.io', 'masked', false);
EXECUTE by_id(3);
SELECT set_config('tarot_security.io', 'plain', false);
RESET ROLE;
SET ROLE tarot_member;
EXECUTE by_id(3);
RESET ROLE;
GRANT tarot_plain TO tarot_member;
SET ROLE tarot_member;
EXECUTE by_id(3);
RESET ROLE;
REVOKE tarot_plain FROM tarot_member;
SET ROLE tarot_member;
EXECUTE by_id(3);
RESET ROLE;
-- A class that is given, and taken, and a table that is masked only then.
CREATE TABLE shop.later (id int, email text);
INSERT INTO shop.later SELECT id, 'user' || id || '@example.com' FROM generate_series(1, 3) AS id;
GRANT SELECT ON shop.later TO tarot_masked;
PREPARE later AS SELECT email FROM shop.later WHERE id = 1;
SET ROLE tarot_masked;
EXECUTE later;
RESET ROLE;
SELECT tarot.classify_column('shop.later', 'email', 'email');
SET ROLE tarot_masked;
EXECUTE later;
RESET ROLE;
SELECT tarot.mask_table('shop.later');
SET ROLE tarot_masked;
EXECUTE later;
RESET ROLE;
BEGIN;
SELECT tarot.grant_class('email', current_user::regrole, 'plain');
SELECT tarot.unmask_table('shop.later');
GRANT SELECT ON shop.later TO tarot_masked;
SET LOCAL ROLE tarot_masked;
EXECUTE later;
ROLLBACK;
SET ROLE tarot_masked;
EXECUTE later;
RESET ROLE;
DEALLOCATE ALL;

-- The identity decides at run time, in one plan for all.
PREPARE by_id(int) AS SELECT id, email, client FROM shop.client WHERE id = $1;
SET ROLE tarot_app;
EXECUTE by_id(3);
SELECT tarot.authenticate(token, false) IS NOT NULL AS known FROM token;
EXECUTE by_id(3);
SELECT count(*) FROM shop.client WHERE email = 'user3@example.com';
SELECT run('CREATE TABLE shop.n AS SELECT email FROM shop.client');
UPDATE shop.client SET email = email WHERE id = 3 RETURNING email;
SELECT tarot.sign_out();
EXECUTE by_id(3);
SELECT count(*) FROM shop.client WHERE email = 'user3@example.com';
UPDATE shop.client SET email = email WHERE id = 3 RETURNING email;
BEGIN;
DECLARE c CURSOR FOR SELECT email FROM shop.client ORDER BY id;
FETCH 1 FROM c;
SELECT tarot.authenticate(token, false) IS NOT NULL AS known FROM token;
FETCH 1 FROM c;
SELECT tarot.sign_out();
FETCH 1 FROM c;
COMMIT;
RESET ROLE;
DEALLOCATE ALL;

-- Cursors: each row is for the role that fetches it.
BEGIN;
SET LOCAL ROLE tarot_plain;
DECLARE c CURSOR FOR SELECT id, email FROM shop.client ORDER BY id;
DECLARE s CURSOR FOR SELECT id, email FROM shop.client WHERE id > 5 ORDER BY id;
FETCH 1 FROM c;
SET LOCAL ROLE tarot_masked;
FETCH 1 FROM c;
SET LOCAL ROLE tarot_plain;
FETCH 1 FROM c;
SET LOCAL ROLE tarot_none;
FETCH 1 FROM c;
ROLLBACK;
-- One that compares by the right to do so is not for others.
BEGIN;
SET LOCAL ROLE tarot_search;
DECLARE c CURSOR FOR SELECT id, email FROM shop.client WHERE email IN ('user3@example.com', 'user4@example.com');
FETCH 1 FROM c;
SET LOCAL ROLE tarot_masked;
FETCH 1 FROM c;
ROLLBACK;
-- A portal without a name of its own, which another function fetches from.
SET ROLE tarot_masked;
CREATE FUNCTION shop.steal() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	r record;
	c refcursor;
BEGIN
	FOR i IN 1..3000 LOOP
		BEGIN
			c := '<unnamed portal ' || i || '>';
			FETCH c INTO r;
			RETURN r::text;
		EXCEPTION WHEN invalid_cursor_name THEN
			NULL;
		END;
	END LOOP;
END
$$;
SET ROLE tarot_plain;
DO $$ DECLARE r record; BEGIN FOR r IN SELECT email FROM shop.client LOOP RAISE NOTICE 'stolen: %', shop.steal(); EXIT; END LOOP; END $$;
SET ROLE tarot_masked;
DROP FUNCTION shop.steal();
RESET ROLE;

-- COPY TO gives values, or masks where they are asked for; else an error rather than a dump of masks.
SET ROLE tarot_plain;
COPY shop.client (id, email) TO STDOUT;
COPY (SELECT email FROM shop.client WHERE id = 3) TO STDOUT;
SET ROLE tarot_masked;
COPY shop.client TO STDOUT;
COPY shop.client (id, n) TO STDOUT;
COPY (SELECT client FROM shop.client) TO STDOUT;
SET tarot_security.io = masked;
COPY shop.client TO STDOUT (FORMAT csv, HEADER);
SET ROLE tarot_plain;
COPY (SELECT email FROM shop.client WHERE id = 3) TO STDOUT;
RESET ROLE;
COPY shop.client TO STDOUT;
RESET tarot_security.io;
COPY shop.client TO STDOUT;
COPY shop.client (id, absent) TO STDOUT;
SET ROLE tarot_masked;
COPY shop.client (id, email) FROM STDIN;
50	user50@example.com
\.
SET row_security = off;
SELECT email FROM shop.client WHERE id = 50;
SELECT id FROM shop.client WHERE id = 50;
RESET row_security;
SET ROLE tarot_plain;
DELETE FROM shop.client WHERE id = 50 RETURNING email;
RESET ROLE;

-- The table's policies look at values; conditions of views do not, whoever owns them.
BEGIN;
CREATE ROLE tarot_limited;
GRANT USAGE, CREATE ON SCHEMA shop TO tarot_limited;
GRANT SELECT, INSERT, UPDATE ON shop.client TO tarot_limited;
SELECT tarot.grant_class(c, 'tarot_limited', 'masked', write => true) FROM (VALUES ('email'), ('birth'), ('pay')) AS classes (c);
SELECT tarot.mask_table('shop.client');
ALTER TABLE shop.client ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON shop.client USING (email IN ('user3@example.com', 'user4@example.com')) WITH CHECK (email LIKE 'user%');
CREATE POLICY more ON shop.client AS RESTRICTIVE USING (n < 100 AND EXISTS (SELECT FROM shop.later l WHERE l.email LIKE 'u***%'));
GRANT SELECT ON shop.later TO tarot_limited;
SET LOCAL ROLE tarot_limited;
CREATE VIEW shop.barrier WITH (security_barrier) AS SELECT id, n, email FROM shop.client WHERE email = 'user3@example.com';
CREATE VIEW shop.masks WITH (security_barrier) AS SELECT id, n, email FROM shop.client WHERE email = 'u***@e***.com' WITH CHECK OPTION;
SELECT id, email FROM shop.client;
SELECT plan('SELECT id FROM shop.client');
UPDATE shop.barrier SET n = 5;
SELECT plan('UPDATE shop.masks SET n = 5 RETURNING email');
UPDATE shop.masks SET n = 5 RETURNING id, email;
INSERT INTO shop.client (id, email, n) VALUES (70, 'user70@example.com', 1);
SAVEPOINT s;
INSERT INTO shop.client (id, email, n) VALUES (71, 'other@example.com', 1);
ROLLBACK TO s;
UPDATE shop.client SET email = 'other' WHERE id = 3;
ROLLBACK;

-- What others wrote runs as who calls it, except as SECURITY DEFINER, which shows what its owner sees.
SET ROLE tarot_plain;
CREATE FUNCTION shop.definer(i int) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT email FROM shop.client WHERE id = i';
CREATE FUNCTION shop.invoker(i int) RETURNS text LANGUAGE sql STABLE AS 'SELECT email FROM shop.client WHERE id = i';
SET ROLE tarot_masked;
SELECT shop.definer(3), shop.invoker(3);
SET ROLE tarot_plain;
DROP FUNCTION shop.definer, shop.invoker;
RESET ROLE;

-- A rule shows what the role that fires it may see; an audit by a trigger of the owner's keeps values.
CREATE TABLE shop.fired (id int);
INSERT INTO shop.fired VALUES (3);
CREATE RULE shown AS ON UPDATE TO shop.fired DO INSTEAD SELECT email FROM shop.client WHERE client.id = OLD.id;
GRANT SELECT, UPDATE ON shop.fired TO tarot_plain, tarot_masked;
CREATE RULE told AS ON UPDATE TO shop.client DO ALSO SELECT OLD.email, NEW.n;
CREATE FUNCTION shop.keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'trigger has % letters', length(OLD.email); RETURN NEW; END $$;
CREATE TRIGGER keep BEFORE UPDATE ON shop.client FOR EACH ROW EXECUTE FUNCTION shop.keep();
SET ROLE tarot_masked;
UPDATE shop.fired SET id = 1;
UPDATE shop.client SET n = 3 WHERE id = 3;
SET ROLE tarot_plain;
UPDATE shop.fired SET id = 1;
UPDATE shop.client SET n = 3 WHERE id = 3;
RESET ROLE;
DROP RULE told ON shop.client;
DROP TRIGGER keep ON shop.client;

-- Workers decide as the session would.
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
ALTER TABLE shop.client SET (parallel_workers = 2);
SET ROLE tarot_masked;
SELECT plan('SELECT max(email) FROM shop.client');
SELECT max(email), count(DISTINCT email) FROM shop.client;
COPY (SELECT max(email) FROM shop.client) TO STDOUT;
SET ROLE tarot_none;
SELECT max(email) FROM shop.client;
SET ROLE tarot_app;
SELECT max(email), count(DISTINCT email) FROM shop.client;
SELECT tarot.authenticate(token, false) IS NOT NULL AS known FROM token;
SELECT count(DISTINCT email) FROM shop.client;
SELECT tarot.sign_out();
RESET ROLE;

\set ECHO none
SET client_min_messages = error;
DROP OWNED BY tarot_owner, tarot_plain, tarot_masked, tarot_search, tarot_none, tarot_member, tarot_app CASCADE;
DROP ROLE tarot_owner, tarot_plain, tarot_masked, tarot_search, tarot_none, tarot_member, tarot_app;

-- What one session keeps of audited tables, of itself and of the log from statement to statement, and that it does not outlive its truth.
SET client_min_messages = warning;
\set VERBOSITY terse
CREATE EXTENSION tarot_security;
SET client_min_messages = error;
CREATE ROLE regress_sessions_ann SUPERUSER;
CREATE ROLE regress_sessions_bob SUPERUSER;
SET application_name = 'first';

-- The entries since it was called last.
CREATE TABLE seen (transaction xid8, number bigint);
CREATE FUNCTION new_entries() RETURNS TABLE (table_name text, operation text, key jsonb, old jsonb, new jsonb) LANGUAGE sql AS $$
	WITH fresh AS (
		INSERT INTO seen SELECT e.transaction, e.number FROM tarot.audit_entry e WHERE e.operation IN ('I', 'U', 'D', 'T') AND NOT EXISTS (SELECT FROM seen s WHERE (s.transaction, s.number) = (e.transaction, e.number)) RETURNING *)
	SELECT l.table_name, l.operation, l.key, l.old, l.new FROM tarot.audit_log l JOIN fresh f USING (transaction, number) WHERE l.table_name <> 'tarot.audited_table' ORDER BY l.transaction, l.number
$$;
CREATE FUNCTION new_authors() RETURNS TABLE (key jsonb, role text, session_role text, subject text, application text) LANGUAGE sql AS $$
	WITH fresh AS (
		INSERT INTO seen SELECT e.transaction, e.number FROM tarot.audit_entry e WHERE e.operation IN ('I', 'U', 'D', 'T') AND NOT EXISTS (SELECT FROM seen s WHERE (s.transaction, s.number) = (e.transaction, e.number)) RETURNING *)
	SELECT l.key, replace(l.role, session_user, 'me'), replace(l.session_role, session_user, 'me'), l.subject, l.application FROM tarot.audit_log l JOIN fresh f USING (transaction, number) WHERE l.table_name <> 'tarot.audited_table' ORDER BY l.transaction, l.number
$$;

-- ------------------------------------------------------------ the table
CREATE SCHEMA shop;
CREATE TYPE suit AS ENUM ('cups', 'swords');
CREATE TABLE card (id int PRIMARY KEY, name text, suit suit);
SELECT tarot.audit_table('card');
INSERT INTO card VALUES (1, 'Fool', 'cups');
INSERT INTO card VALUES (2, 'Magician', 'swords');
SELECT * FROM new_entries();
ALTER TABLE card RENAME TO trump;
INSERT INTO trump VALUES (3, 'Empress', 'cups');
ALTER TABLE trump SET SCHEMA shop;
INSERT INTO shop.trump VALUES (4, 'Emperor', 'cups');
ALTER SCHEMA shop RENAME TO store;
INSERT INTO store.trump VALUES (5, 'Lovers', 'cups');
ALTER TABLE store.trump ADD COLUMN note text DEFAULT 'none';
INSERT INTO store.trump VALUES (6, 'Chariot', 'cups');
ALTER TABLE store.trump RENAME COLUMN name TO title;
INSERT INTO store.trump VALUES (7, 'Justice', 'cups', 'x');
ALTER TABLE store.trump DROP COLUMN note, ADD COLUMN weight int;
INSERT INTO store.trump VALUES (8, 'Hermit', 'cups', 9);
ALTER TABLE store.trump ALTER COLUMN weight TYPE text USING weight || ' g';
UPDATE store.trump SET weight = '10 g' WHERE id = 8;
ALTER TYPE suit RENAME VALUE 'cups' TO 'chalices';
INSERT INTO store.trump VALUES (9, 'Wheel', 'chalices');
SELECT * FROM new_entries();
ALTER TABLE store.trump DROP CONSTRAINT card_pkey;
UPDATE store.trump SET title = 'Strength' WHERE id = 9;
ALTER TABLE store.trump ADD PRIMARY KEY (id, title);
UPDATE store.trump SET weight = '1 g' WHERE id = 9;
SET quote_all_identifiers = on;
UPDATE store.trump SET weight = '2 g' WHERE id = 9;
RESET quote_all_identifiers;
UPDATE store.trump SET weight = '3 g' WHERE id = 9;
SELECT * FROM new_entries();
-- In one transaction, and taken back.
BEGIN;
INSERT INTO store.trump VALUES (10, 'Death', 'swords');
SAVEPOINT s;
ALTER TABLE store.trump RENAME COLUMN weight TO grams;
INSERT INTO store.trump VALUES (11, 'Devil', 'swords', '1');
ROLLBACK TO s;
INSERT INTO store.trump VALUES (12, 'Tower', 'swords', '2');
ALTER TABLE store.trump DROP COLUMN suit;
INSERT INTO store.trump VALUES (13, 'Star', '3');
COMMIT;
SELECT * FROM new_entries();
-- Dropped, and there again.
DROP TABLE store.trump;
CREATE TABLE store.trump (other int PRIMARY KEY, id int);
SELECT tarot.audit_table('store.trump');
INSERT INTO store.trump VALUES (1, 2);
SELECT * FROM new_entries();

-- ------------------------------------------------------------ what is on record
SELECT tarot.unaudit_table('store.trump');
INSERT INTO store.trump VALUES (2, 3);
SELECT tarot.audit_table('store.trump', exclude => '{id}');
INSERT INTO store.trump VALUES (3, 4);
SELECT tarot.audit_table('store.trump');
INSERT INTO store.trump VALUES (4, 5);
SELECT * FROM new_entries();

-- ------------------------------------------------------------ classes
SELECT tarot.create_key('k') > 0 AS made, tarot.create_class('number', 'k', 'card'), tarot.create_class('hidden', 'k');
CREATE TABLE customer (id int PRIMARY KEY, card text, mail text);
SELECT tarot.audit_table('customer');
INSERT INTO customer VALUES (1, '4111111111111111', 'ann@here.example');
SELECT tarot.classify_column('customer', 'card', 'number');
INSERT INTO customer VALUES (2, '4111111111111111', 'ann@here.example');
INSERT INTO customer VALUES (3, '4111111111111112', 'ann@here.example');
SELECT tarot.classify_column('customer', 'mail', 'hidden');
UPDATE customer SET mail = 'bob@here.example' WHERE id = 3;
SELECT tarot.alter_class('number', mask => 'partial(1, 1)');
INSERT INTO customer VALUES (4, '4111111111111111', 'ann@here.example');
SELECT tarot.unclassify_column('customer', 'card'), tarot.unclassify_column('customer', 'mail');
INSERT INTO customer VALUES (5, '4111111111111111', 'ann@here.example');
-- Of a table whose rows are values of another.
CREATE TYPE pair AS (a int, b customer);
CREATE TABLE visit (id int PRIMARY KEY, who customer, pairs pair[]);
SELECT tarot.audit_table('visit');
INSERT INTO visit SELECT 1, c, ARRAY[(1, c)::pair] FROM customer c WHERE id = 5;
SELECT tarot.classify_column('customer', 'card', 'number');
INSERT INTO visit SELECT 2, c, ARRAY[(1, c)::pair] FROM customer c WHERE id = 5;
SELECT tarot.unclassify_column('customer', 'card');
INSERT INTO visit SELECT 3, c, ARRAY[(1, c)::pair] FROM customer c WHERE id = 5;
SELECT * FROM new_entries();

-- ------------------------------------------------------------ who
CREATE TABLE log (id int PRIMARY KEY);
SELECT tarot.audit_table('log');
SELECT tarot.create_issuer('here', 'https://here.example', '{}', secret => repeat('h', 32), subject_prefix => 'here/');
CREATE FUNCTION token(subject text) RETURNS text LANGUAGE sql AS $$ SELECT tarot.sign_jwt(jsonb_build_object('sub', subject, 'exp', ceil(extract(epoch FROM clock_timestamp())) + 60), 'here') $$;
CREATE FUNCTION as_ann(id int) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$ INSERT INTO log VALUES (id) $$;
ALTER FUNCTION as_ann OWNER TO regress_sessions_ann;
INSERT INTO log VALUES (1);
SET ROLE regress_sessions_ann;
INSERT INTO log VALUES (2);
SET ROLE regress_sessions_bob;
INSERT INTO log VALUES (3);
ALTER ROLE regress_sessions_ann RENAME TO regress_sessions_eve;
INSERT INTO log VALUES (4);
SELECT as_ann(5);
INSERT INTO log VALUES (6);
RESET ROLE;
ALTER ROLE regress_sessions_bob RENAME TO regress_sessions_ann;
SET ROLE regress_sessions_ann;
INSERT INTO log VALUES (7);
RESET ROLE;
SET SESSION AUTHORIZATION regress_sessions_eve;
INSERT INTO log VALUES (8);
RESET SESSION AUTHORIZATION;
SET application_name = 'second';
INSERT INTO log VALUES (9);
SET application_name = '';
INSERT INTO log VALUES (10);
BEGIN;
SET LOCAL application_name = 'third';
INSERT INTO log VALUES (11);
SAVEPOINT s;
SET LOCAL application_name = 'fourth';
INSERT INTO log VALUES (12);
ROLLBACK TO s;
INSERT INTO log VALUES (13);
COMMIT;
INSERT INTO log VALUES (14);
SET application_name = 'first';
BEGIN;
SELECT tarot.authenticate(token('ann')) IS NOT NULL AS ok;
INSERT INTO log VALUES (15);
SELECT tarot.authenticate(token('bob')) IS NOT NULL AS ok;
INSERT INTO log VALUES (16);
COMMIT;
INSERT INTO log VALUES (17);
SELECT tarot.authenticate(token('cid'), false) IS NOT NULL AS ok;
INSERT INTO log VALUES (18);
SELECT tarot.alter_issuer('here', subject_prefix => 'there/');
INSERT INTO log VALUES (19);
DISCARD ALL;
SET client_min_messages = error;
INSERT INTO log VALUES (20);
-- A trigger changes who it is between the rows of one statement; from 18 on triggers are fired as who has changed the row, and may not.
CREATE FUNCTION other_role() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('role', CASE WHEN new.id % 2 = 0 AND current_setting('server_version_num')::int < 180000 THEN 'regress_sessions_eve' ELSE 'none' END, false); RETURN NULL; END $$;
CREATE TRIGGER a AFTER INSERT ON log FOR EACH ROW EXECUTE FUNCTION other_role();
INSERT INTO log VALUES (21), (22), (23), (24);
RESET ROLE;
DROP TRIGGER a ON log;
CREATE TEMP TABLE authors AS SELECT * FROM new_authors() WITH ORDINALITY;
SELECT key, role, session_role, subject, application FROM authors WHERE (key->>'id')::int <= 20 ORDER BY ordinality;
SELECT key, role = CASE WHEN (key->>'id')::int % 2 = 0 AND current_setting('server_version_num')::int < 180000 THEN 'regress_sessions_eve' ELSE 'me' END AS as_expected FROM authors WHERE (key->>'id')::int > 20 ORDER BY ordinality;

-- ------------------------------------------------------------ errors, and what is taken back
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF new.id % 10 = 9 THEN RAISE 'no'; END IF; RETURN NULL; END $$;
CREATE TRIGGER z AFTER INSERT ON log FOR EACH ROW EXECUTE FUNCTION fail();
INSERT INTO log VALUES (30);
INSERT INTO log VALUES (31), (39);
INSERT INTO log VALUES (32);
BEGIN;
INSERT INTO log VALUES (33);
INSERT INTO log VALUES (49);
COMMIT;
INSERT INTO log VALUES (34);
DO $$
BEGIN
	INSERT INTO log VALUES (35);
	BEGIN
		INSERT INTO log VALUES (36), (59);
	EXCEPTION WHEN OTHERS THEN
		INSERT INTO log VALUES (37);
	END;
	INSERT INTO log VALUES (38);
END $$;
BEGIN;
INSERT INTO log VALUES (40);
PREPARE TRANSACTION 'none';
INSERT INTO log SELECT 1000 + 10 * i FROM generate_series(1, 600) AS i;
INSERT INTO log VALUES (41);
SELECT min(key->>'id'), max(key->>'id'), count(*) FROM new_entries();
SELECT array_agg((e.key->>'id')::int ORDER BY e.transaction, e.number) FROM tarot.audit_entry e WHERE e.table_name = 'public.log' AND (e.key->>'id')::int BETWEEN 30 AND 999;

-- ------------------------------------------------------------ the log
CREATE FUNCTION places() RETURNS TABLE (key jsonb, place text) LANGUAGE sql AS $$
	SELECT e.key, CASE WHEN e.tableoid = 'tarot.audit_entry_default'::regclass THEN 'default' ELSE 'its month' END FROM tarot.audit_entry e WHERE e.table_name = 'public.log' AND (e.key->>'id')::int BETWEEN 60 AND 69 ORDER BY e.transaction, e.number
$$;
DROP TRIGGER z ON log;
DROP EXTENSION tarot_security CASCADE;
INSERT INTO log VALUES (60);
CREATE EXTENSION tarot_security;
INSERT INTO log VALUES (61);
BEGIN;
SELECT tarot.audit_table('log');
INSERT INTO log VALUES (62);
INSERT INTO log VALUES (63);
SELECT * FROM places();
ROLLBACK;
SELECT tarot.create_audit_partitions(0) > 0 AS made;
SELECT tarot.audit_table('log');
INSERT INTO log VALUES (64);
INSERT INTO log VALUES (65);
SELECT * FROM places();
SELECT c.oid::regclass::text AS month FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'tarot.audit_entry'::regclass AND c.relname <> 'audit_entry_default' AND EXISTS (SELECT FROM tarot.audit_entry e WHERE e.tableoid = c.oid) \gset
\set ECHO none
ALTER TABLE tarot.audit_entry DETACH PARTITION :month;
\set ECHO all
INSERT INTO log VALUES (66);
INSERT INTO log VALUES (67);
SELECT * FROM places();
SELECT tarot.seal_audit() = count(*) AS sealed FROM tarot.audit_entry;
DROP EXTENSION tarot_security CASCADE;
-- From one partition to the next, while the session goes on.
CREATE EXTENSION tarot_security;
SELECT clock_timestamp() + interval '1 second' AS turn \gset
\set ECHO none
SELECT format('CREATE TABLE %I PARTITION OF tarot.audit_entry FOR VALUES FROM (%s) TO (%s)', p.name, p.low, p.high) FROM (VALUES ('before', 'minvalue', quote_literal(:'turn')), ('after', quote_literal(:'turn'), quote_literal(:'turn'::timestamptz + interval '1 year'))) AS p (name, low, high) \gexec
\set ECHO all
SELECT tarot.audit_table('log');
CREATE PROCEDURE pass(turn timestamptz) LANGUAGE plpgsql AS $$
BEGIN
	LOOP
		UPDATE log SET id = -id WHERE id = 60;
		UPDATE log SET id = -id WHERE id = -60;
		COMMIT;
		EXIT WHEN clock_timestamp() > turn;
	END LOOP;
	INSERT INTO log VALUES (68);
END $$;
\set ECHO none
CALL pass(:'turn');
SELECT bool_and((e.tableoid = 'before'::regclass) = (e.recorded_at < :'turn')) AS right_ones FROM tarot.audit_entry e;
\set ECHO all
DROP EXTENSION tarot_security CASCADE;
DROP FUNCTION as_ann;
DROP ROLE regress_sessions_ann, regress_sessions_eve;

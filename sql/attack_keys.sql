-- Attacks on keys: each of these once lost values, crashed the server or gave somebody every key.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('k') > 0 AS created, tarot.create_class('c', 'k');
CREATE ROLE tarot_attack_app;
SELECT tarot.grant_class('c', 'tarot_attack_app', 'plain');
CREATE TABLE t (id int, v tarot.encrypted_text('c'));
GRANT ALL ON t TO tarot_attack_app;

-- A version that was rolled back gets its number again, with another key: nothing may be sealed with the old one.
BEGIN;
SELECT tarot.rotate_key('k');
SET LOCAL ROLE tarot_attack_app;
INSERT INTO t VALUES (0, 'rolled back');
ROLLBACK;
SELECT tarot.rotate_key('k');
SET ROLE tarot_attack_app;
INSERT INTO t VALUES (1, 'after a rollback');
RESET ROLE;
BEGIN;
SAVEPOINT before;
SELECT tarot.rotate_key('k');
SET LOCAL ROLE tarot_attack_app;
INSERT INTO t VALUES (0, 'rolled back');
ROLLBACK TO before;
SELECT tarot.rotate_key('k');
SET LOCAL ROLE tarot_attack_app;
INSERT INTO t VALUES (2, 'after a savepoint');
COMMIT;
\c -
SET client_min_messages = warning;
SET ROLE tarot_attack_app;
SELECT * FROM t ORDER BY id;
RESET ROLE;

-- NULL is no state.
UPDATE tarot.key_version SET state = NULL;
CREATE TABLE stateless (a int);
INSERT INTO stateless VALUES (1);
CREATE TRIGGER guard BEFORE UPDATE ON stateless FOR EACH ROW EXECUTE FUNCTION tarot.guard_key_version();
UPDATE stateless SET a = 2;

-- Who may write to all tables grants itself nothing, and deletes no keys.
CREATE ROLE tarot_attack_etl;
GRANT pg_read_all_data, pg_write_all_data TO tarot_attack_etl;
SET ROLE tarot_attack_etl;
INSERT INTO tarot.class_grant VALUES (1, 'tarot_attack_etl'::regrole, 'plain', true, true, 'me', now());
UPDATE tarot.class SET mask = 'partial(64,0)';
UPDATE tarot.key_version SET state = 'compromised';
DELETE FROM tarot.key_version;
DELETE FROM tarot.keyring;
-- Not for the time of a statement either: functions that it calls would read what it has written, and tell before it fails.
CREATE FUNCTION pg_temp.tell() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'USED in spite of all'; RETURN ''; END $$;
WITH granted AS (INSERT INTO tarot.class_grant VALUES (1, 'tarot_attack_etl'::regrole, 'plain', true, true, 'me', now()) RETURNING 1)
	SELECT pg_temp.tell() FROM granted;
WITH trusted AS (UPDATE tarot.issuer SET issuer = 'https://me' RETURNING 1), deleted AS (DELETE FROM tarot.role WHERE name = 'User' RETURNING 1)
	SELECT pg_temp.tell() FROM deleted;
INSERT INTO tarot.table_job (relation, kind) VALUES (1, 'fill');
DELETE FROM tarot.conversion;
MERGE INTO tarot.role USING (VALUES ('Admin')) AS v (name) ON v.name = role.name WHEN MATCHED THEN UPDATE SET description = pg_temp.tell();
INSERT INTO tarot.role (name) VALUES ('Admin') ON CONFLICT (name) DO UPDATE SET description = pg_temp.tell();
RESET ROLE;

-- A version that values inside other values rest on is not destroyed.
CREATE TYPE pair AS (a text, b tarot.encrypted_text('c'));
CREATE DOMAIN named AS tarot.encrypted_text('c');
CREATE TYPE nested AS (p pair[], n named[]);
CREATE TABLE holds (what text, one pair, many pair[], names named[], deep nested);
GRANT ALL ON holds TO tarot_attack_app;
DELETE FROM t;
DO $$
DECLARE
	used integer;
	writing text;
BEGIN
	FOREACH writing IN ARRAY ARRAY[
		$w$INSERT INTO holds (one) VALUES (ROW('x', 'secret'))$w$,
		$w$INSERT INTO holds (many) VALUES (ARRAY[NULL, ROW('x', 'secret')::pair])$w$,
		$w$INSERT INTO holds (names) VALUES (ARRAY['secret'::text::named])$w$,
		$w$INSERT INTO holds (deep) VALUES (ROW(NULL, ARRAY['secret'::text::named]))$w$,
		$w$INSERT INTO holds (deep) VALUES (ROW(ARRAY[ROW('x', 'secret')::pair], NULL))$w$]
	LOOP
		used := tarot.rotate_key('k');
		SET LOCAL ROLE tarot_attack_app;
		EXECUTE writing;
		RESET ROLE;
		PERFORM tarot.rotate_key('k');
		BEGIN
			PERFORM tarot.destroy_key('k', used);
			RAISE WARNING 'DESTROYED in spite of: %', writing;
		EXCEPTION WHEN dependent_objects_still_exist THEN
			RAISE WARNING 'refused: %', writing;
		END;
		DELETE FROM holds;
		PERFORM tarot.destroy_key('k', used);
	END LOOP;
END
$$;
\set VERBOSITY terse
DROP EXTENSION tarot_security CASCADE;
DROP OWNED BY tarot_attack_app, tarot_attack_etl;
DROP ROLE tarot_attack_app, tarot_attack_etl;

-- tarot.reseal() moves stored values to the newest version of their key, whatever holds them, and changes nothing else.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'
SELECT tarot.create_key('profile') > 0 AS created, tarot.create_key('other') > 0 AS created, tarot.create_class('email', 'profile', 'email'),
	tarot.create_class('note', 'other');
CREATE ROLE tarot_reseal_writer;
CREATE ROLE tarot_reseal_owner;
CREATE ROLE tarot_reseal_admin;
CREATE ROLE tarot_reseal_evil;
GRANT CREATE ON SCHEMA public TO tarot_reseal_owner, tarot_reseal_evil;
SELECT tarot.grant_class('email', 'tarot_reseal_writer', 'plain'), tarot.grant_class('note', 'tarot_reseal_writer', 'plain');

-- What each version seals, and all that the writer reads.
CREATE VIEW usage AS SELECT key, version, "table", "column", "values" FROM tarot.key_usage() ORDER BY "table"::text COLLATE "C", "column", key, version;
CREATE FUNCTION data_of(relation regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	digest text;
BEGIN
	SET LOCAL ROLE tarot_reseal_writer;
	EXECUTE format('SELECT md5(string_agg(t::text, E''\n'' ORDER BY id)) FROM %s t', relation) INTO digest;
	RESET ROLE;
	RETURN digest;
END
$$;

-- ------------------------------------------------------------ one table, by an owner who may not read

SET ROLE tarot_reseal_owner;
CREATE TABLE customer (id int PRIMARY KEY, email tarot.encrypted_text('email'), note tarot.encrypted_text('note'), number int UNIQUE, changed int DEFAULT 0);
GRANT ALL ON customer TO tarot_reseal_writer;
RESET ROLE;
SET ROLE tarot_reseal_writer;
INSERT INTO customer SELECT i, 'user' || i || '@example.org', CASE WHEN i % 10 = 0 THEN repeat('long note ', 1000) || i WHEN i % 3 = 0 THEN 'note ' || i END, -i
	FROM generate_series(1, 1000) i;
RESET ROLE;
SELECT * FROM usage;
SELECT data_of('customer') AS before \gset
-- All of each envelope but key version, nonce, ciphertext and tag.
CREATE FUNCTION head(value tarot.encrypted_text) RETURNS bytea LANGUAGE sql SET tarot_security.io = envelope
	AS $$ SELECT substr(tarot.encrypted_text_send(value), 1, 10) $$;
SELECT md5(string_agg(head(email), '' ORDER BY id)) AS heads FROM customer \gset

SELECT tarot.rotate_key('profile'), tarot.rotate_key('other'), tarot.rotate_key('other');
\set VERBOSITY verbose
SELECT code($$SELECT tarot.destroy_key('profile', 1)$$) AS "in use";
SET ROLE tarot_reseal_owner;
SELECT email, note FROM customer WHERE id = 3;
CALL tarot.reseal('customer', batch => 7);
RESET ROLE;
SELECT * FROM usage;
SELECT data_of('customer') = :'before' AS "the same", md5(string_agg(head(email), '' ORDER BY id)) = :'heads' AS "the same heads", sum(changed) AS changed FROM customer;
-- By index too.
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT count(*) AS by_key, (SELECT count(*) FROM customer WHERE number < 0) AS by_number FROM customer WHERE id > 0;
RESET enable_seqscan;
RESET enable_bitmapscan;
SELECT "table", class, state, pass, blocks_done = blocks_total AS all_blocks, rows_resealed, values_resealed, values_left, values_per_second > 0 AS rate,
	pid = pg_backend_pid() AS mine, finished_at >= started_at AS finished FROM tarot.reseal_progress;
-- Now the old versions can go, and nothing is lost.
SELECT tarot.destroy_key('profile', 1), tarot.destroy_key('other', 1), tarot.destroy_key('other', 2);
SELECT data_of('customer') = :'before' AS "the same";
-- Nothing is left to do: no row is written.
SELECT txid_current() AS transaction \gset
CALL tarot.reseal('customer');
SELECT count(*) AS rewritten FROM customer WHERE xmin::text::bigint >= :transaction;
SELECT state, pass, rows_resealed FROM tarot.reseal_progress;

-- ------------------------------------------------------------ by class; a class that gets another key

SELECT tarot.rotate_key('profile'), tarot.rotate_key('other');
CALL tarot.reseal(class => 'note');
SELECT * FROM usage;
SELECT tarot.alter_class('email', key => 'other');
CALL tarot.reseal(class => 'email');
SELECT * FROM usage;
SELECT tarot.destroy_key('profile', 2), data_of('customer') = :'before' AS "the same";
SELECT "table", class, state, rows_resealed, values_resealed FROM tarot.reseal_progress ORDER BY class;

-- ------------------------------------------------------------ whatever is said of the table, its rows stay as they are

CREATE TABLE log (entry text);
CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO log VALUES (TG_NAME);
	NEW.changed := 1;
	RETURN NEW;
END
$$;
CREATE TRIGGER ordinary BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION note_it();
CREATE TRIGGER always BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION note_it();
CREATE TRIGGER replica BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION note_it();
ALTER TABLE customer ENABLE ALWAYS TRIGGER always, ENABLE REPLICA TRIGGER replica;
CREATE RULE instead AS ON UPDATE TO customer DO INSTEAD INSERT INTO log VALUES ('rule');
ALTER TABLE customer ENABLE ALWAYS RULE instead;
ALTER TABLE customer ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY none ON customer USING (false);
ALTER TABLE customer ADD CHECK (email::text LIKE '%@%') NOT VALID, ADD CHECK (id < 0) NOT VALID;
ALTER TABLE customer ADD twice int GENERATED ALWAYS AS (id * 2) STORED;
CREATE TABLE child (id int REFERENCES customer);
INSERT INTO child VALUES (1);
SELECT tarot.rotate_key('other');
SET ROLE tarot_reseal_owner;
CALL tarot.reseal('customer');
RESET ROLE;
SELECT * FROM usage;
SELECT count(*) AS entries FROM log;
ALTER TABLE customer DISABLE ROW LEVEL SECURITY;
ALTER TABLE customer DROP COLUMN twice;
SELECT data_of('customer') = :'before' AS "the same", sum(changed) AS changed FROM customer;
DROP RULE instead ON customer;
DROP TABLE child, log;

-- ------------------------------------------------------------ arrays, domains, rows, partitions, children, materialized views

CREATE DOMAIN mailbox AS tarot.encrypted_text('email');
CREATE TYPE contact AS (kind text, address mailbox, old tarot.encrypted_text('note')[]);
CREATE TABLE shapes (id int, many tarot.encrypted_text('email')[], box mailbox, one contact, several contact[], gone text, plain text);
CREATE TABLE parent (id int, email tarot.encrypted_text('email')) PARTITION BY RANGE (id);
CREATE TABLE low PARTITION OF parent FOR VALUES FROM (0) TO (10);
CREATE TABLE high (filler text, email tarot.encrypted_text('email'), id int);
ALTER TABLE high DROP COLUMN filler;
ALTER TABLE parent ATTACH PARTITION high FOR VALUES FROM (10) TO (20);
CREATE TABLE base (id int, email tarot.encrypted_text('email'));
CREATE TABLE derived (note tarot.encrypted_text('note')) INHERITS (base);
GRANT ALL ON shapes, parent, base, derived TO tarot_reseal_writer;
SET ROLE tarot_reseal_writer;
INSERT INTO shapes VALUES
	(1, '[2:3][1:2]={{ada@example.org,NULL},{bob@example.org,eve@example.org}}', 'box@example.org', ROW('home', 'home@example.org', ARRAY['a', NULL, 'b']),
		ARRAY[ROW('work', 'work@example.org', NULL)::contact, NULL], 'gone', 'plain'),
	(2, NULL, NULL, NULL, NULL, NULL, NULL), (3, '{}', '', ROW(NULL, NULL, '{}'), '{}', '', '');
INSERT INTO parent SELECT i, 'user' || i || '@example.org' FROM generate_series(1, 19) i;
INSERT INTO base SELECT i, 'base' || i || '@example.org' FROM generate_series(1, 5) i;
INSERT INTO derived SELECT i, 'derived' || i || '@example.org', 'note' || i FROM generate_series(6, 9) i;
RESET ROLE;
CREATE MATERIALIZED VIEW copied AS SELECT id, email FROM parent;
CREATE MATERIALIZED VIEW empty AS SELECT id, email FROM parent WITH NO DATA;
GRANT SELECT ON copied TO tarot_reseal_writer;
ALTER TABLE shapes DROP COLUMN gone;
CREATE FUNCTION all_data() RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', data_of('shapes'), data_of('parent'), data_of('base'), data_of('copied')) $$;
SELECT all_data() AS before_all \gset
SELECT tarot.rotate_key('other');
SELECT * FROM usage;
CALL tarot.reseal('parent');
CALL tarot.reseal('base');
SELECT * FROM usage WHERE "table" IN ('low'::regclass, 'high'::regclass, 'base'::regclass, 'derived'::regclass);
CALL tarot.reseal();
SELECT * FROM usage;
SELECT all_data() = :'before_all' AS "the same";
SELECT array_dims(many) FROM shapes WHERE id = 1;
SELECT tarot.destroy_key('other', 5);
SELECT all_data() = :'before_all' AS "the same";

-- ------------------------------------------------------------ values that cannot be opened stay, and are told

SET tarot_security.io = envelope;
SELECT email AS whole FROM base WHERE id = 1 \gset
SELECT overlay(:'whole' PLACING translate(substr(:'whole', 70, 1), 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
	'BADCFEHGJILKNMPORQTSVUXWZYbadcfehgjilknmporqtsvuxwzy1032547698_-') FROM 70) AS flipped \gset
UPDATE base SET email = :'flipped' WHERE id = 1;
RESET tarot_security.io;
SELECT tarot.rotate_key('other');
\set VERBOSITY default
CALL tarot.reseal('base');
SELECT * FROM usage WHERE "table" IN ('base'::regclass, 'derived'::regclass);
SELECT "table", state, values_resealed, values_left FROM tarot.reseal_progress WHERE "table" IN ('base'::regclass, 'derived'::regclass) AND class IS NULL ORDER BY 1;
-- All of a suspended version; later they open again.
SELECT tarot.rotate_key('other', activate => false);
SELECT tarot.set_key_state('other', 8, 'active'), tarot.set_key_state('other', 7, 'suspended');
CALL tarot.reseal('base');
SELECT tarot.set_key_state('other', 7, 'active');
SELECT tarot.set_key_state('other', 7, 'deactivated');
SET tarot_security.io = envelope;
UPDATE base SET email = :'whole' WHERE id = 1;
RESET tarot_security.io;
CALL tarot.reseal('base');
SELECT * FROM usage WHERE "table" IN ('base'::regclass, 'derived'::regclass);
SELECT all_data() = :'before_all' AS "the same";

-- ------------------------------------------------------------ who may, and what is refused

SET ROLE tarot_reseal_writer;
\set VERBOSITY sqlstate
CALL tarot.reseal('customer');
SELECT * FROM tarot.key_usage();
SELECT * FROM tarot.reseal_progress;
SELECT tarot.reseal_batch('customer'::regclass, 0, 10);
SELECT tarot.start_reseal('customer', NULL);
RESET ROLE;
\set VERBOSITY default
-- Nobody's table is theirs: nothing is done, and every one is told.
SET ROLE tarot_reseal_admin;
CALL tarot.reseal(class => 'note');
RESET ROLE;
GRANT EXECUTE ON FUNCTION tarot.rotate_key(text, boolean) TO tarot_reseal_admin;
GRANT pg_monitor TO tarot_reseal_admin;
GRANT SELECT ON usage TO pg_monitor;
SET ROLE tarot_reseal_admin;
SELECT tarot.rotate_key('other');
CALL tarot.reseal();
SELECT * FROM usage;
SELECT key, sum("values") FROM tarot.key_usage('parent') GROUP BY key;
SELECT count(*) > 5 AS rows FROM tarot.reseal_progress;
RESET ROLE;
SELECT all_data() = :'before_all' AS "the same";
\set VERBOSITY sqlstate
BEGIN;
CALL tarot.reseal('customer');
ROLLBACK;
CREATE FUNCTION calls() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CALL tarot.reseal('customer'); END $$;
SELECT calls();
\set VERBOSITY default
CALL tarot.reseal('usage');
CALL tarot.reseal(class => 'nosuch');
CALL tarot.reseal('customer', class => 'nosuch');
CALL tarot.reseal('customer', batch => 0);
CALL tarot.reseal('customer', batch => NULL);
CALL tarot.reseal('customer', pause => '-1 s');
SELECT tarot.reseal_batch(0::oid, 0, 10) AS "no such table", tarot.reseal_batch('pg_class'::regclass, 0, 10) AS "no job";
-- A procedure can be called by one, and by a DO block.
DO $$ BEGIN CALL tarot.reseal('customer', pause => '1 ms'); END $$;
-- No version to move to; locked.
SELECT tarot.set_key_state('other', 9, 'suspended');
SELECT run($$UPDATE tarot.key_version SET state = 'deactivated' WHERE state = 'active' AND key_id = (SELECT key_id FROM tarot.key WHERE name = 'other')$$);
CALL tarot.reseal('customer');
SELECT tarot.rotate_key('other');
SELECT tarot.set_key_state('other', 9, 'active');
SELECT tarot.set_key_state('other', 9, 'deactivated');
SELECT tarot.lock();
CALL tarot.reseal('customer');
SELECT tarot.unlock();
-- A subscriber could not find the row.
CREATE TABLE published (email tarot.encrypted_text('email'));
INSERT INTO published SELECT email FROM customer LIMIT 3;
SET client_min_messages = error;
CREATE PUBLICATION changes FOR TABLE published;
RESET client_min_messages;
CALL tarot.reseal('published');
ALTER TABLE published REPLICA IDENTITY FULL;
CALL tarot.reseal('published');
SELECT * FROM usage WHERE "table" = 'published'::regclass;
-- Foreign tables lie elsewhere.
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE elsewhere (email tarot.encrypted_text('email')) SERVER nowhere;
CALL tarot.reseal('elsewhere');
SELECT count(*) AS values FROM tarot.key_usage('elsewhere');
DROP SERVER nowhere CASCADE;

-- ------------------------------------------------------------ an owner's code gets no rights but the owner's

SET ROLE tarot_reseal_evil;
CREATE TABLE trap (id int, email tarot.encrypted_text('email'), filler text DEFAULT repeat('x', 500));
CREATE FUNCTION spring() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF current_user <> 'tarot_reseal_evil' OR session_user = current_user THEN
		RAISE WARNING 'ran as %', current_user;
	END IF;
	ALTER ROLE tarot_reseal_evil SUPERUSER;
	RETURN true;
EXCEPTION WHEN insufficient_privilege THEN
	RAISE EXCEPTION 'the trap sprang as %, with search path %', current_user, current_setting('search_path');
END
$$;
CREATE FUNCTION bait(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN $1; END $$;
CREATE INDEX ON trap (bait(id));
RESET ROLE;
INSERT INTO trap (id, email) SELECT id, email FROM customer LIMIT 200;
SET ROLE tarot_reseal_evil;
CREATE OR REPLACE FUNCTION bait(int) RETURNS int LANGUAGE plpgsql IMMUTABLE SECURITY INVOKER AS $$ BEGIN PERFORM public.spring(); RETURN $1; END $$;
RESET ROLE;
SELECT tarot.rotate_key('other');
CALL tarot.reseal('trap');
CALL tarot.reseal(class => 'email');
SELECT rolsuper FROM pg_roles WHERE rolname = 'tarot_reseal_evil';
-- What can be done was done.
SELECT "table", count(*) FILTER (WHERE version <> (SELECT max(version) FROM tarot.key_status WHERE name = 'other' AND seals)) AS old
	FROM usage WHERE "column" <> 'note' GROUP BY 1 ORDER BY 1;
-- Nor does what a caller has in the search path run.
CREATE FUNCTION public.evil_gt(interval, interval) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'operator of the search path'; END $$;
CREATE OPERATOR public.> (FUNCTION = public.evil_gt, LEFTARG = interval, RIGHTARG = interval);
CREATE OPERATOR public.>= (FUNCTION = public.evil_gt, LEFTARG = interval, RIGHTARG = interval);
SET search_path = public, pg_catalog;
SELECT run($$SELECT interval '1' > interval '0'$$);
CALL tarot.reseal('customer');
SHOW search_path;
RESET search_path;

DROP PUBLICATION changes;
DROP OWNED BY tarot_reseal_writer, tarot_reseal_owner, tarot_reseal_evil, tarot_reseal_admin CASCADE;
DROP ROLE tarot_reseal_writer, tarot_reseal_owner, tarot_reseal_evil, tarot_reseal_admin;

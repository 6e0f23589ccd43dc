-- tarot.encrypt_column() and tarot.decrypt_column(): what they carry over, what they refuse, who may.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
CREATE EXTENSION tarot_security;
\pset null '(null)'
SELECT tarot.create_key('profile') > 0 AS created, tarot.create_class('email', 'profile', 'email'), tarot.create_class('note', 'profile');
CREATE ROLE tarot_convert_owner;
CREATE ROLE tarot_convert_app;
CREATE ROLE tarot_convert_other;
GRANT CREATE ON SCHEMA public TO tarot_convert_owner;

-- What there is to know of a column, and all values of a table as text.
CREATE FUNCTION properties(relation regclass) RETURNS TABLE (name name, type text, not_null boolean, "default" text, comment text, statistics text, options text[], acl text[])
	LANGUAGE sql AS $$
	SELECT attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid), col_description(attrelid, attnum), nullif(attstattarget::text, '-1'), ARRAY(SELECT o FROM unnest(attoptions) o WHERE o LIKE 'n%'), attacl::text[]
		FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
		WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped ORDER BY attname
$$;

-- ------------------------------------------------------------ every type, at once and beside writers, there and back

SET ROLE tarot_convert_owner;
CREATE TABLE everything (id int PRIMARY KEY, t text, v varchar(20), b bytea, j jsonb, n numeric(10, 2), d date, z timestamptz, s smallint, i integer, l bigint);
INSERT INTO everything VALUES (1, 'text', 'varchar', '\x00ff', '{"a": [1, null]}', 12.50, '2024-02-29', '2024-02-29 12:34:56.789+02', -1, 2147483647, 9223372036854775807),
	(2, '', '', '', '{}', 0, '-infinity', 'infinity', 0, 0, 0), (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (4, repeat('long ', 10000), 'x', decode(repeat('ab', 10000), 'hex'), 'null', 'NaN', '0001-01-01 BC', '1970-01-01', 1, 1, 1);
CREATE FUNCTION data() RETURNS text LANGUAGE sql AS $$
	SELECT md5(string_agg(concat_ws('|', id, t::text, v::text, b::bytea, j::jsonb, n::numeric, d::date, z::timestamptz, s::text, i::text, l::text), ',' ORDER BY id)) FROM everything $$;
SELECT data() AS before \gset
SET client_min_messages = warning;
CALL tarot.encrypt_column('everything', 't', 'email');
RESET ROLE;
SELECT tarot.grant_class('email', 'tarot_convert_owner', 'none', write => true);
SET ROLE tarot_convert_owner;
CREATE PROCEDURE convert_all(encrypt boolean, online boolean) LANGUAGE plpgsql AS $$
DECLARE
	col name;
BEGIN
	FOREACH col IN ARRAY ARRAY['t', 'v', 'b', 'j', 'n', 'd', 'z', 's', 'i', 'l'] LOOP
		IF encrypt THEN
			CALL tarot.encrypt_column('everything', col, 'email', "concurrently" => online, batch => 3);
		ELSE
			CALL tarot.decrypt_column('everything', col, "concurrently" => online, batch => 3);
		END IF;
	END LOOP;
END
$$;
CALL convert_all(true, false);
SELECT name, type FROM properties('everything');
CALL tarot.decrypt_column('everything', 't');
RESET ROLE;
SELECT tarot.grant_class('email', 'tarot_convert_owner', 'plain');
SET ROLE tarot_convert_owner;
SELECT data() = :'before' AS "the same";
CALL convert_all(false, false);
SELECT name, type FROM properties('everything');
SELECT data() = :'before' AS "the same";
CALL convert_all(true, true);
SELECT name, type FROM properties('everything');
SELECT data() = :'before' AS "the same";
CALL convert_all(false, true);
SELECT name, type FROM properties('everything');
SELECT data() = :'before' AS "the same";
RESET client_min_messages;
RESET ROLE;
-- Nothing of it is left behind.
SELECT count(*) FROM tarot.conversion;
SELECT count(*) FROM tarot.table_job;
SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = 'everything'::regclass;
SELECT count(*) FROM pg_constraint WHERE contype = 'c' AND conrelid = 'everything'::regclass;

-- ------------------------------------------------------------ what is carried over

SET ROLE tarot_convert_owner;
CREATE TABLE customer (id int PRIMARY KEY, email varchar(50) NOT NULL DEFAULT 'none@example.org', visits int DEFAULT 0, changed int DEFAULT 0);
COMMENT ON COLUMN customer.email IS 'where to write to';
GRANT SELECT (email), UPDATE (email) ON customer TO tarot_convert_app;
GRANT SELECT (email) ON customer TO tarot_convert_other WITH GRANT OPTION;
GRANT SELECT, INSERT ON customer TO PUBLIC;
ALTER TABLE customer ALTER email SET STATISTICS 7, ALTER email SET (n_distinct = -0.5);
INSERT INTO customer SELECT i, 'user' || i || '@example.org' FROM generate_series(1, 1000) i;
CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.changed := NEW.changed + 1; RETURN NEW; END $$;
CREATE TRIGGER changed BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION note_it();
ALTER TABLE customer ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY none ON customer USING (false);
SELECT * FROM properties('customer') WHERE name = 'email';
CALL tarot.encrypt_column('customer', 'email', 'email', concurrently => true, batch => 100);
SELECT * FROM properties('customer') WHERE name = 'email';
ALTER TABLE customer DISABLE ROW LEVEL SECURITY;
INSERT INTO customer (id) VALUES (0);
SELECT email FROM customer WHERE id IN (0, 1000) ORDER BY id;
SELECT sum(changed) AS changed FROM customer;
CALL tarot.decrypt_column('customer', 'email');
SELECT name, type, not_null, comment, statistics, options, acl FROM properties('customer') WHERE name = 'email';
CALL tarot.encrypt_column('customer', 'email', 'email');
SELECT name, type, not_null, comment, statistics, options, acl FROM properties('customer') WHERE name = 'email';
SELECT count(*), count(DISTINCT email::text) FROM customer WHERE email::text LIKE '%@example.org';
-- The default is sealed: the catalog has no plaintext.
SELECT adbin LIKE '%none%' OR pg_get_expr(adbin, adrelid) LIKE '%none%' AS plaintext FROM pg_attrdef WHERE adrelid = 'customer'::regclass AND adnum = (SELECT attnum FROM pg_attribute WHERE attrelid = adrelid AND attname = 'email');
-- A default that is not constant stays as it is.
CREATE TABLE noted (id int, note text DEFAULT 'by ' || current_user);
INSERT INTO noted VALUES (1);
CALL tarot.encrypt_column('noted', 'note', 'email', concurrently => true);
INSERT INTO noted VALUES (2);
SELECT * FROM noted ORDER BY id;
-- A check constraint goes along where the table is written anew.
CREATE TABLE checked (email text CHECK (email LIKE '%@%'));
INSERT INTO checked VALUES ('ada@example.org');
CALL tarot.encrypt_column('checked', 'email', 'email');
INSERT INTO checked VALUES ('nonsense');
SELECT email FROM checked;

-- So do indexes, where the class is searchable.
RESET ROLE;
SELECT tarot.create_class('handle', 'profile', searchable => true), tarot.grant_class('handle', 'tarot_convert_owner', 'plain');
SET ROLE tarot_convert_owner;
CREATE TABLE player (handle text PRIMARY KEY, mail text CONSTRAINT one_each UNIQUE, team varchar(20), score int);
CREATE INDEX player_team ON player (team, score);
CREATE INDEX player_hash ON player USING hash (team);
INSERT INTO player SELECT 'player ' || i, 'mail ' || i, 'team ' || i % 3, i FROM generate_series(1, 100) i;
CALL tarot.encrypt_column('player', 'handle', 'email', concurrently => true);
CALL tarot.encrypt_column('player', 'handle', 'email');
CALL tarot.encrypt_column('player', 'handle', 'handle');
CALL tarot.encrypt_column('player', 'mail', 'handle');
CALL tarot.encrypt_column('player', 'team', 'handle');
SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'player' ORDER BY 1;
SELECT code($$INSERT INTO player VALUES ('player 7', 'x', 'y', 1)$$) AS handle, code($$INSERT INTO player VALUES ('x', 'mail 7', 'y', 1)$$) AS mail;
SELECT count(*), (SELECT score FROM player WHERE handle = 'player 7') AS score FROM player WHERE team = 'team 1';
CALL tarot.decrypt_column('player', 'handle');
CALL tarot.decrypt_column('player', 'team');
SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'player' ORDER BY 1;
SELECT score FROM player WHERE handle = 'player 7';

-- ------------------------------------------------------------ partitions and children

CREATE TABLE parent (id int, email text NOT NULL) PARTITION BY RANGE (id);
CREATE TABLE low PARTITION OF parent FOR VALUES FROM (0) TO (10);
CREATE TABLE high (filler text, email text NOT NULL, id int);
ALTER TABLE high DROP COLUMN filler;
ALTER TABLE parent ATTACH PARTITION high FOR VALUES FROM (10) TO (20);
INSERT INTO parent SELECT i, 'user' || i FROM generate_series(1, 19) i;
CALL tarot.encrypt_column('low', 'email', 'email');
CALL tarot.encrypt_column('parent', 'email', 'email', true, batch => 4);
SELECT tableoid::regclass AS partition, pg_typeof(email) AS type, count(*), bool_and(email::text = 'user' || id) AS right FROM parent GROUP BY 1, 2 ORDER BY 1;
INSERT INTO parent VALUES (0, 'new'), (19, 'new');
CALL tarot.decrypt_column('parent', 'email');
SELECT tableoid::regclass AS partition, pg_typeof(email) AS type, count(*), count(*) FILTER (WHERE email = 'user' || id) AS right FROM parent GROUP BY 1, 2 ORDER BY 1;
CREATE TABLE base (id int, email text);
CREATE TABLE derived (more int) INHERITS (base);
INSERT INTO base VALUES (1, 'base');
INSERT INTO derived VALUES (2, 'derived', 3);
CALL tarot.encrypt_column('base', 'email', 'email', true);
CALL tarot.encrypt_column('base', 'email', 'email');
SELECT tableoid::regclass AS table, email, pg_typeof(email) AS type FROM base ORDER BY id;

-- ------------------------------------------------------------ what is refused, all of it at once

CREATE TABLE crowded (id int PRIMARY KEY, email text UNIQUE, twice text GENERATED ALWAYS AS (email || email) STORED, CHECK (email <> ''));
CREATE INDEX ON crowded (lower(email));
CREATE INDEX ON crowded (id) WHERE email IS NOT NULL;
CREATE STATISTICS crowded_statistics ON id, email FROM crowded;
CREATE TABLE referring (email text REFERENCES crowded (email));
CREATE VIEW seen AS SELECT email FROM crowded;
CREATE VIEW seen_again AS SELECT * FROM seen;
CREATE MATERIALIZED VIEW kept AS SELECT count(email) FROM crowded;
CREATE POLICY own ON crowded USING (email = current_user);
CREATE TRIGGER of_email BEFORE UPDATE OF email ON crowded FOR EACH ROW EXECUTE FUNCTION note_it();
CREATE FUNCTION emails() RETURNS SETOF text LANGUAGE sql BEGIN ATOMIC SELECT email FROM crowded; END;
CALL tarot.encrypt_column('crowded', 'email', 'email');
CALL tarot.encrypt_column('crowded', 'email', 'email', concurrently => true);
CALL tarot.encrypt_column('referring', 'email', 'email');
SELECT name, type FROM properties('crowded');
SELECT count(*) FROM tarot.conversion_obstacles('crowded'::regclass, 'email', true, false, true);
CREATE TABLE by_email (email text) PARTITION BY HASH (email);
CALL tarot.encrypt_column('by_email', 'email', 'email');
CALL tarot.encrypt_column('derived', 'email', 'email');
RESET ROLE;
SET client_min_messages = error;
CREATE PUBLICATION tarot_convert_columns FOR TABLE customer (id, email);
CREATE PUBLICATION tarot_convert_rows FOR TABLE everything WHERE (id > 0 AND t <> '');
RESET client_min_messages;
SET ROLE tarot_convert_owner;
CALL tarot.decrypt_column('customer', 'email', true);
CALL tarot.encrypt_column('everything', 't', 'email');
-- PostgreSQL itself refuses a list of columns, too.
CALL tarot.decrypt_column('customer', 'email');
RESET ROLE;
DROP PUBLICATION tarot_convert_columns, tarot_convert_rows;
SET ROLE tarot_convert_owner;
CALL tarot.decrypt_column('customer', 'email');
-- A row rule would go on for a column that is none of its own any more: of the column, and of what identifies a row.
CREATE TABLE ruled (id int PRIMARY KEY, customer text NOT NULL, note tarot.encrypted_text('email'));
SELECT tarot.bind_column('ruled', 'note', '{customer}');
CALL tarot.decrypt_column('ruled', 'note');
CALL tarot.decrypt_column('ruled', 'note', concurrently => true);
CALL tarot.encrypt_column('ruled', 'customer', 'email');
SELECT tarot.unbind_column('ruled', 'note');
CALL tarot.decrypt_column('ruled', 'note');
DROP TABLE ruled;

-- ------------------------------------------------------------ and who may

\set VERBOSITY terse
CALL tarot.encrypt_column('customer', 'nosuch', 'email');
CALL tarot.encrypt_column('customer', 'email', 'nosuch');
CALL tarot.encrypt_column('customer', 'ctid', 'email');
CALL tarot.encrypt_column('seen', 'email', 'email');
CALL tarot.encrypt_column(NULL, 'email', 'email');
CALL tarot.encrypt_column('customer', 'email', NULL);
CALL tarot.encrypt_column('customer', 'email', 'email', true, batch => 0);
CALL tarot.decrypt_column('customer', 'email');
CALL tarot.decrypt_column('customer', 'visits');
CALL tarot.cancel_conversion('customer', 'email');
CREATE TABLE odd (f float8, x xml, a text[], ts timestamp);
CALL tarot.encrypt_column('odd', 'f', 'email');
CALL tarot.encrypt_column('odd', 'x', 'email');
CALL tarot.encrypt_column('odd', 'a', 'email');
CALL tarot.encrypt_column('odd', 'ts', 'email');
\set VERBOSITY default
CALL tarot.encrypt_column('customer', 'email', 'note');
RESET ROLE;
-- A superuser without a grant may not either; with one, another's table.
CALL tarot.encrypt_column('customer', 'email', 'email');
SET ROLE tarot_convert_app;
\set VERBOSITY sqlstate
CALL tarot.encrypt_column('customer', 'email', 'email');
CALL tarot.decrypt_column('customer', 'email');
CALL tarot.cancel_conversion('customer', 'email');
SELECT tarot.set_conversion('customer'::regclass, 'email', 2::smallint, 'x', true, 'filling', 'email');
SELECT tarot.find_conversion('customer'::regclass, 'email');
SELECT tarot.conversion_batch('customer'::regclass, 'email', 1);
SELECT tarot.wipe_free_space('customer');
SELECT tarot.fill_converted_column();
RESET ROLE;
-- A plain conversion is part of a transaction; one beside writers cannot be.
SET ROLE tarot_convert_owner;
SET client_min_messages = warning;
BEGIN;
CALL tarot.encrypt_column('customer', 'visits', 'email');
ROLLBACK;
SELECT type FROM properties('customer') WHERE name = 'visits';
BEGIN;
CALL tarot.encrypt_column('customer', 'visits', 'email', true);
ROLLBACK;
SELECT type FROM properties('customer') WHERE name = 'visits';
\set VERBOSITY default

-- ------------------------------------------------------------ halfway

-- The steps of the procedure by hand, as far as the new column is filled.
CREATE TABLE halfway (id int PRIMARY KEY, email text);
INSERT INTO halfway VALUES (1, 'before'), (2, NULL);
GRANT ALL ON halfway TO tarot_convert_app;
SELECT tarot.begin_conversion('halfway'::regclass, 'email', 'tarot.encrypted_text(''email'')', true, 'email', false);
SELECT tarot.conversion_batch('halfway'::regclass, 'email', 10), tarot.conversion_batch('halfway'::regclass, 'email', 10), tarot.conversion_batch('halfway'::regclass, 'email', 10);
RESET ROLE;
SELECT "table", "column", class, direction, phase, blocks_done, rows_done FROM tarot.conversion_progress;
-- Whoever writes needs no grant on the class: the new column is sealed with the rights of who converts.
SET ROLE tarot_convert_app;
INSERT INTO halfway VALUES (3, 'inserted'), (4, NULL);
UPDATE halfway SET email = 'updated' WHERE id = 2;
UPDATE halfway SET email = NULL WHERE id = 3;
UPDATE halfway SET id = id WHERE id = 1;
INSERT INTO halfway VALUES (5, 'x', NULL), (6, 'y', DEFAULT);
UPDATE halfway SET tarot_converted_2 = NULL WHERE id = 5;
COPY halfway (id, email) FROM STDIN;
7	copied
\.
SELECT * FROM halfway ORDER BY id;
RESET ROLE;
SET ROLE tarot_convert_owner;
SELECT * FROM halfway ORDER BY id;
-- Asked for otherwise, it is refused; given up, nothing is left of it.
\set VERBOSITY terse
CALL tarot.encrypt_column('halfway', 'email', 'note', true);
CALL tarot.encrypt_column('halfway', 'email', 'email');
CALL tarot.decrypt_column('halfway', 'email', true);
\set VERBOSITY default
CALL tarot.cancel_conversion('halfway', 'email');
SELECT * FROM halfway ORDER BY id;
-- The other way, no mask comes into the new column, whatever the writer's session asks for.
RESET ROLE;
SELECT tarot.grant_class('email', 'tarot_convert_app', 'masked', write => true);
SET ROLE tarot_convert_owner;
CALL tarot.encrypt_column('halfway', 'email', 'email', true);
SELECT tarot.begin_conversion('halfway'::regclass, 'email', 'text', false, 'email', false);
SET ROLE tarot_convert_app;
INSERT INTO halfway (id, email) VALUES (10, 'ada@example.org');
SET tarot_security.io = masked;
UPDATE halfway SET id = id WHERE id = 1;
RESET tarot_security.io;
SELECT * FROM halfway WHERE id IN (1, 10) ORDER BY id;
RESET ROLE;
-- Rights that are taken away meanwhile end it, rather than masks being written.
SELECT tarot.grant_class('email', 'tarot_convert_owner', 'masked', write => true);
SET ROLE tarot_convert_app;
SELECT code($$INSERT INTO halfway (id, email) VALUES (11, 'eve@example.org')$$);
SET ROLE tarot_convert_owner;
SELECT code($$SELECT tarot.conversion_batch('halfway'::regclass, 'email', 10), tarot.conversion_batch('halfway'::regclass, 'email', 10)$$);
RESET ROLE;
SELECT tarot.grant_class('email', 'tarot_convert_owner', 'plain');
SET ROLE tarot_convert_owner;
CALL tarot.decrypt_column('halfway', 'email', true);
SELECT * FROM halfway ORDER BY id;

-- ------------------------------------------------------------ an owner gets nothing of who converts

-- A superuser converts the table; its owner has the new column's type changed meanwhile.
RESET ROLE;
SELECT tarot.grant_class('email', current_user::regrole, 'plain');
CREATE TABLE watched (id int, email text);
ALTER TABLE watched OWNER TO tarot_convert_owner;
SELECT tarot.begin_conversion('watched'::regclass, 'email', 'tarot.encrypted_text(''email'')', true, 'email', false);
SET ROLE tarot_convert_owner;
CREATE FUNCTION trap(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'ran as %', current_user; END $$;
CREATE DOMAIN trapped AS text CHECK (trap(VALUE));
ALTER TABLE watched ALTER tarot_converted_2 TYPE trapped USING NULL;
INSERT INTO watched (id, email) VALUES (20, 'x');
RESET ROLE;
CALL tarot.encrypt_column('watched', 'email', 'email', true);
CALL tarot.cancel_conversion('watched', 'email');
-- Nor by a trigger of theirs that nobody converts for.
SET ROLE tarot_convert_owner;
CREATE TABLE mine (email text, sealed tarot.encrypted_text('note'));
CREATE TRIGGER "~x" BEFORE INSERT ON mine FOR EACH ROW EXECUTE FUNCTION tarot.fill_converted_column('email');
INSERT INTO mine VALUES ('x');
SELECT tarot.set_conversion('mine'::regclass, 'email', 1::smallint, 'sealed', true, 'filling', 'note');
INSERT INTO mine VALUES ('x');
RESET ROLE;
DROP TABLE mine, watched;

-- ------------------------------------------------------------ views, policies and constraints that come up meanwhile

SET ROLE tarot_convert_owner;
CREATE TABLE changing (id int, email text);
INSERT INTO changing VALUES (1, 'x');
SELECT tarot.begin_conversion('changing'::regclass, 'email', 'tarot.encrypted_text(''email'')', true, 'email', false);
CREATE VIEW meanwhile AS SELECT email FROM changing;
CALL tarot.encrypt_column('changing', 'email', 'email', true);
SELECT tarot.find_conversion('changing'::regclass, 'email');
DROP VIEW meanwhile;
ALTER TABLE changing DROP CONSTRAINT tarot_converted_2_same, ADD CONSTRAINT tarot_converted_2_same CHECK (trap(email)) NOT VALID;
CALL tarot.encrypt_column('changing', 'email', 'email', true);
CALL tarot.cancel_conversion('changing', 'email');
CALL tarot.encrypt_column('changing', 'email', 'email', true);
SELECT * FROM changing ORDER BY id;
RESET ROLE;
SELECT count(*) FROM tarot.conversion_progress;
SET client_min_messages = warning;
DROP OWNED BY tarot_convert_owner, tarot_convert_app, tarot_convert_other CASCADE;
DROP ROLE tarot_convert_owner, tarot_convert_app, tarot_convert_other;

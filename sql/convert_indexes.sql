-- Indexes and keys of a column that is converted beside its writers: carried over, refused, and kept all the while.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
CREATE EXTENSION tarot_security;
\pset null '(null)'
SELECT tarot.create_key('profile') > 0 AS created, tarot.create_class('note', 'profile'), tarot.create_class('handle', 'profile', searchable => true),
	tarot.create_class('login', 'profile', searchable => true, normalization => 'lower');
CREATE ROLE tarot_indexes_owner;
CREATE ROLE tarot_indexes_app;
GRANT CREATE ON SCHEMA public TO tarot_indexes_owner;
SELECT format('GRANT CREATE ON DATABASE %I TO tarot_indexes_owner', current_database()) \gexec
SELECT tarot.grant_class(c, 'tarot_indexes_owner', 'plain') FROM unnest('{note, handle, login}'::text[]) c;

-- ------------------------------------------------------------ what a rewrite makes, and what comes beside writers

SET ROLE tarot_indexes_owner;
SET client_min_messages = warning;
-- The indexes of a table with all there is to know of them, but for their numbers and their schema.
CREATE FUNCTION indexes(schema text) RETURNS SETOF jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('table', t.relname, 'index', x.relname, 'definition', replace(pg_get_indexdef(x.oid), schema || '.', ''),
			'flags', (to_jsonb(i) - '{indexrelid, indrelid, indkey, indexprs, indpred}'::text[]), 'options', x.reloptions, 'persistence', x.relpersistence, 'owner', x.relowner,
			'columns', (SELECT jsonb_agg(jsonb_build_array(attname, format_type(atttypid, atttypmod), coalesce(attstattarget, -1)) ORDER BY attnum) FROM pg_attribute WHERE attrelid = x.oid),
			'comment', obj_description(x.oid, 'pg_class'), 'constraint', n.conname, 'is', n.contype, 'says', pg_get_constraintdef(n.oid), 'of it', obj_description(n.oid, 'pg_constraint'))
		FROM pg_class t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class x ON x.oid = i.indexrelid LEFT JOIN pg_constraint n ON n.conindid = x.oid
		WHERE t.relnamespace = schema::regnamespace
$$;
CREATE PROCEDURE make_tables(schema text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE SCHEMA %I', schema);
	PERFORM set_config('search_path', schema || ', public', true);
	-- Keys and unique indexes of several kinds.
	CREATE TABLE customer (id int NOT NULL, tenant int NOT NULL, email varchar(60) NOT NULL, score int, active boolean DEFAULT true,
		CONSTRAINT "the key" PRIMARY KEY (tenant, email) INCLUDE (score), CONSTRAINT one_each UNIQUE NULLS NOT DISTINCT (email) WITH (fillfactor = 70));
	CREATE UNIQUE INDEX identity ON customer (email, id);
	CREATE UNIQUE INDEX among_the_active ON customer (email) INCLUDE (id) WHERE active AND score > 0;
	-- Others: multi-column, with an order, hash, and some that say nothing of the column in what they compute.
	CREATE INDEX several ON customer (score DESC NULLS LAST, email DESC) WITH (deduplicate_items = off);
	CREATE INDEX hashed ON customer USING hash (email) WITH (fillfactor = 60);
	CREATE INDEX computed ON customer ((score * 2), email, (tenant + id)) WHERE tenant > 0;
	CREATE INDEX holding ON customer (id) INCLUDE (email);
	CREATE INDEX apart ON customer (id);
	ALTER INDEX computed ALTER COLUMN 1 SET STATISTICS 77;
	ALTER TABLE customer CLUSTER ON several;
	ALTER TABLE customer REPLICA IDENTITY USING INDEX identity;
	COMMENT ON INDEX several IS 'by score';
	COMMENT ON INDEX one_each IS 'the index';
	COMMENT ON CONSTRAINT one_each ON customer IS 'the constraint';
	INSERT INTO customer SELECT i, i % 10 + 1, 'User ' || i, i, i % 3 = 0 FROM generate_series(1, 1000) i;
	-- A key of the column alone, of a number, in a table that is not logged.
	CREATE UNLOGGED TABLE account (number bigint PRIMARY KEY, note text);
	INSERT INTO account SELECT i, 'note ' || i FROM generate_series(1, 100) i;
	-- NULLs as many as one likes.
	CREATE TABLE reader (id int PRIMARY KEY, card text UNIQUE);
	INSERT INTO reader VALUES (1, 'a'), (2, NULL), (3, NULL), (4, 'b');
END
$$;
CALL make_tables('once');
CALL make_tables('online');
CREATE PROCEDURE convert_all(schema text, encrypt boolean, online boolean) LANGUAGE plpgsql AS $$
DECLARE
	col record;
BEGIN
	FOR col IN SELECT schema || '.' || t AS rel, c FROM (VALUES ('customer', 'email'), ('account', 'number'), ('reader', 'card')) AS v (t, c) LOOP
		IF encrypt THEN
			CALL tarot.encrypt_column(col.rel::regclass, col.c, 'login', "concurrently" => online, batch => 300);
		ELSE
			CALL tarot.decrypt_column(col.rel::regclass, col.c, "concurrently" => online, batch => 300);
		END IF;
	END LOOP;
END
$$;
-- Of the constraints the names; since 18 NOT NULL is one.
CREATE FUNCTION constraints(schema text) RETURNS SETOF jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('table', t.relname, 'constraint', n.conname, 'type', n.contype) FROM pg_constraint n JOIN pg_class t ON t.oid = n.conrelid WHERE t.relnamespace = schema::regnamespace $$;
CREATE FUNCTION differences() RETURNS SETOF jsonb LANGUAGE sql AS $$
	(SELECT indexes('once') EXCEPT SELECT indexes('online')) UNION ALL (SELECT indexes('online') EXCEPT SELECT indexes('once'))
	UNION ALL (SELECT constraints('once') EXCEPT SELECT constraints('online')) UNION ALL (SELECT constraints('online') EXCEPT SELECT constraints('once')) $$;
SELECT count(*), count(*) FILTER (WHERE i ->> 'constraint' IS NOT NULL) AS keys FROM indexes('online') i;
SELECT * FROM differences();
CALL convert_all('once', true, false);
CALL convert_all('online', true, true);
SELECT * FROM differences();
SELECT i ->> 'index' AS index, i ->> 'definition' AS definition FROM indexes('online') i ORDER BY 1;
SELECT i ->> 'index' AS index, i -> 'columns' AS columns, i ->> 'comment' AS comment, i ->> 'of it' AS "of it" FROM indexes('online') i WHERE i ->> 'index' IN ('computed', 'one_each') ORDER BY 1;
-- They are used, and complete.
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM online.reader WHERE card = 'A';
SELECT id FROM online.reader WHERE card = 'A';
SELECT count(*) FROM generate_series(1, 1000) i WHERE EXISTS (SELECT FROM online.customer c WHERE c.email = 'USER ' || i AND c.id = i);
RESET enable_seqscan;
SELECT code($$INSERT INTO online.customer (id, tenant, email) VALUES (5000, 50, 'user 7')$$) AS unique, code($$INSERT INTO online.account (number) VALUES (7)$$) AS key, code($$INSERT INTO online.reader VALUES (7, 'B')$$) AS folded;
-- And back.
CALL convert_all('once', false, false);
CALL convert_all('online', false, true);
SELECT * FROM differences();
SELECT i ->> 'definition' AS definition FROM indexes('online') i WHERE i ->> 'table' = 'customer' ORDER BY 1;
RESET ROLE;
SELECT count(*) FROM tarot.conversion;
SELECT relname FROM pg_class WHERE relname LIKE 'tarot\_converted%';

-- ------------------------------------------------------------ what is refused, all of it at once

SET ROLE tarot_indexes_owner;
CREATE TABLE crowded (id int PRIMARY KEY, email text UNIQUE DEFERRABLE, other text UNIQUE, EXCLUDE (email WITH =));
CREATE INDEX of_expression ON crowded (lower(email));
CREATE INDEX of_row ON crowded ((crowded IS NOT NULL));
CREATE INDEX of_predicate ON crowded (id) WHERE email IS NOT NULL;
CREATE INDEX of_patterns ON crowded (email text_pattern_ops);
CREATE INDEX of_blocks ON crowded USING brin (email);
CREATE INDEX fine ON crowded (email) WHERE other IS NOT NULL;
CALL tarot.encrypt_column('crowded', 'email', 'handle', concurrently => true);
CALL tarot.encrypt_column('crowded', 'email', 'handle');
DROP INDEX of_row;
-- A class that is not searchable has none to compare by, but may be held.
CREATE INDEX holding ON crowded (id) INCLUDE (other);
CALL tarot.encrypt_column('crowded', 'other', 'note', concurrently => true);
CALL tarot.encrypt_column('crowded', 'other', 'note');
ALTER TABLE crowded DROP CONSTRAINT crowded_other_key;
CALL tarot.encrypt_column('crowded', 'other', 'note', concurrently => true);
DROP INDEX fine;
CALL tarot.encrypt_column('crowded', 'other', 'note', concurrently => true);
\d crowded
-- What depends on the key, and not on the column.
CREATE VIEW grouped AS SELECT id, email FROM crowded GROUP BY id;
CREATE TABLE referring (id int REFERENCES crowded);
CALL tarot.encrypt_column('crowded', 'id', 'handle', concurrently => true);
CREATE TABLE pairs (a int, b text, PRIMARY KEY (a, b), c text);
CREATE VIEW grouped_pairs AS SELECT a, c FROM pairs GROUP BY a, b;
CALL tarot.encrypt_column('pairs', 'b', 'handle', concurrently => true);
CALL tarot.encrypt_column('pairs', 'b', 'handle');
-- Of partitioned tables.
CREATE TABLE parent (id int, email text, UNIQUE (id, email)) PARTITION BY RANGE (id);
CREATE TABLE child PARTITION OF parent DEFAULT;
CREATE INDEX own ON child (email);
CALL tarot.encrypt_column('parent', 'email', 'handle', concurrently => true);
ALTER TABLE parent DROP CONSTRAINT parent_id_email_key;
INSERT INTO parent SELECT i, 'user ' || i FROM generate_series(1, 10) i;
-- A partition's own is carried over.
CALL tarot.encrypt_column('parent', 'email', 'handle', concurrently => true);
\d child

-- ------------------------------------------------------------ distinct values that the class takes for equal

CREATE TABLE folded (id int PRIMARY KEY, email text UNIQUE);
INSERT INTO folded VALUES (1, 'Ada@example.org'), (2, 'bob@example.org'), (3, 'ADA@example.org'), (4, NULL), (5, NULL);
CALL tarot.encrypt_column('folded', 'email', 'login', concurrently => true);
-- The table is as it was, and takes what it took.
\d folded
INSERT INTO folded VALUES (6, 'BOB@example.org');
SELECT code($$INSERT INTO folded VALUES (7, 'bob@example.org')$$);
SELECT min(id), count(*) FROM folded GROUP BY tarot_converted_2 HAVING count(tarot_converted_2) > 1 ORDER BY 1;
-- Again, and given up; or mended.
CALL tarot.encrypt_column('folded', 'email', 'login', concurrently => true);
CALL tarot.cancel_conversion('folded', 'email');
\d folded
CALL tarot.encrypt_column('folded', 'email', 'login', concurrently => true);
DELETE FROM folded WHERE id IN (3, 6);
CALL tarot.encrypt_column('folded', 'email', 'login', concurrently => true);
\d folded
SELECT * FROM folded ORDER BY id;
-- NULLs that are not distinct, as they were before.
CREATE TABLE not_distinct (id int, email text UNIQUE NULLS NOT DISTINCT);
INSERT INTO not_distinct VALUES (1, 'a'), (2, NULL);
CALL tarot.encrypt_column('not_distinct', 'email', 'login', concurrently => true);
SELECT code($$INSERT INTO not_distinct VALUES (3, NULL)$$);

-- ------------------------------------------------------------ step by step

-- Which phases there are, and what a writer is told in each, of a value that is there and of one that the class takes for equal to it.
CREATE TABLE stepwise (id int PRIMARY KEY, email text UNIQUE);
INSERT INTO stepwise SELECT i, 'user ' || i FROM generate_series(1, 10) i;
SELECT tarot.begin_conversion('stepwise'::regclass, 'email', 'tarot.encrypted_text(''login'')', true, 'login', true);
SELECT tarot.conversion_batch('stepwise'::regclass, 'email', 100), tarot.conversion_batch('stepwise'::regclass, 'email', 100);
SELECT tarot.constrain_conversion('stepwise'::regclass, 'email', 'tarot_converted_2');
SELECT tarot.check_conversion('stepwise'::regclass, 'email', 'tarot_converted_2');
SELECT tarot.set_conversion('stepwise'::regclass, 'email', 2::smallint, 'tarot_converted_2', true, 'indexing', 'login');
-- Nobody enters a phase in which an index would be taken for complete; and each step lets others know.
SELECT tarot.set_conversion('stepwise'::regclass, 'email', 2::smallint, 'tarot_converted_2', true, 'enabling', 'login');
BEGIN;
SELECT tarot.index_conversion('stepwise'::regclass, 'email');
-- Whoever changes the table waits; who writes it does not.
SELECT mode FROM pg_locks WHERE relation = 'stepwise'::regclass AND pid = pg_backend_pid() AND mode <> 'AccessShareLock' ORDER BY 1;
SELECT tarot.index_conversion('stepwise'::regclass, 'email');
ROLLBACK;
CREATE FUNCTION look() RETURNS TABLE (phase text, counterpart text, equal text, folded text) LANGUAGE plpgsql AS $$
BEGIN
	SELECT c.phase INTO phase FROM tarot.find_conversion('stepwise'::regclass, 'email') c;
	SELECT c.state INTO counterpart FROM tarot.conversion_indexes('stepwise'::regclass, 'email') c;
	equal := code($c$INSERT INTO stepwise VALUES (100, 'user 1')$c$);
	-- Taken back.
	BEGIN
		INSERT INTO stepwise VALUES (100, 'USER 1');
		RAISE EXCEPTION USING ERRCODE = 'TT000', MESSAGE = 'taken';
	EXCEPTION WHEN SQLSTATE 'TT000' OR unique_violation THEN
		folded := SQLSTATE;
	END;
	RETURN NEXT;
END
$$;
SELECT * FROM look();
-- To the beginning of a phase, or to the end of what it does.
CREATE PROCEDURE advance(relation regclass, wanted text, counterpart text) LANGUAGE plpgsql AS $$
DECLARE
	phase text;
	state text;
BEGIN
	FOR i IN 1 .. 1000 LOOP
		SELECT c.phase INTO phase FROM tarot.find_conversion(relation, 'email') c;
		SELECT min(c.state) INTO state FROM tarot.conversion_indexes(relation, 'email') c;
		EXIT WHEN phase = wanted AND state = counterpart;
		COMMIT;
		PERFORM tarot.index_conversion(relation, 'email');
		COMMIT;
	END LOOP;
END
$$;
CALL advance('stepwise', 'building', 'defined');
SELECT * FROM look();
CALL advance('stepwise', 'building', 'ready');
SELECT * FROM look();
CALL advance('stepwise', 'validating', 'ready');
SELECT * FROM look();
CALL advance('stepwise', 'enabling', 'ready');
SELECT * FROM look();
CALL advance('stepwise', 'swapping', 'valid');
SELECT * FROM look();
RESET ROLE;
SELECT "table", "column", phase FROM tarot.conversion_progress;
SET ROLE tarot_indexes_owner;

-- ------------------------------------------------------------ what others do to the table meanwhile

-- From here on, each of them after all was ready for the swap: it goes back, and what it finds changed is made again.
-- An index that came up, one that went, one with other options, a counterpart that was dropped, and one that was tampered with.
CREATE INDEX came ON stepwise (email, id);
CALL tarot.encrypt_column('stepwise', 'email', 'login', concurrently => true);
\d stepwise
CREATE PROCEDURE to_the_swap() LANGUAGE plpgsql AS $$
BEGIN
	CALL tarot.decrypt_column('stepwise', 'email');
	COMMIT;
	PERFORM tarot.begin_conversion('stepwise'::regclass, 'email', 'tarot.encrypted_text(''login'')', true, 'login', true);
	COMMIT;
	WHILE tarot.conversion_batch('stepwise'::regclass, 'email', 100) LOOP
		COMMIT;
	END LOOP;
	PERFORM tarot.constrain_conversion('stepwise'::regclass, 'email', c.shadow), tarot.set_conversion('stepwise'::regclass, 'email', c.number, c.shadow, true, 'checking', 'login')
		FROM tarot.find_conversion('stepwise'::regclass, 'email') c;
	PERFORM tarot.check_conversion('stepwise'::regclass, 'email', c.shadow), tarot.set_conversion('stepwise'::regclass, 'email', c.number, c.shadow, true, 'indexing', 'login')
		FROM tarot.find_conversion('stepwise'::regclass, 'email') c;
	COMMIT;
	CALL advance('stepwise', 'swapping', 'valid');
END
$$;
CREATE FUNCTION states() RETURNS TABLE (index text, state text) LANGUAGE sql AS $$
	SELECT c.relname, i.state FROM tarot.conversion_indexes('stepwise'::regclass, 'email') i LEFT JOIN pg_class c ON c.oid = i.index ORDER BY 1 $$;
CALL to_the_swap();
DROP INDEX came;
ALTER INDEX stepwise_email_key SET (fillfactor = 50);
SELECT * FROM states();
CALL tarot.encrypt_column('stepwise', 'email', 'login', concurrently => true);
\d stepwise
CREATE INDEX second ON stepwise (email);
CALL to_the_swap();
SELECT * FROM states();
CREATE FUNCTION counterpart(index regclass) RETURNS text LANGUAGE sql AS $$ SELECT new_index::regclass::text FROM tarot.conversion_indexes('stepwise'::regclass, 'email') i WHERE i.index = counterpart.index $$;
SELECT counterpart('second') AS second, counterpart('stepwise_email_key') AS key \gset
DROP INDEX :second;
CREATE INDEX :second ON stepwise (id);
DROP INDEX :key;
SELECT * FROM states();
-- A name that is taken by something that is no index of the table.
\set VERBOSITY terse
CALL tarot.encrypt_column('stepwise', 'email', 'login', concurrently => true);
\set VERBOSITY default
\d stepwise
SELECT code($$INSERT INTO stepwise VALUES (100, 'USER 1')$$);
-- A table that is rewritten or emptied.
CALL to_the_swap();
VACUUM FULL stepwise;
SELECT * FROM states();
TRUNCATE stepwise;
INSERT INTO stepwise VALUES (1, 'Ada'), (2, 'Bob');
SELECT code($$INSERT INTO stepwise VALUES (100, 'ADA')$$);
CALL tarot.encrypt_column('stepwise', 'email', 'login', concurrently => true);
SET enable_seqscan = off;
SELECT * FROM stepwise WHERE email = 'ada';
RESET enable_seqscan;
-- Two columns of one index at once.
CREATE TABLE two (id int PRIMARY KEY, email text, phone text, UNIQUE (email, phone));
INSERT INTO two SELECT i, 'user ' || i, 'phone ' || i FROM generate_series(1, 10) i;
SELECT tarot.begin_conversion('two'::regclass, 'email', 'tarot.encrypted_text(''login'')', true, 'login', true);
CALL tarot.encrypt_column('two', 'phone', 'handle', concurrently => true);
CALL tarot.encrypt_column('two', 'email', 'login', concurrently => true);
\d two
SELECT code($$INSERT INTO two VALUES (100, 'USER 1', 'phone 1')$$) AS equal, code($$INSERT INTO two VALUES (100, 'user 1', 'phone 2')$$) AS other;

-- ------------------------------------------------------------ rules for rows and subjects meanwhile

RESET ROLE;
SELECT tarot.create_class('personal', 'profile', per_subject => true), tarot.grant_class('personal', 'tarot_indexes_owner', 'plain'),
	tarot.grant_class('personal', 'tarot_indexes_app', 'plain');
SET ROLE tarot_indexes_owner;
CREATE TABLE card (id int PRIMARY KEY, holder text NOT NULL, number text, secret tarot.encrypted_text('personal'));
GRANT ALL ON card TO tarot_indexes_app;
INSERT INTO card VALUES (1, 'ada', '4711', 'x'), (2, 'bob', '4712', 'y');
SELECT tarot.bind_column('card', 'secret');
SELECT tarot.begin_conversion('card'::regclass, 'number', 'tarot.encrypted_text(''personal'')', true, 'personal', false);
-- What is bound stays so, and its rows are written, by all.
SET ROLE tarot_indexes_app;
INSERT INTO card VALUES (3, 'eve', '4713', 'z');
UPDATE card SET number = '4714', secret = 'zz' WHERE id = 3;
SET ROLE tarot_indexes_owner;
SELECT count(*) FROM tarot.verify_bindings('card');
-- Neither the column nor the one that will take its place gets a rule, or makes one for others.
\set VERBOSITY terse
SELECT tarot.bind_column('card', 'number');
SELECT tarot.bind_column('card', 'tarot_converted_3');
SELECT tarot.set_subject('card', 'tarot_converted_3', 'holder');
SELECT tarot.unbind_column('card', 'secret');
SELECT tarot.set_subject('card', 'secret', 'holder');
CALL tarot.encrypt_column('card', 'number', 'personal', concurrently => true);
-- The other way round.
SELECT tarot.begin_conversion('card'::regclass, 'number', 'text', false, 'personal', false);
SELECT tarot.bind_column('card', 'number');
SELECT tarot.set_subject('card', 'number', 'holder');
CALL tarot.cancel_conversion('card', 'number');
SELECT tarot.bind_column('card', 'number');
-- A column that names the subject is refused to be converted; one that is being converted, to name it.
CALL tarot.encrypt_column('card', 'holder', 'personal', concurrently => true);
SELECT tarot.unset_subject('card', 'secret'), tarot.begin_conversion('card'::regclass, 'holder', 'tarot.encrypted_text(''personal'')', true, 'personal', false);
SELECT tarot.set_subject('card', 'secret', 'holder');
SELECT tarot.unbind_column('card', 'number');
SELECT tarot.bind_column('card', 'number', '{id, holder}');
\set VERBOSITY default
CALL tarot.encrypt_column('card', 'holder', 'personal', concurrently => true);
SELECT id, holder, number, secret FROM card ORDER BY id;
SELECT count(*) FROM tarot.verify_bindings('card');

-- ------------------------------------------------------------ an owner gets nothing of who converts

CREATE FUNCTION own(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF current_user <> 'tarot_indexes_owner' THEN
		RAISE EXCEPTION 'ran as another';
	END IF;
	RETURN $1;
END
$$;
CREATE TABLE watched (id int PRIMARY KEY, email text);
INSERT INTO watched SELECT i, 'user ' || i FROM generate_series(1, 10) i;
CREATE INDEX watching ON watched ((own(1)), email, (own(id))) WHERE own(2) = 2;
RESET ROLE;
SELECT tarot.grant_class('login', current_user::regrole, 'plain');
CALL tarot.encrypt_column('watched', 'email', 'login', concurrently => true);
SELECT indexdef FROM pg_indexes WHERE indexname = 'watching';
SET ROLE tarot_indexes_owner;
-- Renamed meanwhile, it is lost; and may be given up.
SELECT tarot.begin_conversion('watched'::regclass, 'email', 'text', false, 'login', true);
ALTER TABLE watched RENAME email TO mail;
\set VERBOSITY terse
INSERT INTO watched VALUES (11, 'x');
CALL tarot.decrypt_column('watched', 'email', concurrently => true);
CALL tarot.cancel_conversion('watched', 'email');
INSERT INTO watched VALUES (11, 'x');
\set VERBOSITY default

-- ------------------------------------------------------------ and who may

SET ROLE tarot_indexes_app;
\set VERBOSITY terse
SELECT tarot.index_conversion('stepwise'::regclass, 'email');
SELECT tarot.drop_conversion_indexes('stepwise'::regclass, 'email');
SELECT tarot.conversion_indexes('stepwise'::regclass, 'email');
RESET ROLE;
SELECT relname FROM pg_class WHERE relname LIKE 'tarot\_converted%';
SELECT count(*) FROM tarot.conversion;
SET client_min_messages = warning;
DROP OWNED BY tarot_indexes_owner, tarot_indexes_app CASCADE;
DROP ROLE tarot_indexes_owner, tarot_indexes_app;

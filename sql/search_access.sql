-- Who may search, and how classes, keys and tags change under stored values. A role that may not search gets an error,
-- never an empty result, however it asks; constraints and maintenance ask nobody.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'
SELECT tarot.create_key('profile') > 0 AS created, tarot.create_class('email', 'profile', 'email', searchable => true), tarot.create_class('note', 'profile');
CREATE ROLE tarot_search_plain;
CREATE ROLE tarot_search_only;
CREATE ROLE tarot_search_member IN ROLE tarot_search_only;
CREATE ROLE tarot_search_masked;
CREATE ROLE tarot_search_writer;
CREATE ROLE tarot_search_owner;
CREATE ROLE tarot_search_none;
CREATE ROLE tarot_search_super SUPERUSER;
SELECT tarot.grant_class('email', 'tarot_search_plain', 'plain', search => false), tarot.grant_class('note', 'tarot_search_plain', 'plain'), tarot.grant_class('email', 'tarot_search_only', search => true),
	tarot.grant_class('email', 'tarot_search_masked', 'masked'), tarot.grant_class('email', 'tarot_search_writer', write => true);
GRANT CREATE ON SCHEMA public TO PUBLIC;
CREATE FUNCTION as_role(who text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	seen text;
BEGIN
	EXECUTE format('SET LOCAL ROLE tarot_search_%s', who);
	seen := ask(query);
	RESET ROLE;
	RETURN replace(seen, 'tarot_search_' || who, 'ROLE');
END
$$;
CREATE FUNCTION run_as(who text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SET LOCAL ROLE tarot_search_%s', who);
	result := run(statement);
	RESET ROLE;
	RETURN replace(result, 'tarot_search_' || who, 'ROLE');
END
$$;

-- ------------------------------------------------------------ what needs no grant: tables, constraints, maintenance

-- The owner holds nothing on the class, and neither does the superuser; the writer may write alone.
SET ROLE tarot_search_owner;
CREATE TABLE customer (id int PRIMARY KEY, email tarot.encrypted_text('email') UNIQUE, many tarot.encrypted_text('email')[], note tarot.encrypted_text('note'), address text);
CREATE TABLE purchase (id int PRIMARY KEY, email tarot.encrypted_text('email') REFERENCES customer (email) ON UPDATE CASCADE ON DELETE CASCADE, store int);
GRANT ALL ON customer, purchase TO PUBLIC;
SET ROLE tarot_search_writer;
INSERT INTO customer (id, email, many, address) SELECT i, 'u' || i, ARRAY['u' || i, 'v' || i], 'u' || i FROM generate_series(1, 500) AS i;
INSERT INTO purchase SELECT i, 'u' || i, i % 5 FROM generate_series(1, 200) AS i;
SELECT run($$INSERT INTO customer (id, email) VALUES (501, 'u7')$$) AS taken, run($$INSERT INTO purchase VALUES (201, 'nobody', 1)$$) AS no_such;
INSERT INTO customer (id, email) VALUES (501, 'u7') ON CONFLICT (email) DO UPDATE SET address = 'conflict' RETURNING id, address;
INSERT INTO customer (id, email) VALUES (501, 'u7') ON CONFLICT DO NOTHING RETURNING id;
UPDATE customer SET email = 'renamed' WHERE id = 8;
DELETE FROM customer WHERE id = 9;
SET ROLE tarot_search_owner;
SELECT id FROM purchase WHERE id IN (8, 9);
REINDEX TABLE customer;
CREATE INDEX ON purchase (email);
CREATE INDEX ON purchase USING hash (email);
ALTER TABLE purchase DROP CONSTRAINT purchase_email_fkey;
ALTER TABLE purchase ADD FOREIGN KEY (email) REFERENCES customer (email);
ALTER TABLE purchase DROP CONSTRAINT purchase_email_fkey;
SET ROLE tarot_search_writer;
UPDATE purchase SET email = 'orphan' WHERE id = 1;
SET ROLE tarot_search_owner;
-- It is found, and told without the value.
SELECT run($$ALTER TABLE purchase ADD FOREIGN KEY (email) REFERENCES customer (email)$$) AS checked;
ALTER TABLE purchase ADD FOREIGN KEY (email) REFERENCES customer (email) NOT VALID;
SELECT run($$ALTER TABLE purchase VALIDATE CONSTRAINT purchase_email_fkey$$) AS checked;
RESET ROLE;
DELETE FROM purchase WHERE id = 1;
ALTER TABLE purchase VALIDATE CONSTRAINT purchase_email_fkey;
ANALYZE customer, purchase;
CLUSTER customer USING customer_email_key;
VACUUM customer;

-- ------------------------------------------------------------ who asks, and how

SET ROLE tarot_search_plain;
CREATE FUNCTION invoked() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT count(*) FROM customer WHERE email = 'u7' $$;
CREATE FUNCTION invoked_join() RETURNS SETOF bigint LANGUAGE sql STABLE AS $$ SELECT count(*) FROM customer JOIN purchase USING (email) $$;
CREATE FUNCTION definer() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT count(*) FROM public.customer WHERE email = 'u7' $$;
CREATE FUNCTION in_plpgsql() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
	seen tarot.encrypted_text('email');
BEGIN
	SELECT email INTO seen FROM customer WHERE id = 7;
	RETURN seen = 'u7';
END
$$;
CREATE FUNCTION is_seventh(e tarot.encrypted_text) RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT e IN ('u7', 'x') $$;
CREATE VIEW matches AS SELECT id FROM customer WHERE email = 'u7';
CREATE VIEW pairs AS SELECT c.id FROM customer c JOIN purchase p USING (email);
GRANT SELECT ON matches, pairs TO PUBLIC;
RESET ROLE;
CREATE TABLE queries (i serial, query text);
INSERT INTO queries (query) VALUES ($$SELECT count(*) FROM customer WHERE email = 'u7'$$), ($$SELECT count(*) FROM customer WHERE email = 'absent'$$), ($$SELECT count(*) FROM customer WHERE email = 'u7'::text$$), ($$SELECT count(*) FROM customer WHERE lower('U7') = email$$),
	($$SELECT count(*) FROM customer WHERE email <> 'u7'$$), ($$SELECT count(*) FROM customer WHERE email IN ('u7', 'absent')$$), ($$SELECT count(*) FROM customer WHERE email NOT IN ('u7', 'absent')$$), ($$SELECT count(*) FROM customer WHERE email = ANY ('{u7}'::text[])$$),
	($$SELECT count(*) FROM customer WHERE email = ANY (ARRAY(SELECT address FROM customer))$$), ($$SELECT email = 'u7' FROM customer WHERE id = 7$$), ($$SELECT email = address FROM customer WHERE id = 7$$), ($$SELECT email IS DISTINCT FROM 'u7' FROM customer WHERE id = 7$$),
	($$SELECT nullif(email, 'u7') IS NULL FROM customer WHERE id = 7$$), ($$SELECT CASE email WHEN 'u7' THEN 'yes' END FROM customer WHERE id = 7$$), ($$SELECT count(*) FROM customer WHERE (id, email) = (7, 'u7')$$), ($$SELECT id FROM customer WHERE id = 7 AND email = 'u7'$$),
	($$SELECT count(*) FROM customer JOIN purchase USING (email)$$), ($$SELECT count(*) FROM customer c LEFT JOIN purchase p ON p.email = c.email AND false$$), ($$SELECT count(*) FROM customer a JOIN customer b ON a.email = b.address$$),
	($$SELECT count(*) FROM customer WHERE email IN (SELECT email FROM purchase)$$), ($$SELECT count(*) FROM customer WHERE email NOT IN (SELECT email FROM purchase)$$), ($$SELECT count(*) FROM customer WHERE EXISTS (SELECT FROM purchase p WHERE p.email = customer.email)$$),
	($$SELECT count(DISTINCT email) FROM customer$$), ($$SELECT count(*) FROM (SELECT DISTINCT email FROM customer) AS d$$), ($$SELECT count(*) FROM (SELECT email FROM customer GROUP BY email) AS d$$), ($$SELECT count(*) FROM (SELECT DISTINCT ON (email) id FROM customer) AS d$$),
	($$SELECT count(*) FROM (SELECT email FROM customer UNION SELECT email FROM purchase) AS d$$), ($$SELECT count(*) FROM (SELECT email FROM customer INTERSECT SELECT email FROM purchase) AS d$$), ($$SELECT max(n) FROM (SELECT count(*) OVER (PARTITION BY email) AS n FROM customer) AS d$$),
	($$SELECT count(*) FROM customer a, purchase b WHERE ARRAY[a.email] = ARRAY[b.email]$$), ($$SELECT ARRAY[email] = '{u7}' FROM customer WHERE id = 7$$), ($$SELECT many @> '{v7}'::tarot.encrypted_text[] FROM customer WHERE id = 7$$), ($$SELECT 'v7' = ANY (many) FROM customer WHERE id = 7$$),
	($$SELECT array_position(many, 'v7') FROM customer WHERE id = 7$$), ($$SELECT ARRAY[a.email] >= ARRAY[b.email] AND ARRAY[a.email] <= ARRAY[b.email] FROM customer a, purchase b WHERE a.id = 7 AND b.id = 7$$), ($$SELECT btarraycmp(ARRAY[a.email], ARRAY[b.email]) FROM customer a, purchase b WHERE a.id = 7 AND b.id = 7$$),
	($$SELECT hash_array(a.many[1:1]) = hash_array(ARRAY[b.email]) FROM customer a, purchase b WHERE a.id = 7 AND b.id = 7$$), ($$SELECT hash_array_extended(many, 0) IS NOT NULL FROM customer WHERE id = 7$$), ($$SELECT hash_record(ROW(a.email)) = hash_record(ROW(b.email)) FROM customer a, purchase b WHERE a.id = 7 AND b.id = 7$$),
	($$SELECT record_eq(ROW(a.email), ROW(b.email)) FROM customer a, purchase b WHERE a.id = 7 AND b.id = 7$$), ($$SELECT btrecordcmp(ROW(a.email), ROW(b.email)) FROM customer a, purchase b WHERE a.id = 7 AND b.id = 7$$), ($$SELECT count(*) FROM (SELECT DISTINCT ROW(email) FROM customer) AS d$$),
	($$SELECT tarot.search_eq(email, 'u7'::text) FROM customer WHERE id = 7$$), ($$SELECT tarot.search_eq(a.email, b.email) FROM customer a, purchase b WHERE a.id = 7 AND b.id = 7$$), ($$SELECT email OPERATOR(pg_catalog.=) 'u7' FROM customer WHERE id = 7$$),
	($$SELECT invoked()$$), ($$SELECT invoked_join()$$), ($$SELECT in_plpgsql()$$), ($$SELECT count(*) FROM customer WHERE is_seventh(email)$$), ($$SELECT count(*) FROM matches$$), ($$SELECT count(*) FROM pairs$$), ($$SELECT definer()$$),
	($$WITH d AS (DELETE FROM customer WHERE email = 'u7' AND false RETURNING 1) SELECT count(*) FROM d$$), ($$WITH u AS (UPDATE customer SET id = id WHERE id = 7 RETURNING email = 'u7' AS same) SELECT same FROM u$$),
	($$SELECT count(*) FROM customer TABLESAMPLE bernoulli (0) WHERE email = 'u7'$$), ($$SELECT 1 WHERE false AND (SELECT email FROM customer WHERE id = 7) = 'u7'$$);
\pset format unaligned
\pset tuples_only on
\pset fieldsep ' | '
SELECT query, as_role('plain', query) AS plain, as_role('only', query) AS search, as_role('member', query) AS member FROM queries ORDER BY i;
\echo the others:
SELECT DISTINCT as_role(who, query) FROM queries, unnest(ARRAY['masked', 'writer', 'owner', 'none', 'super']) AS who WHERE query <> 'SELECT definer()' ORDER BY 1;
SELECT query, who, as_role(who, query) FROM queries, unnest(ARRAY['masked', 'writer', 'owner', 'none', 'super']) AS who WHERE as_role(who, query) NOT LIKE '42501: permission denied to search%' ORDER BY i, who;
\pset format aligned
\pset tuples_only off
-- The same without the plans that ask on their own: sorted, where nothing but the check at the start is in the way.
SET enable_hashjoin = off;
SET enable_nestloop = off;
SET enable_hashagg = off;
SELECT DISTINCT left(as_role(who, query), 42) FROM queries, unnest(ARRAY['masked', 'none']) AS who WHERE query LIKE '%FROM customer%' ORDER BY 1;
RESET enable_hashjoin;
RESET enable_nestloop;
RESET enable_hashagg;
-- The message, and its hint.
SELECT run_as('none', $$SELECT FROM customer WHERE email = 'u7'$$);
-- EXPLAIN tells no more.
SELECT code($$EXPLAIN SELECT FROM customer WHERE email = 'u7'$$);

-- ------------------------------------------------------------ two classes at one place

-- Elements of arrays are compared at one place in the session, whatever their class, and ANALYZE compares them there without asking.
SELECT tarot.create_class('other', 'profile', searchable => true), tarot.grant_class('other', 'tarot_search_only', write => true);
SET ROLE tarot_search_only;
CREATE TABLE two_classes (mine tarot.encrypted_text('email')[], other tarot.encrypted_text('other')[]);
RESET ROLE;
SELECT tarot.grant_class('email', 'tarot_search_only', search => true, write => true);
SET ROLE tarot_search_only;
INSERT INTO two_classes SELECT ARRAY['m' || i], ARRAY['o' || i] FROM generate_series(1, 3) AS i;
SELECT count(mine < mine) AS mine FROM two_classes;
ANALYZE two_classes (other);
SELECT run('SELECT other < other FROM two_classes') AS other;
SELECT count(mine < mine) AS mine FROM two_classes;
RESET ROLE;
DROP TABLE two_classes;
SELECT tarot.drop_class('other'), tarot.grant_class('email', 'tarot_search_only', search => true);

-- ------------------------------------------------------------ one plan, several roles

PREPARE by_literal AS SELECT count(*) FROM customer WHERE email = 'u7';
PREPARE by_parameter AS SELECT count(*) FROM customer WHERE email = $1;
PREPARE by_join AS SELECT count(*) FROM customer JOIN purchase USING (email);
SET enable_hashjoin = off;
SET enable_nestloop = off;
PREPARE by_merge AS SELECT count(*) FROM customer JOIN purchase USING (email);
PREPARE by_group AS SELECT count(*) FROM (SELECT email FROM customer GROUP BY email) AS g;
SET plan_cache_mode = force_generic_plan;
SET ROLE tarot_search_plain;
EXECUTE by_literal; EXECUTE by_parameter('u7'); EXECUTE by_join; EXECUTE by_merge; EXECUTE by_group;
SET ROLE tarot_search_masked;
EXECUTE by_literal; EXECUTE by_parameter('u7'); EXECUTE by_join; EXECUTE by_merge; EXECUTE by_group;
SET ROLE tarot_search_only;
EXECUTE by_literal; EXECUTE by_parameter('u7'); EXECUTE by_join; EXECUTE by_merge; EXECUTE by_group;
RESET ROLE;
-- Taken back in the middle of a transaction.
BEGIN;
SET LOCAL ROLE tarot_search_only;
EXECUTE by_merge;
RESET ROLE;
SELECT tarot.revoke_class('email', 'tarot_search_only');
SET LOCAL ROLE tarot_search_only;
EXECUTE by_merge;
ROLLBACK;
RESET enable_hashjoin;
RESET enable_nestloop;
RESET plan_cache_mode;

-- A foreign key's cascade runs as the owner of the table, and so does what a trigger there asks: it may compare what is
-- stored, as the owner may by an index of her own, but not with anything she has thought up.
SET ROLE tarot_search_owner;
CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'guess is %', NEW.email = 'renamed'; END $$;
CREATE TRIGGER spy BEFORE UPDATE ON purchase FOR EACH ROW EXECUTE FUNCTION spy();
ALTER TABLE purchase DROP CONSTRAINT purchase_email_fkey, ADD FOREIGN KEY (email) REFERENCES customer (email) ON UPDATE CASCADE;
SELECT run_as('writer', $$UPDATE customer SET email = 'guessed' WHERE id = 8$$);
DROP TRIGGER spy ON purchase;
RESET ROLE;
-- CHECK and WHEN are evaluated for the role that writes.
SET ROLE tarot_search_owner;
ALTER TABLE purchase ADD CHECK (email <> 'forbidden') NOT VALID;
RESET ROLE;
SELECT run_as('writer', $$INSERT INTO purchase VALUES (900, 'u10', 1)$$) AS writer;
SELECT tarot.grant_class('email', 'tarot_search_writer', search => true, write => true);
SELECT run_as('writer', $$INSERT INTO purchase VALUES (900, 'u10', 1)$$) AS writer, run_as('writer', $$INSERT INTO purchase VALUES (901, 'forbidden', 1)$$) AS forbidden;
SELECT tarot.grant_class('email', 'tarot_search_writer', write => true);

-- ------------------------------------------------------------ a class that becomes searchable later

SET ROLE tarot_search_plain;
INSERT INTO customer (id, note) SELECT 1000 + i, 'n' || i % 100 FROM generate_series(1, 1000) AS i;
SELECT run($$SELECT count(*) FROM customer WHERE note = 'n1'$$);
RESET ROLE;
SELECT tarot.alter_class('note', searchable => true);
SET ROLE tarot_search_plain;
-- Values without tags are opened; none is missed.
SELECT count(*) FROM customer WHERE note = 'n1';
INSERT INTO customer (id, note) SELECT 3000 + i, 'n' || i FROM generate_series(1, 100) AS i;
SELECT count(*), (SELECT count(*) FROM customer a JOIN customer b USING (note) WHERE a.id > 3000) AS joined, count(DISTINCT note) AS different, (SELECT count(*) FROM (SELECT FROM customer WHERE note IS NOT NULL GROUP BY note) AS g) AS groups
	FROM customer WHERE note IN ('n1', 'n2');
RESET ROLE;
CREATE INDEX note_index ON customer (note);
ANALYZE customer;
SELECT n_distinct FROM pg_stats WHERE tablename = 'customer' AND attname = 'note';
SET enable_seqscan = off;
SELECT as_role('plain', $$SELECT count(*) FROM customer WHERE note = 'n1'$$) AS by_index;
-- And back: the index goes on being kept in order, nobody can ask.
SELECT tarot.alter_class('note', searchable => false);
SELECT as_role('plain', $$SELECT count(*) FROM customer WHERE note = 'n1'$$);
SELECT run_as('plain', $$INSERT INTO customer (id, note) SELECT 4000 + i, 'n' || i FROM generate_series(1, 100) AS i$$);
SELECT tarot.alter_class('note', searchable => true);
SELECT as_role('plain', $$SELECT count(*) FROM customer WHERE note = 'n1'$$) AS by_index;
CALL tarot.reseal('customer');
ANALYZE customer;
SELECT n_distinct FROM pg_stats WHERE tablename = 'customer' AND attname = 'note';
SELECT as_role('plain', $$SELECT count(*) FROM customer WHERE note = 'n1'$$) AS by_index;
RESET enable_seqscan;
SELECT as_role('plain', $$SELECT count(*) FROM customer WHERE note::text = 'n1'$$) AS by_plaintext;

-- ------------------------------------------------------------ keys that change

CREATE TEMP TABLE told (what text, said text);
CREATE FUNCTION found_as_ever() RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(', ', as_role('plain', $q$SELECT count(*) FROM customer WHERE email = 'u7'$q$), run_as('writer', $q$INSERT INTO customer (id, email) VALUES (9999, 'u7')$q$)) $$;
INSERT INTO told VALUES ('at first', found_as_ever());
SELECT tarot.rotate_key('profile');
INSERT INTO told VALUES ('key rotated', found_as_ever());
SELECT tarot.create_key('other') > 0 AS created, tarot.alter_class('email', key => 'other');
INSERT INTO told VALUES ('another key', found_as_ever());
CALL tarot.reseal('customer');
INSERT INTO told VALUES ('resealed', found_as_ever());
CALL tarot.reseal('purchase');
INSERT INTO told VALUES ('nothing sealed by the old version', run($$SELECT tarot.destroy_key('profile', 1)$$));
SELECT tarot.set_key_state('profile', 1, 'compromised');
INSERT INTO told VALUES ('compromised', found_as_ever());
-- A search key is not forgotten with its class: an old dump may bring its tags back.
SELECT tarot.create_class('brief', 'other', searchable => true), tarot.drop_class('brief'), tarot.create_class('brief', 'profile', searchable => true);
SELECT k.name, generation FROM tarot.search_key JOIN tarot.key k USING (key_id) WHERE class_id = (SELECT class_id FROM tarot.class WHERE name = 'brief');
SELECT tarot.alter_class('brief', normalization => 'lower', search_bits => 32);
SELECT k.name, generation, normalization, bits FROM tarot.search_key JOIN tarot.key k USING (key_id) WHERE class_id = (SELECT class_id FROM tarot.class WHERE name = 'brief') ORDER BY generation;
SELECT run($$SELECT tarot.alter_class('email', normalization => 'lower')$$) AS in_use, run($$SELECT tarot.alter_class('email', search_bits => 32)$$) AS in_use_too, run($$SELECT tarot.alter_class('email', normalization => '', search_bits => 120)$$) AS as_it_is;
-- Destroyed after all: an error for all who compare.
SELECT tarot.destroy_key('profile', 1, force => true);
INSERT INTO told VALUES ('destroyed', found_as_ever());
SELECT * FROM told;
-- A locked server compares what is stored; what is given has no tag.
SELECT tarot.create_class('locked', 'other', searchable => true), tarot.grant_class('locked', current_user::regrole, 'plain');
CREATE TABLE locked (id int, email tarot.encrypted_text('locked'));
INSERT INTO locked SELECT i, 'l' || i % 10 FROM generate_series(1, 100) AS i;
SELECT tarot.lock();
SELECT count(*) FROM locked a JOIN locked b USING (email);
CREATE INDEX ON locked (email);
SELECT run($$SELECT count(*) FROM locked WHERE email = 'l1'::text$$);
SELECT tarot.unlock();
SELECT count(*) FROM locked WHERE email = 'l1'::text;

DROP OWNED BY tarot_search_plain, tarot_search_only, tarot_search_member, tarot_search_masked, tarot_search_writer, tarot_search_owner, tarot_search_none, tarot_search_super CASCADE;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
DROP ROLE tarot_search_plain, tarot_search_member, tarot_search_only, tarot_search_masked, tarot_search_writer, tarot_search_owner, tarot_search_none, tarot_search_super;

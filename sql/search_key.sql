-- A class gets another search key while its values are searched: at each step all that could be found before is
-- found, and nothing else; duplicates are refused; and in the end nothing rests on the old key.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'
SELECT tarot.create_key('profile') > 0 AS created, tarot.create_class('email', 'profile', 'email', searchable => true), tarot.create_class('note', 'profile'),
	tarot.grant_class('email', current_user::regrole, 'plain'), tarot.grant_class('note', current_user::regrole, 'plain');
CREATE ROLE tarot_key_reader;
CREATE ROLE tarot_key_admin;
SELECT tarot.grant_class('email', 'tarot_key_reader', 'masked');
\set ECHO none
\i :source/sql/include/search_ways.sql
\set ECHO all
GRANT SELECT ON customer TO tarot_key_reader;

-- Which generations' tags a value carries, from the bytes of its header.
CREATE FUNCTION tags(value tarot.encrypted_text) RETURNS int[] LANGUAGE sql STABLE SET tarot_security.io = envelope AS $$
	SELECT array_remove(ARRAY[CASE WHEN get_byte(b, 1) & 1 > 0 THEN get_byte(b, 14) & 127 END, CASE WHEN get_byte(b, 1) & 8 > 0 THEN get_byte(b, 30) & 127 END], NULL)
		FROM tarot.encrypted_text_send(value) AS b
$$;
-- Whatever else holds values of a class.
CREATE TYPE pair AS (n int, email tarot.encrypted_text('email'));
CREATE TABLE shapes (id int PRIMARY KEY, one pair, many pair[], boxes mailbox[]);
INSERT INTO shapes SELECT i, ROW(i, 'u' || i)::pair, ARRAY[ROW(i, 'u' || i)::pair, NULL], ARRAY['u' || i]::mailbox[] FROM generate_series(1, 300) AS i;
ALTER TABLE shapes ADD gone int;
ALTER TABLE shapes DROP gone;
CREATE INDEX by_row ON shapes (one);
CREATE INDEX by_array ON shapes (boxes);
CREATE INDEX by_element ON shapes USING gin (boxes);
CREATE FUNCTION email_of(one pair) RETURNS tarot.encrypted_text LANGUAGE sql IMMUTABLE AS $$ SELECT (one).email $$;
CREATE TABLE parts (id int, email tarot.encrypted_text('email'), UNIQUE (id, email)) PARTITION BY RANGE (id);
CREATE TABLE low PARTITION OF parts FOR VALUES FROM (0) TO (150);
CREATE TABLE high PARTITION OF parts FOR VALUES FROM (150) TO (1000);
INSERT INTO parts SELECT i, 'u' || i FROM generate_series(1, 300) AS i;
CREATE MATERIALIZED VIEW copied AS SELECT id, email FROM customer WHERE id <= 300;
CREATE UNIQUE INDEX ON copied (email);
CREATE TEMP TABLE passing (email tarot.encrypted_text('email') UNIQUE);
INSERT INTO passing VALUES ('u7'), (NULL);
CREATE TABLE excluded (email tarot.encrypted_text('email'), EXCLUDE USING hash (email WITH =));
INSERT INTO excluded VALUES ('u7');
CREATE TABLE unrelated (id int PRIMARY KEY, note tarot.encrypted_text('note'));
SELECT pg_relation_filenode('unrelated_pkey') AS unrelated, pg_relation_filenode('customer_pkey') AS by_id, pg_relation_filenode('customer_email_key') AS by_email \gset

-- ------------------------------------------------------------ what is asked at each step

CREATE TABLE answers (step text, i int, how text, answer text);
PREPARE open AS SELECT id FROM customer WHERE email = $1;
PREPARE open_list AS SELECT id FROM customer WHERE email = ANY ($1) ORDER BY id;
PREPARE typed (tarot.encrypted_text) AS SELECT id FROM customer WHERE email = $1;
PREPARE joined (text) AS SELECT p.id FROM customer c JOIN purchase p USING (email) WHERE c.email = $1;
PREPARE fixed AS SELECT id FROM customer WHERE email = 'u7' AND box IN ('u7', 'u8') AND many = '{u7,v7}';
SET plan_cache_mode = force_generic_plan;
EXECUTE open('u7'); EXECUTE open_list('{u7,u8}'); EXECUTE typed('u7'); EXECUTE joined('u7'); EXECUTE fixed;
CREATE FUNCTION denied() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	code text;
BEGIN
	SET LOCAL ROLE tarot_key_reader;
	code := code($q$SELECT FROM customer WHERE email = 'u7'$q$);
	RESET ROLE;
	RETURN code;
END
$$;
-- The same by a value that was sealed before the first step.
CREATE TABLE before AS SELECT id, email FROM customer WHERE id IN (7, 8);
-- All ways to plan it where old values are beside new ones.
CREATE FUNCTION answer(step text, mixed boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO answers SELECT step, i, 'default', ask(query) FROM queries WHERE mixed OR query NOT LIKE '%customer a JOIN%';
	SET LOCAL enable_hashjoin = off; SET LOCAL enable_hashagg = off; SET LOCAL enable_nestloop = off;
	INSERT INTO answers SELECT step, i, 'sorting', ask(query) FROM queries WHERE mixed;
	SET LOCAL enable_nestloop = on; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off;
	INSERT INTO answers SELECT step, i, 'indexes', ask(query) FROM queries WHERE mixed OR query NOT LIKE '%customer a JOIN%';
	SET LOCAL enable_hashjoin = on; SET LOCAL enable_hashagg = on; SET LOCAL enable_seqscan = on;
	SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_nestloop = off;
	INSERT INTO answers SELECT step, i, 'hashing', ask(query) FROM queries WHERE mixed;
	SET LOCAL enable_indexscan = on; SET LOCAL enable_bitmapscan = on; SET LOCAL enable_nestloop = on; SET LOCAL enable_seqscan = off;
	INSERT INTO answers SELECT step, -n, 'others', answer FROM (VALUES
		(1, find('u7') || '; ' || find('u8')),
		(2, ask($q$SELECT array_agg(id ORDER BY id) FROM shapes WHERE one = ROW(7, 'u7')::pair$q$)),
		(3, ask($q$SELECT array_agg(id ORDER BY id) FROM shapes WHERE boxes = ARRAY['u7']::mailbox[]$q$)),
		(4, ask($q$SELECT array_agg(id ORDER BY id) FROM shapes WHERE boxes @> ARRAY['u7']::mailbox[]$q$)),
		(5, ask($q$SELECT array_agg(id ORDER BY id) FROM parts WHERE email = 'u7' AND id = 7$q$)),
		(6, ask($q$SELECT count(*) FROM parts JOIN customer USING (id, email)$q$)),
		(7, ask($q$SELECT array_agg(id ORDER BY id) FROM copied WHERE email IN ('u7', 'u299')$q$)),
		(8, ask($q$SELECT count(*) FROM passing WHERE email = 'u7'$q$)),
		(9, code($q$INSERT INTO customer (id, email) VALUES (9000, 'u7')$q$)),
		(10, code($q$UPDATE customer SET email = 'u8' WHERE id = 7$q$)),
		(11, code($q$INSERT INTO customer (id, email) SELECT 9000, email FROM before WHERE id = 7$q$)),
		(12, code($q$INSERT INTO purchase VALUES (9000, 'nobody')$q$)),
		(13, code($q$INSERT INTO excluded VALUES ('u7')$q$)),
		(14, code($q$INSERT INTO passing VALUES ('u7')$q$)),
		(15, code($q$INSERT INTO parts VALUES (7, 'u7')$q$)),
		(16, ask($q$INSERT INTO customer (id, email) VALUES (9000, 'u7') ON CONFLICT (email) DO UPDATE SET address = customer.address RETURNING id$q$)),
		(17, ask($q$SELECT array_agg(c.id ORDER BY c.id) FROM customer c JOIN before b USING (email)$q$)),
		(18, ask($q$SELECT array_agg(id ORDER BY id) FROM customer WHERE email = (SELECT email FROM before WHERE id = 8)$q$)),
		(19, denied()),
		-- Both sides of a foreign key, and a value sealed at this step.
		(20, ask($q$INSERT INTO purchase VALUES (9000, 'u1999', 1) RETURNING email$q$)),
		(21, code($q$DELETE FROM customer WHERE id = 1999$q$)),
		(22, ask($q$SELECT concat((SELECT count(*) FROM purchase WHERE email IS NULL), (SELECT count(*) FROM purchase))$q$)),
		(23, ask($q$UPDATE purchase SET email = 'u1998' WHERE id = 9000 RETURNING (SELECT id FROM customer c WHERE c.email = purchase.email)$q$)),
		(24, ask($q$DELETE FROM purchase WHERE id = 9000 RETURNING id$q$)),
		(25, ask($q$INSERT INTO customer (id, email, box, many, address) VALUES (1999, 'u1999', 'u1999', ARRAY['u1999', 'v1999'], 'u1999') RETURNING email$q$)),
		(26, ask($q$UPDATE customer SET note = 'n9' WHERE email = 'u1999' RETURNING id$q$))) AS v (n, answer);
END
$$;
CREATE FUNCTION step(name text, mixed boolean DEFAULT false) RETURNS TABLE (carried int[], of_customers bigint, state text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM answer(name, mixed);
	RETURN QUERY SELECT t.*, (SELECT string_agg(s.generation || ' ' || s.state, ', ' ORDER BY s.generation) FROM tarot.search_key_status s WHERE s.class = 'email')
		FROM (SELECT tags(email), count(*) FROM customer GROUP BY 1) AS t ORDER BY 1;
END
$$;
SELECT * FROM step('at first', true);
SELECT how, answer FROM answers WHERE i < 0 ORDER BY i DESC;

DECLARE old CURSOR WITH HOLD FOR SELECT email FROM customer CROSS JOIN generate_series(1, 2) WHERE id = 7;
CREATE FUNCTION fetch_old() RETURNS tarot.encrypted_text LANGUAGE plpgsql AS $$
DECLARE
	cursor refcursor := 'old';
	email tarot.encrypted_text;
BEGIN
	FETCH cursor INTO email;
	RETURN email;
END
$$;

-- ------------------------------------------------------------ step by step, as tarot.rotate_search_key() goes

SELECT tarot.rotate_key('profile');
SELECT tarot.start_search_key('email', NULL, NULL);
SELECT * FROM step('begun', true);
EXECUTE open('u7'); EXECUTE open_list('{u7,u8}'); EXECUTE typed('u7'); EXECUTE joined('u7'); EXECUTE fixed;
-- Not before all have it.
CALL tarot.reseal('customer');
SELECT * FROM step('customers have two');
ANALYZE customer, shapes;
SELECT tarot.switch_search_key('email') LIKE 'Column "%" of table "_%" holds at least one.' AS refused;
CALL tarot.reseal(class => 'email');
SELECT * FROM step('all have two');
EXECUTE open('u7'); EXECUTE open_list('{u7,u8}'); EXECUTE typed('u7'); EXECUTE joined('u7'); EXECUTE fixed;
SELECT class, generation, state, key, version, normalization, search_bits, since <= now() AS since FROM tarot.search_key_status ORDER BY generation;
-- Old ones that come in later: from a cursor's rows, for instance.
INSERT INTO before VALUES (107, fetch_old());
SELECT tarot.switch_search_key('email');
CALL tarot.reseal(class => 'email');
DELETE FROM before WHERE id = 107;
SELECT tarot.switch_search_key('email');
SELECT pg_relation_filenode('unrelated_pkey') = :unrelated AND pg_relation_filenode('customer_pkey') = :by_id AS others_stay, pg_relation_filenode('customer_email_key') <> :by_email AS rebuilt;
SELECT * FROM step('switched', true);
EXECUTE open('u7'); EXECUTE open_list('{u7,u8}'); EXECUTE typed('u7'); EXECUTE joined('u7'); EXECUTE fixed;
-- Even now such a value is found, and meets its equals.
INSERT INTO before VALUES (108, fetch_old());
SELECT tags(email), (SELECT id FROM customer c WHERE c.email = b.email) FROM before b WHERE id > 100 ORDER BY id;
SELECT run($$INSERT INTO customer (id, email) SELECT 9000, email FROM before WHERE id = 108$$) AS taken;
DELETE FROM before WHERE id > 100;
CALL tarot.reseal('customer');
SELECT tags(email), count(*) FROM customer GROUP BY 1;
CALL tarot.reseal(class => 'email');
SELECT tarot.retire_search_key('email');
SELECT tags(email), count(*) FROM customer GROUP BY 1;
EXECUTE open('u7'); EXECUTE open_list('{u7,u8}'); EXECUTE typed('u7'); EXECUTE joined('u7'); EXECUTE fixed;
RESET plan_cache_mode;
-- Nothing rests on the old version any more.
CALL tarot.reseal();
SELECT key, version, sum("values") > 0 AS "values" FROM tarot.key_usage() GROUP BY 1, 2 ORDER BY 1, 2;
SELECT tarot.destroy_key('profile', 1);
SELECT * FROM step('without the old key');
SELECT step, count(*) FROM answers GROUP BY step ORDER BY count(*), step COLLATE "C";
SELECT a.step, coalesce(query, a.i::text) AS query, how, a.answer, f.answer AS at_first FROM answers a JOIN answers f USING (i, how) LEFT JOIN queries USING (i) WHERE f.step = 'at first' AND a.answer <> f.answer ORDER BY 1, 2, 3;

-- ------------------------------------------------------------ by the procedure, with another normalization and size

SELECT code($$CALL tarot.rotate_search_key('email')$$) AS in_a_block, code($$SELECT tarot.cancel_search_key('email')$$) AS nothing_to_cancel;
SET ROLE tarot_key_admin;
SELECT run($$CALL tarot.rotate_search_key('email')$$) AS may_not, run($$SELECT tarot.start_search_key('email', NULL, NULL)$$) AS nor_this, run($$SELECT tarot.switch_search_key('email')$$) AS nor_this, run($$SELECT tarot.retire_search_key('email')$$) AS nor_this;
RESET ROLE;
GRANT EXECUTE ON PROCEDURE tarot.rotate_search_key(text, integer, interval, text, integer) TO tarot_key_admin;
GRANT SELECT ON tarot.search_key_status TO tarot_key_admin;
SET ROLE tarot_key_admin;
CALL tarot.rotate_search_key('none');
CALL tarot.rotate_search_key('note');
CALL tarot.rotate_search_key(NULL);
CALL tarot.rotate_search_key('email', batch => 0);
CALL tarot.rotate_search_key('email', pause => '-1 s');
CALL tarot.rotate_search_key('email', normalization => 'upper');
CALL tarot.rotate_search_key('email', search_bits => 8);
BEGIN;
CALL tarot.rotate_search_key('email');
ROLLBACK;
SELECT generation, state FROM tarot.search_key_status WHERE class = 'email' ORDER BY 1;
CALL tarot.rotate_search_key('email', batch => 300, normalization => 'lower', search_bits => 16);
SELECT generation, state, version, normalization, search_bits FROM tarot.search_key_status WHERE class = 'email' ORDER BY 1;
RESET ROLE;
SELECT * FROM step('by the procedure');
SELECT a.step, coalesce(query, a.i::text) AS query, how, a.answer, f.answer AS at_first FROM answers a JOIN answers f USING (i, how) LEFT JOIN queries USING (i) WHERE a.step = 'by the procedure' AND f.step = 'at first' AND a.answer <> f.answer ORDER BY 1, 2, 3;
SELECT id, run($$INSERT INTO customer (id, email) VALUES (9000, 'U7')$$) AS taken FROM customer WHERE email = 'U7';

-- Less of a normalization: foreign keys could break. More: unique indexes.
CALL tarot.rotate_search_key('email', normalization => 'trim');
DROP TABLE purchase;
CALL tarot.rotate_search_key('email', normalization => '', search_bits => 120);
INSERT INTO customer (id, email) VALUES (9000, 'U7');
-- Which of the two is named is chance.
\set VERBOSITY terse
CALL tarot.rotate_search_key('email', normalization => 'lower');
\set VERBOSITY default
SELECT generation, state, normalization FROM tarot.search_key_status WHERE class = 'email' AND state <> 'retired' ORDER BY 1;
SELECT array_agg(id ORDER BY id) AS found, (SELECT array_agg(id ORDER BY id) FROM customer WHERE email = 'U7') AS other FROM customer WHERE email = 'u7';
-- It goes on where it was; with nothing else.
CALL tarot.rotate_search_key('email', normalization => 'trim');
CALL tarot.rotate_search_key('email', search_bits => 16);
DELETE FROM customer WHERE id = 9000;
CALL tarot.rotate_search_key('email', normalization => 'lower');
SELECT generation, state, normalization, search_bits FROM tarot.search_key_status WHERE class = 'email' AND state <> 'retired' ORDER BY 1;
SELECT id FROM customer WHERE email = 'U7';

-- ------------------------------------------------------------ given up; and what keeps it from being done

SELECT tarot.start_search_key('email', NULL, NULL);
SELECT tarot.start_search_key('email', NULL, NULL);
CALL tarot.reseal('customer');
SELECT tags(email), count(*) FROM customer GROUP BY 1;
SELECT tarot.cancel_search_key('email');
SELECT tarot.switch_search_key('email');
SELECT generation, state FROM tarot.search_key_status WHERE class = 'email' ORDER BY 1 DESC LIMIT 3;
SELECT id FROM customer WHERE email = 'U7';
CALL tarot.rotate_search_key('email');
SELECT tags(email), count(*) FROM customer GROUP BY 1;
SELECT id FROM customer WHERE email = 'U7';

ALTER EVENT TRIGGER tarot_security_require_searchable DISABLE;
CREATE TABLE hashed (email tarot.encrypted_text('email')) PARTITION BY HASH (email);
ALTER EVENT TRIGGER tarot_security_require_searchable ENABLE;
CALL tarot.rotate_search_key('email');
DROP TABLE hashed;

-- What cannot be opened cannot have another tag.
INSERT INTO before VALUES (200, 'sealed by version 2');
SELECT tarot.rotate_key('profile', activate => false);
SELECT tarot.set_key_state('profile', 3, 'active');
SELECT tarot.set_key_state('profile', 2, 'suspended');
SET client_min_messages = error;
CALL tarot.rotate_search_key('email');
RESET client_min_messages;
SELECT generation, state FROM tarot.search_key_status WHERE class = 'email' AND state <> 'retired' ORDER BY 1;
SELECT code($$SELECT id FROM customer WHERE email = 'U7'$$);
SELECT tarot.set_key_state('profile', 2, 'active');
SET client_min_messages = warning;
CALL tarot.rotate_search_key('email');
SELECT state, version FROM tarot.search_key_status WHERE class = 'email' AND state <> 'retired';

-- A class whose search key was destroyed by force has one again.
SELECT tarot.rotate_key('profile');
CALL tarot.reseal();
SELECT run($$SELECT tarot.destroy_key('profile', 3)$$) AS still_searched_with;
SELECT tarot.destroy_key('profile', 3, force => true);
SELECT code($$SELECT FROM customer WHERE email = 'u7'$$) AS lost;
CALL tarot.rotate_search_key('email');
SELECT id FROM customer WHERE email = 'u7';

-- ------------------------------------------------------------ the last one

INSERT INTO tarot.search_key (class_id, generation, key_id, key_version, normalization, bits, state) SELECT class_id, 127, key_id, key_version, '', 120, 'retired' FROM tarot.search_key WHERE class_id = tarot.class_id('email') AND generation = 1;
CALL tarot.rotate_search_key('email');
SELECT id FROM customer WHERE email = 'u7';

DROP OWNED BY tarot_key_reader, tarot_key_admin;
DROP ROLE tarot_key_reader, tarot_key_admin;

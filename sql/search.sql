-- Searching: equal values of a searchable class are found by their tags, through indexes and joins, whatever
-- way a query asks. Who may ask is another test, search_access.
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
SELECT c.name, generation, k.name AS key, key_version, normalization, bits FROM tarot.search_key JOIN tarot.class c USING (class_id) JOIN tarot.key k ON k.key_id = search_key.key_id;

\set ECHO none
\i :source/sql/include/search_ways.sql
\set ECHO all

-- ------------------------------------------------------------ statistics

SELECT attname, null_frac, avg_width > 0 AS width, n_distinct, most_common_vals IS NULL AND histogram_bounds IS NULL AND correlation IS NULL AND most_common_elems IS NULL AS no_values
	FROM pg_stats WHERE tablename = 'customer' AND attname IN ('email', 'box', 'note') ORDER BY attname;
-- Arrays have statistics of the server's own, made of envelopes: they show what a role may see, and are looked at as they lie.
SET tarot_security.io = envelope;
SELECT count(*) AS shown FROM pg_stats WHERE tablename IN ('customer', 'purchase') AND attname <> 'address' AND concat(most_common_vals, histogram_bounds, most_common_elems) ~ 'u7|v7';
RESET tarot_security.io;
CREATE TABLE repeated (email tarot.encrypted_text('email'));
INSERT INTO repeated SELECT 'r' || i % 20 FROM generate_series(1, 2000) AS i;
INSERT INTO repeated SELECT NULL FROM generate_series(1, 2000) AS i;
CREATE STATISTICS repeated_pair (ndistinct) ON email, (email IS NULL) FROM repeated;
ANALYZE repeated;
SELECT null_frac, n_distinct, most_common_vals, most_common_freqs FROM pg_stats WHERE tablename = 'repeated';
DROP TABLE repeated;

-- ------------------------------------------------------------ index conditions

SELECT plan($$SELECT id FROM customer WHERE email = 'u7'$$);
SELECT plan($$SELECT id FROM customer WHERE 'u7'::text = email$$);
SELECT plan($$SELECT id FROM customer WHERE email = lower('U7')$$);
SELECT plan($$SELECT id FROM customer WHERE email IN ('u7', 'u8')$$);
SELECT plan($$SELECT id FROM customer WHERE email = ANY ('{u7,u8}'::text[])$$);
SELECT plan($$SELECT id FROM customer WHERE box = 'u7'$$);
SELECT plan($$SELECT id FROM customer WHERE box IN ('u7', 'u8')$$);
SELECT plan($$SELECT id FROM purchase WHERE email = 'u7'$$);
SELECT plan($$SELECT email FROM customer WHERE email = 'u7'$$);
SELECT plan($$SELECT * FROM customer JOIN purchase USING (email) WHERE email = 'u7'$$);
-- What a custom plan was made for is not shown either.
PREPARE by_text (text) AS SELECT id FROM customer WHERE email = $1;
SET plan_cache_mode = force_custom_plan;
SELECT plan($$EXECUTE by_text('u7')$$);
SET plan_cache_mode = force_generic_plan;
SELECT plan($$EXECUTE by_text('u7')$$);
RESET plan_cache_mode;

-- ------------------------------------------------------------ every way to ask gives the same answer by index, join and scan

CREATE TABLE answers (i int, how text, answer text);
INSERT INTO answers SELECT i, 'default', ask(query) FROM queries;
SET enable_hashjoin = off; SET enable_hashagg = off; SET enable_nestloop = off;
INSERT INTO answers SELECT i, 'sorting', ask(query) FROM queries;
RESET enable_nestloop; SET enable_mergejoin = off; SET enable_seqscan = off;
INSERT INTO answers SELECT i, 'indexes', ask(query) FROM queries;
RESET enable_hashjoin; RESET enable_hashagg; RESET enable_seqscan; SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off; SET enable_nestloop = off;
INSERT INTO answers SELECT i, 'hashing', ask(query) FROM queries;
RESET enable_nestloop; SET enable_hashjoin = off; SET enable_memoize = off; SET enable_material = off;
INSERT INTO answers SELECT i, 'scans', ask(query) FROM queries WHERE query NOT LIKE '%customer a JOIN%';
RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_indexscan; RESET enable_indexonlyscan; RESET enable_bitmapscan; RESET enable_memoize; RESET enable_material;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
INSERT INTO answers SELECT i, 'parallel', ask(query) FROM queries;
-- Gather Merge may leave away what it sorts by, also in queries that have nothing encrypted.
CREATE TABLE merged AS SELECT i AS id, i::text AS t, ('u' || i)::tarot.encrypted_text('email') AS email FROM generate_series(1, 20000) AS i;
ANALYZE merged;
EXPLAIN (COSTS OFF) SELECT id FROM merged, generate_series(1, 2000) ORDER BY lower(t) LIMIT 3;
SELECT id FROM merged, generate_series(1, 2) ORDER BY lower(t) LIMIT 3;
EXPLAIN (COSTS OFF) SELECT id FROM merged, generate_series(1, 2000) ORDER BY lower(email::text) LIMIT 3;
DROP TABLE merged;
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET max_parallel_workers_per_gather;
SELECT query, answer FROM queries JOIN answers USING (i) WHERE how = 'default' ORDER BY i;
SELECT query, how, answer AS other_answer FROM queries JOIN answers a USING (i) WHERE answer <> (SELECT answer FROM answers d WHERE d.i = a.i AND how = 'default') ORDER BY i, how;

-- ------------------------------------------------------------ parameters

PREPARE open AS SELECT id FROM customer WHERE email = $1;
PREPARE open_list AS SELECT id FROM customer WHERE email = ANY ($1) ORDER BY id;
PREPARE text_list (text[]) AS SELECT id FROM customer WHERE email = ANY ($1) ORDER BY id;
PREPARE typed (tarot.encrypted_text) AS SELECT id FROM customer WHERE email = $1;
PREPARE joined (text) AS SELECT p.id FROM customer c JOIN purchase p USING (email) WHERE c.email = $1;
SET plan_cache_mode = force_custom_plan;
EXECUTE open('u7'); EXECUTE open_list('{u7,u8}'); EXECUTE text_list('{u7,u8}'); EXECUTE typed('u7'); EXECUTE by_text('u7'); EXECUTE joined('u7');
SET plan_cache_mode = force_generic_plan;
EXECUTE open('u7'); EXECUTE open_list('{u7,u8}'); EXECUTE text_list('{u7,u8}'); EXECUTE typed('u7'); EXECUTE by_text('u7'); EXECUTE joined('u7');
EXECUTE open('u9'); EXECUTE open_list('{u9}'); EXECUTE text_list('{u9}'); EXECUTE typed('u9'); EXECUTE by_text('u9'); EXECUTE joined('u9');
SELECT plan($$EXECUTE open('u7')$$);
SELECT plan($$EXECUTE open_list('{u7}')$$);
SELECT plan($$EXECUTE text_list('{u7}')$$);
RESET plan_cache_mode;

SELECT DISTINCT find('u' || 7 + i % 2) FROM generate_series(1, 20) AS i ORDER BY 1;

-- ------------------------------------------------------------ writing

SELECT run($$INSERT INTO customer (id, email) VALUES (3000, 'u7')$$) AS taken, run($$UPDATE customer SET email = 'u8' WHERE id = 7$$) AS moved_onto;
INSERT INTO customer (id, email, address) VALUES (3000, 'u7', 'conflict') ON CONFLICT (email) DO UPDATE SET address = excluded.address RETURNING id, email, address;
INSERT INTO customer (id, email) VALUES (3000, 'u7') ON CONFLICT DO NOTHING RETURNING id;
INSERT INTO customer (id, email) VALUES (3000, 'u7') ON CONFLICT ON CONSTRAINT customer_email_key DO UPDATE SET address = 'constraint' WHERE customer.email = 'u7' RETURNING id, address;
INSERT INTO customer (id, email) VALUES (3001, 'new'), (3002, 'newer') ON CONFLICT (email) DO NOTHING RETURNING id, email;
UPDATE customer SET address = 'updated' WHERE email = 'new' RETURNING id;
UPDATE customer c SET address = 'joined' FROM purchase p WHERE p.email = c.email AND p.email = 'u9' RETURNING c.id, c.email;
WITH gone AS (DELETE FROM customer WHERE email IN ('new', 'newer') RETURNING id) SELECT id FROM gone ORDER BY id;
MERGE INTO customer c USING (VALUES ('u10'), ('merged')) AS v (email) ON c.email = v.email
	WHEN MATCHED AND c.email = 'u10' THEN UPDATE SET address = 'merged' WHEN NOT MATCHED THEN INSERT (id, email) VALUES (4000, v.email);
SELECT id, email, address FROM customer WHERE email IN ('u10', 'merged') ORDER BY id;
-- Foreign keys compare what is stored.
SELECT run($$INSERT INTO purchase VALUES (5000, 'nobody', 1)$$) AS no_such;
UPDATE customer SET email = 'renamed' WHERE email = 'u7';
SELECT id, email FROM purchase WHERE email = 'renamed' OR id = 7;
DELETE FROM customer WHERE email = 'renamed';
SELECT id, email FROM purchase WHERE id = 7;
ALTER TABLE purchase DROP CONSTRAINT purchase_email_fkey, ADD CONSTRAINT restricted FOREIGN KEY (email) REFERENCES customer (email);
SELECT run($$DELETE FROM customer WHERE email = 'u8'$$) AS referenced;
SELECT run($$UPDATE customer SET email = 'x' WHERE email = 'u8'$$) AS referenced, run($$UPDATE customer SET email = email WHERE email = 'u8'$$) AS same;
-- Equal, but sealed anew: the key is still there.
SELECT run($$UPDATE customer SET email = 'u8'::text WHERE id = 8$$) AS sealed_again;
CREATE TABLE excluded_too (email tarot.encrypted_text('email'), EXCLUDE USING btree (email WITH =));
INSERT INTO excluded_too VALUES ('a'), ('b');
SELECT run($$INSERT INTO excluded_too VALUES ('a')$$) AS exclusion;
CREATE TABLE pair (a int, b tarot.encrypted_text('email'), PRIMARY KEY (a, b));
INSERT INTO pair SELECT i / 100, 'p' || i % 100 FROM generate_series(0, 999) AS i;
SELECT run($$INSERT INTO pair VALUES (3, 'p7')$$) AS taken, run($$INSERT INTO pair VALUES (77, 'p7')$$) AS free;
SELECT count(*) FROM pair WHERE a = 3 AND b = 'p7';
-- Behind a row policy too the index is used: equality tells nothing else.
ALTER TABLE pair ENABLE ROW LEVEL SECURITY;
CREATE POLICY low ON pair USING (length(a::text) = 1);
CREATE ROLE tarot_search_reader;
GRANT SELECT ON pair TO tarot_search_reader;
SELECT tarot.grant_class('email', 'tarot_search_reader', search => true);
CREATE INDEX ON pair (b);
ANALYZE pair;
SET ROLE tarot_search_reader;
SELECT plan($$SELECT a FROM pair WHERE b = 'p7'::text$$);
SELECT count(*) FROM pair WHERE b = 'p7'::text;
RESET ROLE;

-- Long values are out of line; a hash index has room for any of them, and a comparison reads the head alone.
CREATE TABLE long (id int, email tarot.encrypted_text('email'));
INSERT INTO long SELECT i, repeat('x', 100000) || i FROM generate_series(1, 20) AS i;
CREATE INDEX ON long USING hash (email);
SELECT count(*) FROM long WHERE email = repeat('x', 100000) || 7;
SELECT count(*) FROM long a JOIN long b USING (email);
SELECT count(DISTINCT email) FROM long;
SELECT code($$CREATE INDEX ON long (email)$$) AS too_long_for_btree;

-- ------------------------------------------------------------ what has no answer says so

CREATE TABLE refused (i serial, what text);
INSERT INTO refused (what) VALUES ($$SELECT id FROM customer WHERE note = 'n1'$$), ($$SELECT id FROM customer WHERE note = 'n1'::text$$), ($$SELECT id FROM customer WHERE note IN ('n1', 'n2')$$),
	($$SELECT note, count(*) FROM customer GROUP BY note$$), ($$SELECT DISTINCT note FROM customer$$), ($$SELECT count(*) FROM customer a JOIN customer b USING (note)$$), ($$SELECT count(*) FROM customer WHERE email = note$$),
	($$SELECT count(*) FROM customer a JOIN customer b ON a.email = b.note$$), ($$SELECT email FROM customer UNION SELECT note FROM customer$$), ($$SELECT 1 FROM customer WHERE ARRAY[email] = ARRAY[note]$$),
	($$SELECT id FROM customer ORDER BY email$$), ($$SELECT id FROM (SELECT id FROM customer ORDER BY email DESC LIMIT 1) AS s$$), ($$SELECT row_number() OVER (ORDER BY email) FROM customer$$),
	($$SELECT string_agg(address, ',' ORDER BY email) FROM customer$$), ($$SELECT mode() WITHIN GROUP (ORDER BY email) FROM customer$$), ($$SELECT greatest(email, box) FROM customer$$), ($$SELECT least(email, 'x') FROM customer$$),
	($$SELECT DISTINCT ON (email) id FROM customer ORDER BY email, id$$), ($$SELECT coalesce(email, 'x'), count(*) FROM customer GROUP BY 1$$), ($$SELECT DISTINCT address_of(id) FROM customer WHERE id < 4$$),
	($$CREATE INDEX ON customer (note)$$), ($$CREATE UNIQUE INDEX ON customer (id) INCLUDE (note)$$), ($$CREATE INDEX ON customer USING hash (note)$$), ($$ALTER TABLE customer ADD UNIQUE (note, id)$$),
	($$CREATE TABLE t (note tarot.encrypted_text('note') PRIMARY KEY)$$), ($$CREATE SCHEMA s CREATE TABLE t (note tarot.encrypted_text('note') PRIMARY KEY)$$), ($$CREATE TABLE t (a tarot.encrypted_text('email') REFERENCES customer (email), note tarot.encrypted_text('note') UNIQUE)$$),
	($$CREATE TABLE t (email tarot.encrypted_text('note') REFERENCES customer (email))$$), ($$CREATE TABLE t (email text REFERENCES customer (email))$$), ($$CREATE TABLE t (email tarot.encrypted_text('email')) PARTITION BY HASH (email)$$),
	($$CREATE TABLE t (email mailbox) PARTITION BY LIST (email)$$), ($$CREATE TYPE t AS RANGE (subtype = tarot.encrypted_text)$$), ($$CREATE INDEX ON customer (id) WHERE email = 'u7'$$), ($$CREATE INDEX ON customer ((email = 'u7'))$$),
	($$CREATE TABLE unknown (email tarot.encrypted_text('unknown') UNIQUE)$$), ($$INSERT INTO unknown VALUES ('x')$$), ($$SELECT FROM unknown WHERE email = 'x'$$);
SET client_min_messages = error;
SELECT what, run(what) FROM refused ORDER BY i;
-- Of two classes in a set operation none is known (42P18), or, from 18 on, both are (42804).
SELECT what, code(what) IN ('42P18', '42804') AS refused FROM unnest(ARRAY['SELECT email FROM customer EXCEPT SELECT note FROM customer', 'SELECT note FROM customer INTERSECT ALL SELECT email FROM customer']) AS what;
-- Plaintext is compared by those who may see it, as ever.
SELECT count(*) FROM customer WHERE note::text = 'n1';
SELECT count(*) FROM customer WHERE email < 'u2' OR email >= 'u9' OR email BETWEEN 'u55' AND 'u56' OR email LIKE '%77';
SELECT min(email), max(email) FROM customer;

-- ------------------------------------------------------------ all types

SELECT tarot.create_class('any', 'profile', searchable => true), tarot.grant_class('any', current_user::regrole, 'plain');
CREATE TABLE typed (i int, n tarot.encrypted_numeric('any') UNIQUE, d tarot.encrypted_date('any') UNIQUE, t tarot.encrypted_timestamptz('any') UNIQUE, j tarot.encrypted_jsonb('any') UNIQUE, b tarot.encrypted_bytea('any') UNIQUE, x tarot.encrypted_text('any') UNIQUE);
INSERT INTO typed SELECT i, i, date '2000-01-01' + i, timestamptz '2000-01-01 00:00Z' + i * interval '1 s', jsonb_build_object('a', i, 'b', 'x'), i::text::bytea, i::text FROM generate_series(1, 500) AS i;
ANALYZE typed;
CREATE TABLE found_by (s serial, condition text);
INSERT INTO found_by (condition) VALUES ('n = 7'), ('n = ''7'''), ('n = 7.000'), ('n = 7::bigint'), ('n = 7::smallint'), ('n IN (7, 7.0, 9000)'), ('n = ANY (''{7}''::numeric[])'), ('7 = n'), ('n = ''NaN'''),
	('d = ''2000-01-08'''), ('d = date ''2000-01-08'''), ('d IN (''2000-01-08'', ''infinity'')'), ('t = ''2000-01-01 00:00:07Z'''), ('t = timestamptz ''2000-01-01 02:00:07+02'''), ('t = ANY (''{2000-01-01 00:00:07+00}''::timestamptz[])'),
	('j = ''{"b": "x",  "a": 7.0}'''), ('j = jsonb ''{"a": 7, "b": "x"}'''), ('b = ''\x37'''), ('b = bytea ''7'''), ('x = ''7'''), ('x = ''7''::text');
SET enable_seqscan = off;
SELECT condition, ask(format('SELECT array_agg(i ORDER BY i) FROM typed WHERE %s', condition)) AS found, (SELECT bool_or(line LIKE '%Index Cond%') FROM plan(format('SELECT i FROM typed WHERE %s', condition)) AS line) AS by_index FROM found_by ORDER BY s;
RESET enable_seqscan;
SELECT run($$INSERT INTO typed (n) VALUES (7.00)$$) AS n, run($$INSERT INTO typed (j) VALUES ('{"b": "x", "a": 7.00}')$$) AS j, run($$INSERT INTO typed (d) VALUES ('2000-01-08')$$) AS d, run($$INSERT INTO typed (b) VALUES ('7')$$) AS b;
-- 7 as a number, as bytes and as text are three things.
SET tarot_security.io = envelope;
SELECT count(DISTINCT substr(tarot_bytes, 16, 15)) FROM (SELECT unnest(ARRAY[tarot.encrypted_numeric_send(n), tarot.encrypted_text_send(x), tarot.encrypted_bytea_send(b)]) AS tarot_bytes FROM typed WHERE i = 7) AS s;
RESET tarot_security.io;

-- ------------------------------------------------------------ normalization

SELECT tarot.create_class('person', 'profile', searchable => true, normalization => 'trim,nfc , lower'), tarot.grant_class('person', current_user::regrole, 'plain');
SELECT normalization, bits FROM tarot.search_key ORDER BY since DESC LIMIT 1;
CREATE TABLE person (id serial, name tarot.encrypted_text('person') UNIQUE);
INSERT INTO person (name) VALUES ('Ada'), ('ÄRGER'), (U&'Zoe\0308'), ('ΣΊΣΥΦΟΣ'), ('STRASSE'), (U&'\3000wide\00A0'), ('İstanbul'), ('Kelvin'), (''), ('ЁЛКА');
SELECT given, (SELECT name FROM person WHERE name = given) AS found FROM unnest(ARRAY[' aDA', E'ada\n', 'ärger', U&'a\0308rger', 'zoë', 'σίσυφος', 'straße', 'Wide', 'istanbul', U&'\212Aelvin', ' ', 'ёлка', 'ad a']) WITH ORDINALITY AS v (given, o) ORDER BY o;
SELECT run($$INSERT INTO person (name) VALUES ('ADA ')$$) AS taken, run($$INSERT INTO person (name) VALUES (U&'\2003')$$) AS taken_by_the_empty_one;
-- What is stored is what was written.
SELECT octet_length(name) FROM person WHERE name = 'wide';
SELECT normalization, run(format('SELECT tarot.create_class(''wrong'', ''profile'', searchable => true, normalization => %L)', normalization)) AS said FROM unnest(ARRAY['upper', 'lower,lower', 'lower trim', ',', 'lower,', 'LOWER']) AS normalization;
SELECT run($$SELECT tarot.create_class('wrong', 'profile', normalization => 'lower')$$) AS not_searchable, run($$SELECT tarot.create_class('wrong', 'profile', searchable => true, search_bits => 15)$$) AS too_short,
	run($$SELECT tarot.create_class('wrong', 'profile', searchable => true, search_bits => 121)$$) AS too_long;

-- ------------------------------------------------------------ fewer bits

SELECT tarot.create_class('birthday', 'profile', searchable => true, search_bits => 16), tarot.grant_class('birthday', current_user::regrole, 'plain');
CREATE TABLE birth (id int, day tarot.encrypted_text('birthday'));
INSERT INTO birth SELECT i, 'day ' || i FROM generate_series(1, 5000) AS i;
CREATE UNIQUE INDEX ON birth (day);
ANALYZE birth;
-- Far fewer tags than values to be seen, and yet each is itself: the other bits are there, hidden, and those of equal values differ.
SET tarot_security.io = envelope;
SELECT count(DISTINCT substr(tarot.encrypted_text_send(day), 15, 3)) BETWEEN 4000 AND 4990 AS tags_met, count(DISTINCT substr(tarot.encrypted_text_send(day), 18, 13)) AS hidden FROM birth;
RESET tarot_security.io;
CREATE TABLE same (day tarot.encrypted_text('birthday'));
INSERT INTO same SELECT 'one day' FROM generate_series(1, 100);
INSERT INTO same SELECT day FROM same;
SET tarot_security.io = envelope;
SELECT count(*), count(DISTINCT substr(tarot.encrypted_text_send(day), 15, 3)) AS shown, count(DISTINCT substr(tarot.encrypted_text_send(day), 18, 13)) AS hidden,
	max((SELECT count(*) FROM generate_series(18, 30) AS i WHERE get_byte(tarot.encrypted_text_send(day), i - 1) = 0)) < 8 AS nothing_left_off FROM same;
RESET tarot_security.io;
SELECT count(DISTINCT day) FROM same;
DROP TABLE same;
SELECT count(*) FROM birth a JOIN birth b USING (day);
SET enable_hashjoin = off;
SET enable_nestloop = off;
SELECT count(*) FROM birth a JOIN birth b USING (day);
RESET enable_hashjoin;
RESET enable_nestloop;
SELECT count(DISTINCT day), (SELECT count(*) FROM (SELECT FROM birth GROUP BY day) AS g) AS groups FROM birth;
SELECT bool_and((SELECT array_agg(b.id) FROM birth b WHERE b.day = 'day ' || i) = ARRAY[i]) AS each_found FROM generate_series(1, 5000, 7) AS i;
SELECT run($$INSERT INTO birth VALUES (0, 'day 77')$$) AS taken, run($$INSERT INTO birth VALUES (0, 'another day')$$) AS free;
-- Indexes keep values of versions that are gone: of dead rows, and as bounds of pages. They are compared for ever.
SELECT tarot.rotate_key('profile');
UPDATE birth SET day = ('day ' || id)::tarot.encrypted_text('birthday') WHERE id > 0;
INSERT INTO birth SELECT i, 'day ' || i FROM generate_series(5001, 10000) AS i;
REINDEX TABLE birth;
SELECT tarot.rotate_key('profile');
CALL tarot.reseal('birth');
SELECT tarot.destroy_key('profile', 2);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT bool_and((SELECT array_agg(b.id) FROM birth b WHERE b.day = 'day ' || i) = ARRAY[i]) AS each_found FROM generate_series(1, 10000) AS i;
SELECT run($$INSERT INTO birth VALUES (0, 'day 77')$$) AS taken, run($$INSERT INTO birth VALUES (0, 'one more')$$) AS free;
VACUUM birth;
REINDEX TABLE birth;
-- Even where there are rows that nobody can read again.
SELECT tarot.rotate_key('profile');
SELECT tarot.destroy_key('profile', 3, force => true);
INSERT INTO birth VALUES (0, 'after all');
SELECT count(id) AS found, run($$SELECT day::text FROM birth WHERE day = 'day 77'$$) AS unread, run($$INSERT INTO birth VALUES (0, 'day 77')$$) AS taken FROM birth WHERE day = 'day 77';
DELETE FROM birth WHERE day <> 'after all';
VACUUM birth;
SELECT id, day FROM birth;
-- Values without tags are opened, also where an index is all that has them.
SELECT tarot.create_class('late', 'profile'), tarot.grant_class('late', current_user::regrole, 'plain');
CREATE TABLE late (id int, day tarot.encrypted_text('late'));
INSERT INTO late SELECT i, 'day ' || i FROM generate_series(1, 2000) AS i;
SELECT tarot.rotate_key('profile');
SELECT tarot.alter_class('late', searchable => true);
CREATE INDEX ON late (id);
CREATE INDEX "late, by day" ON late (day);
CALL tarot.reseal();
SELECT count(*) FROM (SELECT FROM generate_series(1, 2000) AS i WHERE EXISTS (SELECT FROM late WHERE day = 'day ' || i)) AS found;
-- When they cannot be opened any more, the index is made anew (search_destroyed).
SELECT run($$SELECT tarot.destroy_key('profile', 4)$$) AS destroyed;
SELECT count(*) FROM (SELECT FROM generate_series(1, 2000) AS i WHERE EXISTS (SELECT FROM late WHERE day = 'day ' || i)) AS found;
VACUUM late;
RESET enable_seqscan;
RESET enable_bitmapscan;
DROP OWNED BY tarot_search_reader;
DROP ROLE tarot_search_reader;

-- Encrypted columns: every way in and out, as a role that may read and write. What is stored is always sealed.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'
SELECT tarot.create_key('profile') > 0 AS created, tarot.create_class('email', 'profile', 'email'), tarot.create_class('note', 'profile'),
	tarot.grant_class('email', current_user::regrole, 'plain'), tarot.grant_class('note', current_user::regrole, 'plain');

-- Of a value as it is stored: whether it is an envelope of a class, and has nothing of the plaintext in it.
CREATE FUNCTION stored(value tarot.encrypted_text, plaintext text) RETURNS text LANGUAGE plpgsql SET tarot_security.io = envelope AS $$
DECLARE
	bytes bytea := tarot.encrypted_text_send(value);
BEGIN
	RETURN concat_ws(' ', CASE WHEN length(plaintext) > 5 AND position(convert_to(plaintext, 'UTF8') IN bytes) > 0 THEN 'PLAINTEXT' ELSE 'sealed' END,
		(SELECT c.name FROM tarot.class c WHERE int4send(c.class_id) = substr(bytes, 3, 4)),
		CASE WHEN octet_length(bytes) = 54 + octet_length(plaintext) THEN 'of its length' END);
END
$$;

CREATE TABLE customer (id int PRIMARY KEY, email tarot.encrypted_text('email'), note tarot.encrypted_text('note'));
SELECT attname, format_type(atttypid, atttypmod), attstorage FROM pg_attribute WHERE attrelid = 'customer'::regclass AND attnum > 1 ORDER BY attnum;

-- ------------------------------------------------------------ in

INSERT INTO customer VALUES (1, 'ada@example.org', 'a note');
INSERT INTO customer (id, email) VALUES (2, 'bob@example.org'), (3, NULL), (4, '');
INSERT INTO customer (id, email, note) SELECT i, 'c' || i || '@example.org', 'note ' || i FROM generate_series(5, 7) AS i;
INSERT INTO customer SELECT id + 100, email, note FROM customer;
INSERT INTO customer (id, email) VALUES (8, 'dora@example.org'::text), (9, 'emil@example.org'::varchar), (10, 'Шут@пример.рф'), (11, repeat('愚', 5000));
INSERT INTO customer (id, email) VALUES (12, (SELECT 'sub@example.org')), (13, lower('FAY@EXAMPLE.ORG')), (14, CASE WHEN true THEN 'case@example.org' END);
UPDATE customer SET email = 'bobby@example.org' WHERE id = 2;
UPDATE customer SET email = upper(email), note = 'new' WHERE id = 5;
UPDATE customer SET (email, note) = (SELECT 'row@example.org', 'row note') WHERE id = 6;
UPDATE customer c SET email = v.email FROM (VALUES (7, 'from@example.org')) AS v (id, email) WHERE v.id = c.id;
INSERT INTO customer VALUES (1, 'zoe@example.org') ON CONFLICT (id) DO NOTHING;
INSERT INTO customer VALUES (2, 'conflict@example.org', 'x') ON CONFLICT (id) DO UPDATE SET email = excluded.email, note = 'was ' || customer.note;
INSERT INTO customer VALUES (1, 'never') ON CONFLICT (id) DO UPDATE SET note = 'updated ' || customer.note;
MERGE INTO customer c USING (VALUES (3, 'merged@example.org'), (15, 'inserted@example.org')) AS v (id, email) ON v.id = c.id
	WHEN MATCHED THEN UPDATE SET email = v.email WHEN NOT MATCHED THEN INSERT (id, email) VALUES (v.id, v.email);
COPY customer FROM stdin;
20	copy@example.org	a\tb
21	\N	\\N
\.
COPY customer (id, email) FROM stdin (FORMAT csv);
22,"csv, ""quoted""@example.org"
23,
24,""
\.
COPY customer FROM stdin (FORMAT csv, HEADER, FORCE_NULL (note));
id,email,note
25,forced@example.org,""
\.
SELECT id, CASE WHEN length(email) > 40 THEN left(email, 3) || '... ' || length(email) ELSE email END AS email, note FROM customer ORDER BY id;
SELECT stored(email, email) AS email, stored(note, note) AS note, count(*) FROM customer GROUP BY 1, 2 ORDER BY 1, 2;

-- Prepared statements, with the parameter's type left open and given.
PREPARE add (int, tarot.encrypted_text) AS INSERT INTO customer (id, email) VALUES ($1, $2);
EXECUTE add (30, 'prepared@example.org');
PREPARE add_text (int, text) AS INSERT INTO customer (id, email) VALUES ($1, $2);
EXECUTE add_text (31, 'text@example.org');
PREPARE add_open AS INSERT INTO customer (id, email) VALUES ($1, $2);
EXECUTE add_open (32, 'open@example.org');
SET plan_cache_mode = force_generic_plan;
EXECUTE add (33, 'generic@example.org');
EXECUTE add_text (34, 'generic_text@example.org');
EXECUTE add_open (35, 'generic_open@example.org');
PREPARE find (int) AS SELECT email FROM customer WHERE id = $1;
EXECUTE find (33);
RESET plan_cache_mode;
SELECT id, email, stored(email, email) FROM customer WHERE id BETWEEN 30 AND 39 ORDER BY id;

-- PL/pgSQL and SQL functions.
CREATE FUNCTION rename(who int, address text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	whole customer;
	old customer.email%TYPE;
	new tarot.encrypted_text('email') := address;
BEGIN
	SELECT email INTO old FROM customer WHERE id = who;
	UPDATE customer SET email = new WHERE id = who;
	EXECUTE 'UPDATE customer SET note = $1 WHERE id = $2' USING 'was ' || old, who;
	SELECT * INTO whole FROM customer WHERE id = who;
	whole.id := who + 1000;
	INSERT INTO customer VALUES (whole.*);
	FOR whole IN SELECT * FROM customer WHERE id >= 1000 LOOP
		RETURN whole.email || ', ' || whole.note;
	END LOOP;
END
$$;
SELECT rename(8, 'dora2@example.org');
CREATE FUNCTION address(who int) RETURNS tarot.encrypted_text LANGUAGE sql STABLE AS $$ SELECT email FROM customer WHERE id = who $$;
CREATE FUNCTION address_text(who int) RETURNS text LANGUAGE sql STABLE BEGIN ATOMIC SELECT email FROM customer WHERE id = who; END;
CREATE FUNCTION addresses() RETURNS SETOF tarot.encrypted_text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN QUERY SELECT email FROM customer WHERE id < 3 ORDER BY id; END $$;
CREATE FUNCTION set_address(who int, address tarot.encrypted_text) RETURNS void LANGUAGE sql AS $$ UPDATE customer SET email = address WHERE id = who $$;
SELECT address(8), address_text(8);
SELECT * FROM addresses();
SELECT set_address(9, 'emil2@example.org'), set_address(12, 'sub2@example.org'::text::tarot.encrypted_text);
SELECT id, email, note, stored(email, email), stored(note, note) FROM customer WHERE id IN (8, 9, 12, 1008) ORDER BY id;
DO $$ BEGIN INSERT INTO customer (id, email) VALUES (36, 'do@example.org'); END $$;
SELECT email FROM customer WHERE id = 36;

-- Values that are no text of this encoding, or are something else, and the largest.
SELECT code($$INSERT INTO customer (id, email) VALUES (40, E'\xff')$$) AS invalid, code($$INSERT INTO customer (id, email) VALUES (40, E'a\x00b')$$) AS zero;
SELECT run($$INSERT INTO customer (id, email) VALUES (40, '$tarot1$AQ')$$) AS envelope_like, run($$INSERT INTO customer (id, email) VALUES (40, '[encrypted]')$$) AS placeholder;
SELECT code($$INSERT INTO customer (id, email) VALUES (40, 1)$$) AS number, code($$INSERT INTO customer (id, email) VALUES (41, now())$$) AS date,
	code($$INSERT INTO customer (id, email) VALUES (42, '\x01'::bytea)$$) AS bytes, code($$INSERT INTO customer (id, email) VALUES (43, 'n'::name)$$) AS name,
	code($$INSERT INTO customer (id, email) VALUES (44, 'c'::char(3))$$) AS char;
SELECT id, email, stored(email, email) FROM customer WHERE id IN (40, 42, 43, 44) ORDER BY id;

-- ------------------------------------------------------------ out

COPY (SELECT id, email FROM customer WHERE id < 4 ORDER BY id) TO stdout;
COPY (SELECT id, email FROM customer WHERE id IN (3, 22, 23) ORDER BY id) TO stdout (FORMAT csv, HEADER, FORCE_QUOTE *);
BEGIN;
DECLARE cursor_held SCROLL CURSOR WITH HOLD FOR SELECT id, email FROM customer WHERE id < 4 ORDER BY id;
FETCH 2 FROM cursor_held;
FETCH BACKWARD 1 FROM cursor_held;
COMMIT;
FETCH ALL FROM cursor_held;
CLOSE cursor_held;
INSERT INTO customer VALUES (50, 'returned@example.org', 'r') RETURNING id, email, note, email || '!' AS more;
UPDATE customer SET email = 'again@example.org' WHERE id = 50 RETURNING *;
WITH gone AS (DELETE FROM customer WHERE id = 50 RETURNING *) SELECT email, note FROM gone;
SELECT email::text, email::varchar, email::varchar(3), email::char(4), CAST(email AS text) FROM customer WHERE id = 1;
SELECT email || '!', lower(email), length(email), substr(email, 1, 3), email LIKE 'a%', email ~ '^ada', position('@' IN email), concat(email, note), format('<%s>', email),
	quote_literal(email), to_json(email), email::text = 'ada@example.org' FROM customer WHERE id = 1;
SELECT row_to_json(c), to_jsonb(c) FROM customer c WHERE id = 1;
SELECT c FROM customer c WHERE id = 1;
SELECT c::text, ROW(c.email, 1) FROM customer c WHERE id = 1;
SELECT json_agg(email ORDER BY id), array_agg(email ORDER BY id), string_agg(email, ',' ORDER BY id) FROM customer WHERE id < 3;
SELECT count(*), count(email), count(note) FROM customer;
SELECT id FROM customer WHERE email IS NULL ORDER BY id;
SELECT coalesce(email, note), nullif(email::text, 'x'), CASE WHEN id = 1 THEN email ELSE note END FROM customer WHERE id IN (1, 3) ORDER BY id;
SELECT email FROM customer WHERE id = 1 UNION ALL SELECT note FROM customer WHERE id = 1;
SELECT tarot.try_decrypt(email) FROM customer WHERE id IN (1, 23) ORDER BY id;
SELECT v.email FROM (VALUES ('x'::tarot.encrypted_text('email'))) AS v (email);
TABLE customer LIMIT 0;
SELECT * FROM (SELECT email FROM customer WHERE id = 1 OFFSET 0) AS sub, LATERAL (SELECT upper(sub.email)) AS u;
WITH RECURSIVE walk AS (SELECT id, email FROM customer WHERE id = 1 UNION ALL SELECT c.id, c.email FROM walk JOIN customer c ON c.id = walk.id + 1 WHERE c.id < 3)
	SELECT * FROM walk ORDER BY id;
SELECT email, row_number() OVER (ORDER BY id), lag(email) OVER (ORDER BY id) FROM customer WHERE id < 3 ORDER BY id;

-- ------------------------------------------------------------ comparing: not yet

SELECT query, run(query) FROM (VALUES
	(1, 'SELECT FROM customer WHERE email = email'), (2, 'SELECT FROM customer a JOIN customer b ON a.email = b.email'),
	(3, 'SELECT FROM customer WHERE email IN (SELECT email FROM customer)'), (4, 'SELECT DISTINCT email FROM customer'),
	(5, 'SELECT FROM customer GROUP BY email'), (6, 'SELECT FROM customer ORDER BY email'), (7, 'SELECT email FROM customer UNION SELECT email FROM customer'),
	(8, 'SELECT count(DISTINCT email) FROM customer'), (9, 'SELECT max(email) FROM customer'), (10, 'SELECT FROM customer WHERE email < ''x'''),
	(11, 'SELECT email IS DISTINCT FROM note FROM customer'), (12, 'SELECT array_position(array_agg(email), ''x'') FROM customer'),
	(13, 'CREATE INDEX ON customer (email)'), (14, 'ALTER TABLE customer ADD UNIQUE (email)'), (15, 'CREATE INDEX ON customer USING hash (email)'),
	(16, 'CREATE TABLE byemail (email tarot.encrypted_text(''email'')) PARTITION BY LIST (email)'),
	(17, 'SELECT rank() OVER (PARTITION BY email) FROM customer'), (18, 'SELECT FROM customer c WHERE c = c'), (19, 'SELECT DISTINCT c FROM customer c'),
	(20, 'SELECT email = ANY (ARRAY[''a'', ''b'']) FROM customer'), (21, 'SELECT greatest(email, note) FROM customer')) AS queries (i, query) ORDER BY i;

-- ------------------------------------------------------------ where a column can be

-- Arrays, domains, composite types, ranges not.
CREATE DOMAIN mailbox AS tarot.encrypted_text('email') CHECK (VALUE LIKE '%@%') NOT NULL;
CREATE TYPE contact AS (kind text, address tarot.encrypted_text('email'));
CREATE TABLE shapes (id int, many tarot.encrypted_text('email')[], deep tarot.encrypted_text('email')[][], box mailbox, boxes mailbox[], one contact, several contact[]);
INSERT INTO shapes (id, many, deep, box, boxes, one, several) VALUES
	(1, '{ada@example.org,NULL,"b,c"}', '{{a,b},{c,d}}', 'x@y', '{x@y,z@y}', '(home,ada@example.org)', ARRAY[ROW('w', 'w@example.org')::contact]),
	(2, ARRAY['e', 'f'], ARRAY[ARRAY['g'], ARRAY['h']], 'b@c', ARRAY['d@e'::mailbox], ROW('work', 'w@example.org'), NULL);
UPDATE shapes SET many[2] = 'two@example.org', one.address = 'home@example.org' WHERE id = 1;
UPDATE shapes SET many = many || 'more@example.org'::tarot.encrypted_text('email') WHERE id = 2;
SELECT id, many, deep, box, boxes, one, several FROM shapes ORDER BY id;
SELECT many[1], many[2:3], cardinality(many), array_to_string(many, '|', '-'), (one).address, (several[1]).address, unnest(many) FROM shapes WHERE id = 1;
SELECT id, stored(v, 'example') AS many, count(*) FROM shapes, unnest(many) AS v GROUP BY 1, 2 ORDER BY 1, 2;
SELECT stored((one).address, 'example') AS composite, stored((several[1]).address, 'w@example.org') AS composite_array, stored(deep[1][1], 'a') AS deep, stored(box, 'x@y') AS domain,
	stored(boxes[1], 'x@y') AS domains FROM shapes WHERE id = 1;
SELECT run($$INSERT INTO shapes (id, box) VALUES (3, 'no address')$$) AS domain_check, run($$INSERT INTO shapes (id, box) VALUES (3, NULL)$$) AS domain_null;
SELECT run('CREATE TYPE range AS RANGE (SUBTYPE = tarot.encrypted_text)') AS range;

-- A table's column needs a class.
SELECT statement, run(statement) FROM (VALUES (1, 'CREATE TABLE bare (v tarot.encrypted_text)'), (20, 'CREATE SCHEMA bare CREATE TABLE bare (v tarot.encrypted_text)'), (2, 'CREATE TABLE bare (v tarot.encrypted_text[])'),
	(3, 'ALTER TABLE customer ADD v tarot.encrypted_text'), (4, 'ALTER TABLE customer ALTER note TYPE tarot.encrypted_text')) AS statements (i, statement) ORDER BY i;

-- Defaults, generated columns, constraints.
CREATE TABLE defaults (id int, email tarot.encrypted_text('email') DEFAULT 'nobody@example.org', stamp tarot.encrypted_text('note') DEFAULT 'by ' || 'default');
INSERT INTO defaults (id) VALUES (1);
INSERT INTO defaults VALUES (2, DEFAULT, DEFAULT);
ALTER TABLE defaults ADD added tarot.encrypted_text('email') DEFAULT 'added@example.org';
SELECT id, email, stamp, added, stored(email, email), stored(stamp, stamp), stored(added, added) FROM defaults ORDER BY id;
SELECT adrelid::regclass, adnum, pg_get_expr(adbin, adrelid) LIKE '%nobody%' AS shown FROM pg_attrdef WHERE adrelid = 'defaults'::regclass AND adnum = 2;
SELECT run($$CREATE TABLE generated (id int, s tarot.encrypted_text('email'), v text GENERATED ALWAYS AS (lower(s)) STORED)$$) AS generated_open;
ALTER TABLE customer ADD CONSTRAINT looks_right CHECK (email NOT LIKE '% %') NOT VALID;
\set VERBOSITY terse
INSERT INTO customer (id, email) VALUES (60, 'a space');
\set VERBOSITY default
ALTER TABLE customer DROP CONSTRAINT looks_right;

-- Changing a column's type: into a class, between classes, and back.
CREATE TABLE changing (id int, v text, w varchar(20));
INSERT INTO changing VALUES (1, 'one@example.org', 'w1'), (2, NULL, NULL);
ALTER TABLE changing ALTER v TYPE tarot.encrypted_text('email'), ALTER w TYPE tarot.encrypted_text('note');
SELECT id, v, w, stored(v, v), stored(w, w) FROM changing ORDER BY id;
ALTER TABLE changing ALTER v TYPE tarot.encrypted_text('note');
SELECT id, v, stored(v, v) FROM changing ORDER BY id;
ALTER TABLE changing ALTER v TYPE text;
SELECT id, v, pg_typeof(v) FROM changing ORDER BY id;

-- Views, CREATE TABLE AS, materialized views: the type and its class go along.
CREATE VIEW customers AS SELECT id, email, upper(email) AS shouted FROM customer WHERE id < 3;
SELECT * FROM customers ORDER BY id;
INSERT INTO customers (id, email) VALUES (-1, 'by_view@example.org');
UPDATE customers SET email = 'by_view2@example.org' WHERE id = -1;
SELECT id, email, stored(email, email) FROM customer WHERE id = -1;
CREATE TABLE copied AS SELECT id, email, note FROM customer WHERE id < 3;
SELECT 1 AS id, email INTO copied_too FROM customer WHERE id = 1;
CREATE MATERIALIZED VIEW kept AS SELECT id, email FROM customer WHERE id < 3;
UPDATE customer SET email = 'refreshed@example.org' WHERE id = 1;
REFRESH MATERIALIZED VIEW kept;
CREATE TABLE alike (LIKE customer INCLUDING ALL);
SELECT attrelid::regclass AS relation, attname, format_type(atttypid, atttypmod) FROM pg_attribute
	WHERE attrelid IN ('customers'::regclass, 'copied'::regclass, 'copied_too'::regclass, 'kept'::regclass, 'alike'::regclass) AND attnum > 1 ORDER BY 1, attnum;
SELECT 'copied' AS of, email, stored(email, email) FROM copied WHERE id = 1 UNION ALL SELECT 'too', email, stored(email, email) FROM copied_too
	UNION ALL SELECT 'kept', email, stored(email, email) FROM kept WHERE id = 1;

-- Partitions, inheritance, temporary and unlogged tables.
CREATE TABLE parted (id int, email tarot.encrypted_text('email')) PARTITION BY RANGE (id);
CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE parted_high (email tarot.encrypted_text('email'), gone int, id int);
ALTER TABLE parted_high DROP COLUMN gone;
ALTER TABLE parted ATTACH PARTITION parted_high FOR VALUES FROM (10) TO (20);
INSERT INTO parted VALUES (1, 'low@example.org'), (11, 'high@example.org');
UPDATE parted SET id = 12, email = lower(upper(email)) WHERE id = 1;
SELECT tableoid::regclass, id, email, stored(email, email) FROM parted ORDER BY id;
CREATE TABLE parted_other (id int, email tarot.encrypted_text('note'));
SELECT run('ALTER TABLE parted ATTACH PARTITION parted_other FOR VALUES FROM (20) TO (30)') AS other_class;
CREATE TABLE child (more text) INHERITS (customer);
INSERT INTO child (id, email, more) VALUES (2000, 'child@example.org', 'm');
SELECT tableoid::regclass, email FROM customer WHERE id = 2000;
CREATE TEMP TABLE passing (id int, email tarot.encrypted_text('email')) ON COMMIT PRESERVE ROWS;
CREATE UNLOGGED TABLE unlogged (id int, email tarot.encrypted_text('email'));
INSERT INTO passing VALUES (1, 'temp@example.org');
INSERT INTO unlogged SELECT * FROM passing;
SELECT p.email, u.email, stored(p.email, p.email), stored(u.email, u.email) FROM passing p, unlogged u;

-- Triggers and rules see what the role sees.
CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.note := 'was ' || coalesce(OLD.email, '-') || ', is ' || NEW.email;
	RETURN NEW;
END
$$;
CREATE TRIGGER change BEFORE UPDATE ON copied FOR EACH ROW EXECUTE FUNCTION note_change();
UPDATE copied SET email = 'triggered@example.org' WHERE id = 1 RETURNING email, note, stored(note, note);
CREATE RULE log AS ON DELETE TO copied DO ALSO INSERT INTO changing (id, v) VALUES (OLD.id, OLD.email);
DELETE FROM copied WHERE id = 1;
SELECT id, v FROM changing ORDER BY id, v;

-- Vacuum, analyze, cluster, reindex: nothing of it in the statistics.
VACUUM (FULL, ANALYZE) customer;
CLUSTER customer USING customer_pkey;
ANALYZE customer;
REINDEX TABLE customer;
SELECT attname, n_distinct, most_common_vals, histogram_bounds FROM pg_stats WHERE tablename = 'customer' AND attname IN ('email', 'note') AND NOT inherited ORDER BY attname;
SELECT email FROM customer WHERE id = 1;

-- Long values out of line, and what is read of them.
INSERT INTO customer (id, note) VALUES (70, repeat('the fool ', 100000));
SELECT length(note), right(note, 9), stored(note, note) FROM customer WHERE id = 70;

-- ------------------------------------------------------------ binary copies, as values and as envelopes

SELECT current_setting('data_directory') || '/tarot_columns_' || pid || '.copy' AS file FROM (SELECT pg_backend_pid() AS pid) AS p \gset
CREATE TABLE target (LIKE customer);
COPY (SELECT id, email, note FROM customer WHERE id < 70) TO :'file' (FORMAT binary);
COPY target FROM :'file' (FORMAT binary);
SELECT count(*) = (SELECT count(*) FROM customer WHERE id < 70) AS all_of_them, bool_and(c.email::text IS NOT DISTINCT FROM t.email::text
		AND c.note::text IS NOT DISTINCT FROM t.note::text) AS same,
	bool_and(stored(t.email, t.email) LIKE 'sealed%') AS sealed FROM target t JOIN customer c USING (id);
TRUNCATE target;
SET tarot_security.io = envelope;
CREATE FUNCTION bytes(v tarot.encrypted_text) RETURNS bytea LANGUAGE sql SET tarot_security.io = envelope AS 'SELECT tarot.encrypted_text_send(v)';
COPY (SELECT id, email, note FROM customer WHERE id < 70) TO :'file' (FORMAT binary);
COPY target FROM :'file' (FORMAT binary);
SELECT count(*) = (SELECT count(*) FROM customer WHERE id < 70) AS all_of_them, bool_and(bytes(c.email) IS NOT DISTINCT FROM bytes(t.email)
	AND bytes(c.note) IS NOT DISTINCT FROM bytes(t.note)) AS same_bytes FROM target t JOIN customer c USING (id);
TRUNCATE target;
COPY (SELECT id, email, note FROM customer WHERE id < 70) TO :'file';
COPY target FROM :'file';
SELECT count(*) = (SELECT count(*) FROM customer WHERE id < 70) AS all_of_them, bool_and(bytes(c.email) IS NOT DISTINCT FROM bytes(t.email)
	AND bytes(c.note) IS NOT DISTINCT FROM bytes(t.note)) AS same_bytes FROM target t JOIN customer c USING (id);
RESET tarot_security.io;
SELECT email FROM target WHERE id = 2;
COPY (SELECT 'not binary') TO :'file';
\set VERBOSITY sqlstate
COPY target FROM :'file' (FORMAT binary);
\set VERBOSITY default
COPY (SELECT '') TO :'file';

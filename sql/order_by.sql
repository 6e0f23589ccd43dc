-- ORDER BY goes by what the role sees, not by search tags as the operator classes of the types do; DISTINCT, GROUP BY and set
-- operations go by these, under the casts for the client.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'
CREATE ROLE tarot_order_masked;
SELECT tarot.create_key('profile') > 0 AS created, tarot.create_class('name', 'profile', 'partial(0, 1)', true), tarot.grant_class('name', current_user::regrole, 'plain'),
	tarot.grant_class('name', 'tarot_order_masked', 'masked');
CREATE TABLE person (id int PRIMARY KEY, name tarot.encrypted_text('name'), many tarot.encrypted_text('name')[]);
INSERT INTO person VALUES (1, 'cora', '{c,b}'), (2, 'adam', '{c,a}'), (3, 'bert', NULL), (4, NULL, '{}'), (5, 'adam', '{a}'), (6, 'dora', '{b}');
GRANT SELECT ON person TO tarot_order_masked;
-- Rows in one line.
CREATE FUNCTION rows(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r record;
	result text := '';
BEGIN
	FOR r IN EXECUTE query LOOP
		result := concat_ws(' ', result, r);
	END LOOP;
	RETURN result;
END
$$;

-- ------------------------------------------------------------ order

\pset format unaligned
SELECT query, rows(query) FROM (VALUES
	(1, 'SELECT name FROM person ORDER BY name'),
	(2, 'SELECT name FROM person ORDER BY name DESC'),
	(3, 'SELECT name FROM person ORDER BY name DESC NULLS LAST, id'),
	(4, 'SELECT name AS n FROM person ORDER BY n NULLS FIRST'),
	(5, 'SELECT name FROM person ORDER BY 1'),
	(6, 'SELECT id FROM person ORDER BY name, id'),
	(7, 'SELECT id FROM person ORDER BY name USING OPERATOR(tarot.<#), id DESC'),
	(8, 'SELECT id FROM person ORDER BY name USING OPERATOR(tarot.>#), id'),
	(9, 'SELECT name::text FROM person ORDER BY name'),
	(10, 'SELECT id FROM person ORDER BY coalesce(name, ''bz''), id'),
	(11, 'SELECT id, many FROM person ORDER BY many, id'),
	(12, 'SELECT name FROM person ORDER BY name LIMIT 2'),
	(13, 'SELECT name FROM person ORDER BY name FETCH FIRST 1 ROW WITH TIES'),
	(14, 'SELECT name FROM person ORDER BY name OFFSET 3'),
	(15, 'SELECT id FROM person ORDER BY name, id FOR UPDATE'),
	(16, 'SELECT v FROM (VALUES (''b''::tarot.encrypted_text(''name'')), (''a'')) AS x (v) ORDER BY v'),
	(17, 'SELECT unnest(many) FROM person ORDER BY 1'),
	-- inside of others
	(20, 'SELECT * FROM (SELECT name FROM person ORDER BY name LIMIT 1) AS s'),
	(21, 'SELECT (SELECT name FROM person ORDER BY name DESC NULLS LAST LIMIT 1)'),
	(22, 'SELECT ARRAY(SELECT name FROM person ORDER BY name)'),
	(23, 'SELECT id FROM person WHERE id IN (SELECT id FROM person ORDER BY name LIMIT 2) ORDER BY id'),
	(24, 'WITH p AS MATERIALIZED (SELECT name FROM person ORDER BY name LIMIT 1) SELECT * FROM p'),
	(25, 'SELECT x FROM generate_series(1, 2) AS i, LATERAL (SELECT name AS x FROM person WHERE id >= i ORDER BY name LIMIT i) AS l ORDER BY i, x DESC'),
	(26, '(SELECT name FROM person ORDER BY name LIMIT 1) UNION ALL (SELECT name FROM person ORDER BY name DESC NULLS LAST LIMIT 1)'),
	(27, 'SELECT max(i) FROM person, generate_series(1, 3) AS i GROUP BY name HAVING (SELECT p.name FROM person AS p ORDER BY p.name LIMIT 1)::text = name::text'),
	-- groups
	(30, 'SELECT name, count(*) FROM person GROUP BY name ORDER BY name'),
	(31, 'SELECT name FROM person GROUP BY name ORDER BY count(*) DESC, name DESC'),
	(32, 'SELECT count(*) FROM person GROUP BY name ORDER BY name'),
	(33, 'SELECT name, count(*) FROM person GROUP BY ROLLUP (name) ORDER BY grouping(name), name'),
	(34, 'SELECT coalesce(name, ''x''::tarot.encrypted_text(''name'')), count(*) FROM person GROUP BY 1 ORDER BY 1 DESC'),
	-- windows
	(40, 'SELECT id, rank() OVER (ORDER BY name) FROM person ORDER BY id'),
	(41, 'SELECT id, name, row_number() OVER (PARTITION BY name ORDER BY id), dense_rank() OVER w FROM person WINDOW w AS (ORDER BY name DESC) ORDER BY id'),
	(42, 'SELECT id, first_value(name) OVER (PARTITION BY id % 2 ORDER BY name) FROM person ORDER BY id'),
	(43, 'SELECT name, count(*), rank() OVER (ORDER BY name) FROM person GROUP BY name ORDER BY name'),
	(44, 'SELECT DISTINCT name, rank() OVER (ORDER BY name) FROM person ORDER BY name'),
	-- aggregates
	(50, 'SELECT array_agg(name ORDER BY name) FROM person'),
	(51, 'SELECT string_agg(name, '','' ORDER BY name DESC) FROM person'),
	(52, 'SELECT array_agg(id ORDER BY name DESC NULLS LAST, id) FROM person'),
	(53, 'SELECT string_agg(DISTINCT name::text, '','' ORDER BY name::text) FROM person'),
	(54, 'SELECT (SELECT array_agg(p.id ORDER BY p.name, p.id) FILTER (WHERE x > 0) FROM generate_series(1, 1) AS x) FROM person AS p'),
	(55, 'SELECT (SELECT array_agg(p.id ORDER BY p.name, p.id)) FROM person AS p'),
	-- DISTINCT and set operations
	(60, 'SELECT DISTINCT name FROM person ORDER BY name'),
	(61, 'SELECT DISTINCT name FROM person ORDER BY name DESC LIMIT 2 OFFSET 1'),
	(62, 'SELECT DISTINCT name, id % 2 FROM person ORDER BY 2, name'),
	(63, 'SELECT DISTINCT ON (id % 2) id % 2, name FROM person ORDER BY id % 2, name'),
	(64, 'SELECT name FROM person UNION SELECT name FROM person ORDER BY name'),
	(65, 'SELECT name FROM person INTERSECT SELECT name FROM person WHERE id < 3 ORDER BY 1 DESC'),
	(66, 'SELECT name FROM person EXCEPT SELECT name FROM person WHERE id < 3 ORDER BY 1 LIMIT (SELECT 2)'),
	(67, 'WITH p AS (SELECT * FROM person), q AS (SELECT * FROM p) SELECT name FROM p UNION ALL (SELECT DISTINCT q.name FROM q, p ORDER BY q.name LIMIT (SELECT 1 FROM p LIMIT 1)) ORDER BY name'),
	(68, 'SELECT i, x FROM generate_series(1, 2) AS i, LATERAL (WITH p AS (SELECT * FROM person) SELECT DISTINCT name AS x FROM p WHERE p.id >= i ORDER BY name LIMIT i) AS l ORDER BY i, x'),
	(69, 'WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 2) SELECT DISTINCT name, n FROM r, person ORDER BY name DESC NULLS LAST, n LIMIT 3')
	) AS queries (i, query) ORDER BY i;
\pset format aligned

-- Each type by its own order.
SET timezone = 'UTC';
CREATE TABLE kinds (b tarot.encrypted_bytea('name'), j tarot.encrypted_jsonb('name'), n tarot.encrypted_numeric('name'), d tarot.encrypted_date('name'),
	z tarot.encrypted_timestamptz('name'), many tarot.encrypted_numeric('name')[]);
INSERT INTO kinds SELECT decode(lpad(to_hex(v), 2, '0'), 'hex'), to_jsonb(v), v, '2024-01-01'::date + v, '2024-01-01 UTC'::timestamptz + v * '1 day'::interval, ARRAY[v]
	FROM unnest(ARRAY[9, 100, 10, NULL, 9]) AS v;
SELECT c AS column, rows(format('SELECT DISTINCT %I FROM kinds ORDER BY %1$I', c)) AS distinct, rows(format('SELECT %I FROM kinds ORDER BY %1$I DESC NULLS LAST LIMIT 2', c)) AS last
	FROM unnest(ARRAY['b', 'j', 'n', 'd', 'z', 'many']) AS c;
SELECT DISTINCT j, n, d, z, many FROM kinds ORDER BY n \gdesc
SELECT DISTINCT j, n, d, many FROM kinds ORDER BY n;
RESET timezone;
DROP TABLE kinds;

-- The same through a client's cast, and what is returned with it.
SELECT name FROM person ORDER BY name \gdesc
SELECT name FROM person ORDER BY name;
SELECT name, name::text AS cast, id FROM person ORDER BY name DESC NULLS LAST, id;
SELECT DISTINCT name FROM person \gdesc
SELECT DISTINCT name FROM person ORDER BY name;
SELECT DISTINCT ON (name) name, many FROM person WHERE id <> 5 AND name IS NOT NULL \gdesc
SELECT count(*) FROM (SELECT DISTINCT ON (name) name FROM person) AS d;
SELECT DISTINCT ON (id % 2) id % 2 AS parity, name FROM person ORDER BY id % 2, name;
SELECT name, upper(name), count(*) FROM person GROUP BY name ORDER BY name;
SELECT name, grouping(name), count(*) FROM person GROUP BY CUBE (name) ORDER BY 2, name;
SELECT name, rank() OVER (PARTITION BY name ORDER BY name) FROM person ORDER BY name;
SELECT name FROM person UNION SELECT name FROM person \gdesc
SELECT name FROM person UNION SELECT name FROM person ORDER BY name;
SELECT DISTINCT many, name FROM person WHERE many <> '{}' ORDER BY name, many;
WITH added AS (INSERT INTO person VALUES (7, 'emma') RETURNING *) SELECT name FROM added UNION SELECT name FROM person ORDER BY name;
WITH gone AS (DELETE FROM person WHERE id = 7 RETURNING *) SELECT DISTINCT name FROM gone;
BEGIN;
DECLARE sorted SCROLL CURSOR FOR SELECT DISTINCT name FROM person ORDER BY name;
FETCH 2 FROM sorted;
FETCH BACKWARD 1 FROM sorted;
COMMIT;
PREPARE sorted (int) AS SELECT name FROM person WHERE id > $1 UNION SELECT name FROM person WHERE id > $1 ORDER BY name LIMIT $1;
EXECUTE sorted (2);
SET plan_cache_mode = force_generic_plan;
EXECUTE sorted (2);
RESET plan_cache_mode;

-- One cast a row, for the order and for the result.
EXPLAIN (VERBOSE, COSTS off) SELECT name FROM person ORDER BY name;
EXPLAIN (VERBOSE, COSTS off) SELECT id FROM person ORDER BY name DESC NULLS LAST;

-- The client's cast comes after sorting by something else: what LIMIT leaves out is not opened, and what is sorted is sealed.
EXPLAIN (COSTS off) SELECT name FROM person ORDER BY -id LIMIT 2;
SELECT name FROM person ORDER BY -id LIMIT 2;
SELECT name, id FROM person ORDER BY -id LIMIT 1 FOR UPDATE;
BEGIN;
DECLARE locking CURSOR FOR SELECT name FROM person ORDER BY -id FOR UPDATE;
FETCH 1 FROM locking;
UPDATE person SET many = NULL WHERE CURRENT OF locking RETURNING id;
ROLLBACK;

-- By what the role sees: masks, here of the last letter.
SET ROLE tarot_order_masked;
SELECT name, id FROM person ORDER BY name, id;
SELECT DISTINCT name::text FROM person ORDER BY name::text;
RESET ROLE;

-- ------------------------------------------------------------ stored

CREATE VIEW sorted AS SELECT id, name FROM person ORDER BY name DESC NULLS LAST, id;
CREATE VIEW sorted_distinct AS SELECT DISTINCT name FROM person ORDER BY name;
SELECT pg_get_viewdef('sorted') LIKE '%ORDER BY %name)::text) DESC NULLS LAST%' AS sorted, pg_get_viewdef('sorted_distinct') LIKE '%(%SELECT DISTINCT%)%ORDER BY %name)::text)%' AS sorted_distinct;
SELECT definition AS sorted FROM pg_views WHERE viewname = 'sorted' \gset
CREATE VIEW sorted_again AS :sorted
SELECT pg_get_viewdef('sorted') = pg_get_viewdef('sorted_again') AS same;
SELECT * FROM sorted;
SELECT * FROM sorted_distinct;
INSERT INTO sorted VALUES (8, 'fred') RETURNING name;
DELETE FROM sorted WHERE id = 8;
CREATE MATERIALIZED VIEW sorted_kept AS SELECT row_number() OVER (ORDER BY name) AS number, name FROM person;
SELECT * FROM sorted_kept ORDER BY number;
CREATE TABLE sorted_table (number serial, name tarot.encrypted_text('name'));
INSERT INTO sorted_table (name) SELECT name FROM person ORDER BY name;
INSERT INTO sorted_table (name) SELECT DISTINCT name FROM person ORDER BY name DESC;
SELECT array_agg(name ORDER BY number) FROM sorted_table;
-- What no analysis shows us is caught in planning: functions in the SQL standard's form, rules, row policies.
CREATE FUNCTION by_body() RETURNS tarot.encrypted_text LANGUAGE sql STABLE BEGIN ATOMIC SELECT name FROM person ORDER BY name LIMIT 1; END;
CREATE FUNCTION by_set_body() RETURNS SETOF tarot.encrypted_text LANGUAGE sql STABLE BEGIN ATOMIC SELECT name FROM person ORDER BY name; END;
CREATE FUNCTION by_set_body() RETURNS SETOF tarot.encrypted_text LANGUAGE sql STABLE BEGIN ATOMIC SELECT name FROM person ORDER BY name::text; END;
CREATE OR REPLACE FUNCTION by_set_body() RETURNS SETOF tarot.encrypted_text LANGUAGE sql STABLE BEGIN ATOMIC SELECT 1; SELECT name FROM (SELECT * FROM person ORDER BY name) AS p; END;
CREATE FUNCTION by_text() RETURNS SETOF tarot.encrypted_text LANGUAGE sql STABLE AS 'SELECT name FROM person ORDER BY name';
CREATE FUNCTION by_plpgsql() RETURNS SETOF tarot.encrypted_text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN QUERY SELECT name FROM person ORDER BY name; END $$;
SELECT by_body(), (SELECT array_agg(t) FROM by_set_body() AS t) AS by_set_body, (SELECT array_agg(t) FROM by_text() AS t) AS by_text, (SELECT array_agg(t) FROM by_plpgsql() AS t) AS by_plpgsql;
CREATE TABLE ruled (name text);
CREATE RULE first AS ON INSERT TO ruled DO INSTEAD INSERT INTO sorted_table (name) SELECT name FROM person ORDER BY name LIMIT 1;
TRUNCATE sorted_table;
INSERT INTO ruled VALUES ('x');
SELECT name FROM sorted_table;
ALTER TABLE ruled ENABLE ROW LEVEL SECURITY;
DROP RULE first ON ruled;
INSERT INTO ruled VALUES ('adam'), ('dora');
CREATE POLICY first ON ruled USING (name = (SELECT p.name::text FROM person p ORDER BY p.name LIMIT 1));
GRANT SELECT ON ruled TO tarot_order_masked;
SELECT tarot.grant_class('name', 'tarot_order_masked', 'plain');
SET ROLE tarot_order_masked;
SELECT * FROM ruled;
RESET ROLE;

-- ------------------------------------------------------------ refused

SELECT query, run(query) FROM (VALUES
	(1, 'SELECT DISTINCT ON (name) name FROM person ORDER BY name, id'), (2, 'SELECT array_agg(DISTINCT name ORDER BY name) FROM person'),
	(3, 'SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY name) FROM person'), (4, 'SELECT rank(''x'') WITHIN GROUP (ORDER BY name) FROM person'),
	(5, 'SELECT FROM person p ORDER BY p'), (6, 'SELECT FROM person p ORDER BY (id, name)'), (7, 'SELECT rank() OVER (ORDER BY p) FROM person p'),
	(8, 'CREATE VIEW refused AS SELECT DISTINCT ON (name) name FROM person ORDER BY name')) AS queries (i, query) ORDER BY i;
SELECT DISTINCT ON (name) name FROM person ORDER BY name;
SELECT DISTINCT ON (name::text) name FROM person ORDER BY name::text;

DROP TABLE person, ruled, sorted_table CASCADE;
DROP FUNCTION by_text, by_plpgsql;
SELECT tarot.drop_class('name');
DROP ROLE tarot_order_masked;

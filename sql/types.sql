-- The other types: what goes in comes out, whatever the settings; who sees what; masks; casts.
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
CREATE ROLE regress_types_plain;
CREATE ROLE regress_types_masked;
CREATE ROLE regress_types_writer;
CREATE ROLE regress_types_none;
SELECT FROM tarot.create_key('profile');
SELECT tarot.create_class('secret', 'profile');
SELECT tarot.grant_class('secret', 'regress_types_plain', 'plain');
SELECT tarot.grant_class('secret', 'regress_types_masked', 'masked');
SELECT tarot.grant_class('secret', 'regress_types_writer', 'none', write => true);

CREATE FUNCTION pg_temp.run(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text; hint text;
BEGIN
	IF statement LIKE 'SELECT%' OR statement LIKE '%RETURNING%' THEN
		EXECUTE statement INTO result;
		RETURN coalesce(result, 'NULL');
	END IF;
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ': ' || SQLERRM || CASE WHEN hint <> '' THEN ' / ' || hint ELSE '' END;
END
$$;

CREATE TABLE sealed (
	id int PRIMARY KEY,
	t tarot.encrypted_text('secret'),
	b tarot.encrypted_bytea('secret'),
	j tarot.encrypted_jsonb('secret'),
	n tarot.encrypted_numeric('secret'),
	d tarot.encrypted_date('secret'),
	z tarot.encrypted_timestamptz('secret')
);
CREATE TABLE plain (id int PRIMARY KEY, t text, b bytea, j jsonb, n numeric, d date, z timestamptz);
GRANT ALL ON sealed, plain TO regress_types_plain, regress_types_masked, regress_types_writer, regress_types_none;
GRANT CREATE ON SCHEMA public TO regress_types_plain;
\d sealed

-- ------------------------------------------------------------ edges of each type, beside the plain one
SET ROLE regress_types_plain;
SET DateStyle = 'ISO';
SET TimeZone = 'UTC';
INSERT INTO plain VALUES
	(1, 'text', '\x00ff', '{"a": [1, 2.50, null], "b": {"c": "d"}}', 12.3400, '2024-02-29', '2024-02-29 23:59:59.999999+00'),
	(2, '', '', '{}', 0, '2000-01-01', '2000-01-01 00:00:00+00'),
	(3, repeat('long ', 20000), decode(repeat('00ff10', 30000), 'hex'), to_jsonb(repeat('deep ', 9000)), (repeat('9', 500) || '.' || repeat('1', 300))::numeric, '5874897-12-31', '294276-12-31 23:59:59.999999+00'),
	(4, 'Ünïcödé 塔', '\x2474', '"塔"', -0.000000000000000000000001, '4713-01-01 BC', '4713-01-01 00:00:00+00 BC'),
	(5, NULL, NULL, NULL, NULL, NULL, NULL),
	(6, 'x', '\x01', 'null', 'NaN', 'infinity', 'infinity'),
	(7, 'x', '\x02', '[[], {}, "", 0, -1.0e-7, 1e30]', '-Infinity', '-infinity', '-infinity'),
	(8, 'x', '\x03', 'true', 1e131071, '1999-12-31', '1999-12-31 23:59:59.999999+00');
-- By the cast of each base type.
INSERT INTO sealed SELECT * FROM plain;
SELECT p.id, s.t::text IS NOT DISTINCT FROM p.t AS t, s.b::bytea IS NOT DISTINCT FROM p.b AS b, s.j::jsonb::text IS NOT DISTINCT FROM p.j::text AS j,
		s.n::numeric::text IS NOT DISTINCT FROM p.n::text AS n, s.d::date IS NOT DISTINCT FROM p.d AS d, s.z::timestamptz IS NOT DISTINCT FROM p.z AS z
	FROM plain p JOIN sealed s USING (id) ORDER BY id;

-- What one session writes under its settings another reads under others: each way through text and back gives the same value.
RESET ROLE;
CREATE FUNCTION pg_temp.through(writing text, reading text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	different bigint;
	r plain;
BEGIN
	EXECUTE writing;
	TRUNCATE sealed;
	-- Local mean time, which the plain types print in some styles for old times, they cannot read.
	FOR r IN SELECT * FROM plain WHERE t = 'x' OR id = 1 LOOP
		EXECUTE format('INSERT INTO sealed VALUES (%L, %L, %L, %L, %L, %L, %L)', r.id, r.t, r.b, r.j, r.n, r.d, r.z);
	END LOOP;
	EXECUTE reading;
	SELECT count(*) INTO different FROM plain p LEFT JOIN sealed s USING (id)
		WHERE (p.t = 'x' OR id = 1) AND (s.t::text IS DISTINCT FROM p.t OR s.b::text IS DISTINCT FROM p.b::text OR s.j::text::jsonb::text IS DISTINCT FROM p.j::text OR s.n::text IS DISTINCT FROM p.n::text
			OR s.d::text IS DISTINCT FROM p.d::text OR s.z::text IS DISTINCT FROM p.z::text OR s.d::date IS DISTINCT FROM p.d OR s.z::timestamptz IS DISTINCT FROM p.z);
	RETURN different;
END
$$;
SET ROLE regress_types_plain;
SELECT pg_temp.through('SET DateStyle = "SQL, DMY"; SET TimeZone = "Asia/Kathmandu"; SET bytea_output = escape; SET extra_float_digits = -10',
	'SET DateStyle = "German"; SET TimeZone = "America/St_Johns"; SET bytea_output = hex; SET extra_float_digits = 3') AS different;
SELECT pg_temp.through('SET DateStyle = "Postgres, MDY"; SET TimeZone = "Pacific/Apia"', 'SET DateStyle = "ISO"; SET TimeZone = "UTC"; RESET extra_float_digits') AS different;
SET DateStyle = 'ISO'; SET TimeZone = 'UTC';

-- In binary form too (and back: test/t/083_clients.pl).
TRUNCATE sealed;
INSERT INTO sealed SELECT * FROM plain;
RESET ROLE;
CREATE FUNCTION pg_temp.send(value anyelement) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
	sent bytea;
BEGIN
	EXECUTE format('SELECT %s($1)', (SELECT typsend FROM pg_type WHERE oid = pg_typeof(value))) INTO sent USING value;
	RETURN sent;
END
$$;
SET ROLE regress_types_plain;
SELECT count(*) AS rows, bool_and(pg_temp.send(s.b) = pg_temp.send(p.b) AND pg_temp.send(s.j) = pg_temp.send(p.j) AND pg_temp.send(s.n) = pg_temp.send(p.n)
	AND pg_temp.send(s.d) = pg_temp.send(p.d) AND pg_temp.send(s.z) = pg_temp.send(p.z)) AS same FROM plain p JOIN sealed s USING (id) WHERE p.t IS NOT NULL;

-- ------------------------------------------------------------ casts
SELECT pg_typeof(t::text), pg_typeof(b::bytea), pg_typeof(j::jsonb), pg_typeof(n::numeric), pg_typeof(d::date), pg_typeof(z::timestamptz) FROM sealed LIMIT 1;
-- From the types that cast to the base type in an assignment.
INSERT INTO sealed (id, n, d, z, j) VALUES (101, 1::smallint, '2024-05-06 07:08'::timestamp, '2024-05-06'::date, '{"k": 1}'::json),
	(102, 2::int, '2024-05-06 07:08+00'::timestamptz, '2024-05-06 07:08'::timestamp, NULL), (103, 3::bigint, NULL, NULL, NULL), (104, 1.5::real, NULL, NULL, NULL), (105, 0.1::float8, NULL, NULL, NULL);
SELECT id, j, n, d, z FROM sealed WHERE id > 100 ORDER BY id;
-- And what has no such cast has none here.
SELECT statement, pg_temp.run(statement) FROM (VALUES ('INSERT INTO sealed (id, d) VALUES (200, 1)'), ('INSERT INTO sealed (id, n) VALUES (200, true)'),
	('INSERT INTO sealed (id, b) SELECT 200, ''text''::text'), ('INSERT INTO sealed (id, j) SELECT 200, ''{}''::text'), ('INSERT INTO sealed (id, n) SELECT 200, t FROM sealed'),
	('SELECT n::tarot.encrypted_date(''secret'') FROM sealed'), ('SELECT b::tarot.encrypted_text(''secret'') FROM sealed WHERE id = 1')) AS s (statement);
-- Bad input is the base type's error; the log gets it without the value (test/t/050_log.pl).
SELECT statement, pg_temp.run(statement) FROM (VALUES ('SELECT ''2024-02-30''::tarot.encrypted_date(''secret'')'), ('SELECT ''1.2.3''::tarot.encrypted_numeric(''secret'')'),
	('SELECT ''{"a"''::tarot.encrypted_jsonb(''secret'')'), ('SELECT ''\xabc''::tarot.encrypted_bytea(''secret'')'), ('SELECT ''soon''::tarot.encrypted_timestamptz(''secret'')'),
	('SELECT ''[encrypted]''::tarot.encrypted_date(''secret'')'), ('SELECT ''[ENCRYPTED]''::tarot.encrypted_numeric(''secret'')'), ('SELECT ''"[encrypted]"''::tarot.encrypted_jsonb(''secret'')'),
	('SELECT ''"[encrypted]"''::jsonb::tarot.encrypted_jsonb(''secret'')'), ('SELECT ''$tarot1$AQE''::tarot.encrypted_bytea(''secret'')'), ('SELECT ''"$tarot1$AQE"''::jsonb::tarot.encrypted_jsonb(''secret'')')) AS s (statement);
-- Expressions over the base type need no cast.
SELECT n + 1 AS plus, n * 2.0 AS times, -n AS minus, d + 1 AS tomorrow, d - '2024-01-01'::date AS days, z + '1 day' AS later, extract(year FROM d) AS year, j -> 'a' -> 0 AS first, j ->> 'b' AS b, j @> '{"a": [1]}' AS contains,
		length(b) AS length, b || '\x00'::bytea AS longer, n BETWEEN 12 AND 13 AS between_, d >= '2024-01-01' AS since, z < now() AS past, to_char(z, 'YYYY') AS year_of
	FROM sealed WHERE id = 1;
-- As JSON they are what the plain ones are.
SELECT row_to_json(s)::jsonb = row_to_json(p)::jsonb AS same, to_jsonb(s) = to_jsonb(p) AS same_b FROM sealed s JOIN plain p USING (id) WHERE id <> 3 ORDER BY id;
SELECT json_agg(n), jsonb_agg(j), json_build_object('d', min(d), 'z', json_agg(z)) FROM sealed WHERE id IN (1, 2);
SELECT sum(n), avg(n)::numeric(10, 2), max(d), min(z) FROM sealed WHERE id IN (1, 2);

-- ------------------------------------------------------------ who sees what
RESET ROLE;
CREATE VIEW shown AS SELECT id, t::text, b::bytea, j::jsonb, n::numeric, d::date, z::timestamptz FROM sealed WHERE id = 1;
GRANT SELECT ON shown TO PUBLIC;
\pset null NULL
SELECT * FROM shown;
SELECT id, t::text, b::text, j::text, n::text, d::text, z::text FROM sealed WHERE id = 1;
SET ROLE regress_types_none;
SELECT * FROM shown;
SELECT t, b, j, n, d, z FROM sealed WHERE id = 1;
SELECT row_to_json(s) FROM sealed s WHERE id = 1;
SELECT pg_temp.run(format('SELECT pg_temp.send(%s) FROM sealed WHERE id = 1', c)) FROM unnest('{t,b,j,n,d,z}'::text[]) AS c;
SELECT pg_temp.run(format('UPDATE sealed SET %s = %s WHERE id = 1 RETURNING ''written''', c, v)) FROM (VALUES ('b', '''\x00'''), ('j', '''{}'''), ('n', '1'), ('d', '''2024-01-01'''), ('z', 'now()')) AS s (c, v);
SET ROLE regress_types_writer;
SELECT pg_temp.run(format('UPDATE sealed SET %s = %s WHERE id = 8 RETURNING ''written''', c, v)) FROM (VALUES ('b', '''\x00'''), ('j', '''{}'''), ('n', '1'), ('d', '''2024-01-01'''), ('z', '''2024-01-01 00:00+00''')) AS s (c, v);
SELECT b, j, n, d, z FROM sealed WHERE id = 8;
SET ROLE regress_types_plain;
SELECT b, j, n, d, z FROM sealed WHERE id = 8;

-- ------------------------------------------------------------ masks
RESET ROLE;
CREATE FUNCTION pg_temp.masked(mask text) RETURNS TABLE (id int, t text, b bytea, j jsonb, n numeric, d date, z timestamptz) LANGUAGE plpgsql AS $$
BEGIN
	RESET ROLE;
	PERFORM tarot.alter_class('secret', mask => mask);
	SET ROLE regress_types_masked;
	RETURN QUERY SELECT s.id, s.t::text, CASE WHEN length(s.b::bytea) > 20 THEN substr(s.b::bytea, 1, 4) ELSE s.b::bytea END, s.j::jsonb, CASE WHEN length(s.n::text) > 40 THEN round(log(s.n::numeric), 6) ELSE s.n::numeric END, s.d::date, s.z::timestamptz FROM sealed s WHERE s.id < 8 ORDER BY s.id;
	RESET ROLE;
END
$$;
SELECT * FROM pg_temp.masked('redact');
SELECT * FROM pg_temp.masked('null');
SELECT * FROM pg_temp.masked('email') WHERE id IN (1, 5);
SELECT id, t IS NOT NULL AS t, length(b) AS b, j, n, d, z FROM pg_temp.masked('hash') WHERE id IN (1, 5);
SELECT id, t, d, z FROM pg_temp.masked('year');
SELECT id, b, j, n, d, z FROM pg_temp.masked('month') WHERE id IN (1, 4, 5);
SELECT id, n, d FROM pg_temp.masked('round(5)');
SELECT id, n FROM pg_temp.masked('round(0.5)') WHERE id <> 3;
SELECT id, n, b FROM pg_temp.masked('zero');
SELECT id, b, t FROM pg_temp.masked('length');
SELECT id, left(j::text, 70) AS j FROM pg_temp.masked('json');
-- The masks of dates are in UTC, whatever the zone.
SET TimeZone = 'Asia/Tokyo';
SELECT id, d, z AT TIME ZONE 'UTC' AS z FROM pg_temp.masked('year') WHERE id IN (1, 2);
SET TimeZone = 'UTC';

-- JSON by paths.
TRUNCATE sealed;
SET ROLE regress_types_plain;
INSERT INTO sealed (id, j) VALUES
	(1, '{"name": "Ada", "address": {"city": "London", "geo": {"lat": 51.5}}, "tags": ["x", {"city": "y", "name": "z"}], "vip": true, "none": null}'),
	(2, '[{"name": "Ada", "n": 7}, {"name": "Tim", "n": 8}]'),
	(3, '"Ada"'), (4, '42'), (5, '{"NAME": "Ada", "nam": "e", "name ": "x", "": "empty", "a.b": "dot"}');
SELECT id, j FROM pg_temp.masked('json_hide(name)') ORDER BY id;
SELECT id, j FROM pg_temp.masked('json_hide(address.geo, tags.city, n)') ORDER BY id;
SELECT id, j FROM pg_temp.masked('json_show(name)') ORDER BY id;
SELECT id, j FROM pg_temp.masked('json_show(address, vip, tags.name)') ORDER BY id;
-- As deep as it goes: no path leads there, so nothing is shown, and all is hidden.
SET ROLE regress_types_plain;
UPDATE sealed SET j = (repeat('{"a":', 600) || '"deep"' || repeat('}', 600))::jsonb WHERE id = 1;
SELECT id, j::text LIKE '%deep%' AS shown FROM pg_temp.masked('json_show(b)') WHERE id = 1;
SELECT id, j::text LIKE '%deep%' AS shown FROM pg_temp.masked('json_hide(a)') WHERE id = 1;
SELECT id, j::text LIKE '%deep%' AS shown FROM pg_temp.masked('json_hide(b)') WHERE id = 1;

-- ------------------------------------------------------------ arrays, domains, composites, another class, ALTER TABLE
RESET ROLE;
SELECT tarot.create_class('other', 'profile');
SELECT tarot.grant_class('other', 'regress_types_plain', 'plain');
CREATE DOMAIN amount AS tarot.encrypted_numeric('secret') CHECK (VALUE::numeric > 0);
CREATE TYPE period AS (since tarot.encrypted_date('secret'), until tarot.encrypted_date('other'));
CREATE TABLE nested (id int, many tarot.encrypted_date('secret')[], one amount, span period);
GRANT ALL ON nested TO regress_types_plain;
SET ROLE regress_types_plain;
INSERT INTO nested VALUES (1, ARRAY['2024-01-01', '2024-12-31']::date[], 5, ('2024-02-03', '2024-04-05'));
SELECT many, one, span, many[2], (span).until FROM nested;
SELECT pg_temp.run('INSERT INTO nested (one) VALUES (-5)');
-- Statistics compare what arrays and rows hold: also of a class that is not searchable, also one that is long.
INSERT INTO nested SELECT 2 + i % 2, ARRAY[date '2024-01-01' + i], i + 1, ROW('2024-02-03'::date, date '2024-04-05' + i)::period FROM generate_series(0, 4) AS i;
RESET ROLE;
ANALYZE nested;
SELECT attname, null_frac FROM pg_stats WHERE tablename = 'nested' ORDER BY attname;
SET ROLE regress_types_plain;
SELECT pg_temp.run('SELECT count(DISTINCT many) FROM nested');
DELETE FROM nested WHERE id > 1;
-- To another class by opening and sealing again, and not without the right to either.
CREATE TABLE moved (d tarot.encrypted_date('other'), n tarot.encrypted_numeric('other'));
INSERT INTO moved SELECT many[1], one FROM nested;
SELECT * FROM moved;
SELECT pg_temp.run('ALTER TABLE moved ALTER d TYPE date, ALTER n TYPE numeric USING n::numeric');
SELECT * FROM moved WHERE d = '2024-01-01';
SELECT pg_temp.run('ALTER TABLE moved ALTER d TYPE tarot.encrypted_date(''secret''), ALTER n TYPE tarot.encrypted_numeric(''secret'')');
RESET ROLE;
SELECT pg_temp.run('ALTER TABLE moved ALTER d TYPE date');
SELECT pg_temp.run('CREATE TABLE unclassed (d tarot.encrypted_date)');

-- ------------------------------------------------------------ envelopes keep to their type
SET tarot_security.io = envelope;
SELECT d::text AS envelope FROM moved \gset
SELECT pg_temp.run(format('INSERT INTO moved (n) VALUES (%L)', :'envelope'));
SELECT pg_temp.run(format('INSERT INTO moved (d) VALUES (%L)', :'envelope'));
RESET tarot_security.io;
SET ROLE regress_types_plain;
SELECT d FROM moved;

RESET ROLE;
SET client_min_messages = error;
DROP TABLE sealed, plain, nested, moved CASCADE;
DROP TYPE period;
DROP DOMAIN amount;
REVOKE CREATE ON SCHEMA public FROM regress_types_plain;
DROP EXTENSION tarot_security CASCADE;
DROP ROLE regress_types_plain, regress_types_masked, regress_types_writer, regress_types_none;

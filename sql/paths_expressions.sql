-- An encrypted column in an expression is what the plain column beside it is: the same rows, the same values, the
-- same types. Where it is not, the last list says how it differs, and docs/columns.md what to write instead.
\getenv source PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\set ECHO none
\i :source/sql/include/six_types.sql
\set ECHO all
\pset format unaligned
\pset tuples_only on
DELETE FROM plain WHERE id = 7;
DELETE FROM sealed WHERE id = 7;
SET ROLE regress_paths_app;
INSERT INTO plain VALUES (10, 'abc', '\x00ff01', '{"a": [1, 2], "b": {"c": "d"}}', 12.34, '2018-11-04', '2018-11-04 02:30:00+00'), (11, '12', '\x31', '[1, "a", 12]', 12, '2024-03-10', '2024-03-10 07:30:00+00'), (12, 'B z', '\x02', '12', -1.5, '1995-05-05', '1995-05-05 22:00:00+00');
INSERT INTO sealed SELECT * FROM plain WHERE id >= 10;

-- What an expression gives over a table: its type and the values, or the error.
CREATE FUNCTION values_of(expression text, relation regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(format(''%%s:%%L'', id, v), '' '' ORDER BY id) || min('' '' || type) FROM (SELECT id, v, pg_typeof(v) AS type FROM (SELECT id, (%s) AS v FROM %s WHERE id IN (1, 2, 3, 10, 11, 12) OFFSET 0) AS q) AS r',
		expression, relation) INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END
$$;
-- The rows that a condition finds.
CREATE FUNCTION rows_of(condition text, relation regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT coalesce(string_agg(id::text, '','' ORDER BY id), ''none'') FROM %s WHERE %s', relation, condition) INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END
$$;
-- The lists: one a line. A line that gives an error for the plain column too is a mistake.
CREATE TABLE expressions (i serial, kind text, expression text);
CREATE FUNCTION list(kind text, lines text) RETURNS bigint LANGUAGE sql AS $$
	WITH added AS (INSERT INTO expressions (kind, expression) SELECT kind, line FROM unnest(string_to_array(trim(lines, E'\n'), E'\n')) AS line RETURNING i) SELECT count(*) FROM added
$$;
CREATE VIEW compared AS SELECT kind, i, expression, p, replace(s, 'tarot.', '') AS s FROM (
	SELECT *, CASE WHEN kind = 'condition' THEN rows_of(expression, 'plain') ELSE values_of(expression, 'plain') END AS p,
		CASE WHEN kind = 'condition' THEN rows_of(expression, 'sealed') ELSE values_of(expression, 'sealed') END AS s FROM expressions) AS both_of;

SELECT list('condition', $$
t = 'abc'
t = 'abc'::text
t = 'abc'::varchar
'abc' = t
t <> 'abc'
t < 'b'
t >= 'B'
t BETWEEN 'A' AND 'b'
t IN ('abc', '12')
t NOT IN ('abc', '12')
t = ANY ('{abc,12}')
t = ANY (ARRAY['abc', '12'])
t <> ALL (ARRAY['abc', '12'])
t LIKE 'a%'
t NOT LIKE '%b%'
t ILIKE 'A%'
t ~ '^a'
t ~* '^A'
t SIMILAR TO '(a|B)%'
t IS NULL
t IS NOT NULL
t = ''
starts_with(t, 'a')
to_tsvector('simple', t) @@ to_tsquery('simple', 'fool')
length(t) > 2
t = 'abc'::name
'abc'::name = t
t <> 'abc'::name
t <> current_user
t IN ('abc'::name, '12'::name)
t = ANY ('{abc,12}'::name[])
t IS DISTINCT FROM 'abc'::name
t < 'b'::name
t::varchar = 'abc'
t::name = 'abc'
n = 12
n = 12.0
n = '12'
n = 12::bigint
n = 12::smallint
12 = n
n <> 12
n > 12
n >= 0
n < '5'
n < 'Infinity'
n = 'NaN'
n > 1e100
n IN (12, 0)
n IN (12, 0.0)
n IN ('12', '0')
n NOT IN (12, 0)
n = ANY ('{12,0}')
n = ANY (ARRAY[12, 0]::numeric[])
n BETWEEN 0 AND 12
n BETWEEN '0' AND '12'
n + 1 > 12
CASE WHEN abs(n) < 1000 THEN n::int = 12 END
CASE WHEN abs(n) < 1000 THEN n::int IN (12, 0) END
CASE WHEN abs(n) < 1000 THEN n::float8 < 12.5 END
CASE WHEN abs(n) < 1000 THEN n::bigint > 11 END
CASE WHEN abs(n) < 1000 THEN n::smallint <> 12 END
n IS NULL
d = '2024-02-29'
d = '2024-02-29'::date
d = '2024-02-29'::timestamp
d = '2024-02-29 00:00'::timestamptz
'2024-02-29' = d
d <> '2024-02-29'
d >= '2024-01-01'
d >= '2018-11-04'
d > '2018-11-04'
d < '2024-03-10'
d <= '2024-03-10'
d < 'infinity'
d = 'infinity'
d > '-infinity'
d < '4000-01-01 BC'
d > current_date
d < now()
d <= 'today'
d BETWEEN '2000-01-01' AND '2018-11-04'
d IN ('2024-02-29', '1995-05-05')
d NOT IN ('2024-02-29', '1995-05-05')
d = ANY ('{2024-02-29,1995-05-05}')
d = ANY (ARRAY['2024-02-29', '1995-05-05']::date[])
d >= '2024-01-01'::date AND d < '2024-01-01'::date + interval '1 year'
extract(year FROM d) = 2024
d::timestamp >= '2024-02-29 00:00'
d::timestamptz >= '2024-02-29 00:00+00'
date_trunc('month', d) = '2024-02-01'
date_trunc('year', d) < now()
to_char(d, 'MM') = '02'
CASE WHEN isfinite(d) THEN age(d) > interval '20 years' END
d IS NULL
z = '2024-02-29 23:59:59.999999+00'
z = '2018-11-04 02:30:00+00'
z >= '2024-01-01'
z >= '2024-03-10 07:30'
z >= '2024-02-29'::date
z >= '2024-03-10 02:30'::timestamp
z < now()
z < 'now'
z > '-infinity'
z BETWEEN '2000-01-01' AND '2019-01-01'
z IN ('2000-01-01 00:00:00+00', '1995-05-05 22:00:00+00')
z = ANY ('{2000-01-01 00:00:00+00}')
z::date = '2024-02-29'
z::date IN ('2024-02-29', '2000-01-01')
z::date < current_date
z::time > '10:00'
z::timestamp >= '2018-11-04 00:30'
CASE WHEN isfinite(z) THEN now() - z > '10 years'::interval END
z IS NULL
b = '\x31'
b = '\x31'::bytea
b <> '\x31'
b < '\x02'
b IN ('\x31', '\x02')
b = ANY ('{"\\x31"}')
b LIKE '\x00ff01'
length(b) = 1
b IS NULL
j = '{}'
j <> '{}'
j = '12'
j = '{"b": {"c": "d"}, "a": [1, 2.00]}'
j @> '{"a": [1]}'
j <@ '{"a": [1, 2, 3], "b": {"c": "d"}}'
j ? 'a'
j ?| ARRAY['b', 'x']
j ?& '{a,b}'
j @? '$.a[*] ? (@ > 1)'
j @@ '$.a[0] == 1'
j ->> 'a' IS NULL
j #>> '{b,c}' = 'd'
(j -> 'a' -> 0)::int = 1
jsonb_typeof(j) = 'object'
CASE WHEN jsonb_typeof(j) = 'number' THEN j::int = 12 END
j || '{}' = j
j IS NULL
$$);
-- In several zones, two of which skip an hour at these dates, the first one at midnight; none differs.
SET TimeZone = 'America/Sao_Paulo';
SELECT expression, p, s FROM compared WHERE p <> s ORDER BY i;
SET TimeZone = 'America/New_York';
SELECT expression, p, s FROM compared WHERE p <> s ORDER BY i;
SET TimeZone = 'Pacific/Kiritimati'; SET DateStyle = 'SQL, DMY';
SELECT expression, p, s FROM compared WHERE p <> s ORDER BY i;
SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY';
SELECT expression, p, s FROM compared WHERE p <> s ORDER BY i;
SELECT count(DISTINCT p) > 30 AS they_tell_rows_apart, string_agg(expression || ' ' || p, '; ') FILTER (WHERE p LIKE '_____: %') AS mistakes FROM compared;

DELETE FROM expressions;
SELECT list('value', $$
t || '!'
'<' || t || '>'
t || 5
t || t
lower(t)
upper(t)
initcap(t)
length(t)
octet_length(t)
substr(t, 2)
substring(t FROM 2 FOR 1)
substring(t FROM '.$')
position('b' IN t)
overlay(t PLACING 'X' FROM 1)
trim(t)
left(t, 1)
replace(t, 'b', 'X')
translate(t, 'ab', 'xy')
regexp_replace(t, 'b', 'X')
regexp_match(t, 'b(.)')
split_part(t, 'b', 1)
string_to_array(t, 'b')
md5(t)
md5(b)
sha256(b)
encode(b, 'hex')
decode(lpad('', 2, '0'), 'hex') || b::bytea
reverse(t)
repeat(t, 2)
concat(t, n, d, z, j, b)
concat_ws(',', t, n, d)
format('%s %s %L', t, n, d)
quote_literal(t)
t::varchar
t::varchar(2)
t::char(2)
t::bpchar
t::name
t::"char"
CASE WHEN id = 11 THEN t::int END
CASE WHEN id = 11 THEN t::numeric END
CASE WHEN id = 11 THEN t::float8 END
nullif(t::name, 'abc')
greatest(t, 'b'::text)
t::text
nullif(t::text, 'abc')
CASE t WHEN 'abc' THEN 1 ELSE 2 END
coalesce(t::text, 'none')
t IS DISTINCT FROM 'abc'
n + 1
n + 1.5
1 + n
n + '1'
n - 1
n * 2
n * 1.5
n / 4
n % 5
n ^ 2
-n
+n
@n
n + n
n = n
n < n
abs(n)
round(n)
round(n, 1)
trunc(n, 1)
ceil(n)
floor(n)
sign(n)
mod(n, 5)
power(n, 2)
sqrt(abs(n))
width_bucket(n, 0, 100, 5)
to_char(n, '999.99')
scale(n)
n || '!'
n::text
n::numeric(10,1)
n::int
n::smallint
n::bigint
n::float8
n::real
n::numeric::int
CAST(n AS double precision)
n::int + 1
sqrt(abs(n)::float8)
coalesce(n, 0.5)
coalesce(n::int, 0)
greatest(n, 5.5)
least(n, 5.5)
CASE WHEN id = 1 THEN n ELSE 0.0 END
coalesce(n::numeric, 0)
nullif(n::numeric, 12)
greatest(n::numeric, 5)
CASE n WHEN 12 THEN 1 ELSE 2 END
n IS DISTINCT FROM 12
d + 1
d - 1
1 + d
d + interval '1 month'
d - interval '1 day'
d + time '10:00'
d - date '2024-01-01'
date '2024-01-01' - d
d - d
d::text
d || '!'
extract(year FROM d)
extract(epoch FROM d)
date_part('dow', d)
isfinite(d)
daterange(d, NULL)
d - '2024-01-01'
d::timestamp
d::timestamptz
d::timestamp(0)
d::date::timestamp
to_char(d::date, 'YYYY-MM')
to_char(d, 'YYYY-MM')
to_char(d, 'FMDay, DD FMMonth')
date_trunc('month', d::date)
date_trunc('month', d)
date_trunc('year', d)
age(d::date, '2000-01-01')
d AT TIME ZONE 'UTC'
age(d)
age(d, '2000-01-01')
age(d, date '2000-01-01')
age(d, timestamptz '2000-01-01 00:00+00')
age(d, timestamp '2000-01-01')
age('2000-01-01', d)
age(date '2030-01-01', d)
age(d, d)
age(z, d)
coalesce(d, current_date)
greatest(d, current_date)
CASE WHEN id = 1 THEN d ELSE current_date END
CASE d WHEN '2024-02-29' THEN 1 ELSE 2 END
z + '1 day'
z + interval '1 day'
z - interval '1 day'
z - '2024-01-01'::timestamptz
z - z
z::text
z::date
z::time
z::time(0)
z::timetz
z::timestamp
z::timestamp(3)
z::timestamptz(0)
z::date + 1
extract(hour FROM z)
date_part('hour', z)
date_trunc('day', z)
date_trunc('day', z, 'Asia/Tokyo')
to_char(z, 'YYYY-MM-DD HH24')
age(z, '2000-01-01')
z AT TIME ZONE 'Asia/Tokyo'
isfinite(z)
tstzrange(z, NULL)
coalesce(z, '2024-01-01'::timestamptz)
j -> 'a'
j ->> 'a'
j -> 0
j ->> -1
j #> '{b,c}'
j #>> '{b,c}'
j || '{"x": 1}'::jsonb
j || '{"x": 1}'
'{"x": 1}' || j
j || '[5]'
j || 'null'
j || j
(j || '{"x": 1}') -> 'x'
CASE WHEN jsonb_typeof(j) = 'number' THEN j::int END
CASE WHEN jsonb_typeof(j) = 'number' THEN j::smallint END
CASE WHEN jsonb_typeof(j) = 'number' THEN j::bigint END
CASE WHEN jsonb_typeof(j) = 'number' THEN j::numeric END
CASE WHEN jsonb_typeof(j) = 'number' THEN j::real END
CASE WHEN jsonb_typeof(j) = 'number' THEN j::float8 END
j || jsonb_build_object('x', 1)
'{"x": 1}'::jsonb || j
CASE WHEN jsonb_typeof(j) = 'object' THEN j #- '{b,c}' END
j::text
j::json
jsonb_typeof(j)
CASE WHEN jsonb_typeof(j) = 'object' THEN jsonb_set(j, '{b,c}', '1') END
jsonb_strip_nulls(j)
jsonb_pretty(j)
jsonb_path_query_first(j, '$.a[*]')
jsonb_path_query_array(j, '$.*')
jsonb_path_exists(j, '$.a')
to_jsonb(j)
coalesce(j::jsonb, '{}')
b || '\x00'::bytea
b || '\x00'
'\x00' || b
'\x00'::bytea || b
b || b
length(b)
bit_length(b)
substr(b, 2)
position('\x01'::bytea IN b)
overlay(b PLACING '\x99' FROM 1)
trim('\x00'::bytea FROM b)
encode(b, 'base64')
b::text
jsonb_build_object('t', t, 'n', n, 'd', d, 'z', z, 'j', j, 'b', b)
json_build_array(t, n, d, z, j)
to_json(n)
to_jsonb(z)
ROW(t, n, d, z, j, b)::text
ARRAY[t]::text
num_nonnulls(t, n, d)
hashtext(t)
$$);
SELECT expression, p, s FROM compared WHERE p <> s ORDER BY i;
SELECT string_agg(expression || ' ' || p, '; ') AS mistakes FROM compared WHERE p LIKE '_____: %';

-- Over all rows: aggregates, windows, sets.
DELETE FROM expressions;
CREATE FUNCTION result_of(query text, relation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(r::text, '' '') FROM (%s) AS r', replace(query, 'TABLE', relation)) INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END
$$;
SELECT list('query', $$
SELECT sum(n), avg(n), count(n), max(n), min(n), stddev(n), variance(n) FROM TABLE WHERE id >= 10 OR id = 1
SELECT max(d), min(d), count(d), max(z), min(z), min(t), max(t) FROM TABLE
SELECT string_agg(t, ',' ORDER BY id), json_agg(n ORDER BY id), jsonb_agg(j ORDER BY id), jsonb_object_agg(id, d) FROM TABLE WHERE id >= 10
SELECT array_agg(n::numeric ORDER BY id), array_agg(d::date ORDER BY id) FROM TABLE WHERE id >= 10
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY n::float8::numeric::float8), mode() WITHIN GROUP (ORDER BY d::date) FROM (SELECT n::numeric, d FROM TABLE WHERE id >= 10) AS s
SELECT id, sum(n) OVER (ORDER BY id), lag(d) OVER (ORDER BY id), first_value(t) OVER (ORDER BY id DESC) FROM TABLE WHERE id >= 10 ORDER BY id
SELECT id FROM TABLE ORDER BY n::numeric, d::date, t::text COLLATE "C", id
SELECT date_part('year', d) AS y, sum(n) FROM TABLE WHERE id >= 10 GROUP BY 1 HAVING sum(n) < 100 ORDER BY 1
SELECT DISTINCT z::timestamptz FROM TABLE ORDER BY 1
SELECT a.id, b.id FROM TABLE a JOIN TABLE b ON a.n::numeric = b.n::numeric AND a.d::date = b.d::date ORDER BY 1, 2
SELECT t::text FROM TABLE WHERE id = 10 UNION SELECT n::text FROM TABLE WHERE id = 11 ORDER BY 1
SELECT id, e FROM TABLE, jsonb_array_elements(j) AS e WHERE id IN (11) ORDER BY 1
SELECT id, k, v FROM TABLE, jsonb_each_text(j) AS e (k, v) WHERE id IN (1, 10) ORDER BY 1, 2
SELECT id, x.a FROM TABLE, jsonb_to_record(j) AS x (a text) WHERE id IN (1, 10) ORDER BY 1
SELECT p.id FROM plain p WHERE p.n IN (SELECT n FROM TABLE) ORDER BY 1
SELECT p.id FROM plain p WHERE EXISTS (SELECT FROM TABLE s WHERE s.d = p.d) ORDER BY 1
SELECT p.id FROM plain p JOIN TABLE s ON s.t = p.t AND s.z = p.z ORDER BY 1
SELECT p.id FROM plain p JOIN TABLE s ON p.n = s.n AND p.b = s.b AND p.j = s.j ORDER BY 1
SELECT row_to_json(s) FROM (SELECT id, t, n, d, z, j FROM TABLE WHERE id >= 10 ORDER BY id) AS s
SELECT (jsonb_populate_record(NULL::plain, to_jsonb(s))).* FROM TABLE s WHERE id >= 10 ORDER BY 1
$$);
SELECT expression, result_of(expression, 'plain'), result_of(expression, 'sealed') FROM expressions WHERE result_of(expression, 'plain') <> result_of(expression, 'sealed') ORDER BY i;
SELECT string_agg(expression || ' ' || result_of(expression, 'plain'), '; ') AS mistakes FROM expressions WHERE result_of(expression, 'plain') LIKE '_____: %' AND result_of(expression, 'plain') !~ 'float8::numeric';

-- ------------------------------------------------------------ what differs
-- A branch or an operator of another type, to which only two casts lead.
DELETE FROM expressions;
SELECT list('value', $$
n = 12::float8
n * 1.5::float8
n * interval '1 day'
coalesce(n, 0)
greatest(n, 5)
CASE WHEN id = 1 THEN n ELSE 0 END
coalesce(d, timestamptz '2000-01-01 00:00+00')
n::money > '1'::money
t COLLATE "C" < 'b'
j['a']
d >= '2024-02-29 10:00'
d > '5874897-12-30'
$$);
SELECT format(E'%s\n  plain:  %s\n  sealed: %s', expression, p, CASE WHEN s LIKE '_____: %' THEN 'error ' || left(s, 5) ELSE s END) FROM compared WHERE p <> s ORDER BY i;
SELECT expression AS no_longer_different FROM compared WHERE p = s ORDER BY i;

\set ECHO none
\i :source/sql/include/six_types_end.sql

-- Nothing lost: COPY in each format and both ways, as values and as envelopes, for all encrypted types; and what is
-- refused on the way.
\getenv source PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\set ECHO none
\i :source/sql/include/six_types.sql
\set ECHO all
\set SHOW_CONTEXT never
\pset null '(null)'
CREATE TABLE target (LIKE sealed);
CREATE TABLE shapes (id int, t tarot.encrypted_text('secret')[], n tarot.encrypted_numeric('secret')[], whole sealed);
GRANT ALL ON target, shapes TO PUBLIC;
GRANT pg_read_server_files, pg_write_server_files TO regress_paths_app, regress_paths_masked, regress_paths_none;
SELECT format('%s/tarot_paths_%s.copy', current_setting('data_directory'), pg_backend_pid()) AS file \gset

-- There and back by a file of the server's; in binary the bytes of the base type.
CREATE FUNCTION through(file text, options text, source text DEFAULT 'sealed', destination text DEFAULT 'target') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'TRUNCATE ' || destination;
	EXECUTE format('COPY (SELECT * FROM %s ORDER BY id) TO %L %s', source, file, options);
	EXECUTE format('COPY %s FROM %L %s', destination, file, options);
	RETURN 'copied';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END
$$;
CREATE TABLE formats (i serial, options text);
INSERT INTO formats (options) VALUES ('(FORMAT text)'), ('(FORMAT text, DELIMITER '';'', NULL ''nothing'')'), ('(FORMAT csv)'), ('(FORMAT csv, HEADER, QUOTE '''''''', ESCAPE ''\'', NULL ''none'')'),
	('(FORMAT binary)'), ('(FORMAT csv, ENCODING ''UTF8'')');
GRANT SELECT ON formats TO PUBLIC;
SET ROLE regress_paths_app;
-- Values, between encrypted columns and to and from plain ones, which get the same file.
SELECT options, through(:'file', options), lost('target'), bytes('target') FROM formats ORDER BY i;
SET TimeZone = 'Asia/Kathmandu'; SET bytea_output = escape; SET extra_float_digits = 0;
SELECT options, through(:'file', options, 'plain'), lost('target') FROM formats ORDER BY i;
CREATE TEMP TABLE back (LIKE plain);
SELECT options, through(:'file', options, 'sealed', 'back'), lost('back') FROM formats ORDER BY i;
SET TimeZone = 'UTC'; RESET bytea_output; RESET extra_float_digits;
RESET ROLE;
-- Envelopes: the same bytes, by a role that could not read them.
SET tarot_security.io = envelope;
SELECT options, through(:'file', options), bytes('target') FROM formats ORDER BY i;
SELECT pg_read_file(:'file') LIKE '1,$tarot1$%' AS envelopes;
RESET tarot_security.io;
SET ROLE regress_paths_app;
SELECT lost('target'), bytes('target');
-- Arrays and rows of them.
INSERT INTO shapes SELECT id, ARRAY[t, NULL, t], ARRAY[n], s FROM sealed s WHERE id < 8;
CREATE TABLE shapes_too (LIKE shapes);
CREATE FUNCTION same_shapes() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT count(*) FROM shapes a JOIN shapes_too b USING (id) WHERE (a.t::text[], a.n::numeric[], (a.whole).d::date, (a.whole).j::jsonb::text) IS NOT DISTINCT FROM (b.t::text[], b.n::numeric[], (b.whole).d::date, (b.whole).j::jsonb::text));
END
$$;
SELECT options, through(:'file', options, 'shapes', 'shapes_too'), same_shapes() FROM formats ORDER BY i;
RESET ROLE;
SET tarot_security.io = envelope;
SELECT options, through(:'file', options, 'shapes', 'shapes_too') FROM formats ORDER BY i;
SELECT md5(string_agg(a::text, ',' ORDER BY id)) = (SELECT md5(string_agg(b::text, ',' ORDER BY id)) FROM shapes_too b) AS same_bytes FROM shapes a;
RESET tarot_security.io;
-- By the client; a part of the columns, and where a condition looks into them.
SET ROLE regress_paths_app;
TRUNCATE target;
COPY target (id, d, n, j, b) FROM stdin;
1	2024-01-02	1.50	{"a": "\\t"}	\\x00ff
2	\N	\N	\N	\N
3	infinity	NaN	null	\\000a
\.
COPY target (id, z, t) FROM stdin (FORMAT csv);
4,2024-01-02 03:04:05+06,"a ""b"", c"
5,,""
6,epoch,
\.
COPY target (id, n, d) FROM stdin (FORMAT csv) WHERE n::numeric > 5 AND d >= '2024-01-01'::date;
7,5,2024-05-05
8,6,2023-12-31
9,6,2024-05-05
\.
SELECT id, t::text, b::bytea, j::jsonb, n::numeric, d::date, z::timestamptz FROM target ORDER BY id;
\copy (SELECT id, n, d FROM target WHERE id IN (1, 3, 9) ORDER BY id) TO stdout (FORMAT csv)

-- ------------------------------------------------------------ refused

-- Nothing of the row is stored, nor is the value told in the context of the error (the log: test/t/050_log.pl).
\set SHOW_CONTEXT always
COPY target (id, d) FROM stdin;
20	2024-02-xx
\.
COPY target (id, n) FROM stdin;
20	12,50
\.
COPY target (id, j) FROM stdin;
20	{"a"
\.
COPY target (id, b) FROM stdin;
20	\\xabc
\.
COPY target (id, d) FROM stdin;
20	[encrypted]
\.
COPY target (id, j) FROM stdin;
20	"$tarot1$AQE"
\.
\set SHOW_CONTEXT never
SELECT count(*) FROM target WHERE id >= 20;
-- A role that would get masks or nothing is told so, and copies with io = masked what it may see.
SELECT options, done_by('regress_paths_masked', format('COPY sealed (n, d) TO %L %s', :'file', options)) AS masked, done_by('regress_paths_none', format('COPY sealed (j) TO %L %s', :'file', options)) AS nothing FROM formats WHERE options ~ '(text|csv|binary)\)' ORDER BY i;
RESET ROLE;
SELECT tarot.alter_class('secret', mask => 'json');
SET tarot_security.io = masked;
SET ROLE regress_paths_masked;
COPY (SELECT id, t, b, j, n, d, z FROM sealed WHERE id < 4 ORDER BY id) TO stdout;
COPY (SELECT id, t::text, b::bytea, j::jsonb, n::numeric, d::date, z::timestamptz FROM sealed WHERE id < 4 ORDER BY id) TO stdout;
COPY (SELECT id, j FROM sealed WHERE id <> 7) TO :'file' (FORMAT binary);
-- There is nothing to send where nothing is shown; the cast is NULL.
COPY (SELECT d FROM sealed) TO :'file' (FORMAT binary);
COPY (SELECT n::numeric, d::date FROM sealed) TO :'file' (FORMAT binary);
RESET ROLE;
RESET tarot_security.io;

-- What comes as an envelope must be one, of the type and of the class.
SET tarot_security.io = envelope;
SELECT kind, into_column, does(format('INSERT INTO target (id, %s) VALUES (30, %L)', into_column, envelope)) = 'done' AS taken
	FROM (SELECT id, t::tarot.encrypted_text, b::tarot.encrypted_bytea, j::tarot.encrypted_jsonb, n::tarot.encrypted_numeric, d::tarot.encrypted_date, z::tarot.encrypted_timestamptz FROM sealed WHERE id = 1) AS s,
		LATERAL (VALUES ('t', format('%s', t)), ('b', format('%s', b)), ('j', format('%s', j)), ('n', format('%s', n)), ('d', format('%s', d)), ('z', format('%s', z))) AS e (kind, envelope),
		unnest('{t,b,j,n,d,z}'::text[]) AS into_column WHERE kind = into_column OR does(format('INSERT INTO target (id, %s) VALUES (30, %L)', into_column, envelope)) NOT LIKE 'TS101: %';
SELECT does(format('INSERT INTO target (id, d) VALUES (31, %L)', bad)) FROM (SELECT format('%s', d) AS good FROM sealed WHERE id = 1) AS e,
	LATERAL (VALUES ('2024-01-01'), (''), ('[encrypted]'), ('$tarot1$'), (left(good, 40)), (good || '='), (' ' || good), (overlay(good PLACING '_' FROM 1)), (overlay(good PLACING 'C' FROM 9))) AS b (bad);
-- The envelope of another class; and one without, as of a literal in a default or of tarot.encrypt.
SELECT does(format('INSERT INTO target (id, d) VALUES (31, %L)', '2024-01-01'::date::tarot.encrypted_date)) AS sealed_here, does(format('INSERT INTO target (id, t) VALUES (31, %L)', tarot.encrypt('v', 'paths', 'c'))) AS of_encrypt;
RESET tarot_security.io;
-- In binary as well: an envelope of another type's column, and bytes that are none.
SET tarot_security.io = envelope;
COPY (SELECT 32, n FROM sealed WHERE id = 1) TO :'file' (FORMAT binary);
COPY target (id, d) FROM :'file' (FORMAT binary);
COPY target (id, n) FROM :'file' (FORMAT binary);
COPY (SELECT 33, '\x0112'::bytea) TO :'file' (FORMAT binary);
COPY target (id, n) FROM :'file' (FORMAT binary);
RESET tarot_security.io;
-- As values: bytes of the wrong length for the type.
SET ROLE regress_paths_app;
SELECT id, n::numeric FROM target WHERE id >= 30;
COPY (SELECT 34, 5::smallint) TO :'file' (FORMAT binary);
COPY target (id, d) FROM :'file' (FORMAT binary);
COPY target (id, z) FROM :'file' (FORMAT binary);
COPY target (id, n) FROM :'file' (FORMAT binary);
COPY target (id, j) FROM :'file' (FORMAT binary);
COPY (SELECT 34, 2147483646::int, 9223372036854775806::bigint, '\xfe'::bytea) TO :'file' (FORMAT binary);
COPY target (id, d, z, t) FROM :'file' (FORMAT binary);
COPY (SELECT '') TO :'file';

RESET ROLE;
REVOKE pg_read_server_files, pg_write_server_files FROM regress_paths_app, regress_paths_masked, regress_paths_none;
\set ECHO none
\i :source/sql/include/six_types_end.sql

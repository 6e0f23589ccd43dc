-- The ends of each type's range: sealed and read back as they are, and under every mask there is never an error
-- and never the value. Functions called by hand do no more than the column does.
\getenv source PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\set ECHO none
\i :source/sql/include/six_types.sql
\set ECHO all
\set SHOW_CONTEXT never
\pset format unaligned
\pset null '(null)'
TRUNCATE plain, sealed;
INSERT INTO plain (id, t) SELECT 100 + i, v FROM unnest(ARRAY['', ' ', E'\t\n', 'a', 'ab', 'ada@example.org', '4111 1111 1111 1111', '+49 30 1234567', '[redacted]', '***', '0', 'NULL', repeat('x', 100000), repeat('愚', 10000), E'\u0301', repeat(E'e\u0301', 300), E'\U0010FFFF', E'\x01\x7f',
	'٤١١١١١١١١١١١١١١١', '👩‍👩‍👧‍👦', E'\u202Eabc', E'\uFEFF', '{"a":1}', '"', '\']) WITH ORDINALITY AS v (v, i);
INSERT INTO plain (id, b) SELECT 200 + i, v FROM unnest(ARRAY['', '\x00', '\xff', '\x0000000000000000', decode(repeat('00', 100000), 'hex'), decode(repeat('7f', 1048577), 'hex'), '\x2474', '\x5b656e637279707465645d', sha256('x')]::bytea[]) WITH ORDINALITY AS v (v, i);
INSERT INTO plain (id, j) SELECT 300 + i, v::jsonb FROM unnest(ARRAY['null', 'true', 'false', '0', '-0', '1.50', '1E+3', '1e-300', '""', '"x"', '[]', '{}', '[[]]', '[{}]', '[null]', '{"": ""}', '{"": {"": {"": 1}}}', '[[[[[[1]]]]]]', '{"a": null}', '{"***": "***"}', '"***"', '["[encrypted]"]', '{"[redacted]": "$tarot1$AQE"}', '{"a.b": 1, "a,b": 2, "(a)": 3}',
	'{"name": {"name": {"name": "x"}}}', '{"愚": "者"}', '"\u0001\ud83d\ude00\\"', '1' || repeat('0', 5000), '0.' || repeat('0', 5000) || '1', repeat('[', 4000) || repeat(']', 4000), repeat('{"name":', 3000) || '"x"' || repeat('}', 3000), '"' || repeat('x', 1000000) || '"', '{"' || repeat('k', 100000) || '": "x"}',
	'[' || repeat('{"a": "x"},', 20000) || '0]']) WITH ORDINALITY AS v (v, i);
INSERT INTO plain (id, n) SELECT 400 + i, v::numeric FROM unnest(ARRAY['0', '0.0', '-0.00', '1', '-1', '0.5', '1.5', '2.5', '-0.5', '-2.5', '499.999999999999999999999999', '500', '-500', '9999', '10000', '99999999', '0.0001', '0.00001', '1e-16383', '-1e-16383', '1e100', '1e64000', '9e64003', '1e64004', '-9.99e64010', '1e131071', '-9e131071',
	'NaN', 'Infinity', '-Infinity', repeat('9', 20000), '0.' || repeat('9', 16383), repeat('12345', 3000) || '.' || repeat('67890', 3000)]) WITH ORDINALITY AS v (v, i);
INSERT INTO plain (id, d) SELECT 500 + i, v::date FROM unnest(ARRAY['4714-11-24 BC', '4714-11-25 BC', '4714-12-31 BC', '4713-01-01 BC', '0001-12-31 BC', '0001-01-01', '1582-10-04', '1582-10-15', '1899-12-31', '1900-02-28', '1970-01-01', '1999-12-31', '2000-01-01', '2000-02-29', '2024-12-31', '9999-12-31', '294276-12-31', '294277-01-01', '5874897-12-30', '5874897-12-31', 'infinity', '-infinity']) WITH ORDINALITY AS v (v, i);
INSERT INTO plain (id, z) SELECT 600 + i, v::timestamptz FROM unnest(ARRAY['4714-11-24 00:00:00+00 BC', '4714-11-24 00:00:00.000001+00 BC', '4714-12-31 23:59:59.999999+00 BC', '4713-01-01 00:00:00+00 BC', '0001-12-31 23:59:59.999999+00 BC', '0001-01-01 00:00:00+00', '1969-12-31 23:59:59.999999+00', '1970-01-01 00:00:00+00', '1999-12-31 23:59:59.999999+00', '2000-01-01 00:00:00+00',
	'2000-01-01 00:00:00.000001+00', '2024-02-29 12:00:00+00', '294276-12-01 00:00:00+00', '294276-12-31 23:59:59.999999+00', 'infinity', '-infinity']) WITH ORDINALITY AS v (v, i);
SET ROLE regress_paths_app;
INSERT INTO sealed SELECT * FROM plain;
SELECT count(*), lost('sealed') FROM sealed;
-- By text and back as well.
CREATE TABLE by_text (LIKE sealed);
DO $$ DECLARE r plain; BEGIN FOR r IN SELECT * FROM plain LOOP EXECUTE format('INSERT INTO by_text VALUES (%L, %L, %L, %L, %L, %L, %L)', r.id, r.t, r.b, r.j, r.n, r.d, r.z); END LOOP; END $$;
SELECT lost('by_text');
DROP TABLE by_text;

-- ------------------------------------------------------------ every mask, over all of them
RESET ROLE;
-- What a reader sees: by the cast, by the output, as JSON; an error with its code.
CREATE FUNCTION seen(way text, id int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	c CONSTANT text := (ARRAY['t', 'b', 'j', 'n', 'd', 'z'])[id / 100];
	base CONSTANT text := (ARRAY['text', 'bytea', 'jsonb', 'numeric', 'date', 'timestamptz'])[id / 100];
BEGIN
	EXECUTE format(CASE way WHEN 'cast' THEN 'SELECT s.%I::%s::text FROM sealed s WHERE id = %s' WHEN 'output' THEN 'SELECT format(''%%s'', s.%I) /* %s */ FROM sealed s WHERE id = %s'
		WHEN 'json' THEN 'SELECT to_jsonb(s.%I)::text /* %s */ FROM sealed s WHERE id = %s' ELSE 'SELECT tarot.try_decrypt(s.%I)::text /* %s */ FROM sealed s WHERE id = %s' END, c, base, id) INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN 'ERROR ' || SQLSTATE || ': ' || SQLERRM;
END
$$;
CREATE FUNCTION text_of(p plain) RETURNS text LANGUAGE sql AS $$ SELECT coalesce(p.t, p.b::text, p.j::text, p.n::text, p.d::text, p.z::text) $$;
CREATE TABLE masks (i serial, mask text);
INSERT INTO masks (mask) VALUES ('redact'), ('null'), ('hash'), ('partial(0,0)'), ('partial(1,0)'), ('partial(64,64)'), ('email'), ('card'), ('phone'), ('year'), ('month'), ('round(1)'), ('round(1000)'), ('round(0.3)'), ('round(0.0000000000000000001)'),
	('round(99999999999999999999)'), ('zero'), ('length'), ('json'), ('json_hide(name)'), ('json_show(name)'), ('json_show(a.b.c,name.name)');
CREATE TABLE shown (i int, mask text, id int, way text, value text, plain text);
GRANT INSERT ON shown TO regress_paths_masked;
DO $$
DECLARE
	m masks;
BEGIN
	FOR m IN SELECT * FROM masks ORDER BY i LOOP
		PERFORM tarot.alter_class('secret', mask => m.mask);
		SET LOCAL ROLE regress_paths_masked;
		INSERT INTO shown SELECT m.i, m.mask, p.id, way, seen(way, p.id), text_of(p) FROM plain p, unnest('{cast,output,json,try}'::text[]) AS way WHERE way IN ('cast', 'output') OR m.i % 3 = 0;
		RESET ROLE;
	END LOOP;
END
$$;
SELECT count(*) FROM shown;
SELECT mask, id, way, left(value, 100) FROM shown WHERE value LIKE 'ERROR%' ORDER BY i, id, way;
-- The cast, the output and JSON agree; what is not shown is NULL, or the placeholder where that cannot be.
SELECT DISTINCT a.mask, a.id / 100 AS type, b.way, left(a.value, 30), left(b.value, 30) FROM shown a JOIN shown b USING (i, id)
	WHERE a.way = 'cast' AND CASE b.way WHEN 'output' THEN coalesce(a.value, CASE id / 100 WHEN 1 THEN '' ELSE '[encrypted]' END) WHEN 'try' THEN a.value END <> b.value ORDER BY 1, 2, 3;
-- What looks like its mask: values that are their own, such as 0 under "zero" and the first day of a year.
SELECT mask, string_agg(id || ' ' || left(plain, 24), ', ' ORDER BY id) AS as_they_are FROM shown WHERE value = plain AND way = 'cast' GROUP BY i, mask ORDER BY i;
-- What there is to see at all.
SELECT mask, id / 100 AS type, count(DISTINCT value) AS different, count(*) FILTER (WHERE value IS NULL) AS nothing, left(min(value), 24) AS least, left(max(value), 24) AS greatest FROM shown WHERE way = 'cast' AND mask <> 'hash' GROUP BY i, mask, id / 100 HAVING count(value) > 0 ORDER BY i, 2;
SELECT id / 100 AS type, count(DISTINCT value) = count(*) AS different, max(length(value)) AS length FROM shown WHERE way = 'cast' AND mask = 'hash' AND id / 100 < 3 GROUP BY 1 ORDER BY 1;
-- The number of digits alone would tell a number.
SELECT mask, string_agg(DISTINCT value, ',') FROM shown WHERE mask = 'zero' AND id / 100 = 4 AND way = 'cast' GROUP BY mask;
SELECT id, left(value, 12) AS value, length(value) FROM shown WHERE mask = 'round(1000)' AND id / 100 = 4 AND way = 'cast' ORDER BY id;
SELECT id, value FROM shown WHERE mask IN ('year', 'month') AND id >= 500 AND way = 'cast' ORDER BY id, i;

-- ------------------------------------------------------------ beyond the ends
SET ROLE regress_paths_app;
SELECT does(format('INSERT INTO sealed (id, %s) VALUES (9, %L)', c, v)) FROM (VALUES ('d', '4714-11-23 BC'), ('d', '5874898-01-01'), ('z', '4714-11-23 23:59:59+00 BC'), ('z', '294277-01-01 00:00:00+00'), ('n', '1e131072'), ('n', '1e-16384'), ('n', '1' || repeat('0', 131072)), ('b', '\x0'),
	('j', '{"a": "\u0000"}'), ('j', '1e131072'), ('j', repeat('[', 100000)), ('j', '"\ud83d"')) AS v (c, v);
SELECT does(format('SELECT %s FROM sealed WHERE id = %s', v, id)) FROM (VALUES (501, 'd - 1'), (520, 'd + 1'), (520, 'd::date::timestamptz'), (614, 'z + interval ''1 second'''), (601, 'z - interval ''1 second'''), (426, 'n * 10'), (426, 'n ^ 2')) AS v (id, v);

-- Called by hand: the class of a type modifier is asked for as in a column; what is none seals nothing.
SELECT modifier, does(format('SELECT tarot.encrypted_numeric(1.5, %s, true)::numeric', modifier)) AS from_numeric, does(format('SELECT tarot.encrypted_numeric(n, %s, true)::numeric FROM sealed WHERE id = 407', modifier)) AS from_sealed,
	does(format('SELECT tarot.encrypted_numeric_in(''1.5'', 0, %s)::numeric', modifier)) AS by_input FROM unnest('{-2147483648,-1,0,1,2147483646,2147483647}'::int[]) AS modifier;
SET ROLE regress_paths_masked;
SELECT modifier, does(format('SELECT tarot.encrypted_numeric(n, %s, true)::numeric FROM sealed WHERE id = 407', modifier)) AS from_sealed FROM unnest('{-1,0,1,2147483647}'::int[]) AS modifier;
SELECT does(format('SELECT tarot.encrypted_date_out(d)::text FROM sealed WHERE id = 513')), does('SELECT tarot.encrypted_date_send(d) FROM sealed WHERE id = 513'), does('SELECT tarot.date(d) FROM sealed WHERE id = 513'),
	does('SELECT tarot.try_decrypt(d) FROM sealed WHERE id = 513'), does('SELECT tarot.to_json(d) FROM sealed WHERE id = 513'), does('SELECT d::tarot.encrypted_date(''other'') FROM sealed WHERE id = 513');
RESET ROLE;

-- ------------------------------------------------------------ bytes that are no envelope of the type
-- A superuser brings them in by a cast that checks nothing: they are told apart or do not open, whatever reads them.
CREATE CAST (bytea AS tarot.encrypted_numeric) WITHOUT FUNCTION;
CREATE CAST (bytea AS tarot.encrypted_date) WITHOUT FUNCTION;
CREATE CAST (bytea AS tarot.encrypted_jsonb) WITHOUT FUNCTION;
CREATE CAST (tarot.encrypted_numeric AS bytea) WITHOUT FUNCTION;
CREATE TABLE broken (id serial, how text, v bytea);
GRANT ALL ON broken TO PUBLIC;
INSERT INTO broken (how, v) SELECT how, v FROM (SELECT n::bytea AS good FROM sealed WHERE id = 407) AS g, LATERAL (
	SELECT 'cut', substr(good, 1, i) FROM generate_series(0, length(good) - 1) AS i
	UNION ALL SELECT 'longer', good || decode(repeat('00', i), 'hex') FROM unnest('{1,16,40}'::int[]) AS i
	UNION ALL SELECT 'bit', set_bit(good, i, 1 - get_bit(good, i)) FROM generate_series(0, 8 * length(good) - 1) AS i WHERE i < 112 OR i % 7 = 0
	UNION ALL SELECT 'kind', set_byte(good, 1, 16 * kind + flag) FROM generate_series(0, 15) AS kind, generate_series(0, 1) AS flag WHERE 16 * kind + flag <> get_byte(good, 1)
	UNION ALL SELECT 'zeros', decode(repeat('00', i), 'hex') FROM generate_series(50, 100, 10) AS i
	UNION ALL SELECT 'noise', sha256(i::text::bytea) || sha256(i::text::bytea) FROM generate_series(1, 30) AS i) AS b (how, v);
CREATE TABLE moved (n tarot.encrypted_numeric('other'));
CREATE FUNCTION broken_by(role name) RETURNS TABLE (outcome text, count bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	RETURN QUERY SELECT split_part(does(format('SELECT %s FROM broken WHERE id = %s', replace(way, '$', 'v::tarot.encrypted'), id)), ':', 1), count(*) FROM broken,
		unnest(ARRAY['($_numeric)::numeric', 'tarot.encrypted_numeric_out($_numeric)', 'to_json($_numeric)', 'tarot.encrypted_numeric($_numeric, (SELECT atttypmod FROM pg_attribute WHERE attrelid = ''moved''::regclass AND attnum = 1), true)',
			'($_date)::date', 'tarot.encrypted_date_out($_date)', 'tarot.encrypted_date_send($_date)', '($_jsonb)::jsonb', 'tarot.encrypted_jsonb_send($_jsonb)']) AS way GROUP BY 1 ORDER BY 1;
	RESET ROLE;
END
$$;
SELECT tarot.alter_class('secret', mask => 'round(1)');
-- TS101, XX001: no envelope, or of another kind; TS102: does not open. Else it is of a class that nobody may see, and so are all for the last role.
SELECT role, string_agg(outcome, ' ' ORDER BY outcome COLLATE "C"), sum(count) > 1000 AS many FROM unnest('{regress_paths_app,regress_paths_masked,regress_paths_none}'::name[]) AS role, broken_by(role) GROUP BY role ORDER BY role;
SET ROLE regress_paths_app;
SELECT count(tarot.try_decrypt(v::tarot.encrypted_numeric)), count(tarot.try_decrypt(v::tarot.encrypted_date)), count(tarot.try_decrypt(v::tarot.encrypted_jsonb)) FILTER (WHERE tarot.try_decrypt(v::tarot.encrypted_jsonb) <> '"[encrypted]"') FROM broken;
RESET ROLE;
DROP TABLE broken, moved;

\set ECHO none
\i :source/sql/include/six_types_end.sql

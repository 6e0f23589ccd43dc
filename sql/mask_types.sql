-- What a masked reader sees of a value of any type in a plain column; of types that there are encrypted, both show the same.
-- Unaligned, for versions of psql do not agree on how wide some characters are.
\pset format unaligned
\pset null '(null)'
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
CREATE ROLE regress_mask_reader;
CREATE ROLE regress_mask_writer;
SELECT FROM tarot.create_key('profile');
SELECT tarot.create_class('secret', 'profile');
SELECT tarot.grant_class('secret', 'regress_mask_writer', 'plain'), tarot.grant_class('secret', 'regress_mask_reader', 'masked');
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
-- The rows of a query, each after its mask.
CREATE FUNCTION pg_temp.masks(masks text[], query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	mask text;
	line text;
BEGIN
	FOREACH mask IN ARRAY masks LOOP
		PERFORM tarot.alter_class('secret', mask => mask);
		FOR line IN EXECUTE query LOOP
			RETURN NEXT mask || ': ' || coalesce(line, '(null)');
		END LOOP;
	END LOOP;
END
$$;

CREATE FUNCTION pg_temp.spell(mask text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN tarot.normalize_mask(mask);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END
$$;

-- ------------------------------------------------------------ texts
-- Cut where the type is shorter; a mask that is cut is still one.
SELECT pg_temp.masks('{redact,null,"partial(2,2)",email,phone,card,"constant(ungültig, leider)",name,json,year,round(5)}', $$
	SELECT format('%s -> %s | %s | <%s> %s | %s | %s', t, coalesce(tarot.preview_mask('secret', t::text), 'NULL'), tarot.preview_mask('secret', t::varchar(8)), tarot.preview_mask('secret', t::char(20))::text,
		octet_length(tarot.preview_mask('secret', t::char(20))), tarot.preview_mask('secret', t::name), tarot.preview_mask('secret', t::"char"))
	FROM unnest('{ada@example.org,+49 30 1234567,4111 1111 1111 1234,Zoë Ångström,""}'::text[]) AS t $$);
-- Characters are cut whole; also a mask of a name has at most 63 bytes.
SELECT pg_temp.masks('{"partial(3,0)","constant(ääääääääääääääääääääääääääääääääääääääää)"}', $$
	SELECT format('%s %s %s', tarot.preview_mask('secret', '王小明同学们好'::varchar(2)), tarot.preview_mask('secret', '王小明同学们好'::varchar(7)), tarot.preview_mask('secret', '王小明同学们好'::name)) $$);
CREATE EXTENSION citext;
SELECT pg_temp.masks('{email}', $$ SELECT tarot.preview_mask('secret', 'Ada@Example.org'::citext) = 'A***@e***.ORG' $$);

-- ------------------------------------------------------------ every type
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TYPE pair AS (a text, b int);
CREATE TABLE anything (
	"int2" int2, "int4" int4, "int8" int8, "float4" float4, "float8" float8, "numeric" numeric, "numeric(7,2)" numeric(7,2), "money" money,
	"date" date, "timestamp" timestamp, "timestamp(0)" timestamp(0), "timestamptz" timestamptz, "time" time, "timetz" timetz, "interval" interval,
	"bool" bool, "bytea" bytea, "uuid" uuid, "inet" inet, "cidr" cidr, "macaddr" macaddr, "jsonb" jsonb, "json" json, "xml" xml, "tsvector" tsvector,
	"int4range" int4range, "mood" mood, "pair" pair, "oid" oid, "bit" bit(3), "point" point, "int[]" int[], "text[]" text[], "varchar(3)[]" varchar(3)[], "date[]" date[], "pair[]" pair[]);
INSERT INTO anything VALUES (47, 47, 47, 47.5, 47.5, 47.5, 47.5, 47.5,
	'2024-05-15', '2024-05-15 13:14:15.5', '2024-05-15 13:14:15', '2024-05-15 13:14:15.5+00', '13:14', '13:14+00', '1 day',
	true, '\x010203', '0f8fad5b-d9cb-469f-a165-708677289501', '192.0.2.55/8', '192.0.2.48/28', '08:00:2b:01:02:03', '{"name": "Ada", "age": 36}', '{"name": "Ada", "age": 36}', '<a/>', 'ada',
	'[1,5)', 'glad', '(Ada,36)', 47, '101', '(1,2)', '{47,NULL,-3}', '[2:3]={Ada,Bob}', '{Ada,Bob}', '{{2024-05-15},{2023-01-02}}', '{"(a,1)"}');
-- What is shown, of the columns that are not NULL under the mask.
DO $$
DECLARE
	columns text;
BEGIN
	SELECT string_agg(format('%L, tarot.preview_mask(%L, %I)', attname, 'secret', attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute WHERE attrelid = 'anything'::regclass AND attnum > 0;
	-- A function has at most 100 arguments.
	EXECUTE 'CREATE VIEW anything_masked AS SELECT json_strip_nulls(json_build_object(' || columns || ')) AS shown FROM anything';
END
$$;
SELECT pg_temp.masks('{null,redact,"partial(1,1)",email,"constant(0)",year,decade,week,day,"round(10)","round(0.5)","range(10)",zero,length,ip,"ip(16,32)",json,"json_show(name)"}', 'SELECT shown FROM anything_masked');
-- And what is keyed, but for the values of the pseudonyms.
SELECT pg_temp.masks('{hash,pseudonym,noise(5),noise(1%),fake_name}', $$ SELECT string_agg(key, ' ') FROM anything_masked, json_each_text(shown) WHERE key NOT LIKE '%[]' $$);
SELECT pg_temp.masks('{hash,pseudonym,noise(5),noise(1%),fake_name}', $$ SELECT count(*) FROM anything_masked m1, json_each_text(shown) JOIN (anything_masked AS m2 CROSS JOIN json_each_text(m2.shown) AS again) USING (key, value) $$);

-- ------------------------------------------------------------ edges
SELECT pg_temp.masks('{round(1000)}', $$ SELECT format('%s %s %s %s', tarot.preview_mask('secret', 32767::int2), tarot.preview_mask('secret', (-32768)::int2), tarot.preview_mask('secret', 32499::int2), tarot.preview_mask('secret', 2147483647)) $$);
SELECT pg_temp.masks('{round(10000)}', $$ SELECT format('%s %s %s', tarot.preview_mask('secret', 9223372036854775807), tarot.preview_mask('secret', -9223372036854775808), tarot.preview_mask('secret', 9223372036854770000)) $$);
SELECT pg_temp.masks('{round(1000),round(0.001)}', $$ SELECT format('%s %s %s', tarot.preview_mask('secret', 999.99::numeric(5,2)), tarot.preview_mask('secret', 499.99::numeric(5,2)), tarot.preview_mask('secret', 12345::numeric(5,-2))) $$);
SELECT pg_temp.masks('{range(10),round(10),noise(5),zero}', $$ SELECT format('%s %s %s %s', tarot.preview_mask('secret', 'NaN'::float8), tarot.preview_mask('secret', 'Infinity'::float8), tarot.preview_mask('secret', 'NaN'::numeric), tarot.preview_mask('secret', '-Infinity'::numeric)) $$);
SELECT pg_temp.masks('{round(99999999999999999999),noise(99999999999999999999)}', $$ SELECT format('%s %s', tarot.preview_mask('secret', 3.4e38::float4), tarot.preview_mask('secret', 1.7e308::float8) = 1.7e308) $$);
SELECT pg_temp.masks('{year,noise(365)}', $$ SELECT format('%s %s %s', tarot.preview_mask('secret', 'infinity'::date), tarot.preview_mask('secret', '-infinity'::timestamp), tarot.preview_mask('secret', 'infinity'::timestamptz)) $$);
SELECT pg_temp.masks('{ip}', $$ SELECT string_agg(tarot.preview_mask('secret', a)::text, ' ') FROM unnest('{2001:db8:1:2::3,::ffff:192.0.2.55,2002:c000:0237::1,10.1.2.3,::1}'::inet[]) AS a $$);
SELECT pg_temp.masks('{ip}', $$ SELECT string_agg(tarot.preview_mask('secret', a)::text, ' ') FROM unnest('{10.0.0.0/8,192.0.2.48/28,2001:db8::/32,2001:db8:1:2::/64}'::cidr[]) AS a $$);
-- A class that does not exist.
SELECT tarot.preview_mask('nothing', 'value'::text);

-- ------------------------------------------------------------ numbers
-- Short ones are counted in 64 bits: with the result of the arithmetic of any length, at both sides of each border.
CREATE TABLE numbers AS SELECT row_number() OVER () AS i, (sign * mantissa * 10::numeric ^ exponent)::numeric AS n FROM unnest('{1,-1}'::int[]) AS sign,
	unnest('{0,1,2,4,5,49,50,51,99,100,4999,5000,9999,10000,10001,123456789,999999999,49999999999999999,50000000000000000,99999999999999999,999999999999999999,1000000000000000000,9223372036854775807,9223372036854775808,12345678901234567890123}'::numeric[]) AS mantissa,
	generate_series(-24, 24) AS exponent;
INSERT INTO numbers SELECT row_number() OVER () + 10000, trim_scale(n) FROM numbers;
-- And each is written as the server writes it.
CREATE FUNCTION pg_temp.is_canonical(n numeric) RETURNS boolean LANGUAGE sql AS $$
	SELECT numeric_send(n) = numeric_send(n::text::numeric) AND pg_column_size(n) = pg_column_size(n::text::numeric) $$;
CREATE FUNCTION pg_temp.differing(step numeric) RETURNS TABLE (masked bigint, rounded bigint, ranges bigint, forms bigint) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM tarot.alter_class('secret', mask => format('round(%s)', step));
	SELECT count(tarot.preview_mask('secret', n)), count(*) FILTER (WHERE tarot.preview_mask('secret', n) IS DISTINCT FROM sign(n) * div(2 * abs(n) + step, 2 * step) * step OR scale(tarot.preview_mask('secret', n)) <> scale(step))
		INTO masked, rounded FROM numbers;
	SELECT count(*) FILTER (WHERE NOT pg_temp.is_canonical(tarot.preview_mask('secret', n)) OR NOT pg_temp.is_canonical(tarot.preview_mask('secret', (n % 1000)::numeric(30, 7)))) INTO forms FROM numbers;
	PERFORM tarot.alter_class('secret', mask => format('range(%s)', step));
	SELECT count(*) FILTER (WHERE tarot.preview_mask('secret', n) IS DISTINCT FROM step * (div(n, step) - (n < 0 AND mod(n, step) <> 0)::int) OR scale(tarot.preview_mask('secret', n)) <> scale(step)) INTO ranges FROM numbers;
	RETURN NEXT;
END
$$;
SELECT step, d.* FROM unnest('{1,3,10,1000,0.5,0.05,2.50,0.0001,0.00000000000000001,12345678901234567,99999999999999999,100000000000000000,12345678901234567890,0.12345678901234567}'::numeric[]) AS step, pg_temp.differing(step) AS d;
-- Noise and pseudonyms go by the number, not by how it is written: with zeros behind it, it is a long one.
CREATE FUNCTION pg_temp.noise_differs(mask text) RETURNS TABLE (compared bigint, beyond bigint, differing bigint) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM tarot.alter_class('secret', mask => mask);
	SELECT count(short), count(*) FILTER (WHERE abs(short - n) > amount + ulp), count(*) FILTER (WHERE abs(short - long) > ulp) INTO compared, beyond, differing
		FROM (SELECT n, tarot.preview_mask('secret', n) AS short, tarot.preview_mask('secret', n + 1e-40 - 1e-40) AS long,
				CASE WHEN mask LIKE '%\%%' THEN abs(n) * substring(mask from '[0-9.]+')::numeric / 100 ELSE substring(mask from '[0-9.]+')::numeric END AS amount FROM numbers) AS m,
			LATERAL (SELECT greatest(10::numeric ^ -scale(n), amount / 100000) AS ulp) AS u;
	RETURN NEXT;
END
$$;
SELECT mask, d.* FROM unnest('{noise(5),noise(0.05),noise(10%),noise(0.5%),noise(1000000),noise(12345678901)}'::text[]) AS mask, pg_temp.noise_differs(mask) AS d;
SELECT tarot.alter_class('secret', mask => 'pseudonym');
-- (How many are whole is another number since 17, where powers have other scales.)
SELECT count(tarot.preview_mask('secret', n)) > 2000 AS whole, count(DISTINCT tarot.preview_mask('secret', n)) = count(DISTINCT n) FILTER (WHERE mod(n, 1) = 0 AND n < 1e255) AS different,
	bool_and(tarot.preview_mask('secret', n) IS NOT DISTINCT FROM tarot.preview_mask('secret', n + 1e-40 - 1e-40)) AS same FROM numbers;
-- No digits below the noise are left, which would tell one number from all others.
SELECT pg_temp.masks('{noise(5),noise(1%),noise(100000000)}', $$ SELECT format('%s %s %s', scale(tarot.preview_mask('secret', 12.3456789012345678901)), scale(tarot.preview_mask('secret', 12.34)), tarot.preview_mask('secret', 1234567.2500001::float8)::numeric % 0.001) $$);
SELECT pg_temp.masks('{noise(1%),noise(1000000000)}', $$ SELECT format('%s %s', tarot.preview_mask('secret', 123456789012) % 1000, tarot.preview_mask('secret', 123456789012::numeric) % 1000) $$);
-- Equal amounts are the same noise, others are not a multiple of it.
SELECT tarot.alter_class('secret', mask => 'noise(5)');
SELECT tarot.preview_mask('secret', 1000.00000) AS five \gset
SELECT tarot.alter_class('secret', mask => 'noise(10)');
SELECT tarot.preview_mask('secret', 1000.00000) AS ten \gset
SELECT abs((:ten - 1000) - 2 * (:five - 1000)) > 0.0001 AS independent;
-- Pseudonyms of integers fit their types.
SELECT tarot.alter_class('secret', mask => 'pseudonym');
SELECT count(tarot.preview_mask('secret', i)) = count(*) AS shown, count(DISTINCT tarot.preview_mask('secret', i)) = count(*) AS different, bool_and(tarot.preview_mask('secret', i) = tarot.preview_mask('secret', i::bigint)) AS as_bigint,
	bool_and(tarot.preview_mask('secret', i) = tarot.preview_mask('secret', i::numeric)) AS as_numeric
	FROM (SELECT generate_series(2147483000, 2147483647) UNION SELECT generate_series(-2147483647, -2147483000) UNION SELECT generate_series(-500, 500) UNION SELECT generate_series(999999500, 1000000500) UNION SELECT '-2147483648') AS s (i);
SELECT count(tarot.preview_mask('secret', i)) = count(*) AS shown, count(DISTINCT tarot.preview_mask('secret', i)) = count(*) AS different, bool_and(tarot.preview_mask('secret', i) = tarot.preview_mask('secret', i::numeric)) AS as_numeric
	FROM (SELECT generate_series(9223372036854775000, 9223372036854775806) UNION SELECT generate_series(-9223372036854775807, -9223372036854775000) UNION SELECT 9223372036854775807 UNION SELECT -9223372036854775808 UNION SELECT generate_series(2147483648, 2147484648)) AS s (i);

-- ------------------------------------------------------------ documents
-- A mask a path; the longest counts, what an array holds is where the array is, and all that is not named is hidden.
CREATE TABLE documents (j json);
INSERT INTO documents VALUES ('{"contact": {"email": "ada@example.org", "phone": "+49 30 1234567", "more": {"email": "bob@example.com"}}, "kind": "reader", "age": 36, "tags": ["a", 1, true, null, {"email": "eve@example.org"}], "ssn": "123-45-6789"}'),
	('["ada@example.org", 47.5, {"kind": 5, "age": [36, 1e3, -47.25], "contact": "ada@example.org"}]'), ('"ada@example.org"'), ('47'), ('null'), ('{}'), ('[]'), (' { "kind" : [ ] , "age" : { } } '),
	-- Keys and values with escapes, keys twice, what is no character; a number that the server's own type has no room for.
	('{"k\u0069nd": "r\u0065ader", "kin\u0064\u0000": "hidden", "con\/tact": "hidden", "contact": {"em\u0061il": "\u0061da\u0040example.org"}, "contact": {"email": "eve@example.org"}, "kind": "\ud83d\ude00\ud83d", "age": 1e999999, "age": 2.5e+2, "age": 12345678901234567890123, "kind": "\"quoted\" \\ \n"}');
SELECT pg_temp.masks('{json,"json(contact.email: email, kind: show, age: range(10))","json(contact: partial(2, 2), contact.more: redact, tags: null, age: zero, ssn: constant(a \"b\" (c)))",json_hide(contact),"json_show(contact.email,kind)",redact,null,email}',
	$$ SELECT tarot.preview_mask('secret', j) FROM documents $$);
-- jsonb has the same masks, in its own order.
SELECT pg_temp.masks('{json,"json(contact.email: email, kind: show, age: range(10))","json(contact: partial(2, 2), contact.more: redact, tags: null, age: zero, ssn: constant(a (b)))",json_hide(contact),"json_show(contact.email,kind)",redact,null,email,"json(contact.email: hash, ssn: pseudonym, age: noise(5))"}',
	$$ SELECT count(*) FILTER (WHERE tarot.preview_mask('secret', j::jsonb) = tarot.preview_mask('secret', j)::jsonb) FROM documents WHERE j::text NOT LIKE '%u0000%' AND j::text NOT LIKE '%kind%kind%' $$);
-- Keyed masks within: the same as of the texts and numbers themselves.
SELECT tarot.alter_class('secret', mask => 'json(t: pseudonym, n: pseudonym, h: hash, f: fake_name, x: noise(5))');
SELECT tarot.preview_mask('secret', '{"t": "AB-1234-xy", "n": 123456789, "h": "Ada", "f": "Ada", "x": 47.50}'::jsonb) AS within \gset
SELECT pg_temp.masks('{pseudonym}', $$ SELECT tarot.preview_mask('secret', 'AB-1234-xy'::text) || ' ' || tarot.preview_mask('secret', 123456789) $$) = 'pseudonym: ' || (:'within'::jsonb ->> 't') || ' ' || (:'within'::jsonb ->> 'n') AS pseudonyms,
	pg_temp.masks('{hash}', $$ SELECT tarot.preview_mask('secret', 'Ada'::text) $$) = 'hash: ' || (:'within'::jsonb ->> 'h') AS hash, pg_temp.masks('{fake_name}', $$ SELECT tarot.preview_mask('secret', 'Ada'::text) $$) = 'fake_name: ' || (:'within'::jsonb ->> 'f') AS fake,
	pg_temp.masks('{noise(5)}', $$ SELECT tarot.preview_mask('secret', 47.50) $$) = 'noise(5): ' || (:'within'::jsonb ->> 'x') AS noise;
SELECT mask, pg_temp.spell(mask) FROM unnest(ARRAY['json ( a . b :email , c: PARTIAL( 1 ,2) )', 'json(a: show)', 'json()', 'json(a)', 'json(a: )', 'json(a: json)', 'json(a: year)', 'json(: email)', 'json(a: email', 'json(a: email) b', 'json(a: constant(x, (y)), b: redact)', 'json(a: constant(x)))', 'json(a..b: email)']) AS mask;

-- ------------------------------------------------------------ arrays
SELECT pg_temp.masks('{email,null,"partial(1,1)"}', $$ SELECT tarot.preview_mask('secret', '[0:1][3:4]={{ada@example.org,NULL},{no address,bob@example.com}}'::text[]) $$);
SELECT pg_temp.masks('{email}', $$ SELECT format('%s %s %s', tarot.preview_mask('secret', '{ada@example.org}'::varchar(6)[]), tarot.preview_mask('secret', '{}'::text[]), tarot.preview_mask('secret', ARRAY[NULL]::text[])) $$);

-- ------------------------------------------------------------ domains
-- A mask that the domain refuses is not shown; one that it would take is.
CREATE DOMAIN address AS text CHECK (value LIKE '%@%');
CREATE DOMAIN short_address AS address CHECK (length(value) < 10);
CREATE DOMAIN age AS int NOT NULL CHECK (value >= 0);
CREATE DOMAIN code AS varchar(4);
CREATE DOMAIN addresses AS address[] CHECK (array_length(value, 1) < 3);
SELECT pg_temp.masks('{email,redact,"partial(1,1)",zero,round(10),"constant(a@b)"}', $$
	SELECT format('%s | %s | %s | %s | %s', tarot.preview_mask('secret', 'ada@example.org'::address), tarot.preview_mask('secret', 'a@b.org'::short_address), tarot.preview_mask('secret', 36::age), tarot.preview_mask('secret', 'abcdef'::code),
		tarot.preview_mask('secret', '{ada@example.org,bob@x}'::addresses)) $$);

-- ------------------------------------------------------------ the same as of encrypted columns
CREATE TABLE plain (id int, t text, b bytea, j jsonb, n numeric, d date, z timestamptz);
INSERT INTO plain SELECT i,
	('{ada@example.org,+49 (30) 123-4567,4111 1111 1111 1111,DE89 3704 0044 0532 0130 00,Anna-Maria O''Neill,"Unter den Linden 5, Berlin, Germany",192.0.2.55,2001:db8:1:2::3,47.5,"","王小明",0f8fad5b-d9cb-469f-a165-708677289501,AB-1234-xy}'::text[])[1 + i % 13],
	decode(md5(i::text), 'hex'), jsonb_build_object('name', 'Ada ' || i, 'at', jsonb_build_array(i, true, NULL, 'x', '{"city": "Rome"}'::jsonb)),
	('{0,7,47,-47,40,-40,45678.90,-0.05,123456789,1.500,NaN,Infinity,1e300,-12345678901234567890,0.000001,499.5,500,500.0,-500.0000000000000000000000001,99999999999999999999.5,1e-30,2147483648,9223372036854775808}'::numeric[])[1 + i % 23] * (i / 23 + 1),
	('{2024-05-15,1815-12-10,infinity,0001-01-01 BC,2000-02-29}'::date[])[1 + i % 5] + i, ('{2024-05-15 13:14:15.5+02,1815-12-10 00:00:00,infinity,-infinity,0001-01-01 BC}'::timestamptz[])[1 + i % 5] + i * interval '1 hour 1.25 seconds'
	FROM generate_series(0, 129) AS i;
CREATE TABLE sealed (id int, t tarot.encrypted_text('secret'), b tarot.encrypted_bytea('secret'), j tarot.encrypted_jsonb('secret'), n tarot.encrypted_numeric('secret'), d tarot.encrypted_date('secret'), z tarot.encrypted_timestamptz('secret'));
GRANT SELECT, INSERT ON sealed, plain TO regress_mask_writer, regress_mask_reader;
GRANT EXECUTE ON FUNCTION tarot.preview_mask(text, anyelement) TO regress_mask_reader;
SET ROLE regress_mask_writer;
INSERT INTO sealed SELECT * FROM plain;
RESET ROLE;
CREATE FUNCTION pg_temp.compare(mask text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	differing text;
BEGIN
	RESET ROLE;
	PERFORM tarot.alter_class('secret', mask => mask);
	SET ROLE regress_mask_reader;
	SELECT string_agg(format(E'\n%s: %s %s -> %s, not %s', mask, type, value, shown, sealed), '' ORDER BY type, id) INTO differing
		FROM (SELECT p.id, type, value, shown, sealed FROM plain p JOIN sealed s USING (id), LATERAL (VALUES
				('text', p.t, tarot.preview_mask('secret', p.t), s.t::text), ('bytea', p.b::text, tarot.preview_mask('secret', p.b)::text, s.b::bytea::text), ('jsonb', p.j::text, tarot.preview_mask('secret', p.j)::text, s.j::jsonb::text),
				('numeric', p.n::text, tarot.preview_mask('secret', p.n)::text, s.n::numeric::text), ('date', p.d::text, tarot.preview_mask('secret', p.d)::text, s.d::date::text), ('timestamptz', p.z::text, tarot.preview_mask('secret', p.z)::text, s.z::timestamptz::text))
			AS c (type, value, shown, sealed)) AS pairs WHERE shown IS DISTINCT FROM sealed;
	RESET ROLE;
	RETURN coalesce(differing, 'the same');
END
$$;
SELECT mask, pg_temp.compare(mask) FROM unnest('{redact,null,"partial(2,2)",email,card,phone,iban,name,address,ip,"ip(16,32)",range(10),range(0.25),"constant(x)",hash,pseudonym,pseudonym_card,
	fake_first_name,fake_last_name,fake_name,fake_city,fake_company,decade,year,quarter,month,week,day,noise(5),noise(0.5),noise(10%),round(1000),round(0.05),round(3),zero,length,json,json_hide(name),json_show(at.city),"json(name: name, at.city: hash, at: noise(5))"}'::text[]) AS mask;

-- ------------------------------------------------------------ functions
-- Whoever may make classes answers for them. What they must be is checked when a class gets one, and at each use.
CREATE SCHEMA blurs;
CREATE FUNCTION blurs.blur(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC SELECT left(value, 1) || '…'; END;
CREATE FUNCTION blurs.blur(value varchar) RETURNS varchar LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN '0123456789'; END $$;
CREATE FUNCTION blurs.blur(value mood) RETURNS mood LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$ DECLARE was text := value; BEGIN RETURN CASE WHEN was = 'sad' THEN 'glad' END; END $$;
CREATE FUNCTION blurs.blur(value numeric) RETURNS numeric LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN 1000 / (value - 1); END $$;
CREATE FUNCTION blurs.blur(value pair) RETURNS pair LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$ SELECT $1.a, 0 $$;
CREATE FUNCTION blurs.blur(value int) RETURNS int LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$ BEGIN RAISE 'the value is %', value USING DETAIL = value, HINT = value, ERRCODE = value::text; END $$;
CREATE FUNCTION blurs.volatile(value text) RETURNS text LANGUAGE sql VOLATILE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$ SELECT $1 $$;
CREATE FUNCTION blurs.unsafe(value text) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT $1 $$;
CREATE FUNCTION blurs.open(value text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT $1 $$;
CREATE FUNCTION blurs.shadowed(value text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog AS $$ SELECT $1 $$;
CREATE FUNCTION blurs.first(value text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_temp, pg_catalog AS $$ SELECT $1 $$;
CREATE FUNCTION blurs.users(value text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE SET search_path = "$user", pg_catalog, pg_temp AS $$ SELECT $1 $$;
CREATE FUNCTION blurs.quoted(value text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE SET search_path = 'pg_catalog, pg_temp' AS $$ SELECT $1 $$;
CREATE FUNCTION blurs.empty(value text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE SET search_path = '' AS $$ SELECT $1 $$;
CREATE FUNCTION blurs.other(value text) RETURNS int LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$ SELECT 1 $$;
CREATE FUNCTION blurs.two(value text, more text DEFAULT '') RETURNS text LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$ SELECT $1 $$;
CREATE FUNCTION blurs.foreign(value text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$ SELECT $1 $$;
ALTER FUNCTION blurs.foreign OWNER TO regress_mask_writer;
SELECT mask, pg_temp.spell(mask) FROM unnest('{function( blurs.blur ),function(blurs.volatile),function(blurs.unsafe),function(blurs.open),function(blurs.shadowed),function(blurs.first),function(blurs.users),function(blurs.quoted),function(blurs.empty),function(blurs.other),function(blurs.two),function(blurs.foreign),function(blurs.missing),function(missing.blur),function(blur),function(),function(a.b.c),function(.blur),function(blurs.)}'::text[]) AS mask;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA blurs FROM PUBLIC;
SELECT tarot.alter_class('secret', mask => 'function(blurs.blur)');
-- The reader needs no privilege on it.
SET ROLE regress_mask_reader;
SELECT blurs.blur('Ada');
SELECT tarot.preview_mask('secret', 'Ada'::text), tarot.preview_mask('secret', 'Ada'::varchar), tarot.preview_mask('secret', 'Ada'::varchar(4)), tarot.preview_mask('secret', 'Ada'::char(4)), tarot.preview_mask('secret', '{Ada,NULL,Bob}'::text[]),
	tarot.preview_mask('secret', 'sad'::mood), tarot.preview_mask('secret', 'glad'::mood), tarot.preview_mask('secret', '(Ada,36)'::pair), tarot.preview_mask('secret', 5::numeric(5,1)), tarot.preview_mask('secret', 1.1::numeric(4,1)), tarot.preview_mask('secret', '2024-05-15'::date);
-- Its errors are not told, whatever they hold.
\set SHOW_CONTEXT always
SELECT tarot.preview_mask('secret', 12345);
SELECT tarot.preview_mask('secret', 1::numeric);
\set SHOW_CONTEXT errors
-- Of encrypted columns it shows nothing: no function of SQL gets an opened value that its reader may not have.
SELECT t, n::numeric, j FROM sealed LIMIT 1;
RESET ROLE;
-- What the reader puts before the names in it does not count.
SET ROLE regress_mask_reader;
CREATE FUNCTION pg_temp.steal(value text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'stolen: %', value; RETURN true; END $$;
CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (pg_temp.steal(VALUE));
SELECT tarot.preview_mask('secret', 'sad'::mood);
RESET ROLE;
ALTER FUNCTION blurs.blur(mood) SET search_path = pg_catalog;
SET ROLE regress_mask_reader;
SELECT tarot.preview_mask('secret', 'sad'::mood);
DROP DOMAIN pg_temp.text;
DROP FUNCTION pg_temp.steal;
RESET ROLE;
-- One that is no longer what it must be is not called.
ALTER FUNCTION blurs.blur(text) VOLATILE;
SELECT tarot.preview_mask('secret', 'Ada'::text);
ALTER FUNCTION blurs.blur(text) IMMUTABLE;
ALTER FUNCTION blurs.blur(text) OWNER TO regress_mask_writer;
SELECT tarot.preview_mask('secret', 'Ada'::text);
DROP FUNCTION blurs.blur(text);
SELECT tarot.preview_mask('secret', 'Ada'::text);

-- ------------------------------------------------------------ memory
-- What is known of a class makes room for the next one, of which each row may have another.
SELECT tarot.alter_class('secret', mask => 'redact');
SELECT tarot.create_class('other', 'profile', 'email');
BEGIN;
DECLARE previews CURSOR FOR SELECT tarot.preview_mask(CASE i % 2 WHEN 0 THEN 'secret' ELSE 'other' END, 'ada@example.org'::text) FROM (SELECT generate_series(1, 20000) AS i) s;
FETCH 2 previews;
SELECT sum(total_bytes) AS bytes FROM pg_backend_memory_contexts \gset
MOVE 19990 previews;
SELECT sum(total_bytes) - :bytes < 1000000 AS small FROM pg_backend_memory_contexts;
FETCH 2 previews;
COMMIT;
SELECT string_agg(tarot.preview_mask(CASE i % 2 WHEN 0 THEN 'secret' ELSE 'other' END, 'ada@example.org'::text), ' ' ORDER BY i) FROM generate_series(1, 4) AS i;

-- ------------------------------------------------------------ keys
SELECT tarot.alter_class('secret', mask => 'pseudonym');
SELECT tarot.lock();
SELECT tarot.preview_mask('secret', 'AB-1234-xy'::text);
SELECT tarot.alter_class('secret', mask => 'redact');
SELECT tarot.preview_mask('secret', 'AB-1234-xy'::text);
SELECT tarot.unlock();

SET client_min_messages = error;
DROP TABLE anything, plain, sealed, numbers, documents CASCADE;
DROP SCHEMA blurs CASCADE;
DROP EXTENSION tarot_security CASCADE;
DROP ROLE regress_mask_reader, regress_mask_writer;

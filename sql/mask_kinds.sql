-- The masks that masks.sql and types.sql have not: what each shows, of which type, and that keyed ones are the same for the same.
-- Unaligned, for versions of psql do not agree on how wide some characters are.
\pset format unaligned
\pset null '(null)'
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
CREATE ROLE regress_kinds_plain;
CREATE ROLE regress_kinds_masked;
SELECT FROM tarot.create_key('profile');
SELECT FROM tarot.create_key('other');
SELECT tarot.create_class('secret', 'profile');
SELECT tarot.create_class('second', 'profile');
SELECT tarot.grant_class(class, 'regress_kinds_plain', 'plain'), tarot.grant_class(class, 'regress_kinds_masked', 'masked') FROM unnest('{secret,second}'::text[]) AS class;

CREATE TABLE texts (id int, t tarot.encrypted_text('secret'), u tarot.encrypted_text('second'));
CREATE TABLE numbers (id int, n tarot.encrypted_numeric('secret'));
CREATE TABLE dates (id int, d tarot.encrypted_date('secret'), z tarot.encrypted_timestamptz('secret'));
CREATE TABLE others (b tarot.encrypted_bytea('secret'), j tarot.encrypted_jsonb('secret'));
GRANT SELECT, INSERT, UPDATE, DELETE ON texts, numbers, dates, others TO regress_kinds_plain, regress_kinds_masked;

-- Rows of a query as a role that sees masks, under a mask.
CREATE FUNCTION pg_temp.masked(mask text, query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RESET ROLE;
	PERFORM tarot.alter_class(class, mask => mask) FROM unnest('{secret,second}'::text[]) AS class;
	SET ROLE regress_kinds_masked;
	RETURN QUERY EXECUTE query;
	RESET ROLE;
END
$$;
-- A text under a mask.
CREATE FUNCTION pg_temp.mask(mask text, value text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RESET ROLE;
	SET ROLE regress_kinds_plain;
	DELETE FROM texts;
	INSERT INTO texts (t) VALUES (value);
	RETURN pg_temp.masked(mask, 'SELECT t::text FROM texts');
END
$$;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';

-- ------------------------------------------------------------ texts without a key
SELECT mask, value, pg_temp.mask(mask, value) FROM (VALUES
	('name', 'Anna-Maria O''Neill'), ('name', 'Éloïse Ångström'), ('name', '王小明'), ('name', 'J. Q. Public'), ('name', '42'),
	('address', 'Unter den Linden 5, 10117 Berlin, Germany'), ('address', 'Unter den Linden 5, 10117 Berlin'),
	('ip', '192.0.2.55'), ('ip', '2001:db8:1:2::3'), ('ip(16, 32)', '192.0.2.55'), ('ip', 'localhost'),
	('iban', 'DE89 3704 0044 0532 0130 00'), ('iban', 'none'),
	('range(10)', '47'), ('range(0.5)', '-0.1'), ('range(10)', 'many'),
	('constant(withheld (art. 15))', 'secret'), ('constant()', 'secret'), ('constant(ungültig)', ''),
	('noise(5)', '47'), ('week', '2024-01-01')) AS s (mask, value);
-- A mask that asks nothing of the value needs no key: as redact, and unlike partial.
SELECT pg_temp.mask('constant(withheld)', 'secret');
SELECT tarot.lock();
SET ROLE regress_kinds_masked;
SELECT t FROM texts;
RESET ROLE;
SELECT tarot.alter_class('secret', mask => 'pseudonym');
SET ROLE regress_kinds_masked;
SELECT t FROM texts;
RESET ROLE;
SELECT tarot.unlock();
SET ROLE regress_kinds_masked;
SELECT length(t::text) = 6 AND t::text <> 'secret' AS shown FROM texts;
RESET ROLE;

-- ------------------------------------------------------------ pseudonyms
CREATE FUNCTION pg_temp.form(value text) RETURNS text LANGUAGE sql AS $$ SELECT regexp_replace(regexp_replace(regexp_replace($1, '[0-9]', '9', 'g'), '[a-z]', 'a', 'g'), '[A-Z]', 'A', 'g') $$;
SELECT value, pg_temp.form(pseudonym) AS form, pseudonym <> value AS changed, pseudonym = pg_temp.mask('pseudonym', value) AS again
	FROM (VALUES ('4111 1111 1111 1111'), ('AB-1234-xy'), ('anna.schmidt@example.com'), ('+49 (30) 123-45 67')) AS s (value), pg_temp.mask('pseudonym', value) AS pseudonym;
SELECT value, pseudonym ~ '^[0-9a-f]{32}$' AS hashed, pseudonym = pg_temp.mask('pseudonym', value) AS again
	FROM (VALUES ('12345'), (''), ('Anna'), ('Anna 👍'), ('Zoe' || U&'\0308' || ' Smith')) AS s (value), pg_temp.mask('pseudonym', value) AS pseudonym;
SELECT pg_temp.mask('pseudonym', '0f8fad5b-d9cb-469f-a165-708677289501')::uuid IS NOT NULL AS uuid, pg_temp.mask('pseudonym', 'Анна Шмидт') ~ '^[Ѐ-Я][а-џ]{3} [Ѐ-Я][а-џ]{4}$' AS cyrillic,
	pg_temp.mask('pseudonym', 'Müller-Lüdenscheidt') ~ '^[A-Z].[a-z]{4}-[A-Z].[a-z]{10}$' AS latin, length(pg_temp.mask('pseudonym', '王小明')) AS chinese;
-- Card numbers stay valid, or not.
CREATE FUNCTION pg_temp.luhn(value text) RETURNS boolean LANGUAGE sql AS $$
	SELECT sum(CASE WHEN place % 2 = 1 THEN digit ELSE (digit * 2) / 10 + (digit * 2) % 10 END) % 10 = 0
	FROM regexp_split_to_table(reverse(regexp_replace($1, '\D', '', 'g')), '') WITH ORDINALITY AS d (text, place), LATERAL (SELECT text::int) AS e (digit) $$;
SELECT value, pg_temp.luhn(value) AS valid, pg_temp.form(pseudonym) AS form, pg_temp.luhn(pseudonym) AS still
	FROM (VALUES ('4111 1111 1111 1111'), ('4111 1111 1111 1112'), ('378282246310005')) AS s (value), pg_temp.mask('pseudonym_card', value) AS pseudonym;
SELECT pg_temp.mask('pseudonym_card', 'no card') ~ '^[0-9a-f]{32}$' AS hashed;

-- The same value has the same pseudonym in all columns of a class, and another in another class; two values never share one.
TRUNCATE texts;
SET ROLE regress_kinds_plain;
INSERT INTO texts SELECT i, 'C-' || lpad(i::text, 6, '0'), 'C-' || lpad(i::text, 6, '0') FROM generate_series(1, 2000) AS i;
RESET ROLE;
CREATE TABLE orders (customer tarot.encrypted_text('secret'), amount int);
GRANT SELECT, INSERT ON orders TO regress_kinds_plain, regress_kinds_masked;
SET ROLE regress_kinds_plain;
INSERT INTO orders SELECT 'C-' || lpad((i % 500 + 1)::text, 6, '0'), i FROM generate_series(1, 1500) AS i;
SELECT * FROM pg_temp.masked('pseudonym', 'SELECT format(''%s values, %s pseudonyms, others in the other class: %s'', count(*), count(DISTINCT t::text), count(*) FILTER (WHERE t::text = u::text) < 3) FROM texts');
SELECT * FROM pg_temp.masked('pseudonym', 'SELECT format(''%s orders of %s customers'', count(*), count(DISTINCT t::text)) FROM texts JOIN orders ON t::text = customer::text');
-- And another under another key.
SELECT array_agg(p ORDER BY p) AS before FROM pg_temp.masked('pseudonym', 'SELECT t::text FROM texts LIMIT 100') AS p \gset
SELECT tarot.alter_class('secret', key => 'other');
SELECT count(*) < 3 AS others FROM pg_temp.masked('pseudonym', 'SELECT t::text FROM texts LIMIT 100') AS p WHERE p = ANY (:'before');
SELECT tarot.alter_class('secret', key => 'profile');
SELECT count(*) AS same FROM pg_temp.masked('pseudonym', 'SELECT t::text FROM texts LIMIT 100') AS p WHERE p = ANY (:'before');

-- ------------------------------------------------------------ fakes
SELECT mask, fake ~ form AS form, fake = pg_temp.mask(mask, 'Anna Schmidt') AS again
	FROM (VALUES ('fake_first_name', '^\w+$'), ('fake_last_name', '^\w+$'), ('fake_name', '^\w+ \w+$'), ('fake_city', '^[\w ]+$'), ('fake_company', '^\w+ [\w.]+$')) AS s (mask, form), pg_temp.mask(mask, 'Anna Schmidt') AS fake;
SELECT pg_temp.mask('fake_name', '') ~ '^\w+ \w+$' AS of_nothing;

-- ------------------------------------------------------------ numbers
SET ROLE regress_kinds_plain;
INSERT INTO numbers SELECT i, n FROM unnest('{0,7,47,-47,40,-40,45678.90,-0.05,123456789,1.500,NaN,Infinity,1e300}'::numeric[]) WITH ORDINALITY AS s (n, i);
INSERT INTO numbers VALUES (99, NULL);
RESET ROLE;
SELECT * FROM pg_temp.masked('range(10)', 'SELECT id || '': '' || coalesce(left(n::numeric::text, 30), ''NULL'') FROM numbers ORDER BY id');
SELECT * FROM pg_temp.masked('range(0.25)', 'SELECT id || '': '' || coalesce(left(n::numeric::text, 30), ''NULL'') FROM numbers WHERE id < 11 ORDER BY id');
CREATE TEMP TABLE raw AS SELECT i AS id, n FROM unnest('{0,7,47,-47,40,-40,45678.90,-0.05,123456789,1.500,NaN,Infinity,1e300}'::numeric[]) WITH ORDINALITY AS s (n, i);
GRANT ALL ON raw TO regress_kinds_masked;
CREATE TEMP TABLE seen AS SELECT split_part(s, ':', 1)::int AS id, split_part(s, ':', 2)::numeric AS n FROM pg_temp.masked('noise(5)', 'SELECT id || '':'' || (n::numeric::text) FROM numbers WHERE n::numeric IS NOT NULL') AS s;
SELECT count(*) AS shown, bool_and(abs(seen.n - raw.n) <= 5) AS within, bool_and(scale(seen.n) = scale(raw.n)) AS scale, count(*) FILTER (WHERE seen.n <> raw.n) > 2 AS changed FROM seen JOIN raw USING (id);
SELECT count(*) AS again FROM seen JOIN (SELECT split_part(s, ':', 1)::int AS id, split_part(s, ':', 2)::numeric AS n FROM pg_temp.masked('noise(5)', 'SELECT id || '':'' || (n::numeric::text) FROM numbers WHERE n::numeric IS NOT NULL') AS s) AS second USING (id, n);
CREATE TEMP TABLE percents AS SELECT split_part(s, ':', 1)::int AS id, split_part(s, ':', 2)::numeric AS n FROM pg_temp.masked('noise(10%)', 'SELECT id || '':'' || (n::numeric::text) FROM numbers WHERE n::numeric IS NOT NULL') AS s;
SELECT count(*) AS shown, bool_and(abs(percents.n - raw.n) <= abs(raw.n) / 10 + 0.5) AS within, bool_and(percents.n = 0) FILTER (WHERE raw.n = 0) AS zero FROM percents JOIN raw USING (id);
-- However a number is written, it is the same number.
TRUNCATE numbers;
SET ROLE regress_kinds_plain;
INSERT INTO numbers VALUES (1, 1000), (2, 1000.00), (3, 1e3);
RESET ROLE;
SELECT count(DISTINCT round(s::numeric)) AS distinct FROM pg_temp.masked('noise(5)', 'SELECT n::numeric::text FROM numbers') AS s;
SELECT count(DISTINCT s) AS distinct, min(s) ~ '^\d+$' AS whole FROM pg_temp.masked('pseudonym', 'SELECT n::numeric::text FROM numbers') AS s;
TRUNCATE numbers;
SET ROLE regress_kinds_plain;
INSERT INTO numbers SELECT i, i FROM generate_series(0, 999) AS i UNION ALL SELECT i, -i::bigint * 12345678 FROM generate_series(1000, 1999) AS i;
INSERT INTO numbers VALUES (5000, 1.5), (5001, 'NaN'), (5002, 1e300);
RESET ROLE;
SELECT count(*) AS rows, count(s) AS shown, count(DISTINCT s) AS distinct FROM pg_temp.masked('pseudonym', 'SELECT n::numeric::text FROM numbers') AS s;
SELECT bool_and(s::numeric BETWEEN 0 AND 999999) AS small FROM pg_temp.masked('pseudonym', 'SELECT n::numeric::text FROM numbers WHERE id < 1000') AS s;
SELECT bool_and(s ~ '^-\d{11}$') AS large FROM pg_temp.masked('pseudonym', 'SELECT n::numeric::text FROM numbers WHERE id BETWEEN 1000 AND 1999') AS s;
-- No mask of another type shows anything.
SELECT mask, count(s) FROM unnest('{name,constant(5),fake_city,week,ip}'::text[]) AS mask, pg_temp.masked(mask, 'SELECT n::numeric::text FROM numbers LIMIT 1') AS s GROUP BY mask ORDER BY mask;

-- ------------------------------------------------------------ dates, beside what the server says
CREATE TEMP TABLE days AS SELECT row_number() OVER () AS id, d, d::timestamp AT TIME ZONE 'UTC' + time '13:14:15.678901' AS z
	FROM (SELECT date '1995-12-28' + i AS d FROM generate_series(0, 3000, 17) AS i UNION ALL SELECT unnest('{0001-01-01,0001-01-01 BC,0009-12-31 BC,0010-06-07 BC,0011-06-07 BC,2000-02-29,2024-12-30,4700-05-05 BC,5000-11-30}'::date[])) AS s;
GRANT SELECT ON days TO regress_kinds_plain, regress_kinds_masked;
SET ROLE regress_kinds_plain;
INSERT INTO dates SELECT id, d, z FROM days;
RESET ROLE;
SELECT part, s FROM unnest('{decade,year,quarter,month,week}'::text[]) AS part, pg_temp.masked(part, format(
	'SELECT format(''%%s of %%s, of times %%s'', count(*) FILTER (WHERE x.d::date = date_trunc(%1$L, y.d::timestamp)::date), count(*), count(*) FILTER (WHERE x.z::timestamptz = date_trunc(%1$L, y.z))) FROM dates x JOIN days y USING (id)', part)) AS s;
SELECT * FROM pg_temp.masked('day', 'SELECT format(''%s shown, times %s'', count(x.d::date), count(*) FILTER (WHERE x.z::timestamptz = date_trunc(''day'', y.z))) FROM dates x JOIN days y USING (id)');
SELECT * FROM pg_temp.masked('noise(30)', 'SELECT format(''%s within, %s the same, times %s, of a second %s'', count(*) FILTER (WHERE abs(x.d::date - y.d) <= 30), count(*) FILTER (WHERE x.d::date = y.d) < 20, count(*) FILTER (WHERE abs(extract(epoch FROM x.z::timestamptz - y.z)) <= 30 * 86400 + 1),
	count(*) FILTER (WHERE x.z::timestamptz <> date_trunc(''second'', x.z::timestamptz))) FROM dates x JOIN days y USING (id)');
SELECT * FROM pg_temp.masked('noise(0.5)', 'SELECT format(''%s dates shown, times %s'', count(x.d::date), count(*) FILTER (WHERE abs(extract(epoch FROM x.z::timestamptz - y.z)) <= 43201)) FROM dates x JOIN days y USING (id)');
SELECT * FROM pg_temp.masked('noise(10%)', 'SELECT format(''%s dates shown, times %s'', count(d::date), count(z::timestamptz)) FROM dates');
TRUNCATE dates;
SET ROLE regress_kinds_plain;
INSERT INTO dates VALUES (1, '4713-01-01 BC', '4713-01-01 00:00:00+00 BC'), (2, '5874897-12-31', '294276-12-31 23:59:59.999999+00'), (3, 'infinity', '-infinity');
RESET ROLE;
SELECT mask, s FROM unnest('{decade,quarter,week,day,noise(1000000)}'::text[]) AS mask, pg_temp.masked(mask, 'SELECT string_agg(coalesce(d::date::text, ''NULL'') || '' '' || coalesce(z::timestamptz::text, ''NULL''), '', '' ORDER BY id) FROM dates WHERE id <> 2') AS s WHERE mask !~ 'noise';
SELECT count(*) FROM pg_temp.masked('noise(1000000)', 'SELECT d::date::text || z::timestamptz::text FROM dates') AS s;
-- Beyond both ends there is nothing to show.
SELECT count(s) FROM pg_temp.masked('week', 'SELECT d::date::text FROM dates') AS s;

-- ------------------------------------------------------------ bytes and documents
SET ROLE regress_kinds_plain;
INSERT INTO others VALUES ('\x0102', '{"name": "Ada"}');
RESET ROLE;
SELECT mask, s FROM unnest('{name,pseudonym,noise(5),constant(x),fake_name}'::text[]) AS mask, pg_temp.masked(mask, 'SELECT coalesce(b::bytea::text, ''NULL'') || '' '' || (j::text) FROM others') AS s;

-- ------------------------------------------------------------ spellings
CREATE FUNCTION pg_temp.spell(mask text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN tarot.normalize_mask(mask);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END
$$;
SELECT mask, pg_temp.spell(mask) FROM unnest(ARRAY['IP ( 24 , 48 )', 'ip(16,32)', 'ip(32,128)', 'noise( 10 % )', 'noise(x)', 'range(0)', 'constant( a (b) )', 'constant', E'constant(a\nb)', 'pseudonym', 'pseudonym(8)', 'fake']) AS mask;

SET client_min_messages = error;
DROP TABLE texts, numbers, dates, others, orders, days, raw;
DROP EXTENSION tarot_security CASCADE;
DROP ROLE regress_kinds_plain, regress_kinds_masked;

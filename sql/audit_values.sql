-- What stands in an entry: of a value of each type the same whatever the session's settings are, of secrets their envelopes and masks.
SET client_min_messages = warning;
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE EXTENSION tarot_security;
\getenv source PG_ABS_SRCDIR
\i :source/sql/include/attempt.sql

CREATE TYPE mood AS ENUM ('calm', 'not "calm"');
CREATE DOMAIN short AS text CHECK (length(value) < 10);
CREATE TYPE pair AS (at timestamptz, how interval);
CREATE TABLE everything (id bigint PRIMARY KEY, i2 int2, i4 int4, n numeric, n2 numeric(9,3), f4 float4, f8 float8, b bool, t text, v varchar(5), c char(4), q "char", na name, by bytea, u uuid,
	d date, tm time, tz timetz, ts timestamp, tst timestamptz, iv interval, j json, jb jsonb, x xml, ip inet, e mood, s short, p pair, ai int[], at text[], atz timestamptz[], r tstzrange, bits bit(3), re regclass, m point);
SELECT tarot.audit_table('everything');
INSERT INTO everything VALUES (9223372036854775807, -32768, 2147483647, 12345678901234567890.12300, 1.5, 0.1, 1e-300, true, E'a"\\\n\u00e9\u2028', 'abc', 'ab', 'q', 'na', '\x00ff', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
	'2024-02-29', '12:34:56.789', '12:34:56+02', '2024-02-29 12:00', '2024-02-29 12:00+02', '1 year 2 days 03:04:05', '{"b" :1, "a":2, "a":3}', '{"b": [1, {"c": null}], "a": 1.50}', '<a/>', '10.0.0.1/8', 'not "calm"', 'tiny', ROW('2024-02-29 12:00+02', '1 day'),
	'{1,NULL,3}', '{a,"b,c",NULL}', '{2024-02-29 12:00+02}', '[2024-02-29 12:00+02,)', B'101', 'pg_class', '(0.1,2)'),
	(-1, 0, 0, 'NaN', 0, 'Infinity', '-Infinity', false, '', '', '', '', '', '', '00000000-0000-0000-0000-000000000000', '-infinity', '00:00', '00:00+00', 'infinity', '4713-01-01 BC', '0', '"s"', '"scalar"', NULL, '::1', 'calm', '', ROW(NULL, NULL), '{}', '{}', '{}', 'empty', B'000', NULL, '(NaN,1e300)'),
	(0, NULL, NULL, 1e1000, NULL, -0.0, 0.1::float8 + 0.2, NULL, repeat('x', 10), NULL, NULL, NULL, NULL, NULL, NULL, '5874897-12-31', '24:00', NULL, '0044-03-15 BC', '294276-12-31 23:59:59.999999+00', NULL, 'null', 'null', NULL, NULL, NULL, NULL, NULL, '{{1,2},{3,4}}', NULL, NULL, NULL, NULL, NULL, NULL);
\pset format unaligned
SELECT jsonb_pretty(new) FROM tarot.audit_log WHERE table_name = 'public.everything' ORDER BY number;
\pset format aligned
-- It is jsonb as the server itself makes it, and the types read it back (json is taken for a string).
SELECT new = new::text::jsonb AS same, (SELECT count(*) FROM jsonb_object_keys(new)) = 35 AS whole, (SELECT bool_and(new ? k AND new->k IS NOT DISTINCT FROM v) FROM jsonb_each(new::text::jsonb) AS o (k, v)) AS found FROM tarot.audit_log WHERE table_name = 'public.everything' ORDER BY number;
SELECT l.number, bool_and(to_jsonb(back)->k IS NOT DISTINCT FROM to_jsonb(stored)->k) AS read_back, string_agg(k, ', ') FILTER (WHERE to_jsonb(back)->k IS DISTINCT FROM to_jsonb(stored)->k) AS but
	FROM tarot.audit_log l, LATERAL jsonb_populate_record(NULL::everything, l.new) AS back, everything stored, jsonb_object_keys(to_jsonb(stored)) AS k WHERE stored.id = back.id AND l.table_name = 'public.everything' GROUP BY l.number ORDER BY l.number;
-- Under other settings: the same.
CREATE TABLE other AS SELECT new FROM tarot.audit_log WHERE table_name = 'public.everything';
SET DateStyle = 'German, DMY'; SET IntervalStyle = iso_8601; SET TimeZone = 'Asia/Kolkata'; SET bytea_output = escape; SET extra_float_digits = -5; SET search_path = tarot, public; SET xmloption = document; SET quote_all_identifiers = on;
DELETE FROM public.everything;
SELECT count(*) FROM tarot.audit_log l JOIN public.other o ON l.old = o.new AND l.old::text = o.new::text;
SELECT current_setting('DateStyle'), current_setting('TimeZone'), current_setting('IntervalStyle'), current_setting('search_path'), current_setting('tarot_security.io');
RESET ALL;
SET client_min_messages = warning;
DROP TABLE everything;

-- ------------------------------------------------------------ large values, many columns
CREATE TABLE file (id int PRIMARY KEY, name text, body text);
SELECT tarot.audit_table('file');
INSERT INTO file VALUES (1, 'small', repeat('a', 1024 * 1024)), (2, 'large', repeat('a', 1024 * 1024 + 1));
UPDATE file SET name = name || '!';
UPDATE file SET body = body || 'b' WHERE id = 2;
SELECT operation, key, length(old->>'body') AS old, length(new->>'body') AS new, CASE WHEN key = '{"id": 2}' THEN new->'body' END AS digest FROM tarot.audit_log WHERE relation = 'file'::regclass ORDER BY transaction, number;
SELECT encode(sha256(convert_to(body, 'UTF8')), 'hex') FROM file WHERE id = 2;
SET tarot_security.audit_value_limit = '1kB';
UPDATE file SET body = repeat('b', 1025) WHERE id = 1;
SELECT new FROM tarot.audit_log WHERE relation = 'file'::regclass ORDER BY transaction DESC LIMIT 1;
CREATE ROLE regress_audit_user;
SET ROLE regress_audit_user;
SET tarot_security.audit_value_limit = '2kB';
RESET ROLE;
-- More than a jsonb has room for: what is too much is there by its digest.
SET tarot_security.audit_value_limit = '32MB';
CREATE TABLE many (id int PRIMARY KEY);
SELECT format('ALTER TABLE many %s', string_agg(format('ADD %I text', 'c' || g), ', ')) FROM generate_series(1, 10) g \gexec
SELECT tarot.audit_table('many');
SELECT format('INSERT INTO many VALUES (1, %s)', string_agg(format('repeat(%L, 30000000)', chr(96 + g)), ', ')) FROM generate_series(1, 10) g \gexec
SELECT k, jsonb_typeof(new->k) AS type, length(new->>k) AS length FROM tarot.audit_log l, jsonb_object_keys(new) k WHERE relation = 'many'::regclass ORDER BY k;
DROP TABLE many;
RESET tarot_security.audit_value_limit;
-- A value that is small, but has no room as text, neither.
CREATE TABLE huge (id int PRIMARY KEY, digits numeric[], t text);
SELECT tarot.audit_table('huge');
INSERT INTO huge SELECT 1, array_agg('1e131071'::numeric), 'small' FROM generate_series(1, 2100);
SELECT jsonb_typeof(new->'digits') AS type, new->'digits'->'bytes' AS bytes, new->'t' AS t, (SELECT count(*) FROM jsonb_each(new)) AS columns FROM tarot.audit_log WHERE relation = 'huge'::regclass;
DROP TABLE huge;
-- As many columns as a table can have, most of them with names of the same length.
\set ECHO none
SELECT format('CREATE TABLE wide (id int PRIMARY KEY, %s)', string_agg(format('c%s %s', g, CASE g % 4 WHEN 0 THEN 'int' WHEN 1 THEN 'bool' WHEN 2 THEN 'text' ELSE 'numeric' END), ', ')) FROM generate_series(1, 1599) g \gexec
SELECT tarot.audit_table('wide');
SELECT format('INSERT INTO wide VALUES (1, %s)', string_agg(CASE g % 4 WHEN 0 THEN g::text WHEN 1 THEN 'true' WHEN 2 THEN format('%L', g) ELSE g || '.5' END, ', ')) FROM generate_series(1, 1599) g \gexec
\set ECHO all
UPDATE wide SET c3 = NULL, c1599 = 0, c800 = 1;
DELETE FROM wide;
SELECT operation, (SELECT count(*) FROM jsonb_object_keys(coalesce(new, old))) AS columns, (SELECT bool_and(coalesce(new, old)->('c' || g) = CASE g % 4 WHEN 0 THEN to_jsonb(g) WHEN 1 THEN 'true' WHEN 2 THEN to_jsonb(g::text) ELSE to_jsonb(g + 0.5) END)
	FROM generate_series(1, 1599) g WHERE coalesce(new, old) ? ('c' || g) AND g NOT IN (3, 800, 1599)) AS right, CASE WHEN operation = 'UPDATE' THEN new END AS new, coalesce(new, old) = coalesce(new, old)::text::jsonb AS same
	FROM tarot.audit_log WHERE relation = 'wide'::regclass ORDER BY transaction;

-- ------------------------------------------------------------ secrets
SELECT tarot.create_key('k') > 0 AS created, tarot.create_class('card', 'k', 'card'), tarot.create_class('email', 'k', 'email'), tarot.create_class('hashed', 'k', 'hash'), tarot.create_class('hidden', 'k');
SELECT tarot.grant_class(c, 'postgres', 'plain') FROM unnest('{card,email,hashed,hidden}'::text[]) AS c;
CREATE TABLE customer (id int PRIMARY KEY, card tarot.encrypted_text('card'), cards tarot.encrypted_text('card')[], mail text, phone text, tax text, pin int);
CREATE TYPE holder AS (name text, card tarot.encrypted_text('card'));
ALTER TABLE customer ADD holder holder;
SELECT tarot.classify_column('customer', 'mail', 'email'), tarot.classify_column('customer', 'tax', 'hashed'), tarot.classify_column('customer', 'pin', 'hidden');
SELECT tarot.audit_table('customer', exclude => '{phone}');
INSERT INTO customer VALUES (1, '4111111111111111', '{4222222222222222}', 'anna@example.org', '555-0100', 'TAX-77', 1234, ROW('Anna', '4333333333333333'));
UPDATE customer SET mail = 'berta@example.org', phone = '555-0101', tax = 'TAX-78', pin = 5678, card = '4444444444444444' WHERE id = 1;
UPDATE customer SET mail = mail, card = card, id = 2;
DELETE FROM customer;
SELECT operation, key, regexp_replace(regexp_replace(old::text, '\$tarot1\$[A-Za-z0-9_-]+', 'ENVELOPE', 'g'), '[0-9a-f]{20,}', 'HASH', 'g') AS old, regexp_replace(regexp_replace(new::text, '\$tarot1\$[A-Za-z0-9_-]+', 'ENVELOPE', 'g'), '[0-9a-f]{20,}', 'HASH', 'g') AS new
	FROM tarot.audit_log WHERE relation = 'customer'::regclass ORDER BY transaction;
-- Not in what is stored either.
SELECT count(*) FROM tarot.audit_entry e WHERE e.relation = 'customer'::regclass AND concat(e.key, e.old, e.new) ~ '41111|42222|43333|44444|anna@|berta@|555-01|TAX-7|1234|5678';
-- Where there is no mask without a key, nothing is written while there is none.
SELECT tarot.lock();
SELECT run($$INSERT INTO customer (id, tax) VALUES (3, 'TAX-79')$$), run($$INSERT INTO customer (id) VALUES (4)$$), run($$DELETE FROM customer WHERE id = 4$$);
SELECT tarot.unlock();
SELECT count(*) FROM tarot.audit_entry e WHERE e.relation = 'customer'::regclass AND key IN ('{"id": 3}', '{"id": 4}');
-- Nor by way of a row as a value: in an array, a domain, a range, another row.
CREATE TABLE guest (n int, mail text);
SELECT tarot.classify_column('guest', 'mail', 'email');
CREATE DOMAIN guest_domain AS guest;
CREATE TYPE crate AS (a int, g guest_domain[]);
CREATE TYPE plain_crate AS (a int, b text);
CREATE TYPE guests AS RANGE (subtype = guest);
CREATE TABLE keeps (id int PRIMARY KEY, g guest, gs guest[], d guest_domain, b crate, r guests, m guests_multirange, p plain_crate);
SELECT tarot.audit_table('keeps');
INSERT INTO keeps VALUES (1, ROW(1, 'carla@x.example'), ARRAY[ROW(1, 'carla@x.example')::guest], ROW(1, 'carla@x.example')::guest, ROW(1, ARRAY[ROW(1, 'carla@x.example')::guest]::guest_domain[])::crate,
	guests(ROW(1, 'carla@x.example')::guest, ROW(2, 'carla@x.example')::guest), guests_multirange(guests(ROW(1, 'carla@x.example')::guest, NULL)), ROW(1, 'shown')::plain_crate);
UPDATE keeps SET g.mail = 'other carla@x.example';
SELECT operation, key, old, new FROM tarot.audit_log WHERE relation = 'keeps'::regclass ORDER BY transaction;
SELECT count(*) FROM tarot.audit_entry e WHERE e::text ~ 'carla';

-- ------------------------------------------------------------ whom a token names
SELECT tarot.create_issuer('here', 'https://here.example', '{}', secret => repeat('h', 32), subject_prefix => 'here/');
CREATE TABLE seat (id int PRIMARY KEY);
SELECT tarot.audit_table('seat');
CREATE FUNCTION token(subject text) RETURNS text LANGUAGE sql AS $$ SELECT tarot.sign_jwt(jsonb_build_object('sub', subject, 'exp', ceil(extract(epoch FROM clock_timestamp())) + 60), 'here') $$;
BEGIN;
SELECT tarot.authenticate(token('ann')) IS NOT NULL AS ok;
INSERT INTO seat VALUES (1);
SAVEPOINT s;
SELECT tarot.authenticate(token('bob "é"')) IS NOT NULL AS ok;
INSERT INTO seat VALUES (2);
ROLLBACK TO s;
INSERT INTO seat VALUES (3);
COMMIT;
INSERT INTO seat VALUES (4);
-- One statement, of which a trigger has changed who it is.
CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM tarot.authenticate(token('row ' || new.id));
	RETURN NULL;
END
$$;
CREATE TRIGGER achange AFTER INSERT ON seat FOR EACH ROW EXECUTE FUNCTION change();
BEGIN;
INSERT INTO seat VALUES (5), (6);
COMMIT;
SELECT key, subject FROM tarot.audit_log WHERE relation = 'seat'::regclass ORDER BY transaction, number;

SET client_min_messages = error;
DROP EXTENSION tarot_security CASCADE;
DROP ROLE regress_audit_user;

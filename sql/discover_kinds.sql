-- Each recognizer, on columns whose names say nothing: values of its kind, and beside them some that only look like it. Then what is
-- proposed is run, as it stands: it applies, in tables of every shape, masks what was found, and leaves nothing to be found.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'
CREATE ROLE tarot_shop;
CREATE SCHEMA shop AUTHORIZATION tarot_shop;
GRANT CREATE ON SCHEMA public TO tarot_shop;
SET ROLE tarot_shop;

-- The last digit of a number by Luhn's rule, and that of an IBAN's two by ISO 7064.
CREATE FUNCTION with_luhn(digits text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT digits || (10 - sum(CASE WHEN (length(digits) - i) % 2 = 0 THEN d * 2 - CASE WHEN d > 4 THEN 9 ELSE 0 END ELSE d END) % 10) % 10
		FROM (SELECT i, substr(digits, i, 1)::int AS d FROM generate_series(1, length(digits)) AS i) AS s $$;
CREATE FUNCTION with_mod97(country text, account text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT country || lpad((98 - (account || (ascii(left(country, 1)) - 55) || (ascii(right(country, 1)) - 55) || '00')::numeric % 97)::text, 2, '0') || account $$;
CREATE FUNCTION base64url(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT rtrim(translate(encode(convert_to(value, 'UTF8'), 'base64'), E'+/\n', '-_'), '=') $$;

-- What a row of each column holds, by the row's number; and what the column is to be taken for.
CREATE TABLE example (name text, kind text, value text);
INSERT INTO example VALUES
	('qcard', 'card', $$with_luhn('411111' || lpad((i * 7919)::text, 9, '0'))$$), ('qcardspaced', 'card', $$regexp_replace(with_luhn('550000' || lpad((i * 7919)::text, 9, '0')), '(....)(?=.)', '\1 ', 'g')$$),
	('qnocard', NULL, $$translate(with_luhn('411111' || lpad((i * 7919)::text, 9, '0')), '0123456789', '0123456789') || '1'$$), ('qwrongluhn', NULL, $$left(n, 15) || (right(n, 1)::int + 1) % 10 FROM with_luhn('411111' || lpad((i * 7919)::text, 9, '0')) AS n$$),
	('qnoissuer', NULL, $$with_luhn('12345' || lpad((i * 7919)::text, 10, '0'))$$),
	('qiban', 'bank_account', $$with_mod97('DE', lpad((370400440000000000 + i * 7919)::text, 18, '0'))$$), ('qibanspaced', 'bank_account', $$regexp_replace(with_mod97('DE', lpad((370400440000000000 + i * 7919)::text, 18, '0')), '(....)(?=.)', '\1 ', 'g')$$),
	('qwrongmod97', NULL, $$'DE' || CASE substr(n, 3, 2) WHEN '42' THEN '43' ELSE '42' END || substr(n, 5) FROM with_mod97('DE', lpad((370400440000000000 + i * 7919)::text, 18, '0')) AS n$$), ('qwronglength', NULL, $$with_mod97('DE', lpad((37040044000000000 + i * 7919)::text, 17, '0'))$$),
	('qmail', 'email', $$'person' || i || '@example.org'$$), ('qnomail', NULL, $$'icon' || i || '@2x.png'$$), ('qhandle', NULL, $$'@person' || i$$), ('qpackage', NULL, $$'react@18.2.' || i$$),
	('qtel', 'phone', $$'+49 30 9018' || 10 + i$$), ('qtelus', 'phone', $$'(202) 555-01' || 10 + i$$), ('qnotel', NULL, $$(i * 7919)::text$$), ('qnocountry', NULL, $$'+0 123 4567' || 100 + i$$), ('qstamp', NULL, $$(1700000000000 + i)::text$$),
	('qnet', 'ip', $$'192.0.2.' || i$$), ('qnet6', 'ip', $$'2001:db8::' || i$$), ('qrelease', NULL, $$'2.14.' || i % 9 || '.1'$$), ('qtoolarge', NULL, $$'10.0.19041.' || i$$), ('qclock', NULL, $$'12:30:' || 10 + i$$),
	('qtoken', 'token', $$base64url('{"alg":"HS256"}') || '.' || base64url('{"sub":"' || i || '"}') || '.' || base64url('signature of ' || i)$$), ('qnotoken', NULL, $$base64url('{"a":"HS256"}') || '.' || base64url('{"sub":"' || i || '"}') || '.' || base64url('signature of ' || i)$$),
	('qpem', 'private_key', $$E'-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY' || i$$), ('qpublic', NULL, $$E'-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQ' || i$$), ('qemptykey', NULL, $$'-----BEGIN PRIVATE KEY-----'$$),
	('qbcrypt', 'password_hash', $$'$2b$12$' || rpad(md5(i::text), 53, 'x')$$), ('qnohash', NULL, $$md5(i::text)$$), ('qaws', 'access_key', $$'AKIA' || lpad(i::text, 16, 'Q')$$), ('qnokey', NULL, $$'AKIA' || i$$),
	('qmac', 'device', $$'00:1a:2b:3c:4d:' || lpad(to_hex(i), 2, '0')$$), ('qnomac', NULL, $$'00:1a:2b:3c:4d-' || lpad(to_hex(i), 2, '0')$$), ('qssn', 'national_id', $$'123-45-' || 6700 + i$$), ('qnossn', NULL, $$'000-45-' || 6700 + i$$),
	('qremark', 'free_text', $$CASE WHEN i % 5 = 0 THEN 'write to person' || i || '@example.org' ELSE 'came back on ' || i END$$), ('qnoremark', NULL, $$'meet @ noon. then go ' || i$$);
SELECT format('CREATE TABLE shop.kinds AS SELECT i AS id, %s FROM generate_series(1, 60) AS i', string_agg(format('(SELECT %s) AS %I', value, name), ', ' ORDER BY name)) AS statement FROM example \gexec
-- Types of their own; a date of birth has a form, but needs its name.
ALTER TABLE shop.kinds ADD born date, ADD date_of_birth text, ADD qday date, ADD qmade date, ADD qinet inet, ADD qnumber bigint, ADD qnonumber bigint, ADD qbytes bytea, ADD qnobytes bytea;
UPDATE shop.kinds SET born = date '1950-01-01' + id * 300, date_of_birth = to_char(date '1950-01-01' + id * 300, 'DD.MM.YYYY'), qday = date '1950-01-01' + id * 300, qmade = current_date - id, qinet = '192.0.2.1', qnumber = qcard::bigint, qnonumber = qwrongluhn::bigint,
	qbytes = convert_to(qpem, 'UTF8'), qnobytes = convert_to(qpublic, 'UTF8');
INSERT INTO example VALUES ('born', 'birth_date', ''), ('date_of_birth', 'birth_date', ''), ('qday', NULL, ''), ('qmade', NULL, ''), ('qinet', 'ip', ''), ('qnumber', 'card', ''), ('qnonumber', NULL, ''), ('qbytes', 'private_key', ''), ('qnobytes', NULL, ''), ('id', NULL, '');
CREATE VIEW found AS SELECT * FROM tarot.discover_sensitive('shop') WHERE relation = to_regclass('shop.kinds');
SELECT "column", kind, class, mask, confidence, matched, sampled FROM found ORDER BY 1;
-- What should have been found and was not, or the other way round: nothing.
SELECT coalesce(e.name, f."column"), e.kind AS expected, f.kind AS found FROM example e FULL JOIN found f ON f."column" = e.name WHERE e.kind IS DISTINCT FROM f.kind ORDER BY 1;

-- The statements, one after the other as they come: for a role that may create keys and classes.
RESET ROLE;
SELECT run(statement), count(*) FROM found, unnest(statements) AS statement GROUP BY 1;
SELECT count(*) AS classified, count(*) FILTER (WHERE class <> '') AS by_class FROM tarot.classified_columns WHERE "table" = 'shop.kinds'::regclass;
SELECT count(*) FROM found;
SELECT problem, count(*) FROM tarot.classification_drift('shop') WHERE problem <> 'new' GROUP BY 1;
-- Masked, no value of these is left for who sees masks.
SELECT tarot.mask_table('shop.kinds');
CREATE ROLE tarot_reader;
GRANT USAGE ON SCHEMA shop TO tarot_reader;
GRANT SELECT ON shop.kinds TO tarot_reader;
SELECT count(tarot.grant_class(name, 'tarot_reader', 'masked')) FROM tarot.class;
SET ROLE tarot_reader;
SELECT qcard, qcardspaced, qiban, qmail, qtel, qnet, qnet6, qtoken, qpem, qbcrypt, qaws, length(qmac) AS qmac, qssn, qremark, born, date_of_birth, qinet, qnumber, qbytes FROM shop.kinds WHERE id = 7;
SELECT count(*) FROM shop.kinds AS k WHERE k::text ~ 'person\d+@|BEGIN PRIVATE KEY-----\n|192\.0\.2\.[1-9]|AKIA\w{5}|123-45-67';
RESET ROLE;

-- Tables of every shape, with names that need quotes: they apply, and then there is nothing more.
SET ROLE tarot_shop;
DROP TABLE shop.kinds CASCADE;
RESET ROLE;
CREATE SCHEMA "sh""op's" AUTHORIZATION tarot_shop;
SET ROLE tarot_shop;
SET search_path = "sh""op's", public;
CREATE DOMAIN mail AS text;
CREATE TABLE "part ed" ("e ""mail" text, id int) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF "part ed" FOR VALUES FROM (0) TO (100);
CREATE TABLE parent (phone text, id int);
CREATE TABLE child ("IBAN" text) INHERITS (parent);
CREATE TABLE types (a mail, b text[], c mail[], d jsonb, e json, f varchar(40), g char(40), h text COLLATE "C", "i%s" text, "j\k" text, made text GENERATED ALWAYS AS (f || 'x') STORED);
CREATE TABLE "Masked" (id int, later text);
INSERT INTO "part ed" SELECT 'person' || i || '@example.org', i FROM generate_series(1, 40) AS i;
INSERT INTO child SELECT '+49 30 9018' || 10 + i, i, with_mod97('DE', lpad((370400440000000000 + i)::text, 18, '0')) FROM generate_series(1, 40) AS i;
INSERT INTO types SELECT m, ARRAY[m], ARRAY[m]::mail[], jsonb_build_object('mail', m), json_build_object('mail', m), m, m, m, m, m FROM (SELECT 'person' || i || '@example.org' AS m FROM generate_series(1, 40) AS i) AS s;
INSERT INTO "Masked" SELECT i, 'person' || i || '@example.org' FROM generate_series(1, 40) AS i;
CREATE MATERIALIZED VIEW "mat view" AS SELECT later AS x FROM "Masked";
RESET ROLE;
SELECT relation, "column", kind FROM tarot.discover_sensitive('"sh""op''s"');
SELECT tarot.mask_table('"Masked"');
SELECT run(statement), count(*) FROM tarot.discover_sensitive('"sh""op''s"', key => 'it''s a key'), unnest(statements) AS statement GROUP BY 1;
SELECT "table", "column", class FROM tarot.classified_columns ORDER BY 1, 2;
SELECT * FROM tarot.discover_sensitive('"sh""op''s"');
-- A role that may not classify is told so by the statement, and nothing is half done.
SET ROLE tarot_shop;
ALTER TABLE types ADD again text;
UPDATE types SET again = f;
SELECT run(statement) FROM tarot.discover_sensitive('"sh""op''s"') AS d, unnest(statements) AS statement WHERE d."column" = 'again';
RESET ROLE;
SELECT count(*) FROM tarot.classified_columns WHERE "column" = 'again';
RESET search_path;
SET client_min_messages = error;
DROP SCHEMA "sh""op's", shop CASCADE;
DROP OWNED BY tarot_shop, tarot_reader CASCADE;
DROP ROLE tarot_shop, tarot_reader;

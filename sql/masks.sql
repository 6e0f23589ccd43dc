-- What a masked reader sees of a column: each mask, over values of several kinds and scripts. The masks
-- themselves have unit tests; here they stand behind the gate.
CREATE EXTENSION tarot_security;
\pset null '(null)'
SET client_min_messages = warning;
SELECT tarot.create_key('profile') > 0 AS created;
CREATE TABLE kinds (i serial, mask text, class text, val text);
INSERT INTO kinds (mask, val) VALUES
	('redact', 'ada@example.org'), ('redact', ''),
	('email', 'ada@example.org'), ('email', 'a@b.cd'), ('email', 'ada.lovelace+tag@mail.example.co.uk'), ('email', 'Шут@пример.рф'), ('email', '愚者@例え.jp'),
	('email', '"a b"@example.org'), ('email', 'no address'), ('email', '@example.org'), ('email', 'ada@'), ('email', 'ada@example'), ('email', ''),
	('email', E'ada@example.org\n'), ('email', ' ada@example.org'), ('email', repeat('a', 300) || '@example.org'),
	('card', '4111111111111111'), ('card', '4111 1111 1111 1111'), ('card', '3782-822463-10005'), ('card', '4111'), ('card', '41111111111111111111'), ('card', '٤١١١١١١١١١١١١١١١'),
	('card', 'card 4111111111111111'), ('card', ''),
	('phone', '+49 (30) 1234-567'), ('phone', '+1 415 555 0100'), ('phone', '112'), ('phone', '+٩٦٦ ٥٠ ١٢٣ ٤٥٦٧'), ('phone', 'call me at home, please'), ('phone', ''),
	('partial(2,4)', 'Ada Lovelace'), ('partial(2,4)', 'Ada'), ('partial(2,4)', 'Adalovelace!'), ('partial(2,4)', 'Adalovelac!'), ('partial(2,4)', 'Фёдор Достоевский'), ('partial(2,4)', '愚者魔術師女教皇女帝皇帝'),
	('partial(2,4)', 'a👩‍👩‍👧‍👦bcdefghijklmn👩‍👩‍👧‍👦'), ('partial(2,4)', E'e\u0301tude in e\u0301tudes'), ('partial(2,4)', 'שלום עולם ומלואו'), ('partial(1,0)', 'ab'), ('partial(0,0)', 'anything'), ('partial(2,4)', ''),
	('partial(1,1)', E'\x01\x02secret\x03\x04'),
	('null', 'ada@example.org'), ('null', '');
INSERT INTO kinds (mask, val) SELECT mask, NULL FROM (SELECT DISTINCT mask FROM kinds) AS k ORDER BY mask;
INSERT INTO kinds (mask, val) VALUES ('hash', 'ada@example.org'), ('hash', 'Ada@example.org'), ('hash', ''), ('hash', NULL);
UPDATE kinds SET class = 'class ' || mask;

-- A table with a column of each class, filled by a writer.
CREATE ROLE tarot_masks_writer;
CREATE ROLE tarot_masks_reader;
SELECT count(tarot.create_class(class, 'profile', mask)), count(tarot.grant_class(class, 'tarot_masks_writer', 'none', write => true)),
	count(tarot.grant_class(class, 'tarot_masks_reader', 'masked')) FROM (SELECT DISTINCT class, mask FROM kinds) AS k;
SELECT format('CREATE TABLE masked (i int, %s)', string_agg(format('%I tarot.encrypted_text(%L)', mask, class), ', ' ORDER BY mask)) FROM (SELECT DISTINCT mask, class FROM kinds) AS k \gexec
GRANT ALL ON masked, kinds TO tarot_masks_writer, tarot_masks_reader;
SET ROLE tarot_masks_writer;
SELECT format('INSERT INTO masked (i, %I) VALUES (%s, %L)', mask, i, val) FROM kinds ORDER BY i
\set ECHO none
\o /dev/null
\gexec
\o
\set ECHO all
SET ROLE tarot_masks_reader;
-- Unaligned, for versions of psql do not agree on how wide some characters are.
\pset format unaligned
SELECT k.mask, CASE WHEN length(k.val) > 40 THEN '(long)' ELSE quote_nullable(k.val) END AS value,
		CASE k.mask WHEN 'redact' THEN m.redact::text WHEN 'email' THEN m.email::text WHEN 'card' THEN m.card::text WHEN 'phone' THEN m.phone::text
			WHEN 'partial(2,4)' THEN m."partial(2,4)"::text WHEN 'partial(1,0)' THEN m."partial(1,0)"::text WHEN 'partial(0,0)' THEN m."partial(0,0)"::text
			WHEN 'partial(1,1)' THEN m."partial(1,1)"::text WHEN 'null' THEN m."null"::text END AS masked
	FROM kinds k JOIN masked m USING (i) WHERE k.mask <> 'hash' ORDER BY i;
\pset format aligned

-- What the mask makes null is null for the client and for SQL. The output of the type itself, which cannot be null, is empty.
SELECT "null", "null"::text, format('<%s>', ARRAY["null"]) AS output, "null" IS NULL AS stored_null, "null"::text IS NULL AS masked_null FROM masked WHERE "null" IS NOT NULL ORDER BY i;

-- The keyed hash: the same for the same value, other for another one, under another class, and nothing one could compute from the value.
RESET ROLE;
SELECT tarot.create_class('other hash', 'profile', 'hash'), tarot.grant_class('other hash', 'tarot_masks_writer', 'none', write => true), tarot.grant_class('other hash', 'tarot_masks_reader', 'masked');
CREATE TABLE hashed (i int, a tarot.encrypted_text('class hash'), b tarot.encrypted_text('other hash'));
GRANT ALL ON hashed TO tarot_masks_writer, tarot_masks_reader;
SET ROLE tarot_masks_writer;
INSERT INTO hashed VALUES (1, 'ada@example.org', 'ada@example.org'), (2, 'ada@example.org', 'ada@example.org'), (3, 'Ada@example.org', NULL), (4, '', '');
SET ROLE tarot_masks_reader;
SELECT a::text ~ '^[0-9a-f]{32}$' AS hexadecimal, count(*) FROM hashed GROUP BY 1;
SELECT count(DISTINCT a::text) AS of_three_values, count(DISTINCT a::text) FILTER (WHERE i IN (1, 2)) AS of_one_value, bool_or(a::text = b::text) AS same_in_both_classes FROM hashed;
SELECT bool_or(a::text IN (md5('ada@example.org'), left(encode(sha256('ada@example.org'), 'hex'), 32))) AS without_key FROM hashed;
CREATE TEMP TABLE before AS SELECT i, a::text FROM hashed;
RESET ROLE;
-- Rotation does not change it, so that it can be joined on later.
SELECT tarot.rotate_key('profile');
SET ROLE tarot_masks_reader;
SELECT bool_and(h.a::text = b.a) AS as_before_the_rotation FROM hashed h JOIN before b USING (i);
RESET ROLE;
SELECT count(*) AS for_the_superuser FROM hashed WHERE a::text <> '[encrypted]';

-- Another mask from one statement to the next, in one plan too.
PREPARE see AS SELECT email FROM masked WHERE i = 3;
SET ROLE tarot_masks_reader;
EXECUTE see;
RESET ROLE;
SELECT tarot.alter_class('class email', mask => 'partial(1,1)');
SET ROLE tarot_masks_reader;
EXECUTE see;
RESET ROLE;
SELECT tarot.alter_class('class email', mask => 'null');
SET ROLE tarot_masks_reader;
EXECUTE see;
RESET ROLE;

-- A mask that this version does not know shows nothing.
UPDATE tarot.class SET mask = 'of a later version' WHERE name = 'class email';
SET ROLE tarot_masks_reader;
EXECUTE see;
RESET ROLE;

DROP OWNED BY tarot_masks_writer, tarot_masks_reader;
DROP ROLE tarot_masks_writer, tarot_masks_reader;

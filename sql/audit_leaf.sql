-- Leaves of the hash tree: SQL makes of each entry what docs/formats.md says.
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
SET client_min_messages = error;

CREATE FUNCTION list(VARIADIC items bytea[]) RETURNS bytea LANGUAGE sql AS $$
	SELECT int4send(cardinality(items)) || string_agg(int8send(length(coalesce(i, ''))) || coalesce(i, ''), '' ORDER BY n) FROM unnest(items) WITH ORDINALITY AS u (i, n)
$$;
CREATE FUNCTION which(VARIADIC items text[]) RETURNS bytea LANGUAGE sql AS $$
	SELECT substr(int4send(sum(CASE WHEN i IS NULL THEN 0 ELSE 1 << (n::int - 1) END)::int), 4) FROM unnest(items) WITH ORDINALITY AS u (i, n)
$$;
CREATE FUNCTION utf8(value text) RETURNS bytea LANGUAGE sql AS $$ SELECT convert_to(value, 'UTF8') $$;
CREATE FUNCTION leaf(e tarot.audit_entry) RETURNS bytea LANGUAGE sql AS $$
	SELECT sha256('\x00' || list(utf8('tarot_security v1 entry'), timestamptz_send(e.recorded_at), int8send(e.transaction::text::bigint), int8send(e.number), int8send(e.system), int8send(e.statement), int4send(e.relation::bigint::int),
		charsend(e.operation), which(e.table_name, e.role, e.session_role, e.subject, e.client::text, e.application), utf8(e.table_name), utf8(e.role), utf8(e.session_role), utf8(e.subject), utf8(e.client::text), utf8(e.application),
		sha256(list(utf8('tarot_security v1 details'), e.salt, which(e.key::text, e.old::text, e.new::text), utf8(e.key::text), utf8(e.old::text), utf8(e.new::text)))))
$$;

-- Of text: what JSON escapes, in each place of eight bytes, and more than is hashed or written at once.
CREATE TABLE card (id int PRIMARY KEY, name text, document jsonb, amount numeric, weight float8, lucky boolean, parts int[]);
SELECT tarot.audit_table('card');
INSERT INTO card VALUES (0);
INSERT INTO card VALUES (1, '', '{}', 0, 'NaN', true, '{}'), (2, 'Fool', '[]', 1e400, '-Infinity', false, '{1,2}'), (3, 'Étoile ☆ 🂡', '"a string"', -0.00001, 1e-300, NULL, NULL), (4, NULL, 'null', 12345678901234567890.50, 0.1, NULL, NULL),
	(5, NULL, '{"": [], "b": {}, "aa": [1, "x", null, true, false, [], {}, [[1.50]], {"k\"\\\n": "v\u0001"}], "long name": {"c": [{"d": -1}]}}', NULL, NULL, NULL, NULL);
INSERT INTO card (id, name) SELECT 100 + c * 20 + at, repeat('x', at) || chr(c) || 'tail of it' FROM generate_series(1, 35) AS c, generate_series(0, 9) AS at;
INSERT INTO card (id, name) SELECT 1000 + i, repeat('y', 4090 + i) || E'"\\\n\x1f' || repeat('z', 9000) FROM generate_series(0, 12) AS i;
INSERT INTO card (id, name) SELECT 1100 + i, repeat(c, 5000 + i::int) FROM unnest(ARRAY['"', E'\x01', '\', chr(233), chr(127)]) WITH ORDINALITY AS u (c, i);
-- Names, too.
CREATE TABLE "Odd ""table""" ("k""1" int PRIMARY KEY, "b\s" text, "tab	" text, "é" text);
SELECT tarot.audit_table('"Odd ""table"""');
INSERT INTO "Odd ""table""" VALUES (1, 'a', 'b', 'c');
UPDATE "Odd ""table""" SET "b\s" = 'x', "é" = NULL;
-- Depth, and more members than jsonb has offsets for in a row.
INSERT INTO card (id, document) SELECT 1200 + d, (repeat('{"a": [1, ', d) || '"deep\""' || repeat(']}', d))::jsonb FROM generate_series(10, 80) AS d;
INSERT INTO card (id, document) SELECT 1300 + n, (SELECT jsonb_object_agg('name ' || i, CASE i % 4 WHEN 0 THEN to_jsonb(i) WHEN 1 THEN to_jsonb(i::text) WHEN 2 THEN 'null' ELSE jsonb_build_array(i, '"') END) FROM generate_series(1, n) AS i) FROM generate_series(30, 70) AS n;
INSERT INTO card (id, document) SELECT 1400, jsonb_agg(i) FROM generate_series(1, 3000) AS i;
\set ECHO none
SELECT format('CREATE TABLE wide (id int PRIMARY KEY, %s)', string_agg(format('column_%s %s', i, CASE i % 3 WHEN 0 THEN 'int' WHEN 1 THEN 'text' ELSE 'numeric' END), ', ')) FROM generate_series(1, 100) AS i \gexec
\set ECHO all
SELECT tarot.audit_table('wide');
INSERT INTO wide (id, column_1, column_50, column_99) VALUES (1, 'a"b', 1.50, 7);
UPDATE wide SET column_1 = NULL, column_32 = 1, column_33 = 2, column_34 = 'x';
SET application_name = 'an "application"';
DELETE FROM card WHERE id = 5;
TRUNCATE wide;

SELECT tarot.seal_audit() = count(*) AS sealed FROM tarot.audit_entry;
SELECT count(*), count(*) FILTER (WHERE p.leaf = leaf(e)) AS as_described FROM tarot.audit_entry e, tarot.inclusion_proof(e.system, e.transaction, e.number) p;
SELECT e.table_name, e.operation, e.key, left(e.old::text, 100) AS old, left(e.new::text, 100) AS new FROM tarot.audit_entry e, tarot.inclusion_proof(e.system, e.transaction, e.number) p WHERE p.leaf <> leaf(e) ORDER BY e.transaction, e.number LIMIT 5;
SELECT finding FROM tarot.verify_audit() WHERE finding <> 'not signed';
DROP EXTENSION tarot_security CASCADE;

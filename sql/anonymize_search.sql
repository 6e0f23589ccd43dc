-- The search for raw values after static masking: what is looked for, where, and what would say nothing.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('k') > 0 AS created;
DO $$
BEGIN
	PERFORM tarot.create_class(name, 'k', mask), tarot.grant_class(name, 'postgres', 'plain')
		FROM (VALUES ('none', 'null'), ('thousand', 'round(1000)'), ('month', 'month'), ('email', 'email'), ('shown', 'json_hide(secret)'), ('number', 'pseudonym')) AS c (name, mask);
END
$$;
CREATE FUNCTION found(rel regclass, OUT "column" name, OUT unchanged bigint, OUT found bigint) RETURNS SETOF record LANGUAGE sql AS $$
	SELECT "column", unchanged, found FROM tarot.anonymize_table(rel, dry_run => true, allow => (SELECT array_agg(attname) FROM pg_attribute WHERE attrelid = rel AND attnum > 0)) WHERE unchanged > 0 OR found > 0 $$;

-- Numbers of eight digits, wherever they are and however they are written; fewer digits are everywhere.
CREATE TABLE card (n bigint, f float8, few int, other bigint, exact numeric(30, 4), text text, list bigint[], document jsonb, small int, half float8);
INSERT INTO card SELECT 4111111111110000 + i, 48.85661234 + i, 1000 + i, 4111111111110000 + i, 4111111111110000 + i, 'paid with ' || 4111111111110000 + i || '.', ARRAY[i, 4111111111110000 + i], jsonb_build_object('pan', 4111111111110000 + i, 'few', 1000 + i), 1000 + i,
	48.85661234 + i FROM generate_series(1, 10) AS i;
SELECT tarot.classify_column('card', 'n', 'none'), tarot.classify_column('card', 'f', 'none'), tarot.classify_column('card', 'few', 'none');
SELECT * FROM found('card');
SELECT object, problem FROM tarot.check_anonymization('card');
SELECT run($$SELECT tarot.anonymize_table('card', in_place => true)$$);
-- Written, they are searched where they are.
BEGIN;
SELECT "column", found FROM tarot.anonymize_table('card', in_place => true, allow => '{other,exact,text,list,document,half}') WHERE found > 0;
ROLLBACK;
UPDATE card SET other = other + 100, exact = exact + 0.5, text = 'paid with ' || n || '0', list = ARRAY[n + 100], document = jsonb_build_object('pan', n || '-1'), half = f + 1000;
SELECT * FROM tarot.check_anonymization('card');
SELECT "column", "values", found FROM tarot.anonymize_table('card', in_place => true);
DROP TABLE card;

-- Eight digits are enough, seven are not; the sign is a part.
CREATE TABLE few (n bigint, m bigint, t text);
INSERT INTO few VALUES (9999999, 9999999, '9999999'), (10000000, 10000000, 'no. 10000000!'), (-9999999, -9999999, '-9999999'), (-10000000, -10000000, '-10000000'), (87654321, -87654321, '0');
SELECT tarot.classify_column('few', 'n', 'none');
SELECT * FROM found('few');
-- What is kept may hold them, with a warning.
SET client_min_messages = notice;
SELECT tarot.classify_column('few', 't', 'none');
SELECT object, problem, severity, hint FROM tarot.check_anonymization('few', keep => '{t}', clear => '{m}');
SELECT "column", treatment, found FROM tarot.anonymize_table('few', in_place => true, keep => '{t}', clear => '{m}');
SELECT "column", treatment, found FROM tarot.anonymize_table('few', in_place => true, keep => '{t}', clear => '{m}', allow => '{t}');
SET client_min_messages = warning;
DROP TABLE few;

-- Times with seconds in them; a date, or a whole minute, is the same in many rows.
CREATE TABLE visit (at timestamptz, day date, minute timestamp, other timestamptz, local timestamp, list timestamptz[], days date, minutes timestamp);
INSERT INTO visit SELECT at, at, date_trunc('minute', at), at, at, ARRAY[at], at, date_trunc('minute', at) FROM (SELECT '2024-05-05 10:11:12.25+00'::timestamptz + i * interval '1 day 10 seconds' AS at FROM generate_series(1, 5) AS i) AS s;
INSERT INTO visit VALUES ('infinity', 'infinity', 'infinity', 'infinity', 'infinity', '{infinity}', 'infinity', 'infinity');
SELECT tarot.classify_column('visit', c, 'month') FROM unnest('{at,day,minute}'::name[]) AS c;
SELECT * FROM found('visit');
UPDATE visit SET other = other + interval '1 microsecond', local = local - interval '1 microsecond', list = NULL;
SELECT * FROM found('visit');
DROP TABLE visit;

-- A mask that is equal to the value leaves it, whatever it looks like.
CREATE TABLE round (a numeric, b numeric(20,6), c numeric[], d float8, e jsonb);
INSERT INTO round VALUES (3000.00, 4000, '{1000.0,2000.00}', 5000, '{"a": 1.0}'), (3001.00, 4001, '{1001.0,2000.00}', 5001, '{"a": 1.0, "secret": 1}');
SELECT tarot.classify_column('round', c, 'thousand') FROM unnest('{a,b,c,d}'::name[]) AS c UNION ALL SELECT tarot.classify_column('round', 'e', 'shown');
SELECT object, problem FROM tarot.check_anonymization('round');
DROP TABLE round;

-- Elements of arrays, each by itself.
CREATE TABLE many (mails text[], numbers bigint[], one text, number bigint);
INSERT INTO many VALUES ('{ada@example.org,"bob@example.org",x@y.z}', '{49171987654,1}', 'write to bob@example.org', 49171987654), ('{}', '{}', 'eve@example.org', 1), (NULL, NULL, NULL, NULL);
SELECT tarot.classify_column('many', 'mails', 'email'), tarot.classify_column('many', 'numbers', 'number');
SELECT * FROM found('many');
DROP TABLE many;

-- A document's mask shows what it does not hide: another column's values are refused there, too.
CREATE TABLE form (email text, document jsonb, hidden jsonb);
INSERT INTO form VALUES ('ada@example.org', '{"secret": 1, "contact": "ada@example.org"}', '{"secret": "ada@example.org"}'), ('bob@example.org', '{"secret": 2, "contact": "none"}', '{"secret": 2}');
SELECT tarot.classify_column('form', 'email', 'email'), tarot.classify_column('form', 'document', 'shown'), tarot.classify_column('form', 'hidden', 'shown');
SELECT run($$SELECT tarot.anonymize_table('form', in_place => true)$$);
SELECT "column", unchanged, found FROM tarot.anonymize_table('form', in_place => true, allow => '{document}');
SELECT * FROM form ORDER BY 1;
DROP TABLE form;

-- In masked columns of other kinds a raw value may be another's mask, by chance: it is counted.
CREATE TABLE dense (n int);
INSERT INTO dense SELECT 10000000 + i FROM generate_series(1, 5) AS i;
INSERT INTO dense SELECT i FROM generate_series(10, 99) AS i;
SELECT tarot.classify_column('dense', 'n', 'number');
SELECT "column", "values", found FROM tarot.anonymize_table('dense', in_place => true, allow => '{n}');
SELECT count(*), count(DISTINCT n) FROM dense;
DROP TABLE dense;

-- k-anonymity, l-diversity and t-closeness: tables counted by hand, and the examples of those who defined them.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET extra_float_digits = -6;
CREATE EXTENSION tarot_security;
\pset null '(null)'

-- Li, Li and Venkatasubramanian 2007, table 3, which is 3-diverse: of its first group, salaries of 3, 4 and 5 thousand out of 3 to 11, they give the distance 0.375, of 6, 8 and 11 thousand 0.167.
CREATE TABLE patient (zip text, age text, salary int, disease text);
INSERT INTO patient VALUES ('476**', '2*', 3, 'gastric ulcer'), ('476**', '2*', 4, 'gastritis'), ('476**', '2*', 5, 'stomach cancer'),
	('4790*', '>40', 6, 'gastritis'), ('4790*', '>40', 11, 'flu'), ('4790*', '>40', 8, 'bronchitis'),
	('476**', '3*', 7, 'bronchitis'), ('476**', '3*', 9, 'pneumonia'), ('476**', '3*', 10, 'stomach cancer');
SELECT * FROM tarot.k_anonymity('patient', '{zip,age}');
SELECT * FROM tarot.k_anonymity('patient', '{zip,age}', 3);
SELECT * FROM tarot.k_anonymity('patient', '{zip}', 4);
SELECT * FROM tarot.l_diversity('patient', '{zip,age}', 'disease', 4);
SELECT * FROM tarot.t_closeness('patient', '{zip,age}', 'salary');
SELECT largest FROM tarot.t_closeness('patient', '{zip,age}', 'salary', t => 0.4);
SELECT groups_above, rows_above FROM tarot.t_closeness('patient', '{zip,age}', 'salary', t => 0.17);
SELECT groups_above, rows_above FROM tarot.t_closeness('patient', '{zip,age}', 'salary', t => 0.16);
-- Each salary is another one: a group of three has three of nine, so two thirds are elsewhere.
SELECT largest, distance FROM tarot.t_closeness('patient', '{zip,age}', 'salary', ordered => false);
-- Of the first group: 1/3 - 1/9 of ulcer, and 1/3 - 2/9 of two more: 4/9. Of the second: flu 2/9, two more 1/9: 4/9.
SELECT largest, distance FROM tarot.t_closeness('patient', '{zip,age}', 'disease');

-- By hand. Group a: x x y, of entropy 2/3 ln 3/2 + 1/3 ln 3, so 1.88988; group b: x x x x, which is 1. Of all, x is 6/7:
-- a is 4/21 away, b 1/7. In order, x before y, it is the same.
CREATE TABLE small (g text, s text, n int);
INSERT INTO small VALUES ('a', 'x', 1), ('a', 'x', 1), ('a', 'y', 2), ('b', 'x', 1), ('b', 'x', 1), ('b', 'x', 1), ('b', 'x', 1);
SELECT * FROM tarot.k_anonymity('small', '{g}', 4);
SELECT * FROM tarot.l_diversity('small', '{g}', 's');
SELECT entropy FROM tarot.l_diversity((SELECT 'small'::regclass), '{s}', 'g');
SELECT largest, largest = 4 / 21.0::float8 AS exact FROM tarot.t_closeness('small', '{g}', 's');
SELECT round(largest::numeric, 12) FROM tarot.t_closeness('small', '{g}', 'n');
DELETE FROM small WHERE g = 'b';
SELECT * FROM tarot.l_diversity('small', '{g}', 's');
SELECT largest FROM tarot.t_closeness('small', '{g}', 's');
-- A column that is its own group: every group is one value.
SELECT smallest FROM tarot.l_diversity('small', '{s}', 's');

-- NULL is a value: one group, and one sensitive value, after all others.
CREATE TABLE nulls (g int, s int);
INSERT INTO nulls VALUES (NULL, 1), (NULL, NULL), (1, NULL), (1, 2);
SELECT smallest, groups, total FROM tarot.k_anonymity('nulls', '{g}');
SELECT smallest FROM tarot.l_diversity('nulls', '{g}', 's');
-- Ranks 1, 2 and NULL as 3, shares 1/4, 1/4, 1/2. The first group 1/2, 0, 1/2: (1/4 + 0) / 2.
SELECT largest FROM tarot.t_closeness('nulls', '{g}', 's');
-- No rows, one row, one value.
TRUNCATE nulls;
SELECT * FROM tarot.k_anonymity('nulls', '{g}');
SELECT * FROM tarot.l_diversity('nulls', '{g}', 's');
SELECT * FROM tarot.t_closeness('nulls', '{g}', 's');
SELECT run($$SELECT tarot.require_k_anonymity('nulls', '{g}')$$);
INSERT INTO nulls VALUES (1, 1);
SELECT smallest, groups_below FROM tarot.k_anonymity('nulls', '{g}', 2);
SELECT largest FROM tarot.t_closeness('nulls', '{g}', 's');

-- Against the definition, with random tables: the sum over all ranks, one by one.
SELECT setseed(0.5);
CREATE TABLE random (g int, s int);
INSERT INTO random SELECT random() * 5, random() * random() * 40 FROM generate_series(1, 300);
WITH m AS (SELECT count(DISTINCT s) AS m, count(*) AS n FROM random),
	steps AS (SELECT g, v, (SELECT count(*) FROM random r WHERE r.g = k.g AND r.s <= v)::float8 / (SELECT count(*) FROM random r WHERE r.g = k.g) - (SELECT count(*) FROM random r WHERE r.s <= v)::float8 / n AS d
		FROM m, (SELECT DISTINCT g FROM random) AS k, (SELECT DISTINCT s AS v FROM random) AS v)
SELECT abs(max(far) - (SELECT largest FROM tarot.t_closeness('random', '{g}', 's'))) < 1e-12 AS same FROM (SELECT sum(abs(d)) / (m - 1) AS far FROM steps, m GROUP BY g, m) AS f;

-- A minimum before a dump.
SELECT run($$SELECT tarot.require_k_anonymity('patient', '{zip,age}', 3)$$) AS three, run($$SELECT tarot.require_k_anonymity('patient', '{zip,age}', 4)$$) AS four;
DO $$
DECLARE
	detail text;
BEGIN
	PERFORM tarot.require_k_anonymity('patient', '{zip}', 4);
EXCEPTION WHEN check_violation THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RAISE WARNING '%', detail;
END
$$;

-- As the caller: privileges, policies, and what a view shows. Names that the queries within use, too.
CREATE ROLE tarot_analyst;
SET ROLE tarot_analyst;
SELECT run($$SELECT tarot.k_anonymity('patient', '{zip}')$$);
RESET ROLE;
GRANT SELECT (zip) ON patient TO tarot_analyst;
SET ROLE tarot_analyst;
SELECT run($$SELECT tarot.k_anonymity('patient', '{zip}')$$), run($$SELECT tarot.k_anonymity('patient', '{zip,age}')$$), run($$SELECT tarot.l_diversity('patient', '{zip}', 'disease')$$);
RESET ROLE;
ALTER TABLE patient ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON patient USING (salary < 9);
SET ROLE tarot_analyst;
SELECT total, all_rows FROM tarot.k_anonymity('patient', '{zip}');
SELECT run($$SELECT tarot.require_k_anonymity('patient', '{zip}', 2)$$);
RESET ROLE;
CREATE VIEW general AS SELECT left(zip, 2) AS zip FROM patient;
SELECT smallest, all_rows FROM tarot.k_anonymity('general', '{zip}');
SELECT run($$SELECT tarot.require_k_anonymity('general', '{zip}', 9)$$), run($$SELECT tarot.require_k_anonymity('general', '{zip}', 10)$$);
CREATE TABLE "g""; --" (g int, c int, size int, "v %s" int, p int, q int);
INSERT INTO "g""; --" SELECT i, i, i, i, i, i FROM generate_series(1, 4) AS i;
SELECT smallest, groups FROM tarot.k_anonymity('"g""; --"', '{g,c,size,"v %s"}');
SELECT smallest, groups FROM tarot.l_diversity('"g""; --"', '{c,size,g}', 'v %s');
SELECT largest, groups FROM tarot.t_closeness('"g""; --"', '{size,c,p}', 'q'), tarot.t_closeness('"g""; --"', '{q}', 'c', ordered => false) AS e (l, n);

-- Arguments.
CREATE TABLE documents (g int, j json, b point);
SELECT call, run('SELECT ' || call) FROM (VALUES ('tarot.k_anonymity(''patient'', ''{}'')'), ('tarot.k_anonymity(''patient'', ''{absent}'')'), ('tarot.k_anonymity(''patient'', ''{ctid}'')'), ('tarot.k_anonymity(''patient'', ''{zip,NULL}'')'),
	('tarot.k_anonymity(''patient'', NULL)'), ('tarot.k_anonymity(NULL, ''{zip}'')'), ('tarot.k_anonymity(''patient_pkey'', ''{zip}'')'), ('tarot.k_anonymity(1, ''{zip}'')'), ('tarot.k_anonymity(''patient'', ''{zip}'', 1)'), ('tarot.k_anonymity(''patient'', ''{zip}'', NULL)'),
	('tarot.k_anonymity(''patient'', ''{zip,zip}'')'), ('tarot.k_anonymity(''documents'', ''{j}'')'), ('tarot.l_diversity(''patient'', ''{zip}'', ''absent'')'), ('tarot.l_diversity(''patient'', ''{zip}'', NULL)'), ('tarot.l_diversity(''patient'', ''{zip}'', ''age'', 1)'),
	('tarot.l_diversity(''documents'', ''{g}'', ''j'')'), ('tarot.t_closeness(''patient'', ''{zip}'', ''age'', 1.5)'), ('tarot.t_closeness(''patient'', ''{zip}'', ''age'', ''NaN'')'), ('tarot.t_closeness(''documents'', ''{g}'', ''b'')'), ('tarot.require_k_anonymity(''patient'', ''{zip}'', 0)'),
	('tarot.ordered_distance(''{1}'', ''{}'', ''{1}'', ''{1}'')'), ('tarot.ordered_distance(''{2}'', ''{1}'', ''{1}'', ''{1}'')'), ('tarot.ordered_distance(''{1,1}'', ''{1,1}'', ''{1}'', ''{1}'')'), ('tarot.ordered_distance(''{1}'', ''{0}'', ''{1}'', ''{1}'')'),
	('tarot.ordered_distance(''{1}'', ''{1}'', ''{1,1}'', ''{1}'')'), ('tarot.ordered_distance(''{{1}}'', ''{1}'', ''{1}'', ''{1}'')'), ('tarot.ordered_distance(''{NULL}'', ''{1}'', ''{1}'', ''{1}'')')) AS calls (call);
DROP TABLE patient, small, nulls, random, documents, "g""; --" CASCADE;
DROP ROLE tarot_analyst;

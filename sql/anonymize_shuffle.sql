-- Shuffling: columns by themselves, columns together, among all rows and within groups of them; and clearing.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'
SELECT tarot.create_key('k') > 0 AS created;
SELECT tarot.create_class('person', 'k', 'name'), tarot.grant_class('person', 'postgres', 'plain');

-- A city belongs to its postcode, a salary to nothing; each country has its own cities.
CREATE TABLE person (id int PRIMARY KEY, country text, city text, "Post Code" text, salary numeric, long text, note text, both_ text GENERATED ALWAYS AS (city || "Post Code") STORED);
INSERT INTO person SELECT i, CASE WHEN i % 3 = 0 THEN NULL ELSE 'country ' || i % 3 END, 'city ' || i % 3 || '/' || i, 'code ' || i, i * 10, repeat('long ' || i, 900), CASE WHEN i % 2 = 0 THEN 'note ' || i END FROM generate_series(1, 300) AS i;
ALTER TABLE person ALTER long SET STORAGE external;
UPDATE person SET long = long || '.';
CREATE VIEW raw AS SELECT md5(string_agg(p::text, ',' ORDER BY id)) FROM person p;
SELECT * FROM raw \gset raw_
-- What comes out: all values are there, as often as before; how many are elsewhere; which still belong together, and to their country.
SET check_function_bodies = off;
CREATE FUNCTION compare(OUT cities bigint, OUT codes bigint, OUT salaries bigint, OUT cities_moved bool, OUT salaries_moved bool, OUT together bigint, OUT with_salary bool, OUT at_home bigint, OUT computed bigint) LANGUAGE sql AS $$
	SELECT count(DISTINCT c.city), count(DISTINCT c."Post Code"), count(DISTINCT c.salary), count(*) FILTER (WHERE c.city <> p.city) > 200, count(*) FILTER (WHERE c.salary <> p.salary) > 200,
		count(*) FILTER (WHERE split_part(c.city, '/', 2) = split_part(c."Post Code", ' ', 2)), count(*) FILTER (WHERE split_part(c.city, '/', 2)::int * 10 = c.salary) > 200,
		count(*) FILTER (WHERE substr(c.city, 6, 1) = coalesce(right(c.country, 1), '0')), count(*) FILTER (WHERE c.both_ = c.city || c."Post Code") FROM copy c JOIN person p USING (id) $$;

SELECT "column", treatment, "values", unchanged < 30 AS few_unchanged FROM tarot.anonymize_table('person', copy_to => 'public.copy', shuffle_together => ARRAY['city, "Post Code"'], shuffle => '{salary}') WHERE treatment <> 'left';
SELECT together, cities, codes, salaries, cities_moved, salaries_moved, with_salary, at_home < 200 AS countries_mixed, computed FROM compare();
DROP TABLE copy;
SELECT count(*) FROM tarot.anonymize_table('person', copy_to => 'public.copy', shuffle_together => ARRAY['CITY, "Post Code"', 'salary,long'], shuffle_within => '{country}');
SELECT together, cities, codes, salaries, cities_moved, salaries_moved, with_salary, at_home, computed FROM compare();
SELECT count(*) FILTER (WHERE long = repeat('long ' || round(salary / 10), 900) || '.') AS long_together, count(DISTINCT long) FROM copy;
DROP TABLE copy;
-- By itself each column, within a country: nothing together, everything at home.
SELECT count(*) FROM tarot.anonymize_table('person', copy_to => 'public.copy', shuffle => '{city,"Post Code",note}', shuffle_within => '{country}');
SELECT together < 30 AS apart, cities, codes, at_home FROM compare();
-- NULLs change places as values do, and stay as many in each group.
SELECT country, count(note), (SELECT count(note) FROM person p WHERE p.country IS NOT DISTINCT FROM copy.country) = count(note) AS as_many FROM copy GROUP BY 1 ORDER BY 1;
DROP TABLE copy;
SELECT (SELECT * FROM raw) = :'raw_md5' AS unchanged;

-- Any order is as likely as another: of three rows, each of six orders comes up.
CREATE TABLE three (id int, v int, g int);
INSERT INTO three SELECT i, i, 1 FROM generate_series(1, 3) AS i;
CREATE TABLE seen (orders text);
DO $$
BEGIN
	FOR i IN 1 .. 150 LOOP
		PERFORM tarot.anonymize_table('three', in_place => true, shuffle => '{v}', shuffle_within => CASE WHEN i % 2 = 0 THEN '{g}'::name[] END);
		INSERT INTO seen SELECT string_agg(v::text, '' ORDER BY id) FROM three;
	END LOOP;
END
$$;
SELECT count(DISTINCT orders), min(length(orders)) FROM seen;

-- Who is alone in a group keeps the value, and that is told, and refused.
UPDATE person SET country = 'alone ' || id WHERE id IN (7, 8, 9);
SELECT object, problem, severity, hint FROM tarot.check_anonymization('person', shuffle => '{salary,note}', shuffle_within => '{country}');
\set VERBOSITY default
SELECT * FROM tarot.anonymize_table('person', in_place => true, shuffle => '{salary}', shuffle_within => '{country}');
\set VERBOSITY terse
SELECT count(*) FROM tarot.anonymize_table('person', copy_to => 'public.copy', shuffle => '{salary}', shuffle_within => '{country}', allow => '{salary}');
SELECT count(*) FROM copy JOIN person USING (id, salary) WHERE id IN (7, 8, 9);
DROP TABLE copy;
UPDATE person SET country = 'country 1' WHERE country LIKE 'alone%';
-- More groups by more columns; none, as an empty list or NULL.
SELECT object, problem FROM tarot.check_anonymization('person', shuffle => '{salary}', shuffle_within => '{country,city}');
SELECT count(*) FROM tarot.check_anonymization('person', shuffle => '{salary}', shuffle_within => '{}', shuffle_together => '{}', clear => NULL);
SELECT (SELECT count(*) FROM tarot.check_anonymization('person', shuffle => '{salary}', shuffle_within => NULL, shuffle_together => NULL));

-- Rows beyond memory are sorted in files.
SET maintenance_work_mem = '1MB';
SELECT count(*) FROM tarot.anonymize_table('person', copy_to => 'public.copy', shuffle_together => ARRAY['city, "Post Code", long'], shuffle_within => '{country}');
SELECT together, cities, at_home < 300 AS country_was_changed FROM compare();
RESET maintenance_work_mem;
DROP TABLE copy;

-- In place, with a mask beside it; the group may be masked itself: what it was counts.
SELECT tarot.classify_column('person', 'country', 'person');
SELECT "column", treatment FROM tarot.anonymize_table('person', in_place => true, shuffle_together => ARRAY['city, "Post Code"'], shuffle_within => '{country}', clear => '{note,salary}', allow => '{country}') WHERE treatment <> 'left';
SELECT count(note), count(salary), count(*) FILTER (WHERE split_part(city, '/', 2) = split_part("Post Code", ' ', 2)) AS together, count(DISTINCT country) FROM person;
SELECT tarot.unclassify_column('person', 'country');

-- Partitions, and a partition whose columns are in another order: one group over all of them.
CREATE TABLE visit (id int, room text, bed int, ward text) PARTITION BY RANGE (id);
CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM (0) TO (101);
CREATE TABLE visit_2 (ward text, gone int, bed int, room text, id int);
ALTER TABLE visit_2 DROP gone;
ALTER TABLE visit ATTACH PARTITION visit_2 FOR VALUES FROM (101) TO (1000);
INSERT INTO visit SELECT i, 'room ' || i, i, 'ward ' || i % 2 FROM generate_series(1, 200) AS i;
SELECT "column", treatment, "values" FROM tarot.anonymize_table('visit', in_place => true, shuffle_together => ARRAY['room, bed'], shuffle_within => '{ward}');
SELECT count(*), count(DISTINCT room), count(*) FILTER (WHERE room = 'room ' || bed) AS together, count(*) FILTER (WHERE ward = 'ward ' || bed % 2) AS at_home, count(*) FILTER (WHERE (bed > 100) <> (id > 100)) > 20 AS across FROM visit;
-- Of children with columns of their own, these alone; not together with their parents'.
CREATE TABLE base (id int, a text);
CREATE TABLE child (b text) INHERITS (base);
INSERT INTO base SELECT i, 'a' || i FROM generate_series(1, 20) AS i;
INSERT INTO child SELECT i, 'a' || i, 'b' || i FROM generate_series(21, 40) AS i;
SELECT "table", "column", treatment, "values" FROM tarot.anonymize_table('base', in_place => true, shuffle => '{a,b}');
SELECT count(DISTINCT a), (SELECT count(DISTINCT b) FROM child) FROM base;
SELECT run($$SELECT tarot.anonymize_table('base', in_place => true, shuffle_together => '{"a,b"}')$$);
SELECT "column", "values" FROM tarot.anonymize_table('child', in_place => true, shuffle_together => '{"a,b"}') WHERE treatment = 'shuffled';

-- Clearing: what must not be NULL is told; foreign keys hold, but for those that want all or none.
CREATE TABLE owner (id int PRIMARY KEY);
CREATE TABLE item (owner int REFERENCES owner, name text NOT NULL, maybe text, x int, y int, UNIQUE (x, y));
CREATE TABLE pair (x int, y int, FOREIGN KEY (x, y) REFERENCES item (x, y) MATCH FULL);
INSERT INTO owner VALUES (1), (2);
INSERT INTO item VALUES (1, 'one', 'some', 1, 1), (2, 'two', NULL, 2, 2);
INSERT INTO pair VALUES (1, 1);
SELECT object, problem FROM tarot.check_anonymization('item', clear => '{name}');
SELECT object, problem FROM tarot.check_anonymization('owner', clear => '{id}', together_with => '{item}');
SELECT object, problem FROM tarot.check_anonymization('pair', clear => '{x}');
SELECT "column", treatment, "values", unchanged FROM tarot.anonymize_table('item', in_place => true, clear => '{owner,maybe}');
TABLE item;
-- A cleared column with a class is looked for elsewhere, one without is nobody's.
SELECT tarot.classify_column('item', 'name', 'person');
UPDATE item SET maybe = name || ' and only';
ALTER TABLE item ALTER name DROP NOT NULL;
UPDATE item SET name = 'Lovelace', maybe = 'of Lovelace, Ada' WHERE x = 1;
SELECT object, problem FROM tarot.check_anonymization('item', clear => '{name}');
SELECT object, problem FROM tarot.check_anonymization('item', clear => '{maybe}', keep => '{name}');

-- What cannot be.
SELECT call, run('SELECT ' || call) FROM (SELECT format('tarot.anonymize_table(''person'', in_place => true, %s)', arguments) AS call FROM unnest(ARRAY['shuffle_together => ''{"city,absent"}''', 'shuffle_together => ''{""}''', 'shuffle_together => ''{NULL}''',
	'shuffle_together => ''{"city,"}''', 'shuffle_together => ''{"city,both_"}''', 'shuffle => ''{both_}''', 'shuffle_together => ''{"city,city"}''', 'shuffle_together => ''{"city,salary"}'', shuffle => ''{city}''',
	'shuffle_together => ''{"city,salary","long,city"}''', 'keep => ''{city}'', shuffle_together => ''{"city,salary"}''', 'clear => ''{city}'', shuffle => ''{city}''', 'clear => ''{city}'', keep => ''{city}''', 'clear => ''{absent}''', 'clear => ''{NULL}''',
	'shuffle => ''{city}'', shuffle_within => ''{city}''', 'shuffle => ''{city}'', shuffle_within => ''{absent}''', 'shuffle_within => ''{city}''', 'clear => ''{city}'', shuffle_within => ''{country}''']) AS arguments) AS calls;
ALTER TABLE person ADD place point DEFAULT point(1, 2);
SELECT run($$SELECT tarot.anonymize_table('person', in_place => true, shuffle => '{city}', shuffle_within => '{place}')$$);
SELECT run($$SELECT tarot.anonymize_tables('{person,three}', in_place => true, shuffle => '{city,v}', shuffle_within => '{country}')$$);
DROP TABLE person, three, seen, visit, base, owner, item, pair CASCADE;

-- What tarot.protect_rows() takes and what it refuses; columns of each type; indexes; and taking rules away.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/rows.sql
RESET client_min_messages;
\set ECHO all

-- ------------------------------------------------------------ what makes no rule
CREATE TABLE plain (id int, a int, b int, user_id text, at timestamptz, code text, PRIMARY KEY (a, b));
CREATE TABLE keyless (id int);
SELECT run('SELECT tarot.protect_rows(' || arguments || ')') FROM unnest(ARRAY['''plain''', 'NULL, owner => ''user_id''', '''plain'', owner => ''user_id'', tenant => ''user_id'', claim => ''t''', '''plain'', owner => ''user_id'', permission => ''a:b''',
	'''plain'', owner => ''user_id'', valid_from => ''at''', '''plain'', owner => ''user_id'', valid_for => ''1 day''', '''plain'', valid_for => ''1 day''', '''plain'', valid_until => ''at'', valid_for => ''1 day''',
	'''plain'', valid_from => ''at'', valid_until => ''at'', valid_for => ''1 day''', '''plain'', tenant => ''user_id''', '''plain'', claim => ''t''', '''plain'', permission => ''a:b'', claim => ''t''', '''plain'', owner => ''user_id'', claim => ''''',
	'''plain'', resource => ''card''', '''plain'', permission => ''a:b'', resource_column => ''id''', '''plain'', owner => ''user_id'', resource_column => ''id''', '''plain'', resource => ''card'', permission => ''a:b''',
	'''keyless'', resource => ''card'', permission => ''a:b''', '''plain'', resource => '''', permission => ''a:b''', '''plain'', permission => ''''', '''plain'', permission => ''a:*''', '''plain'', permission => ''no such thing''',
	'''plain'', parties => ''{}''', '''plain'', parties => ''{user_id,NULL}''', '''plain'', owner => ''nothing''', '''plain'', owner => ''ctid''', '''plain'', parties => ''{user_id,nothing}''', '''plain'', resource => ''c'', permission => ''a:b'', resource_column => ''nothing''',
	'''plain'', valid_from => ''nothing''', '''plain'', valid_from => ''id''', '''plain'', owner => ''user_id'', commands => ''{}''', '''plain'', owner => ''user_id'', commands => ''{select,truncate}''', '''plain'', owner => ''user_id'', commands => ''{NULL}''',
	'''plain'', owner => ''user_id'', commands => ''{all}''', '''plain'', owner => ''user_id'', roles => ''{}''', '''plain'', owner => ''user_id'', roles => ''{NULL}''', '''plain'', owner => ''user_id'', roles => ''{nobody_at_all}''',
	'''plain'', owner => ''user_id'', name => ''''', '''plain'', owner => ''user_id'', name => repeat(''x'', 45)', '''nothing'', owner => ''user_id''', '0, owner => ''user_id''', '''pg_class'', owner => ''relname''', '''plain_pkey'', owner => ''user_id''']) AS arguments;
SELECT relrowsecurity, relforcerowsecurity, (SELECT count(*) FROM pg_policy) AS policies FROM pg_class WHERE relname = 'plain';
-- What is no table.
CREATE VIEW a_view AS TABLE plain;
CREATE MATERIALIZED VIEW a_copy AS TABLE plain;
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE elsewhere (user_id text) SERVER nowhere;
CREATE SEQUENCE a_sequence;
SELECT run(format('SELECT tarot.%s(%L%s)', f, relation, CASE f WHEN 'protect_rows' THEN ', owner => ''user_id''' ELSE '' END)) FROM unnest(ARRAY['a_view', 'a_copy', 'elsewhere', 'a_sequence']) AS relation, unnest(ARRAY['protect_rows', 'unprotect_rows']) AS f;
-- Whose it is not.
GRANT ALL ON plain TO tarot_rows_app;
SET ROLE tarot_rows_app;
SELECT run('SELECT tarot.protect_rows(''plain'', owner => ''user_id'')'), run('SELECT tarot.unprotect_rows(''plain'')');
RESET ROLE;
-- A member of the role that owns it may.
ALTER TABLE plain OWNER TO tarot_rows_owner;
GRANT tarot_rows_owner TO tarot_rows_staff;
CREATE INDEX ON plain (user_id);
SET ROLE tarot_rows_staff;
SELECT tarot.protect_rows('plain', owner => 'user_id');
-- Twice; and under another name.
SELECT run('SELECT tarot.protect_rows(''plain'', owner => ''user_id'')'), run('SELECT tarot.protect_rows(''plain'', owner => ''user_id'', commands => ''{select}'')');
SELECT tarot.protect_rows('plain', owner => 'user_id', claim => 'on_behalf_of', name => 'proxy', commands => '{Select,UPDATE,insert}', roles => '{tarot_rows_app,tarot_rows_staff}');
SELECT tarot.protect_rows('plain', owner => 'user_id', name => repeat('x', 44));
SELECT * FROM rules('plain');
RESET ROLE;
REVOKE tarot_rows_owner FROM tarot_rows_staff;

-- ------------------------------------------------------------ indexes
CREATE TABLE indexed (a text, b text, c text, d text COLLATE "C", e text, f text, id bigint);
CREATE INDEX ON indexed (b, a);
CREATE INDEX ON indexed (c) WHERE c <> '';
CREATE INDEX ON indexed (lower(d));
CREATE INDEX ON indexed (d COLLATE "POSIX");
CREATE INDEX ON indexed USING hash (e);
CREATE INDEX ON indexed (f text_pattern_ops);
SELECT tarot.protect_rows('indexed', parties => '{a,b,c,d,e,f}');
SELECT tarot.protect_rows('indexed', owner => 'id', name => 'id');
CREATE UNIQUE INDEX CONCURRENTLY ON indexed (id);
SELECT tarot.unprotect_rows('indexed', 'tarot_owner_id'), tarot.protect_rows('indexed', owner => 'id');
DROP TABLE indexed;

-- ------------------------------------------------------------ types
-- A row is whose it names, as its text; whatever else a subject is, is of no row and raises nothing.
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE mood AS ENUM ('ada', 'bob');
CREATE DOMAIN person AS varchar(10) CHECK (VALUE <> '');
CREATE DOMAIN person_of_domain AS person;
CREATE DOMAIN number AS bigint;
CREATE DOMAIN moods AS mood;
CREATE TABLE typed (id int, "text" text, "varchar" varchar(20), "char" char(8), "name" name, "smallint" smallint, "integer" integer, "bigint" bigint, "numeric" numeric, "uuid" uuid, "any_case" text COLLATE any_case, "mood" mood,
	"person" person_of_domain, "number" number, "moods" moods, "POSIX" text COLLATE "POSIX");
INSERT INTO typed VALUES (1, 'ada', 'ada', 'ada', 'ada', 7, 7, 7, 7, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'ada', 'ada', 'ada', 7, 'ada', 'ada'),
	(2, 'bob', 'bob', 'bob', 'bob', -7, -7, 9223372036854775807, 7.0, '00000000-0000-0000-0000-000000000000', 'bob', 'bob', 'bob', 0, 'bob', 'bob');
INSERT INTO typed VALUES (3);
GRANT SELECT ON typed TO tarot_rows_app;
CREATE TABLE seen (type text, subject text, rows bigint);
GRANT INSERT ON seen TO tarot_rows_app;
DO $$
DECLARE
	type name;
	subject text;
	seen bigint;
BEGIN
	SET LOCAL client_min_messages = warning;
	FOR type IN SELECT attname FROM pg_attribute WHERE attrelid = 'typed'::regclass AND attnum > 1 LOOP
		PERFORM tarot.protect_rows('typed', owner => type);
		SET LOCAL ROLE tarot_rows_app;
		FOREACH subject IN ARRAY ARRAY['ada', 'ADA', 'ada ', 'ad', 'carol', 'agent-7', '7', '07', '+7', '7.0', ' 7', E'7\n', '7e0', '0x7', '-7', '-0', '0', '32775', '65543', '4294967303', '9223372036854775807', '9223372036854775808', '-9223372036854775808', '-9223372036854775809', '99999999999999999999999999',
			'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}', 'a0eebc999c0b4ef8bb6d6bb9bd380a11', repeat('x', 255)] LOOP
			seen := count_as(jsonb_build_object('sub', subject), 'typed');
			INSERT INTO seen SELECT type, subject, seen WHERE seen > 0;
		END LOOP;
		RESET ROLE;
		PERFORM tarot.unprotect_rows('typed');
	END LOOP;
END
$$;
SELECT type, string_agg(format('%s%s', subject, CASE rows WHEN 1 THEN '' ELSE ': ' || rows END), ', ' ORDER BY subject COLLATE "C") AS are_seen_by FROM seen GROUP BY type ORDER BY type COLLATE "C";
SELECT t AS text, tarot.try_bigint(t) FROM unnest(ARRAY['0', '-1', '9223372036854775807', '-9223372036854775808', '9223372036854775808', '-9223372036854775809', '18446744073709551617', repeat('9', 40), '', '-', '-0', '00', '01', '-01', '+1', ' 1', '1 ', '1.0', '1e1', '1_0', '--1', '1-', '١', NULL]) WITH ORDINALITY AS u (t, n) ORDER BY n;
SELECT t AS text, tarot.try_uuid(t) FROM unnest(ARRAY['01234567-89ab-cdef-0123-456789abcdef', '01234567-89AB-cdef-0123-456789abcdef', '0123456789abcdef0123456789abcdef', '{01234567-89ab-cdef-0123-456789abcdef}', '01234567-89ab-cdef-0123-456789abcdeg', '01234567-89ab-cdef-0123-456789abcde', '01234567-89ab-cdef-0123-456789abcdef ',
	'012345678-9ab-cdef-0123-456789abcdef', '01234567-89ab-cdef-0123--56789abcdef', '', NULL]) WITH ORDINALITY AS u (t, n) ORDER BY n;
SELECT t AS text, tarot.try_character(t) || '|' AS "character" FROM unnest(ARRAY['ada', ' ada', 'ada ', ' ', '', E'ada\t', NULL]) WITH ORDINALITY AS u (t, n) ORDER BY n;
-- The same by identifiers of resources.
SELECT tarot.grant_on('thing', id, 'things:read', subject => 'ada') FROM unnest(ARRAY['ada', '7', '07', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A12', 'bob ', 'BOB']) AS id;
SELECT enter(:'ada');
DO $$
DECLARE
	type name;
BEGIN
	SET LOCAL client_min_messages = warning;
	TRUNCATE seen;
	FOR type IN SELECT attname FROM pg_attribute WHERE attrelid = 'typed'::regclass AND attnum > 1 LOOP
		PERFORM tarot.protect_rows('typed', resource => 'thing', permission => 'things:read', resource_column => type);
		SET LOCAL ROLE tarot_rows_app;
		INSERT INTO seen SELECT type, id::text FROM typed;
		RESET ROLE;
		PERFORM tarot.unprotect_rows('typed');
	END LOOP;
END
$$;
SELECT type, string_agg(subject, ', ' ORDER BY subject) AS rows FROM seen GROUP BY type ORDER BY type COLLATE "C";
-- How each is compared.
DO $$
DECLARE
	type name;
BEGIN
	FOR type IN SELECT attname FROM pg_attribute WHERE attrelid = 'typed'::regclass AND attnum > 1 LOOP
		PERFORM set_config('client_min_messages', CASE WHEN type IN ('numeric', 'moods') THEN 'notice' ELSE 'warning' END, true);
		PERFORM tarot.protect_rows('typed', owner => type, name => type, commands => '{select}');
	END LOOP;
END
$$;
SELECT condition FROM rules('typed');
-- By an index, where the type has a comparison of its own.
CREATE TABLE found AS SELECT i AS id, i::text AS "text", i::text::varchar AS "varchar", i::text::char(8) AS "char", i::text::name AS "name", i::smallint AS "smallint", i AS "integer", i::bigint AS "bigint", i::text COLLATE any_case AS any_case,
	('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid AS "uuid", i::text::person_of_domain AS "person", i::number AS "number" FROM generate_series(1, 1000) AS i;
GRANT SELECT ON found TO tarot_rows_app;
CREATE FUNCTION plans_of(type name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	owner text;
	resource text;
BEGIN
	SET LOCAL client_min_messages = warning;
	EXECUTE format('CREATE INDEX ON found (%I)', type);
	ANALYZE found;
	PERFORM tarot.protect_rows('found', owner => type);
	SET LOCAL ROLE tarot_rows_app;
	owner := plan('SELECT id FROM found');
	RESET ROLE;
	PERFORM tarot.unprotect_rows('found'), tarot.protect_rows('found', resource => 'thing', permission => 'things:read', resource_column => type);
	SET LOCAL ROLE tarot_rows_app;
	resource := plan('SELECT id FROM found');
	RESET ROLE;
	PERFORM tarot.unprotect_rows('found');
	RETURN format('owner: %s; resource: %s', owner, resource);
END
$$;
SELECT attname, plans_of(attname) FROM pg_attribute WHERE attrelid = 'found'::regclass AND attnum > 1 ORDER BY attnum;
-- What says nobody's name.
SELECT tarot.create_class('email', 'profile', searchable => true);
CREATE TABLE wrong (a text[], b bytea, c jsonb, d date, e timestamptz, f float8, g boolean, h money, i "char", j oid, k inet, l tarot.encrypted_text('email'), m interval, n plain, o int4range, p bigint[], q regrole);
SELECT attname, format_type(atttypid, NULL) AS type, run(format('SELECT tarot.protect_rows(''wrong'', owner => %L)', attname)) FROM pg_attribute WHERE attrelid = 'wrong'::regclass AND attnum > 0 ORDER BY attnum;
DROP TABLE wrong;

-- ------------------------------------------------------------ taking rules away
CREATE TABLE done (id int PRIMARY KEY, user_id text, tenant_id text);
GRANT SELECT ON done TO tarot_rows_app;
SET client_min_messages = warning;
SELECT tarot.protect_rows('done', owner => 'user_id'), tarot.protect_rows('done', tenant => 'tenant_id', claim => 'tenant'), tarot.protect_rows('done', parties => '{user_id}', name => 'select'), tarot.protect_rows('done', parties => '{user_id}', commands => '{insert,delete}');
RESET client_min_messages;
CREATE POLICY somebodys ON done FOR SELECT TO tarot_rows_app USING (true);
SELECT policy FROM rules('done');
SELECT run(format('SELECT tarot.unprotect_rows(''done'', %L)', rule)) FROM unnest(ARRAY['nothing', 'somebodys', 'tarot_', 'tarot_parties_insert', '', 'tarot_owner_select']) AS rule;
SELECT tarot.unprotect_rows('done', 'tarot_parties');
SELECT tarot.unprotect_rows('done', 'tarot_owner');
SELECT policy FROM rules('done');
-- Nothing that is somebody else's goes, and while that is there nothing is turned off.
SELECT tarot.unprotect_rows('done');
SELECT run('SELECT tarot.unprotect_rows(''done'')');
SELECT policy FROM rules('done');
SELECT relrowsecurity FROM pg_class WHERE relname = 'done';
SELECT tarot.protect_rows('done', tenant => 'tenant_id', claim => 'tenant');
DROP POLICY somebodys ON done;
SELECT tarot.unprotect_rows('done');
SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = 'done';
SELECT tarot.protect_rows('done', permission => 'a:b'), tarot.protect_rows('done', valid_until => 'id');
SELECT tarot.protect_rows('done', permission => 'a:b'), tarot.protect_rows('done', tenant => 'tenant_id', claim => 'tenant');
SELECT tarot.unprotect_rows('done', 'tarot_permission');
-- The extension does not go while rules ask it.
SELECT run('DROP EXTENSION tarot_security') LIKE '2BP01: %' AS refused;

SET client_min_messages = warning;
DROP OWNED BY tarot_rows_owner, tarot_rows_app, tarot_rows_staff CASCADE;
DROP ROLE tarot_rows_owner, tarot_rows_app, tarot_rows_staff;

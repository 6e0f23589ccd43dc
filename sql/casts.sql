-- Casts of encrypted values beyond their base types: which there are, what who sees of them, and that none is a way
-- around the gate. That they give what plain columns give: paths_expressions.
\getenv source PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\set ECHO none
\i :source/sql/include/six_types.sql
\set ECHO all
\pset null NULL

-- ------------------------------------------------------------ which there are

-- None is silent but that to the base type: operators would be ambiguous. What a plain type casts silently is for assignments.
CREATE VIEW of_base AS SELECT e.typname AS encrypted, b.typname AS base, c.casttarget::regtype AS target, c.castcontext FROM pg_type e
	JOIN pg_type b ON e.typname = 'encrypted_' || b.typname AND b.typnamespace = 'pg_catalog'::regnamespace JOIN pg_cast c ON c.castsource = b.oid AND c.casttarget <> b.oid
	WHERE e.typnamespace = 'tarot'::regnamespace AND c.casttarget < 16384;
SELECT e.typname AS type, c.casttarget::regtype AS target, c.castcontext AS context, c.castcontext = CASE o.castcontext WHEN 'i' THEN 'a' ELSE o.castcontext END AS as_the_plain_one, p.provolatile AS volatile, p.proparallel AS parallel
	FROM pg_cast c JOIN pg_type e ON e.oid = c.castsource JOIN pg_proc p ON p.oid = c.castfunc LEFT JOIN of_base o ON o.encrypted = e.typname AND o.target = c.casttarget
	WHERE e.typnamespace = 'tarot'::regnamespace AND c.casttarget <> e.oid ORDER BY 1, c.casttarget::regtype::text COLLATE "C";
-- What plain ones have and these have not: casts by way of text's spelling still do, of a locale's money and of bytes as a number (since 18) do not.
SELECT encrypted, target FROM of_base o WHERE NOT EXISTS (SELECT FROM pg_cast WHERE castsource = ('tarot.' || encrypted)::regtype AND casttarget = target) AND base <> 'bytea' ORDER BY 1, target::text COLLATE "C";
SET ROLE regress_paths_app;
SELECT does('SELECT t::"char" FROM sealed WHERE id = 1'), does('SELECT ''pg_class''::tarot.encrypted_text(''secret'')::regclass'), does('SELECT n::money FROM sealed WHERE id = 1'), does('SELECT j::json ->> ''a'' FROM sealed WHERE id = 1');

-- ------------------------------------------------------------ assignments

RESET ROLE;
CREATE TABLE target (id int, s smallint, i int, l bigint, r real, f float8, v varchar(5), c char(5), m name, ts timestamp, tz timestamptz, dt date, tm time);
GRANT ALL ON target TO PUBLIC;
SET ROLE regress_paths_app;
INSERT INTO target (id, s, i, l, r, f, c, m, ts, tz, dt, tm) SELECT id, n, n, n, n, n, left(t, 5), t, d, d, z, z FROM sealed WHERE id IN (1, 3);
SELECT * FROM target ORDER BY id;
SELECT does('INSERT INTO target (v) SELECT t FROM sealed WHERE id = 1'), does('INSERT INTO target (i) SELECT j FROM sealed WHERE id = 2'), does('INSERT INTO target (i) SELECT t FROM sealed WHERE id = 2');
DO $$ DECLARE i int; d date; BEGIN SELECT n, z INTO i, d FROM sealed WHERE id = 1; RAISE WARNING '% %', i, d; END $$;
-- One from the other by a cast of the value.
INSERT INTO sealed (id, d, n) SELECT 20, z::date, j::int FROM (SELECT z, '7'::tarot.encrypted_jsonb('secret') AS j FROM sealed WHERE id = 1) AS s;
SELECT d, n FROM sealed WHERE id = 20;
DELETE FROM sealed WHERE id = 20;
DELETE FROM target;
-- Bad values are the plain cast's errors.
SELECT c, left(done_by('regress_paths_app', format('SELECT %s FROM sealed WHERE id = %s', c, id)), 60) AS sealed, left(does(format('SELECT %s FROM plain WHERE id = %s', c, id)), 60) AS plain
	FROM (VALUES ('n::int', 8), ('n::smallint', 7), ('n::bigint', 5), ('n::float8', 8), ('n::real', 7), ('j::int', 1), ('j::bool', 2), ('d::timestamp', 7), ('d::timestamptz', 7), ('z::time', 6), ('z::date', 6)) AS s (c, id);

-- ------------------------------------------------------------ who sees what

-- Every cast of a row that has a value, and which are NULL.
RESET ROLE;
CREATE FUNCTION seen(row_id int, OUT cast_of text, OUT "app" text, OUT masked text, OUT writer text, OUT "none" text) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
	statement text;
BEGIN
	FOREACH cast_of IN ARRAY '{t::varchar,t::varchar(3),t::char(3),t::name,j::bool,j::numeric,j::smallint,j::int,j::bigint,j::real,j::float8,n::smallint,n::int,n::bigint,n::real,n::float8,d::timestamp,d::timestamptz,z::date,z::time,z::timetz,z::timestamp}'::text[] LOOP
		statement := format('SELECT %s FROM sealed WHERE id = %s', cast_of, row_id);
		app := left(done_by('regress_paths_app', statement), 40);
		masked := left(done_by('regress_paths_masked', statement), 40);
		writer := left(done_by('regress_paths_writer', statement), 40);
		"none" := left(done_by('regress_paths_none', statement), 40);
		RETURN NEXT;
	END LOOP;
END
$$;
SET ROLE regress_paths_app;
INSERT INTO sealed VALUES (30, 'Ada', '\x01', '42', 32499.5, '2024-05-17', '2024-05-17 10:11:12.5+00'), (31, 'Ada', '\x01', 'true', 32501, '5874897-12-31', '294276-12-31 23:59:59.999999+00'),
	(32, 'Ada', '\x01', '1e400', 1e39, '4713-01-01 BC', '4713-01-01 00:00:00+00 BC');
RESET ROLE;
SELECT * FROM seen(30);
SELECT tarot.alter_class('secret', mask => 'null');
SELECT * FROM seen(30) WHERE masked <> 'NULL';
-- A mask that is more than the type holds is NULL, never an error, also where the value itself is one.
SELECT tarot.alter_class('secret', mask => 'round(1000)');
SELECT cast_of, app, masked FROM seen(30) WHERE cast_of LIKE 'n%';
SELECT cast_of, app, masked FROM seen(31) WHERE cast_of LIKE 'n%';
SELECT cast_of, app, masked FROM seen(32) WHERE cast_of LIKE 'n%';
SELECT cast_of, left(app, 5) AS app, left(masked, 5) AS masked FROM seen(8) WHERE cast_of LIKE 'n%';
SELECT tarot.alter_class('secret', mask => 'year');
SELECT cast_of, app, masked FROM seen(30) WHERE cast_of ~ '^[dz]';
SELECT cast_of, app, masked FROM seen(31) WHERE cast_of ~ '^[dz]';
SELECT cast_of, app, masked FROM seen(32) WHERE cast_of ~ '^[dz]';
SELECT tarot.alter_class('secret', mask => 'json');
SELECT cast_of, app, masked FROM seen(30) WHERE cast_of ~ '^j';
SELECT tarot.alter_class('secret', mask => 'json_hide(x)');
SELECT cast_of, app, masked FROM seen(30) WHERE cast_of ~ '^j';
SELECT cast_of, app, masked FROM seen(31) WHERE cast_of ~ '^j';
SELECT cast_of, app, masked FROM seen(32) WHERE cast_of ~ '^j';
SELECT tarot.alter_class('secret', mask => 'partial(1, 1)');

-- In views and functions of others it is the asking role's, and so with joined documents and dates.
CREATE VIEW cast_view AS SELECT id, n::int, z::date, t::varchar, d::timestamp, j || '{"x": 1}' AS joined, to_char(d, 'YYYY') AS year, age(d, '2000-01-01') AS age, b || '\x00' AS bytes FROM sealed;
CREATE FUNCTION cast_function(of int) RETURNS SETOF int LANGUAGE sql STABLE BEGIN ATOMIC SELECT n::int FROM sealed WHERE id = of; END;
GRANT SELECT ON cast_view TO PUBLIC;
SELECT role, done_by(role, 'SELECT v::text FROM cast_view v WHERE id = 30') AS view, done_by(role, 'SELECT cast_function(30)') AS function FROM unnest('{regress_paths_app,regress_paths_masked,regress_paths_writer,regress_paths_none}'::text[]) AS role;
-- Literals in the definition are not plaintext in the catalog.
SELECT definition LIKE '%''"[encrypted]"''%' AS hidden, definition NOT LIKE '%"x"%' AS not_there FROM pg_get_viewdef('cast_view') AS definition;

-- Masks are not what is read where none may be: dumps, row_security = off, and ALTER TABLE, which would make them the data.
SET ROLE regress_paths_none;
SET row_security = off;
SELECT does('SELECT n::int FROM sealed WHERE id = 30'), does('SELECT t::varchar FROM sealed WHERE id = 30');
RESET row_security;
SET tarot_security.io = masked;
SELECT done_by('regress_paths_app', 'SELECT z::date FROM sealed WHERE id = 30'), done_by('regress_paths_app', 'SELECT t::name FROM sealed WHERE id = 30');
SET tarot_security.io = envelope;
SELECT done_by('regress_paths_app', 'SELECT n::int FROM sealed WHERE id = 30'), done_by('regress_paths_none', 'SELECT n::int FROM sealed WHERE id = 30'), done_by('regress_paths_app', 'SELECT t::varchar FROM sealed WHERE id = 30');
RESET tarot_security.io;
RESET ROLE;
SET ROLE regress_paths_none;
COPY (SELECT n::int FROM sealed WHERE id = 30) TO stdout;
RESET ROLE;
CREATE TABLE altered (n tarot.encrypted_numeric('secret'), z tarot.encrypted_timestamptz('secret'), t tarot.encrypted_text('secret'));
ALTER TABLE altered OWNER TO regress_paths_masked;
INSERT INTO altered SELECT n, z, t FROM sealed WHERE id = 30;
SELECT c, done_by('regress_paths_masked', 'ALTER TABLE altered ' || c) FROM (VALUES ('ALTER n TYPE int'), ('ALTER z TYPE date'), ('ALTER t TYPE varchar(20)'), ('ALTER n TYPE text'), ('ALTER t TYPE int USING length(t::name)'), ('ADD CHECK (n::text = ''x'')')) AS s (c);
ALTER TABLE altered OWNER TO regress_paths_app;
SET ROLE regress_paths_app;
ALTER TABLE altered ALTER n TYPE int, ALTER z TYPE date, ALTER t TYPE varchar(3);
SELECT * FROM altered;

-- An index would keep what one role sees.
RESET ROLE;
SELECT does('CREATE INDEX ON sealed ((n::int))'), does('CREATE TABLE g (n tarot.encrypted_numeric(''secret''), i int GENERATED ALWAYS AS (n::int) STORED)');

-- ------------------------------------------------------------ errors that ALTER TABLE finds are told, without values

RESET ROLE;
CREATE TABLE twice (id int, t tarot.encrypted_text('secret'), n tarot.encrypted_numeric('secret'));
CREATE TABLE parent (t tarot.encrypted_text('secret') PRIMARY KEY);
ALTER TABLE twice OWNER TO regress_paths_masked;
ALTER TABLE parent OWNER TO regress_paths_masked;
GRANT ALL ON twice, parent TO regress_paths_app;
GRANT CREATE ON SCHEMA public TO regress_paths_masked, regress_paths_none;
SET ROLE regress_paths_app;
INSERT INTO twice VALUES (1, 'Ada', 1), (2, 'Ada', 1);
RESET ROLE;
SELECT tarot.grant_class('secret', 'regress_paths_masked', 'masked', search => true);
\set SHOW_CONTEXT never
SET ROLE regress_paths_masked;
ALTER TABLE twice ADD UNIQUE (t);
ALTER TABLE twice ADD UNIQUE (n);
ALTER TABLE twice ADD EXCLUDE (t WITH =);
ALTER TABLE twice ADD FOREIGN KEY (t) REFERENCES parent;
ALTER TABLE twice ADD FOREIGN KEY (t) REFERENCES parent NOT VALID;
ALTER TABLE twice VALIDATE CONSTRAINT twice_t_fkey;
ALTER TABLE twice ADD CHECK (id > 1);
ALTER TABLE twice ALTER t SET NOT NULL, ADD more int NOT NULL;
RESET ROLE;
ALTER TABLE twice OWNER TO regress_paths_none;
GRANT SELECT ON parent TO regress_paths_none;
SET ROLE regress_paths_none;
ALTER TABLE twice ADD UNIQUE (t);
ALTER TABLE twice ADD CHECK (id > 1);
-- What a function catches on the way does not help.
CREATE FUNCTION caught(value tarot.encrypted_numeric) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN format('%s', value); EXCEPTION WHEN OTHERS THEN RETURN 'caught'; END $$;
ALTER TABLE twice ALTER n TYPE text USING caught(n);
DO $$ BEGIN ALTER TABLE twice ALTER n TYPE text USING caught(n); EXCEPTION WHEN OTHERS THEN RAISE WARNING '%', SQLERRM; END $$;
-- Nor does a statement inside of it.
CREATE PROCEDURE shown(value tarot.encrypted_numeric, INOUT seen text) LANGUAGE plpgsql AS $$ BEGIN seen := format('%s', value); END $$;
CREATE FUNCTION called(value tarot.encrypted_numeric) RETURNS text LANGUAGE plpgsql AS $$ DECLARE seen text; BEGIN CALL shown(value, seen); RETURN seen; END $$;
ALTER TABLE twice ALTER n TYPE text USING called(n);
-- And the next statement is not blamed for it.
ALTER TABLE twice ADD more int;
RESET ROLE;
SELECT pg_typeof(n) FROM twice LIMIT 1;
DROP FUNCTION caught, called;
DROP PROCEDURE shown;

-- ------------------------------------------------------------ texts beside names

SET ROLE regress_paths_app;
CREATE TABLE owned (id int, owner tarot.encrypted_text('secret'));
CREATE INDEX ON owned (owner);
INSERT INTO owned SELECT i, 'role ' || i FROM generate_series(1, 100) AS i;
INSERT INTO owned VALUES (0, 'regress_paths_app'), (101, 'regress_paths_masked');
ALTER TABLE owned ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON owned USING (owner = current_user);
GRANT SELECT ON owned TO regress_paths_masked, regress_paths_none;
ANALYZE owned;
CREATE FUNCTION searched_by(query text) RETURNS SETOF text LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
		IF line LIKE '%Index Cond: %' THEN RETURN NEXT trim(line); END IF;
	END LOOP;
END
$$;
SELECT searched_by('SELECT id FROM owned');
SELECT id FROM owned;
SET ROLE regress_paths_masked;
SELECT id FROM owned;
SET ROLE regress_paths_none;
SELECT id FROM owned;
SET ROLE regress_paths_app;
ALTER TABLE owned DISABLE ROW LEVEL SECURITY;
SELECT searched_by(format('SELECT id FROM owned WHERE %s', c)) FROM unnest(ARRAY['owner = ''role 7''::name', '''role 7''::name = owner', 'owner = current_user', 'owner = ANY (''{role 7,role 8}''::name[])']) AS c;
SELECT count(*) FILTER (WHERE owner = current_user) AS eq, count(*) FILTER (WHERE current_user = owner) AS commuted, count(*) FILTER (WHERE owner <> current_user) AS ne, count(*) FILTER (WHERE current_user <> owner) AS ne_commuted,
		count(*) FILTER (WHERE owner IS DISTINCT FROM current_user) AS distinct_from, count(*) FILTER (WHERE nullif(current_user, owner) IS NULL) AS nullif, count(*) FILTER (WHERE CASE current_user WHEN owner THEN true END) AS by_case,
		count(*) FILTER (WHERE owner IN (current_user, 'role 1'::name)) AS in_list, count(*) FILTER (WHERE owner = ANY ('{role 2,role 3}'::name[])) AS in_array, count(*) FILTER (WHERE NOT owner <> ALL ('{role 2,role 3}'::name[])) AS not_in_array
	FROM owned;
SELECT o.id FROM owned o JOIN pg_roles r ON r.rolname = o.owner ORDER BY 1;
SELECT id FROM owned WHERE owner IN (SELECT rolname FROM pg_roles) ORDER BY 1;
PREPARE by_name (name) AS SELECT id FROM owned WHERE owner = $1;
EXECUTE by_name ('role 5');
SET plan_cache_mode = force_generic_plan;
EXECUTE by_name ('role 6');
RESET plan_cache_mode;
DEALLOCATE by_name;
SET ROLE regress_paths_none;
SELECT does('SELECT count(*) FROM owned WHERE owner = current_user'), does('SELECT count(*) FROM owned WHERE owner = ANY (''{x}''::name[])');
RESET ROLE;

\set ECHO none
SET client_min_messages = error;
REVOKE CREATE ON SCHEMA public FROM regress_paths_masked, regress_paths_none;
DROP VIEW cast_view, of_base;
DROP FUNCTION cast_function, seen, searched_by;
DROP TABLE target, altered, twice, parent, owned;
\i :source/sql/include/six_types_end.sql

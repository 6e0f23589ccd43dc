-- Nothing lost: tables that are made, changed, taken apart and put together, for all encrypted types.
\getenv source PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\set ECHO none
\i :source/sql/include/six_types.sql
\set ECHO all
\set SHOW_CONTEXT never
\pset null '(null)'
SET ROLE regress_paths_app;

-- ------------------------------------------------------------ tables from queries

CREATE TABLE as_query AS SELECT * FROM sealed;
SELECT * INTO into_table FROM sealed;
CREATE TEMP TABLE passing ON COMMIT PRESERVE ROWS AS TABLE sealed;
CREATE UNLOGGED TABLE unlogged AS TABLE sealed;
CREATE TABLE by_cast AS SELECT id, t::tarot.encrypted_text('secret'), b::tarot.encrypted_bytea('secret'), j::tarot.encrypted_jsonb('secret'), n::tarot.encrypted_numeric('secret'),
	d::tarot.encrypted_date('secret'), z::tarot.encrypted_timestamptz('secret') FROM plain;
CREATE MATERIALIZED VIEW kept AS SELECT * FROM sealed WITH NO DATA;
REFRESH MATERIALIZED VIEW kept;
CREATE UNIQUE INDEX ON kept (id);
SELECT relation, lost(relation), bytes(relation), (SELECT string_agg(format_type(atttypid, atttypmod), ', ' ORDER BY attnum) = (SELECT string_agg(format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
		FROM pg_attribute WHERE attrelid = 'sealed'::regclass AND attnum > 0) FROM pg_attribute WHERE attrelid = relation AND attnum > 0) AS same_types
	FROM unnest('{as_query,into_table,passing,unlogged,by_cast,kept}'::regclass[]) AS relation;
-- A refresh that compares takes rows whose envelopes are the same for the same rows.
UPDATE sealed SET n = n + 1 WHERE id = 1;
REFRESH MATERIALIZED VIEW CONCURRENTLY kept;
SELECT lost('kept'), bytes('kept');
UPDATE sealed SET n = (SELECT n FROM as_query WHERE id = 1) WHERE id = 1;
REFRESH MATERIALIZED VIEW kept;
SELECT lost('kept'), bytes('kept'), bytes('kept', 'as_query');
BEGIN;
CREATE TEMP TABLE brief ON COMMIT DELETE ROWS AS TABLE sealed;
SELECT lost('brief'), bytes('brief');
COMMIT;
SELECT count(*) FROM brief;
DROP TABLE into_table, unlogged, by_cast, brief;

-- ------------------------------------------------------------ partitions

CREATE TABLE parted (LIKE sealed) PARTITION BY RANGE (id);
CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (MINVALUE) TO (4);
-- Other columns, in another order, with a dropped one.
CREATE TABLE parted_high (z tarot.encrypted_timestamptz('secret'), gone tarot.encrypted_text('other'), d tarot.encrypted_date('secret'), t tarot.encrypted_text('secret'), id int NOT NULL,
	n tarot.encrypted_numeric('secret'), j tarot.encrypted_jsonb('secret'), b tarot.encrypted_bytea('secret'));
INSERT INTO parted_high (id, t, b, j, n, d, z, gone) SELECT *, 'dropped' FROM sealed WHERE id >= 4;
ALTER TABLE parted_high DROP COLUMN gone;
ALTER TABLE parted ATTACH PARTITION parted_high FOR VALUES FROM (4) TO (MAXVALUE);
INSERT INTO parted SELECT * FROM sealed WHERE id < 4;
SELECT lost('parted'), bytes('parted');
-- To the other partition and back, also within COPY, and by ON CONFLICT.
UPDATE parted SET id = -id;
SELECT count(*) FROM parted_high;
UPDATE parted SET id = -id;
SELECT lost('parted'), bytes('parted'), count(*) FROM parted_high;
ALTER TABLE parted DETACH PARTITION parted_high;
SELECT bytes('parted_high'), count(t::text) FROM parted_high;
ALTER TABLE parted ATTACH PARTITION parted_high FOR VALUES FROM (4) TO (MAXVALUE);
TRUNCATE parted_low;
INSERT INTO parted SELECT * FROM plain WHERE id < 4;
SELECT lost('parted'), bytes('parted_high');
CREATE TABLE parted_other (LIKE parted);
ALTER TABLE parted_other ALTER d TYPE tarot.encrypted_date('other');
SELECT does('ALTER TABLE parted ATTACH PARTITION parted_other DEFAULT') AS other_class;
ALTER TABLE parted ALTER d TYPE date;
SELECT lost('parted'), format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'parted_high'::regclass AND attname = 'd';
SELECT does('CREATE TABLE by_year (d tarot.encrypted_date(''secret'')) PARTITION BY LIST (extract(year FROM d))') AS by_expression;
CREATE TABLE hashed (LIKE sealed) PARTITION BY HASH (id);
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO hashed SELECT * FROM sealed;
SELECT lost('hashed'), bytes('hashed');
DROP TABLE parted, parted_other, hashed;

-- ------------------------------------------------------------ inheritance

CREATE TABLE parent (LIKE sealed);
CREATE TABLE child (more tarot.encrypted_date('other')) INHERITS (parent);
INSERT INTO child SELECT *, '2024-01-01' FROM sealed WHERE id > 2;
INSERT INTO parent SELECT * FROM sealed WHERE id <= 2;
UPDATE parent SET t = t;
SELECT lost('parent'), bytes('parent'), (SELECT count(*) FROM ONLY parent) AS in_parent, (SELECT count(more::date) FROM child) AS in_child;
-- A column has one class in the whole family.
SELECT does('CREATE TABLE wrong (t tarot.encrypted_text(''other'')) INHERITS (parent)') AS child_of_other_class;
CREATE TABLE orphan (LIKE child);
ALTER TABLE orphan ALTER n TYPE tarot.encrypted_numeric('other');
SELECT does('ALTER TABLE orphan INHERIT parent') AS inherit_other_class, does('ALTER TABLE child ALTER n TYPE numeric') AS child_alone;
ALTER TABLE parent ALTER n TYPE tarot.encrypted_numeric('other'), ALTER d TYPE tarot.encrypted_date('other');
SELECT lost('parent'), bytes('parent') ~ '1b= 1d! 1j= 1n! 1t= 1z= 2b=' AS changed, (SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'child'::regclass AND attname = 'n') AS type_in_child;
ALTER TABLE orphan ALTER d TYPE tarot.encrypted_date('other');
ALTER TABLE orphan INHERIT parent;
INSERT INTO orphan SELECT 99, t, b, j, n, d, z FROM parent WHERE id = 1;
SELECT tableoid::regclass, t::text, n::numeric, d::date FROM parent WHERE id = 99;
DROP TABLE parent CASCADE;

-- ------------------------------------------------------------ generated columns, defaults, constraints

SELECT base, does(format('CREATE TABLE opened (v tarot.encrypted_%s(''secret''), g %1$s GENERATED ALWAYS AS (v::%1$s) STORED)', base)) AS opened,
	does(format('CREATE TABLE sealed_by_cast (v %s, g tarot.encrypted_%1$s(''secret'') GENERATED ALWAYS AS (v::tarot.encrypted_%1$s(''secret'')) STORED)', base)) AS sealed
	FROM unnest('{text,bytea,jsonb,numeric,date,timestamptz}'::text[]) AS base;
-- What need not be opened can be generated, and is the same envelope.
CREATE TABLE generated (LIKE sealed, t2 tarot.encrypted_text('secret') GENERATED ALWAYS AS (t) STORED, known boolean GENERATED ALWAYS AS (n IS NOT NULL) STORED);
INSERT INTO generated SELECT * FROM sealed;
SELECT lost('generated'), bytes('generated'), count(*) FILTER (WHERE known) AS known, count(t2::text) AS t2 FROM generated;
SET tarot_security.io = envelope;
SELECT bool_and(tarot.encrypted_text_send(t) = tarot.encrypted_text_send(t2)) AS same FROM generated WHERE t IS NOT NULL;
RESET tarot_security.io;
DROP TABLE generated;

CREATE TABLE preset (
	id int,
	t tarot.encrypted_text('secret') DEFAULT 'preset',
	b tarot.encrypted_bytea('secret') DEFAULT '\x0102',
	j tarot.encrypted_jsonb('secret') DEFAULT '{"preset": [1.50]}',
	n tarot.encrypted_numeric('secret') DEFAULT 1.50,
	d tarot.encrypted_date('secret') DEFAULT '2024-02-29',
	z tarot.encrypted_timestamptz('secret') DEFAULT '2024-02-29 12:00:00+00'
);
INSERT INTO preset (id) VALUES (1);
SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German';
INSERT INTO preset (id) VALUES (2);
ALTER TABLE preset ADD t2 tarot.encrypted_text('other') DEFAULT 'added', ADD b2 tarot.encrypted_bytea('other') DEFAULT '\x03', ADD j2 tarot.encrypted_jsonb('other') DEFAULT 'null', ADD n2 tarot.encrypted_numeric('other') DEFAULT '-0.10',
	ADD d2 tarot.encrypted_date('other') DEFAULT '01.02.2024', ADD z2 tarot.encrypted_timestamptz('other') DEFAULT '01.02.2024 00:00';
SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY';
INSERT INTO preset (id) VALUES (3);
SELECT id, t::text, b::bytea, j::jsonb, n::numeric, d::date, z::timestamptz FROM preset ORDER BY id;
SELECT id, t2::text, b2::bytea, j2::jsonb, n2::numeric, d2::date, z2::timestamptz FROM preset ORDER BY id;
-- Sealed, even where the literal is sealed: nothing of it is printed.
SELECT count(*) AS defaults, bool_or(pg_get_expr(adbin, adrelid) ~ 'preset"|2024|0102') AS shown FROM pg_attrdef WHERE adrelid = 'preset'::regclass AND adnum IN (2, 3, 4, 6, 7);
ALTER TABLE preset ALTER n SET DEFAULT 7, ALTER d DROP DEFAULT, ALTER z SET DEFAULT now();
INSERT INTO preset (id) VALUES (4);
SELECT n::numeric, d::date, z::timestamptz = now() AS now FROM preset WHERE id = 4;
SELECT done_by('regress_paths_none', 'INSERT INTO preset (id) VALUES (5)') AS without_privilege;

-- Checks see what the writer sees.
ALTER TABLE preset ADD CHECK (n > -100), ADD CHECK (d::date > '1900-01-01'), ADD CHECK (jsonb_typeof(j) = 'object'), ADD CHECK (length(b) < 5), ADD CHECK (z < '2100-01-01'::timestamptz), ADD CHECK (t <> 'bad'::text);
ALTER TABLE preset ALTER t SET NOT NULL;
SELECT does('UPDATE preset SET ' || change || ' WHERE id = 1') FROM unnest(ARRAY['t = ''bad''', 't = NULL', 'b = ''\x0102030405''', 'j = ''[]''', 'n = -100', 'd = ''1899-01-01''', 'z = ''infinity''', 'n = 5']) AS change;
DROP TABLE preset;

-- ------------------------------------------------------------ arrays, composite types, domains

CREATE DOMAIN day AS tarot.encrypted_date('secret') NOT NULL;
CREATE DOMAIN amount AS tarot.encrypted_numeric('secret') CHECK (VALUE::numeric IS NULL OR VALUE::numeric <> 13);
CREATE TYPE inner_type AS (n tarot.encrypted_numeric('secret'), z tarot.encrypted_timestamptz('secret'));
CREATE TYPE outer_type AS (j tarot.encrypted_jsonb('secret'), one inner_type, many inner_type[], day day);
CREATE TABLE shapes (id int, t tarot.encrypted_text('secret')[], b tarot.encrypted_bytea('secret')[], j tarot.encrypted_jsonb('secret')[], n tarot.encrypted_numeric('secret')[],
	d tarot.encrypted_date('secret')[], z tarot.encrypted_timestamptz('secret')[], day day, amounts amount[], whole outer_type, row_of sealed);
INSERT INTO shapes SELECT 1, array_agg(s.t ORDER BY id), array_agg(b ORDER BY id), array_agg(j ORDER BY id), array_agg(n ORDER BY id), array_agg(d ORDER BY id), array_agg(z ORDER BY id), '2024-05-06', '{1.50,2}',
	ROW('{"k": 1}', ROW(1.50, '2024-01-01 00:00+00')::inner_type, ARRAY[ROW(2, 'infinity')::inner_type, NULL], '2024-06-07')::outer_type, NULL FROM sealed s;
GRANT SELECT ON shapes TO regress_paths_masked;
INSERT INTO shapes VALUES (2, '{a,NULL,"b\"c"}', '{"\\x01",NULL}', '{"{\"a\": [1, 2]}",NULL}', '{1.50,NaN,NULL}', '{2024-01-01,-infinity}', '{"2024-01-01 00:00:00+00"}', '2024-01-01', NULL,
	'("{""k"": 1}","(1.50,""2024-01-01 00:00:00+00"")",,2024-06-07)', NULL);
UPDATE shapes SET row_of = (SELECT s FROM sealed s WHERE s.id = 4) WHERE id = 1;
UPDATE shapes SET n[2] = 2.25, d[4] = '2024-02-02', whole.one.n = 8.80 WHERE id = 2;
SELECT t::text[], b::bytea[], j::jsonb[], n::numeric[], d::date[], z::timestamptz[], day::date, (whole).one.n::numeric, ((whole).one).z::timestamptz, (whole).j::jsonb, (whole).day::date FROM shapes WHERE id = 2;
SELECT amounts::numeric[], (whole).many[1].n::numeric, (whole).many[1].z::timestamptz, (row_of).t::text, (row_of).n::numeric, (row_of).d::date FROM shapes WHERE id = 1;
SELECT does('CREATE TABLE unnested AS SELECT unnest(n) FROM shapes') AS without_class;
CREATE TABLE unnested AS SELECT i::int AS id, u.t::tarot.encrypted_text('secret'), u.b::tarot.encrypted_bytea('secret'), u.j::tarot.encrypted_jsonb('secret'), u.n::tarot.encrypted_numeric('secret'), u.d::tarot.encrypted_date('secret'),
	u.z::tarot.encrypted_timestamptz('secret') FROM shapes, unnest(t, b, j, n, d, z) WITH ORDINALITY AS u (t, b, j, n, d, z, i) WHERE shapes.id = 1;
SELECT lost('unnested'), bytes('unnested');
CREATE TABLE shapes_too AS TABLE shapes;
CREATE FUNCTION envelopes_of(relation regclass) RETURNS text LANGUAGE plpgsql SET tarot_security.io = envelope AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT md5(string_agg(r::text, '','' ORDER BY id)) FROM %s r', relation) INTO result;
	RETURN result;
END
$$;
SELECT envelopes_of('shapes') = envelopes_of('shapes_too') AS same;
SELECT does('INSERT INTO shapes (id, day) VALUES (3, NULL)') AS domain_null, does('INSERT INTO shapes (id, day, amounts) VALUES (3, ''2024-01-01'', ''{13}'')') AS domain_check,
	does('UPDATE shapes SET day = ''soon''') AS no_date, done_by('regress_paths_masked', 'SELECT ROW(day::date, n::numeric[], (whole).j::jsonb, (row_of).d::date) FROM shapes WHERE id = 2') AS masked;
DROP TABLE shapes, shapes_too, unnested;
DROP TYPE outer_type, inner_type;
DROP DOMAIN day, amount;

-- ------------------------------------------------------------ other types, and rewrites

CREATE TABLE changing (LIKE plain);
INSERT INTO changing SELECT * FROM plain;
CREATE FUNCTION changed_to(suffix text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE (SELECT 'ALTER TABLE changing ' || string_agg(format('ALTER %s TYPE %s', c, CASE suffix WHEN '' THEN base ELSE format('tarot.encrypted_%s(%L)', base, suffix) END), ', ')
		FROM (VALUES ('t', 'text'), ('b', 'bytea'), ('j', 'jsonb'), ('n', 'numeric'), ('d', 'date'), ('z', 'timestamptz')) AS types (c, base));
END
$$;
SELECT changed_to('secret');
SELECT lost('changing');
CREATE TABLE before_change AS TABLE changing;
SELECT changed_to('other');
SELECT lost('changing'), bytes('changing', 'before_change');
SELECT changed_to('secret');
SELECT changed_to('secret');
SELECT lost('changing');
-- What has the class already is not rewritten, nor by a change of a plain column, VACUUM or CLUSTER.
CREATE TABLE before_rewrite AS TABLE changing;
ALTER TABLE changing ALTER n TYPE tarot.encrypted_numeric('secret'), ALTER id TYPE bigint;
ALTER TABLE changing ADD PRIMARY KEY (id);
VACUUM (FULL, ANALYZE) changing;
CLUSTER changing USING changing_pkey;
ALTER TABLE changing ADD filler float DEFAULT random();
ALTER TABLE changing DROP COLUMN filler;
SELECT lost('changing'), bytes('changing', 'before_rewrite');
SELECT attname, null_frac, concat(most_common_vals, histogram_bounds) ~ 'Fool|fffe|1\.50|12\.3|2024' AS shown FROM pg_stats WHERE tablename = 'changing' AND attname <> 'id' ORDER BY attname;
SELECT changed_to('');
SELECT lost('changing'), (SELECT string_agg(format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'changing'::regclass AND attnum > 0 AND NOT attisdropped) AS types;
DROP TABLE changing, before_change, before_rewrite;

-- Long values are out of line and uncompressed, also where the column asks for compression.
SELECT attname, attstorage FROM pg_attribute WHERE attrelid = 'sealed'::regclass AND attnum > 1 ORDER BY attnum;
CREATE TABLE toasted (LIKE sealed);
ALTER TABLE toasted ALTER t SET STORAGE EXTENDED, ALTER j SET STORAGE MAIN, ALTER b SET COMPRESSION pglz;
INSERT INTO toasted SELECT * FROM sealed;
INSERT INTO toasted SELECT id + 100, t::text, b::bytea, j::jsonb, n::numeric, d::date, z::timestamptz FROM sealed WHERE id = 7;
SELECT relation, pg_column_size(r.t) > 1000000 AS t, pg_column_size(r.b) > 1000000 AS b, pg_column_size(r.j) > 1000000 AS j, pg_column_size(r.n) BETWEEN 3000 AND 3100 AS n, pg_column_compression(r.t) AS compressed, pg_relation_size(c.reltoastrelid) > 3000000 AS out_of_line
	FROM (SELECT 'sealed' AS relation, s.* FROM sealed s UNION ALL SELECT 'toasted', s.* FROM toasted s) AS r JOIN pg_class c ON c.relname = relation WHERE id = 7;
SELECT bytes('toasted'), (SELECT count(*) FROM toasted c JOIN plain p ON p.id + 100 = c.id WHERE (p.t, p.b, p.j::text) = (c.t::text, c.b::bytea, c.j::text)) AS sealed_again;
DELETE FROM toasted WHERE id > 100;
UPDATE toasted SET d = '2024-01-01';
SELECT lost('toasted') ~ '^(row \d: d(, )?)+$' AS only_dates, bytes('toasted') ~ '7b= 7d! 7j= 7n= 7t= 7z=' AS long_values_stay;

-- Event triggers of others are told of these tables, and get no values.
RESET ROLE;
CREATE TABLE events (i serial, event text, object text);
CREATE FUNCTION note_ddl() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
	IF TG_EVENT = 'table_rewrite' THEN
		INSERT INTO events (event, object) SELECT TG_EVENT, pg_event_trigger_table_rewrite_oid()::regclass;
	ELSIF TG_EVENT = 'sql_drop' THEN
		INSERT INTO events (event, object) SELECT TG_EVENT, object_identity FROM pg_event_trigger_dropped_objects() WHERE original;
	ELSE
		INSERT INTO events (event, object) SELECT TG_TAG, object_identity FROM pg_event_trigger_ddl_commands();
	END IF;
END
$$;
CREATE EVENT TRIGGER noted ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE', 'CREATE TABLE AS') EXECUTE FUNCTION note_ddl();
CREATE EVENT TRIGGER noted_rewrite ON table_rewrite EXECUTE FUNCTION note_ddl();
CREATE EVENT TRIGGER noted_drop ON sql_drop EXECUTE FUNCTION note_ddl();
SET ROLE regress_paths_app;
CREATE TABLE told AS SELECT * FROM sealed;
ALTER TABLE told ALTER n TYPE tarot.encrypted_numeric('other');
ALTER TABLE told DROP COLUMN d;
DROP TABLE told;
RESET ROLE;
SELECT event, object FROM events ORDER BY i;
DROP EVENT TRIGGER noted;
DROP EVENT TRIGGER noted_rewrite;
DROP EVENT TRIGGER noted_drop;

\set ECHO none
\i :source/sql/include/six_types_end.sql

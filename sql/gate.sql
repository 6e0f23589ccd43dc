-- The gate: what a role sees of a column it is granted plain, masked or nothing, on every way out, and what
-- cannot be written back. A column marked LEAK would hold plaintext where it must not be.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'
SELECT tarot.create_key('profile') > 0 AS created, tarot.create_class('email', 'profile', 'email'), tarot.create_class('note', 'profile');
CREATE ROLE tarot_gate_plain;
CREATE ROLE tarot_gate_masked;
CREATE ROLE tarot_gate_none;
CREATE ROLE tarot_gate_super SUPERUSER;
SELECT tarot.grant_class('email', 'tarot_gate_plain', 'plain'), tarot.grant_class('note', 'tarot_gate_plain', 'plain'),
	tarot.grant_class('email', 'tarot_gate_masked', 'masked'), tarot.grant_class('note', 'tarot_gate_masked', 'masked');
CREATE TYPE contact AS (kind text, address tarot.encrypted_text('email'));
CREATE DOMAIN mailbox AS tarot.encrypted_text('email');
CREATE TABLE customer (id int PRIMARY KEY, email tarot.encrypted_text('email'), note tarot.encrypted_text('note'),
	many tarot.encrypted_text('email')[], one contact, box mailbox);
GRANT ALL ON customer TO tarot_gate_plain, tarot_gate_masked, tarot_gate_none;
GRANT CREATE ON SCHEMA public TO tarot_gate_plain, tarot_gate_masked, tarot_gate_none;
SET ROLE tarot_gate_plain;
INSERT INTO customer VALUES (1, 'ada@secret.org', 'a secret', ARRAY['ada@secret.org'], ROW('home', 'ada@secret.org'), 'ada@secret.org'),
	(2, 'bob@secret.org', 'another secret', NULL, NULL, NULL);
RESET ROLE;

-- One query as each role; the superuser holds nothing.
CREATE FUNCTION as_role(who name, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	seen text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', who);
	seen := ask(query);
	RESET ROLE;
	RETURN seen;
END
$$;

-- Views, functions and rows as they stand, made by the one who may read.
SET ROLE tarot_gate_plain;
CREATE VIEW view_of_plain AS SELECT id, email, upper(email) AS shouted FROM customer;
CREATE VIEW barrier_of_plain WITH (security_barrier) AS SELECT id, email FROM customer WHERE id > 0;
CREATE FUNCTION invoked(who int) RETURNS text LANGUAGE sql STABLE AS 'SELECT email FROM public.customer WHERE id = who';
CREATE FUNCTION invoked_type(who int) RETURNS tarot.encrypted_text LANGUAGE sql STABLE AS 'SELECT email FROM public.customer WHERE id = who';
CREATE FUNCTION definer_type(who int) RETURNS tarot.encrypted_text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'SELECT email FROM public.customer WHERE id = who';
CREATE FUNCTION definer_text(who int) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'SELECT email FROM public.customer WHERE id = who';
GRANT ALL ON view_of_plain, barrier_of_plain TO PUBLIC;
RESET ROLE;
CREATE FUNCTION definer_of_superuser(who int) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'SELECT email FROM public.customer WHERE id = who';
CREATE MATERIALIZED VIEW kept AS SELECT id, email FROM customer;
GRANT ALL ON kept TO PUBLIC;

CREATE TABLE queries (i serial, query text);
INSERT INTO queries (query) VALUES
	('SELECT email FROM customer WHERE id = 1'),
	('SELECT email::text FROM customer WHERE id = 1'),
	('SELECT email::varchar FROM customer WHERE id = 1'),
	('SELECT CAST(email AS char(5)) FROM customer WHERE id = 1'),
	('SELECT email::tarot.encrypted_text FROM customer WHERE id = 1'),
	('SELECT email::name FROM customer WHERE id = 1'),
	('SELECT tarot.text(email) FROM customer WHERE id = 1'),
	('SELECT tarot.try_decrypt(email) FROM customer WHERE id = 1'),
	('SELECT tarot.encrypted_text_out(email)::text FROM customer WHERE id = 1'),
	('SELECT convert_from(tarot.encrypted_text_send(email), ''UTF8'') FROM customer WHERE id = 1'),
	('SELECT textout(tarot.text(email))::text FROM customer WHERE id = 1'),
	('SELECT c FROM customer c WHERE id = 1'),
	('SELECT c::text FROM customer c WHERE id = 1'),
	('SELECT ROW(email, note) FROM customer WHERE id = 1'),
	('SELECT row_to_json(c) FROM customer c WHERE id = 1'),
	('SELECT to_jsonb(c) FROM customer c WHERE id = 1'),
	('SELECT jsonb_build_object(''e'', email) FROM customer WHERE id = 1'),
	('SELECT json_agg(email) FROM customer WHERE id = 1'),
	('SELECT json_populate_record(NULL::contact, ''{"kind": "x"}'')'),
	('SELECT format(''<%s> <%I> <%L>'', email, email, email) FROM customer WHERE id = 1'),
	('SELECT ''<'' || email || ''>'' FROM customer WHERE id = 1'),
	('SELECT concat(email, note) FROM customer WHERE id = 1'),
	('SELECT lower(email) || upper(note) FROM customer WHERE id = 1'),
	('SELECT length(email) || '' '' || length(note) FROM customer WHERE id = 1'),
	('SELECT octet_length(email) FROM customer WHERE id = 1'),
	('SELECT email LIKE ''%secret%'' FROM customer WHERE id = 1'),
	('SELECT email ~ ''^ada@secret'' FROM customer WHERE id = 1'),
	('SELECT email = ''ada@secret.org'' FROM customer WHERE id = 1'),
	('SELECT count(*) FROM customer WHERE email LIKE ''ada@s%'''),
	('SELECT count(*) FROM customer WHERE email > ''ada@s'' AND email < ''ada@t'''),
	('SELECT md5(email) = md5(''ada@secret.org'') FROM customer WHERE id = 1'),
	('SELECT regexp_replace(email, ''@.*'', '''') FROM customer WHERE id = 1'),
	('SELECT substr(email, 1, 8) FROM customer WHERE id = 1'),
	('SELECT string_agg(email, '' '' ORDER BY id) FROM customer'),
	('SELECT array_agg(email ORDER BY id) FROM customer'),
	('SELECT max(email) FROM customer'),
	('SELECT coalesce(email, ''x'') FROM customer WHERE id = 1'),
	('SELECT CASE WHEN id = 1 THEN email END FROM customer WHERE id = 1'),
	('SELECT many FROM customer WHERE id = 1'),
	('SELECT many[1]::text FROM customer WHERE id = 1'),
	('SELECT many::text[] FROM customer WHERE id = 1'),
	('SELECT array_to_string(many, '','') FROM customer WHERE id = 1'),
	('SELECT unnest(many) FROM customer WHERE id = 1'),
	('SELECT one FROM customer WHERE id = 1'),
	('SELECT (one).address::text FROM customer WHERE id = 1'),
	('SELECT box FROM customer WHERE id = 1'),
	('SELECT box::text FROM customer WHERE id = 1'),
	('SELECT email FROM customer WHERE id = 1 UNION ALL SELECT ''x'' LIMIT 1'),
	('WITH c AS MATERIALIZED (SELECT email FROM customer WHERE id = 1) SELECT email FROM c'),
	('SELECT (SELECT email FROM customer WHERE id = 1)'),
	('SELECT email FROM kept WHERE id = 1'),
	('SELECT email FROM view_of_plain WHERE id = 1'),
	('SELECT shouted FROM view_of_plain WHERE id = 1'),
	('SELECT email FROM barrier_of_plain WHERE id = 1'),
	('SELECT invoked(1)'),
	('SELECT invoked_type(1)'),
	('SELECT definer_type(1)'),
	('SELECT definer_text(1)'),
	('SELECT definer_of_superuser(1)'),
	('SELECT pg_column_size(email) > 50 FROM customer WHERE id = 1'),
	('SELECT email::bytea FROM customer WHERE id = 1'),
	('SELECT email::text::bytea FROM customer WHERE id = 1'),
	('SELECT record_out(ROW(email))::text FROM customer WHERE id = 1'),
	('SELECT quote_literal(email) || quote_ident(email) FROM customer WHERE id = 1'),
	('SELECT email::tarot.encrypted_text(''note'') FROM customer WHERE id = 1'),
	('SELECT email::text::tarot.encrypted_text(''note'') FROM customer WHERE id = 1');
-- Each query, and what it gives whoever holds plain, masked, nothing.
\pset format unaligned
\pset tuples_only on
\pset fieldsep '\n    '
SELECT query, as_role('tarot_gate_plain', query) AS plain, as_role('tarot_gate_masked', query) AS masked, as_role('tarot_gate_none', query) AS none
	FROM queries ORDER BY i;
\pset format aligned
\pset tuples_only off
-- Everything again, so that what one site found out for a role is not kept for the next.
SELECT query, masked, none, superuser FROM (SELECT i, query, as_role('tarot_gate_plain', query) AS plain, as_role('tarot_gate_masked', query) AS masked,
	as_role('tarot_gate_none', query) AS none, as_role('tarot_gate_super', query) AS superuser FROM queries) AS q
	WHERE query NOT LIKE '%definer_text%' AND (masked ILIKE '%secret%' OR none ILIKE '%secret%' OR superuser ILIKE '%secret%') ORDER BY i;

-- ------------------------------------------------------------ one plan, several roles

PREPARE seen AS SELECT id, email, email::text AS text, upper(email) FROM customer WHERE id = 1;
SET ROLE tarot_gate_plain;
EXECUTE seen;
SET ROLE tarot_gate_masked;
EXECUTE seen;
SET plan_cache_mode = force_generic_plan;
SET ROLE tarot_gate_none;
EXECUTE seen;
SET ROLE tarot_gate_plain;
EXECUTE seen;
RESET ROLE;
EXECUTE seen;
RESET plan_cache_mode;
-- A constant under the cast, which the planner must not fold for whoever plans first.
PREPARE folded AS SELECT ('ada@secret.org'::tarot.encrypted_text('email'))::text AS value;
SET ROLE tarot_gate_plain;
SET plan_cache_mode = force_generic_plan;
EXECUTE folded;
SET ROLE tarot_gate_masked;
EXECUTE folded;
RESET plan_cache_mode;
RESET ROLE;
-- PL/pgSQL keeps its expressions and their plans from call to call.
CREATE FUNCTION look() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	address tarot.encrypted_text;
BEGIN
	SELECT email INTO address FROM customer WHERE id = 1;
	RETURN address || ' ' || (SELECT email FROM customer WHERE id = 1);
END
$$;
SELECT as_role(r, 'SELECT look()') FROM unnest(ARRAY['tarot_gate_plain', 'tarot_gate_masked', 'tarot_gate_none', 'tarot_gate_plain', 'tarot_gate_masked']) AS r;
-- A cursor opened as one role and read as another shows what the reading role may see.
BEGIN;
SET LOCAL ROLE tarot_gate_plain;
DECLARE open_one CURSOR FOR SELECT email FROM customer ORDER BY id;
FETCH 1 FROM open_one;
SET LOCAL ROLE tarot_gate_none;
FETCH 1 FROM open_one;
ROLLBACK;

-- Parallel workers are the same role, with the same grants.
CREATE TABLE many AS SELECT i AS id, c.email FROM customer c, generate_series(1, 10000) AS i WHERE c.id = 1;
GRANT SELECT ON many TO PUBLIC;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN ' || query; END $$;
SELECT count(*) > 0 AS parallel FROM plan('SELECT count(*) FROM many WHERE email LIKE ''%secret%''') AS line WHERE line LIKE '%Workers Planned%';
SELECT r, as_role(r, 'SELECT count(*) FROM many WHERE email LIKE ''%secret%''') AS found, as_role(r, 'SELECT min(email) FROM many') AS least
	FROM unnest(ARRAY['tarot_gate_plain', 'tarot_gate_masked', 'tarot_gate_none', 'tarot_gate_super']) AS r;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;

-- ------------------------------------------------------------ copies and dumps

SET ROLE tarot_gate_plain;
COPY customer (email, note) TO stdout;
SET ROLE tarot_gate_masked;
COPY customer (email, note) TO stdout;
COPY (SELECT email FROM customer) TO stdout (FORMAT csv);
COPY (SELECT email::text FROM customer) TO stdout;
COPY (SELECT upper(note) FROM customer) TO stdout;
COPY (SELECT many FROM customer) TO stdout;
COPY (SELECT id FROM customer ORDER BY id) TO stdout;
SET ROLE tarot_gate_none;
COPY customer (email) TO stdout;
SET row_security = off;
SELECT email FROM customer WHERE id = 1;
SELECT id FROM customer WHERE id = 1;
RESET row_security;
SELECT email FROM customer WHERE id = 1;
RESET ROLE;
-- Masked dumps: what may be read is masked, for the plain reader too; the error is gone.
SET tarot_security.io = masked;
SET ROLE tarot_gate_plain;
COPY customer (email, note) TO stdout;
SELECT email, email::text, note, many, (one).address, email LIKE '%secret%' AS LEAK FROM customer WHERE id = 1;
SET row_security = off;
SELECT email FROM customer WHERE id = 1;
RESET row_security;
SET ROLE tarot_gate_masked;
COPY customer (email, note) TO stdout;
SET ROLE tarot_gate_none;
COPY customer (email, note) TO stdout;
-- Masks are not written from there either.
SET ROLE tarot_gate_plain;
INSERT INTO customer (id, email) VALUES (3, 'written in masked mode');
RESET tarot_security.io;
SELECT email FROM customer WHERE id = 3;
DELETE FROM customer WHERE id = 3;
RESET ROLE;

-- Envelopes: to whom may read the table, but the casts still pass the gate.
SET tarot_security.io = envelope;
SELECT r AS role, as_role(r, 'SELECT format(''%s'', email) FROM customer WHERE id = 1') LIKE '$tarot1$%' AS output, as_role(r, 'SELECT email::text FROM customer WHERE id = 1') AS cast,
		as_role(r, 'SELECT upper(email) FROM customer WHERE id = 1') AS upper
	FROM unnest(ARRAY['tarot_gate_plain', 'tarot_gate_masked', 'tarot_gate_none', 'tarot_gate_super']) AS r;
SELECT email AS envelope, (SELECT email FROM customer WHERE id = 2) AS envelope_2 FROM customer WHERE id = 1 \gset
SELECT note AS envelope_note FROM customer WHERE id = 1 \gset
SELECT '\x' || encode(tarot.encrypted_text_send(email), 'hex') AS bytes FROM customer WHERE id = 1 \gset
SET ROLE tarot_gate_none;
COPY (SELECT 1 FROM (SELECT email FROM customer) AS c WHERE c.email IS NOT NULL) TO stdout;
RESET ROLE;
RESET tarot_security.io;

-- ------------------------------------------------------------ writing back

CREATE FUNCTION write_as(who name, what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', who);
	result := run(what);
	RESET ROLE;
	RETURN replace(result, who, 'ROLE');
END
$$;
CREATE TABLE writes (i serial, what text);
INSERT INTO writes (what) VALUES
	('UPDATE customer SET email = ''a***@s***.org'' WHERE id = 1'),
	('UPDATE customer SET email = email::text WHERE id = 1'),
	('UPDATE customer SET email = lower(email) WHERE id = 1'),
	('UPDATE customer SET email = ''[encrypted]'' WHERE id = 1'),
	('UPDATE customer SET email = note WHERE id = 1'),
	('UPDATE customer SET note = email WHERE id = 1'),
	('UPDATE customer SET many = ARRAY[''x''] WHERE id = 1'),
	('UPDATE customer SET one = ROW(''x'', ''y'') WHERE id = 1'),
	('UPDATE customer SET box = ''x'' WHERE id = 1'),
	('UPDATE customer SET email = NULL WHERE false'),
	('INSERT INTO customer (id, email) VALUES (9, ''new'')'),
	('INSERT INTO customer (id, email) SELECT 9, ''new''::text'),
	('INSERT INTO customer (id, email) SELECT 9, email::text FROM customer WHERE id = 1'),
	('INSERT INTO customer (id, email) VALUES (1, ''new'') ON CONFLICT (id) DO UPDATE SET email = excluded.email'),
	('INSERT INTO customer (id, email) VALUES (9, NULL)'),
	('SELECT ''new''::tarot.encrypted_text(''email'')'),
	('SELECT ''new''::text::tarot.encrypted_text(''email'')'),
	('SELECT tarot.encrypted_text(''new''::text, -1, false)::tarot.encrypted_text(''email'')');
SELECT what, write_as('tarot_gate_masked', what) AS masked FROM writes ORDER BY i;
SELECT what, code FROM (SELECT i, what, split_part(write_as('tarot_gate_none', what), ':', 1) AS code, split_part(write_as('tarot_gate_masked', what), ':', 1) AS masked FROM writes WHERE what NOT LIKE '%INSERT%NULL%') AS w
	WHERE code IS DISTINCT FROM masked ORDER BY i;
DELETE FROM customer WHERE id = 9;
SELECT what, write_as('tarot_gate_plain', what) AS plain FROM writes ORDER BY i;
SET ROLE tarot_gate_plain;
SELECT id, email, note, many, one, box FROM customer ORDER BY id;
UPDATE customer SET email = 'ada@secret.org', note = 'a secret' WHERE id = 1;
RESET ROLE;

-- A write by COPY, and one under the rights of a definer.
SET ROLE tarot_gate_masked;
COPY customer (id, email) FROM stdin;
20	copied@secret.org
\.
RESET ROLE;
CREATE FUNCTION definer_write(address text) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS 'UPDATE public.customer SET email = address WHERE id = 1';
ALTER FUNCTION definer_write(text) OWNER TO tarot_gate_plain;
SELECT write_as('tarot_gate_none', 'SELECT definer_write(''definer@secret.org'')');
SELECT as_role('tarot_gate_plain', 'SELECT email FROM customer WHERE id = 1');

-- ------------------------------------------------------------ envelopes from outside

-- In plain mode an envelope is refused, whoever brings it, on every way.
SELECT write_as(r, format('UPDATE customer SET email = %L WHERE id = 1', :'envelope')) FROM unnest(ARRAY['tarot_gate_plain', 'tarot_gate_super']) AS r;
SELECT code(format('SELECT %L::text::tarot.encrypted_text(''email'')', :'envelope')) AS cast_text,
	code(format('SELECT %L::tarot.encrypted_text', :'envelope')) AS literal,
	code(format('UPDATE customer SET many = ARRAY[%L] WHERE id = 1', :'envelope')) AS in_array;
-- Only what is an envelope: something alike is text.
SET ROLE tarot_gate_plain;
UPDATE customer SET email = '$tarot' WHERE id = 2;
SELECT email FROM customer WHERE id = 2;
RESET ROLE;
-- In envelope mode only who is granted the parameter.
SET tarot_security.io = envelope;
SELECT r AS role, write_as(r, format('UPDATE customer SET email = %L WHERE id = 2', :'envelope')) FROM unnest(ARRAY['tarot_gate_plain', 'tarot_gate_masked', 'tarot_gate_none']) AS r;
GRANT SET ON PARAMETER tarot_security.io TO tarot_gate_none;
SELECT write_as('tarot_gate_none', format('UPDATE customer SET email = %L WHERE id = 2', :'envelope'));
REVOKE SET ON PARAMETER tarot_security.io FROM tarot_gate_none;
SELECT write_as('tarot_gate_none', format('UPDATE customer SET email = %L WHERE id = 2', :'envelope_2'));
SELECT write_as('tarot_gate_super', format('UPDATE customer SET email = %L WHERE id = 2', :'envelope_2'));
-- What is no envelope, or one of another class, or of none.
SELECT run($$UPDATE customer SET email = 'plaintext' WHERE id = 2$$) AS plaintext, run($$UPDATE customer SET email = '' WHERE id = 2$$) AS nothing,
	run(format('UPDATE customer SET email = %L WHERE id = 2', left(:'envelope', 40))) AS truncated;
SELECT run(format('COPY customer (id, email) FROM PROGRAM %L', 'printf ''30\t%s\n'' ''' || :'envelope_note' || '''')) AS other_class_copied;
SELECT write_as('tarot_gate_super', format('UPDATE customer SET email = %L WHERE id = 2', :'envelope_note')) AS other_class;
SELECT code(format('UPDATE customer SET email = %L WHERE id = 2', tarot.encrypt('v', 'profile', 'row'))) AS of_encrypt;
-- An envelope that fits is not opened at the door, but when it is read.
SELECT run(format('UPDATE customer SET email = %L WHERE id = 2', overlay(:'envelope_2' PLACING CASE substr(:'envelope_2', 70, 1) WHEN 'A' THEN 'B' ELSE 'A' END FROM 70))) AS damaged;
RESET tarot_security.io;
SELECT as_role(r, 'SELECT email FROM customer WHERE id = 2') AS cast, as_role(r, 'SELECT tarot.try_decrypt(email) FROM customer WHERE id = 2') AS try
	FROM unnest(ARRAY['tarot_gate_plain', 'tarot_gate_masked', 'tarot_gate_none']) AS r;
-- Moved between classes only by whoever may read the one and write the other.
SELECT tarot.grant_class('note', 'tarot_gate_none', 'plain'), tarot.revoke_class('note', 'tarot_gate_plain'), tarot.grant_class('email', 'tarot_gate_masked', 'masked', write => true);
SELECT r, write_as(r, 'UPDATE customer SET note = email WHERE id = 1') FROM unnest(ARRAY['tarot_gate_plain', 'tarot_gate_masked', 'tarot_gate_none', 'tarot_gate_super']) AS r;
SELECT as_role('tarot_gate_none', 'SELECT note FROM customer WHERE id = 1') AS still;

-- The setting itself.
SET tarot_security.io = 'plaintext';
SET tarot_security.nonsense = 1;
SHOW tarot_security.io;

-- Gone with its last grant, in the same session, at the next statement.
SELECT as_role('tarot_gate_plain', 'SELECT email FROM customer WHERE id = 1') AS granted;
SELECT tarot.revoke_class('email', 'tarot_gate_plain');
SELECT as_role('tarot_gate_plain', 'SELECT email FROM customer WHERE id = 1') AS revoked;

-- Errors of an open: the message says nothing of the value.
SELECT tarot.grant_class('email', 'tarot_gate_plain', 'plain');
SELECT tarot.lock();
SELECT r, as_role(r, 'SELECT email FROM customer WHERE id = 1') AS email, as_role(r, 'SELECT note FROM customer WHERE id = 1') AS note, split_part(write_as(r, 'UPDATE customer SET email = ''x'' WHERE id = 1'), ':', 1) AS writing
	FROM unnest(ARRAY['tarot_gate_plain', 'tarot_gate_masked', 'tarot_gate_none']) AS r;
SELECT tarot.unlock();
SELECT as_role('tarot_gate_plain', 'SELECT email FROM customer WHERE id = 1');

DROP OWNED BY tarot_gate_plain, tarot_gate_masked, tarot_gate_none CASCADE;
DROP ROLE tarot_gate_plain, tarot_gate_masked, tarot_gate_none, tarot_gate_super;

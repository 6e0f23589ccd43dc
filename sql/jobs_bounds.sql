-- Jobs and the code of owners that they run: code that does not end, what it leaves behind, what its errors tell, and names.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\set owner regress_bounds_owner
\set other regress_bounds_other
\i :source/sql/include/retention.sql
GRANT CREATE ON SCHEMA public TO regress_bounds_other;
GRANT EXECUTE ON FUNCTION tarot.add_retention TO regress_bounds_other;
RESET client_min_messages;
\set ECHO all

-- ------------------------------------------------------------ code that does not end
SET tarot_security.job_timeout = '300ms';
SET ROLE regress_bounds_owner;
CREATE TABLE way (name text PRIMARY KEY, body text);
INSERT INTO way VALUES
	('1 sleeps', 'BEGIN PERFORM pg_sleep(1000); RETURN true; END'),
	('2 loops', 'BEGIN LOOP END LOOP; END'),
	('3 reads and reads', 'BEGIN RETURN (SELECT count(*) > 0 FROM generate_series(1, 100000) a, generate_series(1, 1000000) b WHERE a.a + b.b < 0); END'),
	('4 catches it', 'BEGIN LOOP BEGIN PERFORM pg_sleep(1000); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END'),
	('5 catches it and loops', 'BEGIN BEGIN PERFORM pg_sleep(1000); EXCEPTION WHEN query_canceled THEN LOOP END LOOP; END; RETURN true; END'),
	('6 catches it where it catches it', 'BEGIN BEGIN BEGIN PERFORM pg_sleep(1000); EXCEPTION WHEN query_canceled THEN PERFORM pg_sleep(1000); END;
		EXCEPTION WHEN query_canceled OR OTHERS THEN END; LOOP BEGIN PERFORM 1 / 0; EXCEPTION WHEN query_canceled OR OTHERS THEN END; END LOOP; END'),
	('7 calls itself', 'BEGIN RETURN public.endless(name); EXCEPTION WHEN query_canceled OR OTHERS THEN RETURN public.endless(name); END'),
	('8 sets the settings', 'BEGIN PERFORM set_config(s, ''0'', false) FROM unnest(ARRAY[''statement_timeout'', ''lock_timeout'', ''idle_in_transaction_session_timeout'']) s;
		LOOP BEGIN PERFORM pg_sleep(0.01); EXCEPTION WHEN query_canceled THEN PERFORM set_config(''statement_timeout'', ''1'', false); END; END LOOP; END'),
	('9 catches it and answers', 'BEGIN BEGIN PERFORM pg_sleep(1000); EXCEPTION WHEN query_canceled THEN END; RETURN true; END');
CREATE FUNCTION endless(name text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
CREATE TABLE slow (id int, at date);
CREATE TABLE quick (id int, at date);
INSERT INTO slow VALUES (1, '2020-01-01');
SELECT tarot.add_retention('slow', 'at', '1 year', "where" => 'public.endless(''x'')', policy => 'a slow one'), tarot.add_retention('quick', 'at', '1 year', policy => 'quick');
RESET ROLE;
CREATE TABLE result (way text, sqlstate text, message text, other_done boolean);
CREATE PROCEDURE try_ways() LANGUAGE plpgsql AS $$
DECLARE
	w way;
BEGIN
	FOR w IN TABLE way ORDER BY name LOOP
		EXECUTE format('CREATE OR REPLACE FUNCTION endless(name text) RETURNS boolean LANGUAGE plpgsql AS %L', w.body);
		INSERT INTO quick VALUES (1, '2020-01-01');
		UPDATE tarot.job_state SET due_at = now() - CASE name WHEN 'quick' THEN interval '0' ELSE '1 second' END, timeouts = 0;
		CALL tarot.run_due_jobs();
		INSERT INTO result SELECT w.name, r.sqlstate, r.message, NOT EXISTS (SELECT FROM quick) FROM tarot.job_run r WHERE r.job = 'a slow one' AND r.outcome = 'running';
	END LOOP;
END $$;
CALL try_ways();
SELECT * FROM result ORDER BY way;
SELECT count(*) AS "it is still there" FROM slow;
SELECT job, outcome, failures, sqlstate FROM tarot.job_run WHERE job = 'a slow one';
SELECT state, failures, next_run > now() + interval '40 minutes' AS "later each time" FROM tarot.job_status WHERE job = 'a slow one';
SHOW statement_timeout;
-- Whoever runs the jobs is not cancelled by what came too late.
SELECT count(*) FROM (SELECT pg_sleep(0.5)) AS s;
-- Once it ends, it is done.
CREATE OR REPLACE FUNCTION endless(name text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
SELECT tarot.run_job_soon('a slow one');
CALL tarot.run_due_jobs();
SELECT count(*) FROM slow;
SELECT outcome, rows, failures FROM tarot.job_run WHERE job = 'a slow one' ORDER BY number DESC LIMIT 1;
-- One that is slow for each row takes fewer of them.
CREATE FUNCTION takes_time() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN old; END $$;
CREATE TRIGGER takes_time BEFORE DELETE ON slow FOR EACH ROW EXECUTE FUNCTION takes_time();
INSERT INTO slow SELECT i, '2020-01-01' FROM generate_series(1, 100) AS i;
CREATE PROCEDURE run_until_done() LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. 20 LOOP
		UPDATE tarot.job_state SET due_at = now() WHERE name = 'a slow one' AND (i = 1 OR failures > 0);
		CALL tarot.run_due_jobs();
	END LOOP;
END $$;
CALL run_until_done();
SELECT count(*) FROM slow;
SELECT outcome, rows, failures > 0 AS failures, sqlstate FROM tarot.job_run WHERE job = 'a slow one' ORDER BY number DESC LIMIT 1;
-- 0: as long as it likes.
SET tarot_security.job_timeout = 0;
INSERT INTO slow SELECT i, '2020-01-01' FROM generate_series(1, 60) AS i;
SELECT tarot.run_job_soon('a slow one');
CALL tarot.run_due_jobs();
SELECT outcome, rows, failures FROM tarot.job_run WHERE job = 'a slow one' ORDER BY number DESC LIMIT 1;
RESET tarot_security.job_timeout;
DROP TABLE slow, quick;

-- ------------------------------------------------------------ what a batch leaves behind
SET ROLE regress_bounds_owner;
CREATE TABLE litter (id int, at date);
CREATE FUNCTION litters() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	problem text;
BEGIN
	PERFORM set_config('statement_timeout', '1h', false), set_config('application_name', 'taken', false), set_config('my.setting', 'x', false), set_config('lock_timeout', '1h', false),
		set_config('TimeZone', 'Asia/Tokyo', false), set_config('work_mem', '64kB', false), pg_advisory_lock(4711), pg_advisory_lock_shared(1, 2);
	FOREACH problem IN ARRAY ARRAY['PREPARE p AS SELECT 1', 'LISTEN l', 'CREATE TEMP TABLE t ()', 'DECLARE c CURSOR WITH HOLD FOR SELECT 1', 'SET TRANSACTION READ ONLY'] LOOP
		BEGIN EXECUTE problem; EXCEPTION WHEN OTHERS THEN END;
	END LOOP;
	RETURN NULL;
END $$;
CREATE TRIGGER litters AFTER DELETE ON litter FOR EACH STATEMENT EXECUTE FUNCTION litters();
INSERT INTO litter VALUES (1, '2020-01-01');
SELECT tarot.add_retention('litter', 'at', '1 year', policy => 'litter');
RESET ROLE;
SET application_name = 'mine';
CREATE VIEW left_behind AS SELECT current_setting('statement_timeout') AS statement_timeout, current_setting('application_name') AS application_name, current_setting('my.setting', true) AS own,
	current_setting('lock_timeout') AS lock_timeout, current_setting('TimeZone') AS "TimeZone", (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks,
	(SELECT count(*) FROM pg_prepared_statements WHERE name = 'p') AS prepared, (SELECT count(*) FROM pg_listening_channels()) AS channels, (SELECT count(*) FROM pg_cursors WHERE name = 'c') AS cursors;
CALL tarot.run_due_jobs();
SELECT outcome, rows FROM tarot.job_run WHERE job = 'litter';
TABLE left_behind;
-- Where it fails, too. Locks that the session had before stay.
SELECT pg_advisory_lock(1);
ALTER TABLE litter ADD CHECK (false) NOT VALID;
CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM 1 / 0; END $$;
CREATE TRIGGER z_fails AFTER DELETE ON litter FOR EACH STATEMENT EXECUTE FUNCTION fails();
SELECT tarot.run_job_soon('litter');
CALL tarot.run_due_jobs();
SELECT sqlstate, message FROM tarot.job_run WHERE job = 'litter' AND outcome = 'running';
SELECT count(*) AS "its own, and what came beside it" FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
SELECT pg_advisory_unlock_all();
TABLE left_behind;
DROP TABLE litter;

-- ------------------------------------------------------------ what errors tell
SET ROLE regress_bounds_owner;
CREATE TABLE secret (id int PRIMARY KEY, at date, body text);
INSERT INTO secret VALUES (1, '2020-01-01', 'hunter2');
CREATE TABLE plain (id int, body text);
INSERT INTO plain VALUES (1, 'x');
CREATE FUNCTION tells(how text, body text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF how IN ('42501', '42P01', '23505', '55P03', '57014', 'TS101', '40001', '53200') THEN
		RAISE EXCEPTION 'it is %', body USING ERRCODE = how;
	ELSIF how = 'assert' THEN
		ASSERT false, body;
	ELSE
		EXECUTE replace(how, '?', body);
	END IF;
	RETURN true;
END $$;
CREATE FUNCTION tells_simply(body text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT body::int > 0 $$;
CREATE FUNCTION tells_relation(body text) RETURNS regclass LANGUAGE sql STABLE AS $$ SELECT body::regclass $$;
-- Asked by the planner, before the statement has begun.
CREATE FUNCTION tells_early() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN public.tells('SELECT ?', (SELECT s.body FROM public.secret s)); END $$;
CREATE FUNCTION tells_in_english(body text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SQL statement "WITH' || body; RETURN true; END $$;
SELECT tarot.add_retention('secret', 'at', '1 year', policy => 'secrets');
CREATE TABLE tell (number serial, condition text);
INSERT INTO tell (condition) SELECT format('public.tells(%L, body)', how) FROM unnest(ARRAY['42501', '42P01', '23505', '55P03', '57014', 'TS101', '40001', '53200', 'assert',
	'SELECT ?', 'SELECT * FROM ?', 'SELECT ?()', 'SELECT 1 + ?', 'SELECT ''?''::int', 'SELECT 1::?', 'ALTER TABLE ? ADD x int', 'GRANT SELECT ON public.plain TO ?', 'SET ? = 1', 'SET DateStyle = ?',
	'ALTER TABLE public.plain ADD CONSTRAINT ? CHECK (false)', 'CREATE TABLE public.plain (? int)', 'CREATE TABLE public.x (a int, ? int, ? int)', 'COMMENT ON COLUMN public.plain.? IS ''x''', 'CALL ?()',
	'DO ''BEGIN RAISE EXCEPTION USING MESSAGE = ''''?'''', ERRCODE = ''''42703''''; END''']) WITH ORDINALITY AS h (how, n) ORDER BY n;
INSERT INTO tell (condition) SELECT c FROM unnest(ARRAY['body::regclass IS NULL', 'body::regtype IS NULL', 'body::regrole IS NULL', 'body::regproc IS NULL', 'body::regnamespace IS NULL', 'body::int > 0', 'body::date > ''2020-01-01''',
	'body::jsonb IS NULL', 'current_setting(body) IS NULL', 'set_config(body, ''x'', true) IS NULL', 'set_config(''TimeZone'', body, true) IS NULL', 'nextval(body) > 0', 'currval(body::regclass) > 0', 'has_table_privilege(body, ''SELECT'')',
	'has_column_privilege(''public.plain'', body, ''SELECT'')', 'has_schema_privilege(body, ''USAGE'')', 'pg_has_role(body, ''USAGE'')', 'pg_get_serial_sequence(body, ''x'') IS NULL', 'to_tsvector(body::regconfig, ''x'') IS NULL',
	'convert_from(''x'', body) IS NULL', '''x'' ~ (body || ''('')', 'encode(''x'', body) IS NULL', 'extract(epoch FROM now() AT TIME ZONE body) > 0', 'date_trunc(body, now()) IS NULL', 'nullif(query_to_xml(''SELECT '' || body, true, true, '''')::text, '''') IS NULL',
	'nullif(cursor_to_xml(body::refcursor, 1, true, true, '''')::text, '''') IS NULL', 'ts_rewrite(''a''::tsquery, ''SELECT '' || body) IS NULL', 'public.tells_simply(body)', 'public.tells_relation(body) IS NULL', 'public.tells_early()', 'public.tells_in_english(body)',
	'to_char(1, body || repeat(''9'', 200)) IS NULL']) WITH ORDINALITY AS c (c, n) ORDER BY n;
RESET ROLE;
CREATE TABLE told (number int, condition text, sqlstate text, message text);
CREATE PROCEDURE tell_all() LANGUAGE plpgsql AS $$
DECLARE
	t tell;
BEGIN
	FOR t IN TABLE tell ORDER BY number LOOP
		INSERT INTO secret VALUES (1, '2020-01-01', 'hunter2') ON CONFLICT DO NOTHING;
		PERFORM tarot.alter_retention('secrets', "where" => t.condition);
		CALL tarot.run_due_jobs();
		INSERT INTO told SELECT t.number, t.condition, r.sqlstate, r.message FROM tarot.job_run r WHERE r.job = 'secrets' ORDER BY r.number DESC LIMIT 1;
	END LOOP;
END $$;
CALL tell_all();
SELECT count(*) >= 15 AS enough, count(*) FILTER (WHERE sqlstate IS NULL) AS "do not fail", count(*) FILTER (WHERE to_jsonb(told.*) - 'condition' ? 'hunter2' OR message ~* 'hunter2') AS tell FROM told;
SELECT condition, sqlstate FROM told WHERE sqlstate IS NULL ORDER BY number;
SELECT message, count(*) FROM told GROUP BY message ORDER BY message COLLATE "C";
SELECT count(*) FROM secret;
-- What is kept tells names, and what to do.
SET ROLE regress_bounds_owner;
SELECT tarot.alter_retention('secrets', "where" => 'body <> ''x''');
ALTER TABLE secret DROP COLUMN body;
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT sqlstate, message FROM tarot.job_run WHERE job = 'secrets' AND outcome = 'running';
SET ROLE regress_bounds_owner;
SELECT tarot.alter_retention('secrets', "where" => 'true');
GRANT REFERENCES ON secret TO regress_bounds_other;
SET ROLE regress_bounds_other;
CREATE TABLE refers (id int REFERENCES secret);
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT sqlstate, message FROM tarot.job_run WHERE job = 'secrets' AND outcome = 'running';
DROP TABLE refers;
SET ROLE regress_bounds_owner;
CREATE TABLE child (id int NOT NULL REFERENCES secret ON DELETE SET NULL);
INSERT INTO child VALUES (1);
SELECT tarot.run_job_soon('secrets');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT sqlstate, message FROM tarot.job_run WHERE job = 'secrets' AND outcome = 'running';
SELECT tarot.remove_retention('secrets');

-- ------------------------------------------------------------ names, and how long they are
SET ROLE regress_bounds_owner;
CREATE TABLE named (id int, at date);
SELECT n, code(format('SELECT tarot.add_retention(''named'', ''at'', ''1 year'', policy => %L)', p)) FROM (VALUES
	(1, E'two\nlines'), (2, E'a\ttab'), (3, E'a bell \007'), (4, repeat('x', 201)), (5, '   '), (6, U&'line\2028separator'), (7, U&'next\0085line'), (8, ''), (9, repeat('x', 200)), (10, 'Grüße, "Quotes" and ''more''')) AS v (n, p) ORDER BY n;
SELECT n, code(format('SELECT tarot.add_retention(''named'', ''at'', ''1 year'', policy => %L, legal_basis => %L)', 'basis ' || n, b)) FROM (VALUES (1, E'GDPR\n5'), (2, repeat('x', 1001)), (3, repeat('x', 1000)), (4, '')) AS v (n, b) ORDER BY n;
SELECT n, code(format('SELECT tarot.hold(''named'', %L, %L)', h, r)) FROM (VALUES (1, E'two\nlines', 'x'), (2, 'hold', E'two\nlines'), (3, repeat('x', 201), 'x'), (4, 'hold', repeat('x', 1001)), (5, 'hold', ''), (6, '', 'x'), (7, 'hold', 'x')) AS v (n, h, r) ORDER BY n;
SELECT code(format('SELECT tarot.hold(''named'', ''long'', ''x'', %L)', 'id IN (' || repeat('1,', 5000) || '1)')) AS long, code(format('SELECT tarot.alter_retention(%L, "where" => %L)', repeat('x', 200), 'id IN (' || repeat('1,', 5000) || '1)')) AS too;
RESET ROLE;
SELECT count(*) FROM tarot.retention_status;

-- ------------------------------------------------------------ whose policy it is
-- The table is not for the caller to name.
SET ROLE regress_bounds_other;
CREATE TABLE mine (id int, at date);
SELECT s, run(s) FROM unnest(ARRAY[
	$$SELECT tarot.change_retention('mine'::regclass, repeat('x', 200), 'remove', NULL, NULL)$$, $$SELECT tarot.change_retention('mine'::regclass, repeat('x', 200), 'alter', 'true', '{"keep": "1 day"}')$$,
	$$SELECT tarot.change_retention('mine'::regclass, 'x', 'something', NULL, '{}')$$, $$SELECT tarot.change_retention(NULL, 'x', 'hold', NULL, '{}')$$, $$SELECT tarot.change_retention('mine'::regclass, NULL, 'add', NULL, '{}')$$]) AS s;
RESET ROLE;
SELECT count(*), bool_and(keep = '1 year') AS unchanged FROM tarot.retention_status;
-- A table that has another owner: what the old one wrote is not run as the new one, until that agrees.
CREATE TABLE seen (what text);
GRANT INSERT ON seen TO PUBLIC;
SET ROLE regress_bounds_owner;
CREATE TABLE moved (id int, at date);
CREATE FUNCTION looks() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES (current_user); RETURN true; END $$;
INSERT INTO moved VALUES (1, '2020-01-01');
SELECT tarot.add_retention('moved', 'at', '1 year', "where" => 'public.looks()', policy => 'moved');
RESET ROLE;
ALTER TABLE moved OWNER TO regress_bounds_other;
CALL tarot.run_due_jobs();
SELECT sqlstate, message FROM tarot.job_run WHERE job = 'moved';
SELECT state, owner FROM tarot.job_status WHERE job = 'moved';
SELECT tarot.run_job_soon('moved');
CALL tarot.run_due_jobs();
SELECT (SELECT count(*) FROM moved) AS rows, (SELECT count(*) FROM seen) AS seen;
SET ROLE regress_bounds_owner;
SELECT run($$SELECT tarot.resume_job('moved')$$);
SET ROLE regress_bounds_other;
SELECT run($$SELECT tarot.resume_job('moved')$$);
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT (SELECT count(*) FROM moved) AS rows, (SELECT string_agg(DISTINCT what, ', ') FROM seen) AS seen;
SELECT owner, state FROM tarot.job_status WHERE job = 'moved';
-- Changed by the new owner, it is agreed to, too.
REASSIGN OWNED BY regress_bounds_other TO regress_bounds_owner;
INSERT INTO moved VALUES (1, '2020-01-01');
SET ROLE regress_bounds_owner;
SELECT tarot.alter_retention('moved', keep => '2 years');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT count(*) FROM moved;
-- A role by another name.
ALTER ROLE regress_bounds_owner RENAME TO regress_bounds_renamed;
SELECT tarot.run_job_soon('moved');
CALL tarot.run_due_jobs();
SELECT sqlstate FROM tarot.job_run WHERE job = 'moved' AND outcome = 'running';
ALTER ROLE regress_bounds_renamed RENAME TO regress_bounds_owner;
SELECT tarot.run_job_soon('moved');
CALL tarot.run_due_jobs();
SELECT outcome FROM tarot.job_run WHERE job = 'moved' ORDER BY number DESC LIMIT 1;

-- ------------------------------------------------------------ on record
SET ROLE regress_bounds_owner;
CREATE TABLE recorded (id int, at date);
SELECT tarot.add_retention('recorded', 'at', '1 year', legal_basis => 'GDPR 5 (1) e', policy => 'on record');
SELECT tarot.alter_retention('on record', keep => '2 years', "where" => 'id > 1');
SELECT tarot.hold('recorded', 'case 7', 'court', 'id = 1'), tarot.release('recorded', 'case 7');
SELECT tarot.pause_job('on record'), tarot.resume_job('on record'), tarot.run_job_soon('on record'), run($$SELECT tarot.cancel_job('on record')$$);
BEGIN;
SELECT tarot.hold('recorded', 'case 8', 'court');
ROLLBACK;
SELECT tarot.remove_retention('on record');
RESET ROLE;
SELECT operation, table_name, role, new - '{command,type}'::text[] AS new FROM tarot.audit_log
	WHERE table_name = 'public.recorded' OR new->>'job' = 'on record' ORDER BY recorded_at, transaction, number;
SET client_min_messages = warning;
DROP OWNED BY regress_bounds_owner, regress_bounds_other;
DROP ROLE regress_bounds_owner, regress_bounds_other;

-- Jobs, and erasing, in sessions that somebody has made their own: temporary objects that owners' code would take for theirs, settings by which literals
-- read otherwise, and who the session is. What is done is the same, or it is refused.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
CREATE ROLE regress_session_owner;
CREATE ROLE regress_session_runner;
GRANT CREATE ON SCHEMA public TO regress_session_owner, regress_session_runner;
GRANT EXECUTE ON FUNCTION tarot.add_retention TO regress_session_owner;
GRANT EXECUTE ON PROCEDURE tarot.run_due_jobs TO regress_session_runner;
GRANT EXECUTE ON FUNCTION tarot.erase_subject, tarot.replay_erasures TO regress_session_runner;
SELECT count(tarot.create_key('people'));
SELECT tarot.create_class('mail', key => 'people', mask => 'email', searchable => true), tarot.create_class('birth', key => 'people', mask => 'year');
SELECT tarot.grant_class(c, 'regress_session_owner', 'plain', write => true) FROM unnest('{mail,birth}'::text[]) AS c;
SELECT tarot.create_issuer('app', 'https://app.example', '{}', secret => repeat('s', 32));
RESET client_min_messages;
\set ECHO all
\set SHOW_CONTEXT never
\set VERBOSITY terse
\pset null '(null)'
SET TimeZone = 'UTC';

-- ------------------------------------------------------------ temporary objects: a type "word" whose constraint is called by whoever says "word"
SET ROLE regress_session_owner;
CREATE TABLE secret (what text);
INSERT INTO secret VALUES ('the owner''s alone');
CREATE TABLE visit (id int, who text, at date);
INSERT INTO visit VALUES (1, 'ann', '2020-01-01');
CREATE DOMAIN word AS text;
CREATE FUNCTION tells() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$ DECLARE id word; BEGIN id := old.id; RETURN old; END $$;
CREATE TRIGGER tells BEFORE DELETE ON visit FOR EACH ROW EXECUTE FUNCTION tells();
SELECT tarot.add_retention('visit', 'at', '1 year', policy => 'visits');
RESET ROLE;
SELECT tarot.register_subject_table('visit', 'who');
SET ROLE regress_session_runner;
CREATE TABLE loot (what text);
GRANT INSERT ON loot TO PUBLIC;
CREATE FUNCTION reach() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF current_user <> 'regress_session_runner' THEN INSERT INTO public.loot SELECT s.what FROM public.secret s; END IF; RETURN true; END $$;
CREATE DOMAIN pg_temp.word AS text CHECK (public.reach());
CALL tarot.run_due_jobs();
SELECT run($$SELECT tarot.erase_subject('ann', false)$$);
RESET ROLE;
SELECT (SELECT count(*) FROM visit) AS visits, (SELECT count(*) FROM loot) AS loot;
-- Nor a table that is there already; what has no name that code could find does no harm.
SET ROLE regress_session_runner;
DROP DOMAIN pg_temp.word;
CREATE TEMPORARY TABLE secret (what text);
CALL tarot.run_due_jobs();
SELECT run($$SELECT tarot.erase_subject('ann', false)$$);
SELECT "table", action, rows FROM tarot.erase_subject('ann') WHERE "table" = 'public.visit';
DISCARD TEMP;
CREATE FUNCTION pg_temp.nothing() RETURNS int LANGUAGE sql AS 'SELECT 1';
BEGIN;
SELECT action, rows FROM tarot.erase_subject('ann', false) WHERE "table" = 'public.visit';
ROLLBACK;
CALL tarot.run_due_jobs();
RESET ROLE;
SELECT (SELECT count(*) FROM visit) AS visits, (SELECT count(*) FROM loot) AS loot;
-- Those of one who may do as much as the owner anyway.
CREATE TEMPORARY TABLE mine (id int);
INSERT INTO visit VALUES (2, 'ann', '2020-01-01');
SELECT action, rows FROM tarot.erase_subject('ann', false) WHERE "table" = 'public.visit';
SELECT rows FROM tarot.preview_retention('visits');
DROP TABLE mine;

-- ------------------------------------------------------------ nor does owners' code leave any in the session of who runs it
DISCARD TEMP;
CREATE FUNCTION of_session() RETURNS SETOF text LANGUAGE sql AS $$ SELECT split_part(pg_describe_object(d.classid, d.objid, 0), '.', 2) FROM pg_depend d WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = pg_my_temp_schema() $$;
SET ROLE regress_session_owner;
CREATE TABLE litter (statement text);
INSERT INTO litter VALUES ('SELECT 1');
CREATE FUNCTION litters() RETURNS boolean LANGUAGE plpgsql SET search_path = public AS $$ DECLARE l litter; BEGIN FOR l IN SELECT * FROM litter LOOP EXECUTE l.statement; END LOOP; RETURN true; END $$;
CREATE FUNCTION litters_too() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$ BEGIN PERFORM litters(); RETURN old; END $$;
CREATE TABLE stay (id int, who text, at date);
CREATE TRIGGER litters BEFORE DELETE ON stay FOR EACH ROW EXECUTE FUNCTION litters_too();
CREATE TABLE tour (id int, who text, at date);
CREATE TABLE trip (id int, who text, at date);
INSERT INTO stay VALUES (1, 'eve', '2020-01-01');
INSERT INTO trip VALUES (1, 'eve', '2020-01-01');
SELECT tarot.add_retention('stay', 'at', '1 year', policy => 'stays'), tarot.add_retention('tour', 'at', '1 year', policy => 'tours'), tarot.add_retention('trip', 'at', '1 year', "where" => 'public.litters()', policy => 'trips');
RESET ROLE;
SELECT tarot.register_subject_table('stay', 'who');
-- Of what a server refuses by itself, as newer ones do more, it has its own words.
CREATE PROCEDURE try_litter(made text) LANGUAGE plpgsql AS $$ DECLARE cause text; hint text; what text; BEGIN
	UPDATE litter SET statement = made;
	INSERT INTO tour VALUES (1, 'eve', '2020-01-01');
	FOREACH what IN ARRAY ARRAY['tarot.erase_subject(''eve'', false)', 'tarot.preview_retention(''trips'')'] LOOP
		BEGIN
			EXECUTE 'SELECT ' || what;
		EXCEPTION WHEN insufficient_privilege THEN
			GET STACKED DIAGNOSTICS cause = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
			RAISE WARNING '% is refused: %', what, CASE WHEN cause ~ 'security-restricted' THEN 'by the server' ELSE format('%s (%s)', cause, hint) END;
		END;
	END LOOP;
	PERFORM tarot.run_job_soon(p) FROM unnest('{stays,tours,trips}'::text[]) AS p;
END $$;
CREATE VIEW litter_run AS SELECT job, outcome, rows, failures, sqlstate FROM tarot.job_run WHERE job IN ('stays', 'tours', 'trips') ORDER BY job, number;
CALL try_litter('CREATE OR REPLACE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS ''SELECT 1''');
CALL tarot.run_due_jobs();
SELECT * FROM litter_run;
SELECT DISTINCT message FROM tarot.job_run WHERE job IN ('stays', 'trips');
SELECT of_session();
SET client_min_messages = error;
CALL try_litter('CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (public.litters())');
CALL tarot.run_due_jobs();
CALL try_litter('CREATE TYPE pg_temp.date AS ENUM ()');
CALL tarot.run_due_jobs();
CALL try_litter('CREATE TEMPORARY TABLE pg_class (oid oid)');
CALL tarot.run_due_jobs();
CALL try_litter('CREATE COLLATION IF NOT EXISTS pg_temp.german FROM "C"');
CALL tarot.run_due_jobs();
RESET client_min_messages;
SELECT * FROM litter_run;
SELECT of_session();
-- What is gone again is none of the session's; nor is what the caller has made there before, in the same transaction, the owner's.
BEGIN;
UPDATE litter SET statement = 'CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS ''SELECT 1''; DROP FUNCTION pg_temp.f()';
CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE sql AS 'SELECT 1';
SELECT action, rows FROM tarot.erase_subject('eve', false) WHERE "table" = 'public.stay';
SELECT of_session();
ROLLBACK;
DELETE FROM litter;
SELECT tarot.run_job_soon(p) FROM unnest('{stays,trips}'::text[]) AS p;
CALL tarot.run_due_jobs();
SELECT * FROM litter_run;

-- ------------------------------------------------------------ literals: a condition means the same, however it was given, and whoever runs it
SET ROLE regress_session_owner;
CREATE TABLE file (id int, path text, lasted interval, opened date, weight float8, body bytea, made_at timestamptz, at date);
INSERT INTO file SELECT i, 'C:\new', '-1 day -02:03:04', '2025-02-01', 0.123456789, '\x5c', '2025-01-01 12:00+00', '2020-01-01' FROM generate_series(1, 7) AS i;
SET standard_conforming_strings = off; SET escape_string_warning = off; SET DateStyle = 'SQL, DMY'; SET IntervalStyle = sql_standard; SET TimeZone = 'Asia/Kolkata'; SET extra_float_digits = -10; SET bytea_output = escape;
SELECT tarot.add_retention('file', 'at', '1 year', "where" => 'id <> 1 OR path <> ''C:\\\\new''', policy => 'files');
SELECT tarot.hold('file', 'interval', 'x', 'id = 2 AND lasted = interval ''-1 day -02:03:04'''), tarot.hold('file', 'date', 'x', 'id = 3 AND opened = ''01/02/2025'''), tarot.hold('file', 'float', 'x', 'id = 4 AND weight = ''0.123456789'''),
	tarot.hold('file', 'bytes', 'x', 'id = 5 AND body = ''\\\\x5c'''), tarot.hold('file', 'time', 'x', 'id = 6 AND made_at = timestamptz ''2025-01-01 12:00+00''');
-- Renamed, they are read again.
ALTER TABLE file RENAME id TO number;
RESET standard_conforming_strings; RESET DateStyle; RESET IntervalStyle; RESET extra_float_digits; RESET bytea_output;
SET TimeZone = 'UTC';
RESET ROLE;
SELECT condition FROM tarot.legal_hold WHERE relation = 'file'::regclass ORDER BY name COLLATE "C";
SELECT "where" FROM tarot.retention_status WHERE policy = 'files';
SELECT rows, held FROM tarot.preview_retention('files');
SET standard_conforming_strings = off; SET DateStyle = 'German, MDY'; SET IntervalStyle = sql_standard; SET array_nulls = off;
CALL tarot.run_due_jobs();
RESET standard_conforming_strings; RESET DateStyle; RESET IntervalStyle; RESET array_nulls; RESET escape_string_warning;
SELECT number FROM file ORDER BY number;

-- ------------------------------------------------------------ who runs it: neither as who it is, for what it reads, nor how values travel
SET ROLE regress_session_owner;
CREATE TABLE seen (subject text, purpose text, io text, mail text);
CREATE TABLE member (id int, mail tarot.encrypted_text('mail'), at date);
INSERT INTO member VALUES (1, 'ann@ours.example', '2020-01-01'), (2, 'bob@other.example', '2020-01-01');
CREATE FUNCTION sees() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES (tarot.subject(), current_setting('tarot_security.purpose'), current_setting('tarot_security.io'), old.mail::text); RETURN old; END $$;
CREATE TRIGGER sees BEFORE DELETE ON member FOR EACH ROW EXECUTE FUNCTION sees();
SELECT tarot.add_retention('member', 'at', '1 year', "where" => 'mail::text NOT LIKE ''%@ours.example''', policy => 'members');
RESET ROLE;
SELECT tarot.authenticate(tarot.sign_jwt('{"sub": "ada"}', 'app'), false);
SET tarot_security.purpose = 'billing';
SET tarot_security.io = masked;
CALL tarot.run_due_jobs();
SELECT tarot.subject(), current_setting('tarot_security.purpose') AS purpose, current_setting('tarot_security.io') AS io;
RESET tarot_security.io; RESET tarot_security.purpose; RESET tarot_security.identity;
SELECT * FROM seen;
SELECT id FROM member;
-- A value of an encrypted column would be kept as what the owner sees of it.
SET ROLE regress_session_owner;
SELECT c, run(format('SELECT tarot.hold(''member'', ''held'', ''x'', %L)', c)) FROM unnest(ARRAY['mail = ''ann@ours.example''', 'mail IN (''ann@ours.example'', ''x'')', 'EXISTS (SELECT FROM public.member m WHERE m.mail = ''x'')',
	'mail IS NOT DISTINCT FROM ''x''::tarot.encrypted_text(''mail'')', 'mail IS NULL']) AS c;
RESET ROLE;

-- ------------------------------------------------------------ the server's views of a plan tell nobody who is on hold
SET ROLE regress_session_owner;
CREATE TABLE paper (who text, at date);
INSERT INTO paper VALUES ('ann', '2020-01-01'), ('bob', '2020-01-01');
RESET ROLE;
SELECT tarot.register_subject_table('paper', 'who');
SELECT tarot.hold_subject('bob', 'a case');
SET ROLE regress_session_owner;
SELECT tarot.add_retention('paper', 'at', '1 year', policy => 'papers');
CREATE FUNCTION plans() RETURNS TABLE (setting text) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT s || ' ' || current_setting(s) FROM unnest('{debug_print_parse,debug_print_rewritten,debug_print_plan}'::text[]) AS s;
END $$;
CREATE TABLE printed (setting text);
CREATE FUNCTION prints() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.printed SELECT * FROM public.plans(); RETURN old; END $$;
CREATE TRIGGER prints BEFORE DELETE ON paper FOR EACH ROW EXECUTE FUNCTION prints();
RESET ROLE;
SET client_min_messages = error;
SET debug_print_parse = on; SET debug_print_rewritten = on; SET debug_print_plan = on;
CALL tarot.run_due_jobs();
RESET debug_print_parse; RESET debug_print_rewritten; RESET debug_print_plan;
RESET client_min_messages;
SELECT * FROM printed ORDER BY setting; SELECT who FROM paper;

-- ------------------------------------------------------------ ages that have a data class are not on record
SET ROLE regress_session_owner;
CREATE TABLE patient (id int, born date);
INSERT INTO patient VALUES (1, '1931-03-17'), (2, '1932-05-21');
RESET ROLE;
SELECT tarot.classify_column('patient', 'born', 'birth');
SET ROLE regress_session_owner;
SELECT tarot.add_retention('patient', 'born', '80 years', policy => 'patients');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT new->>'rows' AS rows, new ?| '{oldest,newest}' AS ages FROM tarot.audit_log WHERE operation = 'RETENTION' AND new->>'policy' IN ('patients', 'papers') ORDER BY recorded_at;

-- ------------------------------------------------------------ a hold that came after the transaction had begun to look
SET ROLE regress_session_runner;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT run($$SELECT tarot.erase_subject('ann', false)$$), run('SELECT tarot.replay_erasures()'), run($$SELECT tarot.erase_subject('ann')$$);
ROLLBACK;
RESET ROLE;
SET client_min_messages = warning;
DROP OWNED BY regress_session_owner, regress_session_runner CASCADE;
DROP ROLE regress_session_owner, regress_session_runner;

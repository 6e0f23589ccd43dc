-- The lines of an export are read as they are asked for: by cursors, in one snapshot, up to where the reader stops or may not go on.
SET client_min_messages = warning;
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE EXTENSION tarot_security;
CREATE ROLE regress_export_officer;
GRANT EXECUTE ON FUNCTION tarot.export_subject, tarot.export_subject_lines TO regress_export_officer;
CREATE TABLE letter (id int PRIMARY KEY, person int, said text, at timestamptz, took interval);
CREATE TABLE call (id int PRIMARY KEY, person int, said text);
INSERT INTO letter SELECT i, 1 + i % 2, 'letter ' || i, '2026-03-01 12:00+01', '90 min' FROM generate_series(1, 1000) i;
INSERT INTO call SELECT i, 1, 'call ' || i FROM generate_series(1, 3) i;
SELECT tarot.register_subject_table('letter', 'person'), tarot.register_subject_table('call', 'person');
SET timezone = 'Asia/Tokyo';
-- How many rows of a table have been read, as far as the session has not told of it yet.
CREATE FUNCTION read_of(wanted text) RETURNS bigint LANGUAGE sql AS $$ SELECT coalesce(sum(seq_tup_read), 0)::bigint FROM pg_stat_xact_user_tables WHERE relname = wanted $$;

-- ------------------------------------------------------------ the lines are the document
CREATE TEMP TABLE line AS SELECT l::jsonb - 'exported_at' - 'database' - 'exported_by' AS line, n FROM (SELECT tarot.export_subject_lines('2') AS l, generate_series(1, 1000) AS n) s WHERE l IS NOT NULL;
SELECT line FROM line WHERE n < 4 OR NOT line ? 'row' ORDER BY n;
SELECT count(*) = 500 AND bool_and(d.row = l.line->'row') AS same
	FROM jsonb_array_elements(tarot.export_subject('2')->'tables'->'public.letter'->'rows') WITH ORDINALITY AS d ("row", n) JOIN line l ON l.n = d.n + 2;
SELECT count(*) FROM tarot.export_subject_lines('2');
SELECT s, count(l) FROM (SELECT s, tarot.export_subject_lines(s) AS l FROM unnest('{1,2,3}'::text[]) s) AS e GROUP BY s ORDER BY s;
-- Nothing of the session is changed by it.
SELECT current_setting('timezone'), current_setting('search_path'), current_setting('intervalstyle');
SELECT tarot.export_subject_lines('');
SELECT tarot.export_subject_lines(NULL);

-- ------------------------------------------------------------ as they are asked for, of one moment
BEGIN;
SELECT read_of('letter') AS before \gset
DECLARE c CURSOR FOR SELECT l::jsonb - 'exported_at' - 'database' - 'exported_by' FROM (SELECT tarot.export_subject_lines('2') AS l) AS e;
FETCH 6 FROM c;
SELECT read_of('letter') - :before < 100 AS few;
DELETE FROM call; DELETE FROM letter WHERE id <> 2; INSERT INTO letter VALUES (2000, 2, 'late'); UPDATE letter SET said = 'changed'; INSERT INTO call VALUES (9, 2, 'late');
MOVE 494 IN c;
FETCH ALL FROM c;
ROLLBACK;
-- Who stops leaves nothing open.
BEGIN;
SELECT read_of('letter') AS before \gset
SELECT count(*) FROM (SELECT tarot.export_subject_lines('2') AS l LIMIT 5) AS e;
DECLARE c CURSOR FOR SELECT tarot.export_subject_lines('2');
MOVE 5 IN c; CLOSE c;
SELECT read_of('letter') - :before < 100 AS stopped;
DROP TABLE letter;
ROLLBACK;
-- Past its transaction they are gathered first.
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT l::jsonb->'row'->'id' FROM tarot.export_subject_lines('2') AS l;
MOVE 8 IN c;
COMMIT;
FETCH 2 FROM c;
MOVE ALL IN c;
CLOSE c;
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT tarot.export_subject_lines('2');
\set VERBOSITY default
FETCH 1 FROM c;
\set VERBOSITY terse
ROLLBACK;
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT tarot.export_subject_lines('2');
COMMIT;
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT tarot.export_subject('2')->'complete';
COMMIT;
FETCH ALL FROM c;
CLOSE c;
SELECT statement FROM pg_cursors;
BEGIN;
DECLARE c CURSOR FOR SELECT tarot.export_subject_lines('2');
MOVE 8 IN c;
COMMIT;
-- In a procedure that commits, and after an error that is caught.
DO $$ DECLARE lines int := 0; l text; BEGIN
	FOR l IN SELECT tarot.export_subject_lines('2') LOOP
		lines := lines + 1;
		IF lines % 200 = 0 THEN COMMIT; END IF;
		BEGIN PERFORM 1 / (lines - 7); EXCEPTION WHEN division_by_zero THEN NULL; END;
	END LOOP;
	RAISE WARNING '% lines', lines;
END $$;
-- Whatever the number that the server gives to what reads the rows.
CREATE PROCEDURE end_within(ending text) LANGUAGE plpgsql AS $$ DECLARE total int := 0; lines int; l text; c refcursor; BEGIN
	FOR i IN 1..100 LOOP
		lines := 0;
		FOR skipped IN 1..i % 7 LOOP OPEN c FOR SELECT 1; CLOSE c; c := NULL; END LOOP;
		FOR l IN SELECT tarot.export_subject_lines('5') LOOP
			lines := lines + 1;
			IF lines = 3 THEN IF ending = 'COMMIT' THEN COMMIT; ELSE ROLLBACK; END IF; END IF;
		END LOOP;
		total := total + lines;
		IF EXISTS (SELECT FROM pg_cursors) THEN RAISE WARNING 'left open: %', (SELECT array_agg(statement) FROM pg_cursors); END IF;
	END LOOP;
	RAISE WARNING '%: % lines', ending, total;
END $$;
INSERT INTO letter SELECT i, 5, 'letter ' || i FROM generate_series(1001, 1100) i;
CALL end_within('COMMIT');
CALL end_within('ROLLBACK');
DROP PROCEDURE end_within;
DELETE FROM letter WHERE person = 5;
BEGIN;
DECLARE c CURSOR FOR SELECT tarot.export_subject_lines('2');
MOVE 8 IN c;
SAVEPOINT s;
MOVE 8 IN c;
ROLLBACK TO s;
MOVE ALL IN c;
COMMIT;
-- Another cursor by the name of what reads the rows: its numbers are no addresses of text.
BEGIN;
DECLARE c CURSOR FOR SELECT tarot.export_subject_lines('2');
MOVE 4 IN c;
SELECT name AS reading FROM pg_cursors WHERE name <> 'c' \gset
CLOSE :"reading";
DECLARE :"reading" CURSOR FOR SELECT 4096::bigint;
FETCH 3 FROM c;
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT tarot.export_subject_lines('2');
MOVE 4 IN c;
SELECT name AS reading FROM pg_cursors WHERE name <> 'c' \gset
CLOSE :"reading";
DECLARE :"reading" CURSOR FOR SELECT NULL::text;
FETCH 3 FROM c;
ROLLBACK;

-- ------------------------------------------------------------ by the one who began it
GRANT SELECT ON letter, call TO regress_export_officer;
BEGIN;
SET LOCAL ROLE regress_export_officer;
DECLARE c CURSOR FOR SELECT tarot.export_subject_lines('2');
MOVE 8 IN c;
SAVEPOINT s;
RESET ROLE;
MOVE 8 IN c;
ROLLBACK TO s;
SELECT current_user;
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT tarot.export_subject_lines('2');
MOVE 8 IN c;
SET LOCAL SESSION AUTHORIZATION regress_export_officer;
MOVE 8 IN c;
ROLLBACK;
-- By the same name, but of another session role.
BEGIN;
SET LOCAL ROLE regress_export_officer;
DECLARE c CURSOR FOR SELECT tarot.export_subject_lines('2');
MOVE 8 IN c;
SET LOCAL SESSION AUTHORIZATION regress_export_officer;
MOVE 8 IN c;
ROLLBACK;
-- Another token of the same bearer does, and a purpose is of whoever states it next.
SELECT tarot.create_key('k') > 0 AS made;
SELECT tarot.create_issuer('app', 'https://app.example', '{}', secret => repeat('a', 32));
CREATE FUNCTION enter(subject text) RETURNS void LANGUAGE sql AS $$ SELECT tarot.authenticate(tarot.sign_jwt(jsonb_build_object('sub', subject, 'jti', gen_random_uuid(), 'exp', extract(epoch FROM now()) + 600), 'app')) $$;
BEGIN;
SELECT enter('ada');
DECLARE c CURSOR FOR SELECT tarot.export_subject_lines('2');
MOVE 8 IN c;
SELECT enter('ada');
SET LOCAL tarot_security.purpose = 'another';
MOVE 8 IN c;
SELECT enter('bob');
MOVE 8 IN c;
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT tarot.export_subject_lines('2');
MOVE 8 IN c;
SELECT enter('ada');
MOVE 8 IN c;
ROLLBACK;
DROP FUNCTION enter;
REVOKE SELECT ON letter, call FROM regress_export_officer;

-- ------------------------------------------------------------ what may not be read is missing, and the rest is there
CREATE FUNCTION forbid(id int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF id = 51 THEN RAISE insufficient_privilege; END IF; RETURN true; END $$;
ALTER TABLE letter ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON letter USING (forbid(id));
GRANT SELECT ON letter TO regress_export_officer;
SET ROLE regress_export_officer;
SELECT DISTINCT l::jsonb - 'exported_at' - 'database' - 'exported_by' - 'rows' AS line FROM (SELECT tarot.export_subject_lines('2') AS l) AS e WHERE NOT l::jsonb ? 'row' ORDER BY line;
SELECT count(*) BETWEEN 1 AND 24 AS before FROM (SELECT tarot.export_subject_lines('2') AS l) AS e WHERE l::jsonb ? 'row';
RESET ROLE;
-- Any other error ends it.
CREATE OR REPLACE FUNCTION forbid(id int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN 1 / (id - 51) IS NOT NULL; END $$;
SET ROLE regress_export_officer;
BEGIN;
SELECT count(l) FROM (SELECT tarot.export_subject_lines('2') AS l) AS e;
ROLLBACK;
RESET ROLE;

DROP TABLE letter, call; DROP FUNCTION forbid, read_of;
DROP EXTENSION tarot_security CASCADE;
DROP ROLE regress_export_officer;

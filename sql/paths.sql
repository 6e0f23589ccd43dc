-- Nothing lost: every way that a value takes within a database, for all encrypted types. What is copied keeps the
-- bytes of its envelope, what is written is read as the plain column beside it.
\getenv source PG_ABS_SRCDIR
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\set ECHO none
\i :source/sql/include/six_types.sql
\set ECHO all
\set SHOW_CONTEXT never
\pset null '(null)'
SET ROLE regress_paths_app;
SELECT lost('sealed'), bytes('sealed', 'sealed');

-- ------------------------------------------------------------ writing

-- From column to column nothing is opened; from plain ones everything is sealed anew.
CREATE TABLE copied (LIKE sealed INCLUDING ALL);
INSERT INTO copied SELECT * FROM sealed;
SELECT lost('copied'), bytes('copied');
UPDATE copied SET t = t, b = b, j = j, n = n, d = d, z = z;
SELECT lost('copied'), bytes('copied');
UPDATE copied SET id = id;
UPDATE copied c SET t = s.t, b = s.b, j = s.j, n = s.n, d = s.d, z = s.z FROM sealed s WHERE s.id = c.id;
UPDATE copied c SET (t, b, j, n, d, z) = (SELECT t, b, j, n, d, z FROM sealed s WHERE s.id = c.id);
SELECT lost('copied'), bytes('copied');
UPDATE copied SET t = t::text, b = b::bytea, j = j::jsonb, n = n::numeric, d = d::date, z = z::timestamptz;
SELECT lost('copied'), bytes('copied');
TRUNCATE copied;
SELECT count(*) FROM copied;
-- Two rows change places, and a rollback brings them back.
INSERT INTO copied SELECT * FROM sealed;
BEGIN;
UPDATE copied a SET t = b.t, b = b.b, j = b.j, n = b.n, d = b.d, z = b.z FROM copied b WHERE (a.id, b.id) IN ((1, 4), (4, 1));
SELECT bytes('copied') LIKE '1b! 1d! 1j! 1n! 1t! 1z!%4z!%' AS moved;
SAVEPOINT before;
TRUNCATE copied;
INSERT INTO copied SELECT * FROM plain;
SELECT bytes('copied');
ROLLBACK TO before;
UPDATE copied a SET t = b.t, b = b.b, j = b.j, n = b.n, d = b.d, z = b.z FROM copied b WHERE (a.id, b.id) IN ((1, 4), (4, 1));
COMMIT;
SELECT lost('copied'), bytes('copied');

-- MERGE, of envelopes and of values.
DELETE FROM copied WHERE id > 4;
UPDATE copied SET t = 'before', b = '\x00', j = '0', n = 0, d = '2001-01-01', z = now();
MERGE INTO copied c USING sealed s ON s.id = c.id
	WHEN MATCHED THEN UPDATE SET t = s.t, b = s.b, j = s.j, n = s.n, d = s.d, z = s.z
	WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.t, s.b, s.j, s.n, s.d, s.z);
SELECT lost('copied'), bytes('copied');
DELETE FROM copied WHERE id > 4;
MERGE INTO copied c USING plain p ON p.id = c.id
	WHEN MATCHED AND p.id = 4 THEN DO NOTHING
	WHEN MATCHED AND c.t IS NULL THEN DELETE
	WHEN MATCHED THEN UPDATE SET t = p.t, b = p.b, j = p.j, n = p.n, d = p.d, z = p.z
	WHEN NOT MATCHED THEN INSERT VALUES (p.id, p.t, p.b, p.j, p.n, p.d, p.z);
SELECT lost('copied'), bytes('copied');

-- ON CONFLICT on a plain key; a statement within WITH; DELETE ... RETURNING into another table.
INSERT INTO copied SELECT * FROM sealed ON CONFLICT (id) DO UPDATE SET t = excluded.t, b = excluded.b, j = excluded.j, n = excluded.n, d = excluded.d, z = excluded.z;
SELECT lost('copied'), bytes('copied');
INSERT INTO copied SELECT * FROM plain ON CONFLICT DO NOTHING;
SELECT lost('copied'), bytes('copied');
CREATE TABLE archive (LIKE sealed);
WITH gone AS (DELETE FROM copied RETURNING *) INSERT INTO archive SELECT * FROM gone;
SELECT lost('archive'), bytes('archive');
WITH added AS (INSERT INTO copied SELECT * FROM archive RETURNING *), changed AS (UPDATE archive SET id = id + 100 RETURNING *)
	SELECT count(*), count(t), count(n) FROM (TABLE added UNION ALL TABLE changed) AS b;
SELECT lost('copied'), bytes('copied');
-- What RETURNING gives is what is stored.
INSERT INTO copied VALUES (20, 'x', '\x01', '[1]', 1.50, '2024-01-02', '2024-01-02 03:04:05+00') RETURNING t::text, b::bytea, j::jsonb, n::numeric, d::date, z::timestamptz;
UPDATE copied SET n = n * 2, d = d + 1, z = z + interval '1 day', j = j || '[2]'::jsonb, t = t || 'y', b = b || '\x02'::bytea WHERE id = 20 RETURNING t::text, b::bytea, j::jsonb, n::numeric, d::date, z::timestamptz;
DELETE FROM copied WHERE id = 20 RETURNING t::text, n::numeric;

-- ------------------------------------------------------------ triggers and rules

-- Row triggers: the row as it is goes on, its copy keeps its bytes, and the function sees what its caller may see.
CREATE TABLE log (LIKE sealed, seen text);
GRANT ALL ON copied, log TO PUBLIC;
CREATE FUNCTION note_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_WHEN = 'BEFORE' THEN
		NEW.n := coalesce(NEW.n, OLD.n);
		RETURN NEW;
	END IF;
	INSERT INTO log SELECT OLD.*, format('%s was %s, %s, is %s, %s', current_user, left(OLD.t::text, 20), OLD.d::date, left(NEW.t::text, 20), NEW.d::date);
	RETURN NULL;
END
$$;
CREATE TRIGGER before_row BEFORE UPDATE ON copied FOR EACH ROW EXECUTE FUNCTION note_row();
CREATE TRIGGER after_row AFTER UPDATE ON copied FOR EACH ROW EXECUTE FUNCTION note_row();
UPDATE copied SET n = NULL;
SELECT lost('copied'), bytes('copied'), lost('log'), bytes('log');
TRUNCATE log;
SET ROLE regress_paths_masked;
UPDATE copied SET id = id WHERE id = 1;
SET ROLE regress_paths_none;
UPDATE copied SET id = id WHERE id = 1;
SET ROLE regress_paths_writer;
UPDATE copied SET t = 'written' WHERE id = 1;
SET ROLE regress_paths_app;
SELECT seen FROM log;
SELECT bytes('log'), bytes('copied') LIKE '%1n= 1t! 1z=%' AS one_written;
UPDATE copied SET t = (SELECT t FROM sealed WHERE id = 1) WHERE id = 1;
DROP TRIGGER before_row ON copied;
DROP TRIGGER after_row ON copied;
-- Statement triggers, over transition tables.
CREATE FUNCTION note_statement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO log SELECT o.*, left(format('%s: %s, %s', current_user, o.t::text, n.d::date), 40) FROM before o JOIN after n USING (id);
	RETURN NULL;
END
$$;
CREATE TRIGGER after_statement AFTER UPDATE ON copied REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION note_statement();
TRUNCATE log;
UPDATE copied SET d = d;
SELECT lost('log'), bytes('log');
TRUNCATE log;
SET ROLE regress_paths_masked;
UPDATE copied SET id = id WHERE id IN (1, 3);
SET ROLE regress_paths_app;
SELECT seen, bytes('log') FROM log ORDER BY id;
DROP TRIGGER after_statement ON copied;
-- A view that writes: by itself, by a trigger, by rules.
CREATE VIEW shown AS SELECT * FROM sealed WHERE id < 100 WITH CHECK OPTION;
INSERT INTO shown SELECT id + 50, t, b, j, n, d, z FROM shown WHERE id = 1;
SELECT t::text, n::numeric, d::date FROM sealed WHERE id = 51;
DELETE FROM shown WHERE id = 51;
SELECT lost('shown'), bytes('shown');
CREATE VIEW front AS SELECT * FROM copied;
CREATE FUNCTION put_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM copied WHERE id = NEW.id; INSERT INTO copied VALUES (NEW.*); RETURN NEW; END $$;
CREATE TRIGGER instead INSTEAD OF INSERT OR UPDATE ON front FOR EACH ROW EXECUTE FUNCTION put_row();
INSERT INTO front SELECT * FROM sealed;
UPDATE front SET n = n;
SELECT lost('copied'), bytes('copied');
INSERT INTO front SELECT * FROM plain;
SELECT lost('copied'), bytes('copied');
CREATE VIEW ruled AS SELECT * FROM copied;
CREATE RULE put AS ON INSERT TO ruled DO INSTEAD INSERT INTO archive VALUES (NEW.*) RETURNING archive.*;
CREATE RULE also AS ON DELETE TO archive DO ALSO INSERT INTO log VALUES (OLD.*, 'deleted');
TRUNCATE archive, log;
INSERT INTO ruled SELECT * FROM sealed RETURNING id, left(t::text, 8) AS t, d::date;
SELECT lost('archive'), bytes('archive');
DELETE FROM archive;
SELECT lost('log'), bytes('log');
DROP VIEW ruled, front, shown;

-- ------------------------------------------------------------ cursors, prepared statements, workers

BEGIN;
DECLARE held SCROLL CURSOR WITH HOLD FOR SELECT id, t::text, n::numeric, d::date FROM sealed WHERE id IN (1, 2, 6) ORDER BY id;
FETCH FORWARD 2 FROM held;
DECLARE changing CURSOR FOR SELECT * FROM copied WHERE id = 1 FOR UPDATE;
FETCH 0 FROM changing;
MOVE 1 FROM changing;
UPDATE copied SET d = '2025-05-05' WHERE CURRENT OF changing RETURNING t::text, d::date;
COMMIT;
FETCH BACKWARD 1 FROM held;
FETCH ALL FROM held;
SET ROLE regress_paths_none;
-- What it holds was read when it was filled, by a role that might.
FETCH FIRST FROM held;
SET ROLE regress_paths_app;
CLOSE ALL;

PREPARE read (int) AS SELECT t::text, b::bytea, j::jsonb, n::numeric, d::date, z::timestamptz FROM sealed WHERE id = $1;
PREPARE write (int, text, bytea, jsonb, numeric, date, timestamptz) AS INSERT INTO archive VALUES ($1, $2, $3, $4, $5, $6, $7);
PREPARE write_open AS INSERT INTO archive VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id, t::text, b::bytea, j::jsonb, n::numeric, d::date, z::timestamptz;
PREPARE move (int) AS INSERT INTO archive SELECT * FROM sealed WHERE id = $1;
CREATE FUNCTION executed(statement text, role name, mode text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('plan_cache_mode', mode, true);
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;
TRUNCATE archive;
GRANT ALL ON archive TO PUBLIC;
-- One plan for all roles. Who may not write moves envelopes still.
SELECT mode, role, executed('EXECUTE write (1, ''a'', ''\x01'', ''1'', 1, ''2024-01-01'', ''2024-01-01 00:00+00'')', role, mode) AS write,
	executed('EXECUTE write_open (2, ''a'', ''\x01'', ''1'', 1, ''2024-01-01'', ''2024-01-01 00:00+00'')', role, mode) AS write_open, executed('EXECUTE move (1)', role, mode) AS move
	FROM unnest('{force_generic_plan,force_custom_plan,auto}'::text[]) AS mode, unnest('{regress_paths_app,regress_paths_none,regress_paths_writer,regress_paths_masked}'::name[]) AS role;
SET ROLE regress_paths_app;
SELECT id, count(*), count(DISTINCT n::numeric) AS n, min(d::date) AS d, max(z::timestamptz) AS z FROM archive GROUP BY id ORDER BY id;
SET plan_cache_mode = force_generic_plan;
EXECUTE read (1);
SET ROLE regress_paths_masked;
EXECUTE read (1);
SET ROLE regress_paths_none;
EXECUTE read (1);
SET ROLE regress_paths_app;
EXECUTE read (1);
EXECUTE write_open (3, 'open', '\x03', '[3]', 3.30, '2024-03-03', '2024-03-03 03:03:03+00');
RESET plan_cache_mode;

-- Parallel workers, and values spilled to disk on the way.
RESET ROLE;
SELECT set_config(CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END, 'on', false);
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET work_mem = '64kB';
SET ROLE regress_paths_app;
CREATE TABLE many AS SELECT s.id + 10 * i AS id, t, b, j, n, d, z FROM sealed s, generate_series(0, 200) AS i WHERE s.id NOT IN (7, 8);
ANALYZE many;
SELECT count(*), sum(n::numeric) FILTER (WHERE id % 10 = 1) AS n, min(d::date) AS d, max(z::timestamptz) AS z, count(j ->> 'a') AS j, sum(length(b::bytea)) AS b, max(t::text) FILTER (WHERE id % 10 = 1) AS t FROM many;
CREATE TABLE sorted AS SELECT id % 10 AS id, t, b, j, n, d, z FROM (SELECT a.* FROM many a JOIN many b USING (id) ORDER BY a.id DESC LIMIT 8) AS s;
SELECT lost('sealed'), (SELECT count(*) FROM many m WHERE id % 10 = 1 AND (t::text, n::numeric, d::date) = ('The Fool', 12.34, '2024-02-29')) AS rows, bytes('sorted');
RESET ROLE;
SELECT set_config(CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END, 'off', false);
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET work_mem;

\set ECHO none
\i :source/sql/include/six_types_end.sql

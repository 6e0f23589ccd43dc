-- tarot.policy_report(): who sees how many rows, tried out; and nothing is left of it, nor to be gained by it.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/rows.sql
RESET client_min_messages;
\set ECHO all
SET client_min_messages = warning;
SET ROLE tarot_rows_owner;
CREATE TABLE reading (id int, user_id text);
CREATE TABLE sale (id int, seller_id text, buyer_id text) PARTITION BY RANGE (id);
CREATE TABLE sale_1 PARTITION OF sale FOR VALUES FROM (0) TO (100);
CREATE TABLE unprotected (id int);
INSERT INTO reading SELECT i, CASE i % 3 WHEN 0 THEN 'ada' ELSE 'bob' END FROM generate_series(1, 9) AS i;
INSERT INTO sale VALUES (1, 'ada', 'bob'), (2, 'ada', 'carol');
SELECT tarot.protect_rows('reading', owner => 'user_id'), tarot.protect_rows('reading', permission => 'readings:read', roles => '{tarot_rows_app}'), tarot.protect_rows('sale', parties => '{seller_id,buyer_id}');
GRANT SELECT ON reading, sale, unprotected TO tarot_rows_app;
GRANT SELECT ON reading TO tarot_rows_staff;
RESET ROLE;
SELECT tarot.grant_permission('Admin', 'readings:read'), tarot.assign_role('eve', 'Admin');
RESET client_min_messages;
CREATE VIEW a_view AS TABLE reading;

SELECT * FROM tarot.policy_report(ARRAY[:'ada', :'bob', :'eve', NULL], 'tarot_rows_app');
SELECT * FROM tarot.policy_report(ARRAY[:'ada', :'eve'], 'tarot_rows_staff');
-- The owner of the tables; a superuser; one table, protected or not.
SELECT * FROM tarot.policy_report(ARRAY[:'ada', NULL], 'tarot_rows_owner', 'reading');
SELECT * FROM tarot.policy_report(ARRAY[:'ada', NULL], relation => 'reading') AS r WHERE r.role = current_user OR r.visible <> r.total;
SELECT * FROM tarot.policy_report(ARRAY[:'ada'], 'tarot_rows_app', 'unprotected');
SELECT * FROM tarot.policy_report(ARRAY[:'ada'], 'tarot_rows_app', 'sale_1');
SELECT * FROM tarot.policy_report('{}', 'tarot_rows_app');
SELECT code('SELECT tarot.policy_report(NULL)'), run('SELECT tarot.policy_report(''{NULL}'', NULL, ''a_view'')'), run('SELECT tarot.policy_report(''{NULL}'', NULL, 0)'), run('SELECT tarot.policy_report(''{NULL}'', ''nobody_at_all'')');
-- Tokens that are none: each is told of, and none is shown.
SELECT tarot.revoke_subject('bob');
SELECT tarot.set_principal('ada', status => 'banned');
SELECT token, subject, visible, sqlstate, error FROM tarot.policy_report(ARRAY[:'ada', :'bob', 'a.secret.token', '', :'eve'], 'tarot_rows_app', 'reading');
SELECT tarot.set_principal('ada', status => 'active');
SELECT bool_or(r::text LIKE '%' || part || '%') AS shown FROM tarot.policy_report(ARRAY[:'ada', :'ada' || 'x', 'a.secret.token'], 'tarot_rows_app') AS r, unnest(string_to_array(:'ada', '.') || ARRAY['secret']) AS part;

-- ------------------------------------------------------------ as before
-- Identity, role and settings, whatever they were, in a transaction or not, after an error too.
CREATE FUNCTION state() RETURNS text LANGUAGE sql AS $$
	SELECT format('%s as %s (%s), row_security %s, %s', coalesce(tarot.subject(), 'nobody'), current_user, current_setting('role'), current_setting('row_security'), current_setting('search_path')) $$;
SET ROLE tarot_rows_owner;
SELECT enter(:'eve');
SELECT count(*) FROM tarot.policy_report(ARRAY[:'ada', NULL, 'x']);
SELECT state();
BEGIN;
SELECT tarot.authenticate(:'ada');
SELECT visible, total FROM tarot.policy_report(ARRAY[:'eve', NULL], 'tarot_rows_owner', 'reading');
SELECT state();
SELECT run('SELECT tarot.policy_report(ARRAY[NULL], ''pg_read_all_data'')');
SELECT state();
COMMIT;
SELECT state();
RESET ROLE;
-- An identity that took a database role along is taken off first, and comes back with it.
CREATE ROLE tarot_rows_web LOGIN;
GRANT tarot_rows_app TO tarot_rows_web;
SELECT tarot.create_issuer('roles', 'https://roles.example', '{}', secret => repeat('r', 32), database_role_claim => 'role', database_roles => '{tarot_rows_app}');
SELECT tarot.sign_jwt('{"sub": "ada", "role": "tarot_rows_app"}', 'roles') AS in_role \gset
SELECT tarot.authenticate(:'in_role', false);
SELECT state();
SELECT subject, role, visible, total FROM tarot.policy_report(ARRAY[:'eve', :'in_role', NULL], 'tarot_rows_staff', 'reading');
SELECT state();
SELECT tarot.sign_out();
SELECT state();
-- A read-only transaction is enough.
BEGIN READ ONLY;
SELECT visible FROM tarot.policy_report(ARRAY[:'ada'], 'tarot_rows_app', 'reading');
COMMIT;

-- ------------------------------------------------------------ nothing to be gained
-- Who may not become a role does not by this; who may not see all is not told how much there is.
SET SESSION AUTHORIZATION tarot_rows_web;
SELECT run('SELECT tarot.policy_report(ARRAY[NULL], ''tarot_rows_owner'')') LIKE '42501: permission denied to set role%' AS refused;
SELECT subject, role, visible, total, sqlstate, error FROM tarot.policy_report(ARRAY[:'ada', NULL], 'tarot_rows_app', 'reading');
SELECT subject, role, visible, total, sqlstate, error FROM tarot.policy_report(ARRAY[:'ada'], NULL, 'reading');
RESET SESSION AUTHORIZATION;
-- Nor does a definer's function become another role.
CREATE FUNCTION definer() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT r::text FROM tarot.policy_report(ARRAY[NULL], 'tarot_rows_app') AS r $$;
SELECT run('SELECT definer()');
-- Policies of somebody who waits for an administrator to look: their code gets nowhere, and leaves nothing.
CREATE ROLE tarot_rows_thief;
GRANT CREATE ON SCHEMA public TO tarot_rows_thief;
SET ROLE tarot_rows_thief;
CREATE FUNCTION take(how text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF how IN ('SAVE', 'WHO') THEN
		RAISE EXCEPTION '% as % knows %', how, current_user, coalesce(tarot.subject(), 'nobody');
	END IF;
	EXECUTE how;
	RETURN true;
END
$$;
CREATE TABLE trap (id int);
INSERT INTO trap VALUES (1);
ALTER TABLE trap ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON trap TO PUBLIC;
RESET ROLE;
CREATE FUNCTION spring(how text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	DROP POLICY IF EXISTS a ON trap;
	EXECUTE format('CREATE POLICY a ON trap USING (take(%L))', how);
	SELECT * INTO r FROM tarot.policy_report(ARRAY[(SELECT tarot.sign_jwt('{"sub": "ada"}', 'app'))], 'tarot_rows_app', 'trap');
	RETURN format('%s of %s, %s %s; then %s', coalesce(r.visible::text, '-'), r.total, r.sqlstate, r.error, state());
END
$$;
SELECT spring(how) FROM unnest(ARRAY['WHO', 'RESET ROLE', 'SET ROLE tarot_rows_thief', 'SET LOCAL ROLE NONE', 'SELECT set_config(''role'', ''none'', false)', 'SET SESSION AUTHORIZATION DEFAULT', 'RESET SESSION AUTHORIZATION', 'SET row_security = off', 'SET search_path = trap',
	'SELECT tarot.authenticate(NULL, false)', 'SET tarot_security.identity = ''''', 'CREATE TEMP TABLE left_over ()', 'SELECT 1 / 0']) AS how;
SELECT to_regclass('pg_temp.left_over') IS NULL AS nothing_left;
-- Nor does code in what the planner evaluates, where no policy is asked: the owner of the table runs it.
DROP POLICY a ON trap;
SET ROLE tarot_rows_thief;
CREATE FUNCTION planned(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN IF current_user <> 'tarot_rows_thief' THEN RAISE EXCEPTION 'planned as %', current_user; END IF; RETURN 1; END $$;
CREATE INDEX ON trap ((id + planned(1)));
RESET ROLE;
\c -
SET client_min_messages = warning;
SELECT visible, total, sqlstate FROM tarot.policy_report('{NULL}', NULL, 'trap');
SELECT visible, total, sqlstate FROM tarot.policy_report('{NULL}', 'tarot_rows_thief', 'trap');
-- As it would be, else.
\c -
SET client_min_messages = warning;
SELECT run('SELECT count(*) FROM trap');
DROP TABLE trap;
CREATE TABLE trap (id int);
ALTER TABLE trap ENABLE ROW LEVEL SECURITY;
GRANT SELECT (id) ON trap TO tarot_rows_app;
CREATE POLICY a ON trap USING (1 / id > 0);
INSERT INTO trap VALUES (0);
-- What it counts for the total it counts as nobody, and so code of the owner's finds nobody, and leaves nothing.
CREATE TABLE found (subject text);
GRANT INSERT ON found TO PUBLIC;
CREATE TABLE told (id int);
ALTER TABLE told OWNER TO tarot_rows_thief;
SET ROLE tarot_rows_thief;
CREATE FUNCTION keep() RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.found VALUES (tarot.subject()); RAISE WARNING 'run for %', coalesce(tarot.subject(), 'nobody'); RETURN 1; END $$;
CREATE FUNCTION tell(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ DECLARE i int; BEGIN SELECT public.keep() INTO i; RETURN i; END $$;
CREATE INDEX ON told ((id + tell(1)));
ALTER TABLE told ENABLE ROW LEVEL SECURITY;
RESET ROLE;
TRUNCATE found;
BEGIN;
SELECT tarot.authenticate(:'ada');
SELECT visible, total, sqlstate FROM tarot.policy_report('{NULL}', NULL, 'told');
SELECT tarot.subject();
COMMIT;
TABLE found;
DROP TABLE told, found;
-- Roles are told by their names as they are written.
CREATE ROLE "Tarot Rows" LOGIN;
CREATE ROLE "TAROT_ROWS_APP";
CREATE TABLE calm AS SELECT 1 AS id;
ALTER TABLE calm ENABLE ROW LEVEL SECURITY;
CREATE POLICY a ON calm TO "Tarot Rows", "TAROT_ROWS_APP" USING (true);
GRANT SELECT ON calm TO "Tarot Rows", "TAROT_ROWS_APP";
SET ROLE "Tarot Rows";
SELECT role, visible FROM tarot.policy_report('{NULL}', NULL, 'calm');
SET ROLE "TAROT_ROWS_APP";
SELECT role, visible, total FROM tarot.policy_report('{NULL}', NULL, 'calm');
RESET ROLE;
DROP TABLE calm;
-- One that cannot be read does not keep the others from being told.
SELECT "table", visible, sqlstate FROM tarot.policy_report(ARRAY[:'ada'], 'tarot_rows_app');

SET client_min_messages = warning;
DROP OWNED BY tarot_rows_owner, tarot_rows_app, tarot_rows_staff, tarot_rows_web, tarot_rows_thief, "Tarot Rows", "TAROT_ROWS_APP" CASCADE;
DROP ROLE tarot_rows_owner, tarot_rows_app, tarot_rows_staff, tarot_rows_web, tarot_rows_thief, "Tarot Rows", "TAROT_ROWS_APP";

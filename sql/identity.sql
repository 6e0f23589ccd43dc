-- Who the session is: by a token, for as long as it was said, and by nothing else.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'
SELECT tarot.create_key('profile') > 0 AS created;
SELECT tarot.create_issuer('app', 'https://app.example', '{}', secret => repeat('s', 32));
SELECT tarot.create_issuer('partner', 'https://partner.example', '{}', secret => repeat('p', 32), subject_prefix => 'partner/');
SELECT tarot.sign_jwt('{"sub": "ada", "jti": "a1", "name": "Ada \"L\" \u00e9", "admin": true, "level": 1.50, "none": null, "tags": ["a", {"b": 1}], "empty": "", "iat": 1, "exp": 2}'::jsonb - ARRAY['iat', 'exp'], 'app') AS ada,
	tarot.sign_jwt('{"sub": "bob", "jti": "b1"}', 'app') AS bob, tarot.sign_jwt('{"sub": "ada", "jti": "p1"}', 'partner') AS partner, tarot.sign_jwt('{"jti": "n1"}', 'app') AS nobody \gset
-- All of it in one line.
CREATE FUNCTION who() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
	SELECT coalesce(tarot.subject(), '-') || ' of ' || coalesce(tarot.issuer(), '-') || ', ' || coalesce(tarot.token_id(), '-') || ', ' || coalesce(tarot.claims() ->> 'sub', '-') || ', ' || coalesce(tarot.claim('jti'), '-')
		|| ', ' || CASE WHEN tarot.expires_at() > now() THEN 'expires' ELSE '-' END $$;

-- ------------------------------------------------------------ asking
SELECT who();
BEGIN;
SELECT tarot.authenticate(:'ada');
SELECT who();
SELECT name, tarot.claim(name), tarot.claims() ? name AS there FROM unnest(ARRAY['sub', 'name', 'admin', 'level', 'none', 'tags', 'empty', 'absent', '', 'NAME', NULL]) AS name;
SELECT tarot.claims() - ARRAY['iat', 'exp'] AS claims, tarot.expires_at() = to_timestamp((tarot.claims() ->> 'exp')::bigint) AS same_end;
SELECT tarot.authenticate(:'partner');
SELECT who();
SELECT tarot.authenticate(:'nobody');
SELECT who();
-- Nobody is who has no token.
SELECT tarot.authenticate(NULL);
SELECT who();
COMMIT;
SELECT who();
-- Outside of a block it ends with the statement.
SET client_min_messages = notice;
SELECT tarot.authenticate(:'ada');
SELECT who();
SET client_min_messages = warning;
-- One that is refused changes nothing.
BEGIN;
SELECT tarot.authenticate(:'ada');
SELECT run('SELECT tarot.authenticate(''x.y.z'')');
SELECT who();
-- Nor does it leave a door open.
SELECT run('SELECT set_config(''tarot_security.identity'', ''x.y'', false)');
COMMIT;

-- ------------------------------------------------------------ forging
-- Nothing but a token makes anybody anyone, be it a superuser who asks, or the text that an identity is kept as.
BEGIN;
SELECT tarot.authenticate(:'ada');
SHOW tarot_security.identity;
SELECT current_setting('tarot_security.identity');
SELECT count(*) AS listed FROM pg_settings WHERE name = 'tarot_security.identity';
COMMIT;
SHOW tarot_security.identity;
SELECT base64 || '.' || base64 AS forged FROM translate(encode(convert_to('{"sub":"admin","iss":"https://app.example","exp":99999999999,"iat":1}' || repeat(' ', 90), 'UTF8'), 'base64'), E'+/=\n', '-_') AS base64 \gset
SELECT run(replace(call, '?', quote_literal(:'forged'))) FROM unnest(ARRAY['SET tarot_security.identity = ?', 'SET LOCAL tarot_security.identity = ?', 'SET SESSION tarot_security.identity = ?', 'SELECT set_config(''tarot_security.identity'', ?, false)',
	'SELECT set_config(''tarot_security.identity'', ?, true)', 'UPDATE pg_settings SET setting = ? WHERE name = ''tarot_security.identity''', 'ALTER ROLE CURRENT_USER SET tarot_security.identity = ?', 'ALTER ROLE ALL SET tarot_security.identity = ?',
	'ALTER DATABASE regress_regress SET tarot_security.identity = ?', 'ALTER ROLE CURRENT_USER IN DATABASE regress_regress SET tarot_security.identity = ?', 'ALTER SYSTEM SET tarot_security.identity = ?',
	'CREATE FUNCTION f() RETURNS text LANGUAGE sql SET tarot_security.identity = ? AS ''SELECT tarot.subject()''', 'SET tarot_security.identity = ''authenticated''', 'SET tarot_security.identity = ''.''', 'SET tarot_security.identity = '' ''']) AS call;
ALTER SYSTEM SET tarot_security.identity = '';
ALTER SYSTEM RESET tarot_security.identity;
SELECT who();
-- By the catalog, which a superuser may write to.
CREATE FUNCTION f() RETURNS text LANGUAGE sql SET tarot_security.identity = '' AS 'SELECT who()';
UPDATE pg_proc SET proconfig = ARRAY['tarot_security.identity=' || :'forged'] WHERE proname = 'f' AND pronamespace = 'public'::regnamespace;
SELECT run('SELECT f()');
DROP FUNCTION f();
-- FROM CURRENT takes no identity along.
BEGIN;
SELECT tarot.authenticate(:'ada');
SELECT run('CREATE FUNCTION f() RETURNS text LANGUAGE sql SET tarot_security.identity FROM CURRENT AS ''SELECT who()''');
SELECT run('ALTER ROLE CURRENT_USER SET tarot_security.identity FROM CURRENT');
SELECT who();
ROLLBACK;
-- A replay of what a session shows makes nobody anyone either.
BEGIN;
SELECT tarot.authenticate(:'ada');
SELECT current_setting('tarot_security.identity') AS shown \gset
COMMIT;
SELECT run(format('SET tarot_security.identity = %L', :'shown'));
SELECT who();

-- ------------------------------------------------------------ how long
-- For the transaction; for the session; away by each way that there is.
BEGIN;
SELECT tarot.authenticate(:'ada');
ROLLBACK;
SELECT who();
SELECT tarot.authenticate(:'ada', false);
SELECT who();
BEGIN;
SELECT tarot.authenticate(:'bob');
SELECT who();
COMMIT;
SELECT who();
BEGIN;
SELECT tarot.authenticate(:'bob', false);
ROLLBACK;
SELECT who();
BEGIN;
SELECT tarot.authenticate(:'bob', NULL);
COMMIT;
SELECT who();
BEGIN;
SELECT tarot.sign_out();
SELECT who();
ROLLBACK;
SELECT who();
BEGIN;
SELECT tarot.sign_out();
SELECT tarot.authenticate(:'bob');
SELECT who();
COMMIT;
SELECT who();
SELECT tarot.authenticate(:'ada', false);
BEGIN;
SELECT tarot.authenticate(:'bob');
SELECT tarot.sign_out();
SELECT who();
COMMIT;
SELECT who();
SELECT tarot.authenticate(:'ada', false);
SELECT tarot.authenticate(NULL, false);
SELECT who();
SELECT tarot.sign_out();
SELECT who();
SELECT tarot.authenticate(:'ada', false);
SET tarot_security.identity = '';
SELECT who();
SELECT tarot.authenticate(:'ada', false);
RESET tarot_security.identity;
SELECT who();
SELECT tarot.authenticate(:'ada', false);
SET tarot_security.identity TO DEFAULT;
SELECT who();
SELECT tarot.authenticate(:'ada', false);
RESET ALL;
SELECT who();
SELECT tarot.authenticate(:'ada', false);
DISCARD ALL;
SELECT who();
SET client_min_messages = warning;
SELECT tarot.authenticate(:'ada', false);
BEGIN;
SET LOCAL tarot_security.identity = '';
SELECT who();
COMMIT;
SELECT who();
PREPARE TRANSACTION 'none';
SELECT tarot.sign_out();

-- ------------------------------------------------------------ savepoints and errors
BEGIN;
SELECT tarot.authenticate(:'ada');
SAVEPOINT s;
SELECT tarot.authenticate(:'bob');
SAVEPOINT t;
SELECT tarot.sign_out();
SELECT who();
ROLLBACK TO t;
SELECT who();
ROLLBACK TO s;
SELECT who();
SELECT tarot.authenticate(:'partner');
RELEASE s;
SELECT who();
SAVEPOINT u;
SELECT tarot.authenticate('x');
ROLLBACK TO u;
SELECT who();
SELECT 1 / 0;
COMMIT;
SELECT who();
-- Blocks of PL/pgSQL are savepoints, too.
CREATE FUNCTION try(token text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		PERFORM tarot.authenticate(token);
		BEGIN
			PERFORM tarot.sign_out();
			RAISE EXCEPTION 'changed my mind';
		EXCEPTION WHEN raise_exception THEN
			IF tarot.subject() IS NULL THEN
				RETURN 'sign_out outlived its block';
			END IF;
		END;
		RAISE EXCEPTION '%', who();
	EXCEPTION WHEN raise_exception THEN
		RETURN SQLERRM || ' / ' || who();
	END;
END
$$;
BEGIN;
SELECT try(:'bob');
SELECT tarot.authenticate(:'ada');
SELECT try(:'bob');
SELECT who();
COMMIT;
-- An end within a procedure is one.
CREATE PROCEDURE commits(token text, INOUT seen text DEFAULT '') LANGUAGE plpgsql AS $$
BEGIN
	PERFORM tarot.authenticate(token);
	seen := who();
	COMMIT;
	seen := seen || ' / ' || who();
END
$$;
CALL commits(:'ada');

-- ------------------------------------------------------------ functions
CREATE FUNCTION signs_in(token text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM tarot.authenticate(token); RETURN who(); END $$;
CREATE FUNCTION definer_signs_in(token text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$ BEGIN PERFORM tarot.authenticate(token); RETURN who(); END $$;
CREATE FUNCTION as_nobody() RETURNS text LANGUAGE plpgsql SET tarot_security.identity = '' AS $$ BEGIN RETURN who(); END $$;
CREATE FUNCTION signs_in_inside(token text) RETURNS text LANGUAGE plpgsql SET tarot_security.identity = '' AS $$ BEGIN PERFORM tarot.authenticate(token); RETURN who(); END $$;
CREATE FUNCTION definer_asks() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS 'SELECT who()';
BEGIN;
SELECT signs_in(:'ada'), who();
SELECT definer_signs_in(:'bob'), who(), definer_asks();
-- A function's SET is for the function: it cannot make anyone, and what is done inside ends with it.
SELECT as_nobody(), who();
SELECT signs_in_inside(:'ada'), who();
COMMIT;
-- A pre-request function that runs with its owner's rights leaves its identity to the transaction.
BEGIN;
SELECT definer_signs_in(:'bob');
SELECT who();
COMMIT;
SELECT who();

-- ------------------------------------------------------------ plans, cursors, row level security
CREATE TABLE note (id int PRIMARY KEY, owner text, body text);
INSERT INTO note SELECT i, CASE i % 2 WHEN 0 THEN 'ada' ELSE 'bob' END, 'note ' || i FROM generate_series(1, 10) AS i;
INSERT INTO note VALUES (11, NULL, 'of nobody');
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON note USING (owner = (SELECT tarot.subject()));
CREATE ROLE regress_identity_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON note TO regress_identity_app;
SET ROLE regress_identity_app;
PREPARE own AS SELECT string_agg(id::text, ',' ORDER BY id) FROM note;
PREPARE subject AS SELECT tarot.subject();
PREPARE by_claim(text) AS SELECT count(*) FROM note WHERE owner = tarot.claim($1);
SET plan_cache_mode = force_generic_plan;
EXECUTE own;
EXECUTE subject;
BEGIN;
SELECT tarot.authenticate(:'ada');
EXECUTE own;
EXECUTE subject;
EXECUTE by_claim('sub');
SELECT tarot.authenticate(:'bob');
EXECUTE own;
EXECUTE subject;
EXECUTE by_claim('sub');
INSERT INTO note VALUES (21, 'bob', 'mine');
SAVEPOINT s;
INSERT INTO note VALUES (22, 'ada', 'not mine');
ROLLBACK TO s;
UPDATE note SET body = body || '!' WHERE owner = 'ada';
DELETE FROM note WHERE id = 21;
ROLLBACK;
EXECUTE own;
EXECUTE subject;
DEALLOCATE ALL;
-- A query is answered for whoever is there at its first row, though its cursor is read on while another is; what is held keeps its answer.
BEGIN;
SELECT tarot.authenticate(:'ada');
DECLARE held CURSOR WITH HOLD FOR SELECT id, owner FROM note ORDER BY id;
DECLARE lazy CURSOR FOR SELECT id, owner FROM note ORDER BY id;
FETCH 1 FROM lazy;
SELECT tarot.authenticate(:'bob');
FETCH 1 FROM lazy;
FETCH 1 FROM held;
COMMIT;
SELECT who();
FETCH 1 FROM held;
CLOSE held;
-- What is held and not yet read is read at the commit, by who is there then; deferred triggers run by then, too.
RESET ROLE;
CREATE TABLE logged (id int, by text);
CREATE FUNCTION log_subject() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE logged SET by = tarot.subject() WHERE id = NEW.id; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER log AFTER INSERT ON logged DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION log_subject();
GRANT ALL ON logged TO regress_identity_app;
SET ROLE regress_identity_app;
BEGIN;
SELECT tarot.authenticate(:'ada');
DECLARE held CURSOR WITH HOLD FOR SELECT id, owner FROM note ORDER BY id;
INSERT INTO logged VALUES (1);
SELECT tarot.authenticate(:'bob');
COMMIT;
SELECT who();
FETCH 1 FROM held;
CLOSE held;
TABLE logged;
-- A view's and a function's plan, too.
RESET ROLE;
CREATE VIEW own_note AS SELECT id FROM note WHERE owner = tarot.subject();
CREATE FUNCTION own_notes() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM own_note WHERE id > 2); END $$;
SELECT own_notes();
BEGIN;
SELECT tarot.authenticate(:'ada');
SELECT own_notes();
SELECT tarot.authenticate(:'bob');
SELECT own_notes();
COMMIT;
SELECT own_notes();

-- ------------------------------------------------------------ parallel workers
CREATE TABLE many AS SELECT i, CASE i % 2 WHEN 0 THEN 'ada' ELSE 'bob' END AS owner FROM generate_series(1, 10000) AS i;
ALTER TABLE many SET (parallel_workers = 2);
CREATE FUNCTION in_worker() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT backend_type = 'parallel worker' FROM pg_stat_activity WHERE pid = pg_backend_pid() $$;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM many WHERE owner = tarot.subject();
SELECT count(*) FROM many WHERE owner = tarot.subject();
BEGIN;
SELECT tarot.authenticate(:'ada');
SELECT count(*), bool_and(in_worker()) AS in_workers, min(who()), max(tarot.claims() ->> 'name') FROM many WHERE owner = tarot.subject() AND i > 9900;
SELECT count(*), count(DISTINCT tarot.verify_jwt(:'partner') ->> 'sub'), max(tarot.check_jwt(:'bob')) FROM many WHERE i < 100;
SAVEPOINT s;
-- A worker hears of what its own transaction has done.
SELECT tarot.set_principal('ada', status => 'banned');
SELECT count(*) FROM many WHERE owner = tarot.subject();
ROLLBACK TO s;
SELECT count(*) FROM many WHERE owner = tarot.subject();
SELECT run('SELECT count(*) FROM many WHERE set_config(''tarot_security.identity'', ''x'', true) IS NULL');
-- Nobody becomes another in a worker, be it by a function that says that it may run there.
CREATE FUNCTION mislabelled(token text, i int) RETURNS boolean LANGUAGE plpgsql PARALLEL SAFE AS $$ BEGIN PERFORM tarot.authenticate(token); RETURN i > 0; END $$;
CREATE FUNCTION mislabelled(i int) RETURNS boolean LANGUAGE plpgsql PARALLEL SAFE AS $$ BEGIN PERFORM tarot.sign_out(); RETURN i > 0; END $$;
SAVEPOINT t;
\set VERBOSITY sqlstate
SELECT count(*) FROM many WHERE mislabelled(:'bob', i);
ROLLBACK TO t;
SELECT count(*) FROM many WHERE mislabelled(i);
ROLLBACK TO t;
\set VERBOSITY default
SELECT who();
SELECT tarot.sign_out();
SELECT count(*) FROM many WHERE owner = tarot.subject();
COMMIT;
RESET ALL;
SET client_min_messages = warning;

-- ------------------------------------------------------------ the end of a token
SELECT tarot.create_issuer('brief', 'https://brief.example', '{}', secret => repeat('b', 32), leeway => '0');
CREATE FUNCTION seconds_until_raised(wanted text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	deadline timestamptz := clock_timestamp() + interval '30 seconds';
BEGIN
	LOOP
		IF code('SELECT tarot.subject()') = wanted THEN
			RETURN true;
		ELSIF clock_timestamp() > deadline THEN
			RETURN false;
		END IF;
		PERFORM pg_sleep(0.05);
	END LOOP;
END
$$;
SELECT tarot.authenticate(tarot.sign_jwt(jsonb_build_object('sub', 'ada', 'jti', 'b', 'exp', ceil(extract(epoch FROM clock_timestamp())) + 1), 'brief'), false);
SELECT who(), seconds_until_raised('TS314');
-- All that asks is refused; what does not ask goes on.
SELECT ask(call) FROM unnest(ARRAY['SELECT tarot.subject()', 'SELECT tarot.claims()', 'SELECT tarot.claim(''sub'')', 'SELECT tarot.issuer()', 'SELECT tarot.token_id()', 'SELECT tarot.expires_at()', 'SELECT 1']) AS call;
-- A worker is started for who has expired, and hears of it when it asks.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
SELECT count(*), bool_and(in_worker()) AS in_workers FROM many WHERE i < 100;
\set SHOW_CONTEXT errors
SELECT count(*) FROM many WHERE tarot.claim(owner) IS NULL;
SELECT count(*) FROM many WHERE owner = (SELECT tarot.subject());
\set SHOW_CONTEXT never
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET parallel_leader_participation;
-- So does an open cursor at its first row, and one that is held at the commit, which then is none.
SELECT tarot.sign_jwt(jsonb_build_object('sub', 'ada', 'jti', 'c', 'exp', ceil(extract(epoch FROM clock_timestamp())) + 2), 'brief') AS brief \gset
SET ROLE regress_identity_app;
BEGIN;
SELECT tarot.authenticate(:'brief');
DECLARE begun CURSOR FOR SELECT id, owner FROM note ORDER BY id;
DECLARE lazy CURSOR FOR SELECT id, owner FROM note ORDER BY id;
DECLARE held CURSOR WITH HOLD FOR SELECT id, owner FROM note ORDER BY id;
FETCH 1 FROM begun;
SELECT seconds_until_raised('TS314');
FETCH 1 FROM begun;
SAVEPOINT s;
FETCH 1 FROM lazy;
ROLLBACK TO s;
COMMIT;
FETCH 1 FROM held;
RESET ROLE;
SELECT tarot.authenticate(:'ada', false);
SELECT who();
-- The issuer has changed its mind about how old a token may be: the session's is.
BEGIN;
SELECT tarot.alter_issuer('app', max_age => '1 hour');
SELECT ask('SELECT tarot.subject()');
ROLLBACK;
SELECT who();
SELECT tarot.sign_out();

-- ------------------------------------------------------------ database roles
CREATE ROLE regress_identity_login;
CREATE ROLE regress_identity_user;
CREATE ROLE regress_identity_admin;
CREATE ROLE regress_identity_other;
CREATE ROLE "regress identity ""ü""";
GRANT regress_identity_user, regress_identity_admin, "regress identity ""ü""" TO regress_identity_login;
SELECT tarot.create_issuer('web', 'https://web.example', '{}', secret => repeat('w', 32), database_role_claim => 'role', database_roles => '{regress_identity_user,regress_identity_admin,regress_identity_other,"regress identity \"ü\""}');
CREATE FUNCTION web(role jsonb) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT tarot.sign_jwt(jsonb_build_object('sub', 'ada', 'role', role), 'web') $$;
CREATE FUNCTION app(subject text) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT tarot.sign_jwt(jsonb_build_object('sub', subject), 'app') $$;
CREATE FUNCTION who_as() RETURNS text LANGUAGE sql AS $$ SELECT coalesce(tarot.subject(), '-') || ' as ' || current_user $$;
SET SESSION AUTHORIZATION regress_identity_login;
BEGIN;
SELECT tarot.authenticate(web('"regress_identity_user"'));
SELECT who_as();
SELECT tarot.authenticate(web('"regress identity \"ü\""'));
SELECT who_as();
COMMIT;
SELECT who_as();
SELECT role, run(format('SELECT tarot.authenticate(%L)', web(role))), who_as() FROM unnest(ARRAY['"regress_identity_login"', '"regress_identity_other"', '"REGRESS_IDENTITY_USER"', '"none"', '""', '5', '["regress_identity_user"]', 'true']::jsonb[]) AS role;
-- None asked for, none taken.
BEGIN;
SELECT tarot.authenticate(web('null'));
SELECT who_as();
COMMIT;
-- The next identity has not the role of the one before, and who leaves has it no longer.
BEGIN;
SELECT tarot.authenticate(web('"regress_identity_admin"'));
SELECT tarot.authenticate(app('bob'));
SELECT who_as();
SELECT tarot.authenticate(web('"regress_identity_admin"'));
SELECT tarot.authenticate(NULL);
SELECT who_as();
SELECT tarot.authenticate(web('"regress_identity_admin"'));
SAVEPOINT s;
SELECT tarot.sign_out();
SELECT who_as();
ROLLBACK TO s;
SELECT who_as();
SELECT run(format('SELECT tarot.authenticate(%L)', web('"regress_identity_other"')));
SELECT who_as();
COMMIT;
SELECT who_as();
-- Whatever role there was before is there again; and for a session as for a transaction.
SET ROLE regress_identity_user;
SELECT tarot.authenticate(web('"regress_identity_admin"'), false);
SELECT who_as();
BEGIN;
SELECT tarot.authenticate(app('bob'));
SELECT who_as();
COMMIT;
SELECT who_as();
SELECT tarot.sign_out();
SELECT who_as();
-- Also when a transaction's identity, or nobody, hides the session's while it is replaced.
RESET ROLE;
SELECT tarot.authenticate(web('"regress_identity_admin"'), false);
BEGIN;
SELECT tarot.authenticate(app('bob'));
SAVEPOINT s;
SELECT tarot.sign_out();
SELECT who_as();
COMMIT;
SELECT who_as();
SELECT tarot.authenticate(web('"regress_identity_admin"'), false);
BEGIN;
SELECT tarot.authenticate(web('"regress_identity_user"'));
SELECT tarot.authenticate(app('bob'), false);
SELECT who_as();
COMMIT;
SELECT who_as();
SELECT tarot.authenticate(web('"regress_identity_admin"'), false);
BEGIN;
SELECT tarot.authenticate(NULL);
SELECT who_as();
SELECT tarot.authenticate(app('bob'), false);
COMMIT;
SELECT who_as();
SELECT tarot.authenticate(web('"regress_identity_admin"'), false);
BEGIN;
SELECT tarot.authenticate(NULL);
SELECT tarot.authenticate(web('"regress_identity_user"'));
SELECT tarot.authenticate(NULL, false);
ROLLBACK;
SELECT who_as();
BEGIN;
SELECT tarot.authenticate(NULL);
SELECT tarot.authenticate(web('"regress_identity_user"'));
SELECT tarot.authenticate(NULL, false);
SELECT who_as();
COMMIT;
SELECT who_as();
SELECT tarot.authenticate(web('"regress_identity_admin"'), false);
DISCARD ALL;
SET client_min_messages = warning;
SELECT tarot.subject(), current_user = session_user AS own_role;
-- Where SET ROLE is not allowed, neither is this.
SELECT run(format('SELECT definer_signs_in(%L)', web('"regress_identity_user"')));
-- A role of the list has become a superuser, or is gone.
ALTER ROLE regress_identity_admin SUPERUSER;
SELECT run(format('SELECT tarot.authenticate(%L)', web('"regress_identity_admin"')));
ALTER ROLE regress_identity_admin NOSUPERUSER;
SELECT run('SELECT tarot.alter_issuer(''web'', database_roles => ARRAY[current_user])');
DROP ROLE regress_identity_other;
SELECT run(format('SELECT tarot.authenticate(%L)', web('"regress_identity_other"')));
-- That does not stand in the way of other changes, and is told; to name it is an error.
ALTER ROLE regress_identity_admin SUPERUSER;
SELECT tarot.alter_issuer('web', max_age => '1 day');
ALTER ROLE regress_identity_admin NOSUPERUSER;
SELECT run(format('SELECT tarot.authenticate(%L)', web('"regress_identity_other"')));
SELECT run(format('SELECT tarot.alter_issuer(''web'', database_roles => %L)', database_roles)) FROM tarot.issuer WHERE name = 'web';
SELECT tarot.alter_issuer('web', database_roles => '{regress_identity_user}');
SELECT run(format('SELECT tarot.authenticate(%L)', web(role))) FROM unnest(ARRAY['"regress_identity_user"', '"regress_identity_other"', '"regress_identity_admin"']::jsonb[]) AS role;
-- Without the list a token says who somebody is, and takes no role.
SELECT tarot.alter_issuer('web', remove => '{database_roles}');
SELECT database_role_claim, database_roles FROM tarot.issuer_status WHERE name = 'web';
SET SESSION AUTHORIZATION regress_identity_login;
BEGIN;
SELECT tarot.authenticate(web('"regress_identity_user"'));
SELECT who_as();
COMMIT;
RESET SESSION AUTHORIZATION;

-- ------------------------------------------------------------ what anybody may do
SET SESSION AUTHORIZATION regress_identity_app;
BEGIN;
SELECT tarot.authenticate(:'ada');
SELECT tarot.subject(), tarot.check_jwt(:'bob'), tarot.verify_jwt(:'bob') ->> 'sub' AS verified;
COMMIT;
SELECT call, code(call) FROM unnest(ARRAY['SELECT tarot.create_issuer(''x'', ''x'', ''{}'', secret => repeat(''s'', 32))', 'SELECT tarot.create_issuer(''x'', ''x'', ''{}'', jwks => ''{}'')', 'SELECT tarot.alter_issuer(''app'')', 'SELECT tarot.load_jwks(''app'', ''{}'')',
	'SELECT tarot.drop_issuer(''app'')', 'SELECT tarot.sign_jwt(''{}'', ''app'')', 'SELECT tarot.sign_claims(''{}'', ''app'')', 'SELECT tarot.set_principal(''ada'', status => ''banned'')', 'SELECT tarot.revoke_token(''app'', ''a1'')', 'SELECT tarot.revoke_subject(''ada'')',
	'SELECT tarot.revoke_issuer(''app'')', 'SELECT tarot.prune_revocations()', 'SELECT tarot.get_issuer(''app'')', 'SELECT tarot.check_issuer_keys(NULL, ''app'', NULL, NULL)',
	'SELECT tarot.seal_issuer_key(''app'', ''x'')', 'SELECT tarot.reseal_issuer_key(''app'', ''x'')', 'SELECT tarot.seal_given_key(''app'', NULL, NULL)', 'SELECT tarot.put_issuer(NULL, true)', 'SELECT tarot.check_database_roles(''app'', NULL, true)',
	'TABLE tarot.issuer', 'TABLE tarot.issuer_status', 'TABLE tarot.principal', 'TABLE tarot.revoked_token', 'DELETE FROM tarot.revoked_token', 'UPDATE tarot.principal SET status = ''active''']) AS call;
RESET SESSION AUTHORIZATION;
-- Who may write to all tables may not write these; who monitors sees whose tokens are trusted, and no key.
GRANT pg_write_all_data, pg_read_all_data TO regress_identity_app;
SET SESSION AUTHORIZATION regress_identity_app;
SELECT call, code(call) FROM unnest(ARRAY['UPDATE tarot.issuer SET issuer = ''https://evil.example'' WHERE name = ''app''', 'DELETE FROM tarot.issuer', 'INSERT INTO tarot.principal VALUES (''x'', ''user'', ''active'')', 'INSERT INTO tarot.revoked_token VALUES (''x'', ''x'', now())']) AS call;
RESET SESSION AUTHORIZATION;
REVOKE pg_write_all_data, pg_read_all_data FROM regress_identity_app;
GRANT pg_monitor TO regress_identity_app;
SET SESSION AUTHORIZATION regress_identity_app;
SELECT name, signs FROM tarot.issuer_status ORDER BY name;
SELECT code('TABLE tarot.issuer');
RESET SESSION AUTHORIZATION;

-- Without the extension there is nobody, and nothing to call.
SELECT tarot.authenticate(:'ada', false);
DROP EXTENSION tarot_security CASCADE;
SELECT code('SELECT tarot.subject()');
SHOW tarot_security.identity;
SELECT run('SET tarot_security.identity = ''x''');
CREATE EXTENSION tarot_security;
-- The one that comes anew trusts nobody yet.
SELECT ask('SELECT tarot.subject()');
SELECT tarot.sign_out(), tarot.subject();
DROP TABLE note, logged;
DROP ROLE regress_identity_app, regress_identity_login, regress_identity_user, regress_identity_admin, "regress identity ""ü""";

-- Security events: what they hold, that no rollback takes them back, what becomes one and what does not, and who may put them on record.
-- The worker runs.
SET client_min_messages = warning;
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE EXTENSION tarot_security;
\getenv source PG_ABS_SRCDIR
\i :source/sql/include/attempt.sql
CREATE ROLE regress_events_app; CREATE ROLE regress_events_nobody; CREATE ROLE regress_events_auditor;
GRANT EXECUTE ON FUNCTION tarot.log_security_event TO regress_events_app;
GRANT SELECT ON tarot.security_event TO regress_events_auditor;

-- Those since the last call, in their order.
CREATE TABLE seen (recorded_by xid8, number bigint, PRIMARY KEY (recorded_by, number));
CREATE FUNCTION fresh() RETURNS TABLE (event text, status text, details jsonb, role text) LANGUAGE plpgsql AS $$
BEGIN
	IF NOT tarot.flush_events('3 min') THEN
		RAISE 'events are not written';
	END IF;
	RETURN QUERY WITH n AS (INSERT INTO seen SELECT e.recorded_by, e.number FROM tarot.security_event e ON CONFLICT DO NOTHING RETURNING *)
		SELECT concat_ws(' ', e.event_type, e.action), e.status, e.details, replace(e.role, (SELECT rolname FROM pg_roles WHERE oid = 10), 'superuser')
			FROM n JOIN tarot.security_event e USING (recorded_by, number) ORDER BY e.occurred_at, e.recorded_by, e.number;
END
$$;

-- ------------------------------------------------------------ of applications
SELECT set_config('application_name', 'events "test"', false) AS name;
SET ROLE regress_events_app;
SELECT tarot.log_security_event('UNAUTHORIZED_FUNCTION_ACCESS', 'agent-7', 'send_mail', 'denied', '{"parameters": {"to": "x"}, "n": 1.50}');
-- A rollback does not take it back, of a savepoint, a block or a transaction; nor does it need one that can write.
BEGIN;
SELECT tarot.log_security_event('A', NULL, 'rolled back', 'failure');
ROLLBACK;
BEGIN READ ONLY;
SELECT tarot.log_security_event('A', NULL, 'read only', 'failure');
SELECT 1 / 0;
ROLLBACK;
DO $$ BEGIN PERFORM tarot.log_security_event('A', NULL, 'in a block', NULL); RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN END $$;
RESET ROLE;
SELECT * FROM fresh();
SELECT user_id = 'agent-7' AS as_told, source, role, session_role = session_user AS session, subject, client, application, pid = pg_backend_pid() AS pid, transaction, cut, system = (SELECT system_identifier FROM pg_control_system()) AS here,
	occurred_at BETWEEN now() - interval '10 minutes' AND clock_timestamp() AS lately, recorded_at >= occurred_at AS later
	FROM tarot.security_event WHERE event_type = 'UNAUTHORIZED_FUNCTION_ACCESS';
SELECT user_id = session_user AS session FROM tarot.security_event WHERE event_type = 'A';
-- The number of a transaction that has one.
BEGIN;
CREATE TEMP TABLE here AS SELECT pg_current_xact_id() AS transaction;
SELECT tarot.log_security_event('NUMBERED', NULL, NULL, NULL);
COMMIT;
SELECT tarot.flush_events('3 min');
SELECT e.transaction = h.transaction AS same, pg_xact_status(e.transaction) FROM tarot.security_event e, here h WHERE event_type = 'NUMBERED';
SELECT count(*) FROM fresh();
-- What is long is cut, at the end of a character, and says so.
SELECT tarot.log_security_event('LONG' || repeat('é', 100), repeat('u', 300), repeat('a', 300), repeat('s', 100), jsonb_build_object('text', repeat('é"\', 1000)));
SELECT tarot.log_security_event('LONG', NULL, NULL, NULL, to_jsonb(repeat('x', 1000)));
SELECT tarot.log_security_event('LONG', NULL, NULL, NULL, '"short"');
SELECT tarot.flush_events('3 min');
SELECT left(event_type, 6) AS type, octet_length(event_type) AS octets, length(user_id) > 0 AS has_user, length(action) AS action, length(status) AS status, cut, details->'cut' AS details_cut, details->'bytes' AS bytes,
	length(details->>'text') > 100 AS has_text, details->>'text' LIKE '{"text": "é\\"\\\\é%' AS begins FROM tarot.security_event WHERE event_type LIKE 'LONG%' ORDER BY recorded_by, number;
SELECT count(*) FROM fresh();
SELECT code($$SELECT tarot.log_security_event(NULL, 'u', 'a', 's')$$), code($$SELECT tarot.log_security_event('', 'u', 'a', 's')$$), code($$SELECT tarot.flush_events('-1 s')$$), code($$SELECT tarot.flush_events('1 month')$$);
-- Any character, and any JSON.
SELECT tarot.log_security_event(E'\x01\x7F"\\', E'u\n', U&'\1F0A1', '', 'null');
SELECT event = E'\x01\x7F"\\ ' || U&'\1F0A1' AS same, status, details FROM fresh();

-- ------------------------------------------------------------ who may
SET ROLE regress_events_nobody;
SELECT code($$SELECT tarot.log_security_event('X', NULL, NULL, NULL)$$), code('SELECT tarot.flush_events()'), code('TABLE tarot.security_event'), code($$SELECT tarot.note_event('KEY', 'destroy', 'success', NULL)$$), code('TABLE tarot.worker_status'), code('TABLE tarot.event_queue');
SET ROLE regress_events_app;
SELECT code('SELECT tarot.flush_events()'), code('TABLE tarot.security_event'), code($$SELECT tarot.note_event('KEY', 'destroy', 'success', NULL)$$), code($$DELETE FROM tarot.audit_entry$$);
-- Its own events cannot pass for ours.
SELECT tarot.log_security_event('KEY', 'postgres', 'destroy', 'success');
RESET ROLE;
SELECT * FROM fresh();
SET ROLE regress_events_auditor;
SELECT source, role FROM tarot.security_event WHERE event_type = 'KEY';
SELECT code('TABLE tarot.audit_entry');
RESET ROLE;
SELECT * FROM fresh();

-- ------------------------------------------------------------ keys, classes, grants
SELECT tarot.create_key('profile') > 0 AS made;
SELECT tarot.rotate_key('profile');
SELECT tarot.set_key_state('profile', 1, 'compromised');
BEGIN;
SELECT tarot.destroy_key('profile', 1, force => true);
ROLLBACK;
SELECT code($$SELECT tarot.destroy_key('profile', 2)$$);
SELECT tarot.rotate_root_key();
SELECT tarot.create_class('email', key => 'profile', mask => 'email', searchable => true);
SELECT tarot.create_class('note', key => 'profile');
SELECT tarot.grant_class('email', 'regress_events_app', 'plain');
SELECT tarot.grant_class('email', NULL, 'masked', permission => 'customers:read');
SELECT tarot.revoke_class('email', NULL);
SELECT tarot.grant_class('email', 'regress_events_auditor', 'masked');
SELECT tarot.lock();
SELECT tarot.unlock();
SELECT * FROM fresh();

-- ------------------------------------------------------------ denials
CREATE TABLE person (id int PRIMARY KEY, email tarot.encrypted_text('email'), note tarot.encrypted_text('note'));
GRANT SELECT, INSERT, UPDATE ON person TO regress_events_app, regress_events_auditor, regress_events_nobody;
SET ROLE regress_events_app;
INSERT INTO person (id, email) SELECT g, g || '@example.org' FROM generate_series(1, 1000) g;
SELECT count(email::text) FROM person;
RESET ROLE;
-- What is allowed is none, and a mask is no denial.
SET ROLE regress_events_auditor;
SELECT count(email::text) FROM person;
RESET ROLE;
SELECT * FROM fresh();
-- A thousand values in a statement are one, of each class; another statement's is another.
SET ROLE regress_events_nobody;
SELECT count(email::text), count(note::text) FROM person;
SELECT min(email::text) FROM person;
SELECT code($$INSERT INTO person (id, email) VALUES (0, 'x')$$), code($$INSERT INTO person (id, note) VALUES (0, 'x')$$);
SELECT code($$SELECT FROM person WHERE email = 'x'$$);
COPY person (email) TO stdout;
-- Caught, they are none the less; a loop of them is one.
DO $$ BEGIN FOR i IN 1 .. 100 LOOP BEGIN INSERT INTO person (id, email) VALUES (0, 'x'); EXCEPTION WHEN insufficient_privilege THEN END; END LOOP; END $$;
RESET ROLE;
SELECT * FROM fresh();
-- Of the server's own those that reach the client.
SET ROLE regress_events_nobody;
SELECT tarot.grant_class('email', 'regress_events_nobody', 'plain');
TABLE tarot.key;
RESET ROLE;
SELECT * FROM fresh();
-- Not what a function calls so.
CREATE FUNCTION raise_it() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the secret is 42' USING ERRCODE = 'insufficient_privilege'; END $$;
SELECT raise_it();
SELECT * FROM fresh();
-- Break-glass, refused and not.
SELECT tarot.allow_break_glass('email', 'regress_events_nobody', '1 hour');
SET ROLE regress_events_nobody;
SELECT tarot.break_glass('note', 'reason enough') > now() AS given;
SELECT tarot.break_glass('email', 'reason enough') > now() AS given;
SELECT count(email::text) FROM person;
RESET ROLE;
SELECT * FROM fresh();
-- Tokens, of which nothing is on record.
SELECT code($$SELECT tarot.authenticate('secret.token.x')$$), code($$SELECT tarot.verify_jwt('eyJhbGciOiJub25lIn0.e30.')$$);
SELECT * FROM fresh();

-- Whom a good one named, with the prefix of its issuer, also when a savepoint brings it back, when it is no longer good, and until it is signed out.
SELECT tarot.create_issuer('idp', 'https://id.example.org', ARRAY['shop'], secret => 'a secret of thirty-two bytes or more', subject_prefix => 'idp:');
SELECT tarot.sign_jwt('{"sub": "zoé"}', 'idp') AS token \gset
BEGIN;
SELECT tarot.authenticate(:'token');
SAVEPOINT s;
SELECT tarot.authenticate(NULL);
SELECT tarot.log_security_event('NOBODY', NULL, NULL, NULL);
ROLLBACK TO s;
SELECT tarot.log_security_event('SOMEBODY', NULL, NULL, NULL);
SET LOCAL ROLE regress_events_app;
SELECT code($$INSERT INTO person (id, note) VALUES (0, 'x')$$);
COMMIT;
SELECT tarot.log_security_event('AFTER', NULL, NULL, NULL);
SELECT tarot.set_principal('idp:zoé', status => 'suspended');
SELECT code(format('SELECT tarot.authenticate(%L)', :'token'));
SELECT tarot.flush_events('3 min');
SELECT e.event_type, e.status, e.subject, replace(e.user_id, session_user, '(session)') AS user_id, e.details FROM tarot.security_event e WHERE (e.recorded_by, e.number) NOT IN (TABLE seen) ORDER BY e.occurred_at, e.recorded_by, e.number;
SELECT count(*) FROM fresh();

-- ------------------------------------------------------------ who ends an audit, and may not
CREATE TABLE ledger (id int PRIMARY KEY);
ALTER TABLE ledger OWNER TO regress_events_app;
SELECT tarot.audit_table('ledger');
SELECT count(*) >= 0 AS seen FROM fresh();
SET ROLE regress_events_app;
SELECT code('ALTER TABLE ledger DISABLE TRIGGER tarot_audit'), code('ALTER TABLE ledger DISABLE TRIGGER tarot_audit');
BEGIN;
DROP TRIGGER tarot_audit_truncate ON ledger;
ROLLBACK;
RESET ROLE;
SELECT * FROM fresh();

-- ------------------------------------------------------------ settings that the audit rests on
-- By whatever they are set, also for the time of a function, and in what is rolled back; not when they stay as they are.
SET session_replication_role = replica;
SET session_replication_role = replica;
RESET session_replication_role;
SELECT set_config('tarot_security.audit_value_limit', '2kB', false), set_config('tarot_security.log_audit_checkpoints', 'off', false);
RESET tarot_security.audit_value_limit;
RESET tarot_security.log_audit_checkpoints;
SELECT * FROM fresh();
CREATE FUNCTION as_replica() RETURNS text LANGUAGE plpgsql SET session_replication_role = replica AS $$ BEGIN RETURN current_setting('session_replication_role'); END $$;
SELECT as_replica();
BEGIN;
SELECT set_config('tarot_security.audit_checkpoint_file', '/nowhere', true);
ROLLBACK;
BEGIN;
SET LOCAL tarot_security.audit_seal_interval = '1h';
SET LOCAL work_mem = '1MB';
COMMIT;
SELECT * FROM fresh();
-- Who may not has changed nothing.
SET ROLE regress_events_app;
SELECT code($$SELECT set_config('session_replication_role', 'replica', false)$$);
RESET ROLE;
SELECT * FROM fresh();

-- ------------------------------------------------------------ again and again
-- The first is an event, those that follow are another together; none is lost. Each session, role, text and detail counts by itself.
CREATE VIEW counted AS SELECT e.event_type, e.action, replace(e.role, (SELECT rolname FROM pg_roles WHERE oid = 10), 'superuser') AS role, e.details, e.count, e.last_at >= e.occurred_at AND (e.last_at > e.occurred_at) = (e.count > 1) AS in_order
	FROM tarot.security_event e WHERE (e.recorded_by, e.number) NOT IN (TABLE seen) ORDER BY e.occurred_at, e.recorded_by, e.number;
SELECT repeated FROM tarot.event_queue \gset before_
SELECT count(tarot.log_security_event('LOOP', 'u', 'same', 'x', '{"n": 1}')) FROM generate_series(1, 10000);
SELECT count(tarot.log_security_event('LOOP', 'u', 'twice', 'x')) FROM generate_series(1, 2);
SELECT count(tarot.log_security_event('LOOP', 'u', 'differ', 'x', jsonb_build_object('n', n))) FROM generate_series(1, 3) n;
SET ROLE regress_events_app;
SELECT tarot.log_security_event('LOOP', 'u', 'same', 'x', '{"n": 1}');
RESET ROLE;
SELECT tarot.flush_events('3 min');
TABLE counted;
SELECT count(*) FROM fresh();
SELECT repeated - :before_repeated AS repeated FROM tarot.event_queue;
-- What is refused in one statement after the other.
SET ROLE regress_events_auditor;
SELECT format('SELECT code(%L)', 'INSERT INTO person (id, note) VALUES (0, ''x'')') FROM generate_series(1, 5) \gexec
TABLE tarot.key;
TABLE tarot.key;
TABLE tarot.key;
RESET ROLE;
SELECT tarot.flush_events('3 min');
TABLE counted;
SELECT count(*) FROM fresh();
-- Not what was done, nor what ends the audit: each of those is an event.
SELECT 'SELECT tarot.rotate_key(''profile'')' FROM generate_series(1, 3) \gexec
SET ROLE regress_events_app;
SELECT 'SELECT count(email::text) FROM person' FROM generate_series(1, 2) \gexec
SELECT 'SELECT code(''ALTER TABLE ledger DISABLE TRIGGER tarot_audit'')' FROM generate_series(1, 3) \gexec
RESET ROLE;
SELECT tarot.flush_events('3 min');
TABLE counted;
SELECT count(*) FROM fresh();
DROP TABLE ledger;

-- ------------------------------------------------------------ the view of changes has none of it
SELECT count(*) FROM tarot.audit_log l JOIN tarot.security_event e ON (l.transaction, l.number) = (e.recorded_by, e.number);
SELECT count(*) > 20 AS events, count(DISTINCT (recorded_by, number)) = count(*) AS each_once FROM tarot.security_event;
SELECT size, written >= (SELECT count(*) FROM tarot.security_event) AS written FROM tarot.event_queue;
SELECT database = current_database() AS here, duty, failures, sqlstate, last_run IS NOT NULL AS ran FROM tarot.worker_status WHERE database = current_database() OR database IS NULL ORDER BY 1, 2;

DROP TABLE person;
DROP EXTENSION tarot_security CASCADE;
DROP ROLE regress_events_app, regress_events_nobody, regress_events_auditor;

-- What touches the audit itself is on record, whatever tarot.audit_statements() was told; and who may not end it cannot.
SET client_min_messages = warning;
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE EXTENSION tarot_security;
\getenv source PG_ABS_SRCDIR
\i :source/sql/include/attempt.sql
CREATE ROLE regress_protect_owner;
CREATE ROLE regress_protect_app;
CREATE ROLE regress_protect_officer;
GRANT CREATE, USAGE ON SCHEMA public TO regress_protect_owner, regress_protect_officer;
GRANT EXECUTE ON FUNCTION tarot.audit_table, tarot.unaudit_table TO regress_protect_officer;
CREATE TABLE seen (transaction xid8, number bigint, PRIMARY KEY (transaction, number));
CREATE FUNCTION fresh() RETURNS SETOF seen LANGUAGE sql AS 'INSERT INTO seen SELECT l.transaction, l.number FROM tarot.audit_log l ON CONFLICT DO NOTHING RETURNING *';
-- By whom: the test's superuser is called "super" here. A table that is gone is known by its OID.
CREATE FUNCTION log() RETURNS TABLE (n bigint, operation text, table_name text, "by" text, old jsonb, new jsonb) LANGUAGE sql AS $$
	SELECT dense_rank() OVER (ORDER BY l.transaction), l.operation, l.table_name, regexp_replace(replace(l.role || CASE WHEN l.role <> l.session_role AND l.session_role <> current_user THEN ' for ' || l.session_role ELSE '' END, current_user, 'super'), 'regress_protect_', '', 'g'),
		regexp_replace(l.old::text, '"[0-9]+"', '"OID"')::jsonb, l.new - '{command,object}'::text[] FROM fresh() f JOIN tarot.audit_log l USING (transaction, number) ORDER BY l.transaction, l.number
$$;
CREATE VIEW enforced AS SELECT "table"::text, columns, exclude, enforced FROM tarot.audited_tables ORDER BY "table"::text;
SELECT count(*) FROM fresh();

SET ROLE regress_protect_owner;
CREATE TABLE ledger (id int PRIMARY KEY, v int, note text);
GRANT ALL ON ledger TO regress_protect_app;
CREATE TABLE whole (id int PRIMARY KEY, v int) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF whole DEFAULT;
SET ROLE regress_protect_officer;
SELECT tarot.audit_table('ledger', exclude => '{note}'), tarot.audit_table('whole');
RESET ROLE;
SELECT * FROM log();
TABLE enforced;

-- ------------------------------------------------------------ the owner of a table cannot
SET ROLE regress_protect_owner;
SELECT run('ALTER TABLE ledger DISABLE TRIGGER tarot_audit'), code('ALTER TABLE ledger DISABLE TRIGGER ALL'), code('ALTER TABLE ledger DISABLE TRIGGER USER'), code('ALTER TABLE ledger ENABLE TRIGGER tarot_audit'),
	code('ALTER TABLE ledger ENABLE REPLICA TRIGGER tarot_audit_truncate'), code('DROP TRIGGER tarot_audit ON ledger'), code('DROP TRIGGER tarot_audit_truncate ON ledger'), code('ALTER TRIGGER tarot_audit ON ledger RENAME TO other');
SELECT code($$CREATE OR REPLACE TRIGGER tarot_audit AFTER INSERT ON ledger FOR EACH ROW EXECUTE FUNCTION tarot.audit_change('exclude', 'note')$$),
	code($$CREATE OR REPLACE TRIGGER tarot_audit AFTER INSERT OR UPDATE OR DELETE ON ledger FOR EACH ROW WHEN (false) EXECUTE FUNCTION tarot.audit_change('exclude', 'note')$$),
	code($$CREATE OR REPLACE TRIGGER tarot_audit AFTER INSERT OR UPDATE OR DELETE ON ledger FOR EACH ROW EXECUTE FUNCTION tarot.audit_change('exclude', 'note', 'v')$$),
	code($$CREATE OR REPLACE TRIGGER tarot_audit_truncate AFTER TRUNCATE ON ledger EXECUTE FUNCTION suppress_redundant_updates_trigger()$$),
	code($$ALTER TABLE part DISABLE TRIGGER tarot_audit$$), code($$ALTER TABLE ONLY whole DISABLE TRIGGER tarot_audit$$), code($$DROP TRIGGER tarot_audit_truncate ON part$$);
DO $$ BEGIN EXECUTE 'ALTER TABLE ledger DISABLE TRIGGER ALL'; END $$;
SELECT code('SELECT tarot.unaudit_table(''ledger'')'), code('SELECT tarot.enforce_audit(''ledger''::regclass)'), code('SELECT tarot.forget_audited(''ledger''::regclass)'), code('DELETE FROM tarot.audited_table'), code('SELECT tarot.make_audit_triggers(''ledger''::regclass)');
-- What leaves them as they are is no matter.
ALTER TABLE ledger DISABLE TRIGGER USER, ENABLE ALWAYS TRIGGER tarot_audit, ENABLE ALWAYS TRIGGER tarot_audit_truncate;
ALTER TABLE ledger ADD more text, ALTER v TYPE bigint;
ALTER TABLE ledger RENAME TO book;
ALTER TABLE book RENAME note TO remark;
ALTER TABLE book RENAME TO ledger;
ALTER TABLE whole DETACH PARTITION part;
RESET ROLE;
TABLE enforced;
SELECT * FROM log();
-- Nor with the privilege TRIGGER, where the session's role is replication either.
GRANT SET ON PARAMETER session_replication_role TO regress_protect_app, regress_protect_owner;
SET ROLE regress_protect_app;
SET session_replication_role = replica;
SELECT code($$CREATE OR REPLACE TRIGGER tarot_audit AFTER INSERT ON ledger FOR EACH ROW WHEN (false) EXECUTE FUNCTION tarot.audit_change('exclude', 'remark')$$);
SET ROLE regress_protect_owner;
SELECT code('ALTER TABLE ledger DISABLE TRIGGER ALL');
ALTER TABLE ledger RENAME remark TO note;
CREATE TABLE part_2 PARTITION OF whole DEFAULT;
RESET session_replication_role;
RESET ROLE;
TABLE enforced;
SELECT * FROM log();

-- Nor is a column left out for the name of one that was.
SET ROLE regress_protect_owner;
CREATE TABLE names (id int PRIMARY KEY, a text, b text, c text);
SET ROLE regress_protect_officer;
SELECT tarot.audit_table('names', exclude => '{a,b}');
SET ROLE regress_protect_owner;
ALTER TABLE names DROP a;
ALTER TABLE names RENAME c TO a;
INSERT INTO names VALUES (1, 'hidden', 'shown');
ALTER TABLE names DROP b;
ALTER TABLE names RENAME a TO b;
UPDATE names SET b = 'shown, too';
RESET ROLE;
SELECT * FROM enforced WHERE "table" = 'names';
SELECT operation, table_name, old, new FROM log();
DROP TABLE names;
SELECT count(*) FROM fresh();

-- ------------------------------------------------------------ a superuser can, and that is on record
ALTER TABLE ledger DISABLE TRIGGER tarot_audit;
ALTER TABLE ledger ENABLE TRIGGER tarot_audit;
TABLE enforced;
ALTER TABLE ledger ENABLE ALWAYS TRIGGER tarot_audit;
TABLE enforced;
DROP TRIGGER tarot_audit ON ledger;
DROP TRIGGER tarot_audit_truncate ON ledger;
TABLE enforced;
SELECT tarot.audit_table('ledger', exclude => '{note}');
ALTER TRIGGER tarot_audit ON ledger RENAME TO other;
TABLE enforced;
CREATE OR REPLACE TRIGGER other AFTER INSERT ON ledger FOR EACH ROW EXECUTE FUNCTION tarot.audit_change('exclude');
SELECT tarot.audit_table('ledger', exclude => '{note}');
CREATE OR REPLACE TRIGGER tarot_audit AFTER INSERT OR UPDATE OR DELETE ON ledger FOR EACH ROW WHEN (false) EXECUTE FUNCTION tarot.audit_change('exclude', 'note');
TABLE enforced;
SELECT tarot.audit_table('ledger', exclude => '{note}');
SELECT tgname FROM pg_trigger WHERE tgrelid = 'ledger'::regclass ORDER BY tgname;
UPDATE pg_trigger SET tgenabled = 'D' WHERE tgname = 'tarot_audit' AND tgrelid = 'ledger'::regclass;
TABLE enforced;
WITH w AS (UPDATE pg_trigger SET tgenabled = 'A' WHERE tgname = 'tarot_audit' AND tgrelid = 'ledger'::regclass RETURNING 1) SELECT count(*) FROM w;
ALTER TABLE whole DISABLE TRIGGER ALL;
TABLE enforced;
SELECT tarot.audit_table('whole');
-- What was rolled back was not done.
BEGIN;
ALTER TABLE ledger DISABLE TRIGGER ALL;
ROLLBACK;
DO $$
BEGIN
	BEGIN
		ALTER TABLE ledger DISABLE TRIGGER tarot_audit;
		RAISE division_by_zero;
	EXCEPTION WHEN division_by_zero THEN
	END;
	ALTER TABLE ledger DISABLE TRIGGER tarot_audit_truncate;
END
$$;
ALTER TABLE ledger ENABLE ALWAYS TRIGGER tarot_audit_truncate;
SELECT * FROM log();

-- ------------------------------------------------------------ by way of functions both roles are on record
CREATE FUNCTION switch_off() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN ALTER TABLE public.ledger DISABLE TRIGGER tarot_audit; END';
SET SESSION AUTHORIZATION regress_protect_app;
SELECT switch_off();
RESET SESSION AUTHORIZATION;
ALTER TABLE ledger ENABLE ALWAYS TRIGGER tarot_audit;
SELECT * FROM log();

-- ------------------------------------------------------------ the log, its settings and what it rests on
UPDATE tarot.audit_entry SET role = 'nobody' WHERE role = 'regress_protect_nobody';
DELETE FROM tarot.audit_entry_default WHERE role = 'regress_protect_nobody';
INSERT INTO tarot.audit_entry SELECT * FROM tarot.audit_entry LIMIT 0;
COPY tarot.audit_entry FROM stdin;
\.
ALTER TABLE tarot.audit_entry ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON tarot.audit_entry USING (false);
DROP POLICY p ON tarot.audit_entry;
ALTER TABLE tarot.audit_entry DISABLE ROW LEVEL SECURITY;
CREATE RULE r AS ON DELETE TO tarot.audit_entry DO INSTEAD NOTHING;
DROP RULE r ON tarot.audit_entry;
ALTER TABLE tarot.audit_entry_default DISABLE TRIGGER owner_alone;
ALTER TABLE tarot.audit_entry_default ENABLE ALWAYS TRIGGER owner_alone;
CREATE TABLE tarot.audit_entry_old PARTITION OF tarot.audit_entry FOR VALUES FROM ('2000-01-01') TO ('2000-02-01');
ALTER TABLE tarot.audit_entry_old SET SCHEMA public;
TRUNCATE public.audit_entry_old;
ALTER TABLE tarot.audit_entry DETACH PARTITION public.audit_entry_old;
-- Empty it adds nothing; with entries it does.
ALTER TABLE tarot.audit_entry ATTACH PARTITION public.audit_entry_old FOR VALUES FROM ('2000-01-01') TO ('2000-02-01');
ALTER TABLE tarot.audit_entry DETACH PARTITION public.audit_entry_old;
INSERT INTO public.audit_entry_old (recorded_at, transaction, number, system, statement, relation, operation, table_name, role, session_role) VALUES ('2000-01-02', '1', 0, 0, 0, 0, 'I', 'forged', 'forged', 'forged');
ALTER TABLE tarot.audit_entry ATTACH PARTITION public.audit_entry_old FOR VALUES FROM ('2000-01-01') TO ('2000-02-01');
DROP TABLE public.audit_entry_old;
ALTER EVENT TRIGGER tarot_security_follow_audit DISABLE;
ALTER EVENT TRIGGER tarot_security_follow_audit ENABLE ALWAYS;
SELECT run('DROP EVENT TRIGGER tarot_security_follow_audit');
CREATE OR REPLACE FUNCTION tarot.follow_audit() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
GRANT EXECUTE ON FUNCTION tarot.unaudit_table TO regress_protect_owner;
REVOKE EXECUTE ON FUNCTION tarot.unaudit_table FROM regress_protect_owner;
GRANT SELECT ON tarot.audit_log TO regress_protect_app;
ALTER EXTENSION tarot_security DROP EVENT TRIGGER tarot_security_follow_audit_rename;
DROP EVENT TRIGGER tarot_security_follow_audit_rename;
SET tarot_security.audit_value_limit = '2MB';
SET LOCAL session_replication_role = replica;
RESET tarot_security.audit_value_limit;
ALTER ROLE regress_protect_app SET session_replication_role = replica;
ALTER ROLE regress_protect_app RESET session_replication_role;
SELECT * FROM log();
-- What has nothing to do with it is not on record.
CREATE TABLE other (id int PRIMARY KEY);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER nothing AFTER INSERT ON other FOR EACH ROW EXECUTE FUNCTION nothing();
ALTER TABLE other DISABLE TRIGGER ALL;
ALTER TABLE other ADD v text;
TRUNCATE other;
CREATE TRIGGER nothing AFTER INSERT ON ledger FOR EACH ROW EXECUTE FUNCTION nothing();
DROP TRIGGER nothing ON ledger;
DROP TABLE other;
COPY ledger TO stdout;
COMMENT ON TABLE tarot.audit_entry IS 'the log';
SET work_mem = '8MB';
RESET work_mem;
CREATE TEMP TABLE t (a int);
DROP TABLE t;
SELECT * FROM log();

-- ------------------------------------------------------------ a table that is dropped
SET ROLE regress_protect_owner;
CREATE TABLE gone (id int);
RESET ROLE;
SELECT tarot.audit_table('gone');
SET ROLE regress_protect_owner;
DROP TABLE gone;
DROP TABLE part, whole;
RESET ROLE;
TABLE enforced;
CREATE SCHEMA s CREATE TABLE gone (id int);
SELECT tarot.audit_table('s.gone');
SELECT count(*) FROM fresh();
SET client_min_messages = error;
DROP SCHEMA s CASCADE;
SELECT * FROM log();
SELECT count(*) FROM tarot.audited_table;

DROP OWNED BY regress_protect_owner, regress_protect_app, regress_protect_officer CASCADE;
DROP EXTENSION tarot_security CASCADE;
DROP ROLE regress_protect_owner, regress_protect_app, regress_protect_officer;

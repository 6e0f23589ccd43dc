-- Data subjects who are erased: what is done, in which order, and what refuses.
\getenv source PG_ABS_SRCDIR
\i :source/sql/include/subjects.sql
CREATE ROLE regress_subjects_owner;
GRANT CREATE ON SCHEMA public TO regress_subjects_owner;
GRANT EXECUTE ON FUNCTION tarot.set_erasure, tarot.hold_subject, tarot.release_subject, tarot.erase_subject, tarot.erasure_certificate, tarot.subject_pseudonym, tarot.export_erasures, tarot.import_erasure,
	tarot.replay_erasures, tarot.forget_erasures TO regress_subjects_officer;
SELECT run(m.statement) FROM tarot.subject_map('customer', 'id') m WHERE m.statement IS NOT NULL;
SELECT tarot.register_subject_table('note', 'author'), tarot.register_subject_table('ticket', 'email');
SELECT format('ALTER TABLE %s OWNER TO regress_subjects_owner', t) FROM unnest('{customer,orders,item,visit,visit_2026,visit_rest,meeting,meeting_video,remark,department,employee,note,message,ticket}'::text[]) t \gexec
CREATE FUNCTION erase(subject text, dry_run boolean DEFAULT false) RETURNS TABLE ("table" text, action text, "rows" bigint, legal_basis text, problem text) LANGUAGE sql AS $$
	SELECT e."table", e.action, e.rows, e.legal_basis, e.problem FROM tarot.erase_subject(subject, dry_run) e
$$;

-- ------------------------------------------------------------ who may
SET ROLE regress_subjects_support;
SELECT code(s) FROM unnest(ARRAY[$$SELECT tarot.set_erasure('note', 'delete')$$, $$SELECT tarot.hold_subject('1', 'x')$$, $$SELECT tarot.release_subject('1')$$, $$SELECT tarot.erase_subject('1')$$, $$SELECT tarot.erasure_certificate(NULL)$$,
	$$SELECT tarot.subject_pseudonym('1')$$, 'SELECT tarot.export_erasures()', $$SELECT tarot.import_erasure('')$$, 'SELECT tarot.replay_erasures()', 'SELECT tarot.forget_erasures(now())', 'TABLE tarot.erasure', 'TABLE tarot.subject_hold', 'TABLE tarot.subject_rule',
	$$SELECT tarot.run_as_owner('customer'::regclass, 'SELECT 1::bigint', '1')$$, $$SELECT tarot.erase_rows('1', true)$$, $$SELECT tarot.record_erasure('{}')$$]) s;
SET ROLE regress_subjects_officer;

-- ------------------------------------------------------------ rules
SELECT run($$SELECT tarot.set_erasure('country', 'delete')$$), run($$SELECT tarot.set_erasure('note', 'burn')$$), run($$SELECT tarot.set_erasure('note', 'keep')$$), run($$SELECT tarot.set_erasure('note', 'keep', E'a\nb')$$),
	run($$SELECT tarot.set_erasure('note', 'delete', NULL, '{"id": 1}')$$), run($$SELECT tarot.set_erasure('note', 'anonymize', NULL, '{"nothing": 1}')$$), run($$SELECT tarot.set_erasure('note', 'anonymize', NULL, '[]')$$), run($$SELECT tarot.set_erasure('note', NULL)$$);

-- ------------------------------------------------------------ dry runs
-- The owner of the tickets may not search their addresses.
SELECT run($$SELECT tarot.erase_subject('1')$$);
RESET ROLE;
SELECT tarot.grant_class('email', 'regress_subjects_owner', search => true);
SET ROLE regress_subjects_officer;
SELECT * FROM erase('1', true);
SELECT run($$SELECT tarot.erase_subject('')$$), run('SELECT tarot.erase_subject(NULL)'), run($$SELECT tarot.erase_subject('1', NULL)$$);
-- It has done nothing, and left nothing.
RESET ROLE;
SELECT count(*) FROM customer; SELECT count(*) FROM tarot.erasure;

-- ------------------------------------------------------------ refused, with nothing done
SET ROLE regress_subjects_officer;
SELECT tarot.hold_subject('1', 'court case 12/2026');
SELECT run($$SELECT tarot.hold_subject('1', 'again')$$), run($$SELECT tarot.hold_subject('1', '')$$), run($$SELECT tarot.release_subject('2')$$);
SELECT "table", action, problem FROM erase('1', true) WHERE problem IS NOT NULL;
SELECT run($$SELECT tarot.erase_subject('1', false)$$);
SELECT tarot.release_subject('1');
RESET ROLE;
SELECT subject, reason, held_by = session_user AS held_by, released_at > held_at AS released FROM tarot.subject_hold;

-- Rows of others that refer to the subject's; a table that is not registered; one that is kept.
INSERT INTO remark VALUES (5, 2, 1, 'another''s answer to the first');
CREATE TABLE voucher (customer_id int REFERENCES customer ON DELETE CASCADE, code text); INSERT INTO voucher VALUES (1, 'secret code');
CREATE TABLE favourite (customer_id int REFERENCES customer ON DELETE SET NULL, card text); INSERT INTO favourite VALUES (1, 'The World');
SELECT tarot.set_erasure('orders', 'keep', 'Tax law: ten years');
SELECT "table", action, "rows", problem FROM erase('1', true) WHERE problem IS NOT NULL OR action = 'unlink';
SELECT run($$SELECT tarot.erase_subject('1', false)$$);
SELECT count(*) FROM customer;
-- Anonymized, its rows stay where they are referred to.
SELECT tarot.set_erasure('remark', 'anonymize', NULL, '{"said": "[erased]", "customer_id": null}'), tarot.set_erasure('customer', 'anonymize');
SELECT tarot.register_subject_table('voucher', 'customer_id');
SELECT "table", action, "rows", legal_basis, problem FROM erase('1', true) WHERE "table" IN ('public.remark', 'public.customer', 'public.orders', 'public.voucher');
ALTER TABLE customer ALTER name SET NOT NULL;
SELECT "table", problem FROM erase('1', true) WHERE problem IS NOT NULL;
SELECT tarot.set_erasure('customer', 'anonymize', NULL, '{"name": "[erased]"}');
-- The owner may not write what it is to replace.
SELECT "table", problem FROM erase('1', true) WHERE problem IS NOT NULL;
SELECT tarot.grant_class('nickname', 'regress_subjects_owner', write => true);
SELECT tarot.set_erasure('note', 'shred');
SELECT "table", action, "rows", problem FROM erase('1', true) WHERE "table" IN ('public.note', 'diary');
SELECT tarot.set_erasure('message', 'shred');
SELECT "table", action, "rows", problem FROM erase('1', true) WHERE problem IS NOT NULL;
SELECT tarot.set_erasure('message', 'delete');
-- Row security that holds for the owner, too.
ALTER TABLE visit ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SELECT run($$SELECT tarot.erase_subject('1')$$);
ALTER TABLE visit NO FORCE ROW LEVEL SECURITY;

-- ------------------------------------------------------------ triggers run as the owner, and no further
CREATE TABLE witness (role text, path text, message text);
GRANT ALL ON witness TO regress_subjects_owner;
SET ROLE regress_subjects_owner;
CREATE FUNCTION bear_witness() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.witness VALUES (current_user, current_setting('search_path'), public.code('RESET ROLE') || public.code('RESET SESSION AUTHORIZATION'));
	RETURN OLD;
END
$$;
CREATE TRIGGER bear_witness BEFORE DELETE ON meeting_video FOR EACH ROW EXECUTE FUNCTION bear_witness();
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the card of % is %', OLD, OLD.card USING ERRCODE = 'XX001'; END $$;
CREATE TRIGGER tell BEFORE DELETE ON item FOR EACH ROW EXECUTE FUNCTION tell();
RESET ROLE;
-- What it says of a person is not repeated, and nothing is done.
SELECT run($$SELECT tarot.erase_subject('1', false)$$);
SELECT count(*) FROM meeting; SELECT count(*) FROM witness; SELECT count(*) FROM tarot.erasure;
DROP TRIGGER tell ON item;
-- A constraint neither.
ALTER TABLE customer ADD CONSTRAINT nobody_is_erased CHECK (name <> '[erased]');
SELECT run($$SELECT tarot.erase_subject('1', false)$$);
ALTER TABLE customer DROP CONSTRAINT nobody_is_erased;

-- ------------------------------------------------------------ done
SELECT tarot.audit_table('customer'), tarot.audit_table('item');
-- Deferred constraints are not in the way of what runs with an owner's rights.
ALTER TABLE item ALTER CONSTRAINT item_order_id_fkey DEFERRABLE INITIALLY DEFERRED;
SET ROLE regress_subjects_officer;
SELECT * FROM erase('1');
RESET ROLE;
SELECT * FROM witness;
SET ROLE regress_subjects_app;
SELECT id, name, email IS NULL AS email, phone IS NULL AS phone, born IS NULL AS born FROM customer ORDER BY id;
RESET ROLE;
SELECT * FROM remark ORDER BY id;
SELECT * FROM orders ORDER BY shop, id; SELECT * FROM item ORDER BY shop, order_id, line; SELECT * FROM favourite; SELECT * FROM voucher;
SELECT * FROM employee; SELECT * FROM department; SELECT * FROM visit; SELECT * FROM meeting; SELECT * FROM message;
SET ROLE regress_subjects_app;
SELECT id, author, body FROM note ORDER BY id;
RESET ROLE;
-- Changes are on record as of the owner, and the certificate as of who did it, with nothing that says of whom it is.
SELECT operation, table_name, role, count(*) FROM tarot.audit_log WHERE operation IN ('UPDATE', 'DELETE', 'ERASE SUBJECT') AND table_name NOT LIKE 'tarot.%' OR operation = 'ERASE SUBJECT' GROUP BY 1, 2, 3 ORDER BY 1, 2;
SELECT e.erasure_id AS erasure FROM tarot.erasure e \gset
SELECT tarot.erasure_certificate(:'erasure') - 'recorded_at' - 'entry' - 'certificate' - 'session_role', c->'tables', c->'not_reached', c->'pseudonym' = to_jsonb(tarot.subject_pseudonym('1')) AS pseudonym, c->'erasure' = to_jsonb(:'erasure'::text) AS erasure
	FROM (SELECT tarot.erasure_certificate(:'erasure')->'certificate') AS t (c);
SELECT tarot.subject_pseudonym('1') ~ '^[0-9a-f]{32}$', tarot.subject_pseudonym('1') <> tarot.subject_pseudonym('2'), e.sealed NOT LIKE '%1%' OR length(e.sealed) > 50, e.report::text LIKE '%"1"%' FROM tarot.erasure e;
-- Sealed, it proves itself.
SELECT tarot.seal_audit() > 0;
SELECT c->'sealed', tarot.verify_inclusion(decode(c->>'leaf', 'hex'), (c->>'position')::bigint, (c->>'tree_size')::bigint, ARRAY(SELECT decode(p, 'hex') FROM jsonb_array_elements_text(c->'proof') WITH ORDINALITY AS u (p, i) ORDER BY i), k.root),
	tarot.verify_checkpoint(c->>'checkpoint', ARRAY(SELECT public_key FROM tarot.audit_signers))
	FROM (SELECT tarot.erasure_certificate(:'erasure')) AS t (c) JOIN tarot.audit_checkpoint k ON k.size = (c->>'tree_size')::bigint;
SELECT run($$SELECT tarot.erasure_certificate('00000000-0000-0000-0000-000000000000')$$), run('SELECT tarot.erasure_certificate(NULL)');
-- Nothing is left to be done.
SELECT "table", action, "rows" FROM erase('1', true) WHERE action IN ('delete', 'anonymize') AND "rows" > 0;
-- By an address that is encrypted.
SELECT "table", action, "rows" FROM erase('anna@example.fr') WHERE "rows" > 0;

-- ------------------------------------------------------------ again
SELECT "rows", problem FROM tarot.replay_erasures();
INSERT INTO meeting VALUES (9, 1); INSERT INTO message VALUES (1, 3, 'late');
SELECT "rows", problem FROM tarot.replay_erasures(dry_run => true) ORDER BY "rows";
SELECT "rows", problem FROM tarot.replay_erasures(now() + '1 day');
SELECT tarot.hold_subject('1', 'new case');
SELECT "rows", problem FROM tarot.replay_erasures() ORDER BY "rows";
SELECT tarot.release_subject('1');
SELECT "rows", problem FROM tarot.replay_erasures() ORDER BY "rows";
SELECT * FROM meeting; SELECT * FROM message;
-- One who cannot be erased keeps nobody else from being: a trigger that fails, whatever it says.
SELECT tarot.grant_class('email', current_user::regrole, write => true);
INSERT INTO meeting VALUES (10, 1); INSERT INTO ticket VALUES ('anna@example.fr', 'secret');
SELECT tarot.revoke_class('email', current_user::regrole);
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'rows of %', OLD USING ERRCODE = 'P0001'; END $$;
CREATE TRIGGER fail BEFORE DELETE ON ticket FOR EACH ROW EXECUTE FUNCTION fail();
SELECT "rows", problem FROM tarot.replay_erasures() ORDER BY "rows";
CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM 1 / 0; END $$;
INSERT INTO meeting VALUES (10, 1);
SELECT "rows", problem FROM tarot.replay_erasures() ORDER BY "rows";
DROP FUNCTION fail CASCADE;
SELECT "rows", problem FROM tarot.replay_erasures() ORDER BY "rows";
SELECT operation, new->>'erasure' = :'erasure' AS erasure, jsonb_path_query_array(new, '$.tables[*] ? (@.rows > 0)') FROM tarot.audit_log WHERE operation = 'ERASE SUBJECT AGAIN';

-- From outside: what was exported, and nothing else.
CREATE TABLE outside AS SELECT l AS line FROM tarot.export_erasures() l;
SELECT count(*), bool_and(line LIKE '%$tarot1$%'), bool_or(line LIKE '%anna@example.fr%') FROM outside;
SELECT tarot.import_erasure(line) FROM outside;
SELECT run(format('SELECT tarot.import_erasure(%L)', l)) FROM unnest(ARRAY['', '{}', '[]', '{"erasure_id": "x"}']) l;
SELECT tarot.import_erasure(NULL);
SELECT code(format('SELECT tarot.import_erasure(%L)', replace(line, :'erasure', '00000000-0000-0000-0000-000000000000'))) FROM outside WHERE line LIKE '%' || :'erasure' || '%';
-- Nor what was changed in it, by whoever made it look so: all of a line is bound to what was sealed.
SELECT run(format('SELECT tarot.import_erasure(%L)', (line::jsonb || c)::text)) FROM outside, unnest('{"{\"erased_at\": \"infinity\"}","{\"erased_at\": null}","{\"report\": 1, \"system\": \"x\"}"}'::jsonb[]) c WHERE line LIKE '%' || :'erasure' || '%';
SELECT c.key, code(format('SELECT tarot.import_erasure(%L)', (line::jsonb || jsonb_build_object(c.key, c.value))::text)) FROM outside, jsonb_each('{"erased_at": "2020-01-01 00:00:00+00", "report": [], "erased_by": "nobody", "system": 1, "transaction": "1", "audit_details": true, "pseudonym": "00"}') c
	WHERE line LIKE '%' || :'erasure' || '%' ORDER BY c.key;
-- Forgotten, who it was; that it was, not.
SELECT tarot.forget_erasures('-infinity'), tarot.forget_erasures('infinity'), tarot.forget_erasures('infinity');
SELECT count(*), count(sealed) FROM tarot.erasure;
SELECT count(*) FROM tarot.replay_erasures(); SELECT count(*) FROM tarot.export_erasures();
SELECT tarot.import_erasure(line) FROM outside;

-- ------------------------------------------------------------ rules follow their columns
ALTER TABLE remark RENAME said TO words;
SELECT columns, "values" FROM tarot.subject_rule WHERE relation = 'remark'::regclass;
-- A circle of two owners.
ALTER TABLE department OWNER TO CURRENT_USER;
SELECT "table", problem FROM erase('2', true) WHERE problem IS NOT NULL;
SELECT run($$SELECT tarot.erase_subject('2', false)$$);
ALTER TABLE department OWNER TO regress_subjects_owner;
-- What the transaction has deferred before is done by who deferred it, not with the rights of the extension's owner.
GRANT INSERT ON witness TO regress_subjects_officer; GRANT CREATE ON SCHEMA public TO regress_subjects_officer; TRUNCATE witness;
SET ROLE regress_subjects_officer;
CREATE TABLE own (i int);
CREATE CONSTRAINT TRIGGER bear_witness AFTER INSERT ON own DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION bear_witness();
BEGIN;
INSERT INTO own VALUES (1);
SELECT count(*) FROM tarot.erase_subject('5', false);
RESET ROLE;
SELECT * FROM witness;
ROLLBACK;
RESET ROLE;
DROP TABLE own; REVOKE CREATE ON SCHEMA public FROM regress_subjects_officer;
-- Locked against writers; not where that would not help.
BEGIN;
SELECT count(*) FROM tarot.erase_subject('3', false, true) WHERE "rows" > 0;
SELECT DISTINCT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'visit'::regclass AND mode = 'ShareRowExclusiveLock';
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT tarot.erase_subject('3', false, true);
ROLLBACK;

-- Triggers that keep rows, or put them into another table: nobody is told that they are gone who are not.
RESET ROLE;
CREATE TABLE a_former_visit (customer_id int, day date); ALTER TABLE a_former_visit OWNER TO regress_subjects_owner;
CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE FUNCTION remember() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.a_former_visit VALUES (old.customer_id); RETURN old; END $$;
SELECT tarot.register_subject_table('a_former_visit', 'customer_id');
CREATE TRIGGER stay BEFORE DELETE OR UPDATE ON visit FOR EACH ROW EXECUTE FUNCTION stay();
INSERT INTO visit (customer_id, day) VALUES (3, '2026-11-22');
SELECT run($$SELECT tarot.erase_subject('3', false)$$);
DROP TRIGGER stay ON visit;
CREATE TRIGGER remember BEFORE DELETE ON visit FOR EACH ROW EXECUTE FUNCTION remember();
SELECT "table", "rows" > 0 AS some FROM erase('3') WHERE "table" IN ('visit', 'public.visit', 'public.a_former_visit') ORDER BY 1;
SELECT count(*) FROM a_former_visit;
DROP FUNCTION remember, stay CASCADE;

DROP OWNED BY regress_subjects_owner CASCADE;
DROP TABLE address, country, forgotten, voucher, favourite, witness, outside CASCADE;
DROP EXTENSION tarot_security CASCADE;
DROP ROLE regress_subjects_app, regress_subjects_support, regress_subjects_officer, regress_subjects_owner;

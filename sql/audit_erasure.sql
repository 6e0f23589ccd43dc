-- Details of the audit log that are erased: leaves and proofs stay, it is on record, and who erases by hand is found.
SET client_min_messages = warning;
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE EXTENSION tarot_security;
\getenv source PG_ABS_SRCDIR
\i :source/sql/include/attempt.sql
SET client_min_messages = error;
CREATE ROLE regress_erasure_officer;
GRANT EXECUTE ON FUNCTION tarot.erase_audit_details, tarot.erase_audit_entries TO regress_erasure_officer;
SELECT tarot.create_key('k') > 0 AS made;
CREATE TABLE person (id int, branch text, name text, PRIMARY KEY (id, branch));
CREATE TABLE "Odd person" (name text PRIMARY KEY);
SELECT tarot.audit_table('person'), tarot.audit_table('"Odd person"');
CREATE FUNCTION found() RETURNS TABLE (finding text, first bigint, last bigint, detail text) LANGUAGE sql AS $$
	SELECT v.finding, v.first_position, v.last_position, v.detail FROM tarot.verify_audit() v WHERE v.finding <> 'not sealed' ORDER BY v.finding COLLATE "C", v.first_position, v.last_position
$$;
CREATE FUNCTION tamper(statement text) RETURNS TABLE (finding text, first bigint, last bigint, detail text) LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		EXECUTE statement;
		RETURN QUERY SELECT * FROM found();
		RAISE EXCEPTION USING ERRCODE = 'ZZZZZ';
	EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
	END;
END $$;
-- What is left of entries about people; their text is nowhere.
CREATE VIEW left_of AS SELECT operation, key, old, new, octet_length(salt) AS salt FROM tarot.audit_entry WHERE table_name IN ('public.person', 'public."Odd person"') AND operation <> 'R' ORDER BY transaction, number;

INSERT INTO person VALUES (1, 'a', 'Ada'), (2, 'a', 'Bob'), (3, 'b', repeat('long ', 2000));
UPDATE person SET name = 'Ada Lovelace' WHERE id = 1;
UPDATE person SET id = 10, branch = 'c' WHERE id = 1;
UPDATE person SET name = 'Ada King' WHERE id = 10;
INSERT INTO "Odd person" VALUES ('Eve');
SELECT tarot.seal_audit();
SELECT e.system, e.transaction, e.number INTO TEMPORARY TABLE former FROM tarot.audit_entry e WHERE table_name = 'public.person';
SELECT operation, key, old, left(new::text, 40) AS new, salt FROM left_of;

-- ------------------------------------------------------------ refused
SET ROLE regress_erasure_officer;
SELECT run($$SELECT tarot.erase_audit_details('person', '{"id": 1, "branch": "a"}', NULL)$$), run($$SELECT tarot.erase_audit_details('person', '{"id": 1, "branch": "a"}', ' ')$$);
SELECT code($$SELECT tarot.erase_audit_details(NULL, '{"id": 1}', 'x')$$), code($$SELECT tarot.erase_audit_details('person', NULL, 'x')$$), code($$SELECT tarot.erase_audit_details('person', '{}', 'x')$$), code($$SELECT tarot.erase_audit_details('person', '5', 'x')$$),
	code($$SELECT tarot.erase_audit_entries('{1}', '{}', 'x')$$), code($$SELECT tarot.erase_audit_entries(NULL, '{}', 'x')$$), code($$SELECT tarot.erase_audit_entries('{1}', '{1}', 'x', '{}')$$), code($$SELECT tarot.erase_audit_entries('{1}', '{1}', '')$$);
-- What there is not, and part of a key.
SELECT tarot.erase_audit_details('person', '{"id": 77, "branch": "a"}', 'x'), tarot.erase_audit_details('person', '{"id": 10}', 'x'), tarot.erase_audit_entries('{1,2}', '{1,2}', 'x'), tarot.erase_audit_entries('{}', '{}', 'x');
RESET ROLE;
SELECT count(*) FROM tarot.audit_entry WHERE operation = 'R';

-- ------------------------------------------------------------ a row, under all keys that it had
SET ROLE regress_erasure_officer;
SELECT tarot.erase_audit_details('person', '{"id": 10, "branch": "c"}', 'ticket 4711');
SELECT tarot.erase_audit_details('person', '{"id": 10, "branch": "c"}', 'ticket 4711');
RESET ROLE;
SELECT operation, key, old, left(new::text, 40) AS new, salt FROM left_of;
SELECT l.operation, l.table_name, l.new->>'reason' AS reason, l.new->'entries' AS entries, l.new->>'erased' = (SELECT string_agg(format('%s/%s/%s-%s', e.system, e.transaction, e.number, e.number), ' ' ORDER BY e.transaction) FROM tarot.audit_entry e WHERE octet_length(e.salt) = 32) AS these, l.session_role = session_user AS session_role
	FROM tarot.audit_log l WHERE l.operation = 'ERASE AUDIT DETAILS' ORDER BY l.transaction, l.number;
-- No entry but that.
SELECT count(*) FROM tarot.audit_entry WHERE transaction = (SELECT transaction FROM tarot.audit_entry WHERE operation = 'R');
SELECT * FROM found();
SELECT tarot.seal_audit();
SELECT * FROM found();
SELECT count(*) AS proofs, bool_and(tarot.verify_inclusion(p.leaf, p.position, p.tree_size, p.proof, c.root)) AS all_good
	FROM former h, tarot.inclusion_proof(h.system, h.transaction, h.number) p JOIN tarot.audit_checkpoint c ON c.size = p.tree_size;
SELECT count(*) FROM tarot.audit_history('person', '{"id": 10, "branch": "c"}');
VACUUM tarot.audit_entry_default;

-- ------------------------------------------------------------ before it is sealed, and in the transaction itself
BEGIN;
DELETE FROM person WHERE id = 2;
SELECT tarot.erase_audit_details('person', '{"id": 2, "branch": "a"}', 'erased as a whole');
INSERT INTO person VALUES (4, 'a', 'Dan');
COMMIT;
SELECT operation, key, old, left(new::text, 40) AS new, salt FROM left_of;
SELECT tarot.seal_audit();
SELECT * FROM found();
-- Named: also what has no key, and many at once.
SELECT tarot.erase_audit_entries(array_agg(transaction), array_agg(number), 'named', array_agg(system)) FROM tarot.audit_entry WHERE table_name = 'public."Odd person"';
INSERT INTO person SELECT g, 'many', 'x' || g FROM generate_series(1000, 1999) g;
SELECT tarot.erase_audit_entries(array_agg(transaction), array_agg(number), 'many') FROM tarot.audit_entry WHERE key->>'branch' = 'many';
SELECT tarot.seal_audit();
SELECT * FROM found();
SELECT count(*) FROM left_of WHERE new::text LIKE '%Eve%' OR key->>'branch' = 'many';
-- Rolled back.
BEGIN;
SELECT tarot.erase_audit_details('person', '{"id": 4, "branch": "a"}', 'not really');
ROLLBACK;
SELECT count(*) FROM left_of WHERE key->>'id' = '4';
-- Statements and retention tell of themselves for ever.
GRANT SELECT ON tarot.audit_log TO regress_erasure_officer;
SELECT run(format('SELECT tarot.erase_audit_entries(%L, %L, %L)', array_agg(transaction), array_agg(number), 'x')) FROM tarot.audit_entry WHERE operation IN ('S', 'R') GROUP BY operation ORDER BY operation;

-- ------------------------------------------------------------ by hand
SELECT tarot.seal_audit() > 0 AS sealed;
-- Who knows docs/formats.md makes the commitment; no sealed entry tells of it.
CREATE FUNCTION erase_by_hand(name text) RETURNS void LANGUAGE sql AS $$
	UPDATE tarot.audit_entry e SET key = NULL, old = NULL, new = NULL, salt = sha256(int4send(6) || (SELECT string_agg(int8send(octet_length(i)) || i, ''::bytea ORDER BY n)
		FROM unnest(ARRAY['tarot_security v1 details'::bytea, e.salt, '\x05', convert_to(e.key::text, 'UTF8'), '', convert_to(e.new::text, 'UTF8')]) WITH ORDINALITY AS u (i, n))) WHERE e.operation = 'I' AND e.new->>'name' = erase_by_hand.name
$$;
SELECT finding, detail FROM tamper($$SELECT erase_by_hand('Dan')$$);
-- With an evidence that is not sealed; and with one that is about others.
SELECT finding, detail FROM tamper($$INSERT INTO tarot.audit_entry SELECT clock_timestamp(), pg_current_xact_id(), 1000, e.system, 0, 0, 'R', NULL, 'x', 'x', NULL, NULL, NULL, NULL, NULL, jsonb_build_object('erased', format('%s/%s/1-9', e.system, e.transaction)), '\x00' FROM tarot.audit_entry e WHERE e.new->>'name' = 'Dan';
	SELECT erase_by_hand('Dan')$$);
-- The evidence removed or changed.
SELECT finding, last - first AS more, detail FROM tamper($$DELETE FROM tarot.audit_entry WHERE operation = 'R' AND new->>'reason' = 'many'$$);
SELECT finding, detail FROM tamper($$UPDATE tarot.audit_entry SET new = new || '{"reason": "better"}' WHERE operation = 'R' AND new->>'reason' = 'ticket 4711'$$);
-- Details put back, others, or a commitment to others.
SELECT finding, detail FROM tamper($$UPDATE tarot.audit_entry SET new = '{"name": "Mallory"}' WHERE operation = 'I' AND new IS NULL AND number < 3 AND transaction = (SELECT min(transaction) FROM former)$$);
SELECT finding, detail FROM tamper($$UPDATE tarot.audit_entry SET salt = decode(repeat('00', 32), 'hex') WHERE operation = 'I' AND new IS NULL AND number < 2 AND transaction = (SELECT min(transaction) FROM former)$$);
-- What an erased entry still says.
SELECT finding, detail FROM tamper($$UPDATE tarot.audit_entry SET role = 'nobody' WHERE operation = 'U' AND new IS NULL AND transaction = (SELECT max(transaction) FROM former)$$);

-- ------------------------------------------------------------ the key of a data subject destroyed: the log has envelopes that nobody opens
SELECT tarot.create_class('name', 'k', per_subject => true);
SELECT tarot.grant_class('name', 'regress_erasure_officer', 'plain');
CREATE TABLE member (id int PRIMARY KEY, name tarot.encrypted_text('name'));
GRANT SELECT, INSERT, UPDATE ON member TO regress_erasure_officer;
SELECT tarot.set_subject('member', 'name', 'id') AS sealed, tarot.audit_table('member');
SET ROLE regress_erasure_officer;
INSERT INTO member VALUES (1, 'Ada'), (2, 'Bob');
UPDATE member SET name = 'Ada Lovelace' WHERE id = 1;
RESET ROLE;
SELECT tarot.seal_audit() > 0 AS sealed;
-- What the log has of the names, read by who may read them.
CREATE TABLE copy (entry serial PRIMARY KEY, key jsonb, name tarot.encrypted_text('name'));
GRANT SELECT ON copy TO regress_erasure_officer;
SET tarot_security.io = 'envelope';
SELECT count(*) FROM (SELECT run(format('INSERT INTO copy (key, name) VALUES (%L, %L)', l.key, l.new->>'name')) AS how FROM (SELECT * FROM tarot.audit_log ORDER BY transaction, number) l WHERE l.table_name = 'public.member' AND l.new ? 'name') r WHERE how = 'ok';
RESET tarot_security.io;
SET ROLE regress_erasure_officer;
SELECT key, name FROM copy ORDER BY entry;
RESET ROLE;
SELECT tarot.destroy_subject_key('name', '1') AS destroyed;
SET ROLE regress_erasure_officer;
SELECT key, name FROM copy ORDER BY entry;
RESET ROLE;
-- The log is what was sealed all the same.
SELECT * FROM found();
SELECT count(*) FROM tarot.audit_entry WHERE table_name = 'public.member' AND new ? 'name';

DROP OWNED BY regress_erasure_officer;
DROP ROLE regress_erasure_officer;

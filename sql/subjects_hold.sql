-- Legal holds of data subjects on record: who put whom on hold, when and why, without their name.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
CREATE ROLE regress_hold_officer; CREATE ROLE regress_hold_clerk;
GRANT EXECUTE ON FUNCTION tarot.hold_subject, tarot.release_subject, tarot.subject_pseudonym TO regress_hold_officer;
CREATE VIEW told AS SELECT a.operation, a.role, a.new->>'type' AS type, a.new->>'reason' AS reason, a.new->>'pseudonym' AS pseudonym, (a.new->>'held_at')::timestamptz AS held_at, a.recorded_at FROM tarot.audit_log a WHERE a.operation LIKE '%SUBJECT%' ORDER BY a.recorded_at;
RESET client_min_messages;
\set ECHO all
\pset null '(null)'

-- ------------------------------------------------------------ without a key nobody can be named, and a hold holds
SET ROLE regress_hold_officer;
SELECT tarot.hold_subject('moonchild', 'court case 12/2026');
RESET ROLE;
SELECT operation, role, type, reason, pseudonym, held_at = (SELECT h.held_at FROM tarot.subject_hold h WHERE h.subject = 'moonchild') AS of_record FROM told;
SELECT count(tarot.create_key('people'));

-- ------------------------------------------------------------ what is refused, or taken back, leaves nothing
SET ROLE regress_hold_clerk;
SELECT run($$SELECT tarot.hold_subject('stargazer', 'x')$$), run($$SELECT tarot.release_subject('moonchild')$$);
SET ROLE regress_hold_officer;
SELECT run($$SELECT tarot.hold_subject('moonchild', 'again')$$), run($$SELECT tarot.hold_subject('stargazer', '')$$), run($$SELECT tarot.hold_subject('', 'x')$$), run($$SELECT tarot.release_subject('stargazer')$$);
BEGIN;
SELECT tarot.hold_subject('stargazer', 'x');
SAVEPOINT s;
SELECT tarot.release_subject('moonchild');
ROLLBACK TO s;
ROLLBACK;
RESET ROLE;
SELECT count(*) FROM told;

-- ------------------------------------------------------------ with a key
CREATE FUNCTION by_another(subject text) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$ SELECT tarot.hold_subject(subject, 'by another''s function') $$;
SET ROLE regress_hold_officer;
SELECT tarot.release_subject('moonchild');
SELECT tarot.hold_subject('stargazer', 'tax audit');
SELECT by_another('seer');
RESET ROLE;
-- Nor does it wait for who unlocks the server.
SELECT tarot.lock();
SET ROLE regress_hold_officer;
SELECT tarot.hold_subject('hermit', 'while locked');
RESET ROLE;
SELECT tarot.unlock();
SELECT operation, role, type, reason, pseudonym = tarot.subject_pseudonym(CASE reason WHEN 'tax audit' THEN 'stargazer' WHEN 'by another''s function' THEN 'seer' ELSE 'moonchild' END) AS of_them,
	held_at IN (SELECT h.held_at FROM tarot.subject_hold h) AS of_record FROM told;
SELECT count(*) FROM tarot.audit_entry e WHERE e::text ~ 'moonchild|stargazer|seer|hermit';
SELECT tarot.seal_audit() > 0 AS sealed;
SELECT finding FROM tarot.verify_audit() WHERE finding <> 'not sealed';
-- One that was erased is so there, too: what is left is the pseudonym.
SET ROLE regress_hold_officer;
SELECT tarot.release_subject('stargazer');
RESET ROLE;
SELECT count(*) FROM tarot.erase_subject('stargazer', false) WHERE problem IS NOT NULL;
SELECT h.subject = tarot.subject_pseudonym('stargazer') AND t.pseudonym = h.subject AS same FROM tarot.subject_hold h JOIN told t ON t.held_at = h.held_at AND t.operation = 'HOLD SUBJECT' WHERE h.reason = 'tax audit';
SET client_min_messages = warning;
DROP OWNED BY regress_hold_officer, regress_hold_clerk;
DROP ROLE regress_hold_officer, regress_hold_clerk;

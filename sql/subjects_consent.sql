-- What data subjects have consented to, whose data is not to be processed, and row policies that ask.
SET client_min_messages = warning;
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE EXTENSION tarot_security;
\getenv source PG_ABS_SRCDIR
\i :source/sql/include/attempt.sql
SELECT tarot.create_key('people') > 0;
CREATE ROLE regress_consent_desk; CREATE ROLE regress_consent_app; CREATE ROLE regress_consent_nobody;
GRANT EXECUTE ON FUNCTION tarot.declare_purpose, tarot.give_consent, tarot.withdraw_consent, tarot.restrict_subject, tarot.lift_restriction, tarot.erase_subject, tarot.export_subject, tarot.export_subject_lines TO regress_consent_desk;
GRANT EXECUTE ON FUNCTION tarot.has_consent, tarot.consenting_subjects, tarot.is_restricted, tarot.restricted_subjects TO regress_consent_app;
CREATE TABLE customer (id int PRIMARY KEY, name text);
INSERT INTO customer SELECT i, 'customer ' || i FROM generate_series(1, 5) i;
GRANT SELECT, UPDATE ON customer TO regress_consent_app;
GRANT SELECT ON customer TO regress_consent_desk;

-- ------------------------------------------------------------ who may
SET ROLE regress_consent_nobody;
SELECT code(s) FROM unnest(ARRAY[$$SELECT tarot.declare_purpose('a', 'b')$$, $$SELECT tarot.give_consent('1', 'a', 'b')$$, $$SELECT tarot.withdraw_consent('1', 'a')$$, $$SELECT tarot.has_consent('1', 'a')$$, $$SELECT tarot.consenting_subjects('a')$$,
	$$SELECT tarot.restrict_subject('1', 'a')$$, $$SELECT tarot.lift_restriction('1')$$, $$SELECT tarot.is_restricted('1')$$, 'SELECT tarot.restricted_subjects()', 'TABLE tarot.consent', 'TABLE tarot.consent_purpose', 'TABLE tarot.subject_restriction']) s;
SET ROLE regress_consent_app;
SELECT code($$SELECT tarot.give_consent('1', 'a', 'b')$$), code('TABLE tarot.consent'), code($$INSERT INTO tarot.consent VALUES ('1', 'a', 1, now(), 'x', 'x')$$);

-- ------------------------------------------------------------ purposes
SET ROLE regress_consent_desk;
SELECT run($$SELECT tarot.declare_purpose('', 'x')$$), run($$SELECT tarot.declare_purpose(E'a\nb', 'x')$$), run($$SELECT tarot.declare_purpose(NULL, 'x')$$), run($$SELECT tarot.declare_purpose('a', '')$$), run($$SELECT tarot.declare_purpose('a', NULL)$$);
SELECT tarot.declare_purpose('newsletter', 'We write to you once a month.'), tarot.declare_purpose('newsletter', 'We write to you once a week.'), tarot.declare_purpose('research', 'Your readings, without your name.');

-- ------------------------------------------------------------ consents
SELECT run($$SELECT tarot.give_consent('1', 'nothing', 'form')$$), run($$SELECT tarot.give_consent('1', 'newsletter', 'form', 3)$$), run($$SELECT tarot.give_consent('', 'newsletter', 'form')$$), run($$SELECT tarot.give_consent('1', 'newsletter', '')$$),
	run($$SELECT tarot.give_consent('1', 'newsletter', NULL)$$), run($$SELECT tarot.give_consent(NULL, 'newsletter', 'form')$$);
SELECT tarot.give_consent('1', 'newsletter', 'sign-up form', 1), tarot.give_consent('2', 'newsletter', 'sign-up form'), tarot.give_consent('2', 'research', 'letter');
RESET ROLE;
SELECT s, tarot.has_consent(s, 'newsletter') AS newsletter, tarot.has_consent(s, 'research') AS research, tarot.has_consent(s, 'nothing') AS nothing FROM unnest('{1,2,3,01}'::text[]) s;
SELECT tarot.has_consent(NULL, 'newsletter') IS NULL, tarot.has_consent('1', NULL) IS NULL;
SET ROLE regress_consent_desk;
-- The same again changes nothing, another version takes its place.
SELECT tarot.give_consent('1', 'newsletter', 'again', 1), tarot.give_consent('1', 'newsletter', 'e-mail');
SELECT tarot.withdraw_consent('2', 'newsletter'), tarot.withdraw_consent('2', 'newsletter'), tarot.withdraw_consent('9', 'newsletter');
SELECT tarot.give_consent('2', 'newsletter', 'changed their mind'), tarot.withdraw_consent('2', 'newsletter');
RESET ROLE;
SELECT subject, purpose, version, source, recorded_by = session_user AS recorded_by, withdrawn_at >= given_at AS withdrawn, withdrawn_by = session_user AS withdrawn_by FROM tarot.consent ORDER BY subject, purpose, given_at;
-- When: of each its own time, by the clock, within the transaction; and giving the same again leaves it.
BEGIN;
SELECT max(given_at) AS before FROM tarot.consent WHERE subject = '2' \gset
SELECT tarot.give_consent('2', 'newsletter', 'form'), clock_timestamp() AS given \gset
SELECT given_at >= now() AND given_at > :'before' AND given_at <= :'given' AS given, withdrawn_at IS NULL AS in_force FROM tarot.consent WHERE subject = '2' AND source = 'form';
SELECT given_at AS given FROM tarot.consent WHERE subject = '2' AND source = 'form' \gset
SELECT tarot.give_consent('2', 'newsletter', 'again'), tarot.withdraw_consent('2', 'newsletter');
SELECT given_at = :'given' AS unchanged, withdrawn_at >= given_at AND withdrawn_at <= clock_timestamp() AS withdrawn FROM tarot.consent WHERE subject = '2' AND source = 'form';
SELECT count(*) FROM tarot.consent WHERE subject = '2' AND source = 'again';
ROLLBACK;
SELECT tarot.consenting_subjects('newsletter');

-- ------------------------------------------------------------ row policies
ALTER TABLE customer ENABLE ROW LEVEL SECURITY;
CREATE POLICY consent ON customer FOR SELECT TO regress_consent_app USING (tarot.has_consent(id::text, 'newsletter'));
SET ROLE regress_consent_app;
SELECT * FROM customer;
-- Once a statement, for a table that is read whole.
RESET ROLE;
ALTER POLICY consent ON customer USING (id::text IN (SELECT tarot.consenting_subjects('research')));
SET ROLE regress_consent_app;
SELECT * FROM customer;
RESET ROLE;
DROP POLICY consent ON customer;
CREATE POLICY everything ON customer TO regress_consent_app, regress_consent_desk USING (true);
CREATE POLICY restricted ON customer AS RESTRICTIVE TO regress_consent_app USING (NOT tarot.is_restricted(id::text));
SET ROLE regress_consent_desk;
SELECT run($$SELECT tarot.restrict_subject('3', '')$$), run($$SELECT tarot.restrict_subject('', 'x')$$), run($$SELECT tarot.lift_restriction('3')$$);
SELECT tarot.restrict_subject('3', 'accuracy is contested');
SELECT run($$SELECT tarot.restrict_subject('3', 'again')$$);
SET ROLE regress_consent_app;
SELECT * FROM customer ORDER BY id;
UPDATE customer SET name = 'processed' WHERE id = 3;
SELECT s, tarot.is_restricted(s) FROM unnest('{2,3}'::text[]) s;
SELECT tarot.restricted_subjects();
-- What was lifted counts for the next statement, under whatever snapshot.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM customer;
RESET ROLE;
SELECT tarot.lift_restriction('3');
SET ROLE regress_consent_app;
SELECT count(*) FROM customer;
COMMIT;
RESET ROLE;
SELECT subject, reason, restricted_by = session_user AS restricted_by, lifted_at > restricted_at AS lifted FROM tarot.subject_restriction;
SET ROLE regress_consent_desk;
SELECT tarot.restrict_subject('1', 'until the case is over');

-- ------------------------------------------------------------ by indexes
RESET ROLE;
INSERT INTO tarot.consent SELECT 'many ' || i, 'research', 1, now(), 'form', 'me', CASE WHEN i % 2 = 0 THEN now() END, CASE WHEN i % 2 = 0 THEN 'me' END FROM generate_series(1, 1000) i;
SELECT count(*) FILTER (WHERE tarot.has_consent('many ' || i, 'research')) FROM generate_series(1, 1000) i;
SELECT indexrelid::regclass, indpred IS NOT NULL AS partial FROM pg_index WHERE indrelid IN ('tarot.consent'::regclass, 'tarot.subject_restriction'::regclass) AND NOT indisprimary ORDER BY 1;

-- ------------------------------------------------------------ export and erasure
SELECT tarot.register_subject_table('customer', 'id');
SET ROLE regress_consent_desk;
SELECT jsonb_path_query_array(tarot.export_subject('1'), '$.missing[*].table');
RESET ROLE;
SELECT jsonb_path_query_array(tarot.export_subject('1'), '$.tables.*.rows[*].purpose'), jsonb_path_query_array(tarot.export_subject('1'), '$.tables.*.rows[*].reason');
SELECT "table", action, "rows" FROM tarot.erase_subject('1');
SELECT "table", action, "rows" FROM tarot.erase_subject('1', false);
SELECT subject = tarot.subject_pseudonym('1') AS pseudonym, purpose, version, withdrawn_at IS NOT NULL AS withdrawn FROM tarot.consent WHERE subject NOT LIKE 'many%' AND subject <> '2' ORDER BY given_at;
SELECT subject = tarot.subject_pseudonym('1') AS pseudonym, reason, lifted_at IS NOT NULL AS lifted FROM tarot.subject_restriction WHERE subject <> '3';
SELECT tarot.has_consent('1', 'newsletter'), tarot.is_restricted('1'), tarot.has_consent(tarot.subject_pseudonym('1'), 'newsletter');
SELECT "rows" FROM tarot.replay_erasures();
-- Who comes back may consent again, and be erased again.
SELECT tarot.give_consent('1', 'newsletter', 'form');
SELECT "table", action, "rows" FROM tarot.erase_subject('1', false);

DROP TABLE customer;
DROP EXTENSION tarot_security;
DROP ROLE regress_consent_desk, regress_consent_app, regress_consent_nobody;

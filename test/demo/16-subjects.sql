-- A person asks for their rights: what there is of her, that it is right, that it goes, and does not come back with a backup.

\connect - postgres
CREATE ROLE officer LOGIN;   -- answers for the data of people: reads it for them, and erases; changes nothing else
GRANT SELECT ON customer, reading, payment, tarot.consent, tarot.subject_restriction, tarot.subject_request TO officer;
GRANT pg_monitor TO officer;
GRANT EXECUTE ON FUNCTION tarot.register_subject_table, tarot.subject_map, tarot.set_erasure, tarot.export_subject, tarot.export_subject_lines, tarot.rectifications, tarot.restrict_subject, tarot.lift_restriction,
	tarot.erase_subject, tarot.erase_audit_details, tarot.erasure_certificate, tarot.export_erasures, tarot.import_erasure, tarot.replay_erasures, tarot.breach_subjects TO officer;
SELECT tarot.grant_class(class.name, 'officer', 'plain') FROM tarot.class \g /dev/null
SELECT tarot.audit_table('customer'), tarot.audit_table('reading'), clock_timestamp() AS opened \gset

\connect - officer
\echo '> SELECT "table", state, path FROM tarot.subject_map(''customer'', ''id'');'
SELECT "table", state, path FROM tarot.subject_map('customer', 'id') WHERE "table" IN ('customer'::regclass, 'reading'::regclass, 'payment'::regclass);
\o /dev/null
SELECT statement FROM tarot.subject_map('customer', 'id') WHERE "table" IN ('customer'::regclass, 'reading'::regclass, 'payment'::regclass) \gexec
\o

-- ------------------------------------------------------------ what there is of her, and that it is right

SELECT clock_timestamp() AS began \gset
SELECT tarot.export_subject('1') AS document \gset
SELECT round(extract(epoch FROM clock_timestamp() - :'began') * 1000) AS ms \gset
SELECT jsonb_path_query_array(:'document', '$.tables."public.customer".rows[0].email') AS email, jsonb_array_length(:'document'::jsonb->'tables'->'public.reading'->'rows') AS readings,
	jsonb_array_length(:'document'::jsonb->'tables'->'public.payment'->'rows') AS payments, :'document'::jsonb->'complete' AS complete;
SELECT demo.claim(format('All there is of Zoë among 10 000 customers, in the clear and complete, as one document: %s ms', :ms),
	(:'document'::jsonb->'complete')::boolean AND :'document'::jsonb->'tables'->'public.customer'->'rows'->0->>'name' LIKE 'Zoë%' AND jsonb_array_length(:'document'::jsonb->'tables'->'public.payment'->'rows') > 0);
\connect - web
UPDATE customer SET phone = '+33 6 39 98 43 21', handle = 'moonchild-1' WHERE id = 1;
\connect - officer
\echo '> SELECT table_name, old->>''handle'', new->>''handle'', role FROM tarot.rectifications(''1'', since => $1);'
SELECT table_name, old->>'handle' AS was, new->>'handle' AS "is", left(new->>'phone', 8) || '...' AS phone, role FROM tarot.rectifications('1', since => :'opened');
SELECT demo.claim('What was rectified, by whom and when, is told; the number as it is sealed', count(*) = 1 AND bool_and(role = 'web' AND new->>'phone' LIKE '$tarot1$%')) FROM tarot.rectifications('1', since => :'opened');

-- ------------------------------------------------------------ it is contested

\connect - postgres
GRANT EXECUTE ON FUNCTION tarot.is_restricted TO web;
ALTER TABLE reading ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_of_them ON reading USING (true);
CREATE POLICY restricted ON reading AS RESTRICTIVE TO web USING (NOT tarot.is_restricted(customer_id::text));
\connect - web
PREPARE hers AS SELECT count(*) AS hers FROM reading WHERE customer_id = 1;
EXECUTE hers \gset before_
\set restricted `psql -X -q -At -U officer -c "SELECT tarot.restrict_subject('1', 'the reading is contested')"`
EXECUTE hers \gset
SELECT demo.claim('Restricted by somebody else: the application finds her readings no more, at its next statement', :before_hers > 0 AND :hers = 0);
\connect - officer
SELECT tarot.lift_restriction('1') \g /dev/null
\connect - postgres
DROP POLICY restricted ON reading;
DROP POLICY all_of_them ON reading;
ALTER TABLE reading DISABLE ROW LEVEL SECURITY;

-- ------------------------------------------------------------ what they have said yes to, and may take back

\connect - postgres
CREATE ROLE sender LOGIN;    -- writes to customers what the cards say
GRANT SELECT ON customer TO sender;
GRANT EXECUTE ON FUNCTION tarot.has_consent TO sender;
GRANT EXECUTE ON FUNCTION tarot.give_consent, tarot.withdraw_consent TO web;
SELECT tarot.grant_class('email', 'sender', 'plain', write => false), tarot.declare_purpose('horoscope', 'We write to you each month what the cards say.') \g /dev/null
-- Addresses are shown for a purpose that the session states, and of those who have consented to that.
SELECT tarot.set_class_purposes('email', '{horoscope,support}') \g /dev/null
ALTER TABLE customer ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_of_them ON customer USING (true);
CREATE POLICY consented ON customer AS RESTRICTIVE TO sender USING (tarot.has_consent(id::text, current_setting('tarot_security.purpose')));
\connect - web
SELECT tarot.give_consent(id::text, 'horoscope', source => 'sign-up form') FROM customer WHERE id <= 3 \g /dev/null
\connect - sender
SELECT count(*) FROM customer \gset without_
SET tarot_security.purpose = 'support';
SELECT count(*) FROM customer \gset other_
SET tarot_security.purpose = 'horoscope';
\echo '> SET tarot_security.purpose = ''horoscope''; SELECT id, email FROM customer;'
SELECT id, email FROM customer ORDER BY id;
SELECT demo.claim('Of 10 000 customers the sender of letters finds three, who consented to letters, and none for another purpose', count(*) = 3 AND (:without_count, :other_count) = (0, 0)) FROM customer;
\set withdrawn `psql -X -q -At -U web -c "SELECT tarot.withdraw_consent('3', 'horoscope')"`
SELECT demo.claim('Withdrawn by somebody else: one less, at the next statement', array_agg(id ORDER BY id) = '{1,2}') FROM customer;
\connect - web
SELECT email FROM customer WHERE id = 1;
SELECT demo.claim('The application, which may read all addresses, is shown none while it does not say what for', :'SQLSTATE' = 'TS401');
\connect - postgres
SELECT tarot.set_class_purposes('email', NULL) \g /dev/null
DROP POLICY consented ON customer;
DROP POLICY all_of_them ON customer;
ALTER TABLE customer DISABLE ROW LEVEL SECURITY;

-- ------------------------------------------------------------ a backup; then she is to be forgotten

\set dumped `PGOPTIONS='-c tarot_security.io=envelope' pg_dump -Fc -Z0 --file "$WORK/before.dump"; echo $?`
\connect - officer
\echo '> SELECT "table", action, "rows" FROM tarot.erase_subject(''1'', dry_run => false, audit_details => true);'
SELECT clock_timestamp() AS began \gset
SELECT min(e.erasure::text) AS erasure, jsonb_agg(e) AS erased FROM tarot.erase_subject('1', dry_run => false, audit_details => true) AS e \gset
SELECT round(extract(epoch FROM clock_timestamp() - :'began') * 1000) AS ms \gset
SELECT "table", action, "rows" FROM jsonb_to_recordset(:'erased') AS e ("table" text, action text, "rows" bigint) WHERE action <> 'not reached';
\connect - postgres
SELECT demo.claim(format('Erased from three tables and from the log: %s ms', :ms), :dumped = 0 AND (SELECT count(*) FROM customer WHERE id = 1) + (SELECT count(*) FROM reading WHERE customer_id = 1) + (SELECT count(*) FROM payment WHERE customer_id = 1) = 0
	AND NOT EXISTS (SELECT FROM tarot.audit_log l WHERE l.recorded_at > :'opened' AND concat(l.key, l.old, l.new) LIKE '%moonchild-1"%'));
SELECT tarot.seal_audit() > 0 AS sealed \gset
\connect - officer
SELECT demo.claim('The certificate tells of nobody by name, and proves itself in the sealed log', (c->'sealed')::boolean AND c->'certificate'->>'command' = 'ERASE SUBJECT' AND c::text !~ 'moonchild|Zoë|zoe@' AND length(c->'certificate'->>'pseudonym') = 32)
	FROM (SELECT tarot.erasure_certificate(:'erasure')) AS e (c);

\connect - postgres
CREATE DATABASE of_before;
\set restored `PGOPTIONS='-c tarot_security.io=envelope' pg_restore -j2 --exit-on-error -d of_before "$WORK/before.dump" >"$WORK/restored" 2>&1; echo $?`
\set back `psql -X -q -At -d of_before -c "SELECT count(*) FROM customer WHERE id = 1"`
\set replayed `psql -X -q -At -U officer -c "SELECT tarot.export_erasures()" | while IFS= read -r line; do echo "SELECT tarot.import_erasure(:'line')" | psql -X -q -At -U officer -d of_before -v line="$line"; done; psql -X -q -At -U officer -d of_before -c 'SELECT "rows", problem FROM tarot.replay_erasures()'`
\set again `psql -X -q -At -d of_before -c "SELECT count(*) FROM customer WHERE id = 1"`
SELECT demo.claim('In a backup of before she is there; the list of erasures takes her out of it again', :restored = 0 AND :back = 1 AND :again = 0 AND :'replayed' ~ '^t\s+[0-9]+\|$');
DROP DATABASE of_before;

-- ------------------------------------------------------------ somebody had a password

\connect - web
SELECT clock_timestamp() AS broke_in \gset
UPDATE payment SET amount = 0 WHERE id IN (2, 3);
DELETE FROM reading WHERE id = 2;
\connect - officer
\echo '> SELECT data_subject, "table", entries, note FROM tarot.breach_subjects(since => $1, until => $2, by_role => ''web'');'
SELECT data_subject, "table", entries, note FROM tarot.breach_subjects(:'broke_in', now(), by_role => 'web');
SELECT demo.claim('Whose data the application''s role touched since: told by person, also of a row that is gone', array_agg(data_subject || ' ' || "table" ORDER BY data_subject, "table"::text) = '{"2 payment","2 reading","3 payment"}') FROM tarot.breach_subjects(:'broke_in', now(), by_role => 'web');

-- Who did what, on record; and a superuser who would rather have done something else.

\connect - postgres
SELECT tarot.sign_jwt('{"sub": "moonchild-00001"}', 'login') AS zoe, tarot.sign_jwt('{"sub": "oracle-7"}', 'login') AS agent, clock_timestamp() AS opened \gset
-- The worker seals what is new every ten seconds, once it was begun. Here it is to be seen when.
ALTER SYSTEM SET tarot_security.audit_seal_interval = 0;
SELECT pg_reload_conf() \g /dev/null
CREATE ROLE auditor LOGIN;   -- sees the record, and whether it is whole; none of the platform's tables
CREATE ROLE cashier;         -- owns the function by which amounts are changed
GRANT EXECUTE ON FUNCTION tarot.audit_table, tarot.audit_statements, tarot.seal_audit, tarot.verify_audit, tarot.export_audit, tarot.flush_events TO auditor;
GRANT SELECT ON tarot.audit_log, tarot.security_event, tarot.audit_checkpoint, tarot.audit_signers TO auditor;
GRANT SELECT, UPDATE (amount) ON payment TO cashier;
CREATE FUNCTION refund(payment_id bigint, less numeric) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$ UPDATE public.payment SET amount = amount - less WHERE id = payment_id $$;
ALTER FUNCTION refund OWNER TO cashier;

\connect - auditor
\echo '> SELECT tarot.audit_table(''payment''), tarot.audit_statements(''{grant}'');'
SELECT tarot.audit_table('payment'), tarot.audit_statements('{grant}') \g /dev/null

-- ------------------------------------------------------------ a day's work

\connect - web
BEGIN;
SELECT tarot.authenticate(:'zoe') \g /dev/null
INSERT INTO payment VALUES (900001, 1, 45, '4242 4242 4242 4242', 5), (900002, 1, 60, '4242 4242 4242 4242', NULL);
COMMIT;
BEGIN;
SELECT tarot.authenticate(:'agent') \g /dev/null
SELECT refund(900001, 15) \g /dev/null
COMMIT;
BEGIN;
DELETE FROM payment WHERE id = 900002;
ROLLBACK;
\connect - postgres
GRANT DELETE ON payment TO support;
\connect - support
DELETE FROM payment WHERE id = 900002;
SELECT pg_backend_pid() AS support \gset
BEGIN;
UPDATE payment SET card_number = '5555 5555 5555 4444' WHERE id = 900001;
ROLLBACK;

\connect - auditor
SELECT tarot.flush_events('3 min') AS flushed \gset
\echo '> SELECT ... FROM tarot.audit_log WHERE table_name = ''public.payment'';'
SELECT operation, key->>'id' AS id,
		coalesce((old->>'amount') || ' → ' || (new->>'amount'), new->>'amount', old->>'amount', (new->>'privileges') || ' to ' || (new->>'grantees')) AS "amount, or what",
		left(coalesce(new->>'card_number', old->>'card_number'), 8) || '...' AS card_number, role || coalesce(', called by ' || nullif(session_role, role), '') AS role, subject
	FROM tarot.audit_log WHERE table_name = 'public.payment' ORDER BY recorded_at, transaction, number;
SELECT demo.claim('Who it was by a verified token is on record, and who called the owner''s function; card numbers are sealed',
	count(*) FILTER (WHERE operation = 'INSERT' AND subject = 'moonchild-00001' AND new->>'card_number' LIKE '$tarot1$%') = 2
	AND count(*) FILTER (WHERE operation = 'UPDATE' AND subject = 'oracle-7' AND (role, session_role) = ('cashier', 'web') AND (old, new) = ('{"amount": 45.00}', '{"amount": 30.00}')) = 1)
	FROM tarot.audit_log WHERE table_name = 'public.payment';
SELECT demo.claim('So are statements: support was granted DELETE, and then deleted; what was rolled back is not',
	array_agg(operation || ' ' || role ORDER BY operation) = '{DELETE support,GRANT postgres}') FROM tarot.audit_log WHERE table_name = 'public.payment' AND operation IN ('GRANT', 'DELETE');
\echo '> SELECT event_type, action, status, details, role FROM tarot.security_event WHERE pid = $1;'
SELECT event_type, action, status, details, role FROM tarot.security_event WHERE pid = :support;
SELECT demo.claim('But that somebody was refused to write is, though they rolled it back',
	:'flushed' AND array_agg((role, action, status)::text) = '{"(support,write,denied)"}') FROM tarot.security_event WHERE pid = :support;

-- ------------------------------------------------------------ sealed, and a checkpoint kept elsewhere

SELECT tarot.seal_audit() AS sealed \gset
SELECT note AS kept FROM tarot.audit_checkpoint ORDER BY size DESC LIMIT 1 \gset
SELECT array_agg(public_key) AS keys FROM tarot.audit_signers \gset
\! psql -X -q -At -U auditor -c 'SELECT note FROM tarot.audit_checkpoint ORDER BY size DESC LIMIT 1' >"$WORK/checkpoint"
\! psql -X -q -At -U auditor -c 'SELECT public_key FROM tarot.audit_signers' >"$WORK/keys"
\echo 'A checkpoint of all that was sealed, for the auditor''s own files:'
\! sed 's/^/    /; /^ *$/d' "$WORK/checkpoint"
\echo '> SELECT * FROM tarot.verify_audit(checkpoint => $1, keys => $2);'
SELECT demo.claim(format('%s entries were sealed, and all is as it was', :sealed), :sealed > 6 AND count(*) = 0) FROM tarot.verify_audit(checkpoint => :'kept', keys => :'keys');
\setenv EXPORT 'psql -X -q -At -U auditor -c "SELECT tarot.export_audit()" | tarot-verify --key-file "$WORK/keys" --checkpoint "$WORK/checkpoint"'
\echo '> psql -c "SELECT tarot.export_audit()" | tarot-verify --key-file keys --checkpoint checkpoint'
\set status `sh -c "$EXPORT" >"$WORK/told"; echo $?`
\! cat "$WORK/told"
SELECT demo.claim('So says tarot-verify, a program that needs no server, of an export', :status = 0);

-- ------------------------------------------------------------ tampered with

\connect - postgres
-- The superuser makes less of what was paid back, and that anything was deleted.
SELECT transaction AS refunded, number AS refunded_number FROM tarot.audit_log WHERE operation = 'UPDATE' AND subject = 'oracle-7' \gset
SELECT transaction AS deleted, number AS deleted_number FROM tarot.audit_log WHERE operation = 'DELETE' AND table_name = 'public.payment' \gset
\echo '> UPDATE tarot.audit_entry SET new = ''{"amount": 44.00}'' WHERE ...; DELETE FROM tarot.audit_entry WHERE ...;'
UPDATE tarot.audit_entry SET new = '{"amount": 44.00}' WHERE (transaction, number) = (:'refunded', :refunded_number);
DELETE FROM tarot.audit_entry WHERE (transaction, number) = (:'deleted', :deleted_number);

\connect - auditor
\echo '> SELECT finding, first_position, transaction, number FROM tarot.verify_audit();'
SELECT finding, first_position, transaction, number FROM tarot.verify_audit();
SELECT first_position AS changed_at FROM tarot.verify_audit() WHERE finding = 'entry changed' \gset
SELECT demo.claim('Which entry is not what it was, and which is gone, is told by name',
	array_agg((finding, transaction, number)::text ORDER BY finding) = ARRAY[('entry changed', :'refunded', :refunded_number)::text, ('entry missing', :'deleted', :deleted_number)::text])
	FROM tarot.verify_audit() WHERE finding <> 'not sealed';
\echo '> SELECT operation, table_name, role FROM tarot.audit_log WHERE table_name = ''tarot.audit_entry'';'
SELECT operation, table_name, role FROM tarot.audit_log WHERE table_name = 'tarot.audit_entry' AND recorded_at > :'opened' ORDER BY recorded_at, transaction, number;
SELECT demo.claim('That somebody had their hands in the log is an entry, too', array_agg(operation || ' ' || role ORDER BY operation) = '{DELETE postgres,UPDATE postgres}')
	FROM tarot.audit_log WHERE table_name = 'tarot.audit_entry' AND recorded_at > :'opened';
\set status `sh -c "$EXPORT" >"$WORK/told"; echo $?`
\! cat "$WORK/told"
\set told `cat "$WORK/told"`
SELECT demo.claim('tarot-verify names the one in an export, too, and counts the other',
	:status = 1 AND position(format('entry changed: at position %s, transaction %s, number %s', :changed_at, :'refunded', :refunded_number) IN :'told') > 0 AND :'told' LIKE '%1 of them gone%');

-- ------------------------------------------------------------ the end cut off, and sealed anew

\connect - postgres
-- All of that is taken away, with the tree and its checkpoints; what is left is sealed by the key of before.
\echo '> DELETE FROM tarot.audit_entry WHERE ...; TRUNCATE tarot.audit_tile, tarot.audit_checkpoint, ...; SELECT tarot.seal_audit();'
DELETE FROM tarot.audit_entry WHERE recorded_at >= :'opened';
TRUNCATE tarot.audit_tile, tarot.audit_checkpoint, tarot.audit_frontier;
SELECT tarot.seal_audit() AS resealed \gset
SELECT demo.claim(format('Now there are %s entries, and nothing in the database says that there ever were more', :resealed), :resealed < :sealed AND count(*) = 0) FROM tarot.verify_audit();

\connect - auditor
\echo '> SELECT finding, first_position, last_position FROM tarot.verify_audit(checkpoint => $1, keys => $2);'
SELECT finding, first_position, last_position FROM tarot.verify_audit(checkpoint => :'kept', keys => :'keys');
SELECT demo.claim('The checkpoint that the auditor has kept does: the end of the log was cut off',
	array_agg(finding) = '{log truncated}' AND min(first_position) = :resealed) FROM tarot.verify_audit(checkpoint => :'kept', keys => :'keys');
\set status `sh -c "$EXPORT" >"$WORK/told"; echo $?`
\! cat "$WORK/told"
\set told `cat "$WORK/told"`
SELECT demo.claim('... to tarot-verify as well', :status = 1 AND :'told' LIKE 'log truncated:%');

\connect - postgres
-- Then the log grows again, beyond what it was.
UPDATE payment SET amount = amount + 0.01 WHERE id <= 500;
SELECT tarot.seal_audit() AS grown \gset
\connect - auditor
SELECT finding, last_position FROM tarot.verify_audit(checkpoint => :'kept', keys => :'keys');
\set status `sh -c "$EXPORT" >"$WORK/told"; echo $?`
\! cat "$WORK/told"
\set told `cat "$WORK/told"`
SELECT demo.claim('And when it has grown beyond what it was: it was rewritten, both say', array_agg(finding) = '{log rewritten}' AND :grown > :sealed AND :status = 1 AND :'told' LIKE '%log rewritten:%')
	FROM tarot.verify_audit(checkpoint => :'kept', keys => :'keys');

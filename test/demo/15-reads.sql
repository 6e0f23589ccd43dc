-- Who reads what, on record.

\connect - postgres
SELECT clock_timestamp() AS since \gset
GRANT EXECUTE ON FUNCTION tarot.audit_reads, tarot.audit_class_reads, tarot.unaudit_reads, tarot.unaudit_class_reads TO auditor;
CREATE VIEW paid AS SELECT customer_id, amount FROM payment;
GRANT SELECT ON paid TO support;
\connect - auditor
\echo '> SELECT tarot.audit_reads(''payment''), tarot.audit_class_reads(''email'');'
SELECT tarot.audit_reads('payment'), tarot.audit_class_reads('email') \g /dev/null

-- ------------------------------------------------------------ a day's work

\connect - web
SELECT email FROM customer WHERE handle = 'moonchild' OR id <= 2 ORDER BY id \g /dev/null
\connect - support
SELECT count(DISTINCT email::text) FROM customer \g /dev/null
\echo 'Support adds up what customers have paid, through a view, in a transaction that it rolls back:'
BEGIN;
SELECT sum(amount) FROM paid \g /dev/null
ROLLBACK;
\connect - analyst
SELECT email FROM customer LIMIT 5 \g /dev/null

\connect - auditor
SELECT tarot.flush_events('3 min') AS flushed \gset
\echo '> SELECT ... FROM tarot.read_report();'
SELECT coalesce(table_name, 'class ' || class) AS read, role, statements, rows, plain, masked, refused FROM tarot.read_report(since => :'since');
SELECT demo.claim('Who was shown e-mail addresses, and how: the application values, support masks of all, the analyst nothing',
	:'flushed' AND max(plain) FILTER (WHERE role = 'web') > 0 AND max(masked) FILTER (WHERE role = 'support') > 1000 AND max(plain) FILTER (WHERE role = 'support') = 0 AND max(refused) FILTER (WHERE role = 'analyst') = 5)
	FROM tarot.read_report(since => :'since') WHERE class = 'email';
\echo '> SELECT * FROM tarot.columns_read() WHERE table_name = ''public.payment'';'
SELECT table_name, "column", events FROM tarot.columns_read(since => :'since') WHERE table_name = 'public.payment';
SELECT demo.claim('What support read through a view, and rolled back, is on record with the table; its card numbers nobody read',
	array_agg("column" ORDER BY "column") = '{amount,customer_id}') FROM tarot.columns_read(since => :'since') WHERE table_name = 'public.payment';
SELECT tarot.unaudit_reads('payment'), tarot.unaudit_class_reads('email') \g /dev/null

-- A table that was there before: its column is encrypted beside its writers.

\connect - postgres
CREATE TABLE subscriber (id int PRIMARY KEY, address text NOT NULL, issues int NOT NULL DEFAULT 0);
INSERT INTO subscriber SELECT i, 'subscriber-' || i || '@newsletter.example' FROM generate_series(1, 20000) i;
GRANT SELECT, UPDATE ON subscriber TO web;
SELECT tarot.grant_class('email', 'postgres', 'plain') \g /dev/null
\! echo 'newsletter.example' >"$WORK/newsletter"
\! printf '\\set id random(1, 20000)\nUPDATE subscriber SET issues = issues + 1 WHERE id = :id;\n' >"$WORK/subscriber.pgbench"
\echo '-- Two clients write while CALL tarot.encrypt_column(''subscriber'', ''address'', ''email'', concurrently => true) works:'
\set load `pgbench -n -U web -c 2 -T 4 -f "$WORK/subscriber.pgbench" >"$WORK/load" 2>&1 & load=$!; psql -X -q -At -c "CALL tarot.encrypt_column('subscriber', 'address', 'email', concurrently => true)" 2>/dev/null || echo 1; wait $load || echo 1`
\set transactions `sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' "$WORK/load"`
\set failed `sed -n 's/^number of failed transactions: \([0-9]*\).*/\1/p' "$WORK/load"`
SELECT address, issues < 0 AS negative FROM subscriber WHERE id = 1;
SELECT demo.claim(format('%s transactions of two clients, %s failed, while the column was encrypted; no update was lost', :transactions, :failed),
	:'load' = '' AND :failed = 0 AND sum(issues) = :transactions AND bool_and(address::text = 'subscriber-' || id || '@newsletter.example')) FROM subscriber;
VACUUM subscriber;
SELECT tarot.wipe_free_space('subscriber') > 0 AS wiped \gset
CHECKPOINT;
SELECT pg_relation_filepath('subscriber') AS file \gset
\setenv FILE :file
\set found `"$DEMO/search" "$WORK/newsletter" "$SERVER_DATA/$FILE"`
SELECT demo.claim('Erased, vacuumed and wiped: the table''s file has nothing of the old values', :found = 0 AND :'wiped');
SELECT tarot.revoke_class('email', 'postgres') \g /dev/null
DROP TABLE subscriber;

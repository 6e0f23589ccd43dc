-- Keys, grants and damage, while the platform is at work.

-- ------------------------------------------------------------ a grant is taken back

\connect - support
\echo '-- support, in an open transaction:'
BEGIN;
PREPARE look AS SELECT email FROM customer WHERE id = 1;
EXECUTE look;
\set revoked `psql -X -q -At -U postgres -c "SELECT tarot.revoke_class('email', 'support')"`
\echo '-- The same prepared statement, after tarot.revoke_class(''email'', ''support'') in another session:'
EXECUTE look;
SELECT demo.claim('A grant that is taken back is gone at the next statement of any open session', email::text = '[encrypted]')
	FROM customer WHERE id = 1;
COMMIT;
\connect - postgres
SELECT tarot.grant_class('email', 'support', 'masked') \g /dev/null

-- ------------------------------------------------------------ keys rotate under load

-- Two clients write and read all the while; each rotation counts from the next statement on.
\set load `pgbench -n -U web -c 2 -T 2 -f "$DEMO/load.pgbench" >"$WORK/load" 2>&1 & load=$!; for i in 1 2 3 4 5; do sleep 0.3; psql -X -q -At -c "SELECT tarot.rotate_key('profile')" -c "SELECT tarot.rotate_key('payments')" >/dev/null || echo 1; done; wait $load || echo 1`
\set transactions `sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' "$WORK/load"`
\set failed `sed -n 's/^number of failed transactions: \([0-9]*\).*/\1/p' "$WORK/load"`
SELECT demo.claim(format('%s transactions of two clients, %s failed, while two keys were rotated five times each', :transactions, :failed),
	:'load' = '' AND :transactions > 100 AND :failed = 0 AND min(version) = 6)
	FROM tarot.key_status WHERE seals AND name IN ('profile', 'payments');
\connect - web
SELECT demo.claim('What was written before, between and after the rotations is read as ever',
	(SELECT count(*) >= 12000 AND bool_and(card_number ~ '^[0-9 ]{19}$') FROM payment)
	AND (SELECT bool_and(email LIKE '%@%') FROM customer));

-- ------------------------------------------------------------ old versions go

\connect - postgres
SELECT sum("values") AS old_values FROM tarot.key_usage() u JOIN tarot.key_status s ON s.name = u.key AND s.version = u.version WHERE NOT s.seals \gset
SELECT tarot.destroy_key('payments', 1);
SELECT demo.claim('A key version that stored values rest on is not destroyed', :'SQLSTATE' = '2BP01');
\echo '-- Two clients go on writing while CALL tarot.reseal() moves the values to the newest versions:'
\set load `pgbench -n -U web -c 2 -T 2 -f "$DEMO/load.pgbench" >"$WORK/load" 2>&1 & load=$!; psql -X -q -At -c "CALL tarot.reseal()" || echo 1; wait $load || echo 1`
\set failed `sed -n 's/^number of failed transactions: \([0-9]*\).*/\1/p' "$WORK/load"`
SELECT demo.claim(format('%s values were moved from %s old versions, at %s a second, and no writer failed', :old_values,
		(SELECT count(*) FROM tarot.key_status WHERE name IN ('profile', 'payments') AND NOT seals), max(values_per_second)),
	:'load' = '' AND :failed = 0 AND :old_values > 10000 AND bool_and(state = 'finished' AND values_left = 0))
	FROM tarot.reseal_progress;
CALL tarot.reseal();
-- Addresses are found by tags, whose key rests on a version too: it changes beside writers and readers.
\set load `pgbench -n -U web -c 2 -T 2 -f "$DEMO/load.pgbench" >"$WORK/load" 2>&1 & load=$!; psql -X -q -At -c "CALL tarot.rotate_search_key('email')" || echo 1; wait $load || echo 1`
\set failed `sed -n 's/^number of failed transactions: \([0-9]*\).*/\1/p' "$WORK/load"`
SELECT demo.claim('Another search key for addresses, and no writer failed; they are found by it, through the index',
	:'load' = '' AND :failed = 0 AND (SELECT array_agg(state ORDER BY generation) = '{retired,active}' FROM tarot.search_key_status WHERE class = 'email'));
SELECT tarot.destroy_key(name, version) FROM tarot.key_status WHERE name IN ('profile', 'payments') AND NOT seals \g /dev/null
SELECT demo.claim('The old versions are destroyed', bool_and(state = 'destroyed')) FROM tarot.key_status WHERE name IN ('profile', 'payments') AND NOT seals;
\connect - web
SELECT demo.claim('... and everything is read, and found, as before', EXISTS (SELECT FROM customer WHERE email = 'ZOE@example.fr') AND
	(SELECT bool_and(card_number ~ '^[0-9 ]{19}$') FROM payment) AND (SELECT bool_and(email LIKE '%@%') FROM customer));

-- ------------------------------------------------------------ a bit flips

\connect - postgres
SET tarot_security.io = envelope;
SELECT email AS whole FROM customer WHERE id = 2 \gset
-- One character of the text form is six bits; this one becomes its neighbour.
SELECT overlay(:'whole' PLACING translate(substr(:'whole', 70, 1), 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
	'BADCFEHGJILKNMPORQTSVUXWZYbadcfehgjilknmporqtsvuxwzy1032547698_-') FROM 70) AS flipped \gset
UPDATE customer SET email = :'flipped' WHERE id = 2;
\connect - web
SELECT email FROM customer WHERE id = 2;
SELECT demo.claim('One flipped bit in an address: an error, not another address', :'SQLSTATE' = 'TS102');
SELECT demo.claim('... and tarot.try_decrypt() reads the 9 999 others around it',
	count(tarot.try_decrypt(email)) = 9999) FROM customer;
\connect - postgres
SET tarot_security.io = envelope;
UPDATE customer SET email = :'whole' WHERE id = 2;

-- ------------------------------------------------------------ one person's data goes

\connect - postgres
RESET tarot_security.io;
SELECT tarot.create_key('letters') > 0, tarot.create_class('letter', key => 'letters', per_subject => true), tarot.grant_class('letter', 'web', 'plain') \g /dev/null
CREATE TABLE letter (id bigint PRIMARY KEY, customer_id bigint NOT NULL, body tarot.encrypted_text('letter'));
GRANT SELECT, INSERT ON letter TO web;
SELECT tarot.set_subject('letter', 'body', subject => 'customer_id') \g /dev/null
\connect - web
INSERT INTO letter SELECT id, id % 1000, 'Dear customer ' || id % 1000 FROM generate_series(1, 5000) AS id;
\connect - postgres
SELECT tarot.destroy_subject_key('letter', '42') AS destroyed;
\connect - web
SELECT id, body FROM letter WHERE customer_id IN (42, 43) AND id < 1100 ORDER BY id;
SELECT demo.claim('Customer 42 asked to be forgotten: their letters are unreadable, those of 999 others are not',
	count(*) FILTER (WHERE body::text IS NULL) = 5 AND count(*) FILTER (WHERE body::text = 'Dear customer ' || customer_id) = 4995) FROM letter;

-- ------------------------------------------------------------ the server starts without its root key

\connect - postgres
\! as-server mv "$ROOT_KEY" "$ROOT_KEY.away"
\! as-server pg_ctl -D "$SERVER_DATA" -l "$SERVER_LOG" -w -m fast restart >/dev/null
\connect - web
SELECT email FROM customer WHERE id = 1;
SELECT demo.claim('Without its root key the server starts, locked: encrypted values can be neither read ...', :'SQLSTATE' = 'TS001');
\set VERBOSITY terse
INSERT INTO payment (id, customer_id, amount, card_number) VALUES (0, 1, 9.99, '4242 4242 4242 4242');
SELECT demo.claim('... nor written ...', :'SQLSTATE' = 'TS001');
SELECT demo.claim('... while all else goes on', count(*) >= 12000 AND sum(amount) > 0) FROM payment;
\connect - postgres
\! as-server sh -c 'umask 077; head -c 32 /dev/urandom | base64 >"$ROOT_KEY"'
SELECT tarot.unlock();
SELECT demo.claim('A wrong root key is told at once', :'SQLSTATE' = 'TS002');
\! as-server mv "$ROOT_KEY.away" "$ROOT_KEY"
SELECT tarot.unlock() \g /dev/null
\connect - web
SELECT demo.claim('With the right one, tarot.unlock() is all it takes', email::text = 'zoe@example.fr') FROM customer WHERE id = 1;

-- ------------------------------------------------------------ after all this

\connect - postgres
CHECKPOINT;
\set found `"$DEMO/search" "$WORK/secrets"`
\set searched `"$DEMO/search" --what`
SELECT demo.claim(format('After all this, %s of them occur in %s', :found, :'searched'), :found = 0);

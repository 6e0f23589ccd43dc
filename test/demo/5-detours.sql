-- Detours: what a role may not see or write, it does not get at in another way.

\connect - support
UPDATE customer SET phone = '+** * ** ** ** 34' WHERE id = 1;
SELECT demo.claim('Support cannot write the masks that it reads back over the truth', :'SQLSTATE' = '42501');

\set VERBOSITY terse
\set export `psql -X -q -U support -c 'COPY customer TO STDOUT' 2>&1 | head -n 1`
\echo > COPY customer TO STDOUT;
\echo :export
SELECT demo.claim('An export full of masks is refused, before someone takes it for the data', :'export' LIKE 'ERROR: %permission denied%');

-- A condition is evaluated on what the role may see, so guessing finds nothing.
\connect - analyst
SELECT demo.claim('Guessing finds nothing: WHERE email LIKE ''zoe@%'' has no rows for an analyst',
	(SELECT count(*) = 0 FROM customer WHERE email LIKE 'zoe@%'));
CREATE TEMP TABLE haul AS SELECT name::text, email || '' AS email, upper(phone) AS phone FROM customer;
SELECT demo.claim('A copy into a table of one''s own holds placeholders', bool_and(name::text = '[encrypted]' AND email::text = '[encrypted]'))
	FROM haul;

-- Views and functions of someone mightier: still the role that asks is asked for.
\connect - web
SELECT demo.claim('The same view shows the application the values ...', count(*) = 1)
	FROM contact WHERE email::text = 'zoe@example.fr';
\connect - analyst
SELECT demo.claim('... and an analyst placeholders', bool_and(email::text = '[encrypted]')) FROM contact;

-- Stolen ciphertext is of no use to the application's users: it is not taken for a value.
\connect - postgres
SET tarot_security.io = envelope;
SELECT card_number AS stolen FROM payment WHERE id = 1 \gset
RESET tarot_security.io;
\connect - web
INSERT INTO customer (id, handle, name, email) VALUES (0, 'thief', :'stolen', 'thief@example.org');
SELECT demo.claim('Someone else''s ciphertext, entered as a name, is refused, not opened', :'SQLSTATE' LIKE 'TS%');

-- A statement that fails is logged by the server, but not with its secrets.
INSERT INTO customer (id, handle, name, email) VALUES (1, 'again', 'Cassandra Unheard', 'cassandra@example.org');
\set logged `"$DEMO/search" --log 'Cassandra Unheard'`
\set statements `"$DEMO/search" --log 'INSERT INTO customer (id, handle, name, email) VALUES (?, ?, ?, ?)'`
SELECT demo.claim('The server log has the statement that failed, without the name in it', :logged = 0 AND :statements > 0);

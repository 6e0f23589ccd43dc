-- What a thief of the disk finds. Known plaintexts are searched for in every file of the data directory: tables,
-- indexes, TOAST, the write-ahead log, temporary files; and in the server log.

-- The application knows the plaintexts: those long enough not to occur by chance, and of readings pieces longer
-- than a card's meaning, which is no secret.
\connect - web
COPY (
	SELECT plaintext
		FROM (
			SELECT name::text FROM customer UNION SELECT email::text FROM customer UNION SELECT phone::text FROM customer
			UNION SELECT card_number::text FROM payment UNION SELECT question::text FROM reading
			UNION SELECT left(reading, 60) FROM reading WHERE id % 10 = 1
			UNION SELECT substr(reading, 1000, 60) FROM reading WHERE id % 10 = 1
		) AS known (plaintext)
		WHERE octet_length(plaintext) >= 10
) TO STDOUT \g :secrets
-- The control: handles are stored in plain text, and the same search finds every one of them.
COPY (SELECT handle FROM customer) TO STDOUT \g :publics

\connect - postgres
CHECKPOINT;
\set known `wc -l <"$WORK/secrets"`
\set found `"$DEMO/search" "$WORK/secrets"`
\set found_public `"$DEMO/search" "$WORK/publics"`
\set searched `"$DEMO/search" --what`
\! "$DEMO/search" --sample
SELECT demo.claim(format('%s of %s known plaintexts occur in %s', :found, :known, :'searched'),
	:found = 0 AND :known > 30000);
SELECT demo.claim(format('The search is sound: %s of the 10 000 handles, which are not encrypted, do', :found_public),
	:found_public = 10000);

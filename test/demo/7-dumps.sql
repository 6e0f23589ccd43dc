-- Dumps and restores, with PostgreSQL's own tools.
\connect - postgres

-- A dump by a superuser without grants would be a dump of placeholders. It is refused.
\set refused `pg_dump --file "$WORK/plain.sql" 2>"$WORK/refused"; echo $?`
\echo > pg_dump
\! sed -n 's/^.*server: \(ERROR:.*\)/\1/p; /^DETAIL/p; /^HINT/p' "$WORK/refused"
SELECT demo.claim('pg_dump by the superuser is refused, with a hint how to do it', :refused <> 0);

-- With io = envelope, a dump carries the values as they are stored, and a restore takes them as they are.
\set dumped `PGOPTIONS='-c tarot_security.io=envelope' pg_dump --file "$WORK/envelopes.sql"; echo $?`
\set found `"$DEMO/search" "$WORK/secrets" "$WORK/envelopes.sql"`
\set found_public `"$DEMO/search" "$WORK/publics" "$WORK/envelopes.sql"`
\set size `wc -c <"$WORK/envelopes.sql"`
SELECT demo.claim(format('A dump of envelopes (%s): %s plaintexts in it, and %s handles', pg_size_pretty(:size::bigint), :found, :found_public),
	:dumped = 0 AND :found = 0 AND :found_public = 10000);

CREATE DATABASE restored;
\set restored `PGOPTIONS='-c tarot_security.io=envelope' psql -X -q -v ON_ERROR_STOP=1 -d restored -f "$WORK/envelopes.sql" >"$WORK/restored" 2>&1; echo $?`
\set here `PGOPTIONS='-c tarot_security.io=envelope' "$DEMO/search" --checksum tarot postgres`
\set there `PGOPTIONS='-c tarot_security.io=envelope' "$DEMO/search" --checksum restored postgres`
SELECT demo.claim('Restored into another database, every value is byte for byte the same ciphertext', :restored = 0 AND :'here' = :'there');
\set here `"$DEMO/search" --checksum tarot web`
\set there `"$DEMO/search" --checksum restored web`
SELECT demo.claim('... and there the application reads what it wrote here', :'here' = :'there');
\set here `"$DEMO/search" --checksum tarot support`
\set there `"$DEMO/search" --checksum restored support`
SELECT demo.claim('... and support its masks', :'here' = :'there');

-- With io = masked, a dump is an anonymous one: for developers, by a role that is granted masks.
\echo '-- Three lines of an anonymous dump:'
\! PGOPTIONS='-c tarot_security.io=masked' pg_dump -U support --data-only -t customer --file "$WORK/masked.sql"
\! grep -P '^[123]\t' "$WORK/masked.sql"
\set found `"$DEMO/search" "$WORK/secrets" "$WORK/masked.sql"`
\set found_public `"$DEMO/search" "$WORK/publics" "$WORK/masked.sql"`
SELECT demo.claim('Masked, a dump has all the rows and none of the secrets', :found = 0 AND :found_public = 10000);

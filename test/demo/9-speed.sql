-- What it costs: 100 000 values of 40 bytes, written and read back, beside the same in a plain column and, where
-- it is installed, beside pgcrypto. The best of three runs. "make bench" measures more, and more carefully.

\connect - postgres
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgcrypto;
GRANT CREATE ON SCHEMA demo TO web;

\connect - web
\set VERBOSITY terse
\o /dev/null
CREATE FUNCTION demo.measure(statement text, emptied regclass DEFAULT NULL) RETURNS double precision
	LANGUAGE plpgsql
	AS $$
	DECLARE
		began timestamptz;
		best double precision;
	BEGIN
		FOR run IN 1 .. 3 LOOP
			IF emptied IS NOT NULL THEN
				EXECUTE format('TRUNCATE %s', emptied);
			END IF;
			began := clock_timestamp();
			EXECUTE statement;
			best := least(best, extract(epoch FROM clock_timestamp() - began));
		END LOOP;
		RETURN best * 1e9;
	END
	$$;
CREATE TABLE demo.given AS SELECT id, md5(id::text) || '-' || to_char(id, 'FM0000000') AS value FROM generate_series(1, 100000) AS id;
CREATE TABLE demo.in_plain (id integer, value text);
CREATE TABLE demo.in_tarot (id integer, value tarot.encrypted_text('reading'));
CREATE TABLE demo.in_aes (id integer, iv bytea, value bytea);
CREATE TABLE demo.in_pgp (id integer, value bytea);
CREATE TABLE demo.speed (place integer, method text, written double precision, opened double precision);
\o

INSERT INTO demo.speed VALUES (1, 'text, not encrypted',
	demo.measure('INSERT INTO demo.in_plain SELECT id, value FROM demo.given', 'demo.in_plain') / 1e5,
	demo.measure('SELECT sum(octet_length(value)) FROM demo.in_plain') / 1e5);
INSERT INTO demo.speed VALUES (2, 'tarot.encrypted_text',
	demo.measure('INSERT INTO demo.in_tarot SELECT id, value FROM demo.given', 'demo.in_tarot') / 1e5,
	demo.measure('SELECT sum(octet_length(value)) FROM demo.in_tarot') / 1e5);
SELECT count(*) > 0 AS have_pgcrypto FROM pg_extension WHERE extname = 'pgcrypto' \gset
\if :have_pgcrypto
-- As people use it: the key in the statement. CBC does not notice a flipped bit; PGP does, and derives its key anew
-- for each value, so it gets a hundredth of them.
INSERT INTO demo.speed VALUES (3, 'pgcrypto: encrypt_iv, AES-CBC',
	demo.measure($$INSERT INTO demo.in_aes SELECT id, iv, encrypt_iv(convert_to(value, 'UTF8'), '\x000102030405060708090a0b0c0d0e0f', iv, 'aes')
		FROM (SELECT *, gen_random_bytes(16) AS iv FROM demo.given OFFSET 0) g$$, 'demo.in_aes') / 1e5,
	demo.measure($$SELECT sum(octet_length(convert_from(decrypt_iv(value, '\x000102030405060708090a0b0c0d0e0f', iv, 'aes'), 'UTF8')))
		FROM demo.in_aes$$) / 1e5);
INSERT INTO demo.speed VALUES (4, 'pgcrypto: pgp_sym_encrypt',
	demo.measure($$INSERT INTO demo.in_pgp SELECT id, pgp_sym_encrypt(value, 'secret') FROM demo.given WHERE id <= 1000$$, 'demo.in_pgp') / 1e3,
	demo.measure($$SELECT sum(octet_length(pgp_sym_decrypt(value, 'secret'))) FROM demo.in_pgp$$) / 1e3);
\endif

SELECT method, to_char(written, '999G999') AS "write, ns", to_char(written / first_value(written) OVER w, '9990.0"x"') AS "of text's",
		to_char(opened, '999G999') AS "read, ns", to_char(opened / first_value(opened) OVER w, '9990.0"x"') AS "of text's "
	FROM demo.speed WINDOW w AS (ORDER BY place) ORDER BY place;
SELECT demo.claim('All 100 000 values came back as they were', count(*) = 100000 AND bool_and(given.value = in_tarot.value::text))
	FROM demo.given JOIN demo.in_tarot USING (id);

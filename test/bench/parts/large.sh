# shellcheck shell=bash
# Values of a megabyte.

part_large() {
	local bytes=$((LARGE_VALUES * 1048576)) large="(SELECT repeat('The Star, ', 104858)::bytea AS b OFFSET 0)"
	local n="generate_series(1, $LARGE_VALUES)"
	# Not compressed, plain text neither.
	sql <<-SQL
		CREATE TABLE large_plain (v text);
		CREATE TABLE large_encrypted (v tarot.encrypted_text('bench'));
		CREATE TABLE large_source (v text);
		ALTER TABLE large_plain ALTER v SET STORAGE EXTERNAL;
		ALTER TABLE large_source ALTER v SET STORAGE EXTERNAL;
		INSERT INTO large_source SELECT left(repeat('The Star, ', 104858), 1048576) FROM $n;
	SQL
	measure large large_insert_plain - 'INSERT ... SELECT into text' "$bytes" \
		"INSERT INTO large_plain SELECT v || '' FROM large_source" 'TRUNCATE large_plain; CHECKPOINT;'
	measure large large_insert_encrypted large_insert_plain 'INSERT ... SELECT into encrypted_text' "$bytes" \
		"INSERT INTO large_encrypted SELECT v || '' FROM large_source" 'TRUNCATE large_encrypted; CHECKPOINT;'
	measure large large_read_plain - "reading text: count(v || '')" "$bytes" "SELECT count(v || '') FROM large_source"
	measure large large_read_encrypted large_read_plain "reading encrypted_text: count(v || '')" "$bytes" \
		"SELECT count(v || '') FROM large_encrypted" \
		"INSERT INTO large_encrypted SELECT v FROM large_source WHERE NOT EXISTS (SELECT FROM large_encrypted);"
	measure large large_seal - 'tarot.encrypt, bytea' "$bytes" "SELECT count(tarot.encrypt(b, 'bench', '')) FROM $large s, $n"
	measure large large_aes_encrypt large_seal 'pgcrypto encrypt_iv' "$bytes" "SELECT count(encrypt_iv(b, $AES)) FROM $large s, $n"
	measure large large_open - 'tarot.decrypt, bytea' "$bytes" \
		"SELECT count(tarot.decrypt(e, '')) FROM (SELECT tarot.encrypt(b, 'bench', '') AS e FROM $large s OFFSET 0) t, $n"
	measure large large_aes_decrypt large_open 'pgcrypto decrypt_iv' "$bytes" \
		"SELECT count(decrypt_iv(e, $AES)) FROM (SELECT encrypt_iv(b, $AES) AS e FROM $large s OFFSET 0) t, $n"
	run_rounds
}

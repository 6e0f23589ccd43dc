# shellcheck shell=bash
# Encrypting and decrypting by hand, beside pgcrypto.

part_functions() {
	sql <<-SQL
		CREATE TABLE samples AS SELECT v, v::bytea AS b FROM source LIMIT $SOME_ROWS;
		CREATE TABLE by_hand AS SELECT tarot.encrypt(v, 'bench', 'context') AS v, tarot.encrypt(b, 'bench', 'context') AS b,
			encrypt_iv(b, $AES) AS aes FROM samples;
		VACUUM FREEZE samples, by_hand;
	SQL
	local n=$SOME_ROWS
	measure functions seal_bytea - 'tarot.encrypt, bytea' "$n" "SELECT count(tarot.encrypt(b, 'bench', 'context')) FROM samples"
	measure functions seal_text seal_bytea 'tarot.encrypt, text' "$n" \
		"SELECT count(tarot.encrypt(v, 'bench', 'context')) FROM samples"
	measure functions aes_encrypt seal_bytea 'pgcrypto encrypt_iv, always one IV' "$n" \
		"SELECT count(encrypt_iv(b, $AES)) FROM samples"
	measure functions aes_encrypt_iv seal_bytea 'pgcrypto encrypt_iv, a random IV each' "$n" \
		"SELECT count(encrypt_iv(b, ${AES/\'\\x000102030405060708090a0b0c0d0e0f\',/gen_random_bytes(16),})) FROM samples"
	measure functions pgp_encrypt seal_bytea 'pgcrypto pgp_sym_encrypt, its defaults' "$FEW_ROWS" \
		"SELECT count(pgp_sym_encrypt(v, $PGP)) FROM (SELECT v FROM samples LIMIT $FEW_ROWS) s"
	measure functions open_bytea - 'tarot.decrypt, bytea' "$n" "SELECT count(tarot.decrypt(b, 'context')) FROM by_hand"
	measure functions open_text open_bytea 'tarot.decrypt, text' "$n" "SELECT count(tarot.decrypt(v, 'context')) FROM by_hand"
	measure functions aes_decrypt_few open_bytea 'pgcrypto decrypt_iv' "$n" "SELECT count(decrypt_iv(aes, $AES)) FROM by_hand"
	run_rounds 'SELECT count(b) FROM samples; SELECT count(b) FROM by_hand;'
}

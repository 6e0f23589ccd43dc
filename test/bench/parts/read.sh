# shellcheck shell=bash
# Reading as text and by COPY, beside a C loop over the same envelopes and beside pgcrypto.

TARGETS+='
read_encrypted      envelope_open       <= 2       reading an encrypted column, beside a C loop that opens the same envelopes
aes_decrypt         read_encrypted      >= 3       pgcrypto decrypt_iv (AES-256-CBC), beside reading an encrypted column
pgp_decrypt         read_encrypted      >= 400     pgcrypto pgp_sym_decrypt, beside reading an encrypted column
'

export_for_c() {
	sql -c "SELECT encode(r.ring_id, 'hex'), encode(v.wrapped, 'hex') FROM tarot.keyring r, tarot.key_version v
		JOIN tarot.key k USING (key_id) WHERE k.name = 'bench'" -F ' ' >"$DIR/bench-keys"
	sql -c 'SET tarot_security.io = envelope' -c '\copy encrypted TO STDOUT' >"$DIR/envelopes"
}

part_read() {
	local open
	sql <<-SQL
		CREATE TABLE encrypted (v tarot.encrypted_text('bench'));
		INSERT INTO encrypted SELECT v FROM source;
		CREATE TABLE aes AS SELECT encrypt_iv(v::bytea, $AES) AS v FROM source;
		CREATE TABLE pgp AS SELECT pgp_sym_encrypt(v, $PGP) AS v FROM source LIMIT $FEW_ROWS;
		CREATE TABLE pgp_weak AS SELECT pgp_sym_encrypt(v, $PGP, 'cipher-algo=aes256, s2k-mode=1') AS v
			FROM source LIMIT $SOME_ROWS;
		VACUUM FREEZE;
	SQL
	export_for_c
	open="'$DIR/open_bench' '$ROOT_KEY' '$DIR/bench-keys' '$DIR/envelopes'"
	measure read scan_plain - 'a scan alone: count(v) of text' "$ROWS" 'SELECT count(v) FROM source'
	measure_program read libsodium - 'in C: libsodium alone, one key, ready' ''
	measure_program read envelope_open libsodium 'in C: envelope_open over the same envelopes' "$open libsodium envelope_open"
	measure read read_encrypted envelope_open 'encrypted_text as text: count(v::text)' "$ROWS" \
		'SELECT count(v::text) FROM encrypted'
	measure read aes_decrypt read_encrypted 'pgcrypto decrypt_iv, AES-256-CBC, to bytea' "$ROWS" \
		"SELECT count(decrypt_iv(v, $AES)) FROM aes"
	measure read pgp_weak_decrypt read_encrypted 'pgcrypto pgp_sym_decrypt, of aes256, s2k-mode=1' "$SOME_ROWS" \
		"SELECT count(pgp_sym_decrypt(v, $PGP)) FROM pgp_weak"
	measure read pgp_decrypt read_encrypted 'pgcrypto pgp_sym_decrypt, of its defaults' "$FEW_ROWS" \
		"SELECT count(pgp_sym_decrypt(v, $PGP)) FROM pgp"
	measure copy copy_plain - "COPY text TO '/dev/null'" "$ROWS" "COPY source TO '/dev/null'"
	measure copy copy_encrypted copy_plain "COPY encrypted_text TO '/dev/null', in the clear" "$ROWS" \
		"COPY encrypted TO '/dev/null'"
	about read envelope_open_cpu - 'in C: envelope_open, processor time'
	about read read_encrypted_cpu envelope_open_cpu 'encrypted_text as text, processor time'
	run_rounds "SELECT count(v) FROM source; SELECT count(v::text) FROM encrypted; SELECT count(v) FROM aes;"
	rm -f "$DIR/envelopes"
}

# shellcheck shell=bash
# INSERT ... SELECT, judged in three forms, from the barest table to one with a primary key; the barest also beside text
# of as many bytes as envelopes of these values have, which tells what encrypting costs from what their width does.

TARGETS+='
insert_encrypted    insert_plain        <= 1.5     INSERT ... SELECT from a table into one of nothing but an encrypted column, beside text
insert_encrypted    insert_wide         <= 1.5     the same, beside text as wide as the envelopes
insert_key_encrypted insert_key_plain   <= 1.5   INSERT ... SELECT into a key and an encrypted column, beside a key and text
insert_made_encrypted insert_made_plain <= 1.5   INSERT ... SELECT of values that the SELECT makes, into an encrypted column, beside text
'

part_insert() {
	local warm_up='' kind
	sql <<-SQL
		CREATE TABLE into_plain (v text);
		CREATE TABLE source_wide AS SELECT rpad(v, 94, v) AS v FROM source;
		VACUUM FREEZE source_wide;
		CREATE TABLE into_wide (v text);
		CREATE TABLE into_encrypted (v tarot.encrypted_text('bench'));
		CREATE TABLE into_key_plain (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text);
		CREATE TABLE into_key_encrypted (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v tarot.encrypted_text('bench'));
	SQL
	measure insert insert_plain - 'text, the table has no other column' "$ROWS" 'INSERT INTO into_plain SELECT v FROM source' \
		'TRUNCATE into_plain; CHECKPOINT;'
	measure insert insert_wide - 'text as wide as the envelopes, no other column' "$ROWS" 'INSERT INTO into_wide SELECT v FROM source_wide' \
		'TRUNCATE into_wide; CHECKPOINT;'
	measure insert insert_encrypted insert_plain 'encrypted_text, no other column' "$ROWS" \
		'INSERT INTO into_encrypted SELECT v FROM source' 'TRUNCATE into_encrypted; CHECKPOINT;'
	measure insert insert_key_plain - 'text, beside a generated primary key' "$ROWS" \
		'INSERT INTO into_key_plain (v) SELECT v FROM source' 'TRUNCATE into_key_plain; CHECKPOINT;'
	measure insert insert_key_encrypted insert_key_plain 'encrypted_text, beside a generated primary key' "$ROWS" \
		'INSERT INTO into_key_encrypted (v) SELECT v FROM source' 'TRUNCATE into_key_encrypted; CHECKPOINT;'
	measure insert insert_made_plain - 'text, no other column, values made by the SELECT' "$ROWS" \
		"INSERT INTO into_plain SELECT lpad(g::text, 40, 'customer@example.org-') FROM generate_series(1, $ROWS) g" \
		'TRUNCATE into_plain; CHECKPOINT;'
	measure insert insert_made_encrypted insert_made_plain 'encrypted_text, no other column, values made by the SELECT' "$ROWS" \
		"INSERT INTO into_encrypted SELECT lpad(g::text, 40, 'customer@example.org-') FROM generate_series(1, $ROWS) g" \
		'TRUNCATE into_encrypted; CHECKPOINT;'
	about insert insert_plain_cpu - 'text, no other column, processor time'
	about insert insert_encrypted_cpu insert_plain_cpu 'encrypted_text, no other column, processor time'
	# Without this the first rounds would measure how new files of the write-ahead log are made; later ones use them again.
	sql -c 'INSERT INTO into_encrypted SELECT v FROM source' -c 'INSERT INTO into_wide SELECT v FROM source_wide'
	[ "$(psql_do -d tarot -Atc "SELECT pg_relation_size('into_wide') = pg_relation_size('into_encrypted')")" = t ] || die 'the wide text is not as wide as the envelopes'
	for kind in plain encrypted key_plain key_encrypted; do
		warm_up+="INSERT INTO into_$kind (v) SELECT v FROM source; CHECKPOINT;"
	done
	run_rounds "$warm_up"
	sql -c 'DROP TABLE source_wide, into_wide, into_plain, into_encrypted, into_key_plain, into_key_encrypted'
}

# shellcheck shell=bash
# Static masking of six columns, beside writing the same rows anew, and beside SQL that does the same. Static
# masking by PostgreSQL Anonymizer was measured as 111 microseconds a row: a tenth of that is the target.

TARGETS+='
anonymize           microsecond_row     <= 11.1    tarot.anonymize_table of six columns, with the search for raw values, in microseconds a row
'

part_anonymize() {
	local masks=('email' 'name' 'phone' 'card' 'partial(2,2)' 'pseudonym') mask i=0 round
	{
		echo "CREATE TABLE anonymize (id int PRIMARY KEY, c0 text, c1 text, c2 text, c3 text, c4 text, c5 text);
			INSERT INTO anonymize SELECT row_number() OVER (), substr(v, 1, 28) || '@example.org', 'Ada ' || translate(substr(v, 1, 12), '0123456789', 'ghijklmnop'),
				'+49 (30) 1234-' || 1000 + ('x' || substr(v, 1, 3))::bit(12)::int, '4111 1111 1111 ' || 1000 + ('x' || substr(v, 1, 3))::bit(12)::int, v,
				'C-' || lpad(('x' || substr(v, 1, 7))::bit(28)::int::text, 9, '0') FROM source LIMIT $SOME_ROWS;
			CREATE TABLE anonymized (LIKE anonymize);"
		for mask in "${masks[@]}"; do
			echo "SELECT tarot.create_class('a$i', 'bench', '$mask'); SELECT tarot.grant_class('a$i', 'postgres', 'plain'); SELECT tarot.classify_column('anonymize', 'c$i', 'a$i');"
			i=$((i + 1))
		done
		echo 'VACUUM FREEZE ANALYZE anonymize;'
	} | sql >/dev/null
	measure anonymize write_anew - 'VACUUM FULL' "$SOME_ROWS" 'VACUUM FULL anonymize' 'CHECKPOINT;'
	measure anonymize anonymize_sql write_anew 'INSERT ... SELECT of SQL expressions for four of the masks' "$SOME_ROWS" \
		"INSERT INTO anonymized SELECT id, regexp_replace(c0, '^(.)[^@]*@(.).*(\\.[a-z]+)\$', '\\1***@\\2***\\3'), regexp_replace(c1, '\\m(\\w)\\w+', '\\1***', 'g'), regexp_replace(c2, '\\d(?=.*\\d\\d)', '*', 'g'),
			'**** **** **** ' || right(c3, 4), c4, c5 FROM anonymize" 'TRUNCATE anonymized; CHECKPOINT;'
	measure anonymize anonymize_unverified write_anew 'tarot.anonymize_table, without the search' "$SOME_ROWS" \
		"SELECT count(*) FROM tarot.anonymize_table('anonymize', copy_to => 'public.anonymous', verify => false)" 'DROP TABLE IF EXISTS anonymous; CHECKPOINT;'
	measure anonymize anonymize write_anew 'tarot.anonymize_table, with the search for raw values' "$SOME_ROWS" \
		"SELECT count(*) FROM tarot.anonymize_table('anonymize', copy_to => 'public.anonymous')" 'DROP TABLE IF EXISTS anonymous; CHECKPOINT;'
	for ((round = 1; round <= ROUNDS; round++)); do echo "sample microsecond_row 1 0.000001" >>"$SAMPLES"; done
	run_rounds 'SET client_min_messages = warning;'
	sql -c 'DROP TABLE anonymize, anonymized, anonymous'
}

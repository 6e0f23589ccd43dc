# shellcheck shell=bash
# Single rows by pgbench: a lookup by key, and an insert.

part_transactions() {
	local round kind kinds
	for kind in plain encrypted; do
		sql <<-SQL
			CREATE TABLE lookup_$kind (id int PRIMARY KEY, v $([ $kind = plain ] && echo text || echo "tarot.encrypted_text('bench')"));
			INSERT INTO lookup_$kind SELECT row_number() OVER (), v FROM source LIMIT $LOOKUP_ROWS;
			CREATE TABLE single_$kind (LIKE lookup_$kind INCLUDING ALL);
			CREATE SEQUENCE ids_$kind CACHE 1000;
			ALTER TABLE single_$kind ALTER id SET DEFAULT nextval('ids_$kind');
			VACUUM FREEZE ANALYZE lookup_$kind;
		SQL
		printf '%s\n' "\\set id random(1, $LOOKUP_ROWS)" "SELECT v FROM lookup_$kind WHERE id = :id;" >"$DIR/lookup_$kind.sql"
		echo "INSERT INTO single_$kind (v) VALUES (:v);" >"$DIR/single_$kind.sql"
	done
	about transactions lookup_plain - 'SELECT v ... WHERE id = $1, text'
	about transactions lookup_encrypted lookup_plain 'SELECT v ... WHERE id = $1, encrypted_text'
	about transactions single_plain - 'INSERT ... VALUES ($1), text'
	about transactions single_encrypted single_plain 'INSERT ... VALUES ($1), encrypted_text'
	for ((round = 1; round <= ROUNDS; round++)); do
		kinds='plain encrypted'
		((round % 2)) || kinds='encrypted plain'
		for kind in $kinds; do transactions "lookup_$kind" "$DIR/lookup_$kind.sql"; done
		for kind in $kinds; do transactions "single_$kind" "$DIR/single_$kind.sql"; done
	done
}

# shellcheck shell=bash
# Searchable columns. Inserting is judged in two forms, the first of which moves tuples that need no projection.

TARGETS+='
insert_found        insert_sought_plain <= 2       INSERT ... SELECT from a table into a searchable encrypted column, beside text
insert_found_made insert_sought_made    <= 2       INSERT ... SELECT of values that the SELECT makes, into a searchable encrypted column, beside text
find_encrypted      find_plain          <= 1.1765  a point lookup by encrypted value, pgbench -M prepared, beside text (at least 0.85 of its rate)
join_encrypted      join_plain          <= 1.5     a hash join of two searchable encrypted columns, beside text
'

# Searchable columns beside text: without an index, by an index, and joined.
part_search() {
	local round kind kinds warm_up=''
	sql >/dev/null <<-SQL
		SELECT tarot.create_class('found', 'bench', searchable => true), tarot.grant_class('found', 'postgres', 'plain');
		CREATE TABLE sought_plain (v text);
		CREATE TABLE sought_encrypted (v tarot.encrypted_text('found'));
	SQL
	for kind in plain encrypted; do
		sql <<-SQL
			CREATE TABLE found_$kind (id int, v $([ $kind = plain ] && echo text || echo "tarot.encrypted_text('found')"));
			INSERT INTO found_$kind SELECT row_number() OVER (), v FROM source;
			CREATE TABLE again_$kind AS TABLE found_$kind;
			CREATE UNIQUE INDEX ON found_$kind (v);
			VACUUM FREEZE ANALYZE found_$kind, again_$kind;
		SQL
		echo "SELECT id FROM found_$kind WHERE v = :v;" >"$DIR/find_$kind.sql"
		warm_up+="INSERT INTO sought_$kind SELECT v FROM source; SELECT count(v) FROM again_$kind;"
	done
	measure search insert_sought_plain - 'INSERT ... SELECT into text' "$ROWS" 'INSERT INTO sought_plain SELECT v FROM source' \
		'TRUNCATE sought_plain; CHECKPOINT;'
	measure search insert_found insert_sought_plain 'INSERT ... SELECT into searchable encrypted_text' "$ROWS" \
		'INSERT INTO sought_encrypted SELECT v FROM source' 'TRUNCATE sought_encrypted; CHECKPOINT;'
	measure search insert_sought_made - 'INSERT ... SELECT into text, values made by the SELECT' "$ROWS" \
		"INSERT INTO sought_plain SELECT lpad(g::text, 40, 'customer@example.org-') FROM generate_series(1, $ROWS) g" \
		'TRUNCATE sought_plain; CHECKPOINT;'
	measure search insert_found_made insert_sought_made 'INSERT ... SELECT into searchable encrypted_text, values made by the SELECT' "$ROWS" \
		"INSERT INTO sought_encrypted SELECT lpad(g::text, 40, 'customer@example.org-') FROM generate_series(1, $ROWS) g" \
		'TRUNCATE sought_encrypted; CHECKPOINT;'
	measure search join_plain - 'hash join of text' "$ROWS" 'SELECT count(*) FROM found_plain JOIN again_plain USING (v)' "SET work_mem = '256MB';"
	measure search join_encrypted join_plain 'hash join of searchable encrypted_text' "$ROWS" \
		'SELECT count(*) FROM found_encrypted JOIN again_encrypted USING (v)' "SET work_mem = '256MB';"
	measure search group_plain - 'GROUP BY of text' "$ROWS" 'SELECT count(*) FROM (SELECT FROM found_plain GROUP BY v) g' "SET work_mem = '256MB';"
	measure search group_encrypted group_plain 'GROUP BY of searchable encrypted_text' "$ROWS" \
		'SELECT count(*) FROM (SELECT FROM found_encrypted GROUP BY v) g' "SET work_mem = '256MB';"
	measure search index_plain - 'CREATE INDEX on text' "$ROWS" 'CREATE INDEX again_index ON again_plain (v)' 'DROP INDEX IF EXISTS again_index;'
	measure search index_encrypted index_plain 'CREATE INDEX on searchable encrypted_text' "$ROWS" \
		'CREATE INDEX again_index ON again_encrypted (v)' 'DROP INDEX IF EXISTS again_index;'
	run_rounds "$warm_up"
	about lookups find_plain - 'SELECT id ... WHERE v = $1, text'
	about lookups find_encrypted find_plain 'SELECT id ... WHERE v = $1, searchable encrypted_text'
	for ((round = 1; round <= ROUNDS; round++)); do
		kinds='plain encrypted'
		((round % 2)) || kinds='encrypted plain'
		for kind in $kinds; do transactions "find_$kind" "$DIR/find_$kind.sql"; done
	done
	sql -c 'DROP TABLE sought_plain, sought_encrypted, found_plain, found_encrypted, again_plain, again_encrypted'
}

# shellcheck shell=bash
# A key for each data subject: what a value costs with a million subjects, beside the first ten thousand, and how much
# memory a session comes to need.

TARGETS+='
subjects_write_many subjects_write_few   <= 1.5     writing the first value of each of a million data subjects, a value, beside that of the first ten thousand
subjects_read_many  subjects_read_few    <= 2.5     reading a value of each, whose keys no cache holds, beside ten thousand, whose keys one does
subjects_one_many   subjects_one_few     <= 1.5     reading one by its key, pgbench -M prepared, beside ten thousand
subjects_memory     megabyte             <= 4       what reading a million adds to the memory of a session that has read ten thousand, in MiB
'

# subjects_phase KIND BASE COUNT TURNS: values of so many subjects that have none yet, written in so many turns, and read.
subjects_phase() {
	local kind=$1 base=$2 count=$3 turns=$4 turn
	local each=$((count / turns))
	for ((turn = 0; turn < turns; turn++)); do
		measure subjects "subjects_write_$kind" "${base:--}${base:+_write_few}" "writing the first value of each, $kind" "$each" \
			"INSERT INTO subjects_$kind SELECT i, '$kind-' || i, 'The Star, reversed, in the ninth house.' FROM generate_series($((turn * each)) + 1, $(((turn + 1) * each))) AS i"
	done
	ROUNDS=1 run_rounds
	sql -c "VACUUM FREEZE ANALYZE subjects_$kind, tarot.subject_key"
	measure subjects "subjects_read_$kind" "${base:--}${base:+_read_few}" "reading them: count(note::text), $kind" "$count" "SELECT count(note::text) FROM subjects_$kind"
	run_rounds
	printf '%s\n' "\\set id random(1, $count)" "SELECT note::text FROM subjects_$kind WHERE id = :id;" >"$DIR/subjects_$kind.sql"
	about subject_lookups "subjects_one_$kind" "${base:--}${base:+_one_few}" "SELECT note ... WHERE id = ..., $kind"
}

part_subjects() {
	local many=$ROWS few=$((ROWS / 100)) round before after kind kinds
	sql >/dev/null <<-SQL
		SELECT tarot.create_key('people'), tarot.create_class('subjects', 'people', per_subject => true);
		SELECT tarot.grant_class('subjects', 'postgres', 'plain');
		CREATE TABLE subjects_few (id bigint PRIMARY KEY, person text NOT NULL, note tarot.encrypted_text('subjects'));
		CREATE TABLE subjects_many (LIKE subjects_few INCLUDING ALL);
		SELECT tarot.set_subject(t, 'note', subject => 'person') FROM unnest('{subjects_few,subjects_many}'::regclass[]) AS t;
	SQL
	subjects_phase few '' "$few" "$ROUNDS"
	subjects_phase many subjects "$many" "$ROUNDS"
	for ((round = 1; round <= ROUNDS; round++)); do
		kinds='few many'
		((round % 2)) || kinds='many few'
		for kind in $kinds; do transactions "subjects_one_$kind" "$DIR/subjects_$kind.sql"; done
	done

	# One session reads the few, and then the many; how much of the memory is its own stands in /proc.
	for ((round = 1; round <= ROUNDS; round++)); do
		sql >"$DIR/subjects.out" <<-SQL
			SELECT pg_backend_pid() AS pid \gset
			\setenv BACKEND :pid
			SELECT count(note::text) FROM subjects_few \g /dev/null
			\! awk '/^RssAnon/ { print \$2 / 1024 }' /proc/\$BACKEND/status
			SELECT count(note::text) FROM subjects_many \g /dev/null
			\! awk '/^RssAnon/ { print \$2 / 1024 }' /proc/\$BACKEND/status
		SQL
		{ read -r before; read -r after; } <"$DIR/subjects.out"
		awk -v before="$before" -v after="$after" 'BEGIN { printf "sample subjects_memory 1 %.6f\nsample megabyte 1 1\n", after - before }' >>"$SAMPLES"
	done
	sql -c 'DROP TABLE subjects_few, subjects_many'
}

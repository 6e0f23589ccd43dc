# shellcheck shell=bash disable=SC2034 # TARGETS is for run
# The time a row takes, over the number of rows: from 10 thousand to 10 million, of 40 bytes each, beside text.
# 10 million rows take 6 GB of disk and of memory while it is measured.

read -ra SIZES <<<"${BENCH_SIZES:-10000 100000 1000000 10000000}"
LARGEST=${SIZES[-1]}
# What it grows from: at the smallest size of all, a statement's own beginning and end are counted too.
GROWS_FROM=${SIZES[$((${#SIZES[@]} > 2))]}

thousands() { sed -E ':a; s/([0-9])([0-9]{3})($| )/\1 \2\3/; ta' <<<"$1"; }

# Linear is what costs the same a row, however many there are. The clock alone cannot tell: processors change their
# speed, and larger tables wait longer for memory, text too. So it is judged how many times as long as text it takes
# (tarot.reseal: as an UPDATE of the same rows), measured beside it each time: at the largest size, divided by the
# same at GROWS_FROM. A cost of ours that goes by the number of rows squared grows a hundredfold there from 100 thousand to
# 10 million; a quarter is left to noise and to memory.
linear_target() {
	TARGETS+="$1_largest $1_small <= 1.25 $3: ratio to $2 at $(thousands "$LARGEST") rows, beside that at $(thousands "$GROWS_FROM")"$'\n'
}
linear_target insert_encrypted text 'searchable INSERT ... SELECT'
linear_target read_encrypted text 'reading searchable text'
linear_target reseal UPDATE 'tarot.reseal'
linear_target seek_encrypted text 'lookup by index'

# What a kind of column is measured with.
declare -A INSERT_TITLE=([plain]='INSERT ... SELECT into text' [encrypted]='INSERT ... SELECT into searchable encrypted_text')
declare -A READ_TITLE=([plain]='reading text: count(v)' [encrypted]='reading encrypted_text as text: count(v::text)')
declare -A READ=([plain]='count(v)' [encrypted]='count(v::text)')

# measure_turn SIZE KIND KIND: both filled, and read three times; then the encrypted rows written anew, as they are and
# under a new key version. There is no index, nor are the tables logged: what is measured is not the disk's.
measure_turn() {
	local n=$1 kinds="$2 $3" kind read before='TRUNCATE linear_plain, linear_encrypted, linear_copy;'
	for kind in $kinds; do
		measure tables "insert_$kind@$n" "$(beside insert "$kind" "$n")" "${INSERT_TITLE[$kind]}" "$n" "INSERT INTO linear_$kind TABLE source_$n" "$before"
		before=''
	done
	before='VACUUM linear_plain, linear_encrypted;'
	for read in 1 2 3; do
		for kind in $kinds; do
			measure tables "read_$kind@$n" "$(beside read "$kind" "$n")" "${READ_TITLE[$kind]}" "$n" "SELECT ${READ[$kind]} FROM linear_$kind" "$before"
			before=''
		done
	done
	before="TRUNCATE linear_plain; INSERT INTO linear_copy TABLE linear_encrypted; VACUUM linear_copy; SELECT tarot.rotate_key('linear');"
	for kind in $kinds; do
		if [ "$kind" = plain ]; then
			measure tables "update@$n" - 'UPDATE ... SET v = v of these rows' "$n" 'UPDATE linear_copy SET v = v' "$before"
			before='TRUNCATE linear_copy;'
		else
			measure tables "reseal@$n" "update@$n" 'tarot.reseal of these rows' "$n" "CALL tarot.reseal('linear_encrypted')" "$before"
			before='TRUNCATE linear_encrypted;'
		fi
	done
}

beside() { if [ "$2" = plain ]; then echo -; else echo "$1_plain@$3"; fi; }

# Small tables have more turns in a round, up to ten: what disturbs a moment counts for more there.
measure_tables() {
	local n round turn
	for ((round = 1; round <= ROUNDS; round++)); do
		for n in "${SIZES[@]}"; do
			for ((turn = 0; turn < 10 && turn <= 500000 / n; turn++)); do
				if (((round + turn) % 2)); then measure_turn "$n" plain encrypted; else measure_turn "$n" encrypted plain; fi
			done
		done
		ROUNDS=1 run_rounds "INSERT INTO linear_plain TABLE source_$GROWS_FROM; INSERT INTO linear_encrypted TABLE source_$GROWS_FROM;"
	done
}

# Values that are there, at random, so that all of the index is used; it is in shared buffers before, as the table is. Many
# short runs: the one beside must be near.
measure_lookups() {
	local n turn kind kinds
	for n in "${SIZES[@]}"; do
		sql >/dev/null <<-SQL
			CREATE UNLOGGED TABLE seek_encrypted_$n (LIKE linear_encrypted);
			INSERT INTO seek_encrypted_$n TABLE source_$n;
			ALTER TABLE source_$n RENAME TO seek_plain_$n;
			CREATE UNIQUE INDEX ON seek_plain_$n (v);
			CREATE UNIQUE INDEX ON seek_encrypted_$n (v);
			VACUUM ANALYZE seek_plain_$n, seek_encrypted_$n;
			SELECT pg_prewarm(indexrelid) FROM pg_index WHERE indrelid IN ('seek_plain_$n'::regclass, 'seek_encrypted_$n'::regclass);
		SQL
		for kind in plain encrypted; do
			printf '%s\n' "\\set id random(1, $n)" \
				"SELECT id FROM seek_${kind}_$n WHERE v = substr(md5(:id) || md5('-' || :id), 1, 40);" >"$DIR/seek_${kind}_$n.sql"
		done
		about seeks "seek_plain@$n" - 'SELECT id ... WHERE v = ..., text'
		about seeks "seek_encrypted@$n" "seek_plain@$n" 'SELECT id ... WHERE v = ..., searchable encrypted_text'
	done
	for ((turn = 1; turn <= 2 * ROUNDS; turn++)); do
		kinds='plain encrypted'
		((turn % 2)) || kinds='encrypted plain'
		for n in "${SIZES[@]}"; do
			for kind in $kinds; do SECONDS_EACH=1 transactions "seek_$kind@$n" "$DIR/seek_${kind}_$n.sql"; done
		done
	done
	for n in "${SIZES[@]}"; do sql -c "DROP TABLE seek_plain_$n, seek_encrypted_$n"; done
}

# ratios NAME BASE SIZE: of each time that both were measured at that size.
ratios() {
	awk -v name="$1@$3" -v base="$2@$3" '$1 != "sample" { next }
		$2 == name { x[++n] = $4 / $3 }
		$2 == base { y[++m] = $4 / $3 }
		END { for (i = 1; i <= n; i++) printf "%.6f\n", x[i] / y[i] }' "$SAMPLES"
}

# judge NAME BASE: for the target, the ratio of each round, and beside it the median of the small size.
judge() {
	local small ratio large
	small=$(ratios "$1" "$2" "$GROWS_FROM" | sort -n | awk '{ t[NR] = $1 } END { print (t[int((NR + 1) / 2)] + t[int(NR / 2) + 1]) / 2 }')
	large=$(ratios "$1" "$2" "$LARGEST")
	for ratio in $large; do printf '%s\n' "sample $1_largest 1 $ratio" "sample $1_small 1 $small"; done >>"$SAMPLES"
}

# restart SETTING...: the server, with other settings than the rest of the benchmark has.
restart() {
	server_stop
	{ server_settings; printf '%s\n' "$@"; } | as_pg tee "$DATA/postgresql.auto.conf" >/dev/null
	server_start
}

part_linear() {
	local n ROUNDS=$((ROUNDS < 3 ? ROUNDS : 3)) # it is long
	# Room for all that is looked at: text fits into less than encrypted text does, and one of them alone must not.
	# And tarot.reseal, which commits a thousand times, does not wait for the disk.
	restart "shared_buffers = $((LARGEST * 550 / 1048576 + 1024))MB" 'synchronous_commit = off'
	sql >/dev/null <<-SQL
		CREATE EXTENSION pg_prewarm;
		SELECT tarot.create_key('linear'), tarot.create_class('linear', 'linear', searchable => true);
		SELECT tarot.grant_class('linear', 'postgres', 'plain');
		CREATE UNLOGGED TABLE linear_plain (id int, v text);
		CREATE UNLOGGED TABLE linear_encrypted (id int, v tarot.encrypted_text('linear'));
		CREATE UNLOGGED TABLE linear_copy (LIKE linear_encrypted);
	SQL
	for n in "${SIZES[@]}"; do
		sql <<-SQL
			CREATE UNLOGGED TABLE source_$n (LIKE linear_plain);
			INSERT INTO source_$n SELECT i, substr(md5(i::text) || md5((-i)::text), 1, 40) FROM generate_series(1, $n) i;
			VACUUM FREEZE source_$n;
		SQL
	done
	measure_tables
	sql -c 'TRUNCATE linear_plain, linear_encrypted, linear_copy'
	measure_lookups
	sql -c 'DROP TABLE linear_plain, linear_encrypted, linear_copy'
	judge insert_encrypted insert_plain
	judge read_encrypted read_plain
	judge reseal update
	judge seek_encrypted seek_plain
	restart
}

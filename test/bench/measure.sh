# shellcheck shell=bash
# What the parts measure with. Samples go into a file, a line each: the measurement, how many values, how many seconds.

# about GROUP NAME BASE TITLE: BASE is what the measurement is compared with in the tables; - for none.
about() { printf '%s\t%s\t%s\t%s\n' "$@" >>"$ABOUT"; }

# measure GROUP NAME BASE TITLE VALUES STATEMENT [BEFORE]: a statement to be timed, with what comes
# before it untimed. They are kept until run_rounds. The processor time that the backend took is measured too, as
# NAME_cpu: the kernel counts it in nanoseconds.
BLOCKS=()
measure() {
	about "$1" "$2" "$3" "$4"
	BLOCKS+=("${7:-}
\\! awk '{ print \"$2\", $5, \$1 }' /proc/\$BACKEND/schedstat >>'$DIR/cpu.txt'
\\echo sample $2 $5
$6;
\\echo end
\\! awk '{ print \"$2\", $5, \$1 }' /proc/\$BACKEND/schedstat >>'$DIR/cpu.txt'")
}

# measure_program GROUP NAME BASE TITLE COMMAND: a command that prints its own samples.
measure_program() {
	about "$1" "$2" "$3" "$4"
	[ -z "$5" ] || BLOCKS+=("\\! $5 >>'$SAMPLES'")
}

# run_rounds [WARM-UP]: all that is kept, in turn, in one session; every other round backwards, so that
# what comes after what does not count either.
run_rounds() {
	local round i status=0
	{
		printf '%s\n' '\set ON_ERROR_STOP on' 'SELECT pg_backend_pid() AS pid \gset' '\setenv BACKEND :pid' \
			'\o /dev/null' "${1:-}" '\timing on'
		for ((round = 1; round <= ROUNDS; round++)); do
			for ((i = 0; i < ${#BLOCKS[@]}; i++)); do
				if ((round % 2)); then echo "${BLOCKS[i]}"; else echo "${BLOCKS[${#BLOCKS[@]} - 1 - i]}"; fi
			done
		done
	} >"$DIR/rounds.sql"
	: >"$DIR/cpu.txt"
	sql -f "$DIR/rounds.sql" >"$DIR/rounds.out" 2>"$DIR/rounds.err" || status=$?
	if [ $status != 0 ]; then
		cat "$DIR/rounds.err" >&2
		die "a statement failed"
	fi
	awk '$1 == "sample" { name = $2; values = $3 }
		$1 == "end" { name = "" }
		$1 == "Time:" && name != "" { printf "sample %s %s %.9f\n", name, values, $2 / 1000 }' "$DIR/rounds.out" >>"$SAMPLES"
	awk 'NR % 2 { before = $3; next } { printf "sample %s_cpu %s %.9f\n", $1, $2, ($3 - before) / 1e9 }' "$DIR/cpu.txt" >>"$SAMPLES"
	BLOCKS=()
}

# transactions NAME SCRIPT [OPTION...]: pgbench, one client, prepared statements; in $DATABASE, if that is set.
transactions() {
	local name=$1 script=$2 out
	shift 2
	out=$(PGOPTIONS='-c synchronous_commit=off' "$INST$PG_BIN/pgbench" -n -M prepared -c 1 -T "$SECONDS_EACH" \
		-D "v=The_Tower,_reversed,_in_the_ninth_house." -f "$script" "$@" -h "$SOCKET" -p $PORT -U postgres "${DATABASE:-tarot}" 2>&1) ||
		{ echo "$out" >&2; die 'pgbench failed'; }
	echo "$out" | awk -v name="$name" '
		/^number of transactions actually processed:/ { n = $NF + 0 }
		/^tps = / { tps = $3 }
		END { printf "sample %s %d %.9f\n", name, n, n / tps }' >>"$SAMPLES"
}

# writer_p99 NAME SECONDS: what 99 % of the transactions of a client that does what writer.sql says stay below.
writer_p99() {
	rm -f "$DIR"/writer.log.*
	"$INST$PG_BIN/pgbench" -n -M prepared -c 1 -T "$2" -l --log-prefix="$DIR/writer.log" -f "$DIR/writer.sql" -h "$SOCKET" -p $PORT -U postgres tarot >"$DIR/writer.out" 2>&1 ||
		{ cat "$DIR/writer.out" >&2; die "pgbench failed"; }
	cat "$DIR"/writer.log.* | awk '{ print $3 }' | sort -n | awk -v name="$1" '{ t[NR] = $1 }
		END { printf "sample %s 1 %.9f\n", name, t[int(NR * 0.99) + (NR < 100)] / 1e6 }' >>"$SAMPLES"
}

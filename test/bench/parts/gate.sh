# shellcheck shell=bash

TARGETS+='
gate_verdict        gate_open           <= 0.05    what the gate does to reach its verdict, beside opening (instructions)
root_unwraps        backends            <= 1       the root key is used once in a backend, to unwrap
data_unwraps        backends            <= 1       a data key is unwrapped once in a backend
'

# The gate's verdict is a few comparisons, too short for a clock. Callgrind counts the instructions of a
# backend in the cast to text, by function and source line: over some values, and over twice as many. What
# differs is what each value costs; what is the same in both, a backend does once.
part_gate() {
	local n
	sql <<-SQL
		CREATE TABLE gate_1 (v tarot.encrypted_text('bench'));
		CREATE TABLE gate_2 (v tarot.encrypted_text('bench'));
		INSERT INTO gate_1 SELECT v FROM source LIMIT $GATE_VALUES;
		INSERT INTO gate_2 SELECT v FROM source LIMIT $GATE_VALUES * 2;
	SQL
	server_stop
	for n in 1 2; do
		as_pg rm -f "$DIR/pg/callgrind.$n"
		echo "SELECT count(v::text) FROM gate_$n" |
			as_pg valgrind --tool=callgrind --toggle-collect=tarot_column_open --dump-line=yes \
				--compress-strings=no --compress-pos=no --callgrind-out-file="$DIR/pg/callgrind.$n" \
				"$INST$PG_BIN/postgres" --single -D "$DATA" tarot >"$DIR/callgrind.log" 2>&1 9>&- ||
			{ tail -n 20 "$DIR/callgrind.log" >&2; die "callgrind failed"; }
		grep -q 'count = "' "$DIR/callgrind.log" || { cat "$DIR/callgrind.log" >&2; die "callgrind failed"; }
	done
	about gate gate_cast - 'the whole cast to text, in instructions a value'
	about gate gate_open gate_cast 'opening the envelope: KeyRingOpen'
	about gate gate_verdict gate_open 'the verdict: class, role and epoch as before?'
	about gate gate_all gate_open 'all that the gate executes itself, verdict included'
	about calls backends - 'backends'
	about calls root_unwraps - 'uses of the root key (RootKeyWrapping)'
	about calls data_unwraps - 'data keys unwrapped'
	about calls grants_read - 'times that grants were read'
	about calls opens - 'envelopes of values opened'
	as_pg cat "$DIR/pg/callgrind.1" >"$DIR/callgrind.1"
	as_pg cat "$DIR/pg/callgrind.2" >"$DIR/callgrind.2"
	perl "$SRC/test/bench/gate-cost" "$SRC/extension/gate/gate.c" $GATE_VALUES "$DIR/callgrind.1" "$DIR/callgrind.2" >>"$SAMPLES"
}

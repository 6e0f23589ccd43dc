# shellcheck shell=bash

TARGETS+='
convert_writer      alone_writer        <= 3       p99 of single-row updates beside encrypt_column concurrently, beside p99 without it
'

# One client alone, and beside the conversion, which takes longer than it.
part_convert() {
	local round seconds=$((ROWS / 125000 + 1)) call
	printf '%s\n' "\\set id random(1, $ROWS)" 'UPDATE convert SET n = n + 1 WHERE id = :id;' >"$DIR/writer.sql"
	about convert alone_writer - 'UPDATE of a row, nothing else at work, p99'
	about convert convert_writer alone_writer 'beside encrypt_column, concurrently, p99'
	for ((round = 1; round <= ROUNDS; round++)); do
		sql <<-SQL
			DROP TABLE IF EXISTS convert;
			CREATE TABLE convert (id int PRIMARY KEY, v text, n int NOT NULL DEFAULT 0);
			INSERT INTO convert SELECT row_number() OVER (), v FROM source;
			VACUUM FREEZE convert;
			CHECKPOINT;
		SQL
		writer_p99 alone_writer "$seconds"
		sql -c 'SET client_min_messages = warning' -c "CALL tarot.encrypt_column('convert', 'v', 'bench', concurrently => true)" &
		call=$!
		writer_p99 convert_writer "$seconds"
		kill -0 $call 2>/dev/null || say "convert: the conversion ended before the writer; BENCH_ROWS is too small"
		wait $call || die "the conversion failed"
	done
	sql -c 'DROP TABLE convert'
}

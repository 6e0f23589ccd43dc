# shellcheck shell=bash
# Retention: a tenth of a table in batches, deleted or anonymized, beside one DELETE or UPDATE; what writers beside it wait; and what policies cost that are
# not due.

TARGETS+='
retention           delete_once         <= 2       A tenth of a table by retention, batch for batch, beside one DELETE (at least 0.5 of its rate)
kept_writer         kept_writer_alone   <= 2       p99 of single-row updates of a table beside its retention, beside p99 without it
kept_batch          hundred_milliseconds <= 1      The longest batch beside these, which is how long its locks are held, beside 100 milliseconds
kept_share          half_and_some       <= 1       The part of the time that the run beside these is at work, beside 0.55 (tarot_security.job_share is 0.5)
held_batch          hundred_milliseconds <= 1      The longest batch where data subjects are on hold, 2 000 of them, that are found over two foreign keys, beside 100 milliseconds
anonymize_old       update_once         <= 2       A tenth of a table anonymized by retention, a plain and an encrypted column, beside one UPDATE by the same masks (at least 0.5 of its rate)
due_check           fifty_milliseconds  <= 1       Finding that none of 1 000 policies is due, beside 50 milliseconds
'

# One client that updates rows which stay, alone and beside the policy. A batch is a transaction: how old that gets is looked at two hundred times a second,
# which takes a share of the processors, and so is done beside the writer alone, too.
part_retention_writers() {
	local round seconds=$((ROWS / 250000 + 1)) call
	printf '%s\n' "\\set id random(1, $ROWS - 1) * 10 + 1" "UPDATE kept SET note = 'changed' WHERE id = :id;" >"$DIR/writer.sql"
	echo "INSERT INTO watched SELECT extract(epoch FROM clock_timestamp() - xact_start) FROM pg_stat_activity WHERE query = 'CALL tarot.run_due_jobs()';" >"$DIR/watch.sql"
	about retention_writers kept_writer_alone - 'UPDATE of a row, nothing else at work, p99'
	about retention_writers kept_writer kept_writer_alone 'beside tarot.run_due_jobs(), p99'
	about retention_batches kept_batch - 'the longest one beside these'
	about retention_share kept_share - 'tarot.run_due_jobs()'
	for ((round = 1; round <= ROUNDS; round++)); do
		sql -c 'DROP TABLE IF EXISTS watched' -c 'CREATE UNLOGGED TABLE watched (age double precision)'
		sql <<<"$1 SELECT tarot.run_job_soon('kept');"
		watched_writer kept_writer_alone "$seconds"
		sql -c 'CALL tarot.run_due_jobs()' &
		call=$!
		watched_writer kept_writer "$seconds"
		# While the writer is there: later nobody else is at work.
		sql -c "SELECT format('sample kept_share 1 %s', seconds / extract(epoch FROM updated_at - started_at)) FROM tarot.job_run WHERE job = 'kept' ORDER BY number DESC LIMIT 1" >>"$SAMPLES"
		echo 'sample half_and_some 1 0.55' >>"$SAMPLES"
		kill -0 $call 2>/dev/null || say "retention: it ended before the writer; BENCH_ROWS is too small"
		wait $call || die "retention failed"
		sql -c "SELECT format('sample kept_batch 1 %s', max(age)) FROM watched" >>"$SAMPLES"
		echo 'sample hundred_milliseconds 1 0.1' >>"$SAMPLES"
	done
	sql -c 'DROP TABLE watched'
}

# watched_writer NAME SECONDS
watched_writer() {
	local watch
	"$INST$PG_BIN/pgbench" -n -c 1 -R 200 -T "$2" -f "$DIR/watch.sql" -h "$SOCKET" -p $PORT -U postgres tarot >"$DIR/watch.out" 2>&1 &
	watch=$!
	writer_p99 "$1" "$2"
	wait $watch || { cat "$DIR/watch.out" >&2; die "pgbench failed"; }
}

# Whose the rows are two other tables tell. A batch is a transaction, and an entry of pg_stat_activity from its begin to its end.
part_retention_held() {
	local round call
	about retention_held held_batch - 'the longest batch, 2 000 data subjects on hold, found over two foreign keys'
	sql <<-SQL >/dev/null
		CREATE TABLE held_person (id bigint PRIMARY KEY, code text);
		CREATE TABLE held_order (id bigint PRIMARY KEY, person bigint REFERENCES held_person);
		CREATE TABLE held (id bigint, "order" bigint REFERENCES held_order, made_at timestamptz NOT NULL);
		INSERT INTO held_person SELECT g, g FROM generate_series(1, $LOOKUP_ROWS) AS g;
		INSERT INTO held_order SELECT g, g FROM generate_series(1, $LOOKUP_ROWS) AS g;
		VACUUM ANALYZE held_person, held_order;
		SELECT tarot.register_subject_table('held_person', 'code'), tarot.register_subject_table('held_order', via => 'held_person'), tarot.register_subject_table('held', via => 'held_order');
		SELECT count(tarot.hold_subject((g * 10)::text, 'bench')) FROM generate_series(1, 2000) AS g;
		SELECT tarot.add_retention('held', 'made_at', '1 year', policy => 'held');
	SQL
	echo "INSERT INTO watched SELECT extract(epoch FROM clock_timestamp() - xact_start) FROM pg_stat_activity WHERE query = 'CALL tarot.run_due_jobs()';" >"$DIR/watch.sql"
	for ((round = 1; round <= ROUNDS; round++)); do
		sql -c 'DROP TABLE IF EXISTS watched' -c 'CREATE UNLOGGED TABLE watched (age double precision)' \
			-c "TRUNCATE held" -c "INSERT INTO held SELECT g, 1 + g % $LOOKUP_ROWS, '2020-01-01' FROM generate_series(1, $ROWS / 2) AS g" -c 'VACUUM ANALYZE held' -c CHECKPOINT \
			-c "SELECT tarot.run_job_soon('held')" >/dev/null
		sql -c 'CALL tarot.run_due_jobs()' &
		call=$!
		while kill -0 $call 2>/dev/null; do
			"$INST$PG_BIN/pgbench" -n -c 1 -R 200 -T 1 -f "$DIR/watch.sql" -h "$SOCKET" -p $PORT -U postgres tarot >"$DIR/watch.out" 2>&1 || { cat "$DIR/watch.out" >&2; die "pgbench failed"; }
		done
		wait $call || die "retention failed"
		sql -c "SELECT format('sample held_batch 1 %s', max(age)) FROM watched" >>"$SAMPLES"
	done
	sql -c 'DROP TABLE watched, held, held_order, held_person' -c 'SELECT count(tarot.release_subject(h.subject)) FROM tarot.subject_hold h WHERE h.released_at IS NULL' >/dev/null
}

part_retention() {
	local round filled
	# By hand, not by the worker beside it.
	sql -c 'ALTER SYSTEM SET tarot_security.worker = off' -c 'SELECT pg_reload_conf()' >/dev/null
	filled="TRUNCATE kept; INSERT INTO kept SELECT g, CASE WHEN g % 10 = 0 THEN timestamptz '2020-01-01' ELSE now() END, 'note ' || g FROM generate_series(1, $((ROWS * 10))) AS g; VACUUM ANALYZE kept; CHECKPOINT;"
	sql <<-SQL >/dev/null
		CREATE TABLE kept (id bigint PRIMARY KEY, made_at timestamptz NOT NULL, note text);
		SELECT tarot.add_retention('kept', 'made_at', '1 year', policy => 'kept');
	SQL
	measure retention delete_once - 'DELETE, one statement' "$ROWS" "DELETE FROM kept WHERE made_at < now() - interval '1 year'" "$filled"
	measure retention retention delete_once 'tarot.run_due_jobs()' "$ROWS" 'CALL tarot.run_due_jobs()' "$filled SELECT tarot.run_job_soon('kept');"
	run_rounds
	part_retention_writers "$filled"
	sql -c 'DROP TABLE kept' >/dev/null
	part_retention_held
	filled="TRUNCATE kept; INSERT INTO kept SELECT g, 'Ada Lovelace ' || g, '4111 1111 1111 ' || 1000 + g % 9000, CASE WHEN g % 10 = 0 THEN timestamptz '2020-01-01' ELSE now() END FROM generate_series(1, $((ROWS * 10))) AS g; VACUUM ANALYZE kept; CHECKPOINT;"
	sql <<-SQL >/dev/null
		SELECT tarot.create_key('kept'), tarot.create_class('kept name', key => 'kept', mask => 'name'), tarot.create_class('kept card', key => 'kept', mask => 'card');
		SELECT tarot.grant_class(c, current_user::regrole, 'plain') FROM unnest('{kept name,kept card}'::text[]) AS c;
		CREATE TABLE kept (id bigint PRIMARY KEY, name text, card tarot.encrypted_text('kept card'), made_at timestamptz NOT NULL, anonymized_at timestamptz);
		SELECT tarot.classify_column('kept', 'name', 'kept name');
		SELECT tarot.add_retention('kept', 'made_at', '1 year', 'anonymize', policy => 'kept');
	SQL
	measure anonymizing update_once - 'UPDATE, one statement' "$ROWS" "UPDATE kept SET name = tarot.preview_mask('kept name', name), card = tarot.preview_mask('kept card', card::text), anonymized_at = now() WHERE made_at < now() - interval '1 year' AND anonymized_at IS NULL" "$filled"
	measure anonymizing anonymize_old update_once 'tarot.run_due_jobs()' "$ROWS" 'CALL tarot.run_due_jobs()' "$filled SELECT tarot.run_job_soon('kept');"
	run_rounds
	sql -c 'DROP TABLE kept' -c 'CREATE TABLE kept (id bigint, made_at timestamptz)' \
		-c "SELECT count(tarot.add_retention('kept', 'made_at', '1 year', window_start => '1:00', window_end => '3:00', policy => 'policy ' || i)) FROM generate_series(1, 1000) AS i" \
		-c "INSERT INTO kept SELECT g, '2999-01-01' FROM generate_series(1, 10) AS g" >/dev/null
	sql -c "UPDATE tarot.job_state SET due_at = now() + interval '1 day'" -c 'VACUUM ANALYZE tarot.job_state, tarot.job' >/dev/null
	for ((round = 1; round <= ROUNDS; round++)); do echo 'sample fifty_milliseconds 1 0.05' >>"$SAMPLES"; done
	measure due due_check - 'tarot.run_due_jobs(), 1 000 policies, none of them due' 1 'CALL tarot.run_due_jobs()'
	run_rounds
	sql -c 'DROP TABLE kept' -c 'ALTER SYSTEM RESET tarot_security.worker' -c 'SELECT pg_reload_conf()' >/dev/null
}

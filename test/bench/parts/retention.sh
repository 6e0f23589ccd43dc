# shellcheck shell=bash
# Retention: a tenth of a table in batches, beside one DELETE; and what policies cost that are not due.

TARGETS+='
retention           delete_once         <= 2       A tenth of a table by retention, batch for batch, beside one DELETE (at least 0.5 of its rate)
due_check           fifty_milliseconds  <= 1       Finding that none of 1 000 policies is due, beside 50 milliseconds
'

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
	sql -c 'DROP TABLE kept' -c 'CREATE TABLE kept (id bigint, made_at timestamptz)' \
		-c "SELECT count(tarot.add_retention('kept', 'made_at', '1 year', window_start => '1:00', window_end => '3:00', policy => 'policy ' || i)) FROM generate_series(1, 1000) AS i" \
		-c "INSERT INTO kept SELECT g, '2999-01-01' FROM generate_series(1, 10) AS g" >/dev/null
	sql -c "UPDATE tarot.job_state SET due_at = now() + interval '1 day'" -c 'VACUUM ANALYZE tarot.job_state, tarot.job' >/dev/null
	for ((round = 1; round <= ROUNDS; round++)); do echo 'sample fifty_milliseconds 1 0.05' >>"$SAMPLES"; done
	measure due due_check - 'tarot.run_due_jobs(), 1 000 policies, none of them due' 1 'CALL tarot.run_due_jobs()'
	run_rounds
	sql -c 'DROP TABLE kept' -c 'ALTER SYSTEM RESET tarot_security.worker' -c 'SELECT pg_reload_conf()' >/dev/null
}

# shellcheck shell=bash
# Retention: a tenth of a table in batches, deleted or anonymized, beside one DELETE or UPDATE; and what policies cost that are not due.

TARGETS+='
retention           delete_once         <= 2       A tenth of a table by retention, batch for batch, beside one DELETE (at least 0.5 of its rate)
anonymize_old       update_once         <= 2       A tenth of a table anonymized by retention, a plain and an encrypted column, beside one UPDATE by the same masks (at least 0.5 of its rate)
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
	sql -c 'DROP TABLE kept' >/dev/null
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

# shellcheck shell=bash
# Sealing the audit log, proofs from a log and from one a hundred times as long, and verifying it.

TARGETS+='
seal                seal_five_microseconds <= 1   Sealing 100 000 entries, by the clock, beside 5 microseconds each: 200 000 a second
'"proof_hashes@$ROWS proof_hashes@$((ROWS / 100)) <= 1.75 Hashes of an inclusion proof, beside those from a hundredth of the entries
proof@$ROWS         proof@$((ROWS / 100)) <= 5    Its time, likewise
"

# In transactions of a thousand entries, so that a proof has to find one among many.
fill_log() {
	sql <<-SQL >/dev/null
		TRUNCATE sealed_ledger, tarot.audit_entry, tarot.audit_tile, tarot.audit_checkpoint, tarot.audit_frontier;
		CALL fill_ledger($1);
		SELECT tarot.seal_audit();
		DROP TABLE IF EXISTS chosen;
		CREATE TABLE chosen AS SELECT system, transaction, number FROM tarot.audit_entry WHERE operation = 'I' ORDER BY hashint8extended(number, transaction::text::bigint) LIMIT 500;
		VACUUM ANALYZE tarot.audit_entry, tarot.audit_tile, chosen;
		CHECKPOINT;
	SQL
}

part_seal() {
	local round size entries=$((ROWS / 10))
	# By hand, not by the worker beside it.
	sql -c 'ALTER SYSTEM SET tarot_security.audit_seal_interval = 0' -c 'SELECT pg_reload_conf()' >/dev/null
	sql <<-SQL >/dev/null
		CREATE TABLE sealed_ledger (id bigint PRIMARY KEY, customer int, name text, address text, amount numeric(12,2), open boolean, at timestamptz, due date, weight float8, note text);
		SELECT tarot.audit_table('sealed_ledger');
		CREATE PROCEDURE fill_ledger(rows bigint) LANGUAGE plpgsql AS \$\$
		BEGIN
			FOR block IN 1 .. rows BY 1000 LOOP
				INSERT INTO sealed_ledger SELECT g, g % 1000, 'name of customer ' || g, 'street ' || g || ', 12345 Town', g * 1.37, g % 7 = 0, now(), date '2020-01-01' + (g % 1000)::int, g * 0.5, md5(g::text)
					FROM generate_series(block, least(block + 999, rows)) AS g;
				COMMIT;
			END LOOP;
		END \$\$;
	SQL
	for ((round = 1; round <= ROUNDS; round++)); do echo 'sample seal_five_microseconds 1 0.000005' >>"$SAMPLES"; done
	measure seal seal - 'tarot.seal_audit(), rows of ten columns' "$entries" 'SELECT tarot.seal_audit()' \
		"TRUNCATE sealed_ledger, tarot.audit_entry, tarot.audit_tile, tarot.audit_checkpoint, tarot.audit_frontier; CALL fill_ledger($entries); CHECKPOINT;"
	measure seal verify - 'tarot.verify_audit() of them' "$entries" 'SELECT count(*) FROM tarot.verify_audit()' \
		"TRUNCATE sealed_ledger, tarot.audit_entry, tarot.audit_tile, tarot.audit_checkpoint, tarot.audit_frontier; CALL fill_ledger($entries); SELECT tarot.seal_audit(); CHECKPOINT;"
	about seal seal_cpu - 'tarot.seal_audit(), processor time'
	about seal verify_cpu - 'tarot.verify_audit(), processor time'
	run_rounds

	for size in $((ROWS / 100)) "$ROWS"; do
		fill_log "$size"
		measure proofs "proof@$size" - 'tarot.inclusion_proof()' 500 'SELECT count(*) FROM (SELECT (tarot.inclusion_proof(system, transaction, number)).leaf FROM chosen OFFSET 0) AS p'
		run_rounds "SELECT tarot.inclusion_proof(system, transaction, number) FROM chosen;"
		about hashes "proof_hashes@$size" - 'in an inclusion proof'
		for ((round = 1; round <= ROUNDS; round++)); do
			sql -c "SELECT 'sample proof_hashes@$size ' || count(*) || ' ' || sum(cardinality((tarot.inclusion_proof(system, transaction, number)).proof)) FROM chosen" >>"$SAMPLES"
		done
	done
	sql -c 'DROP TABLE sealed_ledger, chosen; DROP PROCEDURE fill_ledger; TRUNCATE tarot.audit_entry, tarot.audit_tile, tarot.audit_checkpoint, tarot.audit_frontier' >/dev/null
}

# shellcheck shell=bash
# Tables of ten columns whose changes are on record: by tarot.audit_table(), by nothing, and by a row trigger in PL/pgSQL that
# puts the same on record, to the number and the salt of each entry.

# A transaction that may be down to 0.7 of another's rate may take 1.43 times its time.
TARGETS+='
audit_insert        audit_insert_plain    <= 2       An INSERT of 100 000 rows of ten columns, audited, beside the same without audit
audit_update        audit_update_plain    <= 2       An UPDATE of them, likewise
audit_insert_plpgsql audit_insert         >= 4       An INSERT audited by a row trigger in PL/pgSQL, beside tarot.audit_table()
audit_update_plpgsql audit_update         >= 4       An UPDATE, likewise
audit_one_insert_2  audit_one_insert_plain_2 <= 1.43 Single INSERTs by two clients, audited, beside the same without audit
audit_one_update_2  audit_one_update_plain_2 <= 1.43 Single UPDATEs by two clients, likewise
audit_one_insert_8  audit_one_insert_plain_8 <= 1.43 Single INSERTs by eight clients, likewise
audit_one_update_8  audit_one_update_plain_8 <= 1.43 Single UPDATEs by eight clients, likewise
'

part_audit() {
	local kind kinds round clients statement rows=$((ROWS / 10)) insert update
	for kind in plain audited plpgsql; do
		sql <<-SQL
			CREATE TABLE ledger_$kind (id bigint PRIMARY KEY, customer int, name text, address text, amount numeric(12,2), open boolean, at timestamptz, due date, weight float8, note text);
			CREATE TABLE single_ledger_$kind (LIKE ledger_$kind INCLUDING ALL);
			CREATE SEQUENCE ledger_ids_$kind START 10000000 CACHE 1000;
			INSERT INTO single_ledger_$kind SELECT g, g % 1000, 'customer', 'street', 1, true, now(), '2026-01-01', 0.5, 'note' FROM generate_series(1, $rows) AS g;
		SQL
	done
	sql <<-SQL
		ALTER DATABASE tarot SET app.system = '7711041451405767246';
		SELECT tarot.audit_table('ledger_audited'), tarot.audit_table('single_ledger_audited');
		CREATE TABLE ledger_log (at timestamptz, transaction xid8, relation oid, operation text, table_name text, role text, session_role text, subject text, client inet, application text, key jsonb, old jsonb, new jsonb,
			system bigint, number bigint GENERATED ALWAYS AS IDENTITY, salt bytea DEFAULT uuid_send(gen_random_uuid()));
		CREATE FUNCTION log_change() RETURNS trigger LANGUAGE plpgsql AS \$\$
		DECLARE
			old_row jsonb;
			new_row jsonb;
			all_old jsonb;
		BEGIN
			IF TG_OP <> 'INSERT' THEN old_row := to_jsonb(OLD); END IF;
			IF TG_OP <> 'DELETE' THEN new_row := to_jsonb(NEW); END IF;
			all_old := old_row;
			IF TG_OP = 'UPDATE' THEN
				SELECT jsonb_object_agg(o.key, o.value), jsonb_object_agg(o.key, new_row->o.key) INTO old_row, new_row FROM jsonb_each(old_row) AS o WHERE new_row->o.key IS DISTINCT FROM o.value;
			END IF;
			INSERT INTO ledger_log VALUES (clock_timestamp(), pg_current_xact_id(), TG_RELID, TG_OP, format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME), current_user, session_user,
				current_setting('app.subject', true), inet_client_addr(), current_setting('application_name'), jsonb_build_object('id', coalesce(all_old, new_row)->'id'), old_row, new_row, current_setting('app.system', true)::bigint);
			RETURN NULL;
		END \$\$;
		CREATE TRIGGER log AFTER INSERT OR UPDATE OR DELETE ON ledger_plpgsql FOR EACH ROW EXECUTE FUNCTION log_change();
	SQL
	for kind in plain audited plpgsql; do
		insert="INSERT INTO ledger_$kind SELECT g, g % 1000, 'name of customer ' || g, 'street ' || g || ', 12345 Town', g * 1.37, g % 7 = 0, now() + g * interval '1 second', date '2020-01-01' + g % 1000, g * 0.5, md5(g::text) FROM generate_series(1, $rows) AS g"
		update="UPDATE ledger_$kind SET amount = amount + 1, note = 'x' || note"
		case $kind in
			plain) kinds='audit_insert_plain audit_update_plain - without' ;;
			audited) kinds='audit_insert audit_update plain tarot.audit_table()' ;;
			plpgsql) kinds='audit_insert_plpgsql audit_update_plpgsql plain row_trigger_in_PL/pgSQL' ;;
		esac
		# shellcheck disable=SC2086 # four words
		set -- $kinds
		measure audit "$1" "$([ "$3" = - ] && echo - || echo audit_insert_plain)" "INSERT, ${4//_/ }" "$rows" "$insert" \
			"TRUNCATE ledger_$kind, ledger_log, tarot.audit_entry; CHECKPOINT;"
		measure audit "$2" "$([ "$3" = - ] && echo - || echo audit_update_plain)" "UPDATE of two columns, ${4//_/ }" "$rows" "$update" \
			"TRUNCATE ledger_$kind, ledger_log, tarot.audit_entry; $insert; TRUNCATE ledger_log, tarot.audit_entry; CHECKPOINT;"
	done
	run_rounds

	for kind in plain audited; do
		printf '%s\n' "INSERT INTO single_ledger_$kind VALUES (nextval('ledger_ids_$kind'), 5, 'name of customer', 'street 12, 12345 Town', 12.5, true, now(), '2026-01-01', 0.5, 'note');" >"$DIR/audit_insert_$kind.sql"
		printf '%s\n' "\\set id random(1, $rows)" "UPDATE single_ledger_$kind SET amount = amount + 1, note = 'x' || :id WHERE id = :id;" >"$DIR/audit_update_$kind.sql"
	done
	for clients in 2 8; do
		for kind in insert update; do
			about audits "audit_one_${kind}_plain_$clients" - "${kind^^}, $clients clients, without"
			about audits "audit_one_${kind}_$clients" "audit_one_${kind}_plain_$clients" "${kind^^}, $clients clients, tarot.audit_table()"
		done
	done
	for ((round = 1; round <= ROUNDS; round++)); do
		kinds='plain audited'
		((round % 2)) || kinds='audited plain'
		for clients in 2 8; do
			for kind in $kinds; do
				for statement in insert update; do
					transactions "audit_one_$statement$([ "$kind" = plain ] && echo _plain)_$clients" "$DIR/audit_${statement}_$kind.sql" -c "$clients" -j 2
				done
			done
		done
	done
	sql -c 'DROP TABLE ledger_plain, ledger_audited, ledger_plpgsql, ledger_log, single_ledger_plain, single_ledger_audited, single_ledger_plpgsql'
}

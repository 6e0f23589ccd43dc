# shellcheck shell=bash
# What a person may ask for, of one among a million, whose rows lie in three tables: an export, and an erasure, beside
# the same of one among ten thousand; and an erasure with what the audit log has of them, over ten tables, beside one reading of that log.

TARGETS+='
rights_export_many  rights_export_few    <= 2       exporting all there is of one person among a million, beside one among ten thousand
rights_erase_many   rights_erase_few     <= 2       erasing one person among a million, beside one among ten thousand
rights_erase_log    rights_read_log      <= 10      erasing one from ten tables and the audit log of 300 000 entries about these, beside a query that finds their entries by reading all of it
rights_erase_index  rights_read_log      <= 10      the same with the indexes of tarot.create_audit_indexes()
'

# rights_phase KIND BASE COUNT: so many people, each with five rows in two other tables.
rights_phase() {
	local kind=$1 base=$2 count=$3
	sql >/dev/null <<-SQL
		CREATE TABLE person (id bigint PRIMARY KEY, name text);
		CREATE TABLE purchase (id bigint PRIMARY KEY, person bigint NOT NULL REFERENCES person, paid_on date);
		CREATE TABLE purchase_item (purchase bigint NOT NULL REFERENCES purchase, card text);
		INSERT INTO person SELECT i, 'Person ' || i FROM generate_series(1, $count) AS i;
		INSERT INTO purchase SELECT i, 1 + (i - 1) / 2, '2026-01-01' FROM generate_series(1, $count * 2) AS i;
		INSERT INTO purchase_item SELECT 1 + (i * 2 - 1) / 3, 'The Star' FROM generate_series(1, $count * 3) AS i;
		CREATE INDEX ON purchase (person);
		CREATE INDEX ON purchase_item (purchase);
		VACUUM ANALYZE person, purchase, purchase_item;
		SELECT tarot.register_subject_table('person', 'id'), tarot.register_subject_table('purchase', 'person');
		SELECT tarot.register_subject_table('purchase_item', via => 'purchase');
		CREATE SEQUENCE next_person;
	SQL
	measure rights "rights_export_$kind" "${base:--}${base:+_export_few}" "tarot.export_subject(), one of $count" 1 "SELECT tarot.export_subject(nextval('next_person')::text)"
	measure rights "rights_erase_$kind" "${base:--}${base:+_erase_few}" "tarot.erase_subject(), one of $count" 1 "SELECT count(*) FROM tarot.erase_subject(nextval('next_person')::text, dry_run => false)"
	# What a session's first call costs beside that is no matter of how many there are.
	run_rounds "SELECT tarot.export_subject('0'); SELECT count(*) FROM tarot.erase_subject('0', dry_run => false);"
	sql -c 'DROP TABLE purchase_item, purchase, person' -c 'DROP SEQUENCE next_person' >/dev/null
}

# rights_log: so many people with a row in each of ten tables, and three entries of each row.
rights_log() {
	local count=$1 i
	sql -c 'TRUNCATE tarot.audit_entry' >/dev/null
	for ((i = 1; i <= 10; i++)); do
		sql >/dev/null <<-SQL
			CREATE TABLE fact_$i (id bigint PRIMARY KEY, person bigint NOT NULL, note text);
			CREATE INDEX ON fact_$i (person);
			SELECT tarot.audit_table('fact_$i'), tarot.register_subject_table('fact_$i', CASE $i WHEN 1 THEN 'id' ELSE 'person' END);
			INSERT INTO fact_$i SELECT i, i, 'What there is of person ' || i FROM generate_series(1, $count) AS i;
			UPDATE fact_$i SET note = note || '.';
			UPDATE fact_$i SET note = note || '!';
			VACUUM ANALYZE fact_$i;
		SQL
	done
	sql -c 'VACUUM ANALYZE tarot.audit_entry' -c 'CREATE SEQUENCE next_person' >/dev/null
	measure rights rights_read_log - "a query for one person's entries, of $((count * 30))" 1 "SELECT count(*) FROM tarot.audit_log WHERE old->'person' = '1' OR new->'person' = '1'"
	measure rights rights_erase_log rights_read_log 'tarot.erase_subject(..., audit_details => true)' 1 "SELECT count(*) FROM tarot.erase_subject(nextval('next_person')::text, dry_run => false, audit_details => true)"
	run_rounds "SELECT count(*) FROM tarot.erase_subject('0', dry_run => false, audit_details => true);"
	sql -c 'SELECT tarot.create_audit_indexes()' >/dev/null
	measure rights rights_erase_index rights_read_log 'the same, with indexes' 1 "SELECT count(*) FROM tarot.erase_subject(nextval('next_person')::text, dry_run => false, audit_details => true)"
	run_rounds "SELECT count(*) FROM tarot.erase_subject('0', dry_run => false, audit_details => true);"
	for ((i = 1; i <= 10; i++)); do sql -c "SELECT tarot.unregister_subject_table('fact_$i')" -c "DROP TABLE fact_$i" >/dev/null; done
	sql -c 'DROP SEQUENCE next_person' -c 'TRUNCATE tarot.audit_entry' >/dev/null
	sql >/dev/null <<-SQL
		DO \$\$
		DECLARE made regclass;
		BEGIN
			FOR made IN SELECT indexrelid FROM pg_index WHERE indrelid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'tarot.audit_entry'::regclass) LOOP
				EXECUTE format('DROP INDEX %s', made);
			END LOOP;
		END \$\$;
	SQL
}

part_rights() {
	sql -c "SELECT tarot.create_key('people') WHERE NOT EXISTS (SELECT FROM tarot.key_status WHERE name = 'people')" >/dev/null
	rights_phase few '' "$((ROWS / 100))"
	rights_phase many rights "$ROWS"
	rights_log "$((ROWS / 100))"
}

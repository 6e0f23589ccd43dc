# shellcheck shell=bash
# What a person may ask for, of one among a million, whose rows lie in three tables: an export, and an erasure, beside
# the same of one among ten thousand, and the deletion beside the three statements that it comes to.

TARGETS+='
rights_export_many  rights_export_few    <= 2       exporting all there is of one person among a million, beside one among ten thousand
rights_erase_many   rights_erase_few     <= 2       erasing one person among a million, beside one among ten thousand
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

part_rights() {
	sql -c "SELECT tarot.create_key('people') WHERE NOT EXISTS (SELECT FROM tarot.key_status WHERE name = 'people')" >/dev/null
	rights_phase few '' "$((ROWS / 100))"
	rights_phase many rights "$ROWS"
}

# shellcheck shell=bash

TARGETS+='
reseal              update_same         <= 3.33    tarot.reseal of a table, beside a plain UPDATE of the same rows (at least 0.3 of its rate)
'

# Both find the table as it is after VACUUM FULL. The reseal commits after each batch of 1000 rows, the UPDATE once.
part_reseal() {
	sql <<-SQL
		CREATE TABLE reseal (id int PRIMARY KEY, v tarot.encrypted_text('bench'));
		INSERT INTO reseal SELECT row_number() OVER (), v FROM source;
	SQL
	measure reseal update_same - 'UPDATE reseal SET v = v' "$ROWS" 'UPDATE reseal SET v = v' 'VACUUM FULL reseal; CHECKPOINT;'
	measure reseal reseal update_same "CALL tarot.reseal('reseal')" "$ROWS" "CALL tarot.reseal('reseal')" \
		"VACUUM FULL reseal; SELECT tarot.rotate_key('bench'); CHECKPOINT;"
	measure reseal reseal_large update_same "CALL tarot.reseal('reseal', batch => 100000)" "$ROWS" "CALL tarot.reseal('reseal', batch => 100000)" \
		"VACUUM FULL reseal; SELECT tarot.rotate_key('bench'); CHECKPOINT;"
	run_rounds
	sql -c 'DROP TABLE reseal'
}

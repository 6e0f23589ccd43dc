# shellcheck shell=bash
# A masked table beside the same table as it is, and beside a view that masks by hand.

TARGETS+='
masked_read         bare_read           <= 2       reading 6 masked columns of every row, beside the same columns as they are
plain_read          bare_read           <= 1.1     the same by a role that may see the values
find_masked         find_bare           <= 1.3     one row with 6 masked columns by its key, pgbench -M prepared
find_by_value       find_bare_value     <= 1.3     one row by a masked column, for a role that may search its class
find_beside         find_before         <= 1.1     one row of a table without labels, planned each time, where other tables are masked, beside a database without labels
'

part_masking() {
	local as='RESET ROLE; SET ROLE mask_reader;' columns=(email phone card name birth pay) list column round kinds kind
	list=$(IFS=,; echo "${columns[*]/#/c.}")
	sql >/dev/null <<-SQL
		CREATE ROLE mask_reader;
		CREATE ROLE mask_plain;
		CREATE ROLE mask_search;
		SELECT tarot.create_class('b_email', 'bench', 'email'), tarot.create_class('b_phone', 'bench', 'phone'), tarot.create_class('b_card', 'bench', 'card'),
			tarot.create_class('b_name', 'bench', 'partial(1,0)'), tarot.create_class('b_birth', 'bench', 'year'), tarot.create_class('b_pay', 'bench', 'round(1000)');
		SELECT tarot.grant_class('b_' || c, 'mask_reader', 'masked'), tarot.grant_class('b_' || c, 'mask_plain', 'plain'), tarot.grant_class('b_' || c, 'mask_search', 'masked', search => true)
			FROM unnest(string_to_array('${columns[*]}', ' ')) AS c;
		CREATE TABLE client_bare AS SELECT i::bigint AS id, 'user' || i || '@example.com' AS email, '+4179' || (1000000 + i) AS phone, '4111 1111 1111 ' || lpad((i % 10000)::text, 4, '0') AS card,
			'Person ' || i AS name, date '1950-01-01' + i % 20000 AS birth, (30000 + i % 90000)::numeric(12, 2) AS pay, 'note ' || i AS note FROM generate_series(1, $ROWS / 2) AS i;
		ALTER TABLE client_bare ADD PRIMARY KEY (id), ADD UNIQUE (email);
		CREATE TABLE client (LIKE client_bare INCLUDING ALL);
		INSERT INTO client TABLE client_bare;
		CREATE VIEW client_hand WITH (security_barrier) AS SELECT id, left(email, 1) || '***@' || left(split_part(email, '@', 2), 1) || '***.com' AS email, '***' || right(phone, 2) AS phone,
			'**** ' || right(card, 4) AS card, left(name, 1) || '***' AS name, date_trunc('year', birth)::date AS birth, round(pay, -3) AS pay FROM client_bare;
		VACUUM FREEZE ANALYZE client, client_bare;
		GRANT SELECT ON client, client_bare, client_hand TO mask_reader, mask_plain, mask_search;
	SQL
	about mask_lookups find_before - 'SELECT ... WHERE id = n, no labels in the database, planned each time'
	about mask_lookups find_beside find_before 'the same where another table is masked'
	about mask_lookups find_bare - 'SELECT of 6 columns WHERE id = n'
	about mask_lookups find_masked find_bare 'the same of a masked table'
	about mask_lookups find_bare_value - 'SELECT ... WHERE email = ...'
	about mask_lookups find_by_value find_bare_value 'the same of a masked table, by a role that may search'
	for kind in bare masked bare_value by_value before beside; do
		local table=client_bare role=mask_reader where='id = :n'
		case $kind in masked | by_value) table=client ;; esac
		case $kind in *value) role=mask_search where="email = 'user' || :n || '@example.com'" ;; esac
		cat >"$DIR/find_$kind.sql" <<-SQL
			\if :first
			SET ROLE $role;
			\set first 0
			\endif
			\set n random(1, $ROWS / 2)
			SELECT $list FROM $table c WHERE $where;
		SQL
	done
	sql >/dev/null <<-SQL
		CREATE DATABASE unlabelled TEMPLATE tarot;
		SELECT tarot.classify_column('client', c, 'b_' || c) FROM unnest(string_to_array('${columns[*]}', ' ')) AS c;
		SELECT tarot.mask_table('client');
	SQL
	local counted=${list//c./count(c.}
	counted=${counted//,/),}')'
	measure masking bare_read - 'SELECT of the key and 6 columns, as they are' "$((ROWS / 2))" "SELECT id, $list FROM client_bare c" "$as"
	measure masking masked_read bare_read 'the same of a masked table' "$((ROWS / 2))" "SELECT id, $list FROM client c" "$as"
	measure masking plain_read bare_read 'the same by a role that may see the values' "$((ROWS / 2))" "SELECT id, $list FROM client c" 'RESET ROLE; SET ROLE mask_plain;'
	measure masking hand_read bare_read 'the same of a view that masks by hand' "$((ROWS / 2))" "SELECT id, $list FROM client_hand c" "$as"
	measure masking bare_scan - 'count of 6 columns, as they are' "$((ROWS / 2))" "SELECT $counted FROM client_bare c" "$as"
	measure masking masked_scan bare_scan 'the same of a masked table' "$((ROWS / 2))" "SELECT $counted FROM client c" "$as"
	measure masking plain_scan bare_scan 'the same by a role that may see the values' "$((ROWS / 2))" "SELECT $counted FROM client c" 'RESET ROLE; SET ROLE mask_plain;'
	measure masking hand_scan bare_scan 'the same of a view that masks by hand' "$((ROWS / 2))" "SELECT $counted FROM client_hand c" "$as"
	for column in "${columns[@]}"; do
		measure masking "bare_$column" - "count($column), as it is" "$((ROWS / 2))" "SELECT count($column) FROM client_bare" "$as"
		measure masking "masked_$column" "bare_$column" 'the same, masked' "$((ROWS / 2))" "SELECT count($column) FROM client" "$as"
	done
	run_rounds 'SELECT count(*) FROM client; SELECT count(*) FROM client_bare;'
	for ((round = 1; round <= ROUNDS; round++)); do
		kinds='bare masked bare_value by_value'
		((round % 2)) || kinds='by_value bare_value masked bare'
		for kind in $kinds; do transactions "find_$kind" "$DIR/find_$kind.sql" -D first=1; done
		DATABASE=unlabelled transactions find_before "$DIR/find_before.sql" -D first=1 -M simple
		transactions find_beside "$DIR/find_beside.sql" -D first=1 -M simple
	done
	sql -c 'DROP DATABASE unlabelled' -c 'DROP TABLE client, client_bare CASCADE'
}

# shellcheck shell=bash
# Rows that are somebody's, by a policy of tarot.protect_rows and by the same condition in the query, on tables that are alike.

TARGETS+='
rule_text           hand_text           <= 1.1     reading one owner'"'"'s rows of a table through a policy, without an index, beside the condition by hand
rule_bigint         hand_bigint         <= 1.1     the same, of a bigint column
rule_granted        hand_granted        <= 1.25    reading the rows that were granted singly through a policy, beside a table of grants by hand
find_rule           find_hand           <= 1.1     an owner'"'"'s rows by index through a policy, pgbench -M prepared, beside the condition by hand
'

part_rows() {
	local as='RESET ROLE; SET ROLE rows_reader;' kind round kinds
	sql >/dev/null <<-SQL
		CREATE ROLE rows_reader;
		SELECT tarot.create_issuer('rows', 'https://rows.example.org', '{}', secret => repeat('r', 32));
		CREATE TABLE rows_token AS SELECT tarot.sign_jwt('{"sub": "777"}', 'rows') AS token;
		CREATE TABLE row_hand AS SELECT i::bigint AS id, (i % 10000)::text AS owner, (i % 10000)::bigint AS number, i AS n FROM generate_series(1, $ROWS) i;
		CREATE TABLE row_text AS TABLE row_hand;
		CREATE TABLE row_bigint AS TABLE row_hand;
		CREATE TABLE row_call AS TABLE row_hand;
		CREATE TABLE owned_hand AS TABLE row_hand;
		CREATE TABLE owned_rule AS TABLE row_hand;
		CREATE INDEX ON owned_hand (owner);
		CREATE INDEX ON owned_rule (owner);
		CREATE TABLE granted_hand (LIKE row_hand, PRIMARY KEY (id));
		CREATE TABLE granted_rule (LIKE row_hand, PRIMARY KEY (id));
		INSERT INTO granted_hand TABLE row_hand;
		INSERT INTO granted_rule TABLE row_hand;
		CREATE TABLE own_grants AS SELECT '777' AS subject, i::bigint AS id FROM generate_series(1, $ROWS, $ROWS / 1000) i;
		ALTER TABLE own_grants ADD PRIMARY KEY (subject, id);
		SELECT tarot.grant_on('row', i::text, 'rows:read', subject => '777') FROM generate_series(1, $ROWS, $ROWS / 1000) i;
		SELECT tarot.protect_rows('row_text', owner => 'owner'), tarot.protect_rows('row_bigint', owner => 'number'), tarot.protect_rows('owned_rule', owner => 'owner'),
			tarot.protect_rows('granted_rule', resource => 'row', permission => 'rows:read');
		ALTER TABLE row_call ENABLE ROW LEVEL SECURITY;
		CREATE POLICY naive ON row_call USING (owner = tarot.subject());
		VACUUM FREEZE ANALYZE row_hand, row_text, row_bigint, row_call, owned_hand, owned_rule, granted_hand, granted_rule, own_grants, tarot.resource_grant;
		GRANT SELECT ON row_hand, row_text, row_bigint, row_call, owned_hand, owned_rule, granted_hand, granted_rule, own_grants, rows_token TO rows_reader;
	SQL
	measure rules hand_text - "count(*) ... WHERE owner = '777'" "$ROWS" "SELECT count(*) FROM row_hand WHERE owner = '777'" "$as"
	measure rules rule_text hand_text 'count(*) by a policy, owner of type text' "$ROWS" 'SELECT count(*) FROM row_text' "$as"
	measure rules rule_call hand_text 'count(*) by a policy that calls tarot.subject() for each row' "$ROWS" 'SELECT count(*) FROM row_call' "$as"
	measure rules hand_bigint - 'count(*) ... WHERE number = 777' "$ROWS" 'SELECT count(*) FROM row_hand WHERE number = 777' "$as"
	measure rules rule_bigint hand_bigint 'count(*) by a policy, owner of type bigint' "$ROWS" 'SELECT count(*) FROM row_bigint' "$as"
	measure granted hand_granted - "count(*) ... WHERE id = ANY (ARRAY(SELECT id FROM own_grants WHERE subject = '777')), 1000 rows" 1000 \
		"SELECT count(*) FROM granted_hand WHERE id = ANY (ARRAY(SELECT id FROM own_grants WHERE subject = '777'))" "$as"
	measure granted rule_granted hand_granted 'count(*) by a policy, 1000 rows granted singly' 1000 'SELECT count(*) FROM granted_rule' "$as"
	run_rounds 'SELECT tarot.authenticate((SELECT token FROM rows_token), false); SELECT count(*) FROM row_hand; SELECT count(*) FROM row_text; SELECT count(*) FROM row_bigint; SELECT count(*) FROM row_call; SELECT count(id) FROM granted_hand; SELECT count(id) FROM granted_rule;'
	about lookups find_hand - "SELECT id ... WHERE owner = '777', by index"
	about lookups find_rule find_hand 'SELECT id by a policy, by index'
	for kind in hand rule; do
		cat >"$DIR/find_$kind.sql" <<-SQL
			\if :first
			SET ROLE rows_reader;
			SELECT tarot.authenticate((SELECT token FROM rows_token), false);
			\set first 0
			\endif
			SELECT id FROM owned_$kind$([ $kind = rule ] || echo " WHERE owner = '777'");
		SQL
	done
	for ((round = 1; round <= ROUNDS; round++)); do
		kinds='hand rule'
		((round % 2)) || kinds='rule hand'
		for kind in $kinds; do transactions "find_$kind" "$DIR/find_$kind.sql" -D first=1; done
	done
	sql -c 'DROP TABLE rows_token, row_hand, row_text, row_bigint, row_call, owned_hand, owned_rule, granted_hand, granted_rule, own_grants'
}

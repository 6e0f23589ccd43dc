# shellcheck shell=bash

# A class, and so a column, for each mask; all readable masked by one role and plainly by us.
part_masks() {
	local masks=('redact' 'null' 'partial(2,4)' 'email' 'card' 'phone' 'hash' 'name' 'fake_name' 'pseudonym' 'pseudonym_card') mask name i=0 column value warm=''
	{
		echo 'CREATE TABLE masks (plain text);'
		for mask in "${masks[@]}"; do
			echo "SELECT tarot.create_class('m$i', 'bench', '$mask'); SELECT tarot.grant_class('m$i', 'masked_reader', 'masked');
				SELECT tarot.grant_class('m$i', 'postgres', 'plain'); ALTER TABLE masks ADD c$i tarot.encrypted_text('m$i');"
			i=$((i + 1))
		done
		echo "INSERT INTO masks SELECT v"
		for mask in "${masks[@]}"; do
			case $mask in
				email) value="substr(v, 1, 28) || '@example.org'" ;;
				card | pseudonym_card) value="'4111 1111 1111 ' || 1000 + ('x' || substr(v, 1, 3))::bit(12)::int" ;;
				phone) value="'+49 (30) 1234-' || 1000 + ('x' || substr(v, 1, 3))::bit(12)::int" ;;
				name | fake_name) value="'Ada ' || translate(substr(v, 1, 12), '0123456789', 'ghijklmnop')" ;;
				pseudonym) value="'C-' || lpad(('x' || substr(v, 1, 7))::bit(28)::int::text, 9, '0')" ;;
				*) value=v ;;
			esac
			echo ", ($value)::text"
		done
		echo "FROM source LIMIT $SOME_ROWS; VACUUM FREEZE masks; GRANT SELECT ON masks TO masked_reader;"
	} | sql >/dev/null
	measure masks scan_masks - 'a scan alone: count(v) of text' "$SOME_ROWS" 'SELECT count(plain) FROM masks' \
		'SET ROLE masked_reader;'
	measure masks read_plain scan_masks 'read in the clear' "$SOME_ROWS" 'SELECT count(c0::text) FROM masks' 'RESET ROLE;'
	i=0
	for mask in "${masks[@]}"; do
		column=c$i name=mask_${mask%%(*}
		measure masks "$name" read_plain "masked: $mask" "$SOME_ROWS" "SELECT count($column::text) FROM masks" \
			'SET ROLE masked_reader;'
		warm+="SELECT count($column) FROM masks;"
		i=$((i + 1))
	done
	run_rounds "$warm"
}

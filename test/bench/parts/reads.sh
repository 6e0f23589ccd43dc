# shellcheck shell=bash
# Reads on record: what a statement costs more for being told, beside the same of a table that nobody asked of.

# Of processor time of the session, since the worker that writes what is told wakes meanwhile and takes its share.
TARGETS+='
reads_scan_cpu      reads_scan_plain_cpu   <= 1.05   A scan of 100 000 rows of a table whose reads are on record, beside the same of another table
reads_lookup_cpu    reads_lookup_plain_cpu <= 1.1    A lookup by key in such a table, a statement each, likewise
reads_other_cpu     reads_lookup_plain_cpu <= 1.05   A lookup in a table beside it, likewise
'

# lookups NAME BASE TITLE TABLE: statements of their own, since what one of them reads is told once.
lookups() {
	about reads "$1_cpu" "$2" "$3"
	{
		echo "PREPARE $1 AS SELECT name FROM $4 WHERE id = \$1;"
		for ((i = 1; i <= 4000; i++)); do echo "EXECUTE $1($i);"; done
		echo "DEALLOCATE $1;"
	} >"$DIR/$1.sql"
	BLOCKS+=("SELECT tarot.flush_events('1 min');
\\! awk '{ print \"$1\", 4000, \$1 }' /proc/\$BACKEND/schedstat >>'$DIR/cpu.txt'
\\i $DIR/$1.sql
\\! awk '{ print \"$1\", 4000, \$1 }' /proc/\$BACKEND/schedstat >>'$DIR/cpu.txt'")
}

part_reads() {
	local kind i n=$((ROWS / 10))
	for kind in plain told other; do
		sql <<-SQL
			CREATE TABLE reads_$kind (id int PRIMARY KEY, name text, amount int);
			INSERT INTO reads_$kind SELECT g, 'name ' || g, g FROM generate_series(1, $n) AS g;
			VACUUM FREEZE ANALYZE reads_$kind;
		SQL
	done
	sql <<<"SELECT tarot.audit_reads('reads_told');" >/dev/null
	lookups reads_lookup_plain - 'a lookup by key, nothing on record' reads_plain
	lookups reads_lookup reads_lookup_plain_cpu 'of a table whose reads are' reads_told
	lookups reads_other reads_lookup_plain_cpu 'of another table than that' reads_other
	measure read_scans reads_scan_plain - 'a scan, nothing on record' "$n" 'SELECT sum(amount), max(name) FROM reads_plain'
	measure read_scans reads_scan reads_scan_plain 'a scan, on record' "$n" 'SELECT sum(amount), max(name) FROM reads_told'
	run_rounds
	sql <<<"SELECT tarot.unaudit_reads('reads_told'), tarot.flush_events('1 min');" >/dev/null
}

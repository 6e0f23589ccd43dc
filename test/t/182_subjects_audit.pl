# What the audit log has of a data subject goes with an erasure, whenever the server dies: all of it, or nothing, and the log
# proves itself after that. Beside a load of changes, sealing and dropping, and in a restored backup.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run qw(start);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
write_private("$dir/root.key", new_root_key . "\n");
my $node = new_node('primary', streaming => 1, conf => "tarot_security.root_key_file = '$dir/root.key'");
ask($node, <<'END');
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('people');
CREATE TABLE customer (id int PRIMARY KEY, name text);
CREATE TABLE purchase (id serial PRIMARY KEY, customer int NOT NULL, card text);
CREATE INDEX ON purchase (customer);
SELECT tarot.register_subject_table('customer', 'id'), tarot.register_subject_table('purchase', 'customer');
SELECT tarot.audit_table('customer'), tarot.audit_table('purchase');
INSERT INTO customer SELECT i, 'Customer ' || i || '.' FROM generate_series(1, 200) i;
INSERT INTO purchase (customer, card) SELECT i, 'card of ' || i || '.' FROM generate_series(1, 200) i, generate_series(1, 5);
UPDATE purchase SET card = card || ' changed';
SELECT tarot.seal_audit() > 0;
END

# No entry is lost or half erased; the certificates tell how many were erased, and nothing of whom they tell is left.
sub is_whole
{
	my ($in, $name) = @_;
	ask($in, 'SELECT tarot.seal_audit()');
	is(ask($in, q{SELECT coalesce(string_agg(DISTINCT finding, ', ' ORDER BY finding), '') FROM tarot.verify_audit() WHERE finding NOT IN ('details erased', 'dropped', 'dropped, details erased')}), '', "$name: the log verifies");
	is(ask($in, q{SELECT coalesce(sum((t->>'rows')::int), 0) FROM tarot.audit_log, jsonb_array_elements(new->'tables') t WHERE operation LIKE 'ERASE SUBJECT%' AND t->>'action' = 'erase audit details'}),
		ask($in, q{SELECT count(*) FROM tarot.audit_entry WHERE octet_length(salt) = 32}), "$name: what was erased is certified");
	is(ask($in, q{SELECT count(*) FROM tarot.erasure e JOIN generate_series(1, 200) i ON e.pseudonym = tarot.subject_pseudonym(i::text)
		JOIN tarot.audit_entry a ON a.key->>'id' = i::text AND a.table_name = 'public.customer' OR a.new->>'name' = 'Customer ' || i || '.' OR a.new->>'card' LIKE 'card of ' || i || '.%' OR a.old->>'card' LIKE 'card of ' || i || '.%'}), '0', "$name: of who was erased nothing is left");
}
sub erase { return sprintf q{SELECT string_agg(concat_ws(' ', "table", action, "rows"), ', ') FROM tarot.erase_subject('%s', false, audit_details => true) WHERE "rows" > 0}, $_[0] }
my $all = 'public.customer delete 1, public.purchase delete 5, public.customer erase audit details 2, public.purchase erase audit details 15';
my $left = q{SELECT (SELECT count(*) FROM customer), (SELECT count(*) FROM purchase), (SELECT count(*) FROM tarot.erasure), (SELECT count(*) FROM tarot.audit_entry WHERE octet_length(salt) = 32)};

# The server dies while an erasure has erased some entries, and waits for one that somebody has locked.
sub die_in_the_midst
{
	my ($in, $statement, $entry) = @_;
	my $locker = $in->background_psql('postgres');
	$locker->query_safe("BEGIN; SELECT FROM tarot.audit_entry WHERE $entry FOR UPDATE");
	my $eraser = $in->background_psql('postgres', on_error_stop => 0);
	$eraser->query_until(qr/begun/, "\\echo begun\n$statement;\n");
	ok(poll($in, q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND (query LIKE '%erase_subject%' OR query LIKE '%replay_erasures%') AND pid <> pg_backend_pid()}), 'it is in the midst');
	$in->stop('immediate');
	eval { $_->quit } foreach $locker, $eraser;
	$in->start;
}

# ---------------------------------------------------------------- in the midst, and before and after the commit

is(ask($node, erase(1)), $all, 'erased');
is_whole($node, 'erased');
my $before = ask($node, $left);
die_in_the_midst($node, erase(2), q{new->>'card' = 'card of 2. changed'});
is(ask($node, $left), $before, 'what was not committed did not happen');
is_whole($node, 'after a crash in the midst');
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_until(qr/erased/, "BEGIN;\n" . erase(2) . ";\n\\echo erased\n");
	$node->stop('immediate');
	eval { $session->quit };
	$node->start;
}
is(ask($node, $left), $before, 'nor what was done, and not committed');
is(ask($node, erase(2)), $all, 'it is done then');
$node->stop('immediate');
$node->start;
isnt(ask($node, $left), $before, 'what was committed stays');
is_whole($node, 'after a crash behind it');

# ---------------------------------------------------------------- beside a load, which ends with the server

my $next = 3;
foreach my $round (1 .. 3)
{
	write_private("$dir/seal.sql", "SELECT tarot.seal_audit();\n", 0644);
	write_private("$dir/drop.sql", "SELECT tarot.drop_audit_partitions('1 year');\n", 0644);
	write_private("$dir/change.sql", "\\set id random(100, 200)\nUPDATE purchase SET card = 'card of ' || customer || '. again' WHERE customer = :id;\nBEGIN;\nINSERT INTO purchase (customer, card) VALUES (:id, 'card of :id. more');\nROLLBACK;\n", 0644);
	write_private("$dir/erase.sql", "SELECT count(*) FROM tarot.erase_subject(nextval('persons')::text, false, audit_details => true);\n", 0644);
	ask($node, "DROP SEQUENCE IF EXISTS persons; CREATE SEQUENCE persons START $next");
	my $load = start [ 'pgbench', '-n', '-c', 4, '-T', 600, '-f', "$dir/seal.sql", '-f', "$dir/drop.sql", '-f', "$dir/change.sql\@3", '-f', "$dir/erase.sql\@2", $node->connstr('postgres') ], '>', \my $out, '2>', \my $err;
	ok(poll($node, sprintf 'SELECT count(*) > %d FROM tarot.erasure', ask($node, 'SELECT count(*) FROM tarot.erasure') + 4), "round $round: erasures beside changes, sealing and dropping");
	$node->stop('immediate');
	$load->finish;
	$node->start;
	is_whole($node, "round $round");
	$next = ask($node, q{SELECT last_value + 40 FROM persons});
}

# ---------------------------------------------------------------- a backup of before

my $copy = PostgreSQL::Test::Cluster->new('copy');
$node->backup('before');
is(ask($node, join ';', map { erase($_) } 191, 192, 193) =~ s/\d+//gr, join("\n", ($all =~ s/\d+//gr) x 3), 'three are erased after it');
my @list = split /\n/, ask($node, q{SELECT tarot.export_erasures()});
$copy->init_from_backup($node, 'before');
$copy->start;
is(ask($copy, join('', map { "SELECT tarot.import_erasure(\$x\$$_\$x\$);" } @list)) =~ tr/t//, 3, 'their list is taken in');
$before = ask($copy, $left);
die_in_the_midst($copy, 'SELECT * FROM tarot.replay_erasures()', q{key->>'id' = '192' AND operation = 'I' AND table_name = 'public.customer'});
is(ask($copy, $left), $before, 'a replay that was cut off has done nothing');
is(ask($copy, q{SELECT count(*) FILTER (WHERE "rows" > 0), count(problem) FROM tarot.replay_erasures()}), '3|0', 'the next one completes it');
is(ask($copy, q{SELECT count(*) FILTER (WHERE "rows" > 0), count(problem) FROM tarot.replay_erasures()}), '0|0', 'and the next finds nothing');
is_whole($copy, 'in the restored backup');
is(ask($copy, q{SELECT count(*) FROM tarot.audit_log WHERE operation = 'ERASE SUBJECT AGAIN'}), '3', 'it is on record');
done_testing;

# Retention of the audit log beside what goes on: writers, readers, sealing, crashes, dumps.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run qw(start);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $tmp = PostgreSQL::Test::Utils::tempdir;
my $node = new_node('kept', conf => "max_prepared_transactions = 5\ntarot_security.audit_checkpoint_file = '$tmp/kept'\n");
my $month = sub {
	my ($month) = @_;
	return "CREATE TABLE tarot.audit_entry_2020_$month (LIKE tarot.audit_entry); ALTER TABLE tarot.audit_entry ATTACH PARTITION tarot.audit_entry_2020_$month FOR VALUES FROM ('2020-$month-01 00:00+00') TO ('2020-$month-28 00:00+00'); ";
};
ask($node, q{CREATE EXTENSION tarot_security; SELECT tarot.create_key('any'); CREATE TABLE account (id bigserial PRIMARY KEY, note text); SELECT tarot.audit_table('account'), tarot.create_audit_partitions(1)});
ask($node, 'SELECT tarot.create_audit_indexes()');
# Entries of a month of the past, sealed.
sub past
{
	my ($name, $count) = @_;
	ask($node, $month->($name) . "INSERT INTO account (note) SELECT 'of $name' FROM generate_series(1, $count);
		UPDATE tarot.audit_entry SET recorded_at = '2020-$name-10' WHERE new->>'note' = 'of $name'");
	return ask($node, 'SELECT tarot.seal_audit() > 0');
}
my $drop = q{SELECT count(*), coalesce(sum(entries), 0) FROM tarot.drop_audit_partitions('1 year')};
my $findings = q{SELECT string_agg(finding || ' ' || coalesce(substring(detail FROM '^\d+'), ''), ', ' ORDER BY finding) FROM tarot.verify_audit() WHERE finding <> 'not sealed'};

# ---------------------------------------------------------------- beside writers and readers

past('01', 100);
{
	my $writer = $node->background_psql('postgres');
	$writer->query_safe(q{BEGIN; INSERT INTO account (note) VALUES ('open')});
	like(error_of($node, $drop), qr/the audit log is in use\nDETAIL:.*Nothing was dropped.*\nHINT:.*Call it again later/s, 'an open transaction that has written is waited for a while');
	is(ask($node, q{SELECT to_regclass('tarot.audit_entry_2020_01') IS NOT NULL, (SELECT count(*) FROM tarot.audit_log WHERE operation LIKE 'DROP AUDIT%')}), 't|0', 'and then nothing was dropped, and is told to be');

	# While it waits others write: each of its waits is short.
	write_private("$tmp/insert.sql", "INSERT INTO account (note) VALUES ('meanwhile');\n", 0644);
	my $dropping = start [ 'psql', '-XAtq', '-c', $drop, $node->connstr('postgres') ], '>', \my $told, '2>', \my $why;
	$node->command_ok([ 'pgbench', '-n', '-c', 2, '-t', 50, '-f', "$tmp/insert.sql", $node->connstr('postgres') ], 'others write meanwhile');
	$writer->query_safe('COMMIT');
	$dropping->finish;
	$writer->quit;
	like($told . $why, qr/\A1\|100\n\z|in use/, 'it ends in either');
	ask($node, $drop) if $why ne '';
}
{
	my $reader = $node->background_psql('postgres');
	past('02', 10);
	$reader->query_safe('BEGIN; SELECT count(*) FROM tarot.audit_entry_2020_02');
	like(error_of($node, $drop), qr/the audit log is in use/, 'so is who reads a partition');
	$reader->query_safe('COMMIT');
	$reader->query_safe(q{BEGIN; DELETE FROM tarot.audit_entry WHERE recorded_at < '2021-01-01'});
	like(error_of($node, $drop), qr/partition tarot.audit_entry_2020_02 of the audit log is in use\nDETAIL:.*Nothing was dropped/s, 'and who changes one');
	$reader->query_safe('ROLLBACK');
	# One that is prepared keeps its entries, and the log.
	ask($node, q{BEGIN; INSERT INTO account (note) VALUES ('prepared'); PREPARE TRANSACTION 'p'});
	like(error_of($node, $drop), qr/the audit log is in use/, 'and a prepared transaction');
	ask($node, q{COMMIT PREPARED 'p'});
	is(ask($node, $drop), '1|10', 'then it is dropped');

	# Somebody who verifies sees the log before or after.
	ask($node, 'SELECT tarot.seal_audit()');
	past('03', 10);
	$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
	is(ask($node, $drop), '1|10', 'dropped behind the back of a snapshot');
	ask($node, 'SELECT tarot.seal_audit()');
	is($reader->query_safe($findings), 'dropped 120', 'which still can verify');
	$reader->query_safe('COMMIT');
	$reader->quit;
}
past('04', 10);
{
	my $first = $node->background_psql('postgres');
	$first->query_safe("BEGIN; $drop");
	my $second = start [ 'psql', '-XAtq', '-c', $drop, $node->connstr('postgres') ], '>', \my $told, '2>', \my $why;
	ok(poll($node, q{SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND relation = 'tarot.audit_entry'::regclass}), 'a second one waits for the first');
	$first->query_safe('COMMIT');
	$second->finish;
	is($told . $why, "0|0\n", 'and finds what that has left');
	$first->query_safe("BEGIN; SELECT tarot.erase_audit_details('account', '{\"id\": 1}', 'x')");
	ok(lc $first->query_safe('ROLLBACK') eq '', 'what is erased can be rolled back');
	$first->quit;
}
ask($node, 'SELECT tarot.seal_audit()');
is(ask($node, $findings), 'dropped 130', 'all of that is told');

# ---------------------------------------------------------------- many, with erasing and sealing beside it

ask($node, 'INSERT INTO account (note) SELECT repeat($$personal $$, 1000) FROM generate_series(1, 30)');
write_private("$tmp/seal.sql", "SELECT tarot.seal_audit();\n", 0644);
write_private("$tmp/erase.sql", "\\set id random(1, 400)\nSELECT tarot.erase_audit_details('account', jsonb_build_object('id', :id), 'load');\n", 0644);
write_private("$tmp/change.sql", "\\set id random(1, 400)\nUPDATE account SET note = 'changed' WHERE id = :id;\nBEGIN;\nUPDATE account SET note = 'undone' WHERE id = :id;\nROLLBACK;\n", 0644);
my @load = ('-n', '-c', 4, '-f', "$tmp/seal.sql", '-f', "$tmp/erase.sql", '-f', "$tmp/change.sql");
$node->command_ok([ 'pgbench', @load, '-t', 40, $node->connstr('postgres') ], 'erasing beside changes and sealing');
ask($node, 'SELECT tarot.seal_audit()');
like(ask($node, $findings), qr/\Adetails erased , dropped 130\z/, 'each of them is told, and no entry is lost');
is(ask($node, 'SELECT max(size) - 130 = (SELECT count(*) FROM tarot.audit_entry) FROM tarot.audit_checkpoint'), 't', 'each entry has one leaf');

# ---------------------------------------------------------------- crashes

foreach my $round (1 .. 3)
{
	my $name = sprintf '%02d', 4 + $round;
	past($name, 50);
	my $load = start [ 'pgbench', @load, '-T', 600, $node->connstr('postgres') ], '>', \my $out, '2>', \my $err;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query(q{DO $$ BEGIN FOR i IN 1 .. 100 LOOP BEGIN PERFORM tarot.drop_audit_partitions('1 year'); RETURN; EXCEPTION WHEN lock_not_available OR deadlock_detected OR object_not_in_prerequisite_state THEN NULL; END; END LOOP; END $$}) if $round > 1;
	ok(poll($node, "SELECT to_regclass('tarot.audit_entry_2020_$name') IS NULL"), "round $round: dropped under load") if $round > 1;
	# In the first round the server dies before that is committed.
	$session->query(qq{BEGIN; LOCK TABLE tarot.audit_entry IN ACCESS EXCLUSIVE MODE; SELECT tarot.drop_audit_partitions('1 year')}) if $round == 1;
	$node->stop('immediate');
	$load->finish;
	eval { $session->quit };
	$node->start;
	is(ask($node, "SELECT to_regclass('tarot.audit_entry_2020_$name') IS NULL"), $round == 1 ? 'f' : 't', "round $round: after the crash it is " . ($round == 1 ? 'there' : 'gone'));
	ask($node, 'SELECT tarot.seal_audit()');
	my $dropped = 130 + ($round == 1 ? 0 : $round == 2 ? 100 : 150);
	like(ask($node, $findings), qr/\Adetails erased , dropped $dropped\z/, "round $round: and so it is told");
	is(ask($node, "SELECT max(size) - $dropped = (SELECT count(*) FROM tarot.audit_entry) FROM tarot.audit_checkpoint"), 't', "round $round: each entry has one leaf");
}

# ---------------------------------------------------------------- dumps

ask($node, 'CREATE DATABASE restored');
$node->command_ok([ 'pg_dump', '-f', "$tmp/dump.sql", $node->connstr('postgres') ], 'a dump');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$tmp/dump.sql", $node->connstr('restored') ], 'restored');
my $restored = sub { return ask($node, $_[0], db => 'restored') };
like($restored->($findings), qr/\Adetails erased , dropped 280\z/, 'it has what tells of what is gone');
$restored->('SELECT tarot.seal_audit()');
$restored->($month->('10') . q{INSERT INTO account (note) SELECT 'in the copy' FROM generate_series(1, 5); UPDATE tarot.audit_entry SET recorded_at = '2020-10-05' WHERE new->>'note' = 'in the copy'});
$restored->('SELECT tarot.seal_audit()');
is($restored->($drop), '1|5', 'a copy is dropped of, too');
$restored->('SELECT tarot.seal_audit()');
like($restored->($findings), qr/\Adetails erased , dropped 285\z/, 'and its tree goes on');
# A dump of before it brings back what was dropped: the copies are good, and no finding.
my @notes = split /(?<=\n)\n(?=tarot_security)/, slurp_file("$tmp/kept") =~ s/\n\n\z/\n/r;
is(ask($node, "SELECT count(*) FROM tarot.verify_audit(checkpoint => \$\$$notes[0]\$\$) WHERE finding NOT IN ('dropped', 'details erased', 'not sealed')"), 0, 'a checkpoint from before it all holds');
unlike(server_log($node), qr/PANIC|TRAP|terminated by signal/, 'nothing died');
done_testing;

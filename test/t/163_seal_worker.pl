# The background worker seals the audit log: when, what and where it does, where it does not, and that nothing is lost or told twice when it
# is killed in the middle.
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
my $given_out = "$tmp/checkpoints";
my $node = new_node('sealing', conf => "tarot_security.worker = on\ntarot_security.audit_seal_interval = 1s\ntarot_security.audit_checkpoint_file = '$given_out'\n"
	  . "max_prepared_transactions = 20\nrestart_after_crash = on\nautovacuum = off");
my $table = q{CREATE TABLE account (id bigserial PRIMARY KEY, note text); SELECT tarot.audit_table('account')};
ask($node, "CREATE EXTENSION tarot_security; SELECT tarot.create_key('any'); $table; SELECT tarot.flush_events('3 min')");

sub insert { my ($count, $note) = @_; return "INSERT INTO account (note) SELECT '$note' FROM generate_series(1, $count)" }
sub seal_duty { my ($what, $database) = @_; return "(SELECT $what FROM tarot.worker_status WHERE database = '" . ($database // 'postgres') . "' AND duty = 'seal')" }
my $unsealed = '(SELECT count(*) FROM tarot.audit_entry) - (SELECT coalesce(max(size), 0) FROM tarot.audit_checkpoint)';
my $signed = '(SELECT note IS NOT NULL FROM tarot.audit_checkpoint ORDER BY size DESC LIMIT 1)';
sub sealed { my ($name, $database) = @_; return ok(poll($node, "SELECT $unsealed = 0 AND $signed", db => $database), "$name: sealed and signed") }
sub is_well { my ($name, $database) = @_; return is(ask($node, q{SELECT coalesce(string_agg(concat_ws(' ', finding, first_position, detail), ', '), 'good') FROM tarot.verify_audit()}, db => $database // 'postgres'), 'good', "$name: verified") }

# What the worker does after this it has done with what was committed before.
sub runs_again
{
	my ($name, $database) = @_;
	$database //= 'postgres';
	my $before = ask($node, 'SELECT clock_timestamp()');
	ask($node, q{SELECT tarot.log_security_event('WAKE', NULL, NULL, NULL)}, db => $database);
	return ok(poll($node, 'SELECT ' . seal_duty(qq{coalesce(last_run > '$before', false) AND failures = 0}, $database)), "$name: the worker has looked");
}
sub worker_leaves { my ($name) = @_; return ok(poll($node, 'SELECT ' . seal_duty('pid IS NULL')), "$name: it leaves when there is nothing more to seal") }

# The next one has the settings as they are now.
sub worker_is_ended
{
	my ($name) = @_;
	my $pid = ask($node, 'SELECT ' . seal_duty('coalesce(pid, 0)'));
	ask($node, "SELECT pg_terminate_backend($pid)") if $pid;
	return ok(poll($node, 'SELECT ' . seal_duty("coalesce(pid <> $pid, true)")), "$name: the worker is ended");
}

# ---------------------------------------------------------------- where it was begun

ask($node, insert(3, 'before'));
runs_again('not begun');
is(ask($node, 'SELECT count(*) FROM tarot.audit_checkpoint'), 0, 'it does not begin by itself');
ask($node, 'SELECT tarot.seal_audit()');
ask($node, insert(5, 'after'));
sealed('it goes on');
is_well('it goes on');
worker_leaves('it goes on');
my $checkpoints = ask($node, 'SELECT count(*) FROM tarot.audit_checkpoint');
ask($node, insert(1, 'one more'));
sealed('woken by a commit');
is(ask($node, 'SELECT count(*) FROM tarot.audit_checkpoint'), $checkpoints + 1, 'by one sealing');
ask($node, 'BEGIN; ' . insert(2, 'prepared') . q{; PREPARE TRANSACTION 'p'});
worker_leaves('prepared');
ask($node, q{COMMIT PREPARED 'p'});
sealed('and by COMMIT PREPARED');

# ---------------------------------------------------------------- entries of every kind

ask($node, q{SELECT tarot.log_security_event('LEAF', 'u', 'a', 's', '{"x": 1}'), tarot.flush_events('3 min')});
ask($node, q{SELECT tarot.audit_statements(ARRAY['role']); CREATE ROLE made; SELECT tarot.unaudit_statements()});
ask($node, q{UPDATE account SET note = 'changed' WHERE id = 2; DELETE FROM account WHERE id = 1; TRUNCATE account});
sealed('all kinds');
is( ask($node, q{SELECT string_agg(DISTINCT operation::text, ''), bool_and(tarot.verify_inclusion(p.leaf, p.position, p.tree_size, p.proof, c.root))
	FROM tarot.audit_entry e, tarot.inclusion_proof(e.system, e.transaction, e.number) p JOIN tarot.audit_checkpoint c ON c.size = p.tree_size}),
	'DEISTU|t', 'an entry of each operation is proved to be in the tree');
is( ask($node, qq{BEGIN; UPDATE tarot.audit_entry SET new = $_->[1] WHERE operation = '$_->[0]' AND number = 1 AND new->>'$_->[2]' = '$_->[3]';
	SELECT string_agg(finding, ',' ORDER BY finding) FROM tarot.verify_audit(); ROLLBACK}), 'entry changed,not sealed', "operation $_->[0]: a change is found")
  foreach [ 'E', q{jsonb_set(new, '{status}', '"x"')}, 'event_type', 'LEAF' ], [ 'S', q{new || '{"x": 1}'}, 'command', 'CREATE ROLE' ];

# ---------------------------------------------------------------- beside others

{
	my $session = $node->background_psql('postgres');
	$session->query_safe('BEGIN; SELECT tarot.seal_audit()');
	ask($node, insert(4, 'while somebody seals'));
	runs_again('somebody else seals');
	is(ask($node, "SELECT $unsealed > 0"), 't', 'it does not seal meanwhile');
	$session->query_safe('COMMIT');
	$session->quit;
	sealed('after that');
}
ask($node, 'SELECT tarot.lock(); ' . insert(2, 'locked'));
ok(poll($node, "SELECT $unsealed = 0 AND NOT $signed"), 'locked: sealed, and not signed');
ask($node, 'SELECT tarot.unlock()');
sealed('unlocked');
is_well('unlocked');

# ---------------------------------------------------------------- settings

ask($node, 'ALTER SYSTEM SET tarot_security.audit_seal_interval = 0');
ask($node, 'SELECT pg_reload_conf()');
ok(poll($node, q{SELECT current_setting('tarot_security.audit_seal_interval') = '0'}), 'turned off');
worker_is_ended('turned off');
ask($node, insert(2, 'off'));
runs_again('off');
is(ask($node, "SELECT $unsealed > 0"), 't', 'off: not sealed');
ask($node, q{ALTER DATABASE postgres SET tarot_security.audit_seal_interval = '1s'});
worker_is_ended('off');
ask($node, insert(1, 'on in this database'));
sealed('on in this database');
is(ask($node, q{SELECT e.new->>'command' || ' ' || (e.new->>'value') FROM tarot.audit_entry e WHERE e.new->>'setting' = 'tarot_security.audit_seal_interval' ORDER BY e.transaction, e.number}), "ALTER SYSTEM 0\nALTER DATABASE 1s", 'both are on record');
like(error_of($node, 'CREATE ROLE nobody; SET ROLE nobody; SET tarot_security.audit_seal_interval = 0'), qr/permission denied to set parameter/, 'only superusers set it');
ask($node, 'ALTER SYSTEM RESET tarot_security.audit_seal_interval');
ask($node, 'SELECT pg_reload_conf()');
ok(poll($node, q{SELECT current_setting('tarot_security.audit_seal_interval') = '1s'}, db => 'template1'), 'on again');

# ---------------------------------------------------------------- killed while it seals

my %script = (
	plain => insert(3, 'plain') . ";\n",
	nested => "BEGIN;\n" . insert(1, 'outer') . ";\nSAVEPOINT s;\n" . insert(40, 'gone') . ";\nROLLBACK TO s;\n" . insert(2, 'inner') . ";\nCOMMIT;\n",
	prepared => "BEGIN;\n" . insert(2, 'prepared') . ";\nPREPARE TRANSACTION 'p:client_id';\nCOMMIT PREPARED 'p:client_id';\n",
	undone => "BEGIN;\n" . insert(50, 'undone') . ";\nROLLBACK;\n",
	event => "SELECT tarot.log_security_event('LOAD', NULL, NULL, NULL);\n");
write_private("$tmp/$_.sql", $script{$_}, 0644) foreach keys %script;
my @load = map { ('-f', "$tmp/$_.sql") } sort keys %script;

# The process that seals now, as soon as one does.
my $who_seals = q{DO $$
DECLARE
	sealer integer;
BEGIN
	FOR i IN 1 .. 90000 LOOP
		SELECT w.pid INTO sealer FROM pg_locks l JOIN tarot.worker_status w ON w.pid = l.pid WHERE l.locktype = 'object' AND l.granted AND l.mode = 'ExclusiveLock' AND l.objid = 'tarot.audit_checkpoint'::regclass;
		EXIT WHEN FOUND;
		PERFORM pg_sleep(0.002);
	END LOOP;
	RAISE NOTICE 'sealer %', sealer;
END $$};
foreach my $round (1 .. 5)
{
	my $load = start [ 'pgbench', '-n', '-c', 3, '-T', 600, @load, $node->connstr('postgres') ], '>', \my $out, '2>', \my $err;
	my $before = ask($node, 'SELECT max(size) FROM tarot.audit_checkpoint');
	ok(poll($node, "SELECT max(size) > $before FROM tarot.audit_checkpoint"), "round $round: sealed under load");
	my (undef, undef, $told) = $node->psql('postgres', $who_seals);
	like($told, qr/sealer \d+/, "round $round: it seals");
	kill 9, $told =~ /sealer (\d+)/;
	$load->finish;
	ok(poll($node, 'SELECT NOT pg_is_in_recovery()'), "round $round: the server is back");
	ask($node, join '; ', map { "ROLLBACK PREPARED '$_'" } split /\n/, ask($node, 'SELECT gid FROM pg_prepared_xacts ORDER BY gid')) if ask($node, 'SELECT count(*) FROM pg_prepared_xacts');
	ask($node, insert(1, 'after the crash') . q{; SELECT tarot.flush_events('3 min')});
	sealed("round $round");
	is_well("round $round");
}
is(ask($node, q{SELECT count(*) = count(DISTINCT tarot.entry_position(system, transaction, number)) FROM tarot.audit_entry}), 't', 'each entry has a leaf of its own');
is( ask($node, q{SELECT bool_and(tarot.verify_consistency(a.size, a.root, b.size, b.root, tarot.consistency_proof(a.size, b.size))) FROM tarot.audit_checkpoint a, (SELECT * FROM tarot.audit_checkpoint ORDER BY size DESC LIMIT 1) b}),
	't', 'the tree begins with that of each checkpoint before');
my @notes = grep { /\S/ } split /(?<=\n)\n(?=tarot_security)/, slurp_file($given_out) =~ s/\n\n\z/\n/r;
my $all_given_out = join ',', map { "\$\$$_\$\$" } @notes;
cmp_ok(scalar(@notes), '>', 5, 'checkpoints were given out');
is(ask($node, "SELECT count(*) FROM unnest(ARRAY[$all_given_out]) AS n (note) WHERE NOT EXISTS (SELECT FROM tarot.audit_checkpoint c WHERE c.note = n.note)"), 0, 'and all of them hold');
is(ask($node, q{SELECT count(*) FROM account a FULL JOIN (SELECT (key->>'id')::bigint AS id FROM tarot.audit_entry WHERE operation = 'I') l ON l.id = a.id WHERE a.id IS NOT NULL AND l.id IS NULL}), 0, 'no change is without its entry');

# ---------------------------------------------------------------- what was committed just before the server ended

$node->append_conf('postgresql.conf', 'tarot_security.worker = off');
$node->restart;
ask($node, insert(3, 'just before'));
$node->stop('immediate');
$node->append_conf('postgresql.conf', 'tarot_security.worker = on');
$node->start;
sealed('from before, and nobody has written since');
is_well('from before');

# ---------------------------------------------------------------- databases that come and go

# In a copy that is restored the worker waits for who has restored it.
$node->command_ok([ 'pg_dump', '-f', "$tmp/dump.sql", $node->connstr('postgres') ], 'a dump');
ask($node, 'CREATE DATABASE copy');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$tmp/dump.sql", $node->connstr('copy') ], 'restored');
$checkpoints = ask($node, 'SELECT count(*) FROM tarot.audit_checkpoint', db => 'copy');
runs_again('a copy', 'copy');
is(ask($node, 'SELECT count(*) FROM tarot.audit_checkpoint', db => 'copy'), $checkpoints, 'a copy: not sealed');
ask($node, q{SELECT tarot.flush_events('3 min')}, db => 'copy');
ask($node, 'SELECT tarot.seal_audit()', db => 'copy');
is_well('a copy, sealed by hand', 'copy');
ask($node, insert(2, 'in the copy'), db => 'copy');
sealed('a copy, begun', 'copy');
is_well('a copy, begun', 'copy');

ask($node, insert(2, 'the last of the copy'), db => 'copy');
ask($node, 'DROP EXTENSION tarot_security CASCADE', db => 'copy');
ask($node, "DROP TABLE account; CREATE EXTENSION tarot_security; $table; " . insert(2, 'anew') . '; SELECT tarot.seal_audit()', db => 'copy');
ask($node, insert(2, 'and on'), db => 'copy');
ok(poll($node, "SELECT $unsealed = 0", db => 'copy'), 'the extension was dropped and made anew');
ask($node, insert(2, 'to be dropped'), db => 'copy');
ask($node, 'DROP DATABASE copy');
is(ask($node, q{SELECT count(*) FROM tarot.worker_status WHERE database = 'copy'}), 0, 'the database was dropped');
ask($node, insert(1, 'in the end'));
sealed('in the end');
is_well('in the end');
unlike(server_log($node), qr/PANIC|TRAP|terminated by signal (?!9)/, 'nothing died but what was killed');
done_testing;

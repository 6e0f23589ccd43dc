# pg_upgrade of a sealed audit log: what was sealed holds, the tree goes on, and so does the worker. From the same PostgreSQL, where it does the
# same as from an older one: the catalog is made anew, and the cluster gets another system identifier.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $tmp = PostgreSQL::Test::Utils::tempdir;
my $key = new_root_key();
write_private("$tmp/root.key", "$key\n");
my %common = (initdb => ['--data-checksums'], conf => "tarot_security.root_key_file = '$tmp/root.key'\n");
my $old = new_node('old', %common);

my $findings = q{SELECT coalesce(string_agg(concat_ws(' ', finding, detail), ', ' ORDER BY finding), 'good') FROM tarot.verify_audit(%s)};
ask($old, q{CREATE EXTENSION tarot_security; SELECT tarot.create_key('any'); SELECT tarot.create_audit_partitions(1);
	CREATE TABLE account (id bigserial PRIMARY KEY, note text); SELECT tarot.audit_table('account');
	CREATE TABLE tarot.audit_entry_2020_01 (LIKE tarot.audit_entry); ALTER TABLE tarot.audit_entry ATTACH PARTITION tarot.audit_entry_2020_01 FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-02-01 00:00+00');
	CREATE TABLE tarot.audit_entry_2020_02 (LIKE tarot.audit_entry); ALTER TABLE tarot.audit_entry ATTACH PARTITION tarot.audit_entry_2020_02 FOR VALUES FROM ('2020-02-01 00:00+00') TO ('2020-03-01 00:00+00')});
ask($old, q{INSERT INTO account (note) SELECT 'old ' || g FROM generate_series(1, 600) g});
ask($old, q{UPDATE tarot.audit_entry SET recorded_at = CASE WHEN (key->>'id')::int <= 5 THEN '2020-01-05' ELSE '2020-02-05' END::timestamptz WHERE operation = 'I' AND (key->>'id')::int <= 12});
ask($old, 'SELECT tarot.seal_audit()');
ask($old, q{SELECT tarot.drop_audit_partitions(now() - '2020-02-15')});
ask($old, q{SELECT tarot.erase_audit_details('account', '{"id": 20}', 'ticket')});
ask($old, 'SELECT tarot.seal_audit()');
my $kept = ask($old, 'SELECT note FROM tarot.audit_checkpoint ORDER BY size DESC LIMIT 1');
my $lawful = 'details erased Key, old and new of 1 entries, as sealed entries tell., dropped 5 entries, as sealed entries tell.';
is(ask($old, sprintf $findings, ''), $lawful, 'before it: all is told');
ask($old, q{INSERT INTO account (note) SELECT 'not sealed' FROM generate_series(1, 7); UPDATE account SET note = 'changed' WHERE id = 1});
my $log = q{SELECT md5(string_agg(e::text, ',' ORDER BY e.transaction, e.number)) FROM tarot.audit_entry e};
my $before = ask($old, $log);
my $system = ask($old, 'SELECT system_identifier FROM pg_control_system()');
$old->stop;

my $new = new_node('new', start => 0, %common);
{
	local $ENV{PGOPTIONS};
	my ($bin) = grep { -x "$_/pg_upgrade" } split /:/, $ENV{PATH};
	my $status = system "cd '$tmp' && pg_upgrade -d '" . $old->data_dir . "' -D '" . $new->data_dir . "' -b '$bin' -B '$bin' -s '" . $new->host . "' -p " . $old->port . ' -P ' . $new->port . " > '$tmp/output' 2>&1 </dev/null";
	is($status, 0, 'upgraded') or diag(slurp_file("$tmp/output"));
}
$new->start;
isnt(ask($new, 'SELECT system_identifier FROM pg_control_system()'), $system, 'it is another system');
is(ask($new, $log), $before, 'the log is what it was, without an entry more');
is(ask($new, sprintf $findings, "checkpoint => \$\$$kept\$\$"), "$lawful, not sealed 8 entries have come since the log was sealed.", 'and so is what was sealed');
is(ask($new, 'SELECT tarot.seal_audit()'), 8, 'what was not sealed is now');
is(ask($new, 'SELECT tarot.seal_audit()'), 0, 'once');
is(ask($new, sprintf $findings, "checkpoint => \$\$$kept\$\$"), $lawful, 'the tree goes on, and is signed');
ask($new, q{INSERT INTO account (note) SELECT 'new' FROM generate_series(1, 300)});
is(ask($new, 'SELECT tarot.seal_audit()'), 300, 'with what comes later');
is(ask($new, q{SELECT count(DISTINCT system) FROM tarot.audit_entry}), 2, 'of two systems');
is( ask($new, q{SELECT bool_and(tarot.verify_inclusion(p.leaf, p.position, p.tree_size, p.proof, c.root)) FROM (SELECT * FROM tarot.audit_entry ORDER BY transaction, number LIMIT 50) e, tarot.inclusion_proof(e.system, e.transaction, e.number) p JOIN tarot.audit_checkpoint c ON c.size = p.tree_size}),
	't', 'entries of before are proved');
is(ask($new, q{SELECT bool_and(tarot.verify_consistency(a.size, a.root, b.size, b.root, tarot.consistency_proof(a.size, b.size))) FROM tarot.audit_checkpoint a, (SELECT * FROM tarot.audit_checkpoint ORDER BY size DESC LIMIT 1) b}), 't', 'so is that no checkpoint was rewritten');
write_private("$tmp/keys", ask($new, 'SELECT public_key FROM tarot.audit_signers') . "\n", 0644);
write_private("$tmp/kept", "$kept\n", 0644);
write_private("$tmp/export", ask($new, 'SELECT tarot.export_audit()') . "\n", 0644);
$new->command_like([ 'tarot-verify', '-K', "$tmp/keys", '-c', "$tmp/kept", "$tmp/export" ], qr/5 of them gone \(5 dropped, as is told\), 1 erased, \d+ checkpoints: good\n\z/, 'tarot-verify finds it good');
# What was before can go, too, and is missing where it does so by hand.
is(ask($new, q{SELECT partition, entries FROM tarot.drop_audit_partitions('1 year')}), 'tarot.audit_entry_2020_02|7', 'partitions of before are dropped');
ask($new, q{SELECT tarot.erase_audit_entries(array_agg(transaction), array_agg(number), 'ticket', array_agg(system)) FROM tarot.audit_entry WHERE key = '{"id": 30}'});
ask($new, 'SELECT tarot.seal_audit()');
$lawful = 'details erased Key, old and new of 2 entries, as sealed entries tell., dropped 12 entries, as sealed entries tell.';
is(ask($new, sprintf $findings, ''), $lawful, 'and details erased');
is(ask($new, 'BEGIN; DELETE FROM tarot.audit_entry WHERE key = $${"id": 40}$$; ' . (sprintf $findings, '') . '; ROLLBACK') =~ /entry missing 1 entries/ ? 1 : 0, 1, 'found: one that was deleted');

# The worker.
$new->append_conf('postgresql.conf', "tarot_security.worker = on\ntarot_security.audit_seal_interval = 1s\n");
$new->restart;
ask($new, q{INSERT INTO account (note) SELECT 'by the worker' FROM generate_series(1, 5)});
ok(poll($new, q{SELECT (SELECT count(*) FROM tarot.audit_entry) = max(size) - 12 FROM tarot.audit_checkpoint}), 'the worker seals on');
is(ask($new, sprintf $findings, ''), $lawful, 'and all is well');
unlike(server_log($new), qr/PANIC|TRAP|terminated by signal/, 'nothing died');
done_testing;

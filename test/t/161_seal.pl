# Sealing the audit log beside all that changes it: transactions of every kind, several sealers, VACUUM, crashes, dumps. Each entry
# gets one leaf, and what was given out stays true.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run qw(start);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $given_out = PostgreSQL::Test::Utils::tempdir . '/checkpoints';
my $conf = "max_prepared_transactions = 20\nsynchronous_commit = off\nautovacuum = off\ntarot_security.audit_checkpoint_file = '$given_out'\n";
my $node = new_node('sealed', conf => $conf);
ask($node, q{CREATE EXTENSION tarot_security; SELECT tarot.create_key('any');
	CREATE TABLE account (id bigserial PRIMARY KEY, note text); SELECT tarot.audit_table('account')});

sub seal { return ask($node, 'SELECT tarot.seal_audit()', @_) }
# Findings, and entries without just one leaf.
my $all_is_well = q{SELECT coalesce((SELECT string_agg(concat_ws(' ', finding, first_position, last_position, transaction, number, detail), ', ') FROM tarot.verify_audit()), 'good'),
	(SELECT count(*) FROM tarot.audit_entry) - (SELECT coalesce(max(size), 0) FROM tarot.audit_checkpoint)};
sub is_well { my ($name, %option) = @_; return is(ask($node, $all_is_well, %option), 'good|0', $name) }
sub insert { my ($count, $note) = @_; return "INSERT INTO account (note) SELECT '$note' FROM generate_series(1, $count)" }
sub notes_given_out
{
	return grep { /\S/ } split /(?<=\n)\n(?=tarot_security)/, slurp_file($given_out) =~ s/\n\n\z/\n/r;
}

# ---------------------------------------------------------------- given out

ask($node, insert(3, 'first'));
is(seal(), 4, 'sealed, with the entry that the table is audited');
my $note = ask($node, 'SELECT note FROM tarot.audit_checkpoint');
is((notes_given_out())[0], $note, 'the checkpoint is in the file');
like(server_log($node), qr/checkpoint of the audit log.*\n.*DETAIL:.*tarot_security\/[0-9a-f]{32}\n\t4\n/, 'and in the server log');
ask($node, insert(1, 'rolled back'));
ask($node, 'BEGIN; SELECT tarot.seal_audit(); ROLLBACK; BEGIN; SAVEPOINT s; SELECT tarot.seal_audit(); ROLLBACK TO s; COMMIT');
is(scalar(notes_given_out()), 1, 'nothing is given out by what is rolled back');
ask($node, 'BEGIN; SAVEPOINT s; SELECT tarot.seal_audit(); RELEASE s; COMMIT');
is(scalar(notes_given_out()), 2, 'but by what commits, once');
ask($node, "SET tarot_security.audit_checkpoint_file = '/nowhere/at/all'; SET tarot_security.log_audit_checkpoints = off; " . insert(1, 'no file') . '; SELECT tarot.seal_audit()');
like(server_log($node), qr/could not write a checkpoint of the audit log to "\/nowhere\/at\/all": No such file/, 'a file that cannot be written is no error');
is_well('and all is well');

# ---------------------------------------------------------------- transactions of every kind

{
	my %session = map { $_ => $node->background_psql('postgres') } qw(long repeatable serializable nested prepared);
	# One that begins before all others, and writes on the first page of its partition.
	$session{long}->query_safe('BEGIN; ' . insert(5, 'long'));
	$session{repeatable}->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; ' . insert(2, 'repeatable'));
	$session{serializable}->query_safe('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM account; ' . insert(2, 'serializable'));
	$session{nested}->query_safe('BEGIN; ' . insert(1, 'outer') . '; SAVEPOINT a; ' . insert(2, 'inner') . '; SAVEPOINT b; ' . insert(2, 'gone') . '; ROLLBACK TO b; ' . insert(1, 'innermost'));
	$session{prepared}->query_safe('BEGIN; ' . insert(4, 'prepared') . "; PREPARE TRANSACTION 'p'");
	is(seal(), 0, 'what has not committed is not sealed');
	# Far more than a page, and sealings in between: what is long done is not read again.
	ask($node, insert(2000, 'many')), is(seal(), 2000, 'what commits meanwhile is') foreach 1 .. 3;
	$session{serializable}->query_safe('COMMIT');
	is(seal(), 2, 'a serializable transaction');
	$session{repeatable}->query_safe('COMMIT');
	$session{nested}->query_safe('COMMIT');
	is(seal(), 6, 'one with savepoints, and a repeatable one');
	ask($node, insert(2000, 'more'));
	$session{long}->query_safe(insert(1, 'long, the end') . '; COMMIT');
	is(seal(), 2006, 'the one that began before all that');
	ask($node, q{COMMIT PREPARED 'p'});
	is(seal(), 4, 'and the prepared one');
	$_->quit foreach values %session;
}
is_well('each has a leaf');
is(ask($node, q{SELECT count(*) FROM (SELECT tarot.entry_position(system, transaction, number) AS p, lag(transaction) OVER (ORDER BY tarot.entry_position(system, transaction, number)) > transaction AS behind
	FROM tarot.audit_entry) e WHERE behind}), 4, 'what committed later comes later, though its number is smaller');

# ---------------------------------------------------------------- where sealing begins to read

my $floor = q{SELECT coalesce(max((floor_at::text::point)[0]), 0)::int FROM tarot.audit_frontier};
my $pages = q{SELECT pg_relation_size('tarot.audit_entry_default') / current_setting('block_size')::int};
ok(wait_until(sub { ask($node, insert(1, 'one')); seal(); ask($node, $floor) >= ask($node, $pages) - 2 }), 'sealing begins at the end of the table');
# The table becomes shorter than what was read: entries come to pages before that.
foreach my $round (1 .. 2)
{
	my $before = ask($node, $pages);
	ask($node, 'BEGIN; ' . insert(3000, 'undone') . '; ROLLBACK');
	ask($node, 'VACUUM tarot.audit_entry_default');
	cmp_ok(ask($node, $pages), '<', $before + 10, "round $round: VACUUM has cut off the end");
	ask($node, insert(1, 'behind it')), is(seal(), 1, "round $round: entries behind what was rolled back") foreach 1 .. 3;
	ask($node, q{DELETE FROM tarot.audit_entry WHERE new->>'note' = 'behind it'; VACUUM tarot.audit_entry_default});
	ask($node, insert(1500, 'after VACUUM'));
	is(seal(), 1501, "round $round: what then comes is found, and what tells of DELETE");
}
is(ask($node, q{SELECT string_agg(finding || ' ' || (SELECT sum(last_position - first_position + 1) FROM tarot.verify_audit()), ',') FROM (SELECT DISTINCT finding FROM tarot.verify_audit()) v}), 'entry missing 6', 'only what was deleted is not there');
ask($node, 'VACUUM FULL tarot.audit_entry_default; ' . insert(7, 'after VACUUM FULL'));
is(seal(), 7, 'VACUUM FULL');
ask($node, 'TRUNCATE tarot.audit_entry_default; ' . insert(8, 'after TRUNCATE'));
is(seal(), 9, 'TRUNCATE, which is on record');
ask($node, 'SELECT tarot.create_audit_partitions(1); ' . insert(9, 'in a new partition'));
is(seal(), 12, 'a new partition');

# ---------------------------------------------------------------- several sealers, and crashes

ask($node, 'TRUNCATE tarot.audit_entry, tarot.audit_tile, tarot.audit_checkpoint, tarot.audit_frontier');
unlink $given_out;
my $tmp = PostgreSQL::Test::Utils::tempdir;
my %script = (
	plain => insert(3, 'plain') . ";\n",
	repeatable => "BEGIN ISOLATION LEVEL REPEATABLE READ;\n" . insert(2, 'repeatable') . ";\n" . insert(2, 'again') . ";\nCOMMIT;\n",
	serializable => "BEGIN ISOLATION LEVEL SERIALIZABLE;\n" . insert(2, 'serializable') . ";\nCOMMIT;\n",
	nested => "BEGIN;\n" . insert(1, 'outer') . ";\nSAVEPOINT s;\n" . insert(40, 'gone') . ";\nROLLBACK TO s;\n" . insert(2, 'inner') . ";\nCOMMIT;\n",
	prepared => "BEGIN;\n" . insert(2, 'prepared') . ";\nPREPARE TRANSACTION 'p:client_id';\nCOMMIT PREPARED 'p:client_id';\n",
	undone => "BEGIN;\n" . insert(50, 'undone') . ";\nROLLBACK;\n",
	seal => "SELECT tarot.seal_audit();\n");
write_private("$tmp/$_.sql", $script{$_}, 0644) foreach keys %script;
my @load = map { ('-f', "$tmp/$_.sql") } sort keys %script;

$node->command_ok([ 'pgbench', '-n', '-c', 6, '-t', 60, @load, $node->connstr('postgres') ], 'sealers beside writers');
seal();
is_well('each entry has one leaf');
is(ask($node, 'SELECT count(*) = max(rank) FROM (SELECT dense_rank() OVER (ORDER BY size) AS rank FROM tarot.audit_checkpoint) c'), 't', 'there is one tree');

foreach my $round (1 .. 3)
{
	my $sealed = ask($node, 'SELECT count(*) FROM tarot.audit_checkpoint');
	my $load = start [ 'pgbench', '-n', '-c', 6, '-T', 600, @load, $node->connstr('postgres') ], '>', \my $out, '2>', \my $err;
	ok(wait_until(sub { ask($node, 'SELECT count(*) FROM tarot.audit_checkpoint') > $sealed + 20 }), "round $round: sealed under load");
	$node->stop('immediate');
	$load->finish;
	$node->start;
	my @notes = notes_given_out();
	my $wrong = 0;
	$wrong += ask($node, "SELECT count(*) FROM tarot.verify_audit((SELECT max(size) FROM tarot.audit_checkpoint), checkpoint => \$\$$_\$\$) WHERE finding <> 'not sealed'") foreach @notes[ ($#notes > 30 ? $#notes - 30 : 0) .. $#notes ];
	is($wrong, 0, "round $round: what was given out before the crash holds");
	ask($node, join '; ', map { "ROLLBACK PREPARED '$_'" } split /\n/, ask($node, 'SELECT gid FROM pg_prepared_xacts ORDER BY gid')) if ask($node, 'SELECT count(*) FROM pg_prepared_xacts');
	seal();
	is_well("round $round: each entry has one leaf");
	is(ask($node, q{SELECT count(*) FILTER (WHERE l.key IS NULL), count(*) FILTER (WHERE a.id IS NULL) FROM account a FULL JOIN (SELECT * FROM tarot.audit_log WHERE operation = 'INSERT') l ON (l.key->>'id')::bigint = a.id WHERE a.id IS NULL OR a.id > (SELECT min((key->>'id')::bigint) FROM tarot.audit_log)}),
		'0|0', "round $round: no change without its entry, no entry without its change");
}

# ---------------------------------------------------------------- dumps

ask($node, insert(5, 'not sealed when it was dumped'));
my ($dump, $other) = ("$tmp/dump.sql", new_node('other'));
my @kept = notes_given_out();
my $kept = "checkpoint => \$\$$kept[-1]\$\$";
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ], 'a dump');
ask($_, 'CREATE DATABASE restored') foreach $node, $other;
foreach my $where ($node, $other)
{
	my $name = $where->name;
	my $ask = sub { ask($where, $_[0], db => 'restored') };
	$where->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $where->connstr('restored') ], "restored to $name");
	is($ask->("SELECT finding, detail FROM tarot.verify_audit($kept)"), 'not sealed|16 entries have come since the log was sealed.', "$name: all that was sealed is; the rest is 5 changes, and what tells of the restore");
	is($ask->('SELECT tarot.seal_audit()'), 16, "$name: the rest is now");
	is($ask->("SELECT string_agg(finding, ',') FROM tarot.verify_audit($kept)"), $where == $node ? '' : 'not signed', "$name: and the tree goes on" . ($where == $node ? '' : ', unsigned where its key cannot be opened'));
	$ask->(insert(3, 'later'));
	is($ask->('SELECT tarot.seal_audit()'), 3, "$name: with what comes later");
	is($ask->('SELECT tarot.seal_audit()'), 0, "$name: once");
	$ask->(q{INSERT INTO tarot.audit_entry SELECT recorded_at, transaction, number + 1000000, system, statement, relation, operation, table_name, role, session_role FROM tarot.audit_entry WHERE tarot.entry_position(system, transaction, number) = 1});
	is($ask->('SELECT tarot.seal_audit(complete => true)'), 1, "$name: nothing is put into the past; that somebody tried is sealed");
	is($ask->("SELECT finding FROM tarot.verify_audit($kept) WHERE finding <> 'not signed'"), 'entry inserted', "$name: who tries is found");
}
# An old copy, continued: only what was given out since can tell.
is(ask($node, "SELECT count(*) FROM tarot.verify_audit($kept)", db => 'restored'), 1, 'an older checkpoint holds in a copy');
ask($node, insert(30, 'in the original') . '; SELECT tarot.seal_audit()');
my $newer = ask($node, 'SELECT note FROM tarot.audit_checkpoint ORDER BY size DESC LIMIT 1');
is(ask($node, "SELECT finding FROM tarot.verify_audit(checkpoint => \$\$$newer\$\$) WHERE finding LIKE 'log%'", db => 'restored'), 'log truncated', 'an old copy is too short');
ask($node, insert(50, 'in the copy') . '; SELECT tarot.seal_audit()', db => 'restored');
is(ask($node, "SELECT finding FROM tarot.verify_audit(checkpoint => \$\$$newer\$\$) WHERE finding LIKE 'log%'", db => 'restored'), 'log rewritten', 'or, continued, another one');

# ---------------------------------------------------------------- bytes that are no UTF-8

ask($node, "CREATE DATABASE $_ ENCODING '$_' LOCALE 'C' TEMPLATE template0") foreach qw(sql_ascii win1252);
foreach my $where (qw(sql_ascii win1252))
{
	my $ask = sub { ask($node, $_[0], db => $where) };
	# A byte that WIN1252 has no character for.
	$ask->(q{CREATE EXTENSION tarot_security; CREATE TABLE t (id int PRIMARY KEY, note text); SELECT tarot.audit_table('t'); INSERT INTO t VALUES (1, E'\x81')});
	is($ask->('SELECT tarot.seal_audit()'), $ask->('SELECT count(*) FROM tarot.audit_entry'), "$where: nobody stops sealing by a byte");
	is($ask->(q{SELECT finding FROM tarot.verify_audit() WHERE finding <> 'not signed'}), '', "$where: the entries are those that were sealed");
	$ask->(q{UPDATE tarot.audit_entry SET new = jsonb_build_object('id', 1, 'note', E'\x8d') WHERE operation = 'I' AND table_name = 'public.t'});
	is($ask->(q{SELECT finding FROM tarot.verify_audit() WHERE finding = 'entry changed'}), 'entry changed', "$where: and what is changed is found");
}

unlike(server_log($_), qr/was terminated by signal|PANIC/, $_->name . ': no process died') foreach $node, $other;
done_testing;

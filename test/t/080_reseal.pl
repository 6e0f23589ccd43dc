# tarot.reseal() under load and through crashes: nothing is lost, nothing is done twice, and old versions can go.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $timeout = $PostgreSQL::Test::Utils::timeout_default;
my $rows = 20000;
my $node = new_node('main', conf => "restart_after_crash = on\nlog_statement = none");
set_up_customers($node);
ask($node, <<'END');
CREATE TABLE account (id int PRIMARY KEY, email tarot.encrypted_text('email'), visits int NOT NULL DEFAULT 0);
GRANT SELECT, INSERT, UPDATE, DELETE ON account TO app;
END
ask_as($node, 'app', qq{INSERT INTO account SELECT i, 'user' || i || '\@plaintext.example', 0 FROM generate_series(1, $rows) i});

my $usage = q{SELECT string_agg(version || ':' || "values", ' ' ORDER BY version) FROM tarot.key_usage('account')};
my $done = q{SELECT coalesce(rows_resealed, 0) FROM tarot.reseal_progress WHERE "table" = 'account'::regclass};
my $data = q{SELECT md5(string_agg(id || ':' || email::text, ',' ORDER BY id)) FROM account};
my $before = ask_as($node, 'app', $data);
my $version = 1;

# ------------------------------------------------------------ crashes

foreach my $death ('postmaster', 'backend', 'cancel')
{
	$version = ask($node, q{SELECT tarot.rotate_key('profile')});
	my $call = start_psql($node, q{CALL tarot.reseal('account', batch => 100, pause => '5 ms')});
	ok(poll($node, qq{SELECT ($done) BETWEEN 1000 AND $rows / 2}), "$death: it is at work");
	my $pid = ask($node, q{SELECT pid FROM tarot.reseal_progress WHERE "table" = 'account'::regclass AND state = 'running'});
	like($pid, qr/^\d+$/, "$death: and says so");
	if ($death eq 'postmaster')
	{
		my @processes = split /\n/, ask($node, 'SELECT pid FROM pg_stat_activity');
		$node->kill9;
		eval { $call->{run}->finish };
		wait_until(sub { !grep { kill 0, $_ } @processes }) or die 'processes are left';
		$node->start;
	}
	elsif ($death eq 'backend')
	{
		kill 'KILL', $pid or die $!;
		eval { $call->{run}->finish };
		ok(poll($node, 'SELECT true'), "$death: the server is back");
	}
	else
	{
		ask($node, "SELECT pg_cancel_backend($pid)");
		$call->{run}->finish;
		like(${ $call->{err} }, qr/canceling statement/, "$death: it ended");
	}
	my $halfway = ask($node, $done);
	cmp_ok($halfway, '>=', 1000, "$death: what was committed is kept ($halfway rows)");
	cmp_ok($halfway, '<', $rows, "$death: it was in the middle");
	is(ask($node, $usage), ($version - 1) . ':' . ($rows - $halfway) . " $version:$halfway", "$death: that many values are under the new version, the others under the old one");
	is(ask($node, q{SELECT state FROM tarot.reseal_progress WHERE "table" = 'account'::regclass}), 'interrupted', "$death: interrupted, says the view");
	is(ask_as($node, 'app', $data), $before, "$death: all is read");
	like(error_of($node, "SELECT tarot.destroy_key('profile', $version - 1)"), qr/2BP01/, "$death: the old version cannot be destroyed yet");

	ask($node, q{CALL tarot.reseal('account')});
	is(ask($node, $usage), "$version:$rows", "$death: called again, it finishes");
	is(ask($node, $done), $rows, "$death: no row was written twice: it went on, and did not begin again");
	is(ask_as($node, 'app', $data), $before, "$death: all is read, again");
	ask($node, q{CALL tarot.reseal('customer')});
	is(error_of($node, "SELECT tarot.destroy_key('profile', $version - 1)"), '', "$death: now the old version can go");
	is(ask_as($node, 'app', $data), $before, "$death: and is not missed");
}

# The table is written to another file in the middle: positions in the old one do not count.
$version = ask($node, q{SELECT tarot.rotate_key('profile')});
my $call = start_psql($node, q{CALL tarot.reseal('account', batch => 100, pause => '5 ms')});
poll($node, qq{SELECT ($done) >= 1000});
ask($node, 'CLUSTER account USING account_pkey');
$call->{run}->finish;
is(${ $call->{err} }, '', 'CLUSTER in the middle is no obstacle');
is(ask($node, $usage), "$version:$rows", 'and nothing was missed');

# ------------------------------------------------------------ writers at work

# Old envelopes are copied to new places all the while; rows come and go.
$version = ask($node, q{SELECT tarot.rotate_key('profile')});
my $script = PostgreSQL::Test::Utils::tempdir . '/writers.sql';
append_to_file($script, <<"END");
\\set id random(1, $rows)
\\set new random(1, 1000000000)
UPDATE account SET visits = visits + 1 WHERE id = :id;
DELETE FROM account WHERE id = 1 + :id % 100;
INSERT INTO account SELECT 1 + :id % 100, email, 0 FROM account WHERE id = 200 ON CONFLICT DO NOTHING;
UPDATE account SET email = 'user' || id || '\@plaintext.example' WHERE id = 100 + :id % 50;
END
my ($out, $err) = ('', '');
my $writers = IPC::Run::start([ $node->installed_command('pgbench'), '-n', '-c', '4', '-T', '6', '-U', 'app', '-f', $script, $node->connstr('postgres') ],
	'>', \$out, '2>', \$err, IPC::Run::timeout($timeout));
ok(poll($node, 'SELECT sum(visits) > 100 FROM account'), 'writers are at work');
ask($node, q{CALL tarot.reseal('account', batch => 200)});
is(ask($node, q{SELECT state FROM tarot.reseal_progress WHERE "table" = 'account'::regclass}), 'finished', 'resealed beside them');
$writers->finish;
like($out, qr/number of failed transactions: 0 /, 'no writer failed');
is($err =~ /error|deadlock/i ? $err : '', '', 'none was told of an error');
my ($transactions) = $out =~ /transactions actually processed: (\d+)/;
cmp_ok($transactions, '>', 200, "writers made $transactions transactions meanwhile");
ask($node, q{CALL tarot.reseal('account'); CALL tarot.reseal('customer')});
like(ask($node, $usage), qr/^$version:\d+$/, 'all is under the newest version');
is(ask_as($node, 'app', q{SELECT count(*) FROM account WHERE id > 100 AND email::text <> 'user' || id || '@plaintext.example'}), '0', 'every value is what it was');
is(ask_as($node, 'app', q{SELECT count(*) FROM account WHERE id <= 100 AND email::text NOT IN ('user' || id || '@plaintext.example', 'user200@plaintext.example')}), '0', 'so is what came and went');
is(ask($node, "SET enable_seqscan = off; SET enable_bitmapscan = off; SELECT count(*) FROM account WHERE id > 100"), $rows - 100, 'no row is lost or doubled, by index');
is(ask($node, "SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off; SELECT count(*) FROM account WHERE id > 100"), $rows - 100, 'nor by a scan');
is(error_of($node, "SELECT tarot.destroy_key('profile', $version - 1)"), '', 'the version before can go');

unlike(server_log($node), qr/PANIC|TRAP:|signal (?:6|11)\b/, 'nothing died but what was killed');
$node->stop;
done_testing;

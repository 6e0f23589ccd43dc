# The root key from a command: whatever the command does, the server starts, unlock() ends in time, and
# no process of a failed command stays behind.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $script = "$dir/command.sh";
my $key = new_root_key;
my $print = "echo $key";

my $command = command_with($script, $print);
my $node = new_node('command', conf => "tarot_security.root_key_command = '$command'\n"
	  . "tarot_security.root_key_timeout = '1s'\nlog_statement = none");
set_up_customers($node);
my $data = data_of($node);
is(ask($node, 'SELECT provider, unlocked, problem IS NULL, is_current FROM tarot.root_key_status'),
	'command|t|t|t', 'the command is the provider');

# ---------------------------------------------------------------- commands that give a key

my %good = (
	'a comment and CR LF' => qq{printf '# from the vault\\r\\n$key\\r\\n'},
	'a new key and the old one' => 'echo ' . new_root_key() . "; $print",
	'something on standard error' => "echo all is well >&2; $print",
	'standard input is empty' => "cat; $print",
	'signals are as a shell expects' => "sh -c 'kill -PIPE \$\$'; $print",
	'a background child with its own output' => "sleep 5 >/dev/null 2>&1 & $print");

foreach my $name (sort keys %good)
{
	command_with($script, $good{$name});
	is(error_of($node, 'SELECT tarot.lock(); SELECT tarot.unlock()', timeout => 30), '', "$name: taken");
	is(data_of($node), $data, "$name: all is read");
}

# ---------------------------------------------------------------- commands that do not

my %bad = (
	'exit code' => [ "$print; exit 3", qr/failed with exit code 3/ ],
	'no such program' => [ '/nonexistent/program', qr/failed with exit code 127/ ],
	'killed by a signal' => [ "$print; kill -9 \$\$", qr/was ended by signal 9/ ],
	'hanging' => [ 'sleep 1000', qr/took longer than 1000 ms/ ],
	'hanging, and deaf to signals' => [ "trap '' TERM INT HUP; while :; do sleep 1000; done", qr/took longer than 1000 ms/ ],
	'hanging after the key' => [ "$print; sleep 1000", qr/took longer than 1000 ms/ ],
	'hanging with its output closed' => [ "$print; exec >&-; sleep 1000", qr/took longer than 1000 ms/ ],
	'a child that keeps the output' => [ "sleep 1000 & echo \$! >>'$script.pid'; $print", qr/took longer than 1000 ms/ ],
	'endless output' => [ 'yes', qr/printed too much/ ],
	'endless output, slowly' => [ 'while :; do echo; sleep 0.2; done', qr/took longer than 1000 ms/ ],
	'no output' => [ ':', qr/holds no root key/ ],
	'a message instead of a key' => [ "echo 'permission denied'", qr/line 1 is not a root key of 256 bits/ ],
	'a short key' => [ 'echo ' . substr($key, 2), qr/line 1 is not a root key of 256 bits/ ],
	'a key with zero bytes behind it' => [ "printf '$key\\0'", qr/line 1 is not a root key of 256 bits/ ]);
my %at_start = map { $_ => 1 } 'exit code', 'killed by a signal', 'hanging', 'a child that keeps the output', 'endless output';

foreach my $name (sort keys %bad)
{
	my ($body, $problem) = @{ $bad{$name} };

	command_with($script, $body);
	if ($at_start{$name})
	{
		my $mark = -s $node->logfile;
		$node->stop;
		$node->start;
		like(slurp_file($node->logfile, $mark), qr/WARNING:  tarot_security starts locked: .*$problem/, "$name: the server starts locked");
		ok(process_gone("$script.pid"), "$name: no process is left by the start");
	}
	else { ask($node, 'SELECT tarot.lock()') }

	my $error = error_of($node, 'SELECT tarot.unlock()', timeout => 30);
	like($error, qr/ERROR:  TS003: the root key provider gave no root key\nDETAIL:  .*$problem.*\nHINT:  /, "$name: unlock tells why");
	ok(process_gone("$script.pid"), "$name: no process is left by unlock");
	like(ask($node, 'SELECT problem FROM tarot.root_key_status WHERE NOT unlocked'), $problem, "$name: the status tells why");
	lacks_key($error, $key, "$name: the error shows no key");
	like(error_of($node, 'SELECT email::text FROM customer', role => 'app'), qr/TS001/, "$name: nothing is read");
}
command_with($script, $print);
is(error_of($node, 'SELECT tarot.unlock()'), '', 'a good command mends it');

# ---------------------------------------------------------------- cancelled

$node->append_conf('postgresql.conf', "tarot_security.root_key_timeout = '5min'");
$node->reload;
ok(poll($node, q{SELECT current_setting('tarot_security.root_key_timeout') = '5min'}), 'a longer timeout');

command_with($script, "$print; sleep 1000");
like(error_of($node, q{SET statement_timeout = '300ms'; SELECT tarot.unlock()}, timeout => 60), qr/ERROR:  57014/,
	'statement_timeout ends an unlock');
ok(process_gone("$script.pid"), 'statement_timeout: no process is left');
is(data_of($node), $data, 'statement_timeout: the server stays unlocked');

foreach my $end (qw(pg_cancel_backend pg_terminate_backend))
{
	command_with($script, "$print; sleep 1000");
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_until(qr/started/, "\\echo started\nSET application_name = 'unlocker';\nSELECT tarot.unlock();\n");
	ok(wait_until(sub { -s "$script.pid" }, 30), "$end: the command runs");
	is(data_of($node), $data, "$end: meanwhile others read");
	is(error_of($node, q{SET statement_timeout = '10s'; SELECT tarot.lock()}), '', "$end: meanwhile another locks");
	is(ask($node, "SELECT $end(pid) FROM pg_stat_activity WHERE application_name = 'unlocker'"), 't', "$end: sent");
	ok(process_gone("$script.pid"), "$end: no process is left");
	ok(poll($node, q{SELECT count(*) = 0 FROM pg_stat_activity
		WHERE application_name = 'unlocker' AND state = 'active'}), "$end: the statement is over");
	is(ask($node, 'SELECT unlocked FROM tarot.root_key_status'), 'f', "$end: the server stays locked");
	eval { $session->quit };
	command_with($script, $print);
	is(error_of($node, q{SET statement_timeout = '10s'; SELECT tarot.unlock()}), '', "$end: the next unlock is not held up");
	is(data_of($node), $data, "$end: all is read again");
}

my $log = server_log($node);
lacks_key($log, $key, 'no root key in the server log');
unlike($log, qr/was terminated by signal|PANIC/, 'no process died');

done_testing;

# Behind a real pgbouncer in transaction mode: clients that take turns on one connection of the server are never each
# other. A pgbouncer that cannot be had is skipped (test/tools/client-libraries).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

plan skip_all => 'pgbouncer is not there' unless defined $ENV{PGBOUNCER};

my $dir = PostgreSQL::Test::Utils::tempdir_short;
write_private("$dir/root.key", new_root_key . "\n");
my $node = new_node('pooled', conf => "tarot_security.root_key_file = '$dir/root.key'\nlog_statement = none");
ask($node, <<'END');
CREATE ROLE app LOGIN;
CREATE ROLE reader;
GRANT reader TO app;
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('profile');
SELECT tarot.create_issuer('app', 'https://app.example', '{}', secret => repeat('s', 32));
SELECT tarot.create_issuer('web', 'https://web.example', '{}', secret => repeat('w', 32), database_role_claim => 'role', database_roles => '{reader}');
CREATE TABLE note (owner text, body text);
INSERT INTO note VALUES ('ada', 'of ada'), ('bob', 'of bob');
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON note USING (owner = (SELECT tarot.subject()));
GRANT SELECT ON note TO app, reader;
CREATE TABLE ledger (id bigserial PRIMARY KEY, who text);
GRANT INSERT ON ledger TO app; GRANT USAGE ON SEQUENCE ledger_id_seq TO app;
SELECT tarot.audit_table('ledger');
END
my %token = map { $_ => ask($node, "SELECT tarot.sign_jwt('{\"sub\": \"$_\"}', 'app')") } qw(ada bob);
$token{reader} = ask($node, q{SELECT tarot.sign_jwt('{"sub": "eve", "role": "reader"}', 'web')});

# ---------------------------------------------------------------- one connection for all

my $port = PostgreSQL::Test::Cluster::get_free_port();
my ($host, $server_port) = ($node->host, $node->port);
write_private("$dir/users", qq{"app" ""\n});
write_private("$dir/pgbouncer.ini", <<"END");
[databases]
postgres = host=$host port=$server_port dbname=postgres
[pgbouncer]
listen_port = $port
unix_socket_dir = $dir
auth_type = trust
auth_file = $dir/users
pool_mode = transaction
default_pool_size = 1
logfile = $dir/log
END
my ($out, $err) = ('', '');
my $pooler;
{
	local $ENV{LD_LIBRARY_PATH} = $ENV{PGBOUNCER_LIBRARIES};
	$pooler = IPC::Run::start([ $ENV{PGBOUNCER}, "$dir/pgbouncer.ini" ], '<', \undef, '>', \$out, '2>', \$err);
}
END { local $?; $pooler->kill_kill if $pooler; }
my $connection = "host=$dir port=$port dbname=postgres user=app";
sub client { return $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-d', $connection ]) }
ok(wait_until(sub { $pooler->pump_nb; -S "$dir/.s.PGSQL.$port" }), 'pgbouncer is there');

my ($first, $second) = (client(), client());
my $backend = $first->query('SELECT pg_backend_pid()');
is($second->query('SELECT pg_backend_pid()'), $backend, 'two clients, one connection of the server');

# ---------------------------------------------------------------- turns

my $who = q{SELECT coalesce(tarot.subject(), 'nobody') || ': ' || coalesce((SELECT string_agg(body, ', ') FROM note), 'nothing') || CASE pg_backend_pid() WHEN } . $backend . q{ THEN '' ELSE ', elsewhere' END};
my %seen;
foreach my $turn (1 .. 20)
{
	foreach my $client ([ $first, 'ada' ], [ $second, 'bob' ])
	{
		my ($session, $name) = @$client;
		$seen{before}{ $session->query($who) }++;
		$session->query("BEGIN; SELECT tarot.authenticate('$token{$name}')");
		$seen{$name}{ $session->query($who) }++;
		$session->query("INSERT INTO ledger (who) VALUES ('$name')");
		$session->query($turn % 3 ? 'COMMIT' : 'ROLLBACK');
		$seen{after}{ $session->query($who) }++;
		$session->query("INSERT INTO ledger (who) VALUES ('nobody')") if $turn == 20;
	}
}
is_deeply(\%seen, { before => { 'nobody: nothing' => 40 }, ada => { 'ada: of ada' => 20 }, bob => { 'bob: of bob' => 20 }, after => { 'nobody: nothing' => 40 } },
	'each is itself within its transactions, and nobody outside');
is(ask($node, q{SELECT new->>'who', subject, session_role, count(*), count(DISTINCT transaction) FROM tarot.audit_log WHERE operation = 'INSERT' AND table_name = 'public.ledger' GROUP BY 1, 2, 3 ORDER BY 1}),
	"ada|ada|app|14|14\nbob|bob|app|14|14\nnobody||app|2|2", 'and so it is on record what each has changed, but for what was rolled back');

# One waits for the connection while the other has it, and then it is its own.
$first->query("BEGIN; SELECT tarot.authenticate('$token{ada}')");
$second->query_until(qr/waiting/, "\\echo waiting\n$who;\n");
is($first->query($who), 'ada: of ada', 'while another waits');
$first->query('COMMIT');
like($second->query("SELECT 'done'"), qr/nobody: nothing\ndone/, 'who waited finds nobody');

# A transaction that fails, and one whose client goes away in the middle of it.
$first->query("BEGIN; SELECT tarot.authenticate('$token{ada}'); SELECT 1 / 0");
$first->query('ROLLBACK');
is($second->query($who), 'nobody: nothing', 'behind an error');
$first->query("BEGIN; SELECT tarot.authenticate('$token{ada}')");
$first->quit;
is($second->query("SELECT coalesce(tarot.subject(), 'nobody')"), 'nobody', 'behind a client that went away');

# A role that came with an identity goes with it.
$first = client();
$first->query("BEGIN; SELECT tarot.authenticate('$token{reader}')");
is($first->query('SELECT tarot.subject(), current_user'), 'eve|reader', 'a role by a token');
$first->query('COMMIT');
is($second->query('SELECT tarot.subject() IS NULL, current_user'), 't|app', 'is gone behind the transaction');

# ---------------------------------------------------------------- for the session, which is everybody's

# What the documentation warns of.
$first->query("SELECT tarot.authenticate('$token{ada}', transaction_only => false)");
is($second->query('SELECT tarot.subject()'), 'ada', 'an identity for the session is the next client\'s');
# A token in each transaction is right all the same, and one that is missing makes nobody of it.
$second->query("BEGIN; SELECT tarot.authenticate('$token{bob}')");
is($second->query('SELECT tarot.subject()'), 'bob', 'a token of one\'s own counts');
$second->query('COMMIT; BEGIN; SELECT tarot.authenticate(NULL)');
is($second->query('SELECT tarot.subject() IS NULL'), 't', 'and so does none');
$second->query('COMMIT; SELECT tarot.sign_out()');
is($first->query('SELECT tarot.subject() IS NULL'), 't', 'who signs out, does so for all');

# So it is turned off where there is a pooler, and cannot be turned on by the application.
ask($node, 'ALTER ROLE app SET tarot_security.session_identity = off');
$_->quit foreach $first, $second;
ask($node, q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'});
ok(wait_until(sub { ask($node, q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'}) eq '0' }), 'a new connection is needed');
$first = client();
$first->query("SELECT tarot.authenticate('$token{ada}', transaction_only => false)");
like($first->{stderr}, qr/permission denied to authenticate for longer than a transaction/, 'refused');
$first->{stderr} = '';
$first->query('SET tarot_security.session_identity = on');
like($first->{stderr}, qr/permission denied to set parameter/, 'and nothing for the application to change');
$first->{stderr} = '';
is($first->query('SELECT tarot.subject() IS NULL'), 't', 'nobody is there');
$first->query("BEGIN; SELECT tarot.authenticate('$token{ada}')");
is($first->query('SELECT tarot.subject()'), 'ada', 'for a transaction it is as before');
$first->query('COMMIT');
$first->quit;

done_testing();

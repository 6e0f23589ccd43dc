# Grants that end, break-glass and purposes across workers, restarts, crashes, dumps, standbys and a clock that is
# set: what is on record of it in the table and in the server's log, and that no value is shown without.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
write_private("$dir/root.key", new_root_key . "\n");
my $node = new_node('grants', streaming => 1, conf => "tarot_security.root_key_file = '$dir/root.key'\nmax_prepared_transactions = 5\nlog_statement = none\nwal_writer_delay = 10s");
my $force = ask($node, q{SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')});
my $parallel = "-c $force=on -c parallel_setup_cost=0 -c parallel_tuple_cost=0 -c min_parallel_table_scan_size=0 -c max_parallel_workers_per_gather=2";

ask($node, <<'END');
CREATE ROLE web LOGIN;
CREATE ROLE oncall LOGIN;
CREATE ROLE boss LOGIN;
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('profile');
SELECT tarot.create_class('email', 'profile', 'email'), tarot.create_class('phone', 'profile', 'phone'), tarot.create_class('plain', 'profile');
SELECT tarot.grant_class(c, 'web', 'plain'), tarot.grant_class(c, 'oncall', 'masked') FROM unnest('{email,phone,plain}'::text[]) AS c;
SELECT tarot.set_class_purposes('email', '{billing,"it''s \"fraud\" 1234567890"}'), tarot.set_class_purposes('phone', '{}');
SELECT tarot.allow_break_glass('email', 'oncall');
GRANT EXECUTE ON FUNCTION tarot.end_break_glass(text, regrole) TO boss;
SELECT tarot.create_issuer('app', 'https://app.example', '{}', secret => repeat('s', 32));
CREATE TABLE customer (id int PRIMARY KEY, email tarot.encrypted_text('email'), phone tarot.encrypted_text('phone'), plain tarot.encrypted_text('plain'));
GRANT SELECT, INSERT, UPDATE ON customer TO web, oncall;
END
ask_as($node, 'web', q{INSERT INTO customer SELECT i, 'u' || i || '@plaintext.example', '+49 30 555' || i, 'secret ' || i FROM generate_series(1, 20000) AS i});
ask($node, 'ANALYZE customer');
my $token = ask($node, q{SELECT tarot.sign_jwt('{"sub": "ada"}', 'app')});

# What the log tells since the last call, of one kind: as JSON. The line of a statement is there when the client has its answer.
my $seen = 0;
sub notes
{
	my ($kind, $server) = @_;
	my $log = slurp_file(($server // $node)->logfile, $seen);
	return map { decode_json($_) } $log =~ /LOG:  \Q$kind\E: (\{.*\})$/mg;
}
sub forget_log { $seen = -s $_[0] // -s $node->logfile; return; }
sub reveals { return join ' ', map { "$_->{class}:" . ($_->{purpose} // '-') } notes('values of a data class were revealed'); }
# The answer, and what was put on record of it.
sub revealed
{
	my ($role, $sql, %option) = @_;
	$seen = -s $node->logfile;
	my $answer = ask_as($node, $role, $sql, %option);
	return "$answer / " . reveals();
}

# ---------------------------------------------------------------- what is on record of a reveal

is(revealed('web', q{SET tarot_security.purpose = 'billing'; SELECT email::text FROM customer WHERE id <= 2}), "u1\@plaintext.example\nu2\@plaintext.example / email:billing", 'a record a statement, not a value');
is(revealed('web', q{SET tarot_security.purpose = 'billing'; SELECT count(email::text) FROM customer; SELECT count(email::text) FROM customer}), "20000\n20000 / email:billing email:billing", 'of each statement');
is(revealed('web', q{SET tarot_security.purpose = 'billing'; SELECT count(email::text || phone::text || plain::text) FROM customer}), '20000 / email:billing phone:billing', 'of each class that asks for it, and no other');
is(revealed('web', q{SET tarot_security.purpose = 'billing'; SELECT count(*) FROM customer; UPDATE customer SET email = email WHERE id = 1; EXPLAIN (COSTS OFF) SELECT count(email::text) FROM customer}) =~ s/^20000\n.* \/ //sr, '', 'of none where nothing is shown');
is(revealed('web', q{SET tarot_security.purpose = 'billing'; SET tarot_security.io = masked; SELECT email FROM customer WHERE id = 1}), 'u***@p***.example / ', 'nor where masks are asked for');
is(revealed('oncall', q{SET tarot_security.purpose = 'billing'; SELECT email FROM customer WHERE id = 1}), 'u***@p***.example / ', 'nor of masked readers');
is(revealed('web', q{SET tarot_security.purpose = 'billing'; DO $$ BEGIN FOR i IN 1..3 LOOP PERFORM email::text FROM customer WHERE id = i; END LOOP; END $$}), ' / email:billing', 'a function is a part of its statement');
is(revealed('web', q{DO $$ BEGIN FOR i IN 1..3 LOOP PERFORM set_config('tarot_security.purpose', CASE WHEN i = 2 THEN 'other' ELSE 'billing' END, true); PERFORM phone::text FROM customer WHERE id = i; END LOOP; END $$}), ' / phone:billing phone:other', 'another purpose within one is another record');
is(revealed('web', q{SET tarot_security.purpose = 'billing'; BEGIN; SELECT email::text FROM customer WHERE id = 1; ROLLBACK}), 'u1@plaintext.example / email:billing', 'no rollback takes it back');
is(revealed('web', q{SET tarot_security.purpose = 'billing'; COPY (SELECT email FROM customer WHERE id = 1) TO STDOUT}), 'u1@plaintext.example / email:billing', 'COPY');
is(revealed('web', q{SET tarot_security.purpose = 'billing'; BEGIN; DECLARE c CURSOR FOR SELECT email::text FROM customer WHERE id <= 3 ORDER BY id; FETCH 1 FROM c; FETCH 1 FROM c; COMMIT}), "u1\@plaintext.example\nu2\@plaintext.example / email:billing email:billing", 'each FETCH is a statement');
is(revealed('web', q{SET tarot_security.purpose = 'billing'; PREPARE s AS SELECT email FROM customer WHERE id = $1; EXECUTE s (1); EXECUTE s (2)}), "u1\@plaintext.example\nu2\@plaintext.example / email:billing email:billing", 'each EXECUTE, too');
is(revealed('web', q{SET tarot_security.purpose = 'billing'; SELECT email::text FROM customer WHERE id = 1 \\; SELECT email::text FROM customer WHERE id = 2}), "u1\@plaintext.example\nu2\@plaintext.example / email:billing email:billing", 'and each of several in one message');
$seen = -s $node->logfile;
ask_as($node, 'web', "SET application_name = 'a\"b'; SET tarot_security.purpose = 'it''s \"fraud\" 1234567890'; BEGIN; SELECT tarot.authenticate('$token'); SELECT email::text FROM customer WHERE id = 1");
is_deeply([ notes('values of a data class were revealed') ], [ { class => 'email', role => 'web', session_user => 'web', subject => 'ada', purpose => q{it's "fraud" 1234567890}, application => 'a"b' } ], 'all that is told, and nothing of it redacted');
is(ask_as($node, 'web', 'SELECT email FROM customer WHERE id = 1', pgoptions => '-c tarot_security.purpose=billing'), 'u1@plaintext.example', 'a purpose for the whole connection is stated by its client');
like(error_of($node, 'SELECT 1', role => 'web', pgoptions => "-c tarot_security.purpose=\\ \\ "), qr/invalid value for parameter "tarot_security.purpose"/, 'and is one there, too');

# ---------------------------------------------------------------- parallel workers

my $count = q{SELECT count(*) FROM customer WHERE email::text LIKE '%@plaintext.example'};
like(ask_as($node, 'web', "SET tarot_security.purpose = 'billing'; EXPLAIN (COSTS OFF) $count", pgoptions => $parallel), qr/Workers Planned: 2/, 'a parallel plan');
is(revealed('web', "SET tarot_security.purpose = 'billing'; $count", pgoptions => $parallel), '20000 / email:billing', 'workers know the purpose, and all of a statement is one record');
is(revealed('web', "SET tarot_security.purpose = 'billing'; $count; $count", pgoptions => $parallel), "20000\n20000 / email:billing email:billing", 'of each');
like(error_of($node, $count, role => 'web', pgoptions => $parallel), qr/ERROR:  TS401/, 'and that there is none');

# ---------------------------------------------------------------- break-glass

sub break_glass { return "SELECT tarot.break_glass('email', 'the till is down, it''s \"urgent\" 1234567890', '10 minutes') > now()"; }
forget_log();
is(ask_as($node, 'oncall', 'BEGIN; SELECT id FROM customer WHERE id = 1; ' . break_glass() . '; SELECT email FROM customer WHERE id = 1; ROLLBACK'), "1\nt\nu***\@p***.example", 'in its transaction it shows nothing');
my ($note) = notes('the glass over a data class was broken');
is_deeply([ @{$note}{qw(class role session_role subject reason application client_address)} ], [ 'email', 'oncall', 'oncall', undef, q{the till is down, it's "urgent" 1234567890}, '145_class_grants.pl', undef ], 'rolled back, it is in the log all the same');
is(ask($node, 'SELECT count(*) FROM tarot.break_glass_use'), '0', 'though not in the table');
is(reveals(), '', 'and nothing was revealed');

# Since 17 intervals have no end either.
foreach my $infinite ('infinity', '-infinity')
{
	like(error_of($node, "SELECT tarot.allow_break_glass('phone', 'oncall', '$infinite')"), qr/ERROR:  (22023|22007)/, "$infinite is no duration on the list");
	like(error_of($node, "SELECT tarot.break_glass('email', 'for ever and a day', '$infinite')", role => 'oncall'), qr/ERROR:  (22023|22007)/, 'nor one of break-glass');
}

# Prepared for a commit in two phases it is not committed.
ask_as($node, 'oncall', 'BEGIN; ' . break_glass() . q{; PREPARE TRANSACTION 'glass'});
is(ask_as($node, 'oncall', 'SELECT email FROM customer WHERE id = 1'), 'u***@p***.example', 'a prepared transaction gives nothing');
ask_as($node, 'oncall', q{ROLLBACK PREPARED 'glass'});
is(ask_as($node, 'oncall', 'SELECT email FROM customer WHERE id = 1'), 'u***@p***.example', 'nor when it is rolled back');
ask_as($node, 'oncall', 'BEGIN; ' . break_glass() . q{; PREPARE TRANSACTION 'glass'});
ask_as($node, 'oncall', q{COMMIT PREPARED 'glass'});
is(revealed('oncall', 'SELECT email FROM customer WHERE id = 1'), 'u1@plaintext.example / email:-', 'committed it does, and what it shows is on record');
is(revealed('oncall', $count, pgoptions => $parallel), '20000 / email:-', 'workers, too');
is(ask_as($node, 'boss', q{SELECT tarot.end_break_glass('email', 'oncall')}), '1', 'an administrator ends it');
is(ask_as($node, 'oncall', $count, pgoptions => $parallel), '0', 'for workers, too');

# By TCP there is an address.
{
	my $port = $node->port;
	append_to_file($node->data_dir . '/pg_hba.conf', "host all all 127.0.0.1/32 trust\n");
	my $probe = PostgreSQL::Test::Cluster::get_free_port();
	ask($node, q{ALTER SYSTEM SET listen_addresses = '127.0.0.1'});
	$node->restart;
	is(ask($node, "SELECT 1"), '1', 'restarted');
	command_ok([ 'psql', '-X', '-q', '-d', "host=127.0.0.1 port=$port dbname=postgres user=oncall", '-c', break_glass() ], 'from another place');
	is(ask($node, q{SELECT client_address FROM tarot.break_glass_log WHERE in_force}), '127.0.0.1', 'which is on record');
}

# It survives a crash, and is on disk when it counts, whatever the session sets.
ask($node, q{SELECT tarot.end_break_glass('email', NULL)});
my $session = $node->background_psql('postgres', on_error_stop => 1, extra_params => [ '-U', 'oncall' ]);
$session->query('SET synchronous_commit = off');
$session->query('BEGIN');
$session->query(break_glass());
$session->query('SET LOCAL synchronous_commit = off');
my $before = $session->query('SELECT pg_current_wal_insert_lsn()');
$session->query('COMMIT');
is($session->query("SELECT pg_current_wal_flush_lsn() > '$before'"), 't', 'the commit is on disk');
is($session->query('SELECT email FROM customer WHERE id = 1'), 'u1@plaintext.example', 'an open session');
$node->stop('immediate');
$node->start;
is(ask($node, 'SELECT count(*) FROM tarot.break_glass_log WHERE in_force'), '1', 'the record outlives a crash');
is(ask_as($node, 'oncall', 'SELECT email FROM customer WHERE id = 1'), 'u1@plaintext.example', 'and what it gives');

# ---------------------------------------------------------------- grants that end, in a running query of workers

ask($node, q{SELECT tarot.set_class_purposes('email', NULL), tarot.set_class_purposes('phone', NULL)});
ask($node, q{CREATE ROLE temp LOGIN; GRANT SELECT ON customer TO temp; SELECT tarot.grant_class('email', 'temp', 'masked'), tarot.grant_class('email', 'temp', 'plain', valid_until => clock_timestamp() + interval '3 seconds')});
my $until = ask($node, q{SELECT valid_until FROM tarot.class_access WHERE grantee = 'temp' AND read = 'plain'});
is(ask_as($node, 'temp', $count, pgoptions => $parallel), '20000', 'before the end');
ask($node, q{CREATE FUNCTION await(instant timestamptz) RETURNS boolean LANGUAGE plpgsql PARALLEL SAFE AS $$ BEGIN WHILE clock_timestamp() <= instant LOOP PERFORM pg_sleep(0.01); END LOOP; RETURN true; END $$});
like(ask_as($node, 'temp', "SELECT count(*) FILTER (WHERE email LIKE 'u%\@plaintext.example') BETWEEN 1 AND 19999 FROM (SELECT email::text, CASE WHEN id % 5000 = 0 THEN await('$until') END FROM customer) AS c", pgoptions => '-c max_parallel_workers_per_gather=0'), qr/^t$/, 'a query that runs across it has both');
is(ask_as($node, 'temp', $count, pgoptions => $parallel), '0', 'after it');

# ---------------------------------------------------------------- dump and restore

ask($node, q{SELECT tarot.grant_class('email', 'web', 'plain', valid_until => '2100-03-28 02:30 Europe/Berlin'), tarot.grant_class('phone', 'temp', 'masked'), tarot.set_class_purposes('phone', '{"a,b"}'), tarot.grant_class('phone', 'temp', 'plain', valid_until => '294276-12-31')});
my $tables = q{SELECT to_jsonb(r)::text FROM tarot.class_grant r UNION ALL SELECT to_jsonb(r)::text FROM tarot.break_glass_list r UNION ALL SELECT to_jsonb(r)::text FROM tarot.break_glass_use r
	UNION ALL SELECT to_jsonb(r)::text FROM tarot.break_glass_end r UNION ALL SELECT name || purposes::text FROM tarot.class ORDER BY 1};
my $stored = ask($node, $tables);
# A name in the list of a role that is gone would be no role's.
ask($node, q{CREATE ROLE gone; SELECT tarot.allow_break_glass('phone', 'gone'); DROP ROLE gone});
foreach my $format ('plain', 'directory')
{
	ask($node, "CREATE DATABASE from_$format");
	local $ENV{PGOPTIONS} = '-c tarot_security.io=envelope';
	command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), "-F$format", '-f', "$dir/$format", $format eq 'directory' ? '-j2' : () ], "$format: dumped");
	command_ok([ $format eq 'plain' ? ('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/plain", '-d', $node->connstr('from_plain')) : ('pg_restore', '--exit-on-error', '-j2', '-d', $node->connstr("from_$format"), "$dir/$format") ],
		"$format: restored");
	is(ask($node, $tables, db => "from_$format"), $stored, "$format: the same grants, ends, purposes and records");
	is(ask_as($node, 'temp', 'SELECT email FROM customer WHERE id = 1', db => "from_$format"), 'u***@p***.example', "$format: what has ended has");
	is(ask_as($node, 'web', 'SELECT email FROM customer WHERE id = 1', db => "from_$format"), 'u1@plaintext.example', "$format: what has not has not");
	is(ask_as($node, 'oncall', 'SELECT email FROM customer WHERE id = 1', db => "from_$format"), 'u1@plaintext.example', "$format: break-glass is in force in the same cluster");
	like(error_of($node, 'SELECT phone FROM customer', role => 'web', db => "from_$format"), qr/ERROR:  TS401/, "$format: a class asks for its purpose");
}
# Where the number of the role is another one's, it is not in force.
{
	my $other = new_node('other', conf => "tarot_security.root_key_file = '$dir/root.key'");
	ask($other, 'CREATE ROLE someone; CREATE ROLE web LOGIN; CREATE ROLE temp LOGIN; CREATE ROLE oncall LOGIN; CREATE ROLE boss');
	local $ENV{PGOPTIONS} = '-c tarot_security.io=envelope';
	command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/plain", '-d', $other->connstr('postgres') ], 'restored in another cluster');
	isnt(ask($other, q{SELECT 'oncall'::regrole::oid}), ask($node, q{SELECT 'oncall'::regrole::oid}), 'where the role has another number');
	is(ask_as($other, 'oncall', 'SELECT email FROM customer WHERE id = 1'), 'u***@p***.example', 'break-glass is not in force');
	is(ask($other, 'SELECT count(*) > 0, bool_or(in_force) FROM tarot.break_glass_log'), 't|f', 'and the log says so');
	is(ask($other, q{SELECT role FROM tarot.break_glass_list}), 'oncall', 'the list has the role of that name');
}

# ---------------------------------------------------------------- a hot standby

my $standby = new_standby($node);
sub catch_up { $node->wait_for_catchup($standby, 'replay', $node->lsn('insert')) }
my $error = error_of($standby, break_glass(), role => 'oncall');
like($error, qr/ERROR:  25006: break-glass cannot be recorded on a standby/, 'on a standby it cannot be recorded');
like($error, qr/HINT:  Call the function on the primary/, 'and the hint says where');
like(error_of($standby, q{SELECT tarot.end_break_glass('email')}, role => 'oncall'), qr/ERROR:  25006/, 'nor its end');
like(error_of($standby, q{SELECT tarot.end_break_glass('email', 'oncall')}, role => 'boss'), qr/ERROR:  25006/, 'nor by an administrator');
my $open = $standby->background_psql('postgres', on_error_stop => 1, extra_params => [ '-U', 'oncall' ]);
$open->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
is($open->query('SELECT email FROM customer WHERE id = 1'), 'u1@plaintext.example', 'what the primary recorded counts on the standby');
ask($node, q{SELECT tarot.end_break_glass('email', NULL)});
catch_up();
is($open->query('SELECT email FROM customer WHERE id = 1'), 'u***@p***.example', 'and its end');
ask_as($node, 'oncall', break_glass());
catch_up();
$seen = -s $standby->logfile;
is($open->query('SELECT email FROM customer WHERE id = 1'), 'u1@plaintext.example', 'and that it was broken again');
is(scalar(notes('values of a data class were revealed', $standby)), 1, 'what the standby shows, its log tells');
$open->quit;
like(error_of($standby, 'SELECT phone FROM customer', role => 'web'), qr/ERROR:  TS401/, 'a standby asks for the purpose');
is(ask_as($standby, 'web', q{SET tarot_security.purpose = 'a,b'; SELECT phone FROM customer WHERE id = 1}), '+49 30 5551', 'and takes it');

unlike(server_log($_), qr/was terminated by signal|PANIC/, $_->name . ': no process died') foreach $node, $standby;
unlike(server_log($_), qr/\@plaintext\.example/, $_->name . ': no value is in the log') foreach $node, $standby;

done_testing;

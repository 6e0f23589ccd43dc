# The server log, with all the detail that an administrator is likely to turn on, shows no plaintext of
# statements that fail; nor do the files of the server.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use File::Find ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
write_private("$dir/root.key", new_root_key . "\n");
my $node = new_node('log', conf => <<"END");
tarot_security.root_key_file = '$dir/root.key'
logging_collector = on
log_destination = 'stderr,csvlog,jsonlog'
log_statement = none
log_min_messages = debug1
log_min_error_statement = error
log_error_verbosity = verbose
log_parameter_max_length_on_error = -1
log_lock_waits = on
deadlock_timeout = 100ms
restart_after_crash = on
END
set_up_customers($node);
ask($node, <<'END');
CREATE TABLE checked (id int PRIMARY KEY, email tarot.encrypted_text('email') NOT NULL, n int CHECK (n < 10), day date NOT NULL DEFAULT '2024-01-01');
CREATE TABLE parted (day date, email tarot.encrypted_text('email')) PARTITION BY RANGE (day);
CREATE DOMAIN address AS tarot.encrypted_text('email') CHECK (VALUE::text LIKE '%@%');
CREATE TABLE domained (email address);
SET client_min_messages = error;
CREATE TABLE unknown (email tarot.encrypted_text('no such class'));
GRANT ALL ON checked, parted, domained, unknown, customer TO app, support;
CREATE FUNCTION insert_checked(id int, email text, n int) RETURNS void LANGUAGE plpgsql AS
	$$ BEGIN INSERT INTO checked VALUES (id, email, n); END $$;
CREATE FUNCTION divide(n int, email text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN length(email) / n; END $$;
CREATE FUNCTION sql_divide(n int, email text) RETURNS int LANGUAGE sql AS $$ SELECT length(email) / n $$;
CREATE FUNCTION execute_it(statement text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE statement; END $$;
END
ask_as($node, 'app', q{INSERT INTO checked VALUES (1, 'one@there.example', 1)});

# Statements that fail. SECRET stands for a plaintext of the case's own; @ARGS for the role, or bytes of data.
my @cases = (
	[ 'unknown class', q{INSERT INTO unknown VALUES ('SECRET')} ],
	[ 'no write grant', q{INSERT INTO customer VALUES (50, 'x', 'SECRET')}, 'support' ],
	[ 'no table grant', q{INSERT INTO customer VALUES (50, 'x', 'SECRET')}, 'outsider' ],
	[ 'no such column', q{INSERT INTO customer (id, nonsense) VALUES (50, 'SECRET')} ],
	[ 'no such table', q{INSERT INTO nonsense VALUES (50, 'SECRET')} ],
	[ 'too many values', q{INSERT INTO customer VALUES (50, 'x', 'SECRET', 'SECRET')} ],
	[ 'unique violation', q{INSERT INTO checked VALUES (1, 'SECRET', 1)} ],
	[ 'check violation', q{INSERT INTO checked VALUES (2, 'SECRET', 11)} ],
	[ 'check violation of an update', q{UPDATE checked SET email = 'SECRET', n = 12 WHERE id = 1} ],
	[ 'not-null violation', q{INSERT INTO checked VALUES (3, 'SECRET', 1, NULL)} ],
	[ 'no partition', q{INSERT INTO parted VALUES ('2024-01-01', 'SECRET')} ],
	[ 'domain check', q{INSERT INTO domained VALUES ('SECRET')} ],
	[ 'domain check by a cast', q{SELECT 'SECRET'::text::address} ],
	[ 'string where a syntax error is', q{INSERT INTO checked VALUES (1 'SECRET')} ],
	[ 'string without an end', q{INSERT INTO checked VALUES (1, 'SECRET)} ],
	[ 'decrypted value cast to integer', q{INSERT INTO checked VALUES (70, 'SECRET'); SELECT email::text::int FROM checked WHERE id = 70} ],
	[ 'decrypted value cast to a date', q{INSERT INTO checked VALUES (71, 'SECRET'); SELECT email::text::date FROM checked WHERE id = 71} ],
	[ 'decrypted value as a table', q{INSERT INTO checked VALUES (73, 'SECRET'); SELECT email::text::regclass FROM checked WHERE id = 73} ],
	[ 'decrypted value as a query', q{INSERT INTO checked VALUES (74, 'SECRET &'); SELECT to_tsquery('simple', email::text) FROM checked WHERE id = 74} ],
	[ 'decrypted value as json', q{INSERT INTO checked VALUES (72, '"SECRET'); SELECT email::text::json FROM checked WHERE id = 72} ],
	[ 'cast error in another column', q{INSERT INTO checked VALUES ('abc', 'SECRET', 1)} ],
	[ 'division', q{INSERT INTO checked VALUES (1 / 0, 'SECRET', 1)} ],
	[ 'division in a search', q{SELECT 1 / (id - id) FROM customer WHERE email::text <> 'SECRET'} ],
	[ 'placeholder', q{INSERT INTO customer VALUES (51, 'SECRET', '[encrypted]')} ],
	[ 'envelope', q{INSERT INTO customer VALUES (51, 'SECRET', '$tarot1$AAAA')} ],
	[ 'escape string', q{INSERT INTO checked VALUES (1, E'it''s \' SECRET', 1)} ],
	[ 'escape string without standard_conforming_strings', q{SET standard_conforming_strings = off; SET escape_string_warning = off; INSERT INTO checked VALUES (1, 'a\'SECRET', 1)} ],
	[ 'unicode string', q{INSERT INTO checked VALUES (1, U&'d\0061t SECRET', 1)} ],
	[ 'dollar string', q{INSERT INTO checked VALUES (1, $a$ it's $$ SECRET $a$, 1)} ],
	[ 'continued string', qq{INSERT INTO checked VALUES (1, 'x'\n'SECRET', 1)} ],
	[ 'comments', qq{/* SECRET /* nested */ SECRET */ INSERT INTO checked -- 'SECRET\nVALUES (1, 'SECRET', 1)} ],
	[ 'quoted identifier with quotes', q{SELECT 1 / 0 AS "it's "" x", 'SECRET'} ],
	[ 'several statements', q{SELECT 'SECRET' \; INSERT INTO checked VALUES (1, 'x', 1)} ],
	[ 'a long statement', q{SELECT '} . ('x' x 5000) . q{SECRET', 1 / 0} ],
	[ 'a long list before it', 'SELECT ' . join(', ', map { "a$_" } 1 .. 900) . q{, 'SECRET'} ],
	[ 'a number', q{INSERT INTO checked VALUES (1, 41111SECRETNUMBER, 1 / 0)} ],
	[ 'invalid bytes', q{INSERT INTO checked VALUES (1, 'SECRET} . "\xff" . q{', 1)} ],
	[ 'PREPARE', q{PREPARE p AS INSERT INTO checked VALUES ($1, 'SECRET', 1); EXECUTE p(1)} ],
	[ 'EXECUTE with parameters', q{PREPARE p AS INSERT INTO checked VALUES ($1, $2, $3); EXECUTE p(1, 'SECRET', 1)} ],
	[ 'EXECUTE that divides', q{PREPARE p(int, text) AS SELECT length($2) / $1; EXECUTE p(0, 'SECRET')} ],
	[ 'PL/pgSQL', q{SELECT insert_checked(1, 'SECRET', 1)} ],
	[ 'PL/pgSQL that divides', q{SELECT divide(0, 'SECRET')} ],
	[ 'SQL function that divides', q{SELECT sql_divide(0, 'SECRET')} ],
	[ 'PL/pgSQL EXECUTE', q{SELECT execute_it($$INSERT INTO checked VALUES (1, 'SECRET', 1)$$)} ],
	[ 'PL/pgSQL EXECUTE that divides', q{SELECT execute_it($$SELECT length('SECRET') / 0$$)} ],
	[ 'PL/pgSQL EXECUTE, no such table', q{SELECT execute_it($$INSERT INTO nonsense VALUES ('SECRET')$$)} ],
	[ 'PL/pgSQL EXECUTE, syntax error', q{SELECT execute_it($$INSERT INTO checked VALUES ('SECRET') nonsense$$)} ],
	[ 'DO', q{DO $$ BEGIN INSERT INTO checked VALUES (1, 'SECRET', 1); END $$} ],
	[ 'DO that divides', q{DO $$ BEGIN PERFORM length('SECRET') / 0; END $$} ],
	[ 'DO with EXECUTE USING', q{DO $$ BEGIN EXECUTE 'INSERT INTO checked VALUES (1, $1, 1)' USING 'SECRET'::text; END $$} ],
	[ 'DO with an error in its body', q{DO $$ BEGIN nonsense 'SECRET'; END $$} ],
	[ 'syntax error after it', q{INSERT INTO checked VALUES (1, 'SECRET', 1) nonsense} ],
	[ 'syntax error before it', q{INSRT INTO checked VALUES (1, 'SECRET', 1)} ],
	[ 'COPY, bad before', "COPY checked (id, email, n) FROM STDIN;\nabc\tSECRET\t1\n\\.\n" ],
	[ 'COPY, bad after', "COPY checked (id, email, n) FROM STDIN;\n7\tSECRET\tabc\n\\.\n" ],
	[ 'COPY, too few columns', "COPY checked (email, id, n) FROM STDIN;\nSECRET\n\\.\n" ],
	[ 'COPY, too many columns', "COPY checked (id, email, n) FROM STDIN;\n7\tx\t1\tSECRET\n\\.\n" ],
	[ 'COPY, unique violation', "COPY checked (id, email, n) FROM STDIN;\n1\tSECRET\t1\n\\.\n" ],
	[ 'COPY, check violation', "COPY checked (id, email, n) FROM STDIN;\n8\tSECRET\t11\n\\.\n" ],
	[ 'COPY, not-null violation', "COPY checked (id, email, n, day) FROM STDIN;\n8\tSECRET\t1\t\\N\n\\.\n" ],
	[ 'COPY, csv with an open quote', "COPY checked (id, email, n) FROM STDIN (FORMAT csv);\n8,\"SECRET,1\n\\.\n" ],
	[ 'COPY, no write grant', "COPY customer FROM STDIN;\n50\tx\tSECRET\n\\.\n", 'support' ],
	[ 'COPY, invalid bytes', "COPY checked (id, email, n) FROM STDIN;\n8\tSECRET\xff\t1\n\\.\n" ],
	[ 'COPY WHERE that divides', "COPY checked (id, email, n) FROM STDIN WHERE id / 0 = 1;\n8\tSECRET\t1\n\\.\n" ],
	[ 'COPY TO that divides', q{COPY (SELECT length('SECRET') / 0) TO STDOUT} ],
	[ 'value read, then an error', q{SELECT email::text, 1 / (id - id) FROM customer WHERE email::text LIKE '%SECRET%' OR id = 1} ],
	[ 'tarot.encrypt', q{SELECT tarot.encrypt('SECRET', 'no such key', 'c')}, undef ],
	[ 'tarot.encrypt by an ordinary user', q{SELECT tarot.encrypt('SECRET', 'profile', 'c')} ],
	[ 'tarot.decrypt', q{SELECT tarot.decrypt('SECRET', 'c')}, undef ],
	[ 'literal cast to another type', q{SELECT 'SECRET'::int} ],
	[ 'value cast to another type', q{SELECT ('SECRET' || id)::text::date FROM customer LIMIT 1} ],
	[ 'COPY cast error', "COPY checked (id, email, n) FROM STDIN;\nSECRET\tx\t1\n\\.\n" ],
	[ 'cancelled', q{SET statement_timeout = 100; SELECT pg_sleep(60), 'SECRET'} ]);

# The locked server is a case of its own; so are parameters that come by the protocol.
my @locked = (
	[ 'locked, INSERT', q{INSERT INTO customer VALUES (50, 'x', 'SECRET')} ],
	[ 'locked, COPY', "COPY customer FROM STDIN;\n50\tx\tSECRET\n\\.\n" ],
	[ 'locked, PL/pgSQL', q{SELECT insert_checked(9, 'SECRET', 1)} ],
	[ 'locked, tarot.encrypt', q{SELECT tarot.encrypt('SECRET', 'profile', 'c')}, undef ]);
my @parameters = (
	[ 'parameters, unique violation', q{INSERT INTO checked VALUES (1, :secret, 1);} ],
	[ 'parameters, check violation', q{INSERT INTO checked VALUES (30, :secret, 11);} ],
	[ 'parameters, division before the gate', q{SELECT 1 / (length(:secret) - length(:secret));} ],
	[ 'parameters, division in a search', q{SELECT 1 / (id - id) FROM customer WHERE email::text <> :secret;} ],
	[ 'parameters, no write grant', q{INSERT INTO customer VALUES (50, 'x', :secret);}, 'support' ],
	[ 'parameters, no such table', q{INSERT INTO nonsense VALUES (:secret);} ]);

# What the message of the error itself says before anything encrypted is at hand: it may be of any table.
my @messages = (
	[ 'double quotes in place of single ones', q{INSERT INTO checked VALUES (1, "SECRET")} ],
	[ 'RAISE', q{DO $$ BEGIN RAISE EXCEPTION 'no such customer: %', 'SECRET'; END $$} ]);

# What is logged of statements that do not fail, by the settings of a role.
my @logged = (
	[ 'duration', q{INSERT INTO customer VALUES (60, 'x', 'SECRET')} ],
	[ 'duration of several lines', qq{UPDATE customer SET email =\n'{"SECRET": 1}', name =\n'x' WHERE id = 60} ],
	[ 'duration of a search', q{SELECT id FROM customer WHERE email::text = 'SECRET'} ],
	[ 'duration in a transaction', q{BEGIN; UPDATE customer SET email = 'SECRET' WHERE id = 60; COMMIT} ],
	[ 'duration of a DO', q{DO $$ BEGIN UPDATE customer SET email = 'SECRET' WHERE id = 60; END $$} ]);

my %secret_of;
my $number = 100;
sub with_secret
{
	my ($name, $sql) = @_;
	$number++;
	my $secret = $sql =~ /SECRETNUMBER/ ? "41111987650$number" : "sekret$number";
	$secret_of{$name} = $secret;
	return $sql =~ s/41111SECRETNUMBER|SECRET/$secret/gr;
}

foreach my $case (@cases, @messages)
{
	my ($name, $sql, $role) = @$case;
	$role = 'app' if @$case < 3;
	isnt(error_of($node, with_secret($name, $sql), role => $role), '', "$name: fails");
}

ask($node, 'ALTER ROLE app SET log_min_duration_statement = 0');
foreach my $case (@logged)
{
	is(error_of($node, with_secret(@$case), role => 'app'), '', "$case->[0]: succeeds");
}
ask($node, 'ALTER ROLE app RESET log_min_duration_statement');

ask($node, 'SELECT tarot.lock()');
foreach my $case (@locked)
{
	my ($name, $sql, $role) = @$case;
	$role = 'app' if @$case < 3;
	like(error_of($node, with_secret($name, $sql), role => $role), qr/TS001/, "$name: fails");
}
ask($node, 'SELECT tarot.unlock()');

foreach my $case (@parameters)
{
	my ($name, $sql, $role) = @$case;
	with_secret($name, '');
	append_to_file("$dir/$number.sql", $sql);
	foreach my $mode (qw(extended prepared))
	{
		my ($out, $err) = ('', '');
		IPC::Run::run([ 'pgbench', '-n', '-t1', '-M', $mode, '-D', "secret=$secret_of{$name}", '-f', "$dir/$number.sql",
			'-h', $node->host, '-p', $node->port, '-U', $role // 'app', 'postgres' ], '>', \$out, '2>', \$err);
		like($err, qr/ERROR:/, "$name: fails ($mode)");
	}
}

# Two sessions that wait for each other: the log tells what both were doing.
{
	my @sessions = map { $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]) } 1, 2;
	my @secrets = map { with_secret("deadlock, session $_", ''); $secret_of{"deadlock, session $_"} } 1, 2;
	$sessions[$_]->query_safe("BEGIN; UPDATE customer SET name = 'x' WHERE id = " . ($_ + 1)) foreach 0, 1;
	$sessions[0]->query_until(qr/sent/, "\\echo sent\nUPDATE customer SET email = '$secrets[0]' WHERE id = 2;\n");
	ok(poll($node, q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'}), 'one session waits');
	$sessions[1]->query("UPDATE customer SET email = '$secrets[1]' WHERE id = 1");
	$sessions[$_]->query('ROLLBACK') foreach 0, 1;
	eval { $_->quit } foreach @sessions;
	like(server_log($node), qr/deadlock detected/, 'a deadlock');
}

# A backend that dies: the log tells what it was doing.
{
	my $name = 'a killed backend';
	with_secret($name, '');
	my $session = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
	my $pid = $session->query('SELECT pg_backend_pid()');
	$session->query_until(qr/sent/, "\\echo sent\nSELECT pg_sleep(100), '$secret_of{$name}';\n");
	ok(poll($node, "SELECT count(*) > 0 FROM pg_stat_activity WHERE pid = $pid AND wait_event = 'PgSleep'"), "$name: at work");
	kill 'KILL', $pid;
	eval { $session->{run}->finish };
	ok(poll($node, 'SELECT true'), "$name: the server is back");
	like(server_log($node), qr/was terminated by signal 9/, "$name: the log tells it");
}

# ---------------------------------------------------------------- what the log has

my $log = server_log($node);
foreach my $kind (qw(log csv json))
{
	my ($file) = glob($node->data_dir . "/log/*.$kind");
	like(slurp_file($file), qr/INSERT INTO checked VALUES \(\?, \?, \?\)/, "$kind: statements are in the log, without their literals");
}
foreach my $name (map { $_->[0] } @cases, @logged, @locked, @parameters, map { [$_] } grep { /^deadlock|^a killed/ } sort keys %secret_of)
{
	my @lines = grep { index($_, $secret_of{$name}) >= 0 } split /\n/, $log;
	is(scalar @lines, 0, "$name: not in the log") or diag(join "\n", map { substr $_, 0, 300 } @lines);
}
like($log, qr/duration: [\d.]+ ms  statement: UPDATE customer SET email = \? WHERE id = \?/, 'durations are in the log, with the statements');
TODO:
{
	local $TODO = 'the message itself quotes what the client sent';
	foreach my $name (map { $_->[0] } @messages)
	{
		ok(index($log, $secret_of{$name}) < 0, "$name: not in the log");
	}
}

# Nor in any other file of the server: tables, WAL, statistics, what is left of a crash.
ask($node, 'CHECKPOINT');
$node->stop;
my @found;
File::Find::find({ no_chdir => 1, wanted => sub {
	return if !-f || m{/log/};
	push @found, $_ if slurp_file($_) =~ /sekret\d{3}|41111987650\d{3}|\Q$TarotTest::PEOPLE{2}\E/;
} }, $node->data_dir);
is("@found", '', 'no plaintext in any file of the server');

done_testing;

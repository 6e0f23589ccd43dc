# Static masking and what is left: nothing of the raw values in the table's files, all or nothing through crashes, and its
# progress while it is at work.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;


# Where new files are not written to the write-ahead log, they are synced at the commit.
my $node = new_node('main', conf => "wal_level = minimal\nmax_wal_senders = 0\nlog_statement = none\nrestart_after_crash = on");
my $rows = 3000;

# A row at which a pass waits, while another session has the lock.
ask($node, <<"END");
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('profile');
SELECT tarot.create_class('email', 'profile', 'email'), tarot.create_class('number', 'profile', 'pseudonym');
SELECT tarot.grant_class('email', current_user::regrole, 'plain'), tarot.grant_class('number', current_user::regrole, 'plain');
CREATE FUNCTION wait_at(id int, email text) RETURNS boolean LANGUAGE plpgsql AS \$\$
BEGIN
	IF id = 1500 AND email LIKE '%*%' THEN
		PERFORM pg_advisory_xact_lock_shared(1);
	END IF;
	RETURN true;
END \$\$;
CREATE TABLE customer (id int PRIMARY KEY, number text UNIQUE, email text, story text, gone text, CHECK (public.wait_at(id, email)));
CREATE INDEX ON customer (lower(email));
CREATE STATISTICS pairs (mcv) ON email, number FROM customer;
INSERT INTO customer SELECT i, 'QWK-' || 4000000 + i, 'wombat' || i || '\@quokka.example.org', NULL, 'numbat' || i FROM generate_series(1, $rows) i;
ALTER TABLE customer DROP gone;
ALTER TABLE customer ALTER story SET STORAGE external;
UPDATE customer SET story = repeat('echidna' || id || ' ', 500) WHERE id <= 10;
UPDATE customer SET email = 'bilby' || id || '\@quokka.example.org' WHERE id <= 100;
ANALYZE customer;
SELECT tarot.classify_column('customer', 'email', 'email'), tarot.classify_column('customer', 'number', 'number'), tarot.classify_column('customer', 'story', 'email');
END

# All that must not be found: values, those of dead rows, of a dropped column, of long values that lie elsewhere.
my @raw = map { [ $_, qr/$_/i ] } ('wombat\d', 'bilby\d', 'numbat\d', 'echidna\d', 'QWK-400\d{4}');
my $digest = 'SELECT md5(string_agg(c::text, chr(10) ORDER BY id)) FROM customer c';
my $before = ask($node, $digest);

sub database_files
{
	my $folder = $node->data_dir . '/base/' . ask($node, 'SELECT oid FROM pg_database WHERE datname = current_database()');
	ask($node, 'CHECKPOINT');
	return map { [ $_, slurp_file($_) ] } glob "$folder/*";
}

sub files_with
{
	my ($pattern) = @_;
	return grep { $_->[1] =~ $pattern } database_files();
}

ok(scalar(files_with($_->[1])), "before, $_->[0] is in a file") foreach @raw;

# ---------------------------------------------------------------- crashes

my $call = q{SELECT count(*) FROM tarot.anonymize_table('customer', in_place => true)};

# Runs it up to the row that it waits at; the other session goes on holding the lock.
sub start_call
{
	my $lock = start_psql($node, 'SELECT pg_advisory_lock(1), pg_sleep(600)');
	poll($node, q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND granted}) or die 'no lock';
	my $pass = start_psql($node, $call);
	poll($node, q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}) or die 'it does not wait';
	return ($lock, $pass);
}

foreach my $death ('postmaster', 'backend', 'cancel')
{
	my ($lock, $pass) = start_call();
	is(ask($node, q{SELECT "table"::regclass, phase, rows_done BETWEEN 1000 AND 1500, blocks_total > 10 FROM tarot.anonymization_progress}),
		'customer|masking|t|t', "$death: the view shows it at work");
	my $pid = ask($node, 'SELECT pid FROM tarot.anonymization_progress');
	if ($death eq 'postmaster')
	{
		my @processes = split /\n/, ask($node, 'SELECT pid FROM pg_stat_activity');
		$node->kill9;
		eval { $pass->{run}->finish };
		eval { $lock->{run}->finish };
		wait_until(sub { !grep { kill 0, $_ } @processes }) or die 'processes are left';
		$node->start;
	}
	elsif ($death eq 'backend')
	{
		kill 'KILL', $pid or die $!;
		eval { $pass->{run}->finish };
		eval { $lock->{run}->finish };
		ok(poll($node, 'SELECT true'), "$death: the server is back");
	}
	else
	{
		ask($node, "SELECT pg_cancel_backend($pid)");
		$pass->{run}->finish;
		like(${ $pass->{err} }, qr/canceling statement/, "$death: it ended");
		ask($node, q{SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'});
		eval { $lock->{run}->finish };
	}
	is(ask($node, $digest), $before, "$death: the table is as it was");
	is(ask($node, 'SELECT count(*) FROM tarot.anonymization_progress'), '0', "$death: and nothing at work");
}

# ---------------------------------------------------------------- done, and killed right after

is(ask($node, $call), '4', 'it is done');
my @processes = split /\n/, ask($node, 'SELECT pid FROM pg_stat_activity');
my $after = ask($node, $digest);
$node->kill9;
wait_until(sub { !grep { kill 0, $_ } @processes }) or die 'processes are left';
$node->start;
isnt($after, $before, 'the values are others');
is(ask($node, $digest), $after, 'and the same after a crash');
is(ask($node, q{SELECT count(*), count(DISTINCT number), count(DISTINCT email), max(email), max(story) FROM customer}), "$rows|$rows|2|w***\@q***.org|[redacted]", 'masks');
is(ask($node, "SET enable_seqscan = off; SELECT count(*) FROM customer WHERE lower(email) = 'w***\@q***.org'"), $rows - 100, 'by an index, too');

# What the server itself keeps of values, in statistics, is removed as rows are: by VACUUM, and what that leaves in pages by wiping.
ask($node, 'VACUUM pg_catalog.pg_statistic, pg_catalog.pg_statistic_ext_data');
ask($node, q{SELECT tarot.wipe_free_space('pg_catalog.pg_statistic'), tarot.wipe_free_space('pg_catalog.pg_statistic_ext_data')});
foreach my $raw (@raw)
{
	my @oids = map { $_->[0] =~ m{/(\d+)[^/]*$} ? $1 : () } files_with($raw->[1]);
	is(join(', ', map { ask($node, "SELECT coalesce(pg_filenode_relation(0, $_)::text, '$_')") } @oids), '', "after, $raw->[0] is in no file");
}
unlike(server_log($node), qr/wombat|bilby|echidna/, 'nor in the log');

# ---------------------------------------------------------------- a copy, dumped

ask($node, <<'END');
INSERT INTO customer SELECT i, 'QWK-' || 4000000 + i, 'wombat' || i || '@quokka.example.org' FROM generate_series(5001, 5100) i;
CREATE SCHEMA anonymous;
END
is(ask($node, q{SELECT count(*) FROM tarot.anonymize_table('customer', copy_to => 'anonymous.customer', allow => '{email,story}')}), '4', 'a copy');
my $dump = PostgreSQL::Test::Utils::tempdir . '/anonymous.sql';
$node->command_ok([ 'pg_dump', '-n', 'anonymous', '-f', $dump, $node->connstr('postgres') ], 'is dumped');
unlike(slurp_file($dump), qr/wombat|bilby|echidna|QWK-400/, 'without a raw value');
like(slurp_file($dump), qr/w\*\*\*\@q\*\*\*\.org/, 'with masks');
unlike(slurp_file($dump), qr/SECURITY LABEL/, 'of no class any more');

unlike(server_log($node), qr/PANIC|TRAP:|signal (?:6|11)\b/, 'nothing died but what was killed');
$node->stop;
done_testing;

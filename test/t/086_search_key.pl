# In the middle of a change of a search key: crashes, dumps of every kind, a standby, a logical subscriber. Whatever
# happens, equal values are found, duplicates are refused, trees are in order, and the change goes on.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
write_private("$dir/root.key", new_root_key . "\n");
my $conf = "tarot_security.root_key_file = '$dir/root.key'\nlog_statement = none\nrestart_after_crash = on";
my $node = new_node('source', streaming => 'logical', conf => $conf);
my $rows = 3000;

# An index on tags with hidden bits needs the keys beforehand.
my $born = 'CREATE INDEX born ON customer (born)';
my $tables = <<'END';
CREATE TABLE customer (email tarot.encrypted_text('email') PRIMARY KEY, born tarot.encrypted_date('day'), name text);
CREATE TABLE purchase (id int PRIMARY KEY, email tarot.encrypted_text('email') REFERENCES customer);
CREATE INDEX hashed ON purchase USING hash (email);
GRANT ALL ON ALL TABLES IN SCHEMA public TO app;
END
ask($node, <<"END");
CREATE ROLE app LOGIN;
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('profile');
SELECT tarot.create_class('email', key => 'profile', searchable => true, normalization => 'lower');
SELECT tarot.create_class('day', key => 'profile', searchable => true, search_bits => 16);
SELECT tarot.grant_class('email', 'app', 'plain'), tarot.grant_class('day', 'app', 'plain');
$tables
$born;
END
# Indexes are made by parallel workers, too.
ask($node, 'ALTER TABLE customer SET (parallel_workers = 2)');
ask_as($node, 'app', <<"END");
INSERT INTO customer SELECT 'U' || i || '\@plaintext.example', date '2000-01-01' + i % 500, 'name ' || i FROM generate_series(1, $rows) AS i;
INSERT INTO purchase SELECT i, 'u' || i || '\@plaintext.example' FROM generate_series(1, 500) AS i;
END

my $state = q{SELECT string_agg(generation || ' ' || state, ', ' ORDER BY generation) FROM tarot.search_key_status WHERE class = 'email'};

# How many values carry which tags: flags 1 and 8 of the second byte, generations in the first of each.
my $carried = q{SELECT string_agg(tags || ':' || n, ' ' ORDER BY tags) FROM (SELECT concat_ws('+', get_byte(b, 14), CASE WHEN get_byte(b, 1) & 8 > 0 THEN get_byte(b, 30) END) AS tags, count(*) AS n
	FROM (SELECT tarot.encrypted_text_send(email) AS b FROM customer) AS s GROUP BY 1) AS t};

sub carried { return ask($_[0], $carried, pgoptions => '-c tarot_security.io=envelope', @_[ 1 .. $#_ ]) }

sub find_all
{
	my ($node, $what, %option) = @_;
	subtest $what => sub {
		my $by_index = 'SET enable_seqscan = off; SET enable_bitmapscan = off; ';
		is(ask_as($node, 'app', "${by_index}SELECT name FROM customer WHERE email = 'u7\@PLAINTEXT.example'", %option), 'name 7', 'found by the primary key');
		is(ask_as($node, 'app', "${by_index}SELECT id FROM purchase WHERE email = 'u7\@plaintext.example'::text", %option), '7', 'found by the hash index');
		is(ask_as($node, 'app', "${by_index}SELECT count(*) FROM customer WHERE born = '2000-01-08'", %option), '6', 'found by tags with hidden bits');
		is(ask_as($node, 'app', "SELECT count(*) FROM customer JOIN purchase USING (email)", %option), '500', 'joined');
		is(ask_as($node, 'app', "SET enable_hashjoin = off; SET enable_nestloop = off; SELECT count(*) FROM customer JOIN purchase USING (email)", %option), '500', 'joined by order');
		is(ask_as($node, 'app', "${by_index}SELECT count(*) FROM generate_series(1, $rows) AS i JOIN customer ON email = 'u' || i || '\@plaintext.example'", %option), $rows, 'each is found');
		unless ($option{read_only})
		{
			like(error_of($node, q{INSERT INTO customer VALUES ('u7@Plaintext.example')}, role => 'app', %option), qr/ERROR:  23505/, 'a duplicate is refused');
			like(error_of($node, q{INSERT INTO purchase VALUES (0, 'nobody@plaintext.example')}, role => 'app', %option), qr/ERROR:  23503/, 'an orphan too');
		}
		if ($option{read_only} || error_of($node, 'CREATE EXTENSION IF NOT EXISTS amcheck', %option) eq '')
		{
			is(error_of($node, q{SELECT bt_index_check('customer_pkey', true), bt_index_check('born', true)}, %option), '', 'the trees are in order');
		}
	};
}

# ---------------------------------------------------------------- replicas, which are asked at each step

my $standby = PostgreSQL::Test::Cluster->new('standby');
ask($node, 'CREATE EXTENSION IF NOT EXISTS amcheck');
$node->backup('base');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
my $subscriber = new_node('subscriber', streaming => 'logical', conf => "$conf\nmax_worker_processes = 20\nmax_logical_replication_workers = 12");
ask($subscriber, 'CREATE ROLE app LOGIN');
ask($node, 'CREATE PUBLICATION rows FOR TABLE customer, purchase; CREATE PUBLICATION keys FOR TABLE tarot.keyring, tarot.key, tarot.key_version, tarot.class, tarot.search_key');
my $connection = $node->connstr('postgres') =~ s/'/''/gr;
foreach my $db ('with_keys', 'without_keys')
{
	my $publications = $db eq 'with_keys' ? 'keys, rows' : 'rows';
	ask($subscriber, "CREATE DATABASE $db");
	ask($subscriber, "SET client_min_messages = error; CREATE EXTENSION tarot_security; $tables; CREATE SUBSCRIPTION $db CONNECTION '$connection' PUBLICATION $publications", db => $db);
	$subscriber->wait_for_subscription_sync($node, $db, $db);
}
ask($subscriber, "SELECT tarot.grant_class('email', 'app', 'plain'), tarot.grant_class('day', 'app', 'plain'); $born", db => 'with_keys');

sub find_everywhere
{
	my ($what) = @_;
	find_all($node, "$what: here");
	$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
	find_all($standby, "$what: on a standby", read_only => 1);
	$node->wait_for_catchup('with_keys');
	is(ask($subscriber, $state, db => 'with_keys'), ask($node, $state), "$what: the subscriber has the states");
	is(carried($subscriber, db => 'with_keys'), carried($node), "$what: and the tags");
	find_all($subscriber, "$what: on a subscriber", db => 'with_keys');

	# Rows are found by their key where nothing is known of the class.
	ask($node, 'UPDATE customer SET name = name');
	$node->wait_for_catchup('without_keys');
	is(carried($subscriber, db => 'without_keys'), carried($node), "$what: a subscriber without keys follows");
	is(ask($subscriber, "SELECT count(*), min(name) FROM customer", db => 'without_keys'), "$rows|name 1", "$what: and has all rows");
	restore_all($what);
}

# ---------------------------------------------------------------- dumps

sub restore_all
{
	my ($what) = @_;
	my %formats = (
		plain => [ [ '-f', "$dir/plain.sql" ], [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/plain.sql" ] ],
		custom => [ [ '-Fc', '-f', "$dir/custom" ], [ 'pg_restore', '--exit-on-error', "$dir/custom" ] ],
		directory => [ [ '-Fd', '-j2', '-f', "$dir/directory" ], map { [ 'pg_restore', '--exit-on-error', '-j2', "--section=$_", "$dir/directory" ] } qw(pre-data data post-data) ],
		rows => [ [ '-Fc', '--data-only', '-f', "$dir/rows" ], map { [ 'pg_restore', '--data-only', $_, 'tarot', '--exit-on-error', "$dir/rows" ] } qw(-n -N) ],
		data => [ [ '-Fc', '--data-only', '--disable-triggers', '-f', "$dir/data" ], [ 'pg_restore', '--data-only', '--disable-triggers', '--exit-on-error', "$dir/data" ] ]);
	foreach my $format (sort keys %formats)
	{
		local $ENV{PGOPTIONS} = '-c tarot_security.io=envelope';
		PostgreSQL::Test::Utils::system_log('rm', '-rf', "$dir/$format");
		my ($dump, @restores) = @{ $formats{$format} };
		command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '--no-publications', @$dump ], "$what, $format: dumped");
		$node->safe_psql('postgres', "DROP DATABASE IF EXISTS restored");
		$node->safe_psql('postgres', "CREATE DATABASE restored");

		# Into tables that have their indexes, after the keys, or before; foreign keys ask for the first.
		ask($node, "SET client_min_messages = error; CREATE EXTENSION tarot_security; $tables", db => 'restored') if $format =~ /^(?:data|rows)$/;
		command_ok([ @$_, '-d', $node->connstr('restored') ], "$what, $format: restored") foreach @restores;
		ask($node, $born, db => 'restored') if $format =~ /^(?:data|rows)$/;
		is(carried($node, db => 'restored'), carried($node), "$what, $format: with the tags");
		find_all($node, "$what, $format: found", db => 'restored');
	}
}

# ---------------------------------------------------------------- the change, with a crash in each step

sub kill_all
{
	my ($call) = @_;
	my @processes = split /\n/, ask($node, 'SELECT pid FROM pg_stat_activity');
	$node->kill9;
	eval { $call->{run}->finish };
	wait_until(sub { !grep { kill 0, $_ } @processes }) or die 'processes are left';
	$node->start;
}

# For whoever sees the subscriber's rows as they are now, the indexes that it makes for another search key go on having those:
# with the tags of the first alone.
my $each_file = q{SELECT relname, pg_relation_filenode(oid) FROM pg_class WHERE relname IN ('customer_pkey', 'hashed', 'born', 'purchase_pkey') ORDER BY relname};
my $old_snapshot = $subscriber->background_psql('with_keys');
$old_snapshot->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
is($old_snapshot->query_safe('SELECT 1'), '1', 'a snapshot is held on the subscriber');

my $rotate = q{CALL tarot.rotate_search_key('email', batch => 100, pause => '20 ms')};
my $done = q{SELECT coalesce(max(rows_resealed), 0) FROM tarot.reseal_progress WHERE "table" = 'customer'::regclass AND state = 'running'};
ask($node, q{SELECT tarot.rotate_key('profile')});
find_all($node, 'at first');

# 1. While values are given the second tag.
my $call = start_psql($node, $rotate);
ok(poll($node, "SELECT ($done) >= 300"), 'values get a second tag');
kill_all($call);
is(ask($node, $state), '1 active, 2 next', 'killed: the change is begun');
like(carried($node), qr/^1:\d+ 1\+2:\d+$/, 'some have two tags');
find_everywhere('some have two');

# A cancel, too.
$call = start_psql($node, $rotate);
my $at_work = q{SELECT pid FROM tarot.reseal_progress WHERE "table" = 'customer'::regclass AND state = 'running'};
ok(poll($node, "SELECT EXISTS ($at_work)"), 'it goes on');
ask($node, "SELECT pg_cancel_backend(pid) FROM ($at_work) AS a");
$call->{run}->finish;
like(${ $call->{err} }, qr/canceling statement/, 'cancelled');
find_all($node, 'cancelled');
ask($node, q{CALL tarot.reseal(class => 'email')});
is(carried($node), "1+2:$rows", 'all have two');

# 2. While the indexes are made anew: the last of them waits.
ask($node, <<'END');
CREATE FUNCTION hold(id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN id; END $$;
CREATE TABLE zz (id int, email tarot.encrypted_text('email'));
INSERT INTO zz SELECT 1, email FROM customer LIMIT 1;
CREATE INDEX ON zz (hold(id), email);
END
my $files = q{SELECT string_agg(pg_relation_filenode(oid)::text, ' ' ORDER BY oid) FROM pg_class WHERE relname IN ('customer_pkey', 'hashed', 'born')};
my $before = ask($node, $files);
my $holder = $node->background_psql('postgres');
$holder->query_safe('SELECT pg_advisory_lock(1)');
$call = start_psql($node, $rotate);
ok(poll($node, q{SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)}), 'indexes are being made anew');
like(error_of($node, q{SET lock_timeout = '50ms'; SELECT FROM customer WHERE email = 'u7@plaintext.example'}, role => 'app'), qr/ERROR:  55P03/, 'nobody gets between');
kill_all($call);
eval { $holder->quit };
is(ask($node, $state), '1 active, 2 next', 'killed: nothing is switched');
is(ask($node, $files), $before, 'the indexes are the old ones');
ask($node, 'DROP TABLE zz; DROP FUNCTION hold');
find_everywhere('all have two');

# 3. While the first tags are taken off.
$call = start_psql($node, $rotate);
ok(poll($node, "SELECT ($state) = '1 retiring, 2 active' AND ($done) >= 300"), 'switched; the first tags go');
kill_all($call);
is(ask($node, $state), '1 retiring, 2 active', 'killed: it stays switched');
like(carried($node), qr/^1\+2:\d+ 2:\d+$/, 'some have one tag');
isnt(ask($node, $files), $before, 'the indexes are new ones');
find_everywhere('some have one');

ask($node, $rotate);
is(ask($node, $state), '1 retired, 2 active', 'done');
is(carried($node), "2:$rows", 'all have one tag');
find_everywhere('done');
# A parallel restore in one step: the indexes may come before the keys. (Not those on tags with hidden bits.)
{
	local $ENV{PGOPTIONS} = '-c tarot_security.io=envelope';
	ask($node, 'CREATE DATABASE parallel');
	command_ok([ 'pg_dump', '-Fc', '--no-publications', '-f', "$dir/parallel", '-d', $node->connstr('postgres') ], 'dumped');
	my $list = join '', grep { !/ INDEX public born / } split /^/, `pg_restore -l $dir/parallel`;
	append_to_file("$dir/list", $list);
	command_ok([ 'pg_restore', '--exit-on-error', '-j4', '-L', "$dir/list", '-d', $node->connstr('parallel'), "$dir/parallel" ], 'restored in parallel');
	ask($node, $born, db => 'parallel');
	find_all($node, 'restored in parallel', db => 'parallel');

	# In such a restore they may come while a primary key is being made: here behind its index, in the same statement.
	my ($customers, $others) = ('', '');
	foreach (grep { / TABLE DATA / } split /^/, $list)
	{
		if (/ public customer /) { $customers .= $_; }
		else { $others .= $_; }
	}
	append_to_file("$dir/customers", $customers);
	append_to_file("$dir/others", $others);
	ask($node, 'CREATE DATABASE meanwhile');
	my @restore = ('pg_restore', '--exit-on-error', '-d', $node->connstr('meanwhile'));
	command_ok([ @restore, '--section=pre-data', "$dir/parallel" ], 'restored: tables');
	command_ok([ @restore, '-L', "$dir/customers", "$dir/parallel" ], 'restored: customers');
	ask($node, 'CREATE FUNCTION hold(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN true; END $$', db => 'meanwhile');
	my $holder = $node->background_psql('meanwhile');
	$holder->query_safe('SELECT pg_advisory_lock(1)');
	my $making = start_psql($node, 'ALTER TABLE customer ADD PRIMARY KEY (email), ADD CHECK (hold(name))', db => 'meanwhile');
	ok(poll($node, q{SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)}), 'the index is made, the rows are being checked');
	command_ok([ @restore, '-L', "$dir/others", "$dir/parallel" ], 'restored: the keys');
	$holder->query_safe('SELECT pg_advisory_unlock(1)');
	$holder->quit;
	$making->{run}->finish;
	is(${ $making->{err} }, '', 'the primary key is made');
	is(error_of($node, q{SELECT bt_index_check('customer_pkey', true)}, db => 'meanwhile'), '', 'its tree is in order');
	is(ask_as($node, 'app', q{SET enable_seqscan = off; SELECT name FROM customer WHERE email = 'u7@PLAINTEXT.example'}, db => 'meanwhile'), 'name 7', 'by which values are found');
}

ask($node, q{CALL tarot.rotate_search_key('day')});
ask($node, q{CALL tarot.reseal()});

# The version that sealed them goes, and the subscriber's indexes with its values are made anew; nobody else needs to be told.
$node->wait_for_catchup('with_keys');
my %old_files = map { split /\|/ } split /\n/, ask($subscriber, $each_file, db => 'with_keys');
is(error_of($node, q{SELECT tarot.destroy_key('profile', 1)}), '', 'the old version is destroyed without force');
$node->wait_for_catchup('with_keys');
is(ask($subscriber, q{SELECT state FROM tarot.key_status WHERE name = 'profile' AND version = 1}, db => 'with_keys'), 'destroyed', 'on the subscriber, too');
my %new_files = map { split /\|/ } split /\n/, ask($subscriber, $each_file, db => 'with_keys');
is(join(' ', grep { $new_files{$_} ne $old_files{$_} } sort keys %new_files), 'born customer_pkey', 'its indexes that have such values were made anew');
find_all($subscriber, 'on a subscriber, as long as somebody sees those rows', db => 'with_keys');
$old_snapshot->query_safe('COMMIT');
$old_snapshot->quit;
is(error_of($subscriber, 'VACUUM (INDEX_CLEANUP on) customer, purchase', db => 'with_keys'), '', 'they are taken away');
find_everywhere('without the old version');

$standby->promote;
find_all($standby, 'promoted');
like(ask($standby, $rotate . "; $state"), qr/2 retired, 3 active$/, 'and can change it as well');
find_all($standby, 'promoted, another search key');
foreach my $server ($node, $standby, $subscriber)
{
	unlike(server_log($server), qr/PANIC|TRAP:|signal (?:6|11)\b/, $server->name . ': nothing died but what was killed');
	$server->stop;
}
done_testing;

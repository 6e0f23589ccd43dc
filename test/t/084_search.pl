# Indexes on encrypted values live through what a server goes through: dumps of every kind, a standby, logical
# replication with and without the keys, a crash. After each of them equal values are found, and duplicates refused.
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
my $conf = "tarot_security.root_key_file = '$dir/root.key'\nlog_statement = none";
my $envelopes = '-c tarot_security.io=envelope';
my $node = new_node('source', streaming => 'logical', conf => $conf);

# The owner may neither read nor search; app may write and read, seeker only search.
ask($node, <<'END');
CREATE ROLE app LOGIN;
CREATE ROLE seeker LOGIN;
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('profile');
SELECT tarot.create_class('email', key => 'profile', searchable => true, normalization => 'lower');
SELECT tarot.create_class('day', key => 'profile', searchable => true, search_bits => 16);
SELECT tarot.grant_class('email', 'app', 'plain'), tarot.grant_class('day', 'app', 'plain'), tarot.grant_class('email', 'seeker', search => true), tarot.grant_class('day', 'seeker', search => true);
CREATE TABLE customer (email tarot.encrypted_text('email') PRIMARY KEY, born tarot.encrypted_date('day'), name text);
CREATE TABLE purchase (id int PRIMARY KEY, email tarot.encrypted_text('email') REFERENCES customer ON UPDATE CASCADE);
CREATE INDEX born ON customer (born);
CREATE INDEX hashed ON purchase USING hash (email);
CREATE VIEW seventh AS SELECT name FROM customer WHERE email = 'u7@plaintext.example';
GRANT ALL ON ALL TABLES IN SCHEMA public TO app;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO seeker;
END
ask_as($node, 'app', <<'END');
INSERT INTO customer SELECT 'U' || i || '@plaintext.example', date '2000-01-01' + i % 500, 'name ' || i FROM generate_series(1, 2000) AS i;
INSERT INTO purchase SELECT i, 'u' || i || '@plaintext.example' FROM generate_series(1, 500) AS i;
END

sub find_all
{
	my ($node, $what, %option) = @_;
	subtest $what => sub {
		my $by_index = 'SET enable_seqscan = off; ';
		my $explain = join ' ', ask_as($node, 'seeker', "${by_index}EXPLAIN SELECT name FROM customer WHERE email = 'u7\@plaintext.example'", %option);
		like($explain, qr/Index Cond: \(email = /, 'an index condition');
		is(ask_as($node, 'seeker', "${by_index}SELECT name FROM customer WHERE email = 'u7\@PLAINTEXT.example'", %option), 'name 7', 'found by the primary key');
		is(ask_as($node, 'seeker', "${by_index}SELECT id FROM purchase WHERE email = 'u7\@plaintext.example'::text", %option), '7', 'found by the hash index');
		is(ask_as($node, 'seeker', "${by_index}SELECT count(*) FROM customer WHERE born = '2000-01-08'", %option), '4', 'found by truncated tags');
		is(ask_as($node, 'seeker', 'SELECT name FROM seventh', %option), 'name 7', 'found by a view');
		is(ask_as($node, 'seeker', 'SELECT count(*) FROM customer JOIN purchase USING (email)', %option), '500', 'joined');
		is(ask_as($node, 'seeker', 'SET enable_hashjoin = off; SET enable_nestloop = off; SELECT count(*) FROM customer JOIN purchase USING (email)', %option), '500', 'joined by order');
		is(ask_as($node, 'seeker', 'SELECT count(DISTINCT email) || \' \' || count(DISTINCT born) FROM customer', %option), '2000 500', 'told apart');
		like(error_of($node, q{SELECT FROM customer WHERE email = 'u7@plaintext.example'}, %option), qr/ERROR:  42501: permission denied to search/, 'and not for everybody');
	};
}

sub refuse_duplicates
{
	my ($node, $what, %option) = @_;
	like(error_of($node, q{INSERT INTO customer VALUES ('u7@Plaintext.example')}, role => 'app', %option), qr/ERROR:  23505/, "$what: a duplicate is refused");
	like(error_of($node, q{INSERT INTO purchase VALUES (0, 'nobody@plaintext.example')}, role => 'app', %option), qr/ERROR:  23503/, "$what: an orphan too");
}

# What amcheck finds in the order of the trees; nothing, where that is not installed.
sub check_order
{
	my ($node, $what, %option) = @_;
	return if error_of($node, 'CREATE EXTENSION IF NOT EXISTS amcheck', %option) ne '';
	is(error_of($node, q{SELECT bt_index_check('customer_pkey', true), bt_index_check('born', true)}, %option), '', "$what: the trees are in order");
}

find_all($node, 'at first');
refuse_duplicates($node, 'at first');
check_order($node, 'at first');

# ---------------------------------------------------------------- dumps

my %formats = (
	plain => [ [ '-f', "$dir/plain.sql" ], [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/plain.sql" ] ],
	custom => [ [ '-Fc', '-f', "$dir/custom" ], [ 'pg_restore', '--exit-on-error', "$dir/custom" ] ],
	directory => [ [ '-Fd', '-j2', '-f', "$dir/directory" ], map { [ 'pg_restore', '--exit-on-error', '-j2', "--section=$_", "$dir/directory" ] } qw(pre-data data post-data) ]);
foreach my $format (sort keys %formats)
{
	local $ENV{PGOPTIONS} = $envelopes;
	command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), @{ $formats{$format}[0] } ], "$format: dumped");
	$node->safe_psql('postgres', "CREATE DATABASE restored_$format");
	# By a superuser who may not search: the foreign key is checked all the same.
	# In parallel, an index may come before the keys that truncated tags are told apart with: hence section by section.
	my (undef, @restores) = @{ $formats{$format} };
	command_ok([ @$_, '-d', $node->connstr("restored_$format") ], "$format: restored") foreach @restores;
	find_all($node, "$format: restored", db => "restored_$format");
	refuse_duplicates($node, "$format: restored", db => "restored_$format");
	check_order($node, "$format: restored", db => "restored_$format");
}
unlike(slurp_file("$dir/plain.sql"), qr/plaintext/, 'no plaintext is in a dump');

# ---------------------------------------------------------------- standby, crash, promotion

my $standby = new_standby($node);
find_all($standby, 'on a standby');
check_order($standby, 'on a standby');
ask($node, q{SELECT tarot.revoke_class('email', 'seeker')});
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
like(error_of($standby, q{SELECT FROM customer WHERE email = 'x'}, role => 'seeker'), qr/ERROR:  42501/, 'a revoke reaches the standby');
ask($node, q{SELECT tarot.grant_class('email', 'seeker', search => true)});
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
ask_as($node, 'app', q{UPDATE purchase SET email = 'U8@plaintext.example' WHERE id = 7; UPDATE purchase SET email = 'u7@plaintext.example' WHERE id = 7});
$node->stop('immediate');
$node->start;
find_all($node, 'after a crash');
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
$standby->promote;
find_all($standby, 'promoted');
refuse_duplicates($standby, 'promoted');
$standby->stop;

# ---------------------------------------------------------------- logical replication

# Rows are found by an encrypted key on the subscriber, by a worker that is granted nothing.
my $subscriber = new_node('subscriber', streaming => 'logical', conf => "$conf\nmax_worker_processes = 20\nmax_logical_replication_workers = 12");
ask($subscriber, 'CREATE ROLE app LOGIN; CREATE ROLE seeker LOGIN');
ask($node, 'CREATE PUBLICATION rows FOR TABLE customer, purchase; CREATE PUBLICATION keys FOR TABLE tarot.keyring, tarot.key, tarot.key_version, tarot.class, tarot.search_key');
my $connection = $node->connstr('postgres') =~ s/'/''/gr;
foreach my $keys (0, 1)
{
	my $db = $keys ? 'with_keys' : 'without_keys';
	my $what = $keys ? 'subscriber with keys' : 'subscriber without keys';
	ask($subscriber, "CREATE DATABASE $db");
	ask($subscriber, <<"END", db => $db);
CREATE EXTENSION tarot_security;
CREATE TABLE customer (email tarot.encrypted_text('email') PRIMARY KEY, born tarot.encrypted_date('day'), name text);
CREATE TABLE purchase (id int PRIMARY KEY, email tarot.encrypted_text('email') REFERENCES customer ON UPDATE CASCADE);
CREATE VIEW seventh AS SELECT name FROM customer;
CREATE INDEX hashed ON purchase USING hash (email);
GRANT ALL ON ALL TABLES IN SCHEMA public TO app, seeker;
END
	my $publications = $keys ? 'keys, rows' : 'rows';
	ask($subscriber, "CREATE SUBSCRIPTION $db CONNECTION '$connection' PUBLICATION $publications", db => $db);
	$subscriber->wait_for_subscription_sync($node, $db, $db);
	is(ask($subscriber, 'SELECT count(*) FROM customer', db => $db), 2000, "$what: copied");
	ask_as($node, 'app', <<'END');
UPDATE customer SET name = 'updated' WHERE email = 'u9@plaintext.example';
UPDATE customer SET email = 'renamed@plaintext.example' WHERE email = 'u10@plaintext.example';
DELETE FROM customer WHERE email = 'u1999@plaintext.example';
INSERT INTO customer VALUES ('inserted@plaintext.example', NULL, 'inserted');
END
	ask($node, 'ALTER TABLE customer REPLICA IDENTITY FULL');
	ask_as($node, 'app', q{UPDATE customer SET name = 'full' WHERE email = 'u11@plaintext.example'});
	$node->wait_for_catchup($db);
	is(ask($subscriber, q{SELECT string_agg(name, ', ' ORDER BY name) FROM customer WHERE name !~ '^name'}, db => $db), 'full, inserted, updated', "$what: rows are found and changed");
	is(ask($subscriber, 'SELECT count(*) FROM customer', db => $db), 2000, "$what: and deleted");
	if ($keys)
	{
		ask($subscriber, q{SELECT tarot.grant_class('email', 'seeker', search => true)}, db => $db);
		is(ask_as($subscriber, 'seeker', q{SET enable_seqscan = off; SELECT name FROM customer WHERE email = 'U9@plaintext.example'}, db => $db), 'updated', "$what: found by value");
		is(ask_as($subscriber, 'seeker', 'SELECT count(*) FROM customer JOIN purchase USING (email)', db => $db), 500, "$what: joined");
	}
	else
	{
		like(error_of($subscriber, q{SELECT FROM customer a JOIN customer b USING (email)}, db => $db), qr/ERROR:  42704/, "$what: nobody may search a class that is not there");
	}
	ask($node, q{ALTER TABLE customer REPLICA IDENTITY DEFAULT});
	ask_as($node, 'app', <<'END');
UPDATE customer SET email = 'u10@plaintext.example' WHERE email = 'renamed@plaintext.example';
DELETE FROM customer WHERE email = 'inserted@plaintext.example';
INSERT INTO customer VALUES ('u1999@plaintext.example', date '2000-01-01' + 1999 % 500, 'name 1999');
UPDATE customer SET name = 'name 9' WHERE email = 'u9@plaintext.example';
UPDATE customer SET name = 'name 11' WHERE email = 'u11@plaintext.example';
END
	ask($subscriber, "DROP SUBSCRIPTION $db", db => $db);
}
unlike(server_log($_), qr/plaintext/, 'no plaintext in the log of ' . $_->name) foreach $node, $subscriber;

done_testing;

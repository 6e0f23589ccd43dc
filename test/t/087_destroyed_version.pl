# A version of a key is destroyed, and its subscribers hear of that before the rows that no longer need it: keys and tables come
# by two subscriptions, of which one stands still.
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
my $conf = "tarot_security.root_key_file = '$dir/root.key'";
my $publisher = new_node('publisher', streaming => 'logical', conf => $conf);
my $subscriber = new_node('subscriber', streaming => 'logical', conf => $conf);
my $tables = <<'END';
CREATE TABLE customer (email tarot.encrypted_text('email') PRIMARY KEY, name text);
CREATE INDEX customer_hash ON customer USING hash (email);
GRANT ALL ON customer TO app;
END
ask($publisher, <<"END");
CREATE ROLE app LOGIN;
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('profile');
SELECT tarot.create_class('email', key => 'profile', searchable => true);
SELECT tarot.grant_class('email', 'app', 'plain');
$tables
CREATE PUBLICATION rows FOR TABLE customer;
CREATE PUBLICATION keys FOR TABLE tarot.keyring, tarot.key, tarot.key_version, tarot.class, tarot.search_key;
END
ask_as($publisher, 'app', q{INSERT INTO customer SELECT 'u' || i, 'name ' || i FROM generate_series(1, 1000) AS i});
ask($subscriber, "CREATE ROLE app LOGIN; CREATE EXTENSION tarot_security; CREATE EXTENSION amcheck; $tables");
my $connection = $publisher->connstr('postgres') =~ s/'/''/gr;
foreach my $name ('keys', 'rows')
{
	ask($subscriber, "CREATE SUBSCRIPTION $name CONNECTION '$connection' PUBLICATION $name");
	$subscriber->wait_for_subscription_sync($publisher, $name);
}
ask($subscriber, "SELECT tarot.grant_class('email', 'app', 'plain', write => true)");

my $by_index = 'SET enable_seqscan = off; SET enable_bitmapscan = off;';
sub found { return ask_as($subscriber, 'app', "$by_index SELECT count(*) FROM generate_series(1, 1000) AS i WHERE EXISTS (SELECT FROM customer WHERE email = 'u' || i)") }
sub in_order { return error_of($subscriber, q{SELECT bt_index_check('customer_pkey', true)}) }
is(found(), 1000, 'each is found on the subscriber');

# The rows stand still, the keys go on.
ask($subscriber, 'ALTER SUBSCRIPTION rows DISABLE');
ok(poll($subscriber, q{SELECT NOT EXISTS (SELECT FROM pg_stat_subscription WHERE subname = 'rows' AND pid IS NOT NULL)}), 'the rows stand still');
ask($publisher, q{SELECT tarot.rotate_key('profile')});
ask($publisher, q{CALL tarot.rotate_search_key('email')});
is(error_of($publisher, q{SELECT tarot.destroy_key('profile', 1)}), '', 'the publisher destroys a version that it does not need');
$publisher->wait_for_catchup('keys');
is(ask($subscriber, q{SELECT state FROM tarot.key_status WHERE name = 'profile' AND version = 1}), 'destroyed', 'it is destroyed on the subscriber, whose rows need it');
like(error_of($subscriber, q{SELECT email FROM customer WHERE name = 'name 7'}, role => 'app'), qr/ERROR:  TS201/, 'they cannot be read');
is(found(), 0, 'nor found');
is(in_order(), '', 'but the tree is in order');
is(error_of($subscriber, q{INSERT INTO customer SELECT 'v' || i FROM generate_series(1, 100) AS i}, role => 'app'), '', 'others come in');
is(ask_as($subscriber, 'app', "$by_index SELECT count(*) FROM generate_series(1, 100) AS i WHERE EXISTS (SELECT FROM customer WHERE email = 'v' || i)"), 100, 'and are found');
is(error_of($subscriber, q{DELETE FROM customer WHERE email = 'v1'}, role => 'app'), '', 'and go');
is(error_of($subscriber, 'VACUUM (INDEX_CLEANUP on) customer'), '', 'the table is vacuumed');

# What the publisher has done to the rows finds each of them.
ask($subscriber, 'ALTER SUBSCRIPTION rows ENABLE');
$publisher->wait_for_catchup('rows');
is(found(), 1000, 'when the rows come after, each is found again');
is(ask_as($subscriber, 'app', q{SELECT count(*), count(DISTINCT email), bool_and(email::text ~ '^[uv]') FROM customer}), '1099|1099|t', 'and read, and none is there twice');
is(in_order(), '', 'the tree is in order');
foreach my $node ($publisher, $subscriber)
{
	unlike(server_log($node), qr/PANIC|TRAP:|signal (?:6|11)\b/, $node->name . ': nothing died');
	$node->stop;
}
done_testing;

# A hot standby: it decrypts with its own root key provider, hears of every change of grants and keys, is
# locked by itself, and goes on after its promotion. Parallel workers pass the same gate.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $primary_file = "$dir/primary.key";
my $standby_file = "$dir/standby.key";
my ($key, $new_key) = (new_root_key, new_root_key);
write_private($_, "$key\n") foreach $primary_file, $standby_file;

my $primary = new_node('primary', streaming => 1, conf => "tarot_security.root_key_file = '$primary_file'");
set_up_customers($primary);
set_up_types($primary);
my $data = data_of($primary);
my $typed = types_of($primary, 'plain');
my $read = 'SELECT email::text FROM customer WHERE id = 1';

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "tarot_security.root_key_file = '$standby_file'");
$standby->start;
sub catch_up { $primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert')) }
catch_up();

# ---------------------------------------------------------------- reading

is(data_of($standby), $data, 'the standby decrypts');
is(types_of($standby, 'sealed'), $typed, 'values of all types');
my $masks = 'SELECT t::text, left(b::bytea::text, 20), left(j::jsonb::text, 20), left(n::text, 20), d::date, z::timestamptz FROM sealed ORDER BY id';
is(ask_as($standby, 'support', $masks), ask_as($primary, 'support', $masks), 'their masks');
unlike(ask_as($standby, 'support', $masks), qr/plaintext [1d]|\|1234|02-29/, 'which are not the values');
is(ask_as($standby, 'outsider', 'SELECT t, b, j, n, d, z FROM sealed WHERE n::numeric IS NOT NULL OR d::date IS NOT NULL OR b::bytea IS NOT NULL'), '', 'and nothing to another role');
is(ask_as($standby, 'support', $read), ask_as($primary, 'support', $read), 'a masked role sees the mask');
isnt(ask_as($standby, 'support', $read), $TarotTest::PEOPLE{1}, 'which is not the value');
is(ask_as($standby, 'outsider', $read), '[encrypted]', 'another role sees the placeholder');
is(ask_as($standby, 'helper', $read), $TarotTest::PEOPLE{1}, 'membership counts');
like(error_of($standby, q{SELECT tarot.create_key('k')}), qr/ERROR:  25006/, 'no key is made on a standby');
like(error_of($standby, q{SELECT tarot.rotate_root_key()}), qr/ERROR:  25006/, 'no rotation on a standby');

# ---------------------------------------------------------------- changes reach open sessions

sub reads
{
	my ($session, $expected, $name) = @_;
	$session->{stderr} = '';
	is($session->query($read), $expected, $name);
	$session->{stderr} = '';
}
my $app = $standby->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
my $helper = $standby->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'helper' ]);
# One of them in a transaction with one snapshot.
$helper->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
reads($app, $TarotTest::PEOPLE{1}, 'an open session reads');
reads($helper, $TarotTest::PEOPLE{1}, 'an open transaction reads');

ask($primary, q{SELECT tarot.grant_class('email', 'app', 'masked')});
catch_up();
isnt($app->query($read), $TarotTest::PEOPLE{1}, 'masked: an open session at its next statement');
isnt($helper->query($read), $TarotTest::PEOPLE{1}, 'masked: an open transaction at its next statement');
ask($primary, q{SELECT tarot.revoke_class('email', 'app')});
catch_up();
reads($app, '[encrypted]', 'revoked: an open session');
reads($helper, '[encrypted]', 'revoked: an open transaction');
ask($primary, q{SELECT tarot.grant_class('email', 'app', 'plain')});
catch_up();
reads($app, $TarotTest::PEOPLE{1}, 'granted again: an open session');
reads($helper, $TarotTest::PEOPLE{1}, 'granted again: an open transaction');
ask($primary, 'REVOKE app FROM helper; GRANT SELECT ON customer TO helper');
catch_up();
$helper->query('COMMIT');
reads($helper, '[encrypted]', 'membership revoked: an open session');
ask($primary, 'GRANT app TO helper');
catch_up();

# A data key is rotated, and its old version suspended.
ask($primary, q{SELECT tarot.rotate_key('profile')});
ask_as($primary, 'app', q{INSERT INTO customer VALUES (7, 'customer 7', 'new.version@plaintext.example')});
catch_up();
is($app->query('SELECT email::text FROM customer WHERE id = 7'), 'new.version@plaintext.example', 'a new version opens');
reads($app, $TarotTest::PEOPLE{1}, 'the old version opens');
ask($primary, q{SELECT tarot.rotate_key('profile'); SELECT tarot.set_key_state('profile', 2, 'compromised')});
ask($primary, q{SELECT tarot.destroy_key('profile', 2, true)});
catch_up();
is($app->query('SELECT email::text FROM customer WHERE id = 7'), '', 'a destroyed version does not open');
like($app->{stderr}, qr/version 2 of key "profile" is destroyed/, 'and the error tells it');
$app->{stderr} = '';
reads($app, $TarotTest::PEOPLE{1}, 'the others do');
ask_as($primary, 'app', 'DELETE FROM customer WHERE id = 7');

# The root key is rotated: the standby needs the new one too.
write_private($primary_file, "$new_key\n$key\n");
ask($primary, 'SELECT tarot.rotate_root_key()');
catch_up();
like(error_of($standby, $read, role => 'app'), qr/ERROR:  TS002/, 'rotated root key: the standby says that it has the wrong one');
write_private($standby_file, "$new_key\n$key\n");
is(error_of($standby, 'SELECT tarot.unlock()'), '', 'unlock on the standby, without a restart');
catch_up();
is(data_of($standby), $data, 'the standby decrypts again');
reads($app, $TarotTest::PEOPLE{1}, 'so does an open session');

# ---------------------------------------------------------------- lock and unlock

ask($standby, 'SELECT tarot.lock()');
$app->{stderr} = '';
is($app->query($read), '', 'a locked standby: nothing is read');
like($app->{stderr}, qr/tarot_security is locked/, 'a locked standby: the error');
is(data_of($primary), $data, 'a locked standby: the primary is not');
ask($standby, 'SELECT tarot.unlock()');
reads($app, $TarotTest::PEOPLE{1}, 'unlocked');
ask($primary, 'SELECT tarot.lock()');
is(data_of($standby), $data, 'a locked primary: the standby is not');
ask_as($primary, 'app', q{UPDATE customer SET name = 'moved' WHERE id = 5});
catch_up();
is(ask($standby, 'SELECT name FROM customer WHERE id = 5'), 'moved', 'a locked primary replicates');
ask($primary, 'SELECT tarot.unlock()');

# A standby that starts without its root key replicates all the same.
unlink $standby_file;
$app->quit;
$helper->quit;
$standby->restart;
ask_as($primary, 'app', q{UPDATE customer SET name = 'customer 5' WHERE id = 5});
catch_up();
is(ask($standby, 'SELECT name FROM customer WHERE id = 5'), 'customer 5', 'a standby without a root key replicates');
like(error_of($standby, $read, role => 'app'), qr/ERROR:  TS001/, 'a standby without a root key is locked');
write_private($standby_file, "$new_key\n");
is(error_of($standby, 'SELECT tarot.unlock()'), '', 'and unlocked without a restart');
is(data_of($standby), $data, 'then it decrypts');

# ---------------------------------------------------------------- promotion

my $open = $standby->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
reads($open, $TarotTest::PEOPLE{1}, 'a session before the promotion');
$primary->stop('immediate');
$standby->promote;
reads($open, $TarotTest::PEOPLE{1}, 'the same session after it');
is($open->query(q{INSERT INTO customer VALUES (8, 'customer 8', 'after@plaintext.example') RETURNING email::text}),
	'after@plaintext.example', 'it writes, too');
$open->quit;
is(data_of($standby, role => 'app'), data_of($standby), 'all is read');
is(types_of($standby, 'sealed'), $typed, 'all types');
ask_as($standby, 'app', 'UPDATE sealed SET t = t::text, b = b::bytea, j = j::jsonb, n = n::numeric, d = d::date, z = z::timestamptz');
is(types_of($standby, 'sealed'), $typed, 'and sealed again');
is(ask($standby, q{SELECT tarot.create_key('promoted') > 0}), 't', 'a key is made');
is(ask($standby, q{SELECT tarot.rotate_key('profile')}), '4', 'a key is rotated');
write_private($standby_file, new_root_key . "\n$new_key\n");
is(ask($standby, 'SELECT tarot.rotate_root_key() > 0'), 't', 'the root key is rotated');
ask_as($standby, 'app', 'DELETE FROM customer WHERE id = 8');
is(data_of($standby), $data, 'all is still read');

# ---------------------------------------------------------------- parallel workers

my $node = $standby;
my $force = ask($node, 'SHOW server_version_num') >= 160000 ? 'debug_parallel_query' : 'force_parallel_mode';
my $all_types = q{SELECT md5(string_agg(concat_ws('|', id, t::text, b::bytea, j::jsonb, n::numeric, d::date, z::timestamptz), ',' ORDER BY id)) FROM sealed};
ask_as($node, 'app', q{INSERT INTO customer SELECT g, 'many', 'person' || g || '@plaintext.example' FROM generate_series(1000, 3000) g});
ask($node, 'ANALYZE customer');
my $parallel = "-c $force=on -c parallel_setup_cost=0 -c parallel_tuple_cost=0 -c min_parallel_table_scan_size=0";
my $query = q{SELECT md5(string_agg(email::text, ',' ORDER BY id)) FROM customer};
my $filter = q{SELECT count(*) FROM customer WHERE email::text LIKE 'person%'};

foreach my $role (qw(app helper support outsider))
{
	my $serial = ask_as($node, $role, "$query; $filter", pgoptions => '-c max_parallel_workers_per_gather=0');
	is(ask_as($node, $role, "$query; $filter", pgoptions => $parallel), $serial, "parallel workers read what $role reads");
	is(ask_as($node, $role, $all_types, pgoptions => $parallel), ask_as($node, $role, $all_types, pgoptions => '-c max_parallel_workers_per_gather=0'), "all types, as $role");
	# Roles change in a session; workers are the current one.
	next if $role eq 'app';
	is(ask($node, "SET ROLE app; SELECT count(email::text) FROM customer; SET ROLE $role; $query; $filter", pgoptions => $parallel),
		ask_as($node, 'app', 'SELECT count(email::text) FROM customer') . "\n$serial", "after SET ROLE $role");
}
like(ask_as($node, 'app', "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) $filter", pgoptions => $parallel),
	qr/Workers Launched: [1-9]/, 'workers were launched');
is(ask_as($node, 'app', $filter, pgoptions => $parallel), '2001', 'workers decrypt for a filter');
is(ask_as($node, 'outsider', $filter, pgoptions => $parallel), '0', 'and not for who may not');
like(ask_as($node, 'outsider', 'SELECT DISTINCT email::text FROM customer WHERE email IS NOT NULL', pgoptions => $parallel),
	qr/^\[encrypted\]$/, 'an outsider sees placeholders from workers');
unlike(ask_as($node, 'support', 'SELECT email::text FROM customer', pgoptions => $parallel), qr/plaintext/, 'support sees masks from workers');
is(ask_as($node, 'app', 'SELECT count(*) FROM customer WHERE email IS NOT NULL', pgoptions => "$parallel -c tarot_security.io=envelope"),
	'2006', 'setting io reaches workers');
like(ask_as($node, 'app', q{SELECT email FROM customer WHERE id = 1000}, pgoptions => "$parallel -c tarot_security.io=envelope"),
	qr/^\$tarot1\$/, 'and makes them give envelopes');
ask($node, 'SELECT tarot.lock()');
like(error_of($node, $filter, role => 'app', pgoptions => $parallel), qr/ERROR:  TS001/, 'workers are locked, too');

unlike(server_log($_), qr/was terminated by signal|PANIC/, $_->name . ': no process died') foreach $primary, $standby;
lacks_key(server_log($_), $key, $_->name . ': no root key in the log') foreach $primary, $standby;

done_testing;

# Crypto-shredding where copies lie: dumps, standbys, subscribers, crashes, parallel plans; and the protocol by which a
# backup of before reads everything but what was destroyed, also for who has all that is left of the keys.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $key_file = "$dir/root.key";
my ($root1, $root2) = (new_root_key, new_root_key);
write_private($key_file, "$root1\n");
my $conf = "tarot_security.root_key_file = '$key_file'\ntarot_security.subject_key_cache = 16";
my $node = new_node('primary', streaming => 'logical', conf => $conf);
my $envelopes = '-c tarot_security.io=envelope';

ask($node, <<'END');
CREATE ROLE app LOGIN;
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('people');
SELECT tarot.create_class('person', key => 'people', mask => 'redact', per_subject => true);
SELECT tarot.grant_class('person', 'app', 'plain');
CREATE TABLE person (id int PRIMARY KEY, name tarot.encrypted_text('person'));
CREATE TABLE letter (id int PRIMARY KEY, person int NOT NULL, body tarot.encrypted_text('person'));
GRANT ALL ON person, letter TO app;
SELECT tarot.set_subject('person', 'name', 'id'), tarot.set_subject('letter', 'body', 'person'), tarot.bind_column('letter', 'body');
END
ask_as($node, 'app', q{INSERT INTO person SELECT i, 'name ' || i FROM generate_series(1, 200) i;
	INSERT INTO letter SELECT i, 1 + i % 200, 'letter ' || i FROM generate_series(1, 2000) i});
my $everything = '200|200|2000|2000';
my $without = '200|199|2000|1990';
sub readable
{
	my ($target, $db) = @_;
	return ask_as($target, 'app', q{SELECT (SELECT count(*) || '|' || count(*) FILTER (WHERE name::text = 'name ' || id) FROM person) || '|' ||
		(SELECT count(*) || '|' || count(*) FILTER (WHERE body::text = 'letter ' || id) FROM letter)}, db => $db // 'postgres');
}
is(readable($node), $everything, 'all is read, with many more subjects than the cache has room for');
is(ask($node, 'SELECT count(*) FROM tarot.subject_key'), '201', 'each subject has one key, in both tables');
ask($node, 'ALTER TABLE letter SET (parallel_workers = 2)');
my $parallel = q{SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; };
like(ask_as($node, 'app', $parallel . q{EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT count(body::text) FROM letter}), qr/Workers Launched: [12]/, 'a plan is parallel');
is(ask_as($node, 'app', $parallel . q{SELECT count(body::text) FROM letter}), '2000', 'parallel workers read');

# ---------------------------------------------------------------- a dump, a standby and a base backup of before

{
	local $ENV{PGOPTIONS} = $envelopes;
	command_ok([ 'pg_dump', '-Fd', '-j2', '-d', $node->connstr('postgres'), '-f', "$dir/before" ], 'a dump of before');
}
my $standby = new_standby($node);
is(readable($standby), $everything, 'a standby reads');

sub restore
{
	my ($db) = @_;
	local $ENV{PGOPTIONS} = $envelopes;
	ask($node, "CREATE DATABASE $db");
	command_ok([ 'pg_restore', '--exit-on-error', '-j2', '-d', $node->connstr($db), "$dir/before" ], "restored into $db");
}

# ---------------------------------------------------------------- the subject goes

is(ask($node, q{SELECT tarot.destroy_subject_key('person', '7')}), 't', 'destroyed');
is(readable($node), $without, 'what was theirs is gone, and nothing else');
is(ask_as($node, 'app', q{SELECT name::text IS NULL FROM person WHERE id = 7}), 't', 'it reads as NULL');
$node->wait_for_catchup($standby);
is(readable($standby), $without, 'on the standby, too');
is(ask_as($node, 'app', $parallel . q{SELECT count(body::text) FROM letter}), '1990', 'in parallel plans, too');
$node->stop('immediate');
$node->start;
is(readable($node), $without, 'after a crash, too');
is(ask($node, q{SELECT count(*) FROM tarot.verify_bindings('letter')}), '0', 'all are bound, and under the keys of their subjects');

# ---------------------------------------------------------------- backups

# As long as nothing else is done, whoever has the dump has the key, wrapped by one that is still around.
restore('too_early');
is(readable($node, 'too_early'), $everything, 'the dump of before alone still reads all: this is what the protocol is for');

# The protocol: new wrapping, the old version destroyed, then a new root key, and the old one removed.
ask($node, q{SELECT tarot.rotate_key('people')});
like(error_of($node, q{SELECT tarot.destroy_key('people', 1)}), qr/ERROR:  2BP01: .* wraps keys of data subjects/, 'a version that wraps is in use');
is(ask($node, q{SELECT tarot.rewrap_subject_keys('people')}), '200', 'all keys that are left, and that of the hashes, are wrapped anew');
ask($node, q{SELECT tarot.destroy_key('people', 1)});
is(readable($node), $without, 'which changes nothing');
write_private($key_file, "$root2\n$root1\n");
ask($node, 'SELECT tarot.rotate_root_key()');
write_private($key_file, "$root2\n");
ask($node, 'SELECT tarot.unlock()');
is(readable($node), $without, 'nor does the new root key');

# The dump by itself.
restore('alone');
like(error_of($node, 'SELECT name::text FROM person', db => 'alone', role => 'app'), qr/ERROR:  TS00[12]/, 'the dump of before alone reads nothing any more');

# With today's tables of keys: all but the one.
my @tables = map { "tarot.$_" } qw(keyring key key_version subject_key);
{
	local $ENV{PGOPTIONS} = $envelopes;
	command_ok([ 'pg_dump', '--data-only', '-d', $node->connstr('postgres'), '-f', "$dir/keys.sql", map { ('-t', $_) } @tables ], "today's keys dumped");
	ask($node, 'TRUNCATE ' . join(', ', @tables), db => 'alone');
	command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/keys.sql", '-d', $node->connstr('alone') ], 'and put in the place of those of before');
}
is(readable($node, 'alone'), $without, "with today's keys the dump of before reads all but what was destroyed");

# Whoever mixes them by hand, and has the root key: the row of before beside the keys of today.
restore('mixed');
ask($node, 'CREATE TABLE was AS SELECT * FROM tarot.subject_key; TRUNCATE ' . join(', ', @tables), db => 'mixed');
{
	local $ENV{PGOPTIONS} = $envelopes;
	command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/keys.sql", '-d', $node->connstr('mixed') ], "today's keys into another copy");
}
ask($node, 'DELETE FROM tarot.subject_key s WHERE destroyed_at IS NOT NULL; INSERT INTO tarot.subject_key SELECT * FROM was w WHERE NOT EXISTS (SELECT FROM tarot.subject_key s WHERE s.subject_key_id = w.subject_key_id)', db => 'mixed');
is(ask($node, q{SELECT count(*) FROM tarot.subject_key WHERE wrapped IS NOT NULL}, db => 'mixed'), '201', 'the wrapped key of before is back in its table');
like(error_of($node, 'SELECT name::text FROM person WHERE id = 7', db => 'mixed', role => 'app'), qr/ERROR:  TS201/, 'and cannot be unwrapped: its wrapping was destroyed');
is(ask_as($node, 'app', 'SELECT name::text FROM person WHERE id = 8', db => 'mixed'), 'name 8', 'as the others can');

# ---------------------------------------------------------------- a value opened without the database

my $tool = "$FindBin::RealBin/../tools/open-envelope";
SKIP:
{
	skip 'needs libcryptx-perl', 4 unless eval { require Crypt::AuthEnc::GCM };
	my $envelope = ask($node, 'SELECT body FROM letter WHERE id = 11', pgoptions => $envelopes);
	my ($description, $out, $err) = ('', '', '');
	IPC::Run::run([ $^X, $tool, '--describe', $envelope ], '>', \$description);
	like($description, qr/^key 0\nkey version 0$/m, 'its header names no data key');
	my ($number) = $description =~ /^subject key ([0-9a-f]{16})$/m;
	unlike($description, qr/^binding none$/m, 'but a row, and a subject key');
	my ($hash, $wrapped, $id, $version, $data_key, $ring) = split /\|/, ask($node, qq{SELECT encode(subject_hash, 'hex'), encode(s.wrapped, 'hex'), s.key_id, s.key_version, encode(v.wrapped, 'hex'), encode(ring_id, 'hex')
		FROM tarot.subject_key s JOIN tarot.key_version v ON (v.key_id, v.version) = (s.key_id, s.key_version), tarot.keyring WHERE subject_key_id = ('x' || '$number')::bit(64)::bigint});
	my @command = ($^X, $tool, '--root-key-file', $key_file, '--ring-id', $ring, '--wrapped-key', $data_key, '--key-id', $id, '--key-version', $version, '--subject-key', $wrapped);
	IPC::Run::run([ @command, '--subject-hash', $hash, $envelope ], '>', \$out, '2>', \$err);
	is("$out$err", 'letter 11', 'opened by the document alone');
	IPC::Run::run([ @command, '--subject-hash', '00' x 16, $envelope ], '>', \$out, '2>', \$err);
	like($err, qr/does not open the subject key/, 'not with another hash');
}

# ---------------------------------------------------------------- logical replication, with the keys

ask($node, 'CREATE PUBLICATION shop FOR TABLE person, letter, tarot.keyring, tarot.key, tarot.key_version, tarot.class, tarot.subject_key');
my $subscriber = new_node('subscriber', streaming => 'logical', conf => $conf);
ask($subscriber, 'CREATE ROLE app LOGIN');
{
	local $ENV{PGOPTIONS} = $envelopes;
	command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '--schema-only', '-f', "$dir/schema.sql" ], 'definitions');
	command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/schema.sql", '-d', $subscriber->connstr('postgres') ], 'copied');
}
my $connection = $node->connstr('postgres') =~ s/'/''/gr;
ask($subscriber, "CREATE SUBSCRIPTION shop CONNECTION '$connection' PUBLICATION shop");
$subscriber->wait_for_subscription_sync($node, 'shop');
ask($subscriber, q{SELECT tarot.unlock(); SELECT tarot.grant_class('person', 'app', 'plain')});
is(readable($subscriber), $without, 'a subscriber with the keys reads');
ask_as($node, 'app', q{INSERT INTO person VALUES (201, 'name 201')});
ask($node, q{SELECT tarot.destroy_subject_key('person', '9')});
$node->wait_for_catchup('shop');
is(ask_as($subscriber, 'app', 'SELECT name::text FROM person WHERE id = 201'), 'name 201', 'a new subject');
is(ask_as($subscriber, 'app', 'SELECT name::text IS NULL FROM person WHERE id = 9'), 't', 'and one that is gone arrive there');

# ---------------------------------------------------------------- promoted

$standby->append_conf('postgresql.conf', "tarot_security.root_key_file = '$key_file'");
$node->wait_for_catchup($standby);
$standby->promote;
ask($standby, 'SELECT tarot.unlock()');
is(ask_as($standby, 'app', q{INSERT INTO person VALUES (202, 'name 202') RETURNING name::text}), 'name 202', 'a promoted standby makes keys');

unlike(server_log($_), qr/was terminated by signal|PANIC/, $_->name . ': no process died') foreach $node, $standby, $subscriber;
done_testing;

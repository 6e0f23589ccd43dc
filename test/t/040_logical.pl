# Logical decoding and replication carry envelopes, never plaintext, whoever asks; a subscriber reads them
# once it has the keys.
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
# Each subscription takes a worker, and for a while one more for each table.
my $conf = "tarot_security.root_key_file = '$dir/root.key'\n"
  . "max_worker_processes = 20\nmax_logical_replication_workers = 12\nmax_sync_workers_per_subscription = 4\nlog_statement = none";
my $publisher = new_node('publisher', streaming => 'logical', conf => $conf);
my $subscriber = new_node('subscriber', streaming => 'logical', conf => $conf);
my $envelopes = '-c tarot_security.io=envelope';

set_up_customers($publisher);
ask($publisher, <<'END');
ALTER ROLE app REPLICATION;
ALTER TABLE customer REPLICA IDENTITY FULL;
CREATE TABLE message (id int PRIMARY KEY, bodies tarot.encrypted_text('note')[]);
GRANT ALL ON message TO app;
END

# ---------------------------------------------------------------- decoding

SKIP:
{
	my $error = error_of($publisher, q{SELECT pg_create_logical_replication_slot('text', 'test_decoding')});
	skip 'no test_decoding', 14 if $error =~ /could not access file/;
	is($error, '', 'a slot');
	ask_as($publisher, 'app', <<'END');
INSERT INTO customer VALUES (10, 'new', 'inserted@plaintext.example');
UPDATE customer SET email = 'updated@plaintext.example' WHERE id = 10;
DELETE FROM customer WHERE id = 10;
INSERT INTO message VALUES (1, ARRAY['array@plaintext.example']::text[]::tarot.encrypted_text('note')[]);
END
	foreach my $role ('app', undef)
	{
		foreach my $io ('', '-c tarot_security.io=masked', $envelopes)
		{
			my $name = ($role // 'superuser') . " $io";
			my $changes = ask($publisher, q{SELECT data FROM pg_logical_slot_peek_changes('text', NULL, NULL)}, role => $role, pgoptions => $io);
			unlike($changes, qr/plaintext/, "$name: no plaintext is decoded");
			is(scalar(() = $changes =~ /\$tarot1\$/g), 5, "$name: envelopes are");
		}
	}
	# Decoding leaves no plaintext mode behind, nor envelope mode.
	is(ask_as($publisher, 'app', q{SELECT count(*) FROM pg_logical_slot_get_changes('text', NULL, NULL);
		SELECT email::text FROM customer WHERE id = 1}) =~ s/^\d+\n//r, $TarotTest::PEOPLE{1}, 'after decoding, the session reads as before');
	ask($publisher, q{SELECT pg_drop_replication_slot('text')});
}

# A walsender runs SQL too: a cast is what the role asked for, all else are envelopes.
like($publisher->safe_psql('postgres', 'SELECT email::text FROM customer WHERE id = 1', replication => 'database',
	extra_params => [ '-U', 'app' ]), qr/plaintext/, 'a walsender casts to text what the role may read');
like($publisher->safe_psql('postgres', 'COPY customer TO STDOUT', replication => 'database',
	extra_params => [ '-U', 'app' ]), qr/\A1\t[^\t]*\t\$tarot1\$/, 'a walsender copies envelopes');

# ---------------------------------------------------------------- replication

sub copy_of_definitions
{
	my ($db) = @_;
	ask($subscriber, <<'END', db => $db);
DO $$
BEGIN
	IF to_regrole('app') IS NULL THEN
		CREATE ROLE app LOGIN; CREATE ROLE support LOGIN; CREATE ROLE outsider LOGIN;
	END IF;
END $$;
CREATE EXTENSION tarot_security;
CREATE TABLE customer (id bigint PRIMARY KEY, name text, email tarot.encrypted_text('email'));
CREATE TABLE message (id int PRIMARY KEY, bodies tarot.encrypted_text('note')[]);
GRANT SELECT ON customer, message TO app, support, outsider;
END
}
sub subscribe
{
	my ($db, $publication, %option) = @_;
	my $with = join ', ', "slot_name = '${db}_$publication'", $option{binary} ? 'binary' : ();
	ask($subscriber, sprintf(q{CREATE SUBSCRIPTION %s_%s CONNECTION '%s' PUBLICATION %s WITH (%s)},
		$db, $publication, $publisher->connstr('postgres') =~ s/'/''/gr, $publication, $with), db => $db);
	$subscriber->wait_for_subscription_sync($publisher, "${db}_$publication", $db);
}
sub same
{
	my ($db, $name) = @_;
	foreach my $query ('SELECT id, name, email FROM customer ORDER BY id', 'SELECT * FROM message ORDER BY id')
	{
		is(digest($subscriber, $query, $db), digest($publisher, $query, 'postgres'), "$name: the same bytes");
	}
}
sub digest
{
	my ($node, $query, $db) = @_;
	return ask($node, "SELECT count(*), md5(string_agg(t::text, ',')) FROM ($query) t", db => $db, pgoptions => $envelopes);
}

ask($publisher, q{CREATE PUBLICATION data FOR TABLE customer, message; CREATE PUBLICATION policy
	FOR TABLE tarot.keyring, tarot.key, tarot.key_version, tarot.class});

# Without keys: nothing is read, nothing is lost. The binary protocol as well.
ask($subscriber, 'CREATE DATABASE without_keys');
copy_of_definitions('without_keys');
subscribe('without_keys', 'data');
same('without_keys', 'without keys, initial copy');
ask($subscriber, 'CREATE DATABASE in_binary');
copy_of_definitions('in_binary');
subscribe('in_binary', 'data', binary => 1);
same('in_binary', 'binary, initial copy');

# With keys, which are replicated themselves; grants are the subscriber's own.
ask($subscriber, 'CREATE DATABASE with_keys');
copy_of_definitions('with_keys');
subscribe('with_keys', 'policy');
subscribe('with_keys', 'data');
same('with_keys', 'with keys, initial copy');
ask($subscriber, q{SELECT tarot.grant_class('email', 'app', 'plain'); SELECT tarot.grant_class('email', 'support', 'masked');
	SELECT tarot.grant_class('note', 'app', 'plain')}, db => 'with_keys');
is(data_of($subscriber, db => 'with_keys'), data_of($publisher), 'with keys: app reads');
my $read = 'SELECT email::text FROM customer WHERE id = 1';
is(ask_as($subscriber, 'support', $read, db => 'with_keys'), ask_as($publisher, 'support', $read), 'with keys: support sees masks');
is(ask_as($subscriber, 'outsider', $read, db => 'with_keys'), '[encrypted]', 'with keys: others see placeholders');
is(ask_as($subscriber, 'app', $read, db => 'without_keys'), '[encrypted]', 'without keys: a placeholder');

# Streaming; with an open session that must hear of the new key version.
my $session = $subscriber->background_psql('with_keys', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
is($session->query($read), $TarotTest::PEOPLE{1}, 'an open session on the subscriber');
ask($publisher, q{SELECT tarot.rotate_key('profile')});
ask_as($publisher, 'app', <<'END');
INSERT INTO customer VALUES (11, 'streamed', 'streamed@plaintext.example');
UPDATE customer SET email = 'changed@plaintext.example' WHERE id = 2;
UPDATE customer SET name = 'toast stays' WHERE id = 6;
DELETE FROM customer WHERE id = 3;
INSERT INTO message VALUES (2, ARRAY['one', NULL, 'two@plaintext.example']::text[]::tarot.encrypted_text('note')[]);
END
$publisher->wait_for_catchup($_) foreach qw(without_keys_data in_binary_data with_keys_policy with_keys_data);
same($_, "$_, streaming") foreach qw(without_keys in_binary with_keys);
is($session->query('SELECT email::text FROM customer WHERE id = 11'), 'streamed@plaintext.example', 'a new key version reaches an open session');
$session->quit;
is(data_of($subscriber, db => 'with_keys'), data_of($publisher), 'with keys: app reads what was streamed');
is(ask_as($subscriber, 'app', 'SELECT bodies::text FROM message WHERE id = 2', db => 'with_keys'), '{one,NULL,two@plaintext.example}',
	'with keys: arrays, too');

# A locked subscriber, and a locked publisher, replicate all the same.
ask($publisher, 'SELECT tarot.lock()');
ask($subscriber, 'SELECT tarot.lock()', db => 'with_keys');
ask($publisher, q{UPDATE customer SET name = 'while locked' WHERE id = 1});
$publisher->wait_for_catchup($_) foreach qw(without_keys_data with_keys_data);
is(ask($subscriber, 'SELECT name FROM customer WHERE id = 1', db => 'with_keys'), 'while locked', 'locked servers replicate');
ask($publisher, 'SELECT tarot.unlock()');
ask($subscriber, 'SELECT tarot.unlock()', db => 'with_keys');
is(ask_as($subscriber, 'app', $read, db => 'with_keys'), $TarotTest::PEOPLE{1}, 'and read again');

unlike(bytes_of_relation($subscriber, 'customer', db => $_), qr/plaintext/, "$_: no plaintext in the subscriber's files")
  foreach qw(without_keys with_keys);
unlike(server_log($_), qr/plaintext/, $_->name . ': no plaintext in the log') foreach $publisher, $subscriber;
unlike(server_log($_), qr/was terminated by signal|PANIC/, $_->name . ': no process died') foreach $publisher, $subscriber;
ask($subscriber, "DROP SUBSCRIPTION $_->[1]", db => $_->[0])
  foreach [ 'without_keys', 'without_keys_data' ], [ 'in_binary', 'in_binary_data' ], [ 'with_keys', 'with_keys_data' ], [ 'with_keys', 'with_keys_policy' ];

done_testing;

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
  . "logical_decoding_work_mem = 64kB\nmax_worker_processes = 20\nmax_logical_replication_workers = 12\nmax_sync_workers_per_subscription = 4\nlog_statement = none";
my $publisher = new_node('publisher', streaming => 'logical', conf => $conf);
my $subscriber = new_node('subscriber', streaming => 'logical', conf => $conf);
my $envelopes = '-c tarot_security.io=envelope';

set_up_customers($publisher);
set_up_types($publisher);
my $typed = types_of($publisher, 'plain');
ask($publisher, <<'END');
ALTER TABLE sealed REPLICA IDENTITY FULL;
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
CREATE TABLE sealed (z tarot.encrypted_timestamptz('day'), extra int, d tarot.encrypted_date('day'), n tarot.encrypted_numeric('amount'), j tarot.encrypted_jsonb('document'),
	b tarot.encrypted_bytea('file'), t tarot.encrypted_text('word'), id int PRIMARY KEY);
GRANT SELECT ON customer, message, sealed TO app, support, outsider;
END
}
sub subscribe
{
	my ($db, $publication, %option) = @_;
	my $with = join ', ', "slot_name = '${db}_$publication'", $option{binary} ? 'binary' : (), $option{streaming} ? 'streaming' : ();
	ask($subscriber, sprintf(q{CREATE SUBSCRIPTION %s_%s CONNECTION '%s' PUBLICATION %s WITH (%s)},
		$db, $publication, $publisher->connstr('postgres') =~ s/'/''/gr, $publication, $with), db => $db);
	$subscriber->wait_for_subscription_sync($publisher, "${db}_$publication", $db);
}
sub same
{
	my ($db, $name) = @_;
	foreach my $query ('SELECT id, name, email FROM customer ORDER BY id', 'SELECT * FROM message ORDER BY id', 'SELECT id, t, b, j, n, d, z FROM sealed ORDER BY id')
	{
		is(digest($subscriber, $query, $db), digest($publisher, $query, 'postgres'), "$name: the same bytes");
	}
}
sub digest
{
	my ($node, $query, $db) = @_;
	return ask($node, "SELECT count(*), md5(string_agg(t::text, ',')) FROM ($query) t", db => $db, pgoptions => $envelopes);
}

ask($publisher, q{CREATE PUBLICATION data FOR TABLE customer, message, sealed; CREATE PUBLICATION policy
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
subscribe('with_keys', 'data', streaming => 1);
same('with_keys', 'with keys, initial copy');
ask($subscriber, q{SELECT tarot.grant_class('email', 'app', 'plain'); SELECT tarot.grant_class('email', 'support', 'masked');
	SELECT tarot.grant_class('note', 'app', 'plain'), tarot.grant_class(c, 'app', 'plain') FROM unnest('{word,file,document,amount,day}'::text[]) c}, db => 'with_keys');
is(types_of($subscriber, 'sealed', db => 'with_keys'), $typed, 'with keys: values of all types');
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
ask_as($publisher, 'app', 'UPDATE sealed SET t = t::text, n = n::numeric, d = d::date WHERE id > 3; UPDATE sealed SET id = -id WHERE id < 3; UPDATE sealed SET id = -id WHERE id < 0');
# One that is streamed before it is committed, where that is asked for; and one that is rolled back.
ask_as($publisher, 'app', <<'END');
BEGIN; INSERT INTO sealed SELECT s.id + 10 * i, t, b, j, n, d, z FROM sealed s, generate_series(1, 20) i; COMMIT;
BEGIN; UPDATE sealed SET t = 'undone', n = 0, j = '{}'; ROLLBACK;
BEGIN; UPDATE sealed SET b = b::bytea, j = j::jsonb WHERE id > 10; SAVEPOINT s; UPDATE sealed SET z = now(), d = '2001-01-01', n = 1; ROLLBACK TO s; COMMIT;
DELETE FROM sealed WHERE id > 20 AND id % 10 < 5;
END
$publisher->wait_for_catchup($_) foreach qw(without_keys_data in_binary_data with_keys_policy with_keys_data);
is(ask($publisher, q{SELECT stream_txns > 0 FROM pg_stat_replication_slots WHERE slot_name = 'with_keys_data'}), 't', 'a large transaction was streamed');
same($_, "$_, streaming") foreach qw(without_keys in_binary with_keys);
is($session->query('SELECT email::text FROM customer WHERE id = 11'), 'streamed@plaintext.example', 'a new key version reaches an open session');
$session->quit;
is(data_of($subscriber, db => 'with_keys'), data_of($publisher), 'with keys: app reads what was streamed');
is(types_of($subscriber, 'sealed', db => 'with_keys'), types_of($publisher, 'sealed'), 'values of all types');
is(types_of($subscriber, '(SELECT * FROM sealed WHERE id < 10) AS s', db => 'with_keys'), $typed, 'and those from before');
is(ask_as($subscriber, 'app', 'SELECT bodies::text FROM message WHERE id = 2', db => 'with_keys'), '{one,NULL,two@plaintext.example}',
	'with keys: arrays, too');

# A subscriber without a key to its rows would have to compare whole rows, and waits until it has one: nothing is lost.
ask($subscriber, 'CREATE DATABASE without_identity');
copy_of_definitions('without_identity');
ask($subscriber, 'ALTER TABLE sealed DROP CONSTRAINT sealed_pkey', db => 'without_identity');
subscribe('without_identity', 'data');
same('without_identity', 'whole rows, initial copy');
ask_as($publisher, 'app', q{UPDATE sealed SET n = 5 WHERE id = 1; DELETE FROM sealed WHERE id = 14});
ok(wait_until(sub {
	server_log($subscriber) =~ /ERROR:  values of data class #\d+ cannot be compared before the class is there/
	  || digest($subscriber, 'SELECT id, n FROM sealed ORDER BY id', 'without_identity') eq digest($publisher, 'SELECT id, n FROM sealed ORDER BY id', 'postgres') }),
	'whole rows: compared, or refused');
ask($subscriber, 'ALTER TABLE sealed ADD PRIMARY KEY (id)', db => 'without_identity');
$publisher->wait_for_catchup($_) foreach qw(without_identity_data with_keys_data);
same('without_identity', 'with a primary key, streaming');

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
  foreach [ 'without_keys', 'without_keys_data' ], [ 'in_binary', 'in_binary_data' ], [ 'without_identity', 'without_identity_data' ], [ 'with_keys', 'with_keys_data' ], [ 'with_keys', 'with_keys_policy' ];

done_testing;

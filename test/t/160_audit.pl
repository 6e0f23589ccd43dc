# The audit log where no client is: logical replication, prepared transactions, crashes, dumps. Nowhere is a change without its
# entry, or an entry without its change.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run qw(start);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $conf = "max_prepared_transactions = 5\nmax_worker_processes = 20\nsynchronous_commit = on\n";
my $node = new_node('audited', streaming => 'logical', conf => $conf);
my $source = new_node('source', streaming => 'logical', conf => $conf);
my $table = 'CREATE TABLE account (id bigint PRIMARY KEY, balance int, note text)';
# Rows without an entry of their last change, and entries without a row.
my $gaps = q{SELECT count(*) FILTER (WHERE l.key IS NULL), count(*) FILTER (WHERE a.id IS NULL) FROM account a
	FULL JOIN (SELECT DISTINCT ON (key) key, new, operation FROM tarot.audit_log WHERE table_name = 'public.account' ORDER BY key, transaction DESC, number DESC) l ON (l.key->>'id')::bigint = a.id
	WHERE l.operation IS DISTINCT FROM 'DELETE'};
ask($node, "CREATE EXTENSION tarot_security; SELECT tarot.create_audit_partitions(1); SELECT tarot.create_audit_indexes(); $table; SELECT tarot.audit_table('account')");

# What is computed when it is read is in no row, and in no entry.
if ($node->pg_version >= 18)
{
	ask($node, 'CREATE TABLE made (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) VIRTUAL)');
	ask($node, q{SELECT tarot.audit_table('made')});
	ask($node, 'INSERT INTO made VALUES (1)');
	is(ask($node, q{SELECT new FROM tarot.audit_log WHERE table_name = 'public.made'}), '{"id": 1}', 'a virtual column');
	ask($node, 'DROP TABLE made');
}

# ---------------------------------------------------------------- by whom, over the network

$node->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'");
$node->restart;
{
	ask($node, q{CREATE TABLE visit (id int PRIMARY KEY); SELECT tarot.audit_table('visit')});
	my $tcp = 'host=127.0.0.1 port=' . $node->port . " dbname=postgres application_name='over TCP'";
	$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $tcp, '-c', 'INSERT INTO visit VALUES (1)', '-c', 'DELETE FROM visit',
		'-c', q{SELECT tarot.log_security_event('NETWORK', 'u', 'a', 's')} ], 'a client by TCP');
	is(ask($node, q{SELECT string_agg(concat_ws(' ', operation, client, application), ', ' ORDER BY transaction) FROM tarot.audit_log WHERE table_name = 'public.visit' AND operation IN ('INSERT', 'DELETE')}), 'INSERT 127.0.0.1 over TCP, DELETE 127.0.0.1 over TCP', 'its address is in the entries');
	like(server_log($node), qr/security event: .*"event_type": "NETWORK".*"client": "127\.0\.0\.1"/, 'and in events');
}

# ---------------------------------------------------------------- prepared transactions

ask($node, q{BEGIN; INSERT INTO account VALUES (1, 10); SAVEPOINT s; INSERT INTO account VALUES (2, 20); PREPARE TRANSACTION 'kept'});
ask($node, q{BEGIN; INSERT INTO account VALUES (3, 30); PREPARE TRANSACTION 'undone'});
my $later = ask($node, q{INSERT INTO account VALUES (4, 40) RETURNING pg_current_xact_id()});
is(ask($node, q{SELECT key FROM tarot.audit_log WHERE table_name = 'public.account'}), '{"id": 4}', 'entries of a prepared transaction are not there yet');
$node->restart;
ask($node, q{COMMIT PREPARED 'kept'});
ask($node, q{ROLLBACK PREPARED 'undone'});
is(ask($node, q{SELECT string_agg(key->>'id', ',' ORDER BY transaction, number) FROM tarot.audit_log WHERE table_name = 'public.account'}), '1,2,4', 'they come with it, also after a restart, or never');
is(ask($node, "SELECT bool_and(transaction < '$later') FROM tarot.audit_log WHERE key->>'id' IN ('1', '2')"), 't', 'and have its number');

# ---------------------------------------------------------------- isolation

{
	my ($one, $two) = map { $node->background_psql('postgres') } 1 .. 2;
	$_->query_safe('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1') foreach $one, $two;
	$one->query_safe('INSERT INTO account VALUES (10, 1)');
	$two->query_safe('INSERT INTO account VALUES (11, 1)');
	$two->query_safe('UPDATE account SET balance = 2 WHERE id = 11');
	$one->query_safe('UPDATE account SET balance = 2 WHERE id = 10');
	$_->query_safe('COMMIT') foreach $one, $two;
	$_->quit foreach $one, $two;
}
is(ask($node, q{SELECT count(*) FROM tarot.audit_log WHERE (key->>'id')::int IN (10, 11)}), 4, 'serializable transactions do not meet in the log');
is(ask($node, $gaps), '0|0', 'nothing is missing');

# ---------------------------------------------------------------- logical replication

ask($source, "$table; INSERT INTO account VALUES (101, 1, 'copied'), (102, 2, 'copied'); CREATE PUBLICATION accounts FOR TABLE account");
my $before = ask($node, 'SELECT count(*) FROM tarot.audit_log');
ask($node, sprintf(q{CREATE SUBSCRIPTION accounts CONNECTION '%s' PUBLICATION accounts}, $source->connstr('postgres') =~ s/'/''/gr));
$node->wait_for_subscription_sync($source, 'accounts');
is(ask($node, 'SELECT count(*) FROM tarot.audit_log') - $before, 2, 'rows of the first copy are on record');
ask($source, q{INSERT INTO account SELECT g, g, 'streamed' FROM generate_series(103, 1200) g; UPDATE account SET balance = -1 WHERE id = 101; UPDATE account SET id = 99 WHERE id = 102; DELETE FROM account WHERE id = 103});
$source->wait_for_catchup('accounts');
is(ask($node, q{SELECT count(*), count(DISTINCT number), count(DISTINCT transaction) FROM tarot.audit_log WHERE new->>'note' = 'streamed'}), '1098|1098|1', 'each row that is streamed, in its transaction');
is(ask($node, q{SELECT operation, key, old, new FROM tarot.audit_log WHERE key->>'id' IN ('101', '102', '103') AND operation <> 'INSERT' ORDER BY key}),
	qq(UPDATE|{"id": 101}|{"balance": 1}|{"balance": -1}\nUPDATE|{"id": 102}|{"id": 102}|{"id": 99}\nDELETE|{"id": 103}|{"id": 103, "note": "streamed", "balance": 103}|), 'what was changed');
like(ask($node, q{SELECT DISTINCT role = current_user, application, subject, client FROM tarot.audit_log WHERE new->>'note' = 'streamed'}), qr/\At\|logical replication .*worker for subscription \d+\|\|\z/, 'by whom');
ask($source, 'TRUNCATE account');
$source->wait_for_catchup('accounts');
is(ask($node, q{SELECT table_name FROM tarot.audit_log WHERE operation = 'TRUNCATE'}), 'public.account', 'TRUNCATE');
ask($node, 'DROP SUBSCRIPTION accounts');

# ---------------------------------------------------------------- crashes

ask($node, 'TRUNCATE tarot.audit_entry');
is(ask($node, 'SELECT operation, table_name FROM tarot.audit_log ORDER BY number LIMIT 1'), 'TRUNCATE TABLE|tarot.audit_entry', 'of the log that is emptied that is left');
my $script = PostgreSQL::Test::Utils::tempdir . '/load.sql';
my $mine = 'id % 100 = :client_id';
write_private($script, <<"END");
BEGIN;
INSERT INTO account SELECT :client_id + 100 * (m.last + g), 0, repeat('x', 200) FROM (SELECT coalesce(max(id) / 100, 0) AS last FROM account WHERE $mine) AS m, generate_series(1, 20) AS g;
SAVEPOINT s;
UPDATE account SET balance = 1 WHERE $mine AND balance = 0;
ROLLBACK TO s;
UPDATE account SET balance = 2 WHERE $mine AND balance = 0;
COMMIT;
END
foreach my $round (1 .. 3)
{
	my $rows = ask($node, 'SELECT count(*) FROM account');
	my $load = start [ 'pgbench', '-n', '-c', 3, '-T', 60, '-f', $script, $node->connstr('postgres') ], '>', \my $out, '2>', \my $err;
	ok(wait_until(sub { ask($node, 'SELECT count(*) FROM account') > $rows + 500 }), "round $round: rows come");
	$node->stop('immediate');
	$load->finish;
	$node->start;
	is(ask($node, $gaps), '0|0', "round $round: after the crash nothing is missing");
	is(ask($node, q{SELECT count(*) FROM account a JOIN tarot.audit_log l ON (l.key->>'id')::bigint = a.id}), 2 * ask($node, 'SELECT count(*) FROM account'),
		"round $round: an INSERT and an UPDATE for each");
}
is(ask($node, 'SELECT count(*) FROM tarot.audit_entry_default'), 0, 'all of it in the partition of the month');

# ---------------------------------------------------------------- dumps

ask($node, q{CREATE TABLE part (id int, v text) PARTITION BY LIST (id); CREATE TABLE part_1 PARTITION OF part DEFAULT; SELECT tarot.audit_table('part', exclude => '{v}')});
my $dump = PostgreSQL::Test::Utils::tempdir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ], 'a dump');
ask($node, 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('restored') ], 'is restored');
my $digest = q{SELECT count(*), md5(string_agg(e::text, chr(10) ORDER BY transaction, number)) FROM tarot.audit_entry e WHERE table_name LIKE 'public.%' AND operation <> 'S'};
is(ask($node, $digest =~ s/e::text/(to_jsonb(e) - 'relation')::text/r, db => 'restored'), ask($node, $digest =~ s/e::text/(to_jsonb(e) - 'relation')::text/r), 'entries are the same');
my $audited = 'SELECT "table", columns, exclude, enforced FROM tarot.audited_tables ORDER BY "table"::text';
is(ask($node, $audited, db => 'restored'), ask($node, $audited), 'and what is audited');
is(ask($node, q{SELECT table_name LIKE 'tarot.audit_entry%', new->>'direction' FROM tarot.audit_log l WHERE operation = 'COPY' AND table_name LIKE 'tarot.audit\_entry%' ORDER BY transaction, number LIMIT 1}, db => 'restored'), 't|from',
	'that they were written by hand is on record there');
is(ask($node, q{SELECT count(*) > 0 AND count(*) % 3 = 0 FROM pg_index WHERE indrelid::regclass::text LIKE 'tarot.audit\_entry\_2%'}, db => 'restored'), 't', 'with its indexes');
my $count = ask($node, 'SELECT count(*) FROM tarot.audit_log', db => 'restored');
ask($node, q{UPDATE account SET balance = 3 WHERE id = (SELECT min(id) FROM account)}, db => 'restored');
ask($node, q{INSERT INTO part VALUES (1, 'x')}, db => 'restored');
is(ask($node, 'SELECT count(*) FROM tarot.audit_log', db => 'restored') - $count, 2, 'which it still is');
is(ask($node, q{SELECT new FROM tarot.audit_log WHERE table_name = 'public.part_1' AND operation = 'INSERT'}, db => 'restored'), '{"id": 1}', 'but for what is excluded');

unlike(server_log($_), qr/was terminated by signal|PANIC/, $_->name . ': no process died') foreach $node, $source;
done_testing;

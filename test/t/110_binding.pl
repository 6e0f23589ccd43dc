# Bound values and their rules in dumps, restores and replication: the same bytes, and enforced there, too.
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
write_private($key_file, new_root_key . "\n");
my $conf = "tarot_security.root_key_file = '$key_file'";
my $node = new_node('source', streaming => 'logical', conf => $conf);
my $envelopes = '-c tarot_security.io=envelope';

set_up_customers($node);
ask($node, <<'END');
CREATE ROLE thief LOGIN;
CREATE ROLE restorer LOGIN;
GRANT SET ON PARAMETER tarot_security.io TO restorer;
GRANT ALL ON customer TO thief;
CREATE TABLE visit (at date, id int, note tarot.encrypted_text('note'), PRIMARY KEY (at, id)) PARTITION BY RANGE (at);
CREATE TABLE visit_2024 PARTITION OF visit FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE visit_2025 PARTITION OF visit FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
GRANT ALL ON visit TO app, thief;
SELECT tarot.bind_column('customer', 'email'), tarot.bind_column('visit', 'note', '{id}');
END
ask_as($node, 'app', "INSERT INTO visit SELECT '2024-06-01'::date + i * 10, i, 'note ' || i FROM generate_series(1, 40) i");

sub contents
{
	my ($target, $db) = @_;
	return join "\n", map { ask($target, "SELECT * FROM $_ ORDER BY 1", db => $db, pgoptions => $envelopes) } qw(customer visit);
}

my $denied = qr/ERROR:  42501: permission denied to move a value of data class "(email|note)" to another row/;

# What holds in each copy.
sub check_copy
{
	my ($target, $db, $name) = @_;
	is(contents($target, $db), contents($node, 'postgres'), "$name: the same bytes");
	is(ask($target, q{SELECT "table", "column", by, enforced FROM tarot.bound_column ORDER BY 1}, db => $db), "customer|email|{id}|t\nvisit|note|{id}|t", "$name: the rules");
	is(ask($target, q{SELECT count(*) FROM (SELECT * FROM tarot.verify_bindings('customer') UNION ALL SELECT * FROM tarot.verify_bindings('visit')) v}, db => $db), '0', "$name: all are bound");
	like(error_of($target, 'UPDATE customer SET email = (SELECT email FROM customer WHERE id = 1) WHERE id = 2', db => $db, role => 'thief'), $denied, "$name: a theft is refused");
	like(error_of($target, 'UPDATE visit SET id = id + 100 WHERE id = 1', db => $db, role => 'thief'), $denied, "$name: in a partition, too");
	is(error_of($target, q{UPDATE visit SET at = '2024-01-01' WHERE id = 40}, db => $db, role => 'thief'), '', "$name: a row may move to another partition");
	is(error_of($target, q{UPDATE customer SET id = 60 WHERE id = 6; UPDATE customer SET id = 6 WHERE id = 60}, db => $db, role => 'app'), '', "$name: who reads and writes may move a value");
	is(ask_as($target, 'app', 'SELECT md5(email::text) FROM customer WHERE id = 6', db => $db), ask_as($node, 'app', 'SELECT md5(email::text) FROM customer WHERE id = 6'), "$name: which stays what it was");
	is(ask($target, q{SELECT count(*) FROM tarot.verify_bindings('visit')}, db => $db), '0', "$name: still bound");
	return;
}

# ---------------------------------------------------------------- dumps

my %formats = (
	plain => [ [ '-f', "$dir/plain.sql" ], sub { ('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/plain.sql") } ],
	inserts => [ [ '--inserts', '-f', "$dir/inserts.sql" ], sub { ('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/inserts.sql") } ],
	directory => [ [ '-Fd', '-j2', '-f', "$dir/directory" ], sub { ('pg_restore', '--exit-on-error', '-j3', "$dir/directory") } ]);
{
	local $ENV{PGOPTIONS} = $envelopes;
	foreach my $name (sort keys %formats)
	{
		my ($dump, $restore) = @{ $formats{$name} };
		command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), @$dump ], "$name: dumped");
		ask($node, "CREATE DATABASE from_$name");
		command_ok([ $restore->(), '-d', $node->connstr("from_$name") ], "$name: restored");
		check_copy($node, "from_$name", $name);
	}

	# Rows alone, into tables that have their rules: what fits passes, what does not is refused.
	command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '--data-only', '-t', 'customer', '-t', 'visit*', '-f', "$dir/rows.sql" ], 'rows alone: dumped');
	ask($node, 'TRUNCATE customer, visit', db => 'from_plain');
	command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/rows.sql", '-d', $node->connstr('from_plain') ], 'rows alone: restored');
	check_copy($node, 'from_plain', 'rows alone');
}
my ($stolen) = split /\n/, ask($node, 'SELECT email FROM customer WHERE id = 1', pgoptions => $envelopes);
ask($node, 'GRANT ALL ON customer TO restorer');
like(error_of($node, "COPY customer FROM STDIN;\n9\tthief\t$stolen\n\\.\n", role => 'restorer', pgoptions => $envelopes), $denied, 'COPY of an envelope of another row is refused');
like(error_of($node, "COPY customer FROM STDIN;\n9\tthief\t$stolen\n\\.\n", pgoptions => $envelopes), $denied, 'also by a superuser');

# A dump from before the column was bound: its envelopes are bound as they come in, by who may bring them in.
my $unbound = (split /\n/, ask_as($node, 'app', q{CREATE TEMP TABLE t (v tarot.encrypted_text('email')); INSERT INTO t VALUES ('unbound@plaintext.example'); SET tarot_security.io = envelope; SELECT v FROM t}))[0];
is(error_of($node, "INSERT INTO customer VALUES (7, 'from before', '$unbound')", pgoptions => $envelopes), '', 'an envelope that is bound to nothing is bound when it is restored');
is(ask($node, q{SELECT count(*) FROM tarot.verify_bindings('customer')}), '0', 'and then is');
is(ask_as($node, 'app', 'SELECT email::text FROM customer WHERE id = 7'), 'unbound@plaintext.example', 'and is read');
ask($node, 'DELETE FROM customer WHERE id = 7');

# ---------------------------------------------------------------- logical replication

my $subscriber = new_node('subscriber', streaming => 'logical', conf => $conf);
ask($subscriber, 'CREATE ROLE app LOGIN; CREATE ROLE support LOGIN; CREATE ROLE outsider LOGIN; CREATE ROLE helper LOGIN IN ROLE app; CREATE ROLE thief LOGIN; CREATE ROLE restorer LOGIN');
{
	local $ENV{PGOPTIONS} = $envelopes;
	command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '--schema-only', '-f', "$dir/schema.sql" ], 'schema dumped');
	command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/schema.sql", '-d', $subscriber->connstr('postgres') ], 'schema restored');
}
ask($node, 'CREATE PUBLICATION shop FOR TABLE customer, visit, tarot.keyring, tarot.key, tarot.key_version, tarot.class');
my $connection = $node->connstr('postgres') =~ s/'/''/gr;
ask($subscriber, "CREATE SUBSCRIPTION shop CONNECTION '$connection' PUBLICATION shop");
$subscriber->wait_for_subscription_sync($node, 'shop');
ask($subscriber, 'SELECT tarot.grant_class(c, r::regrole, \'plain\') FROM unnest(ARRAY[\'email\', \'note\']) c, unnest(ARRAY[\'app\']) r');
ask_as($node, 'app', q{INSERT INTO customer VALUES (8, 'streamed', 'streamed@plaintext.example'); UPDATE customer SET id = 80 WHERE id = 8; UPDATE visit SET note = 'changed' WHERE id = 3});
$node->wait_for_catchup('shop');
ok(wait_until(sub { contents($subscriber, 'postgres') eq contents($node, 'postgres') }), 'what is streamed arrives');
check_copy($subscriber, 'postgres', 'a subscriber');

unlike(server_log($_), qr/was terminated by signal|PANIC/, $_->name . ': no process died') foreach $node, $subscriber;
done_testing;

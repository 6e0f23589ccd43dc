# What identities may do, across workers, encodings, dumps, standbys and subscribers: a right that is given or taken
# on one server counts in every open session of all of them, and the gate follows it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $key = new_root_key;
write_private("$dir/root.key", "$key\n");
my $conf = "tarot_security.root_key_file = '$dir/root.key'";
my $node = new_node('permissions', streaming => 'logical', conf => "$conf\nlog_statement = none");

ask($node, <<'END');
CREATE ROLE web LOGIN;
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('profile');
SELECT tarot.create_issuer('app', 'https://app.example', '{}', secret => repeat('s', 32));
SELECT tarot.create_role('Clerk', 'Who reads customers', '{User}');
SELECT tarot.grant_permission('Clerk', 'customers:*'), tarot.grant_permission('User', 'readings:read');
SELECT tarot.set_issuer_roles('app', 'roles', '{Clerk}', '{User}');
SELECT tarot.assign_role('carl', 'Clerk'), tarot.assign_role('late', 'Clerk', '2001-01-01');
SELECT tarot.grant_on('card', '42', 'cards:*', subject => 'carl'), tarot.grant_on('card', '43', 'cards:read', role => 'User');
SELECT tarot.create_class('email', 'profile', 'email', searchable => true);
SELECT tarot.grant_class('email', 'web', 'masked', write => true), tarot.grant_class('email', 'web', 'plain', permission => 'customers:read');
SELECT tarot.create_class('note', 'profile', 'redact');
SELECT tarot.grant_class('note', NULL, 'plain', permission => 'customers:read');
CREATE TABLE customer (id int PRIMARY KEY, email tarot.encrypted_text('email') UNIQUE);
GRANT SELECT, INSERT ON customer TO web;
END
ask_as($node, 'web', q{INSERT INTO customer SELECT i, 'u' || i || '@plaintext.example' FROM generate_series(1, 20000) AS i});
ask($node, 'ANALYZE customer');

sub token
{
	my ($claims) = @_;
	return ask($node, "SELECT tarot.sign_jwt('$claims', 'app')");
}
my %token = (carl => token('{"sub": "carl"}'), dora => token('{"sub": "dora"}'), claimed => token('{"sub": "emil", "roles": ["Clerk", "Admin"]}'), late => token('{"sub": "late"}'));

# What somebody may do, in one line: roles, permissions, resources, and what the gate shows.
my $summary = q{SELECT (SELECT string_agg(r, ',') FROM tarot.roles() AS r), tarot.has_permission('customers:read'), tarot.has_permission('readings:read'), tarot.has_permission('cards:edit', 'card', '42'),
	(SELECT string_agg(a, ',') FROM tarot.accessible('card', 'cards:read') AS a), (SELECT email::text FROM customer WHERE id = 7)};
sub summary_of
{
	my ($who, %option) = @_;
	my $server = delete $option{server} // $node;
	return ask_as($server, 'web', "BEGIN; SELECT tarot.authenticate('$token{$who}'); $summary", %option) =~ s/^\n//r;
}
my %expected = (
	carl => 'Clerk,User|t|t|t|42,43|u7@plaintext.example',
	dora => 'User|f|t|f|43|u***@p***.example',
	claimed => 'Clerk,User|t|t|f|43|u7@plaintext.example',
	late => 'User|f|t|f|43|u***@p***.example');
is(summary_of($_), $expected{$_}, "$_ may do that") foreach sort keys %expected;

# ---------------------------------------------------------------- parallel workers

{
	my $option = ask($node, q{SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')});
	ask($node, q{CREATE FUNCTION backend_type() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT backend_type FROM pg_stat_activity WHERE pid = pg_backend_pid()'});
	is(ask_as($node, 'web', "BEGIN; SELECT tarot.authenticate('$token{carl}'); SET LOCAL $option = on; SELECT tarot.has_permission('customers:read'), tarot.has_permission('cards:edit', 'card', '42'), backend_type()") =~ s/^\n//r,
		't|t|parallel worker', 'a worker knows what the session may do');
	my $parallel = 'SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL max_parallel_workers_per_gather = 2';
	my $seen = q{SELECT count(*) FILTER (WHERE email::text LIKE '%@plaintext.example') FROM customer};
	foreach my $who ('carl', 'dora')
	{
		like(ask_as($node, 'web', "BEGIN; SELECT tarot.authenticate('$token{$who}'); $parallel; EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) $seen"), qr/Workers Planned: [12]/, "$who: a parallel plan");
		is(ask_as($node, 'web', "BEGIN; SELECT tarot.authenticate('$token{$who}'); $parallel; $seen") =~ s/^\n//r, $who eq 'carl' ? 20000 : 0, "$who: workers show what the identity may see");
	}
}

# ---------------------------------------------------------------- an expired token in the middle of a query

{
	my $soon = ask($node, q{SELECT tarot.sign_jwt(jsonb_build_object('sub', 'carl', 'iat', floor(extract(epoch FROM clock_timestamp())), 'exp', ceil(extract(epoch FROM clock_timestamp())) + 1), 'app') FROM tarot.alter_issuer('app', leeway => '0 seconds')});
	my $error = error_of($node, "BEGIN; SELECT tarot.authenticate('$soon'); SELECT count(DISTINCT email::text) FROM customer, generate_series(1, 100000)", role => 'web');
	like($error, qr/ERROR:  TS314/, 'the query ends when the token that it rests on does');
	unlike($error, qr/plaintext/, 'and shows nothing');
	ask($node, q{SELECT tarot.alter_issuer('app', leeway => '30 seconds')});
}

# ---------------------------------------------------------------- dump and restore

my $tables = q{SELECT to_jsonb(r)::text FROM tarot.role r WHERE NOT predefined UNION ALL SELECT to_jsonb(r)::text FROM tarot.role_inheritance r UNION ALL SELECT to_jsonb(r)::text FROM tarot.role_permission r
	UNION ALL SELECT to_jsonb(r)::text FROM tarot.role_assignment r UNION ALL SELECT to_jsonb(r)::text FROM tarot.resource_grant r UNION ALL SELECT (to_jsonb(r) - 'created_at')::text FROM tarot.class_access r
	UNION ALL SELECT name || predefined FROM tarot.role UNION ALL SELECT name || role_claim || roles::text || default_roles::text FROM tarot.issuer ORDER BY 1};
my $stored = ask($node, $tables);
foreach my $format ('plain', 'custom', 'directory')
{
	ask($node, "CREATE DATABASE from_$format");
	local $ENV{PGOPTIONS} = '-c tarot_security.io=envelope';
	command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), "-F$format", '-f', "$dir/sealed_$format", $format eq 'directory' ? '-j2' : () ], "$format: dumped as envelopes");
	command_ok([ $format eq 'plain' ? ('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/sealed_plain", '-d', $node->connstr('from_plain')) : ('pg_restore', '--exit-on-error', $format eq 'directory' ? '-j2' : (), '-d', $node->connstr("from_$format"), "$dir/sealed_$format") ],
		"$format: restored");
	is(ask($node, $tables, db => "from_$format"), $stored, "$format: the same roles, permissions, assignments and grants");
	is(summary_of($_, db => "from_$format"), $expected{$_}, "$format: $_ may do the same there") foreach sort keys %expected;
}

# ---------------------------------------------------------------- a hot standby

my $standby = new_standby($node);
sub catch_up { $node->wait_for_catchup($standby, 'replay', $node->lsn('insert')) }
is(summary_of($_, server => $standby), $expected{$_}, "standby: $_ may do the same") foreach sort keys %expected;
my $session = $standby->background_psql('postgres', on_error_stop => 1, extra_params => [ '-U', 'web' ]);
$session->query("SELECT tarot.authenticate('$token{carl}', false); PREPARE asked AS $summary");
is($session->query('EXECUTE asked'), $expected{carl}, 'standby: an open session');
ask($node, q{SELECT tarot.unassign_role('carl', 'Clerk')});
catch_up();
is($session->query('EXECUTE asked'), 'User|f|t|t|42,43|u***@p***.example', 'standby: hears of a role that was taken');
ask($node, q{SELECT tarot.revoke_on('card', '42', 'cards:*', subject => 'carl'), tarot.assign_role('carl', 'Clerk')});
catch_up();
is($session->query('EXECUTE asked'), 'Clerk,User|t|t|f|43|u7@plaintext.example', 'standby: of one that was given, and a grant that was taken');
ask($node, q{SELECT tarot.revoke_permission('Clerk', 'customers:*')});
catch_up();
is($session->query('EXECUTE asked'), 'Clerk,User|f|t|f|43|u***@p***.example', 'standby: and of a permission');
$session->quit;
ask($node, q{SELECT tarot.grant_permission('Clerk', 'customers:*'), tarot.grant_on('card', '42', 'cards:*', subject => 'carl')});

# ---------------------------------------------------------------- a database of another encoding

ask($node, q{CREATE DATABASE latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0});
ask($node, <<"END", db => 'latin1');
SET client_encoding = 'UTF8';
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('k');
SELECT tarot.create_issuer('app', 'https://app.example', '{}', secret => repeat('s', 32));
SELECT tarot.create_role('Pr\x{c3}\x{bc}fer');
SELECT tarot.grant_permission('Pr\x{c3}\x{bc}fer', 'all:*');
SELECT tarot.set_issuer_roles('app', 'r\x{c3}\x{b4}le', '{Pr\x{c3}\x{bc}fer}');
SELECT tarot.assign_role('zo\x{c3}\x{ab}', 'Pr\x{c3}\x{bc}fer'), tarot.grant_on('card', '\x{c3}\x{a9}', 'cards:read', subject => 'zo\x{c3}\x{ab}');
END
my $asked = "SELECT (SELECT string_agg(r, ',') FROM tarot.roles() AS r), tarot.has_permission('all:x'), tarot.has_permission('cards:read', 'card', '\x{c3}\x{a9}'), (SELECT string_agg(a, ',') FROM tarot.accessible('card', 'cards:read') AS a)";
is(ask($node, "SET client_encoding = 'UTF8'; BEGIN; SELECT tarot.authenticate(tarot.sign_jwt('{\"sub\": \"zo\x{c3}\x{ab}\"}', 'app')); $asked", db => 'latin1') =~ s/^\n//r,
	"Pr\x{c3}\x{bc}fer|t|t|\x{c3}\x{a9}", 'LATIN1: by assignment');
my $claimed = ask($node, qq{SELECT tarot.sign_claims('{"iss": "https://app.example", "sub": "x", "exp": ' || n + 600 || ', "iat": ' || n || ', "r\x{c3}\x{b4}le": ["\\u0416", "Pr\x{c3}\x{bc}fer"]}', 'app') FROM floor(extract(epoch FROM now())) AS n});
is(ask($node, "SET client_encoding = 'UTF8'; BEGIN; SELECT tarot.authenticate('$claimed'); $asked", db => 'latin1') =~ s/^\n//r,
	"Pr\x{c3}\x{bc}fer|t|f|", 'LATIN1: by a claim, beside a name that has no spelling there');

# ---------------------------------------------------------------- a subscriber whose roles are replicated

{
	my $subscriber = new_node('subscriber', conf => "$conf\nlog_statement = none");
	ask($subscriber, q{CREATE ROLE web LOGIN; CREATE EXTENSION tarot_security});
	my @replicated = map { "tarot.$_" } qw(role_inheritance role_permission role_assignment resource_grant);
	ask($node, 'CREATE PUBLICATION roles FOR TABLE ' . join(', ', @replicated));
	my $connection = $node->connstr('postgres') =~ s{'}{''}gr;
	ask($subscriber, "CREATE SUBSCRIPTION roles CONNECTION '$connection' PUBLICATION roles");
	$subscriber->wait_for_subscription_sync($node, 'roles');
	ask($subscriber, q{SELECT tarot.create_key('k'), tarot.create_issuer('app', 'https://app.example', '{}', secret => repeat('s', 32))});
	my $there = $subscriber->background_psql('postgres', on_error_stop => 1, extra_params => [ '-U', 'web' ]);
	$there->query("SELECT tarot.authenticate('$token{dora}', false)");
	is($there->query(q{SELECT tarot.has_permission('readings:read')}), 'f', 'subscriber: before');
	ask($node, q{SELECT tarot.assign_role('dora', 'User')});
	$node->wait_for_catchup('roles');
	is($there->query(q{SELECT tarot.has_permission('readings:read')}), 't', 'subscriber: an open session hears of a role that was given at the publisher');
	ask($node, q{SELECT tarot.unassign_role('dora', 'User')});
	$node->wait_for_catchup('roles');
	is($there->query(q{SELECT tarot.has_permission('readings:read')}), 'f', 'subscriber: and taken there');
	$there->quit;
}

done_testing();

# Rules of rows travel with dumps, whole and in parallel, partitions included; a dump that would lack rows is an error;
# and a standby, a subscriber and a restored database show each identity the same rows.
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
my $node = new_node('source', streaming => 1, conf => "tarot_security.root_key_file = '$dir/root.key'");

ask($node, <<'END');
CREATE ROLE owner LOGIN;
CREATE ROLE app LOGIN;
CREATE ROLE staff LOGIN;
CREATE ROLE dumper LOGIN BYPASSRLS;
GRANT pg_read_all_data TO dumper;
GRANT CREATE ON SCHEMA public TO owner;
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('profile');
SELECT tarot.create_issuer('app', 'https://app.example', '{}', secret => repeat('s', 32));
SELECT tarot.grant_permission('Admin', 'readings:*'), tarot.assign_role('eve', 'Admin'), tarot.grant_on('card', '3', 'cards:read', subject => 'ada');
END
ask_as($node, 'owner', <<'END');
CREATE TABLE reading (id bigint PRIMARY KEY, user_id text, tenant_id text, since timestamptz);
CREATE TABLE card (id bigint PRIMARY KEY);
-- Tables whose names come before those of policies in a dump, and behind them.
CREATE TABLE a_visit (id int, user_id text, PRIMARY KEY (id, user_id)) PARTITION BY RANGE (id);
CREATE TABLE a_visit_1 PARTITION OF a_visit FOR VALUES FROM (0) TO (10);
CREATE TABLE a_visit_2 PARTITION OF a_visit FOR VALUES FROM (10) TO (20) PARTITION BY LIST (user_id);
CREATE TABLE a_visit_2a PARTITION OF a_visit_2 DEFAULT;
CREATE TABLE visit (LIKE a_visit) PARTITION BY RANGE (id);
CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM (0) TO (20);
CREATE TABLE tarot_visit (user_id text);
CREATE TABLE tarot_visit_1 (more int) INHERITS (tarot_visit);
INSERT INTO reading SELECT i, (ARRAY['ada', 'bob'])[i % 2 + 1], 'north', now() - interval '1 day' FROM generate_series(1, 10) i;
INSERT INTO card SELECT generate_series(1, 5);
INSERT INTO a_visit SELECT i, (ARRAY['ada', 'bob', 'eve'])[i % 3 + 1] FROM generate_series(1, 19) i;
INSERT INTO visit TABLE a_visit;
INSERT INTO tarot_visit VALUES ('ada'), ('bob');
INSERT INTO tarot_visit_1 VALUES ('ada', 1);
SELECT tarot.protect_rows('reading', owner => 'user_id'), tarot.protect_rows('reading', permission => 'readings:read', roles => '{staff}'), tarot.protect_rows('reading', valid_from => 'since', valid_for => '1 year'),
	tarot.protect_rows('reading', tenant => 'tenant_id', claim => 'tenant', name => 'of one', commands => '{insert,update}'), tarot.protect_rows('card', resource => 'card', permission => 'cards:read');
SELECT tarot.protect_rows(t, owner => 'user_id'), tarot.protect_rows(t, permission => 'visits:read'), tarot.protect_rows(t, tenant => 'user_id', claim => 'sub', roles => '{app}') FROM unnest(ARRAY['a_visit', 'visit', 'tarot_visit']::regclass[]) t;
ALTER TABLE a_visit RENAME user_id TO visitor;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO app, staff;
END

my %token = map { $_ => ask($node, "SELECT tarot.sign_jwt('{\"sub\": \"$_\", \"tenant\": \"north\"}', 'app')") } qw(ada bob eve);
my $rules = q{SELECT p.polrelid::regclass, p.polname, p.polcmd, p.polpermissive, p.polroles::regrole[], pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid), obj_description(p.oid, 'pg_policy'), c.relrowsecurity, c.relforcerowsecurity
	FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid ORDER BY c.relname, 2};

# What each identity sees of all tables, partitions by their own names too.
sub seen
{
	my ($server, $db) = @_;
	my $tokens = join ', ', (map { "'$token{$_}'" } qw(ada bob eve)), 'NULL';
	my $report = q{SELECT r."table", r.token, r.subject, r.role, r.visible, r.total, r.sqlstate FROM pg_class c, LATERAL tarot.policy_report(ARRAY[%s], '%s', c.oid) r WHERE c.relrowsecurity ORDER BY c.relname, 2};
	return join "\n", map { ask($server, sprintf($report, $tokens, $_), db => $db) } qw(app staff owner);
}
my $made = ask($node, $rules);
my $seen = seen($node);
like($seen, qr/^a_visit\|1\|ada\|app\|6\|19\|$/m, 'there is something to see');
like($seen, qr/^visit_1\|2\|bob\|app\|7\|19\|$/m, 'in a partition that is named itself, too');
like($seen, qr/^reading\|3\|eve\|staff\|10\|10\|$/m, 'by permission');
like($seen, qr/^card\|1\|ada\|app\|1\|5\|$/m, 'by a single grant');
unlike($seen, qr/\|\|\w+\|[1-9]/, 'and nothing for nobody');

# ---------------------------------------------------------------- dumps

my %formats = (
	'plain' => [ [ '-Fp', '-f', "$dir/plain" ], sub { ('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/plain", '-d') } ],
	'inserts' => [ [ '--inserts', '-f', "$dir/inserts" ], sub { ('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/inserts", '-d') } ],
	'custom' => [ [ '-Fc', '-f', "$dir/custom" ], sub { ('pg_restore', '--exit-on-error', "$dir/custom", '-d') } ],
	'directory' => [ [ '-Fd', '-j2', '-f', "$dir/directory" ], sub { ('pg_restore', '--exit-on-error', '-j4', "$dir/directory", '-d') } ]);
foreach my $name (sort keys %formats)
{
	my ($dump, $restore) = @{ $formats{$name} };
	command_ok([ 'pg_dump', '-U', 'dumper', '-d', $node->connstr('postgres'), @$dump ], "$name: dumped by a role with BYPASSRLS");
	ask($node, "CREATE DATABASE from_$name");
	command_ok([ $restore->(), $node->connstr("from_$name") ], "$name: restored");
	is(ask($node, $rules, db => "from_$name"), $made, "$name: the same rules, with their comments");
	is(seen($node, "from_$name"), $seen, "$name: each identity sees the same");
}
# The restored parents go on to give their rules to children.
ask_as($node, 'owner', 'CREATE TABLE visit_9 PARTITION OF visit FOR VALUES FROM (20) TO (30)', db => 'from_custom');
is(ask($node, q{SELECT string_agg(polname, ' ' ORDER BY polname) FROM pg_policy WHERE polrelid = 'visit_9'::regclass}, db => 'from_custom'), 'tarot_owner tarot_permission_select tarot_tenant', 'a later partition of a restored table');
ask_as($node, 'owner', q{SELECT tarot.unprotect_rows(t) FROM unnest(ARRAY['a_visit', 'visit', 'tarot_visit', 'reading', 'card']::regclass[]) t}, db => 'from_custom');
is(ask($node, $rules, db => 'from_custom'), '', 'and the rules of all go');
is(ask($node, q{SELECT count(*) FROM pg_class WHERE relrowsecurity OR relforcerowsecurity}, db => 'from_custom'), '0', 'with row security');

# The owner, whom the rules are for, gets no dump that would lack rows.
command_fails_like([ 'pg_dump', '-U', 'owner', '-d', $node->connstr('postgres'), '-t', 'reading' ], qr/query would be affected by row-level security policy for table "reading"/, 'the owner of the table cannot dump it');
command_ok([ 'pg_dump', '-U', 'owner', '-d', $node->connstr('postgres'), '-t', 'reading', '--enable-row-security', '--inserts', '-f', "$dir/enabled" ], 'but for what it sees');
unlike(slurp_file("$dir/enabled"), qr/^INSERT/m, 'which is nothing');
like(error_of($node, 'COPY reading TO stdout; COPY reading FROM stdin', role => 'app'), qr/ERROR:  0A000: COPY FROM not supported with row-level security/, 'COPY FROM is not for whom the rules are for');

# ---------------------------------------------------------------- a standby

my $standby = new_standby($node);
is(seen($standby), $seen, 'standby: each identity sees the same, and the report can be had there');

# ---------------------------------------------------------------- two clients of one connection

{
	# As behind a pooler: prepared once, asked by one client after the other.
	my $session = $node->background_psql('postgres', on_error_stop => 1, extra_params => [ '-U', 'app' ]);
	$session->query('PREPARE mine AS SELECT count(*), min(user_id) FROM reading; SET plan_cache_mode = force_generic_plan');
	my @answers;
	foreach my $who (qw(ada bob ada eve bob))
	{
		my $mine = $session->query("BEGIN; SELECT tarot.authenticate('$token{$who}'); EXECUTE mine; COMMIT");
		my $nobodys = $session->query('EXECUTE mine');
		push @answers, $mine =~ s/\A\s+//r, $nobodys;
	}
	is(join(' ', @answers), '5|ada 0| 5|bob 0| 5|ada 0| 0| 0| 5|bob 0|', 'a plan shows each transaction its own rows');
	$session->quit;
}

done_testing();

# The classes of plain columns in dumps and on a standby: the same after a restore, of partitions and children too,
# whatever comes first.
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
my $node = new_node('source', conf => $conf, streaming => 1);

ask($node, <<'END');
CREATE EXTENSION IF NOT EXISTS tarot_security;
SELECT tarot.create_key('profile');
SELECT tarot.create_class(c, 'profile') FROM unnest(ARRAY['email', 'phone', 'Kund''in "ö"']) AS c;
CREATE ROLE owner;
GRANT CREATE ON SCHEMA public TO owner;
SELECT tarot.grant_class('email', 'owner', write => true), tarot.grant_class('phone', 'owner', write => true), tarot.grant_class('Kund''in "ö"', 'owner', write => true);
SET ROLE owner;
-- Parents whose names come after those of their children, in a dump that is sorted by name.
CREATE TABLE z_log (id int, email text, lowered text GENERATED ALWAYS AS (lower(email)) STORED) PARTITION BY RANGE (id);
CREATE TABLE a_log PARTITION OF z_log FOR VALUES FROM (0) TO (10);
CREATE TABLE b_log (junk int, lowered text GENERATED ALWAYS AS (lower(email)) STORED, email text, id int) PARTITION BY RANGE (id);
ALTER TABLE b_log DROP junk;
CREATE TABLE a_sub PARTITION OF b_log FOR VALUES FROM (10) TO (20);
ALTER TABLE z_log ATTACH PARTITION b_log FOR VALUES FROM (10) TO (20);
CREATE TABLE z_person (name text, email text, "odd "" one" text);
CREATE TABLE y_firm (email text, phone text);
CREATE TABLE a_tradesman (trade text) INHERITS (z_person, y_firm);
SELECT tarot.classify_column('z_log', 'email', 'email'), tarot.classify_column('z_person', 'email', 'email'), tarot.classify_column('y_firm', 'phone', 'phone'),
	tarot.classify_column('z_person', 'odd " one', 'Kund''in "ö"'), tarot.classify_column('a_tradesman', 'trade', 'phone');
CREATE TABLE detached PARTITION OF z_log FOR VALUES FROM (20) TO (30);
ALTER TABLE z_log DETACH PARTITION detached;
CREATE MATERIALIZED VIEW copied AS SELECT email FROM y_firm;
SELECT tarot.classify_column('copied', 'email', 'email');
SECURITY LABEL FOR tarot_security ON COLUMN z_person.name IS 'unclassified';
RESET ROLE;
CREATE ROLE app LOGIN;
CREATE ROLE lead LOGIN;
ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT SELECT ON TABLES TO app;
SELECT tarot.grant_class('email', 'app', 'masked');
-- Who dumps values must see them.
SELECT tarot.grant_class('email', current_user::regrole, 'plain');
SET ROLE owner;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO app;
GRANT ALL ON z_log TO lead WITH GRANT OPTION;
INSERT INTO z_log VALUES (1, 'ada@plaintext.example');
SELECT tarot.mask_table('z_log'), tarot.create_masking_view('y_firm', 'a_view');
INSERT INTO y_firm VALUES ('ada@plaintext.example');
GRANT SELECT ON a_view TO app;
REVOKE ALL ON y_firm FROM app;
END
my $privileges = q{SELECT c.relname, a.attname, x.grantee::regrole::text, x.privilege_type, x.is_grantable FROM pg_class c CROSS JOIN LATERAL (SELECT '', c.relacl UNION ALL SELECT attname, attacl FROM pg_attribute WHERE attrelid = c.oid) AS a (attname, acl),
	aclexplode(a.acl) AS x WHERE c.relnamespace = 'public'::regnamespace AND x.grantee <> c.relowner ORDER BY 1, 2, 3, 4};
my $held = ask($node, $privileges);
like($held, qr/^a_log\|tableoid\|app\|SELECT\|f$/m, 'privileges of masked tables are among it');

my $list = q{SELECT * FROM tarot.classified_columns ORDER BY "table"::text COLLATE "C", "column"};
my $classes = ask($node, $list);
is(scalar(split /\n/, $classes), 21, 'there is something to dump');
like($classes, qr/^a_sub\|email\|email\|label\|b_log\|t$/m, 'also of partitions');

my $fresh = new_node('fresh', conf => $conf);
ask($fresh, 'CREATE ROLE bystander; CREATE ROLE owner; CREATE ROLE lead LOGIN; CREATE ROLE app LOGIN');
my @psql = ('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1');
my %formats = (
	plain => [ [ '-f', "$dir/plain.sql" ], [ @psql, '-f', "$dir/plain.sql" ] ],
	custom => [ [ '-Fc', '-f', "$dir/custom" ], [ 'pg_restore', '--exit-on-error', "$dir/custom" ] ],
	directory => [ [ '-Fd', '-j2', '-f', "$dir/directory" ], [ 'pg_restore', '--exit-on-error', '-j2', "$dir/directory" ] ]);
foreach my $name (sort keys %formats)
{
	my ($dump, $restore) = @{ $formats{$name} };
	command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), @$dump ], "$name: dumped");
	foreach my $target ($node, $fresh)
	{
		my $where = "$name, into " . ($target == $node ? 'a new database' : 'a new cluster');
		ask($target, "CREATE DATABASE from_$name");
		local $ENV{PGOPTIONS} = '-c tarot_security.io=envelope';
		command_ok([ @$restore, '-d', $target->connstr("from_$name") ], "$where: restored");
		is(ask($target, $list, db => "from_$name"), $classes, "$where: the same classes");
		is(ask($target, $privileges, db => "from_$name"), $held, "$where: the same privileges");
		is(ask_as($target, 'app', 'SELECT email FROM a_log', db => "from_$name"), '[redacted]', "$where: and it is masked");
		is(ask_as($target, 'app', 'SELECT email FROM a_view', db => "from_$name"), '[redacted]', "$where: a view, too");
		like(error_of($target, 'SELECT email FROM y_firm', db => "from_$name", role => 'app'), qr/42501/, "$where: of a table that shows nothing");
		like(error_of($target, q{SELECT tarot.drop_class('phone')}, db => "from_$name"), qr/2BP01/, "$where: which are in use");
	}
}

# A table alone, where the class is, by a role that may not use it, and by one that may.
command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-t', 'a_log', '-O', '-f', "$dir/table.sql" ], 'one partition: dumped');
ask($fresh, q{CREATE ROLE writer LOGIN; CREATE ROLE stranger LOGIN; CREATE SCHEMA writer AUTHORIZATION writer; CREATE SCHEMA stranger AUTHORIZATION stranger;
	SELECT tarot.grant_class('email', 'writer', write => true)}, db => 'from_plain');
my $text = slurp_file("$dir/table.sql");
foreach my $role ('writer', 'stranger')
{
	(my $own = $text) =~ s/public\.a_log/$role.a_log/g;
	my $file = "$dir/$role.sql";
	open my $handle, '>', $file or die;
	print $handle $own =~ s/ALTER TABLE ONLY public.z_log ATTACH.*?;//sr;
	close $handle;
	command_checks_all([ @psql, '-f', $file, '-d', $fresh->connstr('from_plain') . " user=$role" ], $role eq 'writer' ? 0 : 3, [], $role eq 'writer' ? [] : [qr/permission denied to use data class "email"/],
		"one partition: restored by $role");
}
is(ask($fresh, q{SELECT class FROM tarot.classified_columns WHERE "table" = 'writer.a_log'::regclass}, db => 'from_plain'), "email\nemail", 'and it has its class');

# A standby sees them, and sees them change.
my $standby = new_standby($node);
my $open = $standby->background_psql('postgres', on_error_stop => 0);
is($open->query($list), $classes, 'the standby has the same classes');
ask($node, q{SELECT tarot.classify_column('y_firm', 'phone', 'email')});
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
my $changed = ask($node, $list);
isnt($changed, $classes, 'one is changed');
is($open->query($list), $changed, 'also in a session that has asked before');
$open->quit;

done_testing;

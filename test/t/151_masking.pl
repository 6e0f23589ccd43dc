# Dumps of masked tables: values by who may read them all, masks where they are asked for, and nothing that could be taken for the other.
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
my $node = new_node('source', conf => "tarot_security.root_key_file = '$key_file'");

ask($node, <<'END');
CREATE EXTENSION IF NOT EXISTS tarot_security;
SELECT tarot.create_key('profile');
SELECT tarot.create_class('email', 'profile', 'email');
CREATE ROLE owner;
-- pg_dump locks tables, for which privileges on columns are not enough.
CREATE ROLE reader LOGIN IN ROLE pg_read_all_data;
GRANT CREATE ON SCHEMA public TO owner;
SELECT tarot.grant_class('email', 'reader', 'masked'), tarot.grant_class('email', 'owner', write => true);
SET ROLE owner;
CREATE TABLE customer (id int PRIMARY KEY, email text);
INSERT INTO customer SELECT i, 'user' || i || '@plaintext.example' FROM generate_series(1, 3) AS i;
SELECT tarot.classify_column('customer', 'email', 'email');
SELECT tarot.mask_table('customer');
END

# What pg_dump of the table prints, and whether it ended well.
sub dump_of
{
	my ($user, $io, @options) = @_;
	my ($out, $err) = ('', '');
	local $ENV{PGOPTIONS} = "-c tarot_security.io=$io";
	my $ok = IPC::Run::run([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-U', $user, '-t', 'customer', @options, 'postgres' ], '>', \$out, '2>', \$err);
	return ($ok, $out, $err);
}

my $super = ask($node, 'SELECT current_user');
foreach my $options ([], ['--inserts'], ['--data-only'])
{
	my $name = "@$options" || 'COPY';
	foreach my $case ([ $super, 'plain' ], [ $super, 'envelope' ], [ 'reader', 'plain' ], [ 'reader', 'envelope' ], [ $super, 'masked' ])
	{
		my ($user, $io) = @$case;
		my ($ok, $out, $err) = dump_of($user, $io, @$options);
		ok(!$ok, "$name: none of who does not see values, io = $io" . ($user eq 'reader' ? '' : ', superuser'));
		unlike($out, qr/plaintext|u\*\*\*@/, '... neither values nor masks');
		like($err, qr/permission denied (for|to copy) column "email" of table "customer"/, '... but why');
	}
	my ($ok, $out, $err) = dump_of('reader', 'masked', @$options);
	ok($ok, "$name: masks for who may see them and asks for them") or diag($err);
	is(() = $out =~ /u\*\*\*@/g, 3, '... of each row');
	unlike($out, qr/plaintext/, '... and no value');
}

ask($node, "SELECT tarot.grant_class('email', current_user::regrole, 'plain')");
foreach my $options ([], ['--inserts'])
{
	my $name = "@$options" || 'COPY';
	my ($ok, $out, $err) = dump_of($super, 'plain', @$options);
	ok($ok, "$name: values for who sees them") or diag($err);
	is(() = $out =~ /user\d\@plaintext\.example/g, 3, '... of each row');
	like($out, qr/SECURITY LABEL FOR tarot_security ON TABLE public\.customer IS 'masked'/, '... and that the table is masked');
	($ok, $out, $err) = dump_of($super, 'masked', @$options);
	ok($ok, "$name: masks for them where they ask for them") or diag($err);
	unlike($out, qr/plaintext/, '... and no value');
}

$node->stop;
done_testing();

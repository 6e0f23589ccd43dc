# Drivers read and write encrypted columns as if they were plain ones, with no setup: two tables, the one with base types, the
# other with encrypted ones, are used in the same ways, and all that a driver tells of types and values has to be the same.
# A driver that is not there is skipped (test/tools/install-packages clients, test/tools/client-libraries).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

# A line is all that a type takes. What a driver makes of the value is compared, so it should be told apart from others.
my @types = (
	[ 'text', q{'zoë@plaintext.example'} ],
	[ 'bytea', q{'\x00ff1027'} ],
	[ 'jsonb', q{'{"city": "Bremen", "numbers": [1, 2.5, null]}'} ],
	[ 'numeric', q{-1234.5600} ],
	[ 'date', q{'2024-02-29'} ],
	[ 'timestamptz', q{'2024-05-06 07:08:09.123+02'} ]);

my $dir = PostgreSQL::Test::Utils::tempdir;
write_private("$dir/root.key", new_root_key . "\n");
my $node = new_node('clients', conf => "tarot_security.root_key_file = '$dir/root.key'\ntimezone = 'Asia/Kathmandu'");
ask($node, <<'END');
CREATE EXTENSION tarot_security;
CREATE ROLE app LOGIN;
CREATE ROLE outsider LOGIN;
SELECT tarot.create_key('profile');
SELECT tarot.create_class('personal', key => 'profile', mask => 'null');
SELECT tarot.grant_class('personal', 'app', 'plain');
GRANT CREATE ON SCHEMA public TO app;
END
my $columns = join ', ', map { "v_$_->[0] %s$_->[0]%s, a_$_->[0] %s$_->[0]%s\[]" } @types;
ask_as($node, 'app', 'CREATE TABLE plain (id int PRIMARY KEY, ' . $columns =~ s/%s//gr . ')');
ask_as($node, 'app', 'CREATE TABLE sealed (id int PRIMARY KEY, ' . $columns =~ s/%s(\w+)%s/tarot.encrypted_$1('personal')/gr . ')');
my $row = join ', ', map { "$_->[1], ARRAY[$_->[1], NULL]::$_->[0]\[]" } @types;
ask_as($node, 'app', "INSERT INTO $_ VALUES (1, $row); INSERT INTO $_ (id) VALUES (2)") foreach 'plain', 'sealed';
ask_as($node, 'app', 'GRANT SELECT ON plain, sealed TO outsider');

# All that is in table "sealed" as it is stored.
sub stored
{
	my $any = join ' AND ', map { "format('%s', v_$_->[0]) LIKE '\$tarot1\$%' AND format('%s', a_$_->[0]) LIKE '{\$tarot1\$%,NULL}'" } @types;
	return ask($node, "SELECT $any FROM sealed WHERE id = 1", pgoptions => '-c tarot_security.io=envelope');
}

# What a program prints of a table; the table's number in the catalog is its own.
sub transcript
{
	my ($table, $role, @program) = @_;
	my ($out, $err);
	my $conninfo = join ' ', 'host=' . $node->host, 'port=' . $node->port, "user=$role", 'dbname=postgres';
	local $ENV{PGTZ} = 'Asia/Kathmandu';
	local $ENV{TZ} = 'Asia/Kathmandu';
	IPC::Run::run([ @program, $conninfo, $table ], '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(120)) or return "failed: $err";
	return $out;
}

sub same_for_both
{
	my ($name, $least, @program) = @_;
	my $before = ask_as($node, 'app', 'SELECT md5(string_agg(s::text, chr(10) ORDER BY id)) FROM sealed s');
	my $plain = transcript('plain', 'app', @program);
	my $sealed = transcript('sealed', 'app', @program);
	unlike($plain, qr/^failed/, "$name: works with plain columns");
	cmp_ok(scalar(() = $plain =~ /\n/g), '>', $least, "$name: tells something");
	my @lines = split /\n/, $sealed;
	my ($differs) = grep { $_ ne (shift @lines // 'nothing') } split /\n/, $plain;
	is($sealed eq $plain ? undef : $differs // 'more', undef, "$name: encrypted columns are as plain ones");
	is(ask_as($node, 'app', 'SELECT md5(string_agg(s::text, chr(10) ORDER BY id)) FROM sealed s'), $before, "$name: what it wrote is what it read");
	is(stored(), 't', "$name: what it wrote is encrypted");
}

my $oids = ask($node, q{SELECT string_agg(oid::text, '|') FROM pg_type WHERE typnamespace = 'tarot'::regnamespace});

# ---------------------------------------------------------------- libpq

my $lib = `$ENV{PG_CONFIG} --libdir`;
chomp $lib;
SKIP:
{
	skip 'no headers of libpq', 8 unless defined $ENV{LIBPQ_INCLUDE};
	my $program = "$dir/use_libpq";
	command_ok([ 'gcc', '-std=gnu11', '-Wall', '-Wextra', '-Werror', "-I$ENV{LIBPQ_INCLUDE}", '-o', $program, "$ENV{TAROT_SOURCE}/test/clients/use_libpq.c", "-L$lib", '-l:libpq.so.5' ],
		'libpq: build');
	same_for_both('libpq', 200, $program);
	my $read = transcript('sealed', 'app', $program);
	unlike($read, qr/ type ($oids) /, 'libpq: no type of the extension is seen');
	local $ENV{PGOPTIONS} = '-c tarot_security.client_types=encrypted';
	like(transcript('sealed', 'app', $program), qr/ type ($oids) /, 'libpq: unless it is asked for');
}

# ---------------------------------------------------------------- drivers

foreach my $driver ([ 'psycopg', 'use_psycopg.py', '/usr/bin/python3', '-c', 'import psycopg' ],
	[ 'psycopg2', 'use_psycopg2.py', '/usr/bin/python3', '-c', 'import psycopg2' ], [ 'node-postgres', 'use_pg.js', 'node', '-e', 'require("pg-cursor")' ])
{
	my ($name, $program, @check) = @$driver;
	SKIP:
	{
		my $there = eval { IPC::Run::run(\@check, '<', \undef, '>', \my $out, '2>', \my $err) };
		skip "$name is not installed", 5 unless $there;
		same_for_both($name, 50, $check[0], "$ENV{TAROT_SOURCE}/test/clients/$program");
	}
}

done_testing();

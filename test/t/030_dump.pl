# Dump and restore: envelopes travel unchanged and with their keys and grants; a dump that would hold
# masks instead of data is an error; an anonymous dump holds masks alone.
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
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
my $node = new_node('source', conf => $conf);
my $envelopes = '-c tarot_security.io=envelope';
my $masks = '-c tarot_security.io=masked';

# What a dump has to cope with beyond the usual: a domain, an array, a default, a view, a
# materialized view, partitions, and a grant to a role that is dropped.
set_up_customers($node);
set_up_types($node);
ask($node, <<'END');
SELECT tarot.create_class('Kund''in "ö"', key => 'profile', mask => 'partial(1, 1)', searchable => true);
SELECT tarot.grant_class('Kund''in "ö"', 'app', 'plain');
CREATE ROLE doomed LOGIN;
SELECT tarot.grant_class('email', 'doomed', 'plain');
SELECT tarot.grant_class('note', 'doomed', 'masked', write => true);
CREATE DOMAIN address AS tarot.encrypted_text('email');
CREATE TABLE extras (id int PRIMARY KEY, name tarot.encrypted_text('Kund''in "ö"'), domain address,
	many tarot.encrypted_text('email')[], preset tarot.encrypted_text('note') DEFAULT 'default note');
CREATE TABLE visit (at date, note tarot.encrypted_text('note')) PARTITION BY RANGE (at);
CREATE TABLE visit_2024 PARTITION OF visit FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE DOMAIN birthday AS tarot.encrypted_date('day') NOT NULL;
CREATE TYPE span AS (since tarot.encrypted_timestamptz('day'), until tarot.encrypted_timestamptz('day'));
CREATE TABLE typed (id int PRIMARY KEY, many tarot.encrypted_numeric('amount')[], born birthday, times span, row_of sealed, copy tarot.encrypted_jsonb('document') GENERATED ALWAYS AS ((row_of).j) STORED,
	b tarot.encrypted_bytea('file') DEFAULT '\x00ff', j tarot.encrypted_jsonb('document') DEFAULT '{"preset": 1.50}', n tarot.encrypted_numeric('amount') DEFAULT 1.50,
	d tarot.encrypted_date('day') DEFAULT '2024-02-29', z tarot.encrypted_timestamptz('day') DEFAULT '2024-02-29 12:00+00');
CREATE TABLE split (LIKE sealed) PARTITION BY RANGE (id);
CREATE TABLE split_low PARTITION OF split FOR VALUES FROM (0) TO (4);
CREATE TABLE split_high (z tarot.encrypted_timestamptz('day'), gone int, d tarot.encrypted_date('day'), n tarot.encrypted_numeric('amount'), j tarot.encrypted_jsonb('document'), b tarot.encrypted_bytea('file'),
	t tarot.encrypted_text('word'), id int NOT NULL);
ALTER TABLE split_high DROP COLUMN gone;
ALTER TABLE split ATTACH PARTITION split_high FOR VALUES FROM (4) TO (100);
INSERT INTO split SELECT * FROM sealed;
CREATE MATERIALIZED VIEW kept AS SELECT * FROM sealed;
CREATE VIEW customer_view AS SELECT id, email FROM customer;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO app;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO support;
CREATE ROLE restorer LOGIN;
CREATE ROLE dumper LOGIN;
GRANT pg_read_all_data TO app, dumper;
END
ask_as($node, 'app', <<'END');
INSERT INTO extras VALUES (1, 'Jörg', 'domain@plaintext.example', ARRAY['one@plaintext.example', 'two@plaintext.example']::text[]::tarot.encrypted_text('email')[]);
INSERT INTO typed SELECT id, ARRAY[n, NULL, n], '2024-02-03', ROW(z, z)::span, s FROM sealed s WHERE id < 7;
INSERT INTO visit VALUES ('2024-05-05', 'a partitioned note, plaintext');
END
ask($node, 'DROP ROLE doomed');
my @tables = qw(customer extras visit sealed typed split kept);
my $typed = types_of($node, 'plain');
ask($node, 'DROP TABLE plain');
my $data = contents($node, 'postgres', 'app');
like($data, qr/plaintext\.example/, 'there is something to dump');

# All tables as a role reads them; with options, as envelopes. What is long is shortened to its digest, what is very
# long already where it is.
sub contents
{
	my ($node, $db, $role, $pgoptions) = @_;
	my $text = join "\n", map { ask($node, /sealed|split|kept/ ? "SELECT id, md5(r::text) FROM $_ r ORDER BY 1" : "SELECT * FROM $_ ORDER BY 1", db => $db, role => $role, pgoptions => $pgoptions) } @tables;
	return $text =~ s/^(.{200}.+)$/md5_hex($1)/gmer;
}

sub dump_ok
{
	my ($name, $pgoptions, @arguments) = @_;
	local $ENV{PGOPTIONS} = $pgoptions;
	command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), @arguments ], $name);
}

sub restore_ok
{
	my ($target, $db, $name, @arguments) = @_;
	local $ENV{PGOPTIONS} = $envelopes;
	command_ok([ @arguments, '-d', $target->connstr($db) ], $name);
}
my @psql = ('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1');

# ---------------------------------------------------------------- round trips

my %formats = (
	'plain' => [ [ '-f', "$dir/plain.sql" ], sub { (@psql, '-f', "$dir/plain.sql") } ],
	'inserts' => [ [ '--inserts', '-f', "$dir/inserts.sql" ], sub { (@psql, '-f', "$dir/inserts.sql") } ],
	'columns' => [ [ '--column-inserts', '--rows-per-insert=3', '--on-conflict-do-nothing', '-f', "$dir/columns.sql" ], sub { (@psql, '-f', "$dir/columns.sql") } ],
	'custom' => [ [ '-Fc', '-f', "$dir/custom" ], sub { ('pg_restore', '--exit-on-error', "$dir/custom") } ],
	'tar' => [ [ '-Ft', '--load-via-partition-root', '-f', "$dir/tar" ], sub { ('pg_restore', '--exit-on-error', "$dir/tar") } ],
	'directory' => [ [ '-Fd', '-j2', '-f', "$dir/directory" ], sub { ('pg_restore', '--exit-on-error', '-j2', "$dir/directory") } ]);

my $fresh = new_node('fresh', conf => $conf);
ask($fresh, <<'END');
-- Other OIDs than in the source, where some of them belong to others.
CREATE ROLE bystander1; CREATE ROLE bystander2; CREATE ROLE bystander3; CREATE ROLE bystander4; CREATE ROLE bystander5;
CREATE ROLE dumper LOGIN; CREATE ROLE restorer LOGIN; CREATE ROLE outsider LOGIN;
CREATE ROLE helper LOGIN; CREATE ROLE support LOGIN; CREATE ROLE app LOGIN; GRANT app TO helper; GRANT pg_read_all_data TO app;
END

my $stored = contents($node, 'postgres', undef, $envelopes);
my $grants = q{SELECT class, grantee, read, search, write FROM tarot.class_access ORDER BY 1, 2};
my $keys = q{SELECT string_agg(k::text, ',' ORDER BY k::text) FROM tarot.key k};
my $granted = ask($node, $grants);
unlike($granted, qr/doomed/, 'the dropped role holds no grant');

foreach my $name (sort keys %formats)
{
	my ($dump, $restore) = @{ $formats{$name} };
	dump_ok("$name: dumped", $envelopes, @$dump);
	my $db = "from_$name";
	foreach my $target ($name =~ /columns|tar/ ? $fresh : ($node, $fresh))
	{
		my $where = "$name, into " . ($target == $node ? 'a new database' : 'a new cluster');
		ask($target, "CREATE DATABASE $db");
		restore_ok($target, $db, "$where: restored", $restore->());
		is(contents($target, $db, undef, $envelopes), $stored, "$where: the envelopes are the same bytes");
		is(contents($target, $db, 'app'), $data, "$where: app reads the values");
		is(types_of($target, $_, db => $db), $typed, "$where: values of all types, $_") foreach qw(sealed split kept);
		is(ask_as($target, 'app', q{INSERT INTO typed (id, born) VALUES (20, '2024-01-01') RETURNING b::bytea, j::jsonb, n::numeric, d::date, z::timestamptz = '2024-02-29 12:00+00'}, db => $db),
			'\x00ff|{"preset": 1.50}|1.50|2024-02-29|t', "$where: defaults of all types");
		is(ask($target, $grants, db => $db), $granted, "$where: the grants are the same, by name");
		is(ask($target, $keys, db => $db), ask($node, $keys), "$where: the keys are the same");
		is(ask_as($target, 'support', 'SELECT email::text FROM customer WHERE id = 1', db => $db),
			ask_as($node, 'support', 'SELECT email::text FROM customer WHERE id = 1'), "$where: support sees the mask");
		is(ask_as($target, 'outsider', 'SELECT email::text FROM customer WHERE id = 1', db => $db), '[encrypted]', "$where: others do not");
		is(ask_as($target, 'app', 'INSERT INTO extras (id) VALUES (2) RETURNING preset::text', db => $db), 'default note',
			"$where: a column's default is read");
		is(ask_as($target, 'app', 'SELECT email::text FROM customer_view WHERE id = 1', db => $db), $TarotTest::PEOPLE{1}, "$where: a view");
		is(ask($target, q{SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'extras'::regclass AND attname = 'name'}, db => $db),
			q{tarot.encrypted_text('Kund''in "ö"')}, "$where: the class of a column");
		is(ask($target, q{SELECT count(*) FROM pg_trigger WHERE tgrelid = 'tarot.class_grant'::regclass AND tgenabled = 'A'}, db => $db), '3',
			"$where: changes are still announced");
		ask($target, "DROP DATABASE $db");
	}
}
foreach my $file ("$dir/plain.sql", "$dir/inserts.sql", "$dir/columns.sql", "$dir/tar")
{
	my $text = slurp_file($file);
	ok($text !~ qr/plaintext|default note|preset"/, 'no plaintext in a dump of envelopes, nor in a default that it holds: ' . $file =~ s/.*\///r);
}

# The data alone out of an archive of all of it, in parallel, and a schema and its data by section.
{
	ask($fresh, 'CREATE DATABASE by_section');
	restore_ok($fresh, 'by_section', "by section: $_", 'pg_restore', '--exit-on-error', '-j2', "--section=$_", "$dir/directory") foreach qw(pre-data data post-data);
	is(contents($fresh, 'by_section', undef, $envelopes), $stored, 'by section: the same bytes');
	ask($fresh, 'TRUNCATE sealed, customer', db => 'by_section');
	restore_ok($fresh, 'by_section', 'one table again', 'pg_restore', '--exit-on-error', '--data-only', '-t', 'sealed', '-t', 'customer', "$dir/custom");
	is(contents($fresh, 'by_section', undef, $envelopes), $stored, 'one table again: the same bytes');
	is(types_of($fresh, 'sealed', db => 'by_section'), $typed, 'and its values');
	ask($fresh, 'DROP DATABASE by_section');
}

# A schema alone, then its data alone.
dump_ok('schema alone', $envelopes, '--schema-only', '-f', "$dir/schema.sql");
dump_ok('data alone', $envelopes, '--data-only', '-f', "$dir/data.sql");
foreach my $target ($node, $fresh)
{
	my $where = $target == $node ? 'a new database' : 'a new cluster';
	ask($target, 'CREATE DATABASE in_two');
	restore_ok($target, 'in_two', "schema alone, into $where", @psql, '-f', "$dir/schema.sql");
	restore_ok($target, 'in_two', "data alone, into $where", @psql, '-f', "$dir/data.sql");
	ask($target, 'REFRESH MATERIALIZED VIEW kept', db => 'in_two');
	is(contents($target, 'in_two', undef, $envelopes), $stored, "in two, into $where: the same bytes");
	is(contents($target, 'in_two', 'app'), $data, "in two, into $where: read");
	ask($target, 'DROP DATABASE in_two');
}

# ---------------------------------------------------------------- dumps that would not be what they seem

my $incomplete = qr/permission denied to copy (data class "[^"]+"|a literal of an encrypted type) as plaintext/;
sub dump_fails
{
	my ($name, @arguments) = @_;
	my ($out, $err) = ('', '');
	my $done = IPC::Run::run([ 'pg_dump', '-d', $node->connstr('postgres'), @arguments ], '>', \$out, '2>', \$err, IPC::Run::timeout(120));
	ok(!$done, "$name: pg_dump fails");
	like($err, $incomplete, "$name: pg_dump says why");
	like($err, qr/PGOPTIONS='-c tarot_security\.io=envelope'/, "$name: pg_dump says what to do");
	unlike($out, qr/PostgreSQL database dump complete/, "$name: the dump is not complete");
}
foreach my $role (undef, 'support', 'dumper')
{
	my $name = 'as ' . ($role // 'superuser');
	my @as = defined $role ? ('-U', $role) : ();
	ask($node, "GRANT USAGE ON SCHEMA tarot TO $role; GRANT SELECT ON ALL TABLES IN SCHEMA tarot TO $role") if defined $role;
	dump_fails("$name, COPY", @as, '-t', 'customer');
	dump_fails("$name, --inserts", @as, '-t', 'customer', '--inserts');
	dump_fails("$name, --column-inserts", @as, '-t', 'customer', '--column-inserts');
	dump_fails("$name, custom", @as, '-t', 'customer', '-Fc', '-f', "$dir/refused");
	dump_fails("$name, an array", @as, '-t', 'extras', '--inserts');
}
like(error_of($node, 'COPY customer TO STDOUT'), qr/ERROR:  42501: $incomplete/, 'COPY TO as superuser');
like(error_of($node, 'COPY (SELECT email::text FROM customer) TO STDOUT', role => 'support'), qr/ERROR:  42501: $incomplete/, 'COPY of a query');
like(error_of($node, 'COPY customer TO STDOUT (FORMAT binary)', role => 'support'), qr/ERROR:  42501: $incomplete/, 'binary COPY');

# ---------------------------------------------------------------- masks, and plaintext for who holds it

dump_ok('an anonymous dump', $masks, '-f', "$dir/masked.sql", '-t', 'customer', '-t', 'extras', '-t', 'visit*', '-U', 'app');
my $masked = slurp_file("$dir/masked.sql");
unlike($masked, qr/plaintext|\$tarot1\$|J.*rg\t/, 'an anonymous dump holds masks alone');
like($masked, qr/\*/, 'there are masks in it');
dump_ok('an anonymous dump by inserts', $masks, '-f', "$dir/masked2.sql", '-t', 'customer', '-U', 'app', '--inserts');
unlike(slurp_file("$dir/masked2.sql"), qr/plaintext|\$tarot1\$/, 'by inserts, too');

dump_ok('a dump in plaintext, by a role that may read it', '', '-f', "$dir/clear.sql", '-t', 'customer', '-U', 'app', '--data-only');
my $clear = slurp_file("$dir/clear.sql");
unlike($clear, qr/\$tarot1\$/, 'holds no envelopes');
ok(index($clear, $TarotTest::PEOPLE{1}) > 0, 'holds values');
ask($node, 'CREATE DATABASE clear');
set_up_customers($node, db => 'clear');
ask($node, 'TRUNCATE customer', db => 'clear');
{
	local $ENV{PGOPTIONS} = '';
	command_ok([ @psql, '-d', $node->connstr('clear'), '-U', 'app', '-f', "$dir/clear.sql" ], 'and is restored by such a role');
}
is(data_of($node, db => 'clear'), data_of($node), 'with the same values');
ask($node, 'TRUNCATE customer', db => 'clear');

# A type whose mask fits it is dumped as what the mask makes of it, which can be restored as any value; where a mask
# fits no value of the type, the dump has a placeholder, which cannot.
dump_ok('an anonymous dump of all types', $masks, '-f', "$dir/masked_types.sql", '--data-only', '-t', 'sealed', '-t', 'split*', '-U', 'app');
ok(slurp_file("$dir/masked_types.sql") !~ qr/\tplaintext|plaintext [1d]|2024-02|1234|\$tarot1\$/, 'holds masks alone');
ask($node, 'DELETE FROM sealed WHERE NOT isfinite(d::date) OR NOT isfinite(z::timestamptz) OR n::text = \'NaN\' OR d::date > \'5000-01-01\' OR d::date < \'0001-01-01\'',
	role => 'app');
dump_ok('an anonymous dump of what has a mask', $masks, '-f', "$dir/masked_types2.sql", '--data-only', '-t', 'sealed', '-U', 'app');
ask($node, 'CREATE DATABASE anonymous');
set_up_customers($node, db => 'anonymous');
set_up_types($node, db => 'anonymous');
ask($node, 'TRUNCATE sealed', db => 'anonymous');
{
	local $ENV{PGOPTIONS} = '';
	my @psql_app = (@psql, '-d', $node->connstr('anonymous'), '-U', 'app');
	my ($out, $err) = ('', '');
	ok(!IPC::Run::run([ @psql_app, '-f', "$dir/masked_types.sql" ], '>', \$out, '2>', \$err, IPC::Run::timeout(120)), 'placeholders are not restored');
	like($err, qr/the placeholder of an encrypted value cannot be written back/, 'and this is said');
	is(ask($node, 'SELECT count(*) FROM sealed', db => 'anonymous'), '0', 'nothing of it is there');
	command_ok([ @psql_app, '-f', "$dir/masked_types2.sql" ], 'masks are restored as values');
}
like(ask_as($node, 'app', 'SELECT id, length(t::text), b::bytea, j::jsonb, n::numeric, d::date, extract(epoch FROM z::timestamptz) FROM sealed ORDER BY id', db => 'anonymous'),
	qr/\A1\|32\|\\x0000000000000000000000\|\{"plaintext": \[0, 0, null\]\}\|1000\|2024-01-01\|1704067200.000000\n2\|32\|\\x\|\{\}\|0\|2000-01-01\|946684800.000000\n3(\|){6}\z/, 'they are what the masks show');
ask($node, 'DROP DATABASE anonymous');

# ---------------------------------------------------------------- the whole cluster

{
	my $whole = new_node('whole', conf => $conf);
	local $ENV{PGOPTIONS} = $envelopes;
	ask($node, 'CREATE DATABASE second; GRANT SET ON PARAMETER tarot_security.io TO dumper; ALTER ROLE app SET statement_timeout = 60000');
	ask($node, 'REFRESH MATERIALIZED VIEW kept');
	set_up_customers($node, db => 'second');
	command_ok([ 'pg_dumpall', '-d', $node->connstr('postgres'), '-f', "$dir/all.sql" ], 'pg_dumpall');
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'psql', '-X', '-q', '-d', $whole->connstr('postgres'), '-f', "$dir/all.sql" ], '>', \$out, '2>', \$err, IPC::Run::timeout(300));
	is(join("\n", grep { !/role "[^"]*" already exists/ } split /\n/, $err), '', 'restored');
	foreach my $db (qw(postgres second))
	{
		is(data_of($whole, db => $db), data_of($node, db => $db), "$db: app reads");
		is(ask($whole, $grants, db => $db), ask($node, $grants, db => $db), "$db: the grants");
	}
	is(types_of($whole, 'split'), $typed, 'values of all types');
	is(contents($whole, 'postgres', undef, $envelopes), contents($node, 'postgres', undef, $envelopes), 'the same bytes');
	is(ask($whole, q{SELECT has_parameter_privilege('dumper', 'tarot_security.io', 'SET')}), 't', 'who may write envelopes');
	$whole->stop;
}

# ---------------------------------------------------------------- restores that are refused

my ($envelope) = split /\n/, ask($node, 'SELECT email FROM customer WHERE id = 1', pgoptions => $envelopes);
ask($node, 'CREATE TABLE theirs (email tarot.encrypted_text(\'email\')); GRANT ALL ON theirs TO restorer, app');
foreach my $role (qw(restorer app))
{
	like(error_of($node, "INSERT INTO theirs VALUES ('$envelope')", role => $role, pgoptions => $envelopes),
		qr/ERROR:  42501: permission denied to write envelopes/, "$role may not write envelopes");
	like(error_of($node, "COPY theirs FROM STDIN;\n$envelope\n\\.\n", role => $role, pgoptions => $envelopes),
		qr/ERROR:  42501: permission denied to write envelopes/, "$role may not COPY envelopes");
}
like(error_of($node, "INSERT INTO theirs VALUES ('$envelope')", role => 'app'),
	qr/ERROR:  TS103/, 'in plain mode an envelope is no value');
is(ask($node, 'SELECT count(*) FROM theirs'), '0', 'nothing was written');
ask($node, 'GRANT SET ON PARAMETER tarot_security.io TO restorer');
is(error_of($node, "INSERT INTO theirs VALUES ('$envelope')", role => 'restorer', pgoptions => $envelopes), '', 'the right can be granted');
is(ask_as($node, 'app', 'SELECT email::text FROM theirs'), $TarotTest::PEOPLE{1}, 'and gives the value');
is(ask_as($node, 'restorer', 'SELECT email::text FROM theirs'), '[encrypted]', 'not to who restored it');

# ---------------------------------------------------------------- a cluster with another root key

write_private("$dir/other.key", new_root_key . "\n");
$fresh->append_conf('postgresql.conf', "tarot_security.root_key_file = '$dir/other.key'");
$fresh->restart;
ask($fresh, 'CREATE DATABASE other_root');
restore_ok($fresh, 'other_root', 'another root key: restored', @psql, '-f', "$dir/plain.sql");
is(contents($fresh, 'other_root', undef, $envelopes), $stored, 'another root key: the same bytes');
like(error_of($fresh, 'SELECT email::text FROM customer', role => 'app', db => 'other_root'), qr/ERROR:  TS002/, 'another root key: not read');
write_private("$dir/other.key", slurp_file("$dir/other.key") . slurp_file($key_file));
is(error_of($fresh, 'SELECT tarot.unlock()', db => 'other_root'), '', 'with the old root key beside the new one: unlocked');
is(contents($fresh, 'other_root', 'app'), $data, 'and read');
is(ask($fresh, 'SELECT tarot.rotate_root_key() > 0', db => 'other_root'), 't', 'and moved to the new root key');
write_private("$dir/other.key", (split /\n/, slurp_file("$dir/other.key"))[0] . "\n");
is(error_of($fresh, 'SELECT tarot.unlock()', db => 'other_root'), '', 'without the old one');
is(contents($fresh, 'other_root', 'app'), $data, 'still read');

unlike(server_log($_), qr/was terminated by signal|PANIC/, $_->name . ': no process died') foreach $node, $fresh;

done_testing;

# What the tests in test/t share: servers with keys, classes and roles, and ways to ask them.
package TarotTest;

use strict;
use warnings;
use feature 'state';
use Exporter 'import';
use MIME::Base64 qw(encode_base64);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw(new_node new_standby start_psql new_root_key write_private set_up_customers ask ask_as error_of wait_until poll
  server_log lacks_key command_with process_gone data_of bytes_of_relation
  set_up_types types_of);

# No wait of a server's start or stop is longer than this.
$ENV{PGCTLTIMEOUT} = 60;

# A running server whose libraries are preloaded. Options: conf => text, streaming => 1 or 'logical',
# start => 0, initdb => [options], preload => 0, install_path => that of another PostgreSQL.
sub new_node
{
	my ($name, %option) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name, map { ($_ => $option{$_}) } grep { $option{$_} } 'install_path');
	$node->init(
		allows_streaming => $option{streaming} // 0,
		extra => [ '--encoding=UTF8', '--locale=C', @{ $option{initdb} // [] } ]);
	$node->append_conf('postgresql.conf', $option{conf} . "\n") if $option{conf};
	$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n") if defined $option{preload} && !$option{preload};
	$node->start unless defined $option{start} && !$option{start};
	return $node;
}

# A hot standby of a server as it is now, which runs and has caught up.
sub new_standby
{
	my ($node) = @_;
	$node->backup('standby');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($node, 'standby', has_streaming => 1);
	$standby->start;
	$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
	return $standby;
}

# 64 hexadecimal digits.
sub new_root_key
{
	open my $random, '<:raw', '/dev/urandom' or die $!;
	read($random, my $key, 32) == 32 or die $!;
	return unpack 'H*', $key;
}

# Writes a file that its owner alone can read.
sub write_private
{
	my ($path, $text, $mode) = @_;
	unlink $path;
	open my $file, '>:raw', $path or die "$path: $!";
	print $file $text;
	close $file or die "$path: $!";
	chmod $mode // 0600, $path or die "$path: $!";
}

# Polls for at most some seconds; true if the condition came.
sub wait_until
{
	my ($condition, $seconds) = @_;
	my $end = time + ($seconds // $PostgreSQL::Test::Utils::timeout_default);
	until ($condition->())
	{
		return 0 if time > $end;
		usleep(20_000);
	}
	return 1;
}

# ---------------------------------------------------------------- asking

sub options_of
{
	my (%option) = @_;
	return (defined $option{role} ? (extra_params => [ '-U', $option{role} ]) : ());
}

# The answer to SQL that must succeed. Options: db, role, pgoptions.
sub ask
{
	my ($node, $sql, %option) = @_;
	local $ENV{PGOPTIONS} = $option{pgoptions} // '';
	return $node->safe_psql($option{db} // 'postgres', $sql, options_of(%option));
}

sub ask_as
{
	my ($node, $role, $sql, %option) = @_;
	return ask($node, $sql, role => $role, %option);
}

# Polls until SQL answers true; the server may be down meanwhile. Nothing is written to psql, whose end, when it finds
# no server, would break the pipe.
sub poll
{
	my ($node, $sql, %option) = @_;
	my @psql = ($node->installed_command('psql'), '-XAtq', '-d', $node->connstr($option{db} // 'postgres'), '-c', $sql);
	my ($out, $err);
	my $came = wait_until(sub { IPC::Run::run(\@psql, '<', '/dev/null', '>', \$out, '2>', \$err); $out eq "t\n" });
	diag("never true: $sql\nat last: $out$err") unless $came;
	return $came;
}

# SQL in a client of its own, which is not waited for: {run}, of IPC::Run, and what it says, \{out} and \{err}.
sub start_psql
{
	my ($node, $sql, %option) = @_;
	my ($in, $out, $err) = ('', '', '');
	my $run = IPC::Run::start([ $node->installed_command('psql'), '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($option{db} // 'postgres'), '-c', $sql ],
		'<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return { run => $run, out => \$out, err => \$err };
}

# What the client is told when SQL fails, with SQLSTATE, detail and hint; empty when it succeeds. By a file: a session
# that is refused would break the pipe.
sub error_of
{
	my ($node, $sql, %option) = @_;
	my ($out, $err, $timed_out);
	state $file = PostgreSQL::Test::Utils::tempdir_short . '/sql';
	write_private($file, "\\set VERBOSITY verbose\n$sql");
	local $ENV{PGOPTIONS} = $option{pgoptions} // '';
	my %options = options_of(%option);
	my $status = $node->psql(
		$option{db} // 'postgres', '',
		stdout => \$out, stderr => \$err, on_error_stop => 1,
		timeout => $option{timeout} // $PostgreSQL::Test::Utils::timeout_default, timed_out => \$timed_out,
		extra_params => [ @{ $options{extra_params} // [] }, '-f', $file ]);
	return 'timed out' if $timed_out;
	return '' if defined $status && $status == 0;
	# The name of the folder is a matter of chance.
	$err =~ s/\Q$file\E/<stdin>/g;
	return $err =~ /\S/ ? $err : 'failed without a message';
}

# ---------------------------------------------------------------- what is there to protect

our %PEOPLE = (
	1 => 'ada.lovelace@plaintext.example',
	2 => 'grace+hopper@plaintext.example',
	3 => "zo\x{c3}\x{ab}\@plaintext.example",
	4 => '',
	6 => ('long' x 2500) . '@plaintext.example');    # TOASTed

# The extension, a key, classes "email" and "note", and a table of customers that role app has filled.
# Roles: app (plain), support (masked), outsider (may select, is granted nothing), helper (inherits app's).
sub set_up_customers
{
	my ($node, %option) = @_;
	my $db = $option{db} // 'postgres';
	ask($node, <<'END', db => $db);
DO $$
BEGIN
	IF to_regrole('app') IS NULL THEN
		CREATE ROLE app LOGIN;
		CREATE ROLE support LOGIN;
		CREATE ROLE outsider LOGIN;
		CREATE ROLE helper LOGIN IN ROLE app;
	END IF;
END $$;
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('profile');
SELECT tarot.create_class('email', key => 'profile', mask => 'email');
SELECT tarot.create_class('note', key => 'profile');
SELECT tarot.grant_class('email', 'app', 'plain');
SELECT tarot.grant_class('email', 'support', 'masked');
SELECT tarot.grant_class('note', 'app', 'plain');
CREATE TABLE customer (id bigint PRIMARY KEY, name text, email tarot.encrypted_text('email'));
GRANT SELECT, INSERT, UPDATE, DELETE ON customer TO app;
GRANT SELECT ON customer TO support, outsider;
END
	my $rows = join ', ', map { "($_, 'customer $_', '$PEOPLE{$_}')" } sort keys %PEOPLE;
	ask_as($node, 'app', "INSERT INTO customer VALUES $rows; INSERT INTO customer VALUES (5, 'customer 5', NULL)", db => $db);
}

# A digest of all that role app reads: equal for equal plaintexts.
sub data_of
{
	my ($node, %option) = @_;
	return ask($node, <<'END', role => 'app', %option);
SELECT md5(string_agg(format('%s:%L', id, email::text), ',' ORDER BY id)) FROM customer
END
}

# All encrypted types at their edges, in table "sealed" that role app has filled, each of a class with a mask that
# fits it, beside the same values in table "plain". Needs set_up_customers.
sub set_up_types
{
	my ($node, %option) = @_;
	my $db = $option{db} // 'postgres';
	ask($node, <<'END', db => $db);
SELECT tarot.create_class(name, key => 'profile', mask => mask), tarot.grant_class(name, 'app', 'plain'), tarot.grant_class(name, 'support', 'masked')
	FROM (VALUES ('word', 'hash'), ('file', 'length'), ('document', 'json'), ('amount', 'round(1000)'), ('day', 'year')) AS c (name, mask);
CREATE TABLE plain (id int PRIMARY KEY, t text, b bytea, j jsonb, n numeric, d date, z timestamptz);
CREATE TABLE sealed (id int PRIMARY KEY, t tarot.encrypted_text('word'), b tarot.encrypted_bytea('file'), j tarot.encrypted_jsonb('document'),
	n tarot.encrypted_numeric('amount'), d tarot.encrypted_date('day'), z tarot.encrypted_timestamptz('day'));
INSERT INTO plain VALUES
	(1, 'plaintext 1', 'plaintext 1', '{"plaintext": [1, 2.50, null]}', 1234.5600, '2024-02-29', '2024-02-29 23:59:59.999999+00'),
	(2, '', '', '{}', 0, '2000-01-01', '2000-01-01 00:00:00+00'),
	(3, NULL, NULL, NULL, NULL, NULL, NULL),
	(4, E'\t"," \r\n''\\N', '\x5c6e000d0a22', '"\t\\\u00e9"', -0.000000000000000000000001, '4713-01-01 BC', '4713-01-01 00:00:00+00 BC'),
	(5, chr(233), '\x5c2e', 'null', 'NaN', 'infinity', 'infinity'),
	(6, '{"}', '\x7b7d', '[[], {}, "", 0, -1.0e-7]', '-Infinity', '-infinity', '-infinity'),
	(7, repeat('plaintext ', 10000), decode(repeat('00ff10', 30000), 'hex'), jsonb_build_object('plaintext', repeat('deep ', 20000)), (repeat('9', 3000) || '.' || repeat('7', 3000))::numeric,
		'5874897-12-31', '294276-12-31 23:59:59.999999+00');
GRANT ALL ON plain, sealed TO app;
GRANT SELECT ON sealed TO support, outsider;
END
	ask_as($node, 'app', 'INSERT INTO sealed SELECT * FROM plain', db => $db);
}

# A digest of all that role app reads of a table of these types: the same for equal values, encrypted or not.
sub types_of
{
	my ($node, $table, %option) = @_;
	return ask($node, <<"END", role => 'app', %option);
SELECT count(*), md5(string_agg(format('%s:%L:%L:%L:%L:%L:%L', id, t::text, encode(b::bytea, 'hex'), j::jsonb, n::numeric,
	d::date - '2000-01-01'::date, extract(epoch FROM z::timestamptz)), ',' ORDER BY id)) FROM $table WHERE d::date IS NULL OR isfinite(d::date)
UNION ALL SELECT count(*), string_agg(format('%s:%L:%L', id, d::date, z::timestamptz), ',' ORDER BY id) FROM $table WHERE NOT isfinite(d::date)
END
}

# ---------------------------------------------------------------- what must not be seen

# All that a server logged: text, CSV and JSON.
sub server_log
{
	my ($node) = @_;
	my $text = -e $node->logfile ? slurp_file($node->logfile) : '';
	foreach my $file (glob($node->data_dir . '/log/*'))
	{
		$text .= slurp_file($file);
	}
	return $text;
}

# A test that a text contains a root key in none of its spellings.
sub lacks_key
{
	my ($text, $key, $name) = @_;
	my $base64 = encode_base64(pack('H*', $key), '');
	$base64 =~ s/=$//;
	my $url = $base64 =~ tr{+/}{-_}r;
	ok(index(lc $text, lc $key) < 0 && index($text, $base64) < 0 && index($text, $url) < 0, $name);
}

# The bytes of a relation's files, after a checkpoint.
sub bytes_of_relation
{
	my ($node, $relation, %option) = @_;
	my $paths = ask($node, <<"END", %option);
CHECKPOINT;
SELECT pg_relation_filepath('$relation')
	UNION ALL SELECT pg_relation_filepath(reltoastrelid) FROM pg_class WHERE oid = '$relation'::regclass AND reltoastrelid <> 0
END
	return join '', map { slurp_file($node->data_dir . "/$_") } grep { $_ ne '' } split /\n/, $paths;
}

# ---------------------------------------------------------------- root key commands

# A shell script to be named in tarot_security.root_key_command. It leaves its process's number in SCRIPT.pid.
sub command_with
{
	my ($path, $body) = @_;
	write_private($path, "echo \$\$ >>'$path.pid'\n$body\n");
	unlink "$path.pid";
	return "exec sh $path";
}

# True when all processes of a file of numbers are gone, within a few seconds.
sub process_gone
{
	my ($file) = @_;
	my @pids = split ' ', slurp_file($file);
	die "no process in $file" unless @pids;
	return wait_until(sub { !grep { kill 0, $_ } @pids }, 10);
}

1;

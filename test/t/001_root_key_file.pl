# The root key from a file: which files are taken, that the server starts with any of them, what it
# says when it is locked, and that tarot.unlock() mends it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use MIME::Base64 qw(encode_base64);
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $file = "$dir/root.key";
my $key = new_root_key;
my $other = new_root_key;
my $base64 = encode_base64(pack('H*', $key), '');
my $url = $base64 =~ tr{+/}{-_}r;

write_private($file, "$key\n");
my $node = new_node('file', conf => "tarot_security.root_key_file = '$file'");
set_up_customers($node);
ask($node, q{SELECT tarot.create_key('by hand'); GRANT EXECUTE ON FUNCTION tarot.decrypt(text, text) TO app;
	CREATE TABLE sealed AS SELECT tarot.encrypt('the tower', 'by hand', 'c') AS envelope; GRANT SELECT ON sealed TO app});
my $data = data_of($node);
my $read = 'SELECT email::text FROM customer WHERE id = 1';

is(ask($node, 'SELECT provider, unlocked, problem IS NULL, is_current FROM tarot.root_key_status'),
	'file|t|t|t', 'the file is the provider');
is(ask_as($node, 'app', $read), $TarotTest::PEOPLE{1}, 'a value is read back');

sub restart
{
	$node->stop;
	$node->start;    # dies when the server does not
	is(ask($node, 'SELECT 6 * 7'), '42', 'the server starts');
}

# ---------------------------------------------------------------- spellings of the right key

my %right = (
	'hexadecimal, upper case' => uc $key,
	'base64' => "$base64\n",
	'base64 without padding' => ($base64 =~ s/=//r) . "\n",
	'base64url' => "$url\n",
	'base64url without padding or newline' => $url =~ s/=//r,
	'comments, empty lines, blanks and CR LF' => "# the root key\r\n\r\n$key \t\r\n# end\r\n",
	'the old key after a new one' => "$other\n$key\n");

foreach my $name (sort keys %right)
{
	write_private($file, $right{$name});
	is(error_of($node, 'SELECT tarot.lock(); SELECT tarot.unlock()'), '', "$name: taken");
	is(data_of($node), $data, "$name: all is read");
}
write_private("$dir/real.key", "$key\n");
unlink $file;
symlink "$dir/real.key", $file or die $!;
restart();
is(data_of($node), $data, 'a symbolic link is followed');

# ---------------------------------------------------------------- files that are refused

my %refused = (
	'missing' => [ sub { }, qr/cannot open root key file ".*root\.key": No such file/ ],
	'unreadable' => [ sub { write_private($file, $key, 0000) }, qr/cannot open .*Permission denied/ ],
	'world-readable' => [ sub { write_private($file, $key, 0604) }, qr/group or world access/ ],
	'group-readable' => [ sub { write_private($file, $key, 0640) }, qr/group or world access/ ],
	'group-writable' => [ sub { write_private($file, $key, 0620) }, qr/group or world access/ ],
	'one digit short' => [ sub { write_private($file, substr($key, 1) . "\n") }, qr/line 1 is not a root key of 256 bits/ ],
	'one digit long' => [ sub { write_private($file, $key . '0') }, qr/line 1 is not a root key/ ],
	'128 bits' => [ sub { write_private($file, substr $key, 32) }, qr/line 1 is not a root key/ ],
	'no hexadecimal digit' => [ sub { write_private($file, "# first line\n" . substr($key, 1) . 'g') }, qr/line 2 is not a root key/ ],
	'raw bytes' => [ sub { write_private($file, pack 'H*', $key) }, qr/is not a root key|holds no root key/ ],
	'stray bits in base64' => [ sub { write_private($file, substr($base64, 0, 42) . '/=') }, qr/line 1 is not a root key/ ],
	'all zero' => [ sub { write_private($file, '0' x 64) }, qr/line 1 is no random key/ ],
	'a good key, then a bad one' => [ sub { write_private($file, "$key\n12345\n") }, qr/line 2 is not a root key/ ],
	'nine keys' => [ sub { write_private($file, join "\n", map { new_root_key } 1 .. 9) }, qr/more than 8 root keys/ ],
	'empty' => [ sub { write_private($file, '') }, qr/holds no root key/ ],
	'comments only' => [ sub { write_private($file, "# nothing here\n\n") }, qr/holds no root key/ ],
	'too long' => [ sub { write_private($file, "$key\n" . ('# more' x 1000)) }, qr/too long/ ],
	'a directory' => [ sub { mkdir $file or die $! }, qr/not a regular file/ ],
	'a FIFO' => [ sub { POSIX::mkfifo($file, 0600) or die $! }, qr/not a regular file/ ],
	'a device' => [ sub { symlink '/dev/zero', $file or die $! }, qr/not a regular file|must belong to/ ],
	'a dangling link' => [ sub { symlink "$dir/nowhere", $file or die $! }, qr/No such file/ ]);

# What the server meets at its start it meets in unlock() too, so only some are tried at the start.
my %at_start = map { $_ => 1 } 'missing', 'unreadable', 'world-readable', 'one digit short', 'all zero', 'a directory', 'a FIFO';

foreach my $name (sort keys %refused)
{
	my ($make, $problem) = @{ $refused{$name} };

	if (-d $file && !-l $file) { rmdir $file or die $! }
	else { unlink $file }
	$make->();
	my $mark = -s $node->logfile;
	if ($at_start{$name})
	{
		restart();
		like(slurp_file($node->logfile, $mark), qr/WARNING:  tarot_security starts locked: .*/, "$name: the log says that it is locked");
	}
	else { ask($node, 'SELECT tarot.lock()') }

	my $error = error_of($node, 'SELECT tarot.unlock()', timeout => 30);
	like($error, qr/ERROR:  TS003: the root key provider gave no root key\nDETAIL:  .*$problem.*\nHINT:  Check tarot_security\.root_key_command or tarot_security\.root_key_file/,
		"$name: unlock tells why");
	like(ask($node, 'SELECT problem FROM tarot.root_key_status WHERE NOT unlocked'), $problem, "$name: the status tells why");
	lacks_key($error, $key, "$name: the error shows no key");
	like(error_of($node, $read, role => 'app'),
		qr/ERROR:  TS001: tarot_security is locked\nDETAIL:  .*\nHINT:  .*tarot\.unlock\(\)/, "$name: nothing is read");
}

# Everything but crypto works, and says whom to ask.
my $locked = qr/ERROR:  TS001: tarot_security is locked/;
is(ask($node, 'SELECT count(*), count(email) FROM customer'), '6|5', 'locked: rows are counted');
is(ask_as($node, 'app', q{UPDATE customer SET name = 'renamed' WHERE id = 1 RETURNING name}), 'renamed', 'locked: other columns are written');
like(error_of($node, q{INSERT INTO customer VALUES (9, 'x', 'lost@plaintext.example')}, role => 'app'), $locked, 'locked: no write');
is(ask($node, 'SELECT count(*) FROM customer WHERE id = 9'), '0', 'locked: no row appears');
like(error_of($node, q{SELECT tarot.decrypt(envelope, 'c') FROM sealed}, role => 'app'), $locked, 'locked: decrypt');
like(error_of($node, q{SELECT tarot.try_decrypt(envelope, 'c') FROM sealed}), $locked, 'locked: try_decrypt gives no NULL');
like(error_of($node, q{SELECT tarot.encrypt('x', 'by hand', 'c')}), $locked, 'locked: encrypt');
like(error_of($node, q{SELECT tarot.create_key('another')}), $locked, 'locked: create_key');
like(error_of($node, q{SELECT tarot.rotate_key('profile')}), $locked, 'locked: rotate_key');
like(error_of($node, q{SELECT tarot.rotate_root_key()}), $locked, 'locked: rotate_root_key');
is(ask_as($node, 'outsider', $read), '[encrypted]', 'locked: the placeholder needs no key');
unlike(error_of($node, $read, role => 'app'), qr/root\.key/, 'locked: an ordinary user does not learn the name of the file');
like(error_of($node, 'SELECT tarot.unlock()', role => 'app'), qr/ERROR:  42501/, 'an ordinary user cannot unlock');
like(error_of($node, 'SELECT tarot.lock()', role => 'app'), qr/ERROR:  42501/, 'an ordinary user cannot lock');

unlink $file;
write_private($file, "$key\n");
is(error_of($node, 'SELECT tarot.unlock()'), '', 'unlock without a restart');
is(data_of($node), $data, 'all is read again');

# ---------------------------------------------------------------- the wrong key

write_private($file, "$other\n");
my $mismatch = qr/ERROR:  TS002: the root key is not the one that this database's keys are wrapped with\nDETAIL:  .*\nHINT:  /;
like(error_of($node, 'SELECT tarot.unlock()'), $mismatch, 'unlocked, wrong key: refused');
is(data_of($node), $data, 'unlocked, wrong key: the server stays unlocked');
ask($node, 'SELECT tarot.lock()');
like(error_of($node, 'SELECT tarot.unlock()'), $mismatch, 'locked, wrong key: refused');
is(ask($node, 'SELECT unlocked FROM tarot.root_key_status'), 'f', 'locked, wrong key: the server stays locked');
restart();
like(error_of($node, $read, role => 'app'), $mismatch, 'started with the wrong key: nothing is read');
like(error_of($node, q{INSERT INTO customer VALUES (9, 'x', 'lost@plaintext.example')}, role => 'app'), $mismatch,
	'started with the wrong key: nothing is written');
is(ask($node, 'SELECT is_current FROM tarot.root_key_status'), 'f', 'started with the wrong key: the status shows it');
write_private($file, "$key\n");
is(error_of($node, 'SELECT tarot.unlock()'), '', 'started with the wrong key: unlock mends it');
is(data_of($node), $data, 'all is read again');

# ---------------------------------------------------------------- both settings

$node->append_conf('postgresql.conf', "tarot_security.root_key_command = 'cat $file'");
restart();
like(error_of($node, $read, role => 'app'), qr/TS001/, 'both settings: locked');
like(error_of($node, 'SELECT tarot.unlock()'),
	qr/TS003.*both tarot_security\.root_key_command and tarot_security\.root_key_file are set/s, 'both settings: unlock tells it');
$node->append_conf('postgresql.conf', "tarot_security.root_key_file = ''");
$node->reload;
ok(poll($node, q{SELECT current_setting('tarot_security.root_key_file') = ''}), 'one setting is taken back');
is(error_of($node, 'SELECT tarot.unlock()'), '', 'one setting: unlock mends it');
is(data_of($node), $data, 'all is read by the command');

# ---------------------------------------------------------------- where nothing of it may stand

foreach my $setting (qw(root_key_file root_key_command))
{
	like(error_of($node, "SHOW tarot_security.$setting", role => 'app'), qr/42501/, "$setting is not shown to an ordinary user");
	is(ask_as($node, 'app', "SELECT count(*) FROM pg_settings WHERE name = 'tarot_security.$setting'"), '0',
		"$setting is not in pg_settings for an ordinary user");
	like(error_of($node, "SET tarot_security.$setting = '/tmp/x'"), qr/55P02/, "$setting cannot be set in a session");
}
my $log = server_log($node);
lacks_key($log, $key, 'no root key in the server log');
lacks_key($log, $other, 'no other root key in the server log');
unlike($log, qr/was terminated by signal|PANIC/, 'no process died');

done_testing;

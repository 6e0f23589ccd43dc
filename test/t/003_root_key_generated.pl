# The generated root key: made with the first key, the owner's alone, rotated and found again; and how
# lock and unlock reach the sessions of all databases.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

# A data directory that a group may read: the key file stays its owner's.
my $node = new_node('generated', initdb => ['--allow-group-access']);
my $file = $node->data_dir . '/tarot_security.root_key';

sub keys_in_file { return grep { /^[0-9a-f]{64}$/ } split /\n/, slurp_file($file) }

ask($node, 'CREATE EXTENSION tarot_security');
ok(!-e $file, 'no root key before there is something to protect');
like(error_of($node, q{SELECT tarot.encrypt('x', 'profile', 'c')}), qr/ERROR:  42704/, 'nothing is encrypted before');
ask($node, 'DROP EXTENSION tarot_security');

set_up_customers($node);
my $data = data_of($node);
ok(-e $file, 'the first key makes a root key');
is(sprintf('%o', (stat $file)[2] & 07777), '600', 'its file is readable by the owner alone');
is(scalar keys_in_file(), 1, 'one root key');
my ($first) = keys_in_file();
is(ask($node, 'SELECT provider, unlocked, problem IS NULL, is_current FROM tarot.root_key_status'), 'generated|t|t|t', 'the status');

# ---------------------------------------------------------------- a second database

ask($node, 'CREATE DATABASE second');
set_up_customers($node, db => 'second');
is(scalar keys_in_file(), 1, 'a second database takes the same root key');
isnt(ask($node, 'SELECT ring_id FROM tarot.keyring'), ask($node, 'SELECT ring_id FROM tarot.keyring', db => 'second'),
	'yet its keys are its own');
like(error_of($node, q{BEGIN; SELECT tarot.rotate_root_key(); ROLLBACK; SELECT email::text FROM customer WHERE id = 1; SELECT 1 / 0}),
	qr/22012/, 'a rotation that is rolled back');
is(scalar keys_in_file(), 2, 'its new root key stays in the file');
is(data_of($node), $data, 'all is still read');

is(ask($node, 'SELECT tarot.rotate_root_key() > 0'), 't', 'rotated');
is(data_of($node), $data, 'all is read after the rotation');
is(data_of($node, db => 'second'), $data, 'the second database, too, by the old root key');
$node->restart;
is(data_of($node), $data, 'all is read after a restart');
is(data_of($node, db => 'second'), $data, 'in the second database, too');
is(sprintf('%o', (stat $file)[2] & 07777), '600', 'the file is still readable by the owner alone');
ask($node, 'SELECT tarot.rotate_root_key()', db => 'second');
is(data_of($node, db => 'second'), $data, 'the second database is rotated as well');

# Old root keys can be taken out once no database uses them.
my @used = split /\n/, ask($node, q{SELECT encode(fingerprint, 'hex') FROM tarot.root_key_status});
ok(!grep({ $_ eq $first } (keys_in_file())[0]), 'the first root key is no longer the current one');
write_private($file, join '', map { "$_\n" } grep { $_ ne $first } keys_in_file());
is(error_of($node, 'SELECT tarot.unlock()'), '', 'without the first root key');
is(data_of($node), $data, 'all is read without it');

# Nine rotations do not fit: the tenth says what to do.
my $error = '';
for (1 .. 9) { $error ||= error_of($node, 'SELECT tarot.rotate_root_key()') }
like($error, qr/ERROR:  TS003: cannot generate a root key\nDETAIL:  .*holds 8 root keys already; remove those/, 'the file holds eight root keys');
is(data_of($node), $data, 'all is read when it is full');

# ---------------------------------------------------------------- lock and unlock reach all sessions

my $session = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
my $other = $node->background_psql('second', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
my $read = 'SELECT email::text FROM customer WHERE id = 1';
sub is_read { my ($name) = @_; is($_->query($read), $TarotTest::PEOPLE{1}, $name) foreach $session, $other }
sub is_locked
{
	my ($name) = @_;
	foreach ($session, $other)
	{
		is($_->query($read), '', $name);
		like($_->{stderr}, qr/tarot_security is locked/, "$name: the error");
		$_->{stderr} = '';
	}
}
is_read('an open session reads');
ask($node, 'SELECT tarot.lock()');
is_locked('an open session is locked');
ask($node, 'SELECT tarot.unlock()', db => 'second');
is_read('an open session reads again');

# In the middle of a transaction, and of a cursor.
$session->query("BEGIN; DECLARE c CURSOR FOR SELECT email::text FROM customer ORDER BY id; FETCH 1 FROM c");
ask($node, 'SELECT tarot.lock()');
is($session->query('FETCH 1 FROM c'), '', 'a cursor does not read on');
like($session->{stderr}, qr/tarot_security is locked/, 'a cursor does not read on: the error');
$session->{stderr} = '';
$session->query('ROLLBACK');
$session->{stderr} = '';

# Locked by hand stays locked, though a new first key could make a root key.
ask($node, 'CREATE DATABASE third; ');
like(error_of($node, q{CREATE EXTENSION tarot_security; SELECT tarot.create_key('k')}, db => 'third'),
	qr/ERROR:  TS001/, 'a first key does not unlock');
is_locked('still locked');
ask($node, 'SELECT tarot.unlock()');
is_read('unlocked');
$session->quit;
$other->quit;

# ---------------------------------------------------------------- a lost file

rename $file, "$file.away" or die $!;
like(error_of($node, 'SELECT tarot.unlock()'), qr/TS003.*the generated root key file is missing/s, 'lost: unlock says so');
is(data_of($node), $data, 'lost: the running server reads on');
like(error_of($node, 'SELECT tarot.rotate_root_key()'), qr/TS003.*the generated root key file is missing/s, 'lost: no rotation');
$node->restart;
like(error_of($node, $read, role => 'app'), qr/ERROR:  TS001/, 'lost: locked after a restart');
like(error_of($node, q{SELECT tarot.create_key('new')}), qr/ERROR:  TS001/, 'lost: no new key hides the loss');
ok(!-e $file, 'lost: no new file hides the loss');
rename "$file.away", $file or die $!;
is(error_of($node, 'SELECT tarot.unlock()'), '', 'found: unlock');
is(data_of($node), $data, 'found: all is read');

my $log = server_log($node);
lacks_key($log, $_, 'no root key in the server log') foreach keys_in_file(), $first;
unlike($log, qr/was terminated by signal|PANIC/, 'no process died');

done_testing;

# The clock by which grants and break-glass end: when it is turned on, and when it is turned back. The server gets its
# time through a library that adds to it what stands in a file.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $library = "$dir/clock.so";
system_or_bail('gcc', '-std=gnu11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', '-o', $library, "$FindBin::RealBin/lib/set_clock.c");

sub set_clock { write_private("$dir/clock", "$_[0]\n", 0644); return; }
set_clock(0);
chmod 0755, $dir;
write_private("$dir/root.key", new_root_key . "\n");
my $node = new_node('clock', start => 0, conf => "tarot_security.root_key_file = '$dir/root.key'");
{
	local @ENV{qw(LD_PRELOAD TAROT_TEST_CLOCK)} = ($library, "$dir/clock");
	$node->start;
}
my $hour = 3600;
set_clock(1000 * $hour);
my $ahead = ask($node, 'SELECT floor(extract(epoch FROM clock_timestamp()))') - time;
ok($ahead > 999 * $hour && $ahead < 1001 * $hour, 'the server goes by the file');
set_clock(0);

ask($node, <<'END');
CREATE ROLE app LOGIN;
CREATE ROLE oncall LOGIN;
CREATE ROLE web LOGIN;
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('profile');
SELECT tarot.create_class('email', 'profile', 'email', searchable => true);
SELECT tarot.grant_class('email', 'app', 'masked', search => true), tarot.grant_class('email', 'oncall', 'masked'), tarot.grant_class('email', 'web', 'plain');
SELECT tarot.grant_class('email', 'app', 'plain', valid_until => clock_timestamp() + interval '1 hour');
SELECT tarot.allow_break_glass('email', 'oncall', '2 hours');
CREATE TABLE customer (id int PRIMARY KEY, email tarot.encrypted_text('email'));
GRANT SELECT, INSERT ON customer TO app, oncall, web;
END
ask_as($node, 'web', q{INSERT INTO customer VALUES (1, 'ada@plaintext.example'), (2, 'bob@plaintext.example')});
ask_as($node, 'oncall', q{SELECT tarot.break_glass('email', 'the till is down, ticket 4711', '1 hour')});

my $read = 'SELECT email FROM customer WHERE id = 1';
my ($plain, $mask) = ('ada@plaintext.example', 'a***@p***.example');
my %session = map { $_ => $node->background_psql('postgres', on_error_stop => 1, extra_params => [ '-U', $_ ]) } 'app', 'oncall';
foreach my $role ('app', 'oncall')
{
	my $open = $session{$role};
	set_clock(0);
	is($open->query($read), $plain, "$role: before the end");
	$open->query('PREPARE seen AS SELECT email::text FROM customer WHERE id = 1');
	is($open->query('EXECUTE seen'), $plain, "$role: a plan");
	$open->query('BEGIN');
	$open->query('DECLARE some_cursor CURSOR FOR SELECT email::text FROM customer ORDER BY id');
	is($open->query('FETCH 1 FROM some_cursor'), $plain, "$role: a cursor");
	set_clock(2 * $hour);
	is($open->query('FETCH 1 FROM some_cursor'), 'b***@p***.example', "$role: turned on, the cursor");
	$open->query('COMMIT');
	is($open->query('EXECUTE seen'), $mask, "$role: the plan");
	is($open->query($read), $mask, "$role: the session");
	is(ask_as($node, $role, $read), $mask, "$role: another session");

	# What a session saw to end stays so there.
	set_clock(-$hour);
	is($open->query('EXECUTE seen'), $mask, "$role: turned back, the plan");
	is($open->query($read), $mask, "$role: the session");
	is(ask_as($node, $role, $read), $plain, "$role: another session goes by the clock");
	set_clock(0);
}

# At the very end, where the coarse clock will not do.
ask($node, q{SELECT tarot.grant_class('email', 'app', 'plain', valid_until => clock_timestamp() + interval '10 hours')});
my $left = ask($node, q{SELECT floor(extract(epoch FROM valid_until - clock_timestamp())) FROM tarot.class_access WHERE grantee = 'app' AND read = 'plain'});
is($session{app}->query($read), $plain, 'granted again');
set_clock($left - 60);
is($session{app}->query($read), $plain, 'a minute before');
set_clock($left + 2);
is($session{app}->query($read), $mask, 'two seconds after');
set_clock(0);

# A grant without an end does not look at the clock.
set_clock(200000 * $hour);
is(ask_as($node, 'web', $read), $plain, 'no end, in 23 years');
set_clock(0);
$_->quit foreach values %session;
unlike(server_log($node), qr/was terminated by signal|PANIC/, 'no process died');

done_testing;

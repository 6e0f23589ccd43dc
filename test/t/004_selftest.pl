# A server whose cryptographic libraries compute something else: the self-test at the start notices,
# says so in the log, and nothing is encrypted, decrypted or written that would need them. All else
# works, and with mended libraries everything is as it was. Where they fail at signatures alone, no
# token is verified or signed, and encryption goes on.
#
# Each fault is done by broken_crypto.c, a library for LD_PRELOAD. One fault a server, so that what
# notices it is the self-test of that one thing.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;

# A program's standard output, or the end of the test.
sub output_of
{
	my @command = @_;
	my ($out, $err) = run_command(\@command);
	die "@command: $err" if $?;
	return $out;
}

my $broken = "$dir/broken_crypto.so";
output_of('gcc', '-std=gnu11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', '-o', $broken,
	"$FindBin::RealBin/lib/broken_crypto.c", '-lcrypto', '-lsodium');

# Without AES instructions in the processor libsodium's AES is not there, and is not used.
append_to_file("$dir/has_aes.c", <<'END');
#include <sodium.h>
#include <stdio.h>
int main(void) { return sodium_init() < 0 || printf("%d", crypto_aead_aes256gcm_is_available()) < 0; }
END
output_of('gcc', '-o', "$dir/has_aes", "$dir/has_aes.c", '-lsodium');
my $has_aes = output_of("$dir/has_aes");

# Fault, and what the self-test calls it.
my @faults = (
	[ 'sha256', 'SHA-256' ],
	[ 'hmac', 'HMAC-SHA-256' ],
	[ 'hkdf', 'HKDF-SHA-256' ],
	[ 'hkdf-without-salt', 'HKDF-SHA-256' ],
	[ 'openssl-gcm-missing', 'XAES-256-GCM (OpenSSL)' ],
	[ 'aes-ecb', 'XAES-256-GCM (OpenSSL)' ],
	[ 'openssl-gcm', 'XAES-256-GCM (OpenSSL)' ],
	[ 'openssl-gcm-long', 'XAES-256-GCM (OpenSSL)' ],
	[ 'openssl-gcm-nonce', 'XAES-256-GCM (OpenSSL)' ],
	[ 'openssl-gcm-forgery', 'XAES-256-GCM (OpenSSL)' ],
	[ 'sodium-gcm', 'XAES-256-GCM (libsodium)' ],
	[ 'sodium-gcm-long', 'XAES-256-GCM (libsodium)' ],
	[ 'sodium-gcm-tag', 'XAES-256-GCM (libsodium)' ],
	[ 'sodium-gcm-forgery', 'XAES-256-GCM (libsodium)' ],
	[ 'sodium-gcm-long-forgery', 'XAES-256-GCM (libsodium)' ]);

my $hint = 'Check the installed versions of libcrypto and libsodium, then restart the server.';

# A regular expression for how anything fails that needs the libraries.
sub disabled
{
	my ($name) = @_;
	return qr/ERROR:  TS004: tarot_security is disabled: known-answer test of \Q$name\E failed\n(?:LINE 1: .*\n.*\n)?DETAIL:  Nothing is encrypted or decrypted by this server\.\nHINT:  \Q$hint\E\n/;
}

# Starts a server with a fault in its libraries, or, without a name, with the same library doing none.
sub start_broken
{
	my ($node, $fault) = @_;
	local $ENV{LD_PRELOAD} = $broken;
	local $ENV{TAROT_BREAK} = $fault // '';
	return $node->start(fail_ok => 1);
}

# All that the database holds, envelopes, keys, classes and grants as they are stored.
sub stored
{
	my ($node) = @_;
	local $ENV{PGOPTIONS} = '-c tarot_security.io=envelope';
	return output_of('pg_dump', '-d', $node->connstr('postgres')) =~ s/^\\(?:un)?restrict .*\n//gmr;
}

# ---------------------------------------------------------------- a server with data

my $node = new_node('selftest', conf => 'log_statement = none');
my $root_key = $node->data_dir . '/tarot_security.root_key';
set_up_customers($node);
ask($node, <<'END');
CREATE DATABASE plain;
CREATE TABLE notes (note text);
CREATE TABLE sealed AS SELECT tarot.encrypt('sealed.plaintext.example', 'profile', 'c') AS envelope;
SELECT tarot.create_class('digest', key => 'profile', mask => 'hash');
SELECT tarot.grant_class('digest', 'app', 'plain');
SELECT tarot.grant_class('digest', 'support', 'masked');
CREATE TABLE badge (code tarot.encrypted_text('digest') DEFAULT 'none');
SELECT tarot.create_class('handle', key => 'profile', searchable => true);
SELECT tarot.grant_class('handle', 'app', 'plain');
CREATE TABLE member (handle tarot.encrypted_text('handle') PRIMARY KEY);
GRANT ALL ON badge, member TO app, support;
END
ask_as($node, 'app', q{INSERT INTO badge VALUES ('badge.plaintext.example'); INSERT INTO member VALUES ('member.plaintext.example')});
my $data = data_of($node);
my $mask = ask_as($node, 'support', 'SELECT code::text FROM badge');
my $stored = stored($node);
my $key_file = slurp_file($root_key);
like($stored, qr/COPY public\.customer .*\n1\tcustomer 1\t\$tarot1\$/, 'the dump holds envelopes');
$node->stop;

# What must fail, by whom.
my @refused = (
	[ undef, q{SELECT tarot.create_key('another')} ],
	[ undef, q{SELECT tarot.rotate_key('profile')} ],
	[ undef, 'SELECT tarot.rotate_root_key()' ],
	[ undef, 'SELECT tarot.unlock()' ],
	[ undef, q{SELECT tarot.create_class('another', key => 'profile')} ],
	[ undef, q{CREATE TABLE another (v tarot.encrypted_text('email'))} ],
	[ undef, q{ALTER TABLE notes ADD v tarot.encrypted_text('email')} ],
	[ undef, q{SELECT tarot.encrypt('new.plaintext.example', 'profile', 'c')} ],
	[ undef, q{SELECT tarot.encrypt('\x00'::bytea, 'profile', 'c')} ],
	[ undef, q{SELECT tarot.decrypt(envelope, 'c') FROM sealed} ],
	[ undef, q{SELECT tarot.try_decrypt(envelope, 'c') FROM sealed} ],
	[ undef, q{SELECT tarot.try_decrypt(envelope, 'wrong') FROM sealed} ],
	[ 'app', q{INSERT INTO customer VALUES (7, 'x', 'new.plaintext.example')} ],
	[ 'app', q{INSERT INTO customer SELECT 7, 'x', 'new.plaintext.' || 'example'} ],
	[ 'app', q{UPDATE customer SET email = 'new.plaintext.example'} ],
	[ 'app', qq{COPY customer FROM STDIN;\n7\tx\tnew.plaintext.example\n\\.\n} ],
	[ 'app', q{PREPARE p (text) AS INSERT INTO customer VALUES (7, 'x', $1); EXECUTE p ('new.plaintext.example')} ],
	[ 'app', 'SELECT email FROM customer' ],
	[ 'app', 'SELECT email::text FROM customer' ],
	[ 'app', 'SELECT tarot.try_decrypt(email) FROM customer' ],
	[ 'app', q{SELECT id FROM customer WHERE email::text = 'ada.lovelace@plaintext.example'} ],
	[ 'app', 'COPY customer TO STDOUT' ],
	[ 'helper', 'SELECT row_to_json(c) FROM customer c' ],
	[ 'support', 'SELECT email FROM customer' ],
	[ 'support', 'SELECT email::text FROM customer' ],
	[ 'support', 'SELECT code::text FROM badge' ],
	[ 'app', 'INSERT INTO badge DEFAULT VALUES' ],
	[ 'app', q{SELECT count(*) FROM member WHERE handle = 'member.plaintext.example'} ],
	[ 'app', q{SELECT count(*) FROM member WHERE handle IN ('a', 'b')} ],
	[ 'app', q{SELECT count(*) FROM member WHERE handle = 'member.plaintext.example'::text} ],
	[ 'app', q{INSERT INTO member VALUES ('new.plaintext.example') ON CONFLICT DO NOTHING} ]);

my $errors = '';
foreach my $case ([ undef, 'nothing' ], @faults)
{
	my ($fault, $name) = @$case;
	my $log_start = -s $node->logfile;
  SKIP:
	{
		skip "$fault: libsodium has no AES on this processor", 1 if !$has_aes && defined $fault && $fault =~ /^sodium/;
		subtest $fault // 'no fault' => sub {
			eval { check($node, $fault, $name, $log_start); 1 } or fail("broke off: $@");
		};
		$node->stop('fast', fail_ok => 1);
	}
}

sub check
{
	my ($node, $fault, $name, $log_start) = @_;
	my $disabled = disabled($name);

	ok(start_broken($node, $fault), 'the server starts') or return;
	my $log = substr(slurp_file($node->logfile), $log_start);
	if (!defined $fault)
	{
		unlike($log, qr/disabled/, 'the log has nothing to say');
		is(data_of($node), $data, 'all is read');
		return;
	}
	like($log, qr/LOG:  tarot_security is disabled: known-answer test of \Q$name\E failed\n.*DETAIL:  Nothing is encrypted or decrypted by this server\.\n.*HINT:  \Q$hint\E\n/,
		'the log says so at the start');
	is(ask($node, 'SELECT unlocked, problem, provider_fingerprint IS NULL FROM tarot.root_key_status'),
		"f|known-answer test of $name failed|t", 'so does the status');

	foreach (@refused)
	{
		my ($role, $sql) = @$_;
		my $error = error_of($node, $sql, role => $role);
		like($error, $disabled, ($role // 'superuser') . ': ' . ($sql =~ s/\n.*//sr));
		$errors .= $error =~ s/^LINE 1: .*\n.*\n//gmr;    # which psql takes from what was typed
	}

	is(ask_as($node, 'outsider', 'SELECT email FROM customer WHERE id = 1'), '[encrypted]', 'who sees nothing sees that as ever');
	is(ask($node, 'SELECT count(*), max(name) FROM customer'), '6|customer 6', 'plain columns are read');
	is(ask($node, q{BEGIN; INSERT INTO notes VALUES ('x'); SELECT note FROM notes; ROLLBACK}), 'x', 'plain tables are written');
	is(ask($node, 'CREATE TABLE t AS SELECT 2 AS two; SELECT two FROM t; DROP TABLE t', db => 'plain'), 2, 'other databases work');
	is(stored($node), $stored, 'nothing was written; a dump of envelopes can still be made');
	is(slurp_file($root_key), $key_file, 'nor was a root key');
	$node->stop;

	$log_start = -s $node->logfile;
	$node->start;
	unlike(substr(slurp_file($node->logfile), $log_start), qr/disabled/, 'with mended libraries the log has nothing to say');
	is(data_of($node), $data, 'all is read');
	is(ask_as($node, 'support', 'SELECT code::text FROM badge'), $mask, 'masks are what they were');
}

unlike($errors, qr/plaintext/, 'no error held a plaintext');
unlike(server_log($node), qr/plaintext/, 'nor did the log');
lacks_key(server_log($node), $_, 'nor a root key') foreach $key_file =~ /^([0-9a-f]{64})$/mg;

# ---------------------------------------------------------------- tokens

my @token_faults = (
	[ 'hmac-sha384', 'HS384' ],
	[ 'hmac-sha512', 'HS512' ],
	[ 'rsa-forgery', 'RS256' ],
	[ 'rsa-refusal', 'RS256' ],
	[ 'sha384', 'RS384' ],
	[ 'sha512', 'RS512' ],
	[ 'pss-forgery', 'PS256' ],
	[ 'pss-refusal', 'PS256' ],
	[ 'ecdsa-forgery', 'ES256' ],
	[ 'ecdsa-refusal', 'ES256' ],
	[ 'ecdsa-sign', 'ES256' ],
	[ 'p384-forgery', 'ES384' ],
	[ 'p384-refusal', 'ES384' ],
	[ 'ed25519-forgery', 'EdDSA' ],
	[ 'ed25519-refusal', 'EdDSA' ],
	[ 'ed25519-sign', 'EdDSA' ]);

# Issuers that sign, by keys of RFC 7515 and RFC 8037, and a token of each, with one that nobody signed.
$node->start;
ask($node, <<'END');
SELECT tarot.create_issuer('hmac', 'https://hmac.example', '{}', secret => repeat('s', 64));
SELECT tarot.create_issuer('ec', 'https://ec.example', '{}', signing_key => '{"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}');
SELECT tarot.create_issuer('ed', 'https://ed.example', '{}', signing_key => '{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}');
END
my %token = map { $_ => ask($node, qq{SELECT tarot.sign_jwt('{"sub": "ada"}', '$_')}) } qw(hmac ec ed);
my %verdict = (map({ $_ => 'valid' } keys %token));
foreach my $issuer (keys %verdict)
{
	my $forged = "forged $issuer";
	$token{$forged} = $token{$issuer} =~ s/(.)(.{20})$/($1 eq 'A' ? 'B' : 'A') . $2/er;
	$verdict{$forged} = 'bad_signature';
}
my $checks = 'SELECT ' . join ', ', map { "tarot.check_jwt('$token{$_}')" } sort keys %token;
my $checked = join '|', map { $verdict{$_} } sort keys %verdict;
is(ask($node, $checks), $checked, 'what is right is taken, and what is forged is refused');
$node->stop;

my @calls = (
	(map { my $token = $token{$_}; map { [ "$_ of $token", "SELECT tarot.$_('$token')" ] } qw(check_jwt verify_jwt authenticate) } sort keys %token),
	(map { [ "signing as $_", "SELECT tarot.sign_jwt('{}', '$_')" ] } qw(hmac ec ed)),
	[ 'an issuer', q{SELECT tarot.create_issuer('more', 'https://more.example', '{}', secret => repeat('s', 64))} ],
	[ 'a change', q{SELECT tarot.alter_issuer('ec', max_age => '1 hour')} ]);

foreach my $case (@token_faults)
{
	my ($fault, $name) = @$case;
	my $log_start = -s $node->logfile;
	my $failed = qr/TS004: tokens are disabled: known-answer test of $name failed\n(?:LINE 1: .*\n.*\n)?DETAIL:  No token is verified or signed by this server\.\nHINT:  \Q$hint\E\n/;
	subtest "tokens: $fault" => sub {
		ok(start_broken($node, $fault), 'the server starts') or return;
		like(substr(slurp_file($node->logfile), $log_start), qr/LOG:  tokens are disabled: known-answer test of $name failed\n.*DETAIL:  No token is verified or signed by this server\.\n.*HINT:  \Q$hint\E\n/,
			'the log says so at the start');
		like(error_of($node, $_->[1]), qr/ERROR:  $failed/, $_->[0] =~ s/ of \K.*\.(.{8}).*$/...$1/r) foreach @calls;
		is(ask($node, 'SELECT tarot.subject() IS NULL'), 't', 'nobody is anyone');
		is(ask($node, q{BEGIN; SELECT tarot.revoke_subject('ada'), tarot.set_principal('ada', status => 'banned'), tarot.drop_issuer('ed'); ROLLBACK}), '||', 'who may not may still be told');
		is(data_of($node), $data, 'values are read');
		is(error_of($node, q{BEGIN; INSERT INTO customer VALUES (7, 'x', 'new.plaintext.example'); ROLLBACK}, role => 'app'), '', 'and written');
	};
	$node->stop('fast', fail_ok => 1);
}
$node->start;
is(ask($node, $checks), $checked, 'with mended libraries tokens are what they were');
$node->stop;

# ---------------------------------------------------------------- a server without data, and its first key

my $command = command_with("$dir/root_key_command", 'echo ' . new_root_key());
foreach my $conf ('', "tarot_security.root_key_command = '$command'")
{
	my $provider = $conf ? 'command' : 'generated';
	my $fresh = new_node("fresh_$provider", conf => "restart_after_crash = on\n$conf", start => 0);
	ok(start_broken($fresh, 'hmac'), "$provider: the server starts");
	is(error_of($fresh, 'CREATE EXTENSION tarot_security'), '', "$provider: the extension is created");
	like(error_of($fresh, $_), disabled('HMAC-SHA-256'), "$provider: $_") foreach q{SELECT tarot.create_key('first')}, 'SELECT tarot.unlock()';
	is(ask($fresh, 'SELECT count(*) FROM tarot.keyring'), 0, "$provider: there is no key");
	ok(!-e $fresh->data_dir . '/tarot_security.root_key', "$provider: no root key was made");
	ok(!-e "$dir/root_key_command.pid", "$provider: nobody was asked for one");

	# A crash of one process makes the others begin anew, self-test included.
	my $log_start = -s $fresh->logfile;
	my $pid = ask($fresh, q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'});
	kill 'KILL', $pid;
	ok(wait_until(sub { substr(slurp_file($fresh->logfile), $log_start) =~ /ready to accept connections/ }), "$provider: crashed and recovered");
	like(substr(slurp_file($fresh->logfile), $log_start), qr/LOG:  tarot_security is disabled: known-answer test of HMAC-SHA-256 failed/, "$provider: the log says it again");
	like(error_of($fresh, q{SELECT tarot.create_key('first')}), disabled('HMAC-SHA-256'), "$provider: still disabled");

	$fresh->restart;
	is(error_of($fresh, q{SELECT tarot.create_key('first')}), '', "$provider: with mended libraries there is a first key");
	is(ask($fresh, q{SELECT tarot.decrypt(tarot.encrypt('x', 'first', 'c'), 'c')}), 'x', "$provider: which seals and opens");
	$fresh->stop;
}

done_testing;

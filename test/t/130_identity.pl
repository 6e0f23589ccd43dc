# Who a session is, across sessions, databases, encodings, standbys and dumps: no setting makes anybody anyone, a
# revocation reaches every open session at its next statement, and issuers travel with their keys sealed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $key = new_root_key;
write_private("$dir/root.key", "$key\n");
my $conf = "tarot_security.root_key_file = '$dir/root.key'";
my $node = new_node('identity', streaming => 1, conf => "$conf\nlog_statement = none\nmax_prepared_transactions = 2");

ask($node, <<'END');
CREATE ROLE app LOGIN;
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('profile');
SELECT tarot.create_issuer('app', 'https://app.example', '{api}', secret => repeat('s', 32));
SELECT tarot.create_issuer('ed', 'https://ed.example', '{}', signing_key => '{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}',
	max_age => '30 days', leeway => '1 minute', subject_prefix => 'ed/', database_role_claim => 'role', database_roles => '{app}');
SELECT tarot.create_issuer('idp', 'https://idp.example', '{}', jwks => '{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}');
END

# A token that was issued a minute ago.
sub token
{
	my ($subject, $issuer) = @_;
	$issuer //= 'app';
	return ask($node, "SELECT tarot.sign_jwt(jsonb_build_object('sub', '$subject', 'jti', '$subject-1', 'iat', floor(extract(epoch FROM now())) - 60, 'exp', floor(extract(epoch FROM now())) + 3600), '$issuer')");
}
my %token = map { $_ => token($_) } qw(ada bob eve);
$token{ed} = token('ada', 'ed');

# ---------------------------------------------------------------- settings

my $forged = ('A' x 200) . '.' . 'e30';
my $setting = qr/the identity of a session cannot be set/;
like(error_of($node, 'SELECT 1', role => 'app', pgoptions => "-c tarot_security.identity=$forged"), qr/FATAL: .*$setting/, 'PGOPTIONS makes nobody anyone');
like(error_of($node, 'SELECT 1', pgoptions => "-c tarot_security.identity=$forged"), qr/FATAL: .*$setting/, 'nor do those of a superuser');
is(ask($node, 'SELECT tarot.subject()', pgoptions => '-c tarot_security.identity='), '', 'the empty one is nobody');
like(error_of($node, "ALTER SYSTEM SET tarot_security.identity = '$forged'"), qr/ERROR: .*cannot be changed/, 'nor does ALTER SYSTEM');
foreach my $whom ('ROLE app', 'ROLE ALL', 'DATABASE postgres', 'ROLE app IN DATABASE postgres')
{
	like(error_of($node, "ALTER $whom SET tarot_security.identity = '$forged'"), qr/ERROR:  42501: $setting/, "nor does ALTER $whom SET");
}
like(error_of($node, "ALTER ROLE app SET tarot_security.identity = '$forged'", role => 'app'), qr/ERROR:  42501: $setting/, 'nor does a role of itself');
like(error_of($node, 'SELECT 1', role => 'app', pgoptions => '-c tarot_security.session_identity=on'), qr/FATAL: .*permission denied to set parameter/, 'nor does it allow itself more');

# Even where somebody has written to the catalog or the configuration: a warning, and nobody.
ask($node, "ALTER ROLE app SET tarot_security.identity = ''");
ask($node, "UPDATE pg_db_role_setting SET setconfig = ARRAY['tarot_security.identity=$forged'] WHERE setrole = 'app'::regrole");
my ($out, $err);
$node->psql('postgres', 'SELECT tarot.subject() IS NULL', stdout => \$out, stderr => \$err, extra_params => [ '-U', 'app' ]);
is($out, 't', 'a row of pg_db_role_setting makes nobody anyone');
like($err, qr/WARNING:  $setting/, 'and a warning says so');
ask($node, 'ALTER ROLE app RESET ALL');
$node->append_conf('postgresql.conf', "tarot_security.identity = '$forged'\n");
$node->reload;
is(ask($node, 'SELECT tarot.subject()'), '', 'postgresql.conf neither');
$node->restart;
is(ask($node, 'SELECT tarot.subject()'), '', 'nor at the start, before the library is there');
$node->adjust_conf('postgresql.conf', 'tarot_security.identity', undef);
$node->reload;
unlike(server_log($node), qr/A{200}/, 'no attempt is in the log');

# What was set while the library was not there, and the setting anybody's.
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$node->restart;
ask($node, "ALTER ROLE app SET tarot_security.identity = '$forged'; ALTER DATABASE postgres SET tarot_security.identity = '$forged'; SET tarot_security.identity = '$forged'");
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "'tarot_security'");
$node->restart;
foreach my $role ('app', 'postgres')
{
	$node->psql('postgres', 'SELECT tarot.subject() IS NULL', stdout => \$out, stderr => \$err, extra_params => [ '-U', $role eq 'app' ? 'app' : ask($node, 'SELECT current_user') ]);
	is($out, 't', "$role: what was set before the library came makes nobody anyone");
	like($err, qr/WARNING:  $setting/, "$role: and a warning says so");
}
ask($node, 'ALTER ROLE app RESET ALL; ALTER DATABASE postgres RESET ALL');

# A transaction that is prepared leaves its identity to nobody.
is(ask($node, "BEGIN; SELECT tarot.authenticate('$token{ada}'); CREATE TABLE prepared AS SELECT tarot.subject(); PREPARE TRANSACTION 'p'; SELECT tarot.subject() IS NULL; COMMIT PREPARED 'p'; SELECT tarot.subject() IS NULL; TABLE prepared") =~ s/^\n//r,
	"t\nt\nada", 'nor does one that was prepared');

# ---------------------------------------------------------------- open sessions hear of revocations

# A session of its own; it may be in a transaction with one snapshot.
sub session_of
{
	my ($who, $begin, $server) = @_;
	my $session = ($server // $node)->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
	$session->query($begin) if $begin;
	$session->query("SELECT tarot.authenticate('$token{$who}', false)");
	return $session;
}

# What a session is told: a subject, or an SQLSTATE. In a transaction it goes on behind a savepoint.
sub told
{
	my ($session) = @_;
	$session->{stderr} = '';
	$session->query('SAVEPOINT s');
	$session->{stderr} = '';
	my $answer = $session->query("\\set VERBOSITY sqlstate\nSELECT tarot.subject()");
	my $error = $session->{stderr};
	$session->query('ROLLBACK TO s');
	$session->{stderr} = '';
	return $error =~ /ERROR:\s+(\w{5})/ ? $1 : $answer;
}

my @isolations = (undef, 'BEGIN ISOLATION LEVEL READ COMMITTED', 'BEGIN ISOLATION LEVEL REPEATABLE READ', 'BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM pg_class');
foreach my $change (
	[ 'a token revoked', 'TS318', q{SELECT tarot.revoke_token('app', 'bob-1')}, 'DELETE FROM tarot.revoked_token' ],
	[ 'a subject revoked', 'TS318', q{SELECT tarot.revoke_subject('bob')}, 'DELETE FROM tarot.principal' ],
	[ 'an issuer revoked', 'TS318', q{SELECT tarot.revoke_issuer('app')}, q{UPDATE tarot.issuer SET issued_before = '-infinity'} ],
	[ 'suspended', 'TS319', q{SELECT tarot.set_principal('bob', status => 'suspended')}, q{SELECT tarot.set_principal('bob', status => 'active')} ],
	[ 'banned', 'TS319', q{SELECT tarot.set_principal('bob', status => 'banned')}, q{SELECT tarot.set_principal('bob', status => 'active')} ],
	[ 'deleted', 'TS319', q{SELECT tarot.set_principal('bob', status => 'deleted')}, 'DELETE FROM tarot.principal' ],
	[ 'the issuer moved', 'TS311', q{SELECT tarot.alter_issuer('app', issuer => 'https://moved.example')}, q{SELECT tarot.alter_issuer('app', issuer => 'https://app.example')} ],
	[ 'the age bounded', 'TS313', q{SELECT tarot.alter_issuer('app', max_age => '30 minutes')}, q{SELECT tarot.alter_issuer('app', max_age => '1 day')} ])
{
	my ($name, $code, $do, $undo) = @$change;
	my @sessions = map { session_of('bob', $_) } @isolations;
	is(join(' ', map { told($_) } @sessions), 'bob bob bob bob', "$name: good before");
	# Not before it is committed.
	my $administrator = $node->background_psql('postgres', on_error_stop => 1);
	$administrator->query("BEGIN; $do");
	is(join(' ', map { told($_) } @sessions[0, 2]), 'bob bob', "$name: good while it is not committed");
	$administrator->query('COMMIT');
	is(join(' ', map { told($_) } @sessions), "$code $code $code $code", "$name: refused at the next statement, whatever the isolation");
	$administrator->query($undo);
	is(join(' ', map { told($_) } @sessions), 'bob bob bob bob', "$name: good again");
	$_->quit foreach @sessions, $administrator;
}
{
	my $session = session_of('eve');
	is(told($session), 'eve', 'an open session');
	ask($node, q{BEGIN; SELECT tarot.set_principal('eve', status => 'banned'); ROLLBACK});
	is(told($session), 'eve', 'what is rolled back is nothing');
	# The same change within a statement that is running counts for the next one; a lock of the server leaves the identity.
	ask($node, 'SELECT tarot.lock()');
	is(told($session), 'eve', 'an identity does not need the root key');
	$session->query("SELECT tarot.authenticate('$token{bob}', false)");
	like($session->{stderr}, qr/TS001/, 'a new one, by a secret, does');
	$session->{stderr} = '';
	is(told($session), 'eve', 'and nothing has changed');
	ask($node, 'SELECT tarot.unlock()');
	is(told($session), 'eve', 'nor has it now');
	$session->query("SELECT tarot.authenticate('$token{bob}', false)");
	is(told($session), 'bob', 'and a new one is taken');
	$session->quit;
}

# Tokens that a session has not seen yet, while the tables of who is refused are empty, and no longer are.
sub checked
{
	my ($session, $who) = @_;
	return scalar $session->query("SELECT tarot.check_jwt('$token{$who}')");
}
$token{"new-$_"} = token("new-$_") foreach 1 .. 6;
foreach my $change (
	[ 'a token', 'revoked', 1, 2, q{SELECT tarot.revoke_token('app', 'new-2-1')} ],
	[ 'a subject', 'revoked', 3, 4, q{SELECT tarot.revoke_subject('new-4')} ],
	[ 'a status', 'banned', 5, 6, q{SELECT tarot.set_principal('new-6', status => 'banned')} ])
{
	my ($name, $status, $good, $bad, $do) = @$change;
	ask($node, 'TRUNCATE tarot.revoked_token, tarot.principal');
	my @sessions = map { session_of('ada', $_) } @isolations;
	is(join(' ', map { checked($_, "new-$good") } @sessions), 'valid valid valid valid', "$name: nobody is refused");
	my $administrator = $node->background_psql('postgres', on_error_stop => 1);
	$administrator->query("BEGIN; $do");
	is(checked($sessions[0], 'bob'), 'valid', "$name: nor while it is not committed");
	is($administrator->query("SELECT tarot.check_jwt('$token{\"new-$bad\"}')"), $status, "$name: but by who refuses, at once");
	$administrator->query('COMMIT');
	is(join(' ', map { checked($_, "new-$bad") } @sessions), "$status $status $status $status", "$name: refused at the next statement, whatever the isolation");
	is(join(' ', map { checked($_, 'eve') } @sessions), 'valid valid valid valid', "$name: and nobody else");
	$_->quit foreach @sessions, $administrator;
}
ask($node, 'TRUNCATE tarot.revoked_token, tarot.principal');

# ---------------------------------------------------------------- every query in a worker

{
	my $option = ask($node, q{SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')});
	ask($node, q{CREATE FUNCTION backend_type() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT backend_type FROM pg_stat_activity WHERE pid = pg_backend_pid()'});
	my $in_worker = "BEGIN; SELECT tarot.authenticate('$token{ada}'); SET LOCAL $option = on; SELECT tarot.subject(), tarot.claim('jti'), tarot.check_jwt('$token{bob}'), backend_type(); COMMIT; SET $option = on; SELECT tarot.subject() IS NULL";
	is(ask_as($node, 'app', $in_worker) =~ s/^\n//r, "ada|ada-1|valid|parallel worker\nt", 'a parallel worker knows who it works for, and nobody behind the transaction');
}

# ---------------------------------------------------------------- databases and encodings

ask($node, 'CREATE DATABASE other');
like(error_of($node, "SELECT tarot.authenticate('$token{ada}')", db => 'other'), qr/3F000/, 'without the extension there is nothing to call');
ask($node, q{CREATE EXTENSION tarot_security; SELECT tarot.create_key('k')}, db => 'other');
like(error_of($node, "SELECT tarot.authenticate('$token{ada}')", db => 'other'), qr/TS311/, 'each database trusts issuers of its own');

ask($node, q{CREATE DATABASE latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0});
ask($node, q{CREATE EXTENSION tarot_security; SELECT tarot.create_key('k'); SELECT tarot.create_issuer('app', 'https://app.example', '{api}', secret => repeat('s', 32))}, db => 'latin1');
sub in_latin1 { return ask($node, "SET client_encoding = 'UTF8'; $_[0]", db => 'latin1') }
sub latin1_error { return error_of($node, "SET client_encoding = 'UTF8';\n$_[0]", db => 'latin1') }
my $zoe = token("zo\x{c3}\x{ab}");
is(in_latin1("BEGIN; SELECT tarot.authenticate('$zoe'); SELECT tarot.subject(), octet_length(tarot.subject()), tarot.verify_jwt('$zoe') ->> 'jti'") =~ s/^\n//r, "zo\x{c3}\x{ab}|3|zo\x{c3}\x{ab}-1", 'LATIN1: a subject in its encoding');
in_latin1("SELECT tarot.set_principal('zo\x{c3}\x{ab}', status => 'banned')");
is(in_latin1("SELECT tarot.check_jwt('$zoe')"), 'banned', 'LATIN1: and found by it');
my $zhenya = token("\x{d0}\x{96}\x{d0}\x{b5}\x{d0}\x{bd}\x{d1}\x{8f}");
# By its ID alone, too; and where the signature is not the issuer's, it is that which is told.
my $id_alone = ask($node, qq{SELECT tarot.sign_jwt('{"sub": "ada", "jti": "\\u0416"}', 'app')});
my $forged_zhenya = $zhenya =~ s/(.)(.{20})$/($1 eq 'A' ? 'B' : 'A') . $2/er;
foreach my $case ([ 'a subject', $zhenya ], [ 'an ID', $id_alone ])
{
	my ($what, $token) = @$case;
	foreach my $call ('authenticate', 'verify_jwt')
	{
		my $error = latin1_error("SELECT tarot.$call('$token')");
		like($error, qr/ERROR:  TS309: the token's claims are malformed/, "LATIN1: $what without a spelling is refused by $call");
		unlike($error, qr/d0|0416|CONTEXT/, "LATIN1: and not shown by $call");
	}
	is(in_latin1("SELECT tarot.check_jwt('$token'), tarot.check_jwt('$token')"), 'bad_claims|bad_claims', "LATIN1: $what without a spelling, checked without an error");
	is(ask($node, "SELECT tarot.check_jwt('$token')"), 'valid', "UTF8: $what has its spelling");
}
is(in_latin1("SELECT tarot.check_jwt('$forged_zhenya')"), 'bad_signature', 'LATIN1: of a token that is not authentic nothing more is told');
# Any other claim harms who asks for it alone, escaped or not.
foreach my $claim ("\x{d0}\x{96}", '\\u0416')
{
	my $token = ask($node, qq{SELECT tarot.sign_claims('{"iss": "https://app.example", "aud": "api", "sub": "ada", "exp": ' || n + 600 || ', "iat": ' || n || ', "note": "$claim"}', 'app') FROM floor(extract(epoch FROM now())) AS n});
	is(in_latin1("BEGIN; SELECT tarot.authenticate('$token'); SELECT tarot.subject(), tarot.claim('iss')") =~ s/^\n//r, 'ada|https://app.example', 'LATIN1: another claim does not matter');
	foreach my $call ("tarot.claim('note')", 'tarot.claims()', "tarot.verify_jwt('$token')")
	{
		my $error = latin1_error("BEGIN; SELECT tarot.authenticate('$token'); SELECT $call");
		like($error, qr/ERROR:  22P05: a value cannot be converted/, "LATIN1: until it is asked for by $call");
		unlike($error, qr/0416|d0|app\.example|CONTEXT/, "LATIN1: and then not shown by $call");
	}
}

# ---------------------------------------------------------------- dump and restore

ask($node, q{SELECT tarot.set_principal('mallory', 'agent', 'banned'), tarot.revoke_token('app', 'eve-1', '2030-01-01'), tarot.revoke_subject('carol', '2040-01-01'), tarot.revoke_issuer('idp', 'infinity')});
# A secret that is new is nobody's who could be in a dump.
ask($node, q{SELECT tarot.create_issuer('marked', 'https://marked.example', '{}', secret => 'a marked secret, of 32 bytes or more')});
my $tables = q{SELECT to_jsonb(i)::text FROM tarot.issuer i UNION ALL SELECT to_jsonb(p)::text FROM tarot.principal p UNION ALL SELECT to_jsonb(t)::text FROM tarot.revoked_token t ORDER BY 1};
my $stored = ask($node, $tables);
foreach my $format ('plain', 'custom')
{
	command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), "-F$format", '-f', "$dir/$format" ], "$format: dumped");
	my $text = slurp_file("$dir/$format");
	unlike($text, qr/s{32}|marked secret|nWGxne_9|bWFya2VkIHNlY3JldA|YSBtYXJrZWQgc2VjcmV0/, "$format: secrets stay sealed");
	ask($node, "CREATE DATABASE from_$format");
	command_ok([ $format eq 'plain' ? ('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f') : ('pg_restore', '--exit-on-error', '-d'), $format eq 'plain' ? ("$dir/plain", '-d', $node->connstr("from_$format")) : ($node->connstr("from_$format"), "$dir/custom") ],
		"$format: restored");
	is(ask($node, $tables, db => "from_$format"), $stored, "$format: the same rows");
	is(ask($node, "SELECT tarot.check_jwt('$token{ada}'), tarot.check_jwt('$token{eve}'), tarot.check_jwt('$token{ed}'), tarot.check_jwt(tarot.sign_jwt('{}', 'marked')), tarot.check_jwt(tarot.sign_jwt('{\"sub\": \"mallory\"}', 'app'))", db => "from_$format"),
		'valid|revoked|valid|valid|banned', "$format: tokens are verified there, and the same ones refused");
	ask($node, q{SELECT tarot.alter_issuer('marked', max_age => '1 hour')}, db => "from_$format");
	my $trigger = q{SELECT count(*) FROM pg_trigger WHERE tgrelid::regclass::text IN ('tarot.issuer', 'tarot.principal', 'tarot.revoked_token') AND tgenabled = 'A'};
	is(ask($node, $trigger, db => "from_$format"), '9', "$format: changes are announced there, too");
}
command_ok([ 'pg_dumpall', '-d', $node->connstr('postgres'), '--globals-only', '-f', "$dir/globals" ], 'globals dumped');
unlike(slurp_file("$dir/globals"), qr/identity/, 'no identity is in them');

# ---------------------------------------------------------------- a hot standby

my $standby = new_standby($node);
sub catch_up { $node->wait_for_catchup($standby, 'replay', $node->lsn('insert')) }
is(ask_as($standby, 'app', "BEGIN; SELECT tarot.authenticate('$token{ed}'); SELECT tarot.subject(), current_user, tarot.verify_jwt('$token{ada}') ->> 'sub'") =~ s/^\n//r, 'ed/ada|app|ada', 'standby: tokens are taken');
like(error_of($standby, "SELECT tarot.authenticate('$token{eve}')"), qr/TS318/, 'standby: and refused');
ask($node, 'TRUNCATE tarot.revoked_token, tarot.principal');
catch_up();
my $session = session_of('bob', undef, $standby);
my $transaction = session_of('bob', 'BEGIN ISOLATION LEVEL REPEATABLE READ', $standby);
is(told($session) . told($transaction), 'bobbob', 'standby: open sessions');
is(join(' ', map { checked($_, 'new-1') } $session, $transaction), 'valid valid', 'standby: where nobody is refused');
ask($node, q{SELECT tarot.set_principal('bob', status => 'suspended')});
catch_up();
is(told($session) . told($transaction), 'TS319TS319', 'standby: hear of a suspension on the primary');
ask($node, q{SELECT tarot.set_principal('bob', status => 'active')});
catch_up();
is(told($session) . told($transaction), 'bobbob', 'standby: and of its end');
ask($node, q{SELECT tarot.revoke_token('app', 'new-2-1'), tarot.set_principal('new-3', status => 'banned')});
catch_up();
is(join(' ', map { (checked($_, 'new-2'), checked($_, 'new-3')) } $session, $transaction), 'revoked banned revoked banned', 'standby: they hear of the first that are');
ask($node, q{SELECT tarot.drop_issuer('app')});
catch_up();
is(told($session) . told($transaction), 'TS311TS311', 'standby: and of an issuer that is no longer trusted');
ask($node, q{SELECT tarot.create_issuer('app', 'https://app.example', '{api}', secret => repeat('s', 32))});
catch_up();
is(told($session) . told($transaction), 'TS311TS311', 'standby: nor is it by another one of its name');
$session->query("SELECT tarot.authenticate('$token{bob}', false)");
is(told($session), 'bob', 'standby: which takes a token for itself');
$_->quit foreach $session, $transaction;

done_testing();

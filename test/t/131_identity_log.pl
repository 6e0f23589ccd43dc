# Whatever becomes of a token, neither it nor a claim, nor a secret of an issuer, comes into a message to the client or
# into the server log, with all the detail that an administrator is likely to turn on.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use MIME::Base64 qw(encode_base64url);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
write_private("$dir/root.key", new_root_key . "\n");
# Where events cannot be written to their table the log gets them, with their subjects.
my $node = new_node('log', conf => <<"END");
tarot_security.worker = on
tarot_security.root_key_file = '$dir/root.key'
logging_collector = on
log_destination = 'stderr,csvlog,jsonlog'
log_statement = none
log_min_messages = debug1
log_min_error_statement = error
log_error_verbosity = verbose
log_parameter_max_length_on_error = -1
END

# Words that stand in secrets, claims and headers alone.
my $secret = 'PLAINSECRET' x 4;
my $d = 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A';
ask($node, <<"END");
CREATE ROLE app LOGIN;
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('profile');
SELECT tarot.create_issuer('app', 'https://app.example', '{}', secret => '$secret');
SELECT tarot.create_issuer('ed', 'https://ed.example', '{}', signing_key => '{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "d": "$d"}', database_role_claim => 'role', database_roles => '{app}');
CREATE FUNCTION divide(token text) RETURNS int LANGUAGE plpgsql AS \$\$ BEGIN PERFORM tarot.authenticate(token); RETURN 1 / (tarot.subject() IS NULL)::int; END \$\$;
END
my $now = time;
my $claims = qq{"sub":"SUBJECTCLAIM","jti":"IDCLAIM","name":"NAMECLAIM","iat":$now,"exp":} . ($now + 600);
sub sign
{
	my ($claims, $issuer) = @_;
	return ask($node, "SELECT tarot.sign_claims('$claims', '$issuer')");
}

# A token of which the signature is right, and others that a forger makes.
my $good = sign(qq({$claims,"iss":"https://app.example"}), 'app');
my ($header, $payload, $signature) = split /\./, $good;
my %token = (
	'good' => $good,
	'wrong signature' => "$header.$payload." . encode_base64url('FORGEDSIGNATURE' . 'x' x 17),
	'malformed' => "$good.MALFORMEDPART",
	'Bearer' => "Bearer $good",
	'header' => encode_base64url('{"alg":"HEADERWORD","HEADERWORD"}') . ".$payload.$signature",
	'algorithm' => encode_base64url('{"alg":"HEADERWORD"}') . ".$payload.$signature",
	'kid' => encode_base64url('{"alg":"EdDSA","kid":"HEADERWORD"}') . '.' . encode_base64url(qq({$claims,"iss":"https://ed.example"})) . ".$signature",
	'type' => encode_base64url('{"alg":"HS256","typ":"HEADERWORD"}') . ".$payload.$signature",
	'crit' => encode_base64url('{"alg":"HS256","crit":["HEADERWORD"]}') . ".$payload.$signature",
	'claims' => "$header." . encode_base64url(qq({$claims,"iss":"https://app.example","a":"NAMECLAIM"a})) . ".$signature",
	'issuer' => "$header." . encode_base64url(qq({$claims,"iss":"https://ISSUERCLAIM.example"})) . ".$signature",
	'audience' => sign(qq({$claims,"iss":"https://app.example","aud":"AUDIENCECLAIM"}), 'app'),
	'expired' => sign(qq({"sub":"SUBJECTCLAIM","iat":1,"exp":2,"iss":"https://app.example"}), 'app'),
	'early' => sign(qq({$claims,"iss":"https://app.example","nbf":4000000000}), 'app'),
	'old' => sign(qq({"sub":"SUBJECTCLAIM","iat":1,"exp":4000000000,"iss":"https://app.example"}), 'app'),
	'role' => sign(qq({$claims,"iss":"https://ed.example","role":"ROLECLAIM"}), 'ed'),
	'large' => $good . 'LARGETOKEN' x 2000);
my $kept = qr/PLAINSECRET|\Q$d\E|SUBJECTCLAIM|IDCLAIM|NAMECLAIM|ISSUERCLAIM|AUDIENCECLAIM|ROLECLAIM|HEADERWORD|FORGED|MALFORMED(?!PART\b)|LARGETOKEN|eyJ\w{10}|\Q$payload\E|\Q$signature\E/;

# By each way in which a token reaches the server, and with what fails behind it.
my @ways = (
	[ 'literal', sub { "SELECT tarot.authenticate('$_[0]')" } ],
	[ 'verify', sub { "SELECT tarot.verify_jwt('$_[0]') IS NULL, 1 / 0" } ],
	[ 'check', sub { "SELECT length(tarot.check_jwt('$_[0]')) / 0" } ],
	[ 'prepared', sub { "PREPARE p(text) AS SELECT tarot.authenticate(\$1), 1 / (tarot.subject() IS NULL)::int; EXECUTE p('$_[0]')" } ],
	[ 'parameter', sub { "SELECT tarot.authenticate(\$1), 1 / (tarot.subject() IS NULL)::int \\bind '$_[0]' \\g" } ],
	[ 'PL/pgSQL', sub { "SELECT divide('$_[0]')" } ],
	[ 'DO', sub { "DO \$\$ BEGIN PERFORM tarot.authenticate('$_[0]'); PERFORM 1 / (tarot.claim('name') IS NULL)::int; END \$\$" } ],
	[ 'behind it', sub { "BEGIN; SELECT tarot.authenticate('$_[0]'); SELECT tarot.claim('name')::int" } ],
	[ 'setting', sub { "SET tarot_security.identity = '$_[0]'" } ]);
# psql has \bind since 16.
@ways = grep { $_->[0] ne 'parameter' } @ways if $node->pg_version < 16;
my $failed = 0;
foreach my $name (sort keys %token)
{
	foreach my $way (@ways)
	{
		my $error = error_of($node, $way->[1]->($token{$name}), role => 'app');
		$failed++ if $error =~ /(ERROR|FATAL): /;

		# What the client is told, but for its own statement, and for what it did with claims itself.
		$error =~ s/^LINE \d+: .*\n.*\n?//mg;
		$error =~ s/^CONTEXT: .*(\n(?!LOCATION).*)*//mg;
		next if $way->[0] eq 'behind it';
		$error !~ $kept or fail("$name, $way->[0]: the client is told $&");
	}
}
cmp_ok($failed, '>=', (@ways - 1) * keys(%token), "$failed statements failed");

# The session's end of a good one; administrators' mistakes.
foreach my $sql (
	"SELECT tarot.set_principal('SUBJECTCLAIM', status => 'banned'); SELECT tarot.authenticate('$good')",
	"SELECT tarot.set_principal('SUBJECTCLAIM', status => 'active'); SELECT tarot.revoke_token('app', 'IDCLAIM'); SELECT tarot.authenticate('$good')",
	"SELECT tarot.create_issuer('x', 'https://x.example', '{}', secret => 'PLAINSECRET')",
	"SELECT tarot.create_issuer('x', 'https://x.example', '{}', secret => '$secret', max_age => '-1 day')",
	"SELECT tarot.create_issuer('app', 'https://x.example', '{}', secret => '$secret')",
	"SELECT tarot.create_issuer('x', 'https://x.example', '{}', secret => '{\"kty\": \"oct\", \"k\": \"PLAINSECRET\"}')",
	"SELECT tarot.create_issuer('x', 'https://x.example', '{}', signing_key => '{\"kty\": \"OKP\", \"d\": \"$d\"}')",
	"SELECT tarot.create_issuer('x', 'https://x.example', '{}', signing_key => '{\"kty\": \"OKP\", \"d\": \"$d\"')",
	"SELECT tarot.create_issuer('x', 'https://x.example', '{}', signing_key => '{\"kty\": \"OKP\", \"d\": $d}')",
	"SELECT tarot.create_issuer('x', 'https://x.example', '{}', jwks => '{\"kty\": \"OKP\", \"crv\": \"Ed25519\", \"x\": \"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\", \"d\": \"$d\"}')",
	"SELECT tarot.alter_issuer('app', secret => '$secret', algorithms => '{RS256}')",
	"SELECT tarot.sign_jwt('{\"sub\": \"SUBJECTCLAIM\", \"exp\": \"NAMECLAIM\"}', 'app')",
	"SELECT tarot.sign_jwt('{\"sub\": \"SUBJECTCLAIM\"', 'app')",
	"UPDATE tarot.issuer SET private_key = NULL",
	"UPDATE tarot.issuer SET private_key = '\\x00'; SELECT tarot.check_jwt('$good')")
{
	like(error_of($node, "BEGIN;\n$sql") =~ s/^LINE \d+: .*\n.*\n?//mgr, qr/ERROR: /, 'a mistake: ' . substr($sql, 0, 60) =~ s/\W+/ /gr);
}

$node->stop;
my $log = server_log($node);
like($log, qr/TS308/, 'the log tells what was wrong');
like($log, qr/SELECT tarot\.authenticate\(\?\)/, 'and of which statement');
my @found = $log =~ /^(.*?$kept.*)$/mg;
is(join("\n", map { substr $_, 0, 400 } @found[ 0 .. ($#found < 5 ? $#found : 5) ]), '', 'no token, claim or secret is in the log');

done_testing();

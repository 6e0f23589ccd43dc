# What was accepted is kept by dumps. Discovery works on a standby, in other encodings and with each collation,
# can be cancelled, and leaves no value in any log.
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
my $node = new_node('primary', conf => "tarot_security.root_key_file = '$key_file'
log_min_messages = debug1
log_min_error_statement = debug1
log_error_verbosity = verbose", streaming => 1);

ask($node, <<'END');
CREATE EXTENSION IF NOT EXISTS tarot_security;
CREATE SCHEMA shop;
CREATE TABLE shop.customer (id int, contact text, note text);
INSERT INTO shop.customer SELECT i, 'plaintext' || i || '@example.org', 'none' FROM generate_series(1, 50) AS i;
CREATE TABLE shop.gone (id int);
CREATE ROLE officer LOGIN;
GRANT USAGE ON SCHEMA shop TO officer;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO officer;
END
my $found = q{SELECT relation, "column", kind, confidence, matched, sampled FROM tarot.discover_sensitive('shop')};
my $drift = q{SELECT relation, "column", problem, kind FROM tarot.classification_drift('shop')};
is(ask_as($node, 'officer', $found), 'shop.customer|contact|email|0.97|50|50', 'found');

# ------------------------------------------------------------ dumps

ask($node, q{SELECT tarot.accept_column('shop.customer', 'contact', 'of the shops'), tarot.accept_column('shop.gone', reason => 'numbers')});
ask($node, q{CREATE TEMP TABLE passing (id int); SELECT tarot.accept_column('passing', reason => 'for now')});
ask($node, 'DROP TABLE shop.gone');
is(ask($node, $found), '', 'accepted, so no longer told');
my $before = ask($node, $drift);
is($before, "shop.customer|id|new|\nshop.customer|note|new|", 'what is left in its table');
command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-Fc', '-f', "$dir/dump" ], 'dumped');
ask($node, 'CREATE DATABASE copy');
command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('copy'), '-j2', "$dir/dump" ], 'restored');
is(ask($node, 'SELECT relation, "column", reason FROM tarot.accepted_column', db => 'copy'), 'shop.customer|contact|of the shops', 'with what was accepted, of tables that are there');
is(ask($node, $drift, db => 'copy'), $before, 'and the same drift');
ask($node, q{SELECT tarot.reconsider_column('shop.customer')});

# ------------------------------------------------------------ standby

my $standby = new_standby($node);
is(ask_as($standby, 'officer', $found), 'shop.customer|contact|email|0.97|50|50', 'found on a standby');
$standby->stop;

# ------------------------------------------------------------ encodings

my %sample = (
	LATIN1 => q{convert_from('\x4ac3bc7267656e405061756c2e6f7267', 'UTF8') || '; ' || convert_from('\x4d61c39f7374616220c3a4', 'UTF8')},
	EUC_JP => q{convert_from('\xe69db1e4baac20', 'UTF8') || 'ada@example.org ' || convert_from('\xe383bb', 'UTF8')},
	SQL_ASCII => q{convert_from('\x61ff62206461746120', 'SQL_ASCII') || 'ada@example.org'});
foreach my $encoding (sort keys %sample)
{
	ask($node, "CREATE DATABASE $encoding ENCODING '$encoding' TEMPLATE template0 LOCALE 'C'");
	ask($node, "CREATE EXTENSION IF NOT EXISTS tarot_security; CREATE SCHEMA shop; CREATE TABLE shop.t (v text, w text, email text);
		INSERT INTO shop.t SELECT 'person' || i || '\@example.org', $sample{$encoding}, NULL FROM generate_series(1, 20) AS i", db => lc $encoding);
	is(ask($node, q{SELECT "column", kind, matched FROM tarot.discover_sensitive('shop')}, db => lc $encoding), "v|email|20\nw|free_text|20\nemail|email|0", "in $encoding");
}

# ------------------------------------------------------------ what goes wrong

# Functions of policies, which may raise values, and wait.
ask($node, <<'END');
CREATE TABLE shop.trap (v text);
INSERT INTO shop.trap VALUES ('plaintext@example.org');
CREATE FUNCTION shop.raise(v text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'it is %', v USING DETAIL = v, HINT = v; END$$;
ALTER TABLE shop.trap ENABLE ROW LEVEL SECURITY;
CREATE POLICY trap ON shop.trap USING (shop.raise(v));
GRANT SELECT ON shop.trap TO officer;
END
my ($out, $err);
$node->psql('postgres', "SET client_min_messages = debug1; SELECT * FROM tarot.discover_sensitive('shop'); SELECT * FROM tarot.classification_drift('shop')",
	extra_params => [ '-U', 'officer' ], stdout => \$out, stderr => \$err, connstr => $node->connstr('postgres') . ' user=officer');
like($out, qr/shop\.trap\|.*could not be read: SQLSTATE P0001/, 'what could not be read is told');
like($out, qr/shop\.customer\|contact\|email/, 'and the others, too');
unlike($out . $err, qr/plaintext/, 'without a value');
my $log = server_log($node);
$log =~ s/^.*(?:INSERT INTO|\bSTATEMENT:).*$//mg;
unlike($log, qr/plaintext/, 'nor is there one in the log');

ask($node, q{CREATE OR REPLACE FUNCTION shop.raise(v text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(600); RETURN true; END$$});
like(error_of($node, "SET statement_timeout = '1s'; SELECT * FROM tarot.discover_sensitive('shop')", role => 'officer'), qr/57014/, 'a timeout is no table that could not be read');

done_testing();

# Foreign tables: a file, and a table of another database, whose columns have encrypted types. What they read is
# sealed as what an application writes is; where envelopes are asked for on both sides these pass unchanged.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $node = new_node('foreign', conf => 'log_statement = none');
plan skip_all => 'no postgres_fdw or file_fdw'
  if ask($node, q{SELECT count(*) FROM pg_available_extensions WHERE name IN ('postgres_fdw', 'file_fdw')}) ne '2';
my $envelopes = '-c tarot_security.io=envelope';
set_up_customers($node);
set_up_types($node);
my $typed = types_of($node, 'plain');
my $columns = q{id int, t tarot.encrypted_text('word'), b tarot.encrypted_bytea('file'), j tarot.encrypted_jsonb('document'), n tarot.encrypted_numeric('amount'),
	d tarot.encrypted_date('day'), z tarot.encrypted_timestamptz('day')};
my $digest = 'SELECT count(*), md5(string_agg(r::text, chr(44) ORDER BY id)) FROM (SELECT id, t, b, j, n, d, z FROM %s) AS r';

# ---------------------------------------------------------------- files

ask($node, <<"END");
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE values_in_file ($columns) SERVER files OPTIONS (filename '$dir/values', format 'csv');
CREATE FOREIGN TABLE envelopes_in_file ($columns) SERVER files OPTIONS (filename '$dir/envelopes', format 'text');
GRANT SELECT ON values_in_file, envelopes_in_file TO app, support;
COPY plain TO '$dir/values' (FORMAT csv);
END
ask($node, "COPY sealed TO '$dir/envelopes'", pgoptions => $envelopes);
is(types_of($node, 'values_in_file'), $typed, 'a file of values');
like(error_of($node, 'SELECT t::text FROM values_in_file', role => 'support'), qr/ERROR:  42501: permission denied to write data class "word"/, 'needs write access, as it seals');
is(ask($node, sprintf($digest, 'envelopes_in_file'), pgoptions => $envelopes), ask($node, sprintf($digest, 'sealed'), pgoptions => $envelopes), 'a file of envelopes: the same bytes');
like(error_of($node, 'SELECT t::text FROM envelopes_in_file', role => 'app'), qr/ERROR:  TS103/, 'which are no values');
like(error_of($node, 'SELECT t::text FROM envelopes_in_file', role => 'app', pgoptions => $envelopes), qr/ERROR:  42501: permission denied to write envelopes/,
	'nor for every role envelopes');
like(error_of($node, 'CREATE FOREIGN TABLE without_class (d tarot.encrypted_date) SERVER files OPTIONS (filename $$x$$)'), qr/ERROR:  42P16: encrypted column "d" of table "without_class" needs a data class/,
	'a column needs a class');

# ---------------------------------------------------------------- another database

ask($node, 'CREATE DATABASE remote');
set_up_customers($node, db => 'remote');
set_up_types($node, db => 'remote');
my ($host, $port) = ($node->host, $node->port);
ask($node, <<"END");
CREATE EXTENSION postgres_fdw;
CREATE SERVER remote FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'remote');
CREATE SERVER remote_envelopes FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'remote', options '$envelopes');
CREATE USER MAPPING FOR app SERVER remote OPTIONS (user 'app', password_required 'false');
CREATE USER MAPPING FOR support SERVER remote OPTIONS (user 'support', password_required 'false');
CREATE USER MAPPING FOR CURRENT_USER SERVER remote_envelopes;
CREATE FOREIGN TABLE elsewhere ($columns) SERVER remote OPTIONS (table_name 'sealed');
CREATE FOREIGN TABLE elsewhere_plain (id int, t text, b bytea, j jsonb, n numeric, d date, z timestamptz) SERVER remote OPTIONS (table_name 'sealed');
CREATE FOREIGN TABLE elsewhere_envelopes ($columns) SERVER remote_envelopes OPTIONS (table_name 'sealed');
GRANT ALL ON elsewhere, elsewhere_plain TO app, support;
END
is(types_of($node, 'elsewhere'), $typed, 'values of another database, sealed here');
is(types_of($node, 'elsewhere_plain'), $typed, 'and as plain columns');
is(ask_as($node, 'support', 'SELECT n FROM elsewhere_plain WHERE id = 1'), '1000', 'the role there decides: masks');
is(ask_as($node, 'app', q{SELECT id FROM elsewhere WHERE n::numeric = 0 AND d::date = '2000-01-01'}), '2', 'conditions are not sent where they would compare with envelopes');
is(ask($node, sprintf($digest, 'elsewhere_envelopes'), pgoptions => $envelopes), ask($node, sprintf($digest, 'sealed'), db => 'remote', pgoptions => $envelopes), 'envelopes of another database: the same bytes');

# Written by the role that the other database knows.
ask_as($node, 'app', q{INSERT INTO elsewhere VALUES (30, 'there', '\x01', '[1]', 2.50, '2024-03-04', '2024-03-04 05:06:07+00'); UPDATE elsewhere SET n = 3.50, d = d::date + 1 WHERE id = 30});
is(ask_as($node, 'app', q{SELECT t, b, j, n, d, extract(epoch FROM z::timestamptz) FROM sealed WHERE id = 30}, db => 'remote'), 'there|\x01|[1]|3.50|2024-03-05|1709528767.000000', 'written');
is(ask_as($node, 'app', q{DELETE FROM elsewhere WHERE id = 30 RETURNING t::text, n::numeric}), 'there|3.50', 'and deleted');
like(error_of($node, 'INSERT INTO elsewhere (id, n) VALUES (31, 1)', role => 'support'), qr/ERROR:  42501/, 'not by a role without access');
ask($node, 'INSERT INTO elsewhere_envelopes SELECT id + 40, t, b, j, n, d, z FROM elsewhere_envelopes WHERE id < 8', pgoptions => $envelopes);
is(ask_as($node, 'app', 'SELECT count(*) FROM sealed a JOIN sealed b ON b.id = a.id + 40 WHERE (a.t::text, a.b::bytea, a.j::jsonb, a.n::text, a.d::date, a.z::timestamptz) IS NOT DISTINCT FROM
	(b.t::text, b.b::bytea, b.j::jsonb, b.n::text, b.d::date, b.z::timestamptz)', db => 'remote'), '7', 'envelopes are written as they are');

unlike(server_log($node), qr/was terminated by signal|PANIC/, 'no process died');
done_testing;

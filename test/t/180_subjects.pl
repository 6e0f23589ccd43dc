# Erased for good: a backup of before is restored, the list of erasures comes from outside, and who was erased is gone again;
# registrations and rules come along in the dump. No crash leaves half of it, and no log tells who it was.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
write_private("$dir/root.key", new_root_key . "\n");
my $conf = "tarot_security.root_key_file = '$dir/root.key'\nlog_min_messages = notice\nlog_min_error_statement = panic";
my $node = new_node('primary', conf => $conf);
my $envelopes = '-c tarot_security.io=envelope';

# A dropped column gives the others new numbers in a dump.
ask($node, <<'END');
CREATE ROLE officer LOGIN;
CREATE ROLE platform LOGIN;
GRANT CREATE ON SCHEMA public TO platform;
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('people');
SELECT tarot.create_class('diary', key => 'people', per_subject => true);
SELECT tarot.grant_class('diary', 'platform', 'plain', write => true);
SET ROLE platform;
CREATE TABLE customer (gone int, id int PRIMARY KEY, name text);
ALTER TABLE customer DROP COLUMN gone;
CREATE TABLE purchase (gone int, id int PRIMARY KEY, customer int REFERENCES customer);
ALTER TABLE purchase DROP COLUMN gone;
CREATE TABLE item (purchase int REFERENCES purchase, card text);
CREATE TABLE note (customer int NOT NULL, body tarot.encrypted_text('diary'));
SELECT tarot.set_subject('note', 'body', 'customer');
RESET ROLE;
SELECT tarot.register_subject_table('customer', 'id'), tarot.register_subject_table('purchase', 'customer');
SELECT tarot.register_subject_table('item', via => 'purchase'), tarot.register_subject_table('note', 'customer');
SELECT tarot.audit_table('customer'), tarot.audit_table('item');
SELECT tarot.set_erasure('customer', 'anonymize', NULL, '{"name": "[erased]"}'), tarot.set_erasure('purchase', 'keep', 'tax law');
GRANT EXECUTE ON FUNCTION tarot.erase_subject, tarot.erase_audit_details, tarot.replay_erasures, tarot.export_erasures, tarot.import_erasure, tarot.erasure_certificate TO officer;
END
ask_as($node, 'platform', <<'END');
INSERT INTO customer SELECT i, 'Customer ' || i FROM generate_series(1, 50) i;
INSERT INTO purchase SELECT i, i FROM generate_series(1, 50) i;
INSERT INTO item SELECT i, 'The Fool' FROM generate_series(1, 50) i;
INSERT INTO note SELECT i, 'diary of ' || i FROM generate_series(1, 50) i;
END

my $left = q{SELECT (SELECT count(*) FROM customer WHERE name <> '[erased]'), (SELECT count(*) FROM purchase), (SELECT count(*) FROM item), (SELECT count(body::text) FROM note)};
sub left_in { return ask_as($node, 'platform', $left, db => $_[0] // 'postgres') }
my $erase = q{SELECT string_agg(concat_ws(' ', "table", action, "rows"), ', ') FROM tarot.erase_subject('%s', false)};
is(left_in, '50|50|50|50', 'all are there');

# ---------------------------------------------------------------- a dump of before, and of after

sub dump_to
{
	local $ENV{PGOPTIONS} = $envelopes;
	command_ok([ 'pg_dump', '-Fd', '-j2', '-d', $node->connstr('postgres'), '-f', "$dir/$_[0]" ], "dumped: $_[0]");
}
sub restore
{
	my ($dump, $db) = @_;
	local $ENV{PGOPTIONS} = $envelopes;
	ask($node, "CREATE DATABASE $db");
	command_ok([ 'pg_restore', '--exit-on-error', '-j2', '-d', $node->connstr($db), "$dir/$dump" ], "restored: $dump into $db");
}
dump_to('before');
is(ask_as($node, 'officer', sprintf($erase, 7)), 'public.customer anonymize 1, public.item delete 1, public.note delete 1, public.purchase keep 1, diary destroy key 1', 'erased');
is(ask_as($node, 'officer', sprintf($erase =~ s/false/false, audit_details => true/r, 8)) =~ /customer anonymize 1/, 1, 'another, too, with what the audit log has of them');
my $logged = q{SELECT string_agg(coalesce(new->>'name', 'erased'), ', ' ORDER BY transaction) FROM tarot.audit_log WHERE table_name = 'public.customer' AND operation = 'INSERT' AND (key IS NULL OR key->>'id' IN ('7', '8'))};
is(ask($node, $logged), 'Customer 7, erased', 'of the one it is left in the log, of the other it is not');
is(left_in, '48|50|48|48', 'they are gone');
dump_to('after');
my $list = ask_as($node, 'officer', 'SELECT tarot.export_erasures()');
is(scalar(split(/\n/, $list)), 2, 'a line of each is kept outside');
unlike($list, qr/Customer|diary of/, 'and tells nothing of them');

# ---------------------------------------------------------------- restored

restore('before', 'of_before');
my $tables = q{SELECT string_agg(concat_ws(' ', "table", columns, via, problem), ', ' ORDER BY "table"::text COLLATE "C") FROM tarot.subject_tables};
is(ask($node, $tables, db => 'of_before'), ask($node, $tables), 'registrations come along, whatever the numbers of columns are');
is(left_in('of_before'), '50|50|50|50', 'in the backup they are there');
is(ask_as($node, 'officer', 'SELECT count(*) FROM tarot.replay_erasures()', db => 'of_before'), '0', 'which does not know of it');
is(ask_as($node, 'officer', join('', map { "SELECT tarot.import_erasure(\$x\$$_\$x\$);" } split(/\n/, $list)), db => 'of_before'), "t\nt", 'the list is taken in');
is(ask_as($node, 'officer', 'SELECT string_agg("rows"::text || coalesce(problem, \'\'), \' \') FROM tarot.replay_erasures()', db => 'of_before'), '4 8', 'and replayed');
is(left_in('of_before'), '48|50|48|48', 'they are gone again');
is(ask($node, $logged, db => 'of_before'), 'Customer 7, erased', 'from the log as well, where that was asked for');
is(ask_as($node, 'officer', 'SELECT sum("rows") FROM tarot.replay_erasures()', db => 'of_before'), '0', 'once');
is(ask($node, q{SELECT count(*) FROM tarot.audit_log WHERE operation = 'ERASE SUBJECT AGAIN'}, db => 'of_before'), '2', 'which is on record');

restore('after', 'of_after');
is(left_in('of_after'), '48|50|48|48', 'a backup of after has nothing of them');
is(ask($node, 'SELECT count(*) FROM tarot.erasure', db => 'of_after'), '2', 'and the list itself');
is(ask_as($node, 'officer', "SELECT string_agg(tarot.erasure_certificate((l::json->>'erasure_id')::uuid)->'certificate'->>'command', ' ') FROM tarot.export_erasures() l", db => 'of_after'), 'ERASE SUBJECT ERASE SUBJECT', 'and the certificates');

# Another key ring cannot be told who it was.
ask($node, 'CREATE DATABASE stranger');
ask($node, q{CREATE EXTENSION tarot_security; SELECT tarot.create_key('people'); GRANT EXECUTE ON FUNCTION tarot.import_erasure TO officer}, db => 'stranger');
my $one = (split(/\n/, $list))[0];
like(error_of($node, "SELECT tarot.import_erasure(\$x\$$one\$x\$)", db => 'stranger'), qr/cannot be opened with the keys/, 'a list of another database is refused');

# Nobody changes what a line says: a date that is never forgotten, a report of something else.
like(error_of($node, "SELECT tarot.import_erasure(\$x\$" . ($one =~ s/$_->[0]/$_->[1]/r) . "\$x\$)", role => 'officer'), $_->[2], "refused: $_->[1]")
  foreach [ qr/"erased_at":"\d{4}/, '"erased_at":"2999', qr/cannot be opened/ ], [ qr/"erased_at":"[^"]*"/, '"erased_at":"infinity"', qr/the line is no erasure/ ],
  [ qr/anonymize/, 'delete', qr/cannot be opened/ ], [ qr/"audit_details":false/, '"audit_details":true', qr/cannot be opened/ ];

# ---------------------------------------------------------------- crashes

my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_until(qr/erased/, "BEGIN;\nSELECT count(*) FROM tarot.erase_subject('9', false);\n\\echo erased\n");
$node->stop('immediate');
eval { $session->quit };
$node->start;
is(left_in, '48|50|48|48', 'what was not committed did not happen');
is(ask($node, 'SELECT count(*) FROM tarot.erasure'), '2', 'nor is it said that it did');
ask_as($node, 'officer', sprintf($erase, 9));
$node->stop('immediate');
$node->start;
is(left_in, '47|50|47|47', 'what was, did');
is(ask($node, q{SELECT count(*) FROM tarot.audit_log WHERE operation = 'ERASE SUBJECT'}), '3', 'with its certificate');

# ---------------------------------------------------------------- the server log

ask($node, 'ALTER TABLE customer ADD CHECK (name NOT LIKE $$%[erased]%$$) NOT VALID');
like(error_of($node, sprintf($erase, 10), role => 'officer'), qr/constraint "customer_name_check" of table "customer" is in the way/, 'a constraint in the way');
unlike(server_log($node), qr/Customer 10|diary of 10|Failing row/, 'what stands in a row is not in the log');
done_testing;

# Statements on record where no transaction block can be, where nothing can be written, and where a rollback takes nothing back.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $node = new_node('stated', streaming => 1);
ask($node, q{CREATE EXTENSION tarot_security; CREATE TABLE account (id int PRIMARY KEY, note text); INSERT INTO account VALUES (1, 'x'); SELECT tarot.audit_statements('{ddl,copy}')});
my $log = q{SELECT operation, coalesce(new->>'database', new->>'setting'), coalesce(new->>'value', '') FROM tarot.audit_log WHERE new ? 'database' OR new ? 'setting' ORDER BY transaction, number};

ask($node, 'CREATE DATABASE other');
isnt(error_of($node, 'CREATE DATABASE other'), '', 'a database that is there is not made');
isnt(error_of($node, 'BEGIN; DROP DATABASE other; COMMIT'), '', 'nor dropped in a transaction block');
ask($node, 'DROP DATABASE other');
ask($node, 'DROP DATABASE IF EXISTS other');
ask($node, q{ALTER SYSTEM SET work_mem = '5MB'});
ask($node, 'ALTER SYSTEM RESET work_mem');
isnt(error_of($node, q{ALTER SYSTEM SET work_mem = 'much'}), '', 'nor is a setting what it cannot be');
is(ask($node, $log), "CREATE DATABASE|other|\nDROP DATABASE|other|\nDROP DATABASE|other|\nALTER SYSTEM|work_mem|5MB\nALTER SYSTEM|work_mem|", 'databases and ALTER SYSTEM');

# What a server is made without is on record though nothing was asked for.
ask($node, 'SELECT tarot.unaudit_statements()');
ask($node, q{ALTER SYSTEM SET shared_preload_libraries = ''});
ask($node, 'ALTER SYSTEM RESET shared_preload_libraries');
like(ask($node, "$log OFFSET 5"), qr/\AALTER SYSTEM\|shared_preload_libraries\|.*\nALTER SYSTEM\|shared_preload_libraries\|\z/, 'that the library is not loaded');
ask($node, q{SELECT tarot.audit_statements('{ddl,copy}')});

# In several transactions.
ask($node, 'CREATE INDEX CONCURRENTLY note ON account (note)');
ask($node, 'REINDEX INDEX CONCURRENTLY note');
ask($node, 'DROP INDEX CONCURRENTLY note');
ask($node, 'VACUUM FULL account');
is(ask($node, q{SELECT string_agg(operation, ',' ORDER BY transaction, number) FROM tarot.audit_log WHERE table_name = 'public.note'}), 'CREATE INDEX,DROP INDEX', 'CONCURRENTLY');

# Prepared, and by the extended protocol.
ask($node, 'CREATE PROCEDURE two() LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE first (a int); COMMIT; CREATE TABLE second (a int); ROLLBACK; CREATE TABLE third (a int); END $$');
ask($node, 'CALL two()');
is(ask($node, q{SELECT string_agg(table_name, ',' ORDER BY transaction, number), count(DISTINCT transaction) FROM tarot.audit_log WHERE operation = 'CREATE TABLE'}), 'public.first,public.third|2', 'in a procedure that commits');

# ---------------------------------------------------------------- a standby reads, and writes nothing

$node->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'b', has_streaming => 1);
$standby->start;
my $entries = 'SELECT count(*) FROM tarot.audit_entry';
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is(ask($standby, 'COPY account TO stdout'), "1\tx", 'COPY on a standby');
is(ask($standby, $entries), ask($node, $entries), 'is not on record');

# ---------------------------------------------------------------- dumps

# They end without COMMIT: their entries go, what is in the server log stays.
my $line = qr/audit: COPY of 1 rows from "public\.account" by role "\w+", session role "\w+"/;
unlike(server_log($node), $line, 'nothing is in the server log of what is on record');
like(server_log($standby), $line, 'what a standby has sent is');
ask($node, 'COPY account TO stdout');
unlike(server_log($node), $line, 'nor of COPY that is a transaction by itself');
is(ask($node, q{SELECT count(*) FROM tarot.audit_log WHERE operation = 'COPY'}), 1, 'whose entry is there');
$node->command_ok([ 'pg_dump', '-t', 'account', $node->connstr('postgres') ], 'pg_dump');
is(ask($node, q{SELECT count(*) FROM tarot.audit_log WHERE operation = 'COPY'}), 1, 'leaves no entry');
like(server_log($node), $line, 'but a line in the server log');

# ---------------------------------------------------------------- the extension itself

ask($node, 'DROP EXTENSION tarot_security CASCADE');
like(server_log($node), qr/the audit log was dropped with extension "tarot_security"/, 'that the log was dropped is in the server log');
ask($node, 'CREATE TABLE after_it (a int); DROP TABLE after_it');

unlike(server_log($_), qr/was terminated by signal|PANIC/, $_->name . ': no process died') foreach $node, $standby;
done_testing;

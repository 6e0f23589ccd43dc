# Workers that are turned on when there is no room for any process: what became due meanwhile is done as soon as there is.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

# One of the two is the launcher's.
my $node = new_node('room', conf => "max_worker_processes = 2\nmax_logical_replication_workers = 0\nautovacuum = off");
ask($node, 'CREATE DATABASE elsewhere; CREATE EXTENSION tarot_security');
ask($node, q{CREATE TABLE old (at date); INSERT INTO old VALUES ('2020-01-01'); SELECT tarot.add_retention('old', 'at', '1 year', policy => 'old')});
ask($node, 'CREATE TABLE busy AS SELECT 1 AS id; ALTER TABLE busy SET (parallel_workers = 2)', db => 'elsewhere');

# Somebody's parallel query has the other.
my $session = $node->background_psql('elsewhere', on_error_stop => 0);
$session->query_safe("SET $_") foreach ('parallel_setup_cost = 0', 'parallel_tuple_cost = 0', 'parallel_leader_participation = off', 'max_parallel_workers_per_gather = 2');
$session->query_until(qr/begun/, "\\echo begun\nSELECT count(*) FROM busy WHERE pg_sleep(1000 * id) IS NULL;\n");
my $busy = q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'parallel worker' AND wait_event = 'PgSleep'};
ok(poll($node, $busy, db => 'elsewhere'), 'there is no room');

# Nobody connects to the database of the job until its worker is there: what commits there may wake a worker.
ask($node, 'ALTER SYSTEM SET tarot_security.worker = on', db => 'elsewhere');
$node->reload;
ok(wait_until(sub { server_log($node) =~ /tarot_security waits for a free background worker/ }), 'that the workers wait for room is told');
ask($node, q{SELECT pg_cancel_backend(leader_pid) FROM pg_stat_activity WHERE backend_type = 'parallel worker'}, db => 'elsewhere');
ok(poll($node, q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'tarot_security worker' AND datname = 'postgres')}, db => 'elsewhere'), 'when there is some, the worker comes');
ok(poll($node, q{SELECT coalesce((SELECT outcome = 'finished' AND rows = 1 FROM tarot.job_run WHERE job = 'old'), false)}), 'and does what was due');
$session->quit;

$node->stop;
done_testing();

# Jobs that come with a dump wait until all of it is there: holds, foreign keys and triggers come after them. And the worker that is turned on by a reload,
# which finds what became due while it was off.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $node = new_node('restore', conf => "autovacuum = off\nmax_worker_processes = 12");
sub last_run { my ($db, $what) = @_; return ask($node, "SELECT $what FROM tarot.job_run WHERE job = 'customers' ORDER BY number DESC LIMIT 1", db => $db) }
sub state_is { my ($db, $state) = @_; return poll($node, "SELECT state = '$state' FROM tarot.job_status WHERE job = 'customers'", db => $db) }
sub customers { my ($db) = @_; return ask($node, q{SELECT string_agg(id::text, ' ' ORDER BY id) FROM customer}, db => $db) }

# Of four old rows one is on hold, one is referred to, and one is kept by a trigger.
ask($node, <<'END');
CREATE EXTENSION tarot_security;
CREATE ROLE shop LOGIN;
GRANT CREATE ON SCHEMA public TO shop;
GRANT EXECUTE ON FUNCTION tarot.add_retention TO shop;
SET ROLE shop;
CREATE TABLE customer (id int PRIMARY KEY, left_at date);
CREATE TABLE invoice (id int PRIMARY KEY, customer int REFERENCES customer);
INSERT INTO customer SELECT i, '2020-01-01' FROM generate_series(1, 4) i;
INSERT INTO invoice VALUES (1, 1);
CREATE FUNCTION keeps() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN old.id <> 3 THEN old END; END $$;
CREATE TRIGGER keeps BEFORE DELETE ON customer FOR EACH ROW EXECUTE FUNCTION keeps();
SELECT tarot.hold('customer', 'case 7', 'court', 'id = 2');
SELECT tarot.add_retention('customer', 'left_at', '1 year', policy => 'customers');
RESET ROLE;
SELECT tarot.schedule_review('weekly', '7 days', 'Denials of the week', first_due => now() - interval '1 minute');
END
$node->command_ok([ $node->installed_command('pg_dump'), '-Fd', '-j2', '-f', "$dir/dump", $node->connstr('postgres') ], 'dumped');
foreach my $section ('pre-data', 'data', 'post-data')
{
	$node->command_ok([ $node->installed_command('pg_restore'), "--section=$section", '-f', "$dir/$section.sql", "$dir/dump" ], "$section as a script");
}

# ---------------------------------------------------------------- the worker is turned on

is(customers('postgres'), '1 2 3 4', 'without a worker nothing is done');
$node->append_conf('postgresql.conf', 'tarot_security.worker = on');
$node->reload;
ok(state_is('postgres', 'waiting'), 'turned on by a reload it does what is due, though nothing is committed');
is(customers('postgres'), '1 2 3', 'once');
is(last_run('postgres', 'number, outcome, rows, skipped, failures'), '1|finished|1|3|0', 'which is told');

# ---------------------------------------------------------------- a restore by a session that goes on

foreach my $how ('the session ends', 'somebody has it run')
{
	my $db = $how eq 'the session ends' ? 'ends' : 'runs';
	ask($node, "CREATE DATABASE $db");
	my $session = $node->background_psql($db);
	$session->query_until(qr/loaded/, "\\o /dev/null\n\\i $dir/pre-data.sql\n\\i $dir/data.sql\n\\echo loaded\n");
	ok(state_is($db, 'restoring'), "$how: the job is there");
	my $loaded = ask($node, 'SELECT clock_timestamp()');
	ok(poll($node, "SELECT EXISTS (SELECT FROM tarot.worker_status WHERE database = '$db' AND duty = 'jobs' AND last_run > '$loaded')", db => $db), "$how: the worker looks");
	ask($node, 'CALL tarot.run_due_jobs()', db => $db);
	is(customers($db), '1 2 3 4', "$how: nothing is done before the foreign key and the trigger are there");
	$session->query_until(qr/whole/, "\\i $dir/post-data.sql\n\\echo whole\n");
	if ($db eq 'runs') { ask($node, q{SELECT tarot.run_job_soon('customers')}, db => $db); }
	else { $session->quit; }
	ok(state_is($db, 'waiting'), "$how: then it is done");
	is(customers($db), '1 2 3', "$how: what is kept is kept");
	is(last_run($db, 'number, rows, skipped, failures'), '1|1|3|0', "$how: without a failure");
	is(ask($node, q{SELECT state FROM tarot.job_status WHERE job = 'weekly'}, db => $db), 'restoring', "$how: another job waits") if $db eq 'runs';
	$session->quit if $db eq 'runs';
	ok(poll($node, q{SELECT count(*) = 1 FROM tarot.job_run WHERE job = 'weekly' AND outcome = 'finished' AND failures = 0}, db => $db), "$how: reviews, too");
}

# Who has restored may run them at once.
ask($node, 'CREATE DATABASE self');
ask($node, 'ALTER SYSTEM SET tarot_security.worker = off');
$node->reload;
ok(poll($node, q{SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'tarot_security worker')}), 'the worker leaves');
ask($node, "\\i $dir/pre-data.sql\n\\i $dir/data.sql\n\\i $dir/post-data.sql\nSET search_path = public; CALL tarot.run_due_jobs()", db => 'self');
is(customers('self'), '1 2 3', 'by the session itself');
ask($node, 'ALTER SYSTEM RESET tarot_security.worker');
$node->reload;

# ---------------------------------------------------------------- by pg_restore

foreach my $jobs (1, 3)
{
	ask($node, "CREATE DATABASE by_$jobs");
	$node->command_ok([ $node->installed_command('pg_restore'), '--exit-on-error', "-j$jobs", '-d', $node->connstr("by_$jobs"), "$dir/dump" ], "pg_restore -j$jobs");
	ok(state_is("by_$jobs", 'waiting'), "-j$jobs: it is done afterwards");
	is(customers("by_$jobs"), '1 2 3', "-j$jobs: what is kept is kept");
	is(last_run("by_$jobs", 'number, rows, skipped, failures'), '1|1|3|0', "-j$jobs: without a failure");
}
unlike(server_log($node), qr/PANIC|TRAP|a batch of job/, 'nothing failed');
done_testing;

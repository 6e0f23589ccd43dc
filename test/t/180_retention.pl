# Retention by the background worker: after a commit, after a start of the server, beside locked rows and other runners, and each row once, whatever
# is killed in the middle; in dumps and on standbys.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run qw(start);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $node = new_node('retention', streaming => 1, conf => "tarot_security.worker = on\nrestart_after_crash = on\nautovacuum = off\nmax_worker_processes = 12");
ask($node, 'CREATE EXTENSION tarot_security; CREATE ROLE shop LOGIN; GRANT CREATE ON SCHEMA public TO shop; GRANT EXECUTE ON FUNCTION tarot.add_retention TO shop');
my $table = q{CREATE TABLE %1$s (id bigint PRIMARY KEY, made_at timestamptz NOT NULL, note text);
	INSERT INTO %1$s SELECT i, CASE WHEN i %% 2 = 0 THEN '2020-01-01'::timestamptz ELSE '2999-01-01' END, 'note' FROM generate_series(1, %2$s) AS i};
sub finished { my ($job, $database) = @_; return poll($node, "SELECT (SELECT state = 'waiting' FROM tarot.job_status WHERE job = '$job')", db => $database // 'postgres') }
sub last_run { my ($job, $what, $on) = @_; return ask($on // $node, "SELECT $what FROM tarot.job_run WHERE job = '$job' ORDER BY number DESC LIMIT 1") }

# ---------------------------------------------------------------- woken

ask($node, sprintf("SET ROLE shop; $table; SELECT tarot.add_retention('reading', 'made_at', '1 year', policy => 'readings')", 'reading', 2000));
ok(finished('readings'), 'a new policy is done at once');
is(ask($node, q{SELECT count(*), bool_and(made_at > now()) FROM reading}), '1000|t', 'the old rows are gone, and no others');
is(last_run('readings', 'outcome, rows, skipped'), 'finished|1000|0', 'and that is told');
is(ask($node, q{SELECT role || ' ' || session_role || ' ' || (new->>'rows') FROM tarot.audit_log WHERE operation = 'RETENTION'}), 'shop ' . ask($node, 'SELECT session_user') . ' 1000', 'the audit log has it, as the work of the owner');
ask($node, q{UPDATE reading SET made_at = '2020-01-01' WHERE id < 10; SELECT tarot.run_job_soon('readings')});
ok(poll($node, 'SELECT count(*) = 995 FROM reading'), 'it runs when it is to run soon, though the worker sleeps until its time');
finished('readings');

# Others wait until all processes have heard of them, the worker in its sleep, too.
ok(poll($node, q{SELECT state = 'asleep' FROM tarot.worker_status WHERE duty = 'jobs'}), 'the worker sleeps');
ask($node, 'CREATE DATABASE passing');
{
	local $ENV{PGOPTIONS} = '-c statement_timeout=60s';
	is(error_of($node, 'DROP DATABASE passing'), '', 'and keeps nobody from dropping a database');
}

# At its time: nobody commits anything then.
ask($node, q{UPDATE reading SET made_at = '2020-01-01' WHERE id < 20; UPDATE tarot.job_state SET due_at = now() + interval '2 seconds'; SELECT tarot.pause_job('readings'), tarot.resume_job('readings')});
ask($node, q{UPDATE tarot.job_state SET due_at = now() + interval '2 seconds'});
ok(poll($node, 'SELECT count(*) = 990 FROM reading'), 'at its time it runs');
finished('readings');

# Nobody wakes the worker after a start of the server.
ask($node, q{SELECT tarot.pause_job('readings'); UPDATE reading SET made_at = '2020-01-01' WHERE id < 30; UPDATE tarot.job_state SET due_at = now(); UPDATE tarot.job SET paused = false});
$node->restart;
ok(poll($node, 'SELECT count(*) = 985 FROM reading'), 'after a start of the server it runs, though nothing was committed since');

# ---------------------------------------------------------------- locked rows

{
	finished('readings');
	ask($node, q{UPDATE reading SET made_at = '2020-01-01' WHERE id < 50});
	my $session = $node->background_psql('postgres');
	$session->query_safe('BEGIN; SELECT FROM reading WHERE id = 31 FOR KEY SHARE; UPDATE reading SET note = note WHERE id = 33');
	ask($node, q{SELECT tarot.run_job_soon('readings')});
	ok(poll($node, "SELECT count(*) = 2 FROM reading WHERE made_at < '2021-01-01'"), 'rows that are not locked go');
	ok(finished('readings'), 'the run ends');
	is(last_run('readings', 'outcome, rows, skipped, failures'), 'finished|8|2|0', 'the locked ones are counted');
	is(ask($node, q{SELECT next_run < now() + interval '11 minutes' FROM tarot.job_status}), 't', 'and tried again soon');
	$session->query_safe('COMMIT');
	ask($node, q{SELECT tarot.run_job_soon('readings')});
	ok(poll($node, "SELECT count(*) = 0 FROM reading WHERE made_at < '2021-01-01'"), 'later they go');
	finished('readings');

	# Of the table itself: nothing is done, it is told, and tried again.
	ask($node, q{UPDATE reading SET made_at = '2020-01-01' WHERE id < 60});
	$session->query_safe('BEGIN; LOCK TABLE reading IN SHARE MODE');
	ask($node, q{SELECT tarot.run_job_soon('readings')});
	ok(poll($node, "SELECT state = 'failed' FROM tarot.job_status"), 'a locked table: the batch fails');
	is(last_run('readings', 'outcome, rows, sqlstate'), 'running|0|55P03', 'by its lock');
	$session->query_safe('COMMIT');
	$session->quit;
	ask($node, q{SELECT tarot.run_job_soon('readings')});
	ok(poll($node, "SELECT count(*) = 0 FROM reading WHERE made_at < '2021-01-01'"), 'later it goes on');
	finished('readings');
}

# ---------------------------------------------------------------- killed in the middle, with two that run it

# Each row that goes is told once, by the transaction that took it.
ask($node, sprintf("SET ROLE shop; $table; CREATE TABLE gone (id bigint); "
	  . 'CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.gone VALUES (old.id); RETURN NULL; END $$; CREATE TRIGGER tell AFTER DELETE ON many FOR EACH ROW EXECUTE FUNCTION tell()', 'many', 60000));
ask($node, q{SET ROLE shop; SELECT tarot.add_retention('many', 'made_at', '1 year', batch => 300, policy => 'many')});
my $crashes = 0;
for my $round (1 .. 3)
{
	my $client = start([ $node->installed_command('psql'), '-XAtq', '-d', $node->connstr('postgres'), '-c', 'CALL tarot.run_due_jobs()' ], '<', '/dev/null', '>', \my $out, '2>', \my $err);
	ok(poll($node, "SELECT rows > $round * 3000 OR outcome = 'finished' FROM tarot.job_run WHERE job = 'many' ORDER BY number DESC LIMIT 1"), "round $round: under way");
	my $pid = ask($node, q{SELECT pid FROM tarot.job_run r JOIN pg_stat_activity a USING (pid) WHERE job = 'many' AND outcome = 'running'});
	if ($pid ne '') { kill 9, $pid; $crashes++; }
	$client->finish;
	ok(poll($node, 'SELECT NOT pg_is_in_recovery()'), "round $round: the server is back");
	is(ask($node, q{SELECT (SELECT count(*) FROM many WHERE made_at < now()) + (SELECT count(*) FROM gone), count(DISTINCT id) = count(id), (SELECT rows FROM tarot.job_run WHERE job = 'many') = count(id) FROM gone}),
		'30000|t|t', "round $round: each row is there, or gone once, and counted");
}
cmp_ok($crashes, '>', 0, 'some were killed at work');
ok(finished('many'), 'the worker goes on by itself');
is(last_run('many', 'number, outcome, rows, skipped'), '1|finished|30000|0', 'in the same run');
is(ask($node, 'SELECT count(*), (SELECT count(*) FROM gone), (SELECT count(DISTINCT id) FROM gone) FROM many'), '30000|30000|30000', 'each row went once');

# Moved to an archive: each row is in one of both tables, at any time.
ask($node, sprintf("SET ROLE shop; $table; CREATE TABLE old (LIKE young INCLUDING ALL); SELECT tarot.add_retention('young', 'made_at', '1 year', 'archive', archive_to => 'old', batch => 200, policy => 'archive')", 'young', 30000));
ok(poll($node, q{SELECT rows > 2000 OR outcome = 'finished' FROM tarot.job_run WHERE job = 'archive'}), 'a run that archives is under way');
{
	my $pid = ask($node, q{SELECT pid FROM tarot.job_run r JOIN pg_stat_activity a USING (pid) WHERE job = 'archive' AND outcome = 'running'});
	kill 9, $pid if $pid ne '';
}
ok(poll($node, 'SELECT NOT pg_is_in_recovery()'), 'killed, the server is back');
my $both = q{SELECT count(*), count(DISTINCT id), (SELECT count(*) FROM old WHERE made_at > now()) FROM (SELECT id FROM young UNION ALL SELECT id FROM old) AS r};
is(ask($node, $both), '30000|30000|0', 'each row is in one of both tables, and no young one in the archive');
ok(finished('archive'), 'the worker goes on by itself');
is(last_run('archive', 'number, outcome, rows'), '1|finished|15000', 'in the same run');
is(ask($node, 'SELECT (SELECT count(*) FROM young), (SELECT count(*) FROM old), (SELECT count(*) FROM young WHERE made_at < now())'), '15000|15000|0', 'and all old rows are in the archive');

# ---------------------------------------------------------------- what else the worker has to do meanwhile

ask($node, sprintf("SET ROLE shop; $table; CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN PERFORM pg_sleep(0.1); RETURN NULL; END \$\$; CREATE TRIGGER slow AFTER DELETE ON slow FOR EACH ROW EXECUTE FUNCTION slow(); "
	  . "SELECT tarot.add_retention('slow', 'made_at', '1 year', batch => 1, policy => 'slow')", 'slow', 2000));
ok(poll($node, q{SELECT rows > 3 FROM tarot.job_run WHERE job = 'slow'}), 'a long run is under way');
ask($node, q{SELECT tarot.log_security_event('MEANWHILE', NULL, NULL, NULL)});
ok(poll($node, q{SELECT count(*) = 1 FROM tarot.security_event WHERE event_type = 'MEANWHILE'}), 'an event is written');
is(last_run('slow', 'outcome'), 'running', 'while the run goes on');
ask($node, q{SELECT tarot.cancel_job('slow'); DROP TABLE slow});
is(last_run('slow', 'outcome'), 'cancelled', 'and it is cancelled');

# ---------------------------------------------------------------- standbys, and dumps

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
ask($node, q{UPDATE reading SET made_at = '2020-01-01' WHERE id < 70; SELECT tarot.run_job_soon('readings')});
ok(poll($node, "SELECT count(*) = 0 FROM reading WHERE made_at < '2021-01-01'"), 'with a standby it runs');
finished('readings');
$node->wait_for_catchup($standby);
is(last_run('readings', 'outcome', $standby), 'finished', 'the standby tells what was done');
like(error_of($standby, 'CALL tarot.run_due_jobs()'), qr/25006/, 'and does nothing itself');
$node->safe_psql('postgres', q{UPDATE reading SET made_at = '2020-01-01' WHERE id < 80; SELECT tarot.pause_job('readings'); UPDATE tarot.job_state SET due_at = now() WHERE name = 'readings'; UPDATE tarot.job SET paused = false WHERE name = 'readings' AND false});
$node->wait_for_catchup($standby);
$node->stop;
$standby->promote;
ask($standby, q{SELECT tarot.resume_job('readings')});
ok(poll($standby, "SELECT count(*) = 0 FROM reading WHERE made_at < '2021-01-01'"), 'promoted, it runs there');
$standby->stop;

$node->start;
ask($node, q{SELECT tarot.register_subject_table('reading', 'id'), tarot.hold_subject('73', 'court'), tarot.hold_subject('75', 'court'), tarot.release_subject('75')});
ask($node, q{SELECT tarot.hold('reading', 'case 7', 'court', 'id = 71'), tarot.add_retention('reading', 'made_at', '2 years', every => '7 days', window_start => '1:00', window_end => '5:00', window_days => '{6,7}', time_zone => 'Europe/Berlin', policy => 'weekends')});
ask($node, q{SELECT tarot.pause_job('readings'), tarot.pause_job('weekends')});
my $jobs = q{SELECT string_agg(concat_ws(' ', job, kind, "table", every, window_start, window_end, window_days, time_zone, state), E'\n' ORDER BY job) FROM tarot.job_status WHERE "table" = 'reading'::regclass};
my $policies = q{SELECT string_agg(concat_ws(' ', policy, "table", age_column, keep, "where", batch, created_by, created_at), E'\n' ORDER BY policy) FROM tarot.retention_status};
my $before = ask($node, $jobs) . ask($node, $policies);
my $dump = PostgreSQL::Test::Utils::tempdir . '/dump';
$node->command_ok([ $node->installed_command('pg_dump'), '-Fc', '-f', $dump, $node->connstr('postgres') ], 'dumped');
ask($node, 'CREATE DATABASE restored');
$node->command_ok([ $node->installed_command('pg_restore'), '-d', $node->connstr('restored'), $dump ], 'restored');
is(ask($node, $jobs, db => 'restored') . ask($node, $policies, db => 'restored'), $before, 'the policies are as they were');
ask($node, q{UPDATE reading SET made_at = '2020-01-01' WHERE id IN (71, 73, 75, 81); SELECT tarot.resume_job('readings')}, db => 'restored');
ok(poll($node, q{SELECT array_agg(id ORDER BY id) = '{71,73}' FROM reading WHERE made_at < '2021-01-01'}, db => 'restored'), 'and are done there, but for what is on hold');
unlike(server_log($node), qr/PANIC|TRAP|terminated by signal (?!9)/, 'nothing died but what was killed');
done_testing;

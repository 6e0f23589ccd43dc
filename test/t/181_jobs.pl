# Jobs whose owners' code does not end, ends its session or leaves something behind, in the worker and by a client; standbys that are behind, rests beside
# others, clocks that are set; reviews that are due.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run qw(start);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $node = new_node('jobs', streaming => 1, conf => "tarot_security.worker = on\nrestart_after_crash = on\nautovacuum = off\nmax_worker_processes = 12\ntarot_security.job_timeout = '500ms'");
ask($node, 'CREATE EXTENSION tarot_security; CREATE ROLE shop LOGIN; CREATE ROLE runner LOGIN; GRANT CREATE ON SCHEMA public TO shop; GRANT EXECUTE ON FUNCTION tarot.add_retention TO shop; '
	  . 'GRANT EXECUTE ON PROCEDURE tarot.run_due_jobs TO runner, shop');
my $rows = q{INSERT INTO %1$s SELECT i, '2020-01-01' FROM generate_series(1, %2$s) AS i};
my $table = "CREATE TABLE %1\$s (id int, at date); $rows";
sub last_run { my ($job, $what) = @_; return ask($node, "SELECT $what FROM tarot.job_run WHERE job = '$job' ORDER BY number DESC LIMIT 1") }
sub run_is { my ($job, $condition) = @_; return poll($node, "SELECT coalesce((SELECT $condition FROM tarot.job_run WHERE job = '$job' ORDER BY number DESC LIMIT 1), false)") }
sub trigger { my ($name, $table, $body) = @_; return "CREATE FUNCTION $name() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN $body; RETURN old; END \$\$; CREATE TRIGGER $name BEFORE DELETE ON $table FOR EACH ROW EXECUTE FUNCTION $name()" }
sub worker { my ($running) = @_; ask($node, 'ALTER SYSTEM SET tarot_security.worker = ' . ($running ? 'on' : 'off')); $node->reload; return poll($node, 'SELECT ' . ($running ? q{current_setting('tarot_security.worker') = 'on'} : q{NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'tarot_security worker')})) }

# A client that runs jobs, and ends as it likes.
sub run_jobs
{
	my ($role) = @_;
	my %client = (out => '', err => '');
	$client{psql} = start([ $node->installed_command('psql'), '-XAtq', '-d', $node->connstr('postgres'), '-U', $role, '-c', 'CALL tarot.run_due_jobs()' ], '<', '/dev/null', '>', \$client{out}, '2>', \$client{err});
	return \%client;
}
sub ended { my ($client) = @_; $client->{psql}->finish; return $client->{err} }

# ---------------------------------------------------------------- code that does not end, in the worker

ask($node, join ';', 'SET ROLE shop', sprintf($table, 'endless', 1), sprintf($table, 'other', 3),
	trigger('never', 'endless', q{PERFORM pg_advisory_lock(1), set_config('lock_timeout', '0', false); LOOP BEGIN PERFORM pg_sleep(100); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP}),
	q{SELECT tarot.add_retention('endless', 'at', '1 year', policy => 'endless'), tarot.add_retention('other', 'at', '1 year', policy => 'other')});
ok(run_is('endless', q{sqlstate = 'TS601'}), 'it is ended');
ok(run_is('other', q{outcome = 'finished'}), 'another job is done');
is(last_run('endless', 'outcome, rows, message'), 'running|0|it took longer than tarot_security.job_timeout (500 ms)', 'and that is told');
like(server_log($node), qr/a batch of job "endless" failed: it took longer/, 'to the log, too');
ask($node, q{SELECT tarot.log_security_event('MEANWHILE', NULL, NULL, NULL)});
ok(poll($node, q{SELECT count(*) = 1 FROM tarot.security_event WHERE event_type = 'MEANWHILE'}), 'the worker does what else it has to do');
is(ask($node, q{SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND a.backend_type = 'tarot_security worker'}), 0, 'and holds no lock of the trigger');

# A lock that somebody holds, asked for without a timeout.
{
	my $session = $node->background_psql('postgres');
	$session->query_safe('SELECT pg_advisory_lock(2)');
	ask($node, q{SET ROLE shop; CREATE OR REPLACE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('lock_timeout', '0', false); PERFORM pg_advisory_xact_lock(2); RETURN old; END $$});
	my $failures = last_run('endless', 'failures');
	ask($node, q{SELECT tarot.run_job_soon('endless')});
	ok(run_is('endless', "failures > $failures AND sqlstate = 'TS601'"), 'a wait for a lock is ended, too');
	# People who change the job wait for its batch at most.
	ask($node, q{SELECT tarot.run_job_soon('endless')});
	ask($node, q{SELECT tarot.pause_job('endless')});
	is(ask($node, q{SELECT state FROM tarot.job_status WHERE job = 'endless'}), 'paused', 'it is paused after the batch');
	$session->query_safe('SELECT pg_advisory_unlock(2)');
	$session->quit;
	ask($node, q{SELECT tarot.resume_job('endless')});
	ok(run_is('endless', q{outcome = 'finished' AND rows = 1}), 'later it is done');
}

# ---------------------------------------------------------------- sessions that end in the middle

ok(worker(0), 'the worker leaves');
ask($node, join ';', 'SET ROLE shop', sprintf($table, 'deadly', 1), trigger('kills', 'deadly', 'PERFORM pg_terminate_backend(pg_backend_pid()), pg_sleep(0.001)'),
	sprintf($rows, 'other', 1), q{SELECT tarot.add_retention('deadly', 'at', '1 year', policy => 'deadly'), tarot.run_job_soon('other')});
ask($node, q{UPDATE tarot.job_state SET due_at = now() - interval '1 hour' WHERE name = 'deadly'});
like(ended(run_jobs('shop')), qr/terminating connection|closed the connection/, 'a trigger ends the session of its own role');
is(ask($node, q{SELECT began_at IS NOT NULL FROM tarot.job_state WHERE name = 'deadly'}), 't', 'that its batch began is on record');
is(ended(run_jobs('shop')), '', 'the next one goes on');
is(last_run('deadly', 'outcome, failures, sqlstate'), 'running|1|TS602', 'that it ended in the middle is told');
is(last_run('other', 'outcome, rows'), 'finished|1', 'other jobs are done');
is(ask($node, q{SELECT state, next_run > now() FROM tarot.job_status WHERE job = 'deadly'}), 'failed|t', 'and it is tried later');
ask($node, q{UPDATE tarot.job_state SET due_at = now() WHERE name = 'deadly'});
ok(ended(run_jobs('shop')) ne '', 'again');
is(ended(run_jobs('runner')), '', 'another role cannot be ended by it');
is(ask($node, q{SELECT failures FROM tarot.job_state WHERE name = 'deadly'}), 2, 'it is tried ever later');
ask($node, q{UPDATE tarot.job_state SET due_at = now() WHERE name = 'deadly'});
is(ended(run_jobs('runner')), '', 'another role tries it');
is(last_run('deadly', 'failures, sqlstate'), '3|42501', 'whose session the trigger may not end');
ask($node, q{DROP TABLE deadly});

# Cancelled by whoever runs them, or ended, or with the server.
ask($node, join ';', 'SET ROLE shop', sprintf($table, 'slow', 1), 'CREATE TABLE began (id int)', trigger('sleeps', 'slow', 'PERFORM pg_sleep(100)'), q{SELECT tarot.add_retention('slow', 'at', '1 year', policy => 'slow')});
sub at_work { return poll($node, q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')}) }
my $failures = 0;
ask($node, q{ALTER SYSTEM SET tarot_security.job_timeout = 0; SELECT pg_reload_conf()});
foreach my $how ('pg_cancel_backend', 'pg_terminate_backend', 'kill')
{
	ask($node, q{SELECT tarot.run_job_soon('slow')});
	my $client = run_jobs('runner');
	ok(at_work(), "$how: at work");
	my $pid = ask($node, q{SELECT pid FROM tarot.job_progress WHERE job = 'slow'});
	is(ask($node, "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND wait_event = 'PgSleep'"), 1, "$how: who is at it is told while it is");
	if ($how eq 'kill') { kill 9, $pid; }
	else { ask($node, "SELECT $how($pid)"); }
	ok(ended($client) ne '', "$how: it ends");
	ok(poll($node, 'SELECT NOT pg_is_in_recovery()'), "$how: the server is there");
	ended(run_jobs('runner'));
	is(last_run('slow', 'outcome, sqlstate, failures'), 'running|TS602|' . ++$failures, "$how: the next one tells");
	is(ask($node, q{SELECT count(*) FROM pg_locks WHERE classid = 'pg_class'::regclass AND objsubid = 1}), 0, "$how: no lock is left");
}
ask($node, q{ALTER SYSTEM RESET tarot_security.job_timeout; SELECT pg_reload_conf()});
ask($node, 'DROP TABLE slow');

# ---------------------------------------------------------------- standbys that are behind

ask($node, q{ALTER SYSTEM SET tarot_security.job_max_lag = '1s'; SELECT pg_reload_conf()});
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', 'wal_receiver_status_interval = 1s');
$standby->start;
ask($node, join ';', 'SET ROLE shop', sprintf($table, 'many', 400), q{SELECT tarot.add_retention('many', 'at', '1 year', batch => 1, policy => 'many')}, q{SELECT tarot.pause_job('many')});
$node->wait_for_catchup($standby);
sub waits_for_standby { return poll($node, q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'Extension' AND query LIKE 'CALL%')}) }
sub say_waiting { my @said = server_log($node) =~ /jobs wait for a standby/g; return scalar @said }
foreach my $by ('client', 'worker')
{
	my $said = say_waiting();
	ask($node, sprintf($rows, 'many', 400));
	$node->wait_for_catchup($standby);
	ask($standby, 'SELECT pg_wal_replay_pause()');
	ok(poll($standby, q{SELECT pg_get_wal_replay_pause_state() = 'paused'}), "$by: the standby replays nothing");
	worker(1) if $by eq 'worker';
	ask($node, q{SELECT tarot.resume_job('many')});
	my $client = $by eq 'client' ? run_jobs('runner') : undef;
	ok(wait_until(sub { say_waiting() > $said }), "$by: jobs wait for it");
	my $left = ask($node, 'SELECT count(*) FROM many');
	cmp_ok($left, '>', 0, "$by: before all is done");
	is(last_run('many', 'outcome'), 'running', "$by: in the middle of a run");
	# It is idle, and replies come late.
	ask($node, 'SELECT pg_sleep(2)');
	is(ask($node, 'SELECT count(*) FROM many'), $left, "$by: nothing is done meanwhile");
	ask($standby, 'SELECT pg_wal_replay_resume()');
	ok(poll($node, 'SELECT count(*) = 0 FROM many'), "$by: when it has caught up, they go on");
	is(ended($client), '', "$by: to the end") if $client;
	run_is('many', q{outcome = 'finished'});
	ask($node, q{SELECT tarot.pause_job('many')});
}
# One that has caught up and is idle keeps nobody waiting, nor one that is gone.
$standby->stop;
ask($node, sprintf($rows, 'many', 3) . q{; SELECT tarot.resume_job('many')});
ok(poll($node, 'SELECT count(*) = 0 FROM many'), 'a standby that is gone keeps nobody waiting');
ask($node, q{ALTER SYSTEM RESET tarot_security.job_max_lag; SELECT pg_reload_conf()});

# ---------------------------------------------------------------- beside others

ok(worker(0), 'the worker leaves');
ask($node, q{ALTER SYSTEM SET tarot_security.job_share = 0.01; SELECT pg_reload_conf()});
ask($node, join ';', 'SET ROLE shop', sprintf($table, 'shared', 3), trigger('takes_time', 'shared', 'PERFORM pg_sleep(0.3)'), q{SELECT tarot.add_retention('shared', 'at', '1 year', batch => 1, policy => 'shared')});
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_until(qr/begun/, "\\echo begun\nSELECT pg_sleep(1000);\n");
	ok(poll($node, q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1000)%' AND wait_event = 'PgSleep')}), 'somebody is at work');
	my $client = run_jobs('runner');
	ok(run_is('shared', 'rows = 1'), 'one batch is done');
	ok(poll($node, q{SELECT wait_event = 'Extension' FROM pg_stat_activity WHERE query LIKE 'CALL%'}), 'and then it rests');
	ask($node, q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL%'});
	like(ended($client), qr/canceling statement/, 'a rest can be cancelled');
	is(last_run('shared', 'rows, failures, sqlstate IS NULL'), '1|0|t', 'which is no failure');
	ask($node, q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1000)%' AND pid <> pg_backend_pid()});
	$session->quit;
}

# Who is between two statements when the batch ends was at work, too.
ask($node, q{ALTER SYSTEM SET tarot_security.job_timeout = 0; SELECT pg_reload_conf()});
ask($node, q{SET ROLE shop; CREATE OR REPLACE FUNCTION takes_time() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('lock_timeout', '0', true), pg_advisory_xact_lock(3); PERFORM pg_sleep(0.3); RETURN old; END $$});
{
	my $session = $node->background_psql('postgres');
	$session->query_safe('SELECT pg_advisory_lock(3)');
	my $client = run_jobs('runner');
	ok(poll($node, q{SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)}), 'a batch is under way');
	$session->query_safe('SELECT pg_advisory_unlock(3)');
	ok(run_is('shared', 'rows = 2'), 'it is done');
	ok(poll($node, q{SELECT wait_event = 'Extension' FROM pg_stat_activity WHERE query LIKE 'CALL%'}), 'and then it rests, though nobody else is at work just then');
	ask($node, q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL%'});
	ended($client);
	$session->quit;
}
ask($node, q{ALTER SYSTEM RESET tarot_security.job_timeout; ALTER SYSTEM SET tarot_security.job_share = 1; SELECT pg_reload_conf()});
is(ended(run_jobs('runner')), '', 'without a share to keep to');
is(last_run('shared', 'outcome, rows'), 'finished|3', 'it is done');

# ---------------------------------------------------------------- commits

# Most of a run's commits do not wait for the disk; the last one does.
{
	my $syncs = ask($node, 'SHOW server_version_num') >= 180000 ? q{SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'} : 'SELECT wal_sync FROM pg_stat_wal';
	ask($node, 'ALTER SYSTEM SET fsync = on; ALTER SYSTEM SET wal_sync_method = fdatasync; SELECT pg_reload_conf()');
	ask($node, join ';', 'SET ROLE shop', sprintf($table, 'small', 3000), q{SELECT tarot.add_retention('small', 'at', '1 year', batch => 10, policy => 'small')});
	is(ended(run_jobs('runner')), '', 'a run in small batches');
	$node->stop('immediate');
	$node->start;
	is(last_run('small', 'outcome, rows'), 'finished|3000', 'a crash takes nothing back of a run that is told to be done');
	is(ask($node, 'SELECT count(*) FROM small'), 0, 'nor any of its rows');

	# Statistics do not outlast a crash.
	ask($node, sprintf($rows, 'small', 3000));
	my $before = ask($node, $syncs);
	ask($node, q{SELECT tarot.run_job_soon('small')});
	is(ended(run_jobs('runner')), '', 'another');
	my $batches = last_run('small', 'batches');
	cmp_ok($batches, '>=', 300, 'of many batches');
	cmp_ok(ask($node, $syncs) - $before, '>', 0, 'it did wait for the disk');
	cmp_ok(ask($node, $syncs) - $before, '<', $batches, 'but not for each of its batches');
	ask($node, 'ALTER SYSTEM RESET fsync; SELECT pg_reload_conf()');
}

# ---------------------------------------------------------------- reviews

ok(worker(1), 'the worker is there');
ask($node, q{SELECT tarot.schedule_review('weekly', '7 days', 'Denials of the week', first_due => now() - interval '1 minute'), tarot.schedule_review('monthly', '1 month', 'Grants', first_due => now() - interval '10 days'),
	tarot.schedule_review('soon', '1 day', 'Soon', first_due => now() + interval '2 seconds'), tarot.schedule_review('later', '1 day', 'Later', first_due => now() + interval '1 hour')});
ok(poll($node, q{SELECT string_agg(details->>'review' || ' ' || action || ' ' || status, ', ' ORDER BY details->>'review', action) = 'monthly due success, monthly overdue failure, soon due success, weekly due success'
	FROM tarot.security_event WHERE event_type = 'REVIEW'}), 'what is due is an event, at its time');
is(ask($node, q{SELECT source || ' ' || role FROM tarot.security_event WHERE details->>'review' = 'weekly'}), 'tarot_security ' . ask($node, 'SELECT session_user'), 'of the extension itself');
ask($node, q{SELECT tarot.complete_review('weekly', 'findings', 'Three denials of one role')});
$node->restart;
ok(poll($node, q{SELECT count(*) = 0 FROM tarot.job_status WHERE kind = 'review' AND state <> 'waiting'}), 'after a start of the server');
is(ask($node, q{SELECT count(*) FROM tarot.security_event WHERE event_type = 'REVIEW'}), 4, 'nothing is told again');

# In dumps: what came of them, and what is due.
my $reviews = q{SELECT string_agg(concat_ws(' ', name, description, every, time_zone, within, next_due, due_since, last_outcome, last_completed_at), E'\n' ORDER BY name) FROM tarot.reviews};
my $outcomes = q{SELECT string_agg(o::text, E'\n' ORDER BY review, completed_at) FROM tarot.review_outcome o};
my $before = ask($node, $reviews) . ask($node, $outcomes);
my $dump = PostgreSQL::Test::Utils::tempdir . '/dump';
$node->command_ok([ $node->installed_command('pg_dump'), '-Fc', '-f', $dump, $node->connstr('postgres') ], 'dumped');
ask($node, 'CREATE DATABASE restored');
$node->command_ok([ $node->installed_command('pg_restore'), '-d', $node->connstr('restored'), $dump ], 'restored');
is(ask($node, $reviews, db => 'restored') . ask($node, $outcomes, db => 'restored'), $before, 'reviews are as they were');
like(error_of($node, 'DELETE FROM tarot.review_outcome', db => 'restored'), qr/42501/, 'and what came of them stays');
ok(poll($node, q{SELECT count(*) = 4 FROM tarot.job_status WHERE kind = 'review' AND state = 'waiting'}, db => 'restored'), 'the jobs are there');
is(ask($node, q{SELECT count(*) FROM tarot.security_event WHERE event_type = 'REVIEW'}, db => 'restored'), 4, 'and tell nothing again');

# Policies of a table whose owner is another one where a dump is restored.
ask($node, q{SELECT tarot.pause_job('many'), tarot.pause_job('other'); TRUNCATE other; INSERT INTO other VALUES (1, '2020-01-01')});
ask($node, sprintf($rows, 'shared', 1));
$node->command_ok([ $node->installed_command('pg_dump'), '-Fc', '-f', "$dump.2", $node->connstr('postgres') ], 'dumped again');
ask($node, 'CREATE DATABASE unowned');
$node->command_ok([ $node->installed_command('pg_restore'), '--no-owner', '-d', $node->connstr('unowned'), "$dump.2" ], 'restored without owners');
ok(poll($node, q{SELECT sqlstate = 'TS603' FROM tarot.job_run WHERE job = 'shared'}, db => 'unowned'), 'what the owner wrote is not run as another one');
is(ask($node, 'SELECT count(*) FROM shared', db => 'unowned'), 1, 'nothing is deleted');
ask($node, q{SELECT tarot.resume_job('shared')}, db => 'unowned');
ok(poll($node, 'SELECT count(*) = 0 FROM shared', db => 'unowned'), 'until that agrees');

unlike(server_log($node), qr/PANIC|TRAP|terminated by signal (?!9)/, 'nothing died but what was killed');
done_testing;

# Jobs and a clock that is put back or on, and that changes to and from summer time. The server gets its time through a library that adds to it what
# stands in a file.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $library = "$dir/clock.so";
system_or_bail('gcc', '-std=gnu11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', '-o', $library, "$FindBin::RealBin/lib/set_clock.c");

sub set_clock { write_private("$dir/clock", "$_[0]\n", 0644); return; }
set_clock(0);
chmod 0755, $dir;
my $node = new_node('clock', start => 0, conf => "tarot_security.worker = on\nautovacuum = off\nmax_worker_processes = 12\ntimezone = 'UTC'");
{
	local @ENV{qw(LD_PRELOAD TAROT_TEST_CLOCK)} = ($library, "$dir/clock");
	$node->start;
}
ask($node, q{CREATE EXTENSION tarot_security; CREATE TABLE reading (id int, at timestamptz); INSERT INTO reading VALUES (1, '2000-01-01'); SELECT tarot.add_retention('reading', 'at', '1 day', policy => 'readings')});
sub finished { return poll($node, q{SELECT state = 'waiting' FROM tarot.job_status WHERE job = 'readings'}) }
ok(finished(), 'it runs');

# ---------------------------------------------------------------- put back while the worker sleeps until a job's time

my $year = 366 * 24 * 3600;
ask($node, q{BEGIN; INSERT INTO reading VALUES (2, '2000-01-01'); UPDATE tarot.job_state SET due_at = now() + interval '10 seconds'; UPDATE tarot.job SET paused = false; COMMIT});
ok(poll($node, q{SELECT state = 'asleep' FROM tarot.worker_status WHERE duty = 'jobs'}), 'the worker sleeps');
set_clock(-$year);
ok(poll($node, 'SELECT count(*) = 0 FROM reading WHERE id = 2'), 'put back by a year: it is done all the same');
ok(finished(), 'the run ends');
is(ask($node, q{SELECT next_run - clock_timestamp() BETWEEN interval '23 hours' AND interval '25 hours' FROM tarot.job_status}), 't', 'and the next is a day later by that clock');
ask($node, q{INSERT INTO reading VALUES (4, '2000-01-01'); SELECT tarot.run_job_soon('readings')});
ok(poll($node, 'SELECT count(*) = 0 FROM reading WHERE id = 4'), 'it can be woken');
finished();
is(ask($node, q{SELECT string_agg(outcome || ' ' || failures, ', ' ORDER BY number) FROM tarot.job_run}), 'finished 0, finished 0, finished 0', 'no run failed');

# A worker that failed, and is to start later by the clock that was.
set_clock(0);
ask($node, q{INSERT INTO reading VALUES (5, '2000-01-01'); SELECT tarot.run_job_soon('readings')});
ok(poll($node, 'SELECT count(*) = 0 FROM reading WHERE id = 5'), 'put on again');
finished();

# ---------------------------------------------------------------- summer time, to and fro, run by a client

ask($node, 'ALTER SYSTEM SET tarot_security.worker = off');
$node->reload;
ok(poll($node, q{SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'tarot_security worker')}), 'the worker leaves');
ask($node, q{SELECT tarot.remove_retention('readings');
	SELECT tarot.add_retention('reading', 'at', '1 day', window_start => '2:10', window_end => '2:50', time_zone => 'Europe/Berlin', policy => 'in the hour'),
		tarot.add_retention('reading', 'at', '1 day', window_start => '1:00', window_end => '4:00', time_zone => 'Europe/Berlin', policy => 'around it')});
my $runner = $node->background_psql('postgres');
foreach my $change ([ 'to summer', '2027-03-27', '03-27 02, 03-28 03, 03-29 02', '03-27 01, 03-28 01, 03-29 01' ], [ 'from summer', '2027-10-30', '10-30 02, 10-31 02, 11-01 02', '10-30 01, 10-31 01, 11-01 01' ])
{
	my ($what, $day, $in, $around) = @$change;
	my $begin = ask($node, "SELECT floor(extract(epoch FROM timestamptz '$day 00:20 Europe/Berlin'))");
	set_clock($begin - 24 * 3600 - time);
	$runner->query_safe('CALL tarot.run_due_jobs()');
	$runner->query_safe('DELETE FROM tarot.job_run');
	# Each day some minutes later than the day before, so that a day's run is never a second too soon.
	foreach my $half_hour (0 .. 2 * 71)
	{
		set_clock($begin + $half_hour * 1810 - time);
		$runner->query_safe('CALL tarot.run_due_jobs()');
	}
	my $runs = q{SELECT string_agg(to_char(started_at AT TIME ZONE 'Europe/Berlin', 'MM-DD HH24'), ', ' ORDER BY started_at) FROM tarot.job_run WHERE outcome = 'finished' AND job = };
	is(ask($node, "${runs}'in the hour'"), $in, "$what: once a day, also where that hour is left out, or there twice");
	is(ask($node, "${runs}'around it'"), $around, "$what: once a day, around it");
	is(ask($node, 'SELECT count(*) FROM tarot.job_run WHERE failures > 0'), 0, "$what: no run failed");
}
$runner->quit;
unlike(server_log($node), qr/PANIC|TRAP|terminated by signal/, 'no process died');
done_testing;

# Partitions dropped by retention: detached by the worker beside readers and writers, finished after a crash in the midst of it and when whoever was in the way has
# gone, and made partitions again for a hold that comes meanwhile.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $node = new_node('partitions', conf => "tarot_security.worker = on\nrestart_after_crash = on\nautovacuum = off\nmax_worker_processes = 12");
ask($node, q{CREATE EXTENSION tarot_security; CREATE ROLE shop LOGIN; GRANT CREATE ON SCHEMA public TO shop; GRANT EXECUTE ON FUNCTION tarot.add_retention TO shop});

# Two old partitions and one that is not; what looks for rows on hold waits while lock 42 is taken.
ask($node, q{SET ROLE shop;
	CREATE FUNCTION slow() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN WHILE NOT pg_catalog.pg_try_advisory_xact_lock_shared(42) LOOP PERFORM pg_catalog.pg_sleep(0.01); END LOOP; RETURN false; END $$});
sub make
{
	my ($table) = @_;
	ask($node, qq{SET ROLE shop;
		CREATE TABLE $table (id int, at date NOT NULL) PARTITION BY RANGE (at);
		CREATE TABLE ${table}_1 PARTITION OF $table FOR VALUES FROM ('2019-01-01') TO ('2020-01-01');
		CREATE TABLE ${table}_2 PARTITION OF $table FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
		CREATE TABLE ${table}_3 PARTITION OF $table FOR VALUES FROM ('2021-01-01') TO ('2999-01-01');
		INSERT INTO $table SELECT i, '2019-01-01'::date + i FROM generate_series(1, 1000) AS i});
}
sub add { my ($table) = @_; ask($node, qq{SET ROLE shop; SELECT tarot.add_retention('$table', 'at', '1 year', 'drop_partition', policy => '$table')}) }
sub finished { my ($job) = @_; return poll($node, "SELECT state = 'waiting' FROM tarot.job_status WHERE job = '$job'") }
sub last_run { my ($job, $what) = @_; return ask($node, "SELECT $what FROM tarot.job_run WHERE job = '$job' ORDER BY number DESC LIMIT 1") }
sub run_is { my ($job, $condition) = @_; return poll($node, "SELECT coalesce((SELECT $condition FROM tarot.job_run WHERE job = '$job' ORDER BY number DESC LIMIT 1), false)") }
sub partitions { my ($table) = @_; return ask($node, "SELECT string_agg(inhrelid::regclass::text, ' ' ORDER BY inhrelid) FROM pg_inherits WHERE inhparent = '$table'::regclass AND NOT inhdetachpending") }

# ---------------------------------------------------------------- nobody in the way

make('quiet');
add('quiet');
ok(poll($node, q{SELECT to_regclass('quiet_1') IS NULL AND to_regclass('quiet_2') IS NULL}), 'old partitions are dropped');
ok(finished('quiet'), 'the run ends');
is(last_run('quiet', 'outcome, rows, skipped, failures'), 'finished|730|0|0', 'it tells how many rows they had');
is(partitions('quiet'), 'quiet_3', 'the other one stays');
is(ask($node, q{SELECT role, new->'partitions'->0->>'partition', new->'partitions'->0->>'rows', new->'partitions'->0->>'counted', new->>'rows_on_record' FROM tarot.audit_log WHERE operation = 'RETENTION'}), 'shop|public.quiet_1|364|true|false', 'it is on record as the work of the owner');

# ---------------------------------------------------------------- a reader that takes its time

make('busy');
my $reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN; SELECT count(*) FROM busy');
add('busy');
ok(poll($node, q{SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = 'busy_1'::regclass}), 'beside a reader a partition is on its way out');
is(ask($node, q{SET lock_timeout = '5s'; SELECT count(*) FROM busy}), '636', 'others do not see its rows any more, and wait for nobody');
is(ask($node, q{SET lock_timeout = '5s'; INSERT INTO busy VALUES (1, '2026-01-01'); UPDATE busy SET id = 0 WHERE id = 1 RETURNING id}), '0', 'nor do writers');
ok(finished('busy'), 'the run ends');
is(last_run('busy', 'outcome, rows, failures'), 'finished|0|0', 'and does not fail');
is(ask($node, q{SELECT next_run < now() + interval '11 minutes' FROM tarot.job_status WHERE job = 'busy'}), 't', 'it is tried again soon');
is($reader->query_safe('SELECT count(*) FROM busy_1'), '364', 'the reader has the table');
$reader->query_safe('COMMIT');
ask($node, q{SELECT tarot.run_job_soon('busy')});
ok(poll($node, q{SELECT to_regclass('busy_1') IS NULL AND to_regclass('busy_2') IS NULL}), 'when it has gone, so do they');
ok(finished('busy'), 'and the run ends');
is(partitions('busy'), 'busy_3', 'the other one stays');

# ---------------------------------------------------------------- between the detach and the drop

# The worker has detached the first partition, and cannot take the job to drop it, which $blocker has.
sub stop_between
{
	my ($table) = @_;
	my $gate = $node->background_psql('postgres');
	my $blocker = $node->background_psql('postgres');
	make($table);
	ask($node, qq{SET ROLE shop; SELECT tarot.hold('$table', 'slow', 'x', 'public.slow()')});
	$gate->query_safe('SELECT pg_advisory_lock(42)');
	add($table);
	ok(poll($node, q{SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'tarot_security worker' AND wait_event = 'PgSleep'}), "$table: it is being looked at");
	$blocker->query_safe("SET application_name = 'blocker'");
	# Of a row the worker could have the lock again before who waits for it; of the table the one that waits gets it when the batch ends.
	$blocker->query_until(qr/asked/, "\\echo asked\nBEGIN; LOCK TABLE tarot.job IN EXCLUSIVE MODE;\n");
	ok(poll($node, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'blocker' AND wait_event_type = 'Lock'}), "$table: somebody waits for the job");
	$gate->query_safe('SELECT pg_advisory_unlock(42)');
	ok(poll($node, qq{SELECT count(*) = 2 FROM pg_inherits WHERE inhparent = '$table'::regclass}), "$table: a partition is detached");
	is(ask($node, qq{SELECT relispartition FROM pg_class WHERE oid = '${table}_1'::regclass}), 'f', "$table: and stands alone");
	$gate->quit;
	return $blocker;
}

my $blocker = stop_between('crash');
ask($node, q{SET ROLE shop; ALTER TABLE crash_1 RENAME TO crash_old; CREATE TABLE crash_1 (LIKE crash); INSERT INTO crash_1 VALUES (7, '2019-02-02')});
$node->stop('immediate');
eval { $blocker->{timeout}->start(1); $blocker->quit };
$node->start;
ok(poll($node, q{SELECT to_regclass('crash_old') IS NULL}), 'after a crash it is dropped, whatever it is called by now');
ok(finished('crash'), 'and the run goes on');
is(ask($node, 'SELECT id FROM crash_1'), '7', 'a table that merely has the name stays');
is(partitions('crash'), 'crash_3', 'the other old one is dropped, too');
is(last_run('crash', 'outcome, rows, skipped'), 'finished|730|0', 'and they are counted');

$blocker = stop_between('held');
ask($node, q{SET ROLE shop; SELECT tarot.hold('held', 'case 7', 'court', 'id < 10')});
$blocker->query_safe('COMMIT');
$blocker->quit;
ok(finished('held'), 'a hold comes meanwhile: the run ends');
is(partitions('held'), 'held_1 held_3', 'the partition is one again');
is(last_run('held', 'outcome, rows, skipped'), 'finished|366|9', 'and its rows on hold are counted');
is(ask($node, 'SELECT count(*) FROM held'), '634', 'and there');

# ---------------------------------------------------------------- a run that is cancelled there

sub detached { my ($policy) = @_; return ask($node, "SELECT coalesce(detached::text, 'none') FROM tarot.retention_status WHERE policy = '$policy'") }
sub cancel
{
	my ($table) = @_;
	my $session = stop_between($table);
	is(detached($table), "${table}_1", "$table: which table that is shows in the status");
	$session->query_safe("SELECT tarot.cancel_job('$table')");
	$session->query_safe('COMMIT');
	$session->quit;
	is(last_run($table, 'outcome'), 'cancelled', "$table: the run is cancelled");
	is(detached($table), "${table}_1", "$table: that it stands alone is not forgotten");
	return;
}
sub again { my ($table) = @_; ask($node, "SET ROLE shop; SELECT tarot.release('$table', 'slow'), tarot.run_job_soon('$table')"); return finished($table) }

cancel('cancelled');
$node->stop('immediate');
$node->start;
is(detached('cancelled'), 'cancelled_1', 'nor by a crash');
is(ask($node, 'SELECT count(*) FROM cancelled_1'), '364', 'and nothing is done before the next run');
ok(again('cancelled'), 'which ends');
is(ask($node, q{SELECT to_regclass('cancelled_1') IS NULL}), 't', 'and has dropped it');
is(last_run('cancelled', 'outcome, rows, skipped, failures'), 'finished|730|0|0', 'with its rows counted');
is(detached('cancelled'), 'none', 'none stands alone any more');

# What is to be kept for longer since, or is on hold, is a partition again.
cancel('longer');
ask($node, q{SET ROLE shop; SELECT tarot.release('longer', 'slow'), tarot.alter_retention('longer', keep => '100 years')});
ok(finished('longer'), 'the next run ends');
is(partitions('longer'), 'longer_1 longer_2 longer_3', 'what is old no more is a partition again');
is(last_run('longer', 'outcome, rows, skipped, failures'), 'finished|0|0|0', 'and nothing is dropped');
cancel('person');
ask($node, q{SELECT tarot.register_subject_table('person', 'id'), tarot.hold_subject('7', 'court')});
ok(again('person'), 'one is put on hold whose rows it has: the next run ends');
is(partitions('person'), 'person_1 person_3', 'it is a partition again');
is(last_run('person', 'outcome, rows, skipped'), 'finished|366|1', 'and the rows are counted');
ask($node, q{SELECT tarot.release_subject('7')});

# Somebody has made it a partition again, or has dropped it.
cancel('mended');
ask($node, q{SET ROLE shop; ALTER TABLE mended ATTACH PARTITION mended_1 FOR VALUES FROM ('2019-01-01') TO ('2020-01-01')});
ok(again('mended'), 'made a partition again by hand: the next run ends');
is(partitions('mended'), 'mended_3', 'and drops it as any other');
cancel('theirs');
ask($node, q{SET ROLE shop; ALTER TABLE theirs ATTACH PARTITION theirs_1 FOR VALUES FROM ('2019-01-01') TO ('2020-01-01'); SELECT tarot.release('theirs', 'slow'), tarot.alter_retention('theirs', keep => '100 years')});
ok(finished('theirs'), 'made one by hand, and kept for longer: the next run ends');
is(detached('theirs'), 'none', 'none stands alone');
ask($node, q{SET ROLE shop; ALTER TABLE theirs DETACH PARTITION theirs_1; SELECT tarot.run_job_soon('theirs')});
ok(finished('theirs'), 'later it is detached by hand: the next run ends');
is(ask($node, q{SELECT relispartition FROM pg_class WHERE oid = 'theirs_1'::regclass}), 'f', 'and leaves it alone');
cancel('away');
ask($node, q{SET ROLE shop; DROP TABLE away_1});
is(detached('away'), 'none', 'dropped by hand: none stands alone');
ok(again('away'), 'the next run ends');
is(partitions('away'), 'away_3', 'and goes on with the others');

# The policy ends: nobody will drop it, and that is told.
cancel('ended');
my ($out, $told);
$node->psql('postgres', q{SELECT tarot.remove_retention('ended')}, stdout => \$out, stderr => \$told);
like($told, qr/WARNING:  partition "public\.ended_1" is detached, and no policy drops it any more\n.*HINT/s, 'who removes the policy is told of it');
is(ask($node, 'SELECT count(*) FROM ended_1'), '364', 'and it is left');

# ---------------------------------------------------------------- somebody else detaches it, and keeps it

make('kept');
ask($node, q{SET ROLE shop; SELECT tarot.hold('kept', 'slow', 'x', 'public.slow()')});
my $gate = $node->background_psql('postgres');
my $keeper = $node->background_psql('postgres');
$gate->query_safe('SELECT pg_advisory_lock(42)');
add('kept');
ok(poll($node, q{SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'tarot_security worker' AND wait_event = 'PgSleep'}), 'kept: it is being looked at');
$keeper->query_safe("SET application_name = 'keeper'");
$keeper->query_until(qr/asked/, "\\echo asked\nALTER TABLE kept DETACH PARTITION kept_1;\n");
ok(poll($node, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'keeper' AND wait_event_type = 'Lock'}), 'kept: somebody waits to detach it');
$blocker = $node->background_psql('postgres');
$blocker->query_safe("SET application_name = 'blocker'");
$blocker->query_until(qr/asked/, "\\echo asked\nBEGIN; SELECT FROM tarot.job WHERE name = 'kept' FOR UPDATE;\n");
ok(poll($node, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'blocker' AND wait_event_type = 'Lock'}), 'kept: and somebody for the job');
$gate->query_safe('SELECT pg_advisory_unlock(42)');
$gate->quit;
$keeper->quit;
is(ask($node, q{SELECT relispartition FROM pg_class WHERE oid = 'kept_1'::regclass}), 'f', 'kept: it is detached');
$blocker->query_safe('COMMIT');
$blocker->quit;
ask($node, q{SELECT tarot.run_job_soon('kept')});
ok(poll($node, q{SELECT to_regclass('kept_2') IS NULL}), 'the other old one is dropped');
is(ask($node, 'SELECT count(*) FROM kept_1'), '364', 'the one that somebody else has detached stays');

# ---------------------------------------------------------------- code of the owner's, which the detach runs: with no rights but the owner's

make('sly');
ask($node, q{CREATE ROLE mighty SUPERUSER;});
ask($node, q{SET ROLE shop;
	CREATE FUNCTION reach(what text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
	BEGIN
		IF pg_catalog.current_setting('lock_timeout') = '50ms' THEN
			PERFORM pg_catalog.set_config(what, CASE what WHEN 'role' THEN 'none' ELSE 'mighty' END, false);
			RAISE WARNING 'reached: % % super %', what, current_user, pg_catalog.current_setting('is_superuser');
		END IF;
		RETURN true;
	EXCEPTION WHEN insufficient_privilege THEN
		RAISE WARNING 'refused: %', what;
		RETURN true;
	END $$;
	ALTER TABLE sly_1 ADD CHECK (public.reach('role')), ADD CHECK (public.reach('session_authorization'));
	CREATE FUNCTION leave() RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
	BEGIN
		IF pg_catalog.current_setting('lock_timeout') = '50ms' THEN
			RAISE WARNING 'left: %', pg_catalog.set_config('default_transaction_read_only', 'on', false);
		END IF;
		RETURN true;
	END $$;
	ALTER TABLE sly_1 ADD CHECK (public.leave())});
add('sly');
ok(poll($node, q{SELECT to_regclass('sly_1') IS NULL AND to_regclass('sly_2') IS NULL}), 'with such constraints they are dropped');
ok(finished('sly'), 'and the run ends');
like(server_log($node), qr/refused: role/, 'the role is not to be changed');
like(server_log($node), qr/refused: session_authorization/, 'nor is the session\'s');
unlike(server_log($node), qr/WARNING:  reached/, 'whatever is tried');
like(server_log($node), qr/left: on/, 'a setting is changed');
is(last_run('sly', 'outcome, failures'), 'finished|0', 'but for none of what the worker does then');

# Nor does it leave temporary objects in the worker's session.
make('littered');
ask($node, q{SET ROLE shop;
	CREATE FUNCTION make_temporary() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN CREATE OR REPLACE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; RETURN true; END $$;
	CREATE FUNCTION litter() RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN pg_catalog.current_setting('lock_timeout') <> '50ms' OR public.make_temporary(); END $$;
	ALTER TABLE littered_1 ADD CHECK (public.litter())});
add('littered');
ok(run_is('littered', q{sqlstate = '42501'}), 'a detach whose code makes temporary objects fails');
is(last_run('littered', 'outcome, message'), q{running|code of the table's owner has made temporary objects}, 'which is told');
is(ask($node, q{SELECT count(*) FROM pg_proc WHERE pronamespace::regnamespace::text LIKE 'pg_temp%'}), '0', 'and none is left');
is(ask($node, q{SELECT relispartition FROM pg_class WHERE oid = 'littered_1'::regclass}), 't', 'the partition stays');

# ---------------------------------------------------------------- and that does not end

ask($node, q{ALTER SYSTEM SET tarot_security.job_timeout = '1s'; SELECT pg_reload_conf()});
make('stuck');
make('other');
ask($node, q{SET ROLE shop;
	CREATE FUNCTION stay() RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
	BEGIN
		WHILE pg_catalog.current_setting('lock_timeout') = '50ms' LOOP
			BEGIN
				PERFORM pg_catalog.pg_advisory_lock(7), pg_catalog.pg_sleep(100);
			EXCEPTION WHEN query_canceled THEN
			END;
		END LOOP;
		RETURN true;
	END $$;
	ALTER TABLE stuck_1 ADD CHECK (public.stay())});
add('stuck');
ok(poll($node, q{SELECT sqlstate = 'TS601' FROM tarot.job_run WHERE job = 'stuck'}), 'a detach that does not end is ended');
is(ask($node, q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), '0', 'nothing of it is left');
add('other');
ok(finished('other'), 'and keeps no other job from being done');
is(partitions('other'), 'other_3', 'which is done');

unlike(server_log($node), qr/PANIC|TRAP|terminated by signal (?!9)/, 'nothing died');
done_testing;

# Security events and the worker that writes them: each event is in the log once, or in the server log, whatever dies; and the worker is in
# nobody's way.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run qw(start);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $node = new_node('events', streaming => 1, conf => "tarot_security.worker = on\nmax_worker_processes = 8\nmax_prepared_transactions = 4\nrestart_after_crash = on\ntarot_security.event_queue_size = 64\nautovacuum = off");
ask($node, 'CREATE EXTENSION tarot_security; CREATE ROLE app LOGIN; GRANT EXECUTE ON FUNCTION tarot.log_security_event TO app');
my $flush = q{SELECT tarot.flush_events('3 min')};

sub event { my ($type, $action) = @_; return "SELECT tarot.log_security_event('$type', 'u', '$action', 'x')"; }

# How many events of a type there are in the table, and how many different actions they have.
sub events
{
	my ($type, %option) = @_;
	return ask($node, "SELECT count(*), count(DISTINCT action) FROM tarot.security_event WHERE event_type = '$type'", %option);
}

# The actions of a type in the server log, from an offset on.
sub logged
{
	my ($of, $type, $offset) = @_;
	return map { /"action": "([^"]*)"/ ? $1 : '' } grep { /security event: .*"event_type": "$type"/ } split /\n/, substr(server_log($of), $offset // 0);
}

sub worker { my ($database) = @_; return ask($node, "SELECT pid FROM tarot.worker_status WHERE database = '$database' AND duty = 'events' AND pid IS NOT NULL"); }

sub set_worker
{
	my ($value) = @_;
	ask($node, "ALTER SYSTEM SET tarot_security.worker = $value");
	ask($node, 'SELECT pg_reload_conf()');
	ok(poll($node, "SELECT current_setting('tarot_security.worker') = '$value'"), "the worker is $value");
}

# ---------------------------------------------------------------- the life of a worker

# After a start of the server each database is looked at.
ok(poll($node, q{SELECT count(*) FILTER (WHERE database IS NULL AND state = 'running') = 1 AND bool_and((database IS NULL) = (pid IS NOT NULL)) FROM tarot.worker_status}), 'there is the launcher, and no worker while there is nothing to do');
ask_as($node, 'app', event('LIFE', 1));
is(ask($node, $flush), 't', 'written');
is(events('LIFE'), '1|1', 'once');
is(ask($node, q{SELECT role, session_role, application, client FROM tarot.security_event WHERE event_type = 'LIFE'}), 'app|app|' . ask_as($node, 'app', 'SHOW application_name') . '|', 'by whom');
like(ask($node, q{SELECT backend_type FROM pg_stat_activity WHERE datname = 'postgres' AND pid <> pg_backend_pid() AND backend_type LIKE 'tarot%'}), qr/\A(tarot_security worker)?\z/, 'it can be seen');
ok(wait_until(sub { worker('postgres') eq '' }), 'it leaves when there is nothing more to do');

# ---------------------------------------------------------------- the worker dies

foreach my $round (1 .. 4)
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	# So that it has something to write when it is killed.
	$session->query_safe("SELECT tarot.log_security_event('KILLED', 'u', '$round-' || g, 'x') FROM generate_series(1, 40) g");
	my $pid;
	ok(wait_until(sub { ($pid = worker('postgres')) =~ /^\d+$/ }), "round $round: a worker");
	kill 9, $pid;
	ok(poll($node, 'SELECT NOT pg_is_in_recovery() AND ' . "NOT EXISTS (SELECT FROM tarot.worker_status WHERE pid = $pid)"), 'the server is back');
	eval { $session->quit };
	is(ask($node, $flush), 't', 'all is written');
	is(events('KILLED'), join('|', (40 * $round) x 2), 'each event once');
}
is(scalar(logged($node, 'KILLED')), 0, 'and none in the server log');

# Under load: of each session events 1, 2, 3, ... up to its last are there, in the table or, where the queue was full, in the server log; each once.
{
	my $offset = length server_log($node);
	foreach my $round (1 .. 3)
	{
		my $before = events('LOAD') =~ s/\|.*//r;
		my $loop = q{DO $$ BEGIN FOR i IN 1 .. 1000000 LOOP PERFORM tarot.log_security_event('LOAD', 'u', i::text, 'x'); IF i % 8 = 0 THEN PERFORM pg_sleep(0.005); END IF; END LOOP; END $$};
		my @sessions = map { start [ 'psql', '-X', '-q', '-c', $loop, $node->connstr('postgres') ], '>', \my $out, '2>', \my $err } 1 .. 2;
		ok(poll($node, "SELECT count(*) > $before + 200 FROM tarot.security_event WHERE event_type = 'LOAD'"), "round $round: events come");
		my $pid;
		ok(wait_until(sub { ($pid = worker('postgres')) =~ /^\d+$/ }), 'by a worker');
		kill 9, $pid;
		$_->finish foreach @sessions;
		ok(poll($node, 'SELECT true'), 'the server is back');
	}
	is(ask($node, $flush), 't', 'all is written');
	my @all = split /\n/, ask($node, q{SELECT pid || ' ' || action FROM tarot.security_event WHERE event_type = 'LOAD'});
	push @all, map { /"action": "(\d+)".*"pid": (\d+)/ ? "$2 $1" : 'bad' } grep { /security event: .*"event_type": "LOAD"/ } split /\n/, substr(server_log($node), $offset);
	my (%count, %last);
	$count{$_}++ foreach @all;
	foreach (keys %count)
	{
		my ($pid, $number) = split / /;
		$last{$pid} = $number if $number > ($last{$pid} // 0);
	}
	is(scalar(grep { $_ > 1 } values %count), 0, 'none is there twice');
	my $expected = 0;
	$expected += $_ foreach values %last;
	is(scalar(keys %count), $expected, 'none is missing');
	is(scalar(keys %last), 6, 'of all sessions');
}

# An ordinary end is no crash.
ask($node, event('ENDED', 1));
ok(wait_until(sub { worker('postgres') ne '' }), 'a worker');
ask($node, q{SELECT pg_terminate_backend(pid) FROM tarot.worker_status WHERE database = 'postgres' AND pid IS NOT NULL});
ask($node, event('ENDED', 2));
is(ask($node, $flush), 't', 'after its end another one writes');
is(events('ENDED'), '2|2', 'each event once');

# Another backend dies while events wait.
{
	my $locker = $node->background_psql('postgres');
	$locker->query_safe('BEGIN; LOCK TABLE tarot.audit_entry IN ACCESS EXCLUSIVE MODE');
	ask($node, "SELECT tarot.log_security_event('CRASH', 'u', g::text, 'x') FROM generate_series(1, 50) g");
	is(ask($node, q{SELECT tarot.flush_events('1.5 s')}), 'f', 'they wait for a lock');
	my $victim = ask($node, q{SELECT pid FROM pg_locks WHERE relation = 'tarot.audit_entry'::regclass AND mode = 'AccessExclusiveLock' AND granted});
	like($victim, qr/\A\d+\z/, 'who holds it');
	kill 9, $victim;
	eval { $locker->quit };
	ok(poll($node, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $victim)"), 'the server is back');
	is(ask($node, $flush), 't', 'and writes them');
	is(events('CRASH'), '50|50', 'each once');
}

# ---------------------------------------------------------------- who holds a lock, and the end of the server

{
	my $locker = $node->background_psql('postgres');
	$locker->query_safe('BEGIN; LOCK TABLE tarot.audit_entry IN ACCESS EXCLUSIVE MODE');
	my $offset = length server_log($node);
	ask($node, "SELECT tarot.log_security_event('FULL', 'u', g::text, 'x') FROM generate_series(1, 100) g");
	is(scalar(logged($node, 'FULL', $offset)), 36, 'more than can wait go to the server log');
	like(server_log($node), qr/security event: \{"event_type": "FULL", "user_id": "u", "action": "65", .*"why_here": "the queue of events is full"/, 'which says why');
	is(ask($node, 'SELECT size, waiting, overflowed FROM tarot.event_queue'), '64|64|36', 'and are counted');
	$locker->query_safe('COMMIT');
	$locker->quit;
	is(ask($node, $flush), 't', 'the others are written when the lock is gone');
	is(events('FULL'), '64|64', 'each once');
}
{
	# A prepared transaction holds its locks while the server stops.
	ask($node, q{BEGIN; LOCK TABLE tarot.audit_entry IN ACCESS EXCLUSIVE MODE; PREPARE TRANSACTION 'in the way'});
	ask($node, event('SHUTDOWN', $_)) foreach 1 .. 3;
	my $offset = length server_log($node);
	$node->stop('fast');
	is(join(' ', sort { $a <=> $b } logged($node, 'SHUTDOWN', $offset)), '1 2 3', 'what cannot be written before the server stops goes to its log');
	$node->start;
	ask($node, q{ROLLBACK PREPARED 'in the way'});
	is(events('SHUTDOWN'), '0|0', 'and is not written twice');
}

# ---------------------------------------------------------------- the same again and again

# How many events there are of a type, and how often it happened.
sub counted { my ($type) = @_; return ask($node, "SELECT count(*) || ' ' || sum(count) FROM tarot.security_event WHERE event_type = '$type'"); }

sub again { my ($type, $times) = @_; return "SELECT count(tarot.log_security_event('$type', 'u', 'again', 'x')) FROM generate_series(1, $times)"; }

sub set_interval
{
	my ($value) = @_;
	ask($node, "ALTER SYSTEM SET tarot_security.event_repeat_interval = '$value'");
	ask($node, 'SELECT pg_reload_conf()');
	ok(poll($node, "SELECT current_setting('tarot_security.event_repeat_interval') = '$value'"), "counted for $value");
}

set_interval('1h');
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_safe(again('COUNT', 1000));
	my $locker = $node->background_psql('postgres', on_error_stop => 0);
	$locker->query_safe('BEGIN; LOCK TABLE tarot.audit_entry IN ACCESS EXCLUSIVE MODE');
	my $victim = ask($node, q{SELECT pid FROM pg_locks WHERE relation = 'tarot.audit_entry'::regclass AND mode = 'AccessExclusiveLock' AND granted});
	kill 9, $victim;
	eval { $_->quit } foreach $locker, $session;
	ok(poll($node, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $victim)"), 'the server is back');
	is(ask($node, $flush), 't', 'what was counted when a process died');
	is(counted('COUNT'), '2 1000', 'is on record, none is missing');
}
{
	my $offset = length server_log($node);
	ask($node, again('STOPPED', 50));
	ok(wait_until(sub { counted('STOPPED') eq '1 1' }), 'the first is written at once');
	$node->restart;
	is(join(' ', map { /"count": (\d+), "last_at": "\d/ ? $1 : 'none' } grep { /security event: .*"event_type": "STOPPED"/ } split /\n/, substr(server_log($node), $offset)), '49', 'the others are in the log of the server that stops');
}
{
	ask($node, q{SELECT count(tarot.log_security_event('MANY', 'u', n::text, 'x')) FROM generate_series(1, 3) i, generate_series(1, 20) n});
	is(ask($node, $flush), 't', 'many, repeated');
	is(ask($node, q{SELECT sum(count), count(DISTINCT action) FROM tarot.security_event WHERE event_type = 'MANY'}), '60|20', 'each counts by itself');
}
{
	# Those that are held leave room for others: a quarter of the queue.
	my @sessions = map { $node->background_psql('postgres') } 1 .. 3;
	my $overflowed = ask($node, 'SELECT overflowed FROM tarot.event_queue');
	foreach my $round (1 .. 2)
	{
		foreach my $session (@sessions)
		{
			$session->query_safe(qq{SELECT count(tarot.log_security_event('ROOM', 'u', n::text, 'x')) FROM generate_series(1, 10) n});
			ok(poll($node, 'SELECT waiting <= 16 FROM tarot.event_queue'), "round $round: no more than 16 wait for long");
		}
	}
	ok(poll($node, 'SELECT waiting = 16 FROM tarot.event_queue'), 'so many are held');
	$_->quit foreach @sessions;
	is(ask($node, $flush), 't', 'all are written');
	is(ask($node, q{SELECT sum(count), count(DISTINCT action), (SELECT overflowed FROM tarot.event_queue) FROM tarot.security_event WHERE event_type = 'ROOM'}), "60|10|$overflowed", 'none had to go elsewhere');
}
set_interval('1s');
ask($node, again('SOON', 30));
ok(wait_until(sub { counted('SOON') eq '2 30' }), 'when the interval ends, that is written, though its process is gone and nobody asks');
ok(wait_until(sub { worker('postgres') eq '' }), 'the worker leaves');
ask($node, again('SOON', 30));
ok(wait_until(sub { counted('SOON') eq '4 60' }), 'and comes for it');
set_interval('0');
ask($node, again('EACH', 30));
is(ask($node, $flush), 't', 'not counted');
is(counted('EACH'), '30 30', 'each is an event');
set_interval('1h');

# ---------------------------------------------------------------- what the server log has at once

{
	my $locker = $node->background_psql('postgres', on_error_stop => 0);
	my $offset = length server_log($node);
	$locker->query_safe('BEGIN; LOCK TABLE tarot.audit_entry IN ACCESS EXCLUSIVE MODE');
	ask($node, 'SELECT tarot.lock()');
	ask($node, 'SELECT tarot.unlock()');
	ask($node, q{SELECT tarot.log_security_event('ROOT_KEY', 'u', 'pretended', 'x')});
	is(join(' ', logged($node, 'ROOT_KEY', $offset)), 'lock unlock', 'what happens to keys, before it can be written; not what applications call so');
	$locker->query_safe('COMMIT');
	$locker->quit;
	ask($node, 'ALTER SYSTEM SET tarot_security.log_critical_events = off');
	ask($node, 'SELECT pg_reload_conf()');
	ok(poll($node, "SELECT current_setting('tarot_security.log_critical_events') = 'off'"), 'unless it is off');
	$offset = length server_log($node);
	ask($node, 'SELECT tarot.lock()');
	is(ask($node, $flush), 't', 'written');
	is(scalar(logged($node, 'ROOT_KEY', $offset)), 0, 'to the table alone');
	ask($node, 'SELECT tarot.unlock()');
}

# ---------------------------------------------------------------- without a worker

{
	set_worker('off');
	my $offset = length server_log($node);
	ask($node, event('OFF', 1));
	is(join(' ', logged($node, 'OFF', $offset)), '1', 'turned off: the server log gets it');
	is(ask($node, $flush), 't', 'and nothing waits');
	set_worker('on');
	ask($node, event('OFF', 2));
	is(ask($node, $flush), 't', 'turned on: it is written');
	is(events('OFF'), '1|1', 'in the table');
	is(ask($node, q{SELECT string_agg(l.new->>'value', ' ' ORDER BY l.transaction) FROM tarot.audit_log l WHERE l.operation = 'ALTER SYSTEM' AND l.new->>'setting' = 'tarot_security.worker'}), 'off on', 'both are on record');
}
{
	# The launchers of the server and ours.
	$node->append_conf('postgresql.conf', 'max_worker_processes = 2');
	my $offset = length server_log($node);
	$node->restart;
	ask($node, event('CROWDED', 1));
	is(ask($node, q{SELECT tarot.flush_events('3 s')}), 'f', 'no room for a worker: it waits');
	like(substr(server_log($node), $offset), qr/tarot_security waits for a free background worker/, 'which is said');
	ok(wait_until(sub { scalar(() = substr(server_log($node), $offset) =~ /waits for a free background worker/g) == 1 }), 'once');
	is(ask($node, q{SELECT state FROM tarot.worker_status WHERE database = 'postgres' AND duty = 'events'}), 'waiting', 'and shown');
	$node->append_conf('postgresql.conf', 'max_worker_processes = 8');
	$node->restart;
	is(join(' ', logged($node, 'CROWDED', $offset)), '1', 'nothing is lost');
}

# ---------------------------------------------------------------- databases that somebody wants for himself

foreach my $round (1 .. 3)
{
	ask($node, 'CREATE DATABASE guest');
	ask($node, 'CREATE EXTENSION tarot_security', db => 'guest');
	ask($node, event('GUEST', 1), db => 'guest');
	ask($node, $flush, db => 'guest') if $round > 1;
	is(error_of($node, 'CREATE DATABASE copy TEMPLATE guest'), '', "round $round: CREATE DATABASE ... TEMPLATE");
	is(ask($node, $flush, db => 'guest'), 't', 'the worker is back');
	is(events('GUEST', db => 'guest'), '1|1', 'and writes what waited');
	is(error_of($node, 'ALTER DATABASE guest RENAME TO visitor'), '', 'ALTER DATABASE ... RENAME');
	ask($node, event('GUEST', 2), db => 'visitor');
	is(error_of($node, 'ALTER DATABASE visitor SET TABLESPACE pg_default'), '', 'ALTER DATABASE ... SET TABLESPACE');
	is(ask($node, $flush, db => 'visitor'), 't', 'it is written');
	ask($node, event('GUEST', 3), db => 'visitor');
	is(error_of($node, 'DROP DATABASE visitor'), '', 'DROP DATABASE');
	is(error_of($node, 'DROP DATABASE copy'), '', 'and that of the copy');
	is(ask($node, q{SELECT count(*) FROM tarot.worker_status WHERE database IN ('guest', 'visitor', 'copy') OR database ~ '^\d+$'}), '0', 'nothing of them stays');
}

# Nobody who would be refused makes it leave, though he may create databases.
ask($node, 'CREATE DATABASE guest');
ask($node, 'CREATE EXTENSION tarot_security', db => 'guest');
ask($node, 'CREATE ROLE builder LOGIN CREATEDB');
{
	# It stays while it waits for a lock.
	my $locker = $node->background_psql('guest');
	$locker->query_safe('BEGIN; LOCK TABLE tarot.audit_entry IN ACCESS EXCLUSIVE MODE');
	ask($node, event('GUEST', 1), db => 'guest');
	ok(wait_until(sub { worker('guest') ne '' }), 'a worker');
	my $pid = worker('guest');
	like(error_of($node, 'CREATE DATABASE copy TEMPLATE guest', role => 'builder'), qr/42501: +permission denied to copy database/, 'who may not copy a database');
	is(worker('guest'), $pid, 'leaves its worker where it is');
	$locker->query_safe('COMMIT');
	$locker->quit;
	is(ask($node, $flush, db => 'guest'), 't', 'it writes');
	ask($node, 'ALTER DATABASE guest IS_TEMPLATE true');
	is(error_of($node, 'CREATE DATABASE copy TEMPLATE guest', role => 'builder'), '', 'of a template anybody who creates databases may have a copy');
	ask($node, 'DROP DATABASE copy');
	ask($node, 'ALTER DATABASE guest IS_TEMPLATE false');
	ask($node, 'DROP DATABASE guest');
}

# ---------------------------------------------------------------- databases without the extension

ask($node, 'CREATE DATABASE plain');
{
	my $offset = length server_log($node);
	like(error_of($node, 'TABLE pg_authid', db => 'plain', role => 'app'), qr/permission denied/, 'a denial');
	is(scalar(logged($node, 'PERMISSION', $offset)), 0, 'is no event there');
	ask($node, 'CREATE EXTENSION tarot_security; GRANT EXECUTE ON FUNCTION tarot.log_security_event TO app', db => 'plain');
	my $session = $node->background_psql('plain');
	$session->query_safe('BEGIN; LOCK TABLE tarot.audit_entry');
	ask($node, event('DROPPED', 1), db => 'plain');
	is(ask($node, q{SELECT tarot.flush_events('1.5 s')}, db => 'plain'), 'f', 'an event waits');
	$session->query_safe('DROP EXTENSION tarot_security; COMMIT');
	$session->quit;
	ok(wait_until(sub { join(' ', logged($node, 'DROPPED', $offset)) eq '1' }), 'the extension goes: the server log gets it');
}

# ---------------------------------------------------------------- parallel queries

ask($node, <<'END');
CREATE TABLE numbers AS SELECT g AS n FROM generate_series(1, 20000) g;
SELECT tarot.create_key('profile'); SELECT tarot.create_class('email', key => 'profile');
CREATE TABLE sealed (id int, email tarot.encrypted_text('email')); GRANT SELECT ON sealed TO app;
SELECT tarot.grant_class('email', current_role::regrole, 'plain');
INSERT INTO sealed SELECT g, 'x' FROM generate_series(1, 5000) g;
ANALYZE sealed; ANALYZE numbers;
END
my $parallel = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET debug_parallel_query = regress; SET max_parallel_workers_per_gather = 4;';
$parallel =~ s/debug_parallel_query = regress/force_parallel_mode = regress/ if $node->pg_version < 16;
is(ask_as($node, 'app', "$parallel SELECT count(email::text) FROM sealed"), '5000', 'a parallel query that is refused values');
is(ask($node, $flush), 't', 'is written');
is(ask($node, q{SELECT count(*) FROM tarot.security_event WHERE event_type = 'CLASS_ACCESS' AND action = 'read'}), '1', 'is one event');
ask($node, "$parallel SELECT count(*) FROM (SELECT tarot.log_security_event('PARALLEL', 'u', n::text, 'x') FROM numbers WHERE n % 400 = 0 OFFSET 0) AS n");
is(ask($node, $flush), 't', 'events of workers');
is(events('PARALLEL'), '50|50', 'are all there');
is(ask($node, q{SELECT count(DISTINCT pid) FROM tarot.security_event WHERE event_type = 'PARALLEL'}), '1', 'as their session\'s');

# ---------------------------------------------------------------- a schema that is called so

# The extension is not there, and what is called like its log has another key than the time.
ask($node, 'CREATE ROLE stranger LOGIN CREATEDB');
ask_as($node, 'stranger', 'CREATE DATABASE of_stranger');
ask_as($node, 'stranger', q{CREATE SCHEMA tarot;
	CREATE TABLE tarot.audit_entry (recorded_at timestamptz, role text) PARTITION BY RANGE (role);
	CREATE TABLE tarot.audit_entry_a PARTITION OF tarot.audit_entry FOR VALUES FROM ('a') TO ('b');
	CREATE TABLE tarot.audit_entry_b PARTITION OF tarot.audit_entry FOR VALUES FROM ('b') TO ('c')}, db => 'of_stranger');
my $before_stranger = -s $node->logfile;
like(error_of($node, 'SET ROLE stranger; SELECT * FROM pg_authid', db => 'of_stranger'), qr/permission denied/, 'a refusal where there is only a schema of that name');
ok(wait_until(sub { logged($node, 'PERMISSION', $before_stranger) > 0 }), 'is in the server log');
unlike(substr(server_log($node), $before_stranger), qr/terminated by signal/, 'and no process dies of it');

# ---------------------------------------------------------------- a standby

$node->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'b', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
ask($standby, event('STANDBY', 'here'));
is(join(' ', logged($standby, 'STANDBY')), 'here', 'a standby has its log');
like(server_log($standby), qr/"why_here": "this server is a standby"/, 'which says why');
is(ask($standby, $flush), 't', 'nothing waits');
is(events('STANDBY'), '0|0', 'nothing is in the table');
$standby->promote;
ask($standby, event('STANDBY', 'promoted'));
is(ask($standby, $flush), 't', 'once it is the primary it writes');
is(ask($standby, q{SELECT action FROM tarot.security_event WHERE event_type = 'STANDBY'}), 'promoted', 'to its table');
$standby->stop;
$node->stop;

done_testing();

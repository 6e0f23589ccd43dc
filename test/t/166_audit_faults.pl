# What the audit does when the server cannot: a disk without room for the log, processes that are killed, storms of refused logins, memory,
# large values, databases of other encodings.
use strict;
use warnings;
use Digest::SHA;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run qw(start);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $library = "$dir/full_disk.so";
system_or_bail('gcc', '-std=gnu11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', '-o', $library, "$FindBin::RealBin/lib/full_disk.c");

# Files whose paths end so have no room any more; none when it is empty.
sub set_full { write_private("$dir/full", $_[0], 0644); return; }
set_full('');
chmod 0755, $dir;
my $node = new_node('faults', start => 0, conf => "tarot_security.worker = on\ntarot_security.audit_seal_interval = 1s\ntarot_security.event_queue_size = 64\nautovacuum = off\nmax_connections = 40\nrestart_after_crash = on");
{
	local @ENV{qw(LD_PRELOAD TAROT_TEST_FULL_DISK)} = ($library, "$dir/full");
	$node->start;
}
ask($node, q{CREATE EXTENSION tarot_security; SELECT tarot.create_audit_partitions(), tarot.create_key('any');
	CREATE TABLE account (id bigint PRIMARY KEY, note text); SELECT tarot.audit_table('account'); SELECT tarot.seal_audit()});
my $flush = q{SELECT tarot.flush_events('3 min')};
my $gaps = q{SELECT count(*) FROM account a FULL JOIN (SELECT (key->>'id')::bigint AS id FROM tarot.audit_log WHERE table_name = 'public.account' AND operation = 'INSERT') l USING (id) WHERE a.id IS NULL OR l.id IS NULL};
my $unsealed = '(SELECT count(*) FROM tarot.audit_entry) - (SELECT coalesce(max(size), 0) FROM tarot.audit_checkpoint)';

sub is_well
{
	my ($name) = @_;
	is(ask($node, $gaps), 0, "$name: no change without its entry, no entry without its change");
	ok(poll($node, "SELECT $unsealed = 0"), "$name: sealed");
	return is(ask($node, q{SELECT coalesce(string_agg(finding, ', '), 'good') FROM tarot.verify_audit() WHERE finding <> 'not signed'}), 'good', "$name: verified");
}

# ---------------------------------------------------------------- no room for the log

my $partition = ask($node, q{SELECT pg_relation_filepath(tableoid::regclass) FROM tarot.audit_entry LIMIT 1});
ask($node, q{INSERT INTO account SELECT g, 'before' FROM generate_series(1, 100) g});
is_well('before');
set_full("/$partition");
like(error_of($node, q{INSERT INTO account SELECT g, repeat('x', 100) FROM generate_series(1001, 2000) g}), qr/53100: +could not extend file/, 'a full disk: what cannot be put on record is not done');
like(error_of($node, q{BEGIN; INSERT INTO account VALUES (2001, 'x'); SAVEPOINT s; INSERT INTO account SELECT g, repeat('x', 100) FROM generate_series(2002, 3000) g; ROLLBACK TO s; COMMIT}), qr/53100: +could not extend file/, 'nor in a part');
is(ask($node, 'SELECT count(*) FROM account WHERE id > 100'), 0, 'none of it is there');
ask($node, q{SELECT tarot.log_security_event('FULL', 'u', n::text, repeat('x', 60), to_jsonb(repeat('x', 900))) FROM generate_series(1, 60) n});
is(ask($node, q{SELECT tarot.flush_events('1.5 s')}), 'f', 'events wait');
ok(poll($node, q{SELECT failures > 0 AND sqlstate = '53100' FROM tarot.worker_status WHERE database = 'postgres' AND duty = 'events'}), 'the worker says why');
set_full('');
is(ask($node, $flush), 't', 'when there is room, they are written');
is(ask($node, q{SELECT count(*), count(DISTINCT action) FROM tarot.security_event WHERE event_type = 'FULL'}), '60|60', 'each once');
ask($node, q{INSERT INTO account SELECT g, 'after' FROM generate_series(1001, 2000) g});
is_well('after');

# No room for the leaves: the log is written, and sealed later.
my $tiles = ask($node, q{SELECT pg_relation_filepath(reltoastrelid) FROM pg_class WHERE oid = 'tarot.audit_tile'::regclass});
set_full("/$tiles");
ask($node, q{INSERT INTO account SELECT g, 'unsealed' FROM generate_series(3001, 8000) g});
ok(poll($node, q{SELECT failures > 0 AND sqlstate = '53100' FROM tarot.worker_status WHERE database = 'postgres' AND duty = 'seal'}), 'no room for leaves: the worker says why');
is(ask($node, q{SELECT string_agg(DISTINCT finding, ', ') FROM tarot.verify_audit() WHERE finding <> 'not signed'}), 'not sealed', 'nothing worse');
set_full('');
is_well('with room again');

# ---------------------------------------------------------------- whoever writes is killed

write_private("$dir/load.sql", "BEGIN;\nINSERT INTO account SELECT nextval('ids'), 'load' FROM generate_series(1, 5);\nSAVEPOINT s;\nINSERT INTO account SELECT nextval('ids'), 'gone' FROM generate_series(1, 5);\nROLLBACK TO s;\nCOMMIT;\n", 0644);
ask($node, 'CREATE SEQUENCE ids START 400000');
foreach my $round (1 .. 4)
{
	my $before = ask($node, q{SELECT count(*) FROM account WHERE note = 'load'});
	my $load = start [ 'pgbench', '-n', '-c', 3, '-T', 60, '-f', "$dir/load.sql", $node->connstr('postgres') . ' application_name=load' ], '>', \my $out, '2>', \my $err;
	ok(poll($node, "SELECT count(*) > $before + 200 FROM account WHERE note = 'load'"), "round $round: rows come");
	my $victim;
	ok(wait_until(sub { $victim = ask($node, q{SELECT pid FROM pg_stat_activity WHERE application_name = 'load' AND backend_xid IS NOT NULL LIMIT 1}) }), 'one writes');
	kill 9, $victim;
	$load->finish;
	ok(poll($node, 'SELECT true'), 'the server is back');
	is_well("round $round");
}

# ---------------------------------------------------------------- a storm of refused logins

ask($node, q{CREATE ROLE app LOGIN; GRANT SELECT ON tarot.event_queue TO app; SELECT tarot.create_issuer('idp', 'https://id.example', '{}', secret => repeat('s', 32))});
{
	my $offset = length server_log($node);
	my $overflowed = ask($node, 'SELECT overflowed FROM tarot.event_queue');
	my $locker = $node->background_psql('postgres');
	$locker->query_safe('BEGIN; LOCK TABLE tarot.audit_entry IN ACCESS EXCLUSIVE MODE');
	# Each login is a session of its own, which is refused twice.
	write_private("$dir/login.sql", join('', map { "SELECT tarot.authenticate('forged.token.$_');\n" } 1 .. 2), 0644);
	my @storm = map { start [ 'bash', '-c', "for i in {1..25}; do psql -Xq -U app -f $dir/login.sql -d '" . $node->connstr('postgres') . "'; done" ], '>', \my $out, '2>', \my $err } 1 .. 4;
	$_->finish foreach @storm;
	my $more = ask($node, 'SELECT overflowed FROM tarot.event_queue') - $overflowed;
	cmp_ok($more, '>', 0, 'a storm of refused logins: more than can wait');
	my @logged = grep { /security event: .*"event_type": "AUTHENTICATION".*"why_here": "the queue of events is full"/ } split /\n/, substr(server_log($node), $offset);
	is(scalar(@logged), $more, 'go to the server log, and are counted');
	$locker->query_safe('COMMIT');
	$locker->quit;
	is(ask($node, $flush), 't', 'the others are written');
	is(ask($node, q{SELECT sum(count) FROM tarot.security_event WHERE event_type = 'AUTHENTICATION'}) + $more, 200, 'none is lost');
	is(scalar(grep { /forged/ } @logged), 0, 'and no token of them is in the server log');
}
is_well('after the storm');

# ---------------------------------------------------------------- memory

# A block for each row takes no more of it for more rows.
sub memory_of
{
	my ($from, $to) = @_;
	return ask($node, <<"END" . 'SELECT taken FROM taken');
CREATE TEMP TABLE taken (taken bigint);
DO \$\$ BEGIN
	FOR i IN $from .. $to LOOP
		BEGIN
			INSERT INTO account VALUES (i, 'in a block');
		EXCEPTION WHEN division_by_zero THEN
		END;
	END LOOP;
	INSERT INTO taken SELECT sum(total_bytes) FROM pg_backend_memory_contexts;
END \$\$;
END
}
my $few = memory_of(100_001, 100_500);
cmp_ok(memory_of(200_001, 210_000) - $few, '<', 1024 * 1024, 'ten thousand blocks take no more memory than five hundred');
is_well('in blocks');

# ---------------------------------------------------------------- a value as large as any can be

SKIP:
{
	my ($available) = slurp_file('/proc/meminfo') =~ /MemAvailable:\s+(\d+) kB/;
	skip 'that takes 6 GB of memory', 2 if ($available // 0) < 6 * 1024 * 1024;
	my $size = 1_000_000_000;
	my $digest = Digest::SHA->new(256);
	$digest->add('x' x 1_000_000) foreach 1 .. $size / 1_000_000;
	my $expected = qq({"bytes": $size, "sha256": ") . $digest->hexdigest . '"}';
	error_of($node, 'ALTER TABLE account ALTER note SET COMPRESSION lz4');    # faster, where the server has it
	ask($node, qq{INSERT INTO account VALUES (300001, repeat('x', $size)); UPDATE account SET id = 300002 WHERE id = 300001; DELETE FROM account WHERE id = 300002});
	is(ask($node, q{SELECT string_agg(operation, ' ' ORDER BY transaction, number) FROM tarot.audit_log WHERE key->>'id' IN ('300001', '300002')}), 'INSERT UPDATE DELETE', 'a value of a gigabyte');
	is(ask($node, q{SELECT DISTINCT coalesce(new, old)->>'note' FROM tarot.audit_log WHERE key->>'id' IN ('300001', '300002') AND operation <> 'UPDATE'}), $expected, 'is on record by its digest');
}

# ---------------------------------------------------------------- settings that a client connects with

ask($node, 'SELECT 1', pgoptions => '-c session_replication_role=replica');
ask($node, 'SELECT 1', pgoptions => '-c work_mem=1MB');
is(ask($node, $flush), 't', 'a session that connects as a replica');
is(ask($node, q{SELECT details FROM tarot.security_event WHERE event_type = 'AUDIT'}), '{"value": "replica", "setting": "session_replication_role"}', 'is on record');

# ---------------------------------------------------------------- event triggers

SKIP:
{
	skip 'before 17 they cannot be turned off', 3 if $node->pg_version < 17;
	ask($node, q{SELECT tarot.audit_schema('public')});
	ask($node, q{SET event_triggers = off; CREATE TABLE unseen (id int)});
	is(ask($node, $flush), 't', 'without event triggers a new table is not audited');
	is(ask($node, q{SELECT new->>'setting' || ' ' || (new->>'value') FROM tarot.audit_log WHERE operation = 'SET'}), 'event_triggers off', 'which is on record');
	is(ask($node, q{SELECT details FROM tarot.security_event WHERE event_type = 'AUDIT' AND details->>'setting' = 'event_triggers'}), '{"value": "off", "setting": "event_triggers"}', 'as an event, too');
}

# ---------------------------------------------------------------- other encodings

foreach my $encoding (qw(LATIN1 SQL_ASCII))
{
	my $db = lc $encoding;
	ask($node, "CREATE DATABASE $db TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
	ask($node, q{CREATE EXTENSION tarot_security; SELECT tarot.create_key('any'); CREATE TABLE t (id int PRIMARY KEY, v text); SELECT tarot.audit_table('t'); INSERT INTO t VALUES (1, 'x')}, db => $db);
	my ($out, $err);
	$node->psql($db, 'SELECT tarot.seal_audit() > 0', stdout => \$out, stderr => \$err);
	is($out, 't', "$encoding: sealed");
	my $signs = $encoding eq 'SQL_ASCII';
	if ($signs) { is($err, '', 'and signed') }
	else { like($err, qr/WARNING: +checkpoints of the audit log can only be signed in a database whose encoding is UTF8/, 'not signed, which is said') }
	is(ask($node, q{SELECT coalesce(string_agg(finding, ', '), 'good') FROM tarot.verify_audit()}, db => $db), $signs ? 'good' : 'not signed', 'and when it is verified, too');
	ask($node, q{INSERT INTO t VALUES (2, 'x')}, db => $db);
	ok(poll($node, "SELECT $unsealed = 0", db => $db), 'the worker goes on');
	ask($node, q{SET ROLE NONE; UPDATE tarot.audit_entry SET new = '{"id": 3}' WHERE operation = 'I' AND new->>'id' = '1'}, db => $db);
	like(ask($node, q{SELECT string_agg(finding, ', ') FROM tarot.verify_audit() WHERE finding = 'entry changed'}, db => $db), qr/entry changed/, 'and tampering is found');
}

unlike(server_log($node), qr/was terminated by signal (?!9)|PANIC/, 'no process died but those that were killed');
$node->stop;
done_testing;

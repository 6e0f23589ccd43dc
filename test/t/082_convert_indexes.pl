# Indexes and keys of a column that tarot.encrypt_column() converts beside its writers: through crashes in each phase,
# with transactions that are old when it begins, with writers at work. At the end they are complete, and what was
# unique has been so at every moment.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $timeout = $PostgreSQL::Test::Utils::timeout_default;
my $rows = 3000;
my $node = new_node('main', conf => "restart_after_crash = on\nlog_statement = none");
set_up_customers($node);
ask($node, q{SELECT tarot.create_class('login', 'profile', searchable => true, normalization => 'lower'), tarot.grant_class('login', 'postgres', 'plain'), tarot.grant_class('login', 'app', 'plain')});
my $checked = error_of($node, 'CREATE EXTENSION amcheck') eq '';

# A session that stays, and one that runs a statement and is waited for later.
sub open_session
{
	my $session = { in => '', out => '', err => '' };
	$session->{run} = IPC::Run::start([ $node->installed_command('psql'), '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', '-' ],
		'<', \$session->{in}, '>', \$session->{out}, '2>', \$session->{err}, IPC::Run::timeout($timeout));
	return $session;
}

sub say_to
{
	my ($session, $sql) = @_;
	$session->{out} = '';
	$session->{in} .= "$sql;\n\\echo ready\n";
	$session->{run}->pump until $session->{out} =~ /ready\n/ || $session->{err} =~ /ERROR|FATAL/;
	return $session->{out} =~ s/ready\n//r;
}

sub call_beside
{
	my ($sql) = @_;
	my ($out, $err) = ('', '');
	my $run = IPC::Run::start([ $node->installed_command('psql'), '-XAtq', '-d', $node->connstr('postgres'), '-c', $sql ], '>', \$out, '2>', \$err, IPC::Run::timeout($timeout));
	return { run => $run, err => \$err };
}

sub crash
{
	my (@sessions) = @_;
	my @processes = split /\n/, ask($node, 'SELECT pid FROM pg_stat_activity');

	# All at once: one that learns of the end could let go a lock that another waits for.
	my @clients = split /\n/, ask($node, q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()});
	kill 'STOP', @clients;
	$node->kill9;
	kill 'KILL', @clients;
	foreach (@sessions) { eval { $_->{run}->finish } }
	wait_until(sub { !grep { kill 0, $_ } @processes }) or die 'processes are left';
	$node->start;
}

sub digest { my ($name) = @_; return ask_as($node, 'app', "SELECT md5(string_agg(id || coalesce(email::text, '(null)'), ',' ORDER BY id)) FROM $name"); }
sub phase { return ask($node, q{SELECT phase FROM tarot.conversion}); }
sub states { my ($name) = @_; return ask($node, "SELECT string_agg(DISTINCT state, ' ' ORDER BY state) FROM tarot.conversion_indexes('$name'::regclass, 'email')"); }

# What makes the build of one of the indexes wait: a lock on 42.
ask($node, <<'SQL');
CREATE FUNCTION unhindered(integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
	BEGIN PERFORM pg_catalog.pg_advisory_lock_shared(42); PERFORM pg_catalog.pg_advisory_unlock_shared(42); RETURN true; END $$;
CREATE PROCEDURE up_to_indexing(name text, encrypt boolean) LANGUAGE plpgsql AS $$
DECLARE
	s record;
BEGIN
	PERFORM tarot.begin_conversion(name::regclass, 'email', CASE WHEN encrypt THEN 'tarot.encrypted_text(''login'')' ELSE 'text' END, encrypt, 'login', true);
	COMMIT;
	WHILE tarot.conversion_batch(name::regclass, 'email', 1000) LOOP
		COMMIT;
	END LOOP;
	SELECT * INTO s FROM tarot.find_conversion(name::regclass, 'email');
	PERFORM tarot.constrain_conversion(name::regclass, 'email', s.shadow);
	COMMIT;
	PERFORM tarot.check_conversion(name::regclass, 'email', s.shadow);
	PERFORM tarot.set_conversion(name::regclass, 'email', s.number, s.shadow, encrypt, 'indexing', 'login');
END
$$;
CREATE PROCEDURE up_to(name text, wanted text) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. 1000 LOOP
		EXIT WHEN (SELECT s.phase FROM tarot.find_conversion(name::regclass, 'email') s) = wanted;
		COMMIT;
		PERFORM tarot.index_conversion(name::regclass, 'email');
		COMMIT;
	END LOOP;
END
$$;
SQL

sub make_table
{
	my ($name) = @_;
	ask($node, <<"END");
CREATE TABLE $name (id int PRIMARY KEY, tenant int NOT NULL DEFAULT 1, email text NOT NULL, visits int NOT NULL DEFAULT 0, CONSTRAINT ${name}_each UNIQUE (email), UNIQUE (tenant, email));
CREATE INDEX ${name}_visits ON $name (visits, email DESC);
GRANT SELECT, INSERT, UPDATE, DELETE ON $name TO app;
INSERT INTO $name SELECT i, i % 7, 'User ' || i FROM generate_series(1, $rows) i;
END
}

# Complete, and in order; what amcheck does not know is compared with the table.
sub check_indexes
{
	my ($name, $what) = @_;
	is(ask($node, "SELECT count(*) FROM pg_index WHERE indrelid = '$name'::regclass AND NOT (indisvalid AND indisready AND indislive)"), '0', "$what: all indexes are valid");
	is(ask($node, q{SELECT count(*) FROM pg_class WHERE relname LIKE 'tarot\_converted%'}), '0', "$what: none is left over");
	return unless $checked;
	is(error_of($node, "SELECT bt_index_parent_check(indexrelid, true, true) FROM pg_index i JOIN pg_class c ON c.oid = indexrelid JOIN pg_am m ON m.oid = relam WHERE indrelid = '$name'::regclass AND amname = 'btree'"), '',
		"$what: amcheck finds them complete and in order");
}

# ------------------------------------------------------------ a crash in each phase

make_table('account');
ask($node, 'CREATE INDEX account_hash ON account USING hash (email) WHERE unhindered(id)');
my $before = digest('account');
sub as_it_was
{
	my ($what) = @_;
	is(digest('account'), $before, "$what: all is read");
	is(ask($node, q{SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'account'::regclass AND attname = 'email'}), 'text', "$what: the column is as it was");
	like(error_of($node, q{INSERT INTO account (id, tenant, email) VALUES (100001, 1, 'User 7')}), qr/23505/, "$what: a value that is there is refused");
}
ask($node, q{CALL up_to_indexing('account', true)});
crash();
is(phase(), 'indexing', 'indexing, after a crash');
is(states('account'), 'missing', 'and nothing is there');
as_it_was('indexing');

ask($node, q{SELECT tarot.index_conversion('account'::regclass, 'email')});
crash();
is(phase() . ' ' . states('account'), 'building defined', 'building, after a crash');
as_it_was('building');

# In the middle of one.
my $lock = open_session();
say_to($lock, 'SELECT pg_advisory_lock(42)');
my $call = call_beside(q{CALL tarot.encrypt_column('account', 'email', 'login', true)});
ok(poll($node, q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}), 'the building of an index is hindered');
is(ask($node, q{SELECT command || ' ' || (relid = 'account'::regclass) FROM pg_stat_progress_create_index}), 'CREATE INDEX CONCURRENTLY true', 'the server tells its progress');
is(ask($node, q{SELECT state FROM tarot.conversion_progress}), 'running', 'and so does the view');
ask($node, 'CHECKPOINT');
crash($lock, $call);
is(phase(), 'building', 'building still');
like(states('account'), qr/unfit/, 'what is half built will be made again');
is(ask($node, q{SELECT state FROM tarot.conversion_progress}), 'interrupted', 'the view says that it was interrupted');
as_it_was('half built');

ask($node, q{CALL up_to('account', 'validating')});
crash();
is(phase() . ' ' . states('account'), 'validating ready', 'validating, after a crash');
as_it_was('validating');
like(error_of($node, q{INSERT INTO account (id, tenant, email) VALUES (100001, 1, 'USER 7')}), qr/23505/, 'from here on, one is too that the class takes for equal');
ask($node, q{CALL up_to('account', 'enabling')});
crash();
is(phase() . ' ' . states('account'), 'enabling ready', 'enabling, after a crash');
as_it_was('enabling');
ask($node, q{CALL up_to('account', 'swapping')});
crash();
is(phase() . ' ' . states('account'), 'swapping valid', 'swapping, after a crash');
as_it_was('swapping');
ask($node, q{CALL tarot.encrypt_column('account', 'email', 'login', true)});
is(digest('account'), $before, 'swapped: nothing is lost');
check_indexes('account', 'swapped');
is(ask($node, q{SELECT string_agg(pg_get_indexdef(indexrelid), E'\n' ORDER BY pg_get_indexdef(indexrelid)) FROM pg_index WHERE indrelid = 'account'::regclass}),
	ask($node, q{SELECT string_agg(d, E'\n' ORDER BY d) FROM unnest(ARRAY['CREATE INDEX account_hash ON public.account USING hash (email) WHERE unhindered(id)', 'CREATE INDEX account_visits ON public.account USING btree (visits, email DESC)',
		'CREATE UNIQUE INDEX account_each ON public.account USING btree (email)', 'CREATE UNIQUE INDEX account_pkey ON public.account USING btree (id)', 'CREATE UNIQUE INDEX account_tenant_email_key ON public.account USING btree (tenant, email)']) d}), 'each index is what it was');
is(ask($node, q{SET enable_seqscan = off; SET enable_indexscan = off; SELECT count(*) FROM generate_series(1, 3000) i WHERE EXISTS (SELECT FROM account a WHERE a.email = 'USER ' || i AND unhindered(a.id))}), $rows, 'and has all rows');

# ------------------------------------------------------------ transactions that are old when it begins

foreach my $direction ('encrypt', 'decrypt')
{
	make_table('patient') if $direction eq 'encrypt';
	my $convert = $direction eq 'encrypt' ? q{CALL tarot.encrypt_column('patient', 'email', 'login', true)} : q{CALL tarot.decrypt_column('patient', 'email', true)};
	ask($node, "CALL up_to_indexing('patient', " . ($direction eq 'encrypt' ? 'true' : 'false') . ')');
	my ($writer, $reader) = (open_session(), open_session());
	say_to($writer, "BEGIN; UPDATE patient SET visits = visits + 1 WHERE id = 1");
	say_to($reader, 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class');
	my $conversion = call_beside($convert);
	ok(poll($node, q{SELECT phase = 'building' AND awaited <> '{}' FROM tarot.conversion}), "$direction: the building waits for who wrote before");
	is(states('patient'), 'defined', "$direction: and has not begun");

	# Nobody else waits.
	for my $n (2 .. 20) { ask_as($node, 'app', "SET lock_timeout = '5s'; UPDATE patient SET visits = visits + 1, email = 'Moved ' || id WHERE id = $n"); }
	ask_as($node, 'app', "INSERT INTO patient (id, tenant, email) VALUES ($rows + 1, 1, 'New 1')");

	# What it goes on to do is in the index.
	say_to($writer, "UPDATE patient SET email = 'By the old one' WHERE id = 1; INSERT INTO patient (id, tenant, email) VALUES ($rows + 2, 1, 'New 2')");
	say_to($writer, 'COMMIT');
	ok(poll($node, q{SELECT phase = 'enabling' AND awaited <> '{}' FROM tarot.conversion}), "$direction: an old snapshot keeps the index from being used");
	is(states('patient'), 'ready', "$direction: it is kept by writers");
	ask_as($node, 'app', "DELETE FROM patient WHERE id = 30; UPDATE patient SET email = 'Later' WHERE id = 31");
	say_to($reader, 'COMMIT');
	$conversion->{run}->finish;
	like(${ $conversion->{err} }, $direction eq 'encrypt' ? qr/\ANOTICE:[^\n]*is encrypted/ : qr/\A\z/, "$direction: then it is done");
	is(ask_as($node, 'app', q{SET enable_seqscan = off; SELECT string_agg(id::text, ' ' ORDER BY id) FROM patient WHERE email IN ('By the old one', 'New 1', 'New 2', 'Moved 20', 'Later')}),
		join(' ', 1, 20, 31, $rows + 1, $rows + 2), "$direction: all of it is found by the index");
	check_indexes('patient', $direction);
	$_->{in} .= "\\q\n", $_->{run}->finish foreach $writer, $reader;
	ask_as($node, 'app', "DELETE FROM patient WHERE id > $rows; UPDATE patient SET email = 'User ' || id WHERE email::text NOT LIKE 'User%'");
}

# ------------------------------------------------------------ a value that becomes ambiguous meanwhile

make_table('folded');
ask($node, q{CALL up_to_indexing('folded', true)});
ask($node, q{CALL up_to('folded', 'building')});
ask_as($node, 'app', q{INSERT INTO folded (id, tenant, email) VALUES (50000, 1, 'Secret-Plaintext'), (50001, 2, 'SECRET-plaintext')});
my $error = error_of($node, q{CALL tarot.encrypt_column('folded', 'email', 'login', true)});
like($error, qr/23505.*values of column "email" of table "public.folded" that differ are equal in data class "login"/s, 'the conversion says what is wrong');
unlike($error, qr/secret-plaintext/i, 'and not of which value');
unlike(server_log($node), qr/secret-plaintext/i, 'nor in the log');
unlike(states('folded'), qr/ready|valid/, 'no index is left that would refuse what the table takes');
ask_as($node, 'app', q{INSERT INTO folded (id, tenant, email) VALUES (50002, 3, 'user 1')});
ask_as($node, 'app', q{DELETE FROM folded WHERE id >= 50001});

# The same in the last moment: while the index is built by one, the other is brought by a transaction that does not know of it.
ask($node, q{CALL up_to('folded', 'building')});
is(states('folded'), 'defined', 'begun anew');
my $old = open_session();
say_to($old, q{BEGIN; INSERT INTO folded (id, tenant, email) VALUES (50003, 3, 'SECRET-plaintext')});
$call = call_beside(q{CALL tarot.encrypt_column('folded', 'email', 'login', true)});
ok(poll($node, q{SELECT awaited <> '{}' FROM tarot.conversion}), 'it is waited for');
say_to($old, 'COMMIT');
$call->{run}->finish;
like(${ $call->{err} }, qr/values of column "email" of table "public.folded" that differ are equal/, 'and refused all the same');
unlike(${ $call->{err} }, qr/secret-plaintext/i, 'without the value');
ask($node, q{CALL tarot.cancel_conversion('folded', 'email')});
check_indexes('folded', 'given up');
is(ask($node, 'SELECT count(*) FROM tarot.conversion'), '0', 'nothing is left of it');
$old->{in} .= "\\q\n";
$old->{run}->finish;

# ------------------------------------------------------------ writers at work

make_table('busy');
# It would have a say in ON CONFLICT (email) that it is not asked for.
ask($node, 'ALTER TABLE busy DROP CONSTRAINT busy_tenant_email_key');
my $script = PostgreSQL::Test::Utils::tempdir . '/writers.sql';
append_to_file($script, <<"END");
\\set id random(1, $rows)
\\set new random($rows + 1, 1000000000)
\\set hot random(1, 20)
UPDATE busy SET visits = visits + 1 WHERE id = :id;
UPDATE busy SET email = 'Written ' || id, visits = visits + 1 WHERE id = 1 + :id % 500;
DELETE FROM busy WHERE email = 'Hot ' || :hot AND random() < 0.5;
INSERT INTO busy (id, email) VALUES (:new, 'Hot ' || :hot) ON CONFLICT DO NOTHING;
INSERT INTO busy (id, email) VALUES (:new + 1, 'Written ' || :new) ON CONFLICT DO NOTHING;
INSERT INTO busy (id, email) VALUES (:new + 3, 'Hot ' || :hot) ON CONFLICT (email) DO UPDATE SET visits = busy.visits;
INSERT INTO busy (id, email) VALUES (:new + 2, 'User ' || (600 + :id % 1000)) ON CONFLICT DO NOTHING;
END
foreach my $direction ('encrypt', 'decrypt')
{
	my ($out, $err) = ('', '');
	# Again and again, for as long as it takes.
	my $done = PostgreSQL::Test::Utils::tempdir . "/$direction";
	my @pgbench = ($node->installed_command('pgbench'), '-n', '-c', '4', '-T', '1', '-U', 'app', '-f', $script, $node->connstr('postgres'));
	my $writers = IPC::Run::start([ 'sh', '-c', 'stop=$1; shift; until [ -e "$stop" ]; do "$@" || exit 1; done', 'sh', $done, @pgbench ],
		'>', \$out, '2>', \$err, IPC::Run::timeout($timeout));
	ok(poll($node, 'SELECT sum(visits) > 100 FROM busy'), "$direction: writers are at work");
	ask($node, $direction eq 'encrypt' ? q{CALL tarot.encrypt_column('busy', 'email', 'login', true, batch => 200)} : q{CALL tarot.decrypt_column('busy', 'email', true, batch => 200)});
	append_to_file($done, '');
	$writers->finish;
	my $transactions = 0;
	$transactions += $_ foreach $out =~ /transactions actually processed: (\d+)/g;
	cmp_ok($transactions, '>', 0, "$direction: $transactions transactions meanwhile");
	unlike($out, qr/number of failed transactions: [1-9]/, "$direction: none failed");
	unlike($err, qr/error|deadlock|aborted/i, "$direction: none was told of an error");
	is(ask_as($node, 'app', q{SELECT count(*) - count(DISTINCT lower(email::text)) FROM busy}), '0', "$direction: no value is there twice");
	check_indexes('busy', $direction);
	is(ask_as($node, 'app', q{SET enable_seqscan = off; SET enable_bitmapscan = off; SELECT count(*) FROM busy b WHERE NOT EXISTS (SELECT FROM busy c WHERE c.email = b.email::text AND c.id = b.id)}), '0', "$direction: each is found by the index");
}

unlike(server_log($node), qr/PANIC|TRAP:|signal (?:6|11)\b/, 'nothing died but what was killed');
$node->stop;
done_testing;

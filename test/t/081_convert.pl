# tarot.encrypt_column() and tarot.decrypt_column() beside writers and through crashes: every phase is gone on with,
# nothing is lost, and at the end no byte of the plaintext is in the table's files.
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
my $rows = 5000;
my $node = new_node('main', conf => "restart_after_crash = on\nlog_statement = none");
set_up_customers($node);
ask($node, q{SELECT tarot.grant_class('email', 'postgres', 'plain')});

# Values of several kinds: short, TOASTed, NULL, empty.
sub make_table
{
	my ($name) = @_;
	ask($node, <<"END");
CREATE TABLE $name (id int PRIMARY KEY, email text, visits int NOT NULL DEFAULT 0, filler text DEFAULT 'in the clear');
GRANT SELECT, INSERT, UPDATE, DELETE ON $name TO app;
INSERT INTO $name SELECT i, CASE WHEN i % 100 = 0 THEN NULL WHEN i % 100 = 1 THEN '' WHEN i % 50 = 2 THEN repeat('toasted-plaintext-' || i, 500)
	ELSE 'short-plaintext-' || i END FROM generate_series(1, $rows) i;
ALTER TABLE $name ALTER email SET STORAGE EXTERNAL;
END
}

sub digest { my ($name) = @_; return ask_as($node, 'app', "SELECT md5(string_agg(id || coalesce(email::text, '(null)'), ',' ORDER BY id)) FROM $name"); }
sub type_of { my ($name) = @_; return ask($node, "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '$name'::regclass AND attname = 'email'"); }
my $phase = q{SELECT phase FROM tarot.conversion_progress};
my $encrypted = q{tarot.encrypted_text('email')};

sub crash
{
	my (@sessions) = @_;
	my @processes = split /\n/, ask($node, 'SELECT pid FROM pg_stat_activity');
	$node->kill9;
	foreach (@sessions) { eval { $_->{run}->finish } }
	wait_until(sub { !grep { kill 0, $_ } @processes }) or die 'processes are left';
	$node->start;
}

# ------------------------------------------------------------ a crash in each phase

make_table('account');
my $before = digest('account');

# Halted in a phase: by a pause, or by a lock that keeps the next one from its end.
sub halt
{
	my ($call, $wanted) = @_;
	return start_psql($node, sprintf $call, $wanted =~ /filling|erasing/ ? q{, batch => 50, pause => '20 ms'} : ', batch => 10000');
}

foreach my $direction ('encrypt', 'decrypt')
{
	my $call = $direction eq 'encrypt' ? q{CALL tarot.encrypt_column('account', 'email', 'email', true%s)} : q{CALL tarot.decrypt_column('account', 'email', true%s)};
	my ($old, $new) = $direction eq 'encrypt' ? ('text', $encrypted) : ($encrypted, 'text');

	# In the middle of filling.
	my $session = halt($call, 'filling');
	ok(poll($node, q{SELECT rows_done BETWEEN 100 AND 4000 FROM tarot.conversion_progress WHERE phase = 'filling' AND state = 'running'}), "$direction: filling");
	crash($session);
	is(ask($node, $phase), 'filling', "$direction: still filling after the crash");
	is(ask($node, 'SELECT state FROM tarot.conversion_progress'), 'interrupted', "$direction: says that it was interrupted");
	is(type_of('account'), $old, "$direction: the column is as it was");
	is(digest('account'), $before, "$direction: all is read");
	ask_as($node, 'app', q{UPDATE account SET email = email::text WHERE id = 7});
	my $filled = ask($node, q{SELECT rows_done FROM tarot.conversion_progress});
	cmp_ok($filled, '>=', 100, "$direction: $filled rows are kept");

	# An idle transaction that has read the table keeps the swap from its lock; writers go on all the same.
	my ($in, $out, $err) = ("BEGIN;\nSELECT count(*) FROM account;\n\\echo ready\n", '', '');
	my $idle = { run => IPC::Run::start([ $node->installed_command('psql'), '-XAtq', '-d', $node->connstr('postgres'), '-f', '-' ],
		'<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout($timeout)), err => \$err };
	$idle->{run}->pump until $out =~ /ready/;
	# It could not even get there without the lock for its constraint.
	$session = halt($call, 'swapping');
	ok(poll($node, q{SELECT phase = 'filled' FROM tarot.conversion_progress}), "$direction: filled");
	for my $n (1 .. 10) { ask_as($node, 'app', "UPDATE account SET visits = visits + 1 WHERE id = $n"); }
	is(ask($node, 'SELECT sum(visits) >= 10 FROM account'), 't', "$direction: writers do not wait behind the lock that is not to be had");
	crash($session, $idle);
	is(type_of('account'), $old, "$direction: the column is as it was, again");
	is(digest('account'), $before, "$direction: all is read, again");

	is(ask($node, $phase), 'filled', "$direction: filled, still");

	# The next step by hand, and a crash after it.
	ask($node, q{DO $$ DECLARE s record; BEGIN SELECT * INTO s FROM tarot.find_conversion('account'::regclass, 'email');
		PERFORM tarot.constrain_conversion('account'::regclass, 'email', s.shadow);
		PERFORM tarot.set_conversion('account'::regclass, 'email', s.number, s.shadow, s.encrypt, 'checking', s.class); END $$});
	crash();
	is(ask($node, $phase), 'checking', "$direction: checking after the crash");
	like(error_of($node, 'ALTER TABLE account DISABLE TRIGGER USER; UPDATE account SET email = NULL WHERE id = 8'), qr/23514/, "$direction: no row of one column without the other, even without the trigger");
	ask($node, 'ALTER TABLE account ENABLE ALWAYS TRIGGER ' . ask($node, q{SELECT quote_ident(tgname) FROM pg_trigger WHERE tgrelid = 'account'::regclass AND NOT tgisinternal}));

	if ($direction eq 'encrypt')
	{
		# In the middle of erasing: the new column is in place.
		$session = halt($call, 'erasing');
		ok(poll($node, q{SELECT rows_done BETWEEN 100 AND 4000 FROM tarot.conversion_progress WHERE phase = 'erasing'}), 'erasing');
		crash($session);
		is(ask($node, $phase), 'erasing', 'still erasing after the crash');
		is(type_of('account'), $new, 'the new column is in place');
		is(digest('account'), $before, 'all is read from it');
		like(error_of($node, q{CALL tarot.cancel_conversion('account', 'email')}), qr/55000/, 'there is no way back any more');
		ask($node, 'VACUUM account');
		like(bytes_of_relation($node, 'account'), qr/short-plaintext-\d/, 'the plaintext is not erased yet');
	}
	ask($node, sprintf $call, ', batch => 10000');
	is(ask($node, 'SELECT count(*) FROM tarot.conversion_progress'), '0', "$direction: finished");
	is(type_of('account'), $new, "$direction: the column has its new type");
	is(digest('account'), $before, "$direction: nothing is lost");
	is(ask($node, q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'account'::regclass AND attnum > 0 AND NOT attisdropped}), '4', "$direction: no column is left");

	if ($direction eq 'encrypt')
	{
		ask($node, 'VACUUM account');
		cmp_ok(ask($node, q{SELECT tarot.wipe_free_space('account')}), '>', 0, 'pages had something in their free space');
		is(ask($node, q{SELECT tarot.wipe_free_space('account')}), '0', 'now none has');
		my $bytes = bytes_of_relation($node, 'account');
		is(scalar(() = $bytes =~ /(?:short|toasted)-plaintext/g), 0, 'no plaintext in the files of the table and its TOAST table');
		cmp_ok(scalar(() = $bytes =~ /in the clear/g), '>=', $rows, 'as the same search finds what is there');
		is(digest('account'), $before, 'wiping wiped nothing else');
		is(ask($node, 'SET enable_seqscan = off; SELECT count(*) FROM account WHERE id > 0'), $rows, 'nor the way by the index');
		crash();
		is(digest('account'), $before, 'and all is there after a crash');
		is(scalar(() = bytes_of_relation($node, 'account') =~ /(?:short|toasted)-plaintext/g), 0, 'but the plaintext is not, also after the log was replayed');
	}
}

# The plain form writes another file.
ask($node, q{CALL tarot.encrypt_column('account', 'email', 'email')});
is(scalar(() = bytes_of_relation($node, 'account') =~ /(?:short|toasted)-plaintext/g), 0, 'the plain form: no plaintext in the new files');
is(digest('account'), $before, 'and all is read');

# ------------------------------------------------------------ writers at work

make_table('busy');
my $script = PostgreSQL::Test::Utils::tempdir . '/writers.sql';
append_to_file($script, <<"END");
\\set id random(1, $rows)
\\set new random($rows + 1, 1000000000)
UPDATE busy SET visits = visits + 1 WHERE id = :id;
UPDATE busy SET email = 'written-' || id, visits = visits + 1 WHERE id = 1 + :id % 500;
DELETE FROM busy WHERE id = :new - 1;
INSERT INTO busy (id, email) VALUES (:new, 'written-' || :new) ON CONFLICT DO NOTHING;
END
foreach my $direction ('encrypt', 'decrypt')
{
	my ($out, $err) = ('', '');
	my $visits = ask($node, 'SELECT sum(visits) FROM busy');
	my $writers = IPC::Run::start([ $node->installed_command('pgbench'), '-n', '-c', '4', '-T', '6', '-U', 'app', '-f', $script, $node->connstr('postgres') ],
		'>', \$out, '2>', \$err, IPC::Run::timeout($timeout));
	ok(poll($node, "SELECT sum(visits) > $visits + 100 FROM busy"), "$direction: writers are at work");
	ask($node, $direction eq 'encrypt' ? q{CALL tarot.encrypt_column('busy', 'email', 'email', true, batch => 200)} : q{CALL tarot.decrypt_column('busy', 'email', true, batch => 200)});
	$writers->finish;
	my ($transactions) = $out =~ /transactions actually processed: (\d+)/;
	like($out, qr/number of failed transactions: 0 /, "$direction: no writer failed, of $transactions transactions");
	unlike($err, qr/error|deadlock|aborted/i, "$direction: none was told of an error");
	is(type_of('busy'), $direction eq 'encrypt' ? $encrypted : 'text', "$direction: converted");
	is(ask($node, 'SELECT sum(visits) FROM busy') - $visits, 2 * $transactions, "$direction: no update is lost");
	is(ask_as($node, 'app', "SELECT count(*) FROM busy WHERE email::text IS DISTINCT FROM CASE WHEN id > $rows THEN 'written-' || id
		WHEN email::text LIKE 'written-%' AND id <= 500 THEN 'written-' || id
		WHEN id % 100 = 0 THEN NULL WHEN id % 100 = 1 THEN '' WHEN id % 50 = 2 THEN repeat('toasted-plaintext-' || id, 500) ELSE 'short-plaintext-' || id END"), '0',
		"$direction: every value is what was written last");
}

unlike(server_log($node), qr/PANIC|TRAP:|signal (?:6|11)\b/, 'nothing died but what was killed');
$node->stop;
done_testing;

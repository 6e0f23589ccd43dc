# Crashes: the server is killed in the middle of changes of keys, and afterwards all that was committed
# is read, nothing that was not is there, and the change can be made again.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $rounds = 2;
my $timeout = $PostgreSQL::Test::Utils::timeout_default;
my $dir = PostgreSQL::Test::Utils::tempdir;
my $key_file = "$dir/root.key";
my $key = new_root_key;
write_private($key_file, "$key\n");

# A session that has run some SQL, and stays in its transaction. Its first answer is its process.
sub session_with
{
	my ($node, $sql) = @_;
	my ($in, $out, $err) = ("SELECT pg_backend_pid();\n$sql\n\\echo ready\n", '', '');
	my $run = IPC::Run::start(
		[ $node->installed_command('psql'), '-XAtq', '-d', $node->connstr('postgres'), '-f', '-' ],
		'<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout($timeout));
	$run->pump until $out =~ /^ready$/m || !$run->pumpable;
	die "session failed: $err" unless $out =~ /^(\d+)$/m;
	return { run => $run, pid => $1, err => \$err, out => \$out };
}

# Two sessions that insert rows as fast as they can, and tell of each one that is committed.
my $next_id = 1000;
sub start_writers
{
	my ($node) = @_;
	my @writers;
	for my $n (1, 2)
	{
		my $first = $next_id;
		$next_id += 100_000;
		my ($out, $err) = ('', '');
		my $in = join '', map { my $id = $first + $_;
			"INSERT INTO customer VALUES ($id, 'w', 'writer $id') RETURNING id;\n" } 0 .. 5000;
		push @writers, { out => \$out, err => \$err, run => IPC::Run::start(
			[ $node->installed_command('psql'), '-XAtq', '-U', 'app', '-d', $node->connstr('postgres'), '-f', '-' ],
			'<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout($timeout)) };
	}
	# Some rows first, so that the kill comes in the middle.
	foreach my $writer (@writers) { $writer->{run}->pump until ${ $writer->{out} } =~ /(\d+\n){20}/ || !$writer->{run}->pumpable }
	return @writers;
}

sub finish
{
	eval { $_->{run}->finish } foreach @_;
}

# Every row that a writer was told of is there, and every row that is there is read as what was written.
sub check_rows
{
	my ($node, $name, @writers) = @_;
	my %there = map { my ($id, $value) = split /\|/, $_, 2; $id => $value }
	  split /\n/, ask_as($node, 'app', q{SELECT id, email::text FROM customer WHERE name = 'w'});
	my @told = map { ${ $_->{out} } =~ /^(\d+)$/mg } @writers;
	is(scalar(grep { !defined $there{$_} } @told), 0, "$name: no committed row is lost (of " . @told . ')');
	is(scalar(grep { $there{$_} ne "writer $_" } keys %there), 0, "$name: every row is read as it was written");
}

foreach my $provider (qw(file generated))
{
	my $node = new_node($provider, conf => "restart_after_crash = on\nlog_statement = none\nmax_prepared_transactions = 5\n"
		  . ($provider eq 'file' ? "tarot_security.root_key_file = '$key_file'" : ''));
	set_up_customers($node);
	set_up_types($node);
	my $data = data_of($node);
	my $typed = types_of($node, 'plain');
	my $fingerprint = 'SELECT root_key_fingerprint FROM tarot.keyring';
	my $recovered = sub {
		ok(poll($node, 'SELECT true'), "$_[0]: the server is back");
	};

	# How the server dies: all of it, or one backend and with it all others.
	my %death = (
		'postmaster' => sub {
			my ($victim, @others) = @_;
			my @processes = split /\n/, ask($node, 'SELECT pid FROM pg_stat_activity');
			$node->kill9;
			finish($victim, @others);
			# What is left of the server notices by itself; before that it could not be started.
			wait_until(sub { !grep { kill 0, $_ } @processes }) or die 'processes are left';
			$node->start;
		},
		'backend' => sub {
			my ($victim, @others) = @_;
			kill 'KILL', $victim->{pid} or die $!;
			finish($victim, @others);
		});

	foreach my $round (1 .. $rounds)
	{
		foreach my $death (sort keys %death)
		{
			my $name = "$provider, $death, round $round";
			my $before = ask($node, $fingerprint);

			# The provider gives a new root key, and the old one.
			if ($provider eq 'file')
			{
				my @keys = split /\n/, slurp_file($key_file);
				write_private($key_file, join "\n", new_root_key, $keys[0], '');
			}

			# In the middle of a rotation.
			my @writers = start_writers($node);
			my $session = session_with($node, 'BEGIN; SELECT tarot.rotate_root_key();');
			$death{$death}->($session, @writers);
			$recovered->("$name, rotation");
			is(ask($node, $fingerprint), $before, "$name: the rotation is undone");
			is(data_of_customers($node), $data, "$name: all is read");
			check_rows($node, "$name, rotation", @writers);

			# After its commit, and that of values sealed anew by a prepared and by an ordinary transaction.
			ask_as($node, 'app', 'UPDATE sealed SET t = t::text, b = b::bytea, j = j::jsonb, n = n::numeric, d = d::date, z = z::timestamptz WHERE id < 7');
			ask_as($node, 'app', qq{BEGIN; UPDATE sealed SET n = n::numeric, j = j::jsonb; PREPARE TRANSACTION 'sealed'});
			@writers = start_writers($node);
			$session = session_with($node, 'SELECT tarot.rotate_root_key();');
			my $after = ask($node, $fingerprint);
			isnt($after, $before, "$name: rotated again");
			$death{$death}->($session, @writers);
			$recovered->("$name, after the rotation");
			is(ask($node, $fingerprint), $after, "$name: the rotation is kept");
			is(data_of_customers($node), $data, "$name: all is read after it");
			is(types_of($node, 'sealed'), $typed, "$name: values of all types");
			is(error_of($node, q{COMMIT PREPARED 'sealed'}, role => 'app'), '', "$name: a prepared transaction is committed");
			is(types_of($node, 'sealed'), $typed, "$name: and its values");
			check_rows($node, "$name, after the rotation", @writers);

			# In the middle of making and rotating keys.
			my $status = 'SELECT count(*), count(*) FILTER (WHERE state = \'active\') FROM tarot.key_version';
			my $versions = ask($node, $status);
			my $held = start_idle_reader($node);
			$session = session_with($node,
				q{BEGIN; SELECT tarot.create_key('half made'); SELECT tarot.rotate_key('profile');});
			$death{$death}->($session, $held);
			$recovered->("$name, keys");
			is(ask($node, $status), $versions, "$name: no half-made key is left");
			is(data_of_customers($node), $data, "$name: all is read after half-made keys");
			is(ask($node, "SELECT tarot.create_key('made $round $death') > 0"), 't', "$name: a key can be made");
			is(ask($node, q{SELECT tarot.rotate_key('profile') > 1}), 't', "$name: a key can be rotated");
			ask_as($node, 'app', q{UPDATE customer SET email = email::text WHERE id = 1});
			is(data_of_customers($node), $data, "$name: all is read under the new version");

			if ($provider eq 'generated')
			{
				my $file = $node->data_dir . '/tarot_security.root_key';
				is(sprintf('%o', (stat $file)[2] & 07777), '600', "$name: the file is its owner's");
				ok(!-e "$file.tmp", "$name: no temporary file is left");
				# Keep it from filling up: only the root key in use stays.
				my ($comment, $current) = slurp_file($file) =~ /^(#.*)\n([0-9a-f]{64})$/m;
				write_private($file, "$comment\n$current\n");
				is(error_of($node, 'SELECT tarot.unlock()'), '', "$name: the newest root key is the one in use");
			}
		}
	}

	# A temporary file that a crash left is no obstacle.
	if ($provider eq 'generated')
	{
		append_to_file($node->data_dir . '/tarot_security.root_key.tmp', 'half');
		is(error_of($node, 'SELECT tarot.rotate_root_key()'), '', 'a rotation after a crash in the middle of writing the file');
		is(data_of_customers($node), $data, 'all is read after that');
	}
	my $log = server_log($node);
	unlike($log, qr/PANIC|TRAP:|signal (?:6|11)\b/, "$provider: nothing died but what was killed");
	$node->stop;
}

# Another session in the middle of something, for the crash to end too.
sub start_idle_reader
{
	my ($node) = @_;
	return session_with($node, 'BEGIN; SET ROLE app; SELECT count(email::text) FROM customer;');
}

sub data_of_customers
{
	my ($node) = @_;
	return ask_as($node, 'app', q{SELECT md5(string_agg(format('%s:%L', id, email::text), ',' ORDER BY id)) FROM customer WHERE name <> 'w'});
}

done_testing;

# No leak: each probe of test/leaks/*.sql, with each encrypted type, by each role that may not see plaintext.
# Nothing that such a role receives, and nothing in the log, the statistics or the files of the server, has a
# value in it; a right guess looks like a wrong one. A role that may see does see by the same probe, so that
# none passes for being written wrongly. docs/developing.md tells how to add one.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use LeakTest;
use MIME::Base64 qw(encode_base64);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $folder = "$FindBin::RealBin/../leaks";

# Each type: its values in the rows 1 to 4, the value of row 5, which is guessed, and another that is as long and
# has the same mask. "raw" is what must not be found of the values, "spellings" what else they may look like.
my @words = (
	'zy~quokka.wombat+yabby@platypus.gecko.qld', 'xw~bilby.potoroo@echidna.kowari.tas',
	'vu~"thylacine" o\'possum@cuscus.bandicoot.wa', 'ts~' . join('.', ('quoll-dunnart-kultarr') x 60) . '~rq');
my ($right, $wrong) = ('ab~pademelon@glider.pygmy.yz', 'ab~pademelon@glider.mulga.yz');
my @numbers = qw(90210718293645.77 81828459045235.36 77215664901532.86 69314718055994.53);
my @days = ([ 1911, 3, 27 ], [ 1923, 7, 19 ], [ 1938, 11, 28 ], [ 1947, 5, 21 ]);
my @months = qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec);
my @types = (
	{ base => 'text', mask => 'partial(2, 2)', values => \@words, raw => [ map { substr $_, 2, -2 } @words ], right => $right, wrong => $wrong },
	{ base => 'bytea', mask => 'length', values => [ map { '\x' . unpack 'H*', $_ } @words ], raw => \@words,
		right => '\x' . unpack('H*', $right), wrong => '\x' . unpack('H*', $wrong) },
	{ base => 'jsonb', mask => 'json', values => [ map { sprintf '{"word": "%s", "number": %s}', $words[$_] =~ s/"/\\"/gr, $numbers[$_] } 0 .. 3 ],
		raw => [ @words, map { s/\..*//r } @numbers ], right => qq({"word": "$right"}), wrong => qq({"word": "$wrong"}) },
	{ base => 'numeric', mask => 'round(100000000000)', values => \@numbers, raw => [ @numbers, map { s/\.//r } @numbers ],
		spellings => [ map { numeric_hex($_) } @numbers ], right => '55512345678901.25', wrong => '55512345678902.25' },
	{ base => 'date', mask => 'year', values => [ map { iso(@$_) } @days ], raw => [],
		spellings => [ map { spellings(@$_) } @days ], right => '1955-05-05', wrong => '1955-05-06' },
	{ base => 'timestamptz', mask => 'month', values => [ map { iso(@$_) . " 14:25:$_->[2].7891234+00" } @days ], raw => [],
		spellings => [ map { spellings(@$_), "$_->[2].7891" } @days ], right => '1955-05-05 05:05:05.5+00', wrong => '1955-05-05 05:05:06.5+00' });

sub iso { return sprintf '%04d-%02d-%02d', @_ }

sub spellings
{
	my ($year, $month, $day) = @_;
	return (iso(@_), iso(@_) =~ s/-//gr, (map { sprintf $_, $month, $day, $year } '%02d/%02d/%04d', '%02d-%02d-%04d'),
		(map { sprintf $_, $day, $month, $year } '%02d.%02d.%04d', '%02d/%02d/%04d', '%02d-%02d-%04d'), "$months[$month - 1] $day");
}

# What numeric_send makes of the middle of a number: groups of four digits.
sub numeric_hex
{
	my ($whole) = $_[0] =~ /^(\d+)\./;
	return join '', map { sprintf '%04x', $_ } reverse((map { substr $whole, -4 * $_, 4 } 1 .. 3));
}

# Who may not see, and what they hold of each class.
my %roles = (
	nothing => undef,
	masked => [ 'masked', 0, 0 ],
	writer => [ 'none', 0, 1 ],
	masked_writer => [ 'masked', 0, 1 ],
	searcher => [ 'none', 1, 0 ],
	permitted => [ 'masked', 0, 0 ],    # and plain to identities that nobody here has
	owner => undef,         # of the tables
	super => undef,         # a superuser
	monitor => undef,       # pg_monitor, pg_read_all_data, pg_write_all_data
	stray => undef);        # a member of "plain" that does not inherit
my @readers = sort keys %roles;

# The gate decides alike whatever the type: these are asked about types other than the first.
my @some_readers = qw(masked masked_writer nothing owner super);

my @probes = map { read_blocks("$folder/$_.sql") } qw(read copy code guess search);
my @setup = read_blocks("$folder/setup.sql");
my $dir = PostgreSQL::Test::Utils::tempdir;

# ---------------------------------------------------------------- the server

write_private("$dir/root.key", new_root_key . "\n");
my $node = new_node('leaks', streaming => 'logical', start => 0, conf => <<"END");
tarot_security.root_key_file = '$dir/root.key'
timezone = UTC
session_preload_libraries = auto_explain
auto_explain.log_min_duration = 0
auto_explain.log_analyze = on
auto_explain.log_verbose = on
auto_explain.log_nested_statements = on
log_statement = none
log_min_messages = debug1
log_error_verbosity = verbose
log_parameter_max_length_on_error = -1
log_min_duration_statement = -1
log_line_prefix = '@@%a@@ '
max_parallel_workers = 4
fsync = off
END
my $major = $node->pg_version->major;
$node->append_conf('postgresql.conf', "auto_explain.log_parameter_max_length = -1\n") if $major >= 16;
$node->start;

ask($node, join '', map { "CREATE ROLE leak_$_ LOGIN;\n" } 'plain', @readers);
ask($node, <<'END');
ALTER ROLE leak_super SUPERUSER;
GRANT SET ON PARAMETER tarot_security.io TO PUBLIC;
GRANT leak_owner TO leak_plain;
GRANT pg_monitor, pg_read_all_data, pg_write_all_data TO leak_monitor;
ALTER ROLE leak_stray NOINHERIT;
GRANT leak_plain TO leak_stray;
END

# Which languages are there to be asked by a probe.
my %has = map { $_ => 1 } split /\n/, ask($node, 'SELECT name FROM pg_available_extensions');
sub usable
{
	my ($block, $type) = @_;
	return ($block->{since} // 0) <= $major && (!$block->{needs} || $has{ $block->{needs} })
		&& (!$block->{types} || " $block->{types} " =~ / $type->{base} /);
}

# A database for each type, so that those of two types can be probed at once.
sub set_up
{
	my ($type) = @_;
	my $class = "leak_$type->{base}";
	ask($node, "CREATE DATABASE $class");
	ask($node, 'CREATE EXTENSION tarot_security', db => $class);
	return 0 if ask($node, "SELECT to_regtype('tarot.encrypted_$type->{base}') IS NULL", db => $class) eq 't';
	ask($node, <<"END" . join('', map { "CREATE EXTENSION $_;\n" } grep { $has{$_} } qw(plperl plpython3u)), db => $class);
SELECT tarot.create_key('leak');
SELECT tarot.create_class('$class', key => 'leak', mask => '$type->{mask}', searchable => true);
SELECT tarot.create_class('leak_open', key => 'leak');
CREATE SCHEMA leak AUTHORIZATION leak_owner;
GRANT ALL ON SCHEMA leak TO PUBLIC;
END
	my $grants = '';
	foreach my $role ('plain', @readers)
	{
		my $grant = $role eq 'plain' ? [ 'plain', 1, 1 ] : $roles{$role};
		$grants .= sprintf("SELECT tarot.grant_class('%s', 'leak_%s', '%s', search => '%s', write => '%s');\n", $class, $role, @$grant) if $grant;
		$grants .= "SELECT tarot.grant_class('$class', 'leak_$role', 'plain', permission => 'leaks:see');\n" if $role eq 'permitted';
		$grants .= "SELECT tarot.grant_class('leak_open', 'leak_$role', 'plain');\n";
	}
	ask($node, $grants, db => $class);
	foreach my $block (grep { usable($_, $type) } @setup)
	{
		ask_as($node, $_->[0] =~ /reader/ ? die : "leak_$_->[0]", fill_in($_->[1], $type), db => $class)
			foreach grep { $_->[1] ne '' } @{ $block->{sql} };
	}
	return 1;
}

# ---------------------------------------------------------------- running probes

# All probes of a type as one role, by one psql; a guess is run as a right and as a wrong one.
sub script_of
{
	my ($type, $role) = @_;
	my $script = "\\set VERBOSITY verbose\n\\set SHOW_CONTEXT always\n\\pset format unaligned\n";
	foreach my $number (0 .. $#probes)
	{
		my $probe = $probes[$number];
		next unless usable($probe, $type);
		next if $probe->{roles} && " $probe->{roles} plain " !~ / $role /;
		foreach my $guess ($probe->{kind} eq 'guess' ? qw(right wrong) : '')
		{
			$script .= "SET application_name = 'probe $number $type->{base} $role';\n";
			foreach my $part (@{ $probe->{sql} })
			{
				my $who = $part->[0] eq 'reader' ? $role : $part->[0];
				my $mark = $part->[0] eq 'reader' ? "$number $guess" : 'others';
				$script .= ($who eq 'root' ? 'RESET SESSION AUTHORIZATION' : "SET SESSION AUTHORIZATION leak_$who") . ";\n\\echo \@\@$mark\n\\warn \@\@$mark\n"
					. fill_in($part->[1], $type, $guess);
			}
			$script .= "\\echo \@\@others\n\\warn \@\@others\nROLLBACK;\nRESET SESSION AUTHORIZATION;\nDISCARD ALL;\n";
		}
	}
	return $script;
}

# What psql wrote behind each mark.
sub split_output
{
	my ($path, $seen) = @_;
	my $mark = 'others';
	foreach my $line (split /^/, slurp_file($path))
	{
		if ($line =~ /^\@\@(.+?) ?$/) { $mark = $1; next; }
		$line =~ s/^psql:\S+:\d+: //;
		$seen->{$mark} .= $line;
	}
}

# The probes of these types as these roles, or the type's own: { base => { role => { mark => output } } }. Two types at once.
sub run_probes
{
	my ($types, @roles) = @_;
	my (%seen, @running);
	foreach my $type (@$types)
	{
		my $command = '';
		foreach my $role (@roles ? @roles : @{ $type->{readers} })
		{
			my $file = "$dir/$type->{base}_$role";
			append_to_file("$file.sql", script_of($type, $role));
			$command .= "psql -X -q -d leak_$type->{base} -h '" . $node->host . "' -p " . $node->port
				. " -f '$file.sql' >'$file.out' 2>'$file.err' || exit\n";
		}
		$running[0]->finish, shift @running if @running >= 2;
		push @running, IPC::Run::start([ 'sh', '-c', $command ], '<', '/dev/null');
	}
	$_->finish foreach @running;
	foreach my $type (@$types)
	{
		foreach my $role (@roles ? @roles : @{ $type->{readers} })
		{
			my %output;
			split_output("$dir/$type->{base}_$role.$_", \%output) foreach qw(out err);
			$seen{ $type->{base} }{$role} = \%output;
		}
	}
	return \%seen;
}

# ---------------------------------------------------------------- what they saw

# The finder finds a value in any dress, and nothing in a text without one.
{
	my $finder = finder_of($types[0]);
	my $value = $words[0];
	ok(find($finder, $_->[1]) ne '', "the finder finds it $_->[0]") foreach
		[ 'as it is', "< $value >" ], [ 'in part', substr $value, 10, 9 ], [ 'in capitals', uc $value ],
		[ 'backwards', scalar reverse $value ], [ 'in hex', unpack 'H*', $value ], [ 'in base64', encode_base64($value, '') ],
		[ 'in base64, shifted', encode_base64("x$value", '') ], [ 'in bytes', join ' ', unpack 'C*', $value ];
	is(find($finder, 'zy***ld [encrypted] permission denied for table text_values'), '', 'and does not find it elsewhere');
}

@types = grep { set_up($_) } @types;
$_->{finder} = finder_of($_) foreach @types;
my $all_values = finder_of(@types);
$_->{readers} = $_ == $types[0] ? \@readers : \@some_readers foreach @types;
my $seen = run_probes(\@types);

# On disk, before a role that may see writes what it sees to tables of its own.
ask($node, 'CHECKPOINT');
{
	my @found = find_in_files($all_values, "$dir/pieces", $node->data_dir);
	is(join("\n", map { "$_->[0]: $_->[2]" } @found), '', 'no value in any file of the server');
}

my $plain = run_probes(\@types, 'plain');

foreach my $type (@types)
{
	my %clean = map { $_ => !find_in_files($type->{finder}, "$dir/pieces", "$dir/$type->{base}_$_.out", "$dir/$type->{base}_$_.err") } @{ $type->{readers} };
	foreach my $number (0 .. $#probes)
	{
		my $probe = $probes[$number];
		next unless usable($probe, $type);
		my $name = "$type->{base}, $probe->{name}";
		my $control = $probe->{control} // 'always';
		my $visible = $control ne 'never' && ($control eq 'always' || " $control " =~ / $type->{base} /);
		my %who = (%{ $seen->{ $type->{base} } }, plain => $plain->{ $type->{base} }{plain});
		my @told;

		if ($probe->{kind} eq 'probe')
		{
			foreach my $role (@{ $type->{readers} })
			{
				my $output = $who{$role}{$number} // '';
				my $piece = $clean{$role} ? '' : find($type->{finder}, $output);
				push @told, "$role sees $piece in:\n" . substr $output, 0, 2000 if $piece ne '';
			}
			push @told, "plain sees no value in:\n" . substr $who{plain}{$number} // '', 0, 2000
				if $visible && find($type->{finder}, $who{plain}{$number} // '') eq '';
		}
		else
		{
			foreach my $role (@{ $type->{readers} }, 'plain')
			{
				my %saw;
				foreach my $guess (qw(right wrong))
				{
					$saw{$guess} = $who{$role}{"$number $guess"} // '';
					$saw{$guess} =~ s/\Q$type->{$guess}\E/<guess>/g;
					$saw{$guess} =~ s/^LINE \d+: .*\n *\^\n//mg;    # a piece of the statement
				}
				my $both = "$role, right:\n$saw{right}\n$role, wrong:\n$saw{wrong}";
				push @told, $both if $role ne 'plain' && $saw{right} ne $saw{wrong} && " @{[ $probe->{differs} // '' ]} " !~ / $role /;
				push @told, "no difference for $both" if $role eq 'plain' && $visible && $saw{right} eq $saw{wrong};
			}
		}

		# A probe that nobody sees by is one that works nevertheless.
		if (!$visible && !$probe->{fails})
		{
			my $output = join '', map { $who{plain}{$_} // '' } $number, "$number right", "$number wrong";
			push @told, "plain gets an error:\n$output" if $output =~ /ERROR:  (?:42601|42703|42P01)/;
		}
		ok(!@told, $name) or diag(join "\n", @told);
	}
}

# ---------------------------------------------------------------- what others see of a session at work

{
	my $plain = $node->background_psql('leak_text', on_error_stop => 0, extra_params => [ '-U', 'leak_plain' ]);
	$plain->query_until(qr/begun/, <<'END');
\echo begun
DO $$ DECLARE a text; BEGIN
	SELECT v INTO a FROM leak.text_values WHERE id = 1;
	EXECUTE format('SELECT %L, pg_sleep(100)', a) INTO a;
END $$;
END
	my $asleep = q{pid <> pg_backend_pid() AND usename = 'leak_plain' AND wait_event = 'PgSleep'};
	ok(poll($node, "SELECT count(*) = 1 FROM pg_stat_activity WHERE $asleep"), 'a session is at work with values');
	foreach my $role ('postgres', 'leak_monitor')
	{
		my $seen = ask_as($node, $role, "SELECT * FROM pg_stat_activity WHERE $asleep; SELECT * FROM pg_locks; SELECT * FROM pg_cursors; SELECT * FROM pg_prepared_statements", db => 'leak_text');
		like($seen, qr/EXECUTE format/, "$role sees what it does");
		is(find($types[0]{finder}, $seen), '', "$role sees no value in it");
	}
	ask($node, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE $asleep");
	$plain->quit;
}

# ---------------------------------------------------------------- the log

# Which probe each line is of.
my @probe_of = ('');
open my $log, '<', $node->logfile or die $!;
while (my $line = <$log>)
{
	push @probe_of, $line =~ /^\@\@(.*?)\@\@ / ? $1 : $probe_of[-1];
}
cmp_ok(scalar(grep { /^probe/ } @probe_of), '>', 1000, 'the log tells of the probes');
my %found;
foreach my $piece (find_in_files($all_values, "$dir/pieces", $node->logfile))
{
	my ($number, $base, $role) = $probe_of[ $piece->[1] ] =~ /^probe (\d+) (\w+) (\w+)/ or next;
	$found{"$base, $probes[$number]{name}, line $piece->[1], by $role: $piece->[2]"} = 1;
}
is(join("\n", sort keys %found), '', 'no value in the log');

done_testing;

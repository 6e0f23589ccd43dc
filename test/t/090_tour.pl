# What README.md, docs/quickstart.md, docs/columns.md, docs/keys.md, docs/identity.md, docs/permissions.md, docs/rows.md, docs/masking.md,
# docs/audit.md, docs/retention.md, docs/subjects.md and docs/gdpr.md tell people to type does what they say. All blocks of a page run in
# their order in one session, on a new server:
#   ```ini    is added to postgresql.conf before the start
#   ```sql    is read by psql, as superuser
#   ```bash   is run by bash. (```sh is not: it needs root, or a network.)
#   ```text   right behind is what comes out, where ... stands for anything
# In all of them /etc/tarot_security and /mnt/keys are a temporary folder, which has a file of a root key, and $PGDATA is the
# server's. An error or a warning that is not announced fails.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $source = $ENV{TAROT_SOURCE} // "$FindBin::RealBin/../..";

# [language, text, line, expected output or undef]
sub blocks_of
{
	my ($page) = @_;
	my (@blocks, $fence);
	my $line = 0;
	foreach (split /\n/, slurp_file("$source/$page"))
	{
		$line++;
		if (/^```(\w*)/ && !defined $fence) { $fence = [ $1, '', $line ]; }
		elsif (/^```/)
		{
			if ($fence->[0] eq 'text' && @blocks && $blocks[-1][4]) { $blocks[-1][3] = $fence->[1]; }
			elsif ($fence->[0] =~ /^(ini|sql|bash)$/) { push @blocks, [ @$fence, undef, 1 ]; }
			$fence = undef;
		}
		elsif (defined $fence) { $fence->[1] .= "$_\n"; }
		elsif (/\S/ && @blocks) { $blocks[-1][4] = 0; }    # text behind words is not a block's output
	}
	return @blocks;
}

# Without what depends on the terminal.
sub normalized { return join '', map { s/\s+$//r . "\n" } grep { /\S/ } split /\n/, shift; }

foreach my $page ('README.md', 'docs/quickstart.md', 'docs/columns.md', 'docs/keys.md', 'docs/identity.md', 'docs/permissions.md',
	'docs/rows.md', 'docs/masking.md', 'docs/audit.md', 'docs/retention.md', 'docs/subjects.md', 'docs/gdpr.md')
{
	my $name = lc $page =~ s{.*/|\..*}{}gr;
	my $dir = PostgreSQL::Test::Utils::tempdir;
	my @blocks = blocks_of($page);
	$_->[1] =~ s{/etc/tarot_security|/mnt/keys}{$dir}g foreach @blocks;
	my $conf = join '', map { $_->[0] eq 'ini' ? $_->[1] : () } @blocks;
	$conf .= "tarot_security.worker = on\n" if $name eq 'audit' || $name eq 'gdpr';
	write_private("$dir/$_", new_root_key . "\n") foreach 'root.key', 'tarot.key';
	local $ENV{PGUSER} = 'postgres';
	my $node = new_node($name, conf => $conf, initdb => ['--username=postgres']);
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	local $ENV{PGDATABASE} = 'postgres';
	local $ENV{PGDATA} = $node->data_dir;

	# One session for all of it; what is asked of it ends at a line of our own.
	my $script = '';
	my $number = 0;
	foreach my $block (grep { $_->[0] ne 'ini' } @blocks)
	{
		my ($language, $text) = @$block;
		if ($language eq 'bash')
		{
			write_private("$dir/$number.bash", "set -e\ncd '$dir'\n$text");
			$text = "\\! bash '$dir/$number.bash' || echo 'ERROR:  the commands failed'\n";
		}
		$script .= "$text\\echo >>> $number\n";
		$number++;
	}
	write_private("$dir/script.sql", $script);
	my $psql = "psql -X -q -P footer=off -P pager=off <'$dir/script.sql' 2>&1";
	my @output = split /^>>> \d+\n/m, scalar(`$psql`), -1;
	is(scalar(@output), $number + 1, "$page: all of it ran");

	foreach my $block (grep { $_->[0] ne 'ini' } @blocks)
	{
		my ($language, $text, $line, $expected) = @$block;
		my $got = normalized(shift @output // '');
		if (defined $expected)
		{
			my $pattern = join '.*', map { quotemeta } split /\.\.\./, normalized($expected), -1;
			ok($got =~ /^$pattern$/s, "$page, line $line: gives what is shown") or diag("expected:\n$expected\ngot:\n$got");
		}
		else
		{
			unlike($got, qr/ERROR|FATAL|WARNING/, "$page, line $line: works");
		}
	}
	$node->stop;
}

done_testing;

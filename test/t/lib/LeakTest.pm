# What 085_leaks.pl and its probes share: reading the files of test/leaks, and finding values in any dress.
#
# A block of those files begins with "-- probe: NAME" or "-- guess: NAME", and goes on with lines that say more:
#   -- control: never | TYPE...   only of these types does a role see values by it that may; default: of all
#   -- types: TYPE...             ask about these types alone
#   -- roles: ROLE...             by these roles alone, and by one that may see
#   -- since: 17                  the major version that knows these statements
#   -- needs: plperl              an extension that must be there
#   -- differs: ROLE...           roles for which a right guess may look unlike a wrong one; say why
#   -- as: plain | root | reader  who runs what follows; what is not of the reader is not looked at
# After each block there is a ROLLBACK and DISCARD ALL. Words in braces are filled in for each type:
#   {base} text, numeric, ...     {type} the column's type, with its class     {table} rows 1 to 5 of values in a
#   column v, with n (a number) and w (text) beside it     {text} v as text by its base type, {text:t.v} another
#   value likewise     {guess} a literal that is the value of row 5, and then one that is not
package LeakTest;

use strict;
use warnings;
use Exporter 'import';
use MIME::Base64 qw(encode_base64);
use IPC::Run;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(read_blocks fill_in finder_of find find_in_files);

# The blocks of a file: { kind, name, sql => [ [ 'reader' or a role, statements ], ... ], and what else it says }.
sub read_blocks
{
	my ($path) = @_;
	my (@blocks, $block);
	foreach my $line (split /\n/, slurp_file($path))
	{
		if ($line =~ /^-- (probe|guess|setup): (.+)$/)
		{
			push @blocks, $block = { kind => $1, name => $2, sql => [ [ 'reader', '' ] ] };
		}
		elsif ($line =~ /^-- as: (\w+)$/ && $block)
		{
			push @{ $block->{sql} }, [ $1, '' ];
		}
		elsif ($line =~ /^-- (control|differs|types|roles|needs|since): (.+)$/ && $block)
		{
			die "$path: $block->{name}: two lines about $1\n" if exists $block->{$1};
			$block->{$1} = $2;
		}
		elsif ($line =~ /^-- \w+: / || ($line =~ /\S/ && $line !~ /^--/ && !$block))
		{
			die "$path: what is meant by \"$line\"?\n";
		}
		elsif ($block && $line !~ /^--/)
		{
			$block->{sql}[-1][1] .= "$line\n";
		}
	}
	return @blocks;
}

sub quoted { return "'" . $_[0] =~ s/'/''/gr . "'" }

# Statements with the words in braces filled in for a type; a guess is right or wrong.
sub fill_in
{
	my ($sql, $type, $guess) = @_;
	my %word = (
		base => $type->{base},
		table => "leak.$type->{base}_values",
		type => "tarot.encrypted_$type->{base}('leak_$type->{base}')",
		text => "(v::$type->{base})::text",
		right => quoted($type->{right}),
		all_values => join(', ', map { "($_, $_, " . quoted($type->{values}[ $_ - 1 ]) . ')' } 1 .. @{ $type->{values} }));
	$word{guess} = quoted($type->{$guess}) if $guess;
	$sql =~ s/\{text:([\w.\$]+)\}/(($1)::$type->{base})::text/g;
	$sql =~ s/\{(base|table|type|text|right|all_values|guess)\}/$word{$1} \/\/ die "no $1 in $sql"/ge;
	return $sql;
}

# All pieces of a text that have a length.
sub windows
{
	my ($text, $size) = @_;
	return map { substr $text, $_, $size } 0 .. length($text) - $size;
}

# What to look for, to find the values of types in any dress: pieces of 6 characters, in either case, forwards and
# backwards, as hex, as base64, as decimal bytes; and what the types' own lists of spellings say. Of digits 9: a
# catalog holds decimal numbers of its own, positions in the log among them, that meet shorter ones by chance.
sub finder_of
{
	my (@types) = @_;
	my (%folded, %exact);
	foreach my $raw (map { @{ $_->{raw} } } @types)
	{
		my $size = $raw =~ /^[\d.]+$/ ? 9 : 6;
		foreach my $piece (windows($raw, $size), windows(scalar reverse($raw), $size))
		{
			$folded{ lc $piece } = 1;
			$folded{ unpack 'H*', substr $piece, 0, 5 } = 1;
		}
		foreach my $piece (windows($raw, 4))
		{
			$folded{ join ' ', unpack 'C*', $piece } = 1;
			$folded{ join ', ', unpack 'C*', $piece } = 1;
		}
		foreach my $shift (0 .. 2)
		{
			my $base64 = encode_base64(substr($raw, $shift), '');
			$base64 = substr $base64, 0, 4 * int((length($raw) - $shift) / 3);
			$exact{$_} = 1 foreach windows($base64, 8);
		}
	}
	$folded{ lc $_ } = 1 foreach map { @{ $_->{spellings} // [] } } @types;
	my %finder = (folded => [ sort keys %folded ], exact => [ sort keys %exact ]);
	foreach my $kind (qw(folded exact))
	{
		my $any = join '|', map { quotemeta } @{ $finder{$kind} };
		$finder{"any_$kind"} = $any eq '' ? qr/(?!)/ : qr/$any/;
	}
	return \%finder;
}

# The first piece that is found in a text, or ''.
sub find
{
	my ($finder, $text) = @_;
	return lc($text) =~ $finder->{any_folded} || $text =~ $finder->{any_exact} ? $& : '';
}

# What is found in files or whole folders: [ path, number of the line, piece ]. By grep, which is far faster.
sub find_in_files
{
	my ($finder, $scratch, @paths) = @_;
	my $out = '';
	unlink $scratch;
	append_to_file($scratch, join "\n", (map { $_, uc } @{ $finder->{folded} }), @{ $finder->{exact} }, '');
	local $ENV{LC_ALL} = 'C';
	IPC::Run::run([ 'grep', '-ranoHZF', '--exclude-dir=log', '-f', $scratch, @paths ], '<', '/dev/null', '>', \$out);
	my @found;
	push @found, [ $1, $2, $3 ] while $out =~ /^(.*)\0(\d+):(.*)$/mg;
	return @found;
}

1;

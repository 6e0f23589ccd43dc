# The build as a packager meets it: in the source tree and out of it, rebuilt when a header changes,
# exporting what the server looks up and nothing else.
use strict;
use warnings;
use File::Temp 'tempdir';
use Test::More;

my $source = $ENV{TAROT_SOURCE} or die 'TAROT_SOURCE is not set';
my $pg_config = $ENV{PG_CONFIG} // 'pg_config';
my $copy = tempdir(CLEANUP => 1);
my $outside = tempdir(CLEANUP => 1);
my $installed = tempdir(CLEANUP => 1);

system('cp', '-a', map({ "$source/$_" } 'extension', 'Makefile', 'tarot_security.control'), $copy) == 0 or die;
system("mkdir -p $copy/test/tools && cp -a $source/test/tools/dev.mk $copy/test/tools/") == 0 or die;
system("find $copy \\( -name '*.[od]' -o -name '*.so' -o -name 'exports.*' \\) -delete") == 0 or die;

# Whatever the caller's make was told, this one is on its own.
delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS VPATH)};

sub make
{
	my ($folder, @arguments) = @_;
	# How well it runs is not asked here, so it is not optimized.
	my $output = qx{cd $folder && make -j2 PG_CONFIG=$pg_config COPT=-O0 @arguments 2>&1};
	diag($output) if $?;
	return wantarray ? ($? == 0, $output) : $? == 0;
}

sub compiled { return sort grep { defined } $_[0] =~ /-o (\S+\.o) /g }

# Out of tree first: objects in the source tree would be found there.
ok(make($outside, "-f $copy/Makefile"), 'builds out of tree');
ok(-e "$outside/extension/crypto/xaes.o" && -e "$outside/tarot_security.so", 'objects lie in sub-folders there');
is(qx{find $copy -name '*.o' -o -name '*.so' -o -name 'tarot_security--*.sql'}, '', 'and nothing in the source tree');

ok(make($copy), 'builds in the source tree');
my ($ok, $output) = make($copy);
is_deeply([ compiled($output) ], [], 'a second make compiles nothing');

my $later = time + 2;
utime $later, $later, "$copy/extension/crypto/xaes.h" or die;
($ok, $output) = make($copy);
my @again = compiled($output);
ok($ok && (grep { /crypto\/xaes\.o$/ } @again) && (grep { /keys\/ring\.o$/ } @again),
	'a changed header rebuilds what includes it, also by way of another header');
ok(!(grep { /mask\/text\.o$/ } @again), 'and leaves the rest alone');

my ($version) = qx{cat $copy/tarot_security.control} =~ /^default_version = '([^']+)'/m;
my $script_file = "$copy/extension/tarot_security--$version.sql";
system("echo '-- one line more' >>$copy/extension/class/class.sql") == 0 or die;
utime $later + 2, $later + 2, "$copy/extension/class/class.sql" or die;
make($copy);
like(qx{cat $script_file}, qr/^-- one line more$/m, 'a changed module rebuilds the install script');

# What leaves the library: the magic function, _PG_init, what a background worker starts with, and each SQL function with its record.
my %declared = map { $_ => 1 } qw(Pg_magic_func _PG_init);
for my $file (split /\n/, qx{grep -rhoE '^PG_FUNCTION_INFO_V1\\([a-z_0-9]+' $copy/extension --include=*.c})
{
	my ($name) = $file =~ /\((\w+)/;
	@declared{ $name, "pg_finfo_$name" } = (1, 1);
}
@declared{qw(tarot_worker_launch tarot_worker_run tarot_worker_survey)} = (1, 1, 1);
my @exported = map { (split)[2] } split /\n/, qx{nm -D --defined-only $copy/tarot_security.so};
is_deeply([ sort @exported ], [ sort keys %declared ], 'only the needed symbols are exported');

# The install script holds every module's SQL once, in the order of the floors.
my $script = qx{cat $script_file};
my %variable = qx{make -s -C $copy PG_CONFIG=$pg_config -p -n 2>/dev/null} =~ /^(FLOORS|CAPABILITIES) :?= (.*)$/mg;
my @modules = map { sort glob "$copy/extension/$_/*.sql" } split ' ', $variable{FLOORS} =~ s/\$\(CAPABILITIES\)/$variable{CAPABILITIES}/r;
ok(@modules >= 4, 'modules have SQL');
my ($at, $in_order) = (0, 1);
for my $module (@modules)
{
	my $text = qx{cat $module};
	my $found = index($script, $text);
	$in_order &&= $found >= $at;
	$at = $found + length $text;
}
ok($in_order, 'the install script has all of it, lower floors first');

ok(make($copy, 'install', "DESTDIR=$installed"), 'installs below DESTDIR');
my $libdir = qx{$pg_config --pkglibdir};
my $sharedir = qx{$pg_config --sharedir};
chomp($libdir, $sharedir);
ok(-e "$installed$libdir/tarot_security.so" && -e "$installed$sharedir/extension/tarot_security.control"
	&& -e "$installed$sharedir/extension/tarot_security--$version.sql", 'library, control file and script');

ok(make($copy, 'clean'), 'cleans');
is(qx{find $copy -name '*.[od]' -o -name '*.so' -o -name 'exports.*' -o -name 'tarot_security--*.sql'}, '',
	'and leaves nothing behind');

done_testing();

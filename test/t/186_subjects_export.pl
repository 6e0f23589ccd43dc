# The export of a subject of whom there is much: in little memory, and without a file.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $node = new_node('export', conf => "shared_buffers = 4MB\nwork_mem = 4MB\nlog_temp_files = 0");
ask($node, 'CREATE EXTENSION tarot_security; CREATE TABLE picture (person int, pixels text); CREATE TABLE step (id int, person int)');

# 200 MB of lines: some are long, and many are short.
ask($node, q{INSERT INTO picture SELECT 1, repeat('pixel', 200000) FROM generate_series(1, 180); INSERT INTO step SELECT i, 1 FROM generate_series(1, 300000) i;
	SELECT tarot.register_subject_table('picture', 'person'), tarot.register_subject_table('step', 'person')});
my $begin = -s $node->logfile;
sub files { my @files = substr(server_log($node), $begin) =~ /temporary file/g; return scalar @files }
my $peak = q{SELECT substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\s*(\d+)')::int / 1024};
my $lines = q{(SELECT tarot.export_subject_lines('1'))};

my ($few, $size, $many) = split /\n/, ask($node, "COPY (SELECT tarot.export_subject_lines('99')) TO '/dev/null'; $peak; SELECT sum(length(l)) FROM $lines AS e (l); $peak");
cmp_ok($size, '>', 195_000_000, 'there is much');
cmp_ok($many - $few, '<', 40, 'the memory that it takes is little: MB');
is(files(), 0, 'and no file');

# As a client reads it.
my $file = PostgreSQL::Test::Utils::tempdir . '/export';
$node->command_ok([ $node->installed_command('psql'), '-XAtq', '-d', $node->connstr('postgres'), '-v', 'FETCH_COUNT=100', '-o', $file, '-c', q{SELECT tarot.export_subject_lines('1')} ], 'a client reads it');
open my $export, '<', $file or die $!;
my ($count, $last) = (0, '');
while (my $line = <$export>) { $count++; $last = $line }
close $export or die $!;
is($count, 1 + 180 + 300_000 + 5 + 1, 'each line');
like($last, qr/"complete" : true/, 'to the end');

# In FROM the server gathers them first.
my $files = files();
cmp_ok((split /\n/, ask($node, "SELECT count(*) FROM tarot.export_subject_lines('1'); $peak"))[1] - $few, '<', 40, 'in FROM it is no more memory');
cmp_ok(files(), '>', $files, 'but a file');

$node->stop;
done_testing();

# Where the extension meets its surroundings: a server that does not preload it, databases in other
# encodings, and values of any size.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

# ---------------------------------------------------------------- not preloaded

my $node = new_node('environment', preload => 0, conf => 'log_statement = none');
my $not_preloaded = qr/ERROR:  55000: tarot_security must be loaded at server start\n(?:LINE 1: .*\n.*\n)?HINT:  Add tarot_security to shared_preload_libraries and restart the server\./;
like(error_of($node, 'CREATE EXTENSION tarot_security'), $not_preloaded, 'not preloaded: CREATE EXTENSION');
like(error_of($node, q{LOAD 'tarot_security'}), $not_preloaded, 'not preloaded: LOAD');
like(error_of($node, 'SELECT 1', pgoptions => '-c session_preload_libraries=tarot_security'), qr/tarot_security must be loaded at server start/,
	'not preloaded: session_preload_libraries');
is(ask($node, q{SELECT count(*) FROM pg_namespace WHERE nspname = 'tarot'}), '0', 'not preloaded: nothing is left');
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "'tarot_security'");
$node->restart;
set_up_customers($node);
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$node->restart;
like(error_of($node, 'SELECT email::text FROM customer'), $not_preloaded, 'no longer preloaded: a value');
like(error_of($node, 'SELECT email FROM customer'), $not_preloaded, 'no longer preloaded: its output');
like(error_of($node, q{INSERT INTO customer VALUES (99, 'x', 'y')}), $not_preloaded, 'no longer preloaded: a literal');
is(ask($node, 'SELECT count(*), max(name) FROM customer'), '6|customer 6', 'no longer preloaded: all else works');
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "'tarot_security'");
$node->restart;
is(ask_as($node, 'app', 'SELECT email::text FROM customer WHERE id = 1'), $TarotTest::PEOPLE{1}, 'preloaded again: all is read');

# ---------------------------------------------------------------- encodings

my $envelope_io = '-c tarot_security.io=envelope';
my $e_acute = "\x{c3}\x{a9}";    # UTF-8
my $kanji = "\x{e6}\x{97}\x{a5}";
my $coffee = "caf$e_acute au lait, chaud";
my %sample = (LATIN1 => $coffee, EUC_JP => $kanji x 9, SQL_ASCII => "$coffee $kanji", UTF8 => "$coffee $kanji");

foreach my $encoding (sort keys %sample)
{
	my $db = lc "db_$encoding";
	my $client = $encoding eq 'SQL_ASCII' ? '' : '-c client_encoding=UTF8';
	ask($node, "CREATE DATABASE $db ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	ask($node, <<'END', db => $db);
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('profile');
SELECT tarot.create_class('word', key => 'profile', mask => 'partial(3, 0)');
SELECT tarot.grant_class('word', 'app', 'plain');
SELECT tarot.grant_class('word', 'support', 'masked');
CREATE TABLE words (id int, word tarot.encrypted_text('word'));
SELECT tarot.create_class('document', key => 'profile', mask => 'json');
SELECT tarot.grant_class('document', 'app', 'plain');
SELECT tarot.grant_class('document', 'support', 'masked');
CREATE TABLE documents (id int, j tarot.encrypted_jsonb('document'), n tarot.encrypted_numeric('document'), d tarot.encrypted_date('document'), b tarot.encrypted_bytea('document'));
GRANT ALL ON words, documents TO app, support;
END
	my $sample = $sample{$encoding};
	ask_as($node, 'app', "INSERT INTO words VALUES (1, '$sample')", db => $db, pgoptions => $client);
	ok(ask_as($node, 'app', 'SELECT word::text FROM words', db => $db, pgoptions => $client) eq $sample, "$encoding: round trip by the cast");
	ok(ask_as($node, 'app', 'SELECT word FROM words', db => $db, pgoptions => $client) eq $sample, "$encoding: round trip by the output");
	ok(ask_as($node, 'app', "SELECT count(*) FROM words WHERE word::text = '$sample'", db => $db, pgoptions => $client) eq '1', "$encoding: equal to itself");
	like(ask_as($node, 'support', 'SELECT word::text FROM words', db => $db, pgoptions => $client),
		$sample =~ /caf/ ? qr/^caf\*+$/ : qr/^$kanji$kanji$kanji\*+$/, "$encoding: masked");
	# Documents, by what is written and by escapes, where the encoding is one that they can be put into.
	my $document = qq({"$sample": ["$sample", 1.50]});
	my $escaped = $encoding eq 'SQL_ASCII' ? $document : $document =~ s/$e_acute/\\u00e9/gr =~ s/$kanji/\\u65e5/gr;
	ask_as($node, 'app', "INSERT INTO documents VALUES (1, '$document', 1.50, '2024-02-29', '\\x00ff'), (2, '$escaped', 'NaN', 'infinity', '')", db => $db, pgoptions => $client);
	ok(ask_as($node, 'app', 'SELECT j, n, d, b FROM documents ORDER BY id', db => $db, pgoptions => $client) eq "$document|1.50|2024-02-29|\\x00ff\n$document|NaN|infinity|\\x", "$encoding: documents");
	ok(ask_as($node, 'app', "SELECT count(*) FROM documents WHERE j ->> '$sample' = j::jsonb ->> '$sample'", db => $db, pgoptions => $client) eq '2', "$encoding: a key is found");
	ok(ask_as($node, 'support', 'SELECT j::jsonb FROM documents WHERE id = 1', db => $db, pgoptions => $client) eq qq({"$sample": ["***", 0]}), "$encoding: masked");
	ask($node, "CREATE TABLE sealed AS SELECT tarot.encrypt('$sample', 'profile', '$sample') AS e", db => $db, pgoptions => $client);
	ok(ask($node, "SELECT tarot.decrypt(e, '$sample') FROM sealed", db => $db, pgoptions => $client) eq $sample, "$encoding: by hand, text in the context too");
}
like(error_of($node, "INSERT INTO words VALUES (2, E'caf\\xe9')", db => 'db_sql_ascii', role => 'app'), qr/ERROR:  22P05: a value cannot be converted/,
	'SQL_ASCII: bytes that are no UTF-8 are refused');
like(error_of($node, qq(INSERT INTO documents VALUES (3, E'"caf\\xe9"')), db => 'db_sql_ascii', role => 'app'), qr/ERROR:  22P05: a value cannot be converted/,
	'SQL_ASCII: such bytes in a document, too');
like(error_of($node, "INSERT INTO words VALUES (2, E'caf\\xe9')", db => 'db_utf8', role => 'app'), qr/ERROR:  22021/, 'UTF8: invalid bytes are refused');
like(error_of($node, "INSERT INTO words VALUES (2, E'\\xed\\xa0\\x80')", db => 'db_utf8', role => 'app'), qr/ERROR:  22021/, 'UTF8: a surrogate is refused');
like(error_of($node, "COPY words FROM STDIN;\n2\tcaf\xe9\n\\.\n", db => 'db_utf8', role => 'app'), qr/ERROR:  22021/, 'UTF8: invalid bytes in COPY');

# Envelopes move between databases of different encodings, with their keys.
my $dir = PostgreSQL::Test::Utils::tempdir;
sub move
{
	my ($from, $to) = @_;
	local $ENV{PGOPTIONS} = $envelope_io;
	my $name = "moved_${from}_to_$to";
	my $encoding = uc $to =~ s/^db_//r;
	command_ok([ 'pg_dump', '-d', $node->connstr($from), '-f', "$dir/$name.sql" ], "$from to $to: dumped");
	ask($node, "CREATE DATABASE $name ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($name), '-f', "$dir/$name.sql" ], "$from to $to: restored");
	return $name;
}
foreach my $pair ([ 'db_utf8', 'db_latin1' ], [ 'db_latin1', 'db_utf8' ], [ 'db_euc_jp', 'db_utf8' ])
{
	my ($from, $to) = @$pair;
	ask_as($node, 'app', "INSERT INTO words VALUES (3, '$coffee')", db => $from, pgoptions => '-c client_encoding=UTF8') if $from eq 'db_utf8';
	my $name = move($from, $to);
	my $sample = $from eq 'db_utf8' ? $coffee : $sample{ uc $from =~ s/^db_//r };
	my $id = $from eq 'db_utf8' ? 3 : 1;
	ok(ask_as($node, 'app', "SELECT word::text FROM words WHERE id = $id", db => $name, pgoptions => '-c client_encoding=UTF8') eq $sample,
		"$from to $to: read");
	ok(ask_as($node, 'app', "SELECT string_agg(concat_ws('|', n, d, b), ' ' ORDER BY id) FROM documents", db => $name) eq '1.50|2024-02-29|\\x00ff NaN|infinity|\\x', "$from to $to: types without an encoding");
	next if $name =~ /to_db_latin1/;
	ok(ask_as($node, 'app', "SELECT j::jsonb #>> ARRAY['$sample', '0'] FROM documents WHERE id = 1", db => $name, pgoptions => '-c client_encoding=UTF8') eq $sample, "$from to $to: a document");
}
my $kanji_in_latin1 = error_of($node, 'SELECT word::text FROM words WHERE id = 1', db => 'moved_db_utf8_to_db_latin1', role => 'app');
like($kanji_in_latin1, qr/ERROR:  22P05: a value cannot be converted between UTF8 and the database encoding LATIN1/, 'what LATIN1 cannot hold is an error');
unlike($kanji_in_latin1, qr/caf|$kanji|e6/, 'which does not quote it');
like(ask_as($node, 'support', 'SELECT word::text FROM words WHERE id = 1', db => 'moved_db_utf8_to_db_latin1'), qr/^caf\*+$/, 'its mask is read');
like(error_of($node, 'SELECT j::jsonb FROM documents WHERE id = 1', db => 'moved_db_utf8_to_db_latin1', role => $_), qr/ERROR:  22P05: a value cannot be converted/, "nor a document, by $_")
  foreach qw(app support);

# A class whose name is not ASCII is the same class in each encoding.
ask($node, "SELECT tarot.create_class('caf$e_acute', key => 'profile')", db => $_, pgoptions => '-c client_encoding=UTF8') foreach qw(db_latin1 db_utf8);
is(ask($node, "SELECT class_id FROM tarot.class WHERE name = 'caf$e_acute'", db => 'db_latin1', pgoptions => '-c client_encoding=UTF8'),
	ask($node, "SELECT class_id FROM tarot.class WHERE name = 'caf$e_acute'", db => 'db_utf8'), 'a class has the same number in each encoding');

# ---------------------------------------------------------------- sizes

ask($node, 'CREATE TABLE sizes (n int PRIMARY KEY, note tarot.encrypted_text(\'note\')); GRANT ALL ON sizes TO app');
my @sizes = (0, 1, 15, 16, 17, 1937, 1938, 1939, 1940, 2000, 2026, 2027, 8191, 8192, 65535, 65536, 1048575, 1048576, 1048577);
ask_as($node, 'app', "INSERT INTO sizes SELECT n, repeat(chr(97 + n % 26), n) FROM unnest(ARRAY[" . join(',', @sizes) . "]) n");
is(ask_as($node, 'app', 'SELECT count(*) FROM sizes WHERE note::text = repeat(chr(97 + n % 26), n)'), scalar @sizes, 'values of many sizes, stored inline and out of line');
is(ask($node, q{SELECT count(*) FROM sizes WHERE pg_column_size(note) > 0}), scalar @sizes, 'none is NULL');
cmp_ok(ask($node, 'SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE relname = \'sizes\''), '>', 3 * 1048576, 'large ones are out of line, not compressed');
ask_as($node, 'app', 'UPDATE sizes SET n = n + 0');
is(ask_as($node, 'app', 'SELECT count(*) FROM sizes WHERE note::text = repeat(chr(97 + n % 26), n)'), scalar @sizes, 'after an update of another column');
like(error_of($node, q{INSERT INTO sizes VALUES (-1, E'a\\000b')}, role => 'app'), qr/ERROR:  22021/, 'a zero byte is refused');

# 64 MiB: stored, read, dumped and restored.
my $large = 64 * 1024 * 1024;
is(ask_as($node, 'app', "INSERT INTO sizes VALUES ($large, repeat('0123456789abcdef', $large / 16)); SELECT length(note::text), md5(note::text) FROM sizes WHERE n = $large"),
	"$large|" . ask($node, "SELECT md5(repeat('0123456789abcdef', $large / 16))"), '64 MiB: stored and read');
my $copied = "$dir/large";
ask($node, "COPY (SELECT * FROM sizes WHERE n = $large) TO '$copied' (FORMAT binary); CREATE TABLE copied (LIKE sizes); GRANT SELECT ON copied TO app; COPY copied FROM '$copied' (FORMAT binary)",
	pgoptions => $envelope_io);
is(ask_as($node, 'app', 'SELECT length(note::text) FROM copied'), $large, '64 MiB: copied as an envelope, in binary');
ask($node, "COPY (SELECT * FROM sizes WHERE n = $large) TO '$copied'; TRUNCATE copied; COPY copied FROM '$copied'", pgoptions => $envelope_io);
is(ask_as($node, 'app', 'SELECT length(note::text) FROM copied'), $large, '64 MiB: copied as an envelope, in text');
unlink $copied;

# Above the limit: refused before anything is made of it.
my $limit = 512 * 1024 * 1024;
foreach my $statement ("INSERT INTO sizes VALUES (-2, repeat('x', $limit + 1))", "SELECT repeat('x', $limit + 1)::tarot.encrypted_text('note')")
{
	like(error_of($node, $statement, role => 'app'),
		qr/ERROR:  54000: a value of 536870913 bytes is too large to be encrypted\nDETAIL:  The limit is 536870912 bytes\./, 'above 512 MiB: refused');
}
like(error_of($node, "SELECT length(tarot.encrypt(repeat('x', $limit + 1), 'profile', 'c'))"), qr/ERROR:  54000/, 'above 512 MiB: refused by tarot.encrypt');
# As large as a value can be in the server, by each way in.
my $most = 1024 * 1024 * 1024 - 5;
foreach my $statement ("INSERT INTO sizes VALUES (-3, repeat('x', $most))", "UPDATE sizes SET note = repeat('x', $most) WHERE n = 0", "SELECT tarot.encrypt(repeat('x', $most), 'profile', 'c')",
	"SELECT tarot.encrypt(decode(repeat('00', $most / 2), 'hex') || decode(repeat('00', $most / 2 - 100), 'hex'), 'profile', 'c')", "SELECT tarot.decrypt(repeat('x', $most), 'c')")
{
	my $error = error_of($node, $statement);
	like($error, qr/ERROR:  (?:54000|TS10\d|42501): .{1,200}$/m, 'a gigabyte: refused');
	unlike($error, qr/xxxx|0000000/, 'and not quoted');
}
like(error_of($node, "INSERT INTO sizes VALUES (-3, repeat('x', $most))", role => 'app'), qr/ERROR:  54000: a value of $most bytes is too large to be encrypted/, 'a gigabyte, by who may write');
is(ask($node, 'SELECT count(*) FROM sizes WHERE n < 0'), '0', 'nothing was stored');
unlike(server_log($node), qr/was terminated by signal|PANIC/, 'no process died');

done_testing;

# docs/formats.md keeps its promise: test/tools/open-envelope, written from that page alone on another
# library, opens what is in a dump with the root key file and nothing else.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

plan skip_all => 'needs libcryptx-perl' unless eval { require Crypt::AuthEnc::GCM };

my $tool = "$FindBin::RealBin/../tools/open-envelope";
my $dir = PostgreSQL::Test::Utils::tempdir;
my $key_file = "$dir/root.key";
my $key = new_root_key;
write_private($key_file, '# ' . "comment\n" . new_root_key . "\n$key\n");
my $node = new_node('formats', conf => "tarot_security.root_key_file = '$key_file'");
set_up_customers($node);
ask($node, q{SELECT tarot.create_key('by hand'); SELECT tarot.rotate_key('by hand');
	CREATE TABLE sealed (name text PRIMARY KEY, as_text text, as_bytes bytea)});
my $text = "The Star, reversed: \x{e2}\x{98}\x{85}";
ask($node, "INSERT INTO sealed VALUES ('text', tarot.encrypt('$text', 'by hand', ARRAY['reading', '1042', '']), NULL),
	('one', tarot.encrypt('$text', 'by hand', 'reading'), NULL), ('empty', tarot.encrypt('', 'by hand', 'c'), NULL),
	('bytes', NULL, tarot.encrypt('\\x00ff10'::bytea, 'by hand', 'c'))");
# Searchable classes, one of fewer bits, whose search keys come from the version that is current now.
ask($node, q{SELECT tarot.create_class('found', 'profile', searchable => true, normalization => 'lower'), tarot.create_class('short', 'by hand', searchable => true, search_bits => 20);
	SELECT tarot.grant_class('found', 'app', 'plain'), tarot.grant_class('short', 'app', 'plain');
	CREATE TABLE searched (id int, found tarot.encrypted_text('found'), number tarot.encrypted_numeric('short'));
	GRANT ALL ON searched TO app});
ask($node, q{SELECT tarot.rotate_key('profile')});
ask_as($node, 'app', q{INSERT INTO searched VALUES (1, 'ADA', 12.50), (2, 'ada', -0.0), (3, 'bob', 1e20)});
# One more while the search key changes.
ask($node, q{SELECT tarot.start_search_key('found', NULL, NULL)});
ask_as($node, 'app', q{INSERT INTO searched VALUES (4, 'Eve', NULL)});
ask_as($node, 'app', q{INSERT INTO customer VALUES (9, 'new version', 'version.two@plaintext.example')});

{
	local $ENV{PGOPTIONS} = '-c tarot_security.io=envelope';
	command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', "$dir/dump.sql" ], 'dumped');
}
$node->stop;

# ---------------------------------------------------------------- from here on: the dump and the root key file

my %table;
my $columns;
foreach my $line (split /\n/, slurp_file("$dir/dump.sql"))
{
	if ($line =~ /^COPY (\S+) \((.*)\) FROM stdin;$/) { $columns = { table => $1, names => [ split /, /, $2 ] } }
	elsif ($line eq '\.') { undef $columns }
	elsif ($columns)
	{
		my %row;
		@row{ @{ $columns->{names} } } = map { $_ eq '\N' ? undef : s/\\\\/\\/gr } split /\t/, $line, -1;
		push @{ $table{ $columns->{table} } }, \%row;
	}
}
my ($ring) = @{ $table{'tarot.keyring'} };
my %wrapped = map { ("$_->{key_id}.$_->{version}" => $_->{wrapped}) } @{ $table{'tarot.key_version'} };

# Opens an envelope with the key that its header names; gives what was printed, and what was complained of.
sub open_envelope
{
	my ($envelope, @options) = @_;
	my ($description, $out, $err) = ('', '', '');
	IPC::Run::run([ $^X, $tool, '--describe', $envelope ], '>', \$description) or return ('', 'cannot be described');
	my ($id, $version) = $description =~ /^key (\d+)\nkey version (\d+)$/m or return ('', 'no key named');
	IPC::Run::run(
		[ $^X, $tool, '--root-key-file', $key_file, '--ring-id', $ring->{ring_id}, '--wrapped-key', $wrapped{"$id.$version"},
			'--key-id', $id, '--key-version', $version, @options, $envelope ],
		'>', \$out, '2>', \$err);
	return ($out, $err, $description);
}

my %email = map { ($_->{id} => $_->{email}) } @{ $table{'public.customer'} };
foreach my $id (sort keys %TarotTest::PEOPLE)
{
	my ($out, $err) = open_envelope($email{$id});
	is($err, '', "customer $id: opened");
	ok($out eq $TarotTest::PEOPLE{$id}, "customer $id: the value");
}
is($email{5}, undef, 'NULL is NULL');
my ($out, $err, $description) = open_envelope($email{9});
is($out, 'version.two@plaintext.example', 'a value of the second version');
like($description, qr/^key version 2$/m, 'which its header names');
my ($class) = grep { $_->{name} eq 'email' } @{ $table{'tarot.class'} };
is((open_envelope($email{1}, '--class', $class->{class_id}))[0], $TarotTest::PEOPLE{1}, 'its header names the class');

my %sealed = map { ($_->{name} => $_->{as_text} // $_->{as_bytes}) } @{ $table{'public.sealed'} };
is((open_envelope($sealed{text}, '--context', 'reading', '--context', '1042', '--context', ''))[0], $text, 'tarot.encrypt, a context of three');
is((open_envelope($sealed{one}, '--context', 'reading'))[0], $text, 'tarot.encrypt, a context of one');
is((open_envelope($sealed{bytes}, '--context', 'c'))[0], "\0\xff\x10", 'tarot.encrypt, bytes');
($out, $err) = open_envelope($sealed{empty}, '--context', 'c');
is("$out$err", '', 'tarot.encrypt, nothing');

# Search tags, by the page too.
my %class_named = map { ($_->{name} => $_) } @{ $table{'tarot.class'} };
sub tag_of
{
	my ($class, $kind, $normal_form, $generation, @nonce) = @_;
	my ($search) = grep { $_->{class_id} == $class_named{$class}{class_id} && $_->{generation} == ($generation // 1) } @{ $table{'tarot.search_key'} };
	my ($out, $err);
	IPC::Run::run(
		[ $^X, $tool, '--root-key-file', $key_file, '--ring-id', $ring->{ring_id}, '--wrapped-key', $wrapped{"$search->{key_id}.$search->{key_version}"},
			'--key-id', $search->{key_id}, '--key-version', $search->{key_version}, '--class', $search->{class_id},
			'--search-tag', $search->{generation}, '--bits', $search->{bits}, @nonce, '--kind', $kind, $normal_form ],
		'>', \$out, '2>', \$err);
	return $out . $err;
}
my %searched = map { ($_->{id} => $_) } @{ $table{'public.searched'} };
my @normal_forms = ([ 1, 'ada', '12.5' ], [ 2, 'ada', '0' ], [ 3, 'bob', '1' . '0' x 20 ]);
foreach (@normal_forms)
{
	my ($id, $name, $number) = @$_;
	my ($text_tag) = (open_envelope($searched{$id}{found}))[2] =~ /^search tag (\S+)$/m;
	my ($number_tag, $nonce) = (open_envelope($searched{$id}{number}))[2] =~ /^search tag (\S+)\n.*^nonce (\S+)$/ms;
	is("$text_tag\n", tag_of('found', 1, $name), "tag $id: of a text in normal form");
	is("$number_tag\n", tag_of('short', 3, $number, 1, '--nonce', $nonce), "tag $id: of a number, of 20 bits, the others hidden by its nonce");
	like($number_tag, qr/^81/, "tag $id: which says so");
	my $other = tag_of('short', 3, $number, 1, '--nonce', '00' x 24);
	is(substr($other, 0, 7), substr($number_tag, 0, 7), "tag $id: 20 bits are the same with any nonce");
	isnt(substr($other, 7), substr("$number_tag\n", 7), "tag $id: the others are not");
}
my ($between, undef, $header) = open_envelope($searched{4}{found});
is($between, 'Eve', 'a value with two search tags');
is(($header =~ /^search tag (\S+)$/m)[0] . "\n", tag_of('found', 1, 'eve'), 'the first by the one key');
is(($header =~ /^second tag (\S+)$/m)[0] . "\n", tag_of('found', 1, 'eve', 2), 'the second by the next, from another version');
isnt(tag_of('found', 1, 'eve'), tag_of('found', 1, 'eve', 2), 'which are two');
isnt(tag_of('found', 1, 'ada'), tag_of('found', 0, 'ada'), 'the kind counts');
isnt(tag_of('found', 1, 'ada'), tag_of('short', 1, 'ada', 1, '--bits', 120), 'the class counts');

# What must not open.
my $closed = qr/the envelope does not open/;
like((open_envelope($sealed{text}, '--context', 'reading', '--context', '1042'))[1], $closed, 'a context that lacks an item');
like((open_envelope($sealed{text}, '--context', 'reading1042', '--context', '', '--context', ''))[1], $closed, 'a context cut elsewhere');
like((open_envelope($email{1}, '--context', 'c'))[1], $closed, 'a context where there was none');
my $last = chop(my $changed = $email{2});
like((open_envelope($changed . ($last eq 'A' ? 'E' : 'A')))[1], qr/$closed|canonical/, 'a changed byte');
write_private($key_file, new_root_key . "\n");
like((open_envelope($email{1}))[1], qr/no root key of the file opens/, 'another root key');

done_testing;

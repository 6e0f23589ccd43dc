# The program tarot-verify: an export of the audit log, checked without the server.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $node = new_node('exported', conf => "tarot_security.audit_checkpoint_file = '$dir/kept'\n");
ask($node, q{CREATE EXTENSION tarot_security; SELECT tarot.create_key('any'); CREATE ROLE auditor;
	CREATE TABLE card (id int PRIMARY KEY, name text, price numeric, seen timestamptz, more jsonb); SELECT tarot.audit_table('card')});
ask($node, $_) foreach
	q{INSERT INTO card SELECT g, E'Card "' || g || E'"\n\t\\\\ ' || chr(228) || chr(8364), g / 3.0, '2026-01-01', '{"deep": [1, {"x": null}], "": "empty"}' FROM generate_series(1, 300) g},
	'SELECT tarot.seal_audit()',
	q{SET application_name = ''; UPDATE card SET price = 'NaN', seen = 'infinity' WHERE id < 5; DELETE FROM card WHERE id = 7},
	'SELECT tarot.seal_audit()',
	'SELECT tarot.rotate_audit_signer()',
	q{BEGIN; TRUNCATE card; INSERT INTO card (id) SELECT g FROM generate_series(1, 700) g; COMMIT},
	'SELECT tarot.seal_audit()';
my $size = ask($node, 'SELECT max(size) FROM tarot.audit_checkpoint');
# Entries of what was done for the audit are among them, so where a row's is must be asked.
my ($first, $second) = split /\n/, ask($node, 'SELECT size FROM tarot.audit_checkpoint ORDER BY size LIMIT 2');
my $eighth = ask($node, q{SELECT tarot.entry_position(system, transaction, number) FROM tarot.audit_entry WHERE operation = 'I' AND key = '{"id": 8}' ORDER BY transaction LIMIT 1});
my $keys = ask($node, 'SELECT public_key FROM tarot.audit_signers ORDER BY created_at');
my ($old_key, $key) = split /\n/, $keys;

sub export { return ask($node, 'SELECT * FROM tarot.export_audit(' . join(', ', @_) . ')') . "\n" }
# What the program says of an export, and its exit status.
sub verify
{
	my ($export, @options) = @_;
	write_private("$dir/export", $export, 0644);
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'tarot-verify', @options, ref $options[-1] ? () : "$dir/export" ], '>', \$out, '2>', \$err);
	return join '', $? >> 8, "\n", $out, $err;
}
write_private("$dir/keys", "$keys\n", 0644);
my @key_file = ('--key-file', "$dir/keys");
my $export = export();

is(verify($export, @key_file), "0\n$size entries from position 0, 0 of them gone, 0 erased, 3 checkpoints: good\n", 'an export is good');
is(verify($export, '-k', $old_key, '--key', $key, '-q'), "0\n", 'with all keys');
is(verify($export, @key_file, '-c', "$dir/kept"), "0\n$size entries from position 0, 0 of them gone, 0 erased, 3 checkpoints: good\n", 'so are checkpoints that were kept');
like(verify($export, '-k', $key), qr/\A1\ncheckpoint badly signed: of $first .*\ncheckpoint badly signed: of $second .*\n.*, 1 checkpoints: NOT GOOD\n\z/, 'not without the key');
like(verify($export, '-k', $old_key), qr/\A1\ncheckpoint badly signed: of $size .*\nnot signed: .* behind position $second\n/, 'nor are entries that no checkpoint covers');

# In parts.
my ($one, $two) = (export(0, $first), export($first));
write_private("$dir/$_->[0]", $_->[1], 0644) foreach [ one => $one ], [ two => $two ];
sub verify_files { my ($out, $err) = ('', ''); IPC::Run::run([ 'tarot-verify', @key_file, @_ ], '>', \$out, '2>', \$err); return join '', $? >> 8, "\n", $out, $err }
is(verify_files("$dir/one", "$dir/two"), "0\n$size entries from position 0, 0 of them gone, 0 erased, 3 checkpoints: good\n", 'two exports, one behind the other');
like(verify_files("$dir/two"), qr/\A0\n@{[ $size - $first ]} entries from position $first, /, 'the second alone');
like(verify_files('-c', "$dir/kept", "$dir/two"), qr/\A0\n|\A1\nnot covered: .* has $first entries, the export begins at $first\n/, 'what lies before it is not covered');
like(verify_files("$dir/one", "$dir/one"), qr/\A1\nan export begins at 0 and does not go on/, 'the same twice is not');
like(verify_files('-c', "$dir/kept", "$dir/one"), qr/\A1\nlog truncated: .* has $second entries, not $first\nlog truncated: .* has $size entries/, 'the first alone is too short');

# Each thing that is changed.
sub changed { my ($from, $to) = @_; my $copy = $export; $copy =~ s/$from/$to/ or die "no $from"; return $copy }
my $line = qr/^(\{"position" : 7,.*)\n/m;
foreach my $case (
	[ 'a value', changed(qr/Card \\\\\\"8\\\\\\"/, 'Card 8'), qr/entry changed: at position $eighth, / ],
	[ 'a role', changed(qr/(?<="role" : )"\w+"/, '"x"'), qr/entry changed: at position 0, / ],
	[ 'a missing value to an empty one', changed(qr/(?<="subject" : )null/, '""'), qr/entry changed: at position 0, / ],
	[ 'the time', changed(qr/(?<=\.\d{5})\dZ/, 'xZ') =~ s/xZ/(ask($node, "SELECT extract(microseconds FROM recorded_at)::int % 10 FROM tarot.audit_entry ORDER BY transaction, number LIMIT 1") + 1) % 10 . 'Z'/er, qr/entry changed: at position 0, / ],
	[ 'an entry and its leaf', changed(qr/(?<="position" : 7, ).*(?="leaf" : "(.))/, '') =~ s/("position" : 7, "leaf" : ")(.)/$1 . ($2 eq 'a' ? 'b' : 'a')/er, qr/tree changed: the first $first / ],
	[ 'an entry that is gone', changed($line, ''), qr/entry missing: behind position 7 comes 8; the rest was not checked\n/ ],
	[ 'a checkpoint', changed(qr/(?<=time 2)0/, '1'), qr/checkpoint badly signed: of $first / ],
	[ 'the last checkpoint that is gone', changed(qr/\{"checkpoint"[^\n]*\n\z/, ''), qr/not signed: .* behind position $second\n/ ])
{
	my ($name, $copy, $expected) = @$case;
	like(verify($copy, @key_file), qr/\A1\n(?:.*\n)*?$expected/, "found: $name");
}
like(verify(changed($line, '{"position" : 7, "leaf" : "x"}' . "\n"), @key_file), qr/\A2\ntarot-verify: .*export:9: not a line of tarot.export_audit/, 'what is no line is none');

# Details that were erased, and entries that are gone.
ask($node, q{UPDATE tarot.audit_entry SET key = NULL, old = NULL, new = NULL, salt = sha256(int4send(6) || b.items)
	FROM (SELECT e.ctid AS at, string_agg(int8send(octet_length(i)) || i, ''::bytea ORDER BY n) AS items FROM tarot.audit_entry e, unnest(ARRAY['tarot_security v1 details'::bytea, e.salt,
		CASE WHEN e.old IS NULL THEN '\x05' ELSE '\x07' END::bytea, convert_to(e.key::text, 'UTF8'), coalesce(convert_to(e.old::text, 'UTF8'), ''), convert_to(e.new::text, 'UTF8')]) WITH ORDINALITY AS u (i, n)
		WHERE e.operation = 'U' OR e.operation = 'I' AND e.statement = 0 AND e.number < 4 GROUP BY e.ctid) b WHERE b.at = audit_entry.ctid});
is(ask($node, q{SELECT finding, sum(last_position - first_position + 1) FROM tarot.verify_audit() WHERE finding <> 'not sealed' GROUP BY finding}), 'details missing|7', 'details are erased by what docs/formats.md says, and nobody tells of it');
is(verify(export(), @key_file, '--allow-gone'), "0\n$size entries from position 0, 0 of them gone, 7 erased, 3 checkpoints: good\n", 'and the export is good, for whom they may be');
like(verify(export(), @key_file, '-q'), qr/\A1\n(?:details erased: \d+ from position \d+ on\n)+\z/, 'not for others');
ask($node, q{UPDATE tarot.audit_entry SET new = '{}' WHERE octet_length(salt) = 32 AND operation = 'U'});
is(ask($node, q{SELECT string_agg(DISTINCT finding, ',' ORDER BY finding) FROM tarot.verify_audit() WHERE finding <> 'not sealed'}), 'details missing,entry changed', 'nothing can be put in their place');
ask($node, q{DELETE FROM tarot.audit_entry WHERE operation = 'U'});
like(verify(export(), @key_file, '-g'), qr/\A0\n.*, 4 of them gone, 3 erased, .*: good\n\z/, 'of what is gone the leaf is left');
like(verify(export(), @key_file), qr/\A1\n(?:.*\n)*?entries gone: \d from position \d+ on\n(?:.*\n)*.*NOT GOOD\n\z/, 'and whoever does not allow that is told');

# What the log itself tells of is no finding, once a checkpoint covers that.
{
	ask($node, 'CREATE DATABASE lawful');
	my $ask = sub { return ask($node, $_[0], db => 'lawful') };
	my $export_now = sub { return $ask->('SELECT tarot.export_audit()') . "\n" };
	$ask->(q{CREATE EXTENSION tarot_security; SELECT tarot.create_key('any'); CREATE TABLE card (id int PRIMARY KEY, name text); SELECT tarot.audit_table('card');
		CREATE TABLE tarot.audit_entry_2020_01 (LIKE tarot.audit_entry); ALTER TABLE tarot.audit_entry ATTACH PARTITION tarot.audit_entry_2020_01 FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-02-01 00:00+00')});
	$ask->(q{INSERT INTO card SELECT g, 'Card ' || g FROM generate_series(1, 40) g});
	$ask->(q{UPDATE tarot.audit_entry SET recorded_at = '2020-01-05' WHERE operation = 'I' AND (key->>'id')::int BETWEEN 11 AND 30});
	$ask->('SELECT tarot.seal_audit()');
	$ask->(q{SELECT tarot.drop_audit_partitions('1 year'), tarot.erase_audit_details('card', '{"id": 2}', 'ticket 1')});
	write_private("$dir/lawful.keys", $ask->('SELECT public_key FROM tarot.audit_signers') . "\n", 0644);
	my @lawful = ('-K', "$dir/lawful.keys");
	like(verify($export_now->(), @lawful), qr/\A1\nentries gone: 20 from position \d+ on\ndetails erased: 1 from position \d+ on\n\d+ entries from position 0, 20 of them gone, 1 erased, 1 checkpoints: NOT GOOD\n\z/, 'an entry that no checkpoint covers tells nothing');
	$ask->('SELECT tarot.seal_audit()');
	my $good = $export_now->();
	my $size = $ask->('SELECT max(size) FROM tarot.audit_checkpoint');
	is(verify($good, @lawful), "0\n$size entries from position 0, 20 of them gone (20 dropped, as is told), 1 erased, 2 checkpoints: good\n", 'what was dropped and erased is told by entries that are sealed');
	is(verify($good, @lawful, '-q'), "0\n", 'quietly');

	# What tells of it taken away, changed, or not signed.
	my $cut = sub { my ($from, $to) = @_; my $copy = $good; $copy =~ s/$from/$to->()/e or die "no $from"; return $copy };
	like(verify($cut->(qr/\{"checkpoint"[^\n]*\n\z/, sub { '' }), @lawful), qr/\A1\nentries gone: 20 from .*\ndetails erased: 1 from .*\nnot signed: /, 'found: the last checkpoint is gone');
	like(verify($cut->(qr/\\"positions\\": \\"\{\[\d+,/, sub { '\"positions\": \"{[0,' }), @lawful), qr/\A1\nentry changed: .*\nentries gone: 20 from /, 'found: more positions');
	like(verify($cut->(qr/("position" : \d+), "recorded_at"[^\n]*DROP AUDIT PARTITION[^\n]*, ("leaf" : "\w+")/, sub { "$1, $2" }), @lawful), qr/\A1\nentries gone: 20 from position \d+ on\nentries gone: 1 from /, 'found: the entry that tells of it is gone itself');
	like(verify($cut->(qr/("position" : \d+), "recorded_at"[^\n]*Card 3[^\n]*, ("leaf" : "\w+")/, sub { "$1, $2" }), @lawful), qr/\A1\nentries gone: 1 from position \d+ on\n.*, 21 of them gone \(20 dropped, as is told\)/, 'found: one more entry is gone');

	# Who deletes, and forges what tells of it, of another log, or of what came after it, is found.
	$ask->(q{DELETE FROM tarot.audit_entry WHERE operation = 'I' AND key->>'id' = '5'});
	$ask->(qq{INSERT INTO tarot.audit_entry SELECT clock_timestamp(), pg_current_xact_id(), 100 + n, system, 0, 0, 'R', NULL, role, role, NULL, NULL, NULL, NULL, NULL, new || f, '\\x00'
		FROM tarot.audit_entry, (VALUES (1, jsonb_build_object('positions', '{[0,$size)}', 'root', repeat('0', 64))), (2, jsonb_build_object('positions', '{[0,$size)}', 'size', '7')), (3, jsonb_build_object('positions', '{[0,900)}')), (4, '{"positions": "x"}')) AS forged (n, f)
		WHERE operation = 'R' AND new ? 'positions'});
	$ask->('SELECT tarot.seal_audit()');
	like(verify($export_now->(), @lawful), qr/\A1\nentries gone: 1 from position \d+ on\n/, 'found: what was deleted, though sealed entries tell of it that are not of this tree');
}

# Wrong usage.
like(verify($export, @$_), qr/\A2\ntarot-verify: /, "usage: @$_") foreach [], [ '-k', 'x' ], [ '-K', '/nowhere' ], [ @key_file, '-c', "$dir/keys" ], [ @key_file, '/nowhere' ];
like(verify('', @key_file), qr/\A2\ntarot-verify: there is no export/, 'nothing is no export');
IPC::Run::run([ 'tarot-verify', '--help' ], '>', \my $help);
like($help, qr/Usage: tarot-verify --key KEY.*Exit status: 0/s, 'it helps');

unlike(error_of($node, 'SET ROLE auditor; SELECT * FROM tarot.export_audit()'), qr/\A\z/, 'an export is for whom it is granted');
done_testing;

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
is(ask($node, q{SELECT finding, count(*) FROM tarot.verify_audit() WHERE finding <> 'not sealed' GROUP BY finding}), 'details erased|7', 'details are erased by what docs/formats.md says');
is(verify(export(), @key_file, '--allow-gone'), "0\n$size entries from position 0, 0 of them gone, 7 erased, 3 checkpoints: good\n", 'and the export is good, for whom they may be');
like(verify(export(), @key_file, '-q'), qr/\A1\n(?:details erased: \d+ from position \d+ on\n)+\z/, 'not for others');
ask($node, q{UPDATE tarot.audit_entry SET new = '{}' WHERE octet_length(salt) = 32 AND operation = 'U'});
is(ask($node, q{SELECT string_agg(DISTINCT finding, ',' ORDER BY finding) FROM tarot.verify_audit() WHERE finding <> 'not sealed'}), 'details erased,entry changed', 'nothing can be put in their place');
ask($node, q{DELETE FROM tarot.audit_entry WHERE operation = 'U'});
like(verify(export(), @key_file, '-g'), qr/\A0\n.*, 4 of them gone, 3 erased, .*: good\n\z/, 'of what is gone the leaf is left');
like(verify(export(), @key_file), qr/\A1\n(?:.*\n)*?entries gone: \d from position \d+ on\n(?:.*\n)*.*NOT GOOD\n\z/, 'and whoever does not allow that is told');

# Wrong usage.
like(verify($export, @$_), qr/\A2\ntarot-verify: /, "usage: @$_") foreach [], [ '-k', 'x' ], [ '-K', '/nowhere' ], [ @key_file, '-c', "$dir/keys" ], [ @key_file, '/nowhere' ];
like(verify('', @key_file), qr/\A2\ntarot-verify: there is no export/, 'nothing is no export');
IPC::Run::run([ 'tarot-verify', '--help' ], '>', \my $help);
like($help, qr/Usage: tarot-verify --key KEY.*Exit status: 0/s, 'it helps');

unlike(error_of($node, 'SET ROLE auditor; SELECT * FROM tarot.export_audit()'), qr/\A\z/, 'an export is for whom it is granted');
done_testing;

# Dumps with tarot_security.io = masked: of masked tables and encrypted columns they hold masks, whoever makes them, and
# can be restored where nobody knows of the values.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir;
my $node = new_node('main', conf => 'log_statement = none');
my $masked = '-c tarot_security.io=masked';

set_up_customers($node);
ask($node, <<'END');
CREATE ROLE keeper LOGIN;
GRANT CREATE ON SCHEMA public TO keeper;
SELECT tarot.create_class('number', 'profile', 'pseudonym'), tarot.create_class('person', 'profile', 'name');
SELECT tarot.grant_class(class, 'keeper', 'plain') FROM unnest('{email,number,person}'::text[]) class;
SELECT tarot.grant_class(class, current_user::regrole, 'plain') FROM unnest('{email,number,person}'::text[]) class;
END
ask_as($node, 'keeper', <<'END');
CREATE TABLE client (number text PRIMARY KEY, email text NOT NULL, name text, short text GENERATED ALWAYS AS (split_part(name, ' ', 1)) STORED, income int);
CREATE TABLE invoice (id int, number text REFERENCES client, at date) PARTITION BY RANGE (at);
CREATE TABLE invoice_2024 PARTITION OF invoice FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
END
ask_as($node, 'keeper', <<'END');
INSERT INTO client SELECT 'KUQ-' || 70000000 + i, 'wombat' || i || '@quokka.example.org', 'Bilby Numbat' || i FROM generate_series(1, 50) i;
INSERT INTO invoice SELECT i, 'KUQ-' || 70000000 + i % 50 + 1, '2024-05-05' FROM generate_series(1, 100) i;
SELECT tarot.classify_column('client', 'number', 'number'), tarot.classify_column('invoice', 'number', 'number');
SELECT tarot.classify_column('client', 'email', 'email'), tarot.classify_column('client', 'name', 'person');
SELECT tarot.mask_table('client'), tarot.mask_table('invoice');
END
my $raw = qr/wombat|bilby|numbat|KUQ-7|plaintext\.example/i;

sub dump_of
{
	my ($file, $options, @arguments) = @_;
	local $ENV{PGOPTIONS} = $options;
	my ($out, $err) = ('', '');
	my $ok = IPC::Run::run([ $node->installed_command('pg_dump'), '-f', "$dir/$file", @arguments, $node->connstr('postgres') ], '>', \$out, '2>', \$err);
	return $ok ? slurp_file("$dir/$file") : "failed: $err";
}

like(dump_of('plain.sql', '', '-t', 'client'), $raw, 'a dump by who reads plain has the values');
my $data = dump_of('masked.sql', $masked, '-t', 'client', '-t', 'invoice*');
unlike($data, $raw, 'with masks it has none, though made by the same role');
like($data, qr/\tw\*\*\*\@q\*\*\*\.org\t/, 'but masks');
unlike(dump_of('inserts.sql', $masked, '-t', 'client', '-t', 'invoice*', '--inserts'), $raw, 'as INSERTs, too');
unlike(dump_of('keeper.sql', $masked, '-t', 'client', '-U', 'keeper'), $raw, 'by the owner, too');
unlike(dump_of('sealed.sql', $masked, '-t', 'customer'), $raw, 'and of encrypted columns');
my $all = dump_of('all.sql', $masked);
unlike($all, $raw, 'and a whole database');
like($all, qr/SECURITY LABEL FOR tarot_security/, 'with its labels');

# A table that is not as anonymous as is required of it is in no dump with masks: here nobody has the income of four others.
ask($node, q{SELECT tarot.set_required_anonymity('client', '{email,income}', 5)});
ask($node, 'UPDATE client SET income = CASE WHEN number < $$KUQ-70000005$$ THEN 2 ELSE 1 END');
foreach my $how ([], ['--inserts'], ['-a', '-U', 'keeper'])
{
	like(dump_of('few.sql', $masked, '-t', 'client', @$how), qr/^failed: .*"public.client" is not 5-anonymous/s, "refused, with (@$how)");
}
like(dump_of('few.sql', $masked, '-t', 'invoice*'), qr/COPY public.invoice_2024 /, 'others are dumped');
like(dump_of('few.sql', '', '-t', 'client'), $raw, 'and it is, but for masks');
ask($node, 'UPDATE client SET income = 2 WHERE number < $$KUQ-70000006$$');
like(dump_of('enough.sql', $masked, '-t', 'client'), qr/COPY public.client .*\t2\n/s, 'one row more is enough');
ask($node, q{SELECT tarot.set_required_anonymity('invoice', '{at}', 101)});
like(dump_of('part.sql', $masked, '-t', 'invoice_2024'), qr/^failed: .*"public.invoice" is not 101-anonymous/s, 'a partition is refused as a part of its table');
ask($node, q{SELECT tarot.drop_required_anonymity('invoice')});

# The requirement is a part of a dump of envelopes.
my $envelope = '-c tarot_security.io=envelope';
ask($node, 'CREATE DATABASE full_copy');
unlike(dump_of('full.sql', $envelope), qr/^failed/, 'a whole database');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/full.sql", $node->connstr('full_copy') . " options='$envelope'" ], 'is restored');
is(ask($node, 'SELECT relation, quasi_identifiers, k FROM tarot.required_anonymity', db => 'full_copy'), 'client|{email,income}|5', 'with what is required');

# Restored by itself, into a database without the extension: keys and foreign keys hold.
ask($node, 'CREATE DATABASE bare');
my $sql = slurp_file("$dir/masked.sql") =~ s/^SECURITY LABEL .*\n//gmr =~ s/^(?:GRANT|REVOKE) .*\n//gmr;
append_to_file("$dir/bare.sql", $sql);
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/bare.sql", $node->connstr('bare') ], 'restored where there is no extension');
is(ask($node, 'SELECT count(*), count(DISTINCT c.number), min(c.email), min(c.name) FROM client c JOIN invoice USING (number)', db => 'bare'), '100|50|w***@q***.org|B*** ***', 'with its keys');

# Who reads masks alone cannot dump values by leaving the setting out.
ask($node, q{SELECT tarot.revoke_class(class, current_user::regrole) FROM unnest('{email,number,person}'::text[]) class});
ask($node, q{SELECT tarot.grant_class(class, current_user::regrole, 'masked') FROM unnest('{email,number,person}'::text[]) class});
like(dump_of('refused.sql', '', '-t', 'client'), qr/^failed: .*(?:permission denied|io)/s, 'a masked role must ask for masks');
unlike(dump_of('asked.sql', $masked, '-t', 'client'), $raw, 'and gets them');

unlike(server_log($node), qr/PANIC|TRAP:/, 'nothing died');
$node->stop;
done_testing;

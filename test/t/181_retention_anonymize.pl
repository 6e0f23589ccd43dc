# Retention that anonymizes, by the background worker: each row once, whatever is killed in the middle; in dumps and where these are
# restored; and beside a writer.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run qw(start);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

my $node = new_node('anonymize', conf => "tarot_security.worker = on\nrestart_after_crash = on\nautovacuum = off\nmax_worker_processes = 12");
ask($node, <<'END');
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('people');
SELECT tarot.create_class('person', key => 'people', mask => 'name'), tarot.create_class('card', key => 'people', mask => 'card');
CREATE ROLE shop LOGIN;
GRANT CREATE ON SCHEMA public TO shop;
GRANT EXECUTE ON FUNCTION tarot.add_retention TO shop;
SELECT tarot.grant_class(c, current_user::regrole, 'plain') FROM unnest('{person,card}'::text[]) AS c;
END

# Each row that is changed is told, by the transaction that changed it.
ask($node, <<'END');
SET ROLE shop;
CREATE TABLE customer (id bigint PRIMARY KEY, name text, card tarot.encrypted_text('card'), left_at date, anonymized_at timestamptz);
CREATE TABLE changed (id bigint);
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.changed VALUES (old.id); RETURN NULL; END $$;
RESET ROLE;
SELECT tarot.classify_column('customer', 'name', 'person');
INSERT INTO customer SELECT i, 'Ada Plaintext' || translate(i::text, '0123456789', 'abcdefghij'), '4111 1111 1111 1111', CASE WHEN i % 2 = 0 THEN '2020-01-01'::date ELSE '2999-01-01' END FROM generate_series(1, 40000) AS i;
SET ROLE shop;
CREATE TRIGGER tell AFTER UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION tell();
SELECT tarot.add_retention('customer', 'left_at', '1 year', 'anonymize', batch => 200, policy => 'customers');
END
my $crashes = 0;
for my $round (1 .. 3)
{
	my $client = start([ $node->installed_command('psql'), '-XAtq', '-d', $node->connstr('postgres'), '-c', 'CALL tarot.run_due_jobs()' ], '<', '/dev/null', '>', \my $out, '2>', \my $err);
	ok(poll($node, "SELECT rows > $round * 2000 OR outcome = 'finished' FROM tarot.job_run WHERE job = 'customers' ORDER BY number DESC LIMIT 1"), "round $round: under way");
	my $pid = ask($node, q{SELECT pid FROM tarot.job_run r JOIN pg_stat_activity a USING (pid) WHERE job = 'customers' AND outcome = 'running'});
	if ($pid ne '') { kill 9, $pid; $crashes++; }
	$client->finish;
	ok(poll($node, 'SELECT NOT pg_is_in_recovery()'), "round $round: the server is back");
	is(ask($node, q{SELECT (SELECT count(*) FROM customer WHERE anonymized_at IS NOT NULL) = count(*), count(DISTINCT id) = count(id), (SELECT rows FROM tarot.job_run WHERE job = 'customers') = count(id) FROM changed}),
		't|t|t', "round $round: what is marked was changed once, and counted");
	is(ask($node, q{SELECT count(*) FROM customer WHERE (anonymized_at IS NOT NULL) <> (name = 'A*** P***') OR (anonymized_at IS NOT NULL) <> (card::text = '**** **** **** 1111')}), '0', "round $round: what is marked is masked, and the other way round");
}
cmp_ok($crashes, '>', 0, 'some were killed at work');
ok(poll($node, q{SELECT state = 'waiting' FROM tarot.job_status WHERE job = 'customers'}), 'the worker goes on by itself');
is(ask($node, q{SELECT number, outcome, rows, skipped FROM tarot.job_run WHERE job = 'customers'}), '1|finished|20000|0', 'in the same run');
is(ask($node, q{SELECT count(*), count(*) FILTER (WHERE name = 'A*** P***'), count(*) FILTER (WHERE card::text = '**** **** **** 1111') FROM customer WHERE anonymized_at IS NOT NULL}), '20000|20000|20000', 'all are masked');
is(ask($node, q{SELECT count(*) FROM changed}), '20000', 'each once');

# Nothing of a masked value is left in the table's files, when dead rows are gone.
ask($node, 'VACUUM FULL customer; CHECKPOINT');
my $bytes = bytes_of_relation($node, 'customer');
unlike($bytes, qr/Ada Plaintext[a-j]*[acegi](?![a-j])/, 'no name of an anonymized row is in the file');
like($bytes, qr/Ada Plaintext[a-j]*[bdfhj](?![a-j])/, 'those of young ones are');

# A dump has what is done, and what is to be done: where it is restored nothing is done twice.
ask($node, q{SELECT tarot.pause_job('customers'); SELECT tarot.set_class_retention('card', '1 year', 'PCI DSS 3.2.1')});
my $policies = q{SELECT string_agg(concat_ws(' ', policy, "table", age_column, keep, action, marker, clear, keep_columns, replacements), E'\n' ORDER BY policy) FROM tarot.retention_status};
my $before = ask($node, $policies);
my $dump = PostgreSQL::Test::Utils::tempdir . '/dump';
{
	local $ENV{PGOPTIONS} = '-c tarot_security.io=envelope';
	$node->command_ok([ $node->installed_command('pg_dump'), '-Fc', '-f', $dump, $node->connstr('postgres') ], 'dumped');
	ask($node, 'CREATE DATABASE restored');
	$node->command_ok([ $node->installed_command('pg_restore'), '-d', $node->connstr('restored'), $dump ], 'restored');
}
is(ask($node, $policies, db => 'restored'), $before, 'the policies are as they were');
is(ask($node, 'SELECT class, "column", problem FROM tarot.retention_gaps', db => 'restored'), 'card|card|paused', 'the limits of classes, too');
ask($node, q{TRUNCATE changed; SELECT tarot.resume_job('customers')}, db => 'restored');
ok(poll($node, q{SELECT count(*) = 1 FROM tarot.job_run WHERE outcome = 'finished'}, db => 'restored'), 'a run there');
is(ask($node, q{SELECT count(*) FROM changed}, db => 'restored'), '0', 'does nothing twice');
unlike(server_log($node), qr/PANIC|TRAP|terminated by signal (?!9)/, 'nothing died but what was killed');
done_testing;

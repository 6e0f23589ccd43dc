# pg_cron, as Debian has it, runs the jobs that are due: as an ordinary role to which that is granted, where there is no worker. By connections of
# its own, and by background workers. Where it cannot be had, that is skipped.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TarotTest;
use Test::More;

chomp(my $libraries = `$ENV{PG_CONFIG} --pkglibdir`);
plan skip_all => 'pg_cron is not there' unless -e "$libraries/pg_cron.so";

my %nodes;
foreach my $by ('connections', 'workers')
{
	my $node = $nodes{$by} = new_node("cron_$by", start => 0);
	$node->append_conf('postgresql.conf', join "\n", "shared_preload_libraries = 'tarot_security, pg_cron'", "cron.host = '" . $node->host . "'", 'max_worker_processes = 20',
		'cron.use_background_workers = ' . ($by eq 'workers' ? 'on' : 'off'), '');
	$node->start;
	ask($node, <<'END');
CREATE EXTENSION tarot_security;
CREATE EXTENSION pg_cron;
CREATE ROLE shop LOGIN;
CREATE ROLE scheduler LOGIN;
GRANT CREATE ON SCHEMA public TO shop;
GRANT EXECUTE ON FUNCTION tarot.add_retention TO shop;
GRANT EXECUTE ON PROCEDURE tarot.run_due_jobs TO scheduler;
GRANT USAGE ON SCHEMA cron TO scheduler, shop;
SET ROLE shop;
CREATE TABLE reading (id int, made_at date);
INSERT INTO reading SELECT i, CASE WHEN i % 2 = 0 THEN '2020-01-01'::date ELSE '2999-01-01' END FROM generate_series(1, 1000) AS i;
CREATE TABLE seen (role name, session_role name);
CREATE FUNCTION sees() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES (current_user, session_user); RETURN NULL; END $$;
CREATE TRIGGER sees AFTER DELETE ON reading FOR EACH STATEMENT EXECUTE FUNCTION sees();
SELECT tarot.add_retention('reading', 'made_at', '1 year', batch => 100, policy => 'readings');
CREATE TABLE person (id int, name text, left_on date, anonymized_at timestamptz);
INSERT INTO person SELECT i, 'n' || i, CASE WHEN i % 2 = 0 THEN '2020-01-01'::date ELSE '2999-01-01' END, NULL FROM generate_series(1, 300) AS i;
SELECT tarot.add_retention('person', 'left_on', '1 year', 'anonymize', clear => '{name}', batch => 100, policy => 'persons');
CREATE TABLE letter (id int, sent_on date);
CREATE TABLE old_letter (LIKE letter);
INSERT INTO letter SELECT i, CASE WHEN i % 2 = 0 THEN '2020-01-01'::date ELSE '2999-01-01' END FROM generate_series(1, 300) AS i;
SELECT tarot.add_retention('letter', 'sent_on', '1 year', 'archive', archive_to => 'old_letter', batch => 100, policy => 'letters');
CREATE TABLE event (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE event_2020 PARTITION OF event FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE event_later PARTITION OF event FOR VALUES FROM ('2998-01-01') TO ('3000-01-01');
INSERT INTO event SELECT i, CASE WHEN i % 2 = 0 THEN '2020-01-01'::date ELSE '2999-01-01' END FROM generate_series(1, 300) AS i;
SELECT tarot.add_retention('event', 'at', '1 year', 'drop_partition', policy => 'events');
SELECT cron.schedule('not granted', '* * * * *', 'CALL tarot.run_due_jobs()');
RESET ROLE;
END
}
# Before the next minute nobody has done anything.
foreach my $by (sort keys %nodes)
{
	ok(poll($nodes{$by}, q{SELECT EXISTS (SELECT FROM cron.job_run_details WHERE username = 'shop' AND status = 'failed')}), "$by: a role to which it is not granted runs nothing");
	is(ask($nodes{$by}, q{SELECT bool_and(return_message LIKE '%permission denied for procedure run_due_jobs%') FROM cron.job_run_details WHERE username = 'shop'}), 't', "$by: by that right");
	is(ask($nodes{$by}, 'SELECT count(*) FROM reading'), 1000, "$by: nothing is done");
}
ask_as($nodes{$_}, 'scheduler', q{SELECT cron.schedule('tarot', '* * * * *', 'CALL tarot.run_due_jobs()')}) foreach keys %nodes;
foreach my $by (sort keys %nodes)
{
	my $node = $nodes{$by};
	ok(poll($node, q{SELECT count(*) = 4 FROM tarot.job_run WHERE outcome = 'finished'}), "$by: all that is due is done");
	is(ask($node, 'SELECT count(*) FROM reading'), 500, "$by: the old rows are deleted");
	is(ask($node, 'SELECT count(*), count(name), count(anonymized_at), count(*) FILTER (WHERE (name IS NULL) = (id % 2 = 0)) FROM person'), '300|150|150|300', "$by: or anonymized");
	is(ask($node, 'SELECT (SELECT count(*) FROM letter), (SELECT count(*) FROM old_letter WHERE id % 2 = 0)'), '150|150', "$by: or moved");
	is(ask($node, q{SELECT count(*), to_regclass('event_2020') FROM event}), '150|', "$by: or dropped with their partition");
	ok(poll($node, q{SELECT status = 'succeeded' FROM cron.job_run_details WHERE username = 'scheduler' ORDER BY runid LIMIT 1}), "$by: pg_cron tells of success");
	is(ask($node, q{SELECT job, outcome, rows, batches >= 2, failures FROM tarot.job_run ORDER BY job}), "events|finished|150|t|0\nletters|finished|150|t|0\npersons|finished|150|t|0\nreadings|finished|500|t|0", "$by: one run of each, in batches");
	is(ask($node, q{SELECT DISTINCT role, session_role FROM seen}), 'shop|scheduler', "$by: by the rights of the table's owner, and not of who runs it");
	is(ask($node, q{SELECT DISTINCT role || ' ' || session_role, count(*) OVER () FROM tarot.audit_log WHERE operation = 'RETENTION'}), 'shop scheduler|4', "$by: which is on record");
	is(ask($node, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'tarot_security worker'}), 0, "$by: there was no worker");
}
done_testing;

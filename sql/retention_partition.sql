-- Retention with action drop_partition: which partitions go whole, which stay and why.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\set owner regress_partition_owner
\set other regress_partition_other
\i :source/sql/include/retention.sql
GRANT CREATE ON SCHEMA public TO regress_partition_other;
GRANT EXECUTE ON FUNCTION tarot.audit_table TO regress_partition_owner;
RESET client_min_messages;
\set ECHO all
SET ROLE regress_partition_owner;
CREATE FUNCTION partitions(rel regclass) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(relid::text, ' ' ORDER BY relid::text COLLATE "C") FROM pg_partition_tree(rel) WHERE isleaf $$;
CREATE FUNCTION on_record(policy text) RETURNS jsonb LANGUAGE sql AS
	$$ SELECT new - '{cutoff,keep}'::text[] FROM tarot.audit_log WHERE operation = 'RETENTION' AND new->>'policy' = policy ORDER BY recorded_at DESC LIMIT 1 $$;

-- ------------------------------------------------------------ whole partitions that are past their time
CREATE TABLE event (id int, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE event_2019 PARTITION OF event FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
CREATE TABLE event_2020 PARTITION OF event FOR VALUES FROM ('2020-01-01') TO ('2021-01-01') PARTITION BY LIST (id);
CREATE TABLE event_2020_1 PARTITION OF event_2020 FOR VALUES IN (1);
CREATE TABLE event_2020_rest PARTITION OF event_2020 DEFAULT;
-- Partly old; within it, a month that is all old.
CREATE TABLE event_now PARTITION OF event FOR VALUES FROM ('2021-01-01') TO ('2999-01-01') PARTITION BY RANGE (at);
CREATE TABLE event_now_old PARTITION OF event_now FOR VALUES FROM ('2021-01-01') TO ('2021-02-01');
CREATE TABLE event_now_new PARTITION OF event_now FOR VALUES FROM ('2021-02-01') TO ('2999-01-01');
CREATE TABLE event_later PARTITION OF event FOR VALUES FROM ('2999-01-01') TO (MAXVALUE);
CREATE TABLE event_default PARTITION OF event DEFAULT;
INSERT INTO event VALUES (1, '2019-05-01'), (2, '2019-05-02'), (1, '2020-05-01'), (2, '2020-05-01'), (3, '2021-01-15'), (4, '2021-03-01'), (5, '2999-05-01');
SELECT tarot.audit_table('event');
SELECT tarot.add_retention('event', 'at', '1 year', action => 'drop_partition', policy => 'events', legal_basis => 'GDPR 5 (1) e');
SELECT policy, action, "where", archive_to FROM tarot.retention_status;
SELECT "table", rows, bytes > 0 AS bytes, held, referred, oldest, newest FROM tarot.preview_retention('events') ORDER BY "table"::text COLLATE "C";
CALL tarot.run_due_jobs();
SELECT partitions('event');
SELECT id, at FROM event ORDER BY id;
SELECT * FROM last_run('events');
SELECT units_done, units_total, batches FROM tarot.job_run WHERE job = 'events';
SELECT jsonb_pretty(on_record('events'));
-- Rows of it are not on record one by one.
SELECT count(*) FROM tarot.audit_log WHERE operation = 'DELETE';
-- Nothing to do.
SELECT tarot.run_job_soon('events');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('events');

-- ------------------------------------------------------------ bounds
CREATE TABLE moment (at timestamptz NOT NULL, kind text) PARTITION BY RANGE (at, kind);
-- With a second key, the bound may be a time that rows have.
CREATE TABLE moment_1 PARTITION OF moment FOR VALUES FROM ('2020-01-01 00:00+00', 'a'') TO (''1999') TO ('2020-02-01 00:00+00', MINVALUE);
CREATE TABLE moment_2 PARTITION OF moment FOR VALUES FROM ('2020-02-01 00:00+00', MINVALUE) TO ('2999-03-01 00:00+00', 'x\y'') TO (''1999');
CREATE TABLE moment_3 PARTITION OF moment FOR VALUES FROM ('2999-03-01 00:00+00', 'x\y'') TO (''1999') TO ('infinity', 'b');
INSERT INTO moment VALUES ('2020-01-15', 'k'), ('2020-02-15', 'k');
RESET ROLE;
SELECT c.relname, e.* FROM pg_class c, tarot.partition_end(pg_get_expr(c.relpartbound, c.oid)) AS e WHERE c.relname ~ '^(moment|event)_' ORDER BY c.relname COLLATE "C";
-- On the day itself: whether rows of it are old.
SELECT c, (SELECT array_agg(o.partition::regclass ORDER BY o.partition::regclass::text) FROM tarot.old_partitions('moment'::regclass, 'at', c) AS o)
	FROM unnest(ARRAY[$$'2020-01-31 23:59+00'::timestamptz$$, $$'2020-02-01 00:00+00'::timestamptz$$, $$'2999-03-01 00:00+00'::timestamptz$$, $$'2999-03-01 00:01+00'::timestamptz$$]) AS c;
SET ROLE regress_partition_owner;
SELECT tarot.add_retention('moment', 'at', '1 year', 'drop_partition', time_zone => 'Asia/Tokyo', policy => 'moments');
CALL tarot.run_due_jobs();
SELECT partitions('moment');
CREATE TABLE local (at timestamp NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE local_1 PARTITION OF local FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
SELECT tarot.add_retention('local', 'at', '1 year', 'drop_partition', policy => 'locals');
CALL tarot.run_due_jobs();
SELECT partitions('local');

-- ------------------------------------------------------------ rows on hold, and rows that others refer to, keep their partition
CREATE TABLE paper (id int, at date, client int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE paper_1 PARTITION OF paper FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
CREATE TABLE paper_2 PARTITION OF paper FOR VALUES FROM ('2020-02-01') TO ('2020-03-01');
CREATE TABLE paper_3 PARTITION OF paper FOR VALUES FROM ('2020-03-01') TO ('2020-04-01');
CREATE TABLE paper_4 PARTITION OF paper FOR VALUES FROM ('2020-04-01') TO ('2020-05-01');
CREATE TABLE note (id int, at date, FOREIGN KEY (id, at) REFERENCES paper ON DELETE CASCADE);
INSERT INTO paper VALUES (1, '2020-01-01', 7), (2, '2020-01-01', 8), (3, '2020-02-01', 8), (4, '2020-03-01', 8), (5, '2020-03-01', 8), (6, '2020-04-01', 8);
INSERT INTO note VALUES (3, '2020-02-01'), (3, '2020-02-01');
SELECT tarot.hold('paper', 'case 7', 'court', 'client = 7'), tarot.hold('paper_3', 'case 9', 'court');
SELECT tarot.add_retention('paper', 'at', '1 year', 'drop_partition', policy => 'papers');
SELECT "table", rows, bytes > 0 AS bytes, held, referred FROM tarot.preview_retention('papers') ORDER BY "table"::text;
SELECT * FROM tarot.preview_references('papers');
CALL tarot.run_due_jobs();
SELECT partitions('paper');
SELECT * FROM last_run('papers');
SELECT on_record('papers');
SELECT tarot.release('paper', 'case 7'), tarot.release('paper_3', 'case 9'), tarot.run_job_soon('papers');
DELETE FROM note;
CALL tarot.run_due_jobs();
SELECT partitions('paper');
SELECT * FROM last_run('papers');
INSERT INTO note VALUES (NULL, NULL);
-- A partition may refer, too.
CREATE TABLE customer (id int PRIMARY KEY);
CREATE TABLE visit (at date, customer int REFERENCES customer) PARTITION BY RANGE (at);
CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
INSERT INTO customer VALUES (1);
INSERT INTO visit VALUES ('2020-01-01', 1);
SELECT tarot.add_retention('visit', 'at', '1 year', 'drop_partition', policy => 'visits');
CALL tarot.run_due_jobs();
SELECT partitions('visit');
SELECT count(*) FROM customer;

-- ------------------------------------------------------------ what keeps a run from its end: nothing of it is done
CREATE TABLE seen (at date) PARTITION BY RANGE (at);
CREATE TABLE seen_1 PARTITION OF seen FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
CREATE VIEW looks AS SELECT * FROM seen_1;
SELECT tarot.add_retention('seen', 'at', '1 year', 'drop_partition', policy => 'seen');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('seen');
SELECT partitions('seen');
DROP VIEW looks;
RESET ROLE;
ALTER TABLE seen_1 OWNER TO regress_partition_other;
SET ROLE regress_partition_owner;
SELECT tarot.run_job_soon('seen');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('seen');
SELECT partitions('seen');
SELECT tarot.remove_retention('seen');
-- A hold that cannot be asked keeps all.
CREATE TABLE held (at date, client int) PARTITION BY RANGE (at);
CREATE TABLE held_1 PARTITION OF held FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
SELECT tarot.hold('held', 'x', 'y', 'client = 1'), tarot.add_retention('held', 'at', '1 year', 'drop_partition', policy => 'held');
ALTER TABLE held DROP COLUMN client;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('held');
SELECT partitions('held');
-- One who comes in the place of a partition that is detached by hand is none.
ALTER TABLE held DETACH PARTITION held_1;
SELECT tarot.run_job_soon('held');
CALL tarot.run_due_jobs();
SELECT outcome, rows FROM last_run('held');
SELECT 'held_1'::regclass;

-- ------------------------------------------------------------ what is refused
CREATE TABLE plain (at date);
CREATE TABLE by_list (at date) PARTITION BY LIST (at);
CREATE TABLE by_hash (at date) PARTITION BY HASH (at);
CREATE TABLE by_other (at date, id int) PARTITION BY RANGE (id, at);
CREATE TABLE by_expression (at date) PARTITION BY RANGE ((at + 1));
SELECT s, run(s) FROM unnest(ARRAY[
	$$SELECT tarot.add_retention('plain', 'at', '1 year', 'drop_partition')$$, $$SELECT tarot.add_retention('by_list', 'at', '1 year', 'drop_partition')$$,
	$$SELECT tarot.add_retention('by_hash', 'at', '1 year', 'drop_partition')$$, $$SELECT tarot.add_retention('by_other', 'at', '1 year', 'drop_partition')$$,
	$$SELECT tarot.add_retention('by_expression', 'at', '1 year', 'drop_partition')$$, $$SELECT tarot.add_retention('event', 'at', '1 year', 'drop_partition', "where" => 'id = 1')$$,
	$$SELECT tarot.alter_retention('events', "where" => 'id = 1')$$, $$SELECT tarot.alter_retention('events', archive_to => 'plain')$$,
	$$SELECT tarot.plan_partition('event'::regclass, 'at', '', NULL)$$, $$SELECT * FROM tarot.old_partitions('event'::regclass, 'at', '')$$]) AS s;
-- What everybody may call has the rights of who calls it.
RESET ROLE;
SET ROLE regress_partition_other;
SELECT run($$SELECT tarot.drop_partition('event'::regclass, 'event_now_new'::regclass, NULL, NULL, 1, false, false)$$);
RESET ROLE;
SELECT partitions('event');

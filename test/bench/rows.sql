-- What binding and keys of data subjects cost, for a million rows and as many subjects: psql -X -f test/bench/rows.sql
-- in a database of make server, as its superuser. Prints times, and the memory that the session's keys take.
\timing on
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
SELECT tarot.create_key('bench rows') > 0 AS created;
SELECT tarot.create_class('bench_plain', 'bench rows'), tarot.create_class('bench_subject', 'bench rows', per_subject => true);
SELECT tarot.grant_class(c, current_user::text::regrole, 'plain') FROM unnest(ARRAY['bench_plain', 'bench_subject']) AS c;
CREATE TABLE bench_neither (id int PRIMARY KEY, v tarot.encrypted_text('bench_plain'));
CREATE TABLE bench_bound (id int PRIMARY KEY, v tarot.encrypted_text('bench_plain'));
CREATE TABLE bench_subject (id int PRIMARY KEY, v tarot.encrypted_text('bench_subject'));
SELECT tarot.bind_column('bench_bound', 'v'), tarot.set_subject('bench_subject', 'v', 'id');
\echo insert: encrypted, bound, under a new key each
INSERT INTO bench_neither SELECT i, 'value ' || i FROM generate_series(1, 1000000) AS i;
INSERT INTO bench_bound SELECT i, 'value ' || i FROM generate_series(1, 1000000) AS i;
INSERT INTO bench_subject SELECT i, 'value ' || i FROM generate_series(1, 1000000) AS i;
VACUUM ANALYZE bench_neither, bench_bound, bench_subject, tarot.subject_key;
\echo read
SELECT count(v::text) FROM bench_neither;
SELECT count(v::text) FROM bench_bound;
SELECT count(v::text) FROM bench_subject;
\echo update without a change
UPDATE bench_neither SET v = v;
UPDATE bench_bound SET v = v;
UPDATE bench_subject SET v = v;
SELECT sum(total_bytes) AS memory_of_ours FROM pg_backend_memory_contexts WHERE name LIKE 'tarot_security%';
SELECT pg_size_pretty(pg_total_relation_size('tarot.subject_key')) AS table_of_keys;
\echo destroy one; wrap all anew
SELECT tarot.destroy_subject_key('bench_subject', '500000');
SELECT tarot.rotate_key('bench rows') AS version;
SELECT tarot.rewrap_subject_keys('bench rows') AS rewrapped;
DROP TABLE bench_neither, bench_bound, bench_subject;

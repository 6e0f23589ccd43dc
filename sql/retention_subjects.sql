-- Retention and data subjects on hold: none of their rows is touched by any action, however it is found, and others are.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\set owner regress_held_owner
\set other regress_held_other
\i :source/sql/include/retention.sql
CREATE ROLE regress_held_officer;
GRANT CREATE ON SCHEMA public TO regress_held_other;
GRANT EXECUTE ON FUNCTION tarot.add_retention TO regress_held_other;
GRANT EXECUTE ON FUNCTION tarot.hold_subject, tarot.release_subject TO regress_held_officer;
SELECT count(tarot.create_key('people'));
SELECT tarot.create_class('email', key => 'people', mask => 'email', searchable => true);
SELECT tarot.create_class('name', key => 'people', mask => 'redact');
SELECT tarot.grant_class('email', 'regress_held_owner', write => true);
RESET client_min_messages;
\set ECHO all

-- ------------------------------------------------------------ each way that a row is found by
SET ROLE regress_held_owner;
CREATE TABLE customer (id int PRIMARY KEY, left_on date);
CREATE TABLE orders (shop int, number int, customer int REFERENCES customer, made_on date, PRIMARY KEY (shop, number));
CREATE TABLE item (id int, shop int, number int, made_on date, FOREIGN KEY (shop, number) REFERENCES orders);
CREATE DOMAIN small AS smallint;
CREATE TYPE tier AS ENUM ('1', '2', 'other');
CREATE TABLE by_small (id small, at date); CREATE TABLE by_bigint (id bigint, at date); CREATE TABLE by_numeric (id numeric, at date);
CREATE TABLE by_varchar (id varchar(10), at date); CREATE TABLE by_name (id name, at date); CREATE TABLE by_enum (id tier, at date); CREATE TABLE by_character (id char(4), at date);
CREATE TABLE by_uuid (id uuid, at date);
CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE by_loose (id text COLLATE loose, at date);
CREATE TABLE by_email (id tarot.encrypted_text('email'), at date);
CREATE TABLE message (sender int, recipient int, at date);
CREATE TABLE visit (customer int, at date) PARTITION BY RANGE (at);
CREATE TABLE visit_2019 PARTITION OF visit FOR VALUES FROM ('2019-01-01') TO ('2020-01-01');
CREATE TABLE visit_2020 (gone int, at date, customer int);
ALTER TABLE visit_2020 DROP COLUMN gone;
ALTER TABLE visit ATTACH PARTITION visit_2020 FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE parent (customer int, at date);
CREATE TABLE child (more text) INHERITS (parent);
RESET ROLE;
SELECT tarot.register_subject_table('customer', 'id'), tarot.register_subject_table('orders', 'customer');
SELECT tarot.register_subject_table('item', via => 'orders');
SELECT tarot.register_subject_table(t::regclass, 'id') FROM unnest('{by_small,by_bigint,by_numeric,by_varchar,by_name,by_enum,by_character,by_uuid,by_loose,by_email}'::text[]) AS t;
SELECT tarot.register_subject_table('message', 'sender'), tarot.register_subject_table('message', 'recipient'), tarot.register_subject_table('visit', 'customer'), tarot.register_subject_table('parent', 'customer');
SET ROLE regress_held_owner;
INSERT INTO customer VALUES (1, '2019-01-01'), (2, '2019-01-01');
INSERT INTO orders VALUES (1, 1, 1, '2019-01-01'), (1, 2, 2, '2019-01-01'), (2, 1, NULL, '2019-01-01');
INSERT INTO item VALUES (10, 1, 1, '2019-01-01'), (20, 1, 2, '2019-01-01'), (30, 2, 1, '2019-01-01'), (40, NULL, NULL, '2019-01-01');
INSERT INTO by_small VALUES (1, '2019-01-01'), (2, '2019-01-01'); INSERT INTO by_bigint SELECT id, at FROM by_small; INSERT INTO by_numeric SELECT id, at FROM by_small;
INSERT INTO by_varchar SELECT id, at FROM by_small; INSERT INTO by_name SELECT id::int, at FROM by_small; INSERT INTO by_enum SELECT id::text::tier, at FROM by_small; INSERT INTO by_character SELECT id::text, at FROM by_small;
INSERT INTO by_uuid VALUES ('00000000-0000-0000-0000-000000000001', '2019-01-01'), ('00000000-0000-0000-0000-000000000002', '2019-01-01');
INSERT INTO by_loose VALUES ('ANN', '2019-01-01'), ('ann', '2019-01-01');
INSERT INTO by_email VALUES ('ann@example.org', '2019-01-01'), ('bob@example.org', '2019-01-01');
INSERT INTO message VALUES (1, 1, '2019-01-01'), (1, 2, '2019-01-01'), (2, 1, '2019-01-01'), (NULL, 1, '2019-01-01');
INSERT INTO visit VALUES (1, '2019-01-01'), (2, '2019-01-01'), (1, '2020-01-01'), (2, '2020-01-01'), (NULL, '2020-01-01');
INSERT INTO parent VALUES (1, '2019-01-01'), (2, '2019-01-01'); INSERT INTO child VALUES (1, '2019-01-01'), (2, '2019-01-01');
SELECT tarot.add_retention(t::regclass, 'at', '1 year', policy => t) FROM unnest('{by_small,by_bigint,by_numeric,by_varchar,by_name,by_enum,by_character,by_uuid,by_loose,by_email,message,visit,parent}'::text[]) AS t;
SELECT tarot.add_retention('item', 'made_on', '1 year', policy => 'item'), tarot.add_retention('orders', 'made_on', '1 year', policy => 'orders'), tarot.add_retention('customer', 'left_on', '1 year', policy => 'customer');
SET ROLE regress_held_officer;
SELECT tarot.hold_subject(s, 'court case 12/2026') FROM unnest('{2,00000000-0000-0000-0000-000000000002,ann,bob@example.org,nobody,02}'::text[]) AS s;
RESET ROLE;
-- The owner may not search: nothing is known of whose the rows are, and nothing is done.
SELECT run($$SELECT * FROM tarot.preview_retention('by_email')$$);
CALL tarot.run_due_jobs();
SELECT * FROM last_run('by_email');
SELECT count(*) FROM by_email;
SELECT tarot.grant_class('email', 'regress_held_owner', search => true);
SET ROLE regress_held_owner;
INSERT INTO visit VALUES (1, '2019-02-01');
SELECT p.policy, v."table", v.rows, v.held FROM unnest('{by_email,item,visit}'::text[]) AS p (policy), LATERAL tarot.preview_retention(p.policy) AS v ORDER BY p.policy, v."table"::text COLLATE "C";
SELECT tarot.run_job_soon('by_email'), tarot.run_job_soon('visit');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT l.* FROM last_run('by_email') AS l;
SELECT r.job, r.rows, r.skipped, r.outcome FROM tarot.job_run r ORDER BY r.job, r.number;
SELECT * FROM customer; SELECT * FROM orders; SELECT * FROM item; SELECT * FROM message ORDER BY sender NULLS LAST; SELECT tableoid::regclass, * FROM visit ORDER BY at; SELECT tableoid::regclass, customer FROM parent;
SELECT * FROM by_small; SELECT * FROM by_bigint; SELECT * FROM by_numeric; SELECT * FROM by_varchar; SELECT * FROM by_name; SELECT * FROM by_enum; SELECT * FROM by_character; SELECT * FROM by_uuid; SELECT * FROM by_loose;
SET ROLE regress_held_owner;
SELECT count(*) AS mail, count(*) FILTER (WHERE id = 'bob@example.org') AS of_who_is_held FROM by_email;
RESET ROLE;
SELECT new->'held' AS held FROM tarot.audit_log WHERE operation = 'RETENTION' AND new->>'policy' = 'item';

-- ------------------------------------------------------------ the other actions
SET ROLE regress_held_owner;
CREATE TABLE letter (id int, customer int, name text, at date, anonymized_at timestamptz, UNIQUE (id));
CREATE TABLE paper (id int, customer int, at date);
CREATE TABLE old_paper (LIKE paper);
CREATE TABLE event (customer int, at date) PARTITION BY RANGE (at);
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2019-01-01') TO ('2020-01-01');
CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM ('2020-01-01') TO ('2021-01-01') PARTITION BY LIST (customer);
CREATE TABLE event_2_1 PARTITION OF event_2 FOR VALUES IN (1, 3);
CREATE TABLE event_2_2 PARTITION OF event_2 FOR VALUES IN (2);
CREATE TABLE event_3 PARTITION OF event FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
INSERT INTO letter VALUES (1, 1, 'Ann', '2019-01-01'), (2, 2, 'Bob', '2019-01-01');
INSERT INTO paper VALUES (1, 1, '2019-01-01'), (2, 2, '2019-01-01');
INSERT INTO event VALUES (1, '2019-05-01'), (1, '2020-05-01'), (2, '2020-05-01'), (3, '2021-05-01'), (2, '2021-05-01');
RESET ROLE;
SELECT tarot.classify_column('letter', 'name', 'name');
SELECT tarot.register_subject_table('letter', 'customer'), tarot.register_subject_table('paper', 'customer'), tarot.register_subject_table('event', 'customer');
SET ROLE regress_held_owner;
SELECT tarot.add_retention('letter', 'at', '1 year', 'anonymize', policy => 'letter'), tarot.add_retention('paper', 'at', '1 year', 'archive', archive_to => 'old_paper', policy => 'paper'), tarot.add_retention('event', 'at', '1 year', 'drop_partition', policy => 'event');
SELECT p.policy, v."table", v.rows, v.held FROM unnest('{letter,paper,event}'::text[]) AS p (policy), LATERAL tarot.preview_retention(p.policy) AS v ORDER BY p.policy, v."table"::text COLLATE "C";
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT id, name, anonymized_at IS NOT NULL AS anonymized FROM letter ORDER BY id;
SELECT 'paper' AS "table", * FROM paper UNION ALL SELECT 'old_paper', * FROM old_paper ORDER BY id;
SELECT relid FROM pg_partition_tree('event') WHERE isleaf ORDER BY relid::text;
SELECT p.policy, l.* FROM unnest('{letter,paper,event}'::text[]) AS p (policy), LATERAL last_run(p.policy) AS l;

-- ------------------------------------------------------------ rows that would go, or change, with others
SET ROLE regress_held_owner;
CREATE TABLE shop (id int PRIMARY KEY, closed_on date);
CREATE TABLE desk (id int PRIMARY KEY, shop int REFERENCES shop ON DELETE CASCADE);
CREATE TABLE talk (id int, desk int REFERENCES desk ON DELETE CASCADE, customer int, at date) PARTITION BY RANGE (at);
CREATE TABLE talk_1 PARTITION OF talk FOR VALUES FROM ('2019-01-01') TO ('2020-01-01');
CREATE TABLE talk_2 PARTITION OF talk FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE gift (id int, shop int REFERENCES shop ON DELETE SET NULL, customer int);
CREATE TABLE post (id int PRIMARY KEY, answers int REFERENCES post ON DELETE CASCADE, customer int, at date);
INSERT INTO shop SELECT i, '2019-01-01' FROM generate_series(1, 5) AS i;
INSERT INTO desk VALUES (11, 1), (21, 2), (41, 4);
INSERT INTO talk VALUES (111, 11, 1, '2019-01-01'), (211, 21, 1, '2019-01-01'), (212, 21, 2, '2020-01-01');
INSERT INTO gift VALUES (31, 3, 2), (41, 4, 1);
-- 1 <- 2 <- 3 (of who is on hold); 4 <- 5; 6 <- 7 <- 8.
INSERT INTO post VALUES (1, NULL, 1, '2019-01-01'), (2, 1, 1, '2019-01-01'), (3, 2, 2, '2019-01-01'), (4, NULL, 1, '2019-01-01'), (5, 4, 1, '2019-01-01'), (6, NULL, 1, '2019-01-01'), (7, 6, 1, '2019-01-01'), (8, 7, 1, '2019-01-01');
RESET ROLE;
SELECT tarot.register_subject_table('talk', 'customer'), tarot.register_subject_table('gift', 'customer'), tarot.register_subject_table('post', 'customer');
SET ROLE regress_held_owner;
SELECT tarot.add_retention('shop', 'closed_on', '1 year', policy => 'shop'), tarot.add_retention('post', 'at', '1 year', policy => 'post');
SELECT p.policy, v.rows, v.held FROM unnest('{shop,post}'::text[]) AS p (policy), LATERAL tarot.preview_retention(p.policy) AS v;
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT array_agg(id ORDER BY id) FROM shop; SELECT array_agg(id ORDER BY id) FROM talk; SELECT * FROM gift ORDER BY id; SELECT array_agg(id ORDER BY id) FROM post;
-- Of a circle of keys what others answer goes after its answers.
SELECT tarot.run_job_soon('post');
CALL tarot.run_due_jobs();
SELECT array_agg(id ORDER BY id) FROM post;

-- Masks would be compared.
SET ROLE regress_held_owner;
CREATE TABLE member (name text PRIMARY KEY, left_on date);
CREATE TABLE stay (member text REFERENCES member ON DELETE CASCADE, customer int);
INSERT INTO member VALUES ('Ada', '2019-01-01'), ('Bob', '2019-01-01');
INSERT INTO stay VALUES ('Ada', 1), ('Bob', 2);
RESET ROLE;
SELECT tarot.classify_column('member', 'name', 'name'), tarot.mask_table('member');
SELECT tarot.register_subject_table('stay', 'customer');
SET ROLE regress_held_owner;
SELECT tarot.add_retention('member', 'left_on', '1 year', policy => 'member');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('member');
SELECT count(*) FROM member; SELECT count(*) FROM stay;
SELECT tarot.remove_retention('member'), tarot.unregister_subject_table('stay'), tarot.grant_class('name', current_user::regrole, 'plain');
SELECT tarot.unmask_table('member');

-- ------------------------------------------------------------ with whose rights, and what is told to whom
SET ROLE regress_held_other;
CREATE TABLE remark (id int, shop int, number int, at date);
INSERT INTO remark VALUES (1, 1, 2, '2019-01-01'), (2, 2, 1, '2019-01-01'), (3, NULL, NULL, '2019-01-01');
RESET ROLE;
INSERT INTO orders VALUES (2, 1, NULL, '2999-01-01');
ALTER TABLE remark ADD FOREIGN KEY (shop, number) REFERENCES orders;
SELECT tarot.register_subject_table('remark', via => 'orders');
SET ROLE regress_held_other;
SELECT tarot.add_retention('remark', 'at', '1 year', policy => 'remark');
-- It may not read whose the orders are.
SELECT run($$SELECT * FROM tarot.preview_retention('remark')$$);
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('remark');
SELECT count(*) FROM remark;
GRANT SELECT ON orders TO regress_held_other;
-- Code of the owner's sees the statement that it is run by, and in it nobody's name.
SET ROLE regress_held_other;
CREATE TABLE seen (context text);
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	stack text;
BEGIN
	GET DIAGNOSTICS stack = PG_CONTEXT;
	INSERT INTO public.seen VALUES (concat(stack, current_query(), (SELECT string_agg(s.statement, '') FROM pg_prepared_statements s), (SELECT string_agg(c.statement, '') FROM pg_cursors c)));
	RETURN OLD;
END
$$;
CREATE TRIGGER look BEFORE DELETE ON remark FOR EACH ROW EXECUTE FUNCTION look();
SELECT run($$SELECT tarot.subjects_on_hold()$$), run($$SELECT * FROM tarot.tables_of_subjects_on_hold()$$), run($$SELECT * FROM tarot.subject_hold$$);
SELECT tarot.run_job_soon('remark');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('remark');
SELECT array_agg(id ORDER BY id) FROM remark;
SELECT count(*) AS looks, bool_and(context LIKE '%DELETE FROM ONLY public.remark%') AS statement, bool_or(context ~ 'nobody|example') AS told FROM seen;
-- Row security that would hide whose a row is.
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
SET ROLE regress_held_other;
INSERT INTO remark VALUES (4, 2, 1, '2019-01-01');
SELECT tarot.run_job_soon('remark');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT rows, sqlstate FROM last_run('remark');
SELECT array_agg(id ORDER BY id) FROM remark;
ALTER TABLE orders DISABLE ROW LEVEL SECURITY;

-- ------------------------------------------------------------ one that cannot be asked holds back all; one that is released nobody
SET ROLE regress_held_owner;
ALTER TABLE message DROP COLUMN recipient;
INSERT INTO message VALUES (1, '2019-01-01');
SELECT tarot.run_job_soon('message');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('message');
SELECT count(*) FROM message;
SET ROLE regress_held_officer;
SELECT tarot.release_subject('2');
RESET ROLE;
SELECT tarot.run_job_soon(j.job) FROM tarot.job_status j WHERE j.job IN ('item', 'event', 'letter', 'by_bigint', 'remark');
CALL tarot.run_due_jobs();
SELECT count(*) FROM item; SELECT count(*) FROM by_bigint; SELECT count(*) FROM event; SELECT count(*) FROM letter WHERE anonymized_at IS NULL; SELECT count(*) FROM remark;
-- Others still are.
SELECT * FROM last_run('message');
SELECT tarot.release_subject(h.subject) FROM tarot.subject_hold h WHERE h.released_at IS NULL ORDER BY h.subject;
SELECT tarot.run_job_soon('message');
CALL tarot.run_due_jobs();
SELECT count(*) FROM message;
SET client_min_messages = warning;
DROP OWNED BY regress_held_owner, regress_held_other, regress_held_officer CASCADE;
DROP ROLE regress_held_owner, regress_held_other, regress_held_officer;

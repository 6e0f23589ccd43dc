-- What the audit log tells of data subjects: rectifications, whose data was touched between two times, and details that go with an erasure.
-- The worker runs.
\getenv source PG_ABS_SRCDIR
\i :source/sql/include/subjects.sql
CREATE ROLE regress_subjects_thief;
GRANT EXECUTE ON FUNCTION tarot.rectifications, tarot.breach_report, tarot.breach_subjects, tarot.erase_subject, tarot.replay_erasures TO regress_subjects_officer;
SELECT run(m.statement) FROM tarot.subject_map('customer', 'id') m WHERE m.statement IS NOT NULL;
SELECT tarot.register_subject_table('note', 'author');
SELECT tarot.grant_class(c, current_user::regrole, 'plain', write => true) FROM unnest('{email,phone,nickname,diary}'::text[]) c;
SELECT tarot.audit_table(t::regclass) FROM unnest('{customer,orders,item,visit,message,note,meeting}'::text[]) t;

-- ------------------------------------------------------------ who may
SET ROLE regress_subjects_support;
SELECT code(s) FROM unnest(ARRAY[$$SELECT * FROM tarot.rectifications('1')$$, $$SELECT * FROM tarot.breach_report('-infinity', 'infinity')$$, $$SELECT * FROM tarot.breach_subjects('-infinity', 'infinity')$$, $$SELECT * FROM tarot.subject_rows('1')$$,
	$$SELECT * FROM tarot.subject_entries('1', '{}', pg_current_snapshot())$$, $$SELECT tarot.erase_details_of_subject('1', '{}', pg_current_snapshot(), '{}', '{}', 'x')$$, $$SELECT * FROM tarot.logged_tables('{}')$$, $$SELECT tarot.read_on_subject('customer'::regclass, 'SELECT 1::bigint', '1')$$,
	$$SELECT * FROM tarot.breached_subjects('customer'::regclass, '-infinity', 'infinity', NULL, NULL, NULL)$$]) s;
SET ROLE regress_subjects_officer;
SELECT run($$SELECT tarot.rectifications('')$$), run('SELECT tarot.rectifications(NULL)');

-- ------------------------------------------------------------ rectified
RESET ROLE;
SELECT clock_timestamp() AS began \gset
UPDATE customer SET name = 'Zoé', phone = '+33 9 99 99 99 99' WHERE id = 1;
UPDATE customer SET name = 'Hanna' WHERE id = 2;
UPDATE orders SET placed = '2026-02-01 12:00+00' WHERE shop = 1;
UPDATE item SET card = 'The Tower' WHERE shop = 1;
-- Keys that change, and a table without one.
UPDATE item SET line = line + 10 WHERE (shop, order_id) = (1, 10);
UPDATE message SET said = 'hello again' WHERE sender = 1;
UPDATE visit SET page = '/late' WHERE customer_id = 2;
-- Of a row that is there no more, and of one that came to somebody else.
UPDATE item SET card = 'The Devil' WHERE (shop, order_id, line) = (1, 10, 12); DELETE FROM item WHERE (shop, order_id, line) = (1, 10, 12);
SET ROLE regress_subjects_officer;
SELECT table_name, key, old - 'phone' AS old, new - 'phone' AS new, new ? 'phone' AS phone, role = session_user AS role FROM tarot.rectifications('1');
SELECT table_name, key, new FROM tarot.rectifications('2', since => :'began') ORDER BY table_name COLLATE "C", key;
SELECT count(*) FROM tarot.rectifications('1', until => :'began'); SELECT count(*) FROM tarot.rectifications('99');

-- ------------------------------------------------------------ touched
RESET ROLE;
GRANT ALL ON customer, orders, item, message, visit, note, meeting TO regress_subjects_thief;
SELECT tarot.grant_class('phone', 'regress_subjects_thief', 'plain');
SELECT tarot.audit_reads('orders'), tarot.audit_class_reads('phone');
SELECT clock_timestamp() AS broke_in \gset
SET ROLE regress_subjects_thief;
DELETE FROM item WHERE (shop, order_id) = (2, 10);
UPDATE orders SET placed = NULL WHERE (shop, id) = (1, 11);
INSERT INTO message VALUES (3, 2, 'your money or your life');
DELETE FROM visit WHERE customer_id = 1;
DELETE FROM meeting WHERE customer_id = 2;
UPDATE note SET author = '2' WHERE id = 1 AND false;
SELECT count(phone::text) FROM customer;
SELECT count(*) FROM orders;
TRUNCATE message;
RESET ROLE;
SELECT tarot.flush_events();
SELECT clock_timestamp() AS left \gset
UPDATE orders SET placed = now() WHERE (shop, id) = (1, 10);
SET ROLE regress_subjects_officer;
SELECT kind, tables, classes, operation, role, entries, "rows", plain, masked, refused, client, first >= :'broke_in' AND last <= :'left' AS between FROM tarot.breach_report(:'broke_in', :'left', by_role => 'regress_subjects_thief') WHERE kind <> 'not on record';
SELECT tables, classes, operation FROM tarot.breach_report(:'broke_in', :'left') WHERE kind = 'not on record';
SELECT data_subject, "table", entries, note FROM tarot.breach_subjects(:'broke_in', :'left');
-- Of others there is nothing.
SELECT count(*) FROM tarot.breach_subjects(:'broke_in', :'left', by_role => 'regress_subjects_app'); SELECT count(*) FROM tarot.breach_subjects(:'broke_in', :'left', by_identity => 'moonchild'); SELECT count(*) FROM tarot.breach_subjects(:'broke_in', :'left', from_address => '10.0.0.0/8');
SELECT data_subject, "table", entries FROM tarot.breach_subjects(:'left', 'infinity') WHERE data_subject IS NOT NULL;
-- Which columns with a class nobody has read, since when their reads are on record.
RESET ROLE;
SELECT tarot.audit_reads('customer');
SELECT "table", never_read FROM tarot.minimization_report() WHERE "table" = 'customer'::regclass;
-- To be refused is not to have read.
SET ROLE regress_subjects_thief;
SELECT email FROM customer WHERE id = 1;
RESET ROLE;
SELECT tarot.flush_events();
SELECT "table", never_read FROM tarot.minimization_report() WHERE "table" = 'customer'::regclass;
SELECT count(name) > 0 AS read FROM customer;
SELECT tarot.flush_events();
SELECT "table", never_read FROM tarot.minimization_report() WHERE "table" = 'customer'::regclass;
-- Who stops in the midst of an export has read, and that is on record once.
SET application_name = 'stops';
SELECT count(*) FROM (SELECT tarot.export_subject_lines('1') AS l LIMIT 2) AS e;
RESET application_name;
SELECT tarot.flush_events();
SELECT details->>'table' AS "table", details->>'class' AS class, details->'rows' AS rows, status FROM tarot.security_event WHERE event_type = 'READ' AND application = 'stops' ORDER BY recorded_by, number;
SELECT tarot.unaudit_reads('customer');
-- One table of which nothing can be told keeps none of the others from being told.
RESET ROLE;
ALTER TABLE meeting DROP COLUMN customer_id;
SET ROLE regress_subjects_officer;
SELECT data_subject, "table", entries, note FROM tarot.breach_subjects(:'broke_in', :'left') WHERE "table" IN ('meeting'::regclass, 'orders'::regclass);
RESET ROLE;
SELECT tarot.unregister_subject_table('meeting'), tarot.unaudit_table('meeting');

-- ------------------------------------------------------------ erased from the log, too
SET ROLE regress_subjects_officer;
SELECT run($$SELECT tarot.erase_subject('1', audit_details => NULL)$$), run($$SELECT tarot.erase_subject('1', audit_details => true)$$);
RESET ROLE;
GRANT EXECUTE ON FUNCTION tarot.erase_audit_details TO regress_subjects_officer;
SET ROLE regress_subjects_officer;
SELECT "table", action, "rows", problem FROM tarot.erase_subject('1', audit_details => true) WHERE "rows" > 0 OR problem IS NOT NULL;
RESET ROLE;
SELECT count(*) FROM tarot.audit_log WHERE operation = 'ERASE AUDIT DETAILS';
SELECT tarot.set_erasure('orders', 'keep', 'Tax law'), tarot.set_erasure('customer', 'anonymize', replacements => '{"name": "[erased]"}');
SELECT tarot.set_erasure('item', 'keep', 'Tax law');
SET ROLE regress_subjects_officer;
SELECT "table", action, "rows" FROM tarot.erase_subject('1', dry_run => false, audit_details => true) WHERE "rows" > 0;
RESET ROLE;
-- Nothing of the rows is left in the log but who changed what when; of the others all, and of what is kept.
SELECT table_name, operation, count(*), count(key) AS keys, count(old) AS old, count(new) AS new FROM tarot.audit_log WHERE operation IN ('INSERT', 'UPDATE', 'DELETE') GROUP BY 1, 2 ORDER BY table_name COLLATE "C", operation COLLATE "C";
SELECT count(*) FROM tarot.audit_entry e WHERE e.operation IN ('U', 'D') AND concat(e.key, e.old, e.new) LIKE '%Z***%';
SELECT count(DISTINCT new->>'reason'), bool_and(new->>'reason' = (SELECT 'ERASE SUBJECT ' || erasure_id FROM tarot.erasure)) FROM tarot.audit_log WHERE operation = 'ERASE AUDIT DETAILS';
SELECT new->>'audit_details' FROM tarot.audit_log WHERE operation = 'ERASE SUBJECT';
SELECT tarot.seal_audit() > 0;
SELECT finding FROM tarot.verify_audit() WHERE finding <> 'not sealed';
SET ROLE regress_subjects_officer;
SELECT table_name, count(*) FROM tarot.rectifications('1') GROUP BY 1 ORDER BY 1;
SELECT "rows", problem FROM tarot.replay_erasures();
RESET ROLE;
-- What no entry tells is not taken for done.
CREATE TABLE secret_key (handle tarot.encrypted_text('email') PRIMARY KEY, what text);
SELECT tarot.register_subject_table('secret_key', 'handle'), tarot.audit_table('secret_key');
INSERT INTO secret_key VALUES ('mo@example.fr', 'x');
SELECT "table", action, problem FROM tarot.erase_subject('3', audit_details => true) WHERE problem IS NOT NULL;
SELECT run($$SELECT tarot.erase_subject('3', false, audit_details => true)$$);
SELECT count(*) FROM tarot.erasure;

-- A row that refers to nothing is not that of one who has nothing to refer to.
CREATE TABLE guest (id int PRIMARY KEY, badge text UNIQUE);
CREATE TABLE entrance (id int PRIMARY KEY, badge text REFERENCES guest (badge));
SELECT tarot.register_subject_table('guest', 'id'), tarot.register_subject_table('entrance', via => 'guest'), tarot.audit_table('guest'), tarot.audit_table('entrance');
INSERT INTO guest VALUES (71, NULL), (72, 'b'); INSERT INTO entrance VALUES (1, NULL), (2, 'b');
DELETE FROM entrance WHERE id = 1;
SELECT "table", "rows" FROM tarot.erase_subject('71', audit_details => true) WHERE action = 'erase audit details' AND problem IS NULL;
SELECT "table", "rows" FROM tarot.erase_subject('72', audit_details => true) WHERE action = 'erase audit details' AND problem IS NULL;

-- Keys and subjects as the log has them, of whatever type, and no other subject's. Of each two entries.
CREATE TYPE mood AS ENUM ('calm', 'wild'); CREATE TYPE pair AS (a int, b text);
CREATE FUNCTION told_by_key(type text, value text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	told bigint;
BEGIN
	EXECUTE format('CREATE TABLE keyed (k %s PRIMARY KEY, who text, what text)', type);
	PERFORM tarot.register_subject_table('keyed', 'who'), tarot.audit_table('keyed');
	EXECUTE format('INSERT INTO keyed VALUES (%L, %L, %L)', value, type, 'x');
	UPDATE keyed SET what = 'y';
	SELECT count(*) INTO told FROM tarot.subject_entries(type, ARRAY(SELECT r FROM tarot.subject_rows(type) r), pg_current_snapshot()) e WHERE e."table" = 'keyed'::regclass;
	PERFORM tarot.unregister_subject_table('keyed');
	DROP TABLE keyed;
	RETURN told;
END $$;
SELECT k.type, told_by_key(k.type, k.value) FROM (VALUES ('numeric', '1.50'), ('float8', '0.30000000000000004'), ('timestamptz', '2026-01-01 12:00+02'), ('interval', '1 year'), ('money', '12.5'), ('bytea', '\x00ff'), ('char(5)', 'ab'),
	('mood', 'wild'), ('int[]', '{1,2}'), ('text[]', '{a,"b c"}'), ('pair', '(1,x)'), ('tstzrange', '[2026-01-01,2026-02-01)'), ('jsonb', '{"a": [1]}')) AS k (type, value);
CREATE FUNCTION told_by_subject(type text, value text, subject text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	told bigint;
BEGIN
	EXECUTE format('CREATE TABLE owned (who %s, what text)', type);
	PERFORM tarot.register_subject_table('owned', 'who'), tarot.audit_table('owned');
	EXECUTE format('INSERT INTO owned VALUES (%L, %L)', value, 'x');
	EXECUTE format('UPDATE owned SET what = %L', 'y');
	SELECT count(*) INTO told FROM tarot.subject_entries(subject, ARRAY(SELECT r FROM tarot.subject_rows(subject) r), pg_current_snapshot()) e WHERE e."table" = 'owned'::regclass;
	PERFORM tarot.unregister_subject_table('owned');
	DROP TABLE owned;
	RETURN told;
END $$;
SELECT s.type, s.value, left(s.subject, 36) AS subject, told_by_subject(s.type, s.value, s.subject) FROM (VALUES ('int', '7', '7'), ('int', '7', '7.0'), ('int', '7', '07'), ('numeric', '-0.5', '-0.5'), ('numeric', '1.50', '1.50'),
	('numeric', '1e110', '1' || repeat('0', 110)), ('char(5)', 'ab', 'ab'), ('text', 'a"\', 'a"\'), ('mood', 'wild', 'wild'), ('uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')) AS s (type, value, subject);

-- Keys of partitions and children, rows that a TRUNCATE took, and what a DELETE does not tell.
CREATE TABLE seat (id int, who text, what text) PARTITION BY LIST (id);
CREATE TABLE seat_1 PARTITION OF seat FOR VALUES IN (1); CREATE TABLE seat_rest PARTITION OF seat DEFAULT; ALTER TABLE seat_rest ADD PRIMARY KEY (id);
CREATE TABLE bench (id int PRIMARY KEY, who text); CREATE TABLE bench_garden () INHERITS (bench);
CREATE TABLE letter (id int PRIMARY KEY, address tarot.encrypted_text('email'));
SELECT tarot.register_subject_table(t, CASE t WHEN 'letter'::regclass THEN 'address' ELSE 'who' END), tarot.audit_table(t) FROM unnest('{seat,bench,letter}'::text[]::regclass[]) AS r (t);
INSERT INTO seat VALUES (1, '81', 'x'), (2, '81', 'x'), (3, '82', 'x'); UPDATE seat SET what = 'y';
INSERT INTO bench VALUES (1, '81'), (2, '82'); INSERT INTO bench_garden VALUES (5, '81'), (6, '82'); TRUNCATE bench;
INSERT INTO letter VALUES (1, 'mo@example.fr'); DELETE FROM letter;
SELECT "table", action, "rows" FROM tarot.erase_subject('81', audit_details => true) WHERE action ~ 'audit' AND problem IS NULL AND "table" ~ 'seat|bench|letter';

-- Under other names than the log has.
SELECT tarot.unregister_subject_table('secret_key');
ALTER TABLE seat RENAME who TO holder;
ALTER TABLE bench RENAME id TO number;
SELECT "table", problem FROM tarot.erase_subject('81', audit_details => true) WHERE problem IS NOT NULL AND "table" ~ 'seat|bench|letter';
SELECT tarot.unregister_subject_table(t) FROM unnest('{seat,bench,letter,entrance,guest}'::text[]::regclass[]) AS r (t);

-- One entry that cannot be read keeps none of the others from being told, nor does a domain; nor another name of the table.
CREATE DOMAIN filled AS text NOT NULL;
CREATE TABLE ware (id text PRIMARY KEY, "who %s" filled, what filled);
SELECT tarot.register_subject_table('ware', 'who %s'), tarot.audit_table('ware');
SELECT clock_timestamp() AS broke_in \gset
INSERT INTO ware VALUES ('a', '91', 'x'), ('1', '92', 'x'); UPDATE ware SET what = 'y'; DELETE FROM ware WHERE id = 'a';
ALTER TABLE ware ALTER id TYPE int USING id::int;
SELECT data_subject, "table", entries, note FROM tarot.breach_subjects(:'broke_in', 'infinity') WHERE "table" = 'ware'::regclass;
TRUNCATE ware; ALTER TABLE ware RENAME TO goods;
SELECT "table", entries, note FROM tarot.breach_subjects(:'broke_in', 'infinity') WHERE "table" = 'goods'::regclass AND note ~ 'TRUNCATE';
-- Nor does an error tell what a trigger says of a person.
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'Zoe stays' USING ERRCODE = 'insufficient_privilege'; END $$;
CREATE TRIGGER tell BEFORE DELETE ON goods FOR EACH ROW EXECUTE FUNCTION tell();
INSERT INTO goods VALUES (3, '93', 'x');
SELECT run($$SELECT tarot.erase_subject('93', false)$$);
SELECT tarot.unregister_subject_table('goods');
DROP TABLE seat, bench, letter, goods, entrance, guest CASCADE;
DROP FUNCTION tell, told_by_key, told_by_subject; DROP TYPE mood, pair; DROP DOMAIN filled;

-- ------------------------------------------------------------ what people ask for, and by when it is due
SET ROLE regress_subjects_support;
SELECT code($$SELECT tarot.note_request('2', 'access')$$), code($$SELECT tarot.close_request(NULL, 'done')$$), code('TABLE tarot.subject_request');
RESET ROLE;
GRANT EXECUTE ON FUNCTION tarot.note_request, tarot.close_request TO regress_subjects_officer;
SET ROLE regress_subjects_officer;
SELECT run($$SELECT tarot.note_request('', 'access')$$), run($$SELECT tarot.note_request('2', 'anything')$$), run($$SELECT tarot.note_request('2', 'access', 'infinity')$$), run($$SELECT tarot.note_request('2', 'access', now() + '1 day')$$), run($$SELECT tarot.note_request('2', 'access', due => '-1 day')$$);
SELECT tarot.note_request('2', 'rectification', '2020-01-31 12:00+00') AS request \gset
SELECT run(format('SELECT tarot.close_request(%L, %L)', :'request', o)) FROM unnest('{refused,perhaps}'::text[]) o;
SELECT tarot.close_request(:'request', 'done', 'the newsletter''s printer was told');
SELECT code(format('SELECT tarot.close_request(%L, %L)', :'request', 'done')), run($$SELECT tarot.close_request(NULL, 'done')$$);
SELECT tarot.note_request('2', 'erasure', now() - interval '2 months') IS NOT NULL;
RESET ROLE;
SELECT kind, received_at AT TIME ZONE 'UTC' AS received_at, due_at AT TIME ZONE 'UTC' AS due_at, recorded_by = session_user AS recorded, outcome, note, closed_at IS NOT NULL AS closed FROM tarot.subject_request WHERE request_id = :'request';
SELECT subject, kind FROM tarot.subject_request WHERE closed_at IS NULL AND due_at < now();
SELECT tarot.grant_class('email', current_user::regrole, search => true);
SELECT "table", action, "rows" FROM tarot.erase_subject('2', false) WHERE "table" = 'tarot.subject_request';
SELECT kind, subject = tarot.subject_pseudonym('2') AS pseudonym, closed_at IS NOT NULL AS closed FROM tarot.subject_request ORDER BY kind;
-- Who asks afterwards is to be answered, whatever is erased again.
SELECT tarot.note_request('2', 'access') IS NOT NULL;
SELECT "rows", problem FROM tarot.replay_erasures() WHERE "rows" > 0 OR problem IS NOT NULL;
SELECT kind, subject, outcome, closed_at FROM tarot.subject_request WHERE kind = 'access';

DROP TABLE secret_key, item, orders, customer, visit, meeting, remark, employee, department, note, message, ticket, address, country, forgotten CASCADE;
DROP EXTENSION tarot_security CASCADE;
DROP OWNED BY regress_subjects_thief;
DROP ROLE regress_subjects_app, regress_subjects_officer, regress_subjects_support, regress_subjects_thief;

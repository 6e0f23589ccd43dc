-- What the audit log has of a data subject, and of no other: keys that are used again, rows that come to somebody else, and tables that get
-- another name.
SET client_min_messages = warning;
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('people') > 0 AS made;
SELECT tarot.create_class('email', key => 'people', searchable => true);
SELECT tarot.grant_class('email', current_user::regrole, 'plain', write => true, search => true);
CREATE TABLE customer (id int PRIMARY KEY, name text);
CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customer ON UPDATE CASCADE ON DELETE CASCADE, what text);
CREATE TABLE item (orders int REFERENCES orders ON UPDATE CASCADE ON DELETE CASCADE, line int, card text, PRIMARY KEY (orders, line));
CREATE TABLE stamp (orders int REFERENCES orders ON UPDATE CASCADE ON DELETE CASCADE, at text);
CREATE TABLE visit (customer int, page text);
CREATE TABLE profile (customer int PRIMARY KEY REFERENCES customer ON UPDATE CASCADE ON DELETE CASCADE, motto text);
SELECT tarot.register_subject_table(t, CASE t WHEN 'customer'::regclass THEN 'id' ELSE 'customer' END) FROM unnest('{customer,orders,visit,profile}'::text[]::regclass[]) AS r (t);
SELECT tarot.register_subject_table('item', via => 'orders'), tarot.register_subject_table('stamp', via => 'orders');
SELECT tarot.audit_table(t::regclass) FROM unnest('{customer,orders,item,stamp,visit,profile}'::text[]) t;
-- What entries of a subject say, by all that they have.
CREATE FUNCTION said(subject text) RETURNS TABLE (said text) LANGUAGE sql AS $$
	SELECT concat_ws(' ', replace(a.table_name, 'public.', ''), a.operation, a.key, a.old, a.new) FROM tarot.subject_entries(subject, ARRAY(SELECT r FROM tarot.subject_rows(subject) r), pg_current_snapshot()) e
		JOIN tarot.audit_entry a ON a.tableoid = e.partition AND a.ctid = e.place ORDER BY a.transaction, a.number
$$;
-- What the log still has of tables of this test.
CREATE VIEW left_of AS SELECT replace(l.table_name, 'public.', '') AS table_name, l.operation, l.key, l.old, l.new FROM tarot.audit_log l WHERE l.table_name LIKE 'public.%' AND num_nonnulls(l.key, l.old, l.new) > 0 AND l.operation IN ('INSERT', 'UPDATE', 'DELETE') ORDER BY l.transaction, l.number;

-- ------------------------------------------------------------ Ada was 42 before Bob was
INSERT INTO visit VALUES (42, '/ before she signs up');
INSERT INTO customer VALUES (42, 'Ada'); INSERT INTO orders VALUES (7, 42, 'hers'); INSERT INTO item VALUES (7, 1, 'The Star'); INSERT INTO stamp VALUES (7, 'hers'); INSERT INTO visit VALUES (42, '/ada'); INSERT INTO profile VALUES (42, 'hers');
UPDATE customer SET name = 'Ada L.' WHERE id = 42; UPDATE orders SET what = 'hers, changed' WHERE id = 7; UPDATE item SET card = 'The Sun' WHERE orders = 7;
-- What a person does twice is of one person.
DELETE FROM profile WHERE customer = 42; INSERT INTO profile VALUES (42, 'hers again');
DELETE FROM visit WHERE customer = 42;
DELETE FROM customer WHERE id = 42;
INSERT INTO customer VALUES (42, 'Bob'); INSERT INTO orders VALUES (7, 42, 'his'); INSERT INTO item VALUES (7, 1, 'The Moon'); INSERT INTO stamp VALUES (7, 'his'); INSERT INTO visit VALUES (42, '/bob'); INSERT INTO profile VALUES (42, 'his');
UPDATE customer SET name = 'Bob B.' WHERE id = 42; UPDATE orders SET what = 'his, changed' WHERE id = 7; UPDATE item SET card = 'The Fool' WHERE orders = 7;
INSERT INTO customer VALUES (43, 'Cyd'); INSERT INTO orders VALUES (8, 43, 'Cyd''s');
SELECT * FROM said('42');
SELECT table_name, key, old, new FROM tarot.rectifications('42');
SELECT "table", action, "rows" FROM tarot.erase_subject('42', audit_details => true) WHERE action = 'erase audit details';
SELECT "table", action, "rows" FROM tarot.erase_subject('42', false, audit_details => true) WHERE action = 'erase audit details';
-- Hers stays, and so does Cyd's; of his there is nothing.
SELECT count(*) FILTER (WHERE concat(old, new) ~ 'Bob|his|bob|Moon|Fool') AS his, count(*) FILTER (WHERE concat(old, new) ~ 'Ada|hers|ada|Star|Sun') AS hers, count(*) FILTER (WHERE concat(old, new) ~ 'Cyd') AS of_another FROM left_of;
-- Nobody has the number now: it is who had it last.
SELECT * FROM said('42');
SELECT "table", action, "rows" FROM tarot.erase_subject('42', false, audit_details => true) WHERE action = 'erase audit details';
SELECT * FROM left_of;
SELECT tarot.seal_audit() > 0 AS sealed;
SELECT finding FROM tarot.verify_audit() WHERE finding <> 'not sealed';

-- ------------------------------------------------------------ in one transaction, and by TRUNCATE
BEGIN;
INSERT INTO customer VALUES (50, 'Dan'); INSERT INTO orders VALUES (9, 50, 'Dan''s'); INSERT INTO item VALUES (9, 1, 'Dan''s');
DELETE FROM customer WHERE id = 50;
INSERT INTO customer VALUES (50, 'Eve'); INSERT INTO orders VALUES (9, 50, 'Eve''s'); INSERT INTO item VALUES (9, 1, 'Eve''s');
SELECT * FROM said('50');
COMMIT;
SELECT * FROM said('50');
INSERT INTO visit VALUES (51, '/fay');
TRUNCATE customer CASCADE;
INSERT INTO customer VALUES (50, 'Gus'); INSERT INTO orders VALUES (9, 50, 'Gus''s');
SELECT * FROM said('50');
SELECT * FROM said('51');

-- ------------------------------------------------------------ audited later: since when is not known
SELECT tarot.unaudit_table('customer');
INSERT INTO customer VALUES (60, 'Hal');
SELECT tarot.audit_table('customer');
INSERT INTO orders VALUES (60, 60, 'Hal''s');
UPDATE customer SET name = 'Hal H.' WHERE id = 60;
SELECT * FROM said('60');
-- After another who was deleted it is since then.
DELETE FROM customer WHERE id = 60;
SELECT tarot.unaudit_table('customer');
INSERT INTO customer VALUES (60, 'Ida');
SELECT tarot.audit_table('customer');
UPDATE customer SET name = 'Ida I.' WHERE id = 60; INSERT INTO orders VALUES (60, 60, 'Ida''s');
SELECT * FROM said('60');

-- ------------------------------------------------------------ a row that comes to somebody else; and one who is called otherwise
INSERT INTO customer VALUES (70, 'Jo'), (71, 'Kay'); INSERT INTO orders VALUES (70, 70, 'of Jo');
UPDATE orders SET what = 'still of Jo' WHERE id = 70;
UPDATE orders SET customer = 71, what = 'of Kay now' WHERE id = 70;
UPDATE orders SET what = 'still of Kay' WHERE id = 70;
INSERT INTO item VALUES (70, 1, 'of Kay');
SELECT * FROM said('70');
SELECT * FROM said('71');
INSERT INTO orders VALUES (72, 70, 'Jo''s own'); INSERT INTO item VALUES (72, 1, 'Jo''s own'); INSERT INTO visit VALUES (70, '/jo');
UPDATE customer SET id = 79 WHERE id = 70;
UPDATE visit SET customer = 79 WHERE customer = 70;
INSERT INTO customer VALUES (70, 'Lu'); INSERT INTO orders VALUES (73, 70, 'of Lu');
UPDATE orders SET id = 74 WHERE id = 72; INSERT INTO orders VALUES (72, 70, 'of Lu, too'); INSERT INTO item VALUES (72, 1, 'of Lu, too'); INSERT INTO stamp VALUES (72, 'of Lu, too');
SELECT * FROM said('79');
SELECT * FROM said('70');
SELECT "table", action, "rows" FROM tarot.erase_subject('79', false, audit_details => true) WHERE action = 'erase audit details';
SELECT count(*) FILTER (WHERE concat(old, new) ~ 'Jo|jo') AS of_jo, count(*) FILTER (WHERE concat(old, new) ~ 'Lu') AS of_lu, count(*) FILTER (WHERE concat(old, new) ~ 'Kay') AS of_kay FROM left_of;
-- Keys that pass from row to row in one statement.
CREATE TABLE place (rank int PRIMARY KEY, customer int, note text);
SELECT tarot.register_subject_table('place', 'customer'), tarot.audit_table('place');
INSERT INTO place VALUES (13, 70, 'third'), (12, 71, 'second'), (11, 79, 'first');
UPDATE place SET rank = rank + 1;
UPDATE place SET note = 'of Kay' WHERE rank = 13; UPDATE place SET note = 'not of Kay' WHERE rank <> 13;
SELECT * FROM said('71') s WHERE s.said LIKE 'place%';

-- Who says so may refer to others: the key is a member's own, and members are also those of a family. What the table tells counts above it,
-- and what those above tell counts below.
CREATE TABLE family (id int PRIMARY KEY, customer int, name text);
CREATE TABLE member (id int PRIMARY KEY, family int REFERENCES family, name text);
CREATE TABLE trip (id int PRIMARY KEY, customer int, member int REFERENCES member, goal text);
SELECT tarot.register_subject_table('family', 'customer'), tarot.register_subject_table('member', 'id'), tarot.register_subject_table('trip', 'customer');
SELECT tarot.register_subject_table('member', via => 'family'), tarot.register_subject_table('trip', via => 'member');
SELECT tarot.audit_table(t::regclass) FROM unnest('{family,member,trip}'::text[]) t;
INSERT INTO customer VALUES (90, 'Pat'); INSERT INTO visit VALUES (90, '/pat'); INSERT INTO trip VALUES (1, 90, NULL, 'Rome'); DELETE FROM trip;
UPDATE customer SET id = 91 WHERE id = 90; INSERT INTO member VALUES (91, NULL, 'Pat');
-- The customer was 90, which the member never was.
SELECT * FROM said('91');
INSERT INTO member VALUES (95, NULL, 'Quin'); INSERT INTO visit VALUES (95, '/quin'); INSERT INTO trip VALUES (2, 95, NULL, 'Oslo'); DELETE FROM trip;
UPDATE member SET id = 96 WHERE id = 95;
-- The member was 95, and no table above says so.
SELECT * FROM said('96');
SELECT "table", action, "rows" FROM tarot.erase_subject('91', false, audit_details => true) WHERE action = 'erase audit details';
SELECT "table", action, "rows" FROM tarot.erase_subject('96', false, audit_details => true) WHERE action = 'erase audit details';
SELECT count(*) FROM left_of WHERE concat(old, new) ~* 'pat|quin|rome|oslo';

-- ------------------------------------------------------------ what the log does not tell
-- A subject that is encrypted: the row is hers since it had its key.
CREATE TABLE letter (id int PRIMARY KEY, address tarot.encrypted_text('email'), said text);
SELECT tarot.register_subject_table('letter', 'address'), tarot.audit_table('letter');
INSERT INTO letter VALUES (1, 'mo@example.fr', 'old'); DELETE FROM letter;
INSERT INTO letter VALUES (1, 'mo@example.fr', 'new'); UPDATE letter SET said = 'newer';
INSERT INTO letter VALUES (2, 'nan@example.fr', 'other');
SELECT regexp_replace(s.said, '"address": "[^"]*"(, )?', '') AS said FROM said('mo@example.fr') s;
SELECT "table", action, "rows" FROM tarot.erase_subject('mo@example.fr', false, audit_details => true) WHERE action ~ 'audit';
SELECT table_name, operation, key, new->>'said' AS said FROM left_of WHERE table_name = 'letter';

-- ------------------------------------------------------------ another name, as long as the log tells
INSERT INTO customer VALUES (80, 'Oz'); INSERT INTO visit VALUES (80, '/oz'); INSERT INTO orders VALUES (80, 80, 'of Oz');
ALTER TABLE customer RENAME TO client;
CREATE SCHEMA shop; ALTER TABLE visit SET SCHEMA shop;
CREATE TABLE customer (id int PRIMARY KEY, name text);
SELECT tarot.audit_table('customer');
INSERT INTO customer VALUES (80, 'of another table');
UPDATE client SET name = 'Oz O.' WHERE id = 80; UPDATE shop.visit SET page = '/oz, too' WHERE customer = 80;
SELECT * FROM said('80');
-- As after a restore: other OIDs, and the name that it had last. First what had come before is told from what comes then.
UPDATE tarot.audit_entry SET system = 1, relation = relation::bigint + 1000000 WHERE operation IN ('I', 'U', 'D', 'T') AND table_name NOT LIKE 'tarot.%';
UPDATE client SET name = 'Oz Oz' WHERE id = 80;
SELECT * FROM said('80');
ALTER TABLE client RENAME TO person;
UPDATE person SET name = 'Oz III' WHERE id = 80;
UPDATE tarot.audit_entry SET system = 2, relation = relation::bigint + 2000000 WHERE system <> 1 AND operation IN ('I', 'U', 'D', 'T') AND table_name NOT LIKE 'tarot.%';
SELECT * FROM said('80');

DROP TABLE trip, member, family, item, stamp, orders, profile, person, customer, place, letter, shop.visit CASCADE;
DROP SCHEMA shop;
DROP EXTENSION tarot_security CASCADE;

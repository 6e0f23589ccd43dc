-- Data subjects who are erased, and rows on legal hold: nothing of these is deleted, changed, unlinked or shredded, whoever's hold it is, and the rest is.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION tarot_security;
CREATE ROLE regress_kept_shop; CREATE ROLE regress_kept_other; CREATE ROLE regress_kept_officer;
GRANT CREATE ON SCHEMA public TO regress_kept_shop, regress_kept_other;
GRANT EXECUTE ON FUNCTION tarot.erase_subject, tarot.hold_subject, tarot.release_subject, tarot.set_erasure, tarot.replay_erasures, tarot.destroy_subject_key TO regress_kept_officer;
GRANT EXECUTE ON FUNCTION tarot.add_retention TO regress_kept_shop, regress_kept_other;
SELECT tarot.create_key('people') > 0 AS made;
-- What would be done, and how it is refused, with all that is told of it, or what was done.
CREATE FUNCTION plan(subject text) RETURNS TABLE ("table" text, action text, "rows" bigint, problem text) LANGUAGE sql AS $$ SELECT e."table", e.action, e.rows, e.problem FROM tarot.erase_subject(subject) e WHERE e.action <> 'not reached' $$;
CREATE FUNCTION erase(subject text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	details text;
	hint text;
BEGIN
	RETURN (SELECT string_agg(format('%s %s %s', e."table", e.action, e.rows), ', ') FROM tarot.erase_subject(subject, false) e WHERE e.rows > 0);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS details = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', SQLSTATE || ': ' || SQLERRM, details, hint);
END
$$;
RESET client_min_messages;
\set ECHO all
\pset null '(null)'
\pset format unaligned
\set VERBOSITY terse

-- ------------------------------------------------------------ a row of two
SET ROLE regress_kept_shop;
CREATE TABLE msg (id int PRIMARY KEY, sender int, recipient int, words text);
INSERT INTO msg VALUES (1, 41, 42, 'both'), (2, 41, 43, 'one'), (3, 42, 42, 'the other'), (4, 44, 43, 'none');
RESET ROLE;
SELECT tarot.register_subject_table('msg', 'sender'), tarot.register_subject_table('msg', 'recipient');
SET ROLE regress_kept_officer;
SELECT tarot.hold_subject('42', 'case 12/2026');
SELECT * FROM plan('41');
SELECT erase('41');
SELECT * FROM plan('42');
SELECT * FROM plan('44');
SELECT erase('44');
RESET ROLE;
SELECT * FROM msg ORDER BY id;
SELECT count(*) FROM tarot.erasure;
-- Kept for a legal basis they may stay.
SET ROLE regress_kept_officer;
SELECT tarot.set_erasure('msg', 'keep', 'a court''s order');
SELECT * FROM plan('41');
SELECT tarot.set_erasure('msg', 'delete');
SELECT tarot.release_subject('42');
SELECT erase('41');
RESET ROLE;
SELECT * FROM msg ORDER BY id;

-- ------------------------------------------------------------ a backup that is restored: whom somebody's hold concerns waits, and the others do not
INSERT INTO msg VALUES (1, 41, 42, 'both'), (4, 44, 43, 'none');
SET ROLE regress_kept_officer;
SELECT tarot.hold_subject('42', 'case 13/2026');
SELECT "rows", problem FROM tarot.replay_erasures(dry_run => true);
SELECT "rows", problem FROM tarot.replay_erasures();
RESET ROLE;
SELECT * FROM msg ORDER BY id;
SET ROLE regress_kept_officer;
SELECT tarot.release_subject('42');
SELECT "rows", problem FROM tarot.replay_erasures();
RESET ROLE;
SELECT * FROM msg ORDER BY id;

-- ------------------------------------------------------------ another spelling of who is on hold
SELECT tarot.create_class('login', 'people', 'email', searchable => true, normalization => 'lower') IS NOT NULL AS made;
SELECT tarot.grant_class('login', 'regress_kept_shop', 'plain', write => true, search => true);
SET ROLE regress_kept_shop;
CREATE TABLE account (id int PRIMARY KEY, login tarot.encrypted_text('login'));
INSERT INTO account VALUES (1, 'ann@example.org'), (2, 'bob@example.org');
RESET ROLE;
SELECT tarot.register_subject_table('account', 'login');
SELECT tarot.hold_subject('ann@example.org', 'tax audit');
SELECT * FROM plan('Ann@Example.org');
SELECT erase('Ann@Example.org');
SELECT count(*) FROM account;
SELECT erase('BOB@example.org');
SELECT tarot.release_subject('ann@example.org');
SELECT erase('Ann@Example.org');
SELECT tarot.unregister_subject_table('account');

-- ------------------------------------------------------------ holds of rows: of the table, by a condition of its owner's, of others; of partitions and children
SELECT tarot.unregister_subject_table('msg');
SET ROLE regress_kept_shop;
CREATE TABLE visit (who int, at date, page text) PARTITION BY RANGE (at);
CREATE TABLE visit_2025 PARTITION OF visit FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE visit_2026 PARTITION OF visit FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO visit VALUES (44, '2025-05-05', '/'), (44, '2026-05-05', '/'), (45, '2026-05-05', '/'), (46, '2025-05-05', '/');
CREATE TABLE event (who int, what text);
CREATE TABLE event_call (number text) INHERITS (event);
INSERT INTO event VALUES (44, 'a'), (45, 'b');
INSERT INTO event_call VALUES (44, 'c', '110'), (45, 'd', '112');
CREATE TABLE lone (who int, page text);
INSERT INTO lone VALUES (44, '/'), (45, '/');
RESET ROLE;
SELECT tarot.register_subject_table('visit', 'who'), tarot.register_subject_table('event', 'who'), tarot.register_subject_table('lone', 'who');
SET ROLE regress_kept_shop;
SELECT tarot.hold('lone', 'one', 'case 14/2026', 'who = 44'), tarot.hold('visit_2025', 'year', 'case 15/2026'), tarot.hold('event_call', 'calls', 'case 16/2026', 'number = ''110''');
RESET ROLE;
SELECT * FROM plan('44');
SELECT erase('44');
SELECT * FROM plan('46');
SELECT (SELECT count(*) FROM visit) AS visits, (SELECT count(*) FROM event) AS events, (SELECT count(*) FROM lone) AS lone;
SELECT erase('45');
SET ROLE regress_kept_shop;
SELECT tarot.release('lone', 'one'), tarot.release('event_call', 'calls');
RESET ROLE;
SELECT * FROM plan('44');
-- That of a table holds for its partitions; and the condition of one who owned the table before is not run with the rights of others: then all rows are on hold.
SET ROLE regress_kept_shop;
SELECT tarot.release('visit_2025', 'year'), tarot.hold('visit', 'late', 'case 17/2026', 'at > ''2026-01-01'''), tarot.hold('lone', 'page', 'case 18/2026', 'page = ''/nothing''');
RESET ROLE;
SELECT * FROM plan('44');
ALTER TABLE lone OWNER TO regress_kept_other;
SELECT "table", "rows", problem FROM plan('44');
SET ROLE regress_kept_other;
SELECT tarot.release('lone', 'page');
SET ROLE regress_kept_shop;
SELECT tarot.release('visit', 'late');
RESET ROLE;
SELECT erase('44');
-- A row that comes to be on hold while the erasure is at it stays, and all of it is taken back.
SET ROLE regress_kept_shop;
CREATE TABLE early (who int);
CREATE FUNCTION put_on_hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE public.visit SET page = '/held' WHERE who = 46; RETURN NULL; END $$;
CREATE TRIGGER hold AFTER DELETE ON early FOR EACH ROW EXECUTE FUNCTION put_on_hold();
INSERT INTO early VALUES (46);
SELECT tarot.hold('visit', 'page', 'case 19/2026', 'page = ''/held''');
RESET ROLE;
SELECT tarot.register_subject_table('early', 'who');
SELECT erase('46');
SELECT count(*), min(page) FROM visit;
SET ROLE regress_kept_shop;
SELECT tarot.release('visit', 'page');
-- By a hold of the partition.
SELECT tarot.hold('visit_2025', 'page', 'case 19/2026', 'page = ''/held''');
RESET ROLE;
SELECT erase('46');
SELECT count(*), min(page) FROM visit;
SET ROLE regress_kept_shop;
SELECT tarot.release('visit_2025', 'page');
RESET ROLE;
SELECT erase('46');
SELECT tarot.unregister_subject_table(t) FROM unnest('{visit,event,lone,early}'::regclass[]) AS t;

-- ------------------------------------------------------------ rows that would be changed with others by a foreign key
SET ROLE regress_kept_shop;
CREATE TABLE person (id int PRIMARY KEY, name text) PARTITION BY RANGE (id);
CREATE TABLE person_1 PARTITION OF person FOR VALUES FROM (0) TO (100);
ALTER TABLE person_1 ADD UNIQUE (name);
INSERT INTO person VALUES (51, 'Ann'), (52, 'Bob'), (53, 'Cid');
CREATE TABLE task (id int PRIMARY KEY, owner int, reviewer int REFERENCES person ON DELETE SET NULL);
INSERT INTO task VALUES (1, 52, 51), (2, 52, 53), (3, 53, 51), (4, 51, 51);
CREATE TABLE plate (id int PRIMARY KEY, person int REFERENCES person_1 ON DELETE SET NULL, name text REFERENCES person_1 (name) ON UPDATE CASCADE ON DELETE SET NULL);
INSERT INTO plate VALUES (1, 51, NULL), (2, NULL, 'Ann'), (3, 53, NULL);
RESET ROLE;
SELECT tarot.register_subject_table('person', 'id'), tarot.register_subject_table('task', 'owner');
SELECT tarot.hold_subject('52', 'case 20/2026');
SELECT * FROM plan('51');
SELECT erase('51');
SELECT erase('53');
SELECT * FROM task ORDER BY id;
SELECT tarot.release_subject('52');
-- Of a table that nobody has registered, and of one that refers to a partition.
SET ROLE regress_kept_shop;
SELECT tarot.hold('plate', 'first', 'case 21/2026', 'id = 1');
RESET ROLE;
SELECT * FROM plan('51');
SET ROLE regress_kept_shop;
SELECT tarot.release('plate', 'first'), tarot.hold('plate', 'third', 'case 21/2026', 'id = 3');
RESET ROLE;
SELECT * FROM plan('51');
-- A condition that fails is no reason to go on, and tells nothing of the row.
SET ROLE regress_kept_shop;
SELECT tarot.hold('task', 'number', 'case 21/2026', '100 / (id - id) > 0');
RESET ROLE;
SELECT * FROM plan('53');
SELECT erase('51');
SET ROLE regress_kept_shop;
SELECT tarot.release('task', 'number');
RESET ROLE;
-- By ON UPDATE, where its key is anonymized.
SELECT tarot.set_erasure('person', 'anonymize', replacements => '{"name": "[erased]"}');
SELECT * FROM plan('51');
SET ROLE regress_kept_shop;
SELECT tarot.hold('plate', 'second', 'case 21/2026', 'id = 2');
RESET ROLE;
SELECT * FROM plan('51');
SELECT erase('51');
SET ROLE regress_kept_shop;
SELECT tarot.release('plate', 'second');
RESET ROLE;
SELECT erase('51');
-- What is as it is to be is not changed, on hold or not.
SELECT tarot.hold_subject('51', 'case 22/2026');
SELECT * FROM plan('051');
-- Of another owner: who can tell is asked, and where nobody can nothing is done.
SELECT tarot.set_erasure('person', 'delete');
SET ROLE regress_kept_shop;
SELECT tarot.release('plate', 'third');
RESET ROLE;
SELECT tarot.release_subject('51'), tarot.hold_subject('53', 'case 23/2026');
INSERT INTO person VALUES (54, 'Dan'); UPDATE plate SET person = 54 WHERE id = 3;
SET ROLE regress_kept_shop;
GRANT SELECT ON person, person_1 TO regress_kept_other;
RESET ROLE;
ALTER TABLE plate OWNER TO regress_kept_other;
SELECT tarot.register_subject_table('plate', 'id');
SELECT tarot.set_erasure('plate', 'keep', 'trade law');
UPDATE plate SET id = 53 WHERE id = 3;
SELECT * FROM plan('54');
REVOKE SELECT ON person, person_1 FROM regress_kept_other;
GRANT SELECT ON plate TO regress_kept_shop;
SELECT * FROM plan('54');
REVOKE SELECT ON plate FROM regress_kept_shop;
SELECT * FROM plan('54');
SELECT tarot.release_subject('53');
SET ROLE regress_kept_other;
CREATE FUNCTION chosen() RETURNS int LANGUAGE sql AS 'SELECT 1';
SET ROLE regress_kept_shop;
INSERT INTO task VALUES (5, 54, NULL);
SELECT tarot.hold('task', 'chosen', 'case 23/2026', 'id = public.chosen()');
SET ROLE regress_kept_other;
REVOKE EXECUTE ON FUNCTION chosen FROM PUBLIC;
GRANT SELECT ON plate TO regress_kept_shop;
RESET ROLE;
SELECT * FROM plan('54');
SELECT erase('54');
SET ROLE regress_kept_shop;
SELECT tarot.release('task', 'chosen');
RESET ROLE;
SELECT erase('54');
SELECT tarot.unregister_subject_table(t) FROM unnest('{plate,task,person}'::regclass[]) AS t;

-- Over several tables: with the replacement of a name, with a reference that becomes NULL, with what is generated from a column; and by a key to a table of which this one became a partition.
SET ROLE regress_kept_shop;
CREATE TABLE guest (id int PRIMARY KEY, name text UNIQUE, low text GENERATED ALWAYS AS (lower(name)) STORED UNIQUE);
CREATE TABLE badge (name text UNIQUE REFERENCES guest (name) ON UPDATE CASCADE, again text REFERENCES badge (name) ON UPDATE CASCADE);
CREATE TABLE "Door, back" (name text REFERENCES badge (name) ON UPDATE CASCADE);
CREATE TABLE mailbox (low text REFERENCES guest (low) ON UPDATE SET NULL);
CREATE TABLE seat (guest int UNIQUE REFERENCES guest ON DELETE SET NULL);
CREATE TABLE drink (seat int REFERENCES seat (guest) ON UPDATE CASCADE);
INSERT INTO guest VALUES (55, 'Eve'), (56, 'Fay'); INSERT INTO badge VALUES ('Eve', 'Eve'), ('Fay', 'Fay'); INSERT INTO "Door, back" VALUES ('Eve'), ('Fay'); INSERT INTO mailbox VALUES ('eve'), ('fay'); INSERT INTO seat VALUES (55), (56); INSERT INTO drink VALUES (55), (56);
SELECT tarot.hold('"Door, back"', 'back', 'case 23/2026', 'name = ''Eve'''), tarot.hold('mailbox', 'all', 'case 23/2026', 'low = ''eve'''), tarot.hold('drink', 'all', 'case 23/2026', 'seat = 55');
RESET ROLE;
SELECT tarot.register_subject_table('guest', 'id'), tarot.set_erasure('guest', 'anonymize', replacements => '{"name": "[erased]"}');
SELECT * FROM plan('55');
SELECT erase('55');
SELECT erase('56');
TABLE badge ORDER BY 1; TABLE "Door, back" ORDER BY 1; TABLE mailbox ORDER BY 1;
ALTER TABLE badge DROP CONSTRAINT badge_name_fkey; ALTER TABLE mailbox DROP CONSTRAINT mailbox_low_fkey;
SELECT tarot.set_erasure('guest', 'delete');
SELECT * FROM plan('55');
SELECT erase('55');
SELECT erase('56');
TABLE drink ORDER BY 1;
SELECT tarot.unregister_subject_table('guest');
SET ROLE regress_kept_shop;
CREATE TABLE member (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE member_1 (id int PRIMARY KEY);
CREATE TABLE locker (id int PRIMARY KEY, member int REFERENCES member ON DELETE SET NULL);
RESET ROLE;
SELECT tarot.register_subject_table('member_1', 'id');
SET ROLE regress_kept_shop;
ALTER TABLE member ATTACH PARTITION member_1 FOR VALUES FROM (0) TO (100);
INSERT INTO member VALUES (57), (58); INSERT INTO locker VALUES (1, 57), (2, 58);
SELECT tarot.hold('locker', 'one', 'case 23/2026', 'id = 1');
RESET ROLE;
SELECT * FROM plan('57');
SELECT erase('57');
SELECT erase('58');
TABLE locker ORDER BY 1;
SELECT tarot.unregister_subject_table('member_1');

-- ------------------------------------------------------------ what is under the subject's key
SELECT tarot.create_class('reading', 'people', 'redact', per_subject => true) IS NOT NULL AS made;
SELECT tarot.grant_class('reading', 'regress_kept_shop', 'plain', write => true);
SET ROLE regress_kept_shop;
CREATE TABLE reading (id int PRIMARY KEY, about int NOT NULL, witness int, words tarot.encrypted_text('reading'));
CREATE TABLE draft (id int PRIMARY KEY, about int NOT NULL, words tarot.encrypted_text('reading'));
RESET ROLE;
SELECT tarot.set_subject('reading', 'words', 'about'), tarot.set_subject('draft', 'words', 'about');
SET ROLE regress_kept_shop;
INSERT INTO reading VALUES (1, 61, 62, 'a'), (2, 63, 62, 'b');
INSERT INTO draft VALUES (1, 61, 'c'), (2, 64, 'd');
RESET ROLE;
SELECT tarot.register_subject_table('reading', 'about'), tarot.register_subject_table('reading', 'witness');
SELECT tarot.set_erasure('reading', 'shred');
SELECT tarot.hold_subject('62', 'case 24/2026');
SELECT * FROM plan('61');
SET ROLE regress_kept_officer;
SELECT erase('61');
SELECT run($$SELECT tarot.destroy_subject_key('reading', '62')$$), run($$SELECT tarot.destroy_subject_key('reading', '61')$$), run($$SELECT tarot.destroy_subject_key('reading', '64')$$);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT run($$SELECT tarot.destroy_subject_key('reading', '61')$$);
ROLLBACK;
RESET ROLE;
SELECT tarot.release_subject('62');
-- In a table that is not registered.
SET ROLE regress_kept_shop;
SELECT tarot.hold('draft', 'first', 'case 25/2026', 'id = 1');
RESET ROLE;
SELECT * FROM plan('61');
SELECT erase('61');
SELECT run($$SELECT tarot.destroy_subject_key('reading', '61')$$), run($$SELECT tarot.destroy_subject_key('reading', '63')$$);
SET ROLE regress_kept_shop;
SELECT id, words::text FROM reading ORDER BY id;
SELECT id, words::text FROM draft ORDER BY id;
SELECT tarot.release('draft', 'first');
RESET ROLE;
SELECT erase('61');
-- Values in an archive, in a partition that was detached, in a copy, in a column that no rule is for any more, and within others; not one that is NULL, nor where there is no key.
SET ROLE regress_kept_shop;
CREATE DOMAIN words AS tarot.encrypted_text('reading');
CREATE TABLE note (about int NOT NULL, at date, words words) PARTITION BY RANGE (at);
CREATE TABLE note_2019 PARTITION OF note FOR VALUES FROM ('2019-01-01') TO ('2020-01-01');
CREATE TABLE old_draft (id int PRIMARY KEY, about int, words tarot.encrypted_text('reading'));
CREATE TABLE unruled (about int NOT NULL, words tarot.encrypted_text('reading'));
RESET ROLE;
SELECT tarot.set_subject('note', 'words', 'about'), tarot.set_subject('unruled', 'words', 'about');
SET ROLE regress_kept_shop;
INSERT INTO note VALUES (65, '2019-01-01', 'a'), (66, '2019-01-01', 'b'), (67, '2019-01-01', NULL); INSERT INTO draft VALUES (5, 65, 'c'), (6, 66, 'd'), (7, 67, 'e'); INSERT INTO unruled VALUES (65, 'f');
CREATE TABLE "Copies" (words tarot.encrypted_text('reading')[]);
INSERT INTO "Copies" SELECT array_agg(words) FROM draft WHERE about = 65;
CREATE TABLE copy AS SELECT about, words FROM note;
INSERT INTO old_draft SELECT * FROM draft WHERE id IN (5, 6);
ALTER TABLE note DETACH PARTITION note_2019;
SELECT tarot.unset_subject('unruled', 'words');
SELECT tarot.hold(t::regclass, 'all', 'case 26/2026') FROM unnest('{note_2019,old_draft,copy,unruled,"\"Copies\""}'::text[]) AS t;
RESET ROLE;
SELECT tarot.register_subject_table('draft', 'about');
SELECT * FROM plan('65') WHERE action <> 'delete' OR "rows" > 0;
SELECT erase('65');
SELECT run($$SELECT tarot.destroy_subject_key('reading', '66')$$);
SELECT tarot.destroy_subject_key('reading', '67') AS destroyed, tarot.destroy_subject_key('reading', '68') AS destroyed;
SELECT tarot.hold_subject('70', 'case 27/2026');
SELECT run($$SELECT tarot.destroy_subject_key('reading', '70')$$);
SET ROLE regress_kept_shop;
SELECT words::text FROM old_draft ORDER BY id;
SELECT about, words::text FROM note_2019 ORDER BY about;
SELECT tarot.release(t::regclass, 'all') FROM unnest('{note_2019,old_draft,copy,unruled,"\"Copies\""}'::text[]) AS t;
RESET ROLE;
SELECT erase('65');
SET ROLE regress_kept_shop;
SELECT words::text FROM old_draft ORDER BY id;
RESET ROLE;
-- Nor is the version of a key destroyed by force, that of the class or one that keys of subjects are wrapped by.
SELECT tarot.release_subject('70');
SET ROLE regress_kept_shop;
INSERT INTO account VALUES (3, 'cid@example.org'), (4, 'dan@example.org');
SELECT tarot.hold('account', 'third', 'case 28/2026', 'id = 3');
RESET ROLE;
SELECT tarot.rotate_key('people') > 1 AS rotated;
SELECT run($$SELECT tarot.destroy_key('people', 1, force => true)$$);
SET ROLE regress_kept_shop;
UPDATE account SET login = 'cid@example.org' WHERE id = 3;
SELECT tarot.hold('old_draft', 'sixth', 'case 28/2026', 'id = 6');
RESET ROLE;
SELECT run($$SELECT tarot.destroy_key('people', 1, force => true)$$);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT run($$SELECT tarot.destroy_key('people', 1, force => true)$$);
ROLLBACK;
SELECT tarot.rewrap_subject_keys('people') > 0 AS wrapped;
SELECT tarot.destroy_key('people', 1, force => true);
SET ROLE regress_kept_shop;
SELECT id, tarot.try_decrypt(login) AS login FROM account WHERE id > 2 ORDER BY id;
SELECT id, words::text FROM old_draft ORDER BY id;
RESET ROLE;
SET client_min_messages = warning;
DROP OWNED BY regress_kept_shop, regress_kept_other, regress_kept_officer;
DROP ROLE regress_kept_shop, regress_kept_other, regress_kept_officer;

-- Legal holds where rows go with others, and where tables have different owners: whose condition is asked with whose rights.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\set owner regress_hold_owner
\set other regress_hold_other
\i :source/sql/include/retention.sql
CREATE ROLE regress_hold_member IN ROLE regress_hold_owner;
GRANT CREATE ON SCHEMA public TO regress_hold_other, regress_hold_member;
GRANT EXECUTE ON FUNCTION tarot.add_retention TO regress_hold_other, regress_hold_member;
GRANT SELECT ON tarot.legal_hold TO regress_hold_other;
RESET client_min_messages;
\set ECHO all

-- ------------------------------------------------------------ rows that would go, or change, with others
SET ROLE regress_hold_owner;
CREATE TABLE shop (id int PRIMARY KEY, at date);
CREATE TABLE desk (id int, shop int REFERENCES shop ON DELETE CASCADE) PARTITION BY LIST (id);
CREATE TABLE desk_1 PARTITION OF desk FOR VALUES IN (1);
CREATE TABLE desk_2 PARTITION OF desk FOR VALUES IN (2, 3, 4);
CREATE TABLE sign (shop int DEFAULT 9 REFERENCES shop ON DELETE SET DEFAULT, says text);
INSERT INTO shop VALUES (1, '2019-01-01'), (2, '2019-01-01'), (3, '2019-01-01'), (4, '2019-01-01'), (5, '2019-01-01'), (9, '2999-01-01');
INSERT INTO desk VALUES (1, 1), (2, 2), (3, 3), (4, NULL);
INSERT INTO sign VALUES (4, 'closed'), (3, 'open');
SELECT tarot.add_retention('shop', 'at', '1 year', policy => 'shop');
SELECT tarot.hold('desk', 'case 1', 'court', 'id = 2'), tarot.hold('desk_1', 'case 2', 'court'), tarot.hold('sign', 'case 3', 'court', 'says = ''closed''');
SELECT rows, held FROM tarot.preview_retention('shop');
SELECT "table", referring, on_delete, rows FROM tarot.preview_references('shop') ORDER BY referring::text;
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('shop');
SELECT array_agg(id ORDER BY id) FROM shop; SELECT array_agg(id ORDER BY id) FROM desk; SELECT * FROM sign ORDER BY shop;
SET ROLE regress_hold_owner;
SELECT tarot.release('desk', 'case 1'), tarot.release('desk_1', 'case 2'), tarot.release('sign', 'case 3'), tarot.run_job_soon('shop');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT array_agg(id ORDER BY id) FROM shop; SELECT array_agg(id ORDER BY id) FROM desk; SELECT * FROM sign ORDER BY says;

-- ------------------------------------------------------------ a partition of another owner, who would have code run with the rights of the table's
SET ROLE regress_hold_owner;
CREATE TABLE secret (what text);
INSERT INTO secret VALUES ('the owner''s alone');
CREATE TABLE event (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2019-01-01') TO ('2020-01-01');
CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
INSERT INTO event VALUES (1, '2019-01-01'), (2, '2019-01-01'), (3, '2020-01-01');
RESET ROLE;
ALTER TABLE event_1 OWNER TO regress_hold_other;
SET ROLE regress_hold_other;
CREATE TABLE loot (what text);
GRANT ALL ON loot TO PUBLIC;
CREATE FUNCTION reach() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.loot SELECT current_user || ': ' || s.what FROM public.secret s; RETURN false; END $$;
SELECT tarot.hold('event_1', 'mine', 'x', 'id = 1 AND public.reach()');
GRANT SELECT, DELETE ON event_1 TO regress_hold_owner;
SET ROLE regress_hold_owner;
SELECT tarot.add_retention('event', 'at', '1 year', policy => 'event');
SELECT "table", rows, held FROM tarot.preview_retention('event') ORDER BY "table"::text;
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('event');
SELECT id FROM event ORDER BY id; SELECT * FROM loot;
-- Nor the other way round: the table's hold in a policy for the partition.
SET ROLE regress_hold_owner;
CREATE FUNCTION look() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'runs as %', current_user; RETURN false; END $$;
SELECT tarot.hold('event', 'ours', 'x', 'public.look()'), tarot.remove_retention('event');
SET ROLE regress_hold_other;
SELECT tarot.release('event_1', 'mine');
SELECT tarot.add_retention('event_1', 'at', '1 year', policy => 'event_1');
SELECT rows, held FROM tarot.preview_retention('event_1');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT id FROM event ORDER BY id;
-- One who may act as the owner anyway is asked; one for all rows needs no asking.
ALTER TABLE event_1 OWNER TO regress_hold_member;
SELECT tarot.remove_retention('event_1'), tarot.release('event', 'ours');
SET ROLE regress_hold_member;
SELECT tarot.hold('event_1', 'one', 'x', 'id = 1');
SET ROLE regress_hold_owner;
SELECT tarot.add_retention('event', 'at', '1 year', policy => 'event');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT id FROM event ORDER BY id;

-- ------------------------------------------------------------ a table that gets another owner
SET ROLE regress_hold_other;
CREATE TABLE letter (id int, client int, at date);
INSERT INTO letter VALUES (1, 1, '2019-01-01'), (2, 2, '2019-01-01');
CREATE FUNCTION tell() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.loot VALUES (current_user); RETURN true; END $$;
CREATE DOMAIN spy AS int CHECK (public.tell());
SELECT tarot.hold('letter', 'case 7', 'court', 'client = 1 AND public.tell()'), tarot.hold('letter', 'case 8', 'court', 'client = 1 AND ''{1}''::public.spy[] IS NULL');
RESET ROLE;
ALTER TABLE letter OWNER TO regress_hold_owner;
SET ROLE regress_hold_owner;
SELECT tarot.add_retention('letter', 'at', '1 year', policy => 'letter');
SELECT rows, held FROM tarot.preview_retention('letter');
-- To rename a column reads the conditions: with the rights of whose they are.
ALTER TABLE letter RENAME client TO party;
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('letter');
SELECT count(*) FROM letter; SELECT DISTINCT what FROM loot;
-- It is the new owner's when that has set it anew.
SET ROLE regress_hold_owner;
SELECT name, condition, owner FROM tarot.legal_hold WHERE relation = 'letter'::regclass ORDER BY name;
SELECT tarot.release('letter', 'case 7'), tarot.release('letter', 'case 8'), tarot.hold('letter', 'case 7', 'court', 'party = 1'), tarot.run_job_soon('letter');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT id FROM letter;

-- ------------------------------------------------------------ a column that is dropped, and another of its name
SET ROLE regress_hold_owner;
CREATE TYPE sort AS ENUM ('a', 'b');
CREATE TABLE claim (id int, open boolean, kind sort, at date);
CREATE TABLE claim_1 () INHERITS (claim);
INSERT INTO claim VALUES (1, true, 'a', '2019-01-01'), (2, false, 'b', '2019-01-01'); INSERT INTO claim_1 VALUES (3, true, 'a', '2019-01-01');
SELECT tarot.hold('claim_1', 'case 9', 'court', 'open'), tarot.hold('claim', 'case 10', 'court', 'kind = ''a''');
SELECT tarot.add_retention('claim', 'at', '1 year', "where" => 'open OR id = 2', policy => 'claim');
ALTER TABLE claim DROP COLUMN open, ADD COLUMN open boolean DEFAULT false;
SELECT relation, name, condition FROM tarot.legal_hold WHERE relation IN ('claim'::regclass, 'claim_1'::regclass) ORDER BY name;
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('claim');
SET ROLE regress_hold_owner;
SELECT tarot.alter_retention('claim', "where" => 'id > 0');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('claim');
SET ROLE regress_hold_owner;
SELECT tarot.release('claim_1', 'case 9');
SET client_min_messages = warning;
DROP TYPE sort CASCADE;
RESET client_min_messages;
ALTER TABLE claim ADD COLUMN kind text DEFAULT 'none';
SELECT tarot.run_job_soon('claim');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('claim');
SELECT count(*) FROM claim;
SET ROLE regress_hold_owner;
SELECT tarot.release('claim', 'case 10'), tarot.run_job_soon('claim');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT count(*) FROM claim;
SET client_min_messages = warning;
DROP OWNED BY regress_hold_owner, regress_hold_other, regress_hold_member CASCADE;
DROP ROLE regress_hold_owner, regress_hold_other, regress_hold_member;

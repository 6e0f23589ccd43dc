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
-- ------------------------------------------------------------ many ways to a table, and ways that come round again
SET ROLE regress_hold_owner;
CREATE TABLE rung_0_a (id int PRIMARY KEY, at date);
CREATE TABLE rung_0_b (id int PRIMARY KEY REFERENCES rung_0_a ON DELETE CASCADE);
-- 2048 ways from the first to the last.
SET client_min_messages = warning;
SELECT format('CREATE TABLE rung_%s_%s (id int PRIMARY KEY, FOREIGN KEY (id) REFERENCES rung_%s_a ON DELETE CASCADE, CONSTRAINT other FOREIGN KEY (id) REFERENCES rung_%3$s_b ON DELETE CASCADE)', i, t, i - 1) FROM generate_series(1, 10) AS i, unnest('{a,b}'::text[]) AS t ORDER BY i, t
\gexec
INSERT INTO rung_0_a SELECT i, '2019-01-01' FROM generate_series(1, 3) AS i;
INSERT INTO rung_0_b SELECT i FROM generate_series(1, 3) AS i;
SELECT format('INSERT INTO rung_%s_%s SELECT i FROM generate_series(1, 3) AS i', i, t) FROM generate_series(1, 10) AS i, unnest('{a,b}'::text[]) AS t ORDER BY i, t
\gexec
RESET client_min_messages;
SELECT tarot.hold('rung_10_b', 'case 1', 'court', 'id = 2');
SELECT tarot.add_retention('rung_0_a', 'at', '1 year', policy => 'rungs');
SELECT rows, held FROM tarot.preview_retention('rungs');
CREATE TABLE hen (id int PRIMARY KEY, egg int, at date DEFAULT '2019-01-01');
CREATE TABLE egg (id int PRIMARY KEY, hen int REFERENCES hen ON DELETE CASCADE);
ALTER TABLE hen ADD FOREIGN KEY (egg) REFERENCES egg ON DELETE CASCADE;
-- 1 <- 10 <- 2 <- 20, which is on hold; 3 <- 30; 4 <- 40 <- 5; 6 <- 60 <- 7 <- 70
INSERT INTO hen SELECT unnest('{1,3,4,6}'::int[]); INSERT INTO egg SELECT 10 * id, id FROM hen; INSERT INTO hen VALUES (2, 10), (5, 40), (7, 60); INSERT INTO egg VALUES (20, 2), (70, 7);
SELECT tarot.hold('egg', 'case 1', 'court', 'id = 20');
SELECT tarot.add_retention('hen', 'at', '1 year', policy => 'hens');
RESET ROLE;
SELECT length(tarot.retention_held('rung_0_a'::regclass, 'regress_hold_owner'::regrole, true)) < 20000 AS short;
CALL tarot.run_due_jobs();
SELECT p.policy, l.* FROM unnest('{rungs,hens}'::text[]) AS p (policy), LATERAL last_run(p.policy) AS l;
SELECT id FROM rung_0_a; SELECT id FROM rung_10_b; SELECT array_agg(id ORDER BY id) FROM hen;
SELECT tarot.run_job_soon('hens');
CALL tarot.run_due_jobs();
SELECT array_agg(id ORDER BY id) FROM hen; SELECT array_agg(id ORDER BY id) FROM egg;
-- What somebody has locked on these ways is asked in one statement, too; here nobody has.
SELECT length(tarot.locked_along('rung_0_a'::regclass, 'regress_hold_owner'::regrole)) < 50000 AS short;
CREATE FUNCTION asked(rel regclass) RETURNS TABLE (rows bigint, locked bigint) LANGUAGE plpgsql AS
	$$ BEGIN RETURN QUERY EXECUTE format('SELECT count(*), count(*) FILTER (WHERE %s) FROM ONLY %s AS t', tarot.locked_along(rel, 'regress_hold_owner'::regrole), rel); END $$;
SELECT r, a.* FROM unnest('{rung_0_a,hen,egg}'::regclass[]) AS r, LATERAL asked(r) AS a ORDER BY r::text;
DROP FUNCTION asked;
-- What refers to a row that changes may change in turn (ON UPDATE), also by what is generated from it, and to itself.
SET ROLE regress_hold_owner;
CREATE TABLE ship (id int PRIMARY KEY, at date DEFAULT '2019-01-01');
CREATE TABLE deck (ship int PRIMARY KEY REFERENCES ship ON DELETE CASCADE);
CREATE TABLE cabin (deck int UNIQUE REFERENCES deck ON DELETE SET NULL, next int GENERATED ALWAYS AS (deck + 1) STORED UNIQUE, twin int REFERENCES cabin (deck) ON UPDATE CASCADE);
CREATE TABLE bed (cabin int UNIQUE REFERENCES cabin (deck) ON UPDATE CASCADE);
CREATE TABLE pillow (bed int REFERENCES bed (cabin) ON UPDATE CASCADE, next int REFERENCES cabin (next) ON UPDATE SET NULL, kept boolean);
INSERT INTO ship SELECT generate_series(1, 4); INSERT INTO deck SELECT id FROM ship; INSERT INTO cabin SELECT id FROM ship; UPDATE cabin SET twin = deck; INSERT INTO bed SELECT id FROM ship;
INSERT INTO pillow VALUES (1, NULL, true), (2, NULL, false), (NULL, 4, true), (NULL, 5, NULL);
SELECT tarot.hold('pillow', 'case 1', 'court', 'kept'), tarot.add_retention('ship', 'at', '1 year', policy => 'ships');
SELECT rows, held FROM tarot.preview_retention('ships');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('ships');
SELECT array_agg(id ORDER BY id) FROM ship; SELECT * FROM cabin ORDER BY 1; SELECT * FROM bed ORDER BY 1; SELECT * FROM pillow ORDER BY 1, 2;
-- Many keys from one table to another do not keep the way there from being found.
SET ROLE regress_hold_owner;
CREATE TABLE lake (id int PRIMARY KEY, at date);
CREATE TABLE frog (lake int REFERENCES lake ON DELETE CASCADE);
CREATE TABLE reed (lake int PRIMARY KEY REFERENCES lake ON DELETE CASCADE);
CREATE TABLE leaf (reed int PRIMARY KEY REFERENCES reed ON DELETE CASCADE);
CREATE TABLE bug (sits int REFERENCES leaf ON DELETE CASCADE, eats int REFERENCES leaf ON DELETE CASCADE, likes int REFERENCES leaf ON DELETE CASCADE);
INSERT INTO lake VALUES (1, '2019-01-01'), (2, '2019-01-01'); INSERT INTO reed VALUES (1), (2); INSERT INTO leaf VALUES (1), (2); INSERT INTO bug VALUES (1, NULL, NULL);
SELECT tarot.hold('bug', 'case 1', 'court'), tarot.hold('frog', 'case 1', 'court'), tarot.add_retention('lake', 'at', '1 year', policy => 'lakes');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('lakes');
SELECT id FROM lake; TABLE bug;
-- Who deletes what goes along locks it: that takes more than to read it.
CREATE TABLE part_of_hen (hen int REFERENCES hen ON DELETE CASCADE);
ALTER TABLE part_of_hen OWNER TO regress_hold_other;
INSERT INTO part_of_hen VALUES (1);
GRANT SELECT ON part_of_hen TO regress_hold_owner;
SET ROLE regress_hold_other;
SELECT tarot.hold('part_of_hen', 'case 1', 'court');
SET ROLE regress_hold_owner;
INSERT INTO hen VALUES (8);
SELECT tarot.run_job_soon('hens');
RESET ROLE;
SELECT tarot.locked_along('hen'::regclass, 'regress_hold_owner'::regrole) LIKE '%part_of_hen%' AS asked;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('hens');
GRANT UPDATE (hen) ON part_of_hen TO regress_hold_owner;
SELECT tarot.locked_along('hen'::regclass, 'regress_hold_owner'::regrole) LIKE '%part_of_hen%' AS asked;
SELECT tarot.run_job_soon('hens');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('hens');
SELECT array_agg(id ORDER BY id) FROM hen;
SET client_min_messages = warning;
DROP OWNED BY regress_hold_owner, regress_hold_other, regress_hold_member CASCADE;
DROP ROLE regress_hold_owner, regress_hold_other, regress_hold_member;

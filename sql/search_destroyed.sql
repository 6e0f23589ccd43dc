-- Indexes when a version of a key is destroyed: values without a tag in them were opened to be compared.
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
CREATE EXTENSION amcheck;
SELECT count(tarot.create_key(name)) AS keys FROM (VALUES ('profile'), ('other'), ('third')) AS k (name);
SELECT tarot.create_class('late', 'profile'), tarot.create_class('early', 'other', searchable => true),
	tarot.grant_class('late', current_user::regrole, 'plain', write => true), tarot.grant_class('early', current_user::regrole, 'plain', write => true);
CREATE FUNCTION run(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate || ' ' || sqlerrm;
END $$;

-- Tables and indexes of every kind, made of values without tags.
CREATE SCHEMA "Other, 1";
CREATE TYPE pair AS (n int, day tarot.encrypted_text('late'));
CREATE TABLE "Other, 1"."Day" (id int, day tarot.encrypted_text('late'), days tarot.encrypted_text('late')[], pair pair, first tarot.encrypted_text('early'));
CREATE TABLE part (id int, day tarot.encrypted_text('late')) PARTITION BY LIST (id);
CREATE TABLE part_0 PARTITION OF part FOR VALUES IN (0);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
CREATE TEMP TABLE passing (id int, day tarot.encrypted_text('late'));
CREATE TABLE kept (id int, day tarot.encrypted_text('late'));
INSERT INTO "Other, 1"."Day" SELECT i, 'day ' || i, ARRAY['day ' || i, 'night ' || i], ROW(i, 'day ' || i)::pair, 'first ' || i FROM generate_series(1, 500) AS i;
INSERT INTO part SELECT i % 2, 'day ' || i FROM generate_series(1, 500) AS i;
INSERT INTO passing SELECT i, 'day ' || i FROM generate_series(1, 500) AS i;
INSERT INTO kept SELECT i, 'day ' || i FROM generate_series(1, 500) AS i;
CREATE MATERIALIZED VIEW seen AS SELECT id, day FROM kept;
SELECT tarot.rotate_key('profile');
SELECT tarot.alter_class('late', searchable => true);
SET search_path = "Other, 1", public;
CREATE UNIQUE INDEX "by ""Day""" ON "Day" (day) INCLUDE (days);
ALTER TABLE "Day" ADD CONSTRAINT days_differ EXCLUDE USING btree (days WITH =);
CREATE INDEX pairs ON "Day" (id, pair);
CREATE INDEX expression ON "Day" (coalesce(day, day));
CREATE INDEX partial ON "Day" (day) WHERE id % 2 = 0;
CREATE INDEX beside ON "Day" (first) INCLUDE (day);
CREATE INDEX number ON "Day" (id) WHERE day IS NOT NULL;
CREATE INDEX hashed ON "Day" USING hash (day);
CREATE INDEX listed ON "Day" USING gin (days);
CREATE INDEX part_day ON part (day);
CREATE INDEX passing_day ON passing (day);
CREATE INDEX seen_day ON seen (day);

-- Which were made anew since the last look.
CREATE TEMP TABLE file AS SELECT oid, relfilenode FROM pg_class WHERE relkind = 'i';
CREATE FUNCTION made_anew() RETURNS text LANGUAGE sql AS $$
	WITH changed AS (UPDATE file f SET relfilenode = c.relfilenode FROM pg_class c WHERE c.oid = f.oid AND c.relfilenode <> f.relfilenode RETURNING c.relname COLLATE "C" AS name)
	SELECT string_agg(name, ', ' ORDER BY name) FROM changed $$;
CREATE FUNCTION in_order() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(bt_index_check(c.oid, c.relpersistence = 'p')) FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE c.relkind = 'i' AND a.amname = 'btree' AND (c.relnamespace = '"Other, 1"'::regnamespace OR c.relname ~ '_day') $$;

-- As long as rows rest on it, nothing happens.
SELECT run($$SELECT tarot.destroy_key('profile', 1)$$) AS in_use, made_anew();
DROP MATERIALIZED VIEW seen;
DROP TABLE kept;
CALL tarot.reseal();
SELECT made_anew();
-- Then no index keeps it, and no other is touched.
BEGIN;
SELECT run($$SELECT tarot.destroy_key('profile', 1)$$) AS unused, made_anew(), in_order();
ROLLBACK;
SELECT made_anew(), in_order();
SELECT run($$SELECT tarot.destroy_key('profile', 1)$$) AS unused, made_anew(), in_order();
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT bool_and((SELECT array_agg(d.id) FROM "Day" d WHERE day = 'day ' || i) = ARRAY[i]) AS each_found,
	bool_and((SELECT count(*) FROM part WHERE day = 'day ' || i) = 1) AS in_parts, bool_and((SELECT id FROM passing WHERE day = 'day ' || i) = i) AS and_passing FROM generate_series(1, 500) AS i;
SELECT run($$INSERT INTO "Day" (day) VALUES ('day 7')$$) AS taken, run($$INSERT INTO "Day" (day, days) SELECT 'other', days FROM "Day" WHERE id = 7$$) AS excluded, run($$INSERT INTO "Day" VALUES (0, 'free', '{free}')$$) AS free;
RESET enable_bitmapscan;
SELECT id FROM "Day" WHERE days @> ARRAY['night 8']::tarot.encrypted_text('late')[];
DELETE FROM "Day" WHERE id > 10;
DELETE FROM part;
VACUUM "Day", part, passing;
DROP TABLE part, passing;

-- ------------------------------------------------------------ by force, while rows rest on it

-- Those are lost: each is a value of its own, whatever way is taken to it, and all else goes on.
SELECT tarot.create_class('lost', 'third'), tarot.grant_class('lost', current_user::regrole, 'plain', write => true);
SET search_path = public, "Other, 1";
CREATE TABLE lost (id int, day tarot.encrypted_text('lost'));
INSERT INTO lost SELECT i, 'day ' || i FROM generate_series(1, 500) AS i;
SELECT tarot.rotate_key('third');
SELECT tarot.alter_class('lost', searchable => true);
INSERT INTO lost SELECT i, 'day ' || i FROM generate_series(501, 1000) AS i;
CREATE UNIQUE INDEX lost_day ON lost (day);
CREATE INDEX lost_hash ON lost USING hash (day);
INSERT INTO file SELECT oid, relfilenode FROM pg_class WHERE relkind = 'i' AND relname ~ '^lost';
SELECT run($$SELECT tarot.destroy_key('third', 1)$$) AS in_use, made_anew();
SELECT run($$SELECT tarot.destroy_key('third', 1, force => true)$$) AS forced, made_anew(), in_order();
CREATE FUNCTION ways(query text, OUT way text, OUT answer text) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
	FOREACH way IN ARRAY ARRAY['rows', 'tree', 'hash'] LOOP
		PERFORM set_config('enable_seqscan', (way = 'rows')::text, true), set_config('enable_bitmapscan', 'off', true), set_config('enable_indexscan', (way <> 'rows')::text, true);
		BEGIN
			IF way = 'hash' THEN
				DROP INDEX lost_day;
			ELSIF way = 'tree' THEN
				DROP INDEX lost_hash;
			END IF;
			EXECUTE query INTO answer;
			RAISE EXCEPTION 'back' USING ERRCODE = 'TTTTT';
		EXCEPTION WHEN SQLSTATE 'TTTTT' THEN
			NULL;
		WHEN OTHERS THEN
			answer := sqlstate || ' ' || sqlerrm;
		END;
		RETURN NEXT;
	END LOOP;
END $$;
SELECT * FROM ways($$SELECT array_agg(i ORDER BY i) = ARRAY(SELECT generate_series(501, 1000)) FROM generate_series(1, 1000) AS i WHERE EXISTS (SELECT FROM lost WHERE day = 'day ' || i)$$);
SELECT * FROM ways($$SELECT count(*) FROM lost a JOIN lost b USING (day)$$);
SET enable_hashjoin = off;
SELECT * FROM ways($$SELECT count(*) FROM lost a JOIN lost b USING (day)$$);
SET enable_mergejoin = off;
SELECT * FROM ways($$SELECT count(*) FROM lost a JOIN lost b USING (day)$$);
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_seqscan;
SELECT count(*), count(DISTINCT day), count(*) FILTER (WHERE day <> 'day 600') AS others FROM lost;
-- What it is, nobody reads.
SELECT run($$SELECT day::text FROM lost WHERE id = 7$$) AS unread, count(tarot.try_decrypt(day)) AS read FROM lost;
SELECT run($$INSERT INTO lost VALUES (0, 'day 600')$$) AS taken, run($$INSERT INTO lost SELECT 0, day FROM lost WHERE id = 8$$) AS a_copy, run($$INSERT INTO lost VALUES (0, 'day 7')$$) AS gone_so_free;
REINDEX TABLE lost;
ANALYZE lost;
CREATE INDEX ON lost (day, id);
UPDATE lost SET id = id + 1000 WHERE id % 3 = 0;
DELETE FROM lost WHERE id % 2 = 0;
VACUUM lost;
DELETE FROM lost WHERE id > 0;
VACUUM lost;
SELECT in_order(), count(*) FROM lost;

-- An event that the trigger is not made for.
SELECT run($$CREATE TRIGGER wrong BEFORE INSERT ON lost FOR EACH ROW EXECUTE FUNCTION tarot.rebuild_indexes_of_version()$$), run($$INSERT INTO lost VALUES (1)$$);

-- Rules of rows: for each kind, who sees and changes what, and who does not; whatever way is taken to a table.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/rows.sql
RESET client_min_messages;
\set ECHO all

-- ------------------------------------------------------------ owner
SET ROLE tarot_rows_owner;
CREATE TABLE reading (id bigint PRIMARY KEY, user_id text DEFAULT tarot.subject(), body text);
INSERT INTO reading SELECT i, (ARRAY['ada', 'bob', NULL, 'carol'])[i % 4 + 1], 'reading ' || i FROM generate_series(1, 12) AS i;
GRANT SELECT, INSERT, UPDATE, DELETE ON reading TO tarot_rows_app, tarot_rows_staff;
SELECT tarot.protect_rows('reading', owner => 'user_id');
SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'reading'::regclass;
SELECT * FROM rules('reading');
CREATE INDEX ON reading (user_id);
PREPARE mine AS SELECT coalesce(string_agg(id || ' ' || user_id, ', ' ORDER BY id), 'none') AS mine FROM reading;
SET plan_cache_mode = force_generic_plan;
-- The owner of the table is no exception.
EXECUTE mine;
SELECT enter(:'ada');
EXECUTE mine;
SET ROLE tarot_rows_app;
EXECUTE mine;
SELECT plan('SELECT * FROM reading'), plan('SELECT count(*) FROM reading WHERE id = 7');
SELECT enter(:'bob');
EXECUTE mine;
SELECT enter(:'agent');
EXECUTE mine;
SELECT enter(:'eve');
EXECUTE mine;
SELECT enter(NULL);
EXECUTE mine;
SELECT change(statement) FROM unnest(ARRAY['INSERT INTO reading VALUES (20, ''ada'')', 'INSERT INTO reading VALUES (20)', 'UPDATE reading SET body = ''x''', 'DELETE FROM reading']) AS statement;
SELECT enter(:'ada');
SELECT change(statement) FROM unnest(ARRAY['INSERT INTO reading (id) VALUES (20)', 'INSERT INTO reading VALUES (21, ''ada'')', 'INSERT INTO reading VALUES (22, ''bob'')', 'INSERT INTO reading VALUES (22, NULL)',
	'UPDATE reading SET body = ''mine'' WHERE id = 20', 'UPDATE reading SET body = ''not mine'' WHERE user_id = ''bob''', 'UPDATE reading SET user_id = ''bob'' WHERE id = 20', 'UPDATE reading SET user_id = NULL WHERE id = 20',
	'DELETE FROM reading WHERE id = 21', 'DELETE FROM reading WHERE user_id = ''bob''', 'INSERT INTO reading VALUES (1, ''ada'') ON CONFLICT (id) DO UPDATE SET user_id = ''ada''',
	'MERGE INTO reading r USING (VALUES (1), (20)) AS v (id) ON r.id = v.id WHEN MATCHED THEN UPDATE SET body = ''merged'' WHEN NOT MATCHED THEN DO NOTHING']) AS statement;
EXECUTE mine;
-- What has ended is an error, and not an empty answer.
RESET ROLE;
SELECT tarot.set_principal('ada', status => 'suspended');
SET ROLE tarot_rows_app;
SELECT ask('SELECT count(*) FROM reading'), code('INSERT INTO reading (id) VALUES (30)'), code('DELETE FROM reading');
RESET ROLE;
SELECT tarot.set_principal('ada', status => 'active');
SELECT tarot.create_issuer('brief', 'https://brief.example', '{}', secret => repeat('b', 32), leeway => '0');
SELECT tarot.authenticate(tarot.sign_jwt(jsonb_build_object('sub', 'ada', 'exp', ceil(extract(epoch FROM clock_timestamp())) + 1), 'brief'), false);
SET ROLE tarot_rows_app;
DO $$
DECLARE
	deadline CONSTANT timestamptz := clock_timestamp() + interval '30 seconds';
BEGIN
	WHILE code('SELECT FROM reading') = 'ok' AND clock_timestamp() < deadline LOOP
		PERFORM pg_sleep(0.05);
	END LOOP;
END
$$;
SELECT ask('SELECT count(*) FROM reading'), code('INSERT INTO reading (id) VALUES (30)');
-- Superusers, and who has BYPASSRLS, see all.
RESET ROLE;
SELECT enter(NULL);
EXECUTE mine;
CREATE ROLE tarot_rows_bypass BYPASSRLS;
GRANT SELECT ON reading TO tarot_rows_bypass;
SET ROLE tarot_rows_bypass;
EXECUTE mine;
RESET ROLE;

-- ------------------------------------------------------------ views and functions
CREATE VIEW by_superuser AS SELECT id, user_id FROM reading;
CREATE VIEW by_superuser_for_who_asks WITH (security_invoker) AS SELECT id, user_id FROM reading;
CREATE FUNCTION definer_superuser() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS 'SELECT count(*) FROM reading';
SET ROLE tarot_rows_owner;
CREATE VIEW by_owner AS SELECT id, user_id FROM reading;
CREATE VIEW by_owner_for_who_asks WITH (security_invoker) AS SELECT id, user_id FROM reading;
CREATE FUNCTION definer_owner() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS 'SELECT count(*) FROM reading';
RESET ROLE;
GRANT SELECT ON by_superuser, by_superuser_for_who_asks, by_owner, by_owner_for_who_asks TO tarot_rows_app;
CREATE FUNCTION ways() RETURNS TABLE (way text, rows bigint) LANGUAGE sql AS $$
	SELECT 'view of a superuser', count(*) FROM by_superuser UNION ALL SELECT 'the same, security_invoker', count(*) FROM by_superuser_for_who_asks
	UNION ALL SELECT 'view of the owner', count(*) FROM by_owner UNION ALL SELECT 'the same, security_invoker', count(*) FROM by_owner_for_who_asks
	UNION ALL SELECT 'function of a superuser', definer_superuser() UNION ALL SELECT 'function of the owner', definer_owner()
	UNION ALL SELECT 'join', count(*) FROM reading a JOIN reading b ON a.id = b.id UNION ALL SELECT 'subquery', (SELECT count(*) FROM reading) $$;
SET ROLE tarot_rows_app;
SELECT enter(:'ada');
SELECT * FROM ways();
SELECT enter(:'bob');
SELECT * FROM ways();
SELECT enter(NULL);
SELECT * FROM ways();
-- A function of the reader's that would be asked of each row is asked of those alone that may be seen.
SELECT enter(:'bob');
CREATE FUNCTION pg_temp.tell(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$;
SELECT count(*) FROM reading WHERE pg_temp.tell(body);
-- A cursor that stays open when somebody else has come.
BEGIN;
SELECT enter(:'ada');
DECLARE theirs CURSOR FOR SELECT user_id FROM reading ORDER BY id;
FETCH 1 FROM theirs;
SELECT enter(:'bob');
FETCH 1 FROM theirs;
EXECUTE mine;
COMMIT;
RESET ROLE;

-- ------------------------------------------------------------ names that are like ours
CREATE SCHEMA trap;
GRANT USAGE ON SCHEMA trap TO PUBLIC;
CREATE FUNCTION trap.subject() RETURNS text LANGUAGE sql AS $$ SELECT 'bob' $$;
CREATE FUNCTION trap.try_bigint(text) RETURNS bigint LANGUAGE sql AS $$ SELECT 1::bigint $$;
CREATE FUNCTION trap.trap_eq(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
CREATE FUNCTION trap.trap_eq(bigint, bigint) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.trap_eq);
CREATE OPERATOR trap.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = trap.trap_eq);
CREATE FUNCTION trap.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS $$ SELECT 'DROP TABLE reading' $$;
CREATE FUNCTION trap.quote_ident(text) RETURNS text LANGUAGE sql AS $$ SELECT 'id' $$;
SET search_path = trap, pg_catalog, public;
CREATE TABLE public.trapped (id bigint, user_id text);
INSERT INTO public.trapped VALUES (1, 'ada'), (2, 'bob');
CREATE INDEX ON public.trapped USING btree (user_id);
SELECT tarot.protect_rows('public.trapped', owner => 'user_id'), tarot.protect_rows('public.trapped', owner => 'id', name => 'number', commands => '{delete}');
GRANT ALL ON public.trapped TO tarot_rows_app;
SET ROLE tarot_rows_app;
SELECT enter(:'ada');
SELECT * FROM public.trapped;
SELECT change('DELETE FROM public.trapped WHERE id = 2');
RESET search_path;
SELECT * FROM trapped;
RESET ROLE;
DROP TABLE trapped;
DROP SCHEMA trap CASCADE;

-- ------------------------------------------------------------ names that need quotes
CREATE SCHEMA "It's ""S""";
CREATE TABLE "It's ""S"""."My ""Table"" %s" ("User ""Id"" %I" text, "ID" bigint PRIMARY KEY, "from" timestamptz);
INSERT INTO "It's ""S"""."My ""Table"" %s" VALUES ('ada', 1), ('bob', 2);
SELECT tarot.protect_rows('"It''s ""S"""."My ""Table"" %s"', owner => 'User "Id" %I', name => 'It''s "mine"');
SELECT tarot.protect_rows('"It''s ""S"""."My ""Table"" %s"', resource => 'it''s %s "x"', permission => 'x:read');
SELECT tarot.protect_rows('"It''s ""S"""."My ""Table"" %s"', tenant => 'User "Id" %I', claim => 'it''s "sub" %L', commands => '{insert}');
SELECT tarot.protect_rows('"It''s ""S"""."My ""Table"" %s"', valid_from => 'from', valid_for => '1 day');
SELECT policy, command, condition FROM rules('"It''s ""S"""."My ""Table"" %s"');
GRANT USAGE ON SCHEMA "It's ""S""" TO tarot_rows_app;
GRANT SELECT ON "It's ""S"""."My ""Table"" %s" TO tarot_rows_app;
SET ROLE tarot_rows_app;
SELECT * FROM "It's ""S"""."My ""Table"" %s";
RESET ROLE;
-- They follow.
ALTER TABLE "It's ""S"""."My ""Table"" %s" RENAME "User ""Id"" %I" TO person;
ALTER TABLE "It's ""S"""."My ""Table"" %s" RENAME TO simple;
SELECT condition FROM rules('"It''s ""S""".simple') WHERE policy = 'tarot_owner_It''s "mine"';
SELECT tarot.unprotect_rows('"It''s ""S""".simple', 'tarot_owner_It''s "mine"');
SELECT tarot.unprotect_rows('"It''s ""S""".simple');
SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = 'simple';
DROP SCHEMA "It's ""S""" CASCADE;

-- ------------------------------------------------------------ parties
SET ROLE tarot_rows_owner;
CREATE TABLE sale (id int PRIMARY KEY, seller_id text, buyer_id text);
CREATE INDEX ON sale (seller_id);
INSERT INTO sale VALUES (1, 'ada', 'bob'), (2, 'bob', 'carol'), (3, 'carol', 'ada'), (4, NULL, NULL), (5, 'carol', 'dan');
GRANT ALL ON sale TO tarot_rows_app;
SELECT tarot.protect_rows('sale', parties => '{seller_id,buyer_id}');
SELECT * FROM rules('sale');
CREATE INDEX ON sale (buyer_id);
SET ROLE tarot_rows_app;
SELECT enter(:'ada');
SELECT * FROM sale ORDER BY id;
SELECT change(statement) FROM unnest(ARRAY['INSERT INTO sale VALUES (6, ''ada'', ''ada'')', 'UPDATE sale SET buyer_id = ''ada''', 'DELETE FROM sale']) AS statement;
SELECT plan('SELECT * FROM sale');
SELECT enter(:'bob');
SELECT * FROM sale ORDER BY id;
SELECT enter(:'eve');
SELECT * FROM sale;
SELECT enter(NULL);
SELECT * FROM sale;

-- ------------------------------------------------------------ permission
SET ROLE tarot_rows_owner;
SELECT tarot.protect_rows('reading', permission => 'readings:read'), tarot.protect_rows('reading', permission => 'readings:delete', commands => '{DELETE,delete}', name => 'clean', roles => '{tarot_rows_staff}');
SELECT * FROM rules('reading');
RESET ROLE;
SELECT tarot.grant_permission('Admin', 'readings:*'), tarot.assign_role('eve', 'Admin'), tarot.grant_permission('User', 'readings:write'), tarot.assign_role('bob', 'User');
SET ROLE tarot_rows_app;
SELECT enter(:'eve');
SELECT count(*) FROM reading;
SELECT plan('SELECT count(*) FROM reading');
SELECT change(statement) FROM unnest(ARRAY['INSERT INTO reading VALUES (40, ''ada'')', 'UPDATE reading SET body = ''x''', 'DELETE FROM reading WHERE id = 12']) AS statement;
SET ROLE tarot_rows_staff;
SELECT change('DELETE FROM reading WHERE id = 12');
SELECT enter(:'bob');
SELECT count(*) FROM reading;
SELECT change('DELETE FROM reading WHERE user_id = ''ada''');
SELECT enter(NULL);
SELECT count(*) FROM reading;
-- At the next statement.
SELECT enter(:'eve');
RESET ROLE;
SELECT tarot.unassign_role('eve', 'Admin');
SET ROLE tarot_rows_app;
SELECT count(*) FROM reading;

-- ------------------------------------------------------------ resource
SET ROLE tarot_rows_owner;
CREATE TABLE card (id bigint PRIMARY KEY, code uuid UNIQUE, body text);
INSERT INTO card SELECT i, ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 'card ' || i FROM generate_series(1, 10) AS i;
GRANT ALL ON card TO tarot_rows_app;
SELECT tarot.protect_rows('card', resource => 'card', permission => 'cards:read');
SELECT tarot.protect_rows('card', resource => 'card', permission => 'cards:edit', resource_column => 'code', commands => '{update}');
SELECT tarot.protect_rows('card', resource => 'card', permission => 'cards:edit', resource_column => 'code', commands => '{update}', name => 'by_code');
SELECT * FROM rules('card');
RESET ROLE;
-- What is no identifier of the column's is of no row's.
SELECT tarot.grant_on('card', id, 'cards:read', subject => 'ada') FROM unnest(ARRAY['1', '3', '03', 'x', '', ' 4', '99999999999999999999', '4.0'] ) AS id WHERE id <> '';
SELECT tarot.grant_on('card', '5', 'cards:*', subject => 'bob'), tarot.grant_on('card', '00000000-0000-4000-8000-000000000005', 'cards:edit', subject => 'bob'), tarot.grant_on('deck', '6', 'cards:read', subject => 'bob');
SET ROLE tarot_rows_app;
SELECT enter(:'ada');
SELECT id FROM card ORDER BY id;
SELECT plan('SELECT * FROM card');
SELECT change(statement) FROM unnest(ARRAY['UPDATE card SET body = ''x''', 'DELETE FROM card', 'INSERT INTO card VALUES (11)']) AS statement;
SELECT enter(:'bob');
SELECT id FROM card ORDER BY id;
SELECT change(statement) FROM unnest(ARRAY['UPDATE card SET body = ''x''', 'UPDATE card SET code = NULL']) AS statement;
SELECT enter(:'eve');
SELECT id FROM card;
SELECT enter(NULL);
SELECT id FROM card;
-- In general, by a rule of its own.
RESET ROLE;
SELECT tarot.assign_role('eve', 'Admin'), tarot.grant_permission('Admin', 'cards:read');
SELECT tarot.protect_rows('card', permission => 'cards:read');
SET ROLE tarot_rows_app;
SELECT enter(:'eve');
SELECT count(*) FROM card;
SELECT enter(:'ada');
SELECT count(*) FROM card;

-- ------------------------------------------------------------ tenant
SET ROLE tarot_rows_owner;
CREATE TABLE invoice (id int PRIMARY KEY, tenant_id text, user_id text);
CREATE INDEX ON invoice (tenant_id, id);
CREATE INDEX ON invoice (user_id);
INSERT INTO invoice VALUES (1, 'north', 'ada'), (2, 'south', 'ada'), (3, 'north', 'bob'), (4, 'south', 'bob'), (5, NULL, 'ada');
GRANT ALL ON invoice TO tarot_rows_app;
SELECT tarot.protect_rows('invoice', tenant => 'tenant_id', claim => 'tenant');
SELECT * FROM rules('invoice');
SET ROLE tarot_rows_app;
SELECT enter(:'ada');
SELECT * FROM invoice;
SET ROLE tarot_rows_owner;
SELECT tarot.protect_rows('invoice', owner => 'user_id');
SET ROLE tarot_rows_app;
SELECT * FROM invoice ORDER BY id;
SELECT change(statement) FROM unnest(ARRAY['INSERT INTO invoice VALUES (6, ''north'', ''ada'')', 'INSERT INTO invoice VALUES (7, ''south'', ''ada'')', 'INSERT INTO invoice VALUES (7, NULL, ''ada'')', 'UPDATE invoice SET tenant_id = ''south''', 'DELETE FROM invoice WHERE id = 2']) AS statement;
SELECT enter(:'bob');
SELECT * FROM invoice ORDER BY id;
-- Nobody's, without the claim; nor with one that is an array or another type's.
SELECT enter(:'eve');
SELECT * FROM invoice;
SELECT count_as(claims || '{"sub": "ada"}', 'invoice') FROM unnest(ARRAY['{"tenant": ["north"]}', '{"tenant": null}', '{"tenant": ""}', '{"tenant": "NORTH"}', '{"tenant": "north "}', '{"tenant": "north"}']::jsonb[]) AS claims;

-- ------------------------------------------------------------ a window of time
SET ROLE tarot_rows_owner;
CREATE TABLE offer (id int PRIMARY KEY, user_id text, valid_from timestamptz, valid_until timestamptz);
INSERT INTO offer VALUES (1, 'ada', now() - interval '1 hour', now() + interval '1 hour'), (2, 'ada', now() + interval '1 hour', NULL), (3, 'ada', NULL, now() - interval '1 second'), (4, 'ada', NULL, NULL),
	(5, 'ada', '-infinity', 'infinity'), (6, 'ada', 'infinity', NULL), (7, 'bob', NULL, NULL);
CREATE INDEX ON offer (user_id);
GRANT ALL ON offer TO tarot_rows_app;
SELECT tarot.protect_rows('offer', owner => 'user_id'), tarot.protect_rows('offer', valid_from => 'valid_from', valid_until => 'valid_until');
SELECT * FROM rules('offer');
SET ROLE tarot_rows_app;
SELECT enter(:'ada');
SELECT id FROM offer ORDER BY id;
SELECT change(statement) FROM unnest(ARRAY['DELETE FROM offer WHERE id = 3', 'UPDATE offer SET valid_until = NULL WHERE id = 3', 'INSERT INTO offer VALUES (8, ''ada'', ''infinity'')', 'INSERT INTO offer VALUES (9, ''bob'')', 'UPDATE offer SET valid_until = now() WHERE id = 1']) AS statement;
-- By the clock, not by when the transaction began; and no setting of the session moves it.
BEGIN;
SELECT pg_sleep(0.1);
INSERT INTO offer VALUES (10, 'ada', NULL, clock_timestamp() + interval '50 milliseconds');
DO $$ BEGIN WHILE clock_timestamp() < (SELECT coalesce(max(valid_until), '-infinity') FROM offer WHERE id = 10) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$;
SELECT id FROM offer WHERE id = 10;
ROLLBACK;
SET ROLE tarot_rows_owner;
CREATE TABLE by_setting (id int, at timestamp, day date, began timestamptz);
INSERT INTO by_setting SELECT i, t + i * interval '1 hour', (t + i * interval '3 days')::date, now() - i * interval '1 hour' FROM generate_series(-2, 2) AS i, timezone('UTC', now()) AS t WHERE i <> 0;
GRANT SELECT ON by_setting TO tarot_rows_app;
CREATE POLICY everybody ON by_setting USING (true);
-- Rules of which each is one table's, to look at them one by one.
CREATE TABLE began_at (LIKE by_setting); CREATE TABLE began_day (LIKE by_setting); CREATE TABLE ended_at (LIKE by_setting); CREATE TABLE ended_day (LIKE by_setting); CREATE TABLE for_a_while (LIKE by_setting);
DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['began_at', 'began_day', 'ended_at', 'ended_day', 'for_a_while'] LOOP
		EXECUTE format('INSERT INTO %I TABLE by_setting', name);
		EXECUTE format('GRANT SELECT ON %I TO tarot_rows_app', name);
		EXECUTE format('CREATE POLICY everybody ON %I USING (true)', name);
	END LOOP;
END
$$;
SET client_min_messages = warning;
SELECT tarot.protect_rows('began_at', valid_from => 'at', roles => '{tarot_rows_app,tarot_rows_staff}'), tarot.protect_rows('began_day', valid_from => 'day'), tarot.protect_rows('ended_at', valid_until => 'at'),
	tarot.protect_rows('ended_day', valid_until => 'day'), tarot.protect_rows('for_a_while', valid_from => 'began', valid_for => '90 minutes');
RESET client_min_messages;
CREATE FUNCTION windows() RETURNS text LANGUAGE sql AS $$
	SELECT format('from %s, from day %s, until %s, until day %s, for %s', (SELECT array_agg(id ORDER BY id) FROM began_at), (SELECT array_agg(id ORDER BY id) FROM began_day),
		(SELECT array_agg(id ORDER BY id) FROM ended_at), (SELECT array_agg(id ORDER BY id) FROM ended_day), (SELECT array_agg(id ORDER BY id) FROM for_a_while)) $$;
SET ROLE tarot_rows_app;
SELECT windows();
SET TIME ZONE INTERVAL '+167:00' HOUR TO MINUTE;
SELECT windows();
SET TIME ZONE INTERVAL '-167:00' HOUR TO MINUTE;
SELECT windows();
RESET TimeZone;
-- The rule that is not the role's is not asked.
SET ROLE tarot_rows_owner;
SELECT array_agg(id ORDER BY id) FROM began_at;
RESET ROLE;
SELECT enter(NULL);

SET client_min_messages = warning;
DROP OWNED BY tarot_rows_owner, tarot_rows_app, tarot_rows_staff, tarot_rows_bypass CASCADE;
DROP ROLE tarot_rows_owner, tarot_rows_app, tarot_rows_staff, tarot_rows_bypass;

-- Included by masking_paths.sql and masking_paths_views.sql: ways to get at values, of tables that are masked (door = shop), or by masking views
-- of the same names (door = door), for roles that hold nothing on the tables.
SELECT :'door' = 'door' AS by_views \gset

-- What a statement shows to a role, be it by an error; with all that it did undone.
CREATE FUNCTION look(who name, VARIADIC statements text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	shown text := '';
	message text;
	detail text;
	hint text;
	r record;
BEGIN
	BEGIN
		EXECUTE format('SET LOCAL ROLE %I', who);
		BEGIN
			FOR i IN 1 .. cardinality(statements) - 1 LOOP
				EXECUTE statements[i];
			END LOOP;
			FOR r IN EXECUTE statements[cardinality(statements)] LOOP
				shown := shown || r::text || E'\n';
			END LOOP;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
			shown := shown || concat_ws(E'\n', message, detail, hint);
		END;
		RAISE EXCEPTION USING ERRCODE = 'UNDO1';
	EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
		RETURN shown;
	END;
END
$$;
CREATE FUNCTION shows_value(shown text) RETURNS boolean LANGUAGE sql AS $$ SELECT shown ~* 'user\d+@example|-05-1|\.77' $$;

-- What others have made of the table, and what the masked role has.
CREATE TABLE shop.part_of (id int, email text, n int) PARTITION BY RANGE (id);
CREATE TABLE shop.part (n int, gone int, email text, id int);
ALTER TABLE shop.part DROP COLUMN gone;
ALTER TABLE shop.part_of ATTACH PARTITION shop.part FOR VALUES FROM (0) TO (100);
CREATE TABLE shop.parent (id int, email text);
CREATE TABLE shop.child (more int) INHERITS (shop.parent);
CREATE TABLE shop.made (id int, email text, lowered text GENERATED ALWAYS AS (upper(email)) STORED);
INSERT INTO shop.part_of SELECT id, email, n FROM shop.client;
INSERT INTO shop.child SELECT id, email FROM shop.client;
INSERT INTO shop.made SELECT id, email FROM shop.client;
CREATE TABLE shop.protected (LIKE shop.client);
ALTER TABLE shop.protected ENABLE ROW LEVEL SECURITY;
CREATE POLICY those ON shop.protected USING (email <> 'user1@example.com') WITH CHECK (email IS DISTINCT FROM 'user2@example.com');
INSERT INTO shop.protected SELECT * FROM shop.client;
CREATE TABLE shop.flags (id int, flag boolean, tags text[], doc jsonb);
INSERT INTO shop.flags VALUES (1, true, '{user1@example.com,b}', '{"email": "user1@example.com"}');
CREATE TABLE shop.listed (email text) PARTITION BY LIST (email);
CREATE TABLE shop.listed_1 PARTITION OF shop.listed FOR VALUES IN ('user1@example.com');
INSERT INTO shop.listed VALUES ('user1@example.com');
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA shop TO tarot_plain, tarot_masked, tarot_none, tarot_owner;
SELECT tarot.classify_column(t::regclass, 'email', 'email') FROM (VALUES ('shop.part_of'), ('shop.parent'), ('shop.made'), ('shop.protected'), ('shop.listed')) AS tables (t);
SELECT tarot.classify_column('shop.protected', 'birth', 'birth'), tarot.classify_column('shop.protected', 'pay', 'pay');
SELECT tarot.classify_column('shop.flags', c, 'email') FROM (VALUES ('flag'), ('tags'), ('doc')) AS columns (c);
\if :by_views
SELECT tarot.mask_table(t::regclass) FROM (VALUES ('shop.client'), ('shop.part_of')) AS tables (t);
CREATE SCHEMA door;
GRANT USAGE ON SCHEMA door TO PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA shop FROM tarot_plain, tarot_masked, tarot_none;
SELECT tarot.create_masking_view(format('shop.%I', t)::regclass, format('door.%I', t)) FROM unnest('{client,part_of,part,parent,child,made,protected,flags,listed,listed_1}'::name[]) AS t;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA door TO tarot_plain, tarot_masked, tarot_none, tarot_owner;
\else
SELECT tarot.mask_table(t::regclass) FROM (VALUES ('shop.client'), ('shop.part_of'), ('shop.parent'), ('shop.made'), ('shop.protected'), ('shop.flags'), ('shop.listed')) AS tables (t);
\endif
DO $$
BEGIN
	IF current_setting('server_version_num')::int >= 180000 THEN
		EXECUTE 'CREATE TABLE shop.virtual (id int, email text, shouted text GENERATED ALWAYS AS (upper(email)) VIRTUAL)';
		INSERT INTO shop.virtual SELECT i, 'user' || i || '@example.com' FROM generate_series(1, 20) AS i;
		GRANT SELECT, UPDATE ON shop.virtual TO tarot_plain, tarot_masked, tarot_none, tarot_owner;
		PERFORM tarot.classify_column('shop.virtual', 'email', 'email');
		IF to_regnamespace('door') IS NULL THEN
			PERFORM tarot.mask_table('shop.virtual');
		ELSE
			REVOKE ALL ON shop.virtual FROM tarot_plain, tarot_masked, tarot_none;
			PERFORM tarot.create_masking_view('shop.virtual', 'door.virtual');
			GRANT SELECT, UPDATE ON door.virtual TO tarot_plain, tarot_masked, tarot_none, tarot_owner;
		END IF;
	END IF;
END
$$;
\set body_1 'SELECT email FROM ' :door '.client WHERE id = i'
\set body_2 'SELECT email FROM ' :door '.client'
\set body_3 'SELECT * FROM ' :door '.client'
\set body_4 'SELECT email FROM ' :door '.client'
\set body_5 'BEGIN RETURN (SELECT email FROM ' :door '.client WHERE id = i); END'
\set body_6 'BEGIN OPEN c FOR SELECT email FROM ' :door '.client; RETURN c; END'
SET ROLE tarot_plain;
CREATE VIEW shop.plain_view AS SELECT id, email, client AS whole FROM :door.client;
CREATE VIEW shop.plain_barrier WITH (security_barrier) AS SELECT id, n, email FROM :door.client WHERE email > '';
CREATE FUNCTION shop.plain_sql(i int) RETURNS text LANGUAGE sql STABLE AS :'body_1';
CREATE FUNCTION shop.plain_body(i int) RETURNS text STABLE BEGIN ATOMIC SELECT email FROM :door.client WHERE id = i; END;
CREATE FUNCTION shop.plain_set() RETURNS SETOF text LANGUAGE sql STABLE AS :'body_2';
CREATE FUNCTION shop.plain_set_body() RETURNS SETOF text STABLE BEGIN ATOMIC SELECT email FROM :door.client; END;
CREATE FUNCTION shop.plain_rows() RETURNS SETOF :door.client LANGUAGE sql STABLE AS :'body_3';
CREATE FUNCTION shop.plain_table() RETURNS TABLE (e text) LANGUAGE sql STABLE AS :'body_4';
CREATE FUNCTION shop.plain_plpgsql(i int) RETURNS text LANGUAGE plpgsql STABLE AS :'body_5';
CREATE FUNCTION shop.plain_cursor(c refcursor) RETURNS refcursor LANGUAGE plpgsql SECURITY DEFINER AS :'body_6';
RESET ROLE;
GRANT SELECT ON shop.plain_view, shop.plain_barrier TO PUBLIC;
SET ROLE tarot_masked;
CREATE FUNCTION shop.peep(anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE EXCEPTION 'peep %', $1; END $$;
CREATE FUNCTION shop.peep2(text, text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE EXCEPTION 'peep %', $1; END $$;
CREATE OPERATOR shop.=== (FUNCTION = shop.peep2, LEFTARG = text, RIGHTARG = text, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES, COMMUTATOR = OPERATOR(shop.===));
CREATE FUNCTION shop.masked(anyelement, tarot.mask_site) RETURNS anyelement LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION shop.trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trigger %', NEW; END $$;
CREATE VIEW shop.found AS SELECT id, n, email FROM :door.client WHERE email = 'user3@example.com';
CREATE VIEW shop.found_barrier WITH (security_barrier) AS SELECT id, n, email FROM :door.client WHERE email = 'user3@example.com';
CREATE VIEW shop.found_invoker WITH (security_invoker) AS SELECT * FROM :door.client;
CREATE TABLE shop.own (email text, n int);
GRANT ALL ON shop.own, shop.found, shop.found_barrier, shop.found_invoker TO PUBLIC;
INSERT INTO shop.own VALUES ('nobody', 3);
RESET ROLE;

-- "control": whether it does show values to a role that may see them. A "guess" must look alike, whether it is right or wrong.
CREATE TABLE probe (number int GENERATED ALWAYS AS IDENTITY, name text, guess boolean DEFAULT false, control boolean DEFAULT true, since int DEFAULT 15, statements text[]);
INSERT INTO probe (name, statements) VALUES
	('select', '{"SELECT * FROM shop.client"}'),
	('table', '{"TABLE shop.client"}'),
	('one column', '{"SELECT email FROM shop.client"}'),
	('expression', '{"SELECT upper(email), birth + 1, pay * 1 FROM shop.client"}'),
	('min and max', '{"SELECT min(email), max(birth), sum(pay) FILTER (WHERE id = 1) FROM shop.client"}'),
	('string_agg', '{"SELECT string_agg(email, '','' ORDER BY email) FROM shop.client"}'),
	('array_agg', '{"SELECT array_agg(DISTINCT email) FROM shop.client"}'),
	('ordered-set aggregate', '{"SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY email) FROM shop.client"}'),
	('group by', '{"SELECT email, count(*) FROM shop.client GROUP BY email"}'),
	('group by key', '{"SELECT id, email FROM shop.client GROUP BY id"}'),
	('group by rollup', '{"SELECT email, grouping(email) FROM shop.client GROUP BY ROLLUP (email)"}'),
	('having', '{"SELECT upper(email) FROM shop.client GROUP BY email HAVING max(email) > ''''"}'),
	('distinct', '{"SELECT DISTINCT email FROM shop.client"}'),
	('distinct on', '{"SELECT DISTINCT ON (email) email FROM shop.client"}'),
	('window', '{"SELECT lag(email) OVER (ORDER BY email), first_value(email) OVER w FROM shop.client WINDOW w AS (PARTITION BY email)"}'),
	('cast that fails', '{"SELECT email::int FROM shop.client"}'),
	('cast in a filter', '{"SELECT id FROM shop.client WHERE email::int = 1"}'),
	('XML that fails', '{"SELECT xmlparse(content ''<a>'' || email || ''</a>'') FROM shop.client"}'),
	('leaky function', '{"SELECT id FROM shop.client WHERE shop.peep(email)"}'),
	('leaky function of a row', '{"SELECT id FROM shop.client WHERE shop.peep(client)"}'),
	('leaky operator', '{"SELECT id FROM shop.client WHERE email OPERATOR(shop.===) ''''"}'),
	('leaky join', '{"SELECT id FROM shop.client c JOIN shop.own o ON c.email OPERATOR(shop.===) o.email"}'),
	('leaky function in a view', '{"SELECT id FROM shop.plain_view WHERE shop.peep(email)"}'),
	('leaky function in ORDER BY', '{"SELECT id FROM shop.client ORDER BY shop.peep(email)"}'),
	('leaky function in LIMIT', '{"SELECT id FROM shop.client LIMIT (SELECT shop.peep(email)::int FROM shop.client LIMIT 1)"}'),
	('whole row', '{"SELECT client FROM shop.client"}'),
	('whole row as text', '{"SELECT client::text FROM shop.client"}'),
	('field of a row', '{"SELECT (client).email FROM shop.client"}'),
	('column as a function', '{"SELECT email(client) FROM shop.client"}'),
	('row of a subquery', '{"SELECT (x.r).email, x FROM (SELECT client AS r FROM shop.client) x"}'),
	('row to JSON', '{"SELECT row_to_json(client), to_jsonb(client.*) FROM shop.client"}'),
	('rows to JSON', '{"SELECT json_agg(x) FROM (SELECT * FROM shop.client) x"}'),
	('populated record', '{"SELECT jsonb_populate_record(client, ''{\"id\": 7}'') FROM shop.client"}'),
	('array of rows', '{"SELECT array_agg(client), ARRAY(SELECT client FROM shop.client) FROM shop.client"}'),
	('unnested', '{"SELECT u FROM shop.client, unnest(ARRAY[email]) u"}'),
	('row comparison', '{"SELECT greatest(ROW(email, 1), ROW(email, 2)) FROM shop.client"}'),
	('join', '{"SELECT a.email, b.birth FROM shop.client a JOIN shop.client b USING (id)"}'),
	('join by the column', '{"SELECT email FROM shop.client a JOIN shop.client b USING (email)"}'),
	('natural join', '{"SELECT * FROM shop.client a NATURAL JOIN shop.client b"}'),
	('full join', '{"SELECT email FROM shop.client a FULL JOIN (SELECT ''nobody''::text AS email) b USING (email)"}'),
	('outer join', '{"SELECT c, c.email FROM generate_series(1, 3) AS i LEFT JOIN shop.client c ON c.id = i"}'),
	('outer join of a subquery', '{"SELECT c.w FROM generate_series(1, 3) AS i LEFT JOIN (SELECT id, coalesce(email, ''none'') AS w FROM shop.client) c ON c.id = i"}'),
	('lateral', '{"SELECT x.* FROM shop.client c, LATERAL (SELECT c.email, upper(c.email)) x"}'),
	('subquery in the list', '{"SELECT (SELECT email FROM shop.client WHERE id = 1)"}'),
	('correlated subquery', '{"SELECT (SELECT c.email) FROM shop.client c"}'),
	('subquery with OFFSET', '{"SELECT (SELECT e FROM (SELECT c.email AS e OFFSET 0) z) FROM shop.client c"}'),
	('with', '{"WITH w AS MATERIALIZED (SELECT * FROM shop.client) SELECT * FROM w"}'),
	('with recursive', '{"WITH RECURSIVE w AS (SELECT 1 AS i, (SELECT email FROM shop.client WHERE id = 1) UNION ALL SELECT i + 1, (SELECT email FROM shop.client WHERE id = i + 1) FROM w WHERE i < 3) SELECT * FROM w"}'),
	('union', '{"SELECT email FROM shop.client UNION SELECT email FROM shop.client"}'),
	('except', '{"SELECT email FROM shop.client EXCEPT SELECT ''a''"}'),
	('values', '{"VALUES ((SELECT email FROM shop.client WHERE id = 1))"}'),
	('table sample', '{"SELECT email FROM shop.client TABLESAMPLE BERNOULLI (100)"}'),
	('for update', '{"SELECT email FROM shop.client WHERE id = 3 FOR UPDATE"}'),
	('only', '{"SELECT email FROM ONLY shop.client"}'),
	('alias', '{"SELECT x, x.b FROM shop.client AS x (a, b)"}'),
	('case and coalesce', '{"SELECT CASE WHEN true THEN email END, nullif(email, ''''), coalesce(email) FROM shop.client"}'),
	('format', '{"SELECT format(''%s %I'', email, email) FROM shop.client"}'),
	('xmlelement', '{"SELECT xmlelement(name x, email) FROM shop.client"}'),
	('xmltable', '{"SELECT x.e FROM shop.client c, xmltable(''/a'' PASSING xmlelement(name a, c.email) COLUMNS e text PATH ''.'') x"}'),
	('query_to_xml', '{"SELECT query_to_xml(''SELECT email FROM shop.client'', false, false, '''')"}'),
	('table_to_xml', '{"SELECT table_to_xml(''shop.client'', false, false, '''')"}'),
	('schema_to_xml', '{"SELECT schema_to_xml(''shop'', false, false, '''')"}'),
	('cursor_to_xml', '{"DECLARE c CURSOR FOR SELECT email FROM shop.client","SELECT cursor_to_xml(''c'', 3, false, false, '''')"}'),
	('text search', '{"SELECT * FROM ts_stat(''SELECT to_tsvector(''''simple'''', email) FROM shop.client'')"}'),
	('large object', '{"SELECT lo_from_bytea(4711, email::bytea) FROM shop.client WHERE id = 1","SELECT convert_from(lo_get(4711), ''UTF8'')"}'),
	('sequence', '{"CREATE SEQUENCE shop.s","SELECT setval(''shop.s'', (pay * 100)::bigint) FROM shop.client WHERE id = 3","SELECT last_value / 100.0, (SELECT email FROM shop.client WHERE id = 3) FROM shop.s"}'),
	('default of a sequence', '{"CREATE TABLE shop.n (id int GENERATED ALWAYS AS IDENTITY, e text)","INSERT INTO shop.n (e) SELECT email FROM shop.client ORDER BY email","SELECT * FROM shop.n"}'),
	('prepared', '{"DEALLOCATE ALL","PREPARE p AS SELECT email FROM shop.client","EXECUTE p"}'),
	('do', '{"DO $d$ BEGIN RAISE EXCEPTION ''%'', (SELECT client FROM shop.client LIMIT 1); END $d$","SELECT 1"}'),
	('row type', '{"DO $d$ DECLARE r shop.client%ROWTYPE; BEGIN SELECT * INTO r FROM shop.client LIMIT 1; RAISE EXCEPTION ''%'', r; END $d$","SELECT 1"}'),
	('loop', '{"DO $d$ DECLARE r record; BEGIN FOR r IN SELECT * FROM shop.client LOOP RAISE EXCEPTION ''%'', r; END LOOP; END $d$","SELECT 1"}'),
	('refcursor', '{"DO $d$ DECLARE c refcursor; r record; BEGIN OPEN c FOR SELECT * FROM shop.client; FETCH c INTO r; RAISE EXCEPTION ''%'', r; END $d$","SELECT 1"}'),
	('insert returning', '{"INSERT INTO shop.client (id, email, birth) VALUES (99, ''user99@example.com'', ''1950-05-11'') RETURNING email, client"}'),
	('update returning', '{"UPDATE shop.client SET n = n WHERE id = 3 RETURNING email, client"}'),
	('delete returning', '{"DELETE FROM shop.client WHERE id = 3 RETURNING *"}'),
	('update from', '{"UPDATE shop.own SET n = 4 FROM shop.client c WHERE c.id = own.n RETURNING c.email"}'),
	('delete using', '{"DELETE FROM shop.own USING shop.client c WHERE c.id = own.n RETURNING c.email"}'),
	('with update', '{"WITH u AS (UPDATE shop.client SET n = n WHERE id = 3 RETURNING *) SELECT * FROM u"}'),
	('on conflict returning', '{"INSERT INTO shop.client (id, n) VALUES (3, 1) ON CONFLICT (id) DO UPDATE SET n = 2 RETURNING email, client"}'),
	('on conflict check', '{"INSERT INTO shop.client (id, n) VALUES (3, 1) ON CONFLICT (id) DO UPDATE SET n = CASE WHEN shop.peep(client.email) THEN 1 ELSE 2 END RETURNING id"}'),
	('merge leaky', '{"MERGE INTO shop.client c USING (VALUES (3)) v (i) ON c.id = v.i WHEN MATCHED AND shop.peep(c.email) THEN UPDATE SET n = 7","SELECT 1"}'),
	('current of', '{"DO $d$ DECLARE c CURSOR FOR SELECT * FROM shop.client WHERE id = 3 FOR UPDATE; r record; BEGIN OPEN c; FETCH c INTO r; UPDATE shop.client SET n = 4 WHERE CURRENT OF c RETURNING email INTO r; RAISE EXCEPTION ''%'', r; END $d$","SELECT 1"}'),
	('view of another', '{"SELECT email, whole FROM shop.plain_view"}'),
	('barrier view of another', '{"SELECT email FROM shop.plain_barrier"}'),
	('invoker''s view', '{"SELECT found_invoker FROM shop.found_invoker"}'),
	('update of a view', '{"UPDATE shop.found_invoker SET n = 5 WHERE id = 3 RETURNING email, found_invoker"}'),
	('SQL function of another', '{"SELECT shop.plain_sql(3)"}'),
	('SQL body of another', '{"SELECT shop.plain_body(3)"}'),
	('set of another', '{"SELECT * FROM shop.plain_set()"}'),
	('set body of another', '{"SELECT * FROM shop.plain_set_body()"}'),
	('rows of another', '{"SELECT * FROM shop.plain_rows()"}'),
	('table function of another', '{"SELECT e FROM shop.plain_table()"}'),
	('set in the list', '{"SELECT shop.plain_set(), (shop.plain_rows()).email"}'),
	('set joined', '{"SELECT x FROM shop.client, LATERAL (SELECT * FROM shop.plain_set_body()) x"}'),
	('rows from', '{"SELECT * FROM ROWS FROM (shop.plain_rows(), shop.plain_set())"}'),
	('PL/pgSQL of another', '{"SELECT shop.plain_plpgsql(3)"}'),
	('cursor of another', '{"SELECT shop.plain_cursor(''z'')","FETCH z"}'),
	('partitioned', '{"SELECT * FROM shop.part_of"}'),
	('partition', '{"SELECT part, email FROM shop.part"}'),
	('partition returning', '{"UPDATE shop.part_of p SET n = n WHERE id = 3 RETURNING p, email"}'),
	('inherited', '{"SELECT email, parent FROM shop.parent"}'),
	('child', '{"SELECT email, child FROM shop.child"}'),
	('generated column', '{"SELECT lowered FROM shop.made"}'),
	('partition key', '{"SELECT * FROM shop.listed"}'),
	('with row security', '{"SELECT * FROM shop.protected"}'),
	('leaky with row security', '{"SELECT id FROM shop.protected WHERE shop.peep(email)"}'),
	('returning with row security', '{"UPDATE shop.protected SET n = n WHERE id = 3 RETURNING *"}'),
	('array and JSON', '{"SELECT tags[1], doc ->> ''email'', doc FROM shop.flags"}'),
	('explain', '{"EXPLAIN (VERBOSE, COSTS OFF) SELECT * FROM shop.client ORDER BY email"}'),
	('search path', '{"SET LOCAL search_path = shop, pg_temp","SELECT email FROM client"}'),
	('settings', '{"SET LOCAL tarot_security.io = plain","SET LOCAL row_security = on","SET LOCAL tarot_security.client_types = encrypted","SELECT email FROM shop.client"}'),
	('envelopes', '{"SET LOCAL tarot_security.io = envelope","SELECT email FROM shop.client"}'),
	('without row security', '{"SET LOCAL row_security = off","SELECT email FROM shop.client"}'),
	('parallel', '{"SET LOCAL parallel_setup_cost = 0","SET LOCAL parallel_tuple_cost = 0","SET LOCAL min_parallel_table_scan_size = 0","SELECT max(email) FROM shop.client"}'),
	('index only', '{"SET LOCAL enable_seqscan = off","SET LOCAL enable_bitmapscan = off","SELECT email FROM shop.client"}'),
	('new row refused', '{"UPDATE shop.client SET n = -1 WHERE id = 3 RETURNING n"}'),
	('new row refused by a policy', '{"UPDATE shop.protected SET email = ''user2@example.com'' WHERE id = 3 RETURNING id"}'),
	('new table', '{"CREATE TABLE shop.n AS SELECT * FROM shop.client","SELECT * FROM shop.n"}'),
	('select into', '{"DO $d$ BEGIN EXECUTE ''CREATE TABLE shop.n AS SELECT email FROM shop.client''; END $d$","SELECT * FROM shop.n"}'),
	('temporary table', '{"CREATE TEMP TABLE n AS TABLE shop.client","SELECT * FROM n"}'),
	('materialized view', '{"CREATE MATERIALIZED VIEW shop.n AS SELECT * FROM shop.client","SELECT * FROM shop.n"}'),
	('insert select', '{"INSERT INTO shop.own SELECT email FROM shop.client","SELECT * FROM shop.own WHERE n IS NULL"}'),
	('update set', '{"UPDATE shop.own SET email = c.email FROM shop.client c WHERE c.id = 4","SELECT * FROM shop.own"}'),
	('hold cursor', '{"DECLARE h CURSOR WITH HOLD FOR SELECT email FROM shop.client","FETCH h"}'),
	('trigger', '{"CREATE TRIGGER t BEFORE UPDATE ON shop.client FOR EACH ROW EXECUTE FUNCTION shop.trigger()","UPDATE shop.client SET n = 1 RETURNING 1"}'),
	('foreign key', '{"CREATE TABLE shop.n (email text REFERENCES shop.client (email))","SELECT 1"}'),
	('expression index', '{"CREATE INDEX ON shop.client (shop.peep(email))","SELECT 1"}'),
	('check constraint', '{"ALTER TABLE shop.client ADD CHECK (shop.peep(email))","SELECT 1"}'),
	('type change', '{"ALTER TABLE shop.client ALTER note TYPE text USING email","SELECT note FROM shop.client"}'),
	('rule of one''s own', '{"CREATE RULE r AS ON UPDATE TO shop.client DO ALSO SELECT OLD.email","UPDATE shop.client SET n = 1"}'),
	('policy of one''s own', '{"CREATE POLICY p ON shop.client USING (shop.peep(email))","SELECT 1"}'),
	('inherit', '{"CREATE TABLE shop.n () INHERITS (shop.client)","SELECT 1"}'),
	('parent above', '{"CREATE TABLE shop.above (email text)","ALTER TABLE shop.client INHERIT shop.above","SELECT * FROM shop.above"}'),
	('statistics', '{"SELECT most_common_vals, histogram_bounds FROM pg_stats WHERE schemaname = ''shop'' AND attname = ''email''"}'),
	('statistics of expressions', '{"CREATE STATISTICS shop.s ON email, n FROM shop.client","ANALYZE shop.client","SELECT * FROM pg_stats_ext"}'),
	('pages', '{"SELECT * FROM pg_read_binary_file(pg_relation_filepath(''shop.client''))"}'),
	('unlabelled', '{"SECURITY LABEL FOR tarot_security ON COLUMN shop.client.email IS NULL","SELECT email FROM shop.client"}'),
	('reset role', '{"RESET ROLE","SELECT email FROM shop.client"}'),
	('unmasked', '{"SELECT tarot.unmask_table(''shop.client'')","SELECT email FROM shop.client"}'),
	('binary cursor', '{"DECLARE b BINARY CURSOR FOR SELECT email FROM shop.client","FETCH b"}'),
	('copy of rows', '{"CREATE TABLE shop.n (c shop.client)","INSERT INTO shop.n SELECT client FROM shop.client","SELECT (c).email FROM shop.n"}'),
	('table sample repeatable', '{"SELECT a.email, b FROM shop.client a TABLESAMPLE SYSTEM (100) REPEATABLE (1), LATERAL unnest(string_to_array(a.email, ''@'')) b"}'),
	('TOAST table', '{"DO $d$ BEGIN EXECUTE (SELECT format(''DECLARE t CURSOR FOR SELECT chunk_data FROM %s'', reltoastrelid::regclass) FROM pg_class WHERE oid = (''shop.'' || ''client'')::regclass); END $d$","FETCH t"}'),
	('raw statistics', '{"SELECT stavalues1 FROM pg_statistic WHERE starelid = ''shop.client''::regclass"}'),
	('generated column of one''s own', '{"ALTER TABLE shop.client ADD g text GENERATED ALWAYS AS (email) STORED","SELECT g FROM shop.client"}'),
	('mask of a value', '{"SELECT tarot.masked(''user3@example.com''::text, ''email'')"}'),
	('site from bytes', '{"SELECT tarot.masked(''a''::text, ''\\\\x00''::bytea::tarot.mask_site)"}'),
	('site from a row', '{"SELECT (json_populate_record(NULL::shop.n_site, ''{\"s\": \"[email]\"}'')).s"}');
INSERT INTO probe (name, guess, statements) VALUES
	('equal', true, '{"SELECT count(*) FROM shop.client WHERE email = {g}"}'),
	('like', true, '{"SELECT count(*) FROM shop.client WHERE email LIKE {g}"}'),
	('less', true, '{"SELECT count(*) FROM shop.client WHERE email < {g}"}'),
	('in a list', true, '{"SELECT count(*) FROM shop.client WHERE email IN ({g}, ''x'')"}'),
	('any of an array', true, '{"SELECT count(*) FROM shop.client WHERE email = ANY (ARRAY[{g}])"}'),
	('in values', true, '{"SELECT count(*) FROM shop.client WHERE email IN (VALUES ({g}))"}'),
	('not in', true, '{"SELECT count(*) FROM shop.client WHERE email NOT IN (SELECT {g}::text)"}'),
	('exists', true, '{"SELECT EXISTS (SELECT FROM shop.client WHERE email = {g})"}'),
	('joined', true, '{"SELECT count(*) FROM shop.client JOIN (VALUES ({g})) v (email) USING (email)"}'),
	('anti join', true, '{"SELECT count(*) FROM shop.client c LEFT JOIN (VALUES ({g})) v (email) USING (email) WHERE v IS NULL"}'),
	('row equal', true, '{"SELECT count(*) FROM shop.client WHERE (email, id) = ({g}, 3)"}'),
	('distinct from', true, '{"SELECT count(*) FROM shop.client WHERE email IS NOT DISTINCT FROM {g}"}'),
	('intersect', true, '{"SELECT email IS NULL FROM shop.client INTERSECT SELECT false FROM shop.client WHERE email = {g}"}'),
	('in the list', true, '{"SELECT bool_or(email = {g}) FROM shop.client"}'),
	('ordered', true, '{"SELECT id FROM shop.client ORDER BY email = {g} DESC, id LIMIT 1"}'),
	('division by zero', true, '{"SELECT 1 / (CASE WHEN email = {g} THEN 0 ELSE 1 END) FROM shop.client"}'),
	('by a view', true, '{"SELECT count(*) FROM shop.plain_view WHERE email = {g}"}'),
	('by a barrier view', true, '{"SELECT count(*) FROM shop.plain_barrier WHERE email = {g}"}'),
	('update where', true, '{"WITH u AS (UPDATE shop.client SET n = n WHERE email = {g} RETURNING 1) SELECT count(*) FROM u"}'),
	('delete where', true, '{"WITH u AS (DELETE FROM shop.client WHERE email = {g} RETURNING 1) SELECT count(*) FROM u"}'),
	('update from where', true, '{"WITH u AS (UPDATE shop.own SET n = 9 FROM shop.client c WHERE c.email = {g} RETURNING 1) SELECT count(*) FROM u"}'),
	('on conflict where', true, '{"INSERT INTO shop.client (id, n) VALUES (3, 1) ON CONFLICT (id) DO UPDATE SET n = 5 WHERE client.email = {g} RETURNING id"}'),
	('merge on', true, '{"MERGE INTO shop.client c USING (VALUES ({g})) v (e) ON c.email = v.e WHEN MATCHED THEN UPDATE SET n = 78","SELECT max(n) FROM shop.client"}'),
	('merge when', true, '{"MERGE INTO shop.client c USING (VALUES (3)) v (i) ON c.id = v.i WHEN MATCHED AND email = {g} THEN UPDATE SET n = 78","SELECT max(n) FROM shop.client"}'),
	('partition where', true, '{"SELECT count(*) FROM shop.part WHERE email = {g}"}'),
	('with row security', true, '{"SELECT count(*) FROM shop.protected WHERE email = {g}"}'),
	('view of one''s own', true, '{"CREATE VIEW shop.v AS SELECT id, n FROM shop.client WHERE email = {g}","WITH u AS (UPDATE shop.v SET n = 1 RETURNING 1) SELECT count(*) FROM u"}'),
	('barrier view of one''s own', true, '{"CREATE VIEW shop.v WITH (security_barrier) AS SELECT id, n FROM shop.client WHERE email = {g}","WITH u AS (UPDATE shop.v SET n = 1 RETURNING 1) SELECT count(*) FROM u"}'),
	('check of a view', true, '{"CREATE VIEW shop.v AS SELECT id, n FROM shop.client WHERE email = {g} WITH CHECK OPTION","INSERT INTO shop.v VALUES (3, 4) RETURNING id"}'),
	('new key of a cascade', true, '{"SELECT count(*) FROM shop.client WHERE lower(email) = lower({g})"}'),
	('estimate', true, '{"EXPLAIN SELECT FROM shop.client WHERE email = {g}"}'),
	('estimate of a join', true, '{"EXPLAIN SELECT FROM shop.client a JOIN (VALUES ({g}), (''a'')) v (e) ON a.email = v.e"}');
INSERT INTO probe (name, since, statements) VALUES
	('merge returning', 17, '{"MERGE INTO shop.client c USING (VALUES (3)) v (i) ON c.id = v.i WHEN MATCHED THEN UPDATE SET n = c.n RETURNING merge_action(), c.email, c"}'),
	('JSON constructors', 16, '{"SELECT JSON_OBJECT(''e'' VALUE email), JSON_ARRAY(email), JSON_ARRAYAGG(email) OVER () FROM shop.client"}'),
	('JSON_TABLE', 17, '{"SELECT j.* FROM shop.client c, JSON_TABLE(to_jsonb(c), ''$'' COLUMNS (e text PATH ''$.email'', NESTED PATH ''$'' COLUMNS (b text PATH ''$.birth''))) j"}'),
	('JSON_QUERY', 17, '{"SELECT JSON_QUERY(to_jsonb(client), ''$.email''), JSON_VALUE(doc, ''$.email''), JSON_SERIALIZE(doc::json) FROM shop.client, shop.flags"}'),
	('merge not matched', 17, '{"MERGE INTO shop.client c USING (VALUES (0)) v (i) ON c.id = v.i WHEN NOT MATCHED BY SOURCE AND shop.peep(c.email) THEN DELETE","SELECT 1"}'),
	('returning old and new', 18, '{"UPDATE shop.client SET n = n WHERE id = 3 RETURNING old.email, new.email, old, new"}'),
	('on conflict returning old', 18, '{"INSERT INTO shop.client (id, n) VALUES (3, 1) ON CONFLICT (id) DO UPDATE SET n = 2 RETURNING old.email, old"}'),
	('delete returning old', 18, '{"DELETE FROM shop.client WHERE id = 3 RETURNING old.*, new.email"}'),
	('virtual column', 18, '{"SELECT v, shouted, w FROM shop.virtual AS v, LATERAL (SELECT v.shouted || v.email AS w) AS x"}'),
	('virtual column grouped', 18, '{"SELECT shouted, grouping(shouted) FROM shop.virtual GROUP BY ROLLUP (shouted) HAVING shouted > ''''"}'),
	('leaky function of a virtual column', 18, '{"SELECT id FROM shop.virtual WHERE shop.peep(shouted)"}'),
	('virtual column returned', 18, '{"UPDATE shop.virtual SET id = id RETURNING shouted, virtual"}');
INSERT INTO probe (name, since, guess, statements) VALUES
	('virtual column where', 18, true, '{"SELECT count(*) FROM shop.virtual WHERE shouted = upper({g})"}'),
	('merge not matched by a value', 17, true, '{"MERGE INTO shop.client c USING (VALUES (0)) v (i) ON c.id = v.i WHEN NOT MATCHED BY SOURCE AND c.email = {g} THEN UPDATE SET n = 78","SELECT max(n) FROM shop.client"}');
\if :by_views
-- What is not possible with views; MERGE is since 17.
DELETE FROM probe WHERE name IN ('group by key', 'table sample', 'table sample repeatable', 'current of');
UPDATE probe SET since = greatest(since, 17) WHERE name LIKE 'merge%';
\endif
DELETE FROM probe WHERE since > current_setting('server_version_num')::int / 10000;
UPDATE probe SET control = false WHERE name IN ('cast that fails', 'cast in a filter', 'envelopes', 'new row refused', 'new row refused by a policy', 'new table', 'select into', 'temporary table', 'default of a sequence', 'materialized view', 'insert select', 'update set',
	'trigger', 'foreign key', 'expression index', 'check constraint', 'type change', 'rule of one''s own', 'policy of one''s own', 'inherit', 'parent above', 'statistics', 'statistics of expressions', 'pages', 'unlabelled', 'reset role', 'unmasked',
	'mask of a value', 'site from bytes', 'site from a row', 'explain', 'binary cursor', 'copy of rows', 'TOAST table', 'raw statistics', 'generated column of one''s own', 'check of a view', 'schema_to_xml', 'XML that fails', 'estimate', 'estimate of a join');
UPDATE probe SET control = true WHERE name IN ('binary cursor', 'cast that fails', 'cast in a filter', 'envelopes');

\if :by_views
UPDATE probe SET statements = ARRAY(SELECT regexp_replace(regexp_replace(s, '\mshop\.(client|part_of|part|parent|child|made|protected|flags|listed|virtual)\M', 'door.\1', 'g'), 'search_path = shop', 'search_path = door') FROM unnest(statements) AS s);
\endif

CREATE FUNCTION guessed(who name, statements text[], guess text) RETURNS text LANGUAGE sql AS $$
	SELECT replace(look(who, VARIADIC ARRAY(SELECT replace(s, '{g}', quote_literal(guess)) FROM unnest(statements) AS s)), guess, '{g}') $$;
ANALYZE;

-- Masking views: values or masks for who holds nothing on the table, rows by the policies of who asks.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/masking_classes.sql
\set ECHO all
CREATE ROLE tarot_support;
CREATE ROLE tarot_sales;
CREATE ROLE tarot_stranger;
CREATE SCHEMA shop AUTHORIZATION tarot_owner;
GRANT USAGE, CREATE ON SCHEMA shop TO PUBLIC;
SELECT tarot.grant_class('email', 'tarot_owner', write => true), tarot.grant_class('email', 'tarot_support', 'masked', write => true), tarot.grant_class('email', 'tarot_sales', 'plain');

SET ROLE tarot_owner;
CREATE TABLE shop.client (id int PRIMARY KEY, email text, region text DEFAULT 'north', n int DEFAULT 0);
INSERT INTO shop.client SELECT i, 'user' || i || '@example.org', CASE i % 2 WHEN 0 THEN 'north' ELSE 'south' END FROM generate_series(1, 4) AS i;
SELECT tarot.create_masking_view('shop.client', 'early');
SELECT tarot.drop_masking_view('shop.early');
SELECT tarot.classify_column('shop.client', 'email', 'email');
SELECT tarot.create_masking_view('shop.client', 'client_view'), tarot.create_masking_view('shop.client', 'shop."Some, of it"', '{email,id}');
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.client_view TO tarot_support, tarot_sales, tarot_stranger;
GRANT SELECT ON shop."Some, of it" TO tarot_support;
SELECT reloptions, relowner::regrole, pg_relation_is_updatable(oid, false) FROM pg_class WHERE oid = 'shop.client_view'::regclass;

-- What cannot be.
SELECT call, run('SELECT tarot.create_masking_view(' || call || ')') FROM (VALUES ('NULL, ''v'''), ('''shop.client'', NULL'), ('1, ''v'''), ('''shop.client'', ''a.b.c'''), ('''shop.client'', '''''), ('''shop.client'', ''v'', ''{}'''), ('''shop.client'', ''v'', ''{NULL}'''),
	('''shop.client'', ''v'', ''{id,absent}'''), ('''shop.client'', ''v'', ''{ctid}'''), ('''shop.client'', ''v'', ''{id,id}'''), ('''shop.client'', ''client_view'''), ('''shop.client_view'', ''v'''), ('''pg_class'', ''v'''), ('''shop.client'', ''absent.v''')) AS calls (call);
SELECT run($$SELECT tarot.drop_masking_view('shop.client')$$), run($$SELECT tarot.drop_masking_view(NULL)$$);
SET ROLE tarot_support;
SELECT run($$SELECT tarot.create_masking_view('shop.client', 'mine')$$), run($$SELECT tarot.drop_masking_view('shop.client_view')$$);
RESET ROLE;
SELECT * FROM tarot.masking_views ORDER BY view::text;

-- Each sees what they may, and nobody anything of the table.
SET ROLE tarot_support;
SELECT * FROM shop.client_view ORDER BY id;
SELECT email FROM shop."Some, of it" ORDER BY id LIMIT 1;
SELECT c FROM shop.client_view c WHERE id = 1;
SELECT count(*) FROM shop.client_view WHERE email = 'user1@example.org';
SELECT code('SELECT id FROM shop.client'), code('SELECT v.id FROM shop.client_view v JOIN shop.client USING (id)'), code('UPDATE shop.client_view v SET n = c.n FROM shop.client c WHERE c.id = v.id'),
	code('DELETE FROM shop.client_view v USING shop.client c WHERE c.id = v.id'), code('INSERT INTO shop.client_view SELECT id + 10, email FROM shop.client'), code('INSERT INTO shop.client VALUES (9)'),
	code('SELECT (SELECT count(*) FROM shop.client) FROM shop.client_view'), code('WITH c AS (SELECT * FROM shop.client) SELECT c.id FROM c, shop.client_view'),
	code('UPDATE shop.client_view SET n = (SELECT max(n) FROM shop.client)'), code('TABLE shop.client'), code('COPY shop.client TO STDOUT'), code('LOCK TABLE shop.client IN ACCESS SHARE MODE');
SET ROLE tarot_sales;
SELECT * FROM shop.client_view ORDER BY id;
SELECT count(*) FROM shop.client_view WHERE email = 'user1@example.org';
SELECT code('SELECT id FROM shop.client');
SET ROLE tarot_stranger;
SELECT ask('SELECT email FROM shop.client_view'), ask('SELECT max(id) FROM shop.client_view'), code('SELECT * FROM shop."Some, of it"');
SET ROLE tarot_owner;
SELECT ask('SELECT email FROM shop.client_view'), ask('SELECT max(email) FROM shop.client');

-- Rows are changed through it, but no mask becomes a value.
SET ROLE tarot_support;
INSERT INTO shop.client_view VALUES (5, 'user5@example.org') RETURNING *;
UPDATE shop.client_view SET n = n + 1 WHERE id = 5 RETURNING *;
UPDATE shop.client_view SET email = 'new@example.org' WHERE id = 5 RETURNING email;
INSERT INTO shop.client_view (id, n) VALUES (5, 7) ON CONFLICT (id) DO UPDATE SET n = excluded.n RETURNING n;
SELECT code('UPDATE shop.client_view SET email = email'), code('UPDATE shop.client_view SET email = upper(email)'), code('INSERT INTO shop.client_view SELECT id + 10, email FROM shop.client_view');
UPDATE shop.client_view SET n = 99 WHERE email = 'user1@example.org';
DELETE FROM shop.client_view WHERE email = 'user1@example.org';
SELECT id FROM shop.client_view ORDER BY id LIMIT 1 FOR UPDATE;
DELETE FROM shop.client_view WHERE id = 5 RETURNING *;
SET ROLE tarot_sales;
UPDATE shop.client_view SET email = lower(email) WHERE email = 'user1@example.org' RETURNING email;
-- Nobody may do to the table what they may not do to the view.
SET ROLE tarot_support;
SELECT code('UPDATE shop."Some, of it" SET id = id'), code('DELETE FROM shop."Some, of it"'), code('SELECT id FROM shop."Some, of it" FOR UPDATE');

-- The policies of the table are for who asks, by role too; not for the owner, whose privileges the view has.
SET ROLE tarot_owner;
ALTER TABLE shop.client ENABLE ROW LEVEL SECURITY;
CREATE POLICY north ON shop.client TO tarot_support USING (region = 'north');
CREATE POLICY raw ON shop.client TO tarot_sales USING (email LIKE 'user3@%');
SET ROLE tarot_support;
SELECT * FROM shop.client_view ORDER BY id;
SELECT code($$INSERT INTO shop.client_view VALUES (6, 'user6@example.org', 'south')$$), code($$UPDATE shop.client_view SET region = 'south' WHERE id = 2$$);
UPDATE shop.client_view SET n = 5 RETURNING id, email;
DELETE FROM shop.client_view WHERE id = 1;
SET ROLE tarot_sales;
SELECT * FROM shop.client_view;
SET ROLE tarot_stranger;
SELECT count(*) FROM shop.client_view;
-- A plan that was made for one role.
SET ROLE tarot_support;
PREPARE seen AS SELECT id, email FROM shop.client_view ORDER BY id;
SET plan_cache_mode = force_generic_plan;
EXECUTE seen;
SET ROLE tarot_sales;
EXECUTE seen;
SET ROLE tarot_stranger;
EXECUTE seen;
RESET plan_cache_mode;
DEALLOCATE seen;
SET ROLE tarot_owner;
ALTER TABLE shop.client DISABLE ROW LEVEL SECURITY;
DROP POLICY north ON shop.client; DROP POLICY raw ON shop.client;

-- Views of others over it, and functions.
SET ROLE tarot_sales;
CREATE VIEW shop.of_sales AS SELECT * FROM shop.client_view;
CREATE VIEW shop.of_table AS SELECT * FROM shop.client;
CREATE FUNCTION shop.as_sales() RETURNS SETOF shop.client_view LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM shop.client_view';
GRANT SELECT, UPDATE ON shop.of_sales, shop.of_table TO tarot_support, tarot_stranger;
SET ROLE tarot_support;
SELECT * FROM shop.of_sales ORDER BY id LIMIT 1;
UPDATE shop.of_sales SET n = 1 WHERE id = 1 RETURNING *;
SELECT code('SELECT * FROM shop.of_table');
SELECT * FROM shop.as_sales() ORDER BY id LIMIT 1;
SET ROLE tarot_stranger;
SELECT code('SELECT * FROM shop.of_sales');

-- Masked or not, the table; and a view whose label was taken away, or that is made the owner's: nothing, or masks.
SET ROLE tarot_owner;
SELECT tarot.mask_table('shop.client');
SET ROLE tarot_support;
SELECT * FROM shop.client_view ORDER BY id LIMIT 1;
UPDATE shop.client_view SET n = 2 WHERE id = 1 RETURNING *;
SET ROLE tarot_owner;
SECURITY LABEL FOR tarot_security ON VIEW shop.client_view IS NULL;
SET ROLE tarot_support;
SELECT code('SELECT * FROM shop.client_view'), code('UPDATE shop.client_view SET n = 3');
SET ROLE tarot_owner;
SECURITY LABEL FOR tarot_security ON VIEW shop.client_view IS 'masking *';
ALTER VIEW shop.client_view SET (security_invoker = false);
SET ROLE tarot_support;
SELECT * FROM shop.client_view ORDER BY id LIMIT 1;
SET ROLE tarot_owner;
ALTER VIEW shop.client_view SET (security_invoker = true);

-- A label does not give what its view's owner has not.
SET ROLE tarot_stranger;
CREATE VIEW shop.stolen WITH (security_invoker) AS SELECT * FROM shop.client;
SECURITY LABEL FOR tarot_security ON VIEW shop.stolen IS 'masking';
SELECT code('SELECT * FROM shop.stolen');
GRANT SELECT, UPDATE ON shop.stolen TO tarot_support;
SET ROLE tarot_support;
SELECT code('SELECT * FROM shop.stolen'), code('UPDATE shop.stolen SET n = 1');

-- The table is given columns: views of all have them, under masks until they are classified; others stay as they are.
SET ROLE tarot_owner;
CREATE TABLE shop.base (id int, email text);
INSERT INTO shop.base VALUES (1, 'ada@example.org');
SELECT tarot.classify_column('shop.base', 'email', 'email'), tarot.create_masking_view('shop.base', 'base_all'), tarot.create_masking_view('shop.base', 'base_id', '{id,email}');
GRANT SELECT ON shop.base_all, shop.base_id TO tarot_support;
ALTER TABLE shop.base RENAME email TO mail;
ALTER TABLE shop.base ADD vat text DEFAULT 'GB 1', ADD "odd "" one" int DEFAULT 1;
ALTER TABLE shop.base RENAME TO basis;
SET ROLE tarot_support;
SELECT * FROM shop.base_all;
SELECT * FROM shop.base_id;
SET ROLE tarot_owner;
SELECT tarot.unclassify_column('shop.basis', 'odd " one'), tarot.classify_column('shop.basis', 'vat', 'email');
SET ROLE tarot_support;
SELECT * FROM shop.base_all;
RESET ROLE;
SELECT * FROM tarot.masking_views ORDER BY view::text COLLATE "C";
SELECT reloptions FROM pg_class WHERE oid = 'shop.base_all'::regclass;
SELECT * FROM tarot.columns_of_view('shop.base_all'::regclass);
-- What a view shows is not taken from under it, nor what the view shows from under another.
SET ROLE tarot_owner;
SELECT run('ALTER TABLE shop.basis DROP vat'), run('ALTER TABLE shop.basis ALTER vat TYPE varchar');
CREATE VIEW shop.over AS SELECT * FROM shop.base_all;
SELECT run($$SELECT tarot.drop_masking_view('shop.base_all')$$);
DROP VIEW shop.over;
SELECT tarot.drop_masking_view('shop.base_all');
ALTER TABLE shop.basis DROP vat;
SET ROLE tarot_support;
SELECT * FROM shop.base_id;

-- Of a partitioned table, and of one that a superuser asks it of.
SET ROLE tarot_owner;
CREATE TABLE shop.log (id int, email text) PARTITION BY RANGE (id);
CREATE TABLE shop.log_1 PARTITION OF shop.log FOR VALUES FROM (0) TO (10);
CREATE TABLE shop.log_2 PARTITION OF shop.log FOR VALUES FROM (10) TO (20);
SELECT tarot.classify_column('shop.log', 'email', 'email');
RESET ROLE;
SELECT tarot.create_masking_view('shop.log', 'shop.log_view');
SET ROLE tarot_owner;
GRANT ALL ON shop.log_view TO tarot_support;
SET ROLE tarot_support;
INSERT INTO shop.log_view VALUES (5, 'ada@example.org'), (15, 'ada@example.org');
UPDATE shop.log_view SET id = 16 WHERE id = 5 RETURNING *;
SELECT *, code('SELECT id FROM shop.log_1') FROM shop.log_view;
RESET ROLE;
SELECT relname, relowner::regrole FROM pg_class WHERE relname = 'log_view';

-- Names that need quotes.
CREATE ROLE "tarot ""odd""";
GRANT USAGE ON SCHEMA shop TO "tarot ""odd""";
CREATE TABLE shop."a table" (id int, email text);
ALTER TABLE shop."a table" OWNER TO "tarot ""odd""";
SELECT tarot.create_masking_view('shop."a table"', 'shop."a view"');
SELECT relname, relowner::regrole FROM pg_class WHERE relname = 'a view';
SELECT tarot.revoke_class('email', '"tarot ""odd"""'), tarot.disallow_break_glass('email', '"tarot ""odd"""');
SET ROLE tarot_owner;
SELECT run($$SELECT tarot.mask_table('shop."a table"')$$);
RESET ROLE;

DROP EXTENSION tarot_security CASCADE;
DROP OWNED BY "tarot ""odd""" CASCADE;
DROP ROLE "tarot ""odd""";
DROP OWNED BY tarot_owner, tarot_support, tarot_sales, tarot_stranger CASCADE;
DROP ROLE tarot_owner, tarot_support, tarot_sales, tarot_stranger;

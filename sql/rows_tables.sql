-- Rows of what is more than one table, or encrypted: partitions and children have the rules of their parents, and what
-- works on all rows of a table misses none, though the role that owns it sees none.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/rows.sql
RESET client_min_messages;
\set ECHO all

-- ------------------------------------------------------------ partitions
CREATE FUNCTION guarded(pattern text) RETURNS TABLE (relation regclass, forced boolean, policies text) LANGUAGE sql AS $$
	SELECT c.oid, c.relrowsecurity AND c.relforcerowsecurity, (SELECT string_agg(format('%s %s', p.polname, pg_get_expr(p.polqual, p.polrelid)), '; ' ORDER BY p.polname) FROM pg_policy p WHERE p.polrelid = c.oid)
		FROM pg_class c WHERE c.relkind IN ('r', 'p', 'f') AND c.relname LIKE pattern ORDER BY c.relname $$;
SET ROLE tarot_rows_owner;
CREATE TABLE visit (id int, user_id text) PARTITION BY RANGE (id);
CREATE INDEX ON visit (user_id);
CREATE TABLE visit_1 PARTITION OF visit FOR VALUES FROM (0) TO (10);
CREATE TABLE visit_2 (user_id text, gone int, id int);
ALTER TABLE visit_2 DROP COLUMN gone;
ALTER TABLE visit ATTACH PARTITION visit_2 FOR VALUES FROM (10) TO (20);
SELECT tarot.protect_rows('visit', owner => 'user_id');
-- Those that come later too, however they come, and what is below them.
CREATE TABLE visit_3 PARTITION OF visit FOR VALUES FROM (20) TO (40) PARTITION BY RANGE (id);
CREATE TABLE visit_3a PARTITION OF visit_3 FOR VALUES FROM (20) TO (30);
CREATE TABLE visit_4 (id int, user_id text) PARTITION BY RANGE (id);
CREATE TABLE visit_4a PARTITION OF visit_4 FOR VALUES FROM (40) TO (50);
SELECT * FROM guarded('visit\_4%');
-- CREATE SCHEMA makes tables of its own.
RESET ROLE;
CREATE SCHEMA rows_elsewhere CREATE TABLE visit_5 PARTITION OF public.visit FOR VALUES FROM (50) TO (60);
SELECT * FROM guarded('visit\_5');
DROP SCHEMA rows_elsewhere CASCADE;
SET ROLE tarot_rows_owner;
ALTER TABLE visit ATTACH PARTITION visit_4 FOR VALUES FROM (40) TO (50);
SELECT tarot.protect_rows('visit', tenant => 'user_id', claim => 'sub', roles => '{tarot_rows_app}');
SELECT * FROM guarded('visit%');
SELECT obj_description(oid, 'pg_policy'), polpermissive, polroles::regrole[] FROM pg_policy WHERE polrelid = 'visit_4a'::regclass ORDER BY polname;
INSERT INTO visit_1 SELECT 5, 'ada';
SELECT enter(:'ada');
INSERT INTO visit VALUES (1, 'ada'), (11, 'ada'), (21, 'ada'), (41, 'ada');
SELECT enter(:'bob');
INSERT INTO visit VALUES (2, 'bob'), (12, 'bob'), (22, 'bob'), (42, 'bob');
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO tarot_rows_app;
SET ROLE tarot_rows_app;
SELECT tableoid::regclass, * FROM visit ORDER BY id;
SELECT (SELECT count(*) FROM visit_1) AS visit_1, (SELECT count(*) FROM visit_2) AS visit_2, (SELECT count(*) FROM visit_3) AS visit_3, (SELECT count(*) FROM visit_3a) AS visit_3a, (SELECT count(*) FROM visit_4a) AS visit_4a;
SELECT change('INSERT INTO visit_2 VALUES (''ada'', 13)'), change('INSERT INTO visit_2 VALUES (''bob'', 13)');
SELECT enter(NULL);
SELECT count(*) FROM visit_3a;
-- A partition's rules are its parent's; what is detached keeps them, and is a table like others then.
SET ROLE tarot_rows_owner;
SELECT run('SELECT tarot.unprotect_rows(''visit_1'')'), run('SELECT tarot.unprotect_rows(''visit_1'', ''tarot_tenant'')');
SELECT tarot.protect_rows('visit_1', permission => 'visits:read');
SELECT tarot.unprotect_rows('visit_1', 'tarot_permission');
ALTER TABLE visit DETACH PARTITION visit_1;
SELECT count(*) FROM visit_1;
SELECT tarot.unprotect_rows('visit_1');
SELECT * FROM guarded('visit\_1');
SELECT tarot.unprotect_rows('visit', 'tarot_tenant');
SELECT tarot.unprotect_rows('visit');
SELECT * FROM guarded('visit%');
RESET ROLE;
-- Children of the older kind, of two parents, and foreign tables.
CREATE TABLE base_1 (user_id text); CREATE TABLE base_2 (tenant_id text);
CREATE INDEX ON base_1 (user_id); CREATE INDEX ON base_2 (tenant_id);
CREATE TABLE child () INHERITS (base_1, base_2);
SELECT tarot.protect_rows('base_1', owner => 'user_id'), tarot.protect_rows('base_2', owner => 'tenant_id', name => 'of_tenant');
CREATE TABLE grandchild (id int) INHERITS (child);
CREATE TABLE late (user_id text, x int);
ALTER TABLE late INHERIT base_1;
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE distant () INHERITS (base_1) SERVER nowhere;
SELECT * FROM guarded('base%') UNION ALL SELECT * FROM guarded('%child') UNION ALL SELECT * FROM guarded('late') UNION ALL SELECT * FROM guarded('distant');
-- A child of somebody else's is no hole: the rule is refused.
CREATE TABLE shared (user_id text); CREATE TABLE shared_child () INHERITS (shared);
ALTER TABLE shared OWNER TO tarot_rows_owner;
SET ROLE tarot_rows_owner;
SELECT run('SELECT tarot.protect_rows(''shared'', owner => ''user_id'')');
RESET ROLE;
SELECT * FROM guarded('shared%');
DROP TABLE base_1, base_2, shared CASCADE;

-- ------------------------------------------------------------ encrypted columns
-- An owner that sees no row changes all rows where it has to: none is left behind as plaintext, or under an old key.
SELECT tarot.create_class('email', 'profile', searchable => true), tarot.create_class('note', 'profile', per_subject => true),
	tarot.grant_class('email', 'tarot_rows_owner', 'plain'), tarot.grant_class('note', 'tarot_rows_owner', 'plain');
GRANT EXECUTE ON PROCEDURE tarot.rotate_search_key(text, integer, interval, text, integer) TO tarot_rows_owner;
SET client_min_messages = warning;
SET ROLE tarot_rows_owner;
CREATE TABLE customer (id int PRIMARY KEY, user_id text NOT NULL, email text UNIQUE CHECK (email <> ''), name text NOT NULL, phone text, sealed tarot.encrypted_text('email'), note tarot.encrypted_text('note'));
INSERT INTO customer SELECT i, 'user ' || i % 7, 'email ' || i, 'name ' || i, 'phone ' || i, 'sealed ' || i, 'note ' || i FROM generate_series(1, 3000) AS i;
SELECT tarot.protect_rows('customer', owner => 'user_id'), tarot.protect_rows('customer', tenant => 'user_id', claim => 'nobody has this');
SELECT count(*) AS seen FROM customer;
CALL tarot.encrypt_column('customer', 'email', 'email');
CALL tarot.encrypt_column('customer', 'name', 'email', concurrently => true, batch => 700);
CALL tarot.encrypt_column('customer', 'phone', 'email', concurrently => true);
SELECT tarot.wipe_free_space('customer') IS NOT NULL AS wiped;
RESET ROLE;
SELECT tarot.rotate_key('profile');
SELECT key, version, "column", "values" FROM tarot.key_usage('customer') ORDER BY "column"::text COLLATE "C";
SET ROLE tarot_rows_owner;
CALL tarot.reseal('customer', batch => 700);
RESET ROLE;
SELECT key, version, "column", "values" FROM tarot.key_usage('customer') ORDER BY "column"::text COLLATE "C";
SET ROLE tarot_rows_owner;
SELECT tarot.bind_column('customer', 'sealed'), tarot.set_subject('customer', 'note', 'user_id');
CALL tarot.rotate_search_key('email', batch => 700);
CALL tarot.decrypt_column('customer', 'name', concurrently => true, batch => 700);
CALL tarot.decrypt_column('customer', 'email');
-- Where all rows would have to be seen, it is said that they are not.
SELECT ask('SELECT count(*) FROM tarot.verify_bindings(''customer'')'), count(*) AS seen FROM customer;
RESET ROLE;
SELECT generation, state FROM tarot.search_key_status;
SELECT count(*) AS bad_bindings FROM tarot.verify_bindings('customer');
SELECT tarot.grant_class('email', current_user::regrole, 'plain'), tarot.grant_class('note', current_user::regrole, 'plain');
SELECT count(*), count(*) FILTER (WHERE email = 'email ' || id) AS email, count(*) FILTER (WHERE name = 'name ' || id) AS name, count(*) FILTER (WHERE phone::text = 'phone ' || id) AS phone,
	count(*) FILTER (WHERE sealed::text = 'sealed ' || id) AS sealed, count(*) FILTER (WHERE note::text = 'note ' || id) AS note FROM customer;
SELECT id FROM customer WHERE phone = 'phone 77' OR sealed = 'sealed 78' ORDER BY id;
SET client_min_messages = notice;
-- Nor is a column that a rule compares encrypted, and the rule lost.
SET ROLE tarot_rows_owner;
SELECT run('CALL tarot.encrypt_column(''customer'', ''user_id'', ''email'')');
RESET ROLE;

SET client_min_messages = warning;
DROP OWNED BY tarot_rows_owner, tarot_rows_app, tarot_rows_staff CASCADE;
DROP ROLE tarot_rows_owner, tarot_rows_app, tarot_rows_staff;

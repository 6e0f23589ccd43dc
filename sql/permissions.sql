-- What the session's identity may do: roles, permissions, resources, and data classes that ask them.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'
SELECT tarot.create_key('profile') > 0 AS created;
SELECT tarot.create_issuer('app', 'https://app.example', '{}', secret => repeat('s', 32));
SELECT tarot.create_issuer('partner', 'https://partner.example', '{}', secret => repeat('p', 32), subject_prefix => 'partner/');
-- A token, and what its bearer is called.
CREATE FUNCTION token(claims jsonb, issuer text DEFAULT 'app') RETURNS text LANGUAGE sql AS $$ SELECT tarot.sign_jwt(claims, issuer) $$;
CREATE FUNCTION bearer(subject text) RETURNS text LANGUAGE sql AS $$ SELECT tarot.sign_jwt(jsonb_build_object('sub', subject), 'app') $$;
CREATE FUNCTION roles() RETURNS text LANGUAGE sql STABLE AS $$ SELECT coalesce(string_agg(r, ', '), '-') FROM tarot.roles() AS r $$;
-- Those of a list that the session holds.
CREATE FUNCTION held(permissions text[]) RETURNS text LANGUAGE sql STABLE AS $$ SELECT coalesce(string_agg(p, ' '), '-') FROM unnest(permissions) AS p WHERE tarot.has_permission(p) $$;

-- ------------------------------------------------------------ what is there from the start
SELECT name, predefined FROM tarot.role ORDER BY name;
SELECT count(*) AS permissions FROM tarot.role_permission;

-- ------------------------------------------------------------ what is a permission
SELECT left(p, 16) AS begin, right(p, 2) AS end, octet_length(p) AS size, tarot.is_permission(p, false) AS asked, tarot.is_permission(p, true) AS granted FROM unnest(ARRAY['readings:read', 'readings', 'a:b:c', 'A-1.x_Y:z', 'readings:*', '*', 'a:b:*', 'readings:', ':read', 'a::b', '', ':', '*:read', 'readings:*:x', 'rea*', 'readings:re*', '**', ':*', 'a:**', 'a b', 'ä:b', E'a\n', 'a;b', '%',
	repeat('p', 255), repeat('p', 256), repeat('p', 253) || ':*', repeat('p', 254) || ':*', NULL]) AS p;
SELECT run(call) FROM unnest(ARRAY['SELECT tarot.grant_permission(''User'', ''*:read'')', 'SELECT tarot.grant_permission(''User'', NULL)', 'SELECT tarot.revoke_permission(''User'', '''')', 'SELECT tarot.has_permission(''readings:*'')', 'SELECT tarot.has_permission(''*'')', 'SELECT tarot.has_permission('''')',
	'SELECT tarot.has_permission(''a:*'', ''card'', ''1'')', 'SELECT tarot.accessible(''card'', ''*'')', 'SELECT tarot.grant_permission(''user'', ''a'')', 'SELECT tarot.grant_permission(NULL, ''a'')', 'SELECT tarot.grant_permission('''', ''a'')']) AS call;
SELECT tarot.has_permission(NULL), tarot.has_permission('a', NULL, '1'), tarot.has_permission('a', 'card', NULL), (SELECT count(*) FROM tarot.accessible(NULL, 'a'));

-- ------------------------------------------------------------ roles
SELECT tarot.create_role('Support', 'Who helps', '{User}');
SELECT tarot.create_role('Head of support', inherits => '{Support,Agent}');
SELECT run(call) FROM unnest(ARRAY['SELECT tarot.create_role(''Support'')', 'SELECT tarot.create_role(''Admin'')', 'SELECT tarot.create_role('''')', 'SELECT tarot.create_role(NULL)', 'SELECT tarot.create_role(repeat(''r'', 64))', 'SELECT tarot.create_role(E''a\nb'')',
	'SELECT tarot.create_role(''New'', inherits => ''{Absent}'')', 'SELECT tarot.create_role(''New'', inherits => ''{New}'')', 'SELECT tarot.create_role(''New'', inherits => ''{NULL}'')',
	'SELECT tarot.inherit_role(''User'', ''User'')', 'SELECT tarot.inherit_role(''User'', ''Support'')', 'SELECT tarot.inherit_role(''User'', ''Head of support'')', 'SELECT tarot.inherit_role(''Agent'', ''Head of support'')', 'SELECT tarot.inherit_role(''Absent'', ''User'')', 'SELECT tarot.inherit_role(''User'', ''Absent'')',
	'SELECT tarot.inherit_role(''Support'', ''User'')', 'SELECT tarot.disinherit_role(''Absent'', ''User'')', 'SELECT tarot.drop_role(''Absent'')', 'SELECT tarot.drop_role(''Admin'')', 'SELECT tarot.drop_role(NULL)']) AS call;
SELECT role, inherits FROM tarot.role_inheritance ORDER BY 1, 2;
SELECT tarot.disinherit_role('User', 'Support');

-- ------------------------------------------------------------ asking
SELECT tarot.grant_permission('User', p) FROM unnest('{readings:read,profile:own:*}'::text[]) AS p;
SELECT tarot.grant_permission('Support', 'tickets:*');
SELECT tarot.grant_permission('Admin', '*');
SELECT tarot.assign_role('ada', 'Head of support');
SELECT tarot.assign_role('root', 'Admin');
SELECT tarot.assign_role('partner/ada', 'User');
SELECT array_agg(p) AS all_of_them FROM unnest('{readings:read,readings:write,readings,profile:own:photo,profile:own:photo:x,profile:own,profile:other,tickets:close,tickets,ticketsx:close}'::text[]) AS p \gset
-- Nobody may nothing.
SELECT roles(), held(:'all_of_them');
BEGIN;
SELECT tarot.authenticate(bearer('ada'));
SELECT roles(), held(:'all_of_them');
SELECT tarot.authenticate(bearer('root'));
SELECT roles(), held(:'all_of_them');
-- Of another issuer it is another ada.
SELECT tarot.authenticate(token('{"sub": "ada"}', 'partner'));
SELECT roles(), held(:'all_of_them');
SELECT tarot.authenticate(bearer('stranger'));
SELECT roles(), held(:'all_of_them');
-- One without a subject has no assignments.
SELECT tarot.authenticate(token('{}'::jsonb));
SELECT roles(), held(:'all_of_them');
COMMIT;
SELECT roles(), held(:'all_of_them');

-- ------------------------------------------------------------ changes count at once
-- One prepared statement and one transaction, through all of them; a generic plan at last.
PREPARE asked AS SELECT tarot.has_permission('readings:read') AS reads, tarot.has_permission('tickets:close') AS closes, (SELECT tarot.has_permission('tickets:close')) AS same, roles();
SET plan_cache_mode = force_generic_plan;
BEGIN;
EXECUTE asked;
SELECT tarot.authenticate(bearer('ada'));
EXECUTE asked;
SELECT tarot.revoke_permission('Support', 'tickets:*');
EXECUTE asked;
SELECT tarot.grant_permission('User', '*');
EXECUTE asked;
SELECT tarot.revoke_permission('User', '*');
SELECT tarot.disinherit_role('Support', 'User');
EXECUTE asked;
SELECT tarot.unassign_role('ada', 'Head of support');
EXECUTE asked;
SELECT tarot.assign_role('ada', 'User');
EXECUTE asked;
SAVEPOINT before;
SELECT tarot.authenticate(bearer('root'));
EXECUTE asked;
ROLLBACK TO before;
EXECUTE asked;
SELECT tarot.sign_out();
EXECUTE asked;
ROLLBACK;
-- In one statement, too.
BEGIN;
SELECT tarot.authenticate(bearer('ada'));
SELECT i, CASE WHEN i = 2 THEN tarot.unassign_role('ada', 'Head of support')::text END, CASE WHEN i = 4 THEN tarot.authenticate(bearer('root'))::text END, tarot.has_permission('tickets:close') FROM generate_series(1, 5) AS i;
ROLLBACK;
RESET plan_cache_mode;
-- Warnings, not errors, where there was nothing.
SET client_min_messages = notice;
SELECT tarot.revoke_permission('Support', 'tickets:close');
SELECT tarot.unassign_role('nobody', 'Support');
SELECT tarot.disinherit_role('User', 'Agent');
SELECT tarot.revoke_on('card', '1', 'cards:read', subject => 'ada');
SET client_min_messages = error;
SELECT tarot.authenticate(bearer('ada'), false);
SELECT held('{tickets:close}');

-- ------------------------------------------------------------ until when
SELECT run(call) FROM unnest(ARRAY['SELECT tarot.assign_role(''ada'', ''Absent'')', 'SELECT tarot.assign_role(''ada'', ''User'', NULL)', 'SELECT tarot.assign_role('''', ''User'')', 'SELECT tarot.assign_role(NULL, ''User'')', 'SELECT tarot.assign_role(repeat(''s'', 319), ''User'')', 'SELECT tarot.unassign_role(''ada'', ''Absent'')', 'SELECT tarot.unassign_role(NULL, ''User'')']) AS call;
SELECT tarot.assign_role('ada', 'Head of support', now());
EXECUTE asked;
SELECT tarot.assign_role('ada', 'Head of support', now() + interval '1 hour');
EXECUTE asked;
-- It ends within a statement: has_permission() is asked until it says no.
SELECT tarot.assign_role('ada', 'Head of support', clock_timestamp() + interval '300 milliseconds');
SELECT roles();
DO $$ BEGIN WHILE tarot.has_permission('tickets:close') LOOP NULL; END LOOP; END $$;
EXECUTE asked;
SELECT tarot.assign_role('ada', 'Head of support');
EXECUTE asked;
SELECT tarot.sign_out();

-- ------------------------------------------------------------ what a token gives
SELECT run(call) FROM unnest(ARRAY['SELECT tarot.set_issuer_roles(''absent'')', 'SELECT tarot.set_issuer_roles(NULL)', 'SELECT tarot.set_issuer_roles(''app'', ''roles'')', 'SELECT tarot.set_issuer_roles(''app'', roles => ''{User}'')', 'SELECT tarot.set_issuer_roles(''app'', ''roles'', ''{Absent}'')', 'SELECT tarot.set_issuer_roles(''app'', ''roles'', ''{NULL}'')',
	'SELECT tarot.set_issuer_roles(''app'', default_roles => ''{Absent}'')', 'SELECT tarot.set_issuer_roles(''app'', '''', ''{User}'')', 'SELECT tarot.set_issuer_roles(''app'', repeat(''c'', 64), ''{User}'')']) AS call;
BEGIN;
SELECT tarot.authenticate(token('{"sub": "eve", "roles": ["User", "Admin"]}'));
SELECT roles();
SELECT tarot.set_issuer_roles('app', 'roles', '{User,Support}', '{Agent}');
-- The list bounds what the claim says, and its kind what is read.
SELECT roles();
SELECT name, role_claim, roles, default_roles FROM tarot.issuer_status ORDER BY name;
CREATE FUNCTION roles_by(claim jsonb) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM tarot.authenticate(token(jsonb_build_object('sub', 'eve', 'roles', claim))); RETURN roles(); END $$;
SELECT claim, roles_by(claim) FROM unnest(ARRAY['"User"', '["User", "Support"]', '["user"]', '[]', '{"User": true}', '[["User"]]', '[{"name": "User"}]', '"User Support"', '""', '5', 'true', 'null', '["User", 5, null, "User"]', '"Admin"']::jsonb[]) AS claim;
-- Of no other issuer, and of nobody's any more.
SELECT tarot.authenticate(token('{"sub": "eve", "roles": ["User"]}', 'partner'));
SELECT roles();
SELECT tarot.authenticate(token('{"sub": "eve", "roles": ["User"]}'));
SELECT roles();
SELECT tarot.alter_issuer('app', leeway => '1 minute');
SELECT roles();
SELECT tarot.drop_role('Support');
SELECT roles, default_roles FROM tarot.issuer_status WHERE name = 'app';
SELECT tarot.set_issuer_roles('app');
SELECT roles();
ROLLBACK;

-- A role that is gone left nothing to one that comes after it.
BEGIN;
SELECT tarot.grant_on('card', '1', 'cards:read', role => 'Support');
SELECT tarot.set_issuer_roles('app', 'roles', '{Support}', '{Support}');
SELECT tarot.drop_role('Support');
SELECT role_claim, roles, default_roles FROM tarot.issuer_status WHERE name = 'app';
SELECT tarot.create_role('Support');
SELECT (SELECT count(*) FROM tarot.role_permission WHERE role = 'Support') AS permissions, (SELECT count(*) FROM tarot.role_inheritance WHERE 'Support' IN (role, inherits)) AS inherited,
	(SELECT count(*) FROM tarot.resource_grant WHERE grantee = 'Support') AS grants, (SELECT count(*) FROM tarot.role_assignment WHERE role = 'Support') AS assigned;
ROLLBACK;

-- ------------------------------------------------------------ resources
SELECT run(call) FROM unnest(ARRAY['SELECT tarot.grant_on(''card'', ''1'', ''cards:read'')', 'SELECT tarot.grant_on(''card'', ''1'', ''cards:read'', subject => ''a'', role => ''User'')', 'SELECT tarot.grant_on(''card'', ''1'', ''cards:read'', role => ''Absent'')', 'SELECT tarot.grant_on('''', ''1'', ''cards:read'', subject => ''a'')',
	'SELECT tarot.grant_on(NULL, ''1'', ''cards:read'', subject => ''a'')', 'SELECT tarot.grant_on(''card'', '''', ''cards:read'', subject => ''a'')', 'SELECT tarot.grant_on(''card'', NULL, ''cards:read'', subject => ''a'')', 'SELECT tarot.grant_on(''card'', repeat(''1'', 256), ''cards:read'', subject => ''a'')',
	'SELECT tarot.grant_on(repeat(''c'', 64), ''1'', ''cards:read'', subject => ''a'')', 'SELECT tarot.grant_on(''card'', ''1'', ''cards:'', subject => ''a'')', 'SELECT tarot.grant_on(''card'', ''1'', ''cards:read'', subject => '''')', 'SELECT tarot.grant_on(''card'', ''1'', ''cards:read'', subject => ''a'', valid_until => NULL)',
	'SELECT tarot.revoke_on(''card'', ''1'', ''cards:read'')']) AS call;
SELECT tarot.grant_on('card', '1', 'cards:read', subject => 'ada');
SELECT tarot.grant_on('card', '2', 'cards:*', subject => 'ada');
SELECT tarot.grant_on('card', '3', 'cards:read', subject => 'ada', valid_until => now());
SELECT tarot.grant_on('card', '4', 'cards:read', role => 'Support');
SELECT tarot.grant_on('card', '2', 'cards:read', role => 'Support');
SELECT tarot.grant_on('card', '5', 'cards:read', role => 'Admin');
SELECT tarot.grant_on('deck', '6', 'cards:read', subject => 'ada');
SELECT tarot.grant_on('card', 'ada', 'cards:read', subject => 'User');
CREATE FUNCTION cards(permission text) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT coalesce((SELECT string_agg(a, ' ') FROM tarot.accessible('card', permission) AS a), '-') || ' | ' || coalesce(string_agg(id, ' ') FILTER (WHERE tarot.has_permission(permission, 'card', id)), '-') FROM unnest(ARRAY['1', '2', '3', '4', '5', '6', '01', 'ada']) AS id $$;
SELECT cards('cards:read');
BEGIN;
SELECT tarot.authenticate(bearer('ada'));
SELECT cards('cards:read'), cards('cards:edit'), cards('cards');
-- To do it with all includes the single ones, which accessible() does not list.
SELECT tarot.authenticate(bearer('root'));
SELECT cards('cards:read');
SELECT tarot.authenticate(token('{"sub": "ada"}', 'partner'));
SELECT cards('cards:read');
-- A subject that is called like a role is not in it.
SELECT tarot.authenticate(bearer('Support'));
SELECT cards('cards:read');
SELECT tarot.authenticate(bearer('ada'));
SELECT tarot.revoke_on('card', '2', 'cards:*', subject => 'ada');
SELECT cards('cards:read');
SELECT tarot.grant_on('card', '3', 'cards:read', subject => 'ada', valid_until => now() + interval '1 hour');
SELECT cards('cards:read');
SELECT tarot.forget_resource('card', '4');
SELECT cards('cards:read');
SELECT tarot.unassign_role('ada', 'Head of support');
SELECT cards('cards:read');
ROLLBACK;
-- In a policy, by sets.
CREATE TABLE card (id int PRIMARY KEY, name text);
INSERT INTO card SELECT i, 'card ' || i FROM generate_series(1, 6) AS i;
CREATE POLICY single ON card USING (id IN (SELECT a::int FROM tarot.accessible('card', 'cards:read') AS a WHERE a ~ '^\d{1,9}$'));
CREATE POLICY everything ON card USING ((SELECT tarot.has_permission('cards:read')));
ALTER TABLE card ENABLE ROW LEVEL SECURITY;
CREATE ROLE regress_permissions_app;
GRANT SELECT ON card TO regress_permissions_app;
CREATE FUNCTION app_token(subject text) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT bearer(subject) $$;
SET ROLE regress_permissions_app;
SELECT count(*) FROM card;
BEGIN;
SELECT tarot.authenticate(app_token('ada'));
SELECT id FROM card ORDER BY id;
SELECT tarot.authenticate(app_token('root'));
SELECT count(*) FROM card;
COMMIT;
-- Who only asks may not change what is asked.
SELECT code(call) FROM unnest(ARRAY['TABLE tarot.role', 'TABLE tarot.role_assignment', 'TABLE tarot.resource_grant', 'SELECT tarot.assign_role(''eve'', ''Admin'')', 'SELECT tarot.grant_permission(''User'', ''*'')', 'SELECT tarot.grant_on(''card'', ''1'', ''*'', ''eve'')', 'SELECT tarot.create_role(''x'')', 'SELECT tarot.set_issuer_roles(''app'')',
	'SELECT tarot.explain_access(''eve'', ''a'')', 'SELECT tarot.is_permission(''a'', true)', 'SELECT tarot.forget_role(''Admin'')', 'SELECT tarot.check_role()', 'INSERT INTO tarot.role_assignment VALUES (''eve'', ''Admin'', ''infinity'', ''x'')']) AS call;
RESET ROLE;

-- ------------------------------------------------------------ no longer good
CREATE FUNCTION why(who text, permission text, type text DEFAULT NULL, id text DEFAULT NULL) RETURNS TABLE (allows boolean, reason text) LANGUAGE sql AS $$
	SELECT allows, regexp_replace(replace(reason, ' by ' || session_user, ' by S'), 'until [^,;]+', 'until T') FROM tarot.explain_access(who, permission, type, id) $$;
BEGIN;
SELECT tarot.authenticate(bearer('ada'));
SELECT tarot.set_principal('ada', status => 'suspended');
SELECT run(call) FROM unnest(ARRAY['SELECT tarot.has_permission(''a'')', 'SELECT tarot.has_permission(''a'', ''card'', ''1'')', 'SELECT * FROM tarot.accessible(''card'', ''a'')', 'SELECT * FROM tarot.roles()']) AS call;
SELECT * FROM why('ada', 'tickets:close');
ROLLBACK;

-- ------------------------------------------------------------ why
SELECT * FROM why('ada', 'tickets:close');
SELECT * FROM why('ada', 'readings:read');
SELECT * FROM why('ada', 'readings:write');
SELECT * FROM why('root', 'readings:write');
SELECT * FROM why('stranger', 'readings:write');
SELECT * FROM why('ada', 'cards:read', 'card', '2');
SELECT * FROM why('ada', 'cards:read', 'card', '9');
SELECT tarot.grant_on('card', '9', 'cards:edit', role => 'Support', valid_until => now() + interval '1 hour');
SELECT * FROM why('ada', 'cards:edit', 'card', '9');
SELECT tarot.revoke_on('card', '9', 'cards:edit', role => 'Support');
SELECT * FROM why('ada', 'cards:read', 'card', '3');
SELECT tarot.assign_role('bob', 'User', '2001-02-03 04:05:06Z');
SELECT * FROM why('bob', 'readings:read');
BEGIN;
SELECT tarot.set_issuer_roles('app', 'roles', '{Support}');
SELECT tarot.authenticate(token('{"sub": "eve", "roles": ["Support"]}'));
SELECT * FROM why('eve', 'tickets:close');
SELECT * FROM why('eve', 'readings:read');
SELECT * FROM why('mallory', 'readings:read');
-- An assignment that has ended takes nothing of what the token gives.
SELECT tarot.assign_role('eve', 'Support', '2001-02-03 04:05:06Z');
SELECT tarot.has_permission('tickets:close');
SELECT * FROM why('eve', 'tickets:close');
ROLLBACK;
SELECT run(call) FROM unnest(ARRAY['SELECT tarot.explain_access(NULL, ''a'')', 'SELECT tarot.explain_access(''ada'', ''a:*'')', 'SELECT tarot.explain_access(''ada'', ''a'', ''card'')', 'SELECT tarot.explain_access(''ada'', NULL)']) AS call;
-- What it says is what has_permission() says, of everybody and everything here.
CREATE FUNCTION differs(who text, permission text, type text, id text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	said boolean := (SELECT coalesce(bool_or(allows), false) AND coalesce(bool_and(allows) FILTER (WHERE NOT allows), true) FROM tarot.explain_access(who, permission, type, id));
BEGIN
	PERFORM tarot.authenticate(bearer(who));
	RETURN said IS DISTINCT FROM CASE WHEN id IS NULL THEN tarot.has_permission(permission) ELSE tarot.has_permission(permission, type, id) END;
END
$$;
BEGIN;
SELECT count(*) AS asked, count(*) FILTER (WHERE differs(who, permission, type, id)) AS differences FROM unnest('{ada,root,bob,stranger,Support}'::text[]) AS who, unnest(:'all_of_them' || '{cards:read,cards:edit,cards}'::text[]) AS permission, (VALUES (NULL, NULL), ('card', '1'), ('card', '2'), ('card', '3'), ('card', '4'), ('card', '5'), ('deck', '6')) AS resource (type, id);
ROLLBACK;
-- Nor when an assignment or a grant ends within the transaction, is one of the server's last years, or speaks of a role that is none.
BEGIN;
SELECT tarot.assign_role('fay', 'User', clock_timestamp() + interval '30 ms'), tarot.assign_role('gil', 'User', '294276-12-31');
SELECT tarot.grant_on('card', '8', 'cards:read', subject => 'fay', valid_until => clock_timestamp() + interval '30 ms'), tarot.grant_on('card', '8', 'cards:read', subject => 'gil', valid_until => '294276-12-31');
INSERT INTO tarot.role_inheritance VALUES ('gone', 'User');
INSERT INTO tarot.role_assignment (subject, role, assigned_by) VALUES ('hal', 'gone', 'x');
INSERT INTO tarot.resource_grant (grantee_kind, grantee, resource_type, resource_id, permission, granted_by) VALUES ('role', 'gone', 'card', '8', 'cards:read', 'x');
DO $$ BEGIN WHILE clock_timestamp() <= (SELECT max(valid_until) FROM tarot.resource_grant WHERE grantee = 'fay') LOOP PERFORM pg_sleep(0.005); END LOOP; END $$;
SELECT who, differs(who, 'readings:read', NULL, NULL), tarot.has_permission('readings:read'), differs(who, 'cards:read', 'card', '8') AS differs_on, tarot.has_permission('cards:read', 'card', '8') AS has_on FROM unnest('{fay,gil,hal}'::text[]) AS who;
ROLLBACK;

-- Many roles with many permissions take the room of their permissions, and not of all for each.
BEGIN;
INSERT INTO tarot.role (name) SELECT 'many ' || i FROM generate_series(1, 300) AS i;
INSERT INTO tarot.role_permission (role, permission, granted_by) SELECT 'many ' || i, 'p:' || j, 'x' FROM generate_series(1, 300) AS i, generate_series(1, 20) AS j;
SELECT tarot.assign_role('ivy', 'many 7');
SELECT tarot.authenticate(bearer('ivy'));
SELECT tarot.has_permission('p:1'), tarot.has_permission('p:20'), tarot.has_permission('p:21');
SELECT total_bytes < 4 * 1024 * 1024 AS small FROM pg_backend_memory_contexts WHERE name = 'tarot_security roles';
ROLLBACK;

-- ------------------------------------------------------------ data classes
SELECT tarot.create_class('email', key => 'profile', mask => 'email', searchable => true);
SELECT tarot.create_class('note', key => 'profile');
SELECT tarot.grant_class('email', 'regress_permissions_app', 'masked', write => true);
SELECT tarot.grant_class('email', 'regress_permissions_app', 'plain', permission => 'customers:read');
SELECT tarot.grant_class('note', NULL, 'plain', permission => 'notes:read', search => false, write => false);
SELECT tarot.grant_class('note', '-', 'none', permission => 'notes:write', write => true);
SELECT run(call) FROM unnest(ARRAY['SELECT tarot.grant_class(''note'', NULL, ''plain'')', 'SELECT tarot.grant_class(''note'', NULL, ''plain'', permission => ''*'')', 'SELECT tarot.grant_class(''note'', NULL, ''plain'', permission => ''notes:*'')', 'SELECT tarot.grant_class(''note'', NULL, ''plain'', permission => '''')']) AS call;
SELECT class, grantee, permission, read, search, write FROM tarot.class_access ORDER BY class, grantee, permission;
SELECT tarot.create_role('Clerk');
SELECT tarot.grant_permission('Clerk', 'customers:*');
SELECT tarot.grant_permission('Clerk', 'notes:write');
SELECT tarot.assign_role('carl', 'Clerk');
CREATE TABLE customer (id int PRIMARY KEY, email tarot.encrypted_text('email') UNIQUE, note tarot.encrypted_text('note'));
GRANT SELECT, INSERT, UPDATE ON customer TO regress_permissions_app;
SELECT tarot.grant_class('email', CURRENT_USER::regrole, 'none', write => true), tarot.grant_class('note', CURRENT_USER::regrole, 'none', write => true);
INSERT INTO customer SELECT i, 'customer' || i || '@example.org', 'note ' || i FROM generate_series(1, 3) AS i;
-- One application role, one prepared statement: what each request shows is by who asks.
SET ROLE regress_permissions_app;
PREPARE listed AS SELECT id, email, note FROM customer ORDER BY id;
PREPARE looked_up (text) AS SELECT id FROM customer WHERE email = $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE listed;
SELECT run('EXECUTE looked_up (''customer2@example.org'')');
BEGIN;
SELECT tarot.authenticate(app_token('carl'));
EXECUTE listed;
EXECUTE looked_up ('customer2@example.org');
INSERT INTO customer VALUES (4, 'new@example.org', 'new note');
EXECUTE listed;
SELECT tarot.authenticate(app_token('root'));
EXECUTE listed;
SELECT tarot.authenticate(app_token('ada'));
EXECUTE listed;
SELECT run('EXECUTE looked_up (''customer2@example.org'')'), run('INSERT INTO customer VALUES (5, ''x'', ''y'')'), run('INSERT INTO customer VALUES (5, ''x'', NULL)');
SAVEPOINT before;
SELECT tarot.authenticate(app_token('carl'));
EXECUTE looked_up ('customer2@example.org');
ROLLBACK TO before;
SELECT run('EXECUTE looked_up (''customer2@example.org'')');
EXECUTE listed;
-- A cursor shows what its reader may see when it is read, not when it was opened.
SELECT tarot.authenticate(app_token('carl'));
DECLARE c CURSOR FOR SELECT email::text FROM customer ORDER BY id;
FETCH 1 FROM c;
SELECT tarot.sign_out();
FETCH 1 FROM c;
ROLLBACK;
-- A call site that was refused stays so: it remembers who was allowed, not who asked last.
BEGIN;
CREATE FUNCTION pg_temp.find(address text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT c.id FROM customer c WHERE c.email = address); EXCEPTION WHEN insufficient_privilege THEN RETURN -1; END $$;
SELECT pg_temp.find('customer1@example.org');
SELECT tarot.authenticate(app_token('carl'));
SELECT pg_temp.find('customer1@example.org');
SELECT tarot.authenticate(app_token('ada'));
SELECT pg_temp.find('customer1@example.org'), pg_temp.find('customer1@example.org');
SELECT tarot.sign_out();
SELECT pg_temp.find('customer1@example.org');
ROLLBACK;
RESET plan_cache_mode;
RESET ROLE;
-- In parallel workers, and for the superuser, who holds nothing: not more than by who is asking.
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
BEGIN;
SELECT count(*) FILTER (WHERE note::text LIKE 'note%') AS seen FROM customer;
SELECT tarot.authenticate(bearer('root'));
SELECT count(*) FILTER (WHERE note::text LIKE 'note%') AS seen FROM customer;
ROLLBACK;
-- When the identity ends, what rests on it is refused, and does not turn into masks.
BEGIN;
SELECT tarot.authenticate(bearer('carl'));
SELECT tarot.set_principal('carl', status => 'suspended');
SET ROLE regress_permissions_app;
SELECT run('SELECT email::text FROM customer'), run('SELECT id FROM customer WHERE email = ''x''');
ROLLBACK;
-- Taking back, one and all.
SELECT tarot.revoke_class('email', 'regress_permissions_app', permission => 'customers:read');
SELECT class, grantee, permission, read FROM tarot.class_access WHERE class = 'email' AND grantee <> CURRENT_USER;
SELECT tarot.grant_class('email', 'regress_permissions_app', 'plain', permission => 'customers:read');
SELECT tarot.revoke_class('email', 'regress_permissions_app');
SELECT tarot.revoke_class('note', NULL, 'notes:write');
SELECT class, grantee, permission, read FROM tarot.class_access WHERE grantee IS DISTINCT FROM CURRENT_USER ORDER BY 1, 2, 3;
SELECT tarot.revoke_class('note', NULL);
SET client_min_messages = notice;
SELECT tarot.revoke_class('note', NULL);
SELECT tarot.revoke_class('email', 'regress_permissions_app', 'customers:read');

DROP OWNED BY regress_permissions_app;
DROP ROLE regress_permissions_app;

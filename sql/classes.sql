-- Data classes: their making, their names and masks, and who is granted what.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'
SELECT run($$SELECT tarot.create_class('email', 'profile')$$) AS no_key_yet;
SELECT tarot.create_key('profile') > 0 AND tarot.create_key('payment') > 0 AS created;

-- What a class is by default, and with all said.
SELECT tarot.create_class('email', 'profile');
SELECT tarot.create_class('card', key => 'payment', mask => 'card', searchable => true);
SELECT class, grantee, read, search, write, granted_by, granted_at, mask, key, searchable FROM tarot.class_access ORDER BY class;
SELECT run($$SELECT tarot.create_class('email', 'payment')$$) AS again;
SELECT run($$SELECT tarot.create_class('Email', 'profile')$$) AS other_case;
SELECT tarot.drop_class('Email');
SELECT call, run('SELECT tarot.create_class(' || call || ')') FROM (VALUES
	('''x'', ''absent'''), ('''x'', NULL'), ('''x'', ''profile'', NULL'), ('''x'', ''profile'', ''redact'', NULL'),
	('NULL, ''profile''')) AS calls (call);

-- Masks: spelling, and what there is not. The one spelling is kept.
SELECT given, split_part(run(format('SELECT tarot.create_class(%L, %L, %L)', 'mask ' || i, 'profile', given)), ' / ', 1) AS result
	FROM (VALUES (1, 'redact'), (2, 'REDACT'), (3, ' email '), (4, 'Card'), (5, 'phone'), (6, 'hash'), (7, 'null'),
		(8, 'partial(2,4)'), (9, 'Partial ( 02 , 4 )'), (10, 'partial(0,0)'), (11, 'partial(64,64)'), (12, ''), (13, ' '),
		(14, 'none'), (15, 'plain'), (16, 'partial'), (17, 'partial()'), (18, 'partial(2)'), (19, 'partial(2,4,6)'), (20, 'partial(65,0)'),
		(21, 'partial(0,65)'), (22, 'partial(-1,2)'), (23, 'partial(2,99999999999999999999)'), (24, 'partial(2,4'), (25, 'partial(2,4) x'),
		(26, 'partial(a,b)'), (27, 'email()'), (28, 'email(1,2)'), (29, 'email phone'), (30, 'e-mail'), (31, 'rédact'), (32, 'ｅｍａｉｌ'),
		(33, E'email\u00a0'), (34, 'email''; --'), (35, E'em\x01ail'), (36, 'redacted'), (37, 'redac')) AS masks (i, given) ORDER BY i;
SELECT run($$SELECT tarot.create_class('x', 'profile', 'none')$$) AS with_hint;
SELECT name, mask FROM tarot.class WHERE name LIKE 'mask %' ORDER BY substr(name, 6)::int;
SELECT left(run(format('SELECT tarot.create_class(%L, %L, %L)', 'long', 'profile', repeat('email', 2000))), 60) AS long_mask;

-- Names: what is refused, and that what is odd but allowed comes back as it was, also as a type modifier.
CREATE TABLE names (i int, label text, name text);
INSERT INTO names VALUES (1, 'null', NULL), (2, 'empty', ''), (3, '63 bytes', repeat('c', 63)), (4, '64 bytes', repeat('c', 64)),
	(5, '62 bytes of 2 each', repeat('ж', 31)), (6, '64 bytes of 2 each', repeat('ж', 32)), (7, '10 000 characters', repeat('c', 10000)),
	(8, 'quotes', 'o''brien "q" \ $$'), (9, 'unicode', 'почта 邮件 📧'), (10, 'spaces', '  '), (11, 'newline', E'a\nb'), (12, 'tab', E'a\tb'),
	(13, 'escape', E'a\x1b[31m'), (14, 'delete', E'a\x7f'), (15, 'C1 control', U&'a\0085'), (16, 'number sign', '#1'),
	(17, 'injection', 'x''); DROP TABLE tarot.class; --'), (18, 'percent', '%s %n %'), (19, 'parenthesis', ')('), (20, 'comma', 'a,b'), (21, 'brace', '{a}');
SELECT label, run(format('SELECT tarot.create_class(%L, %L)', name, 'profile')) FROM names ORDER BY i;
SELECT label, run(format('CREATE TABLE t%s (value tarot.encrypted_text(%L))', i, name)) FROM names
	WHERE i NOT IN (1, 7) AND label NOT IN ('C1 control', 'number sign') ORDER BY i;
SELECT format_type(a.atttypid, a.atttypmod) AS type, c.name = n.name AS same_class
	FROM names n JOIN pg_class r ON r.relname = 't' || n.i JOIN pg_attribute a ON a.attrelid = r.oid AND a.attname = 'value'
		JOIN tarot.class c ON c.class_id = a.atttypmod ORDER BY n.i;
SELECT left(run(format('CREATE TABLE t7 (value tarot.encrypted_text(%L))', repeat('c', 10000))), 100) AS long;
-- Other modifiers. A number stands for a class that is not known here.
\set VERBOSITY terse
SELECT modifier, run(format('CREATE TEMP TABLE m (value tarot.encrypted_text%s)', modifier)) FROM (VALUES (''), ('()'), ('(''email'', ''card'')'), ('(email)'),
	('(''#0'')'), ('(''#2147483647'')'), ('(''#2147483648'')'), ('(''#-5'')'), ('(''#x'')'), ('(''#'')'), ('(NULL)')) AS modifiers (modifier);
DROP TABLE IF EXISTS m;
\set VERBOSITY default

-- Changing one: only what is not null.
SELECT tarot.alter_class('email', mask => 'email');
SELECT tarot.alter_class('email', key => 'payment', searchable => true);
SELECT tarot.alter_class('email');
SELECT class, mask, key, searchable FROM tarot.class_access WHERE class = 'email';
SELECT tarot.alter_class('email', key => 'profile', mask => ' PARTIAL(1, 2)', searchable => false);
SELECT class, mask, key, searchable FROM tarot.class_access WHERE class = 'email';
SELECT call, run('SELECT tarot.alter_class(' || call || ')') FROM (VALUES ('''absent'', mask => ''email'''), ('''email'', key => ''absent'''),
	('''email'', mask => ''absent'''), ('NULL'), ('''email'', mask => '''''), ('''email'', key => ''''')) AS calls (call);

-- Dropping one: not while a column or a domain has it.
SELECT call, run('SELECT tarot.drop_class(' || call || ')') FROM (VALUES ('''absent'''), ('NULL'), ('''''')) AS calls (call);
CREATE TABLE customer (id int, email tarot.encrypted_text('email'));
SELECT run('SELECT tarot.drop_class(''email'')');
DROP TABLE customer;
CREATE TABLE customer (id int, emails tarot.encrypted_text('email')[]);
SELECT run('SELECT tarot.drop_class(''email'')');
DROP TABLE customer;
CREATE DOMAIN mailbox AS tarot.encrypted_text('email');
SELECT run('SELECT tarot.drop_class(''email'')');
DROP DOMAIN mailbox;
CREATE TYPE person AS (name text, email tarot.encrypted_text('email'));
SELECT run('SELECT tarot.drop_class(''email'')');
DROP TYPE person;
CREATE TABLE customer (id int, email tarot.encrypted_text('email'));
CREATE VIEW customers AS SELECT * FROM customer;
SELECT run('SELECT tarot.drop_class(''email'')');
-- A column of a table is named, also where those of an index and of a view come first in the catalog.
CREATE INDEX customer_index ON customer (id) INCLUDE (email);
ALTER TABLE customer ALTER email SET STATISTICS 10;
SELECT tarot.drop_class('email');
ALTER TABLE customer DROP COLUMN email CASCADE;
SELECT tarot.drop_class('email');
SELECT count(*) FROM tarot.class_access WHERE class = 'email';
DROP TABLE customer;

-- A class that does not exist warns where a column is made, and errors where something is written.
\set VERBOSITY terse
CREATE TABLE customer (id int, email tarot.encrypted_text('email'));
\set VERBOSITY default
INSERT INTO customer VALUES (1, NULL);
SELECT regexp_replace(run($$INSERT INTO customer VALUES (2, 'ada@example.org')$$), '#\d+', '#N') AS written;
SELECT regexp_replace(format_type(atttypid, atttypmod), '#\d+', '#N') AS type FROM pg_attribute WHERE attrelid = 'customer'::regclass AND attname = 'email';
-- Made later under the same name, it is the column's.
SELECT tarot.create_class('email', 'profile', 'email');
SELECT format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = 'customer'::regclass AND attname = 'email';

-- Grants. Nobody has anything by default, the superuser who made it all neither.
SELECT current_setting('is_superuser') AS superuser, code($$INSERT INTO customer VALUES (2, 'ada@example.org')$$) AS write;
CREATE ROLE tarot_classes_app;
CREATE ROLE tarot_classes_support;
GRANT ALL ON customer TO tarot_classes_app, tarot_classes_support;
SELECT call, run('SELECT tarot.grant_class(' || call || ')') FROM (VALUES
	('''absent'', ''tarot_classes_app'''), ('NULL, ''tarot_classes_app'''), ('''email'', NULL'), ('''email'', ''0'''), ('''email'', ''-'''), ('''email'', ''public'''),
	('''email'', ''tarot_classes_absent'''), ('''email'', 4294967295::oid'),
	('''email'', ''tarot_classes_app'', NULL'), ('''email'', ''tarot_classes_app'', ''all'''), ('''email'', ''tarot_classes_app'', ''PLAIN'''),
	('''email'', ''tarot_classes_app'', ''''')) AS calls (call);
-- What is implied, and that each grant replaces the one before.
CREATE FUNCTION granted(arguments text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SELECT tarot.grant_class(''email'', ''tarot_classes_app''' || arguments || ')';
	RETURN (SELECT string_agg(concat_ws(' ', grantee, read, CASE WHEN search THEN 'search' END, CASE WHEN write THEN 'write' END), ', ')
		FROM tarot.class_access WHERE class = 'email');
END
$$;
SELECT arguments, granted(arguments)
	FROM (VALUES (1, ''), (2, ', ''none'''), (3, ', ''masked'''), (4, ', ''plain'''), (5, ', ''plain'', false, false'), (6, ', ''plain'', write => false'),
		(7, ', ''masked'', true, true'), (8, ', ''none'', write => true'), (9, ', search => true'), (10, ', ''plain'', NULL, NULL')) AS calls (i, arguments)
	ORDER BY i;
SELECT grantee, read, search, write, granted_by = session_user AS by_me, granted_at <= now() AS dated FROM tarot.class_access WHERE class = 'email';

-- What each role may do with the column, by what it holds.
SELECT tarot.grant_class('email', current_user::regrole, 'plain');
INSERT INTO customer VALUES (2, 'ada@example.org');
SELECT tarot.revoke_class('email', current_user::regrole);
CREATE FUNCTION may(who name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	seen text;
	written text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', who);
	seen := ask('SELECT email FROM customer WHERE id = 2');
	written := code('UPDATE customer SET email = ''new@example.org'' WHERE id = 2 AND false OR id = 1');
	RESET ROLE;
	RETURN 'sees ' || seen || ', writes ' || written;
END
$$;
SELECT may('tarot_classes_app') AS plain, may('tarot_classes_support') AS nothing, may(current_user) AS superuser;
SELECT tarot.grant_class('email', 'tarot_classes_support', 'masked');
SELECT may('tarot_classes_support') AS masked;
SELECT tarot.grant_class('email', 'tarot_classes_support', 'masked', write => true);
SELECT may('tarot_classes_support') AS masked_and_write;
SELECT tarot.grant_class('email', 'tarot_classes_support', 'none', write => true);
SELECT may('tarot_classes_support') AS write_alone;
SELECT tarot.grant_class('email', 'tarot_classes_support', 'plain', write => false);
SELECT may('tarot_classes_support') AS read_alone;
SELECT tarot.grant_class('email', 'tarot_classes_support', 'none');
SELECT may('tarot_classes_support') AS explicitly_none;
SELECT tarot.revoke_class('email', 'tarot_classes_support');
SELECT may('tarot_classes_support') AS revoked;
SELECT tarot.revoke_class('email', 'tarot_classes_support');
SELECT call, run('SELECT tarot.revoke_class(' || call || ')') FROM (VALUES ('''absent'', ''tarot_classes_app'''), ('NULL, NULL')) AS calls (call);

-- Membership: inherited as privileges are, through several roles, and the most of all that is held.
CREATE ROLE tarot_classes_team;
CREATE ROLE tarot_classes_lead INHERIT;
CREATE ROLE tarot_classes_quiet NOINHERIT;
GRANT ALL ON customer TO tarot_classes_lead;
GRANT tarot_classes_app TO tarot_classes_team;
GRANT tarot_classes_team TO tarot_classes_lead;
GRANT tarot_classes_app TO tarot_classes_quiet;
GRANT ALL ON customer TO tarot_classes_quiet;
SELECT may('tarot_classes_team') AS member, may('tarot_classes_lead') AS members_member, may('tarot_classes_quiet') AS noinherit;
SELECT tarot.grant_class('email', 'tarot_classes_lead', 'masked');
SELECT may('tarot_classes_lead') AS more_than_its_own_grant;
-- NOINHERIT must say SET ROLE, as for other privileges.
SET SESSION AUTHORIZATION tarot_classes_quiet;
SELECT ask('SELECT email FROM customer WHERE id = 2') AS before;
SET ROLE tarot_classes_app;
SELECT ask('SELECT email FROM customer WHERE id = 2') AS after;
RESET ROLE;
SELECT ask('SELECT email FROM customer WHERE id = 2') AS again;
RESET SESSION AUTHORIZATION;
REVOKE tarot_classes_app FROM tarot_classes_team;
SELECT may('tarot_classes_lead') AS what_is_left;
-- The admin option and being allowed to SET ROLE are not inheritance, and a role's owner is not its member.
CREATE ROLE tarot_classes_creator CREATEROLE;
GRANT ALL ON customer TO tarot_classes_creator;
SELECT may('tarot_classes_creator') AS createrole;
-- pg_read_all_data and pg_write_all_data read and write what is stored, not what is sealed.
CREATE ROLE tarot_classes_reader;
GRANT pg_read_all_data, pg_write_all_data TO tarot_classes_reader;
SELECT may('tarot_classes_reader') AS reads_all_data;
-- The owner of the database, and what is granted to them as such.
SELECT tarot.grant_class('email', 'pg_database_owner', 'masked');
CREATE ROLE tarot_classes_owner;
GRANT ALL ON customer TO tarot_classes_owner;
SELECT may('tarot_classes_owner') AS not_owner;
SELECT current_database() AS database, (SELECT datdba::regrole FROM pg_database WHERE datname = current_database()) AS owner \gset
ALTER DATABASE :"database" OWNER TO tarot_classes_owner;
SELECT may('tarot_classes_owner') AS owner;
ALTER DATABASE :"database" OWNER TO :"owner";
SELECT may('tarot_classes_owner') AS not_any_more;
SELECT tarot.revoke_class('email', 'pg_database_owner');
-- A superuser's membership counts as anyone's.
CREATE ROLE tarot_classes_super SUPERUSER;
SELECT may('tarot_classes_super') AS superuser;
GRANT tarot_classes_app TO tarot_classes_super;
SELECT may('tarot_classes_super') AS member;

-- A role that is dropped takes no grant to whoever comes after it under its name.
SELECT tarot.grant_class('email', 'tarot_classes_support', 'plain');
SELECT may('tarot_classes_support') AS granted;
DROP OWNED BY tarot_classes_support;
DROP ROLE tarot_classes_support;
SELECT count(*) AS shown FROM tarot.class_access WHERE class = 'email' AND grantee NOT LIKE 'tarot%';
CREATE ROLE tarot_classes_support;
GRANT ALL ON customer TO tarot_classes_support;
SELECT may('tarot_classes_support') AS another_of_that_name;
SELECT grantee, read FROM tarot.class_access WHERE class = 'email' ORDER BY grantee;
-- A renamed one keeps its own.
ALTER ROLE tarot_classes_app RENAME TO tarot_classes_application;
SELECT may('tarot_classes_application') AS renamed;

-- A class that is dropped takes its grants with it.
DROP TABLE customer;
SELECT tarot.drop_class('email');
SELECT tarot.create_class('email', 'profile');
SELECT grantee, read FROM tarot.class_access WHERE class = 'email';

-- Nobody but the superuser administers, unless EXECUTE is granted.
SET ROLE tarot_classes_support;
SELECT run(call) FROM (VALUES ('SELECT tarot.create_class(''mine'', ''profile'')'), ('SELECT tarot.alter_class(''email'', mask => ''null'')'),
	('SELECT tarot.drop_class(''email'')'), ('SELECT tarot.grant_class(''email'', ''tarot_classes_support'', ''plain'')'),
	('SELECT tarot.revoke_class(''email'', ''tarot_classes_support'')'), ('SELECT * FROM tarot.class_access'), ('SELECT * FROM tarot.class'),
	('SELECT * FROM tarot.class_grant'), ('INSERT INTO tarot.class_grant SELECT 1, 1, ''plain'', true, true, ''x''')) AS calls (call);
RESET ROLE;
GRANT EXECUTE ON FUNCTION tarot.grant_class(text, regrole, text, boolean, boolean, text, timestamptz) TO tarot_classes_support;
SET ROLE tarot_classes_support;
SELECT tarot.grant_class('email', 'tarot_classes_team', 'masked');
RESET ROLE;
SELECT grantee, read FROM tarot.class_access WHERE class = 'email';

DROP OWNED BY tarot_classes_application, tarot_classes_support, tarot_classes_team, tarot_classes_lead, tarot_classes_quiet,
	tarot_classes_creator, tarot_classes_reader, tarot_classes_owner, tarot_classes_super;
DROP ROLE tarot_classes_application, tarot_classes_support, tarot_classes_team, tarot_classes_lead, tarot_classes_quiet,
	tarot_classes_creator, tarot_classes_reader, tarot_classes_owner, tarot_classes_super;

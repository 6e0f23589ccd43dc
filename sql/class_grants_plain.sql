-- Grants that end, break-glass and purposes over plain columns, as over encrypted ones.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'
CREATE ROLE tarot_plain_app;
CREATE ROLE tarot_plain_support;
SELECT tarot.create_key('profile') > 0 AS created;
SELECT tarot.create_class('email', 'profile', 'email');
SELECT tarot.grant_class('email', current_user::regrole, 'plain'), tarot.grant_class('email', 'tarot_plain_app', 'plain'), tarot.grant_class('email', 'tarot_plain_support', 'masked');
CREATE TABLE lead (id int PRIMARY KEY, email text);
INSERT INTO lead VALUES (1, 'ada@plaintext.example'), (2, 'bob@plaintext.example'), (3, 'cyd@plaintext.example');
GRANT SELECT, INSERT, UPDATE ON lead TO tarot_plain_app, tarot_plain_support;
SELECT tarot.classify_column('lead', 'email', 'email');
SELECT tarot.mask_table('lead');
CREATE FUNCTION await(instant timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN WHILE clock_timestamp() <= instant LOOP PERFORM pg_sleep(0.01); END LOOP; RETURN true; END $$;

-- ------------------------------------------------------------ a grant that ends
SELECT tarot.grant_class('email', 'tarot_plain_support', 'plain', valid_until => clock_timestamp() + interval '3 seconds');
SELECT valid_until AS ends FROM tarot.class_access WHERE grantee = 'tarot_plain_support' AND read = 'plain' \gset
SET ROLE tarot_plain_support;
SET plan_cache_mode = force_generic_plan;
PREPARE seen AS SELECT email FROM lead WHERE id = 1;
EXECUTE seen;
BEGIN;
DECLARE some_cursor CURSOR FOR SELECT email FROM lead;
FETCH 1 FROM some_cursor;
SELECT email, CASE WHEN id = 1 THEN await(:'ends') END AS waited FROM lead;
FETCH 1 FROM some_cursor;
COMMIT;
EXECUTE seen;
SELECT email FROM lead WHERE id = 1;
SELECT count(*) FROM lead WHERE email = 'ada@plaintext.example';
RESET ROLE;

-- ------------------------------------------------------------ break-glass
SELECT tarot.allow_break_glass('email', 'tarot_plain_support');
SET ROLE tarot_plain_support;
BEGIN;
SELECT tarot.break_glass('email', 'the till is down, ticket 4711', '10 minutes') IS NOT NULL AS broken;
SELECT email FROM lead WHERE id = 1;
EXECUTE seen;
ROLLBACK;
EXECUTE seen;
SELECT tarot.break_glass('email', 'the till is down, ticket 4711', '10 minutes') IS NOT NULL AS broken;
EXECUTE seen;
SELECT email FROM lead WHERE email = 'ada@plaintext.example';
SELECT lead FROM lead WHERE id = 1;
SELECT tarot.end_break_glass('email');
EXECUTE seen;
SELECT email FROM lead WHERE id = 1;
RESET ROLE;

-- ------------------------------------------------------------ a purpose
SET ROLE tarot_plain_app;
PREPARE theirs AS SELECT email FROM lead WHERE id = 1;
EXECUTE theirs;
RESET ROLE;
SELECT tarot.set_class_purposes('email', '{billing}');
SET ROLE tarot_plain_app;
EXECUTE theirs;
SELECT email FROM lead;
SELECT count(*) FROM lead WHERE email LIKE 'ada%';
SELECT max(email) FROM lead;
SELECT lead FROM lead;
COPY lead TO STDOUT;
CREATE TEMP TABLE copied AS SELECT email FROM lead;
UPDATE lead SET email = email || 'x';
SELECT id FROM lead ORDER BY id;
BEGIN;
SET LOCAL tarot_security.purpose = 'billing';
EXECUTE theirs;
SELECT email FROM lead ORDER BY id;
SELECT count(*) FROM lead WHERE email LIKE 'ada%';
SELECT lead FROM lead WHERE id = 1;
COPY lead TO STDOUT;
COMMIT;
EXECUTE theirs;
SET tarot_security.io = masked;
SELECT email FROM lead WHERE id = 1;
RESET tarot_security.io;
SET ROLE tarot_plain_support;
SELECT email FROM lead WHERE id = 1;
RESET ROLE;
SELECT tarot.set_class_purposes('email', NULL);
SET ROLE tarot_plain_app;
EXECUTE theirs;
RESET ROLE;

DROP TABLE lead;
DROP EXTENSION tarot_security CASCADE;
DROP ROLE tarot_plain_app, tarot_plain_support;

-- Attacks that write masks or placeholders over the truth, and one that fills memory.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE EXTENSION tarot_security;
SELECT tarot.create_key('k') > 0 AS created, tarot.create_class('c', 'k', 'email');
CREATE ROLE tarot_attack_app;
CREATE ROLE tarot_attack_importer;
CREATE ROLE tarot_attack_nobody;
SELECT tarot.grant_class('c', 'tarot_attack_app', 'plain'), tarot.grant_class('c', 'tarot_attack_importer', 'none', write => true);
CREATE TABLE t (v tarot.encrypted_text('c'));
GRANT ALL ON t TO tarot_attack_app, tarot_attack_importer;
SET ROLE tarot_attack_app;
INSERT INTO t VALUES ('Ada@Example.org');
RESET ROLE;

-- A setting of the caller makes somebody else's function read masks: it must not write them.
CREATE FUNCTION lowered() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'UPDATE t SET v = lower(v::text)';
ALTER FUNCTION lowered() OWNER TO tarot_attack_app;
SET ROLE tarot_attack_nobody;
SET tarot_security.io = masked;
SELECT lowered();
RESET ROLE;

-- Nor does ALTER TABLE store what its role sees, under any setting.
ALTER TABLE t ALTER v TYPE text;
SET row_security = off;
ALTER TABLE t ALTER v TYPE text;
SET ROLE tarot_attack_app;
BEGIN;
UPDATE t SET v = v;
ROLLBACK;
RESET row_security;
RESET tarot_security.io;
SELECT * FROM t;

-- A placeholder stays one in another case.
SET ROLE tarot_attack_importer;
UPDATE t SET v = upper(v);
UPDATE t SET v = initcap(v::text);
RESET ROLE;

-- Numbers of no class are not remembered.
SET ROLE tarot_attack_nobody;
SELECT count(format_type('tarot.encrypted_text'::regtype, g)) FROM generate_series(1, 20000) g;
RESET ROLE;
SELECT sum(total_bytes) < 100000 AS small FROM pg_backend_memory_contexts WHERE name LIKE 'tarot_security classes%';

SET ROLE tarot_attack_app;
SELECT * FROM t;
SELECT lowered();
SELECT * FROM t;
RESET ROLE;
\set VERBOSITY terse
DROP FUNCTION lowered();
DROP EXTENSION tarot_security CASCADE;
DROP OWNED BY tarot_attack_app, tarot_attack_importer, tarot_attack_nobody;
DROP ROLE tarot_attack_app, tarot_attack_importer, tarot_attack_nobody;

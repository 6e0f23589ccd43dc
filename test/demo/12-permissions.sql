-- What they may do: a client as a web application is one, and a person, an agent and an administrator who come through it.

\connect - postgres
-- Roles of the platform, and what they permit. The issuer's tokens may name them.
SELECT tarot.grant_permission('User', 'profile:read'),
	tarot.grant_permission('Agent', 'customers:list'),
	tarot.grant_permission('Admin', '*') \g /dev/null
SELECT tarot.set_issuer_roles('login', claim => 'roles', roles => '{User,Agent,Admin}') \g /dev/null
-- Single readings are given to agents, for as long as they work on them.
SELECT tarot.grant_on('reading', '1', 'readings:read', subject => 'oracle-7', valid_until => now() + interval '1 hour') \g /dev/null
-- Which rows: one's own; all, for who may list them; and readings one by one.
SET client_min_messages = warning;
SELECT tarot.protect_rows('customer', owner => 'handle'),
	tarot.protect_rows('customer', permission => 'customers:list'),
	tarot.protect_rows('reading', owner => 'customer_id', claim => 'customer'),
	tarot.protect_rows('reading', resource => 'reading', permission => 'readings:read'),
	tarot.protect_rows('reading', permission => 'readings:read') \g /dev/null
RESET client_min_messages;
-- Which values: masks for the application, and the clear for a request whose bearer may.
SELECT tarot.grant_class(class, 'web', 'masked', write => true), tarot.grant_class(class, 'web', 'plain', permission => 'profile:read')
	FROM unnest('{name,email,phone}'::text[]) AS class \g /dev/null
SELECT tarot.sign_jwt('{"sub": "moonchild-00001", "customer": 1, "roles": ["User"]}', 'login') AS zoe,
	tarot.sign_jwt('{"sub": "oracle-7", "roles": ["Agent"]}', 'login') AS agent,
	tarot.sign_jwt('{"sub": "eleni", "roles": ["Admin"]}', 'login') AS admin \gset

\connect - web
\echo > PREPARE page AS SELECT id, name, email FROM customer ORDER BY id LIMIT 3;
PREPARE page AS SELECT id, name, email FROM customer ORDER BY id LIMIT 3;
PREPARE seen AS SELECT (SELECT count(*) FROM customer) AS customers, (SELECT count(*) FROM customer WHERE email LIKE '%@%' AND email NOT LIKE '%***%') AS in_clear, (SELECT count(*) FROM reading) AS readings;
\echo The request of a person:
BEGIN;
SELECT tarot.authenticate(:'zoe') \g /dev/null
EXECUTE page;
EXECUTE seen \gset
SELECT demo.claim('Zoe sees herself, in the clear, and her own readings', (:customers, :in_clear) = (1, 1) AND :readings = (SELECT count(*) FROM reading WHERE customer_id = 1) AND :readings > 0);
INSERT INTO reading SELECT 1000000, 2, '2026-11-22', 'q', 'r';
\set refused :SQLSTATE
ROLLBACK;
SELECT demo.claim('She writes none for somebody else', :'refused' = '42501');
\echo The request of an agent:
BEGIN;
SELECT tarot.authenticate(:'agent') \g /dev/null
EXECUTE page;
EXECUTE seen \gset
SELECT demo.claim('The agent sees all customers as masks, and the one reading that it was given', (:customers, :in_clear, :readings) = (10000, 0, 1));
COMMIT;
\echo The request of an administrator:
BEGIN;
SELECT tarot.authenticate(:'admin') \g /dev/null
EXECUTE page;
EXECUTE seen \gset
SELECT demo.claim('The administrator sees all of it, by the same statements of the same session', :customers = 10000 AND :in_clear > 9000 AND :readings > 1);
COMMIT;
EXECUTE seen \gset
SELECT demo.claim('Between requests the application is nobody, and sees nothing', (:customers, :in_clear, :readings) = (0, 0, 0));

\connect - postgres
\echo '> SELECT * FROM tarot.explain_access(''oracle-7'', ''readings:read'', ''reading'', ''1'');'
SELECT allows, regexp_replace(reason, ' until .*', ' until ...') AS reason FROM tarot.explain_access('oracle-7', 'readings:read', 'reading', '1');
SELECT demo.claim('Why somebody may, or may not, can be asked', bool_and(allows)) FROM tarot.explain_access('oracle-7', 'readings:read', 'reading', '1');
\echo '> SELECT * FROM tarot.policy_report(ARRAY[$1, $2, $3, NULL], ''web'');'
SELECT "table", coalesce(subject, '(nobody)') AS subject, visible, total FROM tarot.policy_report(ARRAY[:'zoe', :'agent', :'admin', NULL], 'web');
SELECT demo.claim('Who sees how many rows has been tried out, not guessed', count(*) = 8 AND count(*) FILTER (WHERE visible = 0) = 2 AND bool_and(sqlstate IS NULL))
	FROM tarot.policy_report(ARRAY[:'zoe', :'agent', :'admin', NULL], 'web');
-- The rest of the demo goes on as before.
SET client_min_messages = warning;
SELECT tarot.unprotect_rows('customer'), tarot.unprotect_rows('reading') \g /dev/null
SELECT tarot.revoke_class(class, 'web', 'profile:read'), tarot.grant_class(class, 'web', 'plain') FROM unnest('{name,email,phone}'::text[]) AS class \g /dev/null
RESET client_min_messages;

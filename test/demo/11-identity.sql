-- Who is there: the application is one role, and its users come with tokens that the database verifies itself.

\connect - postgres
\set secret `openssl rand -hex 32`
SELECT tarot.create_issuer('login', issuer => 'https://login.tarot.example', audience => ARRAY['readings'], secret => :'secret') \g /dev/null
SELECT tarot.sign_jwt('{"sub": "moonchild-00001"}', 'login') AS zoe, tarot.sign_jwt('{"sub": "oracle-7"}', 'login') AS agent,
	tarot.sign_jwt(jsonb_build_object('sub', 'moonchild-00001', 'iat', extract(epoch FROM now())::int - 90000, 'exp', extract(epoch FROM now())::int - 3700), 'login') AS old \gset
CREATE POLICY own ON customer FOR SELECT TO web USING (handle = (SELECT tarot.subject()));
ALTER TABLE customer ENABLE ROW LEVEL SECURITY;

\connect - web
SELECT demo.claim('Nobody has authenticated: the application sees no customer', count(*) = 0) FROM customer;
\echo > BEGIN; SELECT tarot.authenticate($1);
BEGIN;
SELECT tarot.authenticate(:'zoe') \g /dev/null
SELECT tarot.subject(), handle, email FROM customer;
SELECT demo.claim('With Zoe''s token it sees Zoe, and her address in the clear', count(*) = 1 AND bool_and(handle = 'moonchild-00001')) FROM customer;
SET tarot_security.identity = 'somebody';
\set refused :SQLSTATE
ROLLBACK;
SELECT demo.claim('No SQL makes it anybody else: SET is refused', :'refused' = '42501');
SELECT demo.claim('The identity ends with the transaction', tarot.subject() IS NULL);
BEGIN;
SELECT tarot.authenticate(:'agent') \g /dev/null
SELECT demo.claim('An agent''s token shows no customer', count(*) = 0) FROM customer;
ROLLBACK;
SELECT demo.claim('A token of yesterday, or one with a letter changed, is refused',
	tarot.check_jwt(:'old') IN ('expired', 'too_old') AND tarot.check_jwt(overlay(:'zoe' PLACING 'x' FROM length(:'zoe') - 9)) IN ('bad_signature', 'malformed'));
\connect - postgres
SET ROLE web;
BEGIN;
SELECT tarot.authenticate(:'zoe') \g /dev/null
\set suspended `psql -X -q -At -c "SELECT tarot.set_principal('moonchild-00001', status => 'suspended')"`
SELECT count(*) FROM customer;
\set refused :SQLSTATE
ROLLBACK;
SELECT demo.claim('Suspended meanwhile by somebody else: her next statement fails', :'refused' = 'TS319');
RESET ROLE;
DROP POLICY own ON customer;
ALTER TABLE customer DISABLE ROW LEVEL SECURITY;
SELECT tarot.set_principal('moonchild-00001', status => 'active') \g /dev/null

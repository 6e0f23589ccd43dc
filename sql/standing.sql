-- Who is no longer welcome: revoked tokens, subjects and issuers, and the status of principals.
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
SELECT tarot.create_issuer('partner', 'https://partner.example', '{}', secret => repeat('p', 32), subject_prefix => 'partner:');

-- Tokens of yesterday evening, so to speak: issued a minute ago, each with its "jti".
CREATE FUNCTION issue(issuer text, subject text, id text) RETURNS text LANGUAGE sql AS
	$$ SELECT tarot.sign_jwt(jsonb_strip_nulls(jsonb_build_object('sub', subject, 'jti', id)) || jsonb_build_object('iat', floor(extract(epoch FROM now())) - 60, 'exp', floor(extract(epoch FROM now())) + 3600), issuer) $$;
CREATE TABLE token AS SELECT issuer, subject, id, issue(issuer, subject, id) AS token
	FROM (VALUES ('app', 'ada', 'a1'), ('app', 'ada', 'a2'), ('app', 'bob', 'b1'), ('partner', 'ada', 'a1'), ('app', 'partner:ada', 'c1'), ('app', NULL, 'd1')) AS t (issuer, subject, id);
CREATE VIEW standing AS SELECT issuer, subject, id, tarot.check_jwt(token) FROM token ORDER BY issuer, subject, id;
TABLE standing;

-- Bad input.
SELECT call, run('SELECT tarot.' || call) FROM unnest(ARRAY['revoke_token(NULL, ''a1'')', 'revoke_token(''absent'', ''a1'')', 'revoke_token(''app'', NULL)', 'revoke_token(''app'', '''')', 'revoke_token(''app'', repeat(''x'', 256))',
	'revoke_token(''app'', ''x'', NULL)', 'revoke_subject(NULL)', 'revoke_subject('''')', 'revoke_subject(''ada'', NULL)', 'revoke_subject(repeat(''x'', 319))', 'revoke_issuer(NULL)', 'revoke_issuer(''absent'')', 'revoke_issuer(''app'', NULL)',
	'set_principal(NULL)', 'set_principal('''')', 'set_principal(repeat(''x'', 319))', 'set_principal(''ada'', ''robot'')', 'set_principal(''ada'', status => ''gone'')', 'set_principal(''ada'', '''')', 'set_principal(''ada'', status => ''Active'')']) AS call;
SELECT count(*) FROM (SELECT 1 FROM tarot.principal UNION ALL SELECT 1 FROM tarot.revoked_token) AS t;

-- One token: that of its issuer alone, and not those without a "jti" or with another. A subject: with the prefix.
BEGIN;
SELECT tarot.revoke_token('app', 'a1');
TABLE standing;
SELECT run(format('SELECT tarot.verify_jwt(%L)', token)) FROM token WHERE id = 'a1' AND issuer = 'app';
SELECT run(format('SELECT tarot.authenticate(%L)', token)) FROM token WHERE id = 'a1' AND issuer = 'app';
-- Twice does no harm, and the later end stays.
SELECT tarot.revoke_token('app', 'a1', '2000-01-01');
SELECT expires_at FROM tarot.revoked_token;
ROLLBACK;
BEGIN;
SELECT tarot.revoke_subject('ada');
TABLE standing;
ROLLBACK;
BEGIN;
SELECT tarot.revoke_subject('partner:ada');
TABLE standing;
-- Issued later, it is good; the second of the revocation counts as before it.
SELECT tarot.check_jwt(tarot.sign_jwt(jsonb_build_object('sub', 'partner:ada', 'iat', ceil(extract(epoch FROM issued_before))), 'app')), tarot.check_jwt(tarot.sign_jwt(jsonb_build_object('sub', 'partner:ada', 'iat', floor(extract(epoch FROM issued_before))), 'app')) FROM tarot.principal WHERE subject = 'partner:ada';
-- An earlier time takes nothing back.
SELECT tarot.revoke_subject('partner:ada', '-infinity');
TABLE standing;
ROLLBACK;
BEGIN;
SELECT tarot.revoke_subject('ada', now() - interval '2 minutes'), tarot.revoke_issuer('partner', 'infinity');
TABLE standing;
ROLLBACK;
BEGIN;
SELECT tarot.revoke_issuer('app');
TABLE standing;
ROLLBACK;
-- The last time that the server knows is one, too.
BEGIN;
SELECT tarot.revoke_subject('ada', '294276-12-31'), tarot.revoke_issuer('partner', '294276-12-31');
TABLE standing;
ROLLBACK;
TABLE standing;

-- Principals.
BEGIN;
SELECT tarot.set_principal('ada'), tarot.set_principal('bob', 'agent'), tarot.set_principal('partner:ada', 'service', 'suspended');
SELECT subject, kind, status, created_at = now() AS new, status_since = now() AS since FROM tarot.principal ORDER BY subject;
TABLE standing;
SELECT tarot.set_principal('ada', status => 'banned'), tarot.set_principal('bob', status => 'deleted'), tarot.set_principal('partner:ada', 'user');
SELECT subject, kind, status FROM tarot.principal ORDER BY subject;
TABLE standing;
SELECT subject, id, run(format('SELECT tarot.verify_jwt(%L)', token)), run(format('SELECT tarot.authenticate(%L)', token)) FROM token ORDER BY 1, 2;
SELECT tarot.set_principal('ada', status => 'active'), tarot.set_principal('bob', status => 'active'), tarot.set_principal('partner:ada', status => 'active');
TABLE standing;
-- What only a later version may know of is not welcome.
ALTER TABLE tarot.principal DROP CONSTRAINT principal_status_check;
UPDATE tarot.principal SET status = 'archived' WHERE subject = 'bob';
TABLE standing;
ROLLBACK;
-- A revoked token of somebody who is banned, too, is revoked; of a revoked issuer too.
BEGIN;
SELECT tarot.set_principal('bob', status => 'banned'), tarot.revoke_token('app', 'b1'), tarot.revoke_issuer('app');
SELECT check_jwt FROM standing WHERE subject = 'bob';
ROLLBACK;

-- Savepoints, and a session that has been found welcome.
BEGIN;
SELECT tarot.authenticate(token) FROM token WHERE id = 'b1';
SELECT tarot.subject();
SAVEPOINT s;
SELECT tarot.set_principal('bob', status => 'suspended');
SELECT ask(call) FROM unnest(ARRAY['SELECT tarot.subject()', 'SELECT tarot.claims()', 'SELECT tarot.claim(''sub'')', 'SELECT tarot.issuer()', 'SELECT tarot.token_id()', 'SELECT tarot.expires_at()']) AS call;
ROLLBACK TO s;
SELECT tarot.subject();
SELECT tarot.revoke_token('app', 'b1');
SELECT ask('SELECT tarot.subject()');
ROLLBACK TO s;
SELECT tarot.drop_issuer('app');
SELECT ask('SELECT tarot.subject()');
ROLLBACK TO s;
SELECT tarot.alter_issuer('app', subject_prefix => 'p/');
SELECT tarot.subject();
SELECT tarot.revoke_subject('p/bob');
SELECT ask('SELECT tarot.subject()');
ROLLBACK TO s;
-- An issuer that comes anew is another one, though it has the same name, "iss" and keys: it did not vouch for who is here. So is one that takes over.
SELECT tarot.drop_issuer('app'), tarot.create_issuer('app', 'https://app.example', '{}', secret => repeat('s', 32));
SELECT ask('SELECT tarot.subject()');
SELECT tarot.authenticate(token) FROM token WHERE id = 'b1';
SELECT tarot.subject();
SELECT tarot.alter_issuer('app', issuer => 'https://aside.example'), tarot.alter_issuer('partner', issuer => 'https://app.example');
SELECT ask('SELECT tarot.subject()');
SELECT tarot.alter_issuer('partner', issuer => 'https://partner.example'), tarot.alter_issuer('app', issuer => 'https://app.example', secret => convert_to(repeat('t', 32), 'UTF8'));
SELECT tarot.subject();
ROLLBACK TO s;
SELECT tarot.subject();
SELECT tarot.revoke_subject('bob');
SELECT ask('SELECT tarot.subject()');
-- Who is refused can still leave.
SELECT tarot.sign_out();
SELECT tarot.subject();
ROLLBACK;

-- That nobody is refused is known until somebody is, also where it was so in a part of a transaction alone.
CREATE FUNCTION standing_of_new_tokens() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT tarot.check_jwt(tarot.sign_jwt('{"sub": "new", "jti": "n1"}', 'app')) || ' ' || tarot.check_jwt(tarot.sign_jwt('{"sub": "suspect"}', 'app')) $$;
TRUNCATE tarot.revoked_token, tarot.principal;
SELECT standing_of_new_tokens();
BEGIN;
SELECT tarot.revoke_token('app', 'n1');
SELECT standing_of_new_tokens();
SAVEPOINT s;
SELECT tarot.set_principal('suspect', status => 'suspended');
SELECT standing_of_new_tokens();
TRUNCATE tarot.revoked_token;
SELECT standing_of_new_tokens();
TRUNCATE tarot.principal;
SELECT standing_of_new_tokens();
ROLLBACK TO s;
SELECT standing_of_new_tokens();
COMMIT;
SELECT standing_of_new_tokens();
BEGIN;
TRUNCATE tarot.revoked_token;
SELECT standing_of_new_tokens();
ROLLBACK;
SELECT standing_of_new_tokens();
-- Rows that are gone leave room, which is no row.
DELETE FROM tarot.revoked_token;
SELECT standing_of_new_tokens();

-- What is forgotten, and what is not: an end that is known and past, and what no max_age reaches.
INSERT INTO tarot.revoked_token VALUES ('app', 'past', now() - interval '25 hours', now()), ('app', 'just', now() - interval '23 hours', now() - interval '40 days'), ('app', 'open', 'infinity', now() - interval '366 days'),
	('app', 'old', 'infinity', now() - interval '368 days');
SELECT tarot.prune_revocations();
SELECT token_id FROM tarot.revoked_token ORDER BY token_id;
SELECT tarot.prune_revocations();

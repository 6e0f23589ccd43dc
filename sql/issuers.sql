-- Issuers: whose tokens are trusted, by which keys; what is refused; what becomes of their keys.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\i :source/sql/include/tokens.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'

-- Without a key there is nothing to seal a secret with.
SELECT run('SELECT tarot.create_issuer(''a'', ''https://a.example'', ''{api}'', secret => repeat(''s'', 32))');
SELECT tarot.create_key('profile') > 0 AS created;

-- ------------------------------------------------------------ keys of the RFCs

CREATE TABLE jwk (name text, kid text, public jsonb, private jsonb);
-- RFC 7515, A.2
INSERT INTO jwk SELECT 'rsa', 'r', k - 'd', k FROM jsonb_build_object('kty', 'RSA', 'kid', 'r', 'e', 'AQAB', 'n',
	'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5re'
	|| 'xMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ', 'd',
	'Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51'
	|| 'gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ') AS k;
-- RFC 7515, A.3
INSERT INTO jwk SELECT 'ec', 'e', k - 'd', k FROM jsonb_build_object('kty', 'EC', 'crv', 'P-256', 'kid', 'e', 'x', 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
	'y', 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0', 'd', 'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI') AS k;
-- RFC 8037, A.1, which has no kid and is called by its thumbprint
INSERT INTO jwk SELECT 'ed', NULL, k - 'd', k FROM jsonb_build_object('kty', 'OKP', 'crv', 'Ed25519', 'x', '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
	'd', 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A') AS k;
-- RFC 7515, A.1
INSERT INTO jwk VALUES ('hmac', NULL, NULL, '{"kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}');

-- One that signs, and one that has its public key alone, for each kind.
SELECT name, tarot.create_issuer(name, 'https://' || name || '.example', '{api,web}', signing_key => private) FROM jwk ORDER BY name;
SELECT name, tarot.create_issuer('public ' || name, 'https://public.' || name || '.example', '{api}', jwks => jsonb_build_object('keys', jsonb_build_array(public))) FROM jwk WHERE public IS NOT NULL ORDER BY name;
SELECT name, issuer, audience, algorithms, max_age, leeway, subject_prefix, database_role_claim, database_roles, signs, public_keys FROM tarot.issuer_status ORDER BY name;

-- Nothing secret lies in the table, or can be asked for.
SELECT name, jwks::text ~ '"d"|"k"' AS private_in_jwks, encode(private_key, 'escape') ~ 'kty' AS private_in_the_clear FROM tarot.issuer ORDER BY name;

-- Each signs by each algorithm that its key is for, and the token says who it is.
CREATE FUNCTION sign_and_verify(issuer text, algorithm text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	token text;
	header jsonb;
	claims jsonb;
BEGIN
	PERFORM tarot.alter_issuer(issuer, algorithms => ARRAY[algorithm]);
	token := tarot.sign_jwt('{"sub": "ada", "admin": true}', issuer);
	header := convert_from(decode(translate(split_part(token, '.', 1), '-_', '+/') || repeat('=', (4 - length(split_part(token, '.', 1)) % 4) % 4), 'base64'), 'UTF8');
	claims := tarot.verify_jwt(token);
	RETURN format('%s %s: %s', header, claims - ARRAY['iat', 'exp', 'jti'], (claims ->> 'exp')::bigint - (claims ->> 'iat')::bigint);
END
$$;
SELECT issuer, algorithm, sign_and_verify(issuer, algorithm) FROM (VALUES
	('hmac', 'HS256'), ('hmac', 'HS384'), ('hmac', 'HS512'), ('rsa', 'RS256'), ('rsa', 'RS384'), ('rsa', 'RS512'), ('rsa', 'PS256'), ('rsa', 'PS384'), ('rsa', 'PS512'),
	('ec', 'ES256'), ('ed', 'EdDSA'), ('ed', 'Ed25519')) AS t (issuer, algorithm);
SELECT issuer, algorithm, run(format('SELECT tarot.alter_issuer(%L, algorithms => ARRAY[%L])', issuer, algorithm)) FROM (VALUES
	('hmac', 'RS256'), ('rsa', 'HS256'), ('rsa', 'ES256'), ('ec', 'ES384'), ('ec', 'EdDSA'), ('ed', 'ES256'), ('ec', 'none'), ('ec', 'es256'), ('ec', ''), ('ec', NULL)) AS t (issuer, algorithm);

-- A secret as text is its UTF-8 bytes, as bytea itself; both are the same key.
SELECT tarot.create_issuer('text', 'https://text.example', '{api}', secret => 'fünfunddreißig Zeichen, nein: mehr!!');
SELECT tarot.create_issuer('bytes', 'https://bytes.example', '{api}', secret => convert_to('fünfunddreißig Zeichen, nein: mehr!!', 'UTF8'));
SELECT issuer, tarot.check_jwt(forge('{"alg":"HS256"}', convert_to(format('{"iss":"https://%s.example","aud":"api","iat":%s,"exp":%s}', issuer, now, now + 60), 'UTF8'), convert_to('fünfunddreißig Zeichen, nein: mehr!!', 'UTF8')))
	FROM unnest(ARRAY['text', 'bytes']) AS issuer, LATERAL (SELECT floor(extract(epoch FROM now())) AS now) AS n;

-- ------------------------------------------------------------ bad input

-- "ok", or how it failed, with the detail.
CREATE FUNCTION create_with(arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	EXECUTE 'SELECT tarot.create_issuer(' || arguments || ')';
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN SQLSTATE || ': ' || SQLERRM || ' / ' || detail;
END
$$;
SELECT arguments, create_with(replace(arguments, '@', 'secret => repeat(''s'', 32)')) FROM (VALUES
	(1, 'NULL, ''i'', ''{a}'', @'), (2, ''''', ''i'', ''{a}'', @'), (3, 'repeat(''n'', 64), ''i'', ''{a}'', @'), (4, 'E''a\nb'', ''i'', ''{a}'', @'), (5, '''hmac'', ''i'', ''{a}'', @'),
	(6, '''n'', NULL, ''{a}'', @'), (7, '''n'', '''', ''{a}'', @'), (8, '''n'', repeat(''i'', 1025), ''{a}'', @'), (9, '''n'', ''https://hmac.example'', ''{a}'', @'),
	(10, '''n'', ''i'', NULL, @'), (11, '''n'', ''i'', ''{NULL}'', @'), (12, '''n'', ''i'', ''{a,""}'', @'), (13, '''n'', ''i'', ''a'', @'),
	(14, '''n'', ''i'', ''{a}'''), (15, '''n'', ''i'', ''{a}'', secret => NULL::text'), (16, '''n'', ''i'', ''{a}'', secret => '''''), (17, '''n'', ''i'', ''{a}'', secret => repeat(''s'', 31)'),
	(18, '''n'', ''i'', ''{a}'', secret => repeat(''s'', 1025)'), (19, '''n'', ''i'', ''{a}'', @, algorithms => ''{}'''), (20, '''n'', ''i'', ''{a}'', @, algorithms => ''{HS512}'''),
	(21, '''n'', ''i'', ''{a}'', @, algorithms => ''{HS256,NULL}'''), (22, '''n'', ''i'', ''{a}'', @, algorithms => ''{HS256,none}'''), (23, '''n'', ''i'', ''{a}'', @, algorithms => ''{HS256,RS256}'''),
	(24, '''n'', ''i'', ''{a}'', @, max_age => NULL'), (25, '''n'', ''i'', ''{a}'', @, max_age => ''999 milliseconds'''), (26, '''n'', ''i'', ''{a}'', @, max_age => ''367 days'''),
	(27, '''n'', ''i'', ''{a}'', @, leeway => NULL'), (28, '''n'', ''i'', ''{a}'', @, leeway => ''-1 second'''), (29, '''n'', ''i'', ''{a}'', @, leeway => ''601 seconds'''),
	(30, '''n'', ''i'', ''{a}'', @, subject_prefix => NULL'), (31, '''n'', ''i'', ''{a}'', @, subject_prefix => repeat(''p'', 64)'),
	(32, '''n'', ''i'', ''{a}'', @, database_role_claim => ''role'''), (33, '''n'', ''i'', ''{a}'', @, database_roles => ''{pg_monitor}'''), (34, '''n'', ''i'', ''{a}'', @, database_role_claim => ''role'', database_roles => ''{}'''),
	(35, '''n'', ''i'', ''{a}'', @, database_role_claim => ''role'', database_roles => ''{absent}'''), (36, '''n'', ''i'', ''{a}'', @, database_role_claim => ''role'', database_roles => ''{NULL}'''),
	(37, '''n'', ''i'', ''{a}'', @, database_role_claim => ''role'', database_roles => ARRAY[current_user]'), (38, '''n'', ''i'', ''{a}'', @, database_role_claim => '''', database_roles => ''{pg_monitor}'''),
	(39, '''n'', ''i'', ''{a}'', @, database_role_claim => repeat(''r'', 64), database_roles => ''{pg_monitor}''')) AS calls (i, arguments) ORDER BY i;
-- Key sets and keys.
SELECT label, create_with(format('''n'', ''i'', ''{a}'', jwks => %L', keys)) FROM (
	SELECT 1 AS i, 'null' AS label, 'null' AS keys
	UNION ALL SELECT 2, 'array', '[]'
	UNION ALL SELECT 3, 'text', '"keys"'
	UNION ALL SELECT 4, 'empty', '{}'
	UNION ALL SELECT 5, 'no keys', '{"keys": []}'
	UNION ALL SELECT 6, 'keys no array', '{"keys": {}}'
	UNION ALL SELECT 7, 'unknown kinds', '{"keys": [{"kty": "XYZ"}, {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}]}'
	UNION ALL SELECT 8, 'private key', jsonb_build_object('keys', jsonb_build_array((SELECT private FROM jwk WHERE name = 'ec')))::text
	UNION ALL SELECT 9, 'secret in a set', jsonb_build_object('keys', jsonb_build_array((SELECT private FROM jwk WHERE name = 'hmac')))::text
	UNION ALL SELECT 10, 'not on the curve', jsonb_set(public, '{x}', '"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEA"')::text FROM jwk WHERE name = 'ec'
	UNION ALL SELECT 11, 'x too short', jsonb_set(public, '{x}', '"f83O"')::text FROM jwk WHERE name = 'ec'
	UNION ALL SELECT 12, 'no y', (public - 'y')::text FROM jwk WHERE name = 'ec'
	UNION ALL SELECT 13, 'small order', jsonb_set(public, '{x}', '"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"')::text FROM jwk WHERE name = 'ed'
	UNION ALL SELECT 14, 'RSA of 1024 bits', jsonb_set(public, '{n}', to_jsonb(right(public ->> 'n', 172)))::text FROM jwk WHERE name = 'rsa'
	UNION ALL SELECT 15, 'RSA exponent 3', jsonb_set(public, '{e}', '"Aw"')::text FROM jwk WHERE name = 'rsa'
	UNION ALL SELECT 16, 'padded base64', jsonb_set(public, '{e}', '"AQAB="')::text FROM jwk WHERE name = 'rsa'
	UNION ALL SELECT 17, 'for encryption', (public || '{"use": "enc"}')::text FROM jwk WHERE name = 'rsa'
	UNION ALL SELECT 18, 'key_ops for signing', (public || '{"key_ops": ["sign"]}')::text FROM jwk WHERE name = 'rsa'
	UNION ALL SELECT 19, 'alg of another kind', (public || '{"alg": "ES256"}')::text FROM jwk WHERE name = 'rsa'
	UNION ALL SELECT 20, '33 keys', (SELECT jsonb_build_object('keys', jsonb_agg(public)) FROM jwk, generate_series(1, 33) WHERE name = 'ed')::text
	UNION ALL SELECT 21, 'second key bad', jsonb_build_object('keys', jsonb_build_array(public, public - 'x'))::text FROM jwk WHERE name = 'ed') AS t ORDER BY i;
SELECT create_with(format('''n'', ''i'', ''{a}'', jwks => %L, algorithms => ''{ES256}''', public)) FROM jwk WHERE name = 'ed';
SELECT label, create_with(format('''n'', ''i'', ''{a}'', signing_key => %L', key)) FROM (
	SELECT 1 AS i, 'public key' AS label, public::text AS key FROM jwk WHERE name = 'ec'
	UNION ALL SELECT 2, 'halves of two', jsonb_set(private, '{d}', '"AAAQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"')::text FROM jwk WHERE name = 'ec'
	UNION ALL SELECT 3, 'a set', jsonb_build_object('keys', jsonb_build_array(private))::text FROM jwk WHERE name = 'ec'
	UNION ALL SELECT 4, 'short secret', '{"kty": "oct", "k": "c2hvcnQ"}'
	UNION ALL SELECT 5, 'a number', '5') AS t ORDER BY i;
SELECT create_with(format('''n'', ''i'', ''{a}'', secret => ''\x%s'', signing_key => %L', repeat('ab', 32), private)) FROM jwk WHERE name = 'ec';

-- A public key must not become a secret that everybody knows, as it would be where text wins over jsonb.
SELECT name, create_with(format('''n'', ''i'', ''{a}'', %L', public)) FROM jwk WHERE public IS NOT NULL ORDER BY name;
SELECT create_with('''n'', ''i'', ''{a}'', secret => ''-----BEGIN PUBLIC KEY-----MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE-----END PUBLIC KEY-----''');
SELECT create_with(format('''n'', ''i'', ''{a}'', secret => convert_to(%L, ''UTF8'')', jsonb_build_object('keys', jsonb_build_array(public)))) FROM jwk WHERE name = 'ec';
SELECT run(format('SELECT tarot.alter_issuer(''hmac'', secret => convert_to(%L, ''UTF8''))', public)) FROM jwk WHERE name = 'ec';
-- Nothing of all that is there.
SELECT count(*) FROM tarot.issuer;
-- What is odd but right: no audience, several dimensions, other subscripts, names of any kind.
SELECT create_with('''odd'', repeat(''i'', 1024), ''{}'', secret => repeat(''s'', 1024), max_age => ''366 days'', leeway => ''0'', subject_prefix => repeat(''p'', 63)');
SELECT create_with('''o''''brien "q" ключ'', ''o''''brien "q" ключ'', ''[5:6]={a,b}'', secret => repeat(''s'', 32)');
SELECT create_with('''square'', ''square'', ''{{a,b},{c,d}}'', secret => repeat(''s'', 32)');
SELECT name, audience FROM tarot.issuer_status WHERE issuer !~ 'example' ORDER BY name COLLATE "C";
SELECT tarot.verify_jwt(tarot.sign_jwt('{}', 'odd')) - ARRAY['iat', 'exp', 'jti', 'iss'] AS odd, tarot.verify_jwt(tarot.sign_jwt('{}', 'o''brien "q" ключ')) - ARRAY['iat', 'exp', 'jti'] AS brien,
	tarot.verify_jwt(tarot.sign_jwt('{}', 'square')) ->> 'aud' AS square;
SELECT tarot.drop_issuer(name) FROM tarot.issuer WHERE issuer !~ 'example' OR name IN ('text', 'bytes');

-- ------------------------------------------------------------ changes

SELECT run(call) FROM unnest(ARRAY['SELECT tarot.alter_issuer(''absent'', max_age => ''1 hour'')', 'SELECT tarot.alter_issuer(NULL)', 'SELECT tarot.drop_issuer(''absent'')', 'SELECT tarot.drop_issuer(NULL)',
	'SELECT tarot.load_jwks(''absent'', ''{}'')', 'SELECT tarot.load_jwks(''public ec'', NULL)', 'SELECT tarot.load_jwks(''hmac'', ''{}'')', 'SELECT tarot.load_jwks(''public ec'', ''{}'')',
	'SELECT tarot.alter_issuer(''hmac'', issuer => ''https://ec.example'')', 'SELECT tarot.alter_issuer(''hmac'', max_age => ''0'')', 'SELECT tarot.alter_issuer(''hmac'', database_role_claim => ''role'')',
	'SELECT tarot.alter_issuer(''hmac'', secret => ''short'')', 'SELECT tarot.alter_issuer(''hmac'', audience => ''{NULL}'')', 'SELECT tarot.alter_issuer(''ec'', secret => ''x'', signing_key => ''{}'')']) AS call;
SELECT tarot.alter_issuer('ec', algorithms => '{ES256}'), tarot.alter_issuer('rsa', algorithms => '{RS256}'), tarot.alter_issuer('hmac', algorithms => '{HS256}'), tarot.alter_issuer('ed', algorithms => '{EdDSA}');
-- Nothing given, nothing changed; the key is sealed anew, and signs as before.
CREATE TEMP TABLE before AS SELECT * FROM tarot.issuer;
SELECT tarot.alter_issuer('ec');
SELECT i.private_key = b.private_key AS same_bytes, to_jsonb(i) - 'private_key' = to_jsonb(b) - 'private_key' AS same_otherwise FROM tarot.issuer i JOIN before b USING (name) WHERE name = 'ec';
SELECT tarot.check_jwt(tarot.sign_jwt('{}', 'ec'));
-- Another value leaves the algorithms alone, in the transaction that gave other keys, too; other keys do not.
BEGIN;
SELECT tarot.alter_issuer('hmac', signing_key => private, algorithms => '{HS384}') FROM jwk WHERE name = 'hmac';
SELECT tarot.alter_issuer('hmac', max_age => '1 hour');
SELECT algorithms, keys_changed_at = now() AS changed, max_age FROM tarot.issuer_status WHERE name = 'hmac';
COMMIT;
SELECT tarot.alter_issuer('hmac', signing_key => private) FROM jwk WHERE name = 'hmac';
SELECT algorithms FROM tarot.issuer_status WHERE name = 'hmac';
SELECT (tarot.verify_jwt(t) ->> 'exp')::bigint - (tarot.verify_jwt(t) ->> 'iat')::bigint AS seconds FROM tarot.sign_jwt('{}', 'hmac') AS t;

-- A rollover of an issuer's keys: the old one alone, both, the new one alone. Tokens of a key count as long as it is there.
SELECT tarot.create_issuer('new', 'https://new.example', '{api}', signing_key => '{"kty": "OKP", "crv": "Ed25519", "kid": "2", "d": "TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U-4pvs", "x": "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"}');
SELECT tarot.create_issuer('idp', 'https://idp.example', '{api}', jwks => jsonb_build_object('keys', jsonb_build_array(public))) FROM jwk WHERE name = 'ed';
-- Both sign as idp: the private halves are lent another name for that.
BEGIN;
UPDATE tarot.issuer SET issuer = 'https://aside.example' WHERE name = 'idp';
SELECT tarot.alter_issuer('ed', issuer => 'https://idp.example');
CREATE TABLE token AS SELECT 'old' AS key, tarot.sign_jwt('{"sub": "ada"}', 'ed') AS token;
SELECT tarot.alter_issuer('ed', issuer => 'https://ed.example'), tarot.alter_issuer('new', issuer => 'https://idp.example');
INSERT INTO token SELECT 'new', tarot.sign_jwt('{"sub": "ada"}', 'new');
SELECT tarot.alter_issuer('new', issuer => 'https://new.example');
UPDATE tarot.issuer SET issuer = 'https://idp.example' WHERE name = 'idp';
COMMIT;
CREATE VIEW checked AS SELECT string_agg(key || ' ' || tarot.check_jwt(token), ', ' ORDER BY key DESC) FROM token;
TABLE checked;
SELECT tarot.load_jwks('idp', jsonb_build_object('keys', jsonb_build_array(public, '{"kty": "OKP", "crv": "Ed25519", "kid": "2", "x": "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"}'::jsonb))) FROM jwk WHERE name = 'ed';
TABLE checked;
SELECT tarot.load_jwks('idp', '{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "2", "x": "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"}]}');
TABLE checked;
-- The same set again is no change; one without a key for the accepted algorithms is refused, and the old one stays.
CREATE TEMP TABLE loaded AS SELECT keys_changed_at FROM tarot.issuer WHERE name = 'idp';
SELECT tarot.load_jwks('idp', '{"keys": [{"x": "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw", "crv": "Ed25519", "kid": "2", "kty": "OKP"}]}');
SELECT i.keys_changed_at = l.keys_changed_at AS unchanged FROM tarot.issuer i, loaded l WHERE name = 'idp';
SELECT run(format('SELECT tarot.load_jwks(''idp'', %L)', public)) FROM jwk WHERE name = 'ec';
TABLE checked;
-- A savepoint's keys go with it.
BEGIN;
SAVEPOINT s;
SELECT tarot.load_jwks('idp', public) FROM jwk WHERE name = 'ed';
TABLE checked;
ROLLBACK TO s;
TABLE checked;
COMMIT;
SELECT tarot.drop_issuer('idp');
TABLE checked;

-- ------------------------------------------------------------ taking away

-- An issuer goes over from a secret to public keys: both for a while, then these alone, and of their algorithms those that were accepted.
SELECT tarot.create_issuer('moving', 'https://moving.example', '{api}', signing_key => private) FROM jwk WHERE name = 'ec';
CREATE TABLE moved AS SELECT 'public' AS key, tarot.sign_jwt('{"sub": "ada"}', 'moving') AS token;
SELECT tarot.alter_issuer('moving', secret => convert_to(repeat('m', 32), 'UTF8'), jwks => (SELECT jsonb_build_object('keys', jsonb_agg(public)) FROM jwk WHERE public IS NOT NULL), algorithms => '{HS256,ES256}');
INSERT INTO moved SELECT 'secret', tarot.sign_jwt('{"sub": "ada"}', 'moving');
CREATE VIEW judged AS SELECT string_agg(key || ' ' || tarot.check_jwt(token), ', ' ORDER BY key) AS tokens, algorithms, signs, public_keys FROM moved, tarot.issuer_status WHERE name = 'moving' GROUP BY 2, 3, 4;
TABLE judged;
BEGIN;
SELECT tarot.alter_issuer('moving', remove => '{jwks}');
TABLE judged;
ROLLBACK;
SELECT tarot.alter_issuer('moving', remove => '{secret}');
TABLE judged;
SELECT run('SELECT tarot.sign_jwt(''{}'', ''moving'')');
-- What is not there is no fault, and no change.
CREATE TEMP TABLE removed AS SELECT * FROM tarot.issuer WHERE name = 'moving';
SELECT tarot.alter_issuer('moving', remove => '{signing_key,secret,database_roles,secret}'), tarot.alter_issuer('moving', remove => '{}');
SELECT to_jsonb(i) = to_jsonb(r) AS unchanged FROM tarot.issuer i JOIN removed r USING (name);
-- A key that is removed, and another one that is given.
BEGIN;
SELECT tarot.alter_issuer('moving', secret => convert_to(repeat('m', 32), 'UTF8'), remove => '{jwks}');
TABLE judged;
ROLLBACK;
SELECT arguments, run(format('SELECT tarot.alter_issuer(''moving'', %s)', arguments)) FROM unnest(ARRAY['remove => ''{jwks}''', 'remove => ''{jwks,secret}''', 'remove => ''{NULL}''', 'remove => ''{private_key}''', 'remove => ''{JWKS}''',
	'jwks => ''{}'', remove => ''{jwks}''', 'secret => ''x'', remove => ''{signing_key}''', 'signing_key => ''{}'', remove => ''{secret}''', 'database_role_claim => ''role'', remove => ''{database_roles}''',
	'database_roles => ''{}'', remove => ''{database_roles}''']) AS arguments;
TABLE judged;
-- None of the accepted algorithms is left.
SELECT tarot.alter_issuer('moving', secret => convert_to(repeat('m', 32), 'UTF8'), algorithms => '{HS256}');
SELECT run('SELECT tarot.alter_issuer(''moving'', remove => ''{secret}'')');
TABLE judged;
SELECT tarot.alter_issuer('moving', algorithms => '{ES256,EdDSA}', remove => '{secret}');
TABLE judged;
SELECT tarot.drop_issuer('moving');

-- ------------------------------------------------------------ the keys that seal secrets

-- They rest on key "default", whose versions are not destroyed under them.
SELECT tarot.rotate_key('default');
SELECT tarot.set_key_state('default', 1, 'deactivated');
SELECT tarot.check_jwt(tarot.sign_jwt('{}', 'hmac'));
SELECT run('SELECT tarot.destroy_key(''default'', 1)') ~ '^2BP01: cannot destroy version 1 of key "default" because the private key of issuer "\w+" is sealed by it / Call tarot.alter_issuer\(''\w+''\), which seals it anew\.$' AS refused;
SELECT tarot.alter_issuer(name) FROM tarot.issuer WHERE private_key IS NOT NULL ORDER BY name;
SELECT run('SELECT tarot.destroy_key(''default'', 1)');
SELECT tarot.destroy_key('default', 1, force => true);
SELECT name, tarot.check_jwt(tarot.sign_jwt('{}', name)) FROM tarot.issuer WHERE private_key IS NOT NULL ORDER BY name;
-- Sealed for its own issuer: another one's row cannot use it.
BEGIN;
UPDATE tarot.issuer SET private_key = (SELECT private_key FROM tarot.issuer WHERE name = 'hmac') WHERE name = 'ed';
SELECT run('SELECT tarot.sign_jwt(''{}'', ''ed'')');
ROLLBACK;
-- Forced, they are gone; who has public keys goes on.
SELECT tarot.sign_jwt('{}', 'ed') AS token \gset
SELECT tarot.rotate_key('default');
SELECT tarot.set_key_state('default', 2, 'deactivated');
BEGIN;
SELECT tarot.destroy_key('default', 2, force => true);
SELECT run('SELECT tarot.sign_jwt(''{}'', ''hmac'')');
SELECT ask(format('SELECT tarot.check_jwt(%L)', :'token'));
-- A secret that cannot be opened any more can still be taken away.
SELECT code('SELECT tarot.alter_issuer(''hmac'', max_age => ''1 hour'')');
SELECT run(format('SELECT tarot.alter_issuer(''hmac'', jwks => %L, remove => ''{secret}'')', public)) FROM jwk WHERE name = 'ed';
ROLLBACK;
SELECT ask(format('SELECT tarot.check_jwt(%L)', :'token'));

-- ------------------------------------------------------------ the server is locked

SELECT tarot.create_issuer('idp', 'https://idp.example', '{api}', jwks => '{"kty": "OKP", "crv": "Ed25519", "kid": "2", "x": "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"}');
SELECT token AS public FROM token WHERE key = 'new' \gset
SELECT tarot.check_jwt(:'token'), tarot.check_jwt(:'public');
SELECT tarot.lock();
-- Secrets that were opened before are so no longer; public keys need none.
SELECT ask(format('SELECT tarot.check_jwt(%L)', :'token'));
SELECT ask(format('SELECT tarot.check_jwt(%L)', :'public'));
SELECT run(call) FROM unnest(ARRAY['SELECT tarot.sign_jwt(''{}'', ''ed'')', 'SELECT tarot.alter_issuer(''ed'', max_age => ''1 hour'')', 'SELECT tarot.create_issuer(''n'', ''i'', ''{}'', secret => repeat(''s'', 32))',
	'SELECT tarot.alter_issuer(''idp'', max_age => ''2 days'')', 'SELECT tarot.load_jwks(''idp'', ''{"kty": "OKP", "crv": "Ed25519", "x": "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"}'')']) AS call;
SELECT tarot.check_jwt(:'public');
SELECT tarot.unlock();
SELECT tarot.check_jwt(:'token'), tarot.check_jwt(:'public');

-- ------------------------------------------------------------ signing

SELECT run(format('SELECT tarot.sign_jwt(%s)', arguments)) FROM unnest(ARRAY['''{}'', ''absent''', '''{}'', NULL', '''{}'', ''public ec''', 'NULL, ''ec''', '''[]'', ''ec''', '''5'', ''ec''', '''{"iss": "other"}'', ''ec''', '''{"iss": null}'', ''ec''',
	'''{"exp": "never"}'', ''ec''', '''{"exp": null}'', ''ec''', '''{"exp": -1}'', ''ec''', '''{"sub": 5}'', ''ec''', '''{"sub": ""}'', ''ec''', '''{"aud": [1]}'', ''ec''',
	'jsonb_build_object(''sub'', repeat(''s'', 256)), ''ec''', 'jsonb_build_object(''x'', repeat(''x'', 20000)), ''ec''', '(repeat(''{"a":'', 20) || ''1'' || repeat(''}'', 20))::jsonb, ''ec''']) AS arguments;
-- A key that is for verifying alone.
SELECT tarot.create_issuer('verifier', 'https://verifier.example', '{}', signing_key => '{"kty": "oct", "key_ops": ["verify"], "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}');
SELECT run('SELECT tarot.sign_jwt(''{}'', ''verifier'')');

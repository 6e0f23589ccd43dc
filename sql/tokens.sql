-- Tokens as forgers and clocks make them: each is refused for its own reason, under a code of its own.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\i :source/sql/include/tokens.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'
SELECT tarot.create_key('profile') > 0 AS created;
SELECT tarot.create_issuer('app', 'https://app.example', '{api,web}', secret => repeat('s', 32), algorithms => '{HS256}');
SELECT tarot.create_issuer('other', 'https://other.example', '{}', secret => repeat('o', 32), algorithms => '{HS256}', max_age => '1 hour', leeway => '0');
-- RFC 7515, A.3, and RFC 8037, A.1
SELECT tarot.create_issuer('idp', 'https://idp.example', '{api}', jwks => '{"keys": [
	{"kty": "EC", "crv": "P-256", "kid": "e", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
	{"kty": "OKP", "crv": "Ed25519", "kid": "o", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}');

-- Claims as JSON text, with times as seconds from now.
CREATE FUNCTION claims(change jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	SELECT (jsonb_build_object('iss', 'https://app.example', 'aud', 'api', 'sub', 'ada', 'iat', now, 'exp', now + 3600) || (
		SELECT coalesce(jsonb_object_agg(key, CASE WHEN key IN ('iat', 'exp', 'nbf') AND jsonb_typeof(value) = 'number' THEN to_jsonb(now + value::numeric) ELSE value END), '{}') FROM jsonb_each(change)))::text
		FROM (SELECT floor(extract(epoch FROM clock_timestamp())) AS now) AS n
$$;
CREATE FUNCTION token(claims text, header text DEFAULT '{"alg":"HS256"}', secret text DEFAULT repeat('s', 32)) RETURNS text LANGUAGE sql AS
	$$ SELECT forge(header, convert_to(claims, 'UTF8'), convert_to(secret, 'UTF8')) $$;
-- What check_jwt says, and what verify_jwt and authenticate raise: the same.
CREATE FUNCTION judge(token text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	status text := tarot.check_jwt(token);
	verified text := ask(format('SELECT tarot.verify_jwt(%L)', token));
	authenticated text := ask(format('SELECT tarot.authenticate(%L)', token));
BEGIN
	IF status = 'valid' THEN
		RETURN status || CASE WHEN authenticated <> '' THEN ', but ' || authenticated ELSE '' END;
	END IF;
	RETURN status || ' ' || verified || CASE WHEN verified <> authenticated THEN ', but ' || authenticated ELSE '' END;
END
$$;
BEGIN;
SELECT judge(token(claims()));
SELECT tarot.verify_jwt(token(claims('{"name": "Ada \"L\" \u00e9\ud83d\udd11", "list": [1, 2.50, -1e-7, true, false, null, {"a": {}}, []], "": 0}'))) - ARRAY['iat', 'exp'];

-- ------------------------------------------------------------ form
SELECT label, judge(token) FROM (
	SELECT 1 AS i, 'empty' AS label, '' AS token
	UNION ALL SELECT 2, 'blank', '   '
	UNION ALL SELECT 3, 'one part', 'abc'
	UNION ALL SELECT 4, 'dots alone', '..'
	UNION ALL SELECT 5, 'two parts', regexp_replace(t, '\.[^.]*$', '') FROM token(claims()) AS t
	UNION ALL SELECT 6, 'no signature', regexp_replace(t, '\.[^.]*$', '.') FROM token(claims()) AS t
	UNION ALL SELECT 7, 'four parts', t || '.AAAA' FROM token(claims()) AS t
	UNION ALL SELECT 8, 'Bearer', 'Bearer ' || t FROM token(claims()) AS t
	UNION ALL SELECT 9, 'newline', t || E'\n' FROM token(claims()) AS t
	UNION ALL SELECT 10, 'padding', t || '=' FROM token(claims()) AS t
	UNION ALL SELECT 11, 'not of the alphabet', replace(t, '.', '.+') FROM token(claims()) AS t
	UNION ALL SELECT 12, 'not ASCII', t || 'é' FROM token(claims()) AS t
	-- The last digit of 32 bytes has two bits of nothing: another one would be a second spelling of the same token.
	UNION ALL SELECT 13, 'not canonical', left(t, -1) || chr(ascii(right(t, 1)) + 1) FROM token(claims()) AS t
	UNION ALL SELECT 14, 'too large', token(claims(jsonb_build_object('x', repeat('x', 12300))))
	UNION ALL SELECT 15, 'much too large', repeat('a', 1000000)
	UNION ALL SELECT 16, 'as large as may be', rpad('', 16384, 'a')
	UNION ALL SELECT 17, 'JSON form', '{"payload": "e30", "signatures": []}') AS t ORDER BY i;
-- 16 kB, and one byte less of claims.
SELECT length(t) <= 16384 AS fits, judge(t) FROM (SELECT token(claims(jsonb_build_object('x', repeat('x', 12000)))) AS t) AS t;

-- ------------------------------------------------------------ header
SELECT header, judge(token(claims(), header)) FROM unnest(ARRAY['', '{}', '[]', '"HS256"', 'null', '{"alg":"HS256"', '{"alg":"HS256"}}', '{"alg":"HS256","alg":"HS256"}', '{"alg":"HS256","\u0061lg":"none"}', '{"alg":5}', '{"alg":["HS256"]}', '{"alg":null}',
	'{"alg":"HS256","kid":5}', '{"alg":"HS256","typ":5}', '{"alg":"HS256","x":"\ud800"}', '{"alg":"HS256","x":"\u0000"}', '{"alg":"HS256","x":' || repeat('[', 100) || repeat(']', 100) || '}',
	'{"alg":"HS256","crit":["exp"]}', '{"alg":"HS256","crit":[]}', '{"alg":"HS256","b64":false}', '{"alg":"HS256","b64":true}', '{"alg":"HS256","zip":"DEF"}',
	'{"alg":"HS256","typ":"JWT"}', '{"alg":"HS256","typ":"jwt"}', '{"alg":"HS256","typ":"at+jwt"}', '{"alg":"HS256","typ":"application/at+jwt"}', '{"alg":"HS256","typ":"JWE"}', '{"alg":"HS256","typ":"logout+jwt"}', '{"alg":"HS256","typ":""}',
	'{"alg":"none"}', '{"alg":"None"}', '{"alg":"NONE"}', '{"alg":""}', '{"alg":"hs256"}', '{"alg":"HS256 "}', '{"alg":"HS1"}', '{"alg":"HS512"}', '{"alg":"RS256"}', '{"alg":"ES256"}', '{"alg":"dir"}',
	'{"alg":"HS256","kid":"anything"}', '{"alg":"HS256","jku":"https://evil.example","x5u":"https://evil.example","jwk":{"kty":"oct","k":"AAAA"}}']) AS header;
-- "none" without a signature, as RFC 7515, A.5 has it.
SELECT judge(base64url('{"alg":"none"}') || '.' || base64url(claims()) || '.');

-- ------------------------------------------------------------ keys
SELECT label, judge(token) FROM (
	SELECT 1 AS i, 'another secret' AS label, token(claims(), secret => repeat('t', 32)) AS token
	UNION ALL SELECT 2, 'the secret and a zero', token(claims(), secret => repeat('s', 33))
	UNION ALL SELECT 3, 'no secret', token(claims(), secret => '')
	UNION ALL SELECT 4, 'that of another issuer', token(claims(), secret => repeat('o', 32))
	UNION ALL SELECT 5, 'one bit of the signature', left(t, -2) || CASE WHEN substr(right(t, 2), 1, 1) = 'A' THEN 'B' ELSE 'A' END || right(t, 1) FROM token(claims()) AS t
	UNION ALL SELECT 6, 'half of the signature', left(t, -22) FROM token(claims()) AS t
	UNION ALL SELECT 7, 'claims of another token', split_part(t, '.', 1) || '.' || base64url(claims('{"sub": "admin"}')) || '.' || split_part(t, '.', 3) FROM token(claims()) AS t
	UNION ALL SELECT 8, 'header of another token', base64url('{"alg":"HS256","typ":"JWT"}') || '.' || split_part(t, '.', 2) || '.' || split_part(t, '.', 3) FROM token(claims()) AS t
	-- The public key as a secret, in each form in which it is known.
	UNION ALL SELECT 9, 'public key as secret: ' || form, token(claims('{"iss": "https://idp.example"}'), secret => secret) FROM (VALUES ('x', 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU'),
		('jwk', '{"kty": "EC", "crv": "P-256", "kid": "e", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}'),
		('pem', E'-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n-----END PUBLIC KEY-----\n')) AS f (form, secret)
	UNION ALL SELECT 10, 'a kid that is not there', token(claims('{"iss": "https://idp.example"}'), '{"alg":"ES256","kid":"absent"}')
	UNION ALL SELECT 11, 'the kid of another kind', token(claims('{"iss": "https://idp.example"}'), '{"alg":"ES256","kid":"o"}')
	UNION ALL SELECT 12, 'a MAC for a signature', token(claims('{"iss": "https://idp.example"}'), '{"alg":"ES256","kid":"e"}')
	UNION ALL SELECT 13, 'zeros for a signature', base64url('{"alg":"' || alg || '"}') || '.' || base64url(claims('{"iss": "https://idp.example"}')) || '.' || base64url(decode(repeat('00', 64), 'hex')) FROM unnest(ARRAY['ES256', 'EdDSA']) AS alg) AS t ORDER BY i, label COLLATE "C";

-- ------------------------------------------------------------ claims
SELECT claims, judge(token(claims)) FROM unnest(ARRAY['', 'x', '[]', 'null', '"x"', '5', '{}', '{"iss":"https://app.example"}', '{"iss":"https://app.example","iss":"https://app.example"}', '{"iss":5}', '{"iss":""}', '{"iss":"https://App.example"}', '{"iss":"https://app.example/"}',
	'{"iss":"https://app.example","a":' || repeat('[', 100) || repeat(']', 100) || '}', '{"iss":"https://app.example","a":"\u0000"}', '{"iss":"https://app.example","a":"\ud800"}', '{"iss":"https://app.example","a":1e9999}', '{"iss":"https://app.example",}',
	'{"iss":"https://app.example","a":NaN}', '{"iss":"https://app.example"} {}']) AS claims;
SELECT 'not UTF-8', judge(forge('{"alg":"HS256"}', '{"iss":"'::bytea || '\xc3'::bytea || '"}'::bytea, convert_to(repeat('s', 32), 'UTF8')));
SELECT 'many members', judge(token((SELECT jsonb_object_agg('m' || i, i) FROM generate_series(1, 300) AS i)::text));
SELECT 'many values', judge(token(claims(jsonb_build_object('groups', (SELECT jsonb_agg(i) FROM generate_series(1, 1100) AS i)))));
SELECT change, judge(token(claims(change))) FROM (VALUES (1, '{"iss": "https://evil.example"}'::jsonb), (2, '{"iss": "https://other.example"}'), (3, '{"aud": "other"}'), (4, '{"aud": ["x", "web"]}'), (5, '{"aud": ["x", "y"]}'), (6, '{"aud": []}'), (7, '{"aud": [1]}'),
	(8, '{"aud": {}}'), (9, '{"aud": null}'), (10, '{"aud": "API"}'), (11, '{"sub": 5}'), (12, '{"sub": ""}'), (13, '{"sub": null}'), (14, '{"jti": 5}'), (15, '{"jti": ""}'),
	(20, '{"exp": null}'), (21, '{"exp": "never"}'), (22, '{"exp": true}'), (23, '{"exp": -1e12}'), (24, '{"exp": 1e12}'), (25, '{"iat": null}'), (26, '{"iat": "now"}'), (27, '{"nbf": "now"}'),
	(30, '{"exp": 0}'), (31, '{"exp": -20, "iat": -60}'), (32, '{"exp": -40, "iat": -60}'), (33, '{"nbf": 20}'), (34, '{"nbf": 40}'), (35, '{"iat": 20}'), (36, '{"iat": 40}'),
	(40, '{"exp": 86390, "iat": 0}'), (41, '{"exp": 86410, "iat": 0}'), (42, '{"exp": 3600, "iat": -86300}'), (43, '{"exp": 5, "iat": -86390}'), (44, '{"exp": -31, "iat": -86431}'), (46, '{"exp": 10, "iat": -86440}'), (47, '{"exp": 10, "iat": -86420}'), (45, '{"exp": 31536000000}')) AS t (i, change) ORDER BY i;
SELECT missing, judge(token((claims()::jsonb - missing)::text)) FROM unnest(ARRAY['iss', 'aud', 'exp', 'iat', 'sub', 'nbf']) AS missing;
-- An issuer without audience and without leeway.
SELECT change, judge(token((claims(change || '{"iss": "https://other.example"}')::jsonb - missing)::text, secret => repeat('o', 32)))
	FROM (VALUES (1, 'aud', '{}'::jsonb), (2, '', '{}'), (3, '', '{"aud": []}'), (4, 'aud', '{"exp": -1, "iat": -10}'), (5, 'aud', '{"exp": 3601}'), (6, 'aud', '{"iat": 10}'), (7, 'aud', '{"nbf": 10}')) AS t (i, missing, change) ORDER BY i;
COMMIT;

-- ------------------------------------------------------------ what is remembered
-- A token that was found good is so as long as its issuer stays as it is, and no longer than its time.
SELECT token(claims()) AS token \gset
SELECT tarot.check_jwt(:'token') FROM generate_series(1, 3);
BEGIN;
SELECT tarot.alter_issuer('app', secret => convert_to(repeat('n', 32), 'UTF8'));
SELECT tarot.check_jwt(:'token');
ROLLBACK;
SELECT tarot.check_jwt(:'token');
BEGIN;
SELECT tarot.alter_issuer('app', audience => '{web}');
SELECT tarot.check_jwt(:'token');
SELECT tarot.alter_issuer('app', audience => '{api}', max_age => '59 minutes');
SELECT tarot.check_jwt(:'token');
SELECT tarot.alter_issuer('app', max_age => '1 day', algorithms => '{HS256}', issuer => 'https://moved.example');
SELECT tarot.check_jwt(:'token');
ROLLBACK;
BEGIN;
UPDATE tarot.issuer SET algorithms = '{}' WHERE name = 'app';
SELECT tarot.check_jwt(:'token');
UPDATE tarot.issuer SET algorithms = '{XS999,HS256}' WHERE name = 'app';
SELECT tarot.check_jwt(:'token');
SELECT tarot.drop_issuer('app');
SELECT tarot.check_jwt(:'token');
ROLLBACK;
SELECT tarot.check_jwt(:'token');
-- Many at once are each their own.
CREATE TABLE many AS SELECT i, token(claims(jsonb_build_object('sub', 's' || i, 'jti', 'j' || i, 'pad', repeat('p', i)))) AS token FROM generate_series(1, 500) AS i;
SELECT count(*) FILTER (WHERE tarot.verify_jwt(token) ->> 'sub' = 's' || i) AS right_ones FROM (SELECT * FROM many UNION ALL SELECT * FROM many) AS m;
-- One second of life, of an issuer without leeway: found good, remembered, and refused once it has passed.
CREATE FUNCTION seconds_until(wanted text, token text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	deadline timestamptz := clock_timestamp() + interval '30 seconds';
BEGIN
	LOOP
		IF tarot.check_jwt(token) = wanted THEN
			RETURN true;
		ELSIF clock_timestamp() > deadline THEN
			RETURN false;
		END IF;
		PERFORM pg_sleep(0.05);
	END LOOP;
END
$$;
SELECT tarot.sign_jwt(jsonb_build_object('exp', ceil(extract(epoch FROM clock_timestamp())) + 1), 'other') AS brief \gset
SELECT tarot.check_jwt(:'brief'), seconds_until('expired', :'brief'), run(format('SELECT tarot.verify_jwt(%L)', :'brief'));
SELECT tarot.check_jwt(NULL), tarot.verify_jwt(NULL);

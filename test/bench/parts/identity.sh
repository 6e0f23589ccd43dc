# shellcheck shell=bash
# Tokens and the session's identity. pgjwt's way is written here as its users have it: PL/pgSQL on pgcrypto's hmac.

TARGETS+='
verify_new          microsecond         <= 8       tarot.check_jwt of an HS256 token that was not seen before, in microseconds
verify_again        microsecond         <= 1.5     tarot.check_jwt of a token that was verified before, in microseconds
claim               microsecond         <= 0.15    tarot.claim, in microseconds
has_permission      microsecond         <= 0.15    tarot.has_permission, in microseconds
token_RS256         library_RS256       <= 1.3     a whole token by RS256 in C, beside its signature alone by OpenSSL
token_ES256         library_ES256       <= 1.3     a whole token by ES256 in C, beside its signature alone by OpenSSL
token_EdDSA         library_EdDSA       <= 1.3     a whole token by EdDSA in C, beside its signature alone by OpenSSL
'

JWT_SECRET=an-hmac-secret-of-thirty-two-bytes-or-more

part_identity() {
	local n=$((ROWS / 50)) call='' ask='' i algorithm
	sql >/dev/null <<-SQL
		SELECT tarot.create_issuer('bench', 'https://id.example.org', ARRAY['bench'], secret => '$JWT_SECRET');
		CREATE TABLE tokens AS SELECT tarot.sign_jwt(jsonb_build_object('sub', 'user-' || i, 'role', 'reader', 'scope', 'openid profile readings:read',
			'name', 'Zoe Example', 'email', 'zoe@example.org'), 'bench') AS token FROM generate_series(1, $n) i;
		CREATE TABLE one_token AS SELECT t.token FROM (SELECT token FROM tokens LIMIT 1) t, generate_series(1, $n);
		VACUUM FREEZE tokens, one_token;
		CREATE FUNCTION url_decode(data text) RETURNS bytea LANGUAGE sql IMMUTABLE AS \$\$
			SELECT decode(rpad(translate(data, '-_', '+/'), (length(data) + 3) / 4 * 4, '='), 'base64') \$\$;
		CREATE FUNCTION url_encode(data bytea) RETURNS text LANGUAGE sql IMMUTABLE AS \$\$
			SELECT translate(encode(data, 'base64'), E'+/=\n', '-_') \$\$;
		CREATE FUNCTION verify_by_pgcrypto(token text, secret text) RETURNS json LANGUAGE plpgsql STABLE AS \$\$
		DECLARE
			parts text[] := string_to_array(token, '.');
			payload json;
		BEGIN
			IF convert_from(url_decode(parts[1]), 'UTF8')::json ->> 'alg' <> 'HS256'
				OR parts[3] <> url_encode(hmac(parts[1] || '.' || parts[2], secret, 'sha256')) THEN
				RAISE EXCEPTION 'wrong signature';
			END IF;
			payload := convert_from(url_decode(parts[2]), 'UTF8')::json;
			IF to_timestamp((payload ->> 'exp')::double precision) < clock_timestamp() THEN
				RAISE EXCEPTION 'expired';
			END IF;
			RETURN payload;
		END
		\$\$;
		SELECT tarot.create_role('Reader', inherits => '{User}');
		SELECT tarot.grant_permission('User', 'profile:*'), tarot.grant_permission('Reader', 'readings:*');
		SELECT tarot.grant_permission('Reader', 'thing' || i || ':use') FROM generate_series(1, 20) i;
		SELECT tarot.assign_role('user-' || i, 'Reader') FROM generate_series(1, 1000) i;
		SELECT tarot.grant_on('card', i::text, 'cards:read', subject => 'user-' || i % 100) FROM generate_series(1, 10000) i;
		VACUUM ANALYZE tarot.resource_grant, tarot.role_assignment;
	SQL
	# A call's time is short beside that of a row: ten of them in each.
	for i in sub role scope name email iss aud jti iat exp; do call+="${call:+, }count(tarot.claim('$i'))"; done
	for i in readings:read readings:write profile:own:read thing7:use thing20:use cards:read cards:write payments:read a b; do
		ask+="${ask:+, }count(*) FILTER (WHERE tarot.has_permission('$i'))"
	done
	measure identity verify_pgjwt - "pgjwt's way, in PL/pgSQL" "$n" "SELECT count(verify_by_pgcrypto(token, '$JWT_SECRET')) FROM tokens"
	measure identity verify_new verify_pgjwt 'tarot.check_jwt, HS256, tokens that are new' "$n" 'SELECT count(tarot.check_jwt(token)) FROM tokens'
	measure identity verify_again verify_pgjwt 'tarot.check_jwt, a token that was verified before' "$n" 'SELECT count(tarot.check_jwt(token)) FROM one_token'
	measure identity claims_again verify_pgjwt 'tarot.verify_jwt of it, with its claims as jsonb' "$n" 'SELECT count(tarot.verify_jwt(token)) FROM one_token'
	measure identity claim - 'tarot.claim of the session' "$((n * 10))" "SELECT $call FROM tokens" \
		'SELECT tarot.authenticate((SELECT token FROM tokens LIMIT 1), false);'
	measure identity has_permission - 'tarot.has_permission' "$((n * 10))" "SELECT $ask FROM tokens" \
		'SELECT tarot.authenticate((SELECT token FROM tokens LIMIT 1), false);'
	measure identity has_permission_on - 'tarot.has_permission on one of 10 000 granted resources' "$n" "SELECT count(*) FILTER (WHERE tarot.has_permission('cards:read', 'card', right(token, 4))) FROM tokens" \
		'SELECT tarot.authenticate((SELECT token FROM tokens LIMIT 1), false);'
	about identity microsecond - 'a microsecond'
	echo 'sample microsecond 1 0.000001' >>"$SAMPLES"
	run_rounds 'SELECT count(tarot.check_jwt(token)) FROM tokens;'
	# The same where some are refused, and a token has to be looked for among them.
	sql -c "SELECT count(tarot.set_principal('someone-' || i, status => 'suspended')), count(tarot.revoke_token('bench', 'token-' || i)) FROM generate_series(1, 10000) i" -c 'VACUUM ANALYZE tarot.principal, tarot.revoked_token' >/dev/null
	measure identity verify_new_beside verify_pgjwt 'tarot.check_jwt of new ones, beside 10 000 suspended subjects and as many revoked tokens' "$n" 'SELECT count(tarot.check_jwt(token)) FROM tokens'
	run_rounds
	for ((i = 2; i <= ROUNDS; i++)); do echo 'sample microsecond 1 0.000001' >>"$SAMPLES"; done
	compile token_bench
	for algorithm in RS256 ES256 EdDSA; do
		about tokens "library_$algorithm" - "$algorithm, the signature alone, by OpenSSL"
		about tokens "token_$algorithm" "library_$algorithm" "$algorithm, the whole token"
	done
	for ((i = 1; i <= ROUNDS; i++)); do
		"$DIR/token_bench" 3 | awk '$2 ~ /^(RS256|ES256|EdDSA)$/ {
			printf "sample token_%s 1 %.9f\nsample library_%s 1 %.9f\n", $2, $3 / 1e6, $2, $4 / 1e6 }' >>"$SAMPLES"
	done
	sql -c 'DROP TABLE tokens, one_token'
}

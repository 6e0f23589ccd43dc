-- identity: tokens, verified and signed

CREATE FUNCTION tarot.verify_jwt(token text) RETURNS jsonb
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_identity_verify_jwt';
COMMENT ON FUNCTION tarot.verify_jwt(text) IS
	'The claims of a token (JWS in its compact form, RFC 7515 and RFC 7519, at most 16 kB) whose issuer is trusted, once its signature, '
	'"iss", "aud", "exp", "nbf", "iat" and age are found right, its key and algorithm belong together, and neither it nor its subject was '
	'revoked or suspended. Otherwise raises: TS301 to TS317 for what is wrong with the token, one each, TS318 for a revoked one, TS319 '
	'for a bearer that is no longer welcome, TS001 when the issuer''s key is sealed and the server is locked, TS004 when the self-test of '
	'the libraries failed at the start.';

CREATE FUNCTION tarot.check_jwt(token text) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_identity_check_jwt';
COMMENT ON FUNCTION tarot.check_jwt(text) IS
	'What tarot.verify_jwt() would find, as a word and without raising: valid, too_large, malformed, bad_header, unsupported_header, '
	'wrong_type, wrong_algorithm, unknown_key, bad_signature, bad_claims, missing_claim, wrong_issuer, wrong_audience, too_long_lived, '
	'expired, not_yet_valid, issued_later, too_old, failed, revoked, suspended, banned or deleted. Raises TS001 when the issuer''s key is '
	'sealed and the server is locked, TS004 when the self-test of the libraries failed at the start.';

-- ------------------------------------------------------------ signing

CREATE FUNCTION tarot.sign_claims(claims text, issuer text) RETURNS text
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_identity_sign_claims';

CREATE FUNCTION tarot.sign_jwt(claims jsonb, issuer text) RETURNS text
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	current tarot.issuer;
	now_seconds bigint := floor(extract(epoch FROM clock_timestamp()));
	complete jsonb;
BEGIN
	SELECT * INTO current FROM tarot.issuer i WHERE i.name = sign_jwt.issuer;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'issuer "%" does not exist', sign_jwt.issuer USING ERRCODE = 'undefined_object';
	ELSIF current.private_key IS NULL THEN
		RAISE EXCEPTION 'issuer "%" has no key to sign with', current.name USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Give it a secret or a signing_key with tarot.alter_issuer().';
	ELSIF sign_jwt.claims IS NULL OR jsonb_typeof(sign_jwt.claims) <> 'object' THEN
		RAISE EXCEPTION 'claims must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
	ELSIF sign_jwt.claims ->> 'iss' IS DISTINCT FROM current.issuer AND sign_jwt.claims ? 'iss' THEN
		RAISE EXCEPTION 'the claims name another issuer' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	complete := jsonb_build_object('iss', current.issuer, 'iat', now_seconds, 'jti', gen_random_uuid())
		|| CASE cardinality(current.audience) WHEN 0 THEN '{}' ELSE jsonb_build_object('aud', current.audience[1]) END
		|| jsonb_build_object('exp', now_seconds + floor(extract(epoch FROM least(current.max_age, '24 hours')))::bigint)
		|| sign_jwt.claims;
	RETURN tarot.sign_claims(complete::text, current.name);
END
$$;
COMMENT ON FUNCTION tarot.sign_jwt(jsonb, text) IS
	'Signs claims as an issuer whose secret or private key is here, and returns the token. Claims that are not given are added: "iss", '
	'"iat" (now), "exp" (24 hours later, or the issuer''s max_age where that is less), "jti" (a random UUID), and "aud" (its first '
	'audience). Raises 42704 for an unknown issuer, 55000 for one that cannot sign, 22023 for claims that are no object or of another '
	'issuer, TS301, TS309 or TS310 for claims that no token may have, TS001 when the server is locked.';

REVOKE ALL ON FUNCTION tarot.sign_claims(text, text), tarot.sign_jwt(jsonb, text) FROM PUBLIC;


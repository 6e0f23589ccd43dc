-- identity: who the session is

CREATE FUNCTION tarot.authenticate(token text, transaction_only boolean DEFAULT true) RETURNS void
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_identity_authenticate';
COMMENT ON FUNCTION tarot.authenticate(text, boolean) IS
	'Makes the bearer of a token the session''s identity, until the transaction ends; with transaction_only => false until '
	'tarot.sign_out(), RESET or DISCARD ALL. Behind a pooler that hands connections on between transactions it would be the next '
	'client''s, too: turn tarot_security.session_identity off there, and this is refused (42501). The token is verified as by '
	'tarot.verify_jwt(), and raises as that does; only its claims are kept. If its issuer has a database_role_claim, the database role '
	'that it names is set as well, by the rules of SET ROLE (42501 for one that is not in database_roles, or is a superuser); it goes '
	'with the identity, also by the next tarot.authenticate(), and by tarot.sign_out(). Outside of a transaction block the identity ends '
	'with the statement, and a WARNING says so. A token that is NULL makes the session nobody. Pass it as a parameter: what stands in a '
	'statement can be read in pg_stat_activity by all who connect as the same role.';

CREATE FUNCTION tarot.sign_out() RETURNS void
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_identity_sign_out';
COMMENT ON FUNCTION tarot.sign_out() IS
	'The session is nobody again, at once and for the time after the transaction, and has the database role of before. A rollback brings '
	'the identity back that it had.';

CREATE FUNCTION tarot.subject() RETURNS text
	LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_identity_subject';
COMMENT ON FUNCTION tarot.subject() IS
	'Who the session is: "sub" (RFC 7519) behind its issuer''s prefix. NULL while nobody has authenticated. Raises when the token has '
	'expired meanwhile (TS314), is too old (TS317), was revoked (TS318), its bearer suspended, banned or deleted (TS319), or its issuer '
	'is no longer trusted (TS311).';

CREATE FUNCTION tarot.claims() RETURNS jsonb
	LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_identity_claims';
COMMENT ON FUNCTION tarot.claims() IS 'All claims of the session''s identity. NULL and errors as for tarot.subject().';

CREATE FUNCTION tarot.claim(name text) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_identity_claim';
COMMENT ON FUNCTION tarot.claim(text) IS
	'One claim: a string as it is, anything else as JSON; NULL for one that is missing or null. Otherwise as tarot.subject().';

CREATE FUNCTION tarot.issuer() RETURNS text
	LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_identity_issuer';
COMMENT ON FUNCTION tarot.issuer() IS '"iss" of the session''s identity. NULL and errors as for tarot.subject().';

CREATE FUNCTION tarot.token_id() RETURNS text
	LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_identity_token_id';
COMMENT ON FUNCTION tarot.token_id() IS '"jti" of the session''s identity, NULL where it has none. Otherwise as tarot.subject().';

CREATE FUNCTION tarot.expires_at() RETURNS timestamptz
	LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_identity_expires_at';
COMMENT ON FUNCTION tarot.expires_at() IS '"exp" of the session''s identity. NULL and errors as for tarot.subject().';

CREATE FUNCTION tarot.authenticate_request() RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	credentials text := nullif(current_setting('request.headers', true), '')::json ->> 'authorization';
BEGIN
	IF lower(left(credentials, 7)) = 'bearer ' THEN
		PERFORM tarot.authenticate(btrim(substr(credentials, 8)));
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.authenticate_request() IS
	'For PostgREST (db-pre-request = "tarot.authenticate_request"): authenticates by the bearer token (RFC 6750) of the request''s '
	'headers, until its transaction ends. A request without one is nobody''s. Raises as tarot.authenticate().';


-- identity: who speaks to this database, by signed tokens

CREATE TABLE tarot.issuer (
	name text COLLATE "C" PRIMARY KEY CHECK (octet_length(name) BETWEEN 1 AND 63),
	issuer text COLLATE "C" NOT NULL CHECK (octet_length(issuer) BETWEEN 1 AND 1024),
	audience text[] COLLATE "C" NOT NULL,
	algorithms text[] COLLATE "C" NOT NULL,
	max_age interval NOT NULL CHECK (max_age BETWEEN '1 second' AND '366 days'),
	leeway interval NOT NULL CHECK (leeway BETWEEN '0 seconds' AND '10 minutes'),
	subject_prefix text COLLATE "C" NOT NULL CHECK (octet_length(subject_prefix) <= 63),
	database_role_claim text COLLATE "C" CHECK (octet_length(database_role_claim) BETWEEN 1 AND 63),
	database_roles name[] NOT NULL DEFAULT '{}',
	role_claim text COLLATE "C" CHECK (octet_length(role_claim) BETWEEN 1 AND 63),
	roles text[] COLLATE "C" NOT NULL DEFAULT '{}',
	default_roles text[] COLLATE "C" NOT NULL DEFAULT '{}',
	jwks jsonb,
	private_key bytea,
	issued_before timestamptz NOT NULL DEFAULT '-infinity',
	-- Which issuer of this name and "iss" it is: no two of them at once, in one transaction either.
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	keys_changed_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT issuer_is_unique UNIQUE (issuer),
	CHECK (jwks IS NOT NULL OR private_key IS NOT NULL)
);
COMMENT ON TABLE tarot.issuer IS
	'Whose tokens say who somebody is. A secret or private key lies here as an envelope, sealed by the key ring.';

SELECT tarot.declare_policy_table('tarot.issuer');

-- ------------------------------------------------------------ for the functions below alone

CREATE FUNCTION tarot.check_issuer_keys(jwks text, name text, private_key bytea, algorithms text[]) RETURNS text[]
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_identity_check_issuer_keys';

CREATE FUNCTION tarot.seal_issuer_key(name text, private_key text) RETURNS bytea
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_identity_seal_issuer_key';

-- By the newest version of the key.
CREATE FUNCTION tarot.reseal_issuer_key(name text, private_key bytea) RETURNS bytea
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_identity_reseal_issuer_key';

-- To change it: one change after the other, for alter_issuer() leaves another row in its place, which who waits for the
-- row alone would not find.
CREATE FUNCTION tarot.get_issuer(name text) RETURNS tarot.issuer
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	current tarot.issuer;
BEGIN
	PERFORM tarot.check_name('issuer', get_issuer.name);
	LOCK TABLE tarot.issuer IN SHARE ROW EXCLUSIVE MODE;
	SELECT * INTO current FROM tarot.issuer i WHERE i.name = get_issuer.name FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'issuer "%" does not exist', get_issuer.name
			USING ERRCODE = 'undefined_object', HINT = 'Create it with tarot.create_issuer().';
	END IF;
	RETURN current;
END
$$;

-- Roles that a token cannot take: an error where an administrator names them now. Those of before, which may have been
-- dropped or made superusers since, must not stand in the way of other changes; they are refused when a token asks for them.
CREATE FUNCTION tarot.check_database_roles(issuer text, database_roles name[], named_now boolean) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	role name;
	exists boolean;
BEGIN
	FOR role, exists IN
		SELECT n, r.oid IS NOT NULL FROM unnest(database_roles) AS n LEFT JOIN pg_roles r ON r.rolname = n
			WHERE r.oid IS NULL OR r.rolsuper ORDER BY n
	LOOP
		IF NOT named_now THEN
			RAISE WARNING 'no token of issuer "%" can take role "%"', issuer, role USING
				DETAIL = CASE WHEN exists THEN 'The role is a superuser.' ELSE 'The role does not exist.' END,
				HINT = 'Take it out of database_roles with tarot.alter_issuer().';
		ELSIF exists THEN
			RAISE EXCEPTION 'a token cannot make its bearer a superuser' USING ERRCODE = 'invalid_parameter_value';
		ELSE
			RAISE EXCEPTION 'role "%" does not exist', role USING ERRCODE = 'undefined_object';
		END IF;
	END LOOP;
END
$$;

-- Checks a row as a whole, but for its database roles, and writes it.
CREATE FUNCTION tarot.put_issuer(new tarot.issuer, replace boolean) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF new.issuer IS NULL OR new.issuer = '' OR octet_length(new.issuer) > 1024 THEN
		RAISE EXCEPTION 'issuer must be what tokens have as "iss", of 1 to 1024 bytes' USING ERRCODE = 'invalid_parameter_value';
	ELSIF new.audience IS NULL OR '' = ANY (new.audience) OR EXISTS (SELECT FROM unnest(new.audience) AS a WHERE a IS NULL) THEN
		RAISE EXCEPTION 'audience must be an array of what tokens may have as "aud"' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'For instance: audience => ARRAY[''readings-api''].';
	ELSIF new.max_age IS NULL OR new.max_age NOT BETWEEN '1 second' AND '366 days' THEN
		RAISE EXCEPTION 'max_age must be between 1 second and 366 days' USING ERRCODE = 'invalid_parameter_value';
	ELSIF new.leeway IS NULL OR new.leeway NOT BETWEEN '0 seconds' AND '10 minutes' THEN
		RAISE EXCEPTION 'leeway must be between 0 seconds and 10 minutes' USING ERRCODE = 'invalid_parameter_value';
	ELSIF new.subject_prefix IS NULL OR octet_length(new.subject_prefix) > 63 THEN
		RAISE EXCEPTION 'subject_prefix must have at most 63 bytes, and not be null' USING ERRCODE = 'invalid_parameter_value';
	ELSIF octet_length(new.database_role_claim) NOT BETWEEN 1 AND 63 THEN
		RAISE EXCEPTION 'database_role_claim must have 1 to 63 bytes' USING ERRCODE = 'invalid_parameter_value';
	ELSIF (new.database_role_claim IS NULL) <> (coalesce(cardinality(new.database_roles), 0) = 0) THEN
		RAISE EXCEPTION 'database_role_claim and database_roles belong together' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'The claim names a role, and only roles of the list are taken.';
	ELSIF EXISTS (SELECT FROM tarot.issuer i WHERE i.issuer = new.issuer AND i.name <> new.name) THEN
		RAISE EXCEPTION 'another issuer has tokens with this "iss"' USING ERRCODE = 'duplicate_object';
	ELSIF num_nonnulls(new.jwks, new.private_key) = 0 THEN
		RAISE EXCEPTION 'an issuer needs keys' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give jwks (its public keys), secret (for HMAC), or signing_key (a private JWK, to sign tokens here).';
	END IF;

	new.algorithms := tarot.check_issuer_keys(new.jwks::text, new.name, new.private_key, new.algorithms);
	-- Whatever their dimensions and subscripts were.
	new.audience := ARRAY(SELECT unnest(new.audience));
	new.database_roles := ARRAY(SELECT unnest(new.database_roles));
	IF replace THEN
		DELETE FROM tarot.issuer i WHERE i.name = new.name;
	END IF;
	INSERT INTO tarot.issuer SELECT new.*;
END
$$;

-- What create_issuer() or alter_issuer() was given, sealed; NULL for nothing.
CREATE FUNCTION tarot.seal_given_key(name text, secret bytea, signing_key jsonb) RETURNS bytea
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF num_nonnulls(secret, signing_key) > 1 THEN
		RAISE EXCEPTION 'an issuer has a secret or a signing key, not both' USING ERRCODE = 'invalid_parameter_value';
	-- With a public key for its secret anybody could sign.
	ELSIF encode(secret, 'escape') ~ '"(kty|keys)"|-----BEGIN ' THEN
		RAISE EXCEPTION 'the secret is a key set, a key or a certificate' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'A secret is for HMAC, and random bytes.', HINT = 'Pass public keys as jwks, and a private one as signing_key.';
	END IF;
	RETURN tarot.seal_issuer_key(name,
		coalesce('{"kty":"oct","k":"' || translate(encode(secret, 'base64'), E'+/=\n', '-_') || '"}', signing_key::text));
END
$$;

-- ------------------------------------------------------------ issuers

CREATE FUNCTION tarot.create_issuer(name text, issuer text, audience text[], jwks jsonb DEFAULT NULL, secret bytea DEFAULT NULL,
		signing_key jsonb DEFAULT NULL, algorithms text[] DEFAULT NULL, max_age interval DEFAULT '24 hours',
		leeway interval DEFAULT '30 seconds', subject_prefix text DEFAULT '', database_role_claim text DEFAULT NULL,
		database_roles name[] DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	new tarot.issuer;
BEGIN
	PERFORM tarot.check_name('issuer', create_issuer.name);
	PERFORM tarot.check_database_roles(create_issuer.name, create_issuer.database_roles, true);
	-- Of two at once the second finds the first one's row.
	LOCK TABLE tarot.issuer IN SHARE ROW EXCLUSIVE MODE;
	IF EXISTS (SELECT FROM tarot.issuer i WHERE i.name = create_issuer.name) THEN
		RAISE EXCEPTION 'issuer "%" already exists', create_issuer.name USING ERRCODE = 'duplicate_object';
	END IF;
	new.name := create_issuer.name;
	new.issuer := create_issuer.issuer;
	new.audience := create_issuer.audience;
	new.algorithms := create_issuer.algorithms;
	new.max_age := create_issuer.max_age;
	new.leeway := create_issuer.leeway;
	new.subject_prefix := create_issuer.subject_prefix;
	new.database_role_claim := create_issuer.database_role_claim;
	new.database_roles := create_issuer.database_roles;
	new.roles := '{}';
	new.default_roles := '{}';
	new.jwks := create_issuer.jwks;
	new.issued_before := '-infinity';
	new.private_key := tarot.seal_given_key(new.name, create_issuer.secret, create_issuer.signing_key);
	new.created_at := clock_timestamp();
	new.keys_changed_at := now();
	PERFORM tarot.put_issuer(new, false);
END
$$;
COMMENT ON FUNCTION tarot.create_issuer(text, text, text[], jsonb, bytea, jsonb, text[], interval, interval, text, text, name[]) IS
	'Trusts the tokens of an issuer. issuer is their "iss", exactly; audience what their "aud" may be, of which one must be there (with '
	'none, tokens must have no "aud"). Keys: jwks, its public keys (RFC 7517: a set or one key, at most 32), secret, 32 to 1024 bytes for '
	'HMAC, or signing_key, a private JWK with which tarot.sign_jwt() signs; the last two are sealed by the key ring. algorithms (RFC '
	'7518: HS256 ... EdDSA) are those that are accepted, by default all that the keys are for. max_age, at most 366 days, bounds the time '
	'since "iat" and from "iat" to "exp", leeway the difference of clocks. subject_prefix stands before each "sub", so that the subjects '
	'of two issuers do not meet: without one, or with the same, each can speak for the subjects of the other, and what is revoked or '
	'granted to a subject is so for both. database_role_claim names a claim with a database role, which tarot.authenticate() takes if it '
	'is one of database_roles. Raises 42710 for a name or "iss" that is taken, 22023 for bad keys and values, 42704 for an unknown role.';

CREATE FUNCTION tarot.create_issuer(name text, issuer text, audience text[], secret text, algorithms text[] DEFAULT NULL,
		max_age interval DEFAULT '24 hours', leeway interval DEFAULT '30 seconds', subject_prefix text DEFAULT '',
		database_role_claim text DEFAULT NULL, database_roles name[] DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.create_issuer(name, issuer, audience, NULL, convert_to(secret, 'UTF8'), NULL, algorithms, max_age, leeway,
		subject_prefix, database_role_claim, database_roles);
END
$$;
COMMENT ON FUNCTION tarot.create_issuer(text, text, text[], text, text[], interval, interval, text, text, name[]) IS
	'As above, with a secret that is text: its UTF-8 bytes are the key. A secret written into a statement may reach the server''s log: '
	'pass it as a parameter.';

CREATE FUNCTION tarot.alter_issuer(name text, issuer text DEFAULT NULL, audience text[] DEFAULT NULL, jwks jsonb DEFAULT NULL,
		secret bytea DEFAULT NULL, signing_key jsonb DEFAULT NULL, algorithms text[] DEFAULT NULL, max_age interval DEFAULT NULL,
		leeway interval DEFAULT NULL, subject_prefix text DEFAULT NULL, database_role_claim text DEFAULT NULL,
		database_roles name[] DEFAULT NULL, remove text[] DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	new tarot.issuer;
	removed text[] := coalesce(alter_issuer.remove, '{}');
	loses_keys boolean;
BEGIN
	IF EXISTS (SELECT FROM unnest(removed) AS r WHERE r IS NULL OR r NOT IN ('jwks', 'secret', 'signing_key', 'database_roles')) THEN
		RAISE EXCEPTION 'only jwks, secret, signing_key and database_roles can be removed from an issuer'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF (removed && '{jwks}' AND alter_issuer.jwks IS NOT NULL)
		OR (removed && '{secret,signing_key}' AND num_nonnulls(alter_issuer.secret, alter_issuer.signing_key) > 0)
		OR (removed && '{database_roles}' AND num_nonnulls(alter_issuer.database_role_claim, alter_issuer.database_roles) > 0) THEN
		RAISE EXCEPTION 'what is given cannot be removed as well' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'What is given takes the place of what was there.';
	END IF;
	new := tarot.get_issuer(alter_issuer.name);
	loses_keys := (removed && '{jwks}' AND new.jwks IS NOT NULL) OR (removed && '{secret,signing_key}' AND new.private_key IS NOT NULL);
	-- Without opening a key that goes: it may be one that cannot be opened any more.
	new.private_key := CASE WHEN removed && '{secret,signing_key}' THEN NULL
		ELSE coalesce(tarot.seal_given_key(new.name, alter_issuer.secret, alter_issuer.signing_key),
			tarot.reseal_issuer_key(new.name, new.private_key)) END;
	new.jwks := CASE WHEN removed && '{jwks}' THEN NULL ELSE coalesce(alter_issuer.jwks, new.jwks) END;
	IF num_nonnulls(alter_issuer.jwks, alter_issuer.secret, alter_issuer.signing_key) > 0 THEN
		-- Other keys may be for other algorithms.
		new.keys_changed_at := now();
		new.algorithms := NULL;
	ELSIF loses_keys AND num_nonnulls(new.jwks, new.private_key) > 0 THEN
		-- Those that are left: no algorithm is accepted that was not before.
		new.keys_changed_at := now();
		new.algorithms := ARRAY(SELECT a FROM unnest(new.algorithms) AS a
			WHERE a = ANY (tarot.check_issuer_keys(new.jwks::text, new.name, new.private_key, NULL)));
	END IF;
	new.issuer := coalesce(alter_issuer.issuer, new.issuer);
	new.audience := coalesce(alter_issuer.audience, new.audience);
	new.algorithms := coalesce(alter_issuer.algorithms, new.algorithms);
	new.max_age := coalesce(alter_issuer.max_age, new.max_age);
	new.leeway := coalesce(alter_issuer.leeway, new.leeway);
	new.subject_prefix := coalesce(alter_issuer.subject_prefix, new.subject_prefix);
	IF removed && '{database_roles}' THEN
		new.database_role_claim := NULL;
		new.database_roles := '{}';
	ELSE
		new.database_role_claim := coalesce(alter_issuer.database_role_claim, new.database_role_claim);
		new.database_roles := coalesce(alter_issuer.database_roles, new.database_roles);
		PERFORM tarot.check_database_roles(new.name, new.database_roles, alter_issuer.database_roles IS NOT NULL);
	END IF;
	PERFORM tarot.put_issuer(new, true);
END
$$;
COMMENT ON FUNCTION tarot.alter_issuer(text, text, text[], jsonb, bytea, jsonb, text[], interval, interval, text, text, name[], text[]) IS
	'Changes what is given and leaves what is NULL; values as for tarot.create_issuer(). Other keys without algorithms accept all that '
	'they are for. remove takes away what is named in it: jwks, secret or signing_key (the one that is there), database_roles with its '
	'claim; of the algorithms those stay that the remaining keys are for. A private key is sealed anew, by the newest version of key '
	'"default". Counts in all sessions at their next statement, also for those who have authenticated. Raises 42704 for an unknown '
	'issuer, and otherwise as tarot.create_issuer().';

CREATE FUNCTION tarot.load_jwks(name text, jwks jsonb) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	new tarot.issuer;
BEGIN
	new := tarot.get_issuer(load_jwks.name);
	IF load_jwks.jwks IS NULL THEN
		RAISE EXCEPTION 'jwks must not be null' USING ERRCODE = 'null_value_not_allowed';
	ELSIF new.jwks IS NULL THEN
		RAISE EXCEPTION 'issuer "%" has no public keys of its own', new.name USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'Its tokens are verified with its private key.', HINT = 'tarot.alter_issuer() gives it some.';
	ELSIF new.jwks IS DISTINCT FROM load_jwks.jwks THEN
		PERFORM tarot.check_issuer_keys(load_jwks.jwks::text, new.name, new.private_key, new.algorithms);
		UPDATE tarot.issuer i SET jwks = load_jwks.jwks, keys_changed_at = now() WHERE i.name = new.name;
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.load_jwks(text, jsonb) IS
	'Replaces the public keys of an issuer by those that it publishes now, if they changed; the accepted algorithms stay. Old and new '
	'keys may be in one set, so that a rollover of the issuer''s is none here. Raises 42704 for an unknown issuer, 22023 for keys that '
	'are none, or none for the accepted algorithms: then the old ones stay.';

CREATE FUNCTION tarot.drop_issuer(name text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.get_issuer(drop_issuer.name);
	DELETE FROM tarot.issuer i WHERE i.name = drop_issuer.name;
END
$$;
COMMENT ON FUNCTION tarot.drop_issuer(text) IS
	'Trusts an issuer no longer: its tokens are refused, and so is who authenticated with one, at the next statement (TS311). One that is '
	'created again is another: who had authenticated has to do so anew, with a token that its keys have signed, be it from before. What '
	'tarot.revoke_issuer() was told is forgotten, and what tarot.revoke_token() was counts for an issuer of the same name. Raises 42704 '
	'for an unknown one.';

CREATE VIEW tarot.issuer_status AS
	SELECT name, issuer, audience, algorithms, max_age, leeway, subject_prefix, database_role_claim, database_roles,
		role_claim, roles, default_roles, private_key IS NOT NULL AS signs,
		coalesce(jsonb_array_length(CASE WHEN jsonb_typeof(jwks -> 'keys') = 'array' THEN jwks -> 'keys' END),
			(jwks IS NOT NULL)::integer) AS public_keys,
		issued_before, created_at, keys_changed_at
	FROM tarot.issuer;
COMMENT ON VIEW tarot.issuer_status IS 'Whose tokens are trusted, and how. No keys.';
COMMENT ON COLUMN tarot.issuer_status.name IS 'What the issuer is called here.';
COMMENT ON COLUMN tarot.issuer_status.issuer IS '"iss" of its tokens.';
COMMENT ON COLUMN tarot.issuer_status.audience IS 'One of these must be in "aud"; with none, tokens must have no "aud".';
COMMENT ON COLUMN tarot.issuer_status.algorithms IS 'Those that are accepted.';
COMMENT ON COLUMN tarot.issuer_status.max_age IS 'Since "iat", and from "iat" to "exp".';
COMMENT ON COLUMN tarot.issuer_status.leeway IS 'Between clocks.';
COMMENT ON COLUMN tarot.issuer_status.subject_prefix IS 'Stands before each "sub".';
COMMENT ON COLUMN tarot.issuer_status.database_role_claim IS 'The claim that names a database role, or NULL.';
COMMENT ON COLUMN tarot.issuer_status.database_roles IS 'The roles that it may name.';
COMMENT ON COLUMN tarot.issuer_status.role_claim IS 'The claim that names roles of tarot.role, or NULL.';
COMMENT ON COLUMN tarot.issuer_status.roles IS 'Those that it may name.';
COMMENT ON COLUMN tarot.issuer_status.default_roles IS 'Roles that all bearers of its tokens have.';
COMMENT ON COLUMN tarot.issuer_status.signs IS 'Whether it has a private key or secret here.';
COMMENT ON COLUMN tarot.issuer_status.public_keys IS 'How many its set has, those for other uses among them.';
COMMENT ON COLUMN tarot.issuer_status.issued_before IS 'Tokens that were issued before are no longer taken.';
COMMENT ON COLUMN tarot.issuer_status.created_at IS 'When it was made.';
COMMENT ON COLUMN tarot.issuer_status.keys_changed_at IS 'When its keys changed last.';

REVOKE ALL ON FUNCTION tarot.check_issuer_keys(text, text, bytea, text[]), tarot.seal_issuer_key(text, text),
	tarot.reseal_issuer_key(text, bytea), tarot.get_issuer(text), tarot.check_database_roles(text, name[], boolean),
	tarot.put_issuer(tarot.issuer, boolean), tarot.seal_given_key(text, bytea, jsonb),
	tarot.create_issuer(text, text, text[], jsonb, bytea, jsonb, text[], interval, interval, text, text, name[]),
	tarot.create_issuer(text, text, text[], text, text[], interval, interval, text, text, name[]),
	tarot.alter_issuer(text, text, text[], jsonb, bytea, jsonb, text[], interval, interval, text, text, name[], text[]),
	tarot.load_jwks(text, jsonb), tarot.drop_issuer(text) FROM PUBLIC;
GRANT SELECT ON tarot.issuer_status TO pg_monitor;


-- identity: revocation, and the status of principals

CREATE TABLE tarot.principal (
	subject text COLLATE "C" PRIMARY KEY CHECK (octet_length(subject) BETWEEN 1 AND 318),
	kind text COLLATE "C" NOT NULL CHECK (kind IN ('user', 'agent', 'service')),
	status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'suspended', 'banned', 'deleted')),
	issued_before timestamptz NOT NULL DEFAULT '-infinity',
	created_at timestamptz NOT NULL DEFAULT now(),
	status_since timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tarot.principal IS
	'Persons, agents and services by what tarot.subject() calls them. Who is not listed is active. Tokens that were issued before '
	'issued_before are no longer taken.';

CREATE TABLE tarot.revoked_token (
	issuer text COLLATE "C" NOT NULL,
	token_id text COLLATE "C" NOT NULL CHECK (octet_length(token_id) BETWEEN 1 AND 255),
	expires_at timestamptz NOT NULL,
	revoked_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (issuer, token_id)
);
COMMENT ON TABLE tarot.revoked_token IS 'Single tokens that are no longer taken, by issuer and "jti".';

SELECT tarot.declare_policy_table('tarot.principal');
SELECT tarot.declare_policy_table('tarot.revoked_token');

CREATE FUNCTION tarot.set_principal(subject text, kind text DEFAULT NULL, status text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF subject IS NULL OR octet_length(subject) NOT BETWEEN 1 AND 318 THEN
		RAISE EXCEPTION 'subject must have 1 to 318 bytes' USING ERRCODE = 'invalid_parameter_value';
	ELSIF kind NOT IN ('user', 'agent', 'service') THEN
		RAISE EXCEPTION 'unknown kind of principal' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'The kinds are user, agent and service.';
	ELSIF status NOT IN ('active', 'suspended', 'banned', 'deleted') THEN
		RAISE EXCEPTION 'unknown status' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'It is active, suspended, banned or deleted.';
	END IF;
	INSERT INTO tarot.principal AS p (subject, kind, status)
		VALUES (set_principal.subject, coalesce(set_principal.kind, 'user'), coalesce(set_principal.status, 'active'))
		ON CONFLICT ON CONSTRAINT principal_pkey DO UPDATE SET kind = coalesce(set_principal.kind, p.kind),
			status = coalesce(set_principal.status, p.status),
			status_since = CASE WHEN p.status = coalesce(set_principal.status, p.status) THEN p.status_since ELSE now() END;
END
$$;
COMMENT ON FUNCTION tarot.set_principal(text, text, text) IS
	'Registers a subject, or changes what is given of it: kind (user, the default, agent or service) and status. Who is suspended, banned '
	'or deleted is refused with a valid token too, in all sessions at their next statement. subject is what tarot.subject() gives, with '
	'its issuer''s prefix. Raises 22023 for other values.';

CREATE FUNCTION tarot.revoke_token(issuer text, token_id text, expires_at timestamptz DEFAULT 'infinity') RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM tarot.issuer i WHERE i.name = revoke_token.issuer) THEN
		RAISE EXCEPTION 'issuer "%" does not exist', revoke_token.issuer USING ERRCODE = 'undefined_object';
	ELSIF token_id IS NULL OR octet_length(token_id) NOT BETWEEN 1 AND 255 OR expires_at IS NULL THEN
		RAISE EXCEPTION 'token_id must have 1 to 255 bytes, and expires_at must not be null' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	INSERT INTO tarot.revoked_token AS t (issuer, token_id, expires_at)
		VALUES (revoke_token.issuer, revoke_token.token_id, revoke_token.expires_at)
		ON CONFLICT ON CONSTRAINT revoked_token_pkey DO UPDATE SET expires_at = greatest(t.expires_at, excluded.expires_at);
END
$$;
COMMENT ON FUNCTION tarot.revoke_token(text, text, timestamptz) IS
	'Takes one token no longer: that of an issuer (by its name here) with this "jti". Counts in all sessions at their next statement. '
	'expires_at is when the token expires anyway, so that tarot.prune_revocations() can forget it. Raises 42704 for an unknown issuer, '
	'22023 for an empty or too long "jti".';

CREATE FUNCTION tarot.revoke_subject(subject text, issued_before timestamptz DEFAULT clock_timestamp()) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF issued_before IS NULL THEN
		RAISE EXCEPTION 'issued_before must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	PERFORM tarot.set_principal(subject);
	-- A later time takes in an earlier one; never is one taken back.
	UPDATE tarot.principal p SET issued_before = greatest(p.issued_before, revoke_subject.issued_before)
		WHERE p.subject = revoke_subject.subject;
END
$$;
COMMENT ON FUNCTION tarot.revoke_subject(text, timestamptz) IS
	'Takes no token of a subject (as tarot.subject() gives it) that was issued ("iat") before a time, by default now: signs it out '
	'everywhere, in all sessions at their next statement. Tokens have whole seconds: one that is issued in the second of the revocation '
	'is refused too. Registers the subject as tarot.set_principal() does, and raises as that; 22004 for NULL.';

CREATE FUNCTION tarot.revoke_issuer(issuer text, issued_before timestamptz DEFAULT clock_timestamp()) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF revoke_issuer.issued_before IS NULL THEN
		RAISE EXCEPTION 'issued_before must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	PERFORM tarot.get_issuer(revoke_issuer.issuer);
	UPDATE tarot.issuer i SET issued_before = greatest(i.issued_before, revoke_issuer.issued_before) WHERE i.name = revoke_issuer.issuer;
END
$$;
COMMENT ON FUNCTION tarot.revoke_issuer(text, timestamptz) IS
	'Takes no token of an issuer (by its name here) that was issued before a time, by default now: after its key was stolen and replaced, '
	'say. As tarot.revoke_subject(); raises 42704 for an unknown issuer too.';

CREATE FUNCTION tarot.prune_revocations() RETURNS bigint
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	pruned bigint;
	expired timestamptz := now() - interval '1 day';
	-- The largest max_age that an issuer may have: one that has less now may get more, and one that was dropped come back.
	oldest timestamptz := now() - interval '367 days';
BEGIN
	DELETE FROM tarot.revoked_token t WHERE t.expires_at < expired OR t.revoked_at < oldest;
	GET DIAGNOSTICS pruned = ROW_COUNT;
	RETURN pruned;
END
$$;
COMMENT ON FUNCTION tarot.prune_revocations() IS
	'Forgets revocations of single tokens that expired a day ago, by the expires_at that tarot.revoke_token() was given, and those of '
	'tokens that are older than a max_age can allow, 366 days; returns how many.';

REVOKE ALL ON FUNCTION tarot.set_principal(text, text, text), tarot.revoke_token(text, text, timestamptz),
	tarot.revoke_subject(text, timestamptz), tarot.revoke_issuer(text, timestamptz), tarot.prune_revocations() FROM PUBLIC;


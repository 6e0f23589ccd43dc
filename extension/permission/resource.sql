-- permission: on single resources

CREATE TABLE tarot.resource_grant (
	grantee_kind text COLLATE "C" NOT NULL CHECK (grantee_kind IN ('subject', 'role')),
	grantee text COLLATE "C" NOT NULL CHECK (octet_length(grantee) BETWEEN 1 AND 318),
	resource_type text COLLATE "C" NOT NULL CHECK (octet_length(resource_type) BETWEEN 1 AND 63),
	resource_id text COLLATE "C" NOT NULL CHECK (octet_length(resource_id) BETWEEN 1 AND 255),
	permission text COLLATE "C" NOT NULL CHECK (octet_length(permission) BETWEEN 1 AND 255),
	valid_until timestamptz NOT NULL DEFAULT 'infinity',
	granted_by name NOT NULL,
	granted_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (grantee_kind, grantee, resource_type, resource_id, permission)
);
COMMENT ON TABLE tarot.resource_grant IS
	'What a subject, or who has a role, may do with a single resource: a row of the application''s, by a type and an id of its choice.';
CREATE INDEX resource_grant_resource ON tarot.resource_grant (resource_type, resource_id);

SELECT tarot.declare_policy_table('tarot.resource_grant');

-- Which grantee is meant, of two arguments that exclude each other.
CREATE FUNCTION tarot.check_resource_grant(resource_type text, resource_id text, permission text, subject text, role text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.check_permission(permission, true);
	IF resource_type IS NULL OR octet_length(resource_type) NOT BETWEEN 1 AND 63 THEN
		RAISE EXCEPTION 'resource_type must have 1 to 63 bytes' USING ERRCODE = 'invalid_parameter_value';
	ELSIF resource_id IS NULL OR octet_length(resource_id) NOT BETWEEN 1 AND 255 THEN
		RAISE EXCEPTION 'resource_id must have 1 to 255 bytes' USING ERRCODE = 'invalid_parameter_value';
	ELSIF num_nonnulls(subject, role) <> 1 THEN
		RAISE EXCEPTION 'the grantee is either a subject or a role' USING ERRCODE = 'invalid_parameter_value';
	ELSIF role IS NULL THEN
		PERFORM tarot.check_subject(subject);
		RETURN;
	END IF;
	-- Waits for a drop of the role, and then finds it gone.
	PERFORM FROM tarot.role r WHERE r.name = check_resource_grant.role FOR KEY SHARE;
	IF NOT FOUND THEN
		PERFORM tarot.check_role(role);
	END IF;
END
$$;

CREATE FUNCTION tarot.grant_on(resource_type text, resource_id text, permission text, subject text DEFAULT NULL, role text DEFAULT NULL,
		valid_until timestamptz DEFAULT 'infinity') RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.check_resource_grant(resource_type, resource_id, permission, subject, role);
	IF grant_on.valid_until IS NULL THEN
		RAISE EXCEPTION 'valid_until must not be null' USING ERRCODE = 'null_value_not_allowed',
			HINT = 'Without an end it is "infinity", the default.';
	END IF;
	INSERT INTO tarot.resource_grant AS g (grantee_kind, grantee, resource_type, resource_id, permission, valid_until, granted_by)
		VALUES (CASE WHEN grant_on.role IS NULL THEN 'subject' ELSE 'role' END, coalesce(grant_on.role, grant_on.subject),
			grant_on.resource_type, grant_on.resource_id, grant_on.permission, grant_on.valid_until, session_user)
		ON CONFLICT ON CONSTRAINT resource_grant_pkey DO UPDATE SET valid_until = excluded.valid_until,
			granted_by = excluded.granted_by, granted_at = excluded.granted_at;
END
$$;
COMMENT ON FUNCTION tarot.grant_on(text, text, text, text, text, timestamptz) IS
	'Lets a subject (as tarot.subject() says it), or all who have a role, do something with one resource, until a time: '
	'tarot.grant_on(''card'', ''42'', ''cards:edit'', subject => ''alice''). Type (at most 63 bytes) and id (at most 255) are the '
	'application''s own; a permission covers others as for tarot.grant_permission(). Again, with another time, replaces that. Raises '
	'42704 for an unknown role, 22023 for other values that cannot be, 22004 for NULL.';

CREATE FUNCTION tarot.revoke_on(resource_type text, resource_id text, permission text,
		subject text DEFAULT NULL, role text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.check_resource_grant(resource_type, resource_id, permission, subject, role);
	DELETE FROM tarot.resource_grant g
		WHERE g.grantee_kind = CASE WHEN revoke_on.role IS NULL THEN 'subject' ELSE 'role' END
			AND g.grantee = coalesce(revoke_on.role, revoke_on.subject)
			AND (g.resource_type, g.resource_id, g.permission) = (revoke_on.resource_type, revoke_on.resource_id, revoke_on.permission);
	IF NOT FOUND THEN
		RAISE WARNING 'there was no such grant' USING HINT = 'Others may give the same: tarot.explain_access() tells.';
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.revoke_on(text, text, text, text, text) IS
	'Takes back exactly what tarot.grant_on() gave. Warns when there was no such grant. Raises as that.';

CREATE FUNCTION tarot.forget_resource(resource_type text, resource_id text) RETURNS bigint
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	forgotten bigint;
BEGIN
	DELETE FROM tarot.resource_grant g
		WHERE (g.resource_type, g.resource_id) = (forget_resource.resource_type, forget_resource.resource_id);
	GET DIAGNOSTICS forgotten = ROW_COUNT;
	RETURN forgotten;
END
$$;
COMMENT ON FUNCTION tarot.forget_resource(text, text) IS
	'Takes back all grants on a resource, of one that is deleted for instance, lest they meet another one with its id; returns how many.';

REVOKE ALL ON FUNCTION tarot.check_resource_grant(text, text, text, text, text), tarot.grant_on(text, text, text, text, text, timestamptz),
	tarot.revoke_on(text, text, text, text, text), tarot.forget_resource(text, text) FROM PUBLIC;


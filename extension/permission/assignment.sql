-- permission: who has which role

CREATE TABLE tarot.role_assignment (
	subject text COLLATE "C" NOT NULL CHECK (octet_length(subject) BETWEEN 1 AND 318),
	role text COLLATE "C" NOT NULL,
	valid_until timestamptz NOT NULL DEFAULT 'infinity',
	assigned_by name NOT NULL,
	assigned_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (subject, role)
);
COMMENT ON TABLE tarot.role_assignment IS 'Which roles of tarot.role a subject has, and how long.';

SELECT tarot.declare_policy_table('tarot.role_assignment');

CREATE FUNCTION tarot.check_subject(subject text) RETURNS void
	LANGUAGE plpgsql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF subject IS NULL OR octet_length(subject) NOT BETWEEN 1 AND 318 THEN
		RAISE EXCEPTION 'subject must have 1 to 318 bytes' USING ERRCODE = 'invalid_parameter_value';
	END IF;
END
$$;

CREATE FUNCTION tarot.assign_role(subject text, role text, valid_until timestamptz DEFAULT 'infinity') RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.check_subject(assign_role.subject);
	IF assign_role.valid_until IS NULL THEN
		RAISE EXCEPTION 'valid_until must not be null' USING ERRCODE = 'null_value_not_allowed',
			HINT = 'Without an end it is "infinity", the default.';
	END IF;
	-- Waits for a drop of the role, and then finds it gone. Assignments do not wait for each other.
	PERFORM FROM tarot.role r WHERE r.name = assign_role.role FOR KEY SHARE;
	IF NOT FOUND THEN
		PERFORM tarot.check_role(assign_role.role);
	END IF;
	INSERT INTO tarot.role_assignment AS a (subject, role, valid_until, assigned_by)
		VALUES (assign_role.subject, assign_role.role, assign_role.valid_until, session_user)
		ON CONFLICT ON CONSTRAINT role_assignment_pkey DO UPDATE SET valid_until = excluded.valid_until,
			assigned_by = excluded.assigned_by, assigned_at = excluded.assigned_at;
END
$$;
COMMENT ON FUNCTION tarot.assign_role(text, text, timestamptz) IS
	'Gives a subject (as tarot.subject() says it, with its issuer''s prefix) a role, until a time; again, with another time, replaces '
	'that. Counts in all sessions at their next statement, and ends by itself, within a statement too. Raises 42704 for an unknown role, '
	'22023 for an empty or too long subject, 22004 for NULL.';

CREATE FUNCTION tarot.unassign_role(subject text, role text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.check_subject(unassign_role.subject);
	DELETE FROM tarot.role_assignment a WHERE (a.subject, a.role) = (unassign_role.subject, unassign_role.role);
	IF NOT FOUND THEN
		PERFORM tarot.check_role(unassign_role.role);
		RAISE WARNING 'the subject was not assigned role "%" itself', unassign_role.role
			USING HINT = 'A token may still give it: see tarot.issuer_status.';
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.unassign_role(text, text) IS
	'Takes a role from a subject that tarot.assign_role() gave it. Warns when it had none. Raises 42704 for an unknown role.';

REVOKE ALL ON FUNCTION tarot.check_subject(text), tarot.assign_role(text, text, timestamptz), tarot.unassign_role(text, text) FROM PUBLIC;


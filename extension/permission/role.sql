-- permission: roles of the platform, and what they permit

CREATE TABLE tarot.role (
	name text COLLATE "C" PRIMARY KEY CHECK (octet_length(name) BETWEEN 1 AND 63),
	description text,
	predefined boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tarot.role IS 'Roles of the platform: bundles of permissions, which subjects are assigned. Not roles of the database.';

CREATE TABLE tarot.role_inheritance (
	role text COLLATE "C" NOT NULL,
	inherits text COLLATE "C" NOT NULL,
	PRIMARY KEY (role, inherits),
	CHECK (role <> inherits)
);
COMMENT ON TABLE tarot.role_inheritance IS 'Which roles have all permissions of which others.';

CREATE TABLE tarot.role_permission (
	role text COLLATE "C" NOT NULL,
	permission text COLLATE "C" NOT NULL CHECK (octet_length(permission) BETWEEN 1 AND 255),
	granted_by name NOT NULL,
	granted_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (role, permission)
);
COMMENT ON TABLE tarot.role_permission IS 'What each role permits: "readings:read", or all below, "readings:*".';

-- They may do nothing until they are granted it.
INSERT INTO tarot.role (name, description, predefined) VALUES
	('Admin', 'Who runs the platform', true),
	('User', 'A person who uses the platform', true),
	('Agent', 'A program that acts on the platform', true);

SELECT tarot.declare_policy_table('tarot.role', 'WHERE NOT predefined');
SELECT tarot.declare_policy_table('tarot.role_inheritance');
SELECT tarot.declare_policy_table('tarot.role_permission');

-- ------------------------------------------------------------ for the functions below alone

CREATE FUNCTION tarot.is_permission(permission text, may_cover_others boolean) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_permission_is_permission';

CREATE FUNCTION tarot.check_permission(permission text, may_cover_others boolean) RETURNS void
	LANGUAGE plpgsql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF tarot.is_permission(permission, may_cover_others) IS NOT TRUE THEN
		RAISE EXCEPTION 'this is not a permission'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = 'One has words of letters, digits, "_", "." and "-", with ":" between them, and at most 255 bytes.',
				HINT = CASE WHEN may_cover_others
					THEN 'For instance "readings:read"; "readings:*" covers all that begin with "readings:", and "*" all.'
					ELSE 'For instance "readings:read".' END;
	END IF;
END
$$;

-- Whoever changes roles holds this until the end: what they inherit stays without cycles, and none is dropped in between.
CREATE FUNCTION tarot.check_role(VARIADIC names text[] DEFAULT '{}') RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	missing text;
BEGIN
	LOCK TABLE tarot.role IN SHARE UPDATE EXCLUSIVE MODE;
	SELECT n INTO missing FROM unnest(names) AS n WHERE NOT EXISTS (SELECT FROM tarot.role r WHERE r.name = n) LIMIT 1;
	IF FOUND THEN
		PERFORM tarot.check_name('role', missing);
		RAISE EXCEPTION 'role "%" does not exist in tarot.role', missing
			USING ERRCODE = 'undefined_object', HINT = 'Create it with tarot.create_role().';
	END IF;
END
$$;

-- A role that is made under a name starts with nobody and nothing, whatever met the drop of an earlier one.
CREATE FUNCTION tarot.forget_role(name text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM tarot.role_permission p WHERE p.role = forget_role.name;
	DELETE FROM tarot.role_inheritance i WHERE forget_role.name IN (i.role, i.inherits);
	DELETE FROM tarot.role_assignment a WHERE a.role = forget_role.name;
	DELETE FROM tarot.resource_grant g WHERE g.grantee_kind = 'role' AND g.grantee = forget_role.name;
	UPDATE tarot.issuer i SET roles = array_remove(i.roles, forget_role.name),
			default_roles = array_remove(i.default_roles, forget_role.name),
			role_claim = CASE WHEN i.roles <> ARRAY[forget_role.name] THEN i.role_claim END
		WHERE forget_role.name = ANY (i.roles || i.default_roles);
END
$$;

-- ------------------------------------------------------------ roles

CREATE FUNCTION tarot.create_role(name text, description text DEFAULT NULL, inherits text[] DEFAULT '{}') RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	inherited text;
BEGIN
	PERFORM tarot.check_name('role', create_role.name);
	PERFORM tarot.check_role();
	IF EXISTS (SELECT FROM tarot.role r WHERE r.name = create_role.name) THEN
		RAISE EXCEPTION 'role "%" already exists in tarot.role', create_role.name USING ERRCODE = 'duplicate_object';
	END IF;
	PERFORM tarot.forget_role(create_role.name);
	INSERT INTO tarot.role (name, description) VALUES (create_role.name, create_role.description);
	FOREACH inherited IN ARRAY coalesce(inherits, '{}') LOOP
		PERFORM tarot.inherit_role(create_role.name, inherited);
	END LOOP;
END
$$;
COMMENT ON FUNCTION tarot.create_role(text, text, text[]) IS
	'Makes a role of the platform, which has the permissions of those that it inherits, and those that tarot.grant_permission() gives it. '
	'Admin, User and Agent are there from the start, without any. Raises 42710 for a name that is taken, 42602 and 42622 for one that '
	'cannot be, 42704 for an unknown role to inherit.';

CREATE FUNCTION tarot.drop_role(name text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.check_role(drop_role.name);
	IF EXISTS (SELECT FROM tarot.role r WHERE r.name = drop_role.name AND r.predefined) THEN
		RAISE EXCEPTION 'role "%" is predefined', drop_role.name USING ERRCODE = 'dependent_objects_still_exist',
			HINT = 'Revoke its permissions instead.';
	END IF;
	LOCK TABLE tarot.issuer IN SHARE ROW EXCLUSIVE MODE;
	-- First, and so it waits for whoever is giving it to somebody.
	DELETE FROM tarot.role r WHERE r.name = drop_role.name;
	PERFORM tarot.forget_role(drop_role.name);
END
$$;
COMMENT ON FUNCTION tarot.drop_role(text) IS
	'Drops a role with its permissions, assignments and grants; issuers may no longer give it. Raises 42704 for an unknown one, 2BP01 for '
	'a predefined one.';

CREATE FUNCTION tarot.inherit_role(role text, inherits text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.check_role(inherit_role.role, inherit_role.inherits);
	IF EXISTS (WITH RECURSIVE inherited (name) AS (
			SELECT inherit_role.inherits COLLATE "C"
			UNION
			SELECT i.inherits FROM tarot.role_inheritance i JOIN inherited ON i.role = inherited.name)
		SELECT FROM inherited WHERE inherited.name = inherit_role.role) THEN
		RAISE EXCEPTION 'role "%" would inherit itself', inherit_role.role USING ERRCODE = 'invalid_recursion',
			DETAIL = format('"%s" is it, or inherits it.', inherit_role.inherits);
	END IF;
	INSERT INTO tarot.role_inheritance (role, inherits) VALUES (inherit_role.role, inherit_role.inherits) ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION tarot.inherit_role(text, text) IS
	'Gives a role all permissions of another one, now and later. Raises 42704 for an unknown role, 42P19 for a cycle.';

CREATE FUNCTION tarot.disinherit_role(role text, inherits text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.check_role(disinherit_role.role, disinherit_role.inherits);
	DELETE FROM tarot.role_inheritance i WHERE (i.role, i.inherits) = (disinherit_role.role, disinherit_role.inherits);
	IF NOT FOUND THEN
		RAISE WARNING 'role "%" did not inherit "%" itself', disinherit_role.role, disinherit_role.inherits;
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.disinherit_role(text, text) IS
	'Ends what tarot.inherit_role() began. Warns when there was nothing. Raises 42704 for an unknown role.';

CREATE FUNCTION tarot.grant_permission(role text, permission text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.check_permission(grant_permission.permission, true);
	PERFORM tarot.check_role(grant_permission.role);
	INSERT INTO tarot.role_permission (role, permission, granted_by)
		VALUES (grant_permission.role, grant_permission.permission, session_user) ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION tarot.grant_permission(text, text) IS
	'Lets a role do something: words with ":" between them, "readings:read"; or all that begin so, "readings:*" (not "readings" itself); '
	'or everything, "*". Counts in all sessions at their next statement. Raises 42704 for an unknown role, 22023 for what is no '
	'permission.';

CREATE FUNCTION tarot.revoke_permission(role text, permission text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.check_permission(revoke_permission.permission, true);
	PERFORM tarot.check_role(revoke_permission.role);
	DELETE FROM tarot.role_permission p WHERE (p.role, p.permission) = (revoke_permission.role, revoke_permission.permission);
	IF NOT FOUND THEN
		RAISE WARNING 'role "%" was not granted this permission itself', revoke_permission.role
			USING HINT = 'A wider one that it was granted, or what it inherits, stays: tarot.explain_access() tells.';
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.revoke_permission(text, text) IS
	'Takes back exactly what tarot.grant_permission() gave: "readings:read" is not cut out of a granted "readings:*". Warns when there '
	'was no such grant. Raises as that.';

-- ------------------------------------------------------------ roles by token

CREATE FUNCTION tarot.set_issuer_roles(issuer text, claim text DEFAULT NULL, roles text[] DEFAULT '{}',
		default_roles text[] DEFAULT '{}') RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	-- Whatever their dimensions and subscripts were.
	claimed text[] := ARRAY(SELECT unnest(set_issuer_roles.roles));
	given text[] := ARRAY(SELECT unnest(set_issuer_roles.default_roles));
BEGIN
	PERFORM tarot.check_role(VARIADIC claimed || given);
	LOCK TABLE tarot.issuer IN SHARE ROW EXCLUSIVE MODE;
	PERFORM tarot.get_issuer(set_issuer_roles.issuer);
	IF octet_length(set_issuer_roles.claim) NOT BETWEEN 1 AND 63 THEN
		RAISE EXCEPTION 'claim must have 1 to 63 bytes' USING ERRCODE = 'invalid_parameter_value';
	ELSIF (set_issuer_roles.claim IS NULL) <> (claimed = '{}') THEN
		RAISE EXCEPTION 'claim and roles belong together' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'The claim names roles, and only those of the list are taken.';
	END IF;
	UPDATE tarot.issuer i SET role_claim = set_issuer_roles.claim, roles = claimed, default_roles = given
		WHERE i.name = set_issuer_roles.issuer;
END
$$;
COMMENT ON FUNCTION tarot.set_issuer_roles(text, text, text[], text[]) IS
	'Which roles the tokens of an issuer (by its name here) give: default_roles to every bearer; and those that a claim names, a string '
	'or an array of strings, as far as they are among roles, which other names in the claim are not. Replaces what was set before; '
	'without further arguments tokens give none. Raises 42704 for an unknown issuer or role, 22023 for a claim without roles, or roles '
	'without one.';

REVOKE ALL ON FUNCTION tarot.is_permission(text, boolean), tarot.check_permission(text, boolean), tarot.check_role(text[]),
	tarot.forget_role(text), tarot.create_role(text, text, text[]), tarot.drop_role(text), tarot.inherit_role(text, text),
	tarot.disinherit_role(text, text), tarot.grant_permission(text, text), tarot.revoke_permission(text, text),
	tarot.set_issuer_roles(text, text, text[], text[]) FROM PUBLIC;


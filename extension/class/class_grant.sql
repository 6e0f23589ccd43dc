-- class: who may read, search and write the values of a class

CREATE FUNCTION tarot.grant_class(class text, grantee regrole, read text DEFAULT 'none',
		search boolean DEFAULT NULL, write boolean DEFAULT NULL, permission text DEFAULT NULL,
		valid_until timestamptz DEFAULT 'infinity') RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	granted tarot.class := tarot.get_class(grant_class.class);
	any_role boolean := coalesce(grant_class.grantee::oid, 0) = 0;
	more constant text[] := '{none, masked, plain}';
BEGIN
	IF any_role AND grant_class.permission IS NULL
		OR NOT any_role AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = grant_class.grantee)
	THEN
		RAISE EXCEPTION 'the grantee of a data class must be a role' USING ERRCODE = 'undefined_object',
			HINT = 'There is no grant to PUBLIC: make a role and let others inherit from it, or name a permission.';
	ELSIF (grant_class.read IN ('none', 'masked', 'plain')) IS NOT TRUE THEN
		RAISE EXCEPTION 'read access is "none", "masked" or "plain"' USING ERRCODE = 'invalid_parameter_value';
	ELSIF grant_class.permission IS NOT NULL THEN
		PERFORM tarot.check_permission(grant_class.permission, false);
	END IF;
	IF grant_class.valid_until IS NULL THEN
		RAISE EXCEPTION 'valid_until must not be null' USING ERRCODE = 'null_value_not_allowed',
			HINT = 'Without an end it is "infinity", the default.';
	ELSIF grant_class.valid_until <= clock_timestamp() THEN
		RAISE EXCEPTION 'valid_until must be in the future' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'What is granted is taken back by tarot.revoke_class().';
	END IF;
	-- Waits for a drop of the class, and then finds it gone; and for other grants, of which two might else stay beside each other.
	PERFORM FROM tarot.class c WHERE c.class_id = granted.class_id FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'data class "%" does not exist', granted.name USING ERRCODE = 'undefined_object';
	END IF;
	-- What has no end is all that the role has from then on. What has one stands beside that only where it reads more:
	-- anything else is meant to limit it.
	DELETE FROM tarot.class_grant g
		WHERE g.class_id = granted.class_id AND g.grantee = coalesce(grant_class.grantee, 0)
			AND g.permission = coalesce(grant_class.permission, '')
			AND (g.ends OR array_position(more, g.read) >= array_position(more, grant_class.read));
	INSERT INTO tarot.class_grant AS g (class_id, grantee, read, search, write, granted_by, permission, valid_until)
		VALUES (granted.class_id, coalesce(grant_class.grantee, 0), grant_class.read,
			coalesce(grant_class.search, grant_class.read = 'plain'), coalesce(grant_class.write, grant_class.read = 'plain'),
			session_user, coalesce(grant_class.permission, ''), grant_class.valid_until)
		ON CONFLICT ON CONSTRAINT class_grant_pkey DO UPDATE SET read = excluded.read, search = excluded.search,
			write = excluded.write, granted_by = excluded.granted_by, granted_at = excluded.granted_at, valid_until = excluded.valid_until;
	PERFORM tarot.note_event('CLASS_GRANT', 'grant', 'success', jsonb_strip_nulls(jsonb_build_object(
		'class', granted.name,
		'grantee', CASE WHEN NOT any_role THEN pg_get_userbyid(grant_class.grantee) END,
		'read', grant_class.read, 'search', grant_class.search, 'write', grant_class.write,
		'permission', grant_class.permission, 'valid_until', nullif(grant_class.valid_until, 'infinity'))));
END
$$;
COMMENT ON FUNCTION tarot.grant_class(text, regrole, text, boolean, boolean, text, timestamptz) IS
	'Sets what a role, and who inherits from it, may do with a class: read none, masked or plain; search (compare); write. Plain implies '
	'search and write unless said otherwise, masked and none imply neither. With a permission ("customers:read") the grant counts only '
	'while the session''s identity holds that (tarot.has_permission()), so that one application role sees values for one request and '
	'masks for the next; then the grantee can be NULL, which is any role. Replaces an earlier grant to the same role with the same '
	'permission; several add up. With valid_until it ends by itself then, within a statement too; one that reads more than a grant '
	'without an end stands beside that, which goes on after it, and any other takes its place. Raises 42704 for an unknown class or role '
	'(there is no grant to PUBLIC), 22023 for another word, what is no permission, or an end that is past, 22004 for none.';

CREATE FUNCTION tarot.revoke_class(class text, grantee regrole, permission text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	revoked tarot.class := tarot.get_class(revoke_class.class);
BEGIN
	DELETE FROM tarot.class_grant g WHERE g.class_id = revoked.class_id AND g.grantee = coalesce(revoke_class.grantee, 0)
		AND (revoke_class.permission IS NULL OR g.permission = revoke_class.permission);
	IF NOT FOUND THEN
		RAISE WARNING 'there was no % on data class "%"',
			CASE WHEN revoke_class.permission IS NULL THEN '' ELSE 'such ' END
				|| CASE WHEN coalesce(revoke_class.grantee::oid, 0) = 0 THEN 'grant for any role'
					ELSE format('grant to role "%s"', pg_get_userbyid(revoke_class.grantee)) END,
			revoked.name;
	ELSE
		PERFORM tarot.note_event('CLASS_GRANT', 'revoke', 'success', jsonb_strip_nulls(jsonb_build_object(
			'class', revoked.name,
			'grantee', CASE WHEN coalesce(revoke_class.grantee::oid, 0) <> 0 THEN pg_get_userbyid(revoke_class.grantee) END,
			'permission', revoke_class.permission)));
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.revoke_class(text, regrole, text) IS
	'Takes back what a role was granted; with a permission, only the grant that has it. A grantee that is NULL is that for any role. Open '
	'sessions notice at their next statement. What a role inherits from others stays. Warns when there was none.';

-- For functions that ask before they write as somebody else.
CREATE FUNCTION tarot.role_writes_class(role oid, class text) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_class_role_writes_class';

CREATE VIEW tarot.class_access AS
	SELECT c.name AS class, r.rolname AS grantee, nullif(g.permission, '') AS permission, g.read, g.search, g.write, g.valid_until,
		g.granted_by, g.granted_at, c.mask, k.name AS key, c.searchable, c.purposes, g.break_glass
	FROM tarot.class c
		JOIN tarot.key k USING (key_id)
		LEFT JOIN (
			(
				SELECT class_id, grantee::oid AS grantee, permission, read, search, write, valid_until, granted_by, granted_at,
					NULL::uuid AS break_glass
				FROM tarot.class_grant
				UNION ALL
				SELECT u.class_id, u.role_id, '', 'plain', false, false, u.valid_until, u.session_role, u.started_at, l.use_id
				FROM tarot.break_glass_log l JOIN tarot.break_glass_use u USING (use_id)
				WHERE l.in_force
			) AS g
			JOIN (SELECT oid, rolname FROM pg_catalog.pg_roles UNION ALL SELECT 0, NULL) AS r ON r.oid = g.grantee) USING (class_id);
COMMENT ON VIEW tarot.class_access IS
	'Every class with its mask and key, and who may do what with its values; a class without grants has one row with NULLs.';
COMMENT ON COLUMN tarot.class_access.class IS 'The class.';
COMMENT ON COLUMN tarot.class_access.grantee IS
	'The role that was granted it, NULL for any role. Who inherits from that role is not listed.';
COMMENT ON COLUMN tarot.class_access.permission IS 'What the session''s identity must hold for it, or NULL.';
COMMENT ON COLUMN tarot.class_access.read IS 'none, masked or plain.';
COMMENT ON COLUMN tarot.class_access.search IS 'Whether it may compare values, which plain read access allows as well.';
COMMENT ON COLUMN tarot.class_access.write IS 'Whether it may write values.';
COMMENT ON COLUMN tarot.class_access.valid_until IS
	'When it ends, "infinity" where it does not. One that has ended gives nothing any more.';
COMMENT ON COLUMN tarot.class_access.granted_by IS 'Who granted it: the session''s user then, by name.';
COMMENT ON COLUMN tarot.class_access.granted_at IS 'When.';
COMMENT ON COLUMN tarot.class_access.mask IS 'What masked readers see.';
COMMENT ON COLUMN tarot.class_access.key IS 'The key that seals what is written now.';
COMMENT ON COLUMN tarot.class_access.searchable IS 'Whether equal values can be found to be equal.';
COMMENT ON COLUMN tarot.class_access.purposes IS 'For which stated purposes values are shown, as tarot.set_class_purposes() set them.';
COMMENT ON COLUMN tarot.class_access.break_glass IS
	'NULL for a grant; for what somebody was given by tarot.break_glass() its number in tarot.break_glass_log.';

REVOKE ALL ON FUNCTION tarot.role_writes_class(oid, text), tarot.grant_class(text, regrole, text, boolean, boolean, text, timestamptz),
	tarot.revoke_class(text, regrole, text) FROM PUBLIC;
GRANT SELECT ON tarot.class_access TO pg_monitor;

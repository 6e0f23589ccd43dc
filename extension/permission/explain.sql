-- permission: why somebody may do something, or not

-- Which grants cover a permission: itself, what ends in "*" before it, or "*".
CREATE FUNCTION tarot.covering_permissions(permission text) RETURNS SETOF text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT permission
	UNION ALL SELECT '*'
	UNION ALL SELECT array_to_string((string_to_array(permission, ':'))[:words], ':') || ':*'
		FROM generate_series(1, cardinality(string_to_array(permission, ':')) - 1) AS words
$$;

CREATE FUNCTION tarot.explain_access(subject text, permission text, resource_type text DEFAULT NULL, resource_id text DEFAULT NULL)
	RETURNS TABLE (allows boolean, reason text)
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	-- A token can give roles that no table knows; that of the session is at hand.
	by_token text[] := '{}';
	-- By the clock, as tarot.has_permission().
	asked_at CONSTANT timestamptz := clock_timestamp();
BEGIN
	PERFORM tarot.check_subject(subject);
	PERFORM tarot.check_permission(permission, false);
	IF num_nonnulls(resource_type, resource_id) = 1 THEN
		RAISE EXCEPTION 'resource_type and resource_id belong together' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	BEGIN
		IF explain_access.subject = tarot.subject() THEN
			by_token := ARRAY(SELECT r FROM tarot.roles() AS r);
		END IF;
	-- That of the session is no longer good: it gives nothing.
	EXCEPTION WHEN SQLSTATE 'TS311' OR SQLSTATE 'TS314' OR SQLSTATE 'TS317' OR SQLSTATE 'TS318' OR SQLSTATE 'TS319' THEN
		NULL;
	END;
	RETURN QUERY
	WITH RECURSIVE had (role, inherits, how, valid_until) AS (
			-- How each role comes to the subject, and from which it is inherited; names that are no role lead nowhere.
			SELECT a.role, ARRAY[a.role],
				format('assigned by %s', a.assigned_by)
					|| CASE WHEN isfinite(a.valid_until) THEN format(' until %s', a.valid_until) ELSE '' END,
				a.valid_until
				FROM tarot.role_assignment a JOIN tarot.role r ON r.name = a.role WHERE a.subject = explain_access.subject
			UNION ALL
			SELECT t.role, ARRAY[t.role] COLLATE "C", 'by the token of this session', 'infinity'
				FROM (SELECT r COLLATE "C" FROM unnest(by_token) AS r) AS t (role)
				WHERE NOT EXISTS (SELECT FROM tarot.role_inheritance i WHERE i.inherits = t.role AND i.role = ANY (by_token))
					AND NOT EXISTS (SELECT FROM tarot.role_assignment a
						WHERE (a.subject, a.role) = (explain_access.subject, t.role) AND a.valid_until > asked_at)
			UNION ALL
			SELECT i.inherits, had.inherits || i.inherits, had.how, had.valid_until
				FROM had JOIN tarot.role_inheritance i USING (role) JOIN tarot.role r ON r.name = i.inherits
				WHERE i.inherits <> ALL (had.inherits)
		), reasons (allows, reason) AS (
			SELECT false, format('the subject is %s', p.status)
				FROM tarot.principal p WHERE p.subject = explain_access.subject AND p.status <> 'active'
			UNION ALL
			SELECT CASE WHEN had.valid_until > asked_at THEN true END,
				format('role %I, %s, %spermits "%s"', had.inherits[1], had.how,
					CASE WHEN cardinality(had.inherits) > 1
						THEN 'inherits ' || array_to_string(had.inherits[2:], ', which inherits ') || ', which ' ELSE '' END,
					g.permission)
				|| CASE WHEN had.valid_until > asked_at THEN '' ELSE '; the assignment has ended' END
				FROM had JOIN tarot.role_permission g USING (role)
				WHERE g.permission IN (SELECT tarot.covering_permissions(explain_access.permission))
			UNION ALL
			SELECT CASE WHEN g.valid_until > asked_at AND (had.valid_until IS NULL OR had.valid_until > asked_at) THEN true END,
				format('"%s" on %s %s was granted by %s to %s%s%s', g.permission, g.resource_type, g.resource_id, g.granted_by,
					CASE g.grantee_kind WHEN 'subject' THEN 'the subject' ELSE format('role %I', g.grantee) END,
					CASE WHEN isfinite(g.valid_until) THEN format(' until %s', g.valid_until) ELSE '' END,
					CASE g.grantee_kind WHEN 'subject' THEN '' ELSE ', which the subject has' END)
				|| CASE WHEN g.valid_until <= asked_at THEN '; the grant has ended'
					WHEN had.valid_until <= asked_at THEN '; the assignment of the role has ended' ELSE '' END
				FROM tarot.resource_grant g LEFT JOIN had ON g.grantee_kind = 'role' AND g.grantee = had.role
				WHERE (g.resource_type, g.resource_id) = (explain_access.resource_type, explain_access.resource_id)
					AND g.permission IN (SELECT tarot.covering_permissions(explain_access.permission))
					AND (g.grantee_kind = 'subject' AND g.grantee = explain_access.subject OR had.role IS NOT NULL)
		)
	SELECT r.allows, r.reason FROM (
		SELECT DISTINCT * FROM reasons
		UNION ALL SELECT false, format('no role of the subject permits "%s"', explain_access.permission)
			|| CASE WHEN explain_access.resource_id IS NULL THEN '' ELSE ', and no grant is for this resource' END
			WHERE NOT EXISTS (SELECT FROM reasons WHERE reasons.allows)
				AND NOT EXISTS (SELECT FROM reasons WHERE NOT reasons.allows)) AS r (allows, reason)
	ORDER BY r.allows IS NULL, r.allows, r.reason;
END
$$;
COMMENT ON FUNCTION tarot.explain_access(text, text, text, text) IS
	'Why a subject (as tarot.subject() says it) may do something, or may not; with resource_type and resource_id, why on that resource. '
	'One reason a row: allows is true where it lets, false where it refuses whatever else is there, NULL where it no longer counts. '
	'Somebody may who has a true one and no false one. Roles that a token names are known of this session''s identity alone. Raises 22023 '
	'for values that cannot be.';

REVOKE ALL ON FUNCTION tarot.covering_permissions(text), tarot.explain_access(text, text, text, text) FROM PUBLIC;


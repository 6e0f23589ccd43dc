-- class: break-glass, plain access in an emergency, with a reason

CREATE TABLE tarot.break_glass_list (
	class_id integer NOT NULL,
	role regrole NOT NULL,
	max_duration interval NOT NULL,
	allowed_by name NOT NULL,
	allowed_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (class_id, role)
);
COMMENT ON TABLE tarot.break_glass_list IS 'Which roles may break the glass over a class, and for how long at most.';

-- The record is the grant: there is none without it. Names stand beside numbers because roles and classes go, and
-- numbers mean another role in another cluster.
CREATE TABLE tarot.break_glass_use (
	use_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	class_id integer NOT NULL,
	class text COLLATE "C" NOT NULL,
	role_id oid NOT NULL,
	role name NOT NULL,
	session_role name NOT NULL,
	subject text COLLATE "C",
	reason text NOT NULL,
	started_at timestamptz NOT NULL,
	valid_until timestamptz NOT NULL,
	client_address inet,
	application text NOT NULL
);
COMMENT ON TABLE tarot.break_glass_use IS
	'Who broke the glass over which class, when and why. Rows are added, and never changed or deleted. A row that is committed gives '
	'plain read access until it ends.';
CREATE INDEX break_glass_use_in_force ON tarot.break_glass_use (class_id, valid_until);

CREATE TABLE tarot.break_glass_end (
	use_id uuid PRIMARY KEY,
	ended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	ended_by name NOT NULL
);
COMMENT ON TABLE tarot.break_glass_end IS
	'Which uses of break-glass were ended before their time. Rows are added, and never changed or deleted.';

SELECT tarot.declare_policy_table('tarot.break_glass_list',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = role)');
SELECT tarot.declare_policy_table('tarot.break_glass_use');
SELECT tarot.declare_policy_table('tarot.break_glass_end');

CREATE FUNCTION tarot.refuse_change_of_record() RETURNS trigger
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RAISE EXCEPTION 'permission denied to change table tarot.%', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege',
		DETAIL = 'It is a record: rows are added, and never changed or deleted.';
END
$$;
CREATE TRIGGER added_to_alone BEFORE UPDATE OR DELETE OR TRUNCATE ON tarot.break_glass_use
	FOR EACH STATEMENT EXECUTE FUNCTION tarot.refuse_change_of_record();
CREATE TRIGGER added_to_alone BEFORE UPDATE OR DELETE OR TRUNCATE ON tarot.break_glass_end
	FOR EACH STATEMENT EXECUTE FUNCTION tarot.refuse_change_of_record();
-- Replication knows rows alone.
CREATE TRIGGER added_to_alone_by_row BEFORE UPDATE OR DELETE ON tarot.break_glass_use
	FOR EACH ROW EXECUTE FUNCTION tarot.refuse_change_of_record();
CREATE TRIGGER added_to_alone_by_row BEFORE UPDATE OR DELETE ON tarot.break_glass_end
	FOR EACH ROW EXECUTE FUNCTION tarot.refuse_change_of_record();
ALTER TABLE tarot.break_glass_use ENABLE ALWAYS TRIGGER added_to_alone, ENABLE ALWAYS TRIGGER added_to_alone_by_row;
ALTER TABLE tarot.break_glass_end ENABLE ALWAYS TRIGGER added_to_alone, ENABLE ALWAYS TRIGGER added_to_alone_by_row;

-- ------------------------------------------------------------ who may

CREATE FUNCTION tarot.allow_break_glass(class text, role regrole, max_duration interval DEFAULT '1 hour') RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	allowed tarot.class := tarot.get_class(allow_break_glass.class);
	start constant timestamp := clock_timestamp() AT TIME ZONE 'UTC';
BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = allow_break_glass.role) THEN
		RAISE EXCEPTION 'who may break the glass must be a role' USING ERRCODE = 'undefined_object';
	ELSIF (start + allow_break_glass.max_duration > start
		AND start + allow_break_glass.max_duration <= start + interval '7 days') IS NOT TRUE
	THEN
		RAISE EXCEPTION 'max_duration must be between nothing and 7 days' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'For longer, use tarot.grant_class() with valid_until.';
	END IF;
	-- Waits for a drop of the class, and then finds it gone.
	PERFORM FROM tarot.class c WHERE c.class_id = allowed.class_id FOR KEY SHARE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'data class "%" does not exist', allowed.name USING ERRCODE = 'undefined_object';
	END IF;
	INSERT INTO tarot.break_glass_list AS l (class_id, role, max_duration, allowed_by)
		VALUES (allowed.class_id, allow_break_glass.role, allow_break_glass.max_duration, session_user)
		ON CONFLICT ON CONSTRAINT break_glass_list_pkey DO UPDATE SET max_duration = excluded.max_duration,
			allowed_by = excluded.allowed_by, allowed_at = excluded.allowed_at;
END
$$;
COMMENT ON FUNCTION tarot.allow_break_glass(text, regrole, interval) IS
	'Lets a role, and who inherits from it, break the glass over a class (tarot.break_glass()), for at most so long (7 days at most, by '
	'default an hour). Gives no access by itself. Again, with another duration, replaces that. Raises 42704 for an unknown class or role, '
	'22023 for a duration that is not positive, or too long.';

CREATE FUNCTION tarot.disallow_break_glass(class text, role regrole) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	disallowed tarot.class := tarot.get_class(disallow_break_glass.class);
BEGIN
	DELETE FROM tarot.break_glass_list l WHERE l.class_id = disallowed.class_id AND l.role = disallow_break_glass.role;
	IF NOT FOUND THEN
		RAISE WARNING 'role "%" was not allowed to break the glass over data class "%"',
			pg_get_userbyid(disallow_break_glass.role), disallowed.name;
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.disallow_break_glass(text, regrole) IS
	'Takes back what tarot.allow_break_glass() allowed. What is in force goes on until its end: see tarot.end_break_glass(). Warns when '
	'nothing was allowed. Raises 42704 for an unknown class.';

-- ------------------------------------------------------------ breaking it

-- For tarot.break_glass(), which knows who calls: `roles` are those whose privileges the caller has. A day has 24 hours here: it is
-- reckoned in UTC.
CREATE FUNCTION tarot.record_break_glass(class text, roles oid[], role_id oid, session_role name, subject text, reason text,
		duration interval, application text) RETURNS tarot.break_glass_use
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	broken tarot.class := tarot.get_class(record_break_glass.class);
	start constant timestamp := clock_timestamp() AT TIME ZONE 'UTC';
	latest timestamp;
	recorded tarot.break_glass_use;
BEGIN
	-- Waits for a drop of the class, and for who is taken from the list.
	PERFORM FROM tarot.class c WHERE c.class_id = broken.class_id FOR KEY SHARE;
	PERFORM FROM tarot.break_glass_list l WHERE l.class_id = broken.class_id AND l.role = ANY (record_break_glass.roles) FOR KEY SHARE;
	SELECT max(start + l.max_duration) INTO latest FROM tarot.break_glass_list l
		WHERE l.class_id = broken.class_id AND l.role = ANY (record_break_glass.roles)
			AND EXISTS (SELECT FROM tarot.class c WHERE c.class_id = broken.class_id);
	IF latest IS NULL THEN
		RAISE EXCEPTION 'permission denied to break the glass over data class "%"', broken.name
			USING ERRCODE = 'insufficient_privilege',
				HINT = format('An administrator can allow it beforehand with tarot.allow_break_glass(%L, %L).',
					broken.name, record_break_glass.role_id::regrole);
	ELSIF (start + record_break_glass.duration > start) IS NOT TRUE THEN
		RAISE EXCEPTION 'duration must be positive' USING ERRCODE = 'invalid_parameter_value';
	ELSIF start + record_break_glass.duration > latest THEN
		RAISE EXCEPTION 'duration is longer than allowed' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = format('The glass over data class "%s" may be broken for %s at most.', broken.name, latest - start);
	END IF;
	INSERT INTO tarot.break_glass_use (class_id, class, role_id, role, session_role, subject, reason, started_at, valid_until,
			client_address, application)
		SELECT broken.class_id, broken.name, r.oid, r.rolname, record_break_glass.session_role, record_break_glass.subject,
				record_break_glass.reason, start AT TIME ZONE 'UTC', (start + record_break_glass.duration) AT TIME ZONE 'UTC',
				inet_client_addr(), record_break_glass.application
			FROM pg_roles r WHERE r.oid = record_break_glass.role_id
		RETURNING * INTO STRICT recorded;
	RETURN recorded;
END
$$;

CREATE FUNCTION tarot.break_glass(class text, reason text, duration interval DEFAULT '1 hour') RETURNS timestamptz
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_class_break_glass';
COMMENT ON FUNCTION tarot.break_glass(text, text, interval) IS
	'For an emergency: gives the current role plain read access to a class for a duration, from the commit on, and returns until when. '
	'The role, or one that it inherits from, must have been put on the list by tarot.allow_break_glass(). Where somebody has '
	'authenticated (tarot.authenticate()), it is for that subject under this role alone. Who, when, why and from where goes into '
	'tarot.break_glass_use for ever, and to the server log at once; so does, for each statement, that values were revealed. The reason '
	'has 10 to 1000 characters in one line. Raises 42501 for who is not on the list, 22023 for another duration or reason, 22004 for '
	'none, 42704 for an unknown class, 25006 on a standby.';

-- Ends those of a role, of all where it is NULL; of one subject (or none) where that is said.
CREATE FUNCTION tarot.record_end_of_break_glass(class_id integer, role_id oid, one_subject boolean, subject text, ended_by name)
	RETURNS integer
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	ended integer;
BEGIN
	INSERT INTO tarot.break_glass_end AS e (use_id, ended_by)
		SELECT u.use_id, record_end_of_break_glass.ended_by FROM tarot.break_glass_use u
			WHERE u.class_id = record_end_of_break_glass.class_id AND u.valid_until > clock_timestamp()
				AND (record_end_of_break_glass.role_id IS NULL OR u.role_id = record_end_of_break_glass.role_id)
				AND (NOT one_subject OR u.subject IS NOT DISTINCT FROM record_end_of_break_glass.subject)
		ON CONFLICT ON CONSTRAINT break_glass_end_pkey DO NOTHING;
	GET DIAGNOSTICS ended = ROW_COUNT;
	RETURN ended;
END
$$;

CREATE FUNCTION tarot.end_break_glass(class text) RETURNS integer
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_class_end_break_glass';
COMMENT ON FUNCTION tarot.end_break_glass(text) IS
	'Ends what the current role, and the session''s subject, were given over a class by tarot.break_glass(), before its time; returns how '
	'many that were. Raises 42704 for an unknown class, 25006 on a standby.';

CREATE FUNCTION tarot.end_break_glass(class text, role regrole) RETURNS integer
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RETURN tarot.record_end_of_break_glass(
		(tarot.get_class(end_break_glass.class)).class_id, end_break_glass.role, false, NULL, session_user);
END
$$;
COMMENT ON FUNCTION tarot.end_break_glass(text, regrole) IS
	'For administrators: ends what a role was given over a class by tarot.break_glass(), before its time; of all roles where it is NULL. '
	'Returns how many that were. Open sessions notice at their next statement. Raises 42704 for an unknown class.';

CREATE VIEW tarot.break_glass_log AS
	SELECT u.use_id, u.class, u.role, u.session_role, u.subject, u.reason, u.started_at, u.valid_until, e.ended_at, e.ended_by,
		u.client_address, u.application,
		e.use_id IS NULL AND u.valid_until > clock_timestamp()
			AND EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE (r.oid, r.rolname) = (u.role_id, u.role)) AS in_force
	FROM tarot.break_glass_use u LEFT JOIN tarot.break_glass_end e USING (use_id);
COMMENT ON VIEW tarot.break_glass_log IS 'All uses of break-glass, and which are in force.';
COMMENT ON COLUMN tarot.break_glass_log.use_id IS 'Its number, which the line in the server log has too.';
COMMENT ON COLUMN tarot.break_glass_log.class IS 'The class.';
COMMENT ON COLUMN tarot.break_glass_log.role IS 'The role that was given plain read access.';
COMMENT ON COLUMN tarot.break_glass_log.session_role IS 'The role that the session connected as.';
COMMENT ON COLUMN tarot.break_glass_log.subject IS
	'The verified subject of the session, for whom alone it was; NULL where nobody had authenticated.';
COMMENT ON COLUMN tarot.break_glass_log.reason IS 'Why, in their words.';
COMMENT ON COLUMN tarot.break_glass_log.started_at IS 'When.';
COMMENT ON COLUMN tarot.break_glass_log.valid_until IS 'Until when.';
COMMENT ON COLUMN tarot.break_glass_log.ended_at IS 'When it was ended before that, or NULL.';
COMMENT ON COLUMN tarot.break_glass_log.ended_by IS 'By whom: the session''s user then.';
COMMENT ON COLUMN tarot.break_glass_log.client_address IS 'From where; NULL for a Unix socket.';
COMMENT ON COLUMN tarot.break_glass_log.application IS 'What the application called itself.';
COMMENT ON COLUMN tarot.break_glass_log.in_force IS 'Whether it gives access now.';

REVOKE ALL ON FUNCTION tarot.refuse_change_of_record(), tarot.allow_break_glass(text, regrole, interval),
	tarot.disallow_break_glass(text, regrole), tarot.record_break_glass(text, oid[], oid, name, text, text, interval, text),
	tarot.record_end_of_break_glass(integer, oid, boolean, text, name), tarot.end_break_glass(text, regrole) FROM PUBLIC;

-- subjects: what one has consented to, and whose data is not to be processed
--
-- Both are asked for in row policies: has_consent() and is_restricted() read in C, past the privileges of who asks.

CREATE TABLE tarot.consent_purpose (
	purpose text COLLATE "C" NOT NULL,
	version integer NOT NULL CHECK (version > 0),
	description text NOT NULL,
	declared_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	declared_by name NOT NULL,
	PRIMARY KEY (purpose, version)
);
COMMENT ON TABLE tarot.consent_purpose IS
	'What can be consented to, in which words; each change of the words is a version. For the owner of the extension and whom it grants '
	'SELECT.';

-- One that is withdrawn stays; of those that count there is one a subject and purpose.
CREATE TABLE tarot.consent (
	subject text COLLATE "C" NOT NULL,
	purpose text COLLATE "C" NOT NULL,
	version integer NOT NULL,
	given_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	source text NOT NULL,
	recorded_by name NOT NULL,
	withdrawn_at timestamptz,
	withdrawn_by name,
	PRIMARY KEY (subject, purpose, given_at)
);
CREATE UNIQUE INDEX consent_in_force ON tarot.consent (subject, purpose) WHERE withdrawn_at IS NULL;
COMMENT ON TABLE tarot.consent IS
	'What data subjects consented to, and when they withdrew it; nothing is overwritten. For the owner of the extension and whom it '
	'grants SELECT.';

CREATE TABLE tarot.subject_restriction (
	subject text COLLATE "C" NOT NULL,
	reason text NOT NULL,
	restricted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	restricted_by name NOT NULL,
	lifted_at timestamptz,
	lifted_by name,
	PRIMARY KEY (subject, restricted_at)
);
CREATE UNIQUE INDEX subject_restriction_in_force ON tarot.subject_restriction (subject) WHERE lifted_at IS NULL;
COMMENT ON TABLE tarot.subject_restriction IS
	'Data subjects whose data is not to be processed, by tarot.restrict_subject(), and those of whom that was lifted. For the owner of '
	'the extension and whom it grants SELECT.';

SELECT tarot.guard_table(t), pg_extension_config_dump(t, '')
	FROM unnest(ARRAY['tarot.consent_purpose', 'tarot.consent', 'tarot.subject_restriction']::regclass[]) AS t;

CREATE FUNCTION tarot.require_line(line text, name text) RETURNS void
	LANGUAGE plpgsql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF tarot.is_line(line) IS NOT TRUE OR octet_length(line) > 1000 THEN
		RAISE EXCEPTION '% must be a line of at most 1000 bytes', name USING ERRCODE = 'invalid_parameter_value';
	END IF;
END
$$;

-- ------------------------------------------------------------ consent

CREATE FUNCTION tarot.declare_purpose(purpose text, description text) RETURNS integer
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	newest integer;
BEGIN
	IF (tarot.is_line(purpose) AND octet_length(purpose) <= 200) IS NOT TRUE THEN
		RAISE EXCEPTION 'a purpose has 1 to 200 bytes, no control characters, and not only spaces'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF description IS NULL OR octet_length(description) NOT BETWEEN 1 AND 10000 THEN
		RAISE EXCEPTION 'description must have 1 to 10000 bytes' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	LOCK TABLE tarot.consent_purpose IN SHARE ROW EXCLUSIVE MODE;
	SELECT coalesce(max(p.version), 0) + 1 INTO newest FROM tarot.consent_purpose p WHERE p.purpose = declare_purpose.purpose;
	INSERT INTO tarot.consent_purpose (purpose, version, description, declared_by) VALUES (purpose, newest, description, session_user);
	RETURN newest;
END
$$;
COMMENT ON FUNCTION tarot.declare_purpose(text, text) IS
	'Says what can be consented to, in the words that are shown to data subjects (1 to 10000 bytes), and returns the number of this '
	'version of them. Consents to earlier versions go on counting. A purpose is a line of 1 to 200 bytes, as those of '
	'tarot.set_class_purposes(), with which it may share a name. For whom EXECUTE is granted. Raises 22023.';

CREATE FUNCTION tarot.give_consent(subject text, purpose text, source text, version integer DEFAULT NULL) RETURNS integer
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	given integer;
BEGIN
	PERFORM tarot.require_subject(subject), tarot.require_line(source, 'source');
	SELECT max(p.version)
		INTO given
		FROM tarot.consent_purpose p
		WHERE p.purpose = give_consent.purpose AND (give_consent.version IS NULL OR p.version = give_consent.version);
	IF given IS NULL THEN
		RAISE EXCEPTION 'there is no such purpose' USING ERRCODE = 'undefined_object', HINT = 'Declare it with tarot.declare_purpose().';
	END IF;
	-- A consent to another version takes the place of the one before.
	UPDATE tarot.consent c SET withdrawn_at = clock_timestamp(), withdrawn_by = session_user
		WHERE c.subject = give_consent.subject AND c.purpose = give_consent.purpose AND c.withdrawn_at IS NULL AND c.version <> given;
	INSERT INTO tarot.consent (subject, purpose, version, source, recorded_by) VALUES (subject, purpose, given, source, session_user)
		ON CONFLICT DO NOTHING;
	RETURN given;
END
$$;
COMMENT ON FUNCTION tarot.give_consent(text, text, text, integer) IS
	'Puts on record that a data subject consents to a purpose, in a version of its words (by default the newest), and by what (source: a '
	'line of at most 1000 bytes, such as "sign-up form"); returns the version. One to another version takes the place of the one before, '
	'which stays in tarot.consent as withdrawn; the same again changes nothing. For whom EXECUTE is granted, who is trusted to say who '
	'consented. Raises 42704 for a purpose or version that is not declared, 22023.';

CREATE FUNCTION tarot.withdraw_consent(subject text, purpose text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.require_subject(subject);
	UPDATE tarot.consent c SET withdrawn_at = clock_timestamp(), withdrawn_by = session_user
		WHERE c.subject = withdraw_consent.subject AND c.purpose = withdraw_consent.purpose AND c.withdrawn_at IS NULL;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION tarot.withdraw_consent(text, text) IS
	'Ends a data subject''s consent to a purpose, and returns whether there was one; when it was given and withdrawn stays in '
	'tarot.consent. Counts for statements that begin after the commit. For whom EXECUTE is granted. Raises 22023 for an empty subject.';

CREATE FUNCTION tarot.has_consent(subject text, purpose text) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_subjects_has_consent';
COMMENT ON FUNCTION tarot.has_consent(text, text) IS
	'Whether a data subject''s consent to a purpose is in force, as last committed; false for who and what is not known. For row '
	'policies: a search in an index for each call. For whom EXECUTE is granted.';

CREATE FUNCTION tarot.consenting_subjects(purpose text) RETURNS SETOF text
	LANGUAGE sql STABLE STRICT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT c.subject FROM tarot.consent c WHERE c.purpose = consenting_subjects.purpose AND c.withdrawn_at IS NULL $$;
COMMENT ON FUNCTION tarot.consenting_subjects(text) IS
	'The data subjects whose consent to a purpose is in force. For row policies of tables that most statements read whole, in a subquery, '
	'which is then run once a statement: customer_id::text IN (SELECT tarot.consenting_subjects(''newsletter'')). For whom EXECUTE is '
	'granted.';

-- ------------------------------------------------------------ restriction

CREATE FUNCTION tarot.restrict_subject(subject text, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.require_subject(subject), tarot.require_line(reason, 'reason');
	INSERT INTO tarot.subject_restriction (subject, reason, restricted_by) VALUES (subject, reason, session_user) ON CONFLICT DO NOTHING;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'the processing of this subject''s data is restricted already' USING ERRCODE = 'duplicate_object';
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.restrict_subject(text, text) IS
	'Restricts the processing of a data subject''s data (GDPR, article 18): tarot.is_restricted() is true, and what row policies make of '
	'that holds, until tarot.lift_restriction(). The reason is a line of at most 1000 bytes. For whom EXECUTE is granted. Raises 42710 '
	'where it is already, 22023.';

CREATE FUNCTION tarot.lift_restriction(subject text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	UPDATE tarot.subject_restriction r
		SET lifted_at = clock_timestamp(), lifted_by = session_user
		WHERE r.subject = lift_restriction.subject AND r.lifted_at IS NULL;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'the processing of this subject''s data is not restricted' USING ERRCODE = 'undefined_object';
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.lift_restriction(text) IS
	'Ends what tarot.restrict_subject() began; the record of it stays in tarot.subject_restriction. For whom EXECUTE is granted. Raises '
	'42704 where there is none.';

CREATE FUNCTION tarot.is_restricted(subject text) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_subjects_is_restricted';
COMMENT ON FUNCTION tarot.is_restricted(text) IS
	'Whether the processing of a data subject''s data is restricted, as last committed. For row policies: a search in an index for each '
	'call. For whom EXECUTE is granted.';

CREATE FUNCTION tarot.restricted_subjects() RETURNS SETOF text
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT r.subject FROM tarot.subject_restriction r WHERE r.lifted_at IS NULL $$;
COMMENT ON FUNCTION tarot.restricted_subjects() IS
	'The data subjects the processing of whose data is restricted. For row policies of tables that most statements read whole, in a '
	'subquery, which is then run once a statement: customer_id::text NOT IN (SELECT tarot.restricted_subjects()). For whom EXECUTE is '
	'granted.';

REVOKE ALL ON FUNCTION tarot.declare_purpose(text, text), tarot.give_consent(text, text, text, integer), tarot.withdraw_consent(text, text),
	tarot.has_consent(text, text), tarot.consenting_subjects(text), tarot.restrict_subject(text, text), tarot.lift_restriction(text),
	tarot.is_restricted(text), tarot.restricted_subjects(), tarot.require_line(text, text) FROM PUBLIC;

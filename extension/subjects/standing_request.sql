-- subjects: what data subjects have asked for, by when it is to be answered, and what came of it

CREATE TABLE tarot.subject_request (
	request_id uuid PRIMARY KEY,
	subject text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL CHECK (kind IN ('access', 'rectification', 'erasure', 'restriction', 'portability', 'objection')),
	received_at timestamptz NOT NULL,
	due_at timestamptz NOT NULL,
	recorded_by name NOT NULL,
	outcome text COLLATE "C" CHECK (outcome IN ('done', 'refused')),
	note text,
	closed_at timestamptz,
	closed_by name
);
COMMENT ON TABLE tarot.subject_request IS
	'What data subjects have asked for, by tarot.note_request(), until when it is to be answered, and what came of it. For the owner of '
	'the extension and whom it grants SELECT.';
SELECT tarot.guard_table('tarot.subject_request'), pg_extension_config_dump('tarot.subject_request', '');

CREATE FUNCTION tarot.note_request(subject text, kind text, received_at timestamptz DEFAULT now(), due interval DEFAULT '1 month')
		RETURNS uuid
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	id CONSTANT uuid := gen_random_uuid();
BEGIN
	PERFORM tarot.require_subject(subject);
	IF kind IS NULL OR kind NOT IN ('access', 'rectification', 'erasure', 'restriction', 'portability', 'objection') THEN
		RAISE EXCEPTION 'kind must be access, rectification, erasure, restriction, portability or objection'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF num_nulls(received_at, due) > 0 OR NOT isfinite(received_at) OR received_at > clock_timestamp() OR due <= interval '0' THEN
		RAISE EXCEPTION 'received_at must be a time that is past, and due an interval from there on'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	INSERT INTO tarot.subject_request (request_id, subject, kind, received_at, due_at, recorded_by)
		VALUES (id, subject, kind, received_at, received_at + due, session_user);
	RETURN id;
END
$$;
COMMENT ON FUNCTION tarot.note_request(text, text, timestamptz, interval) IS
	'Puts on record that a data subject asked for something: access, rectification, erasure, restriction, portability or objection (GDPR, '
	'articles 15 to 21), when (by default now), and until when that is to be answered (by default a month after: article 12 (3)); returns '
	'the number of the request, for tarot.close_request(). tarot.subject_request has them, and exports of the subject. For whom EXECUTE '
	'is granted. Raises 22023.';

CREATE FUNCTION tarot.close_request(request uuid, outcome text, note text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF outcome IS NULL OR outcome NOT IN ('done', 'refused') THEN
		RAISE EXCEPTION 'outcome must be done or refused' USING ERRCODE = 'invalid_parameter_value';
	ELSIF note IS NOT NULL OR outcome = 'refused' THEN
		PERFORM tarot.require_line(note, 'note');
	END IF;
	UPDATE tarot.subject_request r
		SET outcome = close_request.outcome, note = close_request.note, closed_at = clock_timestamp(), closed_by = session_user
		WHERE r.request_id = request AND r.outcome IS NULL;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no open request "%"', request USING ERRCODE = 'undefined_object';
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.close_request(uuid, text, text) IS
	'Says what came of a request of tarot.note_request(): done or refused, with a note, a line of at most 1000 bytes, which a refusal '
	'needs (the reason, and that they may complain: article 12 (4)); of a rectification or erasure also who was told (article 19). Not '
	'the name of the person: it stays when they are erased, under their pseudonym. For whom EXECUTE is granted. Raises 42704 for one that '
	'is not open, 22023.';

REVOKE ALL ON FUNCTION tarot.note_request(text, text, timestamptz, interval), tarot.close_request(uuid, text, text) FROM PUBLIC;

-- subjects: those on hold, whose rows no retention touches (tarot.retention_held() asks)

-- Who they are; NULL: nobody is.
CREATE FUNCTION tarot.subjects_on_hold() RETURNS text[]
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	RETURN (SELECT array_agg(h.subject) FROM tarot.subject_hold h WHERE h.released_at IS NULL);
END
$$;

-- The tables that may have rows of theirs; none where nobody is.
CREATE FUNCTION tarot.tables_of_subjects_on_hold() RETURNS SETOF oid
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT r::oid
		FROM tarot.registered_tables() AS r
		WHERE EXISTS (SELECT FROM tarot.subject_hold h WHERE h.released_at IS NULL);
END
$$;

REVOKE ALL ON FUNCTION tarot.subjects_on_hold(), tarot.tables_of_subjects_on_hold() FROM PUBLIC;

-- retention: how long values of a data class are kept, wherever they are

CREATE TABLE tarot.class_retention (
	class_id integer PRIMARY KEY,
	keep interval NOT NULL,
	legal_basis text,
	set_by name NOT NULL,
	set_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tarot.class_retention IS 'What tarot.set_class_retention() was told.';
SELECT tarot.guard_table('tarot.class_retention');
SELECT pg_extension_config_dump('tarot.class_retention', '');

CREATE FUNCTION tarot.forget_class_retention() RETURNS trigger
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM tarot.class_retention r WHERE r.class_id = OLD.class_id;
	RETURN NULL;
END
$$;
CREATE TRIGGER forget_retention AFTER DELETE ON tarot.class FOR EACH ROW EXECUTE FUNCTION tarot.forget_class_retention();

CREATE FUNCTION tarot.set_class_retention(class text, keep interval, legal_basis text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	of_class tarot.class := tarot.get_class(set_class_retention.class);
BEGIN
	IF legal_basis IS NOT NULL AND (keep IS NULL OR (tarot.is_line(legal_basis) AND octet_length(legal_basis) <= 1000) IS NOT TRUE) THEN
		RAISE EXCEPTION 'the legal basis of a limit is a line of at most 1000 bytes' USING ERRCODE = 'invalid_parameter_value';
	ELSIF keep IS NULL THEN
		DELETE FROM tarot.class_retention r WHERE r.class_id = of_class.class_id;
		IF NOT FOUND THEN
			RAISE WARNING 'data class "%" has no limit', of_class.name;
		END IF;
	ELSE
		PERFORM tarot.require_keep(keep, 'UTC', now());
		INSERT INTO tarot.class_retention AS r (class_id, keep, legal_basis, set_by)
			VALUES (of_class.class_id, set_class_retention.keep, set_class_retention.legal_basis, session_user)
			ON CONFLICT ON CONSTRAINT class_retention_pkey
			DO UPDATE SET keep = excluded.keep, legal_basis = excluded.legal_basis, set_by = excluded.set_by, set_at = excluded.set_at;
	END IF;
	PERFORM tarot.note_event('CLASS_RETENTION', CASE WHEN keep IS NULL THEN 'remove' ELSE 'set' END, 'success',
		jsonb_strip_nulls(jsonb_build_object('class', of_class.name, 'keep', keep, 'legal_basis', legal_basis)));
END
$$;
COMMENT ON FUNCTION tarot.set_class_retention(text, interval, text) IS
	'Says how long values of a data class may be kept, and on what legal basis (a line of at most 1000 bytes): NULL takes the limit away. '
	'By itself that deletes nothing: policies of tarot.add_retention() that have the class, and no time of their own, take the limit from '
	'here at each run, and tarot.retention_gaps lists the columns of the class for which none does as much. For whom EXECUTE is granted: '
	'it says how much the policies of all owners delete. Raises 42704 for an unknown class, 55000 for what is no time or less than none, '
	'22023 for the basis.';

REVOKE ALL ON FUNCTION tarot.forget_class_retention(), tarot.set_class_retention(text, interval, text) FROM PUBLIC;

-- class: crypto-shredding, a key for each data subject

CREATE FUNCTION tarot.destroy_subject_key(class text, subject text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	of_class tarot.class := tarot.get_class(destroy_subject_key.class);
BEGIN
	IF NOT of_class.per_subject THEN
		RAISE EXCEPTION 'data class "%" has no keys of subjects', of_class.name USING ERRCODE = 'object_not_in_prerequisite_state';
	ELSIF destroy_subject_key.subject IS NULL THEN
		RAISE EXCEPTION 'subject must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	PERFORM tarot.require_key_not_on_hold(of_class.name, destroy_subject_key.subject);
	RETURN tarot.destroy_subject(of_class.class_id, destroy_subject_key.subject);
END
$$;
COMMENT ON FUNCTION tarot.destroy_subject_key(text, text) IS
	'Destroys the keys of a data subject in a class, for ever: from the commit on, all values that they sealed, wherever they are in this '
	'database, read as NULL (or as the mask, where that needs no value); other sessions notice at their next statement. The subject is '
	'what stands in the column that tarot.set_subject() named, as text (uuid in lower case, numbers without leading zeros). Waits for '
	'transactions under way that made keys. Returns whether there was a key. What is written for the subject later gets a new key. For '
	'backups see the guide on keys. Raises 55000 for a class without keys of subjects, and where the subject, or a row whose values are '
	'under the key, is on legal hold (tarot.hold_subject(), tarot.hold()), 25001 in another transaction than a READ COMMITTED one, TS001 '
	'when the server is locked.';

CREATE FUNCTION tarot.rewrap_subject_keys(key text DEFAULT NULL) RETURNS bigint
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	only_key integer := CASE WHEN rewrap_subject_keys.key IS NOT NULL THEN tarot.get_key_id(rewrap_subject_keys.key) END;
	total bigint := 0;
	c tarot.class;
BEGIN
	FOR c IN SELECT * FROM tarot.class WHERE per_subject AND (only_key IS NULL OR key_id = only_key) ORDER BY class_id LOOP
		total := total + tarot.rewrap_subjects(c.class_id, c.key_id);
	END LOOP;
	RETURN total;
END
$$;
COMMENT ON FUNCTION tarot.rewrap_subject_keys(text) IS
	'Wraps the keys of data subjects with the newest version of their class''s key (of all classes, or of those with this key), in the '
	'calling transaction, and returns how many. After that older versions can be destroyed; values are not touched. New subjects wait '
	'until the transaction ends. Raises 42704 for an unknown key, TS001 when the server is locked.';

REVOKE ALL ON FUNCTION tarot.destroy_subject_key(text, text), tarot.rewrap_subject_keys(text) FROM PUBLIC;


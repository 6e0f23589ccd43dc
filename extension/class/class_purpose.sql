-- class: the purposes that values are shown for

CREATE FUNCTION tarot.set_class_purposes(class text, purposes text[]) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	of_class tarot.class := tarot.get_class(set_class_purposes.class);
	purpose text;
BEGIN
	IF array_ndims(set_class_purposes.purposes) > 1 OR cardinality(set_class_purposes.purposes) > 100 THEN
		RAISE EXCEPTION 'purposes are a list of at most 100' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	FOREACH purpose IN ARRAY coalesce(set_class_purposes.purposes, '{}') LOOP
		IF (tarot.is_line(purpose) AND octet_length(purpose) <= 200) IS NOT TRUE THEN
			RAISE EXCEPTION 'a purpose has 1 to 200 bytes, no control characters, and not only spaces'
				USING ERRCODE = 'invalid_parameter_value';
		END IF;
	END LOOP;
	UPDATE tarot.class c SET purposes = set_class_purposes.purposes WHERE c.class_id = of_class.class_id;
END
$$;
COMMENT ON FUNCTION tarot.set_class_purposes(text, text[]) IS
	'Sets for which purposes the values of a class are shown to who may read them plain: for those in the list, for any where the list is '
	'empty, and without one where it is NULL. A session states its purpose by SET LOCAL tarot_security.purpose; without one that is '
	'allowed, to read the values is an error (TS401), and masked readers see their masks as ever. What was shown is told by the server '
	'log, a line for each statement and class. Counts in all sessions at their next statement. Raises 42704 for an unknown class, 22023 '
	'for a purpose that is empty, longer than 200 bytes, or has control characters.';

CREATE FUNCTION tarot.class_purposes(class text) RETURNS text[]
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_class_purposes';
COMMENT ON FUNCTION tarot.class_purposes(text) IS
	'The purposes that the values of a class are shown for, as tarot.set_class_purposes() set them: an empty list is any, NULL that none '
	'has to be stated. For everybody: it tells what to state. Raises 42704 for an unknown class.';

REVOKE ALL ON FUNCTION tarot.set_class_purposes(text, text[]) FROM PUBLIC;

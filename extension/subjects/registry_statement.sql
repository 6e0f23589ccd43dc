-- subjects: what is done to rows of one

-- In the statement $1 is the subject, and $2 a list of others.
CREATE FUNCTION tarot.run_as_owner(relation oid, statement text, subject text, list text[] DEFAULT '{}') RETURNS jsonb
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_subjects_run_as_owner';

CREATE FUNCTION tarot.end_deferral() RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_subjects_end_deferral';

CREATE FUNCTION tarot.subject_pseudonym(subject text) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_subjects_subject_pseudonym';
COMMENT ON FUNCTION tarot.subject_pseudonym(text) IS
	'What a data subject is called in certificates of erasure: 32 hexadecimal digits, of a keyed hash. To find what was done for one '
	'whose identifier is known. Comes from the oldest version of the key "default", so it stays while that does. For whom EXECUTE is '
	'granted. Raises 55000 where there is no key yet, TS001 when the server is locked.';

CREATE FUNCTION tarot.record_erasure(document jsonb) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_subjects_record_erasure';

-- As run_as_owner; an error says of no row what is in it, for constraints and triggers of others may.
CREATE FUNCTION tarot.read_on_subject(relation oid, statement text, subject text, list text[] DEFAULT '{}') RETURNS jsonb
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	name CONSTANT text := tarot.relation_name(relation);
	state text;
	message text;
	cause text;
	constrained text;
	hint text;
	context text;
BEGIN
	RETURN tarot.run_as_owner(relation, statement, subject, list);
EXCEPTION WHEN deadlock_detected OR lock_not_available OR serialization_failure THEN
	RAISE;
WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, cause = TABLE_NAME, constrained = CONSTRAINT_NAME,
		hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
	IF state LIKE '23%' THEN
		RAISE EXCEPTION 'constraint "%" of table "%" is in the way', constrained, cause
			USING ERRCODE = state, HINT = 'A row that refers to another may have come meanwhile: then try again.';
	ELSIF message LIKE 'query would be affected by row-level security policy%' THEN
		RAISE EXCEPTION 'row security hides rows of table "%" from role "%"',
				name, (SELECT c.relowner::regrole FROM pg_class c WHERE c.oid = relation)
			USING ERRCODE = state,
				HINT = 'The owner of a table erases its rows: take FORCE ROW LEVEL SECURITY off, or give the owner BYPASSRLS.';
	-- A trigger may raise what it likes, and by the same codes.
	ELSIF (state = '42501' OR state LIKE 'TS%') AND context NOT LIKE '%RAISE%' THEN
		RAISE EXCEPTION 'table "%": %', name, message
			USING ERRCODE = state,
				HINT = coalesce(nullif(hint, ''),
					format('It is done with the rights of the table''s owner, role %s, and no others, and finds functions of triggers '
						'in pg_catalog alone unless they say where they are.',
						(SELECT c.relowner::regrole FROM pg_class c WHERE c.oid = relation)));
	END IF;
	RAISE EXCEPTION 'rows of a data subject in table "%" could not be read or changed', name
		USING ERRCODE = state,
			DETAIL = format('SQLSTATE %s.', state),
			HINT = 'What was said is left out, as it may tell of a person. Functions of triggers run with the rights '
				'of the table''s owner, and find in pg_catalog alone what is not named with its schema.';
END
$$;

-- What a statement counts.
CREATE FUNCTION tarot.run_on_subject(relation oid, statement text, subject text, list text[] DEFAULT '{}') RETURNS bigint[]
	LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT ARRAY(SELECT c::bigint
			FROM jsonb_array_elements(tarot.read_on_subject(relation, statement, subject, list)) WITH ORDINALITY AS e (c, position)
			ORDER BY position)
	$$;

REVOKE ALL ON FUNCTION tarot.run_as_owner(oid, text, text, text[]), tarot.end_deferral(), tarot.subject_pseudonym(text),
	tarot.record_erasure(jsonb), tarot.read_on_subject(oid, text, text, text[]), tarot.run_on_subject(oid, text, text, text[])
	FROM PUBLIC;

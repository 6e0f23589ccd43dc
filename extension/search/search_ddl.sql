-- search: definitions that would compare values

-- For everybody: the event trigger is run by whoever defines an index.
CREATE FUNCTION tarot.check_searchable(class_id integer, index_name name) RETURNS void
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_search_check_searchable';

CREATE FUNCTION tarot.require_searchable() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	-- Not by a cast to regprocedure: that needs USAGE on the schema, which an ordinary role may lack.
	typmod_in CONSTANT oid := (SELECT p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
		WHERE n.nspname = 'tarot' AND p.proname = 'encrypted_typmod_in');
	use record;
BEGIN
	-- A class that is not known yet is no error: a dump defines tables before it fills that of classes.
	FOR use IN
		SELECT c.relname, CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END AS class_id
			FROM pg_event_trigger_ddl_commands() d
				JOIN pg_index i ON d.classid = 'pg_class'::regclass AND d.objid IN (i.indexrelid, i.indrelid)
				JOIN pg_class c ON c.oid = i.indexrelid
				JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
				JOIN pg_type t ON t.oid = a.atttypid
				LEFT JOIN pg_type b ON b.oid = t.typbasetype
			WHERE typmod_in IN (t.typmodin, b.typmodin)
	LOOP
		PERFORM tarot.check_searchable(use.class_id, use.relname);
	END LOOP;

	SELECT k.conname, format_type(a.atttypid, a.atttypmod) AS type, format_type(b.atttypid, b.atttypmod) AS other INTO use
		FROM pg_event_trigger_ddl_commands() d
			JOIN pg_constraint k ON d.classid = 'pg_class'::regclass AND k.conrelid = d.objid AND k.contype = 'f'
			CROSS JOIN unnest(k.conkey, k.confkey) AS u (own, other)
			JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.own
			JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = u.other
			JOIN pg_type t ON t.oid = a.atttypid
		WHERE t.typmodin = typmod_in AND a.atttypmod <> b.atttypmod
		LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'foreign key "%" would compare values of two data classes', use.conname
			USING ERRCODE = 'datatype_mismatch', DETAIL = format('%s and %s.', use.type, use.other),
				HINT = 'Give both columns the same class.';
	END IF;

	SELECT c.relname, a.attname INTO use
		FROM pg_event_trigger_ddl_commands() d
			JOIN pg_partitioned_table p ON d.classid = 'pg_class'::regclass AND p.partrelid = d.objid
			JOIN pg_class c ON c.oid = p.partrelid
			JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = ANY (p.partattrs::int2[])
			JOIN pg_type t ON t.oid = a.atttypid
			LEFT JOIN pg_type b ON b.oid = t.typbasetype
		WHERE typmod_in IN (t.typmodin, b.typmodin)
		LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'table "%" cannot be partitioned by the encrypted column "%"', use.relname, use.attname
			USING ERRCODE = 'feature_not_supported',
				DETAIL = 'In which partition a row belongs would depend on keys, and change with them.';
	END IF;

	SELECT format_type(r.rngtypid, NULL) AS type INTO use
		FROM pg_event_trigger_ddl_commands() d
			JOIN pg_range r ON d.classid = 'pg_type'::regclass AND r.rngtypid = d.objid
			JOIN pg_type t ON t.oid = r.rngsubtype
		WHERE t.typmodin = typmod_in
		LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'type % would need an order of encrypted values', use.type
			USING ERRCODE = 'feature_not_supported', DETAIL = 'Their search tags have one, which says nothing of the values.';
	END IF;
END
$$;

REVOKE ALL ON FUNCTION tarot.require_searchable() FROM PUBLIC;

CREATE EVENT TRIGGER tarot_security_require_searchable ON ddl_command_end
	WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE', 'CREATE INDEX', 'CREATE MATERIALIZED VIEW', 'CREATE TYPE', 'CREATE SCHEMA')
	EXECUTE FUNCTION tarot.require_searchable();

-- column: a column needs a class

CREATE FUNCTION tarot.require_class() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	-- Not by a cast to regprocedure: that needs USAGE on the schema, which an ordinary role may lack.
	typmod_in CONSTANT oid := (SELECT p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
		WHERE n.nspname = 'tarot' AND p.proname = 'encrypted_typmod_in');
	unclassed text;
BEGIN
	SELECT format('column "%s" of %s "%s"', a.attname,
			CASE c.relkind WHEN 'm' THEN 'materialized view' WHEN 'c' THEN 'type' ELSE 'table' END, c.relname)
		INTO unclassed
		FROM pg_event_trigger_ddl_commands() d
			JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid AND c.relkind IN ('r', 'p', 'f', 'm')
				OR d.classid = 'pg_type'::regclass AND c.reltype = d.objid AND c.relkind = 'c'
			JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
			JOIN pg_type t ON t.oid = a.atttypid
		WHERE a.atttypmod < 0 AND t.typmodin = typmod_in
		LIMIT 1;
	IF unclassed IS NULL THEN
		SELECT format('domain "%s"', o.typname) INTO unclassed
			FROM pg_event_trigger_ddl_commands() d
				JOIN pg_type o ON d.classid = 'pg_type'::regclass AND o.oid = d.objid AND o.typtype = 'd'
				JOIN pg_type t ON t.oid = o.typbasetype
			WHERE o.typtypmod < 0 AND t.typmodin = typmod_in
			LIMIT 1;
	END IF;
	IF unclassed IS NOT NULL THEN
		RAISE EXCEPTION 'encrypted % needs a data class', unclassed
			USING ERRCODE = 'invalid_table_definition',
				DETAIL = 'Without a class nobody could be allowed to read it.',
				HINT = 'For instance: tarot.encrypted_text(''email'').';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION tarot.require_class() FROM PUBLIC;
CREATE EVENT TRIGGER tarot_security_require_class ON ddl_command_end
	WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE', 'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE',
		'CREATE TABLE AS', 'SELECT INTO', 'CREATE MATERIALIZED VIEW', 'CREATE TYPE', 'ALTER TYPE', 'CREATE DOMAIN',
		'CREATE SCHEMA', 'IMPORT FOREIGN SCHEMA')
	EXECUTE FUNCTION tarot.require_class();


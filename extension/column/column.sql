-- column: encrypted types

CREATE TYPE tarot.encrypted_text;

CREATE FUNCTION tarot.encrypted_typmod_in(cstring[]) RETURNS integer
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_typmod_in';
CREATE FUNCTION tarot.encrypted_typmod_out(integer) RETURNS cstring
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_typmod_out';

-- Input and coercion seal with a new nonce each time, yet they are STABLE: within a statement
-- one sealed value is as good as another, and VOLATILE ones would keep indexes from being used.
CREATE FUNCTION tarot.encrypted_text_in(cstring, oid, integer) RETURNS tarot.encrypted_text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_text_in';
CREATE FUNCTION tarot.encrypted_text_out(tarot.encrypted_text) RETURNS cstring
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_text_out';
CREATE FUNCTION tarot.encrypted_text_recv(internal, oid, integer) RETURNS tarot.encrypted_text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_text_recv';
CREATE FUNCTION tarot.encrypted_text_send(tarot.encrypted_text) RETURNS bytea
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_text_send';

-- Ciphertext does not compress, hence EXTERNAL.
CREATE TYPE tarot.encrypted_text (
	INPUT = tarot.encrypted_text_in,
	OUTPUT = tarot.encrypted_text_out,
	RECEIVE = tarot.encrypted_text_recv,
	SEND = tarot.encrypted_text_send,
	TYPMOD_IN = tarot.encrypted_typmod_in,
	TYPMOD_OUT = tarot.encrypted_typmod_out,
	INTERNALLENGTH = VARIABLE,
	STORAGE = EXTERNAL,
	CATEGORY = 'S'
);
COMMENT ON TYPE tarot.encrypted_text IS
	'Text that is stored encrypted, of a data class: tarot.encrypted_text(''email''). Input seals, output shows what the current role is granted: the text, its mask, or a placeholder.';

CREATE FUNCTION tarot.encrypted_text(text, integer, boolean) RETURNS tarot.encrypted_text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_text_to_encrypted';
COMMENT ON FUNCTION tarot.encrypted_text(text, integer, boolean) IS
	'The cast from text: seals under the class of the type modifier. Needs write access to the class.';
CREATE FUNCTION tarot.encrypted_text(tarot.encrypted_text, integer, boolean) RETURNS tarot.encrypted_text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_coerce_encrypted_text';
COMMENT ON FUNCTION tarot.encrypted_text(tarot.encrypted_text, integer, boolean) IS
	'The coercion to another class: opens and seals again. Needs write access to the new class, and plain read access to the old one.';
CREATE FUNCTION tarot.text(tarot.encrypted_text) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_encrypted_to_text';
COMMENT ON FUNCTION tarot.text(tarot.encrypted_text) IS
	'The cast to text: what the current role is granted, the text, its mask (which can be NULL), or a placeholder.';
CREATE FUNCTION tarot.try_decrypt(tarot.encrypted_text) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_try_decrypt';
COMMENT ON FUNCTION tarot.try_decrypt(tarot.encrypted_text) IS
	'As the cast to text, but NULL for a value that cannot be opened, so that one damaged value does not end a scan.';

-- To text silently, so that LIKE, lower() or || go on working; from text where it is stored.
CREATE CAST (text AS tarot.encrypted_text)
	WITH FUNCTION tarot.encrypted_text(text, integer, boolean) AS ASSIGNMENT;
CREATE CAST (varchar AS tarot.encrypted_text)
	WITH FUNCTION tarot.encrypted_text(text, integer, boolean) AS ASSIGNMENT;
CREATE CAST (tarot.encrypted_text AS tarot.encrypted_text)
	WITH FUNCTION tarot.encrypted_text(tarot.encrypted_text, integer, boolean) AS IMPLICIT;
CREATE CAST (tarot.encrypted_text AS text)
	WITH FUNCTION tarot.text(tarot.encrypted_text) AS IMPLICIT;

-- The functions of the type are for everybody: what they do is decided by the gate.

-- ------------------------------------------------------------ a column needs a class

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
	SELECT format('column "%s" of %s "%s"', a.attname, CASE c.relkind WHEN 'm' THEN 'materialized view' WHEN 'c' THEN 'type' ELSE 'table' END, c.relname) INTO unclassed
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
		'CREATE TABLE AS', 'SELECT INTO', 'CREATE MATERIALIZED VIEW', 'CREATE TYPE', 'ALTER TYPE', 'CREATE DOMAIN')
	EXECUTE FUNCTION tarot.require_class();


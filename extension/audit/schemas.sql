-- audit: all tables of a schema, and those that come later

-- By name, as dumps and pg_upgrade know a schema; a hook follows renames.
CREATE TABLE tarot.audited_schema (
	schema_name name PRIMARY KEY,
	exclude_tables name[] NOT NULL
);
COMMENT ON TABLE tarot.audited_schema IS 'Schemas whose new tables are audited: set by tarot.audit_schema().';
SELECT tarot.declare_policy_table('tarot.audited_schema');

CREATE FUNCTION tarot.require_auditable_schema(schema oid) RETURNS name
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	name name;
BEGIN
	SELECT n.nspname INTO name FROM pg_namespace n WHERE n.oid = schema;
	IF schema IS NULL THEN
		RAISE EXCEPTION 'schema must not be null' USING ERRCODE = 'null_value_not_allowed';
	ELSIF NOT FOUND THEN
		RAISE EXCEPTION 'schema with OID % does not exist', schema USING ERRCODE = 'invalid_schema_name';
	ELSIF name ~ '^pg_' OR name IN ('information_schema', 'tarot') THEN
		RAISE EXCEPTION 'schema "%" cannot be audited', name USING ERRCODE = 'wrong_object_type';
	END IF;
	RETURN name;
END
$$;

CREATE FUNCTION tarot.audit_schema(schema regnamespace, exclude_tables name[] DEFAULT '{}', future boolean DEFAULT true) RETURNS integer
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	name CONSTANT name := tarot.require_auditable_schema(schema);
	made integer := 0;
	member oid;
BEGIN
	IF exclude_tables IS NULL OR array_position(exclude_tables, NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'exclude_tables must have names of tables' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	-- Waits for who makes tables, and they for this: what is made meanwhile is found here, or follows.
	IF future THEN
		LOCK TABLE tarot.audited_schema IN SHARE ROW EXCLUSIVE MODE;
		INSERT INTO tarot.audited_schema VALUES (name, exclude_tables)
			ON CONFLICT (schema_name) DO UPDATE SET exclude_tables = excluded.exclude_tables;
	ELSE
		DELETE FROM tarot.audited_schema s WHERE s.schema_name = name;
	END IF;
	-- Those first that others may be below of.
	FOR member IN
		SELECT c.oid
		FROM pg_class c
		WHERE c.relnamespace = schema AND c.relkind IN ('r', 'p') AND c.relname <> ALL (exclude_tables)
		ORDER BY EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid), c.oid
	LOOP
		IF tarot.audit_arguments(member) IS NULL THEN
			PERFORM tarot.audit_table(member);
			made := made + 1;
		END IF;
	END LOOP;
	RETURN made;
END
$$;
COMMENT ON FUNCTION tarot.audit_schema(regnamespace, name[], boolean) IS
	'Puts the changes of all tables of a schema on record, as tarot.audit_table() does with all columns, but for exclude_tables; tables '
	'that are audited, by themselves or with a parent, stay as they are. Returns how many it has added. With future, which is the '
	'default, tables are audited, too, that are made in the schema later (CREATE TABLE, also AS, SELECT INTO, whose first rows are not on '
	'record) or moved into it. Called again it changes exclude_tables and future. For whom EXECUTE is granted. Raises 42809 for a schema '
	'of the system or of this extension, 22023 for a null in exclude_tables.';

CREATE FUNCTION tarot.unaudit_schema(schema regnamespace, future_only boolean DEFAULT false) RETURNS integer
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	name CONSTANT name := tarot.require_auditable_schema(schema);
	ended integer := 0;
	member oid;
BEGIN
	DELETE FROM tarot.audited_schema s WHERE s.schema_name = name;
	IF NOT coalesce(future_only, false) THEN
		FOR member IN
			SELECT r.relation
			FROM tarot.audited_table r JOIN pg_class c ON c.oid = r.relation
			WHERE c.relnamespace = schema
			ORDER BY r.relation
		LOOP
			-- One that is audited with its parent elsewhere stays so.
			IF NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = member AND tarot.audit_arguments(i.inhparent) IS NOT NULL) THEN
				PERFORM tarot.unaudit_table(member);
				ended := ended + 1;
			END IF;
		END LOOP;
	END IF;
	RETURN ended;
END
$$;
COMMENT ON FUNCTION tarot.unaudit_schema(regnamespace, boolean) IS
	'Ends what tarot.audit_schema() has begun: new tables of the schema are audited no more, nor, unless future_only, those that are '
	'there, by whatever call they were audited; those below a table of another schema stay so. Returns how many it has ended. For whom '
	'EXECUTE is granted. Raises 42809 for a schema of the system or of this extension.';

CREATE VIEW tarot.audited_schemas AS SELECT s.schema_name, s.exclude_tables FROM tarot.audited_schema s;
COMMENT ON VIEW tarot.audited_schemas IS 'The schemas whose new tables are audited.';
COMMENT ON COLUMN tarot.audited_schemas.schema_name IS 'The schema.';
COMMENT ON COLUMN tarot.audited_schemas.exclude_tables IS 'Names of tables that are not.';
GRANT SELECT ON tarot.audited_schemas TO pg_monitor;

-- ------------------------------------------------------------ for the hook alone

CREATE FUNCTION tarot.rename_audited_schema(old name, new name) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	UPDATE tarot.audited_schema s SET schema_name = new WHERE s.schema_name = old;
END
$$;

CREATE FUNCTION tarot.forget_audited_schemas() RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM tarot.audited_schema s WHERE NOT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = s.schema_name);
END
$$;

-- ------------------------------------------------------------ tables that come later

CREATE FUNCTION tarot.moves_to_schema(command pg_ddl_command) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_audit_moves_to_schema';

CREATE FUNCTION tarot.follow_audited_schema() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	member oid;
BEGIN
	IF NOT EXISTS (
		SELECT
		FROM pg_event_trigger_ddl_commands() d JOIN pg_class c ON c.oid = d.objid
		WHERE d.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
			AND (d.command_tag <> 'ALTER TABLE' OR tarot.moves_to_schema(d.command)))
	THEN
		RETURN;
	END IF;
	LOCK TABLE tarot.audited_schema IN ROW EXCLUSIVE MODE;
	-- Not those that somebody alters who has ended their audit.
	FOR member IN
		SELECT DISTINCT c.oid
		FROM pg_event_trigger_ddl_commands() d
			JOIN pg_class c ON c.oid = d.objid
			JOIN pg_namespace n ON n.oid = c.relnamespace
			JOIN tarot.audited_schema s ON s.schema_name = n.nspname
		WHERE d.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'p') AND c.relname <> ALL (s.exclude_tables)
			AND (d.command_tag <> 'ALTER TABLE' OR tarot.moves_to_schema(d.command))
		ORDER BY c.oid
	LOOP
		IF tarot.audit_arguments(member) IS NULL THEN
			INSERT INTO tarot.audited_table VALUES (member, NULL, NULL);
			PERFORM tarot.enforce_audit(member);
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION tarot.follow_audited_schema() IS
	'Event trigger: a table that is made in an audited schema, or moved into it, is audited.';
CREATE EVENT TRIGGER tarot_security_follow_audited_schema ON ddl_command_end
	WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE SCHEMA', 'ALTER TABLE')
	EXECUTE FUNCTION tarot.follow_audited_schema();
ALTER EVENT TRIGGER tarot_security_follow_audited_schema ENABLE ALWAYS;

REVOKE ALL ON FUNCTION tarot.require_auditable_schema(oid), tarot.audit_schema(regnamespace, name[], boolean),
	tarot.unaudit_schema(regnamespace, boolean), tarot.rename_audited_schema(name, name), tarot.forget_audited_schemas(),
	tarot.moves_to_schema(pg_ddl_command), tarot.follow_audited_schema() FROM PUBLIC;

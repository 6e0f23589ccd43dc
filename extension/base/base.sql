-- base: the schema, and how sessions hear of a changed policy

CREATE SCHEMA tarot;
COMMENT ON SCHEMA tarot IS 'tarot_security: data security inside the database';
GRANT USAGE ON SCHEMA tarot TO PUBLIC;

CREATE FUNCTION tarot.announce_policy_change() RETURNS trigger
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_base_announce_policy_change';
REVOKE ALL ON FUNCTION tarot.announce_policy_change() FROM PUBLIC;
COMMENT ON FUNCTION tarot.announce_policy_change() IS
	'Trigger on the policy tables: lets only the owner change them (42501), and after a change makes every session ask them again at its '
	'next statement.';

-- For the install scripts of the modules: a table that its owner alone may change, whatever privileges others have.
CREATE FUNCTION tarot.guard_table(guarded regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	-- Before a row is there: what a statement has written, functions that it calls read before its end.
	EXECUTE format('CREATE TRIGGER owner_alone BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s
		FOR EACH STATEMENT EXECUTE FUNCTION tarot.announce_policy_change()', guarded);
	EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER owner_alone', guarded);
END
$$;
REVOKE ALL ON FUNCTION tarot.guard_table(regclass) FROM PUBLIC;
COMMENT ON FUNCTION tarot.guard_table(regclass) IS
	'For install scripts: makes a table of the extension one that only its owner may change (42501), not those who may write to all '
	'tables either.';

-- For the install scripts of the modules: a table that steers what the C code does. It is dumped
-- with its data, and every change of it is announced, also one by logical replication or a restore.
CREATE FUNCTION tarot.declare_policy_table(policy_table regclass, dump_condition text DEFAULT '') RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	EXECUTE format('CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON %s
		FOR EACH ROW EXECUTE FUNCTION tarot.announce_policy_change()', policy_table);
	EXECUTE format('CREATE TRIGGER announce_truncate AFTER TRUNCATE ON %s
		FOR EACH STATEMENT EXECUTE FUNCTION tarot.announce_policy_change()', policy_table);
	EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER announce, ENABLE ALWAYS TRIGGER announce_truncate', policy_table);
	PERFORM tarot.guard_table(policy_table);
	PERFORM pg_extension_config_dump(policy_table, dump_condition);
END
$$;
REVOKE ALL ON FUNCTION tarot.declare_policy_table(regclass, text) FROM PUBLIC;
COMMENT ON FUNCTION tarot.declare_policy_table(regclass, text) IS
	'For install scripts: makes a table of the extension one that is dumped with its data (rows that meet the condition), and whose '
	'changes are announced to all sessions.';

-- For modules that run code of table owners: raises where a temporary table or type of the session belongs to one who has not the
-- rights of the role.
CREATE FUNCTION tarot.require_own_temporary(role oid) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_base_require_own_temporary';
REVOKE ALL ON FUNCTION tarot.require_own_temporary(oid) FROM PUBLIC;

-- base: the schema, and how sessions hear of a changed policy

CREATE SCHEMA tarot;
COMMENT ON SCHEMA tarot IS 'tarot_security: data security inside the database';
GRANT USAGE ON SCHEMA tarot TO PUBLIC;

CREATE FUNCTION tarot.announce_policy_change() RETURNS trigger
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_base_announce_policy_change';
REVOKE ALL ON FUNCTION tarot.announce_policy_change() FROM PUBLIC;
COMMENT ON FUNCTION tarot.announce_policy_change() IS
	'Row trigger on the policy tables: makes every session ask them again at its next statement. Lets only the owner change them (42501).';


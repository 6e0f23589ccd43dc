-- reseal: the indexes that the end of a key version puts in disorder

CREATE FUNCTION tarot.rebuild_indexes_of_version() RETURNS trigger
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_reseal_rebuild_indexes_of_version';
REVOKE ALL ON FUNCTION tarot.rebuild_indexes_of_version() FROM PUBLIC;

-- Always: a subscriber's indexes have such entries of their own.
CREATE TRIGGER rebuild_indexes AFTER UPDATE ON tarot.key_version
	FOR EACH ROW WHEN (NEW.state = 'destroyed' AND OLD.state <> 'destroyed')
	EXECUTE FUNCTION tarot.rebuild_indexes_of_version();
ALTER TABLE tarot.key_version ENABLE ALWAYS TRIGGER rebuild_indexes;

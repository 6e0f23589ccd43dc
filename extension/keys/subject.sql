-- keys: keys of data subjects

-- A destroyed key leaves its number, so that a value that it sealed is known to be gone and not damaged.
-- The row with an empty hash is the key of the hashes of its class.
CREATE TABLE tarot.subject_key (
	subject_key_id bigint PRIMARY KEY CHECK (subject_key_id > 0),
	class_id integer NOT NULL,
	subject_hash bytea CHECK (octet_length(subject_hash) IN (0, 16)),
	key_id integer,
	key_version integer,
	wrapped bytea,
	created_at timestamptz NOT NULL DEFAULT now(),
	destroyed_at timestamptz,
	CHECK (num_nulls(subject_hash, key_id, key_version, wrapped) = CASE WHEN destroyed_at IS NULL THEN 0 ELSE 4 END)
);
CREATE INDEX subject_key_of_subject ON tarot.subject_key (class_id, subject_hash);
CREATE INDEX subject_key_of_version ON tarot.subject_key (key_id, key_version);
COMMENT ON TABLE tarot.subject_key IS
	'Keys of data subjects, each wrapped by a version of a data key. Numbers are random; subjects are told by keyed hashes.';

SELECT tarot.declare_policy_table('tarot.subject_key');
-- A new subject makes nothing that others know stale, and must not make them read it all again.
DROP TRIGGER announce ON tarot.subject_key;
CREATE TRIGGER announce AFTER UPDATE OR DELETE ON tarot.subject_key
	FOR EACH ROW EXECUTE FUNCTION tarot.announce_policy_change();
CREATE TRIGGER guard_insert AFTER INSERT ON tarot.subject_key
	FOR EACH ROW EXECUTE FUNCTION tarot.announce_policy_change('quietly');
ALTER TABLE tarot.subject_key ENABLE ALWAYS TRIGGER announce, ENABLE ALWAYS TRIGGER guard_insert;

-- ------------------------------------------------------------ for tarot.create_class() and its kin

CREATE FUNCTION tarot.prepare_subjects(class_id integer, key_id integer) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_prepare_subjects';
CREATE FUNCTION tarot.destroy_subject(class_id integer, subject text) RETURNS boolean
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_destroy_subject';
CREATE FUNCTION tarot.subject_keys(class_id integer, subject text, waits boolean) RETURNS bigint[]
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_subject_keys';
CREATE FUNCTION tarot.rewrap_subjects(class_id integer, key_id integer) RETURNS bigint
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_rewrap_subjects';
REVOKE ALL ON FUNCTION tarot.prepare_subjects(integer, integer), tarot.destroy_subject(integer, text),
	tarot.subject_keys(integer, text, boolean), tarot.rewrap_subjects(integer, integer) FROM PUBLIC;


-- seal: the hash tree over the audit log

-- 256 hashes a row. Level 0 has the leaves, and which entries they are of; level n the roots of full tiles below.
CREATE TABLE tarot.audit_tile (
	level integer NOT NULL CHECK (level BETWEEN 0 AND 7),
	index bigint NOT NULL CHECK (index >= 0),
	hashes bytea NOT NULL,
	runs bytea,
	transactions int8range,
	PRIMARY KEY (level, index),
	CHECK ((level = 0) = (runs IS NOT NULL) AND (level = 0) = (transactions IS NOT NULL))
);
ALTER TABLE tarot.audit_tile ALTER COLUMN hashes SET STORAGE EXTERNAL;
CREATE INDEX audit_tile_transactions ON tarot.audit_tile USING gist (transactions) WHERE level = 0;
COMMENT ON TABLE tarot.audit_tile IS 'The hash tree over the audit log: its leaves and every eighth level above them.';

-- One a sealing: what its snapshot saw is in the tree.
CREATE TABLE tarot.audit_checkpoint (
	size bigint PRIMARY KEY CHECK (size > 0),
	root bytea NOT NULL CHECK (octet_length(root) = 32),
	sealed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	system bigint NOT NULL,
	snapshot pg_snapshot NOT NULL,
	note text COLLATE "C"
);
COMMENT ON TABLE tarot.audit_checkpoint IS
	'The states of the hash tree over the audit log, one a sealing. For the owner of the extension and whom it grants SELECT.';
COMMENT ON COLUMN tarot.audit_checkpoint.size IS 'The number of its leaves.';
COMMENT ON COLUMN tarot.audit_checkpoint.root IS 'Its root: by this it is known which leaves these are.';
COMMENT ON COLUMN tarot.audit_checkpoint.sealed_at IS 'When, by the server''s clock.';
COMMENT ON COLUMN tarot.audit_checkpoint.system IS
	'The database cluster in which it was sealed: the system identifier of pg_control_system().';
COMMENT ON COLUMN tarot.audit_checkpoint.snapshot IS 'The transactions of that cluster whose entries are in the tree.';
COMMENT ON COLUMN tarot.audit_checkpoint.note IS
	'The checkpoint as a signed note (c2sp.org/tlog-checkpoint); NULL where the server was locked: a later one is signed then.';

-- Of this database's files; nothing but speed rests on it, and a dump has none of it.
CREATE TABLE tarot.audit_frontier (
	partition oid PRIMARY KEY,
	file oid NOT NULL,
	floor_at tid,
	floor_system bigint,
	floor_transaction xid8,
	floor_number bigint,
	next_at tid,
	next_system bigint,
	next_transaction xid8,
	next_number bigint,
	horizon xid8 NOT NULL
);
COMMENT ON TABLE tarot.audit_frontier IS 'From where on a partition of the audit log is read by the next sealing.';

-- Who signs. A key that has retired still verifies.
CREATE TABLE tarot.audit_signer (
	public_key bytea PRIMARY KEY CHECK (octet_length(public_key) = 32),
	name text COLLATE "C" NOT NULL,
	private_key bytea,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	retired_at timestamptz,
	CHECK ((private_key IS NULL) = (retired_at IS NOT NULL))
);
COMMENT ON TABLE tarot.audit_signer IS
	'The keys that sign checkpoints of the audit log. A private key lies here as an envelope, sealed by the key ring.';

SELECT tarot.guard_table(t), pg_extension_config_dump(t, '')
	FROM unnest(ARRAY['tarot.audit_tile', 'tarot.audit_checkpoint', 'tarot.audit_signer']::regclass[]) AS t;
SELECT tarot.guard_table('tarot.audit_frontier');

-- ------------------------------------------------------------ for the functions below alone

CREATE FUNCTION tarot.seal_log(complete boolean) RETURNS bigint
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_seal_seal_log';
CREATE FUNCTION tarot.new_audit_signer(name text, OUT public_key bytea, OUT private_key bytea) RETURNS record
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_seal_new_audit_signer';
CREATE FUNCTION tarot.audit_signer_key(name text, public_key bytea) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_seal_audit_signer_key';
CREATE FUNCTION tarot.sign_checkpoint(size bigint, root bytea, sealed_at text, name text, public_key bytea, private_key bytea) RETURNS text
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_seal_sign_checkpoint';
CREATE FUNCTION tarot.give_out_checkpoint(note text) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_seal_give_out_checkpoint';

-- The key that signs now; the first is made when it is needed. NULL while nothing can be sealed.
CREATE FUNCTION tarot.current_audit_signer() RETURNS tarot.audit_signer
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	signer tarot.audit_signer;
BEGIN
	SELECT * INTO signer FROM tarot.audit_signer s WHERE s.retired_at IS NULL;
	IF NOT FOUND THEN
		-- All keys of a log have its name.
		signer.name := coalesce(
			(SELECT s.name FROM tarot.audit_signer s ORDER BY s.created_at LIMIT 1),
			'tarot_security/' || replace(gen_random_uuid()::text, '-', ''));
		SELECT n.public_key, n.private_key INTO signer.public_key, signer.private_key FROM tarot.new_audit_signer(signer.name) n;
		IF signer.public_key IS NOT NULL THEN
			INSERT INTO tarot.audit_signer (public_key, name, private_key) VALUES (signer.public_key, signer.name, signer.private_key);
		END IF;
	END IF;
	RETURN signer;
END
$$;

-- The newest checkpoint, if it is not yet; earlier ones follow from it.
CREATE FUNCTION tarot.sign_last_checkpoint() RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	last tarot.audit_checkpoint;
	signer tarot.audit_signer;
BEGIN
	SELECT * INTO last FROM tarot.audit_checkpoint c ORDER BY c.size DESC LIMIT 1;
	IF last.size IS NULL OR last.note IS NOT NULL OR NOT (tarot.root_key_state()).unlocked THEN
		RETURN;
	END IF;
	signer := tarot.current_audit_signer();
	IF signer.public_key IS NULL THEN
		RETURN;
	END IF;
	last.note := tarot.sign_checkpoint(last.size, last.root,
		to_char(last.sealed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
		signer.name, signer.public_key, signer.private_key);
	IF last.note IS NULL THEN
		RETURN;
	END IF;
	UPDATE tarot.audit_checkpoint c SET note = last.note WHERE c.size = last.size;
	PERFORM tarot.give_out_checkpoint(last.note), pg_notify('tarot_audit_checkpoint', last.note);
EXCEPTION WHEN OTHERS THEN
	-- Another root key, a key that is suspended: sealing must go on.
	RAISE WARNING 'the last checkpoint of the audit log could not be signed: %', SQLERRM USING ERRCODE = SQLSTATE;
END
$$;

-- ------------------------------------------------------------ for whom EXECUTE is granted

CREATE FUNCTION tarot.seal_audit(complete boolean DEFAULT false) RETURNS bigint
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$ BEGIN RETURN tarot.seal_log(complete); END $$;
COMMENT ON FUNCTION tarot.seal_audit(boolean) IS
	'Seals the audit log: entries that have been committed since the last call become leaves of the hash tree, and its new state a signed '
	'checkpoint in tarot.audit_checkpoint, which is also told by NOTIFY tarot_audit_checkpoint, in the server log, and in the file '
	'tarot_security.audit_checkpoint_file. Returns how many entries. No writer waits for it; a second call waits for the first. While the '
	'server is locked, or has no key "default", it seals and does not sign. From the first call on the background worker does the same, '
	'tarot_security.audit_seal_interval after the last one. With complete the whole log is read, also where nothing new can be: needed '
	'after entries were copied back into it by hand. For whom EXECUTE is granted. Raises 25001 in a transaction that is not READ '
	'COMMITTED or has changed anything before, TS501 where the tree is not that of its last checkpoint.';

CREATE FUNCTION tarot.rotate_audit_signer() RETURNS text
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	signer tarot.audit_signer;
BEGIN
	LOCK TABLE tarot.audit_signer IN SHARE ROW EXCLUSIVE MODE;
	UPDATE tarot.audit_signer s SET private_key = NULL, retired_at = clock_timestamp() WHERE s.retired_at IS NULL;
	signer := tarot.current_audit_signer();
	IF signer.public_key IS NULL THEN
		RAISE EXCEPTION 'no key can be made'
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'The server must be unlocked (tarot.unlock()) and have a key "default" (tarot.create_key()).';
	END IF;
	RETURN tarot.audit_signer_key(signer.name, signer.public_key);
END
$$;
COMMENT ON FUNCTION tarot.rotate_audit_signer() IS
	'Makes a new key for signing checkpoints of the audit log, and destroys the private one of the key before, whose public one still '
	'verifies; returns the new public key. For whom EXECUTE is granted. Raises 55000 while the server is locked or has no key "default".';

CREATE VIEW tarot.audit_signers AS
	SELECT s.name, tarot.audit_signer_key(s.name, s.public_key) AS public_key, s.created_at, s.retired_at FROM tarot.audit_signer s;
COMMENT ON VIEW tarot.audit_signers IS
	'The public keys that verify checkpoints of the audit log. Keep a copy outside: who can change the log can change this.';
COMMENT ON COLUMN tarot.audit_signers.name IS 'The name of the log, which is the same for all of its keys.';
COMMENT ON COLUMN tarot.audit_signers.public_key IS 'Name, key id and Ed25519 key, as c2sp.org/signed-note writes them.';
COMMENT ON COLUMN tarot.audit_signers.created_at IS 'Since when it signs.';
COMMENT ON COLUMN tarot.audit_signers.retired_at IS 'Until when it signed; NULL: it does now.';
GRANT SELECT ON tarot.audit_signers TO pg_monitor;

REVOKE ALL ON FUNCTION tarot.seal_log(boolean), tarot.new_audit_signer(text),
	tarot.sign_checkpoint(bigint, bytea, text, text, bytea, bytea), tarot.give_out_checkpoint(text), tarot.current_audit_signer(),
	tarot.sign_last_checkpoint(), tarot.seal_audit(boolean), tarot.rotate_audit_signer() FROM PUBLIC;

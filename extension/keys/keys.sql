-- keys: the key ring of this database, its administration, and encryption by hand

CREATE TABLE tarot.keyring (
	ring_id bytea PRIMARY KEY CHECK (octet_length(ring_id) = 16),
	root_key_fingerprint bytea NOT NULL CHECK (octet_length(root_key_fingerprint) = 16),
	revision bigint NOT NULL DEFAULT 1,
	created_at timestamptz NOT NULL DEFAULT now(),
	root_key_rotated_at timestamptz
);
CREATE UNIQUE INDEX keyring_is_one_row ON tarot.keyring ((true));
COMMENT ON TABLE tarot.keyring IS 'The identity of this database''s keys, and the fingerprint of the root key that wraps them.';
COMMENT ON COLUMN tarot.keyring.revision IS 'Grows with every change of a key, so that changes at once meet as a serialization failure.';

CREATE TABLE tarot.key (
	key_id integer PRIMARY KEY CHECK (key_id > 0),
	name text COLLATE "C" NOT NULL UNIQUE CHECK (octet_length(name) BETWEEN 1 AND 63),
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tarot.key IS 'Data keys by name. The numbers are random, so that those of two databases seldom meet.';

-- No foreign keys among tables that are dumped with their data: pg_restore -j loads those of an
-- extension in any order. The functions below keep them together.
CREATE TABLE tarot.key_version (
	key_id integer NOT NULL,
	version integer NOT NULL CHECK (version > 0),
	state text COLLATE "C" NOT NULL CHECK (state IN
		('pre-activation', 'active', 'suspended', 'deactivated', 'compromised', 'destroyed')),
	wrapped bytea CHECK ((wrapped IS NULL) = (state = 'destroyed')),
	created_at timestamptz NOT NULL DEFAULT now(),
	state_since timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (key_id, version)
);
COMMENT ON TABLE tarot.key_version IS 'Versions of data keys, each wrapped by the root key (docs/formats.md).';

SELECT tarot.declare_policy_table('tarot.keyring');
SELECT tarot.declare_policy_table('tarot.key');
SELECT tarot.declare_policy_table('tarot.key_version');

CREATE FUNCTION tarot.guard_key_version() RETURNS trigger
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_guard_key_version';
CREATE TRIGGER guard BEFORE UPDATE ON tarot.key_version
	FOR EACH ROW EXECUTE FUNCTION tarot.guard_key_version();
ALTER TABLE tarot.key_version ENABLE ALWAYS TRIGGER guard;

-- ------------------------------------------------------------ for the functions below alone

CREATE FUNCTION tarot.check_name(kind text, name text) RETURNS void
	LANGUAGE plpgsql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	called text := CASE WHEN kind ~ '^[aeiou]' THEN 'an ' ELSE 'a ' END || kind;
BEGIN
	IF name IS NULL OR name = '' THEN
		RAISE EXCEPTION 'the name of % must not be empty', called USING ERRCODE = 'invalid_name';
	ELSIF octet_length(name) > 63 THEN
		RAISE EXCEPTION 'the name of % must not be longer than 63 bytes', called
			USING ERRCODE = 'name_too_long', DETAIL = format('It has %s bytes.', octet_length(name));
	ELSIF name ~ '[[:cntrl:]]' OR name LIKE '#%' THEN
		RAISE EXCEPTION 'the name of % must not contain control characters or begin with "#"', called
			USING ERRCODE = 'invalid_name';
	END IF;
END
$$;

CREATE FUNCTION tarot.root_key_state(
		OUT provider text, OUT unlocked boolean, OUT problem text, OUT fingerprints bytea[]) RETURNS record
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_root_key_state';

CREATE FUNCTION tarot.first_root_key() RETURNS bytea
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_first_root_key';

CREATE FUNCTION tarot.next_root_key(used bytea) RETURNS bytea
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_next_root_key';

CREATE FUNCTION tarot.new_data_key(ring_id bytea, root_key bytea, key_id integer, version integer) RETURNS bytea
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_new_data_key';

CREATE FUNCTION tarot.rewrap_data_key(ring_id bytea, old_root_key bytea, new_root_key bytea,
		key_id integer, version integer, wrapped bytea) RETURNS bytea
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_rewrap_data_key';

CREATE FUNCTION tarot.check_key_unused(key_id integer, version integer) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_check_key_unused';

-- One change of keys at a time. The lock makes the next one wait, the update makes one that
-- began with an older snapshot fail rather than miss a key.
CREATE FUNCTION tarot.begin_key_change() RETURNS tarot.keyring
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	ring tarot.keyring;
BEGIN
	LOCK TABLE tarot.keyring IN EXCLUSIVE MODE;
	UPDATE tarot.keyring SET revision = revision + 1 RETURNING * INTO ring;
	RETURN ring;
END
$$;

CREATE FUNCTION tarot.insert_key(ring tarot.keyring, name text) RETURNS integer
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	new_id integer;
BEGIN
	-- Random, but never 0 and never taken.
	LOOP
		new_id := ('x' || substr(gen_random_uuid()::text, 1, 8))::bit(32)::integer & 2147483647;
		EXIT WHEN new_id > 0 AND NOT EXISTS (SELECT FROM tarot.key k WHERE k.key_id = new_id);
	END LOOP;
	INSERT INTO tarot.key (key_id, name) VALUES (new_id, insert_key.name);
	INSERT INTO tarot.key_version (key_id, version, state, wrapped)
		VALUES (new_id, 1, 'active',
			tarot.new_data_key(ring.ring_id, ring.root_key_fingerprint, new_id, 1));
	RETURN new_id;
END
$$;

CREATE FUNCTION tarot.get_key_id(name text) RETURNS integer
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	found_id integer;
BEGIN
	PERFORM tarot.check_name('key', get_key_id.name);
	SELECT k.key_id INTO found_id FROM tarot.key k WHERE k.name = get_key_id.name;
	IF found_id IS NULL THEN
		RAISE EXCEPTION 'key "%" does not exist', get_key_id.name
			USING ERRCODE = 'undefined_object', HINT = 'Create it with tarot.create_key().';
	END IF;
	RETURN found_id;
END
$$;

-- ------------------------------------------------------------ root key

CREATE FUNCTION tarot.unlock() RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'tarot_keys_unlock';
COMMENT ON FUNCTION tarot.unlock() IS
	'Asks the root key provider again and unlocks the whole server. Raises TS003 when the provider gives no key, TS002 when it is not the '
	'key that this database''s keys are wrapped with, TS004 when the self-test of the libraries failed at the start; the server then '
	'stays as it was.';

CREATE FUNCTION tarot.lock() RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'tarot_keys_lock';
COMMENT ON FUNCTION tarot.lock() IS
	'Forgets the root key in the whole server until tarot.unlock() or a restart: from its next use of a key on, every session gets error '
	'TS001. Keys that a session unwrapped are wiped at its next statement of any kind.';

CREATE FUNCTION tarot.rotate_root_key() RETURNS integer
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	ring tarot.keyring;
	new_root_key bytea;
	rewrapped integer;
BEGIN
	ring := tarot.begin_key_change();
	IF ring.ring_id IS NULL THEN
		RAISE EXCEPTION 'this database has no keys yet'
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Create one with tarot.create_key().';
	END IF;
	new_root_key := tarot.next_root_key(ring.root_key_fingerprint);
	UPDATE tarot.key_version v
		SET wrapped = tarot.rewrap_data_key(ring.ring_id, ring.root_key_fingerprint, new_root_key,
			v.key_id, v.version, v.wrapped)
		WHERE v.wrapped IS NOT NULL;
	GET DIAGNOSTICS rewrapped = ROW_COUNT;
	UPDATE tarot.keyring SET root_key_fingerprint = new_root_key, root_key_rotated_at = now();
	PERFORM tarot.note_event('ROOT_KEY', 'rotate', 'success', jsonb_build_object('rewrapped', rewrapped));
	RETURN rewrapped;
END
$$;
COMMENT ON FUNCTION tarot.rotate_root_key() IS
	'Wraps all data keys of this database with the provider''s current root key, in the calling transaction, and returns how many. With a '
	'generated root key it makes a new one first; other providers must already give the new one first and the old one after it (55000 if '
	'not). Asks the provider as tarot.unlock() does, with its errors. The old root key can be removed after the commit, once no other '
	'database, standby or backup needs it.';

CREATE VIEW tarot.root_key_status AS
	SELECT s.provider, s.unlocked, s.problem,
		k.root_key_fingerprint AS fingerprint,
		s.fingerprints[1] AS provider_fingerprint,
		k.root_key_fingerprint = ANY (s.fingerprints) AS is_given,
		k.root_key_fingerprint = s.fingerprints[1] AS is_current,
		coalesce(k.root_key_rotated_at, k.created_at) AS in_use_since
	FROM tarot.root_key_state() s LEFT JOIN tarot.keyring k ON true;
COMMENT ON VIEW tarot.root_key_status IS
	'Whether the server is unlocked, why not, and whether this database''s keys are wrapped with the provider''s current root key (if '
	'not: tarot.rotate_root_key()).';
COMMENT ON COLUMN tarot.root_key_status.provider IS 'By the settings: command, file or generated; NULL when they contradict each other.';
COMMENT ON COLUMN tarot.root_key_status.unlocked IS 'Whether the server has a root key, and the self-test of the libraries passed.';
COMMENT ON COLUMN tarot.root_key_status.problem IS
	'Why the provider last gave no key, that tarot.lock() was called, or what the self-test of the libraries found; NULL when all is well.';
COMMENT ON COLUMN tarot.root_key_status.fingerprint IS
	'Of the root key that wraps the data keys of this database; NULL before its first key.';
COMMENT ON COLUMN tarot.root_key_status.provider_fingerprint IS 'Of the first root key that the provider gave; NULL while locked.';
COMMENT ON COLUMN tarot.root_key_status.is_given IS
	'Whether the provider gave the root key of this database. If not, it is a wrong one (TS002); NULL while locked, or before the first '
	'key.';
COMMENT ON COLUMN tarot.root_key_status.is_current IS 'Whether it gave it first. If not, though is_given, tarot.rotate_root_key() is due.';
COMMENT ON COLUMN tarot.root_key_status.in_use_since IS 'When the data keys were last wrapped anew, or the first one was made.';

-- ------------------------------------------------------------ data keys

CREATE FUNCTION tarot.create_key(name text) RETURNS integer
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	ring tarot.keyring;
BEGIN
	PERFORM tarot.check_name('key', create_key.name);
	ring := tarot.begin_key_change();
	IF ring.ring_id IS NULL THEN
		INSERT INTO tarot.keyring (ring_id, root_key_fingerprint)
			VALUES (uuid_send(gen_random_uuid()), tarot.first_root_key())
			RETURNING * INTO ring;
		-- Seals literals whose class is not known yet.
		PERFORM tarot.insert_key(ring, 'default');
	END IF;
	IF EXISTS (SELECT FROM tarot.key k WHERE k.name = create_key.name) THEN
		RAISE EXCEPTION 'key "%" already exists', create_key.name USING ERRCODE = 'duplicate_object',
			HINT = 'A new version is made by tarot.rotate_key().';
	END IF;
	PERFORM tarot.note_event('KEY', 'create', 'success', jsonb_build_object('key', create_key.name));
	RETURN tarot.insert_key(ring, create_key.name);
END
$$;
COMMENT ON FUNCTION tarot.create_key(text) IS
	'Makes a data key of 256 random bits with a first, active version and returns its number. Names have 1 to 63 bytes, no control '
	'characters, and do not begin with "#" (42602, 42622). Raises 42710 when there is one of that name, TS001 when the server is locked. '
	'The first key of a database comes with a key "default", which seals literals; with the generated provider it makes the root key, too.';

CREATE FUNCTION tarot.rotate_key(name text, activate boolean DEFAULT true) RETURNS integer
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	ring tarot.keyring := tarot.begin_key_change();
	id integer := tarot.get_key_id(rotate_key.name);
	new_version integer;
BEGIN
	IF rotate_key.activate IS NULL THEN
		RAISE EXCEPTION 'activate must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	SELECT max(v.version) + 1 INTO new_version FROM tarot.key_version v WHERE v.key_id = id;
	IF rotate_key.activate THEN
		UPDATE tarot.key_version v SET state = 'deactivated', state_since = now()
			WHERE v.key_id = id AND v.state = 'active';
	END IF;
	INSERT INTO tarot.key_version (key_id, version, state, wrapped)
		VALUES (id, new_version, CASE WHEN rotate_key.activate THEN 'active' ELSE 'pre-activation' END,
			tarot.new_data_key(ring.ring_id, ring.root_key_fingerprint, id, new_version));
	PERFORM tarot.note_event('KEY', 'rotate', 'success', jsonb_build_object(
		'key', rotate_key.name, 'version', new_version, 'active', rotate_key.activate));
	RETURN new_version;
END
$$;
COMMENT ON FUNCTION tarot.rotate_key(text, boolean) IS
	'Makes a new active version of a data key and returns its number: all that is written from then on is sealed with it. Versions that '
	'were active become deactivated, and still open what they sealed; stored values are not touched. With activate => false the new '
	'version waits in pre-activation, for instance until all nodes have it, and tarot.set_key_state() activates it. Raises 42704 for an '
	'unknown key, TS001 when the server is locked.';

CREATE FUNCTION tarot.set_key_state(name text, version integer, state text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	id integer;
BEGIN
	PERFORM tarot.begin_key_change();
	id := tarot.get_key_id(set_key_state.name);
	IF set_key_state.version IS NULL OR set_key_state.state IS NULL THEN
		RAISE EXCEPTION 'version and state must not be null' USING ERRCODE = 'null_value_not_allowed';
	ELSIF set_key_state.state = 'destroyed' THEN
		RAISE EXCEPTION 'a key version is destroyed by tarot.destroy_key() alone'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF set_key_state.state NOT IN ('pre-activation', 'active', 'suspended', 'deactivated', 'compromised') THEN
		RAISE EXCEPTION 'unknown key state' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'The states are pre-activation, active, suspended, deactivated, compromised and destroyed.';
	END IF;
	UPDATE tarot.key_version v SET state = set_key_state.state,
			state_since = CASE WHEN v.state = set_key_state.state THEN v.state_since ELSE now() END
		WHERE v.key_id = id AND v.version = set_key_state.version;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'key "%" has no version %', set_key_state.name, set_key_state.version
			USING ERRCODE = 'undefined_object', HINT = 'tarot.key_status lists the versions.';
	END IF;
	PERFORM tarot.note_event('KEY', 'set state', 'success', jsonb_build_object(
		'key', set_key_state.name, 'version', set_key_state.version, 'state', set_key_state.state));
END
$$;
COMMENT ON FUNCTION tarot.set_key_state(text, integer, text) IS
	'Moves a version to another state of NIST SP 800-57: active seals and opens, deactivated and compromised only open, suspended and '
	'pre-activation do neither. Where several versions are active the newest one seals. Raises TS201 for a step that the standard does '
	'not know, 22023 for an unknown state or "destroyed" (see tarot.destroy_key), 42704 for an unknown key or version.';

CREATE FUNCTION tarot.destroy_key(name text, version integer, force boolean DEFAULT false) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	id integer;
BEGIN
	PERFORM tarot.begin_key_change();
	id := tarot.get_key_id(destroy_key.name);
	PERFORM FROM tarot.key_version v WHERE v.key_id = id AND v.version = destroy_key.version;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'key "%" has no version %', destroy_key.name, destroy_key.version
			USING ERRCODE = 'undefined_object', HINT = 'tarot.key_status lists the versions.';
	END IF;
	-- What a transaction has sealed that began before the version stopped sealing is waited for
	-- below. As long as that step is not committed, others go on sealing.
	IF destroy_key.force IS DISTINCT FROM true
		AND EXISTS (SELECT FROM tarot.key_version v WHERE v.key_id = id AND v.version = destroy_key.version
			AND v.state IN ('deactivated', 'compromised') AND v.state_since >= now())
		AND EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = current_database()
			AND a.pid <> pg_backend_pid() AND a.backend_type NOT IN ('autovacuum worker', 'tarot_security worker'))
	THEN
		RAISE EXCEPTION 'version % of key "%" stopped sealing in this transaction', destroy_key.version, destroy_key.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'Other sessions still seal with it.', HINT = 'Commit first.';
	END IF;
	-- What is known to rest on it is told first, also of the one that nobody can know all of. Not of
	-- an active or suspended version: the UPDATE says what comes before that.
	IF destroy_key.force IS DISTINCT FROM true AND EXISTS (SELECT FROM tarot.key_version v
		WHERE v.key_id = id AND v.version = destroy_key.version AND v.state NOT IN ('active', 'suspended'))
	THEN
		PERFORM tarot.check_key_unused(id, destroy_key.version);
		IF destroy_key.name = 'default' THEN
			RAISE EXCEPTION 'version % of key "default" may have sealed literals in views and defaults', destroy_key.version
				USING ERRCODE = 'dependent_objects_still_exist',
					HINT = 'With force => true they become unreadable for ever.';
		END IF;
	END IF;
	IF destroy_key.force AND EXISTS (SELECT FROM tarot.key_version v
		WHERE v.key_id = id AND v.version = destroy_key.version AND v.state NOT IN ('active', 'suspended', 'destroyed'))
	THEN
		PERFORM tarot.require_version_not_on_hold(id, destroy_key.version);
	END IF;
	UPDATE tarot.key_version v SET state = 'destroyed', wrapped = NULL, state_since = now()
		WHERE v.key_id = id AND v.version = destroy_key.version AND v.state <> 'destroyed';
	PERFORM tarot.note_event('KEY', 'destroy', 'success', jsonb_build_object(
		'key', destroy_key.name, 'version', destroy_key.version, 'forced', destroy_key.force));
END
$$;
COMMENT ON FUNCTION tarot.destroy_key(text, integer, boolean) IS
	'Destroys a version that is deactivated, compromised or was never active: what it sealed can never be opened again. Refused (2BP01) '
	'while an encrypted column of this database holds a value sealed by it, or an issuer''s secret or signing key is, while another '
	'session has a temporary table with an encrypted column, and for the key "default", unless forced; forced it is refused (55000) while '
	'such a value is in a row on legal hold (tarot.hold(), tarot.hold_subject()), and, with 25001, in another transaction than a READ '
	'COMMITTED one; 55000 if it stopped sealing in the same transaction and others are connected; TS201 for an active or suspended '
	'version, forced or not. Waits for all transactions of this database that are under way (lock_timeout bounds it); all tables with '
	'encrypted columns are read, and locked against writes until the transaction ends. Forced or not, indexes with values of it that have '
	'no search tag, most often of rows that are gone, are made anew, under the locks of REINDEX. Values made by tarot.encrypt() are not '
	'known to the database and not looked for.';

CREATE VIEW tarot.key_status AS
	SELECT k.name, v.version, v.state,
		v.state = 'active' AND v.version = max(v.version) FILTER (WHERE v.state = 'active') OVER (PARTITION BY v.key_id) AS seals,
		v.state IN ('active', 'deactivated', 'compromised') AS opens,
		v.created_at, v.state_since, now() - v.created_at AS age, k.key_id
	FROM tarot.key k JOIN tarot.key_version v USING (key_id);
COMMENT ON VIEW tarot.key_status IS
	'Every version of every data key: its state (NIST SP 800-57), whether it seals new values, whether it opens old ones, its age. No '
	'secrets.';
COMMENT ON COLUMN tarot.key_status.name IS 'The key.';
COMMENT ON COLUMN tarot.key_status.version IS 'Counted from 1.';
COMMENT ON COLUMN tarot.key_status.state IS 'pre-activation, active, suspended, deactivated, compromised or destroyed.';
COMMENT ON COLUMN tarot.key_status.seals IS 'Whether new values are sealed with it: the newest active version.';
COMMENT ON COLUMN tarot.key_status.opens IS 'Whether values that it sealed can be opened.';
COMMENT ON COLUMN tarot.key_status.created_at IS 'When the version was made.';
COMMENT ON COLUMN tarot.key_status.state_since IS 'When it got its state.';
COMMENT ON COLUMN tarot.key_status.age IS 'Since it was made.';
COMMENT ON COLUMN tarot.key_status.key_id IS 'The number of the key, as it stands in envelopes.';

-- ------------------------------------------------------------ encryption by hand

CREATE FUNCTION tarot.encrypt(plaintext text, key text, context text) RETURNS text
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_encrypt';
CREATE FUNCTION tarot.encrypt(plaintext text, key text, context text[]) RETURNS text
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_encrypt';
CREATE FUNCTION tarot.encrypt(plaintext bytea, key text, context text) RETURNS bytea
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_encrypt';
CREATE FUNCTION tarot.encrypt(plaintext bytea, key text, context text[]) RETURNS bytea
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_encrypt';
COMMENT ON FUNCTION tarot.encrypt(text, text, text) IS
	'Seals a value of at most 512 MiB under the active version of a key, as the text form of an envelope. The context (for instance the '
	'row it belongs to) is authenticated, not stored: the same one is needed to decrypt. NULL stays NULL; a NULL context or key is an '
	'error (22004). Raises 42704 for an unknown key, TS201 for one without an active version, 54000 for a longer value, TS001 when the '
	'server is locked.';
COMMENT ON FUNCTION tarot.encrypt(text, text, text[]) IS
	'As with a single text, with a context of several parts: ARRAY[''ab'', ''c''] and ARRAY[''a'', ''bc''] are different ones.';
COMMENT ON FUNCTION tarot.encrypt(bytea, text, text) IS
	'Seals bytes as an envelope. See tarot.encrypt(text, text, text).';
COMMENT ON FUNCTION tarot.encrypt(bytea, text, text[]) IS
	'Seals bytes as an envelope. See tarot.encrypt(text, text, text[]).';

CREATE FUNCTION tarot.decrypt(envelope text, context text) RETURNS text
	LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_decrypt';
CREATE FUNCTION tarot.decrypt(envelope text, context text[]) RETURNS text
	LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_decrypt';
CREATE FUNCTION tarot.decrypt(envelope bytea, context text) RETURNS bytea
	LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_decrypt';
CREATE FUNCTION tarot.decrypt(envelope bytea, context text[]) RETURNS bytea
	LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_decrypt';
COMMENT ON FUNCTION tarot.decrypt(text, text) IS
	'Opens what tarot.encrypt() sealed. Raises TS101 for what is no envelope, TS102 for a wrong context, key or changed bytes, TS201 for '
	'a key version that may not open, TS001 when the server is locked, 42501 for an envelope of an encrypted column. NULL stays NULL; a '
	'NULL context is an error (22004).';
COMMENT ON FUNCTION tarot.decrypt(text, text[]) IS 'See tarot.decrypt(text, text).';
COMMENT ON FUNCTION tarot.decrypt(bytea, text) IS 'See tarot.decrypt(text, text).';
COMMENT ON FUNCTION tarot.decrypt(bytea, text[]) IS 'See tarot.decrypt(text, text).';

CREATE FUNCTION tarot.try_decrypt(envelope text, context text) RETURNS text
	LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_try_decrypt';
CREATE FUNCTION tarot.try_decrypt(envelope text, context text[]) RETURNS text
	LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_try_decrypt';
CREATE FUNCTION tarot.try_decrypt(envelope bytea, context text) RETURNS bytea
	LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_try_decrypt';
CREATE FUNCTION tarot.try_decrypt(envelope bytea, context text[]) RETURNS bytea
	LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_keys_try_decrypt';
COMMENT ON FUNCTION tarot.try_decrypt(text, text) IS
	'As tarot.decrypt(), but NULL for an envelope that cannot be opened, whatever the cause, so that one damaged value does not end a '
	'scan. A locked server and a NULL context are errors here too.';
COMMENT ON FUNCTION tarot.try_decrypt(text, text[]) IS 'See tarot.try_decrypt(text, text).';
COMMENT ON FUNCTION tarot.try_decrypt(bytea, text) IS 'See tarot.try_decrypt(text, text).';
COMMENT ON FUNCTION tarot.try_decrypt(bytea, text[]) IS 'See tarot.try_decrypt(text, text).';

-- ------------------------------------------------------------ privileges

-- Nothing here is for everybody. Administration and encryption by hand are granted by EXECUTE.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA tarot FROM PUBLIC;
GRANT SELECT ON tarot.key_status, tarot.root_key_status TO pg_monitor;
GRANT EXECUTE ON FUNCTION tarot.root_key_state() TO pg_monitor;


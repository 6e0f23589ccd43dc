-- seal: proofs, and whether the log is what was sealed

-- ------------------------------------------------------------ for the functions below alone

CREATE FUNCTION tarot.entry_position(system bigint, transaction xid8, number bigint) RETURNS bigint
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_seal_entry_position';
CREATE FUNCTION tarot.tree_leaf("position" bigint) RETURNS bytea
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_seal_tree_leaf';
CREATE FUNCTION tarot.tree_root(size bigint) RETURNS bytea
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_seal_tree_root';
CREATE FUNCTION tarot.prove_inclusion("position" bigint, size bigint) RETURNS bytea[]
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_seal_prove_inclusion';
CREATE FUNCTION tarot.prove_consistency("from" bigint, "to" bigint) RETURNS bytea[]
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_seal_prove_consistency';
CREATE FUNCTION tarot.read_checkpoint(note text, OUT origin text, OUT size bigint, OUT root bytea, OUT sealed_at text) RETURNS record
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_seal_read_checkpoint';
CREATE FUNCTION tarot.check_log("from" bigint, "to" bigint, OUT finding text, OUT first_position bigint, OUT last_position bigint,
		OUT transaction xid8, OUT number bigint, OUT detail text) RETURNS SETOF record
	LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_seal_check_log';

CREATE FUNCTION tarot.tree_peaks(size bigint) RETURNS bytea[]
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_seal_tree_peaks';
CREATE FUNCTION tarot.tree_leaves(first bigint, last bigint,
		OUT "position" bigint, OUT system bigint, OUT transaction xid8, OUT number bigint, OUT leaf bytea) RETURNS SETOF record
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_seal_tree_leaves';

CREATE FUNCTION tarot.audit_tree_size() RETURNS bigint
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT coalesce(max(c.size), 0) FROM tarot.audit_checkpoint c $$;

-- ------------------------------------------------------------ proofs

CREATE FUNCTION tarot.inclusion_proof(system bigint, transaction xid8, number bigint, size bigint DEFAULT NULL,
		OUT leaf bytea, OUT "position" bigint, OUT tree_size bigint, OUT proof bytea[]) RETURNS record
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	tree_size := coalesce(inclusion_proof.size, tarot.audit_tree_size());
	"position" := tarot.entry_position(inclusion_proof.system, inclusion_proof.transaction, inclusion_proof.number);
	IF "position" IS NULL OR "position" >= tree_size THEN
		RAISE EXCEPTION 'the entry is not in the tree'
			USING ERRCODE = 'undefined_object',
			HINT = 'New entries are sealed by tarot.seal_audit().';
	ELSIF tree_size > tarot.audit_tree_size() THEN
		RAISE EXCEPTION 'the tree has % leaves', tarot.audit_tree_size() USING ERRCODE = 'invalid_parameter_value';
	END IF;
	leaf := tarot.tree_leaf("position");
	proof := tarot.prove_inclusion("position", tree_size);
END
$$;
COMMENT ON FUNCTION tarot.inclusion_proof(bigint, xid8, bigint, bigint) IS
	'Proves that an entry of the audit log, known by system, transaction and number, is in the hash tree of a size, by default the '
	'latest: its leaf, its position, and the hashes that lead from it to the root (RFC 9162, 2.1.3). For whom EXECUTE is granted. Raises '
	'42704 for an entry that is not in it, 22023 for a size that it does not have yet, TS501 where the tree has a gap.';

CREATE FUNCTION tarot.consistency_proof("from" bigint, "to" bigint DEFAULT NULL) RETURNS bytea[]
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	size bigint := coalesce("to", tarot.audit_tree_size());
BEGIN
	IF ("from" BETWEEN 1 AND size AND size <= tarot.audit_tree_size()) IS NOT TRUE THEN
		RAISE EXCEPTION 'from and to must be sizes of the tree, which has % leaves', tarot.audit_tree_size()
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN tarot.prove_consistency("from", size);
END
$$;
COMMENT ON FUNCTION tarot.consistency_proof(bigint, bigint) IS
	'Proves that the hash tree of one size begins with that of a smaller one, so that nothing in it was changed or taken away since: the '
	'hashes of RFC 9162, 2.1.4. By default up to the latest. For whom EXECUTE is granted. Raises 22023 for sizes that it does not have, '
	'TS501 where the tree has a gap.';

CREATE FUNCTION tarot.verify_inclusion(leaf bytea, "position" bigint, size bigint, proof bytea[], root bytea) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_seal_verify_inclusion';
COMMENT ON FUNCTION tarot.verify_inclusion(bytea, bigint, bigint, bytea[], bytea) IS
	'Whether this proves that the leaf is at this position (from 0) of the tree with this size and root.';
CREATE FUNCTION tarot.verify_consistency("from" bigint, from_root bytea, "to" bigint, to_root bytea, proof bytea[]) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_seal_verify_consistency';
COMMENT ON FUNCTION tarot.verify_consistency(bigint, bytea, bigint, bytea, bytea[]) IS
	'Whether this proves that the tree with the second size and root begins with that of the first.';
CREATE FUNCTION tarot.verify_checkpoint(note text, keys text[]) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_seal_verify_checkpoint';
COMMENT ON FUNCTION tarot.verify_checkpoint(text, text[]) IS
	'Whether this is a checkpoint (c2sp.org/tlog-checkpoint) that one of these public keys has signed in the name of its own log. Raises '
	'22023 for what is no key.';

-- ------------------------------------------------------------ verifying

CREATE FUNCTION tarot.verify_audit("from" bigint DEFAULT 0, "to" bigint DEFAULT NULL,
		checkpoint text DEFAULT NULL, keys text[] DEFAULT NULL)
		RETURNS TABLE (finding text, first_position bigint, last_position bigint, transaction xid8, number bigint, detail text)
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	leaves CONSTANT bigint := tarot.audit_tree_size();
	-- From one state to another: others have no root to compare with.
	first CONSTANT bigint := (SELECT coalesce(max(c.size), 0) FROM tarot.audit_checkpoint c WHERE c.size <= "from");
	last CONSTANT bigint := (SELECT coalesce(min(c.size), leaves) FROM tarot.audit_checkpoint c WHERE c.size >= "to");
	known CONSTANT text[] := coalesce(keys, ARRAY(SELECT tarot.audit_signer_key(s.name, s.public_key) FROM tarot.audit_signer s));
	state tarot.audit_checkpoint;
	told record;
BEGIN
	IF ("from" >= 0 AND coalesce("to" >= "from", true)) IS NOT TRUE THEN
		RAISE EXCEPTION 'from must not be negative, nor to less than from' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN QUERY SELECT * FROM tarot.check_log("from", "to");

	FOR state IN SELECT * FROM tarot.audit_checkpoint c WHERE c.size > first AND c.size <= last AND c.note IS NOT NULL ORDER BY c.size LOOP
		SELECT * INTO told FROM tarot.read_checkpoint(state.note);
		IF NOT tarot.verify_checkpoint(state.note, known) THEN
			RETURN QUERY SELECT 'checkpoint badly signed', NULL::bigint, state.size - 1, NULL::xid8, NULL::bigint,
				'No known key has signed it.';
		ELSIF (told.size, told.root) IS DISTINCT FROM (state.size, state.root) THEN
			RETURN QUERY SELECT 'checkpoint changed', NULL::bigint, state.size - 1, NULL::xid8, NULL::bigint,
				'It is not what was signed.';
		END IF;
	END LOOP;
	IF last = leaves AND leaves > 0 AND (SELECT c.note FROM tarot.audit_checkpoint c ORDER BY c.size DESC LIMIT 1) IS NULL THEN
		RETURN QUERY SELECT 'not signed', NULL::bigint, leaves - 1, NULL::xid8, NULL::bigint,
			'The last checkpoint has no signature yet: the server was locked, or has no key "default".';
	END IF;
	IF (
		SELECT max(t.index * 256 + octet_length(t.hashes) / 32)
		FROM tarot.audit_tile t
		WHERE t.level = 0 AND t.index >= leaves / 256
	) > leaves THEN
		RETURN QUERY SELECT 'checkpoint missing', leaves, NULL::bigint, NULL::xid8, NULL::bigint,
			'There are leaves that no checkpoint has.';
	END IF;

	IF checkpoint IS NOT NULL THEN
		SELECT * INTO told FROM tarot.read_checkpoint(checkpoint);
		IF NOT tarot.verify_checkpoint(checkpoint, known) THEN
			RETURN QUERY SELECT 'checkpoint badly signed', NULL::bigint, NULL::bigint, NULL::xid8, NULL::bigint,
				'The one that was given is signed by no known key.';
		ELSIF told.size > leaves THEN
			RETURN QUERY SELECT 'log truncated', leaves, told.size - 1, NULL::xid8, NULL::bigint,
				'The checkpoint that was given has more leaves: the end was cut off, or an old copy restored.';
		ELSIF tarot.tree_root(told.size) IS DISTINCT FROM told.root THEN
			RETURN QUERY SELECT 'log rewritten', NULL::bigint, told.size - 1, NULL::xid8, NULL::bigint,
				'The checkpoint that was given has another root: what it covers was changed and sealed anew, '
					'or an old copy restored and continued.';
		END IF;
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.verify_audit(bigint, bigint, text, text[]) IS
	'Hashes again the entries of the audit log at positions between two sizes of its tree (by default all), and the tree up to the root '
	'of each checkpoint, whose signatures are verified, and names whatever does not fit; no rows: all is as it was sealed. With a '
	'checkpoint that was kept outside it also finds what only that can tell: an end that was cut off, and a past that was rewritten. Keys '
	'are the public ones that count, by default those of tarot.audit_signers, which who can change the log can change, too. For whom '
	'EXECUTE is granted. Needs 100 bytes of memory an entry. Raises 22023 for a range that is none.';

-- ------------------------------------------------------------ export

CREATE FUNCTION tarot.export_audit("from" bigint DEFAULT 0, "to" bigint DEFAULT NULL) RETURNS SETOF text
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	first CONSTANT bigint := (SELECT coalesce(max(c.size), 0) FROM tarot.audit_checkpoint c WHERE c.size <= "from");
	last CONSTANT bigint := (SELECT coalesce(min(c.size), tarot.audit_tree_size()) FROM tarot.audit_checkpoint c WHERE c.size >= "to");
BEGIN
	IF ("from" >= 0 AND coalesce("to" >= "from", true)) IS NOT TRUE THEN
		RAISE EXCEPTION 'from must not be negative, nor to less than from' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN NEXT json_build_object('tarot_security', 'audit log', 'from', first, 'to', last,
		'peaks', ARRAY(SELECT encode(p, 'hex') FROM unnest(tarot.tree_peaks(first)) WITH ORDINALITY AS u (p, n) ORDER BY n));
	RETURN QUERY
		SELECT line
		FROM (
			SELECT t."position" AS place, 0 AS rank,
				CASE
					WHEN e.number IS NULL THEN json_build_object('position', t."position", 'leaf', encode(t.leaf, 'hex'))
					ELSE json_build_object(
						'position', t."position",
						'recorded_at', to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
						'transaction', e.transaction::text,
						'number', e.number::text,
						'system', e.system::text,
						'statement', e.statement::text,
						'relation', e.relation::text,
						'operation', e.operation,
						'table_name', e.table_name,
						'role', e.role,
						'session_role', e.session_role,
						'subject', e.subject,
						'client', e.client,
						'application', e.application,
						'key', e.key::text,
						'old', e.old::text,
						'new', e.new::text,
						'salt', encode(e.salt, 'hex'),
						'leaf', encode(t.leaf, 'hex'))
				END::text AS line
			FROM tarot.tree_leaves(first, last) t
				LEFT JOIN tarot.audit_entry e ON e.system = t.system AND e.transaction = t.transaction AND e.number = t.number
			UNION ALL
			SELECT c.size - 1, 1, json_build_object('checkpoint', c.note)::text
			FROM tarot.audit_checkpoint c
			WHERE c.size > first AND c.size <= last AND c.note IS NOT NULL
		) AS lines
		ORDER BY place, rank;
END
$$;
COMMENT ON FUNCTION tarot.export_audit(bigint, bigint) IS
	'The audit log between two positions of its tree (by default all), from one checkpoint to another, as lines of JSON, for the program '
	'tarot-verify: an object for each entry, or for its leaf where the entry is gone, in the order of positions, and the signed '
	'checkpoints. What is not sealed is not in it. key, old and new are JSON as strings. For whom EXECUTE is granted. Raises 22023 for a '
	'range that is none, TS501 where the tree has a gap.';

REVOKE ALL ON FUNCTION tarot.tree_peaks(bigint), tarot.tree_leaves(bigint, bigint), tarot.export_audit(bigint, bigint),
	tarot.entry_position(bigint, xid8, bigint), tarot.tree_leaf(bigint), tarot.tree_root(bigint), tarot.prove_inclusion(bigint, bigint),
	tarot.prove_consistency(bigint, bigint), tarot.read_checkpoint(text), tarot.check_log(bigint, bigint), tarot.audit_tree_size(),
	tarot.inclusion_proof(bigint, xid8, bigint, bigint), tarot.consistency_proof(bigint, bigint),
	tarot.verify_inclusion(bytea, bigint, bigint, bytea[], bytea), tarot.verify_consistency(bigint, bytea, bigint, bytea, bytea[]),
	tarot.verify_checkpoint(text, text[]), tarot.verify_audit(bigint, bigint, text, text[]) FROM PUBLIC;

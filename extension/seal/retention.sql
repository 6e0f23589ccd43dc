-- seal: entries of the audit log that have had their time, and details that must go; their leaves stay

-- ------------------------------------------------------------ for the functions below alone

CREATE FUNCTION tarot.examine_audit_entries(partition oid, before timestamptz, with_damaged boolean, remove boolean,
		OUT entries bigint, OUT positions text, OUT kept tid[]) RETURNS record
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_seal_examine_audit_entries';
CREATE FUNCTION tarot.remove_audit_partition(partition oid, kept tid[]) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_seal_remove_audit_partition';
CREATE FUNCTION tarot.erase_entries_at(partition oid, places tid[]) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_seal_erase_entries_at';
CREATE FUNCTION tarot.put_retention_entry(object oid, identity text, document jsonb) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_seal_put_retention_entry';

-- Those that end before a time, in order. What must not go yet for another reason is to be left out here.
CREATE FUNCTION tarot.past_audit_partitions(before timestamptz,
		OUT partition oid, OUT name text, OUT begins timestamptz, OUT ends timestamptz) RETURNS SETOF record
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	SET DateStyle = ISO
	SET TimeZone = UTC
	AS $$
		SELECT c.oid, format('%I.%I', n.nspname, c.relname), (b.bounds[2])::timestamptz, (b.bounds[3])::timestamptz
		FROM pg_inherits i
			JOIN pg_class c ON c.oid = i.inhrelid
			JOIN pg_namespace n ON n.oid = c.relnamespace,
			regexp_match(pg_get_expr(c.relpartbound, c.oid),
				'^FOR VALUES FROM \((MINVALUE|''([^'']*)'')\) TO \(''([^'']*)''\)$') AS b (bounds)
		WHERE i.inhparent = 'tarot.audit_entry'::regclass AND NOT i.inhdetachpending AND c.relkind = 'r'
			AND (b.bounds[3])::timestamptz <= before
		ORDER BY (b.bounds[3])::timestamptz
	$$;

-- Nobody writes to what is examined. Who does so to what is long past is no application.
CREATE FUNCTION tarot.hold_audit_partition(partition text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET lock_timeout = '5s'
	AS $$
BEGIN
	EXECUTE format('LOCK TABLE ONLY %s IN SHARE MODE', partition);
EXCEPTION WHEN lock_not_available THEN
	RAISE EXCEPTION 'partition % of the audit log is in use', partition USING ERRCODE = 'lock_not_available',
		DETAIL = 'Somebody has changed something in it, or it is vacuumed. Nothing was dropped.',
		HINT = 'Call it again later: pg_locks shows who holds a lock of it.';
END
$$;

-- Writers hold locks of the log until they commit: who waits for them makes the next ones wait. So it waits shortly, and lets them
-- through.
CREATE FUNCTION tarot.lock_audit_partitions(partitions text[]) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET lock_timeout = '100ms'
	AS $$
DECLARE
	default_partition CONSTANT text := to_regclass('tarot.audit_entry_default');
BEGIN
	FOR attempt IN 1 .. 20 LOOP
		BEGIN
			EXECUTE 'LOCK TABLE ONLY '
				|| concat_ws(', ONLY ', 'tarot.audit_entry', default_partition, array_to_string(partitions, ', ONLY '))
				|| ' IN ACCESS EXCLUSIVE MODE';
			RETURN;
		EXCEPTION WHEN lock_not_available THEN
			PERFORM pg_sleep(0.2);
		END;
	END LOOP;
	RAISE EXCEPTION 'the audit log is in use'
		USING ERRCODE = 'lock_not_available',
		DETAIL = 'In some seconds there was no moment in which no open transaction had written to it or read it. Nothing was dropped.',
		HINT = 'Call it again later: pg_locks shows who holds locks of tarot.audit_entry, '
			'a transaction that stays open or pg_dump for instance.';
END
$$;

CREATE FUNCTION tarot.put_dropped_entry(partition oid, name text, begins timestamptz, ends timestamptz, entries bigint, positions text)
	RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET DateStyle = ISO
	SET TimeZone = UTC
	AS $$
DECLARE
	last tarot.audit_checkpoint;
BEGIN
	SELECT * INTO last FROM tarot.audit_checkpoint c ORDER BY c.size DESC LIMIT 1;
	PERFORM tarot.put_retention_entry(partition, name, jsonb_build_object(
		'command', 'DROP AUDIT PARTITION', 'partition', name, 'begins', begins, 'ends', ends, 'entries', entries, 'positions', positions,
		'size', last.size::text, 'root', encode(last.root, 'hex')));
END
$$;

-- By places in partitions and who they are; tells how many, on record with why.
CREATE FUNCTION tarot.erase_found_details(partitions oid[], places tid[], systems bigint[], transactions xid8[], numbers bigint[],
		rel oid, identity text, reason text) RETURNS bigint
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF coalesce(cardinality(places), 0) = 0 THEN
		RETURN 0;
	END IF;
	PERFORM tarot.erase_entries_at(f.partition, array_agg(f.place ORDER BY f.place))
		FROM unnest(partitions, places) AS f (partition, place)
		GROUP BY f.partition;
	PERFORM tarot.put_retention_entry(rel, identity, jsonb_build_object(
		'command', 'ERASE AUDIT DETAILS',
		'reason', reason,
		'entries', cardinality(places),
		'erased', (
			SELECT string_agg(format('%s/%s/%s-%s', r.system, r.transaction, r.first, r.last), ' '
				ORDER BY r.system, r.transaction, r.first)
			FROM (
				SELECT n.system, n.transaction, min(n.number) AS first, max(n.number) AS last
				FROM (
					SELECT f.system, f.transaction, f.number,
						f.number - row_number() OVER (PARTITION BY f.system, f.transaction ORDER BY f.number) AS run
					FROM unnest(systems, transactions, numbers) AS f (system, transaction, number)
				) n
				GROUP BY n.system, n.transaction, n.run
			) r
		)));
	RETURN cardinality(places);
END
$$;

CREATE FUNCTION tarot.require_erase_reason(reason text) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF reason IS NULL OR btrim(reason) = '' THEN
		RAISE EXCEPTION 'there must be a reason'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'It stays in the log: a ticket, not the name of the data subject.';
	END IF;
END
$$;

-- ------------------------------------------------------------ for whom EXECUTE is granted

CREATE FUNCTION tarot.drop_audit_partitions(keep interval, with_damaged boolean DEFAULT false, dry_run boolean DEFAULT false)
		RETURNS TABLE (partition text, begins timestamptz, ends timestamptz, entries bigint)
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	before CONSTANT timestamptz := now() - keep;
	rest CONSTANT oid := to_regclass('tarot.audit_entry_default');
	dropping CONSTANT boolean := dry_run IS NOT TRUE;
	past oid[] := '{}';
	names text[] := '{}';
	counts bigint[] := '{}';
	positions text[] := '{}';
	kept text[] := '{}';
	p record;
	found record;
BEGIN
	IF keep IS NULL OR keep < interval '0' THEN
		RAISE EXCEPTION 'keep must not be negative'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'It is how long entries are kept: ''1 year''.';
	END IF;
	-- Of two at once the second finds what the first has left; nor are partitions made meanwhile, or details erased.
	LOCK TABLE ONLY tarot.audit_entry IN SHARE UPDATE EXCLUSIVE MODE;
	FOR p IN SELECT * FROM tarot.past_audit_partitions(before) LOOP
		IF dropping THEN
			PERFORM tarot.hold_audit_partition(p.name);
		END IF;
		SELECT * INTO found FROM tarot.examine_audit_entries(p.partition, 'infinity', coalesce(with_damaged, false), false);
		past := past || p.partition;
		names := names || p.name;
		counts := counts || found.entries;
		positions := positions || found.positions;
		kept := kept || found.kept::text;
	END LOOP;

	-- Of the default partition, which nothing can take the place of, the entries of whole months.
	IF rest IS NOT NULL THEN
		SELECT * INTO found
			FROM tarot.examine_audit_entries(rest, date_trunc('month', before, 'UTC'), coalesce(with_damaged, false), dropping);
	END IF;
	IF dropping AND (found.entries > 0 OR cardinality(past) > 0)
		AND (SELECT c.note FROM tarot.audit_checkpoint c ORDER BY c.size DESC LIMIT 1) IS NULL
	THEN
		RAISE EXCEPTION 'the last checkpoint of the audit log is not signed'
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'The server must be unlocked (tarot.unlock()) and have a key "default" (tarot.create_key()); '
				'then call tarot.seal_audit().';
	END IF;
	IF found.entries > 0 THEN
		IF dropping THEN
			PERFORM tarot.put_dropped_entry(rest, 'tarot.audit_entry_default', NULL, date_trunc('month', before, 'UTC'),
				found.entries, found.positions);
		END IF;
		RETURN QUERY SELECT 'tarot.audit_entry_default', NULL::timestamptz, date_trunc('month', before, 'UTC'), found.entries;
	END IF;

	IF dropping AND cardinality(past) > 0 THEN
		PERFORM tarot.lock_audit_partitions(names);
	END IF;
	FOR p IN
		SELECT a.partition, a.name, a.begins, a.ends, e.entries, e.positions, e.kept
		FROM unnest(past, counts, positions, kept) WITH ORDINALITY AS e (partition, entries, positions, kept, number)
			JOIN tarot.past_audit_partitions(before) a ON a.partition = e.partition
		ORDER BY e.number
	LOOP
		IF dropping THEN
			PERFORM tarot.put_dropped_entry(p.partition, p.name, p.begins, p.ends, p.entries, p.positions),
				tarot.remove_audit_partition(p.partition, p.kept::tid[]);
		END IF;
		RETURN QUERY SELECT p.name, p.begins, p.ends, p.entries;
	END LOOP;
END
$$;
COMMENT ON FUNCTION tarot.drop_audit_partitions(interval, boolean, boolean) IS
	'Drops the partitions of the audit log of which all entries are older than keep, and the entries of the default partition that are of '
	'whole months (in UTC) before that; tells which, from when to when (NULL: from the beginning), and how many entries. Their leaves '
	'stay in the hash tree, proofs still hold, and an entry of each partition (DROP AUDIT PARTITION in tarot.audit_log) says who dropped '
	'what; once that is sealed, tarot.verify_audit() knows them for dropped. Such entries, and those that tell of erasing, are never '
	'dropped: they move to the default partition. With dry_run nothing is dropped. For whom EXECUTE is granted. The log is locked for a '
	'moment; for that it waits a few seconds, and at most a tenth of one at a time. Raises 22023 for a keep that is negative, 55000 where '
	'entries are not sealed (tarot.seal_audit()) or the last checkpoint is not signed, TS501 where entries are not what was sealed '
	'(with_damaged drops them, too, and they stay missing), 55P03 where the log is in use, 2BP01 where something depends on a partition.';

CREATE FUNCTION tarot.erase_audit_details(rel regclass, key jsonb, reason text) RETURNS bigint
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	sought CONSTANT jsonb := erase_audit_details.key;
	found record;
BEGIN
	PERFORM tarot.require_erase_reason(reason);
	IF rel IS NULL OR sought IS NULL OR jsonb_typeof(sought) <> 'object' OR sought = '{}' THEN
		RAISE EXCEPTION 'rel must be a table, and key an object of its primary key'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'As tarot.audit_log has it: ''{"id": 1}''.';
	END IF;
	LOCK TABLE ONLY tarot.audit_entry IN SHARE UPDATE EXCLUSIVE MODE;
	SELECT array_agg(e.partition) AS partitions, array_agg(e.place) AS places,
			array_agg(e.system) AS systems, array_agg(e.transaction) AS transactions, array_agg(e.number) AS numbers
		INTO found
		FROM tarot.entries_of_key(rel, sought) e;
	RETURN tarot.erase_found_details(found.partitions, found.places, found.systems, found.transactions, found.numbers,
		rel,
		(
			SELECT format('%I.%I', n.nspname, c.relname)
			FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE c.oid = rel
		),
		reason);
END
$$;
COMMENT ON FUNCTION tarot.erase_audit_details(regclass, jsonb, text) IS
	'Erases key, old and new of all entries of the audit log that are about the row of a table with this primary key, also under keys '
	'that it had before, in its partitions and children, and sealed or not; returns how many. What else an entry says stays, and so do '
	'its leaf and the proofs of it. An entry (ERASE AUDIT DETAILS in tarot.audit_log) says who erased which entries and why; once that is '
	'sealed, tarot.verify_audit() knows them for erased. What was erased is gone from the table''s files after VACUUM. For whom EXECUTE '
	'is granted. Raises 22023 without a reason, or for a key that is no JSON object.';

CREATE FUNCTION tarot.erase_audit_entries(transactions xid8[], numbers bigint[], reason text, systems bigint[] DEFAULT NULL) RETURNS bigint
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	here CONSTANT bigint := (SELECT c.system_identifier FROM pg_control_system() c);
	found record;
BEGIN
	PERFORM tarot.require_erase_reason(reason);
	IF transactions IS NULL OR cardinality(transactions) IS DISTINCT FROM cardinality(numbers)
		OR (systems IS NOT NULL AND cardinality(systems) <> cardinality(numbers))
	THEN
		RAISE EXCEPTION 'transactions, numbers and systems must be of the same length' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	LOCK TABLE ONLY tarot.audit_entry IN SHARE UPDATE EXCLUSIVE MODE;
	SELECT array_agg(e.tableoid) AS partitions, array_agg(e.ctid) AS places,
			array_agg(e.system) AS systems, array_agg(e.transaction) AS transactions, array_agg(e.number) AS numbers,
			bool_or(e.operation NOT IN ('I', 'U', 'D', 'T', 'E')) AS of_statements
		INTO found
		FROM tarot.audit_entry e
		WHERE num_nonnulls(e.key, e.old, e.new) > 0
			AND (e.system, e.transaction, e.number) IN (
				SELECT coalesce(a.system, here), a.transaction, a.number
				FROM unnest(systems, transactions, numbers) AS a (system, transaction, number));
	IF found.of_statements THEN
		RAISE EXCEPTION 'what entries of statements and of retention say cannot be erased' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN tarot.erase_found_details(found.partitions, found.places, found.systems, found.transactions, found.numbers, 0, '', reason);
END
$$;
COMMENT ON FUNCTION tarot.erase_audit_entries(xid8[], bigint[], text, bigint[]) IS
	'Erases key, old and new of entries of the audit log, as tarot.erase_audit_details() does, that are named by transaction and number, '
	'and system where that is not this cluster''s; returns how many. Those that are not there, or erased already, are left out. For whom '
	'EXECUTE is granted. Raises 22023 without a reason, for lists of different lengths, and for entries of statements and of retention, '
	'whose details nobody erases.';

REVOKE ALL ON FUNCTION tarot.examine_audit_entries(oid, timestamptz, boolean, boolean), tarot.remove_audit_partition(oid, tid[]),
	tarot.erase_entries_at(oid, tid[]), tarot.put_retention_entry(oid, text, jsonb), tarot.past_audit_partitions(timestamptz),
	tarot.hold_audit_partition(text), tarot.lock_audit_partitions(text[]),
	tarot.put_dropped_entry(oid, text, timestamptz, timestamptz, bigint, text),
	tarot.erase_found_details(oid[], tid[], bigint[], xid8[], bigint[], oid, text, text), tarot.require_erase_reason(text),
	tarot.drop_audit_partitions(interval, boolean, boolean), tarot.erase_audit_details(regclass, jsonb, text),
	tarot.erase_audit_entries(xid8[], bigint[], text, bigint[]) FROM PUBLIC;

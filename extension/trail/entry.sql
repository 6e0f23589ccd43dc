-- trail: the log of changes
--
-- Entries are written by the trigger of audit/tables.sql, in C and past all privileges. Nobody but the owner of the extension can
-- write here by SQL. An entry is known by system, transaction and number, and these give the order within a transaction; transactions
-- are put in order when they have ended, by snapshots, so that no writer waits for another.

CREATE TABLE tarot.audit_entry (
	recorded_at timestamptz NOT NULL,
	transaction xid8 NOT NULL,
	number bigint NOT NULL,
	system bigint NOT NULL,
	statement bigint NOT NULL,
	relation oid NOT NULL,
	operation "char" NOT NULL,
	table_name text,
	role text NOT NULL,
	session_role text NOT NULL,
	subject text,
	client inet,
	application text,
	key jsonb,
	old jsonb,
	new jsonb,
	-- What the leaf of the entry commits to its details by: 16 random bytes, or, where they were erased, the 32 bytes of the commitment.
	salt bytea
) PARTITION BY RANGE (recorded_at);
SELECT tarot.guard_table('tarot.audit_entry');
COMMENT ON TABLE tarot.audit_entry IS 'What tarot.audit_log shows, as it is stored.';

-- For the times that no other partition is for: no change fails for want of one.
CREATE TABLE tarot.audit_entry_default PARTITION OF tarot.audit_entry DEFAULT;
SELECT tarot.guard_table('tarot.audit_entry_default'), pg_extension_config_dump('tarot.audit_entry_default', '');
COMMENT ON TABLE tarot.audit_entry_default IS 'The partition of tarot.audit_entry for times that have none of their own.';

CREATE VIEW tarot.audit_log AS
	SELECT e.recorded_at, e.table_name,
		CASE e.operation
			WHEN 'I' THEN 'INSERT'
			WHEN 'U' THEN 'UPDATE'
			WHEN 'D' THEN 'DELETE'
			WHEN 'T' THEN 'TRUNCATE'
			WHEN 'S' THEN e.new->>'command'
			WHEN 'R' THEN e.new->>'command'
		END AS operation,
		e.key, e.old, e.new, e.role, e.session_role, e.subject, e.client, e.application,
		e.transaction, e.statement, e.number, e.relation, e.system
	FROM tarot.audit_entry e WHERE e.operation <> 'E';
COMMENT ON VIEW tarot.audit_log IS
	'The changes of audited tables (tarot.audit_table()), one entry a row, and statements (tarot.audit_statements(), and those that touch '
	'the audit itself), one entry an object. Values of encrypted columns are envelopes, those of classified columns the masks of their '
	'classes; numbers, booleans and jsonb are JSON''s, everything else a string that the column''s type reads back. For the owner of the '
	'extension and whom it grants SELECT.';
COMMENT ON COLUMN tarot.audit_log.recorded_at IS 'When, by the server''s clock: of the first of the statement''s changes of the table.';
COMMENT ON COLUMN tarot.audit_log.table_name IS
	'The table as it was called then, with its schema. Of a partitioned table the partition. Of a statement the object, or the table that '
	'it belongs to; NULL where it is about none.';
COMMENT ON COLUMN tarot.audit_log.operation IS
	'INSERT, UPDATE, DELETE or TRUNCATE. A row that moves to another partition is a DELETE and an INSERT. Of a statement its command tag.';
COMMENT ON COLUMN tarot.audit_log.key IS 'The primary key, before an UPDATE changed it; NULL where there is none.';
COMMENT ON COLUMN tarot.audit_log.old IS 'The row that was deleted; of an UPDATE what it changed (without a primary key the whole row).';
COMMENT ON COLUMN tarot.audit_log.new IS 'The row that was inserted; of an UPDATE what it changed. Of a statement what it said.';
COMMENT ON COLUMN tarot.audit_log.role IS 'The role by whose rights it was done.';
COMMENT ON COLUMN tarot.audit_log.session_role IS 'The role of the session.';
COMMENT ON COLUMN tarot.audit_log.subject IS 'Whom a verified token named: tarot.subject().';
COMMENT ON COLUMN tarot.audit_log.client IS 'The client''s address; NULL for a Unix socket and for workers.';
COMMENT ON COLUMN tarot.audit_log.application IS 'application_name, which the client chooses; of a background worker its name.';
COMMENT ON COLUMN tarot.audit_log.transaction IS 'The transaction, as pg_current_xact_id() tells it.';
COMMENT ON COLUMN tarot.audit_log.statement IS 'The number of the statement in the transaction; one statement may be fired by another.';
COMMENT ON COLUMN tarot.audit_log.number IS
	'The position of the entry in the transaction. What was rolled back to a savepoint leaves a gap.';
COMMENT ON COLUMN tarot.audit_log.relation IS 'The OID of the table, or of the object; 0 where there is none.';
COMMENT ON COLUMN tarot.audit_log.system IS
	'The database cluster that the change was made in: the system identifier of pg_control_system().';

-- The key that a change has left the row with. Indexes rest on it: what it gives for an entry must not change.
CREATE FUNCTION tarot.key_after(key jsonb, new jsonb) RETURNS jsonb
	LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_trail_key_after';

-- What is asked of each entry of the log is in C.
CREATE FUNCTION tarot.has_member_of(document jsonb, other jsonb) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_trail_has_member_of';

CREATE FUNCTION tarot.is_of_columns(document jsonb, columns text[]) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_trail_is_of_columns';


-- By hash, since a btree refuses keys that are long, and with them the change; of times their ranges, which cost next to nothing. Each
-- partition has its own: one of the whole table would not be in a dump, and those of partitions, which are, could not be restored.
CREATE FUNCTION tarot.index_audit_partition(partition regclass) RETURNS integer
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	made integer := 0;
	name text;
	wanted record;
BEGIN
	FOR wanted IN
		SELECT *
		FROM (VALUES
			('key', 'USING hash (key)'),
			('key_after', 'USING hash (tarot.key_after(key, new)) WHERE tarot.key_after(key, new) <> key'),
			('recorded_at', 'USING brin (recorded_at) WITH (pages_per_range = 32, autosummarize)')) AS w (suffix, definition)
	LOOP
		name := (SELECT c.relname || '_' || wanted.suffix FROM pg_class c WHERE c.oid = partition);
		IF NOT EXISTS (
			SELECT
			FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
			WHERE i.indrelid = partition AND c.relname = name)
		THEN
			EXECUTE format('CREATE INDEX %I ON %s %s', name, partition, wanted.definition);
			made := made + 1;
		END IF;
	END LOOP;
	RETURN made;
END
$$;
REVOKE ALL ON FUNCTION tarot.index_audit_partition(regclass) FROM PUBLIC;

CREATE FUNCTION tarot.create_audit_indexes() RETURNS integer
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	-- Of two at once the second finds what the first has made, and no partition comes meanwhile.
	LOCK TABLE tarot.audit_entry IN SHARE UPDATE EXCLUSIVE MODE;
	RETURN (
		SELECT coalesce(sum(tarot.index_audit_partition(i.inhrelid)), 0)
		FROM pg_inherits i
		WHERE i.inhparent = 'tarot.audit_entry'::regclass);
END
$$;
COMMENT ON FUNCTION tarot.create_audit_indexes() IS
	'Makes indexes on the partitions of the audit log that have none: by the key before and after a change, for tarot.audit_history(), '
	'and by time, for tarot.audit_report(); returns how many. Partitions that tarot.create_audit_partitions() makes later get them, too. '
	'Waits for who writes entries, and who comes then waits until it is done. Each entry costs a little more with them.';
REVOKE ALL ON FUNCTION tarot.create_audit_indexes() FROM PUBLIC;

CREATE FUNCTION tarot.create_audit_partitions(months integer DEFAULT 3) RETURNS integer
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	first timestamptz := date_trunc('month', now(), 'UTC');
	made integer := 0;
	next timestamptz;
	partition text;
	missing boolean;
	indexed boolean;
BEGIN
	IF months NOT BETWEEN 0 AND 120 THEN
		RAISE EXCEPTION 'months must be from 0 to 120' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	-- Of two at once the second finds what the first has made.
	LOCK TABLE tarot.audit_entry IN SHARE UPDATE EXCLUSIVE MODE;
	indexed := EXISTS (
		SELECT
		FROM pg_inherits i
			JOIN pg_index x ON x.indrelid = i.inhrelid
			JOIN pg_class c ON c.oid = x.indexrelid
			JOIN pg_class p ON p.oid = i.inhrelid
		WHERE i.inhparent = 'tarot.audit_entry'::regclass AND c.relname = p.relname || '_key');
	FOR i IN 0 .. months LOOP
		next := (first AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
		partition := 'audit_entry_' || to_char(first AT TIME ZONE 'UTC', 'YYYY_MM');
		-- What is in the default partition stays there: to move it would stop all writers.
		missing := to_regclass('tarot.' || partition) IS NULL
			AND NOT EXISTS (SELECT FROM tarot.audit_entry_default e WHERE e.recorded_at >= first AND e.recorded_at < next);
		IF missing THEN
			-- ATTACH PARTITION takes this lock, and fails for an entry that has come until then: so take it, and look again.
			LOCK TABLE tarot.audit_entry_default IN ACCESS EXCLUSIVE MODE;
			missing := NOT EXISTS (SELECT FROM tarot.audit_entry_default e WHERE e.recorded_at >= first AND e.recorded_at < next);
		END IF;
		IF missing THEN
			-- Attached, not created as a partition, which would wait for all writers and stop them meanwhile.
			EXECUTE format('CREATE TABLE tarot.%I (LIKE tarot.audit_entry)', partition);
			IF indexed THEN
				PERFORM tarot.index_audit_partition(format('tarot.%I', partition)::regclass);
			END IF;
			EXECUTE format('ALTER TABLE tarot.audit_entry ATTACH PARTITION tarot.%I FOR VALUES FROM (%L) TO (%L)', partition, first, next);
			PERFORM tarot.guard_table(format('tarot.%I', partition)::regclass);
			made := made + 1;
		END IF;
		first := next;
	END LOOP;
	RETURN made;
END
$$;
COMMENT ON FUNCTION tarot.create_audit_partitions(integer) IS
	'Makes partitions of the audit log for this month and so many after it (0 to 120, by default 3), in UTC, where there are none; '
	'returns how many. Months of which the default partition has entries already are left out. Waits for nobody who writes entries to '
	'partitions that are there; where the default partition is in use it waits for that. Raises 22023 for another number of months.';

REVOKE ALL ON FUNCTION tarot.create_audit_partitions(integer) FROM PUBLIC;

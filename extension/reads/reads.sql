-- reads: tables and classes whose reads are on record

-- Each partition and child has a row of its own: it stays when it is detached. As a regclass it follows renames, dumps and pg_upgrade.
CREATE TABLE tarot.audited_read (
	relation regclass PRIMARY KEY
);
COMMENT ON TABLE tarot.audited_read IS 'Tables whose reads are on record: set by tarot.audit_reads().';
SELECT tarot.declare_policy_table('tarot.audited_read',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation AND c.relpersistence <> ''t'')');

CREATE TABLE tarot.audited_class_read (
	class text COLLATE "C" PRIMARY KEY,
	class_id integer NOT NULL
);
COMMENT ON TABLE tarot.audited_class_read IS 'Data classes whose reads are on record: set by tarot.audit_class_reads().';
SELECT tarot.declare_policy_table('tarot.audited_class_read');

CREATE FUNCTION tarot.require_readable(relation oid) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	c CONSTANT pg_class := tarot.require_relation(relation, 'rel');
BEGIN
	IF c.relkind NOT IN ('r', 'p', 'm', 'f') THEN
		RAISE EXCEPTION '"%" is not a table', tarot.relation_name(relation) USING ERRCODE = 'wrong_object_type',
			HINT = CASE c.relkind WHEN 'v' THEN 'Name its tables: reads through views are on record, too.' ELSE '' END;
	ELSIF c.oid < 16384 THEN
		RAISE EXCEPTION 'reads of the system''s tables cannot be put on record' USING ERRCODE = 'wrong_object_type';
	END IF;
END
$$;

CREATE FUNCTION tarot.audit_reads(rel regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.require_readable(rel);
	INSERT INTO tarot.audited_read SELECT m.member FROM tarot.relation_tree(rel) AS m ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION tarot.audit_reads(regclass) IS
	'Puts on record who reads a table, its partitions and children from now on: a security event READ for each statement of a client that '
	'reads it, by whatever way (views, functions, COPY, prepared statements, RETURNING), with the columns, but no values. A rollback does '
	'not take it back. For whom EXECUTE is granted; no privilege on the table is needed. Raises 42809 for what is not a table, '
	'materialized view or foreign table.';

CREATE FUNCTION tarot.unaudit_reads(rel regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.require_readable(rel);
	IF EXISTS (SELECT FROM pg_inherits i JOIN tarot.audited_read r ON r.relation = i.inhparent WHERE i.inhrelid = rel) THEN
		RAISE EXCEPTION 'reads of table "%" are on record with its parent''s', tarot.relation_name(rel)
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Call it for the parent.';
	END IF;
	DELETE FROM tarot.audited_read r WHERE r.relation IN (SELECT m.member FROM tarot.relation_tree(rel) AS m);
	IF NOT FOUND THEN
		RAISE EXCEPTION 'reads of table "%" are not on record', tarot.relation_name(rel) USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.unaudit_reads(regclass) IS
	'Puts no more reads of a table, its partitions and children on record, but for those of its columns'' classes '
	'(tarot.unaudit_class_reads()). That it was called is on record. For whom EXECUTE is granted. Raises 42809 for what is not a table, '
	'55000 for one whose reads are not on record, or are with its parent''s.';

CREATE FUNCTION tarot.audit_class_reads(class text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	wanted tarot.class := tarot.get_class(class);
BEGIN
	INSERT INTO tarot.audited_class_read VALUES (wanted.name, wanted.class_id) ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION tarot.audit_class_reads(text) IS
	'Puts on record who reads columns of a data class, in whatever table, from now on: a security event READ for each statement of a '
	'client, with the columns, and how many values it was shown plain, as masks, or not at all. Encrypted columns, and classified plain '
	'ones, of which values are counted only where they pass a mask. For whom EXECUTE is granted. Raises 42704 for an unknown class.';

CREATE FUNCTION tarot.unaudit_class_reads(class text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM tarot.audited_class_read r WHERE r.class = unaudit_class_reads.class;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'reads of data class "%" are not on record', class USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.unaudit_class_reads(text) IS
	'Puts no more reads of a data class on record, but for those of tables (tarot.unaudit_reads()). That it was called is on record. For '
	'whom EXECUTE is granted. Raises 55000 for a class whose reads are not on record.';

CREATE VIEW tarot.audited_reads AS
	SELECT r.relation AS "table", NULL::text AS class FROM tarot.audited_read r
	UNION ALL
	SELECT NULL, r.class FROM tarot.audited_class_read r;
COMMENT ON VIEW tarot.audited_reads IS 'The tables, each partition and child by itself, and the data classes whose reads are on record.';
COMMENT ON COLUMN tarot.audited_reads."table" IS 'The table; or NULL:';
COMMENT ON COLUMN tarot.audited_reads.class IS 'the class.';
GRANT SELECT ON tarot.audited_reads TO pg_monitor;

-- ------------------------------------------------------------ what happens to tables later

CREATE FUNCTION tarot.follow_audited_reads() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF TG_EVENT = 'sql_drop' THEN
		DELETE FROM tarot.audited_read r
			USING pg_event_trigger_dropped_objects() d
			WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND d.objid = r.relation;
		RETURN;
	END IF;
	-- The table may be the child, or the parent.
	INSERT INTO tarot.audited_read
		SELECT m.member
		FROM (
				SELECT DISTINCT i.inhrelid AS oid
				FROM pg_event_trigger_ddl_commands() d
					JOIN pg_inherits i ON d.objid IN (i.inhrelid, i.inhparent)
					JOIN tarot.audited_read r ON r.relation = i.inhparent
				WHERE d.classid = 'pg_class'::regclass
			) AS child,
			tarot.relation_tree(child.oid) AS m
		ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION tarot.follow_audited_reads() IS
	'Event trigger: reads of a table that becomes the partition or child of one whose reads are on record are, too, also when it is none '
	'any more; of a table that is dropped nothing is asked for.';
CREATE EVENT TRIGGER tarot_security_follow_audited_reads ON ddl_command_end
	WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE', 'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE', 'CREATE SCHEMA')
	EXECUTE FUNCTION tarot.follow_audited_reads();
CREATE EVENT TRIGGER tarot_security_forget_audited_reads ON sql_drop
	EXECUTE FUNCTION tarot.follow_audited_reads();
-- A session whose role is replication is no way around.
ALTER EVENT TRIGGER tarot_security_follow_audited_reads ENABLE ALWAYS;
ALTER EVENT TRIGGER tarot_security_forget_audited_reads ENABLE ALWAYS;

-- ------------------------------------------------------------ what the log tells.
-- With the rights of who asks, who needs SELECT on tarot.security_event

CREATE FUNCTION tarot.read_report(since timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity')
	RETURNS TABLE (table_name text, class text, role text, session_role text, subject text, purpose text, statements bigint, failed bigint,
		rows numeric, plain numeric, masked numeric, refused numeric, first timestamptz, last timestamptz)
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT *
		FROM (
			SELECT e.details->>'table' AS table_name, e.details->>'class' AS class, e.role, e.session_role, e.subject,
				e.details->>'purpose' AS purpose,
				-- An event may be of several statements that failed alike; what parallel workers tell belongs to a statement that their
				-- leader tells of.
				coalesce(sum(e.count) FILTER (WHERE NOT e.details ? 'parallel_worker'), 0)::bigint,
				coalesce(sum(e.count) FILTER (WHERE NOT e.details ? 'parallel_worker' AND e.status = 'failure'), 0)::bigint,
				coalesce(sum(e.count * (e.details->>'rows')::numeric), 0),
				sum(e.count * (e.details->>'plain')::numeric),
				sum(e.count * (e.details->>'masked')::numeric),
				sum(e.count * (e.details->>'refused')::numeric),
				min(e.occurred_at), max(e.last_at)
			FROM tarot.security_event e
			WHERE e.event_type = 'READ' AND e.source = 'tarot_security'
				AND e.occurred_at >= coalesce(since, '-infinity') AND e.occurred_at < coalesce(until, 'infinity')
			GROUP BY 1, 2, 3, 4, 5, 6
		) AS r
		ORDER BY r.table_name COLLATE "C", r.class COLLATE "C", r.role COLLATE "C", r.session_role COLLATE "C",
			r.subject COLLATE "C" NULLS FIRST, r.purpose COLLATE "C" NULLS FIRST
	$$;
COMMENT ON FUNCTION tarot.read_report(timestamptz, timestamptz) IS
	'Who has read which table or data class how often, from a time until before another, by default all: of tables and classes whose '
	'reads are on record, for each role, role of the session, subject and purpose, how many statements, how many of them failed, how many '
	'rows they returned or changed, and of classes how many values were shown plain, as masks, or not at all; the first and the last '
	'time. Needs SELECT on tarot.security_event.';

CREATE FUNCTION tarot.columns_read(since timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity')
	RETURNS TABLE (table_name text, "column" text, events bigint, last timestamptz)
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		-- What failed has read, too, without a row: whether it fails tells of the values.
		SELECT c.table_name, c.name, count(*), max(c.last_at)
		FROM (
				SELECT e.last_at, e.details AS d
				FROM tarot.security_event e
				WHERE e.event_type = 'READ' AND e.source = 'tarot_security'
					AND e.occurred_at >= coalesce(since, '-infinity') AND e.occurred_at < coalesce(until, 'infinity')
					AND NOT e.details ? 'all_refused'
			) AS e,
			LATERAL (
				SELECT e.last_at, t.name AS table_name, n.name
				FROM (
						SELECT e.d->>'table' AS name, e.d->'columns' AS columns WHERE e.d ? 'table'
						UNION ALL
						SELECT j.key, j.value FROM jsonb_each(CASE WHEN e.d ? 'class' THEN e.d->'columns' END) AS j
					) AS t,
					LATERAL (
						SELECT a.name
						FROM jsonb_array_elements_text(t.columns) AS a (name)
						WHERE NOT coalesce(e.d->'refused_columns' ? a.name, false)
						UNION ALL
						SELECT NULL WHERE e.d ? 'more_columns'
					) AS n
			) AS c
		GROUP BY c.table_name, c.name
		ORDER BY c.table_name COLLATE "C", c.name COLLATE "C"
	$$;
COMMENT ON FUNCTION tarot.columns_read(timestamptz, timestamptz) IS
	'Which columns were read, of tables and data classes whose reads are on record, from a time until before another, by default all: in '
	'how many events, and when last. Of columns whose values pass the gate or a mask a read is one that showed a value or its mask, '
	'searched, or found nothing; not one that was refused all of them, with an error or without. A statement that failed has read, also '
	'without a row: errors tell of values. NULL stands for columns that an event had no room for. Needs SELECT on tarot.security_event.';

REVOKE ALL ON FUNCTION tarot.require_readable(oid), tarot.audit_reads(regclass), tarot.unaudit_reads(regclass),
	tarot.audit_class_reads(text), tarot.unaudit_class_reads(text), tarot.follow_audited_reads() FROM PUBLIC;

-- audit: tables whose changes are on record

-- Of the partitions and children of a table the table alone is here, but for those that were taken from one. As a regclass it follows
-- renames, dumps and pg_upgrade.
CREATE TABLE tarot.audited_table (
	relation regclass PRIMARY KEY,
	columns name[],
	exclude name[],
	CHECK (num_nonnulls(columns, exclude) < 2)
);
COMMENT ON TABLE tarot.audited_table IS
	'Tables whose changes are to be on record: set by tarot.audit_table(), and asked whether their triggers are still what it made them.';
SELECT tarot.declare_policy_table('tarot.audited_table',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation AND c.relpersistence <> ''t'')');

-- For everybody: who makes a partition of an audited table makes its trigger, and so does a restore as the owner of the tables. Who makes
-- another one puts changes of a table of their own on record, as they were.
CREATE FUNCTION tarot.audit_change() RETURNS trigger
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_audit_change';
COMMENT ON FUNCTION tarot.audit_change() IS
	'The trigger by which changes of an audited table are put on record. Made by tarot.audit_table(), and by a dump''s restore.';

CREATE FUNCTION tarot.audit_triggers(relation oid) RETURNS SETOF pg_catalog.pg_trigger
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT t FROM pg_trigger t WHERE t.tgrelid = relation AND t.tgfoid = 'tarot.audit_change()'::regprocedure $$;

-- What the triggers of a table are to be told: those of the table itself, or of the nearest above it.
CREATE FUNCTION tarot.audit_arguments(relation oid) RETURNS text[]
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH RECURSIVE above (oid, height) AS (
			SELECT relation, 0
			UNION ALL
			SELECT i.inhparent, a.height + 1 FROM above a JOIN pg_inherits i ON i.inhrelid = a.oid
		)
		SELECT CASE WHEN r.columns IS NULL THEN '{exclude}'::text[] || r.exclude::text[] ELSE '{only}'::text[] || r.columns::text[] END
		FROM above a JOIN tarot.audited_table r ON r.relation = a.oid
		ORDER BY a.height, a.oid
		LIMIT 1
	$$;

-- After INSERT, UPDATE and DELETE of each row, and after TRUNCATE; each under no condition, and in all sessions.
CREATE FUNCTION tarot.is_complete_audit_trigger(t pg_catalog.pg_trigger, arguments text[]) RETURNS boolean
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT t.tgfoid = 'tarot.audit_change()'::regprocedure
			AND (t.tgname, t.tgtype) IN (('tarot_audit', 29), ('tarot_audit_truncate', 32))
			AND t.tgenabled = 'A' AND t.tgqual IS NULL AND cardinality(t.tgattr::int2[]) = 0 AND NOT t.tgdeferrable
			AND tarot.trigger_arguments(t.tgargs) IS NOT DISTINCT FROM arguments
	$$;

CREATE FUNCTION tarot.make_audit_trigger(relation oid, name name, arguments text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF EXISTS (SELECT FROM tarot.audit_triggers(relation) t WHERE t.tgname = make_audit_trigger.name) THEN
		RETURN;
	END IF;
	EXECUTE format('CREATE TRIGGER %I AFTER %s ON %s FOR EACH %s EXECUTE FUNCTION tarot.audit_change(%s)',
		name, CASE name WHEN 'tarot_audit' THEN 'INSERT OR UPDATE OR DELETE' ELSE 'TRUNCATE' END,
		relation::regclass, CASE name WHEN 'tarot_audit' THEN 'ROW' ELSE 'STATEMENT' END, arguments);
	-- Logical replication fires no others.
	EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', relation::regclass, name);
END
$$;

-- Partitions have the row trigger of their parent by themselves, other children do not; TRUNCATE is asked of each table. A partition
-- that is detached loses the one and keeps the other. What tarot.enforce_audit() alone calls.
CREATE FUNCTION tarot.make_audit_triggers(relation oid) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	statement text;
BEGIN
	-- Those of partitions go with the one that they were made from.
	FOR statement IN
		SELECT format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass)
		FROM tarot.relation_tree(relation, '{r,p}') m JOIN pg_trigger t ON t.tgrelid = m.member
		WHERE t.tgparentid = 0
			AND (t.tgfoid = 'tarot.audit_change()'::regprocedure OR t.tgname IN ('tarot_audit', 'tarot_audit_truncate'))
			AND tarot.is_complete_audit_trigger(t, tarot.audit_arguments(m.member)) IS NOT TRUE
		ORDER BY m.depth, t.tgrelid, t.tgname
	LOOP
		EXECUTE statement;
	END LOOP;
	PERFORM tarot.make_audit_trigger(m.member, n.name, (
			SELECT string_agg(quote_literal(a), ', ' ORDER BY i)
			FROM unnest(tarot.audit_arguments(m.member)) WITH ORDINALITY AS u (a, i)))
		FROM tarot.relation_tree(relation, '{r,p}') m, unnest('{tarot_audit,tarot_audit_truncate}'::name[]) AS n (name)
		WHERE tarot.audit_arguments(m.member) IS NOT NULL;
END
$$;

CREATE FUNCTION tarot.enforce_audit(relation oid) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_audit_enforce_audit';

-- For the hook, which calls it where the table is dropped.
CREATE FUNCTION tarot.forget_audited(relation oid) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM tarot.audited_table r WHERE r.relation = forget_audited.relation;
END
$$;

-- For both, of who may call them: no privilege on the table is asked for.
CREATE FUNCTION tarot.require_auditable(relation oid) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	c CONSTANT pg_class := tarot.require_relation(relation, 'rel');
BEGIN
	IF c.relkind NOT IN ('r', 'p') THEN
		RAISE EXCEPTION '"%" is not a table', tarot.relation_name(relation) USING ERRCODE = 'wrong_object_type',
			HINT = CASE c.relkind WHEN 'v' THEN 'Audit its tables.' WHEN 'f' THEN 'Audit the table where it is.' ELSE '' END;
	ELSIF EXISTS (SELECT FROM tarot.relation_tree('tarot.audit_entry'::regclass, '{r,p}') m WHERE m.member = relation) THEN
		RAISE EXCEPTION 'the audit log itself cannot be audited' USING ERRCODE = 'wrong_object_type';
	ELSIF EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = relation AND tarot.audit_arguments(i.inhparent) IS NOT NULL) THEN
		RAISE EXCEPTION 'table "%" is audited with its parent', tarot.relation_name(relation)
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Call it for the parent.';
	END IF;
END
$$;

CREATE FUNCTION tarot.audit_table(rel regclass, columns name[] DEFAULT NULL, exclude name[] DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	key name[];
	bad name;
BEGIN
	PERFORM tarot.require_auditable(rel);
	-- As CREATE TRIGGER will.
	EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', rel);
	key := ARRAY(
		SELECT a.attname
		FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
		WHERE i.indrelid = rel AND i.indisprimary);
	IF num_nonnulls(columns, exclude) = 2 THEN
		RAISE EXCEPTION 'columns and exclude cannot be given both' USING ERRCODE = 'invalid_parameter_value';
	ELSIF cardinality(columns) = 0 OR array_position(coalesce(columns, exclude), NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'columns and exclude must have names of columns' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT n INTO bad
		FROM unnest(coalesce(columns, exclude)) AS n
		WHERE NOT EXISTS (
			SELECT FROM pg_attribute a WHERE a.attrelid = rel AND a.attname = n AND a.attnum > 0 AND NOT a.attisdropped);
	IF FOUND THEN
		RAISE EXCEPTION 'column "%" of table "%" does not exist', bad, tarot.relation_name(rel) USING ERRCODE = 'undefined_column';
	END IF;
	SELECT k INTO bad FROM unnest(key) AS k WHERE k = ANY (exclude) OR k <> ALL (columns);
	IF FOUND THEN
		RAISE EXCEPTION 'column "%" of the primary key cannot be left out', bad USING ERRCODE = 'invalid_parameter_value',
			HINT = 'By it an entry tells which row it is about. Of a classified column it has the mask.';
	END IF;

	-- What was said of single children before holds no longer.
	DELETE FROM tarot.audited_table r USING tarot.relation_tree(rel, '{r,p}') m WHERE r.relation = m.member AND m.member <> rel;
	-- That it is made good again is on record, too.
	DELETE FROM tarot.audited_table r USING tarot.audited_tables t WHERE r.relation = rel AND t."table" = rel AND NOT t.enforced;
	INSERT INTO tarot.audited_table VALUES (rel, columns, nullif(exclude, '{}'))
		ON CONFLICT (relation) DO UPDATE SET columns = excluded.columns, exclude = excluded.exclude;
	PERFORM tarot.enforce_audit(rel);
END
$$;
COMMENT ON FUNCTION tarot.audit_table(regclass, name[], name[]) IS
	'Puts all changes of a table on record, in tarot.audit_log, from now on: an entry for each row that is inserted, updated or deleted, '
	'whatever does it (COPY, MERGE, foreign keys, logical replication), and for TRUNCATE. With columns only these are on record, with '
	'exclude all others, also those that come later; an UPDATE that changes no such column leaves no entry. Columns of the primary key '
	'cannot be left out. Called again it changes that. Partitions and children are audited with the table, those that come later too. For '
	'whom EXECUTE is granted; no privilege on the table is needed. Locks the table against writes for a moment. A change whose entry '
	'cannot be written fails. Raises 42809 for what is not a table, 42703 for a column that does not exist, 22023 for both lists at once '
	'and for columns of the primary key, 55000 for a partition or child of an audited table.';

CREATE FUNCTION tarot.unaudit_table(rel regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.require_auditable(rel);
	EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', rel);
	DELETE FROM tarot.audited_table r USING tarot.relation_tree(rel, '{r,p}') m WHERE r.relation = m.member;
	IF NOT FOUND AND NOT EXISTS (SELECT FROM tarot.audit_triggers(rel)) THEN
		RAISE EXCEPTION 'table "%" is not audited', tarot.relation_name(rel) USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	PERFORM tarot.enforce_audit(rel);
END
$$;
COMMENT ON FUNCTION tarot.unaudit_table(regclass) IS
	'Puts no more changes of a table, its partitions and children on record. What is there stays. For whom EXECUTE is granted. Raises '
	'42809 for what is not a table, 55000 for one that is not audited, or whose parent is.';

CREATE VIEW tarot.audited_tables AS
	SELECT r.member::regclass AS "table", r.columns, r.exclude,
		(
			SELECT count(*) = 2
			FROM pg_catalog.pg_trigger t
			WHERE t.tgrelid = r.member
				AND tarot.is_complete_audit_trigger(t,
					CASE
						WHEN r.columns IS NULL THEN '{exclude}'::text[] || r.exclude::text[]
						ELSE '{only}'::text[] || r.columns::text[]
					END)
		) AS enforced
	FROM (
		SELECT DISTINCT ON (m.member) m.member, a.columns, a.exclude
		FROM tarot.audited_table a,
			LATERAL (
				SELECT t.member, t.depth FROM tarot.relation_tree(a.relation, '{r,p}') t
				UNION ALL
				-- Dropped where no hook saw it.
				SELECT a.relation, 0 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = a.relation)
			) AS m
		ORDER BY m.member, m.depth, a.relation
	) AS r;
COMMENT ON VIEW tarot.audited_tables IS
	'The tables whose changes are on record, and each of their partitions and children.';
COMMENT ON COLUMN tarot.audited_tables."table" IS 'The table.';
COMMENT ON COLUMN tarot.audited_tables.columns IS 'The columns that are on record; NULL: all, but';
COMMENT ON COLUMN tarot.audited_tables.exclude IS 'these.';
COMMENT ON COLUMN tarot.audited_tables.enforced IS
	'False where somebody has disabled, dropped or changed a trigger of it: tarot.audit_table() makes it anew.';
GRANT SELECT ON tarot.audited_tables TO pg_monitor;

-- ------------------------------------------------------------ what happens to audited tables later

CREATE FUNCTION tarot.follow_audit() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	taken regclass;
BEGIN
	-- What was taken from an audited table stays audited as it was; of a partition that was detached nothing else is told.
	FOR taken IN
		INSERT INTO tarot.audited_table
		SELECT DISTINCT ON (t.tgrelid) t.tgrelid,
			CASE a.arguments[1] WHEN 'only' THEN a.arguments[2:] END::name[],
			CASE WHEN a.arguments[1] = 'exclude' THEN nullif(a.arguments[2:], '{}') END::name[]
		FROM pg_trigger t, LATERAL (SELECT tarot.trigger_arguments(t.tgargs) AS arguments) AS a
		WHERE EXISTS (
				SELECT
				FROM pg_event_trigger_ddl_commands() d
				WHERE d.classid = 'pg_class'::regclass AND tarot.drops_children(d.command))
			AND t.tgfoid = 'tarot.audit_change()'::regprocedure AND t.tgname IN ('tarot_audit', 'tarot_audit_truncate')
			AND t.tgenabled = 'A' AND tarot.audit_arguments(t.tgrelid) IS NULL
		ORDER BY t.tgrelid, t.tgname
		RETURNING relation
	LOOP
		PERFORM tarot.enforce_audit(taken);
	END LOOP;
	-- The table may be the child, or the parent.
	PERFORM tarot.enforce_audit(r.oid)
		FROM (
			SELECT DISTINCT i.inhparent AS oid
			FROM pg_event_trigger_ddl_commands() d JOIN pg_inherits i ON d.objid IN (i.inhrelid, i.inhparent)
			WHERE d.classid = 'pg_class'::regclass AND tarot.adds_children(d.command)
				AND tarot.audit_arguments(i.inhparent) IS NOT NULL
		) AS r;
END
$$;
COMMENT ON FUNCTION tarot.follow_audit() IS
	'Event trigger: a table that becomes the partition or child of an audited one is audited, too, and one that was its partition stays '
	'so.';
CREATE EVENT TRIGGER tarot_security_follow_audit ON ddl_command_end
	WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE', 'CREATE SCHEMA')
	EXECUTE FUNCTION tarot.follow_audit();
-- A session whose role is replication is no way around.
ALTER EVENT TRIGGER tarot_security_follow_audit ENABLE ALWAYS;

-- For the function below.
CREATE FUNCTION tarot.rename_audited_column(renamed oid, old name, new name) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	-- The new name may stand there of a column that was dropped, and does not mean this one.
	UPDATE tarot.audited_table r
		SET columns = array_replace(array_remove(r.columns, new), old, new),
			exclude = nullif(array_replace(array_remove(r.exclude, new), old, new), '{}')
		WHERE r.relation = renamed AND coalesce(r.columns, r.exclude) && ARRAY[old, new];
END
$$;

CREATE FUNCTION tarot.follow_audit_rename() RETURNS event_trigger
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_audit_follow_rename';
COMMENT ON FUNCTION tarot.follow_audit_rename() IS
	'Event trigger: when a column is renamed, what tarot.audit_table() was told of it holds for its new name.';
CREATE EVENT TRIGGER tarot_security_follow_audit_rename ON ddl_command_end
	-- By each of these can a column of a table be renamed.
	WHEN TAG IN ('ALTER TABLE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER FOREIGN TABLE', 'ALTER TYPE')
	EXECUTE FUNCTION tarot.follow_audit_rename();
ALTER EVENT TRIGGER tarot_security_follow_audit_rename ENABLE ALWAYS;

REVOKE ALL ON FUNCTION tarot.audit_arguments(oid), tarot.make_audit_triggers(oid), tarot.make_audit_trigger(oid, name, text),
	tarot.enforce_audit(oid), tarot.forget_audited(oid), tarot.rename_audited_column(oid, name, name), tarot.require_auditable(oid),
	tarot.audit_table(regclass, name[], name[]), tarot.unaudit_table(regclass), tarot.follow_audit(), tarot.follow_audit_rename()
	FROM PUBLIC;

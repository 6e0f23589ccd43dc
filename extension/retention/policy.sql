-- retention: how long rows are kept
--
-- A policy is a job of the kind "retention". A batch goes over a range of blocks of one table or partition, which needs neither an index nor
-- a primary key, costs the same wherever old rows lie, and never reads twice what it has read.

CREATE TABLE tarot.retention_policy (
	name text COLLATE "C" PRIMARY KEY,
	relation regclass NOT NULL,
	age_column name NOT NULL,
	keep interval NOT NULL,
	action text COLLATE "C" NOT NULL CHECK (action IN ('delete')),
	condition text,
	batch integer NOT NULL,
	legal_basis text,
	created_by name NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tarot.retention_policy IS 'What tarot.add_retention() was told. When it is done stands in tarot.job.';
SELECT tarot.guard_table('tarot.retention_policy');
SELECT pg_extension_config_dump('tarot.retention_policy', 'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation AND c.relpersistence <> ''t'')');

CREATE TABLE tarot.legal_hold (
	relation regclass NOT NULL,
	name text COLLATE "C" NOT NULL,
	condition text,
	reason text NOT NULL,
	held_by name NOT NULL,
	held_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT legal_hold_pkey PRIMARY KEY (relation, name)
);
COMMENT ON TABLE tarot.legal_hold IS
	'Rows that no retention policy touches, whatever their age: set by tarot.hold(), and lifted by tarot.release(). For the owner of the extension and whom it grants SELECT.';
COMMENT ON COLUMN tarot.legal_hold.relation IS 'The table.';
COMMENT ON COLUMN tarot.legal_hold.name IS 'What the hold is called.';
COMMENT ON COLUMN tarot.legal_hold.condition IS 'Which of its rows; NULL: all.';
COMMENT ON COLUMN tarot.legal_hold.reason IS 'Why.';
COMMENT ON COLUMN tarot.legal_hold.held_by IS 'The role that set it.';
COMMENT ON COLUMN tarot.legal_hold.held_at IS 'When.';
SELECT tarot.guard_table('tarot.legal_hold');
SELECT pg_extension_config_dump('tarot.legal_hold', 'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation AND c.relpersistence <> ''t'')');

-- ------------------------------------------------------------ statements

-- The tables that have the rows.
CREATE FUNCTION tarot.retention_leaves(relation oid) RETURNS SETOF oid
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH RECURSIVE tree (oid) AS (SELECT relation UNION SELECT i.inhrelid FROM tree t JOIN pg_inherits i ON i.inhparent = t.oid)
		SELECT t.oid FROM tree t JOIN pg_class c ON c.oid = t.oid WHERE c.relkind = 'r' ORDER BY t.oid
	$$;

-- Raises where a policy cannot be for the table as it is now.
CREATE FUNCTION tarot.require_retainable(relation oid, age_column name) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	c pg_class;
	type regtype;
BEGIN
	SELECT * INTO c FROM pg_class t WHERE t.oid = relation;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'relation with OID % does not exist', relation USING ERRCODE = 'undefined_table';
	ELSIF c.relkind NOT IN ('r', 'p') THEN
		RAISE EXCEPTION '"%" is not a table', tarot.relation_name(relation) USING ERRCODE = 'wrong_object_type',
			HINT = CASE c.relkind WHEN 'v' THEN 'Name the table that has the rows.' WHEN 'f' THEN 'Do it where the table lies.' ELSE '' END;
	ELSIF c.relnamespace = 'tarot'::regnamespace OR c.relnamespace = 'pg_catalog'::regnamespace THEN
		RAISE EXCEPTION 'rows of "%" are not to be removed by a policy', tarot.relation_name(relation) USING ERRCODE = 'wrong_object_type';
	ELSIF c.relpersistence = 't' THEN
		RAISE EXCEPTION '"%" is a temporary table', tarot.relation_name(relation) USING ERRCODE = 'wrong_object_type';
	END IF;
	SELECT a.atttypid INTO type FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = age_column AND a.attnum > 0 AND NOT a.attisdropped;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'column "%" of table "%" does not exist', age_column, tarot.relation_name(relation) USING ERRCODE = 'undefined_column';
	ELSIF type NOT IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype) THEN
		RAISE EXCEPTION 'column "%" of table "%" does not tell how old a row is', age_column, tarot.relation_name(relation) USING ERRCODE = 'datatype_mismatch',
			DETAIL = format('It is of type %s.', type), HINT = 'The types that do are timestamptz, timestamp and date.';
	END IF;
END
$$;

-- Rows are old that are older than this: a literal of the column's type. What has no time zone is in the job's.
CREATE FUNCTION tarot.retention_cutoff(relation oid, age_column name, keep interval, time_zone text, now timestamptz) RETURNS text
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET TimeZone = 'UTC'
	SET DateStyle = 'ISO, YMD'
	AS $$
BEGIN
	PERFORM set_config('TimeZone', time_zone, true);
	RETURN (SELECT CASE a.atttypid WHEN 'timestamptz'::regtype THEN format('%L::timestamptz', now - keep) WHEN 'timestamp'::regtype THEN format('%L::timestamp', now::timestamp - keep)
			ELSE format('%L::date', (now::timestamp - keep)::date) END
		FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = age_column AND a.attnum > 0 AND NOT a.attisdropped);
END
$$;

-- Whether a row t is on hold: of the table, or of one above it.
CREATE FUNCTION tarot.retention_held(leaf oid) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH RECURSIVE above (oid) AS (SELECT leaf UNION SELECT i.inhparent FROM above a JOIN pg_inherits i ON i.inhrelid = a.oid)
		SELECT coalesce(string_agg(format('(%s) IS TRUE', coalesce(h.condition, 'true')), ' OR ' ORDER BY h.relation::oid, h.name), 'false') FROM tarot.legal_hold h JOIN above a ON h.relation::oid = a.oid
	$$;

-- Whether rows of other tables refer to a row t, and would keep it from being deleted: it stays until they are gone. Row-wise, so that an index of these is used.
CREATE FUNCTION tarot.retention_referred(leaf oid) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT coalesce(string_agg(r.condition, ' OR ' ORDER BY r.oid), 'false') FROM (
			SELECT n.oid, format('EXISTS (SELECT FROM %I.%I c WHERE %s)', cn.nspname, c.relname,
					string_agg(format('c.%I OPERATOR(%I.%s) t.%I', a.attname, opn.nspname, o.oprname, b.attname), ' AND ' ORDER BY k.ord)) AS condition
				FROM pg_constraint n CROSS JOIN LATERAL unnest(n.conkey, n.confkey, n.conpfeqop) WITH ORDINALITY k (number, foreign_number, operator, ord)
					JOIN pg_attribute a ON a.attrelid = n.conrelid AND a.attnum = k.number
					JOIN pg_attribute b ON b.attrelid = n.confrelid AND b.attnum = k.foreign_number
					JOIN pg_operator p ON p.oid = k.operator
					-- The constraint's operator has the referenced column on the left.
					JOIN pg_operator o ON o.oid = p.oprcom JOIN pg_namespace opn ON opn.oid = o.oprnamespace
					JOIN pg_class c ON c.oid = n.conrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace
				WHERE n.contype = 'f' AND n.confrelid = leaf AND n.confdeltype IN ('a', 'r')
					-- Of those of partitions the one of the partitioned table is asked.
					AND NOT EXISTS (SELECT FROM pg_constraint u WHERE u.oid = n.conparentid AND u.confrelid = n.confrelid)
				GROUP BY n.oid, cn.nspname, c.relname) AS r
	$$;

-- The next batch: the first old rows of a range of blocks. What somebody has locked is left alone where "careful" says that it was met: to lock
-- each row before it is deleted takes as long as that.
CREATE FUNCTION tarot.plan_retention(job text, relation oid, arguments jsonb, time_zone text, progress jsonb, careful boolean, OUT statement text, OUT progress_of_batch jsonb) RETURNS record
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	p tarot.retention_policy;
	leaf oid := (progress->>'leaf')::oid;
	block bigint := (progress->>'block')::bigint;
	blocks bigint := (progress->>'blocks')::bigint;
	size bigint := current_setting('block_size')::bigint;
	range text;
	is_old text;
	goes text;
	held text;
	referred text;
BEGIN
	SELECT * INTO p FROM tarot.retention_policy i WHERE i.name = job;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'retention policy "%" does not exist', job USING ERRCODE = 'undefined_object';
	END IF;
	PERFORM tarot.require_retainable(relation, p.age_column);
	IF progress IS NULL THEN
		progress := jsonb_build_object('scale', 64, 'done', 0, 'rows', 0, 'held', 0, 'referred', 0, 'locked', 0,
			'total', (SELECT coalesce(sum(pg_relation_size(l) / size), 0) FROM tarot.retention_leaves(relation) l),
			'cutoff', tarot.retention_cutoff(relation, p.age_column, p.keep, time_zone, now()));
		leaf := 0;
		block := 0;
		blocks := 0;
	END IF;
	-- A partition that was dropped meanwhile is done with, too.
	WHILE leaf IS NOT NULL AND (block >= blocks OR NOT EXISTS (SELECT FROM tarot.retention_leaves(relation) l WHERE l = leaf)) LOOP
		leaf := (SELECT min(l) FROM tarot.retention_leaves(relation) l WHERE l > leaf);
		block := 0;
		blocks := pg_relation_size(leaf) / size;
	END LOOP;
	progress_of_batch := progress || jsonb_build_object('leaf', leaf, 'block', block, 'blocks', blocks,
		'last', least(blocks, block + greatest(1, (progress->>'scale')::float8)::bigint), 'limit', least(p.batch, greatest(1, (progress->>'scale')::float8 * 64)::bigint));
	IF leaf IS NULL THEN
		RETURN;
	END IF;

	range := format('ONLY %s t WHERE t.ctid >= ''(%s,0)'' AND t.ctid < ''(%s,0)''', leaf::regclass, block, progress_of_batch->>'last');
	is_old := format('t.%I < %s', p.age_column, progress->>'cutoff') || coalesce(' AND (' || p.condition || ')', '');
	held := tarot.retention_held(leaf);
	referred := tarot.retention_referred(leaf);
	goes := format('%s AND NOT (%s) AND NOT (%s)', is_old, held, referred);
	statement := format($statement$
		WITH found AS MATERIALIZED (
			SELECT t.ctid AS place FROM %1$s AND %3$s LIMIT %4$s %5$s
		), gone AS (
			DELETE FROM ONLY %2$s t WHERE t.ctid = ANY (ARRAY(SELECT f.place FROM found f)) AND %3$s RETURNING t.%6$I AS age
		)
		SELECT jsonb_build_object('found', f.found, 'last', f.last, 'held', (%7$s), 'referred', (%8$s), 'locked', (%9$s) - f.found, 'rows', g.gone, 'oldest', g.oldest, 'newest', g.newest)
			FROM (SELECT count(*) AS found, ((max(place)::text::point)[0])::bigint AS last FROM found) AS f, (SELECT count(*) AS gone, min(age) AS oldest, max(age) AS newest FROM gone) AS g$statement$,
		range, leaf::regclass, goes, progress_of_batch->>'limit', CASE WHEN careful THEN 'FOR UPDATE OF t SKIP LOCKED' END, p.age_column,
		-- What stays is counted where there may be any.
		CASE WHEN held = 'false' THEN 'SELECT 0' ELSE format('SELECT count(*) FROM %s AND %s AND (%s)', range, is_old, held) END,
		CASE WHEN referred = 'false' THEN 'SELECT 0' ELSE format('SELECT count(*) FROM %s AND %s AND NOT (%s) AND (%s)', range, is_old, held, referred) END,
		CASE WHEN careful THEN format('SELECT count(*) FROM %s AND %s', range, goes) ELSE 'f.found' END);
END
$$;

-- A batch is to take 50 ms, so that nobody waits for its locks for much longer than that.
CREATE FUNCTION tarot.finish_retention(job text, progress jsonb, result jsonb, milliseconds double precision,
		OUT next jsonb, OUT rows bigint, OUT skipped bigint, OUT done bigint, OUT total bigint, OUT summary jsonb, OUT again interval) RETURNS record
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	p tarot.retention_policy;
	part text;
	more boolean := (result->>'found')::bigint = (progress->>'limit')::bigint;
	reached bigint := (progress->>'last')::bigint;
BEGIN
	rows := coalesce((result->>'rows')::bigint, 0);
	skipped := 0;
	total := (progress->>'total')::bigint;
	done := (progress->>'done')::bigint;
	IF result IS NULL THEN
		SELECT * INTO p FROM tarot.retention_policy i WHERE i.name = job;
		summary := jsonb_build_object('command', 'RETENTION', 'type', 'table', 'policy', job, 'action', p.action, 'age_column', p.age_column, 'keep', p.keep, 'legal_basis', p.legal_basis,
			'cutoff', regexp_replace(progress->>'cutoff', '^''(.*)''::.*$', '\1'))
			|| (SELECT jsonb_object_agg(k.key, k.value) FROM jsonb_each(progress) AS k WHERE k.key IN ('rows', 'held', 'referred', 'locked', 'oldest', 'newest'));
		again := CASE WHEN (progress->>'locked')::bigint > 0 THEN interval '10 minutes' END;
		done := total;
		RETURN;
	END IF;
	next := progress || jsonb_build_object('rows', (progress->>'rows')::bigint + rows,
		'scale', least(8192, greatest(1 / 64::float8, (progress->>'scale')::float8 * least(2, greatest(0.25, 50 / greatest(milliseconds, 1))))),
		'oldest', least(progress->>'oldest', result->>'oldest'), 'newest', greatest(progress->>'newest', result->>'newest'));
	IF more THEN
		-- There may be others in the last block; unless a trigger keeps them, and it would be the same ones.
		reached := (result->>'last')::bigint + CASE WHEN rows > 0 THEN 0 ELSE 1 END;
	ELSE
		FOREACH part IN ARRAY '{held,referred,locked}'::text[] LOOP
			next := next || jsonb_build_object(part, (progress->>part)::bigint + (result->>part)::bigint);
			skipped := skipped + (result->>part)::bigint;
		END LOOP;
	END IF;
	IF rows = 0 OR NOT more THEN
		-- What a trigger kept.
		skipped := skipped + (result->>'found')::bigint - rows;
	END IF;
	done := done + reached - (progress->>'block')::bigint;
	total := greatest(total, done);
	next := next || jsonb_build_object('block', reached, 'done', done);
END
$$;

-- Its rows by table, and the time zone to ask in.
CREATE FUNCTION tarot.retention_count_statement(policy text, OUT statement text, OUT time_zone text) RETURNS record
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	p tarot.retention_policy;
	cutoff text;
BEGIN
	SELECT * INTO STRICT p FROM tarot.retention_policy i WHERE i.name = policy;
	time_zone := (SELECT j.time_zone FROM tarot.job j WHERE j.name = policy);
	PERFORM tarot.require_retainable(p.relation, p.age_column);
	cutoff := tarot.retention_cutoff(p.relation, p.age_column, p.keep, time_zone, now());
	SELECT 'SELECT coalesce(jsonb_agg(d.document), ''[]'') FROM (' || coalesce(string_agg(format($statement$
			SELECT jsonb_build_object('table', %7$L::oid, 'rows', count(*) FILTER (WHERE o.old AND NOT o.held AND NOT o.referred), 'held', count(*) FILTER (WHERE o.old AND o.held),
				'referred', count(*) FILTER (WHERE o.old AND o.referred AND NOT o.held), 'without_age', count(*) FILTER (WHERE o.age IS NULL),
				'oldest', min(o.age) FILTER (WHERE o.old), 'newest', max(o.age) FILTER (WHERE o.old),
				'bytes', coalesce(sum(o.bytes) FILTER (WHERE o.old AND NOT o.held AND NOT o.referred), 0)) AS document
			FROM (SELECT i.*, i.old AND (%3$s) AS held, i.old AND (%4$s) AS referred, pg_column_size(t.*) AS bytes FROM ONLY %1$s t,
				LATERAL (SELECT t.%5$I AS age, (t.%5$I < %6$s%2$s) IS TRUE AS old) AS i) AS o$statement$,
				l::regclass, coalesce(' AND (' || p.condition || ')', ''), tarot.retention_held(l), tarot.retention_referred(l), p.age_column, cutoff, l), ' UNION ALL ' ORDER BY l), 'SELECT WHERE false') || ') AS d (document)'
		INTO statement FROM tarot.retention_leaves(p.relation) AS l;
END
$$;

-- ------------------------------------------------------------ changes, which C asks the table's owner for

CREATE FUNCTION tarot.apply_retention(rel oid, policy text, change text, condition text, settings jsonb, role name) RETURNS text
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	p tarot.retention_policy;
	j tarot.job;
BEGIN
	IF change = 'hold' THEN
		IF EXISTS (SELECT FROM tarot.legal_hold h WHERE h.relation = rel AND h.name = policy) THEN
			RAISE EXCEPTION 'a hold "%" on table "%" already exists', policy, tarot.relation_name(rel) USING ERRCODE = 'duplicate_object';
		END IF;
		INSERT INTO tarot.legal_hold (relation, name, condition, reason, held_by) VALUES (rel, policy, apply_retention.condition, settings->>'reason', role);
		RETURN NULL;
	ELSIF change = 'release' THEN
		DELETE FROM tarot.legal_hold h WHERE h.relation = rel AND h.name = policy;
		IF NOT FOUND THEN
			RAISE EXCEPTION 'there is no hold "%" on table "%"', policy, tarot.relation_name(rel) USING ERRCODE = 'undefined_object';
		END IF;
		RETURN NULL;
	ELSIF change = 'remove' THEN
		DELETE FROM tarot.retention_policy i WHERE i.name = policy;
		PERFORM tarot.remove_job(policy);
		RETURN NULL;
	END IF;

	-- A condition comes as an argument alone, parsed.
	settings := jsonb_strip_nulls(settings) - 'condition';
	IF change = 'alter' THEN
		SELECT * INTO STRICT p FROM tarot.retention_policy i WHERE i.name = policy;
		SELECT * INTO STRICT j FROM tarot.job i WHERE i.name = policy;
		settings := jsonb_strip_nulls(to_jsonb(j) || to_jsonb(p)) || settings;
	ELSIF EXISTS (SELECT FROM tarot.job i WHERE i.name = policy) THEN
		RAISE EXCEPTION 'a job called "%" already exists', policy USING ERRCODE = 'duplicate_object', HINT = 'Give the policy another name.';
	END IF;
	p := jsonb_populate_record(NULL::tarot.retention_policy, settings - 'relation');
	PERFORM tarot.require_retainable(rel, p.age_column);
	IF (p.keep >= '0') IS NOT TRUE THEN
		RAISE EXCEPTION 'rows cannot be kept for less than no time' USING ERRCODE = 'invalid_parameter_value';
	ELSIF (p.batch BETWEEN 1 AND 1000000) IS NOT TRUE THEN
		RAISE EXCEPTION 'a batch must have from 1 to 1000000 rows' USING ERRCODE = 'invalid_parameter_value';
	ELSIF p.action IS DISTINCT FROM 'delete' THEN
		RAISE EXCEPTION 'action "%" is not known', p.action USING ERRCODE = 'invalid_parameter_value', HINT = 'It can be delete.';
	END IF;
	PERFORM tarot.put_job(policy, 'retention', rel, '{}', (settings->>'every')::interval, (settings->>'window_start')::time, (settings->>'window_end')::time,
		(SELECT array_agg(d::smallint) FROM jsonb_array_elements_text(settings->'window_days') AS d), settings->>'time_zone');
	INSERT INTO tarot.retention_policy AS i (name, relation, age_column, keep, action, condition, batch, legal_basis, created_by)
		VALUES (policy, rel, p.age_column, p.keep, p.action, coalesce(apply_retention.condition, p.condition), p.batch, p.legal_basis, role)
		ON CONFLICT ON CONSTRAINT retention_policy_pkey DO UPDATE SET age_column = excluded.age_column, keep = excluded.keep, condition = excluded.condition, batch = excluded.batch,
			legal_basis = excluded.legal_basis;
	RETURN policy;
END
$$;

CREATE FUNCTION tarot.change_retention(rel oid, policy text, change text, condition text, settings jsonb) RETURNS text
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_retention_change_retention';

CREATE FUNCTION tarot.count_retention(policy text) RETURNS jsonb
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_retention_count_retention';

-- ------------------------------------------------------------ for everybody: these ask for the owner of the table

CREATE FUNCTION tarot.add_retention(rel regclass, age_column name, keep interval, action text DEFAULT 'delete', "where" text DEFAULT NULL, batch integer DEFAULT 10000,
		every interval DEFAULT '1 day', window_start time DEFAULT NULL, window_end time DEFAULT NULL, window_days integer[] DEFAULT NULL, time_zone text DEFAULT 'UTC',
		legal_basis text DEFAULT NULL, policy text DEFAULT NULL) RETURNS text
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF rel IS NULL OR age_column IS NULL OR keep IS NULL THEN
		RAISE EXCEPTION 'rel, age_column and keep must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	RETURN tarot.change_retention(rel::oid, coalesce(policy, concat_ws('.', tarot.relation_name(rel), age_column)), 'add', "where",
		jsonb_build_object('age_column', age_column, 'keep', keep, 'action', action, 'batch', batch, 'every', every, 'window_start', window_start, 'window_end', window_end,
			'window_days', window_days, 'time_zone', time_zone, 'legal_basis', legal_basis));
END
$$;
COMMENT ON FUNCTION tarot.add_retention(regclass, name, interval, text, text, integer, interval, time, time, integer[], text, text, text) IS
	'Lets rows of a table, its partitions and children be deleted when they are older than keep, by age_column (timestamptz, timestamp or date; NULL is never old). where is a condition on its columns, which a row must meet, too; what is not in pg_catalog it names with its schema. It is done by the background worker, or by tarot.run_due_jobs(), for the first time at once and then every so often, in the window from window_start to window_end on the days window_days (1, Monday, to 7, Sunday), all in the time zone; what has no time zone of its own is in that, too. Rows are deleted with the rights of the table''s owner, triggers and foreign keys included, up to so many in a batch (1 to 1000000), which is a transaction and takes about 50 ms. Rows that somebody has locked are left for a run ten minutes later, those that other rows refer to until these are gone, and those of tarot.hold() until that is lifted. Of each run the audit log has an entry. A table may have several policies. Returns the name of the policy: policy, or by default schema.table.column. For the owner of the table to whom EXECUTE is granted: its triggers, and functions in where, are run by the worker that serves the whole database. Raises 42501 for others, 42809 for what is not a table, 42703 and 42804 for a column that does not exist or is no time, 42710 for a name that is taken, 22023 for bad settings, and what is wrong with the condition.';

CREATE FUNCTION tarot.alter_retention(policy text, age_column name DEFAULT NULL, keep interval DEFAULT NULL, "where" text DEFAULT NULL, batch integer DEFAULT NULL, every interval DEFAULT NULL,
		window_start time DEFAULT NULL, window_end time DEFAULT NULL, window_days integer[] DEFAULT NULL, time_zone text DEFAULT NULL, legal_basis text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF policy IS NULL THEN
		RAISE EXCEPTION 'policy must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	PERFORM tarot.change_retention(NULL, policy, 'alter', "where",
		jsonb_build_object('age_column', age_column, 'keep', keep, 'batch', batch, 'every', every, 'window_start', window_start, 'window_end', window_end,
			'window_days', window_days, 'time_zone', time_zone, 'legal_basis', legal_basis));
END
$$;
COMMENT ON FUNCTION tarot.alter_retention(text, name, interval, text, integer, interval, time, time, integer[], text, text) IS
	'Changes a policy of tarot.add_retention(); what is NULL stays. It runs at once, if that is in its window. For the owner of the table to whom EXECUTE on tarot.add_retention() is granted. Raises 42704 for a policy that does not exist, and what tarot.add_retention() does.';

CREATE FUNCTION tarot.remove_retention(policy text) RETURNS void
	LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT tarot.change_retention(NULL, policy, 'remove', NULL, NULL) $$;
COMMENT ON FUNCTION tarot.remove_retention(text) IS
	'Ends a policy of tarot.add_retention(). What tarot.job_run and the audit log have of it stays. For the owner of the table. Raises 42704 for a policy that does not exist.';

CREATE FUNCTION tarot.preview_retention(policy text) RETURNS TABLE ("table" regclass, rows bigint, bytes bigint, held bigint, referred bigint, without_age bigint, oldest text, newest text)
	LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT d."table"::regclass, d.rows, d.bytes, d.held, d.referred, d.without_age, d.oldest, d.newest
			FROM jsonb_to_recordset(tarot.count_retention(policy)) AS d ("table" oid, rows bigint, bytes bigint, held bigint, referred bigint, without_age bigint, oldest text, newest text)
	$$;
COMMENT ON FUNCTION tarot.preview_retention(text) IS
	'What a policy would do now, and does not: a row for the table, or for each of its partitions and children, with the number and size in bytes of the rows that would go, how many old ones would stay since they are on hold or other rows refer to them, how many rows have no age and so never get old, and the ages of the oldest and newest old row. Reads all rows. For the owner of the table. Raises 42704 for a policy that does not exist.';

CREATE FUNCTION tarot.hold(rel regclass, hold text, reason text, "where" text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF rel IS NULL OR hold IS NULL OR reason IS NULL THEN
		RAISE EXCEPTION 'rel, hold and reason must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	PERFORM tarot.change_retention(rel::oid, hold, 'hold', "where", jsonb_build_object('reason', reason));
END
$$;
COMMENT ON FUNCTION tarot.hold(regclass, text, text, text) IS
	'Keeps rows of a table from its retention policies, and from those of tables above it, until tarot.release(): those that meet the condition where, or all. From the next batch on. For the owner of the table to whom EXECUTE on tarot.add_retention() is granted. Raises 42501 for others, 42710 for a name that is taken, and what is wrong with the condition.';

CREATE FUNCTION tarot.release(rel regclass, hold text) RETURNS void
	LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT tarot.change_retention(rel::oid, hold, 'release', NULL, NULL) $$;
COMMENT ON FUNCTION tarot.release(regclass, text) IS 'Lifts a hold that tarot.hold() has set. For the owner of the table. Raises 42501 for others, 42704 for a hold that does not exist.';

CREATE VIEW tarot.retention_status AS
	SELECT p.name AS policy, p.relation::regclass AS "table", p.age_column, p.keep, p.action, p.condition AS "where", p.batch, p.legal_basis, p.created_by, p.created_at,
		j.state, j.next_run, r.ended_at AS last_run, r.rows AS last_rows, r.skipped AS last_skipped
	FROM tarot.retention_policy p LEFT JOIN tarot.job_status j ON j.job = p.name
		LEFT JOIN LATERAL (SELECT i.ended_at, i.rows, i.skipped FROM tarot.job_run i WHERE i.job = p.name AND i.outcome = 'finished' ORDER BY i.number DESC LIMIT 1) AS r ON true;
COMMENT ON VIEW tarot.retention_status IS 'The retention policies of this database, and what their last runs did.';
COMMENT ON COLUMN tarot.retention_status.policy IS 'The policy: the job of the same name does it.';
COMMENT ON COLUMN tarot.retention_status."table" IS 'The table.';
COMMENT ON COLUMN tarot.retention_status.age_column IS 'The column that tells how old a row is.';
COMMENT ON COLUMN tarot.retention_status.keep IS 'How old a row gets.';
COMMENT ON COLUMN tarot.retention_status.action IS 'What is done then: delete.';
COMMENT ON COLUMN tarot.retention_status."where" IS 'The condition that a row must meet, too. The row is called t.';
COMMENT ON COLUMN tarot.retention_status.batch IS 'How many rows a transaction deletes at most.';
COMMENT ON COLUMN tarot.retention_status.legal_basis IS 'What the policy rests on.';
COMMENT ON COLUMN tarot.retention_status.created_by IS 'The role that added it.';
COMMENT ON COLUMN tarot.retention_status.created_at IS 'When.';
COMMENT ON COLUMN tarot.retention_status.state IS 'Of the job: tarot.job_status.';
COMMENT ON COLUMN tarot.retention_status.next_run IS 'When it runs next.';
COMMENT ON COLUMN tarot.retention_status.last_run IS 'When the last run ended that was finished.';
COMMENT ON COLUMN tarot.retention_status.last_rows IS 'How many rows it deleted.';
COMMENT ON COLUMN tarot.retention_status.last_skipped IS 'How many old rows it left.';

-- ------------------------------------------------------------ tables that are dropped

CREATE FUNCTION tarot.follow_retention_drop() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM tarot.retention_policy p USING pg_event_trigger_dropped_objects() d WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND p.relation::oid = d.objid;
	DELETE FROM tarot.legal_hold h USING pg_event_trigger_dropped_objects() d WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0 AND h.relation::oid = d.objid;
END
$$;
COMMENT ON FUNCTION tarot.follow_retention_drop() IS 'Event trigger: the retention policies and holds of a table go with it.';
CREATE EVENT TRIGGER tarot_security_follow_retention_drop ON sql_drop
	-- That of a type drops the tables that are of it.
	WHEN TAG IN ('DROP TABLE', 'DROP SCHEMA', 'DROP OWNED', 'DROP EXTENSION', 'DROP TYPE')
	EXECUTE FUNCTION tarot.follow_retention_drop();
ALTER EVENT TRIGGER tarot_security_follow_retention_drop ENABLE ALWAYS;

-- For the function below.
CREATE FUNCTION tarot.rename_age_column(renamed oid, old name, new name) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	UPDATE tarot.retention_policy p SET age_column = new WHERE p.relation::oid = renamed AND p.age_column = old;
END
$$;

CREATE FUNCTION tarot.follow_retention_rename() RETURNS event_trigger
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_retention_follow_rename';
COMMENT ON FUNCTION tarot.follow_retention_rename() IS 'Event trigger: when a column is renamed, the retention policies that go by it go by its new name.';
CREATE EVENT TRIGGER tarot_security_follow_retention_rename ON ddl_command_end
	-- By each of these can a column of a table be renamed.
	WHEN TAG IN ('ALTER TABLE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER FOREIGN TABLE', 'ALTER TYPE')
	EXECUTE FUNCTION tarot.follow_retention_rename();
ALTER EVENT TRIGGER tarot_security_follow_retention_rename ENABLE ALWAYS;

REVOKE ALL ON FUNCTION tarot.rename_age_column(oid, name, name), tarot.follow_retention_rename(), tarot.retention_leaves(oid), tarot.require_retainable(oid, name), tarot.retention_cutoff(oid, name, interval, text, timestamptz), tarot.retention_held(oid), tarot.retention_referred(oid),
	tarot.plan_retention(text, oid, jsonb, text, jsonb, boolean), tarot.finish_retention(text, jsonb, jsonb, double precision), tarot.retention_count_statement(text),
	tarot.apply_retention(oid, text, text, text, jsonb, name), tarot.follow_retention_drop() FROM PUBLIC;
REVOKE ALL ON FUNCTION tarot.add_retention(regclass, name, interval, text, text, integer, interval, time, time, integer[], text, text, text) FROM PUBLIC;
GRANT SELECT ON tarot.retention_status TO pg_monitor;

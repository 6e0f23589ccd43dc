-- retention: the rows that a policy is about, and a batch of them
--
-- A batch goes over a range of blocks of one table or partition, which needs neither an index nor a primary key, costs the same wherever
-- old rows lie, and never reads twice what it has read.

-- The tables that have the rows.
CREATE FUNCTION tarot.retention_leaves(relation oid) RETURNS SETOF oid
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT t.member FROM tarot.relation_tree(relation, '{r}') AS t ORDER BY t.member
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
	IF arguments ? 'timeouts' THEN
		progress := progress || jsonb_build_object('scale', greatest(1 / 64::float8, (progress->>'scale')::float8 / power(8, least((arguments->>'timeouts')::integer, 6))));
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

REVOKE ALL ON FUNCTION tarot.retention_leaves(oid), tarot.require_retainable(oid, name), tarot.retention_cutoff(oid, name, interval, text, timestamptz), tarot.retention_referred(oid),
	tarot.plan_retention(text, oid, jsonb, text, jsonb, boolean), tarot.finish_retention(text, jsonb, jsonb, double precision), tarot.retention_count_statement(text) FROM PUBLIC;

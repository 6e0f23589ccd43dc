-- retention: the rows that a policy is about, and a batch of them
--
-- A batch goes over a range of blocks of one table or partition, which needs neither an index nor a primary key, costs the same wherever
-- old rows lie, and never reads twice what it has read.

-- The tables that have the rows.
CREATE FUNCTION tarot.retention_leaves(relation oid) RETURNS SETOF oid
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT t.member FROM tarot.relation_tree(relation, '{r}') AS t ORDER BY t.member;
END
$$;

-- Raises where a policy cannot be for the table as it is now.
CREATE FUNCTION tarot.require_retainable(relation oid, age_column name) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	c CONSTANT pg_class := tarot.require_relation(relation, 'rel');
	type regtype;
BEGIN
	IF c.relkind NOT IN ('r', 'p') THEN
		RAISE EXCEPTION '"%" is not a table', tarot.relation_name(relation) USING ERRCODE = 'wrong_object_type',
			HINT = CASE c.relkind WHEN 'v' THEN 'Name the table that has the rows.' WHEN 'f' THEN 'Do it where the table lies.' ELSE '' END;
	ELSIF c.relnamespace = 'tarot'::regnamespace OR c.relnamespace = 'pg_catalog'::regnamespace THEN
		RAISE EXCEPTION 'rows of "%" are not to be removed by a policy', tarot.relation_name(relation) USING ERRCODE = 'wrong_object_type';
	ELSIF c.relpersistence = 't' THEN
		RAISE EXCEPTION '"%" is a temporary table', tarot.relation_name(relation) USING ERRCODE = 'wrong_object_type';
	END IF;
	SELECT a.atttypid INTO type
		FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attname = age_column AND a.attnum > 0 AND NOT a.attisdropped;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'column "%" of table "%" does not exist', age_column, tarot.relation_name(relation)
			USING ERRCODE = 'undefined_column';
	ELSIF type NOT IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype) THEN
		RAISE EXCEPTION 'column "%" of table "%" does not tell how old a row is', age_column, tarot.relation_name(relation)
			USING ERRCODE = 'datatype_mismatch',
				DETAIL = format('It is of type %s.', type),
				HINT = 'The types that do are timestamptz, timestamp and date.';
	END IF;
END
$$;

-- Raises where a rule takes the place of what a policy does, or does something besides: what that was could not be told.
CREATE FUNCTION tarot.require_no_rules(relation oid, action text, archive oid) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	rule record;
BEGIN
	SELECT v.ev_class, v.rulename INTO rule
		FROM pg_rewrite v
		WHERE v.ev_enabled IN ('O', 'A')
			AND (v.ev_type = CASE action WHEN 'anonymize' THEN '2' ELSE '4' END
					AND v.ev_class IN (SELECT t.member FROM tarot.relation_tree(relation, '{r}') t)
				OR v.ev_type = '3' AND v.ev_class = archive)
		ORDER BY v.ev_class, v.rulename LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'rule "%" of table "%" does something else than a policy would', rule.rulename, tarot.relation_name(rule.ev_class)
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Use a trigger instead, or ALTER TABLE ... DISABLE RULE.';
	END IF;
END
$$;

-- Raises for a time that rows cannot be kept for. Months are as long as they are, and what is no less than nothing by the server's
-- comparison may yet lie ahead: with a cutoff in the future young rows would be taken for old.
CREATE FUNCTION tarot.require_keep(keep interval, time_zone text, now timestamptz) RETURNS void
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET TimeZone = 'UTC'
	SET IntervalStyle = 'postgres'
	AS $$
BEGIN
	PERFORM set_config('TimeZone', time_zone, true);
	IF NOT isfinite(keep) OR NOT isfinite(now - keep) THEN
		RAISE EXCEPTION 'rows cannot be kept for ever by a policy' USING ERRCODE = 'object_not_in_prerequisite_state';
	ELSIF now - keep > now OR now::timestamp - keep > now::timestamp THEN
		RAISE EXCEPTION 'rows cannot be kept for less than no time'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('Now minus %s is in the future.', keep);
	END IF;
EXCEPTION WHEN datetime_field_overflow OR interval_field_overflow THEN
	RAISE EXCEPTION 'rows cannot be kept for %', keep
		USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = 'There is no time that long ago.';
END
$$;

-- Rows are old that are older than this: a literal of the column's type. What has no time zone is in the job's, and no row of it goes too
-- soon because clocks were changed since: of so many hours by the clock and so many that have passed the more count.
CREATE FUNCTION tarot.retention_cutoff(relation oid, age_column name, keep interval, time_zone text, now timestamptz) RETURNS text
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET TimeZone = 'UTC'
	SET DateStyle = 'ISO, YMD'
	AS $$
BEGIN
	PERFORM tarot.require_keep(keep, time_zone, now);
	PERFORM set_config('TimeZone', time_zone, true);
	RETURN (SELECT CASE a.atttypid
				WHEN 'timestamptz'::regtype THEN format('%L::timestamptz', now - keep)
				WHEN 'timestamp'::regtype THEN format('%L::timestamp', least(now::timestamp - keep, (now - keep)::timestamp))
				ELSE format('%L::date', least(now::timestamp - keep, (now - keep)::timestamp)::date)
			END
		FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attname = age_column AND a.attnum > 0 AND NOT a.attisdropped);
END
$$;

-- The foreign keys that rows of a table are referred to by: how a row c that refers is compared with the row t.
CREATE FUNCTION tarot.retention_references(leaf oid) RETURNS TABLE ("constraint" oid, referring oid, action "char", comparison text)
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT n.oid, n.conrelid, n.confdeltype,
				string_agg(format('c.%I OPERATOR(%I.%s) t.%I', a.attname, opn.nspname, o.oprname, b.attname), ' AND ' ORDER BY k.ord)
			FROM pg_constraint n
				CROSS JOIN LATERAL unnest(n.conkey, n.confkey, n.conpfeqop) WITH ORDINALITY k (number, foreign_number, operator, ord)
				JOIN pg_attribute a ON a.attrelid = n.conrelid AND a.attnum = k.number
				JOIN pg_attribute b ON b.attrelid = n.confrelid AND b.attnum = k.foreign_number
				JOIN pg_operator p ON p.oid = k.operator
				-- The constraint's operator has the referenced column on the left.
				JOIN pg_operator o ON o.oid = p.oprcom
				JOIN pg_namespace opn ON opn.oid = o.oprnamespace
			WHERE n.contype = 'f' AND n.confrelid = leaf
				-- Of those of partitions the one of the partitioned table is asked.
				AND NOT EXISTS (SELECT FROM pg_constraint u WHERE u.oid = n.conparentid AND u.confrelid = n.confrelid)
			GROUP BY n.oid, n.conrelid, n.confdeltype;
END
$$;

-- Whether rows of other tables refer to a row t, and would keep it from being deleted: it stays until they are gone; or by every foreign
-- key, whatever it wants done then.
-- Row-wise, so that an index of these is used.
CREATE FUNCTION tarot.retention_referred(leaf oid, every boolean DEFAULT false) RETURNS text
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	foreign_cast oid := (SELECT r.referring
		FROM tarot.retention_references(leaf) AS r
		WHERE (every OR r.action IN ('a', 'r')) AND tarot.has_foreign_cast(r."constraint")
		ORDER BY r.referring::regclass::text COLLATE "C" LIMIT 1);
BEGIN
	IF foreign_cast IS NOT NULL THEN
		RAISE EXCEPTION 'a foreign key of table "%" to table "%" goes by a cast that is not the server''s',
				tarot.relation_name(foreign_cast), tarot.relation_name(leaf)
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Give the referring column the type of the referenced one.';
	END IF;
	-- That a row refers to itself does not keep it.
	RETURN (SELECT coalesce(
				string_agg(
					format('EXISTS (SELECT FROM %s c WHERE %s%s)', r.referring::regclass, r.comparison,
						CASE WHEN NOT every AND EXISTS (SELECT FROM tarot.relation_tree(r.referring) AS m WHERE m.member = leaf)
							THEN ' AND NOT (c.tableoid = t.tableoid AND c.ctid = t.ctid)'
						END),
					' OR ' ORDER BY r."constraint"),
				'false')
		FROM tarot.retention_references(leaf) AS r
		WHERE every OR r.action IN ('a', 'r'));
END
$$;

-- Whether a run that has gone through the table does so once more: what referred to rows that stayed may have gone with it. So children
-- go before their parents, sixteen generations a run. Where others refer to them, it is for these to go first.
CREATE FUNCTION tarot.retention_passes_again(relation oid, progress jsonb) RETURNS boolean
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF (progress->>'referred')::bigint = 0
		OR (progress->>'rows')::bigint = coalesce((progress->>'before')::bigint, 0)
		OR (progress->>'pass')::integer = 16
	THEN
		RETURN false;
	END IF;
	RETURN EXISTS (SELECT FROM tarot.retention_leaves(relation) AS l,
			LATERAL tarot.retention_references(l) AS r,
			LATERAL tarot.relation_tree(r.referring) AS m
		WHERE r.action IN ('a', 'r')
			AND (m.member IN (SELECT tarot.retention_leaves(relation))
				OR m.member IN (
					WITH RECURSIVE changed (oid, goes) AS (
						SELECT n.conrelid, n.confdeltype = 'c'
							FROM tarot.retention_leaves(relation) AS d
								JOIN pg_constraint n ON n.contype = 'f' AND n.confrelid = d AND n.confdeltype IN ('c', 'n', 'd')
						UNION SELECT n.conrelid, n.confdeltype = 'c'
							FROM changed c
								JOIN pg_constraint n ON n.contype = 'f' AND n.confrelid = c.oid AND n.confdeltype IN ('c', 'n', 'd')
							WHERE c.goes
					)
					SELECT t.member FROM changed c, LATERAL tarot.relation_tree(c.oid) AS t)));
END
$$;

-- What a batch does to the first rows of a range, so many, that are old, and neither on hold nor referred to. Each row is looked at once,
-- and again where somebody has changed it since. Where a row on hold may go with it, the statement "before" locks what is to be deleted;
-- then "locks" lock what goes with that, and what nobody can refer to or change any more is looked at anew. Of rows that somebody has
-- locked, "locked" says which of those that go with others; where it is NULL, they are waited for.
CREATE FUNCTION tarot.retention_statement(policy text, leaf oid, range text, edge text, is_old text, held text, referred text,
		change text, locks text, size bigint, locked text, OUT statement text, OUT before text) RETURNS record
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	all_go CONSTANT boolean := held = 'false' AND referred = 'false';
	looks CONSTANT text := format('looked AS MATERIALIZED (SELECT t.ctid AS place, (%s) AS held, (%s) AS referred FROM ', held, referred);
	-- The next batch goes on behind the last row that this one takes.
	looked_at CONSTANT text := CASE WHEN edge IS NULL
		THEN format(' AND l.place <= coalesce((SELECT max(c.place) FROM chosen c HAVING count(*) = %s), ''(4294967295,65535)'')', size)
		ELSE '' END;
	-- The row at a place is the one that was looked at, unless it was changed: then it has another place.
	unchanged CONSTANT text := CASE WHEN all_go THEN ''
		ELSE format(' AND CASE WHEN t.ctid = ANY (SELECT m.place FROM chosen m) THEN true ELSE NOT (%s) AND NOT (%s) END', held, referred)
		END;
	p CONSTANT tarot.retention_policy := (SELECT i FROM tarot.retention_policy i WHERE i.name = policy);
	lock CONSTANT text := CASE WHEN p.action = 'anonymize' AND NOT tarot.anonymizes_keys(p, leaf) THEN 'NO KEY UPDATE' ELSE 'UPDATE' END;
	-- What the first row takes for all, as those on hold are listed then: nothing is locked yet, and fewer rows would not take less.
	ready CONSTANT text := 'ready AS MATERIALIZED (SELECT sum(1000 * extract(epoch FROM clock_timestamp() - b.time)) AS took '
		'FROM (SELECT clock_timestamp() AS time OFFSET 0) AS b, LATERAL (SELECT b.time FROM looked l LIMIT 1) AS l)';
	n_chosen CONSTANT text := '(SELECT count(*) AS chosen, max(c.place)::text AS place FROM chosen c) AS c';
	n_found CONSTANT text := '(SELECT count(*) AS found FROM found) AS f';
	steps text[] := ARRAY[edge];
	told text;
	gone text;
BEGIN
	IF all_go THEN
		-- Without the order an index might choose the first ones, and those between would be passed by.
		steps := steps || format('chosen AS MATERIALIZED (SELECT t.ctid AS place FROM %s AND %s%s LIMIT %s)',
			range, is_old, CASE WHEN edge IS NULL THEN ' ORDER BY t.ctid' END, size);
	ELSE
		steps := steps || concat(looks, range, ' AND ', is_old, ')') || ready
			|| format('chosen AS MATERIALIZED (SELECT l.place FROM looked l '
				'WHERE NOT l.held AND NOT l.referred AND (SELECT count(*) FROM ready) > 0 ORDER BY l.place LIMIT %s)', size);
	END IF;
	IF locked <> 'false' THEN
		steps := steps || format('free AS MATERIALIZED (SELECT t.ctid AS place FROM ONLY %s t '
			'WHERE t.ctid = ANY (ARRAY(SELECT c.place FROM chosen c)) AND NOT (%s))', leaf::regclass, locked);
	END IF;
	IF locked IS NOT NULL OR locks IS NOT NULL THEN
		steps := steps || format('found AS MATERIALIZED (SELECT t.ctid AS place FROM ONLY %s t '
			'WHERE t.ctid = ANY (ARRAY(SELECT c.place FROM %s c)) AND %s%s FOR %s OF t%s)',
			leaf::regclass, CASE WHEN locked <> 'false' THEN 'free' ELSE 'chosen' END, is_old, unchanged, lock,
			CASE WHEN locked IS NOT NULL THEN ' SKIP LOCKED' END);
	ELSE
		steps := steps || 'found AS (SELECT c.place FROM chosen c)'::text;
	END IF;
	-- What stays is counted where there may be any.
	told := format($told$jsonb_build_object('more', c.chosen = %s, 'place', c.place, 'held', %s, 'referred', %s,
			'locked', c.chosen - f.found%s%s)$told$,
		size,
		CASE WHEN held = 'false' THEN '0'
			ELSE format('(SELECT count(*) FROM looked l WHERE l.held%s)', looked_at) END,
		CASE WHEN referred = 'false' THEN '0'
			ELSE format('(SELECT count(*) FROM looked l WHERE NOT l.held AND l.referred%s)', looked_at) END,
		CASE WHEN NOT all_go THEN ', ''ready'', (SELECT coalesce(r.took, 0) FROM ready r)' END,
		CASE WHEN edge IS NOT NULL THEN ', ''edge'', (SELECT e.age FROM edge e)' END);
	IF locks IS NOT NULL THEN
		before := format('WITH %s SELECT %s || jsonb_build_object(''places'', '
			'(SELECT coalesce(jsonb_agg(f.place), ''[]'') FROM found f)) FROM %s, %s',
			array_to_string(steps, ', '), told, n_chosen, n_found);
	END IF;
	change := format('%s WHERE t.ctid = ANY (ARRAY(SELECT f.place FROM found f))%s',
		change, CASE WHEN locks IS NULL THEN format(' AND %s%s', is_old, unchanged) END);
	gone := CASE p.action
		WHEN 'archive' THEN tarot.archive_step(leaf, p.archive_to, change, p.age_column)
		ELSE format('gone AS (%s RETURNING t.%I AS age%s)', change, p.age_column,
			CASE WHEN p.action = 'anonymize' THEN format(', %s AS done', tarot.retention_marked(leaf, p.marker)) END)
		END;
	IF locks IS NOT NULL THEN
		steps := ARRAY[
			concat(looks,
				format('ONLY %s t WHERE t.ctid = ANY (ARRAY(SELECT p.place::tid '
					'FROM jsonb_array_elements_text($2->''places'') AS p (place))))', leaf::regclass)),
			ready,
			'found AS MATERIALIZED (SELECT l.place FROM looked l '
				'WHERE NOT l.held AND NOT l.referred AND (SELECT count(*) FROM ready) > 0)'];
		told := '$2 - ''places'' || jsonb_build_object('
			'''held'', ($2->''held'')::bigint + (SELECT count(*) FROM looked l WHERE l.held), '
			'''referred'', ($2->''referred'')::bigint + (SELECT count(*) FROM looked l WHERE NOT l.held AND l.referred), '
			'''ready'', ($2->''ready'')::float8 + (SELECT coalesce(r.took, 0) FROM ready r))';
	END IF;
	statement := concat(locks, format('WITH %s SELECT %s || jsonb_build_object(''found'', f.found, ''rows'', g.gone, '
		'''oldest'', g.oldest, ''newest'', g.newest%s) '
		'FROM %s, (SELECT count(*) AS gone, min(age) AS oldest, max(age) AS newest FROM gone%s) AS g',
		array_to_string(steps || gone, ', '), told,
		CASE p.action WHEN 'archive' THEN ', ''put'', (SELECT count(*) FROM put)' END,
		concat_ws(', ', CASE WHEN locks IS NULL THEN n_chosen END, n_found),
		-- A trigger may have taken the mark away again.
		CASE WHEN p.action = 'anonymize' THEN ' WHERE done' END));
END
$$;

-- The next batch: the first old rows of a range of blocks. What somebody has locked is left alone where "careful" says that it was met: to
-- lock each row before it is deleted takes as long as that.
CREATE FUNCTION tarot.plan_retention(job text, relation oid, arguments jsonb, time_zone text, progress jsonb, careful boolean,
		OUT statement text, OUT progress_of_batch jsonb, OUT list text[], OUT before text) RETURNS record
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	p tarot.retention_policy;
	keep interval;
	owner CONSTANT oid := (SELECT c.relowner FROM pg_class c WHERE c.oid = relation);
	leaf oid := (progress->>'leaf')::oid;
	block bigint := (progress->>'block')::bigint;
	blocks bigint := (progress->>'blocks')::bigint;
	size bigint := current_setting('block_size')::bigint;
	edge text;
	range text;
	is_old text;
	held text;
	along text;
	locks text;
	change text;
	unwritable name;
BEGIN
	SELECT * INTO p FROM tarot.retention_policy i WHERE i.name = job;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'retention policy "%" does not exist', job USING ERRCODE = 'undefined_object';
	END IF;
	list := tarot.subjects_on_hold();
	PERFORM tarot.require_retainable(relation, p.age_column);
	IF p.action = 'anonymize' AND progress IS NULL THEN
		PERFORM tarot.require_anonymizable(p);
	ELSIF p.action = 'anonymize' THEN
		PERFORM tarot.require_marker(p);
	END IF;
	keep := tarot.required_keep(p);
	IF p.action = 'drop_partition' THEN
		SELECT * INTO statement, progress_of_batch
			FROM tarot.plan_partition(relation, p.age_column,
				tarot.retention_cutoff(relation, p.age_column, keep, time_zone, now()), progress);
		RETURN;
	ELSIF p.action = 'archive' THEN
		PERFORM tarot.require_archive(relation, p.archive_to, job);
	END IF;
	PERFORM tarot.require_no_rules(relation, p.action, p.archive_to);
	IF progress IS NULL THEN
		progress := jsonb_build_object('scale', 16, 'done', 0, 'rows', 0, 'held', 0, 'referred', 0, 'locked', 0,
			'total', (SELECT coalesce(sum(pg_relation_size(l) / size), 0) FROM tarot.retention_leaves(relation) l),
			'cutoff', tarot.retention_cutoff(relation, p.age_column, keep, time_zone, now()));
		leaf := 0;
		block := 0;
		blocks := 0;
	END IF;
	IF arguments ? 'timeouts' THEN
		progress := progress || jsonb_build_object(
			'scale', greatest(1 / 64::float8, (progress->>'scale')::float8 / power(8, least((arguments->>'timeouts')::integer, 6))));
	END IF;
	LOOP
		-- A partition that was dropped meanwhile is done with, too.
		WHILE leaf IS NOT NULL AND (block >= blocks OR NOT EXISTS (SELECT FROM tarot.retention_leaves(relation) l WHERE l = leaf)) LOOP
			leaf := (SELECT min(l) FROM tarot.retention_leaves(relation) l WHERE l > leaf);
			block := 0;
			blocks := pg_relation_size(leaf) / size;
			progress := progress || jsonb_build_object(
				'by_age', tarot.goes_by_age(leaf, p.age_column, progress->>'cutoff'), 'after', NULL, 'from', NULL);
		END LOOP;
		EXIT WHEN leaf IS NOT NULL OR NOT tarot.retention_passes_again(relation, progress);
		progress := progress || jsonb_build_object('pass', coalesce((progress->>'pass')::integer, 1) + 1, 'before', progress->'rows',
			'held', 0, 'referred', 0, 'locked', 0, 'skipped', 0, 'recount', progress->'skipped',
			'total', (progress->>'done')::bigint
				+ (SELECT coalesce(sum(pg_relation_size(l) / size), 0) FROM tarot.retention_leaves(relation) l));
		leaf := 0;
		block := 0;
		blocks := 0;
	END LOOP;
	progress_of_batch := progress || jsonb_build_object('leaf', leaf, 'block', block, 'blocks', blocks,
		'last', least(blocks, block + greatest(1, (progress->>'scale')::float8)::bigint),
		'limit', least(p.batch, greatest(1, (progress->>'scale')::float8 * 64)::bigint));
	IF leaf IS NULL THEN
		RETURN;
	END IF;
	-- The table may have come, or got its classes, since the run began; whoever may write there would learn what masks with a key make of
	-- values.
	IF p.action = 'anonymize' AND NOT tarot.is_masked(leaf) THEN
		SELECT c."column" INTO unwritable
			FROM tarot.anonymized_columns(p, leaf) c
				JOIN pg_attribute a ON a.attrelid = leaf AND a.attnum = c.number
				JOIN pg_class r ON r.oid = leaf
			WHERE c.treatment = 'masked' AND tarot.plain_type(a.atttypid) IS NULL AND tarot.has_secret_mask(c.class)
				AND NOT tarot.role_writes_class(r.relowner, c.class)
			ORDER BY c.number LIMIT 1;
		IF FOUND THEN
			RAISE EXCEPTION 'column "%" of table "%" cannot be anonymized by a policy any more', unwritable, tarot.relation_name(leaf)
				USING ERRCODE = 'object_not_in_prerequisite_state',
					DETAIL = 'The owner of the table may write values there, and not the data class, '
						'and would learn what its mask makes of them.',
					HINT = 'Use tarot.mask_table() for it, or name the column in keep_columns or clear.';
		END IF;
	END IF;

	IF (progress->>'by_age')::boolean THEN
		-- One row less than a batch takes: where all of them go, it is not looked again.
		edge := tarot.age_edge(leaf, p.age_column, progress->>'cutoff', progress->>'after',
			greatest(1, (progress_of_batch->>'limit')::bigint - 1));
		range := format('ONLY %s t WHERE t.%I <= (SELECT e.age FROM edge e)', leaf::regclass, p.age_column);
	ELSE
		range := format('ONLY %s t WHERE t.ctid %s AND t.ctid < ''(%s,0)''', leaf::regclass,
			coalesce('> ' || quote_literal(progress->>'from'), format('>= ''(%s,0)''', block)), progress_of_batch->>'last');
	END IF;
	IF progress->>'after' IS NOT NULL THEN
		range := range || format(' AND t.%I > %s', p.age_column, progress->>'after');
	END IF;
	is_old := format('t.%I < %s', p.age_column, progress->>'cutoff') || coalesce(' AND (' || p.condition || ')', '');
	held := tarot.retention_held(leaf, owner, false);
	IF p.action = 'anonymize' THEN
		is_old := format('NOT (%s) AND %s', tarot.retention_marked(leaf, p.marker), is_old);
		change := format('UPDATE ONLY %s t SET %s', leaf::regclass, tarot.anonymizing_changes(p, leaf));
	ELSE
		SELECT a.held, a.locks INTO along, locks FROM tarot.held_along(leaf, owner) AS a;
		held := tarot.either(held, along);
		change := format('DELETE FROM ONLY %s t', leaf::regclass);
	END IF;
	SELECT * INTO statement, before
		FROM tarot.retention_statement(job, leaf, range, edge, is_old, held,
			CASE WHEN p.action = 'anonymize' THEN 'false' ELSE tarot.retention_referred(leaf) END,
			change, locks, (progress_of_batch->>'limit')::bigint,
			CASE WHEN careful AND p.action <> 'anonymize' THEN tarot.locked_along(leaf, owner) WHEN careful THEN 'false' END);
END
$$;

-- A batch is to take 25 ms, so that nobody waits for its locks for more than 100: beside others at work, or where its rows are harder to
-- find than those before, it takes several times that.
CREATE FUNCTION tarot.finish_retention(job text, progress jsonb, result jsonb, milliseconds double precision,
		OUT next jsonb, OUT rows bigint, OUT skipped bigint, OUT done bigint, OUT total bigint, OUT summary jsonb,
		OUT again interval, OUT alone text) RETURNS record
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	p tarot.retention_policy;
	part text;
	more boolean := (result->>'more')::boolean;
	reached bigint := (progress->>'last')::bigint;
	-- How many blocks the next batch looks into, and a 64th of its rows.
	scale float8;
BEGIN
	rows := coalesce((result->>'rows')::bigint, 0);
	-- Those of the pass before are looked at again.
	skipped := -coalesce((progress->>'recount')::bigint, 0);
	total := (progress->>'total')::bigint;
	done := (progress->>'done')::bigint;
	IF result IS NULL THEN
		SELECT * INTO p FROM tarot.retention_policy i WHERE i.name = job;
		summary := jsonb_build_object('command', 'RETENTION', 'type', 'table', 'policy', job, 'action', p.action,
				'age_column', p.age_column, 'keep', tarot.retention_keep(p), 'legal_basis', tarot.retention_basis(p),
				'cutoff', regexp_replace(progress->>'cutoff', '^''(.*)''::.*$', '\1'))
			|| (SELECT jsonb_object_agg(k.key, k.value)
				FROM jsonb_each(progress) AS k
				WHERE k.key IN ('rows', 'held', 'referred', 'locked', 'slow', 'partitions')
					-- Nobody is shown by the log what has a class.
					OR k.key IN ('oldest', 'newest')
						AND NOT EXISTS (SELECT FROM pg_attribute a
							WHERE a.attrelid = p.relation AND a.attname = p.age_column
								AND tarot.class_of_column(a.attrelid, a.attnum) IS NOT NULL))
			|| CASE p.action
				WHEN 'anonymize' THEN jsonb_build_object('marker', p.marker, 'class', p.class, 'columns', tarot.anonymization_of(p))
				WHEN 'archive' THEN jsonb_build_object('archive_to', tarot.relation_name(p.archive_to))
				-- No trigger is fired for them, that of the audit neither.
				WHEN 'drop_partition' THEN '{"rows_on_record": false}'
				ELSE '{}'
			END;
		again := CASE WHEN (progress->>'locked')::bigint > 0 THEN interval '10 minutes' END;
		done := total;
		RETURN;
	END IF;
	IF progress ? 'kept' THEN
		SELECT * INTO next, rows, skipped, done, total, alone FROM tarot.finish_partition(progress, result);
		RETURN;
	ELSIF (result->>'put')::bigint <> rows THEN
		RAISE EXCEPTION 'the archive did not take all rows'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'A trigger of it keeps rows from being inserted.',
				HINT = 'None is deleted.';
	END IF;
	scale := (progress->>'scale')::float8
		* least(2, greatest(0.25, 25 / greatest(milliseconds - coalesce((result->>'ready')::float8, 0), 1)));
	IF more AND NOT (progress->>'by_age')::boolean AND (progress->>'limit')::bigint < (progress->>'scale')::float8 * 64 THEN
		-- As many rows as the policy lets a batch have were among fewer blocks: the others would be read once more with each.
		scale := least(scale,
			greatest(((result->>'place')::point)[0] - (progress->>'block')::bigint + 1, (progress->>'limit')::bigint / 64::float8));
	END IF;
	scale := least(8192, greatest(1 / 64::float8, scale));
	next := progress - 'recount' || jsonb_build_object('rows', (progress->>'rows')::bigint + rows, 'scale', scale,
		'oldest', least(progress->>'oldest', result->>'oldest'), 'newest', greatest(progress->>'newest', result->>'newest'));
	IF (progress->>'by_age')::boolean THEN
		reached := (progress->>'block')::bigint;
		IF NOT more AND result->>'edge' IS NULL THEN
			reached := (progress->>'blocks')::bigint;
		ELSIF NOT more THEN
			next := next || jsonb_build_object(
				'after', format('%L::%s', result->>'edge', regexp_replace(progress->>'cutoff', '^.*::', '')), 'again', 0);
		ELSE
			-- Of one age there may be more rows than an index tells apart, or a trigger keeps them: their blocks are gone through.
			next := next || jsonb_build_object('again', coalesce((progress->>'again')::bigint, 0) + 1,
				'by_age', rows > 0 AND coalesce((progress->>'again')::bigint, 0) < 16);
		END IF;
	ELSIF more THEN
		-- Those that a trigger keeps are not met again.
		reached := (((result->>'place')::point)[0])::bigint;
	END IF;
	IF NOT more OR NOT (progress->>'by_age')::boolean THEN
		FOREACH part IN ARRAY '{held,referred,locked}'::text[] LOOP
			next := next || jsonb_build_object(part, (progress->>part)::bigint + (result->>part)::bigint);
			skipped := skipped + (result->>part)::bigint;
		END LOOP;
		-- What a trigger kept.
		skipped := skipped + (result->>'found')::bigint - rows;
	END IF;
	done := done + reached - (progress->>'block')::bigint;
	total := greatest(total, done);
	next := next || jsonb_build_object('block', reached, 'done', done,
		'skipped', coalesce((progress->>'skipped')::bigint, 0) + skipped + coalesce((progress->>'recount')::bigint, 0),
		'from', CASE WHEN more AND NOT (progress->>'by_age')::boolean THEN result->>'place' END);
END
$$;

-- Its rows by table.
CREATE FUNCTION tarot.retention_count_statement(policy text, cutoff text) RETURNS text
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	p tarot.retention_policy;
BEGIN
	SELECT * INTO STRICT p FROM tarot.retention_policy i WHERE i.name = policy;
	IF p.action = 'anonymize' THEN
		PERFORM tarot.require_anonymizable(p);
	END IF;
	IF p.action = 'drop_partition' THEN
		PERFORM tarot.require_age_partitions(p.relation, p.age_column);
		RETURN 'SELECT coalesce(jsonb_agg(d.document), ''[]'') FROM ('
			|| coalesce(tarot.partition_count_statement(p.relation, p.age_column, cutoff), 'SELECT NULL::jsonb WHERE false')
			|| ') AS d (document)';
	ELSIF p.action = 'archive' THEN
		PERFORM tarot.require_archive(p.relation, p.archive_to, p.name);
	END IF;
	PERFORM tarot.require_no_rules(p.relation, p.action, p.archive_to);
	RETURN (SELECT 'SELECT coalesce(jsonb_agg(d.document), ''[]'') FROM ('
				|| coalesce(
					string_agg(
						format($statement$
			SELECT jsonb_build_object('table', %7$L::oid, 'action', %8$L, 'columns', %10$L::jsonb,
				'rows', count(*) FILTER (WHERE o.old AND NOT o.held AND NOT o.referred),
				'held', count(*) FILTER (WHERE o.old AND o.held),
				'done', count(*) FILTER (WHERE o.done),
				'referred', count(*) FILTER (WHERE o.old AND o.referred AND NOT o.held),
				'without_age', count(*) FILTER (WHERE o.age IS NULL),
				'oldest', min(o.age) FILTER (WHERE o.old), 'newest', max(o.age) FILTER (WHERE o.old),
				'bytes', coalesce(sum(o.bytes) FILTER (WHERE o.old AND NOT o.held AND NOT o.referred), 0)) AS document
			FROM (SELECT i.*, i.old AND (%3$s) AS held, i.old AND (%4$s) AS referred, pg_column_size(t.*) AS bytes
				FROM ONLY %1$s t,
					LATERAL (SELECT t.%5$I AS age, (t.%5$I < %6$s%2$s) IS TRUE AND NOT (%9$s) AS old, %9$s AS done) AS i) AS o$statement$,
							l::regclass, coalesce(' AND (' || p.condition || ')', ''),
							tarot.retention_held(l, (SELECT c.relowner FROM pg_class c WHERE c.oid = p.relation), p.action <> 'anonymize'),
							CASE WHEN p.action = 'anonymize' THEN 'false' ELSE tarot.retention_referred(l) END,
							p.age_column, cutoff, l, p.action,
							CASE WHEN p.action = 'anonymize' THEN tarot.retention_marked(l, p.marker) ELSE 'false' END,
							CASE WHEN p.action = 'anonymize' THEN tarot.anonymization_of(p) END),
						' UNION ALL ' ORDER BY l),
					'SELECT NULL::jsonb WHERE false')
				|| ') AS d (document)'
		FROM tarot.retention_leaves(p.relation) AS l);
END
$$;

REVOKE ALL ON FUNCTION tarot.retention_leaves(oid), tarot.require_retainable(oid, name), tarot.require_no_rules(oid, text, oid),
	tarot.require_keep(interval, text, timestamptz), tarot.retention_cutoff(oid, name, interval, text, timestamptz),
	tarot.retention_references(oid), tarot.retention_referred(oid, boolean), tarot.retention_passes_again(oid, jsonb),
	tarot.retention_statement(text, oid, text, text, text, text, text, text, text, bigint, text),
	tarot.plan_retention(text, oid, jsonb, text, jsonb, boolean), tarot.finish_retention(text, jsonb, jsonb, double precision),
	tarot.retention_count_statement(text, text) FROM PUBLIC;

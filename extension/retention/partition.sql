-- retention: partitions that are dropped whole
--
-- A batch is one partition. What is on hold in it, or referred to, is looked for before anybody is kept waiting for a lock, and once more
-- under the lock, where nothing can come in between; so only where that took no longer than anybody may be kept waiting.

-- Raises unless old rows of the table are in partitions of their own.
CREATE FUNCTION tarot.require_age_partitions(relation oid, age_column name) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF NOT tarot.is_partitioned_by(relation, age_column) THEN
		RAISE EXCEPTION 'table "%" is not partitioned by ranges of column "%"', tarot.relation_name(relation), age_column
			USING ERRCODE = 'wrong_object_type',
				HINT = 'Partitions are dropped of a table PARTITION BY RANGE of the age column, alone or as its first key. '
					'Action delete is for others.';
	END IF;
END
$$;

CREATE FUNCTION tarot.is_partitioned_by(relation oid, age_column name) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT EXISTS (SELECT FROM pg_partitioned_table p JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
			WHERE p.partrelid = relation AND p.partstrat = 'r' AND a.attname = age_column)
	$$;

-- The upper bound of a partition by age, of the bounds that it has, as text of the age's type; with the next key, it is one that rows may
-- have. NULL: there is none, as of the default partition.
CREATE FUNCTION tarot.partition_end(bounds text, OUT upper text, OUT inclusive boolean) RETURNS record
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT replace(m[1], '''''', ''''), m[2] IS NOT NULL AND m[2] <> 'MINVALUE'
			-- Literals are quoted, so that what a text key has in it is not taken for the bound.
			FROM regexp_match(bounds,
				'^FOR VALUES FROM \((?:E?''(?:[^'']|'''')*''|[^'' ,()]+)(?:, (?:E?''(?:[^'']|'''')*''|[^'' ,()]+))*\) '
				'TO \(''((?:[^'']|'''')*)''(?:, (E?''(?:[^'']|'''')*''|[^'' ,()]+))?(?:, (?:E?''(?:[^'']|'''')*''|[^'' ,()]+))*\)$') AS m
	$$;

-- Whether all rows within the bounds are old.
CREATE FUNCTION tarot.is_old_partition(bounds text, cutoff text) RETURNS boolean
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	e record;
	old boolean := false;
BEGIN
	SELECT * INTO e FROM tarot.partition_end(bounds);
	IF e.upper IS NOT NULL THEN
		EXECUTE format('SELECT %L::%s %s %s',
			e.upper, regexp_replace(cutoff, '^.*::', ''), CASE WHEN e.inclusive THEN '<' ELSE '<=' END, cutoff) INTO old;
	END IF;
	RETURN old;
END
$$;

-- Partitions all of whose rows are old, by their bounds; those within one that is not.
CREATE FUNCTION tarot.old_partitions(relation oid, age_column name, cutoff text) RETURNS TABLE (parent oid, partition oid, upper text)
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	member record;
BEGIN
	IF NOT tarot.is_partitioned_by(relation, age_column) THEN
		RETURN;
	END IF;
	FOR member IN
		SELECT i.inhrelid, pg_get_expr(c.relpartbound, c.oid) AS bounds, c.relkind
			FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
			WHERE i.inhparent = relation
			ORDER BY i.inhrelid
	LOOP
		-- What lies elsewhere is not to be dropped here.
		IF tarot.is_old_partition(member.bounds, cutoff) AND NOT EXISTS (SELECT FROM tarot.relation_tree(member.inhrelid, '{f}')) THEN
			parent := relation;
			partition := member.inhrelid;
			upper := (SELECT e.upper FROM tarot.partition_end(member.bounds) AS e);
			RETURN NEXT;
		ELSIF member.relkind = 'p' THEN
			RETURN QUERY SELECT * FROM tarot.old_partitions(member.inhrelid, age_column, cutoff);
		END IF;
	END LOOP;
END
$$;

-- A query for what of a partition keeps it: rows on hold, and those that others refer to, whatever these want done then, as the server does
-- not let the partition go. NULL: nothing can. Asked with the rights of the role; $1 are the data subjects on hold.
CREATE FUNCTION tarot.partition_kept_statement(partition oid, role oid, former_parent oid DEFAULT NULL) RETURNS text
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT 'SELECT coalesce(sum(k.held), 0), coalesce(sum(k.referred), 0), coalesce(sum(k.rows), 0) FROM ('
				|| string_agg(
					format('SELECT count(*) FILTER (WHERE %s) AS held, count(*) FILTER (WHERE NOT (%1$s) AND (%s)) AS referred, '
							'count(*) AS rows FROM ONLY %s t',
						k.held, k.referred, k.leaf::regclass),
					' UNION ALL ' ORDER BY k.leaf)
				|| ') AS k'
			FROM (
				SELECT l AS leaf,
						concat_ws(' OR ', tarot.retention_held(l, role, false),
							nullif(tarot.retention_held(former_parent, role, false), 'false')) AS held,
						tarot.retention_referred(l, true) AS referred
					FROM tarot.retention_leaves(partition) AS l
			) AS k
			HAVING bool_or(k.held <> 'false' OR k.referred <> 'false')
	$$;

-- What the server believes that a partition has, in all of its tables; NULL where it has not looked at one.
CREATE FUNCTION tarot.partition_estimate(partition oid) RETURNS bigint
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE WHEN bool_and(c.reltuples >= 0) THEN sum(c.reltuples)::bigint END
			FROM tarot.retention_leaves(partition) AS l JOIN pg_class c ON c.oid = l
	$$;

-- With the rights of its caller, who is the owner of the table: for everybody, who could do as much by themselves.
CREATE FUNCTION tarot.drop_partition(parent oid, partition oid, kept text, list text[], rows bigint, referred boolean,
		detached_later boolean) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	table_of CONSTANT text := parent::regclass;
	name CONSTANT text := partition::regclass;
	told jsonb := jsonb_build_object('partition', name,
		'bounds', (SELECT pg_get_expr(c.relpartbound, c.oid) FROM pg_class c WHERE c.oid = partition),
		'bytes', (SELECT sum(pg_total_relation_size(t.relid)) FROM pg_partition_tree(partition) t));
	began CONSTANT timestamptz := clock_timestamp();
	round integer := 0;
	n_held bigint := 0;
	n_referred bigint := 0;
	n_rows bigint;
BEGIN
	LOOP
		IF kept IS NOT NULL THEN
			EXECUTE kept INTO n_held, n_referred, n_rows USING list;
			IF n_held + n_referred > 0 THEN
				RETURN told || jsonb_build_object('held', n_held, 'referred', n_referred);
			ELSIF clock_timestamp() - began > interval '50 ms' AND round = 0 AND (referred OR NOT detached_later) THEN
				RETURN told || '{"slow": true}';
			END IF;
		ELSIF n_rows IS NULL AND (rows IS NULL OR (told->>'bytes')::bigint < 8388608) THEN
			EXECUTE format('SELECT count(*) FROM %s', name) INTO n_rows;
		END IF;
		IF detached_later THEN
			RETURN told || jsonb_build_object('ready', true, 'rows', coalesce(n_rows, rows), 'counted', n_rows IS NOT NULL);
		END IF;
		EXIT WHEN round = 1;
		round := 1;
		-- The wait for this one is bounded for all jobs; what comes after it waits while others wait for this.
		EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', table_of);
		EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE NOWAIT', name);
		PERFORM set_config('lock_timeout', '10ms', true);
		-- What somebody has detached meanwhile is theirs to keep.
		IF NOT EXISTS (
			SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
				WHERE i.inhrelid = partition AND i.inhparent = parent AND pg_get_expr(c.relpartbound, c.oid) = told->>'bounds')
		THEN
			RETURN told || '{"locked": true}';
		END IF;
	END LOOP;
	IF referred THEN
		EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', table_of, name);
	END IF;
	EXECUTE format('DROP TABLE %s', name);
	RETURN told || jsonb_build_object('rows', coalesce(n_rows, rows), 'counted', n_rows IS NOT NULL);
EXCEPTION WHEN lock_not_available THEN
	RETURN told || '{"locked": true}';
END
$$;

-- The rest, when the partition is detached, or about to be: nobody comes to it through the table any more, so that it may take its time.
-- What has been put on hold meanwhile makes it a partition again, or that it is old no more.
CREATE FUNCTION tarot.drop_detached(parent oid, partition oid, pending boolean, old boolean, kept text, list text[], told jsonb)
		RETURNS jsonb
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	name CONSTANT text := partition::regclass;
	n_held bigint := 0;
	n_referred bigint := 0;
	n_rows bigint;
BEGIN
	IF pending THEN
		EXECUTE format('ALTER TABLE %s DETACH PARTITION %s FINALIZE', parent::regclass, name);
	END IF;
	EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE NOWAIT', name);
	IF kept IS NOT NULL THEN
		EXECUTE kept INTO n_held, n_referred, n_rows USING list;
	END IF;
	IF n_held + n_referred > 0 OR old IS NOT TRUE THEN
		EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s %s', parent::regclass, name, told->>'bounds');
		RETURN told - '{rows,counted}'::text[] || jsonb_build_object('held', n_held, 'referred', n_referred);
	END IF;
	EXECUTE format('DROP TABLE %s', name);
	RETURN told || CASE WHEN n_rows IS NULL THEN '{}' ELSE jsonb_build_object('rows', n_rows, 'counted', true) END;
EXCEPTION WHEN lock_not_available THEN
	RETURN told - '{rows,counted}'::text[] || '{"locked": true}';
END
$$;

-- ------------------------------------------------------------ a batch, of tarot.plan_retention() and tarot.finish_retention()

-- Whether a partition can be detached beside those who read the table: by the worker, which can run statements that are no part of a
-- transaction, and not where there is a default partition. Between its two transactions nothing is restricted, so event triggers of others
-- than superusers are none of it.
CREATE FUNCTION tarot.detaches_concurrently(parent oid) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT EXISTS (SELECT FROM pg_stat_get_activity(pg_backend_pid()) a WHERE a.backend_type = 'tarot_security worker')
			AND NOT EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partrelid = parent AND p.partdefid <> 0)
			AND NOT EXISTS (
				SELECT
					FROM pg_event_trigger e
						JOIN pg_proc f ON f.oid = e.evtfoid
						JOIN pg_roles r ON r.oid = f.proowner
					WHERE e.evtenabled <> 'D' AND NOT r.rolsuper)
	$$;

-- attached, pending, detached; NULL: there is no such table any more, or it is part of another. A number may be another table's some day,
-- so that of its type is asked, too.
CREATE FUNCTION tarot.partition_state(parent oid, partition oid, type oid) RETURNS text
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE
				WHEN i.inhdetachpending THEN 'pending'
				WHEN i.inhparent IS NOT NULL THEN 'attached'
				WHEN NOT c.relispartition THEN 'detached'
			END
			FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
			WHERE c.oid = partition AND c.reltype = type AND coalesce(i.inhparent = parent, true)
	$$;

-- Raises where a partition cannot be dropped, before it is detached.
CREATE FUNCTION tarot.require_droppable(partition oid) RETURNS void
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	one record;
BEGIN
	SELECT c.oid AS member, c.relowner AS owner
		INTO one
		FROM tarot.relation_tree(partition) t
			JOIN pg_class c ON c.oid = t.member
			JOIN pg_inherits i ON i.inhrelid = partition
			JOIN pg_class p ON p.oid = i.inhparent
		WHERE NOT pg_has_role(p.relowner, c.relowner, 'USAGE')
		ORDER BY c.oid
		LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'partition "%" has another owner than its table', tarot.relation_name(one.member)
			USING ERRCODE = 'insufficient_privilege',
				HINT = format('It belongs to role %s.', one.owner::regrole);
	END IF;
	SELECT t.member, pg_describe_object(d.classid, d.objid, 0) AS dependent, v.ev_class
		INTO one
		FROM tarot.relation_tree(partition) t
			JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.member AND d.deptype = 'n'
			LEFT JOIN pg_rewrite v ON d.classid = 'pg_rewrite'::regclass AND v.oid = d.objid
			LEFT JOIN pg_policy p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
		WHERE d.classid IN ('pg_rewrite'::regclass, 'pg_proc'::regclass, 'pg_policy'::regclass)
			AND NOT EXISTS (SELECT FROM tarot.relation_tree(partition) o WHERE o.member IN (v.ev_class, p.polrelid))
		ORDER BY d.classid, d.objid
		LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION '% depends on partition "%"',
			coalesce(pg_describe_object('pg_class'::regclass, one.ev_class, 0), one.dependent), tarot.relation_name(one.member)
			USING ERRCODE = 'dependent_objects_still_exist',
				HINT = 'Drop that, or let it go by the partitioned table.';
	END IF;
END
$$;
REVOKE ALL ON FUNCTION tarot.require_droppable(oid) FROM PUBLIC;

CREATE FUNCTION tarot.plan_partition(relation oid, age_column name, cutoff text, progress jsonb,
		OUT statement text, OUT progress_of_batch jsonb) RETURNS record
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	next record;
	role CONSTANT oid := (SELECT c.relowner FROM pg_class c WHERE c.oid = relation);
	detached jsonb := nullif(progress->'unfinished', 'null');
	state text;
BEGIN
	PERFORM tarot.require_age_partitions(relation, age_column);
	progress_of_batch := jsonb_build_object('cutoff', cutoff, 'rows', 0, 'held', 0, 'referred', 0, 'locked', 0, 'slow', 0,
		'kept', '[]'::jsonb, 'partitions', '[]'::jsonb, 'done', 0,
		'total', (SELECT count(*) FROM tarot.old_partitions(relation, age_column, cutoff))) || coalesce(progress, '{}');
	IF detached IS NOT NULL THEN
		state := tarot.partition_state((detached->>'parent')::oid, (detached->>'partition')::oid, (detached->>'type')::oid);
		IF NOT progress ? 'kept' AND (state = 'pending' OR state = 'detached' AND NOT progress ? 'alone_failed') IS NOT TRUE THEN
			-- Of a run that was cancelled nothing is left to do.
			progress_of_batch := progress_of_batch - 'alone_failed' || '{"unfinished": null}';
			detached := NULL;
		END IF;
	END IF;
	IF detached IS NOT NULL THEN
		progress_of_batch := progress_of_batch || (detached - 'told');
		IF state = 'pending' OR state = 'detached' AND NOT progress ? 'alone_failed' THEN
			-- Since a run was cancelled rows may be kept for longer.
			statement := format('SELECT tarot.drop_detached(%s, %s, %L, %L, %L, $1, %L)',
				detached->>'parent', detached->>'partition', state = 'pending',
				tarot.is_old_partition(detached->'told'->>'bounds', progress_of_batch->>'cutoff'),
				tarot.partition_kept_statement((detached->>'partition')::oid, role, (detached->>'parent')::oid),
				detached->'told');
		ELSE
			-- It was not to be had: the next run tries again. What somebody else has detached is theirs to keep.
			statement := format('SELECT %L::jsonb', jsonb_build_object(CASE state WHEN 'attached' THEN 'locked' ELSE 'gone' END, true));
		END IF;
		RETURN;
	END IF;
	SELECT o.*, c.reltype, i.inhdetachpending AS pending
		INTO next
		FROM tarot.old_partitions(relation, age_column, progress_of_batch->>'cutoff') o
			JOIN pg_class c ON c.oid = o.partition
			JOIN pg_inherits i ON i.inhrelid = o.partition
		WHERE NOT progress_of_batch->'kept' @> to_jsonb(o.partition::text)
		ORDER BY i.inhdetachpending DESC, o.upper, o.partition
		LIMIT 1;
	progress_of_batch := progress_of_batch
		|| jsonb_build_object('parent', next.parent::text, 'partition', next.partition::text, 'type', next.reltype::text);
	IF next.pending THEN
		-- Somebody was kept from finishing it.
		statement := format('SELECT tarot.drop_detached(%s, %s, true, true, %L, $1, %L)',
			next.parent, next.partition, tarot.partition_kept_statement(next.partition, role),
			jsonb_build_object('partition', next.partition::regclass,
				'bounds', (SELECT pg_get_expr(c.relpartbound, c.oid) FROM pg_class c WHERE c.oid = next.partition),
				'rows', tarot.partition_estimate(next.partition), 'counted', false));
	ELSIF EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = next.parent AND i.inhdetachpending) THEN
		-- The server has one of a table on its way out at a time.
		statement := 'SELECT ''{"locked": true}''::jsonb';
	ELSIF next.partition IS NOT NULL THEN
		PERFORM tarot.require_droppable(next.partition);
		statement := format('SELECT tarot.drop_partition(%s, %s, %L, $1, %L, %L, %L)',
			next.parent, next.partition,
			tarot.partition_kept_statement(next.partition, role), tarot.partition_estimate(next.partition),
			EXISTS (
				SELECT FROM pg_constraint n JOIN tarot.relation_tree(next.partition) t ON t.member = n.confrelid
					WHERE n.contype = 'f'),
			tarot.detaches_concurrently(next.parent));
	END IF;
END
$$;

-- Those that stay are not met again in the run. "alone" is what is to be done then, before the next batch.
CREATE FUNCTION tarot.finish_partition(progress jsonb, result jsonb,
		OUT next jsonb, OUT rows bigint, OUT skipped bigint, OUT done bigint, OUT total bigint, OUT alone text) RETURNS record
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	dropped CONSTANT boolean := result ? 'counted';
BEGIN
	rows := 0;
	skipped := 0;
	done := (progress->>'done')::bigint;
	total := greatest((progress->>'total')::bigint, done + 1);
	IF result ? 'ready' THEN
		alone := format('ALTER TABLE %s DETACH PARTITION %s CONCURRENTLY',
			(progress->>'parent')::oid::regclass, (progress->>'partition')::oid::regclass);
		next := progress || jsonb_build_object('unfinished', jsonb_build_object('parent', progress->'parent',
			'partition', progress->'partition', 'type', progress->'type', 'told', result - 'ready'));
		RETURN;
	END IF;
	rows := coalesce((result->>'rows')::bigint, 0);
	skipped := coalesce((result->>'held')::bigint, 0) + coalesce((result->>'referred')::bigint, 0)
		+ (result ? 'locked' OR result ? 'slow')::int;
	done := done + 1;
	next := progress - 'alone_failed' || jsonb_build_object('unfinished', NULL, 'done', done,
		'rows', (progress->>'rows')::bigint + rows,
		'held', (progress->>'held')::bigint + coalesce((result->>'held')::bigint, 0),
		'referred', (progress->>'referred')::bigint + coalesce((result->>'referred')::bigint, 0),
		'locked', (progress->>'locked')::bigint + (result ? 'locked')::int,
		'slow', (progress->>'slow')::bigint + (result ? 'slow')::int,
		CASE WHEN dropped THEN 'partitions' ELSE 'kept' END,
		CASE WHEN dropped THEN (progress->'partitions') || jsonb_build_array(result - 'bytes')
			ELSE (progress->'kept') || jsonb_build_array(progress->>'partition')
		END);
END
$$;

-- What tarot.preview_retention() asks: a document for each partition that is past its time.
CREATE FUNCTION tarot.partition_count_statement(relation oid, age_column name, cutoff text) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT string_agg(
				format($statement$
					SELECT jsonb_build_object('table', %1$L::oid, 'rows', CASE WHEN s.kept = 0 THEN s.rows ELSE 0 END,
							'held', s.held, 'referred', s.referred, 'without_age', 0, 'oldest', s.oldest, 'newest', s.newest,
							'bytes', CASE WHEN s.kept = 0
								THEN (SELECT sum(pg_total_relation_size(t.relid)) FROM pg_partition_tree(%1$L::oid) t)
								ELSE 0
							END) AS document
						FROM (
							SELECT sum(l.rows) AS rows, sum(l.held) AS held, sum(l.referred) AS referred,
									sum(l.held + l.referred) AS kept, min(l.oldest) AS oldest, max(l.newest) AS newest
								FROM (%2$s) AS l
						) AS s$statement$,
					o.partition,
					(SELECT string_agg(
							format('SELECT count(*) AS rows, count(*) FILTER (WHERE %s) AS held, '
									'count(*) FILTER (WHERE NOT (%1$s) AND (%s)) AS referred, '
									'min(t.%I) AS oldest, max(t.%3$I) AS newest FROM ONLY %s t',
								tarot.retention_held(l,
									(SELECT c.relowner FROM pg_class c WHERE c.oid = partition_count_statement.relation), false),
								tarot.retention_referred(l, true), age_column, l::regclass),
							' UNION ALL ' ORDER BY l)
						FROM tarot.retention_leaves(o.partition) AS l)),
				' UNION ALL ' ORDER BY o.partition)
			FROM tarot.old_partitions(relation, age_column, cutoff) AS o
	$$;

REVOKE ALL ON FUNCTION tarot.require_age_partitions(oid, name), tarot.is_partitioned_by(oid, name), tarot.partition_end(text),
	tarot.is_old_partition(text, text), tarot.old_partitions(oid, name, text), tarot.partition_kept_statement(oid, oid, oid),
	tarot.partition_estimate(oid), tarot.plan_partition(oid, name, text, jsonb), tarot.finish_partition(jsonb, jsonb),
	tarot.partition_count_statement(oid, name, text), tarot.detaches_concurrently(oid), tarot.partition_state(oid, oid, oid) FROM PUBLIC;

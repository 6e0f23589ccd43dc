-- retention: what a policy would do, and what refers to that

-- The rows of other tables that refer to old ones.
CREATE FUNCTION tarot.retention_references_statement(policy text, cutoff text) RETURNS text
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	p tarot.retention_policy;
BEGIN
	SELECT * INTO STRICT p FROM tarot.retention_policy i WHERE i.name = policy;
	RETURN (SELECT 'SELECT coalesce(jsonb_agg(d.document), ''[]'') FROM ('
				|| coalesce(
					string_agg(
						format('SELECT jsonb_build_object(''table'', %L::oid, ''referring'', %L::oid, ''constraint'', %L, '
								'''on_delete'', %L, ''rows'', count(*)) AS document '
								'FROM %s c WHERE EXISTS (SELECT FROM ONLY %s t WHERE %s AND (%s) IS TRUE AND NOT (%s))',
							l.leaf, r.referring, n.name,
							CASE r.action
								WHEN 'r' THEN 'RESTRICT'
								WHEN 'c' THEN 'CASCADE'
								WHEN 'n' THEN 'SET NULL'
								WHEN 'd' THEN 'SET DEFAULT'
								ELSE 'NO ACTION'
							END,
							r.referring::regclass, l.leaf::regclass, r.comparison,
							format('t.%I < %s%s', p.age_column, cutoff, ' AND (' || p.condition || ')'),
							tarot.retention_held(l.leaf, (SELECT o.relowner FROM pg_class o WHERE o.oid = p.relation),
								p.action IN ('delete', 'archive'))),
						' UNION ALL ' ORDER BY l.leaf, n.oid),
					'SELECT NULL::jsonb WHERE false')
				|| ') AS d (document)'
		FROM (
				SELECT f AS leaf
					FROM tarot.retention_leaves(p.relation) AS f
					WHERE p.action <> 'drop_partition'
				UNION ALL SELECT f
					FROM tarot.old_partitions(p.relation, p.age_column, cutoff) AS o,
						tarot.retention_leaves(o.partition) AS f
					WHERE p.action = 'drop_partition') AS l,
			LATERAL tarot.retention_references(l.leaf) AS r,
			-- By the name that somebody gave it.
			LATERAL (
				WITH RECURSIVE above (oid, parent, name) AS (
					SELECT o.oid, o.conparentid, o.conname
						FROM pg_constraint o
						WHERE o.oid = r."constraint"
					UNION ALL SELECT o.oid, o.conparentid, o.conname
						FROM above a
							JOIN pg_constraint o ON o.oid = a.parent
				)
				SELECT a.name, r."constraint" AS oid FROM above a WHERE a.parent = 0) AS n);
END
$$;

-- For C, which runs it as the table's owner: of a policy "rows" or "references". The list is its $1.
CREATE FUNCTION tarot.retention_preview_statement(policy text, what text,
		OUT statement text, OUT time_zone text, OUT list text[]) RETURNS record
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
	cutoff := tarot.retention_cutoff(p.relation, p.age_column, tarot.required_keep(p), time_zone, now());
	statement := CASE what
		WHEN 'references' THEN tarot.retention_references_statement(policy, cutoff)
		ELSE tarot.retention_count_statement(policy, cutoff) END;
	list := tarot.subjects_on_hold();
END
$$;

REVOKE ALL ON FUNCTION tarot.retention_references_statement(text, text), tarot.retention_preview_statement(text, text) FROM PUBLIC;

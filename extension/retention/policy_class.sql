-- retention: how policies follow the limits of classes, and where none does

-- How long a policy keeps rows now; NULL where its class has no limit any more.
CREATE FUNCTION tarot.retention_keep(p tarot.retention_policy) RETURNS interval
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT coalesce(p.keep, (
			SELECT r.keep
				FROM tarot.class c JOIN tarot.class_retention r USING (class_id)
				WHERE c.name = p.class))
	$$;

-- For a run, or a look at what one would do.
CREATE FUNCTION tarot.required_keep(p tarot.retention_policy) RETURNS interval
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	keep CONSTANT interval := tarot.retention_keep(p);
BEGIN
	IF keep IS NULL THEN
		RAISE EXCEPTION 'data class "%" has no limit that rows could be kept by', p.class
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Set it with tarot.set_class_retention(), or remove the policy.';
	END IF;
	RETURN keep;
END
$$;

CREATE FUNCTION tarot.retention_basis(p tarot.retention_policy) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT coalesce(p.legal_basis, (
			SELECT r.legal_basis
				FROM tarot.class c JOIN tarot.class_retention r USING (class_id)
				WHERE c.name = p.class AND p.keep IS NULL))
	$$;

-- A partition is kept until its youngest row is old; and what is archived is still there.
CREATE VIEW tarot.retention_gaps AS
	SELECT c."table", c."column", c.class, l.keep AS "limit", l.legal_basis, coalesce(p.problem, 'none') AS problem, p.policy, p.keep
	FROM tarot.classified_columns c
		JOIN tarot.class k ON k.name = c.class
		JOIN tarot.class_retention l USING (class_id)
		LEFT JOIN LATERAL (
			SELECT *
				FROM (
					SELECT q.name AS policy, coalesce(q.keep, l.keep) AS keep,
							CASE
								WHEN now() - coalesce(q.keep, l.keep) < now() - l.keep OR q.action = 'drop_partition' THEN 'kept longer'
								WHEN q.condition IS NOT NULL THEN 'some rows'
								WHEN j.state = 'paused' THEN 'paused'
								WHEN j.state = 'failed' THEN 'failing'
							END AS problem
						FROM tarot.retention_policy q
							JOIN tarot.job_status j ON j.job = q.name
						WHERE EXISTS (SELECT FROM tarot.relation_tree(q.relation) t WHERE t.member = c."table")
							AND (q.action IN ('delete', 'drop_partition')
								OR q.action = 'anonymize'
									AND EXISTS (SELECT FROM tarot.anonymized_columns(q, c."table") d
										WHERE d."column" = c."column" AND d.treatment <> 'kept'))) AS i
				ORDER BY array_position('{failing,paused,some rows,kept longer}'::text[], i.problem) NULLS FIRST, i.policy
				LIMIT 1) AS p ON true
	WHERE c.inherited_from IS NULL AND (p.policy IS NULL OR p.problem IS NOT NULL);
COMMENT ON VIEW tarot.retention_gaps IS
	'Columns of data classes that have a limit by tarot.set_class_retention(), and for which no policy of tarot.add_retention() does as '
	'much: a row each, of partitioned tables and parents for all below them. Rows without an age, on hold or locked are not told of here: '
	'tarot.preview_retention() counts them.';
COMMENT ON COLUMN tarot.retention_gaps."table" IS 'The table.';
COMMENT ON COLUMN tarot.retention_gaps."column" IS 'The column.';
COMMENT ON COLUMN tarot.retention_gaps.class IS 'Its class.';
COMMENT ON COLUMN tarot.retention_gaps."limit" IS 'How long values of the class are kept.';
COMMENT ON COLUMN tarot.retention_gaps.legal_basis IS 'What the limit rests on.';
COMMENT ON COLUMN tarot.retention_gaps.problem IS
	'none: there is no policy of the table that deletes its rows or anonymizes the column. Of the one that does most: kept longer, as of '
	'today; some rows: it has a condition; paused; failing: tarot.job_run tells why.';
COMMENT ON COLUMN tarot.retention_gaps.policy IS 'That policy.';
COMMENT ON COLUMN tarot.retention_gaps.keep IS 'How long it keeps rows.';
GRANT SELECT ON tarot.retention_gaps TO pg_monitor;

REVOKE ALL ON FUNCTION tarot.retention_keep(tarot.retention_policy), tarot.required_keep(tarot.retention_policy),
	tarot.retention_basis(tarot.retention_policy) FROM PUBLIC;

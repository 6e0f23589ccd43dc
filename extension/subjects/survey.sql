-- subjects: what is processed, and what is not seen to

CREATE FUNCTION tarot.processing_records()
	RETURNS TABLE (class text, columns text[], purposes text[], declared jsonb, recipients jsonb, measures text[],
		erasure text[], retention text[])
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH kept AS (
			SELECT k.class, k."table"::oid AS relation, k."column", k.kind, k.masked,
				coalesce(u.action, CASE WHEN s.r IS NOT NULL THEN 'delete' ELSE 'not registered' END)
					|| coalesce(': ' || u.legal_basis, '') AS erasure
			FROM tarot.classified_columns k
				LEFT JOIN tarot.registered_tables() AS s (r) ON s.r = k."table"
				LEFT JOIN tarot.subject_rule u ON u.relation = k."table"
			WHERE k.inherited_from IS NULL
			-- What has no class may be about a person, too.
			UNION ALL SELECT NULL, t, NULL, NULL, false, coalesce(u.action, 'delete') || coalesce(': ' || u.legal_basis, '')
			FROM tarot.registered_tables() t LEFT JOIN tarot.subject_rule u ON u.relation = t
			WHERE tarot.classified_among(t) = '{}'
		)
		SELECT k.class,
			array_agg(k.relation::regclass || coalesce('.' || quote_ident(k."column"), '')
				ORDER BY k.relation::regclass::text COLLATE "C", k."column"),
			c.purposes,
			(SELECT jsonb_object_agg(p.purpose, p.description ORDER BY p.version)
				FROM tarot.consent_purpose p
				WHERE p.purpose = ANY (c.purposes)),
			(SELECT jsonb_agg(DISTINCT jsonb_strip_nulls(jsonb_build_object(
					'role', coalesce(a.grantee, 'any'), 'permission', a.permission, 'read', a.read,
					'until', CASE WHEN a.valid_until < 'infinity' THEN a.valid_until END)))
				FROM tarot.class_access a
				WHERE a.class = k.class AND a.read <> 'none' AND a.valid_until > now()),
			ARRAY(
				SELECT m
				FROM unnest(ARRAY[
					CASE WHEN bool_or(k.kind = 'type') THEN 'encrypted' END,
					CASE WHEN bool_or(c.per_subject) THEN 'a key for each subject' END,
					CASE WHEN bool_or(k.masked) THEN 'masked: ' || min(c.mask) END,
					CASE WHEN bool_or((SELECT r.relrowsecurity FROM pg_class r WHERE r.oid = k.relation)) THEN 'row policies' END,
					CASE WHEN bool_or(tarot.audit_arguments(k.relation) IS NOT NULL) THEN 'audited' END]) AS m
				WHERE m IS NOT NULL),
			array_agg(DISTINCT (k.relation::regclass || ': ' || k.erasure) COLLATE "C"),
			ARRAY(
				SELECT DISTINCT (a.relation::regclass || ': ' || coalesce(
					p.action || ' ' || p.keep || ' after ' || quote_ident(p.age_column)
						|| coalesce(', where ' || p."where", '') || coalesce(': ' || p.legal_basis, ''),
					'no policy')) COLLATE "C"
				FROM unnest(array_agg(k.relation)) AS a (relation)
					LEFT JOIN tarot.retention_status p ON p."table"::oid IN (SELECT m.member FROM tarot.relation_tree(a.relation) m)
				ORDER BY 1)
		FROM kept k LEFT JOIN tarot.class c ON c.name = k.class
		GROUP BY k.class, c.class_id, c.purposes
		ORDER BY k.class COLLATE "C" NULLS LAST
	$$;
COMMENT ON FUNCTION tarot.processing_records() IS
	'Records of processing (GDPR, article 30) as far as the database knows: for each data class its columns, the purposes that its values '
	'are shown for and what was declared of these by tarot.declare_purpose(), which roles are shown values or masks, how they are '
	'protected (in at least one table), what an erasure does in each table, and how long retention policies keep its rows. The last row, '
	'without a class, is of registered tables without a column that has one. For whom EXECUTE is granted.';

-- Whether reads of a table, or of all its columns that have a class, are on record.
CREATE FUNCTION tarot.reads_are_on_record(relation oid) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT EXISTS (SELECT FROM tarot.audited_read r WHERE r.relation = reads_are_on_record.relation)
			OR coalesce((
				SELECT bool_and(k.class IN (SELECT c.class FROM tarot.audited_class_read c))
				FROM tarot.classified_columns k
				WHERE k."table"::oid = reads_are_on_record.relation), false)
	$$;

-- Columns with a class that nobody has read, where that would be on record; NULL where it cannot be told.
CREATE FUNCTION tarot.columns_not_read(relation oid, since timestamptz) RETURNS text[]
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH reads AS MATERIALIZED (
			SELECT r."column"
			FROM tarot.columns_read(since) r
			WHERE r.table_name IN (SELECT m.member::regclass::text FROM tarot.relation_tree(relation) m)
		)
		-- Events that had no room for all columns may be of any.
		SELECT CASE WHEN tarot.reads_are_on_record(relation) AND NOT EXISTS (SELECT FROM reads r WHERE r."column" IS NULL)
			THEN ARRAY(
				SELECT c
				FROM unnest(tarot.classified_among(relation)) c
				WHERE c NOT IN (SELECT r."column" FROM reads r)
				ORDER BY c COLLATE "C") END
	$$;

CREATE FUNCTION tarot.minimization_report(since timestamptz DEFAULT '-infinity')
	RETURNS TABLE ("table" regclass, classified text[], missing text[], never_read text[])
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT t.relation::regclass, t.classified, m.missing, t.never_read
		FROM (
				SELECT d.relation, tarot.classified_among(d.relation) AS classified,
					CASE WHEN tarot.classified_among(d.relation) <> '{}' THEN tarot.columns_not_read(d.relation, since) END AS never_read
				FROM (
					SELECT d FROM tarot.tables_of_data() d
					UNION SELECT r::oid FROM tarot.registered_tables() r
				) AS d (relation)
			) AS t,
			LATERAL (
				SELECT ARRAY(
					SELECT s
					FROM unnest(
						CASE WHEN t.classified <> '{}' THEN ARRAY[
							CASE WHEN t.relation NOT IN (SELECT r::oid FROM tarot.registered_tables() r) THEN 'registration' END,
							CASE WHEN NOT (SELECT c.relrowsecurity FROM pg_class c WHERE c.oid = t.relation) THEN 'row policies' END,
							CASE WHEN EXISTS (
								SELECT FROM tarot.classified_columns k
								WHERE k."table" = t.relation AND k.kind <> 'type' AND NOT k.masked) THEN 'masking' END,
							CASE WHEN tarot.audit_arguments(t.relation) IS NULL THEN 'audit' END,
							CASE WHEN NOT tarot.reads_are_on_record(t.relation) THEN 'reads' END] ELSE '{}' END
						|| CASE WHEN NOT EXISTS (
							SELECT FROM tarot.retention_policy p
							WHERE p.relation::oid IN (SELECT a.member FROM tarot.relation_tree(t.relation) a)) THEN 'retention' END) AS s
					WHERE s IS NOT NULL) AS missing
			) AS m
		WHERE (t.classified <> '{}' OR t.relation IN (SELECT r::oid FROM tarot.registered_tables() r))
			AND (m.missing <> '{}' OR t.never_read <> '{}')
		ORDER BY t.relation::regclass::text COLLATE "C"
	$$;
COMMENT ON FUNCTION tarot.minimization_report(timestamptz) IS
	'Tables with columns that have a data class, and those that are registered, and what nobody has said of them: "registration" '
	'(tarot.register_subject_table(): an erasure forgets them), "row policies" (who may read one row reads all), "masking" (plain columns '
	'that are shown to everybody with SELECT: tarot.mask_table()), "audit" (tarot.audit_table()), "reads" (neither those of the table nor '
	'those of all its classes are on record: tarot.audit_reads(), tarot.audit_class_reads()), "retention" (tarot.add_retention()). '
	'never_read has the columns with a class of which no read is on record since a time, by default ever, and is NULL where reads are not '
	'on record, so that it cannot be told; they are so from tarot.audit_reads() on. Tables of which nothing is missing, and all columns '
	'were read, are not listed. For whom EXECUTE is granted.';

REVOKE ALL ON FUNCTION tarot.processing_records(), tarot.reads_are_on_record(oid), tarot.columns_not_read(oid, timestamptz),
	tarot.minimization_report(timestamptz) FROM PUBLIC;

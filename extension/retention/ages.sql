-- retention: old rows by an index
--
-- Where few rows of a table are old, ranges of ages take the place of ranges of blocks: an index tells where the rows are, and the rest is
-- not read.

-- The share of a table's rows that are old, and of its blocks that have such rows, as the statistics have it; NULL where there are none.
CREATE FUNCTION tarot.old_share(leaf oid, age_column name, cutoff text,
		OUT share double precision, OUT blocks double precision) RETURNS record
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	type CONSTANT text := regexp_replace(cutoff, '^.*::', '');
	together double precision;
BEGIN
	EXECUTE format($statement$
		SELECT coalesce(v.old, 0)
					+ (1 - coalesce(s.null_frac, 0) - coalesce(v.every, 0))
						* coalesce((
							SELECT count(*) FILTER (WHERE b < %2$s)::float8 / nullif(count(*), 0)
								FROM unnest(s.histogram_bounds::text::%1$s[]) AS b), 0),
				coalesce(s.correlation, 0) ^ 2
			FROM pg_stats s,
				LATERAL (
					SELECT sum(m.share) FILTER (WHERE m.value < %2$s) AS old, sum(m.share) AS every
						FROM unnest(s.most_common_vals::text::%1$s[], s.most_common_freqs) AS m (value, share)) AS v
			WHERE (s.schemaname, s.tablename) = (
					SELECT n.nspname, c.relname
						FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
						WHERE c.oid = $1)
				AND s.attname = $2 AND NOT s.inherited
		$statement$, type, cutoff) INTO share, together USING leaf, age_column;
	-- One for each row, unless rows lie in the order of their ages.
	blocks := (SELECT share * (together + (1 - together) * greatest(c.reltuples, 0) / greatest(c.relpages, 1))
		FROM pg_class c
		WHERE c.oid = leaf);
END
$$;

-- Whether to go by an index: one whose order is that of ages, of the whole table, where that leaves most blocks unread.
CREATE FUNCTION tarot.goes_by_age(leaf oid, age_column name, cutoff text) RETURNS boolean
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	number CONSTANT smallint := (SELECT a.attnum
		FROM pg_attribute a
		WHERE a.attrelid = leaf AND a.attname = age_column AND NOT a.attisdropped);
BEGIN
	RETURN pg_relation_size(leaf) >= 16777216
		AND EXISTS (SELECT FROM pg_index i
				JOIN pg_class c ON c.oid = i.indexrelid
				JOIN pg_am m ON m.oid = c.relam
				JOIN pg_opclass o ON o.oid = i.indclass[0]
			WHERE i.indrelid = leaf AND i.indkey[0] = number AND i.indisvalid AND i.indpred IS NULL
				AND m.amname = 'btree' AND o.opcdefault)
		-- A mask is in no index.
		AND NOT (tarot.is_masked(leaf) AND tarot.class_of_column(leaf, number) IS NOT NULL)
		AND coalesce((SELECT o.share < 0.05 AND o.blocks < 0.1 FROM tarot.old_share(leaf, age_column, cutoff) AS o), false);
END
$$;

-- The end of the next range, of so many rows: a part of a statement's WITH, as "edge". NULL: there is none.
CREATE FUNCTION tarot.age_edge(leaf oid, age_column name, cutoff text, after text, size bigint) RETURNS text
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT format('edge AS MATERIALIZED (SELECT max(e.age) AS age '
				'FROM (SELECT t.%1$I AS age FROM ONLY %2$s t WHERE %3$s ORDER BY t.%1$I LIMIT %4$s) AS e)',
			age_column, leaf::regclass,
			concat_ws(' AND ', format('t.%I < %s', age_column, cutoff),
				CASE WHEN after IS NOT NULL THEN format('t.%I > %s', age_column, after) END),
			size)
	$$;

REVOKE ALL ON FUNCTION tarot.old_share(oid, name, text), tarot.goes_by_age(oid, name, text),
	tarot.age_edge(oid, name, text, text, bigint) FROM PUBLIC;

-- anonymize: how anonymous a table is, by its quasi-identifiers
--
-- All read as the caller, so what is masked for the caller is counted as its mask. A NULL is a value like
-- any other: who has none is told apart by that, too.

-- ------------------------------------------------------------ for the functions below alone

CREATE FUNCTION tarot.ordered_distance(ranks integer[], counts bigint[], cumulative double precision[], sums double precision[])
	RETURNS double precision
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_anonymize_ordered_distance';

CREATE FUNCTION tarot.quoted_columns(rel regclass, columns name[]) RETURNS text
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	missing name;
BEGIN
	IF rel IS NULL OR columns IS NULL OR array_position(columns, NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'the table and its columns must not be null' USING ERRCODE = 'null_value_not_allowed';
	ELSIF columns = '{}' THEN
		RAISE EXCEPTION 'there must be one quasi-identifier at least' USING ERRCODE = 'invalid_parameter_value';
	ELSIF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = rel AND c.relkind IN ('r', 'p', 'm', 'v', 'f')) THEN
		RAISE EXCEPTION '"%" is not a table or view', tarot.relation_name(rel) USING ERRCODE = 'wrong_object_type';
	END IF;
	SELECT c INTO missing
		FROM unnest(columns) AS c
		WHERE NOT EXISTS (
			SELECT FROM pg_attribute a WHERE a.attrelid = rel AND a.attname = c AND a.attnum > 0 AND NOT a.attisdropped);
	IF FOUND THEN
		RAISE EXCEPTION 'column "%" of "%" does not exist', missing, tarot.relation_name(rel) USING ERRCODE = 'undefined_column';
	END IF;
	-- Encrypted values are counted as what the caller sees of them, as others are: by themselves they are compared by their search tags.
	RETURN (
		SELECT string_agg(DISTINCT concat_ws('::', quote_ident(a.attname), tarot.plain_type(a.atttypid)::text), ', ')
		FROM pg_attribute a
		WHERE a.attrelid = rel AND a.attname = ANY (columns) AND a.attnum > 0 AND NOT a.attisdropped);
END
$$;

-- Policies of the tables below a view count for the view's owner or for the caller: nothing is known of them here.
CREATE FUNCTION tarot.sees_all_rows(rel regclass) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT c.relkind IN ('r', 'p', 'm') AND NOT row_security_active(c.oid) FROM pg_class c WHERE c.oid = rel $$;

-- ------------------------------------------------------------ k-anonymity

CREATE FUNCTION tarot.k_anonymity(rel regclass, quasi_identifiers name[], k integer DEFAULT 5,
		OUT smallest bigint, OUT groups bigint, OUT total bigint, OUT groups_below bigint, OUT rows_below bigint,
		OUT distribution jsonb, OUT all_rows boolean) RETURNS record
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF (k >= 2) IS NOT TRUE THEN
		RAISE EXCEPTION 'k must be 2 at least' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	EXECUTE format('WITH sizes AS MATERIALIZED (SELECT count(*) AS size FROM %s GROUP BY %s)
		SELECT min(size), count(*), coalesce(sum(size), 0), count(*) FILTER (WHERE size < $1), '
			'coalesce(sum(size) FILTER (WHERE size < $1), 0),
			jsonb_build_object(''1'', count(*) FILTER (WHERE size = 1), ''2'', count(*) FILTER (WHERE size = 2), '
				'''3-4'', count(*) FILTER (WHERE size BETWEEN 3 AND 4),
				''5-9'', count(*) FILTER (WHERE size BETWEEN 5 AND 9), ''10-49'', count(*) FILTER (WHERE size BETWEEN 10 AND 49), '
				'''50-'', count(*) FILTER (WHERE size >= 50))
		FROM sizes', rel, tarot.quoted_columns(rel, quasi_identifiers))
		INTO smallest, groups, total, groups_below, rows_below, distribution USING k;
	all_rows := tarot.sees_all_rows(rel);
END
$$;
COMMENT ON FUNCTION tarot.k_anonymity(regclass, name[], integer) IS
	'How many rows share their quasi-identifiers, the columns by which somebody may be known from elsewhere (Sweeney 2002). A table or '
	'view is k-anonymous for k up to smallest, the size of the smallest group; NULL for no rows. Also the number of groups and of rows in '
	'all, of groups with fewer than k rows and of the rows in them, and how many groups there are of each size. all_rows is false where '
	'row policies may hide some from the caller, and for views. Never tells a value. Raises 22023 for a k below 2, 42703 for a column '
	'that does not exist, 42883 for one whose type knows no equality.';

CREATE FUNCTION tarot.require_k_anonymity(rel regclass, quasi_identifiers name[], k integer DEFAULT 5) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	report record := tarot.k_anonymity(rel, quasi_identifiers, k);
BEGIN
	IF NOT report.all_rows AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = rel AND c.relkind = 'v') THEN
		RAISE EXCEPTION 'row security may hide rows of "%" from role "%"', tarot.relation_name(rel), current_user
			USING ERRCODE = 'insufficient_privilege',
			HINT = 'Ask as a role that sees all rows that are copied.';
	ELSIF report.groups_below > 0 THEN
		RAISE EXCEPTION '"%" is not %-anonymous', tarot.relation_name(rel), k
			USING ERRCODE = 'check_violation',
			DETAIL = format('%s of %s groups have fewer than %s rows, %s of %s rows in all; the smallest has %s.',
				report.groups_below, report.groups, k, report.rows_below, report.total, report.smallest),
			HINT = 'Generalize or leave out a quasi-identifier, or leave out these rows.';
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.require_k_anonymity(regclass, name[], integer) IS
	'For scripts before a dump: does nothing where each group of rows with the same quasi-identifiers has k rows at least (see '
	'tarot.k_anonymity()), and else raises 23514; 42501 where row policies may hide rows of a table from the caller. Of a view what the '
	'caller sees of it counts. No rows are enough.';

-- ------------------------------------------------------------ l-diversity

CREATE FUNCTION tarot.l_diversity(rel regclass, quasi_identifiers name[], sensitive name, l integer DEFAULT 2,
		OUT smallest bigint, OUT entropy double precision, OUT groups bigint, OUT total bigint,
		OUT groups_below bigint, OUT rows_below bigint, OUT all_rows boolean) RETURNS record
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	quasi text := tarot.quoted_columns(rel, quasi_identifiers);
BEGIN
	IF (l >= 2) IS NOT TRUE THEN
		RAISE EXCEPTION 'l must be 2 at least' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	-- Of n rows, c with each value: the entropy is ln n less the mean of ln c.
	EXECUTE format('WITH values AS (SELECT dense_rank() OVER (ORDER BY %1$s) AS g, count(*) AS c FROM %3$s GROUP BY %1$s, %2$s),
			groups AS MATERIALIZED (SELECT count(*) AS different, sum(c) AS size, '
				'exp(ln(sum(c)::float8) - sum(c * ln(c::float8)) / sum(c)::float8) AS entropy FROM values GROUP BY g)
		SELECT min(different), least(min(entropy), min(different)), count(*), coalesce(sum(size), 0), '
			'count(*) FILTER (WHERE different < $1), coalesce(sum(size) FILTER (WHERE different < $1), 0) FROM groups',
		quasi, tarot.quoted_columns(rel, ARRAY[sensitive]), rel)
		INTO smallest, entropy, groups, total, groups_below, rows_below USING l;
	all_rows := tarot.sees_all_rows(rel);
END
$$;
COMMENT ON FUNCTION tarot.l_diversity(regclass, name[], name, integer) IS
	'How many different sensitive values the rows of a group with the same quasi-identifiers have (Machanavajjhala and others 2007): a '
	'group in which all have one is told apart by nothing, and tells it. smallest is the number in the group with the fewest (distinct '
	'l-diversity); entropy is e to the smallest entropy of a group (entropy l-diversity: it counts how evenly they are spread, and is at '
	'most smallest). Also the groups with fewer than l different values, and the rows in them. NULL is a value of its own. all_rows and '
	'errors as those of tarot.k_anonymity(); 22023 for an l below 2; 42883 for a quasi-identifier whose type has no order.';

-- ------------------------------------------------------------ t-closeness

CREATE FUNCTION tarot.t_closeness(rel regclass, quasi_identifiers name[], sensitive name, t double precision DEFAULT 0.2,
		ordered boolean DEFAULT NULL,
		OUT largest double precision, OUT groups bigint, OUT total bigint, OUT groups_above bigint, OUT rows_above bigint,
		OUT distance text, OUT all_rows boolean) RETURNS record
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	quasi text := tarot.quoted_columns(rel, quasi_identifiers);
	value text := tarot.quoted_columns(rel, ARRAY[sensitive]);
BEGIN
	IF (t BETWEEN 0 AND 1) IS NOT TRUE THEN
		RAISE EXCEPTION 't must be between 0 and 1' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	ordered := coalesce(ordered, (
		SELECT y.typcategory IN ('N', 'D', 'T')
		FROM pg_attribute a JOIN pg_type y ON y.oid = coalesce(tarot.plain_type(a.atttypid), a.atttypid)
		WHERE a.attrelid = rel AND a.attname = sensitive));
	distance := CASE WHEN ordered THEN 'ordered' ELSE 'equal' END;
	-- v numbers the values in their order, NULL last. Of equal distance, half the sum of |p - q| is that of p - q where a group has more.
	EXECUTE format('WITH counted AS MATERIALIZED (SELECT dense_rank() OVER (ORDER BY %1$s)::int AS g, '
				'dense_rank() OVER (ORDER BY %2$s)::int AS v, count(*) AS c FROM %3$s GROUP BY %1$s, %2$s),
			of_all AS MATERIALIZED (SELECT v, sum(c)::float8 / sum(sum(c)) OVER ()::float8 AS q FROM counted GROUP BY v),'
		|| CASE WHEN ordered THEN '
			curve AS MATERIALIZED (SELECT v, sum(q) OVER (ORDER BY v) AS cumulative FROM of_all),
			curves AS MATERIALIZED (SELECT array_agg(cumulative ORDER BY v) AS cumulative, array_agg(sums ORDER BY v) AS sums '
				'FROM (SELECT v, cumulative, sum(cumulative) OVER (ORDER BY v) AS sums FROM curve) AS s),
			groups AS MATERIALIZED (SELECT sum(c) AS size, tarot.ordered_distance(array_agg(v ORDER BY v), array_agg(c ORDER BY v), '
				'(SELECT cumulative FROM curves), (SELECT sums FROM curves)) AS far FROM counted GROUP BY g)'
		ELSE '
			shares AS (SELECT g, v, c, c::float8 / sum(c) OVER (PARTITION BY g)::float8 AS p FROM counted),
			groups AS MATERIALIZED (SELECT sum(c) AS size, sum(greatest(p - q, 0)) AS far '
				'FROM shares JOIN of_all USING (v) GROUP BY g)' END || '
		SELECT max(far), count(*), coalesce(sum(size), 0), count(*) FILTER (WHERE far > $1), '
			'coalesce(sum(size) FILTER (WHERE far > $1), 0) FROM groups',
		quasi, value, rel)
		INTO largest, groups, total, groups_above, rows_above USING t;
	all_rows := tarot.sees_all_rows(rel);
END
$$;
COMMENT ON FUNCTION tarot.t_closeness(regclass, name[], name, double precision, boolean) IS
	'How far the distribution of a sensitive column within a group of rows with the same quasi-identifiers is from that in all rows, from '
	'0 to 1 (Li, Li and Venkatasubramanian 2007): largest is the earth mover''s distance of the group that is farthest. Of numbers, dates '
	'and times (or what ordered says) by how many ranks values are apart, NULL after all others; of others each two values are equally '
	'far. Also the groups that are farther than t, and the rows in them. all_rows and errors as those of tarot.k_anonymity(); 22023 for a '
	't that is not from 0 to 1; 42883 for a column whose type has no order.';

-- retention: old rows that stay, without what they tell of anybody
--
-- A batch of the action "anonymize" updates rows and marks them in a column of the table, so that a row that the walk meets again, at its
-- new place or in a restored dump, is not done twice.

-- ------------------------------------------------------------ the mark

-- Whether a row t is marked.
CREATE FUNCTION tarot.retention_marked(relation oid, marker name) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT format('t.%I IS %s', a.attname, CASE a.atttypid WHEN 'boolean'::regtype THEN 'TRUE' ELSE 'NOT NULL' END)
			FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = marker AND a.attnum > 0 AND NOT a.attisdropped
	$$;

CREATE FUNCTION tarot.require_marker(p tarot.retention_policy) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	name CONSTANT text := tarot.relation_name(p.relation);
	a pg_attribute;
BEGIN
	SELECT * INTO a FROM pg_attribute i WHERE i.attrelid = p.relation AND i.attname = p.marker AND i.attnum > 0 AND NOT i.attisdropped;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'column "%" of table "%" does not exist, and could not tell which rows are anonymized', p.marker, name
			USING ERRCODE = 'undefined_column',
				HINT = format('Add it: ALTER TABLE %s ADD COLUMN %I timestamptz; or name another in marker.', p.relation, p.marker);
	ELSIF a.atttypid NOT IN ('boolean'::regtype, 'date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype) THEN
		RAISE EXCEPTION 'column "%" of table "%" cannot tell which rows are anonymized', p.marker, name
			USING ERRCODE = 'datatype_mismatch',
				DETAIL = format('It is of type %s.', a.atttypid::regtype),
				HINT = format('The types that can are boolean, date, timestamp and timestamptz: '
					'ALTER TABLE %s ADD COLUMN anonymized_at timestamptz.', p.relation);
	ELSIF a.attgenerated <> '' THEN
		RAISE EXCEPTION 'column "%" of table "%" is generated, and cannot tell which rows are anonymized', p.marker, name
			USING ERRCODE = 'generated_always',
				HINT = format('Add one that can be written: ALTER TABLE %s ADD COLUMN anonymized_at timestamptz.', p.relation);
	ELSIF a.attnotnull AND a.atttypid <> 'boolean'::regtype THEN
		RAISE EXCEPTION 'column "%" of table "%" is never NULL, so that all rows would count as anonymized', p.marker, name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format('Let it be NULL: ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL; or name a boolean one.', p.relation, p.marker);
	ELSIF p.marker = p.age_column OR p.marker = ANY (p.clear || p.keep_columns) OR p.replacements ? p.marker::text THEN
		RAISE EXCEPTION 'column "%" cannot both tell which rows are anonymized and be something else', p.marker
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF tarot.class_of_column(p.relation, a.attnum) IS NOT NULL THEN
		RAISE EXCEPTION 'column "%" of table "%" has a data class, and cannot tell which rows are anonymized', p.marker, name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Take a column without one.';
	END IF;
	-- What one has done, another that does something else would take for done.
	IF EXISTS (SELECT FROM tarot.retention_policy o
		WHERE o.name <> p.name AND o.action = 'anonymize' AND o.marker = p.marker
			AND (o.class, o.keep_columns, o.clear, o.replacements) IS DISTINCT FROM (p.class, p.keep_columns, p.clear, p.replacements)
			AND (EXISTS (SELECT FROM tarot.relation_tree(p.relation) t WHERE t.member = o.relation)
				OR EXISTS (SELECT FROM tarot.relation_tree(o.relation) t WHERE t.member = p.relation)))
	THEN
		RAISE EXCEPTION 'another policy marks rows of table "%" in column "%", and does something else to them', name, p.marker
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Give each policy a marker of its own.';
	END IF;
END
$$;

-- ------------------------------------------------------------ what becomes of columns

-- Those of one table or partition that are dealt with, or named to be left. For everybody, as tarot.retention_gaps asks so.
CREATE FUNCTION tarot.anonymized_columns(p tarot.retention_policy, leaf oid)
	RETURNS TABLE ("column" name, number smallint, class text, treatment text, value text)
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT a.attname, a.attnum, k.class,
				CASE
					WHEN a.attname = ANY (p.keep_columns) THEN 'kept'
					WHEN a.attgenerated <> '' THEN 'computed'
					WHEN a.attname = ANY (p.clear) THEN 'cleared'
					WHEN p.replacements ? a.attname::text THEN 'replaced'
					ELSE 'masked'
				END,
				p.replacements->>a.attname::text
			FROM pg_attribute a,
				LATERAL (SELECT coalesce(tarot.class_of_type(a.atttypid, a.atttypmod), tarot.class_of_column(leaf, a.attnum))) AS k (class)
			WHERE a.attrelid = leaf AND a.attnum > 0 AND NOT a.attisdropped
				AND (a.attname = ANY (p.keep_columns || p.clear)
					OR p.replacements ? a.attname::text
					OR k.class IS NOT NULL AND k.class = coalesce(p.class, k.class))
	$$;

-- The same for people: of the table itself.
CREATE FUNCTION tarot.anonymization_of(p tarot.retention_policy) RETURNS jsonb
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT jsonb_object_agg(c."column", c.treatment) FROM tarot.anonymized_columns(p, p.relation) c $$;

-- What an UPDATE of rows t sets. A mask is not masked again: what another policy has done shows its marker.
CREATE FUNCTION tarot.anonymizing_changes(p tarot.retention_policy, leaf oid) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT string_agg(
					format('%I = ', c."column") || CASE c.treatment
						WHEN 'cleared' THEN 'NULL'
						WHEN 'replaced' THEN quote_literal(c.value)
						ELSE format('tarot.anonymized(t.%I, %s)', c."column", coalesce((
							SELECT string_agg(DISTINCT m.marked, ' OR ')
								FROM tarot.retention_policy o,
									LATERAL (SELECT tarot.retention_marked(leaf, o.marker)) AS m (marked)
								WHERE o.action = 'anonymize' AND o.marker <> p.marker
									AND EXISTS (SELECT FROM tarot.relation_tree(o.relation) t WHERE t.member = leaf)
									AND EXISTS (SELECT FROM tarot.anonymized_columns(o, leaf) d
										WHERE d.number = c.number AND d.treatment = 'masked')), 'false'))
						END,
					', ' ORDER BY c.number)
				|| (SELECT format(', %I = %s', a.attname, CASE a.atttypid WHEN 'boolean'::regtype THEN 'true' ELSE 'now()' END)
					FROM pg_attribute a
					WHERE a.attrelid = leaf AND a.attname = p.marker)
			FROM tarot.anonymized_columns(p, leaf) c
			WHERE c.treatment IN ('cleared', 'replaced', 'masked')
	$$;

-- Whether keys of a row may change, for which more of it must be locked.
CREATE FUNCTION tarot.anonymizes_keys(p tarot.retention_policy, leaf oid) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT EXISTS (SELECT FROM pg_index i
				JOIN tarot.anonymized_columns(p, leaf) c ON c.treatment <> 'kept' AND c.number = ANY (i.indkey::smallint[])
			WHERE i.indrelid = leaf AND i.indisunique)
	$$;

-- ------------------------------------------------------------ what is in the way

-- Whether masks are made with a key, or by a function: they tell whoever makes up values something.
CREATE FUNCTION tarot.has_secret_mask(class text) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT c.mask ~ '^(hash|pseudonym|fake_|noise|function)' OR c.mask ~ '^json\(.*(hash|pseudonym|fake_|noise)'
			FROM tarot.class c
			WHERE c.name = has_secret_mask.class
	$$;

-- Whether masks differ among each other, and from values that are no masks: pseudonyms are like values of others.
CREATE FUNCTION tarot.has_unique_mask(class text, type oid, typmod integer) RETURNS boolean
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT coalesce((
			SELECT c.mask = 'hash' AND coalesce(tarot.plain_type(type), type) IN ('text'::regtype, 'bytea'::regtype, 'uuid'::regtype)
					OR c.mask = 'hash' AND type IN ('varchar'::regtype, 'bpchar'::regtype) AND (typmod < 0 OR typmod >= 36)
				FROM tarot.class c
				WHERE c.name = has_unique_mask.class), false)
	$$;

-- Compiling it would take longer than it does, by far: it is dear by the planner's guesses alone.
CREATE FUNCTION tarot.anonymizing_obstacles(p tarot.retention_policy) RETURNS TABLE (object text, problem text)
	LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET jit = off
	AS $$
		WITH RECURSIVE up (relation, ancestor) AS (
			SELECT t.member, t.member FROM tarot.relation_tree(p.relation) t
			UNION SELECT up.relation, i.inhparent FROM up JOIN pg_inherits i ON i.inhrelid = up.ancestor
		), dealt_with AS (
			SELECT t.member AS relation, r.relowner AS owner, c.*, a.atttypid AS type, a.atttypmod AS typmod, a.attnotnull,
					tarot.plain_type(a.atttypid) AS plain, t.member = p.relation OR a.attinhcount = 0 AS own
				FROM tarot.relation_tree(p.relation) t
					JOIN pg_class r ON r.oid = t.member
					CROSS JOIN LATERAL tarot.anonymized_columns(p, t.member) c
					JOIN pg_attribute a ON a.attrelid = t.member AND a.attnum = c.number
		), computed AS (
			SELECT a.attrelid AS relation, a.attnum AS number, bool_or(c.treatment <> 'kept') AS changes
				FROM pg_attribute a
					JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
					JOIN pg_depend n ON n.classid = 'pg_attrdef'::regclass AND n.objid = d.oid
						AND n.refclassid = 'pg_class'::regclass AND n.refobjid = a.attrelid
					JOIN dealt_with c ON c.relation = a.attrelid AND c.number = n.refobjsubid AND c.treatment <> 'computed'
				WHERE a.attgenerated <> ''
				GROUP BY a.attrelid, a.attnum
		), changed AS (
			SELECT c.relation, c.number, c.treatment, c.class, c.type, c.typmod, c.plain
				FROM dealt_with c
				WHERE c.treatment NOT IN ('computed', 'kept')
			UNION ALL SELECT c.relation, c.number, 'computed', NULL, NULL::oid, NULL::integer, NULL::regtype
				FROM computed c
				WHERE c.changes
			UNION ALL SELECT a.attrelid, a.attnum, 'marked', NULL, NULL, NULL, NULL
				FROM tarot.relation_tree(p.relation) t
					JOIN pg_attribute a ON a.attrelid = t.member AND a.attname = p.marker
		), found AS (
			SELECT DISTINCT c.relation, c.number,
					CASE
						WHEN c.treatment = 'computed' THEN
							CASE
								WHEN c."column" = ANY (p.clear) OR p.replacements ? c."column"::text
									THEN 'it is generated, and cannot be written'
								WHEN NOT EXISTS (SELECT FROM computed d WHERE d.relation = c.relation AND d.number = c.number)
									THEN 'what it is computed from stays as it is'
							END
						WHEN c.treatment = 'masked' AND c.class = 'unclassified'
							THEN 'nobody has said of which data class it is'
						WHEN c.treatment = 'masked' AND NOT EXISTS (SELECT FROM tarot.class k WHERE k.name = c.class)
							THEN 'its data class does not exist'
						WHEN c.treatment = 'masked' AND c.plain IS NULL AND tarot.class_of_type(c.type, c.typmod) IS NOT NULL
							THEN 'its values are encrypted within others'
						WHEN c.attnotnull
								AND (c.treatment = 'cleared'
									OR c.treatment = 'masked' AND NOT tarot.mask_fits(c.class, coalesce(c.plain, c.type),
										CASE WHEN c.plain IS NULL THEN c.typmod ELSE -1 END))
							THEN 'it would be NULL, which it does not allow'
						WHEN c.treatment = 'masked' AND c.plain IS NULL AND tarot.has_secret_mask(c.class)
								AND NOT tarot.is_masked(c.relation) AND NOT tarot.role_writes_class(c.owner, c.class)
							THEN format('role %s may write values there, and not data class %s, '
								'and would learn what its mask makes of them',
								c.owner::regrole, quote_ident(c.class))
						WHEN c.treatment = 'replaced' AND c.class IS NOT NULL AND NOT tarot.role_writes_class(c.owner, c.class)
							THEN format('role %s may not write data class %s', c.owner::regrole, quote_ident(c.class))
					END AS problem
				FROM dealt_with c
				WHERE c.own OR c.attnotnull
			UNION SELECT c.relation, c.number, 'rows are assigned to partitions by it'
				FROM changed c
					JOIN up ON up.relation = c.relation
					JOIN pg_partitioned_table t ON t.partrelid = up.ancestor
					JOIN pg_attribute a ON a.attrelid = c.relation AND a.attnum = c.number
					JOIN pg_attribute b ON b.attrelid = t.partrelid AND b.attname = a.attname
				WHERE b.attnum = ANY (t.partattrs::smallint[])
					OR EXISTS (SELECT FROM pg_depend d
						WHERE d.classid = 'pg_class'::regclass AND d.objid = t.partrelid
							AND d.refclassid = 'pg_class'::regclass AND d.refobjid = t.partrelid AND d.refobjsubid = b.attnum
							AND d.deptype IN ('i', 'n') AND d.objsubid = 0)
		)
		SELECT pg_describe_object('pg_class'::regclass, f.relation, f.number), f.problem
			FROM found f
			WHERE f.problem IS NOT NULL
		UNION SELECT pg_describe_object('pg_constraint'::regclass, n.oid, 0),
				format('%s is one of its columns', string_agg(DISTINCT quote_ident(a.attname), ', '))
			FROM pg_constraint n
				JOIN changed c ON c.relation = n.conrelid AND c.number = ANY (n.conkey)
					OR c.relation = n.confrelid AND c.number = ANY (n.confkey)
				JOIN pg_attribute a ON a.attrelid = c.relation AND a.attnum = c.number
			-- Those of partitions are told of with their parent's, unless that one is above the policy's table.
			WHERE n.contype = 'f'
				AND NOT EXISTS (SELECT FROM pg_constraint u
						JOIN tarot.relation_tree(p.relation) t ON t.member IN (u.conrelid, u.confrelid)
					WHERE u.oid = n.conparentid)
				AND NOT (c.treatment = 'cleared' AND c.relation = n.conrelid AND c.number = ANY (n.conkey) AND n.confmatchtype <> 'f'
					AND NOT (c.relation = n.confrelid AND c.number = ANY (n.confkey)))
			GROUP BY n.oid
		UNION SELECT pg_describe_object('pg_class'::regclass, i.indexrelid, 0),
				format('keys of several rows could be the same: %s', string_agg(DISTINCT quote_ident(a.attname), ', '))
			FROM pg_index i
				JOIN changed c ON c.relation = i.indrelid
				JOIN pg_attribute a ON a.attrelid = c.relation AND a.attnum = c.number
			WHERE (i.indisunique OR i.indisexclusion)
				AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)
				AND (c.number = ANY (i.indkey::smallint[])
						AND NOT (c.treatment = 'cleared' AND NOT i.indnullsnotdistinct)
						AND NOT (c.treatment = 'masked' AND NOT i.indisexclusion AND tarot.has_unique_mask(c.class, c.type, c.typmod))
					OR EXISTS (SELECT FROM pg_depend d
						WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
							AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.relation AND d.refobjsubid = c.number
							AND c.number <> ALL (i.indkey::smallint[])))
			GROUP BY i.indexrelid
		UNION SELECT pg_describe_object('pg_trigger'::regclass, t.oid, 0),
				CASE
					WHEN t.tgfoid = 'tarot.enforce_row'::regproc
						THEN format('it binds encrypted values, and %s would change', quote_ident(a.attname))
					ELSE format('%s is being converted', quote_ident(a.attname))
				END
			FROM changed c
				JOIN pg_attribute a ON a.attrelid = c.relation AND a.attnum = c.number
				JOIN pg_trigger t ON t.tgrelid = c.relation AND t.tgparentid = 0
					AND t.tgfoid IN ('tarot.enforce_row'::regproc, 'tarot.fill_converted_column'::regproc)
				CROSS JOIN LATERAL tarot.trigger_arguments(t.tgargs) AS n (names)
			WHERE a.attname = ANY (n.names)
				AND NOT (c.treatment = 'cleared' AND t.tgfoid = 'tarot.enforce_row'::regproc AND n.names[1] = a.attname)
	$$;

CREATE FUNCTION tarot.require_anonymizable(p tarot.retention_policy) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	name CONSTANT text := tarot.relation_name(p.relation);
	missing name;
	twice name;
	problems text;
BEGIN
	PERFORM tarot.require_marker(p);
	SELECT c INTO missing
		FROM (SELECT unnest(p.keep_columns || p.clear) UNION SELECT jsonb_object_keys(p.replacements)::name) AS n (c)
		WHERE NOT EXISTS (SELECT FROM pg_attribute a
			WHERE a.attrelid = p.relation AND a.attname = c AND a.attnum > 0 AND NOT a.attisdropped)
		ORDER BY c LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'column "%" of table "%" does not exist', missing, name USING ERRCODE = 'undefined_column';
	END IF;
	SELECT n.c INTO twice
		FROM (
			SELECT unnest(p.keep_columns)
			UNION ALL SELECT unnest(p.clear)
			UNION ALL SELECT jsonb_object_keys(p.replacements)::name) AS n (c)
		GROUP BY n.c
		HAVING count(*) > 1
		ORDER BY n.c LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'it is said twice what is to become of column "%"', twice
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Name it once, in keep_columns, clear or replacements.';
	ELSIF NOT EXISTS (SELECT FROM tarot.anonymized_columns(p, p.relation) c WHERE c.treatment IN ('masked', 'cleared', 'replaced')) THEN
		RAISE EXCEPTION 'nothing of table "%" would be anonymized', name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = CASE WHEN p.class IS NULL
					THEN 'Give its columns classes with tarot.classify_column(), or name some in clear or replacements.'
					ELSE format('No column of it has the class %s.', quote_ident(p.class)) END;
	END IF;
	SELECT string_agg(format('%s: %s.', o.object, o.problem), E'\n' ORDER BY o.object COLLATE "C", o.problem COLLATE "C") INTO problems
		FROM tarot.anonymizing_obstacles(p) o;
	IF problems IS NOT NULL THEN
		RAISE EXCEPTION 'rows of table "%" cannot be anonymized by a policy', name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = problems,
				HINT = 'Name columns that are to stay in keep_columns, others in clear or replacements; '
					'or give them a class whose mask fits, as hash does where keys must differ.';
	END IF;
END
$$;

REVOKE ALL ON FUNCTION tarot.retention_marked(oid, name), tarot.require_marker(tarot.retention_policy),
	tarot.anonymization_of(tarot.retention_policy), tarot.anonymizing_changes(tarot.retention_policy, oid),
	tarot.anonymizes_keys(tarot.retention_policy, oid), tarot.has_secret_mask(text), tarot.has_unique_mask(text, oid, integer),
	tarot.anonymizing_obstacles(tarot.retention_policy), tarot.require_anonymizable(tarot.retention_policy) FROM PUBLIC;

-- masking: views that show masks, for who holds nothing on their tables

CREATE FUNCTION tarot.columns_of_view(view oid, OUT name name, OUT "column" smallint) RETURNS SETOF record
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_masking_columns_of_view';

CREATE VIEW tarot.masking_views AS
	SELECT c.oid::pg_catalog.regclass AS view, t.relation::pg_catalog.regclass AS "table", l.label = 'masking *' AS follows,
		ARRAY(SELECT v.name FROM tarot.columns_of_view(c.oid) AS v) AS columns
	FROM pg_catalog.pg_seclabel l
		JOIN pg_catalog.pg_class c ON c.oid = l.objoid AND c.relkind = 'v'
		JOIN LATERAL (
			SELECT DISTINCT d.refobjid AS relation
			FROM pg_catalog.pg_rewrite w
				JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
					AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> c.oid
			WHERE w.ev_class = c.oid
		) AS t ON true
	WHERE l.provider = 'tarot_security' AND l.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND l.objsubid = 0
		AND pg_catalog.starts_with(l.label, 'masking');
COMMENT ON VIEW tarot.masking_views IS 'Views that tarot.create_masking_view() has made.';
COMMENT ON COLUMN tarot.masking_views.view IS 'The view.';
COMMENT ON COLUMN tarot.masking_views."table" IS 'The table that it shows.';
COMMENT ON COLUMN tarot.masking_views.follows IS 'Whether it gets the columns that the table is given.';
COMMENT ON COLUMN tarot.masking_views.columns IS 'Its columns.';
GRANT SELECT ON tarot.masking_views TO pg_monitor;

CREATE FUNCTION tarot.masking_views_of(relation oid) RETURNS TABLE (view oid, follows boolean)
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT DISTINCT l.objoid, l.label = 'masking *'
		FROM pg_seclabel l
			JOIN pg_rewrite w ON w.ev_class = l.objoid
			JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
				AND d.refclassid = 'pg_class'::regclass AND d.refobjid = relation
		WHERE l.provider = 'tarot_security' AND l.classoid = 'pg_class'::regclass AND l.objsubid = 0 AND starts_with(l.label, 'masking')
	$$;

CREATE FUNCTION tarot.create_masking_view(rel regclass, view text, columns name[] DEFAULT NULL) RETURNS regclass
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	parts CONSTANT text[] := parse_ident(view);
	base pg_class;
	shown CONSTANT name[] := coalesce(columns, ARRAY(SELECT a.attname FROM pg_attribute a
		WHERE a.attrelid = rel AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum));
	missing name;
	name text;
BEGIN
	PERFORM tarot.require_maskable(rel);
	SELECT * INTO base FROM pg_class c WHERE c.oid = rel;
	IF view IS NULL THEN
		RAISE EXCEPTION 'view must not be null' USING ERRCODE = 'null_value_not_allowed';
	ELSIF cardinality(parts) > 2 THEN
		RAISE EXCEPTION 'invalid name of a view: %', view
			USING ERRCODE = 'invalid_name',
				HINT = 'Give its name, or its schema and its name.';
	ELSIF cardinality(shown) = 0 OR array_position(shown, NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'columns must not be empty or have null elements'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Leave them away for all.';
	END IF;
	SELECT s INTO missing FROM unnest(shown) AS s
		WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = rel AND a.attname = s AND a.attnum > 0);
	IF FOUND THEN
		RAISE EXCEPTION 'column "%" of table "%" does not exist', missing, tarot.relation_name(rel) USING ERRCODE = 'undefined_column';
	END IF;
	name := CASE cardinality(parts)
		WHEN 1 THEN format('%s.%I', base.relnamespace::regnamespace, parts[1])
		ELSE format('%I.%I', parts[1], parts[2]) END;
	EXECUTE format('CREATE VIEW %s WITH (security_barrier, security_invoker) AS SELECT %s FROM %s', name,
		(SELECT string_agg(quote_ident(s), ', ' ORDER BY n) FROM unnest(shown) WITH ORDINALITY AS u (s, n)), rel);
	IF (SELECT c.relowner <> base.relowner FROM pg_class c WHERE c.oid = name::regclass) THEN
		EXECUTE format('ALTER VIEW %s OWNER TO %s', name, base.relowner::regrole);
	END IF;
	PERFORM tarot.take_triggers(name::regclass);
	PERFORM tarot.label_table(name::regclass, CASE WHEN columns IS NULL THEN 'masking *' ELSE 'masking' END);
	IF NOT EXISTS (SELECT FROM pg_attribute a
		WHERE a.attrelid = rel AND a.attname = ANY (shown) AND tarot.class_of_column(rel, a.attnum) IS NOT NULL)
	THEN
		RAISE WARNING 'no column of view "%" has a data class', tarot.relation_name(name::regclass)
			USING HINT = 'Classify columns of the table with tarot.classify_column().';
	END IF;
	RETURN name::regclass;
END
$$;
COMMENT ON FUNCTION tarot.create_masking_view(regclass, text, name[]) IS
	'Makes a view of a table, with all columns (and those that the table is given later) or some of them. Who may select from the view '
	'sees values, masks, or an error (42501) in classified columns, by the grants of their classes, and needs no privilege on the table. '
	'The row policies of the table are those of who queries the view. Rows can be inserted, updated and deleted through it as PostgreSQL '
	'allows. Without a schema it is made in that of the table; it belongs to the owner of the table. Returns the view. For the owner of '
	'the table (42501). Raises 42703 for a column that does not exist, 42809 for what is not a table. Warns where no column has a class.';

CREATE FUNCTION tarot.drop_masking_view(view regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF view IS NULL THEN
		RAISE EXCEPTION 'view must not be null' USING ERRCODE = 'null_value_not_allowed';
	ELSIF NOT EXISTS (SELECT FROM pg_seclabel l JOIN pg_class c ON c.oid = l.objoid
		WHERE l.provider = 'tarot_security' AND l.classoid = 'pg_class'::regclass AND l.objoid = view AND l.objsubid = 0
			AND c.relkind = 'v')
	THEN
		RAISE EXCEPTION '"%" is not a masking view', tarot.relation_name(view)
			USING ERRCODE = 'wrong_object_type',
				HINT = 'tarot.masking_views lists those that there are.';
	END IF;
	EXECUTE format('DROP VIEW %s', view);
END
$$;
COMMENT ON FUNCTION tarot.drop_masking_view(regclass) IS
	'Drops a view that tarot.create_masking_view() has made. For its owner (42501). Raises 42809 for what is no such view, 2BP01 while '
	'others depend on it.';

-- Gives a view the columns that its table has and it has not.
CREATE FUNCTION tarot.extend_masking_view(view oid, relation oid) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	columns text;
BEGIN
	SELECT string_agg(format('%I AS %I', a.attname, coalesce(v.name, a.attname)), ', ' ORDER BY v.number NULLS LAST, a.attnum)
		INTO columns
		FROM pg_attribute a
			LEFT JOIN (SELECT * FROM tarot.columns_of_view(view) WITH ORDINALITY AS c (name, "column", number)) AS v
				ON v."column" = a.attnum
		WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped;
	EXECUTE format('CREATE OR REPLACE VIEW %s WITH (security_barrier, security_invoker) AS SELECT %s FROM %s',
		view::regclass, columns, relation::regclass);
END
$$;

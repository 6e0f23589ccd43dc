-- convert: what a converted column takes along beside its values

CREATE FUNCTION tarot.constant_default(relation oid, "column" name) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_convert_constant_default';

-- The default as it is set for the new type. A constant becomes a literal, which an encrypted type seals at
-- once; else its plaintext would stand in the catalog.
CREATE FUNCTION tarot.converted_default(relation oid, "column" name) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT coalesce(tarot.constant_default(relation, "column"), '(' || pg_get_expr(f.adbin, f.adrelid) || ')')
			FROM pg_attribute a JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
			WHERE a.attrelid = relation AND a.attname = "column" AND NOT a.attisdropped
	$$;

-- Statements that give a new column what the old one has beside its values.
CREATE FUNCTION tarot.column_properties(relation oid, "column" name) RETURNS SETOF text
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	a pg_attribute;
	quoted text := format('%s', relation::regclass);
	owned text;
BEGIN
	SELECT * INTO a FROM pg_attribute t WHERE t.attrelid = relation AND t.attname = column_properties."column" AND NOT t.attisdropped;
	owned := tarot.converted_default(relation, "column");
	IF owned IS NOT NULL THEN
		RETURN NEXT format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s', quoted, a.attname, owned);
	END IF;
	-- -1 before 17, NULL since then: the database's own.
	IF a.attstattarget >= 0 THEN
		RETURN NEXT format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS %s', quoted, a.attname, a.attstattarget);
	END IF;
	RETURN QUERY SELECT format('ALTER TABLE %s ALTER COLUMN %I SET (%s)', quoted, a.attname, o)
		FROM unnest(a.attoptions) o WHERE o LIKE 'n\_distinct%';
	IF col_description(relation, a.attnum) IS NOT NULL THEN
		RETURN NEXT format('COMMENT ON COLUMN %s.%I IS %L', quoted, a.attname, col_description(relation, a.attnum));
	END IF;
	-- An encrypted column has its class by its type; of a plain one in a masked table its label is asked for when it is added.
	RETURN QUERY SELECT format('SECURITY LABEL FOR %I ON COLUMN %s.%I IS %L', s.provider, quoted, a.attname, s.label)
		FROM pg_seclabel s
		WHERE s.classoid = 'pg_class'::regclass AND s.objoid = relation AND s.objsubid = a.attnum
			AND s.provider <> 'tarot_security';
	RETURN QUERY SELECT format('GRANT %s (%I) ON %s TO %s%s', g.privilege_type, a.attname, quoted,
			CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END,
			CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
		FROM aclexplode(a.attacl) g;
END
$$;

-- Of the expressions of an index, which no rewrite keeps.
CREATE FUNCTION tarot.index_statistics(index oid) RETURNS SETOF text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS %s', index::regclass, a.attnum, a.attstattarget)
			FROM pg_attribute a WHERE a.attrelid = index AND a.attstattarget >= 0
	$$;

-- Statements that put an index on the new column into the place of one on the old, once that is gone.
CREATE FUNCTION tarot.index_properties(index oid, new_index oid) RETURNS SETOF text
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	i pg_index;
	c pg_class;
	n pg_constraint;
	quoted text;
BEGIN
	SELECT * INTO i FROM pg_index t WHERE t.indexrelid = index_properties.index;
	SELECT * INTO c FROM pg_class t WHERE t.oid = index_properties.index;
	SELECT * INTO n FROM pg_constraint t WHERE t.conrelid = i.indrelid AND t.conindid = index_properties.index AND t.contype IN ('p', 'u');
	quoted := format('%s', i.indrelid::regclass);
	IF n.oid IS NULL THEN
		RETURN NEXT format('ALTER INDEX %s RENAME TO %I', new_index::regclass, c.relname);
	ELSE
		-- Gives the index the constraint's name.
		RETURN QUERY SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s USING INDEX %I', quoted, n.conname,
				CASE n.contype WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END, t.relname)
			FROM pg_class t WHERE t.oid = new_index;
		IF obj_description(n.oid, 'pg_constraint') IS NOT NULL THEN
			RETURN NEXT format('COMMENT ON CONSTRAINT %I ON %s IS %L', n.conname, quoted, obj_description(n.oid, 'pg_constraint'));
		END IF;
	END IF;
	IF obj_description(index, 'pg_class') IS NOT NULL THEN
		RETURN NEXT format('COMMENT ON INDEX %s IS %L', index::regclass, obj_description(index, 'pg_class'));
	END IF;
	RETURN QUERY SELECT tarot.index_statistics(index);
	IF i.indisclustered THEN
		RETURN NEXT format('ALTER TABLE %s CLUSTER ON %I', quoted, c.relname);
	END IF;
	IF i.indisreplident THEN
		RETURN NEXT format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %I', quoted, c.relname);
	END IF;
END
$$;

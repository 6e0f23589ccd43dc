-- label: the classes of plain columns
--
-- They are security labels of the provider tarot_security, whose rules stand in provider.c.

-- A relation's name for messages, which put it between quotes; as text, regclass has its own. For everybody,
-- as functions with the rights of their caller use it.
CREATE FUNCTION tarot.relation_name(relation regclass) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT coalesce((SELECT CASE WHEN pg_table_is_visible(c.oid) THEN c.relname::text ELSE concat(n.nspname, '.', c.relname) END
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation_name.relation), relation_name.relation::text)
$$;

-- A table and what is below it, of these kinds (pg_class.relkind) or of any.
CREATE FUNCTION tarot.relation_tree(relation oid, kinds "char"[] DEFAULT NULL) RETURNS TABLE (member oid, depth integer)
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY WITH RECURSIVE tree (oid, depth) AS (
			SELECT relation, 0
			UNION ALL SELECT i.inhrelid, t.depth + 1 FROM tree t JOIN pg_inherits i ON i.inhparent = t.oid)
		SELECT t.oid, max(t.depth)
			FROM tree t JOIN pg_class c ON c.oid = t.oid AND coalesce(c.relkind = ANY (kinds), true)
			GROUP BY t.oid ORDER BY max(t.depth), t.oid;
END
$$;

-- Whether a foreign key compares by a cast of somebody's who is no superuser: its function would run with the rights of who asks.
CREATE FUNCTION tarot.has_foreign_cast(foreign_key oid) RETURNS boolean
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	RETURN (SELECT EXISTS (
		SELECT FROM pg_constraint n
				CROSS JOIN LATERAL unnest(n.conkey, n.confkey, n.conpfeqop) AS k (number, foreign_number, operator)
				JOIN pg_operator o ON o.oid = k.operator
				JOIN pg_attribute a ON (a.attrelid, a.attnum) IN ((n.conrelid, k.number), (n.confrelid, k.foreign_number))
				JOIN pg_type t ON t.oid = a.atttypid
				JOIN pg_cast c ON c.castsource IN (t.oid, t.typbasetype) AND c.casttarget IN (o.oprleft, o.oprright)
					AND c.castfunc <> 0
				JOIN pg_proc f ON f.oid = c.castfunc
				JOIN pg_roles r ON r.oid = f.proowner
			WHERE n.oid = foreign_key AND NOT r.rolsuper));
END
$$;

-- What the catalog has of a relation that somebody names, as the argument that is called so. Whoever may query the catalog sees what
-- there is.
CREATE FUNCTION tarot.require_relation(relation oid, argument text) RETURNS pg_class
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	c pg_class;
BEGIN
	SELECT * INTO c FROM pg_class t WHERE t.oid = relation;
	IF relation IS NULL THEN
		RAISE EXCEPTION '% must not be null', argument USING ERRCODE = 'null_value_not_allowed';
	ELSIF NOT FOUND THEN
		RAISE EXCEPTION 'relation with OID % does not exist', relation USING ERRCODE = 'undefined_table';
	END IF;
	RETURN c;
END
$$;

-- For the functions that a table's owner calls: what kind of relation it is.
CREATE FUNCTION tarot.require_owner(relation oid, argument text) RETURNS "char"
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	c CONSTANT pg_class := tarot.require_relation(relation, argument);
BEGIN
	IF NOT pg_has_role(c.relowner, 'USAGE') THEN
		RAISE EXCEPTION 'must be owner of table %', relation::regclass USING ERRCODE = 'insufficient_privilege',
			HINT = format('It is for role %s.', c.relowner::regrole);
	END IF;
	RETURN c.relkind;
END
$$;

CREATE FUNCTION tarot.label_of_class(class text) RETURNS text
	LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_label_of_class';

CREATE FUNCTION tarot.class_of_column(relation oid, "column" smallint) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_label_class_of_column';

CREATE FUNCTION tarot.inherit_labels(relation oid) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_label_inherit';

CREATE FUNCTION tarot.label_column(rel regclass, "column" name, label text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF num_nulls(rel, "column") > 0 THEN
		RAISE EXCEPTION 'rel and column must not be null' USING ERRCODE = 'null_value_not_allowed';
	ELSIF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = rel) THEN
		RAISE EXCEPTION 'relation with OID % does not exist', rel::oid USING ERRCODE = 'undefined_table';
	END IF;
	EXECUTE format('SECURITY LABEL FOR tarot_security ON COLUMN %s.%I IS %L', rel, "column", label);
END
$$;

CREATE FUNCTION tarot.classify_column(rel regclass, "column" name, class text) RETURNS void
	LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT tarot.label_column(rel, "column", tarot.label_of_class(class)) $$;
COMMENT ON FUNCTION tarot.classify_column(regclass, name, text) IS
	'Says of which data class a plain column is, also of its partitions and children, those that come later too. A generated column '
	'without a class of its own has that of the columns it is computed from. Kept as the column''s security label, so it follows renames, '
	'drops and dumps. For the owner of the table (42501) who may also write the class, or grant classes: a mask with a key would tell '
	'anybody else what it makes of any value. In a masked table another class in place of one is for roles that read the old one plain. '
	'Raises 42704 for an unknown class, 42703 for a column that does not exist, 42809 for one of an encrypted type or of a view, 55000 '
	'for a column that is its parent''s.';

CREATE FUNCTION tarot.unclassify_column(rel regclass, "column" name) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_seclabel l JOIN pg_attribute a ON a.attrelid = l.objoid AND a.attnum = l.objsubid
		WHERE l.provider = 'tarot_security' AND l.classoid = 'pg_class'::regclass AND l.objoid = rel
			AND a.attname = unclassify_column."column")
	THEN
		RAISE WARNING 'column "%" of table "%" has no data class of its own', "column", tarot.relation_name(rel);
	END IF;
	PERFORM tarot.label_column(rel, "column", NULL);
END
$$;
COMMENT ON FUNCTION tarot.unclassify_column(regclass, name) IS
	'Takes a plain column''s data class away, in partitions and children too. For the owner of the table (42501), and in a masked table '
	'for roles that read the class plain; of a column that nobody has classified, for who may grant classes. Raises 42703 for a column '
	'that does not exist, 55000 for a column that is its parent''s. Warns when there was none.';

-- Children become part of a table by many statements; what is in order already costs nothing to look at.
CREATE FUNCTION tarot.follow_labels() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.inherit_labels(r.objid)
		FROM (SELECT DISTINCT d.objid FROM pg_event_trigger_ddl_commands() d WHERE d.classid = 'pg_class'::regclass) AS r;
END
$$;
COMMENT ON FUNCTION tarot.follow_labels() IS
	'Event trigger: a table that becomes the partition or child of one with classified columns gets its labels; one that has other labels '
	'than its parent is refused (55000).';
CREATE EVENT TRIGGER tarot_security_follow_labels ON ddl_command_end
	WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE', 'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE', 'CREATE SCHEMA', 'SECURITY LABEL')
	EXECUTE FUNCTION tarot.follow_labels();

REVOKE ALL ON FUNCTION tarot.follow_labels() FROM PUBLIC;

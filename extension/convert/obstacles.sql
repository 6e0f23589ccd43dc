-- convert: what stands in the way of a conversion

-- The encrypted type of a base type, and the other way round; NULL where there is none without loss.
CREATE FUNCTION tarot.converted_type(type oid, encrypt boolean) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE WHEN encrypt THEN (
			SELECT t.typname FROM pg_type t, (SELECT CASE
					WHEN type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN 'numeric'
					WHEN type = 'varchar'::regtype THEN 'text'
					ELSE (SELECT b.typname FROM pg_type b
						WHERE b.oid = type AND b.typnamespace = 'pg_catalog'::regnamespace) END) AS base (name)
				WHERE t.typnamespace = 'tarot'::regnamespace AND t.typname = 'encrypted_' || base.name)
		ELSE (
			SELECT substr(t.typname, length('encrypted_') + 1) FROM pg_type t
				WHERE t.oid = type AND t.typnamespace = 'tarot'::regnamespace AND t.typname LIKE 'encrypted\_%')
		END
	$$;

CREATE FUNCTION tarot.index_mentions(index oid, number smallint) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_convert_index_mentions';

-- Whether an index on a column can be one on a converted column. As a key that has to be comparable without
-- being opened; otherwise the index only holds it.
CREATE FUNCTION tarot.convertible_index(index oid, number smallint, comparable boolean, online boolean) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT m.amname IN ('btree', 'hash')
				AND (comparable AND k.by_default OR k.by_default IS NULL)
				AND NOT tarot.index_mentions(index, number)
				-- A partitioned one cannot be made beside writers; and an immediate one would refuse, until the
				-- swap, what a deferrable one lets pass.
				AND (NOT online OR c.relkind = 'i' AND NOT c.relispartition AND i.indimmediate AND i.indisvalid)
			FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam,
				LATERAL (SELECT bool_and(o.opcdefault) AS by_default
					FROM unnest(i.indclass::oid[]) WITH ORDINALITY AS u (class, position) JOIN pg_opclass o ON o.oid = u.class
					WHERE i.indkey[u.position - 1] = number) k
			WHERE i.indexrelid = index
	$$;

-- Everything that would be lost or refused, at once. What is not known here to be carried over is refused.
CREATE FUNCTION tarot.conversion_obstacles(relation oid, "column" name, encrypt boolean, searchable boolean, online boolean)
	RETURNS SETOF text
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	comparable CONSTANT boolean := NOT encrypt
		OR searchable
			AND EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
				JOIN pg_attribute a ON a.attrelid = conversion_obstacles.relation AND a.attname = conversion_obstacles."column"
				WHERE o.opcdefault AND m.amname = 'btree'
					AND o.opcintype = to_regtype('tarot.' || tarot.converted_type(a.atttypid, true)));
BEGIN
	RETURN QUERY
	WITH RECURSIVE tree (oid) AS (
		SELECT conversion_obstacles.relation
		UNION SELECT i.inhrelid FROM pg_inherits i JOIN tree ON i.inhparent = tree.oid
	), col AS (
		SELECT c.oid, c.relkind, c.relispartition, c.relowner, c.reloftype,
				a.attnum, a.attname, a.attinhcount, a.attgenerated, a.attidentity, a.attacl
			FROM tree JOIN pg_class c USING (oid)
				JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = conversion_obstacles."column" AND NOT a.attisdropped
	), dependent AS (
		SELECT DISTINCT col.oid, col.attnum, d.classid, d.objid, d.objsubid
			FROM col JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = col.oid AND d.refobjsubid = col.attnum
	), key AS (
		SELECT d.oid, d.attnum, n.oid AS "constraint", n.conindid AS index
			FROM dependent d JOIN pg_constraint n ON d.classid = 'pg_constraint'::regclass AND n.oid = d.objid
			WHERE n.contype IN ('p', 'u')
		UNION ALL
		SELECT d.oid, d.attnum, NULL, i.indexrelid
			FROM dependent d JOIN pg_index i ON d.classid = 'pg_class'::regclass AND i.indexrelid = d.objid
	), dependent_of_key AS (
		SELECT d.classid, d.objid, d.objsubid
			FROM key k JOIN pg_depend d
				ON (d.refclassid, d.refobjid) IN (('pg_constraint'::regclass, k."constraint"), ('pg_class'::regclass, k.index))
			WHERE d.deptype = 'n' AND (d.classid, d.objid) NOT IN (SELECT e.classid, e.objid FROM dependent e)
		UNION
		SELECT d.refclassid, d.refobjid, d.refobjsubid
			FROM key k JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = k.index
			WHERE d.deptype = 'x'
	)
	SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM dependent d
		WHERE NOT CASE d.classid
			WHEN 'pg_attrdef'::regclass THEN
				EXISTS (SELECT FROM pg_attrdef f WHERE f.oid = d.objid AND f.adrelid = d.oid AND f.adnum = d.attnum)
			WHEN 'pg_constraint'::regclass THEN
				(SELECT CASE WHEN n.contype = 'n' THEN true WHEN n.contype = 'c' THEN NOT online
						WHEN n.contype IN ('p', 'u') THEN tarot.convertible_index(n.conindid, d.attnum, comparable, online) ELSE false END
					FROM pg_constraint n WHERE n.oid = d.objid)
			WHEN 'pg_class'::regclass THEN
				EXISTS (SELECT FROM pg_index i WHERE i.indexrelid = d.objid)
					AND tarot.convertible_index(d.objid, d.attnum, comparable, online)
			ELSE false END
	UNION ALL
	SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM dependent_of_key d
	UNION ALL
	-- The row as a whole in an index is no dependency of the column.
	SELECT pg_describe_object('pg_class'::regclass, i.indexrelid, 0) FROM col JOIN pg_index i ON i.indrelid = col.oid
		WHERE tarot.index_mentions(i.indexrelid, col.attnum) AND i.indexrelid NOT IN (SELECT d.objid FROM dependent d)
	UNION ALL
	SELECT CASE
			WHEN col.relkind NOT IN ('r', 'p') THEN format('%s is not an ordinary table', col.oid::regclass)
			WHEN col.attgenerated <> '' THEN format('column %I of %s is generated', col.attname, col.oid::regclass)
			WHEN col.attidentity <> '' THEN format('column %I of %s is an identity column', col.attname, col.oid::regclass)
			WHEN col.reloftype <> 0 THEN format('%s is a typed table', col.oid::regclass)
			WHEN EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partrelid = col.oid AND col.attnum = ANY (p.partattrs::smallint[]))
				THEN format('%s is partitioned by it', col.oid::regclass)
			WHEN col.oid = conversion_obstacles.relation AND col.attinhcount > 0
				THEN format('column %I of %s is inherited: convert it in the parent', col.attname, col.oid::regclass)
			WHEN col.oid <> conversion_obstacles.relation AND NOT col.relispartition AND online
				THEN format('%s inherits the column', col.oid::regclass)
			WHEN online AND EXISTS (SELECT FROM aclexplode(col.attacl) a WHERE a.grantor <> col.relowner)
				THEN format('privileges on column %I of %s that others than its owner granted', col.attname, col.oid::regclass)
		END AS obstacle
		FROM col
	UNION ALL
	-- A row rule names columns in its arguments, each with a zero byte after it.
	SELECT format('%s, which binds values to rows or subjects', pg_describe_object('pg_trigger'::regclass, t.oid, 0))
		FROM col JOIN pg_trigger t ON t.tgrelid = col.oid AND t.tgparentid = 0 AND t.tgfoid = 'tarot.enforce_row'::regproc
		WHERE position('\x00'::bytea || convert_to(col.attname, getdatabaseencoding()) || '\x00'::bytea IN '\x00'::bytea || t.tgargs) > 0
	ORDER BY 1;
END
$$;

CREATE FUNCTION tarot.require_convertible(relation oid, "column" name, encrypt boolean, searchable boolean, online boolean) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	obstacles text[] := ARRAY(SELECT o FROM tarot.conversion_obstacles(relation, "column", encrypt, searchable, online) o
		WHERE o IS NOT NULL);
BEGIN
	IF obstacles <> '{}' THEN
		RAISE EXCEPTION 'column "%" of table "%" cannot be converted%', "column", tarot.relation_name(relation),
				CASE WHEN online THEN ' concurrently' ELSE '' END
			USING ERRCODE = 'dependent_objects_still_exist',
				DETAIL = array_to_string(obstacles, E'\n'),
				HINT = 'None of these would be carried over. Drop them, and make them again afterwards.'
					|| CASE WHEN cardinality(obstacles) > (SELECT count(o)
							FROM tarot.conversion_obstacles(relation, "column", encrypt, true, online) o)
						THEN ' Indexes and keys would, if the data class were searchable: see tarot.alter_class().' ELSE '' END;
	END IF;
END
$$;

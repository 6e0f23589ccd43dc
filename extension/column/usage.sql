-- column: which columns have a class

CREATE FUNCTION tarot.class_of_type(type oid, typmod integer) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_class_of_type';

-- Of an encrypted type, or a domain over one; NULL for others.
CREATE FUNCTION tarot.plain_type(type oid) RETURNS regtype
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH RECURSIVE below (type) AS (
			SELECT plain_type.type
			UNION ALL SELECT t.typbasetype FROM below JOIN pg_type t ON t.oid = below.type WHERE t.typtype = 'd'
		)
		SELECT substr(t.typname, length('encrypted_') + 1)::regtype FROM below JOIN pg_type t ON t.oid = below.type
			WHERE t.typnamespace = 'tarot'::regnamespace AND t.typtype = 'b' AND starts_with(t.typname, 'encrypted_')
	$$;

-- For everybody: the number of its key stands in the value.
CREATE FUNCTION tarot.is_under_subject_key(value "any", keys bigint[]) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_is_under_subject_key';
CREATE FUNCTION tarot.is_under_key(value "any", key_id integer, version integer, of_subjects boolean) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_column_is_under_key';

CREATE VIEW tarot.classified_columns AS
	WITH labelled AS (
		SELECT l.objoid, bool_or(l.objsubid = 0 AND l.label = 'masked') AS masked
		FROM pg_catalog.pg_seclabel l WHERE l.provider = 'tarot_security' AND l.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
		GROUP BY l.objoid)
	SELECT a.attrelid::pg_catalog.regclass AS "table", a.attname AS "column",
		coalesce(by_type.class, tarot.class_of_column(a.attrelid, a.attnum)) AS class,
		CASE WHEN by_type.class IS NOT NULL THEN 'type' WHEN own.label IS NOT NULL THEN 'label' ELSE 'generated' END AS kind,
		(SELECT i.inhparent::pg_catalog.regclass
			FROM pg_catalog.pg_inherits i
				JOIN pg_catalog.pg_attribute p ON p.attrelid = i.inhparent AND p.attname = a.attname AND NOT p.attisdropped
			WHERE i.inhrelid = a.attrelid AND a.attinhcount > 0 ORDER BY i.inhseqno LIMIT 1) AS inherited_from,
		by_type.class IS NULL AND coalesce(t.masked, false) AS masked
	FROM pg_catalog.pg_class c
		JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		LEFT JOIN labelled t ON t.objoid = a.attrelid
		LEFT JOIN pg_catalog.pg_seclabel own ON own.objoid = a.attrelid AND own.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
			AND own.objsubid = a.attnum AND own.provider = 'tarot_security'
		CROSS JOIN LATERAL (SELECT tarot.class_of_type(a.atttypid, a.atttypmod) AS class) AS by_type
	WHERE c.relkind IN ('r', 'p', 'f', 'm')
		AND (by_type.class IS NOT NULL OR t.objoid IS NOT NULL AND tarot.class_of_column(a.attrelid, a.attnum) IS NOT NULL);
COMMENT ON VIEW tarot.classified_columns IS
	'Every column that has a data class: encrypted ones by their type, plain ones by tarot.classify_column().';
COMMENT ON COLUMN tarot.classified_columns."table" IS 'The table, or materialized view.';
COMMENT ON COLUMN tarot.classified_columns."column" IS 'The column.';
COMMENT ON COLUMN tarot.classified_columns.class IS
	'Its class; "unclassified" where nobody has said yet what it is, a number for a class that does not exist in this database.';
COMMENT ON COLUMN tarot.classified_columns.kind IS
	'What says so: its type (then it is encrypted), its label, or that it is generated from a column that has the class.';
COMMENT ON COLUMN tarot.classified_columns.inherited_from IS
	'The parent, for a column of a partition or another child: its class is changed there.';
COMMENT ON COLUMN tarot.classified_columns.masked IS
	'Whether queries of the table see it masked, unless by roles that read the class plain.';
GRANT SELECT ON tarot.classified_columns TO pg_monitor;

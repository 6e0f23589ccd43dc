-- anonymize: static masking

-- What the catalogs tell against it. "changed" are the columns that get other values, by three arrays: tables, numbers, and
-- how: "class N", "shuffled", "computed".
CREATE FUNCTION tarot.anonymization_obstacles(relations oid[], changed_relations oid[], changed_numbers smallint[], changed_how text[],
		copy boolean)
	RETURNS TABLE (severity text, object text, problem text, hint text)
	LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH RECURSIVE changed (relation, number, how) AS (
			SELECT * FROM unnest(changed_relations, changed_numbers, changed_how)
		), up (relation, ancestor) AS (
			SELECT r, r FROM unnest(relations) r
			UNION SELECT up.relation, i.inhparent FROM up JOIN pg_inherits i ON i.inhrelid = up.ancestor
		), key AS (
			SELECT n.oid, n.conparentid, n.conrelid, n.confrelid, n.confmatchtype, k.number, k.foreign_number, c.how, f.how AS foreign_how
				FROM pg_constraint n CROSS JOIN LATERAL unnest(n.conkey, n.confkey) k (number, foreign_number)
					LEFT JOIN changed c ON c.relation = n.conrelid AND c.number = k.number
					LEFT JOIN changed f ON f.relation = n.confrelid AND f.number = k.foreign_number
				WHERE n.contype = 'f' AND (c.how IS NOT NULL OR f.how IS NOT NULL)
		), broken_key AS (
			SELECT *
				FROM key k
				WHERE NOT copy AND (k.how IS DISTINCT FROM k.foreign_how OR k.how = 'shuffled')
					AND NOT (coalesce(k.how, '') = 'cleared' AND k.confmatchtype <> 'f')
		)
		SELECT 'error', pg_describe_object('pg_class'::regclass, k.relation, k.number),
				'rows are assigned to partitions by it',
				'Name it in keep.'
			FROM (
				SELECT DISTINCT c.relation, c.number
				FROM changed c
					JOIN up ON up.relation = c.relation
					JOIN pg_partitioned_table p ON p.partrelid = up.ancestor
					JOIN pg_attribute a ON a.attrelid = c.relation AND a.attnum = c.number
					JOIN pg_attribute b ON b.attrelid = p.partrelid AND b.attname = a.attname
				WHERE b.attnum = ANY (p.partattrs::smallint[])
					OR EXISTS (
						SELECT
						FROM pg_depend d
						WHERE d.classid = 'pg_class'::regclass AND d.objid = p.partrelid
							AND d.refclassid = 'pg_class'::regclass AND d.refobjid = p.partrelid AND d.refobjsubid = b.attnum
							AND d.deptype IN ('i', 'n') AND d.objsubid = 0)
			) k
		UNION ALL
		SELECT 'error', pg_describe_object('pg_constraint'::regclass, k.oid, 0),
				CASE
					WHEN 'shuffled' IN (k.how, k.foreign_how) THEN 'one of its columns is to be shuffled'
					WHEN 'cleared' IN (k.how, k.foreign_how) THEN 'one of its columns is to be cleared'
					WHEN k.how IS NULL THEN
						format('%s refers to it, and is not masked with it',
							pg_describe_object('pg_class'::regclass, k.conrelid, k.number))
					WHEN k.foreign_how IS NULL THEN
						format('%s, to which it refers, is not masked with it',
							pg_describe_object('pg_class'::regclass, k.confrelid, k.foreign_number))
					ELSE 'its two sides would be masked in different ways'
				END,
				'Give both columns the same data class, with a mask that keeps values apart, such as pseudonym, '
					'and name both tables to tarot.anonymize_tables(); or name the columns in keep.'
			-- Those of partitions are told of with their parent's.
			FROM broken_key k
			WHERE NOT EXISTS (SELECT FROM broken_key p WHERE p.oid = k.conparentid)
		UNION ALL
		SELECT DISTINCT 'error', pg_describe_object('pg_class'::regclass, up.relation, 0),
				'it is published, and subscribers would not hear of it',
				'Take it out of its publications; afterwards its subscribers need a new copy.'
			FROM up
			WHERE NOT copy
				AND (
					EXISTS (SELECT FROM pg_publication p WHERE p.puballtables)
					OR EXISTS (SELECT FROM pg_publication_rel p WHERE p.prrelid = up.ancestor)
					OR EXISTS (
						SELECT
						FROM pg_publication_namespace p JOIN pg_class c ON c.relnamespace = p.pnnspid
						WHERE c.oid = up.ancestor)
				)
		UNION ALL
		SELECT DISTINCT 'warning', pg_describe_object('pg_class'::regclass, s.srrelid, 0),
				'a subscription writes to it, in the clear',
				'Anonymize the publisher, too, or drop the subscription.'
			FROM pg_subscription_rel s
			WHERE NOT copy AND s.srrelid = ANY (relations)
		UNION ALL
		SELECT DISTINCT 'error', pg_describe_object('pg_trigger'::regclass, t.oid, 0),
				CASE
					WHEN t.tgfoid = 'tarot.enforce_row'::regproc THEN 'it binds encrypted values to a column that would change'
					ELSE 'a column that would change is being converted'
				END,
				CASE
					WHEN t.tgfoid = 'tarot.enforce_row'::regproc
						THEN 'Name the column in keep, or call tarot.unbind_column() before.'
					ELSE 'Let the conversion come to its end, or call tarot.cancel_conversion().'
				END
			FROM changed c
				JOIN pg_attribute a ON a.attrelid = c.relation AND a.attnum = c.number
				JOIN pg_trigger t ON t.tgrelid = c.relation AND t.tgparentid = 0
					AND t.tgfoid IN ('tarot.enforce_row'::regproc, 'tarot.fill_converted_column'::regproc)
			WHERE NOT copy
				AND position('\x00'::bytea || convert_to(a.attname, getdatabaseencoding()) || '\x00'::bytea
					IN '\x00'::bytea || t.tgargs) > 0
		UNION ALL
		SELECT DISTINCT 'warning', pg_describe_object('pg_class'::regclass, r.ev_class, 0),
				'it keeps the values of before',
				'REFRESH MATERIALIZED VIEW.'
			FROM changed c
				JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.relation AND d.refobjsubid = c.number
					AND d.classid = 'pg_rewrite'::regclass
				JOIN pg_rewrite r ON r.oid = d.objid
				JOIN pg_class m ON m.oid = r.ev_class AND m.relkind = 'm'
			WHERE NOT copy
		ORDER BY 1, 2, 3
	$$;

-- The foreign keys of tables, and queries that count the rows that violate them.
CREATE FUNCTION tarot.anonymization_keys(relations oid[]) RETURNS TABLE (object text, query text)
	LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT pg_describe_object('pg_constraint'::regclass, n.oid, 0),
				format('SELECT pg_catalog.count(*) FROM %s %s.%s f WHERE %s AND NOT EXISTS (SELECT FROM %s %s.%s p WHERE %s)',
					CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY' END, quote_ident(cn.nspname), quote_ident(c.relname),
					CASE n.confmatchtype
						WHEN 'f' THEN format('(%s)', string_agg(format('f.%I IS NOT NULL', a.attname), ' OR '))
						ELSE string_agg(format('f.%I IS NOT NULL', a.attname), ' AND ')
					END,
					CASE r.relkind WHEN 'p' THEN '' ELSE 'ONLY' END, quote_ident(rn.nspname), quote_ident(r.relname),
					string_agg(format('p.%I OPERATOR(%I.%s) f.%I', b.attname, opn.nspname, o.oprname, a.attname), ' AND '))
			FROM pg_constraint n
				CROSS JOIN LATERAL unnest(n.conkey, n.confkey, n.conpfeqop) k (number, foreign_number, operator)
				JOIN pg_attribute a ON a.attrelid = n.conrelid AND a.attnum = k.number
				JOIN pg_attribute b ON b.attrelid = n.confrelid AND b.attnum = k.foreign_number
				JOIN pg_operator o ON o.oid = k.operator
				JOIN pg_namespace opn ON opn.oid = o.oprnamespace
				JOIN pg_class c ON c.oid = n.conrelid
				JOIN pg_namespace cn ON cn.oid = c.relnamespace
				JOIN pg_class r ON r.oid = n.confrelid
				JOIN pg_namespace rn ON rn.oid = r.relnamespace
			WHERE n.contype = 'f' AND n.convalidated AND n.conrelid = ANY (relations) AND n.confrelid = ANY (relations)
				AND NOT EXISTS (
					SELECT
					FROM pg_constraint u
					WHERE u.oid = n.conparentid AND u.conrelid = ANY (relations) AND u.confrelid = ANY (relations))
			GROUP BY n.oid, n.confmatchtype, c.relkind, c.relname, cn.nspname, r.relkind, r.relname, rn.nspname
	$$;

-- For everybody: these ask for the owner of each table, and for plain access to each class.
CREATE FUNCTION tarot.check_anonymization("table" regclass, keep name[] DEFAULT '{}',
		shuffle name[] DEFAULT '{}', shuffle_together text[] DEFAULT '{}', shuffle_within name[] DEFAULT '{}',
		clear name[] DEFAULT '{}', allow name[] DEFAULT '{}', together_with regclass[] DEFAULT '{}')
	RETURNS TABLE (object text, problem text, severity text, hint text)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_anonymize_check_anonymization';
COMMENT ON FUNCTION tarot.check_anonymization(regclass, name[], name[], text[], name[], name[], name[], regclass[]) IS
	'What keeps tarot.anonymize_table() from masking a table, and what else should be known before: a row for each problem, none where '
	'there is none. Reads all rows, computes their masks, and changes nothing. Severity "error" is what anonymize_table() refuses: values '
	'that would be NULL where they must not, rows that would violate a CHECK constraint, keys of a unique index that would come twice, a '
	'foreign key of which only one side would be masked, a column by which rows are assigned to partitions, encrypted values within '
	'arrays and rows or bound to theirs, a published table, rows that keep the values that were to be shuffled, values that the mask '
	'leaves as they are, values that another column repeats. Severity "warning" is what it tells at the end. Problems are counted; no '
	'value is shown. Shuffled columns are shuffled in another way each time, and so may be what they violate. For the tables of one call '
	'of tarot.anonymize_tables(), name the others in together_with. For the owner of the table, with plain access to the classes of its '
	'columns (42501).';

CREATE FUNCTION tarot.anonymize_table("table" regclass, in_place boolean DEFAULT false, copy_to text DEFAULT NULL, keep name[] DEFAULT '{}',
		shuffle name[] DEFAULT '{}', shuffle_together text[] DEFAULT '{}', shuffle_within name[] DEFAULT '{}',
		clear name[] DEFAULT '{}', allow name[] DEFAULT '{}', verify boolean DEFAULT true, dry_run boolean DEFAULT false)
	RETURNS TABLE ("table" regclass, "column" name, class text, treatment text, "values" bigint, unchanged bigint, found bigint)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_anonymize_anonymize_table';
COMMENT ON FUNCTION tarot.anonymize_table(regclass, boolean, text, name[], name[], text[], name[], name[], name[], boolean, boolean) IS
	'Replaces the values of all columns that have a data class by the masks of their classes, for everybody and for good: with in_place '
	'in the table itself, its partitions and children, which are written anew under an exclusive lock; with copy_to in a new table of '
	'that name (with its schema), like it, but for foreign keys, triggers and privileges. Encrypted columns get masks that are sealed '
	'under the same class. Columns in keep stay as they are; in clear they become NULL; in shuffle they get the values of other rows in '
	'random order, each column by itself, and in shuffle_together those of one text, a list of names as in SQL, with one another. With '
	'shuffle_within rows change values only among those that have the same values in these columns before; that rows are alone then is '
	'refused. In allow, raw values may be left. With verify, all rows are searched afterwards for values of masked columns, and of '
	'cleared ones of a class: as a whole and as words of texts, of at least 4 bytes; numbers of at least 8 digits; times that are not of '
	'a whole minute; not dates. With dry_run it only counts. Tells of each column what was done, how many values it had, how many the '
	'mask left as they were, and how many values of masked columns were found in it. Raises 55000 with a list of all that stands against '
	'it, and changes nothing: see tarot.check_anonymization(). No trigger fires; statistics of the changed columns are removed; generated '
	'columns are computed anew. For the owner of the table, with plain access to the classes of its columns, and write access to those of '
	'encrypted ones (42501).';

CREATE FUNCTION tarot.anonymize_tables(tables regclass[], in_place boolean DEFAULT false, keep name[] DEFAULT '{}',
		shuffle name[] DEFAULT '{}', shuffle_together text[] DEFAULT '{}', shuffle_within name[] DEFAULT '{}',
		clear name[] DEFAULT '{}', allow name[] DEFAULT '{}', verify boolean DEFAULT true, dry_run boolean DEFAULT false)
	RETURNS TABLE ("table" regclass, "column" name, class text, treatment text, "values" bigint, unchanged bigint, found bigint)
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_anonymize_anonymize_tables';
COMMENT ON FUNCTION tarot.anonymize_tables(regclass[], boolean, name[], name[], text[], name[], name[], name[], boolean, boolean) IS
	'tarot.anonymize_table() for several tables at once, so that foreign keys between them stay: the columns on both sides need the same '
	'data class, with a mask that keeps values apart, such as pseudonym. Names of columns count for all tables that have such a column. '
	'The foreign keys are verified at the end (23503). Raw values of each table are looked for in all.';

CREATE VIEW tarot.anonymization_progress AS
	SELECT s.pid, s.relid::regclass AS "table",
		CASE s.param2
			WHEN 100 THEN 'shuffling'
			WHEN 101 THEN 'masking'
			WHEN 102 THEN 'searching for raw values'
			WHEN 103 THEN 'confirming raw values'
			WHEN 104 THEN 'verifying foreign keys'
			ELSE 'rebuilding indexes'
		END AS phase,
		s.param6 AS blocks_total, s.param4 AS rows_done, s.param8 AS indexes_rebuilt
	FROM pg_stat_get_progress_info('CLUSTER') AS s
	WHERE s.param1 = 100 AND s.datid = (SELECT c.oid FROM pg_database c WHERE c.datname = current_database());
COMMENT ON VIEW tarot.anonymization_progress IS
	'Tables of this database that are being anonymized or checked at the moment: a row each for those who may see what others do, as in '
	'pg_stat_progress_cluster.';
COMMENT ON COLUMN tarot.anonymization_progress.pid IS 'The process that does it.';
COMMENT ON COLUMN tarot.anonymization_progress."table" IS 'The table or partition it is at.';
COMMENT ON COLUMN tarot.anonymization_progress.phase IS
	'shuffling, masking (which also writes the rows), searching for raw values, confirming raw values, rebuilding indexes, verifying '
	'foreign keys.';
COMMENT ON COLUMN tarot.anonymization_progress.blocks_total IS 'Blocks of the table.';
COMMENT ON COLUMN tarot.anonymization_progress.rows_done IS 'Rows read in this phase.';
COMMENT ON COLUMN tarot.anonymization_progress.indexes_rebuilt IS 'Indexes of the table that were built anew.';
GRANT SELECT ON tarot.anonymization_progress TO pg_monitor;

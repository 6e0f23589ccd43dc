-- convert: a conversion beside writers, and how far it is

-- For everybody: they ask who owns the table.
CREATE FUNCTION tarot.require_class_access(class text, class_id integer, encrypt boolean, online boolean,
		OUT name text, OUT searchable boolean) RETURNS record
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_convert_require_class_access';
CREATE FUNCTION tarot.find_conversion(relation oid, "column" name,
		OUT number smallint, OUT shadow name, OUT encrypt boolean, OUT phase text, OUT class text) RETURNS record
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_convert_find_conversion';
CREATE FUNCTION tarot.set_conversion(relation oid, "column" name, number smallint, shadow name,
		encrypt boolean, phase text, class text) RETURNS void
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_convert_set_conversion';
CREATE FUNCTION tarot.conversion_batch(relation oid, "column" name, batch integer) RETURNS boolean
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_convert_conversion_batch';
CREATE FUNCTION tarot.index_conversion(relation oid, "column" name) RETURNS boolean
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_convert_index_conversion';
CREATE FUNCTION tarot.drop_conversion_indexes(relation oid, "column" name) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_convert_drop_conversion_indexes';
CREATE FUNCTION tarot.conversion_indexes(relation oid, "column" name)
	RETURNS TABLE ("table" oid, index oid, new_index oid, state text)
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_convert_conversion_indexes';
CREATE FUNCTION tarot.fill_converted_column() RETURNS trigger
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_convert_fill_converted_column';

CREATE VIEW tarot.conversion_progress AS
	SELECT v.relation::regclass AS "table", v."column", v.class,
		CASE WHEN v.encrypt THEN 'encrypt' ELSE 'decrypt' END AS direction, v.phase,
		CASE WHEN EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = v.pid AND a.state = 'active' AND a.query_start <= v.updated_at)
			THEN 'running' ELSE 'interrupted' END AS state,
		j.blocks_total, j.blocks_done, j.rows_done, j.rows_per_second, v.pid, v.started_at, v.updated_at
	FROM tarot.conversion v JOIN pg_class r ON r.oid = v.relation, LATERAL (
		SELECT sum(t.blocks)::bigint AS blocks_total, sum(least(((t.position::text::point)[0])::bigint, t.blocks))::bigint AS blocks_done,
			sum(t.rows)::bigint AS rows_done, (sum(t.rows) / nullif(sum(t.seconds), 0))::bigint AS rows_per_second
			FROM tarot.table_job t WHERE t.kind = CASE v.phase WHEN 'erasing' THEN 'erase' ELSE 'fill' END AND t.target = v.number
				AND (t.relation = v.relation OR t.relation IN (SELECT p.relid FROM pg_partition_tree(v.relation) p))) j;
COMMENT ON VIEW tarot.conversion_progress IS
	'Columns that tarot.encrypt_column() and tarot.decrypt_column() convert beside writers, a row each until it is done.';
COMMENT ON COLUMN tarot.conversion_progress."table" IS 'The table.';
COMMENT ON COLUMN tarot.conversion_progress."column" IS 'The column.';
COMMENT ON COLUMN tarot.conversion_progress.class IS 'The class that it gets, or had.';
COMMENT ON COLUMN tarot.conversion_progress.direction IS 'encrypt or decrypt.';
COMMENT ON COLUMN tarot.conversion_progress.phase IS
	'filling the new column (then filled), checking that it is complete, indexing it (building, validating and enabling its indexes), '
	'swapping it for the old one, erasing what that held.';
COMMENT ON COLUMN tarot.conversion_progress.state IS 'running, or interrupted: call the procedure again, it goes on.';
COMMENT ON COLUMN tarot.conversion_progress.blocks_total IS 'Of the table, in this phase and pass.';
COMMENT ON COLUMN tarot.conversion_progress.blocks_done IS 'Of these.';
COMMENT ON COLUMN tarot.conversion_progress.rows_done IS 'Rows written in this phase.';
COMMENT ON COLUMN tarot.conversion_progress.rows_per_second IS 'While it was at work, pauses not counted.';
COMMENT ON COLUMN tarot.conversion_progress.pid IS 'The process that called last.';
COMMENT ON COLUMN tarot.conversion_progress.started_at IS 'When it began.';
COMMENT ON COLUMN tarot.conversion_progress.updated_at IS 'When it last began a batch or a phase.';
GRANT SELECT ON tarot.conversion_progress TO pg_monitor;

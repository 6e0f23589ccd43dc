-- reseal: rotation of stored values

-- For everybody: they ask for the owner of each table, or the right to rotate keys.
CREATE FUNCTION tarot.start_reseal(target regclass, class text, OUT relations oid[], OUT class_id integer) RETURNS record
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_reseal_start';
CREATE FUNCTION tarot.reseal_batch(relation oid, class_id integer, batch integer) RETURNS boolean
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_reseal_batch';

-- A procedure, because it commits each batch; which forbids a SET clause, so the search path is
-- pinned by the first statement of each transaction, that needs none itself.
CREATE PROCEDURE tarot.reseal(target regclass DEFAULT NULL, class text DEFAULT NULL,
		batch integer DEFAULT 1000, pause interval DEFAULT '0')
	LANGUAGE plpgsql
	AS $$
DECLARE
	relation oid;
	relations oid[];
	class_id integer;
	more boolean;
	problem text;
	problems text;
	-- What is set for a transaction outlasts the call, where a DO block or another procedure goes on in it.
	caller_path text := pg_catalog.current_setting('search_path');
BEGIN
	PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
	IF (batch > 0 AND pause >= '0') IS NOT TRUE THEN
		RAISE EXCEPTION 'a batch needs at least one row, and a pause must not be negative'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT s.relations, s.class_id INTO relations, class_id FROM tarot.start_reseal(target, class) s;
	FOREACH relation IN ARRAY relations LOOP
		LOOP
			COMMIT;
			PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
			IF pause > '0' THEN
				PERFORM pg_sleep_for(pause);
			END IF;
			BEGIN
				more := tarot.reseal_batch(relation, class_id, batch);
			EXCEPTION WHEN OTHERS THEN
				-- One table must not keep the others from being done.
				IF cardinality(relations) = 1 THEN
					RAISE;
				END IF;
				GET STACKED DIAGNOSTICS problem = MESSAGE_TEXT;
				problems := concat_ws(E'\n', problems, format('"%s": %s (%s)', tarot.relation_name(relation), problem, SQLSTATE));
				more := false;
			END;
			EXIT WHEN NOT more;
		END LOOP;
	END LOOP;
	IF problems IS NOT NULL THEN
		RAISE EXCEPTION 'not all tables could be resealed'
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = problems,
				HINT = 'The others are done. Call tarot.reseal() for one of these to see the whole error.';
	END IF;
	PERFORM set_config('search_path', caller_path, true);
END
$$;
COMMENT ON PROCEDURE tarot.reseal(regclass, text, integer, interval) IS
	'Seals stored values again with the newest active version of their class''s current key: those of a table with its partitions and '
	'children, of a class, or all. A batch is that many rows; each is a transaction of its own, so that writers wait for no longer than a '
	'batch takes, and pause lies between two. Interrupted, by an error, a cancel or a crash, it goes on where it was when it is called '
	'again; tarot.reseal_progress shows how far it is. Needs no grant on the class: it is for the owner of a table, and for who may call '
	'tarot.rotate_key(). No trigger, rule, policy or constraint hears of it. Warns of what it skips (foreign tables, tables of others) '
	'and of values that cannot be opened. An error in one table does not keep the others from being done; they are told at the end '
	'(55000). Raises 25001 in a transaction block, 42501 for a table of another owner, 42809 for one without encrypted columns, 42704 for '
	'an unknown class, TS201 for a key without an active version, TS001 when the server is locked.';

CREATE VIEW tarot.reseal_progress AS
	SELECT j.relation::regclass AS "table", c.name AS class,
		CASE WHEN j.finished_at IS NOT NULL THEN 'finished'
			-- The statement that it runs now began before what it last did to this table.
			WHEN EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = j.pid AND a.backend_start = j.backend_start
				AND a.state = 'active' AND a.query_start <= j.updated_at) THEN 'running'
			ELSE 'interrupted' END AS state,
		j.pass, j.blocks AS blocks_total,
		least(((j.position::text::point)[0])::bigint, j.blocks) AS blocks_done,
		j.rows AS rows_resealed, j.values AS values_resealed, j.left_over AS values_left,
		(j.values / nullif(j.seconds, 0))::bigint AS values_per_second,
		j.pid, j.started_at, j.updated_at, j.finished_at
	FROM tarot.table_job j JOIN pg_class r ON r.oid = j.relation LEFT JOIN tarot.class c ON c.class_id = j.target
	WHERE j.kind = 'reseal';
COMMENT ON VIEW tarot.reseal_progress IS
	'How far tarot.reseal() is, a row a table; the last call''s rows stay until the next.';
COMMENT ON COLUMN tarot.reseal_progress."table" IS 'The table, partition or materialized view.';
COMMENT ON COLUMN tarot.reseal_progress.class IS 'If it was called for a class.';
COMMENT ON COLUMN tarot.reseal_progress.state IS 'running, finished, or interrupted: call tarot.reseal() again, it goes on.';
COMMENT ON COLUMN tarot.reseal_progress.pass IS 'The table is read until nothing is found; from the second pass on there is little to do.';
COMMENT ON COLUMN tarot.reseal_progress.blocks_total IS 'Of this pass; NULL before its first batch.';
COMMENT ON COLUMN tarot.reseal_progress.blocks_done IS 'Of these.';
COMMENT ON COLUMN tarot.reseal_progress.rows_resealed IS 'Rows written, in all passes.';
COMMENT ON COLUMN tarot.reseal_progress.values_resealed IS 'Values in them.';
COMMENT ON COLUMN tarot.reseal_progress.values_left IS 'Values of this pass that cannot be opened, and stay as they are.';
COMMENT ON COLUMN tarot.reseal_progress.values_per_second IS 'While it was at work, pauses not counted.';
COMMENT ON COLUMN tarot.reseal_progress.pid IS 'The process that called last.';
COMMENT ON COLUMN tarot.reseal_progress.started_at IS 'When it was first called.';
COMMENT ON COLUMN tarot.reseal_progress.updated_at IS 'When the last batch was committed.';
COMMENT ON COLUMN tarot.reseal_progress.finished_at IS 'When nothing was left to do.';

CREATE FUNCTION tarot.key_usage(target regclass DEFAULT NULL,
		OUT key text, OUT version integer, OUT "table" regclass, OUT "column" name, OUT "values" bigint) RETURNS SETOF record
	LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_reseal_key_usage';
COMMENT ON FUNCTION tarot.key_usage(regclass) IS
	'How many stored values rest on each version of each key, by table and column: of one table with its partitions and children, or of '
	'all. Reads them all, but of each value only the head. Key and version are NULL for what is no envelope. Counts what is committed; '
	'foreign tables and temporary ones of other sessions are skipped with a warning.';
REVOKE ALL ON FUNCTION tarot.key_usage(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tarot.key_usage(regclass) TO pg_monitor;
GRANT SELECT ON tarot.reseal_progress TO pg_monitor;

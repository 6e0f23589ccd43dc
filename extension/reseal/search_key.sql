-- reseal: giving a class another search key

-- ------------------------------------------------------------ for the functions below alone

CREATE FUNCTION tarot.search_key_obstacles(class_id integer) RETURNS text[]
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_reseal_search_key_obstacles';

CREATE FUNCTION tarot.rebuild_search_indexes() RETURNS trigger
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_reseal_rebuild_search_indexes';

-- Always: a subscriber's indexes change with the row as well.
CREATE TRIGGER rebuild_indexes AFTER INSERT OR UPDATE ON tarot.search_key
	FOR EACH ROW EXECUTE FUNCTION tarot.rebuild_search_indexes();
ALTER TABLE tarot.search_key ENABLE ALWAYS TRIGGER rebuild_indexes;

-- For everybody: the event trigger is run by whoever makes a table.
CREATE FUNCTION tarot.hold_search_keys() RETURNS event_trigger
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_reseal_hold_search_keys';
CREATE EVENT TRIGGER tarot_security_hold_search_keys ON ddl_command_end
	WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE MATERIALIZED VIEW', 'ALTER TYPE', 'CREATE SCHEMA')
	EXECUTE FUNCTION tarot.hold_search_keys();

-- Reseals that are under way begin anew: what they have passed is to change again.
CREATE FUNCTION tarot.restart_reseals(class_id integer) RETURNS void
	LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
	UPDATE tarot.table_job j SET blocks = NULL
		WHERE j.kind = 'reseal' AND j.target IN (0, restart_reseals.class_id) AND j.finished_at IS NULL
$$;

-- What is in the way of another search key, as a list.
CREATE FUNCTION tarot.check_search_key(class tarot.class, normalization text, old tarot.search_key) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	obstacles text[] := tarot.search_key_obstacles(class.class_id);
BEGIN
	-- The event trigger refuses them, but can be turned off.
	obstacles := obstacles || ARRAY(SELECT format('table "%s" is partitioned by column "%s"', c.relname, a.attname)
		FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid
			JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (p.partattrs::int2[])
			JOIN pg_type t ON t.oid = a.atttypid
		WHERE (t.typmodin = 'tarot.encrypted_typmod_in'::regproc AND a.atttypmod = class.class_id
			OR t.typtype = 'd' AND t.typtypmod = class.class_id)
		ORDER BY c.relname);
	-- What is equal now, and would no longer be.
	IF NOT string_to_array(check_search_key.normalization, ', ') @> string_to_array(old.normalization, ', ') THEN
		obstacles := obstacles || ARRAY(SELECT DISTINCT format('foreign key "%s" of table "%s" holds by the normalization "%s"',
				k.conname, c.relname, old.normalization)
			FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
				JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey)
				JOIN pg_type t ON t.oid = a.atttypid
			WHERE k.contype = 'f' AND k.conparentid = 0
				AND (t.typmodin = 'tarot.encrypted_typmod_in'::regproc AND a.atttypmod = class.class_id
					OR t.typtype = 'd' AND t.typtypmod = class.class_id)
			ORDER BY 1);
	END IF;
	IF cardinality(obstacles) > 0 THEN
		RAISE EXCEPTION 'the search key of data class "%" cannot be changed', class.name
			USING ERRCODE = 'dependent_objects_still_exist', DETAIL = array_to_string(obstacles, E'\n'),
				HINT = 'Drop what is listed, or end the sessions that have it, and call tarot.rotate_search_key() again.';
	END IF;
END
$$;

CREATE FUNCTION tarot.begin_search_key(class_name text, normalization text, bits integer) RETURNS text
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	class tarot.class := tarot.get_class(class_name);
	active tarot.search_key;
	begun tarot.search_key;
	settings record;
BEGIN
	-- One at a time. Who comes second goes on with what the first has begun.
	PERFORM FROM tarot.class c WHERE c.class_id = class.class_id FOR NO KEY UPDATE;
	IF NOT class.searchable THEN
		RAISE EXCEPTION 'data class "%" is not searchable', class.name USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = format('Call tarot.alter_class(%L, searchable => true).', class.name);
	END IF;
	SELECT * INTO STRICT active FROM tarot.search_key s WHERE s.class_id = class.class_id AND s.state = 'active';
	SELECT * INTO begun FROM tarot.search_key s WHERE s.class_id = class.class_id AND s.state IN ('next', 'retiring');
	IF begun.state IS NOT NULL THEN
		settings := CASE begun.state WHEN 'next' THEN begun ELSE active END;
		IF coalesce(tarot.normalize_search(begin_search_key.normalization), settings.normalization) <> settings.normalization
			OR coalesce(begin_search_key.bits, settings.bits) <> settings.bits THEN
			RAISE EXCEPTION 'another change of the search key of data class "%" is not finished', class.name
				USING ERRCODE = 'object_not_in_prerequisite_state',
					HINT = 'Call tarot.rotate_search_key() without normalization and search_bits to finish it, '
						'or tarot.cancel_search_key().';
		END IF;
		RETURN begun.state;
	END IF;
	settings := tarot.check_search_settings(begin_search_key.normalization, begin_search_key.bits, active);
	PERFORM tarot.check_search_key(class, settings.normalization, active);
	PERFORM tarot.add_search_key(class, settings.normalization, settings.bits, 'next');
	PERFORM tarot.restart_reseals(class.class_id);
	RETURN 'next';
END
$$;

-- In this order: there is one active key at most, and the trigger makes the indexes by the second.
CREATE FUNCTION tarot.activate_search_key(class_id integer) RETURNS void
	LANGUAGE sql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
	UPDATE tarot.search_key s SET state = 'retiring', since = now() WHERE s.class_id = activate_search_key.class_id AND s.state = 'active';
	UPDATE tarot.search_key s SET state = 'active', since = now() WHERE s.class_id = activate_search_key.class_id AND s.state = 'next';
	SELECT tarot.restart_reseals(activate_search_key.class_id)
$$;

-- For everybody: they ask for the right to call the procedure.
CREATE FUNCTION tarot.start_search_key(class text, normalization text, search_bits integer) RETURNS text
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_reseal_start_search_key';
CREATE FUNCTION tarot.switch_search_key(class text) RETURNS text
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_reseal_switch_search_key';
CREATE FUNCTION tarot.retire_search_key(class text) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_reseal_retire_search_key';

-- ------------------------------------------------------------ changing it

-- As tarot.reseal(): it commits, so the search path is pinned in each transaction.
CREATE PROCEDURE tarot.rotate_search_key(class text, batch integer DEFAULT 1000, pause interval DEFAULT '0',
		normalization text DEFAULT NULL, search_bits integer DEFAULT NULL)
	LANGUAGE plpgsql
	AS $$
DECLARE
	step text;
	lack text;
	caller_path text := pg_catalog.current_setting('search_path');
BEGIN
	PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
	IF (batch > 0 AND pause >= '0') IS NOT TRUE THEN
		RAISE EXCEPTION 'a batch needs at least one row, and a pause must not be negative'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	step := tarot.start_search_key(class, normalization, search_bits);
	COMMIT;
	PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
	IF step = 'next' THEN
		-- Again, for those who had begun to write before, and commit after their table was read.
		FOR attempt IN 1..3 LOOP
			CALL tarot.reseal(class => rotate_search_key.class, batch => rotate_search_key.batch, pause => rotate_search_key.pause);
			COMMIT;
			PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
			lack := tarot.switch_search_key(class);
			COMMIT;
			PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
			EXIT WHEN lack IS NULL;
		END LOOP;
		IF lack IS NOT NULL THEN
			RAISE EXCEPTION 'values of data class "%" have no tag of its next search key', class
				USING ERRCODE = 'object_not_in_prerequisite_state',
					DETAIL = lack,
					HINT = 'Where tarot.try_decrypt() gives NULL they cannot be opened, and have to be restored or removed. '
						'Else call tarot.rotate_search_key() again, or tarot.cancel_search_key().';
		END IF;
	END IF;
	CALL tarot.reseal(class => rotate_search_key.class, batch => rotate_search_key.batch, pause => rotate_search_key.pause);
	PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
	PERFORM tarot.retire_search_key(class);
	PERFORM set_config('search_path', caller_path, true);
END
$$;
COMMENT ON PROCEDURE tarot.rotate_search_key(text, integer, interval, text, integer) IS
	'Gives a searchable class another search key, from the newest active version of its key, while its values are searched and written: '
	'adds a second search tag to them, makes it the one that counts, takes the first one off. Adding and taking off are done as by '
	'tarot.reseal(), with batch and pause. In between all tables of the class are locked until its indexes are made anew, which '
	'lock_timeout bounds the wait for. Normalization and search_bits, where given, change too. Interrupted at any point, it goes on when '
	'it is called again; tarot.search_key_status shows where it is, tarot.reseal_progress how far. Needs no grant on the class. Raises '
	'25001 in a transaction block, 42704 for an unknown class, 55000 for one that is not searchable, for other settings than those of a '
	'change that is under way, and for values that cannot be opened, 2BP01 with a list of what is in the way, 55006 for a temporary table '
	'of another session, 23505 if a new normalization makes values of a unique index equal, 54000 after 127 search keys, 55P03 after '
	'lock_timeout.';

CREATE FUNCTION tarot.cancel_search_key(class text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	cancelled tarot.class := tarot.get_class(cancel_search_key.class);
BEGIN
	PERFORM FROM tarot.class c WHERE c.class_id = cancelled.class_id FOR NO KEY UPDATE;
	UPDATE tarot.search_key s SET state = 'retired', since = now() WHERE s.class_id = cancelled.class_id AND s.state = 'next';
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no search key of data class "%" is next', cancelled.name USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = 'Nothing was begun by tarot.rotate_search_key(), or it is past the point where it can be given up.';
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.cancel_search_key(text) IS
	'Gives up what tarot.rotate_search_key() has begun for a class, as long as the next search key is not the active one; a call that is '
	'at work ends in an error, or as if it were done. The second tags that values have by then are taken off by tarot.reseal(), or the '
	'next change. Raises 55000 where nothing was begun, 42704 for an unknown class.';

CREATE VIEW tarot.search_key_status AS
	SELECT c.name AS class, s.generation, s.state, s.since, k.name AS key, s.key_version AS version, s.normalization, s.bits AS search_bits
	FROM tarot.search_key s JOIN tarot.class c USING (class_id) LEFT JOIN tarot.key k ON k.key_id = s.key_id;
COMMENT ON VIEW tarot.search_key_status IS
	'The search keys of each class, and what they are derived from: what tarot.destroy_key() refuses to destroy while they are active or '
	'next.';
COMMENT ON COLUMN tarot.search_key_status.class IS 'The class.';
COMMENT ON COLUMN tarot.search_key_status.generation IS 'Counts the search keys of the class, from 1 to 127; each tag names its own.';
COMMENT ON COLUMN tarot.search_key_status.state IS
	'active: comparisons go by its tags; next: values are being given its tags; retiring: its tags are being taken off; retired: not used '
	'any more.';
COMMENT ON COLUMN tarot.search_key_status.since IS 'When it came into this state.';
COMMENT ON COLUMN tarot.search_key_status.key IS 'The data key that it is derived from.';
COMMENT ON COLUMN tarot.search_key_status.version IS 'And the version of that.';
COMMENT ON COLUMN tarot.search_key_status.normalization IS 'The steps after which texts are compared.';
COMMENT ON COLUMN tarot.search_key_status.search_bits IS 'The bits that its tags have.';

REVOKE ALL ON FUNCTION tarot.search_key_obstacles(integer), tarot.rebuild_search_indexes(), tarot.restart_reseals(integer),
	tarot.check_search_key(tarot.class, text, tarot.search_key), tarot.begin_search_key(text, text, integer),
	tarot.activate_search_key(integer), tarot.cancel_search_key(text) FROM PUBLIC;
REVOKE ALL ON PROCEDURE tarot.rotate_search_key(text, integer, interval, text, integer) FROM PUBLIC;
GRANT SELECT ON tarot.search_key_status TO pg_monitor;

-- convert: existing columns, encrypted and decrypted

CREATE FUNCTION tarot.convert_table(relation oid, "column" name, new_type text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	default_value text;
	statements CONSTANT text[] := ARRAY(SELECT tarot.index_statistics(i.indexrelid)
		FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid
		WHERE i.indrelid IN (SELECT convert_table.relation UNION SELECT p.relid FROM pg_partition_tree(convert_table.relation) p)
			AND a.attname = convert_table."column" AND a.attnum = ANY (i.indkey::smallint[]));
	statement text;
BEGIN
	default_value := tarot.converted_default(relation, "column");
	IF default_value IS NOT NULL THEN
		EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', relation::regclass, "column");
	END IF;
	EXECUTE format('ALTER TABLE %1$s ALTER COLUMN %2$I TYPE %3$s USING %2$I::%3$s', relation::regclass, "column", new_type);
	IF default_value IS NOT NULL THEN
		EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s', relation::regclass, "column", default_value);
	END IF;
	FOREACH statement IN ARRAY statements LOOP
		EXECUTE statement;
	END LOOP;
END
$$;

CREATE PROCEDURE tarot.convert_column(relation oid, "column" name, class text, encrypt boolean, online boolean,
		batch integer, pause interval)
	LANGUAGE plpgsql
	AS $$
DECLARE
	type oid;
	typmod integer;
	new_type text;
	state record;
	name text;
	searchable boolean;
	tries integer := 0;
	problem text;
	waits integer := 0;
	-- A unique index that the new column cannot have; NULL: none.
	ambiguous text;
	caller_path text := pg_catalog.current_setting('search_path');
BEGIN
	PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
	IF relation IS NULL OR "column" IS NULL OR online IS NULL OR encrypt AND class IS NULL THEN
		RAISE EXCEPTION 'table, column and class must not be null' USING ERRCODE = 'null_value_not_allowed';
	ELSIF (batch > 0 AND pause >= '0') IS NOT TRUE THEN
		RAISE EXCEPTION 'a batch needs at least one row, and a pause must not be negative'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT * INTO state FROM tarot.find_conversion(relation, "column");
	IF state.phase IS NULL THEN
		SELECT a.atttypid, a.atttypmod INTO type, typmod FROM pg_attribute a
			WHERE a.attrelid = relation AND a.attname = "column" AND a.attnum > 0 AND NOT a.attisdropped;
		IF type IS NULL THEN
			RAISE EXCEPTION 'table "%" has no column "%"', tarot.relation_name(relation), "column" USING ERRCODE = 'undefined_column';
		END IF;
		new_type := tarot.converted_type(type, encrypt);
		IF new_type IS NULL THEN
			RAISE EXCEPTION 'column "%" of table "%" is of type %, which is not to be %crypted', "column", tarot.relation_name(relation),
					format_type(type, typmod), CASE WHEN encrypt THEN 'en' ELSE 'de' END
				USING ERRCODE = 'datatype_mismatch', HINT = CASE WHEN encrypt
					THEN 'Types without an encrypted one that holds all their values, domains and arrays are changed by ALTER TABLE.'
					ELSE 'Only columns of an encrypted type are; domains over one and arrays are changed by ALTER TABLE.' END;
		END IF;
	ELSIF NOT online OR state.encrypt <> encrypt OR encrypt AND state.class <> class THEN
		RAISE EXCEPTION 'column "%" of table "%" is being converted in another way', "column", tarot.relation_name(relation)
			USING ERRCODE = 'object_in_use', HINT = 'Call it as it was called, or tarot.cancel_conversion().';
	END IF;
	SELECT r.name, r.searchable INTO name, searchable
		FROM tarot.require_class_access(coalesce(class, state.class), typmod, encrypt, online) r;
	IF encrypt AND new_type IS NOT NULL THEN
		new_type := format('tarot.%I(%L)', new_type, name);
	END IF;

	IF NOT online THEN
		EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', relation::regclass);
		PERFORM tarot.require_convertible(relation, "column", encrypt, searchable, false);
		PERFORM tarot.convert_table(relation, "column", new_type);
		IF encrypt THEN
			RAISE NOTICE 'column "%" of table "%" is encrypted', "column", tarot.relation_name(relation)
				USING DETAIL = 'The write-ahead log, backups, and freed blocks of the disk hold its plaintext '
					'until they are overwritten or removed.';
		END IF;
		PERFORM set_config('search_path', caller_path, true);
		RETURN;
	END IF;

	LOOP
		problem := NULL;
		BEGIN
			-- Who waits for an exclusive lock keeps all others waiting too: for this long.
			IF state.phase IS NULL OR state.phase IN ('filled', 'indexing', 'swapping') OR ambiguous IS NOT NULL THEN
				PERFORM set_config('lock_timeout', '100ms', true);
			END IF;
			CASE
				WHEN ambiguous IS NOT NULL THEN
					PERFORM tarot.drop_conversion_indexes(relation, "column");
				WHEN state.phase IS NULL THEN
					PERFORM tarot.begin_conversion(relation, "column", new_type, encrypt, name, searchable);
				WHEN state.phase = 'filling' THEN
					PERFORM tarot.set_conversion(relation, "column", state.number, state.shadow, encrypt, 'filling', state.class);
					IF NOT tarot.conversion_batch(relation, "column", batch) THEN
						PERFORM tarot.set_conversion(relation, "column", state.number, state.shadow, encrypt, 'filled', state.class);
					END IF;
				WHEN state.phase = 'filled' THEN
					PERFORM tarot.constrain_conversion(relation, "column", state.shadow);
					PERFORM tarot.set_conversion(relation, "column", state.number, state.shadow, encrypt, 'checking', state.class);
				WHEN state.phase = 'checking' THEN
					PERFORM tarot.check_conversion(relation, "column", state.shadow);
					PERFORM tarot.set_conversion(relation, "column", state.number, state.shadow, encrypt, 'indexing', state.class);
				WHEN state.phase IN ('indexing', 'building', 'validating', 'enabling') THEN
					waits := CASE WHEN tarot.index_conversion(relation, "column") THEN 0 ELSE waits + 1 END;
				WHEN state.phase = 'swapping' THEN
					IF tarot.swap_conversion(relation, "column", state.shadow, encrypt, searchable) THEN
						PERFORM tarot.set_conversion(relation, "column", state.number, state.shadow, encrypt,
							CASE WHEN encrypt THEN 'erasing' END, state.class);
					ELSE
						PERFORM tarot.set_conversion(relation, "column", state.number, state.shadow, encrypt, 'indexing', state.class);
					END IF;
				ELSE
					IF NOT tarot.conversion_batch(relation, "column", batch) THEN
						PERFORM tarot.set_conversion(relation, "column", state.number, state.shadow, encrypt, NULL, state.class);
					END IF;
			END CASE;
			tries := 0;
		EXCEPTION WHEN unique_violation THEN
			-- The server's own message has the values.
			IF ambiguous IS NOT NULL OR state.phase NOT IN ('building', 'validating') THEN
				RAISE;
			END IF;
			GET STACKED DIAGNOSTICS problem = CONSTRAINT_NAME;
			ambiguous := coalesce((SELECT i.index::regclass::text FROM tarot.conversion_indexes(relation, "column") i
				WHERE i.new_index = (SELECT c.oid FROM pg_class c JOIN pg_class t ON t.oid = i."table"
					WHERE c.relname = problem AND c.relnamespace = t.relnamespace)), problem);
		WHEN lock_not_available THEN
			GET STACKED DIAGNOSTICS problem = MESSAGE_TEXT;
			tries := tries + 1;
			IF tries > 100 AND ambiguous IS NULL THEN
				RAISE EXCEPTION 'table "%" could not be locked', tarot.relation_name(relation)
					USING ERRCODE = 'lock_not_available', DETAIL = 'It was tried 100 times, for a tenth of a second each.',
						HINT = 'pg_locks tells who holds it: a long transaction, or VACUUM. Call again to go on.';
			END IF;
		END;
		COMMIT;
		PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
		IF ambiguous IS NOT NULL AND (problem IS NULL OR tries > 100) THEN
			RAISE EXCEPTION 'values of column "%" of table "%" that differ are equal in data class "%"',
					"column", tarot.relation_name(relation), state.class
				USING ERRCODE = 'unique_violation',
					DETAIL = format('Unique index %s cannot have both. The table is as it was.', ambiguous),
					HINT = format('Rows that have them are equal in column %I. Change them and call again, '
						'or call tarot.cancel_conversion().', state.shadow);
		END IF;
		PERFORM pg_sleep(CASE WHEN problem IS NOT NULL THEN least(0.05 * tries, 1) WHEN waits > 0 THEN least(0.01 * waits, 1)
				ELSE extract(epoch FROM pause) END)
			WHERE problem IS NOT NULL OR waits > 0 OR pause > '0';
		SELECT * INTO state FROM tarot.find_conversion(relation, "column");
		EXIT WHEN state.phase IS NULL AND problem IS NULL;
	END LOOP;
	IF encrypt THEN
		RAISE NOTICE 'column "%" of table "%" is encrypted', "column", tarot.relation_name(relation)
			USING DETAIL = 'Dead rows, the write-ahead log, backups, and freed blocks of the disk hold its plaintext '
					'until they are overwritten or removed.',
				HINT = format('VACUUM %1$s; then SELECT tarot.wipe_free_space(%2$L); removes it from the table.',
					relation::regclass, relation::regclass::text);
	END IF;
	PERFORM set_config('search_path', caller_path, true);
END
$$;

CREATE PROCEDURE tarot.encrypt_column("table" regclass, "column" name, class text, concurrently boolean DEFAULT false,
		batch integer DEFAULT 1000, pause interval DEFAULT '0')
	LANGUAGE plpgsql
	AS $$
DECLARE
	caller_path text := pg_catalog.current_setting('search_path');
BEGIN
	PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
	CALL tarot.convert_column("table", "column", class, true, "concurrently", batch, pause);
	PERFORM pg_catalog.set_config('search_path', caller_path, true);
END
$$;
COMMENT ON PROCEDURE tarot.encrypt_column(regclass, name, text, boolean, integer, interval) IS
	'Encrypts a column of text, varchar, bytea, jsonb, numeric, date, timestamptz (to the encrypted type of that name), smallint, integer '
	'or bigint (to encrypted_numeric), in a table with its partitions and children. At once: one ALTER TABLE, which writes the table anew '
	'under an exclusive lock. Or concurrently, beside writers: a new column is kept by a trigger and filled in batches of that many rows, '
	'with a pause between; then it takes the place of the old one under a short lock, as the last column, and the old values are erased. '
	'Interrupted, it goes on when it is called again; tarot.conversion_progress shows how far it is. Carries over: default, NOT NULL, '
	'comment, privileges on the column, statistics target and options, security labels, and, where the class is searchable, indexes of '
	'btree and hash, UNIQUE and primary keys; at once also check constraints. All else that depends on the column is refused with the '
	'list (2BP01). Raises 23505 when a unique index cannot hold values that differ but are equal in the class, with the table as it was: '
	'concurrently, change them and call it again, or give up. For the owner of the table, with write access to the class (42501).';

CREATE PROCEDURE tarot.decrypt_column("table" regclass, "column" name, concurrently boolean DEFAULT false,
		batch integer DEFAULT 1000, pause interval DEFAULT '0')
	LANGUAGE plpgsql
	AS $$
DECLARE
	caller_path text := pg_catalog.current_setting('search_path');
BEGIN
	PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
	CALL tarot.convert_column("table", "column", NULL, false, "concurrently", batch, pause);
	PERFORM pg_catalog.set_config('search_path', caller_path, true);
END
$$;
COMMENT ON PROCEDURE tarot.decrypt_column(regclass, name, boolean, integer, interval) IS
	'The other way round: stores what an encrypted column holds in its base type, at once or beside writers, as tarot.encrypt_column(). '
	'For the owner of the table, with plain read access to the class (42501). While it goes on beside writers, who writes to the table '
	'can have any envelope of the class decrypted.';

CREATE PROCEDURE tarot.cancel_conversion("table" regclass, "column" name)
	LANGUAGE plpgsql
	AS $$
DECLARE
	state record;
	caller_path text := pg_catalog.current_setting('search_path');
BEGIN
	PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
	SELECT * INTO state FROM tarot.find_conversion("table", "column");
	IF state.phase IS NULL THEN
		RAISE EXCEPTION 'column "%" of table "%" is not being converted', "column", tarot.relation_name("table")
			USING ERRCODE = 'undefined_object';
	ELSIF state.phase = 'erasing' THEN
		RAISE EXCEPTION 'column "%" of table "%" is encrypted already', "column", tarot.relation_name("table")
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Call tarot.encrypt_column() again, so that the old values are erased.';
	END IF;
	PERFORM tarot.unconstrain_conversion("table", state.shadow, true);
	EXECUTE format('ALTER TABLE %s DROP COLUMN IF EXISTS %I', "table", state.shadow);
	PERFORM tarot.set_conversion("table", "column", state.number, state.shadow, state.encrypt, NULL, state.class);
	PERFORM set_config('search_path', caller_path, true);
END
$$;
COMMENT ON PROCEDURE tarot.cancel_conversion(regclass, name) IS
	'Gives up a conversion that goes on beside writers, and removes what it put onto the table; the column stays as it is. Raises 42704 '
	'when there is none, 55000 when the new column has taken the place of the old one already. For the owner of the table (42501).';

-- convert: existing columns, encrypted and decrypted

-- Not dumped, and of no policy: conversions beside writers that are under way. Written by the C functions below.
CREATE TABLE tarot.conversion (
	relation oid NOT NULL,
	"column" name NOT NULL,
	number smallint NOT NULL,
	shadow name NOT NULL,
	encrypt boolean NOT NULL,
	phase text COLLATE "C" NOT NULL CHECK (phase IN ('filling', 'filled', 'checking', 'swapping', 'erasing')),
	class text COLLATE "C" NOT NULL,
	role oid NOT NULL,
	pid integer NOT NULL,
	started_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	CONSTRAINT conversion_pkey PRIMARY KEY (relation, "column")
);
COMMENT ON TABLE tarot.conversion IS 'Columns that are being converted beside their writers. Of this server: not dumped.';

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
CREATE FUNCTION tarot.constant_default(relation oid, "column" name) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_convert_constant_default';
CREATE FUNCTION tarot.fill_converted_column() RETURNS trigger
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_convert_fill_converted_column';

CREATE FUNCTION tarot.wipe_free_space(target regclass) RETURNS bigint
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_convert_wipe_free_space';
COMMENT ON FUNCTION tarot.wipe_free_space(regclass) IS
	'Overwrites the free space in the pages of a table, its TOAST table, partitions and children with zeros, and returns in how many pages there was something: what rows held that VACUUM has removed. Call it after VACUUM; dead rows that VACUUM could not remove yet keep their bytes. Writes each of these pages to the write-ahead log, so that standbys do it too. For the owner of the table (42501).';

-- ------------------------------------------------------------ what stands in the way

-- The encrypted type of a base type, and the other way round; NULL where there is none without loss.
CREATE FUNCTION tarot.converted_type(type oid, encrypt boolean) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT CASE WHEN encrypt THEN (
			SELECT t.typname FROM pg_type t, (SELECT CASE
					WHEN type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN 'numeric'
					WHEN type = 'varchar'::regtype THEN 'text'
					ELSE (SELECT b.typname FROM pg_type b WHERE b.oid = type AND b.typnamespace = 'pg_catalog'::regnamespace) END) AS base (name)
				WHERE t.typnamespace = 'tarot'::regnamespace AND t.typname = 'encrypted_' || base.name)
		ELSE (
			SELECT substr(t.typname, length('encrypted_') + 1) FROM pg_type t
				WHERE t.oid = type AND t.typnamespace = 'tarot'::regnamespace AND t.typname LIKE 'encrypted\_%')
		END
	$$;

-- Everything that would be lost or refused, at once. What is not known here to be carried over is refused.
CREATE FUNCTION tarot.conversion_obstacles(relation oid, "column" name, encrypt boolean, searchable boolean, online boolean)
	RETURNS SETOF text
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	-- An index is of the new type only where that can be compared without being opened.
	indexable CONSTANT boolean := NOT online AND (NOT encrypt
		OR searchable
			AND EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod
				JOIN pg_attribute a ON a.attrelid = conversion_obstacles.relation AND a.attname = conversion_obstacles."column"
				WHERE o.opcdefault AND m.amname = 'btree'
					AND o.opcintype = to_regtype('tarot.' || tarot.converted_type(a.atttypid, true))));
BEGIN
	RETURN QUERY
	WITH RECURSIVE tree (oid) AS (
		SELECT conversion_obstacles.relation
		UNION SELECT i.inhrelid FROM pg_inherits i JOIN tree ON i.inhparent = tree.oid
	), col AS (
		SELECT c.oid, c.relkind, c.relispartition, c.relowner, c.reloftype, a.attnum, a.attname, a.attinhcount, a.attgenerated, a.attidentity, a.attacl
			FROM tree JOIN pg_class c USING (oid)
				JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = conversion_obstacles."column" AND NOT a.attisdropped
	), dependent AS (
		SELECT DISTINCT col.oid, col.attnum, d.classid, d.objid, d.objsubid
			FROM col JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = col.oid AND d.refobjsubid = col.attnum
	)
	SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM dependent d
		WHERE NOT CASE d.classid
			WHEN 'pg_attrdef'::regclass THEN
				EXISTS (SELECT FROM pg_attrdef f WHERE f.oid = d.objid AND f.adrelid = d.oid AND f.adnum = d.attnum)
			WHEN 'pg_constraint'::regclass THEN
				(SELECT CASE n.contype WHEN 'n' THEN true WHEN 'c' THEN NOT online
						WHEN 'p' THEN indexable WHEN 'u' THEN indexable ELSE false END
					FROM pg_constraint n WHERE n.oid = d.objid)
			WHEN 'pg_class'::regclass THEN
				indexable AND EXISTS (SELECT FROM pg_index i WHERE i.indexrelid = d.objid AND i.indexprs IS NULL AND i.indpred IS NULL
					AND EXISTS (SELECT FROM unnest(i.indclass::oid[]) WITH ORDINALITY AS k (opclass, position)
						JOIN pg_opclass o ON o.oid = k.opclass JOIN pg_am m ON m.oid = o.opcmethod
						WHERE i.indkey[k.position - 1] = d.attnum AND o.opcdefault AND m.amname IN ('btree', 'hash')))
			ELSE false END
	UNION ALL
	SELECT CASE
			WHEN col.relkind NOT IN ('r', 'p') THEN format('%s is not an ordinary table', col.oid::regclass)
			WHEN col.attgenerated <> '' THEN format('column %I of %s is generated', col.attname, col.oid::regclass)
			WHEN col.attidentity <> '' THEN format('column %I of %s is an identity column', col.attname, col.oid::regclass)
			WHEN col.reloftype <> 0 THEN format('%s is a typed table', col.oid::regclass)
			WHEN EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partrelid = col.oid AND col.attnum = ANY (p.partattrs::smallint[]))
				THEN format('%s is partitioned by it', col.oid::regclass)
			WHEN col.oid = conversion_obstacles.relation AND col.attinhcount > 0 THEN format('column %I of %s is inherited: convert it in the parent', col.attname, col.oid::regclass)
			WHEN col.oid <> conversion_obstacles.relation AND NOT col.relispartition AND online THEN format('%s inherits the column', col.oid::regclass)
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
	obstacles text := (SELECT string_agg(o, E'\n') FROM tarot.conversion_obstacles(relation, "column", encrypt, searchable, online) o);
BEGIN
	IF obstacles IS NOT NULL THEN
		RAISE EXCEPTION 'column "%" of table "%" cannot be converted%', "column", relation::regclass,
				CASE WHEN online THEN ' concurrently' ELSE '' END
			USING ERRCODE = 'dependent_objects_still_exist', DETAIL = obstacles,
				HINT = 'None of these would be carried over. Drop them, and make them again afterwards.';
	END IF;
END
$$;

-- ------------------------------------------------------------ what is carried over

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
	RETURN QUERY SELECT format('SECURITY LABEL FOR %I ON COLUMN %s.%I IS %L', s.provider, quoted, a.attname, s.label)
		FROM pg_seclabel s WHERE s.classoid = 'pg_class'::regclass AND s.objoid = relation AND s.objsubid = a.attnum;
	RETURN QUERY SELECT format('GRANT %s (%I) ON %s TO %s%s', g.privilege_type, a.attname, quoted,
			CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END,
			CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
		FROM aclexplode(a.attacl) g;
END
$$;

-- ------------------------------------------------------------ in one transaction

CREATE FUNCTION tarot.convert_table(relation oid, "column" name, new_type text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	default_value text;
BEGIN
	default_value := tarot.converted_default(relation, "column");
	IF default_value IS NOT NULL THEN
		EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', relation::regclass, "column");
	END IF;
	EXECUTE format('ALTER TABLE %1$s ALTER COLUMN %2$I TYPE %3$s USING %2$I::%3$s', relation::regclass, "column", new_type);
	IF default_value IS NOT NULL THEN
		EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s', relation::regclass, "column", default_value);
	END IF;
END
$$;

-- ------------------------------------------------------------ beside writers

-- The steps of a conversion that need an exclusive lock: each is short, and one transaction.

CREATE FUNCTION tarot.begin_conversion(relation oid, "column" name, new_type text, encrypt boolean, class text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	number CONSTANT smallint := (SELECT a.attnum FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attname = begin_conversion."column" AND NOT a.attisdropped);
	shadow CONSTANT name := format('tarot_converted_%s', number);
BEGIN
	EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s', relation::regclass, shadow, new_type);
	-- The last of its kind to fire, also for what replication brings.
	EXECUTE format('CREATE TRIGGER %I BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION tarot.fill_converted_column(%L)',
		'~' || shadow, relation::regclass, "column");
	EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', relation::regclass, '~' || shadow);
	PERFORM tarot.set_conversion(relation, "column", number, shadow, encrypt, 'filling', class);
END
$$;

-- Not yet checked, but kept from here on: no row of the one column is without the other.
CREATE FUNCTION tarot.constrain_conversion(relation oid, "column" name, shadow name) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK ((%I IS NULL) = (%I IS NULL)) NOT VALID',
		relation::regclass, shadow || '_same', "column", shadow);
	IF (SELECT a.attnotnull FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = constrain_conversion."column" AND NOT a.attisdropped) THEN
		EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (%I IS NOT NULL) NOT VALID',
			relation::regclass, shadow || '_not_null', shadow);
	END IF;
END
$$;

-- Which of them are there as they were made: their owner may have put others in their place, whose code
-- would be run by whoever converts, and which would prove nothing.
CREATE FUNCTION tarot.conversion_constraints(relation oid, "column" name, shadow name) RETURNS SETOF pg_constraint
	LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT c.* FROM pg_constraint c
			WHERE c.conrelid = relation AND c.contype = 'c' AND NOT c.connoinherit
				AND (c.conname, replace(pg_get_constraintdef(c.oid), ' NOT VALID', '')) IN (
					(shadow || '_same', format('CHECK (((%I IS NULL) = (%I IS NULL)))', "column", shadow)),
					(shadow || '_not_null', format('CHECK ((%I IS NOT NULL))', shadow)))
	$$;

CREATE FUNCTION tarot.check_conversion(relation oid, "column" name, shadow name) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	checked name;
BEGIN
	-- Nobody changes them from here on.
	EXECUTE format('LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE', relation::regclass);
	FOR checked IN SELECT c.conname FROM tarot.conversion_constraints(relation, "column", shadow) c WHERE NOT c.convalidated LOOP
		EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', relation::regclass, checked);
	END LOOP;
END
$$;

-- Removes what a conversion has put onto the table, but for the new column and, on the way to its end, what
-- proves that this has no NULL.
CREATE FUNCTION tarot.unconstrain_conversion(relation oid, shadow name, wholly boolean) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	SET client_min_messages = warning
	AS $$
BEGIN
	EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', '~' || shadow, relation::regclass);
	EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', relation::regclass, shadow || '_same');
	IF wholly THEN
		EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', relation::regclass, shadow || '_not_null');
	END IF;
END
$$;

CREATE FUNCTION tarot.swap_conversion(relation oid, "column" name, shadow name, encrypt boolean, searchable boolean) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	property text;
	properties text[];
BEGIN
	EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', relation::regclass);
	-- It would be true of nothing if somebody had taken the constraint away.
	IF NOT EXISTS (SELECT FROM tarot.conversion_constraints(relation, "column", shadow) c WHERE c.conname = shadow || '_same' AND c.convalidated) THEN
		RAISE EXCEPTION 'the conversion of column "%" of table "%" was tampered with', "column", relation::regclass
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Call tarot.cancel_conversion().';
	END IF;
	PERFORM tarot.unconstrain_conversion(relation, shadow, false);
	-- What came up meanwhile would go with the old column.
	PERFORM tarot.require_convertible(relation, "column", encrypt, searchable, true);
	IF (SELECT a.attnotnull FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = swap_conversion."column" AND NOT a.attisdropped) THEN
		-- The constraint that was checked proves it: the table is not read.
		EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', relation::regclass, shadow);
	END IF;
	PERFORM tarot.unconstrain_conversion(relation, shadow, true);
	properties := ARRAY(SELECT tarot.column_properties(relation, "column"));
	EXECUTE format('ALTER TABLE %s DROP COLUMN %I', relation::regclass, "column");
	EXECUTE format('ALTER TABLE %s RENAME COLUMN %I TO %I', relation::regclass, shadow, "column");
	FOREACH property IN ARRAY properties LOOP
		EXECUTE property;
	END LOOP;
END
$$;

CREATE PROCEDURE tarot.convert_column(relation oid, "column" name, class text, encrypt boolean, online boolean, batch integer, pause interval)
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
			RAISE EXCEPTION 'table "%" has no column "%"', relation::regclass, "column" USING ERRCODE = 'undefined_column';
		END IF;
		new_type := tarot.converted_type(type, encrypt);
		IF new_type IS NULL THEN
			RAISE EXCEPTION 'column "%" of table "%" is of type %, which is not to be %crypted', "column", relation::regclass,
					format_type(type, typmod), CASE WHEN encrypt THEN 'en' ELSE 'de' END
				USING ERRCODE = 'datatype_mismatch', HINT = CASE WHEN encrypt
					THEN 'Types without an encrypted one that holds all their values, domains and arrays are changed by ALTER TABLE.'
					ELSE 'Only columns of an encrypted type are; domains over one and arrays are changed by ALTER TABLE.' END;
		END IF;
	ELSIF NOT online OR state.encrypt <> encrypt OR encrypt AND state.class <> class THEN
		RAISE EXCEPTION 'column "%" of table "%" is being converted in another way', "column", relation::regclass
			USING ERRCODE = 'object_in_use', HINT = 'Call it as it was called, or tarot.cancel_conversion().';
	END IF;
	SELECT r.name, r.searchable INTO name, searchable FROM tarot.require_class_access(coalesce(class, state.class), typmod, encrypt, online) r;
	IF encrypt AND new_type IS NOT NULL THEN
		new_type := format('tarot.%I(%L)', new_type, name);
	END IF;

	IF NOT online THEN
		EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', relation::regclass);
		PERFORM tarot.require_convertible(relation, "column", encrypt, searchable, false);
		PERFORM tarot.convert_table(relation, "column", new_type);
		IF encrypt THEN
			RAISE NOTICE 'column "%" of table "%" is encrypted', "column", relation::regclass
				USING DETAIL = 'The write-ahead log, backups, and freed blocks of the disk hold its plaintext until they are overwritten or removed.';
		END IF;
		PERFORM set_config('search_path', caller_path, true);
		RETURN;
	END IF;

	LOOP
		problem := NULL;
		BEGIN
			-- Who waits for an exclusive lock keeps all others waiting too: for this long.
			IF state.phase IS NULL OR state.phase IN ('filled', 'swapping') THEN
				PERFORM set_config('lock_timeout', '100ms', true);
			END IF;
			CASE
				WHEN state.phase IS NULL THEN
					PERFORM tarot.require_convertible(relation, "column", encrypt, searchable, true);
					PERFORM tarot.begin_conversion(relation, "column", new_type, encrypt, name);
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
					PERFORM tarot.set_conversion(relation, "column", state.number, state.shadow, encrypt, 'swapping', state.class);
				WHEN state.phase = 'swapping' THEN
					PERFORM tarot.swap_conversion(relation, "column", state.shadow, encrypt, searchable);
					PERFORM tarot.set_conversion(relation, "column", state.number, state.shadow, encrypt,
						CASE WHEN encrypt THEN 'erasing' END, state.class);
				ELSE
					IF NOT tarot.conversion_batch(relation, "column", batch) THEN
						PERFORM tarot.set_conversion(relation, "column", state.number, state.shadow, encrypt, NULL, state.class);
					END IF;
			END CASE;
			tries := 0;
		EXCEPTION WHEN lock_not_available THEN
			GET STACKED DIAGNOSTICS problem = MESSAGE_TEXT;
			tries := tries + 1;
			IF tries > 100 THEN
				RAISE EXCEPTION 'table "%" could not be locked', relation::regclass
					USING ERRCODE = 'lock_not_available', DETAIL = 'It was tried 100 times, for a tenth of a second each.',
						HINT = 'pg_locks tells who holds it: a long transaction, or VACUUM. Call again to go on.';
			END IF;
		END;
		COMMIT;
		PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
		PERFORM pg_sleep(CASE WHEN problem IS NOT NULL THEN least(0.05 * tries, 1) ELSE extract(epoch FROM pause) END)
			WHERE problem IS NOT NULL OR pause > '0';
		SELECT * INTO state FROM tarot.find_conversion(relation, "column");
		EXIT WHEN state.phase IS NULL AND problem IS NULL;
	END LOOP;
	IF encrypt THEN
		RAISE NOTICE 'column "%" of table "%" is encrypted', "column", relation::regclass
			USING DETAIL = 'Dead rows, the write-ahead log, backups, and freed blocks of the disk hold its plaintext until they are overwritten or removed.',
				HINT = format('VACUUM %1$s; then SELECT tarot.wipe_free_space(%2$L); removes it from the table.', relation::regclass, relation::regclass::text);
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
	'Encrypts a column of text, varchar, bytea, jsonb, numeric, date, timestamptz (to the encrypted type of that name), smallint, integer or bigint (to encrypted_numeric), in a table with its partitions and children. At once: one ALTER TABLE, which writes the table anew under an exclusive lock. Or concurrently, beside writers: a new column is kept by a trigger and filled in batches of that many rows, with a pause between; then it takes the place of the old one under a short lock, as the last column, and the old values are erased. Interrupted, it goes on when it is called again; tarot.conversion_progress shows how far it is. Carries over: default, NOT NULL, comment, privileges on the column, statistics target and options, security labels; at once also check constraints and, where the class is searchable, indexes, UNIQUE and primary keys. All else that depends on the column is refused with the list (2BP01). For the owner of the table, with write access to the class (42501).';

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
	'The other way round: stores what an encrypted column holds in its base type, at once or beside writers, as tarot.encrypt_column(). For the owner of the table, with plain read access to the class (42501). While it goes on beside writers, who writes to the table can have any envelope of the class decrypted.';

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
		RAISE EXCEPTION 'column "%" of table "%" is not being converted', "column", "table" USING ERRCODE = 'undefined_object';
	ELSIF state.phase = 'erasing' THEN
		RAISE EXCEPTION 'column "%" of table "%" is encrypted already', "column", "table"
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Call tarot.encrypt_column() again, so that the old values are erased.';
	END IF;
	PERFORM tarot.unconstrain_conversion("table", state.shadow, true);
	EXECUTE format('ALTER TABLE %s DROP COLUMN IF EXISTS %I', "table", state.shadow);
	PERFORM tarot.set_conversion("table", "column", state.number, state.shadow, state.encrypt, NULL, state.class);
	PERFORM set_config('search_path', caller_path, true);
END
$$;
COMMENT ON PROCEDURE tarot.cancel_conversion(regclass, name) IS
	'Gives up a conversion that goes on beside writers, and removes what it put onto the table; the column stays as it is. Raises 42704 when there is none, 55000 when the new column has taken the place of the old one already. For the owner of the table (42501).';

CREATE VIEW tarot.conversion_progress AS
	SELECT v.relation::regclass AS "table", v."column", v.class, CASE WHEN v.encrypt THEN 'encrypt' ELSE 'decrypt' END AS direction, v.phase,
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
COMMENT ON COLUMN tarot.conversion_progress.phase IS 'filling the new column (then filled), checking that it is complete, swapping it for the old one, erasing what that held.';
COMMENT ON COLUMN tarot.conversion_progress.state IS 'running, or interrupted: call the procedure again, it goes on.';
COMMENT ON COLUMN tarot.conversion_progress.blocks_total IS 'Of the table, in this phase and pass.';
COMMENT ON COLUMN tarot.conversion_progress.blocks_done IS 'Of these.';
COMMENT ON COLUMN tarot.conversion_progress.rows_done IS 'Rows written in this phase.';
COMMENT ON COLUMN tarot.conversion_progress.rows_per_second IS 'While it was at work, pauses not counted.';
COMMENT ON COLUMN tarot.conversion_progress.pid IS 'The process that called last.';
COMMENT ON COLUMN tarot.conversion_progress.started_at IS 'When it began.';
COMMENT ON COLUMN tarot.conversion_progress.updated_at IS 'When it last began a batch or a phase.';
GRANT SELECT ON tarot.conversion_progress TO pg_monitor;

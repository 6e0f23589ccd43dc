-- convert: the steps of a conversion beside writers, but for its batches. Each is one transaction, and short where
-- it needs an exclusive lock

CREATE FUNCTION tarot.begin_conversion(relation oid, "column" name, new_type text, encrypt boolean, class text, searchable boolean)
	RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	number CONSTANT smallint := (SELECT a.attnum FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attname = begin_conversion."column" AND NOT a.attisdropped);
	shadow CONSTANT name := format('tarot_converted_%s', number);
BEGIN
	EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', relation::regclass);
	PERFORM tarot.require_convertible(relation, "column", encrypt, searchable, true);
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
	IF (SELECT a.attnotnull FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attname = constrain_conversion."column" AND NOT a.attisdropped)
	THEN
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

-- Since 18 NOT NULL is a constraint, and was made under the name that the column had.
CREATE FUNCTION tarot.name_not_null(relation oid, "column" name, wanted name) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	given CONSTANT name := (SELECT c.conname
		FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND c.conkey = ARRAY[a.attnum]
		WHERE c.conrelid = relation AND c.contype = 'n' AND a.attname = name_not_null."column");
BEGIN
	IF given <> wanted THEN
		EXECUTE format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', relation::regclass, given, wanted);
	END IF;
END
$$;

-- False when an index came up, or was changed, that has no counterpart to take its place.
CREATE FUNCTION tarot.swap_conversion(relation oid, "column" name, shadow name, encrypt boolean, searchable boolean) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	-- Not that it renames indexes.
	SET client_min_messages = warning
	AS $$
DECLARE
	old_column pg_attribute;
	not_null name;
	statement text;
	statements text[];
BEGIN
	EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', relation::regclass);
	-- It would be true of nothing if somebody had taken the constraint away.
	IF NOT EXISTS (SELECT FROM tarot.conversion_constraints(relation, "column", shadow) c
		WHERE c.conname = shadow || '_same' AND c.convalidated)
	THEN
		RAISE EXCEPTION 'the conversion of column "%" of table "%" was tampered with', "column", tarot.relation_name(relation)
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Call tarot.cancel_conversion().';
	END IF;
	IF EXISTS (SELECT FROM tarot.conversion_indexes(relation, "column") i WHERE i.state <> 'valid') THEN
		RETURN false;
	END IF;
	PERFORM tarot.unconstrain_conversion(relation, shadow, false);
	-- What came up meanwhile would go with the old column.
	PERFORM tarot.require_convertible(relation, "column", encrypt, searchable, true);
	SELECT * INTO old_column FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attname = swap_conversion."column" AND NOT a.attisdropped;
	SELECT c.conname INTO not_null FROM pg_constraint c
		WHERE c.conrelid = relation AND c.contype = 'n' AND c.conkey = ARRAY[old_column.attnum];
	IF old_column.attnotnull THEN
		-- The constraint that was checked proves it: the table is not read.
		EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', relation::regclass, shadow);
	END IF;
	PERFORM tarot.unconstrain_conversion(relation, shadow, true);
	statements := ARRAY(SELECT tarot.column_properties(relation, "column"))
		|| ARRAY(SELECT p FROM tarot.conversion_indexes(relation, "column") i, tarot.index_properties(i.index, i.new_index) p);
	EXECUTE format('ALTER TABLE %s DROP COLUMN %I', relation::regclass, "column");
	EXECUTE format('ALTER TABLE %s RENAME COLUMN %I TO %I', relation::regclass, shadow, "column");
	PERFORM tarot.name_not_null(relation, "column", not_null);
	FOREACH statement IN ARRAY statements LOOP
		EXECUTE statement;
	END LOOP;
	RETURN true;
END
$$;

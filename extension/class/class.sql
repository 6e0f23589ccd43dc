-- class: data classes, and who may read, search and write their values

CREATE TABLE tarot.class (
	class_id integer PRIMARY KEY CHECK (class_id BETWEEN 1 AND 2147483646),
	name text COLLATE "C" NOT NULL UNIQUE CHECK (octet_length(name) BETWEEN 1 AND 63),
	key_id integer NOT NULL,
	mask text COLLATE "C" NOT NULL,
	searchable boolean NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	per_subject boolean NOT NULL DEFAULT false,
	purposes text[] COLLATE "C"
);
COMMENT ON TABLE tarot.class IS
	'Data classes. The number is a hash of the name: it is the type modifier of encrypted columns. With purposes, values are shown for a '
	'stated one of them alone, for any where there are none, and that is recorded.';

CREATE TABLE tarot.class_grant (
	class_id integer NOT NULL,
	grantee regrole NOT NULL,
	read text COLLATE "C" NOT NULL CHECK (read IN ('none', 'masked', 'plain')),
	search boolean NOT NULL,
	write boolean NOT NULL,
	granted_by name NOT NULL,
	granted_at timestamptz NOT NULL DEFAULT now(),
	permission text COLLATE "C" NOT NULL DEFAULT '',
	valid_until timestamptz NOT NULL DEFAULT 'infinity',
	ends boolean NOT NULL GENERATED ALWAYS AS (valid_until < 'infinity') STORED,
	PRIMARY KEY (class_id, grantee, permission, ends),
	CHECK (grantee <> 0 OR permission <> '')
);
COMMENT ON TABLE tarot.class_grant IS
	'What each role may do with the values of a class; with a permission, while the session''s identity holds it. The grantee 0 is any '
	'role. A role has one grant without an end and one with, for each permission.';

-- Rows stay when another key took over, when a class is no longer searchable, and also when it is dropped: a tag of
-- this generation may come back with a restored table, and must never meet one that another key made.
CREATE TABLE tarot.search_key (
	class_id integer NOT NULL,
	generation integer NOT NULL CHECK (generation BETWEEN 1 AND 127),
	key_id integer NOT NULL,
	key_version integer NOT NULL,
	normalization text COLLATE "C" NOT NULL,
	bits integer NOT NULL CHECK (bits BETWEEN 16 AND 120),
	state text COLLATE "C" NOT NULL DEFAULT 'active' CHECK (state IN ('next', 'active', 'retiring', 'retired')),
	since timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (class_id, generation)
);
COMMENT ON TABLE tarot.search_key IS
	'How the search tags of a class are made (docs/formats.md): the version of a data key that their key is derived from, normalization, '
	'and size. A tag names its generation; those of the active one count.';
CREATE UNIQUE INDEX search_key_in_use ON tarot.search_key (class_id, state) WHERE state IN ('next', 'active');

SELECT tarot.declare_policy_table('tarot.class');
SELECT tarot.declare_policy_table('tarot.search_key');
-- A grant to a dropped role would be dumped as a bare number, and could meet another role at the restore.
SELECT tarot.declare_policy_table('tarot.class_grant',
	'WHERE grantee = 0 OR EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = grantee)');


-- ------------------------------------------------------------ for the functions below alone

CREATE FUNCTION tarot.class_id(name text) RETURNS integer
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_class_id';

-- Whether a text is one line that says something.
CREATE FUNCTION tarot.is_line(line text) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_class_is_line';

CREATE FUNCTION tarot.check_class_unused(class_id integer, class_name text, purpose text) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_class_check_unused';

CREATE FUNCTION tarot.get_class(name text) RETURNS tarot.class
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	class tarot.class;
BEGIN
	PERFORM tarot.check_name('data class', get_class.name);
	SELECT * INTO class FROM tarot.class c WHERE c.name = get_class.name;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'data class "%" does not exist', get_class.name
			USING ERRCODE = 'undefined_object', HINT = 'Create it with tarot.create_class().';
	END IF;
	RETURN class;
END
$$;

-- ------------------------------------------------------------ classes

-- A search key for a class, from the newest version of its key.
CREATE FUNCTION tarot.add_search_key(class tarot.class, normalization text, bits integer, state text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	newest integer;
	last integer;
BEGIN
	SELECT max(s.generation) INTO last FROM tarot.search_key s WHERE s.class_id = class.class_id;
	IF last = 127 THEN
		RAISE EXCEPTION 'data class "%" has had 127 search keys', class.name USING ERRCODE = 'program_limit_exceeded';
	END IF;
	SELECT max(v.version) INTO newest FROM tarot.key_version v WHERE v.key_id = class.key_id AND v.state = 'active';
	IF newest IS NULL THEN
		RAISE EXCEPTION 'the key of data class "%" has no active version', class.name
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Call tarot.rotate_key().';
	END IF;
	INSERT INTO tarot.search_key (class_id, generation, key_id, key_version, normalization, bits, state)
		VALUES (class.class_id, coalesce(last, 0) + 1, class.key_id, newest, normalization, bits, state);
END
$$;

-- What new tags are made with: what is asked for, else as before.
CREATE FUNCTION tarot.check_search_settings(INOUT normalization text, INOUT bits integer, old tarot.search_key)
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	normalization := coalesce(tarot.normalize_search(normalization), old.normalization, '');
	bits := coalesce(bits, old.bits, 120);
	IF bits NOT BETWEEN 16 AND 120 THEN
		RAISE EXCEPTION 'search_bits must be between 16 and 120' USING ERRCODE = 'invalid_parameter_value';
	END IF;
END
$$;

-- Pins what the tags of a class are made with. Where values may exist already, another normalization or
-- size would silently keep them from being found.
CREATE FUNCTION tarot.pin_search_key(class tarot.class, normalization text, bits integer) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	pinned tarot.search_key;
	settings record;
	usable boolean;
BEGIN
	SELECT * INTO pinned FROM tarot.search_key s WHERE s.class_id = class.class_id AND s.state = 'active';
	settings := tarot.check_search_settings(pin_search_key.normalization, pin_search_key.bits, pinned);
	IF NOT class.searchable AND (pin_search_key.normalization IS NOT NULL OR pin_search_key.bits IS NOT NULL) THEN
		RAISE EXCEPTION 'normalization and search_bits are for searchable data classes' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Say searchable => true, too.';
	END IF;
	usable := EXISTS (SELECT FROM tarot.key_version v WHERE v.key_id = pinned.key_id AND v.version = pinned.key_version
		AND v.state <> 'destroyed');
	IF NOT class.searchable OR usable AND (pinned.normalization, pinned.bits) = (settings.normalization, settings.bits) THEN
		RETURN;
	END IF;
	IF pinned.class_id IS NOT NULL THEN
		PERFORM tarot.check_class_unused(class.class_id, class.name, 'change the search tags of');
		UPDATE tarot.search_key s SET state = 'retired', since = now() WHERE s.class_id = class.class_id AND s.state <> 'retired';
	END IF;
	PERFORM tarot.add_search_key(class, settings.normalization, settings.bits, 'active');
END
$$;

CREATE FUNCTION tarot.forget_class_access(class_id integer) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM tarot.class_grant g WHERE g.class_id = forget_class_access.class_id;
	DELETE FROM tarot.break_glass_list l WHERE l.class_id = forget_class_access.class_id;
	PERFORM tarot.record_end_of_break_glass(forget_class_access.class_id, NULL, false, NULL, session_user);
END
$$;

CREATE FUNCTION tarot.create_class(name text, key text, mask text DEFAULT 'redact', searchable boolean DEFAULT false,
		normalization text DEFAULT NULL, search_bits integer DEFAULT NULL, per_subject boolean DEFAULT false) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	id integer;
	taken text;
	created tarot.class;
BEGIN
	PERFORM tarot.check_name('data class', create_class.name);
	IF create_class.mask IS NULL OR create_class.searchable IS NULL THEN
		RAISE EXCEPTION 'mask and searchable must not be null' USING ERRCODE = 'null_value_not_allowed',
			HINT = 'A mask that shows nothing is called "redact", one that shows NULL "null".';
	END IF;
	IF create_class.per_subject IS NULL THEN
		RAISE EXCEPTION 'per_subject must not be null' USING ERRCODE = 'null_value_not_allowed';
	ELSIF create_class.per_subject AND create_class.searchable THEN
		RAISE EXCEPTION 'a data class with keys of subjects cannot be searchable' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'Equal values would go on to be found to be equal after their keys were destroyed.';
	END IF;
	id := tarot.class_id(create_class.name);
	LOCK TABLE tarot.class IN SHARE ROW EXCLUSIVE MODE;
	SELECT c.name INTO taken FROM tarot.class c WHERE c.class_id = id;
	IF taken = create_class.name THEN
		RAISE EXCEPTION 'data class "%" already exists', taken USING ERRCODE = 'duplicate_object';
	ELSIF taken IS NOT NULL THEN
		RAISE EXCEPTION 'the names "%" and "%" have the same hash', create_class.name, taken
			USING ERRCODE = 'duplicate_object', HINT = 'Choose another name for the new data class.';
	END IF;
	-- What a grant left that met the drop of an earlier class of this name.
	PERFORM tarot.forget_class_access(id);
	INSERT INTO tarot.class (class_id, name, key_id, mask, searchable, per_subject)
		VALUES (id, create_class.name, tarot.get_key_id(create_class.key),
			tarot.normalize_mask(create_class.mask), create_class.searchable, create_class.per_subject)
		RETURNING * INTO created;
	PERFORM tarot.pin_search_key(created, create_class.normalization, create_class.search_bits);
	IF create_class.per_subject THEN
		PERFORM tarot.prepare_subjects(id, tarot.get_key_id(create_class.key));
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.create_class(text, text, text, boolean, text, integer, boolean) IS
	'Makes a data class: the key that seals its values, the mask that masked readers see (redact, constant(text), null; for text '
	'partial(prefix, suffix), email, card, phone, iban, name, address, ip, ip(v4 bits, v6 bits), range(step), hash, pseudonym, '
	'pseudonym_card, fake_first_name, fake_last_name, fake_name, fake_city, fake_company; for dates decade, year, quarter, month, week, '
	'day, noise(days); for numbers round(step), range(step), noise(amount), noise(percent%), pseudonym, zero; for bytes hash, length; for '
	'JSON json, json(path: mask, ...), json_hide(path, ...), json_show(path, ...); for plain columns function(schema.name)), and whether '
	'equal values may be found to be equal: by roles that are granted search, after a normalization of text (a list of lower, trim, nfc), '
	'by a tag of search_bits (16 to 120, the default). What a tag is made with stays so while columns have the class. With per_subject '
	'each data subject has a key of its own, for ever; then see tarot.set_subject(), and such a class cannot be searchable. Nobody may '
	'read or write it until tarot.grant_class(), superusers and owners neither. Names are as those of keys. Raises 42710 for a name that '
	'exists or has the hash of one that does, 42704 for an unknown key, 22023 for an unknown mask, 42P13 for a function that cannot be '
	'one.';

CREATE FUNCTION tarot.alter_class(name text, key text DEFAULT NULL, mask text DEFAULT NULL, searchable boolean DEFAULT NULL,
		normalization text DEFAULT NULL, search_bits integer DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	class tarot.class := tarot.get_class(alter_class.name);
BEGIN
	IF class.per_subject AND alter_class.searchable THEN
		RAISE EXCEPTION 'a data class with keys of subjects cannot be searchable' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	UPDATE tarot.class c SET
			key_id = CASE WHEN alter_class.key IS NULL THEN c.key_id ELSE tarot.get_key_id(alter_class.key) END,
			mask = coalesce(tarot.normalize_mask(alter_class.mask), c.mask),
			searchable = coalesce(alter_class.searchable, c.searchable)
		WHERE c.class_id = class.class_id
		RETURNING * INTO class;
	IF num_nonnulls(alter_class.searchable, alter_class.normalization, alter_class.search_bits) > 0 THEN
		PERFORM tarot.pin_search_key(class, alter_class.normalization, alter_class.search_bits);
	END IF;
END
$$;
COMMENT ON FUNCTION tarot.alter_class(text, text, text, boolean, text, integer) IS
	'Changes what is not NULL. A new key seals what is written from then on; what is stored stays readable under the old one. A new mask '
	'counts for all readers from their next statement on. The mask "hash" gives other hashes under another key; search tags stay the '
	'same. Values written before the class was searchable are opened to be compared, until tarot.reseal() gives them tags. Normalization '
	'and search_bits can be changed here while no column has the class (2BP01), else by tarot.rotate_search_key().';

CREATE FUNCTION tarot.drop_class(name text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	class tarot.class := tarot.get_class(drop_class.name);
BEGIN
	DELETE FROM tarot.class c WHERE c.class_id = class.class_id;
	PERFORM tarot.forget_class_access(class.class_id);
	-- No column is left that a change of it would have to go on with.
	UPDATE tarot.search_key s SET state = 'retired', since = now() WHERE s.class_id = class.class_id AND s.state IN ('next', 'retiring');
	PERFORM tarot.check_class_unused(class.class_id, class.name, 'drop');
END
$$;
COMMENT ON FUNCTION tarot.drop_class(text) IS
	'Drops a data class and its grants. Refused (2BP01) while a column or a domain is declared with it.';

REVOKE ALL ON FUNCTION tarot.class_id(text), tarot.is_line(text), tarot.check_class_unused(integer, text, text), tarot.get_class(text),
	tarot.add_search_key(tarot.class, text, integer, text), tarot.check_search_settings(text, integer, tarot.search_key),
	tarot.pin_search_key(tarot.class, text, integer), tarot.forget_class_access(integer),
	tarot.create_class(text, text, text, boolean, text, integer, boolean), tarot.alter_class(text, text, text, boolean, text, integer),
	tarot.drop_class(text) FROM PUBLIC;


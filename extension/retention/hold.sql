-- retention: legal holds

CREATE TABLE tarot.legal_hold (
	relation regclass NOT NULL,
	name text COLLATE "C" NOT NULL,
	condition text,
	reason text NOT NULL,
	held_by name NOT NULL,
	held_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT legal_hold_pkey PRIMARY KEY (relation, name)
);
COMMENT ON TABLE tarot.legal_hold IS
	'Rows that no retention policy touches, whatever their age: set by tarot.hold(), and lifted by tarot.release(). For the owner of the extension and whom it grants SELECT.';
COMMENT ON COLUMN tarot.legal_hold.relation IS 'The table.';
COMMENT ON COLUMN tarot.legal_hold.name IS 'What the hold is called.';
COMMENT ON COLUMN tarot.legal_hold.condition IS 'Which of its rows; NULL: all.';
COMMENT ON COLUMN tarot.legal_hold.reason IS 'Why.';
COMMENT ON COLUMN tarot.legal_hold.held_by IS 'The role that set it.';
COMMENT ON COLUMN tarot.legal_hold.held_at IS 'When.';
SELECT tarot.guard_table('tarot.legal_hold');
SELECT pg_extension_config_dump('tarot.legal_hold', 'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation AND c.relpersistence <> ''t'')');
-- Whether a row t is on hold: of the table, or of one above it.
CREATE FUNCTION tarot.retention_held(leaf oid) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH RECURSIVE above (oid) AS (SELECT leaf UNION SELECT i.inhparent FROM above a JOIN pg_inherits i ON i.inhrelid = a.oid)
		SELECT coalesce(string_agg(format('(%s) IS TRUE', coalesce(h.condition, 'true')), ' OR ' ORDER BY h.relation::oid, h.name), 'false') FROM tarot.legal_hold h JOIN above a ON h.relation::oid = a.oid
	$$;

-- ------------------------------------------------------------ for everybody: these ask for the owner of the table

CREATE FUNCTION tarot.hold(rel regclass, hold text, reason text, "where" text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF rel IS NULL OR hold IS NULL OR reason IS NULL THEN
		RAISE EXCEPTION 'rel, hold and reason must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	PERFORM tarot.change_retention(rel::oid, hold, 'hold', "where", jsonb_build_object('reason', reason));
END
$$;
COMMENT ON FUNCTION tarot.hold(regclass, text, text, text) IS
	'Keeps rows of a table from its retention policies, and from those of tables above it, until tarot.release(): those that meet the condition where, or all. From the next batch on. hold is a line of at most 200 bytes, reason one of at most 1000, where has at most 10000. For the owner of the table to whom EXECUTE on tarot.add_retention() is granted, with an entry in the audit log. Raises 42501 for others, 42710 for a name that is taken, and what is wrong with the condition.';

CREATE FUNCTION tarot.release(rel regclass, hold text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.change_retention(rel::oid, hold, 'release', NULL, NULL);
END
$$;
COMMENT ON FUNCTION tarot.release(regclass, text) IS 'Lifts a hold that tarot.hold() has set. For the owner of the table, with an entry in the audit log. Raises 42501 for others, 42704 for a hold that does not exist.';

REVOKE ALL ON FUNCTION tarot.retention_held(oid) FROM PUBLIC;

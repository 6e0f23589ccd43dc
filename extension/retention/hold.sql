-- retention: legal holds

CREATE TABLE tarot.legal_hold (
	relation regclass NOT NULL,
	name text COLLATE "C" NOT NULL,
	condition text,
	reason text NOT NULL,
	held_by name NOT NULL,
	held_at timestamptz NOT NULL DEFAULT now(),
	-- Whose code the condition is, as of a job.
	owner name NOT NULL,
	CONSTRAINT legal_hold_pkey PRIMARY KEY (relation, name)
);
COMMENT ON TABLE tarot.legal_hold IS
	'Rows that no retention policy touches, whatever their age: set by tarot.hold(), and lifted by tarot.release(). For the owner of the '
	'extension and whom it grants SELECT.';
COMMENT ON COLUMN tarot.legal_hold.relation IS 'The table.';
COMMENT ON COLUMN tarot.legal_hold.name IS 'What the hold is called.';
COMMENT ON COLUMN tarot.legal_hold.condition IS 'Which of its rows; NULL: all.';
COMMENT ON COLUMN tarot.legal_hold.reason IS 'Why.';
COMMENT ON COLUMN tarot.legal_hold.held_by IS 'The role that set it.';
COMMENT ON COLUMN tarot.legal_hold.held_at IS 'When.';
COMMENT ON COLUMN tarot.legal_hold.owner IS
	'Who owned the table then. Policies that run as another role, who is not this one''s either, do not ask the condition: for them the '
	'hold is one on all rows.';
SELECT tarot.guard_table('tarot.legal_hold');
SELECT pg_extension_config_dump('tarot.legal_hold',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation AND c.relpersistence <> ''t'')');
-- ------------------------------------------------------------ what a batch asks

-- Tables that have holds, by name or as their rows are those of data subjects on hold.
CREATE FUNCTION tarot.relations_on_hold() RETURNS SETOF oid
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT h.relation::oid FROM tarot.legal_hold h UNION SELECT tarot.tables_of_subjects_on_hold();
END
$$;

-- What one role has written runs with the rights of another only where it has these anyway.
CREATE FUNCTION tarot.acts_as(role name, other oid) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT coalesce((SELECT pg_has_role(r.oid, other, 'USAGE') FROM pg_roles r WHERE r.rolname = role), false) $$;

-- One condition or another; 'false' is none.
CREATE FUNCTION tarot.either(condition text, other text) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT CASE WHEN other = 'false' THEN condition WHEN condition = 'false' THEN other ELSE condition || ' OR ' || other END $$;

-- Whether a row t is on hold itself: by a hold on its table, or one above that. Asked with the rights of the role. The data subjects on
-- hold are the parameter "list".
CREATE FUNCTION tarot.held_itself(relation oid, role oid, list text DEFAULT '$1') RETURNS text
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RETURN (
		WITH RECURSIVE above (oid) AS (
			SELECT relation
			UNION SELECT i.inhparent FROM above a JOIN pg_inherits i ON i.inhrelid = a.oid
		)
		SELECT coalesce(string_agg(c.condition, ' OR ' ORDER BY c.relation, c.name), 'false')
			FROM (
				SELECT h.relation::oid, h.name,
						CASE WHEN h.condition IS NULL OR NOT tarot.acts_as(h.owner, held_itself.role) THEN 'true'
							ELSE format('(%s) IS TRUE', h.condition)
						END
					FROM tarot.legal_hold h
					WHERE h.relation::oid IN (SELECT a.oid FROM above a)
				UNION ALL SELECT s, NULL, tarot.subject_condition(s, 't', list)
					FROM tarot.tables_of_subjects_on_hold() AS s
					WHERE s IN (SELECT a.oid FROM above a)
			) AS c (relation, name, condition));
END
$$;

-- Whether it is on hold at all: itself, or, where it "goes", since a row that would go or be changed with it is.
CREATE FUNCTION tarot.retention_held(leaf oid, role oid, goes boolean) RETURNS text
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF leaf IS NULL OR NOT EXISTS (SELECT FROM tarot.relations_on_hold()) THEN
		RETURN 'false';
	END IF;
	RETURN tarot.either(tarot.held_itself(leaf, role),
		CASE WHEN goes THEN (SELECT a.held FROM tarot.held_along(leaf, role) AS a) ELSE 'false' END);
END
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
	'Keeps rows of a table from its retention policies, and from those of tables above it, until tarot.release(): those that meet the '
	'condition where, or all; also from going, or being changed, with rows of other tables by a foreign key, for which the owner of a '
	'policy there needs SELECT on the table, and UPDATE on one column at least. From the next batch on. tarot.erase_subject() refuses, '
	'too, where they would go, be changed or become unreadable; one that is under way comes before the hold. The condition is asked only '
	'of policies that run as the owner of the table, or as a role whose rights that one has; for others the hold is one on all rows. hold '
	'is a line of at most 200 bytes, reason one of at most 1000, where has at most 10000. For the owner of the table to whom EXECUTE on '
	'tarot.add_retention() is granted, with an entry in the audit log. Raises 42501 for others, 42710 for a name that is taken, and what '
	'is wrong with the condition.';

CREATE FUNCTION tarot.release(rel regclass, hold text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.change_retention(rel::oid, hold, 'release', NULL, NULL);
END
$$;
COMMENT ON FUNCTION tarot.release(regclass, text) IS
	'Lifts a hold that tarot.hold() has set. For the owner of the table, with an entry in the audit log. Raises 42501 for others, 42704 '
	'for a hold that does not exist.';

REVOKE ALL ON FUNCTION tarot.relations_on_hold(), tarot.acts_as(name, oid), tarot.either(text, text), tarot.held_itself(oid, oid, text),
	tarot.retention_held(oid, oid, boolean) FROM PUBLIC;

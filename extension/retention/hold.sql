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
	'Rows that no retention policy touches, whatever their age: set by tarot.hold(), and lifted by tarot.release(). For the owner of the extension and whom it grants SELECT.';
COMMENT ON COLUMN tarot.legal_hold.relation IS 'The table.';
COMMENT ON COLUMN tarot.legal_hold.name IS 'What the hold is called.';
COMMENT ON COLUMN tarot.legal_hold.condition IS 'Which of its rows; NULL: all.';
COMMENT ON COLUMN tarot.legal_hold.reason IS 'Why.';
COMMENT ON COLUMN tarot.legal_hold.held_by IS 'The role that set it.';
COMMENT ON COLUMN tarot.legal_hold.held_at IS 'When.';
COMMENT ON COLUMN tarot.legal_hold.owner IS 'Who owned the table then. Policies that run as another role, who is not this one''s either, do not ask the condition: for them the hold is one on all rows.';
SELECT tarot.guard_table('tarot.legal_hold');
SELECT pg_extension_config_dump('tarot.legal_hold', 'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation AND c.relpersistence <> ''t'')');
-- ------------------------------------------------------------ what a batch asks

-- Tables that have holds, by name or as their rows are those of data subjects on hold.
CREATE FUNCTION tarot.relations_on_hold() RETURNS SETOF oid
	LANGUAGE sql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT h.relation::oid FROM tarot.legal_hold h UNION SELECT tarot.tables_of_subjects_on_hold() $$;

-- What one role has written runs with the rights of another only where it has these anyway.
CREATE FUNCTION tarot.acts_as(role name, other oid) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT coalesce((SELECT pg_has_role(r.oid, other, 'USAGE') FROM pg_roles r WHERE r.rolname = role), false) $$;

-- The tables whose rows are deleted or changed with those of a table, by its foreign keys and theirs.
CREATE FUNCTION tarot.changed_with(relation oid) RETURNS SETOF oid
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		WITH RECURSIVE reached (oid, goes) AS (
			SELECT n.conrelid, n.confdeltype = 'c' FROM pg_constraint n WHERE n.contype = 'f' AND n.confrelid = relation AND n.confdeltype IN ('c', 'n', 'd')
			UNION SELECT n.conrelid, n.confdeltype = 'c' FROM reached r JOIN pg_constraint n ON n.contype = 'f' AND n.confrelid = r.oid AND n.confdeltype IN ('c', 'n', 'd') WHERE r.goes)
		SELECT DISTINCT r.oid FROM reached r
	$$;

-- Whether a row t is on hold: by a hold on its table, or one above that; or, where it "goes", since a row that would go or be changed with it is. Asked with the rights of
-- the role. Of a circle of foreign keys what is two steps away is taken to be. The data subjects on hold are $1.
CREATE FUNCTION tarot.retention_held(leaf oid, role oid, goes boolean, passed oid[] DEFAULT '{}') RETURNS text
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	conditions text[];
	f record;
	held text;
BEGIN
	IF leaf IS NULL OR NOT EXISTS (SELECT FROM tarot.relations_on_hold()) THEN
		RETURN 'false';
	END IF;
	conditions := ARRAY(WITH RECURSIVE above (oid) AS (SELECT leaf UNION SELECT i.inhparent FROM above a JOIN pg_inherits i ON i.inhrelid = a.oid)
		SELECT c.condition FROM (
			SELECT h.relation::oid, h.name, CASE WHEN h.condition IS NULL OR NOT tarot.acts_as(h.owner, retention_held.role) THEN 'true' ELSE format('(%s) IS TRUE', h.condition) END FROM tarot.legal_hold h
			UNION ALL SELECT s, NULL, tarot.subject_condition(s, 't', true) FROM tarot.tables_of_subjects_on_hold() AS s WHERE s IN (SELECT a.oid FROM above a)) AS c (relation, name, condition)
		WHERE c.relation IN (SELECT a.oid FROM above a) ORDER BY c.relation, c.name);
	IF goes AND EXISTS (SELECT FROM tarot.changed_with(leaf) AS c WHERE c IN (SELECT t.member FROM tarot.relations_on_hold() AS h, LATERAL tarot.relation_tree(h) AS t)) THEN
		FOR f IN SELECT r.*, t.member FROM tarot.retention_references(leaf) AS r, LATERAL tarot.relation_tree(r.referring) AS t
			-- A partition of what refers is asked by itself where it has holds, or is referred to, by itself.
			WHERE r.action IN ('c', 'n', 'd') AND (t.depth = 0 OR t.member IN (SELECT tarot.relations_on_hold()) OR EXISTS (SELECT FROM pg_constraint n WHERE n.contype = 'f' AND n.confrelid = t.member AND n.conparentid = 0))
			ORDER BY r."constraint", t.depth, t.member
		LOOP
			held := CASE WHEN f.member = ANY (passed) THEN 'true' ELSE tarot.retention_held(f.member, role, f.action = 'c', passed || leaf) END;
			IF held <> 'false' THEN
				IF tarot.has_foreign_cast(f."constraint") THEN
					RAISE EXCEPTION 'a foreign key of table "%" to table "%" goes by a cast that is not the server''s', tarot.relation_name(f.referring), tarot.relation_name(leaf) USING ERRCODE = 'object_not_in_prerequisite_state',
						HINT = 'Give the referring column the type of the referenced one.';
				ELSIF EXISTS (SELECT FROM pg_constraint n, LATERAL (SELECT n.conrelid, unnest(n.conkey) UNION ALL SELECT n.confrelid, unnest(n.confkey)) AS k (relation, number)
						WHERE n.oid = f."constraint" AND tarot.is_masked(k.relation) AND tarot.class_of_column(k.relation, k.number) IS NOT NULL) THEN
					-- Masks of it may be compared, by which rows on hold would be missed.
					RAISE EXCEPTION 'a foreign key of table "%" to table "%" goes by a masked column', tarot.relation_name(f.referring), tarot.relation_name(leaf) USING ERRCODE = 'object_not_in_prerequisite_state',
						HINT = 'Rows that refer are on hold, or may be, and would go with those that they refer to.';
				END IF;
				conditions := conditions || format('EXISTS (SELECT FROM (SELECT c.* FROM %s c WHERE %s) AS t WHERE %s)', f.member::regclass, f.comparison, held);
			END IF;
		END LOOP;
	END IF;
	RETURN coalesce(nullif(array_to_string(conditions, ' OR '), ''), 'false');
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
	'Keeps rows of a table from its retention policies, and from those of tables above it, until tarot.release(): those that meet the condition where, or all; also from going, or being changed, with rows of other tables by a foreign key. From the next batch on. The condition is asked only of policies that run as the owner of the table, or as a role whose rights that one has; for others the hold is one on all rows. hold is a line of at most 200 bytes, reason one of at most 1000, where has at most 10000. For the owner of the table to whom EXECUTE on tarot.add_retention() is granted, with an entry in the audit log. Raises 42501 for others, 42710 for a name that is taken, and what is wrong with the condition.';

CREATE FUNCTION tarot.release(rel regclass, hold text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.change_retention(rel::oid, hold, 'release', NULL, NULL);
END
$$;
COMMENT ON FUNCTION tarot.release(regclass, text) IS 'Lifts a hold that tarot.hold() has set. For the owner of the table, with an entry in the audit log. Raises 42501 for others, 42704 for a hold that does not exist.';

REVOKE ALL ON FUNCTION tarot.relations_on_hold(), tarot.acts_as(name, oid), tarot.changed_with(oid), tarot.retention_held(oid, oid, boolean, oid[]) FROM PUBLIC;

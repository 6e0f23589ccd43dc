-- rows: partitions and other children
--
-- Through a parent its policies alone count, in a child that is named itself the child's own. So children have the rules of their
-- parents, those that come later too; what is detached keeps them.

CREATE FUNCTION tarot.inherit_rules(relation oid) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	link record;
	policy record;
BEGIN
	FOR link IN WITH RECURSIVE tree (child, parent, depth) AS (
			SELECT i.inhrelid, i.inhparent, 1 FROM pg_inherits i WHERE i.inhparent = relation
			UNION ALL SELECT i.inhrelid, i.inhparent, t.depth + 1 FROM tree t JOIN pg_inherits i ON i.inhparent = t.child)
		SELECT t.child, t.parent, c.relkind FROM tree t JOIN pg_class c ON c.oid = t.child
			WHERE EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.parent AND starts_with(p.polname, 'tarot_'))
			ORDER BY t.depth, t.child
	LOOP
		IF link.relkind NOT IN ('r', 'p') THEN
			RAISE WARNING 'the rows of "%" are not protected where it is named itself', tarot.relation_name(link.child)
				USING DETAIL = 'It is a foreign table, and has no row policies.',
					HINT = 'Let nobody have privileges on it; those on its parent suffice.';
			CONTINUE;
		END IF;
		FOR policy IN SELECT p.*, obj_description(p.oid, 'pg_policy') AS description FROM pg_policy p
			WHERE p.polrelid = link.parent AND starts_with(p.polname, 'tarot_')
				AND NOT EXISTS (SELECT FROM pg_policy q WHERE q.polrelid = link.child AND q.polname = p.polname)
		LOOP
			PERFORM tarot.create_row_policy(link.child, policy.polname, policy.polpermissive, policy.polcmd, policy.polroles,
				pg_get_expr(policy.polqual, link.parent), pg_get_expr(policy.polwithcheck, link.parent), policy.description);
		END LOOP;
		PERFORM tarot.force_row_security(link.child);
	END LOOP;
END
$$;

CREATE FUNCTION tarot.follow_inheritance() RETURNS event_trigger
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	parent oid;
BEGIN
	-- The table may be the child, or the parent.
	FOR parent IN SELECT DISTINCT i.inhparent
		FROM pg_event_trigger_ddl_commands() d JOIN pg_inherits i ON d.objid IN (i.inhrelid, i.inhparent)
		WHERE d.classid = 'pg_class'::regclass AND tarot.adds_children(d.command)
			AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = i.inhparent AND starts_with(p.polname, 'tarot_'))
	LOOP
		PERFORM tarot.inherit_rules(parent);
	END LOOP;
END
$$;
COMMENT ON FUNCTION tarot.follow_inheritance() IS
	'Event trigger: a table that becomes the partition or child of one that tarot.protect_rows() protects gets its rules.';
CREATE EVENT TRIGGER tarot_security_follow_inheritance ON ddl_command_end
	WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE', 'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE', 'CREATE SCHEMA')
	EXECUTE FUNCTION tarot.follow_inheritance();

REVOKE ALL ON FUNCTION tarot.follow_inheritance() FROM PUBLIC;

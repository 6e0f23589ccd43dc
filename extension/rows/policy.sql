-- rows: making and dropping policies
--
-- They are PostgreSQL's own, so that they follow renames and dumps, and \d shows them. What tells ours is their name,
-- tarot_KIND[_NAME] for all commands, with the command behind it for one.

CREATE FUNCTION tarot.command_of_policy(polcmd "char") RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN CASE polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' WHEN 'd' THEN 'delete' ELSE 'all' END;

CREATE FUNCTION tarot.create_row_policy(relation oid, policy name, permissive boolean, polcmd "char", roles oid[],
		condition text, condition_of_new text, description text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	EXECUTE format('CREATE POLICY %I ON %s AS %s FOR %s TO %s', policy, relation::regclass,
			CASE WHEN permissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END, tarot.command_of_policy(polcmd),
			(SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE r::regrole::text END, ', ') FROM unnest(roles) AS r))
		|| coalesce(' USING (' || condition || ')', '') || coalesce(' WITH CHECK (' || condition_of_new || ')', '');
	EXECUTE format('COMMENT ON POLICY %I ON %s IS %L', policy, relation::regclass, description);
END
$$;

CREATE FUNCTION tarot.force_row_security(relation oid) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF NOT (SELECT c.relrowsecurity AND c.relforcerowsecurity FROM pg_class c WHERE c.oid = relation) THEN
		EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', relation::regclass);
	END IF;
END
$$;

-- Those of a rule of ours, or of all.
CREATE FUNCTION tarot.policies_of_rule(relation oid, rule text) RETURNS SETOF name
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT p.polname FROM pg_policy p
			WHERE p.polrelid = relation AND starts_with(p.polname, 'tarot_')
				AND (rule IS NULL OR p.polname = rule || CASE WHEN p.polcmd = '*' THEN '' ELSE '_' || tarot.command_of_policy(p.polcmd) END)
			ORDER BY p.polname
	$$;

CREATE FUNCTION tarot.require_protectable(relation oid) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	kind CONSTANT "char" := tarot.require_owner(relation, 'table');
BEGIN
	IF kind NOT IN ('r', 'p') THEN
		RAISE EXCEPTION '"%" is not a table', tarot.relation_name(relation)
			USING ERRCODE = 'wrong_object_type',
				HINT = CASE kind
					WHEN 'v' THEN 'Protect the tables that it reads, and let it read them for who asks: '
						'ALTER VIEW ... SET (security_invoker = true).'
					WHEN 'm' THEN 'It holds what its owner saw when it was refreshed. '
						'Make it a view with security_invoker over tables that are protected.'
					WHEN 'f' THEN 'Protect the table where it lies.'
					ELSE 'Tables and partitioned tables have row policies.' END;
	END IF;
END
$$;

-- What stands in the way of those whom the policies of a table are for.
CREATE FUNCTION tarot.tell_of_policies(relation oid) RETURNS void
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	others text := (SELECT string_agg(quote_ident(p.polname), ', ' ORDER BY p.polname) FROM pg_policy p
		WHERE p.polrelid = relation AND p.polpermissive AND NOT starts_with(p.polname, 'tarot_'));
BEGIN
	IF NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = relation AND p.polpermissive) THEN
		RAISE NOTICE 'nobody sees any row of table "%"', tarot.relation_name(relation)
			USING DETAIL = 'Its rules only take rows away.', HINT = 'Add one that gives some, such as owner or permission.';
	ELSIF others IS NOT NULL THEN
		RAISE NOTICE 'other policies of table "%" let rows through as well', tarot.relation_name(relation) USING DETAIL = others;
	END IF;
END
$$;

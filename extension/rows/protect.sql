-- rows: protecting tables

CREATE FUNCTION tarot.suggest_index(relation oid, "column" name) RETURNS void
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF (SELECT c.operand <> quote_ident("column") FROM tarot.row_comparison(relation, "column") c) THEN
		RAISE NOTICE 'column "%" of table "%" is compared as text', "column", tarot.relation_name(relation)
			USING DETAIL = 'No index on it helps.',
				HINT = 'Columns of type text, smallint, integer, bigint and uuid are compared as they are.';
	ELSIF NOT EXISTS (SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
			JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
		WHERE i.indrelid = relation AND a.attname = suggest_index."column" AND i.indisvalid AND i.indpred IS NULL
			AND m.amname IN ('btree', 'hash') AND i.indcollation[0] = a.attcollation)
	THEN
		RAISE NOTICE 'no index of table "%" begins with column "%"', tarot.relation_name(relation), "column"
			USING DETAIL = 'Without one the rows that somebody may see are found by reading them all.',
				HINT = format('CREATE INDEX ON %s (%I);', relation::regclass, "column");
	END IF;
END
$$;

CREATE FUNCTION tarot.check_row_commands(commands text[]) RETURNS "char"[]
	LANGUAGE plpgsql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	codes "char"[] := ARRAY(SELECT v.code
		FROM (VALUES ('select', 'r'::"char"), ('insert', 'a'), ('update', 'w'), ('delete', 'd')) AS v (command, code)
		WHERE v.command IN (SELECT lower(c) FROM unnest(commands) AS c));
BEGIN
	IF cardinality(commands) = 0
		OR EXISTS (SELECT FROM unnest(commands) AS c
			WHERE coalesce(lower(c) NOT IN ('select', 'insert', 'update', 'delete'), true))
	THEN
		RAISE EXCEPTION 'unknown command of a row rule' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'commands is an array of select, insert, update and delete.';
	END IF;
	RETURN CASE WHEN cardinality(codes) = 4 THEN '{*}' ELSE codes END;
END
$$;

-- Which kind of rule the arguments make; each argument belongs to one.
CREATE FUNCTION tarot.kind_of_row_rule(owner name, parties name[], tenant name, claim text,
		permission text, resource text, resource_column name,
		valid_from name, valid_until name, valid_for interval) RETURNS text
	LANGUAGE plpgsql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	kinds text[] := array_remove(ARRAY[
		CASE WHEN owner IS NOT NULL THEN 'owner' END,
		CASE WHEN parties IS NOT NULL THEN 'parties' END,
		CASE WHEN tenant IS NOT NULL THEN 'tenant' END,
		CASE WHEN resource IS NOT NULL THEN 'resource' WHEN permission IS NOT NULL THEN 'permission' END,
		CASE WHEN num_nonnulls(valid_from, valid_until) > 0 THEN 'window' END], NULL);
	problem text := CASE
		WHEN cardinality(kinds) <> 1 THEN 'a rule is of one kind'
		WHEN resource IS NOT NULL AND permission IS NULL THEN 'a rule for resources needs the permission that is granted on them'
		WHEN resource IS NULL AND resource_column IS NOT NULL THEN 'resource_column is for rules with resource'
		WHEN tenant IS NOT NULL AND claim IS NULL THEN 'a rule for tenants needs the claim that names the tenant'
		WHEN claim IS NOT NULL AND kinds[1] NOT IN ('owner', 'parties', 'tenant') THEN 'claim is for rules with owner, parties or tenant'
		WHEN valid_for IS NOT NULL AND (valid_from IS NULL OR valid_until IS NOT NULL)
			THEN 'valid_for is how long after valid_from, without valid_until'
		WHEN cardinality(parties) = 0 OR array_position(parties, NULL) IS NOT NULL THEN 'parties are the names of columns'
		WHEN '' IN (claim, permission, resource) THEN 'claim, permission and resource must not be empty' END;
BEGIN
	IF problem IS NOT NULL THEN
		RAISE EXCEPTION '%', problem
			USING ERRCODE = 'invalid_parameter_value',
				HINT = CASE WHEN cardinality(kinds) <> 1
					THEN 'It has owner, parties, permission, resource and permission, tenant and claim, or valid_from and valid_until. '
						'Call it for each.'
					ELSE '' END;
	END IF;
	RETURN kinds[1];
END
$$;

CREATE FUNCTION tarot.protect_rows("table" regclass, owner name DEFAULT NULL, parties name[] DEFAULT NULL,
		tenant name DEFAULT NULL, claim text DEFAULT NULL,
		permission text DEFAULT NULL, resource text DEFAULT NULL, resource_column name DEFAULT NULL,
		valid_from name DEFAULT NULL, valid_until name DEFAULT NULL, valid_for interval DEFAULT NULL,
		commands text[] DEFAULT NULL, roles regrole[] DEFAULT NULL, name text DEFAULT NULL) RETURNS text
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	kind CONSTANT text := tarot.kind_of_row_rule(owner, parties, tenant, claim, permission, resource, resource_column,
		valid_from, valid_until, valid_for);
	rule CONSTANT text := concat_ws('_', 'tarot', kind, name);
	who CONSTANT text := CASE WHEN claim IS NULL THEN 'tarot.subject()' ELSE format('tarot.claim(%L)', claim) END;
	codes CONSTANT "char"[] := tarot.check_row_commands(coalesce(commands, CASE
		WHEN kind IN ('owner', 'tenant') THEN '{select,insert,update,delete}'
		WHEN kind = 'window' THEN '{select,update,delete}' ELSE '{select}' END::text[]));
	compared name[] := coalesce(parties, array_remove(ARRAY[owner, tenant], NULL));
	condition text;
	code "char";
BEGIN
	PERFORM tarot.require_protectable("table");
	IF octet_length(rule || '_select') > 63 OR name = '' THEN
		RAISE EXCEPTION 'the name of a rule must have 1 to % bytes', 63 - octet_length(concat_ws('_', 'tarot', kind, '', 'select'))
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF cardinality(roles) = 0 OR array_position(roles, NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'roles must not be empty or have null elements'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Leave them away for PUBLIC.';
	END IF;
	-- Raises where it is no permission, which each query would else.
	PERFORM tarot.has_permission(permission);
	-- Of two at once the second finds what the first has made.
	EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', "table");
	IF EXISTS (SELECT FROM tarot.policies_of_rule("table", rule)) THEN
		RAISE EXCEPTION 'table "%" has a rule "%" already', tarot.relation_name("table"), rule USING ERRCODE = 'duplicate_object',
			HINT = 'Give another one a name, or take this one away with tarot.unprotect_rows().';
	END IF;

	CASE kind
		WHEN 'resource' THEN
			IF resource_column IS NULL THEN
				SELECT a.attname INTO resource_column
					FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
					WHERE i.indrelid = "table" AND i.indisprimary AND i.indnkeyatts = 1;
				IF resource_column IS NULL THEN
					RAISE EXCEPTION 'table "%" has no primary key of one column', tarot.relation_name("table")
						USING ERRCODE = 'undefined_object',
							HINT = 'Name the column with the identifier of the resource as resource_column.';
				END IF;
			END IF;
			compared := ARRAY[resource_column];
			condition := tarot.row_is_among("table", resource_column, format('tarot.accessible(%L, %L)', resource, permission));
		WHEN 'permission' THEN
			condition := format('(SELECT tarot.has_permission(%L))', permission);
		WHEN 'window' THEN
			condition := tarot.row_is_valid("table", valid_from, valid_until, valid_for);
		ELSE
			SELECT string_agg(tarot.row_is_of("table", c.col, who), ' OR ' ORDER BY c.number) INTO condition
				FROM unnest(compared) WITH ORDINALITY AS c (col, number);
	END CASE;
	FOREACH code IN ARRAY codes LOOP
		PERFORM tarot.create_row_policy("table",
			(rule || CASE WHEN code = '*' THEN '' ELSE '_' || tarot.command_of_policy(code) END)::name,
			kind NOT IN ('tenant', 'window'), code, coalesce(roles::oid[], '{0}'),
			CASE WHEN code <> 'a' THEN condition END,
			CASE WHEN code IN ('a', 'w', '*') THEN condition END,
			CASE kind
				WHEN 'owner' THEN 'A row is for whom it names as its owner.'
				WHEN 'parties' THEN 'A row is for each of its parties.'
				WHEN 'permission' THEN 'All rows are for who holds the permission.'
				WHEN 'resource' THEN 'A row is for whom the permission was granted on it.'
				WHEN 'tenant' THEN 'A row is for nobody of another tenant.'
				WHEN 'window' THEN 'A row is for nobody before and after its time.' END || ' Made by tarot.protect_rows().');
	END LOOP;
	PERFORM tarot.force_row_security("table");
	PERFORM tarot.inherit_rules("table");

	PERFORM tarot.suggest_index("table", c) FROM unnest(compared) AS c;
	PERFORM tarot.tell_of_policies("table");
	-- Both in one condition would keep the index from being used for either.
	IF kind = 'resource' AND NOT EXISTS (SELECT FROM pg_policy p
		WHERE p.polrelid = "table" AND starts_with(p.polname, 'tarot_permission'))
	THEN
		RAISE NOTICE 'who holds "%" on all resources sees none of table "%" by this rule', permission, tarot.relation_name("table")
			USING HINT = format('SELECT tarot.protect_rows(%L, permission => %L);', "table", permission);
	END IF;
	RETURN rule;
END
$$;
COMMENT ON FUNCTION tarot.protect_rows(regclass, name, name[], name, text, text, text, name, name, name, interval,
		text[], regrole[], text) IS
	'Adds a rule to a table: who sees and changes which of its rows, by the session''s identity. A rule becomes row level security '
	'policies, and that is enabled and forced, so that it holds for the owner of the table as well; not for superusers and roles with '
	'BYPASSRLS. Each call makes one rule of one kind. owner: rows whose column holds tarot.subject(), or with claim that claim; all '
	'commands. parties: the same, for several columns; to select. permission: all rows, for who holds it; to select. resource with '
	'permission: rows on whose resource_column (by default the primary key) the identity was granted the permission (tarot.accessible()); '
	'to select. tenant with claim: no rows but those whose column holds the claim, whatever other rules say; all commands. valid_from and '
	'valid_until, or valid_for after valid_from: no rows outside of that time (from the first moment on, until before the last, NULL for '
	'no limit; what has no time zone is in UTC); to select, update and delete. commands chooses others among select, insert, update and '
	'delete; roles are the database roles that the rule counts for, PUBLIC by default; name makes a second rule of a kind possible. A '
	'column is compared as text, but smallint, integer, bigint, uuid and character as themselves, for which an index is suggested where '
	'there is none. Partitions and children get the rule too, and those that come later. Returns the name of the rule: the policies are '
	'called that, or that and the command. For the owner of the table (42501). Raises 22023 for arguments that make no rule, 42703 for a '
	'column that does not exist, 42804 for one of a type that is not to be compared, 42710 where there is such a rule already, 42809 for '
	'what is no table.';

CREATE FUNCTION tarot.unprotect_rows("table" regclass, rule text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	policies name[];
	relation oid;
	policy name;
BEGIN
	PERFORM tarot.require_protectable("table");
	EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', "table");
	policies := ARRAY(SELECT p FROM tarot.policies_of_rule("table", rule) AS p);
	IF policies = '{}' THEN
		RAISE EXCEPTION 'table "%" has no %', tarot.relation_name("table"),
				CASE WHEN rule IS NULL THEN 'rules' ELSE format('rule "%s"', rule) END
			USING ERRCODE = 'undefined_object',
				HINT = 'Policies that tarot.protect_rows() did not make are dropped by DROP POLICY.';
	ELSIF EXISTS (SELECT FROM pg_inherits i JOIN pg_policy p ON p.polrelid = i.inhparent
		WHERE i.inhrelid = "table" AND p.polname = ANY (policies))
	THEN
		RAISE EXCEPTION 'the rules of table "%" are those of its parent', tarot.relation_name("table")
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Take them away there.';
	END IF;
	FOR relation IN SELECT t.member FROM tarot.relation_tree("table") AS t LOOP
		FOR policy IN SELECT p.polname FROM pg_policy p WHERE p.polrelid = relation AND p.polname = ANY (policies) LOOP
			EXECUTE format('DROP POLICY %I ON %s', policy, relation::regclass);
		END LOOP;
		IF FOUND AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = relation) THEN
			EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', relation::regclass);
			IF relation = "table" THEN
				RAISE NOTICE 'the rows of table "%" are not protected any more', tarot.relation_name("table")
					USING DETAIL = 'Its last policy is gone, and row level security is off.';
			END IF;
		ELSIF relation = "table" THEN
			PERFORM tarot.tell_of_policies(relation);
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION tarot.unprotect_rows(regclass, text) IS
	'Takes a rule of tarot.protect_rows() away, by the name that that returned, or all of them, in partitions and children too. Policies '
	'of others stay, and so does row level security while there are any; with the last one it is turned off, and who has privileges on '
	'the table has them on all rows. For the owner of the table (42501). Raises 42704 where there is no such rule, 55000 for a partition '
	'whose parent has it.';

-- rows: who sees what, tried out

CREATE FUNCTION tarot.count_rows(relation oid, only_if_all boolean) RETURNS bigint
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_rows_count_rows';

-- For the function below: one count, after which all is as before. What is set in the block ends with it.
CREATE FUNCTION tarot.count_rows_as(relation oid, token text, database_role oid,
		OUT subject text, OUT role name, OUT visible bigint, OUT code text, OUT error text) RETURNS record
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	role_is_taken boolean := false;
	done boolean := false;
BEGIN
	role := (SELECT r.rolname FROM pg_roles r WHERE r.oid = database_role);
	BEGIN
		-- Nobody first, for an identity takes its database role along.
		PERFORM tarot.authenticate(NULL);
		IF database_role <> quote_ident(current_user)::regrole THEN
			PERFORM set_config('role', role, true);
		END IF;
		role_is_taken := true;
		PERFORM set_config('row_security', 'on', true);
		PERFORM tarot.authenticate(token);
		role := current_user;
		subject := tarot.subject();
		visible := tarot.count_rows(relation, false);
		done := true;
		RAISE EXCEPTION 'rolled back';
	EXCEPTION WHEN OTHERS THEN
		IF NOT role_is_taken THEN
			RAISE;
		ELSIF NOT done THEN
			code := SQLSTATE;
			error := SQLERRM;
		END IF;
	END;
END
$$;

CREATE FUNCTION tarot.policy_report(tokens text[], database_role regrole DEFAULT NULL, relation regclass DEFAULT NULL)
	RETURNS TABLE ("table" regclass, token integer, subject text, role name, visible bigint, total bigint, sqlstate text, error text)
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	caller CONSTANT name := current_user;
BEGIN
	IF tokens IS NULL THEN
		RAISE EXCEPTION 'tokens must not be null'
			USING ERRCODE = 'null_value_not_allowed',
				HINT = 'An element that is NULL stands for nobody.';
	ELSIF (SELECT c.relkind NOT IN ('r', 'p') FROM pg_class c WHERE c.oid = relation) THEN
		RAISE EXCEPTION '"%" is not a table', tarot.relation_name(relation) USING ERRCODE = 'wrong_object_type';
	END IF;
	database_role := coalesce(database_role, quote_ident(current_user)::regrole);
	FOR "table" IN SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE CASE WHEN relation IS NULL
			THEN c.relrowsecurity AND NOT c.relispartition AND NOT pg_is_other_temp_schema(c.relnamespace)
			ELSE c.oid = relation END
		ORDER BY n.nspname, c.relname
	LOOP
		-- Code of the table's owner runs, too: as nobody, and it leaves nothing.
		total := NULL;
		BEGIN
			PERFORM tarot.authenticate(NULL);
			IF current_user <> caller THEN
				PERFORM set_config('role', caller, true);
			END IF;
			total := tarot.count_rows("table", true);
			RAISE EXCEPTION 'rolled back';
		EXCEPTION WHEN OTHERS THEN
			NULL;
		END;
		FOR token IN SELECT generate_subscripts(tokens, 1) LOOP
			SELECT c.* INTO subject, role, visible, sqlstate, error FROM tarot.count_rows_as("table", tokens[token], database_role) c;
			RETURN NEXT;
		END LOOP;
	END LOOP;
END
$$;
COMMENT ON FUNCTION tarot.policy_report(text[], regrole, regclass) IS
	'How many rows of each table with row level security, or of one, the bearer of each token sees: tries it out, as that identity and as '
	'a database role (by default the current one; by the rules of SET ROLE, else 42501), and leaves identity and role as they were. An '
	'element of tokens that is NULL stands for nobody; tarot.sign_jwt() makes tokens; pass them as a parameter. A row for each table and '
	'token: token is its number, subject who it says, role the database role (another one where the token names it), visible the rows '
	'that are seen, total all there are, NULL where the caller cannot see all; for what was refused sqlstate and error, its message. '
	'Partitions are counted in their parents. Raises 42809 for what is no table. Functions in policies run as that role, without a way '
	'back to the caller''s; where a role sees all rows, the owner of the table counts them. Reads the tables as often as there are tokens.';

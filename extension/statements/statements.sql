-- statements: kinds of statements that are on record

CREATE TABLE tarot.audited_statement (
	kind text COLLATE "C" PRIMARY KEY CHECK (kind IN ('ddl', 'grant', 'role', 'copy', 'policy')),
	with_text boolean NOT NULL
);
COMMENT ON TABLE tarot.audited_statement IS 'Kinds of statements that are on record: set by tarot.audit_statements().';
SELECT tarot.declare_policy_table('tarot.audited_statement');

CREATE FUNCTION tarot.require_statement_kinds(kinds text[]) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	bad text;
BEGIN
	IF cardinality(kinds) = 0 OR kinds IS NULL OR array_position(kinds, NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'kinds must have names of kinds of statements' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT k INTO bad FROM unnest(kinds) AS k WHERE k NOT IN ('ddl', 'grant', 'role', 'copy', 'policy');
	IF FOUND THEN
		RAISE EXCEPTION 'there is no kind of statements "%"', bad
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'The kinds are ddl, grant, role, copy and policy.';
	END IF;
END
$$;

CREATE FUNCTION tarot.audit_statements(kinds text[] DEFAULT '{ddl,grant,role,copy,policy}', with_text boolean DEFAULT false) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.require_statement_kinds(kinds);
	INSERT INTO tarot.audited_statement SELECT k, coalesce(with_text, false) FROM unnest(kinds) AS k GROUP BY k ORDER BY k
		ON CONFLICT (kind) DO UPDATE SET with_text = excluded.with_text WHERE audited_statement.with_text <> excluded.with_text;
END
$$;
COMMENT ON FUNCTION tarot.audit_statements(text[], boolean) IS
	'Puts statements in this database on record, in tarot.audit_log, an entry for each object: of the kinds ddl (whatever makes, alters '
	'or drops objects), grant (GRANT and REVOKE on objects, default privileges), role (roles, their members and settings), copy (COPY, '
	'with the number of rows), policy (changes of the tables by which this extension is told what to do: keys, classes, grants, issuers; '
	'each as a change of a row). By default all. With with_text also what the statement was, without its literals and comments. '
	'Statements in functions are on record, too. For whom EXECUTE is granted. Raises 22023 for another kind.';

CREATE FUNCTION tarot.unaudit_statements(kinds text[] DEFAULT '{ddl,grant,role,copy,policy}') RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM tarot.require_statement_kinds(kinds);
	DELETE FROM tarot.audited_statement s WHERE s.kind = ANY (kinds);
END
$$;
COMMENT ON FUNCTION tarot.unaudit_statements(text[]) IS
	'Puts no more statements of these kinds on record, by default of none; what touches the audit itself stays on record. For whom '
	'EXECUTE is granted. Raises 22023 for another kind.';

CREATE VIEW tarot.audited_statements AS
	SELECT k.kind, s.kind IS NOT NULL AS on_record, coalesce(s.with_text, false) AS with_text
	FROM unnest('{ddl,grant,role,copy,policy}'::text[]) AS k (kind) LEFT JOIN tarot.audited_statement s ON s.kind = k.kind;
COMMENT ON VIEW tarot.audited_statements IS 'The kinds of statements, and whether they are on record.';
COMMENT ON COLUMN tarot.audited_statements.kind IS 'The kind, as tarot.audit_statements() takes it.';
COMMENT ON COLUMN tarot.audited_statements.on_record IS 'Whether statements of it are on record in this database.';
COMMENT ON COLUMN tarot.audited_statements.with_text IS 'Whether their text is, without literals.';
GRANT SELECT ON tarot.audited_statements TO pg_monitor;

REVOKE ALL ON FUNCTION tarot.require_statement_kinds(text[]), tarot.audit_statements(text[], boolean), tarot.unaudit_statements(text[])
	FROM PUBLIC;

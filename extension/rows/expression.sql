-- rows: row policies that ask the session's identity
--
-- Subjects, claims and identifiers of resources are text. A column of another type that an index can be asked for is compared
-- with what the text becomes, if it is written as the type writes it: then nothing raises an error, and
-- no two subjects are one.

CREATE FUNCTION tarot.try_bigint(text) RETURNS bigint
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_rows_try_bigint';
COMMENT ON FUNCTION tarot.try_bigint(text) IS
	'A bigint from its text, as it would be written: 7, and neither 07 nor +7. NULL for all else. For the policies of '
	'tarot.protect_rows().';

CREATE FUNCTION tarot.try_uuid(text) RETURNS uuid
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_rows_try_uuid';
COMMENT ON FUNCTION tarot.try_uuid(text) IS
	'A uuid from its text, as it would be written: in lower case, with four hyphens (RFC 9562). NULL for all else. For the policies of '
	'tarot.protect_rows().';

CREATE FUNCTION tarot.try_character(text) RETURNS character
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_rows_try_character';
COMMENT ON FUNCTION tarot.try_character(text) IS
	'A value of character(n) from its text. NULL for one that ends with a blank, which the type would not see. For the policies of '
	'tarot.protect_rows().';

-- How a column is compared: as it is, or as text, which no index on it helps; and with what of a text.
CREATE FUNCTION tarot.row_comparison(relation oid, "column" name, OUT operand text, OUT conversion text, OUT exact boolean) RETURNS record
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	a pg_attribute;
	t pg_type;
BEGIN
	SELECT * INTO a FROM pg_attribute i
		WHERE i.attrelid = relation AND i.attname = row_comparison."column" AND i.attnum > 0 AND NOT i.attisdropped;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'table "%" has no column "%"', tarot.relation_name(relation), "column" USING ERRCODE = 'undefined_column';
	END IF;
	t.typbasetype := a.atttypid;
	WHILE t.typbasetype <> 0 LOOP
		SELECT * INTO t FROM pg_type b WHERE b.oid = t.typbasetype;
	END LOOP;
	operand := quote_ident("column");
	CASE
		WHEN t.oid IN ('text'::regtype, 'varchar'::regtype, 'name'::regtype) THEN
			conversion := '%s';
		WHEN t.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN
			conversion := 'tarot.try_bigint(%s)';
		WHEN t.oid = 'uuid'::regtype THEN
			conversion := 'tarot.try_uuid(%s)';
		WHEN t.oid = 'bpchar'::regtype THEN
			conversion := 'tarot.try_character(%s)';
		-- Types of the server's whose text depends on settings are none, and neither is what cannot be read without a key.
		WHEN t.oid = 'numeric'::regtype OR t.typtype = 'e'
				OR t.typtype = 'b' AND t.typelem = 0 AND t.typnamespace NOT IN ('pg_catalog'::regnamespace, 'tarot'::regnamespace) THEN
			operand := operand || '::text';
			conversion := '%s';
		ELSE
			RAISE EXCEPTION 'column "%" of table "%" cannot say whose a row is', "column", tarot.relation_name(relation)
				USING ERRCODE = 'datatype_mismatch',
					DETAIL = format('It is of type %s.', format_type(a.atttypid, a.atttypmod)),
					HINT = CASE WHEN t.typnamespace = 'tarot'::regnamespace
						THEN 'Access must not depend on keys and grants of a data class: '
							'keep the subject in a column beside it, under a name that tells nothing.'
						ELSE 'The types that can are text, varchar, character, name, smallint, integer, bigint, numeric, uuid, '
							'enumerations and domains over these.' END;
	END CASE;
	-- Equal by such a collation is not the same subject.
	exact := coalesce((SELECT c.collisdeterministic FROM pg_collation c WHERE c.oid = a.attcollation), true);
END
$$;

-- Conditions of policies. Each call of an identity function is in a scalar subquery, so that it is called once a statement.

CREATE FUNCTION tarot.row_is_of(relation oid, "column" name, source text) RETURNS text
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT format(CASE WHEN c.exact THEN '%1$s = %2$s' ELSE '(%1$s = %2$s AND %1$s COLLATE "C" = %2$s)' END,
				c.operand, format('(SELECT %s)', format(c.conversion, source)))
			FROM tarot.row_comparison(relation, "column") c
	$$;

CREATE FUNCTION tarot.row_is_among(relation oid, "column" name, source text) RETURNS text
	LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
		SELECT format(CASE WHEN c.exact THEN '%1$s = ANY (%2$s)' ELSE '(%1$s = ANY (%2$s) AND %1$s COLLATE "C" = ANY (%2$s))' END,
				c.operand, format('ARRAY(SELECT %s FROM %s AS id)', format(c.conversion, 'id'), source))
			FROM tarot.row_comparison(relation, "column") c
	$$;

-- By the clock, and not by when the transaction began; what has no time zone is in UTC. Both, for the
-- session could else set its way into a row.
CREATE FUNCTION tarot.row_is_valid(relation oid, valid_from name, valid_until name, valid_for interval) RETURNS text
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	side record;
	type regtype;
	now_there text;
	conditions text[];
BEGIN
	FOR side IN SELECT s.*
		FROM (VALUES (valid_from, '<=', NULL::interval), (valid_until, '>', NULL),
				(CASE WHEN valid_for IS NOT NULL THEN valid_from END, '>', valid_for)) AS s (col, operator, ago)
		WHERE s.col IS NOT NULL
	LOOP
		SELECT a.atttypid INTO type FROM pg_attribute a
			WHERE a.attrelid = relation AND a.attname = side.col AND a.attnum > 0 AND NOT a.attisdropped;
		IF NOT FOUND THEN
			RAISE EXCEPTION 'table "%" has no column "%"', tarot.relation_name(relation), side.col USING ERRCODE = 'undefined_column';
		ELSIF type NOT IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype) THEN
			RAISE EXCEPTION 'column "%" of table "%" is no point of time', side.col, tarot.relation_name(relation)
				USING ERRCODE = 'datatype_mismatch', DETAIL = format('It is of type %s.', type),
					HINT = 'The types that are one are timestamptz, timestamp and date.';
		END IF;
		now_there := CASE
			WHEN type = 'timestamptz'::regtype AND side.ago IS NULL
				THEN 'statement_timestamp()'
			WHEN type = 'timestamptz'::regtype
				THEN format('(SELECT timezone(''UTC'', timezone(''UTC'', statement_timestamp()) - %L::interval))', side.ago)
			WHEN side.ago IS NULL
				THEN '(SELECT timezone(''UTC'', statement_timestamp()))'
			ELSE format('(SELECT timezone(''UTC'', statement_timestamp()) - %L::interval)', side.ago) END;
		conditions := conditions || format('(%1$I IS NULL OR %1$I %2$s %3$s)', side.col, side.operator, now_there);
	END LOOP;
	RETURN array_to_string(conditions, ' AND ');
END
$$;

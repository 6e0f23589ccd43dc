-- column: what expressions over a base type need besides the cast to it
--
-- PostgreSQL takes one cast by itself and never two in a row. So what a base type is cast to has a cast of its own
-- here. None is silent: with a choice of types the operators of the base type would be ambiguous.

DO $install$
DECLARE
	a_cast record;
BEGIN
	FOR a_cast IN SELECT 'tarot.' || v.encrypted AS encrypted, v.base, t AS target, v.context
		FROM (VALUES ('encrypted_text', 'text', '{varchar,bpchar,name}', 'AS ASSIGNMENT'),
			('encrypted_numeric', 'numeric', '{int2,int4,int8,float4,float8}', 'AS ASSIGNMENT'),
			('encrypted_date', 'date', '{timestamp,timestamptz}', 'AS ASSIGNMENT'),
			('encrypted_timestamptz', 'timestamptz', '{date,time,timetz,timestamp}', 'AS ASSIGNMENT'),
			('encrypted_jsonb', 'jsonb', '{bool,numeric,int2,int4,int8,float4,float8}', '')) AS v (encrypted, base, targets, context),
			unnest(v.targets::text[]) AS t
	LOOP
		EXECUTE replace(replace(replace(replace(replace($objects$
CREATE FUNCTION tarot.TARGET(ENCRYPTED) RETURNS pg_catalog.TARGET
	LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'tarot_column_cast';
COMMENT ON FUNCTION tarot.TARGET(ENCRYPTED) IS
	'The cast to NAME: that to BASE, and on from there. What a role sees in the place of a value, and has no cast to NAME, is NULL.';
CREATE CAST (ENCRYPTED AS pg_catalog.TARGET) WITH FUNCTION tarot.TARGET(ENCRYPTED) CONTEXT;
		$objects$, 'TARGET', quote_ident(a_cast.target)), 'ENCRYPTED', a_cast.encrypted), 'BASE', a_cast.base),
			'CONTEXT', a_cast.context), 'NAME', format_type(('pg_catalog.' || quote_ident(a_cast.target))::regtype, NULL));
	END LOOP;
END
$install$;

-- The casts are called as functions below: a dump for pg_upgrade may make the casts later than these functions.

-- With an untyped literal beside it, a document would silently be text: any type may be joined to a text. In
-- pg_catalog, where they are found whatever search_path is.

CREATE FUNCTION tarot.column_concat(tarot.encrypted_jsonb, tarot.encrypted_jsonb) RETURNS jsonb
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN tarot.jsonb($1) || tarot.jsonb($2);
COMMENT ON FUNCTION tarot.column_concat(tarot.encrypted_jsonb, tarot.encrypted_jsonb) IS
	'The operator || of encrypted documents: as that of jsonb, of what the current role is granted.';
CREATE OPERATOR pg_catalog.|| (LEFTARG = tarot.encrypted_jsonb, RIGHTARG = tarot.encrypted_jsonb, FUNCTION = tarot.column_concat);
CREATE FUNCTION tarot.column_concat(tarot.encrypted_bytea, tarot.encrypted_bytea) RETURNS bytea
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN tarot.bytea($1) || tarot.bytea($2);
COMMENT ON FUNCTION tarot.column_concat(tarot.encrypted_bytea, tarot.encrypted_bytea) IS
	'The operator || of encrypted bytes: as that of bytea, of what the current role is granted.';
CREATE OPERATOR pg_catalog.|| (LEFTARG = tarot.encrypted_bytea, RIGHTARG = tarot.encrypted_bytea, FUNCTION = tarot.column_concat);

-- PostgreSQL has no date_trunc(), to_char(), age() or AT TIME ZONE of a date, and takes that for a point of time.

CREATE FUNCTION pg_catalog.date_trunc(text, tarot.encrypted_date) RETURNS timestamptz
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN date_trunc($1, tarot.timestamptz($2));
COMMENT ON FUNCTION pg_catalog.date_trunc(text, tarot.encrypted_date) IS
	'As of a date: of what the current role is granted.';
CREATE FUNCTION pg_catalog.to_char(tarot.encrypted_date, text) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN to_char(tarot.timestamptz($1), $2);
COMMENT ON FUNCTION pg_catalog.to_char(tarot.encrypted_date, text) IS
	'As of a date: of what the current role is granted.';
CREATE FUNCTION pg_catalog.timezone(text, tarot.encrypted_date) RETURNS timestamp
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN timezone($1, tarot.timestamptz($2));
COMMENT ON FUNCTION pg_catalog.timezone(text, tarot.encrypted_date) IS
	'AT TIME ZONE, as of a date: of what the current role is granted.';
CREATE FUNCTION pg_catalog.age(tarot.encrypted_date) RETURNS interval
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN age(tarot.timestamptz($1));
COMMENT ON FUNCTION pg_catalog.age(tarot.encrypted_date) IS
	'As of a date: up to today, from what the current role is granted.';
CREATE FUNCTION pg_catalog.age(tarot.encrypted_date, timestamptz) RETURNS interval
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN age(tarot.timestamptz($1), $2);
COMMENT ON FUNCTION pg_catalog.age(tarot.encrypted_date, timestamptz) IS
	'As of a date: of what the current role is granted.';
CREATE FUNCTION pg_catalog.age(timestamptz, tarot.encrypted_date) RETURNS interval
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN age($1, tarot.timestamptz($2));
COMMENT ON FUNCTION pg_catalog.age(timestamptz, tarot.encrypted_date) IS
	'As of a date: of what the current role is granted.';
CREATE FUNCTION pg_catalog.age(tarot.encrypted_date, tarot.encrypted_date) RETURNS interval
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN age(tarot.timestamptz($1), tarot.timestamptz($2));
COMMENT ON FUNCTION pg_catalog.age(tarot.encrypted_date, tarot.encrypted_date) IS
	'As of dates: of what the current role is granted.';

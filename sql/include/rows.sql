-- Included by the tests of rows: people with tokens, the roles that ask, and ways to look at what a rule does.
\i :source/sql/include/attempt.sql
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\set SHOW_CONTEXT never
\pset null '(null)'
CREATE ROLE tarot_rows_owner;
CREATE ROLE tarot_rows_app;
CREATE ROLE tarot_rows_staff;
GRANT CREATE ON SCHEMA public TO tarot_rows_owner;
SELECT tarot.create_key('profile') > 0 AS created;
SELECT tarot.create_issuer('app', 'https://app.example', '{}', secret => repeat('s', 32));
-- The issuer's administrator hands out tokens; psql keeps them.
SELECT tarot.sign_jwt('{"sub": "ada", "tenant": "north", "number": 7}', 'app') AS ada, tarot.sign_jwt('{"sub": "bob", "tenant": "south"}', 'app') AS bob,
	tarot.sign_jwt('{"sub": "eve"}', 'app') AS eve, tarot.sign_jwt('{"sub": "agent-7"}', 'app') AS agent \gset

-- Who somebody is from here on; NULL: nobody.
CREATE FUNCTION enter(token text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM tarot.authenticate(token, false);
	RETURN coalesce(tarot.subject(), 'nobody');
END
$$;
-- How many rows of a table, or more of a query, are seen with some claims. Tests alone may sign tokens so.
CREATE FUNCTION signed(claims jsonb) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT tarot.sign_jwt(claims, 'app') $$;
CREATE FUNCTION count_as(claims jsonb, query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	PERFORM tarot.authenticate(signed(claims), false);
	EXECUTE 'SELECT count(*) FROM ' || query INTO n;
	RETURN n;
END
$$;
-- How many rows a statement changed, or how it failed.
CREATE FUNCTION change(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE statement;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n || ' rows';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END
$$;
-- Which of some words a plan has, whatever else a version writes into it.
CREATE FUNCTION plan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	found text[] := '{}';
BEGIN
	SET LOCAL enable_seqscan = off;
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		found := found || ARRAY(SELECT (regexp_matches(line, '(InitPlan|SubPlan|Seq Scan|Index Cond|Filter|BitmapOr)'))[1]);
	END LOOP;
	RETURN (SELECT string_agg(DISTINCT f, ', ' ORDER BY f) FROM unnest(found) AS f);
END
$$;
CREATE FUNCTION rules(relation regclass) RETURNS TABLE (policy name, kind text, roles text, command "char", condition text, same_check boolean, description text) LANGUAGE sql AS $$
	SELECT polname, CASE WHEN polpermissive THEN 'gives' ELSE 'takes' END, (SELECT string_agg(CASE r WHEN 0 THEN 'public' ELSE r::regrole::text END, ', ') FROM unnest(polroles) AS r), polcmd,
		coalesce(pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)), pg_get_expr(polwithcheck, polrelid) = pg_get_expr(polqual, polrelid), obj_description(oid, 'pg_policy')
		FROM pg_policy WHERE polrelid = relation ORDER BY polname $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO PUBLIC;

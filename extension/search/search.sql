-- search: comparing encrypted values
--
-- One pattern for all types, and the same C functions, so the objects are made in a loop. Equality
-- stands in pg_catalog, where it is found whatever search_path is: anywhere else, `email = 'x'` would
-- silently be taken for a comparison of plaintext wherever schema tarot is not in the path. The
-- operators that only sort stand aside: `email < 'm'` goes on comparing plaintext by the cast.

CREATE FUNCTION tarot.search_eq_support(internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_search_eq_support';
CREATE FUNCTION tarot.search_ne_support(internal) RETURNS internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_search_ne_support';
CREATE FUNCTION tarot.search_sort(internal) RETURNS void
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_search_sort';
CREATE FUNCTION tarot.search_analyze(internal) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_search_analyze';
REVOKE ALL ON FUNCTION tarot.search_eq_support(internal), tarot.search_ne_support(internal),
	tarot.search_sort(internal), tarot.search_analyze(internal) FROM PUBLIC;

-- Equality and probes are for everybody, for they are called as the role that queries, and ask what
-- it may. What only sorts and hashes is for the server, which asks for no privileges.
--
-- LEAKPROOF, so that indexes are used behind row policies too: the operator of one type tells nothing
-- but whether two values are equal. Its errors depend on classes, grants and the states of keys, not on
-- what the values are.
DO $install$
DECLARE
	pair record;
BEGIN
	FOR pair IN SELECT 'tarot.' || v.encrypted AS encrypted, v.base, v.encrypted || '_ops' AS ops
		FROM (VALUES ('encrypted_text', 'text'), ('encrypted_bytea', 'bytea'), ('encrypted_jsonb', 'jsonb'),
			('encrypted_numeric', 'numeric'), ('encrypted_date', 'date'), ('encrypted_timestamptz', 'timestamptz')) AS v (encrypted, base)
	LOOP
		EXECUTE replace(replace(replace($objects$
CREATE FUNCTION tarot.search_eq(ENCRYPTED, ENCRYPTED) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE LEAKPROOF SUPPORT tarot.search_eq_support
	AS 'MODULE_PATHNAME', 'tarot_search_eq';
CREATE FUNCTION tarot.search_ne(ENCRYPTED, ENCRYPTED) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE LEAKPROOF SUPPORT tarot.search_ne_support
	AS 'MODULE_PATHNAME', 'tarot_search_ne';
CREATE FUNCTION tarot.search_eq(ENCRYPTED, BASE) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE SUPPORT tarot.search_eq_support
	AS 'MODULE_PATHNAME', 'tarot_search_eq_base';
CREATE FUNCTION tarot.search_ne(ENCRYPTED, BASE) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE SUPPORT tarot.search_ne_support
	AS 'MODULE_PATHNAME', 'tarot_search_ne_base';
CREATE FUNCTION tarot.search_eq(BASE, ENCRYPTED) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE SUPPORT tarot.search_eq_support
	AS 'MODULE_PATHNAME', 'tarot_search_base_eq';
CREATE FUNCTION tarot.search_ne(BASE, ENCRYPTED) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE SUPPORT tarot.search_ne_support
	AS 'MODULE_PATHNAME', 'tarot_search_base_ne';
CREATE FUNCTION tarot.search_probe(ENCRYPTED, integer, internal) RETURNS ENCRYPTED
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_search_probe';
CREATE FUNCTION tarot.search_probe(BASE, integer, internal) RETURNS ENCRYPTED
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_search_probe_base';

CREATE FUNCTION tarot.search_lt(ENCRYPTED, ENCRYPTED) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_search_lt';
CREATE FUNCTION tarot.search_le(ENCRYPTED, ENCRYPTED) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_search_le';
CREATE FUNCTION tarot.search_ge(ENCRYPTED, ENCRYPTED) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_search_ge';
CREATE FUNCTION tarot.search_gt(ENCRYPTED, ENCRYPTED) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_search_gt';
CREATE FUNCTION tarot.search_cmp(ENCRYPTED, ENCRYPTED) RETURNS integer
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_search_cmp';
CREATE FUNCTION tarot.search_hash(ENCRYPTED) RETURNS integer
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_search_hash';
CREATE FUNCTION tarot.search_hash(ENCRYPTED, bigint) RETURNS bigint
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_search_hash_extended';
REVOKE ALL ON FUNCTION tarot.search_lt(ENCRYPTED, ENCRYPTED), tarot.search_le(ENCRYPTED, ENCRYPTED),
	tarot.search_ge(ENCRYPTED, ENCRYPTED), tarot.search_gt(ENCRYPTED, ENCRYPTED), tarot.search_cmp(ENCRYPTED, ENCRYPTED),
	tarot.search_hash(ENCRYPTED), tarot.search_hash(ENCRYPTED, bigint) FROM PUBLIC;

CREATE OPERATOR pg_catalog.= (LEFTARG = ENCRYPTED, RIGHTARG = ENCRYPTED, FUNCTION = tarot.search_eq,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES);
CREATE OPERATOR pg_catalog.<> (LEFTARG = ENCRYPTED, RIGHTARG = ENCRYPTED, FUNCTION = tarot.search_ne,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=), RESTRICT = neqsel, JOIN = neqjoinsel);
CREATE OPERATOR pg_catalog.= (LEFTARG = ENCRYPTED, RIGHTARG = BASE, FUNCTION = tarot.search_eq,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>), RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE OPERATOR pg_catalog.<> (LEFTARG = ENCRYPTED, RIGHTARG = BASE, FUNCTION = tarot.search_ne,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=), RESTRICT = neqsel, JOIN = neqjoinsel);
CREATE OPERATOR pg_catalog.= (LEFTARG = BASE, RIGHTARG = ENCRYPTED, FUNCTION = tarot.search_eq,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>), RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE OPERATOR pg_catalog.<> (LEFTARG = BASE, RIGHTARG = ENCRYPTED, FUNCTION = tarot.search_ne,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=), RESTRICT = neqsel, JOIN = neqjoinsel);
CREATE OPERATOR tarot.<# (LEFTARG = ENCRYPTED, RIGHTARG = ENCRYPTED, FUNCTION = tarot.search_lt,
	COMMUTATOR = OPERATOR(tarot.>#), NEGATOR = OPERATOR(tarot.>=#), RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
CREATE OPERATOR tarot.<=# (LEFTARG = ENCRYPTED, RIGHTARG = ENCRYPTED, FUNCTION = tarot.search_le,
	COMMUTATOR = OPERATOR(tarot.>=#), NEGATOR = OPERATOR(tarot.>#), RESTRICT = scalarlesel, JOIN = scalarlejoinsel);
CREATE OPERATOR tarot.>=# (LEFTARG = ENCRYPTED, RIGHTARG = ENCRYPTED, FUNCTION = tarot.search_ge,
	COMMUTATOR = OPERATOR(tarot.<=#), NEGATOR = OPERATOR(tarot.<#), RESTRICT = scalargesel, JOIN = scalargejoinsel);
CREATE OPERATOR tarot.># (LEFTARG = ENCRYPTED, RIGHTARG = ENCRYPTED, FUNCTION = tarot.search_gt,
	COMMUTATOR = OPERATOR(tarot.<#), NEGATOR = OPERATOR(tarot.<=#), RESTRICT = scalargtsel, JOIN = scalargtjoinsel);

CREATE OPERATOR FAMILY tarot.OPS USING btree;
CREATE OPERATOR CLASS tarot.OPS DEFAULT FOR TYPE ENCRYPTED USING btree FAMILY tarot.OPS AS
	OPERATOR 1 tarot.<#, OPERATOR 2 tarot.<=#, OPERATOR 3 pg_catalog.=, OPERATOR 4 tarot.>=#, OPERATOR 5 tarot.>#,
	FUNCTION 1 tarot.search_cmp(ENCRYPTED, ENCRYPTED), FUNCTION 2 tarot.search_sort(internal);
CREATE OPERATOR FAMILY tarot.OPS USING hash;
CREATE OPERATOR CLASS tarot.OPS DEFAULT FOR TYPE ENCRYPTED USING hash FAMILY tarot.OPS AS
	OPERATOR 1 pg_catalog.=,
	FUNCTION 1 tarot.search_hash(ENCRYPTED), FUNCTION 2 tarot.search_hash(ENCRYPTED, bigint);

ALTER TYPE ENCRYPTED SET (ANALYZE = tarot.search_analyze);
		$objects$, 'ENCRYPTED', pair.encrypted), 'BASE', pair.base), 'OPS', pair.ops);
	END LOOP;
END
$install$;

-- gate: search tags

-- A list of steps in its one spelling, for tarot.create_class() and its kin.
CREATE FUNCTION tarot.normalize_search(normalization text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_gate_normalize_search';
REVOKE ALL ON FUNCTION tarot.normalize_search(text) FROM PUBLIC;

-- values: what masked readers see of a value

-- The mask in its one spelling, for tarot.create_class() and its kin.
CREATE FUNCTION tarot.normalize_mask(mask text) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_values_normalize_mask';

CREATE FUNCTION tarot.preview_mask(class text, value anyelement) RETURNS anyelement
	AS 'MODULE_PATHNAME', 'tarot_values_preview_mask' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tarot.preview_mask(text, anyelement) IS
	'What masked readers of the class see of a value in a plain column of its type; NULL where the mask does not fit the type. To try a '
	'mask: in a transaction that is rolled back, after tarot.alter_class(). Who may call it can look for the value behind the mask of a '
	'key: grant it to those who may alter classes. Raises 42704 for an unknown class.';

CREATE FUNCTION tarot.mask_fits(class text, type oid, typmod integer) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_values_mask_fits';

REVOKE ALL ON FUNCTION tarot.mask_fits(text, oid, integer), tarot.normalize_mask(text), tarot.preview_mask(text, anyelement) FROM PUBLIC;

-- masking: tables whose labelled columns show what the role may see of them

CREATE TYPE tarot.mask_site;
COMMENT ON TYPE tarot.mask_site IS 'Where a query reads a labelled column; made by the planner alone.';

CREATE FUNCTION tarot.mask_site_in(cstring) RETURNS tarot.mask_site
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_masking_site_in';

CREATE FUNCTION tarot.mask_site_out(tarot.mask_site) RETURNS cstring
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_masking_site_out';

CREATE TYPE tarot.mask_site (
	INPUT = tarot.mask_site_in,
	OUTPUT = tarot.mask_site_out,
	INTERNALLENGTH = 20,
	ALIGNMENT = int4
);

-- In the place of a labelled column, and of a whole row. Everybody may call them, but nobody has the second argument.
CREATE FUNCTION tarot.masked(value anyelement, site tarot.mask_site) RETURNS anyelement
	LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_masking_masked';

CREATE FUNCTION tarot.masked_row("row" anyelement, site tarot.mask_site) RETURNS anyelement
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_masking_masked_row';

-- In front of all conditions of a query on what the server keeps of values: pg_statistic, pg_statistic_ext_data, TOAST tables.
CREATE FUNCTION tarot.may_read_stored(catalog oid, object oid, "column" smallint) RETURNS boolean
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_masking_may_read_stored';

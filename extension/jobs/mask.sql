-- jobs: values that are replaced by the masks of their classes

CREATE TYPE tarot.job_mask;
COMMENT ON TYPE tarot.job_mask IS 'Of which class the column is whose values a job replaces by their masks; made by the planner alone.';

CREATE FUNCTION tarot.job_mask_in(cstring) RETURNS tarot.job_mask
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_jobs_job_mask_in';

CREATE FUNCTION tarot.job_mask_out(tarot.job_mask) RETURNS cstring
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'tarot_jobs_job_mask_out';

CREATE TYPE tarot.job_mask (
	INPUT = tarot.job_mask_in,
	OUTPUT = tarot.job_mask_out,
	INTERNALLENGTH = 4,
	PASSEDBYVALUE,
	ALIGNMENT = int4
);

-- In the UPDATE of a job, what a column is set to. Everybody may call it, but nobody has the last argument. What is done stays as it is.
CREATE FUNCTION tarot.anonymized(value anyelement, done boolean, mask tarot.job_mask DEFAULT NULL) RETURNS anyelement
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_jobs_anonymized';

-- column: encrypted types

-- Not dumped, and of no policy: how far the work on each table is. Written by C functions of reseal.sql and convert.sql.
CREATE TABLE tarot.table_job (
	relation oid NOT NULL,
	kind text COLLATE "C" NOT NULL CHECK (kind IN ('reseal', 'fill', 'erase')),
	target integer NOT NULL,
	relfilenode oid NOT NULL,
	pass integer NOT NULL DEFAULT 1,
	blocks bigint,
	position tid NOT NULL DEFAULT '(0,1)',
	clean boolean NOT NULL DEFAULT true,
	rows bigint NOT NULL DEFAULT 0,
	values bigint NOT NULL DEFAULT 0,
	left_over bigint NOT NULL DEFAULT 0,
	seconds double precision NOT NULL DEFAULT 0,
	pid integer NOT NULL,
	backend_start timestamptz NOT NULL,
	started_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	finished_at timestamptz,
	CONSTRAINT table_job_pkey PRIMARY KEY (relation, kind, target)
);
COMMENT ON TABLE tarot.table_job IS
	'How far the work on each table is that goes in batches, so that it goes on from there. Of this server: not dumped.';
SELECT tarot.guard_table('tarot.table_job');

-- column: conversions beside writers that are under way

-- Not dumped, and of no policy. Written by C functions of
-- convert.sql; asked by all that would change such a column.
CREATE TABLE tarot.conversion (
	relation oid NOT NULL,
	"column" name NOT NULL,
	number smallint NOT NULL,
	shadow name NOT NULL,
	encrypt boolean NOT NULL,
	phase text COLLATE "C" NOT NULL CHECK (phase IN ('filling', 'filled', 'checking',
		'indexing', 'building', 'validating', 'enabling', 'swapping', 'erasing')),
	class text COLLATE "C" NOT NULL,
	role oid NOT NULL,
	pid integer NOT NULL,
	-- Of an index: transactions that have to end before the next step; NULL: not listed yet.
	awaited text[] COLLATE "C",
	started_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	CONSTRAINT conversion_pkey PRIMARY KEY (relation, "column")
);
COMMENT ON TABLE tarot.conversion IS 'Columns that are being converted beside their writers. Of this server: not dumped.';
SELECT tarot.guard_table('tarot.conversion');

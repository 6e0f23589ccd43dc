-- Searchable classes. Who may search may try guesses out, and is not asked here; a searcher sees no values by it.
-- Who may write a searchable class can, too, where a constraint or an envelope tells whether a value is there already:
-- the last blocks. Nobody else.

-- probe: search
SELECT a.v, b.v FROM {table} a JOIN {table} b USING (v);
SELECT DISTINCT v FROM {table};
SELECT v, count(*) FROM {table} GROUP BY GROUPING SETS ((v), ());
SELECT v FROM {table} UNION SELECT v FROM {table};
SELECT v, rank() OVER (PARTITION BY v) FROM {table};
SELECT v FROM {table} WHERE v IN (SELECT v FROM {table}_unique);

-- probe: unique violation
INSERT INTO {table}_unique (v) SELECT v FROM {table};

-- probe: unique violation while an index is made
BEGIN;
INSERT INTO {table}_plains SELECT * FROM {table};
CREATE UNIQUE INDEX ON {table}_plains (v);

-- probe: violations that ALTER TABLE finds
BEGIN;
INSERT INTO {table}_alone (v) SELECT v FROM {table}_alone;
SAVEPOINT unique_key;
ALTER TABLE {table}_alone ADD UNIQUE (v);
ROLLBACK TO unique_key;
ALTER TABLE {table}_alone ADD EXCLUDE USING hash (v WITH =);
ROLLBACK TO unique_key;
DELETE FROM {table}_child;
DELETE FROM {table}_unique;
ALTER TABLE {table}_alone ADD FOREIGN KEY (v) REFERENCES {table}_unique (v);

-- probe: what a function makes of a value in ALTER TABLE
-- control: never
BEGIN;
ALTER TABLE {table}_alone ALTER w TYPE text USING format('%s', v);
TABLE {table}_alone;

-- probe: foreign key violation
DELETE FROM {table}_unique;

-- probe: exclusion violation
BEGIN;
ALTER TABLE {table}_plains ADD EXCLUDE USING hash (v WITH =);
INSERT INTO {table}_plains SELECT * FROM {table};

-- probe: index-only scan
SET enable_seqscan = off; SET enable_bitmapscan = off;
SELECT v FROM {table}_unique;
SELECT v FROM {table}_unique WHERE v IN (SELECT v FROM {table});

-- probe: EXPLAIN of a search
-- control: never
EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT v FROM {table}_unique WHERE v = {right};
EXPLAIN (VERBOSE, FORMAT json) SELECT a.v FROM {table} a JOIN {table}_unique b USING (v) WHERE a.v <> {right};

-- probe: plan of a search with a value in it
-- control: never
DO $$ DECLARE a text; b int; BEGIN SELECT {text} INTO a FROM {table} WHERE id = 1; SELECT id INTO b FROM {table} WHERE v = a::{base}; SELECT id INTO b FROM {table}_unique WHERE v = a::{base}; END $$;

-- probe: statistics of tags
-- control: never
SELECT * FROM pg_stats WHERE tablename LIKE '{base}%' AND attname = 'v';
SELECT * FROM pg_statistic;

-- guess: search
-- differs: searcher
SELECT id FROM {table} WHERE v = {guess};

-- guess: search with the base type
-- differs: searcher
SELECT id FROM {table} WHERE v = {guess}::{base};
SELECT id FROM {table} WHERE {guess}::{base} = v AND NOT v <> {guess}::{base};

-- guess: search with a name
-- types: text
-- differs: searcher
SELECT id FROM {table} WHERE v = {guess}::name;
SELECT id FROM {table} WHERE {guess}::name = v OR v = ANY (ARRAY[{guess}]::name[]) OR NOT v IS DISTINCT FROM {guess}::name;

-- guess: search with parameters
-- differs: searcher
PREPARE p AS SELECT id FROM {table} WHERE v = $1;
EXECUTE p({guess});
PREPARE q({base}) AS SELECT id FROM {table}_unique WHERE v = $1;
EXECUTE q({guess});

-- guess: search by IN and ANY
-- differs: searcher
SELECT id FROM {table} WHERE v IN ({guess}, NULL);
SELECT id FROM {table} WHERE v = ANY (ARRAY[{guess}]::{base}[]);
SELECT id FROM {table} WHERE v <> ALL (ARRAY[{guess}]::{base}[]);

-- guess: search that another role planned
-- differs: searcher
-- as: plain
SET plan_cache_mode = force_generic_plan;
PREPARE p AS SELECT id FROM {table} WHERE v = $1;
EXECUTE p({guess});
-- as: reader
EXECUTE p({guess});

-- guess: search in a view and functions of a role which may
-- differs: searcher
SELECT id FROM leak.{base}_view WHERE v = {guess};
SELECT leak.{base}_search_sql({guess}), leak.{base}_search_plpgsql({guess});

-- guess: search by other operators
-- differs: searcher
SELECT id FROM {table} WHERE v IS NOT DISTINCT FROM {guess};
SELECT id, nullif(v, {guess}) IS NULL FROM {table};
SELECT id, CASE v WHEN {guess} THEN 1 END FROM {table};

-- guess: search in DISTINCT, GROUP BY and UNION
-- differs: searcher
SELECT count(*) FROM (SELECT v FROM {table} UNION SELECT {guess}::{base}::{type}) t;
SELECT count(*) FROM (SELECT v FROM {table} INTERSECT SELECT {guess}::{type}) t;

-- guess: comparison of records
-- differs: searcher
SELECT id FROM {table} WHERE ROW(v, 1) = ROW({guess}, 1);
SELECT a.id FROM (SELECT id, ROW(v) AS r FROM {table}) a, (SELECT ROW({guess}::tarot.encrypted_{base}) AS r) b WHERE a.r = b.r;

-- guess: comparison of arrays
-- differs: searcher
SELECT id FROM {table} WHERE ARRAY[v] = ARRAY[{guess}::tarot.encrypted_{base}];
SELECT id FROM {table} WHERE ARRAY[v] @> ARRAY[{guess}::tarot.encrypted_{base}] OR ARRAY[v] && ARRAY[{guess}::tarot.encrypted_{base}];
SELECT array_position(array_agg(v ORDER BY id), {guess}::tarot.encrypted_{base}) FROM {table};
SELECT array_length(array_remove(array_agg(v), {guess}::tarot.encrypted_{base}), 1) FROM {table};

-- guess: functions of the operators called by name
-- differs: searcher
SELECT id FROM {table} WHERE tarot.search_eq(v, {guess}::tarot.encrypted_{base});
SELECT id FROM {table} WHERE NOT tarot.search_ne(v, {guess}::{base});

-- guess: probes called by name
-- control: never
SELECT tarot.search_probe({guess}::{base}, t.atttypmod, NULL) FROM pg_attribute t WHERE attrelid = '{table}'::regclass AND attname = 'v';

-- guess: hash of a sealed guess
-- differs: searcher
SELECT count(*) FROM {table} WHERE hash_record(ROW(v)) = hash_record(ROW({guess}::{base}::{type}));
SELECT count(*) FROM {table} WHERE hash_array(ARRAY[v]) = hash_array(ARRAY[{guess}::{base}::{type}]);
SELECT count(*) FROM {table} WHERE hash_array_extended(ARRAY[v], 1) = hash_array_extended(ARRAY[{guess}::{base}::{type}], 1);

-- guess: sealed guess
-- differs: searcher
SELECT id FROM {table} WHERE v = {guess}::{base}::{type};
SELECT id FROM {table} WHERE ROW(v) = ROW({guess}::{base}::{type});
SELECT id FROM {table} WHERE ARRAY[v] = ARRAY[{guess}::{base}::{type}];
SELECT a.id FROM (SELECT id, ROW(v) AS r FROM {table}) a, (SELECT ROW({guess}::{base}::{type}) AS r) b WHERE a.r = b.r;

-- guess: written guess
-- differs: searcher
BEGIN;
INSERT INTO {table} (id, v) VALUES (600, {guess});
SELECT a.id FROM {table} a JOIN {table} b USING (v) WHERE b.id = 600 AND a.id <> 600;
SELECT count(DISTINCT v) FROM {table};

-- guess: partition by hash
-- control: never
BEGIN;
CREATE TABLE leak.hashed (v {type}) PARTITION BY HASH (v);
CREATE TABLE leak.hashed_0 PARTITION OF leak.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE leak.hashed_1 PARTITION OF leak.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO leak.hashed SELECT v FROM {table};
SELECT tableoid::regclass FROM leak.hashed WHERE v = {guess};

-- guess: range type over it
-- control: never
BEGIN;
CREATE TYPE leak.span AS RANGE (SUBTYPE = tarot.encrypted_{base});
SELECT id FROM {table} WHERE leak.span(v, v, '[]') @> {guess}::tarot.encrypted_{base};
SELECT id FROM {table} WHERE leak.span(v, v, '[]') = leak.span({guess}, {guess}, '[]');

-- guess: estimates of a search
-- control: never
EXPLAIN SELECT id FROM {table}_unique WHERE v = {guess};
EXPLAIN SELECT id FROM {table} WHERE v = {guess} AND v <> {guess};

-- Who writes sees whether a constraint holds.

-- guess: unique violation
-- differs: writer masked_writer
BEGIN;
INSERT INTO {table}_unique (v) VALUES ({guess});

-- guess: ON CONFLICT
-- differs: searcher writer masked_writer
BEGIN;
INSERT INTO {table}_unique (v) VALUES ({guess}) ON CONFLICT (v) DO NOTHING RETURNING 1;
INSERT INTO {table}_unique (v) VALUES ({guess}) ON CONFLICT DO NOTHING RETURNING 1;

-- guess: foreign key violation
-- differs: writer masked_writer
BEGIN;
INSERT INTO {table}_child (v) VALUES ({guess});

-- guess: MERGE by a search
-- differs: searcher
BEGIN;
MERGE INTO {table} t USING (VALUES (1)) g ON t.v = {guess} WHEN MATCHED THEN UPDATE SET n = 77 WHEN NOT MATCHED THEN DO NOTHING;
SELECT id, n FROM {table} ORDER BY id;

-- Who writes can have a guess sealed, and hold its envelope beside others: equal ones have equal tags.

-- guess: envelope of a guess
-- differs: writer masked_writer
SET tarot_security.io = envelope;
SELECT count(*) FROM (SELECT tarot.encrypted_{base}_send(v) AS e FROM {table} WHERE id = 5) a, (SELECT tarot.encrypted_{base}_send(({guess}::{base})::{type}) AS e) b WHERE substr(a.e, 15, 16) = substr(b.e, 15, 16);

-- Ways to try a guess out: with a right and a wrong one the same must be seen, rows, errors and plans.

-- guess: equality
SELECT count(*) FROM {table} WHERE {text} = {guess};

-- guess: equality in the type
SELECT id FROM {table} WHERE v::{base} = {guess}::{base};

-- guess: equality of numbers cast on
-- types: numeric
SELECT id FROM {table} WHERE v::bigint = {guess}::numeric::bigint;
SELECT count(*) FROM {table} WHERE v::float8 < {guess}::float8;

-- guess: equality of dates cast on
-- types: date
SELECT id FROM {table} WHERE v::timestamp = {guess}::timestamp;
SELECT id FROM {table} WHERE to_char(v, 'YYYY-MM-DD') = {guess};
SELECT id FROM {table} WHERE age(v, {guess}) = '0';

-- guess: equality of points of time cast on
-- types: timestamptz
SELECT id FROM {table} WHERE v::timestamp = {guess}::timestamptz::timestamp;
SELECT id FROM {table} WHERE v::time = {guess}::timestamptz::time;

-- guess: equality of texts cast on
-- types: text
SELECT id FROM {table} WHERE v::varchar = {guess} OR v::name = {guess};

-- guess: equality with a parameter
PREPARE p(text) AS SELECT id FROM {table} WHERE {text} = $1;
EXECUTE p({guess});

-- guess: IN and ANY
SELECT id FROM {table} WHERE {text} IN ({guess}, 'x') OR {text} = ANY (ARRAY[{guess}, 'y']);

-- guess: LIKE
SELECT id FROM {table} WHERE {text} LIKE replace({guess}, '\', '_') || '%';

-- guess: regular expression
SELECT id FROM {table} WHERE {text} ~ ('^(' || replace({guess}, '+', '.') || ')$') OR starts_with({text}, {guess});

-- guess: range
SELECT count(*) FROM {table} WHERE {text} >= {guess};
SELECT count(*) FROM {table} WHERE {text} BETWEEN {guess} AND {guess} || '~';

-- guess: order
SELECT id, rank() OVER (ORDER BY w) FROM (SELECT id, {text} AS w FROM {table} UNION ALL SELECT -1, {guess}) t ORDER BY 1;

-- guess: array order and record comparison
SELECT id FROM {table} WHERE ROW({text}, id) = ROW({guess}, id) OR ARRAY[{text}] = ARRAY[{guess}] OR ROW({text}) IS NOT DISTINCT FROM ROW({guess});

-- guess: record image
SELECT id FROM (SELECT id, ROW({text}) AS r FROM {table}) a, (SELECT ROW({guess}::text) AS r) b WHERE a.r *= b.r;

-- guess: DISTINCT, GROUP BY and UNION
SELECT count(*) FROM (SELECT {text} FROM {table} UNION SELECT {guess}) t;
SELECT count(*) FROM (SELECT {text} FROM {table} INTERSECT SELECT {guess}) t;

-- guess: join
SELECT count(*) FROM {table} t JOIN (VALUES ({guess}), ('x')) g (w) ON {text} = g.w;
SET enable_nestloop = off; SET enable_hashjoin = off;
SELECT count(*) FROM {table} t JOIN (VALUES ({guess}), ('x')) g (w) ON {text} = g.w;

-- guess: semi and anti join
SELECT count(*) FROM {table} t WHERE NOT EXISTS (SELECT FROM (VALUES ({guess})) g (w) WHERE {text} = g.w);
SELECT {guess} IN (SELECT {text} FROM {table});

-- guess: aggregates
SELECT bool_or({text} = {guess}), count(*) FILTER (WHERE {text} = {guess}), sum(CASE WHEN {text} = {guess} THEN 1 ELSE 0 END) FROM {table};

-- guess: hashes
SELECT id FROM {table} WHERE md5({text}) = md5({guess}) OR hashtext({text}) = hashtext({guess}) OR sha256(convert_to({text}, 'UTF8')) = sha256(convert_to({guess}, 'UTF8'));

-- guess: hash of a record
SELECT id FROM {table} WHERE hash_record(ROW({text})) = hash_record(ROW({guess}::text));

-- guess: division by zero
SELECT 1 / (CASE WHEN {text} = {guess} THEN 0 ELSE 1 END) FROM {table};

-- guess: cast error
SELECT (CASE WHEN {text} = {guess} THEN 'x' ELSE '1' END)::int FROM {table};

-- guess: error in EXPLAIN
EXPLAIN (COSTS OFF) SELECT 1 / (CASE WHEN (SELECT {text} FROM {table} WHERE id = 5) = {guess} THEN 0 ELSE 1 END);
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM {table} WHERE {text} = {guess};

-- guess: estimates
-- control: never
ANALYZE {table};
EXPLAIN SELECT id FROM {table} WHERE {text} = {guess};
EXPLAIN SELECT id FROM {table} WHERE {text} > {guess};
EXPLAIN SELECT id FROM {table} WHERE v = {guess};

-- guess: estimates with statistics of the expression
-- control: never
BEGIN;
CREATE STATISTICS leak.words ON ({text}) FROM {table};
ANALYZE {table};
EXPLAIN SELECT id FROM {table} WHERE {text} = {guess};
EXPLAIN SELECT id FROM {table} WHERE {text} > {guess};

-- guess: LIMIT and OFFSET
SELECT id FROM {table} ORDER BY id LIMIT (SELECT CASE WHEN {text} = {guess} THEN 1 ELSE 2 END FROM {table} WHERE id = 5);

-- guess: number of rows by generate_series
SELECT count(*) FROM generate_series(1, (SELECT CASE WHEN {text} = {guess} THEN 7 ELSE 3 END FROM {table} WHERE id = 5));

-- guess: frames and buckets
SELECT id, count(*) OVER (ORDER BY w RANGE CURRENT ROW) FROM (SELECT id, {text} AS w FROM {table} UNION ALL SELECT -1, {guess}) t ORDER BY 1;
SELECT id, width_bucket({text}, ARRAY[{guess}]) FROM {table};

-- guess: lock that others see
SELECT pg_try_advisory_xact_lock(CASE WHEN {text} = {guess} THEN 1 ELSE 2 END) FROM {table} WHERE id = 5;
BEGIN;
SELECT FROM {table} WHERE id = 5 AND pg_try_advisory_xact_lock(CASE WHEN {text} = {guess} THEN 1 ELSE 2 END);
SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();

-- guess: text search
SELECT id FROM {table} WHERE to_tsvector('simple', {text}) @@ plainto_tsquery('simple', {guess});
SELECT ts_rank(to_tsvector('simple', {text}), plainto_tsquery('simple', {guess})) FROM {table};

-- guess: JSON
SELECT id FROM {table} t WHERE to_jsonb(t) @> jsonb_build_object('v', to_jsonb(t) -> 'v') AND to_jsonb({text}) = to_jsonb({guess}::text);
SELECT id FROM {table} t WHERE jsonb_path_exists(jsonb_build_object('v', {text}), '$.v ? (@ == $g)', jsonb_build_object('g', {guess}));

-- guess: string distance
SELECT id, position({guess} in {text}), strpos({text}, {guess}), replace({text}, {guess}, '') = '' FROM {table};

-- guess: UPDATE
BEGIN;
UPDATE {table} SET n = 77 WHERE {text} = {guess};
SELECT id, n FROM {table} ORDER BY id;

-- guess: DELETE
BEGIN;
DELETE FROM {table} WHERE {text} = {guess} RETURNING id;

-- guess: MERGE
BEGIN;
MERGE INTO {table} t USING (VALUES ({guess})) g (w) ON {text:t.v} = g.w WHEN MATCHED THEN UPDATE SET n = 77 WHEN NOT MATCHED THEN INSERT (id, n) VALUES (500, 1);
SELECT id, n FROM {table} ORDER BY id;

-- guess: write and read back
BEGIN;
INSERT INTO {table} (id, n, v) VALUES (600, 1, {guess});
SELECT count(DISTINCT {text}), count(*) FROM {table};
SELECT a.id FROM {table} a, {table} b WHERE b.id = 600 AND a.id <> 600 AND {text:a.v} = {text:b.v};

-- guess: write over it
BEGIN;
UPDATE {table} SET v = {guess} WHERE id = 1 RETURNING id;
SELECT count(DISTINCT {text}) FROM {table};

-- guess: unique violation on a cast
-- control: never
BEGIN;
CREATE UNIQUE INDEX ON {table} (({text}));
INSERT INTO {table} (id, n, v) VALUES (600, 1, {guess});

-- guess: unique violation on a copy
BEGIN;
CREATE TEMP TABLE copies (w text UNIQUE);
INSERT INTO copies SELECT {text} FROM {table};
INSERT INTO copies VALUES ({guess});

-- guess: ON CONFLICT
BEGIN;
CREATE TEMP TABLE copies (w text UNIQUE);
INSERT INTO copies SELECT {text} FROM {table} ON CONFLICT DO NOTHING;
INSERT INTO copies VALUES ({guess}) ON CONFLICT DO NOTHING RETURNING 1;

-- guess: foreign key
BEGIN;
CREATE TEMP TABLE copies (w text UNIQUE);
CREATE TEMP TABLE child (w text REFERENCES copies (w));
INSERT INTO copies SELECT {text} FROM {table} ON CONFLICT DO NOTHING;
INSERT INTO child VALUES ({guess});

-- guess: check constraint
BEGIN;
ALTER TABLE {table} ADD CHECK ({text} <> {guess});

-- guess: check constraint, not valid
BEGIN;
ALTER TABLE {table} ADD CONSTRAINT c CHECK ({text} <> {guess}) NOT VALID;
UPDATE {table} SET n = n WHERE id = 5;
ALTER TABLE {table} VALIDATE CONSTRAINT c;

-- guess: domain
BEGIN;
CREATE DOMAIN pg_temp.d AS tarot.encrypted_{base}('leak_{base}') CHECK ({text:VALUE} <> {guess});
SELECT count(v::pg_temp.d) FROM {table};

-- guess: index predicate
-- control: never
BEGIN;
CREATE FUNCTION leak.lie(tarot.encrypted_{base}) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN ({text:$1}); END';
CREATE INDEX i ON {table} (id) WHERE leak.lie(v) = {guess};
SELECT reltuples FROM pg_class WHERE relname = 'i';

-- guess: unique index over a function that lies
BEGIN;
CREATE FUNCTION leak.lie(tarot.encrypted_{base}) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN CASE WHEN {text:$1} = {guess} THEN 1 END; END $$;
CREATE UNIQUE INDEX ON {table} (leak.lie(v));
INSERT INTO {table} (id, n, v) SELECT 600 + i, n, v FROM {table}, generate_series(1, 2) i WHERE id = 5;

-- guess: row policy
BEGIN;
CREATE POLICY p ON {table} USING ({text} <> {guess});
ALTER TABLE {table} FORCE ROW LEVEL SECURITY, ENABLE ROW LEVEL SECURITY;
SELECT count(*) FROM {table};

-- guess: trigger condition
BEGIN;
CREATE FUNCTION pg_temp.tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'fired'; RETURN NEW; END $$;
CREATE TRIGGER tell BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({text:OLD.v} = {guess}) EXECUTE FUNCTION pg_temp.tell();
UPDATE {table} SET n = n;

-- guess: partition by an expression
BEGIN;
CREATE TEMP TABLE parts (w text) PARTITION BY LIST (w);
CREATE TEMP TABLE part PARTITION OF parts FOR VALUES IN ({guess});
INSERT INTO parts SELECT {text} FROM {table} WHERE id = 5;

-- guess: COPY FROM with a condition
BEGIN;
CREATE TEMP TABLE seen (id int, w text);
INSERT INTO seen SELECT 1, {text} FROM {table} WHERE id = 5;
SELECT count(*) FROM seen WHERE w = {guess};

-- guess: view of a role which may see
SELECT count(*) FROM leak.{base}_view WHERE w = {guess};

-- guess: barrier view of a role which may see
SELECT count(*) FROM leak.{base}_barrier WHERE {text} = {guess};

-- guess: function of a role which may see
SELECT leak.{base}_by_sql(5) = {guess}, leak.{base}_by_plpgsql(5) = {guess}, leak.{base}_by_body(5) = {guess};

-- guess: plan of a role which may see
-- as: plain
SET plan_cache_mode = force_generic_plan;
PREPARE p(text) AS SELECT id FROM {table} WHERE {text} = $1;
EXECUTE p({guess});
-- as: reader
EXECUTE p({guess});

-- guess: sizes
-- control: never
SELECT pg_column_size(v), octet_length({text}) = octet_length({guess}) FROM {table} WHERE id = 5;

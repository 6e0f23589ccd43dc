-- Ways to take values along: COPY, tables made of others, RETURNING.

-- probe: COPY
COPY {table} TO STDOUT;

-- probe: COPY csv
COPY {table} (v) TO STDOUT (FORMAT csv, FORCE_QUOTE *);

-- probe: COPY binary
-- control: text bytea jsonb
COPY {table} (v) TO STDOUT (FORMAT binary);

-- probe: COPY of a query
COPY (SELECT v, {text} FROM {table}) TO STDOUT;

-- probe: COPY of a query by parallel workers
-- types: text numeric
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
COPY (SELECT {text} FROM {table}) TO STDOUT;
COPY (SELECT max({text}) FROM {table}) TO STDOUT;

-- probe: COPY of what an UPDATE returns
COPY (UPDATE {table} SET n = n RETURNING v) TO STDOUT;

-- probe: COPY with masks
-- control: never
SET tarot_security.io = masked;
COPY {table} TO STDOUT;

-- probe: CREATE TABLE AS
BEGIN;
CREATE TEMP TABLE kept AS SELECT * FROM {table};
TABLE kept;

-- probe: CREATE TABLE AS text
BEGIN;
CREATE TEMP TABLE kept AS SELECT {text} AS w FROM {table};
TABLE kept;

-- probe: SELECT INTO
BEGIN;
SELECT v::{base} AS w INTO TEMP kept FROM {table};
TABLE kept;

-- probe: CREATE TABLE LIKE and INSERT SELECT
BEGIN;
CREATE TEMP TABLE kept (LIKE {table});
INSERT INTO kept SELECT * FROM {table};
TABLE kept;

-- probe: INSERT SELECT into a column of the base type
BEGIN;
CREATE TEMP TABLE kept (w {base});
INSERT INTO kept SELECT v::{base} FROM {table};
TABLE kept;

-- probe: INSERT SELECT into a class of one's own
BEGIN;
CREATE TEMP TABLE kept (w tarot.encrypted_{base}('leak_open'));
INSERT INTO kept SELECT v FROM {table};
TABLE kept;

-- probe: ALTER of a copy to a class of one's own
BEGIN;
CREATE TEMP TABLE kept AS SELECT v FROM {table};
ALTER TABLE kept ALTER v TYPE tarot.encrypted_{base}('leak_open');
TABLE kept;

-- probe: ALTER of a copy to the base type
BEGIN;
CREATE TEMP TABLE kept AS SELECT v FROM {table};
ALTER TABLE kept ALTER v TYPE {base} USING v::{base};
TABLE kept;

-- probe: materialized view of one's own
BEGIN;
CREATE MATERIALIZED VIEW leak.own AS SELECT {text} AS w FROM {table};
TABLE leak.own;

-- probe: view of one's own
BEGIN;
CREATE TEMP VIEW own AS SELECT v, {text} AS w FROM {table};
TABLE own;

-- probe: child of the table
BEGIN;
CREATE TABLE leak.child () INHERITS ({table});
SELECT v FROM {table};

-- probe: UPDATE RETURNING
BEGIN;
UPDATE {table} SET n = n RETURNING *;

-- probe: UPDATE FROM RETURNING
BEGIN;
UPDATE {table} a SET n = b.n FROM {table} b WHERE b.id = a.id RETURNING b.v, {text:b.v};

-- probe: UPDATE to itself
BEGIN;
UPDATE {table} SET v = v RETURNING v;

-- probe: DELETE RETURNING
BEGIN;
DELETE FROM {table} RETURNING v, {text};

-- probe: WITH DELETE
BEGIN;
WITH gone AS (DELETE FROM {table} RETURNING *) SELECT v FROM gone;

-- probe: ON CONFLICT RETURNING
BEGIN;
INSERT INTO {table} (id, n) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = excluded.n RETURNING v;

-- probe: ON CONFLICT into another column
BEGIN;
INSERT INTO {table} AS t (id, n) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET w = {text:t.v} RETURNING w;

-- probe: UPDATE of another column
BEGIN;
UPDATE {table} SET w = {text} RETURNING w;

-- probe: MERGE
BEGIN;
MERGE INTO {table} t USING {table} s ON s.id = t.id WHEN MATCHED THEN UPDATE SET w = {text:s.v};
SELECT w FROM {table};

-- probe: MERGE RETURNING
-- since: 17
BEGIN;
MERGE INTO {table} t USING {table} s ON s.id = t.id WHEN MATCHED THEN UPDATE SET n = s.n RETURNING merge_action(), s.v, t.v;

-- probe: RETURNING old and new
-- since: 18
BEGIN;
UPDATE {table} SET n = n RETURNING old.v, new.v, old, new;

-- probe: ALTER TABLE to the base type
BEGIN;
ALTER TABLE {table}_alone ALTER v TYPE {base} USING v::{base};
SELECT v FROM {table}_alone;

-- probe: ALTER TABLE of another column
BEGIN;
ALTER TABLE {table}_alone ALTER w TYPE text USING {text};
SELECT w FROM {table}_alone;

-- probe: ALTER TABLE to another class
BEGIN;
ALTER TABLE {table}_alone ALTER v TYPE tarot.encrypted_{base}('leak_open');
SELECT v FROM {table}_alone;

-- probe: new column with a default
BEGIN;
CREATE FUNCTION leak.first() RETURNS text LANGUAGE sql AS 'SELECT {text} FROM {table} WHERE id = 1';
ALTER TABLE {table} ADD x text DEFAULT leak.first();
SELECT x FROM {table};

-- probe: generated column
-- control: never
BEGIN;
ALTER TABLE {table} ADD x text GENERATED ALWAYS AS ({text}) STORED;
SELECT x FROM {table};

-- probe: generated column by a function that lies
BEGIN;
CREATE FUNCTION leak.lie(tarot.encrypted_{base}) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN ({text:$1}); END';
ALTER TABLE {table} ADD x text GENERATED ALWAYS AS (leak.lie(v)) STORED;
SELECT x FROM {table};

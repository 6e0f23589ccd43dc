-- Ways to read a column, or rows as they stand.

-- probe: column
SELECT v FROM {table};

-- probe: cast to its base type
SELECT v::{base} FROM {table};

-- probe: cast to text
SELECT {text} FROM {table};

-- probe: cast to other strings
SELECT {text}::varchar, {text}::char(200), {text}::name FROM {table};

-- probe: casts beyond the base type, of text
-- types: text
SELECT v::varchar, v::varchar(60), v::char(60), v::name FROM {table};
SELECT v::int FROM {table};

-- probe: casts beyond the base type, of numbers
-- types: numeric
SELECT v::bigint, v::float8 FROM {table};
SELECT v::int FROM {table};

-- probe: casts beyond the base type that fail
-- types: numeric
-- control: never
SELECT v::int FROM {table};
SELECT v::smallint FROM {table};
SELECT (v * 1e300)::float8 FROM {table};
SELECT v::real FROM {table};

-- probe: casts beyond the base type, of dates
-- types: date
SELECT v::timestamp, v::timestamptz, date_trunc('day', v), to_char(v, 'YYYY-MM-DD'), v AT TIME ZONE 'UTC', age(v), age(v, '1900-01-01'), age('2100-01-01', v) FROM {table};

-- probe: casts beyond the base type, of points of time
-- types: timestamptz
SELECT v::date, v::time, v::timetz, v::timestamp FROM {table};

-- probe: casts beyond the base type, of documents
-- types: jsonb
-- control: never
SELECT v::int FROM {table};
SELECT v::numeric FROM {table};
SELECT v::bool FROM {table};

-- probe: values joined to literals
-- types: jsonb bytea
SELECT (v || {right})::text, ({right} || v)::text, (v || v)::text FROM {table};

-- probe: output function
SELECT tarot.encrypted_{base}_out(v)::text FROM {table};

-- probe: send function
-- control: text bytea jsonb
SELECT encode(tarot.encrypted_{base}_send(v), 'hex') FROM {table};

-- probe: tarot.try_decrypt
SELECT tarot.try_decrypt(v) FROM {table};

-- probe: tarot.decrypt of an envelope
-- control: never
SET tarot_security.io = envelope;
SELECT encode(tarot.encrypted_{base}_send(v), 'hex') AS sealed FROM {table} WHERE id = 1 \gset
SELECT tarot.decrypt(decode(:'sealed', 'hex'), '');

-- probe: envelopes
-- control: never
SET tarot_security.io = envelope;
SELECT v, t, to_jsonb(t) FROM {table} t;
COPY {table} (v) TO STDOUT;

-- probe: envelope brought in again
SET tarot_security.io = envelope;
SELECT v AS sealed FROM {table} WHERE id = 1 \gset
SELECT (:'sealed'::tarot.encrypted_{base})::{base};
SELECT (:'sealed'::tarot.encrypted_{base}('leak_open'))::{base};

-- probe: envelope with the class of a literal
-- control: never
SET tarot_security.io = envelope;
SELECT leak.to_envelope(overlay(tarot.encrypted_{base}_send(v) PLACING '\x7fffffff' FROM 3 FOR 4)) AS forged FROM {table} WHERE id = 1 \gset
SELECT (:'forged'::tarot.encrypted_{base})::{base};

-- probe: envelope with another class
-- control: never
SET tarot_security.io = envelope;
SELECT leak.to_envelope(overlay(tarot.encrypted_{base}_send(a.v) PLACING substr(tarot.encrypted_{base}_send(b.v), 3, 4) FROM 3 FOR 4)) AS forged
	FROM {table} a, {table}_open b WHERE a.id = 1 \gset
SELECT (:'forged'::tarot.encrypted_{base})::{base};

-- probe: coercion called by name
SELECT tarot.encrypted_{base}(v, -1, true), tarot.encrypted_{base}(v, -1, true)::{base} FROM {table};
SELECT tarot.encrypted_{base}(v, 0, true)::{base} FROM {table};
SELECT tarot.encrypted_{base}(v, 2147483647, true)::{base} FROM {table};

-- probe: another class by a list of columns
SELECT c.v, c.v::{base} FROM leak.{base}_records() AS c (v tarot.encrypted_{base}('leak_open'));

-- probe: other class
SELECT v::tarot.encrypted_{base}('leak_open') FROM {table};

-- probe: class dropped by the coercion
SELECT v::tarot.encrypted_{base} FROM {table};

-- probe: whole row
SELECT t FROM {table} t;

-- probe: whole row as text
SELECT t::text FROM {table} t;

-- probe: row constructor
SELECT ROW(v, id), ROW({text}) FROM {table};

-- probe: record functions
SELECT record_out(t), encode(record_send(t), 'escape') FROM {table} t;

-- probe: record expansion
SELECT (t).* FROM {table} t;

-- probe: row as another type
SELECT (t.r).* FROM (SELECT ROW(v, {text})::leak.{base}_pair AS r FROM {table}) t;

-- probe: row_to_json
SELECT row_to_json(t) FROM {table} t;

-- probe: jsonb of a row
SELECT to_jsonb(t) FROM {table} t;

-- probe: JSON of the value
SELECT to_json(v), to_jsonb(v), jsonb_build_object('v', v), json_build_array(v) FROM {table};

-- probe: JSON aggregates
SELECT json_agg(v), jsonb_agg(t), json_object_agg(id, v) FROM {table} t;

-- probe: JSON path over a row
SELECT jsonb_path_query(to_jsonb(t), '$.v'), to_jsonb(t) #>> '{v}' FROM {table} t;

-- probe: populate a record
SELECT jsonb_populate_record(NULL::leak.{base}_pair, jsonb_build_object('b', v)) FROM {table};

-- probe: XML
SELECT xmlforest(v, {text} AS w), xmlelement(name e, xmlattributes({text} AS a), {text}) FROM {table};

-- probe: query_to_xml
SELECT query_to_xml('SELECT v FROM {table}', true, false, '');

-- probe: table_to_xml
SELECT table_to_xml('{table}', true, false, '');

-- probe: schema_to_xml
SELECT schema_to_xml('leak', true, false, '');

-- probe: XMLTABLE
SELECT x.* FROM XMLTABLE('//v' PASSING query_to_xml('SELECT v FROM {table}', true, false, '') COLUMNS w text PATH '.') x;

-- probe: JSON_TABLE
-- since: 17
SELECT j.* FROM {table} t, JSON_TABLE(to_jsonb(t), '$' COLUMNS (w jsonb PATH '$.v')) j;

-- probe: what the input of a type says
-- since: 16
SELECT (pg_input_error_info('x' || {text}, 'integer')).message FROM {table};

-- probe: format
SELECT format('%s %L %I', v, v, v) FROM {table};

-- probe: concatenation
SELECT concat(v, id), concat_ws('-', v, v), '<' || {text} || '>' FROM {table};

-- probe: string functions
SELECT upper({text}), reverse(reverse({text})), substr({text}, 3), left({text}, -2), split_part({text}, '~', 1), overlay({text} PLACING '' FROM 1 FOR 1), quote_literal({text}) FROM {table};

-- probe: encodings
SELECT encode(convert_to({text}, 'UTF8'), 'hex'), encode(convert_to({text}, 'UTF8'), 'base64'), to_json({text}) FROM {table};

-- probe: regular expressions
SELECT regexp_replace({text}, '^.', ''), regexp_match({text}, '.+'), (regexp_split_to_array({text}, '~'))[1] FROM {table};

-- probe: min and max
SELECT min({text}), max({text}) FROM {table};

-- probe: string_agg
SELECT string_agg({text}, ',' ORDER BY {text}) FROM {table};

-- probe: array_agg
SELECT array_agg(v), array_agg({text}) FROM {table};

-- probe: ordered-set aggregates
SELECT mode() WITHIN GROUP (ORDER BY {text}), percentile_disc(0.4) WITHIN GROUP (ORDER BY {text}) FROM {table};

-- probe: aggregate of the user's own
CREATE AGGREGATE pg_temp.glue(text) (SFUNC = textcat, STYPE = text, INITCOND = '');
SELECT pg_temp.glue({text}) FROM {table};

-- probe: window functions
SELECT first_value(v) OVER w, lag({text}) OVER w, nth_value({text}, 2) OVER w, string_agg({text}, ',') OVER w FROM {table} WINDOW w AS (ORDER BY {text});

-- probe: arrays
SELECT ARRAY[v], array_to_string(ARRAY[v], ','), (ARRAY[v])[1], unnest(ARRAY[v, v]) FROM {table};

-- probe: array cast
SELECT ARRAY[v]::{base}[], array_to_json(ARRAY[v]) FROM {table};

-- probe: CASE and COALESCE
SELECT CASE WHEN id > 0 THEN v END, coalesce({text}, ''), nullif({text}, ''), greatest({text}, '') FROM {table};

-- probe: scalar subquery
SELECT (SELECT v FROM {table} WHERE id = 1), ARRAY(SELECT {text} FROM {table});

-- probe: WITH
WITH c AS MATERIALIZED (SELECT * FROM {table}), r AS NOT MATERIALIZED (SELECT {text} FROM c) SELECT * FROM r;

-- probe: recursive WITH
WITH RECURSIVE c(id, w) AS (SELECT 0, '' UNION ALL SELECT t.id, c.w || {text} FROM c JOIN {table} t ON t.id = c.id + 1) SELECT * FROM c;

-- probe: LATERAL
SELECT x.* FROM {table} t, LATERAL (SELECT t.v, {text}) x;

-- probe: set operations
SELECT {text} FROM {table} UNION SELECT '' EXCEPT SELECT '' INTERSECT SELECT 'x';

-- probe: UNION ALL of the type
SELECT v FROM {table} UNION ALL SELECT v FROM {table};

-- probe: DISTINCT and GROUP BY
SELECT DISTINCT {text} FROM {table};
SELECT {text}, count(*) FROM {table} GROUP BY ROLLUP ({text}) HAVING count({text}) > 0;

-- probe: ORDER BY
SELECT v FROM {table} ORDER BY {text} DESC LIMIT 3;

-- probe: joins
SELECT a.v, b.v FROM {table} a FULL JOIN {table} b USING (id);

-- probe: TABLE, TABLESAMPLE, FOR UPDATE
TABLE {table};
SELECT v FROM {table} TABLESAMPLE SYSTEM (100);
SELECT v FROM {table} FOR UPDATE;

-- probe: parallel workers
-- types: text numeric
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
SELECT v, {text} FROM {table};
SELECT max({text}) FROM {table} WHERE {text} <> 'x';

-- probe: JIT
-- types: text
-- roles: nothing masked
SET jit = on; SET jit_above_cost = 0; SET jit_inline_above_cost = 0; SET jit_optimize_above_cost = 0;
SELECT v, {text} FROM {table} WHERE {text} > '';

-- probe: partitions and inheritance
SELECT v FROM {table}_parted;
SELECT p, tableoid::regclass FROM {table}_parted p;

-- probe: array and composite columns
SELECT vs, vs[1], c, (c).b, d FROM {table}_nested;
SELECT n, to_jsonb(n) FROM {table}_nested n;

-- probe: cursor
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT v, {text} FROM {table};
FETCH 2 FROM c; MOVE 1 FROM c; FETCH BACKWARD ALL FROM c;

-- probe: cursor WITH HOLD
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT v FROM {table};
COMMIT;
FETCH ALL FROM c;

-- probe: cursor that a role opened which may see
BEGIN;
-- as: plain
DECLARE c CURSOR FOR SELECT v FROM {table};
-- as: reader
FETCH ALL FROM c;

-- probe: cursor WITH HOLD of a role which may see
-- as: plain
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT v FROM {table};
COMMIT;
-- as: reader
FETCH ALL FROM c;

-- probe: cursor of a function of a role which may see
BEGIN;
SELECT leak.{base}_cursor('c');
FETCH ALL FROM c;

-- probe: cursor_to_xml
BEGIN;
DECLARE c CURSOR FOR SELECT v FROM {table};
SELECT cursor_to_xml('c', 10, true, false, '');

-- probe: refcursor
DO $$ DECLARE c refcursor; r record; BEGIN OPEN c FOR SELECT * FROM {table} t; LOOP FETCH c INTO r; EXIT WHEN NOT FOUND; RAISE NOTICE '%', r; END LOOP; END $$;

-- probe: plan prepared by a role which may see
-- as: plain
PREPARE p AS SELECT v, {text} FROM {table} WHERE id = $1;
EXECUTE p(1); EXECUTE p(1); EXECUTE p(1); EXECUTE p(1); EXECUTE p(1); EXECUTE p(1);
-- as: reader
EXECUTE p(1);

-- probe: generic plan prepared by a role which may see
-- as: plain
SET plan_cache_mode = force_generic_plan;
PREPARE p AS SELECT t, v FROM {table} t;
EXECUTE p;
-- as: reader
EXECUTE p;
CREATE TEMP TABLE kept AS EXECUTE p;
TABLE kept;

-- probe: function whose plans a role made which may see
-- as: plain
SELECT leak.{base}_by_plpgsql(1), leak.{base}_by_sql(1);
SELECT leak.{base}_by_plpgsql(1), leak.{base}_by_sql(1);
-- as: reader
SELECT leak.{base}_by_plpgsql(1), leak.{base}_by_sql(1), leak.{base}_by_body(1);

-- probe: result that a role computed which may see
-- control: never
BEGIN;
-- as: plain
CREATE TEMP TABLE kept AS SELECT v FROM {table};
GRANT ALL ON kept TO PUBLIC;
-- as: reader
SELECT v FROM kept;

-- probe: view of a role which may see
SELECT * FROM leak.{base}_view;

-- probe: barrier view of a role which may see
SELECT * FROM leak.{base}_barrier;

-- probe: materialized view
SELECT * FROM leak.{base}_kept;

-- probe: rule
BEGIN;
INSERT INTO leak.{base}_ruled VALUES (1);

-- probe: functions of a role which may see
SELECT leak.{base}_by_sql(1), leak.{base}_by_body(1);
SELECT * FROM leak.{base}_rows();

-- probe: text search
SELECT to_tsvector('simple', {text}), ts_headline('simple', {text}, to_tsquery('simple', 'x')) FROM {table};

-- probe: text search statistics
-- control: text bytea jsonb numeric timestamptz
SELECT word FROM ts_stat('SELECT to_tsvector(''simple'', {text}) FROM {table}');

-- probe: text search of JSON
-- control: text bytea jsonb numeric timestamptz
SELECT to_tsvector('simple', to_jsonb(t)), jsonb_to_tsvector('simple', to_jsonb(t), '"all"') FROM {table} t;

-- probe: text search parser
-- control: text bytea jsonb numeric timestamptz
SELECT p.token FROM {table}, ts_debug('simple', {text}) p;

-- probe: setting
SELECT set_config('leak.value', {text}, false) FROM {table} WHERE id = 1;
SHOW leak.value;

-- probe: NOTIFY
LISTEN leak;
SELECT pg_notify('leak', {text}) FROM {table} WHERE id = 1;

-- probe: large object
BEGIN;
SELECT lo_from_bytea(0, convert_to({text}, 'UTF8')) AS lo FROM {table} WHERE id = 1 \gset
SELECT convert_from(lo_get(:lo), 'UTF8');

-- probe: row_security off
SET row_security = off;
SELECT v, {text} FROM {table};

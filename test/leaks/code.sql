-- Code that runs on the way: functions, operators, triggers, policies, checks; and what errors tell.

-- probe: leaky function in WHERE
SELECT id FROM {table} WHERE leak.peep({text});

-- probe: leaky function before a barrier
SELECT id FROM leak.{base}_barrier WHERE leak.peep({text}) AND id > 0;

-- probe: leaky function given the value itself
SELECT leak.{base}_peep(v) FROM {table};

-- probe: leaky operator
CREATE FUNCTION pg_temp.shout(text, text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE '% %', $1, $2; RETURN true; END $$;
CREATE OPERATOR pg_temp.<~~> (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.shout);
SELECT id FROM {table} WHERE {text} OPERATOR(pg_temp.<~~>) 'x';

-- probe: SQL function that is inlined
CREATE FUNCTION pg_temp.same(tarot.encrypted_{base}) RETURNS text LANGUAGE sql AS 'SELECT {text:$1}';
SELECT pg_temp.same(v) FROM {table};

-- probe: SQL-body function
CREATE FUNCTION pg_temp.body() RETURNS SETOF text BEGIN ATOMIC SELECT {text} FROM {table}; END;
SELECT * FROM pg_temp.body();

-- probe: polymorphic function
CREATE FUNCTION pg_temp.any(anyelement) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN $1::text; END';
SELECT pg_temp.any(v) FROM {table};

-- probe: PL/pgSQL variable
DO $$ DECLARE a {type}; b text; r record; t {table}%ROWTYPE; BEGIN
	FOR r IN SELECT * FROM {table} LOOP a := r.v; b := {text:a}; RAISE NOTICE '% % %', a, b, r; END LOOP;
	SELECT * INTO t FROM {table} WHERE id = 1; RAISE NOTICE '%', t; END $$;

-- probe: dynamic SQL
DO $$ DECLARE a text; b text; BEGIN SELECT {text} INTO a FROM {table} WHERE id = 1; EXECUTE format('SELECT %L || ''''', a) INTO b; RAISE NOTICE '%', b; END $$;

-- probe: domain that looks
BEGIN;
CREATE DOMAIN pg_temp.looks AS tarot.encrypted_{base}('leak_{base}') CHECK (leak.peep({text:VALUE}));
SELECT v::pg_temp.looks FROM {table};

-- probe: trigger of one's own
BEGIN;
CREATE FUNCTION pg_temp.tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'old % new %', OLD, to_jsonb(NEW); RETURN NEW; END $$;
CREATE TRIGGER tell BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION pg_temp.tell();
UPDATE {table} SET n = n;

-- probe: trigger with a condition
BEGIN;
CREATE FUNCTION pg_temp.quiet() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER quiet BEFORE UPDATE ON {table} FOR EACH ROW WHEN (leak.peep({text:OLD.v})) EXECUTE FUNCTION pg_temp.quiet();
UPDATE {table} SET n = n;

-- probe: transition table
BEGIN;
CREATE FUNCTION pg_temp.tell() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM old_rows LOOP RAISE NOTICE '%', r; END LOOP; RETURN NULL; END $$;
CREATE TRIGGER tell AFTER UPDATE ON {table} REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.tell();
UPDATE {table} SET n = n;

-- probe: text search trigger
-- control: text bytea jsonb numeric timestamptz
BEGIN;
ALTER TABLE {table} ADD words tsvector;
CREATE TRIGGER words BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger(words, 'pg_catalog.simple', w);
UPDATE {table} SET w = {text} RETURNING words;

-- probe: row policy that looks
BEGIN;
CREATE POLICY looks ON {table} USING (leak.peep({text}));
ALTER TABLE {table} FORCE ROW LEVEL SECURITY, ENABLE ROW LEVEL SECURITY;
SELECT id FROM {table};

-- probe: rule that looks
BEGIN;
CREATE RULE looks AS ON UPDATE TO {table} DO ALSO SELECT old.v, new.v;
UPDATE {table} SET n = n;

-- probe: check constraint that looks
BEGIN;
ALTER TABLE {table} ADD CHECK (leak.peep({text}));

-- probe: index expression that looks
-- control: never
BEGIN;
CREATE INDEX ON {table} (leak.{base}_peep(v));

-- probe: index predicate that looks
-- control: never
BEGIN;
CREATE INDEX ON {table} (id) WHERE leak.{base}_peep(v);

-- probe: exclusion constraint that looks
-- control: never
BEGIN;
ALTER TABLE {table} ADD EXCLUDE ((leak.{base}_peep(v)::int) WITH <>);

-- probe: statistics that look
-- control: never
BEGIN;
CREATE STATISTICS leak.looks ON (leak.{base}_peep(v)), (n + 1) FROM {table};
ANALYZE {table};
SELECT exprs FROM (SELECT array_agg(s) AS exprs FROM pg_stats_ext_exprs s) x;

-- probe: ANALYZE with a predicate that looks
-- control: never
BEGIN;
CREATE STATISTICS leak.words ON ({text}), n FROM {table};
ANALYZE {table};
SELECT * FROM pg_stats_ext_exprs;
SELECT * FROM pg_stats_ext;

-- probe: pg_stats
-- control: never
ANALYZE {table};
ANALYZE {table}_plains;
SELECT * FROM pg_stats WHERE schemaname = 'leak';
SELECT * FROM pg_stats_ext_exprs;
SELECT * FROM pg_statistic_ext_data;
SELECT * FROM pg_statistic;

-- probe: foreign key to a copy
BEGIN;
CREATE TABLE leak.copies (w text PRIMARY KEY);
ALTER TABLE {table} ADD FOREIGN KEY (w) REFERENCES leak.copies;
UPDATE {table} SET w = {text} WHERE id = 1;

-- probe: unique violation of a copy
BEGIN;
CREATE TEMP TABLE copies (w text UNIQUE);
INSERT INTO copies SELECT {text} FROM {table} UNION ALL SELECT {text} FROM {table};

-- probe: failing row, check
UPDATE {table} SET n = -1 WHERE id = 1;

-- probe: failing row, not null
UPDATE {table} SET n = NULL WHERE id = 1;

-- probe: failing row, no partition
-- control: never
UPDATE {table}_parted SET n = 100000 WHERE id = 1;

-- probe: failing row, check option
UPDATE leak.{base}_checked SET n = 100000 WHERE id = 1;

-- probe: failing row, policy
-- control: never
BEGIN;
CREATE POLICY p ON {table} USING (true) WITH CHECK (n < 0);
ALTER TABLE {table} FORCE ROW LEVEL SECURITY, ENABLE ROW LEVEL SECURITY;
UPDATE {table} SET n = 1 WHERE id = 1;

-- probe: failing row, domain
-- control: never
BEGIN;
CREATE DOMAIN pg_temp.never AS text CHECK (false);
SELECT {text}::pg_temp.never FROM {table};

-- probe: failing row, new check
-- control: never
BEGIN;
ALTER TABLE {table} ADD CHECK (n < 0);

-- probe: failing row, caught
DO $$ DECLARE d text; BEGIN UPDATE {table} SET n = -1 WHERE id = 1; EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL; RAISE NOTICE '%', d; END $$;

-- probe: cast error, integer
SELECT ('x' || {text})::int FROM {table};

-- probe: cast error, date
SELECT ('x' || {text})::date FROM {table};

-- probe: cast error, JSON
-- control: text jsonb numeric date timestamptz
SELECT ('"' || {text})::jsonb FROM {table};
SELECT ({text} || '"')::json FROM {table};

-- probe: cast error, boolean
SELECT ('x' || {text})::boolean FROM {table};

-- probe: cast error, uuid and inet
SELECT ('x' || {text})::uuid FROM {table};
SELECT ('x' || {text})::inet FROM {table};

-- probe: cast error, array
SELECT ('x' || {text})::int[] FROM {table};

-- probe: cast error, names of objects
SELECT ('"' || {text} || '"')::regclass FROM {table};
SELECT quote_ident({text})::regnamespace FROM {table};
SELECT quote_ident({text})::regrole FROM {table};
SELECT quote_ident({text})::regtype FROM {table};
SELECT ('a.b.c.d.' || quote_ident({text}))::regclass FROM {table};
SELECT ('a.b.' || quote_ident({text}))::regclass FROM {table};

-- probe: cast error, text search
SELECT to_tsquery('simple', {text} || ' & & ') FROM {table};
SELECT ('''' || {text})::tsvector FROM {table};

-- probe: errors that name what is not there
SELECT has_schema_privilege({text}, 'USAGE') FROM {table};
SELECT has_database_privilege({text}, 'CONNECT') FROM {table};
SELECT pg_get_serial_sequence({text}, 'x') FROM {table};
SELECT current_setting({text}) FROM {table};
SELECT nextval(quote_ident({text})) FROM {table};
SELECT set_config('work_mem', {text}, false) FROM {table};
SELECT now() AT TIME ZONE {text} FROM {table};
SELECT to_tsvector({text}::regconfig, 'x') FROM {table};

-- probe: errors of formats
SELECT to_date({text}, 'YYYY') FROM {table};
SELECT decode({text}, 'hex') FROM {table};
SELECT decode('00', {text}) FROM {table};
SELECT encode('a', {text}) FROM {table};
SELECT convert_from('a', {text}) FROM {table};
SELECT date_part({text}, now()) FROM {table};
SELECT format('%' || {text}, 1) FROM {table};
SELECT pg_size_bytes({text}) FROM {table};
SELECT parse_ident('1' || {text}) FROM {table};
SELECT xmlparse(document '<' || {text}) FROM {table};
SELECT jsonb_path_query('1', (' $ ' || {text})::jsonpath) FROM {table};
SELECT 'a' ~ ('(' || {text}) FROM {table};

-- probe: dynamic SQL that fails
DO $$ DECLARE a text; BEGIN SELECT {text} INTO a FROM {table} WHERE id = 1; EXECUTE format('SELECT * FROM %I', a); END $$;
DO $$ DECLARE a text; BEGIN SELECT {text} INTO a FROM {table} WHERE id = 1; EXECUTE format('SELECT %I FROM %s', a, '{table}'); END $$;
DO $$ DECLARE a text; BEGIN SELECT {text} INTO a FROM {table} WHERE id = 1; EXECUTE a; END $$;
DO $$ DECLARE a text; BEGIN SELECT {text} INTO a FROM {table} WHERE id = 1; EXECUTE format('SET work_mem = %L', a); END $$;
DO $$ DECLARE a text; BEGIN SELECT {text} INTO a FROM {table} WHERE id = 1; EXECUTE format('CREATE TABLE %I.x ()', a); END $$;

-- probe: error in a context
DO $$ DECLARE a text; b int; BEGIN SELECT {text} INTO a FROM {table} WHERE id = 1; b := 'x' || a; END $$;

-- probe: error after COMMIT
DO $$ DECLARE a text; b int; BEGIN SELECT {text} INTO a FROM {table} WHERE id = 1; COMMIT; b := 'x' || a; END $$;

-- probe: RAISE of every level
DO $$ DECLARE a text; BEGIN SELECT {text} INTO a FROM {table} WHERE id = 1;
	RAISE DEBUG '%', a; RAISE LOG '%', a; RAISE INFO '%', a; RAISE NOTICE '%', a USING DETAIL = a, HINT = a;
	RAISE WARNING '%', a USING ERRCODE = '23505'; RAISE EXCEPTION 'about %', a USING DETAIL = a, HINT = a, ERRCODE = '42501', COLUMN = a; END $$;

-- probe: RAISE after COMMIT
DO $$ DECLARE a text; BEGIN SELECT {text} INTO a FROM {table} WHERE id = 1; COMMIT; RAISE WARNING '%', a USING HINT = a; END $$;

-- probe: RAISE again
DO $$ BEGIN PERFORM ('x' || {text})::int FROM {table}; EXCEPTION WHEN OTHERS THEN RAISE; END $$;

-- probe: RAISE with the message of another
DO $$ BEGIN PERFORM ('x' || {text})::int FROM {table}; EXCEPTION WHEN OTHERS THEN RAISE WARNING '% %', SQLSTATE, SQLERRM; END $$;

-- probe: ASSERT
DO $$ DECLARE a text; BEGIN SELECT {text} INTO a FROM {table} WHERE id = 1; ASSERT false, a; END $$;

-- probe: error in a parallel worker
-- types: text numeric
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
SELECT count(*) FROM {table} WHERE ('x' || {text})::int = 1;

-- probe: error in a deferred trigger
BEGIN;
CREATE FUNCTION leak.late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'late %', {text:NEW.v}; END $$;
CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON {table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION leak.late();
UPDATE {table} SET n = n WHERE id = 1;
COMMIT;

-- probe: PL/Perl
-- needs: plperl
DO LANGUAGE plperl $$ my $r = spi_exec_query('SELECT v, {text} AS w FROM {table} WHERE id = 1')->{rows}[0]; elog(WARNING, "$r->{v} $r->{w}"); die "$r->{v}"; $$;

-- probe: PL/Perl that keeps its functions
-- needs: plperl
SELECT leak.{base}_by_perl(t) FROM {table} t WHERE id = 1;
SELECT leak.{base}_by_perl(t) FROM {table} t WHERE id = 1;

-- probe: PL/Python
-- needs: plpython3u
SELECT leak.{base}_by_python(t) FROM {table} t WHERE id = 1;
SELECT leak.{base}_by_python(t) FROM {table} t WHERE id = 1;

-- probe: EXPLAIN
-- control: never
EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT v, {text} FROM {table} WHERE {text} > 'a' ORDER BY {text};
EXPLAIN (ANALYZE, VERBOSE, FORMAT json) SELECT max({text}) OVER (PARTITION BY {text}) FROM {table} WHERE ({text}) = ANY (SELECT {text} FROM {table});

-- probe: EXPLAIN of a value taken out
DO $$ DECLARE a text; l text; BEGIN SELECT {text} INTO a FROM {table} WHERE id = 1; FOR l IN EXECUTE format('EXPLAIN VERBOSE SELECT id FROM {table} WHERE w = %L', a) LOOP RAISE NOTICE '%', l; END LOOP; END $$;

-- probe: plan with a value in it
-- control: never
DO $$ DECLARE a text; b int; BEGIN SELECT {text} INTO a FROM {table} WHERE id = 1; SELECT id INTO b FROM {table} WHERE w = a AND w <> '1' || a; PERFORM a, b; END $$;

-- probe: plan with a value in it, as TEXT
-- control: never
-- as: root
SET auto_explain.log_format = text;
-- as: reader
SET client_min_messages = log;
DO $$ DECLARE a text; b int; BEGIN SELECT {text} INTO a FROM {table} WHERE id = 1; SELECT id INTO b FROM {table} WHERE w = a AND w <> '"1''\' || a AND n = 5; PERFORM a, b; END $$;

-- probe: plan with a value in it, as JSON
-- control: never
-- as: root
SET auto_explain.log_format = json;
-- as: reader
SET client_min_messages = log;
DO $$ DECLARE a text; b int; BEGIN SELECT {text} INTO a FROM {table} WHERE id = 1; SELECT id INTO b FROM {table} WHERE w = a AND w <> '"1''\' || a AND n = 5; PERFORM a, b; END $$;

-- probe: plan with a value in it, as XML
-- control: never
-- as: root
SET auto_explain.log_format = xml;
-- as: reader
SET client_min_messages = log;
DO $$ DECLARE a text; b int; BEGIN SELECT {text} INTO a FROM {table} WHERE id = 1; SELECT id INTO b FROM {table} WHERE w = a AND w <> '"1''\' || a AND n = 5; PERFORM a, b; END $$;

-- probe: plan with a value in it, as YAML
-- control: never
-- as: root
SET auto_explain.log_format = yaml;
-- as: reader
SET client_min_messages = log;
DO $$ DECLARE a text; b int; BEGIN SELECT {text} INTO a FROM {table} WHERE id = 1; SELECT id INTO b FROM {table} WHERE w = a AND w <> '"1''\' || a AND n = 5; PERFORM a, b; END $$;

-- probe: plan with a value in it, printed
-- control: never
SET debug_print_plan = on; SET debug_print_parse = on; SET debug_print_rewritten = on; SET client_min_messages = debug1;
DO $$ DECLARE a text; b int; BEGIN SELECT {text} INTO a FROM {table} WHERE id = 1; SELECT id INTO b FROM {table} WHERE w = a; END $$;

-- probe: duration of a statement with a value in it
-- control: never
-- as: root
SET log_min_duration_statement = 0;
-- as: reader
DO $$ DECLARE a text; BEGIN SELECT {text} INTO a FROM {table} WHERE id = 1; EXECUTE format('SELECT %L', a); END $$;

-- probe: logical decoding
-- control: never
SELECT data FROM pg_logical_slot_peek_changes('leak', NULL, NULL) LIMIT 10000;

-- probe: own activity
SELECT query FROM pg_stat_activity;
SELECT {text}, (SELECT string_agg(query, ' ') FROM pg_stat_activity) FROM {table};

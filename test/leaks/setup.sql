-- What the probes find, made anew for each type; test/t/lib/LeakTest.pm tells the words in braces.

-- setup: tables, which the owner makes, who holds nothing
-- as: owner
CREATE TABLE {table} (id int PRIMARY KEY, n int NOT NULL DEFAULT 0 CHECK (n >= 0), w text, v {type});
CREATE TABLE {table}_parted (id int, n int, v {type}) PARTITION BY RANGE (n);
CREATE TABLE {table}_part PARTITION OF {table}_parted FOR VALUES FROM (0) TO (1000);
CREATE TABLE {table}_alone (id int, w text, v {type});
CREATE TABLE {table}_open (v tarot.encrypted_{base}('leak_open'));
CREATE TABLE {table}_unique (id serial, v {type} UNIQUE);
CREATE TABLE {table}_child (v {type} REFERENCES {table}_unique (v));
CREATE TYPE leak.{base}_pair AS (a {type}, b text);
CREATE DOMAIN leak.{base}_domain AS {type};
CREATE TABLE {table}_nested (id int, vs {type}[], c leak.{base}_pair, d leak.{base}_domain);
CREATE VIEW leak.{base}_checked AS SELECT * FROM {table} WHERE n < 1000 WITH CHECK OPTION;
CREATE TABLE leak.{base}_ruled (id int);
CREATE FUNCTION leak.peep(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE 'peep %', $1; RETURN true; END $$;
CREATE FUNCTION leak.{base}_peep(tarot.encrypted_{base}) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0001 AS $$ BEGIN RAISE NOTICE 'peep %', {text:$1}; RETURN true; END $$;
CREATE FUNCTION leak.{base}_by_plpgsql(i int) RETURNS text LANGUAGE plpgsql STABLE AS $$ DECLARE r text; BEGIN SELECT {text} INTO r FROM {table} WHERE id = i; RETURN r; END $$;
CREATE FUNCTION leak.{base}_records() RETURNS SETOF record LANGUAGE sql AS 'SELECT v FROM {table}';
CREATE FUNCTION leak.to_envelope(bytea) RETURNS text LANGUAGE sql AS $$ SELECT '$tarot1$' || rtrim(translate(encode($1, 'base64'), E'+/\n', '-_'), '=') $$;
GRANT ALL ON ALL TABLES IN SCHEMA leak TO PUBLIC;

-- setup: values, and code of a role that may see them
-- as: plain
INSERT INTO {table} (id, n, v) VALUES {all_values}, (5, 5, {right});
INSERT INTO {table}_unique (v) SELECT v FROM {table};
INSERT INTO {table}_child SELECT v FROM {table};
INSERT INTO {table}_alone SELECT id, w, v FROM {table};
INSERT INTO {table}_open SELECT v::{base} FROM {table} WHERE id = 5;
INSERT INTO {table}_parted SELECT id, n, v FROM {table};
INSERT INTO {table}_nested SELECT id, ARRAY[v, NULL], ROW(v, NULL)::leak.{base}_pair, v FROM {table};
CREATE TABLE {table}_plains AS SELECT * FROM {table};
CREATE STATISTICS leak.{base}_words ON ({text}), n FROM {table}_plains;
CREATE VIEW leak.{base}_view AS SELECT id, v, {text} AS w FROM {table};
CREATE VIEW leak.{base}_barrier WITH (security_barrier) AS SELECT id, v FROM {table} WHERE id < 1000;
CREATE MATERIALIZED VIEW leak.{base}_kept AS SELECT id, v FROM {table};
CREATE RULE more AS ON INSERT TO leak.{base}_ruled DO ALSO SELECT v, {text} FROM {table};
CREATE FUNCTION leak.{base}_by_sql(i int) RETURNS text LANGUAGE sql STABLE AS 'SELECT {text} FROM {table} WHERE id = i';
CREATE FUNCTION leak.{base}_by_body(i int) RETURNS text STABLE BEGIN ATOMIC SELECT {text} FROM {table} WHERE id = i; END;
CREATE FUNCTION leak.{base}_rows() RETURNS SETOF {table} LANGUAGE sql STABLE SECURITY INVOKER AS 'SELECT * FROM {table}';
CREATE FUNCTION leak.{base}_cursor(name refcursor) RETURNS refcursor LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN OPEN name FOR SELECT v, {text} FROM {table}; RETURN name; END';
CREATE FUNCTION leak.{base}_search_sql(g {base}) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM {table} WHERE v = g';
CREATE FUNCTION leak.{base}_search_plpgsql(g {base}) RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT count(*) FROM {table} WHERE v = g); END';
GRANT ALL ON ALL SEQUENCES IN SCHEMA leak TO PUBLIC;
GRANT ALL ON leak.{base}_view, leak.{base}_barrier, leak.{base}_kept TO PUBLIC;
ANALYZE;

-- setup: functions that keep what they found out about a type for the session
-- needs: plperl
-- as: super
CREATE FUNCTION leak.{base}_by_perl({table}) RETURNS text LANGUAGE plperl AS $$ elog(WARNING, $_[0]->{v}); die $_[0]->{v} $$;

-- setup: the same in PL/Python
-- needs: plpython3u
-- as: super
CREATE FUNCTION leak.{base}_by_python(r {table}) RETURNS text LANGUAGE plpython3u AS $$
plpy.warning(r['v'])
raise Exception(r['v'])
$$;

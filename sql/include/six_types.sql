-- Included by the tests of paths: a table of six plain columns with what each type has at its edges, its
-- encrypted twin, and ways to compare others with them. Roles: one that reads and writes, one that sees masks,
-- one that writes what it cannot read, one without anything.

CREATE ROLE regress_paths_app;
CREATE ROLE regress_paths_masked;
CREATE ROLE regress_paths_writer;
CREATE ROLE regress_paths_none;
SELECT FROM tarot.create_key('paths');
SELECT tarot.create_class('secret', 'paths', searchable => true), tarot.create_class('other', 'paths', searchable => true);
SELECT tarot.grant_class(class, 'regress_paths_app', 'plain'), tarot.grant_class(class, 'regress_paths_masked', 'masked'),
	tarot.grant_class(class, 'regress_paths_writer', 'none', write => true) FROM unnest('{secret,other}'::text[]) AS class;
GRANT CREATE ON SCHEMA public TO regress_paths_app;

CREATE TABLE plain (id int PRIMARY KEY, t text, b bytea, j jsonb, n numeric, d date, z timestamptz);
CREATE TABLE sealed (
	id int PRIMARY KEY,
	t tarot.encrypted_text('secret'),
	b tarot.encrypted_bytea('secret'),
	j tarot.encrypted_jsonb('secret'),
	n tarot.encrypted_numeric('secret'),
	d tarot.encrypted_date('secret'),
	z tarot.encrypted_timestamptz('secret')
);
SET DateStyle = 'ISO, MDY';
SET TimeZone = 'UTC';
INSERT INTO plain VALUES
	(1, 'The Fool', '\x00ff', '{"a": [1, 2.50, null], "b": {"c": "d"}}', 12.3400, '2024-02-29', '2024-02-29 23:59:59.999999+00'),
	(2, '', '', '{}', 0, '2000-01-01', '2000-01-01 00:00:00+00'),
	(3, NULL, NULL, NULL, NULL, NULL, NULL),
	(4, 'Le Mât, 愚者, Шут, ☉', '\x5c6e0d0a22', '{"愚": "者\n\t\"\\", "é": [], "": {}}', -0.000000000000000000000001, '4713-01-01 BC', '4713-01-01 00:00:00+00 BC'),
	(5, E'\\N \\. "," \t\r\n'' $$', '\x5c2e', 'null', 'NaN', 'infinity', 'infinity'),
	(6, '{"}', '\x7b7d', '[[], {}, "", 0, -1.0e-7, 1e30, false]', '-Infinity', '-infinity', '-infinity'),
	-- A mebibyte, out of line.
	(7, repeat('The Fool goes ', 74899) || '.', decode(repeat('00ff10', 349525) || 'fe', 'hex'), jsonb_build_object('long', repeat('deep ', 209700), 'n', repeat('9', 900)::numeric),
		(repeat('9', 3000) || '.' || repeat('7', 3000))::numeric, '5874897-12-31', '294276-12-31 23:59:59.999999+00'),
	(8, repeat('愚', 3000), '\x', '"愚"', 1e131071, '1999-12-31', '1999-12-31 23:59:59.999999+00');
GRANT ALL ON plain, sealed TO regress_paths_app, regress_paths_masked, regress_paths_writer, regress_paths_none;
SET ROLE regress_paths_app;
INSERT INTO sealed SELECT * FROM plain;
RESET ROLE;

-- What of a relation is not as in plain, by row and column, opened as the role that asks; rows are lost too.
CREATE FUNCTION lost(relation regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	columns text;
	result text;
BEGIN
	EXECUTE format($q$
		SELECT string_agg(format('row %%s: %%s', coalesce(p.id, r.id), column_name), ', ' ORDER BY p.id)
			FROM plain p FULL JOIN (SELECT id, t::text, b::bytea, j::jsonb, n::numeric, d::date, z::timestamptz FROM %s) r USING (id),
				LATERAL (VALUES ('all', (p.id IS NULL) <> (r.id IS NULL)), ('t', p.t IS DISTINCT FROM r.t), ('b', p.b IS DISTINCT FROM r.b), ('j', p.j::text IS DISTINCT FROM r.j::text),
					('n', p.n::text IS DISTINCT FROM r.n::text), ('d', p.d IS DISTINCT FROM r.d), ('z', p.z IS DISTINCT FROM r.z)) AS c (column_name, differs)
			WHERE differs$q$, relation) INTO result;
	RETURN coalesce(result, 'nothing');
END
$$;

-- Whether the envelopes of two relations are the same bytes: in all of their rows, in none, or which.
CREATE FUNCTION bytes(one regclass, two regclass DEFAULT 'sealed') RETURNS text LANGUAGE plpgsql SET tarot_security.io = envelope AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format($q$
		SELECT CASE WHEN bool_and(same) THEN 'same' WHEN bool_and(NOT same) THEN 'different'
				ELSE string_agg(concat(id, column_name, CASE WHEN same THEN '=' ELSE '!' END), ' ' ORDER BY id, column_name) END
			FROM %s a JOIN %s b USING (id), LATERAL (VALUES
				('t', tarot.encrypted_text_send(a.t) = tarot.encrypted_text_send(b.t)), ('b', tarot.encrypted_bytea_send(a.b) = tarot.encrypted_bytea_send(b.b)),
				('j', tarot.encrypted_jsonb_send(a.j) = tarot.encrypted_jsonb_send(b.j)), ('n', tarot.encrypted_numeric_send(a.n) = tarot.encrypted_numeric_send(b.n)),
				('d', tarot.encrypted_date_send(a.d) = tarot.encrypted_date_send(b.d)), ('z', tarot.encrypted_timestamptz_send(a.z) = tarot.encrypted_timestamptz_send(b.z))) AS c (column_name, same)
			WHERE same IS NOT NULL$q$, one, two) INTO result;
	RETURN result;
END
$$;

-- What a statement does: the one value it gives, or its error.
CREATE FUNCTION does(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	IF statement ~ '^(SELECT|TABLE|WITH)|RETURNING' THEN
		EXECUTE statement INTO result;
		RETURN coalesce(result, 'NULL');
	END IF;
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END
$$;
CREATE FUNCTION done_by(role name, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	asking CONSTANT name := current_user;
	result text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	result := does(statement);
	EXECUTE format('SET LOCAL ROLE %I', asking);
	RETURN result;
END
$$;

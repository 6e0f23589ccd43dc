-- Row binding: a value that was sealed for one row does not get into another by who may not read it.
SET client_min_messages = warning;
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE EXTENSION tarot_security;
\getenv source PG_ABS_SRCDIR
\i :source/sql/include/attempt.sql
SELECT tarot.create_key('k') > 0 AS created, tarot.create_class('card', 'k', 'card'), tarot.create_class('other', 'k');
CREATE ROLE tarot_bind_owner; CREATE ROLE tarot_bind_app; CREATE ROLE tarot_bind_thief; CREATE ROLE tarot_bind_reader; CREATE ROLE tarot_bind_writer;
SELECT tarot.grant_class('card', 'tarot_bind_app', 'plain'), tarot.grant_class('card', 'tarot_bind_reader', 'plain', write => false),
	tarot.grant_class('card', 'tarot_bind_writer', 'none', write => true), tarot.grant_class('other', 'tarot_bind_app', 'plain');
GRANT ALL ON SCHEMA public TO tarot_bind_owner, tarot_bind_thief;

-- What each row shows, as stored: equal digests are equal bytes.
CREATE FUNCTION stored(query text) RETURNS text LANGUAGE plpgsql SET tarot_security.io = envelope AS $$
DECLARE
	digest text;
BEGIN
	EXECUTE format('SELECT string_agg(md5(v), '','') FROM (%s) AS q (v)', replace(query, 'card', 'tarot.encrypted_text_out(card)::text')) INTO digest;
	RETURN digest;
END
$$;

SET ROLE tarot_bind_owner;
CREATE TABLE customer (id integer PRIMARY KEY, note text, card tarot.encrypted_text('card'));
GRANT ALL ON customer TO tarot_bind_app, tarot_bind_thief, tarot_bind_reader, tarot_bind_writer;
SET ROLE tarot_bind_app;
INSERT INTO customer VALUES (1, 'rich', '4111 1111 1111 1111'), (2, 'poor', '5500 0000 0000 0004'), (3, 'none', NULL), (4, 'long', repeat('4', 20000));

-- ------------------------------------------------------------ binding a table with rows
RESET ROLE;
-- The owner holds no grant, needs none, and sees nothing by it.
SET ROLE tarot_bind_thief;
SELECT run($$SELECT tarot.bind_column('customer', 'card')$$);
SET ROLE tarot_bind_owner;
SELECT run($$SELECT tarot.bind_column('customer', 'note')$$);
SELECT run($$SELECT tarot.bind_column('customer', 'nothing')$$);
SELECT run($$SELECT tarot.bind_column('customer', 'card', '{note}')$$);
SELECT run($$SELECT tarot.bind_column('customer', 'card', '{card}')$$);
SELECT run($$SELECT tarot.bind_column('customer', 'card', '{}')$$);
SELECT run($$SELECT tarot.bind_column('customer', 'card', '{NULL}')$$);
SELECT run($$SELECT tarot.bind_column(NULL, 'card')$$);
SELECT code($$SELECT tarot.bind_column('customer_pkey', 'card')$$);
SELECT run($$SELECT tarot.unbind_column('customer', 'card')$$);
SELECT * FROM tarot.bound_column;
SELECT tarot.bind_column('customer', 'card') AS bound;
SELECT "table", "column", by, trigger, enforced FROM tarot.bound_column ORDER BY "table"::text COLLATE "C", "column";
SELECT run($$SELECT tarot.bind_column('customer', 'card')$$);
SELECT id, card FROM customer WHERE id < 4 ORDER BY id;
SELECT * FROM tarot.verify_bindings('customer');
SET ROLE tarot_bind_app;
SELECT id, left(card, 20) FROM customer ORDER BY id;

-- ------------------------------------------------------------ what changes nothing is for everybody
SELECT stored('SELECT card FROM customer ORDER BY id') AS before \gset
SET ROLE tarot_bind_thief;
UPDATE customer SET card = card, note = note || '!';
UPDATE customer SET id = id;
INSERT INTO customer (id, note) VALUES (5, 'no card');
DELETE FROM customer WHERE id = 5;
INSERT INTO customer SELECT * FROM customer WHERE id = 1 ON CONFLICT (id) DO UPDATE SET note = excluded.note, card = excluded.card;
SELECT stored('SELECT card FROM customer ORDER BY id') = :'before' AS same_bytes;

-- ------------------------------------------------------------ the attack, in all its forms
CREATE TABLE haul (id integer, card tarot.encrypted_text('card'));
INSERT INTO haul SELECT id, card FROM customer;
CREATE TEMP TABLE loot AS SELECT id, card FROM customer;
CREATE VIEW front AS SELECT * FROM customer;
RESET ROLE;
GRANT SELECT ON haul TO PUBLIC;
CREATE TABLE attack (n integer, role name, statement text);
INSERT INTO attack SELECT row_number() OVER (), r, s FROM unnest(ARRAY['tarot_bind_thief', 'tarot_bind_reader', 'tarot_bind_writer']) AS r, unnest(ARRAY[
	'UPDATE customer SET card = (SELECT card FROM customer WHERE id = 1) WHERE id = 2',
	'UPDATE customer c SET card = d.card FROM customer d WHERE d.id = 1 AND c.id = 2',
	'UPDATE customer SET (card) = (SELECT card FROM haul WHERE id = 1) WHERE id = 2',
	'UPDATE customer SET id = 9 WHERE id = 1',
	'UPDATE customer SET id = CASE id WHEN 1 THEN -2 ELSE -1 END WHERE id IN (1, 2)',
	'INSERT INTO customer SELECT 9, note, card FROM customer WHERE id = 1',
	'INSERT INTO customer SELECT id, ''x'', card FROM haul WHERE id = 1 ON CONFLICT (id) DO UPDATE SET id = 9',
	'INSERT INTO customer VALUES (2) ON CONFLICT (id) DO UPDATE SET card = (SELECT card FROM customer WHERE id = 1)',
	'WITH gone AS (DELETE FROM customer WHERE id = 1 RETURNING *) INSERT INTO customer SELECT 9, note, card FROM gone',
	'WITH c AS (SELECT card FROM customer WHERE id = 1) UPDATE customer SET card = c.card FROM c WHERE id = 2',
	'MERGE INTO customer c USING haul h ON c.id = h.id + 1 WHEN MATCHED AND h.id = 1 THEN UPDATE SET card = h.card',
	'MERGE INTO customer c USING haul h ON c.id = h.id + 100 WHEN NOT MATCHED AND h.id = 1 THEN INSERT VALUES (9, ''x'', h.card)',
	'DO $d$ DECLARE v customer; BEGIN SELECT * INTO v FROM customer WHERE id = 1; v.id := 9; INSERT INTO customer VALUES (v.*); END $d$',
	'DO $d$ DECLARE v tarot.encrypted_text(''card''); BEGIN SELECT card INTO v FROM customer WHERE id = 1; UPDATE customer SET card = v WHERE id = 2; END $d$',
	'INSERT INTO customer SELECT (jsonb_populate_record(c, ''{"id": 9}'')).* FROM customer c WHERE id = 1']) AS s;
GRANT SELECT ON attack TO PUBLIC;
CREATE FUNCTION run_as(who name, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', who);
	result := code(statement);
	RESET ROLE;
	RETURN result;
END
$$;
SELECT n, role, run_as(role, statement) AS result, left(statement, 90) AS statement FROM attack ORDER BY n;
SELECT id, note, left(card, 20) AS card FROM customer ORDER BY id;
SET ROLE tarot_bind_thief;
SELECT run('UPDATE customer SET card = (SELECT card FROM customer WHERE id = 1) WHERE id = 2');
SELECT code('UPDATE front SET card = (SELECT card FROM loot WHERE id = 1) WHERE id = 2');
SELECT code('INSERT INTO front SELECT 9, note, card FROM front WHERE id = 1');

-- COPY of envelopes needs the right to bring them in, and then still the class.
SET tarot_security.io = envelope;
SELECT card AS stolen FROM customer WHERE id = 1 \gset
SELECT code(format('UPDATE customer SET card = %L WHERE id = 2', :'stolen'));
RESET ROLE;
GRANT SET ON PARAMETER tarot_security.io TO tarot_bind_thief;
SET ROLE tarot_bind_thief;
SELECT run(format('UPDATE customer SET card = %L WHERE id = 2', :'stolen'));
SELECT run(format('UPDATE customer SET card = %L WHERE id = 1', :'stolen'));
RESET ROLE;
REVOKE SET ON PARAMETER tarot_security.io FROM tarot_bind_thief;
-- Nor does a superuser move it in passing.
SELECT code(format('UPDATE customer SET card = %L WHERE id = 2', :'stolen'));
RESET tarot_security.io;
SELECT * FROM tarot.verify_bindings('customer');
SELECT stored('SELECT card FROM customer ORDER BY id') = :'before' AS same_bytes;

-- A trigger that fires later, an own rule, a rule of a later name.
GRANT TRIGGER ON customer TO tarot_bind_thief;
SET ROLE tarot_bind_thief;
CREATE FUNCTION swap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = 2 THEN SELECT card INTO NEW.card FROM customer WHERE id = 1; END IF; RETURN NEW; END $$;
CREATE TRIGGER a_swap BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION swap();
SELECT run('UPDATE customer SET note = ''x'' WHERE id = 2');
RESET ROLE;
DROP TRIGGER a_swap ON customer;
SET ROLE tarot_bind_thief;
CREATE TRIGGER zzz_swap BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION swap();
SELECT run('UPDATE customer SET note = ''x'' WHERE id = 2');
RESET ROLE;
ALTER TRIGGER zzz_swap ON customer RENAME TO b_swap;
SET ROLE tarot_bind_thief;
SELECT code('UPDATE customer SET note = ''x'' WHERE id = 2');
RESET ROLE;
DROP TRIGGER b_swap ON customer;
SET ROLE tarot_bind_thief;
CREATE TRIGGER zzz_rule BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION tarot.enforce_row('card', '', '', '00000000000000000000000000000000', 'id', 'integer');
SELECT run('UPDATE customer SET note = ''x'' WHERE id = 2');
RESET ROLE;
DROP TRIGGER zzz_rule ON customer;
SET ROLE tarot_bind_thief;
CREATE TRIGGER zzz_rule BEFORE UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION tarot.enforce_row('card', '', '', 'x', 'id', 'integer');
SELECT code('UPDATE customer SET note = ''x'' WHERE id = 2');
RESET ROLE;
DROP TRIGGER zzz_rule ON customer;
REVOKE TRIGGER ON customer FROM tarot_bind_thief;
SELECT run('SELECT tarot.enforce_row()');
CREATE TABLE bad (id int NOT NULL, card tarot.encrypted_text('card'));
CREATE TRIGGER late AFTER INSERT ON bad FOR EACH ROW EXECUTE FUNCTION tarot.enforce_row('card', '', '', '00000000000000000000000000000000', 'id', 'integer');
SELECT code('INSERT INTO bad VALUES (1)');
DROP TRIGGER late ON bad;
SELECT r.arguments, run(format('CREATE TRIGGER rule BEFORE INSERT ON bad FOR EACH ROW EXECUTE FUNCTION tarot.enforce_row(%s)', r.arguments)) AS made,
	code('INSERT INTO bad VALUES (1)') AS used, run('DROP TRIGGER rule ON bad') AS dropped
	FROM (VALUES (0, ''),
		(1, '''card'''),
		(2, '''card'', '''', '''', ''00'''),
		(3, '''card'', '''', '''', ''00000000000000000000000000000000'''),
		(4, '''card'', '''', '''', '''''),
		(5, '''card'', '''', '''', ''00000000000000000000000000000000'', ''id'''),
		(6, '''card'', '''', '''', ''0000000000000000000000000000000G'', ''id'', ''integer'''),
		(7, '''card'', '''', '''', '''', ''id'', ''integer'''),
		(8, '''card'', '''', '''', ''00000000000000000000000000000000'', ''id'', ''uuid'''),
		(9, '''nothing'', '''', '''', ''00000000000000000000000000000000'', ''id'', ''integer'''),
		(10, '''card'', '''', '''', ''00000000000000000000000000000000'', ''nothing'', ''integer'''),
		(11, '''card'', '''', '''', ''00000000000000000000000000000000'', ''card'', ''unknown'''),
		(12, '''card'', ''id'', ''uuid'', '''''),
		(13, '''card'', ''nothing'', ''integer'', ''''')) AS r (n, arguments) ORDER BY n;

-- ------------------------------------------------------------ who may read and write may move
SET ROLE tarot_bind_app;
UPDATE customer SET card = (SELECT card FROM customer WHERE id = 1) WHERE id = 2;
UPDATE customer SET id = 30 WHERE id = 4;
INSERT INTO customer SELECT id + 10, note, card FROM customer WHERE id = 1;
WITH gone AS (DELETE FROM customer WHERE id = 11 RETURNING *) INSERT INTO customer SELECT 12, note, card FROM gone;
INSERT INTO customer VALUES (2) ON CONFLICT (id) DO UPDATE SET card = (SELECT card FROM customer WHERE id = 30);
INSERT INTO customer VALUES (13, 'new', '6011 0000 0000 0004');
SELECT run('INSERT INTO customer VALUES (NULL, ''x'', ''4'')');
SELECT id, note, left(card, 20) AS card FROM customer ORDER BY id;
SELECT stored('SELECT card FROM customer WHERE id = 1') = stored('SELECT card FROM customer WHERE id = 12') AS same_bytes;
-- Who only writes can write new values, as before.
SET ROLE tarot_bind_writer;
INSERT INTO customer VALUES (14, 'imported', '3400 0000 0000 009');
UPDATE customer SET card = '3400 0000 0000 009' WHERE id = 2;
SELECT code('UPDATE customer SET id = 15 WHERE id = 14');
SET ROLE tarot_bind_reader;
SELECT code('INSERT INTO customer VALUES (16, ''x'', ''4'')');
-- An envelope that is bound to nothing needs write access here, and nothing where the column is not bound.
SET ROLE tarot_bind_app;
CREATE TEMP TABLE unbound (card tarot.encrypted_text('card'));
INSERT INTO unbound VALUES ('3000 0000 0000 04');
GRANT SELECT ON unbound TO tarot_bind_thief, tarot_bind_writer;
SET ROLE tarot_bind_thief;
SELECT run('UPDATE customer SET card = (SELECT card FROM unbound) WHERE id = 2');
INSERT INTO haul SELECT 99, card FROM unbound;
SET ROLE tarot_bind_writer;
UPDATE customer SET card = (SELECT card FROM unbound) WHERE id = 2;
SET ROLE tarot_bind_app;
-- While masks are read nothing is moved.
SET tarot_security.io = masked;
SELECT code('UPDATE customer SET id = 17 WHERE id = 14');
RESET tarot_security.io;
SELECT id, note, left(card, 20) AS card FROM customer ORDER BY id;
-- Into a column of another class, as ever: there it is bound to nothing.
CREATE TEMP TABLE elsewhere (card tarot.encrypted_text('other'));
INSERT INTO elsewhere SELECT card FROM customer WHERE id = 1;
SELECT * FROM elsewhere;
RESET ROLE;
SELECT * FROM tarot.verify_bindings('customer');

-- ------------------------------------------------------------ what was swapped underneath
ALTER TABLE customer DISABLE TRIGGER USER;
SELECT "column", enforced FROM tarot.bound_column ORDER BY "table"::text COLLATE "C", "column";
UPDATE customer SET card = (SELECT card FROM customer WHERE id = 1) WHERE id = 2;
UPDATE customer SET card = (SELECT card FROM unbound) WHERE id = 3;
UPDATE customer SET id = 20 WHERE id = 13;
ALTER TABLE customer ENABLE TRIGGER USER;
SET ROLE tarot_bind_thief;
SELECT identity, "column", problem FROM tarot.verify_bindings('customer') ORDER BY 1;
SELECT code('SELECT * FROM tarot.bound_column');
SET ROLE tarot_bind_app;
-- They are read, and other columns of their rows can be changed.
UPDATE customer SET note = note || '?' WHERE id IN (2, 3, 20) RETURNING id, note, card;
-- Writing the value puts it in order: by who may.
UPDATE customer SET card = card::text WHERE id IN (2, 3, 20);
RESET ROLE;
SELECT * FROM tarot.verify_bindings('customer');
SELECT tarot.lock();
SELECT count(*) FROM tarot.verify_bindings('customer');
SELECT tarot.unlock();
SELECT code($$SELECT * FROM tarot.verify_bindings('pg_class')$$), code($$SELECT * FROM tarot.verify_bindings('front')$$);
SET ROLE tarot_bind_thief;
SELECT code($$SELECT * FROM tarot.verify_bindings('bad')$$);
RESET ROLE;
CREATE TABLE hidden (id int PRIMARY KEY, card tarot.encrypted_text('card'));
ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON hidden TO tarot_bind_thief;
SET ROLE tarot_bind_thief;
SELECT run($$SELECT * FROM tarot.verify_bindings('hidden')$$);
RESET ROLE;

-- ------------------------------------------------------------ names and types that change
DROP VIEW front;
SET ROLE tarot_bind_owner;
ALTER TABLE customer RENAME TO client;
ALTER TABLE client RENAME id TO number;
ALTER TABLE client RENAME COLUMN card TO "pay'ment card";
ALTER TABLE client RENAME note TO id;
SELECT "table", "column", by, enforced FROM tarot.bound_column ORDER BY "table"::text COLLATE "C", "column";
SELECT * FROM tarot.verify_bindings('client');
RESET ROLE;
GRANT tarot_bind_app TO tarot_bind_owner;
SET ROLE tarot_bind_app;
UPDATE client SET number = 40 WHERE number = 1 RETURNING number, "pay'ment card";
SET ROLE tarot_bind_thief;
SELECT code('UPDATE client SET number = 41 WHERE number = 40');
SET ROLE tarot_bind_owner;
ALTER TABLE client RENAME id TO note;
ALTER TABLE client RENAME number TO id;
ALTER TABLE client RENAME "pay'ment card" TO card;
ALTER TABLE client RENAME TO customer;
-- A wider integer is the same number.
ALTER TABLE customer ALTER id TYPE bigint;
SELECT * FROM tarot.verify_bindings('customer');
ALTER TABLE customer ALTER id TYPE numeric(20, 2);
SELECT run('UPDATE customer SET card = card WHERE id = 2');
SELECT run($$SELECT * FROM tarot.verify_bindings('customer')$$);
SELECT tarot.unbind_column('customer', 'card');
SELECT tarot.bind_column('customer', 'card') > 0 AS bound;
SELECT * FROM tarot.verify_bindings('customer');
ALTER TABLE customer ALTER id TYPE numeric(20, 5);
SELECT * FROM tarot.verify_bindings('customer');
ALTER TABLE customer DROP id;
SELECT run('UPDATE customer SET card = card');
SELECT run($$SELECT * FROM tarot.verify_bindings('customer')$$);
SELECT tarot.unbind_column('customer', 'card');
UPDATE customer SET card = card;
SELECT count(*) FROM tarot.bound_column;
RESET ROLE;
DROP TABLE customer CASCADE;

-- ------------------------------------------------------------ partitions
SET ROLE tarot_bind_owner;
CREATE TABLE payment (at date NOT NULL, id uuid NOT NULL, card tarot.encrypted_text('card'), PRIMARY KEY (at, id)) PARTITION BY RANGE (at);
CREATE TABLE payment_2024 PARTITION OF payment FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE payment_2025 (card tarot.encrypted_text('card'), gone int, id uuid NOT NULL, at date NOT NULL);
ALTER TABLE payment_2025 DROP gone;
ALTER TABLE payment ATTACH PARTITION payment_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
GRANT ALL ON payment TO tarot_bind_app, tarot_bind_thief;
SET ROLE tarot_bind_app;
INSERT INTO payment VALUES ('2024-05-05', '00000000-0000-0000-0000-000000000001', '4111 1111 1111 1111'), ('2025-05-05', '00000000-0000-0000-0000-000000000001', '5500 0000 0000 0004');
SET ROLE tarot_bind_owner;
SELECT tarot.bind_column('payment', 'card', '{id}') AS bound;
SELECT "table", "column", by, enforced FROM tarot.bound_column ORDER BY "table"::text COLLATE "C", "column";
SELECT * FROM tarot.verify_bindings('payment');
-- A row that moves to another partition takes its values along, by anybody.
SET ROLE tarot_bind_thief;
UPDATE payment SET at = '2025-06-06' WHERE at = '2024-05-05';
SELECT code($$UPDATE payment SET id = '00000000-0000-0000-0000-000000000002', at = '2024-01-01'$$);
SET ROLE tarot_bind_owner;
SELECT tableoid::regclass, at FROM payment ORDER BY at;
SELECT * FROM tarot.verify_bindings('payment');
-- What was in a table when it was attached is not bound.
CREATE TABLE payment_2026 (LIKE payment);
RESET ROLE;
GRANT ALL ON payment_2026 TO tarot_bind_app;
SET ROLE tarot_bind_app;
INSERT INTO payment_2026 VALUES ('2026-01-01', '00000000-0000-0000-0000-000000000003', '6011 0000 0000 0004');
SET ROLE tarot_bind_owner;
ALTER TABLE payment ATTACH PARTITION payment_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
SELECT partition, identity, "column", problem FROM tarot.verify_bindings('payment');
SET ROLE tarot_bind_app;
UPDATE payment SET card = card::text WHERE at = '2026-01-01';
SET ROLE tarot_bind_owner;
SELECT * FROM tarot.verify_bindings('payment');
ALTER TABLE payment RENAME id TO number;
SET ROLE tarot_bind_app;
UPDATE payment SET number = '00000000-0000-0000-0000-000000000004' WHERE at = '2026-01-01';
SET ROLE tarot_bind_owner;
SELECT * FROM tarot.verify_bindings('payment');
-- A table with a rule of its own becomes no partition before that is gone.
CREATE TABLE payment_2027 (LIKE payment INCLUDING INDEXES);
SELECT tarot.bind_column('payment_2027', 'card');
SELECT run($$ALTER TABLE payment ATTACH PARTITION payment_2027 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')$$);
DROP TABLE payment, payment_2027;

-- ------------------------------------------------------------ all that can identify a row, all that can be bound
RESET ROLE;
SELECT tarot.grant_class('card', 'postgres', 'plain'), tarot.grant_class('other', 'postgres', 'plain');
CREATE DOMAIN number AS int;
CREATE TABLE wide (s smallint, i number, b bigint, u uuid, t text, v varchar(10), c char(8), n name, x bytea, d date, z timestamptz, q numeric,
	card tarot.encrypted_text('card'), jb tarot.encrypted_jsonb('other'), nu tarot.encrypted_numeric('other'), ar tarot.encrypted_text('card')[], f float8, g int GENERATED ALWAYS AS (1) STORED,
	PRIMARY KEY (s, i, b, u, t, v, c, n, x, d, z, q));
ALTER TABLE wide ALTER f SET NOT NULL, ALTER g SET NOT NULL;
SELECT code($$SELECT tarot.bind_column('wide', 'card', '{f}')$$), code($$SELECT tarot.bind_column('wide', 'card', '{g}')$$), code($$SELECT tarot.bind_column('wide', 'ar')$$);
SELECT tarot.bind_column('wide', 'card') + tarot.bind_column('wide', 'jb') + tarot.bind_column('wide', 'nu', '{q}') AS bound;
SELECT "column", by FROM tarot.bound_column ORDER BY 1;
INSERT INTO wide VALUES (1, -2, 3, '00000000-0000-0000-0000-000000000001', 'té', 'v', 'c', 'n', '\x00', '2024-02-29', '2024-01-01 00:00+00', 1.50, 'x', '{"a": 1.0}', 7.50, '{}', 0);
SELECT * FROM tarot.verify_bindings('wide');
-- Not by settings, and not by how a number is written.
SET DateStyle = 'German'; SET TimeZone = 'Asia/Tokyo'; SET bytea_output = escape; SET extra_float_digits = -15;
UPDATE wide SET q = 1.5;
SELECT identity, "column", problem FROM tarot.verify_bindings('wide');
RESET DateStyle; RESET TimeZone; RESET bytea_output; RESET extra_float_digits;
SELECT card, jb, nu FROM wide;
ALTER TABLE wide DISABLE TRIGGER USER;
SELECT column_name, run(format('UPDATE wide SET %I = %s', column_name, value)) AS changed, ask($$SELECT string_agg("column", ', ' ORDER BY "column") FROM tarot.verify_bindings('wide')$$) AS problems
	FROM (VALUES (1, 's', '2'), (2, 's', '1'), (3, 'i', '2'), (4, 'i', '-2'), (5, 'c', '''c   '''), (6, 'x', '''\x0000'''), (7, 'x', '''\x00'''), (8, 'z', 'z + interval ''1 microsecond'''),
		(9, 'z', 'z - interval ''1 microsecond'''), (10, 'd', 'd + 1'), (11, 'd', 'd - 1'), (12, 'q', '1.500'), (13, 'q', '1.51'), (14, 'q', '1.5'), (15, 't', '''T'''), (16, 't', '''té''')) AS change (n, column_name, value) ORDER BY n;
DROP TABLE wide;

-- Two columns of a row, and one value in both: each is bound by itself.
CREATE DOMAIN address_card AS tarot.encrypted_text('card');
CREATE TABLE pair (id int PRIMARY KEY, a tarot.encrypted_text('card'), b tarot.encrypted_text('card'), d address_card);
SELECT tarot.bind_column('pair', 'a') + tarot.bind_column('pair', 'b') + tarot.bind_column('pair', 'd') AS bound;
INSERT INTO pair VALUES (1, 'a', 'b', 'd');
GRANT ALL ON pair TO tarot_bind_thief;
SET ROLE tarot_bind_thief;
SELECT code('UPDATE pair SET a = b'), code('UPDATE pair SET a = d'), code('UPDATE pair SET a = a, b = b, d = d');
RESET ROLE;
UPDATE pair SET a = b;
SELECT * FROM pair;
SELECT * FROM tarot.verify_bindings('pair');

-- A column with a long name, and two of them.
SELECT run(format('CREATE TABLE long (id int PRIMARY KEY, %I tarot.encrypted_text(''card''), %I tarot.encrypted_text(''card''))', repeat('x', 63), repeat('x', 62) || 'y'));
SELECT tarot.bind_column('long', repeat('x', 63)::name) + tarot.bind_column('long', (repeat('x', 62) || 'y')::name) AS bound;
INSERT INTO long VALUES (1, 'a', 'b');
SELECT * FROM tarot.verify_bindings('long');

-- Cascades of a foreign key run as the owner of the table that refers.
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int PRIMARY KEY REFERENCES parent ON UPDATE CASCADE, card tarot.encrypted_text('card'));
SELECT tarot.bind_column('child', 'card');
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (1, '4');
UPDATE parent SET id = 2;
SELECT * FROM child;
ALTER TABLE child OWNER TO tarot_bind_thief;
GRANT SELECT ON parent TO tarot_bind_thief;
SELECT run('UPDATE parent SET id = 3');

-- A key version that is gone: what it sealed cannot be bound.
CREATE TABLE old (id int PRIMARY KEY, card tarot.encrypted_text('card'));
INSERT INTO old VALUES (1, '4'), (2, NULL);
SELECT tarot.rotate_key('k') AS version;
SELECT tarot.set_key_state('k', 1, 'compromised'), tarot.bind_column('old', 'card') AS bound;
SELECT * FROM old;
SELECT tarot.unbind_column('old', 'card');
INSERT INTO old VALUES (3, '5');
SELECT tarot.rotate_key('k') AS version;
SELECT tarot.destroy_key('k', 2, force => true);
SELECT run($$SELECT tarot.bind_column('old', 'card')$$);
SELECT count(*) FROM tarot.bound_column WHERE "table" = 'old'::regclass;
-- Resealing keeps bindings.
SELECT tarot.rotate_key('k') AS version;
CALL tarot.reseal('pair');
SELECT * FROM tarot.verify_bindings('pair');

\set VERBOSITY terse
DROP EXTENSION tarot_security CASCADE;
INSERT INTO parent VALUES (9);
DROP TABLE haul, attack, bad, hidden, pair, long, child, parent, old CASCADE;
DROP OWNED BY tarot_bind_owner, tarot_bind_app, tarot_bind_thief, tarot_bind_reader, tarot_bind_writer CASCADE;
DROP ROLE tarot_bind_owner, tarot_bind_app, tarot_bind_thief, tarot_bind_reader, tarot_bind_writer;

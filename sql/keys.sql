-- Data keys: names, versions, the states of NIST SP 800-57, destruction, status.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'

-- Nothing is there yet.
SELECT count(*) FROM tarot.key_status;
SELECT run('SELECT tarot.rotate_root_key()');
SELECT run('SELECT tarot.rotate_key(''profile'')');

-- The first key of a database comes with the one for literals.
SELECT tarot.create_key('profile') > 0 AS created;
SELECT name, version, state, seals, opens, age >= interval '0' AS aged, key_id > 0 AS numbered
	FROM tarot.key_status ORDER BY name, version;
SELECT tarot.create_key('profile');
SELECT tarot.create_key('payment') > 0 AS created;

-- Names: what is refused, and that what is odd but allowed comes back as it was.
SELECT label, run(format('SELECT tarot.create_key(%L)', name)) FROM (VALUES
	(1, 'null', NULL),
	(2, 'empty', ''),
	(3, '63 bytes', repeat('k', 63)),
	(4, '64 bytes', repeat('k', 64)),
	(5, '63 bytes of 2 each and one', repeat('ж', 31) || 'k'),
	(6, '64 bytes of 2 each', repeat('ж', 32)),
	(7, '10 000 characters', repeat('k', 10000)),
	(8, 'quotes', 'o''brien "q" \ $$'),
	(9, 'unicode', 'ключ 鍵 🔑'),
	(10, 'spaces', '  '),
	(11, 'newline', E'a\nb'),
	(12, 'tab', E'a\tb'),
	(13, 'escape', E'a\x1b[31m'),
	(14, 'delete', E'a\x7f'),
	(15, 'C1 control', U&'a\0085'),
	(16, 'number sign', '#1'),
	(17, 'injection', 'x''); DROP TABLE tarot.key; --'),
	(18, 'percent', '%s %n %')) AS names (i, label, name) ORDER BY i;
SELECT quote_literal(name) AS name, octet_length(name) AS bytes FROM tarot.key_status ORDER BY name COLLATE "C";
SELECT count(*) AS kept_apart FROM tarot.key WHERE name = 'o''brien "q" \ $$';

-- Rotation: the newest version seals, the one before opens.
SELECT tarot.rotate_key('profile'), tarot.rotate_key('profile');
SELECT version, state, seals, opens FROM tarot.key_status WHERE name = 'profile' ORDER BY version;
SELECT run(format('SELECT tarot.rotate_key(%L)', name)) FROM (VALUES (NULL), ('absent')) AS names (name);

-- What set_key_state and destroy_key are asked wrongly.
SELECT call, run('SELECT tarot.' || call) FROM (VALUES
	('set_key_state(NULL, 1, ''active'')'),
	('set_key_state(''absent'', 1, ''active'')'),
	('set_key_state(''profile'', NULL, ''active'')'),
	('set_key_state(''profile'', 1, NULL)'),
	('set_key_state(''profile'', 99, ''suspended'')'),
	('set_key_state(''profile'', -1, ''suspended'')'),
	('set_key_state(''profile'', 3, ''Active'')'),
	('set_key_state(''profile'', 3, '''')'),
	('set_key_state(''profile'', 1, ''destroyed'')'),
	('destroy_key(''absent'', 1)'),
	('destroy_key(''profile'', 99)'),
	('destroy_key(''profile'', NULL)'),
	('destroy_key(''profile'', 3)')) AS calls (call);

-- Every step between two states, by set_key_state or destroy_key and by writing to the table:
-- a superuser's UPDATE gets no further than the functions do.
CREATE FUNCTION bring_to(key text, state text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM tarot.create_key(key);
	CASE state
		WHEN 'pre-activation' THEN
			-- Nothing makes such a version yet.
			DELETE FROM tarot.key_version v USING tarot.key k WHERE v.key_id = k.key_id AND k.name = key;
			INSERT INTO tarot.key_version (key_id, version, state, wrapped)
				SELECT k.key_id, 1, 'pre-activation',
						tarot.new_data_key(r.ring_id, r.root_key_fingerprint, k.key_id, 1)
					FROM tarot.key k, tarot.keyring r WHERE k.name = key;
		WHEN 'active' THEN
			NULL;
		WHEN 'destroyed' THEN
			PERFORM tarot.set_key_state(key, 1, 'deactivated');
			PERFORM tarot.destroy_key(key, 1);
		ELSE
			PERFORM tarot.set_key_state(key, 1, state);
	END CASE;
END
$$;

CREATE FUNCTION step(key text, state text, by_update boolean) RETURNS text LANGUAGE sql AS $$
	SELECT code(CASE
		WHEN by_update THEN format('UPDATE tarot.key_version v SET state = %L, wrapped = %s FROM tarot.key k
				WHERE v.key_id = k.key_id AND k.name = %L', state,
			CASE WHEN state = 'destroyed' THEN 'NULL' ELSE 'coalesce(wrapped, ''\x00'')' END, key)
		WHEN state = 'destroyed' THEN format('SELECT tarot.destroy_key(%L, 1)', key)
		ELSE format('SELECT tarot.set_key_state(%L, 1, %L)', key, state) END)
$$;

CREATE TABLE states (i serial, state text);
INSERT INTO states (state) VALUES ('pre-activation'), ('active'), ('suspended'), ('deactivated'), ('compromised'), ('destroyed');
CREATE TABLE steps AS
	SELECT f.i AS from_i, f.state AS from_state, t.i AS to_i, t.state AS to_state, way AS by_update,
			format('%s>%s %s', f.state, t.state, way) AS key
		FROM states f, states t, (VALUES (false), (true)) AS ways (way);
SELECT count(bring_to(key, from_state)) AS keys_made FROM steps;
SELECT count(*) AS brought_there FROM steps s JOIN tarot.key_status k ON k.name = s.key WHERE k.state = s.from_state;
ALTER TABLE steps ADD result text;
UPDATE steps SET result = step(key, to_state, by_update);
SELECT from_state, to_state, result, to_i FROM steps WHERE NOT by_update ORDER BY from_i, to_i \crosstabview from_state to_state result to_i
SELECT from_state, to_state, result, to_i FROM steps WHERE by_update ORDER BY from_i, to_i \crosstabview from_state to_state result to_i

-- What was refused changed nothing, and what was not arrived.
SELECT s.result = 'ok' AS allowed, k.state = s.to_state AS arrived, k.state = s.from_state AS stayed, count(*)
	FROM steps s JOIN tarot.key_status k ON k.name = s.key GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- A destroyed version keeps no key material, and no other lacks it.
SELECT state = 'destroyed' AS destroyed, wrapped IS NULL AS without_key, count(*) > 0 AS some
	FROM tarot.key_version GROUP BY 1, 2 ORDER BY 1;
SELECT code($$UPDATE tarot.key_version SET wrapped = '\x00' WHERE state = 'destroyed'$$) AS revive,
	code($$UPDATE tarot.key_version SET wrapped = NULL WHERE state = 'active'$$) AS lose;
SELECT code($$UPDATE tarot.key_version SET state = 'unheard of' WHERE state = 'active'$$);

-- Which states seal and open.
CREATE TABLE uses (key text, state text, envelope text, seals text, opens text);
INSERT INTO uses (key, state) SELECT 'use ' || state, state FROM states WHERE state <> 'pre-activation';
SELECT count(tarot.create_key(key)) FROM uses;
UPDATE uses SET envelope = tarot.encrypt('the fool', key, 'row');
SELECT count(tarot.set_key_state(key, 1, CASE state WHEN 'destroyed' THEN 'deactivated' ELSE state END)) FROM uses;
SELECT tarot.destroy_key('use destroyed', 1);
UPDATE uses SET seals = left(ask(format('SELECT tarot.encrypt(%L, %L, %L)', 'the fool', key, 'row')), 60),
	opens = ask(format('SELECT tarot.decrypt(%L, %L)', envelope, 'row'));
SELECT u.state, regexp_replace(u.seals, '^\$tarot1\$.*$', 'sealed') AS seals, u.opens, k.seals AS says_it_seals, k.opens AS says_it_opens
	FROM uses u JOIN states s USING (state) JOIN tarot.key_status k ON k.name = u.key AND k.state = u.state ORDER BY s.i;

-- Back from suspension, all is as it was.
SELECT tarot.set_key_state('use suspended', 1, 'active');
SELECT tarot.decrypt(envelope, 'row') FROM uses WHERE state = 'suspended';

-- Of several active versions the newest seals.
SELECT tarot.create_key('twice') > 0 AS created, tarot.set_key_state('twice', 1, 'suspended'), tarot.rotate_key('twice');
SELECT tarot.set_key_state('twice', 1, 'active');
SELECT version, state, seals, opens FROM tarot.key_status WHERE name = 'twice' ORDER BY version;

-- Destruction: refused while a column holds a value that the version sealed, and while it is active.
SELECT tarot.create_class('email', 'profile'), tarot.grant_class('email', current_user::regrole, 'plain');
CREATE TABLE customer (id int, email tarot.encrypted_text('email'), others tarot.encrypted_text('email')[]);
INSERT INTO customer VALUES (1, 'ada@example.org', NULL);
SELECT tarot.rotate_key('profile');
INSERT INTO customer VALUES (2, 'bob@example.org', NULL);
SELECT run('SELECT tarot.destroy_key(''profile'', 4)');
SELECT run('SELECT tarot.destroy_key(''profile'', 3)');
SELECT run('SELECT tarot.destroy_key(''profile'', 3, NULL)');
SELECT version, state FROM tarot.key_status WHERE name = 'profile' ORDER BY version;
DELETE FROM customer WHERE id = 1;
SELECT run('SELECT tarot.destroy_key(''profile'', 3)');
SELECT run('SELECT tarot.destroy_key(''profile'', 3)');
SELECT email FROM customer;

-- Values in arrays, of a domain, in partitions and in materialized views are found too.
SELECT tarot.rotate_key('profile');
DELETE FROM customer;
CREATE FUNCTION destroyable(version int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM tarot.destroy_key('profile', destroyable.version);
	RAISE EXCEPTION USING ERRCODE = 'P0001', MESSAGE = 'destroyed, and rolled back';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END
$$;
INSERT INTO customer VALUES (3, NULL, ARRAY[NULL, 'cy@example.org']);
SELECT tarot.rotate_key('profile');
SELECT destroyable(5);
DELETE FROM customer;
SELECT destroyable(5);
SELECT tarot.set_key_state('profile', 6, 'suspended'), tarot.set_key_state('profile', 6, 'active');
CREATE DOMAIN mailbox AS tarot.encrypted_text('email');
CREATE TABLE part (id int, email mailbox) PARTITION BY RANGE (id);
CREATE TABLE part_low PARTITION OF part FOR VALUES FROM (0) TO (10);
INSERT INTO part VALUES (1, 'dora@example.org');
SELECT tarot.rotate_key('profile');
SELECT destroyable(6);
TRUNCATE part;
SELECT destroyable(6);
INSERT INTO customer VALUES (4, 'emil@example.org');
CREATE MATERIALIZED VIEW emails AS SELECT id, email FROM customer;
DELETE FROM customer;
SELECT tarot.rotate_key('profile');
SELECT destroyable(7);
DROP MATERIALIZED VIEW emails;
SELECT destroyable(7);

CREATE TYPE contact AS (kind text, address tarot.encrypted_text('email'));
CREATE DOMAIN card AS contact;
CREATE TYPE person AS (name text, contacts card[], boxes mailbox[]);
CREATE FUNCTION replaceable(version int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM tarot.rotate_key('profile');
	PERFORM tarot.destroy_key('profile', replaceable.version);
	RAISE EXCEPTION 'destroyed, and rolled back';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END
$$;
SELECT shape, code(format('CREATE TABLE shaped (v %s)', shape)) AS made, code(format('INSERT INTO shaped VALUES (%s)', empty)) AS empty, replaceable(8) AS unused,
		code(format('INSERT INTO shaped VALUES (%s)', val)) AS filled, replaceable(8) AS used, code('DROP TABLE shaped') AS dropped
	FROM (VALUES (1, 'contact', 'ROW(''home'', NULL)', 'ROW(''home'', ''x@y'')'), (2, 'contact[]', '''{}''', 'ARRAY[NULL, ROW(''home'', ''x@y'')]::contact[]'),
		(3, 'card', 'NULL', 'ROW(''home'', ''x@y'')'), (4, 'card[]', '''{NULL}''', 'ARRAY[ROW(''home'', ''x@y'')]::card[]'), (5, 'mailbox[]', '''{}''', 'ARRAY[''x@y'']::mailbox[]'),
		(6, 'person', 'ROW(''ada'', ''{}'', NULL)', 'ROW(''ada'', NULL, ARRAY[''x@y'']::mailbox[])'), (7, 'person[]', 'NULL', 'ARRAY[ROW(''ada'', ARRAY[ROW(''home'', ''x@y'')]::card[], NULL)]::person[]'))
		AS shapes (i, shape, empty, val) ORDER BY i;

-- Forced: crypto-shredding.
INSERT INTO customer VALUES (5, 'fay@example.org');
SELECT tarot.rotate_key('profile');
SELECT tarot.destroy_key('profile', 8, force => true);
SELECT email FROM customer;
SELECT id, tarot.try_decrypt(email) FROM customer;
SELECT run('SELECT tarot.destroy_key(''default'', 1)');
SELECT tarot.rotate_key('default');
SELECT run('SELECT tarot.destroy_key(''default'', 1)');
SELECT tarot.destroy_key('default', 1, true);

-- A new root key wraps all that is not destroyed anew, and nothing else changes.
CREATE TABLE before AS SELECT key_id, version, state, wrapped FROM tarot.key_version;
INSERT INTO uses (key, envelope) VALUES ('twice', tarot.encrypt('the magician', 'twice', 'row'));
SELECT tarot.rotate_root_key() = (SELECT count(*) FROM before WHERE wrapped IS NOT NULL) AS all_of_them;
SELECT count(*) FILTER (WHERE b.wrapped = v.wrapped) AS same_wrapping, count(*) FILTER (WHERE b.state <> v.state) AS other_state
	FROM before b JOIN tarot.key_version v USING (key_id, version);
SELECT tarot.decrypt(envelope, 'row') FROM uses WHERE key = 'twice';
SELECT provider, unlocked, problem, is_current, in_use_since IS NOT NULL AS dated FROM tarot.root_key_status;

-- Ordinary roles change nothing, and hear nothing about keys.
CREATE ROLE tarot_keys_nobody;
SET ROLE tarot_keys_nobody;
SELECT run(call) FROM (VALUES
	('SELECT tarot.create_key(''mine'')'), ('SELECT tarot.rotate_key(''profile'')'),
	('SELECT tarot.set_key_state(''profile'', 9, ''compromised'')'), ('SELECT tarot.destroy_key(''profile'', 9, true)'),
	('SELECT tarot.rotate_root_key()'), ('SELECT tarot.lock()'), ('SELECT tarot.unlock()'),
	('SELECT * FROM tarot.key_status'), ('SELECT * FROM tarot.root_key_status'), ('SELECT * FROM tarot.key'),
	('SELECT * FROM tarot.key_version'), ('SELECT * FROM tarot.keyring'), ('UPDATE tarot.key_version SET state = state')) AS calls (call);
RESET ROLE;
-- Administration is granted by EXECUTE.
GRANT EXECUTE ON FUNCTION tarot.create_key(text) TO tarot_keys_nobody;
SET ROLE tarot_keys_nobody;
SELECT tarot.create_key('mine') > 0 AS created;
RESET ROLE;
DROP OWNED BY tarot_keys_nobody;
DROP ROLE tarot_keys_nobody;

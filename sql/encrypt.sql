-- tarot.encrypt, tarot.decrypt, tarot.try_decrypt: values that the application keeps where it likes.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
\pset null '(null)'
SELECT ask($$SELECT tarot.encrypt('the fool', 'profile', 'row 1')$$) AS no_key_yet;
SELECT tarot.create_key('profile') > 0 AND tarot.create_key('other') > 0 AS created;

-- There and back: each of the types, each of the forms of context, several sizes and scripts.
CREATE TABLE samples (i serial, value text);
INSERT INTO samples (value) VALUES (''), ('a'), ('The Fool'), ('Шут 愚者 🃏 אביר'), (repeat('x', 255)), (repeat('愚', 100000)),
	(E'control \x01\x02\t\n'), ('$tarot1'), ('$tarot1$not an envelope');
SELECT i, octet_length(value) AS bytes,
		tarot.decrypt(tarot.encrypt(value, 'profile', 'row'), 'row') = value AS text,
		tarot.decrypt(tarot.encrypt(value, 'profile', ARRAY['table', 'row']), ARRAY['table', 'row']) = value AS text_array,
		tarot.decrypt(tarot.encrypt(convert_to(value, 'UTF8'), 'profile', 'row'), 'row') = convert_to(value, 'UTF8') AS bytea,
		tarot.decrypt(tarot.encrypt(convert_to(value, 'UTF8'), 'profile', ARRAY['table', 'row']), ARRAY['table', 'row'])
			= convert_to(value, 'UTF8') AS bytea_array
	FROM samples ORDER BY i;
SELECT tarot.decrypt(tarot.encrypt('\x00ff00'::bytea, 'profile', 'row'), 'row') AS any_bytes;

-- The same value never looks the same twice, and does not show through.
SELECT count(DISTINCT tarot.encrypt('the fool', 'profile', 'row')) AS different FROM generate_series(1, 1000);
SELECT position('the fool'::bytea IN tarot.encrypt('the fool'::bytea, 'profile', 'row')) AS at;
SELECT tarot.encrypt('the fool', 'profile', 'row') ~ '^\$tarot1\$[A-Za-z0-9_-]+$' AS plain_ascii;

-- NULL stays NULL; a key or a context that is NULL is an error, also inside of an array.
SELECT tarot.encrypt(NULL::text, 'profile', 'row'), tarot.encrypt(NULL::bytea, 'profile', ARRAY['row']),
	tarot.decrypt(NULL::text, 'row'), tarot.decrypt(NULL::bytea, ARRAY['row']),
	tarot.try_decrypt(NULL::text, 'row'), tarot.try_decrypt(NULL::bytea, ARRAY['row']);
SELECT call, run('SELECT ' || call) FROM (VALUES
	('tarot.encrypt(''v'', NULL, ''row'')'),
	('tarot.encrypt(''v'', ''profile'', NULL::text)'),
	('tarot.encrypt(''v'', ''profile'', NULL::text[])'),
	('tarot.encrypt(''v'', ''profile'', ARRAY[''row'', NULL])'),
	('tarot.decrypt(tarot.encrypt(''v'', ''profile'', ''row''), NULL::text)'),
	('tarot.try_decrypt(tarot.encrypt(''v'', ''profile'', ''row''), NULL::text[])'),
	('tarot.encrypt(''v'', ''absent'', ''row'')'),
	('tarot.encrypt(''v'', '''', ''row'')'),
	('tarot.encrypt(''v'', ''Profile'', ''row'')'),
	('tarot.encrypt(''v'', repeat(''k'', 10000), ''row'')'),
	('tarot.encrypt(''v'', repeat(''ж'', 10000), ''row'')')) AS calls (call);

-- Contexts: every pair of these is told apart, in all ways of writing them. A single text is the
-- array of that one text.
CREATE TABLE contexts (i serial, parts text[]);
INSERT INTO contexts (parts) VALUES
	('{}'), (ARRAY['']), (ARRAY['', '']), (ARRAY['', '', '']), (ARRAY['ab', 'c']), (ARRAY['a', 'bc']), (ARRAY['abc']),
	(ARRAY['a', 'b', 'c']), (ARRAY['', 'abc']), (ARRAY['abc', '']), (ARRAY['c', 'ab']), (ARRAY['ab,c']), (ARRAY['{ab,c}']),
	(ARRAY['ABC']), (ARRAY['abc ']), (ARRAY[E'\x01', 'abc']), (ARRAY[E'\x01abc']), (ARRAY[repeat('a', 300)]), (ARRAY[repeat('a', 299), 'a']),
	(ARRAY[U&'caf\00e9']), (ARRAY[U&'cafe\0301']);
SELECT count(*) AS pairs, count(*) FILTER (WHERE sealed.i = tried.i) AS same,
		count(*) FILTER (WHERE opened) AS opened, count(*) FILTER (WHERE opened AND sealed.i = tried.i) AS opened_with_the_same
	FROM (SELECT i, parts, tarot.encrypt('v', 'profile', parts) AS envelope FROM contexts) AS sealed, contexts AS tried,
		LATERAL (SELECT tarot.try_decrypt(envelope, tried.parts) IS NOT NULL) AS try (opened);
SELECT tarot.decrypt(tarot.encrypt('v', 'profile', 'abc'), ARRAY['abc']) AS as_array,
	tarot.decrypt(tarot.encrypt('v', 'profile', ARRAY['abc']), 'abc') AS as_text;
SELECT ask($$SELECT tarot.decrypt(tarot.encrypt('v', 'profile', ARRAY[['a','b'],['c','d']]), ARRAY['a','b','c','d'])$$) AS one_dimension_only;

-- What does not open: the error, and NULL from try_decrypt.
CREATE FUNCTION opening(envelope text, context text) RETURNS text LANGUAGE sql AS $$
	SELECT ask(format('SELECT tarot.decrypt(%L::text, %L::text)', envelope, context)) || ' / '
		|| ask(format('SELECT tarot.try_decrypt(%L::text, %L::text)', envelope, context))
$$;
CREATE TABLE good AS SELECT tarot.encrypt('the fool', 'profile', 'row') AS text,
	tarot.encrypt('the fool'::bytea, 'profile', 'row') AS bytes;
SELECT label, opening(envelope, 'row') FROM good, LATERAL (VALUES
	(1, 'as it was', text),
	(2, 'empty', ''),
	(3, 'plaintext', 'the fool'),
	(4, 'two characters less', left(text, -2)),
	(5, 'one character more', text || 'A'),
	(6, 'its prefix alone', left(text, 8)),
	(7, 'half', left(text, length(text) / 2)),
	(8, 'padded', text || '='),
	(9, 'space before', ' ' || text),
	(10, 'newline after', text || E'\n'),
	(11, 'foreign alphabet', overlay(text PLACING '+' FROM 20)),
	(12, 'other armour', '-----BEGIN PGP MESSAGE-----'),
	(13, 'upper case', upper(text)),
	(14, 'twice', text || text),
	(15, 'unicode', 'конверт')) AS bad (i, label, envelope) ORDER BY i;
SELECT opening(text, 'row 2') AS wrong_context FROM good;
SELECT ask(format('SELECT tarot.decrypt(%L::bytea, %L::text)', text, 'row')) AS text_as_bytes FROM good;
SELECT ask(format('SELECT tarot.decrypt(%L::bytea, %L::text)', ''::bytea, 'row')) AS no_bytes;
-- A text is not opened as bytes, nor bytes as a text, though the key and the context are right.
CREATE FUNCTION envelope_text(envelope bytea) RETURNS text LANGUAGE sql AS $$
	SELECT '$tarot1$' || translate(replace(encode(envelope, 'base64'), E'\n', ''), '+/=', '-_')
$$;
SELECT opening(envelope_text(bytes), 'row') AS bytes_as_text FROM good;

-- A flipped bit at any byte, and any truncation: never the plaintext. A class in the
-- header makes it one for the gate, before anything is opened.
CREATE TABLE flips AS
	SELECT i / 8 AS byte, code(format('SELECT tarot.decrypt(%L::bytea, %L::text)', set_bit(bytes, i, 1 - get_bit(bytes, i)), 'row')) AS result,
			tarot.try_decrypt(set_bit(bytes, i, 1 - get_bit(bytes, i)), 'row') AS tried
		FROM good, generate_series(0, 8 * octet_length(bytes) - 1) AS i;
SELECT count(*) = (SELECT 8 * octet_length(bytes) FROM good) AS every_bit, count(tried) AS opened FROM flips;
SELECT result, count(*) > 0 AS some FROM flips GROUP BY result ORDER BY result;
SELECT count(DISTINCT byte) AS bytes_refused_in_the_cipher FROM flips WHERE byte >= 14 AND result = 'TS102';
SELECT code(format('SELECT tarot.decrypt(%L::bytea, %L::text)', substr(bytes, 1, n), 'row')) AS result, count(*)
	FROM good, generate_series(0, octet_length(bytes) - 1) AS n GROUP BY 1 ORDER BY 1;
SELECT code(format('SELECT tarot.decrypt(%L::bytea, %L::text)', bytes || '\x00', 'row')) AS longer FROM good;
SELECT result, count(*) > 0 AS some FROM (SELECT code(format('SELECT tarot.decrypt(%L::text, %L::text)',
		overlay(text PLACING CASE substr(text, n, 1) WHEN 'A' THEN 'B' ELSE 'A' END FROM n), 'row')) AS result
	FROM good, generate_series(1, length(text)) AS n) AS replaced GROUP BY result ORDER BY result;

-- An envelope of a key, or of a version, that this database does not have.
SELECT ask(format('SELECT tarot.decrypt(%L::bytea, %L::text)', set_byte(set_byte(bytes, 6, 0), 7, 0), 'row')) AS foreign_key FROM good;
SELECT ask(format('SELECT tarot.decrypt(%L::bytea, %L::text)', set_byte(bytes, 13, 2), 'row')) AS no_such_version FROM good;

-- The state of the key.
SELECT tarot.set_key_state('profile', 1, 'suspended');
SELECT opening(text, 'row') AS suspended FROM good;
SELECT run($$SELECT tarot.encrypt('v', 'profile', 'row')$$) AS suspended;
SELECT tarot.set_key_state('profile', 1, 'active'), tarot.rotate_key('profile');
SELECT opening(text, 'row') AS rotated FROM good;
SELECT tarot.set_key_state('profile', 1, 'compromised');
SELECT opening(text, 'row') AS compromised FROM good;
SELECT tarot.destroy_key('profile', 1);
SELECT opening(text, 'row') AS destroyed FROM good;
SELECT tarot.set_key_state('profile', 2, 'deactivated');
SELECT run($$SELECT tarot.encrypt('v', 'profile', 'row')$$) AS none_active;

-- A locked server is an error for try_decrypt as well.
SELECT tarot.encrypt('the fool', 'other', 'row') AS envelope \gset
SELECT tarot.lock();
SELECT opening(:'envelope', 'row') AS locked, run($$SELECT tarot.encrypt('v', 'other', 'row')$$) AS encrypting;
SELECT unlocked, problem FROM tarot.root_key_status;
SELECT run('SELECT tarot.create_key(''third'')') AS new_key;
SELECT code('SELECT tarot.rotate_root_key()') AS new_root_key, unlocked FROM tarot.root_key_status;
SELECT tarot.unlock();
SELECT opening(:'envelope', 'row') AS unlocked;

-- A value of an encrypted column has a gate, which is not walked around here.
SELECT tarot.create_class('email', 'other'), tarot.grant_class('email', current_user::regrole, 'plain');
CREATE TABLE customer (email tarot.encrypted_text('email'));
INSERT INTO customer VALUES ('ada@example.org');
SET tarot_security.io = envelope;
SELECT email AS envelope FROM customer \gset
SELECT encode(tarot.encrypted_text_send(email), 'hex') AS hex FROM customer \gset
RESET tarot_security.io;
SELECT opening(:'envelope', '') AS of_a_column;
SELECT ask(format('SELECT tarot.decrypt(%L::text, ARRAY[]::text[])', :'envelope')) AS without_context;
SELECT ask(format('SELECT tarot.decrypt(%L::bytea, ARRAY[]::text[])', '\x' || :'hex')) AS as_bytes;
-- With the class taken out of its header it is no longer authentic, nor is one of ours with a class put in.
SELECT ask(format('SELECT tarot.decrypt(%L::text, ARRAY[]::text[])', envelope_text(overlay(decode(:'hex', 'hex') PLACING '\x00000000' FROM 3)))) AS class_removed;
-- A data key's wrapping is an envelope, but not one of these.
SELECT code(format('SELECT tarot.decrypt(%L::bytea, ARRAY[''data key''])', wrapped)) AS wrapped_key, count(*) > 0 AS some
	FROM tarot.key_version WHERE wrapped IS NOT NULL GROUP BY 1;

-- One plan, several keys and key changes.
CREATE TABLE several AS SELECT key, tarot.encrypt(key, key, key) AS envelope FROM (VALUES ('other'), ('default'), ('other')) AS keys (key);
SELECT tarot.decrypt(envelope, key) FROM several;
PREPARE sealing (text) AS SELECT tarot.decrypt(tarot.encrypt('v', $1, 'row'), 'row');
EXECUTE sealing ('other');
SELECT tarot.rotate_key('other');
EXECUTE sealing ('other');
SELECT tarot.set_key_state('other', 2, 'suspended');
EXECUTE sealing ('other');
SELECT tarot.set_key_state('other', 2, 'active');
EXECUTE sealing ('other');
SELECT tarot.decrypt(envelope, key) FROM several;

-- Who may: by EXECUTE alone, each function by itself.
CREATE ROLE tarot_encrypt_app;
SET ROLE tarot_encrypt_app;
SELECT run($$SELECT tarot.encrypt('v', 'other', 'row')$$) AS encrypt, run(format('SELECT tarot.decrypt(%L::text, %L::text)', :'envelope', '')) AS decrypt,
	run(format('SELECT tarot.try_decrypt(%L::text, %L::text)', :'envelope', '')) AS try_decrypt;
RESET ROLE;
GRANT EXECUTE ON FUNCTION tarot.encrypt(text, text, text) TO tarot_encrypt_app;
SET ROLE tarot_encrypt_app;
SELECT ask($$SELECT length(tarot.encrypt('v', 'other', 'row')) > 50$$) AS encrypt, run($$SELECT tarot.decrypt(tarot.encrypt('v', 'other', 'row'), 'row')$$) AS decrypt;
RESET ROLE;
DROP OWNED BY tarot_encrypt_app;
DROP ROLE tarot_encrypt_app;

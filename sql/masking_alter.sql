-- ALTER TABLE of a masked table: its owner sees no values there, and takes none out of their class.
\getenv source PG_ABS_SRCDIR
\set ECHO none
SET datestyle = ISO;
SET client_min_messages = warning;
\i :source/sql/include/attempt.sql
CREATE EXTENSION tarot_security;
\i :source/sql/include/masking.sql
SELECT tarot.create_class('open', 'shop', 'null'), tarot.grant_class('open', 'tarot_owner', 'plain');
ALTER TABLE shop.client DROP CONSTRAINT client_email_key;
SELECT tarot.mask_table('shop.client');
CREATE FUNCTION classes() RETURNS TABLE (name name, class text) LANGUAGE sql AS $$
	SELECT attname, tarot.class_of_column(attrelid, attnum) FROM pg_attribute WHERE attrelid = 'shop.client'::regclass AND attnum > 7 AND NOT attisdropped ORDER BY attnum $$;
\set ECHO all

-- "open" is a class that the owner reads and writes; of the others they hold nothing.
SET ROLE tarot_owner;
SELECT code('SELECT email FROM shop.client');

-- A generated column has the class of its values. Another class would take them from it.
ALTER TABLE shop.client ADD up text GENERATED ALWAYS AS (upper(email)) STORED, ADD both_of text GENERATED ALWAYS AS (email || pay) STORED,
	ADD twice int GENERATED ALWAYS AS (2 * n) STORED;
SELECT * FROM classes();
SELECT run($$SELECT tarot.classify_column('shop.client', 'up', 'open')$$);
SELECT run($$SELECT tarot.classify_column('shop.client', 'both_of', 'open')$$);
SELECT run($$SELECT tarot.classify_column('shop.client', 'twice', 'open')$$), run($$SELECT tarot.unclassify_column('shop.client', 'twice')$$);
RESET ROLE;
SELECT run($$SELECT tarot.classify_column('shop.client', 'both_of', 'email')$$), run($$SELECT tarot.unclassify_column('shop.client', 'both_of')$$);

-- When it is not generated any more, it has its values still.
SET ROLE tarot_owner;
ALTER TABLE shop.client ALTER up DROP EXPRESSION;
SELECT run('ALTER TABLE shop.client ALTER both_of DROP EXPRESSION');
ALTER TABLE shop.client ALTER twice DROP EXPRESSION;
SELECT * FROM classes();
SELECT run('SELECT up FROM shop.client'), run($$SELECT tarot.classify_column('shop.client', 'up', 'open')$$), run($$SELECT tarot.unclassify_column('shop.client', 'up')$$);
RESET ROLE;
SET ROLE tarot_masked;
SELECT up FROM shop.client WHERE id = 1;
RESET ROLE;
SET ROLE tarot_plain;
SELECT up FROM shop.client WHERE id = 1;
RESET ROLE;

-- Nor are they put into a column that is of no class, of another, or of none yet; not by a role that reads them plain, either. Others
-- would see them in USING.
SET ROLE tarot_owner;
SELECT run(format('ALTER TABLE shop.client ALTER %s', a)) FROM (VALUES ('email TYPE int USING email::int'), ('note TYPE int USING client.email::int'), ('note TYPE int USING (shop.client.email)::int'),
	('note TYPE text USING (client).email'), ('note TYPE text USING lower(coalesce(note, ''x'' || email))'), ('note TYPE text USING (client.*)::text'), ('note TYPE text USING (ARRAY[note, email])[2]'),
	('note TYPE text USING CASE WHEN email > ''m'' THEN note END'), ('note TYPE text USING email(client)'), ('note TYPE boolean USING email LIKE ''user1@%'''), ('up TYPE text USING up || ''.''')) AS alters (a);
ALTER TABLE shop.client ALTER note TYPE text USING client.note || n, ALTER email TYPE varchar(120);
RESET ROLE;
SELECT tarot.grant_class(c, 'tarot_owner', 'plain') FROM (VALUES ('email'), ('birth'), ('pay')) AS classes (c);
SET ROLE tarot_owner;
ALTER TABLE shop.client DROP both_of, DROP twice;
ALTER TABLE shop.client ADD fresh text, ADD other text;
SELECT tarot.classify_column('shop.client', 'other', 'open');
SELECT run(format('ALTER TABLE shop.client ALTER %s', a)) FROM (VALUES ('note TYPE text USING email'), ('note TYPE text USING left(email, 3)'), ('note TYPE int USING length(email)'), ('note TYPE text USING client::text'),
	('fresh TYPE text USING email'), ('other TYPE text USING email'), ('id TYPE bigint USING id + length(email)'), ('email TYPE text USING pay::text'), ('email TYPE text USING email || pay')) AS alters (a);

-- What stays in its class may be converted.
ALTER TABLE shop.client ALTER email TYPE varchar(100), ALTER pay TYPE numeric(20, 2), ALTER n TYPE bigint, ALTER note TYPE varchar USING note || id;
ALTER TABLE shop.client ALTER up TYPE text USING up || '.';
SELECT note FROM shop.client WHERE id = 1;
RESET ROLE;
SET ROLE tarot_plain;
SELECT email, pay, up FROM shop.client WHERE id = 1;
RESET ROLE;

-- Encrypted they are of the class still; not under another key that the owner reads.
SELECT tarot.revoke_class(c, 'tarot_owner') FROM (VALUES ('email'), ('birth'), ('pay')) AS classes (c);
SET ROLE tarot_owner;
SELECT run($$ALTER TABLE shop.client ALTER email TYPE tarot.encrypted_text('open')$$);
SELECT run($$ALTER TABLE shop.client ALTER note TYPE tarot.encrypted_text('open') USING email::tarot.encrypted_text('open')$$);
SELECT run($$ALTER TABLE shop.client ALTER note TYPE text USING email::tarot.encrypted_text('open')::text$$);
-- Also where the class is by then that of the type.
SELECT run($$ALTER TABLE shop.client ALTER email TYPE tarot.encrypted_text('email'), ALTER note TYPE text USING email$$);
RESET ROLE;
SELECT tarot.grant_class('email', 'tarot_owner', 'none', write => true);
SET ROLE tarot_owner;
SELECT run($$ALTER TABLE shop.client ALTER email TYPE tarot.encrypted_text('email'), ALTER note TYPE text USING email$$);
ALTER TABLE shop.client ALTER email TYPE tarot.encrypted_text('email');
SELECT email FROM shop.client WHERE id = 1;
RESET ROLE;

-- Who reads values puts them under another class only sealed, as by other statements.
SELECT tarot.grant_class('email', 'tarot_owner', 'plain'), tarot.grant_class('birth', 'tarot_owner', 'plain');
SET ROLE tarot_owner;
SELECT run('ALTER TABLE shop.client ALTER note TYPE text USING birth::text');
-- A yes or no is no value to them.
ALTER TABLE shop.client DROP fresh;
ALTER TABLE shop.client ADD later boolean;
SELECT tarot.classify_column('shop.client', 'later', 'open');
ALTER TABLE shop.client ALTER later TYPE boolean USING birth > '1950-05-12';
SELECT run($$ALTER TABLE shop.client ALTER note TYPE tarot.encrypted_text('open') USING birth::text::tarot.encrypted_text('open')$$);
SELECT birth, note, later FROM shop.client WHERE id = 1;
RESET ROLE;

\set ECHO none
DROP OWNED BY tarot_owner, tarot_plain, tarot_masked, tarot_search, tarot_none, tarot_member CASCADE;
DROP ROLE tarot_owner, tarot_plain, tarot_masked, tarot_search, tarot_none, tarot_member;

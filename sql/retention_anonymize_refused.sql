-- Retention that anonymizes: what keeps a policy from being made, all of it told at once.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\set owner regress_anon_no_owner
\set other regress_anon_no_other
\i :source/sql/include/retention.sql
\set reader regress_anon_no_reader
\i :source/sql/include/retention_classes.sql
RESET client_min_messages;
\set ECHO all
-- How a statement failed, with all that stands against it.
CREATE FUNCTION obstacles(statement text) RETURNS TABLE (told text) LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
BEGIN
	EXECUTE statement;
	RETURN QUERY SELECT 'ok';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN QUERY SELECT SQLSTATE || ': ' || message UNION ALL SELECT d FROM string_to_table(nullif(detail, ''), E'\n') AS d;
END
$$;

SET ROLE regress_anon_no_owner;
-- ------------------------------------------------------------ the mark
CREATE TABLE plain (id int PRIMARY KEY, note text, at date, day date, flag boolean, stamp timestamptz NOT NULL DEFAULT now(), made boolean GENERATED ALWAYS AS (true) STORED, named text);
SELECT s, run(format($$SELECT tarot.add_retention('plain', 'at', '1 year', 'anonymize', %s)$$, s)) FROM unnest(ARRAY[$$clear => '{note}'$$, $$clear => '{note}', marker => 'nothing'$$, $$clear => '{note}', marker => 'note'$$, $$clear => '{note}', marker => 'id'$$,
	$$clear => '{note}', marker => 'made'$$, $$clear => '{note}', marker => 'stamp'$$, $$clear => '{note}', marker => 'at'$$, $$clear => '{day}', marker => 'day'$$, $$clear => '{nothing}', marker => 'day'$$,
	$$clear => '{note}', keep_columns => '{note}', marker => 'day'$$, $$marker => 'day'$$, $$replacements => '{"day": "never"}', marker => 'flag'$$, $$replacements => '[]', marker => 'flag'$$]) AS s;
SELECT run($$SELECT tarot.add_retention('plain', 'at', '1 year', clear => '{note}')$$), run($$SELECT tarot.add_retention('plain', 'at', '1 year', marker => 'day')$$);
-- Another policy that does something else has another mark.
SELECT tarot.add_retention('plain', 'at', '1 year', 'anonymize', clear => '{note}', marker => 'day', policy => 'notes');
SELECT run($$SELECT tarot.add_retention('plain', 'at', '2 years', 'anonymize', clear => '{named}', marker => 'day', policy => 'other')$$),
	run($$SELECT tarot.add_retention('plain', 'at', '2 years', 'anonymize', clear => '{note}', marker => 'day', policy => 'same')$$),
	run($$SELECT tarot.alter_retention('same', clear => '{named}')$$), run($$SELECT tarot.alter_retention('same', marker => 'flag', clear => '{named}')$$),
	run($$SELECT tarot.alter_retention('same', replacements => '{"note": null}')$$);
SELECT policy, marker, clear FROM tarot.retention_status ORDER BY policy;

-- ------------------------------------------------------------ keys, constraints, partitions, values within others and bound ones
CREATE TABLE person (id int PRIMARY KEY, name text UNIQUE, mail text, phone text NOT NULL, nick text, code text UNIQUE, born date NOT NULL, secret tarot.encrypted_text('note') NOT NULL, cards tarot.encrypted_text('card')[],
	number tarot.encrypted_text('number') UNIQUE, lost tarot.encrypted_text('#77'), hidden text NOT NULL, at date, anonymized_at timestamptz, shout text GENERATED ALWAYS AS (upper(mail)) STORED UNIQUE, alone text GENERATED ALWAYS AS (lower(id::text)) STORED,
	UNIQUE (id, name));
CREATE UNIQUE INDEX person_mail ON person (lower(mail));
CREATE UNIQUE INDEX person_part ON person (id) WHERE phone <> '';
CREATE TABLE contact (person text REFERENCES person (name), other text REFERENCES person (name), both_a int, both_b text, at date, anonymized_at timestamptz, FOREIGN KEY (both_a, both_b) REFERENCES person (id, name) MATCH FULL);
RESET ROLE;
SELECT tarot.classify_column('person', c, k) FROM (VALUES ('name'::name, 'person'), ('mail', 'person'), ('phone', 'hidden'), ('code', 'number'), ('born', 'age'), ('hidden', 'age'), ('alone', 'person')) AS v (c, k);
SECURITY LABEL FOR tarot_security ON COLUMN person.nick IS 'unclassified';
SET ROLE regress_anon_no_owner;
SELECT obstacles($$SELECT tarot.add_retention('person', 'at', '1 year', 'anonymize')$$);
-- What is left, cleared, or has a class whose masks differ, is in nobody's way; but who may write a column and not its class would learn what masks with a key make of values.
SELECT obstacles($$SELECT tarot.add_retention('person', 'at', '1 year', 'anonymize', keep_columns => '{name,mail,phone,nick,lost,alone}', clear => '{cards}')$$);
RESET ROLE;
SELECT tarot.mask_table('person');
SET ROLE regress_anon_no_owner;
SELECT obstacles($$SELECT tarot.add_retention('person', 'at', '1 year', 'anonymize', keep_columns => '{name,mail,phone,nick,lost,alone}', clear => '{cards}')$$);
-- A constraint that comes later is found at the next run.
ALTER TABLE person ALTER cards SET NOT NULL;
SELECT tarot.run_job_soon('public.person.at');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT sqlstate, message FROM tarot.job_run WHERE job = 'public.person.at' ORDER BY number DESC LIMIT 1;
SET ROLE regress_anon_no_owner;
SELECT obstacles($$SELECT * FROM tarot.preview_retention('public.person.at')$$);
-- The referring side may be cleared, where the key does not want all columns to be NULL together.
SELECT obstacles($$SELECT tarot.add_retention('contact', 'at', '1 year', 'anonymize', clear => '{person,other}')$$);
SELECT obstacles($$SELECT tarot.alter_retention('public.contact.at', clear => '{person,both_b}', replacements => '{"other": "x"}')$$);
CREATE TABLE part (id int, region text, at date, name text, anonymized_at timestamptz) PARTITION BY LIST (region);
CREATE TABLE part_a PARTITION OF part FOR VALUES IN ('a');
CREATE TABLE bound (id int PRIMARY KEY, note tarot.encrypted_text('note'), words tarot.encrypted_text('own'), person text NOT NULL, at date, anonymized_at timestamptz);
SELECT tarot.bind_column('bound', 'note', '{id}'), tarot.set_subject('bound', 'words', 'person');
SELECT obstacles($$SELECT tarot.add_retention('part', 'at', '1 year', 'anonymize', clear => '{region,name}')$$);
SELECT obstacles($$SELECT tarot.add_retention('part_a', 'at', '1 year', 'anonymize', replacements => '{"region": "b"}')$$);
-- What refers to the table refers to its partitions, also where one of these alone has the policy.
CREATE TABLE whole (id int, code text, at date, anonymized_at timestamptz, UNIQUE (id, code)) PARTITION BY LIST (id);
CREATE TABLE whole_1 PARTITION OF whole FOR VALUES IN (1);
CREATE TABLE refers (id int, code text, FOREIGN KEY (id, code) REFERENCES whole (id, code) ON UPDATE CASCADE);
SELECT regexp_replace(obstacles(format($$SELECT tarot.add_retention(%L, 'at', '1 year', 'anonymize', clear => '{code}')$$, t)), 'fkey_?[0-9]*', 'fkey') AS obstacles FROM unnest('{whole,whole_1}'::text[]) AS t;
SELECT obstacles($$SELECT tarot.add_retention('bound', 'at', '1 year', 'anonymize', replacements => '{"person": "x"}')$$);
-- Bound values can be cleared; of a class that the owner may not write nothing else can be put there.
SELECT obstacles($$SELECT tarot.add_retention('bound', 'at', '2 years', 'anonymize', clear => '{words}', replacements => '{"note": "x"}', policy => 'x')$$);
SELECT obstacles($$SELECT tarot.add_retention('bound', 'at', '1 year', 'anonymize', clear => '{note,words}')$$);
RESET ROLE;
SELECT tarot.grant_class('note', 'regress_anon_no_owner', 'plain'), tarot.grant_class('own', 'regress_anon_no_owner', 'plain');
SET ROLE regress_anon_no_owner;
INSERT INTO bound VALUES (1, 'a', 'b', 'ada', '2020-01-01');
RESET ROLE;
SELECT tarot.revoke_class('note', 'regress_anon_no_owner'), tarot.revoke_class('own', 'regress_anon_no_owner');
CALL tarot.run_due_jobs();
SELECT id, note IS NULL AS note, words IS NULL AS words, anonymized_at IS NOT NULL AS marked FROM bound;
-- A rule of the owner's cannot have masks of values that somebody has made up.
SET ROLE regress_anon_no_owner;
CREATE TABLE ruled (id int, note text, at date, anonymized_at timestamptz);
INSERT INTO ruled VALUES (1, 'x', '2020-01-01');
CREATE TABLE guess (id int, code text);
INSERT INTO guess VALUES (1, 'made up');
RESET ROLE;
SELECT tarot.classify_column('guess', 'code', 'number');
SET ROLE regress_anon_no_owner;
SELECT obstacles($$SELECT tarot.add_retention('ruled', 'at', '1 year', 'anonymize', clear => '{note}')$$);
CREATE RULE instead AS ON UPDATE TO ruled DO INSTEAD UPDATE guess SET code = tarot.anonymized(guess.code, false) RETURNING guess.id, guess.code, NULL::date, now();
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT sqlstate, message FROM tarot.job_run WHERE job = 'public.ruled.at' ORDER BY number DESC LIMIT 1;
SELECT * FROM guess;
-- Nor can a table that comes below the policy's in the midst of a run.
SET ROLE regress_anon_no_owner;
CREATE TABLE growing (id int, note text, at date, anonymized_at timestamptz);
INSERT INTO growing VALUES (1, 'x', '2020-01-01');
CREATE TABLE guessed (LIKE growing, code text);
INSERT INTO guessed VALUES (1, 'x', '2020-01-01', NULL, 'made up');
RESET ROLE;
SELECT tarot.classify_column('guessed', 'code', 'number');
SET ROLE regress_anon_no_owner;
CREATE FUNCTION grow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ALTER TABLE public.guessed INHERIT public.growing; RETURN NEW; END $$;
CREATE TRIGGER grow BEFORE UPDATE ON growing FOR EACH ROW EXECUTE FUNCTION grow();
SELECT obstacles($$SELECT tarot.add_retention('growing', 'at', '1 year', 'anonymize', clear => '{note}')$$);
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT sqlstate, message FROM tarot.job_run WHERE job = 'public.growing.at' ORDER BY number DESC LIMIT 1;
SELECT code FROM guessed;
-- Code of the owner's, which the input of a value runs, has no rights but the owner's.
SET ROLE regress_anon_no_owner;
CREATE FUNCTION tell() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF current_user <> 'regress_anon_no_owner' THEN
		RAISE WARNING 'runs as another role';
	END IF;
	RETURN true;
END
$$;
CREATE DOMAIN told AS int CHECK (public.tell());
CREATE TYPE told_row AS (a told);
CREATE TYPE told_range AS RANGE (SUBTYPE = told);
CREATE DOMAIN told_domain AS told_row;
CREATE TABLE telling (id int, a told[], b told_row, c told_range, d told_domain, e told_row[], at date, anonymized_at timestamptz);
INSERT INTO telling (id, at) VALUES (1, '2020-01-01');
SELECT obstacles($$SELECT tarot.add_retention('telling', 'at', '1 year', 'anonymize', policy => 'telling', replacements => '{"a": "{1}", "b": "(1)", "c": "[1,2]", "d": "(1)", "e": "{(1)}"}',
	"where" => 'a IS DISTINCT FROM ''{2}''::public.told[]')$$);
SELECT tarot.hold('telling', 'h', 'x', 'b = ''(3)''::public.told_row');
ALTER TABLE telling RENAME a TO g;
SELECT "where" FROM tarot.retention_status WHERE policy = 'telling';
RESET ROLE;
ALTER TABLE telling RENAME b TO f;
SELECT condition FROM tarot.legal_hold WHERE relation = 'telling'::regclass;
CALL tarot.run_due_jobs();
SELECT g, f, c, d, e FROM telling;
-- By no way around the functions.
SET ROLE regress_anon_no_owner;
SELECT run($$SELECT tarot.require_anonymizable(NULL)$$), run($$SELECT tarot.mask_fits('note', 25, -1)$$);
RESET ROLE;
SET client_min_messages = warning;
DROP OWNED BY regress_anon_no_owner, regress_anon_no_other, regress_anon_no_reader CASCADE;

-- Retention that anonymizes: what is written, for whom nothing is to be learned, and what makes a batch fail.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\set owner regress_anon_owner
\set other regress_anon_other
\i :source/sql/include/retention.sql
\set reader regress_anon_reader
\i :source/sql/include/retention_classes.sql
RESET client_min_messages;
\set ECHO all
-- ------------------------------------------------------------ the masks of the classes, whatever the owner may see
-- The same table for owners who see the classes plain, masked, not at all; masked, and not.
SET ROLE regress_anon_owner;
CREATE TABLE customer (id int PRIMARY KEY, name varchar(40), card tarot.encrypted_text('card'), phone tarot.encrypted_text('number') UNIQUE, note tarot.encrypted_text('note'),
	born date, free text, visits int, hidden text, left_at timestamptz, anonymized_at timestamptz,
	shout text GENERATED ALWAYS AS (upper(name)) STORED);
RESET ROLE;
SELECT tarot.classify_column('customer', 'name', 'person'), tarot.classify_column('customer', 'born', 'age'), tarot.classify_column('customer', 'hidden', 'hidden');
GRANT SELECT ON customer TO regress_anon_reader;
CREATE PROCEDURE fill() LANGUAGE sql AS $$
	TRUNCATE customer;
	INSERT INTO customer VALUES (1, 'Ada Lovelace', '4111 1111 1111 1111', '+44 1', 'poet''s daughter', '1815-12-10', 'free', 3, 'x', '2020-01-01'), (2, 'Bob', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2020-01-01'),
		(3, 'Young', '5500 0000 0000 0004', '+44 3', 'young', '2000-01-01', 'free', 1, 'y', '2999-01-01'), (4, 'Nobody knows', '340000000000009', '+44 4', 'x', '2001-01-01', 'free', 1, 'z', NULL)
$$;
CREATE FUNCTION grant_all(rights text) RETURNS void LANGUAGE sql AS $$ SELECT tarot.grant_class(c, 'regress_anon_owner', rights, write => rights = 'plain', search => rights = 'plain') FROM unnest('{person,card,number,note,age,hidden}'::text[]) AS c $$;
SELECT tarot.grant_class(c, current_user::regrole, 'plain') FROM unnest('{person,card,number,note,age,hidden,own}'::text[]) AS c;
CALL fill();
SET ROLE regress_anon_owner;
SELECT tarot.add_retention('customer', 'left_at', '1 year', 'anonymize', replacements => '{"free": "-", "visits": null}', legal_basis => 'GDPR 5 (1) e');
SELECT policy, action, marker, class, keep_columns, clear, replacements FROM tarot.retention_status;
SELECT "table", action, rows, done, columns FROM tarot.preview_retention('public.customer.left_at');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('public.customer.left_at');
RESET ROLE;
SELECT id, name, card, length(phone::text), note, born, free, visits, hidden, anonymized_at IS NOT NULL AS marked, shout FROM customer ORDER BY id;
SELECT "table", rows, done FROM tarot.preview_retention('public.customer.left_at');
-- Once: a second run finds nothing, and changes nothing.
CREATE TABLE before AS SELECT id, name, phone, xmin AS version FROM customer;
SELECT tarot.run_job_soon('public.customer.left_at');
CALL tarot.run_due_jobs();
SELECT rows, skipped FROM last_run('public.customer.left_at');
SELECT count(*) AS "stayed the same" FROM customer JOIN before USING (id) WHERE customer.xmin = before.version;
DROP TABLE before;
SELECT operation, table_name, role, new - '{oldest,newest,cutoff}'::text[] AS new FROM tarot.audit_log WHERE operation = 'RETENTION' AND new->>'rows' <> '0' ORDER BY number;

-- Whatever the owner may see of the classes, whether the table is masked, and whether it is written to the log: the same masks.
CREATE FUNCTION masks() RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws(' ', id, name, card, (SELECT tarot.preview_mask('number', v) = phone::text FROM (VALUES ('+44 1'::text)) AS v (v)), note, born, free, visits, hidden), '; ' ORDER BY id) FROM customer WHERE anonymized_at IS NOT NULL
$$;
SELECT masks();
CREATE PROCEDURE again(rights text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM grant_all(rights);
	CALL fill();
	PERFORM tarot.run_job_soon('public.customer.left_at');
END
$$;
CALL again('none'); CALL tarot.run_due_jobs(); SELECT masks();
CALL again('masked'); CALL tarot.run_due_jobs(); SELECT masks();
CALL again('plain'); CALL tarot.run_due_jobs(); SELECT masks();
SELECT tarot.mask_table('customer'), tarot.audit_table('customer');
CALL again('plain'); CALL tarot.run_due_jobs(); SELECT masks();
CALL again('masked'); CALL tarot.run_due_jobs(); SELECT masks();
CALL again('none'); CALL tarot.run_due_jobs(); SELECT masks();
SELECT * FROM last_run('public.customer.left_at');
-- As a client that reads masks, or envelopes, has it run.
CALL again('none');
SET tarot_security.io = masked;
CALL tarot.run_due_jobs();
RESET tarot_security.io;
SELECT masks();
CALL again('none');
SET tarot_security.io = envelope;
CALL tarot.run_due_jobs();
RESET tarot_security.io;
SELECT masks();
-- The log of the table has no value of a class either.
SELECT DISTINCT old - '{id,left_at,anonymized_at,phone,card,note}'::text[] AS old, new - '{id,left_at,anonymized_at,phone,card,note}'::text[] AS new FROM tarot.audit_log WHERE operation = 'UPDATE' AND table_name = 'public.customer' AND new IS NOT NULL ORDER BY 1, 2;
-- Who may see nothing sees nothing of it afterwards.
SET ROLE regress_anon_owner;
SELECT ask('SELECT name FROM customer WHERE id = 1'), ask('SELECT card::text FROM customer WHERE id = 1'), ask('SELECT phone FROM customer WHERE id = 1');
-- Nor by what else runs in the same statement: conditions, triggers, rules, functions.
SELECT run($$SELECT tarot.anonymized('guess'::text, false)$$), run($$SELECT tarot.anonymized('guess'::text, false, NULL)$$), run($$SELECT tarot.anonymized('guess'::text, false, '1')$$), run($$SELECT tarot.anonymized(name, false) FROM customer$$);
CREATE TABLE seen (what text);
CREATE FUNCTION look(value text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES (value); RETURN true; END $$;
SELECT tarot.alter_retention('public.customer.left_at', "where" => 'public.look(tarot.anonymized(free, false))');
RESET ROLE;
CALL again('none'); CALL tarot.run_due_jobs();
SELECT * FROM last_run('public.customer.left_at');
SET ROLE regress_anon_owner;
SELECT tarot.alter_retention('public.customer.left_at', "where" => 'public.look(name)');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT sqlstate, message FROM last_run('public.customer.left_at');
SELECT * FROM seen;
SET ROLE regress_anon_owner;
SELECT tarot.alter_retention('public.customer.left_at', "where" => 'true');
CREATE TABLE rule_target (id int, note text);
CREATE RULE other_way AS ON UPDATE TO customer DO INSTEAD UPDATE rule_target SET note = NEW.name WHERE id = OLD.id;
INSERT INTO rule_target VALUES (1, 'x');
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT sqlstate, message FROM last_run('public.customer.left_at');
TABLE rule_target;
DROP RULE other_way ON customer;
SELECT tarot.run_job_soon('public.customer.left_at');
CALL tarot.run_due_jobs();
SELECT masks();
SELECT tarot.unmask_table('customer');
SELECT tarot.unaudit_table('customer');

-- ------------------------------------------------------------ columns that are left, cleared, replaced; marks of each type; types of columns
SET ROLE regress_anon_owner;
CREATE DOMAIN short AS varchar(8) CHECK (value <> 'no');
CREATE DOMAIN sealed AS tarot.encrypted_text('card');
CREATE TABLE kinds (id int, a short, b sealed, c text[], d numeric(5, 1), e "char", f jsonb, at date, done boolean NOT NULL DEFAULT false, left_alone text, free text);
RESET ROLE;
SELECT tarot.create_class('round', key => 'people', mask => 'round(10)'), tarot.create_class('document', key => 'people', mask => 'json'), tarot.grant_class('round', current_user::regrole, 'plain'), tarot.grant_class('document', current_user::regrole, 'plain');
SELECT tarot.classify_column('kinds', c, 'person') FROM unnest('{a,c,left_alone}'::name[]) AS c;
SELECT tarot.classify_column('kinds', 'd', 'round'), tarot.classify_column('kinds', 'f', 'document'), tarot.classify_column('kinds', 'e', 'note');
INSERT INTO kinds VALUES (1, 'Ada', '4111 1111 1111 1111', '{Ada,NULL,"Bob B"}', 14.9, 'x', '{"a": "Ada"}', '2020-01-01', DEFAULT, 'Ada'), (2, 'Bob', '4111 1111 1111 1111', '{}', -6, 'x', '"Bob"', '2020-01-01', true, 'Bob');
SET ROLE regress_anon_owner;
SELECT tarot.add_retention('kinds', 'at', '1 year', 'anonymize', marker => 'done', keep_columns => '{left_alone}', policy => 'kinds');
CALL tarot.run_due_jobs();
RESET ROLE;
SELECT id, a, b::text, c, d, e, f, done, left_alone FROM kinds ORDER BY id;
-- Renamed, they are followed, and so are conditions.
SET ROLE regress_anon_owner;
SELECT tarot.alter_retention('kinds', clear => '{c}', replacements => '{"free": "y"}', "where" => 'id = 2 AND t.done IS FALSE');
ALTER TABLE kinds RENAME done TO "Done!"; ALTER TABLE kinds RENAME left_alone TO "left"; ALTER TABLE kinds RENAME c TO "C"; ALTER TABLE kinds RENAME free TO "Free"; ALTER TABLE kinds RENAME at TO "At"; ALTER TABLE kinds RENAME id TO number;
SELECT age_column, marker, keep_columns, clear, replacements, "where" FROM tarot.retention_status WHERE policy = 'kinds';
UPDATE kinds SET "Done!" = false;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('kinds');
RESET ROLE;
SELECT number, a, "C", e, "Free", "Done!", "left" FROM kinds ORDER BY number;

-- Marks that are dates, and a trigger that takes them away again: counted as left, and no run goes round in circles.
SET ROLE regress_anon_owner;
CREATE TABLE marks (id int, at timestamptz, day date, moment timestamp, note text);
INSERT INTO marks SELECT i, '2020-01-01' FROM generate_series(1, 3) AS i;
SELECT tarot.add_retention('marks', 'at', '1 year', 'anonymize', marker => 'day', clear => '{note}', policy => 'days'), tarot.add_retention('marks', 'at', '1 year', 'anonymize', marker => 'moment', replacements => '{"note": "x"}', policy => 'moments');
CALL tarot.run_due_jobs();
SELECT id, day = current_date AS day, moment <= now()::timestamp AS moment, note IS NOT NULL AS note FROM marks ORDER BY id;
CREATE FUNCTION unmarks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.day := NULL; RETURN NEW; END $$;
CREATE TRIGGER unmarks BEFORE UPDATE ON marks FOR EACH ROW WHEN (old.id = 2) EXECUTE FUNCTION unmarks();
UPDATE marks SET day = NULL;
SELECT tarot.run_job_soon('days');
CALL tarot.run_due_jobs();
SELECT outcome, rows, skipped FROM last_run('days');
SELECT id, day IS NOT NULL AS day FROM marks ORDER BY id;

-- ------------------------------------------------------------ partitions and children, holds, rows that others refer to
CREATE TABLE visit (id int, name text, at date, anonymized_at timestamptz, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE visit_2020 PARTITION OF visit FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE visit_2021 (at date NOT NULL, anonymized_at timestamptz, id int NOT NULL, name text);
ALTER TABLE visit ATTACH PARTITION visit_2021 FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
CREATE TABLE guest (visit int, at date, FOREIGN KEY (visit, at) REFERENCES visit);
RESET ROLE;
SELECT tarot.classify_column('visit', 'name', 'person');
INSERT INTO visit VALUES (1, 'Ada A', '2020-02-01'), (2, 'Bob B', '2021-02-01'), (3, 'Cyd C', '2021-03-01');
INSERT INTO guest VALUES (1, '2020-02-01');
SET ROLE regress_anon_owner;
SELECT tarot.add_retention('visit', 'at', '1 year', 'anonymize', policy => 'visits'), tarot.hold('visit', 'case 7', 'court', 'id = 3');
SELECT "table", rows, held, referred, done FROM tarot.preview_retention('visits') ORDER BY "table"::text;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('visits');
RESET ROLE;
SELECT tableoid::regclass, id, name, anonymized_at IS NOT NULL AS marked FROM visit ORDER BY id;
SET ROLE regress_anon_owner;
SELECT tarot.release('visit', 'case 7');
SELECT tarot.run_job_soon('visits');
CALL tarot.run_due_jobs();
RESET ROLE;
SELECT count(*) AS marked FROM visit WHERE anonymized_at IS NOT NULL;

-- Values under keys of data subjects, one of them shredded, whose column has no subject any more.
SET ROLE regress_anon_owner;
CREATE TABLE letter (id int, person text NOT NULL, words tarot.encrypted_text('own'), at date, anonymized_at timestamptz);
RESET ROLE;
SELECT tarot.set_subject('letter', 'words', subject => 'person');
INSERT INTO letter VALUES (1, 'ada', 'secret', '2020-01-01'), (2, 'bob', 'secret', '2020-01-01');
SELECT tarot.destroy_subject_key('own', 'ada');
SELECT tarot.unset_subject('letter', 'words');
SET ROLE regress_anon_owner;
SELECT tarot.add_retention('letter', 'at', '1 year', 'anonymize', policy => 'letters');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('letters');
RESET ROLE;
SELECT id, words::text FROM letter ORDER BY id;

-- A CHECK constraint, and a value that its mask makes NULL, fail the batch that breaks them: nothing of it is done.
SET ROLE regress_anon_owner;
CREATE TABLE checked (id int, name text CHECK (name NOT LIKE '%*%'), born date NOT NULL, at date, anonymized_at timestamptz);
RESET ROLE;
SELECT tarot.classify_column('checked', 'name', 'person'), tarot.classify_column('checked', 'born', 'age');
INSERT INTO checked VALUES (1, 'Ada', '1815-12-10', '2020-01-01'), (2, NULL, 'infinity', '2020-01-01');
SET ROLE regress_anon_owner;
SELECT tarot.add_retention('checked', 'at', '1 year', 'anonymize', policy => 'checked');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('checked');
SELECT count(*) FROM checked WHERE anonymized_at IS NOT NULL;
ALTER TABLE checked DROP CONSTRAINT checked_name_check;
SELECT tarot.run_job_soon('checked');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('checked');
RESET ROLE;
SET client_min_messages = warning;
DROP OWNED BY regress_anon_owner, regress_anon_other, regress_anon_reader CASCADE;
SELECT count(*) FROM tarot.retention_policy;

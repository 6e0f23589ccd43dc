-- Retention with action archive: rows are moved as they are, and where they cannot be, that is said before any is.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\set owner regress_archive_owner
\set other regress_archive_other
\i :source/sql/include/retention.sql
CREATE SCHEMA archive;
GRANT CREATE, USAGE ON SCHEMA archive TO regress_archive_owner;
GRANT EXECUTE ON FUNCTION tarot.add_retention TO regress_archive_other;
SELECT tarot.create_key('k') > 0 AS created, tarot.create_class('email', 'k', 'email'), tarot.create_class('other', 'k'), tarot.create_class('person', 'k', 'redact', per_subject => true);
SELECT tarot.grant_class('email', 'regress_archive_owner', 'plain'), tarot.grant_class('other', 'regress_archive_owner', 'plain'), tarot.grant_class('person', 'regress_archive_owner', 'plain');
RESET client_min_messages;
\set ECHO all
SET ROLE regress_archive_owner;

-- ------------------------------------------------------------ rows are moved
CREATE TABLE reading (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, gone int, made_at timestamptz, note varchar(20), "Odd ""Name""" numeric(10, 2), double int GENERATED ALWAYS AS (1) STORED);
ALTER TABLE reading DROP COLUMN gone;
CREATE TABLE archive.old_reading ("Odd ""Name""" numeric, note text, made_at timestamptz, id int GENERATED ALWAYS AS IDENTITY, moved_at timestamptz DEFAULT now());
INSERT INTO reading (made_at, note, "Odd ""Name""") SELECT CASE WHEN i % 2 = 0 THEN '2020-01-01' ELSE now() END, 'note ' || i, i / 3.0 FROM generate_series(1, 6) AS i;
-- Another length of varchar is another type.
SELECT run($$SELECT tarot.add_retention('reading', 'made_at', '1 year', action => 'archive', archive_to => 'archive.old_reading')$$);
ALTER TABLE archive.old_reading ALTER note TYPE varchar;
SELECT tarot.add_retention('reading', 'made_at', '1 year', action => 'archive', archive_to => 'archive.old_reading', "where" => 'id < 6', policy => 'readings');
SELECT policy, action, archive_to, "where" FROM tarot.retention_status;
SELECT rows, bytes > 0 AS bytes FROM tarot.preview_retention('readings');
CALL tarot.run_due_jobs();
SELECT id, note, "Odd ""Name""" FROM reading ORDER BY id;
SELECT id, made_at, note, "Odd ""Name""", moved_at IS NOT NULL AS moved FROM archive.old_reading ORDER BY id;
SELECT * FROM last_run('readings');
SELECT new - '{oldest,newest,cutoff}'::text[] AS new FROM tarot.audit_log WHERE operation = 'RETENTION';
-- The archive is followed when it is renamed or moved.
ALTER TABLE archive.old_reading RENAME TO kept;
ALTER TABLE archive.kept SET SCHEMA public;
UPDATE reading SET made_at = '2020-01-01' WHERE id = 1;
SELECT tarot.run_job_soon('readings');
CALL tarot.run_due_jobs();
SELECT count(*) FROM kept WHERE id = 1;
SELECT archive_to FROM tarot.retention_status;
-- Several batches.
INSERT INTO reading (made_at, note) SELECT '2020-01-01', 'many' FROM generate_series(1, 3000);
SELECT tarot.alter_retention('readings', "where" => 'note = ''many''', batch => 100);
CALL tarot.run_due_jobs();
SELECT count(*), count(DISTINCT id) FROM kept WHERE note = 'many';
SELECT count(*) FROM reading WHERE note = 'many';

-- ------------------------------------------------------------ nothing is lost
CREATE FUNCTION keeps() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER keeps BEFORE INSERT ON kept FOR EACH ROW EXECUTE FUNCTION keeps();
INSERT INTO reading (made_at, note) VALUES ('2020-01-01', 'many');
SELECT tarot.run_job_soon('readings');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('readings');
SELECT count(*) FROM reading WHERE note = 'many';
DROP TRIGGER keeps ON kept;
-- A trigger of the table that keeps rows; the row is not in the archive then.
CREATE TRIGGER keeps BEFORE DELETE ON reading FOR EACH ROW EXECUTE FUNCTION keeps();
TRUNCATE kept;
SELECT tarot.run_job_soon('readings');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('readings');
SELECT (SELECT count(*) FROM reading WHERE note = 'many') AS there, (SELECT count(*) FROM kept) AS archived;
DROP TRIGGER keeps ON reading;
ALTER TABLE kept ADD CHECK (note <> 'many');
SELECT tarot.run_job_soon('readings');
CALL tarot.run_due_jobs();
SELECT rows, sqlstate, message FROM last_run('readings');
SELECT count(*) FROM reading WHERE note = 'many';
ALTER TABLE kept DROP CONSTRAINT kept_note_check;
-- A column that comes later, in the table or in the archive.
ALTER TABLE reading ADD later int;
SELECT tarot.run_job_soon('readings');
CALL tarot.run_due_jobs();
SELECT rows, sqlstate, message FROM last_run('readings');
ALTER TABLE kept ADD later int, ADD needed int NOT NULL;
SELECT tarot.run_job_soon('readings');
CALL tarot.run_due_jobs();
SELECT rows, sqlstate, message FROM last_run('readings');
ALTER TABLE kept ALTER needed DROP NOT NULL;
-- A dropped archive: runs fail until there is another one.
CREATE TABLE kept2 (LIKE kept INCLUDING IDENTITY);
DROP TABLE kept;
SELECT archive_to FROM tarot.retention_status;
SELECT tarot.run_job_soon('readings');
CALL tarot.run_due_jobs();
SELECT rows, sqlstate, message FROM last_run('readings');
SELECT run($$SELECT tarot.alter_retention('readings', keep => '2 years')$$), run($$SELECT * FROM tarot.preview_retention('readings')$$);
SELECT tarot.alter_retention('readings', archive_to => 'kept2');
CALL tarot.run_due_jobs();
SELECT outcome, rows FROM last_run('readings');
SELECT note FROM kept2;

-- ------------------------------------------------------------ partitions, foreign keys, legal hold, on both sides
CREATE TABLE customer (id int PRIMARY KEY, at date) PARTITION BY RANGE (id);
CREATE TABLE customer_1 PARTITION OF customer FOR VALUES FROM (1) TO (10);
CREATE TABLE customer_2 (at date, id int PRIMARY KEY);
ALTER TABLE customer ATTACH PARTITION customer_2 FOR VALUES FROM (10) TO (20);
CREATE TABLE invoice (id int PRIMARY KEY, customer int REFERENCES customer);
CREATE TABLE visit (customer int REFERENCES customer ON DELETE CASCADE);
CREATE TABLE old_customer (id int, at date) PARTITION BY LIST (id);
CREATE TABLE old_customer_rest PARTITION OF old_customer DEFAULT;
INSERT INTO customer SELECT i, '2020-01-01' FROM unnest('{1,2,3,11,12}'::int[]) AS i;
INSERT INTO invoice VALUES (1, 2), (2, 12), (3, 12);
INSERT INTO visit VALUES (1);
SELECT tarot.add_retention('customer', 'at', '1 year', 'archive', archive_to => 'old_customer', policy => 'customers'), tarot.hold('customer', 'case 7', 'court', 'id = 3');
SELECT "table", rows, held, referred FROM tarot.preview_retention('customers') ORDER BY "table"::text;
SELECT * FROM tarot.preview_references('customers') ORDER BY "table"::text, referring::text;
CALL tarot.run_due_jobs();
SELECT array_agg(id ORDER BY id) FROM customer;
SELECT array_agg(id ORDER BY id) FROM old_customer;
SELECT count(*) AS cascaded FROM visit;
SELECT * FROM last_run('customers');
-- A child's own columns count, too.
CREATE TABLE base (id int, at date);
CREATE TABLE derived (extra int) INHERITS (base);
CREATE TABLE base_archive (id int, at date);
SELECT run($$SELECT tarot.add_retention('base', 'at', '1 year', 'archive', archive_to => 'base_archive')$$);

-- ------------------------------------------------------------ what is encrypted is carried as it is
CREATE TABLE person (id int PRIMARY KEY, at date, email tarot.encrypted_text('email'), bound tarot.encrypted_text('other'), own tarot.encrypted_text('person'));
SELECT tarot.bind_column('person', 'bound'), tarot.set_subject('person', 'own', 'id');
CREATE TABLE old_person (id int, at date, email tarot.encrypted_text('email'), bound tarot.encrypted_text('other'), own tarot.encrypted_text('person'));
INSERT INTO person SELECT i, '2020-01-01', 'p' || i || '@example.org', 'bound ' || i, 'own ' || i FROM generate_series(1, 3) AS i;
SET tarot_security.io = envelope;
SELECT array_agg(ROW(email, bound, own)::text ORDER BY id) AS sealed, count(*) FILTER (WHERE ROW(email, bound, own)::text ~ '@|own|bound') AS plain FROM person \gset
\echo :plain
RESET tarot_security.io;
SELECT tarot.add_retention('person', 'at', '1 year', 'archive', archive_to => 'old_person', policy => 'persons');
-- Without a key, and without a right of the owner's.
RESET ROLE;
SELECT tarot.revoke_class(c, 'regress_archive_owner') FROM unnest('{email,other,person}'::text[]) AS c;
SELECT tarot.lock();
SET ROLE regress_archive_owner;
CALL tarot.run_due_jobs();
SELECT * FROM last_run('persons');
RESET ROLE;
SELECT tarot.unlock();
SET ROLE regress_archive_owner;
SET tarot_security.io = envelope;
SELECT count(*), array_agg(ROW(email, bound, own)::text ORDER BY id) = :'sealed'::text[] AS "byte for byte" FROM old_person;
RESET tarot_security.io;
RESET ROLE;
SELECT tarot.grant_class(c, 'regress_archive_owner', 'plain') FROM unnest('{email,other,person}'::text[]) AS c;
SET ROLE regress_archive_owner;
SELECT id, email, bound, own FROM old_person ORDER BY id;
-- The keys of subjects reach there.
RESET ROLE;
SELECT tarot.destroy_subject_key('person', '2');
SET ROLE regress_archive_owner;
SELECT id, ask(format('SELECT own::text FROM old_person WHERE id = %s', id)) FROM old_person ORDER BY id;
-- Another class is refused, and a rule of the archive's.
CREATE TABLE bad (id int PRIMARY KEY, at date, email tarot.encrypted_text('other'), bound tarot.encrypted_text('other'), own tarot.encrypted_text('person'));
SELECT run($$SELECT tarot.add_retention('person', 'at', '2 years', 'archive', archive_to => 'bad', policy => 'bad')$$);
CREATE TABLE bound (id int PRIMARY KEY, at date, email tarot.encrypted_text('email'), bound tarot.encrypted_text('other'), own tarot.encrypted_text('person'));
SELECT tarot.bind_column('bound', 'bound');
SELECT run($$SELECT tarot.add_retention('person', 'at', '2 years', 'archive', archive_to => 'bound', policy => 'bad')$$);
SELECT tarot.unbind_column('bound', 'bound'), tarot.set_subject('bound', 'own', 'id');
SELECT run($$SELECT tarot.add_retention('person', 'at', '2 years', 'archive', archive_to => 'bound', policy => 'bad')$$);
SELECT tarot.remove_retention('persons');

-- ------------------------------------------------------------ what is masked stays so
CREATE TABLE lead (id int PRIMARY KEY, at date, email text);
CREATE TABLE old_lead (id int, at date, email text);
INSERT INTO lead VALUES (1, '2020-01-01', 'ada@example.org');
SELECT tarot.classify_column('lead', 'email', 'email');
SELECT run($$SELECT tarot.add_retention('lead', 'at', '1 year', 'archive', archive_to => 'old_lead', policy => 'leads')$$);
SELECT tarot.classify_column('old_lead', 'email', 'other');
SELECT run($$SELECT tarot.add_retention('lead', 'at', '1 year', 'archive', archive_to => 'old_lead', policy => 'leads')$$);
SELECT tarot.classify_column('old_lead', 'email', 'email');
SELECT tarot.mask_table('lead');
SELECT run($$SELECT tarot.add_retention('lead', 'at', '1 year', 'archive', archive_to => 'old_lead', policy => 'leads')$$);
SELECT tarot.mask_table('old_lead');
SELECT run($$SELECT tarot.add_retention('lead', 'at', '1 year', 'archive', archive_to => 'old_lead', policy => 'leads')$$);
CALL tarot.run_due_jobs();
SELECT (SELECT count(*) FROM lead) AS there, email FROM old_lead;
-- An owner that sees masks: never is a mask written in the place of the value.
INSERT INTO lead VALUES (2, '2020-01-01', 'bob@example.org');
RESET ROLE;
SELECT tarot.grant_class('email', 'regress_archive_owner', 'masked', write => true);
SELECT tarot.run_job_soon('leads');
CALL tarot.run_due_jobs();
SET ROLE regress_archive_owner;
SELECT rows, sqlstate, message FROM last_run('leads');
SELECT (SELECT count(*) FROM lead) AS there, (SELECT count(*) FROM old_lead) AS archived;
ALTER TABLE lead ADD phone text;
ALTER TABLE old_lead ADD phone text;
SELECT tarot.run_job_soon('leads');
CALL tarot.run_due_jobs();
SELECT rows, sqlstate, message FROM last_run('leads');
SELECT tarot.remove_retention('leads');

-- ------------------------------------------------------------ what is refused
CREATE TABLE a (id int, at date);
CREATE TABLE b (id int, at date);
CREATE TABLE c (id int, at date);
CREATE UNLOGGED TABLE unlogged (id int, at date);
CREATE TABLE logged (id int, at date) PARTITION BY RANGE (at);
CREATE UNLOGGED TABLE logged_default PARTITION OF logged DEFAULT;
CREATE TABLE less (id int);
CREATE TABLE made (id int, at date GENERATED ALWAYS AS ('2020-01-01') STORED);
CREATE VIEW seen AS SELECT * FROM a;
CREATE TEMP TABLE scratch (id int, at date);
RESET ROLE;
CREATE TABLE foreign_to_me (id int, at date);
CREATE SCHEMA hidden;
CREATE TABLE hidden.a (id int, at date);
GRANT INSERT ON hidden.a TO regress_archive_owner;
SELECT 'hidden.a'::regclass::oid AS hidden \gset
SET ROLE regress_archive_owner;
SELECT tarot.add_retention('a', 'at', '1 year', 'archive', archive_to => 'b', policy => 'a to b'), tarot.add_retention('b', 'at', '2 years', 'archive', archive_to => 'c', policy => 'b to c');
SELECT s, run(s) FROM unnest(ARRAY[
	$$SELECT tarot.add_retention('a', 'at', '1 year', 'archive')$$, $$SELECT tarot.add_retention('a', 'at', '1 year', archive_to => 'b')$$, $$SELECT tarot.add_retention('a', 'at', '1 year', 'archive', archive_to => 'a')$$,
	$$SELECT tarot.add_retention('customer', 'at', '1 year', 'archive', archive_to => 'customer_1')$$, $$SELECT tarot.add_retention('customer_1', 'at', '1 year', 'archive', archive_to => 'customer')$$,
	$$SELECT tarot.add_retention('customer_1', 'at', '1 year', 'archive', archive_to => 'customer_2')$$,
	$$SELECT tarot.add_retention('b', 'at', '1 year', 'archive', archive_to => 'a')$$, $$SELECT tarot.add_retention('c', 'at', '1 year', 'archive', archive_to => 'a')$$,
	$$SELECT tarot.alter_retention('b to c', archive_to => 'a')$$, $$SELECT tarot.alter_retention('a to b', archive_to => 'less')$$,
	$$SELECT tarot.add_retention('a', 'at', '1 year', 'archive', archive_to => 'seen')$$, $$SELECT tarot.add_retention('a', 'at', '1 year', 'archive', archive_to => 'scratch')$$,
	$$SELECT tarot.add_retention('a', 'at', '1 year', 'archive', archive_to => 'unlogged')$$, $$SELECT tarot.add_retention('a', 'at', '1 year', 'archive', archive_to => 'logged')$$, $$SELECT tarot.add_retention('a', 'at', '1 year', 'archive', archive_to => 'less')$$,
	$$SELECT tarot.add_retention('a', 'at', '1 year', 'archive', archive_to => 'made')$$, $$SELECT tarot.add_retention('a', 'at', '1 year', 'archive', archive_to => 'foreign_to_me')$$,
	$$SELECT tarot.add_retention('a', 'at', '1 year', 'archive', archive_to => 'pg_class')$$, $$SELECT tarot.add_retention('a', 'at', '1 year', 'archive', archive_to => 'tarot.job')$$,
	$$SELECT tarot.add_retention('a', 'at', '1 year', 'archive', archive_to => 1)$$]) AS s;
SELECT run(format($$SELECT tarot.add_retention('a', 'at', '1 year', 'archive', archive_to => %s)$$, :hidden));
-- A right that is taken away later.
RESET ROLE;
GRANT INSERT ON foreign_to_me TO regress_archive_owner;
SET ROLE regress_archive_owner;
INSERT INTO a VALUES (1, '2020-01-01');
SELECT tarot.alter_retention('a to b', archive_to => 'foreign_to_me');
RESET ROLE;
REVOKE INSERT ON foreign_to_me FROM regress_archive_owner;
SET ROLE regress_archive_owner;
DROP TABLE scratch;
CALL tarot.run_due_jobs();
SELECT rows, sqlstate, message FROM last_run('a to b');
SELECT count(*) FROM a;
-- Nor may anybody use what it is made of.
SELECT s, run(s) FROM unnest(ARRAY[$$SELECT tarot.require_archive(0, 0, '')$$, $$SELECT tarot.archive_step(0, 0, '', 'at')$$, $$SELECT tarot.forget_archive(0)$$]) AS s;
RESET ROLE;

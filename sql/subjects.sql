-- Tables with rows of data subjects: how they are registered and found, and what an export has.
\getenv source PG_ABS_SRCDIR
\i :source/sql/include/subjects.sql
CREATE ROLE regress_subjects_nobody;
GRANT EXECUTE ON FUNCTION tarot.register_subject_table, tarot.unregister_subject_table, tarot.subject_map, tarot.export_subject, tarot.export_subject_lines TO regress_subjects_officer, regress_subjects_support, regress_subjects_app;
GRANT SELECT ON tarot.subject_tables TO regress_subjects_officer;

-- ------------------------------------------------------------ the map of a platform nobody has registered anything of
SELECT * FROM tarot.subject_map('customer', 'id');
SELECT run($$SELECT tarot.subject_map('customer', 'nothing')$$), run($$SELECT tarot.subject_map('customer')$$);
-- By its statements all is registered, in that order.
DO $$
DECLARE
	s text;
BEGIN
	FOR s IN SELECT m.statement FROM tarot.subject_map('customer', 'id') WITH ORDINALITY m WHERE m.statement IS NOT NULL ORDER BY m.ordinality LOOP
		EXECUTE s;
	END LOOP;
END
$$;
SELECT * FROM tarot.subject_tables ORDER BY "table"::text COLLATE "C", columns;
SELECT "table", state FROM tarot.subject_map() WHERE state <> 'registered';

-- ------------------------------------------------------------ registering
SET ROLE regress_subjects_nobody;
SELECT code($$SELECT tarot.register_subject_table('note', 'author')$$), code($$SELECT tarot.unregister_subject_table('note')$$), code($$SELECT * FROM tarot.subject_map()$$),
	code($$SELECT tarot.export_subject('1')$$), code($$SELECT * FROM tarot.export_subject_lines('1')$$), code('SELECT FROM tarot.subject_tables'), code('SELECT FROM tarot.subject_table');
SET ROLE regress_subjects_officer;
SELECT run($$SELECT tarot.register_subject_table(NULL, 'id')$$), run($$SELECT tarot.register_subject_table('note')$$), run($$SELECT tarot.register_subject_table('note', 'author', 'customer')$$),
	run($$SELECT tarot.register_subject_table('note', 'author', by => '{author}')$$), run($$SELECT tarot.register_subject_table(1::regclass, 'id')$$);
SELECT run($$SELECT tarot.register_subject_table('customer_names', 'id')$$), run($$SELECT tarot.register_subject_table('pg_class', 'relname')$$), run($$SELECT tarot.register_subject_table('tarot.class', 'name')$$),
	run($$SELECT tarot.register_subject_table('visit_2026', 'customer_id')$$), run($$SELECT tarot.register_subject_table('note', 'nothing')$$), run($$SELECT tarot.register_subject_table('note', 'ctid')$$);
SELECT run($$SELECT tarot.register_subject_table('note', 'written_on')$$), run($$SELECT tarot.register_subject_table('customer', 'phone')$$), run($$SELECT tarot.register_subject_table('note', via => 'orders')$$),
	run($$SELECT tarot.register_subject_table('message', via => 'customer')$$), run($$SELECT tarot.register_subject_table('customer', 'id')$$), run($$SELECT tarot.register_subject_table('address', via => 'country')$$);
SELECT tarot.register_subject_table('note', 'author');
-- An encrypted column, by what it is searched for.
SELECT tarot.register_subject_table('ticket', 'email');
SELECT count(*), count(problem) FROM tarot.subject_tables;
-- No way round.
SELECT run($$SELECT tarot.register_subject_table('orders', via => 'item')$$), run($$SELECT tarot.register_subject_table('remark', via => 'remark')$$);
SELECT run($$SELECT tarot.unregister_subject_table('orders')$$), run($$SELECT tarot.unregister_subject_table('country')$$), run($$SELECT tarot.unregister_subject_table('message', '{nothing}')$$);
RESET ROLE;

-- A condition names all with its schema.
SELECT r, tarot.subject_condition(r) FROM tarot.registered_tables() r;

-- ------------------------------------------------------------ export
SET ROLE regress_subjects_app;
SELECT jsonb_pretty(tarot.export_subject('1') - 'exported_at' - 'database' - 'exported_by');
SELECT tarot.export_subject('1')->>'exported_by', (tarot.export_subject('1')->>'exported_at')::timestamptz = now();
-- Nobody, and what is no number.
SELECT jsonb_path_query_array(tarot.export_subject(s), '$.tables.*.rows[*]') FROM unnest('{99,01,zoe,1 OR true}'::text[]) s;
SELECT run($$SELECT tarot.export_subject('')$$), run('SELECT tarot.export_subject(NULL)');
SELECT jsonb_path_query_array(tarot.export_subject('zoe@example.fr'), '$.tables."public.ticket".rows[*]');
-- Who has no table or column sees less, who has a mask the mask; and it says so.
SET ROLE regress_subjects_support;
SELECT jsonb_path_query_array(tarot.export_subject('1'), '$.tables."public.customer"'), tarot.export_subject('1')->'complete', tarot.export_subject('1')->'missing';
SELECT count(*) FILTER (WHERE l::jsonb ? 'row'), count(*) FILTER (WHERE l::jsonb ? 'rows'), (array_agg(l))[count(*)]::jsonb->'complete' FROM tarot.export_subject_lines('1') l;
RESET ROLE;
-- What is in the way of row security is said.
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON note TO regress_subjects_support;
SET ROLE regress_subjects_support;
SELECT jsonb_path_query_array(tarot.export_subject('1'), '$.missing[*] ? (@.table == "public.note")');
RESET ROLE;
ALTER TABLE note DISABLE ROW LEVEL SECURITY;

-- ------------------------------------------------------------ casts of who owns a table, with the rights of who exports
CREATE ROLE regress_subjects_owner; CREATE SCHEMA regress_owned AUTHORIZATION regress_subjects_owner;
CREATE TABLE witness (what text);
GRANT INSERT ON witness TO PUBLIC;
SET ROLE regress_subjects_owner;
CREATE TYPE regress_owned.mood AS ENUM ('good', 'bad');
CREATE FUNCTION regress_owned.as_json(regress_owned.mood) RETURNS json LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.witness VALUES ('json'); RETURN '1'; END $$;
CREATE FUNCTION regress_owned.as_text(regress_owned.mood) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.witness VALUES ('text'); RETURN 'good'; END $$;
CREATE CAST (regress_owned.mood AS json) WITH FUNCTION regress_owned.as_json(regress_owned.mood);
CREATE CAST (regress_owned.mood AS text) WITH FUNCTION regress_owned.as_text(regress_owned.mood) AS IMPLICIT;
CREATE FUNCTION regress_owned.as_number(regress_owned.mood) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.witness VALUES ('number'); RETURN 1; END $$;
CREATE CAST (regress_owned.mood AS integer) WITH FUNCTION regress_owned.as_number(regress_owned.mood) AS IMPLICIT;
CREATE DOMAIN regress_owned.temper AS regress_owned.mood;
CREATE TABLE regress_owned.person (id regress_owned.mood, moods regress_owned.mood[], temper regress_owned.temper, nothing regress_owned.mood, number integer UNIQUE);
INSERT INTO regress_owned.person VALUES ('good', '{good,bad}', 'bad', NULL, 1);
RESET ROLE;
SELECT tarot.register_subject_table('regress_owned.person', 'id');
SELECT tarot.export_subject('good')->'tables'->'regress_owned.person'->'rows';
TABLE witness;
SET ROLE regress_subjects_owner;
CREATE TABLE regress_owned.child (number regress_owned.mood REFERENCES regress_owned.person (number));
RESET ROLE;
SELECT tarot.register_subject_table('regress_owned.child', via => 'regress_owned.person');
SELECT run($$SELECT tarot.export_subject('good')$$);
TABLE witness;
-- Nor with those of the owner who erases, or has old rows deleted.
SELECT tarot.unregister_subject_table('regress_owned.child');
SELECT tarot.grant_class('email', current_user::regrole, search => true);
SELECT "table", action, problem FROM tarot.erase_subject('good') WHERE problem IS NOT NULL;
SELECT tarot.revoke_class('email', current_user::regrole);
SELECT run($$SELECT tarot.retention_referred('regress_owned.person'::regclass)$$);
TABLE witness;
SELECT tarot.unregister_subject_table('regress_owned.person');
SET client_min_messages = error;
DROP OWNED BY regress_subjects_owner CASCADE;
SET client_min_messages = warning;
DROP TABLE witness; DROP ROLE regress_subjects_owner;

-- ------------------------------------------------------------ what is processed, and what is not seen to
SET ROLE regress_subjects_nobody;
SELECT code('SELECT tarot.processing_records()'), code('SELECT tarot.minimization_report()');
RESET ROLE;
SELECT tarot.declare_purpose('delivery', 'To bring you what you ordered.'), tarot.set_class_purposes('phone', '{delivery}'), tarot.audit_table('customer'), tarot.set_erasure('orders', 'keep', 'Tax law');
SELECT class, columns, purposes, declared, measures, erasure FROM tarot.processing_records();
SELECT class, recipients FROM tarot.processing_records();
SELECT * FROM tarot.minimization_report();
SELECT tarot.set_class_purposes('phone', NULL), tarot.unaudit_table('customer');

-- How long, by policies of retention: told by the export, to who may know, and by both.
SELECT tarot.add_retention('visit', 'day', '2 years', legal_basis => 'GDPR 5 (1) e', policy => 'visits'), tarot.add_retention('orders', 'placed', '10 years', "where" => 'placed IS NOT NULL');
SELECT class, retention FROM tarot.processing_records() WHERE class = 'phone' OR class IS NULL;
SELECT "table", missing FROM tarot.minimization_report() WHERE "table" IN ('visit'::regclass, 'orders'::regclass, 'message'::regclass);
SET ROLE regress_subjects_app;
SELECT t.key, jsonb_path_query_array(t.value, '$.retention[*]') FROM jsonb_each(tarot.export_subject('1')->'tables') t WHERE t.value->'retention' <> '[]' ORDER BY t.key;
SELECT tarot.export_subject('99')->'tables'->'public.visit'->'retention';
SET ROLE regress_subjects_support;
SELECT bool_or(t.value ? 'retention') FROM jsonb_each(tarot.export_subject('1')->'tables') t;
RESET ROLE;
SELECT tarot.remove_retention('visits'), tarot.remove_retention('public.orders.placed');
-- Columns that nobody reads, where that would be on record.
SELECT tarot.audit_reads('customer');
SELECT "table", never_read FROM tarot.minimization_report() WHERE never_read IS NOT NULL;

-- ------------------------------------------------------------ what happens to the tables
ALTER TABLE orders RENAME customer_id TO buyer;
ALTER TABLE orders RENAME TO purchase;
ALTER TABLE purchase RENAME id TO number;
ALTER TABLE visit RENAME customer_id TO visitor;
SELECT * FROM tarot.subject_tables WHERE "table" IN ('purchase'::regclass, 'item'::regclass, 'visit'::regclass) ORDER BY "table"::text COLLATE "C", columns;
SELECT jsonb_path_query_array(tarot.export_subject('1'), '$.tables."public.purchase".rows[*].number');
ALTER TABLE item DROP CONSTRAINT item_order_id_fkey;
ALTER TABLE note DROP COLUMN author;
SELECT "table", problem FROM tarot.subject_tables WHERE problem IS NOT NULL ORDER BY "table"::text COLLATE "C";
SELECT "table", state FROM tarot.subject_map() WHERE state LIKE 'registered,%';
SELECT run($$SELECT tarot.export_subject('1')$$);
SELECT tarot.unregister_subject_table('item'), tarot.unregister_subject_table('note');
DROP TABLE visit;
SELECT count(*) FROM tarot.subject_tables WHERE "table"::text LIKE '%visit%';
SELECT code($$SELECT tarot.export_subject('1')$$);
-- A mask that is put in for what is compared.
SELECT tarot.classify_column('message', 'sender', 'nickname'), tarot.mask_table('message');
SELECT "table", problem FROM tarot.subject_tables WHERE problem IS NOT NULL;
SELECT code($$SELECT tarot.export_subject('1')$$), run($$SELECT tarot.register_subject_table('message', 'sender')$$);

DROP TABLE purchase, item, customer, note, message, ticket, remark, employee, department, address, country, forgotten, meeting CASCADE;
DROP EXTENSION tarot_security CASCADE;
DROP ROLE regress_subjects_app, regress_subjects_officer, regress_subjects_support, regress_subjects_nobody;

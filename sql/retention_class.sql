-- Retention by data class: limits, policies that go by them, and what is kept longer.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\set owner regress_limit_owner
\set other regress_limit_other
\i :source/sql/include/retention.sql
\set reader regress_limit_reader
\i :source/sql/include/retention_classes.sql
RESET client_min_messages;
\set ECHO all
SET ROLE regress_limit_owner;
CREATE TABLE payment (id int, name text, card tarot.encrypted_text('card'), paid_at timestamptz, card_gone boolean NOT NULL DEFAULT false, anonymized_at timestamptz);
CREATE TABLE reading (id int, card tarot.encrypted_text('card'), at date, anonymized_at timestamptz);
CREATE TABLE by_month (id int, card tarot.encrypted_text('card'), at date) PARTITION BY RANGE (at);
CREATE TABLE by_month_1 PARTITION OF by_month DEFAULT;
RESET ROLE;
SELECT tarot.classify_column('payment', 'name', 'person');
SELECT tarot.grant_class(c, current_user::regrole, 'plain') FROM unnest('{person,card}'::text[]) AS c;
INSERT INTO payment VALUES (1, 'Ada L', '4111 1111 1111 1111', now() - interval '100 days'), (2, 'Bob', '5500 0000 0000 0004', now() - interval '10 days'), (3, 'Cyd', '340000000000009', now() - interval '3 years');
INSERT INTO reading VALUES (1, '4111 1111 1111 1111', '2020-01-01');
-- Without a limit there are no gaps; with one, all columns of the class are, until a policy does as much.
TABLE tarot.retention_gaps;
SELECT run($$SELECT tarot.set_class_retention('nothing', '1 day')$$), run($$SELECT tarot.set_class_retention('card', '-1 day')$$), run($$SELECT tarot.set_class_retention('card', '-100 years 36000 days')$$),
	run($$SELECT tarot.set_class_retention('card', '300000 years')$$), run($$SELECT tarot.set_class_retention('card', '1 day', '')$$), run($$SELECT tarot.set_class_retention('card', NULL, 'x')$$);
SELECT tarot.set_class_retention('card', NULL);
SELECT tarot.set_class_retention('card', '90 days', 'PCI DSS 3.2.1');
CREATE VIEW gaps AS SELECT "table", "column", class, "limit", legal_basis, problem, policy, keep FROM tarot.retention_gaps;
SELECT * FROM gaps ORDER BY "table"::text, "column";
SET ROLE regress_limit_owner;
SELECT run($$SELECT tarot.set_class_retention('card', '9 years')$$), run('TABLE tarot.retention_gaps'), run('TABLE tarot.class_retention'), run($$SELECT tarot.add_retention('payment', 'paid_at', class => 'person')$$),
	run($$SELECT tarot.add_retention('payment', 'paid_at', class => 'nothing')$$), run($$SELECT tarot.add_retention('payment', 'paid_at', '1 day', class => 'card')$$), run($$SELECT tarot.add_retention('payment', 'paid_at', NULL)$$),
	run($$SELECT tarot.add_retention('payment', 'paid_at', '1 day', 'anonymize', class => 'number', marker => 'card_gone')$$);
-- The card after the time of its class, the rest later; a mask is not masked again.
SELECT tarot.add_retention('payment', 'paid_at', action => 'anonymize', class => 'card', marker => 'card_gone', policy => 'cards'), tarot.add_retention('payment', 'paid_at', '2 years', 'anonymize', policy => 'payments'),
	tarot.add_retention('by_month', 'at', class => 'card', policy => 'months'), tarot.add_retention('reading', 'at', '10 years', 'anonymize', class => 'card', policy => 'readings');
SELECT run($$SELECT tarot.alter_retention('payments', marker => 'card_gone')$$);
SELECT policy, class, keep, legal_basis, action FROM tarot.retention_status ORDER BY policy;
SELECT rows, done, columns FROM tarot.preview_retention('cards');
SELECT * FROM tarot.preview_references('months');
RESET ROLE;
SELECT * FROM gaps ORDER BY "table"::text, "column";
CALL tarot.run_due_jobs();
SELECT id, name, card, card_gone, anonymized_at IS NOT NULL AS marked FROM payment ORDER BY id;
SELECT card FROM reading;
SELECT new->>'policy' AS policy, new->>'keep' AS keep, new->>'legal_basis' AS basis, new->>'columns' AS columns FROM tarot.audit_log WHERE operation = 'RETENTION' ORDER BY 1;
-- Each gap that a policy leaves.
SET ROLE regress_limit_owner;
SELECT tarot.alter_retention('readings', keep => '80 days', "where" => 'id > 0'), tarot.pause_job('cards');
RESET ROLE;
SELECT * FROM gaps ORDER BY "table"::text, "column";
SET ROLE regress_limit_owner;
SELECT tarot.resume_job('cards');
ALTER TABLE payment RENAME card_gone TO "gone?";
ALTER TABLE payment ALTER "gone?" DROP DEFAULT, ALTER "gone?" TYPE int USING "gone?"::int;
RESET ROLE;
CALL tarot.run_due_jobs();
SELECT * FROM gaps ORDER BY "table"::text, "column";
ALTER TABLE payment ALTER "gone?" TYPE boolean USING "gone?"::boolean;
-- The limit counts from the next run on; without one runs fail.
INSERT INTO payment VALUES (4, 'Dee', '6011000990139424', now() - interval '20 days', false);
SELECT tarot.set_class_retention('card', '15 days');
SELECT tarot.run_job_soon('cards'), tarot.run_job_soon('months');
CALL tarot.run_due_jobs();
SELECT id, card, "gone?" FROM payment WHERE id IN (2, 4) ORDER BY id;
SELECT * FROM gaps ORDER BY "table"::text, "column";
SELECT tarot.set_class_retention('card', NULL);
SELECT tarot.run_job_soon('cards');
CALL tarot.run_due_jobs();
SELECT * FROM last_run('cards');
SELECT policy, keep FROM tarot.retention_status WHERE policy = 'cards';
SELECT * FROM gaps ORDER BY "table"::text, "column";
-- A policy that leaves the column honours no limit of it.
SELECT tarot.set_class_retention('person', '1 year', 'x');
SET ROLE regress_limit_owner;
SELECT tarot.alter_retention('payments', keep => '1 year', keep_columns => '{name}');
RESET ROLE;
SELECT * FROM gaps ORDER BY "table"::text, "column";
-- With the class goes its limit.
SELECT tarot.create_class('short-lived', key => 'people');
SELECT tarot.set_class_retention('short-lived', '1 day');
SELECT tarot.drop_class('short-lived');
SELECT count(*) FROM tarot.class_retention;
-- Who may look at gaps.
SET ROLE pg_monitor;
SELECT count(*) FROM tarot.retention_gaps;
RESET ROLE;
SET client_min_messages = warning;
DROP VIEW gaps;
DROP OWNED BY regress_limit_owner, regress_limit_other, regress_limit_reader CASCADE;

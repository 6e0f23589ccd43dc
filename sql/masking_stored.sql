-- Where the server keeps values of masked columns, or tells them by itself, beside the table: statistics, TOAST tables, details of errors.
-- Who holds SELECT on all of it, as a member of pg_read_all_data, owner or superuser, is shown no more than by the table.
\getenv source PG_ABS_SRCDIR
\set ECHO none
SET datestyle = ISO;
SET client_min_messages = warning;
\i :source/sql/include/attempt.sql
CREATE EXTENSION tarot_security;
\i :source/sql/include/masking.sql
SELECT tarot.create_class('billing', 'shop', 'email'), tarot.grant_class('billing', 'tarot_plain', 'plain'), tarot.set_class_purposes('billing', '{invoices}');
GRANT pg_read_all_data TO tarot_masked, tarot_plain;
CREATE TABLE shop.long (id int, email text, note text);
ALTER TABLE shop.long ALTER email SET STORAGE EXTERNAL, ALTER note SET STORAGE EXTERNAL;
INSERT INTO shop.long VALUES (1, repeat('user1@example.com ', 300), repeat('note ', 600));
CREATE TABLE shop.bill (id int, email text);
INSERT INTO shop.bill SELECT i, 'user' || i || '@example.com' FROM generate_series(1, 20) AS i;
CREATE TABLE shop.order_of (email text REFERENCES shop.client (email), client int REFERENCES shop.client, later text REFERENCES shop.client (email) DEFERRABLE INITIALLY DEFERRED);
INSERT INTO shop.order_of VALUES ('user5@example.com', 6, 'user7@example.com');
CREATE INDEX client_lower ON shop.client (lower(email));
CREATE INDEX client_twice ON shop.client ((n * 2));
ALTER TABLE shop.client ADD EXCLUDE USING btree (lower(email) WITH =), ADD UNIQUE (pay) DEFERRABLE INITIALLY DEFERRED;
CREATE STATISTICS shop.of_columns (mcv) ON email, n FROM shop.client;
CREATE STATISTICS shop.of_others (mcv) ON n, note FROM shop.client;
CREATE STATISTICS shop.of_expression ON (upper(email)) FROM shop.client;
GRANT SELECT, INSERT, UPDATE, DELETE ON shop.order_of, shop.bill TO PUBLIC;
ANALYZE shop.client, shop.long, shop.bill;
PREPARE before_labels AS SELECT count(*) FROM pg_stats WHERE tablename = 'bill' AND attname = 'email';
SET plan_cache_mode = force_generic_plan;
EXECUTE before_labels;
SELECT tarot.classify_column('shop.long', 'email', 'email'), tarot.classify_column('shop.bill', 'email', 'billing');
SELECT tarot.mask_table(t::regclass) FROM (VALUES ('shop.client'), ('shop.long')) AS tables (t);
SELECT reltoastrelid::regclass AS toast FROM pg_class WHERE oid = 'shop.long'::regclass \gset
CREATE VIEW columns AS SELECT attname, histogram_bounds IS NOT NULL AS bounds FROM pg_stats WHERE schemaname = 'shop' AND tablename IN ('client', 'client_lower', 'client_twice') ORDER BY 1;
CREATE VIEW raw_columns AS SELECT starelid::regclass, staattnum FROM pg_statistic WHERE starelid::regclass::text ~ '^shop\.client' ORDER BY 1, 2;
GRANT SELECT ON columns, raw_columns TO PUBLIC;
CREATE FUNCTION detail(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	EXECUTE statement;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN SQLSTATE || ': ' || detail;
END
$$;
\set ECHO all

-- Statistics of classified columns, of indexes on a masked table, and those over several columns.
SET ROLE tarot_masked;
SELECT count(*) FROM columns;
SELECT attname, left(histogram_bounds::text, 20) FROM pg_stats WHERE schemaname = 'shop' AND tablename = 'client' ORDER BY 1;
SELECT starelid::regclass, staattnum, left(stavalues1::text, 20) AS values FROM pg_statistic WHERE starelid::regclass::text ~ '^shop\.(client|bill)' ORDER BY 1, 2;
SELECT stxname FROM pg_statistic_ext_data JOIN pg_statistic_ext s ON s.oid = stxoid ORDER BY 1;
SELECT statistics_name FROM pg_stats_ext WHERE most_common_vals IS NOT NULL ORDER BY 1;
SELECT statistics_name FROM pg_stats_ext_exprs;
COPY (SELECT staattnum FROM pg_statistic WHERE starelid = 'shop.client'::regclass ORDER BY 1) TO STDOUT;
RESET ROLE;
SET ROLE tarot_plain;
SELECT attname, left(histogram_bounds::text, 20) FROM pg_stats WHERE schemaname = 'shop' AND tablename LIKE 'client%' ORDER BY 1;
SELECT stxname FROM pg_statistic_ext_data JOIN pg_statistic_ext s ON s.oid = stxoid ORDER BY 1;
SELECT statistics_name FROM pg_stats_ext_exprs;
SELECT count(*) FROM pg_stats WHERE tablename = 'client' AND attname = 'email' AND tarot.may_read_stored('pg_statistic'::regclass, 'shop.client'::regclass, 3::smallint);
SET tarot_security.io = masked;
SELECT attname FROM pg_stats WHERE schemaname = 'shop' AND tablename LIKE 'client%' ORDER BY 1;
RESET tarot_security.io;
RESET ROLE;

-- Superusers hold nothing by themselves.
SELECT attname FROM pg_stats WHERE schemaname = 'shop' AND tablename LIKE 'client%' ORDER BY 1;
\copy pg_statistic (starelid, stavalues1) to program 'grep -c user1@'
SELECT tarot.mask_table('shop.bill');
\copy pg_statistic (starelid, stavalues1) to program 'grep -c user1@'

-- A plan that was made before the table was masked; and a class that asks for a purpose.
EXECUTE before_labels;
SET ROLE tarot_plain;
EXECUTE before_labels;
SET tarot_security.purpose = 'invoices';
EXECUTE before_labels;
RESET tarot_security.purpose;
RESET ROLE;

-- TOAST tables.
SET ROLE tarot_masked;
SELECT count(*) FROM :toast;
RESET ROLE;
SELECT count(*) FROM :toast;
SELECT count(*) FROM pg_toast.pg_toast_2619;
SET ROLE tarot_plain;
SELECT count(*) > 0 AS some FROM :toast;
RESET ROLE;

-- The planner has them all.
SET ROLE tarot_plain;
SELECT query_plan.* FROM (SELECT ask('EXPLAIN SELECT FROM shop.client WHERE birth = ''1950-05-11''') ~ 'rows=3 ' AS with_statistics) AS query_plan;
RESET ROLE;

-- Rows and keys in details, also for functions that catch the error.
CREATE VIEW shop.positive AS SELECT * FROM shop.client WHERE n > 0 WITH CHECK OPTION;
ALTER VIEW shop.positive OWNER TO tarot_masked;
GRANT SELECT, UPDATE ON shop.positive TO PUBLIC;
CREATE TABLE statement (number int GENERATED ALWAYS AS IDENTITY, text text);
INSERT INTO statement (text) VALUES ('UPDATE shop.client SET n = -1 WHERE id = 3'), ('UPDATE shop.client SET id = NULL WHERE id = 3'), ('UPDATE shop.client SET id = 1 WHERE id = 3'),
	('INSERT INTO shop.client (id, email) VALUES (99, ''user3@example.com'')'), ('INSERT INTO shop.client (id, email) VALUES (99, ''USER3@example.com'')'),
	('DELETE FROM shop.client WHERE id = 5'), ('DELETE FROM shop.client WHERE id = 6'), ('SET CONSTRAINTS ALL IMMEDIATE; DELETE FROM shop.client WHERE id = 7'),
	('INSERT INTO shop.order_of VALUES (''nobody'')'), ('INSERT INTO shop.order_of (client) VALUES (99)'), ('UPDATE shop.positive SET n = 0 WHERE id = 3'),
	('SET CONSTRAINTS ALL IMMEDIATE; UPDATE shop.client SET pay = 31000.77 WHERE id = 3');
GRANT SELECT ON statement TO PUBLIC;
SET ROLE tarot_masked;
SELECT detail(text) FROM statement ORDER BY number;
RESET ROLE;
SELECT number, detail(text) FROM statement WHERE number IN (1, 4) ORDER BY number;
SET ROLE tarot_plain;
SELECT detail(text) FROM statement ORDER BY number;
SET tarot_security.io = masked;
SELECT number, detail(text) FROM statement WHERE number IN (1, 4) ORDER BY number;
RESET tarot_security.io;
RESET ROLE;
-- Who does not hold SELECT on the table is shown what they may see, as ever.
SET ROLE tarot_none;
SELECT detail(text) FROM statement WHERE number IN (1, 6) ORDER BY number;
RESET ROLE;

-- At the commit, with no statement running; by COPY.
SET ROLE tarot_masked;
BEGIN;
DELETE FROM shop.client WHERE id = 7;
COMMIT;
COPY shop.client (id, n) FROM STDIN;
99	-1
\.
RESET ROLE;
SET ROLE tarot_plain;
BEGIN;
DELETE FROM shop.client WHERE id = 7;
COMMIT;
RESET ROLE;

-- Rows of a materialized view, told to who has it refreshed.
CREATE TABLE shop.times (n int);
INSERT INTO shop.times VALUES (1);
GRANT SELECT ON shop.times TO tarot_plain;
CREATE MATERIALIZED VIEW shop.copy AS SELECT client.id, client.email FROM shop.client, shop.times WITH NO DATA;
ALTER MATERIALIZED VIEW shop.copy OWNER TO tarot_plain;
SELECT tarot.classify_column('shop.copy', 'email', 'email'), tarot.mask_table('shop.copy');
CREATE UNIQUE INDEX ON shop.copy (id);
REFRESH MATERIALIZED VIEW shop.copy;
INSERT INTO shop.times VALUES (2);
SELECT detail('REFRESH MATERIALIZED VIEW CONCURRENTLY shop.copy');
SET ROLE tarot_plain;
SELECT detail('REFRESH MATERIALIZED VIEW CONCURRENTLY shop.copy') ~ 'Row: .*user.*@example.com' AS row_told;
RESET ROLE;

-- What the server does as the owner, who reads values here: for who had it done.
SELECT tarot.grant_class(c, 'tarot_owner', 'plain') FROM (VALUES ('email'), ('birth'), ('pay')) AS classes (c);
CREATE TABLE shop.kind (id int PRIMARY KEY);
INSERT INTO shop.kind VALUES (1);
GRANT SELECT, UPDATE ON shop.kind TO tarot_none, tarot_plain;
ALTER TABLE shop.kind OWNER TO tarot_owner;
ALTER TABLE shop.client ADD kind int DEFAULT 1 REFERENCES shop.kind ON UPDATE CASCADE CHECK (kind < 5);
SELECT tarot.unclassify_column('shop.client', 'kind');
SET ROLE tarot_none;
SELECT detail('UPDATE shop.kind SET id = 5');
RESET ROLE;
SELECT detail('UPDATE shop.kind SET id = 5'), detail('CREATE UNIQUE INDEX ON shop.client (birth)');
SET ROLE tarot_owner;
SELECT detail('UPDATE shop.kind SET id = 5') ~ 'user1@example.com' AS row_told, detail('CREATE UNIQUE INDEX ON shop.client (birth)');
RESET ROLE;

\set ECHO none
DROP OWNED BY tarot_owner, tarot_plain, tarot_masked, tarot_search, tarot_none, tarot_member CASCADE;
DROP ROLE tarot_owner, tarot_plain, tarot_masked, tarot_search, tarot_none, tarot_member;

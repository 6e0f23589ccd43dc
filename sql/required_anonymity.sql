-- A minimum before a dump: while masks are dumped, a table for which it is required must be k-anonymous, l-diverse and t-close, or nothing is copied.
\getenv source PG_ABS_SRCDIR
\set ECHO none
\i :source/sql/include/attempt.sql
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
CREATE ROLE tarot_officer;
CREATE ROLE tarot_dumper;
CREATE ROLE tarot_owner;
SELECT tarot.create_key('k') > 0 AS created;
SELECT tarot.create_class('zip', 'k', 'partial(1,0)'), tarot.create_class('email', 'k', 'email');
SELECT tarot.grant_class('zip', role, 'plain'), tarot.grant_class('email', role, 'plain') FROM unnest('{postgres,tarot_owner}'::regrole[]) AS role;
SELECT tarot.grant_class('zip', 'tarot_dumper', 'masked'), tarot.grant_class('email', 'tarot_dumper', 'masked');
CREATE TABLE patient (id int, zip text, email tarot.encrypted_text('email'), age int, disease text);
ALTER TABLE patient OWNER TO tarot_owner;
INSERT INTO patient SELECT i, '1' || i % 5 || '115', 'ada' || i || '@example.org', 30 + i % 2, 'disease ' || i % 3 FROM generate_series(1, 24) AS i;
SELECT tarot.classify_column('patient', 'zip', 'zip');
GRANT SELECT ON patient TO tarot_dumper;

-- Who may require it, and take it back: who was granted that, and not the table's owner.
SET ROLE tarot_owner;
SELECT run($$SELECT tarot.set_required_anonymity('patient', '{zip}')$$), run($$SELECT tarot.drop_required_anonymity('patient')$$), run('TABLE tarot.required_anonymity');
RESET ROLE;
GRANT EXECUTE ON FUNCTION tarot.set_required_anonymity(regclass, name[], integer, name[], integer, double precision), tarot.drop_required_anonymity(regclass) TO tarot_officer;
SET ROLE tarot_officer;
SELECT tarot.set_required_anonymity('patient', '{zip,email,age}', 12);
RESET ROLE;
SELECT relation, quasi_identifiers, k, sensitive, l, t, set_by = session_user AS by_me FROM tarot.required_anonymity;

-- Of what is dumped: of 24 different addresses and 5 postcodes the masks are one, and twelve have each age. Values would be alone.
SELECT run($$SELECT tarot.check_required_anonymity('patient')$$);
SET tarot_security.io = masked;
SELECT tarot.check_required_anonymity('patient');
COPY (SELECT DISTINCT zip, email::text, age FROM patient ORDER BY 3) TO STDOUT;
SELECT smallest, groups FROM tarot.k_anonymity('patient', '{zip,email,age}');
-- Encrypted columns are counted by what is seen of them, their masks, also where these are sensitive.
SELECT smallest FROM tarot.l_diversity('patient', '{age}', 'email');
SELECT largest, distance FROM tarot.t_closeness('patient', '{age}', 'email');

-- One row short, and nothing is copied, of no column, by nobody, in no way that a dump goes.
SELECT tarot.set_required_anonymity('patient', '{zip,email,age}', 13);
CREATE VIEW shown AS SELECT zip FROM patient;
\set VERBOSITY default
COPY patient TO STDOUT;
\set VERBOSITY terse
COPY patient (disease) TO STDOUT;
COPY (SELECT 1 FROM patient) TO STDOUT;
COPY (SELECT (SELECT max(id) FROM patient)) TO STDOUT;
COPY (SELECT * FROM shown) TO STDOUT;
CREATE FUNCTION steal() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT max(zip) FROM patient); END';
COPY (SELECT steal()) TO STDOUT;
SET ROLE tarot_dumper;
COPY patient TO STDOUT;
SET ROLE tarot_owner;
COPY patient TO STDOUT;
RESET ROLE;
-- pg_dump --inserts reads by cursors, and without row security.
SET row_security = off;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM ONLY patient;
ROLLBACK;
SELECT run('SELECT FROM patient');
RESET row_security;
-- A statement that was prepared before is asked, too.
SELECT tarot.set_required_anonymity('patient', '{zip,email,age}', 12);
PREPARE ready AS SELECT max(zip) FROM patient;
EXECUTE ready;
SELECT tarot.set_required_anonymity('patient', '{zip,email,age}', 13);
SET row_security = off;
EXECUTE ready;
RESET row_security;
DEALLOCATE ready;
-- Other tables, reports and queries go on, and so does a dump that is not of masks.
CREATE TABLE other (id int);
COPY other TO STDOUT;
SELECT count(*), min(zip) FROM patient;
SELECT rows_below FROM tarot.k_anonymity('patient', '{zip,email,age}', 13);
SET tarot_security.io = plain;
COPY (SELECT zip FROM patient WHERE id = 1) TO STDOUT;
SET tarot_security.io = masked;

-- Sensitive values: three diseases for each age, evenly.
SELECT tarot.set_required_anonymity('patient', '{age}', 12, sensitive => '{disease,id}', l => 3, t => 0.6);
SELECT tarot.check_required_anonymity('patient');
SELECT tarot.set_required_anonymity('patient', '{age}', 12, sensitive => '{disease}', l => 4);
\set VERBOSITY default
COPY patient TO STDOUT;
SELECT tarot.set_required_anonymity('patient', '{age}', 12, sensitive => '{id}', t => 0.01);
COPY patient TO STDOUT;
\set VERBOSITY terse

-- Rows that the role cannot see might be those; a column that is gone is no reason to let it pass.
SELECT tarot.set_required_anonymity('patient', '{age}', 12);
ALTER TABLE patient ENABLE ROW LEVEL SECURITY;
CREATE POLICY some_rows ON patient USING (id > 2);
SET ROLE tarot_dumper;
COPY patient TO STDOUT;
RESET ROLE;
ALTER TABLE patient DISABLE ROW LEVEL SECURITY;
COPY (SELECT count(*) FROM patient) TO STDOUT;
ALTER TABLE patient RENAME age TO years;
COPY patient TO STDOUT;
ALTER TABLE patient RENAME years TO age;
ALTER TABLE patient RENAME TO visit;
COPY (SELECT count(*) FROM visit) TO STDOUT;
ALTER TABLE visit RENAME TO patient;
REVOKE SELECT ON patient FROM tarot_dumper;
GRANT SELECT (id) ON patient TO tarot_dumper;
SET ROLE tarot_dumper;
COPY patient (id) TO STDOUT;
RESET ROLE;

-- A copy by tarot.anonymize_table() must be as anonymous, or is not made: with it every other row has another age.
SET tarot_security.io = plain;
SELECT tarot.grant_class('email', 'postgres', 'plain');
SELECT tarot.set_required_anonymity('patient', '{zip,age}', 12);
SELECT count(*) FROM tarot.anonymize_table('patient', copy_to => 'public.copy', keep => '{email}');
SELECT smallest FROM tarot.k_anonymity('copy', '{zip,age}');
DROP TABLE copy;
SELECT count(*) FROM tarot.anonymize_table('patient', copy_to => 'public.copy', keep => '{email,zip}', shuffle => '{age}');
SELECT to_regclass('copy');

-- Partitions and children: the whole counts, also where a part is dumped alone.
SET tarot_security.io = masked;
CREATE TABLE event (at date, zip text) PARTITION BY RANGE (at);
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO event VALUES ('2024-05-05', 'a'), ('2025-05-05', 'a');
SELECT tarot.set_required_anonymity('event', '{zip}', 2);
COPY event_1 (zip) TO STDOUT;
INSERT INTO event VALUES ('2025-05-05', 'b');
COPY event_1 TO STDOUT;
COPY event_2 TO STDOUT;
COPY (SELECT FROM event) TO STDOUT;
SELECT tarot.set_required_anonymity('event_2', '{zip}', 2), tarot.drop_required_anonymity('event');
COPY event_1 (zip) TO STDOUT;
COPY event_2 TO STDOUT;
COPY (SELECT FROM event) TO STDOUT;
SELECT tarot.drop_required_anonymity('event_2'), tarot.drop_required_anonymity('event_2');
COPY event_2 (zip) TO STDOUT;

-- Arguments.
SELECT call, run('SELECT ' || call) FROM (VALUES ('tarot.set_required_anonymity(NULL, ''{zip}'')'), ('tarot.set_required_anonymity(''patient'', NULL)'), ('tarot.set_required_anonymity(''patient'', ''{}'')'),
	('tarot.set_required_anonymity(''patient'', ''{absent}'')'), ('tarot.set_required_anonymity(''patient'', ''{zip}'', 1)'), ('tarot.set_required_anonymity(''patient'', ''{zip}'', NULL)'), ('tarot.set_required_anonymity(''shown'', ''{zip}'')'),
	('tarot.set_required_anonymity(''patient'', ''{zip}'', 2, ''{disease}'')'), ('tarot.set_required_anonymity(''patient'', ''{zip}'', 2, ''{}'', 3)'), ('tarot.set_required_anonymity(''patient'', ''{zip}'', 2, ''{absent}'', 3)'),
	('tarot.set_required_anonymity(''patient'', ''{zip}'', 2, NULL, 3)'), ('tarot.set_required_anonymity(''patient'', ''{zip}'', 2, ''{disease}'', 1)'), ('tarot.set_required_anonymity(''patient'', ''{zip}'', 2, ''{disease}'', NULL, 1.5)'),
	('tarot.set_required_anonymity(''patient'', ''{zip}'', 2, ''{disease}'', NULL, ''NaN'')'), ('tarot.check_required_anonymity(''other'')'), ('tarot.check_required_anonymity(NULL)')) AS calls (call);
DROP TABLE patient, other, event CASCADE;
DROP OWNED BY tarot_officer;
DROP ROLE tarot_officer, tarot_dumper, tarot_owner;

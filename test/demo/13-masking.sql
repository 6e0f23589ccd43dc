-- A DBA's afternoon with a table that stays as it is: which columns are sensitive, who sees what of them, and copies to give away.

\connect - postgres
SET client_min_messages = warning;
-- What the newsletter's vendor left behind, of whom nobody knew what was in it.
CREATE SCHEMA crm;
GRANT USAGE ON SCHEMA crm TO support, web, analyst;
CREATE TABLE crm.lead (id bigint PRIMARY KEY, mail text NOT NULL UNIQUE, full_name text, tel text, birthday date, card_no text, spent numeric(10, 2), house text, version text);
INSERT INTO crm.lead SELECT i, 'lead.' || i || '@' || (ARRAY['example.org', 'example.net', 'tarot.example'])[1 + i % 3],
		(ARRAY['Zoë Martin', 'Анна Иванова', 'Eleni Papadopoulou', '佐藤 花子', 'Ngozi Okafor'])[1 + i % 5], '+49 30 9018' || to_char(demo.dice(i, 81, 10000), 'FM0000'),
		date '1950-01-01' + demo.dice(i, 82, 20000), demo.card_number('424242', i), demo.dice(i, 83, 100000) / 100.0 + 0.37,
		(ARRAY['Wands', 'Cups', 'Swords', 'Pentacles'])[1 + i % 4], '1.' || i % 7 || '.' || i % 11
	FROM generate_series(1, 10000) i;
GRANT SELECT, UPDATE ON crm.lead TO support, web, analyst;
CREATE VIEW crm.by_house AS SELECT house, count(*), min(mail) AS first FROM crm.lead GROUP BY house;
GRANT SELECT ON crm.by_house TO support;
ANALYZE crm.lead;

\echo '> SELECT "column", kind, class, mask, confidence, evidence FROM tarot.discover_sensitive(''crm'');'
SELECT "column", kind, class, mask, confidence, evidence FROM tarot.discover_sensitive('crm');
SELECT demo.claim('A sample tells which columns are sensitive: five are, and spent, house and version are not',
	array_agg("column"::text ORDER BY "column") = '{birthday,card_no,full_name,mail,tel}') FROM tarot.discover_sensitive('crm');
SELECT tarot.create_key('sensitive') \g /dev/null
\o /dev/null
SELECT unnest(statements) FROM tarot.discover_sensitive('crm') \gexec
SELECT tarot.grant_class(class, 'support', 'masked'), tarot.grant_class(class, 'web', 'plain'), tarot.grant_class(class, 'postgres', 'plain')
	FROM tarot.classified_columns WHERE "table" = 'crm.lead'::regclass;
SELECT tarot.mask_table('crm.lead');
\o

\connect - support
\echo
\echo '-- support, after tarot.mask_table(''crm.lead''). The table and the query are those of yesterday:'
\echo '> SELECT id, mail, full_name, tel, birthday, card_no, spent FROM crm.lead WHERE id < 3;'
SELECT id, mail, full_name, tel, birthday, card_no, spent FROM crm.lead WHERE id < 3;
SELECT demo.claim('Of 10 000 rows support sees masks, and what is not sensitive as it is',
	count(*) = 10000 AND count(*) FILTER (WHERE mail LIKE 'lead.%' OR card_no NOT LIKE '**** **** **** %' OR birthday <> date_trunc('year', birthday) OR full_name ~ '^(Zoë|Анна)') = 0 AND count(house) = 10000)
	FROM crm.lead;
SELECT (SELECT count(*) FROM crm.lead WHERE mail = 'lead.77@example.org' OR card_no LIKE '4242%' OR birthday = '1976-02-29') AS guessed,
	(SELECT count(*) FROM crm.by_house WHERE first LIKE 'lead%') AS by_view, query_to_xml('SELECT mail FROM crm.lead', false, false, '')::text LIKE '%lead.%' AS by_xml \gset
CREATE TEMP TABLE stolen AS SELECT * FROM crm.lead;
SELECT count(*) FROM stolen WHERE mail LIKE 'lead%' \gset stolen_
SELECT mail::int FROM crm.lead WHERE id = 77;
\set error :LAST_ERROR_MESSAGE
UPDATE crm.lead SET mail = lower(mail) WHERE id = 77;
\set refused :SQLSTATE
SELECT demo.claim('Nor by guessing, a view of the owner, a cast that fails, XML or a copy, and no mask is written over a value',
	(:guessed, :by_view, :stolen_count) = (0, 0, 0) AND NOT :'by_xml' AND :'error' NOT LIKE '%lead.77%' AND :'refused' = '42501');

\connect - web
SELECT demo.claim('The application sees the values, and finds them by their index', (SELECT mail FROM crm.lead WHERE mail = 'lead.77@tarot.example') = 'lead.77@tarot.example');
\connect - analyst
SELECT mail FROM crm.lead LIMIT 1;
\set nothing :SQLSTATE
SELECT count(*) FROM (SELECT id, spent FROM crm.lead OFFSET 0) AS seen \gset
SELECT demo.claim('Who is granted nothing of a class may read the other columns, and of these none', :'nothing' = '42501' AND :count = 10000);

\connect - postgres
\echo
\echo '> SELECT smallest, groups, rows_below FROM tarot.k_anonymity(''crm.lead'', ''{birthday,house}'', 5);'
SELECT smallest, groups, rows_below FROM tarot.k_anonymity('crm.lead', '{birthday,house}', 5);
SELECT problem, hint FROM tarot.check_anonymization('crm.lead', shuffle => '{spent}', allow => '{birthday,spent}');
SELECT demo.claim('That masks of addresses are no key is told before a copy is begun', count(*) = 1) FROM tarot.check_anonymization('crm.lead', shuffle => '{spent}', allow => '{birthday,spent}');
ALTER TABLE crm.lead DROP CONSTRAINT lead_mail_key;
\echo '> SELECT "column", class, treatment, "values" FROM tarot.anonymize_table(''crm.lead'', copy_to => ''crm.lead_copy'', shuffle => ''{spent}'', allow => ''{birthday,spent}'');'
SET client_min_messages = warning;
SELECT "column", class, treatment, "values" FROM tarot.anonymize_table('crm.lead', copy_to => 'crm.lead_copy', shuffle => '{spent}', allow => '{birthday,spent}');
SELECT demo.claim('A copy to give away: no value is left in it, sums stay what they were',
	(SELECT count(*) FROM crm.lead_copy c JOIN crm.lead l ON l.mail = c.mail OR l.card_no = c.card_no) = 0 AND (SELECT sum(spent) FROM crm.lead_copy) = (SELECT sum(spent) FROM crm.lead));
\! PGOPTIONS='-c tarot_security.io=masked' pg_dump -U postgres --data-only -t crm.lead --file "$WORK/masked-lead.sql"
\set raw `grep -c 'lead\.[0-9]' "$WORK/masked-lead.sql" || true`
\set lines `grep -c '\*\*\*' "$WORK/masked-lead.sql" || true`
SELECT demo.claim('So does pg_dump with tarot_security.io=masked', :raw = 0 AND :lines = 10000);
DROP SCHEMA crm CASCADE;
RESET client_min_messages;

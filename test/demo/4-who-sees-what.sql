-- One query, asked by four roles, for three customers. Nothing but the role differs: no views, no functions to call, no rewriting.

\set three 'SELECT c.name, c.email, c.born, c.preferences ->> ''language'' AS language, c.preferences ->> ''deck'' AS deck, p.tip, p.card_number FROM customer c JOIN payment p ON p.customer_id = c.id WHERE c.id <= 3 ORDER BY c.id;'

\connect - web
\echo '-- web, the application. It is granted "plain":'
:three
SELECT demo.claim('The application reads every value as it was written',
	bool_and(name::text !~ '[*]|encrypted' AND email LIKE '%_@_%' AND (phone ~ '^[+]' OR phone IS NULL)) AND count(*) = 10000)
	FROM customer;

\connect - support
\echo '-- support. It is granted "masked":'
:three
SELECT demo.claim('Support sees four digits of a card, the form of an address, one letter of a name, no reading',
	(SELECT bool_and(name ~ '^.{1,3}[*]{3}$' AND email ~ '^.[*]{3}@.[*]{3}[.]') FROM customer)
	AND (SELECT bool_and(card_number ~ '^[*]{4} [*]{4} [*]{4} [0-9]{4}$') FROM payment)
	AND (SELECT count(DISTINCT reading::text) = 1 FROM reading));
SELECT demo.claim('... of a birth date the year, of a tip five more or less, of preferences the language alone',
	(SELECT bool_and(extract(doy FROM born) = 1 AND preferences ->> 'language' <> '***' AND preferences ->> 'deck' = '***') FROM customer)
	AND (SELECT bool_and(tip % 5 = 0) FROM payment));

\connect - analyst
\echo '-- analyst. It may SELECT from the tables, and is granted no data class:'
:three
SELECT demo.claim('An analyst gets placeholders, and still adds up what is not encrypted',
	(SELECT bool_and(name::text = '[encrypted]' AND email::text = '[encrypted]') FROM customer)
	AND (SELECT bool_and(reading::text = '[encrypted]' AND question::text = '[encrypted]') FROM reading)
	AND (SELECT sum(amount) > 500000 FROM payment));

\connect - postgres
\echo '-- postgres, superuser and owner of the tables, and granted nothing either:'
:three
SELECT demo.claim('Being superuser or owner gives nothing: only grants do, and tarot.class_access lists them',
	(SELECT bool_and(name::text = '[encrypted]' AND email::text = '[encrypted]') FROM customer)
	AND NOT EXISTS (SELECT FROM tarot.class_access WHERE grantee = 'postgres'));

-- Searching what is encrypted: by an index, in any spelling, for those who may.
\connect - web
EXPLAIN (COSTS off) SELECT id FROM customer WHERE email = 'Zoe@Example.FR';
SELECT demo.claim('The application finds an address by an index, however it is spelled', array_agg(id) = '{1}')
	FROM customer WHERE email = 'Zoe@Example.FR';
SELECT demo.claim('It adds up tips, and counts birthdays, as if they were plain',
	(SELECT sum(tip) BETWEEN 100000 AND 200000 FROM payment) AND (SELECT count(*) > 100 FROM customer WHERE extract(month FROM born) = 2));
INSERT INTO customer (id, handle, name, email) VALUES (0, 'double', 'Someone Else', 'ZOE@example.fr');
SELECT demo.claim('The same address, spelled otherwise, is refused by UNIQUE', :'SQLSTATE' = '23505');
\connect - support
SELECT id FROM customer WHERE email = 'zoe@example.fr';
SELECT demo.claim('Support may not search, and is told so: no empty answer', :'SQLSTATE' = '42501');

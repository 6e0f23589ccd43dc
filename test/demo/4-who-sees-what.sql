-- One query, asked by four roles, for three customers. Nothing but the role differs: no views, no functions to call, no rewriting.

\set three 'SELECT c.name, c.email, c.phone, p.card_number, left(r.reading, 15) AS reading FROM customer c JOIN payment p ON p.customer_id = c.id JOIN reading r ON r.customer_id = c.id WHERE c.id <= 3 ORDER BY c.id;'

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

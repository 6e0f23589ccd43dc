-- What was loaded, counted by the application.
\connect - web

SELECT 'customer' AS "table", count(*) AS rows, 'name, email, phone, born, preferences' AS encrypted,
		min(octet_length(name)) || ' to ' || max(octet_length(name)) AS "bytes a value",
		pg_size_pretty(pg_table_size('customer')) AS "on disk"
	FROM customer
UNION ALL
SELECT 'reading', count(*), 'question, reading', min(octet_length(reading)) || ' to ' || max(octet_length(reading)),
		pg_size_pretty(pg_table_size('reading'))
	FROM reading
UNION ALL
SELECT 'payment', count(*), 'card_number, tip', min(octet_length(card_number)) || ' to ' || max(octet_length(card_number)),
		pg_size_pretty(pg_table_size('payment'))
	FROM payment
UNION ALL
SELECT 'card', count(*), 'nothing: they are public', '', pg_size_pretty(pg_table_size('card'))
	FROM card;

SELECT demo.claim('78 cards, 10 000 customers, 15 000 readings, 12 000 payments',
	((SELECT count(*) FROM card), (SELECT count(*) FROM customer),
		(SELECT count(*) FROM reading), (SELECT count(*) FROM payment)) = (78, 10000, 15000, 12000));

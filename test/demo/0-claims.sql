-- For the demo itself: how it says what it claims, and how it throws dice.

\o /dev/null
\set ON_ERROR_STOP on
CREATE SCHEMA demo;
GRANT USAGE ON SCHEMA demo TO PUBLIC;

-- A claim is printed with a mark that says whether it holds. What is not known does not hold.
CREATE FUNCTION demo.claim(claim text, holds boolean) RETURNS text
	LANGUAGE sql IMMUTABLE CALLED ON NULL INPUT
	AS $$ SELECT CASE WHEN holds THEN '✓ ' ELSE '✗ ' END || claim $$;

-- The same dice at every run: 0 to sides - 1, for a row and a purpose.
CREATE FUNCTION demo.dice(id bigint, purpose integer, sides bigint) RETURNS integer
	LANGUAGE sql IMMUTABLE STRICT
	AS $$ SELECT ((hashint8extended(id, purpose) & 9223372036854775807) % sides)::integer $$;

-- A number of a card that was never issued: a prefix for testing, digits, and the check digit of Luhn.
CREATE FUNCTION demo.card_number(prefix text, id bigint) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT
	AS $$
	SELECT regexp_replace(d.digits || (10 - d.sum % 10) % 10, '(.{4})(?=.)', '\1 ', 'g')
	FROM (
		SELECT body AS digits, sum(CASE WHEN i % 2 = 1 THEN digit * 2 / 10 + digit * 2 % 10 ELSE digit END) AS sum
		FROM (SELECT prefix || lpad(demo.dice(id, 70, 1000000000)::text, 9, '0') AS body) b,
			generate_series(1, 15) AS i, CAST(substr(body, i, 1) AS integer) AS digit
		GROUP BY body
	) d
	$$;

-- Included by tests: two tables whose values are searched, and the ways to ask. Needs the searchable class "email" and
-- class "note", which the role may read and write, and attempt.sql.

-- The lines of a plan that say how something is found.
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ 'Cond:|Filter|Join|Scan|Aggregate|Unique|Key:|SetOp|Memoize' THEN
			RETURN NEXT ltrim(line, ' ->');
		END IF;
	END LOOP;
END
$$;

CREATE DOMAIN mailbox AS tarot.encrypted_text('email');
CREATE TABLE customer (id int PRIMARY KEY, email tarot.encrypted_text('email') UNIQUE, box mailbox, many tarot.encrypted_text('email')[],
	note tarot.encrypted_text('note'), address text);
INSERT INTO customer SELECT i, 'u' || i, 'u' || i, ARRAY['u' || i, 'v' || i], 'n' || i % 10, 'u' || i FROM generate_series(1, 2000) AS i;
CREATE INDEX ON customer (box);
CREATE TABLE purchase (id int PRIMARY KEY, email tarot.encrypted_text('email') NOT NULL REFERENCES customer (email) ON UPDATE CASCADE ON DELETE SET NULL, store int);
ALTER TABLE purchase ALTER email DROP NOT NULL;
INSERT INTO purchase SELECT i, 'u' || i, i % 5 FROM generate_series(1, 1000) AS i;
CREATE INDEX ON purchase USING hash (email);
ANALYZE customer, purchase;

-- ------------------------------------------------------------ queries

CREATE FUNCTION in_list(e tarot.encrypted_text) RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT e IN ('u1', 'u2', 'u3') $$;
CREATE FUNCTION is_first(e tarot.encrypted_text) RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT e = 'u1' $$;
CREATE FUNCTION is_text(e tarot.encrypted_text, t text) RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT e = t $$;
CREATE FUNCTION listed() RETURNS SETOF int LANGUAGE sql STABLE AS $$ SELECT id FROM customer WHERE email IN ('u1', 'u2', 'none') $$;
CREATE FUNCTION listed_atomic() RETURNS SETOF int LANGUAGE sql STABLE BEGIN ATOMIC SELECT id FROM customer WHERE email IN ('u1', 'u2', 'none'); END;
CREATE FUNCTION address_of(who int) RETURNS tarot.encrypted_text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT email FROM customer WHERE id = who); END $$;
CREATE VIEW first_ten AS SELECT id, email, email = 'u3' AS third FROM customer WHERE id <= 10;
CREATE TABLE queries (i serial, query text);
INSERT INTO queries (query) VALUES
	($$SELECT count(*) FROM customer WHERE email = 'u7'$$), ($$SELECT count(*) FROM customer WHERE email = 'u7'::text$$), ($$SELECT count(*) FROM customer WHERE 'u7' = email$$),
	($$SELECT count(*) FROM customer WHERE email = 'u7'::varchar$$), ($$SELECT count(*) FROM customer WHERE email = lower('U7')$$), ($$SELECT count(*) FROM customer WHERE email = 'absent'$$),
	($$SELECT count(*) FROM customer WHERE email = ''$$), ($$SELECT count(*) FROM customer WHERE email = NULL$$), ($$SELECT count(*) FROM customer WHERE email <> 'u7'$$),
	($$SELECT count(*) FROM customer WHERE NOT email = 'u7'$$), ($$SELECT count(*) FROM customer WHERE email <> 'u7'::text AND 'u8'::text <> email$$),
	($$SELECT count(*) FROM customer WHERE email IN ('u7', 'u8', 'absent')$$), ($$SELECT count(*) FROM customer WHERE email NOT IN ('u7', 'u8')$$),
	($$SELECT count(*) FROM customer WHERE email IN ('u7', NULL)$$), ($$SELECT count(*) FROM customer WHERE email IN ('u1','u2','u3','u4','u5','u6','u7','u8','u9','u10','u11')$$),
	($$SELECT count(*) FROM customer WHERE email IN ('u7'::text, address)$$), ($$SELECT count(*) FROM customer WHERE email = ANY ('{u7,u8}')$$),
	($$SELECT count(*) FROM customer WHERE email = ANY (ARRAY['u7', 'u8']::text[])$$), ($$SELECT count(*) FROM customer WHERE email <> ALL (ARRAY['u7', 'u8'])$$),
	($$SELECT count(*) FROM customer WHERE email = ANY ('{}'::text[])$$), ($$SELECT count(*) FROM customer WHERE email = ANY (ARRAY(SELECT address FROM customer WHERE id < 4))$$),
	($$SELECT count(*) FROM customer WHERE email = ANY (ARRAY(SELECT email FROM purchase WHERE id < 4))$$), ($$SELECT count(*) FROM customer a WHERE email = ANY (a.many)$$),
	($$SELECT count(*) FROM customer WHERE 'v7' = ANY (many)$$), ($$SELECT count(*) FROM customer WHERE many[2] = 'v7'$$), ($$SELECT count(*) FROM customer WHERE array_position(many, 'v7') = 2$$),
	($$SELECT count(*) FROM customer WHERE many @> '{v7}'::tarot.encrypted_text[]$$), ($$SELECT count(*) FROM customer WHERE many = '{u7,v7}'$$), ($$SELECT count(*) FROM (SELECT DISTINCT many FROM customer) AS d$$),
	($$SELECT count(*) FROM customer WHERE email = (SELECT address FROM customer WHERE id = 7)$$), ($$SELECT count(*) FROM customer WHERE email = (SELECT email FROM purchase WHERE id = 7)$$),
	($$SELECT count(*) FROM customer WHERE email IN (SELECT email FROM purchase WHERE store = 1)$$), ($$SELECT count(*) FROM customer WHERE email IN (SELECT address FROM customer WHERE id < 10)$$),
	($$SELECT count(*) FROM customer WHERE address IN (SELECT email FROM purchase)$$), ($$SELECT count(*) FROM customer WHERE email NOT IN (SELECT email FROM purchase WHERE email IS NOT NULL)$$),
	($$SELECT count(*) FROM customer WHERE email NOT IN (SELECT address FROM customer WHERE id < 10)$$), ($$SELECT count(*) FROM customer c WHERE EXISTS (SELECT FROM purchase p WHERE p.email = c.email)$$),
	($$SELECT count(*) FROM customer c WHERE NOT EXISTS (SELECT FROM purchase p WHERE p.email = c.email)$$), ($$SELECT count(*) FROM customer WHERE (id, email) IN ((7, 'u7'), (8, 'u9'))$$),
	($$SELECT count(*) FROM customer WHERE (id, email) IN (SELECT id, email FROM purchase)$$), ($$SELECT count(*) FROM customer WHERE ROW(id, email) = ROW(7, 'u7')$$),
	($$SELECT count(*) FROM customer JOIN purchase USING (email)$$), ($$SELECT count(*) FROM customer NATURAL JOIN (SELECT email FROM purchase) AS p$$),
	($$SELECT count(*) FROM customer c LEFT JOIN purchase p ON p.email = c.email WHERE p.id IS NULL$$), ($$SELECT count(*) FROM customer c FULL JOIN purchase p ON p.email = c.email$$),
	($$SELECT count(*) FROM purchase p JOIN customer c ON c.address = p.email$$), ($$SELECT count(*) FROM purchase p JOIN customer c ON p.email = c.address AND c.email = p.email$$),
	($$SELECT count(*) FROM customer a, customer b WHERE a.email = b.box AND b.box = a.address$$), ($$SELECT count(*) FROM customer c, LATERAL (SELECT FROM purchase p WHERE p.email = c.email LIMIT 1) AS l$$),
	($$SELECT count(*) FROM customer a JOIN customer b ON a = b$$), ($$SELECT count(*) FROM customer a JOIN customer b ON ROW(a.email, a.box) = ROW(b.email, b.box)$$),
	($$SELECT count(*) FROM customer a JOIN customer b ON ARRAY[a.email] = ARRAY[b.email]$$), ($$SELECT count(DISTINCT email) FROM purchase$$), ($$SELECT count(*) FROM (SELECT DISTINCT email FROM purchase) AS d$$),
	($$SELECT count(*) FROM (SELECT DISTINCT ON (email) id FROM purchase) AS d$$), ($$SELECT count(*) FROM (SELECT email, count(*) FROM purchase GROUP BY email HAVING email <> 'u7') AS d$$),
	($$SELECT count(*) FROM (SELECT email, store FROM purchase GROUP BY GROUPING SETS ((email), (store), ())) AS d$$), ($$SELECT max(n) FROM (SELECT count(*) OVER (PARTITION BY email) AS n FROM purchase) AS d$$),
	($$SELECT max(n) FROM (SELECT count(*) OVER (PARTITION BY email ORDER BY id) AS n FROM purchase) AS d$$), ($$SELECT count(*) FROM (SELECT email FROM customer UNION SELECT email FROM purchase) AS d$$),
	($$SELECT count(*) FROM (SELECT email FROM customer INTERSECT SELECT email FROM purchase) AS d$$), ($$SELECT count(*) FROM (SELECT email FROM customer EXCEPT SELECT email FROM purchase) AS d$$),
	($$SELECT count(*) FROM (SELECT email FROM customer EXCEPT ALL SELECT box::tarot.encrypted_text('email') FROM customer) AS d$$), ($$SELECT count(*) FROM (SELECT email FROM customer UNION ALL SELECT email FROM purchase) AS d WHERE email = 'u7'$$),
	($$WITH RECURSIVE r AS (SELECT email FROM customer WHERE id < 4 UNION SELECT p.email FROM purchase p JOIN r ON r.email = p.email) SELECT count(*) FROM r$$),
	($$SELECT count(*) FROM customer WHERE email IS DISTINCT FROM 'u7'$$), ($$SELECT count(*) FROM customer c LEFT JOIN purchase p USING (id) WHERE c.email IS NOT DISTINCT FROM p.email$$),
	($$SELECT count(nullif(email, 'u7')) FROM customer$$), ($$SELECT count(*) FROM customer WHERE CASE email WHEN 'u7' THEN true WHEN 'u8' THEN true END$$), ($$SELECT count(*) FROM (SELECT DISTINCT ROW(email, id) FROM customer) AS d$$),
	($$SELECT count(*) FROM customer WHERE in_list(email)$$), ($$SELECT count(*) FROM customer WHERE is_first(email)$$), ($$SELECT count(*) FROM customer WHERE is_text(email, 'u7')$$),
	($$SELECT count(*) FROM customer WHERE is_text(email, address)$$), ($$SELECT count(*) FROM listed()$$), ($$SELECT count(*) FROM listed_atomic()$$), ($$SELECT count(*) FROM customer WHERE email = address_of(7)$$),
	($$SELECT count(*) FROM customer WHERE address_of(id) = address_of(7) AND id < 10$$), ($$SELECT count(*) FROM customer WHERE address_of(id) = 'u7'::text AND id < 10$$), ($$SELECT count(*) FROM first_ten WHERE email = 'u3' AND third$$),
	($$SELECT count(*) FROM customer WHERE box = 'u7'$$), ($$SELECT count(*) FROM customer WHERE box = 'u7'::text$$), ($$SELECT count(*) FROM customer WHERE box = 'u7'::mailbox$$), ($$SELECT count(*) FROM customer WHERE box IN ('u7', 'u8')$$),
	($$SELECT 'a'::tarot.encrypted_text = 'a'::tarot.encrypted_text$$), ($$SELECT 'a'::tarot.encrypted_text('email') = 'b'$$), ($$SELECT mode() WITHIN GROUP (ORDER BY store) FROM purchase WHERE email = 'u7'$$);

-- ------------------------------------------------------------ in PL/pgSQL

CREATE FUNCTION find(given text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found_id int;
	stored tarot.encrypted_text('email');
	literal tarot.encrypted_text;
	hits text[];
BEGIN
	SELECT id, email INTO found_id, stored FROM customer WHERE email = given;
	literal := given;
	IF stored = literal THEN hits := hits || 'literal'::text; END IF;
	IF literal = stored THEN hits := hits || 'other side'::text; END IF;
	IF stored = given THEN hits := hits || 'text'::text; END IF;
	IF literal = given::tarot.encrypted_text THEN hits := hits || 'two literals'::text; END IF;
	IF stored <> 'another' AND stored IN ('another', 'u7', 'u8') THEN hits := hits || 'list'::text; END IF;
	IF stored IS NOT DISTINCT FROM literal THEN hits := hits || 'not distinct'::text; END IF;
	PERFORM FROM customer WHERE email = stored;
	IF FOUND THEN hits := hits || 'by value'::text; END IF;
	PERFORM FROM customer WHERE email = literal;
	IF FOUND THEN hits := hits || 'by literal'::text; END IF;
	EXECUTE 'SELECT id FROM customer WHERE email = $1' INTO found_id USING given;
	EXECUTE 'SELECT id FROM customer WHERE email = $1' INTO found_id USING literal;
	RETURN found_id || ': ' || array_to_string(hits, ', ');
END
$$;

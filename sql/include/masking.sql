-- Included by the tests of masked tables: roles, and one table with something of each kind that shows values.
-- tarot_plain reads values, tarot_masked masks, tarot_search masks but compares values; all of them write. tarot_none does nothing of that.

CREATE ROLE tarot_owner;
CREATE ROLE tarot_plain;
CREATE ROLE tarot_masked;
CREATE ROLE tarot_search;
CREATE ROLE tarot_none;
CREATE ROLE tarot_member IN ROLE tarot_masked;
CREATE SCHEMA shop AUTHORIZATION tarot_owner;
GRANT ALL ON SCHEMA shop TO PUBLIC;
SELECT tarot.create_key('shop') > 0 AS created;
SELECT tarot.create_class(c, 'shop', m) FROM (VALUES ('email', 'email'), ('birth', 'year'), ('pay', 'round(1000)')) AS classes (c, m);
SELECT tarot.grant_class(c, 'tarot_plain', 'plain'), tarot.grant_class(c, 'tarot_masked', 'masked', write => true), tarot.grant_class(c, 'tarot_search', 'masked', search => true, write => true) FROM (VALUES ('email'), ('birth'), ('pay')) AS classes (c);

-- Columns that were dropped move those behind them.
CREATE TABLE shop.client (gone int, id int PRIMARY KEY, email text UNIQUE, birth date, pay numeric(12, 2), n int CHECK (n >= 0), note text);
ALTER TABLE shop.client DROP COLUMN gone;
INSERT INTO shop.client SELECT i, 'user' || i || '@example.com', date '1950-05-10' + (i % 9), 30000.77 + i * 1000, i, 'note ' || i FROM generate_series(1, 20) AS i;
ALTER TABLE shop.client OWNER TO tarot_owner;
GRANT SELECT, INSERT, UPDATE, DELETE, TRIGGER, REFERENCES ON shop.client TO tarot_plain, tarot_masked, tarot_search, tarot_none;
SELECT tarot.classify_column('shop.client', 'email', 'email'), tarot.classify_column('shop.client', 'birth', 'birth'), tarot.classify_column('shop.client', 'pay', 'pay');

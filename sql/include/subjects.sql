-- Included by the tests of data subjects: a small platform, and who works there.
SET client_min_messages = warning;
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE EXTENSION tarot_security;
\i :source/sql/include/attempt.sql
CREATE ROLE regress_subjects_app; CREATE ROLE regress_subjects_support; CREATE ROLE regress_subjects_officer;

SELECT tarot.create_key('people') > 0;
SELECT tarot.create_class('email', key => 'people', mask => 'email', searchable => true);
SELECT tarot.create_class('phone', key => 'people', mask => 'phone');
SELECT tarot.create_class('nickname', key => 'people', mask => 'partial(1, 0)');
SELECT tarot.create_class('diary', key => 'people', per_subject => true);

CREATE TABLE country (code text PRIMARY KEY);
CREATE TABLE customer (id int PRIMARY KEY, name text, email tarot.encrypted_text('email'), phone tarot.encrypted_text('phone'), born tarot.encrypted_date('phone'));
-- Over a path of keys of two columns.
CREATE TABLE orders (shop int, id int, customer_id int NOT NULL REFERENCES customer, placed timestamptz, PRIMARY KEY (shop, id));
CREATE TABLE item (order_id int, shop int, line int, card text, PRIMARY KEY (shop, order_id, line), CONSTRAINT item_order_id_fkey FOREIGN KEY (shop, order_id) REFERENCES orders);
-- With partitions, and a child by inheritance.
CREATE TABLE visit (customer_id int REFERENCES customer, day date, page text) PARTITION BY RANGE (day);
CREATE TABLE visit_2026 PARTITION OF visit FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE visit_rest PARTITION OF visit DEFAULT;
CREATE TABLE meeting (id int, customer_id bigint);
CREATE TABLE meeting_video (url text) INHERITS (meeting);
-- With a reference to itself, and two that refer to each other.
CREATE TABLE remark (id int PRIMARY KEY, customer_id int REFERENCES customer, answers int REFERENCES remark, said text);
CREATE TABLE department (id int PRIMARY KEY, head int);
CREATE TABLE employee (id int PRIMARY KEY, customer_id int REFERENCES customer, department int REFERENCES department);
ALTER TABLE department ADD FOREIGN KEY (head) REFERENCES employee;
CREATE TABLE note (id int, author text, written_on date, body tarot.encrypted_text('diary'));
CREATE TABLE message (sender int REFERENCES customer, recipient int REFERENCES customer, said text);
CREATE TABLE ticket (email tarot.encrypted_text('email'), said text);
CREATE TABLE address (id int PRIMARY KEY, country text REFERENCES country, street text);
CREATE TABLE forgotten (who text, phone tarot.encrypted_text('phone'));
CREATE VIEW customer_names AS SELECT id, name FROM customer;
SELECT tarot.classify_column('customer', 'name', 'nickname'), tarot.classify_column('address', 'street', 'nickname');
SELECT tarot.mask_table('customer');

SELECT tarot.grant_class(c, current_user::regrole, 'plain', write => true) FROM unnest('{email,phone,nickname,diary}'::text[]) c;
SELECT tarot.grant_class(c, 'regress_subjects_app', 'plain') FROM unnest('{email,phone,nickname,diary}'::text[]) c;
SELECT tarot.grant_class('email', 'regress_subjects_support', 'masked'), tarot.grant_class('nickname', 'regress_subjects_support', 'masked');
GRANT SELECT ON customer, orders, message TO regress_subjects_support;

INSERT INTO country VALUES ('fr');
INSERT INTO customer VALUES (1, 'Zoe', 'zoe@example.fr', '+33 1 23 45 67 89', '1990-05-17'), (2, 'Anna', 'anna@example.fr', NULL, NULL), (3, 'Mo', NULL, NULL, NULL);
INSERT INTO orders VALUES (1, 10, 1, '2026-01-02 12:00+02'), (1, 11, 2, NULL), (2, 10, 2, NULL);
INSERT INTO item VALUES (10, 1, 1, 'The Sun'), (10, 1, 2, 'The Moon'), (11, 1, 1, 'The Star'), (10, 2, 1, 'The Fool');
INSERT INTO visit VALUES (1, '2026-05-01', '/'), (1, '2025-05-01', '/login'), (2, '2026-05-01', '/');
INSERT INTO meeting VALUES (1, 1), (2, 2); INSERT INTO meeting_video VALUES (3, 1, 'https://example.fr/3');
INSERT INTO remark VALUES (1, 1, NULL, 'first'), (2, 1, 1, 'second'), (3, 2, NULL, 'third'), (4, 2, 3, 'fourth');
INSERT INTO department VALUES (1, NULL), (2, NULL); INSERT INTO employee VALUES (1, 1, 1), (2, 2, 2); UPDATE department SET head = id;
ALTER TABLE note ALTER author SET NOT NULL; SELECT tarot.set_subject('note', 'body', 'author');
INSERT INTO note VALUES (1, '1', '2026-01-01', 'dreamt'), (2, '2', '2026-01-01', 'slept');
INSERT INTO message VALUES (1, 2, 'hello'), (2, 1, 'hello too'), (2, 3, 'psst');
INSERT INTO ticket VALUES ('zoe@example.fr', 'help'), ('anna@example.fr', 'help, too');
-- Who owns the tables holds nothing.
SELECT tarot.revoke_class(c, current_user::regrole) FROM unnest('{email,phone,nickname,diary}'::text[]) c;
GRANT pg_read_all_data, pg_monitor TO regress_subjects_app;

-- The platform: who works with it, which of its data are sensitive, and where they lie.
-- Run as the superuser that owns the database. Everything is ordinary SQL.

\o /dev/null
\set ON_ERROR_STOP on

-- What is done is on record, by months: before there is any.
SELECT tarot.create_audit_partitions();

-- The root key wraps all other keys. It never enters the database; here it lies in a file, outside the data
-- directory, that only the server's user can read. A command of a key management service does as well.
ALTER SYSTEM SET tarot_security.root_key_file = :'root_key_file';
SELECT pg_reload_conf();
\connect
SELECT tarot.unlock();

-- ------------------------------------------------------------ who

CREATE ROLE web LOGIN;      -- the web application
CREATE ROLE support LOGIN;  -- answers customers on the telephone
CREATE ROLE analyst LOGIN;  -- counts things
-- And the superuser you are: owner of all of it, and without any grant on what is encrypted.

-- ------------------------------------------------------------ what is sensitive

-- A key for each purpose, so that each can be rotated, suspended or destroyed by itself.
SELECT tarot.create_key('profile');
SELECT tarot.create_key('readings');
SELECT tarot.create_key('payments');

-- A data class is one kind of sensitive data: its key, and the mask that takes its place.
SELECT tarot.create_class('name', key => 'profile', mask => 'partial(1, 0)');
-- One that is searchable is found by equality, through indexes, without being opened.
SELECT tarot.create_class('email', key => 'profile', mask => 'email', searchable => true, normalization => 'lower');
SELECT tarot.create_class('phone', key => 'profile', mask => 'phone');
SELECT tarot.create_class('birth date', key => 'profile', mask => 'year');
SELECT tarot.create_class('preferences', key => 'profile', mask => 'json_show(language)');
SELECT tarot.create_class('reading', key => 'readings', mask => 'redact');
SELECT tarot.create_class('card number', key => 'payments', mask => 'card');
SELECT tarot.create_class('tip', key => 'payments', mask => 'round(5)');

-- Nobody holds anything by default. The application reads and writes; support reads masks.
SELECT tarot.grant_class(class.name, 'web', 'plain'),
		tarot.grant_class(class.name, 'support', 'masked')
	FROM tarot.class;

-- ------------------------------------------------------------ where it lies

-- A column is encrypted by its type, and that is all that an application's schema sees of it.
CREATE TABLE customer (
	id bigint PRIMARY KEY,
	handle text NOT NULL UNIQUE,  -- public, hence not encrypted
	name tarot.encrypted_text('name') NOT NULL,
	email tarot.encrypted_text('email') NOT NULL UNIQUE,
	phone tarot.encrypted_text('phone'),
	born tarot.encrypted_date('birth date'),
	preferences tarot.encrypted_jsonb('preferences')
);
CREATE TABLE card (
	number integer PRIMARY KEY,
	name text NOT NULL UNIQUE,
	upright text NOT NULL,
	reversed text NOT NULL
);
CREATE TABLE reading (
	id bigint PRIMARY KEY,
	customer_id bigint NOT NULL REFERENCES customer,
	held_on date NOT NULL,
	question tarot.encrypted_text('reading') NOT NULL,
	reading tarot.encrypted_text('reading') NOT NULL
);
CREATE TABLE payment (
	id bigint PRIMARY KEY,
	customer_id bigint NOT NULL REFERENCES customer,
	amount numeric(8, 2) NOT NULL,
	card_number tarot.encrypted_text('card number'),
	tip tarot.encrypted_numeric('tip')
);
CREATE INDEX ON reading (customer_id);
CREATE INDEX ON payment (customer_id);

-- PostgreSQL's own privileges come first, as ever: without SELECT on a table there is nothing to mask.
GRANT SELECT, INSERT, UPDATE, DELETE ON customer, card, reading, payment TO web;
GRANT SELECT, UPDATE ON customer, reading, payment TO support;
GRANT SELECT ON customer, card, reading, payment TO analyst;

-- A view, as applications have them. It belongs to the superuser, and shows everyone what they may see.
CREATE VIEW contact AS SELECT id, name, email FROM customer;
GRANT SELECT ON contact TO web, support, analyst;

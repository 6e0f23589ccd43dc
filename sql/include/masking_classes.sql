-- Included by the tests of masked tables and of masking views: ways to run what must fail, two classes, and the owner of the tables.
\i :source/sql/include/attempt.sql
\set SHOW_CONTEXT never
\pset null '(null)'
SET client_min_messages = warning;
CREATE EXTENSION tarot_security;
DO $$
BEGIN
	PERFORM tarot.create_key('profile');
	PERFORM tarot.create_class('email', 'profile', 'email'), tarot.create_class('phone', 'profile', 'phone');
END
$$;
CREATE ROLE tarot_owner;

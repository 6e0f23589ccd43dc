-- Ways to get at the values of a masked table: none may show one to a role that sees masks, or nothing.
\getenv source PG_ABS_SRCDIR
\set ECHO none
SET datestyle = ISO;
SET client_min_messages = warning;
\i :source/sql/include/attempt.sql
CREATE EXTENSION tarot_security;
\i :source/sql/include/masking.sql

\set door shop
\i :source/sql/include/masking_ways.sql
\set ECHO all
SELECT count(*) >= 150 AS enough, count(*) FILTER (WHERE guess) >= 30 AS guesses FROM probe;

-- Values that are shown to who must not see them.
SELECT name, who, left(look(who, VARIADIC statements), 1000) AS shown FROM probe, (VALUES ('tarot_masked'::name), ('tarot_member'), ('tarot_none'), ('tarot_owner'), (current_user)) AS roles (who)
	WHERE NOT guess AND NOT (who IN ('tarot_owner', current_user) AND NOT control) AND name <> 'mask of a value' AND shows_value(look(who, VARIADIC statements)) ORDER BY number, who;
-- Masks to who may see nothing.
SELECT name, who, left(look(who, VARIADIC statements), 1000) AS shown FROM probe, (VALUES ('tarot_none'::name), ('tarot_owner'), (current_user)) AS roles (who)
	WHERE NOT guess AND control AND look(who, VARIADIC statements) ~* 'u\*\*\*@|1950-01-01' ORDER BY number, who;
-- Guesses that tell.
SELECT name, who FROM probe, (VALUES ('tarot_masked'::name), ('tarot_member'), ('tarot_none'), ('tarot_owner'), (current_user)) AS roles (who)
	WHERE guess AND guessed(who, statements, 'user3@example.com') <> guessed(who, statements, 'userx@example.com') ORDER BY number, who;
-- The same ways do show values to a role that may see them, and tell it which is right; and masks to one that may see those.
SELECT name, left(look('tarot_plain', VARIADIC statements), 200) AS plain FROM probe WHERE NOT guess AND control AND NOT shows_value(look('tarot_plain', VARIADIC statements)) ORDER BY number;
SELECT name, guessed('tarot_plain', statements, 'user3@example.com') FROM probe WHERE guess AND control AND guessed('tarot_plain', statements, 'user3@example.com') = guessed('tarot_plain', statements, 'userx@example.com') ORDER BY number;
SELECT name, left(split_part(look('tarot_masked', VARIADIC statements), E'\n', 1), 100) AS masked FROM probe WHERE NOT guess AND control AND look('tarot_masked', VARIADIC statements) !~* '[uU]\*\*\*@|1950-01-01|\[redacted\]|\[REDACTED\]' ORDER BY number;
-- How the others end.
SELECT name, left(split_part(look('tarot_masked', VARIADIC statements), E'\n', 1), 120) AS masked FROM probe WHERE NOT control AND NOT guess ORDER BY number;

\set ECHO none
DROP OWNED BY tarot_owner, tarot_plain, tarot_masked, tarot_search, tarot_none, tarot_member CASCADE;
DROP ROLE tarot_owner, tarot_plain, tarot_masked, tarot_search, tarot_none, tarot_member;

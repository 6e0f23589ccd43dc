-- Ways out of the server and back in: other connections, foreign tables, the formats of COPY and cursors, large objects, publications.
\getenv source PG_ABS_SRCDIR
\set ECHO none
SET datestyle = ISO;
SET client_min_messages = warning;
\i :source/sql/include/attempt.sql
CREATE EXTENSION tarot_security;
\i :source/sql/include/masking.sql
CREATE EXTENSION dblink;
CREATE EXTENSION postgres_fdw;
CREATE EXTENSION tablefunc;
CREATE EXTENSION hstore;
SELECT tarot.mask_table('shop.client');
ALTER ROLE tarot_masked LOGIN;
ALTER ROLE tarot_plain LOGIN;
SELECT split_part(current_setting('unix_socket_directories'), ',', 1) AS host, current_setting('port') AS port, current_database() AS db \gset
SELECT format('CREATE SERVER back FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L, extensions ''tarot_security'')', :'host', :'port', :'db') \gexec
\set masks 'host=' :host ' port=' :port ' dbname=' :db ' user=tarot_masked'
CREATE USER MAPPING FOR tarot_masked SERVER back OPTIONS (user 'tarot_masked', password_required 'false');
CREATE USER MAPPING FOR tarot_plain SERVER back OPTIONS (user 'tarot_plain', password_required 'false');
CREATE FOREIGN TABLE shop.far (id int, email text, n int) SERVER back OPTIONS (schema_name 'shop', table_name 'client');
GRANT ALL ON shop.far TO PUBLIC;
\set ECHO all

-- By another connection, it is the role of that which counts.
SELECT * FROM dblink(:'masks', 'SELECT id, email FROM shop.client ORDER BY id LIMIT 1') AS t (id int, email text);
SET ROLE tarot_masked;
SELECT * FROM shop.far WHERE id = 1;
SELECT count(*) FROM shop.far WHERE email = 'user1@example.com';
SELECT max(email) FROM shop.far;
SELECT run('UPDATE shop.far SET email = email || ''x'' WHERE id = 1');
UPDATE shop.far SET n = 7 WHERE id = 1 RETURNING email, far;
RESET ROLE;
SET ROLE tarot_plain;
SELECT * FROM shop.far WHERE id = 1;
RESET ROLE;

-- A foreign table that is masked, and reads all.
SELECT tarot.classify_column('shop.far', 'email', 'email'), tarot.mask_table('shop.far');
ALTER USER MAPPING FOR tarot_masked SERVER back OPTIONS (SET user 'tarot_plain');
SET ROLE tarot_plain;
EXPLAIN (VERBOSE, COSTS OFF) SELECT email FROM shop.far WHERE email = 'user2@example.com';
SELECT email FROM shop.far WHERE email = 'user2@example.com';
RESET ROLE;
SET ROLE tarot_masked;
EXPLAIN (VERBOSE, COSTS OFF) SELECT email FROM shop.far WHERE email = 'user2@example.com';
SELECT * FROM shop.far WHERE id = 2;
SELECT count(*) FROM shop.far WHERE email = 'user2@example.com';
SELECT max(email), min(far::text) FROM shop.far;
UPDATE shop.far SET n = n WHERE id = 2 RETURNING email, far;
DELETE FROM shop.far WHERE id = 20 RETURNING email;
SELECT code('UPDATE shop.far SET email = ''x'' || email WHERE id = 3');
RESET ROLE;

-- Queries that functions of extensions run, rows as other types, binary formats, large objects.
SET ROLE tarot_masked;
SELECT * FROM crosstab('SELECT id, n, email FROM shop.client ORDER BY id') AS t (id int, email text) LIMIT 1;
SELECT hstore(client) -> 'email' FROM shop.client WHERE id = 3;
SELECT (populate_record(client, 'n=>1')).email FROM shop.client WHERE id = 3;
BEGIN;
DECLARE binary_cursor BINARY CURSOR FOR SELECT email FROM shop.client WHERE id = 3;
FETCH binary_cursor;
SELECT lo_from_bytea(4711, email::bytea) FROM shop.client WHERE id = 3;
SELECT convert_from(lo_get(4711), 'UTF8');
ROLLBACK;
COPY shop.client TO STDOUT (FORMAT binary);
\copy shop.client (email) to '/dev/null'
\copy (SELECT upper(email) FROM shop.client) to '/dev/null'

-- What is published is the owner's choice, as is what they have checked by row filters.
RESET ROLE;
SELECT format('GRANT CREATE ON DATABASE %I TO tarot_masked', :'db') \gexec
SET ROLE tarot_masked;
SELECT run('CREATE PUBLICATION p FOR TABLE shop.client'), run('CREATE PUBLICATION p FOR TABLE shop.client (id, email) WHERE (email = ''user3@example.com'')');
RESET ROLE;

\set ECHO none
SELECT dblink_disconnect(c) FROM unnest(dblink_get_connections()) AS c;
SELECT postgres_fdw_disconnect_all() IS NOT NULL AS done;
DROP SERVER back CASCADE;
DROP OWNED BY tarot_owner, tarot_plain, tarot_masked, tarot_search, tarot_none, tarot_member CASCADE;
DROP ROLE tarot_owner, tarot_plain, tarot_masked, tarot_search, tarot_none, tarot_member;

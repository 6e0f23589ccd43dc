-- The hash tree over the audit log: what is sealed and when, proofs, checkpoints, and each way of tampering found and named.
SET client_min_messages = warning;
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE EXTENSION tarot_security;
\getenv source PG_ABS_SRCDIR
\i :source/sql/include/attempt.sql
SET client_min_messages = error;
CREATE ROLE regress_seal_nobody;

CREATE TABLE card (id int PRIMARY KEY, name text, note text);

-- What verifying finds, transactions by their order in the log.
CREATE FUNCTION found(VARIADIC arguments text[] DEFAULT '{}') RETURNS TABLE (finding text, first bigint, last bigint, transaction bigint, number bigint) LANGUAGE sql AS $$
	SELECT v.finding, v.first_position, v.last_position, CASE WHEN v.transaction IS NOT NULL THEN (SELECT count(DISTINCT e.transaction) FROM tarot.audit_entry e WHERE e.transaction <= v.transaction) END, v.number
		FROM tarot.verify_audit(checkpoint => arguments[1]) v ORDER BY v.finding COLLATE "C", v.first_position, v.last_position, v.number
$$;

-- ------------------------------------------------------------ sealing
SELECT tarot.seal_audit() AS nothing, (SELECT count(*) FROM tarot.audit_checkpoint) AS checkpoints;
SELECT * FROM found();
-- That a table is audited is on record, too.
SELECT tarot.audit_table('card');
INSERT INTO card VALUES (1, 'Fool', 'a'), (2, 'Magician', 'b');
SELECT finding, detail FROM tarot.verify_audit();
SELECT tarot.seal_audit();
SELECT finding, last_position FROM tarot.verify_audit();
-- With a key it is signed, the one before too.
SELECT tarot.create_key('cards') > 0 AS made;
SELECT tarot.seal_audit();
SELECT size, octet_length(root) AS root, note IS NOT NULL AS signed FROM tarot.audit_checkpoint ORDER BY size;
SELECT * FROM found();
BEGIN;
INSERT INTO card VALUES (3, 'Empress', 'c');
SAVEPOINT s;
UPDATE card SET note = 'x';
ROLLBACK TO s;
DELETE FROM card WHERE id = 2;
COMMIT;
SELECT tarot.seal_audit(), (SELECT count(*) FROM tarot.audit_entry) AS entries;
SELECT tarot.seal_audit(complete => true);
SELECT * FROM found();
-- 700 transactions, three tiles.
DO $$ BEGIN FOR i IN 10 .. 709 LOOP INSERT INTO card VALUES (i, 'Card ' || i); COMMIT; END LOOP; END $$;
SELECT tarot.seal_audit();
UPDATE card SET note = repeat('long ', 1000) || id WHERE id < 12;
SELECT tarot.seal_audit();
SELECT level, index, octet_length(hashes) / 32 AS hashes, octet_length(runs) / 28 AS runs FROM tarot.audit_tile ORDER BY level, index;
SELECT * FROM found();

-- ------------------------------------------------------------ when it may be called
BEGIN;
INSERT INTO card VALUES (5, 'Lovers');
SELECT run('SELECT tarot.seal_audit()');
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT run('SELECT tarot.seal_audit()');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT run('SELECT tarot.seal_audit()');
ROLLBACK;
SET ROLE regress_seal_nobody;
SELECT code('SELECT tarot.seal_audit()'), code('SELECT * FROM tarot.verify_audit()'), code('SELECT tarot.rotate_audit_signer()'), code($$SELECT tarot.inclusion_proof(1, '1', 1)$$),
	code('SELECT tarot.consistency_proof(1)'), code('TABLE tarot.audit_checkpoint'), code('TABLE tarot.audit_tile'), code('TABLE tarot.audit_signer'), code('TABLE tarot.audit_signers'), code('TABLE tarot.audit_frontier');
RESET ROLE;
-- Whom SELECT is granted reads the public keys.
BEGIN;
GRANT SELECT ON tarot.audit_signers TO regress_seal_nobody;
SET LOCAL ROLE regress_seal_nobody;
SELECT code('SELECT public_key FROM tarot.audit_signers');
ROLLBACK;
-- A sealing that is rolled back leaves nothing.
BEGIN;
SELECT tarot.seal_audit();
ROLLBACK;
INSERT INTO card VALUES (6, 'Chariot');
BEGIN;
SELECT tarot.seal_audit();
ROLLBACK;
SELECT tarot.seal_audit();
SELECT (SELECT max(size) FROM tarot.audit_checkpoint) = (SELECT count(*) FROM tarot.audit_entry) AS all;

-- ------------------------------------------------------------ proofs
-- Of each entry, in the tree of each size that has it.
SELECT count(*) AS proofs, bool_and(tarot.verify_inclusion(p.leaf, p.position, p.tree_size, p.proof, c.root)) AS all_good, max(cardinality(p.proof)) AS longest,
		count(DISTINCT p.position) = (SELECT count(*) FROM tarot.audit_entry) AS all_positions
	FROM tarot.audit_checkpoint c, tarot.audit_entry e, tarot.inclusion_proof(e.system, e.transaction, e.number, c.size) p
	WHERE tarot.entry_position(e.system, e.transaction, e.number) < c.size;
SELECT count(*) AS proofs, bool_and(tarot.verify_consistency(a.size, a.root, b.size, b.root, tarot.consistency_proof(a.size, b.size))) AS all_good
	FROM tarot.audit_checkpoint a JOIN tarot.audit_checkpoint b ON a.size <= b.size;
-- What is not so is not proved.
SELECT bool_or(tarot.verify_inclusion(p.leaf, p.position + 1, p.tree_size, p.proof, c.root)) AS elsewhere, bool_or(tarot.verify_inclusion(set_byte(p.leaf, 31, get_byte(p.leaf, 31) # 1), p.position, p.tree_size, p.proof, c.root)) AS other_leaf,
		bool_or(tarot.verify_inclusion(p.leaf, p.position, p.tree_size, p.proof[2:], c.root)) AS short_proof, bool_or(tarot.verify_inclusion(p.leaf, p.position, p.tree_size, p.proof, set_byte(c.root, 0, get_byte(c.root, 0) # 1))) AS other_root,
		bool_or(tarot.verify_inclusion(p.leaf, -1, p.tree_size, p.proof, c.root)) AS negative, bool_or(tarot.verify_inclusion('x', p.position, p.tree_size, p.proof, c.root)) AS no_hash, bool_or(tarot.verify_inclusion(p.leaf, p.position, p.tree_size, p.proof || NULL::bytea, c.root)) AS no_proof
	FROM (SELECT * FROM tarot.audit_checkpoint ORDER BY size DESC LIMIT 1) c, tarot.audit_entry e, tarot.inclusion_proof(e.system, e.transaction, e.number, c.size) p;
SELECT code($$SELECT tarot.inclusion_proof(1, '1', 1)$$), code($$SELECT tarot.inclusion_proof(NULL, '1', 1)$$), code('SELECT tarot.consistency_proof(0, 1)'), code('SELECT tarot.consistency_proof(2, 1)'), code('SELECT tarot.consistency_proof(1, 100000)'), code('SELECT tarot.consistency_proof(NULL)'),
	code('SELECT tarot.inclusion_proof(system, transaction, number, 100000) FROM tarot.audit_entry LIMIT 1'), code('SELECT * FROM tarot.verify_audit(-1)'), code('SELECT * FROM tarot.verify_audit(3, 2)');

-- ------------------------------------------------------------ checkpoints
SELECT note AS kept, size AS kept_size FROM tarot.audit_checkpoint ORDER BY size DESC LIMIT 1 \gset
SELECT split_part(:'kept', E'\n', 1) = name AS origin, split_part(:'kept', E'\n', 2) = :'kept_size' AS size, split_part(:'kept', E'\n', 4) ~ '^time \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$' AS has_time, public_key ~ ('^' || name || '\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$') AS key,
	tarot.verify_checkpoint(:'kept', ARRAY[public_key]) AS verified, tarot.verify_checkpoint(replace(:'kept', :'kept_size', '1'), ARRAY[public_key]) AS changed, tarot.verify_checkpoint(:'kept', '{}') AS no_key, tarot.verify_checkpoint('x', ARRAY[public_key]) AS no_note FROM tarot.audit_signers;
SELECT run($$SELECT tarot.verify_checkpoint('x', '{y}')$$), run($$SELECT tarot.verify_checkpoint('x', '{NULL}')$$);
-- What the keys before have signed stays good.
SELECT tarot.rotate_audit_signer() AS rotated \gset
SELECT :'rotated' = (SELECT public_key FROM tarot.audit_signers WHERE retired_at IS NULL) AS rotated, (SELECT count(*) FROM tarot.audit_signers) AS signers, (SELECT count(DISTINCT name) FROM tarot.audit_signers) AS names;
SELECT count(private_key) AS private_keys FROM tarot.audit_signer;
INSERT INTO card VALUES (7, 'Justice');
SELECT tarot.seal_audit();
SELECT count(*) FILTER (WHERE tarot.verify_checkpoint(note, ARRAY[old.public_key])) AS by_the_old, count(*) FILTER (WHERE tarot.verify_checkpoint(note, ARRAY[new.public_key])) AS by_the_new
	FROM tarot.audit_checkpoint, (SELECT * FROM tarot.audit_signers WHERE retired_at IS NOT NULL) old, (SELECT * FROM tarot.audit_signers WHERE retired_at IS NULL) new;
SELECT * FROM found(:'kept');
SELECT finding, last_position FROM tarot.verify_audit(keys => ARRAY(SELECT public_key FROM tarot.audit_signers WHERE retired_at IS NULL)) ORDER BY last_position;
SELECT tarot.rotate_key('default') AS version;
SELECT tarot.set_key_state('default', 1, 'deactivated');
SELECT run($$SELECT tarot.destroy_key('default', 1)$$);
-- Locked: sealed, and signed later.
SELECT tarot.lock();
INSERT INTO card VALUES (8, 'Hermit');
SELECT tarot.seal_audit();
SELECT finding FROM tarot.verify_audit();
SELECT run('SELECT tarot.rotate_audit_signer()');
SELECT tarot.unlock();
SELECT tarot.seal_audit();
SELECT * FROM found();

-- ------------------------------------------------------------ statements
SELECT tarot.audit_statements(ARRAY['role', 'ddl']);
SET session_replication_role = replica;
RESET session_replication_role;
CREATE ROLE regress_seal_made;
ALTER TABLE card ADD COLUMN more int;
DROP ROLE regress_seal_made;
SELECT tarot.unaudit_statements(ARRAY['role', 'ddl']);
SELECT tarot.seal_audit();
SELECT e.operation, e.relation <> 0 AS relation, e.table_name IS NOT NULL AS table_name, e.new->>'command' AS command, tarot.verify_inclusion(p.leaf, p.position, p.tree_size, p.proof, c.root) AS proved
	FROM tarot.audit_entry e, tarot.inclusion_proof(e.system, e.transaction, e.number) p JOIN tarot.audit_checkpoint c ON c.size = p.tree_size WHERE p.position > :kept_size + 3 ORDER BY p.position;
SELECT * FROM found();

-- ------------------------------------------------------------ tampering, by who can do all
-- It is on record itself, and what has not committed is not sealed, and nothing worse.
BEGIN;
SELECT finding, detail FROM tarot.verify_audit() ORDER BY finding COLLATE "C";
UPDATE tarot.audit_entry SET subject = '' WHERE tarot.entry_position(system, transaction, number) = 6;
SAVEPOINT s;
INSERT INTO card VALUES (4, 'Emperor');
SELECT finding, detail FROM tarot.verify_audit() ORDER BY finding COLLATE "C";
ROLLBACK TO s;
DELETE FROM tarot.audit_tile WHERE level = 1;
UPDATE tarot.audit_checkpoint SET note = NULL WHERE size = 5;
DELETE FROM tarot.audit_signer WHERE retired_at IS NOT NULL;
DELETE FROM tarot.audit_frontier;
COPY tarot.audit_signer (public_key, name, retired_at) FROM STDIN;
\\x0000000000000000000000000000000000000000000000000000000000000000	x	now
\.
TRUNCATE tarot.audit_tile;
SET LOCAL tarot_security.log_audit_checkpoints = off;
SELECT e.new->>'command' AS command, coalesce(e.table_name, e.new->>'setting') AS what, e.new->>'rows' AS rows FROM tarot.audit_entry e WHERE e.operation = 'S' AND e.transaction = pg_current_xact_id() ORDER BY e.number;
ROLLBACK;
-- Below, what it leaves of itself is left out.
CREATE FUNCTION tamper(statement text, VARIADIC arguments text[] DEFAULT '{}') RETURNS TABLE (finding text, first bigint, last bigint, transaction bigint, number bigint) LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		EXECUTE statement;
		RETURN QUERY SELECT * FROM found(VARIADIC arguments) f WHERE f.finding <> 'not sealed';
		RAISE EXCEPTION USING ERRCODE = 'ZZZZZ';
	EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
	END;
END $$;
-- Entries: each column counts.
SELECT a.attname, f.* FROM pg_attribute a, LATERAL tamper(format('UPDATE tarot.audit_entry SET %I = %s WHERE tarot.entry_position(system, transaction, number) = 6', a.attname,
		CASE a.atttypid::regtype::text WHEN 'timestamp with time zone' THEN $$recorded_at + '1 microsecond'$$ WHEN 'xid8' THEN $$(transaction::text::bigint - 1)::text::xid8$$ WHEN 'bigint' THEN a.attname || ' + 1' WHEN 'oid' THEN '1' WHEN '"char"' THEN $$'D'$$
			WHEN 'text' THEN 'concat(' || a.attname || $$, 'x')$$ WHEN 'inet' THEN $$'::1'$$ WHEN 'jsonb' THEN $$'{}'$$ WHEN 'bytea' THEN $$'\x00'$$ END)) AS f
	WHERE a.attrelid = 'tarot.audit_entry'::regclass AND a.attnum > 0 ORDER BY a.attnum, f.finding COLLATE "C";
SELECT * FROM tamper($$UPDATE tarot.audit_entry SET subject = '' WHERE tarot.entry_position(system, transaction, number) = 6$$);
SELECT * FROM tamper($$UPDATE tarot.audit_entry SET old = new, new = old WHERE tarot.entry_position(system, transaction, number) = 6$$);
SELECT * FROM tamper($$UPDATE tarot.audit_entry SET new = NULL, salt = decode(repeat('00', 32), 'hex') WHERE tarot.entry_position(system, transaction, number) = 6$$);
SELECT * FROM tamper($$DELETE FROM tarot.audit_entry WHERE tarot.entry_position(system, transaction, number) IN (6, 7, 10)$$);
SELECT * FROM tamper($$TRUNCATE tarot.audit_entry$$);
SELECT * FROM tamper($$INSERT INTO tarot.audit_entry SELECT * FROM tarot.audit_entry WHERE tarot.entry_position(system, transaction, number) = 6$$);
SELECT * FROM tamper($$WITH e AS (SELECT * FROM tarot.audit_entry WHERE tarot.entry_position(system, transaction, number) = 2) INSERT INTO tarot.audit_entry SELECT recorded_at, transaction, number + g, system, statement, relation, operation, table_name, role, session_role FROM e, generate_series(1, 3) g$$);
SELECT * FROM tamper($$INSERT INTO tarot.audit_entry SELECT recorded_at, '4611686018427387904', number, system, statement, relation, operation, table_name, role, session_role FROM tarot.audit_entry WHERE tarot.entry_position(system, transaction, number) = 2$$);
SELECT * FROM tamper($$INSERT INTO tarot.audit_entry SELECT recorded_at, transaction, number, system + 1, statement, relation, operation, table_name, role, session_role FROM tarot.audit_entry WHERE tarot.entry_position(system, transaction, number) = 2$$);
-- Two entries change their contents, but not their names.
SELECT * FROM tamper($$UPDATE tarot.audit_entry e SET (recorded_at, statement, new, salt, transaction, number) = (o.recorded_at, o.statement, o.new, o.salt, e.transaction, e.number) FROM tarot.audit_entry o
	WHERE (tarot.entry_position(e.system, e.transaction, e.number), tarot.entry_position(o.system, o.transaction, o.number)) IN ((20, 21), (21, 20))$$);
-- The tree.
SELECT * FROM tamper('UPDATE tarot.audit_tile SET hashes = set_byte(hashes, 5 * 32, get_byte(hashes, 5 * 32) # 1) WHERE level = 0 AND index = 1');
SELECT * FROM tamper('UPDATE tarot.audit_tile SET hashes = set_byte(hashes, 32, get_byte(hashes, 32) # 1) WHERE level = 1');
SELECT * FROM tamper('UPDATE tarot.audit_tile SET hashes = substr(hashes, 33) WHERE level = 0 AND index = 0');
SELECT * FROM tamper('DELETE FROM tarot.audit_tile WHERE level = 1');
SELECT * FROM tamper('UPDATE tarot.audit_tile SET hashes = substr(hashes, 1, 32) || substr(hashes, 65, 32) || substr(hashes, 33, 32) || substr(hashes, 97) WHERE level = 0 AND index = 1');
SELECT * FROM tamper('UPDATE tarot.audit_tile SET runs = substr(runs, 29, 28) || substr(runs, 1, 28) || substr(runs, 57) WHERE level = 0 AND index = 1');
SELECT * FROM tamper('UPDATE tarot.audit_tile SET (hashes, runs) = (substr(hashes, 33, 32) || substr(hashes, 1, 32) || substr(hashes, 65), substr(runs, 29, 28) || substr(runs, 1, 28) || substr(runs, 57)) WHERE level = 0 AND index = 1');
-- An entry and its leaf: the root knows better.
SELECT * FROM tamper($$DELETE FROM tarot.audit_entry WHERE tarot.entry_position(system, transaction, number) = 300; UPDATE tarot.audit_tile SET hashes = set_byte(hashes, 44 * 32, get_byte(hashes, 44 * 32) # 1) WHERE level = 0 AND index = 1$$);
-- Checkpoints.
SELECT * FROM tamper('UPDATE tarot.audit_checkpoint SET root = set_byte(root, 3, get_byte(root, 3) # 1) WHERE size = 5');
SELECT * FROM tamper('UPDATE tarot.audit_checkpoint SET root = set_byte(root, 3, get_byte(root, 3) # 1) WHERE size = (SELECT max(size) FROM tarot.audit_checkpoint)');
SELECT * FROM tamper($$UPDATE tarot.audit_checkpoint SET note = replace(note, 'time 2', 'time 1') WHERE size = 5$$);
SELECT * FROM tamper($$UPDATE tarot.audit_checkpoint SET note = (SELECT note FROM tarot.audit_checkpoint WHERE size = 3) WHERE size = 5$$);
SELECT * FROM tamper('DELETE FROM tarot.audit_checkpoint WHERE size = (SELECT max(size) FROM tarot.audit_checkpoint)');
SELECT * FROM tamper('DELETE FROM tarot.audit_signer');
-- The end cut off, with all that tells of it; only what was kept outside knows.
CREATE FUNCTION cut_off(leaves bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM tarot.audit_entry WHERE tarot.entry_position(system, transaction, number) >= leaves;
	DELETE FROM tarot.audit_checkpoint WHERE size > leaves;
	DELETE FROM tarot.audit_tile WHERE (index << (8 * level)) * 256 >= leaves;
	UPDATE tarot.audit_tile SET hashes = substr(hashes, 1, 32 * least(256, ((leaves >> (8 * level)) - index * 256)::integer));
END $$;
SELECT * FROM tamper('SELECT cut_off(5)');
SELECT * FROM tamper('SELECT cut_off(5)', :'kept');
SELECT * FROM found(replace(:'kept', :'kept_size', '5'));
SELECT * FROM found('nothing');

-- Sealing does not go on with a tree that was changed.
INSERT INTO card VALUES (9, 'Wheel');
CREATE TABLE kept AS SELECT * FROM tarot.audit_checkpoint ORDER BY size DESC LIMIT 1;
DELETE FROM tarot.audit_checkpoint WHERE size = (SELECT size FROM kept);
SELECT run('SELECT tarot.seal_audit()');
INSERT INTO tarot.audit_checkpoint TABLE kept;
UPDATE tarot.audit_tile SET hashes = set_byte(hashes, 0, get_byte(hashes, 0) # 1) WHERE level = 1;
SELECT run('SELECT tarot.seal_audit()');
SELECT finding, first_position, last_position FROM tarot.verify_audit();

DROP ROLE regress_seal_nobody;

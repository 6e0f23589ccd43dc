-- Retention of the audit log: partitions are dropped and details erased, leaves and proofs stay; and each way to make others believe so is found.
SET client_min_messages = warning;
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE EXTENSION tarot_security;
\getenv source PG_ABS_SRCDIR
\i :source/sql/include/attempt.sql
SET client_min_messages = error;
CREATE ROLE regress_retention_nobody;
CREATE ROLE regress_retention_officer;
GRANT EXECUTE ON FUNCTION tarot.drop_audit_partitions, tarot.erase_audit_details, tarot.erase_audit_entries TO regress_retention_officer;
SELECT tarot.create_key('cards') > 0 AS made;

CREATE TABLE card (id int PRIMARY KEY, name text);
SELECT tarot.audit_table('card');

-- What verifying finds; a transaction is one of many.
CREATE FUNCTION found(checkpoint text DEFAULT NULL) RETURNS TABLE (finding text, first bigint, last bigint, number bigint, detail text) LANGUAGE sql AS $$
	SELECT v.finding, v.first_position, v.last_position, v.number, v.detail FROM tarot.verify_audit(checkpoint => checkpoint) v WHERE v.finding <> 'not sealed' ORDER BY v.finding COLLATE "C", v.first_position, v.last_position
$$;
-- The same after a statement that is undone, which leaves entries of its own.
CREATE FUNCTION tamper(statement text) RETURNS TABLE (finding text, first bigint, last bigint, number bigint, detail text) LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		EXECUTE statement;
		RETURN QUERY SELECT * FROM found();
		RAISE EXCEPTION USING ERRCODE = 'ZZZZZ';
	EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
	END;
END $$;
-- A month of the past, and entries that were made then.
CREATE FUNCTION make_month(first date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE tarot.audit_entry_%s (LIKE tarot.audit_entry)', to_char(first, 'YYYY_MM'));
	EXECUTE format('ALTER TABLE tarot.audit_entry ATTACH PARTITION tarot.audit_entry_%s FOR VALUES FROM (%L) TO (%L)', to_char(first, 'YYYY_MM'), first || ' 00:00+00', (first + interval '1 month')::date || ' 00:00+00');
END $$;
CREATE FUNCTION place(e tarot.audit_entry) RETURNS bigint LANGUAGE sql AS $$ SELECT tarot.entry_position(e.system, e.transaction, e.number) $$;

SELECT make_month('2020-01-01'), make_month('2020-02-01'), make_month('2020-03-01');
INSERT INTO card SELECT g, 'Card ' || g FROM generate_series(1, 9) g;
UPDATE card SET name = 'Fool' WHERE id = 1;
UPDATE card SET id = 101 WHERE id = 1;
DELETE FROM card WHERE id IN (2, 101);
INSERT INTO card VALUES (1, 'Fool again');
-- Cards to 3 are of 2019, those to 6 of January, those to 9 of February.
UPDATE tarot.audit_entry e SET recorded_at = CASE WHEN (key->>'id')::int <= 3 THEN '2019-05-05 12:00+00' WHEN (key->>'id')::int <= 6 THEN '2020-01-10 12:00+00' ELSE '2020-02-10 12:00+00' END::timestamptz
	WHERE operation = 'I' AND (key->>'id')::int BETWEEN 2 AND 9;
SELECT tableoid::regclass, count(*) FROM tarot.audit_entry WHERE operation = 'I' GROUP BY 1 ORDER BY 1;

-- ------------------------------------------------------------ who, and when
SELECT run($$SELECT * FROM tarot.drop_audit_partitions('1 year')$$);
SELECT tarot.seal_audit() > 0 AS sealed;
SELECT * FROM found();
SELECT size AS before, root AS root_before, note AS note_before FROM tarot.audit_checkpoint ORDER BY size DESC LIMIT 1 \gset
SET ROLE regress_retention_nobody;
SELECT code($$SELECT * FROM tarot.drop_audit_partitions('1 year')$$), code($$SELECT tarot.erase_audit_details('card', '{"id": 1}', 'x')$$), code($$SELECT tarot.erase_audit_entries('{1}', '{1}', 'x')$$),
	code($$SELECT tarot.put_retention_entry(0, '', '{}')$$), code($$SELECT tarot.remove_audit_partition(1, '{}')$$), code($$SELECT tarot.erase_entries_at(1, '{}')$$), code($$SELECT tarot.examine_audit_entries(1, 'infinity', false, true)$$);
RESET ROLE;
SELECT run('SELECT * FROM tarot.drop_audit_partitions(NULL)'), run($$SELECT * FROM tarot.drop_audit_partitions('-1 day')$$);
SET ROLE regress_retention_officer;
SELECT partition, begins AT TIME ZONE 'UTC' AS begins, ends AT TIME ZONE 'UTC' < now() AT TIME ZONE 'UTC' AS past, entries FROM tarot.drop_audit_partitions('1 year', dry_run => true);
SELECT * FROM tarot.drop_audit_partitions('1000 years');
RESET ROLE;
SELECT count(*) FROM tarot.audit_entry WHERE operation = 'I';
SELECT count(*) FROM tarot.audit_log WHERE operation = 'DROP AUDIT PARTITION';

-- ------------------------------------------------------------ damaged before: not dropped with what could tell of it
CREATE FUNCTION tamper_and_drop(statement text, arguments text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
BEGIN
	BEGIN
		EXECUTE statement;
		said := run(format('SELECT * FROM tarot.drop_audit_partitions(''1 year''%s)', arguments));
		RAISE EXCEPTION USING ERRCODE = 'ZZZZZ';
	EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
	END;
	RETURN said;
END $$;
-- An entry changed; put there twice; put there; its leaf changed with it; the checkpoint gone.
SELECT tamper_and_drop($$UPDATE tarot.audit_entry e SET new = '{}' WHERE key = '{"id": 5}' AND operation = 'I'$$);
SELECT tamper_and_drop($$UPDATE tarot.audit_entry e SET new = '{}' WHERE key = '{"id": 2}' AND operation = 'I'$$);
SELECT tamper_and_drop($$INSERT INTO tarot.audit_entry SELECT * FROM tarot.audit_entry WHERE key = '{"id": 5}' AND operation = 'I'$$);
SELECT tamper_and_drop($$INSERT INTO tarot.audit_entry SELECT recorded_at, transaction, number + 100, system, statement, relation, operation, table_name, role, session_role FROM tarot.audit_entry WHERE key = '{"id": 5}' AND operation = 'I'$$);
SELECT tamper_and_drop($$UPDATE tarot.audit_tile SET hashes = set_byte(hashes, at, get_byte(hashes, at) # 1) FROM (SELECT place(e)::int * 32 FROM tarot.audit_entry e WHERE key = '{"id": 5}' AND operation = 'I') AS p (at) WHERE level = 0$$);
SELECT tamper_and_drop($$UPDATE tarot.audit_checkpoint SET note = NULL WHERE size = (SELECT max(size) FROM tarot.audit_checkpoint)$$);

-- ------------------------------------------------------------ dropped
-- One was removed from the default partition before, one from January.
SELECT place(e) AS two FROM tarot.audit_entry e WHERE key = '{"id": 2}' AND operation = 'I' \gset
SELECT place(e) AS five FROM tarot.audit_entry e WHERE key = '{"id": 5}' AND operation = 'I' \gset
CREATE TEMPORARY TABLE held AS SELECT * FROM tarot.audit_entry WHERE operation = 'I' AND key IN ('{"id": 2}', '{"id": 3}', '{"id": 5}', '{"id": 6}');
DELETE FROM tarot.audit_entry WHERE operation = 'I' AND key IN ('{"id": 2}', '{"id": 5}');
SELECT tarot.seal_audit() > 0 AS sealed;
SET ROLE regress_retention_officer;
SET DateStyle = 'SQL, DMY';
SET TimeZone = 'Asia/Tokyo';
SELECT partition, begins AT TIME ZONE 'UTC' AS begins, ends AT TIME ZONE 'UTC' < now() AT TIME ZONE 'UTC' AS past, entries FROM tarot.drop_audit_partitions('1 year');
RESET DateStyle;
RESET TimeZone;
SELECT * FROM tarot.drop_audit_partitions('1 year');
RESET ROLE;
SELECT to_regclass('tarot.audit_entry_2020_01'), to_regclass('tarot.audit_entry_2020_02'), to_regclass('tarot.audit_entry_2020_03'), (SELECT count(*) FROM tarot.audit_entry WHERE recorded_at < '2021-01-01') AS old_entries,
	(SELECT count(*) FROM tarot.audit_frontier WHERE partition NOT IN (SELECT inhrelid FROM pg_inherits)) AS frontiers;
SELECT operation, table_name, new->>'begins' AS begins, (new->>'ends')::timestamptz < now() AS past, new->'entries' AS entries, new->>'positions' AS positions, new->>'size' = (SELECT size::text FROM tarot.audit_checkpoint ORDER BY size DESC LIMIT 1) AS size,
		new->>'root' = (SELECT encode(root, 'hex') FROM tarot.audit_checkpoint ORDER BY size DESC LIMIT 1) AS root, role = current_user AS role
	FROM tarot.audit_log WHERE operation = 'DROP AUDIT PARTITION' ORDER BY transaction, number;
-- No entry but these: neither of a table that was dropped, nor of rows that were.
SELECT count(*) FROM tarot.audit_entry WHERE transaction = (SELECT transaction FROM tarot.audit_entry WHERE operation = 'R' LIMIT 1);
-- What is not sealed proves nothing.
SELECT * FROM found();
SELECT tarot.seal_audit();
SELECT * FROM found();
SELECT * FROM found(:'note_before');
SELECT finding, first_position, last_position, detail FROM tarot.verify_audit(0, 5);
-- The tree goes on, and proofs of what is gone hold.
INSERT INTO card VALUES (10, 'Wheel');
SELECT tarot.seal_audit();
SELECT count(*) AS proofs, bool_and(tarot.verify_inclusion(p.leaf, p.position, p.tree_size, p.proof, c.root)) AS all_good
	FROM held h, tarot.inclusion_proof(h.system, h.transaction, h.number) p JOIN tarot.audit_checkpoint c ON c.size = p.tree_size;
SELECT tarot.verify_consistency(:before, :'root_before', c.size, c.root, tarot.consistency_proof(:before, c.size)) FROM tarot.audit_checkpoint c ORDER BY c.size DESC LIMIT 1;

-- ------------------------------------------------------------ attacks on what was dropped, and by what was
-- Entries that nobody dropped are deleted.
SELECT * FROM tamper($$DELETE FROM tarot.audit_entry WHERE operation = 'I' AND key = '{"id": 1}'$$);
-- With the evidence of a drop itself, or its document, time or role changed.
SELECT * FROM tamper($$DELETE FROM tarot.audit_entry WHERE operation = 'R' AND new->>'partition' = 'tarot.audit_entry_2020_02'$$);
SELECT * FROM tamper($$UPDATE tarot.audit_entry SET new = jsonb_set(new, '{positions}', '"{[0,1000)}"') WHERE operation = 'R' AND new->>'partition' = 'tarot.audit_entry_2020_02'$$);
SELECT * FROM tamper($$UPDATE tarot.audit_entry SET session_role = 'somebody' WHERE operation = 'R' AND new->>'partition' = 'tarot.audit_entry_2020_02'$$);
-- An evidence of one's own, which is not sealed, that even says what the true one does.
CREATE FUNCTION forge(positions text, size text DEFAULT NULL, root text DEFAULT NULL, number bigint DEFAULT 1) RETURNS void LANGUAGE sql AS $$
	INSERT INTO tarot.audit_entry SELECT clock_timestamp(), pg_current_xact_id(), 1000 + forge.number, e.system, 0, e.relation, 'R', e.table_name, e.role, e.session_role, NULL, NULL, NULL, NULL, NULL,
		new || jsonb_strip_nulls(jsonb_build_object('positions', positions, 'size', size, 'root', root)), '\x00112233445566778899aabbccddeeff'
		FROM tarot.audit_entry e WHERE e.operation = 'R' AND e.new ? 'positions' ORDER BY e.number LIMIT 1
$$;
SELECT * FROM tamper($$DELETE FROM tarot.audit_entry WHERE operation = 'I' AND key = '{"id": 1}'; SELECT forge('{[0,100)}')$$);
-- One in the place of an entry that is sealed.
SELECT * FROM tamper($$UPDATE tarot.audit_entry e SET operation = 'R', new = (SELECT new || '{"positions": "{[0,20)}"}' FROM tarot.audit_entry WHERE operation = 'R' AND new ? 'positions' LIMIT 1) WHERE operation = 'I' AND key = '{"id": 10}'; DELETE FROM tarot.audit_entry WHERE operation = 'I' AND key = '{"id": 1}'$$);
-- One that is sealed, but of another log, of a size that was not yet, or of what comes after it.
CREATE FUNCTION delete_and_forge(positions text, size text DEFAULT NULL, root text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	DELETE FROM tarot.audit_entry WHERE operation = 'I' AND key = '{"id": 1}' AND new->>'name' = 'Fool again';
	SELECT forge(positions, size, root);
$$;
SELECT new->>'size' AS size, new->>'root' AS root FROM tarot.audit_entry WHERE operation = 'R' LIMIT 1 \gset
SELECT place(e) AS one FROM tarot.audit_entry e WHERE operation = 'I' AND key = '{"id": 1}' AND new->>'name' = 'Fool again' \gset
SELECT delete_and_forge('{[0,100)}', :'size', repeat('00', 32));
SELECT tarot.seal_audit() > 0 AS sealed;
SELECT forge('{[0,100)}', '100000');
SELECT tarot.seal_audit() > 0 AS sealed;
SELECT forge('{[0,1000)}', :'size', :'root');
SELECT tarot.seal_audit() > 0 AS sealed;
SELECT count(forge(p, number => n)) FROM unnest('{"", "{", "{}", "x", "{[0,", "{[5,3)}", "{[0,99999999999999999999)}", "{[-1,5)}", "{[0,3),[}"}'::text[]) WITH ORDINALITY AS u (p, n);
SELECT tarot.seal_audit() > 0 AS sealed;
SELECT finding, first = :one AS is_the_one, last = :one AS alone, detail FROM found() WHERE finding = 'entry missing' AND first NOT IN (:two, :five);
-- One that is sealed and says of this tree what it may is believed. It is on record for good, as whoever calls
-- tarot.drop_audit_partitions() is, and so is the INSERT.
SELECT forge('{[0,30)}', :'size', :'root');
SELECT tarot.seal_audit() > 0 AS sealed;
SELECT finding, detail FROM found() WHERE finding <> 'entry inserted';
SELECT e.new->>'command' AS command, e.table_name, count(*) FROM tarot.audit_entry e WHERE e.operation = 'S' AND e.new->>'command' = 'INSERT' AND e.table_name LIKE 'tarot.%' GROUP BY 1, 2;

-- ------------------------------------------------------------ what was damaged goes when it must, and stays missing
SELECT make_month('2020-04-01');
SELECT tarot.seal_audit() > 0 AS sealed;
INSERT INTO card VALUES (20, 'Judgement'), (21, 'World');
UPDATE tarot.audit_entry SET recorded_at = '2020-04-10 12:00+00' WHERE operation = 'I' AND key IN ('{"id": 20}', '{"id": 21}');
SELECT tarot.seal_audit() > 0 AS sealed;
SELECT place(e) AS twenty FROM tarot.audit_entry e WHERE key = '{"id": 20}' AND operation = 'I' \gset
UPDATE tarot.audit_entry SET new = '{"id": 20, "name": "none"}' WHERE operation = 'I' AND key = '{"id": 20}';
SELECT tarot.seal_audit() > 0 AS sealed;
SELECT run($$SELECT * FROM tarot.drop_audit_partitions('1 year')$$);
SELECT partition, entries FROM tarot.drop_audit_partitions('1 year', with_damaged => true);
SELECT tarot.seal_audit() > 0 AS sealed;
SELECT finding, first = :twenty AS twenty, first = last AS alone FROM found() WHERE first = :twenty;

-- ------------------------------------------------------------ evidence outlives the partition that it is in
SELECT make_month('2020-05-01');
SELECT tarot.seal_audit() > 0 AS sealed;
INSERT INTO card VALUES (30, 'Star');
-- By what is not sealed yet: the time is part of the leaf.
SELECT count(*) FROM tarot.erase_audit_details('card', '{"id": 30}', 'before it is sealed');
UPDATE tarot.audit_entry SET recorded_at = '2020-05-05 12:00+00' WHERE tarot.entry_position(system, transaction, number) IS NULL AND operation IN ('I', 'R');
SELECT tableoid::regclass, operation, new->>'command' AS command FROM tarot.audit_entry WHERE recorded_at < '2020-06-01' AND recorded_at >= '2020-05-01' ORDER BY operation;
SELECT tarot.seal_audit() > 0 AS sealed;
SELECT finding, detail FROM found() WHERE finding LIKE 'details%';
SELECT partition, entries FROM tarot.drop_audit_partitions('1 year');
SELECT tableoid::regclass, operation, new->>'command' AS command FROM tarot.audit_entry WHERE recorded_at < '2020-06-01' AND recorded_at >= '2020-05-01' ORDER BY operation;
SELECT tarot.seal_audit() > 0 AS sealed;
SELECT finding, detail FROM found() WHERE finding NOT IN ('entry missing', 'entry inserted');
SELECT * FROM tarot.drop_audit_partitions('1 year');

-- ------------------------------------------------------------ by hand: on record, and missing
SELECT make_month('2020-06-01');
INSERT INTO card VALUES (40, 'Moon');
UPDATE tarot.audit_entry SET recorded_at = '2020-06-10 12:00+00' WHERE operation = 'I' AND key = '{"id": 40}';
SELECT tarot.seal_audit() > 0 AS sealed;
SELECT place(e) AS forty FROM tarot.audit_entry e WHERE key = '{"id": 40}' AND operation = 'I' \gset
DROP TABLE tarot.audit_entry_2020_06;
SELECT tarot.seal_audit();
SELECT e.new->>'command' AS command, e.table_name FROM tarot.audit_entry e WHERE e.operation = 'S' AND e.new->>'command' = 'DROP TABLE';
SELECT finding, detail FROM found() WHERE first = :forty;

-- What depends on a partition stops it.
SELECT make_month('2020-07-01');
CREATE VIEW july AS SELECT * FROM tarot.audit_entry_2020_07;
SELECT tarot.seal_audit() > 0 AS sealed;
SELECT run($$SELECT * FROM tarot.drop_audit_partitions('1 year')$$);
DROP VIEW july;
SELECT partition, entries FROM tarot.drop_audit_partitions('1 year');
SELECT tarot.create_audit_partitions(0) >= 0 AS made;

DROP OWNED BY regress_retention_officer;
DROP ROLE regress_retention_nobody, regress_retention_officer;

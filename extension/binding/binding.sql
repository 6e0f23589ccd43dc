-- binding: values bound to a row or a data subject

-- For everybody: who may make a trigger of it gains nothing by that, and restoring a dump as the
-- owner of the tables makes some.
CREATE FUNCTION tarot.enforce_row() RETURNS trigger
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_binding_enforce_row';
COMMENT ON FUNCTION tarot.enforce_row() IS
	'The trigger by which a row rule is kept and enforced. Made by tarot.bind_column() and tarot.set_subject(), and by a dump''s restore.';

CREATE FUNCTION tarot.bind_column("table" regclass, "column" name, by name[] DEFAULT NULL) RETURNS bigint
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_binding_bind_column';
COMMENT ON FUNCTION tarot.bind_column(regclass, name, name[]) IS
	'Binds the values of an encrypted column to their rows, which the columns "by" identify (unless given, those of the primary key; NOT '
	'NULL, not generated, of type smallint, integer, bigint, numeric, uuid, text, varchar, character, name, bytea, date or timestamptz). '
	'From then on a value moves to another row only by a role with plain read access and write access to its class, else 42501. Seals all '
	'values again, in this transaction, and locks the table against writes until its end; returns how many. Needs ownership of the table '
	'and no grant on the class. With a partitioned table, its partitions are bound. Raises 42710 for a column that is bound, 42809 for '
	'one that has no encrypted type, 22023 or 42804 for what cannot identify a row, TS102 or TS201 for a value that cannot be opened.';

CREATE FUNCTION tarot.unbind_column("table" regclass, "column" name) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_binding_unbind_column';
COMMENT ON FUNCTION tarot.unbind_column(regclass, name) IS
	'Takes tarot.bind_column() back. The values stay as they are; in another column that is bound, they still count as another row''s. '
	'Needs ownership of the table. Raises 42704 for a column that is not bound.';

CREATE FUNCTION tarot.set_subject("table" regclass, "column" name, subject name) RETURNS bigint
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_binding_set_subject';
COMMENT ON FUNCTION tarot.set_subject(regclass, name, name) IS
	'Seals the values of an encrypted column by keys of data subjects, whom the column "subject" names (NOT NULL, not generated, of type '
	'smallint, integer, bigint, numeric, uuid, text, varchar, character or name; a number and its digits as text are the same subject). '
	'The class of the column must have been made with per_subject. tarot.destroy_subject_key() then makes the values of one subject '
	'unreadable for ever. Seals all values again, in this transaction, and locks the table against writes until its end; returns how '
	'many. A value moves to another subject only by a role with plain read access and write access to its class, else 42501. Needs '
	'ownership of the table and no grant on the class. With a partitioned table, of its partitions too. Raises 42710 where there is one '
	'already, 42809 for a column that has no encrypted type, 55000 for a class without keys of subjects, 42804 or 22023 for what cannot '
	'name a subject.';

CREATE FUNCTION tarot.unset_subject("table" regclass, "column" name) RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_binding_unset_subject';
COMMENT ON FUNCTION tarot.unset_subject(regclass, name) IS
	'Takes tarot.set_subject() back: values written from now on are sealed by the key of the class. Those that are stored stay under the '
	'keys of their subjects. Needs ownership of the table. Raises 42704 where there is none.';

CREATE FUNCTION tarot.verify_bindings("table" regclass)
	RETURNS TABLE ("partition" regclass, "row" tid, identity text, "column" name, problem text)
	LANGUAGE c STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_binding_verify_bindings';
COMMENT ON FUNCTION tarot.verify_bindings(regclass) IS
	'The values in bound columns of a table and its partitions that are not bound to the row that they are in: swapped while triggers '
	'were off, or in the files; or written before an attached partition was attached. Also those that are not under the key of their data '
	'subject (tarot.set_subject()), for which the server must be unlocked. Reads the whole table and opens nothing; needs no key where '
	'there are no subjects. Needs SELECT on the table and no row security in the way (42501). "identity" has the values of the columns '
	'that identify the row.';

CREATE VIEW tarot.bound_column AS
	SELECT t.tgrelid::regclass AS "table", a.arguments[1] AS "column",
		ARRAY(SELECT a.arguments[i] FROM generate_series(5, cardinality(a.arguments), 2) AS i ORDER BY i) AS by,
		nullif(a.arguments[2], '') AS subject, t.tgname AS "trigger", t.tgenabled IN ('O', 'A') AS enforced
	FROM pg_catalog.pg_trigger t, LATERAL (SELECT tarot.trigger_arguments(t.tgargs) AS arguments) a
	WHERE t.tgfoid = 'tarot.enforce_row()'::regprocedure AND t.tgparentid = 0;
COMMENT ON VIEW tarot.bound_column IS
	'The columns whose values are bound to their rows, or sealed by keys of data subjects. Partitions are not listed.';
COMMENT ON COLUMN tarot.bound_column."table" IS 'The table.';
COMMENT ON COLUMN tarot.bound_column."column" IS 'The encrypted column.';
COMMENT ON COLUMN tarot.bound_column.by IS 'The columns that identify a row; none where the values are not bound.';
COMMENT ON COLUMN tarot.bound_column.subject IS 'The column with the data subject; NULL where there is none.';
COMMENT ON COLUMN tarot.bound_column."trigger" IS 'The trigger that enforces it.';
COMMENT ON COLUMN tarot.bound_column.enforced IS 'False where ALTER TABLE disabled the trigger.';
GRANT SELECT ON tarot.bound_column TO pg_monitor;

CREATE FUNCTION tarot.follow_rename() RETURNS event_trigger
	LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'tarot_binding_follow_rename';
COMMENT ON FUNCTION tarot.follow_rename() IS
	'Event trigger: when a column is renamed, row rules that name it do so by its new name.';
CREATE EVENT TRIGGER tarot_security_follow_rename ON ddl_command_end
	-- By each of these can a column of a table be renamed.
	WHEN TAG IN ('ALTER TABLE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER FOREIGN TABLE', 'ALTER TYPE')
	EXECUTE FUNCTION tarot.follow_rename();

-- The others are for everybody, for tables of their own.
REVOKE ALL ON FUNCTION tarot.follow_rename() FROM PUBLIC;


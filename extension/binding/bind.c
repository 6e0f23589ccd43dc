/*
 * bind.c
 *		Makes, changes, drops and checks row rules.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include <sodium.h>

#include "base/compat.h"
#include "label/trigger.h"
#include "binding/rewrite.h"
#include "binding/rule.h"
#include "class/class.h"
#include "column/column.h"
#include "column/conversion.h"
#include "column/shape.h"

/* ---------------------------------------------------------------- what is asked for */

static Form_pg_attribute
find_column(Relation relation, const char *name)
{
	TupleDesc desc = RelationGetDescr(relation);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (!column->attisdropped && strcmp(NameStr(column->attname), name) == 0)
			return column;
	}
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("column \"%s\" of table \"%s\" does not exist", name,
						   RelationGetRelationName(relation))));
}

/* Writers wait until the transaction ends, readers do not. */
static Relation
open_own_table(Oid table)
{
	Relation relation;

	if (!compat_owns_relation(table, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(table)),
					   get_rel_name(table));
	relation = table_open(table, ShareRowExclusiveLock);
	if (relation->rd_rel->relkind != RELKIND_RELATION &&
		relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" is not a table", RelationGetRelationName(relation))));
	if (RELATION_IS_OTHER_TEMP(relation))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("\"%s\" is a temporary table of another session",
							   RelationGetRelationName(relation))));
	return relation;
}

static void
require_encrypted(Relation relation, Form_pg_attribute column)
{
	Oid type = getBaseType(column->atttypid);

	/* Arrays have the same type modifier, and so its function. */
	if (!ColumnIsEncrypted(type) || OidIsValid(get_element_type(type)))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("column \"%s\" of table \"%s\" has no encrypted type",
						NameStr(column->attname), RelationGetRelationName(relation)),
				 errdetail("Nor can arrays and rows with encrypted values in them be bound.")));
}

/* The columns of the primary key, as names. */
static List *
primary_key(Relation relation)
{
	List *names = NIL;
	Oid index_id = compat_primary_key_index(relation);
	Relation index;

	if (!OidIsValid(index_id))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("table \"%s\" has no primary key", RelationGetRelationName(relation)),
				 errhint("Name the columns that identify a row: by => '{...}'.")));
	index = index_open(index_id, AccessShareLock);
	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
		names = lappend(names, get_attname(RelationGetRelid(relation),
										   index->rd_index->indkey.values[i], false));
	index_close(index, AccessShareLock);
	return names;
}

static List *
names_of_array(ArrayType *array)
{
	Datum *items;
	bool *nulls;
	int count;
	List *names = NIL;

	deconstruct_array(array, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &items, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("the name of a column must not be null")));
		names = lappend(names, pstrdup(NameStr(*DatumGetName(items[i]))));
	}
	return names;
}

static const char *
require_identifying(Relation relation, const char *name)
{
	Form_pg_attribute column = find_column(relation, name);
	IdentifierForm form = IdentifierFormOfType(column->atttypid);

	if (form == IDENTIFIER_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s cannot identify a row", name,
						format_type_be(column->atttypid)),
				 errdetail("The types that can are smallint, integer, bigint, numeric, uuid, text, "
						   "varchar, character, name, bytea, date and timestamptz.")));
	if (!column->attnotnull || column->attgenerated != '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("column \"%s\" cannot identify a row or its data subject", name),
						errdetail("It must be NOT NULL, and not generated.")));
	return IdentifierFormName(form);
}

/* ---------------------------------------------------------------- making and dropping a rule */

static void
execute(const char *statement)
{
	if (SPI_connect() != SPI_OK_CONNECT || SPI_execute(statement, false, 0) != SPI_OK_UTILITY ||
		SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not execute \"%s\"", statement);
}

static char *
qualified_name(Relation relation)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
									  RelationGetRelationName(relation));
}

/* A name that no trigger of the table has, and that sorts behind most. */
static char *
trigger_name(Relation relation, const char *column)
{
	char *name = makeObjectName(RULE_TRIGGER_PREFIX, column, NULL);

	for (int n = 1; OidIsValid(get_trigger_oid(RelationGetRelid(relation), name, true)); n++)
		name = makeObjectName(RULE_TRIGGER_PREFIX, column, psprintf("%d", n));
	return name;
}

/* A rule as the arguments of its trigger. */
typedef struct RuleText
{
	const char *column;
	const char *subject; /* empty: none */
	const char *binding; /* empty: none */
	List *by;            /* names */
} RuleText;

static RuleText
read_rule(const Trigger *trigger, const char *column)
{
	RuleText text = {.column = column, .subject = "", .binding = "", .by = NIL};

	if (trigger == NULL)
		return text;
	text.subject = pstrdup(trigger->tgargs[RULE_ARG_SUBJECT]);
	text.binding = pstrdup(trigger->tgargs[RULE_ARG_BINDING]);
	for (int i = RULE_ARG_BY; i + 1 < trigger->tgnargs; i += 2)
		text.by = lappend(text.by, pstrdup(trigger->tgargs[i]));
	return text;
}

static const char *
new_binding_id(void)
{
	uint8 id[BINDING_ID_SIZE];
	char *hex = palloc(2 * BINDING_ID_SIZE + 1);

	randombytes_buf(id, sizeof(id));
	hex_encode((const char *) id, sizeof(id), hex);
	hex[2 * BINDING_ID_SIZE] = '\0';
	return hex;
}

/* None of its columns is on the way to be another. */
static void
require_settled(Relation relation, const RuleText *text)
{
	ListCell *cell;

	ColumnRequireSettled(relation, text->column);
	if (text->subject[0] != '\0')
		ColumnRequireSettled(relation, text->subject);
	foreach (cell, text->by)
		ColumnRequireSettled(relation, lfirst(cell));
}

static void
make_trigger(Relation relation, const char *name, const RuleText *text)
{
	StringInfoData statement;
	ListCell *cell;

	initStringInfo(&statement);
	appendStringInfo(&statement,
					 "CREATE TRIGGER %s BEFORE INSERT OR UPDATE ON %s FOR EACH ROW "
					 "EXECUTE FUNCTION tarot.enforce_row(%s, %s, '%s', '%s'",
					 quote_identifier(name), qualified_name(relation),
					 quote_literal_cstr(text->column), quote_literal_cstr(text->subject),
					 text->subject[0] != '\0' ? require_identifying(relation, text->subject) : "",
					 text->binding);
	foreach (cell, text->by)
	{
		const char *by = lfirst(cell);

		appendStringInfo(&statement, ", %s, '%s'", quote_literal_cstr(by),
						 require_identifying(relation, by));
	}
	appendStringInfoChar(&statement, ')');
	execute(statement.data);
}

/* Puts a rule in the place of the one that the column has, if it has one; an empty one is none. */
static void
replace_trigger(Relation relation, const Trigger *old, const RuleText *text)
{
	char *name = old != NULL ? pstrdup(old->tgname) : trigger_name(relation, text->column);

	if (old != NULL)
		execute(
			psprintf("DROP TRIGGER %s ON %s", quote_identifier(name), qualified_name(relation)));
	if (text->subject[0] != '\0' || text->binding[0] != '\0')
		make_trigger(relation, name, text);
}

static struct varlena *
bind_row(HeapTuple row, TupleDesc desc, void *argument)
{
	return RuleApply((RowRule *) argument, row, desc, true);
}

/* Puts the values of a table and its partitions under the rule that they now have. */
static uint64
apply_rule(Relation relation, const char *column)
{
	uint64 count = 0;
	List *tables = list_make1_oid(RelationGetRelid(relation));
	ListCell *cell;

	if (relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		tables = find_all_inheritors(RelationGetRelid(relation), ShareRowExclusiveLock, NULL);
	foreach (cell, tables)
	{
		Relation table = table_open(lfirst_oid(cell), NoLock);

		if (table->rd_rel->relkind == RELKIND_RELATION)
		{
			RowRule *rule = RuleOfTrigger(table, RuleTriggerOf(table, column));

			count += RewriteColumn(table, rule->column, bind_row, rule);
		}
		else if (table->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("partition \"%s\" is a foreign table", RelationGetRelationName(table)),
					 errdetail("Values that lie elsewhere cannot be bound.")));
		table_close(table, NoLock);
	}
	return count;
}

/*
 * tarot.bind_column("table" regclass, "column" name, by name[] DEFAULT NULL) RETURNS bigint
 */
PG_FUNCTION_INFO_V1(tarot_binding_bind_column);
Datum
tarot_binding_bind_column(PG_FUNCTION_ARGS)
{
	Relation relation;
	char *column;
	Trigger *trigger;
	RuleText text;
	uint64 count;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("table and column must not be null")));
	column = NameStr(*PG_GETARG_NAME(1));
	relation = open_own_table(PG_GETARG_OID(0));
	require_encrypted(relation, find_column(relation, column));
	trigger = RuleTriggerOf(relation, column);
	text = read_rule(trigger, column);
	if (text.by != NIL)
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
						errmsg("column \"%s\" of table \"%s\" is bound already", column,
							   RelationGetRelationName(relation)),
						errhint("tarot.unbind_column() takes it back.")));
	text.binding = new_binding_id();
	text.by = PG_ARGISNULL(2) ? primary_key(relation) : names_of_array(PG_GETARG_ARRAYTYPE_P(2));
	require_settled(relation, &text);
	if (text.by == NIL || list_length(text.by) > BINDING_ITEMS_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a row is identified by 1 to %d columns", BINDING_ITEMS_MAX)));
	replace_trigger(relation, trigger, &text);
	count = apply_rule(relation, column);
	table_close(relation, NoLock);
	PG_RETURN_INT64((int64) count);
}

/*
 * tarot.unbind_column("table" regclass, "column" name) RETURNS void
 */
PG_FUNCTION_INFO_V1(tarot_binding_unbind_column);
Datum
tarot_binding_unbind_column(PG_FUNCTION_ARGS)
{
	char *column = NameStr(*PG_GETARG_NAME(1));
	Relation relation = open_own_table(PG_GETARG_OID(0));
	Trigger *trigger = RuleTriggerOf(relation, column);
	RuleText text = read_rule(trigger, column);

	if (text.by == NIL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("column \"%s\" of table \"%s\" is not bound", column,
							   RelationGetRelationName(relation))));
	text.binding = "";
	text.by = NIL;
	replace_trigger(relation, trigger, &text);
	table_close(relation, NoLock);
	PG_RETURN_VOID();
}

/* The class of a column must have keys of subjects. */
static void
require_per_subject(Form_pg_attribute column)
{
	int32 class_id = column->atttypmod;
	DataClass *data_class;

	getBaseTypeAndTypmod(column->atttypid, &class_id);
	data_class = ClassRequire(class_id);
	if (!data_class->per_subject)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("data class \"%s\" has no keys of subjects", data_class->name),
						errhint("Make one with tarot.create_class(..., per_subject => true).")));
}

/*
 * tarot.set_subject("table" regclass, "column" name, subject name) RETURNS bigint
 */
PG_FUNCTION_INFO_V1(tarot_binding_set_subject);
Datum
tarot_binding_set_subject(PG_FUNCTION_ARGS)
{
	char *column = NameStr(*PG_GETARG_NAME(1));
	char *subject = NameStr(*PG_GETARG_NAME(2));
	Relation relation = open_own_table(PG_GETARG_OID(0));
	Form_pg_attribute encrypted = find_column(relation, column);
	Form_pg_attribute naming = find_column(relation, subject);
	Trigger *trigger = RuleTriggerOf(relation, column);
	RuleText text = read_rule(trigger, column);
	uint64 count;

	require_encrypted(relation, encrypted);
	require_per_subject(encrypted);
	if (text.subject[0] != '\0')
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
						errmsg("column \"%s\" of table \"%s\" has a data subject already", column,
							   RelationGetRelationName(relation)),
						errhint("tarot.unset_subject() takes it back.")));
	if (!IdentifierNamesSubject(IdentifierFormOfType(naming->atttypid)))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s cannot name a data subject", subject,
						format_type_be(naming->atttypid)),
				 errdetail("The types that can are smallint, integer, bigint, numeric, uuid, text, "
						   "varchar, character and name.")));
	text.subject = subject;
	require_settled(relation, &text);
	replace_trigger(relation, trigger, &text);
	count = apply_rule(relation, column);
	table_close(relation, NoLock);
	PG_RETURN_INT64((int64) count);
}

/*
 * tarot.unset_subject("table" regclass, "column" name) RETURNS void
 */
PG_FUNCTION_INFO_V1(tarot_binding_unset_subject);
Datum
tarot_binding_unset_subject(PG_FUNCTION_ARGS)
{
	char *column = NameStr(*PG_GETARG_NAME(1));
	Relation relation = open_own_table(PG_GETARG_OID(0));
	Trigger *trigger = RuleTriggerOf(relation, column);
	RuleText text = read_rule(trigger, column);

	if (text.subject[0] == '\0')
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("column \"%s\" of table \"%s\" has no data subject", column,
							   RelationGetRelationName(relation))));
	text.subject = "";
	replace_trigger(relation, trigger, &text);
	table_close(relation, NoLock);
	PG_RETURN_VOID();
}

/* ---------------------------------------------------------------- verifying */

static const char *
problem_of(const RowRule *rule, RuleFit fit)
{
	if (fit == RULE_UNBOUND)
		return rule->binds ? "not bound to a row" : "not under the key of a subject";
	return fit == RULE_ELSEWHERE ? "bound to another row" : "under the key of another subject";
}

static void
verify_table(Relation relation, const Trigger *trigger, ReturnSetInfo *result)
{
	RowRule *rule = RuleOfTrigger(relation, trigger);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	TableScanDesc scan = table_beginscan(relation, GetActiveSnapshot(), 0, NULL);
	MemoryContext row_context = AllocSetContextCreate(
		CurrentMemoryContext, "tarot_security verification", ALLOCSET_DEFAULT_SIZES);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		MemoryContext outer_context = MemoryContextSwitchTo(row_context);
		bool should_free;
		HeapTuple row = ExecFetchSlotHeapTuple(slot, false, &should_free);
		RuleFit fit = RuleCheck(rule, row, RelationGetDescr(relation));

		CHECK_FOR_INTERRUPTS();
		if (fit != RULE_FITS)
		{
			Datum values[] = {
				ObjectIdGetDatum(RelationGetRelid(relation)), PointerGetDatum(&slot->tts_tid),
				CStringGetTextDatum(RuleIdentity(rule, row, RelationGetDescr(relation))),
				NameGetDatum(&TupleDescAttr(RelationGetDescr(relation), rule->column - 1)->attname),
				CStringGetTextDatum(problem_of(rule, fit))};
			bool nulls[lengthof(values)] = {false};

			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
		MemoryContextSwitchTo(outer_context);
		MemoryContextReset(row_context);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(row_context);
}

/*
 * tarot.verify_bindings("table" regclass)
 *     RETURNS TABLE ("partition" regclass, row tid, identity text, "column" name, problem text)
 */
PG_FUNCTION_INFO_V1(tarot_binding_verify_bindings);
Datum
tarot_binding_verify_bindings(PG_FUNCTION_ARGS)
{
	Oid table = PG_GETARG_OID(0);
	Oid function = RuleFunction();
	List *tables;
	ListCell *cell;

	if (pg_class_aclcheck(table, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(get_rel_relkind(table)),
					   get_rel_name(table));
	if (check_enable_rls(table, InvalidOid, false) == RLS_ENABLED)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("row security hides rows of table \"%s\" from role \"%s\"",
							   get_rel_name(table), GetUserNameFromId(GetUserId(), true))));
	if (get_rel_relkind(table) != RELKIND_RELATION &&
		get_rel_relkind(table) != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" is not a table", get_rel_name(table))));
	InitMaterializedSRF(fcinfo, 0);
	tables = get_rel_relkind(table) == RELKIND_PARTITIONED_TABLE
				 ? find_all_inheritors(table, AccessShareLock, NULL)
				 : list_make1_oid(table);
	foreach (cell, tables)
	{
		Relation relation = table_open(lfirst_oid(cell), AccessShareLock);
		TriggerDesc *triggers = CopyTriggerDesc(relation->trigdesc);

		for (int i = 0; relation->rd_rel->relkind == RELKIND_RELATION && triggers != NULL &&
						i < triggers->numtriggers;
			 i++)
		{
			if (triggers->triggers[i].tgfoid == function)
				verify_table(relation, &triggers->triggers[i],
							 (ReturnSetInfo *) fcinfo->resultinfo);
		}
		table_close(relation, AccessShareLock);
	}
	return (Datum) 0;
}

/* ---------------------------------------------------------------- columns with a new name */

/* The first argument of a rule, and each before its form. */
static bool
is_column_argument(int argument)
{
	return argument == RULE_ARG_COLUMN || argument == RULE_ARG_SUBJECT ||
		   (argument >= RULE_ARG_BY && (argument - RULE_ARG_BY) % 2 == 0);
}

/*
 * tarot.follow_rename() RETURNS event_trigger
 */
PG_FUNCTION_INFO_V1(tarot_binding_follow_rename);
Datum
tarot_binding_follow_rename(PG_FUNCTION_ARGS)
{
	return TriggerFollowRename(fcinfo, RuleFunction(), is_column_argument, NULL);
}

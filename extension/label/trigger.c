/*
 * trigger.c
 *		Triggers whose arguments are names of columns.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"

#include "label/trigger.h"

/*
 * The arguments as the catalog keeps them, with one name in the place of another;
 * NULL where they stay. No column had the new name until now: where it stands,
 * it is that of one that was dropped, and does not come to mean another.
 */
static bytea *
rename_in_arguments(const Trigger *trigger, const char *old_name, const char *new_name,
					TriggerColumnArgument is_column, int16 *count)
{
	StringInfoData out;
	bool found = false;
	bytea *arguments;

	*count = 0;
	initStringInfo(&out);
	for (int i = 0; i < trigger->tgnargs; i++)
	{
		bool stale = is_column(i) && strcmp(trigger->tgargs[i], new_name) == 0;
		bool renamed = is_column(i) && strcmp(trigger->tgargs[i], old_name) == 0;
		const char *argument = renamed ? new_name : trigger->tgargs[i];

		found |= renamed || stale;
		if (stale)
			continue;
		(*count)++;
		appendBinaryStringInfo(&out, argument, (int) strlen(argument) + 1);
	}
	if (!found)
		return NULL;
	arguments = palloc(VARHDRSZ + out.len);
	memcpy(VARDATA(arguments), out.data, out.len);
	SET_VARSIZE(arguments, VARHDRSZ + out.len);
	return arguments;
}

static void
set_arguments(Relation triggers, Oid trigger, bytea *arguments, int16 count)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(trigger));
	scan = systable_beginscan(triggers, TriggerOidIndexId, true, NULL, 1, &key);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		int columns[] = {Anum_pg_trigger_tgnargs, Anum_pg_trigger_tgargs};
		Datum values[] = {Int16GetDatum(count), PointerGetDatum(arguments)};
		bool nulls[] = {false, false};
		HeapTuple changed =
			heap_modify_tuple_by_cols(tuple, RelationGetDescr(triggers), 2, columns, values, nulls);

		CatalogTupleUpdate(triggers, &tuple->t_self, changed);
	}
	systable_endscan(scan);
}

static void
rename_in_triggers(Oid table, const char *old_name, const char *new_name, Oid function,
				   TriggerColumnArgument is_column, TriggerColumnRenamed renamed)
{
	Relation triggers = table_open(TriggerRelationId, RowExclusiveLock);
	List *tables = find_all_inheritors(table, NoLock, NULL);
	ListCell *cell;

	foreach (cell, tables)
	{
		Relation relation = relation_open(lfirst_oid(cell), NoLock);

		for (int i = 0; relation->trigdesc != NULL && i < relation->trigdesc->numtriggers; i++)
		{
			const Trigger *trigger = &relation->trigdesc->triggers[i];
			bytea *arguments;
			int16 count;

			if (trigger->tgfoid != function)
				continue;
			arguments = rename_in_arguments(trigger, old_name, new_name, is_column, &count);
			if (arguments != NULL)
			{
				set_arguments(triggers, trigger->tgoid, arguments, count);
				CacheInvalidateRelcache(relation);
			}
		}
		relation_close(relation, NoLock);
		if (renamed != NULL)
			renamed(lfirst_oid(cell), old_name, new_name);
	}
	table_close(triggers, RowExclusiveLock);
}

/* Tables OF a type, whose columns are renamed with its attributes. */
static List *
typed_tables(Oid type)
{
	Relation classes = table_open(RelationRelationId, AccessShareLock);
	List *tables = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_class_reloftype, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(type));
	scan = systable_beginscan(classes, InvalidOid, false, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		tables = lappend_oid(tables, ((Form_pg_class) GETSTRUCT(tuple))->oid);
	systable_endscan(scan);
	table_close(classes, AccessShareLock);
	return tables;
}

Datum
TriggerFollowRename(FunctionCallInfo fcinfo, Oid function, TriggerColumnArgument is_column,
					TriggerColumnRenamed renamed)
{
	RenameStmt *statement;
	List *tables;
	ListCell *cell;
	Oid table;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("this is an event trigger function")));
	statement = (RenameStmt *) ((EventTriggerData *) fcinfo->context)->parsetree;

	/* ALTER TYPE calls a column of a table an attribute, too. */
	if (!IsA(statement, RenameStmt) || statement->relation == NULL ||
		(statement->renameType != OBJECT_COLUMN && statement->renameType != OBJECT_ATTRIBUTE))
		PG_RETURN_NULL();

	/* With IF EXISTS there may be none. It is locked by who renamed the column. */
	table = RangeVarGetRelid(statement->relation, NoLock, true);
	if (!OidIsValid(table))
		PG_RETURN_NULL();
	tables = get_rel_relkind(table) == RELKIND_COMPOSITE_TYPE ? typed_tables(get_rel_type_id(table))
															  : list_make1_oid(table);
	foreach (cell, tables)
	{
		rename_in_triggers(lfirst_oid(cell), statement->subname, statement->newname, function,
						   is_column, renamed);
	}
	PG_RETURN_NULL();
}

/*
 * tarot.trigger_arguments(tgargs bytea) RETURNS text[]
 */
PG_FUNCTION_INFO_V1(tarot_label_trigger_arguments);
Datum
tarot_label_trigger_arguments(PG_FUNCTION_ARGS)
{
	bytea *arguments = PG_GETARG_BYTEA_PP(0);
	const char *at = VARDATA_ANY(arguments);
	const char *end = at + VARSIZE_ANY_EXHDR(arguments);
	ArrayBuildState *items = initArrayResult(TEXTOID, CurrentMemoryContext, false);

	while (at < end)
	{
		size_t size = strnlen(at, end - at);

		items = accumArrayResult(items, PointerGetDatum(cstring_to_text_with_len(at, (int) size)),
								 false, TEXTOID, CurrentMemoryContext);
		at += size + 1;
	}
	return makeArrayResult(items, CurrentMemoryContext);
}

/*
 * search_tables.c
 *		The tables of a class, those in the making, too, while its search key
 *		changes.
 *
 * Whoever changes it has a lock on each of them. Whoever makes a table, or
 * gives it a column, of the class has a lock on that until it can be seen.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/catalog.h"
#include "class/class.h"
#include "column/batch.h"
#include "column/shape.h"
#include "reseal/reseal.h"

/* ---------------------------------------------------------------- which tables */

/* Tables and materialized views that hold values of the class, in the order of their numbers. */
static List *
tables_of_class(int32 class_id)
{
	List *tables = NIL;
	ListCell *cell;

	foreach (cell, ColumnTables(InvalidOid))
	{
		Relation relation = try_relation_open(lfirst_oid(cell), AccessShareLock);

		if (relation == NULL)
			continue; /* dropped meanwhile */
		if (relation->rd_rel->relkind != RELKIND_FOREIGN_TABLE &&
			ResealConcernsClass(relation, class_id))
			tables = lappend_oid(tables, lfirst_oid(cell));
		relation_close(relation, AccessShareLock);
	}
	return tables;
}

/*
 * tarot.search_key_obstacles(class_id integer) RETURNS text[]
 *
 * Tables whose values cannot be given another tag.
 */
PG_FUNCTION_INFO_V1(tarot_reseal_search_key_obstacles);
Datum
tarot_reseal_search_key_obstacles(PG_FUNCTION_ARGS)
{
	ArrayBuildState *obstacles = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	ListCell *cell;

	foreach (cell, tables_of_class(PG_GETARG_INT32(0)))
	{
		Relation relation = try_relation_open(lfirst_oid(cell), AccessShareLock);
		const char *obstacle = relation == NULL ? NULL : BatchObstacle(relation);

		if (obstacle != NULL)
			accumArrayResult(obstacles,
							 CStringGetTextDatum(psprintf(
								 "table \"%s\": %s", RelationGetRelationName(relation), obstacle)),
							 false, TEXTOID, CurrentMemoryContext);
		if (relation != NULL)
			relation_close(relation, AccessShareLock);
	}
	PG_RETURN_DATUM(makeArrayResult(obstacles, CurrentMemoryContext));
}

/* ---------------------------------------------------------------- locks */

/*
 * Whoever makes a table, or a column, of the class holds it until the end of
 * the transaction: the table is not seen before, and so not locked.
 */
static void
lock_class(int32 class_id, LOCKMODE mode)
{
	Relation table = CatalogOpen("class", AccessShareLock);

	LockDatabaseObject(RelationGetRelid(table), (Oid) class_id, 0, mode);
	table_close(table, AccessShareLock);
}

static void
lock_table(Oid table)
{
	Relation relation;

	/* Another session's can be locked, but its pages are in that session's memory. */
	if (isOtherTempNamespace(get_rel_namespace(table)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("another session has a temporary table \"%s\" with values of the data "
						"class",
						get_rel_name(table)),
				 errhint("Nobody else can make its indexes anew: end that session first.")));
	relation = try_relation_open(table, AccessExclusiveLock);
	if (relation != NULL)
		relation_close(relation, NoLock);
}

/* First those that there are: who adds a column to one has it locked before it asks for the class.
 */
List *
ResealLockTables(int32 class_id)
{
	List *locked = NIL;
	List *found;

	for (bool class_locked = false;; class_locked = true)
	{
		ListCell *cell;

		found = list_difference_oid(tables_of_class(class_id), locked);
		if (found == NIL && class_locked)
			return locked;
		foreach (cell, found)
			lock_table(lfirst_oid(cell));
		locked = list_concat(locked, found);
		if (!class_locked)
			lock_class(class_id, AccessExclusiveLock);
	}
}

/* ---------------------------------------------------------------- tables that are being made */

/* What the search keys of a class are, to that snapshot; NULL: as last committed. */
typedef struct SearchKeys
{
	bool any;
	bool retiring;
	bool changed; /* the active one is of a transaction that the other snapshot does not see */
} SearchKeys;

static SearchKeys
search_keys_of(int32 class_id, Snapshot snapshot, Snapshot other)
{
	Relation table = CatalogOpen("search_key", AccessShareLock);
	SearchKeys keys = {false};
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(class_id));
	scan = systable_beginscan(table, InvalidOid, false, snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		TransactionId xmin = HeapTupleHeaderGetXmin(tuple->t_data);
		SearchSpec search;
		SearchState state;

		(void) ClassSearchRow(tuple, RelationGetDescr(table), &search, &state);
		keys.any = true;
		keys.retiring |= state == SEARCH_RETIRING;
		keys.changed |= state == SEARCH_ACTIVE && search.generation > 1 &&
						TransactionIdIsNormal(xmin) && !TransactionIdIsCurrentTransactionId(xmin) &&
						XidInMVCCSnapshot(xmin, other);
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return keys;
}

/*
 * Whether the class has another search key than the snapshot sees. Where it
 * sees none, a parallel restore has brought it meanwhile: then tags were taken
 * as they are stored, which is right where values have only one.
 */
static bool
has_changed_since(int32 class_id, Snapshot snapshot)
{
	SearchKeys now = search_keys_of(class_id, NULL, snapshot);

	return now.changed && (now.retiring || search_keys_of(class_id, snapshot, snapshot).any);
}

static List *
classes_of_relation(Oid id, List *classes)
{
	Relation relation = try_relation_open(id, AccessShareLock);
	ColumnShape **shapes;

	if (relation == NULL)
		return classes;
	shapes = ColumnShapesOf(relation);
	for (int i = 0; shapes != NULL && i < RelationGetNumberOfAttributes(relation); i++)
	{
		if (shapes[i] != NULL)
			classes = ColumnShapeClasses(shapes[i], classes);
	}
	relation_close(relation, AccessShareLock);
	return classes;
}

/* The relations, row types too, that the command has made or changed. */
static List *
relations_of_command(void)
{
	MemoryContext context = CurrentMemoryContext;
	List *relations = NIL;

	SPI_connect();
	if (SPI_execute("SELECT DISTINCT CASE WHEN d.classid OPERATOR(pg_catalog.=) "
					"'pg_catalog.pg_class'::pg_catalog.regclass THEN d.objid ELSE t.typrelid END "
					"FROM pg_catalog.pg_event_trigger_ddl_commands() d "
					"LEFT JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) d.objid "
					"AND d.classid OPERATOR(pg_catalog.=) "
					"'pg_catalog.pg_type'::pg_catalog.regclass",
					true, 0) != SPI_OK_SELECT)
		elog(ERROR, "cannot ask what a command did");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool isnull;
		Datum id = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
		MemoryContext spi_context = MemoryContextSwitchTo(context);

		if (!isnull && OidIsValid(DatumGetObjectId(id)))
			relations = lappend_oid(relations, DatumGetObjectId(id));
		MemoryContextSwitchTo(spi_context);
	}
	SPI_finish();
	return relations;
}

/*
 * tarot.hold_search_keys() RETURNS event_trigger
 *
 * A table that another transaction does not see yet would be missed when a
 * search key changes. So the change waits for it, or this waits for the change.
 * What ALTER TABLE itself has sorted before may then be by the old key; others
 * make tables that have no index yet.
 */
PG_FUNCTION_INFO_V1(tarot_reseal_hold_search_keys);
Datum
tarot_reseal_hold_search_keys(PG_FUNCTION_ARGS)
{
	EventTriggerData *trigger = (EventTriggerData *) fcinfo->context;
	Snapshot before = GetActiveSnapshot();
	Relation table;
	List *classes = NIL;
	ListCell *cell;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("tarot.hold_search_keys() is an event trigger function")));
	table = CatalogOpen("search_key", AccessShareLock);
	foreach (cell, relations_of_command())
	{
		if (lfirst_oid(cell) == RelationGetRelid(table))
			ResealRebuildRetiring(table);
		else
			classes = classes_of_relation(lfirst_oid(cell), classes);
	}
	table_close(table, AccessShareLock);
	foreach (cell, classes)
	{
		lock_class(lfirst_int(cell), AccessShareLock);
		if (trigger->tag == CMDTAG_ALTER_TABLE && has_changed_since(lfirst_int(cell), before))
			ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
							errmsg("the search key of a data class changed during the statement"),
							errhint("Run it again.")));
	}
	PG_RETURN_VOID();
}

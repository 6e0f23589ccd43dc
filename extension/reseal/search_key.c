/*
 * search_key.c
 *		Giving a class another search key, while its values are searched.
 *
 * First values get a second tag, by the next key (gate/search.h). When all
 * have it, that key becomes the active one: in one transaction, which locks
 * every table of the class and makes every index anew that compares its values.
 * So whoever compares has a lock on a table, and sees either all by the old key
 * or all by the new one. search_key.sql has the procedure that goes through it.
 *
 * The indexes belong to the row that says which key is active: a trigger on
 * the table of search keys makes them, also where that row comes from a
 * publisher or a dump.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/heap.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/event_trigger.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/catalog.h"
#include "base/compat.h"
#include "base/varlena.h"
#include "column/batch.h"
#include "column/shape.h"
#include "gate/gate.h"
#include "gate/search.h"
#include "reseal/reseal.h"

/* ---------------------------------------------------------------- who may */

bool
ResealMayRotateSearchKey(void)
{
	Oid arguments[] = {TEXTOID, INT4OID, INTERVALOID, TEXTOID, INT4OID};
	Oid schema = get_namespace_oid("tarot", false);
	Oid rotate = GetSysCacheOid3(
		PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum("rotate_search_key"),
		PointerGetDatum(buildoidvector(arguments, lengthof(arguments))), ObjectIdGetDatum(schema));

	return OidIsValid(rotate) && compat_may_execute(rotate, GetUserId());
}

static void
require_rotator(void)
{
	if (!ResealMayRotateSearchKey())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for procedure tarot.rotate_search_key")));
}

static int32
class_of_name(text *name)
{
	return ClassIdOfName(BytesOfVarlena(name));
}

/* ---------------------------------------------------------------- which tables */

static bool
concerns_class(Relation relation, int32 class_id)
{
	ColumnShape **shapes = ColumnShapesOf(relation);

	if (shapes == NULL || relation->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
		return false;
	for (int i = 0; i < RelationGetNumberOfAttributes(relation); i++)
	{
		if (shapes[i] != NULL && ColumnShapeHasClass(shapes[i], class_id))
			return true;
	}
	return false;
}

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
		if (concerns_class(relation, class_id))
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

/*
 * All tables of the class, until the end of the transaction. First those that
 * there are: who adds a column to one has it locked before it asks for the class.
 */
static List *
lock_tables(int32 class_id)
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

/* ---------------------------------------------------------------- values */

typedef struct Lack
{
	int32 class_id;
	int generation;
	bool found;
} Lack;

static Datum
look_for_tag(Datum value, void *argument)
{
	Lack *lack = argument;
	EnvelopeHeader header;

	if (!ColumnPeek(value, &header) || (header.class_id == (uint32) lack->class_id &&
										SearchTagOfHeader(&header, lack->generation) == NULL))
		lack->found = true;
	return value;
}

/* The column that has one without the tag, or 0. */
static AttrNumber
column_that_lacks(Relation relation, Lack *lack)
{
	ColumnShape **shapes = ColumnShapesOf(relation);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(relation, snapshot, 0, NULL);
	MemoryContext row_context = AllocSetContextCreate(
		CurrentMemoryContext, "tarot_security search tags", ALLOCSET_DEFAULT_SIZES);
	AttrNumber column = 0;

	while (column == 0 && table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		MemoryContext outer_context = MemoryContextSwitchTo(row_context);

		CHECK_FOR_INTERRUPTS();
		for (AttrNumber i = 1; column == 0 && i <= RelationGetNumberOfAttributes(relation); i++)
		{
			bool isnull;
			Datum value;

			if (shapes[i - 1] == NULL || !ColumnShapeHasClass(shapes[i - 1], lack->class_id))
				continue;
			value = slot_getattr(slot, i, &isnull);
			if (!isnull)
				ColumnWalk(shapes[i - 1], value, look_for_tag, lack);
			if (lack->found)
				column = i;
		}
		MemoryContextSwitchTo(outer_context);
		MemoryContextReset(row_context);
	}
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(row_context);
	return column;
}

/* Where a value is that has no tag of the generation, as a sentence; or NULL. */
static char *
find_lack(List *tables, int32 class_id, int generation)
{
	ListCell *cell;

	foreach (cell, tables)
	{
		Lack lack = {.class_id = class_id, .generation = generation};
		Relation relation = try_relation_open(lfirst_oid(cell), NoLock);
		char *found = NULL;
		AttrNumber column;

		if (relation == NULL)
			continue; /* dropped before it was locked */
		column = column_that_lacks(relation, &lack);
		if (column != 0)
			found =
				psprintf("Column \"%s\" of table \"%s\" holds at least one.",
						 NameStr(TupleDescAttr(RelationGetDescr(relation), column - 1)->attname),
						 RelationGetRelationName(relation));
		relation_close(relation, NoLock);
		if (found != NULL)
			return found;
	}
	return NULL;
}

/* ---------------------------------------------------------------- indexes */

static Bitmapset *
columns_of_class(Relation relation, int32 class_id)
{
	ColumnShape **shapes = ColumnShapesOf(relation);
	Bitmapset *columns = NULL;

	for (int i = 0; shapes != NULL && i < RelationGetNumberOfAttributes(relation); i++)
	{
		if (shapes[i] != NULL && ColumnShapeHasClass(shapes[i], class_id))
			columns = bms_add_member(columns, i + 1 - FirstLowInvalidHeapAttributeNumber);
	}
	return columns;
}

/* Keys, and whatever an expression or a predicate makes of the columns, or of the whole row. */
static bool
goes_by_columns(Relation index, const Bitmapset *columns)
{
	const int whole_row = 0 - FirstLowInvalidHeapAttributeNumber;
	Bitmapset *used = NULL;

	/* One that is not kept up to date, after an interrupted CREATE INDEX CONCURRENTLY. */
	if (!index->rd_index->indisready)
		return false;
	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
	{
		AttrNumber column = index->rd_index->indkey.values[i];

		if (column != 0)
			used = bms_add_member(used, column - FirstLowInvalidHeapAttributeNumber);
	}
	pull_varattnos((Node *) RelationGetIndexExpressions(index), 1, &used);
	pull_varattnos((Node *) RelationGetIndexPredicate(index), 1, &used);
	return bms_overlap(used, columns) || bms_is_member(whole_row, used);
}

/*
 * Of arrays and rows the server's statistics keep some as they were, and the
 * planner compares with them. It makes do without until the next ANALYZE.
 */
static void
remove_statistics(Relation relation, const Bitmapset *columns)
{
	ListCell *cell;

	for (int i = 0; i < RelationGetNumberOfAttributes(relation); i++)
	{
		Oid type;

		/* Dropped columns have no type. */
		if (!bms_is_member(i + 1 - FirstLowInvalidHeapAttributeNumber, columns))
			continue;
		type = getBaseType(TupleDescAttr(RelationGetDescr(relation), i)->atttypid);
		if (OidIsValid(get_element_type(type)) || OidIsValid(get_typ_typrelid(type)))
			RemoveStatistics(RelationGetRelid(relation), (AttrNumber) (i + 1));
	}
	foreach (cell, RelationGetStatExtList(relation))
	{
		RemoveStatisticsDataById(lfirst_oid(cell), false);
		RemoveStatisticsDataById(lfirst_oid(cell), true);
	}
}

/* Of whoever called, a duplicate that comes up may show what they may see. */
void
ResealRebuildIndex(Oid index, char persistence)
{
	Oid outer_caller = GateMaintenanceCaller;

	if (!OidIsValid(GateMaintenanceCaller))
		GateMaintenanceCaller = GetUserId();
	PG_TRY();
	{
		compat_reindex_index(index, persistence);
		CommandCounterIncrement();
	}
	PG_FINALLY();
	{
		GateMaintenanceCaller = outer_caller;
	}
	PG_END_TRY();
}

static void
rebuild_indexes_of(Oid table, int32 class_id)
{
	Relation relation = try_relation_open(table, NoLock);
	List *indexes = NIL;
	Bitmapset *columns;
	char persistence;
	ListCell *cell;

	if (relation == NULL)
		return; /* dropped before it was locked */
	persistence = relation->rd_rel->relpersistence;
	columns = columns_of_class(relation, class_id);
	foreach (cell, RelationGetIndexList(relation))
	{
		Relation index = index_open(lfirst_oid(cell), AccessExclusiveLock);

		if (goes_by_columns(index, columns))
			indexes = lappend_oid(indexes, lfirst_oid(cell));
		index_close(index, NoLock);
	}
	remove_statistics(relation, columns);
	relation_close(relation, NoLock);
	foreach (cell, indexes)
	{
		RemoveStatistics(lfirst_oid(cell), 0);
		ResealRebuildIndex(lfirst_oid(cell), persistence);
	}
}

static void
rebuild_indexes(int32 class_id)
{
	ListCell *cell;

	foreach (cell, lock_tables(class_id))
		rebuild_indexes_of(lfirst_oid(cell), class_id);
}

/*
 * Classes, or the one, whose values may have two tags of which the second
 * counts. What was sorted before that was known goes by the first.
 */
static List *
classes_that_retire(Relation table, int32 only_class)
{
	SysScanDesc scan = CatalogScan(table, "search_key_pkey", 0, NULL);
	List *classes = NIL;
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		SearchSpec search;
		SearchState state;
		int32 class_id = ClassSearchRow(tuple, RelationGetDescr(table), &search, &state);

		if (state == SEARCH_RETIRING && (only_class == CLASS_NONE || class_id == only_class))
			classes = lappend_int(classes, class_id);
	}
	systable_endscan(scan);
	return classes;
}

/*
 * tarot.rebuild_search_indexes() RETURNS trigger
 *
 * With the row of tarot.search_key that becomes the active one, what was sorted
 * by another's tags. Where rows come in that say so, from a dump or the first
 * copy of a subscriber, the same.
 */
PG_FUNCTION_INFO_V1(tarot_reseal_rebuild_search_indexes);
Datum
tarot_reseal_rebuild_search_indexes(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc desc;
	SearchSpec search;
	SearchState before;
	SearchState now;
	int32 class_id;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("tarot.rebuild_search_indexes() is a trigger function")));
	desc = RelationGetDescr(trigger->tg_relation);
	class_id = ClassSearchRow(trigger->tg_trigtuple, desc, &search, &before);

	/* From here on this session, too, goes by the new row. */
	CommandCounterIncrement();
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		class_id = ClassSearchRow(trigger->tg_newtuple, desc, &search, &now);
		if (now == SEARCH_ACTIVE && before != SEARCH_ACTIVE)
			rebuild_indexes(class_id);
	}
	else if (ClassSearchGeneration(class_id) != 0 &&
			 classes_that_retire(trigger->tg_relation, class_id) != NIL)
		rebuild_indexes(class_id);
	return PointerGetDatum(NULL);
}

/* ---------------------------------------------------------------- the steps of search_key.sql */

/*
 * tarot.start_search_key(class text, normalization text, search_bits integer) RETURNS text
 *
 * Begins a change, or finds the one that was begun; which step is next.
 */
PG_FUNCTION_INFO_V1(tarot_reseal_start_search_key);
Datum
tarot_reseal_start_search_key(PG_FUNCTION_ARGS)
{
	Oid types[] = {TEXTOID, TEXTOID, INT4OID};
	Datum values[lengthof(types)];
	char nulls[lengthof(types)];
	MemoryContext caller_context = CurrentMemoryContext;
	MemoryContext spi_context;
	char *step;

	require_rotator();
	if (IsTransactionBlock())
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
						errmsg("tarot.rotate_search_key() cannot run inside a transaction block"),
						errdetail("It commits each step.")));
	for (int i = 0; i < (int) lengthof(types); i++)
	{
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
		values[i] = PG_ARGISNULL(i) ? (Datum) 0 : PG_GETARG_DATUM(i);
	}
	SPI_connect();
	TableJobExecute("search_key", "SELECT tarot.begin_search_key($1, $2, $3)", lengthof(types),
					types, values, nulls);
	spi_context = MemoryContextSwitchTo(caller_context);
	step = pstrdup(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	MemoryContextSwitchTo(spi_context);
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(step));
}

/*
 * tarot.switch_search_key(class text) RETURNS text
 *
 * NULL when the next search key has become the active one, else why not: where
 * a value lies that lacks its tag.
 */
PG_FUNCTION_INFO_V1(tarot_reseal_switch_search_key);
Datum
tarot_reseal_switch_search_key(PG_FUNCTION_ARGS)
{
	int32 class_id = class_of_name(PG_GETARG_TEXT_PP(0));
	Oid types[] = {INT4OID};
	Datum values[] = {Int32GetDatum(class_id)};
	Oid outer_caller = GateMaintenanceCaller;
	List *tables;
	DataClass *data_class;
	char *lack;

	require_rotator();
	tables = lock_tables(class_id);
	data_class = ClassRequire(class_id);
	if (data_class->next_search.spec.generation == 0)
		PG_RETURN_NULL(); /* somebody else was faster, or gave it up */
	lack = find_lack(tables, class_id, data_class->next_search.spec.generation);
	if (lack != NULL)
		PG_RETURN_TEXT_P(cstring_to_text(lack));

	GateMaintenanceCaller = GetUserId();
	PG_TRY();
	{
		SPI_connect();
		TableJobExecute("search_key", "SELECT tarot.activate_search_key($1)", lengthof(types),
						types, values, NULL);
		SPI_finish();
	}
	PG_FINALLY();
	{
		GateMaintenanceCaller = outer_caller;
	}
	PG_END_TRY();
	PG_RETURN_NULL();
}

/*
 * tarot.retire_search_key(class text) RETURNS void
 *
 * The last step: its tags are gone.
 */
PG_FUNCTION_INFO_V1(tarot_reseal_retire_search_key);
Datum
tarot_reseal_retire_search_key(PG_FUNCTION_ARGS)
{
	Oid types[] = {INT4OID};
	Datum values[] = {Int32GetDatum(class_of_name(PG_GETARG_TEXT_PP(0)))};

	require_rotator();
	SPI_connect();
	TableJobExecute("search_key",
					"UPDATE tarot.search_key SET state = 'retired', since = now() "
					"WHERE class_id = $1 AND state = 'retiring'",
					lengthof(types), types, values, NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

/* ---------------------------------------------------------------- tables that are being made */

/* Whether the class's active search key is of a transaction that the snapshot does not see. */
static bool
has_changed_since(int32 class_id, Snapshot snapshot)
{
	Relation table = CatalogOpen("search_key", AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	bool changed = false;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(class_id));
	scan = CatalogScan(table, "search_key_pkey", 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		TransactionId xmin = HeapTupleHeaderGetXmin(tuple->t_data);
		SearchSpec search;
		SearchState state;

		(void) ClassSearchRow(tuple, RelationGetDescr(table), &search, &state);
		changed |= state == SEARCH_ACTIVE && search.generation > 1 && TransactionIdIsNormal(xmin) &&
				   !TransactionIdIsCurrentTransactionId(xmin) && XidInMVCCSnapshot(xmin, snapshot);
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return changed;
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
 * A restore of data alone (--disable-triggers) fills the table of search keys
 * while its triggers are off, and then enables them, which is noticed here.
 */
static void
rebuild_all_indexes(Relation table)
{
	ListCell *cell;

	foreach (cell, classes_that_retire(table, CLASS_NONE))
		rebuild_indexes(lfirst_int(cell));
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
			rebuild_all_indexes(table);
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

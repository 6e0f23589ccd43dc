/*
 * search_indexes.c
 *		The indexes that compare the values of a class, when its search key
 *		changes.
 *
 * They belong to the row that says which key is active: a trigger on the table
 * of search keys makes them, also where that row comes from a publisher or a
 * dump.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/sysattr.h"
#include "access/xact.h"
#include "catalog/heap.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/catalog.h"
#include "base/compat.h"
#include "column/shape.h"
#include "gate/gate.h"
#include "gate/search.h"
#include "reseal/reseal.h"

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

	foreach (cell, ResealLockTables(class_id))
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
 * A restore of data alone (--disable-triggers) fills the table of search keys
 * while its triggers are off, and then enables them, which
 * tarot.hold_search_keys() notices.
 */
void
ResealRebuildRetiring(Relation table)
{
	ListCell *cell;

	foreach (cell, classes_that_retire(table, CLASS_NONE))
		rebuild_indexes(lfirst_int(cell));
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

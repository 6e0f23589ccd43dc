/*
 * arbiter.c
 *		ON CONFLICT on tables with a column that is being converted.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/index.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "convert/arbiter.h"
#include "convert/counterpart.h"

/* Ready or not: the executor passes over one that is not kept yet. */
static bool
decides_with(Oid index_id, Oid arbiter)
{
	Relation index;
	bool result;

	if (IndexPairOldIndex(get_rel_name(index_id)) != arbiter)
		return false;
	index = index_open(index_id, AccessShareLock);
	result = index->rd_index->indisunique && index->rd_index->indimmediate;
	index_close(index, NoLock);
	return result;
}

static List *
add_counterparts(List *arbiters)
{
	List *result = list_copy(arbiters);
	Relation table = table_open(IndexGetRelation(linitial_oid(arbiters), false), NoLock);
	List *indexes = RelationGetIndexList(table);
	ListCell *cell;
	ListCell *other;

	foreach (cell, arbiters)
	{
		foreach (other, indexes)
		{
			if (decides_with(lfirst_oid(other), lfirst_oid(cell)))
				result = list_append_unique_oid(result, lfirst_oid(other));
		}
	}
	table_close(table, NoLock);
	return result;
}

static void
add_to_plan(Plan *plan)
{
	ModifyTable *modify = (ModifyTable *) plan;

	/* None named: all of them decide as it is. */
	if (plan != NULL && IsA(plan, ModifyTable) && modify->onConflictAction != ONCONFLICT_NONE &&
		modify->arbiterIndexes != NIL)
		modify->arbiterIndexes = add_counterparts(modify->arbiterIndexes);
}

void
ArbiterAddCounterparts(PlannedStmt *statement)
{
	ListCell *cell;

	add_to_plan(statement->planTree);
	foreach (cell, statement->subplans)
		add_to_plan(lfirst(cell));
}

/*
 * rewrite.c
 *		Replaces the values of a column in all rows of a table.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "binding/rewrite.h"

typedef struct Rewrite
{
	Relation relation;
	AttrNumber column;
	EState *estate;
	ResultRelInfo *result;
	TupleTableSlot *old_slot;
	TupleTableSlot *new_slot;
} Rewrite;

static void
replace_value(Rewrite *rewrite, struct varlena *value)
{
	TupleTableSlot *old_slot = rewrite->old_slot;
	TupleTableSlot *new_slot = rewrite->new_slot;
	int natts = RelationGetDescr(rewrite->relation)->natts;
	CompatUpdateIndexes update_indexes;

	slot_getallattrs(old_slot);
	ExecClearTuple(new_slot);
	memcpy(new_slot->tts_values, old_slot->tts_values, natts * sizeof(Datum));
	memcpy(new_slot->tts_isnull, old_slot->tts_isnull, natts * sizeof(bool));
	new_slot->tts_values[rewrite->column - 1] = PointerGetDatum(value);
	new_slot->tts_isnull[rewrite->column - 1] = false;
	ExecStoreVirtualTuple(new_slot);
	new_slot->tts_tableOid = RelationGetRelid(rewrite->relation);
	simple_table_tuple_update(rewrite->relation, &old_slot->tts_tid, new_slot,
							  rewrite->estate->es_snapshot, &update_indexes);
	if (rewrite->result->ri_NumIndices > 0)
		list_free(
			compat_insert_index_tuples(rewrite->result, new_slot, rewrite->estate, update_indexes));
}

static uint64
rewrite_rows(Rewrite *rewrite, RowReplace replace, void *argument)
{
	TupleDesc desc = RelationGetDescr(rewrite->relation);
	TableScanDesc scan = table_beginscan(rewrite->relation, rewrite->estate->es_snapshot, 0, NULL);
	MemoryContext row_context = GetPerTupleMemoryContext(rewrite->estate);
	uint64 count = 0;

	while (table_scan_getnextslot(scan, ForwardScanDirection, rewrite->old_slot))
	{
		MemoryContext outer_context;
		HeapTuple row;
		bool should_free;
		struct varlena *value;

		CHECK_FOR_INTERRUPTS();
		ResetPerTupleExprContext(rewrite->estate);
		outer_context = MemoryContextSwitchTo(row_context);
		row = ExecFetchSlotHeapTuple(rewrite->old_slot, false, &should_free);
		value = replace(row, desc, argument);
		if (value != NULL)
		{
			replace_value(rewrite, value);
			count++;
		}
		MemoryContextSwitchTo(outer_context);
	}
	table_endscan(scan);
	return count;
}

uint64
RewriteColumn(Relation relation, AttrNumber column, RowReplace replace, void *argument)
{
	Rewrite rewrite = {.relation = relation, .column = column};
	Oid user;
	int security;
	int guc_level;
	uint64 count;

	CheckCmdReplicaIdentity(relation, CMD_UPDATE);

	/* Functions in indexes are their owner's code, and run as the owner. */
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(relation->rd_rel->relowner, security | SECURITY_RESTRICTED_OPERATION);
	guc_level = NewGUCNestLevel();

	PushActiveSnapshot(GetLatestSnapshot());
	rewrite.estate = CreateExecutorState();
	rewrite.estate->es_snapshot = GetActiveSnapshot();
	rewrite.estate->es_output_cid = GetCurrentCommandId(true);
	rewrite.result = makeNode(ResultRelInfo);
	InitResultRelInfo(rewrite.result, relation, 0, NULL, 0);
	ExecOpenIndices(rewrite.result, false);
	rewrite.old_slot = table_slot_create(relation, NULL);
	rewrite.new_slot = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsVirtual);

	count = rewrite_rows(&rewrite, replace, argument);

	ExecDropSingleTupleTableSlot(rewrite.old_slot);
	ExecDropSingleTupleTableSlot(rewrite.new_slot);
	ExecCloseIndices(rewrite.result);
	FreeExecutorState(rewrite.estate);
	PopActiveSnapshot();
	AtEOXact_GUC(false, guc_level);
	SetUserIdAndSecContext(user, security);
	CommandCounterIncrement();
	return count;
}

/*
 * log.c
 *		Reading the audit log.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/xid8.h"

#include "base/catalog.h"
#include "seal/log.h"

/* Nothing of this module is derived from the log, so nothing grows stale with it. */
static uint64 log_epoch;

/* ---------------------------------------------------------------- partitions */

static void
find_columns(LogPartition *partition)
{
	TupleDesc desc = RelationGetDescr(partition->relation);

	for (int column = 0; column < LEAF_COLUMNS; column++)
	{
		partition->columns[column] = InvalidAttrNumber;
		for (int i = 0; i < desc->natts; i++)
		{
			if (!TupleDescAttr(desc, i)->attisdropped &&
				strcmp(NameStr(TupleDescAttr(desc, i)->attname), LeafColumnNames[column]) == 0)
				partition->columns[column] = (AttrNumber) (i + 1);
		}
		if (partition->columns[column] == InvalidAttrNumber)
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							errmsg("partition \"%s\" of the audit log has no column \"%s\"",
								   RelationGetRelationName(partition->relation),
								   LeafColumnNames[column])));
	}
}

List *
LogPartitions(void)
{
	Relation log = CatalogOpenFor("audit_entry", AccessShareLock, &log_epoch);
	List *members = find_all_inheritors(RelationGetRelid(log), AccessShareLock, NULL);
	List *partitions = NIL;
	ListCell *cell;

	foreach (cell, members)
	{
		Relation relation = table_open(lfirst_oid(cell), NoLock);
		LogPartition *partition;

		if (relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		{
			table_close(relation, NoLock);
			continue;
		}
		if (relation->rd_rel->relkind != RELKIND_RELATION ||
			relation->rd_rel->relam != HEAP_TABLE_AM_OID)
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
							errmsg("partition \"%s\" of the audit log is not an ordinary table",
								   RelationGetRelationName(relation))));
		partition = palloc(sizeof(LogPartition));
		partition->relation = relation;
		find_columns(partition);
		partition->blocks = RelationGetNumberOfBlocks(relation);
		partitions = lappend(partitions, partition);
	}
	table_close(log, NoLock);
	return partitions;
}

/* ---------------------------------------------------------------- entries */

static void
set_id(LogEntry *entry)
{
	const Datum *values = entry->entry.values;

	entry->id.system = (uint64) DatumGetInt64(values[LEAF_SYSTEM]);
	entry->id.transaction =
		U64FromFullTransactionId(DatumGetFullTransactionId(values[LEAF_TRANSACTION]));
	entry->id.number = DatumGetInt64(values[LEAF_NUMBER]);
}

void
LogScan(const LogPartition *partition, BlockNumber from, Snapshot snapshot, LogVisitor visit,
		void *state)
{
	TupleDesc desc = RelationGetDescr(partition->relation);
	Datum *values = palloc(sizeof(Datum) * (size_t) desc->natts);
	bool *nulls = palloc(sizeof(bool) * (size_t) desc->natts);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "tarot_security log entry",
												  ALLOCSET_DEFAULT_SIZES);
	TableScanDesc scan = table_beginscan_strat(partition->relation, snapshot, 0, NULL, true, false);
	MemoryContext outer;
	HeapTuple tuple;

	/* Without a number of pages it would go on at the first one. */
	if (from > 0)
	{
		BlockNumber blocks = ((HeapScanDesc) scan)->rs_nblocks;

		heap_setscanlimits(scan, Min(from, blocks == 0 ? 0 : blocks - 1),
						   blocks > from ? blocks - from : 0);
	}
	outer = MemoryContextSwitchTo(context);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		LogEntry entry;

		CHECK_FOR_INTERRUPTS();
		heap_deform_tuple(tuple, desc, values, nulls);
		for (int column = 0; column < LEAF_COLUMNS; column++)
		{
			entry.entry.values[column] = values[partition->columns[column] - 1];
			entry.entry.nulls[column] = nulls[partition->columns[column] - 1];
		}
		set_id(&entry);
		entry.written_by = HeapTupleHeaderGetRawXmin(tuple->t_data);
		entry.at = tuple->t_self;
		visit(state, &entry);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(outer);
	table_endscan(scan);
	MemoryContextDelete(context);
}

bool
LogHasAt(const LogPartition *partition, const ItemPointerData *at, const EntryId *id)
{
	TupleTableSlot *slot;
	ItemPointerData where = *at;
	bool found = false;

	if (!ItemPointerIsValid(at) || ItemPointerGetBlockNumber(at) >= partition->blocks)
		return false;
	slot = table_slot_create(partition->relation, NULL);
	if (table_tuple_fetch_row_version(partition->relation, &where, SnapshotAny, slot))
	{
		LogEntry entry;

		for (int column = 0; column < LEAF_COLUMNS; column++)
			entry.entry.values[column] =
				slot_getattr(slot, partition->columns[column], &entry.entry.nulls[column]);
		set_id(&entry);
		found = EntryIdCompare(&entry.id, id) == 0;
	}
	ExecDropSingleTupleTableSlot(slot);
	return found;
}

void
LogClose(List *partitions)
{
	ListCell *cell;

	foreach (cell, partitions)
	{
		const LogPartition *partition = lfirst(cell);

		table_close(partition->relation, NoLock);
	}
}

/*
 * pending.c
 *		Entries on their way to the log.
 *
 * A part of a transaction (a savepoint, an EXCEPTION block) that is rolled back
 * takes its entries along, and nothing else. So each has a batch of its own, and
 * writes that alone: what another part has written would share its fate.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "trail/event.h"
#include "trail/pending.h"
#include "trail/place.h"
#include "trail/trail.h"
#include "trail/who.h"
#include "worker/worker.h"

/* So many entries, or bytes, are written at once: some pages full. */
#define BATCH_ENTRIES 256
#define BATCH_SIZE (128 * 1024)

typedef struct Batch
{
	struct Batch *outer; /* of the part of the transaction that this one is in */
	SubTransactionId subtransaction;
	Oid partition;
	TupleDesc desc;
	MemoryContext context; /* of all this */
	int made;              /* slots */
	int count;             /* those in use */
	Size size;
	bool writing; /* an index of the log may call functions that run statements */
	bool stale;   /* the partition has changed since */
	TupleTableSlot *slots[BATCH_ENTRIES];
} Batch;

/* That of the innermost part that has one. */
static Batch *innermost;

/*
 * Empty, of the transaction before this one: to make it anew would cost more than the entries of
 * most. Larger ones are not kept.
 */
#define SPARE_SLOTS 16
static Batch *spare;

/* The transaction has written some, though perhaps in a part that was rolled back. */
static bool any_written;

/* ---------------------------------------------------------------- batches */

static Batch *
make_batch(Oid partition)
{
	MemoryContext context = AllocSetContextCreate(
		TopTransactionContext, "tarot_security audit batch", ALLOCSET_DEFAULT_SIZES);
	MemoryContext outer_context = MemoryContextSwitchTo(context);
	Batch *batch = palloc(sizeof(Batch));
	Relation relation = table_open(partition, NoLock);

	batch->partition = partition;
	batch->desc = CreateTupleDescCopy(RelationGetDescr(relation));
	batch->context = context;
	batch->made = batch->count = 0;
	batch->size = 0;
	batch->writing = batch->stale = false;
	table_close(relation, NoLock);
	MemoryContextSwitchTo(outer_context);
	return batch;
}

/* The spare one, where it is of the same partition as that is now; else NULL, and it is gone. */
static Batch *
take_spare(Oid partition)
{
	Batch *batch = spare;

	spare = NULL;
	if (batch == NULL)
		return NULL;
	if (batch->stale || batch->partition != partition)
	{
		MemoryContextDelete(batch->context);
		return NULL;
	}
	MemoryContextSetParent(batch->context, TopTransactionContext);
	return batch;
}

/* The memory of all others goes with the transaction's. */
static void
keep_spare(Batch *batch)
{
	if (batch->outer != NULL || batch->stale || batch->writing || batch->count > 0 ||
		batch->made > SPARE_SLOTS)
		return;
	MemoryContextSetParent(batch->context, TopMemoryContext);
	spare = batch;
}

static Batch *
push_batch(Oid partition)
{
	Batch *batch = take_spare(partition);

	if (batch == NULL)
		batch = make_batch(partition);
	batch->outer = innermost;
	batch->subtransaction = GetCurrentSubTransactionId();
	innermost = batch;
	return batch;
}

static void
pop_batch(void)
{
	Batch *batch = innermost;

	innermost = batch->outer;
	MemoryContextDelete(batch->context);
}

static void
insert_into_indexes(Batch *batch, Relation partition)
{
	EState *estate = CreateExecutorState();
	ResultRelInfo *relation = makeNode(ResultRelInfo);

	InitResultRelInfo(relation, partition, 0, NULL, 0);
	ExecOpenIndices(relation, false);
	for (int i = 0; i < batch->count; i++)
	{
		compat_index_new_tuple(relation, batch->slots[i], estate);
		ResetPerTupleExprContext(estate);
	}
	ExecCloseIndices(relation);
	FreeExecutorState(estate);
	pfree(relation);
}

static void
write_batch(Batch *batch)
{
	Relation partition = table_open(batch->partition, NoLock);
	bool alone = !ActiveSnapshotSet();

	/*
	 * SET has none, nor has the end of a transaction; values that are stored out of line need one,
	 * and expressions in indexes may. It is not the transaction's, whose isolation may yet be set.
	 */
	if (alone)
		PushActiveSnapshot(GetCatalogSnapshot(batch->partition));

	/* After an error the batch goes with its part of the transaction. */
	batch->writing = any_written = true;
	for (int i = 0; i < batch->count; i++)
		batch->slots[i]->tts_tableOid = batch->partition;

	/*
	 * At the end of the table: into the page that is now the last, and new ones.
	 * By that sealing knows which pages it need not read again (seal/frontier.h).
	 */
	RelationSetTargetBlock(partition, InvalidBlockNumber);
	table_multi_insert(partition, batch->slots, batch->count, GetCurrentCommandId(true),
					   TABLE_INSERT_SKIP_FSM, NULL);
	if (partition->rd_rel->relhasindex)
		insert_into_indexes(batch, partition);
	if (alone)
		PopActiveSnapshot();
	table_close(partition, NoLock);
	for (int i = 0; i < batch->count; i++)
		ExecClearTuple(batch->slots[i]);
	batch->count = 0;
	batch->size = 0;
	batch->writing = false;
}

void
PendingAdd(Oid partition, const Datum *values, const bool *nulls)
{
	Batch *batch = innermost;
	MemoryContext outer;
	HeapTuple entry;

	if (batch == NULL || batch->subtransaction != GetCurrentSubTransactionId())
		batch = push_batch(partition);
	else if (batch->writing)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("an index of the audit log must not change audited tables")));
	else if (batch->partition != partition)
	{
		if (batch->count > 0)
			write_batch(batch);
		pop_batch();
		batch = push_batch(partition);
	}
	outer = MemoryContextSwitchTo(batch->context);
	if (batch->count == batch->made)
		batch->slots[batch->made++] = MakeSingleTupleTableSlot(batch->desc, &TTSOpsHeapTuple);
	entry = heap_form_tuple(batch->desc, (Datum *) values, (bool *) nulls);
	(void) ExecStoreHeapTuple(entry, batch->slots[batch->count], true);
	MemoryContextSwitchTo(outer);
	batch->count++;
	batch->size += entry->t_len;
	if (batch->count == BATCH_ENTRIES || batch->size >= BATCH_SIZE)
		write_batch(batch);
}

void
TrailEndStatement(void)
{
	/* A query that a trigger runs in parallel may run others; it has not ended then. */
	if (unlikely(innermost != NULL && innermost->count > 0) && !IsInParallelMode() &&
		!innermost->writing && innermost->subtransaction == GetCurrentSubTransactionId())
		write_batch(innermost);
}

/* ---------------------------------------------------------------- the ends of transactions */

static void
on_transaction_end(XactEvent event, void *argument)
{
	(void) argument;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			TrailEndStatement();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_ABORT:
			if (innermost != NULL && event == XACT_EVENT_COMMIT)
				keep_spare(innermost);
			innermost = NULL;
			if (unlikely(any_written) && event == XACT_EVENT_COMMIT)
				WorkerWake();
			any_written = false;
			break;
		default:
			break;
	}
}

static void
on_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
					  void *argument)
{
	(void) parent;
	(void) argument;
	if (likely(innermost == NULL || innermost->subtransaction != mine))
		return;
	if (event == SUBXACT_EVENT_PRE_COMMIT_SUB)
		TrailEndStatement();
	if (event == SUBXACT_EVENT_COMMIT_SUB || event == SUBXACT_EVENT_ABORT_SUB)
		pop_batch();
}

static void
on_relation_change(Datum argument, Oid relation)
{
	(void) argument;
	if (spare != NULL && (relation == InvalidOid || relation == spare->partition))
		spare->stale = true;
	for (Batch *batch = innermost; batch != NULL; batch = batch->outer)
		batch->stale |= relation == InvalidOid || relation == batch->partition;
}

void
TrailInit(void)
{
	CacheRegisterRelcacheCallback(on_relation_change, (Datum) 0);
	RegisterXactCallback(on_transaction_end, NULL);
	RegisterSubXactCallback(on_subtransaction_end, NULL);
	PlaceInit();
	WhoInit();
	WorkerAddDuty("events", EventsWrite, NULL);
}

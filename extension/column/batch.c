/*
 * batch.c
 *		Replacing the rows of a table a batch at a time, beside its writers.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/compat.h"
#include "base/settings.h"
#include "column/batch.h"

/* A batch that finds little to do ends here all the same: no snapshot gets old. 64 MB. */
#define BATCH_BLOCKS 8192

/*
 * Rows that move while the table is read can be missed, so it is read until
 * nothing is found; but not for ever, where old values keep coming in.
 */
#define PASSES_MAX 10

const char *
BatchObstacle(Relation relation)
{
	if (relation->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
		return "It is a foreign table: do it where the table lies.";
	if (RELATION_IS_OTHER_TEMP(relation))
		return "It is a temporary table of another session.";
	if (relation->rd_tableam == NULL || relation->rd_tableam->scan_set_tidrange == NULL)
		return "Its access method has no ranges of row identifiers.";
	return NULL;
}

/* ---------------------------------------------------------------- the job */

void
TableJobExecute(const char *table, const char *query, int nargs, Oid *types, Datum *values,
				const char *nulls)
{
	int nest_level = SettingsPinSearchPath();
	Relation relation = CatalogOpen(table, RowExclusiveLock);
	Oid user;
	int context;
	int result;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(relation->rd_rel->relowner,
						   context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	result = SPI_execute_with_args(query, nargs, types, values, nulls, false, 0);
	SetUserIdAndSecContext(user, context);
	table_close(relation, NoLock);
	AtEOXact_GUC(true, nest_level);
	if (result < 0)
		elog(ERROR, "a query on tarot.%s failed: %s", table, SPI_result_code_string(result));
}

void
TableJobStart(Relation relation, const char *kind, int32 target)
{
	Oid types[] = {OIDOID, TEXTOID, INT4OID, OIDOID, INT4OID, TIMESTAMPTZOID};
	Datum values[] = {ObjectIdGetDatum(RelationGetRelid(relation)),
					  CStringGetTextDatum(kind),
					  Int32GetDatum(target),
					  ObjectIdGetDatum(compat_relation_file(relation)),
					  Int32GetDatum(MyProcPid),
					  TimestampTzGetDatum(MyStartTimestamp)};

	TableJobExecute("table_job",
					"DELETE FROM tarot.table_job j WHERE (finished_at IS NOT NULL "
					"AND relation = $1 AND kind = $2 AND target = $3) "
					"OR NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = j.relation)",
					3, types, values, NULL);
	TableJobExecute(
		"table_job",
		"INSERT INTO tarot.table_job (relation, kind, target, relfilenode, pid, backend_start) "
		"VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT ON CONSTRAINT table_job_pkey DO UPDATE SET "
		"pid = excluded.pid, backend_start = excluded.backend_start, "
		"updated_at = excluded.updated_at",
		lengthof(types), types, values, NULL);
}

static Datum
get_value(int column)
{
	bool isnull;
	Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);

	if (isnull)
		elog(ERROR, "tarot.table_job is damaged");
	return value;
}

/* Locks the row until the end of the transaction: batches of several callers take turns. */
static bool
read_job(Relation relation, TableJob *job)
{
	Oid types[] = {OIDOID, TEXTOID, INT4OID};
	Datum values[] = {ObjectIdGetDatum(RelationGetRelid(relation)), CStringGetTextDatum(job->kind),
					  Int32GetDatum(job->target)};

	TableJobExecute("table_job",
					"SELECT pass, coalesce(blocks, 4294967295), position, clean, rows, values, "
					"left_over, finished_at IS NOT NULL, relfilenode FROM tarot.table_job "
					"WHERE relation = $1 AND kind = $2 AND target = $3 FOR UPDATE",
					lengthof(types), types, values, NULL);
	if (SPI_processed == 0)
		return false;
	job->pass = DatumGetInt32(get_value(1));
	job->blocks = (BlockNumber) DatumGetInt64(get_value(2));
	job->position = *(ItemPointer) DatumGetPointer(get_value(3));
	job->clean = DatumGetBool(get_value(4));
	job->rows = DatumGetInt64(get_value(5));
	job->values = DatumGetInt64(get_value(6));
	job->left = DatumGetInt64(get_value(7));
	job->finished = DatumGetBool(get_value(8));

	/* Rewritten since, by VACUUM FULL perhaps: positions say nothing any more. */
	if (DatumGetObjectId(get_value(9)) != compat_relation_file(relation))
		job->blocks = InvalidBlockNumber;
	return true;
}

static void
write_job(Relation relation, const TableJob *job, TimestampTz start)
{
	TimestampTz now = GetCurrentTimestamp();
	Oid types[] = {OIDOID,  TEXTOID, INT4OID, OIDOID,  INT4OID, INT8OID,  TIDOID,
				   BOOLOID, INT8OID, INT8OID, INT8OID, BOOLOID, FLOAT8OID};
	Datum values[] = {ObjectIdGetDatum(RelationGetRelid(relation)),
					  CStringGetTextDatum(job->kind),
					  Int32GetDatum(job->target),
					  ObjectIdGetDatum(compat_relation_file(relation)),
					  Int32GetDatum(job->pass),
					  Int64GetDatum((int64) job->blocks),
					  PointerGetDatum(&job->position),
					  BoolGetDatum(job->clean),
					  Int64GetDatum(job->rows),
					  Int64GetDatum(job->values),
					  Int64GetDatum(job->left),
					  BoolGetDatum(job->finished),
					  Float8GetDatum((double) (now - start) / USECS_PER_SEC)};

	TableJobExecute(
		"table_job",
		"UPDATE tarot.table_job SET relfilenode = $4, pass = $5, blocks = nullif($6, 4294967295), "
		"position = $7, clean = $8, rows = $9, values = $10, left_over = $11, "
		"seconds = seconds + $13, updated_at = clock_timestamp(), "
		"finished_at = CASE WHEN $12 THEN clock_timestamp() END "
		"WHERE relation = $1 AND kind = $2 AND target = $3",
		lengthof(types), types, values, NULL);
}

/* ---------------------------------------------------------------- rows */

/* What a batch needs of its table. */
typedef struct Batch
{
	Relation relation;
	Oid caller;
	int caller_context;
	EState *estate;
	ResultRelInfo *indexes;
	TupleTableSlot *old_row;
	TupleTableSlot *new_row;
	TupleTableSlot *locked_row;
	Bitmapset *keys; /* columns that foreign keys may refer to, as heap_update() has them */
	Snapshot snapshot;
	CommandId command;
	int64 changed; /* rows so far */
} Batch;

static void
open_batch(Batch *batch)
{
	batch->estate = CreateExecutorState();
	batch->indexes = makeNode(ResultRelInfo);
	InitResultRelInfo(batch->indexes, batch->relation, 0, NULL, 0);
	ExecOpenIndices(batch->indexes, false);
	batch->old_row = table_slot_create(batch->relation, NULL);
	batch->new_row = MakeSingleTupleTableSlot(RelationGetDescr(batch->relation), &TTSOpsVirtual);
	batch->locked_row = table_slot_create(batch->relation, NULL);
	batch->keys = RelationGetIndexAttrBitmap(batch->relation, INDEX_ATTR_BITMAP_KEY);
	batch->snapshot = RegisterSnapshot(GetLatestSnapshot());
	PushActiveSnapshot(batch->snapshot);
	batch->command = GetCurrentCommandId(true);
	batch->changed = 0;
}

static void
close_batch(Batch *batch)
{
	PopActiveSnapshot();
	UnregisterSnapshot(batch->snapshot);
	ExecDropSingleTupleTableSlot(batch->old_row);
	ExecDropSingleTupleTableSlot(batch->new_row);
	ExecDropSingleTupleTableSlot(batch->locked_row);
	ExecCloseIndices(batch->indexes);
	FreeExecutorState(batch->estate);
}

/* Fills the new row, as the caller of the batch; false when the old one is to stay. */
static bool
renew_row(Batch *batch, BatchRenewer renew, void *argument, BatchRow *row)
{
	TupleDesc desc = RelationGetDescr(batch->relation);
	TupleTableSlot *old = batch->old_row;
	TupleTableSlot *new = batch->new_row;
	Oid owner;
	int owner_context;

	ExecClearTuple(new);
	slot_getallattrs(old);
	for (int i = 0; i < desc->natts; i++)
	{
		/* What a dropped column held goes too. */
		new->tts_isnull[i] = old->tts_isnull[i] || TupleDescAttr(desc, i)->attisdropped;
		new->tts_values[i] = new->tts_isnull[i] ? (Datum) 0 : old->tts_values[i];
	}
	*row = (BatchRow){0};
	GetUserIdAndSecContext(&owner, &owner_context);
	SetUserIdAndSecContext(batch->caller, batch->caller_context);
	renew(old, new, row, argument);
	SetUserIdAndSecContext(owner, owner_context);
	return row->values > 0;
}

/* As the update will take it: a row whose key stays can go on being referred to. */
static LockTupleMode
lock_mode_of(const Batch *batch)
{
	TupleDesc desc = RelationGetDescr(batch->relation);
	const TupleTableSlot *old = batch->old_row;
	const TupleTableSlot *new = batch->new_row;
	int member = -1;

	while ((member = bms_next_member(batch->keys, member)) >= 0)
	{
		int column = member + FirstLowInvalidHeapAttributeNumber - 1;
		Form_pg_attribute attribute = column < 0 ? NULL : TupleDescAttr(desc, column);

		if (attribute == NULL || old->tts_isnull[column] != new->tts_isnull[column] ||
			(!old->tts_isnull[column] &&
			 !datumIsEqual(old->tts_values[column], new->tts_values[column], attribute->attbyval,
						   attribute->attlen)))
			return LockTupleExclusive;
	}
	return LockTupleNoKeyExclusive;
}

/* Only locking a row can be tried: an update that is told not to wait fails an assertion. */
static TM_Result
try_lock(Batch *batch)
{
	TM_FailureData failure;
	TM_Result result = table_tuple_lock(batch->relation, &batch->old_row->tts_tid, batch->snapshot,
										batch->locked_row, batch->command, lock_mode_of(batch),
										LockWaitSkip, 0, &failure);

	ExecClearTuple(batch->locked_row);
	return result;
}

/*
 * Replaces the row. Waits for another transaction that has it only when that
 * keeps no row of ours waiting, so that nobody waits for us for longer than a
 * batch takes.
 */
static TM_Result
replace_row(Batch *batch)
{
	TM_FailureData failure;
	LockTupleMode lock_mode;
	CompatUpdateIndexes update_indexes;
	TM_Result result;

	ExecStoreVirtualTuple(batch->new_row);
	if (batch->changed > 0 && (result = try_lock(batch)) != TM_Ok)
		return result;
	result = table_tuple_update(batch->relation, &batch->old_row->tts_tid, batch->new_row,
								batch->command, batch->snapshot, InvalidSnapshot, true, &failure,
								&lock_mode, &update_indexes);

	/*
	 * Keys stay equal, and were unique before: whoever writes an equal one
	 * meanwhile finds the old row or the new one, so a deferred constraint
	 * needs no second look from here.
	 */
	if (result == TM_Ok)
		list_free(compat_insert_index_tuples(batch->indexes, batch->new_row, batch->estate,
											 update_indexes));
	return result;
}

/* From job->position on, up to `limit` rows changed; moves the position. */
static void
replace_rows(Batch *batch, TableJob *job, int64 limit, BatchRenewer renew, void *argument)
{
	ItemPointerData last;
	BlockNumber end =
		Min(job->blocks, ItemPointerGetBlockNumberNoCheck(&job->position) + BATCH_BLOCKS);
	TableScanDesc scan;
	MemoryContext row_context;
	bool stopped = false;

	ItemPointerSet(&last, end - 1, MaxOffsetNumber);
	row_context =
		AllocSetContextCreate(CurrentMemoryContext, "tarot_security batch", ALLOCSET_DEFAULT_SIZES);
	scan = table_beginscan_tidrange(batch->relation, batch->snapshot, &job->position, &last);
	while (!stopped && table_scan_getnextslot_tidrange(scan, ForwardScanDirection, batch->old_row))
	{
		MemoryContext outer_context = MemoryContextSwitchTo(row_context);
		BatchRow row;
		TM_Result result = TM_Ok;

		CHECK_FOR_INTERRUPTS();
		if (renew_row(batch, renew, argument, &row))
		{
			result = replace_row(batch);
			if (result == TM_Ok)
			{
				batch->changed++;
				job->rows++;
				job->values += row.values;
			}
			/* Where somebody else changed it, the next pass finds where it is now. */
			if (result != TM_WouldBlock)
				job->clean = false;
		}
		MemoryContextSwitchTo(outer_context);
		ExecClearTuple(batch->new_row);
		MemoryContextReset(row_context);
		ResetPerTupleExprContext(batch->estate);

		job->position = batch->old_row->tts_tid;
		if (result == TM_WouldBlock)
			stopped = true; /* the next batch begins with it */
		else
		{
			job->left += row.left;
			ItemPointerInc(&job->position);
			stopped = batch->changed >= limit;
		}
	}
	table_endscan(scan);
	MemoryContextDelete(row_context);
	if (!stopped)
		ItemPointerSet(&job->position, end, FirstOffsetNumber);
}

static void
run_batch(Relation relation, TableJob *job, int64 limit, BatchRenewer renew, void *argument)
{
	Batch batch = {.relation = relation};
	int nest_level = SettingsPinSearchPath();

	GetUserIdAndSecContext(&batch.caller, &batch.caller_context);
	SetUserIdAndSecContext(relation->rd_rel->relowner,
						   batch.caller_context | SECURITY_RESTRICTED_OPERATION);
	open_batch(&batch);
	replace_rows(&batch, job, limit, renew, argument);
	close_batch(&batch);
	SetUserIdAndSecContext(batch.caller, batch.caller_context);
	AtEOXact_GUC(false, nest_level);
}

bool
BatchRun(Relation relation, const char *kind, int32 target, int64 limit, BatchRenewer renew,
		 void *argument, TableJob *job)
{
	TimestampTz start = GetCurrentTimestamp();

	/* What is published must have a replica identity, as for any UPDATE. */
	CheckCmdReplicaIdentity(relation, CMD_UPDATE);

	*job = (TableJob){.kind = kind, .target = target};
	SPI_connect();
	if (!read_job(relation, job) || job->finished)
	{
		SPI_finish();
		return false;
	}
	if (job->blocks == InvalidBlockNumber)
	{
		job->blocks = RelationGetNumberOfBlocks(relation);
		ItemPointerSet(&job->position, 0, FirstOffsetNumber);
		job->clean = true;
		job->left = 0;
	}
	if (ItemPointerGetBlockNumberNoCheck(&job->position) < job->blocks)
		run_batch(relation, job, limit, renew, argument);
	if (ItemPointerGetBlockNumberNoCheck(&job->position) >= job->blocks)
	{
		/* The end of a pass. */
		job->finished = job->clean || job->pass >= PASSES_MAX;
		if (!job->finished)
		{
			job->pass++;
			job->blocks = InvalidBlockNumber;
		}
	}
	write_job(relation, job, start);
	SPI_finish();
	return !job->finished;
}

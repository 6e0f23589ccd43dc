/*
 * reseal.c
 *		Moves the values of a table to the newest version of their class's key,
 *		a batch a call; reseal.sql has the loop that commits between them.
 *
 * Rows are replaced as VACUUM FULL moves them, below the executor: what they
 * say stays the same, so no trigger, rule, row policy or constraint is to hear
 * of it. What is left of the table owner's code, expressions of indexes, runs
 * as the owner and may do no more than in REINDEX.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "class/renew.h"
#include "column/reseal_job.h"
#include "column/shape.h"

/* A batch that finds little to do ends here all the same: no snapshot gets old. 64 MB. */
#define BATCH_BLOCKS 8192

/*
 * Rows that move while the table is read can be missed, so it is read until
 * nothing is found; but not for ever, where old values keep coming in.
 */
#define PASSES_MAX 10

/* ---------------------------------------------------------------- who may */

/*
 * The owner of a table, and who rotates keys: moving values to another version
 * shows nothing and changes nothing that they say.
 */
static bool
may_reseal(Oid relation)
{
	Oid arguments[] = {TEXTOID, BOOLOID};
	Oid rotate = LookupFuncName(list_make2(makeString("tarot"), makeString("rotate_key")), 2,
								arguments, false);

	return compat_owns_relation(relation, GetUserId()) || compat_may_execute(rotate, GetUserId());
}

/* What is not done, and what the caller can do about it; NULL for what can be done. */
static const char *
find_obstacle(Relation relation)
{
	if (relation->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
		return "It is a foreign table: reseal it where it lies.";
	if (RELATION_IS_OTHER_TEMP(relation))
		return "It is a temporary table of another session.";
	if (relation->rd_tableam == NULL || relation->rd_tableam->scan_set_tidrange == NULL)
		return "Its access method has no ranges of row identifiers.";
	return NULL;
}

/* ---------------------------------------------------------------- which tables */

static bool
concerns_class(Relation relation, int32 class_id)
{
	ColumnShape **shapes = ColumnShapesOf(relation);

	for (int i = 0; i < RelationGetNumberOfAttributes(relation); i++)
	{
		if (shapes[i] != NULL &&
			(class_id == CLASS_NONE || ColumnShapeHasClass(shapes[i], class_id)))
			return true;
	}
	return false;
}

/*
 * tarot.start_reseal(target regclass, class text, OUT relations oid[], OUT class_id integer)
 *     RETURNS record
 */
PG_FUNCTION_INFO_V1(tarot_column_start_reseal);
Datum
tarot_column_start_reseal(PG_FUNCTION_ARGS)
{
	Oid target = PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0);
	int32 class_id = CLASS_NONE;
	List *tables;
	ListCell *cell;
	Datum *relations;
	int count = 0;
	TupleDesc desc;
	Datum values[2];
	bool nulls[2] = {false, false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (IsTransactionBlock())
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
						errmsg("tarot.reseal() cannot run inside a transaction block"),
						errdetail("It commits each batch.")));
	if (!PG_ARGISNULL(1))
	{
		text *name = PG_GETARG_TEXT_PP(1);

		class_id = ClassIdOfName(bytes_view(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)));
		if (!ClassFind(class_id)->exists)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("data class \"%s\" does not exist", text_to_cstring(name)),
					 errhint("The first argument is a table; a class is given as class => ...")));
	}

	tables = ColumnTables(target);
	relations = palloc(mul_size(Max(list_length(tables), 1), sizeof(Datum)));
	SPI_connect();
	foreach (cell, tables)
	{
		Relation relation = try_relation_open(lfirst_oid(cell), AccessShareLock);
		const char *obstacle;

		if (relation == NULL)
			continue;
		obstacle = find_obstacle(relation);
		if (!concerns_class(relation, class_id))
			;
		else if (!may_reseal(RelationGetRelid(relation)))
		{
			if (OidIsValid(target))
				aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(relation->rd_rel->relkind),
							   RelationGetRelationName(relation));
			ereport(
				WARNING,
				(errmsg("skipping \"%s\"", RelationGetRelationName(relation)),
				 errdetail("Only its owner and who may call tarot.rotate_key() can reseal it.")));
		}
		else if (obstacle != NULL)
			ereport(WARNING, (errmsg("skipping \"%s\"", RelationGetRelationName(relation)),
							  errdetail_internal("%s", obstacle)));
		else
		{
			ResealJobForget(RelationGetRelid(relation), class_id);
			ResealJobStart(relation, class_id);
			relations[count++] = ObjectIdGetDatum(RelationGetRelid(relation));
		}
		relation_close(relation, AccessShareLock);
	}
	SPI_finish();
	if (OidIsValid(target) && tables == NIL)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" has no encrypted columns", get_rel_name(target))));

	values[0] =
		PointerGetDatum(construct_array(relations, count, OIDOID, sizeof(Oid), true, TYPALIGN_INT));
	values[1] = Int32GetDatum(class_id);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* ---------------------------------------------------------------- a batch */

typedef struct Renewal
{
	RenewSite site;
	int32 only_class; /* CLASS_NONE: all */
	int64 values;     /* renewed in this row */
	int64 left;       /* not to be opened in this row */
} Renewal;

static Datum
renew_value(Datum value, void *argument)
{
	Renewal *renewal = argument;
	EnvelopeHeader header;
	struct varlena *old;
	struct varlena *renewed;

	if (!ColumnPeek(value, &header))
	{
		renewal->left++;
		return value;
	}
	if ((renewal->only_class != CLASS_NONE && header.class_id != (uint32) renewal->only_class) ||
		!RenewIsDue(&renewal->site, &header))
		return value;
	old = PG_DETOAST_DATUM_PACKED(value);
	renewed = RenewEnvelope(&renewal->site, bytes_view(VARDATA_ANY(old), VARSIZE_ANY_EXHDR(old)));
	if (renewed == NULL)
	{
		renewal->left++;
		return value;
	}
	renewal->values++;
	return PointerGetDatum(renewed);
}

/* What a batch needs of its table. */
typedef struct Batch
{
	Relation relation;
	ColumnShape **shapes; /* by column; NULL for those without encrypted values */
	Renewal renewal;
	EState *estate;
	ResultRelInfo *indexes;
	TupleTableSlot *old_row;
	TupleTableSlot *new_row;
	Snapshot snapshot;
	CommandId command;
	int64 changed; /* rows so far */
} Batch;

static void
open_batch(Batch *batch, Relation relation, int32 only_class)
{
	batch->relation = relation;
	batch->shapes = ColumnShapesOf(relation);
	batch->renewal = (Renewal){.only_class = only_class};
	batch->estate = CreateExecutorState();
	batch->indexes = makeNode(ResultRelInfo);
	InitResultRelInfo(batch->indexes, relation, 0, NULL, 0);
	ExecOpenIndices(batch->indexes, false);
	batch->old_row = table_slot_create(relation, NULL);
	batch->new_row = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsVirtual);
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
	ExecCloseIndices(batch->indexes);
	FreeExecutorState(batch->estate);
}

/* Fills the new row; false when there is nothing to renew in the old one. */
static bool
renew_row(Batch *batch)
{
	TupleDesc desc = RelationGetDescr(batch->relation);
	Renewal *renewal = &batch->renewal;
	TupleTableSlot *old = batch->old_row;
	TupleTableSlot *new = batch->new_row;

	renewal->values = 0;
	renewal->left = 0;
	ExecClearTuple(new);
	slot_getallattrs(old);
	for (int i = 0; i < desc->natts; i++)
	{
		/* What a dropped column held goes too. */
		new->tts_isnull[i] = old->tts_isnull[i] || TupleDescAttr(desc, i)->attisdropped;
		new->tts_values[i] = new->tts_isnull[i] ? (Datum) 0 : old->tts_values[i];
		if (batch->shapes[i] != NULL && !new->tts_isnull[i])
			new->tts_values[i] =
				ColumnWalk(batch->shapes[i], old->tts_values[i], renew_value, renewal);
	}
	return renewal->values > 0;
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
	result = table_tuple_update(batch->relation, &batch->old_row->tts_tid, batch->new_row,
								batch->command, batch->snapshot, InvalidSnapshot,
								batch->changed == 0, &failure, &lock_mode, &update_indexes);

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
run_batch(Batch *batch, ResealJob *job, int64 limit)
{
	ItemPointerData last;
	BlockNumber end =
		Min(job->blocks, ItemPointerGetBlockNumberNoCheck(&job->position) + BATCH_BLOCKS);
	TableScanDesc scan;
	MemoryContext row_context;
	bool stopped = false;

	ItemPointerSet(&last, end - 1, MaxOffsetNumber);
	row_context = AllocSetContextCreate(CurrentMemoryContext, "tarot_security reseal",
										ALLOCSET_DEFAULT_SIZES);
	scan = table_beginscan_tidrange(batch->relation, batch->snapshot, &job->position, &last);
	while (!stopped && table_scan_getnextslot_tidrange(scan, ForwardScanDirection, batch->old_row))
	{
		MemoryContext outer_context = MemoryContextSwitchTo(row_context);

		CHECK_FOR_INTERRUPTS();
		if (renew_row(batch))
		{
			switch (replace_row(batch))
			{
				case TM_Ok:
					batch->changed++;
					job->rows++;
					job->values += batch->renewal.values;
					job->clean = false;
					break;
				case TM_BeingModified:
					/* The next batch begins with it. */
					stopped = true;
					break;
				default:
					/* Changed by somebody else: the next pass finds where it is now. */
					job->clean = false;
					break;
			}
		}
		if (!stopped)
			job->left += batch->renewal.left;
		MemoryContextSwitchTo(outer_context);
		ExecClearTuple(batch->new_row);
		MemoryContextReset(row_context);
		ResetPerTupleExprContext(batch->estate);

		if (stopped)
			job->position = batch->old_row->tts_tid;
		else
		{
			job->position = batch->old_row->tts_tid;
			ItemPointerInc(&job->position);
			stopped = batch->changed >= limit;
		}
	}
	table_endscan(scan);
	MemoryContextDelete(row_context);
	if (!stopped)
		ItemPointerSet(&job->position, end, FirstOffsetNumber);
}

/* What follows when a pass has come to the end of the table. */
static void
end_pass(ResealJob *job, Relation relation)
{
	if (!job->clean && job->pass < PASSES_MAX)
	{
		job->pass++;
		job->blocks = InvalidBlockNumber;
		return;
	}
	job->finished = true;
	if (!job->clean)
		ereport(WARNING,
				(errmsg("values of table \"%s\" keep coming in under an old key version",
						RelationGetRelationName(relation)),
				 errdetail("The table was read %d times.", PASSES_MAX),
				 errhint("Call tarot.reseal() again when the subscription or session that writes "
						 "them does so under the new one.")));
	if (job->left > 0)
		ereport(WARNING,
				(errmsg("%lld values of table \"%s\" stay under an old key version",
						(long long) job->left, RelationGetRelationName(relation)),
				 errdetail("They cannot be opened: they are damaged, or their key version is "
						   "suspended or destroyed."),
				 errhint("tarot.key_usage() tells the versions.")));
}

/*
 * tarot.reseal_batch(relation oid, class_id integer, batch integer) RETURNS boolean
 *
 * False when the table is done.
 */
PG_FUNCTION_INFO_V1(tarot_column_reseal_batch);
Datum
tarot_column_reseal_batch(PG_FUNCTION_ARGS)
{
	Oid relation_id = PG_GETARG_OID(0);
	int32 class_id = PG_GETARG_INT32(1);
	int32 limit = PG_GETARG_INT32(2);
	TimestampTz start = GetCurrentTimestamp();
	Relation relation;
	Batch batch;
	ResealJob job;
	Oid user;
	int context;
	int nest_level;
	long seconds;
	int microseconds;

	relation = try_table_open(relation_id, RowExclusiveLock);
	if (relation == NULL)
		PG_RETURN_BOOL(false); /* dropped meanwhile */
	if (!may_reseal(relation_id))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(relation->rd_rel->relkind),
					   RelationGetRelationName(relation));

	/* It may have become another relation since the job began, or have lost the columns. */
	if (find_obstacle(relation) != NULL || ColumnShapesOf(relation) == NULL)
	{
		table_close(relation, NoLock);
		PG_RETURN_BOOL(false);
	}

	/* What is published must have a replica identity, as for any UPDATE. */
	CheckCmdReplicaIdentity(relation, CMD_UPDATE);

	SPI_connect();
	if (!ResealJobRead(relation, class_id, &job) || job.finished)
	{
		SPI_finish();
		table_close(relation, NoLock);
		PG_RETURN_BOOL(false);
	}
	if (job.blocks == InvalidBlockNumber)
	{
		job.blocks = RelationGetNumberOfBlocks(relation);
		ItemPointerSet(&job.position, 0, FirstOffsetNumber);
		job.clean = true;
		job.left = 0;
	}
	if (ItemPointerGetBlockNumberNoCheck(&job.position) < job.blocks)
	{
		GetUserIdAndSecContext(&user, &context);
		SetUserIdAndSecContext(relation->rd_rel->relowner, context | SECURITY_RESTRICTED_OPERATION);
		nest_level = ResealPinSearchPath();
		open_batch(&batch, relation, class_id);
		run_batch(&batch, &job, limit);
		close_batch(&batch);
		AtEOXact_GUC(false, nest_level);
		SetUserIdAndSecContext(user, context);
	}
	if (ItemPointerGetBlockNumberNoCheck(&job.position) >= job.blocks)
		end_pass(&job, relation);

	TimestampDifference(start, GetCurrentTimestamp(), &seconds, &microseconds);
	ResealJobWrite(relation, class_id, &job, (double) seconds + microseconds / 1e6);
	SPI_finish();
	table_close(relation, NoLock);
	PG_RETURN_BOOL(!job.finished);
}

/*
 * pass.c
 *		The pass over the rows: what they will be, whether that may be, and into
 *		the new heap with them.
 *
 * Rows are written as ALTER TABLE writes them anew, below the executor: no
 * trigger, rule or policy hears of it. What runs of the table owner's code,
 * expressions of constraints, indexes and generated columns, runs as the owner
 * and may do no more than in REINDEX.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/heapam.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "commands/cluster.h"
#include "commands/progress.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/backend_progress.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "anonymize/checks.h"
#include "class/class.h"

/* Told to the view of progress not for each row, which would cost as much as the row. */
#define REPORT_ROWS 1024

void
JobReport(JobPhase phase, Relation relation)
{
	static const int numbers[] = {PROGRESS_CLUSTER_COMMAND, PROGRESS_CLUSTER_PHASE,
								  PROGRESS_CLUSTER_TOTAL_HEAP_BLKS,
								  PROGRESS_CLUSTER_HEAP_TUPLES_SCANNED};
	int64 values[lengthof(numbers)] = {PROGRESS_COMMAND_ANONYMIZE, phase, 0, 0};

	if (relation != NULL)
	{
		values[2] = RelationGetNumberOfBlocks(relation);
		pgstat_progress_start_command(PROGRESS_COMMAND_CLUSTER, RelationGetRelid(relation));
	}
	pgstat_progress_update_multi_param(lengthof(numbers), numbers, values);
}

static void
report_row(int64 rows)
{
	if (rows % REPORT_ROWS == 0)
		pgstat_progress_update_param(PROGRESS_CLUSTER_HEAP_TUPLES_SCANNED, rows);
}

bool
JobHasRows(const JobTable *table)
{
	return table->relation->rd_rel->relkind == RELKIND_RELATION;
}

/* ---------------------------------------------------------------- scanning */

void
JobScanRows(Job *job, JobTable *table, Relation relation, Snapshot snapshot, RowVisitor visit)
{
	TupleTableSlot *row = table_slot_create(relation, NULL);
	TableScanDesc scan = table_beginscan(relation, snapshot, 0, NULL);
	MemoryContext row_context = GetPerTupleMemoryContext(table->target->estate);
	int64 rows = 0;

	while (table_scan_getnextslot(scan, ForwardScanDirection, row))
	{
		MemoryContext outer_context = MemoryContextSwitchTo(row_context);

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(row);
		visit(job, table, row);
		MemoryContextSwitchTo(outer_context);
		ResetPerTupleExprContext(table->target->estate);
		report_row(++rows);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(row);
}

/* ---------------------------------------------------------------- a row */

static void
shuffle_row(Job *job, JobTable *table, TupleTableSlot *row)
{
	ListCell *cell;

	(void) job;
	foreach (cell, table->shuffles)
	{
		const TableShuffle *shuffle = lfirst(cell);

		ShufflePut(shuffle->unit->shuffle, row, &shuffle->columns, &shuffle->within);
	}
}

/*
 * Not only alike: a number may be written with more zeros than its mask, which
 * is the same. In an array without elements there is nothing to be masked.
 */
static bool
is_same(const JobColumn *column, Datum before, Datum after)
{
	if (column->array && ARR_NDIM(DatumGetArrayTypeP(after)) == 0)
		return false;
	return datum_image_eq(before, after, column->by_value, column->length) ||
		   (column->equal != NULL && DatumGetBool(FunctionCall2(column->equal, before, after)));
}

static void
count_value(JobColumn *column, bool null_before, bool null_after, bool unchanged)
{
	ColumnTotals *totals = column->totals;

	totals->nulled += null_after && column->not_null;
	totals->values += !null_before;
	totals->unchanged += unchanged;
}

/* What nobody can read any more stays as it is. */
static void
mask_sealed(Job *job, JobColumn *column, Datum old, Datum *new, bool *new_isnull, bool *unchanged)
{
	Datum plain;
	SealedMask mask;

	if (!SealedOpen(column->sealed, old, &plain, &mask))
		return;
	JobAddOpened(job, column, plain);
	SealedWipe(column->sealed, plain);
	*new = mask.sealed;
	*new_isnull = mask.isnull;
	*unchanged = mask.unchanged;
}

static void
change_value(Job *job, JobColumn *column, TupleTableSlot *before, TupleTableSlot *after)
{
	Datum old = before->tts_values[column->number - 1];
	bool old_isnull = before->tts_isnull[column->number - 1];
	Datum *new = &after->tts_values[column->target - 1];
	bool *new_isnull = &after->tts_isnull[column->target - 1];

	bool unchanged = false;

	*new = old;
	*new_isnull = old_isnull;
	switch (column->treatment)
	{
		case TREAT_LEAVE:
		case TREAT_KEEP:
			return;
		case TREAT_COMPUTE:
			*new_isnull = true; /* later */
			return;
		case TREAT_SHUFFLE:
			*new = ShuffleValue(column->unit->shuffle, column->place, new_isnull);
			unchanged = !old_isnull && !*new_isnull && is_same(column, old, *new);
			break;
		case TREAT_CLEAR:
			if (!old_isnull)
				JobAddRaw(job, column, old);
			*new_isnull = true;
			break;
		case TREAT_MASK:
			if (old_isnull)
				break;
			if (column->sealed != NULL)
			{
				mask_sealed(job, column, old, new, new_isnull, &unchanged);
				break;
			}

			/* Once for all that look at it. */
			if (column->length == -1)
				old = PointerGetDatum(PG_DETOAST_DATUM_PACKED(old));
			JobAddRaw(job, column, old);
			*new_isnull = !ClassMaskDatum(column->mask, old, new);
			unchanged = !*new_isnull && is_same(column, old, *new);
			break;
	}
	count_value(column, old_isnull, *new_isnull, unchanged);
}

static void
mask_row(Job *job, JobTable *table, TupleTableSlot *before)
{
	JobTarget *target = table->target;
	TupleTableSlot *after = target->row;
	ListCell *cell;

	foreach (cell, table->shuffles)
	{
		ShuffleNext(((TableShuffle *) lfirst(cell))->unit->shuffle);
	}
	ExecClearTuple(after);
	memset(after->tts_isnull, true, after->tts_tupleDescriptor->natts * sizeof(bool));
	for (int i = 0; i < table->ncolumns; i++)
		change_value(job, &table->columns[i], before, after);
	ExecStoreVirtualTuple(after);
	after->tts_tableOid = RelationGetRelid(target->relation);
	if (target->computes)
		ExecComputeStoredGenerated(target->result, target->estate, after, CMD_INSERT);
	RowChecksAdd(target->checks, after, target->relation == table->relation ? before : NULL);
	if (target->heap != NULL)
		table_tuple_insert(target->heap, after, target->command, TABLE_INSERT_SKIP_FSM,
						   target->state);
}

/* ---------------------------------------------------------------- opening */

static Bitmapset *
changed_columns(const JobTable *table)
{
	Bitmapset *changed = NULL;

	for (int i = 0; i < table->ncolumns; i++)
	{
		Treatment treatment = table->columns[i].treatment;

		if (treatment != TREAT_LEAVE && treatment != TREAT_KEEP)
			changed = bms_add_member(changed,
									 table->columns[i].target - FirstLowInvalidHeapAttributeNumber);
	}
	return changed;
}

static JobTarget *
open_target(Job *job, JobTable *table, Relation relation)
{
	JobTarget *target = palloc0(sizeof(JobTarget));
	TupleConstr *constr = RelationGetDescr(relation)->constr;

	target->relation = relation;
	target->estate = CreateExecutorState();
	target->result = makeNode(ResultRelInfo);
	InitResultRelInfo(target->result, relation, 0, NULL, 0);
	target->row =
		MakeSingleTupleTableSlot(RelationGetDescr(relation), table_slot_callbacks(relation));
	target->computes = constr != NULL && constr->has_generated_stored;
	target->checks =
		RowChecksOpen(relation, target->estate, changed_columns(table), maintenance_work_mem / 4);
	if (job->write)
		target->new_heap = make_new_heap(RelationGetRelid(relation),
										 relation->rd_rel->reltablespace, relation->rd_rel->relam,
										 relation->rd_rel->relpersistence, AccessExclusiveLock);
	job->targets = lappend(job->targets, target);
	return target;
}

/* Of a partitioned table, all of its parts go into one copy, by the names of the columns. */
static void
map_to_copy(JobTable *table, Relation copy)
{
	for (int i = 0; i < table->ncolumns; i++)
	{
		JobColumn *column = &table->columns[i];
		const char *name =
			NameStr(TupleDescAttr(RelationGetDescr(table->relation), column->number - 1)->attname);

		column->target = get_attnum(RelationGetRelid(copy), name);
		if (column->target == InvalidAttrNumber)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
							errmsg("column \"%s\" of table \"%s\" is not in the copy", name,
								   RelationGetRelationName(table->relation)),
							errhint("Children with columns of their own are copied one by one.")));
		column->not_null = TupleDescAttr(RelationGetDescr(copy), column->target - 1)->attnotnull;
	}
}

static void
open_targets(Job *job)
{
	JobTarget *copy = NULL;
	ListCell *cell;

	foreach (cell, job->tables)
	{
		JobTable *table = lfirst(cell);

		if (!JobHasRows(table))
			continue;
		if (!OidIsValid(job->copy_oid))
			table->target = open_target(job, table, table->relation);
		else
		{
			Relation relation =
				copy != NULL ? copy->relation : table_open(job->copy_oid, AccessExclusiveLock);

			map_to_copy(table, relation);
			if (copy == NULL)
				copy = open_target(job, table, relation);
			table->target = copy;
		}
	}
}

/* ---------------------------------------------------------------- the passes */

static void
create_shuffles(const Job *job, const JobTable *table)
{
	ListCell *cell;

	foreach (cell, table->shuffles)
	{
		const TableShuffle *shuffle = lfirst(cell);

		if (shuffle->unit->shuffle == NULL)
			shuffle->unit->shuffle =
				ShuffleCreate(RelationGetDescr(table->relation), &shuffle->columns,
							  &shuffle->within, maintenance_work_mem / list_length(job->units));
	}
}

static void
run_shuffles(Job *job)
{
	ListCell *cell;

	foreach (cell, job->tables)
	{
		JobTable *table = lfirst(cell);

		if (!JobHasRows(table) || table->shuffles == NIL)
			continue;
		create_shuffles(job, table);
		JobReport(PHASE_SHUFFLING, table->relation);
		JobScanRows(job, table, table->relation, job->snapshot, shuffle_row);
	}
	foreach (cell, job->units)
	{
		ShuffleUnit *unit = lfirst(cell);

		if (unit->shuffle != NULL)
			unit->alone = ShuffleSort(unit->shuffle);
	}
}

static void
mask_table(Job *job, JobTable *table)
{
	JobTarget *target = table->target;

	JobReport(PHASE_MASKING, table->relation);
	if (OidIsValid(target->new_heap))
	{
		target->heap = table_open(target->new_heap, NoLock);
		target->state = GetBulkInsertState();
		target->command = GetCurrentCommandId(true);
	}
	JobScanRows(job, table, table->relation, job->snapshot, mask_row);
	if (target->heap != NULL)
	{
		FreeBulkInsertState(target->state);
		table_finish_bulk_insert(target->heap, TABLE_INSERT_SKIP_FSM);
		table_close(target->heap, NoLock);
		target->heap = NULL;
	}
}

/* ---------------------------------------------------------------- what they tell */

static void
judge_column(Job *job, const ColumnTotals *totals)
{
	const char *object = JobDescribeColumn(totals->table, NameStr(totals->name));
	bool masked = totals->treatment == TREAT_MASK;

	if (totals->nulled > 0)
		JobAddProblem(job, true, object,
					  JobCount(totals->nulled, "value would be NULL, which it does not allow",
							   "values would be NULL, which it does not allow"),
					  "Give the data class a mask that fits the type, or allow NULL.");
	if (totals->allowed)
		return;
	if (masked && totals->unchanged > 0)
		JobAddProblem(job, true, object,
					  JobCount(totals->unchanged, "value would stay as it is",
							   "values would stay as they are"),
					  "The mask leaves them, as rounding does with round numbers: name the column "
					  "in allow, or give the data class another mask.");
	if (totals->found > 0 && totals->treatment == TREAT_KEEP)
		JobAddProblem(job, false, object,
					  JobCount(totals->found, "value of masked columns is kept in it",
							   "values of masked columns are kept in it"),
					  "It stays as it is, and they with it: clear it, or name it in allow.");
	else if (totals->found > 0 && (!masked || totals->copies))
		JobAddProblem(
			job, true, object,
			JobCount(totals->found, "value of masked columns is found in it",
					 "values of masked columns are found in it"),
			masked ? "Give its data class a mask that shows less of them; or name it in allow."
				   : "Classify it, too, or name it in clear; or name it in allow.");
}

/* Where they are told apart by the group alone, shuffling has done nothing. */
static void
judge_shuffle(Job *job, const ShuffleUnit *unit)
{
	const ColumnTotals *first = linitial(unit->columns);

	if (unit->alone > 0 && !first->allowed)
		JobAddProblem(job, true, JobDescribeColumn(first->table, NameStr(first->name)),
					  JobCount(unit->alone, "row would keep its value: it is alone in its group",
							   "rows would keep their values: each is alone in its group"),
					  "Shuffle within larger groups, or among all rows; or name it in allow.");
}

static void
close_targets(Job *job)
{
	ListCell *cell;

	foreach (cell, job->units)
	{
		ShuffleUnit *unit = lfirst(cell);

		if (unit->shuffle != NULL)
			ShuffleFree(unit->shuffle);
	}

	foreach (cell, job->targets)
	{
		JobTarget *target = lfirst(cell);

		if (OidIsValid(job->copy_oid))
			RowChecksFinish(target->checks, job);
		ExecDropSingleTupleTableSlot(target->row);
		FreeExecutorState(target->estate);
	}
}

void
JobRun(Job *job)
{
	Oid user;
	int security;
	ListCell *cell;

	job->context = CurrentMemoryContext;
	job->snapshot = RegisterSnapshot(GetLatestSnapshot());
	PushActiveSnapshot(job->snapshot);
	GetUserIdAndSecContext(&user, &security);
	open_targets(job);
	if (job->verify)
		job->survivors = JobCreateSurvivors(job);

	run_shuffles(job);
	foreach (cell, job->tables)
	{
		JobTable *table = lfirst(cell);

		if (!JobHasRows(table))
			continue;
		SetUserIdAndSecContext(table->target->relation->rd_rel->relowner,
							   security | SECURITY_RESTRICTED_OPERATION);
		mask_table(job, table);

		/* Of each table at once, so that memory is needed for one of them. */
		if (table->target->relation == table->relation)
			RowChecksFinish(table->target->checks, job);
	}
	JobSearchSurvivors(job);
	SetUserIdAndSecContext(user, security);
	foreach (cell, job->totals)
	{
		judge_column(job, lfirst(cell));
	}
	foreach (cell, job->units)
	{
		judge_shuffle(job, lfirst(cell));
	}
	close_targets(job);
	PopActiveSnapshot();
	UnregisterSnapshot(job->snapshot);
}

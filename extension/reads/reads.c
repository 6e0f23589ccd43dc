/*
 * reads.c
 *		What is read by whatever runs.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/sysattr.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/pathnodes.h"
#include "parser/parsetree.h"
#include "storage/ipc.h"

#include "base/compat.h"
#include "label/label.h"
#include "reads/note.h"
#include "reads/policy.h"
#include "reads/reads.h"
#include "reads/utility.h"

static ReadsFrame *innermost;

/* Whether what runs is in a query that the server makes by itself, to check a foreign key. */
static bool internal;

/* ---------------------------------------------------------------- the columns that a plan reads */

/* As a table has them, from 1 on: a whole row is all, and system columns are none. */
static Bitmapset *
columns_of_table(const ReadTable *table, const Bitmapset *selected)
{
	Bitmapset *columns = NULL;
	int at = -1;

	while ((at = bms_next_member(selected, at)) >= 0)
	{
		int number = at + FirstLowInvalidHeapAttributeNumber;

		if (number > 0)
			columns = bms_add_member(columns, number);
		for (int i = 0; number == 0 && i < table->natts; i++)
		{
			if (table->columns[i] != NULL)
				columns = bms_add_member(columns, i + 1);
		}
	}
	return columns;
}

static const AppendRelInfo *
parent_of(const PlannedStmt *plan, int index)
{
	ListCell *cell;

	foreach (cell, plan->appendRelations)
	{
		const AppendRelInfo *child = lfirst(cell);

		if ((int) child->child_relid == index)
			return child;
	}
	return NULL;
}

typedef struct PlanRead
{
	Bitmapset *selected; /* with the offset of system columns */
	bool table_told;     /* by what it is a child of in this plan: */
	bool classes_told;
} PlanRead;

/*
 * False: the entry is no read. Partitions and children stand in the plan beside
 * what they are read through, for which alone the privilege is asked.
 */
static bool
find_read(PlannedStmt *plan, int index, PlanRead *read)
{
	RangeTblEntry *entry = rt_fetch(index, plan->rtable);
	const AppendRelInfo *child;
	const ReadTable *parent;
	Bitmapset *selected = NULL;

	if (entry->rtekind != RTE_RELATION)
		return false;
	if (compat_planned_reads(plan, entry))
	{
		Bitmapset *taken = LabelFindTaken(plan, entry->relid);
		int at = -1;

		read->selected = bms_copy(compat_planned_selected_columns(plan, entry));
		while ((at = bms_next_member(taken, at)) >= 0)
			read->selected =
				bms_add_member(read->selected, at - FirstLowInvalidHeapAttributeNumber);
		return true;
	}
	child = parent_of(plan, index);
	if (child == NULL || !find_read(plan, (int) child->parent_relid, read))
		return false;
	parent = ReadTableFind(rt_fetch(child->parent_relid, plan->rtable)->relid);
	read->table_told |= parent != NULL && parent->on_record;
	read->classes_told |= parent != NULL && parent->has_classes;
	if (bms_is_member(-FirstLowInvalidHeapAttributeNumber, read->selected))
		selected = bms_make_singleton(-FirstLowInvalidHeapAttributeNumber);
	for (int i = 0; i < child->num_child_cols; i++)
	{
		if (child->parent_colnos[i] > 0 &&
			bms_is_member(child->parent_colnos[i] - FirstLowInvalidHeapAttributeNumber,
						  read->selected))
			selected = bms_add_member(selected, i + 1 - FirstLowInvalidHeapAttributeNumber);
	}
	read->selected = selected;
	return true;
}

static const char *
action_of(const PlannedStmt *plan)
{
	switch (plan->commandType)
	{
		case CMD_INSERT:
			return "insert";
		case CMD_UPDATE:
			return "update";
		case CMD_DELETE:
			return "delete";
		case CMD_MERGE:
			return "merge";
		default:
			return "select";
	}
}

static void
note_plan(ReadsFrame *frame, PlannedStmt *plan)
{
	const char *action = frame->action != NULL ? frame->action : action_of(plan);
	ListCell *cell;

	foreach (cell, plan->rtable)
	{
		const RangeTblEntry *entry = lfirst(cell);
		PlanRead read = {0};
		const ReadTable *table;

		/* Its tables stand beside a view. */
		if (entry->rtekind != RTE_RELATION || entry->relkind == RELKIND_VIEW ||
			entry->relid < FirstNormalObjectId || ReadTableFind(entry->relid) == NULL ||
			!find_read(plan, foreach_current_index(cell) + 1, &read))
			continue;
		table = ReadTableFind(entry->relid);
		if (table != NULL)
			frame->notes =
				ReadNoteTable(entry->relid, table, columns_of_table(table, read.selected),
							  table->on_record && !read.table_told,
							  table->has_classes && !read.classes_told, action, frame->notes);
	}
	foreach (cell, frame->notes)
		((ReadNote *) lfirst(cell))->runs++;
}

/* ---------------------------------------------------------------- what runs */

static void
add_rows(const ReadsFrame *frame)
{
	uint64 rows = frame->rows;
	ListCell *cell;

	if (frame->notes == NIL || frame->told != ReadNotesTold)
		return;
	if (frame->query != NULL && frame->query->estate != NULL)
		rows = frame->query->estate->es_processed;
	foreach (cell, frame->notes)
		((ReadNote *) lfirst(cell))->rows += rows;
}

/* Who is ended in the midst of a statement leaves nothing that it has entered. */
static void
tell_at_exit(int code, Datum argument)
{
	(void) code;
	(void) argument;
	for (; innermost != NULL; innermost = innermost->outer)
		add_rows(innermost);
	ReadNotesTell(true);
}

static void
enter(ReadsFrame *frame)
{
	static bool registered = false;

	if (unlikely(!registered))
	{
		before_shmem_exit(tell_at_exit, (Datum) 0);
		registered = true;
	}

	*frame = (ReadsFrame){.outer = innermost,
						  .action = innermost != NULL ? innermost->action : NULL,
						  .told = ReadNotesTold,
						  .outer_internal = internal};
	internal |= InNoForceRLSOperation();
}

void
ReadsEnter(ReadsFrame *frame)
{
	enter(frame);
	innermost = frame;
}

/*
 * The server's own queries for foreign keys are nobody's reads. They are the outermost in the
 * security context that is theirs: what triggers do that these fire is somebody's again, and so is
 * what functions do that are called while they are planned. The plan of a parallel worker is its
 * leader's.
 */
void
ReadsEnterRun(ReadsFrame *frame, QueryDesc *query, ScanDirection direction)
{
	bool of_worker = innermost == NULL && IsParallelWorker();

	enter(frame);
	frame->query = query;
	if (unlikely(ReadPolicyExists()) && !of_worker && !ScanDirectionIsNoMovement(direction) &&
		(frame->outer_internal || !internal))
	{
		PG_TRY();
		{
			note_plan(frame, query->plannedstmt);
		}
		PG_CATCH();
		{
			internal = frame->outer_internal;
			if (innermost == NULL)
				ReadNotesTell(true);
			PG_RE_THROW();
		}
		PG_END_TRY();
	}
	innermost = frame;
}

void
ReadsEnterStatement(ReadsFrame *frame, Node *statement)
{
	if (unlikely(ReadPolicyExists()))
		frame->notes = ReadUtility(statement, &frame->action);
}

void
ReadsLeave(ReadsFrame *frame, bool failed)
{
	add_rows(frame);
	innermost = frame->outer;
	internal = frame->outer_internal;
	if (innermost == NULL)
		ReadNotesTell(failed);
}

bool
ReadsBeginPlanning(void)
{
	bool before = internal;

	internal |= InNoForceRLSOperation();
	return before;
}

void
ReadsEndPlanning(bool before)
{
	internal = before;
}

/* A procedure may go on for long after it has committed; planning may have failed. */
static void
on_transaction_end(XactEvent event, void *argument)
{
	(void) argument;
	if (event == XACT_EVENT_COMMIT)
		ReadNotesTell(false);
	if (innermost == NULL)
		internal = false;
}

void
ReadsInit(void)
{
	ReadPolicyInit();
	ReadNotesInit();
	RegisterXactCallback(on_transaction_end, NULL);
}

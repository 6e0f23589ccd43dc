/*
 * search.c
 *		The search for raw values in the rows as they will be.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "anonymize/job.h"
#include "anonymize/survivors.h"

/* ---------------------------------------------------------------- raw values */

static void
add_term(void *context, Bytes term)
{
	SurvivorsAdd(context, term);
}

static void
confirm_term(void *context, Bytes term)
{
	SurvivorsConfirm(context, term);
}

static void
visit_raw(Job *job, const JobColumn *column, Datum value, TermVisitor visit)
{
	Datum plain;

	if (column->sealed == NULL)
		TermsVisit(column->raw, value, visit, job->survivors);
	else if (SealedOpen(column->sealed, value, &plain, NULL))
	{
		TermsVisit(column->raw, plain, visit, job->survivors);
		SealedWipe(column->sealed, plain);
	}
}

void
JobAddRaw(Job *job, const JobColumn *column, Datum value)
{
	if (column->raw != NULL && job->survivors != NULL)
		visit_raw(job, column, value, add_term);
}

void
JobAddOpened(Job *job, const JobColumn *column, Datum plain)
{
	if (column->raw != NULL && job->survivors != NULL)
		TermsVisit(column->raw, plain, add_term, job->survivors);
}

static void
confirm_row(Job *job, JobTable *table, TupleTableSlot *row)
{
	for (int i = 0; i < table->ncolumns; i++)
	{
		const JobColumn *column = &table->columns[i];

		if (column->raw != NULL && !row->tts_isnull[column->number - 1])
			visit_raw(job, column, row->tts_values[column->number - 1], confirm_term);
	}
}

/* Called from within a scan, too, so in memory that no row's end sets free. */
static void
confirm_survivors(Job *job)
{
	MemoryContext outer_context = MemoryContextSwitchTo(job->context);
	ListCell *cell;

	foreach (cell, job->tables)
	{
		JobTable *table = lfirst(cell);

		if (!JobHasRows(table))
			continue;
		JobReport(PHASE_CONFIRMING, table->relation);
		JobScanRows(job, table, table->relation, job->snapshot, confirm_row);
	}
	SurvivorsAcquit(job->survivors);
	MemoryContextSwitchTo(outer_context);
}

/* ---------------------------------------------------------------- where they may be */

typedef struct SearchedColumn
{
	Survivors *survivors;
	bool words; /* else only as a whole: another value's mask may have a word of a value */
	int number;
} SearchedColumn;

static void
search_term(void *context, Bytes term)
{
	const SearchedColumn *column = context;

	SurvivorsSearch(column->survivors, term, column->words, column->number);
}

static void
search_row(Job *job, JobTable *table, TupleTableSlot *row)
{
	for (int i = 0; i < table->ncolumns; i++)
	{
		JobColumn *column = &table->columns[i];
		AttrNumber number = job->write ? column->target : column->number;
		SearchedColumn searched = {.survivors = job->survivors,
								   .words =
									   column->treatment != TREAT_MASK || column->totals->copies,
								   .number = column->totals->number};

		if (column->searched == NULL || row->tts_isnull[number - 1])
			continue;
		/* What is in the table now is no mask yet. */
		if (!job->write && (column->treatment == TREAT_MASK || column->treatment == TREAT_COMPUTE ||
							column->treatment == TREAT_CLEAR))
			continue;
		TermsVisit(column->searched, row->tts_values[number - 1], search_term, &searched);
	}
	if (unlikely(SurvivorsCrowded(job->survivors)))
	{
		confirm_survivors(job);
		JobReport(PHASE_SEARCHING, table->relation);
	}
}

/* The rows as they are now, and those of before again, where that leaves a doubt. */
void
JobSearchSurvivors(Job *job)
{
	ListCell *cell;
	Oid last = InvalidOid;

	if (job->survivors == NULL)
		return;
	CommandCounterIncrement();
	PushActiveSnapshot(GetLatestSnapshot());
	foreach (cell, job->tables)
	{
		JobTable *table = lfirst(cell);

		if (!JobHasRows(table) || (OidIsValid(last) && table->target->new_heap == last))
			continue;
		JobReport(PHASE_SEARCHING, table->relation);
		if (job->write)
		{
			Relation heap = table_open(table->target->new_heap, NoLock);

			last = table->target->new_heap;
			JobScanRows(job, table, heap, GetActiveSnapshot(), search_row);
			table_close(heap, NoLock);
		}
		else
			JobScanRows(job, table, table->relation, job->snapshot, search_row);
	}
	PopActiveSnapshot();
	if (SurvivorsSuspected(job->survivors))
		confirm_survivors(job);
	foreach (cell, job->totals)
	{
		ColumnTotals *totals = lfirst(cell);

		totals->found = SurvivorsFound(job->survivors, totals->number);
	}
}

Survivors *
JobCreateSurvivors(const Job *job)
{
	double values = 0;
	bool any = false;
	ListCell *cell;

	foreach (cell, job->tables)
	{
		const JobTable *table = lfirst(cell);
		BlockNumber pages;
		double tuples = 0;
		double all_visible;

		if (!JobHasRows(table))
			continue;
		table_relation_estimate_size(table->relation, NULL, &pages, &tuples, &all_visible);
		for (int i = 0; i < table->ncolumns; i++)
		{
			if (table->columns[i].raw != NULL)
			{
				values += tuples;
				any = true;
			}
		}
	}
	return any ? SurvivorsCreate((int64) values, maintenance_work_mem) : NULL;
}

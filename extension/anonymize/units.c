/*
 * units.c
 *		Which columns are shuffled, together with which others, and within which
 *		groups of rows.
 */
#include "postgres.h"

#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "anonymize/job.h"
#include "base/compat.h"

static JobColumn *
find_column(const JobTable *table, const char *name)
{
	for (int i = 0; i < table->ncolumns; i++)
	{
		if (strcmp(NameStr(table->columns[i].totals->name), name) == 0)
			return &table->columns[i];
	}
	return NULL;
}

/* A column that is computed from others has no values of its own. */
static void
require_shuffled(const JobTable *table, const JobColumn *column)
{
	if (column->treatment != TREAT_SHUFFLE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("generated column \"%s\" of table \"%s\" cannot be shuffled",
						NameStr(column->totals->name), RelationGetRelationName(table->relation)),
				 errhint("Shuffle the columns that it is computed from.")));
}

static ShuffleUnit *
unit_of(Job *job, const ColumnTotals *first)
{
	ShuffleUnit *unit;
	ListCell *cell;

	foreach (cell, job->units)
	{
		unit = lfirst(cell);
		if (list_member_ptr(unit->columns, first))
			return unit;
	}
	unit = palloc0(sizeof(ShuffleUnit));
	unit->table = first->table;
	job->units = lappend(job->units, unit);
	return unit;
}

static void
add_column(TableShuffle *shuffle, JobColumn *column)
{
	ShuffleUnit *unit = shuffle->unit;

	column->unit = unit;
	column->place = shuffle->columns.count;
	shuffle->columns.numbers[shuffle->columns.count++] = column->number;
	unit->columns = list_append_unique_ptr(unit->columns, column->totals);
}

pg_noreturn static void
refuse_group(const JobTable *table, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("table \"%s\" has no column \"%s\" within which its columns could be shuffled",
					RelationGetRelationName(table->relation), name),
			 errhint("Anonymize tables in which others are shuffled by a call of their own.")));
}

static void
plan_groups(const Job *job, const JobTable *table, TableShuffle *shuffle)
{
	ListCell *cell;

	shuffle->within.numbers = palloc(Max(list_length(job->within), 1) * sizeof(AttrNumber));
	foreach (cell, job->within)
	{
		const JobColumn *column = find_column(table, lfirst(cell));

		if (column == NULL)
			refuse_group(table, lfirst(cell));
		if (column->treatment == TREAT_SHUFFLE)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("column \"%s\" cannot be shuffled, and others within it",
								   (char *) lfirst(cell))));
		shuffle->within.numbers[shuffle->within.count++] = column->number;
	}
}

/* The columns of these names, as far as a table has them: then it has all. */
static void
plan_shuffle(Job *job, JobTable *table, List *names)
{
	TableShuffle *shuffle = NULL;
	int missing = 0;
	ListCell *cell;

	foreach (cell, names)
	{
		JobColumn *column = find_column(table, lfirst(cell));

		if (column == NULL)
		{
			missing++;
			continue;
		}
		require_shuffled(table, column);
		if (shuffle == NULL)
		{
			shuffle = palloc0(sizeof(TableShuffle));
			shuffle->unit = unit_of(job, column->totals);
			shuffle->columns.numbers = palloc(list_length(names) * sizeof(AttrNumber));
			plan_groups(job, table, shuffle);
			table->shuffles = lappend(table->shuffles, shuffle);
		}
		missing += column->totals->table != shuffle->unit->table;
		add_column(shuffle, column);
	}
	if (shuffle != NULL && missing > 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("table \"%s\" has not all columns that are to be shuffled together",
							   get_rel_name(shuffle->unit->table))));
}

void
JobPlanShuffles(Job *job)
{
	ListCell *cell;

	foreach (cell, job->tables)
	{
		JobTable *table = lfirst(cell);
		ListCell *names;

		foreach (names, job->together)
		{
			plan_shuffle(job, table, lfirst(names));
		}
		foreach (names, job->shuffle)
		{
			plan_shuffle(job, table, list_make1(lfirst(names)));
		}
	}
}

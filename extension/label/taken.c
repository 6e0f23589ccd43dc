/*
 * taken.c
 *		Columns that a plan reads without the server's asking for the privilege.
 */
#include "postgres.h"

#include "nodes/bitmapset.h"

#include "label/label.h"

/*
 * Entries in the list of what makes a plan invalid, under no catalog cache's
 * number: the plan cache passes them by, and copies them with the plan.
 */
#define MARK_TABLE (-7711)
#define MARK_COLUMN (-7712)

static List *
add_mark(List *items, int mark, uint32 value)
{
	PlanInvalItem *item = makeNode(PlanInvalItem);

	item->cacheId = mark;
	item->hashValue = value;
	return lappend(items, item);
}

void
LabelMarkTaken(PlannedStmt *statement, const LabelTaken *taken)
{
	ListCell *table;
	ListCell *column;

	forboth(table, taken->tables, column, taken->columns)
	{
		statement->invalItems = add_mark(statement->invalItems, MARK_TABLE, lfirst_oid(table));
		statement->invalItems =
			add_mark(statement->invalItems, MARK_COLUMN, (uint32) lfirst_int(column));
	}
}

Bitmapset *
LabelFindTaken(const PlannedStmt *statement, Oid relation)
{
	Bitmapset *columns = NULL;
	Oid table = InvalidOid;
	ListCell *cell;

	foreach (cell, statement->invalItems)
	{
		const PlanInvalItem *item = lfirst(cell);

		if (item->cacheId == MARK_TABLE)
			table = item->hashValue;
		else if (item->cacheId == MARK_COLUMN && table == relation)
			columns = bms_add_member(columns, (int) item->hashValue);
	}
	return columns;
}

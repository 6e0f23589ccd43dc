/*
 * frame.c
 *		The levels of a query, and which tables of theirs are masked.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "miscadmin.h"

#include "class/access.h"
#include "gate/gate.h"
#include "label/label.h"
#include "masking/query.h"

/* ---------------------------------------------------------------- tables */

/*
 * As it is only for who may read the class whatever else is so: a plan knows
 * neither the clock nor the identity of those that will run it.
 */
static void
decide(MaskRewrite *rewrite, MaskedColumn *column)
{
	MaskingPlanning *planning = rewrite->planning;
	ClassRights rights = {.read = READ_NONE};

	/* Of one that is not there grants may be, where only a part of a dump was restored. */
	if (CLASS_IS_NAMED(column->class_id) && ClassFind(column->class_id)->exists)
		rights = ClassAccessGranted(column->class_id, GetUserId());
	column->searchable = rights.search;
	if (rights.read == READ_PLAIN && !planning->cursor && GateCurrentIo() != GATE_IO_MASKED)
	{
		column->as = AS_VALUE;
		planning->plain = list_append_unique_int(planning->plain, column->class_id);
	}
	else
	{
		bool dump =
			rewrite->statement != NULL && rewrite->statement->destination == MASKING_TO_COPY;

		column->as = AS_SITE;
		column->use = dump ? SITE_DUMPS : SITE_SHOWS;
	}
}

MaskedTable *
MaskedTableOf(MaskRewrite *rewrite, MaskFrame *frame, RangeTblEntry *entry)
{
	LabelledTable *labels;
	MaskedTable *table;

	if (entry->rtekind != RTE_RELATION || entry->relkind == RELKIND_VIEW)
		return NULL;
	labels = LabelFind(entry->relid);
	if (labels == NULL || labels->labelled == 0)
		return NULL;

	/* An anonymous dump masks what is classified, and a plan is not for other settings. */
	rewrite->planning->labelled = true;
	if (!labels->masked && !frame->through_view && GateCurrentIo() != GATE_IO_MASKED)
		return NULL;

	table = palloc0(offsetof(MaskedTable, columns) + sizeof(MaskedColumn) * labels->natts);
	table->relation = entry->relid;
	table->natts = labels->natts;
	table->unprivileged = labels->masked;
	for (int i = 0; i < labels->natts; i++)
	{
		MaskedColumn *column = &table->columns[i];

		column->class_id = labels->classes[i];
		if (column->class_id == CLASS_NONE)
			continue;
		decide(rewrite, column);
		table->hides |= column->as == AS_SITE;
	}
	rewrite->planning->hides |= table->hides;
	return table;
}

/* ---------------------------------------------------------------- levels */

static MaskFrame *
add_frame(MaskRewrite *rewrite, Query *query, MaskFrame *outer, Oid view)
{
	MaskFrame *frame = palloc0(sizeof(MaskFrame));
	int number = 0;
	ListCell *cell;

	frame->outer = outer;
	frame->query = query;
	frame->view = view;
	frame->is_definition = OidIsValid(view);
	frame->through_view = OidIsValid(view) || (outer != NULL && outer->through_view);
	frame->tables = palloc0(sizeof(MaskedTable *) * Max(list_length(query->rtable), 1));
	rewrite->frames = lappend(rewrite->frames, frame);

	/* A view whose rows are changed has been replaced by its table, and is still there. */
	foreach (cell, query->rtable)
	{
		RangeTblEntry *entry = lfirst(cell);

		if (entry->rtekind == RTE_RELATION && entry->relkind == RELKIND_VIEW &&
			MaskViewIs(entry->relid))
		{
			frame->through_view = true;
			if (!OidIsValid(frame->view))
				frame->view = entry->relid;
		}
	}
	foreach (cell, query->rtable)
	{
		RangeTblEntry *entry = lfirst(cell);

		if (entry->rtekind == RTE_SUBQUERY)
			add_frame(rewrite, entry->subquery, frame, MaskViewDefinedBy(entry));

		/* What is inserted, before any row is there, is the role's own. */
		else if (entry->relkind != RELKIND_COMPOSITE_TYPE)
			frame->tables[number] = MaskedTableOf(rewrite, frame, entry);
		number++;
	}
	return frame;
}

MaskFrame *
MaskFrameOf(MaskRewrite *rewrite, Query *query, MaskFrame *outer)
{
	ListCell *cell;

	foreach (cell, rewrite->frames)
	{
		MaskFrame *frame = lfirst(cell);

		if (frame->query == query)
			return frame;
	}
	return add_frame(rewrite, query, outer, InvalidOid);
}

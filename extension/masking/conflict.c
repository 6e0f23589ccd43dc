/*
 * conflict.c
 *		INSERT ... ON CONFLICT: which row it finds tells who has a value.
 *
 * That there is such a row, a unique index tells everybody who may insert. So
 * DO NOTHING is as any INSERT; but DO UPDATE changes, and returns, the row.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/pg_index.h"
#include "nodes/bitmapset.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "class/class.h"
#include "masking/query.h"

pg_noreturn static void
refuse(const MaskedTable *table, int column)
{
	const MaskedColumn *masked = &table->columns[column - 1];
	DataClass *data_class = CLASS_IS_NAMED(masked->class_id) ? ClassFind(masked->class_id) : NULL;

	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("permission denied to find rows by column \"%s\" of table \"%s\"",
						   get_attname(table->relation, (AttrNumber) column, false),
						   get_rel_name(table->relation)),
					errdetail("ON CONFLICT ... DO UPDATE would tell which row has the value."),
					data_class == NULL || !data_class->exists
						? errhint("ON CONFLICT DO NOTHING is possible.")
						: errhint("tarot.grant_class(%s, ..., search => true) lets a role look for "
								  "values; ON CONFLICT DO NOTHING is possible without.",
								  quote_literal_cstr(data_class->name))));
}

/* `exact` where equal values conflict, and not such as are equal to an expression. */
static void
require_search(MaskRewrite *rewrite, const MaskedTable *table, int column, bool exact)
{
	const MaskedColumn *masked;

	if (column < 1 || column > table->natts)
		return;
	masked = &table->columns[column - 1];
	if (masked->class_id == CLASS_NONE || masked->as == AS_VALUE)
		return;
	if (!masked->searchable || !exact)
		refuse(table, column);
	rewrite->planning->searched =
		list_append_unique_int(rewrite->planning->searched, masked->class_id);
}

static void
require_search_of(MaskRewrite *rewrite, const MaskedTable *table, Index number, Node *expression)
{
	Bitmapset *columns = NULL;
	bool exact = expression != NULL && IsA(expression, Var);
	int at = -1;

	pull_varattnos(expression, number, &columns);
	while ((at = bms_next_member(columns, at)) >= 0)
	{
		int column = at + FirstLowInvalidHeapAttributeNumber;

		for (int i = 1; column == 0 && i <= table->natts; i++)
			require_search(rewrite, table, i, false);
		require_search(rewrite, table, column, exact);
	}
}

/* Of expressions in the index of a constraint, which are rare, it is not asked what they are. */
static void
require_search_of_constraint(MaskRewrite *rewrite, const MaskedTable *table, Oid constraint)
{
	HeapTuple tuple =
		SearchSysCache1(INDEXRELID, ObjectIdGetDatum(get_constraint_index(constraint)));
	Form_pg_index form;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "constraint %u has no index", constraint);
	form = (Form_pg_index) GETSTRUCT(tuple);
	for (int key = 0; key < form->indnkeyatts; key++)
	{
		int column = form->indkey.values[key];

		for (int i = 1; column == 0 && i <= table->natts; i++)
			require_search(rewrite, table, i, false);
		require_search(rewrite, table, column, true);
	}
	ReleaseSysCache(tuple);
}

void
MaskCheckConflict(MaskRewrite *rewrite, const MaskFrame *frame)
{
	const Query *query = frame->query;
	const OnConflictExpr *conflict = query->onConflict;
	const MaskedTable *table = frame->tables[query->resultRelation - 1];
	ListCell *cell;

	if (table == NULL || !table->hides || conflict->action != ONCONFLICT_UPDATE)
		return;
	foreach (cell, conflict->arbiterElems)
		require_search_of(rewrite, table, (Index) query->resultRelation,
						  castNode(InferenceElem, lfirst(cell))->expr);
	require_search_of(rewrite, table, (Index) query->resultRelation,
					  conflict->arbiterWhere == NULL ? NULL
													 : (Node *) list_make1(conflict->arbiterWhere));
	if (OidIsValid(conflict->constraint))
		require_search_of_constraint(rewrite, table, conflict->constraint);
}

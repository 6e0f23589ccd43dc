/*
 * view.c
 *		Masking views: ordinary views with security_barrier and security_invoker
 *		that are labelled.
 *
 * For security_invoker the server asks for the row policies of who runs the
 * query, and for their privileges on the table. They need hold none: the
 * privileges of the view's owner are asked for instead, as for other views. A
 * query that is not rewritten ends in "permission denied".
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "funcapi.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "label/label.h"
#include "masking/query.h"

bool
MaskViewIs(Oid relation)
{
	LabelledTable *labels = LabelFind(relation);

	return labels != NULL && labels->masking;
}

/*
 * The definition of a view became a subquery: it is the view's entry itself
 * since 16; before, its range table began with the view, as OLD and NEW.
 */
Oid
MaskViewDefinedBy(const RangeTblEntry *entry)
{
	Oid view = entry->relkind == RELKIND_VIEW ? entry->relid : InvalidOid;
	List *tables = entry->subquery->rtable;

	if (!OidIsValid(view) && list_length(tables) >= 2)
	{
		const RangeTblEntry *first = linitial(tables);
		const RangeTblEntry *second = lsecond(tables);

		if (first->rtekind == RTE_RELATION && second->rtekind == RTE_RELATION &&
			first->relkind == RELKIND_VIEW && first->relid == second->relid && !first->inFromCl &&
			!second->inFromCl)
			view = first->relid;
	}
	return OidIsValid(view) && MaskViewIs(view) ? view : InvalidOid;
}

/* The entry of the one table of a view's definition; NULL where it is of another shape. */
static RangeTblEntry *
table_of_definition(Query *definition)
{
	Node *from = list_length(definition->jointree->fromlist) == 1
					 ? linitial(definition->jointree->fromlist)
					 : NULL;
	RangeTblEntry *entry;

	if (from == NULL || !IsA(from, RangeTblRef))
		return NULL;
	entry = rt_fetch(((RangeTblRef *) from)->rtindex, definition->rtable);
	return entry->rtekind == RTE_RELATION ? entry : NULL;
}

/* The role that a view's table is read as, and the table. */
static Oid
reader_of_view(Oid view, Oid *table)
{
	Relation relation = relation_open(view, NoLock);
	RangeTblEntry *entry = table_of_definition(get_view_query(relation));
	Oid reader = RelationHasSecurityInvoker(relation) ? relation->rd_rel->relowner : InvalidOid;

	*table = entry == NULL ? InvalidOid : entry->relid;
	relation_close(relation, NoLock);
	return reader;
}

Oid
MaskViewReader(const MaskFrame *frame, Index number)
{
	const RangeTblEntry *entry = rt_fetch(number, frame->query->rtable);
	Oid table;
	Oid reader;

	if (!OidIsValid(frame->view) || entry->rtekind != RTE_RELATION ||
		entry->relkind == RELKIND_VIEW)
		return InvalidOid;
	reader = reader_of_view(frame->view, &table);

	/* Beside the rows that are changed there may be tables that the query itself names. */
	return entry->relid == table &&
				   (frame->is_definition || (int) number == frame->query->resultRelation)
			   ? reader
			   : InvalidOid;
}

/*
 * tarot.columns_of_view(view oid, OUT name name, OUT "column" smallint) RETURNS SETOF record
 *
 * The columns of a view that show columns of its one table, by the numbers that
 * these have there.
 */
PG_FUNCTION_INFO_V1(tarot_masking_columns_of_view);
Datum
tarot_masking_columns_of_view(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Relation view;
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	view = try_relation_open(PG_GETARG_OID(0), AccessShareLock);
	if (view != NULL && view->rd_rel->relkind == RELKIND_VIEW)
	{
		Query *definition = get_view_query(view);

		foreach (cell, definition->targetList)
		{
			TargetEntry *target = lfirst(cell);
			Datum values[2] = {CStringGetDatum(target->resname)};
			bool nulls[2] = {false, false};
			NameData name;

			if (target->resjunk || !IsA(target->expr, Var) ||
				table_of_definition(definition) == NULL)
				continue;
			namestrcpy(&name, target->resname);
			values[0] = NameGetDatum(&name);
			values[1] = Int16GetDatum(((Var *) target->expr)->varattno);
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
	}
	if (view != NULL)
		relation_close(view, AccessShareLock);
	return (Datum) 0;
}

/*
 * query.c
 *		Changes to queries that were analyzed.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_clause.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "rewrite/rewriteManip.h"

#include "client/query.h"
#include "column/column.h"

Expr *
QueryCastToBase(Expr *value, CoercionForm form)
{
	Oid type = exprType((Node *) value);
	Oid base = ColumnBaseType(type);
	Node *cast;

	if (!OidIsValid(base))
		return NULL;
	cast = coerce_to_target_type(NULL, (Node *) value, type, base, -1, COERCION_IMPLICIT, form, -1);
	if (cast == NULL)
		return NULL;
	assign_expr_collations(NULL, cast);
	return (Expr *) cast;
}

bool
QueryComparesResult(const Query *query)
{
	return query->setOperations != NULL || (query->distinctClause != NIL && !query->hasDistinctOn);
}

typedef struct CteContext
{
	Index depth;
} CteContext;

/* The WITH queries of the query that is walked are one level further out from now on. */
static bool
move_ctes_out(Node *node, void *argument)
{
	CteContext *context = argument;

	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *entry = (RangeTblEntry *) node;

		if (entry->rtekind == RTE_CTE && entry->ctelevelsup == context->depth)
			entry->ctelevelsup++;
		return false; /* what is in it, the walker visits itself */
	}
	if (IsA(node, Query))
	{
		bool result;

		context->depth++;
		result = query_tree_walker((Query *) node, move_ctes_out, context, QTW_EXAMINE_RTES_BEFORE);
		context->depth--;
		return result;
	}
	return expression_tree_walker(node, move_ctes_out, context);
}

bool
QuerySortsByEncrypted(List *order, List *targets)
{
	ListCell *cell;

	foreach (cell, order)
	{
		Node *value = get_sortgroupclause_expr(lfirst(cell), targets);

		if (OidIsValid(ColumnBaseType(exprType(value))))
			return true;
	}
	return false;
}

void
QueryPutUnder(Query *query, bool sort_on_top)
{
	Query *inner = makeNode(Query);
	ParseState *state = make_parsestate(NULL);
	RangeTblRef *reference = makeNode(RangeTblRef);
	CteContext context = {0};
	ListCell *cell;

	*inner = *query;
	memset(query, 0, sizeof(Query));
	NodeSetTag(query, T_Query);
	query->commandType = CMD_SELECT;
	query->querySource = inner->querySource;
	query->canSetTag = inner->canSetTag;
	query->queryId = inner->queryId;
	query->stmt_location = inner->stmt_location;
	query->stmt_len = inner->stmt_len;

	/* WITH stays: a statement in it that changes data must be at the top. */
	query->cteList = inner->cteList;
	query->hasRecursive = inner->hasRecursive;
	query->hasModifyingCTE = inner->hasModifyingCTE;
	inner->cteList = NIL;
	inner->hasRecursive = inner->hasModifyingCTE = false;
	if (sort_on_top)
	{
		query->sortClause = inner->sortClause;
		query->limitOffset = inner->limitOffset;
		query->limitCount = inner->limitCount;
		query->limitOption = inner->limitOption;
		query->hasSubLinks =
			inner->hasSubLinks && (query->limitOffset != NULL || query->limitCount != NULL);
		inner->sortClause = NIL;
		inner->limitOffset = inner->limitCount = NULL;
		inner->limitOption = LIMIT_OPTION_COUNT;
	}

	/* The rest is a level deeper. */
	IncrementVarSublevelsUp((Node *) inner, 1, 1);
	if (query->cteList != NIL)
		query_tree_walker(inner, move_ctes_out, &context, QTW_EXAMINE_RTES_BEFORE);

	addRangeTableEntryForSubquery(state, inner, makeAlias("statement", NIL), false, true);
	query->rtable = state->p_rtable;
	reference->rtindex = 1;
	query->jointree = makeFromExpr(list_make1(reference), NULL);
	foreach (cell, inner->targetList)
	{
		TargetEntry *from = lfirst(cell);
		TargetEntry *entry;

		if (from->resjunk)
			continue;
		entry = makeTargetEntry((Expr *) makeVarFromTargetEntry(1, from), from->resno,
								from->resname ? pstrdup(from->resname) : NULL, false);
		entry->resorigtbl = from->resorigtbl;
		entry->resorigcol = from->resorigcol;
		if (targetIsInSortList(from, InvalidOid, query->sortClause))
			entry->ressortgroupref = from->ressortgroupref;
		if (sort_on_top && inner->setOperations != NULL)
			from->ressortgroupref = 0;
		query->targetList = lappend(query->targetList, entry);
	}
	free_parsestate(state);
}

/*
 * order.c
 *		ORDER BY goes by what the role sees.
 *
 * The operator classes of encrypted types compare search tags: equal values
 * are found and grouped by them, but their order means nothing. So ORDER BY
 * of a query, of a window or of an aggregate sorts by the cast to the base
 * type instead, which passes the gate.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_proc.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_clause.h"
#include "parser/parse_oper.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "client/order.h"
#include "client/query.h"
#include "column/column.h"
#include "column/shape.h"

typedef struct OrderContext
{
	ParseState *state; /* for positions in errors, may be NULL */
	bool expressions;  /* there may be something in expressions, too */
} OrderContext;

pg_noreturn static void
refuse(OrderContext *context, const Node *value, const char *where, const char *instead)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot sort by values of type %s %s", format_type_be(exprType(value)), where),
			 errdetail("What is stored has no order; what a role sees has, once it is cast."),
			 errhint("%s", instead), parser_errposition(context->state, exprLocation(value))));
}

/* A row with an encrypted value in it. */
static bool
is_encrypted_row(Node *value)
{
	Oid type = exprType(value);
	ListCell *cell;

	if (!IsA(value, RowExpr))
		return type >= FirstNormalObjectId && ColumnShapeOf(type, -1) != NULL;
	foreach (cell, ((RowExpr *) value)->args)
	{
		Node *field = lfirst(cell);

		if (OidIsValid(ColumnBaseType(exprType(field))) || is_encrypted_row(field))
			return true;
	}
	return false;
}

/* The entry that is this cast already, or a new one that is not part of the result. */
static TargetEntry *
find_or_add(Expr *cast, List **targets)
{
	TargetEntry *entry;
	ListCell *cell;

	foreach (cell, *targets)
	{
		entry = lfirst(cell);
		if (equal(entry->expr, cast))
			return entry;
	}
	entry = makeTargetEntry(cast, (AttrNumber) (list_length(*targets) + 1), NULL, true);
	*targets = lappend(*targets, entry);
	return entry;
}

/*
 * The same list of what to sort by, each encrypted value being cast. `fixed`
 * is what must be compared as it is stored; `where`, for errors, says by what.
 */
static List *
order_by_base(OrderContext *context, List *order, List **targets, List *fixed, const char *where)
{
	List *result = NIL;
	ListCell *cell;

	foreach (cell, order)
	{
		SortGroupClause *clause = lfirst(cell);
		TargetEntry *entry = get_sortgroupref_tle(clause->tleSortGroupRef, *targets);
		Expr *cast = QueryCastToBase(copyObject(entry->expr), COERCE_EXPLICIT_CAST);
		Oid less;
		Oid equals;
		Oid greater;
		bool hashable;
		bool descending;

		if (cast == NULL)
		{
			if (is_encrypted_row((Node *) entry->expr))
				refuse(context, (Node *) entry->expr, "that hold encrypted ones",
					   "Sort by the columns of the row.");
			result = lappend(result, clause);
			continue;
		}
		if (targetIsInSortList(entry, InvalidOid, fixed))
			refuse(context, (Node *) entry->expr, where,
				   "Cast to the base type there, for instance email::text.");

		get_equality_op_for_ordering_op(clause->sortop, &descending);
		get_sort_group_operators(exprType((Node *) cast), true, true, true, &less, &equals,
								 &greater, &hashable);
		entry = find_or_add(cast, targets);
		clause = copyObject(clause);
		clause->tleSortGroupRef = assignSortGroupRef(entry, *targets);
		clause->eqop = equals;
		clause->sortop = descending ? greater : less;
		clause->hashable = hashable;
		result = lappend(result, clause);
	}
	return result;
}

static bool
is_compared(TargetEntry *entry, const Query *query)
{
	ListCell *cell;

	if (targetIsInSortList(entry, InvalidOid, query->sortClause) ||
		targetIsInSortList(entry, InvalidOid, query->groupClause) ||
		targetIsInSortList(entry, InvalidOid, query->distinctClause))
		return true;
	foreach (cell, query->windowClause)
	{
		WindowClause *window = lfirst(cell);

		if (targetIsInSortList(entry, InvalidOid, window->partitionClause) ||
			targetIsInSortList(entry, InvalidOid, window->orderClause))
			return true;
	}
	return false;
}

/* Encrypted values that were there for an ORDER BY alone are not carried along. */
static void
remove_unused(Query *query)
{
	ListCell *cell;
	AttrNumber number = 0;

	foreach (cell, query->targetList)
	{
		TargetEntry *entry = lfirst(cell);

		if (entry->ressortgroupref != 0 &&
			OidIsValid(ColumnBaseType(exprType((Node *) entry->expr))) &&
			!is_compared(entry, query))
		{
			entry->ressortgroupref = 0;
			if (entry->resjunk)
			{
				query->targetList = foreach_delete_current(query->targetList, cell);
				continue;
			}
		}
		entry->resno = ++number;
	}
}

static bool
orders_by_encrypted(List *order, List *targets)
{
	ListCell *cell;

	foreach (cell, order)
	{
		Node *value = get_sortgroupclause_expr(lfirst(cell), targets);

		if (OidIsValid(ColumnBaseType(exprType(value))) || is_encrypted_row(value))
			return true;
	}
	return false;
}

static void
order_query(OrderContext *context, Query *query)
{
	bool changed = false;
	ListCell *cell;

	foreach (cell, query->windowClause)
	{
		WindowClause *window = lfirst(cell);

		if (!orders_by_encrypted(window->orderClause, query->targetList))
			continue;
		window->orderClause =
			order_by_base(context, window->orderClause, &query->targetList, NIL, NULL);
		changed = true;
	}
	if (orders_by_encrypted(query->sortClause, query->targetList))
	{
		if (QueryComparesResult(query))
			QueryPutUnder(query, true);
		query->sortClause =
			order_by_base(context, query->sortClause, &query->targetList,
						  query->hasDistinctOn ? query->distinctClause : NIL, "in DISTINCT ON");
		changed = true;
	}
	if (changed)
		remove_unused(query);
}

static void
order_aggregate(OrderContext *context, Aggref *aggregate)
{
	if (!orders_by_encrypted(aggregate->aggorder, aggregate->args))
		return;
	if (aggregate->aggkind != AGGKIND_NORMAL)
		order_by_base(context, aggregate->aggorder, &aggregate->args, aggregate->aggorder,
					  "WITHIN GROUP");
	else
		aggregate->aggorder =
			order_by_base(context, aggregate->aggorder, &aggregate->args, aggregate->aggdistinct,
						  "in an aggregate of DISTINCT values");
}

static bool
order_walker(Node *node, void *argument)
{
	OrderContext *context = argument;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query *query = (Query *) node;
		bool outer_expressions = context->expressions;
		ListCell *cell;

		order_query(context, query);

		/* Expressions of most queries have neither a query nor an aggregate in them. */
		context->expressions |= query->hasSubLinks || query->hasAggs;
		if (context->expressions)
			query_tree_walker(query, order_walker, context, 0);
		else
		{
			foreach (cell, query->cteList)
				order_walker(((CommonTableExpr *) lfirst(cell))->ctequery, context);
			foreach (cell, query->rtable)
				order_walker((Node *) ((RangeTblEntry *) lfirst(cell))->subquery, context);
		}
		context->expressions = outer_expressions;
		return false;
	}
	if (IsA(node, Aggref))
		order_aggregate(context, (Aggref *) node);
	return expression_tree_walker(node, order_walker, context);
}

void
OrderByBase(ParseState *state, Query *query)
{
	OrderContext context = {.state = state};

	order_walker((Node *) query, &context);
}

/*
 * A function in the SQL standard's form that returns a set becomes part of the
 * query around it when that is planned, as it was stored.
 */
void
OrderCheckFunction(Oid function)
{
	OrderContext context = {.state = NULL, .expressions = true};
	Relation functions = table_open(ProcedureRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	/* What this command made itself, another snapshot does not see yet. */
	ScanKeyInit(&key, Anum_pg_proc_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(function));
	scan = systable_beginscan(functions, ProcedureOidIndexId, true, SnapshotSelf, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple) && ((Form_pg_proc) GETSTRUCT(tuple))->proretset)
	{
		bool isnull;
		Datum body =
			heap_getattr(tuple, Anum_pg_proc_prosqlbody, RelationGetDescr(functions), &isnull);

		if (!isnull)
		{
			Node *stored = stringToNode(TextDatumGetCString(body));
			Node *sorted = copyObject(stored);

			order_walker(sorted, &context);
			if (!equal(stored, sorted))
				ereport(
					ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("a set-returning function with BEGIN ATOMIC cannot sort by encrypted "
							"values"),
					 errdetail("What is stored has no order; what a role sees has, once it is "
							   "cast."),
					 errhint("Cast to the base type there, for instance email::text.")));
		}
	}
	systable_endscan(scan);
	table_close(functions, AccessShareLock);
}

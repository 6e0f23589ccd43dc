/*
 * rewrite.c
 *		A query in which labelled columns are calls of tarot.masked().
 *
 * Done after the server has put in views, rules and row policies, so that all
 * of them are seen; and before it plans, so that what filters, sorts, groups
 * and joins has the same values as what is shown.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/bitmapset.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "optimizer/optimizer.h"
#include "rewrite/rowsecurity.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "jobs/jobs.h"
#include "label/label.h"
#include "masking/query.h"

/* ---------------------------------------------------------------- whether to */

static bool
is_labelled(RangeTblEntry *entry)
{
	return OidIsValid(entry->relid) && entry->relid >= FirstNormalObjectId &&
		   LabelFind(entry->relid) != NULL;
}

static bool
find_labelled(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
		return is_labelled((RangeTblEntry *) node) ||
			   MaskStoresValues(((RangeTblEntry *) node)->relid, ((RangeTblEntry *) node)->relkind);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_labelled, context, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, find_labelled, context);
}

/* A function that somebody calls by name; a cast or an operator is part of the comparison. */
static bool
find_call(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcformat == COERCE_EXPLICIT_CALL &&
		((FuncExpr *) node)->funcid >= FirstNormalObjectId)
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_call, context, 0);
	return expression_tree_walker(node, find_call, context);
}

/* Whether the tables that a query itself names are the current role's own. */
static bool
are_own(const Query *query)
{
	ListCell *cell;

	foreach (cell, query->rtable)
	{
		const RangeTblEntry *entry = lfirst(cell);
		HeapTuple tuple;
		bool own;

		if (entry->rtekind == RTE_SUBQUERY && !are_own(entry->subquery))
			return false;
		if (entry->rtekind != RTE_RELATION)
			continue;
		tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(entry->relid));
		if (!HeapTupleIsValid(tuple))
			return false;
		own = ((Form_pg_class) GETSTRUCT(tuple))->relowner == GetUserId();
		ReleaseSysCache(tuple);
		if (!own)
			return false;
	}
	return true;
}

/*
 * The server's own queries for foreign keys compare values and return none.
 * They run as the owner of the table. Triggers that they fire run in the same
 * security context, as the owner of another, maybe, who may well hold SELECT
 * on everything; or with queries of other shapes.
 */
static bool
is_of_foreign_key(Query *query)
{
	ListCell *cell;

	if (likely(!InNoForceRLSOperation()) || !are_own(query))
		return false;
	if (query->returningList != NIL || query->cteList != NIL || query->hasSubLinks)
		return false;
	switch (query->commandType)
	{
		case CMD_SELECT:
			foreach (cell, query->targetList)
			{
				TargetEntry *target = lfirst(cell);

				if (!target->resjunk && !IsA(target->expr, Const))
					return false;
			}
			return !find_call((Node *) query, NULL);
		case CMD_UPDATE:

			/* What is set may be a default, which may be anything but a column. */
			return list_length(query->rtable) == 1 &&
				   !contain_var_clause((Node *) query->targetList) &&
				   !find_call((Node *) query->jointree, NULL);
		case CMD_DELETE:
			return !find_call((Node *) query, NULL);
		default:
			return false;
	}
}

/* ---------------------------------------------------------------- columns */

static Node *
make_call(const MaskedTable *table, Var *var)
{
	MaskSite site = {.relation = table->relation, .type = var->vartype, .typmod = var->vartypmod};

	site.column = var->varattno;
	if (var->varattno != 0)
	{
		site.class_id = table->columns[var->varattno - 1].class_id;
		site.use = table->columns[var->varattno - 1].use;
		return (Node *) MaskSiteCall(&site, var);
	}

	/* A row is used for what needs most care of its columns. */
	for (int i = 0; i < table->natts; i++)
	{
		if (table->columns[i].as == AS_SITE)
			site.use = Max(site.use, (int16) table->columns[i].use);
	}
	return (Node *) MaskSiteCall(&site, var);
}

static MaskFrame *
frame_of_var(MaskFrame *frame, const Var *var)
{
	for (Index level = 0; level < var->varlevelsup; level++)
		frame = frame->outer;
	if (IS_SPECIAL_VARNO(var->varno) || var->varno < 1 ||
		(int) var->varno > list_length(frame->query->rtable))
		elog(ERROR, "a query refers to table %d of %d", (int) var->varno,
			 list_length(frame->query->rtable));
	return frame;
}

/* The table whose values a column reference must not show as they are; else NULL. */
static MaskedTable *
hidden_table(MaskRewrite *rewrite, const Var *var)
{
	MaskFrame *frame = frame_of_var(rewrite->frame, var);
	MaskedTable *table = frame->tables[var->varno - 1];

	if (table == NULL || !table->hides || frame->values_of == (Index) var->varno ||
		var->varattno < 0)
		return NULL;
	if (var->varattno > table->natts)
		elog(ERROR, "table %u has no column %d", table->relation, var->varattno);
	if (var->varattno > 0 && table->columns[var->varattno - 1].as == AS_VALUE)
		return NULL;
	return table;
}

/* ---------------------------------------------------------------- comparisons */

/*
 * Whether an operator finds equal values, and nothing else: only a superuser
 * can have said so, by an operator class.
 */
static bool
is_equality(Oid operator)
{
	List *families = get_mergejoin_opfamilies(operator);
	bool is = families != NIL;

	list_free(families);
	return is;
}

/*
 * A collation in which other values are equal, which anybody can make, finds
 * them by a part of what they are.
 */
static bool
is_exact(Oid collation)
{
	return !OidIsValid(collation) || get_collation_isdeterministic(collation);
}

/* What is compared of who may search: the column as it is, so that indexes serve. */
static bool
may_compare(MaskRewrite *rewrite, Node *argument, Oid collation)
{
	MaskedTable *table;
	MaskedColumn *column;

	while (IsA(argument, RelabelType))
		argument = (Node *) ((RelabelType *) argument)->arg;
	if (!IsA(argument, Var) || ((Var *) argument)->varattno <= 0)
		return false;
	if (!is_exact(collation) && collation != ((Var *) argument)->varcollid)
		return false;
	table = hidden_table(rewrite, (Var *) argument);
	if (table == NULL)
		return false;
	column = &table->columns[((Var *) argument)->varattno - 1];
	if (!column->searchable)
		return false;
	rewrite->planning->searched =
		list_append_unique_int(rewrite->planning->searched, column->class_id);
	return true;
}

static Node *mask_node(Node *node, void *context);

static List *
mask_compared(MaskRewrite *rewrite, List *arguments, Oid collation)
{
	List *masked = NIL;
	ListCell *cell;

	foreach (cell, arguments)
	{
		Node *argument = lfirst(cell);

		masked = lappend(masked, may_compare(rewrite, argument, collation)
									 ? copyObject(argument)
									 : mask_node(argument, rewrite));
	}
	return masked;
}

/* A comparison that is made for who may search; else NULL. */
static Node *
mask_comparison(MaskRewrite *rewrite, Node *node)
{
	if (IsA(node, OpExpr) && list_length(((OpExpr *) node)->args) == 2 &&
		is_equality(((OpExpr *) node)->opno))
	{
		OpExpr *copy = makeNode(OpExpr);

		*copy = *(OpExpr *) node;
		copy->args = mask_compared(rewrite, copy->args, copy->inputcollid);
		return (Node *) copy;
	}
	if (IsA(node, ScalarArrayOpExpr) && ((ScalarArrayOpExpr *) node)->useOr &&
		is_equality(((ScalarArrayOpExpr *) node)->opno))
	{
		ScalarArrayOpExpr *copy = makeNode(ScalarArrayOpExpr);

		*copy = *(ScalarArrayOpExpr *) node;
		copy->args = mask_compared(rewrite, copy->args, copy->inputcollid);
		return (Node *) copy;
	}
	return NULL;
}

/*
 * FULL JOIN may have to merge its sides, and then shows where each row stands
 * among those of the other side, equal or not: so it compares masks.
 */
static Node *
mask_full_join(MaskRewrite *rewrite, const JoinExpr *join)
{
	JoinExpr *copy = makeNode(JoinExpr);

	*copy = *join;
	copy->larg = mask_node(copy->larg, rewrite);
	copy->rarg = mask_node(copy->rarg, rewrite);
	rewrite->in_quals = false;
	copy->quals = mask_node(copy->quals, rewrite);
	rewrite->in_quals = true;
	return (Node *) copy;
}

/* ---------------------------------------------------------------- the query */

static void mask_query(MaskRewrite *rewrite, Query *query);

static Node *
mask_node(Node *node, void *context)
{
	MaskRewrite *rewrite = context;
	Node *masked = NULL;

	if (node == NULL)
		return NULL;
	if (IsA(node, Query))
	{
		mask_query(rewrite, (Query *) node);
		return node;
	}
	if (IsA(node, Var))
	{
		MaskedTable *table = hidden_table(rewrite, (Var *) node);

		return table == NULL ? (Node *) copyObject(node) : make_call(table, (Var *) node);
	}
	if (JobMasksColumn(node))
	{
		/* The mask is made of the value, whatever else stands there. */
		FuncExpr *call = makeNode(FuncExpr);

		*call = *(FuncExpr *) node;
		call->args =
			list_make3(copyObject(linitial(call->args)), mask_node(lsecond(call->args), context),
					   copyObject(lthird(call->args)));
		return (Node *) call;
	}
	if (IsA(node, FromExpr))
	{
		/* The condition of MERGE stands elsewhere since 17, so it is the same in all versions. */
		rewrite->in_quals = rewrite->frame->query->commandType != CMD_MERGE;
		masked = expression_tree_mutator(node, mask_node, context);
		rewrite->in_quals = false;
		return masked;
	}
	if (rewrite->in_quals && IsA(node, JoinExpr) && ((JoinExpr *) node)->jointype == JOIN_FULL)
		return mask_full_join(rewrite, (JoinExpr *) node);
	if (rewrite->in_quals && rewrite->planning->hides)
		masked = mask_comparison(rewrite, node);
	return masked != NULL ? masked : expression_tree_mutator(node, mask_node, context);
}

static bool
is_there(Oid relation, AttrNumber column)
{
	HeapTuple tuple = SearchSysCacheAttNum(relation, column);

	if (!HeapTupleIsValid(tuple))
		return false;
	ReleaseSysCache(tuple);
	return true;
}

static bool
has_unlabelled(const MaskedTable *table)
{
	for (int i = 0; i < table->natts; i++)
	{
		if (table->columns[i].class_id == CLASS_NONE && is_there(table->relation, i + 1))
			return true;
	}
	return false;
}

/* For who puts on record what is read. */
static void
take_column(MaskRewrite *rewrite, const MaskedTable *table, int column)
{
	LabelTaken *taken = &rewrite->planning->taken;

	taken->tables = lappend_oid(taken->tables, table->relation);
	taken->columns = lappend_int(taken->columns, column);
}

/*
 * The columns that the executor is to ask a privilege for. In the place of
 * labelled ones, of which the class decides, stands one that tells nothing: who
 * may select that reads the table. A query that names no column, to count rows,
 * asks for any; but no system column counts for that.
 */
static Bitmapset *
without_labelled(MaskRewrite *rewrite, const MaskedTable *table, Bitmapset *columns)
{
	Bitmapset *left = NULL;
	bool labelled = bms_is_empty(columns) && !has_unlabelled(table);
	int at = -1;

	while ((at = bms_next_member(columns, at)) >= 0)
	{
		int column = at + FirstLowInvalidHeapAttributeNumber;

		if (column == 0)
		{
			for (int i = 0; i < table->natts; i++)
			{
				/* To ask for a dropped one is an error. */
				if (table->columns[i].class_id != CLASS_NONE)
				{
					labelled = true;
					take_column(rewrite, table, i + 1);
				}
				else if (is_there(table->relation, i + 1))
					left = bms_add_member(left, i + 1 - FirstLowInvalidHeapAttributeNumber);
			}
		}
		else if (column < 0 || table->columns[column - 1].class_id == CLASS_NONE)
			left = bms_add_member(left, at);
		else
		{
			labelled = true;
			take_column(rewrite, table, column);
		}
	}
	if (labelled)
		left = bms_add_member(left, TableOidAttributeNumber - FirstLowInvalidHeapAttributeNumber);
	return left;
}

static void
take_privileges(MaskRewrite *rewrite, MaskFrame *frame, RangeTblEntry *entry, int number)
{
	MaskedTable *table = frame->tables[number - 1];
	Oid reader = MaskViewReader(frame, (Index) number);
	Bitmapset **columns;

	if (OidIsValid(reader))
		compat_query_check_as(frame->query, entry, reader);

	/* To read what was to be inserted asks for the privilege on the table's column. */
	if (entry->rtekind == RTE_RELATION && entry->relkind == RELKIND_COMPOSITE_TYPE)
		table = MaskedTableOf(rewrite, frame, entry);
	if (table == NULL || !table->unprivileged)
		return;
	columns = compat_query_selected_columns(frame->query, entry);
	if (columns != NULL)
		*columns = without_labelled(rewrite, table, *columns);
}

/*
 * The table's own policies look at its values, and come first; those behind
 * them are conditions of views with security_barrier, which do not.
 */
static int
count_own_policies(Query *query, RangeTblEntry *entry, int number)
{
	List *policies = NIL;
	List *checks = NIL;
	bool row_security;
	bool sublinks;

	get_row_security_policies(query, entry, number, &policies, &checks, &row_security, &sublinks);
	return list_length(policies);
}

static void
mask_policies(MaskRewrite *rewrite, MaskFrame *frame, RangeTblEntry *entry, int number)
{
	int own = count_own_policies(frame->query, entry, number);
	ListCell *cell;

	foreach (cell, entry->securityQuals)
	{
		frame->values_of = foreach_current_index(cell) < own ? (Index) number : 0;
		lfirst(cell) = mask_node(lfirst(cell), rewrite);
	}
	frame->values_of = 0;
}

static void
mask_checks(MaskRewrite *rewrite, MaskFrame *frame)
{
	ListCell *cell;

	foreach (cell, frame->query->withCheckOptions)
	{
		WithCheckOption *check = lfirst(cell);

		frame->values_of = check->kind == WCO_VIEW_CHECK ? 0 : (Index) frame->query->resultRelation;
		check->qual = mask_node(check->qual, rewrite);
	}
	frame->values_of = 0;
}

/*
 * The mutator copies the entries of the range table with their subqueries, by
 * which levels are known; and policies are looked at one by one.
 */
typedef struct SetAside
{
	Query *subquery;
	List *policies;
} SetAside;

static void
mask_query(MaskRewrite *rewrite, Query *query)
{
	MaskFrame *outer = rewrite->frame;
	bool outer_quals = rewrite->in_quals;
	MaskFrame *frame = MaskFrameOf(rewrite, query, outer);
	SetAside *aside = palloc0(sizeof(SetAside) * Max(list_length(query->rtable), 1));
	List *checks = query->withCheckOptions;
	OnConflictExpr *conflict = query->onConflict;
	int number = 0;
	ListCell *cell;

	rewrite->frame = frame;
	rewrite->in_quals = false;
	foreach (cell, query->rtable)
	{
		RangeTblEntry *entry = lfirst(cell);

		aside[number++] = (SetAside){.subquery = entry->subquery, .policies = entry->securityQuals};
		entry->subquery = NULL;
		entry->securityQuals = NIL;
	}
	query->withCheckOptions = NIL;
	if (conflict != NULL)
		MaskCheckConflict(rewrite, frame);
	query_tree_mutator(query, mask_node, rewrite, QTW_DONT_COPY_QUERY | QTW_IGNORE_RT_SUBQUERIES);
	query->withCheckOptions = checks;
	mask_checks(rewrite, frame);
	if (conflict != NULL)
	{
		query->onConflict->arbiterElems = conflict->arbiterElems;
		query->onConflict->arbiterWhere = conflict->arbiterWhere;
	}

	number = 0;
	foreach (cell, query->rtable)
	{
		RangeTblEntry *entry = lfirst(cell);

		entry->subquery = aside[number].subquery;
		entry->securityQuals = aside[number].policies;
		if (entry->subquery != NULL)
			mask_query(rewrite, entry->subquery);
		if (entry->securityQuals != NIL)
			mask_policies(rewrite, frame, entry, number + 1);
		take_privileges(rewrite, frame, entry, number + 1);
		number++;
	}
	MaskStoredValues(query);
	rewrite->frame = outer;
	rewrite->in_quals = outer_quals;
}

void
MaskingRewriteQuery(MaskingPlanning *planning, Query *query, const char *text, int options)
{
	MaskRewrite rewrite = {.planning = planning};

	if (query->commandType == CMD_UTILITY || is_of_foreign_key(query))
		return;
	planning->rewritten = true;
	if (!find_labelled((Node *) query, NULL))
		return;
	planning->cursor = (options & CURSOR_OPT_FAST_PLAN) != 0;
	rewrite.statement = MaskingStatementOf(text);
	MaskSiteLookUp();
	MaskStoredColumns(&rewrite, MaskFrameOf(&rewrite, query, NULL));
	mask_query(&rewrite, query);
	if (planning->searched != NIL)
		MaskingForbidMerging();
}

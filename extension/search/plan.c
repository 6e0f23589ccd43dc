/*
 * plan.c
 *		Who may run a plan that compares encrypted values.
 *
 * Indexes, sorts and hash tables compare without asking anybody. So which
 * classes a plan compares is found out when it is made, and written into its
 * range table; when an execution begins, where the server checks privileges on
 * tables, the role that then is current is asked for. A plan that was prepared
 * by one role tells another nothing.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "search/search.h"

/* The range table's entry that lists the classes. */
#define MARKER "tarot_security search"

static SearchPlanning *current;

void
SearchBeginPlanning(SearchPlanning *planning)
{
	*planning = (SearchPlanning){.outer = current};
	current = planning;
}

void
SearchAbandonPlanning(SearchPlanning *planning)
{
	current = planning->outer;
}

void
SearchNoteClass(int32 class_id)
{
	if (current != NULL)
		current->classes = list_append_unique_int(current->classes, class_id);
}

void
SearchInlined(Query *query)
{
	if (current == NULL || current->inlined == query)
		return;
	current->inlined = query;
	SearchRewriteInlined(query);
}

/* ---------------------------------------------------------------- what a plan compares */

static void
note_expression(Node *expression)
{
	int32 class_id;

	if (!SearchIsEncrypted(expression, &class_id))
		return;
	if (class_id == CLASS_LITERAL)
		ereport(ERROR, (errcode(ERRCODE_INDETERMINATE_DATATYPE),
						errmsg("cannot compare encrypted values whose data class is not known"),
						errdetail("A function's result has none, nor have values of several "
								  "classes in one column."),
						errhint("Cast to a class, as in value::tarot.encrypted_text('email'), or "
								"to the plain type.")));
	SearchNoteClass(class_id);
}

static void
note_columns(List *targets, int count, const AttrNumber *columns)
{
	for (int i = 0; i < count; i++)
	{
		if (columns[i] < 1 || columns[i] > list_length(targets))
			elog(ERROR, "a plan compares column %d of %d", columns[i], list_length(targets));
		note_expression((Node *) list_nth_node(TargetEntry, targets, columns[i] - 1)->expr);
	}
}

/*
 * Since 18 the two sides are two plans, and the node goes by the first one's
 * columns. Values of two classes would never meet, without a word.
 */
static void
note_sides(const SetOp *plan)
{
	const AttrNumber *columns = compat_setop_columns(plan);

	note_columns(plan->plan.targetlist, plan->numCols, columns);
	if (plan->plan.righttree == NULL)
		return;
	note_columns(plan->plan.lefttree->targetlist, plan->numCols, columns);
	note_columns(plan->plan.righttree->targetlist, plan->numCols, columns);
	for (int i = 0; i < plan->numCols; i++)
	{
		TargetEntry *left = list_nth(plan->plan.lefttree->targetlist, columns[i] - 1);
		TargetEntry *right = list_nth(plan->plan.righttree->targetlist, columns[i] - 1);
		int32 left_class;
		int32 right_class;

		if (SearchIsEncrypted((Node *) left->expr, &left_class) &&
			SearchIsEncrypted((Node *) right->expr, &right_class) && left_class != right_class)
			SearchRefuseClasses(left_class, right_class);
	}
}

static void
note_sort_clauses(List *clauses, List *targets)
{
	ListCell *cell;

	foreach (cell, clauses)
	{
		SortGroupClause *clause = lfirst(cell);
		ListCell *target_cell;

		foreach (target_cell, targets)
		{
			TargetEntry *target = lfirst(target_cell);

			if (target->ressortgroupref == clause->tleSortGroupRef)
				note_expression((Node *) target->expr);
		}
	}
}

/* Aggregates over distinct values. */
static bool
note_aggregates(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Aggref))
	{
		Aggref *aggregate = (Aggref *) node;

		note_sort_clauses(aggregate->aggdistinct, aggregate->args);
		note_sort_clauses(aggregate->aggorder, aggregate->args);
	}
	return expression_tree_walker(node, note_aggregates, context);
}

/* Lists that were not rewritten, for whatever reason: an index does not ask. */
static bool
note_lists(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, ScalarArrayOpExpr))
	{
		int32 class_id;
		Node *left = linitial(((ScalarArrayOpExpr *) node)->args);

		if (SearchIsEncrypted(left, &class_id) && class_id != CLASS_LITERAL)
			SearchNoteClass(class_id);
	}
	return expression_tree_walker(node, note_lists, context);
}

static void note_plan(Plan *plan);

static void
note_plans(List *plans)
{
	ListCell *cell;

	foreach (cell, plans)
		note_plan(lfirst(cell));
}

/* Further grouping sets are nodes without lists of their own: they go by the first one's input. */
static void
note_grouping(Agg *plan)
{
	List *targets = plan->plan.lefttree->targetlist;
	ListCell *cell;

	note_columns(targets, plan->numCols, plan->grpColIdx);
	foreach (cell, plan->chain)
	{
		Agg *next = lfirst(cell);

		note_columns(targets, next->numCols, next->grpColIdx);
	}
	note_aggregates((Node *) plan->plan.targetlist, NULL);
	note_aggregates((Node *) plan->plan.qual, NULL);
}

static void
note_plan(Plan *plan)
{
	if (plan == NULL)
		return;
	check_stack_depth();
	switch (nodeTag(plan))
	{
		case T_Sort:
		case T_IncrementalSort:
			note_columns(plan->targetlist, ((Sort *) plan)->numCols, ((Sort *) plan)->sortColIdx);
			break;
		case T_MergeAppend:
			note_columns(plan->targetlist, ((MergeAppend *) plan)->numCols,
						 ((MergeAppend *) plan)->sortColIdx);
			note_plans(((MergeAppend *) plan)->mergeplans);
			break;
		case T_GatherMerge:
			/* It leaves away what it sorts by when nobody above asks for it. */
			note_columns(plan->lefttree->targetlist, ((GatherMerge *) plan)->numCols,
						 ((GatherMerge *) plan)->sortColIdx);
			break;
		case T_Group:
			note_columns(plan->lefttree->targetlist, ((Group *) plan)->numCols,
						 ((Group *) plan)->grpColIdx);
			break;
		case T_Agg:
			note_grouping((Agg *) plan);
			break;
		case T_WindowAgg:
			note_columns(plan->lefttree->targetlist, ((WindowAgg *) plan)->partNumCols,
						 ((WindowAgg *) plan)->partColIdx);
			note_columns(plan->lefttree->targetlist, ((WindowAgg *) plan)->ordNumCols,
						 ((WindowAgg *) plan)->ordColIdx);
			break;
		case T_Unique:
			note_columns(plan->targetlist, ((Unique *) plan)->numCols,
						 ((Unique *) plan)->uniqColIdx);
			break;
		case T_SetOp:
			note_sides((SetOp *) plan);
			break;
		case T_RecursiveUnion:
			note_columns(plan->targetlist, ((RecursiveUnion *) plan)->numCols,
						 ((RecursiveUnion *) plan)->dupColIdx);
			break;
		case T_IndexScan:
			note_lists((Node *) ((IndexScan *) plan)->indexqual, NULL);
			break;
		case T_IndexOnlyScan:
			note_lists((Node *) ((IndexOnlyScan *) plan)->indexqual, NULL);
			break;
		case T_BitmapIndexScan:
			note_lists((Node *) ((BitmapIndexScan *) plan)->indexqual, NULL);
			break;
		case T_Append:
			note_plans(((Append *) plan)->appendplans);
			break;
		case T_BitmapAnd:
			note_plans(((BitmapAnd *) plan)->bitmapplans);
			break;
		case T_BitmapOr:
			note_plans(((BitmapOr *) plan)->bitmapplans);
			break;
		case T_SubqueryScan:
			note_plan(((SubqueryScan *) plan)->subplan);
			break;
		case T_CustomScan:
			note_plans(((CustomScan *) plan)->custom_plans);
			break;
		default:
			break;
	}
	note_plan(plan->lefttree);
	note_plan(plan->righttree);
}

void
SearchEndPlanning(SearchPlanning *planning, PlannedStmt *statement)
{
	RangeTblEntry *marker;

	note_plan(statement->planTree);
	note_plans(statement->subplans);
	if (planning->classes == NIL)
		return;

	/* Of a kind that has no rows and no privileges; copied with the plan, wherever it is kept. */
	marker = makeNode(RangeTblEntry);
	marker->rtekind = RTE_RESULT;
	marker->eref = makeAlias(MARKER, NIL);
	marker->coltypmods = planning->classes;
	statement->rtable = lappend(statement->rtable, marker);
}

/* ---------------------------------------------------------------- who may run it */

/* The classes that a plan compares. */
static List *
classes_of(List *range_table)
{
	ListCell *cell;

	foreach (cell, range_table)
	{
		RangeTblEntry *entry = lfirst(cell);

		if (unlikely(entry->rtekind == RTE_RESULT && entry->coltypmods != NIL &&
					 strcmp(entry->eref->aliasname, MARKER) == 0))
			return entry->coltypmods;
	}
	return NIL;
}

void
SearchCheckPlan(List *range_table)
{
	List *classes = classes_of(range_table);
	ListCell *cell;

	if (likely(classes == NIL) || SearchIsInternal())
		return;

	/* A revoke that was committed meanwhile counts. */
	AcceptInvalidationMessages();
	foreach (cell, classes)
		SearchRequire(lfirst_int(cell), GetUserId(), NULL);
}

void
SearchCountPlan(List *range_table)
{
	List *classes = classes_of(range_table);
	ListCell *cell;

	if (classes == NIL || SearchIsInternal())
		return;
	foreach (cell, classes)
		GateCountsOf(lfirst_int(cell), GetUserId())->seen.searched++;
}

bool
SearchMayCompareColumn(Oid relation, AttrNumber column)
{
	Oid type;
	int32 typmod;
	Oid collation;

	if (column <= 0)
		return true;
	get_atttypetypmodcoll(relation, column, &type, &typmod, &collation);
	type = getBaseTypeAndTypmod(type, &typmod);
	return !SearchIsEncryptedType(type) || SearchIsAllowed(typmod, GetUserId());
}

/*
 * tarot.check_searchable(class_id integer, index_name name) RETURNS void
 */
PG_FUNCTION_INFO_V1(tarot_search_check_searchable);
Datum
tarot_search_check_searchable(PG_FUNCTION_ARGS)
{
	const DataClass *data_class = ClassFind(PG_GETARG_INT32(0));

	/* One that is not known yet is no error: a dump defines tables before it fills that of classes.
	 */
	if (data_class->exists && !data_class->searchable)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" would compare values of data class \"%s\", which is not "
						"searchable",
						NameStr(*PG_GETARG_NAME(1)), data_class->name),
				 errhint("Call tarot.alter_class(%s, searchable => true).",
						 quote_literal_cstr(data_class->name))));
	PG_RETURN_VOID();
}

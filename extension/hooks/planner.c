/*
 * planner.c
 *		Hooks around the planner, and the check of what it planned: comparisons
 *		of encrypted values get their shape, and are allowed or not.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "nodes/bitmapset.h"
#include "optimizer/plancat.h"
#include "optimizer/planner.h"

#include "base/compat.h"
#include "client/order.h"
#include "column/column.h"
#include "convert/arbiter.h"
#include "hooks/planner.h"
#include "search/search.h"

static planner_hook_type previous_planner;
static get_relation_info_hook_type previous_relation_info;
static ExecutorCheckPerms_hook_type previous_check_perms;

static PlannedStmt *
plan(Query *query, const char *text, int options, ParamListInfo params)
{
	return previous_planner ? previous_planner(query, text, options, params)
							: standard_planner(query, text, options, params);
}

static PlannedStmt *
on_planner(Query *query, const char *text, int options, ParamListInfo params)
{
	SearchPlanning planning;
	PlannedStmt *volatile statement = NULL;

	if (!SearchExists())
		return plan(query, text, options, params);

	SearchBeginPlanning(&planning);
	PG_TRY();
	{
		/* Rules, row policies and functions in the SQL standard's form were stored unseen. */
		OrderByBase(NULL, query);
		SearchRewriteQuery(query);
		statement = plan(query, text, options, params);
		SearchEndPlanning(&planning, statement);
		ArbiterAddCounterparts(statement);
	}
	PG_FINALLY();
	{
		SearchAbandonPlanning(&planning);
	}
	PG_END_TRY();
	return statement;
}

/*
 * Called for the first table of a query, among others: by then its expressions
 * are simplified, and functions written in SQL are inlined.
 */
static void
on_relation_info(PlannerInfo *root, Oid relation, bool inherits, RelOptInfo *info)
{
	if (previous_relation_info)
		previous_relation_info(root, relation, inherits, info);
	SearchInlined(root->parse);
}

/*
 * A foreign key that is added is checked by a query of the role that adds it,
 * if that may run one; this asks without raising, and else checks row by row,
 * as foreign keys are checked later on.
 */
static bool
may_compare_all(COMPAT_CHECK_PERMS_ARGS)
{
	ListCell *cell;

	foreach (cell, range_table)
	{
		RangeTblEntry *entry = lfirst(cell);
		Bitmapset *columns;
		int column = -1;

		if (entry->rtekind != RTE_RELATION)
			continue;
		columns = compat_selected_columns(entry, COMPAT_CHECK_PERMS_PASS);
		while ((column = bms_next_member(columns, column)) >= 0)
		{
			if (!SearchMayCompareColumn(entry->relid,
										(AttrNumber) (column + FirstLowInvalidHeapAttributeNumber)))
				return false;
		}
	}
	return true;
}

static bool
on_check_perms(COMPAT_CHECK_PERMS_ARGS)
{
	if (previous_check_perms && !previous_check_perms(COMPAT_CHECK_PERMS_PASS))
		return false;
	if (!raise)
		return !SearchExists() || may_compare_all(COMPAT_CHECK_PERMS_PASS);
	SearchCheckPlan(range_table);
	return true;
}

void
PlannerHooksInit(void)
{
	previous_planner = planner_hook;
	planner_hook = on_planner;
	previous_relation_info = get_relation_info_hook;
	get_relation_info_hook = on_relation_info;
	previous_check_perms = ExecutorCheckPerms_hook;
	ExecutorCheckPerms_hook = on_check_perms;
}

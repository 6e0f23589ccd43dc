/*
 * planner.c
 *		Hooks around the planner, and the check of what it planned: comparisons
 *		of encrypted values get their shape, and are allowed or not; and plain
 *		columns that are masked become calls.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "fmgr.h"
#include "nodes/bitmapset.h"
#include "optimizer/plancat.h"
#include "optimizer/planner.h"
#include "utils/selfuncs.h"

#include "anonymize/required.h"
#include "base/compat.h"
#include "client/order.h"
#include "convert/arbiter.h"
#include "hooks/planner.h"
#include "jobs/jobs.h"
#include "label/label.h"
#include "masking/masking.h"
#include "reads/reads.h"
#include "search/search.h"

static planner_hook_type previous_planner;
static get_relation_info_hook_type previous_relation_info;
static get_relation_stats_hook_type previous_relation_stats;
static needs_fmgr_hook_type previous_needs_fmgr;
static ExecutorCheckPerms_hook_type previous_check_perms;

static PlannedStmt *
plan(Query *query, const char *text, int options, ParamListInfo params)
{
	return previous_planner ? previous_planner(query, text, options, params)
							: standard_planner(query, text, options, params);
}

/* The query with encrypted values compared by their search tags. */
static PlannedStmt *
plan_search(Query *query, const char *text, int options, ParamListInfo params)
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

static PlannedStmt *
plan_masked(Query *query, const char *text, int options, ParamListInfo params)
{
	MaskingPlanning planning;
	PlannedStmt *volatile statement = NULL;

	if (!LabelExists())
		return plan_search(query, text, options, params);

	MaskingBeginPlanning(&planning);
	PG_TRY();
	{
		MaskingRewriteQuery(&planning, query, text, options);
		statement = plan_search(query, text, options, params);
		MaskingEndPlanning(&planning, statement);
	}
	PG_FINALLY();
	{
		MaskingAbandonPlanning(&planning);
	}
	PG_END_TRY();
	return statement;
}

static PlannedStmt *
on_planner(Query *query, const char *text, int options, ParamListInfo params)
{
	bool before = ReadsBeginPlanning();
	PlannedStmt *statement;

	JobMaskColumns(query, text);
	statement = plan_masked(query, text, options, params);

	ReadsEndPlanning(before);
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
	MaskingHideStatistics(relation, info);
}

/* Without a tuple the planner takes it that there are none. */
static bool
on_relation_stats(PlannerInfo *root, RangeTblEntry *entry, AttrNumber column,
				  VariableStatData *statistics)
{
	if (MaskingHidesStatistics(entry->relid, column))
	{
		statistics->statsTuple = NULL;
		return true;
	}
	return previous_relation_stats && previous_relation_stats(root, entry, column, statistics);
}

static bool
on_needs_fmgr(Oid function)
{
	return (previous_needs_fmgr && previous_needs_fmgr(function)) || MaskingKeepsApart(function);
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
			AttrNumber number = (AttrNumber) (column + FirstLowInvalidHeapAttributeNumber);

			if ((SearchExists() && !SearchMayCompareColumn(entry->relid, number)) ||
				!MaskingMayRead(entry->relid, number))
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
		return (!SearchExists() && !LabelExists()) || may_compare_all(COMPAT_CHECK_PERMS_PASS);
	SearchCheckPlan(range_table);
	RequiredCheckDump(range_table);
	return true;
}

void
PlannerHooksInit(void)
{
	previous_planner = planner_hook;
	planner_hook = on_planner;
	previous_relation_info = get_relation_info_hook;
	get_relation_info_hook = on_relation_info;
	previous_relation_stats = get_relation_stats_hook;
	get_relation_stats_hook = on_relation_stats;
	previous_needs_fmgr = needs_fmgr_hook;
	needs_fmgr_hook = on_needs_fmgr;
	previous_check_perms = ExecutorCheckPerms_hook;
	ExecutorCheckPerms_hook = on_check_perms;
}

/*
 * statement.c
 *		Hooks around the statements of a session: policies are asked anew at
 *		each, and the gate knows those in which a mask would do harm.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/defrem.h"
#include "executor/executor.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/inval.h"

#include "base/catalog.h"
#include "base/compat.h"
#include "class/gate.h"
#include "hooks/statement.h"
#include "keys/ring.h"

static ExecutorRun_hook_type previous_executor_run;
static ProcessUtility_hook_type previous_process_utility;

/*
 * A transaction that holds its locks already would not look for what other
 * sessions announced, and a revoke would reach it only at its end. Looking
 * costs next to nothing when nothing was announced.
 */
static void
on_executor_run(COMPAT_EXECUTOR_RUN_ARGS)
{
	AcceptInvalidationMessages();
	KeyRingForgetLocked();
	ClassForgetLocked();

	/* What workers decrypt may meet its error here, where no gate was passed. */
	if (query->plannedstmt->parallelModeNeeded && CatalogExists())
		GateNotePlaintext();
	if (previous_executor_run)
		previous_executor_run(COMPAT_EXECUTOR_RUN_PASS);
	else
		standard_ExecutorRun(COMPAT_EXECUTOR_RUN_PASS);
}

/* VACUUM FULL without it builds indexes anew, which must not be of placeholders. */
static bool
is_analyze(const VacuumStmt *statement)
{
	bool analyze = !statement->is_vacuumcmd;
	ListCell *cell;

	foreach (cell, statement->options)
	{
		DefElem *option = lfirst(cell);

		if (strcmp(option->defname, "analyze") == 0)
			analyze = !statement->is_vacuumcmd || defGetBoolean(option);
	}
	return analyze;
}

static void
on_process_utility(PlannedStmt *statement, const char *query, bool read_only_tree,
				   ProcessUtilityContext context, ParamListInfo params,
				   QueryEnvironment *environment, DestReceiver *dest, QueryCompletion *completion)
{
	Node *node = statement->utilityStmt;
	int outer_dump = GateDumpDepth;
	int outer_rewrite = GateRewriteDepth;
	int outer_blind = GateBlindDepth;

	if (IsTransactionState())
		AcceptInvalidationMessages();
	KeyRingForgetLocked();
	ClassForgetLocked();

	switch (nodeTag(node))
	{
		case T_CopyStmt:
			if (!((CopyStmt *) node)->is_from)
				GateDumpDepth++;
			else
				GateNotePlaintext(); /* a line may hold some before any column is known */
			break;
		case T_AlterTableStmt:
			GateRewriteDepth++;
			break;
		case T_VacuumStmt:
			if (is_analyze((VacuumStmt *) node))
				GateBlindDepth++;
			break;
		default:
			break;
	}

	PG_TRY();
	{
		if (previous_process_utility)
			previous_process_utility(statement, query, read_only_tree, context, params, environment,
									 dest, completion);
		else
			standard_ProcessUtility(statement, query, read_only_tree, context, params, environment,
									dest, completion);
	}
	PG_FINALLY();
	{
		GateDumpDepth = outer_dump;
		GateRewriteDepth = outer_rewrite;
		GateBlindDepth = outer_blind;
	}
	PG_END_TRY();
}

void
StatementHooksInit(void)
{
	previous_executor_run = ExecutorRun_hook;
	ExecutorRun_hook = on_executor_run;
	previous_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = on_process_utility;
}

/*
 * statement.c
 *		Hooks around the statements of a session: policies are asked anew at
 *		each, and the gate knows those in which a mask would do harm.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/defrem.h"
#include "commands/prepare.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/inval.h"
#include "utils/plancache.h"

#include "base/catalog.h"
#include "base/compat.h"
#include "class/reveal.h"
#include "client/client.h"
#include "events/statement.h"
#include "gate/gate.h"
#include "hooks/detail.h"
#include "hooks/redact.h"
#include "hooks/setting.h"
#include "hooks/statement.h"
#include "identity/issuer.h"
#include "keys/ring.h"
#include "masking/masking.h"
#include "reads/policy.h"
#include "reads/reads.h"
#include "search/search.h"
#include "statements/statement.h"
#include "statements/written.h"
#include "trail/trail.h"
#include "worker/worker.h"

static ExecutorRun_hook_type previous_executor_run;
static ExecutorFinish_hook_type previous_executor_finish;
static ProcessUtility_hook_type previous_process_utility;

/* How many statements run, one inside of the other. */
static int running;

/* Where the client's statements are analyzed, the stack of error contexts is this. */
static ErrorContextCallback *client_context = NULL;

/*
 * Functions also run where no statement does: while one is planned or its
 * constants are read (CHECK constraints of domains), in triggers at the end of
 * a transaction, by the protocol's function calls. Those that analyze
 * statements, of SQL and of all procedural languages, stand in the stack of
 * error contexts.
 */
bool
StatementIsOfClient(void)
{
	ErrorContextCallback *context = error_context_stack;

	if (running > 0 || MyBackendType != B_BACKEND)
		return false;

	/* Where Bind and Execute messages are handled, with parameters. */
	if (context != NULL && context != client_context && context->callback == ParamsErrorCallback)
		context = context->previous;
	return context == client_context;
}

/*
 * Whether it makes or uses a prepared statement, which is the client's,
 * whoever names it: it is analyzed then and may be analyzed again each time,
 * and always in the same way.
 */
static bool
is_of_prepared(Node *statement)
{
	Node *inner;

	switch (nodeTag(statement))
	{
		case T_PrepareStmt:
		case T_ExecuteStmt:
			return true;
		case T_ExplainStmt:
			inner = ((ExplainStmt *) statement)->query;
			break;
		case T_CreateTableAsStmt:
			inner = ((CreateTableAsStmt *) statement)->query;
			break;
		default:
			return false;
	}
	return IsA(inner, Query) && ((Query *) inner)->commandType == CMD_UTILITY &&
		   is_of_prepared(((Query *) inner)->utilityStmt);
}

/*
 * CREATE TABLE AS EXECUTE would store what was cast for the client: plaintext,
 * where the same query without PREPARE stores encrypted values.
 */
static void
refuse_storing_client_casts(Node *statement)
{
	bool stores = false;
	PreparedStatement *prepared;
	const char *column;

	while (!IsA(statement, ExecuteStmt))
	{
		Node *inner;

		if (IsA(statement, ExplainStmt))
			inner = ((ExplainStmt *) statement)->query;
		else if (IsA(statement, CreateTableAsStmt))
		{
			inner = ((CreateTableAsStmt *) statement)->query;
			stores = true;
		}
		else
			return;
		statement = castNode(Query, inner)->utilityStmt;
	}
	prepared = stores ? FetchPreparedStatement(((ExecuteStmt *) statement)->name, false) : NULL;
	if (prepared == NULL)
		return;
	column = ClientFindCast(CachedPlanGetTargetList(prepared->plansource, NULL));
	if (column != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("CREATE TABLE AS EXECUTE would store an encrypted column as plaintext"),
				 errdetail("Prepared statement \"%s\" returns column \"%s\" to the client in its "
						   "base type.",
						   prepared->stmt_name, column),
				 errhint("Write the query itself, or prepare it with "
						 "tarot_security.client_types = encrypted.")));
}

static void
next_statement(void)
{
	StatementBegin();
	RevealNextStatement();
	SettingNoteConnected();
}

/*
 * A transaction that holds its locks already would not look for what other
 * sessions announced, and a revoke would reach it only at its end. Looking
 * costs next to nothing when nothing was announced.
 */
static void
on_executor_run(COMPAT_EXECUTOR_RUN_ARGS)
{
	ReadsFrame reads;
	volatile bool failed = true;

	AcceptInvalidationMessages();
	KeyRingForgetLocked();
	ClassForgetLocked();
	IssuerForgetLocked();

	/* Each time that rows are fetched: by then it may be another role. */
	MaskingCheckPlan(query->plannedstmt);

	if (running == 0)
		next_statement();

	/* What workers decrypt may meet its error here, where no gate was passed. */
	if (query->plannedstmt->parallelModeNeeded && CatalogExists())
		RevealNotePlaintext();

	AuditRunQuery(query->plannedstmt);
	ReadsEnterRun(&reads, query, direction);

	running++;
	PG_TRY();
	{
		DetailWatch watch;

		if (unlikely(ReadPolicyExists()))
			SearchCountPlan(query->plannedstmt->rtable);
		DetailBeginWatch(&watch, query->plannedstmt, InvalidOid);
		if (previous_executor_run)
			previous_executor_run(COMPAT_EXECUTOR_RUN_PASS);
		else
			standard_ExecutorRun(COMPAT_EXECUTOR_RUN_PASS);
		DetailEndWatch(&watch);
		failed = false;
	}
	PG_FINALLY();
	{
		running--;
		ReadsLeave(&reads, failed);
	}
	PG_END_TRY();
}

/* Here foreign keys are checked, and other triggers run. */
static void
on_executor_finish(QueryDesc *query)
{
	ReadsFrame reads;
	volatile bool failed = true;

	ReadsEnter(&reads);
	PG_TRY();
	{
		DetailWatch watch;

		DetailBeginWatch(&watch, query->plannedstmt, InvalidOid);
		if (previous_executor_finish)
			previous_executor_finish(query);
		else
			standard_ExecutorFinish(query);
		AuditFinishRows(query);
		TrailEndStatement();
		DetailEndWatch(&watch);
		failed = false;
	}
	PG_FINALLY();
	{
		ReadsLeave(&reads, failed);
	}
	PG_END_TRY();
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
	int32 outer_refused = GateRewriteRefused;
	int outer_blind = GateBlindDepth;
	Oid outer_caller = GateMaintenanceCaller;
	int outer_running = running;
	ErrorContextCallback *outer_context = client_context;
	MaskingStatement masking;
	WorkerLeave leave = {0};
	DetailWatch watch;
	AuditStatement audit = {0};
	PlannedStmt *given = statement;
	QueryCompletion own_completion = {0};
	ReadsFrame reads;
	volatile bool failed = true;

	if (completion == NULL)
		completion = &own_completion;
	if (IsTransactionState())
		AcceptInvalidationMessages();
	KeyRingForgetLocked();
	ClassForgetLocked();
	IssuerForgetLocked();
	if (running == 0)
		next_statement();

	if (IsA(node, CopyStmt))
	{
		MaskingCheckCopyFrom((CopyStmt *) node);
		node = (Node *) MaskingRewriteCopy((CopyStmt *) node);
		if (node != statement->utilityStmt)
		{
			statement = copyObject(statement);
			statement->utilityStmt = node;
		}
	}
	switch (nodeTag(node))
	{
		case T_CopyStmt:
			if (!((CopyStmt *) node)->is_from)
				GateDumpDepth++;
			else
				RevealNotePlaintext(); /* a line may hold some before any column is known */
			break;
		case T_AlterTableStmt:
			GateRewriteDepth++;
			GateRewriteRefused = CLASS_NONE;
			GateMaintenanceCaller = GetUserId();
			break;
		case T_VacuumStmt:
			if (is_analyze((VacuumStmt *) node))
				GateBlindDepth++;
			GateMaintenanceCaller = GetUserId();
			break;
		case T_IndexStmt:
		case T_ReindexStmt:
		case T_ClusterStmt:
			GateMaintenanceCaller = GetUserId();
			break;
		default:
			break;
	}

	/* What is entered here is left below, whatever raises. */
	ReadsEnter(&reads);
	PG_TRY();
	{
		if (IsTransactionState())
			ReadsEnterStatement(&reads, node);
		AuditEnterStatement(&audit, given, query, context, RedactStatement);
		MaskingEnterStatement(&masking, node, query);
		DetailBeginWatch(&watch, NULL, masking.relation);
		if (is_of_prepared(node))
		{
			running = 0;
			client_context = error_context_stack;
			refuse_storing_client_casts(node);
		}
		else
			running++;
		WorkerBeginStatement(&leave, node);
		if (previous_process_utility)
			previous_process_utility(statement, query, read_only_tree, context, params, environment,
									 dest, completion);
		else
			standard_ProcessUtility(statement, query, read_only_tree, context, params, environment,
									dest, completion);
		DetailEndWatch(&watch);
		MaskingFinishStatement(&masking);
		if (GateRewriteDepth > outer_rewrite)
			GateFinishRewrite();
		AuditFinishStatement(&audit, completion, RedactStatement);
		TrailEndStatement();
		WorkerFinishStatement(&leave);
		reads.rows = completion->nprocessed;
		failed = false;
	}
	PG_FINALLY();
	{
		/* What was refused to a statement inside of an ALTER TABLE was refused to that. */
		if (GateRewriteDepth > outer_rewrite)
			GateRewriteRefused = outer_refused;
		GateDumpDepth = outer_dump;
		GateRewriteDepth = outer_rewrite;
		GateBlindDepth = outer_blind;
		GateMaintenanceCaller = outer_caller;
		running = outer_running;
		client_context = outer_context;
		MaskingLeaveStatement(&masking);
		WorkerLeaveStatement(&leave);
		AuditLeaveStatement(&audit);
		ReadsLeave(&reads, failed);
	}
	PG_END_TRY();
}

void
StatementHooksInit(void)
{
	previous_executor_run = ExecutorRun_hook;
	ExecutorRun_hook = on_executor_run;
	previous_executor_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = on_executor_finish;
	previous_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = on_process_utility;
}

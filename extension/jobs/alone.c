/*
 * alone.c
 *		A statement of a job that cannot be part of a transaction, between two of its
 *		batches.
 *
 * It commits on its way, so no subtransaction can be around it. It runs as the
 * table's owner in a restricted operation, as batches do: DETACH PARTITION simplifies
 * the table's constraints, and so runs functions of the owner's, which could take
 * the worker's own rights else. A transaction must not begin in such an operation
 * (StartTransaction() asserts it), so that ends with each commit, and is entered
 * again when the next transaction reads what that one has changed, as each does
 * at once when it starts.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "storage/proc.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/temporary.h"
#include "jobs/failure.h"
#include "jobs/jobs.h"
#include "jobs/run.h"
#include "worker/worker.h"

/* In milliseconds, for each that it waits for: as of a batch's statement. What it waits longer for
 * the next batch finds unfinished. */
#define ALONE_LOCK_TIMEOUT 50

static MemoryContext context;

/* As whom a statement runs; InvalidOid: none does. */
static Oid owner_at_work;

static void
enter_restriction(void)
{
	SetUserIdAndSecContext(owner_at_work,
						   SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
}

/* What the owner's code has set for the session is none of the worker's: that all its transactions
 * are to be read-only, for one. */
static void
leave_restriction(Oid user, int security)
{
	SetUserIdAndSecContext(user, security);
	AtEOXact_GUC(false, 1);
	(void) NewGUCNestLevel();
}

static void
on_transaction_end(XactEvent event, void *argument)
{
	(void) argument;
	if (likely(!OidIsValid(owner_at_work)))
		return;
	if (event == XACT_EVENT_PRE_COMMIT)
		TemporaryEnd(FirstCommandId);
	else if (event == XACT_EVENT_COMMIT)
		leave_restriction(owner_at_work, 0);
}

static void
on_relcache_change(Datum argument, Oid relation)
{
	(void) argument;
	(void) relation;
	if (unlikely(OidIsValid(owner_at_work)))
		enter_restriction();
}

JobAlone *
JobAloneMake(const char *job, int64 run, Oid relation, const char *statement)
{
	JobAlone *alone;

	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "tarot_security statement of a job",
										ALLOCSET_SMALL_SIZES);
	MemoryContextReset(context);
	alone = MemoryContextAllocZero(context, sizeof(JobAlone));
	alone->job = MemoryContextStrdup(context, job);
	alone->run = run;
	alone->relation = relation;
	alone->statement = MemoryContextStrdup(context, statement);
	return alone;
}

/* As a client's statement is: it is in a portal, which stays when it commits. */
static void
execute(const JobAlone *alone)
{
	PlannedStmt *statement = makeNode(PlannedStmt);
	Portal portal = CreatePortal("", true, true);
	QueryCompletion completion;

	statement->commandType = CMD_UTILITY;
	statement->canSetTag = true;
	statement->utilityStmt = linitial_node(RawStmt, pg_parse_query(alone->statement))->stmt;
	portal->visible = false;
	PortalDefineQuery(portal, NULL, alone->statement, CreateCommandTag(statement->utilityStmt),
					  list_make1(statement), NULL);
	PortalStart(portal, NULL, 0, InvalidSnapshot);
	compat_run_portal(portal, None_Receiver, &completion);
	PortalDrop(portal, false);
}

/* NULL: it was done. */
static ErrorData *
try_alone(const JobAlone *alone, bool *over)
{
	ErrorData *volatile error = NULL;
	int outer_timeout = LockTimeout;
	Oid user;
	int security;

	*over = false;
	GetUserIdAndSecContext(&user, &security);
	LockTimeout = ALONE_LOCK_TIMEOUT;
	PG_TRY();
	{
		Oid owner;

		StartTransactionCommand();
		MemoryContextSwitchTo(context);
		owner = JobOwnerOf(alone->relation);
		if (OidIsValid(owner))
		{
			owner_at_work = owner;
			enter_restriction();
			JobBoundBegin();
			execute(alone);
			(void) JobBoundEnd();
			TemporaryEnd(FirstCommandId);
			owner_at_work = InvalidOid;
			leave_restriction(user, security);
		}
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		*over = JobBoundEnd();
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		owner_at_work = InvalidOid;
		AbortOutOfAnyTransaction();
		SetUserIdAndSecContext(user, security);
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	LockTimeout = outer_timeout;
	return error;
}

/* For the next batch: what it finds done was not done here. */
static void
note_undone(const char *job)
{
	Oid types[] = {TEXTOID};
	Datum values[] = {CStringGetTextDatum(job)};

	JobExecute("UPDATE tarot.job_state s SET progress = s.progress || '{\"alone_failed\": true}' "
			   "WHERE s.name = $1 AND s.progress IS NOT NULL",
			   1, types, values, NULL);
}

bool
JobRunAlone(const JobAlone *alone)
{
	MemoryContext outer = CurrentMemoryContext;
	bool over;
	ErrorData *error = try_alone(alone, &over);

	if (error != NULL)
	{
		WorkerBegin();
		PushActiveSnapshot(GetTransactionSnapshot());
		SPI_connect();
		note_undone(alone->job);
		JobReached = JOB_EXECUTION;
		if (over || !JobMetLock(error))
			JobNoteFailure(alone->job, alone->run, error, alone->statement, over);
		SPI_finish();
		PopActiveSnapshot();
		WorkerCommit();
	}
	MemoryContextSwitchTo(outer);
	return error == NULL;
}

void
JobAloneInit(void)
{
	RegisterXactCallback(on_transaction_end, NULL);
	CacheRegisterRelcacheCallback(on_relcache_change, (Datum) 0);
}

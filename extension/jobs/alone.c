/*
 * alone.c
 *		A statement of a job that cannot be part of a transaction, between two of its
 *		batches.
 *
 * It commits on its way, so nothing can be around it: no subtransaction, and no
 * restricted operation, which a transaction must not begin in. It runs as the
 * table's owner, so a job may name none that runs code of the owner's.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "jobs/jobs.h"
#include "jobs/run.h"
#include "worker/worker.h"

/* In milliseconds, for each that it waits for: as of a batch's statement. What it waits longer for
 * the next batch finds unfinished. */
#define ALONE_LOCK_TIMEOUT 50

static MemoryContext context;

/* Against other jobs of the table, until it is done: the batch's own lock ends with that. */
static void
set_lock_tag(LOCKTAG *tag, Oid relation)
{
	SET_LOCKTAG_OBJECT(*tag, MyDatabaseId, RelationRelationId, relation, 1);
}

JobAlone *
JobAloneMake(const char *job, int64 run, Oid relation, const char *statement)
{
	JobAlone *alone;
	LOCKTAG tag;

	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "tarot_security statement of a job",
										ALLOCSET_SMALL_SIZES);
	MemoryContextReset(context);
	alone = MemoryContextAllocZero(context, sizeof(JobAlone));
	alone->job = MemoryContextStrdup(context, job);
	alone->run = run;
	alone->relation = relation;
	alone->statement = MemoryContextStrdup(context, statement);
	set_lock_tag(&tag, relation);
	(void) LockAcquire(&tag, ExclusiveLock, true, false);
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
try_alone(const JobAlone *alone)
{
	ErrorData *volatile error = NULL;
	int outer_timeout = LockTimeout;
	Oid user;
	int security;

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
			SetUserIdAndSecContext(owner, 0);
			execute(alone);
			SetUserIdAndSecContext(user, security);
		}
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		AbortOutOfAnyTransaction();
		SetUserIdAndSecContext(user, security);
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	LockTimeout = outer_timeout;
	return error;
}

void
JobRunAlone(const JobAlone *alone)
{
	MemoryContext outer = CurrentMemoryContext;
	ErrorData *error = try_alone(alone);
	LOCKTAG tag;

	if (error == NULL)
	{
		set_lock_tag(&tag, alone->relation);
		(void) LockRelease(&tag, ExclusiveLock, true);
	}
	/* An abort has released the lock with all others. */
	if (error != NULL && !JobMetLock(error))
	{
		WorkerBegin();
		PushActiveSnapshot(GetTransactionSnapshot());
		SPI_connect();
		JobNoteFailure(alone->job, alone->run, error);
		SPI_finish();
		PopActiveSnapshot();
		WorkerCommit();
	}
	MemoryContextSwitchTo(outer);
}

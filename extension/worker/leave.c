/*
 * leave.c
 *		Statements that cannot do their work while somebody is connected to a database.
 */
#include "postgres.h"

#include <signal.h>

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "events/queue.h"
#include "worker/table.h"
#include "worker/worker.h"

/* So long it is waited for the worker to leave; the server itself then waits for 5 seconds more. */
#define LEAVE_MS 5000
#define LOOK_MS 10

/* Of a name that the statement gives, or of template1; NULL: it is none of those. */
static const char *
database_of_statement(const Node *statement)
{
	ListCell *cell;

	switch (nodeTag(statement))
	{
		case T_DropdbStmt:
			return ((const DropdbStmt *) statement)->dbname;
		case T_RenameStmt:
			return ((const RenameStmt *) statement)->renameType == OBJECT_DATABASE
					   ? ((const RenameStmt *) statement)->subname
					   : NULL;
		case T_AlterDatabaseStmt:
			foreach (cell, ((const AlterDatabaseStmt *) statement)->options)
			{
				if (strcmp(((DefElem *) lfirst(cell))->defname, "tablespace") == 0)
					return ((const AlterDatabaseStmt *) statement)->dbname;
			}
			return NULL;
		case T_CreatedbStmt:
			foreach (cell, ((const CreatedbStmt *) statement)->options)
			{
				DefElem *option = lfirst(cell);

				if (strcmp(option->defname, "template") == 0 && option->arg != NULL)
					return defGetString(option);
			}
			return "template1";
		default:
			return NULL;
	}
}

static bool
may_create_databases(void)
{
	HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
	bool may = false;

	if (HeapTupleIsValid(tuple))
	{
		may = ((Form_pg_authid) GETSTRUCT(tuple))->rolcreatedb;
		ReleaseSysCache(tuple);
	}
	return may;
}

static bool
is_template(Oid database)
{
	HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
	bool is = false;

	if (HeapTupleIsValid(tuple))
	{
		is = ((Form_pg_database) GETSTRUCT(tuple))->datistemplate;
		ReleaseSysCache(tuple);
	}
	return is;
}

/* Who will be refused anyway keeps no worker from its work. */
static bool
is_allowed(const Node *statement, Oid database)
{
	bool owns = compat_owns_database(database, GetUserId());

	if (!IsA(statement, CreatedbStmt))
		return owns;
	return (owns || is_template(database)) && (superuser() || may_create_databases()) &&
		   !OidIsValid(get_database_oid(((const CreatedbStmt *) statement)->dbname, true));
}

static void
hold(WorkerEntry *entry)
{
	for (int i = 0; i < WORKER_HOLDERS; i++)
	{
		if (entry->holders[i] == 0)
		{
			entry->holders[i] = MyProcPid;
			return;
		}
	}
}

/* True when it is gone. */
static bool
send_away(WorkerEntry *entry)
{
	bool gone;

	LWLockAcquire(WorkersLock, LW_EXCLUSIVE);
	gone = entry->pid == 0;
	if (!gone)
		(void) kill(entry->pid, SIGTERM);
	LWLockRelease(WorkersLock);
	return gone;
}

void
WorkerBeginStatement(WorkerLeave *leave, Node *statement)
{
	const char *name = database_of_statement(statement);
	TimestampTz end;
	WorkerEntry *entry;
	Oid database;

	*leave = (WorkerLeave){0};
	leave->commits = IsA(statement, TransactionStmt) &&
					 ((TransactionStmt *) statement)->kind == TRANS_STMT_COMMIT_PREPARED;
	if (likely(name == NULL) || Workers == NULL)
		return;
	database = get_database_oid(name, true);
	if (!OidIsValid(database) || !is_allowed(statement, database))
		return;
	entry = WorkerEntryOf(database, true);
	if (entry == NULL)
		return;
	LWLockAcquire(WorkersLock, LW_EXCLUSIVE);
	(void) WorkerEntryIsHeld(entry);
	hold(entry);
	LWLockRelease(WorkersLock);
	leave->database = database;
	leave->drops = IsA(statement, DropdbStmt);

	end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LEAVE_MS);
	while (!send_away(entry) && GetCurrentTimestamp() < end)
	{
		CHECK_FOR_INTERRUPTS();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_MS,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

void
WorkerFinishStatement(WorkerLeave *leave)
{
	WorkerEntry *entry;

	if (unlikely(leave->commits))
		WorkerWake();
	if (likely(!leave->drops))
		return;

	/* Of a database that was there, and is no more. */
	QueueSpill(leave->database);
	LWLockAcquire(WorkersLock, LW_EXCLUSIVE);
	entry = WorkerEntryOf(leave->database, false);
	if (entry != NULL)
		WorkerEntryFree(entry);
	LWLockRelease(WorkersLock);
	leave->database = InvalidOid;
}

void
WorkerLeaveStatement(WorkerLeave *leave)
{
	WorkerEntry *entry;

	if (likely(!OidIsValid(leave->database)))
		return;
	LWLockAcquire(WorkersLock, LW_EXCLUSIVE);
	entry = WorkerEntryOf(leave->database, false);
	for (int i = 0; entry != NULL && i < WORKER_HOLDERS; i++)
	{
		if (entry->holders[i] == MyProcPid)
			entry->holders[i] = 0;
	}
	LWLockRelease(WorkersLock);
	leave->database = InvalidOid;
	QueueWakeListener();
}

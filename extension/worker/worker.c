/*
 * worker.c
 *		The worker of a database: does what there is to do, sleeps, and leaves when it
 *		has slept for a while.
 */
#include "postgres.h"

#include <signal.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/catalog.h"
#include "base/compat.h"
#include "events/queue.h"
#include "events/settings.h"
#include "worker/table.h"
#include "worker/worker.h"

/* After so long without anything to do it leaves: a connection is worth something to others. */
#define IDLE_MS 10000L

/* A lock that is not to be had so soon is asked for again later: who holds it is never kept waiting
 * by the worker. */
#define LOCK_TIMEOUT "250ms"

typedef struct DutyTurn
{
	bool due;
	bool failed;
	TimestampTz ended_at;
	TimestampTz next; /* 0: when woken */
} DutyTurn;

static WorkerEntry *mine;
static bool extension_is_missing;
static DutyTurn turns[WORKER_DUTIES_MAX];
static MemoryContext duty_context;

/* ---------------------------------------------------------------- coming and going */

static void
leave_table(int code, Datum argument)
{
	(void) argument;
	LWLockAcquire(WorkersLock, LW_EXCLUSIVE);
	mine->pid = 0;
	mine->busy = false;

	/* What it would have done at a set time another does. */
	if (pg_atomic_exchange_u32(&mine->set, 0) != 0)
		pg_atomic_write_u32(&mine->wanted, 1);
	if (code != 0 && !ProcDiePending)
		WorkerEntryNoteFailure(mine);

	/* Nothing to tell of a database that was only looked at. */
	if (extension_is_missing && !WorkerEntryIsHeld(mine) && pg_atomic_read_u32(&mine->wanted) == 0)
		WorkerEntryFree(mine);
	LWLockRelease(WorkersLock);

	/* Something may have come that it did not see. */
	QueueWakeListener();
}

/* False: another is there, or a statement wants the database for itself. */
static bool
enter_table(Oid database)
{
	bool entered = true;

	LWLockAcquire(WorkersLock, LW_EXCLUSIVE);
	mine = WorkerEntryOf(database, false);
	entered = mine != NULL && !WorkerEntryIsHeld(mine);
	for (int i = 0; i < WORKER_DATABASES && entered; i++)
	{
		WorkerEntry *other = &Workers->entries[i];

		entered = other->pid == 0 || pg_atomic_read_u32(&other->database) != database;
	}
	if (entered)
	{
		mine->pid = MyProcPid;
		mine->process = (int) (MyProc - ProcGlobal->allProcs);
		mine->started_at = GetCurrentTimestamp();
		mine->busy = true;
	}
	LWLockRelease(WorkersLock);
	if (entered)
		before_shmem_exit(leave_table, (Datum) 0);
	return entered;
}

/* What is set for the database or for all is for people. */
static void
settle(void)
{
	static const char *const settings[][2] = {{"search_path", "pg_catalog, pg_temp"},
											  {"synchronous_commit", "local"},
											  {"default_transaction_isolation", "read committed"},
											  {"default_transaction_read_only", "off"},
											  {"default_transaction_deferrable", "off"},
											  {"statement_timeout", "0"},
											  {"transaction_timeout", "0"},
											  {"idle_in_transaction_session_timeout", "0"},
											  {"lock_timeout", LOCK_TIMEOUT}};

	for (int i = 0; i < (int) lengthof(settings); i++)
	{
		if (GetConfigOption(settings[i][0], true, false) != NULL)
			SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
	}
}

/* ---------------------------------------------------------------- transactions */

static Oid outer_user;
static int outer_context;

/* InvalidOid: the extension is not there; a schema that is called like its own may be. */
static Oid
owner_of_extension(void)
{
	HeapTuple tuple = SearchSysCache1(NAMESPACENAME, CStringGetDatum("tarot"));
	Oid owner = InvalidOid;

	if (HeapTupleIsValid(tuple) && OidIsValid(get_extension_oid("tarot_security", true)))
		owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return owner;
}

void
WorkerBegin(void)
{
	Oid owner;

	StartTransactionCommand();
	owner = owner_of_extension();
	if (!OidIsValid(owner))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("extension \"tarot_security\" does not exist in this database")));
	GetUserIdAndSecContext(&outer_user, &outer_context);
	SetUserIdAndSecContext(owner, SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
}

void
WorkerCommit(void)
{
	SetUserIdAndSecContext(outer_user, outer_context);
	CommitTransactionCommand();
}

static bool
extension_is_there(void)
{
	bool there;

	StartTransactionCommand();
	there = OidIsValid(owner_of_extension());
	CommitTransactionCommand();
	return there;
}

/* ---------------------------------------------------------------- duties */

static void
note_run(int number, int sqlstate)
{
	DutyStatus *status = &mine->duties[number];

	LWLockAcquire(WorkersLock, LW_EXCLUSIVE);
	status->last_run = GetCurrentTimestamp();
	if (sqlstate == 0)
		status->failures = 0;
	else
	{
		status->failed_at = status->last_run;
		status->sqlstate = sqlstate;
		status->failures++;
	}
	mine->failures = 0;
	LWLockRelease(WorkersLock);
}

/* One that somebody holds a lock against is no news, unless it lasts. */
static bool
is_news(int sqlstate, int failures)
{
	return sqlstate != ERRCODE_LOCK_NOT_AVAILABLE || failures == 5;
}

static long
run_duty(int number)
{
	MemoryContext outer = CurrentMemoryContext;
	volatile long wait = WORKER_WHEN_WOKEN;
	volatile int sqlstate = 0;

	PG_TRY();
	{
		MemoryContextSwitchTo(duty_context);
		wait = WorkerDuties[number].run();
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		sqlstate = geterrcode();
		if (is_news(sqlstate, mine->duties[number].failures))
			EmitErrorReport();
		AbortOutOfAnyTransaction();
		MemoryContextSwitchTo(outer);
		FlushErrorState();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(outer);
	MemoryContextReset(duty_context);
	note_run(number, sqlstate);
	turns[number].failed = sqlstate != 0;
	return sqlstate == 0 ? wait : WorkerBackoff(mine->duties[number].failures);
}

static void
take_turn(int number)
{
	DutyTurn *turn = &turns[number];
	long wait;

	/* Who commits from here on and sees that it is set is seen by the duty. */
	(void) pg_atomic_fetch_and_u32(&mine->set, ~(1U << number));
	wait = run_duty(number);
	if (wait > 0)
		(void) pg_atomic_fetch_or_u32(&mine->set, 1U << number);
	turn->due = wait == 0;
	turn->ended_at = GetCurrentTimestamp();
	turn->next = wait > 0 ? TimestampTzPlusMilliseconds(turn->ended_at, wait) : 0;
}

/* By a clock that was put back its time might be a year away. */
static bool
time_has_come(const DutyTurn *turn, TimestampTz now)
{
	return turn->next != 0 && (turn->next <= now || now < turn->ended_at);
}

/* Those that are due, until none is. The result is in how many milliseconds one will be; -1: when
 * woken. */
static long
do_duties(bool woken)
{
	bool any = true;
	long next = -1;

	while (any && !WorkerIsToEnd())
	{
		TimestampTz now = GetCurrentTimestamp();

		any = false;
		next = -1;
		for (int i = 0; i < WorkerDutyCount; i++)
		{
			DutyTurn *turn = &turns[i];

			/* After a failure it waits, whoever wakes it. */
			if ((woken && !turn->failed) || time_has_come(turn, now))
				turn->due = true;
			if (turn->due)
				take_turn(i);
			any |= turn->due;
			if (turn->next != 0)
			{
				long wait = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), turn->next);

				next = next < 0 ? wait : Min(next, wait);
			}
		}

		/* Who has much to do keeps nobody else waiting. */
		woken = any && pg_atomic_exchange_u32(&mine->wanted, 0) != 0;
	}
	return next;
}

static void
set_busy(bool busy)
{
	LWLockAcquire(WorkersLock, LW_EXCLUSIVE);
	mine->busy = busy;
	LWLockRelease(WorkersLock);
	pgstat_report_activity(busy ? STATE_RUNNING : STATE_IDLE, NULL);
	if (!busy)
		(void) pgstat_report_stat(true);
}

pg_noreturn extern PGDLLEXPORT void tarot_worker_run(Datum argument);

void
tarot_worker_run(Datum argument)
{
	Oid database = DatumGetObjectId(argument);

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	if (!enter_table(database))
		proc_exit(0);
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	settle();
	duty_context =
		AllocSetContextCreate(TopMemoryContext, "tarot_security duty", ALLOCSET_DEFAULT_SIZES);
	while (!WorkerIsToEnd())
	{
		bool woken = pg_atomic_exchange_u32(&mine->wanted, 0) != 0;
		long wait;

		ResetLatch(MyLatch);

		/* DROP DATABASE, for one, waits until every process has heard of it; no duty may be due. */
		CHECK_FOR_INTERRUPTS();
		set_busy(true);
		if (!extension_is_there())
		{
			QueueSpill(database);
			extension_is_missing = true;
			break;
		}
		wait = do_duties(woken);
		set_busy(false);
		if (!EventWorkerEnabled || WorkerIsToEnd())
			break;
		if ((WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					   wait < 0 ? IDLE_MS : Max(wait, 1), PG_WAIT_EXTENSION) &
			 WL_LATCH_SET) == 0 &&
			wait < 0)
			break;
	}
	proc_exit(0);
}

/*
 * launcher.c
 *		The launcher: starts a worker in each database that has something to do.
 *
 * It sleeps until somebody wakes it, and is connected to no database.
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procsignal.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "events/queue.h"
#include "events/settings.h"
#include "worker/table.h"
#include "worker/worker.h"

/* So long it lets wakes come together: in a storm of them, who wakes it pays for a signal only so
 * often. */
#define NAP_MS 5

/* After so many starts that failed, events go where somebody reads them. */
#define FAILURES_MAX 5

/* So long it waits before it takes it that there are to be no workers: sessions may have read that
 * setting before. */
#define DISABLED_MS 1000

/* The postmaster sends a signal when a worker has come or gone; should it not, it is seen then. */
#define STARTING_MS 1000

/* A database that is held is looked at again, lest who held it died. */
#define HELD_MS 1000

/* Of workers that were asked for, by entry; and when. */
static BackgroundWorkerHandle *asked[WORKER_DATABASES];
static TimestampTz asked_at[WORKER_DATABASES];

/* When tarot_security.worker was first seen to be off; 0: it is on. */
static TimestampTz disabled_at;

/* It was said that there is no room for workers. */
static bool said_no_room;

/* What became due while there were no workers is still to be looked for. */
static bool survey_due;

void
WorkerInit(void)
{
	BackgroundWorker launcher = {.bgw_flags = BGWORKER_SHMEM_ACCESS,
								 .bgw_start_time = BgWorkerStart_RecoveryFinished,
								 .bgw_restart_time = 5};

	if (IsBinaryUpgrade)
		return;
	strlcpy(launcher.bgw_name, "tarot_security launcher", BGW_MAXLEN);
	strlcpy(launcher.bgw_type, "tarot_security launcher", BGW_MAXLEN);
	strlcpy(launcher.bgw_library_name, "tarot_security", BGW_MAXLEN);
	strlcpy(launcher.bgw_function_name, "tarot_worker_launch", BGW_MAXLEN);
	RegisterBackgroundWorker(&launcher);
}

/* ---------------------------------------------------------------- one database */

static void
forget_asked(int place)
{
	pfree(asked[place]);
	asked[place] = NULL;
}

/* True while one is on its way. */
static bool
is_starting(int place)
{
	WorkerEntry *entry = &Workers->entries[place];
	pid_t pid;
	BgwHandleStatus status;

	if (asked[place] == NULL)
		return false;
	status = GetBackgroundWorkerPid(asked[place], &pid);
	if (entry->pid != 0)
	{
		forget_asked(place);
		return false;
	}
	if (status != BGWH_STOPPED)
		return true;

	/* It may have been there meanwhile, or have failed to come so far. */
	forget_asked(place);
	if (entry->started_at < asked_at[place])
		WorkerEntryNoteFailure(entry);
	return false;
}

static void
say_no_room(void)
{
	if (!said_no_room)
		ereport(LOG, (errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
					  errmsg("tarot_security waits for a free background worker"),
					  errdetail("Security events wait in memory, and go to the server log when "
								"there are too many."),
					  errhint("Raise max_worker_processes.")));
	said_no_room = true;
}

static void
start(int place, Oid database)
{
	BackgroundWorker worker = {.bgw_flags =
								   BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
							   .bgw_start_time = BgWorkerStart_RecoveryFinished,
							   .bgw_restart_time = BGW_NEVER_RESTART,
							   .bgw_main_arg = ObjectIdGetDatum(database),
							   .bgw_notify_pid = MyProcPid};
	WorkerEntry *entry = &Workers->entries[place];

	snprintf(worker.bgw_name, BGW_MAXLEN, "tarot_security worker of database %u", database);
	strlcpy(worker.bgw_type, "tarot_security worker", BGW_MAXLEN);
	strlcpy(worker.bgw_library_name, "tarot_security", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "tarot_worker_run", BGW_MAXLEN);
	if (RegisterDynamicBackgroundWorker(&worker, &asked[place]))
	{
		said_no_room = false;
		asked_at[place] = GetCurrentTimestamp();
		return;
	}
	asked[place] = NULL;
	entry->next_start = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), WORKER_BACKOFF_MIN_MS);
	say_no_room();
}

/* Or the clock was put back since. */
static bool
is_disabled_for_long(void)
{
	TimestampTz now = GetCurrentTimestamp();

	return now < disabled_at || TimestampDifferenceExceeds(disabled_at, now, DISABLED_MS);
}

/* The result is when to look again, in milliseconds; -1: when woken. Under the lock. */
static long
serve(int place, Oid database, bool *spill)
{
	WorkerEntry *entry = &Workers->entries[place];
	long wait;

	*spill = false;
	if (pg_atomic_read_u32(&entry->wanted) == 0)
		return -1;
	if (entry->pid != 0)
	{
		WorkerEntryPoke(entry);
		return -1;
	}
	if (is_starting(place))
		return STARTING_MS;
	if (!EventWorkerEnabled && !is_disabled_for_long())
		return DISABLED_MS;
	if (!EventWorkerEnabled || entry->failures > FAILURES_MAX)
	{
		*spill = true;
		pg_atomic_write_u32(&entry->wanted, 0);
		entry->failures = 0;
		return -1;
	}
	if (WorkerEntryIsHeld(entry))
		return HELD_MS;
	wait = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), entry->next_start);

	/* A wait that is longer than any is by a clock that was put back. */
	if (entry->next_start == 0 || wait <= 0 || wait > WORKER_BACKOFF_MAX_MS)
	{
		start(place, database);
		return asked[place] == NULL ? WORKER_BACKOFF_MIN_MS : -1;
	}
	return wait;
}

/* ---------------------------------------------------------------- all of them */

/* The result is when to look again, in milliseconds; -1: when woken. */
static long
note_waiting_events(void)
{
	static Oid databases[WORKER_DATABASES];
	long wait;
	int count = QueueDatabases(databases, WORKER_DATABASES, &wait);

	for (int i = 0; i < count; i++)
	{
		WorkerEntry *entry = WorkerEntryOf(databases[i], true);

		if (entry == NULL)
			QueueSpill(databases[i]);
		else
			pg_atomic_write_u32(&entry->wanted, 1);
	}
	return wait;
}

static long
serve_all(void)
{
	long next;

	if (!EventWorkerEnabled)
	{
		disabled_at = disabled_at == 0 ? GetCurrentTimestamp() : disabled_at;
		survey_due = false;
	}
	else if (disabled_at != 0)
	{
		/* For what became due meanwhile nobody else wakes a worker. */
		disabled_at = 0;
		survey_due = true;
	}
	QueueHear();
	next = note_waiting_events();
	if (survey_due && WorkerStartSurvey())
		survey_due = said_no_room = false;
	else if (survey_due)
	{
		say_no_room();
		next = next < 0 ? WORKER_BACKOFF_MIN_MS : Min(next, WORKER_BACKOFF_MIN_MS);
	}
	for (int i = 0; i < WORKER_DATABASES; i++)
	{
		Oid database = pg_atomic_read_u32(&Workers->entries[i].database);
		long wait;
		bool spill;

		if (!OidIsValid(database))
			continue;
		LWLockAcquire(WorkersLock, LW_EXCLUSIVE);
		wait = serve(i, database, &spill);
		LWLockRelease(WorkersLock);
		if (spill)
			QueueSpill(database);
		if (wait >= 0)
			next = next < 0 ? wait : Min(next, wait);
	}
	return next;
}

static void
leave_table(int code, Datum argument)
{
	(void) code;
	(void) argument;
	LWLockAcquire(WorkersLock, LW_EXCLUSIVE);
	Workers->launcher = 0;
	LWLockRelease(WorkersLock);
}

static void
nap(long timeout, int events)
{
	(void) WaitLatch(MyLatch, events | WL_EXIT_ON_PM_DEATH | (timeout >= 0 ? WL_TIMEOUT : 0),
					 timeout, PG_WAIT_EXTENSION);
}

pg_noreturn extern PGDLLEXPORT void tarot_worker_launch(Datum argument);

void
tarot_worker_launch(Datum argument)
{
	long wait = 0;

	(void) argument;
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);

	/* Without a database it would be ignored. */
	pqsignal(SIGUSR1, procsignal_sigusr1_handler);
	BackgroundWorkerUnblockSignals();
	before_shmem_exit(leave_table, (Datum) 0);
	LWLockAcquire(WorkersLock, LW_EXCLUSIVE);
	Workers->launcher = MyProcPid;
	LWLockRelease(WorkersLock);
	QueueListen();
	if (EventWorkerEnabled)
		survey_due = true;
	else
		disabled_at = GetCurrentTimestamp();
	while (!WorkerIsToEnd())
	{
		if (wait != 0)
			nap(wait, WL_LATCH_SET);
		ResetLatch(MyLatch);
		if (WorkerIsToEnd())
			break;

		/* Wakes that come now are heard together. */
		nap(NAP_MS, 0);
		wait = serve_all();

		/* Not in a hurry, whatever it is. */
		if (wait >= 0)
			wait = Max(wait, WORKER_BACKOFF_MIN_MS);
	}
	proc_exit(0);
}

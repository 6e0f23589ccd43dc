/*
 * table.c
 *		The databases that have something to do, and how the launcher hears of it.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "events/queue.h"
#include "events/settings.h"
#include "worker/table.h"
#include "worker/worker.h"

#define TRANCHE "tarot_security workers"

WorkerTable *Workers;
LWLock *WorkersLock;

Duty WorkerDuties[WORKER_DUTIES_MAX];
int WorkerDutyCount;

void
WorkerAddDuty(const char *name, WorkerDuty duty, WorkerInterest interest)
{
	if (WorkerDutyCount == WORKER_DUTIES_MAX)
		elog(FATAL, "too many duties of workers");
	WorkerDuties[WorkerDutyCount++] = (Duty){name, duty, interest};
}

void
WorkerShmemRequest(void)
{
	RequestAddinShmemSpace(sizeof(WorkerTable));
	RequestNamedLWLockTranche(TRANCHE, 1);
}

void
WorkerShmemStartup(void)
{
	bool found;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	Workers = ShmemInitStruct(TRANCHE, sizeof(WorkerTable), &found);
	WorkersLock = &GetNamedLWLockTranche(TRANCHE)->lock;
	if (!found)
	{
		memset(Workers, 0, sizeof(WorkerTable));
		for (int i = 0; i < WORKER_DATABASES; i++)
		{
			pg_atomic_init_u32(&Workers->entries[i].database, InvalidOid);
			pg_atomic_init_u32(&Workers->entries[i].wanted, 0);
			pg_atomic_init_u32(&Workers->entries[i].set, 0);
		}
	}
	LWLockRelease(AddinShmemInitLock);
}

static WorkerEntry *
find_entry(Oid database)
{
	for (int i = 0; i < WORKER_DATABASES; i++)
	{
		if (pg_atomic_read_u32(&Workers->entries[i].database) == database)
			return &Workers->entries[i];
	}
	return NULL;
}

/* Of two at once both mostly get the same, since they try the places in one order; two do no harm.
 */
WorkerEntry *
WorkerEntryOf(Oid database, bool make)
{
	WorkerEntry *entry = find_entry(database);

	for (int i = 0; entry == NULL && make && i < WORKER_DATABASES; i++)
	{
		uint32 there = InvalidOid;

		if (pg_atomic_compare_exchange_u32(&Workers->entries[i].database, &there, database) ||
			there == database)
			entry = &Workers->entries[i];
	}
	return entry;
}

void
WorkerEntryFree(WorkerEntry *entry)
{
	pg_atomic_write_u32(&entry->wanted, 0);
	pg_atomic_write_u32(&entry->set, 0);
	entry->started_at = entry->next_start = 0;
	entry->failures = 0;
	memset(entry->holders, 0, sizeof(entry->holders));
	memset(entry->duties, 0, sizeof(entry->duties));
	pg_atomic_write_u32(&entry->database, InvalidOid);
}

/* Duties for which what was committed may be something to do: a bit each. */
static uint32
interested_duties(void)
{
	uint32 duties = 0;

	for (int i = 0; i < WorkerDutyCount; i++)
	{
		if (WorkerDuties[i].interest != NULL && WorkerDuties[i].interest())
			duties |= 1U << i;
	}
	return duties;
}

void
WorkerWake(void)
{
	static WorkerEntry *mine;
	uint32 duties;

	if (Workers == NULL || !EventWorkerEnabled || !OidIsValid(MyDatabaseId) ||
		(duties = interested_duties()) == 0)
		return;
	if (unlikely(mine == NULL || pg_atomic_read_u32(&mine->database) != MyDatabaseId))
		mine = WorkerEntryOf(MyDatabaseId, true);
	if (mine == NULL)
		return;

	/* What is to be done was made visible before this. */
	pg_memory_barrier();
	if (pg_atomic_read_u32(&mine->wanted) == 0 && (duties & ~pg_atomic_read_u32(&mine->set)) != 0 &&
		pg_atomic_exchange_u32(&mine->wanted, 1) == 0)
		QueueWakeListener();
}

void
WorkerWakeNow(void)
{
	WorkerEntry *entry;

	if (Workers == NULL || !EventWorkerEnabled || !OidIsValid(MyDatabaseId) ||
		(entry = WorkerEntryOf(MyDatabaseId, true)) == NULL)
		return;
	pg_memory_barrier();
	if (pg_atomic_exchange_u32(&entry->wanted, 1) == 0)
		QueueWakeListener();
}

void
WorkerEntryPoke(WorkerEntry *entry)
{
	if (entry->pid != 0)
		SetLatch(&ProcGlobal->allProcs[entry->process].procLatch);
}

bool
WorkerEntryIsHeld(WorkerEntry *entry)
{
	bool held = false;

	for (int i = 0; i < WORKER_HOLDERS; i++)
	{
		if (entry->holders[i] != 0 && BackendPidGetProc(entry->holders[i]) == NULL)
			entry->holders[i] = 0;
		held |= entry->holders[i] != 0;
	}
	return held;
}

long
WorkerBackoff(int failures)
{
	return Min(WORKER_BACKOFF_MIN_MS << Min(failures - 1, 10), WORKER_BACKOFF_MAX_MS);
}

void
WorkerEntryNoteFailure(WorkerEntry *entry)
{
	entry->next_start =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), WorkerBackoff(++entry->failures));
}

bool
WorkerIsToEnd(void)
{
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	return ProcDiePending || ShutdownRequestPending;
}

/*
 * statement.c
 *		What is on record of a client's statement: in a place in shared memory that is its
 *		backend's, and for parallel workers their leader's.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "storage/spin.h"

#include "events/statement.h"

#define TRANCHE "tarot_security statements"

/* More in one statement are put on record by each of its processes. */
#define SLOT_RECORDS 16

typedef struct SlotRecord
{
	TimestampTz statement;
	uint8 digest[HASH_SIZE];
} SlotRecord;

typedef struct Slot
{
	slock_t lock;
	int count;
	SlotRecord records[SLOT_RECORDS];
} Slot;

uint64 StatementNumber = 0;

static Slot *slots;
static uint64 *seed;

static Size
shared_size(void)
{
	return add_size(sizeof(uint64), mul_size(sizeof(Slot), MaxBackends));
}

void
StatementShmemRequest(void)
{
	RequestAddinShmemSpace(shared_size());
}

void
StatementShmemStartup(void)
{
	bool found;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	seed = ShmemInitStruct(TRANCHE, shared_size(), &found);
	slots = (Slot *) (seed + 1);
	if (!found && !pg_strong_random(seed, sizeof(*seed)))
		*seed = 0;
	for (int i = 0; !found && i < MaxBackends; i++)
	{
		SpinLockInit(&slots[i].lock);
		slots[i].count = 0;
	}
	LWLockRelease(AddinShmemInitLock);
}

uint64
StatementSeed(void)
{
	return seed != NULL ? *seed : 0;
}

/* That of the session, in a worker its leader's; NULL for processes that have none. */
static Slot *
slot_of_session(void)
{
	PGPROC *leader;
	ptrdiff_t number;

	if (MyProc == NULL || slots == NULL)
		return NULL;
	leader = IsParallelWorker() ? MyProc->lockGroupLeader : MyProc;
	if (leader == NULL)
		return NULL;
	number = leader - ProcGlobal->allProcs;
	return number >= 0 && number < MaxBackends ? &slots[number] : NULL;
}

void
StatementBegin(void)
{
	Slot *slot;

	/* A worker's is the statement of its leader. */
	if (IsParallelWorker())
		return;
	StatementNumber++;
	slot = slot_of_session();
	if (slot == NULL || likely(slot->count == 0))
		return;
	SpinLockAcquire(&slot->lock);
	slot->count = 0;
	SpinLockRelease(&slot->lock);
}

static bool
is_same(const SlotRecord *record, TimestampTz statement, const uint8 digest[HASH_SIZE])
{
	return record->statement == statement && memcmp(record->digest, digest, HASH_SIZE) == 0;
}

bool
StatementNote(TimestampTz statement, const uint8 digest[HASH_SIZE])
{
	Slot *slot = slot_of_session();
	bool is_new = true;

	if (slot == NULL)
		return true;
	SpinLockAcquire(&slot->lock);
	for (int i = 0; i < slot->count && is_new; i++)
		is_new = !is_same(&slot->records[i], statement, digest);
	if (is_new && slot->count < SLOT_RECORDS)
	{
		slot->records[slot->count].statement = statement;
		memcpy(slot->records[slot->count++].digest, digest, HASH_SIZE);
	}
	SpinLockRelease(&slot->lock);
	return is_new;
}

void
StatementForget(TimestampTz statement, const uint8 digest[HASH_SIZE])
{
	Slot *slot = slot_of_session();

	if (slot == NULL)
		return;
	SpinLockAcquire(&slot->lock);
	for (int i = slot->count - 1; i >= 0; i--)
	{
		if (is_same(&slot->records[i], statement, digest))
			slot->records[i] = slot->records[--slot->count];
	}
	SpinLockRelease(&slot->lock);
}

/*
 * queue.c
 *		The queue of events in shared memory.
 *
 * Places that are free form a list whose head says, beside the first of them, how often it
 * was changed: so who takes one needs no lock, and nobody who is stopped in the
 * middle stops another. A place with an event has the number of its database beside it.
 *
 * An event that is held counts those that are the same, until who writes it closes it.
 *
 * When a process dies, the server ends all and makes its shared memory anew.
 * What then waits in the queue the postmaster keeps for itself meanwhile.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "events/line.h"
#include "events/queue.h"
#include "events/settings.h"

#define TRANCHE "tarot_security events"

/* Of all places so many can be of events that are held: the others are for what comes. */
#define HELD_MAX (queue_size / 4)

/* After so long somebody who is to listen does, unless the server has no room for that process. */
#define LISTENER_START_MS 60000

typedef struct Queue
{
	pg_atomic_uint64 free;   /* changes so far << 32 | the first free place + 1 */
	pg_atomic_uint64 number; /* the last that was given */
	pg_atomic_uint64 written;
	pg_atomic_uint64 logged;
	pg_atomic_uint64 overflowed;
	pg_atomic_uint64 repeated;
	pg_atomic_uint32 held;     /* events that count those that are the same */
	pg_atomic_uint32 listener; /* its process + 1; 0: none */
	pg_atomic_uint32 woken;
	ConditionVariable released;
} Queue;

typedef struct Hold
{
	pg_atomic_uint64 open;    /* the event's number, of 32 bits, << 32 | how often; 0: closed */
	pg_atomic_uint64 until;   /* it is held; 0: it is not */
	pg_atomic_uint64 last_at; /* the last that was counted */
} Hold;

static Queue *queue;
static Hold *holds;
static pg_atomic_uint32 *databases; /* whose event is in a place; 0: none, or not yet */
static pg_atomic_uint32 *next_free; /* the place after a free one, + 1 */
static char *records;

/*
 * How many events can wait. More is for storms of denials, or databases whose log
 * is locked for long: each takes 2 kB of shared memory.
 */
static int queue_size = 2048;

/* Of the postmaster, between two shared memories. */
static char *kept;
static int kept_count;

void
QueueInit(void)
{
	DefineCustomIntVariable("tarot_security.event_queue_size",
							"How many security events can wait to be written.",
							"Each takes 2 kB of shared memory. More go to the server log.",
							&queue_size, 2048, 64, 65536, PGC_POSTMASTER, 0, NULL, NULL, NULL);
}

/* ---------------------------------------------------------------- shared memory */

static Size
offset_of_holds(void)
{
	return MAXALIGN(sizeof(Queue));
}

static Size
offset_of_databases(void)
{
	return add_size(offset_of_holds(), mul_size(sizeof(Hold), queue_size));
}

static Size
offset_of_records(void)
{
	return TYPEALIGN(
		PG_CACHE_LINE_SIZE,
		add_size(offset_of_databases(), mul_size(2 * sizeof(pg_atomic_uint32), queue_size)));
}

static Size
shared_size(void)
{
	return add_size(offset_of_records(), mul_size(EVENT_RECORD_SIZE, queue_size));
}

void
QueueShmemRequest(void)
{
	RequestAddinShmemSpace(shared_size());
}

EventRecord *
QueueRecord(int place)
{
	return (EventRecord *) (records + (Size) place * EVENT_RECORD_SIZE);
}

static void
keep(const EventRecord *record)
{
	if (kept == NULL)
		kept = malloc(mul_size(EVENT_RECORD_SIZE, queue_size));
	if (kept == NULL)
		LineLog(record, "is lost for want of memory otherwise");
	else
		memcpy(kept + (Size) kept_count++ * EVENT_RECORD_SIZE, record, EVENT_RECORD_SIZE);
}

/* The process that died may have written anywhere: nothing is trusted but the size of the memory.
 */
static bool
is_sound(EventRecord *record, Oid database)
{
	if (record->database != database)
		return false;
	record->text[EVENT_TEXT_SIZE - 1] = '\0';
	record->used = EVENT_TEXT_SIZE;
	for (int i = 0; i < EVENT_TEXTS; i++)
	{
		if (record->start[i] >= EVENT_TEXT_SIZE)
			return false;
	}
	return record->start[EVENT_TYPE] != 0;
}

/* What was counted goes into the record. True: it was held. */
static bool
count_held(int place, EventRecord *record)
{
	uint64 open = pg_atomic_exchange_u64(&holds[place].open, 0);

	if (open == 0)
		return false;
	pg_atomic_fetch_sub_u32(&queue->held, 1);
	record->count = (uint32) open;
	record->last_at = (TimestampTz) pg_atomic_read_u64(&holds[place].last_at);
	return true;
}

/* The shared memory goes: after the death of a process, or at the end of the server. */
static void
keep_all(int code, Datum argument)
{
	uint64 copy[EVENT_RECORD_SIZE / sizeof(uint64)];
	EventRecord *record = (EventRecord *) copy;

	(void) code;
	(void) argument;
	for (int i = 0; i < queue_size; i++)
	{
		Oid database = pg_atomic_read_u32(&databases[i]);

		memcpy(record, QueueRecord(i), EVENT_RECORD_SIZE);
		count_held(i, record);
		if (OidIsValid(database) && is_sound(record, database))
			keep(record);
	}
}

/* The server ends. */
static void
log_kept(int code, Datum argument)
{
	(void) code;
	(void) argument;
	for (int i = 0; i < kept_count; i++)
		LineLog((EventRecord *) (kept + (Size) i * EVENT_RECORD_SIZE), "was not written");
	kept_count = 0;
}

static void
put_back_kept(void)
{
	uint64 last = 0;

	for (int i = 0; i < kept_count; i++)
	{
		EventRecord *record = (EventRecord *) (kept + (Size) i * EVENT_RECORD_SIZE);

		last = Max(last, record->number);
		memcpy(QueueRecord(i), record, EVENT_RECORD_SIZE);
		pg_atomic_write_u64(&holds[i].last_at, (uint64) record->last_at);
		if (record->count > 0)
		{
			pg_atomic_write_u64(&holds[i].open, record->number << 32 | record->count);
			pg_atomic_fetch_add_u32(&queue->held, 1);
		}
		pg_atomic_write_u32(&databases[i], record->database);
	}
	pg_atomic_write_u64(&queue->number, last);
	kept_count = 0;
	free(kept);
	kept = NULL;
}

static void
make_queue(void)
{
	int first;

	pg_atomic_init_u64(&queue->number, 0);
	pg_atomic_init_u64(&queue->written, 0);
	pg_atomic_init_u64(&queue->logged, 0);
	pg_atomic_init_u64(&queue->overflowed, 0);
	pg_atomic_init_u64(&queue->repeated, 0);
	pg_atomic_init_u32(&queue->held, 0);
	pg_atomic_init_u32(&queue->listener, 0);
	pg_atomic_init_u32(&queue->woken, 0);
	ConditionVariableInit(&queue->released);
	for (int i = 0; i < queue_size; i++)
	{
		pg_atomic_init_u64(&holds[i].open, 0);
		pg_atomic_init_u64(&holds[i].until, 0);
		pg_atomic_init_u64(&holds[i].last_at, 0);
		pg_atomic_init_u32(&databases[i], InvalidOid);
		pg_atomic_init_u32(&next_free[i], i + 1 < queue_size ? i + 2 : 0);
	}
	first = kept_count;
	put_back_kept();
	pg_atomic_init_u64(&queue->free, first < queue_size ? first + 1 : 0);
}

void
QueueShmemStartup(void)
{
	static bool registered = false;
	bool found;
	char *memory;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	memory = ShmemInitStruct(TRANCHE, shared_size(), &found);
	queue = (Queue *) memory;
	holds = (Hold *) (memory + offset_of_holds());
	databases = (pg_atomic_uint32 *) (memory + offset_of_databases());
	next_free = databases + queue_size;
	records = memory + offset_of_records();
	if (!found)
		make_queue();
	LWLockRelease(AddinShmemInitLock);

	if (IsUnderPostmaster)
		return;
	on_shmem_exit(keep_all, (Datum) 0);
	if (!registered)
		on_proc_exit(log_kept, (Datum) 0);
	registered = true;
}

/* ---------------------------------------------------------------- places */

/* -1: none is free. */
static int
take_place(void)
{
	uint64 head = pg_atomic_read_u64(&queue->free);

	for (;;)
	{
		uint32 first = (uint32) head;
		uint32 next;

		if (first == 0)
			return -1;

		/* If another has taken it meanwhile this is nonsense, but then the head has changed. */
		next = pg_atomic_read_u32(&next_free[first - 1]);
		if (pg_atomic_compare_exchange_u64(&queue->free, &head, (((head >> 32) + 1) << 32) | next))
			return (int) first - 1;
	}
}

static void
give_place(int place)
{
	uint64 head = pg_atomic_read_u64(&queue->free);

	do
	{
		pg_atomic_write_u32(&next_free[place], (uint32) head);
	} while (!pg_atomic_compare_exchange_u64(&queue->free, &head,
											 (((head >> 32) + 1) << 32) | (uint32) (place + 1)));
}

static void
hold(int place, const EventRecord *record, TimestampTz until)
{
	if (until != 0 && pg_atomic_fetch_add_u32(&queue->held, 1) >= (uint32) HELD_MAX)
	{
		pg_atomic_fetch_sub_u32(&queue->held, 1);
		until = 0;
	}
	pg_atomic_write_u64(&holds[place].until, (uint64) until);
	if (until == 0)
		return;
	pg_atomic_write_u64(&holds[place].last_at, (uint64) record->occurred_at);
	pg_atomic_write_u64(&holds[place].open, record->number << 32 | 1);
}

int
QueuePut(EventRecord *record, TimestampTz held_until)
{
	int place = take_place();

	if (place < 0)
		return -1;
	record->number = pg_atomic_add_fetch_u64(&queue->number, 1);
	memcpy(QueueRecord(place), record, offsetof(EventRecord, text) + record->used);
	hold(place, record, held_until);
	pg_write_barrier();
	pg_atomic_write_u32(&databases[place], record->database);
	QueueWakeListener();
	return place;
}

bool
QueueRepeat(int place, uint64 number, TimestampTz occurred_at)
{
	uint64 open = pg_atomic_read_u64(&holds[place].open);

	do
	{
		if (open == 0 || open >> 32 != (uint32) number || (uint32) open == PG_UINT32_MAX)
			return false;
	} while (!pg_atomic_compare_exchange_u64(&holds[place].open, &open, open + 1));
	pg_atomic_write_u64(&holds[place].last_at, (uint64) occurred_at);
	pg_atomic_fetch_add_u64(&queue->repeated, 1);
	return true;
}

void
QueueRelease(int place, bool written)
{
	if (written)
		pg_atomic_fetch_add_u64(&queue->written, 1);
	pg_atomic_write_u32(&databases[place], InvalidOid);
	pg_write_barrier();
	give_place(place);
	ConditionVariableBroadcast(&queue->released);
}

/* ---------------------------------------------------------------- who listens */

bool
QueueIsServed(void)
{
	return queue != NULL &&
		   (pg_atomic_read_u32(&queue->listener) != 0 ||
			!TimestampDifferenceExceeds(PgStartTime, GetCurrentTimestamp(), LISTENER_START_MS));
}

void
QueueWakeListener(void)
{
	uint32 listener;

	/* A barrier, too: what was to be seen is seen by who hears it. */
	if (pg_atomic_exchange_u32(&queue->woken, 1) != 0)
		return;
	listener = pg_atomic_read_u32(&queue->listener);
	if (listener != 0)
		SetLatch(&ProcGlobal->allProcs[listener - 1].procLatch);
}

static void
stop_listening(int code, Datum argument)
{
	(void) code;
	(void) argument;
	pg_atomic_write_u32(&queue->listener, 0);
}

void
QueueListen(void)
{
	before_shmem_exit(stop_listening, (Datum) 0);
	pg_atomic_write_u32(&queue->listener, (uint32) (MyProc - ProcGlobal->allProcs) + 1);
}

void
QueueHear(void)
{
	(void) pg_atomic_exchange_u32(&queue->woken, 0);
}

/* ---------------------------------------------------------------- what waits */

/* Whose event is in a place, and is not held at that time. */
static Oid
database_due(int place, TimestampTz now, TimestampTz *held_until)
{
	Oid database = pg_atomic_read_u32(&databases[place]);
	TimestampTz until;

	pg_read_barrier();
	until = (TimestampTz) pg_atomic_read_u64(&holds[place].until);
	if (!OidIsValid(database) || until <= now)
		return database;
	*held_until = *held_until == 0 ? until : Min(*held_until, until);
	return InvalidOid;
}

int
QueueDatabases(Oid *found, int room, long *wait)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz held_until = 0;
	int count = 0;

	for (int i = 0; i < queue_size && count < room; i++)
	{
		Oid database = database_due(i, now, &held_until);
		bool known = !OidIsValid(database);

		for (int j = 0; j < count && !known; j++)
			known = found[j] == database;
		if (!known)
			found[count++] = database;
	}
	*wait = held_until == 0 ? -1 : TimestampDifferenceMilliseconds(now, held_until);
	return count;
}

static int
compare_places(const void *a, const void *b)
{
	uint64 one = QueueRecord(*(const int *) a)->number;
	uint64 other = QueueRecord(*(const int *) b)->number;

	return one < other ? -1 : one > other;
}

/* None is counted there any more. */
static void
close_held(int place)
{
	if (count_held(place, QueueRecord(place)) && EventLogAll)
		LineLog(QueueRecord(place), NULL);
}

static int
find(Oid database, TimestampTz held_until, int *places, int room)
{
	int *all = palloc(sizeof(int) * queue_size);
	TimestampTz next = 0;
	int count = 0;

	for (int i = 0; i < queue_size; i++)
	{
		if (database_due(i, held_until, &next) == database)
			all[count++] = i;
	}
	qsort(all, count, sizeof(int), compare_places);
	count = Min(count, room);
	memcpy(places, all, sizeof(int) * count);
	pfree(all);
	for (int i = 0; i < count; i++)
		close_held(places[i]);
	return count;
}

int
QueueFind(Oid database, int *places, int room)
{
	return find(database, GetCurrentTimestamp(), places, room);
}

void
QueueSpill(Oid database)
{
	int *places = palloc(sizeof(int) * queue_size);
	int count = find(database, DT_NOEND, places, queue_size);

	for (int i = 0; i < count; i++)
	{
		LineLog(QueueRecord(places[i]), "cannot be written to its database");
		QueueCountLogged(false);
		QueueRelease(places[i], false);
	}
	pfree(places);
}

/* ---------------------------------------------------------------- for people */

void
QueueCountLogged(bool overflowed)
{
	if (queue == NULL)
		return;
	pg_atomic_fetch_add_u64(&queue->logged, 1);
	if (overflowed)
		pg_atomic_fetch_add_u64(&queue->overflowed, 1);
}

void
QueueCount(QueueCounts *counts)
{
	counts->size = queue_size;
	counts->waiting = 0;
	for (int i = 0; i < queue_size; i++)
		counts->waiting += OidIsValid(pg_atomic_read_u32(&databases[i]));
	counts->written = pg_atomic_read_u64(&queue->written);
	counts->logged = pg_atomic_read_u64(&queue->logged);
	counts->overflowed = pg_atomic_read_u64(&queue->overflowed);
	counts->repeated = pg_atomic_read_u64(&queue->repeated);
}

/* Of those of a database that were reported up to a number; which are held no longer. */
static bool
has_waiting(Oid database, uint64 number)
{
	bool any = false;

	for (int i = 0; i < queue_size; i++)
	{
		if (pg_atomic_read_u32(&databases[i]) != database)
			continue;
		pg_read_barrier();
		if (QueueRecord(i)->number > number)
			continue;
		pg_atomic_write_u64(&holds[i].until, 0);
		any = true;
	}
	return any;
}

bool
QueueWait(Oid database, long timeout)
{
	uint64 number = pg_atomic_read_u64(&queue->number);
	TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), timeout);
	bool waits;

	ConditionVariablePrepareToSleep(&queue->released);
	while ((waits = has_waiting(database, number)))
	{
		long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), end);

		if (left <= 0)
			break;
		QueueWakeListener();
		(void) ConditionVariableTimedSleep(&queue->released, left, PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
	return !waits;
}

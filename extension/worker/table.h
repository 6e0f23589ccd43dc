/*
 * table.h
 *		The databases that have, or had, something to do, in shared memory.
 */
#ifndef TAROT_WORKER_TABLE_H
#define TAROT_WORKER_TABLE_H

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/lwlock.h"

/* More databases than these are served when others are dropped. */
#define WORKER_DATABASES 256
#define WORKER_DUTIES_MAX 8

/* Statements at once that want a database for themselves. */
#define WORKER_HOLDERS 4

typedef struct DutyStatus
{
	TimestampTz last_run; /* 0: never */
	TimestampTz failed_at;
	int sqlstate; /* of that failure */
	int failures; /* since it last went well */
} DutyStatus;

typedef struct WorkerEntry
{
	pg_atomic_uint32 database; /* InvalidOid: a free entry */
	pg_atomic_uint32 wanted;   /* there is something to do */
	pg_atomic_uint32 set;      /* duties that will be called at a time that is set: a bit each */

	/* The rest under the lock. */
	int pid; /* of the worker; 0: none */
	int process;
	bool busy;
	TimestampTz started_at;
	TimestampTz next_start; /* after a failure */
	int failures;           /* of starts, since one went well */
	int holders[WORKER_HOLDERS];
	DutyStatus duties[WORKER_DUTIES_MAX];
} WorkerEntry;

typedef struct WorkerTable
{
	int launcher; /* its process's number; 0: none */
	WorkerEntry entries[WORKER_DATABASES];
} WorkerTable;

extern WorkerTable *Workers;
extern LWLock *WorkersLock;

/* In the order of modules. */
typedef struct Duty
{
	const char *name;
	long (*run)(void);
	bool (*interest)(void);
} Duty;

extern Duty WorkerDuties[WORKER_DUTIES_MAX];
extern int WorkerDutyCount;

/* Makes one where there is none; NULL when there is no room. Takes no lock. */
extern WorkerEntry *WorkerEntryOf(Oid database, bool make);

/* Under the lock: the database is no more. */
extern void WorkerEntryFree(WorkerEntry *entry);

/* Under the lock: wakes it if it runs. */
extern void WorkerEntryPoke(WorkerEntry *entry);

/* Under the lock: whether a statement wants the database for itself. Forgets those that are gone.
 */
extern bool WorkerEntryIsHeld(WorkerEntry *entry);

/* Under the lock: its worker failed, and is to start later. */
extern void WorkerEntryNoteFailure(WorkerEntry *entry);

/* How long to wait after so many failures in a row, in milliseconds. */
#define WORKER_BACKOFF_MIN_MS 1000L
#define WORKER_BACKOFF_MAX_MS 60000L
extern long WorkerBackoff(int failures);

/* For the launcher: has all databases be looked at. False: there is no room for another process. */
extern bool WorkerStartSurvey(void);

/* Whether this process is to end. Reads settings that were changed. */
extern bool WorkerIsToEnd(void);

#endif

/*
 * worker.h
 *		Background workers: a launcher, and one worker in each database that has
 *		something to do.
 */
#ifndef TAROT_WORKER_WORKER_H
#define TAROT_WORKER_WORKER_H

#include "nodes/parsenodes.h"

/*
 * Something to do in a database, until there is nothing more to do. Called outside of a
 * transaction, in a worker that was woken. The result is after how many
 * milliseconds it wants to be called again: 0 at once, WORKER_WHEN_WOKEN not before
 * the next wake. An error is logged, and it is called again, ever later.
 */
typedef long (*WorkerDuty)(void);

#define WORKER_WHEN_WOKEN (-1L)

/* Whether what has been committed can be something to do. Raises nothing. */
typedef bool (*WorkerInterest)(void);

/* For modules when the library is loaded. `interest`: of a duty that WorkerWake() is for, or NULL.
 */
extern void WorkerAddDuty(const char *name, WorkerDuty duty, WorkerInterest interest);

/*
 * Something was committed that may be something to do. For every commit: where a wake is on its
 * way already, or the duty will be called at a time that it has asked for, this
 * reads a few numbers. Raises nothing.
 */
extern void WorkerWake(void);

/* The same for what cannot wait for a time that a duty has asked for. */
extern void WorkerWakeNow(void);

/*
 * For duties: transactions, which are to be short. They run as the owner of the
 * extension, without a snapshot.
 */
extern void WorkerBegin(void);
extern void WorkerCommit(void);

/* ---------------------------------------------------------------- for hooks */

/* A statement that cannot do its work while somebody is connected to a database. */
typedef struct WorkerLeave
{
	Oid database; /* InvalidOid: none */
	bool drops;
	bool commits; /* COMMIT PREPARED: what another session wrote */
} WorkerLeave;

/* Has the worker leave the database that such a statement names, and waits for that, for a while.
 */
extern void WorkerBeginStatement(WorkerLeave *leave, Node *statement);

/* It is done. */
extern void WorkerFinishStatement(WorkerLeave *leave);

/* It has come to an end, whatever end: to be called each time. Raises nothing. */
extern void WorkerLeaveStatement(WorkerLeave *leave);

extern void WorkerInit(void);
extern void WorkerShmemRequest(void);
extern void WorkerShmemStartup(void);

#endif

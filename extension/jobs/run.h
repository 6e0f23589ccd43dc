/*
 * run.h
 *		A batch of a job that is due, in two transactions.
 *
 * The first puts on record that a batch begins, and whose turn it is; the second does it.
 * So one that brings its session down with it, or the server, is seen to have failed by
 * whoever comes next.
 */
#ifndef TAROT_JOBS_RUN_H
#define TAROT_JOBS_RUN_H

#include "datatype/timestamp.h"

/* InvalidOid: there is no such table. */
extern Oid JobOwnerOf(Oid relation);

/* Until AtEOXact_GUC() of what it returns literals are read and written in one way alone. */
extern int JobPinStyle(void);

/* The owner's statement by SPI, in which values may be replaced by their masks (mask.c). */
extern int JobExecutePlan(SPIPlanPtr plan, Datum *values, const char *nulls);

/* A statement that is no part of a batch, and comes after one. */
typedef struct JobAlone
{
	const char *job;
	int64 run;
	Oid relation;
	const char *statement;
} JobAlone;

typedef enum JobStep
{
	JOB_TAKEN,  /* a batch is to be done */
	JOB_NOTED,  /* what has become of an earlier one was put on record: there may be more */
	JOB_NONE,   /* nothing is due */
	JOB_BEHIND, /* a standby is further behind than may be */
} JobStep;

/*
 * Takes the next batch of a job that is due. Of JOB_NONE, `due_at` is when there will be something;
 * 0: not before jobs are changed.
 */
extern JobStep JobTake(TimestampTz *due_at);

/*
 * Does the batch that was taken, in another transaction, which then is to be committed. Who can
 * run statements outside of transactions asks for what is to be done so afterwards, `alone`.
 */
extern void JobDoBatch(JobAlone **alone);

/* After that. An abort does it, too: it releases the lock, which is no more `locked`. */
extern void JobLeave(bool locked);

/* How many milliseconds jobs are to rest then. */
extern long JobRest(void);

/* A session of a client is to run jobs: advisory locks that it has stay. By SPI. */
extern void JobBoundForClient(void);

/* In a transaction, with SPI. "over": it was cancelled, as its time was over. */
extern void JobNoteFailure(const char *name, int64 run, const ErrorData *error,
						   const char *statement, bool over);

/* Whether a lock was not to be had soon enough, or who held it has moved the row to another
 * partition. */
extern bool JobMetLock(const ErrorData *error);

/* ---------------------------------------------------------------- alone.c */

extern JobAlone *JobAloneMake(const char *job, int64 run, Oid relation, const char *statement);

/* Outside of a transaction, in the worker. False: it was aborted. */
extern bool JobRunAlone(const JobAlone *alone);

extern void JobAloneInit(void);

/* ---------------------------------------------------------------- parts of it */

/* What runs between these two is cancelled when the time is over that a batch may take. */
extern void JobBoundBegin(void);

/* Whether it was. To be called when the transaction or subtransaction around it is still to be
 * ended. */
extern bool JobBoundEnd(void);

/* That time, in milliseconds. */
extern int JobBound(void);
extern void JobBoundInit(void);

extern bool JobStandbyIsBehind(void);

/* Whether sessions of clients are, other than this one, or have been since then. */
extern bool JobOthersAreAtWork(TimestampTz since);

/* After so many milliseconds of work, beside others: in milliseconds. */
extern long JobRestAfter(double milliseconds);
extern void JobLoadInit(void);

extern void JobRunInit(void);

#endif

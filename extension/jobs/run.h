/*
 * run.h
 *		A batch of a job that is due.
 */
#ifndef TAROT_JOBS_RUN_H
#define TAROT_JOBS_RUN_H

#include "datatype/timestamp.h"

/* InvalidOid: there is no such table. */
extern Oid JobOwnerOf(Oid relation);

/* The owner's statement by SPI, in which values may be replaced by their masks (mask.c). */
extern int JobExecuteStatement(const char *statement);

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
	JOB_DONE,   /* a batch, or what was found out in its place */
	JOB_NONE,   /* nothing is due */
	JOB_BEHIND, /* a standby is further behind than may be */
} JobStep;

/*
 * Does the next batch of a job that is due, in the current transaction. Of JOB_NONE,
 * `due_at` is when there will be something; 0: not before jobs are changed. Who can
 * run statements outside of transactions asks for what is to be done so, `alone`.
 */
extern JobStep JobRunBatch(TimestampTz *due_at, JobAlone **alone);

/* Whether a lock was not to be had soon enough. */
extern bool JobMetLock(const ErrorData *error);

/* In a transaction, with SPI. */
extern void JobNoteFailure(const char *name, int64 run, const ErrorData *error);

/* ---------------------------------------------------------------- alone.c */

/* Until JobRunAlone() no other job of the table is run. */
extern JobAlone *JobAloneMake(const char *job, int64 run, Oid relation, const char *statement);

/* Outside of a transaction, in the worker. */
extern void JobRunAlone(const JobAlone *alone);

extern void JobAloneInit(void);

extern void JobRunInit(void);

#endif

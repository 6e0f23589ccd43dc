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

typedef enum JobStep
{
	JOB_DONE,   /* a batch, or what was found out in its place */
	JOB_NONE,   /* nothing is due */
	JOB_BEHIND, /* a standby is further behind than may be */
} JobStep;

/*
 * Does the next batch of a job that is due, in the current transaction. Of JOB_NONE,
 * `due_at` is when there will be something; 0: not before jobs are changed.
 */
extern JobStep JobRunBatch(TimestampTz *due_at);

extern void JobRunInit(void);

#endif

/*
 * failure.h
 *		What is told of a batch that failed.
 */
#ifndef TAROT_JOBS_FAILURE_H
#define TAROT_JOBS_FAILURE_H

#include "utils/elog.h"

/* How far a batch was. */
typedef enum JobStage
{
	JOB_OWN,       /* what is ours */
	JOB_ANALYSIS,  /* what the statement means: nothing is read or run yet */
	JOB_EXECUTION, /* what it runs, code of the owner's among that */
} JobStage;

/* Of the last batch, or statement of a job. */
extern JobStage JobReached;

/* What of the message tells no value of a row; `statement`: that of the batch, or NULL. */
extern const char *JobFailureMessage(const ErrorData *error, const char *statement);

#endif

/*
 * reseal_job.h
 *		tarot.reseal_job: how far each table is. All of this needs SPI to be
 *		connected.
 */
#ifndef TAROT_COLUMN_RESEAL_JOB_H
#define TAROT_COLUMN_RESEAL_JOB_H

#include "storage/itemptr.h"
#include "utils/rel.h"

/* A row of tarot.reseal_job: how far a table is. */
typedef struct ResealJob
{
	int pass;
	BlockNumber blocks;       /* of the table when the pass began; Invalid: it begins now */
	ItemPointerData position; /* what comes before it is done */
	bool clean;               /* the pass has found nothing to do so far */
	int64 rows;
	int64 values;
	int64 left; /* of this pass: those that could not be opened */
	bool finished;
} ResealJob;

/* A new one, or the one that was begun and not finished. */
extern void ResealJobStart(Relation relation, int32 class_id);

/* Removes the finished one, and those of tables that are gone. */
extern void ResealJobForget(Oid relation, int32 class_id);

/*
 * Locks the row until the end of the transaction: batches of several callers
 * take turns. False when there is none.
 */
extern bool ResealJobRead(Relation relation, int32 class_id, ResealJob *job);

extern void ResealJobWrite(Relation relation, int32 class_id, const ResealJob *job, double seconds);

/* The level of settings to go back to, with AtEOXact_GUC. */
extern int ResealPinSearchPath(void);

#endif

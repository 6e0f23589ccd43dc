/*
 * batch.h
 *		Replacing the rows of a table a batch at a time, beside its writers.
 *
 * Rows are replaced as VACUUM FULL moves them, below the executor: no trigger,
 * rule, row policy or constraint is to hear of it, so what they say must stay
 * the same for everybody who asks. What is left of the table owner's code,
 * expressions of indexes, runs as the owner and may do no more than in REINDEX.
 */
#ifndef TAROT_COLUMN_BATCH_H
#define TAROT_COLUMN_BATCH_H

#include "executor/tuptable.h"
#include "storage/block.h"
#include "storage/itemptr.h"
#include "utils/rel.h"

/* A row of tarot.table_job: how far a table is. */
typedef struct TableJob
{
	const char *kind; /* of work */
	int32 target;     /* what of the table, by its kind */
	int pass;
	BlockNumber blocks;       /* of the table when the pass began; Invalid: it begins now */
	ItemPointerData position; /* what comes before it is done */
	bool clean;               /* the pass has found nothing to do so far */
	int64 rows;
	int64 values;
	int64 left; /* of this pass: those that nothing can be done with */
	bool finished;
} TableJob;

/* A new one, or the one that was begun and not finished. */
extern void TableJobStart(Relation relation, const char *kind, int32 target);

/* Runs a query on one of our tables as its owner: callers have no privilege on it. */
extern void TableJobExecute(const char *table, const char *query, int nargs, Oid *types,
							Datum *values, const char *nulls);

/*
 * Whether rows of it can be replaced: NULL, or why not, as a sentence.
 */
extern const char *BatchObstacle(Relation relation);

/* What was made of a row. */
typedef struct BatchRow
{
	int64 values; /* changed in it; 0: it is to stay */
	int64 left;   /* that nothing can be done with */
} BatchRow;

/*
 * Makes the new row of the old one. It finds a copy there, and runs as the
 * caller of the batch.
 */
typedef void (*BatchRenewer)(const TupleTableSlot *old_row, TupleTableSlot *new_row, BatchRow *row,
							 void *argument);

/*
 * Goes on with the job of this kind and target, up to that many rows. False
 * when there is none, or when it is finished, of which `job` then tells. The
 * caller has locked the relation, and asked whether it may be changed.
 */
extern bool BatchRun(Relation relation, const char *kind, int32 target, int64 limit,
					 BatchRenewer renew, void *argument, TableJob *job);

#endif

/*
 * checks.h
 *		Whether rows meet the constraints of a table: counted, and not told one by
 *		one, as the server would with the values in its messages.
 */
#ifndef TAROT_ANONYMIZE_CHECKS_H
#define TAROT_ANONYMIZE_CHECKS_H

#include "anonymize/job.h"

/* For those constraints that one of the columns, by attribute number less
 * FirstLowInvalidHeapAttributeNumber, plays a part in. */
extern RowChecks *RowChecksOpen(Relation relation, EState *estate, Bitmapset *changed, int memory);

/* A row as it will be. `before` is the row as it was, or NULL: what was violated then does not
 * count. */
extern void RowChecksAdd(RowChecks *checks, TupleTableSlot *row, TupleTableSlot *before);

/* Tells what would be violated, how often; the last that is asked. */
extern void RowChecksFinish(RowChecks *checks, Job *job);

#endif

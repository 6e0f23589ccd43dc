/*
 * shuffle.h
 *		A random permutation of the values of a column.
 */
#ifndef TAROT_ANONYMIZE_SHUFFLE_H
#define TAROT_ANONYMIZE_SHUFFLE_H

#include "access/tupdesc.h"

#include "anonymize/job.h"

/* Of values of a column's type; takes that many kB of memory, and then files. */
extern Shuffle *ShuffleCreate(Form_pg_attribute attribute, int memory);
extern void ShufflePut(Shuffle *shuffle, Datum value, bool isnull);

/* After all have been put. */
extern void ShuffleSort(Shuffle *shuffle);

/* Good until the next call. */
extern Datum ShuffleNext(Shuffle *shuffle, bool *isnull);
extern void ShuffleFree(Shuffle *shuffle);

#endif

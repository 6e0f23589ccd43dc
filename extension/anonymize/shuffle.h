/*
 * shuffle.h
 *		A random permutation of the values of one or more columns, over all rows
 *		or within each group of rows.
 */
#ifndef TAROT_ANONYMIZE_SHUFFLE_H
#define TAROT_ANONYMIZE_SHUFFLE_H

#include "access/tupdesc.h"
#include "executor/tuptable.h"

typedef struct Shuffle Shuffle;

/* Columns by their numbers in a table. */
typedef struct ShuffleColumns
{
	int count;
	AttrNumber *numbers;
} ShuffleColumns;

/*
 * Of the values of columns, which stay together, among rows that have the same
 * values in other columns; takes that many kB of memory, and then files.
 */
extern Shuffle *ShuffleCreate(TupleDesc desc, const ShuffleColumns *columns,
							  const ShuffleColumns *within, int memory);

/* A row, of a table in which these are the columns. */
extern void ShufflePut(Shuffle *shuffle, TupleTableSlot *row, const ShuffleColumns *columns,
					   const ShuffleColumns *within);

/* After all rows have been put. How many keep their values, since no other row is in their group.
 */
extern int64 ShuffleSort(Shuffle *shuffle);

/* Goes to the next row, in the order in which they were put; its values are good until the next
 * call. */
extern void ShuffleNext(Shuffle *shuffle);
extern Datum ShuffleValue(Shuffle *shuffle, int column, bool *isnull);

/* Its files are the transaction's, and must be gone before that ends. */
extern void ShuffleFree(Shuffle *shuffle);

#endif

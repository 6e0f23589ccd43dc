/*
 * counterpart.h
 *		The indexes of a column that is converted beside its writers, and the
 *		counterparts on the new column that will take their places.
 */
#ifndef TAROT_CONVERT_COUNTERPART_H
#define TAROT_CONVERT_COUNTERPART_H

#include "nodes/pg_list.h"

#include "convert/conversion.h"

/* How far the counterpart of an index is. */
typedef enum PairState
{
	PAIR_MISSING,
	PAIR_UNFIT,   /* there is one that must go: changed, half built, or of an index that is gone */
	PAIR_DEFINED, /* writers know of it, and will not make HOT chains that it could not follow */
	PAIR_READY,   /* writers keep it */
	PAIR_VALID,   /* it has all rows */
} PairState;

typedef struct IndexPair
{
	Oid table;
	Oid old_index; /* InvalidOid: it is gone */
	Oid new_index; /* InvalidOid: missing */
	PairState state;
} IndexPair;

/* Whose counterpart an index is by its name; InvalidOid: it is none. */
extern Oid IndexPairOldIndex(const char *name);

extern const char *IndexPairStateName(PairState state);

/* All of these tables, which the caller has locked. */
extern List *IndexPairList(List *tables, const char *column, const Conversion *conversion);

/* Gives an index the counterpart that it misses: writers keep it from the first, but it is empty.
 */
extern void
IndexPairDefine(const IndexPair *pair, const char *column, const Conversion *conversion);

#endif

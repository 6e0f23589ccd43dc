/*
 * sealed.h
 *		Encrypted columns whose values become their masks, which are sealed like
 *		values.
 */
#ifndef TAROT_ANONYMIZE_SEALED_H
#define TAROT_ANONYMIZE_SEALED_H

#include "postgres_ext.h"

typedef struct SealedColumn SealedColumn;

/* NULL for a column of any other type, or of which no single value is sealed under one class. */
extern SealedColumn *SealedColumnOf(Oid type, int32 typmod);

/* Of the column, and of all values in it. */
extern int32 SealedClass(const SealedColumn *column);

/* Raises unless the current role may write the class, now. */
extern void SealedRequireAccess(const SealedColumn *column);

/* What a mask has in the place of a value. */
typedef struct SealedMask
{
	Datum sealed;
	bool isnull;
	bool unchanged; /* the mask is the value */
} SealedMask;

/*
 * As the role that made the column known: the value, of the base type, to be
 * wiped by SealedWipe; and its mask, where one is asked for (NULL: not). False
 * where nobody can read the value any more: it has no mask, either.
 */
extern bool SealedOpen(SealedColumn *column, Datum value, Datum *plain, SealedMask *mask);

extern void SealedWipe(SealedColumn *column, Datum plain);

#endif

/*
 * conversion.h
 *		The state of a conversion beside writers, as those who convert see it.
 */
#ifndef TAROT_CONVERT_CONVERSION_H
#define TAROT_CONVERT_CONVERSION_H

#include "utils/rel.h"

#include "base/compat.h"

typedef struct Conversion
{
	AttrNumber number; /* of the old column */
	NameData shadow;   /* the name of the new one */
	bool erasing;      /* the new one has taken its place */
} Conversion;

/* Raises unless the relation is the current role's own, or there is none. */
extern void ConversionRequireOwner(Oid relation);

/* Locks it until the transaction ends; false when there is none. */
extern bool ConversionLock(Oid relation, Name column, Conversion *conversion);

/* One of its columns is not there any more. */
pg_noreturn extern void ConversionRaiseLostColumn(Relation relation);

#endif

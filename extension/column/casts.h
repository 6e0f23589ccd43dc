/*
 * casts.h
 *		From base types on, to the types that these are cast to.
 */
#ifndef TAROT_COLUMN_CASTS_H
#define TAROT_COLUMN_CASTS_H

#include "crypto/envelope.h"

typedef struct BaseCast BaseCast;

/* The cast of a kind's base type to another type; raises when there is none. */
extern const BaseCast *BaseCastFind(EnvelopeKind kind, Oid target);

/*
 * What PostgreSQL's own cast makes of a value of the base type; false for NULL.
 * Its errors are those of that cast. But what stands in the place of a value, as
 * a mask does, is NULL where it cannot be cast: the reader did not choose it.
 */
extern bool BaseCastApply(const BaseCast *cast, Datum value, bool stand_in, Datum *result);

#endif

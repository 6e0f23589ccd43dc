/*
 * place.h
 *		Where an entry goes: the partition of the log that a time is in.
 */
#ifndef TAROT_TRAIL_PLACE_H
#define TAROT_TRAIL_PLACE_H

#include "datatype/timestamp.h"

/* Locked for writing until the transaction ends. Raises where there is none. */
extern Oid PlaceLock(TimestampTz time);

extern void PlaceInit(void);

#endif

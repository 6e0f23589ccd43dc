/*
 * counts.h
 *		How many values roles were shown or compared, by class: counted by this process
 *		from its beginning on, for who puts it on record.
 */
#ifndef TAROT_GATE_COUNTS_H
#define TAROT_GATE_COUNTS_H

#include "postgres_ext.h"

typedef struct GateSeen
{
	uint64 plain;
	uint64 masked;
	uint64 refused;
	uint64 searched; /* comparisons by tags; of those in a plan, that it ran */
} GateSeen;

/* Never freed: a call site keeps the pointer, and counts by that. */
typedef struct GateCounts
{
	int32 class_id; /* hash key, with the next */
	Oid role;
	GateSeen seen;
	GateSeen told; /* how much of it is on record */
	struct GateCounts *next;
} GateCounts;

extern GateCounts *GateCountsOf(int32 class_id, Oid role);

/* The first of all. */
extern GateCounts *GateCountsFirst(void);

#endif

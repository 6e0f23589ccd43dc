/*
 * counts.c
 *		How many values roles were shown or compared.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "gate/counts.h"

static HTAB *table;
static GateCounts *first;

GateCounts *
GateCountsOf(int32 class_id, Oid role)
{
	GateCounts key = {.class_id = class_id, .role = role};
	GateCounts *counts;
	bool found;

	if (table == NULL)
	{
		HASHCTL options = {.keysize = offsetof(GateCounts, seen),
						   .entrysize = sizeof(GateCounts),
						   .hcxt = TopMemoryContext};

		table = hash_create("tarot_security values shown", 16, &options,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	counts = hash_search(table, &key, HASH_ENTER, &found);
	if (!found)
	{
		counts->seen = (GateSeen){0};
		counts->told = (GateSeen){0};
		counts->next = first;
		first = counts;
	}
	return counts;
}

GateCounts *
GateCountsFirst(void)
{
	return first;
}

/*
 * pending.h
 *		Entries on their way to the log: together, since that costs a quarter of
 *		what each alone does.
 *
 * They are written when the statement ends, at the latest before the
 * transaction, or the part of it that they belong to, commits. Whatever keeps
 * them from being written keeps it from committing.
 */
#ifndef TAROT_TRAIL_PENDING_H
#define TAROT_TRAIL_PENDING_H

#include "access/htup.h"
#include "utils/rel.h"

/* An entry for a partition, as heap_form_tuple() makes it of such values: they are copied. */
extern void PendingAdd(Oid partition, const Datum *values, const bool *nulls);

#endif

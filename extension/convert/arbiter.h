/*
 * arbiter.h
 *		ON CONFLICT on tables with a column that is being converted.
 */
#ifndef TAROT_CONVERT_ARBITER_H
#define TAROT_CONVERT_ARBITER_H

#include "nodes/plannodes.h"

/*
 * Where a unique index decides on conflicts, its counterpart decides too. Two
 * sessions that bring the same new value at once would else be told of a
 * duplicate by the one, before the other has them take turns.
 */
extern void ArbiterAddCounterparts(PlannedStmt *statement);

#endif

/*
 * rewrite.h
 *		Replaces the values of a column in all rows of a table, as no
 *		statement could: nobody's triggers, rules or checks take part.
 */
#ifndef TAROT_BINDING_REWRITE_H
#define TAROT_BINDING_REWRITE_H

#include "access/htup.h"
#include "utils/rel.h"

/* The new value of a row, or NULL where it stays as it is. In a context that lasts for the row. */
typedef struct varlena *(*RowReplace)(HeapTuple row, TupleDesc desc, void *argument);

/*
 * The caller holds a lock that keeps writers out until the transaction ends,
 * and has asked for the right. What indexes and constraints compute from the
 * column must not depend on what is replaced. Returns how many rows changed.
 */
extern uint64
RewriteColumn(Relation relation, AttrNumber column, RowReplace replace, void *argument);

#endif

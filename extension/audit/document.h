/*
 * document.h
 *		Rows as JSON documents: what an entry of the audit log says of the row
 *		that was changed.
 *
 * Made without asking anything of the session: the same row gives the same
 * bytes whatever its settings are, and whoever it is. Values of encrypted types
 * are their envelopes, values of classified columns their masks.
 */
#ifndef TAROT_AUDIT_DOCUMENT_H
#define TAROT_AUDIT_DOCUMENT_H

#include "executor/tuptable.h"
#include "utils/jsonb.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"

/* The columns of a table that are on record, in the order in which a document has them. */
typedef struct RowShape RowShape;

/* How a column is chosen for a document. */
typedef enum RowPart
{
	ROW_ALL,
	ROW_KEY,     /* the primary key */
	ROW_CHANGES, /* what RowShapeCompare found */
} RowPart;

/* The trigger's arguments: this, and the names of columns. */
#define AUDIT_EXCLUDE "exclude"
#define AUDIT_ONLY "only"

/*
 * In the current memory context, for rows of the table as long as it is not
 * altered. `trigger` says which columns are on record; `keys`, that what is in
 * bytea may be keys, and is on record by its SHA-256.
 */
extern RowShape *RowShapeMake(Relation relation, const Trigger *trigger, bool keys);

/* Whether the table has a primary key that is on record. */
extern bool RowShapeHasKey(const RowShape *shape);

/*
 * Whether it is the same as long as neither the table nor any schema, type or
 * function changes: not where masks or the labels of other tables are in it.
 */
extern bool RowShapeIsLasting(const RowShape *shape);

/* Which columns differ, for ROW_CHANGES; NULL when none does. In the current memory context. */
extern const bool *
RowShapeCompare(const RowShape *shape, TupleTableSlot *old_row, TupleTableSlot *new_row);

/* In the current memory context, as is whatever is needed for it. */
extern Jsonb *RowDocument(RowShape *shape, RowPart part, const bool *changed, TupleTableSlot *row);

extern void DocumentInit(void);

#endif

/*
 * provider.h
 *		Who may label what, for the files of this folder; LabelParents for all.
 */
#ifndef TAROT_LABEL_PROVIDER_H
#define TAROT_LABEL_PROVIDER_H

#include "access/htup_details.h"
#include "catalog/objectaddress.h"

#include "base/bytes.h"

/* The text of a row of pg_seclabel; NULL for one of another provider. */
extern char *LabelText(HeapTuple tuple, TupleDesc desc);

/* The name of a label's class; of length 0 where it names none. */
extern Bytes LabelClassName(const char *label);

/*
 * Raises where the role must not take an object's label away, or put another
 * in its place (NULL: none). Who does that to a masked table reads what the
 * mask hides.
 */
extern void LabelRequireChange(Oid relation, AttrNumber column, const char *label);

/* Makes every session read the table's labels again, and plan its queries again. */
extern void LabelAnnounce(Oid relation);

/*
 * Gives a new label (NULL: none) to all that share the column (NULL: the table
 * itself) with the children of a table: rows are read through any of them.
 */
extern void LabelSpread(Oid root, const char *column, const char *label);

/* The tables that a table inherits from, directly. */
extern List *LabelParents(Oid relation);

extern void LabelProviderInit(void);

#endif

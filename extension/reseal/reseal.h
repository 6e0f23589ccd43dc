/*
 * reseal.h
 *		Moving stored values to newer keys: those that seal (reseal.c), and
 *		those that they are found by (search_key.c). What becomes of indexes
 *		when one is destroyed (destroyed.c).
 */
#ifndef TAROT_RESEAL_RESEAL_H
#define TAROT_RESEAL_RESEAL_H

#include "nodes/pg_list.h"
#include "utils/relcache.h"

/* ---------------------------------------------------------------- reseal.c */

/* Whether a column is declared with the class, or with any (CLASS_NONE). */
extern bool ResealConcernsClass(Relation relation, int32 class_id);

/* ---------------------------------------------------------------- search_key.c */

/* Whether the current role may call tarot.rotate_search_key(). */
extern bool ResealMayRotateSearchKey(void);

/* ---------------------------------------------------------------- search_tables.c */

/*
 * Locks all tables with values of the class until the end of the transaction,
 * and returns them. One may have been dropped before it was locked.
 */
extern List *ResealLockTables(int32 class_id);

/* ---------------------------------------------------------------- search_indexes.c */

/* Makes an index of a locked table anew, under an exclusive lock on it. */
extern void ResealRebuildIndex(Oid index, char persistence);

/* Those of all classes whose search key has changed, by the rows of tarot.search_key. */
extern void ResealRebuildRetiring(Relation search_keys);

#endif

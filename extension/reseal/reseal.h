/*
 * reseal.h
 *		Moving stored values to newer keys: those that seal (reseal.c), and
 *		those that they are found by (search_key.c). What becomes of indexes
 *		when one is destroyed (destroyed.c).
 */
#ifndef TAROT_RESEAL_RESEAL_H
#define TAROT_RESEAL_RESEAL_H

/* Whether the current role may call tarot.rotate_search_key(). */
extern bool ResealMayRotateSearchKey(void);

/* Makes an index of a locked table anew, under an exclusive lock on it. */
extern void ResealRebuildIndex(Oid index, char persistence);

#endif

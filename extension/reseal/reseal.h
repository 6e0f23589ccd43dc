/*
 * reseal.h
 *		Moving stored values to newer keys: those that seal (reseal.c), and
 *		those that they are found by (search_key.c).
 */
#ifndef TAROT_RESEAL_RESEAL_H
#define TAROT_RESEAL_RESEAL_H

/* Whether the current role may call tarot.rotate_search_key(). */
extern bool ResealMayRotateSearchKey(void);

#endif

/*
 * break_glass.h
 *		Plain read access in an emergency, which is on record.
 */
#ifndef TAROT_CLASS_BREAK_GLASS_H
#define TAROT_CLASS_BREAK_GLASS_H

#include "nodes/pg_list.h"

/* One that is in force. */
typedef struct BreakGlass
{
	int64 until;   /* as jwt.h counts */
	char *subject; /* for whom alone; NULL: for whoever has the role */
} BreakGlass;

/*
 * Those over a class that count for somebody with the privileges of these
 * roles; of BreakGlass. What the session's own transaction has recorded is none
 * yet, for it could show values and then be rolled back: the record is committed
 * first.
 */
extern List *BreakGlassInForce(int32 class_id, List *roles);

#endif

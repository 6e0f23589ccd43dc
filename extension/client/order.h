/*
 * order.h
 *		ORDER BY of encrypted values goes by what the role sees of them.
 */
#ifndef TAROT_CLIENT_ORDER_H
#define TAROT_CLIENT_ORDER_H

#include "nodes/parsenodes.h"
#include "parser/parse_node.h"

/*
 * Lets all ORDER BY of a query and of those inside of it go by what the role
 * sees, and not by what is stored. Raises where that is impossible.
 */
extern void OrderByBase(ParseState *state, Query *query);

/* Raises if that cannot be done for the stored query of a function that was just made. */
extern void OrderCheckFunction(Oid function);

#endif

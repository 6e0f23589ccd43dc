/*
 * query.h
 *		Changes to queries that were analyzed: what casting for the client and
 *		sorting share.
 */
#ifndef TAROT_CLIENT_QUERY_H
#define TAROT_CLIENT_QUERY_H

#include "nodes/parsenodes.h"

/*
 * Casts an expression to the base type of its own; NULL if that is no
 * encrypted one. The form says how the cast is shown when a query is printed.
 */
extern Expr *QueryCastToBase(Expr *value, CoercionForm form);

/*
 * Whether the rows of the result are compared with each other, by UNION and
 * the like or DISTINCT, as they are returned: then nothing can be done to
 * them but on top of that.
 */
extern bool QueryComparesResult(const Query *query);

/* Whether an encrypted value is among what is sorted by. */
extern bool QuerySortsByEncrypted(List *order, List *targets);

/*
 * Puts a query into a subquery, so that something can be done on top of it.
 * Its ORDER BY and LIMIT go along, or become those of the whole where that can
 * be: where the result is compared, and so is all that can be sorted by.
 */
extern void QueryPutUnder(Query *query, bool sort_on_top);

#endif

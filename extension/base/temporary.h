/*
 * temporary.h
 *		Temporary objects of the session, where code runs with somebody else's rights.
 *
 * A table or type among them is found before all others by whoever's search_path does not name
 * pg_temp, as one that a function sets for itself seldom does. So who makes a domain "text" there
 * has its constraint called with the rights of the next one whose function says "text".
 */
#ifndef TAROT_BASE_TEMPORARY_H
#define TAROT_BASE_TEMPORARY_H

/* Whether there are any. */
extern bool TemporaryObjectsExist(void);

/* Raises where a table or type among them belongs to one who has not the rights of the role. */
extern void TemporaryRequireOwned(Oid role);

/*
 * Around code of somebody else's, in one transaction. Raises where an object was made between these
 * two: of whatever kind, for a function is found by who names pg_temp. In a restricted operation
 * the server itself refuses tables, and of late types.
 */
extern CommandId TemporaryBegin(void);
extern void TemporaryEnd(CommandId begin);

#endif

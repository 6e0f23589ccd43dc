/*
 * column.h
 *		Encrypted columns: the type whose input seals and whose output passes
 *		the gate.
 */
#ifndef TAROT_COLUMN_COLUMN_H
#define TAROT_COLUMN_COLUMN_H

#include "nodes/parsenodes.h"
#include "parser/parse_node.h"

#include "base/bytes.h"

/* A type modifier as people write it: the class in quotes, or its number. */
extern int32 ColumnTypmodIn(const char *name);
extern char *ColumnTypmodOut(int32 typmod);

/* Whether it is an encrypted type, or an array of one. */
extern bool ColumnIsEncrypted(Oid type);

/*
 * What a value of an encrypted type is to those who see it: text for
 * encrypted_text. Of a domain the same, of an array the array of that.
 * InvalidOid for every other type.
 */
extern Oid ColumnBaseType(Oid type);

/*
 * Lets a statement of the client's return base types in place of encrypted
 * ones, so that any driver knows them: casts what is on top of its result. The
 * settings of the session may say otherwise.
 */
extern void ColumnCastForClient(Query *query);

/* Whether these are the columns of a result of which one was cast for the client; its name, or
 * NULL. */
extern const char *ColumnFindClientCast(List *targets);

/*
 * Lets all ORDER BY of a query and of those inside of it go by what the role
 * sees, and not by what is stored. Raises where that is impossible.
 */
extern void ColumnOrderByBase(ParseState *state, Query *query);

/* Raises if that cannot be done for the stored query of a function that was just made. */
extern void ColumnCheckFunction(Oid function);

/*
 * Registers what keeps a class from being dropped and a key version from being
 * destroyed: columns and the values in them.
 */
extern void ColumnInit(void);
extern void ColumnLookupInit(void);
extern void ColumnClientInit(void);

#endif

/*
 * column.h
 *		Encrypted columns: the type whose input seals and whose output passes
 *		the gate.
 */
#ifndef TAROT_COLUMN_COLUMN_H
#define TAROT_COLUMN_COLUMN_H

#include "nodes/parsenodes.h"

#include "base/bytes.h"

/* A type modifier as people write it: the class in quotes, or its number. */
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
 * Registers what keeps a class from being dropped and a key version from being
 * destroyed: columns and the values in them.
 */
extern void ColumnInit(void);
extern void ColumnLookupInit(void);

#endif

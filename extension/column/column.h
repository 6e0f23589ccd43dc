/*
 * column.h
 *		Encrypted columns: the type whose input seals and whose output passes
 *		the gate.
 */
#ifndef TAROT_COLUMN_COLUMN_H
#define TAROT_COLUMN_COLUMN_H

#include "base/bytes.h"

/* A type modifier as people write it: the class in quotes, or its number. */
extern int32 ColumnTypmodIn(const char *name);
extern char *ColumnTypmodOut(int32 typmod);

/*
 * Registers what keeps a class from being dropped and a key version from being
 * destroyed: columns and the values in them.
 */
extern void ColumnInit(void);

#endif

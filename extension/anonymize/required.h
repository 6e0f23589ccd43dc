/*
 * required.h
 *		Whether a table is as anonymous as it has to be before it is copied.
 */
#ifndef TAROT_ANONYMIZE_REQUIRED_H
#define TAROT_ANONYMIZE_REQUIRED_H

#include "nodes/pg_list.h"

/*
 * For who checks what a statement may read, by its range table, before it is
 * run: raises where it dumps masks of a table that do not hide enough.
 */
extern void RequiredCheckDump(List *range_table);

/*
 * Raises unless rows of one relation are as anonymous as is required of another,
 * or of what that is a part of; false where nothing is.
 */
extern bool RequiredCheck(Oid required_of, Oid rows_of);

#endif

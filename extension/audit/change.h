/*
 * change.h
 *		Changes of rows on record.
 */
#ifndef TAROT_AUDIT_CHANGE_H
#define TAROT_AUDIT_CHANGE_H

#include "fmgr.h"

/*
 * Called as a trigger after a row was changed, or the table was truncated: makes
 * an entry of it. With `keys` in the table, bytes are on record by their SHA-256.
 */
extern void ChangeRecord(FunctionCallInfo fcinfo, bool keys);

#endif

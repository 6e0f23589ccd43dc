/*
 * protect.h
 *		The audit's own triggers, tables and the like: who changes them is on
 *		record, and who may not end the audit of a table cannot weaken it.
 */
#ifndef TAROT_STATEMENTS_PROTECT_H
#define TAROT_STATEMENTS_PROTECT_H

#include "statements/object.h"

/* Whether tarot.audit_table() and the like do it: theirs is the entry of tarot.audited_table. */
extern bool ProtectIsOurDoing(const StatementObject *object);

/* Tells of an object, before it is changed, whether that is to be on record. */
extern void ProtectObject(StatementObject *object);

/* After all that a statement has done: may raise. */
extern void ProtectFinish(List *objects);

/* Whether it is of the log, or of the tree over it, other than by sealing. */
extern bool ProtectIsWritten(Oid relation);

#endif

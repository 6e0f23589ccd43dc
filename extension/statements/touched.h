/*
 * touched.h
 *		What a statement touches: objects, as object_access_hook tells them, and
 *		by the parse tree where that hook is not called. For statement.c.
 */
#ifndef TAROT_STATEMENTS_TOUCHED_H
#define TAROT_STATEMENTS_TOUCHED_H

#include "statements/object.h"
#include "statements/statement.h"

extern void TouchObject(AuditStatement *audit, Oid catalog, Oid object, StatementAction action);

/* What the parse tree alone tells: before, by names that the statement may change; and after. */
extern void TouchNamed(AuditStatement *audit);
extern void TouchResolved(AuditStatement *audit);

#endif

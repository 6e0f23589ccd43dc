/*
 * record.h
 *		What is written of a statement: an entry for each object that it
 *		touched, or one for itself. For statement.c.
 */
#ifndef TAROT_STATEMENTS_RECORD_H
#define TAROT_STATEMENTS_RECORD_H

#include "statements/object.h"
#include "statements/statement.h"

static inline bool
StatementIsCopyOut(Node *node)
{
	return IsA(node, CopyStmt) && !((CopyStmt *) node)->is_from;
}

extern void
RecordStatement(AuditStatement *audit, const QueryCompletion *completion, AuditRedact redact);

/*
 * Rows that are out stay out: where their entry may not, since the transaction
 * goes on and may be rolled back, as that of pg_dump always is, or on a standby,
 * the server log has them, too.
 */
extern void RecordCopyOut(const AuditStatement *audit, const QueryCompletion *completion);

#endif

/*
 * kind.h
 *		Which kinds of statements tarot.audit_statements() has put on record.
 */
#ifndef TAROT_STATEMENTS_KIND_H
#define TAROT_STATEMENTS_KIND_H

#include "nodes/nodes.h"

/* Their names stand in kind.c. */
typedef enum StatementKind
{
	KIND_DDL,
	KIND_GRANT,
	KIND_ROLE,
	KIND_COPY,
	KIND_POLICY, /* changes of the tables by which this extension is told what to do */
	KIND_NONE,
} StatementKind;

/* Of a utility statement. */
extern StatementKind KindOfStatement(Node *node);

extern bool KindIsOnRecord(StatementKind kind);
extern bool KindHasText(StatementKind kind);

/* Whether the script of this extension runs, or pg_upgrade: what they do is nobody's statement. */
extern bool KindIsOfNobody(void);

extern void KindInit(void);

#endif

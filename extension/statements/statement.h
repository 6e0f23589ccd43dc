/*
 * statement.h
 *		Utility statements on record: those of the kinds that
 *		tarot.audit_statements() was told, and whatever touches the audit itself.
 *
 * An entry belongs to the transaction of its statement, and is not there
 * without it. For hooks, which call the three functions around each statement.
 */
#ifndef TAROT_STATEMENTS_STATEMENT_H
#define TAROT_STATEMENTS_STATEMENT_H

#include "catalog/objectaccess.h"
#include "nodes/plannodes.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"

/* A statement under way. */
typedef struct AuditStatement
{
	struct AuditStatement *outer;
	Node *node; /* NULL: it is not watched */
	const char *query;
	int location; /* of the statement in it */
	int size;
	bool on_record; /* it is of a kind that is asked for */
	bool with_text;
	bool touched; /* some object, though it may be of no interest */
	bool written; /* its entries, before it was run */
	bool finished;
	MemoryContext context; /* of what follows */
	List *objects;         /* StatementObject * */
} AuditStatement;

/* Quotes a statement without what may be secret in it: hooks/redact.h. */
typedef void (*AuditRedact)(const char *statement, char *out, size_t room, int shortest_number);

extern void AuditEnterStatement(AuditStatement *audit, PlannedStmt *statement, const char *query,
								ProcessUtilityContext context, AuditRedact redact);

/* It has done what it does. May raise: then that is undone. */
extern void
AuditFinishStatement(AuditStatement *audit, const QueryCompletion *completion, AuditRedact redact);

/* Whether it has finished or has failed. */
extern void AuditLeaveStatement(AuditStatement *audit);

/* Of object_access_hook. */
extern void
AuditObjectAccess(ObjectAccessType access, Oid catalog, Oid object, int part, void *argument);

/* COPY (query) TO: what it reads. */
extern void AuditRunQuery(const PlannedStmt *query);

#endif

/*
 * record.c
 *		What is written of a statement.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "statements/facts.h"
#include "statements/record.h"
#include "trail/entry.h"

/* The text of a statement on record, at most. */
#define TEXT_ROOM 8192

/* Whether it came or went with a table that did. */
static bool
is_part_of_another(const AuditStatement *audit, const StatementObject *object)
{
	ListCell *cell;

	if (!OidIsValid(object->part_of))
		return false;
	foreach (cell, audit->objects)
	{
		const StatementObject *whole = lfirst(cell);

		if (whole->catalog == RelationRelationId && whole->object == object->part_of &&
			whole->action == object->action &&
			(whole->action == ACTION_CREATE || whole->action == ACTION_DROP))
			return true;
	}
	return false;
}

static const char *
statement_text(const AuditStatement *audit, AuditRedact redact)
{
	const char *start = audit->query + Max(audit->location, 0);
	size_t size = audit->size > 0 ? (size_t) audit->size : strlen(start);
	char *statement = pnstrdup(start, size);
	char *out = palloc(TEXT_ROOM);

	while (*statement == ' ' || *statement == '\n' || *statement == '\t' || *statement == '\r')
		statement++;
	redact(statement, out, TEXT_ROOM, 1);
	return out;
}

static const char *
action_name(StatementAction action)
{
	static const char *const names[] = {"create", "alter", "drop", "truncate", "use"};

	return names[action];
}

/* {"command": "DROP TRIGGER", "object": "t on public.a", "type": "trigger", "action": "drop", ...}
 */
static void
write_entry(const AuditStatement *audit, const StatementObject *object, const char *facts)
{
	AuditEntry entry = {.operation = AUDIT_STATEMENT, .command = GetCurrentCommandId(false)};
	Oid id = InvalidOid;
	const char *identity = NULL;
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoString(&out, "{\"command\":\"");
	appendStringInfoString(&out, CreateCommandName(audit->node));
	appendStringInfoChar(&out, '"');
	if (object != NULL)
	{
		id = object->object;
		identity = object->identity;
		FactText(&out, "type", object->type);
		FactText(&out, "object", object->identity);
		FactText(&out, "action", action_name(object->action));
		if (OidIsValid(object->part_of) && object->catalog != RelationRelationId)
		{
			/* Found where one looks for the table. */
			id = object->part_of;
			identity = ObjectRelationName(object);
		}
		if (object->trigger != NULL)
			FactText(&out, "trigger", object->trigger->name);
	}
	appendStringInfoString(&out, facts);
	appendStringInfoChar(&out, '}');
	entry.new_row = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data)));
	EntryWrite(EntryWriterMakeFor(id, identity), &entry);
}

/* COPY TO, comments and labels change nothing that the audit depends on. */
static bool
must_be_on_record(const AuditStatement *audit, const StatementObject *object)
{
	if (IsA(audit->node, CommentStmt) || IsA(audit->node, SecLabelStmt))
		return false;
	if (IsA(audit->node, CopyStmt))
		return ((CopyStmt *) audit->node)->is_from &&
			   (ObjectIsLog(object->object) || ObjectIsTree(object->object));
	return object->of_audit;
}

void
RecordStatement(AuditStatement *audit, const QueryCompletion *completion, AuditRedact redact)
{
	StringInfoData facts;
	bool any = false;
	ListCell *cell;

	initStringInfo(&facts);
	StatementFacts(&facts, audit->node, completion);
	if (audit->with_text)
		FactText(&facts, "statement", statement_text(audit, redact));
	foreach (cell, audit->objects)
	{
		StatementObject *object = lfirst(cell);

		if (!audit->on_record && !must_be_on_record(audit, object))
			continue;
		if (is_part_of_another(audit, object))
			continue;
		if (object->identity == NULL)
			ObjectName(object);
		if (object->identity == NULL)
			continue;
		write_entry(audit, object, facts.data);
		any = true;
	}
	if (!any && audit->on_record && !audit->touched && !IsA(audit->node, DropStmt))
		write_entry(audit, NULL, facts.data);
}

void
RecordCopyOut(const AuditStatement *audit, const QueryCompletion *completion)
{
	const char *role;
	const char *session_role;
	ListCell *cell;

	if (!StatementIsCopyOut(audit->node) || !audit->on_record ||
		(!IsTransactionBlock() && !RecoveryInProgress()))
		return;
	role = GetUserNameFromId(GetUserId(), false);
	session_role = GetUserNameFromId(GetSessionUserId(), false);
	foreach (cell, audit->objects)
	{
		const StatementObject *object = lfirst(cell);

		if (object->identity != NULL)
			ereport(LOG,
					(errmsg("audit: COPY of " UINT64_FORMAT " rows from \"%s\" by role \"%s\", "
							"session role \"%s\"",
							completion->nprocessed, object->identity, role, session_role),
					 errhidestmt(true)));
	}
}

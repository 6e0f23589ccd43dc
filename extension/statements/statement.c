/*
 * statement.c
 *		Utility statements on record.
 *
 * What a statement does is told by object_access_hook, whoever names the object
 * and however it is reached, and by the parse tree where that hook is not called.
 * An event trigger would see less: nothing of roles, nothing where somebody has
 * turned it off, and nothing that is not told by its command tag.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_trigger.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/memutils.h"

#include "audit/schema.h"
#include "audit/table.h"
#include "base/catalog.h"
#include "statements/facts.h"
#include "statements/kind.h"
#include "statements/object.h"
#include "statements/protect.h"
#include "statements/record.h"
#include "statements/statement.h"
#include "statements/touched.h"
#include "trail/trail.h"

/* The innermost that is watched. */
static AuditStatement *innermost;

/* ---------------------------------------------------------------- objects */

/* Where nothing is on record, most of what is made and dropped is of no interest. */
static bool
is_of_interest(const AuditStatement *audit, Oid catalog, StatementAction action)
{
	if (!ObjectIsOfInterest(catalog))
		return false;
	if (audit->on_record)
		return true;
	if (catalog == RelationRelationId)
		return action != ACTION_CREATE;
	return catalog == TriggerRelationId || ObjectMayBeOfAudit(catalog);
}

void
AuditObjectAccess(ObjectAccessType access, Oid catalog, Oid object, int part, void *argument)
{
	StatementAction action;
	bool internal = false;

	/* Whom FATAL has stopped in a statement drops its temporary tables still, and what is here is
	 * gone. */
	if (likely(innermost == NULL) || part != 0 || proc_exit_inprogress)
		return;
	switch (access)
	{
		case OAT_POST_CREATE:
			action = ACTION_CREATE;
			internal = argument != NULL && ((ObjectAccessPostCreate *) argument)->is_internal;
			break;
		case OAT_POST_ALTER:
			action = ACTION_ALTER;
			internal = argument != NULL && ((ObjectAccessPostAlter *) argument)->is_internal;
			break;
		case OAT_DROP:
			action = ACTION_DROP;
			internal = argument != NULL && (((ObjectAccessDrop *) argument)->dropflags &
											PERFORM_DELETION_INTERNAL) != 0;
			break;
		case OAT_TRUNCATE:
			if (ObjectIsOfAudit(catalog, object))
				TouchObject(innermost, catalog, object, ACTION_TRUNCATE);
			return;
		default:
			return;
	}

	/* A partition that is detached loses its trigger so. */
	if (internal && catalog != TriggerRelationId)
	{
		innermost->touched = true;
		return;
	}
	if (KindIsOfNobody())
		return;
	if (is_of_interest(innermost, catalog, action))
		TouchObject(innermost, catalog, object, action);
}

/* ---------------------------------------------------------------- before */

static bool
is_watched(Node *node)
{
	VariableSetStmt *set;
	const char *setting;

	if (KindOfStatement(node) != KIND_NONE || IsA(node, TruncateStmt))
		return true;
	if (!IsA(node, VariableSetStmt))
		return false;
	setting = StatementSetting(node, &set);
	return setting != NULL && SettingIsOfAudit(setting);
}

/* Whether it is on record whatever the settings are, for it changes them or the extension. */
static bool
is_always_on_record(Node *node)
{
	VariableSetStmt *set;
	const char *setting = StatementSetting(node, &set);

	if (IsA(node, AlterExtensionStmt))
		return strcmp(((AlterExtensionStmt *) node)->extname, "tarot_security") == 0;
	if (IsA(node, AlterExtensionContentsStmt))
		return strcmp(((AlterExtensionContentsStmt *) node)->extname, "tarot_security") == 0;
	return setting != NULL && SettingIsOfAudit(setting);
}

/* What these do no rollback undoes: so it is on record before. */
static bool
is_irrevocable(Node *node)
{
	return IsA(node, DropdbStmt) || IsA(node, CreatedbStmt) || IsA(node, AlterSystemStmt) ||
		   IsA(node, CreateTableSpaceStmt) || IsA(node, DropTableSpaceStmt);
}

void
AuditEnterStatement(AuditStatement *audit, PlannedStmt *statement, const char *query,
					ProcessUtilityContext context, AuditRedact redact)
{
	Node *node = statement->utilityStmt;
	StatementKind kind;

	audit->node = NULL;

	/* A standby writes nothing; a part of a statement belongs to it. */
	if (!is_watched(node) || (RecoveryInProgress() && !StatementIsCopyOut(node)) ||
		!AuditExists() || KindIsOfNobody() ||
		(context == PROCESS_UTILITY_SUBCOMMAND && innermost != NULL))
		return;
	kind = KindOfStatement(node);
	audit->outer = innermost;
	audit->query = query;
	audit->location = statement->stmt_location;
	audit->size = statement->stmt_len;
	audit->on_record = is_always_on_record(node) || (KindIsOnRecord(kind) && !creating_extension);
	audit->with_text = KindHasText(kind);
	audit->touched = audit->finished = audit->written = false;
	audit->context = AllocSetContextCreate(CurrentMemoryContext, "tarot_security statement",
										   ALLOCSET_SMALL_SIZES);
	audit->objects = NIL;
	audit->node = node;
	innermost = audit;

	TouchNamed(audit);
	if (is_irrevocable(node))
	{
		QueryCompletion nothing = {0};

		RecordStatement(audit, &nothing, redact);
		TrailEndStatement();
		audit->written = true;
	}
}

/* Its tables, also those that functions ask for it. */
void
AuditRunQuery(const PlannedStmt *query)
{
	ListCell *cell;

	if (likely(innermost == NULL) || !IsA(innermost->node, CopyStmt) || !innermost->on_record ||
		((CopyStmt *) innermost->node)->is_from)
		return;
	foreach (cell, query->rtable)
	{
		const RangeTblEntry *entry = lfirst(cell);

		if (OidIsValid(entry->relid) && entry->relid >= FirstNormalObjectId)
			TouchObject(innermost, RelationRelationId, entry->relid, ACTION_USE);
	}
}

/* ---------------------------------------------------------------- after */

static bool
has_dropped_schema(List *objects)
{
	ListCell *cell;

	foreach (cell, objects)
	{
		const StatementObject *object = lfirst(cell);

		if (object->catalog == NamespaceRelationId && object->action == ACTION_DROP)
			return true;
	}
	return false;
}

void
AuditFinishStatement(AuditStatement *audit, const QueryCompletion *completion, AuditRedact redact)
{
	static const QueryCompletion nothing = {0};
	MemoryContext outer;

	if (audit->node == NULL)
		return;
	/* DROP EXTENSION: there is no log any more. */
	if (!AuditExists())
	{
		ereport(LOG, (errmsg("the audit log was dropped with extension \"tarot_security\""),
					  errdetail("Role \"%s\", session role \"%s\".",
								GetUserNameFromId(GetUserId(), false),
								GetUserNameFromId(GetSessionUserId(), false))));
		audit->finished = true;
		return;
	}
	outer = MemoryContextSwitchTo(audit->context);
	if (!RecoveryInProgress())
		CommandCounterIncrement();
	TouchResolved(audit);
	ProtectFinish(audit->objects);
	SchemaFollowStatement(audit->node, has_dropped_schema(audit->objects));
	if (completion == NULL)
		completion = &nothing;
	if (!audit->written && !RecoveryInProgress())
		RecordStatement(audit, completion, redact);
	RecordCopyOut(audit, completion);
	MemoryContextSwitchTo(outer);
	audit->finished = true;
}

void
AuditLeaveStatement(AuditStatement *audit)
{
	if (audit->node == NULL)
		return;
	if (audit->finished)
		MemoryContextDelete(audit->context);
	innermost = audit->outer;
	audit->node = NULL;
}

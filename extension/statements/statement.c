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

#include "access/heapam.h"
#include "access/relation.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/partition.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parsetree.h"
#include "storage/bufmgr.h"
#include "storage/ipc.h"
#include "utils/acl.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "audit/schema.h"
#include "audit/table.h"
#include "base/catalog.h"
#include "base/compat.h"
#include "statements/facts.h"
#include "statements/kind.h"
#include "statements/object.h"
#include "statements/protect.h"
#include "statements/statement.h"
#include "trail/entry.h"
#include "trail/trail.h"

/* The text of a statement on record, at most. */
#define TEXT_ROOM 8192

/* The innermost that is watched. */
static AuditStatement *innermost;

/* ---------------------------------------------------------------- objects */

/* Of its members it is told only what touches the audit: its script is one statement. */
static bool
is_of_extension(const AuditStatement *audit)
{
	return creating_extension ||
		   (IsA(audit->node, AlterObjectSchemaStmt) &&
			((AlterObjectSchemaStmt *) audit->node)->objectType == OBJECT_EXTENSION);
}

static void
add_object(AuditStatement *audit, Oid catalog, Oid object, StatementAction action)
{
	MemoryContext outer = MemoryContextSwitchTo(audit->context);
	StatementObject *described;
	ListCell *cell;

	audit->touched = true;
	foreach (cell, audit->objects)
	{
		const StatementObject *known = lfirst(cell);

		/* What is made and altered by one statement is made. */
		if (known->catalog == catalog && known->object == object &&
			(known->action == action || action == ACTION_ALTER || action == ACTION_USE))
		{
			MemoryContextSwitchTo(outer);
			return;
		}
	}
	described = ObjectDescribe(catalog, object, action);
	if (described != NULL && !ProtectIsOurDoing(described))
	{
		ProtectObject(described);
		if (is_of_extension(audit) && catalog != ExtensionRelationId && !described->of_audit)
		{
			MemoryContextSwitchTo(outer);
			return;
		}

		/* As it is called before the statement has renamed or dropped it. */
		if (described->action != ACTION_CREATE && (audit->on_record || described->of_audit))
			ObjectName(described);
		audit->objects = lappend(audit->objects, described);
	}
	MemoryContextSwitchTo(outer);
}

static void
add_relation(AuditStatement *audit, RangeVar *name, StatementAction action)
{
	Oid relation = name != NULL ? RangeVarGetRelid(name, NoLock, true) : InvalidOid;

	if (OidIsValid(relation))
		add_object(audit, RelationRelationId, relation, action);
}

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
				add_object(innermost, catalog, object, ACTION_TRUNCATE);
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
		add_object(innermost, catalog, object, action);
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

/* Whether a table is taken from an audited one, which it may have its triggers from. */
static bool
takes_from_audited(const AlterTableStmt *statement, Oid relation)
{
	ListCell *cell;

	foreach (cell, statement->cmds)
	{
		const AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

		if ((command->subtype == AT_DetachPartition || command->subtype == AT_DropInherit) &&
			TableIsAudited(relation))
			return true;
	}
	return false;
}

/*
 * An empty partition brings no entries into the log. Nor must it make one: where
 * a dump is restored, that of the present may be attached next, and the default
 * partition have none of its entries then.
 */
static bool
attaches_empty(const AlterTableStmt *statement)
{
	ListCell *cell;
	bool empty = true;

	foreach (cell, statement->cmds)
	{
		const AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);
		Oid partition;
		Relation relation;

		if (command->subtype != AT_AttachPartition)
			return false;
		partition =
			RangeVarGetRelid(castNode(PartitionCmd, command->def)->name, AccessShareLock, true);
		if (!OidIsValid(partition))
			continue;
		relation = relation_open(partition, NoLock);
		empty &= relation->rd_rel->relkind == RELKIND_RELATION &&
				 RelationGetNumberOfBlocks(relation) == 0;
		relation_close(relation, NoLock);
	}
	return empty;
}

static void
add_altered_table(AuditStatement *audit, const AlterTableStmt *statement)
{
	add_relation(audit, statement->relation, ACTION_ALTER);
	if (audit->objects != NIL)
	{
		StatementObject *table = linitial(audit->objects);

		if (takes_from_audited(statement, table->object))
			table->of_audit = true;
		else if (table->of_audit && attaches_empty(statement))
			table->of_audit = false;
	}
}

/* What the parse tree alone tells, by names that the statement may change. */
static void
add_named(AuditStatement *audit)
{
	switch (nodeTag(audit->node))
	{
		case T_AlterTableStmt:
			add_altered_table(audit, (AlterTableStmt *) audit->node);
			break;
		case T_CopyStmt:
			add_relation(audit, ((CopyStmt *) audit->node)->relation, ACTION_USE);
			break;
		case T_RenameStmt:
			/* Of a column, a constraint, a trigger the table. */
			add_relation(audit, ((RenameStmt *) audit->node)->relation, ACTION_ALTER);
			break;
		default:
			break;
	}
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

static bool
is_copy_out(Node *node)
{
	return IsA(node, CopyStmt) && !((CopyStmt *) node)->is_from;
}

/* What these do no rollback undoes: so it is on record before. */
static bool
is_irrevocable(Node *node)
{
	return IsA(node, DropdbStmt) || IsA(node, CreatedbStmt) || IsA(node, AlterSystemStmt) ||
		   IsA(node, CreateTableSpaceStmt) || IsA(node, DropTableSpaceStmt);
}

static void
write_entries(AuditStatement *audit, const QueryCompletion *completion, AuditRedact redact);

void
AuditEnterStatement(AuditStatement *audit, PlannedStmt *statement, const char *query,
					ProcessUtilityContext context, AuditRedact redact)
{
	Node *node = statement->utilityStmt;
	StatementKind kind;

	audit->node = NULL;

	/* A standby writes nothing; a part of a statement belongs to it. */
	if (!is_watched(node) || (RecoveryInProgress() && !is_copy_out(node)) || !AuditExists() ||
		KindIsOfNobody() || (context == PROCESS_UTILITY_SUBCOMMAND && innermost != NULL))
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

	add_named(audit);
	if (is_irrevocable(node))
	{
		QueryCompletion nothing = {0};

		write_entries(audit, &nothing, redact);
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
			add_object(innermost, RelationRelationId, entry->relid, ACTION_USE);
	}
}

/* ---------------------------------------------------------------- after */

static ObjectAddress
granted_object(const GrantStmt *grant, Node *name)
{
	ObjectAddress address = {InvalidOid, InvalidOid, 0};
	Relation relation = NULL;

	if (grant->targtype == ACL_TARGET_ALL_IN_SCHEMA)
		return get_object_address(OBJECT_SCHEMA, name, &relation, AccessShareLock, true);
	if (IsA(name, RangeVar))
	{
		address.classId = RelationRelationId;
		address.objectId = RangeVarGetRelid((RangeVar *) name, NoLock, true);
		return address;
	}
	if ((grant->objtype == OBJECT_TYPE || grant->objtype == OBJECT_DOMAIN) && IsA(name, List))
		name = (Node *) makeTypeNameFromNameList((List *) name);
	return get_object_address(grant->objtype, name, &relation, AccessShareLock, true);
}

static void
add_granted(AuditStatement *audit, const GrantStmt *grant)
{
	ListCell *cell;

	foreach (cell, grant->objects)
	{
		ObjectAddress address = granted_object(grant, lfirst(cell));

		if (OidIsValid(address.objectId))
			add_object(audit, address.classId, address.objectId, ACTION_USE);
	}
}

static void
add_granted_roles(AuditStatement *audit, const GrantRoleStmt *grant)
{
	ListCell *cell;

	foreach (cell, grant->granted_roles)
	{
		const AccessPriv *role = lfirst(cell);

		add_object(audit, AuthIdRelationId, get_role_oid(role->priv_name, true), ACTION_USE);
	}
}

/* What is commented on, and the like. */
static void
add_described(AuditStatement *audit, ObjectType type, Node *name)
{
	Relation relation = NULL;
	ObjectAddress address;

	/* These go by another form of name. */
	if (type == OBJECT_DOMCONSTRAINT || type == OBJECT_LARGEOBJECT)
		return;
	address = get_object_address(type, name, &relation, AccessShareLock, true);
	if (OidIsValid(address.objectId))
		add_object(audit, address.classId, address.objectId, ACTION_ALTER);
	if (relation != NULL)
		relation_close(relation, NoLock);
}

static void
add_resolved(AuditStatement *audit)
{
	switch (nodeTag(audit->node))
	{
		case T_GrantStmt:
			add_granted(audit, (GrantStmt *) audit->node);
			break;
		case T_GrantRoleStmt:
			add_granted_roles(audit, (GrantRoleStmt *) audit->node);
			break;
		case T_AlterRoleSetStmt:
			if (((AlterRoleSetStmt *) audit->node)->role != NULL)
				add_object(audit, AuthIdRelationId,
						   get_rolespec_oid(((AlterRoleSetStmt *) audit->node)->role, false),
						   ACTION_ALTER);
			break;
		case T_AlterDatabaseSetStmt:
			add_object(audit, DatabaseRelationId,
					   get_database_oid(((AlterDatabaseSetStmt *) audit->node)->dbname, false),
					   ACTION_ALTER);
			break;
		case T_CommentStmt:
			add_described(audit, ((CommentStmt *) audit->node)->objtype,
						  ((CommentStmt *) audit->node)->object);
			break;
		case T_SecLabelStmt:
			add_described(audit, ((SecLabelStmt *) audit->node)->objtype,
						  ((SecLabelStmt *) audit->node)->object);
			break;
		case T_AlterExtensionContentsStmt:
			add_described(audit, ((AlterExtensionContentsStmt *) audit->node)->objtype,
						  ((AlterExtensionContentsStmt *) audit->node)->object);
			break;
		default:
			break;
	}
}

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

static void
write_entries(AuditStatement *audit, const QueryCompletion *completion, AuditRedact redact)
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

/*
 * Rows that are out stay out: where their entry may not, since the transaction
 * goes on and may be rolled back, as that of pg_dump always is, or on a standby,
 * the server log has them, too.
 */
static void
log_copy_out(const AuditStatement *audit, const QueryCompletion *completion)
{
	const char *role = GetUserNameFromId(GetUserId(), false);
	const char *session_role = GetUserNameFromId(GetSessionUserId(), false);
	ListCell *cell;

	if (!is_copy_out(audit->node) || !audit->on_record ||
		(!IsTransactionBlock() && !RecoveryInProgress()))
		return;
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
	add_resolved(audit);
	ProtectFinish(audit->objects);
	SchemaFollowStatement(audit->node, has_dropped_schema(audit->objects));
	if (completion == NULL)
		completion = &nothing;
	if (!audit->written && !RecoveryInProgress())
		write_entries(audit, completion, redact);
	log_copy_out(audit, completion);
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

/* ---------------------------------------------------------------- rows */

static const char *
command_of(const QueryDesc *query)
{
	switch (query->operation)
	{
		case CMD_INSERT:
			return "INSERT";
		case CMD_UPDATE:
			return "UPDATE";
		case CMD_DELETE:
			return "DELETE";
		case CMD_MERGE:
			return "MERGE";
		default:
			return "SELECT";
	}
}

static void
write_row_entry(const QueryDesc *query, Oid relation)
{
	AuditEntry entry = {.operation = AUDIT_STATEMENT, .command = GetCurrentCommandId(false)};
	StatementObject *object = palloc0(sizeof(StatementObject));
	char *document;

	object->catalog = RelationRelationId;
	object->object = relation;
	ObjectName(object);
	document = psprintf(
		"{\"command\":\"%s\",\"type\":\"table\",\"action\":\"use\",\"rows\":" UINT64_FORMAT "}",
		command_of(query), query->estate->es_processed);
	entry.new_row = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(document)));
	EntryWrite(EntryWriterMakeFor(relation, object->identity), &entry);
}

/* A partition that is written to by way of a table above it is that table's. */
static Oid
target_of(const QueryDesc *query, Oid relation)
{
	List *tables = get_rel_relispartition(relation) ? get_partition_ancestors(relation) : NIL;
	Oid target = relation;
	ListCell *table;

	foreach (table, tables)
	{
		ListCell *cell;

		foreach (cell, query->plannedstmt->rtable)
		{
			const RangeTblEntry *entry = lfirst(cell);

			if (entry->rtekind == RTE_RELATION && entry->relid == lfirst_oid(table))
				target = entry->relid;
		}
	}
	return target;
}

/*
 * Superusers write to catalogs, and so can disable a trigger, to the log, and to
 * the tree over it. Nobody else can.
 */
/* As nearly all are; it asks no catalog. */
static inline bool
is_of_users(const QueryDesc *query, int index)
{
	Relation relation = query->estate->es_relations[index - 1];

	return relation != NULL && RelationGetRelid(relation) >= FirstNormalObjectId &&
		   RelationGetNamespace(relation) != CatalogSchema();
}

void
AuditFinishRows(QueryDesc *query)
{
	List *targets = NIL;
	ListCell *cell;

	if (likely(query->plannedstmt->resultRelations == NIL))
		return;
	foreach (cell, query->plannedstmt->resultRelations)
	{
		Oid relation;

		if (likely(is_of_users(query, lfirst_int(cell))))
			continue;
		relation = rt_fetch(lfirst_int(cell), query->plannedstmt->rtable)->relid;
		if (likely(relation >= FirstNormalObjectId ? !ProtectIsWritten(relation)
												   : !IsCatalogRelationOid(relation)))
			continue;
		targets = list_append_unique_oid(targets, target_of(query, relation));
	}
	if (likely(targets == NIL) || RecoveryInProgress() || !AuditExists() || KindIsOfNobody() ||
		creating_extension)
		return;
	foreach (cell, targets)
		write_row_entry(query, lfirst_oid(cell));
}

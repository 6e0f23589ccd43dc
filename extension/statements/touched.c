/*
 * touched.c
 *		What a statement touches.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "nodes/makefuncs.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/rel.h"

#include "audit/table.h"
#include "statements/protect.h"
#include "statements/touched.h"

/* Of its members it is told only what touches the audit: its script is one statement. */
static bool
is_of_extension(const AuditStatement *audit)
{
	return creating_extension ||
		   (IsA(audit->node, AlterObjectSchemaStmt) &&
			((AlterObjectSchemaStmt *) audit->node)->objectType == OBJECT_EXTENSION);
}

void
TouchObject(AuditStatement *audit, Oid catalog, Oid object, StatementAction action)
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
		TouchObject(audit, RelationRelationId, relation, action);
}

/* ---------------------------------------------------------------- what the parse tree tells */

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

void
TouchNamed(AuditStatement *audit)
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
			TouchObject(audit, address.classId, address.objectId, ACTION_USE);
	}
}

static void
add_granted_roles(AuditStatement *audit, const GrantRoleStmt *grant)
{
	ListCell *cell;

	foreach (cell, grant->granted_roles)
	{
		const AccessPriv *role = lfirst(cell);

		TouchObject(audit, AuthIdRelationId, get_role_oid(role->priv_name, true), ACTION_USE);
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
		TouchObject(audit, address.classId, address.objectId, ACTION_ALTER);
	if (relation != NULL)
		relation_close(relation, NoLock);
}

void
TouchResolved(AuditStatement *audit)
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
				TouchObject(audit, AuthIdRelationId,
							get_rolespec_oid(((AlterRoleSetStmt *) audit->node)->role, false),
							ACTION_ALTER);
			break;
		case T_AlterDatabaseSetStmt:
			TouchObject(audit, DatabaseRelationId,
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

/*
 * protect.c
 *		The audit's own triggers, tables and the like.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"

#include "audit/table.h"
#include "base/catalog.h"
#include "events/event.h"
#include "statements/protect.h"

bool
ProtectIsOurDoing(const StatementObject *object)
{
	return AuditIsEnforced() && object->trigger != NULL;
}

void
ProtectObject(StatementObject *object)
{
	if (object->trigger != NULL)
	{
		/* A new one takes nothing away. */
		if (object->action == ACTION_CREATE || !TableIsAudited(object->relation))
			object->trigger = NULL;
		else
			object->of_audit = true;
	}
	else if (object->catalog == RelationRelationId && object->action == ACTION_DROP &&
			 !object->of_audit)
		object->of_audit = TableIsAudited(object->object);
}

static bool
is_dropped(List *objects, Oid relation)
{
	ListCell *cell;

	foreach (cell, objects)
	{
		const StatementObject *object = lfirst(cell);

		if (object->catalog == RelationRelationId && object->object == relation &&
			object->action == ACTION_DROP)
			return true;
	}
	return false;
}

/* An event, for the statement goes, and an entry would go with it. */
static void
refuse(const StatementObject *object)
{
	const char *table = get_rel_name(object->relation);

	EventReportOnce(&(SecurityEvent){
		.type = "AUDIT",
		.action = "change trigger",
		.status = EVENT_DENIED,
		.details = {{"schema", get_namespace_name(get_rel_namespace(object->relation))},
					{"table", table},
					{"trigger", object->trigger->name}}});
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("permission denied to change trigger \"%s\" of audited table \"%s\"",
						   object->trigger->name, table),
					errhint("tarot.unaudit_table() ends the audit of a table, for whom EXECUTE "
							"is granted.")));
}

void
ProtectFinish(List *objects)
{
	ListCell *cell;

	foreach (cell, objects)
	{
		const StatementObject *object = lfirst(cell);

		if (object->trigger != NULL && TriggerIsWeaker(object) &&
			!is_dropped(objects, object->relation) && !RoleMayEndAudit(GetUserId()))
			refuse(object);
	}
	foreach (cell, objects)
	{
		const StatementObject *object = lfirst(cell);

		if (object->catalog == RelationRelationId && object->action == ACTION_DROP &&
			object->of_audit)
			OidFunctionCall1(AuditFunction("forget_audited", 1, (const Oid[]){OIDOID}),
							 ObjectIdGetDatum(object->object));
	}
}

bool
ProtectIsWritten(Oid relation)
{
	Oid tarot = CatalogSchema();

	return OidIsValid(tarot) && get_rel_namespace(relation) == tarot &&
		   (ObjectIsLog(relation) || (CatalogOwnWrites == 0 && ObjectIsTree(relation)));
}

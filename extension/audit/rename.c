/*
 * rename.c
 *		Columns of audited tables that get another name.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "audit/table.h"
#include "label/trigger.h"

/* Before the names stands whether they are on record, or all others. */
static bool
is_column_argument(int argument)
{
	return argument > 0;
}

/* What tarot.audit_table() was told of it, beside the triggers that were made then. */
static void
on_rename(Oid table, const char *old_name, const char *new_name)
{
	NameData names[2];

	if (!TableIsRecorded(table))
		return;
	namestrcpy(&names[0], old_name);
	namestrcpy(&names[1], new_name);
	OidFunctionCall3(
		AuditFunction("rename_audited_column", 3, (const Oid[]){OIDOID, NAMEOID, NAMEOID}),
		ObjectIdGetDatum(table), NameGetDatum(&names[0]), NameGetDatum(&names[1]));
}

/*
 * tarot.follow_audit_rename() RETURNS event_trigger
 */
PG_FUNCTION_INFO_V1(tarot_audit_follow_rename);
Datum
tarot_audit_follow_rename(PG_FUNCTION_ARGS)
{
	return TriggerFollowRename(fcinfo, AuditFunction("audit_change", 0, NULL), is_column_argument,
							   on_rename);
}

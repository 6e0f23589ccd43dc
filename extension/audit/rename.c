/*
 * rename.c
 *		Columns of audited tables that get another name.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "label/trigger.h"

/* Before the names stands whether they are on record, or all others. */
static bool
is_column_argument(int argument)
{
	return argument > 0;
}

/*
 * tarot.follow_audit_rename() RETURNS event_trigger
 */
PG_FUNCTION_INFO_V1(tarot_audit_follow_rename);
Datum
tarot_audit_follow_rename(PG_FUNCTION_ARGS)
{
	Oid schema = get_namespace_oid("tarot", false);
	Oid function =
		GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum("audit_change"),
						PointerGetDatum(buildoidvector(NULL, 0)), ObjectIdGetDatum(schema));

	return TriggerFollowRename(fcinfo, function, is_column_argument);
}

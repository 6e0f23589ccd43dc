/*
 * table.c
 *		Which tables are audited.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "audit/table.h"
#include "base/catalog.h"
#include "base/compat.h"
#include "label/provider.h"

/* tarot.audited_table: C keeps nothing of it. */
static uint64 audited_epoch;

/* How deep in tarot.enforce_audit(). */
static int enforcing;

Oid
AuditFunction(const char *name, int count, const Oid *types)
{
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
						   PointerGetDatum(buildoidvector(types, count)),
						   ObjectIdGetDatum(get_namespace_oid("tarot", true)));
}

bool
AuditExists(void)
{
	Oid tarot = get_namespace_oid("tarot", true);

	return OidIsValid(tarot) && OidIsValid(get_relname_relid("audit_entry", tarot)) &&
		   OidIsValid(get_relname_relid("audited_table", tarot)) &&
		   OidIsValid(get_relname_relid("audited_schema", tarot)) &&
		   OidIsValid(get_relname_relid("audited_statement", tarot)) &&
		   OidIsValid(get_extension_oid("tarot_security", true));
}

bool
RoleMayEndAudit(Oid role)
{
	Oid function = AuditFunction("unaudit_table", 1, (const Oid[]){REGCLASSOID});

	return superuser_arg(role) || (OidIsValid(function) && compat_may_execute(function, role));
}

bool
TableIsRecorded(Oid relation)
{
	Relation table = CatalogOpenFor("audited_table", AccessShareLock, &audited_epoch);
	ScanKeyData key;
	SysScanDesc scan;
	bool found;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relation));
	scan = CatalogScan(table, "audited_table_pkey", 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return found;
}

bool
TableIsAudited(Oid relation)
{
	List *open = list_make1_oid(relation);

	if (!AuditExists())
		return false;
	/* It grows while it is walked. */
	for (int i = 0; i < list_length(open); i++)
	{
		if (TableIsRecorded(list_nth_oid(open, i)))
			return true;
		open = list_concat_unique_oid(open, LabelParents(list_nth_oid(open, i)));
	}
	return false;
}

bool
AuditIsEnforced(void)
{
	return enforcing > 0;
}

/*
 * tarot.enforce_audit(relation oid) RETURNS void
 *
 * Makes the table's triggers what tarot.audited_table says, and those of what is
 * below it. That alone, so that nobody has another thing done which is not on
 * record.
 */
PG_FUNCTION_INFO_V1(tarot_audit_enforce_audit);
Datum
tarot_audit_enforce_audit(PG_FUNCTION_ARGS)
{
	Oid function = AuditFunction("make_audit_triggers", 1, (const Oid[]){OIDOID});

	enforcing++;
	PG_TRY();
	{
		OidFunctionCall1(function, PG_GETARG_DATUM(0));
	}
	PG_FINALLY();
	{
		enforcing--;
	}
	PG_END_TRY();
	PG_RETURN_VOID();
}

/*
 * temporary.c
 *		Temporary objects of the session, where code runs with somebody else's rights.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"

#include "base/temporary.h"

/* InvalidOid: it is none that a name without a schema could mean. */
static Oid
owner_of(Oid class_id, Oid object)
{
	Oid owner = InvalidOid;
	HeapTuple tuple = NULL;

	if (class_id == RelationRelationId)
		tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(object));
	else if (class_id == TypeRelationId)
		tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(object));
	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	owner = class_id == RelationRelationId ? ((Form_pg_class) GETSTRUCT(tuple))->relowner
										   : ((Form_pg_type) GETSTRUCT(tuple))->typowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* Whose one is that has not the rights of the role; of InvalidOid, whose one is. */
static Oid
find_owner(Oid role)
{
	Oid namespace;
	Oid toast_namespace;
	Oid found = InvalidOid;
	Relation depend;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;

	GetTempNamespaceState(&namespace, &toast_namespace);
	if (likely(!OidIsValid(namespace)))
		return InvalidOid;
	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(NamespaceRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(namespace));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, lengthof(keys), keys);
	while (!OidIsValid(found) && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend entry = (Form_pg_depend) GETSTRUCT(tuple);
		Oid owner = owner_of(entry->classid, entry->objid);

		if (OidIsValid(owner) && !(OidIsValid(role) && has_privs_of_role(owner, role)))
			found = owner;
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return found;
}

bool
TemporaryObjectsExist(void)
{
	return OidIsValid(find_owner(InvalidOid));
}

void
TemporaryRequireOwned(Oid role)
{
	Oid owner = find_owner(role);

	if (OidIsValid(owner))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("the session has temporary tables or types of role \"%s\"",
							   GetUserNameFromId(owner, false)),
						errdetail("Code that runs as role \"%s\" could take them for its own.",
								  GetUserNameFromId(role, false)),
						errhint("DISCARD TEMP, or do it in another session.")));
}

/*
 * tarot.require_own_temporary(role oid) RETURNS void
 */
PG_FUNCTION_INFO_V1(tarot_base_require_own_temporary);
Datum
tarot_base_require_own_temporary(PG_FUNCTION_ARGS)
{
	TemporaryRequireOwned(PG_GETARG_OID(0));
	PG_RETURN_VOID();
}

/*
 * temporary.c
 *		Temporary objects of the session, where code runs with somebody else's rights.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
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

typedef struct Search
{
	Oid role; /* who owns it has not the rights of this one; InvalidOid: whoever owns it */
	Oid owner;
	CommandId since; /* it was made by this command of the transaction, or by a later one */
} Search;

static bool
is_of_another(Form_pg_depend entry, Search *search)
{
	search->owner = owner_of(entry->classid, entry->objid);
	return OidIsValid(search->owner) &&
		   !(OidIsValid(search->role) && has_privs_of_role(search->owner, search->role));
}

static bool
is_new(HeapTuple tuple, CommandId since)
{
	return TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data)) &&
		   HeapTupleHeaderGetCmin(tuple->t_data) >= since;
}

/* Whether there is such an object; with InvalidCommandId, a table or type of another. */
static bool
find(Search *search)
{
	Oid namespace;
	Oid toast_namespace;
	bool found = false;
	Relation depend;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;

	GetTempNamespaceState(&namespace, &toast_namespace);
	if (likely(!OidIsValid(namespace)))
		return false;
	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(NamespaceRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(namespace));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, lengthof(keys), keys);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
		found = search->since != InvalidCommandId
					? is_new(tuple, search->since)
					: is_of_another((Form_pg_depend) GETSTRUCT(tuple), search);
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return found;
}

bool
TemporaryObjectsExist(void)
{
	Search search = {.since = InvalidCommandId};

	return find(&search);
}

void
TemporaryRequireOwned(Oid role)
{
	Search search = {.role = role, .since = InvalidCommandId};

	if (find(&search))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("the session has temporary tables or types of role \"%s\"",
							   GetUserNameFromId(search.owner, false)),
						errdetail("Code that runs as role \"%s\" could take them for its own.",
								  GetUserNameFromId(role, false)),
						errhint("DISCARD TEMP, or do it in another session.")));
}

CommandId
TemporaryBegin(void)
{
	/* What was made until now was made by an earlier command. */
	CommandCounterIncrement();
	return GetCurrentCommandId(false);
}

void
TemporaryEnd(CommandId begin)
{
	Search search = {.since = begin};

	/* What the last command has made is to be seen, too. */
	CommandCounterIncrement();
	if (find(&search))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("code of the table's owner has made temporary objects"),
						errhint("A trigger or another function that the table brings along does. "
								"They would stay in the session, which is somebody else's.")));
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

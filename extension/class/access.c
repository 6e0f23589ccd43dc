/*
 * access.c
 *		What a role may do with the values of a class, by its grants.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/catalog.h"
#include "base/compat.h"
#include "class/access.h"

/* Columns of tarot.class_grant, as in class.sql */
enum
{
	GRANT_CLASS_ID = 1,
	GRANT_GRANTEE = 2,
	GRANT_READ = 3,
	GRANT_SEARCH = 4,
	GRANT_WRITE = 5,
};

static HTAB *accesses;

void
ClassAccessInit(void)
{
	HASHCTL options = {0};

	options.keysize = sizeof(((ClassAccess *) NULL)->name);
	options.entrysize = sizeof(ClassAccess);
	options.hcxt = AllocSetContextCreate(TopMemoryContext, "tarot_security class access",
										 ALLOCSET_SMALL_SIZES);
	accesses = hash_create("tarot_security class access", 64, &options,
						   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static bool
role_inherits(Oid role)
{
	HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	bool inherits = false;

	if (HeapTupleIsValid(tuple))
	{
		inherits = ((Form_pg_authid) GETSTRUCT(tuple))->rolinherit;
		ReleaseSysCache(tuple);
	}
	return inherits;
}

static bool
is_database_owner(Oid role)
{
	HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
	bool owner = false;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_database) GETSTRUCT(tuple))->datdba == role;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/*
 * The role and all whose privileges it has by inheritance. PostgreSQL's
 * has_privs_of_role() would say yes to everything for a superuser, so the
 * memberships are walked here, by the same rules.
 */
static List *
effective_roles(Oid role)
{
	List *roles = list_make1_oid(role);

	for (int i = 0; i < list_length(roles); i++)
	{
		Oid member = list_nth_oid(roles, i);
		bool inherits = role_inherits(member);
		CatCList *memberships = SearchSysCacheList1(AUTHMEMMEMROLE, ObjectIdGetDatum(member));

		for (int j = 0; j < memberships->n_members; j++)
		{
			HeapTuple tuple = &memberships->members[j]->tuple;

			if (compat_membership_inherits(tuple, inherits))
				roles = list_append_unique_oid(roles,
											   ((Form_pg_auth_members) GETSTRUCT(tuple))->roleid);
		}
		ReleaseSysCacheList(memberships);

		/* An implicit membership, which pg_auth_members does not list. */
		if (is_database_owner(member) && inherits)
			roles = list_append_unique_oid(roles, ROLE_PG_DATABASE_OWNER);
	}
	return roles;
}

static void
read_grants(ClassAccess *access)
{
	List *roles = effective_roles(access->name.role);
	Relation table = CatalogOpen("class_grant", AccessShareLock);
	TupleDesc desc = RelationGetDescr(table);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	access->read = READ_NONE;
	access->search = false;
	access->write = false;

	ScanKeyInit(&key, GRANT_CLASS_ID, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(access->name.class_id));
	scan = CatalogScan(table, "class_grant_pkey", 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool isnull;
		Oid grantee = DatumGetObjectId(heap_getattr(tuple, GRANT_GRANTEE, desc, &isnull));
		char *read;

		if (!list_member_oid(roles, grantee))
			continue;
		read = TextDatumGetCString(heap_getattr(tuple, GRANT_READ, desc, &isnull));
		if (strcmp(read, "plain") == 0)
			access->read = READ_PLAIN;
		else if (strcmp(read, "masked") == 0)
			access->read = Max(access->read, READ_MASKED);
		access->search |= DatumGetBool(heap_getattr(tuple, GRANT_SEARCH, desc, &isnull));
		access->write |= DatumGetBool(heap_getattr(tuple, GRANT_WRITE, desc, &isnull));
		pfree(read);
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	list_free(roles);
}

const ClassAccess *
ClassAccessOf(int32 class_id, Oid role)
{
	ClassAccess wanted = {.name = {class_id, role}};
	static ClassAccess *last;
	ClassAccess *access;
	bool found;

	if (likely(last != NULL && last->name.class_id == class_id && last->name.role == role &&
			   last->epoch == CatalogEpoch))
		return last;
	access = hash_search(accesses, &wanted.name, HASH_ENTER, &found);
	if (!found)
		access->epoch = 0;
	if (access->epoch != CatalogEpoch)
	{
		uint64 epoch = CatalogEpoch;

		read_grants(access);
		access->epoch = epoch;
	}
	last = access;
	return access;
}

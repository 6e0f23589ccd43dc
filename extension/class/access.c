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
#include "base/varlena.h"
#include "class/access.h"

/* Columns of tarot.class_grant, as in class.sql */
enum
{
	GRANT_CLASS_ID = 1,
	GRANT_GRANTEE = 2,
	GRANT_READ = 3,
	GRANT_SEARCH = 4,
	GRANT_WRITE = 5,
	GRANT_PERMISSION = 8,
};

/* What a grant gives to identities that hold a permission. */
typedef struct ConditionalRights
{
	ClassRights rights;
	uint8 len;
	uint8 permission[PERMISSION_SIZE_MAX];
} ConditionalRights;

/* Never freed. */
typedef struct ClassAccess
{
	struct
	{
		int32 class_id;
		Oid role;
	} name;              /* hash key */
	uint64 epoch;        /* of what the grants say: */
	ClassRights granted; /* without condition */
	ConditionalRights *conditions;
	int nconditions;
	PermissionStamp found; /* of what they come to for the session's identity: */
	ClassRights rights;
} ClassAccess;

static MemoryContext access_context;
static HTAB *accesses;

void
ClassAccessInit(void)
{
	HASHCTL options = {0};

	options.keysize = sizeof(((ClassAccess *) NULL)->name);
	options.entrysize = sizeof(ClassAccess);
	access_context = AllocSetContextCreate(TopMemoryContext, "tarot_security class access",
										   ALLOCSET_SMALL_SIZES);
	options.hcxt = access_context;
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

static ClassRights
rights_of_grant(HeapTuple tuple, TupleDesc desc)
{
	bool isnull;
	char *read = TextDatumGetCString(heap_getattr(tuple, GRANT_READ, desc, &isnull));
	ClassRights rights = {.read = READ_NONE,
						  .search = DatumGetBool(heap_getattr(tuple, GRANT_SEARCH, desc, &isnull)),
						  .write = DatumGetBool(heap_getattr(tuple, GRANT_WRITE, desc, &isnull))};

	if (strcmp(read, "plain") == 0)
		rights.read = READ_PLAIN;
	else if (strcmp(read, "masked") == 0)
		rights.read = READ_MASKED;
	pfree(read);
	return rights;
}

static void
add_rights(ClassRights *to, ClassRights rights)
{
	to->read = Max(to->read, rights.read);
	to->search |= rights.search;
	to->write |= rights.write;
}

static void
add_condition(ClassAccess *access, Bytes permission, ClassRights rights)
{
	size_t size = mul_size(sizeof(ConditionalRights), access->nconditions + 1);
	ConditionalRights *condition;

	/* One that this version does not understand is held by nobody. */
	if (!PermissionIsValid(permission, false))
		return;
	access->conditions = access->conditions == NULL ? MemoryContextAlloc(access_context, size)
													: repalloc(access->conditions, size);
	condition = &access->conditions[access->nconditions++];
	condition->rights = rights;
	condition->len = (uint8) permission.len;
	memcpy(condition->permission, permission.data, permission.len);
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

	access->granted = (ClassRights){READ_NONE, false, false};
	access->nconditions = 0;

	ScanKeyInit(&key, GRANT_CLASS_ID, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(access->name.class_id));
	scan = CatalogScan(table, "class_grant_pkey", 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool isnull;
		Oid grantee = DatumGetObjectId(heap_getattr(tuple, GRANT_GRANTEE, desc, &isnull));
		text *permission;
		Bytes view;

		if (OidIsValid(grantee) && !list_member_oid(roles, grantee))
			continue;
		permission = DatumGetTextPP(heap_getattr(tuple, GRANT_PERMISSION, desc, &isnull));
		view = BytesOfVarlena(permission);
		if (view.len > 0)
			add_condition(access, view, rights_of_grant(tuple, desc));
		else if (OidIsValid(grantee))
			add_rights(&access->granted, rights_of_grant(tuple, desc));
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	list_free(roles);
}

static void
apply_conditions(ClassAccess *access)
{
	const Permissions *permissions = PermissionsHeld();

	access->found.identity = 0;
	access->rights = access->granted;
	for (int i = 0; permissions != NULL && i < access->nconditions; i++)
	{
		const ConditionalRights *condition = &access->conditions[i];

		if (PermissionsInclude(permissions, bytes_view(condition->permission, condition->len)))
			add_rights(&access->rights, condition->rights);
	}
	PermissionStampTake(&access->found);
}

/* What the grants say, up to date. */
static ClassAccess *
look_up(int32 class_id, Oid role)
{
	static ClassAccess *last;
	ClassAccess wanted = {.name = {class_id, role}};
	ClassAccess *access;
	bool found;

	if (likely(last != NULL && last->name.class_id == class_id && last->name.role == role &&
			   last->epoch == CatalogEpoch))
		return last;
	access = hash_search(accesses, &wanted.name, HASH_ENTER, &found);
	if (!found)
	{
		access->epoch = 0;
		access->conditions = NULL;
	}
	if (access->epoch != CatalogEpoch)
	{
		uint64 epoch = CatalogEpoch;

		access->epoch = 0;
		if (access->conditions != NULL)
			pfree(access->conditions);
		access->conditions = NULL;
		read_grants(access);
		access->rights = access->granted;
		access->found.identity = 0;
		access->epoch = epoch;
	}
	last = access;
	return access;
}

ClassRights
ClassAccessOf(int32 class_id, Oid role, AccessStamp *stamp)
{
	ClassAccess *access = look_up(class_id, role);

	if (unlikely(access->nconditions > 0 && !PermissionStampHolds(&access->found)))
		apply_conditions(access);
	if (stamp != NULL)
		*stamp = (AccessStamp){.catalog = access->epoch,
							   .conditional = access->nconditions > 0,
							   .permissions = access->found};
	return access->rights;
}

ClassRights
ClassAccessGranted(int32 class_id, Oid role)
{
	return look_up(class_id, role)->granted;
}

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
#include "fmgr.h"
#include "miscadmin.h"
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
#include "class/break_glass.h"
#include "class/class.h"
#include "class/purpose.h"
#include "identity/issuer.h"
#include "identity/verify.h"

/* Columns of tarot.class_grant, as in class.sql */
enum
{
	GRANT_CLASS_ID = 1,
	GRANT_GRANTEE = 2,
	GRANT_READ = 3,
	GRANT_SEARCH = 4,
	GRANT_WRITE = 5,
	GRANT_PERMISSION = 8,
	GRANT_VALID_UNTIL = 9,
};

/* What a grant gives until it ends, and to identities that hold a permission. */
typedef struct ConditionalRights
{
	ClassRights rights;
	int64 until; /* as jwt.h counts */
	uint8 len;   /* of the permission; 0: none is asked for */
	uint8 permission[PERMISSION_SIZE_MAX];
	char *subject; /* for whom alone; NULL: for anybody */
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
	bool by_identity;  /* one of them has a permission */
	bool states;       /* the class asks for a purpose */
	AccessStamp found; /* of what they come to: */
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
List *
ClassAccessRoles(Oid role)
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

static ConditionalRights *
add_condition(ClassAccess *access, int64 until, ClassRights rights)
{
	size_t size = mul_size(sizeof(ConditionalRights), access->nconditions + 1);
	ConditionalRights *condition;

	access->conditions = access->conditions == NULL ? MemoryContextAlloc(access_context, size)
													: repalloc(access->conditions, size);
	condition = &access->conditions[access->nconditions];
	*condition = (ConditionalRights){.rights = rights, .until = until};
	access->nconditions++;
	return condition;
}

static void
add_grant(ClassAccess *access, Bytes permission, int64 until, ClassRights rights)
{
	ConditionalRights *condition;

	/* One that this version does not understand is held by nobody. */
	if (permission.len > 0 && !PermissionIsValid(permission, false))
		return;
	if (permission.len == 0 && until == PG_INT64_MAX)
	{
		add_rights(&access->granted, rights);
		return;
	}
	condition = add_condition(access, until, rights);
	condition->len = (uint8) permission.len;
	if (permission.len > 0)
		memcpy(condition->permission, permission.data, permission.len);
	access->by_identity |= permission.len > 0;
}

static void
add_break_glass(ClassAccess *access, List *roles)
{
	List *uses = BreakGlassInForce(access->name.class_id, roles);
	ListCell *cell;

	foreach (cell, uses)
	{
		const BreakGlass *use = lfirst(cell);
		ConditionalRights *condition =
			add_condition(access, use->until, (ClassRights){.read = READ_NOTED});

		if (use->subject != NULL)
		{
			condition->subject = MemoryContextStrdup(access_context, use->subject);
			access->by_identity = true;
		}
	}
	list_free_deep(uses);
}

static void
forget_grants(ClassAccess *access)
{
	for (int i = 0; i < access->nconditions; i++)
	{
		if (access->conditions[i].subject != NULL)
			pfree(access->conditions[i].subject);
	}
	if (access->conditions != NULL)
		pfree(access->conditions);
	access->conditions = NULL;
	access->nconditions = 0;
	access->granted = (ClassRights){READ_NONE, false, false};
	access->by_identity = false;
}

static void
read_grants(ClassAccess *access)
{
	List *roles = ClassAccessRoles(access->name.role);
	int64 now = VerifyClock();
	Relation table = CatalogOpen("class_grant", AccessShareLock);
	TupleDesc desc = RelationGetDescr(table);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, GRANT_CLASS_ID, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(access->name.class_id));
	scan = CatalogScan(table, "class_grant_pkey", 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool isnull;
		Oid grantee = DatumGetObjectId(heap_getattr(tuple, GRANT_GRANTEE, desc, &isnull));
		int64 until = IssuerMicros(
			DatumGetTimestampTz(heap_getattr(tuple, GRANT_VALID_UNTIL, desc, &isnull)));
		text *permission;
		Bytes view;

		if (until <= now || (OidIsValid(grantee) && !list_member_oid(roles, grantee)))
			continue;
		permission = DatumGetTextPP(heap_getattr(tuple, GRANT_PERMISSION, desc, &isnull));
		view = BytesOfVarlena(permission);
		if (OidIsValid(grantee) || view.len > 0)
			add_grant(access, view, until, rights_of_grant(tuple, desc));
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	add_break_glass(access, roles);
	list_free(roles);
	access->states = ClassFind(access->name.class_id)->purposes != NULL;
}

bool
AccessConditionsHold(const AccessStamp *stamp)
{
	return stamp->purpose == PurposeEpoch &&
		   (!stamp->by_identity || PermissionStampHolds(&stamp->permissions)) &&
		   (stamp->until == PG_INT64_MAX || VerifyIsAhead(stamp->until));
}

static bool
is_fulfilled(const ConditionalRights *condition, const Permissions *permissions)
{
	if (condition->len == 0 && condition->subject == NULL)
		return true;
	if (permissions == NULL)
		return false;
	if (condition->subject != NULL)
		return permissions->subject.len == strlen(condition->subject) &&
			   memcmp(permissions->subject.data, condition->subject, permissions->subject.len) == 0;
	return PermissionsInclude(permissions, bytes_view(condition->permission, condition->len));
}

/*
 * What a grant comes to where the class asks for a purpose. It may have changed since its
 * grants were read: then these are read again next time.
 */
static ClassRights
with_purpose(const ClassAccess *access, ClassRights rights)
{
	if (access->states && rights.read == READ_PLAIN)
	{
		const DataClass *data_class = ClassFind(access->name.class_id);
		bool suffices = data_class->purposes != NULL && PurposeSuffices(data_class->purposes);

		rights.read = suffices ? READ_NOTED : READ_UNSTATED;
	}
	return rights;
}

static void
apply_conditions(ClassAccess *access)
{
	int64 now = VerifyClock();
	const Permissions *permissions = access->by_identity ? PermissionsHeld() : NULL;
	AccessStamp stamp = {.catalog = access->epoch,
						 .conditional = access->nconditions > 0 || access->states,
						 .by_identity = access->by_identity,
						 .until = PG_INT64_MAX,
						 .purpose = PurposeEpoch};

	access->found.catalog = 0;
	access->rights = with_purpose(access, access->granted);
	for (int i = 0; i < access->nconditions; i++)
	{
		ConditionalRights *condition = &access->conditions[i];

		/* What was seen to end does not begin again when somebody turns the clock back. */
		if (condition->until <= now)
			condition->until = PG_INT64_MIN;
		if (condition->until == PG_INT64_MIN)
			continue;
		stamp.until = Min(stamp.until, condition->until);
		if (is_fulfilled(condition, permissions))
			add_rights(&access->rights, with_purpose(access, condition->rights));
	}
	if (access->by_identity)
		PermissionStampTake(&stamp.permissions);
	access->found = stamp;
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
		access->nconditions = 0;
	}
	if (access->epoch != CatalogEpoch)
	{
		uint64 epoch = CatalogEpoch;

		access->epoch = 0;
		forget_grants(access);
		read_grants(access);
		access->found.catalog = 0;
		access->epoch = epoch;
	}
	last = access;
	return access;
}

ClassRights
ClassAccessOf(int32 class_id, Oid role, AccessStamp *stamp)
{
	ClassAccess *access = look_up(class_id, role);

	if (unlikely(!AccessStampHolds(&access->found)))
		apply_conditions(access);
	if (stamp != NULL)
		*stamp = access->found;
	return access->rights;
}

ClassRights
ClassAccessGranted(int32 class_id, Oid role)
{
	const ClassAccess *access = look_up(class_id, role);
	ClassRights rights = access->granted;

	if (access->states && rights.read == READ_PLAIN)
		rights.read = READ_UNSTATED;
	return rights;
}

/*
 * tarot.role_writes_class(role oid, class text) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_class_role_writes_class);
Datum
tarot_class_role_writes_class(PG_FUNCTION_ARGS)
{
	Oid role = PG_GETARG_OID(0);
	text *name = PG_GETARG_TEXT_PP(1);

	PG_RETURN_BOOL(ClassAccessOf(ClassIdOfName(BytesOfVarlena(name)), role, NULL).write);
}

/*
 * permission.c
 *		What the session's identity may do, by the roles that it has.
 *
 * Found when it is first asked, and kept until the identity, a role or an
 * assignment changes, or one of the assignments ends.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "fmgr.h"
#include "funcapi.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/utf8.h"
#include "base/varlena.h"
#include "identity/session.h"
#include "identity/verify.h"
#include "permission/permission.h"
#include "permission/resource.h"

/* Columns of tarot.role_assignment, as in assignment.sql */
enum
{
	ASSIGNMENT_SUBJECT = 1,
	ASSIGNMENT_ROLE = 2,
	ASSIGNMENT_VALID_UNTIL = 3,
};

uint64 PermissionEpoch = 1;

static MemoryContext held_context;
static Permissions held;
static PermissionStamp held_stamp;

/* ---------------------------------------------------------------- which roles */

/* Names as they come in, in the server's encoding. */
typedef struct Names
{
	Bytes *names;
	int count;
	int room;
} Names;

static void
add_name(Names *to, Bytes name)
{
	if (to->count == to->room)
	{
		to->room = Max(to->room * 2, 16);
		to->names = to->names == NULL ? palloc(to->room * sizeof(Bytes))
									  : repalloc(to->names, mul_size(to->room, sizeof(Bytes)));
	}
	to->names[to->count++] = name;
}

static void
add_claimed(Names *to, const Issuer *issuer, const JsonValue *claimed)
{
	if (claimed->kind != JSON_STRING)
		return;
	for (int i = 0; i < issuer->nroles; i++)
	{
		if (claimed->text.len == issuer->roles[i].len &&
			memcmp(claimed->text.data, issuer->roles[i].data, claimed->text.len) == 0)
			add_name(to, Utf8ToServer(issuer->roles[i]));
	}
}

/* Those that the issuer gives, or lets its tokens give. */
static void
add_roles_of_token(Names *to)
{
	const Issuer *issuer = IdentityIssuer();
	const JsonValue *claim = issuer->role_claim != NULL ? IdentityClaim(issuer->role_claim) : NULL;

	for (int i = 0; i < issuer->ndefault_roles; i++)
		add_name(to, Utf8ToServer(issuer->default_roles[i]));
	if (claim != NULL && claim->kind == JSON_ARRAY)
	{
		const JsonValue *item = json_first(claim);

		for (uint32 i = 0; i < claim->count; i++, item = json_next(item))
			add_claimed(to, issuer, item);
	}
	else if (claim != NULL)
		add_claimed(to, issuer, claim);
}

/* `until` becomes the end of the first that ends. */
static void
add_assigned_roles(Names *to, Bytes subject, int64 now, int64 *until)
{
	Relation table = CatalogOpenFor("role_assignment", AccessShareLock, &PermissionEpoch);
	TupleDesc desc = RelationGetDescr(table);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, ASSIGNMENT_SUBJECT, BTEqualStrategyNumber, F_TEXTEQ,
				PointerGetDatum(TextOfBytes(subject)));
	scan = CatalogScan(table, "role_assignment_pkey", 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool isnull;
		int64 end = IssuerMicros(
			DatumGetTimestampTz(heap_getattr(tuple, ASSIGNMENT_VALID_UNTIL, desc, &isnull)));
		text *role;

		if (end <= now)
			continue;
		*until = Min(*until, end);
		role = DatumGetTextPCopy(heap_getattr(tuple, ASSIGNMENT_ROLE, desc, &isnull));
		add_name(to, bytes_view(VARDATA(role), VARSIZE(role) - VARHDRSZ));
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
}

/* ---------------------------------------------------------------- what they permit */

static void
collect_permissions(Permissions *to)
{
	ListCell *cell;
	int count = 0;

	foreach (cell, to->roles)
		count += ((Role *) lfirst(cell))->npermissions;
	to->granted = palloc(sizeof(Bytes) * Max(count, 1));
	foreach (cell, to->roles)
	{
		const Role *role = lfirst(cell);

		for (int i = 0; i < role->npermissions; i++)
			to->granted[to->ngranted++] = role->permissions[i];
	}
}

static void
find_permissions(void)
{
	int64 now = VerifyClock();
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "tarot_security permissions", ALLOCSET_SMALL_SIZES);
	MemoryContext outer = MemoryContextSwitchTo(context);

	/* Taken before anything is read: what changes meanwhile is found next time. */
	PermissionStamp stamp = {.identity = IdentityEpoch,
							 .catalog = CatalogEpoch,
							 .permissions = PermissionEpoch,
							 .until = PG_INT64_MAX};
	Permissions found = {0};
	Names names = {0};
	Bytes subject = Utf8ToServer(IdentitySubject());

	add_roles_of_token(&names);
	if (subject.len > 0)
	{
		uint8 *copy = palloc(subject.len);

		memcpy(copy, subject.data, subject.len);
		found.subject = bytes_view(copy, subject.len);
		add_assigned_roles(&names, found.subject, now, &stamp.until);
	}
	found.roles = RolesWithInherited(names.names, names.count);
	collect_permissions(&found);

	MemoryContextSwitchTo(outer);
	if (held_context != NULL)
		MemoryContextDelete(held_context);
	MemoryContextSetParent(context, TopMemoryContext);
	held_context = context;
	held = found;
	held_stamp = stamp;
}

static inline bool
stamp_holds_at(const PermissionStamp *stamp, int64 now)
{
	return stamp->identity == IdentityEpoch && stamp->catalog == CatalogEpoch &&
		   stamp->permissions == PermissionEpoch &&
		   (likely(now + VERIFY_CLOCK_LAG < stamp->until) || VerifyClock() < stamp->until);
}

const Permissions *
PermissionsHeld(void)
{
	int64 now;

	if (!IdentityHolds(&now))
		return NULL;
	if (unlikely(!stamp_holds_at(&held_stamp, now)))
		find_permissions();
	return &held;
}

bool
PermissionsInclude(const Permissions *permissions, Bytes permission)
{
	for (int i = 0; i < permissions->ngranted; i++)
	{
		if (PermissionCovers(permissions->granted[i], permission))
			return true;
	}
	return false;
}

bool
PermissionStampHolds(const PermissionStamp *stamp)
{
	int64 now = 0;

	(void) IdentityHolds(&now);
	return stamp_holds_at(stamp, now);
}

void
PermissionStampTake(PermissionStamp *stamp)
{
	int64 now;

	if (IdentityHolds(&now))
		*stamp = held_stamp;
	else
		*stamp = (PermissionStamp){.identity = IdentityEpoch,
								   .catalog = CatalogEpoch,
								   .permissions = PermissionEpoch,
								   .until = PG_INT64_MAX};
}

/* ---------------------------------------------------------------- for permission.sql */

/* What one call site has found out, in fn_extra. */
typedef struct PermissionSite
{
	PermissionStamp stamp;
	bool held;
	uint8 len;
	uint8 permission[PERMISSION_SIZE_MAX];
} PermissionSite;

/* Whether the session holds it for all resources. */
static bool
holds_for_all(FunctionCallInfo fcinfo, Bytes permission)
{
	PermissionSite *site = fcinfo->flinfo->fn_extra;
	const Permissions *permissions;

	if (likely(site != NULL && site->len == permission.len &&
			   memcmp(site->permission, permission.data, permission.len) == 0 &&
			   PermissionStampHolds(&site->stamp)))
		return site->held;

	PermissionRequireValid(permission);
	if (site == NULL)
		fcinfo->flinfo->fn_extra = site =
			MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(PermissionSite));
	site->stamp.identity = 0;
	permissions = PermissionsHeld();
	site->held = permissions != NULL && PermissionsInclude(permissions, permission);
	site->len = (uint8) permission.len;
	memcpy(site->permission, permission.data, permission.len);
	PermissionStampTake(&site->stamp);
	return site->held;
}

/*
 * tarot.has_permission(permission text) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_permission_has_permission);
Datum
tarot_permission_has_permission(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(holds_for_all(fcinfo, PG_GETARG_BYTES(0)));
}

/*
 * tarot.has_permission(permission text, resource_type text, resource_id text) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_permission_has_permission_on);
Datum
tarot_permission_has_permission_on(PG_FUNCTION_ARGS)
{
	Bytes permission = PG_GETARG_BYTES(0);
	const Permissions *permissions;

	if (holds_for_all(fcinfo, permission))
		PG_RETURN_BOOL(true);
	permissions = PermissionsHeld();
	PG_RETURN_BOOL(permissions != NULL && ResourceIsGranted(permissions, PG_GETARG_TEXT_PP(1),
															PG_GETARG_TEXT_PP(2), permission));
}

static int
compare_texts(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/*
 * tarot.roles() RETURNS SETOF text
 */
PG_FUNCTION_INFO_V1(tarot_permission_roles);
Datum
tarot_permission_roles(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const Permissions *permissions = PermissionsHeld();
	List *names = NIL;
	ListCell *cell;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	foreach (cell, permissions != NULL ? permissions->roles : NIL)
	{
		Bytes name = ((const Role *) lfirst(cell))->name;

		names = lappend(names, pnstrdup((const char *) name.data, name.len));
	}
	list_sort(names, compare_texts);
	foreach (cell, names)
	{
		Datum name = CStringGetTextDatum(lfirst(cell));
		bool isnull = false;

		tuplestore_putvalues(result->setResult, result->setDesc, &name, &isnull);
	}
	return (Datum) 0;
}

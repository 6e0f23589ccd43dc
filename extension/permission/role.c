/*
 * role.c
 *		Roles of the platform, and what they permit.
 *
 * There are few, and they seldom change: all are read together, anew when a
 * policy table changed.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "fmgr.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "base/catalog.h"
#include "base/varlena.h"
#include "permission/role.h"

/* Leading columns of tarot.role, tarot.role_inheritance and tarot.role_permission, as in role.sql
 */
enum
{
	ROLE_NAME = 1,
	INHERITANCE_ROLE = 1,
	INHERITANCE_INHERITS = 2,
	PERMISSION_ROLE = 1,
	PERMISSION_PERMISSION = 2,
};

/* Sorted by name, in a context of their own. */
static MemoryContext roles_context;
static Role *roles;
static int nroles;
static uint64 roles_epoch;

/* ---------------------------------------------------------------- permissions */

static inline bool
is_letter_of_word(uint8 c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
		   c == '.' || c == '-';
}

bool
PermissionIsValid(Bytes permission, bool may_cover_others)
{
	size_t len = permission.len;
	bool in_word = false;

	if (len > PERMISSION_SIZE_MAX)
		return false;
	if (may_cover_others && len > 0 && permission.data[len - 1] == '*')
	{
		if (len == 1)
			return true;
		if (permission.data[len - 2] != ':')
			return false;
		len -= 2;
	}
	for (size_t i = 0; i < len; i++)
	{
		if (is_letter_of_word(permission.data[i]))
			in_word = true;
		else if (permission.data[i] == ':' && in_word)
			in_word = false;
		else
			return false;
	}
	return in_word;
}

void
PermissionRequireValid(Bytes permission)
{
	if (likely(PermissionIsValid(permission, false)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("this is not a permission that somebody can have"),
			 errdetail("One has words of letters, digits, \"_\", \".\" and \"-\", with \":\" "
					   "between them, and at most 255 bytes."),
			 errhint("For instance \"readings:read\".")));
}

bool
PermissionCovers(Bytes granted, Bytes permission)
{
	if (granted.data[granted.len - 1] != '*')
		return granted.len == permission.len &&
			   memcmp(granted.data, permission.data, granted.len) == 0;

	/* With the ":" before the "*": "readings:*" is not for "readings-of-others:read". */
	return permission.len >= granted.len &&
		   memcmp(granted.data, permission.data, granted.len - 1) == 0;
}

/* ---------------------------------------------------------------- the tables */

static int
compare_names(Bytes a, Bytes b)
{
	int order = memcmp(a.data, b.data, Min(a.len, b.len));

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int
compare_roles(const void *a, const void *b)
{
	return compare_names(((const Role *) a)->name, ((const Role *) b)->name);
}

static Bytes
text_column(HeapTuple tuple, TupleDesc desc, int column)
{
	bool isnull;
	text *copy = DatumGetTextPCopy(heap_getattr(tuple, column, desc, &isnull));

	return bytes_view(VARDATA(copy), VARSIZE(copy) - VARHDRSZ);
}

/* What a column pair of a table says, in the current context. */
typedef struct Pair
{
	Bytes role;
	Bytes other;
} Pair;

static Pair *
read_pairs(const char *table_name, const char *index, int other, int *count)
{
	Relation table = CatalogOpen(table_name, AccessShareLock);
	TupleDesc desc = RelationGetDescr(table);
	SysScanDesc scan = CatalogScan(table, index, 0, NULL);
	int room = 16;
	Pair *pairs = palloc(room * sizeof(Pair));
	HeapTuple tuple;

	*count = 0;
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		if (*count == room)
			pairs = repalloc(pairs, mul_size(room *= 2, sizeof(Pair)));
		pairs[*count].role = text_column(tuple, desc, 1);
		if (other != 0)
			pairs[*count].other = text_column(tuple, desc, other);
		(*count)++;
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return pairs;
}

static Role *
find_among(Role *among, int count, Bytes name)
{
	Role wanted = {.name = name};

	return bsearch(&wanted, among, count, sizeof(Role), compare_roles);
}

/* The lists of all roles lie in one piece, behind each other. */
static void
add_permissions(Role *to, int count, const Pair *granted, int ngranted)
{
	Role **roles_of = palloc(mul_size(sizeof(Role *), Max(ngranted, 1)));
	Bytes *room = palloc(mul_size(sizeof(Bytes), Max(ngranted, 1)));

	for (int i = 0; i < ngranted; i++)
	{
		roles_of[i] = PermissionIsValid(granted[i].other, true)
						  ? find_among(to, count, granted[i].role)
						  : NULL;
		if (roles_of[i] != NULL)
			roles_of[i]->npermissions++;
	}
	for (int i = 0; i < count; i++)
	{
		to[i].permissions = room;
		room += to[i].npermissions;
		to[i].npermissions = 0;
	}
	for (int i = 0; i < ngranted; i++)
	{
		Role *role = roles_of[i];

		if (role != NULL)
			role->permissions[role->npermissions++] = granted[i].other;
	}
	pfree(roles_of);
}

/* The tables have no foreign keys, lest a restore fails: a row may speak of roles that are none. */
static Role *
build_roles(int *count)
{
	int ninherited;
	int ngranted;
	Pair *names = read_pairs("role", "role_pkey", 0, count);
	Pair *inherited =
		read_pairs("role_inheritance", "role_inheritance_pkey", INHERITANCE_INHERITS, &ninherited);
	Pair *granted =
		read_pairs("role_permission", "role_permission_pkey", PERMISSION_PERMISSION, &ngranted);
	Role *built = palloc0(sizeof(Role) * Max(*count, 1));

	for (int i = 0; i < *count; i++)
		built[i].name = names[i].role;
	qsort(built, *count, sizeof(Role), compare_roles);
	for (int i = 0; i < ninherited; i++)
	{
		Role *role = find_among(built, *count, inherited[i].role);
		Role *other = find_among(built, *count, inherited[i].other);

		if (role != NULL && other != NULL)
			role->inherits = lappend(role->inherits, other);
	}
	add_permissions(built, *count, granted, ngranted);
	return built;
}

static void
read_roles(void)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "tarot_security roles", ALLOCSET_SMALL_SIZES);
	MemoryContext outer = MemoryContextSwitchTo(context);
	uint64 epoch = CatalogEpoch;
	int count;
	Role *read = build_roles(&count);

	MemoryContextSwitchTo(outer);
	if (roles_context != NULL)
		MemoryContextDelete(roles_context);
	MemoryContextSetParent(context, TopMemoryContext);
	roles_context = context;
	roles = read;
	nroles = count;
	roles_epoch = epoch;
}

List *
RolesWithInherited(const Bytes *names, int count)
{
	static uint64 walk;
	List *found = NIL;
	List *open = NIL;

	/* Once: what is found stands while the rest is looked for. */
	if (unlikely(roles_epoch != CatalogEpoch))
		read_roles();
	for (int i = 0; i < count; i++)
	{
		Role *role = find_among(roles, nroles, names[i]);

		if (role != NULL)
			open = lappend(open, role);
	}
	walk++;
	while (open != NIL)
	{
		Role *role = llast(open);

		open = list_delete_last(open);
		if (role->seen == walk)
			continue;
		role->seen = walk;
		found = lappend(found, role);
		open = list_concat(open, role->inherits);
	}
	return found;
}

/*
 * tarot.is_permission(permission text, may_cover_others boolean) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_permission_is_permission);
Datum
tarot_permission_is_permission(PG_FUNCTION_ARGS)
{
	text *permission = PG_GETARG_TEXT_PP(0);

	PG_RETURN_BOOL(PermissionIsValid(BytesOfVarlena(permission), PG_GETARG_BOOL(1)));
}

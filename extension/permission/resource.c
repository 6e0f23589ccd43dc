/*
 * resource.c
 *		What is granted on single resources, to the session's subject and to its
 *		roles.
 *
 * There can be millions of grants: each question is a scan of an index, and
 * nothing is kept.
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
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/varlena.h"
#include "identity/verify.h"
#include "permission/resource.h"

/* Columns of tarot.resource_grant, as in resource.sql; the first five are its primary key */
enum
{
	GRANT_GRANTEE_KIND = 1,
	GRANT_GRANTEE = 2,
	GRANT_RESOURCE_TYPE = 3,
	GRANT_RESOURCE_ID = 4,
	GRANT_PERMISSION = 5,
	GRANT_VALID_UNTIL = 6,
};

/* What is looked for. */
typedef struct Search
{
	Relation table;
	Datum resource_type;
	Datum resource_id; /* 0: any */
	Bytes permission;
	int64 now;
	List *found; /* their ids, as strings; not where one is enough */
	bool any;
} Search;

static bool
is_granted_by(const Search *search, HeapTuple tuple)
{
	TupleDesc desc = RelationGetDescr(search->table);
	bool isnull;
	text *granted = DatumGetTextPP(heap_getattr(tuple, GRANT_PERMISSION, desc, &isnull));
	Bytes view = BytesOfVarlena(granted);
	TimestampTz end = DatumGetTimestampTz(heap_getattr(tuple, GRANT_VALID_UNTIL, desc, &isnull));

	return IssuerMicros(end) > search->now && PermissionIsValid(view, true) &&
		   PermissionCovers(view, search->permission);
}

static void
look_at_grants_to(Search *search, const char *kind, Bytes grantee)
{
	ScanKeyData keys[4];
	int nkeys = search->resource_id != 0 ? 4 : 3;
	Datum name = PointerGetDatum(TextOfBytes(grantee));
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&keys[0], GRANT_GRANTEE_KIND, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(kind));
	ScanKeyInit(&keys[1], GRANT_GRANTEE, BTEqualStrategyNumber, F_TEXTEQ, name);
	ScanKeyInit(&keys[2], GRANT_RESOURCE_TYPE, BTEqualStrategyNumber, F_TEXTEQ,
				search->resource_type);
	ScanKeyInit(&keys[3], GRANT_RESOURCE_ID, BTEqualStrategyNumber, F_TEXTEQ, search->resource_id);
	scan = CatalogScan(search->table, "resource_grant_pkey", nkeys, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool isnull;

		if (!is_granted_by(search, tuple))
			continue;
		search->any = true;
		if (nkeys == 4)
			break;
		search->found =
			lappend(search->found,
					TextDatumGetCString(heap_getattr(tuple, GRANT_RESOURCE_ID,
													 RelationGetDescr(search->table), &isnull)));
	}
	systable_endscan(scan);
}

static void
look_at_grants(Search *search, const Permissions *permissions)
{
	ListCell *cell;

	search->now = VerifyClock();
	search->table = CatalogOpenFor("resource_grant", AccessShareLock, &PermissionEpoch);
	if (permissions->subject.len > 0)
		look_at_grants_to(search, "subject", permissions->subject);
	foreach (cell, permissions->roles)
	{
		if (search->any && search->resource_id != 0)
			break;
		look_at_grants_to(search, "role", ((const Role *) lfirst(cell))->name);
	}
	table_close(search->table, AccessShareLock);
}

bool
ResourceIsGranted(const Permissions *permissions, text *resource_type, text *resource_id,
				  Bytes permission)
{
	Search search = {.resource_type = PointerGetDatum(resource_type),
					 .resource_id = PointerGetDatum(resource_id),
					 .permission = permission};

	look_at_grants(&search, permissions);
	return search.any;
}

static int
compare_ids(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/*
 * tarot.accessible(resource_type text, permission text) RETURNS SETOF text
 */
PG_FUNCTION_INFO_V1(tarot_permission_accessible);
Datum
tarot_permission_accessible(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	text *permission = PG_GETARG_TEXT_PP(1);
	Search search = {.resource_type = PG_GETARG_DATUM(0), .permission = BytesOfVarlena(permission)};
	const Permissions *permissions = PermissionsHeld();
	const char *previous = NULL;
	ListCell *cell;

	PermissionRequireValid(search.permission);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (permissions == NULL)
		return (Datum) 0;
	look_at_grants(&search, permissions);
	list_sort(search.found, compare_ids);
	foreach (cell, search.found)
	{
		const char *id = lfirst(cell);
		Datum value = CStringGetTextDatum(id);
		bool isnull = false;

		if (previous == NULL || strcmp(previous, id) != 0)
			tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
		previous = id;
	}
	return (Datum) 0;
}

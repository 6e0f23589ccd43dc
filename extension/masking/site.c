/*
 * site.c
 *		What is done with the values of one place in a query: at run time, for
 *		the role that then is current.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "events/event.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "class/access.h"
#include "class/class.h"
#include "class/reveal.h"
#include "gate/gate.h"
#include "label/label.h"
#include "masking/site.h"
#include "values/datum.h"

/* ---------------------------------------------------------------- our objects */

static Oid site_type;
static Oid value_function;
static Oid row_function;

static void
forget(Datum argument, int cache, uint32 hash)
{
	(void) argument;
	(void) cache;
	(void) hash;
	site_type = InvalidOid;
}

static Oid
find_function(const char *name, Oid type)
{
	Oid arguments[2] = {ANYELEMENTOID, type};

	return LookupFuncName(list_make2(makeString(pstrdup("tarot")), makeString(pstrdup(name))), 2,
						  arguments, false);
}

/* The extension may be dropped and made again, with its schema. */
void
MaskSiteLookUp(void)
{
	Oid type;

	if (likely(OidIsValid(site_type)))
		return;
	type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("mask_site"),
						   ObjectIdGetDatum(get_namespace_oid("tarot", false)));
	if (!OidIsValid(type))
		elog(ERROR, "type tarot.mask_site is missing");
	value_function = find_function("masked", type);
	row_function = find_function("masked_row", type);
	site_type = type;
}

uint32
MaskSiteHash(void)
{
	MaskSiteLookUp();
	return GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(value_function));
}

void
MaskSiteInit(void)
{
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget, (Datum) 0);
}

Expr *
MaskSiteCall(const MaskSite *site, Var *var)
{
	MaskSite *copy = palloc(sizeof(MaskSite));
	Const *constant;
	Expr *call;

	*copy = *site;
	constant =
		makeConst(site_type, -1, InvalidOid, sizeof(MaskSite), PointerGetDatum(copy), false, false);
	call = (Expr *) makeFuncExpr(site->column == 0 ? row_function : value_function, var->vartype,
								 list_make2(copyObject(var), constant), var->varcollid,
								 var->varcollid, COERCE_EXPLICIT_CALL);

	/* Clients see the column's modifier, as the length of a varchar. */
	if (var->vartypmod >= 0)
		call = (Expr *) makeRelabelType(call, var->vartype, var->vartypmod, var->varcollid,
										COERCE_IMPLICIT_CAST);
	return call;
}

/* ---------------------------------------------------------------- one column */

/* What one call site has found out of a column; zeroed at first, and kept in fn_extra. */
typedef struct SiteColumn
{
	AccessStamp stamp;
	Oid role;
	ReadAccess read;
	GateCounts *counts;
	MaskedType *type; /* NULL until a mask is needed */
} SiteColumn;

static char *
name_of_column(const MaskSite *site)
{
	const char *column = get_attname(site->relation, site->column, true);
	const char *table = get_rel_name(site->relation);

	return psprintf("\"%s\" of table \"%s\"", column != NULL ? column : "?",
					table != NULL ? table : "?");
}

static const char *
name_of_class(const MaskSite *site)
{
	DataClass *data_class;

	if (!CLASS_IS_NAMED(site->class_id))
		return NULL;
	data_class = ClassFind(site->class_id);
	return data_class->exists ? data_class->name : NULL;
}

pg_noreturn static void
refuse_read(const MaskSite *site)
{
	const char *class_name = name_of_class(site);
	char *role = GetUserNameFromId(GetUserId(), true);

	ereport(ERROR,
			(EventDenied("read", class_name != NULL ? class_name : "unknown"),
			 errmsg("permission denied for column %s", name_of_column(site)),
			 class_name == NULL
				 ? errdetail("The column's data class is not known in this database.")
				 : errdetail("Role \"%s\" holds no grant on data class \"%s\".", role, class_name),
			 class_name == NULL
				 ? errhint("Create the class, or give the column another one with "
						   "tarot.classify_column().")
				 : errhint("tarot.grant_class(%s, %s, 'masked') lets it see masks.",
						   quote_literal_cstr(class_name), quote_literal_cstr(role))));
}

pg_noreturn static void
refuse_dump(const MaskSite *site)
{
	ereport(ERROR, (EventDenied("copy", name_of_class(site)),
					errmsg("permission denied to copy column %s", name_of_column(site)),
					errdetail("Role \"%s\" would get masks instead of values.",
							  GetUserNameFromId(GetUserId(), true)),
					errhint("Do it as a role that may read the data class plainly, or get masks "
							"with PGOPTIONS='-c tarot_security.io=masked'.")));
}

pg_noreturn static void
refuse_write(const MaskSite *site)
{
	ereport(ERROR,
			(EventDenied("write mask", name_of_class(site)),
			 errmsg("the mask of column %s would be written as a value", name_of_column(site)),
			 errdetail("Role \"%s\" may not read the value.", GetUserNameFromId(GetUserId(), true)),
			 errhint("Write a value of its own, or do it as a role that may read the data class "
					 "plainly.")));
}

static void
find_access(SiteColumn *column, const MaskSite *site)
{
	column->role = InvalidOid;

	/* What nobody has classified yet is no error: of it there is nothing that could be granted. */
	if (site->class_id == CLASS_UNCLASSIFIED)
		column->read = READ_MASKED;
	else if (ClassFind(site->class_id)->exists)
		column->read = ClassAccessOf(site->class_id, GetUserId(), &column->stamp).read;
	else
		column->read = READ_NONE;
	column->counts = GateCountsOf(site->class_id, GetUserId());
	column->role = GetUserId();
}

/* What is neither simply a mask that is shown, nor NULL in its place. */
static ReadAccess
access_in_full(const SiteColumn *column, const MaskSite *site, bool isnull)
{
	if (likely(column->read >= READ_UNSTATED))
	{
		if (likely(site->use != SITE_STORES && GateCurrentIo() != GATE_IO_MASKED))
		{
			column->counts->seen.refused += column->read == READ_UNSTATED;
			(void) ClassReveal(site->class_id, column->read);
			column->counts->seen.plain += !isnull;
			return READ_PLAIN;
		}
	}
	else if (column->read == READ_NONE)
	{
		column->counts->seen.refused++;
		refuse_read(site);
	}
	if (isnull)
		return READ_MASKED;

	/* Without row security, as pg_dump wants it, rows are taken for all there is. */
	if (site->use == SITE_WRITES)
	{
		column->counts->seen.refused++;
		refuse_write(site);
	}
	if (unlikely((site->use == SITE_DUMPS || !row_security) && GateCurrentIo() != GATE_IO_MASKED))
	{
		column->counts->seen.refused++;
		refuse_dump(site);
	}
	column->counts->seen.masked++;
	return READ_MASKED;
}

/* What a column's value is shown as; raises where it is not to be shown. NULL has no mask. */
static inline ReadAccess
access_of(SiteColumn *column, const MaskSite *site, bool isnull)
{
	if (unlikely(column->role != GetUserId() || !AccessStampHolds(&column->stamp)))
		find_access(column, site);
	if (likely(column->read == READ_MASKED && site->use == SITE_SHOWS && row_security))
	{
		column->counts->seen.masked += !isnull;
		return READ_MASKED;
	}
	return access_in_full(column, site, isnull);
}

/* The mask; false for NULL. */
static inline bool
mask_value(SiteColumn *column, const MaskSite *site, MemoryContext context, Datum value,
		   Datum *masked)
{
	if (unlikely(column->type == NULL))
	{
		MemoryContext outer = MemoryContextSwitchTo(context);

		column->type = ClassMaskedType(site->class_id, site->type, site->typmod);
		MemoryContextSwitchTo(outer);
	}
	return ClassMaskDatum(column->type, value, masked);
}

/* ---------------------------------------------------------------- SQL functions */

/*
 * tarot.masked(value anyelement, site tarot.mask_site) RETURNS anyelement
 */
PG_FUNCTION_INFO_V1(tarot_masking_masked);
Datum
tarot_masking_masked(PG_FUNCTION_ARGS)
{
	const MaskSite *site;
	SiteColumn *column = fcinfo->flinfo->fn_extra;
	ReadAccess access;
	Datum masked;

	if (unlikely(PG_ARGISNULL(1)))
		PG_RETURN_NULL();
	site = (const MaskSite *) PG_GETARG_POINTER(1);

	if (unlikely(column == NULL))
		fcinfo->flinfo->fn_extra = column =
			MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(SiteColumn));

	/* Also for NULL: who may read nothing is not told which values there are. */
	access = access_of(column, site, PG_ARGISNULL(0));
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (access == READ_PLAIN)
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	if (!mask_value(column, site, fcinfo->flinfo->fn_mcxt, PG_GETARG_DATUM(0), &masked))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(masked);
}

/* What a call site has found out of a table's columns. */
typedef struct SiteRow
{
	int natts;
	Datum *values;
	bool *nulls;
	MaskSite *sites; /* by attribute number - 1 */
	SiteColumn *columns;
} SiteRow;

static SiteRow *
make_row(const MaskSite *site, TupleDesc desc, MemoryContext context)
{
	MemoryContext outer = MemoryContextSwitchTo(context);
	SiteRow *row = palloc0(sizeof(SiteRow));
	LabelledTable *labels = LabelFind(site->relation);

	row->natts = desc->natts;
	row->values = palloc(sizeof(Datum) * desc->natts);
	row->nulls = palloc(sizeof(bool) * desc->natts);
	row->sites = palloc0(sizeof(MaskSite) * desc->natts);
	row->columns = palloc0(sizeof(SiteColumn) * desc->natts);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		row->sites[i] = (MaskSite){
			.relation = site->relation,
			.class_id = labels != NULL && i < labels->natts ? labels->classes[i] : CLASS_NONE,
			.type = attribute->atttypid,
			.typmod = attribute->atttypmod,
			.column = attribute->attnum,
			.use = site->use};
	}
	MemoryContextSwitchTo(outer);
	return row;
}

/*
 * tarot.masked_row(row anyelement, site tarot.mask_site) RETURNS anyelement
 */
PG_FUNCTION_INFO_V1(tarot_masking_masked_row);
Datum
tarot_masking_masked_row(PG_FUNCTION_ARGS)
{
	HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(0);
	const MaskSite *site = (const MaskSite *) PG_GETARG_POINTER(1);
	TupleDesc desc =
		lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header), .t_data = header};
	SiteRow *row = fcinfo->flinfo->fn_extra;
	Datum result;

	if (unlikely(row == NULL || row->natts != desc->natts))
		fcinfo->flinfo->fn_extra = row = make_row(site, desc, fcinfo->flinfo->fn_mcxt);
	heap_deform_tuple(&tuple, desc, row->values, row->nulls);
	for (int i = 0; i < row->natts; i++)
	{
		const MaskSite *one = &row->sites[i];

		if (one->class_id == CLASS_NONE ||
			access_of(&row->columns[i], one, row->nulls[i]) == READ_PLAIN || row->nulls[i])
			continue;
		row->nulls[i] = !mask_value(&row->columns[i], one, fcinfo->flinfo->fn_mcxt, row->values[i],
									&row->values[i]);
	}
	result = HeapTupleGetDatum(heap_form_tuple(desc, row->values, row->nulls));
	ReleaseTupleDesc(desc);
	PG_RETURN_DATUM(result);
}

/*
 * tarot.mask_site_in(cstring) RETURNS tarot.mask_site
 */
PG_FUNCTION_INFO_V1(tarot_masking_site_in);
Datum
tarot_masking_site_in(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("values of type tarot.mask_site are made by the planner alone"),
					errdetail("With one a mask could be had of any value.")));
}

/*
 * tarot.mask_site_out(tarot.mask_site) RETURNS cstring
 */
PG_FUNCTION_INFO_V1(tarot_masking_site_out);
Datum
tarot_masking_site_out(PG_FUNCTION_ARGS)
{
	const MaskSite *site = (const MaskSite *) PG_GETARG_POINTER(0);
	const char *class_name = name_of_class(site);

	PG_RETURN_CSTRING(psprintf("[%s]", site->class_id == CLASS_NONE ? "row"
									   : class_name != NULL         ? class_name
																	: "unclassified"));
}

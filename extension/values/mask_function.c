/*
 * mask_function.c
 *		Masks that are functions in SQL.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_language.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "class/reveal.h"
#include "values/mask_function.h"

#define PATH_SETTING "search_path="

/*
 * Whether a search_path leaves nothing to the reader. Temporary tables and types come before all
 * others unless pg_temp is named: a cast would hand the value to a domain of the reader's.
 */
static bool
is_fixed_path(const char *path)
{
	List *schemas;
	ListCell *cell;

	if (!SplitIdentifierString(pstrdup(path), ',', &schemas) || schemas == NIL)
		return false;
	foreach (cell, schemas)
	{
		if (strcmp(lfirst(cell), "$user") == 0)
			return false;
	}
	return strcmp(llast(schemas), "pg_temp") == 0;
}

/* Whether what names mean in it is decided: by a setting, when it was made, or by the compiler. */
static bool
has_fixed_names(HeapTuple tuple, Oid language)
{
	bool isnull;
	Datum config;
	Datum *settings;
	int count;

	if (language == INTERNALlanguageId || language == ClanguageId)
		return true;
	SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosqlbody, &isnull);
	if (!isnull)
		return true;
	config = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proconfig, &isnull);
	if (isnull)
		return false;
	deconstruct_array(DatumGetArrayTypeP(config), TEXTOID, -1, false, TYPALIGN_INT, &settings, NULL,
					  &count);
	for (int i = 0; i < count; i++)
	{
		const char *setting = TextDatumGetCString(settings[i]);

		if (strncmp(setting, PATH_SETTING, strlen(PATH_SETTING)) == 0)
			return is_fixed_path(setting + strlen(PATH_SETTING));
	}
	return false;
}

static bool
has_trusted_owner(Oid owner)
{
	HeapTuple tuple;
	Oid ours;

	if (superuser_arg(owner))
		return true;
	tuple = SearchSysCache1(NAMESPACENAME, CStringGetDatum("tarot"));
	if (!HeapTupleIsValid(tuple))
		return false;
	ours = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);
	return owner == ours;
}

/* What is wrong with it, as a clause; NULL for nothing. */
static const char *
problem_of(HeapTuple tuple)
{
	Form_pg_proc function = (Form_pg_proc) GETSTRUCT(tuple);

	if (function->prokind != PROKIND_FUNCTION || function->proretset || function->pronargs != 1 ||
		function->proargtypes.values[0] != function->prorettype)
		return "it must have one argument and a result of the same type";
	if (function->provolatile == PROVOLATILE_VOLATILE)
		return "it must be STABLE or IMMUTABLE";
	if (function->proparallel != PROPARALLEL_SAFE)
		return "it must be PARALLEL SAFE";
	if (!has_fixed_names(tuple, function->prolang))
		return "it must SET search_path, with pg_temp as the last schema and without \"$user\"";
	if (!has_trusted_owner(function->proowner))
		return "it must belong to the extension's owner or a superuser";
	return NULL;
}

/* Of "schema.name"; false where there is no such schema. */
static bool
split_name(const char *qualified, Oid *schema, const char **name)
{
	const char *point = strchr(qualified, '.');

	if (point == NULL)
		return false;
	*name = point + 1;
	*schema = get_namespace_oid(pnstrdup(qualified, (Size) (point - qualified)), true);
	return OidIsValid(*schema);
}

bool
MaskFunctionFind(const char *name, Oid type, MemoryContext context, FmgrInfo *function)
{
	const char *last;
	Oid schema;
	HeapTuple tuple;
	Oid found = InvalidOid;

	if (!split_name(name, &schema, &last))
		return false;
	tuple = SearchSysCache3(PROCNAMEARGSNSP, CStringGetDatum(last),
							PointerGetDatum(buildoidvector(&type, 1)), ObjectIdGetDatum(schema));
	if (!HeapTupleIsValid(tuple))
		return false;
	if (problem_of(tuple) == NULL)
		found = ((Form_pg_proc) GETSTRUCT(tuple))->oid;
	ReleaseSysCache(tuple);
	if (OidIsValid(found))
		fmgr_info_cxt(found, function, context);
	return OidIsValid(found);
}

void
MaskFunctionRequire(const char *name)
{
	const char *last;
	const char *problem = "there is no such function";
	Oid schema;
	CatCList *list;

	if (!split_name(name, &schema, &last))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
						errmsg("there is no schema for function \"%s\"", name)));
	list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(last));
	for (int i = 0; i < list->n_members && problem != NULL; i++)
	{
		HeapTuple tuple = &list->members[i]->tuple;

		if (((Form_pg_proc) GETSTRUCT(tuple))->pronamespace == schema)
			problem = problem_of(tuple);
	}
	ReleaseSysCacheList(list);
	if (problem != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_FUNCTION_DEFINITION),
						errmsg("function \"%s\" cannot be a mask: %s", name, problem)));
}

/* What others act on: canceled queries, transactions to be repeated, a lack of resources. */
static int
code_to_pass_on(int code)
{
	int category = ERRCODE_TO_CATEGORY(code);

	if (category == ERRCODE_OPERATOR_INTERVENTION || category == ERRCODE_TRANSACTION_ROLLBACK ||
		category == ERRCODE_INSUFFICIENT_RESOURCES)
		return code;
	return ERRCODE_EXTERNAL_ROUTINE_EXCEPTION;
}

bool
MaskFunctionCall(FmgrInfo *function, Oid collation, Datum value, Datum *masked)
{
	LOCAL_FCINFO(call, 1);
	MemoryContext context = CurrentMemoryContext;

	RevealNotePlaintext();
	InitFunctionCallInfoData(*call, function, 1, collation, NULL, NULL);
	call->args[0].value = value;
	call->args[0].isnull = false;
	PG_TRY();
	{
		*masked = FunctionCallInvoke(call);
	}
	PG_CATCH();
	{
		int code = geterrcode();

		/* Another error takes its place, so the transaction ends all the same. */
		MemoryContextSwitchTo(context);
		FlushErrorState();
		ereport(ERROR, (errcode(code_to_pass_on(code)),
						errmsg("the mask function %s failed", format_procedure(function->fn_oid)),
						errdetail("Its own error is not shown: that could hold the value.")));
	}
	PG_END_TRY();
	return !call->isnull;
}

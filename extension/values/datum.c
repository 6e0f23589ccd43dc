/*
 * datum.c
 *		Masks of values of any SQL type.
 *
 * What a type needs is looked up once, in ClassMaskedType(); a value then costs
 * its mask and the memory of the result.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

#include "base/catalog.h"
#include "base/utf8.h"
#include "base/varlena.h"
#include "values/mask_function.h"
#include "values/masked_type.h"
#include "values/masking.h"

/* ---------------------------------------------------------------- arrays */

static bool
mask_array_value(MaskedType *type, Datum value, Datum *masked)
{
	ArrayType *array = DatumGetArrayTypeP(value);
	Datum *values;
	bool *nulls;
	int count;

	deconstruct_array(array, type->element_type, type->typlen, type->typbyval, type->typalign,
					  &values, &nulls, &count);
	for (int i = 0; i < count; i++)
		nulls[i] = nulls[i] || !ClassMaskDatum(type->element, values[i], &values[i]);
	*masked = PointerGetDatum(construct_md_array(values, nulls, ARR_NDIM(array), ARR_DIMS(array),
												 ARR_LBOUND(array), type->element_type,
												 type->typlen, type->typbyval, type->typalign));
	pfree(values);
	pfree(nulls);
	if ((Pointer) array != DatumGetPointer(value))
		pfree(array);
	return true;
}

/* ---------------------------------------------------------------- functions */

/* The mask's name for it is in UTF-8. */
static const char *
server_name(const MaskSpec *mask)
{
	Bytes name = bytes_of_string(mask->argument);

	return Utf8TryToServer(name, &name) ? (const char *) name.data : "";
}

/* What a function returns has not the type's modifier: it is cut as other masks are, or not shown.
 */
static bool
mask_by_function(MaskedType *type, Datum value, Datum *masked)
{
	if (!MaskFunctionCall(&type->function, type->collation, value, masked))
		return false;
	if (type->typmod < 0)
		return true;
	switch (type->base)
	{
		case VARCHAROID:
			*masked = DirectFunctionCall3(varchar, *masked, Int32GetDatum(type->typmod),
										  BoolGetDatum(true));
			return true;
		case BPCHAROID:
			*masked = DirectFunctionCall3(bpchar, *masked, Int32GetDatum(type->typmod),
										  BoolGetDatum(true));
			return true;
		case NUMERICOID:
			return !numeric_is_nan(DatumGetNumeric(*masked)) &&
				   !numeric_is_inf(DatumGetNumeric(*masked)) && MaskFitNumeric(type, masked);
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return true;
		default:
			return false;
	}
}

/* ---------------------------------------------------------------- domains */

/*
 * As the server would check a mask that is stored in the domain, but that one
 * it refuses is not an error: it is not shown.
 */
static bool
domain_accepts(MaskedType *type, Datum value)
{
	bool accepts = true;
	ListCell *cell;

	UpdateDomainConstraintRef(type->domain);
	foreach (cell, type->domain->constraints)
	{
		DomainConstraintState *constraint = lfirst(cell);

		if (constraint->constrainttype != DOM_CONSTRAINT_CHECK || !accepts)
			continue;
		type->econtext->domainValue_datum = value;
		type->econtext->domainValue_isNull = false;
		accepts = ExecCheck(constraint->check_exprstate, type->econtext);
	}
	ResetExprContext(type->econtext);
	return accepts;
}

/* ---------------------------------------------------------------- all types */
MaskedType *
ClassMaskedType(int32 class_id, Oid type, int32 typmod)
{
	MaskedType *masked = palloc0(sizeof(MaskedType));
	Oid base = getBaseTypeAndTypmod(type, &typmod);
	Oid element = get_element_type(base);

	masked->class_id = class_id;
	masked->base = base;
	masked->collation = get_typcollation(base);
	masked->typmod = typmod;
	masked->context = CurrentMemoryContext;
	if (OidIsValid(element))
	{
		masked->by_type = mask_array_value;
		masked->element = ClassMaskedType(class_id, element, typmod);
		masked->element_type = element;
		get_typlenbyvalalign(element, &masked->typlen, &masked->typbyval, &masked->typalign);
	}
	else
		masked->by_type = MaskOfType(base);
	if (base != type && DomainHasConstraints(type))
	{
		masked->domain = palloc(sizeof(DomainConstraintRef));
		InitDomainConstraintRef(type, masked->domain, CurrentMemoryContext, true);
		masked->econtext = CreateStandaloneExprContext();
	}
	return masked;
}

/* Where the class, its mask or its keys may have changed. */
static void
look_up(MaskedType *type)
{
	uint64 epoch = CatalogEpoch;
	DataClass *data_class = ClassFind(type->class_id);

	type->data_class = NULL;
	type->mask = type->by_type;
	type->shown = (Datum) 0;
	type->epoch = epoch;
	if (!data_class->exists || data_class->mask.kind == MASK_NULL)
		return;
	if (data_class->mask.kind == MASK_FUNCTION && type->element == NULL)
		type->mask = MaskFunctionFind(server_name(&data_class->mask), type->base, type->context,
									  &type->function)
						 ? mask_by_function
						 : NULL;
	if (type->mask == NULL)
		return;
	type->data_class = data_class;
	if (type->mask != MaskTextValue)
		return;
	type->mask = MaskOfTexts(data_class);
	if (!ClassMaskNeedsValue(data_class))
	{
		MemoryContext before = MemoryContextSwitchTo(type->context);

		type->shown = MaskOfAnyText(type);
		MemoryContextSwitchTo(before);
	}
}

bool
ClassMaskDatum(MaskedType *type, Datum value, Datum *masked)
{
	if (unlikely(type->epoch != CatalogEpoch))
		look_up(type);
	if (type->data_class == NULL)
		return false;
	if (type->shown != (Datum) 0)
		*masked = type->shown;
	else if (!type->mask(type, value, masked))
		return false;
	return likely(type->domain == NULL) || domain_accepts(type, *masked);
}

/* ---------------------------------------------------------------- for values.sql */

/* What a call site knows of the class that it was last asked for. */
typedef struct Preview
{
	MemoryContext context; /* emptied for the next class: there may be one for each row */
	MaskedType *type;
} Preview;

static MaskedType *
type_to_preview(FunctionCallInfo fcinfo, int32 class_id)
{
	Preview *preview = fcinfo->flinfo->fn_extra;
	Node *call = fcinfo->flinfo->fn_expr;
	MemoryContext before;

	if (preview == NULL)
	{
		preview = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Preview));
		preview->context = AllocSetContextCreate(
			fcinfo->flinfo->fn_mcxt, "tarot_security preview of masks", ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = preview;
	}
	if (preview->type != NULL && preview->type->class_id == class_id)
		return preview->type;
	preview->type = NULL;
	MemoryContextReset(preview->context);
	before = MemoryContextSwitchTo(preview->context);
	preview->type = ClassMaskedType(
		class_id, get_fn_expr_argtype(fcinfo->flinfo, 1),
		call != NULL && IsA(call, FuncExpr) ? exprTypmod(lsecond(((FuncExpr *) call)->args)) : -1);
	MemoryContextSwitchTo(before);
	return preview->type;
}

/*
 * tarot.preview_mask(class text, value anyelement) RETURNS anyelement
 */
PG_FUNCTION_INFO_V1(tarot_values_preview_mask);
Datum
tarot_values_preview_mask(PG_FUNCTION_ARGS)
{
	int32 class_id = ClassIdOfName(PG_GETARG_BYTES(0));
	MaskedType *type;
	Datum masked;

	ClassRequire(class_id);
	type = type_to_preview(fcinfo, class_id);
	if (!ClassMaskDatum(type, PG_GETARG_DATUM(1), &masked))
		PG_RETURN_NULL();
	/* One that is the same for all values lies where the next class takes its place. */
	if (type->shown != (Datum) 0)
		masked = datumCopy(masked, false, -1);
	PG_RETURN_DATUM(masked);
}

/*
 * casts.c
 *		From base types on, to the types that these are cast to.
 *
 * PostgreSQL never takes two casts in a row by itself, so that `income::int`
 * needs one of its own. It does what the two would.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "column/casts.h"

struct BaseCast
{
	EnvelopeKind kind;
	Oid target;
	PGFunction convert;       /* NULL: the same bytes */
	bool (*fits)(Datum, Oid); /* whether it will do; NULL: it always does */
};

/* ---------------------------------------------------------------- what fits */

static bool
is_zero(Numeric number)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(number),
											 NumericGetDatum(int64_to_numeric(0)))) == 0;
}

static bool
is_between(Numeric number, int64 least, int64 greatest)
{
	Datum rounded = DirectFunctionCall2(numeric_round, NumericGetDatum(number), Int32GetDatum(0));

	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, rounded,
											 NumericGetDatum(int64_to_numeric(least)))) >= 0 &&
		   DatumGetInt32(DirectFunctionCall2(numeric_cmp, rounded,
											 NumericGetDatum(int64_to_numeric(greatest)))) <= 0;
}

/* Neither too large nor, which is an error as well, too small to be told from zero. */
static bool
is_in_float(Numeric number, double greatest, double least)
{
	double size = fabs(
		DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(number))));

	return size <= greatest && (size >= least || is_zero(number));
}

static bool
number_fits(Numeric number, Oid target)
{
	switch (target)
	{
		case INT2OID:
			return is_between(number, PG_INT16_MIN, PG_INT16_MAX);
		case INT4OID:
			return is_between(number, PG_INT32_MIN, PG_INT32_MAX);
		case INT8OID:
			return is_between(number, PG_INT64_MIN, PG_INT64_MAX);
		case FLOAT4OID:
			return is_in_float(number, FLT_MAX, FLT_MIN);
		case FLOAT8OID:
			return is_in_float(number, DBL_MAX, DBL_MIN);
		default:
			return true;
	}
}

static bool
numeric_fits(Datum value, Oid target)
{
	return number_fits(DatumGetNumeric(value), target);
}

static bool
jsonb_fits(Datum value, Oid target)
{
	JsonbValue scalar;

	if (!JsonbExtractScalar(&DatumGetJsonbP(value)->root, &scalar))
		return false;
	if (target == BOOLOID)
		return scalar.type == jbvBool;
	return scalar.type == jbvNumeric && number_fits(scalar.val.numeric, target);
}

/* Dates go further than points of time. */
static bool
date_fits(Datum value, Oid target)
{
	int overflow;

	if (target == TIMESTAMPOID)
		date2timestamp_opt_overflow(DatumGetDateADT(value), &overflow);
	else
		date2timestamptz_opt_overflow(DatumGetDateADT(value), &overflow);
	return overflow == 0;
}

/* ---------------------------------------------------------------- casts */

/*
 * Of pg_cast, what leads from a base type to another type. Not here: to types
 * that text is read as (regclass, xml), which happens by the type's output; and
 * to money, which depends on a locale.
 */
static const BaseCast casts[] = {
	{ENVELOPE_TEXT, VARCHAROID, NULL, NULL},
	{ENVELOPE_TEXT, BPCHAROID, NULL, NULL},
	{ENVELOPE_TEXT, NAMEOID, text_name, NULL},
	{ENVELOPE_JSONB, BOOLOID, jsonb_bool, jsonb_fits},
	{ENVELOPE_JSONB, NUMERICOID, jsonb_numeric, jsonb_fits},
	{ENVELOPE_JSONB, INT2OID, jsonb_int2, jsonb_fits},
	{ENVELOPE_JSONB, INT4OID, jsonb_int4, jsonb_fits},
	{ENVELOPE_JSONB, INT8OID, jsonb_int8, jsonb_fits},
	{ENVELOPE_JSONB, FLOAT4OID, jsonb_float4, jsonb_fits},
	{ENVELOPE_JSONB, FLOAT8OID, jsonb_float8, jsonb_fits},
	{ENVELOPE_NUMERIC, INT2OID, numeric_int2, numeric_fits},
	{ENVELOPE_NUMERIC, INT4OID, numeric_int4, numeric_fits},
	{ENVELOPE_NUMERIC, INT8OID, numeric_int8, numeric_fits},
	{ENVELOPE_NUMERIC, FLOAT4OID, numeric_float4, numeric_fits},
	{ENVELOPE_NUMERIC, FLOAT8OID, numeric_float8, numeric_fits},
	{ENVELOPE_DATE, TIMESTAMPOID, date_timestamp, date_fits},
	{ENVELOPE_DATE, TIMESTAMPTZOID, date_timestamptz, date_fits},
	{ENVELOPE_TIMESTAMPTZ, DATEOID, timestamptz_date, NULL},
	{ENVELOPE_TIMESTAMPTZ, TIMEOID, timestamptz_time, NULL},
	{ENVELOPE_TIMESTAMPTZ, TIMETZOID, timestamptz_timetz, NULL},
	{ENVELOPE_TIMESTAMPTZ, TIMESTAMPOID, timestamptz_timestamp, NULL},
};

const BaseCast *
BaseCastFind(EnvelopeKind kind, Oid target)
{
	for (size_t i = 0; i < lengthof(casts); i++)
	{
		if (casts[i].kind == kind && casts[i].target == target)
			return &casts[i];
	}
	elog(ERROR, "no cast from values of kind %d to type %u", (int) kind, target);
}

bool
BaseCastApply(const BaseCast *cast, Datum value, bool stand_in, Datum *result)
{
	LOCAL_FCINFO(call, 1);

	if (stand_in && cast->fits != NULL && !cast->fits(value, cast->target))
		return false;
	if (cast->convert == NULL)
	{
		*result = value;
		return true;
	}

	/* Some are NULL: the time of infinity, a number of JSON's null since 18. */
	InitFunctionCallInfoData(*call, NULL, 1, InvalidOid, NULL, NULL);
	call->args[0].value = value;
	call->args[0].isnull = false;
	*result = cast->convert(call);
	return !call->isnull;
}

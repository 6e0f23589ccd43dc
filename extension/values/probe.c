/*
 * probe.c
 *		Whether a class has a mask for values of a type, told by the mask of one that
 *		everybody knows.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/lsyscache.h"

#include "base/varlena.h"
#include "class/class.h"
#include "values/datum.h"

/* A value of a base type, or of an array; NULL for a type of which none is known. */
static const char *
known_value(Oid type)
{
	if (OidIsValid(get_element_type(type)))
		return "{}";
	switch (type)
	{
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
		case CHAROID:
		case BYTEAOID:
			return "x";
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case FLOAT4OID:
		case FLOAT8OID:
		case BOOLOID:
			return "1";
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return "2001-02-03";
		case TIMEOID:
		case TIMETZOID:
		case INTERVALOID:
			return "01:02:03";
		case JSONOID:
		case JSONBOID:
			return "{}";
		case UUIDOID:
			return "00010203-0405-4607-8809-0a0b0c0d0e0f";
		case INETOID:
		case CIDROID:
			return "192.0.2.1";
		default:
			return NULL;
	}
}

/*
 * tarot.mask_fits(class text, type oid, typmod integer) RETURNS boolean
 *
 * False: values of the type are masked by NULL. True where that cannot be told.
 */
PG_FUNCTION_INFO_V1(tarot_values_mask_fits);
Datum
tarot_values_mask_fits(PG_FUNCTION_ARGS)
{
	int32 class_id = ClassIdOfName(PG_GETARG_BYTES(0));
	Oid type = PG_GETARG_OID(1);
	const char *known = known_value(getBaseType(type));
	Oid input;
	Oid parameter;
	Datum masked;

	if (known == NULL)
		PG_RETURN_BOOL(true);
	getTypeInputInfo(getBaseType(type), &input, &parameter);
	PG_RETURN_BOOL(ClassMaskDatum(ClassMaskedType(class_id, type, PG_GETARG_INT32(2)),
								  OidInputFunctionCall(input, (char *) known, parameter, -1),
								  &masked));
}

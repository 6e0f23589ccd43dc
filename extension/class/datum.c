/*
 * datum.c
 *		Masks of values of any SQL type.
 *
 * What a type needs is looked up once, in ClassMaskedType(); a value then costs
 * its mask and the memory of the result.
 */
#include "postgres.h"

#include <math.h>
#include <sys/socket.h>

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "nodes/execnodes.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inet.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

#include "base/catalog.h"
#include "base/utf8.h"
#include "base/varlena.h"
#include "class/class.h"
#include "class/datum.h"
#include "class/masking.h"
#include "class/plaintext.h"
#include "mask/text.h"

typedef bool (*MaskFunction)(MaskedType *type, Datum value, Datum *masked);

struct MaskedType
{
	int32 class_id;
	uint64 epoch;          /* of data_class */
	DataClass *data_class; /* NULL where the mask is NULL for all values */
	MaskFunction mask;     /* NULL for types that have none */
	int32 typmod;          /* of the base type */
	MemoryContext context; /* that holds this */
	Datum shown;           /* where all values have the same; else 0 */

	/* Of the elements, where these are masked one by one. */
	MaskedType *element;
	Oid element_type;
	int16 typlen;
	bool typbyval;
	char typalign;

	/* Where a domain must accept the mask, too. */
	DomainConstraintRef *domain;
	ExprContext *econtext;
};

/* ---------------------------------------------------------------- text */

static text *
make_text(const char *data, size_t size, size_t padding)
{
	text *result = palloc(VARHDRSZ + size + padding);

	SET_VARSIZE(result, VARHDRSZ + size + padding);
	memcpy(VARDATA(result), data, size);
	memset(VARDATA(result) + size, ' ', padding);
	return result;
}

/* The mask of a text in the server's encoding, and in that; it may lie in `buffer`. */
static Bytes
mask_characters(DataClass *data_class, Bytes value, char buffer[MASK_BOUND_MAX])
{
	Bytes text;
	Bytes shown;

	/* What is no text under the server's encoding has no mask of its own; nor has what is none
	 * under UTF-8. */
	if (Utf8TryFromServer(value, &text))
	{
		shown = bytes_view(buffer, ClassMaskText(data_class, text, buffer));
		if (GetDatabaseEncoding() == PG_UTF8 || Utf8TryToServer(shown, &shown))
			return shown;
	}
	return bytes_of_string(MASK_REDACTED);
}

static Datum
mask_to_text(MaskedType *type, Bytes value)
{
	char buffer[MASK_BOUND_MAX];
	Bytes shown = mask_characters(type->data_class, value, buffer);
	int limit = type->typmod - VARHDRSZ;

	if (limit > 0 && shown.len > (size_t) limit)
		shown.len = (size_t) pg_mbcharcliplen((const char *) shown.data, (int) shown.len, limit);
	return PointerGetDatum(make_text((const char *) shown.data, shown.len, 0));
}

/* Text, varchar, and what shares their form. */
static bool
mask_text_value(MaskedType *type, Datum value, Datum *masked)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

	*masked = mask_to_text(type, BytesOfVarlena(bytes));
	if ((Pointer) bytes != DatumGetPointer(value))
		pfree(bytes);
	return true;
}

/* Blanks at the end do not count, and are there after it again. */
static bool
mask_bpchar_value(MaskedType *type, Datum value, Datum *masked)
{
	char buffer[MASK_BOUND_MAX];
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);
	Bytes text = BytesOfVarlena(bytes);
	Bytes shown;
	int limit = type->typmod - VARHDRSZ;
	int characters;

	text.len = (size_t) bpchartruelen((char *) text.data, (int) text.len);
	shown = mask_characters(type->data_class, text, buffer);
	if ((Pointer) bytes != DatumGetPointer(value))
		pfree(bytes);
	if (limit > 0)
		shown.len = (size_t) pg_mbcharcliplen((const char *) shown.data, (int) shown.len, limit);
	characters = pg_mbstrlen_with_len((const char *) shown.data, (int) shown.len);
	*masked = PointerGetDatum(
		make_text((const char *) shown.data, shown.len, (size_t) Max(limit - characters, 0)));
	return true;
}

static bool
mask_name_value(MaskedType *type, Datum value, Datum *masked)
{
	char buffer[MASK_BOUND_MAX];
	Bytes shown =
		mask_characters(type->data_class, bytes_of_string(NameStr(*DatumGetName(value))), buffer);
	Name result = palloc0(NAMEDATALEN);

	memcpy(NameStr(*result), shown.data,
		   (size_t) pg_mbcliplen((const char *) shown.data, (int) shown.len, NAMEDATALEN - 1));
	*masked = NameGetDatum(result);
	return true;
}

/* A single byte: the first of the mask, where that is a character. */
static bool
mask_char_value(MaskedType *type, Datum value, Datum *masked)
{
	char buffer[MASK_BOUND_MAX];
	char byte = DatumGetChar(value);
	Bytes shown =
		mask_characters(type->data_class, bytes_view(&byte, byte != '\0' ? 1 : 0), buffer);

	if (shown.len == 0 || IS_HIGHBIT_SET(shown.data[0]))
		return false;
	*masked = CharGetDatum((char) shown.data[0]);
	return true;
}

/* ---------------------------------------------------------------- bytes, UUIDs, addresses */

static bool
mask_bytea_value(MaskedType *type, Datum value, Datum *masked)
{
	struct varlena *bytes;
	uint8_t hash[MASK_HASH_BYTES];

	if (!ClassMaskFits(type->data_class, ENVELOPE_BYTEA))
		return false;
	if (type->data_class->mask.kind == MASK_LENGTH)
	{
		/* Which a value that is stored elsewhere tells without being fetched. */
		Size size = toast_raw_datum_size(value);

		bytes = palloc0(size);
		SET_VARSIZE(bytes, size);
		*masked = PointerGetDatum(bytes);
		return true;
	}
	bytes = PG_DETOAST_DATUM_PACKED(value);
	ClassMaskHash(type->data_class, BytesOfVarlena(bytes), hash);
	if ((Pointer) bytes != DatumGetPointer(value))
		pfree(bytes);
	*masked = PointerGetDatum(make_text((const char *) hash, sizeof(hash), 0));
	return true;
}

static int
hex_value(char digit)
{
	return digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}

/* By what it is as a text, so that a column of that type shows the same. */
static bool
mask_uuid_value(MaskedType *type, Datum value, Datum *masked)
{
	static const char hex[] = "0123456789abcdef";
	const pg_uuid_t *uuid = DatumGetUUIDP(value);
	MaskKind kind = type->data_class->mask.kind;
	char buffer[MASK_BOUND_MAX];
	char text[36];
	size_t size = 0;
	pg_uuid_t *result;

	if (kind != MASK_PSEUDONYM && kind != MASK_HASH)
		return false;
	for (int i = 0; i < UUID_LEN; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text[size++] = '-';
		text[size++] = hex[uuid->data[i] >> 4];
		text[size++] = hex[uuid->data[i] & 15];
	}
	ClassMaskText(type->data_class, bytes_view(text, size), buffer);
	result = palloc(sizeof(pg_uuid_t));
	for (int i = 0, at = 0; i < UUID_LEN; i++, at += 2)
	{
		if (buffer[at] == '-')
			at++;
		result->data[i] = (unsigned char) (hex_value(buffer[at]) << 4 | hex_value(buffer[at + 1]));
	}
	*masked = UUIDPGetDatum(result);
	return true;
}

/* The network that is left, with as many bits as are; the value's own prefix length is not shown.
 */
static bool
mask_inet_value(MaskedType *type, Datum value, Datum *masked)
{
	const inet *address = DatumGetInetPP(value);
	inet *result;
	unsigned bits;

	if (type->data_class->mask.kind != MASK_IP)
		return false;
	result = palloc0(sizeof(inet));
	ip_family(result) = ip_family(address);
	memcpy(ip_addr(result), ip_addr(address), (size_t) ip_addrsize(address));
	bits = mask_ip_address(&type->data_class->mask, ip_addr(result), (size_t) ip_addrsize(address));
	ip_bits(result) = (unsigned char) bits;
	SET_INET_VARSIZE(result);
	*masked = InetPGetDatum(result);
	return true;
}

static bool
mask_cidr_value(MaskedType *type, Datum value, Datum *masked)
{
	const inet *address = DatumGetInetPP(value);

	if (!mask_inet_value(type, value, masked))
		return false;
	/* A larger network stays what it is; its bits are zeros beyond that. */
	if (ip_bits(address) < ip_bits(DatumGetInetPP(*masked)))
		ip_bits(DatumGetInetPP(*masked)) = ip_bits(address);
	return true;
}

/* ---------------------------------------------------------------- numbers */

static bool
mask_number(MaskedType *type, Datum number, Datum *masked)
{
	PlaintextRoom room;

	return ClassMaskFits(type->data_class, ENVELOPE_NUMERIC) &&
		   ClassMaskNumeric(type->data_class, PlaintextOfDatum(ENVELOPE_NUMERIC, number, &room),
							masked);
}

static bool
mask_whole_number(MaskedType *type, int64 value, int64 least, int64 most, int64 *masked)
{
	Datum number;
	char *digits;

	if (!mask_number(type, NumericGetDatum(int64_to_numeric(value)), &number))
		return false;
	digits = DatumGetCString(DirectFunctionCall1(
		numeric_out, DirectFunctionCall2(numeric_round, number, Int32GetDatum(0))));
	errno = 0;
	*masked = strtoi64(digits, NULL, 10);
	return errno == 0 && *masked >= least && *masked <= most;
}

static bool
mask_int2_value(MaskedType *type, Datum value, Datum *masked)
{
	int64 shown;

	/* A pseudonym of so few numbers would have to be one of a million. */
	if (type->data_class->mask.kind == MASK_PSEUDONYM)
		return false;
	if (!mask_whole_number(type, DatumGetInt16(value), PG_INT16_MIN, PG_INT16_MAX, &shown))
		return false;
	*masked = Int16GetDatum((int16) shown);
	return true;
}

static bool
mask_int4_value(MaskedType *type, Datum value, Datum *masked)
{
	int64 shown;

	if (!mask_whole_number(type, DatumGetInt32(value), PG_INT32_MIN, PG_INT32_MAX, &shown))
		return false;
	*masked = Int32GetDatum((int32) shown);
	return true;
}

static bool
mask_int8_value(MaskedType *type, Datum value, Datum *masked)
{
	int64 shown;

	if (!mask_whole_number(type, DatumGetInt64(value), PG_INT64_MIN, PG_INT64_MAX, &shown))
		return false;
	*masked = Int64GetDatum(shown);
	return true;
}

static bool
mask_float4_value(MaskedType *type, Datum value, Datum *masked)
{
	double shown;

	if (!ClassMaskFloat(type->data_class, (double) DatumGetFloat4(value), &shown) ||
		!isfinite((float4) shown))
		return false;
	*masked = Float4GetDatum((float4) shown);
	return true;
}

static bool
mask_float8_value(MaskedType *type, Datum value, Datum *masked)
{
	double shown;

	if (!ClassMaskFloat(type->data_class, DatumGetFloat8(value), &shown))
		return false;
	*masked = Float8GetDatum(shown);
	return true;
}

/* The type modifier of numeric(precision, scale), as numeric.c packs it since PostgreSQL 15. */
#define NUMERIC_PRECISION(typmod) (((typmod) -VARHDRSZ) >> 16 & 0xFFFF)
#define NUMERIC_SCALE(typmod) (((((typmod) -VARHDRSZ) & 0x7FF) ^ 1024) - 1024)

static bool
mask_numeric_value(MaskedType *type, Datum value, Datum *masked)
{
	Datum limit;

	if (!mask_number(type, value, masked))
		return false;
	if (type->typmod < VARHDRSZ)
		return true;

	/* The server's own check would raise, and say what the mask is. */
	*masked =
		DirectFunctionCall2(numeric_round, *masked, Int32GetDatum(NUMERIC_SCALE(type->typmod)));
	limit = DirectFunctionCall2(numeric_power, NumericGetDatum(int64_to_numeric(10)),
								NumericGetDatum(int64_to_numeric(NUMERIC_PRECISION(type->typmod) -
																 NUMERIC_SCALE(type->typmod))));
	if (DatumGetInt32(DirectFunctionCall2(numeric_cmp, DirectFunctionCall1(numeric_abs, *masked),
										  limit)) >= 0)
		return false;
	return true;
}

/* ---------------------------------------------------------------- dates */

static bool
mask_date_value(MaskedType *type, Datum value, Datum *masked)
{
	DateADT shown;

	if (!ClassMaskFits(type->data_class, ENVELOPE_DATE) ||
		!ClassMaskDate(type->data_class, DatumGetDateADT(value), &shown))
		return false;
	*masked = DateADTGetDatum(shown);
	return true;
}

/* With a time zone or without: what is masked is UTC, or what stands there. */
static bool
mask_timestamp_value(MaskedType *type, Datum value, Datum *masked)
{
	Timestamp shown;

	if (!ClassMaskFits(type->data_class, ENVELOPE_TIMESTAMPTZ) ||
		!ClassMaskTimestamp(type->data_class, DatumGetTimestamp(value), &shown))
		return false;
	*masked = TimestampGetDatum(shown);
	return true;
}

/* ---------------------------------------------------------------- documents */

static bool
mask_jsonb_value(MaskedType *type, Datum value, Datum *masked)
{
	*masked = ClassMaskDocument(type->data_class, value);
	return true;
}

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
		type->econtext->domainValue_datum = MakeExpandedObjectReadOnly(value, false, type->typlen);
		type->econtext->domainValue_isNull = false;
		accepts = ExecCheck(constraint->check_exprstate, type->econtext);
	}
	ResetExprContext(type->econtext);
	return accepts;
}

/* ---------------------------------------------------------------- all types */

/* Text under another name, such as citext: cast to and from it without a function. */
static bool
is_text(Oid type)
{
	Oid function;

	return find_coercion_pathway(TEXTOID, type, COERCION_IMPLICIT, &function) ==
			   COERCION_PATH_RELABELTYPE &&
		   find_coercion_pathway(type, TEXTOID, COERCION_ASSIGNMENT, &function) ==
			   COERCION_PATH_RELABELTYPE;
}

static MaskFunction
function_for(Oid type)
{
	switch (type)
	{
		case TEXTOID:
		case VARCHAROID:
			return mask_text_value;
		case BPCHAROID:
			return mask_bpchar_value;
		case NAMEOID:
			return mask_name_value;
		case CHAROID:
			return mask_char_value;
		case BYTEAOID:
			return mask_bytea_value;
		case UUIDOID:
			return mask_uuid_value;
		case INETOID:
			return mask_inet_value;
		case CIDROID:
			return mask_cidr_value;
		case INT2OID:
			return mask_int2_value;
		case INT4OID:
			return mask_int4_value;
		case INT8OID:
			return mask_int8_value;
		case FLOAT4OID:
			return mask_float4_value;
		case FLOAT8OID:
			return mask_float8_value;
		case NUMERICOID:
			return mask_numeric_value;
		case DATEOID:
			return mask_date_value;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return mask_timestamp_value;
		case JSONBOID:
			return mask_jsonb_value;
		default:
			return is_text(type) ? mask_text_value : NULL;
	}
}

MaskedType *
ClassMaskedType(int32 class_id, Oid type, int32 typmod)
{
	MaskedType *masked = palloc0(sizeof(MaskedType));
	Oid base = getBaseTypeAndTypmod(type, &typmod);
	Oid element = get_element_type(base);

	masked->class_id = class_id;
	masked->typmod = typmod;
	masked->context = CurrentMemoryContext;
	if (OidIsValid(element))
	{
		masked->mask = mask_array_value;
		masked->element = ClassMaskedType(class_id, element, typmod);
		masked->element_type = element;
		get_typlenbyvalalign(element, &masked->typlen, &masked->typbyval, &masked->typalign);
	}
	else
		masked->mask = function_for(base);
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
	type->shown = (Datum) 0;
	type->epoch = epoch;
	if (!data_class->exists || data_class->mask.kind == MASK_NULL)
		return;
	type->data_class = data_class;
	if (type->mask == mask_text_value && !ClassMaskNeedsValue(data_class))
	{
		MemoryContext before = MemoryContextSwitchTo(type->context);

		type->shown = mask_to_text(type, bytes_view("", 0));
		MemoryContextSwitchTo(before);
	}
}

bool
ClassMaskDatum(MaskedType *type, Datum value, Datum *masked)
{
	if (unlikely(type->epoch != CatalogEpoch))
		look_up(type);
	if (type->data_class == NULL || type->mask == NULL)
		return false;
	if (type->shown != (Datum) 0)
		*masked = type->shown;
	else if (!type->mask(type, value, masked))
		return false;
	return likely(type->domain == NULL) || domain_accepts(type, *masked);
}

/* ---------------------------------------------------------------- for class.sql */

/*
 * tarot.preview_mask(class text, value anyelement) RETURNS anyelement
 */
PG_FUNCTION_INFO_V1(tarot_class_preview_mask);
Datum
tarot_class_preview_mask(PG_FUNCTION_ARGS)
{
	MaskedType *type = fcinfo->flinfo->fn_extra;
	int32 class_id = ClassIdOfName(PG_GETARG_BYTES(0));
	Datum masked;

	ClassRequire(class_id);
	if (type == NULL || type->class_id != class_id)
	{
		Node *call = fcinfo->flinfo->fn_expr;
		MemoryContext before = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		type = ClassMaskedType(class_id, get_fn_expr_argtype(fcinfo->flinfo, 1),
							   call != NULL && IsA(call, FuncExpr)
								   ? exprTypmod(lsecond(((FuncExpr *) call)->args))
								   : -1);
		MemoryContextSwitchTo(before);
		fcinfo->flinfo->fn_extra = type;
	}
	if (!ClassMaskDatum(type, PG_GETARG_DATUM(1), &masked))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(masked);
}

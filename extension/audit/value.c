/*
 * value.c
 *		Values of SQL types in JSON documents of the audit log.
 *
 * Numbers and booleans are JSON's, jsonb is itself, an envelope is its text
 * form, and everything else a string that the type's input takes back. Dates and
 * times are ISO 8601, with time zone in UTC. What has no short cut here is what
 * the type's output function makes of it under settings of ours.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

#include "audit/value.h"
#include "base/varlena.h"
#include "column/column.h"
#include "crypto/envelope.h"

typedef uint32 (*PutValue)(StringInfo out, AuditValue *type, Datum value);

struct AuditValue
{
	PutValue put;
	Oid base;
	FmgrInfo output; /* of types without a short cut */
	bool steady;     /* that gives the same under all settings */
	bool nested;     /* that may hold values of encrypted types */
};

/* ---------------------------------------------------------------- objects */

/* What jsonb has before its entries: the number of pairs, and that it is an object. */
void
AuditObjectBegin(AuditObject *object, StringInfo out, int count)
{
	uint32 header = (uint32) count | JB_FOBJECT;
	int size = (int) mul_size(sizeof(JEntry), 2 * (Size) count);

	appendBinaryStringInfo(out, (const char *) &header, sizeof(header));
	enlargeStringInfo(out, size);
	object->out = out;
	object->entries = out->len;
	object->number = 0;
	out->len += size;
	object->data = object->end = out->len;
}

/* As convertJsonbObject() does: each 32nd entry says where it ends, the others how long they are.
 */
void
AuditObjectValue(AuditObject *object, uint32 type)
{
	JEntry *entry = (JEntry *) (object->out->data + object->entries) + object->number;
	int end = object->out->len;

	if (object->number % JB_OFFSET_STRIDE == 0)
		*entry = type | (JEntry) (end - object->data) | JENTRY_HAS_OFF;
	else
		*entry = type | (JEntry) (end - object->end);
	object->number++;
	object->end = end;
}

/* ---------------------------------------------------------------- numbers */

static uint32
put_numeric(StringInfo out, AuditValue *type, Datum value)
{
	Numeric numeric = DatumGetNumeric(value);

	(void) type;
	if (unlikely(numeric_is_nan(numeric) || numeric_is_inf(numeric)))
	{
		appendStringInfoString(out, DatumGetCString(DirectFunctionCall1(numeric_out, value)));
		return JENTRY_ISSTRING;
	}
	AuditAlign(out);
	appendBinaryStringInfo(out, (const char *) numeric, (int) VARSIZE(numeric));
	return JENTRY_ISNUMERIC;
}

uint32
AuditPutInteger(StringInfo out, int64 value)
{
	Numeric numeric = int64_to_numeric(value);

	AuditAlign(out);
	appendBinaryStringInfo(out, (const char *) numeric, (int) VARSIZE(numeric));
	return JENTRY_ISNUMERIC;
}

static uint32
put_int2(StringInfo out, AuditValue *type, Datum value)
{
	(void) type;
	return AuditPutInteger(out, DatumGetInt16(value));
}

static uint32
put_int4(StringInfo out, AuditValue *type, Datum value)
{
	(void) type;
	return AuditPutInteger(out, DatumGetInt32(value));
}

static uint32
put_int8(StringInfo out, AuditValue *type, Datum value)
{
	(void) type;
	return AuditPutInteger(out, DatumGetInt64(value));
}

/* The shortest digits that are this number and no other; NaN and infinities are no numbers in JSON.
 */
static uint32
put_float(StringInfo out, const char *digits, bool finite)
{
	if (!finite)
	{
		appendStringInfoString(out, digits);
		return JENTRY_ISSTRING;
	}
	return put_numeric(out, NULL,
					   DirectFunctionCall3(numeric_in, CStringGetDatum(digits),
										   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static uint32
put_float4(StringInfo out, AuditValue *type, Datum value)
{
	char digits[FLOAT_SHORTEST_DECIMAL_LEN];

	(void) type;
	float_to_shortest_decimal_buf(DatumGetFloat4(value), digits);
	return put_float(out, digits, !isnan(DatumGetFloat4(value)) && !isinf(DatumGetFloat4(value)));
}

static uint32
put_float8(StringInfo out, AuditValue *type, Datum value)
{
	char digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	(void) type;
	double_to_shortest_decimal_buf(DatumGetFloat8(value), digits);
	return put_float(out, digits, !isnan(DatumGetFloat8(value)) && !isinf(DatumGetFloat8(value)));
}

static uint32
put_bool(StringInfo out, AuditValue *type, Datum value)
{
	(void) out;
	(void) type;
	return DatumGetBool(value) ? JENTRY_ISBOOL_TRUE : JENTRY_ISBOOL_FALSE;
}

/* ---------------------------------------------------------------- strings */

static uint32
put_text(StringInfo out, AuditValue *type, Datum value)
{
	text *string = DatumGetTextPP(value);

	(void) type;
	appendBinaryStringInfo(out, VARDATA_ANY(string), (int) VARSIZE_ANY_EXHDR(string));
	return JENTRY_ISSTRING;
}

static uint32
put_name(StringInfo out, AuditValue *type, Datum value)
{
	(void) type;
	appendStringInfoString(out, NameStr(*DatumGetName(value)));
	return JENTRY_ISSTRING;
}

static uint32
put_bytea(StringInfo out, AuditValue *type, Datum value)
{
	bytea *bytes = DatumGetByteaPP(value);
	int size = (int) VARSIZE_ANY_EXHDR(bytes);

	(void) type;
	appendBinaryStringInfo(out, "\\x", 2);
	enlargeStringInfo(out, 2 * size);
	out->len += (int) hex_encode(VARDATA_ANY(bytes), size, out->data + out->len);
	return JENTRY_ISSTRING;
}

static uint32
put_uuid(StringInfo out, AuditValue *type, Datum value)
{
	static const int dashes = 1 << 4 | 1 << 6 | 1 << 8 | 1 << 10;
	const pg_uuid_t *uuid = DatumGetUUIDP(value);

	(void) type;
	for (int i = 0; i < UUID_LEN; i++)
	{
		if (dashes & 1 << i)
			appendStringInfoCharMacro(out, '-');
		appendStringInfoCharMacro(out, "0123456789abcdef"[uuid->data[i] >> 4]);
		appendStringInfoCharMacro(out, "0123456789abcdef"[uuid->data[i] & 15]);
	}
	return JENTRY_ISSTRING;
}

static uint32
put_time(StringInfo out, AuditValue *type, Datum value)
{
	char buffer[MAXDATELEN + 1];
	const int utc = 0;

	JsonEncodeDateTime(buffer, value, type->base, &utc);
	appendStringInfoString(out, buffer);
	return JENTRY_ISSTRING;
}

static uint32
put_envelope(StringInfo out, AuditValue *type, Datum value)
{
	Bytes envelope = BytesOfVarlena(PG_DETOAST_DATUM_PACKED(value));
	int size = (int) envelope_text_size(envelope.len);

	(void) type;
	enlargeStringInfo(out, size);
	envelope_to_text(envelope, out->data + out->len);
	out->len += size;
	return JENTRY_ISSTRING;
}

/* ---------------------------------------------------------------- documents */

static uint32
put_scalar(StringInfo out, const JsonbValue *scalar)
{
	switch (scalar->type)
	{
		case jbvNumeric:
			return put_numeric(out, NULL, NumericGetDatum(scalar->val.numeric));
		case jbvString:
			appendBinaryStringInfo(out, scalar->val.string.val, scalar->val.string.len);
			return JENTRY_ISSTRING;
		case jbvBool:
			return scalar->val.boolean ? JENTRY_ISBOOL_TRUE : JENTRY_ISBOOL_FALSE;
		default:
			return JENTRY_ISNULL;
	}
}

static uint32
put_jsonb(StringInfo out, AuditValue *type, Datum value)
{
	Jsonb *document = DatumGetJsonbP(value);
	JsonbValue scalar;

	(void) type;
	if (JB_ROOT_IS_SCALAR(document))
	{
		(void) JsonbExtractScalar(&document->root, &scalar);
		return put_scalar(out, &scalar);
	}
	AuditAlign(out);
	appendBinaryStringInfo(out, VARDATA(document), (int) VARSIZE(document) - VARHDRSZ);
	return JENTRY_ISCONTAINER;
}

/* ---------------------------------------------------------------- all other types */

/* Under which an output function gives what can be read back, and always the same. */
static const struct
{
	const char *name;
	const char *value;
	bool nested; /* only for types that may hold values of encrypted types */
} settings[] = {
	{"DateStyle", "ISO, YMD", false},
	{"IntervalStyle", "postgres", false},
	{"TimeZone", "UTC", false},
	{"bytea_output", "hex", false},
	{"extra_float_digits", "1", false},
	{"lc_monetary", "C", false},
	{"quote_all_identifiers", "off", false},
	{"search_path", "pg_catalog", false},
	{"tarot_security.io", "envelope", true},
};

static uint32
put_output(StringInfo out, AuditValue *type, Datum value)
{
	int level = 0;

	for (size_t i = 0; !type->steady && i < lengthof(settings); i++)
	{
		if ((settings[i].nested && !type->nested) ||
			strcmp(GetConfigOption(settings[i].name, false, false), settings[i].value) == 0)
			continue;
		if (level == 0)
			level = NewGUCNestLevel();
		(void) set_config_option(settings[i].name, settings[i].value, PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	}
	appendStringInfoString(out, OutputFunctionCall(&type->output, value));

	/* After an error the end of the transaction, or of a part of it, does that. */
	if (level != 0)
		AtEOXact_GUC(true, level);
	return JENTRY_ISSTRING;
}

/* Whether no setting changes what the output function gives. */
static bool
is_steady(Oid type)
{
	Oid element = get_element_type(type);

	switch (OidIsValid(element) ? element : type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
		case CHAROID:
		case UUIDOID:
		case OIDOID:
		case INETOID:
		case CIDROID:
		case MACADDROID:
		case MACADDR8OID:
		case BITOID:
		case VARBITOID:
		case JSONOID:
		case JSONBOID:
		case TIMEOID:
		case TIMETZOID:
		case INT4RANGEOID:
		case INT8RANGEOID:
		case NUMRANGEOID:
		case TSVECTOROID:
		case TSQUERYOID:
			return true;
		default:
			return get_typtype(OidIsValid(element) ? element : type) == TYPTYPE_ENUM;
	}
}

static PutValue
short_cut(Oid base)
{
	switch (base)
	{
		case BOOLOID:
			return put_bool;
		case INT2OID:
			return put_int2;
		case INT4OID:
			return put_int4;
		case INT8OID:
			return put_int8;
		case FLOAT4OID:
			return put_float4;
		case FLOAT8OID:
			return put_float8;
		case NUMERICOID:
			return put_numeric;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case JSONOID:
		case XMLOID:
			return put_text;
		case NAMEOID:
			return put_name;
		case BYTEAOID:
			return put_bytea;
		case UUIDOID:
			return put_uuid;
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return put_time;
		case JSONBOID:
			return put_jsonb;
		default:
			return ColumnIsEncrypted(base) && !OidIsValid(get_element_type(base)) ? put_envelope
																				  : put_output;
	}
}

AuditValue *
AuditValueOfType(Oid type)
{
	AuditValue *value = palloc0(sizeof(AuditValue));

	value->base = getBaseType(type);
	value->put = short_cut(value->base);
	if (value->put == put_output)
	{
		Oid output;
		bool is_varlena;

		getTypeOutputInfo(value->base, &output, &is_varlena);
		fmgr_info(output, &value->output);
		value->steady = is_steady(value->base);
		value->nested = value->base >= FirstNormalObjectId;
	}
	return value;
}

uint32
AuditPutValue(StringInfo out, AuditValue *type, Datum value)
{
	return type->put(out, type, value);
}

/*
 * datum_types.c
 *		Masks of values of the server's types.
 */
#include "postgres.h"

#include <math.h>
#include <sys/socket.h>

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/inet.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/uuid.h"

#include "base/utf8.h"
#include "base/varlena.h"
#include "mask/text.h"
#include "values/masked_type.h"
#include "values/masking.h"
#include "values/number.h"

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

Datum
MaskOfAnyText(MaskedType *type)
{
	return mask_to_text(type, bytes_view("", 0));
}

bool
MaskTextValue(MaskedType *type, Datum value, Datum *masked)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

	*masked = mask_to_text(type, BytesOfVarlena(bytes));
	if ((Pointer) bytes != DatumGetPointer(value))
		pfree(bytes);
	return true;
}

/* Where the server's encoding is UTF-8 and the mask needs no key: written where it then stays. */
static bool
mask_utf8_value(MaskedType *type, Datum value, Datum *masked)
{
	const MaskSpec *mask = &type->data_class->mask;
	struct varlena *bytes = (struct varlena *) DatumGetPointer(value);
	int limit = type->typmod - VARHDRSZ;
	Bytes text;
	struct varlena *result;
	char *out;
	size_t size;

	if (unlikely(VARATT_IS_COMPRESSED(bytes) || VARATT_IS_EXTERNAL(bytes)))
		bytes = PG_DETOAST_DATUM_PACKED(value);
	text = BytesOfVarlena(bytes);
	result = palloc(VARHDRSZ + mask_bound(mask, text.len));
	out = VARDATA(result);
	size = mask_text(mask, true, (const char *) text.data, text.len, out);
	if (limit > 0 && size > (size_t) limit)
		size = (size_t) pg_mbcharcliplen(out, (int) size, limit);
	SET_VARSIZE(result, VARHDRSZ + size);
	if ((Pointer) bytes != DatumGetPointer(value))
		pfree(bytes);
	*masked = PointerGetDatum(result);
	return true;
}

ValueMask
MaskOfTexts(const DataClass *data_class)
{
	MaskKind kind = data_class->mask.kind;

	if (GetDatabaseEncoding() == PG_UTF8 && kind != MASK_HASH && !mask_is_keyed(kind))
		return mask_utf8_value;
	return MaskTextValue;
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

/* Of an integer, the nearest one to its mask. */
static bool
mask_integer(MaskedType *type, int64 value, int64 least, int64 most, int64 *masked)
{
	Number number;
	ShortNumber shown;
	Datum numeric;
	char *digits;

	if (!ClassMaskFits(type->data_class, ENVELOPE_NUMERIC))
		return false;
	NumberOfInteger(value, &number);
	switch (ClassMaskNumber(type->data_class, &type->data_class->mask, &number, &shown))
	{
		case NUMBER_NULL:
			return false;
		case NUMBER_SHORT:
			ShortNumberRescale(&shown, 0);
			*masked = shown.units;
			break;
		case NUMBER_LONG:
			numeric = NumericGetDatum(int64_to_numeric(value));
			if (!ClassMaskLongNumber(type->data_class, &type->data_class->mask, numeric, &numeric))
				return false;
			numeric = DirectFunctionCall2(numeric_round, numeric, Int32GetDatum(0));
			digits = DatumGetCString(DirectFunctionCall1(numeric_out, numeric));
			errno = 0;
			*masked = strtoi64(digits, NULL, 10);
			if (errno != 0)
				return false;
			break;
	}
	return *masked >= least && *masked <= most;
}

static bool
mask_int2_value(MaskedType *type, Datum value, Datum *masked)
{
	int64 shown;

	/* A pseudonym of so few numbers would have to be one of a million. */
	if (type->data_class->mask.kind == MASK_PSEUDONYM)
		return false;
	if (!mask_integer(type, DatumGetInt16(value), PG_INT16_MIN, PG_INT16_MAX, &shown))
		return false;
	*masked = Int16GetDatum((int16) shown);
	return true;
}

static bool
mask_int4_value(MaskedType *type, Datum value, Datum *masked)
{
	int64 shown;

	if (!mask_integer(type, DatumGetInt32(value), PG_INT32_MIN, PG_INT32_MAX, &shown))
		return false;
	*masked = Int32GetDatum((int32) shown);
	return true;
}

static bool
mask_int8_value(MaskedType *type, Datum value, Datum *masked)
{
	int64 shown;

	if (!mask_integer(type, DatumGetInt64(value), PG_INT64_MIN, PG_INT64_MAX, &shown))
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

static Datum
power_of_ten(int exponent)
{
	return DirectFunctionCall2(numeric_power, NumericGetDatum(int64_to_numeric(10)),
							   NumericGetDatum(int64_to_numeric(exponent)));
}

/* The server's own check would raise, and say what the mask is. */
bool
MaskFitNumeric(MaskedType *type, Datum *masked)
{
	int precision = NUMERIC_PRECISION(type->typmod);
	int scale = NUMERIC_SCALE(type->typmod);

	*masked = DirectFunctionCall2(numeric_round, *masked, Int32GetDatum(scale));
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, DirectFunctionCall1(numeric_abs, *masked),
											 power_of_ten(precision - scale))) < 0;
}

static bool
fit_short_number(MaskedType *type, ShortNumber *number, Datum *masked)
{
	bool limited = type->typmod >= VARHDRSZ;
	int scale = limited ? NUMERIC_SCALE(type->typmod) : number->scale;
	bool rescaled = scale >= 0 && ShortNumberRescale(number, scale);

	if (limited && rescaled && !ShortNumberFits(number, NUMERIC_PRECISION(type->typmod)))
		return false;
	*masked = ShortNumberToNumeric(*number);
	return !limited || rescaled || MaskFitNumeric(type, masked);
}

static bool
mask_numeric_value(MaskedType *type, Datum value, Datum *masked)
{
	Datum numeric = PointerGetDatum(PG_DETOAST_DATUM_PACKED(value));
	Number number;
	ShortNumber shown;

	if (!ClassMaskFits(type->data_class, ENVELOPE_NUMERIC))
		return false;
	if (type->data_class->mask.kind == MASK_ZERO)
		NumberOfInteger(0, &number);
	else if (!NumberOfNumeric(numeric, &number))
		return false;
	switch (ClassMaskNumber(type->data_class, &type->data_class->mask, &number, &shown))
	{
		case NUMBER_SHORT:
			return fit_short_number(type, &shown, masked);
		case NUMBER_LONG:
			return ClassMaskLongNumber(type->data_class, &type->data_class->mask,
									   NumericGetDatum(DatumGetNumeric(numeric)), masked) &&
				   (type->typmod < VARHDRSZ || MaskFitNumeric(type, masked));
		case NUMBER_NULL:
			break;
	}
	return false;
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

/* In the server's encoding, with a zero byte after it; a document that has no form in UTF-8, or
 * comes back as none, is a string. */
static Bytes
mask_document(DataClass *data_class, Bytes document)
{
	Bytes utf8 = {0};
	Bytes masked;

	if (Utf8TryFromServer(document, &utf8))
	{
		masked = ClassMaskDocument(data_class, utf8, 0);
		if (GetDatabaseEncoding() == PG_UTF8 || Utf8TryToServer(masked, &masked))
			return masked;
	}
	return bytes_of_string("\"" MASK_REDACTED "\"");
}

static bool
mask_json_value(MaskedType *type, Datum value, Datum *masked)
{
	struct varlena *document = PG_DETOAST_DATUM_PACKED(value);
	Bytes shown = mask_document(type->data_class, BytesOfVarlena(document));

	*masked = PointerGetDatum(make_text((const char *) shown.data, shown.len, 0));
	return true;
}

static bool
mask_jsonb_value(MaskedType *type, Datum value, Datum *masked)
{
	StringInfoData text;
	Bytes shown;

	initStringInfo(&text);
	if (ClassMaskReadsDocuments(type->data_class))
	{
		Jsonb *document = DatumGetJsonbP(value);

		JsonbToCString(&text, &document->root, (int) VARSIZE(document));
	}
	shown = mask_document(type->data_class, bytes_view(text.data, (size_t) text.len));
	*masked = DirectFunctionCall1(jsonb_in, CStringGetDatum((const char *) shown.data));
	pfree(text.data);
	return true;
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

ValueMask
MaskOfType(Oid type)
{
	switch (type)
	{
		case TEXTOID:
		case VARCHAROID:
			return MaskTextValue;
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
		case JSONOID:
			return mask_json_value;
		case JSONBOID:
			return mask_jsonb_value;
		default:
			return is_text(type) ? MaskTextValue : NULL;
	}
}

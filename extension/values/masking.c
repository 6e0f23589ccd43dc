/*
 * masking.c
 *		What a masked reader sees of a value, whatever its type.
 *
 * Masks go from plaintext form to plaintext form. One that does not fit the
 * type shows nothing: "[redacted]" where that can be, else NULL.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/timestamp.h"

#include "base/secret.h"
#include "class/class.h"
#include "crypto/hash.h"
#include "keys/root.h"
#include "mask/text.h"
#include "values/mask_function.h"
#include "values/masking.h"
#include "values/number.h"
#include "values/plaintext.h"

static bool
show(Bytes shown, size_t headroom, Bytes *masked)
{
	char *out = palloc(headroom + shown.len + 1);

	memcpy(out + headroom, shown.data, shown.len);
	out[headroom + shown.len] = '\0';
	*masked = bytes_view(out + headroom, shown.len);
	return true;
}

/* ---------------------------------------------------------------- text and bytes */

void
ClassMaskHash(DataClass *data_class, Bytes value, uint8_t out[MASK_HASH_BYTES])
{
	uint8_t digest[HASH_SIZE];

	CryptoCheck(hmac_compute(ClassMaskKey(data_class), &value, 1, digest));
	memcpy(out, digest, MASK_HASH_BYTES);
}

static size_t
mask_text_by(DataClass *data_class, const MaskSpec *mask, Bytes text, char out[MASK_BOUND_MAX])
{
	static const char hex[] = "0123456789abcdef";
	uint8_t hash[MASK_HASH_BYTES];
	size_t size = 0;

	if (mask->kind == MASK_HASH)
	{
		ClassMaskHash(data_class, text, hash);
		for (int i = 0; i < MASK_HASH_BYTES; i++)
		{
			out[size++] = hex[hash[i] >> 4];
			out[size++] = hex[hash[i] & 15];
		}
	}
	else if (mask_is_keyed(mask->kind))
		CryptoCheck(mask_text_keyed(mask, ClassMaskKeys(data_class), true, (const char *) text.data,
									text.len, out, &size));
	else
		size = mask_text(mask, true, (const char *) text.data, text.len, out);
	return size;
}

size_t
ClassMaskText(DataClass *data_class, Bytes text, char out[MASK_BOUND_MAX])
{
	return mask_text_by(data_class, &data_class->mask, text, out);
}

static bool
mask_bytea(DataClass *data_class, Bytes bytes, size_t headroom, Bytes *masked)
{
	uint8_t hash[MASK_HASH_BYTES];

	if (data_class->mask.kind == MASK_HASH)
	{
		ClassMaskHash(data_class, bytes, hash);
		return show(bytes_view(hash, sizeof(hash)), headroom, masked);
	}
	*masked = bytes_view((char *) palloc0(headroom + bytes.len + 1) + headroom, bytes.len);
	return true;
}

/* ---------------------------------------------------------------- numbers and dates */

bool
ClassMaskFits(const DataClass *data_class, EnvelopeKind kind)
{
	bool time = kind == ENVELOPE_DATE || kind == ENVELOPE_TIMESTAMPTZ;

	switch (data_class->mask.kind)
	{
		case MASK_NULL:
			return false;
		case MASK_HASH:
		case MASK_LENGTH:
			return kind == ENVELOPE_BYTEA;
		case MASK_NOISE:
			return kind == ENVELOPE_NUMERIC || time;
		case MASK_ROUND:
		case MASK_RANGE:
		case MASK_ZERO:
		case MASK_PSEUDONYM:
			return kind == ENVELOPE_NUMERIC;
		case MASK_DECADE:
		case MASK_YEAR:
		case MASK_QUARTER:
		case MASK_MONTH:
		case MASK_WEEK:
			return time;
		case MASK_DAY:
			return kind == ENVELOPE_TIMESTAMPTZ; /* of a date it would hide nothing */
		default:
			return false;
	}
}

static bool
mask_numeric(DataClass *data_class, Bytes plaintext, Datum *masked)
{
	Number number;
	ShortNumber shown;
	Datum numeric;
	bool done;

	if (data_class->mask.kind == MASK_ZERO)
		NumberOfInteger(0, &number);
	else if (!NumberOfPlaintext(plaintext, &number))
		return false;
	switch (ClassMaskNumber(data_class, &data_class->mask, &number, &shown))
	{
		case NUMBER_SHORT:
			*masked = ShortNumberToNumeric(shown);
			return true;
		case NUMBER_LONG:
			numeric = PlaintextToDatum(ENVELOPE_NUMERIC, plaintext);
			done = ClassMaskLongNumber(data_class, &data_class->mask, numeric, masked);
			PlaintextWipeDatum(numeric);
			return done;
		case NUMBER_NULL:
			break;
	}
	return false;
}

/* Any of the types that have a value and no text. */
static bool
mask_value(DataClass *data_class, EnvelopeKind kind, Bytes plaintext, size_t headroom,
		   Bytes *masked)
{
	Datum value;
	PlaintextRoom room;

	if (kind == ENVELOPE_NUMERIC)
	{
		if (!mask_numeric(data_class, plaintext, &value))
			return false;
	}
	else if (kind == ENVELOPE_DATE)
	{
		DateADT date = DatumGetDateADT(PlaintextToDatum(kind, plaintext));

		if (!ClassMaskDate(data_class, date, &date))
			return false;
		value = DateADTGetDatum(date);
	}
	else
	{
		TimestampTz time = DatumGetTimestampTz(PlaintextToDatum(kind, plaintext));

		if (!ClassMaskTimestamp(data_class, time, &time))
			return false;
		value = TimestampTzGetDatum(time);
	}
	return show(PlaintextOfDatum(kind, value, &room), headroom, masked);
}

/* ---------------------------------------------------------------- JSON */

/* Who asks mask_json() for a document's mask. */
typedef struct DocumentWriter
{
	DataClass *data_class;
	StringInfoData out;
} DocumentWriter;

static size_t
mask_inner_text(void *context, const MaskSpec *spec, Bytes text, char out[MASK_BOUND_MAX])
{
	return mask_text_by(((DocumentWriter *) context)->data_class, spec, text, out);
}

/* Numbers that are longer, or have an exponent of more than three digits, are zeros: the server's
 * own may have no room for them. */
#define INNER_NUMBER_MAX 400
#define INNER_EXPONENT_MAX 3

static bool
is_small_number(Bytes number)
{
	size_t at = number.len > 0 && number.data[0] == '-';
	size_t digits = 0;
	bool point = false;

	for (; at < number.len && (number.data[at] | 0x20) != 'e'; at++)
	{
		bool digit = number.data[at] >= '0' && number.data[at] <= '9';

		if (!digit && (number.data[at] != '.' || point || digits == 0))
			return false;
		digits += digit;
		point = point || !digit;
	}
	if (digits == 0 || number.len > INNER_NUMBER_MAX)
		return false;
	if (at == number.len)
		return true;
	at++;
	at += at < number.len && (number.data[at] == '-' || number.data[at] == '+');
	if (at == number.len || number.len - at > INNER_EXPONENT_MAX)
		return false;
	for (; at < number.len; at++)
	{
		if (number.data[at] < '0' || number.data[at] > '9')
			return false;
	}
	return true;
}

static size_t
mask_inner_number(void *context, const MaskSpec *spec, Bytes number, char out[MASK_BOUND_MAX])
{
	DataClass *data_class = ((DocumentWriter *) context)->data_class;
	char text[INNER_NUMBER_MAX + 1];
	Datum numeric;
	Number form;
	ShortNumber masked;
	NumberSight sight;
	size_t size = 0;

	if (!is_small_number(number))
		return 0;
	memcpy(text, number.data, number.len);
	text[number.len] = '\0';
	numeric = DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid),
								  Int32GetDatum(-1));
	sight = NumberOfNumeric(numeric, &form) ? ClassMaskNumber(data_class, spec, &form, &masked)
											: NUMBER_NULL;
	if (sight == NUMBER_SHORT)
		numeric = ShortNumberToNumeric(masked);
	else if (sight == NUMBER_LONG && !ClassMaskLongNumber(data_class, spec, numeric, &numeric))
		sight = NUMBER_NULL;
	if (sight != NUMBER_NULL)
	{
		char *shown = DatumGetCString(DirectFunctionCall1(numeric_out, numeric));

		size = strlen(shown) < MASK_BOUND_MAX ? strlen(shown) : 0;
		memcpy(out, shown, size);
		pfree(shown);
	}
	secret_wipe(text, number.len);
	return size;
}

static void
write_inner(void *context, const void *data, size_t size)
{
	appendBinaryStringInfo(&((DocumentWriter *) context)->out, data, (int) size);
}

bool
ClassMaskReadsDocuments(const DataClass *data_class)
{
	return data_class->rules != NULL;
}

Bytes
ClassMaskDocument(DataClass *data_class, Bytes document, size_t headroom)
{
	DocumentWriter writer = {.data_class = data_class};
	MaskJsonCaller caller = {.context = &writer,
							 .mask_text = mask_inner_text,
							 .mask_number = mask_inner_number,
							 .write = write_inner};
	uint8_t *room;

	initStringInfo(&writer.out);
	enlargeStringInfo(&writer.out, (int) headroom);
	writer.out.len = (int) headroom;
	if (data_class->rules == NULL)
		appendStringInfoString(&writer.out, "\"" MASK_REDACTED "\"");
	else
	{
		room = palloc(document.len + 1);
		mask_json(data_class->rules, &caller, document, room);
		secret_wipe(room, document.len);
		pfree(room);
	}
	return bytes_view(writer.out.data + headroom, (size_t) writer.out.len - headroom);
}

/* ---------------------------------------------------------------- all of them */

bool
ClassMaskNeedsValue(const DataClass *data_class)
{
	return data_class->mask.kind != MASK_NULL && data_class->mask.kind != MASK_REDACT &&
		   data_class->mask.kind != MASK_CONSTANT && data_class->mask.kind != MASK_FUNCTION;
}

bool
ClassMask(DataClass *data_class, EnvelopeKind kind, Bytes plaintext, size_t headroom, Bytes *masked)
{
	char buffer[MASK_BOUND_MAX];

	if (data_class->mask.kind == MASK_NULL)
		return false;
	switch (kind)
	{
		case ENVELOPE_TEXT:
			return show(bytes_view(buffer, ClassMaskText(data_class, plaintext, buffer)), headroom,
						masked);
		case ENVELOPE_JSONB:
			*masked = ClassMaskDocument(data_class, plaintext, headroom);
			return true;
		case ENVELOPE_BYTEA:
			return ClassMaskFits(data_class, kind) &&
				   mask_bytea(data_class, plaintext, headroom, masked);
		case ENVELOPE_NUMERIC:
		case ENVELOPE_DATE:
		case ENVELOPE_TIMESTAMPTZ:
			return ClassMaskFits(data_class, kind) &&
				   mask_value(data_class, kind, plaintext, headroom, masked);
		case ENVELOPE_SUBJECT_KEY:
		case ENVELOPE_DATA_KEY:
			break;
	}
	return false;
}

/* ---------------------------------------------------------------- for values.sql */

/*
 * tarot.normalize_mask(mask text) RETURNS text
 *
 * The mask in its one spelling; raises when there is no such mask.
 */
PG_FUNCTION_INFO_V1(tarot_values_normalize_mask);
Datum
tarot_values_normalize_mask(PG_FUNCTION_ARGS)
{
	char *mask = text_to_cstring(PG_GETARG_TEXT_PP(0));
	MaskSpec spec;
	const char *problem;
	char out[MASK_SPEC_MAX];

	if (!mask_parse(mask, &spec, &problem))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid mask: %s", problem),
				 errhint("The masks are %s.", mask_names())));
	if (spec.kind == MASK_FUNCTION)
		MaskFunctionRequire(spec.argument);
	mask_format(&spec, out);
	PG_RETURN_TEXT_P(cstring_to_text(out));
}

/*
 * masking.c
 *		What a masked reader sees of a value, whatever its type.
 *
 * Masks go from plaintext form to plaintext form. One that does not fit the
 * type shows nothing: "[redacted]" where that can be, else NULL.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/utf8.h"
#include "class/class.h"
#include "class/masking_values.h"
#include "class/plaintext.h"
#include "crypto/hash.h"
#include "keys/root.h"

/* How much of the keyed hash a masked reader gets to see. */
#define MASK_HASH_BYTES 16

/* What stands for a string within a JSON document. */
#define MASKED_STRING "***"

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

static bool
mask_a_text(DataClass *data_class, Bytes text, size_t headroom, Bytes *masked)
{
	static const char hex[] = "0123456789abcdef";
	char buffer[MASK_BOUND_MAX];
	uint8_t digest[HASH_SIZE];
	size_t size = 0;

	if (data_class->mask.kind == MASK_HASH)
	{
		CryptoCheck(hmac_compute(ClassMaskKey(data_class), &text, 1, digest));
		for (int i = 0; i < MASK_HASH_BYTES; i++)
		{
			buffer[size++] = hex[digest[i] >> 4];
			buffer[size++] = hex[digest[i] & 15];
		}
	}
	else if (data_class->mask.kind == MASK_CONSTANT)
		return show(Utf8FromServer(bytes_of_string(data_class->mask.argument)), headroom, masked);
	else if (mask_is_keyed(data_class->mask.kind))
		CryptoCheck(mask_text_keyed(&data_class->mask, ClassMaskKeys(data_class), true,
									(const char *) text.data, text.len, buffer, &size));
	else
		size = mask_text(&data_class->mask, true, (const char *) text.data, text.len, buffer);
	return show(bytes_view(buffer, size), headroom, masked);
}

static bool
mask_bytea(DataClass *data_class, Bytes bytes, size_t headroom, Bytes *masked)
{
	uint8_t digest[HASH_SIZE];

	switch (data_class->mask.kind)
	{
		case MASK_HASH:
			CryptoCheck(hmac_compute(ClassMaskKey(data_class), &bytes, 1, digest));
			return show(bytes_view(digest, MASK_HASH_BYTES), headroom, masked);
		case MASK_LENGTH:
			*masked = bytes_view((char *) palloc0(headroom + bytes.len + 1) + headroom, bytes.len);
			return true;
		default:
			return false;
	}
}

/* ---------------------------------------------------------------- numbers and dates */

static bool
fits_type(MaskKind mask, EnvelopeKind kind)
{
	switch (mask)
	{
		case MASK_NOISE:
			return true;
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
		case MASK_DAY:
			return kind != ENVELOPE_NUMERIC;
		default:
			return false;
	}
}

/* Any of the types that have a value and no text. */
static bool
mask_value(DataClass *data_class, EnvelopeKind kind, Bytes plaintext, size_t headroom,
		   Bytes *masked)
{
	Datum value;
	PlaintextRoom room;
	DateADT date;
	TimestampTz time;

	if (!fits_type(data_class->mask.kind, kind))
		return false;
	if (kind == ENVELOPE_NUMERIC)
	{
		if (!ClassMaskNumeric(data_class, plaintext, &value))
			return false;
	}
	else if (kind == ENVELOPE_DATE)
	{
		if (!ClassMaskDate(data_class, plaintext, &date))
			return false;
		value = DateADTGetDatum(date);
	}
	else
	{
		if (!ClassMaskTimestamp(data_class, plaintext, &time))
			return false;
		value = TimestampTzGetDatum(time);
	}
	return show(PlaintextOfDatum(kind, value, &room), headroom, masked);
}

/* ---------------------------------------------------------------- JSON */

/* Deeper than any path can lead. */
#define JSON_DEPTH_MAX MASK_ARGUMENT_MAX

/* The objects from the root down to where we are, each with the key that is its turn. */
typedef struct JsonPlace
{
	Bytes keys[JSON_DEPTH_MAX];
	int depth;
	int deeper; /* objects below the deepest that any path can name */
} JsonPlace;

/* Whether one of the paths leads here or to something around it. */
static bool
is_on_path(const JsonPlace *place, const char *paths)
{
	const char *at = paths;

	while (*at != '\0')
	{
		bool same = true;
		int level = 0;

		for (;;)
		{
			size_t len = strcspn(at, ".,");

			same = same && level < place->depth && place->keys[level].len == len &&
				   memcmp(place->keys[level].data, at, len) == 0;
			level++;
			at += len;
			if (*at != '.')
				break;
			at++;
		}
		if (same)
			return true;
		if (*at == ',')
			at++;
	}
	return false;
}

static void
mask_scalar(JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			value->val.string.val = MASKED_STRING;
			value->val.string.len = sizeof(MASKED_STRING) - 1;
			break;
		case jbvNumeric:
			value->val.numeric = int64_to_numeric(0);
			break;
		default:
			value->type = jbvNull;
			break;
	}
}

/*
 * Paths go by keys alone: what an array holds is where the array is. No paths,
 * as under "json", means that none are shown.
 */
static Jsonb *
mask_document(const MaskSpec *mask, Jsonb *json)
{
	bool on_path_is_shown = mask->kind != MASK_JSON_HIDE;
	JsonPlace *place = palloc0(sizeof(JsonPlace));
	JsonbIterator *iterator = JsonbIteratorInit(&json->root);
	JsonbParseState *state = NULL;
	JsonbIteratorToken token;
	JsonbValue value;
	JsonbValue *result = NULL;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		bool scalar = token == WJB_ELEM || token == WJB_VALUE;

		if (token == WJB_BEGIN_OBJECT)
		{
			if (place->depth < JSON_DEPTH_MAX)
				place->depth++;
			else
				place->deeper++;
		}
		else if (token == WJB_KEY && place->deeper == 0)
			place->keys[place->depth - 1] =
				bytes_view(value.val.string.val, (size_t) value.val.string.len);
		else if (token == WJB_END_OBJECT)
		{
			if (place->deeper > 0)
				place->deeper--;
			else
				place->depth--;
		}
		else if (scalar && is_on_path(place, mask->argument) != on_path_is_shown)
			mask_scalar(&value);

		/* A document that is a scalar lies in an array that says so, and must go on doing so. */
		result = pushJsonbValue(&state, token,
								scalar || token == WJB_KEY ||
										(token == WJB_BEGIN_ARRAY && value.val.array.rawScalar)
									? &value
									: NULL);
	}
	return JsonbValueToJsonb(result);
}

static bool
mask_jsonb(const MaskSpec *mask, Bytes plaintext, size_t headroom, Bytes *masked)
{
	Datum json;
	Jsonb *document;
	PlaintextRoom room;

	if (mask->kind != MASK_JSON && mask->kind != MASK_JSON_HIDE && mask->kind != MASK_JSON_SHOW)
		return show(bytes_of_string("\"[redacted]\""), headroom, masked);
	json = PlaintextToDatum(ENVELOPE_JSONB, plaintext);
	document = mask_document(mask, DatumGetJsonbP(json));
	PlaintextWipeDatum(json);
	return show(PlaintextOfDatum(ENVELOPE_JSONB, JsonbPGetDatum(document), &room), headroom,
				masked);
}

/* ---------------------------------------------------------------- all of them */

bool
ClassMaskNeedsValue(const DataClass *data_class)
{
	return data_class->mask.kind != MASK_NULL && data_class->mask.kind != MASK_REDACT &&
		   data_class->mask.kind != MASK_CONSTANT;
}

bool
ClassMask(DataClass *data_class, EnvelopeKind kind, Bytes plaintext, size_t headroom, Bytes *masked)
{
	const MaskSpec *mask = &data_class->mask;

	if (mask->kind == MASK_NULL)
		return false;
	switch (kind)
	{
		case ENVELOPE_TEXT:
			return mask_a_text(data_class, plaintext, headroom, masked);
		case ENVELOPE_BYTEA:
			return mask_bytea(data_class, plaintext, headroom, masked);
		case ENVELOPE_JSONB:
			return mask_jsonb(mask, plaintext, headroom, masked);
		case ENVELOPE_NUMERIC:
		case ENVELOPE_DATE:
		case ENVELOPE_TIMESTAMPTZ:
			return mask_value(data_class, kind, plaintext, headroom, masked);
		case ENVELOPE_SUBJECT_KEY:
		case ENVELOPE_DATA_KEY:
			break;
	}
	return false;
}

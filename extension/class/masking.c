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
#include "class/masking.h"
#include "class/plaintext.h"
#include "crypto/hash.h"
#include "keys/root.h"
#include "mask/text.h"

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

void
ClassMaskHash(DataClass *data_class, Bytes value, uint8_t out[MASK_HASH_BYTES])
{
	uint8_t digest[HASH_SIZE];

	CryptoCheck(hmac_compute(ClassMaskKey(data_class), &value, 1, digest));
	memcpy(out, digest, MASK_HASH_BYTES);
}

size_t
ClassMaskText(DataClass *data_class, Bytes text, char out[MASK_BOUND_MAX])
{
	static const char hex[] = "0123456789abcdef";
	const MaskSpec *mask = &data_class->mask;
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
	else if (mask->kind == MASK_CONSTANT)
	{
		Bytes constant = Utf8FromServer(bytes_of_string(mask->argument));

		size = Min(constant.len, MASK_BOUND_MAX);
		memcpy(out, constant.data, size);
	}
	else if (mask_is_keyed(mask->kind))
		CryptoCheck(mask_text_keyed(mask, ClassMaskKeys(data_class), true, (const char *) text.data,
									text.len, out, &size));
	else
		size = mask_text(mask, true, (const char *) text.data, text.len, out);
	return size;
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

/* Any of the types that have a value and no text. */
static bool
mask_value(DataClass *data_class, EnvelopeKind kind, Bytes plaintext, size_t headroom,
		   Bytes *masked)
{
	Datum value;
	PlaintextRoom room;

	if (kind == ENVELOPE_NUMERIC)
	{
		if (!ClassMaskNumeric(data_class, plaintext, &value))
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
static JsonbValue *
mask_scalars(const MaskSpec *mask, Jsonb *json)
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
	return result;
}

Datum
ClassMaskDocument(DataClass *data_class, Datum document)
{
	const MaskSpec *mask = &data_class->mask;
	JsonbValue redacted = {.type = jbvString};
	JsonbValue *masked = &redacted;

	redacted.val.string.val = MASK_REDACTED;
	redacted.val.string.len = sizeof(MASK_REDACTED) - 1;
	if (mask->kind == MASK_JSON || mask->kind == MASK_JSON_HIDE || mask->kind == MASK_JSON_SHOW)
		masked = mask_scalars(mask, DatumGetJsonbP(document));
	return JsonbPGetDatum(JsonbValueToJsonb(masked));
}

static bool
mask_jsonb(DataClass *data_class, Bytes plaintext, size_t headroom, Bytes *masked)
{
	Datum json = (Datum) 0;
	Datum document;
	PlaintextRoom room;

	if (ClassMaskNeedsValue(data_class))
		json = PlaintextToDatum(ENVELOPE_JSONB, plaintext);
	document = ClassMaskDocument(data_class, json);
	if (json != (Datum) 0)
		PlaintextWipeDatum(json);
	return show(PlaintextOfDatum(ENVELOPE_JSONB, document, &room), headroom, masked);
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
	char buffer[MASK_BOUND_MAX];

	if (data_class->mask.kind == MASK_NULL)
		return false;
	switch (kind)
	{
		case ENVELOPE_TEXT:
			return show(bytes_view(buffer, ClassMaskText(data_class, plaintext, buffer)), headroom,
						masked);
		case ENVELOPE_JSONB:
			return mask_jsonb(data_class, plaintext, headroom, masked);
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

/*
 * plaintext.c
 *		The form in which values are sealed.
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/date.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/secret.h"
#include "base/utf8.h"
#include "base/varlena.h"
#include "keys/root.h"
#include "values/plaintext.h"

void
PlaintextWipeDerived(Bytes derived, Bytes plaintext)
{
	if (derived.data < plaintext.data || derived.data > plaintext.data + plaintext.len)
		secret_wipe((void *) derived.data, derived.len);
}

void
PlaintextWipeDatum(Datum value)
{
	struct varlena *bytes = (struct varlena *) DatumGetPointer(value);

	secret_wipe(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
}

/* ---------------------------------------------------------------- numbers */

static void
require_size(Bytes plaintext, size_t size)
{
	if (plaintext.len != size)
		CryptoRaise(CRYPTO_MALFORMED);
}

/* What numeric_send writes has not changed since PostgreSQL 7.4. */
static Bytes
form_of_numeric(Datum value)
{
	bytea *sent = DatumGetByteaPP(DirectFunctionCall1(numeric_send, value));

	return BytesOfVarlena(sent);
}

static Datum
datum_of_numeric(Bytes plaintext)
{
	StringInfoData message = {.data = (char *) plaintext.data,
							  .len = (int) plaintext.len,
							  .maxlen = (int) plaintext.len + 1};

	return DirectFunctionCall3(numeric_recv, PointerGetDatum(&message),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

/* ---------------------------------------------------------------- JSON */

static Bytes
form_of_jsonb(Datum value)
{
	Jsonb *json = DatumGetJsonbP(value);
	StringInfoData text;

	initStringInfo(&text);
	JsonbToCString(&text, &json->root, (int) VARSIZE(json));
	return Utf8FromServer(bytes_view(text.data, (size_t) text.len));
}

/* A text as a string in the database's encoding; room as for PlaintextToDatum. */
static char *
string_of(Bytes plaintext)
{
	Bytes text = Utf8ToServer(plaintext);

	/* Unconverted it has its zero byte already, converted it got one. */
	return (char *) text.data;
}

static Datum
datum_of_jsonb(Bytes plaintext)
{
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(string_of(plaintext)));
}

/*
 * The document as text again, with each number in its shortest form: jsonb
 * keeps the zeros at a number's end, and yet takes 1.0 and 1 for equal.
 */
static Bytes
canonical_jsonb(Bytes plaintext)
{
	Jsonb *json = DatumGetJsonbP(datum_of_jsonb(plaintext));
	JsonbIterator *iterator = JsonbIteratorInit(&json->root);
	JsonbParseState *state = NULL;
	JsonbIteratorToken token;
	JsonbValue value;
	JsonbValue *result = NULL;
	Datum shortest_form;
	Bytes canonical;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		bool scalar = token == WJB_ELEM || token == WJB_VALUE;

		if (scalar && value.type == jbvNumeric)
		{
			char *shortest = numeric_normalize(value.val.numeric);

			value.val.numeric = DatumGetNumeric(
				DirectFunctionCall3(numeric_in, CStringGetDatum(shortest),
									ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
		}

		/* A document that is a scalar lies in an array that says so, and must go on doing so. */
		result = pushJsonbValue(&state, token,
								scalar || token == WJB_KEY ||
										(token == WJB_BEGIN_ARRAY && value.val.array.rawScalar)
									? &value
									: NULL);
	}
	shortest_form = JsonbPGetDatum(JsonbValueToJsonb(result));
	canonical = form_of_jsonb(shortest_form);
	PlaintextWipeDatum(shortest_form);
	PlaintextWipeDatum(JsonbPGetDatum(json));
	return canonical;
}

static Bytes
canonical_numeric(Bytes plaintext)
{
	Datum number = datum_of_numeric(plaintext);
	Bytes canonical = bytes_of_string(numeric_normalize(DatumGetNumeric(number)));

	PlaintextWipeDatum(number);
	return canonical;
}

/* ---------------------------------------------------------------- all kinds */

Bytes
PlaintextOfDatum(EnvelopeKind kind, Datum value, PlaintextRoom *room)
{
	struct varlena *bytes;

	switch (kind)
	{
		case ENVELOPE_BYTEA:
			bytes = PG_DETOAST_DATUM_PACKED(value);
			return BytesOfVarlena(bytes);
		case ENVELOPE_TEXT:
			bytes = PG_DETOAST_DATUM_PACKED(value);
			return Utf8FromServer(BytesOfVarlena(bytes));
		case ENVELOPE_JSONB:
			return form_of_jsonb(value);
		case ENVELOPE_NUMERIC:
			return form_of_numeric(value);
		case ENVELOPE_DATE:
			bytes_put_u32(room->bytes, (uint32) DatumGetDateADT(value));
			return bytes_view(room->bytes, 4);
		case ENVELOPE_TIMESTAMPTZ:
			bytes_put_u64(room->bytes, (uint64) DatumGetTimestampTz(value));
			return bytes_view(room->bytes, 8);
		case ENVELOPE_SUBJECT_KEY:
		case ENVELOPE_DATA_KEY:
			break;
	}
	elog(ERROR, "no values of kind %d", (int) kind);
}

Datum
PlaintextToDatum(EnvelopeKind kind, Bytes plaintext)
{
	struct varlena *bytes;

	switch (kind)
	{
		case ENVELOPE_TEXT:
		{
			Bytes text = Utf8ToServer(plaintext);

			if (unlikely(text.data != plaintext.data))
				return PointerGetDatum(TextOfBytes(text));
		}
			/* FALLTHROUGH */
		case ENVELOPE_BYTEA:
			bytes = (struct varlena *) (plaintext.data - VARHDRSZ);
			SET_VARSIZE(bytes, VARHDRSZ + plaintext.len);
			return PointerGetDatum(bytes);
		case ENVELOPE_JSONB:
			return datum_of_jsonb(plaintext);
		case ENVELOPE_NUMERIC:
			return datum_of_numeric(plaintext);
		case ENVELOPE_DATE:
			require_size(plaintext, 4);
			return DateADTGetDatum((DateADT) bytes_get_u32(plaintext.data));
		case ENVELOPE_TIMESTAMPTZ:
			require_size(plaintext, 8);
			return TimestampTzGetDatum((TimestampTz) bytes_get_u64(plaintext.data));
		case ENVELOPE_SUBJECT_KEY:
		case ENVELOPE_DATA_KEY:
			break;
	}
	CryptoRaise(CRYPTO_MALFORMED);
}

Bytes
PlaintextCanonical(EnvelopeKind kind, Bytes plaintext)
{
	switch (kind)
	{
		case ENVELOPE_NUMERIC:
			return canonical_numeric(plaintext);
		case ENVELOPE_JSONB:
			return canonical_jsonb(plaintext);
		default:
			return plaintext;
	}
}

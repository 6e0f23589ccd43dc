/*
 * identifier.c
 *		Ordinary values that say whose a sealed value is.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/utf8.h"
#include "base/varlena.h"
#include "binding/identifier.h"

static const struct
{
	Oid type;
	IdentifierForm form;
} forms[] = {
	{INT2OID, IDENTIFIER_INTEGER},
	{INT4OID, IDENTIFIER_INTEGER},
	{INT8OID, IDENTIFIER_INTEGER},
	{UUIDOID, IDENTIFIER_UUID},
	{TEXTOID, IDENTIFIER_TEXT},
	{VARCHAROID, IDENTIFIER_TEXT},
	{BPCHAROID, IDENTIFIER_TEXT},
	{NAMEOID, IDENTIFIER_TEXT},
	{BYTEAOID, IDENTIFIER_BYTEA},
	{DATEOID, IDENTIFIER_DATE},
	{TIMESTAMPTZOID, IDENTIFIER_TIMESTAMPTZ},
	{NUMERICOID, IDENTIFIER_NUMERIC},
};

IdentifierForm
IdentifierFormOfType(Oid type)
{
	type = getBaseType(type);
	for (size_t i = 0; i < lengthof(forms); i++)
	{
		if (forms[i].type == type)
			return forms[i].form;
	}
	return IDENTIFIER_NONE;
}

const char *
IdentifierFormName(IdentifierForm form)
{
	switch (form)
	{
		case IDENTIFIER_INTEGER:
			return "integer";
		case IDENTIFIER_UUID:
			return "uuid";
		case IDENTIFIER_TEXT:
			return "text";
		case IDENTIFIER_BYTEA:
			return "bytea";
		case IDENTIFIER_DATE:
			return "date";
		case IDENTIFIER_TIMESTAMPTZ:
			return "timestamptz";
		case IDENTIFIER_NUMERIC:
			return "numeric";
		case IDENTIFIER_NONE:
			break;
	}
	return "unknown";
}

static Bytes
with_letter(IdentifierForm form, Bytes bytes)
{
	uint8_t *out = palloc(1 + bytes.len);

	out[0] = (uint8_t) form;
	if (bytes.len > 0)
		memcpy(out + 1, bytes.data, bytes.len);
	return bytes_view(out, 1 + bytes.len);
}

static Bytes
varlena_bytes(Datum value)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

	return BytesOfVarlena(bytes);
}

/* Blanks that fill up a character(n) are not part of its value. */
static Bytes
without_padding(Bytes text)
{
	while (text.len > 0 && text.data[text.len - 1] == ' ')
		text.len--;
	return text;
}

Bytes
IdentifierOfDatum(Oid type, Datum value)
{
	uint8_t number[8];
	Oid base = getBaseType(type);
	IdentifierForm form = IdentifierFormOfType(base);

	switch (base)
	{
		case INT2OID:
			bytes_put_u64(number, (uint64) (int64) DatumGetInt16(value));
			return with_letter(form, bytes_view(number, 8));
		case INT4OID:
			bytes_put_u64(number, (uint64) (int64) DatumGetInt32(value));
			return with_letter(form, bytes_view(number, 8));
		case INT8OID:
			bytes_put_u64(number, (uint64) DatumGetInt64(value));
			return with_letter(form, bytes_view(number, 8));
		case TIMESTAMPTZOID:
			bytes_put_u64(number, (uint64) DatumGetTimestampTz(value));
			return with_letter(form, bytes_view(number, 8));
		case DATEOID:
			bytes_put_u32(number, (uint32) DatumGetDateADT(value));
			return with_letter(form, bytes_view(number, 4));
		case UUIDOID:
			return with_letter(form, bytes_view(DatumGetUUIDP(value)->data, UUID_LEN));
		case BYTEAOID:
			return with_letter(form, varlena_bytes(value));
		case TEXTOID:
		case VARCHAROID:
			return with_letter(form, Utf8FromServer(varlena_bytes(value)));
		case BPCHAROID:
			return with_letter(form, Utf8FromServer(without_padding(varlena_bytes(value))));
		case NAMEOID:
			return with_letter(form,
							   Utf8FromServer(bytes_of_string(NameStr(*DatumGetName(value)))));
		case NUMERICOID:
			/* 1.0 and 1.00 are equal, so they name one row. */
			return with_letter(form, bytes_of_string(numeric_normalize(DatumGetNumeric(value))));
		default:
			elog(ERROR, "values of type %u identify nothing", type);
	}
}

bool
IdentifierNamesSubject(IdentifierForm form)
{
	return form == IDENTIFIER_INTEGER || form == IDENTIFIER_UUID || form == IDENTIFIER_TEXT ||
		   form == IDENTIFIER_NUMERIC;
}

Bytes
IdentifierAsSubject(Oid type, Datum value)
{
	Oid base = getBaseType(type);

	switch (base)
	{
		case INT2OID:
			return bytes_of_string(psprintf("%d", DatumGetInt16(value)));
		case INT4OID:
			return bytes_of_string(psprintf("%d", DatumGetInt32(value)));
		case INT8OID:
			return bytes_of_string(psprintf(INT64_FORMAT, DatumGetInt64(value)));
		case NUMERICOID:
			return bytes_of_string(numeric_normalize(DatumGetNumeric(value)));
		case UUIDOID:
			return bytes_of_string(DatumGetCString(DirectFunctionCall1(uuid_out, value)));
		case NAMEOID:
			return Utf8FromServer(bytes_of_string(NameStr(*DatumGetName(value))));
		case BPCHAROID:
			return Utf8FromServer(without_padding(varlena_bytes(value)));
		case TEXTOID:
		case VARCHAROID:
			return Utf8FromServer(varlena_bytes(value));
		default:
			elog(ERROR, "values of type %u name no data subject", type);
	}
}

/*
 * identity.c
 *		Ordinary values that say whose a sealed value is.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/utf8.h"
#include "column/identity.h"

static const struct
{
	Oid type;
	IdentityForm form;
} forms[] = {
	{INT2OID, IDENTITY_INTEGER},
	{INT4OID, IDENTITY_INTEGER},
	{INT8OID, IDENTITY_INTEGER},
	{UUIDOID, IDENTITY_UUID},
	{TEXTOID, IDENTITY_TEXT},
	{VARCHAROID, IDENTITY_TEXT},
	{BPCHAROID, IDENTITY_TEXT},
	{NAMEOID, IDENTITY_TEXT},
	{BYTEAOID, IDENTITY_BYTEA},
	{DATEOID, IDENTITY_DATE},
	{TIMESTAMPTZOID, IDENTITY_TIMESTAMPTZ},
	{NUMERICOID, IDENTITY_NUMERIC},
};

IdentityForm
IdentityFormOfType(Oid type)
{
	type = getBaseType(type);
	for (size_t i = 0; i < lengthof(forms); i++)
	{
		if (forms[i].type == type)
			return forms[i].form;
	}
	return IDENTITY_NONE;
}

const char *
IdentityFormName(IdentityForm form)
{
	switch (form)
	{
		case IDENTITY_INTEGER:
			return "integer";
		case IDENTITY_UUID:
			return "uuid";
		case IDENTITY_TEXT:
			return "text";
		case IDENTITY_BYTEA:
			return "bytea";
		case IDENTITY_DATE:
			return "date";
		case IDENTITY_TIMESTAMPTZ:
			return "timestamptz";
		case IDENTITY_NUMERIC:
			return "numeric";
		case IDENTITY_NONE:
			break;
	}
	return "unknown";
}

static Bytes
with_letter(IdentityForm form, Bytes bytes)
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

	return bytes_view(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
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
IdentityOfDatum(Oid type, Datum value)
{
	uint8_t number[8];
	Oid base = getBaseType(type);
	IdentityForm form = IdentityFormOfType(base);

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
IdentityNamesSubject(IdentityForm form)
{
	return form == IDENTITY_INTEGER || form == IDENTITY_UUID || form == IDENTITY_TEXT ||
		   form == IDENTITY_NUMERIC;
}

Bytes
IdentityAsSubject(Oid type, Datum value)
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

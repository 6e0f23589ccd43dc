/*
 * encrypted.c
 *		The functions of the encrypted types, one implementation for all.
 *
 * A value is an envelope. What comes in is sealed at once: under the class of
 * the column where that is known, else under the default key until the
 * coercion to the column's type modifier seals it under the class. What goes
 * out passes the gate.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/jsonapi.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/errors.h"
#include "base/varlena.h"
#include "class/reveal.h"
#include "column/casts.h"
#include "column/column.h"
#include "column/types.h"
#include "gate/gate.h"
#include "keys/root.h"
#include "values/plaintext.h"

/* What a call site keeps between calls. */
typedef struct Site
{
	GateSite gate;
	const EncryptedType *type; /* NULL where the envelope tells */
	PGFunction to_base;        /* of a cast's argument, or NULL */
	const BaseCast *from_base; /* to a cast's result, where that is not the base type */
} Site;

/* Where the type matters it is that of the function's result (-1) or of an argument. */
#define TYPE_OF_RESULT (-1)
#define TYPE_OF_ENVELOPE (-2)

static Site *
get_site(FunctionCallInfo fcinfo, int type)
{
	Site *site = fcinfo->flinfo->fn_extra;

	if (likely(site != NULL))
		return site;
	site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Site));
	if (type != TYPE_OF_ENVELOPE)
		site->type = EncryptedTypeOfFunction(fcinfo->flinfo->fn_oid, type);
	fcinfo->flinfo->fn_extra = site;
	return site;
}

static int32
class_of_typmod(int32 typmod)
{
	return typmod < 0 ? CLASS_LITERAL : typmod;
}

static Envelope
parse(const struct varlena *value)
{
	Envelope envelope;

	CryptoCheck(envelope_parse(BytesOfVarlena(value), &envelope));
	return envelope;
}

/* ---------------------------------------------------------------- values from clients */

/*
 * While plaintext is at hand, an error's context must not quote it, as that of
 * COPY FROM does. The server takes the pointer back itself after an error.
 */
#define WITHOUT_ERROR_CONTEXT(statement)                           \
	do                                                             \
	{                                                              \
		ErrorContextCallback *outer_context = error_context_stack; \
                                                                   \
		error_context_stack = NULL;                                \
		statement;                                                 \
		error_context_stack = outer_context;                       \
	} while (0)

static bool
is_placeholder(Bytes text, const char *placeholder)
{
	return text.len == strlen(placeholder) &&
		   pg_strncasecmp((const char *) text.data, placeholder, text.len) == 0;
}

/* Refuses what was never meant to be a value, in the shape of text. */
static void
refuse_text(Bytes text)
{
	/* What all of these begin with. */
	if (text.len == 0 ||
		likely(text.data[0] != ENVELOPE_TEXT_PREFIX[0] && text.data[0] != GATE_PLACEHOLDER[0]))
		return;
	if (envelope_is_text(text))
		ereport(ERROR,
				(errcode(TAROT_ERRCODE_UNEXPECTED_ENVELOPE),
				 errmsg("an envelope cannot be written as if it were plaintext"),
				 errdetail("It would be encrypted twice, or bring in a value sealed elsewhere."),
				 errhint("To restore a dump of envelopes: SET tarot_security.io = envelope.")));
	if (is_placeholder(text, GATE_PLACEHOLDER))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the placeholder of an encrypted value cannot be written back"),
						errhint("It was read by a role that may not read this data class.")));
	if (is_placeholder(text, GATE_SHREDDED_PLACEHOLDER))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the placeholder of an encrypted value cannot be written back"),
						errhint("The key of the value's data subject is destroyed.")));
}

static struct varlena *
seal(Site *site, int32 typmod, Datum value)
{
	EnvelopeKind kind = site->type->kind;
	PlaintextRoom room;
	Bytes plaintext = PlaintextOfDatum(kind, value, &room);

	if (kind == ENVELOPE_TEXT)
		refuse_text(plaintext);

	/* A document that is a string, in its quotation marks, is all that those can be in JSON. */
	if (kind == ENVELOPE_JSONB && plaintext.len > 2 && plaintext.data[0] == '"')
		refuse_text(bytes_view(plaintext.data + 1, plaintext.len - 2));
	return GateSeal(&site->gate, class_of_typmod(typmod), kind, plaintext);
}

/* Takes an envelope as it is, if it fits the column. */
static struct varlena *
import_envelope(const EncryptedType *type, int32 typmod, Bytes bytes)
{
	Envelope envelope;
	struct varlena *out;

	GateRequireImport();
	CryptoCheck(envelope_parse(bytes, &envelope));
	if (envelope.header.kind != type->kind || envelope.header.class_id == CLASS_NONE)
		CryptoRaise(CRYPTO_MALFORMED);
	if (typmod >= 0 && envelope.header.class_id != (uint32) typmod)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("an envelope of data class %s cannot be stored in a column of "
							   "data class %s",
							   ColumnTypmodOut((int32) envelope.header.class_id),
							   ColumnTypmodOut(typmod))));
	out = palloc(VARHDRSZ + bytes.len);
	memcpy(VARDATA(out), bytes.data, bytes.len);
	SET_VARSIZE(out, VARHDRSZ + bytes.len);
	return out;
}

static struct varlena *
import_envelope_text(const EncryptedType *type, int32 typmod, Bytes text)
{
	uint8_t *decoded = palloc(envelope_from_text_bound(text.len));
	size_t size;

	CryptoCheck(envelope_from_text(text, decoded, &size));
	return import_envelope(type, typmod, bytes_view(decoded, size));
}

/* As the base type's input reads it, whose complaints may hold the value. */
static struct varlena *
seal_string(Site *site, int32 typmod, char *string)
{
	refuse_text(bytes_of_string(string));
	RevealNotePlaintext();
	return seal(site, typmod,
				DirectFunctionCall3(site->type->in, CStringGetDatum(string),
									ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static struct varlena *
seal_message(Site *site, int32 typmod, StringInfo message)
{
	RevealNotePlaintext();
	return seal(site, typmod,
				DirectFunctionCall3(site->type->recv, PointerGetDatum(message),
									ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/*
 * tarot.encrypted_text_in(cstring, oid, integer) RETURNS tarot.encrypted_text
 */
PG_FUNCTION_INFO_V1(tarot_column_encrypted_in);
Datum
tarot_column_encrypted_in(PG_FUNCTION_ARGS)
{
	char *string = PG_GETARG_CSTRING(0);
	int32 typmod = PG_GETARG_INT32(2);
	Site *site = get_site(fcinfo, TYPE_OF_RESULT);
	struct varlena *out;

	WITHOUT_ERROR_CONTEXT(
		out = GateCurrentIo() == GATE_IO_ENVELOPE
				  ? import_envelope_text(site->type, typmod, bytes_of_string(string))
				  : seal_string(site, typmod, string));
	PG_RETURN_POINTER(out);
}

/*
 * tarot.encrypted_text_recv(internal, oid, integer) RETURNS tarot.encrypted_text
 *
 * In plain mode what the base type receives, else the bytes of an envelope.
 */
PG_FUNCTION_INFO_V1(tarot_column_encrypted_recv);
Datum
tarot_column_encrypted_recv(PG_FUNCTION_ARGS)
{
	StringInfo message = (StringInfo) PG_GETARG_POINTER(0);
	int32 typmod = PG_GETARG_INT32(2);
	Site *site = get_site(fcinfo, TYPE_OF_RESULT);
	struct varlena *out;

	if (GateCurrentIo() == GATE_IO_ENVELOPE)
	{
		int size = message->len - message->cursor;

		WITHOUT_ERROR_CONTEXT(out =
								  import_envelope(site->type, typmod,
												  bytes_view(pq_getmsgbytes(message, size), size)));
	}
	else
		WITHOUT_ERROR_CONTEXT(out = seal_message(site, typmod, message));
	PG_RETURN_POINTER(out);
}

/* ---------------------------------------------------------------- values to clients */

static inline bool
is_shown(GateSight sight)
{
	return sight == GATE_VALUE || sight == GATE_MASKED;
}

/*
 * The value as the gate shows it, of the base type: GATE_VALUE, GATE_MASKED for
 * what stands in its place, or why there is none. What is refused is NULL as
 * well where the type has no room for a placeholder.
 */
static GateSight
read_value(Site *site, const EncryptedType *type, const Envelope *envelope, GatePath path,
		   Datum *value)
{
	Bytes plaintext;
	GateSight sight = GateRead(&site->gate, envelope, type->kind, path, VARHDRSZ, &plaintext);

	if (is_shown(sight))
		*value = PlaintextToDatum(type->kind, plaintext);
	if (sight != GATE_REFUSED)
		return sight;
	if (type->kind == ENVELOPE_TEXT)
		*value = CStringGetTextDatum(GATE_PLACEHOLDER);
	else if (type->kind == ENVELOPE_JSONB)
		*value = DirectFunctionCall1(jsonb_in, CStringGetDatum("\"" GATE_PLACEHOLDER "\""));
	else
		return GATE_NULL;
	return GATE_MASKED;
}

/* A type's output cannot be NULL. */
static const char *
text_of_null(const EncryptedType *type, GateSight sight)
{
	if (sight == GATE_SHREDDED)
		return GATE_SHREDDED_PLACEHOLDER;
	return type->kind == ENVELOPE_TEXT ? "" : GATE_PLACEHOLDER;
}

/*
 * tarot.encrypted_text_out(tarot.encrypted_text) RETURNS cstring
 */
PG_FUNCTION_INFO_V1(tarot_column_encrypted_out);
Datum
tarot_column_encrypted_out(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_VARLENA_PP(0);
	Bytes bytes = BytesOfVarlena(value);
	Site *site = get_site(fcinfo, TYPE_OF_ENVELOPE);
	Datum shown;

	if (GateCurrentIo() == GATE_IO_ENVELOPE)
	{
		char *out = palloc(envelope_text_size(bytes.len) + 1);

		envelope_to_text(bytes, out);
		PG_RETURN_CSTRING(out);
	}

	Envelope envelope = parse(value);
	const EncryptedType *type = EncryptedTypeOfKind(envelope.header.kind);
	GatePath path = fcinfo->flinfo->fn_expr != NULL ? GATE_OUTPUT_AS_CAST : GATE_OUTPUT;
	GateSight sight = read_value(site, type, &envelope, path, &shown);

	if (is_shown(sight))
		return DirectFunctionCall1(type->out, shown);
	PG_RETURN_CSTRING(pstrdup(text_of_null(type, sight)));
}

/*
 * tarot.encrypted_text_send(tarot.encrypted_text) RETURNS bytea
 */
PG_FUNCTION_INFO_V1(tarot_column_encrypted_send);
Datum
tarot_column_encrypted_send(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_VARLENA_PP(0);
	Site *site = get_site(fcinfo, TYPE_OF_ENVELOPE);
	Datum shown;

	if (GateCurrentIo() == GATE_IO_ENVELOPE)
	{
		StringInfoData message;

		pq_begintypsend(&message);
		pq_sendbytes(&message, VARDATA_ANY(value), (int) VARSIZE_ANY_EXHDR(value));
		PG_RETURN_BYTEA_P(pq_endtypsend(&message));
	}

	Envelope envelope = parse(value);
	const EncryptedType *type = EncryptedTypeOfKind(envelope.header.kind);

	GateSight sight = read_value(site, type, &envelope, GATE_OUTPUT, &shown);

	if (is_shown(sight))
		return DirectFunctionCall1(type->send, shown);
	if (type->kind != ENVELOPE_TEXT)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("there is nothing to send in binary form for a value that is not shown"),
				 errhint("Cast it to %s, which then is NULL.", format_type_be(type->base))));
	return DirectFunctionCall1(textsend, CStringGetTextDatum(text_of_null(type, sight)));
}

/* ---------------------------------------------------------------- casts */

/*
 * tarot.encrypted_text(text, integer, boolean) RETURNS tarot.encrypted_text
 */
PG_FUNCTION_INFO_V1(tarot_column_seal);
Datum
tarot_column_seal(PG_FUNCTION_ARGS)
{
	Site *site = fcinfo->flinfo->fn_extra;
	Datum value = PG_GETARG_DATUM(0);

	if (unlikely(site == NULL))
	{
		site = get_site(fcinfo, TYPE_OF_RESULT);
		site->to_base = EncryptedTypeCast(site->type, fcinfo->flinfo->fn_oid, 0);
	}
	if (site->to_base != NULL)
	{
		RevealNotePlaintext();
		value = DirectFunctionCall1(site->to_base, value);
	}
	PG_RETURN_POINTER(seal(site, PG_GETARG_INT32(1), value));
}

/*
 * tarot.encrypted_text(tarot.encrypted_text, integer, boolean) RETURNS tarot.encrypted_text
 *
 * The coercion to a class: what has it already passes unopened.
 */
PG_FUNCTION_INFO_V1(tarot_column_coerce);
Datum
tarot_column_coerce(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_VARLENA_PP(0);
	int32 typmod = PG_GETARG_INT32(1);
	Envelope envelope = parse(value);

	if (typmod < 0 || envelope.header.class_id == (uint32) typmod)
		PG_RETURN_POINTER(value);
	PG_RETURN_POINTER(GateReseal(&get_site(fcinfo, TYPE_OF_ENVELOPE)->gate, &envelope, typmod));
}

static Datum
open_value(FunctionCallInfo fcinfo, const Envelope *envelope, GatePath path)
{
	Site *site = get_site(fcinfo, 0);
	Datum value;

	if (!is_shown(read_value(site, site->type, envelope, path, &value)))
		PG_RETURN_NULL();
	return value;
}

/*
 * tarot.text(tarot.encrypted_text) RETURNS text
 */
PG_FUNCTION_INFO_V1(tarot_column_open);
Datum
tarot_column_open(PG_FUNCTION_ARGS)
{
	Envelope envelope = parse(PG_GETARG_VARLENA_PP(0));

	return open_value(fcinfo, &envelope, GATE_CAST);
}

/*
 * tarot.int4(tarot.encrypted_numeric) RETURNS integer
 *
 * The cast to the base type and on from there.
 */
PG_FUNCTION_INFO_V1(tarot_column_cast);
Datum
tarot_column_cast(PG_FUNCTION_ARGS)
{
	Envelope envelope = parse(PG_GETARG_VARLENA_PP(0));
	Site *site = get_site(fcinfo, 0);
	GateSight sight;
	Datum value;

	if (unlikely(site->from_base == NULL))
		site->from_base = BaseCastFind(site->type->kind, get_func_rettype(fcinfo->flinfo->fn_oid));
	sight = read_value(site, site->type, &envelope, GATE_CAST, &value);
	if (!is_shown(sight) || !BaseCastApply(site->from_base, value, sight == GATE_MASKED, &value))
		PG_RETURN_NULL();
	return value;
}

/* As to_json() does with the base type, whatever DateStyle is. */
static char *
json_of(EnvelopeKind kind, Datum value)
{
	StringInfoData quoted;
	char *text;

	switch (kind)
	{
		case ENVELOPE_JSONB:
			return DatumGetCString(DirectFunctionCall1(jsonb_out, value));
		case ENVELOPE_NUMERIC:
			text = DatumGetCString(DirectFunctionCall1(numeric_out, value));
			if (IsValidJsonNumber(text, (int) strlen(text)))
				return text;
			break; /* NaN, Infinity */
		case ENVELOPE_DATE:
			text = JsonEncodeDateTime(NULL, value, DATEOID, NULL);
			break;
		case ENVELOPE_TIMESTAMPTZ:
			text = JsonEncodeDateTime(NULL, value, TIMESTAMPTZOID, NULL);
			break;
		default:
			elog(ERROR, "no JSON of kind %d", (int) kind);
	}
	initStringInfo(&quoted);
	escape_json(&quoted, text);
	return quoted.data;
}

/*
 * tarot.to_json(tarot.encrypted_numeric) RETURNS json
 */
PG_FUNCTION_INFO_V1(tarot_column_to_json);
Datum
tarot_column_to_json(PG_FUNCTION_ARGS)
{
	Envelope envelope = parse(PG_GETARG_VARLENA_PP(0));
	Site *site = get_site(fcinfo, 0);
	Datum value;

	/* Who calls it, as a cast of the type, does not expect NULL. */
	if (!is_shown(read_value(site, site->type, &envelope, GATE_CAST, &value)))
		return CStringGetTextDatum("null");
	return CStringGetTextDatum(json_of(site->type->kind, value));
}

/*
 * tarot.try_decrypt(tarot.encrypted_text) RETURNS text
 */
PG_FUNCTION_INFO_V1(tarot_column_try_decrypt);
Datum
tarot_column_try_decrypt(PG_FUNCTION_ARGS)
{
	Envelope envelope;
	struct varlena *value = PG_GETARG_VARLENA_PP(0);

	if (envelope_parse(BytesOfVarlena(value), &envelope) != CRYPTO_OK)
		PG_RETURN_NULL();
	return open_value(fcinfo, &envelope, GATE_TRY_CAST);
}

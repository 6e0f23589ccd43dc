/*
 * encrypted_text.c
 *		The type encrypted_text: text, sealed.
 *
 * A value is an envelope. What comes in is sealed at once: under the class of
 * the column where that is known, else under the default key until the
 * coercion to the column's type modifier seals it under the class. What goes
 * out passes the gate.
 */
#include "postgres.h"

#include "fmgr.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/errors.h"
#include "base/utf8.h"
#include "class/gate.h"
#include "column/column.h"
#include "keys/root.h"

static GateSite *
get_site(FunctionCallInfo fcinfo)
{
	if (unlikely(fcinfo->flinfo->fn_extra == NULL))
		fcinfo->flinfo->fn_extra =
			MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(GateSite));
	return fcinfo->flinfo->fn_extra;
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

	CryptoCheck(
		envelope_parse(bytes_view(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)), &envelope));
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

static struct varlena *
seal_text(GateSite *site, int32 typmod, Bytes text)
{
	if (envelope_is_text(text))
		ereport(ERROR,
				(errcode(TAROT_ERRCODE_UNEXPECTED_ENVELOPE),
				 errmsg("an envelope cannot be written as if it were plaintext"),
				 errdetail("It would be encrypted twice, or bring in a value sealed elsewhere."),
				 errhint("To restore a dump of envelopes: SET tarot_security.io = envelope.")));
	if (text.len == sizeof(GATE_PLACEHOLDER) - 1 &&
		pg_strncasecmp((const char *) text.data, GATE_PLACEHOLDER, text.len) == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the placeholder of an encrypted value cannot be written back"),
						errhint("It was read by a role that may not read this data class.")));
	return GateSeal(site, class_of_typmod(typmod), ENVELOPE_TEXT, Utf8FromServer(text));
}

/* Takes an envelope as it is, if it fits the column. */
static struct varlena *
import_envelope(int32 typmod, Bytes bytes)
{
	Envelope envelope;
	struct varlena *out;

	GateRequireImport();
	CryptoCheck(envelope_parse(bytes, &envelope));
	if (envelope.header.kind != ENVELOPE_TEXT || envelope.header.class_id == CLASS_NONE)
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
import_envelope_text(int32 typmod, Bytes text)
{
	uint8_t *decoded = palloc(envelope_from_text_bound(text.len));
	size_t size;

	CryptoCheck(envelope_from_text(text, decoded, &size));
	return import_envelope(typmod, bytes_view(decoded, size));
}

/*
 * tarot.encrypted_text_in(cstring, oid, integer) RETURNS tarot.encrypted_text
 */
PG_FUNCTION_INFO_V1(tarot_column_encrypted_text_in);
Datum
tarot_column_encrypted_text_in(PG_FUNCTION_ARGS)
{
	Bytes text = bytes_of_string(PG_GETARG_CSTRING(0));
	int32 typmod = PG_GETARG_INT32(2);
	struct varlena *out;

	WITHOUT_ERROR_CONTEXT(out = GateCurrentIo() == GATE_IO_ENVELOPE
									? import_envelope_text(typmod, text)
									: seal_text(get_site(fcinfo), typmod, text));
	PG_RETURN_POINTER(out);
}

/*
 * tarot.encrypted_text_recv(internal, oid, integer) RETURNS tarot.encrypted_text
 *
 * In plain mode the bytes of a text, else those of an envelope.
 */
PG_FUNCTION_INFO_V1(tarot_column_encrypted_text_recv);
Datum
tarot_column_encrypted_text_recv(PG_FUNCTION_ARGS)
{
	StringInfo message = (StringInfo) PG_GETARG_POINTER(0);
	int32 typmod = PG_GETARG_INT32(2);
	int size = message->len - message->cursor;
	struct varlena *out;

	if (GateCurrentIo() == GATE_IO_ENVELOPE)
		WITHOUT_ERROR_CONTEXT(
			out = import_envelope(typmod, bytes_view(pq_getmsgbytes(message, size), size)));
	else
	{
		int converted;
		char *text = pq_getmsgtext(message, size, &converted);

		WITHOUT_ERROR_CONTEXT(out =
								  seal_text(get_site(fcinfo), typmod, bytes_view(text, converted)));
	}
	PG_RETURN_POINTER(out);
}

/* ---------------------------------------------------------------- values to clients */

/*
 * tarot.encrypted_text_out(tarot.encrypted_text) RETURNS cstring
 */
PG_FUNCTION_INFO_V1(tarot_column_encrypted_text_out);
Datum
tarot_column_encrypted_text_out(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_VARLENA_PP(0);
	Bytes text;

	if (GateCurrentIo() == GATE_IO_ENVELOPE)
	{
		Bytes envelope = bytes_view(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
		char *out = palloc(envelope_text_size(envelope.len) + 1);

		envelope_to_text(envelope, out);
		PG_RETURN_CSTRING(out);
	}

	/* A type's output cannot be NULL: what a mask makes NULL goes out empty. */
	Envelope envelope = parse(value);

	if (!GateReadText(get_site(fcinfo), &envelope, 0, &text))
		PG_RETURN_CSTRING(pstrdup(""));
	PG_RETURN_CSTRING((char *) text.data);
}

/*
 * tarot.encrypted_text_send(tarot.encrypted_text) RETURNS bytea
 */
PG_FUNCTION_INFO_V1(tarot_column_encrypted_text_send);
Datum
tarot_column_encrypted_text_send(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_VARLENA_PP(0);
	StringInfoData message;
	Bytes text;

	pq_begintypsend(&message);
	if (GateCurrentIo() == GATE_IO_ENVELOPE)
		pq_sendbytes(&message, VARDATA_ANY(value), (int) VARSIZE_ANY_EXHDR(value));
	else
	{
		Envelope envelope = parse(value);

		if (GateReadText(get_site(fcinfo), &envelope, 0, &text))
			pq_sendtext(&message, (const char *) text.data, (int) text.len);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* ---------------------------------------------------------------- casts */

/*
 * tarot.encrypted_text(text, integer, boolean) RETURNS tarot.encrypted_text
 */
PG_FUNCTION_INFO_V1(tarot_column_text_to_encrypted);
Datum
tarot_column_text_to_encrypted(PG_FUNCTION_ARGS)
{
	text *value = PG_GETARG_TEXT_PP(0);

	PG_RETURN_POINTER(seal_text(get_site(fcinfo), PG_GETARG_INT32(1),
								bytes_view(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value))));
}

/*
 * tarot.encrypted_text(tarot.encrypted_text, integer, boolean) RETURNS tarot.encrypted_text
 *
 * The coercion to a class: what has it already passes unopened.
 */
PG_FUNCTION_INFO_V1(tarot_column_coerce_encrypted_text);
Datum
tarot_column_coerce_encrypted_text(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_GETARG_VARLENA_PP(0);
	int32 typmod = PG_GETARG_INT32(1);
	Envelope envelope = parse(value);

	if (typmod < 0 || envelope.header.class_id == (uint32) typmod)
		PG_RETURN_POINTER(value);
	PG_RETURN_POINTER(GateReseal(get_site(fcinfo), &envelope, typmod));
}

static Datum
to_text(FunctionCallInfo fcinfo,
		bool (*read)(GateSite *site, const Envelope *envelope, size_t headroom, Bytes *text))
{
	Envelope envelope = parse(PG_GETARG_VARLENA_PP(0));
	Bytes text;
	struct varlena *out;

	if (!read(get_site(fcinfo), &envelope, VARHDRSZ, &text))
		PG_RETURN_NULL();
	out = (struct varlena *) (text.data - VARHDRSZ);
	SET_VARSIZE(out, VARHDRSZ + text.len);
	PG_RETURN_POINTER(out);
}

/*
 * tarot.text(tarot.encrypted_text) RETURNS text
 */
PG_FUNCTION_INFO_V1(tarot_column_encrypted_to_text);
Datum
tarot_column_encrypted_to_text(PG_FUNCTION_ARGS)
{
	return to_text(fcinfo, GateCastText);
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

	if (envelope_parse(bytes_view(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)), &envelope) !=
		CRYPTO_OK)
		PG_RETURN_NULL();
	return to_text(fcinfo, GateTryCastText);
}

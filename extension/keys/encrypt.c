/*
 * encrypt.c
 *		tarot.encrypt, tarot.decrypt and tarot.try_decrypt: values that the
 *		application keeps where it likes.
 *
 * Who may call them is decided by EXECUTE. Values of encrypted columns are
 * none of theirs: those have a class, and the class has a gate.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "events/event.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/catalog.h"
#include "base/utf8.h"
#include "base/varlena.h"
#include "keys/ring.h"
#include "keys/root.h"

/* What one call site has found out; kept in fn_extra. */
typedef struct CallSite
{
	bool is_text;          /* text or bytea */
	bool context_is_array; /* text[] or text */
	uint64 epoch;
	uint32 key_id;
	size_t key_name_len;
	char key_name[NAMEDATALEN];
} CallSite;

static CallSite *
get_call_site(FunctionCallInfo fcinfo)
{
	CallSite *site = fcinfo->flinfo->fn_extra;

	if (site == NULL)
	{
		HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fcinfo->flinfo->fn_oid));
		Form_pg_proc procedure;

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for function %u", fcinfo->flinfo->fn_oid);
		procedure = (Form_pg_proc) GETSTRUCT(tuple);
		site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(CallSite));
		site->is_text = procedure->proargtypes.values[0] == TEXTOID;
		site->context_is_array =
			procedure->proargtypes.values[procedure->pronargs - 1] == TEXTARRAYOID;
		ReleaseSysCache(tuple);
		fcinfo->flinfo->fn_extra = site;
	}
	return site;
}

/* The context as a list; a single text is a list of one. */
static Bytes *
get_context(FunctionCallInfo fcinfo, const CallSite *site, int argument, int *count)
{
	Datum *items;
	bool *nulls;
	Bytes *context;

	if (PG_ARGISNULL(argument))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("the context of an envelope must not be null")));
	if (!site->context_is_array)
	{
		items = &fcinfo->args[argument].value;
		nulls = NULL;
		*count = 1;
	}
	else
	{
		ArrayType *array = PG_GETARG_ARRAYTYPE_P(argument);

		/* A list has no more than one dimension, and two arrays must not be one list. */
		if (ARR_NDIM(array) > 1)
			ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
							errmsg("the context of an envelope must be a one-dimensional array")));
		deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, count);
	}

	context = palloc(sizeof(Bytes) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
	{
		text *item;

		if (nulls != NULL && nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("the context of an envelope must not contain a null")));
		item = DatumGetTextPP(items[i]);
		context[i] = Utf8FromServer(BytesOfVarlena(item));
	}
	return context;
}

static uint32
get_key_id(FunctionCallInfo fcinfo, CallSite *site)
{
	text *name;
	Bytes view;

	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("the name of a key must not be null")));
	name = PG_GETARG_TEXT_PP(1);
	view = BytesOfVarlena(name);

	if (site->epoch == CatalogEpoch && site->key_name_len == view.len &&
		memcmp(site->key_name, view.data, view.len) == 0)
		return site->key_id;

	if (view.len < NAMEDATALEN && (site->key_id = KeyRingFind(view)) != 0)
	{
		memcpy(site->key_name, view.data, view.len);
		site->key_name_len = view.len;
		site->epoch = CatalogEpoch;
		return site->key_id;
	}
	site->epoch = 0;
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
					errmsg("key \"%.*s\" does not exist",
						   pg_mbcliplen((const char *) view.data, (int) view.len, NAMEDATALEN - 1),
						   view.data),
					errhint("Create it with tarot.create_key().")));
}

/*
 * tarot.encrypt(plaintext text, key text, context text) RETURNS text
 * tarot.encrypt(plaintext text, key text, context text[]) RETURNS text
 * tarot.encrypt(plaintext bytea, key text, context text) RETURNS bytea
 * tarot.encrypt(plaintext bytea, key text, context text[]) RETURNS bytea
 */
PG_FUNCTION_INFO_V1(tarot_keys_encrypt);
Datum
tarot_keys_encrypt(PG_FUNCTION_ARGS)
{
	CallSite *site;
	EnvelopeHeader header = {0};
	struct varlena *value;
	Bytes plaintext;
	Bytes *context;
	int ncontext;
	DataKey *key;
	struct varlena *out;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	site = get_call_site(fcinfo);
	key = KeyRingCurrent(get_key_id(fcinfo, site));
	context = get_context(fcinfo, site, 2, &ncontext);

	value = PG_GETARG_VARLENA_PP(0);
	plaintext = BytesOfVarlena(value);
	if (site->is_text)
		plaintext = Utf8FromServer(plaintext);
	header.kind = site->is_text ? ENVELOPE_TEXT : ENVELOPE_BYTEA;
	out = KeyRingSeal(key, &header, context, ncontext, plaintext);
	if (site->is_text)
	{
		size_t size = VARSIZE(out) - VARHDRSZ;
		size_t text_size = envelope_text_size(size);
		text *result = palloc(VARHDRSZ + text_size + 1);

		envelope_to_text(bytes_view(VARDATA(out), size), VARDATA(result));
		SET_VARSIZE(result, VARHDRSZ + text_size);
		PG_RETURN_TEXT_P(result);
	}
	PG_RETURN_BYTEA_P((bytea *) out);
}

/* Both tarot.decrypt and tarot.try_decrypt. */
static Datum
decrypt(FunctionCallInfo fcinfo, bool raise)
{
	CallSite *site;
	struct varlena *value;
	Bytes bytes;
	Envelope envelope;
	Bytes *context;
	int ncontext;
	CryptoStatus status = CRYPTO_OK;
	struct varlena *out;
	Bytes plaintext;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	site = get_call_site(fcinfo);
	context = get_context(fcinfo, site, 1, &ncontext);

	value = PG_GETARG_VARLENA_PP(0);
	bytes = BytesOfVarlena(value);
	if (site->is_text)
	{
		size_t size = 0;
		uint8_t *decoded = palloc(envelope_from_text_bound(bytes.len));

		status = envelope_from_text(bytes, decoded, &size);
		bytes = bytes_view(decoded, size);
	}
	if (status == CRYPTO_OK)
		status = envelope_parse(bytes, &envelope);
	if (status == CRYPTO_OK &&
		envelope.header.kind != (site->is_text ? ENVELOPE_TEXT : ENVELOPE_BYTEA))
		status = CRYPTO_MALFORMED;
	if (status != CRYPTO_OK)
	{
		if (raise)
			CryptoRaise(status);
		PG_RETURN_NULL();
	}

	/* The gate of an encrypted column is not to be walked around. */
	if (envelope.header.class_id != 0)
	{
		if (!raise)
			PG_RETURN_NULL();
		ereport(ERROR,
				(EventDenied("decrypt by hand", NULL),
				 errmsg("an envelope of an encrypted column cannot be opened by tarot.decrypt()"),
				 errhint("Read it from a column of its data class, with a grant on the class.")));
	}

	out = palloc(VARHDRSZ + envelope.ciphertext.len);
	if (raise)
		KeyRingOpen(&envelope, context, ncontext, (uint8_t *) VARDATA(out));
	else if (!KeyRingTryOpen(&envelope, context, ncontext, (uint8_t *) VARDATA(out)))
		PG_RETURN_NULL();
	SET_VARSIZE(out, VARHDRSZ + envelope.ciphertext.len);
	if (!site->is_text)
		PG_RETURN_BYTEA_P((bytea *) out);

	plaintext = Utf8ToServer(bytes_view(VARDATA(out), envelope.ciphertext.len));
	if (plaintext.data == (const uint8_t *) VARDATA(out))
		PG_RETURN_TEXT_P((text *) out);
	PG_RETURN_TEXT_P(TextOfBytes(plaintext));
}

/*
 * tarot.decrypt(envelope text, context text) RETURNS text
 * tarot.decrypt(envelope text, context text[]) RETURNS text
 * tarot.decrypt(envelope bytea, context text) RETURNS bytea
 * tarot.decrypt(envelope bytea, context text[]) RETURNS bytea
 */
PG_FUNCTION_INFO_V1(tarot_keys_decrypt);
Datum
tarot_keys_decrypt(PG_FUNCTION_ARGS)
{
	return decrypt(fcinfo, true);
}

/*
 * tarot.try_decrypt(envelope text, context text) RETURNS text
 * tarot.try_decrypt(envelope text, context text[]) RETURNS text
 * tarot.try_decrypt(envelope bytea, context text) RETURNS bytea
 * tarot.try_decrypt(envelope bytea, context text[]) RETURNS bytea
 */
PG_FUNCTION_INFO_V1(tarot_keys_try_decrypt);
Datum
tarot_keys_try_decrypt(PG_FUNCTION_ARGS)
{
	return decrypt(fcinfo, false);
}

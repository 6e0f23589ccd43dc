/*
 * data_key.c
 *		Data keys themselves: wrapped by the root key, and what is derived from
 *		them.
 */
#include "postgres.h"

#include "base/errors.h"
#include "base/secret.h"
#include "base/varlena.h"
#include "crypto/encoding.h"
#include "crypto/envelope.h"
#include "keys/data_key.h"
#include "keys/root.h"

#define HKDF_INFO_DERIVE "tarot_security v1 derive"

/* First item of the context that binds a wrapped key to what it is. */
#define CONTEXT_DATA_KEY "data key"

/* ---------------------------------------------------------------- wrapping */

/* What a wrapped key is bound to, beside the key and version in its header. */
static inline void
wrapping_context(Bytes context[2], const uint8 ring_id[RING_ID_SIZE])
{
	context[0] = bytes_of_string(CONTEXT_DATA_KEY);
	context[1] = bytes_view(ring_id, RING_ID_SIZE);
}

bytea *
DataKeyWrap(const uint8 *ring_id, const uint8 *fingerprint, uint32 key_id, uint32 version,
			const uint8 data_key[DATA_KEY_SIZE])
{
	EnvelopeHeader header = {.kind = ENVELOPE_DATA_KEY, .key_id = key_id, .key_version = version};
	size_t size = envelope_size(&header, DATA_KEY_SIZE);
	bytea *out = palloc(VARHDRSZ + size);
	XaesKey *wrapping = RootKeyWrapping(fingerprint);
	Bytes context[2];
	CryptoStatus status;

	wrapping_context(context, ring_id);
	status = envelope_seal(wrapping, &header, context, 2, bytes_view(data_key, DATA_KEY_SIZE),
						   (uint8_t *) VARDATA(out));
	xaes_free(wrapping);
	CryptoCheck(status);
	SET_VARSIZE(out, VARHDRSZ + size);
	return out;
}

void
DataKeyUnwrap(const uint8 *ring_id, const uint8 *fingerprint, uint32 key_id, uint32 version,
			  const bytea *wrapped, uint8 data_key[DATA_KEY_SIZE])
{
	Envelope envelope;
	Bytes context[2];
	XaesKey *wrapping;
	CryptoStatus status;

	if (envelope_parse(BytesOfVarlena(wrapped), &envelope) != CRYPTO_OK ||
		envelope.header.kind != ENVELOPE_DATA_KEY || envelope.header.key_id != key_id ||
		envelope.header.key_version != version || envelope.ciphertext.len != DATA_KEY_SIZE)
		status = CRYPTO_MALFORMED;
	else
	{
		wrapping = RootKeyWrapping(fingerprint);
		wrapping_context(context, ring_id);
		status = envelope_open(wrapping, &envelope, context, 2, data_key);
		xaes_free(wrapping);
	}
	if (status != CRYPTO_OK)
		ereport(ERROR, (errcode(TAROT_ERRCODE_CANNOT_OPEN),
						errmsg("version %u of key \"%s\" cannot be unwrapped", version,
							   KeyRingName(key_id)),
						errdetail("Its row in tarot.key_version is damaged, or belongs to "
								  "another database.")));
}

void
DataKeyDigest(const bytea *wrapped, uint8 digest[HASH_SIZE])
{
	CryptoCheck(hash_sha256(BytesOfVarlena(wrapped), digest));
}

/* The data key itself: `data_key` is secret memory of the caller's. */
static void
unwrap_version(const DataKeyName *name, uint8 data_key[DATA_KEY_SIZE], uint8 *digest)
{
	uint8 ring_id[RING_ID_SIZE];
	uint8 fingerprint[ROOT_KEY_FINGERPRINT_SIZE];
	uint8 fingerprint_after[ROOT_KEY_FINGERPRINT_SIZE];
	KeyState state;
	bytea *wrapped;

	/* Two reads, each as last committed: again, if the root key was rotated between them. */
	do
	{
		wrapped = NULL;
		if (!KeyRowRing(ring_id, fingerprint) || !KeyRowVersion(name, &state, &wrapped) ||
			wrapped == NULL || !KeyRowRing(ring_id, fingerprint_after))
			elog(ERROR, "version %u of key %u has vanished", name->version, name->key_id);
	} while (memcmp(fingerprint, fingerprint_after, ROOT_KEY_FINGERPRINT_SIZE) != 0);
	DataKeyUnwrap(ring_id, fingerprint, name->key_id, name->version, wrapped, data_key);
	if (digest != NULL)
		DataKeyDigest(wrapped, digest);
	pfree(wrapped);
}

void
DataKeyDerive(const DataKeyName *name, Bytes info, uint8_t *out, size_t size, uint8 *digest)
{
	uint8 *volatile data_key = secret_alloc(DATA_KEY_SIZE);
	volatile CryptoStatus status = CRYPTO_FAILED;

	PG_TRY();
	{
		if (data_key != NULL)
		{
			unwrap_version(name, data_key, digest);
			status = hkdf_sha256(bytes_view(data_key, DATA_KEY_SIZE), bytes_view(NULL, 0), info,
								 out, size);
		}
	}
	PG_FINALLY();
	{
		secret_free(data_key);
	}
	PG_END_TRY();
	CryptoCheck(status);
}

/* ---------------------------------------------------------------- for other purposes than sealing
 */

static void
derive(const DataKeyName *name, Bytes purpose, uint8_t *out, size_t size)
{
	Bytes items[] = {bytes_of_string(HKDF_INFO_DERIVE), purpose};
	uint8_t info[128];

	if (list_encoded_size(items, 2) > sizeof(info))
		elog(ERROR, "purpose of a derived key is too long");
	list_encode(items, 2, info);
	DataKeyDerive(name, bytes_view(info, list_encoded_size(items, 2)), out, size, NULL);
}

void
KeyRingDerive(uint32 key_id, Bytes purpose, uint8_t *out, size_t size)
{
	DataKeyName name = {key_id, KeyRowChoose(key_id, false)};

	if (name.version == 0)
		ereport(ERROR, (errcode(TAROT_ERRCODE_KEY_STATE),
						errmsg("key \"%s\" has no usable version", KeyRingName(key_id))));
	derive(&name, purpose, out, size);
}

void
KeyRingDeriveFrom(uint32 key_id, uint32 version, Bytes purpose, uint8_t *out, size_t size)
{
	DataKeyName name = {key_id, version};
	KeyState state;

	if (!KeyRowVersion(&name, &state, NULL) || !KeyStateOpens(state))
		KeyRowRaise(&name);
	derive(&name, purpose, out, size);
}

/*
 * ring.c
 *		The data keys of this database, and the one door from an envelope to
 *		its plaintext.
 *
 * A key is unwrapped at its first use in a backend and then kept. Each use
 * compares two numbers: whether a policy table changed (its state must be read
 * again) and whether the server was locked (it must be forgotten).
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/catalog.h"
#include "base/errors.h"
#include "base/secret.h"
#include "keys/data_key.h"
#include "keys/key_row.h"
#include "keys/ring.h"
#include "keys/root.h"
#include "keys/subject.h"

#define HKDF_INFO_SEAL "tarot_security v1 seal"

struct DataKey
{
	DataKeyName name; /* hash key */
	uint64 epoch;     /* of `state` */
	KeyState state;   /* destroyed, also when there is no such version */
	uint64 generation;
	XaesKey *xaes;             /* NULL until first used */
	uint8 wrapping[HASH_SIZE]; /* SHA-256 of the wrapped key that `xaes` came from */
};

typedef struct CurrentKey
{
	uint32 key_id; /* hash key */
	uint64 epoch;
	DataKey *key; /* NULL: no active version */
} CurrentKey;

static MemoryContext ring_context;
static HTAB *data_keys;
static HTAB *current_keys;

void
KeyRingInit(void)
{
	HASHCTL options = {0};

	ring_context =
		AllocSetContextCreate(TopMemoryContext, "tarot_security key ring", ALLOCSET_SMALL_SIZES);
	options.hcxt = ring_context;
	options.keysize = sizeof(DataKeyName);
	options.entrysize = sizeof(DataKey);
	data_keys = hash_create("tarot_security data keys", 32, &options,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	options.keysize = sizeof(uint32);
	options.entrysize = sizeof(CurrentKey);
	current_keys = hash_create("tarot_security current keys", 32, &options,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* ---------------------------------------------------------------- keys in memory */

/* Makes sure that the key is known as it is now, and unwrapped. */
static void
load_material(DataKey *key)
{
	uint8 *volatile sealing = secret_alloc(XAES_KEY_SIZE);

	PG_TRY();
	{
		CryptoCheck(sealing == NULL ? CRYPTO_FAILED : CRYPTO_OK);
		key->generation = RootKeyGeneration();
		DataKeyDerive(&key->name, bytes_of_string(HKDF_INFO_SEAL), sealing, XAES_KEY_SIZE,
					  key->wrapping);
		key->xaes = xaes_create(sealing);
	}
	PG_FINALLY();
	{
		secret_free(sealing);
	}
	PG_END_TRY();
	CryptoCheck(key->xaes == NULL ? CRYPTO_FAILED : CRYPTO_OK);
}

static void
forget_material(DataKey *key)
{
	xaes_free(key->xaes);
	key->xaes = NULL;
}

void
KeyRingForgetLocked(void)
{
	static uint64 seen;
	uint64 generation = RootKeyGeneration();
	HASH_SEQ_STATUS scan;
	DataKey *key;

	if (likely(seen == generation))
		return;
	seen = generation;
	SubjectKeysForget();
	hash_seq_init(&scan, data_keys);
	while ((key = hash_seq_search(&scan)) != NULL)
	{
		if (key->generation != generation)
			forget_material(key);
	}
}

static DataKey *
find_version(uint32 key_id, uint32 version)
{
	DataKeyName name = {key_id, version};
	bool found;
	DataKey *key = hash_search(data_keys, &name, HASH_ENTER, &found);

	if (!found)
	{
		key->epoch = 0;
		key->generation = 0;
		key->state = KEY_DESTROYED;
		key->xaes = NULL;
	}
	return key;
}

/*
 * Whether what is in memory is what the row holds. A version that was made in
 * a transaction that then rolled back gets its number again, with another key:
 * what the old one sealed under that number could never be opened.
 */
static bool
is_wrapped_as(const DataKey *key, const bytea *wrapped)
{
	uint8 digest[HASH_SIZE];

	if (wrapped == NULL)
		return false;
	DataKeyDigest(wrapped, digest);
	return memcmp(digest, key->wrapping, HASH_SIZE) == 0;
}

/* The slow half of make_ready(): reads the row again, forgets or unwraps. */
static void
refresh(DataKey *key)
{
	KeyRingForgetLocked();
	if (key->epoch != CatalogEpoch)
	{
		uint64 epoch = CatalogEpoch;
		bytea *wrapped = NULL;

		if (!KeyRowVersion(&key->name, &key->state, &wrapped))
			key->state = KEY_DESTROYED;
		if (key->xaes != NULL && !is_wrapped_as(key, wrapped))
			forget_material(key);
		if (wrapped != NULL)
			pfree(wrapped);
		key->epoch = epoch;
	}
	if (key->xaes != NULL && (!KeyStateOpens(key->state) || key->generation != RootKeyGeneration()))
		forget_material(key);
	if (key->xaes == NULL && KeyStateOpens(key->state))
		load_material(key);
}

static inline bool
is_ready(const DataKey *key)
{
	return key->epoch == CatalogEpoch && key->generation == RootKeyGeneration() &&
		   key->xaes != NULL;
}

static inline void
make_ready(DataKey *key)
{
	if (unlikely(!is_ready(key)))
		refresh(key);
}

bool
DataKeyIsReady(const DataKey *key)
{
	return is_ready(key);
}

/* ---------------------------------------------------------------- sealing and opening */

uint32
DataKeyId(const DataKey *key)
{
	return key->name.key_id;
}

uint32
DataKeyVersion(const DataKey *key)
{
	return key->name.version;
}

DataKey *
KeyRingCurrent(uint32 key_id)
{
	static CurrentKey *last; /* entries stay, and neighbours share a key nearly always */
	CurrentKey *current = last;

	if (current == NULL || current->key_id != key_id)
	{
		bool found;

		current = hash_search(current_keys, &key_id, HASH_ENTER, &found);
		if (!found)
			current->epoch = 0;
		last = current;
	}
	for (;;)
	{
		if (unlikely(current->epoch != CatalogEpoch))
		{
			uint64 epoch = CatalogEpoch;
			uint32 version = KeyRowChoose(key_id, true);

			current->key = version != 0 ? find_version(key_id, version) : NULL;
			current->epoch = epoch;
		}
		if (current->key == NULL)
			ereport(ERROR,
					(errcode(TAROT_ERRCODE_KEY_STATE),
					 errmsg("key \"%s\" has no active version", KeyRingName(key_id)),
					 errhint("Call tarot.rotate_key(), or tarot.set_key_state() on a suspended "
							 "version.")));
		make_ready(current->key);
		if (likely(current->key->state == KEY_ACTIVE))
			break;

		/* Changed between the two looks, or before we heard of it: both again. */
		CHECK_FOR_INTERRUPTS();
		current->key->epoch = 0;
		current->epoch = 0;
	}
	xaes_part_from_copies(current->key->xaes);
	return current->key;
}

void
KeyRingNextNonce(DataKey *key, uint8_t nonce[XAES_NONCE_SIZE])
{
	xaes_next_nonce(key->xaes, nonce);
}

struct varlena *
KeyRingSeal(DataKey *key, EnvelopeHeader *header, const Bytes *context, int ncontext,
			Bytes plaintext)
{
	size_t size;
	struct varlena *out;

	if (plaintext.len > KEY_RING_PLAINTEXT_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a value of %zu bytes is too large to be encrypted", plaintext.len),
						errdetail("The limit is %d bytes.", KEY_RING_PLAINTEXT_MAX)));
	header->key_id = key->name.key_id;
	header->key_version = key->name.version;
	size = envelope_size(header, plaintext.len);
	out = palloc(VARHDRSZ + size);
	CryptoCheck(
		envelope_seal(key->xaes, header, context, ncontext, plaintext, (uint8_t *) VARDATA(out)));
	SET_VARSIZE(out, VARHDRSZ + size);
	return out;
}

/* CRYPTO_FAILED stands for a key that may not open. */
static CryptoStatus
open_envelope(const Envelope *envelope, const Bytes *context, int ncontext, uint8_t *plaintext,
			  DataKey **key)
{
	static DataKey *last;
	static DataKey unknown;

	/* Neighbours share a key nearly always. */
	if (last == NULL || last->name.key_id != envelope->header.key_id ||
		last->name.version != envelope->header.key_version)
	{
		DataKeyName name = {envelope->header.key_id, envelope->header.key_version};
		KeyState state;

		/* An envelope can name any number: those of no key are not remembered. */
		if (hash_search(data_keys, &name, HASH_FIND, NULL) == NULL &&
			!KeyRowVersion(&name, &state, NULL))
		{
			unknown.name = name;
			*key = &unknown;
			return CRYPTO_FAILED;
		}
		last = find_version(name.key_id, name.version);
	}
	*key = last;
	make_ready(last);
	if (unlikely(last->xaes == NULL))
		return CRYPTO_FAILED;
	return envelope_open(last->xaes, envelope, context, ncontext, plaintext);
}

void
KeyRingOpen(const Envelope *envelope, const Bytes *context, int ncontext, uint8_t *plaintext)
{
	DataKey *key;
	CryptoStatus status;

	if (envelope->header.subject_key != 0)
	{
		SubjectKeyOpen(envelope, plaintext);
		return;
	}
	status = open_envelope(envelope, context, ncontext, plaintext, &key);
	if (unlikely(status == CRYPTO_FAILED && key->xaes == NULL))
		KeyRowRaise(&key->name);
	CryptoCheck(status);
}

bool
KeyRingTryOpen(const Envelope *envelope, const Bytes *context, int ncontext, uint8_t *plaintext)
{
	DataKey *key;

	if (envelope->header.subject_key != 0)
		return SubjectKeyTryOpen(envelope, plaintext);
	return open_envelope(envelope, context, ncontext, plaintext, &key) == CRYPTO_OK;
}

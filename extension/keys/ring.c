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

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/catalog.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/secret.h"
#include "base/varlena.h"
#include "crypto/encoding.h"
#include "keys/ring.h"
#include "keys/root.h"
#include "keys/subject.h"

#define HKDF_INFO_SEAL "tarot_security v1 seal"
#define HKDF_INFO_DERIVE "tarot_security v1 derive"

/* First item of the context that binds a wrapped key to what it is. */
#define CONTEXT_DATA_KEY "data key"

/* Columns of tarot.keyring, tarot.key, tarot.key_version, as in keys.sql */
enum
{
	KEYRING_RING_ID = 1,
	KEYRING_FINGERPRINT = 2,
	KEY_KEY_ID = 1,
	KEY_NAME = 2,
	VERSION_KEY_ID = 1,
	VERSION_VERSION = 2,
	VERSION_STATE = 3,
	VERSION_WRAPPED = 4,
};

typedef struct DataKeyName
{
	uint32 key_id;
	uint32 version;
} DataKeyName;

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

static const char *const state_names[] = {"pre-activation", "active",      "suspended",
										  "deactivated",    "compromised", "destroyed"};

const char *
KeyStateName(KeyState state)
{
	return state_names[state];
}

KeyState
KeyStateFromName(const char *name)
{
	for (int i = 0; name != NULL && i < (int) lengthof(state_names); i++)
	{
		if (strcmp(name, state_names[i]) == 0)
			return (KeyState) i;
	}
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown key state"),
					errhint("The states are pre-activation, active, suspended, deactivated, "
							"compromised and destroyed.")));
}

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

/* ---------------------------------------------------------------- rows */

/* A bytea column of known size, copied out. False for another size or NULL. */
static bool
get_fixed_bytea(HeapTuple tuple, int column, TupleDesc desc, void *out, size_t size)
{
	bool isnull;
	Datum datum = heap_getattr(tuple, column, desc, &isnull);
	bytea *value;

	if (isnull)
		return false;
	value = DatumGetByteaPP(datum);
	if (VARSIZE_ANY_EXHDR(value) != size)
		return false;
	memcpy(out, VARDATA_ANY(value), size);
	return true;
}

static bool
read_keyring(uint8 *ring_id, uint8 *fingerprint)
{
	Relation table = CatalogOpen("keyring", AccessShareLock);
	SysScanDesc scan = CatalogScan(table, "keyring_pkey", 0, NULL);
	HeapTuple tuple = systable_getnext(scan);
	bool found = HeapTupleIsValid(tuple);

	if (found &&
		(!get_fixed_bytea(tuple, KEYRING_RING_ID, RelationGetDescr(table), ring_id, RING_ID_SIZE) ||
		 !get_fixed_bytea(tuple, KEYRING_FINGERPRINT, RelationGetDescr(table), fingerprint,
						  ROOT_KEY_FINGERPRINT_SIZE)))
		elog(ERROR, "tarot.keyring is damaged");
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return found;
}

bool
KeyRingFingerprint(uint8_t *fingerprint)
{
	uint8 ring_id[RING_ID_SIZE];

	return read_keyring(ring_id, fingerprint);
}

static KeyState
get_state(HeapTuple tuple, TupleDesc desc)
{
	bool isnull;
	Datum state = heap_getattr(tuple, VERSION_STATE, desc, &isnull);

	return isnull ? KEY_DESTROYED : KeyStateFromName(TextDatumGetCString(state));
}

/* The row of a version; with `wrapped`, its wrapped key, palloc'd, or NULL. */
static bool
read_version(const DataKeyName *name, KeyState *state, bytea **wrapped)
{
	Relation table = CatalogOpen("key_version", AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	bool found;

	ScanKeyInit(&keys[0], VERSION_KEY_ID, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum((int32) name->key_id));
	ScanKeyInit(&keys[1], VERSION_VERSION, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum((int32) name->version));
	scan = CatalogScan(table, "key_version_pkey", 2, keys);
	tuple = systable_getnext(scan);
	found = HeapTupleIsValid(tuple);
	if (found)
	{
		*state = get_state(tuple, RelationGetDescr(table));
		if (wrapped != NULL)
		{
			bool isnull;
			Datum datum = heap_getattr(tuple, VERSION_WRAPPED, RelationGetDescr(table), &isnull);

			*wrapped = isnull ? NULL : DatumGetByteaPCopy(datum);
		}
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return found;
}

uint32
KeyRingFind(Bytes name)
{
	Relation table = CatalogOpen("key", AccessShareLock);
	text *wanted = TextOfBytes(name);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	uint32 key_id = 0;
	bool isnull;

	ScanKeyInit(&key, KEY_NAME, BTEqualStrategyNumber, F_TEXTEQ, PointerGetDatum(wanted));
	key.sk_collation = TupleDescAttr(RelationGetDescr(table), KEY_NAME - 1)->attcollation;
	scan = CatalogScan(table, "key_name_key", 1, &key);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		key_id = (uint32) DatumGetInt32(
			heap_getattr(tuple, KEY_KEY_ID, RelationGetDescr(table), &isnull));
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	pfree(wanted);
	return key_id;
}

char *
KeyRingName(uint32 key_id)
{
	Relation table = CatalogOpen("key", AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	char *name = NULL;
	bool isnull;

	ScanKeyInit(&key, KEY_KEY_ID, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum((int32) key_id));
	scan = CatalogScan(table, "key_pkey", 1, &key);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		name = TextDatumGetCString(heap_getattr(tuple, KEY_NAME, RelationGetDescr(table), &isnull));
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return name != NULL ? name : psprintf("%u", key_id);
}

/* ---------------------------------------------------------------- unwrapping */

/* What a wrapped key is bound to, beside the key and version in its header. */
static inline void
wrapping_context(Bytes context[2], const uint8 ring_id[RING_ID_SIZE])
{
	context[0] = bytes_of_string(CONTEXT_DATA_KEY);
	context[1] = bytes_view(ring_id, RING_ID_SIZE);
}

bytea *
KeyRingWrap(const uint8 *ring_id, const uint8 *fingerprint, uint32 key_id, uint32 version,
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
KeyRingUnwrap(const uint8 *ring_id, const uint8 *fingerprint, uint32 key_id, uint32 version,
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

static void
digest_wrapped(const bytea *wrapped, uint8 digest[HASH_SIZE])
{
	CryptoCheck(hash_sha256(BytesOfVarlena(wrapped), digest));
}

/*
 * The data key itself: `data_key` is secret memory of the caller's. `digest`,
 * unless it is NULL, gets that of the wrapped key.
 */
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
		if (!read_keyring(ring_id, fingerprint) || !read_version(name, &state, &wrapped) ||
			wrapped == NULL || !read_keyring(ring_id, fingerprint_after))
			elog(ERROR, "version %u of key %u has vanished", name->version, name->key_id);
	} while (memcmp(fingerprint, fingerprint_after, ROOT_KEY_FINGERPRINT_SIZE) != 0);
	KeyRingUnwrap(ring_id, fingerprint, name->key_id, name->version, wrapped, data_key);
	if (digest != NULL)
		digest_wrapped(wrapped, digest);
	pfree(wrapped);
}

/* Derives from a version's data key, which is in memory for this long only. */
static void
derive_from_version(const DataKeyName *name, Bytes info, uint8_t *out, size_t size, uint8 *digest)
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

/* Makes sure that the key is known as it is now, and unwrapped. */
static void
load_material(DataKey *key)
{
	uint8 *volatile sealing = secret_alloc(XAES_KEY_SIZE);

	PG_TRY();
	{
		CryptoCheck(sealing == NULL ? CRYPTO_FAILED : CRYPTO_OK);
		key->generation = RootKeyGeneration();
		derive_from_version(&key->name, bytes_of_string(HKDF_INFO_SEAL), sealing, XAES_KEY_SIZE,
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

static bool
state_opens(KeyState state)
{
	return state == KEY_ACTIVE || state == KEY_DEACTIVATED || state == KEY_COMPROMISED;
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
	digest_wrapped(wrapped, digest);
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

		if (!read_version(&key->name, &key->state, &wrapped))
			key->state = KEY_DESTROYED;
		if (key->xaes != NULL && !is_wrapped_as(key, wrapped))
			forget_material(key);
		if (wrapped != NULL)
			pfree(wrapped);
		key->epoch = epoch;
	}
	if (key->xaes != NULL && (!state_opens(key->state) || key->generation != RootKeyGeneration()))
		forget_material(key);
	if (key->xaes == NULL && state_opens(key->state))
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

/* The highest active version, or the lowest that is not destroyed; 0: none. */
static uint32
choose_version(uint32 key_id, bool newest_active)
{
	Relation table = CatalogOpen("key_version", AccessShareLock);
	ScanKeyData scan_key;
	SysScanDesc scan;
	HeapTuple tuple;
	uint32 chosen = 0;

	ScanKeyInit(&scan_key, VERSION_KEY_ID, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum((int32) key_id));
	scan = CatalogScan(table, "key_version_pkey", 1, &scan_key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		KeyState state = get_state(tuple, RelationGetDescr(table));
		bool isnull;
		uint32 version = (uint32) DatumGetInt32(
			heap_getattr(tuple, VERSION_VERSION, RelationGetDescr(table), &isnull));

		if (newest_active ? state == KEY_ACTIVE && version > chosen
						  : state_opens(state) && (chosen == 0 || version < chosen))
			chosen = version;
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return chosen;
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
			uint32 version = choose_version(key_id, true);

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
			!read_version(&name, &state, NULL))
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

pg_noreturn static void
raise_state(const DataKey *key)
{
	uint32 key_id = key->name.key_id;
	uint32 version = key->name.version;
	KeyState state;

	if (!read_version(&key->name, &state, NULL))
		ereport(ERROR, (errcode(TAROT_ERRCODE_CANNOT_OPEN), errmsg("cannot open the envelope"),
						errdetail("This database has no version %u of key %u.", version, key_id),
						errhint("The envelope may come from another database.")));
	ereport(ERROR, (errcode(TAROT_ERRCODE_KEY_STATE),
					errmsg("version %u of key \"%s\" is %s", version, KeyRingName(key_id),
						   KeyStateName(state)),
					errdetail("What it sealed cannot be opened%s.",
							  state == KEY_DESTROYED ? "" : " in this state"),
					state == KEY_DESTROYED
						? 0
						: errhint("An administrator can activate it with tarot.set_key_state().")));
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
		raise_state(key);
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

static void
derive(const DataKeyName *name, Bytes purpose, uint8_t *out, size_t size)
{
	Bytes items[] = {bytes_of_string(HKDF_INFO_DERIVE), purpose};
	uint8_t info[128];

	if (list_encoded_size(items, 2) > sizeof(info))
		elog(ERROR, "purpose of a derived key is too long");
	list_encode(items, 2, info);
	derive_from_version(name, bytes_view(info, list_encoded_size(items, 2)), out, size, NULL);
}

void
KeyRingDerive(uint32 key_id, Bytes purpose, uint8_t *out, size_t size)
{
	DataKeyName name = {key_id, choose_version(key_id, false)};

	if (name.version == 0)
		ereport(ERROR, (errcode(TAROT_ERRCODE_KEY_STATE),
						errmsg("key \"%s\" has no usable version", KeyRingName(key_id))));
	derive(&name, purpose, out, size);
}

bool
KeyRingIsDestroyed(uint32 key_id, uint32 version)
{
	static DataKeyName last;
	static uint64 last_epoch;
	static bool last_answer;

	/* An index that is made anew asks for each of its values, which share a key nearly always. */
	if (last_epoch != CatalogEpoch || last.key_id != key_id || last.version != version)
	{
		DataKeyName name = {key_id, version};
		uint64 epoch = CatalogEpoch; /* an invalidation may arrive while we look */
		KeyState state;

		last_answer = read_version(&name, &state, NULL) && state == KEY_DESTROYED;
		last = name;
		last_epoch = epoch;
	}
	return last_answer;
}

void
KeyRingDeriveFrom(uint32 key_id, uint32 version, Bytes purpose, uint8_t *out, size_t size)
{
	DataKeyName name = {key_id, version};
	KeyState state;

	if (!read_version(&name, &state, NULL) || !state_opens(state))
		raise_state(find_version(key_id, version));
	derive(&name, purpose, out, size);
}

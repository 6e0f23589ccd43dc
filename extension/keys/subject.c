/*
 * subject.c
 *		Keys of data subjects.
 *
 * What a backend has unwrapped lies in one block of secret memory, of as many
 * places as the setting says; the key used longest ago makes room. They take
 * turns in one cipher, which is the large part of a key in memory.
 */
#include "postgres.h"

#include <sodium.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/errors.h"
#include "base/secret.h"
#include "base/utf8.h"
#include "base/varlena.h"
#include "crypto/hash.h"
#include "keys/admin.h"
#include "keys/ring.h"
#include "keys/root.h"
#include "keys/subject.h"

/* First item of the context that binds a wrapped key to what it is. */
#define CONTEXT_SUBJECT_KEY "subject key"

#define TABLE "subject_key"
#define INDEX_BY_ID "subject_key_pkey"
#define INDEX_BY_SUBJECT "subject_key_of_subject"
#define INDEX_BY_VERSION "subject_key_of_version"

/* Columns of tarot.subject_key, as in subject.sql */
enum
{
	COLUMN_ID = 1,
	COLUMN_CLASS_ID = 2,
	COLUMN_HASH = 3,
	COLUMN_KEY_ID = 4,
	COLUMN_KEY_VERSION = 5,
	COLUMN_WRAPPED = 6,
	COLUMN_CREATED_AT = 7,
	COLUMN_DESTROYED_AT = 8,
	COLUMNS = 8,
};

typedef struct SubjectName
{
	int32 class_id;
	uint8 hash[SUBJECT_HASH_SIZE];
} SubjectName;

typedef struct SubjectKey
{
	uint64 id; /* hash key */
	uint64 epoch;
	uint64 generation;
	SubjectName name;
	SubjectKeyState state;
	int place;       /* of the key in `secrets` */
	bool fresh;      /* made by this transaction, which may roll back */
	dlist_node node; /* in `by_use` */
} SubjectKey;

/* Which key a subject's values are sealed with. */
typedef struct SubjectChoice
{
	SubjectName name; /* hash key */
	uint64 id;
} SubjectChoice;

/* What hashes the subjects of a class. */
typedef struct SubjectHasher
{
	int32 class_id; /* hash key */
	uint64 epoch;
	uint64 generation;
	Hmac *hmac;
} SubjectHasher;

/*
 * How many keys of data subjects a session keeps at hand. One that is not among
 * them costs a look into a table and an unwrapping, some ten microseconds; each
 * takes about 200 bytes, 32 of them in locked memory. More pays where sessions
 * come back to the same few thousand subjects.
 */
static int cache_size = 1024;

static MemoryContext subject_context;
static HTAB *keys;
static HTAB *choices;
static HTAB *hashers;
static dlist_head by_use = DLIST_STATIC_INIT(by_use);
static uint8 *secrets;  /* cache_size keys */
static int places_used; /* of them, ever */
static XaesKey *cipher; /* keyed with that of ... */
static uint64 cipher_id;
static bool any_fresh;

/* ---------------------------------------------------------------- the cache */

/* Out of the cache, and its place with it, which the caller uses again. */
static void
forget_key(SubjectKey *key)
{
	SubjectChoice *choice = hash_search(choices, &key->name, HASH_FIND, NULL);

	if (choice != NULL && choice->id == key->id)
		hash_search(choices, &key->name, HASH_REMOVE, NULL);
	if (cipher_id == key->id)
		cipher_id = 0;
	secret_wipe(secrets + (size_t) key->place * SUBJECT_KEY_SIZE, SUBJECT_KEY_SIZE);
	dlist_delete(&key->node);
	hash_search(keys, &key->id, HASH_REMOVE, NULL);
}

void
SubjectKeysForget(void)
{
	HASH_SEQ_STATUS scan;
	SubjectHasher *hasher;

	if (secrets != NULL)
		secret_wipe(secrets, mul_size(cache_size, SUBJECT_KEY_SIZE));
	xaes_free(cipher);
	cipher = NULL;
	cipher_id = 0;
	hash_seq_init(&scan, hashers);
	while ((hasher = hash_seq_search(&scan)) != NULL)
	{
		hmac_free(hasher->hmac);
		hasher->hmac = NULL;
		hasher->epoch = 0;
	}
}

/* A key that was made and rolled back must never seal anything: nobody could open it. */
static void
forget_fresh(void)
{
	dlist_mutable_iter iter;

	if (!any_fresh)
		return;
	dlist_foreach_modify(iter, &by_use)
	{
		SubjectKey *key = dlist_container(SubjectKey, node, iter.cur);

		if (key->fresh)
		{
			/* Its place goes to the next key by way of the end of the line. */
			key->epoch = 0;
			key->state = SUBJECT_KEY_UNKNOWN;
			key->fresh = false;
			hash_search(choices, &key->name, HASH_REMOVE, NULL);
			if (cipher_id == key->id)
				cipher_id = 0;
		}
	}
	any_fresh = false;
}

static void
keep_fresh(void)
{
	dlist_iter iter;

	if (!any_fresh)
		return;
	dlist_foreach(iter, &by_use) dlist_container(SubjectKey, node, iter.cur)->fresh = false;
	any_fresh = false;
}

static void
on_transaction_end(XactEvent event, void *argument)
{
	(void) argument;
	if (event == XACT_EVENT_COMMIT)
		keep_fresh();
	else if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		forget_fresh();
}

static void
on_subtransaction_end(SubXactEvent event, SubTransactionId me, SubTransactionId parent,
					  void *argument)
{
	(void) me;
	(void) parent;
	(void) argument;
	if (event == SUBXACT_EVENT_ABORT_SUB)
		forget_fresh();
}

/* An entry with a place, perhaps somebody else's that was used longest ago. */
static SubjectKey *
new_entry(uint64 id)
{
	int place = places_used;
	SubjectKey *key;

	if (secrets == NULL)
	{
		secrets = secret_alloc(mul_size(cache_size, SUBJECT_KEY_SIZE));
		CryptoCheck(secrets == NULL ? CRYPTO_FAILED : CRYPTO_OK);
	}
	if (places_used < cache_size)
		places_used++;
	else
	{
		SubjectKey *oldest = dlist_tail_element(SubjectKey, node, &by_use);

		place = oldest->place;
		forget_key(oldest);
	}
	key = hash_search(keys, &id, HASH_ENTER, NULL);
	key->epoch = 0;
	key->generation = 0;
	key->place = place;
	key->fresh = false;
	key->state = SUBJECT_KEY_UNKNOWN;
	memset(&key->name, 0, sizeof(key->name));
	dlist_push_head(&by_use, &key->node);
	return key;
}

static inline uint8 *
secret_of(const SubjectKey *key)
{
	return secrets + (size_t) key->place * SUBJECT_KEY_SIZE;
}

/* ---------------------------------------------------------------- wrapping */

static inline void
wrapping_context(Bytes context[3], uint8 id_bytes[8], uint64 id, Bytes hash)
{
	bytes_put_u64(id_bytes, id);
	context[0] = bytes_of_string(CONTEXT_SUBJECT_KEY);
	context[1] = bytes_view(id_bytes, 8);
	context[2] = hash;
}

static bytea *
wrap(DataKey *data_key, int32 class_id, uint64 id, Bytes hash, const uint8 *secret)
{
	EnvelopeHeader header = {.kind = ENVELOPE_SUBJECT_KEY, .class_id = (uint32) class_id};
	uint8 id_bytes[8];
	Bytes context[3];

	wrapping_context(context, id_bytes, id, hash);
	return KeyRingSeal(data_key, &header, context, 3, bytes_view(secret, SUBJECT_KEY_SIZE));
}

/* False for what is damaged, and where the data key may not open. */
static bool
unwrap(const bytea *wrapped, int32 class_id, uint64 id, Bytes hash, uint8 *secret)
{
	Envelope envelope;
	uint8 id_bytes[8];
	Bytes context[3];

	if (envelope_parse(BytesOfVarlena(wrapped), &envelope) != CRYPTO_OK ||
		envelope.header.kind != ENVELOPE_SUBJECT_KEY ||
		envelope.header.class_id != (uint32) class_id ||
		envelope.ciphertext.len != SUBJECT_KEY_SIZE)
		return false;
	wrapping_context(context, id_bytes, id, hash);
	return KeyRingTryOpen(&envelope, context, 3, secret);
}

/* For administration. */
static void
require_unwrapped(bool unwrapped)
{
	if (!unwrapped)
		ereport(ERROR, (errcode(TAROT_ERRCODE_CANNOT_OPEN),
						errmsg("a key in tarot.subject_key cannot be unwrapped"),
						errdetail("It is damaged, or the version of the data key that wraps it is "
								  "suspended or destroyed.")));
}

/* ---------------------------------------------------------------- rows */

/* The hash of a row, or the wrapped key: a view, or no bytes at all where it is destroyed. */
static Bytes
get_bytes(HeapTuple tuple, TupleDesc desc, int column)
{
	bool isnull;
	Datum datum = heap_getattr(tuple, column, desc, &isnull);
	bytea *value;

	if (isnull)
		return bytes_view(NULL, 0);
	value = DatumGetByteaPP(datum);
	return BytesOfVarlena(value);
}

static uint64
get_id(HeapTuple tuple, TupleDesc desc)
{
	bool isnull;

	return (uint64) DatumGetInt64(heap_getattr(tuple, COLUMN_ID, desc, &isnull));
}

static int32
get_class_id(HeapTuple tuple, TupleDesc desc)
{
	bool isnull;

	return DatumGetInt32(heap_getattr(tuple, COLUMN_CLASS_ID, desc, &isnull));
}

static bytea *
get_wrapped(HeapTuple tuple, TupleDesc desc)
{
	bool isnull;
	Datum datum = heap_getattr(tuple, COLUMN_WRAPPED, desc, &isnull);

	return isnull ? NULL : DatumGetByteaPP(datum);
}

/* Reads the row of a key, and unwraps it. */
static void
load_key(SubjectKey *key)
{
	uint64 epoch = CatalogEpoch;
	Relation table = CatalogOpen(TABLE, AccessShareLock);
	TupleDesc desc = RelationGetDescr(table);
	ScanKeyData scan_key;
	SysScanDesc scan;
	HeapTuple tuple;

	key->generation = RootKeyGeneration();
	key->state = SUBJECT_KEY_UNKNOWN;
	key->epoch = 0;
	if (cipher_id == key->id)
		cipher_id = 0;
	ScanKeyInit(&scan_key, COLUMN_ID, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum((int64) key->id));
	scan = CatalogScan(table, INDEX_BY_ID, 1, &scan_key);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bytea *wrapped = get_wrapped(tuple, desc);
		Bytes hash = get_bytes(tuple, desc, COLUMN_HASH);

		key->name.class_id = get_class_id(tuple, desc);
		if (wrapped == NULL)
			key->state = SUBJECT_KEY_DESTROYED;
		else if (hash.len == SUBJECT_HASH_SIZE)
		{
			memcpy(key->name.hash, hash.data, SUBJECT_HASH_SIZE);
			key->state = unwrap(wrapped, key->name.class_id, key->id, hash, secret_of(key))
							 ? SUBJECT_KEY_USABLE
							 : SUBJECT_KEY_CLOSED;
		}
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	key->epoch = epoch;
}

static SubjectKey *
find_key(uint64 id)
{
	SubjectKey *key = hash_search(keys, &id, HASH_FIND, NULL);

	if (key == NULL)
		key = new_entry(id);
	else if (dlist_head_node(&by_use) != &key->node)
		dlist_move_head(&by_use, &key->node);
	if (unlikely(key->epoch != CatalogEpoch || key->generation != RootKeyGeneration()))
		load_key(key);
	return key;
}

static Datum
bytea_datum(Bytes bytes)
{
	return PointerGetDatum(TextOfBytes(bytes));
}

/*
 * A row for a new key. The lock stays until the end of
 * the transaction: who destroys a subject's keys waits for those in the making.
 */
static void
insert_row(uint64 id, int32 class_id, Bytes hash, DataKey *data_key, bytea *wrapped)
{
	Relation table = CatalogOpen(TABLE, RowExclusiveLock);
	Datum values[COLUMNS] = {0};
	bool nulls[COLUMNS] = {false};

	values[COLUMN_ID - 1] = Int64GetDatum((int64) id);
	values[COLUMN_CLASS_ID - 1] = Int32GetDatum(class_id);
	values[COLUMN_HASH - 1] = bytea_datum(hash);
	values[COLUMN_KEY_ID - 1] = Int32GetDatum((int32) DataKeyId(data_key));
	values[COLUMN_KEY_VERSION - 1] = Int32GetDatum((int32) DataKeyVersion(data_key));
	values[COLUMN_WRAPPED - 1] = PointerGetDatum(wrapped);
	values[COLUMN_CREATED_AT - 1] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	nulls[COLUMN_DESTROYED_AT - 1] = true;
	CatalogTupleInsert(table, heap_form_tuple(RelationGetDescr(table), values, nulls));
	table_close(table, NoLock);

	/* Rows that come later in the same statement are to find it. */
	CommandCounterIncrement();
}

static uint64
random_id(void)
{
	uint64 id;

	do
	{
		randombytes_buf(&id, sizeof(id));
		id &= PG_INT64_MAX;
	} while (id == 0);
	return id;
}

/* ---------------------------------------------------------------- hashing */

/* The key of a class's hashes, into secret memory. */
static void
load_hash_key(int32 class_id, uint8 *secret)
{
	Relation table = CatalogOpen(TABLE, AccessShareLock);
	TupleDesc desc = RelationGetDescr(table);
	ScanKeyData scan_keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	bytea *wrapped = NULL;

	ScanKeyInit(&scan_keys[0], COLUMN_CLASS_ID, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(class_id));
	ScanKeyInit(&scan_keys[1], COLUMN_HASH, BTEqualStrategyNumber, F_BYTEAEQ,
				bytea_datum(bytes_view("", 0)));
	scan = CatalogScan(table, INDEX_BY_SUBJECT, 2, scan_keys);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		wrapped = get_wrapped(tuple, desc);
	if (wrapped == NULL)
		ereport(ERROR, (errcode(TAROT_ERRCODE_KEY_STATE),
						errmsg("the key by which subjects of data class #%d are found is missing",
							   class_id),
						errdetail("It is in tarot.subject_key.")));
	require_unwrapped(unwrap(wrapped, class_id, get_id(tuple, desc), bytes_view("", 0), secret));
	systable_endscan(scan);
	table_close(table, AccessShareLock);
}

static void
load_hasher(SubjectHasher *hasher)
{
	uint64 epoch = CatalogEpoch;
	uint8 *volatile secret = secret_alloc(SUBJECT_KEY_SIZE);

	hmac_free(hasher->hmac);
	hasher->hmac = NULL;
	hasher->generation = RootKeyGeneration();
	PG_TRY();
	{
		CryptoCheck(secret == NULL ? CRYPTO_FAILED : CRYPTO_OK);
		load_hash_key(hasher->class_id, secret);
		hasher->hmac = hmac_create(bytes_view(secret, SUBJECT_KEY_SIZE));
	}
	PG_FINALLY();
	{
		secret_free(secret);
	}
	PG_END_TRY();
	CryptoCheck(hasher->hmac == NULL ? CRYPTO_FAILED : CRYPTO_OK);
	hasher->epoch = epoch;
}

void
SubjectHash(int32 class_id, Bytes subject, uint8 hash[SUBJECT_HASH_SIZE])
{
	bool found;
	SubjectHasher *hasher = hash_search(hashers, &class_id, HASH_ENTER, &found);
	uint8 full[HASH_SIZE];

	if (!found)
	{
		hasher->epoch = 0;
		hasher->hmac = NULL;
	}
	if (unlikely(hasher->hmac == NULL || hasher->epoch != CatalogEpoch ||
				 hasher->generation != RootKeyGeneration()))
		load_hasher(hasher);
	CryptoCheck(hmac_compute(hasher->hmac, &subject, 1, full));
	memcpy(hash, full, SUBJECT_HASH_SIZE);
}

/* ---------------------------------------------------------------- keys of subjects */

/* The number of a key of the subject that is not destroyed; 0: none. */
static uint64
search_key(const SubjectName *name)
{
	Relation table = CatalogOpen(TABLE, AccessShareLock);
	ScanKeyData scan_keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	uint64 id = 0;

	ScanKeyInit(&scan_keys[0], COLUMN_CLASS_ID, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(name->class_id));
	ScanKeyInit(&scan_keys[1], COLUMN_HASH, BTEqualStrategyNumber, F_BYTEAEQ,
				bytea_datum(bytes_view(name->hash, SUBJECT_HASH_SIZE)));
	scan = CatalogScan(table, INDEX_BY_SUBJECT, 2, scan_keys);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		id = get_id(tuple, RelationGetDescr(table));
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return id;
}

static SubjectKey *
make_key(const SubjectName *name, uint32 data_key_id)
{
	Bytes hash = bytes_view(name->hash, SUBJECT_HASH_SIZE);
	SubjectKey *key = new_entry(random_id());
	DataKey *data_key;

	PreventCommandIfReadOnly("making the key of a data subject");
	key->name = *name;
	key->generation = RootKeyGeneration();

	/* First this, for it may wipe what other keys are in memory; and nothing that may until it is
	 * wrapped. */
	data_key = KeyRingCurrent(data_key_id);
	randombytes_buf(secret_of(key), SUBJECT_KEY_SIZE);
	insert_row(key->id, name->class_id, hash, data_key,
			   wrap(data_key, name->class_id, key->id, hash, secret_of(key)));
	key->state = SUBJECT_KEY_USABLE;
	key->epoch = CatalogEpoch;
	key->fresh = any_fresh = true;
	return key;
}

uint64
SubjectKeyOf(int32 class_id, uint32 data_key_id, const uint8 hash[SUBJECT_HASH_SIZE])
{
	SubjectName name = {.class_id = class_id};
	SubjectChoice *choice;
	SubjectKey *key;
	uint64 id;

	memcpy(name.hash, hash, SUBJECT_HASH_SIZE);
	choice = hash_search(choices, &name, HASH_FIND, NULL);
	if (choice != NULL)
	{
		id = choice->id;
		key = find_key(id);
		if (likely(key->state == SUBJECT_KEY_USABLE))
			return id;
	}
	id = search_key(&name);
	key = id != 0 ? find_key(id) : make_key(&name, data_key_id);
	if (key->state != SUBJECT_KEY_USABLE)
		ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						errmsg("the key of a data subject was destroyed meanwhile")));
	id = key->id;
	((SubjectChoice *) hash_search(choices, &name, HASH_ENTER, NULL))->id = id;
	return id;
}

SubjectKeyState
SubjectKeyLook(uint64 id)
{
	return find_key(id)->state;
}

bool
SubjectKeyIsOf(uint64 id, int32 class_id, const uint8 hash[SUBJECT_HASH_SIZE])
{
	const SubjectKey *key = find_key(id);

	return key->state == SUBJECT_KEY_USABLE && key->name.class_id == class_id &&
		   memcmp(key->name.hash, hash, SUBJECT_HASH_SIZE) == 0;
}

/* ---------------------------------------------------------------- sealing and opening */

/* The cipher with the key in it. */
static XaesKey *
cipher_of(const SubjectKey *key)
{
	if (cipher_id == key->id && cipher != NULL)
		return cipher;
	cipher_id = 0;
	if (cipher == NULL)
		cipher = xaes_create(secret_of(key));
	else if (!xaes_rekey(cipher, secret_of(key)))
	{
		xaes_free(cipher);
		cipher = NULL;
	}
	CryptoCheck(cipher == NULL ? CRYPTO_FAILED : CRYPTO_OK);
	cipher_id = key->id;
	return cipher;
}

pg_noreturn static void
raise_unusable(SubjectKeyState state)
{
	if (state == SUBJECT_KEY_DESTROYED)
		ereport(ERROR, (errcode(TAROT_ERRCODE_KEY_STATE),
						errmsg("the key of the value's data subject is destroyed"),
						errdetail("What it sealed cannot be opened.")));
	if (state == SUBJECT_KEY_CLOSED)
		ereport(ERROR, (errcode(TAROT_ERRCODE_KEY_STATE),
						errmsg("the key of the value's data subject cannot be unwrapped"),
						errdetail("The version of the data key that wraps it is suspended or "
								  "destroyed, or its row in tarot.subject_key is damaged."),
						errhint("tarot.key_status lists the versions.")));
	ereport(ERROR,
			(errcode(TAROT_ERRCODE_CANNOT_OPEN), errmsg("cannot open the envelope"),
			 errdetail("This database has no such key of a data subject."),
			 errhint("The envelope may come from another database, or from a newer backup.")));
}

struct varlena *
SubjectKeySeal(const EnvelopeHeader *header, Bytes plaintext)
{
	const SubjectKey *key = find_key(header->subject_key);
	XaesKey *with;
	size_t size;
	struct varlena *out;

	if (key->state != SUBJECT_KEY_USABLE || key->name.class_id != (int32) header->class_id)
		raise_unusable(key->state);
	size = envelope_size(header, plaintext.len);
	out = palloc(VARHDRSZ + size);
	with = cipher_of(key);
	xaes_part_from_copies(with);
	CryptoCheck(envelope_seal(with, header, NULL, 0, plaintext, (uint8_t *) VARDATA(out)));
	SET_VARSIZE(out, VARHDRSZ + size);
	return out;
}

void
SubjectKeyOpen(const Envelope *envelope, uint8_t *plaintext)
{
	const SubjectKey *key = find_key(envelope->header.subject_key);

	if (key->state != SUBJECT_KEY_USABLE)
		raise_unusable(key->state);
	CryptoCheck(envelope_open(cipher_of(key), envelope, NULL, 0, plaintext));
}

bool
SubjectKeyTryOpen(const Envelope *envelope, uint8_t *plaintext)
{
	const SubjectKey *key = find_key(envelope->header.subject_key);

	return key->state == SUBJECT_KEY_USABLE &&
		   envelope_open(cipher_of(key), envelope, NULL, 0, plaintext) == CRYPTO_OK;
}

/* ---------------------------------------------------------------- administration */

/*
 * tarot.prepare_subjects(class_id integer, key_id integer) RETURNS void
 *
 * Makes the key by which subjects are found, unless an earlier class of this
 * name has left one.
 */
PG_FUNCTION_INFO_V1(tarot_keys_prepare_subjects);
Datum
tarot_keys_prepare_subjects(PG_FUNCTION_ARGS)
{
	int32 class_id = PG_GETARG_INT32(0);
	Bytes no_hash = bytes_view("", 0);
	uint8 *volatile secret;
	ScanKeyData scan_keys[2];
	Relation table = CatalogOpen(TABLE, ShareRowExclusiveLock);
	SysScanDesc scan;
	bool found;

	ScanKeyInit(&scan_keys[0], COLUMN_CLASS_ID, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(class_id));
	ScanKeyInit(&scan_keys[1], COLUMN_HASH, BTEqualStrategyNumber, F_BYTEAEQ,
				bytea_datum(bytes_view("", 0)));
	scan = CatalogScan(table, INDEX_BY_SUBJECT, 2, scan_keys);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(table, NoLock);
	if (found)
		PG_RETURN_VOID();

	secret = secret_alloc(SUBJECT_KEY_SIZE);
	PG_TRY();
	{
		DataKey *data_key = KeyRingCurrent((uint32) PG_GETARG_INT32(1));
		uint64 id = random_id();

		CryptoCheck(secret == NULL ? CRYPTO_FAILED : CRYPTO_OK);
		randombytes_buf(secret, SUBJECT_KEY_SIZE);
		insert_row(id, class_id, no_hash, data_key, wrap(data_key, class_id, id, no_hash, secret));
	}
	PG_FINALLY();
	{
		secret_free(secret);
	}
	PG_END_TRY();
	PG_RETURN_VOID();
}

static void
destroy_row(Relation table, HeapTuple tuple)
{
	int columns[] = {COLUMN_HASH, COLUMN_KEY_ID, COLUMN_KEY_VERSION, COLUMN_WRAPPED,
					 COLUMN_DESTROYED_AT};
	Datum values[] = {0, 0, 0, 0, TimestampTzGetDatum(GetCurrentTransactionStartTimestamp())};
	bool nulls[] = {true, true, true, true, false};

	CatalogTupleUpdate(table, &tuple->t_self,
					   heap_modify_tuple_by_cols(tuple, RelationGetDescr(table), lengthof(columns),
												 columns, values, nulls));
}

/*
 * tarot.destroy_subject(class_id integer, subject text) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_keys_destroy_subject);
Datum
tarot_keys_destroy_subject(PG_FUNCTION_ARGS)
{
	int32 class_id = PG_GETARG_INT32(0);
	text *subject = PG_GETARG_TEXT_PP(1);
	uint8 hash[SUBJECT_HASH_SIZE];
	Relation table;
	ScanKeyData scan_keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	bool destroyed = false;

	SubjectHash(class_id, Utf8FromServer(BytesOfVarlena(subject)), hash);

	/* Waits for who makes keys now: theirs are found then. */
	table = CatalogOpen(TABLE, ShareRowExclusiveLock);
	ScanKeyInit(&scan_keys[0], COLUMN_CLASS_ID, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(class_id));
	ScanKeyInit(&scan_keys[1], COLUMN_HASH, BTEqualStrategyNumber, F_BYTEAEQ,
				bytea_datum(bytes_view(hash, SUBJECT_HASH_SIZE)));
	scan = CatalogScan(table, INDEX_BY_SUBJECT, 2, scan_keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		destroy_row(table, tuple);
		destroyed = true;
	}
	systable_endscan(scan);
	if (destroyed)
		CacheInvalidateRelcache(table);
	table_close(table, NoLock);
	CommandCounterIncrement();
	PG_RETURN_BOOL(destroyed);
}

/* Wraps the key in a row with another data key. */
static void
rewrap_row(Relation table, HeapTuple tuple, DataKey *data_key, uint8 *secret)
{
	TupleDesc desc = RelationGetDescr(table);
	uint64 id = get_id(tuple, desc);
	int32 class_id = get_class_id(tuple, desc);
	Bytes hash = get_bytes(tuple, desc, COLUMN_HASH);
	int columns[] = {COLUMN_KEY_ID, COLUMN_KEY_VERSION, COLUMN_WRAPPED};
	Datum values[3];
	bool nulls[] = {false, false, false};

	require_unwrapped(unwrap(get_wrapped(tuple, desc), class_id, id, hash, secret));
	values[0] = Int32GetDatum((int32) DataKeyId(data_key));
	values[1] = Int32GetDatum((int32) DataKeyVersion(data_key));
	values[2] = PointerGetDatum(wrap(data_key, class_id, id, hash, secret));
	CatalogTupleUpdate(
		table, &tuple->t_self,
		heap_modify_tuple_by_cols(tuple, desc, lengthof(columns), columns, values, nulls));
}

static bool
is_wrapped_by(HeapTuple tuple, TupleDesc desc, const DataKey *data_key)
{
	bool isnull;

	return DatumGetInt32(heap_getattr(tuple, COLUMN_KEY_ID, desc, &isnull)) ==
			   (int32) DataKeyId(data_key) &&
		   DatumGetInt32(heap_getattr(tuple, COLUMN_KEY_VERSION, desc, &isnull)) ==
			   (int32) DataKeyVersion(data_key);
}

static uint64
rewrap_rows(int32 class_id, DataKey *data_key, uint8 *secret)
{
	Relation table = CatalogOpen(TABLE, ShareRowExclusiveLock);
	TupleDesc desc = RelationGetDescr(table);
	MemoryContext row_context = AllocSetContextCreate(
		CurrentMemoryContext, "tarot_security rewrapping", ALLOCSET_DEFAULT_SIZES);
	uint64 count = 0;
	ScanKeyData scan_key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&scan_key, COLUMN_CLASS_ID, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(class_id));
	scan = CatalogScan(table, INDEX_BY_SUBJECT, 1, &scan_key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		MemoryContext outer_context = MemoryContextSwitchTo(row_context);

		CHECK_FOR_INTERRUPTS();
		if (get_wrapped(tuple, desc) != NULL && !is_wrapped_by(tuple, desc, data_key))
		{
			rewrap_row(table, tuple, data_key, secret);
			count++;
		}
		MemoryContextSwitchTo(outer_context);
		MemoryContextReset(row_context);
	}
	systable_endscan(scan);
	CacheInvalidateRelcache(table);
	table_close(table, NoLock);
	MemoryContextDelete(row_context);
	CommandCounterIncrement();
	return count;
}

/*
 * tarot.rewrap_subjects(class_id integer, key_id integer) RETURNS bigint
 */
PG_FUNCTION_INFO_V1(tarot_keys_rewrap_subjects);
Datum
tarot_keys_rewrap_subjects(PG_FUNCTION_ARGS)
{
	uint8 *volatile secret = secret_alloc(SUBJECT_KEY_SIZE);
	volatile uint64 count = 0;

	PG_TRY();
	{
		CryptoCheck(secret == NULL ? CRYPTO_FAILED : CRYPTO_OK);
		count =
			rewrap_rows(PG_GETARG_INT32(0), KeyRingCurrent((uint32) PG_GETARG_INT32(1)), secret);
	}
	PG_FINALLY();
	{
		secret_free(secret);
	}
	PG_END_TRY();
	PG_RETURN_INT64((int64) count);
}

/* A version of a data key that wraps keys of subjects is in use. */
static void
check_version_unused(uint32 key_id, uint32 version)
{
	Relation table = CatalogOpen(TABLE, ShareLock);
	ScanKeyData scan_keys[2];
	SysScanDesc scan;

	ScanKeyInit(&scan_keys[0], COLUMN_KEY_ID, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum((int32) key_id));
	ScanKeyInit(&scan_keys[1], COLUMN_KEY_VERSION, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum((int32) version));
	scan = CatalogScan(table, INDEX_BY_VERSION, 2, scan_keys);
	if (HeapTupleIsValid(systable_getnext(scan)))
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot destroy version %u of key \"%s\" because it wraps keys of data "
						"subjects",
						version, KeyRingName(key_id)),
				 errhint("Call tarot.rewrap_subject_keys() first. With force => true their values "
						 "become unreadable for ever.")));
	systable_endscan(scan);
	table_close(table, NoLock);
}

void
SubjectInit(void)
{
	HASHCTL options = {0};

	DefineCustomIntVariable(
		"tarot_security.subject_key_cache", "How many keys of data subjects a session keeps.",
		"One that it does not keep is looked up and unwrapped again when it is needed.",
		&cache_size, 1024, 16, 1000000, PGC_POSTMASTER, 0, NULL, NULL, NULL);

	subject_context = AllocSetContextCreate(TopMemoryContext, "tarot_security subject keys",
											ALLOCSET_SMALL_SIZES);
	options.hcxt = subject_context;
	options.keysize = sizeof(uint64);
	options.entrysize = sizeof(SubjectKey);
	keys = hash_create("tarot_security subject keys", 64, &options,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	options.keysize = sizeof(SubjectName);
	options.entrysize = sizeof(SubjectChoice);
	choices =
		hash_create("tarot_security subjects", 64, &options, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	options.keysize = sizeof(int32);
	options.entrysize = sizeof(SubjectHasher);
	hashers = hash_create("tarot_security subject hashes", 16, &options,
						  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	RegisterXactCallback(on_transaction_end, NULL);
	RegisterSubXactCallback(on_subtransaction_end, NULL);
	KeyRegisterUse(check_version_unused);
}

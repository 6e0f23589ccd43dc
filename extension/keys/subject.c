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
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/catalog.h"
#include "base/errors.h"
#include "base/secret.h"
#include "keys/admin.h"
#include "keys/ring.h"
#include "keys/root.h"
#include "keys/subject.h"
#include "keys/subject_row.h"

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
	if (secrets != NULL)
		secret_wipe(secrets, mul_size(cache_size, SUBJECT_KEY_SIZE));
	xaes_free(cipher);
	cipher = NULL;
	cipher_id = 0;
	SubjectHashForget();
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

/* ---------------------------------------------------------------- keys of subjects */

/* Reads the row of a key, and unwraps it. */
static void
load_key(SubjectKey *key)
{
	uint64 epoch = CatalogEpoch;
	Relation table = CatalogOpen(SUBJECT_TABLE, AccessShareLock);
	ScanKeyData scan_key;
	SysScanDesc scan;
	HeapTuple tuple;

	key->generation = RootKeyGeneration();
	key->state = SUBJECT_KEY_UNKNOWN;
	key->epoch = 0;
	if (cipher_id == key->id)
		cipher_id = 0;
	ScanKeyInit(&scan_key, SUBJECT_COLUMN_ID, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum((int64) key->id));
	scan = CatalogScan(table, SUBJECT_INDEX_BY_ID, 1, &scan_key);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		SubjectRow row = SubjectRowRead(tuple, RelationGetDescr(table));

		key->name.class_id = row.class_id;
		if (row.wrapped.data == NULL)
			key->state = SUBJECT_KEY_DESTROYED;
		else if (row.hash.len == SUBJECT_HASH_SIZE)
		{
			memcpy(key->name.hash, row.hash.data, SUBJECT_HASH_SIZE);
			key->state =
				SubjectRowUnwrap(&row, secret_of(key)) ? SUBJECT_KEY_USABLE : SUBJECT_KEY_CLOSED;
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

/* The number of a key of the subject that is not destroyed; 0: none. */
static uint64
search_key(const SubjectName *name)
{
	Relation table = CatalogOpen(SUBJECT_TABLE, AccessShareLock);
	SysScanDesc scan =
		SubjectRowScan(table, name->class_id, bytes_view(name->hash, SUBJECT_HASH_SIZE));
	HeapTuple tuple;
	uint64 id = 0;

	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		id = SubjectRowRead(tuple, RelationGetDescr(table)).id;
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return id;
}

static SubjectKey *
make_key(const SubjectName *name, uint32 data_key_id)
{
	SubjectKey *key = new_entry(SubjectRowNewId());
	DataKey *data_key;

	PreventCommandIfReadOnly("making the key of a data subject");
	key->name = *name;
	key->generation = RootKeyGeneration();

	/* First this, for it may wipe what other keys are in memory; and nothing that may until it is
	 * wrapped. */
	data_key = KeyRingCurrent(data_key_id);
	randombytes_buf(secret_of(key), SUBJECT_KEY_SIZE);
	SubjectRowInsert(key->id, name->class_id, bytes_view(name->hash, SUBJECT_HASH_SIZE), data_key,
					 secret_of(key));
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
	RegisterXactCallback(on_transaction_end, NULL);
	RegisterSubXactCallback(on_subtransaction_end, NULL);
	KeyRegisterUse(SubjectCheckVersion);
}

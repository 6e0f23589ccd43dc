/*
 * subject_hash.c
 *		What tarot.subject_key knows data subjects by.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/catalog.h"
#include "base/errors.h"
#include "base/secret.h"
#include "crypto/hash.h"
#include "keys/root.h"
#include "keys/subject_hash.h"
#include "keys/subject_row.h"

/* What hashes the subjects of a class. */
typedef struct SubjectHasher
{
	int32 class_id; /* hash key */
	uint64 epoch;
	uint64 generation;
	Hmac *hmac;
} SubjectHasher;

static HTAB *hashers;

void
SubjectHashInit(void)
{
	HASHCTL options = {0};

	options.hcxt = AllocSetContextCreate(TopMemoryContext, "tarot_security subject hashes",
										 ALLOCSET_SMALL_SIZES);
	options.keysize = sizeof(int32);
	options.entrysize = sizeof(SubjectHasher);
	hashers = hash_create("tarot_security subject hashes", 16, &options,
						  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void
SubjectHashForget(void)
{
	HASH_SEQ_STATUS scan;
	SubjectHasher *hasher;

	hash_seq_init(&scan, hashers);
	while ((hasher = hash_seq_search(&scan)) != NULL)
	{
		hmac_free(hasher->hmac);
		hasher->hmac = NULL;
		hasher->epoch = 0;
	}
}

/* The key of a class's hashes, into secret memory. */
static void
load_hash_key(int32 class_id, uint8 *secret)
{
	Relation table = CatalogOpen(SUBJECT_TABLE, AccessShareLock);
	SysScanDesc scan = SubjectRowScan(table, class_id, SUBJECT_NO_HASH);
	HeapTuple tuple = systable_getnext(scan);
	SubjectRow row = {0};

	if (HeapTupleIsValid(tuple))
		row = SubjectRowRead(tuple, RelationGetDescr(table));
	if (row.wrapped.data == NULL)
		ereport(ERROR, (errcode(TAROT_ERRCODE_KEY_STATE),
						errmsg("the key by which subjects of data class #%d are found is missing",
							   class_id),
						errdetail("It is in tarot.subject_key.")));
	SubjectRowRequire(&row, secret);
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

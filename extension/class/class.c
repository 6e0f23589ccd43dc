/*
 * class.c
 *		Data classes as the C code knows them.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/catalog.h"
#include "base/secret.h"
#include "base/utf8.h"
#include "base/varlena.h"
#include "class/class.h"
#include "crypto/hash.h"
#include "keys/ring.h"
#include "keys/root.h"

/* Columns of tarot.class, as in class.sql */
enum
{
	CLASS_CLASS_ID = 1,
	CLASS_NAME = 2,
	CLASS_KEY_ID = 3,
	CLASS_MASK = 4,
	CLASS_SEARCHABLE = 5,
	CLASS_PER_SUBJECT = 7,
	CLASS_PURPOSES = 8,
};

/* Columns of tarot.search_key, as in class.sql */
enum
{
	SEARCH_CLASS_ID = 1,
	SEARCH_GENERATION = 2,
	SEARCH_KEY_ID = 3,
	SEARCH_KEY_VERSION = 4,
	SEARCH_NORMALIZE = 5,
	SEARCH_BITS = 6,
	SEARCH_STATE = 7,
};

static const char *const search_states[] = {"next", "active", "retiring", "retired"};

#define MAX_USERS 16

static MemoryContext class_context;
static HTAB *classes;
static ClassUseCheck use_checks[MAX_USERS];
static int use_check_count;

void
ClassInit(void)
{
	HASHCTL options = {0};

	options.keysize = sizeof(int32);
	options.entrysize = sizeof(DataClass);
	class_context =
		AllocSetContextCreate(TopMemoryContext, "tarot_security classes", ALLOCSET_SMALL_SIZES);
	options.hcxt = class_context;
	classes =
		hash_create("tarot_security classes", 64, &options, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void
ClassRegisterUse(ClassUseCheck check)
{
	if (use_check_count == MAX_USERS)
		elog(FATAL, "too many users of data classes");
	use_checks[use_check_count++] = check;
}

int32
ClassIdOfName(Bytes name)
{
	uint8 digest[HASH_SIZE];
	uint32 class_id;

	CryptoRequire();
	CryptoCheck(hash_sha256(Utf8FromServer(name), digest));
	class_id = bytes_get_u32(digest) & PG_INT32_MAX;

	/* The two reserved numbers move aside; create_class refuses any collision. */
	return class_id == CLASS_NONE || class_id == CLASS_LITERAL ? 1 : (int32) class_id;
}

static SearchState
search_state_of(const char *name)
{
	for (size_t i = 0; i < lengthof(search_states); i++)
	{
		if (strcmp(search_states[i], name) == 0)
			return (SearchState) i;
	}
	elog(ERROR, "tarot.search_key is damaged, or of a newer version");
}

int32
ClassSearchRow(HeapTuple tuple, TupleDesc desc, SearchSpec *search, SearchState *state)
{
	bool isnull;
	const char *problem;

	search->generation = DatumGetInt32(heap_getattr(tuple, SEARCH_GENERATION, desc, &isnull));
	search->key_id = (uint32) DatumGetInt32(heap_getattr(tuple, SEARCH_KEY_ID, desc, &isnull));
	search->version =
		(uint32) DatumGetInt32(heap_getattr(tuple, SEARCH_KEY_VERSION, desc, &isnull));
	search->bits = DatumGetInt32(heap_getattr(tuple, SEARCH_BITS, desc, &isnull));

	/* With other tags than those that are stored, values would be missed. */
	if (!NormalizationParse(
			TextDatumGetCString(heap_getattr(tuple, SEARCH_NORMALIZE, desc, &isnull)),
			&search->normalization, &problem))
		elog(ERROR, "tarot.search_key is damaged, or of a newer version: %s", problem);
	*state = search_state_of(TextDatumGetCString(heap_getattr(tuple, SEARCH_STATE, desc, &isnull)));
	return DatumGetInt32(heap_getattr(tuple, SEARCH_CLASS_ID, desc, &isnull));
}

/* The class's search keys that are in use. */
static void
read_search_keys(int32 class_id, SearchSpec *active, SearchSpec *next)
{
	Relation table = CatalogOpen("search_key", AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	*active = (SearchSpec){0};
	*next = (SearchSpec){0};
	ScanKeyInit(&key, SEARCH_CLASS_ID, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(class_id));
	scan = CatalogScan(table, "search_key_pkey", 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		SearchSpec search;
		SearchState state;

		ClassSearchRow(tuple, RelationGetDescr(table), &search, &state);
		if (state == SEARCH_ACTIVE)
			*active = search;
		else if (state == SEARCH_NEXT)
			*next = search;
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
}

int
ClassSearchGeneration(int32 class_id)
{
	SearchSpec active;
	SearchSpec next;

	read_search_keys(class_id, &active, &next);
	return active.generation;
}

/* What stands in the place of the old array, which is freed. */
static void
keep_purposes(DataClass *data_class, Datum purposes, bool isnull)
{
	ArrayType *old = data_class->purposes;

	data_class->purposes = NULL;
	if (old != NULL)
		pfree(old);
	if (!isnull)
	{
		MemoryContext outer = MemoryContextSwitchTo(class_context);

		data_class->purposes = DatumGetArrayTypePCopy(purposes);
		MemoryContextSwitchTo(outer);
	}
}

static void
read_class(DataClass *data_class)
{
	Relation table = CatalogOpen("class", AccessShareLock);
	TupleDesc desc = RelationGetDescr(table);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, CLASS_CLASS_ID, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(data_class->class_id));
	scan = CatalogScan(table, "class_pkey", 1, &key);
	tuple = systable_getnext(scan);
	data_class->exists = false;
	if (HeapTupleIsValid(tuple))
	{
		bool isnull;
		Datum purposes;
		const char *problem;
		Bytes utf8;
		char *name = TextDatumGetCString(heap_getattr(tuple, CLASS_NAME, desc, &isnull));
		char *mask = TextDatumGetCString(heap_getattr(tuple, CLASS_MASK, desc, &isnull));

		strlcpy(data_class->name, name, NAMEDATALEN);
		data_class->key_id =
			(uint32) DatumGetInt32(heap_getattr(tuple, CLASS_KEY_ID, desc, &isnull));
		data_class->searchable = DatumGetBool(heap_getattr(tuple, CLASS_SEARCHABLE, desc, &isnull));

		data_class->per_subject =
			DatumGetBool(heap_getattr(tuple, CLASS_PER_SUBJECT, desc, &isnull));

		purposes = heap_getattr(tuple, CLASS_PURPOSES, desc, &isnull);
		keep_purposes(data_class, purposes, isnull);

		/* Written by a newer version, perhaps: then the mask that shows least. */
		if (!Utf8TryFromServer(bytes_of_string(mask), &utf8) ||
			!mask_parse((const char *) utf8.data, &data_class->mask, &problem))
			data_class->mask = (MaskSpec){.kind = MASK_REDACT};
		mask_rules_free(data_class->rules);
		data_class->rules = mask_rules_create(&data_class->mask);
		data_class->exists = true;
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	if (data_class->exists)
		read_search_keys(data_class->class_id, &data_class->search.spec,
						 &data_class->next_search.spec);
}

DataClass *
ClassFind(int32 class_id)
{
	/* Anybody can name any number: those of no class are not remembered. */
	static DataClass unknown;

	/* A statement that compares a few values asks many times for the same. */
	static DataClass *last;
	DataClass *data_class;

	if (likely(last != NULL && last->class_id == class_id && last->epoch == CatalogEpoch))
		return last;
	data_class = hash_search(classes, &class_id, HASH_FIND, NULL);
	if (data_class == NULL)
	{
		unknown = (DataClass){.class_id = class_id};
		read_class(&unknown);
		if (!unknown.exists)
			return &unknown;
		keep_purposes(&unknown, (Datum) 0, true); /* it is read again, into its own place */
		data_class = hash_search(classes, &class_id, HASH_ENTER, NULL);
		*data_class = (DataClass){.class_id = class_id};
	}
	if (data_class->epoch != CatalogEpoch)
	{
		uint64 epoch = CatalogEpoch;

		read_class(data_class);
		data_class->epoch = epoch;
	}
	last = data_class;
	return data_class;
}

DataClass *
ClassRequire(int32 class_id)
{
	DataClass *data_class = ClassFind(class_id);

	if (!data_class->exists)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("data class #%d does not exist in this database", class_id),
				 errdetail("The number is the hash of its name, from the column's "
						   "definition or an envelope."),
				 errhint("Create the class with tarot.create_class(), under its old name.")));
	return data_class;
}

/* ---------------------------------------------------------------- masks */

static void
forget_mask_keys(DataClass *data_class)
{
	mask_keys_free(data_class->mask_keys);
	data_class->mask_keys = NULL;
}

void
ClassForgetLocked(void)
{
	static uint64 seen;
	uint64 generation = RootKeyGeneration();
	HASH_SEQ_STATUS scan;
	DataClass *data_class;

	if (likely(seen == generation))
		return;
	seen = generation;
	hash_seq_init(&scan, classes);
	while ((data_class = hash_seq_search(&scan)) != NULL)
	{
		DerivedHmacForget(&data_class->mask_key, false);
		if (data_class->mask_keys_generation != generation)
			forget_mask_keys(data_class);
		DerivedHmacForget(&data_class->search.hmac, false);
		DerivedHmacForget(&data_class->next_search.hmac, false);
	}
}

Hmac *
ClassMaskKey(DataClass *data_class)
{
	uint8_t purpose[8];
	DerivedFrom from = {.key_id = data_class->key_id,
						.purpose = bytes_view(purpose, sizeof(purpose))};

	memcpy(purpose, "mask", 4);
	bytes_put_u32(purpose + 4, (uint32) data_class->class_id);
	return DerivedHmacGet(&data_class->mask_key, &from);
}

/* As DerivedHmacGet (keys/derived.c). */
MaskKeys *
ClassMaskKeys(DataClass *data_class)
{
	uint8_t purpose[13];
	uint8_t secret[MASK_SECRET_SIZE];

	if (likely(data_class->mask_keys != NULL && data_class->mask_keys_epoch == CatalogEpoch &&
			   data_class->mask_keys_generation == RootKeyGeneration()))
		return data_class->mask_keys;
	forget_mask_keys(data_class);
	data_class->mask_keys_epoch = CatalogEpoch;
	data_class->mask_keys_generation = RootKeyGeneration();
	memcpy(purpose, "mask keys", 9);
	bytes_put_u32(purpose + 9, (uint32) data_class->class_id);
	KeyRingDerive(data_class->key_id, bytes_view(purpose, sizeof(purpose)), secret, sizeof(secret));
	data_class->mask_keys = mask_keys_create(secret);
	secret_wipe(secret, sizeof(secret));
	CryptoCheck(data_class->mask_keys == NULL ? CRYPTO_FAILED : CRYPTO_OK);
	return data_class->mask_keys;
}

/* ---------------------------------------------------------------- for class.sql */

/*
 * tarot.class_id(name text) RETURNS integer
 */
PG_FUNCTION_INFO_V1(tarot_class_id);
Datum
tarot_class_id(PG_FUNCTION_ARGS)
{
	text *name = PG_GETARG_TEXT_PP(0);

	PG_RETURN_INT32(ClassIdOfName(BytesOfVarlena(name)));
}

/*
 * tarot.class_purposes(class text) RETURNS text[]
 */
PG_FUNCTION_INFO_V1(tarot_class_purposes);
Datum
tarot_class_purposes(PG_FUNCTION_ARGS)
{
	text *name = PG_GETARG_TEXT_PP(0);
	const DataClass *data_class = ClassFind(ClassIdOfName(BytesOfVarlena(name)));

	if (!data_class->exists || strlen(data_class->name) != VARSIZE_ANY_EXHDR(name) ||
		memcmp(data_class->name, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)) != 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("data class \"%s\" does not exist", text_to_cstring(name))));
	if (data_class->purposes == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(datumCopy(PointerGetDatum(data_class->purposes), false, -1));
}

/*
 * tarot.check_class_unused(class_id integer, class_name text, purpose text) RETURNS void
 */
PG_FUNCTION_INFO_V1(tarot_class_check_unused);
Datum
tarot_class_check_unused(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char *purpose = text_to_cstring(PG_GETARG_TEXT_PP(2));

	for (int i = 0; i < use_check_count; i++)
		use_checks[i](PG_GETARG_INT32(0), name, purpose);
	PG_RETURN_VOID();
}

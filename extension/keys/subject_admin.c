/*
 * subject_admin.c
 *		The C half of the administration of subjects' keys: what must see key
 *		material, or finds a subject by its hash. The other half is in class/.
 */
#include "postgres.h"

#include <sodium.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/secret.h"
#include "base/utf8.h"
#include "base/varlena.h"
#include "keys/ring.h"
#include "keys/root.h"
#include "keys/subject_row.h"

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
	uint8 *volatile secret;
	Relation table = CatalogOpen(SUBJECT_TABLE, ShareRowExclusiveLock);
	SysScanDesc scan = SubjectRowScan(table, class_id, SUBJECT_NO_HASH);
	bool found = HeapTupleIsValid(systable_getnext(scan));

	systable_endscan(scan);
	table_close(table, NoLock);
	if (found)
		PG_RETURN_VOID();

	secret = secret_alloc(SUBJECT_KEY_SIZE);
	PG_TRY();
	{
		DataKey *data_key = KeyRingCurrent((uint32) PG_GETARG_INT32(1));

		CryptoCheck(secret == NULL ? CRYPTO_FAILED : CRYPTO_OK);
		randombytes_buf(secret, SUBJECT_KEY_SIZE);
		SubjectRowInsert(SubjectRowNewId(), class_id, SUBJECT_NO_HASH, data_key, secret);
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
	int columns[] = {SUBJECT_COLUMN_HASH, SUBJECT_COLUMN_KEY_ID, SUBJECT_COLUMN_KEY_VERSION,
					 SUBJECT_COLUMN_WRAPPED, SUBJECT_COLUMN_DESTROYED_AT};
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
	SysScanDesc scan;
	HeapTuple tuple;
	bool destroyed = false;

	SubjectHash(class_id, Utf8FromServer(BytesOfVarlena(subject)), hash);

	/* Waits for who makes keys now: theirs are found then. */
	table = CatalogOpen(SUBJECT_TABLE, ShareRowExclusiveLock);
	scan = SubjectRowScan(table, class_id, bytes_view(hash, SUBJECT_HASH_SIZE));
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

/*
 * tarot.subject_keys(class_id integer, subject text, waits boolean) RETURNS bigint[]
 *
 * The numbers of those that would be destroyed. Where it waits as that does, who
 * looks for values under them then finds what transactions under way have sealed.
 */
PG_FUNCTION_INFO_V1(tarot_keys_subject_keys);
Datum
tarot_keys_subject_keys(PG_FUNCTION_ARGS)
{
	int32 class_id = PG_GETARG_INT32(0);
	text *subject = PG_GETARG_TEXT_PP(1);
	ArrayBuildState *numbers = initArrayResult(INT8OID, CurrentMemoryContext, false);
	LOCKMODE lock = PG_GETARG_BOOL(2) ? ShareRowExclusiveLock : AccessShareLock;
	uint8 hash[SUBJECT_HASH_SIZE];
	Relation table;
	SysScanDesc scan;
	HeapTuple tuple;

	SubjectHash(class_id, Utf8FromServer(BytesOfVarlena(subject)), hash);
	table = CatalogOpen(SUBJECT_TABLE, lock);
	scan = SubjectRowScan(table, class_id, bytes_view(hash, SUBJECT_HASH_SIZE));
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		SubjectRow row = SubjectRowRead(tuple, RelationGetDescr(table));

		numbers = accumArrayResult(numbers, Int64GetDatum((int64) row.id), false, INT8OID,
								   CurrentMemoryContext);
	}
	systable_endscan(scan);
	table_close(table, NoLock);
	PG_RETURN_DATUM(makeArrayResult(numbers, CurrentMemoryContext));
}

/* Wraps the key in a row with another data key. */
static void
rewrap_row(Relation table, HeapTuple tuple, const SubjectRow *row, DataKey *data_key, uint8 *secret)
{
	int columns[] = {SUBJECT_COLUMN_KEY_ID, SUBJECT_COLUMN_KEY_VERSION, SUBJECT_COLUMN_WRAPPED};
	Datum values[3];
	bool nulls[] = {false, false, false};

	SubjectRowRequire(row, secret);
	values[0] = Int32GetDatum((int32) DataKeyId(data_key));
	values[1] = Int32GetDatum((int32) DataKeyVersion(data_key));
	values[2] = PointerGetDatum(SubjectRowWrap(data_key, row, secret));
	CatalogTupleUpdate(table, &tuple->t_self,
					   heap_modify_tuple_by_cols(tuple, RelationGetDescr(table), lengthof(columns),
												 columns, values, nulls));
}

static bool
is_wrapped_by(HeapTuple tuple, TupleDesc desc, const DataKey *data_key)
{
	bool isnull;

	return DatumGetInt32(heap_getattr(tuple, SUBJECT_COLUMN_KEY_ID, desc, &isnull)) ==
			   (int32) DataKeyId(data_key) &&
		   DatumGetInt32(heap_getattr(tuple, SUBJECT_COLUMN_KEY_VERSION, desc, &isnull)) ==
			   (int32) DataKeyVersion(data_key);
}

static uint64
rewrap_rows(int32 class_id, DataKey *data_key, uint8 *secret)
{
	Relation table = CatalogOpen(SUBJECT_TABLE, ShareRowExclusiveLock);
	TupleDesc desc = RelationGetDescr(table);
	MemoryContext row_context = AllocSetContextCreate(
		CurrentMemoryContext, "tarot_security rewrapping", ALLOCSET_DEFAULT_SIZES);
	uint64 count = 0;
	ScanKeyData scan_key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&scan_key, SUBJECT_COLUMN_CLASS_ID, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(class_id));
	scan = CatalogScan(table, SUBJECT_INDEX_BY_SUBJECT, 1, &scan_key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		MemoryContext outer_context = MemoryContextSwitchTo(row_context);
		SubjectRow row = SubjectRowRead(tuple, desc);

		CHECK_FOR_INTERRUPTS();
		if (row.wrapped.data != NULL && !is_wrapped_by(tuple, desc, data_key))
		{
			rewrap_row(table, tuple, &row, data_key, secret);
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
void
SubjectCheckVersion(uint32 key_id, uint32 version)
{
	Relation table = CatalogOpen(SUBJECT_TABLE, ShareLock);
	ScanKeyData scan_keys[2];
	SysScanDesc scan;

	ScanKeyInit(&scan_keys[0], SUBJECT_COLUMN_KEY_ID, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum((int32) key_id));
	ScanKeyInit(&scan_keys[1], SUBJECT_COLUMN_KEY_VERSION, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum((int32) version));
	scan = CatalogScan(table, SUBJECT_INDEX_BY_VERSION, 2, scan_keys);
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

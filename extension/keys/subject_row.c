/*
 * subject_row.c
 *		Rows of tarot.subject_key, and the keys that are wrapped in them.
 */
#include "postgres.h"

#include <sodium.h>

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/errors.h"
#include "base/varlena.h"
#include "crypto/envelope.h"
#include "keys/subject_row.h"

/* First item of the context that binds a wrapped key to what it is. */
#define CONTEXT_SUBJECT_KEY "subject key"

/* ---------------------------------------------------------------- wrapping */

static inline void
wrapping_context(Bytes context[3], uint8 id_bytes[8], const SubjectRow *row)
{
	bytes_put_u64(id_bytes, row->id);
	context[0] = bytes_of_string(CONTEXT_SUBJECT_KEY);
	context[1] = bytes_view(id_bytes, 8);
	context[2] = row->hash;
}

struct varlena *
SubjectRowWrap(DataKey *data_key, const SubjectRow *row, const uint8 secret[SUBJECT_KEY_SIZE])
{
	EnvelopeHeader header = {.kind = ENVELOPE_SUBJECT_KEY, .class_id = (uint32) row->class_id};
	uint8 id_bytes[8];
	Bytes context[3];

	wrapping_context(context, id_bytes, row);
	return KeyRingSeal(data_key, &header, context, 3, bytes_view(secret, SUBJECT_KEY_SIZE));
}

bool
SubjectRowUnwrap(const SubjectRow *row, uint8 secret[SUBJECT_KEY_SIZE])
{
	Envelope envelope;
	uint8 id_bytes[8];
	Bytes context[3];

	if (envelope_parse(row->wrapped, &envelope) != CRYPTO_OK ||
		envelope.header.kind != ENVELOPE_SUBJECT_KEY ||
		envelope.header.class_id != (uint32) row->class_id ||
		envelope.ciphertext.len != SUBJECT_KEY_SIZE)
		return false;
	wrapping_context(context, id_bytes, row);
	return KeyRingTryOpen(&envelope, context, 3, secret);
}

void
SubjectRowRequire(const SubjectRow *row, uint8 secret[SUBJECT_KEY_SIZE])
{
	if (!SubjectRowUnwrap(row, secret))
		ereport(ERROR, (errcode(TAROT_ERRCODE_CANNOT_OPEN),
						errmsg("a key in tarot.subject_key cannot be unwrapped"),
						errdetail("It is damaged, or the version of the data key that wraps it is "
								  "suspended or destroyed.")));
}

/* ---------------------------------------------------------------- rows */

/* A view, or no bytes at all where the key is destroyed. */
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

SubjectRow
SubjectRowRead(HeapTuple tuple, TupleDesc desc)
{
	bool isnull;

	return (SubjectRow){
		.id = (uint64) DatumGetInt64(heap_getattr(tuple, SUBJECT_COLUMN_ID, desc, &isnull)),
		.class_id = DatumGetInt32(heap_getattr(tuple, SUBJECT_COLUMN_CLASS_ID, desc, &isnull)),
		.hash = get_bytes(tuple, desc, SUBJECT_COLUMN_HASH),
		.wrapped = get_bytes(tuple, desc, SUBJECT_COLUMN_WRAPPED),
	};
}

static Datum
bytea_datum(Bytes bytes)
{
	return PointerGetDatum(TextOfBytes(bytes));
}

SysScanDesc
SubjectRowScan(Relation table, int32 class_id, Bytes hash)
{
	ScanKeyData scan_keys[2];

	ScanKeyInit(&scan_keys[0], SUBJECT_COLUMN_CLASS_ID, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(class_id));
	ScanKeyInit(&scan_keys[1], SUBJECT_COLUMN_HASH, BTEqualStrategyNumber, F_BYTEAEQ,
				bytea_datum(hash));
	return CatalogScan(table, SUBJECT_INDEX_BY_SUBJECT, 2, scan_keys);
}

uint64
SubjectRowNewId(void)
{
	uint64 id;

	do
	{
		randombytes_buf(&id, sizeof(id));
		id &= PG_INT64_MAX;
	} while (id == 0);
	return id;
}

void
SubjectRowInsert(uint64 id, int32 class_id, Bytes hash, DataKey *data_key,
				 const uint8 secret[SUBJECT_KEY_SIZE])
{
	SubjectRow row = {.id = id, .class_id = class_id, .hash = hash};
	struct varlena *wrapped = SubjectRowWrap(data_key, &row, secret);
	Relation table = CatalogOpen(SUBJECT_TABLE, RowExclusiveLock);
	Datum values[SUBJECT_COLUMNS] = {0};
	bool nulls[SUBJECT_COLUMNS] = {false};

	values[SUBJECT_COLUMN_ID - 1] = Int64GetDatum((int64) id);
	values[SUBJECT_COLUMN_CLASS_ID - 1] = Int32GetDatum(class_id);
	values[SUBJECT_COLUMN_HASH - 1] = bytea_datum(hash);
	values[SUBJECT_COLUMN_KEY_ID - 1] = Int32GetDatum((int32) DataKeyId(data_key));
	values[SUBJECT_COLUMN_KEY_VERSION - 1] = Int32GetDatum((int32) DataKeyVersion(data_key));
	values[SUBJECT_COLUMN_WRAPPED - 1] = PointerGetDatum(wrapped);
	values[SUBJECT_COLUMN_CREATED_AT - 1] =
		TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	nulls[SUBJECT_COLUMN_DESTROYED_AT - 1] = true;
	CatalogTupleInsert(table, heap_form_tuple(RelationGetDescr(table), values, nulls));
	table_close(table, NoLock);

	/* Rows that come later in the same statement are to find it. */
	CommandCounterIncrement();
}

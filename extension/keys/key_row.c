/*
 * key_row.c
 *		Rows of tarot.keyring, tarot.key and tarot.key_version, as last
 *		committed.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "base/catalog.h"
#include "base/errors.h"
#include "base/varlena.h"
#include "keys/key_row.h"
#include "keys/root.h"

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

static const char *const state_names[] = {"pre-activation", "active",      "suspended",
										  "deactivated",    "compromised", "destroyed"};

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

/* ---------------------------------------------------------------- the ring, and names */

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

bool
KeyRowRing(uint8 *ring_id, uint8 *fingerprint)
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

	return KeyRowRing(ring_id, fingerprint);
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

/* ---------------------------------------------------------------- versions */

static KeyState
get_state(HeapTuple tuple, TupleDesc desc)
{
	bool isnull;
	Datum state = heap_getattr(tuple, VERSION_STATE, desc, &isnull);

	return isnull ? KEY_DESTROYED : KeyStateFromName(TextDatumGetCString(state));
}

bool
KeyRowVersion(const DataKeyName *name, KeyState *state, bytea **wrapped)
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
KeyRowChoose(uint32 key_id, bool newest_active)
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
						  : KeyStateOpens(state) && (chosen == 0 || version < chosen))
			chosen = version;
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return chosen;
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

		last_answer = KeyRowVersion(&name, &state, NULL) && state == KEY_DESTROYED;
		last = name;
		last_epoch = epoch;
	}
	return last_answer;
}

void
KeyRowRaise(const DataKeyName *name)
{
	uint32 key_id = name->key_id;
	uint32 version = name->version;
	KeyState state;

	if (!KeyRowVersion(name, &state, NULL))
		ereport(ERROR, (errcode(TAROT_ERRCODE_CANNOT_OPEN), errmsg("cannot open the envelope"),
						errdetail("This database has no version %u of key %u.", version, key_id),
						errhint("The envelope may come from another database.")));
	ereport(ERROR, (errcode(TAROT_ERRCODE_KEY_STATE),
					errmsg("version %u of key \"%s\" is %s", version, KeyRingName(key_id),
						   state_names[state]),
					errdetail("What it sealed cannot be opened%s.",
							  state == KEY_DESTROYED ? "" : " in this state"),
					state == KEY_DESTROYED
						? 0
						: errhint("An administrator can activate it with tarot.set_key_state().")));
}

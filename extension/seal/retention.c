/*
 * retention.c
 *		Entries that have had their time go, and details that must; their leaves
 *		stay in the tree.
 *
 * It is done past SQL, as entries are written: no trigger is in the way, and
 * the entry that says what is gone (docs/formats.md) is the only one of it.
 * Those entries stay for good: of a partition that goes they move to another.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/errors.h"
#include "crypto/audit_retention.h"
#include "keys/root.h"
#include "seal/proved.h"
#include "seal/seal.h"
#include "seal/state.h"
#include "trail/entry.h"

/* ---------------------------------------------------------------- what may go */

typedef struct Places
{
	ItemPointerData *at;
	size_t count, room;
} Places;

/* Where an entry of a transaction was found last: the next one is there, or in the tile behind. */
typedef struct Neighbour
{
	uint64 transaction;
	uint64 tile;
} Neighbour;

#define NEIGHBOURS 16

/* Of a partition, what is older than a time. */
typedef struct Examination
{
	Neighbour neighbours[NEIGHBOURS];
	int next_neighbour;

	MemoryContext context;
	SealState last;
	ProvedTree tree;
	Datum now;
	TimestampTz before;

	uint64 *positions; /* of those that are what was sealed */
	size_t npositions, position_room;
	Places old;  /* all that are to go */
	Places kept; /* what tells of retention */
	uint64 unsealed;
	uint64 wrong;
} Examination;

static void
add_place(const Examination *examination, Places *places, const ItemPointerData *at)
{
	if (places->count == places->room)
	{
		Size size;

		places->room = Max(64, 2 * places->room);
		size = sizeof(ItemPointerData) * places->room;
		places->at = places->at == NULL ? MemoryContextAllocHuge(examination->context, size)
										: repalloc_huge(places->at, size);
	}
	places->at[places->count++] = *at;
}

static void
add_position(Examination *examination, uint64 position)
{
	if (examination->npositions == examination->position_room)
	{
		Size size;

		examination->position_room = Max(64, 2 * examination->position_room);
		size = sizeof(uint64) * examination->position_room;
		examination->positions = examination->positions == NULL
									 ? MemoryContextAllocHuge(examination->context, size)
									 : repalloc_huge(examination->positions, size);
	}
	examination->positions[examination->npositions++] = position;
}

/*
 * As TileFind(), which reads all tiles that a transaction has where an entry is
 * not in the one at hand: with large transactions that were side by side that would be most of
 * them, again and again.
 */
static int64
find_position(Examination *examination, const EntryId *id)
{
	TileStore *tiles = examination->tree.tiles;
	Neighbour *neighbour = NULL;
	int64 position = -1;

	for (int i = 0; i < NEIGHBOURS && neighbour == NULL; i++)
	{
		if (examination->neighbours[i].transaction == id->transaction)
			neighbour = &examination->neighbours[i];
	}
	for (int i = 0; neighbour != NULL && position < 0 && i < 2; i++)
		position = TileFindIn(tiles, neighbour->tile + i, id);
	if (position < 0)
		position = TileFind(tiles, id);
	if (position < 0)
		return -1;
	if (neighbour == NULL)
	{
		neighbour = &examination->neighbours[examination->next_neighbour];
		examination->next_neighbour = (examination->next_neighbour + 1) % NEIGHBOURS;
	}
	*neighbour = (Neighbour){id->transaction, (uint64) position / TILE_WIDTH};
	return position;
}

static void
see_entry(void *state, const LogEntry *entry)
{
	Examination *examination = state;
	const Datum *values = entry->entry.values;
	AuditLeaf content;
	MerkleHash hash, leaf;
	EntryId id;
	int64 position;

	if (DatumGetTimestampTz(values[LEAF_RECORDED_AT]) >= examination->before)
		return;
	if (DatumGetChar(values[LEAF_OPERATION]) == AUDIT_RETENTION_OPERATION)
	{
		add_place(examination, &examination->kept, &entry->at);
		return;
	}
	add_place(examination, &examination->old, &entry->at);
	position = find_position(examination, &entry->id);
	if (position < 0)
	{
		if (SealStateOf(&examination->last, examination->tree.tiles, examination->now,
						&entry->id) == ENTRY_UNSEALED)
			examination->unsealed++;
		else
			examination->wrong++;
		return;
	}
	content = LeafOfEntry(&entry->entry);
	CryptoCheck(audit_leaf_hash(&content, &hash));
	if (ProvedTreeLeaf(&examination->tree, (uint64) position, &id, &leaf) &&
		memcmp(&hash, &leaf, sizeof(hash)) == 0)
		add_position(examination, (uint64) position);
	else
		examination->wrong++;
}

static int
compare_positions(const void *a, const void *b)
{
	uint64 left = *(const uint64 *) a, right = *(const uint64 *) b;

	return left < right ? -1 : left > right;
}

/* An int8multirange of them, as PostgreSQL writes it; one that is there twice is wrong once. */
static text *
describe_positions(Examination *examination)
{
	StringInfoData out;
	size_t i = 0;

	if (examination->npositions > 0)
		qsort(examination->positions, examination->npositions, sizeof(uint64), compare_positions);
	initStringInfo(&out);
	appendStringInfoChar(&out, '{');
	while (i < examination->npositions)
	{
		uint64 first = examination->positions[i++], end = first + 1;

		for (; i < examination->npositions && examination->positions[i] <= end; i++)
		{
			if (examination->positions[i] < end)
				examination->wrong++;
			else
				end++;
		}
		appendStringInfo(&out, "%s[" UINT64_FORMAT "," UINT64_FORMAT ")", out.len > 1 ? "," : "",
						 first, end);
	}
	appendStringInfoChar(&out, '}');
	return cstring_to_text_with_len(out.data, out.len);
}

static void
require_droppable(const Examination *examination, const char *partition, bool with_damaged)
{
	if (examination->unsealed > 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("partition \"%s\" of the audit log has " UINT64_FORMAT
							   " entries that are not sealed",
							   partition, examination->unsealed),
						errhint("Call tarot.seal_audit() first.")));
	if (examination->wrong > 0 && !with_damaged)
		ereport(ERROR, (errcode(TAROT_ERRCODE_AUDIT_TREE),
						errmsg("partition \"%s\" of the audit log has " UINT64_FORMAT
							   " entries that are not what was sealed",
							   partition, examination->wrong),
						errdetail("Dropped, they could not be looked into."),
						errhint("tarot.verify_audit() tells which. Once that is known, "
								"with_damaged drops them, and they stay missing.")));
}

static const LogPartition *
find_partition(List *partitions, Oid wanted)
{
	ListCell *cell;

	foreach (cell, partitions)
	{
		const LogPartition *partition = lfirst(cell);

		if (RelationGetRelid(partition->relation) == wanted)
			return partition;
	}
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
					errmsg("relation %u is no partition of the audit log", wanted)));
}

static void
examine(Examination *examination, Oid wanted, bool with_damaged, text **positions)
{
	List *partitions;
	const LogPartition *partition;

	CryptoRequire();
	SealLock();
	examination->context = CurrentMemoryContext;
	SealStateRead(&examination->last, true);
	ProvedTreeOpen(&examination->tree, TileStoreMake(true), examination->last.size,
				   &examination->last.root);
	if (examination->last.size > 0 && !examination->tree.good)
		ereport(ERROR, (errcode(TAROT_ERRCODE_AUDIT_TREE),
						errmsg("the hash tree of the audit log is not that of its last checkpoint"),
						errhint("tarot.verify_audit() tells what was changed.")));
	partitions = LogPartitions();
	partition = find_partition(partitions, wanted);
	PushActiveSnapshot(GetLatestSnapshot());
	examination->now = DirectFunctionCall1(pg_current_snapshot, (Datum) 0);
	LogScan(partition, 0, GetActiveSnapshot(), see_entry, examination);
	PopActiveSnapshot();
	*positions = describe_positions(examination);
	require_droppable(examination, RelationGetRelationName(partition->relation), with_damaged);
	LogClose(partitions);
}

static Datum
array_of_places(const Places *places)
{
	Datum *values = palloc(sizeof(Datum) * Max(places->count, 1));

	for (size_t i = 0; i < places->count; i++)
		values[i] = PointerGetDatum(&places->at[i]);
	return PointerGetDatum(construct_array(values, (int) places->count, TIDOID,
										   sizeof(ItemPointerData), false, TYPALIGN_SHORT));
}

/*
 * tarot.examine_audit_entries(partition oid, before timestamptz, with_damaged boolean, remove
 * boolean, OUT entries bigint, OUT positions text, OUT kept tid[])
 *
 * The entries that are older: all are sealed, or it raises. With `remove` they are gone then.
 */
PG_FUNCTION_INFO_V1(tarot_seal_examine_audit_entries);
Datum
tarot_seal_examine_audit_entries(PG_FUNCTION_ARGS)
{
	Oid wanted = PG_GETARG_OID(0);
	Examination examination = {.before = PG_GETARG_TIMESTAMPTZ(1)};
	bool remove = PG_GETARG_BOOL(3);
	MemoryContext outer = CurrentMemoryContext;
	Datum values[3];
	bool nulls[3] = {false};
	text *positions;
	TupleDesc desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	SPI_connect();
	examine(&examination, wanted, PG_GETARG_BOOL(2), &positions);
	if (remove)
	{
		Relation relation = table_open(wanted, RowExclusiveLock);

		for (size_t i = 0; i < examination.old.count; i++)
		{
			CHECK_FOR_INTERRUPTS();
			simple_heap_delete(relation, &examination.old.at[i]);
		}
		table_close(relation, NoLock);
	}
	outer = MemoryContextSwitchTo(outer);
	values[0] = Int64GetDatum((int64) examination.old.count);
	values[1] = datumCopy(PointerGetDatum(positions), false, -1);
	values[2] = array_of_places(&examination.kept);
	MemoryContextSwitchTo(outer);
	SPI_finish();
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* ---------------------------------------------------------------- what goes */

/* An entry as it is stored, with nothing of it elsewhere. */
static bool
fetch_entry(const LogPartition *partition, ItemPointer at, LeafEntry *entry)
{
	TupleTableSlot *slot = table_slot_create(partition->relation, NULL);
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	bool found = table_tuple_fetch_row_version(partition->relation, at, snapshot, slot);

	for (int column = 0; found && column < LEAF_COLUMNS; column++)
	{
		AttrNumber number = partition->columns[column];
		Form_pg_attribute attribute = TupleDescAttr(slot->tts_tupleDescriptor, number - 1);
		Datum value = slot_getattr(slot, number, &entry->nulls[column]);

		if (entry->nulls[column])
			entry->values[column] = (Datum) 0;
		else if (attribute->attlen == -1)
			entry->values[column] = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
		else
			entry->values[column] = datumCopy(value, attribute->attbyval, attribute->attlen);
	}
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	return found;
}

static void
forget_frontier(Oid partition)
{
	Oid types[] = {OIDOID};
	Datum values[] = {ObjectIdGetDatum(partition)};

	SPI_connect();
	CatalogOwnWrites++;
	PG_TRY();
	{
		if (SPI_execute_with_args(
				"DELETE FROM tarot.audit_frontier f WHERE f.partition OPERATOR(pg_catalog.=) $1", 1,
				types, values, NULL, false, 0) != SPI_OK_DELETE)
			elog(ERROR, "tarot.audit_frontier could not be changed");
	}
	PG_FINALLY();
	{
		CatalogOwnWrites--;
	}
	PG_END_TRY();
	SPI_finish();
}

/*
 * tarot.remove_audit_partition(partition oid, kept tid[]) RETURNS void
 *
 * What is kept of it goes to where its time has a place then.
 */
PG_FUNCTION_INFO_V1(tarot_seal_remove_audit_partition);
Datum
tarot_seal_remove_audit_partition(PG_FUNCTION_ARGS)
{
	ObjectAddress address = {RelationRelationId, PG_GETARG_OID(0), 0};
	List *partitions = LogPartitions();
	const LogPartition *partition = find_partition(partitions, address.objectId);
	LeafEntry *kept;
	Datum *places;
	bool *nulls;
	int count;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TIDOID, sizeof(ItemPointerData), false,
					  TYPALIGN_SHORT, &places, &nulls, &count);
	kept = palloc(sizeof(LeafEntry) * (size_t) Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		if (nulls[i] || !fetch_entry(partition, (ItemPointer) DatumGetPointer(places[i]), &kept[i]))
			elog(ERROR, "an entry of the audit log is gone");
	}
	LogClose(partitions);
	performDeletion(&address, DROP_RESTRICT, 0);
	CommandCounterIncrement();
	for (int i = 0; i < count; i++)
		EntryWriteAgain(kept[i].values, kept[i].nulls);
	forget_frontier(address.objectId);
	PG_RETURN_VOID();
}

/* Key, old and new go, and the commitment stands in their place. */
static void
erase_details(LeafEntry *entry)
{
	AuditLeaf content = LeafOfEntry(entry);
	bytea *details = palloc(VARHDRSZ + HASH_SIZE);

	SET_VARSIZE(details, VARHDRSZ + HASH_SIZE);
	CryptoCheck(audit_leaf_details(&content, (uint8 *) VARDATA(details)));
	entry->values[LEAF_SALT] = PointerGetDatum(details);
	entry->nulls[LEAF_SALT] = false;
	entry->nulls[LEAF_KEY] = entry->nulls[LEAF_OLD] = entry->nulls[LEAF_NEW] = true;
}

/*
 * tarot.erase_entries_at(partition oid, places tid[]) RETURNS void
 *
 * The details of entries that have some. As new rows at the end of the partition, where sealing
 * looks for what it has not seen (seal/frontier.h).
 */
PG_FUNCTION_INFO_V1(tarot_seal_erase_entries_at);
Datum
tarot_seal_erase_entries_at(PG_FUNCTION_ARGS)
{
	List *partitions = LogPartitions();
	const LogPartition *partition = find_partition(partitions, PG_GETARG_OID(0));
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "tarot_security erasing", ALLOCSET_SMALL_SIZES);
	Datum *places;
	bool *nulls;
	int count;

	CryptoRequire();
	LockRelationOid(PG_GETARG_OID(0), RowExclusiveLock);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TIDOID, sizeof(ItemPointerData), false,
					  TYPALIGN_SHORT, &places, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		MemoryContext outer = MemoryContextSwitchTo(context);
		LeafEntry entry;

		CHECK_FOR_INTERRUPTS();
		if (nulls[i] || !fetch_entry(partition, (ItemPointer) DatumGetPointer(places[i]), &entry))
			ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
							errmsg("could not serialize access due to a concurrent change of the "
								   "audit log")));
		erase_details(&entry);
		simple_heap_delete(partition->relation, (ItemPointer) DatumGetPointer(places[i]));
		EntryWriteAgain(entry.values, entry.nulls);
		MemoryContextSwitchTo(outer);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
	LogClose(partitions);
	PG_RETURN_VOID();
}

/*
 * tarot.put_retention_entry(object oid, identity text, document jsonb) RETURNS void
 */
PG_FUNCTION_INFO_V1(tarot_seal_put_retention_entry);
Datum
tarot_seal_put_retention_entry(PG_FUNCTION_ARGS)
{
	AuditEntry entry = {.operation = AUDIT_RETENTION,
						.command = GetCurrentCommandId(false),
						.new_row = PG_GETARG_JSONB_P(2)};

	/* Of an empty identity nothing is written. */
	EntryWrite(EntryWriterMakeFor(PG_GETARG_OID(0), text_to_cstring(PG_GETARG_TEXT_PP(1))), &entry);
	PG_RETURN_VOID();
}

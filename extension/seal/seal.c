/*
 * seal.c
 *		Sealing: committed entries of the audit log become leaves of the tree.
 *
 * Each sealing takes a snapshot. Its leaves are the entries that this snapshot
 * sees and that have none yet, in the order of transaction and number. So no
 * writer waits or is waited for: what commits later comes later, whatever its
 * number, and however long it took.
 *
 * Which those are the snapshot before tells: of a transaction that it saw all
 * is sealed, and what calls itself of one later was put there. It is taken before this transaction
 *has an id of its own, and stored by it. So once it is stored, no id that it calls ended is given
 *out again, after a crash either: recovery goes on behind the ids in the log.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/xid8.h"

#include "base/catalog.h"
#include "base/errors.h"
#include "keys/root.h"
#include "seal/frontier.h"
#include "seal/seal.h"
#include "seal/state.h"
#include "seal/tile.h"

/* An entry that is to be sealed. */
typedef struct NewLeaf
{
	EntryId id;
	MerkleHash hash;
} NewLeaf;

typedef struct Sealing
{
	SealState last;
	Datum now; /* the snapshot */
	TileStore *tiles;
	MemoryContext context; /* of the leaves */
	NewLeaf *leaves;
	size_t count;
	size_t room;

	/* Of the partition that is read. */
	const LogPartition *partition;
	Frontier frontier;
} Sealing;

static uint64 checkpoint_epoch;

/* ---------------------------------------------------------------- alone, and first */

/* One at a time. Neither VACUUM nor a reader of the table is in the way, as with a lock of it. */
void
SealLock(void)
{
	Relation checkpoints = CatalogOpenFor("audit_checkpoint", AccessShareLock, &checkpoint_epoch);

	LockDatabaseObject(RelationRelationId, RelationGetRelid(checkpoints), 1, ExclusiveLock);
	table_close(checkpoints, NoLock);
}

bool
SealTryLock(void)
{
	Relation checkpoints = CatalogOpenFor("audit_checkpoint", AccessShareLock, &checkpoint_epoch);
	LOCKTAG tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, RelationGetRelid(checkpoints), 1);
	table_close(checkpoints, NoLock);
	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

static void
require_new_transaction(void)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
						errmsg("the audit log is sealed in transactions that are READ COMMITTED"),
						errhint("BEGIN ISOLATION LEVEL READ COMMITTED.")));
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
						errmsg("the audit log cannot be sealed in a transaction that has changed "
							   "anything before")));
}

/* ---------------------------------------------------------------- what was before */

/* Who goes on with a tree that was changed would vouch for it. */
static void
require_tree(CryptoStatus status)
{
	if (status == CRYPTO_FAILED)
		CryptoCheck(status);
	if (status != CRYPTO_OK)
		ereport(ERROR, (errcode(TAROT_ERRCODE_AUDIT_TREE),
						errmsg("the hash tree of the audit log is not that of its last checkpoint"),
						errdetail("Somebody has changed it."),
						errhint("tarot.verify_audit() tells what was changed.")));
}

static void
read_frontier(const Sealing *sealing, MerkleFrontier *frontier)
{
	CryptoStatus status =
		merkle_read_frontier(sealing->last.size, TileRead, sealing->tiles, frontier);
	MerkleHash root;

	if (status == CRYPTO_OK)
		status = merkle_root(frontier, &root);
	if (status == CRYPTO_OK && sealing->last.size > 0 &&
		memcmp(&root, &sealing->last.root, sizeof(root)) != 0)
		status = CRYPTO_UNAUTHENTIC;
	require_tree(status);
}

/* ---------------------------------------------------------------- what is new */

static void
see_entry(void *state, const LogEntry *entry)
{
	Sealing *sealing = state;
	AuditLeaf content;
	NewLeaf *leaf;

	FrontierSee(&sealing->frontier, sealing->partition, entry);
	if (SealStateOf(&sealing->last, sealing->tiles, sealing->now, &entry->id) != ENTRY_UNSEALED)
		return;
	if (sealing->count == sealing->room)
	{
		MemoryContext outer = MemoryContextSwitchTo(sealing->context);

		sealing->room = sealing->room == 0 ? 1024 : 2 * sealing->room;
		sealing->leaves = sealing->leaves == NULL
							  ? palloc(sizeof(NewLeaf) * sealing->room)
							  : repalloc_huge(sealing->leaves, sizeof(NewLeaf) * sealing->room);
		MemoryContextSwitchTo(outer);
	}
	leaf = &sealing->leaves[sealing->count++];
	leaf->id = entry->id;
	content = LeafOfEntry(&entry->entry);
	CryptoCheck(audit_leaf_hash(&content, &leaf->hash));
}

static void
read_log(Sealing *sealing, List *partitions, Snapshot snapshot, FullTransactionId horizon,
		 bool complete)
{
	FullTransactionId settled = FirstNormalFullTransactionId;
	ListCell *cell;

	if (sealing->last.size > 0 && sealing->last.system == sealing->last.here && !complete)
		settled = DatumGetFullTransactionId(
			DirectFunctionCall1(pg_snapshot_xmin, sealing->last.snapshot));
	foreach (cell, partitions)
	{
		BlockNumber from;

		sealing->partition = lfirst(cell);
		from = FrontierOpen(&sealing->frontier, sealing->partition, settled);
		LogScan(sealing->partition, complete ? 0 : from, snapshot, see_entry, sealing);
		if (sealing->count > 0)
			FrontierSave(&sealing->frontier, sealing->partition, horizon);
	}
}

/* ---------------------------------------------------------------- in order */

/* Those of other clusters were there first: a restore has brought them. */
static int
compare_leaves(const void *a, const void *b, void *argument)
{
	const NewLeaf *left = a, *right = b;
	uint64 system = *(uint64 *) argument;
	bool left_here = left->id.system == system, right_here = right->id.system == system;
	int order;

	if (left_here != right_here)
		return left_here ? 1 : -1;
	order = EntryIdCompare(&left->id, &right->id);
	return order != 0 ? order : memcmp(&left->hash, &right->hash, sizeof(left->hash));
}

/* Of entries that call themselves the same, one gets a leaf, and verifying finds the others. */
static bool
is_repeated(const Sealing *sealing, size_t i)
{
	return i > 0 && EntryIdCompare(&sealing->leaves[i - 1].id, &sealing->leaves[i].id) == 0;
}

static int64
append_leaves(Sealing *sealing, MerkleFrontier *frontier)
{
	uint64 before = frontier->size;

	qsort_arg(sealing->leaves, sealing->count, sizeof(NewLeaf), compare_leaves,
			  &sealing->last.here);
	for (size_t i = 0; i < sealing->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!is_repeated(sealing, i))
			require_tree(TileAppend(sealing->tiles, frontier, &sealing->leaves[i].id,
									&sealing->leaves[i].hash));
	}
	TileFlush(sealing->tiles);
	return (int64) (frontier->size - before);
}

static void
put_checkpoint(const Sealing *sealing, const MerkleFrontier *frontier)
{
	Oid types[] = {INT8OID, BYTEAOID, INT8OID, PG_SNAPSHOTOID};
	Datum values[lengthof(types)];
	bytea *root = palloc(VARHDRSZ + HASH_SIZE);
	MerkleHash hash;
	int result;

	CryptoCheck(merkle_root(frontier, &hash));
	SET_VARSIZE(root, VARHDRSZ + HASH_SIZE);
	memcpy(VARDATA(root), hash.bytes, HASH_SIZE);
	values[0] = Int64GetDatum((int64) frontier->size);
	values[1] = PointerGetDatum(root);
	values[2] = Int64GetDatum((int64) sealing->last.here);
	values[3] = sealing->now;
	result = SPI_execute_with_args(
		"INSERT INTO tarot.audit_checkpoint (size, root, system, snapshot) VALUES ($1, $2, $3, $4)",
		lengthof(types), types, values, NULL, false, 0);
	if (result != SPI_OK_INSERT)
		elog(ERROR, "writing tarot.audit_checkpoint failed: %s", SPI_result_code_string(result));
}

static int64
seal_entries(bool complete)
{
	Sealing sealing = {0};
	MerkleFrontier frontier;
	List *partitions;
	FullTransactionId horizon;
	int64 sealed = 0;

	SPI_connect();
	sealing.context = CurrentMemoryContext;
	sealing.tiles = TileStoreMake(true);
	SealStateRead(&sealing.last, true);
	read_frontier(&sealing, &frontier);

	/* In this order: see frontier.h. */
	partitions = LogPartitions();
	horizon = ReadNextFullTransactionId();
	PushActiveSnapshot(GetLatestSnapshot());
	sealing.now = DirectFunctionCall1(pg_current_snapshot, (Datum) 0);
	read_log(&sealing, partitions, GetActiveSnapshot(), horizon, complete);
	PopActiveSnapshot();
	LogClose(partitions);

	if (sealing.count > 0)
		sealed = append_leaves(&sealing, &frontier);
	if (sealed > 0)
	{
		put_checkpoint(&sealing, &frontier);
		/* It may be told outside at once, and must be there after a crash. */
		ForceSyncCommit();
	}
	SPI_finish();
	return sealed;
}

static void
sign_last_checkpoint(void)
{
	SPI_connect();
	if (SPI_execute("SELECT tarot.sign_last_checkpoint()", false, 0) != SPI_OK_SELECT)
		elog(ERROR, "tarot.sign_last_checkpoint() could not be called");
	SPI_finish();
}

int64
SealLog(bool complete)
{
	int64 sealed;

	require_new_transaction();
	CryptoRequire();
	SealLock();
	CatalogOwnWrites++;
	PG_TRY();
	{
		sealed = seal_entries(complete);
		sign_last_checkpoint();
	}
	PG_FINALLY();
	{
		CatalogOwnWrites--;
	}
	PG_END_TRY();
	return sealed;
}

/*
 * tarot.seal_log(complete boolean) RETURNS bigint
 */
PG_FUNCTION_INFO_V1(tarot_seal_seal_log);
Datum
tarot_seal_seal_log(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(SealLog(PG_GETARG_BOOL(0)));
}

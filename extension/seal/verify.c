/*
 * verify.c
 *		Whether the audit log is what was sealed: all entries are hashed again, all
 *		leaves lead to the roots, and each thing that does not fit is named.
 *
 * Of what is stored nothing is believed but the hashes in checkpoints, and
 * these are signed. Where an entry and its leaf differ, it is the root that
 * tells which of them was changed.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"
#include "utils/xid8.h"

#include "base/varlena.h"
#include "keys/root.h"
#include "seal/verifier.h"

#define FINDING_COLUMNS 6

/* ---------------------------------------------------------------- findings */

void
VerifierReport(Verifier *verifier, const char *finding, uint64 first, uint64 last,
			   const EntryId *id, const char *detail)
{
	Datum values[FINDING_COLUMNS];
	bool nulls[FINDING_COLUMNS] = {false};

	values[0] = CStringGetTextDatum(finding);
	values[1] = Int64GetDatum((int64) first);
	nulls[1] = first == NO_POSITION;
	values[2] = Int64GetDatum((int64) last);
	nulls[2] = last == NO_POSITION;
	nulls[3] = nulls[4] = id == NULL;
	values[3] = id == NULL ? (Datum) 0
						   : FullTransactionIdGetDatum(FullTransactionIdFromU64(id->transaction));
	values[4] = id == NULL ? (Datum) 0 : Int64GetDatum(id->number);
	values[5] = CStringGetTextDatum(detail);
	tuplestore_putvalues(verifier->result->setResult, verifier->result->setDesc, values, nulls);
}

/* ---------------------------------------------------------------- what was sealed */

static void
run_query(const char *query, int nargs, Datum *values)
{
	Oid types[] = {INT8OID, INT8OID};
	int result = SPI_execute_with_args(query, nargs, types, values, NULL, true, 0);

	if (result != SPI_OK_SELECT)
		elog(ERROR, "a query on the audit log's tree failed: %s", SPI_result_code_string(result));
}

static Datum
column(uint64 row, int number, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number, isnull);
}

static void
read_states(Verifier *verifier)
{
	Datum values[] = {Int64GetDatum((int64) verifier->first),
					  Int64GetDatum((int64) verifier->last)};
	bool isnull;

	run_query("SELECT c.size, c.system, c.root FROM tarot.audit_checkpoint c WHERE c.size "
			  "OPERATOR(pg_catalog.>) $1 AND c.size OPERATOR(pg_catalog.<=) $2 ORDER BY c.size",
			  2, values);
	verifier->states = palloc0(sizeof(SealedRoot) * (size_t) Max(SPI_processed, 1));
	verifier->nstates = (int) SPI_processed;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		SealedRoot *state = &verifier->states[i];
		Bytes root;

		state->size = (uint64) DatumGetInt64(column(i, 1, &isnull));
		state->system = (uint64) DatumGetInt64(column(i, 2, &isnull));
		root = BytesOfVarlena(PG_DETOAST_DATUM_PACKED(column(i, 3, &isnull)));
		if (root.len == HASH_SIZE)
			memcpy(state->root.bytes, root.data, HASH_SIZE);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* The part of a tile that is asked for. */
static void
take_tile(Verifier *verifier, uint64 index, Bytes hashes, Bytes runs)
{
	uint64 position = index * TILE_WIDTH;
	uint64 count = hashes.len / HASH_SIZE;
	EntryRun run;

	for (int i = 0; RunRead(runs, i, &run); i++)
	{
		for (uint32 j = 0; j < run.count; j++, position++)
		{
			uint64 place = position - index * TILE_WIDTH;
			Position *at;

			if (position < verifier->first || position >= verifier->last || place >= count)
				continue;
			at = VerifierAt(verifier, position);
			at->id = run.first;
			at->id.number += j;
			at->stored = true;
			memcpy(at->leaf.bytes, hashes.data + place * HASH_SIZE, HASH_SIZE);
		}
	}
}

static void
read_tiles(Verifier *verifier)
{
	Oid types[] = {INT8OID, INT8OID};
	Datum values[] = {Int64GetDatum((int64) (verifier->first / TILE_WIDTH)),
					  Int64GetDatum((int64) ((verifier->last - 1) / TILE_WIDTH))};
	Portal portal = SPI_cursor_open_with_args(
		NULL,
		"SELECT t.index, t.hashes, t.runs FROM tarot.audit_tile t WHERE t.level "
		"OPERATOR(pg_catalog.=) 0 AND t.index OPERATOR(pg_catalog.>=) $1 AND t.index "
		"OPERATOR(pg_catalog.<=) $2",
		lengthof(types), types, values, NULL, true, 0);
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "tarot_security tile", ALLOCSET_DEFAULT_SIZES);
	MemoryContext outer;
	bool isnull;

	for (;;)
	{
		SPI_cursor_fetch(portal, true, 64);
		if (SPI_processed == 0)
			break;
		outer = MemoryContextSwitchTo(context);
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			uint64 index = (uint64) DatumGetInt64(column(i, 1, &isnull));
			Bytes hashes = BytesOfVarlena(PG_DETOAST_DATUM_PACKED(column(i, 2, &isnull)));
			Bytes runs = BytesOfVarlena(PG_DETOAST_DATUM_PACKED(column(i, 3, &isnull)));

			take_tile(verifier, index, hashes, runs);
		}
		MemoryContextSwitchTo(outer);
		MemoryContextReset(context);
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	MemoryContextDelete(context);
}

static int
compare_positions(const void *a, const void *b, void *argument)
{
	const Position *positions = argument;
	uint64 left = *(const uint64 *) a, right = *(const uint64 *) b;
	int order = EntryIdCompare(&positions[left].id, &positions[right].id);

	return order != 0 ? order : left < right ? -1 : left > right;
}

static void
index_positions(Verifier *verifier)
{
	uint64 count = verifier->last - verifier->first;

	verifier->by_id = palloc_extended(sizeof(uint64) * Max(count, 1), MCXT_ALLOC_HUGE);
	for (uint64 i = 0; i < count; i++)
		verifier->by_id[i] = i;
	qsort_arg(verifier->by_id, count, sizeof(uint64), compare_positions, verifier->positions);
}

/* NULL: no leaf that is looked at is of this entry. */
static Position *
position_of(const Verifier *verifier, const EntryId *id)
{
	uint64 low = 0, high = verifier->last - verifier->first;

	while (low < high)
	{
		uint64 middle = low + (high - low) / 2;
		Position *position = &verifier->positions[verifier->by_id[middle]];
		int order = EntryIdCompare(id, &position->id);

		if (order == 0 && position->stored)
			return position;
		if (order <= 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* ---------------------------------------------------------------- entries */

/* Consecutive ones are one finding. */
static void
report_inserted(Verifier *verifier, const EntryId *id, const char *why)
{
	EntryId *last = &verifier->inserted_last;

	if (verifier->inserted > 0 &&
		(id == NULL || verifier->inserted_why != why || id->system != last->system ||
		 id->transaction != last->transaction || (uint64) id->number != (uint64) last->number + 1))
	{
		VerifierReport(verifier, "entry inserted", NO_POSITION, NO_POSITION,
					   &verifier->inserted_first,
					   psprintf("%llu from this one on. %s",
								(unsigned long long) verifier->inserted, verifier->inserted_why));
		verifier->inserted = 0;
	}
	if (id == NULL)
		return;
	if (verifier->inserted++ == 0)
		verifier->inserted_first = *id;
	*last = *id;
	verifier->inserted_why = why;
}

/* An entry without a leaf: one that is still to come, or that was put in later? */
static void
see_unsealed(Verifier *verifier, const EntryId *id)
{
	uint64 count = verifier->last - verifier->first;

	if (!verifier->whole)
	{
		/* It may be of another part. */
		if (count == 0 || EntryIdCompare(id, &verifier->positions[verifier->by_id[0]].id) < 0 ||
			EntryIdCompare(id, &verifier->positions[verifier->by_id[count - 1]].id) > 0 ||
			TileFind(verifier->tiles, id) >= 0)
			return;
	}
	switch (SealStateOf(&verifier->sealed, verifier->tiles, verifier->now, id))
	{
		case ENTRY_UNSEALED:
			verifier->unsealed++;
			break;
		case ENTRY_COVERED:
			report_inserted(verifier, id, "There is no leaf of it, and it has not come since.");
			break;
		case ENTRY_STRANGE:
			report_inserted(verifier, id, "Its transaction is still to come.");
			break;
	}
}

/* Of whatever position: it tells of those before it. */
static void
take_evidence(Verifier *verifier, const LogEntry *entry)
{
	AuditLeaf content = LeafOfEntry(&entry->entry);
	MerkleHash hash;

	CryptoCheck(audit_leaf_hash(&content, &hash));
	EvidenceTake(&verifier->evidence, entry, &hash);
}

static void
see_entry(void *state, const LogEntry *entry)
{
	Verifier *verifier = state;
	Position *position = position_of(verifier, &entry->id);
	AuditLeaf content;
	uint64 number;
	MerkleHash hash;

	if (DatumGetChar(entry->entry.values[LEAF_OPERATION]) == AUDIT_RETENTION_OPERATION)
		take_evidence(verifier, entry);

	if (position == NULL)
	{
		see_unsealed(verifier, &entry->id);
		return;
	}
	number = verifier->first + (uint64) (position - verifier->positions);
	if (position->seen)
	{
		VerifierReport(verifier, "entry inserted", number, number, &entry->id,
					   "There is another of this transaction and number.");
		return;
	}
	position->seen = true;
	content = LeafOfEntry(&entry->entry);
	CryptoCheck(audit_leaf_hash(&content, &hash));
	if (memcmp(&hash, &position->leaf, sizeof(hash)) == 0)
	{
		if (audit_leaf_is_erased(&content))
			VerifierNoteErased(verifier, number);
		return;
	}
	if (verifier->nmismatches == verifier->mismatch_room)
	{
		verifier->mismatch_room *= 2;
		verifier->mismatches =
			repalloc_huge(verifier->mismatches, sizeof(Mismatch) * verifier->mismatch_room);
	}
	verifier->mismatches[verifier->nmismatches++] = (Mismatch){.position = number, .hash = hash};
}

static int
compare_mismatches(const void *a, const void *b)
{
	uint64 left = ((const Mismatch *) a)->position, right = ((const Mismatch *) b)->position;

	return left < right ? -1 : left > right;
}

static void
read_entries(Verifier *verifier, List *partitions)
{
	ListCell *cell;

	verifier->mismatch_room = 16;
	verifier->mismatches = palloc(sizeof(Mismatch) * verifier->mismatch_room);
	foreach (cell, partitions)
		LogScan(lfirst(cell), 0, GetActiveSnapshot(), see_entry, verifier);
	LogClose(partitions);
	report_inserted(verifier, NULL, NULL);
	qsort(verifier->mismatches, verifier->nmismatches, sizeof(Mismatch), compare_mismatches);
}

/* ---------------------------------------------------------------- what came out */

static int
compare_hashes(const void *a, const void *b)
{
	const Mismatch *left = *(Mismatch *const *) a, *right = *(Mismatch *const *) b;

	return memcmp(&left->hash, &right->hash, sizeof(left->hash));
}

/* Entries that have the leaf of another position were moved. */
static void
find_moved(Verifier *verifier)
{
	Mismatch **by_hash =
		palloc_extended(sizeof(Mismatch *) * Max(verifier->nmismatches, 1), MCXT_ALLOC_HUGE);

	for (size_t i = 0; i < verifier->nmismatches; i++)
		by_hash[i] = &verifier->mismatches[i];
	qsort(by_hash, verifier->nmismatches, sizeof(Mismatch *), compare_hashes);
	for (uint64 p = 0; verifier->nmismatches > 0 && p < verifier->last - verifier->first; p++)
	{
		size_t low = 0, high = verifier->nmismatches;
		const MerkleHash *leaf = &verifier->positions[p].leaf;

		while (low < high)
		{
			size_t middle = low + (high - low) / 2;

			if (memcmp(&by_hash[middle]->hash, leaf, sizeof(*leaf)) < 0)
				low = middle + 1;
			else
				high = middle;
		}
		for (; low < verifier->nmismatches && memcmp(&by_hash[low]->hash, leaf, sizeof(*leaf)) == 0;
			 low++)
			by_hash[low]->is_elsewhere = true;
	}
	pfree(by_hash);
}

/* What was changed where an entry has not the hash of its leaf. */
typedef enum Difference
{
	ENTRY_CHANGED,
	LEAF_CHANGED,
	ORDER_CHANGED,
} Difference;

static const struct
{
	const char *finding;
	const char *detail;
} differences[] = {
	[ENTRY_CHANGED] = {"entry changed", "It is not what was sealed."},
	[LEAF_CHANGED] = {"leaf changed", "The entry is what was sealed, its leaf is not."},
	[ORDER_CHANGED] = {"order changed", "The entry has the leaf of another position."},
};

static Difference
difference_at(const Verifier *verifier, size_t i)
{
	const Mismatch *mismatch = &verifier->mismatches[i];

	if (mismatch->leaf_is_wrong)
		return LEAF_CHANGED;
	return mismatch->is_elsewhere ? ORDER_CHANGED : ENTRY_CHANGED;
}

/* Of consecutive positions they are one finding. */
static void
report_mismatches(Verifier *verifier)
{
	size_t from = 0;

	find_moved(verifier);
	while (from < verifier->nmismatches)
	{
		uint64 first = verifier->mismatches[from].position;
		Difference difference = difference_at(verifier, from);
		size_t to = from + 1;

		while (to < verifier->nmismatches &&
			   verifier->mismatches[to].position == first + (to - from) &&
			   difference_at(verifier, to) == difference)
			to++;
		VerifierReport(verifier, differences[difference].finding, first, first + (to - from) - 1,
					   &VerifierAt(verifier, first)->id, differences[difference].detail);
		from = to;
	}
}

/* As sealing orders them. */
static bool
is_behind(uint64 system, const EntryId *a, const EntryId *b)
{
	bool a_here = a->system == system, b_here = b->system == system;

	return a_here != b_here ? b_here : EntryIdCompare(a, b) < 0;
}

static void
check_order(Verifier *verifier)
{
	uint64 from = verifier->first;

	for (int i = 0; i < verifier->nstates; from = verifier->states[i].size, i++)
	{
		for (uint64 p = from + 1; p < verifier->states[i].size; p++)
		{
			const Position *a = VerifierAt(verifier, p - 1), *b = VerifierAt(verifier, p);

			if (a->stored && b->stored && !is_behind(verifier->states[i].system, &a->id, &b->id))
				VerifierReport(verifier, "order changed", p, p, &b->id,
							   "It stands behind one that comes after it.");
		}
	}
}

/* Positions in a row that have no leaf are one finding. */
static void
report_gaps(Verifier *verifier)
{
	uint64 p = verifier->first;

	while (p < verifier->last)
	{
		uint64 from = p++;

		if (VerifierAt(verifier, from)->stored)
			continue;
		while (p < verifier->last && !VerifierAt(verifier, p)->stored)
			p++;
		VerifierReport(verifier, "tile missing", from, p - 1, NULL,
					   "The tile of these positions is not there, or too short.");
	}
}

/* The sizes of checkpoints that the positions asked for lie between: others have no root to
 * compare with. */
static void
read_bounds(Verifier *verifier, Datum from, NullableDatum to)
{
	Oid types[] = {INT8OID, INT8OID};
	Datum values[] = {from, to.value};
	char nulls[] = {' ', to.isnull ? 'n' : ' '};
	bool isnull;
	int result = SPI_execute_with_args(
		"SELECT coalesce(max(c.size) FILTER (WHERE c.size OPERATOR(pg_catalog.<=) $1), 0), "
		"coalesce(min(c.size) FILTER (WHERE c.size OPERATOR(pg_catalog.>=) $2), max(c.size), 0) "
		"FROM tarot.audit_checkpoint c",
		lengthof(types), types, values, nulls, true, 1);

	if (result != SPI_OK_SELECT)
		elog(ERROR, "a query on tarot.audit_checkpoint failed: %s", SPI_result_code_string(result));
	verifier->first = (uint64) DatumGetInt64(column(0, 1, &isnull));
	verifier->last = (uint64) DatumGetInt64(column(0, 2, &isnull));
	SPI_freetuptable(SPI_tuptable);
}

/*
 * tarot.check_log("from" bigint, "to" bigint, OUT finding text, OUT first_position bigint, OUT
 * last_position bigint, OUT transaction xid8, OUT number bigint, OUT detail text) RETURNS SETOF
 * record
 */
PG_FUNCTION_INFO_V1(tarot_seal_check_log);
Datum
tarot_seal_check_log(PG_FUNCTION_ARGS)
{
	Verifier verifier = {0};
	List *partitions;
	uint64 count;

	InitMaterializedSRF(fcinfo, 0);
	verifier.result = (ReturnSetInfo *) fcinfo->resultinfo;

	/* In this order: what was dropped before is told by an entry that is seen. */
	partitions = LogPartitions();
	PushActiveSnapshot(GetLatestSnapshot());
	SPI_connect();
	verifier.tiles = TileStoreMake(false);
	verifier.wrong_tiles = makeStringInfo();
	read_bounds(&verifier, PG_GETARG_DATUM(0), fcinfo->args[1]);
	count = verifier.last - verifier.first;
	verifier.positions =
		palloc_extended(sizeof(Position) * Max(count, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	SealStateRead(&verifier.sealed, false);
	verifier.whole = verifier.first == 0 && verifier.last == verifier.sealed.size;
	verifier.now = DirectFunctionCall1(pg_current_snapshot, (Datum) 0);
	EvidenceOpen(&verifier.evidence, verifier.tiles, verifier.sealed.size, &verifier.sealed.root);
	read_states(&verifier);
	if (count > 0)
		read_tiles(&verifier);
	index_positions(&verifier);
	read_entries(&verifier, partitions);
	EvidenceSort(&verifier.evidence);

	report_gaps(&verifier);
	VerifierCheckTree(&verifier);
	check_order(&verifier);
	report_mismatches(&verifier);
	VerifierReportErased(&verifier);
	VerifierReportMissing(&verifier);
	if (verifier.unsealed > 0)
		VerifierReport(&verifier, "not sealed", NO_POSITION, NO_POSITION, NULL,
					   psprintf("%llu entries have come since the log was sealed.",
								(unsigned long long) verifier.unsealed));
	SPI_finish();
	PopActiveSnapshot();
	return (Datum) 0;
}

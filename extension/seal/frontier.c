/*
 * frontier.c
 *		Where in a partition of the audit log sealing begins to read.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/xid8.h"

#include "base/compat.h"
#include "seal/frontier.h"

/* ---------------------------------------------------------------- the table */

#define ANCHOR_COLUMNS 4 /* place, system, transaction, number */

static Anchor
read_anchor(int column)
{
	HeapTuple row = SPI_tuptable->vals[0];
	TupleDesc desc = SPI_tuptable->tupdesc;
	Anchor anchor;
	bool isnull;
	Datum at = SPI_getbinval(row, desc, column, &isnull);

	ItemPointerSetInvalid(&anchor.at);
	if (isnull)
		return anchor;
	anchor.at = *(ItemPointer) DatumGetPointer(at);
	anchor.id.system = (uint64) DatumGetInt64(SPI_getbinval(row, desc, column + 1, &isnull));
	anchor.id.transaction = U64FromFullTransactionId(
		DatumGetFullTransactionId(SPI_getbinval(row, desc, column + 2, &isnull)));
	anchor.id.number = DatumGetInt64(SPI_getbinval(row, desc, column + 3, &isnull));
	return anchor;
}

static void
put_anchor(Anchor *anchor, Datum *values, char *nulls)
{
	memset(nulls, ItemPointerIsValid(&anchor->at) ? ' ' : 'n', ANCHOR_COLUMNS);
	values[0] = PointerGetDatum(&anchor->at);
	values[1] = Int64GetDatum((int64) anchor->id.system);
	values[2] = FullTransactionIdGetDatum(FullTransactionIdFromU64(anchor->id.transaction));
	values[3] = Int64GetDatum(anchor->id.number);
}

static void
read_row(Frontier *frontier, const LogPartition *partition)
{
	Oid types[] = {OIDOID, OIDOID};
	Datum values[] = {ObjectIdGetDatum(RelationGetRelid(partition->relation)),
					  ObjectIdGetDatum(compat_relation_file(partition->relation))};
	bool isnull;
	int result = SPI_execute_with_args(
		"SELECT f.floor_at, f.floor_system, f.floor_transaction, f.floor_number, f.next_at, "
		"f.next_system, "
		"f.next_transaction, f.next_number, f.horizon FROM tarot.audit_frontier f "
		"WHERE f.partition OPERATOR(pg_catalog.=) $1 AND f.file OPERATOR(pg_catalog.=) $2",
		lengthof(types), types, values, NULL, false, 1);

	if (result != SPI_OK_SELECT)
		elog(ERROR, "a query on tarot.audit_frontier failed: %s", SPI_result_code_string(result));
	if (SPI_processed == 0)
		return;
	frontier->stored = true;
	frontier->floor = read_anchor(1);
	frontier->next = read_anchor(1 + ANCHOR_COLUMNS);
	frontier->horizon = DatumGetFullTransactionId(SPI_getbinval(
		SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1 + 2 * ANCHOR_COLUMNS, &isnull));
	SPI_freetuptable(SPI_tuptable);
}

static void
write_row(Frontier *frontier, const LogPartition *partition)
{
	Oid types[] = {OIDOID, OIDOID,  TIDOID,  INT8OID, XID8OID, INT8OID,
				   TIDOID, INT8OID, XID8OID, INT8OID, XID8OID};
	Datum values[lengthof(types)];
	char nulls[lengthof(types)] = {' ', ' '};
	int result;

	values[0] = ObjectIdGetDatum(RelationGetRelid(partition->relation));
	values[1] = ObjectIdGetDatum(compat_relation_file(partition->relation));
	put_anchor(&frontier->floor, values + 2, nulls + 2);
	put_anchor(&frontier->next, values + 2 + ANCHOR_COLUMNS, nulls + 2 + ANCHOR_COLUMNS);
	values[2 + 2 * ANCHOR_COLUMNS] = FullTransactionIdGetDatum(frontier->horizon);
	nulls[2 + 2 * ANCHOR_COLUMNS] = ' ';
	result = SPI_execute_with_args(
		"INSERT INTO tarot.audit_frontier VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
		"ON CONFLICT (partition) DO UPDATE SET file = excluded.file, floor_at = excluded.floor_at, "
		"floor_system = excluded.floor_system, floor_transaction = excluded.floor_transaction, "
		"floor_number = excluded.floor_number, next_at = excluded.next_at, next_system = "
		"excluded.next_system, "
		"next_transaction = excluded.next_transaction, next_number = excluded.next_number, horizon "
		"= excluded.horizon",
		lengthof(types), types, values, nulls, false, 0);
	if (result != SPI_OK_INSERT)
		elog(ERROR, "writing tarot.audit_frontier failed: %s", SPI_result_code_string(result));
}

/* ---------------------------------------------------------------- the scheme */

BlockNumber
FrontierOpen(Frontier *frontier, const LogPartition *partition, FullTransactionId settled)
{
	memset(frontier, 0, sizeof(*frontier));
	ItemPointerSetInvalid(&frontier->floor.at);
	ItemPointerSetInvalid(&frontier->next.at);
	ItemPointerSetInvalid(&frontier->found.at);
	read_row(frontier, partition);
	if (!frontier->stored)
		return 0;

	/* All that may still come was begun when the partition had the pages up to `next` at least. */
	if (FullTransactionIdPrecedesOrEquals(frontier->horizon, settled) &&
		LogHasAt(partition, &frontier->next.at, &frontier->next.id))
	{
		frontier->passed = true;
		frontier->floor = frontier->next;
	}
	else if (!LogHasAt(partition, &frontier->floor.at, &frontier->floor.id))
		ItemPointerSetInvalid(&frontier->floor.at);
	return ItemPointerIsValid(&frontier->floor.at) ? ItemPointerGetBlockNumber(&frontier->floor.at)
												   : 0;
}

void
FrontierSee(Frontier *frontier, const LogPartition *partition, const LogEntry *entry)
{
	if (ItemPointerGetBlockNumber(&entry->at) < partition->blocks)
		frontier->found = (Anchor){entry->at, entry->id};
}

void
FrontierSave(Frontier *frontier, const LogPartition *partition, FullTransactionId horizon)
{
	bool waits = frontier->stored && !frontier->passed &&
				 LogHasAt(partition, &frontier->next.at, &frontier->next.id);

	/* One that waits for its transactions to end is not put off by a later one. */
	if (!waits && ItemPointerIsValid(&frontier->found.at))
	{
		frontier->next = frontier->found;
		frontier->horizon = horizon;
	}
	else if (!waits && !frontier->passed)
		return;
	write_row(frontier, partition);
}

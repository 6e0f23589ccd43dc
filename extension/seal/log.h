/*
 * log.h
 *		Reading the audit log: tarot.audit_entry, a partition after the other.
 */
#ifndef TAROT_SEAL_LOG_H
#define TAROT_SEAL_LOG_H

#include "access/htup.h"
#include "nodes/pg_list.h"
#include "storage/block.h"
#include "storage/itemptr.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

#include "seal/leaf.h"

/* What an entry is known by. */
typedef struct EntryId
{
	uint64 system;
	uint64 transaction;
	int64 number;
} EntryId;

static inline int
EntryIdCompare(const EntryId *a, const EntryId *b)
{
	if (a->system != b->system)
		return a->system < b->system ? -1 : 1;
	if (a->transaction != b->transaction)
		return a->transaction < b->transaction ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

typedef struct LogPartition
{
	Relation relation;
	AttrNumber columns[LEAF_COLUMNS];
	BlockNumber blocks; /* when it was opened */
} LogPartition;

/* An entry as it is stored. */
typedef struct LogEntry
{
	EntryId id;
	TransactionId written_by; /* a subtransaction perhaps; of a copy whoever made it */
	ItemPointerData at;
	LeafEntry entry;
} LogEntry;

/* All, locked until the transaction ends. */
extern List *LogPartitions(void);
extern void LogClose(List *partitions);

/* Called in a memory context that is reset after it. */
typedef void (*LogVisitor)(void *state, const LogEntry *entry);

/* Those that the snapshot sees, from a page on. */
extern void LogScan(const LogPartition *partition, BlockNumber from, Snapshot snapshot,
					LogVisitor visit, void *state);

/* Whether this entry lies at this place, dead or alive. */
extern bool LogHasAt(const LogPartition *partition, const ItemPointerData *at, const EntryId *id);

#endif

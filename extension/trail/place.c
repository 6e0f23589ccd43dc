/*
 * place.c
 *		Where an entry goes: the partition of the log that a time is in.
 *
 * The answer holds for a span of time and is kept from one statement to the next,
 * until the log or the partition changes. What keeps the partition where it is
 * while it is written to is its lock, which each transaction takes anew: to attach
 * another for the same time, to detach it, or to alter the log takes an exclusive one.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "storage/lmgr.h"
#include "utils/inval.h"
#include "utils/partcache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "trail/entry.h"
#include "trail/place.h"

typedef struct Place
{
	Oid log; /* InvalidOid: not known */
	Oid partition;
	TimestampTz from;
	TimestampTz until; /* before that */
} Place;

/* Of changes of the log's own table no cache of others depends. */
static uint64 log_epoch;

static Place known;

/* Grows when it is forgotten. */
static uint64 forgotten;

static void
on_relation_change(Datum argument, Oid relation)
{
	(void) argument;
	if (relation == InvalidOid || relation == known.log || relation == known.partition)
		known.log = InvalidOid;
	forgotten++;
}

static void
on_schema_change(Datum argument, int cache, uint32 hash)
{
	(void) cache;
	(void) hash;
	on_relation_change(argument, InvalidOid);
}

/* Theirs that the time is in; there is one for all times that no other is for. */
static Place
find_place(Relation log, TimestampTz time)
{
	PartitionKey key = RelationGetPartitionKey(log);
	PartitionDesc desc = RelationGetPartitionDesc(log, true);
	PartitionBoundInfo bounds = desc->boundinfo;
	Place place = {.log = RelationGetRelid(log), .from = DT_NOBEGIN, .until = DT_NOEND};
	int index = -1;

	if (bounds != NULL && bounds->ndatums > 0)
	{
		Datum datum = TimestampTzGetDatum(time);
		bool is_equal;
		int below = partition_range_datum_bsearch(key->partsupfunc, key->partcollation, bounds, 1,
												  &datum, &is_equal);

		index = bounds->indexes[below + 1];
		if (below >= 0 && bounds->kind[below][0] == PARTITION_RANGE_DATUM_VALUE)
			place.from = DatumGetTimestampTz(bounds->datums[below][0]);
		if (below + 1 < bounds->ndatums &&
			bounds->kind[below + 1][0] == PARTITION_RANGE_DATUM_VALUE)
			place.until = DatumGetTimestampTz(bounds->datums[below + 1][0]);
	}
	if (index < 0 && bounds != NULL)
		index = bounds->default_index;
	if (index < 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("the audit log has no partition for the present time"),
						errhint("Call tarot.create_audit_partitions().")));
	place.partition = desc->oids[index];
	return place;
}

/* An entry is written by position: what somebody has attached by hand may have other columns. */
static bool
has_columns_of(Relation partition, Relation log)
{
	TupleDesc expected = RelationGetDescr(log);
	TupleDesc desc = RelationGetDescr(partition);
	bool same = partition->rd_rel->relkind == RELKIND_RELATION && desc->natts == ENTRY_COLUMNS &&
				expected->natts == ENTRY_COLUMNS;

	for (int i = 0; same && i < ENTRY_COLUMNS; i++)
		same = TupleDescAttr(desc, i)->atttypid == TupleDescAttr(expected, i)->atttypid &&
			   strcmp(NameStr(TupleDescAttr(desc, i)->attname),
					  NameStr(TupleDescAttr(expected, i)->attname)) == 0;
	return same;
}

static Relation
open_log(void)
{
	Relation log = CatalogOpenFor("audit_entry", RowExclusiveLock, &log_epoch);

	if (log->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		elog(ERROR, "tarot.audit_entry is not partitioned");
	return log;
}

static Oid
look_up(TimestampTz time)
{
	Relation log = open_log();
	Relation partition;
	Place place = find_place(log, time);
	uint64 before;

	/* Who waited for the lock has found what was before: another may be for that time now. */
	for (;;)
	{
		Oid locked = place.partition;

		LockRelationOid(locked, RowExclusiveLock);
		before = forgotten;
		table_close(log, NoLock);
		log = open_log();
		place = find_place(log, time);
		if (place.partition == locked)
			break;
		UnlockRelationOid(locked, RowExclusiveLock);
	}
	partition = table_open(place.partition, NoLock);
	if (!has_columns_of(partition, log))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("partition \"%s\" of the audit log has other columns than the log",
							   RelationGetRelationName(partition)),
						errhint("Partitions are made by tarot.create_audit_partitions().")));
	table_close(partition, NoLock);
	table_close(log, NoLock);
	if (before == forgotten)
		known = place;
	return place.partition;
}

Oid
PlaceLock(TimestampTz time)
{
	Place place = known;

	if (likely(OidIsValid(place.log) && time >= place.from && time < place.until))
	{
		/* With the lock comes what others have changed before it was to be had. */
		LockRelationOid(place.partition, RowExclusiveLock);
		if (likely(OidIsValid(known.log)))
			return place.partition;
		UnlockRelationOid(place.partition, RowExclusiveLock);
	}
	return look_up(time);
}

void
PlaceInit(void)
{
	CacheRegisterRelcacheCallback(on_relation_change, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, on_schema_change, (Datum) 0);
}

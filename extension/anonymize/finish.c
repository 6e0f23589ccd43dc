/*
 * finish.c
 *		New contents for old: files, indexes, statistics; and whether the foreign
 *		keys hold.
 */
#include "postgres.h"

#include "access/multixact.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/heap.h"
#include "catalog/pg_type.h"
#include "commands/cluster.h"
#include "commands/defrem.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/predicate.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"

#include "anonymize/job.h"

/* ---------------------------------------------------------------- files */

/* What the server says of a key that comes twice holds it. */
static void
swap_heap(Oid relation, Oid new_heap, char persistence)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		/* Indexes are built anew, and check what they are there to check. */
		finish_heap_swap(relation, new_heap, false, false, true, true, RecentXmin,
						 ReadNextMultiXactId(), persistence);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION &&
			error->sqlerrcode != ERRCODE_EXCLUSION_VIOLATION)
			PG_RE_THROW();
		FlushErrorState();
		ereport(ERROR,
				(errcode(error->sqlerrcode),
				 errmsg("masked values of table \"%s\" violate constraint or index \"%s\"",
						error->table_name != NULL ? error->table_name : get_rel_name(relation),
						error->constraint_name != NULL ? error->constraint_name : "?"),
				 errhint("Give the data classes masks that keep values apart.")));
	}
	PG_END_TRY();
}

/* ---------------------------------------------------------------- statistics */

/* Of what its rows say, the server keeps samples: of columns, of expressions in indexes, and of
 * columns together. */
static void
forget_statistics(Oid relation)
{
	Relation rel = table_open(relation, NoLock);
	ListCell *cell;

	foreach (cell, RelationGetIndexList(rel))
	{
		RemoveStatistics(lfirst_oid(cell), 0);
	}
	foreach (cell, RelationGetStatExtList(rel))
	{
		RemoveStatisticsDataById(lfirst_oid(cell), false);
		RemoveStatisticsDataById(lfirst_oid(cell), true);
	}
	table_close(rel, NoLock);
}

/* Of changed columns; and of their parents', which have those of their children in them. */
static void
forget_statistics_of_columns(Datum relations, Datum numbers)
{
	Oid types[] = {OIDARRAYOID, INT2ARRAYOID};
	Datum values[] = {relations, numbers};

	SPI_connect();
	if (SPI_execute_with_args("WITH RECURSIVE up (relation, name) AS (SELECT a.attrelid, a.attname "
							  "FROM unnest($1, $2) c (relation, number) JOIN pg_attribute a "
							  "ON a.attrelid = c.relation AND a.attnum = c.number "
							  "UNION SELECT i.inhparent, up.name FROM up JOIN pg_inherits i "
							  "ON i.inhrelid = up.relation) "
							  "SELECT a.attrelid, a.attnum FROM up JOIN pg_attribute a "
							  "ON a.attrelid = up.relation AND a.attname = up.name ORDER BY 1, 2",
							  lengthof(types), types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "the catalogs could not be asked");
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		HeapTuple tuple = SPI_tuptable->vals[row];
		TupleDesc desc = SPI_tuptable->tupdesc;
		bool isnull;
		Oid relation = DatumGetObjectId(SPI_getbinval(tuple, desc, 1, &isnull));

		/* ANALYZE of a parent would write what it has read before. */
		LockRelationOid(relation, ShareUpdateExclusiveLock);
		RemoveStatistics(relation, DatumGetInt16(SPI_getbinval(tuple, desc, 2, &isnull)));
	}
	SPI_finish();
}

/* ---------------------------------------------------------------- all of it */

void
JobSwap(Job *job)
{
	ListCell *cell;
	List *swaps = NIL;

	foreach (cell, job->targets)
	{
		JobTarget *target = lfirst(cell);

		swaps = lappend(swaps, list_make3_oid(RelationGetRelid(target->relation), target->new_heap,
											  (Oid) target->relation->rd_rel->relpersistence));
		TransferPredicateLocksToHeapRelation(target->relation);
	}
	JobClose(job);
	foreach (cell, swaps)
	{
		const List *swap = lfirst(cell);

		swap_heap(linitial_oid(swap), lsecond_oid(swap), (char) lthird_oid(swap));
	}
	if (OidIsValid(job->copy_oid))
		return;
	foreach (cell, job->relations)
	{
		forget_statistics(lfirst_oid(cell));
	}
	forget_statistics_of_columns(job->changed_relations, job->changed_numbers);
	CommandCounterIncrement();
}

/* ---------------------------------------------------------------- foreign keys */

static int64
count_violations(const char *query)
{
	bool isnull;

	if (SPI_execute(query, true, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "a foreign key could not be verified");
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

void
JobVerifyForeignKeys(Job *job)
{
	Oid types[] = {OIDARRAYOID};
	Datum values[] = {job->all_relations};
	SPITupleTable *keys;
	uint64 count;
	Oid user;
	int security;

	JobReport(PHASE_FOREIGN_KEYS, NULL);
	PushActiveSnapshot(GetLatestSnapshot());
	SPI_connect();
	if (SPI_execute_with_args("SELECT object, query FROM tarot.anonymization_keys($1)",
							  lengthof(types), types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "the catalogs could not be asked");
	keys = SPI_tuptable;
	count = SPI_processed;

	/* As the server checks a key: all rows, whatever policies hide. */
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(user, security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	for (uint64 row = 0; row < count; row++)
	{
		int64 violations = count_violations(SPI_getvalue(keys->vals[row], keys->tupdesc, 2));

		if (violations > 0)
			ereport(ERROR,
					(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
					 errmsg("%s would not hold", SPI_getvalue(keys->vals[row], keys->tupdesc, 1)),
					 errdetail(INT64_FORMAT " rows would refer to none.", violations)));
	}
	SetUserIdAndSecContext(user, security);
	SPI_finish();
	PopActiveSnapshot();
}

/*
 * reseal_job.c
 *		tarot.reseal_job: how far each table is.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/compat.h"
#include "column/reseal_job.h"

int
ResealPinSearchPath(void)
{
	int nest_level = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return nest_level;
}

/* Runs a query on our own table as its owner: callers have no privilege on it. */
static void
execute_as_owner(const char *query, int nargs, Oid *types, Datum *values)
{
	int nest_level = ResealPinSearchPath();
	Relation table = CatalogOpen("reseal_job", RowExclusiveLock);
	Oid user;
	int context;
	int result;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(table->rd_rel->relowner,
						   context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	result = SPI_execute_with_args(query, nargs, types, values, NULL, false, 0);
	SetUserIdAndSecContext(user, context);
	table_close(table, NoLock);
	AtEOXact_GUC(true, nest_level);
	if (result < 0)
		elog(ERROR, "a query on tarot.reseal_job failed: %s", SPI_result_code_string(result));
}

static Datum
get_value(int column)
{
	bool isnull;
	Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);

	if (isnull)
		elog(ERROR, "tarot.reseal_job is damaged");
	return value;
}

bool
ResealJobRead(Relation relation, int32 class_id, ResealJob *job)
{
	Oid types[] = {OIDOID, INT4OID};
	Datum values[] = {ObjectIdGetDatum(RelationGetRelid(relation)), Int32GetDatum(class_id)};

	execute_as_owner("SELECT pass, coalesce(blocks, -1), position, clean, rows, values, left_over, "
					 "finished_at IS NOT NULL, relfilenode FROM tarot.reseal_job "
					 "WHERE relation = $1 AND class_id = $2 FOR UPDATE",
					 2, types, values);
	if (SPI_processed == 0)
		return false;
	job->pass = DatumGetInt32(get_value(1));
	job->blocks = (BlockNumber) DatumGetInt64(get_value(2));
	job->position = *(ItemPointer) DatumGetPointer(get_value(3));
	job->clean = DatumGetBool(get_value(4));
	job->rows = DatumGetInt64(get_value(5));
	job->values = DatumGetInt64(get_value(6));
	job->left = DatumGetInt64(get_value(7));
	job->finished = DatumGetBool(get_value(8));

	/* Rewritten since, by VACUUM FULL perhaps: positions say nothing any more. */
	if (DatumGetObjectId(get_value(9)) != compat_relation_file(relation))
		job->blocks = InvalidBlockNumber;
	return true;
}

void
ResealJobWrite(Relation relation, int32 class_id, const ResealJob *job, double seconds)
{
	Oid types[] = {OIDOID,  INT4OID, OIDOID,  INT4OID, INT8OID, TIDOID,
				   BOOLOID, INT8OID, INT8OID, INT8OID, BOOLOID, FLOAT8OID};
	Datum values[] = {ObjectIdGetDatum(RelationGetRelid(relation)),
					  Int32GetDatum(class_id),
					  ObjectIdGetDatum(compat_relation_file(relation)),
					  Int32GetDatum(job->pass),
					  Int64GetDatum((int64) job->blocks),
					  PointerGetDatum(&job->position),
					  BoolGetDatum(job->clean),
					  Int64GetDatum(job->rows),
					  Int64GetDatum(job->values),
					  Int64GetDatum(job->left),
					  BoolGetDatum(job->finished),
					  Float8GetDatum(seconds)};

	execute_as_owner(
		"UPDATE tarot.reseal_job SET relfilenode = $3, pass = $4, blocks = nullif($5, 4294967295), "
		"position = $6, "
		"clean = $7, rows = $8, values = $9, left_over = $10, seconds = seconds + $12, "
		"updated_at = clock_timestamp(), finished_at = CASE WHEN $11 THEN clock_timestamp() END "
		"WHERE relation = $1 AND class_id = $2",
		lengthof(types), types, values);
}

void
ResealJobStart(Relation relation, int32 class_id)
{
	Oid types[] = {OIDOID, INT4OID, OIDOID, INT4OID, TIMESTAMPTZOID};
	Datum values[] = {ObjectIdGetDatum(RelationGetRelid(relation)), Int32GetDatum(class_id),
					  ObjectIdGetDatum(compat_relation_file(relation)), Int32GetDatum(MyProcPid),
					  TimestampTzGetDatum(MyStartTimestamp)};

	execute_as_owner(
		"INSERT INTO tarot.reseal_job AS j (relation, class_id, relfilenode, pid, backend_start) "
		"VALUES ($1, $2, $3, $4, $5) ON CONFLICT ON CONSTRAINT reseal_job_pkey DO UPDATE SET "
		"pid = excluded.pid, backend_start = excluded.backend_start, "
		"updated_at = excluded.updated_at",
		lengthof(types), types, values);
}

void
ResealJobForget(Oid relation, int32 class_id)
{
	Oid types[] = {OIDOID, INT4OID};
	Datum values[] = {ObjectIdGetDatum(relation), Int32GetDatum(class_id)};

	execute_as_owner("DELETE FROM tarot.reseal_job j WHERE (finished_at IS NOT NULL "
					 "AND relation = $1 AND class_id = $2) "
					 "OR NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = j.relation)",
					 2, types, values);
}

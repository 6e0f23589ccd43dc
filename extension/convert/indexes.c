/*
 * indexes.c
 *		The indexes of a column that is converted beside its writers. Each gets
 *		a counterpart on the new column, which takes its place at the swap.
 *
 * They are made as CREATE INDEX CONCURRENTLY makes one, of which the server
 * exports the parts; the command itself cannot be run by a procedure. A phase
 * is over when the transactions have ended that cannot know of it yet. Nobody
 * waits for them in a lock, which would keep a snapshot: they are listed in
 * tarot.conversion, and looked after again and again. So each step can be gone
 * on with after a crash, by anybody.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/progress.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/backend_progress.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "column/batch.h"
#include "convert/conversion.h"
#include "convert/counterpart.h"

/* The tables that hold rows, locked. */
static List *
list_tables(Oid root, LOCKMODE lock_mode)
{
	List *tables = NIL;
	ListCell *cell;

	LockRelationOid(root, lock_mode);
	foreach (cell, find_all_inheritors(root, lock_mode, NULL))
	{
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_RELATION)
		{
			ConversionRequireOwner(lfirst_oid(cell));
			tables = lappend_oid(tables, lfirst_oid(cell));
		}
	}
	return tables;
}

static bool
any_in_state(List *pairs, PairState state)
{
	ListCell *cell;

	foreach (cell, pairs)
	{
		if (((IndexPair *) lfirst(cell))->state == state)
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------- steps */

/* What is awaited, and who is at work now, in one form: "transaction", or "transaction@xmin" for a
 * snapshot that it keeps. */
#define AT_WORK                                               \
	"SELECT l.virtualtransaction FROM pg_catalog.pg_locks l " \
	"WHERE l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid() UNION ALL " AT_WORK_WITH_SNAPSHOT
#define AT_WORK_WITH_SNAPSHOT                                                         \
	"SELECT l.virtualtransaction || '@' || a.backend_xmin::text "                     \
	"FROM pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_locks l ON l.pid = a.pid " \
	"AND l.virtualxid = l.virtualtransaction "                                        \
	"WHERE a.datname = pg_catalog.current_database() AND a.backend_xmin IS NOT NULL " \
	"AND a.pid <> pg_catalog.pg_backend_pid() AND a.backend_type <> 'autovacuum worker'"

/* $3: the tables. Transactions that may write them as they knew them before. */
#define WRITING                                                                    \
	"SELECT DISTINCT l.virtualtransaction FROM pg_catalog.pg_locks l "             \
	"JOIN pg_catalog.pg_database d ON d.oid = l.database "                         \
	"WHERE l.locktype = 'relation' AND d.datname = pg_catalog.current_database() " \
	"AND l.relation = ANY ($3) AND l.granted AND l.pid IS DISTINCT FROM "          \
	"pg_catalog.pg_backend_pid() "                                                 \
	"AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'ShareLock')"

/* A step of a conversion, and what it has found. */
typedef struct Step
{
	Oid root;
	Name column;
	Conversion conversion;
	List *tables;
	List *pairs;
} Step;

static void
update_conversion(const Step *step, const char *set, Datum third, Oid third_type)
{
	Oid types[] = {OIDOID, NAMEOID, third_type};
	Datum values[] = {ObjectIdGetDatum(step->root), NameGetDatum(step->column), third};

	SPI_connect();
	TableJobExecute("conversion",
					psprintf("UPDATE tarot.conversion c SET %s, pid = pg_backend_pid(), "
							 "updated_at = clock_timestamp() "
							 "WHERE c.relation = $1 AND c.\"column\" = $2 AND $3 IS NOT NULL",
							 set),
					lengthof(types), types, values, NULL);
	SPI_finish();
}

/* What comes next waits for those who write now, or for nobody. */
static void
enter_phase(const Step *step, const char *phase)
{
	update_conversion(step, "phase = $3, awaited = NULL", CStringGetTextDatum(phase), TEXTOID);
}

static void
await_writers(const Step *step)
{
	Datum *tables = palloc(list_length(step->tables) * sizeof(Datum));
	ListCell *cell;
	int count = 0;

	foreach (cell, step->tables)
		tables[count++] = ObjectIdGetDatum(lfirst_oid(cell));
	update_conversion(
		step, "awaited = ARRAY(" WRITING ")",
		PointerGetDatum(construct_array(tables, count, OIDOID, sizeof(Oid), true, TYPALIGN_INT)),
		OIDARRAYOID);
}

static void
drop_index(Oid index)
{
	ObjectAddress address;

	ObjectAddressSet(address, RelationRelationId, index);
	performDeletion(&address, DROP_RESTRICT, 0);
}

static void
drop_indexes(const Step *step, PairState upto)
{
	ListCell *cell;

	foreach (cell, step->pairs)
	{
		IndexPair *pair = lfirst(cell);

		if (OidIsValid(pair->new_index) && pair->state <= upto)
			drop_index(pair->new_index);
	}
}

/* Gives each index a counterpart that is empty yet. */
static void
define_indexes(Step *step)
{
	ListCell *cell;

	drop_indexes(step, PAIR_UNFIT);
	foreach (cell, IndexPairList(step->tables, NameStr(*step->column), &step->conversion))
	{
		IndexPair *pair = lfirst(cell);

		if (pair->state == PAIR_MISSING)
			IndexPairDefine(pair, NameStr(*step->column), &step->conversion);
	}
	step->pairs = IndexPairList(step->tables, NameStr(*step->column), &step->conversion);
	if (any_in_state(step->pairs, PAIR_UNFIT))
		elog(ERROR, "an index of a conversion is not as it was made");
	enter_phase(step, step->pairs == NIL ? "swapping" : "building");
}

/* One of them, from the rows that there are. */
static void
build_index(const Step *step)
{
	ListCell *cell;

	foreach (cell, step->pairs)
	{
		IndexPair *pair = lfirst(cell);

		if (pair->state != PAIR_DEFINED)
			continue;
		pgstat_progress_start_command(PROGRESS_COMMAND_CREATE_INDEX, pair->table);
		pgstat_progress_update_param(PROGRESS_CREATEIDX_COMMAND,
									 PROGRESS_CREATEIDX_COMMAND_CREATE_CONCURRENTLY);
		pgstat_progress_update_param(PROGRESS_CREATEIDX_INDEX_OID, pair->new_index);
		index_concurrently_build(pair->table, pair->new_index);
		pgstat_progress_end_command();
		break;
	}
	if (cell == NULL)
		enter_phase(step, "validating");
}

/* Adds the rows that came while they were built. */
static void
validate_indexes(const Step *step)
{
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	ListCell *cell;

	/*
	 * Older snapshots see rows that the index will not have. They are listed
	 * now, when all of them are there.
	 */
	update_conversion(step, "phase = $3, awaited = ARRAY(" AT_WORK_WITH_SNAPSHOT ")",
					  CStringGetTextDatum("enabling"), TEXTOID);
	PushActiveSnapshot(snapshot);
	foreach (cell, step->pairs)
	{
		IndexPair *pair = lfirst(cell);

		if (pair->state == PAIR_READY)
			validate_index(pair->table, pair->new_index, snapshot);
	}
	PopActiveSnapshot();
	UnregisterSnapshot(snapshot);
}

static void
enable_indexes(const Step *step)
{
	ListCell *cell;

	foreach (cell, step->pairs)
	{
		IndexPair *pair = lfirst(cell);

		if (pair->state != PAIR_READY)
			continue;
		index_set_state_flags(pair->new_index, INDEX_CREATE_SET_VALID);
		CacheInvalidateRelcacheByRelid(pair->table);
	}
	enter_phase(step, "swapping");
}

/* Reads the state, and locks it. Returns the phase, NULL: there is no conversion. */
static char *
begin_step(Step *step, bool *is_listed, int *awaited)
{
	Oid types[] = {OIDOID, NAMEOID};
	Datum values[] = {ObjectIdGetDatum(step->root), NameGetDatum(step->column)};
	MemoryContext context = CurrentMemoryContext;
	HeapTuple row;
	TupleDesc desc;
	bool isnull;
	char *phase;

	ConversionRequireOwner(step->root);
	if (!ConversionLock(step->root, step->column, &step->conversion))
		return NULL;
	SPI_connect();
	TableJobExecute("conversion",
					"SELECT c.phase, c.awaited IS NOT NULL, cardinality(c.awaited), c.xmin "
					"FROM tarot.conversion c WHERE c.relation = $1 AND c.\"column\" = $2",
					lengthof(types), types, values, NULL);
	if (SPI_processed == 0)
		ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						errmsg("the conversion has been changed meanwhile")));
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	phase = MemoryContextStrdup(context, SPI_getvalue(row, desc, 1));
	*is_listed = DatumGetBool(SPI_getbinval(row, desc, 2, &isnull));
	*awaited = DatumGetInt32(SPI_getbinval(row, desc, 3, &isnull));

	/* Others must be able to know of a step before the next one. */
	if (TransactionIdIsCurrentTransactionId(
			DatumGetTransactionId(SPI_getbinval(row, desc, 4, &isnull))))
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
						errmsg("each step of a conversion needs a transaction of its own")));
	SPI_finish();
	return phase;
}

/*
 * tarot.index_conversion(relation oid, "column" name) RETURNS boolean
 *
 * Does a step; false when it has to wait for transactions to end.
 */
PG_FUNCTION_INFO_V1(tarot_convert_index_conversion);
Datum
tarot_convert_index_conversion(PG_FUNCTION_ARGS)
{
	Step step = {.root = PG_GETARG_OID(0), .column = PG_GETARG_NAME(1)};
	bool is_listed;
	int awaited;
	char *phase = begin_step(&step, &is_listed, &awaited);

	if (phase == NULL)
		PG_RETURN_BOOL(true);

	/* That they have ended must be true before the step's snapshot is taken, so it ends here. */
	if (strcmp(phase, "indexing") != 0 && is_listed && awaited > 0)
	{
		update_conversion(&step,
						  "awaited = ARRAY(SELECT unnest(c.awaited) INTERSECT (" AT_WORK "))",
						  BoolGetDatum(true), BOOLOID);
		PG_RETURN_BOOL(false);
	}

	/* Against VACUUM, and whoever changes the table or its indexes; not against writers. */
	step.tables = list_tables(step.root, ShareUpdateExclusiveLock);
	step.pairs = IndexPairList(step.tables, NameStr(*step.column), &step.conversion);
	if (strcmp(phase, "indexing") == 0)
		define_indexes(&step);
	else if (any_in_state(step.pairs, PAIR_MISSING) || any_in_state(step.pairs, PAIR_UNFIT))
		enter_phase(&step, "indexing");
	else if (!is_listed)
		await_writers(&step);
	else if (strcmp(phase, "building") == 0)
		build_index(&step);
	else if (any_in_state(step.pairs, PAIR_DEFINED))
		enter_phase(&step, "building");
	else if (strcmp(phase, "validating") == 0)
		validate_indexes(&step);
	else if (strcmp(phase, "enabling") == 0)
		enable_indexes(&step);
	PG_RETURN_BOOL(true);
}

/*
 * tarot.drop_conversion_indexes(relation oid, "column" name) RETURNS void
 *
 * Those that are not valid: a unique one would go on refusing what writers bring.
 */
PG_FUNCTION_INFO_V1(tarot_convert_drop_conversion_indexes);
Datum
tarot_convert_drop_conversion_indexes(PG_FUNCTION_ARGS)
{
	Step step = {.root = PG_GETARG_OID(0), .column = PG_GETARG_NAME(1)};

	ConversionRequireOwner(step.root);
	if (ConversionLock(step.root, step.column, &step.conversion) && !step.conversion.erasing)
	{
		step.tables = list_tables(step.root, AccessExclusiveLock);
		step.pairs = IndexPairList(step.tables, NameStr(*step.column), &step.conversion);
		drop_indexes(&step, PAIR_READY);
		enter_phase(&step, "indexing");
	}
	PG_RETURN_VOID();
}

/*
 * tarot.conversion_indexes(relation oid, "column" name)
 *     RETURNS TABLE ("table" oid, index oid, new_index oid, state text)
 */
PG_FUNCTION_INFO_V1(tarot_convert_conversion_indexes);
Datum
tarot_convert_conversion_indexes(PG_FUNCTION_ARGS)
{
	Step step = {.root = PG_GETARG_OID(0), .column = PG_GETARG_NAME(1)};
	ReturnSetInfo *result;
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	ConversionRequireOwner(step.root);
	if (!ConversionLock(step.root, step.column, &step.conversion) || step.conversion.erasing)
		return (Datum) 0;
	step.tables = list_tables(step.root, AccessShareLock);
	foreach (cell, IndexPairList(step.tables, NameStr(*step.column), &step.conversion))
	{
		IndexPair *pair = lfirst(cell);
		Datum values[] = {ObjectIdGetDatum(pair->table), ObjectIdGetDatum(pair->old_index),
						  ObjectIdGetDatum(pair->new_index),
						  CStringGetTextDatum(IndexPairStateName(pair->state))};
		bool nulls[] = {false, !OidIsValid(pair->old_index), !OidIsValid(pair->new_index), false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

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

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/progress.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/backend_progress.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "column/batch.h"
#include "convert/conversion.h"

/* How far the counterpart of an index is. */
typedef enum PairState
{
	PAIR_MISSING,
	PAIR_UNFIT,   /* there is one that must go: changed, half built, or of an index that is gone */
	PAIR_DEFINED, /* writers know of it, and will not make HOT chains that it could not follow */
	PAIR_READY,   /* writers keep it */
	PAIR_VALID,   /* it has all rows */
} PairState;

static const char *const PairStateNames[] = {"missing", "unfit", "defined", "ready", "valid"};

typedef struct IndexPair
{
	Oid table;
	Oid old_index; /* InvalidOid: it is gone */
	Oid new_index; /* InvalidOid: missing */
	PairState state;
} IndexPair;

/* ---------------------------------------------------------------- an index and its counterpart */

/* As a key, or for its values alone. */
static bool
has_column(Relation index, AttrNumber number)
{
	for (int i = 0; i < index->rd_index->indnatts; i++)
	{
		if (index->rd_index->indkey.values[i] == number)
			return true;
	}
	return false;
}

/* Of the row in pg_index. */
static Datum
get_index_attribute(Relation index, AttrNumber attribute)
{
	bool isnull;
	Datum value = SysCacheGetAttr(INDEXRELID, index->rd_indextuple, attribute, &isnull);

	return isnull ? (Datum) 0 : value;
}

/* The storage options; 0: none. */
static Datum
get_options(Relation index)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(RelationGetRelid(index)));
	bool isnull;
	Datum options;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", RelationGetRelid(index));
	options = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_reloptions, &isnull);
	options = isnull ? (Datum) 0 : datumCopy(options, false, -1);
	ReleaseSysCache(tuple);
	return options;
}

static bool
same_options(Relation a, Relation b)
{
	Datum options = get_options(a);
	Datum others = get_options(b);

	return (options == 0) == (others == 0) &&
		   (options == 0 || datum_image_eq(options, others, false, -1));
}

/* Expressions as they are stored: those of the relation cache are simplified. */
static void *
get_stored_node(Relation index, AttrNumber attribute)
{
	Datum stored = get_index_attribute(index, attribute);

	return stored == 0 ? NULL : stringToNode(TextDatumGetCString(stored));
}

static bool
same_expression(Relation a, Relation b, AttrNumber attribute)
{
	return equal(get_stored_node(a, attribute), get_stored_node(b, attribute));
}

/* How a counterpart compares the values of its columns. */
static void
choose_comparison(Relation table, Relation old_index, AttrNumber from, AttrNumber to, Oid *classes,
				  Oid *collations)
{
	Form_pg_attribute column = TupleDescAttr(RelationGetDescr(table), to - 1);
	oidvector *old_classes =
		(oidvector *) DatumGetPointer(get_index_attribute(old_index, Anum_pg_index_indclass));

	for (int i = 0; i < old_index->rd_index->indnkeyatts; i++)
	{
		classes[i] = old_classes->values[i];
		collations[i] = old_index->rd_indcollation[i];
		if (old_index->rd_index->indkey.values[i] != from)
			continue;
		classes[i] = GetDefaultOpClass(column->atttypid, old_index->rd_rel->relam);
		collations[i] = column->attcollation;
		if (!OidIsValid(classes[i]))
			ereport(
				ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("index \"%s\" cannot be carried over", RelationGetRelationName(old_index)),
				 errdetail("Type %s has no operators for it.", format_type_be(column->atttypid))));
	}
}

/* Whether it is what define_index() would make. */
static bool
is_counterpart(Relation table, Relation old_index, Relation new_index, AttrNumber from,
			   AttrNumber to)
{
	Form_pg_index old_form = old_index->rd_index;
	Form_pg_index new_form = new_index->rd_index;
	oidvector *new_classes =
		(oidvector *) DatumGetPointer(get_index_attribute(new_index, Anum_pg_index_indclass));
	Oid classes[INDEX_MAX_KEYS];
	Oid collations[INDEX_MAX_KEYS];

	if (new_form->indrelid != old_form->indrelid || new_form->indnatts != old_form->indnatts ||
		new_form->indnkeyatts != old_form->indnkeyatts ||
		new_form->indisunique != old_form->indisunique ||
		new_form->indnullsnotdistinct != old_form->indnullsnotdistinct ||
		new_form->indisexclusion || !new_form->indimmediate ||
		new_index->rd_rel->relam != old_index->rd_rel->relam ||
		new_index->rd_rel->reltablespace != old_index->rd_rel->reltablespace ||
		!same_options(new_index, old_index) ||
		!same_expression(new_index, old_index, Anum_pg_index_indexprs) ||
		!same_expression(new_index, old_index, Anum_pg_index_indpred))
		return false;
	choose_comparison(table, old_index, from, to, classes, collations);
	for (int i = 0; i < old_form->indnatts; i++)
	{
		AttrNumber number = old_form->indkey.values[i];

		if (new_form->indkey.values[i] != (number == from ? to : number))
			return false;
		if (i < old_form->indnkeyatts && (new_classes->values[i] != classes[i] ||
										  new_index->rd_indcollation[i] != collations[i] ||
										  new_index->rd_indoption[i] != old_index->rd_indoption[i]))
			return false;
	}
	return true;
}

static void
define_index(Relation table, Relation old_index, AttrNumber from, AttrNumber to, const char *name)
{
	IndexInfo *info = BuildIndexInfo(old_index);
	List *columns = NIL;
	Oid classes[INDEX_MAX_KEYS];
	Oid collations[INDEX_MAX_KEYS];

	choose_comparison(table, old_index, from, to, classes, collations);
	for (int i = 0; i < info->ii_NumIndexAttrs; i++)
	{
		columns = lappend(columns,
						  pstrdup(NameStr(TupleDescAttr(RelationGetDescr(old_index), i)->attname)));
		if (info->ii_IndexAttrNumbers[i] == from)
			info->ii_IndexAttrNumbers[i] = to;
	}
	info->ii_Expressions = get_stored_node(old_index, Anum_pg_index_indexprs);
	info->ii_Predicate = make_ands_implicit(get_stored_node(old_index, Anum_pg_index_indpred));
	info->ii_ReadyForInserts = false;
	info->ii_Concurrent = true;
	compat_index_create(table, name, info, columns, old_index->rd_rel->relam,
						old_index->rd_rel->reltablespace, collations, classes,
						old_index->rd_indoption, get_options(old_index),
						INDEX_CREATE_SKIP_BUILD | INDEX_CREATE_CONCURRENT);
}

static PairState
state_of(Relation table, Relation old_index, Relation new_index, AttrNumber from, AttrNumber to)
{
	Form_pg_index form = new_index->rd_index;

	if (!is_counterpart(table, old_index, new_index, from, to))
		return PAIR_UNFIT;
	if (form->indisvalid)
		return PAIR_VALID;
	if (form->indisready)
		return PAIR_READY;

	/* A build that failed leaves what it has written. */
	return RelationGetNumberOfBlocks(new_index) == 0 ? PAIR_DEFINED : PAIR_UNFIT;
}

/* ---------------------------------------------------------------- all of them */

static char *
get_new_name(const Conversion *conversion, Oid old_index)
{
	return psprintf("%s_%u", NameStr(conversion->shadow), old_index);
}

/* Whether the name is one that get_new_name() makes. */
static bool
is_new_name(const Conversion *conversion, const char *name)
{
	size_t length = strlen(NameStr(conversion->shadow));

	return strncmp(name, NameStr(conversion->shadow), length) == 0 && name[length] == '_' &&
		   name[length + 1] != '\0' &&
		   strspn(name + length + 1, "0123456789") == strlen(name + length + 1);
}

static IndexPair *
make_pair(Oid table, Oid old_index, Oid new_index, PairState state)
{
	IndexPair *pair = palloc(sizeof(IndexPair));

	*pair = (IndexPair){table, old_index, new_index, state};
	return pair;
}

/* The pair of an index on the old column, or a counterpart that has lost its own; else NULL. */
static IndexPair *
find_pair(Relation table, Relation index, const Conversion *conversion, AttrNumber from,
		  AttrNumber to)
{
	Oid table_id = RelationGetRelid(table);
	Oid index_id = RelationGetRelid(index);
	IndexPair *pair = NULL;

	/* One that is not valid is another conversion's, and will be looked at again when it is. */
	if (has_column(index, from) && index->rd_index->indisvalid)
	{
		Oid other_id =
			get_relname_relid(get_new_name(conversion, index_id), RelationGetNamespace(table));
		Relation other;

		if (!OidIsValid(other_id))
			return make_pair(table_id, index_id, InvalidOid, PAIR_MISSING);
		other = index_open(other_id, AccessShareLock);
		pair = make_pair(table_id, index_id, other_id, state_of(table, index, other, from, to));
		index_close(other, AccessShareLock);
	}
	else if (has_column(index, to) && is_new_name(conversion, RelationGetRelationName(index)))
	{
		Oid old_id =
			atooid(RelationGetRelationName(index) + strlen(NameStr(conversion->shadow)) + 1);

		if (!list_member_oid(RelationGetIndexList(table), old_id))
			pair = make_pair(table_id, InvalidOid, index_id, PAIR_UNFIT);
	}
	return pair;
}

static List *
list_pairs_of_table(Relation table, const char *column, const Conversion *conversion)
{
	AttrNumber from = get_attnum(RelationGetRelid(table), column);
	AttrNumber to = get_attnum(RelationGetRelid(table), NameStr(conversion->shadow));
	List *pairs = NIL;
	ListCell *cell;

	if (from <= 0 || to <= 0)
		ConversionRaiseLostColumn(table);
	foreach (cell, RelationGetIndexList(table))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		IndexPair *pair = find_pair(table, index, conversion, from, to);

		if (pair != NULL)
			pairs = lappend(pairs, pair);
		index_close(index, AccessShareLock);
	}
	return pairs;
}

/* The tables that hold rows. */
static List *
list_tables(Oid root, LOCKMODE lock_mode)
{
	List *tables = NIL;
	ListCell *cell;

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

static List *
list_pairs(List *tables, const char *column, const Conversion *conversion)
{
	List *pairs = NIL;
	ListCell *cell;

	foreach (cell, tables)
	{
		Relation table = table_open(lfirst_oid(cell), NoLock);

		pairs = list_concat(pairs, list_pairs_of_table(table, column, conversion));
		table_close(table, NoLock);
	}
	return pairs;
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
	foreach (cell, list_pairs(step->tables, NameStr(*step->column), &step->conversion))
	{
		IndexPair *pair = lfirst(cell);
		Relation table;
		Relation index;

		if (pair->state != PAIR_MISSING)
			continue;
		table = table_open(pair->table, NoLock);
		index = index_open(pair->old_index, AccessShareLock);
		define_index(table, index, get_attnum(pair->table, NameStr(*step->column)),
					 get_attnum(pair->table, NameStr(step->conversion.shadow)),
					 get_new_name(&step->conversion, pair->old_index));
		index_close(index, AccessShareLock);
		table_close(table, NoLock);
	}
	step->pairs = list_pairs(step->tables, NameStr(*step->column), &step->conversion);
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
	step.pairs = list_pairs(step.tables, NameStr(*step.column), &step.conversion);
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
		step.pairs = list_pairs(step.tables, NameStr(*step.column), &step.conversion);
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
	foreach (cell, list_pairs(step.tables, NameStr(*step.column), &step.conversion))
	{
		IndexPair *pair = lfirst(cell);
		Datum values[] = {ObjectIdGetDatum(pair->table), ObjectIdGetDatum(pair->old_index),
						  ObjectIdGetDatum(pair->new_index),
						  CStringGetTextDatum(PairStateNames[pair->state])};
		bool nulls[] = {false, !OidIsValid(pair->old_index), !OidIsValid(pair->new_index), false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* ---------------------------------------------------------------- what cannot be carried over */

/*
 * tarot.index_mentions(index oid, number smallint) RETURNS boolean
 *
 * Whether an expression or the predicate of an index has the column in it.
 */
PG_FUNCTION_INFO_V1(tarot_convert_index_mentions);
Datum
tarot_convert_index_mentions(PG_FUNCTION_ARGS)
{
	Relation index = index_open(PG_GETARG_OID(0), AccessShareLock);
	Bitmapset *numbers = NULL;
	bool result;

	pull_varattnos(get_stored_node(index, Anum_pg_index_indexprs), 1, &numbers);
	pull_varattnos(get_stored_node(index, Anum_pg_index_indpred), 1, &numbers);

	/* The row as a whole has it, too. */
	result = bms_is_member(PG_GETARG_INT16(1) - FirstLowInvalidHeapAttributeNumber, numbers) ||
			 bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, numbers);
	index_close(index, AccessShareLock);
	PG_RETURN_BOOL(result);
}

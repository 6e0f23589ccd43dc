/*
 * required.c
 *		How anonymous a table has to be before it is dumped with masks.
 *
 * What is asked is SQL like anybody's, by the role that dumps: it gets the
 * masks that the dump gets, and numbers alone come out.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"

#include "anonymize/required.h"
#include "base/catalog.h"
#include "gate/gate.h"
#include "label/provider.h"

/* Of tarot.required_anonymity */
#define REQUIRED_RELATION 1
#define REQUIRED_QUASI_IDENTIFIERS 2
#define REQUIRED_K 3
#define REQUIRED_SENSITIVE 4
#define REQUIRED_L 5
#define REQUIRED_T 6

/* The queries that ask must not be asked for themselves. */
static bool asking;

/* Itself, and all that it is a part or child of. */
static List *
with_ancestors(Oid relation)
{
	List *relations = list_make1_oid(relation);
	ListCell *cell;

	/* The list grows meanwhile. */
	foreach (cell, relations)
	{
		relations = list_concat_unique_oid(relations, LabelParents(lfirst_oid(cell)));
	}
	return relations;
}

/* A row of the table; NULL for none. In the current memory context. */
static HeapTuple
find_requirement(Relation table, Oid relation)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, REQUIRED_RELATION, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relation));
	scan = CatalogScan(table, "required_anonymity_pkey", 1, &key);
	tuple = systable_getnext(scan);
	if (tuple != NULL)
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	return tuple;
}

static void
ask(Oid rows_of, HeapTuple requirement, TupleDesc desc)
{
	static const int arguments[] = {REQUIRED_QUASI_IDENTIFIERS, REQUIRED_K, REQUIRED_SENSITIVE,
									REQUIRED_L, REQUIRED_T};
	Oid types[] = {OIDOID, NAMEARRAYOID, INT4OID, NAMEARRAYOID, INT4OID, FLOAT8OID};
	Datum values[lengthof(types)] = {ObjectIdGetDatum(rows_of)};
	char nulls[lengthof(types) + 1] = "      ";

	for (size_t i = 0; i < lengthof(arguments); i++)
	{
		bool isnull;

		values[i + 1] = heap_getattr(requirement, arguments[i], desc, &isnull);
		if (isnull)
			nulls[i + 1] = 'n';
	}
	asking = true;
	PG_TRY();
	{
		SPI_connect();
		if (SPI_execute_with_args("SELECT tarot.require_anonymity($1, $2, $3, $4, $5, $6)",
								  lengthof(types), types, values, nulls, true, 0) != SPI_OK_SELECT)
			elog(ERROR, "it could not be asked how anonymous a table is");
		SPI_finish();
	}
	PG_FINALLY();
	{
		asking = false;
	}
	PG_END_TRY();
}

/*
 * Partitions are dumped one by one, but what they are parts of is what has to
 * be anonymous.
 */
bool
RequiredCheck(Oid required_of, Oid rows_of)
{
	Relation table = CatalogOpen("required_anonymity", AccessShareLock);
	bool required = false;
	ListCell *cell;

	foreach (cell, with_ancestors(required_of))
	{
		Oid relation = lfirst_oid(cell);
		HeapTuple requirement = find_requirement(table, relation);

		if (requirement == NULL)
			continue;
		ask(required_of == rows_of ? relation : rows_of, requirement, RelationGetDescr(table));
		required = true;
	}
	table_close(table, AccessShareLock);
	return required;
}

/*
 * COPY TO, and what pg_dump does by cursors: it sets row_security = off to get
 * an error rather than some of the rows.
 */
void
RequiredCheckDump(List *range_table)
{
	ListCell *cell;

	if (likely(GateCurrentIo() != GATE_IO_MASKED) || asking || IsParallelWorker() ||
		(GateDumpDepth == 0 && row_security) || !CatalogExists())
		return;
	foreach (cell, range_table)
	{
		const RangeTblEntry *entry = lfirst(cell);

		if (entry->rtekind == RTE_RELATION && entry->relid >= FirstNormalObjectId &&
			entry->relkind != RELKIND_VIEW)
			(void) RequiredCheck(entry->relid, entry->relid);
	}
}

/*
 * tarot.check_required_anonymity(rel regclass) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_anonymize_check_required_anonymity);
Datum
tarot_anonymize_check_required_anonymity(PG_FUNCTION_ARGS)
{
	Oid relation = PG_GETARG_OID(0);

	PG_RETURN_BOOL(RequiredCheck(relation, relation));
}

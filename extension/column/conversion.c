/*
 * conversion.c
 *		Which columns are being converted: reads tarot.conversion.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/partition.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "base/catalog.h"
#include "column/conversion.h"

/* Columns of tarot.conversion, as in conversion.sql */
enum
{
	CONVERSION_RELATION = 1,
	CONVERSION_COLUMN = 2,
	CONVERSION_SHADOW = 4,
	CONVERSION_PHASE = 6,
	CONVERSION_ROLE = 8,
};

/* What is asked of the conversions of a relation. */
typedef struct Search
{
	const char *column; /* the old one, or, with `either`, the new one */
	bool either;
	ColumnConversion *found;
} Search;

static bool
matches(HeapTuple tuple, TupleDesc desc, const Search *search)
{
	bool isnull;
	NameData column = *DatumGetName(heap_getattr(tuple, CONVERSION_COLUMN, desc, &isnull));
	NameData shadow = *DatumGetName(heap_getattr(tuple, CONVERSION_SHADOW, desc, &isnull));
	char *phase = TextDatumGetCString(heap_getattr(tuple, CONVERSION_PHASE, desc, &isnull));

	/* The new one has its place, and nothing is left to do but to erase. */
	if (strcmp(phase, "erasing") == 0)
		return false;
	if (strcmp(NameStr(column), search->column) != 0 &&
		!(search->either && strcmp(NameStr(shadow), search->column) == 0))
		return false;
	search->found->column = column;
	search->found->shadow = shadow;
	search->found->role = DatumGetObjectId(heap_getattr(tuple, CONVERSION_ROLE, desc, &isnull));
	return true;
}

static bool
search_conversions(Relation table, Oid relation, const Search *search)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	bool exists = false;

	ScanKeyInit(&key, CONVERSION_RELATION, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relation));
	scan = CatalogScan(table, "conversion_pkey", 1, &key);
	while (!exists && HeapTupleIsValid(tuple = systable_getnext(scan)))
		exists = matches(tuple, RelationGetDescr(table), search);
	systable_endscan(scan);
	return exists;
}

/* Of the relation, or of one that it is a partition of. */
static bool
search_tree(Relation relation, const Search *search)
{
	Relation table = CatalogOpen("conversion", AccessShareLock);
	List *roots = list_make1_oid(RelationGetRelid(relation));
	ListCell *cell;
	bool exists = false;

	if (relation->rd_rel->relispartition)
		roots = list_concat(roots, get_partition_ancestors(RelationGetRelid(relation)));
	foreach (cell, roots)
	{
		exists = search_conversions(table, lfirst_oid(cell), search);
		if (exists)
			break;
	}
	table_close(table, AccessShareLock);
	return exists;
}

bool
ColumnConversionFind(Relation relation, const char *column, ColumnConversion *found)
{
	Search search = {.column = column, .either = false, .found = found};

	return search_tree(relation, &search);
}

void
ColumnRequireSettled(Relation relation, const char *column)
{
	ColumnConversion found;
	Search search = {.column = column, .either = true, .found = &found};

	if (search_tree(relation, &search))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
						errmsg("column \"%s\" of table \"%s\" is being converted",
							   NameStr(found.column), RelationGetRelationName(relation)),
						errhint("Wait until that is done, or call tarot.cancel_conversion().")));
}

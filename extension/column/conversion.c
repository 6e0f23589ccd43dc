/*
 * conversion.c
 *		Reads tarot.conversion.
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
	CONVERSION_ROLE = 8,
};

static bool
read_conversion(Relation table, Oid relation, const char *column, ColumnConversion *found)
{
	TupleDesc desc = RelationGetDescr(table);
	NameData name;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	bool isnull;

	namestrcpy(&name, column);
	ScanKeyInit(&keys[0], CONVERSION_RELATION, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relation));
	ScanKeyInit(&keys[1], CONVERSION_COLUMN, BTEqualStrategyNumber, F_NAMEEQ, NameGetDatum(&name));
	scan = CatalogScan(table, "conversion_pkey", 2, keys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		found->shadow = *DatumGetName(heap_getattr(tuple, CONVERSION_SHADOW, desc, &isnull));
		found->role = DatumGetObjectId(heap_getattr(tuple, CONVERSION_ROLE, desc, &isnull));
	}
	systable_endscan(scan);
	return HeapTupleIsValid(tuple);
}

bool
ColumnConversionFind(Relation relation, const char *column, ColumnConversion *found)
{
	Relation table = CatalogOpen("conversion", AccessShareLock);
	List *roots = list_make1_oid(RelationGetRelid(relation));
	ListCell *cell;
	bool exists = false;

	if (relation->rd_rel->relispartition)
		roots = list_concat(roots, get_partition_ancestors(RelationGetRelid(relation)));
	foreach (cell, roots)
	{
		exists = read_conversion(table, lfirst_oid(cell), column, found);
		if (exists)
			break;
	}
	table_close(table, AccessShareLock);
	return exists;
}

/*
 * key_usage.c
 *		How many values rest on each version of a key.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "column/shape.h"
#include "keys/ring.h"

typedef struct Usage
{
	struct
	{
		int column;
		uint32 key_id; /* 0: no envelope */
		uint32 version;
	} name; /* hash key */
	int64 values;
} Usage;

typedef struct Count
{
	HTAB *usages;
	int column;
} Count;

static Datum
count_value(Datum value, void *argument)
{
	Count *count = argument;
	EnvelopeHeader header;
	Usage wanted = {.name = {.column = count->column}};
	Usage *usage;
	bool found;

	if (ColumnPeek(value, &header))
	{
		/* It rests on the key of a data subject. */
		if (header.key_id == 0)
			return value;
		wanted.name.key_id = header.key_id;
		wanted.name.version = header.key_version;
	}
	usage = hash_search(count->usages, &wanted.name, HASH_ENTER, &found);
	if (!found)
		usage->values = 0;
	usage->values++;
	return value;
}

static bool
count_values(const ColumnShape *shape, AttrNumber column, Datum value, void *argument)
{
	Count *count = argument;

	count->column = column;
	ColumnWalk(shape, value, count_value, count);
	return true;
}

static void
put_usages(ReturnSetInfo *result, Relation relation, HTAB *usages)
{
	HASH_SEQ_STATUS scan;
	Usage *usage;

	hash_seq_init(&scan, usages);
	while ((usage = hash_seq_search(&scan)) != NULL)
	{
		Form_pg_attribute column =
			TupleDescAttr(RelationGetDescr(relation), usage->name.column - 1);
		Datum values[5];
		bool nulls[5] = {false};

		nulls[0] = nulls[1] = usage->name.key_id == 0;
		if (!nulls[0])
		{
			values[0] = CStringGetTextDatum(KeyRingName(usage->name.key_id));
			values[1] = Int32GetDatum((int32) usage->name.version);
		}
		values[2] = ObjectIdGetDatum(RelationGetRelid(relation));
		values[3] = NameGetDatum(&column->attname);
		values[4] = Int64GetDatum(usage->values);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/*
 * tarot.key_usage(target regclass DEFAULT NULL, OUT key text, OUT version integer,
 *                 OUT "table" regclass, OUT "column" name, OUT values bigint) RETURNS SETOF record
 */
PG_FUNCTION_INFO_V1(tarot_reseal_key_usage);
Datum
tarot_reseal_key_usage(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach (cell, ColumnTables(PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0)))
	{
		Relation relation = try_relation_open(lfirst_oid(cell), AccessShareLock);
		HASHCTL options = {.keysize = sizeof(((Usage *) NULL)->name), .entrysize = sizeof(Usage)};
		ColumnShape **shapes;
		HTAB *usages;
		Count count = {0};

		if (relation == NULL)
			continue; /* dropped meanwhile */
		shapes = ColumnShapesOf(relation);
		if (relation->rd_rel->relkind == RELKIND_FOREIGN_TABLE || RELATION_IS_OTHER_TEMP(relation))
			ereport(WARNING, (errmsg("skipping \"%s\"", RelationGetRelationName(relation)),
							  errdetail("It is a foreign table, or a temporary one of another "
										"session.")));
		else if (shapes != NULL)
		{
			options.hcxt = CurrentMemoryContext;
			usages = hash_create("tarot_security key usage", 16, &options,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
			count.usages = usages;
			ColumnScan(relation, shapes, count_values, &count);
			put_usages(result, relation, usages);
			hash_destroy(usages);
		}
		relation_close(relation, AccessShareLock);
	}
	return (Datum) 0;
}

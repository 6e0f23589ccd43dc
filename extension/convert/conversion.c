/*
 * conversion.c
 *		The state of a conversion beside writers. It is in tarot.conversion, on
 *		which callers have no privilege; these functions ask who owns the table.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "column/batch.h"
#include "convert/conversion.h"

void
ConversionRequireOwner(Oid relation)
{
	if (get_rel_name(relation) == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", relation)));
	if (!compat_owns_relation(relation, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relation)),
					   get_rel_name(relation));
}

void
ConversionRaiseLostColumn(Relation relation)
{
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
					errmsg("table \"%s\" has lost a column that is being converted",
						   RelationGetRelationName(relation)),
					errhint("Call tarot.cancel_conversion().")));
}

/* Leaves the row in SPI's result, and it locked. */
static bool
select_conversion(Oid relation, Name column)
{
	Oid types[] = {OIDOID, NAMEOID};
	Datum values[] = {ObjectIdGetDatum(relation), NameGetDatum(column)};

	TableJobExecute(
		"conversion",
		"SELECT c.number, c.shadow, c.encrypt, c.phase, c.class FROM tarot.conversion c "
		"WHERE c.relation = $1 AND c.\"column\" = $2 FOR UPDATE",
		lengthof(types), types, values, NULL);
	return SPI_processed > 0;
}

bool
ConversionLock(Oid relation, Name column, Conversion *conversion)
{
	bool exists;

	SPI_connect();
	exists = select_conversion(relation, column);
	if (exists)
	{
		HeapTuple tuple = SPI_tuptable->vals[0];
		TupleDesc desc = SPI_tuptable->tupdesc;
		bool isnull;

		conversion->number = DatumGetInt16(SPI_getbinval(tuple, desc, 1, &isnull));
		namestrcpy(&conversion->shadow, SPI_getvalue(tuple, desc, 2));
		conversion->erasing = strcmp(SPI_getvalue(tuple, desc, 4), "erasing") == 0;
	}
	SPI_finish();
	return exists;
}

/*
 * tarot.find_conversion(relation oid, "column" name, OUT number smallint, OUT shadow name,
 *                       OUT encrypt boolean, OUT phase text, OUT class text) RETURNS record
 *
 * Locks it until the transaction ends, so that two callers take turns.
 */
PG_FUNCTION_INFO_V1(tarot_convert_find_conversion);
Datum
tarot_convert_find_conversion(PG_FUNCTION_ARGS)
{
	Oid relation = PG_GETARG_OID(0);
	TupleDesc desc;
	Datum result;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);
	ConversionRequireOwner(relation);
	SPI_connect();
	if (!select_conversion(relation, PG_GETARG_NAME(1)))
	{
		SPI_finish();
		PG_RETURN_NULL();
	}
	result = PointerGetDatum(SPI_returntuple(SPI_tuptable->vals[0], desc));
	SPI_finish();
	PG_RETURN_DATUM(result);
}

/* An index would be taken for complete that is not. */
static void
require_settable(const text *phase)
{
	static const char *const own[] = {"building", "validating", "enabling"};

	for (int i = 0; i < (int) lengthof(own); i++)
	{
		if (strcmp(text_to_cstring(phase), own[i]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("phase \"%s\" is entered by tarot.index_conversion() alone", own[i])));
	}
}

/*
 * tarot.set_conversion(relation oid, "column" name, number smallint, shadow name,
 *                      encrypt boolean, phase text, class text) RETURNS void
 *
 * With phase NULL the conversion is over.
 */
PG_FUNCTION_INFO_V1(tarot_convert_set_conversion);
Datum
tarot_convert_set_conversion(PG_FUNCTION_ARGS)
{
	Oid types[] = {OIDOID, NAMEOID, INT2OID, NAMEOID, BOOLOID, TEXTOID, TEXTOID, OIDOID, INT4OID};
	Datum values[lengthof(types)];
	char nulls[lengthof(types) + 1];

	for (int i = 0; i < 7; i++)
	{
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
		values[i] = PG_GETARG_DATUM(i);
	}
	values[7] = ObjectIdGetDatum(GetUserId());
	values[8] = Int32GetDatum(MyProcPid);
	nulls[7] = nulls[8] = ' ';
	nulls[9] = '\0';
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("table and column must not be null")));
	ConversionRequireOwner(PG_GETARG_OID(0));
	if (!PG_ARGISNULL(5))
		require_settable(PG_GETARG_TEXT_PP(5));

	SPI_connect();
	if (!PG_ARGISNULL(5))
		TableJobExecute("conversion",
						"INSERT INTO tarot.conversion AS c (relation, \"column\", number, shadow, "
						"encrypt, phase, class, role, pid) VALUES ($1, $2, $3, $4, $5, $6, $7, "
						"$8, $9) ON CONFLICT ON CONSTRAINT conversion_pkey DO UPDATE SET "
						"phase = excluded.phase, role = excluded.role, pid = excluded.pid, "
						"awaited = NULL, "
						"updated_at = clock_timestamp()",
						lengthof(types), types, values, nulls);
	else
	{
		TableJobExecute(
			"table_job",
			"DELETE FROM tarot.table_job j USING tarot.conversion c "
			"WHERE c.relation = $1 AND c.\"column\" = $2 AND j.kind IN ('fill', 'erase') "
			"AND j.target = c.number AND (j.relation = c.relation "
			"OR j.relation IN (SELECT relid FROM pg_catalog.pg_partition_tree(c.relation)))",
			2, types, values, nulls);
		TableJobExecute("conversion",
						"DELETE FROM tarot.conversion WHERE relation = $1 AND \"column\" = $2", 2,
						types, values, nulls);
	}
	SPI_finish();
	PG_RETURN_VOID();
}

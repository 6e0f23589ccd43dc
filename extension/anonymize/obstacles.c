/*
 * obstacles.c
 *		What stands in the way of anonymizing tables that can be told before a row
 *		is read.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "nodes/bitmapset.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "anonymize/job.h"
#include "class/class.h"
#include "column/shape.h"
#include "label/label.h"

const char *
JobDescribeColumn(Oid table, const char *column)
{
	ObjectAddress address;

	ObjectAddressSubSet(address, RelationRelationId, table, get_attnum(table, column));
	return getObjectDescription(&address, false);
}

static const char *
describe(const ColumnTotals *totals)
{
	return JobDescribeColumn(totals->table, NameStr(totals->name));
}

/* Whether it was decided what becomes of a column that it is computed from. */
static bool
follows_others(const JobTable *table, AttrNumber number)
{
	TupleConstr *constr = RelationGetDescr(table->relation)->constr;
	Bitmapset *used = NULL;

	for (int i = 0; constr != NULL && i < constr->num_defval; i++)
	{
		if (constr->defval[i].adnum == number)
			pull_varattnos(stringToNode(constr->defval[i].adbin), 1, &used);
	}
	for (int i = 0; i < table->ncolumns; i++)
	{
		const JobColumn *column = &table->columns[i];

		if (column->treatment != TREAT_LEAVE && column->treatment != TREAT_COMPUTE &&
			bms_is_member(column->number - FirstLowInvalidHeapAttributeNumber, used))
			return true;
	}
	return false;
}

static void
check_column(Job *job, const JobTable *table, const JobColumn *column)
{
	Form_pg_attribute attribute =
		TupleDescAttr(RelationGetDescr(table->relation), column->number - 1);
	const ColumnTotals *totals = column->totals;

	/* A masked table shows it to nobody, and its label stays; a copy would be no masked table. */
	if (totals->treatment == TREAT_KEEP && job->copy == NULL)
		return;
	if (attribute->attgenerated != '\0')
	{
		if (totals->class_id != CLASS_NONE && !follows_others(table, column->number))
			JobAddProblem(job, true, describe(totals), "what it is computed from stays as it is",
						  "Classify the columns that it is computed from, too.");
		return;
	}
	if (totals->class_id == CLASS_UNCLASSIFIED)
		JobAddProblem(
			job, true, describe(totals), "nobody has said of which data class it is",
			"Call tarot.classify_column(), or tarot.unclassify_column(). In place it can also "
			"be named in keep.");
	else if (totals->class_id != CLASS_NONE && !ClassFind(totals->class_id)->exists)
		JobAddProblem(job, true, describe(totals), "its data class does not exist",
					  "Create it, or classify the column anew.");
	if (totals->treatment == TREAT_KEEP)
		return;
	if (totals->treatment == TREAT_LEAVE &&
		ColumnShapeOf(attribute->atttypid, attribute->atttypmod) != NULL)
		JobAddProblem(job, true, describe(totals), "its values are encrypted within others",
					  "Name it in keep, and its values stay as they are: sealed; or in clear.");
}

static const char *
how(const ColumnTotals *totals)
{
	switch (totals->treatment)
	{
		case TREAT_MASK:
			return psprintf("class %d", totals->class_id);
		case TREAT_SHUFFLE:
			return "shuffled";
		case TREAT_CLEAR:
			return "cleared";
		case TREAT_COMPUTE:
			return "computed";
		default:
			return NULL;
	}
}

static Datum
array_of(Datum *values, int count, Oid type)
{
	int16 length;
	bool by_value;
	char align;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	return PointerGetDatum(construct_array(values, count, type, length, by_value, align));
}

/* "hows" tells what becomes of each of the changed columns. */
static void
ask_catalogs(Job *job, Datum hows)
{
	Oid types[] = {OIDARRAYOID, OIDARRAYOID, INT2ARRAYOID, TEXTARRAYOID, BOOLOID};
	Datum values[] = {job->all_relations, job->changed_relations, job->changed_numbers, hows,
					  BoolGetDatum(job->copy != NULL)};
	MemoryContext context = CurrentMemoryContext;

	SPI_connect();
	if (SPI_execute_with_args("SELECT severity = 'error', object, problem, hint "
							  "FROM tarot.anonymization_obstacles($1, $2, $3, $4, $5)",
							  lengthof(types), types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "the catalogs could not be asked");
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		HeapTuple tuple = SPI_tuptable->vals[row];
		TupleDesc desc = SPI_tuptable->tupdesc;
		MemoryContext spi_context = MemoryContextSwitchTo(context);
		bool isnull;
		bool error = DatumGetBool(SPI_getbinval(tuple, desc, 1, &isnull));

		JobAddProblem(job, error, SPI_getvalue(tuple, desc, 2), SPI_getvalue(tuple, desc, 3),
					  SPI_getvalue(tuple, desc, 4));
		MemoryContextSwitchTo(spi_context);
	}
	SPI_finish();
}

void
JobCheckCatalogs(Job *job)
{
	int count = 0;
	int room = 0;
	Datum *relations;
	Datum *numbers;
	Datum *hows;
	ListCell *cell;

	relations = palloc(list_length(job->relations) * sizeof(Datum));
	foreach (cell, job->relations)
	{
		relations[count++] = ObjectIdGetDatum(lfirst_oid(cell));
	}
	job->all_relations = array_of(relations, count, OIDOID);
	count = 0;
	foreach (cell, job->tables)
	{
		room += ((JobTable *) lfirst(cell))->ncolumns;
	}
	relations = palloc(room * sizeof(Datum));
	numbers = palloc(room * sizeof(Datum));
	hows = palloc(room * sizeof(Datum));
	foreach (cell, job->tables)
	{
		const JobTable *table = lfirst(cell);

		for (int i = 0; i < table->ncolumns; i++)
		{
			const char *treatment = how(table->columns[i].totals);

			check_column(job, table, &table->columns[i]);
			if (treatment == NULL)
				continue;
			relations[count] = ObjectIdGetDatum(RelationGetRelid(table->relation));
			numbers[count] = Int16GetDatum(table->columns[i].number);
			hows[count++] = CStringGetTextDatum(treatment);
		}
	}
	job->changed_relations = array_of(relations, count, OIDOID);
	job->changed_numbers = array_of(numbers, count, INT2OID);
	ask_catalogs(job, array_of(hows, count, TEXTOID));
}

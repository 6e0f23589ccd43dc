/*
 * survey.c
 *		Reads a sample of a table, once, by a query like any other's.
 *
 * A query, so that privileges, row policies and masks count for who asks. What
 * of others' code runs in it are functions of row policies: a security-
 * restricted operation keeps those from going back to another role.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"

#include "class/access.h"
#include "class/class.h"
#include "column/column.h"
#include "discover/survey.h"

/* ---------------------------------------------------------------- columns */

/*
 * Of a masked table, a column of a class is read where its values are what is seen: a
 * mask of them is not, and without a grant the whole query would be refused.
 */
static bool
is_hidden(const LabelledTable *labels, AttrNumber number)
{
	int32 class_id;

	if (labels == NULL || !labels->masked || number > labels->natts)
		return false;
	class_id = labels->classes[number - 1];
	return class_id != CLASS_NONE &&
		   (!CLASS_IS_NAMED(class_id) ||
			ClassAccessOf(class_id, GetUserId(), NULL).read != READ_PLAIN);
}

static void
prepare_column(Oid relation, Form_pg_attribute attribute, const LabelledTable *labels,
			   SurveyedColumn *column)
{
	Oid type = getBaseType(attribute->atttypid);
	Oid element = get_base_element_type(type);

	column->number = attribute->attnum;
	column->name = pstrdup(NameStr(attribute->attname));
	column->declared = attribute->atttypid;
	column->array = OidIsValid(element);
	column->type = column->array ? getBaseType(element) : type;
	column->read = ValueReaderOf(column->type, column->array, &column->reader) &&
				   !ColumnIsEncrypted(attribute->atttypid) && !ColumnIsEncrypted(column->type);
	column->denied = (pg_class_aclcheck(relation, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
					  pg_attribute_aclcheck(relation, attribute->attnum, GetUserId(), ACL_SELECT) !=
						  ACLCHECK_OK) ||
					 is_hidden(labels, attribute->attnum);
	column->read = column->read && !column->denied;
	if (column->reader.json)
		column->survey.paths = palloc0(SURVEY_PATHS_MAX * sizeof(SurveyPath));
	column->survey.npaths = 1;
}

/* What a partition or child has of its parent is the parent's to report. */
static SurveyedTable *
prepare_table(Relation relation)
{
	TupleDesc desc = RelationGetDescr(relation);
	SurveyedTable *table = palloc0(sizeof(SurveyedTable));

	table->labels = LabelExists() ? LabelFind(RelationGetRelid(relation)) : NULL;
	table->relation = RelationGetRelid(relation);
	table->name = pstrdup(RelationGetRelationName(relation));
	table->columns = palloc0(desc->natts * sizeof(SurveyedColumn));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (!attribute->attisdropped && attribute->attinhcount == 0)
			prepare_column(table->relation, attribute, table->labels,
						   &table->columns[table->ncolumns++]);
	}
	return table;
}

/* ---------------------------------------------------------------- query */

/* Rows of a page that was chosen; the others are of other pages, so that values near each other
 * count less. */
#define ROWS_OF_A_PAGE 4

static void
add_part(Oid relation, double *blocks, double *rows)
{
	Relation part = table_open(relation, NoLock);
	double density =
		part->rd_rel->relpages > 0 ? part->rd_rel->reltuples / part->rd_rel->relpages : 0;

	if (RELKIND_HAS_STORAGE(part->rd_rel->relkind))
	{
		double size = RelationGetNumberOfBlocks(part);

		*blocks += size;
		*rows += density > 0 ? density * size : 0;
	}
	table_close(part, NoLock);
}

/*
 * Pages by TABLESAMPLE, and of those rows by chance; all pages of a small table, and
 * all rows where nobody has counted them yet.
 */
static void
append_sample(StringInfo query, Oid relation, int sample)
{
	List *parts = find_all_inheritors(relation, AccessShareLock, NULL);
	double pages = Max(sample / ROWS_OF_A_PAGE, 16);
	double blocks = 0;
	double rows = 0;
	ListCell *cell;

	foreach (cell, parts)
	{
		add_part(lfirst_oid(cell), &blocks, &rows);
	}
	if (blocks > pages)
	{
		appendStringInfo(query, " TABLESAMPLE SYSTEM (%.9f)", 100 * pages / blocks);
		rows *= pages / blocks;
	}
	/* A fifth more, for chance gives fewer, too. */
	if (rows > 1.2 * sample)
		appendStringInfo(query, " WHERE pg_catalog.random() < %.9f", 1.2 * sample / rows);
	appendStringInfo(query, " LIMIT %d", sample);
}

/* NULL where no column is to be read. */
static char *
query_of(const SurveyedTable *table, int sample)
{
	StringInfoData query;
	const char *separator = "SELECT ";

	initStringInfo(&query);
	for (int i = 0; i < table->ncolumns; i++)
	{
		if (!table->columns[i].read)
			continue;
		appendStringInfo(&query, "%s%s", separator, quote_identifier(table->columns[i].name));
		separator = ", ";
	}
	if (query.len == 0)
		return NULL;
	appendStringInfo(&query, " FROM %s",
					 quote_qualified_identifier(
						 get_namespace_name(get_rel_namespace(table->relation)), table->name));
	append_sample(&query, table->relation, sample);
	return query.data;
}

/* ---------------------------------------------------------------- rows */

#define ROWS_AT_ONCE 100

static void
survey_row(SurveyedTable *table, HeapTuple row, TupleDesc desc, Datum *values, bool *nulls)
{
	int at = 0;

	heap_deform_tuple(row, desc, values, nulls);
	table->rows++;
	for (int i = 0; i < table->ncolumns; i++)
	{
		SurveyedColumn *column = &table->columns[i];

		if (!column->read)
			continue;
		if (!nulls[at])
			ValueSurvey(&column->reader, column->array, values[at], &column->survey);
		at++;
	}
}

static void
survey_rows(SurveyedTable *table, const char *query)
{
	MemoryContext values_context =
		AllocSetContextCreate(CurrentMemoryContext, "values looked at", ALLOCSET_DEFAULT_SIZES);
	MemoryContext context;
	Portal portal;
	SPIPlanPtr plan;
	Datum *values;
	bool *nulls;

	SPI_connect();
	plan = SPI_prepare(query, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "a sample could not be prepared: %s", SPI_result_code_string(SPI_result));
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	values = palloc(table->ncolumns * sizeof(Datum));
	nulls = palloc(table->ncolumns * sizeof(bool));
	for (;;)
	{
		SPI_cursor_fetch(portal, true, ROWS_AT_ONCE);
		if (SPI_processed == 0)
			break;
		context = MemoryContextSwitchTo(values_context);
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			survey_row(table, SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
			MemoryContextReset(values_context);
			CHECK_FOR_INTERRUPTS();
		}
		MemoryContextSwitchTo(context);
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	SPI_finish();
	MemoryContextDelete(values_context);
}

SurveyedTable *
SurveyTable(Oid relation, int sample)
{
	Relation opened = table_open(relation, AccessShareLock);
	SurveyedTable *table;
	char *query;
	Oid user;
	int context;
	int nest_level;

	/* A view runs its owner's code; a foreign table asks another server. */
	if (opened->rd_rel->relkind != RELKIND_RELATION &&
		opened->rd_rel->relkind != RELKIND_PARTITIONED_TABLE &&
		opened->rd_rel->relkind != RELKIND_MATVIEW)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" is not a table", RelationGetRelationName(opened))));
	table = prepare_table(opened);
	query = sample > 0 ? query_of(table, sample) : NULL;
	if (query != NULL)
	{
		table->partial = check_enable_rls(relation, InvalidOid, true) == RLS_ENABLED;
		GetUserIdAndSecContext(&user, &context);
		SetUserIdAndSecContext(user, context | SECURITY_RESTRICTED_OPERATION);
		nest_level = NewGUCNestLevel();
		survey_rows(table, query);
		AtEOXact_GUC(false, nest_level);
		SetUserIdAndSecContext(user, context);
	}
	table_close(opened, NoLock);
	return table;
}

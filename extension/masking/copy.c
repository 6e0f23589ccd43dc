/*
 * copy.c
 *		COPY of a masked table: no planner is asked for that, so it becomes the
 *		COPY of a query.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "nodes/value.h"
#include "storage/lockdefs.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "gate/gate.h"
#include "label/label.h"
#include "masking/query.h"

/* Names of the columns that COPY takes without a list: generated ones are left out. */
static List *
columns_of(Oid relation)
{
	List *columns = NIL;

	HeapTuple tuple;

	/* Dropped ones keep their numbers. */
	for (int16 number = 1; HeapTupleIsValid(
			 tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relation), Int16GetDatum(number)));
		 number++)
	{
		Form_pg_attribute attribute = (Form_pg_attribute) GETSTRUCT(tuple);

		if (!attribute->attisdropped && attribute->attgenerated == '\0')
			columns = lappend(columns, makeString(pstrdup(NameStr(attribute->attname))));
		ReleaseSysCache(tuple);
	}
	return columns;
}

static Node *
select_from(RangeVar *table, List *columns)
{
	SelectStmt *select = makeNode(SelectStmt);
	ListCell *cell;

	foreach (cell, columns)
	{
		ColumnRef *column = makeNode(ColumnRef);
		ResTarget *target = makeNode(ResTarget);

		column->fields = list_make1(lfirst(cell));
		column->location = -1;
		target->val = (Node *) column;
		target->location = -1;
		select->targetList = lappend(select->targetList, target);
	}
	select->fromClause = list_make1(table);
	return (Node *) select;
}

CopyStmt *
MaskingRewriteCopy(CopyStmt *statement)
{
	Oid relation;
	LabelledTable *labels;
	RangeVar *table;
	char kind;

	if (statement->is_from || statement->relation == NULL || !IsTransactionState() ||
		!LabelExists())
		return statement;
	relation = RangeVarGetRelid(statement->relation, AccessShareLock, true);
	if (!OidIsValid(relation))
		return statement;
	labels = LabelFind(relation);
	if ((labels == NULL || (!labels->masked && GateCurrentIo() != GATE_IO_MASKED)) &&
		!MaskStoresValues(relation, RELKIND_RELATION))
		return statement;

	/* COPY itself says what it does not take. */
	kind = get_rel_relkind(relation);
	if (kind != RELKIND_RELATION && kind != RELKIND_MATVIEW)
		return statement;

	statement = copyObject(statement);
	table = statement->relation;
	table->schemaname = get_namespace_name(get_rel_namespace(relation));
	table->inh = false;
	if (statement->attlist == NIL)
		statement->attlist = columns_of(relation);
	statement->query = select_from(table, statement->attlist);
	statement->relation = NULL;
	statement->attlist = NIL;
	return statement;
}

void
MaskingCheckCopyFrom(const CopyStmt *statement)
{
	Oid relation;
	LabelledTable *labels;
	ListCell *cell;

	if (!statement->is_from || statement->relation == NULL || !IsTransactionState() ||
		!LabelExists())
		return;
	relation = RangeVarGetRelid(statement->relation, RowExclusiveLock, true);
	labels = OidIsValid(relation) ? LabelFind(relation) : NULL;
	if (labels == NULL || !labels->masked)
		return;
	foreach (cell, statement->attlist != NIL ? statement->attlist : columns_of(relation))
	{
		AttrNumber number = get_attnum(relation, strVal(lfirst(cell)));

		if (number > 0 && number <= labels->natts && CLASS_IS_NAMED(labels->classes[number - 1]))
			MaskingRequireWrite(labels->classes[number - 1]);
	}
}

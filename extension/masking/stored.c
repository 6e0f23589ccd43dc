/*
 * stored.c
 *		Where else values of masked columns lie: in the catalogs of statistics,
 *		and in TOAST tables.
 *
 * Masked roles hold no privilege on these, but members of pg_read_all_data,
 * owners and superusers do. So queries, that of the view pg_stats among them,
 * get a condition in front of all others, as by row security: such rows are
 * there for who may read the values. The server itself, when it plans, reads
 * them by other ways.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_statistic_ext_data.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "class/access.h"
#include "class/reveal.h"
#include "gate/gate.h"
#include "label/label.h"
#include "masking/query.h"

bool
MaskStoresValues(Oid relation, char kind)
{
	return relation == StatisticRelationId || relation == StatisticExtDataRelationId ||
		   kind == RELKIND_TOASTVALUE;
}

/* ---------------------------------------------------------------- the condition */

static Node *
make_oid(Oid value)
{
	return (Node *) makeConst(OIDOID, -1, InvalidOid, sizeof(Oid), ObjectIdGetDatum(value), false,
							  true);
}

static Node *
make_column(Index number, AttrNumber column, Oid type)
{
	return (Node *) makeVar((int) number, column, type, -1, InvalidOid, 0);
}

static Node *
make_condition(const RangeTblEntry *entry, Index number)
{
	Oid types[3] = {OIDOID, OIDOID, INT2OID};
	Oid function = LookupFuncName(
		list_make2(makeString(pstrdup("tarot")), makeString(pstrdup("may_read_stored"))), 3, types,
		false);
	Node *object = make_oid(entry->relid);
	Node *column =
		(Node *) makeConst(INT2OID, -1, InvalidOid, sizeof(int16), Int16GetDatum(0), false, true);

	if (entry->relid == StatisticRelationId)
	{
		object = make_column(number, Anum_pg_statistic_starelid, OIDOID);
		column = make_column(number, Anum_pg_statistic_staattnum, INT2OID);
	}
	else if (entry->relid == StatisticExtDataRelationId)
		object = make_column(number, Anum_pg_statistic_ext_data_stxoid, OIDOID);
	return (Node *) makeFuncExpr(function, BOOLOID,
								 list_make3(make_oid(entry->relid), object, column), InvalidOid,
								 InvalidOid, COERCE_EXPLICIT_CALL);
}

void
MaskStoredValues(Query *query)
{
	Index number = 0;
	ListCell *cell;

	foreach (cell, query->rtable)
	{
		RangeTblEntry *entry = lfirst(cell);

		number++;
		if (entry->rtekind == RTE_RELATION && MaskStoresValues(entry->relid, entry->relkind))
			entry->securityQuals = lcons(make_condition(entry, number), entry->securityQuals);
	}
}

/* ---------------------------------------------------------------- at run time */

static bool
may_read_class(int32 class_id)
{
	ReadAccess read = READ_NONE;

	if (CLASS_IS_NAMED(class_id) && ClassFind(class_id)->exists)
		read = ClassAccessOf(class_id, GetUserId(), NULL).read;
	return read >= READ_NOTED && GateCurrentIo() != GATE_IO_MASKED && ClassReveal(class_id, read);
}

/* Of a column; 0 for all. */
static bool
may_read_column(const LabelledTable *labels, AttrNumber column)
{
	if (column > 0)
		return column > labels->natts || labels->classes[column - 1] == CLASS_NONE ||
			   may_read_class(labels->classes[column - 1]);
	for (int i = 0; i < labels->natts; i++)
	{
		if (labels->classes[i] != CLASS_NONE && !may_read_class(labels->classes[i]))
			return false;
	}
	return true;
}

/*
 * Whether the current role may read what the server keeps of a column's values
 * (0: of all columns) beside the table, or tells of them by itself.
 */
static bool
may_read(Oid relation, AttrNumber column)
{
	LabelledTable *labels;
	char kind = get_rel_relkind(relation);

	/* What an index is of, its statistics do not tell simply. */
	if (kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX)
	{
		relation = IndexGetRelation(relation, true);
		column = 0;
	}
	labels = LabelFind(relation);
	if (labels == NULL || (!labels->masked && GateCurrentIo() != GATE_IO_MASKED))
		return true;
	return may_read_column(labels, column);
}

static bool
may_read_extended(Oid statistics)
{
	HeapTuple tuple = SearchSysCache1(STATEXTOID, ObjectIdGetDatum(statistics));
	Form_pg_statistic_ext form;
	bool of_expressions;
	bool may;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_statistic_ext) GETSTRUCT(tuple);
	of_expressions = !heap_attisnull(tuple, Anum_pg_statistic_ext_stxexprs, NULL);
	may = !of_expressions || may_read(form->stxrelid, 0);
	for (int i = 0; may && i < form->stxkeys.dim1; i++)
		may = may_read(form->stxrelid, form->stxkeys.values[i]);
	ReleaseSysCache(tuple);
	return may;
}

/* The table whose long values a TOAST table has. It is named after that; nothing else leads back.
 */
static Oid
table_of_toast(Oid toast)
{
	const char *name = get_rel_name(toast);
	unsigned int table;
	HeapTuple tuple;
	bool is = false;

	if (name == NULL || sscanf(name, "pg_toast_%u", &table) != 1)
		return InvalidOid;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	if (HeapTupleIsValid(tuple))
	{
		is = ((Form_pg_class) GETSTRUCT(tuple))->reltoastrelid == toast;
		ReleaseSysCache(tuple);
	}
	return is ? table : InvalidOid;
}

/* One of a catalog that has values of all tables is for nobody; nor is one that belongs to no
 * table. */
static bool
may_read_toast(Oid toast)
{
	Oid table = table_of_toast(toast);

	return OidIsValid(table) && !MaskStoresValues(table, RELKIND_RELATION) && may_read(table, 0);
}

/*
 * tarot.may_read_stored(catalog oid, object oid, "column" smallint) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_masking_may_read_stored);
Datum
tarot_masking_may_read_stored(PG_FUNCTION_ARGS)
{
	Oid catalog = PG_GETARG_OID(0);
	Oid object = PG_GETARG_OID(1);

	if (catalog == StatisticRelationId)
		PG_RETURN_BOOL(may_read(object, PG_GETARG_INT16(2)));
	PG_RETURN_BOOL(catalog == StatisticExtDataRelationId ? may_read_extended(object)
														 : may_read_toast(object));
}

/*
 * detail.c
 *		Rows and keys that the server tells in the detail of an error.
 *
 * It shows them to who holds SELECT on the whole table, of which a masked
 * table's owner, superusers and members of pg_read_all_data are left. Others
 * are shown the columns that they hold SELECT on, none of them classified.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "miscadmin.h"
#include "parser/parsetree.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "class/access.h"
#include "gate/gate.h"
#include "label/label.h"
#include "masking/masking.h"

/*
 * As the server decides by itself: by the grants that hold whoever the session
 * is. An error is no place for another, nor for a record of what was revealed.
 */
static bool
may_be_told(int32 class_id, Oid role)
{
	return class_id == CLASS_NONE ||
		   (CLASS_IS_NAMED(class_id) && GateCurrentIo() != GATE_IO_MASKED &&
			ClassFind(class_id)->exists && ClassAccessGranted(class_id, role).read == READ_PLAIN);
}

/* A column, or where it is 0 any, that must not be told. */
static bool
hides_from(const LabelledTable *labels, AttrNumber column, Oid role)
{
	if (column > 0)
		return column <= labels->natts && !may_be_told(labels->classes[column - 1], role);
	for (int i = 0; i < labels->natts; i++)
	{
		if (!may_be_told(labels->classes[i], role))
			return true;
	}
	return false;
}

/*
 * Whether the server tells such a column. It goes by the privileges of the
 * current role, which is the owner where foreign keys cascade and indexes are
 * built; `asked` is then who had that done, and else InvalidOid.
 */
static bool
hides_column(Oid relation, AttrNumber column, Oid asked)
{
	LabelledTable *labels = OidIsValid(relation) ? LabelFind(relation) : NULL;

	if (labels == NULL || !labels->masked ||
		pg_class_aclcheck(relation, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		return false;
	return hides_from(labels, column, GetUserId()) ||
		   (OidIsValid(asked) && hides_from(labels, column, asked));
}

static bool
hides_columns(Oid relation, Datum columns, Oid asked)
{
	ArrayType *array = DatumGetArrayTypeP(columns);
	const int16 *numbers = (const int16 *) ARR_DATA_PTR(array);

	for (int i = 0; i < ARR_DIMS(array)[0]; i++)
	{
		if (hides_column(relation, numbers[i], asked))
			return true;
	}
	return false;
}

/* The key of an index; of expressions it is not asked what they are. */
static bool
hides_key(Oid relation, Oid index, Oid asked)
{
	HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	Form_pg_index form;
	bool hides = false;

	if (!HeapTupleIsValid(tuple))
		return hides_column(relation, 0, asked);
	form = (Form_pg_index) GETSTRUCT(tuple);
	for (int i = 0; i < form->indnkeyatts && !hides; i++)
		hides = hides_column(form->indrelid, form->indkey.values[i], asked);
	ReleaseSysCache(tuple);
	return hides;
}

/* The key of either side: it is not said whose it is. */
static bool
hides_foreign_key(Oid relation, const char *name, Oid asked)
{
	Oid constraint = get_relation_constraint_oid(relation, name, true);
	HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
	Form_pg_constraint form;
	bool isnull;
	bool hides;

	if (!HeapTupleIsValid(tuple))
		return hides_column(relation, 0, asked);
	form = (Form_pg_constraint) GETSTRUCT(tuple);
	hides = form->contype != CONSTRAINT_FOREIGN ||
			hides_columns(form->conrelid,
						  SysCacheGetAttr(CONSTROID, tuple, Anum_pg_constraint_conkey, &isnull),
						  asked) ||
			hides_columns(form->confrelid,
						  SysCacheGetAttr(CONSTROID, tuple, Anum_pg_constraint_confkey, &isnull),
						  asked);
	ReleaseSysCache(tuple);
	return hides;
}

/* The error of a view's CHECK OPTION does not name the table. */
static bool
hides_changed_row(const PlannedStmt *statement, Oid asked)
{
	ListCell *cell;

	foreach (cell, statement == NULL ? NIL : statement->resultRelations)
	{
		if (hides_column(rt_fetch(lfirst_int(cell), statement->rtable)->relid, 0, asked))
			return true;
	}
	return false;
}

static bool
hides_of_constraint(const ErrorData *error, Oid asked)
{
	Oid schema;
	Oid relation;

	if (error->table_name == NULL || error->schema_name == NULL)
		return false;
	schema = get_namespace_oid(error->schema_name, true);
	relation = get_relname_relid(error->table_name, schema);
	switch (error->constraint_name == NULL ? 0 : error->sqlerrcode)
	{
		case ERRCODE_UNIQUE_VIOLATION:
		case ERRCODE_EXCLUSION_VIOLATION:
			return hides_key(relation, get_relname_relid(error->constraint_name, schema), asked);
		case ERRCODE_FOREIGN_KEY_VIOLATION:
			return hides_foreign_key(relation, error->constraint_name, asked);
		default:
			return hides_column(relation, 0, asked);
	}
}

bool
MaskingHidesDetail(const ErrorData *error, const MaskingRun *run)
{
	Oid asked = InvalidOid;

	if (error->detail == NULL || !IsTransactionState() || !LabelExists())
		return false;
	if (InNoForceRLSOperation() || InSecurityRestrictedOperation())
		asked = run != NULL ? run->role : GetOuterUserId();
	switch (error->sqlerrcode)
	{
		case ERRCODE_WITH_CHECK_OPTION_VIOLATION:
			return run != NULL && hides_changed_row(run->plan, asked);
		case ERRCODE_CARDINALITY_VIOLATION:

			/* Two rows of a materialized view. */
			return run != NULL && hides_column(run->refreshed, 0, asked);
		default:
			return ERRCODE_TO_CATEGORY(error->sqlerrcode) ==
					   ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION &&
				   hides_of_constraint(error, asked);
	}
}

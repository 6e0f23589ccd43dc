/*
 * usage.c
 *		Where classes and key versions are in use: what keeps a class from
 *		being dropped and a key version from being destroyed.
 *
 * Tables are scanned directly, not by a query: no code of their owners runs.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "class/class.h"
#include "column/column.h"
#include "column/shape.h"
#include "column/types.h"
#include "keys/admin.h"
#include "keys/ring.h"
#include "label/label.h"

/* Calls back for each column of any relation that has an encrypted type, domains included. */
static void
for_each_encrypted_column(void (*visit)(Form_pg_attribute column, int32 typmod, void *argument),
						  void *argument)
{
	Relation attributes = table_open(AttributeRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(attributes, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_attribute column = (Form_pg_attribute) GETSTRUCT(tuple);
		int32 typmod = column->atttypmod;
		Oid type;

		if (column->attisdropped || column->attnum <= 0)
			continue;
		type = getBaseTypeAndTypmod(column->atttypid, &typmod);
		if (ColumnIsEncrypted(type))
			visit(column, typmod, argument);
	}
	systable_endscan(scan);
	table_close(attributes, AccessShareLock);
}

/* ---------------------------------------------------------------- classes */

typedef struct ClassUse
{
	int32 class_id;
	Oid relation; /* that has a column of it: a table, where there is one, and no index or view */
	NameData column;
} ClassUse;

static bool
is_table(Oid relation)
{
	char kind = get_rel_relkind(relation);

	return kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE ||
		   kind == RELKIND_FOREIGN_TABLE;
}

static void
find_class_column(Form_pg_attribute column, int32 typmod, void *argument)
{
	ClassUse *use = argument;

	if (typmod == use->class_id && (!OidIsValid(use->relation) || !is_table(use->relation)))
	{
		use->relation = column->attrelid;
		use->column = column->attname;
	}
}

static void
check_class_unused(int32 class_id, const char *class_name, const char *purpose)
{
	ClassUse use = {.class_id = class_id};
	Relation types;
	SysScanDesc scan;
	HeapTuple tuple;

	for_each_encrypted_column(find_class_column, &use);
	if (OidIsValid(use.relation))
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot %s data class \"%s\" because columns are declared with it", purpose,
						class_name),
				 errdetail("Column \"%s\" of relation \"%s\" is one of them.", NameStr(use.column),
						   get_rel_name(use.relation)),
				 strcmp(purpose, "drop") == 0
					 ? errhint("Change the type of the columns first, or drop them.")
					 : errhint("tarot.rotate_search_key() changes them with their columns.")));

	types = table_open(TypeRelationId, AccessShareLock);
	scan = systable_beginscan(types, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_type type = (Form_pg_type) GETSTRUCT(tuple);

		if (type->typtype == TYPTYPE_DOMAIN && type->typtypmod == class_id &&
			ColumnIsEncrypted(type->typbasetype))
			ereport(ERROR, (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
							errmsg("cannot %s data class \"%s\" because domain \"%s\" is declared "
								   "with it",
								   purpose, class_name, NameStr(type->typname))));
	}
	systable_endscan(scan);
	table_close(types, AccessShareLock);
}

/* ---------------------------------------------------------------- key versions */

typedef struct KeyUse
{
	uint32 key_id;
	uint32 version;
	Relation relation; /* looked into */
	Form_pg_attribute column;
} KeyUse;

/* Raises for a value that the version sealed. */
static Datum
refuse_value(Datum value, void *argument)
{
	const KeyUse *use = argument;
	EnvelopeHeader header;

	if (ColumnPeek(value, &header) && header.key_id == use->key_id &&
		header.key_version == use->version)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot destroy version %u of key \"%s\" because values sealed by it "
						"exist",
						use->version, KeyRingName(use->key_id)),
				 errdetail("Column \"%s\" of table \"%s\" holds at least one.",
						   NameStr(use->column->attname), RelationGetRelationName(use->relation)),
				 errhint("Move them to a newer version with tarot.reseal(). With force => true "
						 "they become unreadable for ever.")));
	return value;
}

static bool
refuse_values(const ColumnShape *shape, AttrNumber column, Datum value, void *use)
{
	(void) column;
	ColumnWalk(shape, value, refuse_value, use);
	return true;
}

static void
refuse_key_column(Oid table, int number, KeyUse *use)
{
	Relation relation;
	Form_pg_attribute column;
	ColumnShape *shape = NULL;
	ColumnShape **shapes;

	/* Until the end of the transaction: nobody adds a value while we look. */
	relation = try_table_open(table, ShareLock);
	if (relation == NULL)
		return; /* dropped meanwhile */

	/* What was found without a lock may have another type by now. */
	column = TupleDescAttr(RelationGetDescr(relation), number - 1);
	if (!column->attisdropped)
		shape = ColumnShapeOf(column->atttypid, column->atttypmod);
	if (shape == NULL)
	{
		table_close(relation, NoLock);
		return;
	}
	if (RELATION_IS_OTHER_TEMP(relation))
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot destroy version %u of key \"%s\" because another session has "
						"a temporary table with encrypted values",
						use->version, KeyRingName(use->key_id)),
				 errhint("Nobody else can look into it: end that session first.")));
	use->relation = relation;
	use->column = column;
	shapes = palloc0(mul_size(RelationGetNumberOfAttributes(relation), sizeof(ColumnShape *)));
	shapes[number - 1] = shape;
	ColumnScan(relation, shapes, refuse_values, use);
	table_close(relation, NoLock);
}

/* Looks into the tables not looked into yet, and remembers them; false when there was none. */
static bool
look_into_tables(KeyUse *use, List **known)
{
	List *before = list_copy(*known);
	Relation attributes = table_open(AttributeRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(attributes, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_attribute column = (Form_pg_attribute) GETSTRUCT(tuple);
		char kind;

		/* No table of the system's has one. */
		if (column->attisdropped || column->attnum <= 0 || column->attrelid < FirstNormalObjectId ||
			list_member_oid(before, column->attrelid))
			continue;
		kind = get_rel_relkind(column->attrelid);
		if ((kind == RELKIND_RELATION || kind == RELKIND_MATVIEW) &&
			ColumnShapeOf(column->atttypid, column->atttypmod) != NULL)
		{
			refuse_key_column(column->attrelid, column->attnum, use);
			*known = list_append_unique_oid(*known, column->attrelid);
		}
	}
	systable_endscan(scan);
	table_close(attributes, AccessShareLock);
	return list_length(*known) > list_length(before);
}

/*
 * Again, until no table has come up meanwhile that values could have been
 * moved to before theirs was locked.
 */
static void
check_key_unused(uint32 key_id, uint32 version)
{
	KeyUse use = {.key_id = key_id, .version = version};
	List *known = NIL;

	while (look_into_tables(&use, &known))
		;
}

/* ---------------------------------------------------------------- whose key sealed a value */

typedef struct SubjectKeys
{
	ArrayType *numbers; /* of type bigint, without NULLs */
	bool found;
} SubjectKeys;

static Datum
find_subject_key(Datum value, void *argument)
{
	SubjectKeys *keys = argument;
	const int64 *numbers = (const int64 *) ARR_DATA_PTR(keys->numbers);
	int count = ArrayGetNItems(ARR_NDIM(keys->numbers), ARR_DIMS(keys->numbers));
	EnvelopeHeader header;

	if (ColumnPeek(value, &header) && header.subject_key != 0)
	{
		for (int i = 0; i < count; i++)
			keys->found |= (uint64) numbers[i] == header.subject_key;
	}
	return value;
}

/* Where the type of the first argument has encrypted values. */
static const ColumnShape *
shape_of_argument(FmgrInfo *function)
{
	if (function->fn_extra == NULL)
	{
		MemoryContext outer = MemoryContextSwitchTo(function->fn_mcxt);

		function->fn_extra = ColumnShapeOf(get_fn_expr_argtype(function, 0), -1);
		MemoryContextSwitchTo(outer);
	}
	return function->fn_extra;
}

/*
 * tarot.is_under_subject_key(value "any", keys bigint[]) RETURNS boolean
 *
 * Whether one of these keys of data subjects sealed a value, or one inside of it.
 */
PG_FUNCTION_INFO_V1(tarot_column_is_under_subject_key);
Datum
tarot_column_is_under_subject_key(PG_FUNCTION_ARGS)
{
	SubjectKeys keys = {.numbers = PG_GETARG_ARRAYTYPE_P(1)};
	const ColumnShape *shape = shape_of_argument(fcinfo->flinfo);

	if (ARR_HASNULL(keys.numbers))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("keys must not be null")));
	if (shape != NULL)
		ColumnWalk(shape, PG_GETARG_DATUM(0), find_subject_key, &keys);
	PG_RETURN_BOOL(keys.found);
}

typedef struct KeyVersion
{
	uint32 key_id;
	uint32 version;
	bool of_subjects; /* all keys of subjects count, too */
	bool found;
} KeyVersion;

static Datum
find_key_version(Datum value, void *argument)
{
	KeyVersion *wanted = argument;
	EnvelopeHeader header;

	if (ColumnPeek(value, &header))
		wanted->found |= header.subject_key != 0 ? wanted->of_subjects
												 : header.key_id == wanted->key_id &&
													   header.key_version == wanted->version;
	return value;
}

/*
 * tarot.is_under_key(value "any", key_id integer, version integer, of_subjects boolean) RETURNS
 * boolean
 */
PG_FUNCTION_INFO_V1(tarot_column_is_under_key);
Datum
tarot_column_is_under_key(PG_FUNCTION_ARGS)
{
	KeyVersion wanted = {.key_id = (uint32) PG_GETARG_INT32(1),
						 .version = (uint32) PG_GETARG_INT32(2),
						 .of_subjects = PG_GETARG_BOOL(3)};
	const ColumnShape *shape = shape_of_argument(fcinfo->flinfo);

	if (shape != NULL)
		ColumnWalk(shape, PG_GETARG_DATUM(0), find_key_version, &wanted);
	PG_RETURN_BOOL(wanted.found);
}

void
ColumnInit(void)
{
	ColumnLookupInit();
	EncryptedTypesInit();
	ClassRegisterUse(check_class_unused);
	LabelRegisterClassedTypes(ColumnIsEncrypted);
	KeyRegisterUse(check_key_unused);
}

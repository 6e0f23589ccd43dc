/*
 * usage.c
 *		Where classes and key versions are in use: what keeps a class from
 *		being dropped and a key version from being destroyed.
 *
 * Tables are scanned directly, not by a query: no code of their owners runs.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "class/class.h"
#include "column/column.h"
#include "crypto/envelope.h"
#include "keys/admin.h"
#include "keys/ring.h"

/* An encrypted type, or an array of one, is known by its type modifier's input function. */
static Oid
typmod_in_function(void)
{
	Oid argument = CSTRINGARRAYOID;

	return LookupFuncName(list_make2(makeString("tarot"), makeString("encrypted_typmod_in")), 1,
						  &argument, false);
}

static bool
is_encrypted_type(Oid type, Oid typmod_in)
{
	HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	bool encrypted;

	if (!HeapTupleIsValid(tuple))
		return false;
	encrypted = ((Form_pg_type) GETSTRUCT(tuple))->typmodin == typmod_in;
	ReleaseSysCache(tuple);
	return encrypted;
}

/* Calls back for each column of any relation that has an encrypted type, domains included. */
static void
for_each_encrypted_column(void (*visit)(Form_pg_attribute column, int32 typmod, void *argument),
						  void *argument)
{
	Oid typmod_in = typmod_in_function();
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
		if (is_encrypted_type(type, typmod_in))
			visit(column, typmod, argument);
	}
	systable_endscan(scan);
	table_close(attributes, AccessShareLock);
}

/* ---------------------------------------------------------------- classes */

typedef struct ClassUse
{
	int32 class_id;
	const char *class_name;
} ClassUse;

static void
refuse_class_column(Form_pg_attribute column, int32 typmod, void *argument)
{
	const ClassUse *use = argument;

	if (typmod == use->class_id)
		ereport(ERROR, (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
						errmsg("cannot drop data class \"%s\" because columns are declared with it",
							   use->class_name),
						errdetail("Column \"%s\" of relation \"%s\" is one of them.",
								  NameStr(column->attname), get_rel_name(column->attrelid)),
						errhint("Change the type of the columns first, or drop them.")));
}

static void
check_class_unused(int32 class_id, const char *class_name)
{
	ClassUse use = {class_id, class_name};
	Oid typmod_in = typmod_in_function();
	Relation types;
	SysScanDesc scan;
	HeapTuple tuple;

	for_each_encrypted_column(refuse_class_column, &use);

	types = table_open(TypeRelationId, AccessShareLock);
	scan = systable_beginscan(types, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_type type = (Form_pg_type) GETSTRUCT(tuple);

		if (type->typtype == TYPTYPE_DOMAIN && type->typtypmod == class_id &&
			is_encrypted_type(type->typbasetype, typmod_in))
			ereport(ERROR,
					(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					 errmsg("cannot drop data class \"%s\" because domain \"%s\" is declared "
							"with it",
							class_name, NameStr(type->typname))));
	}
	systable_endscan(scan);
	table_close(types, AccessShareLock);
}

/* ---------------------------------------------------------------- key versions */

typedef struct KeyUse
{
	uint32 key_id;
	uint32 version;
	Oid typmod_in;
} KeyUse;

/* Is it an encrypted type, or an array, a domain or a composite type with one inside? */
static bool
holds_encrypted(Oid type, Oid typmod_in)
{
	TupleDesc desc;
	bool holds = false;

	check_stack_depth();
	type = getBaseType(type);
	if (is_encrypted_type(type, typmod_in))
		return true;
	if (OidIsValid(get_element_type(type)))
		return holds_encrypted(get_element_type(type), typmod_in);
	if (!OidIsValid(get_typ_typrelid(type)))
		return false;

	desc = lookup_rowtype_tupdesc(type, -1);
	for (int i = 0; i < desc->natts && !holds; i++)
		holds = !TupleDescAttr(desc, i)->attisdropped &&
				holds_encrypted(TupleDescAttr(desc, i)->atttypid, typmod_in);
	ReleaseTupleDesc(desc);
	return holds;
}

static bool
sealed_by(struct varlena *value, const KeyUse *use)
{
	/* The header is all that is wanted of a value that may be long and out of line. */
	struct varlena *head = PG_DETOAST_DATUM_SLICE(PointerGetDatum(value), 0, ENVELOPE_FIXED_HEADER);
	uint32 key_id;
	uint32 version;

	return envelope_peek_key(bytes_view(VARDATA_ANY(head), VARSIZE_ANY_EXHDR(head)), &key_id,
							 &version) &&
		   key_id == use->key_id && version == use->version;
}

static bool datum_uses(Datum datum, Oid type, const KeyUse *use);

static bool
array_uses(Datum datum, Oid element, const KeyUse *use)
{
	Datum *items;
	bool *nulls;
	int count;
	int16 size;
	bool by_value;
	char alignment;

	get_typlenbyvalalign(element, &size, &by_value, &alignment);
	deconstruct_array(DatumGetArrayTypeP(datum), element, size, by_value, alignment, &items, &nulls,
					  &count);
	for (int i = 0; i < count; i++)
	{
		if (!nulls[i] && datum_uses(items[i], element, use))
			return true;
	}
	return false;
}

static bool
row_uses(Datum datum, const KeyUse *use)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(datum);
	TupleDesc desc =
		lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header), .t_data = header};
	bool uses = false;

	for (int i = 0; i < desc->natts && !uses; i++)
	{
		Form_pg_attribute field = TupleDescAttr(desc, i);
		bool isnull;
		Datum value;

		if (field->attisdropped || !holds_encrypted(field->atttypid, use->typmod_in))
			continue;
		value = heap_getattr(&tuple, i + 1, desc, &isnull);
		uses = !isnull && datum_uses(value, field->atttypid, use);
	}
	ReleaseTupleDesc(desc);
	return uses;
}

/* A value of a type that holds an encrypted one. */
static bool
datum_uses(Datum datum, Oid type, const KeyUse *use)
{
	Oid element;

	check_stack_depth();
	type = getBaseType(type);
	element = get_element_type(type);
	if (OidIsValid(element))
		return array_uses(datum, element, use);
	if (OidIsValid(get_typ_typrelid(type)))
		return row_uses(datum, use);
	return sealed_by((struct varlena *) DatumGetPointer(datum), use);
}

static void
refuse_key_column(Oid table, int number, const KeyUse *use)
{
	Relation relation;
	Form_pg_attribute column;
	TableScanDesc scan;
	TupleTableSlot *slot;
	Snapshot snapshot;
	MemoryContext row_context;

	/* Until the end of the transaction: nobody adds a value while we look. */
	relation = try_table_open(table, ShareLock);
	if (relation == NULL)
		return; /* dropped meanwhile */

	/* What was found without a lock may have another type by now. */
	column = TupleDescAttr(RelationGetDescr(relation), number - 1);
	if (column->attisdropped || !holds_encrypted(column->atttypid, use->typmod_in))
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
	row_context = AllocSetContextCreate(CurrentMemoryContext, "tarot_security key use",
										ALLOCSET_DEFAULT_SIZES);
	slot = table_slot_create(relation, NULL);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan = table_beginscan(relation, snapshot, 0, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool isnull;
		Datum datum = slot_getattr(slot, column->attnum, &isnull);
		MemoryContext outer_context = MemoryContextSwitchTo(row_context);

		CHECK_FOR_INTERRUPTS();
		if (!isnull && datum_uses(datum, column->atttypid, use))
			ereport(ERROR,
					(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
					 errmsg("cannot destroy version %u of key \"%s\" because values sealed by it "
							"exist",
							use->version, KeyRingName(use->key_id)),
					 errdetail("Column \"%s\" of table \"%s\" holds at least one.",
							   NameStr(column->attname), RelationGetRelationName(relation)),
					 errhint("With force => true they become unreadable for ever.")));
		MemoryContextSwitchTo(outer_context);
		MemoryContextReset(row_context);
	}
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(row_context);
	table_close(relation, NoLock);
}

/* Looks into the tables not looked into yet, and remembers them; false when there was none. */
static bool
look_into_tables(const KeyUse *use, List **known)
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
			holds_encrypted(column->atttypid, use->typmod_in))
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
	KeyUse use = {key_id, version, typmod_in_function()};
	List *known = NIL;

	while (look_into_tables(&use, &known))
		;
}

void
ColumnInit(void)
{
	ClassRegisterUse(check_class_unused);
	KeyRegisterUse(check_key_unused);
}

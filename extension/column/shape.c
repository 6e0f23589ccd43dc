/*
 * shape.c
 *		Where a type has encrypted values: itself, in the elements of an array,
 *		in the fields of a row.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/tupdesc.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#include "base/varlena.h"
#include "column/column.h"
#include "column/shape.h"

struct ColumnShape
{
	enum
	{
		SHAPE_VALUE,
		SHAPE_ARRAY,
		SHAPE_ROW,
	} kind;
	Oid type;
	int32 typmod; /* the class of a value */

	ColumnShape *element; /* of an array */
	int16 element_size;
	bool element_by_value;
	char element_alignment;

	int nfields; /* of a row, dropped ones included */
	ColumnShape **fields;
};

static ColumnShape *
shape_of_row(Oid type)
{
	TupleDesc desc = lookup_rowtype_tupdesc(type, -1);
	ColumnShape *shape = NULL;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute field = TupleDescAttr(desc, i);
		ColumnShape *inner;

		if (field->attisdropped)
			continue;
		inner = ColumnShapeOf(field->atttypid, field->atttypmod);
		if (inner == NULL)
			continue;
		if (shape == NULL)
		{
			shape = palloc0(sizeof(ColumnShape));
			shape->kind = SHAPE_ROW;
			shape->type = type;
			shape->nfields = desc->natts;
			shape->fields = palloc0(mul_size(desc->natts, sizeof(ColumnShape *)));
		}
		shape->fields[i] = inner;
	}
	ReleaseTupleDesc(desc);
	return shape;
}

ColumnShape *
ColumnShapeOf(Oid type, int32 typmod)
{
	ColumnShape *shape;
	ColumnShape *element = NULL;
	Oid element_type;

	check_stack_depth();
	type = getBaseTypeAndTypmod(type, &typmod);
	element_type = get_element_type(type);
	if (OidIsValid(element_type))
	{
		element = ColumnShapeOf(element_type, typmod);
		if (element == NULL)
			return NULL;
	}
	else if (OidIsValid(get_typ_typrelid(type)))
		return shape_of_row(type);
	else if (!ColumnIsEncrypted(type))
		return NULL;

	shape = palloc0(sizeof(ColumnShape));
	shape->kind = element != NULL ? SHAPE_ARRAY : SHAPE_VALUE;
	shape->type = type;
	shape->typmod = typmod;
	shape->element = element;
	if (element != NULL)
		get_typlenbyvalalign(element_type, &shape->element_size, &shape->element_by_value,
							 &shape->element_alignment);
	return shape;
}

ColumnShape **
ColumnShapesOf(Relation relation)
{
	TupleDesc desc = RelationGetDescr(relation);
	ColumnShape **shapes = palloc0(mul_size(desc->natts, sizeof(ColumnShape *)));
	bool any = false;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (!column->attisdropped)
			shapes[i] = ColumnShapeOf(column->atttypid, column->atttypmod);
		any |= shapes[i] != NULL;
	}
	return any ? shapes : NULL;
}

/* Of the whole database, as the catalog has it now. */
static List *
tables_of_database(void)
{
	List *tables = NIL;
	Relation attributes = table_open(AttributeRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(attributes, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_attribute column = (Form_pg_attribute) GETSTRUCT(tuple);

		/* No table of the system's has one. */
		if (column->attisdropped || column->attnum <= 0 || column->attrelid < FirstNormalObjectId ||
			(tables != NIL && llast_oid(tables) == column->attrelid))
			continue;
		if (ColumnShapeOf(column->atttypid, column->atttypmod) != NULL)
			tables = list_append_unique_oid(tables, column->attrelid);
	}
	systable_endscan(scan);
	table_close(attributes, AccessShareLock);
	list_sort(tables, list_oid_cmp);
	return tables;
}

List *
ColumnTables(Oid root)
{
	List *candidates =
		OidIsValid(root) ? find_all_inheritors(root, NoLock, NULL) : tables_of_database();
	List *tables = NIL;
	ListCell *cell;

	foreach (cell, candidates)
	{
		char kind = get_rel_relkind(lfirst_oid(cell));
		Relation relation;

		if (kind != RELKIND_RELATION && kind != RELKIND_MATVIEW && kind != RELKIND_FOREIGN_TABLE)
			continue;
		relation = try_relation_open(lfirst_oid(cell), AccessShareLock);
		if (relation == NULL)
			continue; /* dropped meanwhile */
		if (ColumnShapesOf(relation) != NULL)
			tables = lappend_oid(tables, lfirst_oid(cell));
		relation_close(relation, AccessShareLock);
	}
	return tables;
}

List *
ColumnShapeClasses(const ColumnShape *shape, List *classes)
{
	switch (shape->kind)
	{
		case SHAPE_ARRAY:
			return ColumnShapeClasses(shape->element, classes);
		case SHAPE_ROW:
			for (int i = 0; i < shape->nfields; i++)
			{
				if (shape->fields[i] != NULL)
					classes = ColumnShapeClasses(shape->fields[i], classes);
			}
			return classes;
		default:
			return list_append_unique_int(classes, shape->typmod);
	}
}

bool
ColumnShapeHasClass(const ColumnShape *shape, int32 class_id)
{
	List *classes = ColumnShapeClasses(shape, NIL);
	bool has = list_member_int(classes, class_id);

	list_free(classes);
	return has;
}

static Datum
walk_array(const ColumnShape *shape, Datum value, ColumnVisitor visit, void *argument)
{
	ArrayType *array = DatumGetArrayTypeP(value);
	Oid element_type = ARR_ELEMTYPE(array);
	bool changed = false;
	Datum *items;
	bool *nulls;
	int count;

	deconstruct_array(array, element_type, shape->element_size, shape->element_by_value,
					  shape->element_alignment, &items, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		Datum item = items[i];

		if (nulls[i])
			continue;
		items[i] = ColumnWalk(shape->element, item, visit, argument);
		changed |= items[i] != item;
	}
	if (!changed)
		return value;
	return PointerGetDatum(construct_md_array(items, nulls, ARR_NDIM(array), ARR_DIMS(array),
											  ARR_LBOUND(array), element_type, shape->element_size,
											  shape->element_by_value, shape->element_alignment));
}

static Datum
walk_row(const ColumnShape *shape, Datum value, ColumnVisitor visit, void *argument)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header), .t_data = header};
	TupleDesc desc = lookup_rowtype_tupdesc_copy(shape->type, -1);
	Datum *values = palloc(mul_size(desc->natts, sizeof(Datum)));
	bool *nulls = palloc(mul_size(desc->natts, sizeof(bool)));
	bool changed = false;

	/* The type cannot have changed: the caller has locked a table that has it. */
	if (desc->natts != shape->nfields)
		elog(ERROR, "row type %u has changed", shape->type);
	heap_deform_tuple(&tuple, desc, values, nulls);
	for (int i = 0; i < desc->natts; i++)
	{
		Datum field = values[i];

		if (shape->fields[i] == NULL || nulls[i])
			continue;
		values[i] = ColumnWalk(shape->fields[i], field, visit, argument);
		changed |= values[i] != field;
	}
	return changed ? HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)) : value;
}

Datum
ColumnWalk(const ColumnShape *shape, Datum value, ColumnVisitor visit, void *argument)
{
	switch (shape->kind)
	{
		case SHAPE_ARRAY:
			return walk_array(shape, value, visit, argument);
		case SHAPE_ROW:
			return walk_row(shape, value, visit, argument);
		default:
			return visit(value, argument);
	}
}

void
ColumnScan(Relation relation, ColumnShape **shapes, ColumnReader read, void *argument)
{
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(relation, snapshot, 0, NULL);
	MemoryContext row_context = AllocSetContextCreate(
		CurrentMemoryContext, "tarot_security column scan", ALLOCSET_DEFAULT_SIZES);
	bool more = true;

	while (more && table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		MemoryContext outer_context = MemoryContextSwitchTo(row_context);

		CHECK_FOR_INTERRUPTS();
		for (AttrNumber i = 1; more && i <= RelationGetNumberOfAttributes(relation); i++)
		{
			bool isnull;
			Datum value;

			if (shapes[i - 1] == NULL)
				continue;
			value = slot_getattr(slot, i, &isnull);
			if (!isnull)
				more = read(shapes[i - 1], i, value, argument);
		}
		MemoryContextSwitchTo(outer_context);
		MemoryContextReset(row_context);
	}
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(row_context);
}

bool
ColumnPeek(Datum value, EnvelopeHeader *header)
{
	struct varlena *head = PG_DETOAST_DATUM_SLICE(value, 0, ENVELOPE_MAX_HEADER);

	return envelope_peek(BytesOfVarlena(head), header);
}

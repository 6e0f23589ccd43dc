/*
 * document.c
 *		Rows as JSON documents, written in the form that jsonb has on disk.
 *
 * The names of a table's columns are sorted once, and its values written where
 * they belong: no tree of values, no sorting of each row. That makes of a
 * document little more than a copy of the row. The form is that of
 * utils/jsonb.h, which is on disk and so has not changed since 9.4.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/relation.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "audit/document.h"
#include "audit/value.h"
#include "base/varlena.h"
#include "column/column.h"
#include "crypto/hash.h"
#include "keys/root.h"
#include "label/label.h"
#include "values/datum.h"

/*
 * Larger values are on record by their SHA-256, so that the log does not hold
 * each version of every large file once more. Not for owners of tables to lower.
 */
static int value_limit_kb = 1024;

/* jsonb has room for 2^28 bytes; a row of many large values leaves some for the rest. */
#define DOCUMENT_ROOM (192 * 1024 * 1024)

typedef struct ShapeColumn
{
	int index; /* of the row's values */
	int16 typlen;
	bool typbyval;
	bool in_key;
	bool digest; /* not the value itself is on record */
	bool hidden; /* nor that */
	int name_size;
	const char *name;
	MaskedType *mask; /* NULL: not classified */
	AuditValue *value;
} ShapeColumn;

/* What documents of all rows begin with: the names, and room for the entries of the values. */
typedef struct DocumentHead
{
	char *bytes; /* NULL until one was made */
	AuditObject object;
} DocumentHead;

struct RowShape
{
	MemoryContext context;
	bool has_key;
	bool lasting;
	DocumentHead heads[ROW_CHANGES]; /* of the parts before that */
	int count;
	ShapeColumn columns[FLEXIBLE_ARRAY_MEMBER];
};

/* ---------------------------------------------------------------- the shape */

static bool
is_on_record(const Trigger *trigger, const char *column)
{
	bool named = false;

	for (int i = 1; i < trigger->tgnargs && !named; i++)
		named = strcmp(trigger->tgargs[i], column) == 0;
	if (trigger->tgnargs > 0 && strcmp(trigger->tgargs[0], AUDIT_ONLY) == 0)
		return named;
	return !named;
}

/* As jsonb orders the keys of an object. */
static int
compare_names(const void *left, const void *right)
{
	const ShapeColumn *a = left;
	const ShapeColumn *b = right;

	if (a->name_size != b->name_size)
		return a->name_size < b->name_size ? -1 : 1;
	return memcmp(a->name, b->name, a->name_size);
}

/*
 * Whether values of a type hold rows of tables that have classified columns:
 * what a mask would make of one is said of the column alone. Sets `rows` where
 * they hold rows of any.
 */
static bool
holds_classified(Oid type, bool *rows)
{
	Oid base = getBaseType(type);
	bool holds = false;
	LabelledTable *labels;
	TupleDesc desc;
	Oid inner;
	Oid table;

	check_stack_depth();
	if (likely(base < FirstNormalObjectId))
		return false;
	inner = get_element_type(base);
	if (!OidIsValid(inner))
		inner = get_range_subtype(base);
	if (!OidIsValid(inner))
		inner = get_multirange_range(base);
	if (OidIsValid(inner))
		return holds_classified(inner, rows);
	table = get_typ_typrelid(base);
	if (!OidIsValid(table))
		return false;
	*rows = true;
	labels = LabelFind(table);
	for (int i = 0; labels != NULL && i < labels->natts && !holds; i++)
		holds = labels->classes[i] != CLASS_NONE;
	if (holds)
		return true;
	desc = lookup_rowtype_tupdesc_copy(base, -1);
	for (int i = 0; i < desc->natts && !holds; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		holds = !attribute->attisdropped && holds_classified(attribute->atttypid, rows);
	}
	FreeTupleDesc(desc);
	return holds;
}

/* By a part of the key alone a row is not known: then it counts as none. */
static void
require_whole_key(RowShape *shape, const Bitmapset *key)
{
	int count = 0;

	for (int i = 0; i < shape->count; i++)
		count += shape->columns[i].in_key;
	shape->has_key = count > 0 && count == bms_num_members(key);
	for (int i = 0; i < shape->count; i++)
		shape->columns[i].in_key &= shape->has_key;
}

RowShape *
RowShapeMake(Relation relation, const Trigger *trigger, bool keys)
{
	TupleDesc desc = RelationGetDescr(relation);
	RowShape *shape =
		palloc0(offsetof(RowShape, columns) + mul_size(sizeof(ShapeColumn), desc->natts));
	Bitmapset *key = RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	LabelledTable *labels = LabelFind(RelationGetRelid(relation));

	shape->context = CurrentMemoryContext;
	shape->lasting = true;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		ShapeColumn *column = &shape->columns[shape->count];
		bool rows = false;
		int32 class_id = labels != NULL && i < labels->natts ? labels->classes[i] : CLASS_NONE;

		/* What is computed when it is read is not in the row. */
		if (attribute->attisdropped || attribute->attgenerated == 'v' ||
			!is_on_record(trigger, NameStr(attribute->attname)))
			continue;
		column->index = i;
		column->typlen = attribute->attlen;
		column->typbyval = attribute->attbyval;
		column->in_key = bms_is_member(i + 1 - FirstLowInvalidHeapAttributeNumber, key);
		column->digest = keys && attribute->atttypid == BYTEAOID;
		column->name = pstrdup(NameStr(attribute->attname));
		column->name_size = (int) strlen(column->name);
		if (class_id != CLASS_NONE)
		{
			column->mask = ClassMaskedType(class_id, attribute->atttypid, attribute->atttypmod);
			shape->lasting = false;
		}
		else
		{
			column->hidden = holds_classified(attribute->atttypid, &rows);
			shape->lasting &= !rows;
		}
		column->value = AuditValueOfType(attribute->atttypid);
		shape->count++;
	}
	require_whole_key(shape, key);
	qsort(shape->columns, shape->count, sizeof(ShapeColumn), compare_names);
	bms_free(key);
	return shape;
}

bool
RowShapeHasKey(const RowShape *shape)
{
	return shape->has_key;
}

bool
RowShapeIsLasting(const RowShape *shape)
{
	return shape->lasting;
}

/* ---------------------------------------------------------------- changes */

/* Of large values, nearly always the pointer is the same, or their sizes differ. */
static bool
is_same(const ShapeColumn *column, Datum left, Datum right)
{
	if (column->typlen == -1)
	{
		struct varlena *a = (struct varlena *) DatumGetPointer(left);
		struct varlena *b = (struct varlena *) DatumGetPointer(right);

		if (VARATT_IS_EXTERNAL_ONDISK(a) && VARATT_IS_EXTERNAL_ONDISK(b) &&
			memcmp(a, b, VARSIZE_EXTERNAL(a)) == 0)
			return true;
	}
	return datum_image_eq(left, right, column->typbyval, column->typlen);
}

const bool *
RowShapeCompare(const RowShape *shape, TupleTableSlot *old_row, TupleTableSlot *new_row)
{
	bool *changed = palloc(mul_size(sizeof(bool), Max(shape->count, 1)));
	bool differs = false;

	slot_getallattrs(old_row);
	slot_getallattrs(new_row);
	for (int i = 0; i < shape->count; i++)
	{
		const ShapeColumn *column = &shape->columns[i];
		bool old_null = old_row->tts_isnull[column->index];
		bool new_null = new_row->tts_isnull[column->index];

		changed[i] = old_null != new_null ||
					 (!old_null && !is_same(column, old_row->tts_values[column->index],
											new_row->tts_values[column->index]));
		differs |= changed[i];
	}
	return differs ? changed : NULL;
}

/* ---------------------------------------------------------------- the document */

static inline bool
is_part(const RowShape *shape, int i, RowPart part, const bool *changed)
{
	return part == ROW_ALL || (part == ROW_KEY ? shape->columns[i].in_key : changed[i]);
}

/* {"bytes": 123, "sha256": "..."} */
static uint32
put_digest(StringInfo out, Bytes value)
{
	uint8_t digest[HASH_SIZE];
	char hex[2 * HASH_SIZE + 1];
	AuditObject object;

	CryptoCheck(hash_sha256(value, digest));
	hex_encode((const char *) digest, HASH_SIZE, hex);
	AuditAlign(out);
	AuditObjectBegin(&object, out, 2);
	AuditObjectName(&object, "bytes", 5);
	AuditObjectName(&object, "sha256", 6);
	AuditObjectValue(&object, AuditPutInteger(out, (int64) value.len));
	appendBinaryStringInfo(out, hex, 2 * HASH_SIZE);
	AuditObjectValue(&object, JENTRY_ISSTRING);
	return JENTRY_ISCONTAINER;
}

/* The column's value; returns the type of its entry. */
static uint32
put_column(StringInfo out, const ShapeColumn *column, Datum value)
{
	size_t limit = (size_t) value_limit_kb * 1024;
	int start = out->len;
	uint32 type;

	if (unlikely(column->hidden))
		return JENTRY_ISNULL;
	if (column->mask != NULL && !ClassMaskDatum(column->mask, value, &value))
		return JENTRY_ISNULL;
	if (unlikely(column->digest))
		return put_digest(out, BytesOfVarlena(DatumGetByteaPP(value)));
	if (column->typlen == -1)
	{
		struct varlena *stored = (struct varlena *) DatumGetPointer(value);

		/* Most are small, and lie in the row. */
		if (unlikely(VARATT_IS_EXTENDED(stored) || VARSIZE_ANY(stored) > limit) ||
			out->len > DOCUMENT_ROOM / 2)
		{
			size_t size = toast_raw_datum_size(value) - VARHDRSZ;

			stored = pg_detoast_datum_packed(stored);
			if (size > limit || size > (size_t) Max(DOCUMENT_ROOM - out->len, 0) / 4)
				return put_digest(out, BytesOfVarlena(stored));
			value = PointerGetDatum(stored);
		}
	}
	type = AuditPutValue(out, column->value, value);

	/* As text a small value can be huge: numeric[], or a composite type of others. */
	if (unlikely(out->len > DOCUMENT_ROOM) && column->typlen == -1)
	{
		out->len = start;
		return put_digest(out, BytesOfVarlena(pg_detoast_datum_packed(
								   (struct varlena *) DatumGetPointer(value))));
	}
	return type;
}

static void
put_names(StringInfo out, AuditObject *object, const RowShape *shape, RowPart part,
		  const bool *changed)
{
	int count = 0;

	for (int i = 0; i < shape->count; i++)
		count += is_part(shape, i, part, changed);
	appendStringInfoSpaces(out, VARHDRSZ);
	AuditObjectBegin(object, out, count);
	for (int i = 0; i < shape->count; i++)
	{
		const ShapeColumn *column = &shape->columns[i];

		if (is_part(shape, i, part, changed))
			AuditObjectName(object, column->name, column->name_size);
	}
}

/* The same, copied from the row before where the columns are always the same. */
static void
put_head(StringInfo out, AuditObject *object, RowShape *shape, RowPart part, const bool *changed)
{
	DocumentHead *head = &shape->heads[part];

	if (part == ROW_CHANGES)
		put_names(out, object, shape, part, changed);
	else if (unlikely(head->bytes == NULL))
	{
		put_names(out, object, shape, part, changed);
		head->bytes = MemoryContextAlloc(shape->context, out->len);
		memcpy(head->bytes, out->data, out->len);
		head->object = *object;
	}
	else
	{
		appendBinaryStringInfo(out, head->bytes, head->object.end);
		*object = head->object;
		object->out = out;
	}
}

Jsonb *
RowDocument(RowShape *shape, RowPart part, const bool *changed, TupleTableSlot *row)
{
	StringInfoData out;
	AuditObject object;

	slot_getallattrs(row);
	initStringInfo(&out);
	put_head(&out, &object, shape, part, changed);
	for (int i = 0; i < shape->count; i++)
	{
		const ShapeColumn *column = &shape->columns[i];

		if (!is_part(shape, i, part, changed))
			continue;
		AuditObjectValue(&object, row->tts_isnull[column->index]
									  ? JENTRY_ISNULL
									  : put_column(&out, column, row->tts_values[column->index]));
	}
	SET_VARSIZE(out.data, out.len);
	return (Jsonb *) out.data;
}

void
DocumentInit(void)
{
	DefineCustomIntVariable(
		"tarot_security.audit_value_limit",
		"The largest value that the audit log holds; a larger one is there by its SHA-256.", NULL,
		&value_limit_kb, 1024, 1, 32 * 1024, PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
}

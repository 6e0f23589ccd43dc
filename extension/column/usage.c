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
#include "access/nbtree.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "class/class.h"
#include "class/search.h"
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
	const char *class_name;
	const char *purpose;
} ClassUse;

static void
refuse_class_column(Form_pg_attribute column, int32 typmod, void *argument)
{
	const ClassUse *use = argument;

	if (typmod == use->class_id)
		ereport(ERROR, (errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
						errmsg("cannot %s data class \"%s\" because columns are declared with it",
							   use->purpose, use->class_name),
						errdetail("Column \"%s\" of relation \"%s\" is one of them.",
								  NameStr(column->attname), get_rel_name(column->attrelid)),
						errhint("Change the type of the columns first, or drop them.")));
}

static void
check_class_unused(int32 class_id, const char *class_name, const char *purpose)
{
	ClassUse use = {class_id, class_name, purpose};
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
	Relation index;
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

/* Whether it has no tag of the search key that counts: then it has to be opened to be compared. */
static bool
lacks_tag(const EnvelopeHeader *header)
{
	int32 class_id = (int32) header->class_id;
	const DataClass *data_class = CLASS_IS_NAMED(class_id) ? ClassFind(class_id) : NULL;

	if (data_class == NULL || !data_class->exists || data_class->search.spec.generation == 0)
		return header->search_tag == NULL;
	return SearchTagOfHeader(header, data_class->search.spec.generation) == NULL;
}

/* Raises for such an entry: an index goes on comparing what no row has any more. */
static Datum
refuse_untagged_entry(Datum value, void *argument)
{
	const KeyUse *use = argument;
	EnvelopeHeader header;

	if (ColumnPeek(value, &header) && header.key_id == use->key_id &&
		header.key_version == use->version && lacks_tag(&header))
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot destroy version %u of key \"%s\" because an index holds values "
						"sealed by it",
						use->version, KeyRingName(use->key_id)),
				 errdetail("Index \"%s\" has at least one without a search tag, of rows that are "
						   "gone.",
						   RelationGetRelationName(use->index)),
				 errhint("REINDEX INDEX %s, when no older transaction can see those rows.",
						 quote_qualified_identifier(
							 get_namespace_name(RelationGetNamespace(use->index)),
							 RelationGetRelationName(use->index)))));
	return value;
}

static void
refuse_entries_of_page(Page page, KeyUse *use, ColumnShape **shapes)
{
	TupleDesc desc = RelationGetDescr(use->index);

	if (PageIsNew(page) || P_IGNORE(BTPageGetOpaque(page)))
		return;
	for (OffsetNumber i = FirstOffsetNumber; i <= PageGetMaxOffsetNumber(page); i++)
	{
		IndexTuple tuple = (IndexTuple) PageGetItem(page, PageGetItemId(page, i));
		int count = BTreeTupleGetNAtts(tuple, use->index);

		for (int column = 0; column < count; column++)
		{
			bool isnull;
			Datum value = index_getattr(tuple, column + 1, desc, &isnull);

			if (!isnull && shapes[column] != NULL)
				ColumnWalk(shapes[column], value, refuse_untagged_entry, use);
		}
	}
}

/* Of the kinds of index that there can be, a hash index keeps no values. */
static void
refuse_index(Oid oid, KeyUse *use)
{
	Relation index = index_open(oid, AccessShareLock);
	TupleDesc desc = RelationGetDescr(index);
	ColumnShape **shapes = palloc0(desc->natts * sizeof(ColumnShape *));
	BlockNumber blocks =
		index->rd_rel->relam == BTREE_AM_OID ? RelationGetNumberOfBlocks(index) : 0;
	BufferAccessStrategy strategy = GetAccessStrategy(BAS_BULKREAD);
	PGAlignedBlock page;
	MemoryContext page_context;
	bool any = false;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		shapes[i] = ColumnShapeOf(column->atttypid, column->atttypmod);
		any = any || shapes[i] != NULL;
	}
	use->index = index;
	page_context = AllocSetContextCreate(CurrentMemoryContext, "tarot_security index entries",
										 ALLOCSET_DEFAULT_SIZES);
	for (BlockNumber block = BTREE_METAPAGE + 1; any && block < blocks; block++)
	{
		Buffer buffer = ReadBufferExtended(index, MAIN_FORKNUM, block, RBM_NORMAL, strategy);
		MemoryContext outer_context;

		CHECK_FOR_INTERRUPTS();
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		memcpy(page.data, BufferGetPage(buffer), BLCKSZ);
		UnlockReleaseBuffer(buffer);
		outer_context = MemoryContextSwitchTo(page_context);
		refuse_entries_of_page((Page) page.data, use, shapes);
		MemoryContextSwitchTo(outer_context);
		MemoryContextReset(page_context);
	}
	MemoryContextDelete(page_context);
	FreeAccessStrategy(strategy);
	pfree(shapes);
	index_close(index, AccessShareLock);
}

static void
refuse_key_column(Oid table, int number, KeyUse *use)
{
	Relation relation;
	Form_pg_attribute column;
	ColumnShape *shape = NULL;
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
		if (!isnull)
			ColumnWalk(shape, datum, refuse_value, use);
		MemoryContextSwitchTo(outer_context);
		MemoryContextReset(row_context);
	}
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(row_context);
	table_close(relation, NoLock);
}

/* Of a table that is locked. */
static void
refuse_indexes(Oid table, KeyUse *use)
{
	Relation relation = try_table_open(table, NoLock);
	List *indexes = relation != NULL ? RelationGetIndexList(relation) : NIL;
	ListCell *cell;

	foreach (cell, indexes)
		refuse_index(lfirst_oid(cell), use);
	list_free(indexes);
	if (relation != NULL)
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
			if (!list_member_oid(*known, column->attrelid))
				refuse_indexes(column->attrelid, use);
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

void
ColumnInit(void)
{
	ColumnLookupInit();
	EncryptedTypesInit();
	ClassRegisterUse(check_class_unused);
	LabelRegisterClassedTypes(ColumnIsEncrypted);
	KeyRegisterUse(check_key_unused);
}

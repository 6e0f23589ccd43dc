/*
 * destroyed.c
 *		The indexes that the end of a key version puts in disorder.
 *
 * An index goes on comparing what no row has any more: its dead entries, and
 * the bounds of its pages. Values are compared by the tag that counts, which
 * outlives the version that sealed them. But where a class became searchable
 * later, or an index was made for another search key while an older transaction
 * could see dead rows, entries lack that tag and are opened. When nobody can
 * open them any more they are values of their own (search/site.c), with another
 * place in the order: so their indexes are made anew.
 *
 * This belongs to the row that says that the version is destroyed: a trigger
 * does it in the same transaction, also where that row comes from a publisher.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "column/shape.h"
#include "gate/search.h"
#include "reseal/reseal.h"

/* ---------------------------------------------------------------- values */

typedef struct Search
{
	uint32 key_id;
	uint32 version;
	bool found;
} Search;

/* Whether it has no tag of the search key that counts. */
static bool
lacks_tag(const EnvelopeHeader *header)
{
	int32 class_id = (int32) header->class_id;
	const DataClass *data_class = CLASS_IS_NAMED(class_id) ? ClassFind(class_id) : NULL;

	if (data_class == NULL || !data_class->exists || data_class->search.spec.generation == 0)
		return header->search_tag == NULL;
	return SearchTagOfHeader(header, data_class->search.spec.generation) == NULL;
}

static Datum
look_at_value(Datum value, void *argument)
{
	Search *search = argument;
	EnvelopeHeader header;

	if (!search->found && ColumnPeek(value, &header) && header.key_id == search->key_id &&
		header.key_version == search->version && lacks_tag(&header))
		search->found = true;
	return value;
}

/* ---------------------------------------------------------------- indexes */

/* By the keys of an index, what encrypted values each has; NULL if none has any. */
static ColumnShape **
shapes_of_keys(Relation table, Relation index)
{
	int count = IndexRelationGetNumberOfKeyAttributes(index);
	ColumnShape **shapes = palloc0(mul_size(count, sizeof(ColumnShape *)));
	ListCell *expression = list_head(RelationGetIndexExpressions(index));
	bool any = false;

	for (int i = 0; i < count; i++)
	{
		AttrNumber column = index->rd_index->indkey.values[i];

		if (column > 0)
		{
			Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(table), column - 1);

			shapes[i] = ColumnShapeOf(attribute->atttypid, attribute->atttypmod);
		}
		else if (column == 0)
		{
			Node *node = lfirst(expression);

			expression = lnext(RelationGetIndexExpressions(index), expression);
			shapes[i] = ColumnShapeOf(exprType(node), exprTypmod(node));
		}
		any = any || shapes[i] != NULL;
	}
	return any ? shapes : NULL;
}

static void
look_at_page(Page page, Relation index, ColumnShape **shapes, Search *search)
{
	if (PageIsNew(page) || P_IGNORE(BTPageGetOpaque(page)))
		return;
	for (OffsetNumber i = FirstOffsetNumber; i <= PageGetMaxOffsetNumber(page); i++)
	{
		IndexTuple tuple = (IndexTuple) PageGetItem(page, PageGetItemId(page, i));
		int count =
			Min(BTreeTupleGetNAtts(tuple, index), IndexRelationGetNumberOfKeyAttributes(index));

		for (int key = 0; key < count; key++)
		{
			bool isnull;
			Datum value = index_getattr(tuple, key + 1, RelationGetDescr(index), &isnull);

			if (!isnull && shapes[key] != NULL)
				ColumnWalk(shapes[key], value, look_at_value, search);
		}
	}
}

static void
look_at_tree(Relation index, ColumnShape **shapes, Search *search)
{
	BlockNumber blocks = RelationGetNumberOfBlocks(index);
	BufferAccessStrategy strategy = GetAccessStrategy(BAS_BULKREAD);
	MemoryContext page_context = AllocSetContextCreate(
		CurrentMemoryContext, "tarot_security index entries", ALLOCSET_DEFAULT_SIZES);
	PGAlignedBlock page;

	for (BlockNumber block = BTREE_METAPAGE + 1; !search->found && block < blocks; block++)
	{
		Buffer buffer = ReadBufferExtended(index, MAIN_FORKNUM, block, RBM_NORMAL, strategy);
		MemoryContext outer_context;

		CHECK_FOR_INTERRUPTS();
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		memcpy(page.data, BufferGetPage(buffer), BLCKSZ);
		UnlockReleaseBuffer(buffer);
		outer_context = MemoryContextSwitchTo(page_context);
		look_at_page((Page) page.data, index, shapes, search);
		MemoryContextSwitchTo(outer_context);
		MemoryContextReset(page_context);
	}
	MemoryContextDelete(page_context);
	FreeAccessStrategy(strategy);
}

static bool
look_at_values(const ColumnShape *shape, AttrNumber column, Datum value, void *argument)
{
	Search *search = argument;

	(void) column;
	ColumnWalk(shape, value, look_at_value, search);
	return !search->found;
}

/* A hash index keeps no values, so its rows tell; a dead one's place does not matter. */
static void
look_at_rows(Relation table, Relation index, ColumnShape *shape, Search *search)
{
	ColumnShape **shapes =
		palloc0(mul_size(RelationGetNumberOfAttributes(table), sizeof(ColumnShape *)));

	shapes[index->rd_index->indkey.values[0] - 1] = shape;
	ColumnScan(table, shapes, look_at_values, search);
}

/* Whether it has to be made anew. */
static bool
has_entries(Relation table, Relation index, const Search *of)
{
	ColumnShape **shapes = shapes_of_keys(table, index);
	Search search = *of;

	/* One that is not kept up to date, after an interrupted CREATE INDEX CONCURRENTLY. */
	if (shapes == NULL || !index->rd_index->indisready)
		return false;
	if (index->rd_rel->relam == BTREE_AM_OID)
		look_at_tree(index, shapes, &search);
	else if (index->rd_rel->relam == HASH_AM_OID && index->rd_index->indkey.values[0] != 0)
		look_at_rows(table, index, shapes[0], &search);
	else
		search.found = true; /* nobody here can read it */
	return search.found;
}

/* Those that compare encrypted values, or only such that need it. */
static List *
indexes_of(Relation table, const Search *search)
{
	List *indexes = NIL;
	ListCell *cell;

	foreach (cell, RelationGetIndexList(table))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		if (search == NULL ? shapes_of_keys(table, index) != NULL
						   : has_entries(table, index, search))
			indexes = lappend_oid(indexes, lfirst_oid(cell));
		index_close(index, AccessShareLock);
	}
	return indexes;
}

static void
rebuild_indexes_of(Oid oid, const Search *search)
{
	Relation table = try_relation_open(oid, AccessShareLock);
	bool concerned;
	ListCell *cell;

	if (table == NULL)
		return; /* dropped meanwhile */
	concerned = table->rd_rel->relkind != RELKIND_FOREIGN_TABLE && indexes_of(table, NULL) != NIL;
	if (concerned && RELATION_IS_OTHER_TEMP(table))
	{
		ereport(WARNING, (errmsg("indexes of temporary table \"%s\" of another session may be of "
								 "no use any more",
								 RelationGetRelationName(table)),
						  errdetail("Nobody else can look into them.")));
		concerned = false;
	}
	relation_close(table, AccessShareLock);
	if (!concerned)
		return;

	/* Until the end of the transaction: nobody adds an entry by the order that was. */
	table = try_relation_open(oid, ShareLock);
	if (table == NULL)
		return;
	foreach (cell, indexes_of(table, search))
		ResealRebuildIndex(lfirst_oid(cell), table->rd_rel->relpersistence);
	relation_close(table, NoLock);
}

static uint32
number_of(HeapTuple tuple, TupleDesc desc, const char *column)
{
	bool isnull;

	return (uint32) DatumGetInt32(SPI_getbinval(tuple, desc, SPI_fnumber(desc, column), &isnull));
}

/*
 * tarot.rebuild_indexes_of_version() RETURNS trigger
 *
 * When a row of tarot.key_version becomes destroyed. The lists of tables and
 * their order are those of tarot.destroy_key(), which holds these locks already.
 */
PG_FUNCTION_INFO_V1(tarot_reseal_rebuild_indexes_of_version);
Datum
tarot_reseal_rebuild_indexes_of_version(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Search search = {0};
	TupleDesc desc;
	ListCell *cell;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("tarot.rebuild_indexes_of_version() is a row trigger for UPDATE")));
	desc = RelationGetDescr(trigger->tg_relation);
	search.key_id = number_of(trigger->tg_newtuple, desc, "key_id");
	search.version = number_of(trigger->tg_newtuple, desc, "version");

	/* From here on this session, too, compares as if the version were gone. */
	CommandCounterIncrement();
	foreach (cell, ColumnTables(InvalidOid))
		rebuild_indexes_of(lfirst_oid(cell), &search);
	return PointerGetDatum(NULL);
}

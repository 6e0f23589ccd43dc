/*
 * wipe.c
 *		Overwriting what removed rows leave in the free space of a table.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/xloginsert.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "convert/conversion.h"

/* True if there was anything in the hole between the line pointers and the rows. */
static bool
wipe_page(Relation relation, BlockNumber block)
{
	Buffer buffer = ReadBuffer(relation, block);
	Page page = BufferGetPage(buffer);
	PageHeader header = (PageHeader) page;
	bool dirty = false;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	if (!PageIsNew(page))
	{
		for (int i = header->pd_lower; i < header->pd_upper && !dirty; i++)
			dirty = page[i] != 0;
	}
	if (dirty)
	{
		START_CRIT_SECTION();
		memset(page + header->pd_lower, 0, header->pd_upper - header->pd_lower);
		MarkBufferDirty(buffer);

		/* An image of the page, in which the hole is zeros: standbys have it too. */
		if (RelationNeedsWAL(relation))
			log_newpage_buffer(buffer, true);
		END_CRIT_SECTION();
	}
	UnlockReleaseBuffer(buffer);
	return dirty;
}

static int64
wipe_relation(Relation relation)
{
	int64 pages = 0;

	BlockNumber blocks = RelationGetNumberOfBlocks(relation);

	for (BlockNumber block = 0; block < blocks; block++)
	{
		CHECK_FOR_INTERRUPTS();
		if (wipe_page(relation, block))
			pages++;
	}
	return pages;
}

/*
 * tarot.wipe_free_space(target regclass) RETURNS bigint
 *
 * VACUUM removes dead rows by forgetting where they are; their bytes stay in
 * the page until it needs the space.
 */
PG_FUNCTION_INFO_V1(tarot_convert_wipe_free_space);
Datum
tarot_convert_wipe_free_space(PG_FUNCTION_ARGS)
{
	int64 pages = 0;
	ListCell *cell;

	PreventCommandDuringRecovery("tarot.wipe_free_space()");
	ConversionRequireOwner(PG_GETARG_OID(0));
	foreach (cell, find_all_inheritors(PG_GETARG_OID(0), NoLock, NULL))
	{
		Relation relation = try_relation_open(lfirst_oid(cell), RowExclusiveLock);

		if (relation == NULL)
			continue;
		ConversionRequireOwner(lfirst_oid(cell));
		if ((relation->rd_rel->relkind == RELKIND_RELATION ||
			 relation->rd_rel->relkind == RELKIND_MATVIEW) &&
			relation->rd_rel->relam == HEAP_TABLE_AM_OID && !RELATION_IS_OTHER_TEMP(relation))
		{
			pages += wipe_relation(relation);
			if (OidIsValid(relation->rd_rel->reltoastrelid))
			{
				Relation toast = table_open(relation->rd_rel->reltoastrelid, RowExclusiveLock);

				pages += wipe_relation(toast);
				table_close(toast, NoLock);
			}
		}
		relation_close(relation, NoLock);
	}
	PG_RETURN_INT64(pages);
}

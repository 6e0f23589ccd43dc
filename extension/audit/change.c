/*
 * change.c
 *		The trigger that puts changes of rows on record.
 *
 * It is fired for each row. That costs no more than to read what statement
 * triggers keep in transition tables, and tells more: the table that the row is
 * in, which may be a partition or a child; old and new row of each UPDATE; the
 * number of the statement, which stands in the row. It is fired where logical
 * replication writes, which knows no statements, and a partition that comes later
 * gets it by itself.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "utils/memutils.h"

#include "audit/audit.h"
#include "audit/change.h"
#include "audit/document.h"
#include "audit/site.h"
#include "trail/entry.h"

/* Of rows of one table, changed by one statement; in fn_extra. */
typedef struct ChangeSite
{
	RowShape *shape;
	Datum name;
	EntryWriter *writer;
} ChangeSite;

static ChangeSite *
find_site(FunctionCallInfo fcinfo, const TriggerData *trigger, bool keys)
{
	ChangeSite *site = fcinfo->flinfo->fn_extra;
	MemoryContext outer;

	if (likely(site != NULL && EntryWriterHolds(site->writer)))
		return site;
	outer = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	if (site == NULL)
	{
		const AuditSite *known = AuditSiteOf(trigger->tg_relation, trigger->tg_trigger, keys);

		site = palloc(sizeof(ChangeSite));
		site->shape = known->shape;
		site->name = known->name;
	}
	else
	{
		/* Another trigger has changed who it is. */
		fcinfo->flinfo->fn_extra = NULL;
		EntryWriterFree(site->writer);
	}
	site->writer = EntryWriterMake(RelationGetRelid(trigger->tg_relation), site->name);
	MemoryContextSwitchTo(outer);
	fcinfo->flinfo->fn_extra = site;
	return site;
}

/*
 * The command that made this row, or that made it go: which statement it was, of
 * those of the transaction. Rows that another command has changed since tell both.
 */
static CommandId
command_of(const TriggerData *trigger, HeapTuple row, bool gone)
{
	HeapTupleHeader header = row->t_data;

	if (trigger->tg_relation->rd_tableam != GetHeapamTableAmRoutine())
		return GetCurrentCommandId(false);
	if ((header->t_infomask & HEAP_COMBOCID) == 0)
		return HeapTupleHeaderGetRawCommandId(header);
	return gone ? HeapTupleHeaderGetCmax(header) : HeapTupleHeaderGetCmin(header);
}

/* In the memory context of triggers, which is reset before the next one. */
static void
record_change(ChangeSite *site, const TriggerData *trigger)
{
	RowShape *shape = site->shape;
	TupleTableSlot *old_row = trigger->tg_trigslot;
	AuditEntry entry = {0};

	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
	{
		entry.operation = AUDIT_INSERT;
		entry.command = command_of(trigger, trigger->tg_trigtuple, false);
		entry.new_row = RowDocument(shape, ROW_ALL, NULL, old_row);
	}
	else if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
	{
		entry.operation = AUDIT_DELETE;
		entry.command = command_of(trigger, trigger->tg_trigtuple, true);
		entry.old_row = RowDocument(shape, ROW_ALL, NULL, old_row);
	}
	else
	{
		const bool *changed = RowShapeCompare(shape, old_row, trigger->tg_newslot);

		if (changed == NULL)
			return;
		entry.operation = AUDIT_UPDATE;
		entry.command = command_of(trigger, trigger->tg_newtuple, false);

		/* Without a key nothing but the row itself tells which it was. */
		entry.old_row =
			RowDocument(shape, RowShapeHasKey(shape) ? ROW_CHANGES : ROW_ALL, changed, old_row);
		entry.new_row = RowDocument(shape, ROW_CHANGES, changed, trigger->tg_newslot);
	}
	if (RowShapeHasKey(shape))
		entry.key = RowDocument(shape, ROW_KEY, NULL, old_row);
	EntryWrite(site->writer, &entry);
}

static void
record_truncate(Relation relation)
{
	AuditEntry entry = {.operation = AUDIT_TRUNCATE, .command = GetCurrentCommandId(false)};

	EntryWrite(EntryWriterMake(RelationGetRelid(relation), EntryTableName(relation)), &entry);
}

void
ChangeRecord(FunctionCallInfo fcinfo, bool keys)
{
	const TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		record_change(find_site(fcinfo, trigger, keys), trigger);
	else if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		record_truncate(trigger->tg_relation);
}

/*
 * tarot.audit_change() RETURNS trigger
 */
PG_FUNCTION_INFO_V1(tarot_audit_change);
Datum
tarot_audit_change(PG_FUNCTION_ARGS)
{
	const TriggerData *trigger = (TriggerData *) fcinfo->context;
	bool for_row;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("tarot.audit_change() is a trigger function")));
	for_row = TRIGGER_FIRED_FOR_ROW(trigger->tg_event);
	if (!TRIGGER_FIRED_AFTER(trigger->tg_event) || trigger->tg_trigger->tgdeferrable ||
		for_row == TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("tarot.audit_change() is fired after each row, or after TRUNCATE"),
						errhint("Call tarot.audit_table().")));
	ChangeRecord(fcinfo, false);
	return PointerGetDatum(NULL);
}

void
AuditInit(void)
{
	DocumentInit();
	SiteInit();
}

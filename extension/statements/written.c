/*
 * written.c
 *		Rows that queries write where statements should: on record.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/catalog.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "parser/parsetree.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "audit/table.h"
#include "base/catalog.h"
#include "statements/kind.h"
#include "statements/object.h"
#include "statements/protect.h"
#include "statements/written.h"
#include "trail/entry.h"

static const char *
command_of(const QueryDesc *query)
{
	switch (query->operation)
	{
		case CMD_INSERT:
			return "INSERT";
		case CMD_UPDATE:
			return "UPDATE";
		case CMD_DELETE:
			return "DELETE";
		case CMD_MERGE:
			return "MERGE";
		default:
			return "SELECT";
	}
}

static void
write_row_entry(const QueryDesc *query, Oid relation)
{
	AuditEntry entry = {.operation = AUDIT_STATEMENT, .command = GetCurrentCommandId(false)};
	StatementObject *object = palloc0(sizeof(StatementObject));
	char *document;

	object->catalog = RelationRelationId;
	object->object = relation;
	ObjectName(object);
	document = psprintf(
		"{\"command\":\"%s\",\"type\":\"table\",\"action\":\"use\",\"rows\":" UINT64_FORMAT "}",
		command_of(query), query->estate->es_processed);
	entry.new_row = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(document)));
	EntryWrite(EntryWriterMakeFor(relation, object->identity), &entry);
}

/* A partition that is written to by way of a table above it is that table's. */
static Oid
target_of(const QueryDesc *query, Oid relation)
{
	List *tables = get_rel_relispartition(relation) ? get_partition_ancestors(relation) : NIL;
	Oid target = relation;
	ListCell *table;

	foreach (table, tables)
	{
		ListCell *cell;

		foreach (cell, query->plannedstmt->rtable)
		{
			const RangeTblEntry *entry = lfirst(cell);

			if (entry->rtekind == RTE_RELATION && entry->relid == lfirst_oid(table))
				target = entry->relid;
		}
	}
	return target;
}

/* As nearly all are; it asks no catalog. */
static inline bool
is_of_users(const QueryDesc *query, int index)
{
	Relation relation = query->estate->es_relations[index - 1];

	return relation != NULL && RelationGetRelid(relation) >= FirstNormalObjectId &&
		   RelationGetNamespace(relation) != CatalogSchema();
}

void
AuditFinishRows(QueryDesc *query)
{
	List *targets = NIL;
	ListCell *cell;

	if (likely(query->plannedstmt->resultRelations == NIL))
		return;
	foreach (cell, query->plannedstmt->resultRelations)
	{
		Oid relation;

		if (likely(is_of_users(query, lfirst_int(cell))))
			continue;
		relation = rt_fetch(lfirst_int(cell), query->plannedstmt->rtable)->relid;
		if (likely(relation >= FirstNormalObjectId ? !ProtectIsWritten(relation)
												   : !IsCatalogRelationOid(relation)))
			continue;
		targets = list_append_unique_oid(targets, target_of(query, relation));
	}
	if (likely(targets == NIL) || RecoveryInProgress() || !AuditExists() || KindIsOfNobody() ||
		creating_extension)
		return;
	foreach (cell, targets)
	{
		write_row_entry(query, lfirst_oid(cell));
	}
}

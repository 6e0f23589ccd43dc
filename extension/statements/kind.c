/*
 * kind.c
 *		Which kinds of statements are on record, and changes of policy tables.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "audit/change.h"
#include "base/catalog.h"
#include "statements/kind.h"

/* As tarot.audited_statement has them. */
static const char *const kind_names[KIND_NONE] = {"ddl", "grant", "role", "copy", "policy"};

typedef struct KindState
{
	bool on_record;
	bool with_text;
} KindState;

static KindState kinds[KIND_NONE];
static uint64 table_epoch = 1;
static uint64 kinds_epoch; /* that of `kinds` */

/* ---------------------------------------------------------------- the kinds that are asked for */

static void
read_kind(HeapTuple tuple, TupleDesc desc, KindState *states)
{
	bool isnull;
	char *name = TextDatumGetCString(heap_getattr(tuple, 1, desc, &isnull));

	for (int i = 0; i < KIND_NONE; i++)
	{
		if (strcmp(name, kind_names[i]) != 0)
			continue;
		states[i].on_record = true;
		states[i].with_text = DatumGetBool(heap_getattr(tuple, 2, desc, &isnull));
	}
	pfree(name);
}

static void
read_kinds(void)
{
	Relation table = CatalogOpenFor("audited_statement", AccessShareLock, &table_epoch);
	uint64 epoch = table_epoch;
	KindState states[KIND_NONE] = {0};
	SysScanDesc scan;
	HeapTuple tuple;

	scan = CatalogScan(table, "audited_statement_pkey", 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		read_kind(tuple, RelationGetDescr(table), states);
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	memcpy(kinds, states, sizeof(kinds));
	kinds_epoch = epoch;
}

static const KindState *
state_of(StatementKind kind)
{
	static const KindState none = {0};

	if (kind == KIND_NONE)
		return &none;
	if (kinds_epoch != table_epoch)
		read_kinds();
	return &kinds[kind];
}

bool
KindIsOnRecord(StatementKind kind)
{
	return state_of(kind)->on_record;
}

bool
KindHasText(StatementKind kind)
{
	return state_of(kind)->with_text;
}

StatementKind
KindOfStatement(Node *node)
{
	switch (nodeTag(node))
	{
		case T_GrantStmt:
		case T_AlterDefaultPrivilegesStmt:
			return KIND_GRANT;
		case T_CreateRoleStmt:
		case T_AlterRoleStmt:
		case T_AlterRoleSetStmt:
		case T_DropRoleStmt:
		case T_GrantRoleStmt:
		case T_DropOwnedStmt:
		case T_ReassignOwnedStmt:
			return KIND_ROLE;
		case T_CopyStmt:
			return KIND_COPY;
		case T_PrepareStmt:
		case T_ExecuteStmt:
			/* What they run is a statement by itself. */
			return KIND_NONE;
		default:
			return GetCommandLogLevel(node) == LOGSTMT_DDL ? KIND_DDL : KIND_NONE;
	}
}

bool
KindIsOfNobody(void)
{
	return IsBinaryUpgrade || (creating_extension &&
							   CurrentExtensionObject == get_extension_oid("tarot_security", true));
}

/* ---------------------------------------------------------------- policy tables */

/* What is audited is always on record. */
static bool
is_of_audit(Relation table)
{
	return strncmp(RelationGetRelationName(table), "audited_", strlen("audited_")) == 0;
}

static void
on_policy_change(FunctionCallInfo fcinfo)
{
	const TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (KindIsOfNobody() || (!is_of_audit(trigger->tg_relation) && !KindIsOnRecord(KIND_POLICY)))
		return;
	ChangeRecord(fcinfo, true);
}

void
KindInit(void)
{
	CatalogChanged = on_policy_change;
}

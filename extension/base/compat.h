/*
 * compat.h
 *		What differs between the supported major versions of PostgreSQL; the
 *		only file that asks for the version. Wrappers have the newest shape.
 */
#ifndef TAROT_BASE_COMPAT_H
#define TAROT_BASE_COMPAT_H

#include "access/htup_details.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/pg_auth_members.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_proc.h"
#include "commands/vacuum.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
#include "parser/parse_relation.h"
#include "rewrite/rewriteHandler.h"
#include "postmaster/autovacuum.h"
#include "storage/proc.h"
#include "tcop/pquery.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/rel.h"

#if PG_VERSION_NUM < 150000
#error "tarot_security needs PostgreSQL 15 or later"
#endif

/* 18 lets a library tell its name and version. */
#ifdef PG_MODULE_MAGIC_EXT
#define TAROT_MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "tarot_security", .version = TAROT_VERSION)
#else
#define TAROT_MODULE_MAGIC PG_MODULE_MAGIC
#endif

/* Before 18, an attribute that stood in another place. */
#ifndef pg_noreturn
#define pg_noreturn __attribute__((noreturn))
#endif

/*
 * Whether a member uses the privileges of a role without SET ROLE: a property
 * of the grant since 16, of the member before.
 */
static inline bool
compat_membership_inherits(HeapTuple membership, bool member_inherits)
{
#if PG_VERSION_NUM >= 160000
	(void) member_inherits;
	return ((Form_pg_auth_members) GETSTRUCT(membership))->inherit_option;
#else
	(void) membership;
	return member_inherits;
#endif
}

/* The number of this backend's transaction; InvalidLocalTransactionId outside of one. */
static inline LocalTransactionId
compat_local_transaction_id(void)
{
	if (MyProc == NULL)
		return InvalidLocalTransactionId;
#if PG_VERSION_NUM >= 170000
	return MyProc->vxid.lxid;
#else
	return MyProc->lxid;
#endif
}

/* One function for all kinds of objects since 16. */
static inline bool
compat_owns_relation(Oid relation, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, relation, role);
#else
	return pg_class_ownercheck(relation, role);
#endif
}

static inline bool
compat_owns_database(Oid database, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(DatabaseRelationId, database, role);
#else
	return pg_database_ownercheck(database, role);
#endif
}

static inline bool
compat_may_execute(Oid function, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE) == ACLCHECK_OK;
#else
	return pg_proc_aclcheck(function, role, ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

/* The options of GRANT of a role: a list of them since 16. */
static inline List *
compat_grant_role_options(const GrantRoleStmt *grant)
{
#if PG_VERSION_NUM >= 160000
	return grant->opt;
#else
	return grant->admin_opt ? list_make1(makeDefElem("admin", (Node *) makeBoolean(true), -1))
							: NIL;
#endif
}

/* Since 18 a deferrable one is asked for by an argument; here, too, it would do. */
static inline Oid
compat_primary_key_index(Relation relation)
{
#if PG_VERSION_NUM >= 180000
	return RelationGetPrimaryKeyIndex(relation, true);
#else
	return RelationGetPrimaryKeyIndex(relation);
#endif
}

/* A macro over a variable since 17. */
static inline bool
compat_is_autovacuum_worker(void)
{
#if PG_VERSION_NUM >= 170000
	return AmAutoVacuumWorkerProcess();
#else
	return IsAutoVacuumWorkerProcess();
#endif
}

/* Moved out of the attribute in 17; the server puts the default in only where it sets its own. */
static inline int
compat_statistics_target(VacAttrStats *stats)
{
#if PG_VERSION_NUM >= 170000
	int *target = &stats->attstattarget;
#else
	int32 *target = &stats->attr->attstattarget;
#endif

	if (*target < 0)
		*target = default_statistics_target;
	return *target;
}

/* The columns that a set operation compares got another name in 18. */
static inline AttrNumber *
compat_setop_columns(const SetOp *plan)
{
#if PG_VERSION_NUM >= 180000
	return plan->cmpColIdx;
#else
	return plan->dupColIdx;
#endif
}

/*
 * What a check hook of a setting leaves behind: the server frees it, with free()
 * in 15, and in its own memory context since. NULL when there is no memory.
 */
static inline void *
compat_guc_malloc(size_t size)
{
#if PG_VERSION_NUM >= 160000
	return guc_malloc(LOG, size);
#else
	return malloc(size);
#endif
}

static inline void
compat_guc_free(void *memory)
{
#if PG_VERSION_NUM >= 160000
	guc_free(memory);
#else
	free(memory);
#endif
}

/* Whether COPY of a relation of a kind reads its rows without a query; of materialized views since
 * 18. */
static inline bool
compat_copies(char kind)
{
#if PG_VERSION_NUM >= 180000
	return kind == RELKIND_RELATION || kind == RELKIND_MATVIEW;
#else
	return kind == RELKIND_RELATION;
#endif
}

/* Whether a part of ALTER TABLE adds a column; to children, too, it did so under another name
 * before 16. */
static inline bool
compat_adds_column(AlterTableType type)
{
#if PG_VERSION_NUM >= 160000
	return type == AT_AddColumn;
#else
	return type == AT_AddColumn || type == AT_AddColumnRecurse;
#endif
}

/* What a generated column is computed from can be changed since 17. */
static inline bool
compat_sets_expression(AlterTableType type)
{
#if PG_VERSION_NUM >= 170000
	return type == AT_SetExpression;
#else
	(void) type;
	return false;
#endif
}

/* Privileges are kept beside the range table since 16. */
#if PG_VERSION_NUM >= 160000
#define COMPAT_CHECK_PERMS_ARGS List *range_table, List *permissions, bool raise
#define COMPAT_CHECK_PERMS_PASS range_table, permissions, raise
#else
#define COMPAT_CHECK_PERMS_ARGS List *range_table, bool raise
#define COMPAT_CHECK_PERMS_PASS range_table, raise
#endif

/* The columns that a relation in the range table is read by. */
static inline Bitmapset *
compat_selected_columns(RangeTblEntry *entry, COMPAT_CHECK_PERMS_ARGS)
{
	(void) range_table;
	(void) raise;
#if PG_VERSION_NUM >= 160000
	return getRTEPermissionInfo(permissions, entry)->selectedCols;
#else
	return entry->selectedCols;
#endif
}

/*
 * The columns of a table in a query that the executor is to ask the privilege
 * of reading for; NULL where it asks for none.
 */
static inline Bitmapset **
compat_query_selected_columns(Query *query, RangeTblEntry *entry)
{
#if PG_VERSION_NUM >= 160000
	return entry->perminfoindex == 0
			   ? NULL
			   : &getRTEPermissionInfo(query->rteperminfos, entry)->selectedCols;
#else
	(void) query;
	return entry->requiredPerms == 0 ? NULL : &entry->selectedCols;
#endif
}

/* The columns of a table that a statement names to be written, defaults not among them. */
static inline Bitmapset *
compat_query_written_columns(Query *query, RangeTblEntry *entry)
{
#if PG_VERSION_NUM >= 160000
	RTEPermissionInfo *permissions;

	if (entry->perminfoindex == 0)
		return NULL;
	permissions = getRTEPermissionInfo(query->rteperminfos, entry);
	return bms_union(permissions->insertedCols, permissions->updatedCols);
#else
	(void) query;
	return bms_union(entry->insertedCols, entry->updatedCols);
#endif
}

/* Lets the executor ask for the privileges of a role instead of those of who runs the query. */
static inline void
compat_query_check_as(Query *query, RangeTblEntry *entry, Oid role)
{
#if PG_VERSION_NUM >= 160000
	if (entry->perminfoindex != 0)
		getRTEPermissionInfo(query->rteperminfos, entry)->checkAsUser = role;
#else
	(void) query;
	entry->checkAsUser = role;
#endif
}

/* The columns of a table in a plan, as those of one in a query. */
static inline Bitmapset *
compat_planned_selected_columns(PlannedStmt *statement, RangeTblEntry *entry)
{
#if PG_VERSION_NUM >= 160000
	return entry->perminfoindex == 0
			   ? NULL
			   : getRTEPermissionInfo(statement->permInfos, entry)->selectedCols;
#else
	(void) statement;
	return entry->requiredPerms == 0 ? NULL : entry->selectedCols;
#endif
}

/* Whether a plan reads a table by an entry of its range table, for which it asks the privilege
 * then. */
static inline bool
compat_planned_reads(PlannedStmt *statement, RangeTblEntry *entry)
{
#if PG_VERSION_NUM >= 160000
	return entry->perminfoindex != 0 &&
		   (getRTEPermissionInfo(statement->permInfos, entry)->requiredPerms & ACL_SELECT) != 0;
#else
	(void) statement;
	return (entry->requiredPerms & ACL_SELECT) != 0;
#endif
}

/* The expressions that stand behind the columns of GROUP BY, which is an entry of its own since 18.
 */
static inline List *
compat_group_expressions(RangeTblEntry *entry)
{
#if PG_VERSION_NUM >= 180000
	return entry->rtekind == RTE_GROUP ? entry->groupexprs : NIL;
#else
	(void) entry;
	return NIL;
#endif
}

/*
 * Replaces a row, and says which indexes need an entry for the new one: all or
 * none before 16, since then also only those that summarize pages.
 */
#if PG_VERSION_NUM >= 160000
typedef TU_UpdateIndexes CompatUpdateIndexes;
#else
typedef bool CompatUpdateIndexes;
#endif

/* Makes them. What deferred constraints would have rechecked is the result. */
static inline List *
compat_insert_index_tuples(ResultRelInfo *relation, TupleTableSlot *slot, EState *estate,
						   CompatUpdateIndexes which)
{
#if PG_VERSION_NUM >= 160000
	if (which == TU_None)
		return NIL;
	return ExecInsertIndexTuples(relation, slot, estate, true, false, NULL, NIL,
								 which == TU_Summarizing);
#else
	if (!which)
		return NIL;
	return ExecInsertIndexTuples(relation, slot, estate, true, false, NULL, NIL);
#endif
}

/* Makes those of a row that is new. */
static inline void
compat_index_new_tuple(ResultRelInfo *relation, TupleTableSlot *slot, EState *estate)
{
#if PG_VERSION_NUM >= 160000
	(void) ExecInsertIndexTuples(relation, slot, estate, false, false, NULL, NIL, false);
#else
	(void) ExecInsertIndexTuples(relation, slot, estate, false, false, NULL, NIL);
#endif
}

/* An index without options of operator classes or statistics targets, which have arguments
 * since 17. */
static inline Oid
compat_index_create(Relation table, const char *name, IndexInfo *info, List *columns, Oid method,
					Oid tablespace, Oid *collations, Oid *classes, int16 *options, Datum reloptions,
					bits16 flags)
{
#if PG_VERSION_NUM >= 170000
	return index_create(table, name, InvalidOid, InvalidOid, InvalidOid, InvalidRelFileNumber, info,
						columns, method, tablespace, collations, classes, NULL, options, NULL,
						reloptions, flags, 0, false, false, NULL);
#else
	return index_create(table, name, InvalidOid, InvalidOid, InvalidOid, InvalidOid, info, columns,
						method, tablespace, collations, classes, options, reloptions, flags, 0,
						false, false, NULL);
#endif
}

/* The file that holds a relation; its number got another type and name in 16. */
static inline Oid
compat_relation_file(Relation relation)
{
#if PG_VERSION_NUM >= 160000
	return relation->rd_locator.relNumber;
#else
	return relation->rd_node.relNode;
#endif
}

/* Makes an index anew, and checks what it is to check; the statement is an argument since 17. */
static inline void
compat_reindex_index(Oid index, char persistence)
{
	ReindexParams params = {0};

#if PG_VERSION_NUM >= 170000
	reindex_index(NULL, index, false, persistence, &params);
#else
	reindex_index(index, false, persistence, &params);
#endif
}

/* Since 18 a CHECK constraint may be there for readers alone. */
static inline bool
compat_check_enforced(const ConstrCheck *check)
{
#if PG_VERSION_NUM >= 180000
	return check->ccenforced;
#else
	(void) check;
	return true;
#endif
}

/* An expression over columns that are stored: since 18 some are computed when they are read. */
static inline Node *
compat_expand_generated(Node *expression, Relation relation)
{
#if PG_VERSION_NUM >= 180000
	return expand_generated_columns_in_expr(expression, relation, 1);
#else
	(void) relation;
	return expression;
#endif
}

/* NULL: this server does not have it. Before 16 there was but the list of all of them. */
static inline struct config_generic *
compat_find_setting(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return find_option(name, false, true, ERROR);
#else
	struct config_generic **all = get_guc_variables();

	for (int i = 0; i < GetNumConfigOptions(); i++)
	{
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	}
	return NULL;
#endif
}

/* All of it; run_once is gone in 18. */
static inline void
compat_run_portal(Portal portal, DestReceiver *receiver, QueryCompletion *completion)
{
#if PG_VERSION_NUM >= 180000
	(void) PortalRun(portal, FETCH_ALL, true, receiver, receiver, completion);
#else
	(void) PortalRun(portal, FETCH_ALL, true, true, receiver, receiver, completion);
#endif
}

/* ExecutorRun lost execute_once in 18. */
#if PG_VERSION_NUM >= 180000
#define COMPAT_EXECUTOR_RUN_ARGS QueryDesc *query, ScanDirection direction, uint64 count
#define COMPAT_EXECUTOR_RUN_PASS query, direction, count
#else
#define COMPAT_EXECUTOR_RUN_ARGS \
	QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once
#define COMPAT_EXECUTOR_RUN_PASS query, direction, count, execute_once
#endif

#endif

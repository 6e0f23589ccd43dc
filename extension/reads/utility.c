/*
 * utility.c
 *		Utility statements that read tables without a plan: COPY of a table, and ALTER TABLE that
 *		computes a column anew.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"

#include "base/compat.h"
#include "reads/note.h"
#include "reads/policy.h"
#include "reads/utility.h"

static Bitmapset *
all_columns(const ReadTable *table)
{
	Bitmapset *columns = NULL;

	for (int i = 0; i < table->natts; i++)
	{
		if (table->columns[i] != NULL)
			columns = bms_add_member(columns, i + 1);
	}
	return columns;
}

static Bitmapset *
add_column(Bitmapset *columns, const ReadTable *table, const char *name)
{
	for (int i = 0; i < table->natts; i++)
	{
		if (table->columns[i] != NULL && strcmp(table->columns[i], name) == 0)
			columns = bms_add_member(columns, i + 1);
	}
	return columns;
}

/* ---------------------------------------------------------------- COPY */

/* As COPY will ask. */
static bool
may_copy(Oid relation, const Bitmapset *columns)
{
	int at = -1;

	if (pg_class_aclcheck(relation, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
		return true;
	while ((at = bms_next_member(columns, at)) >= 0)
	{
		if (pg_attribute_aclcheck(relation, (AttrNumber) at, GetUserId(), ACL_SELECT) !=
			ACLCHECK_OK)
			return false;
	}
	return !bms_is_empty(columns);
}

/* With row policies it is done by a query. What may not be read is none. */
static List *
note_copy(const CopyStmt *copy)
{
	Oid relation = RangeVarGetRelid(copy->relation, AccessShareLock, true);
	const ReadTable *table;
	Bitmapset *columns = NULL;
	ListCell *cell;

	if (!OidIsValid(relation) || relation < FirstNormalObjectId ||
		!compat_copies(get_rel_relkind(relation)) ||
		check_enable_rls(relation, InvalidOid, true) == RLS_ENABLED ||
		(table = ReadTableFind(relation)) == NULL)
		return NIL;
	foreach (cell, copy->attlist)
		columns = add_column(columns, table, strVal(lfirst(cell)));
	if (copy->attlist == NIL)
		columns = all_columns(table);
	if (!may_copy(relation, columns))
		return NIL;
	return ReadNoteTable(relation, table, columns, table->on_record, table->has_classes, "copy",
						 NIL);
}

/* ---------------------------------------------------------------- ALTER TABLE */

typedef struct Names
{
	const ReadTable *table;
	Bitmapset *columns;
} Names;

static bool
find_names(Node *node, void *context)
{
	Names *names = context;

	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		Node *last = llast(((ColumnRef *) node)->fields);

		Bitmapset *found = IsA(last, String) ? add_column(NULL, names->table, strVal(last)) : NULL;

		/* The table itself, or all of it, is a whole row. */
		names->columns =
			bms_add_members(names->columns, found != NULL ? found : all_columns(names->table));
		return false;
	}
	return raw_expression_tree_walker(node, find_names, context);
}

static List *
note_conversion(const AlterTableStmt *alter, Oid relation, Oid root, List *notes)
{
	const ReadTable *whole = relation != root ? ReadTableFind(root) : NULL;
	Names names = {.table = ReadTableFind(relation)};
	bool reads = false;
	ListCell *cell;

	if (names.table == NULL)
		return notes;
	foreach (cell, alter->cmds)
	{
		const AlterTableCmd *command = lfirst(cell);
		const ColumnDef *column = (const ColumnDef *) command->def;

		if (command->subtype != AT_AlterColumnType || column->raw_default == NULL)
			continue;
		reads = true;
		(void) find_names(column->raw_default, &names);
	}
	if (!reads)
		return notes;
	return ReadNoteTable(relation, names.table, names.columns,
						 names.table->on_record && (whole == NULL || !whole->on_record),
						 names.table->has_classes && (whole == NULL || !whole->has_classes),
						 "alter", notes);
}

static bool
may_alter(Oid relation)
{
	return OidIsValid(relation) && relation >= FirstNormalObjectId &&
		   compat_owns_relation(relation, GetUserId());
}

/*
 * Of a table and its children, by who may. It takes the lock that ALTER TABLE will: two that wait
 * for that, each with a weaker one, would never get it.
 */
static List *
note_alter(const AlterTableStmt *alter)
{
	List *notes = NIL;
	ListCell *cell;
	Oid root;

	if (!may_alter(RangeVarGetRelid(alter->relation, NoLock, true)))
		return NIL;
	root = RangeVarGetRelid(alter->relation, AccessExclusiveLock, true);
	if (!may_alter(root))
		return NIL;
	foreach (cell, find_all_inheritors(root, NoLock, NULL))
		notes = note_conversion(alter, lfirst_oid(cell), root, notes);
	return notes;
}

/* ---------------------------------------------------------------- all of them */

static bool
converts(const AlterTableStmt *alter)
{
	ListCell *cell;

	foreach (cell, alter->cmds)
	{
		if (lfirst_node(AlterTableCmd, cell)->subtype == AT_AlterColumnType)
			return true;
	}
	return false;
}

List *
ReadUtility(Node *statement, const char **action)
{
	List *notes = NIL;
	ListCell *cell;

	switch (nodeTag(statement))
	{
		case T_CopyStmt:
			if (((CopyStmt *) statement)->is_from)
				break;
			*action = "copy";
			if (((CopyStmt *) statement)->relation != NULL)
				notes = note_copy((CopyStmt *) statement);
			break;
		case T_RefreshMatViewStmt:
			*action = "refresh";
			break;
		case T_AlterTableStmt:
			if (converts((AlterTableStmt *) statement))
				notes = note_alter((AlterTableStmt *) statement);
			break;
		default:
			break;
	}
	foreach (cell, notes)
		((ReadNote *) lfirst(cell))->runs++;
	return notes;
}

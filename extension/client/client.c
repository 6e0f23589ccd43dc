/*
 * client.c
 *		What clients get to see: base types in place of encrypted ones.
 *
 * A driver has never heard of encrypted_numeric; a column of it would be a
 * string to some and an error to others. So a statement that the client sends
 * gets casts on top of its result, as if the user had written them, and all
 * that follows (Describe, binary formats, cursors) has the base type. The gate
 * is in the cast as it is in the output of the type.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/guc.h"

#include "client/client.h"
#include "client/query.h"
#include "column/column.h"
#include "gate/gate.h"

typedef enum ClientTypes
{
	CLIENT_TYPES_BASE,
	CLIENT_TYPES_ENCRYPTED,
} ClientTypes;

/*
 * Which types the result of a statement has for the client that sent it: base
 * types, which its driver knows, or the encrypted ones, for a program that
 * asks for the types of columns.
 */
static int client_types = CLIENT_TYPES_BASE;

static const struct config_enum_entry client_types_options[] = {
	{"base", CLIENT_TYPES_BASE, false},
	{"encrypted", CLIENT_TYPES_ENCRYPTED, false},
	{NULL, 0, false}};

static bool
returns_encrypted(List *targets)
{
	ListCell *cell;

	foreach (cell, targets)
	{
		TargetEntry *entry = lfirst(cell);

		if (!entry->resjunk && OidIsValid(ColumnBaseType(exprType((Node *) entry->expr))))
			return true;
	}
	return false;
}

/*
 * The type of the cast is implicit, which no query can write on top of a
 * result: so it is recognized later.
 */
static List *
cast_targets(List *targets)
{
	List *hidden = NIL;
	ListCell *cell;

	foreach (cell, targets)
	{
		TargetEntry *entry = lfirst(cell);
		Expr *cast;

		if (entry->resjunk)
			continue;
		cast = QueryCastToBase(copyObject(entry->expr), COERCE_IMPLICIT_CAST);
		if (cast == NULL)
			continue;

		/* What is grouped by, or made distinct, stays the value itself. */
		if (entry->ressortgroupref != 0)
		{
			TargetEntry *compared = flatCopyTargetEntry(entry);

			compared->resno = (AttrNumber) (list_length(targets) + list_length(hidden) + 1);
			compared->resname = NULL;
			compared->resorigtbl = InvalidOid;
			compared->resorigcol = 0;
			compared->resjunk = true;
			hidden = lappend(hidden, compared);
			entry->ressortgroupref = 0;
		}
		entry->expr = cast;
	}
	return list_concat(targets, hidden);
}

void
ClientCastResult(Query *query)
{
	if (client_types != CLIENT_TYPES_BASE || GateCurrentIo() == GATE_IO_ENVELOPE)
		return;
	if (query->commandType != CMD_SELECT)
		query->returningList = cast_targets(query->returningList);
	else if (returns_encrypted(query->targetList))
	{
		bool compares = QueryComparesResult(query);
		bool sorts_values = QuerySortsByEncrypted(query->sortClause, query->targetList);

		/*
		 * The cast comes after sorting: rows that LIMIT or an unfinished cursor
		 * leaves out are not opened, and what a sort writes to disk is sealed.
		 * Unless the values are what is sorted by, and opened for that already.
		 */
		if (compares || (query->sortClause != NIL && !sorts_values))
			QueryPutUnder(query, compares && sorts_values);
		query->targetList = cast_targets(query->targetList);
	}
}

const char *
ClientFindCast(List *targets)
{
	ListCell *cell;

	foreach (cell, targets)
	{
		TargetEntry *entry = lfirst(cell);
		Expr *top = entry->expr;
		Node *value = NULL;

		if (IsA(top, FuncExpr) && ((FuncExpr *) top)->funcformat == COERCE_IMPLICIT_CAST)
			value = linitial(((FuncExpr *) top)->args);
		else if (IsA(top, ArrayCoerceExpr) &&
				 ((ArrayCoerceExpr *) top)->coerceformat == COERCE_IMPLICIT_CAST)
			value = (Node *) ((ArrayCoerceExpr *) top)->arg;
		if (value != NULL && !entry->resjunk && OidIsValid(ColumnBaseType(exprType(value))))
			return entry->resname != NULL ? entry->resname : "?column?";
	}
	return NULL;
}

void
ClientInit(void)
{
	DefineCustomEnumVariable(
		"tarot_security.client_types",
		"Which types encrypted columns have in the results of statements that the client sends.",
		"base: text for tarot.encrypted_text, so that any driver knows it. "
		"encrypted: the types of the columns. Counts when a statement is prepared.",
		&client_types, CLIENT_TYPES_BASE, client_types_options, PGC_USERSET, 0, NULL, NULL, NULL);
}

/*
 * condition.c
 *		Conditions on rows that people give as text.
 *
 * They are parsed when they are given, and written out again, so that they are one
 * expression and nothing else, that errors show then, and that what a name means does not
 * change with other sessions' search_path.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "base/compat.h"
#include "base/settings.h"
#include "jobs/jobs.h"
#include "jobs/run.h"

/* NULL: it is not one expression. */
static Node *
parse(const char *text)
{
	List *statements = raw_parser(text, RAW_PARSE_PLPGSQL_EXPR);
	SelectStmt *select;
	ResTarget *target;

	if (list_length(statements) != 1)
		return NULL;
	select = (SelectStmt *) linitial_node(RawStmt, statements)->stmt;
	if (!IsA(select, SelectStmt) || list_length(select->targetList) != 1 ||
		select->fromClause != NIL || select->whereClause != NULL || select->groupClause != NIL ||
		select->havingClause != NULL || select->windowClause != NIL || select->sortClause != NIL ||
		select->distinctClause != NIL || select->limitOffset != NULL ||
		select->limitCount != NULL || select->lockingClause != NIL || select->withClause != NULL ||
		select->op != SETOP_NONE)
		return NULL;
	target = linitial_node(ResTarget, select->targetList);
	return target->name == NULL ? target->val : NULL;
}

/* The columns of a table as they were called before one was renamed. */
static List *
names_before(Relation table, const char *old_name, const char *new_name)
{
	TupleDesc desc = RelationGetDescr(table);
	List *names = NIL;

	for (int i = 0; old_name != NULL && i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		const char *name = NameStr(attribute->attname);

		if (!attribute->attisdropped)
			names =
				lappend(names, makeString(pstrdup(strcmp(name, new_name) == 0 ? old_name : name)));
	}
	return names;
}

/* Without an old name no column was renamed since the text was written. */
static char *
rewrite(Oid relation, const char *text, const char *old_name, const char *new_name)
{
	Node *condition = parse(text);
	ParseState *state = make_parsestate(NULL);
	Relation table;
	Alias *alias;
	int nest_level;
	char *written;

	if (condition == NULL)
		ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR),
						errmsg("a condition must be one expression on the columns of the table")));
	table = table_open(relation, AccessShareLock);
	alias = makeAlias("t", names_before(table, old_name, new_name));
	addNSItemToQuery(
		state, addRangeTableEntryForRelation(state, table, AccessShareLock, alias, false, true),
		false, true, true);
	condition = transformExpr(state, condition, EXPR_KIND_WHERE);
	condition = coerce_to_boolean(state, condition, "WHERE");
	assign_expr_collations(state, condition);

	nest_level = SettingsPinSearchPath();
	written = deparse_expression(condition, deparse_context_for("t", relation), true, false);
	AtEOXact_GUC(true, nest_level);
	table_close(table, NoLock);
	free_parsestate(state);
	return written;
}

char *
JobCondition(Oid relation, const char *text)
{
	return rewrite(relation, text, NULL, NULL);
}

/*
 * tarot.renamed_condition(relation oid, condition text, old name, new name, role oid)
 *     RETURNS text
 *
 * To read a condition can run code, as that of a domain whose values are in an array. So it is read
 * with the rights that it is run with.
 */
PG_FUNCTION_INFO_V1(tarot_jobs_renamed_condition);
Datum
tarot_jobs_renamed_condition(PG_FUNCTION_ARGS)
{
	Oid relation = PG_GETARG_OID(0);
	Oid user;
	int context;
	char *written;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(PG_GETARG_OID(4),
						   SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	written = rewrite(relation, text_to_cstring(PG_GETARG_TEXT_PP(1)), NameStr(*PG_GETARG_NAME(2)),
					  NameStr(*PG_GETARG_NAME(3)));
	SetUserIdAndSecContext(user, context);
	PG_RETURN_TEXT_P(cstring_to_text(written));
}

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
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "base/compat.h"
#include "jobs/jobs.h"

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

char *
JobCondition(Oid relation, const char *text)
{
	Node *condition = parse(text);
	ParseState *state = make_parsestate(NULL);
	Relation table;
	int nest_level;
	char *written;

	if (condition == NULL)
		ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR),
						errmsg("a condition must be one expression on the columns of the table")));
	table = table_open(relation, AccessShareLock);
	addNSItemToQuery(state,
					 addRangeTableEntryForRelation(state, table, AccessShareLock,
												   makeAlias("t", NIL), false, true),
					 false, true, true);
	condition = transformExpr(state, condition, EXPR_KIND_WHERE);
	condition = coerce_to_boolean(state, condition, "WHERE");
	assign_expr_collations(state, condition);

	nest_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	written = deparse_expression(condition, deparse_context_for("t", relation), true, false);
	AtEOXact_GUC(true, nest_level);
	table_close(table, NoLock);
	free_parsestate(state);
	return written;
}

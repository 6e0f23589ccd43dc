/*
 * analyze.c
 *		Hooks into the analysis of statements: what encrypted columns are to the
 *		client, and to ORDER BY.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_proc.h"
#include "parser/analyze.h"

#include "base/catalog.h"
#include "client/client.h"
#include "client/order.h"
#include "hooks/analyze.h"
#include "hooks/statement.h"
#include "statements/statement.h"

static post_parse_analyze_hook_type previous_post_parse_analyze;
static object_access_hook_type previous_object_access;

/*
 * The query that a statement runs or stores, if any. What it stores is not
 * returned to the client.
 */
static Query *
query_of(Query *statement, bool *stores)
{
	Node *utility = statement->utilityStmt;

	*stores = false;
	while (statement != NULL && statement->commandType == CMD_UTILITY)
	{
		utility = statement->utilityStmt;
		switch (nodeTag(utility))
		{
			case T_ExplainStmt:
				statement = castNode(Query, ((ExplainStmt *) utility)->query);
				break;
			case T_DeclareCursorStmt:
				statement = castNode(Query, ((DeclareCursorStmt *) utility)->query);

				/* Rows put aside at the end of the transaction stay sealed, and a revoke still
				 * counts. */
				if (((DeclareCursorStmt *) utility)->options & CURSOR_OPT_HOLD)
					*stores = true;
				break;
			case T_CreateTableAsStmt:
				statement = castNode(Query, ((CreateTableAsStmt *) utility)->query);
				*stores = true;
				break;
			default:
				return NULL;
		}
	}
	return statement;
}

/* In a transaction that failed no catalog can be read; its statements have no query. */
static void
on_post_parse_analyze(ParseState *state, Query *statement, JumbleState *jumble)
{
	bool stores;
	Query *query;

	if (previous_post_parse_analyze)
		previous_post_parse_analyze(state, statement, jumble);

	/* For the log, should the statement fail. */
	if (IsTransactionState())
		(void) CatalogExists();
	query = query_of(statement, &stores);
	if (query == NULL)
		return;
	if (!stores && StatementIsOfClient())
		ClientCastResult(query);
	OrderByBase(state, query);
}

/*
 * Stored queries of such functions become part of others in the midst of
 * planning, where no hook sees them.
 */
static void
on_object_access(ObjectAccessType access, Oid catalog, Oid object, int sub_object, void *argument)
{
	if (previous_object_access)
		previous_object_access(access, catalog, object, sub_object, argument);
	if (access == OAT_POST_CREATE && catalog == ProcedureRelationId)
		OrderCheckFunction(object);
	AuditObjectAccess(access, catalog, object, sub_object, argument);
}

void
AnalyzeHooksInit(void)
{
	previous_post_parse_analyze = post_parse_analyze_hook;
	post_parse_analyze_hook = on_post_parse_analyze;
	previous_object_access = object_access_hook;
	object_access_hook = on_object_access;
}

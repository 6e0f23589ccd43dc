/*
 * statement.c
 *		Utility statements that send the rows of a query somewhere else than to
 *		the client.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/prepare.h"
#include "nodes/parsenodes.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"

#include "label/label.h"
#include "masking/query.h"

static MaskingStatement *current;

/* The plan of a prepared statement was made for the client. */
static void
refuse_prepared(ExecuteStmt *execute)
{
	PreparedStatement *prepared = FetchPreparedStatement(execute->name, false);
	ListCell *cell;

	if (prepared == NULL || !LabelExists())
		return;
	foreach (cell, prepared->plansource->relationOids)
	{
		LabelledTable *labels = LabelFind(lfirst_oid(cell));

		if (labels != NULL && (labels->masked || labels->masking))
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
							errmsg("CREATE TABLE AS EXECUTE cannot read masked table \"%s\"",
								   get_rel_name(lfirst_oid(cell))),
							errhint("Write the query itself.")));
	}
}

static void
enter_create(MaskingStatement *statement, CreateTableAsStmt *create)
{
	Query *query = castNode(Query, create->query);

	if (query->commandType == CMD_UTILITY && IsA(query->utilityStmt, ExecuteStmt))
		refuse_prepared((ExecuteStmt *) query->utilityStmt);
	if (!create->into->skipData)
		statement->destination = MASKING_TO_TABLE;
}

void
MaskingEnterStatement(MaskingStatement *statement, Node *utility, const char *text)
{
	*statement = (MaskingStatement){.outer = current, .text = text};
	if (IsA(utility, ExplainStmt))
	{
		Query *explained = castNode(Query, ((ExplainStmt *) utility)->query);

		if (explained->commandType == CMD_UTILITY)
			utility = explained->utilityStmt;
	}
	if (IsA(utility, CreateTableAsStmt))
		enter_create(statement, (CreateTableAsStmt *) utility);
	else if (IsA(utility, CopyStmt) && !((CopyStmt *) utility)->is_from)
		statement->destination = MASKING_TO_COPY;
	else if (IsA(utility, RefreshMatViewStmt))
	{
		statement->destination = MASKING_TO_REFRESH;
		statement->relation =
			RangeVarGetRelid(((RefreshMatViewStmt *) utility)->relation, NoLock, true);
	}
	else if (IsA(utility, AlterTableStmt) && IsTransactionState() && LabelExists())
	{
		Oid relation = RangeVarGetRelid(((AlterTableStmt *) utility)->relation, NoLock, true);

		statement->altered = OidIsValid(relation) ? LabelFind(relation) : NULL;
		if (statement->altered != NULL)
			MaskRequireConversion(statement->altered, (AlterTableStmt *) utility);
	}
	current = statement;
}

LabelledTable *
MaskingLabelsBefore(Oid relation)
{
	if (current != NULL && current->altered != NULL && current->altered->relation == relation)
		return current->altered;
	return LabelFind(relation);
}

void
MaskingFinishStatement(const MaskingStatement *statement)
{
	if (statement->altered != NULL)
		LabelCarry(statement->altered);
}

void
MaskingLeaveStatement(MaskingStatement *statement)
{
	current = statement->outer;
}

/*
 * Functions that run meanwhile plan from texts of their own, at other places
 * in memory.
 */
const MaskingStatement *
MaskingStatementOf(const char *text)
{
	if (current == NULL || current->destination == MASKING_TO_CLIENT || current->text != text)
		return NULL;
	return current;
}

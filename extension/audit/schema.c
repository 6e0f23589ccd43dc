/*
 * schema.c
 *		Schemas whose new tables are audited.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "tcop/deparse_utility.h"
#include "utils/builtins.h"

#include "audit/schema.h"
#include "audit/table.h"

/*
 * tarot.moves_to_schema(command pg_ddl_command) RETURNS boolean
 *
 * ALTER TABLE is what SET SCHEMA calls itself, too.
 */
PG_FUNCTION_INFO_V1(tarot_audit_moves_to_schema);
Datum
tarot_audit_moves_to_schema(PG_FUNCTION_ARGS)
{
	const CollectedCommand *command = (CollectedCommand *) PG_GETARG_POINTER(0);

	PG_RETURN_BOOL(command->type == SCT_Simple && command->parsetree != NULL &&
				   IsA(command->parsetree, AlterObjectSchemaStmt));
}

static void
follow_rename(const RenameStmt *statement)
{
	NameData names[2];

	namestrcpy(&names[0], statement->subname);
	namestrcpy(&names[1], statement->newname);
	OidFunctionCall2(AuditFunction("rename_audited_schema", 2, (const Oid[]){NAMEOID, NAMEOID}),
					 NameGetDatum(&names[0]), NameGetDatum(&names[1]));
}

void
SchemaFollowStatement(Node *statement, bool any_dropped)
{
	if (IsA(statement, RenameStmt) && ((RenameStmt *) statement)->renameType == OBJECT_SCHEMA)
		follow_rename((RenameStmt *) statement);
	if (any_dropped)
		OidFunctionCall0(AuditFunction("forget_audited_schemas", 0, NULL));
}

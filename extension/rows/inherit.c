/*
 * inherit.c
 *		Which statements give a table children.
 */
#include "postgres.h"

#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "tcop/deparse_utility.h"

/*
 * tarot.adds_children(command pg_ddl_command) RETURNS boolean
 *
 * Other changes of a table are nothing to react to: a dump that is being
 * restored makes the policies of children itself.
 */
PG_FUNCTION_INFO_V1(tarot_rows_adds_children);
Datum
tarot_rows_adds_children(PG_FUNCTION_ARGS)
{
	const CollectedCommand *command = (CollectedCommand *) PG_GETARG_POINTER(0);
	ListCell *cell;

	if (command->type == SCT_Simple)
	{
		const Node *statement = command->parsetree;

		PG_RETURN_BOOL((IsA(statement, CreateStmt) || IsA(statement, CreateForeignTableStmt)) &&
					   ((const CreateStmt *) statement)->inhRelations != NIL);
	}
	if (command->type != SCT_AlterTable)
		PG_RETURN_BOOL(false);
	foreach (cell, command->d.alterTable.subcmds)
	{
		const AlterTableCmd *part =
			(AlterTableCmd *) ((CollectedATSubcmd *) lfirst(cell))->parsetree;

		if (IsA(part, AlterTableCmd) &&
			(part->subtype == AT_AttachPartition || part->subtype == AT_AddInherit))
			PG_RETURN_BOOL(true);
	}
	PG_RETURN_BOOL(false);
}

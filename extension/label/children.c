/*
 * children.c
 *		Which statements give a table children, or take them from it.
 *
 * Other changes of a table are nothing to react to: a dump that is being
 * restored makes what children inherit itself.
 */
#include "postgres.h"

#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "tcop/deparse_utility.h"

/* Whether ALTER TABLE does one or the other. */
static bool
has_part(const CollectedCommand *command, AlterTableType one, AlterTableType other)
{
	ListCell *cell;

	if (command->type != SCT_AlterTable)
		return false;
	foreach (cell, command->d.alterTable.subcmds)
	{
		const AlterTableCmd *part =
			(AlterTableCmd *) ((CollectedATSubcmd *) lfirst(cell))->parsetree;

		if (IsA(part, AlterTableCmd) && (part->subtype == one || part->subtype == other))
			return true;
	}
	return false;
}

/*
 * tarot.adds_children(command pg_ddl_command) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_label_adds_children);
Datum
tarot_label_adds_children(PG_FUNCTION_ARGS)
{
	const CollectedCommand *command = (CollectedCommand *) PG_GETARG_POINTER(0);

	if (command->type == SCT_Simple)
	{
		const Node *statement = command->parsetree;

		PG_RETURN_BOOL((IsA(statement, CreateStmt) || IsA(statement, CreateForeignTableStmt)) &&
					   ((const CreateStmt *) statement)->inhRelations != NIL);
	}
	PG_RETURN_BOOL(has_part(command, AT_AttachPartition, AT_AddInherit));
}

/*
 * tarot.drops_children(command pg_ddl_command) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_label_drops_children);
Datum
tarot_label_drops_children(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(has_part((CollectedCommand *) PG_GETARG_POINTER(0), AT_DetachPartition,
							AT_DetachPartitionFinalize));
}

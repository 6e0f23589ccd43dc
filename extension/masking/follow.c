/*
 * follow.c
 *		Which statements give a masked table columns.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "tcop/deparse_utility.h"
#include "utils/array.h"

#include "base/compat.h"

/*
 * tarot.added_columns(command pg_ddl_command) RETURNS smallint[]
 *
 * Those that ALTER TABLE has added, but not what IF NOT EXISTS found there.
 */
PG_FUNCTION_INFO_V1(tarot_masking_added_columns);
Datum
tarot_masking_added_columns(PG_FUNCTION_ARGS)
{
	const CollectedCommand *command = (CollectedCommand *) PG_GETARG_POINTER(0);
	ArrayBuildState *columns = initArrayResult(INT2OID, CurrentMemoryContext, false);
	ListCell *cell;

	if (command->type == SCT_AlterTable)
	{
		foreach (cell, command->d.alterTable.subcmds)
		{
			const CollectedATSubcmd *part = lfirst(cell);

			if (IsA(part->parsetree, AlterTableCmd) &&
				compat_adds_column(((AlterTableCmd *) part->parsetree)->subtype) &&
				part->address.classId == RelationRelationId && part->address.objectSubId > 0)
				columns =
					accumArrayResult(columns, Int16GetDatum((int16) part->address.objectSubId),
									 false, INT2OID, CurrentMemoryContext);
		}
	}
	PG_RETURN_DATUM(makeArrayResult(columns, CurrentMemoryContext));
}

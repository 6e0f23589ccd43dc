/*
 * follow.c
 *		What ALTER TABLE makes of masked tables: which columns it adds, and where
 *		it puts values of others.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "tcop/deparse_utility.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "class/access.h"
#include "class/reveal.h"
#include "label/label.h"
#include "masking/query.h"

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

/* ---------------------------------------------------------------- before */

/* The table that is altered, when its name is looked for in an expression. */
typedef struct Conversion
{
	const LabelledTable *table;
	const char *name;
} Conversion;

static void
require_plain(const LabelledTable *table, AttrNumber column)
{
	int32 class_id = table->classes[column - 1];

	if (class_id == CLASS_NONE ||
		(CLASS_IS_NAMED(class_id) && ClassFind(class_id)->exists &&
		 ClassReveal(class_id, ClassAccessOf(class_id, GetUserId(), NULL).read)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to convert column \"%s\" of masked table \"%s\"",
					get_attname(table->relation, column, false), get_rel_name(table->relation)),
			 errdetail("An expression in USING sees values, and an error in it shows them."),
			 errhint("Let it be done by a role that reads the data class plain.")));
}

/* By names alone, since the expression is not analyzed yet: the table's own name is the whole row.
 */
static bool
require_plain_of_names(Node *node, void *context)
{
	const Conversion *conversion = context;
	const LabelledTable *table = conversion->table;
	ListCell *cell;

	if (node == NULL)
		return false;
	if (!IsA(node, ColumnRef))
		return raw_expression_tree_walker(node, require_plain_of_names, context);
	foreach (cell, ((ColumnRef *) node)->fields)
	{
		const char *name = IsA(lfirst(cell), String) ? strVal(lfirst(cell)) : NULL;
		AttrNumber column = name == NULL ? 0 : get_attnum(table->relation, name);

		if (column > 0 && column <= table->natts)
			require_plain(table, column);
		else if (lnext(((ColumnRef *) node)->fields, cell) == NULL &&
				 (name == NULL || strcmp(name, conversion->name) == 0))
		{
			for (int i = 1; i <= table->natts; i++)
				require_plain(table, (AttrNumber) i);
		}
	}
	return false;
}

void
MaskRequireConversion(const LabelledTable *table, const AlterTableStmt *statement)
{
	Conversion conversion = {.table = table, .name = get_rel_name(table->relation)};
	ListCell *cell;

	if (!table->masked)
		return;
	foreach (cell, statement->cmds)
	{
		const AlterTableCmd *command = lfirst(cell);

		if (command->subtype == AT_AlterColumnType)
			(void) require_plain_of_names(castNode(ColumnDef, command->def)->raw_default,
										  &conversion);
	}
}

/* ---------------------------------------------------------------- behind */

/* What a generated column is computed from; NULL for others. */
static Node *
expression_of(Oid relation, AttrNumber column)
{
	Relation opened = RelationIdGetRelation(relation);
	TupleConstr *constraints = RelationGetDescr(opened)->constr;
	Node *expression = NULL;

	for (int i = 0; constraints != NULL && i < constraints->num_defval; i++)
	{
		if (constraints->defval[i].adnum == column)
			expression = stringToNode(constraints->defval[i].adbin);
	}
	RelationClose(opened);
	return expression;
}

static void
check_column(Oid relation, const LabelledTable *before, Node *expression, AttrNumber number)
{
	HeapTuple tuple = SearchSysCacheAttNum(relation, number);
	Form_pg_attribute column;
	bool sealed;
	int32 class_id = CLASS_NONE;

	if (!HeapTupleIsValid(tuple))
		return;
	column = (Form_pg_attribute) GETSTRUCT(tuple);
	sealed = LabelTypeHasClass(column->atttypid);
	if (sealed)
		class_id = column->atttypmod;
	else if (number <= before->natts)
		class_id = before->classes[number - 1];
	if (expression == NULL)
		expression = (Node *) makeVar(1, number, column->atttypid, column->atttypmod,
									  column->attcollation, 0);
	MaskCheckConversion(before, expression, NameStr(column->attname), class_id, sealed);
	ReleaseSysCache(tuple);
}

/*
 * tarot.check_conversions(command pg_ddl_command) RETURNS void
 *
 * Raises where ALTER TABLE has put values of a masked table's column into one
 * that has not its class.
 */
PG_FUNCTION_INFO_V1(tarot_masking_check_conversions);
Datum
tarot_masking_check_conversions(PG_FUNCTION_ARGS)
{
	const CollectedCommand *command = (CollectedCommand *) PG_GETARG_POINTER(0);
	LabelledTable *before;
	ListCell *cell;

	if (command->type != SCT_AlterTable)
		PG_RETURN_VOID();
	before = MaskingLabelsBefore(command->d.alterTable.objectId);
	if (before == NULL || !before->masked)
		PG_RETURN_VOID();
	foreach (cell, command->d.alterTable.subcmds)
	{
		const CollectedATSubcmd *part = lfirst(cell);
		const AlterTableCmd *subcommand = (const AlterTableCmd *) part->parsetree;
		AttrNumber number = (AttrNumber) part->address.objectSubId;

		if (!IsA(subcommand, AlterTableCmd) || part->address.classId != RelationRelationId)
			continue;
		if (subcommand->subtype == AT_AlterColumnType)
			check_column(before->relation, before,
						 castNode(ColumnDef, subcommand->def)->cooked_default, number);

		/* Without a class of its own it has that of what it is computed from now. */
		else if (compat_sets_expression(subcommand->subtype) &&
				 LabelOf(before->relation, number) != NULL)
			check_column(before->relation, before, expression_of(before->relation, number), number);
	}
	PG_RETURN_VOID();
}

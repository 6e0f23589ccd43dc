/*
 * write.c
 *		What a statement writes where: neither must a mask take the place of the
 *		value that it masks, nor a value lie where nothing masks it.
 *
 * From each column that is written the columns are found that its value comes
 * from, through subqueries, joins and WITH. That is as far as one statement
 * can be seen: who may read a value can always write it down by another.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "events/event.h"
#include "parser/parsetree.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "class/access.h"
#include "gate/gate.h"
#include "jobs/jobs.h"
#include "label/label.h"
#include "masking/query.h"

/* One column that is written, and where we are on the way back from it. */
typedef struct Flow
{
	MaskRewrite *rewrite;
	MaskFrame *frame;
	const char *column;
	int32 class_id;                 /* of the column; CLASS_NONE: nobody has said */
	bool new_table;                 /* where nobody could */
	bool truth;                     /* within a yes or no */
	bool sealed;                    /* within a value that is encrypted */
	const LabelledTable *converted; /* whose rows are written anew, values and not masks */
	List *visited;                  /* columns of WITH RECURSIVE on the way: OutputColumn */
} Flow;

typedef struct OutputColumn
{
	Query *query;
	AttrNumber number;
	bool sealed;
} OutputColumn;

static bool follow(Node *node, void *context);
static void follow_output(Flow *flow, MaskFrame *outer, Query *query, AttrNumber number);

/* ---------------------------------------------------------------- at the table */

static const char *
name_of_class(int32 class_id)
{
	DataClass *data_class = CLASS_IS_NAMED(class_id) ? ClassFind(class_id) : NULL;

	return data_class != NULL && data_class->exists ? data_class->name : "unclassified";
}

pg_noreturn static void
refuse_value(const Flow *flow, int32 class_id)
{
	const char *class_name = name_of_class(class_id);

	ereport(ERROR,
			(EventDenied("write to another column", class_name),
			 flow->class_id == CLASS_NONE
				 ? errmsg("column \"%s\" would hold values of data class \"%s\" without a mask",
						  flow->column, class_name)
				 : errmsg("column \"%s\" of data class \"%s\" would hold values of data class "
						  "\"%s\"",
						  flow->column, name_of_class(flow->class_id), class_name),
			 flow->converted != NULL
				 ? errhint("Give the column the same class first, with tarot.classify_column().")
			 : flow->new_table
				 ? errhint("Create it WITH NO DATA, give its columns their classes with "
						   "tarot.classify_column(), and fill it then; or write masks, with SET "
						   "LOCAL tarot_security.io = masked.")
				 : errhint("Give the column the same class with tarot.classify_column(); or write "
						   "masks, with SET LOCAL tarot_security.io = masked.")));
}

pg_noreturn static void
refuse_mask(const Flow *flow)
{
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("masks would be written to column \"%s\" of data class \"%s\"",
						   flow->column, name_of_class(flow->class_id))));
}

/* Whether the role now sees values, if only by what its identity may do. */
static bool
sees_value(const MaskedColumn *column)
{
	return column->as == AS_VALUE ||
		   (GateCurrentIo() != GATE_IO_MASKED && CLASS_IS_NAMED(column->class_id) &&
			ClassAccessOf(column->class_id, GetUserId(), NULL).read >= READ_UNSTATED);
}

static void
reach(Flow *flow, MaskedColumn *column)
{
	bool same = column->class_id == flow->class_id;

	if (column->class_id == CLASS_NONE)
		return;

	/* Under the encryption a value is as safe, and a mask as wrong, as in a column of the class. */
	if (flow->sealed)
	{
		if (sees_value(column))
			return;
		same = true;
	}
	if (!same && sees_value(column))
		refuse_value(flow, column->class_id);
	if (!same && flow->class_id != CLASS_NONE)
		refuse_mask(flow);
	if (column->as == AS_VALUE)
		return;
	if (column->use == (same ? SITE_STORES : SITE_WRITES))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("a column of data class \"%s\" would be written both as it is and "
							   "masked",
							   name_of_class(column->class_id)),
						errhint("Write it by two statements.")));
	column->use = same ? SITE_WRITES : SITE_STORES;
}

/* Of a table that is altered: its owner gets the values there, whatever they see. */
static void
reach_converted(Flow *flow, AttrNumber number)
{
	for (int i = 0; i < flow->converted->natts; i++)
	{
		int32 class_id = flow->converted->classes[i];
		MaskedColumn column = {.class_id = class_id, .as = AS_SITE};

		if ((number == 0 || number == i + 1) && class_id != CLASS_NONE &&
			class_id != flow->class_id && !((flow->sealed || flow->truth) && sees_value(&column)))
			refuse_value(flow, class_id);
	}
}

static void
reach_table(Flow *flow, MaskedTable *table, AttrNumber number)
{
	if (table == NULL || number < 0 || number > table->natts)
		return;
	if (number > 0)
		reach(flow, &table->columns[number - 1]);
	for (int i = 0; number == 0 && i < table->natts; i++)
		reach(flow, &table->columns[i]);
}

/* ---------------------------------------------------------------- on the way back */

static void
follow_from(Flow *flow, MaskFrame *frame, Node *node)
{
	MaskFrame *here = flow->frame;

	flow->frame = frame;
	follow(node, flow);
	flow->frame = here;
}

/* UNION and its like have the columns of their first branch, and the values of all. */
static void
follow_branches(Flow *flow, MaskFrame *frame, AttrNumber number)
{
	ListCell *cell;

	if (frame->query->setOperations == NULL)
		return;
	foreach (cell, frame->query->rtable)
	{
		RangeTblEntry *entry = lfirst(cell);

		if (entry->rtekind == RTE_SUBQUERY)
			follow_output(flow, frame, entry->subquery, number);
	}
}

/* A column that a query returns; 0 for all. */
static void
follow_output(Flow *flow, MaskFrame *outer, Query *query, AttrNumber number)
{
	MaskFrame *frame = MaskFrameOf(flow->rewrite, query, outer);
	List *targets = query->commandType == CMD_SELECT ? query->targetList : query->returningList;
	OutputColumn output = {.query = query, .number = number, .sealed = flow->sealed};
	ListCell *cell;

	foreach (cell, flow->visited)
	{
		OutputColumn *visited = lfirst(cell);

		if (visited->query == query && visited->number == number && visited->sealed == flow->sealed)
			return;
	}
	check_stack_depth();
	flow->visited = lappend(flow->visited, memcpy(palloc(sizeof(output)), &output, sizeof(output)));

	foreach (cell, targets)
	{
		TargetEntry *target = lfirst(cell);

		if (!target->resjunk && (number == 0 || target->resno == number))
			follow_from(flow, frame, (Node *) target->expr);
	}

	follow_branches(flow, frame, number);
}

static void
follow_with(Flow *flow, MaskFrame *frame, RangeTblEntry *entry, AttrNumber number)
{
	ListCell *cell;

	for (Index level = 0; level < entry->ctelevelsup; level++)
		frame = frame->outer;
	foreach (cell, frame->query->cteList)
	{
		CommonTableExpr *with = lfirst(cell);

		if (strcmp(with->ctename, entry->ctename) == 0)
			follow_output(flow, frame, castNode(Query, with->ctequery), number);
	}
}

/* What was to be inserted, in ON CONFLICT. */
static bool
is_excluded(const Query *query, int number)
{
	return query->onConflict != NULL && query->onConflict->exclRelIndex == number;
}

/* An expression for each column. */
static void
follow_list(Flow *flow, MaskFrame *frame, List *list, AttrNumber number)
{
	if (number == 0)
		follow_from(flow, frame, (Node *) list);
	else if (number > 0 && number <= list_length(list))
		follow_from(flow, frame, list_nth(list, number - 1));
}

static void
follow_var(Flow *flow, const Var *var)
{
	MaskFrame *frame = flow->frame;
	AttrNumber number = var->varattno;
	RangeTblEntry *entry;
	ListCell *cell;

	for (Index level = 0; level < var->varlevelsup; level++)
		frame = frame->outer;
	entry = rt_fetch(var->varno, frame->query->rtable);
	if (is_excluded(frame->query, (int) var->varno))
	{
		foreach (cell, frame->query->targetList)
		{
			TargetEntry *target = lfirst(cell);

			if (!target->resjunk && (number == 0 || target->resno == number))
				follow_from(flow, frame, (Node *) target->expr);
		}
		return;
	}
	switch (entry->rtekind)
	{
		case RTE_RELATION:
			reach_table(flow, frame->tables[var->varno - 1], number);
			break;
		case RTE_SUBQUERY:
			follow_output(flow, frame, entry->subquery, number);
			break;
		case RTE_JOIN:
			follow_list(flow, frame, entry->joinaliasvars, number);
			break;
		case RTE_VALUES:
			foreach (cell, entry->values_lists)
				follow_list(flow, frame, lfirst(cell), number);
			break;
		case RTE_CTE:
			follow_with(flow, frame, entry, number);
			break;
		case RTE_FUNCTION:
			follow_from(flow, frame, (Node *) entry->functions);
			break;
		case RTE_TABLEFUNC:
			follow_from(flow, frame, (Node *) entry->tablefunc);
			break;
		default:
			follow_list(flow, frame, compat_group_expressions(entry), number);
			break;
	}
}

/* One of the columns that UPDATE ... SET (a, b) = (SELECT ...) sets. */
static void
follow_multiexpr(Flow *flow, const Param *param)
{
	ListCell *cell;

	foreach (cell, flow->frame->query->targetList)
	{
		SubLink *link = (SubLink *) ((TargetEntry *) lfirst(cell))->expr;

		if (IsA(link, SubLink) && link->subLinkType == MULTIEXPR_SUBLINK &&
			link->subLinkId == param->paramid >> 16)
			follow_output(flow, flow->frame, castNode(Query, link->subselect),
						  (AttrNumber) (param->paramid & 0xFFFF));
	}
}

/* How many there are tells nobody what they are. */
static bool
is_count(Node *node)
{
	return (IsA(node, Aggref) && ((Aggref *) node)->aggfnoid == F_COUNT_ANY) ||
		   (IsA(node, WindowFunc) && ((WindowFunc *) node)->winfnoid == F_COUNT_ANY);
}

static bool
is_cast(const FuncExpr *call)
{
	return call->funcformat == COERCE_EXPLICIT_CAST || call->funcformat == COERCE_IMPLICIT_CAST;
}

/* A yes or no that is itself the value, or a part of one, and is passed on. */
static bool
is_boolean_value(Node *node)
{
	switch (nodeTag(node))
	{
		case T_Var:
		case T_FuncExpr:
		case T_SubscriptingRef:
		case T_FieldSelect:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_CoerceToDomain:
		case T_CaseExpr:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
		case T_Aggref:
		case T_WindowFunc:
		case T_SubLink:
			return getBaseType(exprType(node)) == BOOLOID;
		default:
			return false;
	}
}

/* A yes or no, which is made of values only where these are such. */
static bool
is_truth(Node *node)
{
	switch (nodeTag(node))
	{
		case T_NullTest:
		case T_BooleanTest:
		case T_BoolExpr:
		case T_ScalarArrayOpExpr:
		case T_RowCompareExpr:
		case T_DistinctExpr:
			return true;
		case T_OpExpr:
			return exprType(node) == BOOLOID;
		case T_FuncExpr:
			return exprType(node) == BOOLOID && !is_cast((FuncExpr *) node);
		case T_SubLink:
			return ((SubLink *) node)->subLinkType != EXPR_SUBLINK &&
				   ((SubLink *) node)->subLinkType != ARRAY_SUBLINK;
		default:
			return false;
	}
}

/* Of a type that has a class, so that it is sealed. */
static bool
is_sealed(Node *node)
{
	return (IsA(node, FuncExpr) || IsA(node, CoerceViaIO) || IsA(node, RelabelType)) &&
		   LabelTypeHasClass(exprType(node));
}

static bool
follow(Node *node, void *context)
{
	Flow *flow = context;
	bool truth = flow->truth;
	bool sealed = flow->sealed;

	if (node == NULL || is_count(node) || JobMasksColumn(node))
		return false;
	check_stack_depth();
	if (IsA(node, Var) && flow->converted != NULL)
	{
		flow->truth = truth && !is_boolean_value(node);
		reach_converted(flow, ((Var *) node)->varattno);
		flow->truth = truth;
		return false;
	}
	if (IsA(node, Var))
	{
		if (!flow->truth || is_boolean_value(node))
		{
			flow->truth = false;
			follow_var(flow, (Var *) node);
			flow->truth = truth;
		}
		return false;
	}
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_MULTIEXPR)
	{
		follow_multiexpr(flow, (Param *) node);
		return false;
	}
	flow->sealed |= is_sealed(node);
	flow->truth = is_truth(node) || (flow->truth && !is_boolean_value(node));
	if (!IsA(node, SubLink))
		(void) expression_tree_walker(node, follow, context);
	else if (!flow->truth || is_boolean_value(node))
	{
		flow->truth = false;
		if (!is_truth(node))
			follow_output(flow, flow->frame, castNode(Query, ((SubLink *) node)->subselect), 0);
	}
	flow->truth = truth;
	flow->sealed = sealed;
	return false;
}

/* ---------------------------------------------------------------- what is written */

static void
follow_column(MaskRewrite *rewrite, MaskFrame *frame, TargetEntry *target, int32 class_id,
			  const char *name)
{
	Flow flow = {.rewrite = rewrite, .class_id = class_id, .column = name};

	flow.new_table = frame->query->commandType == CMD_SELECT &&
					 rewrite->statement->destination == MASKING_TO_TABLE;
	follow_from(&flow, frame, (Node *) target->expr);
	follow_branches(&flow, frame, target->resno);
}

static void
follow_targets(MaskRewrite *rewrite, MaskFrame *frame, List *targets, const LabelledTable *labels)
{
	ListCell *cell;

	foreach (cell, targets)
	{
		TargetEntry *target = lfirst(cell);
		int32 class_id = CLASS_NONE;

		if (target->resjunk)
			continue;
		if (labels != NULL && target->resno >= 1 && target->resno <= labels->natts)
			class_id = labels->classes[target->resno - 1];
		follow_column(rewrite, frame, target, class_id,
					  target->resname != NULL ? target->resname : "?column?");
	}
}

static bool
is_null(Node *node)
{
	while (IsA(node, RelabelType) || IsA(node, CoerceToDomain) ||
		   (IsA(node, FuncExpr) && is_cast((FuncExpr *) node)))
		node = IsA(node, RelabelType)      ? (Node *) ((RelabelType *) node)->arg
			   : IsA(node, CoerceToDomain) ? (Node *) ((CoerceToDomain *) node)->arg
										   : linitial(((FuncExpr *) node)->args);
	return IsA(node, Const) && ((Const *) node)->constisnull;
}

/* A mask that a job puts in the place of its value is none that anybody has made up. */
static bool
is_mask_of_job(Node *node)
{
	while (IsA(node, CoerceToDomain))
		node = (Node *) ((CoerceToDomain *) node)->arg;
	return JobMasksColumn(node);
}

/* Classes whose values a statement writes, for the right to which is asked when it runs. */
static void
note_written(MaskRewrite *rewrite, MaskFrame *frame, List *targets)
{
	Query *query = frame->query;
	MaskedTable *table = frame->tables[query->resultRelation - 1];
	Bitmapset *named;
	ListCell *cell;

	if (table == NULL || !(table->unprivileged || frame->through_view))
		return;
	named = compat_query_written_columns(query, rt_fetch(query->resultRelation, query->rtable));
	foreach (cell, targets)
	{
		TargetEntry *target = lfirst(cell);

		if (!target->resjunk && target->resno >= 1 && target->resno <= table->natts &&
			CLASS_IS_NAMED(table->columns[target->resno - 1].class_id) &&
			bms_is_member(target->resno - FirstLowInvalidHeapAttributeNumber, named) &&
			!is_null((Node *) target->expr) && !is_mask_of_job((Node *) target->expr))
			rewrite->planning->written = list_append_unique_int(
				rewrite->planning->written, table->columns[target->resno - 1].class_id);
	}
}

static void
follow_written(MaskRewrite *rewrite, MaskFrame *frame, List *targets, const LabelledTable *labels)
{
	follow_targets(rewrite, frame, targets, labels);
	note_written(rewrite, frame, targets);
}

static void
follow_query(MaskRewrite *rewrite, MaskFrame *frame)
{
	Query *query = frame->query;
	LabelledTable *labels;
	ListCell *cell;

	if (query->commandType != CMD_INSERT && query->commandType != CMD_UPDATE &&
		query->commandType != CMD_MERGE)
		return;
	labels = LabelFind(rt_fetch(query->resultRelation, query->rtable)->relid);
	if (query->commandType != CMD_MERGE)
		follow_written(rewrite, frame, query->targetList, labels);
	if (query->onConflict != NULL)
		follow_written(rewrite, frame, query->onConflict->onConflictSet, labels);
	foreach (cell, query->mergeActionList)
		follow_written(rewrite, frame, ((MergeAction *) lfirst(cell))->targetList, labels);
}

/* Rows are written by a statement, and by those in its WITH. */
void
MaskStoredColumns(MaskRewrite *rewrite, MaskFrame *top)
{
	const MaskingStatement *statement = rewrite->statement;
	ListCell *cell;

	if (top->query->commandType == CMD_SELECT && statement != NULL &&
		(statement->destination == MASKING_TO_TABLE ||
		 statement->destination == MASKING_TO_REFRESH))
		follow_targets(rewrite, top, top->query->targetList,
					   statement->destination == MASKING_TO_REFRESH ? LabelFind(statement->relation)
																	: NULL);
	follow_query(rewrite, top);
	foreach (cell, top->query->cteList)
	{
		Query *with = castNode(Query, ((CommonTableExpr *) lfirst(cell))->ctequery);

		follow_query(rewrite, MaskFrameOf(rewrite, with, top));
	}
}

void
MaskCheckConversion(const LabelledTable *before, Node *expression, const char *column,
					int32 class_id, bool sealed)
{
	Flow flow = {.converted = before, .column = column, .class_id = class_id, .sealed = sealed};

	follow(expression, &flow);
}

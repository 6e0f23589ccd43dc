/*
 * mask.c
 *		Values that a job replaces by the masks of their classes.
 *
 * A job's statement says UPDATE ... SET name = tarot.anonymized(t.name, false).
 * When it is planned, the call is told the class of the column that it stands
 * in for and reads, and the column is left as it is within the call: so a mask
 * is made of the value itself, whatever the table's owner may see, and goes to
 * the column that it is the mask of, and nowhere else. All other calls raise,
 * also those in the owner's conditions, rules and functions that the same
 * statement runs: with one, whoever makes up values could have their masks.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_func.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/varlena.h"
#include "column/column.h"
#include "gate/gate.h"
#include "jobs/jobs.h"
#include "jobs/run.h"
#include "keys/root.h"
#include "label/label.h"
#include "values/datum.h"

/* The text of a job's statement that is to be planned; its address tells it from all others. */
static const char *own_statement;

/* tarot.job_mask */
static Oid mask_type;

/* ---------------------------------------------------------------- planning */

int
JobExecutePlan(SPIPlanPtr plan, Datum *values, const char *nulls)
{
	const char *before = own_statement;
	volatile int result = 0;

	own_statement = ((CachedPlanSource *) linitial(SPI_plan_get_plan_sources(plan)))->query_string;
	PG_TRY();
	{
		result = SPI_execute_plan(plan, values, nulls, false, 0);
	}
	PG_FINALLY();
	{
		own_statement = before;
	}
	PG_END_TRY();
	return result;
}

bool
JobMasksColumn(Node *node)
{
	const FuncExpr *call = (FuncExpr *) node;
	const Const *mask;

	if (!IsA(node, FuncExpr) || list_length(call->args) != 3)
		return false;
	mask = lthird(call->args);
	return IsA(mask, Const) && !mask->constisnull && mask->consttype == mask_type &&
		   OidIsValid(mask_type);
}

/* Without what makes a value fit the column that it is assigned to. */
static Node *
without_coercions(Node *node)
{
	for (;;)
	{
		if (IsA(node, RelabelType))
			node = (Node *) ((RelabelType *) node)->arg;
		else if (IsA(node, CoerceToDomain))
			node = (Node *) ((CoerceToDomain *) node)->arg;
		else if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcformat == COERCE_IMPLICIT_CAST)
			node = linitial(((FuncExpr *) node)->args);
		else
			return node;
	}
}

/* CLASS_NONE: it has no class. */
static int32
class_of_column(Oid relation, const Var *var)
{
	int32 typmod = var->vartypmod;
	Oid type = getBaseTypeAndTypmod(var->vartype, &typmod);
	const LabelledTable *labels;

	if (OidIsValid(ColumnBaseType(type)))
		return OidIsValid(get_element_type(type)) ? CLASS_NONE : typmod;
	labels = LabelFind(relation);
	return labels != NULL && var->varattno <= labels->natts ? labels->classes[var->varattno - 1]
															: CLASS_NONE;
}

static Expr *
make_mask(FuncExpr *call, const Var *var, int32 class_id)
{
	Oid type = getBaseType(var->vartype);
	Const *mask =
		makeConst(mask_type, -1, InvalidOid, sizeof(int32), Int32GetDatum(class_id), false, true);
	FuncExpr *masked = copyObject(call);

	masked->args = list_make3(linitial(masked->args), lsecond(masked->args), mask);
	masked->funcresulttype = type;
	if (type == var->vartype)
		return (Expr *) masked;
	return (Expr *) coerce_to_domain((Node *) masked, type, -1, var->vartype, COERCION_IMPLICIT,
									 COERCE_IMPLICIT_CAST, -1, false);
}

static void
mask_columns(Query *query, Oid function)
{
	Oid relation = rt_fetch(query->resultRelation, query->rtable)->relid;
	ListCell *cell;

	foreach (cell, query->targetList)
	{
		TargetEntry *target = lfirst(cell);
		FuncExpr *call = (FuncExpr *) without_coercions((Node *) target->expr);
		const Var *var;
		int32 class_id;

		if (!IsA(call, FuncExpr) || call->funcid != function || list_length(call->args) != 2)
			continue;
		var = linitial(call->args);
		if (!IsA(var, Var) || (int) var->varno != query->resultRelation || var->varlevelsup != 0 ||
			var->varattno != target->resno)
			continue;
		class_id = class_of_column(relation, var);
		if (CLASS_IS_NAMED(class_id))
			target->expr = make_mask(call, var, class_id);
	}
}

static Oid
find_function(void)
{
	Oid arguments[3] = {ANYELEMENTOID, BOOLOID};

	mask_type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("job_mask"),
								ObjectIdGetDatum(get_namespace_oid("tarot", false)));
	arguments[2] = mask_type;
	return LookupFuncName(
		list_make2(makeString(pstrdup("tarot")), makeString(pstrdup("anonymized"))), 3, arguments,
		false);
}

void
JobMaskColumns(Query *query, const char *text)
{
	ListCell *cell;

	if (likely(own_statement == NULL) || text != own_statement)
		return;
	own_statement = NULL;
	foreach (cell, query->cteList)
	{
		Query *with = castNode(Query, ((CommonTableExpr *) lfirst(cell))->ctequery);

		/* What a rule of the owner's has put in its place may be of any table. */
		if (with->commandType == CMD_UPDATE && with->querySource == QSRC_ORIGINAL)
			mask_columns(with, find_function());
	}
}

/* ---------------------------------------------------------------- running */

/* What one call site keeps. */
typedef struct MaskingSite
{
	MaskedType *type; /* NULL: it is encrypted */
	GateSite gate;
} MaskingSite;

static MaskingSite *
make_site(FunctionCallInfo fcinfo)
{
	Node *column = linitial(((FuncExpr *) fcinfo->flinfo->fn_expr)->args);
	MemoryContext before = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	MaskingSite *site = palloc0(sizeof(MaskingSite));

	if (!OidIsValid(ColumnBaseType(exprType(column))))
		site->type = ClassMaskedType(PG_GETARG_INT32(2), exprType(column), exprTypmod(column));
	MemoryContextSwitchTo(before);
	return site;
}

/* False for NULL. What nobody can read any more stays as it is. */
static bool
mask_sealed(MaskingSite *site, int32 class_id, Datum value, Datum *masked)
{
	Envelope envelope;
	struct varlena *sealed;

	CryptoCheck(envelope_parse(BytesOfVarlena(PG_DETOAST_DATUM_PACKED(value)), &envelope));
	if ((int32) envelope.header.class_id != class_id)
		CryptoRaise(CRYPTO_MALFORMED);
	switch (GateSealMask(&site->gate, &envelope, &sealed))
	{
		case GATE_MASKED:
			*masked = PointerGetDatum(sealed);
			return true;
		case GATE_SHREDDED:
			*masked = value;
			return true;
		default:
			return false;
	}
}

/*
 * tarot.anonymized(value anyelement, done boolean, mask tarot.job_mask) RETURNS anyelement
 */
PG_FUNCTION_INFO_V1(tarot_jobs_anonymized);
Datum
tarot_jobs_anonymized(PG_FUNCTION_ARGS)
{
	MaskingSite *site = fcinfo->flinfo->fn_extra;
	Datum masked;
	bool shown;

	if (PG_ARGISNULL(2))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("values are replaced by their masks by statements of jobs alone"),
						errdetail("Elsewhere a mask could be had of any value.")));
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(1) && PG_GETARG_BOOL(1))
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	if (unlikely(site == NULL))
		fcinfo->flinfo->fn_extra = site = make_site(fcinfo);
	if (site->type != NULL)
		shown = ClassMaskDatum(site->type, PG_GETARG_DATUM(0), &masked);
	else
		shown = mask_sealed(site, PG_GETARG_INT32(2), PG_GETARG_DATUM(0), &masked);
	if (!shown)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(masked);
}

/*
 * tarot.job_mask_in(cstring) RETURNS tarot.job_mask
 */
PG_FUNCTION_INFO_V1(tarot_jobs_job_mask_in);
Datum
tarot_jobs_job_mask_in(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("values of type tarot.job_mask are made by the planner alone"),
					errdetail("With one a mask could be had of any value.")));
}

/*
 * tarot.job_mask_out(tarot.job_mask) RETURNS cstring
 */
PG_FUNCTION_INFO_V1(tarot_jobs_job_mask_out);
Datum
tarot_jobs_job_mask_out(PG_FUNCTION_ARGS)
{
	const DataClass *data_class = ClassFind(PG_GETARG_INT32(0));

	PG_RETURN_CSTRING(psprintf("[%s]", data_class->exists ? data_class->name : "unknown"));
}

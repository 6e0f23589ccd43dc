/*
 * fill.c
 *		Filling the new column of a conversion: the old rows in batches, by a
 *		trigger what writers bring meanwhile. And erasing what the old one held.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#include "column/batch.h"
#include "column/conversion.h"
#include "convert/conversion.h"
#include "gate/gate.h"

/* Kinds of jobs; their target is the number of the old column in the root table. */
#define FILL "fill"
#define ERASE "erase"

/* How a value of the one column becomes one of the other. */
typedef struct Filling
{
	int from; /* indexes, from 0 */
	int to;
	FmgrInfo cast;
	int32 typmod;
} Filling;

static void
prepare_filling(Filling *filling, Relation relation, const char *column, const char *shadow,
				MemoryContext context)
{
	TupleDesc desc = RelationGetDescr(relation);
	Oid function = InvalidOid;

	filling->from = get_attnum(RelationGetRelid(relation), column) - 1;
	filling->to = get_attnum(RelationGetRelid(relation), shadow) - 1;
	if (filling->from < 0 || filling->to < 0)
		ConversionRaiseLostColumn(relation);

	/* Its owner may have changed a type, but gets no cast of his own called with our rights. */
	if (find_coercion_pathway(TupleDescAttr(desc, filling->to)->atttypid,
							  TupleDescAttr(desc, filling->from)->atttypid, COERCION_ASSIGNMENT,
							  &function) != COERCION_PATH_FUNC ||
		get_func_namespace(function) != get_namespace_oid("tarot", false))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("a column of table \"%s\" that is being converted has another type",
							   RelationGetRelationName(relation)),
						errhint("Call tarot.cancel_conversion().")));
	fmgr_info_cxt(function, &filling->cast, context);
	filling->typmod = TupleDescAttr(desc, filling->to)->atttypmod;
}

static Datum
cast_value(Filling *filling, Datum value)
{
	LOCAL_FCINFO(fcinfo, 3);
	int outer_rewrite = GateRewriteDepth;
	volatile Datum result = (Datum) 0;

	InitFunctionCallInfoData(*fcinfo, &filling->cast, filling->cast.fn_nargs, InvalidOid, NULL,
							 NULL);
	fcinfo->args[0] = (NullableDatum){value, false};
	fcinfo->args[1] = (NullableDatum){Int32GetDatum(filling->typmod), false};
	fcinfo->args[2] = (NullableDatum){BoolGetDatum(false), false};

	/* As in ALTER TABLE: a mask would become the data. */
	GateRewriteDepth++;
	PG_TRY();
	{
		result = FunctionCallInvoke(fcinfo);
	}
	PG_FINALLY();
	{
		GateRewriteDepth = outer_rewrite;
	}
	PG_END_TRY();
	if (fcinfo->isnull)
		elog(ERROR, "a cast of a conversion returned NULL");
	return result;
}

static void
fill_row(const TupleTableSlot *old_row, TupleTableSlot *new_row, BatchRow *row, void *argument)
{
	Filling *filling = argument;

	if (old_row->tts_isnull[filling->from] || !old_row->tts_isnull[filling->to])
		return;
	new_row->tts_values[filling->to] = cast_value(filling, old_row->tts_values[filling->from]);
	new_row->tts_isnull[filling->to] = false;
	row->values = 1;
}

/* The new row is without what dropped columns held already. */
static void
erase_row(const TupleTableSlot *old_row, TupleTableSlot *new_row, BatchRow *row, void *argument)
{
	(void) argument;
	for (int i = 0; i < new_row->tts_tupleDescriptor->natts; i++)
	{
		if (TupleDescAttr(new_row->tts_tupleDescriptor, i)->attisdropped && !old_row->tts_isnull[i])
			row->values++;
	}
}

/* A batch of one table; false when it is done. */
static bool
run_batch(Relation relation, const Conversion *conversion, const char *column, int64 limit)
{
	const char *kind = conversion->erasing ? ERASE : FILL;
	const char *obstacle = BatchObstacle(relation);
	Filling filling = {0};
	TableJob job;
	bool more;

	if (obstacle != NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("the rows of \"%s\" cannot be converted",
							   RelationGetRelationName(relation)),
						errdetail_internal("%s", obstacle)));
	if (!conversion->erasing)
		prepare_filling(&filling, relation, column, NameStr(conversion->shadow),
						CurrentMemoryContext);
	more = BatchRun(relation, kind, conversion->number, limit,
					conversion->erasing ? erase_row : fill_row, &filling, &job);
	if (!more && !job.finished)
	{
		/* The first batch, also of a partition that came up meanwhile. */
		SPI_connect();
		TableJobStart(relation, kind, conversion->number);
		SPI_finish();
		return true;
	}
	return more;
}

static bool
run_batches(Oid root, const Conversion *conversion, const char *column, int64 limit)
{
	ListCell *cell;
	bool more = false;

	foreach (cell, find_all_inheritors(root, NoLock, NULL))
	{
		Relation relation;

		if (more || get_rel_relkind(lfirst_oid(cell)) == RELKIND_PARTITIONED_TABLE)
			continue;
		relation = try_table_open(lfirst_oid(cell), RowExclusiveLock);
		if (relation == NULL)
			continue; /* dropped meanwhile */
		ConversionRequireOwner(lfirst_oid(cell));
		more = run_batch(relation, conversion, column, limit);
		table_close(relation, NoLock);
	}
	return more;
}

/*
 * tarot.conversion_batch(relation oid, "column" name, batch integer) RETURNS boolean
 *
 * Fills the new column, or erases what the dropped one held. False when all is done.
 */
PG_FUNCTION_INFO_V1(tarot_convert_conversion_batch);
Datum
tarot_convert_conversion_batch(PG_FUNCTION_ARGS)
{
	Oid root = PG_GETARG_OID(0);
	Name column = PG_GETARG_NAME(1);
	Conversion conversion;

	ConversionRequireOwner(root);
	if (!ConversionLock(root, column, &conversion))
		PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(run_batches(root, &conversion, NameStr(*column), PG_GETARG_INT32(2)));
}

/* ---------------------------------------------------------------- the trigger */

/* What a statement's calls of the trigger have found out. */
typedef struct TriggerSite
{
	Filling filling;
	Oid role; /* whose grants count: who converts, not who writes */
} TriggerSite;

static TriggerSite *
get_trigger_site(FunctionCallInfo fcinfo, Relation relation, const char *column)
{
	TriggerSite *site = fcinfo->flinfo->fn_extra;
	ColumnConversion conversion;

	if (likely(site != NULL))
		return site;
	if (ColumnConversionFind(relation, column, &conversion))
	{
		site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(TriggerSite));
		prepare_filling(&site->filling, relation, column, NameStr(conversion.shadow),
						fcinfo->flinfo->fn_mcxt);
		site->role = conversion.role;
		fcinfo->flinfo->fn_extra = site;
		return site;
	}
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("column \"%s\" of table \"%s\" is not being converted", column,
						   RelationGetRelationName(relation)),
					errdetail("The trigger may have come with a dump that was made meanwhile."),
					errhint("Drop the trigger, and the column that it fills.")));
}

/*
 * tarot.fill_converted_column() RETURNS trigger
 *
 * BEFORE INSERT OR UPDATE: what writers put into the old column, the new one gets too.
 */
PG_FUNCTION_INFO_V1(tarot_convert_fill_converted_column);
Datum
tarot_convert_fill_converted_column(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TriggerSite *site;
	TupleDesc desc;
	HeapTuple old_row;
	HeapTuple new_row;
	Form_pg_attribute from;
	int number;
	Datum old_value;
	Datum value;
	bool isnull;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ||
		trigger->tg_trigger->tgnargs != 1)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("tarot.fill_converted_column() is a trigger of tarot.encrypt_column()")));
	site = get_trigger_site(fcinfo, trigger->tg_relation, trigger->tg_trigger->tgargs[0]);
	desc = RelationGetDescr(trigger->tg_relation);
	from = TupleDescAttr(desc, site->filling.from);
	number = site->filling.to + 1;
	old_row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_trigtuple : NULL;
	new_row = old_row != NULL ? trigger->tg_newtuple : trigger->tg_trigtuple;

	value = heap_getattr(new_row, site->filling.from + 1, desc, &isnull);
	if (!isnull && old_row != NULL)
	{
		bool old_isnull;
		Datum done = heap_getattr(old_row, number, desc, &old_isnull);

		/* As it was, and converted already. */
		if (!old_isnull)
		{
			old_value = heap_getattr(old_row, site->filling.from + 1, desc, &old_isnull);
			if (!old_isnull && datum_image_eq(old_value, value, from->attbyval, from->attlen))
				return PointerGetDatum(
					heap_modify_tuple_by_cols(new_row, desc, 1, &number, &done, &old_isnull));
		}
	}
	if (!isnull)
	{
		Oid user;
		int context;

		GetUserIdAndSecContext(&user, &context);
		SetUserIdAndSecContext(site->role, context | SECURITY_LOCAL_USERID_CHANGE);
		value = cast_value(&site->filling, value);
		SetUserIdAndSecContext(user, context);
	}
	return PointerGetDatum(heap_modify_tuple_by_cols(new_row, desc, 1, &number, &value, &isnull));
}

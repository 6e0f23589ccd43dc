/*
 * reseal.c
 *		Moves the values of a table to the newest version of their class's key,
 *		a batch a call; reseal.sql has the loop that commits between them.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/varlena.h"
#include "column/batch.h"
#include "column/shape.h"
#include "gate/renew.h"
#include "reseal/reseal.h"

/* The kind of job; its target is the class, or CLASS_NONE for all. */
#define RESEAL "reseal"

/* ---------------------------------------------------------------- who may */

/*
 * The owner of a table, and who rotates keys: moving values to another version
 * shows nothing and changes nothing that they say.
 */
static bool
may_reseal(Oid relation)
{
	Oid arguments[] = {TEXTOID, BOOLOID};
	Oid rotate = LookupFuncName(list_make2(makeString("tarot"), makeString("rotate_key")), 2,
								arguments, false);

	return compat_owns_relation(relation, GetUserId()) || compat_may_execute(rotate, GetUserId()) ||
		   ResealMayRotateSearchKey();
}

/* ---------------------------------------------------------------- which tables */

bool
ResealConcernsClass(Relation relation, int32 class_id)
{
	ColumnShape **shapes = ColumnShapesOf(relation);

	for (int i = 0; shapes != NULL && i < RelationGetNumberOfAttributes(relation); i++)
	{
		if (shapes[i] != NULL &&
			(class_id == CLASS_NONE || ColumnShapeHasClass(shapes[i], class_id)))
			return true;
	}
	return false;
}

/*
 * tarot.start_reseal(target regclass, class text, OUT relations oid[], OUT class_id integer)
 *     RETURNS record
 */
PG_FUNCTION_INFO_V1(tarot_reseal_start);
Datum
tarot_reseal_start(PG_FUNCTION_ARGS)
{
	Oid target = PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0);
	int32 class_id = CLASS_NONE;
	List *tables;
	ListCell *cell;
	Datum *relations;
	int count = 0;
	TupleDesc desc;
	Datum values[2];
	bool nulls[2] = {false, false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (IsTransactionBlock())
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
						errmsg("tarot.reseal() cannot run inside a transaction block"),
						errdetail("It commits each batch.")));
	if (!PG_ARGISNULL(1))
	{
		text *name = PG_GETARG_TEXT_PP(1);

		class_id = ClassIdOfName(BytesOfVarlena(name));
		if (!ClassFind(class_id)->exists)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("data class \"%s\" does not exist", text_to_cstring(name)),
					 errhint("The first argument is a table; a class is given as class => ...")));
	}

	tables = ColumnTables(target);
	relations = palloc(mul_size(Max(list_length(tables), 1), sizeof(Datum)));
	SPI_connect();
	foreach (cell, tables)
	{
		Relation relation = try_relation_open(lfirst_oid(cell), AccessShareLock);
		const char *obstacle;

		if (relation == NULL)
			continue;
		obstacle = BatchObstacle(relation);
		if (!ResealConcernsClass(relation, class_id))
			;
		else if (!may_reseal(RelationGetRelid(relation)))
		{
			if (OidIsValid(target))
				aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(relation->rd_rel->relkind),
							   RelationGetRelationName(relation));
			ereport(
				WARNING,
				(errmsg("skipping \"%s\"", RelationGetRelationName(relation)),
				 errdetail("Only its owner and who may call tarot.rotate_key() can reseal it.")));
		}
		else if (obstacle != NULL)
			ereport(WARNING, (errmsg("skipping \"%s\"", RelationGetRelationName(relation)),
							  errdetail_internal("%s", obstacle)));
		else
		{
			TableJobStart(relation, RESEAL, class_id);
			relations[count++] = ObjectIdGetDatum(RelationGetRelid(relation));
		}
		relation_close(relation, AccessShareLock);
	}
	SPI_finish();
	if (OidIsValid(target) && tables == NIL)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" has no encrypted columns", get_rel_name(target))));

	values[0] =
		PointerGetDatum(construct_array(relations, count, OIDOID, sizeof(Oid), true, TYPALIGN_INT));
	values[1] = Int32GetDatum(class_id);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* ---------------------------------------------------------------- a batch */

typedef struct Renewal
{
	RenewSite site;
	int32 only_class;     /* CLASS_NONE: all */
	ColumnShape **shapes; /* by column; NULL for those without encrypted values */
	BatchRow *row;
} Renewal;

static Datum
renew_value(Datum value, void *argument)
{
	Renewal *renewal = argument;
	EnvelopeHeader header;
	struct varlena *old;
	struct varlena *renewed;

	if (!ColumnPeek(value, &header))
	{
		renewal->row->left++;
		return value;
	}
	if ((renewal->only_class != CLASS_NONE && header.class_id != (uint32) renewal->only_class) ||
		!RenewIsDue(&renewal->site, &header))
		return value;
	old = PG_DETOAST_DATUM_PACKED(value);
	renewed = RenewEnvelope(&renewal->site, BytesOfVarlena(old));
	if (renewed == NULL)
	{
		renewal->row->left++;
		return value;
	}
	renewal->row->values++;
	return PointerGetDatum(renewed);
}

static void
renew_row(const TupleTableSlot *old_row, TupleTableSlot *new_row, BatchRow *row, void *argument)
{
	Renewal *renewal = argument;

	renewal->row = row;
	for (int i = 0; i < new_row->tts_tupleDescriptor->natts; i++)
	{
		if (renewal->shapes[i] != NULL && !old_row->tts_isnull[i])
			new_row->tts_values[i] =
				ColumnWalk(renewal->shapes[i], old_row->tts_values[i], renew_value, renewal);
	}
}

static void
tell_what_stays(Relation relation, const TableJob *job)
{
	if (!job->clean)
		ereport(WARNING,
				(errmsg("values of table \"%s\" keep coming in under an old key version",
						RelationGetRelationName(relation)),
				 errdetail("The table was read %d times.", job->pass),
				 errhint("Call tarot.reseal() again when the subscription or session that writes "
						 "them does so under the new one.")));
	if (job->left > 0)
		ereport(WARNING,
				(errmsg("%lld values of table \"%s\" stay under an old key version",
						(long long) job->left, RelationGetRelationName(relation)),
				 errdetail("They cannot be opened: they are damaged, or their key version is "
						   "suspended or destroyed."),
				 errhint("tarot.key_usage() tells the versions.")));
}

/*
 * tarot.reseal_batch(relation oid, class_id integer, batch integer) RETURNS boolean
 *
 * False when the table is done.
 */
PG_FUNCTION_INFO_V1(tarot_reseal_batch);
Datum
tarot_reseal_batch(PG_FUNCTION_ARGS)
{
	Oid relation_id = PG_GETARG_OID(0);
	int32 class_id = PG_GETARG_INT32(1);
	Relation relation = try_table_open(relation_id, RowExclusiveLock);
	Renewal renewal = {.only_class = class_id};
	TableJob job = {0};
	bool more;

	if (relation == NULL)
		PG_RETURN_BOOL(false); /* dropped meanwhile */
	if (!may_reseal(relation_id))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(relation->rd_rel->relkind),
					   RelationGetRelationName(relation));

	/* It may have become another relation since the job began, or have lost the columns. */
	renewal.shapes = BatchObstacle(relation) == NULL ? ColumnShapesOf(relation) : NULL;
	more = renewal.shapes != NULL &&
		   BatchRun(relation, RESEAL, class_id, PG_GETARG_INT32(2), renew_row, &renewal, &job);
	if (job.finished)
		tell_what_stays(relation, &job);
	table_close(relation, NoLock);
	PG_RETURN_BOOL(more);
}

/*
 * convert.c
 *		Encrypting and decrypting a column beside its writers: what convert.sql
 *		needs of C. The state of a conversion is in tarot.conversion, on which
 *		callers have no privilege; these functions ask who owns the table.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xloginsert.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "rewrite/rewriteHandler.h"
#include "storage/bufmgr.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base/catalog.h"
#include "base/compat.h"
#include "class/access.h"
#include "class/gate.h"
#include "column/batch.h"
#include "column/column.h"
#include "column/types.h"

/* Kinds of jobs; their target is the number of the old column in the root table. */
#define FILL "fill"
#define ERASE "erase"

static void
require_owner(Oid relation)
{
	if (get_rel_name(relation) == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", relation)));
	if (!compat_owns_relation(relation, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relation)),
					   get_rel_name(relation));
}

/*
 * tarot.require_class_access(class text, class_id integer, encrypt boolean, online boolean,
 *                            OUT name text, OUT searchable boolean) RETURNS record
 *
 * By name, or else by number. Raises before any table is locked, where the gate would in the
 * middle of it.
 */
PG_FUNCTION_INFO_V1(tarot_convert_require_class_access);
Datum
tarot_convert_require_class_access(PG_FUNCTION_ARGS)
{
	int32 class_id = PG_ARGISNULL(1) ? CLASS_NONE : PG_GETARG_INT32(1);
	bool encrypt = PG_GETARG_BOOL(2);
	const ClassAccess *access;
	DataClass *data_class;
	char *role = GetUserNameFromId(GetUserId(), true);
	TupleDesc desc;
	Datum values[2];
	bool nulls[2] = {false, false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (PG_GETARG_BOOL(3) && IsTransactionBlock())
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
						errmsg("a column cannot be converted concurrently inside a transaction "
							   "block"),
						errdetail("It commits each batch.")));
	if (!PG_ARGISNULL(0))
	{
		text *name = PG_GETARG_TEXT_PP(0);

		class_id = ClassIdOfName(bytes_view(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)));
		if (!ClassFind(class_id)->exists)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
							errmsg("data class \"%s\" does not exist", text_to_cstring(name)),
							errhint("Create it with tarot.create_class().")));
	}
	data_class = ClassRequire(class_id);
	access = ClassAccessOf(class_id, GetUserId());
	if (!(encrypt ? access->write : access->read == READ_PLAIN))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 encrypt ? errmsg("permission denied to write data class \"%s\"", data_class->name)
						 : errmsg("permission denied to read data class \"%s\"", data_class->name),
				 encrypt ? errdetail("Role \"%s\" has no write access to it.", role)
						 : errdetail("Role \"%s\" has no plain read access to it.", role),
				 errhint("Grant it with tarot.grant_class(%s, %s, %s).",
						 quote_literal_cstr(data_class->name), quote_literal_cstr(role),
						 encrypt ? "..., write => true" : "'plain'")));
	values[0] = CStringGetTextDatum(data_class->name);
	values[1] = BoolGetDatum(data_class->searchable);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* ---------------------------------------------------------------- defaults */

static bool
is_not_built_in(Oid function, void *argument)
{
	(void) argument;
	return function >= FirstNormalObjectId;
}

static bool
calls_others(Node *node, void *argument)
{
	return node != NULL && (check_functions_in_node(node, is_not_built_in, argument) ||
							expression_tree_walker(node, calls_others, argument));
}

/* The constant that an encrypted column's default is, opened; else NULL. Nobody's secret: see
 * GATE_CAST. */
static Node *
open_sealed_default(Relation relation, AttrNumber number, Node *value)
{
	Form_pg_attribute column = TupleDescAttr(RelationGetDescr(relation), number - 1);
	const EncryptedType *type;
	Oid output;
	Oid cast;
	int16 size;
	bool by_value;
	bool is_varlena;

	/* The coercion to the class, of what it is to be sealed from. */
	if (IsA(value, FuncExpr) && list_length(((FuncExpr *) value)->args) > 0 &&
		exprType(linitial(((FuncExpr *) value)->args)) == column->atttypid)
		value = linitial(((FuncExpr *) value)->args);
	if (!IsA(value, Const) || exprType(value) != column->atttypid || ((Const *) value)->constisnull)
		return NULL;
	getTypeOutputInfo(column->atttypid, &output, &is_varlena);
	type = EncryptedTypeOfFunction(output, 0);
	if (find_coercion_pathway(type->base, column->atttypid, COERCION_IMPLICIT, &cast) !=
		COERCION_PATH_FUNC)
		return NULL;
	get_typlenbyval(type->base, &size, &by_value);
	return (Node *) makeConst(type->base, -1, InvalidOid, size,
							  OidFunctionCall1(cast, ((Const *) value)->constvalue), false,
							  by_value);
}

/*
 * tarot.constant_default(relation oid, "column" name) RETURNS text
 *
 * The value of a default that is always the same, as a literal; else NULL.
 */
PG_FUNCTION_INFO_V1(tarot_convert_constant_default);
Datum
tarot_convert_constant_default(PG_FUNCTION_ARGS)
{
	Relation relation = relation_open(PG_GETARG_OID(0), AccessShareLock);
	AttrNumber number = get_attnum(PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1)));
	Node *value;
	char *literal = NULL;

	require_owner(PG_GETARG_OID(0));
	value = number > 0 ? build_column_default(relation, number) : NULL;
	if (value != NULL &&
		ColumnIsEncrypted(TupleDescAttr(RelationGetDescr(relation), number - 1)->atttypid))
		value = open_sealed_default(relation, number, value);

	/* Evaluated with the caller's rights, so by built-in functions alone. */
	else if (value != NULL && !contain_mutable_functions(value) && !calls_others(value, NULL))
		value = (Node *) expression_planner((Expr *) value);
	if (value != NULL && IsA(value, Const))
	{
		Const *constant = (Const *) value;
		Oid output;
		bool is_varlena;

		getTypeOutputInfo(constant->consttype, &output, &is_varlena);
		literal = constant->constisnull
					  ? "NULL"
					  : quote_literal_cstr(OidOutputFunctionCall(output, constant->constvalue));
	}
	relation_close(relation, AccessShareLock);
	if (literal == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(literal));
}

/* ---------------------------------------------------------------- the state */

/* Columns of tarot.conversion, as in convert.sql */
enum
{
	CONVERSION_RELATION = 1,
	CONVERSION_COLUMN = 2,
	CONVERSION_SHADOW = 4,
	CONVERSION_ROLE = 8,
};

typedef struct Conversion
{
	AttrNumber number; /* of the old column */
	NameData shadow;
	bool encrypt;
	bool erasing;
} Conversion;

/* Leaves the row in SPI's result. */
static bool
find_conversion(Oid relation, Name column)
{
	Oid types[] = {OIDOID, NAMEOID};
	Datum values[] = {ObjectIdGetDatum(relation), NameGetDatum(column)};

	TableJobExecute(
		"conversion",
		"SELECT c.number, c.shadow, c.encrypt, c.phase, c.class FROM tarot.conversion c "
		"WHERE c.relation = $1 AND c.\"column\" = $2 FOR UPDATE",
		lengthof(types), types, values, NULL);
	return SPI_processed > 0;
}

/*
 * tarot.find_conversion(relation oid, "column" name, OUT number smallint, OUT shadow name,
 *                       OUT encrypt boolean, OUT phase text, OUT class text) RETURNS record
 *
 * Locks it until the transaction ends, so that two callers take turns.
 */
PG_FUNCTION_INFO_V1(tarot_convert_find_conversion);
Datum
tarot_convert_find_conversion(PG_FUNCTION_ARGS)
{
	Oid relation = PG_GETARG_OID(0);
	TupleDesc desc;
	Datum result;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);
	require_owner(relation);
	SPI_connect();
	if (!find_conversion(relation, PG_GETARG_NAME(1)))
	{
		SPI_finish();
		PG_RETURN_NULL();
	}
	result = PointerGetDatum(SPI_returntuple(SPI_tuptable->vals[0], desc));
	SPI_finish();
	PG_RETURN_DATUM(result);
}

/*
 * tarot.set_conversion(relation oid, "column" name, number smallint, shadow name,
 *                      encrypt boolean, phase text, class text) RETURNS void
 *
 * With phase NULL the conversion is over.
 */
PG_FUNCTION_INFO_V1(tarot_convert_set_conversion);
Datum
tarot_convert_set_conversion(PG_FUNCTION_ARGS)
{
	Oid types[] = {OIDOID, NAMEOID, INT2OID, NAMEOID, BOOLOID, TEXTOID, TEXTOID, OIDOID, INT4OID};
	Datum values[lengthof(types)];
	char nulls[lengthof(types) + 1];

	for (int i = 0; i < 7; i++)
	{
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
		values[i] = PG_GETARG_DATUM(i);
	}
	values[7] = ObjectIdGetDatum(GetUserId());
	values[8] = Int32GetDatum(MyProcPid);
	nulls[7] = nulls[8] = ' ';
	nulls[9] = '\0';
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("table and column must not be null")));
	require_owner(PG_GETARG_OID(0));

	SPI_connect();
	if (!PG_ARGISNULL(5))
		TableJobExecute("conversion",
						"INSERT INTO tarot.conversion AS c (relation, \"column\", number, shadow, "
						"encrypt, phase, class, role, pid) VALUES ($1, $2, $3, $4, $5, $6, $7, "
						"$8, $9) ON CONFLICT ON CONSTRAINT conversion_pkey DO UPDATE SET "
						"phase = excluded.phase, role = excluded.role, pid = excluded.pid, "
						"updated_at = clock_timestamp()",
						lengthof(types), types, values, nulls);
	else
	{
		TableJobExecute(
			"table_job",
			"DELETE FROM tarot.table_job j USING tarot.conversion c "
			"WHERE c.relation = $1 AND c.\"column\" = $2 AND j.kind IN ('fill', 'erase') "
			"AND j.target = c.number AND (j.relation = c.relation "
			"OR j.relation IN (SELECT relid FROM pg_catalog.pg_partition_tree(c.relation)))",
			2, types, values, nulls);
		TableJobExecute("conversion",
						"DELETE FROM tarot.conversion WHERE relation = $1 AND \"column\" = $2", 2,
						types, values, nulls);
	}
	SPI_finish();
	PG_RETURN_VOID();
}

/* ---------------------------------------------------------------- batches */

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
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("table \"%s\" has lost a column that is being converted",
							   RelationGetRelationName(relation)),
						errhint("Call tarot.cancel_conversion().")));

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
		require_owner(lfirst_oid(cell));
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
	Conversion conversion = {0};

	require_owner(root);
	SPI_connect();
	if (!find_conversion(root, column))
	{
		SPI_finish();
		PG_RETURN_BOOL(false);
	}
	else
	{
		HeapTuple tuple = SPI_tuptable->vals[0];
		TupleDesc desc = SPI_tuptable->tupdesc;
		bool isnull;

		conversion.number = DatumGetInt16(SPI_getbinval(tuple, desc, 1, &isnull));
		namestrcpy(&conversion.shadow, SPI_getvalue(tuple, desc, 2));
		conversion.erasing = strcmp(SPI_getvalue(tuple, desc, 4), "erasing") == 0;
	}
	SPI_finish();

	PG_RETURN_BOOL(run_batches(root, &conversion, NameStr(*column), PG_GETARG_INT32(2)));
}

/* ---------------------------------------------------------------- the trigger */

/* What a statement's calls of the trigger have found out. */
typedef struct TriggerSite
{
	Filling filling;
	Oid role; /* whose grants count: who converts, not who writes */
} TriggerSite;

/* Of the table, or one that it is a partition of. */
static bool
read_conversion(Oid relation, const char *column, Name shadow, Oid *role)
{
	Relation table = CatalogOpen("conversion", AccessShareLock);
	NameData name;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;
	bool found;
	bool isnull;

	namestrcpy(&name, column);
	ScanKeyInit(&keys[0], CONVERSION_RELATION, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relation));
	ScanKeyInit(&keys[1], CONVERSION_COLUMN, BTEqualStrategyNumber, F_NAMEEQ, NameGetDatum(&name));
	scan = CatalogScan(table, "conversion_pkey", 2, keys);
	tuple = systable_getnext(scan);
	found = HeapTupleIsValid(tuple);
	if (found)
	{
		*shadow =
			*DatumGetName(heap_getattr(tuple, CONVERSION_SHADOW, RelationGetDescr(table), &isnull));
		*role = DatumGetObjectId(
			heap_getattr(tuple, CONVERSION_ROLE, RelationGetDescr(table), &isnull));
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return found;
}

static TriggerSite *
get_trigger_site(FunctionCallInfo fcinfo, Relation relation, const char *column)
{
	TriggerSite *site = fcinfo->flinfo->fn_extra;
	NameData shadow;
	List *roots;
	ListCell *cell;

	if (likely(site != NULL))
		return site;
	site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(TriggerSite));
	roots = list_make1_oid(RelationGetRelid(relation));
	if (relation->rd_rel->relispartition)
		roots = list_concat(roots, get_partition_ancestors(RelationGetRelid(relation)));
	foreach (cell, roots)
	{
		if (!read_conversion(lfirst_oid(cell), column, &shadow, &site->role))
			continue;
		prepare_filling(&site->filling, relation, column, NameStr(shadow), fcinfo->flinfo->fn_mcxt);
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

/* ---------------------------------------------------------------- free space */

/* True if there was anything in the hole between the line pointers and the rows. */
static bool
wipe_page(Relation relation, BlockNumber block)
{
	Buffer buffer = ReadBuffer(relation, block);
	Page page = BufferGetPage(buffer);
	PageHeader header = (PageHeader) page;
	bool dirty = false;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	if (!PageIsNew(page))
	{
		for (int i = header->pd_lower; i < header->pd_upper && !dirty; i++)
			dirty = page[i] != 0;
	}
	if (dirty)
	{
		START_CRIT_SECTION();
		memset(page + header->pd_lower, 0, header->pd_upper - header->pd_lower);
		MarkBufferDirty(buffer);

		/* An image of the page, in which the hole is zeros: standbys have it too. */
		if (RelationNeedsWAL(relation))
			log_newpage_buffer(buffer, true);
		END_CRIT_SECTION();
	}
	UnlockReleaseBuffer(buffer);
	return dirty;
}

static int64
wipe_relation(Relation relation)
{
	int64 pages = 0;

	BlockNumber blocks = RelationGetNumberOfBlocks(relation);

	for (BlockNumber block = 0; block < blocks; block++)
	{
		CHECK_FOR_INTERRUPTS();
		if (wipe_page(relation, block))
			pages++;
	}
	return pages;
}

/*
 * tarot.wipe_free_space(target regclass) RETURNS bigint
 *
 * VACUUM removes dead rows by forgetting where they are; their bytes stay in
 * the page until it needs the space.
 */
PG_FUNCTION_INFO_V1(tarot_convert_wipe_free_space);
Datum
tarot_convert_wipe_free_space(PG_FUNCTION_ARGS)
{
	int64 pages = 0;
	ListCell *cell;

	PreventCommandDuringRecovery("tarot.wipe_free_space()");
	require_owner(PG_GETARG_OID(0));
	foreach (cell, find_all_inheritors(PG_GETARG_OID(0), NoLock, NULL))
	{
		Relation relation = try_relation_open(lfirst_oid(cell), RowExclusiveLock);

		if (relation == NULL)
			continue;
		require_owner(lfirst_oid(cell));
		if ((relation->rd_rel->relkind == RELKIND_RELATION ||
			 relation->rd_rel->relkind == RELKIND_MATVIEW) &&
			relation->rd_rel->relam == HEAP_TABLE_AM_OID && !RELATION_IS_OTHER_TEMP(relation))
		{
			pages += wipe_relation(relation);
			if (OidIsValid(relation->rd_rel->reltoastrelid))
			{
				Relation toast = table_open(relation->rd_rel->reltoastrelid, RowExclusiveLock);

				pages += wipe_relation(toast);
				table_close(toast, NoLock);
			}
		}
		relation_close(relation, NoLock);
	}
	PG_RETURN_INT64(pages);
}

/*
 * search_key.c
 *		Giving a class another search key, while its values are searched.
 *
 * First values get a second tag, by the next key (gate/search.h). When all
 * have it, that key becomes the active one: in one transaction, which locks
 * every table of the class and makes every index anew that compares its values.
 * So whoever compares has a lock on a table, and sees either all by the old key
 * or all by the new one. search_key.sql has the procedure that goes through it;
 * the locks are in search_tables.c, the indexes in search_indexes.c.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/varlena.h"
#include "column/batch.h"
#include "column/shape.h"
#include "gate/gate.h"
#include "gate/search.h"
#include "reseal/reseal.h"

/* ---------------------------------------------------------------- who may */

bool
ResealMayRotateSearchKey(void)
{
	Oid arguments[] = {TEXTOID, INT4OID, INTERVALOID, TEXTOID, INT4OID};
	Oid schema = get_namespace_oid("tarot", false);
	Oid rotate = GetSysCacheOid3(
		PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum("rotate_search_key"),
		PointerGetDatum(buildoidvector(arguments, lengthof(arguments))), ObjectIdGetDatum(schema));

	return OidIsValid(rotate) && compat_may_execute(rotate, GetUserId());
}

static void
require_rotator(void)
{
	if (!ResealMayRotateSearchKey())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for procedure tarot.rotate_search_key")));
}

static int32
class_of_name(text *name)
{
	return ClassIdOfName(BytesOfVarlena(name));
}

/* ---------------------------------------------------------------- values */

typedef struct Lack
{
	int32 class_id;
	int generation;
	AttrNumber column; /* that has a value without the tag, or 0 */
	bool found;
} Lack;

static Datum
look_for_tag(Datum value, void *argument)
{
	Lack *lack = argument;
	EnvelopeHeader header;

	if (!ColumnPeek(value, &header) || (header.class_id == (uint32) lack->class_id &&
										SearchTagOfHeader(&header, lack->generation) == NULL))
		lack->found = true;
	return value;
}

static bool
look_for_tags(const ColumnShape *shape, AttrNumber column, Datum value, void *argument)
{
	Lack *lack = argument;

	if (ColumnShapeHasClass(shape, lack->class_id))
		ColumnWalk(shape, value, look_for_tag, lack);
	if (lack->found)
		lack->column = column;
	return !lack->found;
}

/* Where a value is that has no tag of the generation, as a sentence; or NULL. */
static char *
find_lack(List *tables, int32 class_id, int generation)
{
	ListCell *cell;

	foreach (cell, tables)
	{
		Lack lack = {.class_id = class_id, .generation = generation};
		Relation relation = try_relation_open(lfirst_oid(cell), NoLock);
		ColumnShape **shapes;
		char *found = NULL;

		if (relation == NULL)
			continue; /* dropped before it was locked */
		shapes = ColumnShapesOf(relation);
		if (shapes != NULL)
			ColumnScan(relation, shapes, look_for_tags, &lack);
		if (lack.found)
			found = psprintf(
				"Column \"%s\" of table \"%s\" holds at least one.",
				NameStr(TupleDescAttr(RelationGetDescr(relation), lack.column - 1)->attname),
				RelationGetRelationName(relation));
		relation_close(relation, NoLock);
		if (found != NULL)
			return found;
	}
	return NULL;
}

/* ---------------------------------------------------------------- the steps of search_key.sql */

/*
 * tarot.start_search_key(class text, normalization text, search_bits integer) RETURNS text
 *
 * Begins a change, or finds the one that was begun; which step is next.
 */
PG_FUNCTION_INFO_V1(tarot_reseal_start_search_key);
Datum
tarot_reseal_start_search_key(PG_FUNCTION_ARGS)
{
	Oid types[] = {TEXTOID, TEXTOID, INT4OID};
	Datum values[lengthof(types)];
	char nulls[lengthof(types)];
	MemoryContext caller_context = CurrentMemoryContext;
	MemoryContext spi_context;
	char *step;

	require_rotator();
	if (IsTransactionBlock())
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
						errmsg("tarot.rotate_search_key() cannot run inside a transaction block"),
						errdetail("It commits each step.")));
	for (int i = 0; i < (int) lengthof(types); i++)
	{
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
		values[i] = PG_ARGISNULL(i) ? (Datum) 0 : PG_GETARG_DATUM(i);
	}
	SPI_connect();
	TableJobExecute("search_key", "SELECT tarot.begin_search_key($1, $2, $3)", lengthof(types),
					types, values, nulls);
	spi_context = MemoryContextSwitchTo(caller_context);
	step = pstrdup(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	MemoryContextSwitchTo(spi_context);
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(step));
}

/*
 * tarot.switch_search_key(class text) RETURNS text
 *
 * NULL when the next search key has become the active one, else why not: where
 * a value lies that lacks its tag.
 */
PG_FUNCTION_INFO_V1(tarot_reseal_switch_search_key);
Datum
tarot_reseal_switch_search_key(PG_FUNCTION_ARGS)
{
	int32 class_id = class_of_name(PG_GETARG_TEXT_PP(0));
	Oid types[] = {INT4OID};
	Datum values[] = {Int32GetDatum(class_id)};
	Oid outer_caller = GateMaintenanceCaller;
	List *tables;
	DataClass *data_class;
	char *lack;

	require_rotator();
	tables = ResealLockTables(class_id);
	data_class = ClassRequire(class_id);
	if (data_class->next_search.spec.generation == 0)
		PG_RETURN_NULL(); /* somebody else was faster, or gave it up */
	lack = find_lack(tables, class_id, data_class->next_search.spec.generation);
	if (lack != NULL)
		PG_RETURN_TEXT_P(cstring_to_text(lack));

	GateMaintenanceCaller = GetUserId();
	PG_TRY();
	{
		SPI_connect();
		TableJobExecute("search_key", "SELECT tarot.activate_search_key($1)", lengthof(types),
						types, values, NULL);
		SPI_finish();
	}
	PG_FINALLY();
	{
		GateMaintenanceCaller = outer_caller;
	}
	PG_END_TRY();
	PG_RETURN_NULL();
}

/*
 * tarot.retire_search_key(class text) RETURNS void
 *
 * The last step: its tags are gone.
 */
PG_FUNCTION_INFO_V1(tarot_reseal_retire_search_key);
Datum
tarot_reseal_retire_search_key(PG_FUNCTION_ARGS)
{
	Oid types[] = {INT4OID};
	Datum values[] = {Int32GetDatum(class_of_name(PG_GETARG_TEXT_PP(0)))};

	require_rotator();
	SPI_connect();
	TableJobExecute("search_key",
					"UPDATE tarot.search_key SET state = 'retired', since = now() "
					"WHERE class_id = $1 AND state = 'retiring'",
					lengthof(types), types, values, NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

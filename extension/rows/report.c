/*
 * report.c
 *		Counts what a role sees, at no risk to who asks.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

/*
 * tarot.count_visible_rows(relation oid) RETURNS bigint
 *
 * A policy may call functions of whoever owns the table. An administrator who
 * tries out what another role sees has taken that role, and could be made to
 * take another one from within: RESET ROLE. A security-restricted operation
 * forbids it, and SQL alone cannot begin one.
 */
PG_FUNCTION_INFO_V1(tarot_rows_count_visible_rows);
Datum
tarot_rows_count_visible_rows(PG_FUNCTION_ARGS)
{
	Oid relation = PG_GETARG_OID(0);
	char *name = get_rel_name(relation);
	int64 count;
	bool isnull;
	Oid user;
	int context;
	int nest_level;

	if (name == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", relation)));
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(user, context | SECURITY_RESTRICTED_OPERATION);
	nest_level = NewGUCNestLevel();
	SPI_connect();
	if (SPI_execute(psprintf("SELECT pg_catalog.count(*) FROM %s",
							 quote_qualified_identifier(
								 get_namespace_name(get_rel_namespace(relation)), name)),
					false, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "the rows of a table could not be counted");
	count = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	AtEOXact_GUC(false, nest_level);
	SetUserIdAndSecContext(user, context);
	PG_RETURN_INT64(count);
}

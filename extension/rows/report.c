/*
 * report.c
 *		Counts what a role sees, at no risk to who asks.
 *
 * A query runs code of whoever owns the table: functions in its policies, and
 * in the expressions of its indexes, which the planner evaluates. Policies have
 * to be asked as the role that is tried out. An administrator has taken that
 * role for it, and could be led back to another one from within, by RESET ROLE:
 * a security-restricted operation forbids that, and SQL alone cannot begin one.
 * Where no policy counts, the answer is the same for the owner, who runs the
 * query then.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"

static int64
count_rows(Oid relation)
{
	char *name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
											get_rel_name(relation));
	int64 count;
	bool isnull;

	SPI_connect();
	if (SPI_execute(psprintf("SELECT pg_catalog.count(*) FROM %s", name), false, 1) !=
			SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "the rows of a table could not be counted");
	count = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	return count;
}

static int64
count_rows_as(Oid relation, Oid role, int security)
{
	Oid user;
	int context;
	int nest_level;
	int64 count;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(role, context | SECURITY_RESTRICTED_OPERATION | security);
	nest_level = NewGUCNestLevel();
	count = count_rows(relation);
	AtEOXact_GUC(false, nest_level);
	SetUserIdAndSecContext(user, context);
	return count;
}

/*
 * tarot.count_rows(relation oid, only_if_all boolean) RETURNS bigint
 *
 * NULL where the current role does not see all, and only that was asked for.
 */
PG_FUNCTION_INFO_V1(tarot_rows_count_rows);
Datum
tarot_rows_count_rows(PG_FUNCTION_ARGS)
{
	Oid relation = PG_GETARG_OID(0);
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid owner;
	char kind;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", relation)));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	kind = ((Form_pg_class) GETSTRUCT(tuple))->relkind;
	ReleaseSysCache(tuple);

	/* A view runs its owner's code as who asks. */
	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" is not a table", get_rel_name(relation))));
	if (pg_class_aclcheck(relation, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(relation, GetUserId(), ACL_SELECT, ACLMASK_ANY) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(relation));
	if (check_enable_rls(relation, InvalidOid, true) != RLS_ENABLED)
		PG_RETURN_INT64(
			count_rows_as(relation, owner, SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS));
	if (PG_GETARG_BOOL(1))
		PG_RETURN_NULL();
	PG_RETURN_INT64(count_rows_as(relation, GetUserId(), 0));
}

/*
 * retention.c
 *		How long rows are kept: changes of policies by the owners of tables. What a
 *		policy does is in policy.sql, and is done by jobs.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "audit/table.h"
#include "base/compat.h"
#include "jobs/jobs.h"
#include "label/trigger.h"
#include "retention/retention.h"

/* In bytes, as it is given. */
#define CONDITION_MAX 10000

static const JobKind retention = {"retention", "plan_retention", "finish_retention"};

void
RetentionInit(void)
{
	JobRegisterKind(&retention);
}

static Datum
get_value(int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, isnull);
}

/* The table of a policy of the current user's, or of another one that it may change. To change
 * it, its job is locked first, as a batch does: between the question and the change the name may
 * go to a policy of somebody else's. */
static Oid
table_of_policy(Datum policy, bool lock)
{
	Oid types[] = {TEXTOID};
	bool isnull;
	bool found;
	Oid relation;

	found = !lock || JobLock(policy, &relation);
	if (found)
		JobExecute("SELECT relation::oid FROM tarot.retention_policy WHERE name = $1", 1, types,
				   &policy, NULL);
	if (!found || SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("retention policy \"%s\" does not exist", TextDatumGetCString(policy))));
	relation = DatumGetObjectId(get_value(1, &isnull));
	JobRequireOwner(relation);
	return relation;
}

/*
 * A policy, and the condition of a hold, have code of the owner's run by the worker that serves
 * all: that is for whom EXECUTE on tarot.add_retention() is granted.
 */
static void
require_grant(void)
{
	List *name = list_make2(makeString("tarot"), makeString("add_retention"));
	const Oid any = InvalidOid; /* there is one function of the name */
	Oid function = LookupFuncName(name, -1, &any, true);

	if (!OidIsValid(function) || !compat_may_execute(function, GetUserId()))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for retention policies"),
						errhint("They are for the owners of tables to whom EXECUTE on "
								"tarot.add_retention() is granted.")));
}

/* Of the arguments of tarot.change_retention(). */
static void
put_on_record(Oid relation, const Datum *arguments, const char *nulls)
{
	Oid types[] = {TEXTOID, TEXTOID, TEXTOID, JSONBOID};
	Datum values[] = {arguments[1], arguments[2], arguments[3], arguments[4]};
	bool isnull;

	JobExecute("SELECT tarot.retention_change($1, $2, $3, $4)", 4, types, values, nulls + 1);
	JobPutOnRecord(relation, GetUserId(), DatumGetJsonbP(get_value(1, &isnull)));
}

/*
 * tarot.change_retention(rel oid, policy text, change text, condition text, settings jsonb)
 *     RETURNS text
 *
 * Everybody may call it: of a policy that is there the table is not for the caller to name.
 */
PG_FUNCTION_INFO_V1(tarot_retention_change_retention);
Datum
tarot_retention_change_retention(PG_FUNCTION_ARGS)
{
	Oid types[] = {OIDOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID};
	Datum values[6];
	char nulls[] = "      ";
	Oid relation;
	char *change;
	bool of_policy;
	char *name = NULL;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("the policy and the change must not be null")));
	for (int i = 0; i < 5; i++)
	{
		values[i] = PG_GETARG_DATUM(i);
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
	}
	change = TextDatumGetCString(PG_GETARG_DATUM(2));
	of_policy = strcmp(change, "alter") == 0 || strcmp(change, "remove") == 0;
	if (!of_policy && PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the table must not be null")));
	if (strcmp(change, "remove") != 0 && strcmp(change, "release") != 0)
		require_grant();
	if (!PG_ARGISNULL(3) && VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(3)) > CONDITION_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a condition must have at most %d bytes", CONDITION_MAX)));
	SPI_connect();
	if (of_policy)
		relation = table_of_policy(PG_GETARG_DATUM(1), true);
	else
	{
		relation = PG_GETARG_OID(0);
		JobRequireOwner(relation);
	}
	values[0] = ObjectIdGetDatum(relation);
	nulls[0] = ' ';
	if (!PG_ARGISNULL(3))
		values[3] =
			CStringGetTextDatum(JobCondition(relation, TextDatumGetCString(PG_GETARG_DATUM(3))));
	values[5] = CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));
	JobExecute("SELECT tarot.apply_retention($1, $2, $3, $4, $5, $6)", 6, types, values, nulls);
	if (SPI_processed == 1)
	{
		name = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
		name = name == NULL ? NULL : SPI_palloc(strlen(name) + 1);
		if (name != NULL)
			strcpy(name, SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	}
	put_on_record(relation, values, nulls);
	SPI_finish();
	JobsChanged();
	if (name == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(name));
}

/*
 * tarot.count_retention(policy text, what text) RETURNS jsonb
 */
PG_FUNCTION_INFO_V1(tarot_retention_count_retention);
Datum
tarot_retention_count_retention(PG_FUNCTION_ARGS)
{
	Oid types[] = {TEXTOID, TEXTOID};
	Datum values[] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)};
	Datum result;
	Oid relation;
	bool isnull;
	char *statement;
	char *time_zone;
	Datum list;

	SPI_connect();
	relation = table_of_policy(values[0], false);
	JobExecute("SELECT * FROM tarot.retention_preview_statement($1, $2)", 2, types, values, NULL);
	statement = TextDatumGetCString(get_value(1, &isnull));
	time_zone = TextDatumGetCString(get_value(2, &isnull));
	list = get_value(3, &isnull);
	result = SPI_datumTransfer(
		JobExecuteAsOwner(relation, time_zone, statement, isnull ? (Datum) 0 : list, (Datum) 0),
		false, -1);
	SPI_finish();
	PG_RETURN_DATUM(result);
}

/* Of a domain, and of what is made of others, input could be anybody's code. */
static bool
has_own_input(Oid type)
{
	Oid element = get_base_element_type(type);
	char kind = get_typtype(OidIsValid(element) ? element : type);

	return kind == TYPTYPE_BASE || kind == TYPTYPE_ENUM || type < FirstNormalObjectId;
}

/*
 * tarot.try_value(type oid, value text) RETURNS void
 *
 * Raises for what is no value of the type, where that can be told by code of superusers alone.
 */
PG_FUNCTION_INFO_V1(tarot_retention_try_value);
Datum
tarot_retention_try_value(PG_FUNCTION_ARGS)
{
	Oid type = getBaseType(PG_GETARG_OID(0));
	Oid input;
	Oid parameter;

	if (!has_own_input(type))
		PG_RETURN_VOID();
	getTypeInputInfo(type, &input, &parameter);
	(void) OidInputFunctionCall(input, text_to_cstring(PG_GETARG_TEXT_PP(1)), parameter, -1);
	PG_RETURN_VOID();
}

static void
on_rename(Oid table, const char *old_name, const char *new_name)
{
	NameData names[2];

	namestrcpy(&names[0], old_name);
	namestrcpy(&names[1], new_name);
	OidFunctionCall3(
		AuditFunction("rename_retention_column", 3, (const Oid[]){OIDOID, NAMEOID, NAMEOID}),
		ObjectIdGetDatum(table), NameGetDatum(&names[0]), NameGetDatum(&names[1]));
}

/*
 * tarot.follow_retention_rename() RETURNS event_trigger
 */
PG_FUNCTION_INFO_V1(tarot_retention_follow_rename);
Datum
tarot_retention_follow_rename(PG_FUNCTION_ARGS)
{
	/* No trigger of ours has the names. */
	return TriggerFollowRename(fcinfo, InvalidOid, NULL, on_rename);
}

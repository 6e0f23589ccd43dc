/*
 * break_glass.c
 *		Plain read access in an emergency: the record of it is the grant.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/catalog.h"
#include "base/utf8.h"
#include "base/varlena.h"
#include "class/access.h"
#include "class/break_glass.h"
#include "class/purpose.h"
#include "class/reveal.h"
#include "events/event.h"
#include "identity/issuer.h"
#include "identity/session.h"

#define REASON_MIN 10
#define REASON_MAX 1000

/* Columns of tarot.break_glass_use and tarot.break_glass_end, as in class_break_glass.sql */
enum
{
	USE_ID = 1,
	USE_CLASS_ID = 2,
	USE_ROLE_ID = 4,
	USE_ROLE = 5,
	USE_SUBJECT = 7,
	USE_VALID_UNTIL = 10,
};

enum
{
	END_USE_ID = 1,
};

/* ---------------------------------------------------------------- what is in force */

static bool
is_ended(Datum use_id)
{
	Relation table = CatalogOpen("break_glass_end", AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	bool ended;

	ScanKeyInit(&key, END_USE_ID, BTEqualStrategyNumber, F_UUID_EQ, use_id);
	scan = CatalogScan(table, "break_glass_end_pkey", 1, &key);
	ended = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return ended;
}

/* In another cluster, where a dump was restored, the number is somebody else's. */
static bool
is_of_role(HeapTuple tuple, TupleDesc desc, List *roles)
{
	bool isnull;
	Oid role = DatumGetObjectId(heap_getattr(tuple, USE_ROLE_ID, desc, &isnull));
	char *name;

	if (!list_member_oid(roles, role))
		return false;
	name = GetUserNameFromId(role, true);
	return name != NULL &&
		   strcmp(name, NameStr(*DatumGetName(heap_getattr(tuple, USE_ROLE, desc, &isnull)))) == 0;
}

List *
BreakGlassInForce(int32 class_id, List *roles)
{
	Relation table = CatalogOpen("break_glass_use", AccessShareLock);
	TupleDesc desc = RelationGetDescr(table);
	List *in_force = NIL;
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;

	/* Also read when none is: their changes are to be heard of. */
	table_close(CatalogOpen("break_glass_end", AccessShareLock), AccessShareLock);
	ScanKeyInit(&keys[0], USE_CLASS_ID, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(class_id));
	ScanKeyInit(&keys[1], USE_VALID_UNTIL, BTGreaterStrategyNumber, F_TIMESTAMPTZ_GT,
				TimestampTzGetDatum(GetCurrentTimestamp()));
	scan = CatalogScan(table, "break_glass_use_in_force", lengthof(keys), keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool isnull;
		BreakGlass *use;
		Datum subject;

		if (TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data)) ||
			!is_of_role(tuple, desc, roles) || is_ended(heap_getattr(tuple, USE_ID, desc, &isnull)))
			continue;
		use = palloc(sizeof(BreakGlass));
		use->until =
			IssuerMicros(DatumGetTimestampTz(heap_getattr(tuple, USE_VALID_UNTIL, desc, &isnull)));
		subject = heap_getattr(tuple, USE_SUBJECT, desc, &isnull);
		use->subject = isnull ? NULL : TextDatumGetCString(subject);
		in_force = lappend(in_force, use);
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return in_force;
}

/* ---------------------------------------------------------------- for class_break_glass.sql */

static void
require_primary(void)
{
	if (RecoveryInProgress())
		ereport(ERROR, (errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
						errmsg("break-glass cannot be recorded on a standby"),
						errhint("Call the function on the primary: what it gives counts here as "
								"soon as it is replayed.")));
}

/* One row that a function of ours returns, which only its owner may call. In the caller's SPI. */
static HeapTuple
call_as_owner(const char *query, int count, Oid *types, Datum *values, const char *nulls)
{
	Relation table = CatalogOpen("break_glass_use", AccessShareLock);
	Oid user;
	int context;
	int result;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(table->rd_rel->relowner, context | SECURITY_LOCAL_USERID_CHANGE);
	result = SPI_execute_with_args(query, count, types, values, nulls, false, 1);
	SetUserIdAndSecContext(user, context);
	table_close(table, AccessShareLock);
	if (result != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "break-glass could not be recorded");
	return SPI_tuptable->vals[0];
}

static text *
reason_of(text *argument)
{
	char *reason = text_to_cstring(argument);
	int length = pg_mbstrlen(reason);

	if (length < REASON_MIN || length > REASON_MAX || !PurposeIsLine(reason))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the reason must have %d to %d characters in one line", REASON_MIN,
							   REASON_MAX)));
	return argument;
}

static Datum
roles_as_array(List *roles)
{
	int count = list_length(roles);
	Datum *items = palloc(sizeof(Datum) * count);

	for (int i = 0; i < count; i++)
		items[i] = ObjectIdGetDatum(list_nth_oid(roles, i));
	return PointerGetDatum(construct_array(items, count, OIDOID, sizeof(Oid), true, TYPALIGN_INT));
}

static Datum
name_of_session_role(void)
{
	Name name = palloc0(NAMEDATALEN);

	namestrcpy(name, GetUserNameFromId(GetSessionUserId(), false));
	return NameGetDatum(name);
}

/* NULL where nobody has authenticated. */
static text *
subject_of_session(void)
{
	Bytes subject = Utf8ToServer(IdentitySubject());

	return subject.len == 0 ? NULL : TextOfBytes(subject);
}

/* Of a row of tarot.break_glass_use, also where that is rolled back: the attempt was made. */
static void
log_use(Datum row)
{
	Datum json = OidFunctionCall1(F_ROW_TO_JSON_RECORD, row);

	RevealLog("the glass over a data class was broken", TextDatumGetCString(json));
}

static void
report_use(const char *status, const char *class_name, const char *reason)
{
	EventReport(&(SecurityEvent){
		.type = "BREAK_GLASS",
		.action = "break",
		.status = status,
		.details = {{"class", class_name}, {reason != NULL ? "reason" : NULL, reason}}});
}

/*
 * tarot.break_glass(class text, reason text, duration interval) RETURNS timestamptz
 */
PG_FUNCTION_INFO_V1(tarot_class_break_glass);
Datum
tarot_class_break_glass(PG_FUNCTION_ARGS)
{
	Oid types[] = {TEXTOID, OIDARRAYOID, OIDOID, NAMEOID, TEXTOID, TEXTOID, INTERVALOID, TEXTOID};
	Datum values[lengthof(types)];
	char nulls[] = "        ";
	text *subject;
	HeapTuple volatile tuple = NULL;
	char *class_name;
	TimestampTz until;
	bool isnull;
	int context;
	Oid user;

	GetUserIdAndSecContext(&user, &context);
	require_primary();
	for (int i = 0; i < 3; i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("class, reason and duration must not be null")));
	}
	subject = subject_of_session();
	values[0] = PG_GETARG_DATUM(0);
	values[1] = roles_as_array(ClassAccessRoles(GetUserId()));
	values[2] = ObjectIdGetDatum(GetUserId());
	values[3] = name_of_session_role();
	values[4] = PointerGetDatum(subject);
	nulls[4] = subject == NULL ? 'n' : ' ';
	values[5] = PointerGetDatum(reason_of(PG_GETARG_TEXT_PP(1)));
	values[6] = PG_GETARG_DATUM(2);
	values[7] = CStringGetTextDatum(application_name);

	class_name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	SPI_connect();
	PG_TRY();
	{
		tuple =
			call_as_owner("SELECT u, u.valid_until FROM tarot.record_break_glass($1, $2, $3, $4, "
						  "$5, $6, $7, $8) AS u",
						  lengthof(types), types, values, nulls);
	}
	PG_CATCH();
	{
		/* As who calls it: the errors of that function come while it is the owner. */
		SetUserIdAndSecContext(user, context);
		report_use(EVENT_DENIED, class_name, NULL);
		PG_RE_THROW();
	}
	PG_END_TRY();
	report_use(EVENT_SUCCESS, class_name, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	log_use(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 1, &isnull));
	until = DatumGetTimestampTz(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &isnull));
	SPI_finish();

	/* Without a crash that could take it back when values have been shown. */
	ForceSyncCommit();
	PG_RETURN_TIMESTAMPTZ(until);
}

/*
 * tarot.end_break_glass(class text) RETURNS integer
 */
PG_FUNCTION_INFO_V1(tarot_class_end_break_glass);
Datum
tarot_class_end_break_glass(PG_FUNCTION_ARGS)
{
	Oid types[] = {TEXTOID, OIDOID, TEXTOID, NAMEOID};
	Datum values[lengthof(types)];
	char nulls[] = "    ";
	text *subject;
	bool isnull;
	HeapTuple tuple;
	int32 ended;

	require_primary();
	subject = subject_of_session();
	values[0] = PG_GETARG_DATUM(0);
	nulls[0] = PG_ARGISNULL(0) ? 'n' : ' ';
	values[1] = ObjectIdGetDatum(GetUserId());
	values[2] = PointerGetDatum(subject);
	nulls[2] = subject == NULL ? 'n' : ' ';
	values[3] = name_of_session_role();

	SPI_connect();
	tuple = call_as_owner(
		"SELECT tarot.record_end_of_break_glass((tarot.get_class($1)).class_id, $2, true, $3, $4)",
		lengthof(types), types, values, nulls);
	ended = DatumGetInt32(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	PG_RETURN_INT32(ended);
}

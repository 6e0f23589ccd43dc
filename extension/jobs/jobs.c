/*
 * jobs.c
 *		The rights that jobs run with, and changes of jobs by people.
 *
 * A statement of a job runs as the table's owner in a restricted operation, as
 * REINDEX runs expressions of indexes, so that functions of the owner's have no rights
 * but the owner's own. Constraints that are deferred are checked at once: at the commit
 * their triggers would run as whoever runs jobs, which the server refuses.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/settings.h"
#include "base/temporary.h"
#include "jobs/failure.h"
#include "jobs/jobs.h"
#include "jobs/run.h"
#include "trail/entry.h"

/* A lock that is not to be had so soon is asked for again later: nobody is kept waiting for long
 * behind a batch that waits. */
#define LOCK_TIMEOUT "50ms"

/* ---------------------------------------------------------------- as whom */

static void
set_locally(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							 false);
}

/* What literals are read by, and values written. A session may have set all of these, and what is
 * kept as text must mean the same whoever reads it. */
static const char *const style[][2] = {{"standard_conforming_strings", "on"},
									   {"DateStyle", "ISO, YMD"},
									   {"IntervalStyle", "postgres"},
									   {"bytea_output", "hex"},
									   {"extra_float_digits", "1"},
									   {"lc_monetary", "C"},
									   {"array_nulls", "on"},
									   {"xmloption", "content"}};

int
JobPinStyle(void)
{
	int nest_level = SettingsPinSearchPath();

	for (int i = 0; i < (int) lengthof(style); i++)
		set_locally(style[i][0], style[i][1]);
	return nest_level;
}

/* What would have a batch do something else where somebody else runs it, or tell that one what it
 * works with. */
static void
forget_who_runs_it(void)
{
	static const char *const settings[][2] = {
		{"tarot_security.identity", ""},  {"tarot_security.purpose", ""},
		{"tarot_security.io", "plain"},   {"debug_print_parse", "off"},
		{"debug_print_rewritten", "off"}, {"debug_print_plan", "off"}};

	for (int i = 0; i < (int) lengthof(settings); i++)
		set_locally(settings[i][0], settings[i][1]);
}

static Oid
owner_of_extension(void)
{
	HeapTuple tuple = SearchSysCache1(NAMESPACENAME, CStringGetDatum("tarot"));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("extension \"tarot_security\" does not exist in this database")));
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);
	return owner;
}

Oid
JobOwnerOf(Oid relation)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

void
JobRequireOwner(Oid relation)
{
	Oid owner = OidIsValid(relation) ? JobOwnerOf(relation) : owner_of_extension();

	if (!OidIsValid(owner))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", relation)));
	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 OidIsValid(relation) ? errmsg("must be owner of table %s", get_rel_name(relation))
									  : errmsg("must be owner of extension %s", "tarot_security"),
				 errhint("It is for role %s.", GetUserNameFromId(owner, false))));
}

void
JobExecute(const char *query, int nargs, Oid *types, Datum *values, const char *nulls)
{
	int nest_level = JobPinStyle();
	Oid user;
	int context;
	int result;

	/* It takes longer than a batch. */
	set_locally("jit", "off");
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(owner_of_extension(),
						   SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	result = SPI_execute_with_args(query, nargs, types, values, nulls, false, 0);
	SetUserIdAndSecContext(user, context);
	AtEOXact_GUC(true, nest_level);
	if (result < 0)
		elog(ERROR, "a query of a job failed: %s", SPI_result_code_string(result));
}

Datum
JobExecuteAsOwner(Oid relation, const char *time_zone, const char *statement, Datum list,
				  Datum before)
{
	Oid types[] = {TEXTARRAYOID, JSONBOID};
	Datum values[] = {list, before};
	char nulls[] = {list == (Datum) 0 ? 'n' : ' ', before == (Datum) 0 ? 'n' : ' ', '\0'};
	Oid owner = JobOwnerOf(relation);
	ConstraintsSetStmt *all = makeNode(ConstraintsSetStmt);
	int nest_level;
	Oid user;
	int context;
	SPIPlanPtr plan;
	int result;
	bool isnull;
	Datum value;
	CommandId begin;

	if (!OidIsValid(owner))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", relation)));
	TemporaryRequireOwned(owner);
	begin = TemporaryBegin();
	nest_level = JobPinStyle();
	forget_who_runs_it();
	set_locally("lock_timeout", LOCK_TIMEOUT);
	set_locally("TimeZone", time_zone);
	set_locally("session_replication_role", "origin");

	/* It takes longer than a batch. */
	set_locally("jit", "off");

	/* What an error is of is read off its context. */
	set_locally("lc_messages", "C");

	/* An error, where a policy would show the owner only some of the rows. */
	set_locally("row_security", "off");
	AfterTriggerSetState(all);
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(owner, SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	JobReached = JOB_ANALYSIS;
	plan = SPI_prepare(statement, lengthof(types), types);
	if (plan == NULL)
		elog(ERROR, "a statement of a job cannot be prepared");
	JobReached = JOB_EXECUTION;
	result = JobExecutePlan(plan, values, nulls);
	JobReached = JOB_OWN;
	if (result < 0 || SPI_processed != 1 || SPI_gettypeid(SPI_tuptable->tupdesc, 1) != JSONBOID)
		elog(ERROR, "a statement of a job gave no document");
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	SPI_freeplan(plan);
	SetUserIdAndSecContext(user, context);
	AtEOXact_GUC(false, nest_level);
	TemporaryEnd(begin);
	return isnull ? (Datum) 0 : value;
}

/* ---------------------------------------------------------------- on record */

void
JobPutOnRecord(Oid relation, Oid role, Jsonb *document)
{
	AuditEntry entry = {
		.operation = AUDIT_STATEMENT, .command = GetCurrentCommandId(false), .new_row = document};
	Oid user;
	int context;
	const char *name = NULL;

	if (OidIsValid(relation))
		name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
										  get_rel_name(relation));
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(role, context | SECURITY_LOCAL_USERID_CHANGE);
	EntryWrite(EntryWriterMakeFor(relation, name), &entry);
	SetUserIdAndSecContext(user, context);
}

/*
 * tarot.record_job_change(document jsonb) RETURNS void
 *
 * For functions that run with the rights of the extension's owner: as the role that has called.
 */
PG_FUNCTION_INFO_V1(tarot_jobs_record_job_change);
Datum
tarot_jobs_record_job_change(PG_FUNCTION_ARGS)
{
	JobPutOnRecord(InvalidOid, GetOuterUserId(), PG_GETARG_JSONB_P(0));
	JobsChanged();
	PG_RETURN_VOID();
}

/* ---------------------------------------------------------------- by people */

/* False: it is not there. Locked, it waits for a batch that is under way. */
static bool
find_job(Datum job, bool lock, Oid *relation)
{
	Oid types[] = {TEXTOID};
	bool isnull;

	JobExecute(lock ? "SELECT relation::oid FROM tarot.job WHERE name = $1 FOR UPDATE"
					: "SELECT relation::oid FROM tarot.job WHERE name = $1",
			   1, types, &job, NULL);
	if (SPI_processed == 0)
		return false;
	*relation =
		DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	if (isnull)
		*relation = InvalidOid;
	return true;
}

bool
JobLock(Datum job, Oid *relation)
{
	/* Who may not change it waits for nothing, and keeps nobody waiting. */
	if (!find_job(job, false, relation))
		return false;
	JobRequireOwner(*relation);

	/* Until now it may have been dropped, and made by somebody else. */
	if (!find_job(job, true, relation))
		return false;
	JobRequireOwner(*relation);
	return true;
}

static void
change_job(Datum job, const char *change)
{
	Oid types[] = {TEXTOID, TEXTOID};
	Datum values[] = {job, CStringGetTextDatum(change)};
	bool isnull;
	Oid relation;

	SPI_connect();
	if (!JobLock(job, &relation))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("job \"%s\" does not exist", TextDatumGetCString(job))));
	JobExecute("SELECT tarot.set_job($1, $2)", 2, types, values, NULL);
	JobPutOnRecord(
		relation, GetUserId(),
		DatumGetJsonbP(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)));
	SPI_finish();
	JobsChanged();
}

/*
 * tarot.pause_job(job text) RETURNS void
 */
PG_FUNCTION_INFO_V1(tarot_jobs_pause_job);
Datum
tarot_jobs_pause_job(PG_FUNCTION_ARGS)
{
	change_job(PG_GETARG_DATUM(0), "pause");
	PG_RETURN_VOID();
}

/*
 * tarot.resume_job(job text) RETURNS void
 */
PG_FUNCTION_INFO_V1(tarot_jobs_resume_job);
Datum
tarot_jobs_resume_job(PG_FUNCTION_ARGS)
{
	change_job(PG_GETARG_DATUM(0), "resume");
	PG_RETURN_VOID();
}

/*
 * tarot.cancel_job(job text) RETURNS void
 */
PG_FUNCTION_INFO_V1(tarot_jobs_cancel_job);
Datum
tarot_jobs_cancel_job(PG_FUNCTION_ARGS)
{
	change_job(PG_GETARG_DATUM(0), "cancel");
	PG_RETURN_VOID();
}

/*
 * tarot.run_job_soon(job text) RETURNS void
 */
PG_FUNCTION_INFO_V1(tarot_jobs_run_job_soon);
Datum
tarot_jobs_run_job_soon(PG_FUNCTION_ARGS)
{
	change_job(PG_GETARG_DATUM(0), "run");
	PG_RETURN_VOID();
}

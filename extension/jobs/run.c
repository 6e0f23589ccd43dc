/*
 * run.c
 *		A batch of a job that is due: in one transaction what it does to the table,
 *		and how far it came.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "jobs/jobs.h"
#include "jobs/run.h"
#include "trail/entry.h"
#include "trail/trail.h"

#define KINDS_MAX 8

/* By how many milliseconds a standby may be behind before jobs wait for it; 0: they never do. */
static int max_lag = 10000;

static const JobKind *kinds[KINDS_MAX];
static int kind_count;

void
JobRegisterKind(const JobKind *kind)
{
	if (kind_count == KINDS_MAX)
		elog(ERROR, "too many kinds of jobs");
	kinds[kind_count++] = kind;
}

typedef struct Job
{
	Datum name;
	const char *kind;
	Oid relation;
	Datum arguments;
	Datum time_zone;
	Datum position;
	bool begins; /* there is no position */
	Datum run;
	bool as_owner;     /* what runs now, or failed, is the owner's */
	const char *alone; /* what is to be done after the batch, by itself; or NULL */
} Job;

/* ---------------------------------------------------------------- which */

/* Of the one row that the last query returned; it stays until SPI_finish(). */
static Datum
get_value(int column, bool *isnull)
{
	if (SPI_processed != 1)
		elog(ERROR, "a query of a job did not give one row");
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, isnull);
}

/* Another version of the extension may not have them. */
static bool
tables_are_there(void)
{
	Oid tarot = get_namespace_oid("tarot", true);

	return OidIsValid(tarot) && OidIsValid(get_relname_relid("job", tarot)) &&
		   OidIsValid(get_relname_relid("job_state", tarot)) &&
		   OidIsValid(get_relname_relid("job_run", tarot));
}

/* Until the end of the transaction, against other jobs of the table; no lock of the table's. */
static bool
try_lock(Oid relation)
{
	LOCKTAG tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, relation, 1);
	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

/* False: none is due. */
static bool
next_job(Job *job, TimestampTz *due_at)
{
	ArrayBuildState *busy = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	bool any_busy = false;

	for (;;)
	{
		Oid types[] = {TEXTARRAYOID};
		Datum values[] = {makeArrayResult(busy, CurrentMemoryContext)};
		bool isnull;
		Datum kind;

		JobExecute("SELECT * FROM tarot.next_job($1)", 1, types, values, NULL);
		job->name = get_value(1, &isnull);
		if (isnull)
		{
			Datum due = get_value(8, &isnull);

			*due_at = isnull ? 0 : DatumGetTimestampTz(due);
			if (any_busy)
				*due_at = GetCurrentTimestamp();
			return false;
		}
		kind = get_value(2, &isnull);
		job->kind = TextDatumGetCString(kind);
		job->relation = DatumGetObjectId(get_value(3, &isnull));
		if (isnull)
			job->relation = InvalidOid;
		job->arguments = get_value(4, &isnull);
		job->time_zone = get_value(5, &isnull);
		job->position = get_value(6, &job->begins);
		if (try_lock(job->relation))
			return true;
		any_busy = true;
		busy = accumArrayResult(busy, job->name, false, TEXTOID, CurrentMemoryContext);
	}
}

static bool
is_behind(void)
{
	Oid types[] = {FLOAT8OID};
	Datum values[] = {Float8GetDatum(max_lag / 1000.0)};
	bool isnull;

	if (max_lag == 0)
		return false;
	JobExecute("SELECT coalesce(max(extract(epoch FROM r.replay_lag)) > $1, false) "
			   "FROM pg_catalog.pg_stat_replication r WHERE r.state = 'streaming'",
			   1, types, values, NULL);
	return DatumGetBool(get_value(1, &isnull));
}

/* ---------------------------------------------------------------- the batch */

static const JobKind *
kind_of(const Job *job)
{
	for (int i = 0; i < kind_count; i++)
	{
		if (strcmp(kinds[i]->name, job->kind) == 0)
			return kinds[i];
	}
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("jobs of kind \"%s\" are not known", job->kind)));
}

/* As the table's owner, who did it. */
static void
put_on_record(const Job *job, Datum summary)
{
	AuditEntry entry = {.operation = AUDIT_STATEMENT, .new_row = DatumGetJsonbP(summary)};
	Oid user;
	int context;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(JobOwnerOf(job->relation), context | SECURITY_LOCAL_USERID_CHANGE);
	EntryWrite(EntryWriterMakeFor(
				   job->relation,
				   quote_qualified_identifier(get_namespace_name(get_rel_namespace(job->relation)),
											  get_rel_name(job->relation))),
			   &entry);
	SetUserIdAndSecContext(user, context);
	TrailEndStatement();
}

static void
run_batch(Job *job, bool careful)
{
	const JobKind *kind = kind_of(job);
	TimestampTz start = GetCurrentTimestamp();
	double seconds;
	bool isnull;
	bool nothing;
	bool nowhere;
	Datum statement;
	Datum position;
	Datum result = (Datum) 0;
	Oid plan_types[] = {TEXTOID, OIDOID, JSONBOID, TEXTOID, JSONBOID, BOOLOID};
	Datum plan_values[] = {job->name,      ObjectIdGetDatum(job->relation),
						   job->arguments, job->time_zone,
						   job->position,  BoolGetDatum(careful)};

	JobExecute(psprintf("SELECT * FROM tarot.%s($1, $2, $3, $4, $5, $6)", kind->plan), 6,
			   plan_types, plan_values, job->begins ? "    n " : NULL);
	statement = get_value(1, &nothing);
	position = get_value(2, &nowhere);
	job->as_owner = true;
	if (!nothing)
		result = JobExecuteAsOwner(job->relation, TextDatumGetCString(job->time_zone),
								   TextDatumGetCString(statement));
	job->as_owner = false;
	job->alone = NULL;
	seconds = (double) (GetCurrentTimestamp() - start) / USECS_PER_SEC;
	{
		Oid types[] = {TEXTOID, JSONBOID, JSONBOID, FLOAT8OID};
		Datum values[] = {job->name, position, result, Float8GetDatum(seconds * 1000)};
		char nulls[] = {' ', nowhere ? 'n' : ' ', result == (Datum) 0 ? 'n' : ' ', ' ', '\0'};

		JobExecute(psprintf("SELECT * FROM tarot.%s($1, $2, $3, $4)", kind->finish), 4, types,
				   values, nulls);
	}
	{
		bool ended;
		bool untold;
		bool no_haste;
		Oid types[] = {TEXTOID, INT8OID, INT8OID,  INT8OID,    FLOAT8OID,
					   INT8OID, INT8OID, JSONBOID, INTERVALOID};
		Datum values[] = {job->name,
						  job->run,
						  get_value(2, &isnull),
						  get_value(3, &isnull),
						  Float8GetDatum(seconds),
						  get_value(4, &isnull),
						  get_value(5, &isnull),
						  get_value(1, &ended),
						  get_value(7, &no_haste)};
		char nulls[] = {' ', ' ', ' ', ' ', ' ', ' ', ' ', ended ? 'n' : ' ', no_haste ? 'n' : ' ',
						'\0'};
		Datum summary = get_value(6, &untold);
		bool none = SPI_tuptable->tupdesc->natts < 8;
		Datum alone = none ? (Datum) 0 : get_value(8, &none);

		job->alone = none ? NULL : TextDatumGetCString(alone);

		JobExecute("SELECT tarot.end_job_batch($1, $2, $3, $4, $5, $6, $7, $8, $9)", 9, types,
				   values, nulls);
		if (!untold)
			put_on_record(job, summary);
	}
}

/* ---------------------------------------------------------------- failures */

/*
 * What of messages tells names alone, and no value of a row. What a function of the owner's raises
 * may tell anything under any SQLSTATE.
 */
static const char *
message_without_values(const Job *job, const ErrorData *error)
{
	static const char *const telling[] = {"23", "25", "2B", "40", "42", "44",
										  "53", "54", "55", "57", "58", "TS"};
	const char *state = unpack_sql_state(error->sqlerrcode);

	bool raised = job->as_owner &&
				  (error->funcname == NULL || strcmp(error->funcname, "exec_stmt_raise") == 0);

	for (int i = 0; i < (int) lengthof(telling) && !raised; i++)
	{
		if (strncmp(state, telling[i], 2) == 0)
			return error->message;
	}
	return "a statement of the job, or what it fired, has failed";
}

static void
note_failure(const Job *job, const ErrorData *error)
{
	const char *message = message_without_values(job, error);
	const char *state = unpack_sql_state(error->sqlerrcode);
	Oid types[] = {TEXTOID, INT8OID, TEXTOID, TEXTOID};
	Datum values[] = {job->name, job->run, CStringGetTextDatum(state),
					  CStringGetTextDatum(message)};

	ereport(LOG,
			(errcode(error->sqlerrcode), errhidestmt(true), errhidecontext(true),
			 errmsg("a batch of job \"%s\" failed: %s", TextDatumGetCString(job->name), message),
			 errhint("It is tried again later: see tarot.job_run.")));
	JobExecute("SELECT tarot.fail_job_batch($1, $2, $3, $4)", 4, types, values, NULL);
}

void
JobNoteFailure(const char *name, int64 run, const ErrorData *error)
{
	Job job = {.name = CStringGetTextDatum(name), .run = Int64GetDatum(run)};

	note_failure(&job, error);
}

/* Who cancels means whoever runs the jobs. A function of the owner's can raise the same SQLSTATE,
 * and would keep all other jobs from being done. */
static bool
was_interrupted(const ErrorData *error)
{
	return (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
			error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN) &&
		   error->funcname != NULL && strcmp(error->funcname, "ProcessInterrupts") == 0;
}

/* NULL: it is done; else nothing of it is, and why. */
static ErrorData *
try_batch(Job *job, bool careful)
{
	MemoryContext outer_context = CurrentMemoryContext;
	ResourceOwner outer_owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	job->as_owner = false;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(outer_context);
	PG_TRY();
	{
		run_batch(job, careful);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(outer_context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(outer_context);
	CurrentResourceOwner = outer_owner;

	if (error != NULL && was_interrupted(error))
		ReThrowError(error);
	return error;
}

bool
JobMetLock(const ErrorData *error)
{
	return error != NULL && (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
							 error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED);
}

JobStep
JobRunBatch(TimestampTz *due_at, JobAlone **alone)
{
	Job job;
	JobStep step = JOB_DONE;
	Oid types[] = {TEXTOID};

	*due_at = 0;
	if (alone != NULL)
		*alone = NULL;
	if (!tables_are_there())
		return JOB_NONE;
	SPI_connect();
	if (!next_job(&job, due_at))
		step = JOB_NONE;
	else if (is_behind())
		step = JOB_BEHIND;
	else
	{
		bool isnull;
		ErrorData *error;

		JobExecute("SELECT tarot.begin_job_run($1)", 1, types, &job.name, NULL);
		job.run = get_value(1, &isnull);
		/* Of a new one. */
		JobExecute("SELECT s.progress FROM tarot.job_state s WHERE s.name = $1", 1, types,
				   &job.name, NULL);
		job.position = get_value(1, &job.begins);
		error = try_batch(&job, false);
		if (JobMetLock(error))
			error = try_batch(&job, true);

		/* What is wrong with it is put on record, and keeps no other job from being done. */
		if (error != NULL)
			note_failure(&job, error);
		else if (alone != NULL && job.alone != NULL)
			*alone = JobAloneMake(TextDatumGetCString(job.name), DatumGetInt64(job.run),
								  job.relation, job.alone);
	}
	SPI_finish();
	return step;
}

void
JobRunInit(void)
{
	DefineCustomIntVariable(
		"tarot_security.job_max_lag", "How far a standby may be behind before jobs wait for it.",
		"By the replay_lag of pg_stat_replication. 0: they do not wait.", &max_lag, 10000, 0,
		24 * 60 * 60 * 1000, PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
}

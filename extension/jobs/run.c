/*
 * run.c
 *		A batch of a job that is due: what it does to the table, and how far it came, in one
 *		transaction; that it begins, in the one before.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/errors.h"
#include "jobs/failure.h"
#include "jobs/jobs.h"
#include "jobs/run.h"
#include "trail/trail.h"

#define KINDS_MAX 8

/* Of what takes more than one attempt the locks are met at the first. */
#define ATTEMPTS 2

static const JobKind *kinds[KINDS_MAX];
static int kind_count;

void
JobRegisterKind(const JobKind *kind)
{
	if (kind_count == KINDS_MAX)
		elog(ERROR, "too many kinds of jobs");
	kinds[kind_count++] = kind;
}

/* Whose turn it is, from one transaction to the next. */
static struct
{
	bool taken;
	char *name;
	Oid relation;
	int64 run;
	bool others;  /* were at work meanwhile */
	bool goes_on; /* it was done, and there is more */
	TimestampTz began_at;
	instr_time begin;
	double milliseconds;
} turn;

typedef struct Job
{
	Datum name;
	const char *kind;
	Oid relation;
	Oid owner; /* who has agreed to it */
	Datum arguments;
	Datum time_zone;
	Datum position;
	bool begins; /* there is no position */
	Datum run;
	const char *alone; /* what is to be done after the batch, by itself; or NULL */
	bool goes_on;      /* the batch was done, and another one follows */
} Job;

/*
 * The run whose batch this session has just done, and that goes on.
 *
 * Its commits do not wait for the disk, nor do writers there because of them: what a crash takes
 * back is a batch with how far it came, and is done again. They do wait where a session begins
 * with a run, so that a batch that brings down the server is known of when it has done so a second
 * time, and at the end: what is told to be done stays done.
 */
static struct
{
	char *name; /* of the job; NULL: there is none */
	int64 number;
} going_on;

static void
forget_what_goes_on(void)
{
	if (going_on.name != NULL)
		pfree(going_on.name);
	going_on.name = NULL;
}

/* This transaction's. */
static void
commit_without_waiting(void)
{
	(void) set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
}

/* ---------------------------------------------------------------- which */

/* Of the one row that the last query returned; it stays until SPI_finish(). */
static Datum
get_value(int column, bool *isnull)
{
	if (SPI_processed != 1)
		elog(ERROR, "a query of a job did not give one row");
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, isnull);
}

/* Of a column that not all kinds of jobs have. 0: it has not, or it is NULL. */
static Datum
get_optional(int column)
{
	bool none = SPI_tuptable->tupdesc->natts < column;
	Datum value = none ? (Datum) 0 : get_value(column, &none);

	return none ? (Datum) 0 : value;
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

/* Against other jobs of the table; no lock of the table's. */
static LOCKTAG
lock_of(Oid relation)
{
	LOCKTAG tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, relation, 1);
	return tag;
}

/* From here on it is held until JobLeave(), or an abort. */
static bool
try_lock(Oid relation)
{
	LOCKTAG tag = lock_of(relation);

	return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

static void
unlock(Oid relation)
{
	LOCKTAG tag = lock_of(relation);

	(void) LockRelease(&tag, ExclusiveLock, true);
}

#define TRIED_AGAIN "It is tried again later: see tarot.job_run."

static void
note_failure(Datum name, Datum run, int sqlstate, const char *message, const char *hint)
{
	Oid types[] = {TEXTOID, INT8OID, TEXTOID, TEXTOID};
	Datum values[] = {name, run, CStringGetTextDatum(unpack_sql_state(sqlstate)),
					  CStringGetTextDatum(message)};

	ereport(LOG, (errcode(sqlstate), errhidestmt(true), errhidecontext(true),
				  errmsg("a batch of job \"%s\" failed: %s", TextDatumGetCString(name), message),
				  errhint("%s", hint)));
	JobExecute("SELECT tarot.fail_job_batch($1, $2, $3, $4)", 4, types, values, NULL);
}

/* False: somebody changes it just now, or has done so. */
static bool
begin_batch(Datum name, Oid relation, JobStep *step)
{
	Oid types[] = {TEXTOID, OIDOID};
	Datum values[] = {name, ObjectIdGetDatum(relation)};
	MemoryContext outer;
	bool isnull;
	Datum run;

	JobExecute("SELECT * FROM tarot.begin_job_batch($1, $2)", 2, types, values, NULL);
	run = get_value(1, &isnull);
	if (isnull)
		return false;
	if (DatumGetBool(get_value(2, &isnull)))
	{
		/* What it holds nobody holds who is alive. */
		note_failure(name, run, TAROT_ERRCODE_JOB_DIED,
					 "the session that did it ended before it did, or was interrupted",
					 TRIED_AGAIN);
		unlock(relation);
		*step = JOB_NOTED;
		return true;
	}
	outer = MemoryContextSwitchTo(TopMemoryContext);
	turn.name = TextDatumGetCString(name);
	MemoryContextSwitchTo(outer);
	turn.relation = relation;
	turn.run = DatumGetInt64(run);
	turn.goes_on = false;
	turn.taken = true;
	if (going_on.name != NULL && strcmp(going_on.name, turn.name) == 0 &&
		going_on.number == turn.run)
		commit_without_waiting();
	forget_what_goes_on();
	*step = JOB_TAKEN;
	return true;
}

static void
forget_turn(void)
{
	turn.taken = false;
	if (turn.name != NULL)
		pfree(turn.name);
	turn.name = NULL;
}

JobStep
JobTake(TimestampTz *due_at)
{
	ArrayBuildState *busy = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	bool any_busy = false;
	JobStep step = JOB_NONE;

	*due_at = 0;
	forget_turn();
	if (!tables_are_there())
		return JOB_NONE;
	turn.began_at = GetCurrentTimestamp();
	INSTR_TIME_SET_CURRENT(turn.begin);
	SPI_connect();
	while (step == JOB_NONE)
	{
		Oid types[] = {TEXTARRAYOID};
		Datum values[] = {makeArrayResult(busy, CurrentMemoryContext)};
		bool isnull;
		Datum name;
		Oid relation;

		JobExecute("SELECT * FROM tarot.next_job($1)", 1, types, values, NULL);
		name = get_value(1, &isnull);
		if (isnull)
		{
			Datum due = get_value(3, &isnull);

			*due_at = isnull ? 0 : DatumGetTimestampTz(due);
			if (any_busy)
				*due_at = GetCurrentTimestamp();
			break;
		}
		relation = DatumGetObjectId(get_value(2, &isnull));
		if (try_lock(relation))
		{
			if (JobStandbyIsBehind())
			{
				unlock(relation);
				step = JOB_BEHIND;
			}
			else if (!begin_batch(name, relation, &step))
				unlock(relation);
		}
		if (step == JOB_NONE)
		{
			any_busy = true;
			busy = accumArrayResult(busy, name, false, TEXTOID, CurrentMemoryContext);
		}
	}
	SPI_finish();
	return step;
}

void
JobLeave(bool locked)
{
	instr_time end;

	if (!turn.taken)
		return;
	if (locked)
		unlock(turn.relation);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, turn.begin);
	turn.milliseconds = INSTR_TIME_GET_MILLISEC(end);
	if (turn.goes_on)
	{
		going_on.name = turn.name;
		going_on.number = turn.run;
		turn.name = NULL;
	}
	forget_turn();
}

long
JobRest(void)
{
	return turn.others ? JobRestAfter(turn.milliseconds) : 0;
}

/* ---------------------------------------------------------------- the batch */

static const char *statement_of_batch;

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

/* What is the old owner's is not done with the rights of another. */
static void
require_agreement(const Job *job)
{
	if (OidIsValid(job->relation) && JobOwnerOf(job->relation) != job->owner)
		ereport(ERROR, (errcode(TAROT_ERRCODE_JOB_OWNER),
						errmsg("the table has another owner, who has not agreed to the job"),
						errhint("tarot.resume_job() does, by the new owner.")));
}

static Datum
run_statement(const Job *job, Datum statement, Datum list, Datum before)
{
	require_agreement(job);
	statement_of_batch = TextDatumGetCString(statement);
	return JobExecuteAsOwner(job->relation, TextDatumGetCString(job->time_zone), statement_of_batch,
							 list, before);
}

static void
run_batch(Job *job, bool careful)
{
	const JobKind *kind = kind_of(job);
	instr_time start;
	instr_time begun;
	instr_time end;
	double seconds;
	bool isnull;
	bool nothing;
	bool nowhere;
	Datum statement;
	Datum position;
	Datum list;
	Datum before;
	Datum result = (Datum) 0;
	Oid plan_types[] = {TEXTOID, OIDOID, JSONBOID, TEXTOID, JSONBOID, BOOLOID};
	Datum plan_values[] = {job->name,      ObjectIdGetDatum(job->relation),
						   job->arguments, job->time_zone,
						   job->position,  BoolGetDatum(careful)};

	INSTR_TIME_SET_CURRENT(start);
	require_agreement(job);
	JobExecute(psprintf("SELECT * FROM tarot.%s($1, $2, $3, $4, $5, $6)", kind->plan), 6,
			   plan_types, plan_values, job->begins ? "    n " : NULL);
	statement = get_value(1, &nothing);
	position = get_value(2, &nowhere);
	list = get_optional(3);
	before = get_optional(4);

	/* How large a batch is goes by how long its locks are held, and not by what it takes to plan
	 * it. */
	INSTR_TIME_SET_CURRENT(begun);
	if (before != (Datum) 0)
		result = run_statement(job, before, list, (Datum) 0);
	if (!nothing)
		result = run_statement(job, statement, list, result);
	job->alone = NULL;
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	seconds = INSTR_TIME_GET_DOUBLE(end);
	INSTR_TIME_SUBTRACT(begun, start);
	{
		Oid types[] = {TEXTOID, JSONBOID, JSONBOID, FLOAT8OID};
		Datum values[] = {job->name, position, result,
						  Float8GetDatum(seconds * 1000 - INSTR_TIME_GET_MILLISEC(begun))};
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
		Datum alone = get_optional(8);

		job->alone = alone == (Datum) 0 ? NULL : TextDatumGetCString(alone);
		job->goes_on = !ended && alone == (Datum) 0;

		JobExecute("SELECT tarot.end_job_batch($1, $2, $3, $4, $5, $6, $7, $8, $9)", 9, types,
				   values, nulls);
		if (!untold)
		{
			JobPutOnRecord(job->relation, JobOwnerOf(job->relation), DatumGetJsonbP(summary));
			TrailEndStatement();
		}
	}
}

/* ---------------------------------------------------------------- failures */

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
try_batch(Job *job, bool careful, bool *over)
{
	MemoryContext outer_context = CurrentMemoryContext;
	ResourceOwner outer_owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;
	volatile bool timed_out = false;

	JobReached = JOB_OWN;
	statement_of_batch = NULL;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(outer_context);
	PG_TRY();
	{
		JobBoundBegin();
		run_batch(job, careful);
		(void) JobBoundEnd();
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		timed_out = JobBoundEnd();
		MemoryContextSwitchTo(outer_context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(outer_context);
	CurrentResourceOwner = outer_owner;

	if (error != NULL && !timed_out && was_interrupted(error))
		ReThrowError(error);
	*over = timed_out;
	return error;
}

bool
JobMetLock(const ErrorData *error)
{
	return error != NULL && (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
							 error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED ||
							 error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE);
}

void
JobNoteFailure(const char *name, int64 run, const ErrorData *error, const char *statement,
			   bool over)
{
	Datum job = CStringGetTextDatum(name);

	if (over)
		note_failure(
			job, Int64GetDatum(run), TAROT_ERRCODE_JOB_TIMEOUT,
			psprintf("it took longer than tarot_security.job_timeout (%d ms)", JobBound()),
			"Does a trigger of the table, or a function that is called, not end? It is tried "
			"again later, with fewer rows.");
	else
		note_failure(
			job, Int64GetDatum(run), error->sqlerrcode, JobFailureMessage(error, statement),
			error->sqlerrcode == TAROT_ERRCODE_JOB_OWNER && JobReached == JOB_OWN ? error->hint
																				  : TRIED_AGAIN);
}

/* What is wrong with it is put on record, and keeps no other job from being done. */
static void
try_job(Job *job)
{
	ErrorData *error = NULL;
	bool over = false;

	for (int i = 0; i < ATTEMPTS && (i == 0 || (JobMetLock(error) && !over)); i++)
		error = try_batch(job, i > 0, &over);
	if (error == NULL)
		return;
	job->alone = NULL;
	job->goes_on = false;
	JobNoteFailure(TextDatumGetCString(job->name), DatumGetInt64(job->run), error,
				   statement_of_batch, over);
}

void
JobDoBatch(JobAlone **alone)
{
	Oid types[] = {TEXTOID, OIDOID, INT8OID};
	Datum values[] = {CStringGetTextDatum(turn.name), ObjectIdGetDatum(turn.relation),
					  Int64GetDatum(turn.run)};
	Job job = {.name = values[0], .relation = turn.relation, .run = values[2]};
	bool isnull;
	Datum kind;

	if (alone != NULL)
		*alone = NULL;
	SPI_connect();
	JobExecute("SELECT * FROM tarot.take_job($1, $2, $3)", 3, types, values, NULL);
	kind = get_value(1, &isnull);

	/* Meanwhile somebody may have changed it. */
	if (!isnull)
	{
		job.kind = TextDatumGetCString(kind);
		job.arguments = get_value(2, &isnull);
		job.time_zone = get_value(3, &isnull);
		job.position = get_value(4, &job.begins);
		job.owner = DatumGetObjectId(get_value(5, &isnull));
		try_job(&job);
		turn.goes_on = job.goes_on;
		if (job.goes_on)
			commit_without_waiting();
		if (alone != NULL && job.alone != NULL)
			*alone = JobAloneMake(turn.name, turn.run, job.relation, job.alone);
	}
	turn.others = JobOthersAreAtWork(turn.began_at);
	SPI_finish();
}

void
JobRunInit(void)
{
	JobBoundInit();
	JobLoadInit();
}

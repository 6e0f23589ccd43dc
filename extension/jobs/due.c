/*
 * due.c
 *		Who runs the jobs that are due: the background worker, and whoever calls
 *		tarot.run_due_jobs().
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "portability/instr_time.h"
#include "storage/latch.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "base/temporary.h"
#include "jobs/jobs.h"
#include "jobs/run.h"
#include "worker/worker.h"

/* After so long it is looked again whether a standby has come up, or others are done with a table.
 */
#define LOOK_MS 1000L

/* No sleep is longer: a clock may be put on. */
#define SLEEP_MS (60L * 60 * 1000)

/* This transaction has changed jobs. */
static bool changed;

/* ---------------------------------------------------------------- the worker */

/* The end of a rest, and its length in milliseconds: a clock may be put back meanwhile. */
static TimestampTz rest_until;
static long rest;

static long
left_of_rest(void)
{
	long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), rest_until);

	return left > rest ? 0 : left;
}

static JobStep
take(TimestampTz *due_at)
{
	JobStep step;

	PushActiveSnapshot(GetTransactionSnapshot());
	step = JobTake(due_at);
	PopActiveSnapshot();
	return step;
}

static void
do_batch(JobAlone **alone)
{
	PushActiveSnapshot(GetTransactionSnapshot());
	JobDoBatch(alone);
	PopActiveSnapshot();
}

static long
run_by_worker(void)
{
	TimestampTz due_at;
	JobAlone *alone;
	JobStep step;

	/* Others have woken the worker. */
	if (left_of_rest() > 0)
		return left_of_rest();
	WorkerBegin();
	step = take(&due_at);
	WorkerCommit();
	if (step == JOB_TAKEN)
	{
		WorkerBegin();
		do_batch(&alone);
		WorkerCommit();
		JobLeave(alone == NULL || JobRunAlone(alone));
		rest = JobRest();
		rest_until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), rest);
		return rest;
	}
	if (step == JOB_NOTED)
		return 0;
	if (step == JOB_NONE && due_at == 0)
		return WORKER_WHEN_WOKEN;
	if (step == JOB_BEHIND)
		return LOOK_MS;
	return Max(LOOK_MS,
			   Min(TimestampDifferenceMilliseconds(GetCurrentTimestamp(), due_at), SLEEP_MS));
}

void
JobsChanged(void)
{
	changed = true;
}

/*
 * tarot.follow_job_change() RETURNS trigger
 */
PG_FUNCTION_INFO_V1(tarot_jobs_follow_job_change);
Datum
tarot_jobs_follow_job_change(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	JobsChanged();
	return PointerGetDatum(NULL);
}

static void
on_transaction_end(XactEvent event, void *argument)
{
	(void) argument;
	if (likely(!changed) ||
		(event != XACT_EVENT_COMMIT && event != XACT_EVENT_PREPARE && event != XACT_EVENT_ABORT))
		return;
	changed = false;
	if (event == XACT_EVENT_COMMIT)
		WorkerWakeNow();
}

void
JobsInit(void)
{
	JobRunInit();
	JobAloneInit();
	RegisterXactCallback(on_transaction_end, NULL);
	WorkerAddDuty("jobs", run_by_worker, NULL);
}

/* ---------------------------------------------------------------- a client */

static void
wait(long milliseconds)
{
	instr_time begin;
	instr_time now;
	long left = milliseconds;

	INSTR_TIME_SET_CURRENT(begin);
	while (left > 0)
	{
		CHECK_FOR_INTERRUPTS();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, left,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		INSTR_TIME_SET_CURRENT(now);
		INSTR_TIME_SUBTRACT(now, begin);
		left = milliseconds - (long) INSTR_TIME_GET_MILLISEC(now);
	}
	CHECK_FOR_INTERRUPTS();
}

/* After a commit. */
static void
require_read_committed(void)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
						errmsg("jobs run in transactions that are READ COMMITTED"),
						errhint("SET default_transaction_isolation = 'read committed'.")));
}

/*
 * tarot.run_due_jobs()
 */
PG_FUNCTION_INFO_V1(tarot_jobs_run_due_jobs);
Datum
tarot_jobs_run_due_jobs(PG_FUNCTION_ARGS)
{
	TimestampTz due_at;
	JobStep step;

	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		((CallContext *) fcinfo->context)->atomic)
		ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
						errmsg("tarot.run_due_jobs() cannot run inside a transaction block")));
	SPI_connect_ext(SPI_OPT_NONATOMIC);

	/* What the caller has done before is none of a batch's. */
	SPI_commit();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (TemporaryObjectsExist())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("tarot.run_due_jobs() cannot run in a session with temporary objects"),
				 errdetail("Code of tables' owners could take them for its own."),
				 errhint("DISCARD TEMP, or call it in another session.")));
	JobBoundForClient();
	PopActiveSnapshot();
	do
	{
		require_read_committed();
		CHECK_FOR_INTERRUPTS();
		step = take(&due_at);
		SPI_commit();
		if (step == JOB_TAKEN)
		{
			do_batch(NULL);
			SPI_commit();
			JobLeave(true);
			wait(JobRest());
		}
		else if (step == JOB_BEHIND)
			wait(LOOK_MS);
	} while (step != JOB_NONE);
	SPI_finish();
	PG_RETURN_VOID();
}

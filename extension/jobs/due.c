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
#include "storage/latch.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/compat.h"
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

static JobStep
run_batch(TimestampTz *due_at, JobAlone **alone)
{
	JobStep step;

	PushActiveSnapshot(GetTransactionSnapshot());
	step = JobRunBatch(due_at, alone);
	PopActiveSnapshot();
	return step;
}

/* ---------------------------------------------------------------- the worker */

static long
run_by_worker(void)
{
	TimestampTz due_at;
	JobAlone *alone;
	JobStep step;

	WorkerBegin();
	step = run_batch(&due_at, &alone);
	WorkerCommit();
	if (alone != NULL)
		JobRunAlone(alone);
	if (step == JOB_DONE)
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
wait_for_standby(void)
{
	CHECK_FOR_INTERRUPTS();
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_MS,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
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
	do
	{
		if (IsolationUsesXactSnapshot())
			ereport(ERROR, (errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
							errmsg("jobs run in transactions that are READ COMMITTED"),
							errhint("SET default_transaction_isolation = 'read committed'.")));
		CHECK_FOR_INTERRUPTS();
		step = run_batch(&due_at, NULL);
		SPI_commit();
		if (step == JOB_BEHIND)
			wait_for_standby();
	} while (step != JOB_NONE);
	SPI_finish();
	PG_RETURN_VOID();
}

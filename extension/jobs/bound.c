/*
 * bound.c
 *		How long a batch may take.
 *
 * What it runs is code of others, which may catch what cancels it. So once the time is
 * over, whatever is begun is cancelled, until the batch has come to its end: PL/pgSQL that
 * has caught an error looks for interrupts before it does anything else.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "utils/guc.h"
#include "utils/timeout.h"

#include "base/compat.h"
#include "jobs/jobs.h"
#include "jobs/run.h"

/* How many milliseconds a batch may take. What it should take is 50; this is for code that does
 * not end. 0: for ever, and then that code stops all that the worker does. */
static int job_timeout = 10000;

static TimeoutId timer = MAX_TIMEOUTS;
static volatile sig_atomic_t watching = false;
static volatile sig_atomic_t over = false;

/* The session has advisory locks of its own, among which those of a batch cannot be told. */
static bool keeps_locks = false;

static void
interrupt(void)
{
	InterruptPending = true;
	QueryCancelPending = true;
}

/* In a signal handler. */
static void
on_timeout(void)
{
	if (!watching)
		return;
	over = true;
	interrupt();
	SetLatch(MyLatch);
}

/* Who catches an error rolls a subtransaction back first. */
static void
on_subtransaction_end(SubXactEvent event, SubTransactionId mine, SubTransactionId parent,
					  void *argument)
{
	(void) mine;
	(void) parent;
	(void) argument;
	if (unlikely(over) && event == SUBXACT_EVENT_ABORT_SUB)
		interrupt();
}

void
JobBoundForClient(void)
{
	bool isnull;

	JobExecute("SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.locktype = 'advisory' AND "
			   "l.pid = pg_catalog.pg_backend_pid())",
			   0, NULL, NULL, NULL);
	keeps_locks =
		DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

void
JobBoundBegin(void)
{
	if (timer == MAX_TIMEOUTS)
		timer = RegisterTimeout(USER_TIMEOUT, on_timeout);
	over = false;
	watching = job_timeout > 0;
	if (watching)
		enable_timeout_after(timer, job_timeout);
}

bool
JobBoundEnd(void)
{
	bool was_over = over;

	if (watching)
		disable_timeout(timer, false);
	watching = false;
	over = false;
	if (was_over)
		QueryCancelPending = false;

	/* What no end of a transaction takes back. */
	if (!keeps_locks)
		LockReleaseSession(USER_LOCKMETHOD);
	return was_over;
}

int
JobBound(void)
{
	return job_timeout;
}

void
JobBoundInit(void)
{
	RegisterSubXactCallback(on_subtransaction_end, NULL);
	DefineCustomIntVariable(
		"tarot_security.job_timeout", "How long a batch of a job may take.",
		"It is then taken back, and tried again later. 0: as long as it likes; then what does not "
		"end keeps the worker from all that it has to do.",
		&job_timeout, 10000, 0, 24 * 60 * 60 * 1000, PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
}

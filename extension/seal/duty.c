/*
 * duty.c
 *		Sealing by the background worker.
 *
 * It goes on where somebody has begun: in a database that a dump is restored to,
 * entries may be there before the tree that has their leaves. That there was a
 * sealing here tarot.audit_frontier tells, which no dump has.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "seal/duty.h"
#include "seal/seal.h"
#include "worker/worker.h"

/* So long it leaves those alone who seal by hand. */
#define BUSY_MS 1000L

/*
 * How much later than the last one the worker seals, in milliseconds; 0: never. What
 * was committed since then can be changed without a trace. Each sealing is a leaf's 60 bytes an
 * entry, a row of tarot.audit_checkpoint, and a signature.
 */
static int seal_interval = 10000;

/* Before that it has nothing to do, whoever wakes it. */
static TimestampTz not_before;

static bool
is_by_worker(void)
{
	return seal_interval > 0;
}

static long
time_until_due(TimestampTz last)
{
	TimestampTz due = TimestampTzPlusMilliseconds(last, seal_interval);
	long wait = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), due);

	/* The clock may have been put back since. */
	return last == 0 ? 0 : Min(wait, seal_interval);
}

/* Another version of the extension may not have them. */
static bool
tables_are_there(void)
{
	Oid tarot = get_namespace_oid("tarot", true);

	return OidIsValid(tarot) && OidIsValid(get_relname_relid("audit_entry", tarot)) &&
		   OidIsValid(get_relname_relid("audit_tile", tarot)) &&
		   OidIsValid(get_relname_relid("audit_checkpoint", tarot)) &&
		   OidIsValid(get_relname_relid("audit_frontier", tarot));
}

/* When it was sealed last; false: never here. */
static bool
last_sealing(TimestampTz *sealed_at)
{
	bool found;
	int result;

	SPI_connect();
	result = SPI_execute("SELECT c.sealed_at FROM tarot.audit_checkpoint c "
						 "WHERE EXISTS (SELECT FROM tarot.audit_frontier) "
						 "ORDER BY c.size DESC LIMIT 1",
						 true, 1);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "a query on tarot.audit_checkpoint failed: %s", SPI_result_code_string(result));
	found = SPI_processed > 0;
	if (found)
	{
		bool isnull;

		*sealed_at = DatumGetTimestampTz(
			SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	}
	SPI_finish();
	return found;
}

/* In a transaction. */
static long
seal_if_due(void)
{
	TimestampTz sealed_at;
	long wait;

	if (!tables_are_there() || !last_sealing(&sealed_at))
	{
		not_before = GetCurrentTimestamp();
		return WORKER_WHEN_WOKEN;
	}
	if ((wait = time_until_due(sealed_at)) > 0)
		return wait;
	if (!SealTryLock())
		return BUSY_MS;
	if (SealLog(false) > 0)
		return seal_interval;
	not_before = GetCurrentTimestamp();
	return WORKER_WHEN_WOKEN;
}

static long
seal_by_worker(void)
{
	long wait;

	if (!is_by_worker())
		return WORKER_WHEN_WOKEN;

	/* There was nothing, a moment ago. */
	if ((wait = time_until_due(not_before)) > 0)
		return wait;
	WorkerBegin();
	PushActiveSnapshot(GetTransactionSnapshot());
	wait = seal_if_due();
	PopActiveSnapshot();
	WorkerCommit();
	return wait;
}

void
SealDutyInit(void)
{
	DefineCustomIntVariable(
		"tarot_security.audit_seal_interval",
		"How long after the last sealing of the audit log the background worker seals it again.",
		"It does where tarot.seal_audit() was called once. 0: never.", &seal_interval, 10000, 0,
		24 * 60 * 60 * 1000, PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	WorkerAddDuty("seal", seal_by_worker, is_by_worker);
}

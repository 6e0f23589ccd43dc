/*
 * load.c
 *		Whether there is room for more work: standbys that are behind, and others who are
 *		at work here.
 */
#include "postgres.h"

#include "access/xlogdefs.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "portability/instr_time.h"
#include "utils/guc.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "jobs/jobs.h"
#include "jobs/rest.h"
#include "jobs/run.h"

/* ---------------------------------------------------------------- standbys */

/* By how many milliseconds a standby may be behind before jobs wait for it; 0: they never do. */
static int max_lag = 10000;

/* What all standbys are to have replayed by now, once it is old enough. By no clock that is put
 * back. */
static XLogRecPtr mark = InvalidXLogRecPtr;
static instr_time marked_at;

/* It was said. */
static bool waiting = false;

static bool
mark_is_old(void)
{
	instr_time age;

	INSTR_TIME_SET_CURRENT(age);
	INSTR_TIME_SUBTRACT(age, marked_at);
	return mark != InvalidXLogRecPtr && INSTR_TIME_GET_MILLISEC(age) > max_lag;
}

static Datum
get_value(int column)
{
	bool isnull;

	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);
}

/*
 * replay_lag alone does not tell: it is as old as the standby's last reply, and stays for a
 * while when the standby has caught up. So it counts only while there is something that the
 * standby has not replayed; and besides that this process remembers how far the log was, and
 * when.
 */
bool
JobStandbyIsBehind(void)
{
	Oid types[] = {FLOAT8OID, LSNOID, BOOLOID};
	Datum values[] = {Float8GetDatum(max_lag / 1000.0), LSNGetDatum(mark),
					  BoolGetDatum(mark_is_old())};
	bool behind;

	if (max_lag == 0)
		return false;
	JobExecute("SELECT coalesce(bool_or(r.replay_lsn < $2 AND $3 OR r.replay_lsn < c.lsn AND "
			   "extract(epoch FROM r.replay_lag) > $1), false), "
			   "coalesce(bool_and(r.replay_lsn >= $2), true), c.lsn "
			   "FROM (SELECT pg_catalog.pg_current_wal_flush_lsn() AS lsn) AS c "
			   "LEFT JOIN pg_catalog.pg_stat_replication r ON r.state = 'streaming' GROUP BY c.lsn",
			   3, types, values, NULL);
	behind = DatumGetBool(get_value(1));
	if (DatumGetBool(get_value(2)))
	{
		mark = DatumGetLSN(get_value(3));
		INSTR_TIME_SET_CURRENT(marked_at);
	}
	if (behind && !waiting)
		ereport(LOG, (errmsg("jobs wait for a standby that is behind"),
					  errhint("How far it may be is tarot_security.job_max_lag; for a standby that "
							  "is to be behind, set that to 0.")));
	waiting = behind;
	return behind;
}

/* ---------------------------------------------------------------- this server */

/* The part of the time that jobs are at work while other sessions are. With half of it, a batch of
 * 25 ms is followed by a rest of 25 ms. */
static double job_share = 0.5;

bool
JobOthersAreAtWork(TimestampTz since)
{
	Oid types[] = {TIMESTAMPTZOID};
	Datum values[] = {TimestampTzGetDatum(since)};

	/* Who is between two statements is at work, too. State "disabled": it cannot be known. */
	JobExecute("SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_get_activity(NULL) a WHERE "
			   "a.backend_type = 'client backend' AND a.pid <> pg_catalog.pg_backend_pid() AND "
			   "(a.state IN ('active', 'fastpath function call', 'disabled') OR "
			   "a.state_change BETWEEN $1 AND pg_catalog.clock_timestamp()))",
			   1, types, values, NULL);
	return DatumGetBool(get_value(1));
}

long
JobRestAfter(double milliseconds)
{
	static double owed = 0;

	return rest_after(milliseconds, job_share, &owed);
}

void
JobLoadInit(void)
{
	DefineCustomRealVariable(
		"tarot_security.job_share", "The part of the time that jobs work while others do.",
		"After a batch they rest, where other sessions were at work meanwhile: with 0.5 for as "
		"long as the batch took. 1: they do not rest.",
		&job_share, 0.5, 0.01, 1, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"tarot_security.job_max_lag", "How far a standby may be behind before jobs wait for it.",
		"In replaying what was written, as pg_stat_replication tells. 0: they do not wait.",
		&max_lag, 10000, 0, 24 * 60 * 60 * 1000, PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
}

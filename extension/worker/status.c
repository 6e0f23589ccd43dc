/*
 * status.c
 *		What the workers do, for people.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/compat.h"
#include "worker/table.h"

enum
{
	STATE_DATABASE,
	STATE_PID,
	STATE_STATE,
	STATE_STARTED_AT,
	STATE_DUTY,
	STATE_LAST_RUN,
	STATE_FAILURES,
	STATE_FAILED_AT,
	STATE_SQLSTATE,
	STATE_COLUMNS
};

typedef struct Row
{
	Datum values[STATE_COLUMNS];
	bool nulls[STATE_COLUMNS];
} Row;

static void
set(Row *row, int column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

static void
set_time(Row *row, int column, TimestampTz time)
{
	if (time != 0)
		set(row, column, TimestampTzGetDatum(time));
}

static void
set_worker(Row *row, WorkerEntry *entry)
{
	const char *state = "stopped";

	if (entry->pid != 0)
		state = entry->busy ? "running" : "asleep";
	else if (WorkerEntryIsHeld(entry))
		state = "held";
	else if (pg_atomic_read_u32(&entry->wanted) != 0)
		state = "waiting";
	set(row, STATE_DATABASE, ObjectIdGetDatum(pg_atomic_read_u32(&entry->database)));
	set(row, STATE_STATE, CStringGetTextDatum(state));
	set_time(row, STATE_STARTED_AT, entry->started_at);
	if (entry->pid != 0)
		set(row, STATE_PID, Int32GetDatum(entry->pid));
}

static void
set_duty(Row *row, const char *name, const DutyStatus *duty)
{
	set(row, STATE_DUTY, CStringGetTextDatum(name));
	set_time(row, STATE_LAST_RUN, duty->last_run);
	set(row, STATE_FAILURES, Int32GetDatum(duty->failures));
	set_time(row, STATE_FAILED_AT, duty->failed_at);
	if (duty->failed_at != 0)
		set(row, STATE_SQLSTATE, CStringGetTextDatum(unpack_sql_state(duty->sqlstate)));
}

static void
put(ReturnSetInfo *result, Row *row)
{
	tuplestore_putvalues(result->setResult, result->setDesc, row->values, row->nulls);
}

static Row
empty_row(void)
{
	Row row = {0};

	memset(row.nulls, true, sizeof(row.nulls));
	return row;
}

/*
 * tarot.worker_state(OUT database oid, OUT pid integer, OUT state text, OUT started_at timestamptz,
 *                    OUT duty text, OUT last_run timestamptz, OUT failures integer,
 *                    OUT failed_at timestamptz, OUT sqlstate text) RETURNS SETOF record
 */
PG_FUNCTION_INFO_V1(tarot_worker_state);
Datum
tarot_worker_state(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	WorkerTable *copy = palloc(sizeof(WorkerTable));
	Row row = empty_row();

	InitMaterializedSRF(fcinfo, 0);
	LWLockAcquire(WorkersLock, LW_SHARED);
	memcpy(copy, Workers, sizeof(WorkerTable));
	LWLockRelease(WorkersLock);
	if (copy->launcher != 0)
		set(&row, STATE_PID, Int32GetDatum(copy->launcher));
	set(&row, STATE_STATE, CStringGetTextDatum(copy->launcher != 0 ? "running" : "stopped"));
	put(result, &row);
	for (int i = 0; i < WORKER_DATABASES; i++)
	{
		WorkerEntry *entry = &copy->entries[i];

		if (!OidIsValid(pg_atomic_read_u32(&entry->database)))
			continue;
		for (int duty = 0; duty < WorkerDutyCount; duty++)
		{
			row = empty_row();
			set_worker(&row, entry);
			set_duty(&row, WorkerDuties[duty].name, &entry->duties[duty]);
			put(result, &row);
		}
	}
	return (Datum) 0;
}

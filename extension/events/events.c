/*
 * events.c
 *		Events by SQL.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xlog.h"
#include "datatype/timestamp.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "events/event.h"
#include "events/queue.h"

static char *
text_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

static char *
json_argument(FunctionCallInfo fcinfo, int number)
{
	Jsonb *json = PG_ARGISNULL(number) ? NULL : PG_GETARG_JSONB_P(number);

	return json == NULL ? NULL : JsonbToCString(NULL, &json->root, VARSIZE(json));
}

/*
 * tarot.log_security_event(event_type text, user_id text, action text, status text,
 *                          details jsonb) RETURNS void
 */
PG_FUNCTION_INFO_V1(tarot_events_log);
Datum
tarot_events_log(PG_FUNCTION_ARGS)
{
	SecurityEvent event = {.type = text_argument(fcinfo, 0),
						   .user_id = text_argument(fcinfo, 1),
						   .action = text_argument(fcinfo, 2),
						   .status = text_argument(fcinfo, 3),
						   .json = json_argument(fcinfo, 4),
						   .of_application = true};

	if (event.type == NULL || event.type[0] == '\0')
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("the type of a security event must not be null or empty")));
	EventReport(&event);
	PG_RETURN_VOID();
}

/*
 * tarot.note_event(event_type text, action text, status text, details jsonb) RETURNS void
 */
PG_FUNCTION_INFO_V1(tarot_events_note);
Datum
tarot_events_note(PG_FUNCTION_ARGS)
{
	EventReport(&(SecurityEvent){.type = text_argument(fcinfo, 0),
								 .action = text_argument(fcinfo, 1),
								 .status = text_argument(fcinfo, 2),
								 .json = json_argument(fcinfo, 3)});
	PG_RETURN_VOID();
}

/*
 * tarot.flush_events(timeout interval) RETURNS boolean
 */
PG_FUNCTION_INFO_V1(tarot_events_flush);
Datum
tarot_events_flush(PG_FUNCTION_ARGS)
{
	const Interval *timeout = PG_GETARG_INTERVAL_P(0);

	if (timeout->month != 0 || timeout->day != 0 || timeout->time < 0 ||
		timeout->time > USECS_PER_DAY)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the timeout must be between 0 and 24 hours")));
	PG_RETURN_BOOL(RecoveryInProgress() || QueueWait(MyDatabaseId, (long) (timeout->time / 1000)));
}

/*
 * tarot.event_counts(OUT size integer, OUT waiting integer, OUT written bigint, OUT logged bigint,
 *                    OUT overflowed bigint, OUT repeated bigint) RETURNS record
 */
PG_FUNCTION_INFO_V1(tarot_events_counts);
Datum
tarot_events_counts(PG_FUNCTION_ARGS)
{
	bool nulls[6] = {false, false, false, false, false, false};
	QueueCounts counts;
	TupleDesc desc;
	Datum values[6];

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	QueueCount(&counts);
	values[0] = Int32GetDatum(counts.size);
	values[1] = Int32GetDatum(counts.waiting);
	values[2] = Int64GetDatum((int64) counts.written);
	values[3] = Int64GetDatum((int64) counts.logged);
	values[4] = Int64GetDatum((int64) counts.overflowed);
	values[5] = Int64GetDatum((int64) counts.repeated);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

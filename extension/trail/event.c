/*
 * event.c
 *		Security events from the queue to the log, each once.
 *
 * Before it commits, the worker leaves the number of its transaction beside the events that it
 * writes. Who finds one there knows by that number whether the event is written already, after a
 * crash as well: the number cannot be given again, since what the transaction wrote was flushed
 *first.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "base/utf8.h"
#include "events/line.h"
#include "events/queue.h"
#include "trail/entry.h"
#include "trail/event.h"
#include "trail/trail.h"
#include "worker/worker.h"

/* So many in one transaction, which is to be short. */
#define BATCH 256

/* An event that cannot be written so often, alone, is not tried again. */
#define TRIES_MAX 3

/* How many go together: after a failure one, since it may be a single one that fails. */
static int batch = BATCH;
static int tries;

/* ---------------------------------------------------------------- the entry */

static void
add_member(StringInfo json, const char *name, const char *value)
{
	if (value == NULL)
		return;
	appendStringInfo(json, "%s\"%s\": ", json->len > 1 ? ", " : "", name);
	escape_json(json, value);
}

static Jsonb *
document_of(const EventRecord *record)
{
	const char *details = EventTextOf(record, EVENT_DETAILS);
	StringInfoData json;
	char time[MAXDATELEN + 1];
	int utc = 0;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	add_member(&json, "event_type", EventTextOf(record, EVENT_TYPE));
	add_member(&json, "user_id", EventTextOf(record, EVENT_USER_ID));
	add_member(&json, "action", EventTextOf(record, EVENT_ACTION));
	add_member(&json, "status", EventTextOf(record, EVENT_STATUS));
	add_member(&json, "source", record->of_application ? "application" : "tarot_security");
	(void) JsonEncodeDateTime(time, TimestampTzGetDatum(record->occurred_at), TIMESTAMPTZOID, &utc);
	add_member(&json, "occurred_at", time);
	if (FullTransactionIdIsValid(record->transaction))
		add_member(&json, "transaction",
				   psprintf(UINT64_FORMAT, U64FromFullTransactionId(record->transaction)));
	appendStringInfo(&json, ", \"pid\": %d, \"cut\": %s", record->pid,
					 record->cut ? "true" : "false");
	if (record->count > 1)
	{
		(void) JsonEncodeDateTime(time, TimestampTzGetDatum(record->last_at), TIMESTAMPTZOID, &utc);
		appendStringInfo(&json, ", \"count\": %u", record->count);
		add_member(&json, "last_at", time);
	}
	if (details != NULL)
		appendStringInfo(&json, ", \"details\": %s", details);
	appendStringInfoChar(&json, '}');
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}

static void
write_entry(EntryWriter *writer, const EventRecord *record)
{
	const char *subject = EventTextOf(record, EVENT_SUBJECT);
	AuditEntry entry = {.operation = AUDIT_EVENT, .new_row = document_of(record)};
	EntryOrigin origin = {.role = record->role,
						  .session_role = record->session_role,
						  .client = EventTextOf(record, EVENT_CLIENT),
						  .application = EventTextOf(record, EVENT_APPLICATION)};

	if (subject != NULL && !Utf8TryToServer(bytes_of_string(subject), &origin.subject))
		origin.subject = bytes_of_string("?");
	EntryWriteFor(writer, &origin, &entry);
}

/* ---------------------------------------------------------------- the duty */

/* By a worker that had no time to say so. None but this one writes now. */
static bool
is_written(const EventRecord *record)
{
	return FullTransactionIdIsValid(record->written_by) &&
		   TransactionIdDidCommit(XidFromFullTransactionId(record->written_by));
}

static void
write_events(const int *places, int count)
{
	EntryWriter *writer;
	FullTransactionId mine;

	WorkerBegin();
	writer = EntryWriterMakeForEvents();
	for (int i = 0; i < count; i++)
		write_entry(writer, QueueRecord(places[i]));
	TrailEndStatement();

	/* From here on this transaction's number is known to have been used, crash or not. */
	XLogFlush(XactLastRecEnd);
	mine = GetTopFullTransactionId();
	for (int i = 0; i < count; i++)
		QueueRecord(places[i])->written_by = mine;
	WorkerCommit();
}

/* Somebody else could not write it either: the disk is full, or a lock is held. */
static bool
is_of_the_times(int sqlstate)
{
	int category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_RESOURCES) ||
		   category == ERRCODE_TO_CATEGORY(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE) ||
		   category == ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION) ||
		   category == ERRCODE_TO_CATEGORY(ERRCODE_TRANSACTION_ROLLBACK);
}

static void
write_or_count_failure(const int *places, int count)
{
	PG_TRY();
	{
		write_events(places, count);
		tries = 0;
	}
	PG_CATCH();
	{
		if (!is_of_the_times(geterrcode()))
		{
			tries = count == 1 ? tries + 1 : 0;
			batch = 1;
		}
		PG_RE_THROW();
	}
	PG_END_TRY();
}

long
EventsWrite(void)
{
	int places[BATCH];
	int count = QueueFind(MyDatabaseId, places, batch);
	int left = 0;

	if (count == 0)
	{
		batch = BATCH;
		return WORKER_WHEN_WOKEN;
	}
	if (tries >= TRIES_MAX)
	{
		LineLog(QueueRecord(places[0]), "cannot be written");
		QueueCountLogged(false);
		QueueRelease(places[0], false);
		tries = 0;
		return 0;
	}

	for (int i = 0; i < count; i++)
	{
		if (is_written(QueueRecord(places[i])))
			QueueRelease(places[i], true);
		else
			places[left++] = places[i];
	}
	if (left > 0)
		write_or_count_failure(places, left);
	for (int i = 0; i < left; i++)
		QueueRelease(places[i], true);
	return 0;
}

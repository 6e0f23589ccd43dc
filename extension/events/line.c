/*
 * line.c
 *		Events as JSON, in memory of a fixed size.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/elog.h"
#include "utils/timestamp.h"

#include "base/errors.h"
#include "events/line.h"

/* More than a record can become: each of its bytes at most six. */
#define LINE_SIZE 16384

/* Of a detail that C code gives: what is longer is no name. */
#define DETAIL_MAX 255

static void
put_bytes(Line *line, const char *bytes, size_t count)
{
	if (line->full || line->len + count >= line->size)
	{
		line->full = true;
		return;
	}
	memcpy(line->text + line->len, bytes, count);
	line->len += count;
	line->text[line->len] = '\0';
}

void
LinePut(Line *line, const char *text)
{
	put_bytes(line, text, strlen(text));
}

void
LinePutString(Line *line, const char *text, size_t limit)
{
	size_t len;

	if (text == NULL)
	{
		LinePut(line, "null");
		return;
	}
	len = strlen(text);
	if (len > limit)
		len = (size_t) pg_mbcliplen(text, (int) len, (int) limit);
	put_bytes(line, "\"", 1);
	for (size_t i = 0; i < len; i++)
	{
		unsigned char byte = (unsigned char) text[i];
		char escaped[8];

		if (byte == '"' || byte == '\\')
			snprintf(escaped, sizeof(escaped), "\\%c", byte);
		else if (byte < 0x20 || byte == 0x7F)
			snprintf(escaped, sizeof(escaped), "\\u%04x", byte);
		else
		{
			put_bytes(line, text + i, 1);
			continue;
		}
		LinePut(line, escaped);
	}
	put_bytes(line, "\"", 1);
}

void
LinePutName(Line *line, const char *name)
{
	LinePut(line, line->len > 0 && line->text[line->len - 1] != '{' ? ", " : "");
	LinePutString(line, name, SIZE_MAX);
	LinePut(line, ": ");
}

void
LinePutMember(Line *line, const char *name, const char *value)
{
	if (value == NULL)
		return;
	LinePutName(line, name);
	LinePutString(line, value, SIZE_MAX);
}

void
LinePutNumber(Line *line, const char *name, uint64 value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), UINT64_FORMAT, value);
	LinePutName(line, name);
	LinePut(line, digits);
}

/* ---------------------------------------------------------------- details */

/* The beginning of what was too long, as text: it is no JSON any more. */
static void
put_beginning(Line *line, const char *json)
{
	size_t room;

	LinePut(line, "{");
	LinePutName(line, "cut");
	LinePut(line, "true");
	LinePutNumber(line, "bytes", strlen(json));
	LinePutName(line, "text");

	/* As much as fits with its escapes: the rest is tried again with half of it. */
	for (room = line->size - line->len; room > 0; room /= 2)
	{
		Line whole = *line;

		LinePutString(&whole, json, room);
		LinePut(&whole, "}");
		if (!whole.full)
		{
			*line = whole;
			return;
		}
	}
	line->full = true;
}

bool
LineOfDetails(const SecurityEvent *event, char *text, size_t size)
{
	Line line = {.text = text, .size = size};
	bool cut = false;

	text[0] = '\0';
	if (event->json != NULL)
	{
		if (strlen(event->json) < size)
		{
			LinePut(&line, event->json);
			return false;
		}
		put_beginning(&line, event->json);
		return true;
	}
	if (event->details[0].name == NULL)
		return false;
	LinePut(&line, "{");
	for (int i = 0; i < EVENT_DETAILS_MAX && event->details[i].name != NULL; i++)
	{
		LinePutName(&line, event->details[i].name);
		LinePutString(&line, event->details[i].value, DETAIL_MAX);
		cut |= event->details[i].value != NULL && strlen(event->details[i].value) > DETAIL_MAX;
	}
	LinePut(&line, "}");
	if (line.full)
		strlcpy(text, "{\"cut\": true}", size);
	return cut || line.full;
}

/* ---------------------------------------------------------------- the server's log */

/* ISO 8601, in UTC: a session's settings change nothing in it. */
static void
put_time(Line *line, const char *name, TimestampTz time)
{
	struct pg_tm tm;
	fsec_t fsec;
	char text[64];

	if (timestamp2tm(time, NULL, &tm, &fsec, NULL, NULL) != 0)
		return;
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year, tm.tm_mon,
			 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int) fsec);
	LinePutMember(line, name, text);
}

void
LineLog(const EventRecord *record, const char *why)
{
	char text[LINE_SIZE];
	Line line = LINE_IN(text);
	const char *details = EventTextOf(record, EVENT_DETAILS);

	LinePut(&line, "{");
	LinePutMember(&line, "event_type", EventTextOf(record, EVENT_TYPE));
	LinePutMember(&line, "user_id", EventTextOf(record, EVENT_USER_ID));
	LinePutMember(&line, "action", EventTextOf(record, EVENT_ACTION));
	LinePutMember(&line, "status", EventTextOf(record, EVENT_STATUS));
	LinePutMember(&line, "source", record->of_application ? "application" : "tarot_security");
	put_time(&line, "occurred_at", record->occurred_at);
	LinePutNumber(&line, "database", record->database);
	LinePutNumber(&line, "role", record->role);
	LinePutNumber(&line, "session_role", record->session_role);
	LinePutMember(&line, "subject", EventTextOf(record, EVENT_SUBJECT));
	LinePutMember(&line, "client", EventTextOf(record, EVENT_CLIENT));
	LinePutMember(&line, "application", EventTextOf(record, EVENT_APPLICATION));
	LinePutNumber(&line, "pid", (uint64) record->pid);
	if (FullTransactionIdIsValid(record->transaction))
		LinePutNumber(&line, "transaction", U64FromFullTransactionId(record->transaction));
	if (record->count > 1)
	{
		LinePutNumber(&line, "count", record->count);
		put_time(&line, "last_at", record->last_at);
	}
	if (record->cut)
		LinePutNumber(&line, "cut", 1);
	LinePutMember(&line, "why_here", why);
	if (details != NULL)
	{
		Line whole = line;

		LinePutName(&whole, "details");
		LinePut(&whole, details);
		if (whole.len + 1 < whole.size && !whole.full)
			line = whole;
		line.text[line.len] = '\0';
	}
	LinePut(&line, "}");
	ereport(LOG_SERVER_ONLY,
			(errcode(TAROT_ERRCODE_ACCESS_NOTED), errmsg("security event: %s", line.text),
			 errhidestmt(true), errhidecontext(true)));
}

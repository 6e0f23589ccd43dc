/*
 * report.c
 *		Events from where they happen to the queue, or to the server's log.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "common/hashfn.h"
#include "common/ip.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/proc.h"
#include "utils/backend_status.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "crypto/hash.h"
#include "events/event.h"
#include "events/line.h"
#include "events/queue.h"
#include "events/repeat.h"
#include "events/settings.h"
#include "events/statement.h"

/* Of each text, in bytes. Details get what is left. */
#define TYPE_MAX 63
#define ACTION_MAX 255
#define STATUS_MAX 63
#define USER_MAX 255
#define ADDRESS_MAX 63

/*
 * Whether events are written to the tables of their databases, by background workers. Turned
 * off, they go to the server log, as on a standby.
 */
bool EventWorkerEnabled = true;

/* Whether the server log gets all of them, too. */
bool EventLogAll = false;

/*
 * Whether it gets those at once that none may be lost of, though the machine dies before the
 * worker has written them.
 */
static bool log_critical = true;

bool (*EventSubject)(Bytes *prefix, Bytes *subject) = NULL;

void
EventsInit(void)
{
	DefineCustomBoolVariable(
		"tarot_security.worker",
		"Runs background workers that write security events and serve the audit log.",
		"Off, security events go to the server log.", &EventWorkerEnabled, true, PGC_SIGHUP, 0,
		NULL, NULL, NULL);
	DefineCustomBoolVariable("tarot_security.log_security_events",
							 "Writes each security event to the server log, too.", NULL,
							 &EventLogAll, false, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("tarot_security.log_critical_events",
							 "Writes security events of keys, break-glass and attempts on the "
							 "audit to the server log at once, too.",
							 NULL, &log_critical, true, PGC_SIGHUP, 0, NULL, NULL, NULL);
	QueueInit();
	RepeatInit();
}

void
EventsShmemRequest(void)
{
	QueueShmemRequest();
	StatementShmemRequest();
}

void
EventsShmemStartup(void)
{
	QueueShmemStartup();
	StatementShmemStartup();
}

/* ---------------------------------------------------------------- who and where */

/* The address of the client, looked up once. */
static const char *
client_of_session(void)
{
	static char address[ADDRESS_MAX + 1];
	static bool known = false;
	const SockAddr *client;
	char *zone;

	if (known || MyBEEntry == NULL)
		return address;
	known = true;
	client = &MyBEEntry->st_clientaddr;
	if ((client->addr.ss_family == AF_INET || client->addr.ss_family == AF_INET6) &&
		pg_getnameinfo_all(&client->addr, client->salen, address, sizeof(address), NULL, 0,
						   NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		address[0] = '\0';

	/* As inet has it: a zone is nothing of other machines. */
	if ((zone = strchr(address, '%')) != NULL)
		*zone = '\0';
	return address;
}

static int32
session_pid(void)
{
	PGPROC *leader = IsParallelWorker() && MyProc != NULL ? MyProc->lockGroupLeader : NULL;

	return leader != NULL ? leader->pid : MyProcPid;
}

/* ---------------------------------------------------------------- the record */

static void
add_bytes(EventRecord *record, EventText which, const char *text, size_t len)
{
	if (record->used + len + 1 > EVENT_TEXT_SIZE)
		len = EVENT_TEXT_SIZE - record->used - 1;
	record->start[which] = record->used;
	memcpy(record->text + record->used, text, len);
	record->used += (uint16) len;
	record->text[record->used++] = '\0';
}

/* An empty one is none. */
static void
add_text(EventRecord *record, EventText which, const char *text, size_t limit)
{
	size_t len;

	if (text == NULL || text[0] == '\0')
		return;
	len = strnlen(text, limit + 1);
	if (len > limit)
	{
		len = (size_t) pg_mbcliplen(text, (int) len, (int) limit);
		record->cut = true;
	}
	add_bytes(record, which, text, len);
}

static bool
find_subject(const EventActor *actor, Bytes *prefix, Bytes *subject)
{
	*prefix = bytes_view(NULL, 0);
	if (actor != NULL)
		*subject = actor->subject;
	else if (EventSubject == NULL || !EventSubject(prefix, subject))
		return false;
	return subject->len > 0;
}

static void
add_subject(EventRecord *record, const EventActor *actor)
{
	char text[USER_MAX + 1];
	Bytes prefix;
	Bytes subject;
	size_t len;

	if (!find_subject(actor, &prefix, &subject))
		return;
	len = Min(prefix.len, USER_MAX);
	memcpy(text, prefix.data != NULL ? (const char *) prefix.data : "", len);
	if (subject.len > USER_MAX - len)
	{
		subject.len = (size_t) pg_encoding_mbcliplen(PG_UTF8, (const char *) subject.data,
													 (int) subject.len, (int) (USER_MAX - len));
		record->cut = true;
	}
	memcpy(text + len, subject.data, subject.len);
	add_bytes(record, EVENT_SUBJECT, text, len + subject.len);
}

static void
fill(EventRecord *record, const SecurityEvent *event)
{
	int context;

	record->occurred_at = GetCurrentTimestamp();
	record->transaction = GetTopFullTransactionIdIfAny();
	record->written_by = InvalidFullTransactionId;
	record->number = 0;
	record->database = MyDatabaseId;
	GetUserIdAndSecContext(&record->role, &context);
	if (event->actor != NULL)
		record->role = event->actor->role;
	record->session_role = OidIsValid(record->role) ? GetSessionUserId() : InvalidOid;
	record->pid = session_pid();
	record->of_application = event->of_application;
	record->count = 0;
	record->last_at = 0;
	record->cut = false;
	memset(record->start, 0, sizeof(record->start));
	record->text[0] = '\0';
	record->used = 1;
	add_text(record, EVENT_TYPE, event->type, TYPE_MAX);
	add_text(record, EVENT_USER_ID, event->user_id, USER_MAX);
	add_text(record, EVENT_ACTION, event->action, ACTION_MAX);
	add_text(record, EVENT_STATUS, event->status, STATUS_MAX);
	add_text(record, EVENT_CLIENT, client_of_session(), ADDRESS_MAX);
	if (application_name != NULL && application_name[0] != '\0')
		add_text(record, EVENT_APPLICATION, application_name, NAMEDATALEN);
	else if (MyBgworkerEntry != NULL)
		add_text(record, EVENT_APPLICATION, MyBgworkerEntry->bgw_name, BGW_MAXLEN);
	add_subject(record, event->actor);

	record->cut |=
		LineOfDetails(event, record->text + record->used, EVENT_TEXT_SIZE - record->used);
	if (record->text[record->used] != '\0')
	{
		record->start[EVENT_DETAILS] = record->used;
		record->used += (uint16) strlen(record->text + record->used) + 1;
	}
}

/* ---------------------------------------------------------------- reporting */

/* Why it cannot be written to a table; NULL if it can. */
static const char *
why_not_written(void)
{
	if (!IsUnderPostmaster || MyProc == NULL || !OidIsValid(MyDatabaseId))
		return "of no session with a database";
	if (RecoveryInProgress())
		return "this server is a standby";
	if (!EventWorkerEnabled)
		return "tarot_security.worker is off";
	if (!QueueIsServed())
		return "no worker runs: max_worker_processes may be too low";
	return NULL;
}

bool
EventIsCritical(const SecurityEvent *event)
{
	static const char *const types[] = {"KEY", "ROOT_KEY", "BREAK_GLASS", "AUDIT"};

	for (size_t i = 0; i < lengthof(types) && !event->of_application; i++)
	{
		if (event->type != NULL && strcmp(event->type, types[i]) == 0)
			return true;
	}
	return false;
}

void
EventReport(const SecurityEvent *event)
{
	uint64 room[EVENT_RECORD_SIZE / sizeof(uint64)];
	EventRecord *record = (EventRecord *) room;
	RepeatedEvent *repeated = NULL;
	const char *why;

	fill(record, event);
	why = why_not_written();
	if (why == NULL && RepeatMayCount(event) && RepeatIsCounted(record, &repeated))
		return;
	if (why == NULL && !RepeatPut(record, repeated))
	{
		why = "the queue of events is full";
		QueueCountLogged(true);
	}
	else if (why != NULL)
		QueueCountLogged(false);

	/* What is held is logged when it is known how often it was. */
	if (why != NULL || (EventLogAll && repeated == NULL) ||
		(log_critical && EventIsCritical(event)))
		LineLog(record, why);
}

/* ---------------------------------------------------------------- once a statement */

#define KNOWN_MAX 32

static uint64
mix(uint64 seed, const char *text)
{
	return text == NULL
			   ? seed
			   : hash_bytes_extended((const unsigned char *) text, (int) strlen(text) + 1, seed);
}

/* What makes two events of a statement the same: all that tells them but the time. */
static uint64
identity_of(const SecurityEvent *event, uint64 seed)
{
	uint64 hash =
		mix(mix(mix(mix(seed, event->type), event->action), event->status), event->user_id);
	Bytes prefix;
	Bytes subject;

	for (int i = 0; i < EVENT_DETAILS_MAX && event->details[i].name != NULL; i++)
		hash = mix(mix(hash, event->details[i].name), event->details[i].value);
	if (EventSubject != NULL && EventSubject(&prefix, &subject) && subject.len > 0)
		hash = hash_bytes_extended(subject.data, (int) subject.len, hash);
	return hash ^ ((uint64) GetUserId() << 32);
}

/* The client's statement in which something was last refused. */
static TimestampTz denied_statement;
static uint64 denied_number;

void
EventReportOnce(const SecurityEvent *event)
{
	static uint64 known[KNOWN_MAX];
	static int known_count;
	static TimestampTz known_of;
	static uint64 known_number;
	TimestampTz statement = GetCurrentStatementStartTimestamp();
	uint64 hash = identity_of(event, StatementSeed());
	uint8 digest[HASH_SIZE] = {0};

	if (known_of != statement || known_number != StatementNumber)
		known_count = 0;
	known_of = statement;
	known_number = StatementNumber;
	if (event->status != NULL && strcmp(event->status, EVENT_DENIED) == 0)
	{
		denied_statement = statement;
		denied_number = StatementNumber;
	}
	for (int i = 0; i < Min(known_count, KNOWN_MAX); i++)
	{
		if (known[i] == hash)
			return;
	}
	known[known_count++ % KNOWN_MAX] = hash;
	memcpy(digest, &hash, sizeof(hash));
	if (StatementNote(statement, digest))
		EventReport(event);
}

int
EventDenied(const char *action, const char *data_class)
{
	SecurityEvent event = {.type = data_class != NULL ? "CLASS_ACCESS" : "PERMISSION",
						   .action = action,
						   .status = EVENT_DENIED,
						   .details = {{data_class != NULL ? "class" : NULL, data_class}}};

	EventReportOnce(&event);
	return errcode(ERRCODE_INSUFFICIENT_PRIVILEGE);
}

bool
EventWasDenied(void)
{
	return denied_statement != 0 && denied_statement == GetCurrentStatementStartTimestamp() &&
		   denied_number == StatementNumber;
}

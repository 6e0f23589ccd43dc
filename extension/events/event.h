/*
 * event.h
 *		Security events: what no rollback may take back, as a denial, which is
 *		the reason for the rollback.
 */
#ifndef TAROT_EVENTS_EVENT_H
#define TAROT_EVENTS_EVENT_H

#include "base/bytes.h"

#define EVENT_DETAILS_MAX 4

typedef struct EventDetail
{
	const char *name;
	const char *value; /* NULL: null */
} EventDetail;

/* Who did it, where that is no longer known by the time that it is reported. */
typedef struct EventActor
{
	Oid role;
	Bytes subject; /* with its prefix, as EventSubject; empty: nobody */
} EventActor;

typedef struct SecurityEvent
{
	const char *type;                       /* "CLASS_ACCESS" */
	const char *action;                     /* what was tried: "read" */
	const char *status;                     /* what came of it: "denied" */
	const char *user_id;                    /* whom it is about; NULL: who the session is */
	EventDetail details[EVENT_DETAILS_MAX]; /* up to the first that has no name */
	const char *json;                       /* instead of them: a JSON object */
	bool of_application;                    /* an application says so, and not this extension */
	const EventActor *actor;                /* NULL: who it is now */
} SecurityEvent;

#define EVENT_DENIED "denied"
#define EVENT_SUCCESS "success"
#define EVENT_FAILURE "failure"

/*
 * Puts an event on its way to the log of the session's database; the server's log
 * gets it where there is no way. Never waits, raises nothing, allocates nothing:
 * it may be called wherever an error may, also in a transaction that is aborted, on
 * a standby, and in parallel workers. What is too long is cut, and says so.
 */
extern void EventReport(const SecurityEvent *event);

/* Of keys, of breaking the glass, and of the audit itself: each one counts. */
extern bool EventIsCritical(const SecurityEvent *event);

/* Reports it once a statement of the client, however often it is called, and by whichever of its
 * processes. */
extern void EventReportOnce(const SecurityEvent *event);

/*
 * For ereport(): the SQLSTATE of a refusal, which is an event. Once a statement, also where
 * somebody catches the error; of which data class, or NULL.
 */
extern int EventDenied(const char *action, const char *data_class);

/* Whether this statement of the client's was refused anything yet that is an event. */
extern bool EventWasDenied(void);

/*
 * Who the session's verified token names, in UTF-8; false for nobody. Of a floor above,
 * with the promises of EventReport; or NULL.
 */
extern bool (*EventSubject)(Bytes *prefix, Bytes *subject);

extern void EventsInit(void);
extern void EventsShmemRequest(void);
extern void EventsShmemStartup(void);

#endif

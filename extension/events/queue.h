/*
 * queue.h
 *		Events on their way to the log: in shared memory, of all databases.
 *
 * Who reports one takes no lock. A record is whole before its place says that
 * there is one, and stays until who writes it has committed.
 */
#ifndef TAROT_EVENTS_QUEUE_H
#define TAROT_EVENTS_QUEUE_H

#include "datatype/timestamp.h"
#include "access/transam.h"

#define EVENT_RECORD_SIZE 2048

typedef enum EventText
{
	EVENT_TYPE,
	EVENT_USER_ID,
	EVENT_ACTION,
	EVENT_STATUS,
	EVENT_CLIENT,
	EVENT_APPLICATION,
	EVENT_SUBJECT, /* in UTF-8; the others as the server has them */
	EVENT_DETAILS, /* JSON */
	EVENT_TEXTS
} EventText;

typedef struct EventRecord
{
	uint64 number; /* counted from the start of the server */
	TimestampTz occurred_at;
	FullTransactionId transaction; /* invalid: none was assigned */

	/* Of who writes it: once that has committed it is written. Its WAL was flushed before. */
	FullTransactionId written_by;

	Oid database;
	Oid role;
	Oid session_role;
	int32 pid;
	uint32 count; /* how often it happened, up to `last_at`; 0: once */
	TimestampTz last_at;
	bool of_application;
	bool cut; /* a text is not all there */

	/* Where each text begins, which ends with a zero byte; 0: there is none. */
	uint16 start[EVENT_TEXTS];
	uint16 used; /* bytes of `text` */
	char text[FLEXIBLE_ARRAY_MEMBER];
} EventRecord;

#define EVENT_TEXT_SIZE (EVENT_RECORD_SIZE - offsetof(EventRecord, text))

/* NULL: there is none. */
static inline const char *
EventTextOf(const EventRecord *record, EventText which)
{
	return record->start[which] == 0 ? NULL : record->text + record->start[which];
}

/* ---------------------------------------------------------------- who reports */

/*
 * The event's place, -1: the queue is full. With a time until which it is held, those that
 * follow can be counted there, unless many are held already; 0: there is nothing to wait for.
 */
extern int QueuePut(EventRecord *record, TimestampTz held_until);

/* Counts one more event that is the same as that of this number. False: it is held no longer. */
extern bool QueueRepeat(int place, uint64 number, TimestampTz occurred_at);

/* Whether somebody is there to write what is put there, or will soon be. */
extern bool QueueIsServed(void);

/* ---------------------------------------------------------------- who writes */

/* Wakes who listens; costs next to nothing where that was done and not yet heard. */
extern void QueueWakeListener(void);

/* This process listens, until it ends: its latch is set when there is something to do. */
extern void QueueListen(void);

/* Takes note of all wakes so far. To be followed by looking what there is to do. */
extern void QueueHear(void);

/*
 * Databases that have events waiting; at most `room`. Those that are held do not count: `wait` is
 * when the first of them is held no longer, in milliseconds; -1: there is none.
 */
extern int QueueDatabases(Oid *databases, int room, long *wait);

/* The places of at most `room` events of a database that are not held, the oldest first. */
extern int QueueFind(Oid database, int *places, int room);

extern EventRecord *QueueRecord(int place);

/* Gives the place free: the event is written, or in the server's log. */
extern void QueueRelease(int place, bool written);

/* All events of a database go to the server's log. */
extern void QueueSpill(Oid database);

/* ---------------------------------------------------------------- for people */

typedef struct QueueCounts
{
	int size;
	int waiting;
	uint64 written;    /* this and what follows since the start of the server */
	uint64 logged;     /* instead */
	uint64 overflowed; /* of those: since the queue was full */
	uint64 repeated;   /* are in the count of another */
} QueueCounts;

extern void QueueCount(QueueCounts *counts);

/* An event went to the server's log. */
extern void QueueCountLogged(bool overflowed);

/* Waits until all events of a database reported so far are gone; false after so many milliseconds.
 */
extern bool QueueWait(Oid database, long timeout);

extern void QueueInit(void);
extern void QueueShmemRequest(void);
extern void QueueShmemStartup(void);

#endif

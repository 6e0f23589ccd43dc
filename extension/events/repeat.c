/*
 * repeat.c
 *		The same event again and again, of one process.
 *
 * Who is refused something in a loop would fill the log. What is counted is counted
 * in the queue, in shared memory: neither the end of the process nor its death
 * loses any, and none has to wait for the process to say how many they were.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "events/repeat.h"
#include "events/statement.h"

/* Different events that a process remembers; one that is forgotten is an event at once when it
 * happens again. */
#define KNOWN 128

struct RepeatedEvent
{
	TimestampTz until;
	uint64 number; /* of the event that counts; 0: none does yet */
	int place;
};

static uint64 hashes[KNOWN];
static RepeatedEvent events[KNOWN];

/*
 * How long the same event is counted after it was reported, in milliseconds; 0: each is an event
 * of its own. Longer: fewer events, which come later.
 */
static int repeat_interval = 10000;

void
RepeatInit(void)
{
	DefineCustomIntVariable(
		"tarot_security.event_repeat_interval",
		"How long repetitions of a security event are counted before they are written as one.",
		"Of one process, what was refused and what applications report. 0: each is written.",
		&repeat_interval, 10000, 0, 60 * 60 * 1000, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
}

bool
RepeatMayCount(const SecurityEvent *event)
{
	return repeat_interval > 0 && !EventIsCritical(event) &&
		   (event->of_application ||
			(event->status != NULL && strcmp(event->status, EVENT_SUCCESS) != 0));
}

/* All that tells two events apart but the time and the transaction. */
static uint64
hash_of(const EventRecord *record)
{
	uint64 hash =
		hash_bytes_extended((const unsigned char *) record->text, record->used, StatementSeed());

	hash = hash_bytes_extended((const unsigned char *) record->start, sizeof(record->start), hash);
	hash = hash_combine64(hash, (uint64) record->role << 32 | record->session_role);
	return hash ^ (record->of_application ? 1 : 0);
}

/* The one of the hash, or that to forget, which is the one found first of all. */
static int
find(uint64 hash)
{
	static int next = 0;

	for (int i = 0; i < KNOWN; i++)
	{
		if (hashes[i] == hash)
			return i;
	}
	next = (next + 1) % KNOWN;
	return next;
}

bool
RepeatIsCounted(const EventRecord *record, RepeatedEvent **repeated)
{
	TimestampTz now = record->occurred_at;
	uint64 hash = hash_of(record);
	int number = find(hash);
	RepeatedEvent *known = &events[number];

	/* Where the clock was put back, the interval begins anew, too. */
	if (hashes[number] != hash || known->until <= now ||
		known->until > TimestampTzPlusMilliseconds(now, repeat_interval))
	{
		hashes[number] = hash;
		known->until = TimestampTzPlusMilliseconds(now, repeat_interval);
		known->number = 0;
		return false;
	}
	if (known->number != 0 && QueueRepeat(known->place, known->number, now))
		return true;
	*repeated = known;
	return false;
}

bool
RepeatPut(EventRecord *record, RepeatedEvent *repeated)
{
	int place = QueuePut(record, repeated != NULL ? repeated->until : 0);

	if (place >= 0 && repeated != NULL)
	{
		repeated->place = place;
		repeated->number = record->number;
	}
	return place >= 0;
}

/*
 * repeat.h
 *		The same event again and again, of one process: the first is an event at once, those that
 *		follow it for a while are one event together, which says how many they were.
 */
#ifndef TAROT_EVENTS_REPEAT_H
#define TAROT_EVENTS_REPEAT_H

#include "events/event.h"
#include "events/queue.h"

typedef struct RepeatedEvent RepeatedEvent;

/* What is refused, and what applications report: not what was done, nor what ends the audit. */
extern bool RepeatMayCount(const SecurityEvent *event);

/*
 * True: it is in the count of another. Else it is to be put into the queue; as one that counts
 * those that follow it, where `repeated` is not NULL then.
 */
extern bool RepeatIsCounted(const EventRecord *record, RepeatedEvent **repeated);

/* False: the queue is full. */
extern bool RepeatPut(EventRecord *record, RepeatedEvent *repeated);

extern void RepeatInit(void);

#endif

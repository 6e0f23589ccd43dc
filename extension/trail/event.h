/*
 * event.h
 *		Security events on their way from the queue to the log.
 */
#ifndef TAROT_TRAIL_EVENT_H
#define TAROT_TRAIL_EVENT_H

/* The worker's duty: writes those of its database. */
extern long EventsWrite(void);

#endif

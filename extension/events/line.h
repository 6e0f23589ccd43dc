/*
 * line.h
 *		Events as JSON, in memory of a fixed size: where nothing may be allocated.
 */
#ifndef TAROT_EVENTS_LINE_H
#define TAROT_EVENTS_LINE_H

#include "events/event.h"
#include "events/queue.h"

typedef struct Line
{
	char *text; /* ends with a zero byte */
	size_t size;
	size_t len;
	bool full; /* not all of it is there */
} Line;

/* In an array. */
#define LINE_IN(array)                         \
	(Line)                                     \
	{                                          \
		.text = (array), .size = sizeof(array) \
	}

extern void LinePut(Line *line, const char *text);

/* As a JSON string, of at most so many bytes of the text; null for NULL. */
extern void LinePutString(Line *line, const char *text, size_t limit);

/*
 * Members of a JSON object: the name of one, whose value is to follow; one with
 * a text, which is left out where that is NULL; one with a number.
 */
extern void LinePutName(Line *line, const char *name);
extern void LinePutMember(Line *line, const char *name, const char *value);
extern void LinePutNumber(Line *line, const char *name, uint64 value);

/* The details of an event, which then fit into `size` bytes. True: they were cut. */
extern bool LineOfDetails(const SecurityEvent *event, char *text, size_t size);

/* A line of the server log. Why it is there and not where it belongs, or NULL. */
extern void LineLog(const EventRecord *record, const char *why);

#endif

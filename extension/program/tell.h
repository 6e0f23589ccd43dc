/*
 * tell.h
 *		Findings, and what keeps from finding any.
 */
#ifndef TAROT_PROGRAM_TELL_H
#define TAROT_PROGRAM_TELL_H

#include <stdint.h>
#include <stdlib.h>

#include "crypto/status.h"

/* The exit status after trouble(). */
#define TELL_TROUBLE 2

/* How often found() was called. */
extern uint64_t tell_findings;

/* A line on standard output. */
extern void found(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line on standard error, and the end. */
extern void trouble(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Memory that is there. */
extern void *must(void *memory);

/* Nothing can be told without the library. */
extern void require(CryptoStatus status);

#define LIST(type)          \
	struct                  \
	{                       \
		type *items;        \
		size_t count, room; \
	}

/* Room for one more, at list.items[list.count++]. */
#define LIST_GROW(list)                                \
	((list).count < (list).room                        \
		 ? (void) 0                                    \
		 : (void) ((list).room = 2 * (list).room + 16, \
				   (list).items =                      \
					   must(realloc((list).items, (list).room * sizeof(*(list).items)))))

#endif

/*
 * reveal.h
 *		On record: who was shown values of classes that ask for a purpose, or
 *		by break-glass. And whether there was plaintext here at all.
 */
#ifndef TAROT_CLASS_REVEAL_H
#define TAROT_CLASS_REVEAL_H

#include "base/compat.h"
#include "class/access.h"

/*
 * For who shows values: whether what ClassAccessOf found lets the values
 * themselves be seen, of which that then is noted. Raises where only a purpose
 * is missing, and with a hint that tells it.
 */
extern bool ClassReveal(int32 class_id, ReadAccess read);

/* Raises that. */
pg_noreturn extern void ClassRefuseUnstated(int32 class_id);

/*
 * Whether plaintext has been at the gate in this transaction, or this statement
 * of the client's: then what the server logs of it needs care.
 */
extern bool RevealSawPlaintext(void);
extern void RevealNotePlaintext(void);

/* A line of the server log, whoever is the client: `event`, and JSON. */
extern void RevealLog(const char *event, const char *json);

/* A statement of the client begins. */
extern void RevealNextStatement(void);

extern void RevealInit(void);

#endif

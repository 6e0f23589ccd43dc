/*
 * client.h
 *		What clients get to see: base types in place of encrypted ones.
 */
#ifndef TAROT_CLIENT_CLIENT_H
#define TAROT_CLIENT_CLIENT_H

#include "nodes/parsenodes.h"

/*
 * Lets a statement of the client's return base types in place of encrypted
 * ones, so that any driver knows them: casts what is on top of its result. The
 * settings of the session may say otherwise.
 */
extern void ClientCastResult(Query *query);

/* Whether these are the columns of a result of which one was cast for the client; its name, or
 * NULL. */
extern const char *ClientFindCast(List *targets);

extern void ClientInit(void);

#endif

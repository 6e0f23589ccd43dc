/*
 * statement.h
 *		What is on record of a client's statement. The workers of a parallel query
 *		share it with their leader.
 */
#ifndef TAROT_EVENTS_STATEMENT_H
#define TAROT_EVENTS_STATEMENT_H

#include "datatype/timestamp.h"

#include "crypto/hash.h"

/*
 * Whether it is new, by its hash, to the statement that began then; from now on it is not. Raises
 * nothing. More than a few in one statement are new to each of its processes.
 */
extern bool StatementNote(TimestampTz statement, const uint8 digest[HASH_SIZE]);

/* It could not be put on record, and will be new again. */
extern void StatementForget(TimestampTz statement, const uint8 digest[HASH_SIZE]);

/* Grows with every statement of the client that runs; those that fail before have times of their
 * own. */
extern uint64 StatementNumber;

/* A statement of the client begins. */
extern void StatementBegin(void);

/* A number that nobody can guess: the same in all processes. */
extern uint64 StatementSeed(void);

extern void StatementShmemRequest(void);
extern void StatementShmemStartup(void);

#endif

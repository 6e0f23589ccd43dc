/*
 * seal.h
 *		The hash tree over the audit log.
 */
#ifndef TAROT_SEAL_SEAL_H
#define TAROT_SEAL_SEAL_H

/*
 * Seals what has been committed, and signs the last checkpoint; the result is how many entries. In
 * a transaction that has not written. `complete`: reads all of the log.
 */
extern int64 SealLog(bool complete);

/* Until the transaction ends nobody else seals, or drops what was sealed. */
extern void SealLock(void);

/* True: this transaction is the one that seals now. SealLog() waits for that. */
extern bool SealTryLock(void);

extern void SealInit(void);

#endif

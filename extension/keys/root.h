/*
 * root.h
 *		The root keys of the server: in shared memory while it is unlocked, and
 *		nowhere in the database.
 */
#ifndef TAROT_KEYS_ROOT_H
#define TAROT_KEYS_ROOT_H

#include "base/compat.h"
#include "crypto/status.h"
#include "crypto/xaes.h"
#include "keys/provider.h"

extern void RootKeyShmemRequest(void);

/* Tests the crypto libraries, then tries the provider: never fails, at worst stays locked. */
extern void RootKeyShmemStartup(void);

/*
 * Grows with every lock and unlock. Whatever a backend unwrapped under another
 * generation must not be used any more.
 */
extern uint64 RootKeyGeneration(void);

/*
 * Raises when a known-answer test failed at the start. Whatever computes
 * something that will be stored asks before; what needs a key does so by asking
 * for the root key.
 */
extern void CryptoRequire(void);

/* Raises unless crypto works and the server is unlocked. */
extern void RootKeyRequire(void);

/* The fingerprint of the current root key, to wrap new keys with. */
extern void RootKeyCurrent(uint8 fingerprint[ROOT_KEY_FINGERPRINT_SIZE]);

/* The fingerprints of all root keys, the current one first; 0 while locked. */
extern int RootKeyFingerprints(uint8 fingerprints[ROOT_KEYS_MAX][ROOT_KEY_FINGERPRINT_SIZE]);

/*
 * The key that wraps data keys under the root key of this fingerprint. Raises
 * when the server is locked or has another root key. Free it with xaes_free.
 */
extern XaesKey *RootKeyWrapping(const uint8 fingerprint[ROOT_KEY_FINGERPRINT_SIZE]);

/*
 * Adds a root key to the generated file, and makes it the current one; does
 * nothing with the other providers, which the administrator feeds. For the
 * first key of a database, one that another database left there is taken.
 */
extern void RootKeyGenerate(bool for_first_key);

/*
 * Asks the provider again. With a fingerprint: refuses keys that lack it.
 * Without, a generated file that is not there yet is no error. What
 * tarot.lock() locked, meanwhile too, stays so unless it is to be opened.
 */
extern void RootKeyUnlock(const uint8 *fingerprint, bool open_locked);

/* Forgets the root keys, in all sessions. */
extern void RootKeyLock(void);

extern bool RootKeyIsUnlocked(void);

/* Why the server is locked, for people; empty when it is not known. */
extern void RootKeyProblem(char problem[PROBLEM_SIZE]);

/* Turns what crypto/ answered into an error. */
pg_noreturn extern void CryptoRaise(CryptoStatus status);

/* The same, unless it is CRYPTO_OK. */
static inline void
CryptoCheck(CryptoStatus status)
{
	if (unlikely(status != CRYPTO_OK))
		CryptoRaise(status);
}

#endif

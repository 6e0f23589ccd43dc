/*
 * random.h
 *		Random bytes from the kernel, drawn in batches.
 */
#ifndef TAROT_CRYPTO_RANDOM_H
#define TAROT_CRYPTO_RANDOM_H

#include <stddef.h>

/*
 * Fills `out`. One system call costs about as much as sealing a short value,
 * hence the pool behind it; what has been handed out is wiped from the pool,
 * and a forked child never continues its parent's. Does not fail: where the
 * kernel gives no randomness, libsodium ends the process rather than go on.
 */
extern void random_bytes(void *out, size_t size);

#endif

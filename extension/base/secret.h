/*
 * secret.h
 *		Memory for keys: guarded, locked where the system allows it, left out
 *		of core dumps, wiped before it is given back.
 *
 * No server headers: what includes this also links into fuzzers and tools.
 */
#ifndef TAROT_BASE_SECRET_H
#define TAROT_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* Zero-filled, aligned to 64 bytes; NULL when the system has no more. */
extern void *secret_alloc(size_t size);

/* Wipes and releases; NULL is allowed. */
extern void secret_free(void *secret);

/* Overwrites in a way that no optimizer removes. */
extern void secret_wipe(void *memory, size_t size);

/* Compares in a time that depends on the size alone. */
extern bool secret_equal(const void *a, const void *b, size_t size);

#endif

/*
 * binding.h
 *		What ties an envelope to one row of one column of one table.
 */
#ifndef TAROT_CRYPTO_BINDING_H
#define TAROT_CRYPTO_BINDING_H

#include "base/bytes.h"
#include "crypto/envelope.h"
#include "crypto/status.h"

/* Random, chosen once for a column: by it equal rows of two tables have two bindings. */
#define BINDING_ID_SIZE 16

/* As many items as an index may have columns. */
#define BINDING_ITEMS_MAX 32

/*
 * The items name the row, in a stable form. No key: the envelope's header
 * is authenticated, so only who can seal can put a binding there, and a hash
 * that needs no key can also be checked while the server is locked.
 */
extern CryptoStatus binding_compute(const uint8_t id[BINDING_ID_SIZE], const Bytes *items,
									int nitems, uint8_t out[ENVELOPE_BINDING_SIZE]);

#endif

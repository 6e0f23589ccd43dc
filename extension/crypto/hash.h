/*
 * hash.h
 *		SHA-256 (FIPS 180-4), HMAC-SHA-256 (RFC 2104), HKDF-SHA-256 (RFC 5869).
 */
#ifndef TAROT_CRYPTO_HASH_H
#define TAROT_CRYPTO_HASH_H

#include "base/bytes.h"
#include "crypto/status.h"

#define HASH_SIZE 32

extern CryptoStatus hash_sha256(Bytes message, uint8_t out[HASH_SIZE]);

/*
 * Of the prefix, and behind it the list of these items as crypto/encoding.h
 * writes it, which need not be made for that.
 */
extern CryptoStatus hash_list(Bytes prefix, const Bytes *items, int count, uint8_t out[HASH_SIZE]);

/* Of bytes behind one byte. */
extern CryptoStatus hash_behind(uint8_t prefix, Bytes message, uint8_t out[HASH_SIZE]);

/* Of two hashes behind one byte: a node of a hash tree. */
extern CryptoStatus hash_pair(uint8_t prefix, const uint8_t left[HASH_SIZE],
							  const uint8_t right[HASH_SIZE], uint8_t out[HASH_SIZE]);

/* A key made ready once, for many messages. */
typedef struct Hmac Hmac;

extern Hmac *hmac_create(Bytes key);
extern void hmac_free(Hmac *hmac);

/* The authentication code of the parts, one after the other. */
extern CryptoStatus
hmac_compute(Hmac *hmac, const Bytes *parts, int nparts, uint8_t out[HASH_SIZE]);

/* RFC 5869, extract and expand; at most 255 * 32 bytes. */
extern CryptoStatus hkdf_sha256(Bytes key, Bytes salt, Bytes info, uint8_t *out, size_t size);

#endif

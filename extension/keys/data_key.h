/*
 * data_key.h
 *		Data keys themselves: wrapped by the root key, and what is derived from
 *		them. Unwrapped they are for a moment, and in secret memory.
 */
#ifndef TAROT_KEYS_DATA_KEY_H
#define TAROT_KEYS_DATA_KEY_H

#include "keys/key_row.h"

#define DATA_KEY_SIZE XAES_KEY_SIZE

/*
 * Wraps a data key under the root key of this fingerprint, and back: what is
 * unwrapped must lie in secret memory.
 */
extern bytea *DataKeyWrap(const uint8 *ring_id, const uint8 *fingerprint, uint32 key_id,
						  uint32 version, const uint8 data_key[DATA_KEY_SIZE]);
extern void DataKeyUnwrap(const uint8 *ring_id, const uint8 *fingerprint, uint32 key_id,
						  uint32 version, const bytea *wrapped, uint8 data_key[DATA_KEY_SIZE]);

/* SHA-256 of a wrapped key: tells it from another of the same number. */
extern void DataKeyDigest(const bytea *wrapped, uint8 digest[HASH_SIZE]);

/*
 * Derives from a version's data key, which is in memory for this long only.
 * `digest`, unless it is NULL, gets that of the wrapped key.
 */
extern void
DataKeyDerive(const DataKeyName *name, Bytes info, uint8_t *out, size_t size, uint8 *digest);

#endif
